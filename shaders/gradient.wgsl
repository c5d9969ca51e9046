// The t-SNE gradient and its optimiser. With q_ij = 1 / (1 + |y_i - y_j|^2), Z = sum of all q, and P scaled by n:
//     n grad_i = exaggeration * sum_j (n p_ij) q_ij (y_i - y_j) - (n / Z) sum_j q_ij^2 (y_i - y_j)

struct RepulsionParams {
    first: u32,
    n_rows: u32,
    n: u32,
}

@group(0) @binding(0) var<uniform> repulsion_params: RepulsionParams;
@group(0) @binding(1) var<storage, read> points: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read_write> repulsions: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read_write> q_sums: array<f32>;

const REPULSION_THREADS: u32 = 256u;

var<workgroup> others: array<vec2<f32>, REPULSION_THREADS>;

// One point a thread against all others, which pass through workgroup memory in tiles. Sums within a tile are kept apart from
// the total, which keeps the rounding error of n additions small.
@compute @workgroup_size(256)
fn repulsion(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let offset = workgroup_number(group_id, group_count) * REPULSION_THREADS + thread;
    let i = repulsion_params.first + offset;
    let n = repulsion_params.n;
    var point = vec2<f32>(0.0);
    if i < n {
        point = points[i];
    }
    var force = vec2<f32>(0.0);
    var q_sum = 0.0;
    for (var first = 0u; first < n; first += REPULSION_THREADS) {
        if first + thread < n {
            others[thread] = points[first + thread];
        }
        workgroupBarrier();
        var tile_force = vec2<f32>(0.0);
        var tile_sum = 0.0;
        for (var j = 0u; j < min(REPULSION_THREADS, n - first); j++) {
            let difference = point - others[j];
            let q = 1.0 / (1.0 + dot(difference, difference));
            tile_sum += q;
            tile_force += q * q * difference;
        }
        force += tile_force;
        q_sum += tile_sum;
        workgroupBarrier();
    }
    if offset < repulsion_params.n_rows && i < n {
        repulsions[i] = force;
        // The point itself was counted with q = 1.
        q_sums[i] = q_sum - 1.0;
    }
}

struct AttractionParams {
    n: u32,
}

@group(0) @binding(0) var<uniform> attraction_params: AttractionParams;
@group(0) @binding(2) var<storage, read> row_starts: array<u32>;
@group(0) @binding(3) var<storage, read> columns: array<u32>;
@group(0) @binding(4) var<storage, read> affinities: array<f32>;
@group(0) @binding(5) var<storage, read_write> attractions: array<vec2<f32>>;

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
    let point = points[i];
    var force = vec2<f32>(0.0);
    for (var e = row_starts[i]; e < row_starts[i + 1u]; e++) {
        let difference = point - points[columns[e]];
        force += affinities[e] / (1.0 + dot(difference, difference)) * difference;
    }
    attractions[i] = force;
}

struct DivergenceParams {
    n: u32,
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
    let scale = 1.0 / f32(divergence_params.n);
    let log_total = log(q_total[0]);
    let point = points[i];
    var sum = 0.0;
    for (var e = row_starts[i]; e < row_starts[i + 1u]; e++) {
        let p = affinities[e] * scale;
        if p > 0.0 {
            let difference = point - points[columns[e]];
            sum += p * (log(p) + log(1.0 + dot(difference, difference)) + log_total);
        }
    }
    divergences[i] = sum;
}

struct StepParams {
    n: u32,
    exaggeration: f32,
    // Learning rate over n: the forces are scaled by n.
    rate: f32,
    momentum: f32,
    max_step_norm: f32,
}

@group(0) @binding(0) var<uniform> step_params: StepParams;
@group(0) @binding(1) var<storage, read> step_attractions: array<vec2<f32>>;
@group(0) @binding(2) var<storage, read> step_repulsions: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> step_q_total: array<f32>;
// Update in x, y and gain in z, w.
@group(0) @binding(4) var<storage, read_write> states: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> moved: array<vec2<f32>>;

fn new_gain(gain: f32, update: f32, gradient: f32) -> f32 {
    // The update points downhill: unlike signs mean that the two agree.
    return max(select(gain * 0.8, gain + 0.2, sign(update) != sign(gradient)), 0.01);
}

// Gradient descent with momentum, one gain a coordinate (Jacobs 1988) and a longest step.
@compute @workgroup_size(64)
fn descend(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= step_params.n {
        return;
    }
    let repulsive = f32(step_params.n) / step_q_total[0];
    let gradient = step_params.exaggeration * step_attractions[i] - repulsive * step_repulsions[i];
    let state = states[i];
    let gain = vec2<f32>(new_gain(state.z, state.x, gradient.x), new_gain(state.w, state.y, gradient.y));
    var update = step_params.momentum * state.xy - step_params.rate * gain * gradient;
    let length_squared = dot(update, update);
    let longest = step_params.max_step_norm;
    if length_squared > longest * longest {
        update *= longest / sqrt(length_squared);
    }
    states[i] = vec4<f32>(update, gain);
    moved[i] += update;
}
