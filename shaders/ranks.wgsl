// Ranks and values of a few entries in each row of a table of distances.

struct TableParams {
    // First row of the table in this dispatch, and number of rows.
    first_row: u32,
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
// Number of ids of a row whose ranks are counted together, so that its distances are read once for
// all of them.
const TOGETHER: u32 = 4u;

var<workgroup> counts: array<vec4<u32>, THREADS>;

// Four ids a workgroup: 1 + the number of columns that precede each, by distance and then by
// number.
@compute @workgroup_size(64)
fn count_ranks(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let item = workgroup_number(group_id, group_count);
    let fours = (params.n_ids + TOGETHER - 1u) / TOGETHER;
    if item >= params.n_rows * fours {
        return;
    }
    let row = params.first_row + item / fours;
    let first = row * params.n_columns;
    let first_id = item % fours * TOGETHER;
    // Beyond the last id, that one again.
    let at = row * params.n_ids + min(first_id + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.n_ids - 1u));
    let own = vec4<u32>(ids[at.x], ids[at.y], ids[at.z], ids[at.w]);
    let bounds =
        vec4<f32>(distances[first + own.x], distances[first + own.y], distances[first + own.z], distances[first + own.w]);
    let skipped = excluded[row];
    var count = vec4<u32>();
    for (var column = thread; column < params.n_columns; column += THREADS) {
        let distance = vec4<f32>(distances[first + column]);
        let before = (distance < bounds) | ((distance == bounds) & (vec4<u32>(column) < own));
        if column != skipped {
            count += select(vec4<u32>(0u), vec4<u32>(1u), before);
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
    if thread < TOGETHER && first_id + thread < params.n_ids {
        ranks[row * params.n_ids + first_id + thread] = counts[0][thread] + 1u;
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
