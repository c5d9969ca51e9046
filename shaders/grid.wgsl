// Points of an embedding on a grid of nodes: the density of its points, and forces interpolated
// from the nodes.

struct GridParams {
    n: u32,
    nodes: u32,
    // Number of spacings, from the widest to the narrowest; the choice stops at the first that is
    // too narrow for the embedding.
    n_levels: u32,
    // Steps of the fixed point in 1.
    steps: f32,
}

@group(0) @binding(0) var<uniform> grid_params: GridParams;
@group(0) @binding(1) var<storage, read> points: array<vec2<f32>>;
// For each block of points the sums of their coordinates and squares, then smallest x and y,
// largest x and y.
@group(0) @binding(2) var<storage, read> blocks: array<vec4<f32>>;
// G x G.
@group(0) @binding(3) var<storage, read_write> density: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read> field: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> gathered: array<vec2<f32>>;
// Distance of two nodes, and the potential of a point at its own position.
@group(0) @binding(6) var<storage, read> levels: array<vec2<f32>>;
// Centre of the grid, spacing, and part of the points' own potentials in the normaliser; then the
// level and the embedding's span.
@group(0) @binding(7) var<storage, read_write> frame: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> frame_found: array<vec4<f32>>;

const BLOCK: u32 = 1024u;
const THREADS: u32 = 256u;
const FARTHEST: f32 = 3.4e38;
// Number of nodes that the splines need beyond the outermost points, both sides together.
const BORDER: f32 = 6.0;

var<workgroup> bounds_of_threads: array<vec4<f32>, THREADS>;

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(min(a.xy, b.xy), max(a.zw, b.zw));
}

// Joins the bounds of all blocks; each workgroup does so for itself.
fn join_blocks(thread: u32) {
    var bounds = vec4<f32>(vec2<f32>(FARTHEST), vec2<f32>(-FARTHEST));
    let n_blocks = (grid_params.n + BLOCK - 1u) / BLOCK;
    for (var block = thread; block < n_blocks; block += THREADS) {
        bounds = joined(bounds, blocks[2u * block + 1u]);
    }
    bounds_of_threads[thread] = bounds;
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            bounds_of_threads[thread] = joined(bounds_of_threads[thread], bounds_of_threads[thread + half]);
        }
        workgroupBarrier();
    }
}

// The narrowest level that the span fits.
fn level_of(span: f32) -> u32 {
    var level = 0u;
    while level + 1u < grid_params.n_levels && span <= (f32(grid_params.nodes) - BORDER) * levels[level + 1u].x {
        level++;
    }
    return level;
}

struct Stencil {
    // First of the four nodes along each axis.
    first: vec2<u32>,
    // Weights of the four along x and along y.
    x: vec4<f32>,
    y: vec4<f32>,
}

// Values of the four cubic B-splines that reach a position, `f` after the second of their nodes.
fn splines(f: f32) -> vec4<f32> {
    let g = 1.0 - f;
    let inner = vec2<f32>(f * f * (0.5 * f - 1.0), g * g * (0.5 * g - 1.0)) + 2.0 / 3.0;
    return vec4<f32>(g * g * g / 6.0, inner.x, inner.y, f * f * f / 6.0);
}

fn stencil_of(point: vec2<f32>, middle: vec2<f32>, spacing: f32) -> Stencil {
    let place = (point - middle) / spacing + 0.5 * f32(grid_params.nodes - 1u);
    // Points outside the grid count as on its border.
    let clamped = clamp(place, vec2<f32>(1.0), vec2<f32>(f32(grid_params.nodes) - 2.5));
    let base = floor(clamped);
    let f = clamped - base;
    // Even for coordinates that are NaN the nodes lie on the grid.
    let second = clamp(vec2<u32>(base), vec2<u32>(1u), vec2<u32>(grid_params.nodes - 3u));
    return Stencil(second - 1u, splines(f.x), splines(f.y));
}

// Places the grid around the embedding and spreads every point over the 4 x 4 nodes around it, in
// fixed point, so that the sums do not depend on their order.
@compute @workgroup_size(256)
fn splat(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    join_blocks(thread);
    let bounds = bounds_of_threads[0];
    let extent = bounds.zw - bounds.xy;
    let span = max(extent.x, extent.y);
    let level = level_of(span);
    let middle = 0.5 * (bounds.xy + bounds.zw);
    let spacing = levels[level].x;
    let group = workgroup_number(group_id, group_count);
    if group == 0u && thread == 0u {
        frame[0] = vec4<f32>(middle, spacing, -f32(grid_params.n) * levels[level].y);
        frame[1] = vec4<f32>(f32(level), span, 0.0, 0.0);
    }
    let i = group * THREADS + thread;
    if i >= grid_params.n {
        return;
    }
    var stencil = stencil_of(points[i], middle, spacing);
    for (var row = 0u; row < 4u; row++) {
        let at = (stencil.first.y + row) * grid_params.nodes + stencil.first.x;
        for (var column = 0u; column < 4u; column++) {
            let share = stencil.y[row] * stencil.x[column] * grid_params.steps;
            atomicAdd(&density[at + column], u32(share + 0.5));
        }
    }
}

// Interpolates the force on every point from the 4 x 4 nodes around it.
@compute @workgroup_size(64)
fn gather(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= grid_params.n {
        return;
    }
    var stencil = stencil_of(points[i], frame_found[0].xy, frame_found[0].z);
    var force = vec2<f32>(0.0);
    for (var row = 0u; row < 4u; row++) {
        let at = (stencil.first.y + row) * grid_params.nodes + stencil.first.x;
        var along = vec2<f32>(0.0);
        for (var column = 0u; column < 4u; column++) {
            along += stencil.x[column] * field[at + column];
        }
        force += stencil.y[row] * along;
    }
    gathered[i] = force;
}
