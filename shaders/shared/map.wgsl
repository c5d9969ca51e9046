// Reads `map`, an embedding of n x 2 or n x 3.

// Coordinates of a point; the third one in two dimensions is 0.
fn place_of(i: u32, n_components: u32) -> vec3<f32> {
    let at = i * n_components;
    if n_components == 2u {
        return vec3<f32>(map[at], map[at + 1u], 0.0);
    }
    return vec3<f32>(map[at], map[at + 1u], map[at + 2u]);
}
