// Smooths numbers on the points of a weighted graph.

struct SmoothParams {
    n: u32,
    n_components: u32,
    // The mean over a point's neighbours is mapped to (mean - centre) / half_width, times `scale`, less `share` of the step before.
    centre: f32,
    half_width: f32,
    scale: f32,
    share: f32,
    // Of each row the edges first .. first + most; those before are in the next step already.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> params: SmoothParams;
@group(0) @binding(1) var<storage, read> row_starts: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> current: array<f32>;
// The step before, replaced by the next one.
@group(0) @binding(5) var<storage, read_write> previous: array<f32>;
// Sums of the rows' weights.
@group(0) @binding(6) var<storage, read> degrees: array<f32>;

// One row a thread. A point without neighbours is its own.
@compute @workgroup_size(64)
fn smooth_step(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= params.n {
        return;
    }
    let first = params.first;
    let row_start = row_starts[i];
    let length = row_starts[i + 1u] - row_start;
    if first > 0u && first >= length {
        return;
    }
    let degree = degrees[i];
    for (var axis = 0u; axis < params.n_components; axis++) {
        let own = current[i * params.n_components + axis];
        var sum = 0.0;
        for (var e = row_start + first; e < row_start + min(length, first + params.most); e++) {
            sum += weights[e] * current[columns[e] * params.n_components + axis];
        }
        var mean = own;
        if degree > 0.0 {
            mean = sum / degree;
        }
        let at = i * params.n_components + axis;
        if first > 0u {
            previous[at] += params.scale * mean / params.half_width;
        } else {
            previous[at] = params.scale * (mean - params.centre * own) / params.half_width - params.share * previous[at];
        }
    }
}
