// The attraction of t-SNE and its divergence. With q_ij = 1 / (1 + |y_i - y_j|^2), Z = sum of all q, and P scaled by n:
// n grad_i = exaggeration * sum_j (n p_ij) q_ij (y_i - y_j) - (n / Z) sum_j q_ij^2 (y_i - y_j)

struct AttractionParams {
    n: u32,
    n_components: u32,
    // Range of entries first .. first + most of each row; earlier ones are already in the result.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> attraction_params: AttractionParams;
// n x 2 or n x 3.
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> row_starts: array<u32>;
@group(0) @binding(3) var<storage, read> columns: array<u32>;
@group(0) @binding(4) var<storage, read> affinities: array<f32>;
@group(0) @binding(5) var<storage, read_write> attractions: array<f32>;
// The same points, for embeddings in two dimensions.
@group(0) @binding(7) var<storage, read> flat_points: array<vec2<f32>>;

const THREADS: u32 = 64u;
// The smallest normal number: some devices treat smaller ones as 0 in a logarithm.
const LEAST: f32 = 1.1754944e-38;
// Number of threads of one row, which share its entries: they read neighbouring ones at a time, and
// a long row does not make all wait.
const LANES: u32 = 16u;

var<workgroup> partial: array<vec3<f32>, THREADS>;

// Coordinates of a point; the third one in two dimensions is 0.
fn point_of(i: u32, n_components: u32) -> vec3<f32> {
    if n_components == 2u {
        return vec3<f32>(flat_points[i], 0.0);
    }
    let at = 3u * i;
    return vec3<f32>(points[at], points[at + 1u], points[at + 2u]);
}

// Range of entries of a row in this dispatch; empty beyond the last row, and for a row that is
// done.
fn entries_of(i: u32, n: u32, first: u32, most: u32) -> vec2<u32> {
    if i >= n {
        return vec2<u32>(0u);
    }
    let row_start = row_starts[i];
    let length = row_starts[i + 1u] - row_start;
    return row_start + min(vec2<u32>(length), vec2<u32>(first, first + most));
}

// Sixteen threads a row of the symmetric affinities.
@compute @workgroup_size(64)
fn attraction(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % LANES;
    let i = workgroup_number(group_id, group_count) * (THREADS / LANES) + thread / LANES;
    let first = attraction_params.first;
    let n_components = attraction_params.n_components;
    let entries = entries_of(i, attraction_params.n, first, attraction_params.most);
    var force = vec3<f32>(0.0);
    if entries.x < entries.y {
        let point = point_of(i, n_components);
        for (var e = entries.x + lane; e < entries.y; e += LANES) {
            let difference = point - point_of(columns[e], n_components);
            force += affinities[e] / (1.0 + dot(difference, difference)) * difference;
        }
    }
    partial[thread] = force;
    workgroupBarrier();
    // One lane an axis, always in the same order.
    if i < attraction_params.n && lane < n_components && (first == 0u || entries.x < entries.y) {
        var sum = 0.0;
        for (var other = 0u; other < LANES; other++) {
            sum += partial[thread - lane + other][lane];
        }
        let at = i * n_components + lane;
        if first > 0u {
            sum += attractions[at];
        }
        attractions[at] = sum;
    }
}

struct DivergenceParams {
    n: u32,
    n_components: u32,
    // As for the attraction.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> divergence_params: DivergenceParams;
@group(0) @binding(5) var<storage, read> q_total: array<f32>;
@group(0) @binding(6) var<storage, read_write> divergences: array<f32>;

var<workgroup> shares: array<f32, THREADS>;

// Each row's share of KL(P || Q) = sum p log(p / q), where p = affinity / n and q = q_ij / Z: sixteen threads a row.
@compute @workgroup_size(64)
fn kl_divergence(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % LANES;
    let i = workgroup_number(group_id, group_count) * (THREADS / LANES) + thread / LANES;
    let first = divergence_params.first;
    let n_components = divergence_params.n_components;
    let entries = entries_of(i, divergence_params.n, first, divergence_params.most);
    let scale = 1.0 / f32(divergence_params.n);
    let log_total = log(q_total[0]);
    var share = 0.0;
    if entries.x < entries.y {
        let point = point_of(i, n_components);
        for (var e = entries.x + lane; e < entries.y; e += LANES) {
            let p = affinities[e] * scale;
            if p >= LEAST {
                let difference = point - point_of(columns[e], n_components);
                share += p * (log(p * (1.0 + dot(difference, difference))) + log_total);
            }
        }
    }
    shares[thread] = share;
    workgroupBarrier();
    if i < divergence_params.n && lane == 0u && (first == 0u || entries.x < entries.y) {
        var sum = 0.0;
        for (var other = 0u; other < LANES; other++) {
            sum += shares[thread + other];
        }
        if first > 0u {
            sum += divergences[i];
        }
        divergences[i] = sum;
    }
}
