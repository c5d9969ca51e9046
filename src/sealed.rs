//! Reading and writing .safetensors files with a checksum: the JSON description in their metadata
//! ends with the SHA-256 of itself and of all tensors.
//!
//! A file without a checksum, from an earlier version or another program, is read as it is.

use safetensors::{SafeTensors, tensor::TensorView};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

const BEFORE: &str = ",\"sha256\":\"";
const AFTER: &str = "\"}";

/// A file of `views` with the JSON object `about` under the only key of its metadata; the format
/// does not keep the order of several keys.
///
/// # Errors
/// The message of the format's library.
pub(crate) fn serialize<'a>(
    views: &[(&'a str, TensorView<'a>)],
    key: &str,
    about: &str,
) -> Result<Vec<u8>, String> {
    let bytes = |about: String| {
        let views = views.iter().map(|(name, view)| (*name, view));
        safetensors::serialize(views, Some(HashMap::from([(key.to_owned(), about)])))
            .map_err(|error| error.to_string())
    };
    let digest = digest(views.iter().map(|(name, view)| (*name, view)).collect(), about);
    bytes(match about.strip_suffix('}') {
        Some(open) if open.len() > 1 => format!("{open}{BEFORE}{digest}{AFTER}"),
        _ => about.to_owned(),
    })
}

/// JSON object that was given to [`serialize`], from its form `about` in the metadata of `file`.
///
/// # Errors
/// A message if the description or a tensor was changed since.
pub(crate) fn open(file: &SafeTensors<'_>, about: &str) -> Result<String, String> {
    let sealed = about
        .strip_suffix(AFTER)
        .and_then(|about| about.split_at_checked(about.len().checked_sub(64)?));
    let Some((open, expected)) =
        sealed.and_then(|(open, sha256)| Some((open.strip_suffix(BEFORE)?, sha256)))
    else {
        return Ok(about.to_owned());
    };
    let about = format!("{open}}}");
    let tensors = file.tensors();
    if digest(tensors.iter().map(|(name, view)| (name.as_str(), view)).collect(), &about)
        != expected
    {
        return Err("it was changed since it was written: its SHA-256 differs from the one in its metadata (remove `sha256` there if the change was intended)".into());
    }
    Ok(about)
}

/// SHA-256 of the description and of the name, type, shape and bytes of every tensor, in the order
/// of their names.
fn digest(mut tensors: Vec<(&str, &TensorView<'_>)>, about: &str) -> String {
    tensors.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    hash.update(about);
    for (name, view) in tensors {
        hash.update(format!("\n{name:?} {:?} {:?}\n", view.dtype(), view.shape()));
        hash.update(view.data());
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    /// Flips every single bit: the file is refused, or still holds the same values.
    #[test]
    fn no_changed_bit_goes_unseen() {
        let values: Vec<u8> =
            [1.5_f32, -2.0, 0.25, 1e-7].iter().flat_map(|value| value.to_le_bytes()).collect();
        let view = |name, shape| (name, TensorView::new(Dtype::F32, shape, &values).unwrap());
        let about = r#"{"model":{"rate":0.1},"names":["a","}"]}"#;
        let whole = serialize(&[view("b", vec![4]), view("a", vec![2, 2])], "key", about).unwrap();
        type Content = (Option<String>, Vec<(String, Vec<usize>, Vec<u8>)>);
        let read = |bytes: &[u8]| -> Result<Content, String> {
            let (_, metadata) =
                SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
            let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
            let about = metadata.metadata().as_ref().and_then(|metadata| metadata.get("key"));
            let about = about.map(|about| open(&file, about)).transpose()?;
            let mut tensors: Vec<_> = file
                .tensors()
                .into_iter()
                .map(|(name, view)| (name, view.shape().to_vec(), view.data().to_vec()))
                .collect();
            tensors.sort();
            Ok((about, tensors))
        };
        let expected = read(&whole).unwrap();
        assert_eq!(expected.0.as_deref(), Some(about));
        for bit in 0..8 * whole.len() {
            let mut changed = whole.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // Without its key the description is missing, which readers refuse. A file whose
            // checksum is broken counts as one of an earlier version, and its tensors are still
            // those that were written.
            if let Ok((Some(_), tensors)) = read(&changed) {
                assert_eq!(tensors, expected.1, "bit {bit}");
            }
        }
    }
}
