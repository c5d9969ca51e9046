// Ranks and values of a few entries of each row of a table of distances.

struct TableParams {
    n_rows: u32,
    n_columns: u32,
    n_ids: u32,
}

@group(0) @binding(0) var<uniform> params: TableParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read> ids: array<u32>;
@group(0) @binding(3) var<storage, read> excluded: array<u32>;
@group(0) @binding(4) var<storage, read_write> ranks: array<u32>;

const THREADS: u32 = 64u;

var<workgroup> counts: array<u32, THREADS>;

// One workgroup an id: 1 + how many columns come before it, by distance and then by number.
@compute @workgroup_size(64)
fn count_ranks(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = workgroup_number(group_id, group_count);
    if item >= params.n_rows * params.n_ids {
        return;
    }
    let row = item / params.n_ids;
    let first = row * params.n_columns;
    let id = ids[item];
    let bound = distances[first + id];
    var count = 0u;
    for (var column = thread; column < params.n_columns; column += THREADS) {
        let distance = distances[first + column];
        let before = distance < bound || (distance == bound && column < id);
        if before && column != excluded[row] {
            count++;
        }
    }
    counts[thread] = count;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            counts[thread] += counts[thread + half];
        }
        workgroupBarrier();
    }
    if thread == 0u {
        ranks[item] = counts[0] + 1u;
    }
}

@group(0) @binding(3) var<storage, read_write> picked: array<f32>;

// The distance of each id, one a thread.
@compute @workgroup_size(64)
fn pick_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = workgroup_number(group_id, group_count) * 64u + thread;
    if item >= params.n_rows * params.n_ids {
        return;
    }
    picked[item] = distances[item / params.n_ids * params.n_columns + ids[item]];
}
