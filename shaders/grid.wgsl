// A map's points on a grid of nodes: its bounds, the density of its points, and forces taken from the nodes.

struct BoundParams {
    n: u32,
}

@group(0) @binding(0) var<uniform> bound_params: BoundParams;
@group(0) @binding(1) var<storage, read> points: array<vec2<f32>>;
// Least x and y, largest x and y, of each 1,024 points.
@group(0) @binding(2) var<storage, read_write> block_bounds: array<vec4<f32>>;

const BLOCK: u32 = 1024u;
const THREADS: u32 = 256u;
const FARTHEST: f32 = 3.4e38;

var<workgroup> bounds_of_threads: array<vec4<f32>, THREADS>;

fn joined(a: vec4<f32>, b: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(min(a.xy, b.xy), max(a.zw, b.zw));
}

fn join_threads(thread: u32) {
    workgroupBarrier();
    for (var half = THREADS / 2u; half > 0u; half /= 2u) {
        if thread < half {
            bounds_of_threads[thread] = joined(bounds_of_threads[thread], bounds_of_threads[thread + half]);
        }
        workgroupBarrier();
    }
}

@compute @workgroup_size(256)
fn bound_blocks(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let block = workgroup_number(group_id, group_count);
    if block * BLOCK >= bound_params.n {
        return;
    }
    var bounds = vec4<f32>(vec2<f32>(FARTHEST), vec2<f32>(-FARTHEST));
    for (var i = block * BLOCK + thread; i < min((block + 1u) * BLOCK, bound_params.n); i += THREADS) {
        bounds = joined(bounds, points[i].xyxy);
    }
    bounds_of_threads[thread] = bounds;
    join_threads(thread);
    if thread == 0u {
        block_bounds[block] = bounds_of_threads[0];
    }
}

struct JoinParams {
    n_blocks: u32,
}

@group(0) @binding(0) var<uniform> join_params: JoinParams;
@group(0) @binding(1) var<storage, read> bounds_of_blocks: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> joined_bounds: array<vec4<f32>>;

// One workgroup joins the bounds of all blocks.
@compute @workgroup_size(256)
fn join_bounds(@builtin(workgroup_id) group_id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    if group_id.x > 0u || group_id.y > 0u {
        return;
    }
    var bounds = vec4<f32>(vec2<f32>(FARTHEST), vec2<f32>(-FARTHEST));
    for (var at = thread; at < join_params.n_blocks; at += THREADS) {
        bounds = joined(bounds, bounds_of_blocks[at]);
    }
    bounds_of_threads[thread] = bounds;
    join_threads(thread);
    if thread == 0u {
        joined_bounds[0] = bounds_of_threads[0];
    }
}

struct GridParams {
    n: u32,
    nodes: u32,
    // Distance of two nodes.
    spacing: f32,
    // Steps of the fixed point in 1.
    steps: f32,
}

@group(0) @binding(0) var<uniform> grid_params: GridParams;
// The map's bounds in its first entry.
@group(0) @binding(2) var<storage, read> bounds: array<vec4<f32>>;
// G x G.
@group(0) @binding(3) var<storage, read_write> density: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read> field: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> gathered: array<vec2<f32>>;

struct Stencil {
    // First of the four nodes along each axis.
    first: vec2<u32>,
    // Weights of the four along x and along y.
    x: vec4<f32>,
    y: vec4<f32>,
}

// Values of the four cubic B-splines that reach a place, `f` past the second of their nodes.
fn splines(f: f32) -> vec4<f32> {
    let g = 1.0 - f;
    let inner = vec2<f32>(f * f * (0.5 * f - 1.0), g * g * (0.5 * g - 1.0)) + 2.0 / 3.0;
    return vec4<f32>(g * g * g / 6.0, inner.x, inner.y, f * f * f / 6.0);
}

fn stencil_of(point: vec2<f32>) -> Stencil {
    let extent = bounds[0];
    let middle = 0.5 * f32(grid_params.nodes - 1u);
    let place = (point - 0.5 * (extent.xy + extent.zw)) / grid_params.spacing + middle;
    // Points beyond the grid count as on its border.
    let clamped = clamp(place, vec2<f32>(1.0), vec2<f32>(f32(grid_params.nodes) - 2.5));
    let base = floor(clamped);
    let f = clamped - base;
    return Stencil(vec2<u32>(base) - 1u, splines(f.x), splines(f.y));
}

// Spreads every point over the 4 x 4 nodes around it, in fixed point, whose sums do not depend on their order.
@compute @workgroup_size(64)
fn splat(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    if i >= grid_params.n {
        return;
    }
    var stencil = stencil_of(points[i]);
    for (var row = 0u; row < 4u; row++) {
        let at = (stencil.first.y + row) * grid_params.nodes + stencil.first.x;
        for (var column = 0u; column < 4u; column++) {
            let share = stencil.y[row] * stencil.x[column] * grid_params.steps;
            atomicAdd(&density[at + column], u32(share + 0.5));
        }
    }
}

// Takes every point's force from the 4 x 4 nodes around it.
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
    var stencil = stencil_of(points[i]);
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
