// Sums of many values, in an order that depends on their number alone.

struct SumParams {
    n: u32,
}

@group(0) @binding(0) var<uniform> sum_params: SumParams;
@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read_write> sums: array<f32>;

const SUM_THREADS: u32 = 256u;
const SUM_PER_THREAD: u32 = 16u;

var<workgroup> partial: array<f32, SUM_THREADS>;

// One workgroup sums SUM_THREADS * SUM_PER_THREAD values: each thread a strided share, then a binary tree.
@compute @workgroup_size(256)
fn sum_blocks(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = workgroup_number(group_id, group_count);
    let first = block * SUM_THREADS * SUM_PER_THREAD + thread;
    var sum = 0.0;
    for (var i = 0u; i < SUM_PER_THREAD; i++) {
        let at = first + i * SUM_THREADS;
        if at < sum_params.n {
            sum += values[at];
        }
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var half = SUM_THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
    if thread == 0u && block * SUM_THREADS * SUM_PER_THREAD < sum_params.n {
        sums[block] = partial[0];
    }
}
