// One step of new points in a fixed embedding, as in openTSNE's transform.

struct SettleParams {
    n: u32,
    n_neighbors: u32,
    n_components: u32,
}

@group(0) @binding(0) var<uniform> params: SettleParams;
@group(0) @binding(1) var<storage, read> neighbors: array<u32>;
@group(0) @binding(2) var<storage, read> probabilities: array<f32>;
@group(0) @binding(3) var<storage, read> fitted: array<f32>;
@group(0) @binding(4) var<storage, read> pushes: array<f32>;
@group(0) @binding(5) var<storage, read> q_sums: array<f32>;
// Last update and gain of each coordinate.
@group(0) @binding(6) var<storage, read_write> states: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> places: array<f32>;

const EXAGGERATION: f32 = 1.5;
const LEARNING_RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.8;
const MAX_GRADIENT_NORM: f32 = 0.25;

@compute @workgroup_size(64)
fn settle(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= params.n {
        return;
    }
    let c = params.n_components;
    // The third coordinate in two dimensions is 0.
    var point = vec3<f32>(0.0);
    for (var axis = 0u; axis < c; axis++) {
        point[axis] = places[i * c + axis];
    }
    var gradient = vec3<f32>(0.0);
    for (var b = 0u; b < params.n_neighbors; b++) {
        let at = i * params.n_neighbors + b;
        let j = neighbors[at];
        var place = vec3<f32>(0.0);
        for (var axis = 0u; axis < c; axis++) {
            place[axis] = fitted[j * c + axis];
        }
        let difference = point - place;
        gradient += EXAGGERATION * probabilities[at] / (1.0 + dot(difference, difference)) * difference;
    }
    for (var axis = 0u; axis < c; axis++) {
        gradient[axis] -= pushes[i * c + axis] / q_sums[i];
    }
    let norm = length(gradient);
    if norm > MAX_GRADIENT_NORM {
        gradient *= MAX_GRADIENT_NORM / norm;
    }
    for (var axis = 0u; axis < c; axis++) {
        let at = i * c + axis;
        let state = states[at];
        let gain = new_gain(state.y, state.x, gradient[axis]);
        let update = MOMENTUM * state.x - LEARNING_RATE * gain * gradient[axis];
        states[at] = vec2<f32>(update, gain);
        places[at] += update;
    }
}
