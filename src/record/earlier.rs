//! Manifests as JSON: those of this layout, and those of earlier ones brought into it.

use super::manifest::Manifest;
use crate::embedding::METHODS;
use serde_json::{Value, json};

/// The last layout that kept the results of each map under a key of its own, `<method>_<space>`,
/// and the list of the maps only from layout 2 on.
const KEYS_OF_MAPS: u64 = 2;

/// A manifest of this layout or an earlier one.
///
/// # Errors
/// The path of the value that is damaged, and how.
pub(super) fn read(mut value: Value, version: u64) -> Result<Manifest, String> {
    if version <= KEYS_OF_MAPS {
        list_maps(&mut value);
    }
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().to_string() {
        path if path == "." => format!("is damaged: {}", error.inner()),
        path => format!("`{path}` is damaged: {}", error.inner()),
    })
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
