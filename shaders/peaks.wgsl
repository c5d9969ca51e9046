// Peak performance of a card: multiplications and additions, and bytes read and written. Used for
// comparison in a profile.

struct PeakParams {
    // Number of values: chains of the arithmetic, or elements to copy.
    n: u32,
    // Number of turns of eight multiplications and additions each.
    n_turns: u32,
}

@group(0) @binding(0) var<uniform> params: PeakParams;
@group(0) @binding(1) var<storage, read> sources: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> targets: array<vec4<f32>>;

// Four chains of x = x a + b a thread, each waiting for its own last value only, so that the units
// are always busy.
@compute @workgroup_size(256)
fn multiply_add(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 256u + thread;
    if i >= params.n {
        return;
    }
    let start = sources[i];
    var x = start;
    var y = start + 1.0;
    for (var turn = 0u; turn < params.n_turns; turn++) {
        x = fma(x, vec4<f32>(0.5), start);
        y = fma(y, vec4<f32>(0.25), start);
    }
    targets[i] = x + y;
}

// Sixteen bytes a thread.
@compute @workgroup_size(256)
fn copy(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 256u + thread;
    if i >= params.n {
        return;
    }
    targets[i] = sources[i];
}
