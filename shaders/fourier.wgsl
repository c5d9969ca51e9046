// Convolution of a real density with a radial kernel by transforms that keep one row in workgroup memory.

struct FourierParams {
    // Nodes of the density along an axis, G, and length of the transforms, M.
    nodes: u32,
    size: u32,
    // What one step of the fixed point stands for.
    unit: f32,
}

@group(0) @binding(0) var<uniform> params: FourierParams;
// G x G.
@group(0) @binding(1) var<storage, read_write> density: array<u32>;
// exp(-2 pi i k / M), k < M.
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<f32>>;
// (M / 2 + 1) x G: the waves of one row stand in one column.
@group(0) @binding(3) var<storage, read_write> row_waves: array<vec2<f32>>;
@group(0) @binding(4) var<storage, read> waves: array<vec2<f32>>;
// Levels x (M / 2 + 1) x M: spectra of the force in x and y, divided by i, and of the potential.
@group(0) @binding(5) var<storage, read> weights: array<vec4<f32>>;
// G x (M / 2 + 1): waves of the force in x and y.
@group(0) @binding(6) var<storage, read_write> column_forces: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> potentials: array<f32>;
@group(0) @binding(8) var<storage, read> forces: array<vec4<f32>>;
// G x G.
@group(0) @binding(9) var<storage, read_write> field: array<vec2<f32>>;
// What the points' own potentials take off the normaliser, last in the first entry; the level, first in the second.
@group(0) @binding(10) var<storage, read> frame: array<vec4<f32>>;

const THREADS: u32 = 256u;
// Largest M; a row of as many complex numbers has 16 KiB.
const MOST: u32 = 2048u;

var<workgroup> real: array<f32, MOST>;
var<workgroup> imaginary: array<f32, MOST>;

fn load(at: u32) -> vec2<f32> {
    return vec2<f32>(real[at], imaginary[at]);
}

fn store(at: u32, value: vec2<f32>) {
    real[at] = value.x;
    imaginary[at] = value.y;
}

fn multiplied(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
    return vec2<f32>(a.x * b.x - a.y * b.y, a.x * b.y + a.y * b.x);
}

// The twiddle factor of index `at` modulo M; `direction` is 1 there and -1 back.
fn twiddle(at: u32, direction: f32) -> vec2<f32> {
    let factor = twiddles[at & (params.size - 1u)];
    return vec2<f32>(factor.x, direction * factor.y);
}

// Stockham's transform of the row in workgroup memory, in order; every step reads all before it writes.
fn transform(thread: u32, direction: f32) {
    let size = params.size;
    let quarter = size / 4u;
    var done = 1u;
    for (; done * 4u <= size; done *= 4u) {
        // A thread has two butterflies at most, for M = 2048.
        var values: array<array<vec2<f32>, 4>, 2>;
        for (var turn = 0u; turn < 2u; turn++) {
            let j = thread + turn * THREADS;
            if j < quarter {
                let at = (j & (done - 1u)) * (quarter / done);
                let a = load(j);
                let b = multiplied(load(j + quarter), twiddle(at, direction));
                let c = multiplied(load(j + 2u * quarter), twiddle(2u * at, direction));
                let d = multiplied(load(j + 3u * quarter), twiddle(3u * at, direction));
                let sum = b + d;
                // Times -i there, times i back.
                let difference = direction * vec2<f32>(b.y - d.y, d.x - b.x);
                values[turn][0] = a + c + sum;
                values[turn][1] = a - c + difference;
                values[turn][2] = a + c - sum;
                values[turn][3] = a - c - difference;
            }
        }
        workgroupBarrier();
        for (var turn = 0u; turn < 2u; turn++) {
            let j = thread + turn * THREADS;
            if j < quarter {
                let within = j & (done - 1u);
                let at = (j - within) * 4u + within;
                store(at, values[turn][0]);
                store(at + done, values[turn][1]);
                store(at + 2u * done, values[turn][2]);
                store(at + 3u * done, values[turn][3]);
            }
        }
        workgroupBarrier();
    }
    if done < size {
        let half = size / 2u;
        var values: array<array<vec2<f32>, 2>, 4>;
        for (var turn = 0u; turn < 4u; turn++) {
            let j = thread + turn * THREADS;
            if j < half {
                let a = load(j);
                let b = multiplied(load(j + half), twiddle(j, direction));
                values[turn][0] = a + b;
                values[turn][1] = a - b;
            }
        }
        workgroupBarrier();
        for (var turn = 0u; turn < 4u; turn++) {
            let j = thread + turn * THREADS;
            if j < half {
                store(j, values[turn][0]);
                store(j + half, values[turn][1]);
            }
        }
        workgroupBarrier();
    }
}

// One workgroup transforms two rows at once, as the real and the imaginary part of one, and leaves them empty.
@compute @workgroup_size(256)
fn transform_rows(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pair = workgroup_number(group_id, group_count);
    if 2u * pair >= params.nodes {
        return;
    }
    let first = 2u * pair * params.nodes;
    for (var at = thread; at < params.size; at += THREADS) {
        var value = vec2<f32>(0.0);
        if at < params.nodes {
            let second = first + params.nodes + at;
            value = params.unit * vec2<f32>(f32(density[first + at]), f32(density[second]));
            density[first + at] = 0u;
            density[second] = 0u;
        }
        store(at, value);
    }
    workgroupBarrier();
    transform(thread, 1.0);
    for (var wave = thread; wave <= params.size / 2u; wave += THREADS) {
        // A real row's waves are symmetric: the two rows come apart as the symmetric and the antisymmetric part.
        let here = load(wave);
        let mirrored = load((params.size - wave) & (params.size - 1u));
        let symmetric = 0.5 * vec2<f32>(here.x + mirrored.x, here.y - mirrored.y);
        let antisymmetric = 0.5 * vec2<f32>(here.y + mirrored.y, mirrored.x - here.x);
        row_waves[wave * params.nodes + 2u * pair] = symmetric;
        row_waves[wave * params.nodes + 2u * pair + 1u] = antisymmetric;
    }
}

// One workgroup transforms a column, weights it for both components of the force and transforms both back.
@compute @workgroup_size(256)
fn convolve_columns(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let column = workgroup_number(group_id, group_count);
    let n_waves = params.size / 2u + 1u;
    if column >= n_waves {
        return;
    }
    for (var at = thread; at < params.size; at += THREADS) {
        var value = vec2<f32>(0.0);
        if at < params.nodes {
            value = waves[column * params.nodes + at];
        }
        store(at, value);
    }
    workgroupBarrier();
    transform(thread, 1.0);
    let level = u32(frame[1].x);
    // Kept for the second component; a thread has eight values at most.
    var kept: array<vec2<f32>, 8>;
    var potential = 0.0;
    for (var turn = 0u; turn < 8u; turn++) {
        let at = thread + turn * THREADS;
        if at < params.size {
            let weight = weights[(level * n_waves + column) * params.size + at];
            let wave = load(at);
            potential += dot(wave, wave) * weight.z;
            kept[turn] = weight.y * vec2<f32>(-wave.y, wave.x);
            store(at, weight.x * vec2<f32>(-wave.y, wave.x));
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    var in_x: array<vec2<f32>, 4>;
    for (var turn = 0u; turn < 4u; turn++) {
        let row = thread + turn * THREADS;
        if row < params.nodes {
            in_x[turn] = load(row);
        }
    }
    workgroupBarrier();
    for (var turn = 0u; turn < 8u; turn++) {
        let at = thread + turn * THREADS;
        if at < params.size {
            store(at, kept[turn]);
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    for (var turn = 0u; turn < 4u; turn++) {
        let row = thread + turn * THREADS;
        if row < params.nodes {
            column_forces[row * n_waves + column] = vec4<f32>(in_x[turn], load(row));
        }
    }
    workgroupBarrier();
    real[thread] = potential;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            real[thread] += real[thread + half];
        }
        workgroupBarrier();
    }
    if thread == 0u {
        potentials[column] = real[0];
        if column == 0u {
            potentials[n_waves] = frame[0].w;
        }
    }
}

// One workgroup transforms a row of both components back, as the real and the imaginary part of one.
@compute @workgroup_size(256)
fn restore_rows(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = workgroup_number(group_id, group_count);
    if row >= params.nodes {
        return;
    }
    let half = params.size / 2u;
    for (var wave = thread; wave <= half; wave += THREADS) {
        let pair = forces[row * (half + 1u) + wave];
        store(wave, vec2<f32>(pair.x - pair.w, pair.y + pair.z));
        if wave > 0u && wave < half {
            store(params.size - wave, vec2<f32>(pair.x + pair.w, pair.z - pair.y));
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    for (var at = thread; at < params.nodes; at += THREADS) {
        field[row * params.nodes + at] = load(at);
    }
}
