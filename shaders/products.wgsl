// Products of rows with rows: covariance, projection onto a few axes, and the products with the
// projections.

struct CovarianceParams {
    // Range of rows first .. first + n, and the first tile of this dispatch.
    first: u32,
    n: u32,
    n_features: u32,
    first_tile: u32,
    n_tiles: u32,
}

@group(0) @binding(0) var<uniform> covariance_params: CovarianceParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> products: array<f32>;

const TILE: u32 = 64u;
const SLICE: u32 = 16u;
const SIDE: u32 = 4u;

var<workgroup> left: array<vec4<f32>, 256>;
var<workgroup> right: array<vec4<f32>, 256>;

fn mean_value(feature: u32) -> f32 {
    return select(0.0, mean[min(feature, covariance_params.n_features - 1u)], feature < covariance_params.n_features);
}

fn mean_values(feature: u32) -> vec4<f32> {
    return vec4<f32>(mean_value(feature), mean_value(feature + 1u), mean_value(feature + 2u), mean_value(feature + 3u));
}

// Zero beyond the features.
fn row_value(start: u32, feature: u32) -> f32 {
    if feature >= covariance_params.n_features {
        return 0.0;
    }
    return rows[start + feature];
}

// Zeros beyond the rows.
fn centred_values(row: u32, feature: u32, mean: vec4<f32>) -> vec4<f32> {
    if row >= covariance_params.n {
        return vec4<f32>();
    }
    let start = (covariance_params.first + row) * covariance_params.n_features;
    return vec4<f32>(
        row_value(start, feature),
        row_value(start, feature + 1u),
        row_value(start, feature + 2u),
        row_value(start, feature + 3u),
    ) - mean;
}

// Adds (x - mean)^T (x - mean) of a block of rows to `products`, by tiles of 64 x 64 features, 4 x
// 4 a thread: tiles on the diagonal and to the right of it.
@compute @workgroup_size(256)
fn covariance(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let d = covariance_params.n_features;
    let number = workgroup_number(group_id, group_count);
    if number >= covariance_params.n_tiles {
        return;
    }
    // Row after row of tiles, each one tile shorter than the last.
    var in_row = (d + TILE - 1u) / TILE;
    var tile = covariance_params.first_tile + number;
    var first_row = 0u;
    while tile >= in_row {
        tile -= in_row;
        in_row -= 1u;
        first_row += TILE;
    }
    let first_column = first_row + tile * TILE;
    let row_group = thread / 16u;
    let column_group = thread % 16u;
    // Thread t loads features 4 (t % 16) .. + 4 of row t / 16 of the slice.
    let left_feature = first_row + thread % 16u * SIDE;
    let right_feature = first_column + thread % 16u * SIDE;
    let left_mean = mean_values(left_feature);
    let right_mean = mean_values(right_feature);
    var sums: array<vec4<f32>, SIDE>;
    for (var first = 0u; first < covariance_params.n; first += SLICE) {
        let row = first + thread / 16u;
        left[thread] = centred_values(row, left_feature, left_mean);
        right[thread] = centred_values(row, right_feature, right_mean);
        workgroupBarrier();
        for (var r = 0u; r < SLICE; r++) {
            let a = left[r * 16u + row_group];
            let b = right[r * 16u + column_group];
            sums[0] += a.x * b;
            sums[1] += a.y * b;
            sums[2] += a.z * b;
            sums[3] += a.w * b;
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < SIDE; i++) {
        let row = first_row + row_group * SIDE + i;
        for (var j = 0u; j < SIDE; j++) {
            let column = first_column + column_group * SIDE + j;
            if row < d && column < d {
                products[row * d + column] += sums[i][j];
            }
        }
    }
}

struct ProjectParams {
    first: u32,
    n: u32,
    n_features: u32,
    n_components: u32,
}

@group(0) @binding(0) var<uniform> project_params: ProjectParams;
@group(0) @binding(3) var<storage, read> components: array<f32>;
@group(0) @binding(4) var<storage, read_write> projected: array<f32>;

// (row - mean) . component, one number a thread, in groups of 16 features: the result depends on
// nothing but the row.
@compute @workgroup_size(64)
fn project(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let at = workgroup_number(group_id, group_count) * 64u + thread;
    if at >= project_params.n * project_params.n_components {
        return;
    }
    let row = (project_params.first + at / project_params.n_components) * project_params.n_features;
    let component = at % project_params.n_components * project_params.n_features;
    var sum = 0.0;
    // A constant number of turns inside, so that compilers unroll them: see MOST_TURNS on the host.
    let whole = project_params.n_features / SLICE * SLICE;
    for (var first = 0u; first < whole; first += SLICE) {
        var part = 0.0;
        for (var i = 0u; i < SLICE; i++) {
            let f = first + i;
            part += (rows[row + f] - mean[f]) * components[component + f];
        }
        sum += part;
    }
    var rest = 0.0;
    for (var f = whole; f < project_params.n_features; f++) {
        rest += (rows[row + f] - mean[f]) * components[component + f];
    }
    projected[project_params.first * project_params.n_components + at] = sum + rest;
}

struct CrossParams {
    // First block of this dispatch, and number of all rows.
    first_block: u32,
    n: u32,
    n_features: u32,
    n_components: u32,
}

@group(0) @binding(0) var<uniform> cross_params: CrossParams;
@group(0) @binding(3) var<storage, read> scores: array<f32>;
@group(0) @binding(4) var<storage, read_write> partial_sums: array<f32>;

const BLOCK_ROWS: u32 = 1024u;
const FEATURES: u32 = 64u;
const COMPONENTS: u32 = 16u;

// Sum over a block of rows of scores^T (row - mean): a workgroup takes 64 features, one a thread, and 16 components.
@compute @workgroup_size(64)
fn cross_products(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let d = cross_params.n_features;
    let c = cross_params.n_components;
    let tiles = (d + FEATURES - 1u) / FEATURES;
    let tiles_of_block = tiles * ((c + COMPONENTS - 1u) / COMPONENTS);
    let number = workgroup_number(group_id, group_count);
    let block = cross_params.first_block + number / tiles_of_block;
    let first = number % tiles_of_block / tiles * COMPONENTS;
    let feature = number % tiles * FEATURES + thread;
    if block * BLOCK_ROWS >= cross_params.n || feature >= d {
        return;
    }
    var sums: array<f32, COMPONENTS>;
    for (var row = block * BLOCK_ROWS; row < min((block + 1u) * BLOCK_ROWS, cross_params.n); row++) {
        let value = rows[row * d + feature] - mean[feature];
        for (var i = 0u; i < COMPONENTS; i++) {
            sums[i] += value * scores[row * c + min(first + i, c - 1u)];
        }
    }
    for (var i = 0u; i < min(COMPONENTS, c - first); i++) {
        partial_sums[(block * c + first + i) * d + feature] = sums[i];
    }
}
