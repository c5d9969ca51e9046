// Membership strengths of each point's neighbours: exp(-(d - rho) / sigma), with a width sigma of
// its own.

struct MembershipParams {
    // End and start of the rows.
    n: u32,
    first: u32,
    n_neighbors: u32,
    // Target sum of the memberships of a row; neighbours within rho count 1.
    target_sum: f32,
    // Number of nearest neighbours within rho; fractions interpolate rho.
    local_connectivity: f32,
    // Mean of all distances, including the points' own zeros.
    mean_distance: f32,
}

@group(0) @binding(0) var<uniform> params: MembershipParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read_write> memberships: array<f32>;
// rho and sigma.
@group(0) @binding(3) var<storage, read_write> scales: array<vec2<f32>>;

const STEPS: u32 = 64u;
const TOLERANCE: f32 = 1e-5;
// Smallest sigma as a share of the mean distance.
const LEAST_SHARE: f32 = 1e-3;

fn nearness(distance: f32, rho: f32, sigma: f32) -> f32 {
    let beyond = distance - rho;
    if beyond <= 0.0 || sigma == 0.0 {
        return 1.0;
    }
    return exp(-beyond / sigma);
}

// Distance to the neighbour with that number among those at a distance above 0, or to the farthest
// if there are fewer.
fn local_distance(first: u32, local_connectivity: f32) -> f32 {
    let whole = u32(local_connectivity);
    var above = 0.0;
    var below = 0.0;
    var count = 0u;
    for (var j = 0u; j < params.n_neighbors; j++) {
        let distance = distances[first + j];
        if distance > 0.0 && count <= whole {
            below = above;
            above = distance;
            count++;
        }
    }
    if f32(count) <= local_connectivity {
        return above;
    }
    return below + (local_connectivity - f32(whole)) * (above - below);
}

// One row a thread: bisection on sigma until the memberships sum to the target. `distances` are ascending.
@compute @workgroup_size(64)
fn membership(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = params.first + workgroup_number(group_id, group_count) * 64u + thread;
    if row >= params.n {
        return;
    }
    let first = row * params.n_neighbors;
    let rho = local_distance(first, params.local_connectivity);
    var total = 0.0;
    for (var j = 0u; j < params.n_neighbors; j++) {
        total += distances[first + j];
    }
    var low = 0.0;
    var high = -1.0;
    var sigma = 1.0;
    for (var round = 0u; round < STEPS; round++) {
        var sum = 0.0;
        for (var j = 0u; j < params.n_neighbors; j++) {
            sum += nearness(distances[first + j], rho, sigma);
        }
        if abs(sum - params.target_sum) < TOLERANCE {
            break;
        }
        if sum > params.target_sum {
            high = sigma;
            sigma = (low + high) * 0.5;
        } else {
            low = sigma;
            sigma = select((low + high) * 0.5, sigma * 2.0, high < 0.0);
        }
    }
    let mean = select(params.mean_distance, total / f32(params.n_neighbors + 1u), rho > 0.0);
    sigma = max(sigma, LEAST_SHARE * mean);
    for (var j = 0u; j < params.n_neighbors; j++) {
        memberships[first + j] = nearness(distances[first + j], rho, sigma);
    }
    scales[row] = vec2<f32>(rho, sigma);
}
