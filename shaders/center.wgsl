// Mean and spread of a map, so that a descent can keep it about the origin and at a scale that f32 resolves.

struct MomentsParams {
    n: u32,
    n_components: u32,
}

@group(0) @binding(0) var<uniform> moments_params: MomentsParams;
// n x 2 or n x 3.
@group(0) @binding(1) var<storage, read> points: array<f32>;
// Of each block: the sums of the coordinates and of all their squares.
@group(0) @binding(2) var<storage, read_write> block_moments: array<vec4<f32>>;

const THREADS: u32 = 256u;
const POINTS_PER_THREAD: u32 = 16u;

var<workgroup> partial: array<vec4<f32>, THREADS>;

// Leaves the sum over all threads in `partial[0]`.
fn add_up(thread: u32, own: vec4<f32>) {
    partial[thread] = own;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
}

// One workgroup sums over THREADS * POINTS_PER_THREAD points: each thread a strided share, then a binary tree.
@compute @workgroup_size(256)
fn moments(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = workgroup_number(group_id, group_count);
    let first = block * THREADS * POINTS_PER_THREAD + thread;
    let n_components = moments_params.n_components;
    var sums = vec4<f32>(0.0);
    for (var turn = 0u; turn < POINTS_PER_THREAD; turn++) {
        let i = first + turn * THREADS;
        if i < moments_params.n {
            for (var axis = 0u; axis < n_components; axis++) {
                let value = points[i * n_components + axis];
                sums[axis] += value;
                sums[3] += value * value;
            }
        }
    }
    add_up(thread, sums);
    if thread == 0u && block * THREADS * POINTS_PER_THREAD < moments_params.n {
        block_moments[block] = partial[0];
    }
}

struct CenterParams {
    n: u32,
    n_components: u32,
    n_blocks: u32,
    // Root mean square deviations of an axis: below the first, the map is scaled up to the second.
    least: f32,
    wanted: f32,
}

@group(0) @binding(0) var<uniform> center_params: CenterParams;
@group(0) @binding(1) var<storage, read> block_sums: array<vec4<f32>>;
// Mean of each axis, and the factor of the map's scale.
@group(0) @binding(2) var<storage, read_write> center: vec4<f32>;

// One workgroup for all blocks.
@compute @workgroup_size(256)
fn find_center(@builtin(local_invocation_index) thread: u32) {
    var sums = vec4<f32>(0.0);
    for (var block = thread; block < center_params.n_blocks; block += THREADS) {
        sums += block_sums[block];
    }
    add_up(thread, sums);
    if thread == 0u {
        let means = partial[0] / f32(center_params.n);
        let squared_means = dot(means.xyz, means.xyz);
        let deviation = sqrt(max(means.w - squared_means, 0.0) / f32(center_params.n_components));
        var factor = 1.0;
        if deviation > 0.0 && deviation < center_params.least {
            factor = center_params.wanted / deviation;
        }
        center = vec4<f32>(means.xyz, factor);
    }
}
