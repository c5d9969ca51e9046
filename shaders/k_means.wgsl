// k-means: which centre is nearest to each point, and the sums of the points of each.

struct AssignParams {
    n: u32,
    // The centres that are looked at: from the first of them up to the last, without it.
    first: u32,
    last: u32,
    n_features: u32,
}

@group(0) @binding(0) var<uniform> assign_params: AssignParams;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> centers: array<f32>;
@group(0) @binding(3) var<storage, read_write> nearest: array<u32>;
@group(0) @binding(4) var<storage, read_write> distances: array<f32>;

// Centres whose distances are summed together, so that each value of the point is read once for all of them.
const TOGETHER: u32 = 8u;

// The nearest centre of one point a thread, the first of equals, and its squared distance; later centres are held against what
// was found among earlier ones.
@compute @workgroup_size(64)
fn assign(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let point = workgroup_number(group_id, group_count) * 64u + thread;
    if point >= assign_params.n {
        return;
    }
    let d = assign_params.n_features;
    let row = point * d;
    var best = 0u;
    var least = 0.0;
    if assign_params.first > 0u {
        best = nearest[point];
        least = distances[point];
    }
    for (var first = assign_params.first; first < assign_params.last; first += TOGETHER) {
        // Beyond the last centre, that centre again.
        let last = vec4<u32>(assign_params.last - 1u);
        let some = min(first + vec4<u32>(0u, 1u, 2u, 3u), last) * d;
        let more = min(first + vec4<u32>(4u, 5u, 6u, 7u), last) * d;
        var sums: array<vec4<f32>, 2>;
        for (var f = 0u; f < d; f++) {
            let own = points[row + f];
            let to_some = own - vec4<f32>(centers[some.x + f], centers[some.y + f], centers[some.z + f], centers[some.w + f]);
            let to_more = own - vec4<f32>(centers[more.x + f], centers[more.y + f], centers[more.z + f], centers[more.w + f]);
            sums[0] += to_some * to_some;
            sums[1] += to_more * to_more;
        }
        for (var i = 0u; i < TOGETHER; i++) {
            let square = sums[i / 4u][i % 4u];
            if first + i < assign_params.last && (first + i == 0u || square < least) {
                best = first + i;
                least = square;
            }
        }
    }
    nearest[point] = best;
    distances[point] = least;
}

struct SumParams {
    n: u32,
    n_clusters: u32,
    n_features: u32,
    block_rows: u32,
}

@group(0) @binding(0) var<uniform> sum_params: SumParams;
@group(0) @binding(5) var<storage, read> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> partial_sums: array<f32>;

// Adds one feature of the points of each cluster over one block of rows, in the order of the rows, to sums that begin at 0: to
// set them here would take a turn for each cluster.
@compute @workgroup_size(64)
fn sum_members(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let d = sum_params.n_features;
    let item = workgroup_number(group_id, group_count) * 64u + thread;
    let first = item / d * sum_params.block_rows;
    let feature = item % d;
    if first >= sum_params.n {
        return;
    }
    let sums = item / d * sum_params.n_clusters * d + feature;
    for (var row = first; row < min(first + sum_params.block_rows, sum_params.n); row++) {
        partial_sums[sums + labels[row] * d] += points[row * d + feature];
    }
}
