// Convolution of a real density with a radial kernel by Fourier transforms that keep one row in
// workgroup memory.

struct FourierParams {
    // G: nodes of the density along an axis, and M: length of the transforms.
    nodes: u32,
    size: u32,
    // Value of one step of the fixed point.
    unit: f32,
    // Number of rows that one workgroup transforms side by side: as many as fill its memory, so
    // that few threads idle and there are few barriers for each row.
    together: u32,
}

@group(0) @binding(0) var<uniform> params: FourierParams;
// G x G.
@group(0) @binding(1) var<storage, read_write> density: array<u32>;
// exp(-2 pi i k / M), k < M.
@group(0) @binding(2) var<storage, read> twiddles: array<vec2<f32>>;
// (M / 2 + 1) x G: the waves of one row form a column.
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
// Last in the first entry, the part of the points' own potentials in the normaliser; first in the
// second, the level.
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

// i / n for a power of two.
fn quotient(i: u32, n: u32) -> u32 {
    return i >> firstTrailingBit(n);
}

// Twiddle factor of index `at` modulo M; `direction` is 1 for the forward transform and -1 for the
// inverse.
fn twiddle(at: u32, direction: f32) -> vec2<f32> {
    let factor = twiddles[at & (params.size - 1u)];
    return vec2<f32>(factor.x, direction * factor.y);
}

// Stockham's transform of the rows in workgroup memory, in order; every step reads everything
// before it writes.
fn transform(thread: u32, direction: f32) {
    let size = params.size;
    let together = params.together;
    let quarter = size / 4u;
    var done = 1u;
    for (; done * 4u <= size; done *= 4u) {
        // A thread has at most two butterflies.
        var values: array<array<vec2<f32>, 4>, 2>;
        for (var turn = 0u; turn < 2u; turn++) {
            let j = thread + turn * THREADS;
            if j < together * quarter {
                let inner = j & (quarter - 1u);
                let start = quotient(j, quarter) * size + inner;
                let at = (inner & (done - 1u)) * (quarter / done);
                let a = load(start);
                let b = multiplied(load(start + quarter), twiddle(at, direction));
                let c = multiplied(load(start + 2u * quarter), twiddle(2u * at, direction));
                let d = multiplied(load(start + 3u * quarter), twiddle(3u * at, direction));
                let sum = b + d;
                // Times -i forward, times i inverse.
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
            if j < together * quarter {
                let inner = j & (quarter - 1u);
                let within = inner & (done - 1u);
                let at = quotient(j, quarter) * size + (inner - within) * 4u + within;
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
            if j < together * half {
                let inner = j & (half - 1u);
                let start = quotient(j, half) * size + inner;
                let a = load(start);
                let b = multiplied(load(start + half), twiddle(inner, direction));
                values[turn][0] = a + b;
                values[turn][1] = a - b;
            }
        }
        workgroupBarrier();
        for (var turn = 0u; turn < 4u; turn++) {
            let j = thread + turn * THREADS;
            if j < together * half {
                let to = quotient(j, half) * size + (j & (half - 1u));
                store(to, values[turn][0]);
                store(to + half, values[turn][1]);
            }
        }
        workgroupBarrier();
    }
}

// A workgroup transforms pairs of rows, as the real and the imaginary part of one, and clears them.
@compute @workgroup_size(256)
fn transform_rows(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let size = params.size;
    let together = params.together;
    let first_pair = workgroup_number(group_id, group_count) * together;
    if 2u * first_pair >= params.nodes {
        return;
    }
    for (var at = thread; at < together * size; at += THREADS) {
        let first_row = 2u * (first_pair + quotient(at, size));
        let node = at & (size - 1u);
        var value = vec2<f32>(0.0);
        if node < params.nodes && first_row < params.nodes {
            let first = first_row * params.nodes + node;
            let second = first + params.nodes;
            value = params.unit * vec2<f32>(f32(density[first]), f32(density[second]));
            density[first] = 0u;
            density[second] = 0u;
        }
        store(at, value);
    }
    workgroupBarrier();
    transform(thread, 1.0);
    let n_waves = size / 2u + 1u;
    for (var at = thread; at < together * n_waves; at += THREADS) {
        let place = at / n_waves;
        let wave = at - place * n_waves;
        let first_row = 2u * (first_pair + place);
        if first_row < params.nodes {
            // A real row's waves are symmetric: the two rows come apart as the symmetric and the antisymmetric part.
            let here = load(place * size + wave);
            let mirrored = load(place * size + ((size - wave) & (size - 1u)));
            let symmetric = 0.5 * vec2<f32>(here.x + mirrored.x, here.y - mirrored.y);
            let antisymmetric = 0.5 * vec2<f32>(here.y + mirrored.y, mirrored.x - here.x);
            row_waves[wave * params.nodes + first_row] = symmetric;
            row_waves[wave * params.nodes + first_row + 1u] = antisymmetric;
        }
    }
}

// A workgroup transforms columns, weights them for both components of the force and transforms both
// back.
@compute @workgroup_size(256)
fn convolve_columns(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let size = params.size;
    let half = size / 2u;
    let n_waves = half + 1u;
    let together = params.together;
    let first_column = workgroup_number(group_id, group_count) * together;
    if first_column >= n_waves {
        return;
    }
    for (var at = thread; at < together * size; at += THREADS) {
        let column = first_column + quotient(at, size);
        let node = at & (size - 1u);
        var value = vec2<f32>(0.0);
        if node < params.nodes && column < n_waves {
            value = waves[column * params.nodes + node];
        }
        store(at, value);
    }
    workgroupBarrier();
    transform(thread, 1.0);
    let level = u32(frame[1].x);
    // Kept for the second component, and for the potential; a thread has at most eight values.
    var kept: array<vec2<f32>, 8>;
    var potential: array<f32, 8>;
    for (var turn = 0u; turn < 8u; turn++) {
        let at = thread + turn * THREADS;
        let column = first_column + quotient(at, size);
        if at < together * size && column < n_waves {
            let weight = weights[(level * n_waves + column) * size + (at & (size - 1u))];
            let wave = load(at);
            potential[turn] = dot(wave, wave) * weight.z;
            kept[turn] = weight.y * vec2<f32>(-wave.y, wave.x);
            store(at, weight.x * vec2<f32>(-wave.y, wave.x));
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    var in_x: array<vec2<f32>, 4>;
    for (var turn = 0u; turn < 4u; turn++) {
        let at = thread + turn * THREADS;
        if at < together * half {
            in_x[turn] = load(quotient(at, half) * size + (at & (half - 1u)));
        }
    }
    workgroupBarrier();
    for (var turn = 0u; turn < 8u; turn++) {
        let at = thread + turn * THREADS;
        if at < together * size {
            store(at, kept[turn]);
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    for (var turn = 0u; turn < 4u; turn++) {
        let at = thread + turn * THREADS;
        let column = first_column + quotient(at, half);
        let row = at & (half - 1u);
        if at < together * half && column < n_waves && row < params.nodes {
            column_forces[row * n_waves + column] = vec4<f32>(in_x[turn], load(quotient(at, half) * size + row));
        }
    }
    workgroupBarrier();
    for (var turn = 0u; turn < 8u; turn++) {
        let at = thread + turn * THREADS;
        if at < together * size {
            real[at] = potential[turn];
        }
    }
    workgroupBarrier();
    for (var left = half; left > 0u; left /= 2u) {
        for (var at = thread; at < together * left; at += THREADS) {
            let to = quotient(at, left) * size + (at & (left - 1u));
            real[to] += real[to + left];
        }
        workgroupBarrier();
    }
    if thread < together && first_column + thread < n_waves {
        potentials[first_column + thread] = real[thread * size];
    }
    if thread == 0u && first_column == 0u {
        potentials[n_waves] = frame[0].w;
    }
}

// A workgroup transforms rows of both components back, as the real and the imaginary part of one.
@compute @workgroup_size(256)
fn restore_rows(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let size = params.size;
    let half = size / 2u;
    let together = params.together;
    let first_row = workgroup_number(group_id, group_count) * together;
    if first_row >= params.nodes {
        return;
    }
    for (var at = thread; at < together * (half + 1u); at += THREADS) {
        let place = at / (half + 1u);
        let wave = at - place * (half + 1u);
        var pair = vec4<f32>(0.0);
        if first_row + place < params.nodes {
            pair = forces[(first_row + place) * (half + 1u) + wave];
        }
        store(place * size + wave, vec2<f32>(pair.x - pair.w, pair.y + pair.z));
        if wave > 0u && wave < half {
            store((place + 1u) * size - wave, vec2<f32>(pair.x + pair.w, pair.z - pair.y));
        }
    }
    workgroupBarrier();
    transform(thread, -1.0);
    for (var at = thread; at < together * size; at += THREADS) {
        let row = first_row + quotient(at, size);
        let node = at & (size - 1u);
        if row < params.nodes && node < params.nodes {
            field[row * params.nodes + node] = load(at);
        }
    }
}
