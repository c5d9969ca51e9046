// Prepended to every shader.

// Number of this workgroup in a dispatch that may be laid out in two dimensions, because one holds 65,535 workgroups at most.
fn workgroup_number(id: vec3<u32>, count: vec3<u32>) -> u32 {
    return id.x + id.y * count.x;
}

