// Weights of triplets. Points are numbered so that the outlier of point i in slot c is (i +
// shifts[c]) mod n; arrays with an entry per slot and point store it at index slot * n + point.

struct SquareParams {
    n: u32,
    n_features: u32,
    // Range first .. last of the slots x n distances.
    first: u32,
    last: u32,
    // 1 to add to the content of the result, 0 to overwrite it.
    add: u32,
}

@group(0) @binding(0) var<uniform> square_params: SquareParams;
// Sorted by feature.
@group(0) @binding(1) var<storage, read> features: array<f32>;
@group(0) @binding(2) var<storage, read> square_shifts: array<u32>;
@group(0) @binding(3) var<storage, read_write> squares_out: array<f32>;

// Squared distance between a point and its outlier over some of the features, one slot of one point a thread.
@compute @workgroup_size(64)
fn square_distances(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let n = square_params.n;
    let at = square_params.first + workgroup_number(group_id, group_count) * 64u + thread;
    if at >= square_params.last {
        return;
    }
    let i = at % n;
    let k = shifted(i, square_shifts[at / n], n);
    var sum = 0.0;
    for (var f = 0u; f < square_params.n_features; f++) {
        let difference = features[f * n + i] - features[f * n + k];
        sum += difference * difference;
    }
    if square_params.add != 0u {
        sum += squares_out[at];
    }
    squares_out[at] = sum;
}

struct WeighParams {
    n: u32,
    first_inlier: u32,
    n_inliers: u32,
    n_outliers: u32,
    // 1 - temperature of the logarithm.
    exponent: f32,
    // Range first .. last of the weights.
    first: u32,
    last: u32,
}

@group(0) @binding(0) var<uniform> weigh_params: WeighParams;
@group(0) @binding(1) var<storage, read> inliers: array<u32>;
@group(0) @binding(2) var<storage, read> inlier_squares: array<f32>;
@group(0) @binding(3) var<storage, read> scales: array<f32>;
@group(0) @binding(4) var<storage, read> shifts: array<u32>;
@group(0) @binding(5) var<storage, read> squares: array<f32>;
@group(0) @binding(6) var<storage, read_write> weights: array<f32>;

const MOST: f32 = 1e9;
const RANDOM_SHARE: f32 = 0.1;

// Logarithm of 1 + margin at a temperature.
fn tempered(margin: f32) -> f32 {
    let u = clamp(margin, 0.0, MOST);
    let exponent = weigh_params.exponent;
    if exponent == 0.5 {
        return 2.0 * u / (sqrt(1.0 + u) + 1.0);
    }
    if exponent == 0.0 {
        return log(1.0 + u);
    }
    return (pow(1.0 + u, exponent) - 1.0) / exponent;
}

// Squared distance in units of the two points' scales.
fn relative(square: f32, a: f32, b: f32) -> f32 {
    return min(square / a / b, MOST * MOST);
}

fn is_nearer_inlier(i: u32, k: u32, inlier: u32) -> bool {
    for (var a = 0u; a <= inlier; a++) {
        if inliers[a * weigh_params.n + i] == k {
            return true;
        }
    }
    return false;
}

// Weights of some triplets of one point a thread.
@compute @workgroup_size(64)
fn weigh(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = workgroup_number(group_id, group_count) * 64u + thread;
    let n = weigh_params.n;
    if i >= n {
        return;
    }
    let own = scales[i];
    let n_near = weigh_params.n_inliers * weigh_params.n_outliers;
    for (var slot = weigh_params.first; slot < min(n_near, weigh_params.last); slot++) {
        let inlier = weigh_params.first_inlier + slot / weigh_params.n_outliers;
        let k = shifted(i, shifts[slot], n);
        let margin = relative(squares[slot * n + i], own, scales[k]) - inlier_squares[inlier * n + i];
        weights[slot * n + i] = select(tempered(margin), 0.0, is_nearer_inlier(i, k, inlier));
    }
    for (var at = max(n_near, weigh_params.first); at < weigh_params.last; at++) {
        let slot = n_near + 2u * (at - n_near);
        let a = relative(squares[slot * n + i], own, scales[shifted(i, shifts[slot], n)]);
        let b = relative(squares[(slot + 1u) * n + i], own, scales[shifted(i, shifts[slot + 1u], n)]);
        let weight = tempered(RANDOM_SHARE * abs(a - b));
        // The sign says which of the two is the inlier.
        weights[at * n + i] = select(-weight, weight, a <= b);
    }
}
