// Silhouette: the sums of a point's distances from the points of each cluster.

struct ClusterParams {
    n_queries: u32,
    // The references that are looked at: from the first of them up to the last, without it.
    first: u32,
    last: u32,
    n_features: u32,
    n_clusters: u32,
}

@group(0) @binding(0) var<uniform> params: ClusterParams;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> references: array<f32>;
@group(0) @binding(3) var<storage, read> ends: array<u32>;
@group(0) @binding(4) var<storage, read_write> sums: array<f32>;

// Distances that are added up before they join a larger sum, so that the rounding error stays small.
const TOGETHER: u32 = 64u;

// Adds the distances of one query from the references of one cluster. References lie cluster after cluster, `ends` tells where
// each ends.
@compute @workgroup_size(64)
fn cluster_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = workgroup_number(group_id, group_count) * 64u + thread;
    if item >= params.n_queries * params.n_clusters {
        return;
    }
    // Neighbouring threads share the cluster and differ in the query.
    let query = item % params.n_queries;
    let cluster = item / params.n_queries;
    let d = params.n_features;
    var first = params.first;
    if cluster > 0u {
        first = max(first, ends[cluster - 1u]);
    }
    let last = min(params.last, ends[cluster]);
    var sum = 0.0;
    var part = 0.0;
    for (var reference = first; reference < last; reference++) {
        var square = 0.0;
        for (var f = 0u; f < d; f++) {
            let difference = queries[query * d + f] - references[reference * d + f];
            square += difference * difference;
        }
        part += sqrt(square);
        if (reference - first) % TOGETHER == TOGETHER - 1u {
            sum += part;
            part = 0.0;
        }
    }
    sums[query * params.n_clusters + cluster] += sum + part;
}
