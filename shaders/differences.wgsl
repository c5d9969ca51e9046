// Squared Euclidean distances between the rows of two matrices as sums of (a - b)^2, without cancellation.

struct DifferenceParams {
    query_first: u32,
    n_queries: u32,
    n_references: u32,
    n_features: u32,
    // First tile of this dispatch among the tiles of all distances, row after row of tiles.
    first_tile: u32,
    n_tiles: u32,
    // Range of features first_feature .. last_feature; earlier ones are already in the result.
    first_feature: u32,
    last_feature: u32,
}

@group(0) @binding(0) var<uniform> params: DifferenceParams;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> references: array<f32>;
@group(0) @binding(3) var<storage, read_write> distances: array<f32>;

// Rows and columns of one tile, and number of distances of one thread in each direction.
const TILE: u32 = 64u;
const SIDE: u32 = 4u;
// Number of features that are summed together, to keep the rounding error small.
const GROUP: u32 = 16u;
// Groups of four rows of one feature, and one more: threads that store neighbouring features then
// use different banks.
const STRIDE: u32 = 17u;

// Sixteen features of both operands, the values of four rows side by side.
var<workgroup> query_slice: array<vec4<f32>, GROUP * STRIDE>;
var<workgroup> reference_slice: array<vec4<f32>, GROUP * STRIDE>;

// The squares of one feature of 4 x 4 pairs of rows.
fn squares(f: u32, row_group: u32, column_group: u32) -> mat4x4<f32> {
    let a = query_slice[f * STRIDE + row_group];
    let b = reference_slice[f * STRIDE + column_group];
    let x = a.x - b;
    let y = a.y - b;
    let z = a.z - b;
    let w = a.w - b;
    return mat4x4<f32>(x * x, y * y, z * z, w * w);
}

// Tiles of 64 x 64 distances, 4 x 4 a thread. Neighbouring threads have neighbouring references, so
// that they write together. If there are few references they have neighbouring queries instead:
// whole subgroups are then without a pair and skip the sums, as they do if there are few queries.
@compute @workgroup_size(256)
fn difference_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let number = workgroup_number(group_id, group_count);
    if number >= params.n_tiles {
        return;
    }
    let tiles_across = (params.n_references + TILE - 1u) / TILE;
    let first_row = (params.first_tile + number) / tiles_across * TILE;
    let first_column = (params.first_tile + number) % tiles_across * TILE;
    let d = params.n_features;
    // Data that a thread loads: one feature of four rows, so that sixteen threads read a row's
    // features side by side. Beyond the last row, that row again.
    let own = thread % GROUP;
    let four = thread / GROUP;
    let rows = min(first_row + four * SIDE + vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.n_queries - 1u));
    let is_narrow = params.n_references <= 16u;
    let apart = select(16u, 1u, is_narrow);
    let spread = select(1u, SIDE, is_narrow);
    let columns =
        min(first_column + four * spread + apart * vec4<u32>(0u, 1u, 2u, 3u), vec4<u32>(params.n_references - 1u));
    let query_rows = (params.query_first + rows) * d;
    let reference_rows = columns * d;
    // Distances that the thread computes.
    let row_group = select(thread / 16u, thread % 16u, is_narrow);
    let column_group = select(thread % 16u, thread / 16u, is_narrow);
    let row = first_row + row_group * SIDE;
    let column = first_column + column_group * spread;
    var sums = mat4x4<f32>();
    for (var first = params.first_feature; first < params.last_feature; first += GROUP) {
        // Beyond the last feature, that feature again: no thread adds it.
        let f = min(first + own, d - 1u);
        query_slice[own * STRIDE + four] =
            vec4<f32>(queries[query_rows.x + f], queries[query_rows.y + f], queries[query_rows.z + f], queries[query_rows.w + f]);
        reference_slice[own * STRIDE + four] = vec4<f32>(
            references[reference_rows.x + f],
            references[reference_rows.y + f],
            references[reference_rows.z + f],
            references[reference_rows.w + f],
        );
        workgroupBarrier();
        if row < params.n_queries && column < params.n_references {
            var part = mat4x4<f32>();
            if params.last_feature - first >= GROUP {
                // A constant number of turns, so that compilers unroll them.
                for (var i = 0u; i < GROUP; i++) {
                    part += squares(i, row_group, column_group);
                }
            } else {
                for (var i = 0u; i < params.last_feature - first; i++) {
                    part += squares(i, row_group, column_group);
                }
            }
            sums += part;
        }
        workgroupBarrier();
    }
    for (var i = 0u; i < SIDE; i++) {
        for (var j = 0u; j < SIDE; j++) {
            let reference = column + j * apart;
            if row + i < params.n_queries && reference < params.n_references {
                let at = (row + i) * params.n_references + reference;
                var sum = sums[i][j];
                if params.first_feature > 0u {
                    sum += distances[at];
                }
                distances[at] = sum;
            }
        }
    }
}
