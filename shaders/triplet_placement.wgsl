// Placement of new points by their own triplets, with the fitted points fixed.
// #import map

struct SettleParams {
    n: u32,
    n_components: u32,
    n_inliers: u32,
    n_outliers: u32,
    n_iterations: u32,
    learning_rate: f32,
    momentum: f32,
    // 1 if iterations were done before.
    goes_on: u32,
}

@group(0) @binding(0) var<uniform> params: SettleParams;
@group(0) @binding(1) var<storage, read> map: array<f32>;
@group(0) @binding(2) var<storage, read> inliers: array<u32>;
@group(0) @binding(3) var<storage, read> outliers: array<u32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read_write> places: array<f32>;
// Velocity and gain of each coordinate.
@group(0) @binding(6) var<storage, read_write> states: array<vec2<f32>>;

// Half the gradient of a new point's triplets.
fn gradient_at(i: u32, place: vec3<f32>) -> vec3<f32> {
    var gradient = vec3<f32>(0.0);
    for (var a = 0u; a < params.n_inliers; a++) {
        let to_near = place - place_of(inliers[i * params.n_inliers + a], params.n_components);
        let near = 1.0 + dot(to_near, to_near);
        var attraction = 0.0;
        for (var b = 0u; b < params.n_outliers; b++) {
            let slot = (i * params.n_inliers + a) * params.n_outliers + b;
            let to_far = place - place_of(outliers[slot], params.n_components);
            let far = 1.0 + dot(to_far, to_far);
            let c = weights[slot] / ((near + far) * (near + far));
            attraction += c * far;
            gradient -= c * near * to_far;
        }
        gradient += attraction * to_near;
    }
    return gradient;
}

// Some iterations of one new point a thread: delta-bar-delta, as in the layout.
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
    let axes = params.n_components;
    var place = vec3<f32>(places[i * axes], places[i * axes + 1u], 0.0);
    if axes == 3u {
        place.z = places[i * axes + 2u];
    }
    var velocity = vec3<f32>(0.0);
    var gain = vec3<f32>(1.0);
    if params.goes_on != 0u {
        for (var axis = 0u; axis < axes; axis++) {
            velocity[axis] = states[i * axes + axis].x;
            gain[axis] = states[i * axes + axis].y;
        }
    }
    for (var iteration = 0u; iteration < params.n_iterations; iteration++) {
        let gradient = gradient_at(i, place + params.momentum * velocity);
        for (var axis = 0u; axis < 3u; axis++) {
            gain[axis] = new_gain(gain[axis], velocity[axis], gradient[axis]);
        }
        velocity = params.momentum * velocity - params.learning_rate * gain * gradient;
        place += velocity;
    }
    for (var axis = 0u; axis < axes; axis++) {
        places[i * axes + axis] = place[axis];
        states[i * axes + axis] = vec2<f32>(velocity[axis], gain[axis]);
    }
}
