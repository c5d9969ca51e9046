//! Manifests of earlier layouts, as JSON.

use crate::embedding::METHODS;
use serde_json::{Value, json};

/// The last layout that kept the results of each map under a key of its own, `<method>_<space>`,
/// and the list of the maps only from layout 2 on.
const KEYS_OF_MAPS: u64 = 2;

/// Brings a manifest of an earlier layout into this one.
pub(super) fn bring_up_to_date(manifest: &mut Value, version: u64) {
    if version <= KEYS_OF_MAPS {
        list_maps(manifest);
    }
}

/// Makes the list of maps from the keys of the maps where there is none.
fn list_maps(value: &mut Value) {
    let Some(results) = value.get_mut("results").and_then(Value::as_object_mut) else { return };
    if results.contains_key("maps") {
        return;
    }
    let of_key = |(key, noted): (&String, &Value)| {
        let method = METHODS.iter().find(|method| {
            key.strip_prefix(method.name).is_some_and(|rest| rest.starts_with('_'))
        })?;
        let numbers = noted.as_object()?.iter().filter(|(_, value)| value.is_number());
        Some(json!({
            "space": &key[method.name.len() + 1..],
            "method": method.name,
            "results": numbers.map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
        }))
    };
    let maps: Vec<Value> = results.iter().filter_map(of_key).collect();
    if !maps.is_empty() {
        results.insert("maps".into(), maps.into());
    }
}
