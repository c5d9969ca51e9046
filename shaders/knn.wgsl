// Keeps, for every query, the nearest references seen so far, and ranks them by exact distances.
//
// A candidate is a pair (key, id): the bits of its squared distance, which order as unsigned numbers since it is not negative,
// and its row. Pairs compare by key, then by id, so the answer is unique and does not depend on the order of arrival.

const NONE: u32 = 0xffffffffu;
const SLOTS: u32 = 1024u;
const SELECT_THREADS: u32 = 128u;
// Columns looked at between two checks for room: with them a list of up to 512 fits the slots.
const STRIDE: u32 = 512u;
const ORDER_THREADS: u32 = 64u;

var<workgroup> keys: array<u32, SLOTS>;
var<workgroup> ids: array<u32, SLOTS>;
var<workgroup> found: atomic<u32>;
var<workgroup> found_now: u32;

fn precedes(key_a: u32, id_a: u32, key_b: u32, id_b: u32) -> bool {
    return key_a < key_b || (key_a == key_b && id_a < id_b);
}

fn distance_key(squared: f32) -> u32 {
    // Rounding can leave the difference form a little below zero; -0 has a large bit pattern.
    return bitcast<u32>(select(0.0, squared, squared > 0.0));
}

fn next_power_of_two(n: u32) -> u32 {
    var power = 1u;
    while power < n {
        power *= 2u;
    }
    return power;
}

// Bitonic sort of the first `size` slots, a power of two, by all `threads` of the workgroup.
fn sort_slots(size: u32, thread: u32, threads: u32) {
    for (var run = 2u; run <= size; run *= 2u) {
        for (var gap = run / 2u; gap > 0u; gap /= 2u) {
            for (var i = thread; i < size / 2u; i += threads) {
                let low = i / gap * gap * 2u + i % gap;
                let high = low + gap;
                let ascending = (low & run) == 0u;
                if precedes(keys[high], ids[high], keys[low], ids[low]) == ascending {
                    let key = keys[low];
                    let id = ids[low];
                    keys[low] = keys[high];
                    ids[low] = ids[high];
                    keys[high] = key;
                    ids[high] = id;
                }
            }
            workgroupBarrier();
        }
    }
}

struct SelectParams {
    query_first: u32,
    n_queries: u32,
    reference_first: u32,
    n_references: u32,
    list_length: u32,
}

@group(0) @binding(0) var<uniform> select_params: SelectParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
// Row that each query must not find, itself, or NONE.
@group(0) @binding(2) var<storage, read> excluded: array<u32>;
@group(0) @binding(3) var<storage, read_write> lists: array<vec2<u32>>;

// One workgroup merges one row of a distance tile into the query's sorted list.
@compute @workgroup_size(128)
fn select_nearest(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let query = workgroup_number(group_id, group_count);
    if query >= select_params.n_queries {
        return;
    }
    let length = select_params.list_length;
    let list = query * length;
    for (var i = thread; i < length; i += SELECT_THREADS) {
        keys[i] = lists[list + i].x;
        ids[i] = lists[list + i].y;
    }
    if thread == 0u {
        atomicStore(&found, 0u);
    }
    workgroupBarrier();
    let self_id = excluded[select_params.query_first + query];
    for (var first = 0u; first < select_params.n_references; first += STRIDE) {
        let last_key = keys[length - 1u];
        let last_id = ids[length - 1u];
        for (var column = first + thread; column < min(first + STRIDE, select_params.n_references); column += SELECT_THREADS) {
            let key = distance_key(distances[query * select_params.n_references + column]);
            let id = select_params.reference_first + column;
            if id != self_id && precedes(key, id, last_key, last_id) {
                let slot = length + atomicAdd(&found, 1u);
                keys[slot] = key;
                ids[slot] = id;
            }
        }
        workgroupBarrier();
        if thread == 0u {
            found_now = atomicLoad(&found);
        }
        let filled = length + workgroupUniformLoad(&found_now);
        if filled + STRIDE > SLOTS || first + STRIDE >= select_params.n_references {
            let size = next_power_of_two(filled);
            for (var i = filled + thread; i < size; i += SELECT_THREADS) {
                keys[i] = NONE;
                ids[i] = NONE;
            }
            workgroupBarrier();
            sort_slots(size, thread, SELECT_THREADS);
            if thread == 0u {
                atomicStore(&found, 0u);
            }
            workgroupBarrier();
        }
    }
    for (var i = thread; i < length; i += SELECT_THREADS) {
        lists[list + i] = vec2<u32>(keys[i], ids[i]);
    }
}

struct RefineParams {
    query_first: u32,
    n_queries: u32,
    reference_first: u32,
    n_references: u32,
    list_length: u32,
    n_features: u32,
}

@group(0) @binding(0) var<uniform> refine_params: RefineParams;
@group(0) @binding(1) var<storage, read> queries: array<f32>;
@group(0) @binding(2) var<storage, read> references: array<f32>;
@group(0) @binding(3) var<storage, read> candidates: array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> refined: array<f32>;

// Features that are summed together, to keep the rounding error small.
const GROUP: u32 = 16u;

// Exact squared distances of the candidates that lie in one part of the references, one candidate a thread.
@compute @workgroup_size(64)
fn refine(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let at = workgroup_number(group_id, group_count) * 64u + thread;
    if at >= refine_params.n_queries * refine_params.list_length {
        return;
    }
    let id = candidates[at].y;
    if id < refine_params.reference_first || id - refine_params.reference_first >= refine_params.n_references {
        return;
    }
    let query = (refine_params.query_first + at / refine_params.list_length) * refine_params.n_features;
    let reference = (id - refine_params.reference_first) * refine_params.n_features;
    var sum = 0.0;
    // A constant number of turns inside, so that compilers unroll them: see MOST_TURNS on the host.
    let whole = refine_params.n_features / GROUP * GROUP;
    for (var first = 0u; first < whole; first += GROUP) {
        var part = 0.0;
        for (var f = 0u; f < GROUP; f++) {
            let difference = queries[query + first + f] - references[reference + first + f];
            part += difference * difference;
        }
        sum += part;
    }
    var rest = 0.0;
    for (var f = whole; f < refine_params.n_features; f++) {
        let difference = queries[query + f] - references[reference + f];
        rest += difference * difference;
    }
    refined[at] = sum + rest;
}

struct OrderParams {
    query_first: u32,
    n_queries: u32,
    list_length: u32,
    n_neighbors: u32,
    // Largest length of a centred reference, and the relative error of the product form: zero if the lists are exact.
    radius: f32,
    relative_error: f32,
}

@group(0) @binding(0) var<uniform> order_params: OrderParams;
@group(0) @binding(1) var<storage, read> order_candidates: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> order_refined: array<f32>;
@group(0) @binding(3) var<storage, read> query_norms: array<f32>;
@group(0) @binding(4) var<storage, read_write> nearest_ids: array<u32>;
@group(0) @binding(5) var<storage, read_write> nearest_distances: array<f32>;
@group(0) @binding(6) var<storage, read_write> unproven: array<u32>;

// Sorts a query's candidates by exact distance, keeps the nearest, and says whether one that was never a candidate could
// still be nearer: not if its product-form distance, less the largest possible error, exceeds the last exact one kept.
@compute @workgroup_size(64)
fn order_nearest(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let query = workgroup_number(group_id, group_count);
    if query >= order_params.n_queries {
        return;
    }
    let length = order_params.list_length;
    let size = next_power_of_two(length);
    for (var i = thread; i < size; i += ORDER_THREADS) {
        var id = NONE;
        if i < length {
            id = order_candidates[query * length + i].y;
        }
        ids[i] = id;
        keys[i] = NONE;
        if id != NONE {
            keys[i] = distance_key(order_refined[query * length + i]);
        }
    }
    workgroupBarrier();
    sort_slots(size, thread, ORDER_THREADS);
    let row = order_params.query_first + query;
    for (var i = thread; i < order_params.n_neighbors; i += ORDER_THREADS) {
        nearest_ids[row * order_params.n_neighbors + i] = ids[i];
        nearest_distances[row * order_params.n_neighbors + i] = bitcast<f32>(keys[i]);
    }
    if thread == 0u {
        let last = order_candidates[query * length + length - 1u];
        let kept = bitcast<f32>(keys[order_params.n_neighbors - 1u]) * (1.0 + 1e-5);
        // A reference whose length differs from the query's by more than the last distance is no neighbour, however wrong the
        // product form is about it.
        let own = sqrt(query_norms[row]) * (1.0 + 1e-5 + order_params.relative_error);
        let reach = own + min(order_params.radius, own + sqrt(kept));
        let bound = bitcast<f32>(last.x) - order_params.relative_error * reach * reach;
        unproven[row] = select(0u, 1u, order_params.relative_error > 0.0 && last.y != NONE && !(kept < bound));
    }
}
