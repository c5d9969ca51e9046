// Squared Euclidean distances between the rows of two matrices.

struct CentreParams {
    // Row of `rows` that becomes the first row of the result.
    first: u32,
    n: u32,
    // Number of rows of the result, including the padding.
    n_padded: u32,
    n_features: u32,
    // Number of features of the result, including the padding.
    width: u32,
}

@group(0) @binding(0) var<uniform> centre_params: CentreParams;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> centred: array<f32>;
@group(0) @binding(4) var<storage, read_write> norms: array<f32>;

const CENTRE_THREADS: u32 = 64u;

var<workgroup> squares: array<f32, CENTRE_THREADS>;

// Rows minus the mean, padded with zeros, and their squared lengths: one row a workgroup, 64
// running sums and a tree.
@compute @workgroup_size(64)
fn centre_rows(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = workgroup_number(group_id, group_count);
    if row >= centre_params.n_padded {
        return;
    }
    let start = (centre_params.first + row) * centre_params.n_features;
    var sum = 0.0;
    for (var f = thread; f < centre_params.width; f += CENTRE_THREADS) {
        var value = 0.0;
        if row < centre_params.n && f < centre_params.n_features {
            value = rows[start + f] - mean[f];
        }
        centred[row * centre_params.width + f] = value;
        sum += value * value;
    }
    squares[thread] = sum;
    for (var half = CENTRE_THREADS / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if thread < half {
            squares[thread] += squares[thread + half];
        }
    }
    if thread == 0u {
        norms[row] = squares[0];
    }
}

struct ProductParams {
    // First rows of the queries and references, and first row of tiles of this dispatch.
    query_first: u32,
    reference_first: u32,
    first_tile: u32,
    n_tiles: u32,
    tiles_across: u32,
    // Range of features first_feature .. last_feature of `width`; earlier ones are already in the
    // result.
    first_feature: u32,
    last_feature: u32,
    width: u32,
    // Number of entries from one reference to the next in `mirrored`; 0 if it is not requested.
    mirror_stride: u32,
}

@group(0) @binding(0) var<uniform> product_params: ProductParams;
@group(0) @binding(1) var<storage, read> query_rows: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> reference_rows: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> tiles: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> query_norms: array<f32>;
@group(0) @binding(5) var<storage, read> reference_norms: array<vec4<f32>>;
// The same distances, by reference.
@group(0) @binding(6) var<storage, read_write> mirrored: array<vec4<f32>>;

const TILE: u32 = 128u;
// Rows and features are processed four at a time.
const TILE_FOURS: u32 = 32u;
const SLICE: u32 = 16u;
const SLICE_FOURS: u32 = 4u;

// A slice of both operands, feature after feature, four rows in each entry: first the queries', then the references'.
var<workgroup> slices: array<vec4<f32>, 1024>;

const REFERENCES: u32 = 512u;

// Four features of four rows, a row in each column.
fn operand(of_references: bool, at: u32, width: u32) -> mat4x4<f32> {
    if of_references {
        return mat4x4<f32>(
            reference_rows[at],
            reference_rows[at + width],
            reference_rows[at + 2u * width],
            reference_rows[at + 3u * width],
        );
    }
    return mat4x4<f32>(query_rows[at], query_rows[at + width], query_rows[at + 2u * width], query_rows[at + 3u * width]);
}

// Position of four rows of feature 4 q + j in a slice. Threads that store side by side hold
// different q, and without the shift would all use one bank of the memory.
fn place(rows: u32, q: u32) -> u32 {
    return q * 4u * TILE_FOURS + (rows ^ (q * 2u));
}

fn write_row(row: u32, fours: u32, products: vec4<f32>) -> vec4<f32> {
    let at = row * product_params.tiles_across * TILE_FOURS + fours;
    var before = query_norms[product_params.query_first + row] + reference_norms[product_params.reference_first / 4u + fours];
    if product_params.first_feature > 0u {
        before = tiles[at];
    }
    let distances = before - 2.0 * products;
    tiles[at] = distances;
    return distances;
}

// Writes four rows of four columns, `row` and `fours` being the first of them, from the products of each row.
fn write_block(row: u32, fours: u32, first: vec4<f32>, second: vec4<f32>, third: vec4<f32>, fourth: vec4<f32>) {
    let block = transpose(mat4x4<f32>(
        write_row(row, fours, first),
        write_row(row + 1u, fours, second),
        write_row(row + 2u, fours, third),
        write_row(row + 3u, fours, fourth),
    ));
    if product_params.mirror_stride > 0u {
        let stride = product_params.mirror_stride / 4u;
        let at = 4u * fours * stride + row / 4u;
        mirrored[at] = block[0];
        mirrored[at + stride] = block[1];
        mirrored[at + 2u * stride] = block[2];
        mirrored[at + 3u * stride] = block[3];
    }
}

// |a|^2 + |b|^2 - 2 a.b by tiles of 128 x 128, 8 x 8 a thread. The rows must be centred, since the
// difference cancels, and padded with zeros to whole tiles and slices.
@compute @workgroup_size(256)
fn squared_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = workgroup_number(group_id, group_count);
    if tile >= product_params.n_tiles {
        return;
    }
    let first_row = (product_params.first_tile + tile / product_params.tiles_across) * TILE;
    let first_column = tile % product_params.tiles_across * TILE;
    // Half of the threads load queries, half load references: four rows each of four features,
    // which lie side by side in memory.
    let of_references = thread >= 128u;
    let q = thread % SLICE_FOURS;
    let four_rows = thread % 128u / SLICE_FOURS;
    let width = product_params.width / 4u;
    let query_row = product_params.query_first + first_row;
    let reference_row = product_params.reference_first + first_column;
    let operand_row = select(query_row, reference_row, of_references) + 4u * four_rows;
    let start = operand_row * width + q;
    let to = select(0u, REFERENCES, of_references) + place(four_rows, q);
    // 32 threads compute 4 x 8 blocks, so that they read few different entries at once.
    let row_fours = thread / 64u * 4u + thread % 32u / 8u;
    let column_fours = thread / 32u % 2u * 8u + thread % 8u;
    var sums: array<vec4<f32>, 16>;
    var next = operand(of_references, start + product_params.first_feature / 4u, width);
    for (var first = product_params.first_feature; first < product_params.last_feature; first += SLICE) {
        let features = transpose(next);
        slices[to] = features[0];
        slices[to + TILE_FOURS] = features[1];
        slices[to + 2u * TILE_FOURS] = features[2];
        slices[to + 3u * TILE_FOURS] = features[3];
        workgroupBarrier();
        // The next slice is loaded while this one is processed; the last is loaded twice, which
        // saves a branch.
        next = operand(of_references, start + min(first + SLICE, product_params.last_feature - SLICE) / 4u, width);
        for (var f = 0u; f < SLICE; f++) {
            let a_at = place(row_fours, f / 4u) + f % 4u * TILE_FOURS;
            let b_at = REFERENCES + place(column_fours, f / 4u) + f % 4u * TILE_FOURS;
            let a = slices[a_at];
            let c = slices[a_at + 16u];
            let b = slices[b_at];
            let d = slices[b_at + 16u];
            sums[0] += a.x * b;
            sums[1] += a.x * d;
            sums[2] += a.y * b;
            sums[3] += a.y * d;
            sums[4] += a.z * b;
            sums[5] += a.z * d;
            sums[6] += a.w * b;
            sums[7] += a.w * d;
            sums[8] += c.x * b;
            sums[9] += c.x * d;
            sums[10] += c.y * b;
            sums[11] += c.y * d;
            sums[12] += c.z * b;
            sums[13] += c.z * d;
            sums[14] += c.w * b;
            sums[15] += c.w * d;
        }
        workgroupBarrier();
    }
    let fours = first_column / 4u + column_fours;
    let upper = first_row + 4u * row_fours;
    let lower = upper + TILE / 2u;
    write_block(upper, fours, sums[0], sums[2], sums[4], sums[6]);
    write_block(upper, fours + 16u, sums[1], sums[3], sums[5], sums[7]);
    write_block(lower, fours, sums[8], sums[10], sums[12], sums[14]);
    write_block(lower, fours + 16u, sums[9], sums[11], sums[13], sums[15]);
}
