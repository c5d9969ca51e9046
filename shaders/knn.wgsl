// Keeps the nearest references so far of every query, and ranks them by exact distances.
//
// A candidate is a pair (key, id): the bits of its squared distance, which order as unsigned numbers since it is not negative,
// and its row. Pairs compare by key, then by id, so the answer is unique and does not depend on the order of arrival.

const NONE: u32 = 0xffffffffu;
const SLOTS: u32 = 1024u;
const SELECT_THREADS: u32 = 128u;
// Number of columns between two checks of the free slots: with a list of up to 512 they fit.
const STRIDE: u32 = 512u;
const ORDER_THREADS: u32 = 64u;

var<workgroup> keys: array<u32, SLOTS>;
var<workgroup> ids: array<u32, SLOTS>;
var<workgroup> found: atomic<u32>;
var<workgroup> found_now: u32;
var<workgroup> bound_now: u32;

fn precedes(key_a: u32, id_a: u32, key_b: u32, id_b: u32) -> bool {
    return key_a < key_b || (key_a == key_b && id_a < id_b);
}

fn distance_key(squared: f32) -> u32 {
    // Rounding can leave the product form a little below zero. max may return -0, which has a large bit pattern.
    return bitcast<u32>(max(squared, 0.0)) & 0x7fffffffu;
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
    for (var run = 2u; run <= size; run <<= 1u) {
        for (var gap = run >> 1u; gap > 0u; gap >>= 1u) {
            for (var i = thread; i < (size >> 1u); i += threads) {
                // 2 gap (i / gap) + i % gap.
                let low = 2u * i - (i & (gap - 1u));
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
    // Row of the distances, and the query that it belongs to.
    row_first: u32,
    query_first: u32,
    n_queries: u32,
    reference_first: u32,
    n_references: u32,
    // Number of distances from one row to the next.
    stride: u32,
    list_length: u32,
    // 1 if the list is empty.
    fresh: u32,
}

@group(0) @binding(0) var<uniform> select_params: SelectParams;
@group(0) @binding(1) var<storage, read> distances: array<f32>;
// Reference that each query must not find: itself, or NONE.
@group(0) @binding(2) var<storage, read> excluded: array<u32>;
@group(0) @binding(3) var<storage, read_write> lists: array<vec2<u32>>;

// Number of slots in first .. end, which are sorted, that precede a candidate.
fn count_before(first: u32, end: u32, key: u32, id: u32) -> u32 {
    var low = first;
    var high = end;
    while low < high {
        let middle = (low + high) / 2u;
        if precedes(keys[middle], ids[middle], key, id) {
            low = middle + 1u;
        } else {
            high = middle;
        }
    }
    return low - first;
}

// Largest number of new candidates that are merged with the list by counting the candidates before
// each, instead of a sort: one for each thread.
const FEW: u32 = SELECT_THREADS;
// Number of slots of a thread in the longest list.
const LISTED: u32 = (SLOTS - STRIDE) / SELECT_THREADS;

// Merges up to FEW new candidates into the sorted list before them; candidates beyond its end are
// dropped.
fn merge_few(length: u32, filled: u32, thread: u32) {
    // Key, id and position.
    var newcomer = vec3<u32>(NONE);
    var rank = 0u;
    if length + thread < filled {
        let key = keys[length + thread];
        let id = ids[length + thread];
        for (var j = length; j < filled; j++) {
            rank += select(0u, 1u, precedes(keys[j], ids[j], key, id));
        }
        newcomer = vec3<u32>(key, id, rank + count_before(0u, length, key, id));
    }
    workgroupBarrier();
    if length + thread < filled {
        keys[length + rank] = newcomer.x;
        ids[length + rank] = newcomer.y;
    }
    workgroupBarrier();
    var listed: array<vec3<u32>, LISTED>;
    for (var turn = 0u; turn < LISTED; turn++) {
        let i = thread + turn * SELECT_THREADS;
        listed[turn] = vec3<u32>(NONE);
        if i < length {
            listed[turn] = vec3<u32>(keys[i], ids[i], i + count_before(length, filled, keys[i], ids[i]));
        }
    }
    workgroupBarrier();
    if newcomer.z < length {
        keys[newcomer.z] = newcomer.x;
        ids[newcomer.z] = newcomer.y;
    }
    for (var turn = 0u; turn < LISTED; turn++) {
        let slot = listed[turn];
        if slot.z < length {
            keys[slot.z] = slot.x;
            ids[slot.z] = slot.y;
        }
    }
    if thread == 0u {
        atomicStore(&found, 0u);
    }
    workgroupBarrier();
}

// Sorts the list and the new candidates after it, `filled` slots, if there are any. The arguments
// are equal in all threads.
fn merge(length: u32, filled: u32, thread: u32) {
    if filled == length {
        return;
    }
    if filled - length <= FEW {
        merge_few(length, filled, thread);
        return;
    }
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

// An upper bound on the distances of at least `length` references: the `length`-th smallest of the
// minima of `classes` classes of columns. NONE if fewer classes have any.
fn bound_of_classes(length: u32, start: u32, self_id: u32, thread: u32) -> u32 {
    let classes = clamp(next_power_of_two(2u * length), SELECT_THREADS, STRIDE);
    for (var class_number = thread; class_number < classes; class_number += SELECT_THREADS) {
        var least = NONE;
        for (var column = class_number; column < select_params.n_references; column += classes) {
            if select_params.reference_first + column != self_id {
                least = min(least, distance_key(distances[start + column]));
            }
        }
        keys[class_number] = least;
    }
    workgroupBarrier();
    for (var i = thread; i < classes; i += SELECT_THREADS) {
        let key = keys[i];
        var place = 0u;
        for (var j = 0u; j < classes; j++) {
            place += select(0u, 1u, precedes(keys[j], j, key, i));
        }
        if place == length - 1u {
            bound_now = key;
        }
    }
    // Its barrier also keeps the list from overwriting data that other threads still read.
    return workgroupUniformLoad(&bound_now);
}

// Appends the columns first + thread, first + thread + SELECT_THREADS, ... < end that precede a
// distance and id to the list, as long as there are slots. Returns the number of slots needed,
// including those of the list and those that did not fit, for all threads.
fn collect(columns: vec2<u32>, bound: vec2<u32>, length: u32, start: u32, self_id: u32, thread: u32) -> u32 {
    for (var column = columns.x + thread; column < columns.y; column += SELECT_THREADS) {
        let key = distance_key(distances[start + column]);
        let id = select_params.reference_first + column;
        if id != self_id && precedes(key, id, bound.x, bound.y) {
            let slot = length + atomicAdd(&found, 1u);
            if slot < SLOTS {
                keys[slot] = key;
                ids[slot] = id;
            }
        }
    }
    workgroupBarrier();
    if thread == 0u {
        found_now = atomicLoad(&found);
    }
    return length + workgroupUniformLoad(&found_now);
}

// One workgroup merges one row of a distance tile into the query's sorted list.
@compute @workgroup_size(128)
fn select_nearest(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let row = workgroup_number(group_id, group_count);
    if row >= select_params.n_queries {
        return;
    }
    let query = select_params.query_first + row;
    let length = select_params.list_length;
    let n_references = select_params.n_references;
    let list = query * length;
    let self_id = excluded[query];
    let start = (select_params.row_first + row) * select_params.stride;
    // Without a list to compare with, a first pass over all columns excludes most of them.
    var bound = vec2<u32>(NONE, NONE);
    if select_params.fresh != 0u {
        bound.x = bound_of_classes(length, start, self_id, thread);
    } else {
        bound = lists[list + length - 1u];
    }
    for (var i = thread; i < length; i += SELECT_THREADS) {
        var listed = vec2<u32>(NONE, NONE);
        if select_params.fresh == 0u {
            listed = lists[list + i];
        }
        keys[i] = listed.x;
        ids[i] = listed.y;
    }
    if thread == 0u {
        atomicStore(&found, 0u);
    }
    workgroupBarrier();
    let filled = collect(vec2<u32>(0u, n_references), bound, length, start, self_id, thread);
    if filled == length && select_params.fresh == 0u {
        return;
    }
    if filled <= SLOTS {
        merge(length, filled, thread);
    } else {
        // More candidates than slots: repeat from the start, with a bound that tightens with every
        // merge.
        if thread == 0u {
            atomicStore(&found, 0u);
        }
        workgroupBarrier();
        for (var first = 0u; first < n_references; first += STRIDE) {
            let last = vec2<u32>(keys[length - 1u], ids[length - 1u]);
            let now = collect(vec2<u32>(first, min(first + STRIDE, n_references)), last, length, start, self_id, thread);
            if now + STRIDE > SLOTS || first + STRIDE >= n_references {
                merge(length, now, thread);
            }
        }
    }
    for (var i = thread; i < length; i += SELECT_THREADS) {
        lists[list + i] = vec2<u32>(keys[i], ids[i]);
    }
}

struct RefineParams {
    // First row of the queries' buffer, and the first list.
    row_first: u32,
    query_first: u32,
    n_queries: u32,
    // Row in the whole matrix of the first reference, and number of references.
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

// Number of threads that share a candidate, so that they read features that lie side by side, and
// number of candidates of a workgroup.
const LANES: u32 = 16u;
const CANDIDATES: u32 = 8u;

var<workgroup> partial: array<f32, 128>;

// Exact squared distances of a query's candidates that lie in one part of the references: 16 running sums each, then a tree.
@compute @workgroup_size(128)
fn refine(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let group = workgroup_number(group_id, group_count);
    let groups_of_query = (refine_params.list_length + CANDIDATES - 1u) / CANDIDATES;
    let query = group / groups_of_query;
    if query >= refine_params.n_queries {
        return;
    }
    let lane = thread % LANES;
    let candidate = group % groups_of_query * CANDIDATES + thread / LANES;
    let at = (refine_params.query_first + query) * refine_params.list_length + candidate;
    var reference = NONE;
    if candidate < refine_params.list_length {
        // Rows before the part wrap around to a large number.
        reference = candidates[at].y - refine_params.reference_first;
    }
    let counts = reference < refine_params.n_references;
    var sum = 0.0;
    if counts {
        let query_row = (refine_params.row_first + query) * refine_params.n_features;
        let reference_row = reference * refine_params.n_features;
        for (var f = lane; f < refine_params.n_features; f += LANES) {
            let difference = queries[query_row + f] - references[reference_row + f];
            sum += difference * difference;
        }
    }
    partial[thread] = sum;
    for (var half = LANES / 2u; half > 0u; half >>= 1u) {
        workgroupBarrier();
        if lane < half {
            partial[thread] += partial[thread + half];
        }
    }
    if counts && lane == 0u {
        refined[at] = partial[thread];
    }
}

struct OrderParams {
    query_first: u32,
    n_queries: u32,
    list_length: u32,
    n_neighbors: u32,
    // Largest length of a centred reference; relative error of the product form, zero if the lists
    // are exact; and the error from squares too small for the device.
    radius: f32,
    relative_error: f32,
    vanished: f32,
}

// Bits of infinity; those of NaN are larger. Compilers may assume that a number is neither, but not
// so for bits.
const INFINITE: u32 = 0x7f800000u;

@group(0) @binding(0) var<uniform> order_params: OrderParams;
@group(0) @binding(1) var<storage, read> order_candidates: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read> order_refined: array<f32>;
@group(0) @binding(3) var<storage, read> query_norms: array<f32>;
@group(0) @binding(4) var<storage, read_write> nearest_ids: array<u32>;
@group(0) @binding(5) var<storage, read_write> nearest_distances: array<f32>;
@group(0) @binding(6) var<storage, read_write> unproven: array<u32>;

// Sorts a query's candidates by exact distance, keeps the nearest, and reports whether a reference
// that was never a candidate could still be nearer: not if its product-form distance, minus the
// largest possible error, exceeds the last exact one kept.
@compute @workgroup_size(64)
fn order_nearest(
    @builtin(workgroup_id) group_id: vec3<u32>,
    @builtin(num_workgroups) group_count: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let number = workgroup_number(group_id, group_count);
    if number >= order_params.n_queries {
        return;
    }
    let query = order_params.query_first + number;
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
    for (var i = thread; i < order_params.n_neighbors; i += ORDER_THREADS) {
        nearest_ids[query * order_params.n_neighbors + i] = ids[i];
        nearest_distances[query * order_params.n_neighbors + i] = bitcast<f32>(keys[i]);
    }
    if thread == 0u {
        let last = order_candidates[query * length + length - 1u];
        let kept_key = keys[order_params.n_neighbors - 1u];
        let kept = bitcast<f32>(kept_key) * (1.0 + 1e-5) + order_params.vanished;
        // A reference whose length differs from the query's by more than the last distance is no
        // neighbour, whatever the error of the product form.
        let own = sqrt(query_norms[query] + order_params.vanished) * (1.0 + 1e-5 + order_params.relative_error);
        let reach = own + min(order_params.radius, own + sqrt(kept));
        let bound = bitcast<f32>(last.x) - order_params.relative_error * reach * reach - order_params.vanished;
        let proven = kept_key < INFINITE && last.x < INFINITE && kept < bound;
        unproven[query] = select(1u, 0u, order_params.relative_error == 0.0 || last.y == NONE || proven);
    }
}
