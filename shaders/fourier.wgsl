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
const ROOT_HALF: f32 = 0.70710678;
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

// -i `a` forward, i `a` inverse.
fn turned(a: vec2<f32>, direction: f32) -> vec2<f32> {
    return direction * vec2<f32>(a.y, -a.x);
}

// Transform of four values.
fn of_four(a: vec2<f32>, b: vec2<f32>, c: vec2<f32>, d: vec2<f32>, direction: f32) -> array<vec2<f32>, 4> {
    let even = a + c;
    let even_difference = a - c;
    let odd = b + d;
    let odd_difference = turned(b - d, direction);
    return array<vec2<f32>, 4>(
        even + odd,
        even_difference + odd_difference,
        even - odd,
        even_difference - odd_difference,
    );
}

// Stockham's transform of the rows in workgroup memory, in order, in steps of radix 8 and a last
// one of 4 or 2.
fn transform(thread: u32, direction: f32) {
    var done = 1u;
    for (; done * 8u <= params.size; done *= 8u) {
        step_of_eight(thread, done, direction);
    }
    if done * 4u == params.size {
        step_of_four(thread, done, direction);
    } else if done * 2u == params.size {
        step_of_two(thread, direction);
    }
}

// A step of radix 8 after transforms of length `done`. The memory holds eight values for each thread,
// so that a thread has at most one butterfly; all are read before one is written.
fn step_of_eight(thread: u32, done: u32, direction: f32) {
    let size = params.size;
    let eighth = size / 8u;
    let inner = thread & (eighth - 1u);
    let row = quotient(thread, eighth) * size;
    let within = inner & (done - 1u);
    let has_butterfly = thread < params.together * eighth;
    var even: array<vec2<f32>, 4>;
    var odd: array<vec2<f32>, 4>;
    if has_butterfly {
        let start = row + inner;
        let at = within * (eighth / done);
        // Three factors are read and the others multiplied, instead of seven read.
        let one = twiddle(at, direction);
        let two = twiddle(2u * at, direction);
        let three = twiddle(3u * at, direction);
        let four = multiplied(two, two);
        even = of_four(
            load(start),
            multiplied(load(start + 2u * eighth), two),
            multiplied(load(start + 4u * eighth), four),
            multiplied(load(start + 6u * eighth), multiplied(three, three)),
            direction,
        );
        odd = of_four(
            multiplied(load(start + eighth), one),
            multiplied(load(start + 3u * eighth), three),
            multiplied(load(start + 5u * eighth), multiplied(two, three)),
            multiplied(load(start + 7u * eighth), multiplied(three, four)),
            direction,
        );
        // Turned by an eighth, a quarter and three eighths of a circle.
        odd[1] = ROOT_HALF * (odd[1] + turned(odd[1], direction));
        odd[2] = turned(odd[2], direction);
        odd[3] = ROOT_HALF * (turned(odd[3], direction) - odd[3]);
    }
    workgroupBarrier();
    if has_butterfly {
        let to = row + (inner - within) * 8u + within;
        store(to, even[0] + odd[0]);
        store(to + done, even[1] + odd[1]);
        store(to + 2u * done, even[2] + odd[2]);
        store(to + 3u * done, even[3] + odd[3]);
        store(to + 4u * done, even[0] - odd[0]);
        store(to + 5u * done, even[1] - odd[1]);
        store(to + 6u * done, even[2] - odd[2]);
        store(to + 7u * done, even[3] - odd[3]);
    }
    workgroupBarrier();
}

// The last step of radix 4, whose transforms have a quarter of the size. Each butterfly reads and
// writes the same places.
fn step_of_four(thread: u32, quarter: u32, direction: f32) {
    for (var j = thread; j < params.together * quarter; j += THREADS) {
        let at = j & (quarter - 1u);
        let start = quotient(j, quarter) * params.size + at;
        let values = of_four(
            load(start),
            multiplied(load(start + quarter), twiddle(at, direction)),
            multiplied(load(start + 2u * quarter), twiddle(2u * at, direction)),
            multiplied(load(start + 3u * quarter), twiddle(3u * at, direction)),
            direction,
        );
        store(start, values[0]);
        store(start + quarter, values[1]);
        store(start + 2u * quarter, values[2]);
        store(start + 3u * quarter, values[3]);
    }
    workgroupBarrier();
}

// The last step of radix 2. Each butterfly reads and writes the same places.
fn step_of_two(thread: u32, direction: f32) {
    let half = params.size / 2u;
    for (var j = thread; j < params.together * half; j += THREADS) {
        let at = j & (half - 1u);
        let start = quotient(j, half) * params.size + at;
        let a = load(start);
        let b = multiplied(load(start + half), twiddle(at, direction));
        store(start, a + b);
        store(start + half, a - b);
    }
    workgroupBarrier();
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
    // Eight at a time, which takes few barriers.
    var n = size;
    while n > 1u {
        let left = max(n / 8u, 1u);
        for (var at = thread; at < together * left; at += THREADS) {
            let to = quotient(at, left) * size + (at & (left - 1u));
            var sum = real[to];
            for (var other = left; other < n; other += left) {
                sum += real[to + other];
            }
            real[to] = sum;
        }
        workgroupBarrier();
        n = left;
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
