// Squared Euclidean distances between the rows of two matrices.

struct DistanceParams {
    query_first: u32,
    n_queries: u32,
    n_references: u32,
    n_features: u32,
    // Products: of the features first_feature .. last_feature; those before are in what is there already.
    first_feature: u32,
    last_feature: u32,
}

@group(0) @binding(0) var<uniform> params: DistanceParams;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> references: array<f32>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>;
@group(0) @binding(4) var<storage, read> query_norms: array<f32>;
@group(0) @binding(5) var<storage, read> reference_norms: array<f32>;

const TILE: u32 = 64u;
const SLICE: u32 = 16u;
// Outputs of one thread in each direction.
const SIDE: u32 = 4u;

// Slices of both operands, feature-major, so that the four values a thread needs lie side by side.
var<workgroup> query_slice: array<vec4<f32>, 256>;
var<workgroup> reference_slice: array<vec4<f32>, 256>;

fn query_value(row: u32, feature: u32) -> f32 {
    if row >= params.n_queries || feature >= params.n_features {
        return 0.0;
    }
    return queries[(params.query_first + row) * params.n_features + feature];
}

fn reference_value(row: u32, feature: u32) -> f32 {
    if row >= params.n_references || feature >= params.n_features {
        return 0.0;
    }
    return references[row * params.n_features + feature];
}

// |a|^2 + |b|^2 - 2 a.b by tiles of 64 x 64, 4 x 4 a thread. The rows must be centred: the difference cancels.
@compute @workgroup_size(256)
fn squared_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tiles_across = (params.n_references + TILE - 1u) / TILE;
    let tile = workgroup_number(group_id, group_count);
    let first_row = tile / tiles_across * TILE;
    let first_column = tile % tiles_across * TILE;
    if first_row >= params.n_queries {
        return;
    }
    let row_group = thread / 16u;
    let column_group = thread % 16u;
    var products: array<vec4<f32>, SIDE>;
    for (var first = params.first_feature; first < params.last_feature; first += SLICE) {
        // Thread t loads rows 4 (t % 16) .. + 4 of feature t / 16 of the slice.
        let feature = first + thread / 16u;
        let offset = thread % 16u * SIDE;
        query_slice[thread] = vec4<f32>(
            query_value(first_row + offset, feature),
            query_value(first_row + offset + 1u, feature),
            query_value(first_row + offset + 2u, feature),
            query_value(first_row + offset + 3u, feature),
        );
        reference_slice[thread] = vec4<f32>(
            reference_value(first_column + offset, feature),
            reference_value(first_column + offset + 1u, feature),
            reference_value(first_column + offset + 2u, feature),
            reference_value(first_column + offset + 3u, feature),
        );
        workgroupBarrier();
        for (var f = 0u; f < SLICE; f++) {
            let a = query_slice[f * 16u + row_group];
            let b = reference_slice[f * 16u + column_group];
            products[0] += a.x * b;
            products[1] += a.y * b;
            products[2] += a.z * b;
            products[3] += a.w * b;
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < SIDE; i++) {
        let row = first_row + row_group * SIDE + i;
        for (var j = 0u; j < SIDE; j++) {
            let column = first_column + column_group * SIDE + j;
            if row < params.n_queries && column < params.n_references {
                let at = row * params.n_references + column;
                let norms = query_norms[params.query_first + row] + reference_norms[column];
                distances[at] = select(norms, distances[at], params.first_feature > 0u) - 2.0 * products[i][j];
            }
        }
    }
}

// Features that are summed together, to keep the rounding error small.
const GROUP: u32 = 16u;

// Sum of (a - b)^2 without cancellation, one pair a thread, in groups of features.
@compute @workgroup_size(256)
fn difference_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let pair = workgroup_number(group_id, group_count) * 256u + thread;
    if pair >= params.n_queries * params.n_references {
        return;
    }
    let query = (params.query_first + pair / params.n_references) * params.n_features;
    let reference = pair % params.n_references * params.n_features;
    var sum = 0.0;
    // A constant number of turns inside, so that compilers unroll them: see MOST_TURNS on the host.
    let whole = params.n_features / GROUP * GROUP;
    for (var first = 0u; first < whole; first += GROUP) {
        var part = 0.0;
        for (var f = 0u; f < GROUP; f++) {
            let difference = queries[query + first + f] - references[reference + first + f];
            part += difference * difference;
        }
        sum += part;
    }
    var rest = 0.0;
    for (var f = whole; f < params.n_features; f++) {
        let difference = queries[query + f] - references[reference + f];
        rest += difference * difference;
    }
    distances[pair] = sum + rest;
}

struct NormParams {
    n: u32,
    n_features: u32,
}

@group(0) @binding(0) var<uniform> norm_params: NormParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read_write> norms: array<f32>;

// Squared length of each row, in groups of features.
@compute @workgroup_size(64)
fn squared_norms(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = workgroup_number(group_id, group_count) * 64u + thread;
    if row >= norm_params.n {
        return;
    }
    var sum = 0.0;
    let at = row * norm_params.n_features;
    let whole = norm_params.n_features / GROUP * GROUP;
    for (var first = 0u; first < whole; first += GROUP) {
        var part = 0.0;
        for (var f = 0u; f < GROUP; f++) {
            let value = rows[at + first + f];
            part += value * value;
        }
        sum += part;
    }
    var rest = 0.0;
    for (var f = whole; f < norm_params.n_features; f++) {
        let value = rows[at + f];
        rest += value * value;
    }
    norms[row] = sum + rest;
}
