// Steps and loss of TriMAP. With d = 1 + |.|^2, a triplet (i, j, k) of weight w costs w d_ij /
// (d_ij + d_ik). Arrays with an entry per axis, slot or inlier and point store it at index number *
// n + point.
// #import triplets

struct StepParams {
    n: u32,
    n_components: u32,
    learning_rate: f32,
    momentum: f32,
    next_momentum: f32,
    // Range of references first .. first + most of each point. Points with more are not moved
    // before their last one.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> step_params: StepParams;
@group(0) @binding(2) var<storage, read> row_starts: array<u32>;
@group(0) @binding(3) var<storage, read> references: array<u32>;
@group(0) @binding(4) var<storage, read> pulled: array<f32>;
@group(0) @binding(5) var<storage, read_write> pushed: array<f32>;
// Coordinates, then velocities, then gains, each axis after axis.
@group(0) @binding(6) var<storage, read_write> states: array<f32>;
@group(0) @binding(7) var<storage, read_write> ahead: array<f32>;
@group(0) @binding(8) var<storage, read> sources: array<u32>;

const THREADS: u32 = 64u;
// Number of threads of one point, which share its references.
const LANES: u32 = 8u;

var<workgroup> partial: array<vec3<f32>, THREADS>;

// Adds the force on a point as an inlier and moves it: momentum, and a gain for each coordinate
// that grows while the velocity and the gradient disagree in sign (delta-bar-delta). `ahead` is
// where the next gradient is computed. Eight threads a point, each of which moves one axis in the
// end.
@compute @workgroup_size(64)
fn descend(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % LANES;
    let j = workgroup_number(group_id, group_count) * (THREADS / LANES) + thread / LANES;
    let n = step_params.n;
    let axes = step_params.n_components;
    var row_start = 0u;
    var length = 0u;
    if j < n {
        row_start = row_starts[j];
        length = row_starts[j + 1u] - row_start;
    }
    let is_here = j < n && (step_params.first == 0u || step_params.first < length);
    let last = min(length, step_params.first + step_params.most);
    var received = vec3<f32>(0.0);
    if is_here {
        let own = place_of(j, n, axes);
        for (var e = row_start + step_params.first + lane; e < row_start + last; e += LANES) {
            received += pulled[references[e]] * (own - place_of(sources[e], n, axes));
        }
    }
    partial[thread] = received;
    workgroupBarrier();
    if !is_here || lane >= axes {
        return;
    }
    let at = lane * n + j;
    var gradient = pushed[at];
    for (var other = 0u; other < LANES; other++) {
        gradient += partial[thread - lane + other][lane];
    }
    if last < length {
        pushed[at] = gradient;
        return;
    }
    var velocity = states[axes * n + at];
    let gain = new_gain(states[2u * axes * n + at], velocity, gradient);
    velocity = step_params.momentum * velocity - step_params.learning_rate * gain * gradient;
    let moved = states[at] + velocity;
    states[at] = moved;
    states[axes * n + at] = velocity;
    states[2u * axes * n + at] = gain;
    ahead[at] = moved + step_params.next_momentum * velocity;
}

@group(0) @binding(5) var<storage, read_write> losses: array<f32>;

// Loss of a point's own triplets.
@compute @workgroup_size(64)
fn loss(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    let n = triplet_params.n;
    if i >= n {
        return;
    }
    let axes = triplet_params.n_components;
    let own = place_of(i, n, axes);
    var sum = 0.0;
    for (var a = 0u; a < triplet_params.n_inliers; a++) {
        let to_near = own - place_of(inliers[(triplet_params.first_inlier + a) * n + i], n, axes);
        let near = 1.0 + dot(to_near, to_near);
        for (var b = 0u; b < triplet_params.n_outliers; b++) {
            let slot = a * triplet_params.n_outliers + b;
            let to_far = own - place_of(shifted(i, shifts[slot], n), n, axes);
            sum += weights[slot * n + i] * near / (near + 1.0 + dot(to_far, to_far));
        }
    }
    let n_near = triplet_params.n_inliers * triplet_params.n_outliers;
    for (var r = 0u; r < triplet_params.n_random; r++) {
        let slot = n_near + 2u * r;
        let to_a = own - place_of(shifted(i, shifts[slot], n), n, axes);
        let to_b = own - place_of(shifted(i, shifts[slot + 1u], n), n, axes);
        let a = 1.0 + dot(to_a, to_a);
        let b = 1.0 + dot(to_b, to_b);
        let weight = weights[(n_near + r) * n + i];
        sum += abs(weight) * select(a, b, weight < 0.0) / (a + b);
    }
    losses[i] = select(0.0, losses[i], triplet_params.add != 0u) + sum;
}
