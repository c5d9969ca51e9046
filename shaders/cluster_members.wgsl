// k-means: nearest centre of each point, and sums of the points of each centre.

struct AssignParams {
    n: u32,
    // First point of this dispatch.
    first_point: u32,
    // Range of the centres that are compared: the first one, and the end.
    first: u32,
    last: u32,
    n_features: u32,
}

@group(0) @binding(0) var<uniform> assign_params: AssignParams;
@group(0) @binding(1) var<storage, read> points: array<f32>;
@group(0) @binding(2) var<storage, read> centers: array<f32>;
@group(0) @binding(3) var<storage, read_write> nearest: array<u32>;
@group(0) @binding(4) var<storage, read_write> distances: array<f32>;

const THREADS: u32 = 64u;
// Number of features that are in workgroup memory at a time.
const SLICE: u32 = 16u;
// Number of centres whose distances are summed together, so that each value of a point is read once
// for all of them, four at a time.
const TOGETHER: u32 = 16u;
const FOURS: u32 = 4u;
// Points of one feature, and one more: threads that store neighbouring features then use different
// banks.
const STRIDE: u32 = THREADS + 1u;

var<workgroup> point_slice: array<f32, SLICE * STRIDE>;
var<workgroup> center_slice: array<vec4<f32>, SLICE * FOURS>;

// Nearest centre of one point a thread, the first one if several are equal, and its squared
// distance; later centres are compared with the best of the earlier ones.
@compute @workgroup_size(64)
fn assign(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let first_point = assign_params.first_point + workgroup_number(group_id, group_count) * THREADS;
    if first_point >= assign_params.n {
        return;
    }
    let d = assign_params.n_features;
    let point = first_point + thread;
    var best = 0u;
    var least = 0.0;
    if assign_params.first > 0u && point < assign_params.n {
        best = nearest[point];
        least = distances[point];
    }
    // A thread loads one feature of every fourth point, so that sixteen threads read a point's features side by side, and the
    // same feature of four centres. Beyond the last of them, that one again.
    let own = thread % SLICE;
    let four = thread / SLICE;
    for (var first = assign_params.first; first < assign_params.last; first += TOGETHER) {
        let rows = min(first + four * FOURS + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(assign_params.last - 1u)) * d;
        var sums: array<vec4<f32>, FOURS>;
        for (var slice = 0u; slice < d; slice += SLICE) {
            let f = min(slice + own, d - 1u);
            for (var i = 0u; i < SLICE; i++) {
                let row = four + i * FOURS;
                point_slice[own * STRIDE + row] = points[min(first_point + row, assign_params.n - 1u) * d + f];
            }
            center_slice[own * FOURS + four] =
                vec4<f32>(centers[rows.x + f], centers[rows.y + f], centers[rows.z + f], centers[rows.w + f]);
            workgroupBarrier();
            for (var i = 0u; i < min(SLICE, d - slice); i++) {
                let value = point_slice[i * STRIDE + thread];
                let a = value - center_slice[i * FOURS];
                let b = value - center_slice[i * FOURS + 1u];
                let c = value - center_slice[i * FOURS + 2u];
                let e = value - center_slice[i * FOURS + 3u];
                sums[0] += a * a;
                sums[1] += b * b;
                sums[2] += c * c;
                sums[3] += e * e;
            }
            workgroupBarrier();
        }
        for (var i = 0u; i < TOGETHER; i++) {
            let square = sums[i / 4u][i % 4u];
            if first + i < assign_params.last && (first + i == 0u || square < least) {
                best = first + i;
                least = square;
            }
        }
    }
    if point < assign_params.n {
        nearest[point] = best;
        distances[point] = least;
    }
}

struct SumParams {
    n: u32,
    n_clusters: u32,
    n_features: u32,
    block_rows: u32,
    // First block of this dispatch.
    first_block: u32,
    // First of the clusters whose sums a thread keeps.
    first_cluster: u32,
}

@group(0) @binding(0) var<uniform> sum_params: SumParams;
@group(0) @binding(5) var<storage, read> labels: array<u32>;
@group(0) @binding(6) var<storage, read_write> partial_sums: array<f32>;
@group(0) @binding(7) var<storage, read> labels_before: array<u32>;

// Number of clusters whose sums a thread keeps in workgroup memory.
const CLUSTERS: u32 = 32u;

var<workgroup> kept: array<f32, CLUSTERS * THREADS>;

// Sums one column of the points of each cluster over one block of rows, in the order of the rows.
// Two columns follow the features: 1 for each point, and 1 for each point that was in another
// cluster before.
@compute @workgroup_size(64)
fn sum_members(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let d = sum_params.n_features;
    let width = d + 2u;
    let across = (width + THREADS - 1u) / THREADS;
    let number = workgroup_number(group_id, group_count);
    let block = sum_params.first_block + number / across;
    let column = number % across * THREADS + thread;
    let first = block * sum_params.block_rows;
    if first >= sum_params.n || column >= width {
        return;
    }
    let clusters = min(sum_params.n_clusters - sum_params.first_cluster, CLUSTERS);
    for (var cluster = 0u; cluster < clusters; cluster++) {
        kept[cluster * THREADS + thread] = 0.0;
    }
    for (var row = first; row < min(first + sum_params.block_rows, sum_params.n); row++) {
        // Below the first cluster the difference wraps around; then it exceeds the last one that is
        // kept.
        let cluster = labels[row] - sum_params.first_cluster;
        if cluster < clusters {
            var value = 1.0;
            if column < d {
                value = points[row * d + column];
            } else if column > d && labels[row] == labels_before[row] {
                value = 0.0;
            }
            kept[cluster * THREADS + thread] += value;
        }
    }
    let sums = block * sum_params.n_clusters + sum_params.first_cluster;
    for (var cluster = 0u; cluster < clusters; cluster++) {
        partial_sums[(sums + cluster) * width + column] = kept[cluster * THREADS + thread];
    }
}
