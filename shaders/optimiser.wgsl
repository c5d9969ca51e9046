// Optimiser steps of t-SNE, and the outline of the embedding: data about the whole embedding that
// the next step and the grid need.

struct OutlineParams {
    n: u32,
    n_components: u32,
}

@group(0) @binding(0) var<uniform> outline_params: OutlineParams;
// n x 2 or n x 3.
@group(0) @binding(1) var<storage, read> points: array<f32>;
// For each block of points: the sums of the coordinates and of all their squares, then smallest x
// and y, largest x and y.
@group(0) @binding(2) var<storage, read_write> blocks: array<vec4<f32>>;

const BLOCK: u32 = 1024u;
const THREADS: u32 = 256u;
const FARTHEST: f32 = 3.4e38;

var<workgroup> moments: array<vec4<f32>, THREADS>;
var<workgroup> bounds: array<vec4<f32>, THREADS>;

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(min(a.xy, b.xy), max(a.zw, b.zw));
}

fn moments_of(point: vec3<f32>) -> vec4<f32> {
    return vec4<f32>(point, dot(point, point));
}

// Writes the outline of a block from the parts of all threads.
fn write_outline(thread: u32, block: u32, own_moments: vec4<f32>, own_bounds: vec4<f32>) {
    moments[thread] = own_moments;
    bounds[thread] = own_bounds;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            moments[thread] += moments[thread + half];
            bounds[thread] = joined(bounds[thread], bounds[thread + half]);
        }
        workgroupBarrier();
    }
    if thread == 0u {
        blocks[2u * block] = moments[0];
        blocks[2u * block + 1u] = bounds[0];
    }
}

// One workgroup a block: each thread a strided share, then a binary tree.
@compute @workgroup_size(256)
fn outline(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = workgroup_number(group_id, group_count);
    if block * BLOCK >= outline_params.n {
        return;
    }
    var own_moments = vec4<f32>(0.0);
    var own_bounds = vec4<f32>(vec2<f32>(FARTHEST), vec2<f32>(-FARTHEST));
    for (var i = block * BLOCK + thread; i < min((block + 1u) * BLOCK, outline_params.n); i += THREADS) {
        var point = vec3<f32>(0.0);
        for (var axis = 0u; axis < outline_params.n_components; axis++) {
            point[axis] = points[i * outline_params.n_components + axis];
        }
        own_moments += moments_of(point);
        own_bounds = joined(own_bounds, point.xyxy);
    }
    write_outline(thread, block, own_moments, own_bounds);
}

struct StepParams {
    n: u32,
    n_components: u32,
    // Numbers whose sum is the normaliser Z.
    n_parts: u32,
    exaggeration: f32,
    // Learning rate over n: the forces are scaled by n.
    rate: f32,
    momentum: f32,
    max_step_norm: f32,
    // Root mean square deviations of an axis: an embedding below the first is scaled up to the
    // second.
    least: f32,
    wanted: f32,
}

@group(0) @binding(0) var<uniform> step_params: StepParams;
@group(0) @binding(1) var<storage, read> attractions: array<f32>;
// Blocks of the current embedding; those of the next one are written.
@group(0) @binding(3) var<storage, read> blocks_now: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> repulsions: array<f32>;
@group(0) @binding(5) var<storage, read> q_parts: array<f32>;
// Last update and gain of each coordinate.
@group(0) @binding(6) var<storage, read_write> states: array<vec2<f32>>;
@group(0) @binding(7) var<storage, read_write> moved: array<f32>;
// Share of the learning rate for each point: below 1 for hubs.
@group(0) @binding(8) var<storage, read> rates: array<f32>;

var<workgroup> q_sums: array<f32, THREADS>;

// Every workgroup sums the whole embedding for itself, in the same order: leaves the moments in
// `moments[0]` and Z in `q_sums[0]`.
fn add_up_map(thread: u32) {
    var own_moments = vec4<f32>(0.0);
    let n_blocks = (step_params.n + BLOCK - 1u) / BLOCK;
    for (var block = thread; block < n_blocks; block += THREADS) {
        own_moments += blocks_now[2u * block];
    }
    var q_sum = 0.0;
    for (var part = thread; part < step_params.n_parts; part += THREADS) {
        q_sum += q_parts[part];
    }
    moments[thread] = own_moments;
    q_sums[thread] = q_sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            moments[thread] += moments[thread + half];
            q_sums[thread] += q_sums[thread + half];
        }
        workgroupBarrier();
    }
}

// Mean of each axis, and the factor of the embedding's scale.
fn center_of(sums: vec4<f32>) -> vec4<f32> {
    let means = sums / f32(step_params.n);
    let deviation = sqrt(max(means.w - dot(means.xyz, means.xyz), 0.0) / f32(step_params.n_components));
    var factor = 1.0;
    if deviation > 0.0 && deviation < step_params.least {
        factor = step_params.wanted / deviation;
    }
    return vec4<f32>(means.xyz, factor);
}

// Moves a point and returns its new coordinates: momentum, a gain for each coordinate (Jacobs 1988)
// and a maximum step length, about the origin.
fn step_of(i: u32, repulsive: f32, center: vec4<f32>) -> vec3<f32> {
    let first = i * step_params.n_components;
    let rate = step_params.rate * rates[i];
    var update = vec3<f32>(0.0);
    var gains = vec3<f32>(0.0);
    for (var axis = 0u; axis < step_params.n_components; axis++) {
        let at = first + axis;
        let state = states[at];
        let gradient = step_params.exaggeration * attractions[at] - repulsive * repulsions[at];
        gains[axis] = new_gain(state.y, state.x, gradient);
        update[axis] = step_params.momentum * state.x - rate * gains[axis] * gradient;
    }
    let length_squared = dot(update, update);
    let longest = step_params.max_step_norm;
    if length_squared > longest * longest {
        update *= longest / sqrt(length_squared);
    }
    var place = vec3<f32>(0.0);
    for (var axis = 0u; axis < step_params.n_components; axis++) {
        let at = first + axis;
        place[axis] = (moved[at] - center[axis] + update[axis]) * center.w;
        moved[at] = place[axis];
        states[at] = vec2<f32>(update[axis] * center.w, gains[axis]);
    }
    return place;
}

// Moves the points of one block.
@compute @workgroup_size(256)
fn descend(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = workgroup_number(group_id, group_count);
    if block * BLOCK >= step_params.n {
        return;
    }
    add_up_map(thread);
    let center = center_of(moments[0]);
    let repulsive = f32(step_params.n) / q_sums[0];
    // All threads have read the sums before they are overwritten.
    workgroupBarrier();
    var own_moments = vec4<f32>(0.0);
    var own_bounds = vec4<f32>(vec2<f32>(FARTHEST), vec2<f32>(-FARTHEST));
    for (var i = block * BLOCK + thread; i < min((block + 1u) * BLOCK, step_params.n); i += THREADS) {
        let place = step_of(i, repulsive, center);
        own_moments += moments_of(place);
        own_bounds = joined(own_bounds, place.xyxy);
    }
    write_outline(thread, block, own_moments, own_bounds);
}
