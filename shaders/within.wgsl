// Points within a radius of each point, from tiles of squared distances, for DBSCAN.

struct WithinParams {
    // First row of the tile in this dispatch, and number of rows.
    first_row: u32,
    n_rows: u32,
    n_columns: u32,
    // First query and first reference of the tile.
    row_first: u32,
    column_first: u32,
    squared_radius: f32,
}

@group(0) @binding(0) var<uniform> params: WithinParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read_write> counts: array<u32>;
@group(0) @binding(3) var<storage, read> labels: array<u32>;
@group(0) @binding(4) var<storage, read_write> lowest: array<u32>;

const THREADS: u32 = 64u;

var<workgroup> partial: array<u32, THREADS>;

// Adds the number of references within the radius of each query, a workgroup a query.
@compute @workgroup_size(64)
fn count_within(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let number = workgroup_number(group_id, group_count);
    if number >= params.n_rows {
        return;
    }
    let row = params.first_row + number;
    var count = 0u;
    for (var column = thread; column < params.n_columns; column += THREADS) {
        count += u32(distances[row * params.n_columns + column] <= params.squared_radius);
    }
    partial[thread] = count;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] += partial[thread + half];
        }
        workgroupBarrier();
    }
    if thread == 0u {
        counts[params.row_first + row] += partial[0];
    }
}

// Lowers the number of each query to the lowest label of the references within the radius, a workgroup a query.
@compute @workgroup_size(64)
fn lowest_within(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let number = workgroup_number(group_id, group_count);
    if number >= params.n_rows {
        return;
    }
    let row = params.first_row + number;
    var least = 0xffffffffu;
    for (var column = thread; column < params.n_columns; column += THREADS) {
        if distances[row * params.n_columns + column] <= params.squared_radius {
            least = min(least, labels[params.column_first + column]);
        }
    }
    partial[thread] = least;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            partial[thread] = min(partial[thread], partial[thread + half]);
        }
        workgroupBarrier();
    }
    if thread == 0u {
        lowest[params.row_first + row] = min(lowest[params.row_first + row], partial[0]);
    }
}
