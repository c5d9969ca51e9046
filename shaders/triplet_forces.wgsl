// Forces of TriMAP's triplets. With d = 1 + |.|^2, a triplet (i, j, k) of weight w costs w d_ij /
// (d_ij + d_ik); half its gradient is c (d_ik (y_i - y_j) - d_ij (y_i - y_k)) with c = w / (d_ij +
// d_ik)^2. Arrays with an entry per axis, slot or inlier and point store it at index number * n +
// point.
// #import triplets

@group(0) @binding(5) var<storage, read_write> forces: array<f32>;
@group(0) @binding(6) var<storage, read_write> attractions: array<f32>;
@group(0) @binding(7) var<storage, read_write> gradients: array<f32>;

fn add_gradient(i: u32, n: u32, n_components: u32, gradient: vec3<f32>, add: bool) {
    for (var axis = 0u; axis < n_components; axis++) {
        let at = axis * n + i;
        gradients[at] = select(0.0, gradients[at], add) + gradient[axis];
    }
}

// A point's own triplets: the force on the point itself, and the factors of the forces on their
// inliers and outliers.
@compute @workgroup_size(64)
fn pull(
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
    var gradient = vec3<f32>(0.0);
    for (var a = 0u; a < triplet_params.n_inliers; a++) {
        let inlier = (triplet_params.first_inlier + a) * n + i;
        let to_near = own - place_of(inliers[inlier], n, axes);
        let near = 1.0 + dot(to_near, to_near);
        var attraction = 0.0;
        for (var b = 0u; b < triplet_params.n_outliers; b++) {
            let slot = a * triplet_params.n_outliers + b;
            let to_far = own - place_of(shifted(i, shifts[slot], n), n, axes);
            let far = 1.0 + dot(to_far, to_far);
            let c = weights[slot * n + i] / ((near + far) * (near + far));
            attraction += c * far;
            let force = -(c * near);
            gradient += force * to_far;
            forces[slot * n + i] = force;
        }
        gradient += attraction * to_near;
        attractions[inlier] = attraction;
    }
    let n_near = triplet_params.n_inliers * triplet_params.n_outliers;
    for (var r = 0u; r < triplet_params.n_random; r++) {
        let slot = n_near + 2u * r;
        let to_a = own - place_of(shifted(i, shifts[slot], n), n, axes);
        let to_b = own - place_of(shifted(i, shifts[slot + 1u], n), n, axes);
        let a = 1.0 + dot(to_a, to_a);
        let b = 1.0 + dot(to_b, to_b);
        // Negative if b is the inlier, which reverses both forces.
        let c = weights[(n_near + r) * n + i] / ((a + b) * (a + b));
        forces[slot * n + i] = c * b;
        forces[(slot + 1u) * n + i] = -(c * a);
        gradient += c * b * to_a - c * a * to_b;
    }
    add_gradient(i, n, axes, gradient, triplet_params.add != 0u);
}

struct PushParams {
    n: u32,
    n_components: u32,
    n_slots: u32,
}

@group(0) @binding(0) var<uniform> push_params: PushParams;

// Force on a point as an outlier: in each slot it is the outlier of exactly one point.
@compute @workgroup_size(64)
fn push(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let k = workgroup_number(group_id, group_count) * 64u + thread;
    let n = push_params.n;
    if k >= n {
        return;
    }
    let axes = push_params.n_components;
    let own = place_of(k, n, axes);
    var gradient = vec3<f32>(0.0);
    for (var slot = 0u; slot < push_params.n_slots; slot++) {
        let i = shifted(k, n - shifts[slot], n);
        gradient += forces[slot * n + i] * (own - place_of(i, n, axes));
    }
    add_gradient(k, n, axes, gradient, true);
}
