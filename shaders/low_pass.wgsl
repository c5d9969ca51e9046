// Smoothing of functions on the points of a weighted graph.

struct SmoothParams {
    n: u32,
    n_components: u32,
    // The mean over a point's neighbours is mapped to (mean - centre) / half_width, times `scale`,
    // minus `share` of the previous step.
    centre: f32,
    half_width: f32,
    scale: f32,
    share: f32,
    // Range of edges first .. first + most of each row; earlier ones are already in the next step.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> params: SmoothParams;
@group(0) @binding(1) var<storage, read> row_starts: array<u32>;
@group(0) @binding(2) var<storage, read> columns: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> current: array<f32>;
// The previous step, replaced by the next one.
@group(0) @binding(5) var<storage, read_write> previous: array<f32>;
// Sums of the rows' weights.
@group(0) @binding(6) var<storage, read> degrees: array<f32>;

const THREADS: u32 = 64u;
// Number of threads of one row, which share its edges.
const LANES: u32 = 8u;

var<workgroup> partial: array<f32, THREADS>;

// Eight threads a row. A point without neighbours counts as its own.
@compute @workgroup_size(64)
fn smooth_step(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % LANES;
    let i = workgroup_number(group_id, group_count) * (THREADS / LANES) + thread / LANES;
    let first = params.first;
    var row_start = 0u;
    var length = 0u;
    if i < params.n {
        row_start = row_starts[i];
        length = row_starts[i + 1u] - row_start;
    }
    let is_here = i < params.n && (first == 0u || first < length);
    let last = row_start + min(length, first + params.most);
    for (var axis = 0u; axis < params.n_components; axis++) {
        var sum = 0.0;
        for (var e = row_start + first + lane; e < last; e += LANES) {
            sum += weights[e] * current[columns[e] * params.n_components + axis];
        }
        partial[thread] = sum;
        workgroupBarrier();
        if is_here && lane == 0u {
            for (var other = 1u; other < LANES; other++) {
                sum += partial[thread + other];
            }
            let degree = degrees[i];
            let at = i * params.n_components + axis;
            let own = current[at];
            var mean = own;
            if degree > 0.0 {
                mean = sum / degree;
            }
            if first > 0u {
                previous[at] += params.scale * mean / params.half_width;
            } else {
                previous[at] = params.scale * (mean - params.centre * own) / params.half_width - params.share * previous[at];
            }
        }
        workgroupBarrier();
    }
}
