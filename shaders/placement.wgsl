// Coordinates of new points in a fitted embedding from those of their nearest fitted points.
// #import map

struct PlaceParams {
    // End and start of the new points.
    n: u32,
    first: u32,
    n_neighbors: u32,
    n_components: u32,
    // 1 / h^2, h the median distance in the embedding between a fitted point and its neighbours.
    inverse_square: f32,
}

@group(0) @binding(0) var<uniform> params: PlaceParams;
@group(0) @binding(1) var<storage, read> neighbors: array<u32>;
@group(0) @binding(2) var<storage, read> map: array<f32>;
@group(0) @binding(3) var<storage, read_write> placed: array<f32>;

const STEPS: u32 = 5u;
// Larger scaled distances are limited to this: its square has a reciprocal in normal numbers.
const FARTHEST: f32 = 1e18;

fn scaled_square(a: vec3<f32>, b: vec3<f32>) -> f32 {
    let difference = a - b;
    return dot(difference, difference) * params.inverse_square;
}

// Starts at the neighbour that the others are closest to, then moves to a mode of their density
// (mean shift).
@compute @workgroup_size(64)
fn place(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = params.first + workgroup_number(group_id, group_count) * 64u + thread;
    if i >= params.n {
        return;
    }
    let k = params.n_neighbors;
    let axes = params.n_components;
    var best = -1.0;
    var at = vec3<f32>(0.0);
    for (var a = 0u; a < k; a++) {
        let candidate = place_of(neighbors[i * k + a], axes);
        var score = 0.0;
        for (var b = 0u; b < k; b++) {
            score += 1.0 / (1.0 + scaled_square(candidate, place_of(neighbors[i * k + b], axes)));
        }
        // A strict comparison: ties go to the nearer neighbour.
        if score > best {
            best = score;
            at = candidate;
        }
    }
    for (var round = 0u; round < STEPS; round++) {
        var weights = 0.0;
        var sum = vec3<f32>(0.0);
        for (var b = 0u; b < k; b++) {
            let place = place_of(neighbors[i * k + b], axes);
            let root = min(1.0 + scaled_square(at, place), FARTHEST);
            let weight = 1.0 / (root * root);
            weights += weight;
            // Relative to the current position: if all coincide nothing moves, not even by
            // rounding.
            sum += weight * (place - at);
        }
        at += sum / weights;
    }
    for (var axis = 0u; axis < axes; axis++) {
        placed[i * axes + axis] = at[axis];
    }
}
