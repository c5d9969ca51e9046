// Repulsion of t-SNE over all pairs: sum_j q_ij^2 (y_i - y_j) and the sums of q_ij = 1 / (1 + |y_i - y_j|^2).
// #import map

struct RepulsionParams {
    first: u32,
    n_rows: u32,
    n: u32,
    n_components: u32,
    // Range of pushing points in this dispatch: first_other .. last_other. The push of earlier ones
    // is already in the result.
    first_other: u32,
    last_other: u32,
    // q of a point with itself: 1 if it is one of the others.
    own: f32,
}

@group(0) @binding(0) var<uniform> params: RepulsionParams;
@group(0) @binding(1) var<storage, read> map: array<f32>;
@group(0) @binding(2) var<storage, read_write> repulsions: array<f32>;
@group(0) @binding(3) var<storage, read_write> q_sums: array<f32>;
// n_others x 2 or x 3; the points themselves, or those of a fixed embedding.
@group(0) @binding(4) var<storage, read> pushing: array<f32>;

const THREADS: u32 = 256u;

var<workgroup> others: array<vec3<f32>, THREADS>;

// Coordinates of a pushing point, as `place_of`.
fn other_of(i: u32) -> vec3<f32> {
    let at = i * params.n_components;
    if params.n_components == 2u {
        return vec3<f32>(pushing[at], pushing[at + 1u], 0.0);
    }
    return vec3<f32>(pushing[at], pushing[at + 1u], pushing[at + 2u]);
}

// One point a thread against all others, which pass through workgroup memory in tiles. Sums within
// a tile are kept separate from the total, which keeps the rounding error of n additions small.
@compute @workgroup_size(256)
fn repulsion(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let offset = workgroup_number(group_id, group_count) * THREADS + thread;
    let i = params.first + offset;
    let n = params.n;
    var point = vec3<f32>(0.0);
    if i < n {
        point = place_of(i, params.n_components);
    }
    var force = vec3<f32>(0.0);
    var q_sum = 0.0;
    for (var first = params.first_other; first < params.last_other; first += THREADS) {
        if first + thread < params.last_other {
            others[thread] = other_of(first + thread);
        }
        workgroupBarrier();
        var tile_force = vec3<f32>(0.0);
        var tile_sum = 0.0;
        for (var j = 0u; j < min(THREADS, params.last_other - first); j++) {
            let difference = point - others[j];
            let q = 1.0 / (1.0 + dot(difference, difference));
            tile_sum += q;
            tile_force += q * q * difference;
        }
        force += tile_force;
        q_sum += tile_sum;
        workgroupBarrier();
    }
    if offset < params.n_rows && i < n {
        let adds = params.first_other > 0u;
        for (var axis = 0u; axis < params.n_components; axis++) {
            let at = i * params.n_components + axis;
            repulsions[at] = select(0.0, repulsions[at], adds) + force[axis];
        }
        q_sums[i] = select(-params.own, q_sums[i], adds) + q_sum;
    }
}
