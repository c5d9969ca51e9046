// Layout of UMAP: each point is pulled along its edges and pushed away from random points. With the
// membership 1 / (1 + a q^b), q the squared distance in the embedding, the pull of an edge is 2ab
// q^(b-1) / (1 + a q^b) and the push 2 gamma b / ((0.001 + q)(1 + a q^b)).
// #import map

@group(0) @binding(1) var<storage, read> map: array<f32>;

const NEGATIVES: u32 = 16u;
// Largest absolute coordinate of one force.
const CLIP: f32 = 4.0;
const LEAST_SQUARE: f32 = 1.1754944e-38;
const MAX_EXPONENT: f32 = 126.0;

// q^b within the range of normal numbers, q > 0.
fn power(q: f32, b: f32) -> f32 {
    return exp2(clamp(b * log2(q), -MAX_EXPONENT, MAX_EXPONENT));
}

fn clipped(force: vec3<f32>) -> vec3<f32> {
    return clamp(force, vec3<f32>(-CLIP), vec3<f32>(CLIP));
}

// Pull, with its stiffness in w, divided by twice the weight.
fn pull(difference: vec3<f32>, a: f32, b: f32) -> vec4<f32> {
    let q = dot(difference, difference);
    if q < LEAST_SQUARE {
        return vec4<f32>(0.0);
    }
    let near = power(q, b);
    let stiffness = 2.0 * a * b * near / (q * (1.0 + a * near));
    return vec4<f32>(clipped(stiffness * difference), stiffness);
}

fn push(difference: vec3<f32>, a: f32, b: f32, repulsion: f32) -> vec3<f32> {
    let q = dot(difference, difference);
    if q < LEAST_SQUARE {
        return vec3<f32>(0.0);
    }
    return clipped(repulsion / ((0.001 + q) * (1.0 + a * power(q, b))) * difference);
}

fn lowbias32(seed: u32) -> u32 {
    var x = seed;
    x = (x ^ (x >> 16u)) * 0x7feb352du;
    x = (x ^ (x >> 15u)) * 0x846ca68bu;
    return x ^ (x >> 16u);
}

// The upper 32 bits of bits * n: a uniform number below n.
fn below(bits: u32, n: u32) -> u32 {
    let bits_low = bits & 0xffffu;
    let bits_high = bits >> 16u;
    let n_low = n & 0xffffu;
    let n_high = n >> 16u;
    let middle = bits_high * n_low + ((bits_low * n_low) >> 16u);
    let carry = bits_low * n_high + (middle & 0xffffu);
    return bits_high * n_high + (middle >> 16u) + (carry >> 16u);
}

struct AdvanceParams {
    n: u32,
    n_components: u32,
    a: f32,
    b: f32,
    // 2 gamma b.
    repulsion: f32,
    // Number of random points that an edge of weight 1 stands for, divided by the number that is
    // drawn.
    negative_rate: f32,
    momentum: f32,
    step: f32,
    max_step_norm: f32,
    key: u32,
    // Range of edges first .. first + most of each row. Points with longer rows are not moved
    // before their last edge.
    first: u32,
    most: u32,
}

@group(0) @binding(0) var<uniform> advance_params: AdvanceParams;
// Points in the order of their number of edges, so that neighbouring threads have equally much
// work.
@group(0) @binding(2) var<storage, read> order: array<u32>;
@group(0) @binding(3) var<storage, read> row_starts: array<u32>;
@group(0) @binding(4) var<storage, read> columns: array<u32>;
@group(0) @binding(5) var<storage, read> weights: array<f32>;
@group(0) @binding(6) var<storage, read_write> velocities: array<f32>;
@group(0) @binding(7) var<storage, read_write> moved: array<f32>;
// Pull, stiffness and degree from the edges so far of the points with longer rows, which come first
// in the order.
@group(0) @binding(8) var<storage, read_write> sums: array<f32>;

const THREADS: u32 = 64u;
// Number of threads of one point, which share its edges and random points.
const LANES: u32 = 8u;

// Pull with its stiffness, and push with the degree, of each thread.
var<workgroup> pulls: array<vec4<f32>, THREADS>;
var<workgroup> pushes: array<vec4<f32>, THREADS>;

// Eight threads a point: all its edges, 16 random points, and a step with momentum.
@compute @workgroup_size(64)
fn advance(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let lane = thread % LANES;
    let item = workgroup_number(group_id, group_count) * (THREADS / LANES) + thread / LANES;
    let params = advance_params;
    var i = 0u;
    var row_start = 0u;
    var length = 0u;
    if item < params.n {
        i = order[item];
        row_start = row_starts[i];
        length = row_starts[i + 1u] - row_start;
    }
    let is_here = item < params.n && (params.first == 0u || params.first < length);
    let last = min(length, params.first + params.most);
    var at = vec3<f32>(0.0);
    var pulled = vec4<f32>(0.0);
    var pushed = vec4<f32>(0.0);
    if is_here {
        at = place_of(i, params.n_components);
        for (var e = row_start + params.first + lane; e < row_start + last; e += LANES) {
            let weight = weights[e];
            pulled += 2.0 * weight * pull(at - place_of(columns[e], params.n_components), params.a, params.b);
            pushed.w += weight;
        }
        if last == length {
            for (var draw = lane; draw < NEGATIVES; draw += LANES) {
                let other = below(lowbias32(i * NEGATIVES + draw + params.key), params.n);
                let force = push(at - place_of(other, params.n_components), params.a, params.b, params.repulsion);
                pushed += vec4<f32>(force, 0.0);
            }
        }
    }
    pulls[thread] = pulled;
    pushes[thread] = pushed;
    workgroupBarrier();
    if !is_here || lane > 0u {
        return;
    }
    for (var other = 1u; other < LANES; other++) {
        pulled += pulls[thread + other];
        pushed += pushes[thread + other];
    }
    let sum = 5u * item;
    if params.first > 0u {
        pulled += vec4<f32>(sums[sum], sums[sum + 1u], sums[sum + 2u], sums[sum + 3u]);
        pushed.w += sums[sum + 4u];
    }
    if last < length {
        sums[sum] = pulled.x;
        sums[sum + 1u] = pulled.y;
        sums[sum + 2u] = pulled.z;
        sums[sum + 3u] = pulled.w;
        sums[sum + 4u] = pushed.w;
        return;
    }
    let force = params.negative_rate * pushed.w * pushed.xyz - pulled.xyz;
    let first = i * params.n_components;
    var velocity = vec3<f32>(velocities[first], velocities[first + 1u], 0.0);
    if params.n_components == 3u {
        velocity.z = velocities[first + 2u];
    }
    velocity = params.momentum * velocity + params.step / (1.0 + pulled.w) * force;
    let length_squared = dot(velocity, velocity);
    if length_squared > params.max_step_norm * params.max_step_norm {
        velocity *= params.max_step_norm / sqrt(length_squared);
    }
    let to = at + velocity;
    velocities[first] = velocity.x;
    velocities[first + 1u] = velocity.y;
    moved[first] = to.x;
    moved[first + 1u] = to.y;
    if params.n_components == 3u {
        velocities[first + 2u] = velocity.z;
        moved[first + 2u] = to.z;
    }
}

struct SettleParams {
    // End and start of the new points, and number of fitted ones.
    n: u32,
    first: u32,
    n_fitted: u32,
    n_neighbors: u32,
    n_components: u32,
    a: f32,
    b: f32,
    repulsion: f32,
    negative_rate: f32,
    // Step of the first epoch.
    step: f32,
    target_sum: f32,
    seed: u32,
    n_epochs: u32,
    // Epochs of this dispatch; the coordinates are those after the earlier epochs.
    first_epoch: u32,
    last_epoch: u32,
}

@group(0) @binding(0) var<uniform> settle_params: SettleParams;
@group(0) @binding(2) var<storage, read> neighbors: array<u32>;
@group(0) @binding(3) var<storage, read> distances: array<f32>;
// Coordinates of the new points: initial ones, then final ones.
@group(0) @binding(4) var<storage, read_write> settled: array<f32>;

const STEPS: u32 = 64u;
const TOLERANCE: f32 = 1e-5;
// Smallest sigma as a share of the mean distance.
const LEAST_SHARE: f32 = 1e-3;

// exp(-d / sigma), or 1 for copies of the point and where sigma is 0.
fn nearness(distance: f32, sigma: f32) -> f32 {
    if distance <= 0.0 || sigma == 0.0 {
        return 1.0;
    }
    return exp(-distance / sigma);
}

// Width for which the memberships of a new point's neighbours sum to the target.
fn width(first: u32) -> f32 {
    var low = 0.0;
    var high = -1.0;
    var sigma = 1.0;
    for (var round = 0u; round < STEPS; round++) {
        var sum = 0.0;
        for (var e = first; e < first + settle_params.n_neighbors; e++) {
            sum += nearness(distances[e], sigma);
        }
        if abs(sum - settle_params.target_sum) < TOLERANCE {
            break;
        }
        if sum > settle_params.target_sum {
            high = sigma;
            sigma = (low + high) * 0.5;
        } else {
            low = sigma;
            sigma = select((low + high) * 0.5, sigma * 2.0, high < 0.0);
        }
    }
    return sigma;
}

// One new point a thread, with the fitted points fixed: several epochs at once.
@compute @workgroup_size(64)
fn settle(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let params = settle_params;
    let i = params.first + workgroup_number(group_id, group_count) * 64u + thread;
    if i >= params.n {
        return;
    }
    let first = i * params.n_neighbors;
    var total = 0.0;
    var key = params.seed;
    for (var e = first; e < first + params.n_neighbors; e++) {
        total += distances[e];
        key = lowbias32(key ^ neighbors[e]);
    }
    let sigma = max(width(first), LEAST_SHARE * total / f32(params.n_neighbors));
    // The nearest neighbour has the largest membership.
    let largest = max(nearness(distances[first], sigma), LEAST_SQUARE);
    let start = i * params.n_components;
    var at = vec3<f32>(settled[start], settled[start + 1u], 0.0);
    if params.n_components == 3u {
        at.z = settled[start + 2u];
    }
    for (var epoch = params.first_epoch; epoch < params.last_epoch; epoch++) {
        var pulled = vec3<f32>(0.0);
        var stiffness = 0.0;
        var degree = 0.0;
        for (var e = first; e < first + params.n_neighbors; e++) {
            let force = pull(at - place_of(neighbors[e], params.n_components), params.a, params.b);
            let weight = nearness(distances[e], sigma) / largest;
            pulled += weight * force.xyz;
            stiffness += weight * force.w;
            degree += weight;
        }
        var pushed = vec3<f32>(0.0);
        for (var draw = 0u; draw < NEGATIVES; draw++) {
            let other = below(lowbias32(epoch * NEGATIVES + draw + key), params.n_fitted);
            pushed += push(at - place_of(other, params.n_components), params.a, params.b, params.repulsion);
        }
        let step = params.step * (1.0 - f32(epoch) / f32(params.n_epochs));
        at += step / (1.0 + stiffness) * (params.negative_rate * degree * pushed - pulled);
    }
    settled[start] = at.x;
    settled[start + 1u] = at.y;
    if params.n_components == 3u {
        settled[start + 2u] = at.z;
    }
}
