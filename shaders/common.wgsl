// Prepended to every shader.

// Number of this workgroup in a dispatch that may have two dimensions, because one dimension holds
// at most 65,535 workgroups.
fn workgroup_number(id: vec3<u32>, count: vec3<u32>) -> u32 {
    return id.x + id.y * count.x;
}

// Gain of a coordinate (Jacobs 1988). The update points downhill: unlike signs mean that it agrees
// with the gradient.
fn new_gain(gain: f32, update: f32, gradient: f32) -> f32 {
    return max(select(gain * 0.8, gain + 0.2, sign(update) != sign(gradient)), 0.01);
}

// (i + shift) mod n, for i and shift below n.
fn shifted(i: u32, shift: u32, n: u32) -> u32 {
    let k = i + shift;
    return select(k, k - n, k >= n);
}
