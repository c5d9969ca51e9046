// Triplets of TriMAP. Arrays with an entry per axis, slot or inlier and point store it at index
// number * n + point.

struct TripletParams {
    n: u32,
    n_components: u32,
    first_inlier: u32,
    n_inliers: u32,
    n_outliers: u32,
    n_random: u32,
    // 1 to add to the content of the results, 0 to overwrite it.
    add: u32,
}

@group(0) @binding(0) var<uniform> triplet_params: TripletParams;
@group(0) @binding(1) var<storage, read> places: array<f32>;
@group(0) @binding(2) var<storage, read> inliers: array<u32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> shifts: array<u32>;

// Coordinates of a point; the third one in two dimensions is 0.
fn place_of(i: u32, n: u32, n_components: u32) -> vec3<f32> {
    var at = vec3<f32>(places[i], places[n + i], 0.0);
    if n_components == 3u {
        at.z = places[2u * n + i];
    }
    return at;
}
