// The attraction of t-SNE and its divergence. With q_ij = 1 / (1 + |y_i - y_j|^2), Z = sum of all q, and P scaled by n:
// n grad_i = exaggeration * sum_j (n p_ij) q_ij (y_i - y_j) - (n / Z) sum_j q_ij^2 (y_i - y_j)

struct AttractionParams {
    n: u32,
    n_components: u32,
    // Of each row the entries first .. first + most; those before are in what is there already.
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

// A point in space; the third coordinate of a flat map is 0.
fn point_of(i: u32, n_components: u32) -> vec3<f32> {
    let at = i * n_components;
    if n_components == 2u {
        return vec3<f32>(points[at], points[at + 1u], 0.0);
    }
    return vec3<f32>(points[at], points[at + 1u], points[at + 2u]);
}

// One row of the symmetric affinities a thread.
@compute @workgroup_size(64)
fn attraction(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= attraction_params.n {
        return;
    }
    let first = attraction_params.first;
    let row_start = row_starts[i];
    let length = row_starts[i + 1u] - row_start;
    if first > 0u && first >= length {
        return;
    }
    let n_components = attraction_params.n_components;
    let point = point_of(i, n_components);
    var force = vec3<f32>(0.0);
    for (var e = row_start + first; e < row_start + min(length, first + attraction_params.most); e++) {
        let difference = point - point_of(columns[e], n_components);
        force += affinities[e] / (1.0 + dot(difference, difference)) * difference;
    }
    for (var axis = 0u; axis < n_components; axis++) {
        let at = i * n_components + axis;
        attractions[at] = select(0.0, attractions[at], first > 0u) + force[axis];
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

// Each row's share of KL(P || Q) = sum p log(p / q), where p = affinity / n and q = q_ij / Z.
@compute @workgroup_size(64)
fn kl_divergence(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= divergence_params.n {
        return;
    }
    let first = divergence_params.first;
    let row_start = row_starts[i];
    let length = row_starts[i + 1u] - row_start;
    if first > 0u && first >= length {
        return;
    }
    let scale = 1.0 / f32(divergence_params.n);
    let log_total = log(q_total[0]);
    let n_components = divergence_params.n_components;
    let point = point_of(i, n_components);
    var sum = 0.0;
    for (var e = row_start + first; e < row_start + min(length, first + divergence_params.most); e++) {
        let p = affinities[e] * scale;
        if p > 0.0 {
            let difference = point - point_of(columns[e], n_components);
            sum += p * (log(p * (1.0 + dot(difference, difference))) + log_total);
        }
    }
    divergences[i] = select(0.0, divergences[i], first > 0u) + sum;
}
