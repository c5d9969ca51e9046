// Silhouette: sums of a point's distances from the points of each cluster.

struct ClusterParams {
    // Row of the sums that belongs to the first row of distances.
    first_query: u32,
    // First row of distances in this dispatch, and number of rows.
    first_row: u32,
    n_rows: u32,
    n_references: u32,
    n_clusters: u32,
    // First cluster that has references, and number of clusters from it on.
    first_cluster: u32,
    n_present: u32,
}

@group(0) @binding(0) var<uniform> params: ClusterParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read> ends: array<u32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;

const THREADS: u32 = 64u;

var<workgroup> partial: array<f32, THREADS>;

// Adds the distances of one row from the references of one cluster, a workgroup each: a strided
// share a thread, then a binary tree. References are sorted by cluster, and `ends` holds the end of
// each.
@compute @workgroup_size(64)
fn sum_clusters(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = workgroup_number(group_id, group_count);
    if item >= params.n_rows * params.n_present {
        return;
    }
    let row = params.first_row + item / params.n_present;
    let cluster = params.first_cluster + item % params.n_present;
    var first = 0u;
    if cluster > 0u {
        first = ends[cluster - 1u];
    }
    var sum = 0.0;
    for (var column = first + thread; column < ends[cluster]; column += THREADS) {
        sum += sqrt(distances[row * params.n_references + column]);
    }
    partial[thread] = sum;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
    if thread == 0u {
        sums[(params.first_query + row) * params.n_clusters + cluster] += partial[0];
    }
}
