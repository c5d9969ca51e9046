// Conditional probabilities of t-SNE: each point's Gaussian over its neighbours, with the width
// that gives the perplexity.

struct CalibrateParams {
    // End and start of the rows.
    n: u32,
    first: u32,
    n_neighbors: u32,
    log_perplexity: f32,
}

@group(0) @binding(0) var<uniform> params: CalibrateParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
@group(0) @binding(2) var<storage, read_write> probabilities: array<f32>;

const STEPS: u32 = 64u;
// A mean square below this has no reciprocal in normal numbers: the distances count as equal.
const LEAST_MEAN: f32 = 1e-37;

// One row a thread: bisection on beta = 1 / (2 sigma^2) until the entropy of p_j ~ exp(-beta d_j^2)
// is log(perplexity), with d^2 relative to the row's smallest so that not all exponentials
// underflow. `distances` are ascending, not squared.
@compute @workgroup_size(64)
fn calibrate(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = params.first + workgroup_number(group_id, group_count) * 64u + thread;
    if row >= params.n {
        return;
    }
    let k = params.n_neighbors;
    let least = distances[row * k] * distances[row * k];
    // The mean excess is the unit, so that the search starts near its end whatever the units of the
    // data, and so that beta stays finite where copies of a point leave no width that gives the
    // perplexity and it is doubled every time.
    var excess = 0.0;
    for (var j = 0u; j < k; j++) {
        let distance = distances[row * k + j];
        excess += distance * distance - least;
    }
    let mean = excess / f32(k);
    var unit = 1.0;
    if mean > LEAST_MEAN {
        unit = 1.0 / mean;
    }
    // Through memory: a compiler that may multiply beta by the unit first would overflow where both
    // are large, and have NaN for the 0 of a copy.
    for (var j = 0u; j < k; j++) {
        let distance = distances[row * k + j];
        probabilities[row * k + j] = (distance * distance - least) * unit;
    }
    var beta = 1.0;
    var low = 0.0;
    var high = -1.0;
    for (var round = 0u; round < STEPS; round++) {
        var total = 0.0;
        var moment = 0.0;
        for (var j = 0u; j < k; j++) {
            let shifted = probabilities[row * k + j];
            let weight = exp(-beta * shifted);
            total += weight;
            moment += weight * shifted;
        }
        let excess_entropy = log(total) + beta * moment / total - params.log_perplexity;
        let last = beta;
        if excess_entropy > 0.0 {
            low = beta;
            beta = select((low + high) * 0.5, beta * 2.0, high < 0.0);
        } else {
            high = beta;
            beta = (low + high) * 0.5;
        }
        // There is no number between two adjacent ones.
        if beta == last {
            break;
        }
    }
    var total = 0.0;
    for (var j = 0u; j < k; j++) {
        let weight = exp(-beta * probabilities[row * k + j]);
        probabilities[row * k + j] = weight;
        total += weight;
    }
    for (var j = 0u; j < k; j++) {
        probabilities[row * k + j] /= total;
    }
}
