//! Which files a folder of layers holds: its own, and those of its subfolders.

use crate::error::{Error, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Beginnings of names that are no layers.
pub(super) const OTHERS: [&str; 7] = ["labels", "predictions", "images", "rows", "softmax", "logits", "confidence"];
/// Subfolders below each other that are looked into.
const DEEPEST: usize = 8;
/// Files that a message names.
const NAMED: usize = 10;

/// The files of a folder of layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Names of the files in the folder itself.
    pub(super) files: BTreeSet<String>,
    /// For each part the layers, each with its file below the folder.
    layers: [BTreeMap<String, PathBuf>; 2],
    /// Files and folders that look like layers and are not read.
    left_out: Vec<String>,
}

/// Whether it is of the training or of the test.
fn at(part: &str) -> usize {
    usize::from(part == "test")
}

impl Found {
    /// Looks into the folder.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read, or two files would be the same layer.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut found = Self::default();
        found.look_into(folder, Path::new(""), 0)?;
        Ok(found)
    }

    fn look_into(&mut self, folder: &Path, below: &Path, depth: usize) -> Result<()> {
        let path = folder.join(below);
        let entries = std::fs::read_dir(&path).map_err(|error| Error::input(&path, error.to_string()))?;
        let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        if depth > 0 && names.iter().any(|name| name.starts_with("labels_train.")) {
            self.left_out.push(format!("{}/ (layers of its own, with labels)", below.display()));
            return Ok(());
        }
        for name in names {
            let place = below.join(&name);
            // What systems and editors leave behind.
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            if folder.join(&place).is_dir() {
                if depth < DEEPEST {
                    self.look_into(folder, &place, depth + 1)?;
                } else {
                    self.left_out.push(format!("{}/ (too deep)", place.display()));
                }
                continue;
            }
            if depth == 0 {
                self.files.insert(name.clone());
            }
            self.add(folder, &place, &name, depth)?;
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, place: &Path, name: &str, depth: usize) -> Result<()> {
        let part = ["train", "test"].into_iter().find_map(|part| {
            name.strip_suffix(&format!("_{part}.npy")).filter(|stem| !stem.is_empty()).map(|stem| (at(part), stem))
        });
        match part {
            Some((_, stem)) if OTHERS.contains(&stem) && depth == 0 => {}
            Some((part, stem)) if !OTHERS.contains(&stem) => {
                let folders = place.parent().unwrap_or(Path::new("")).components();
                let folders = folders.map(|folder| folder.as_os_str().to_string_lossy().into_owned() + "_");
                let layer = folders.collect::<String>() + stem;
                if let Some(other) = self.layers[part].insert(layer.clone(), place.into()) {
                    let message =
                        format!("would be the layer `{layer}`, as {} is: rename one of them", folder.join(other).display());
                    return Err(Error::input(folder.join(place), message));
                }
            }
            _ if name.ends_with(".npy") || name.ends_with(".npz") => self.left_out.push(place.display().to_string()),
            _ => {}
        }
        Ok(())
    }

    /// The file of a layer below the folder.
    pub(super) fn file(&self, layer: &str, part: &str) -> Option<&Path> {
        self.layers[at(part)].get(layer).map(PathBuf::as_path)
    }

    /// The layers of a part, by name.
    pub(super) fn layers(&self, part: &str) -> impl Iterator<Item = &String> {
        self.layers[at(part)].keys()
    }

    /// Whether anything is there of the test.
    pub(super) fn has_test(&self) -> bool {
        !self.layers[1].is_empty() || OTHERS.iter().any(|name| self.files.contains(&format!("{name}_test.npy")))
    }

    /// What is said of files that are not read.
    pub(super) fn left_out(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let shown = self.left_out.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = match self.left_out.len() {
            n if n > NAMED => format!(" and {} more", n - NAMED),
            _ => String::new(),
        };
        Some(format!("left out: {shown}{more}; a run reads <layer>_train.npy and <layer>_test.npy"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_subfolders_bear_their_names_and_others_are_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let put = |name: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, []).unwrap();
        };
        for name in ["raw_train.npy", "raw_val.npy", "softmax_train.npy", "block1/conv_train.npy", "block1/a/b_test.npy"] {
            put(name);
        }
        for name in ["block1/images_train.npy", "other/labels_train.npy", "other/x_train.npy", ".git/x_train.npy", "notes.txt"] {
            put(name);
        }
        let found = Found::of(folder.path()).unwrap();
        assert_eq!(found.layers("train").collect::<Vec<_>>(), ["block1_conv", "raw"]);
        assert_eq!(found.layers("test").collect::<Vec<_>>(), ["block1_a_b"]);
        assert_eq!(found.file("block1_conv", "train"), Some(Path::new("block1/conv_train.npy")));
        let left_out = found.left_out().unwrap();
        for name in ["raw_val.npy", "block1/images_train.npy", "other/ (layers of its own"] {
            assert!(left_out.contains(name), "{left_out}");
        }
        assert!(!left_out.contains("git") && !left_out.contains("notes") && !left_out.contains("softmax"), "{left_out}");
        put("block1_conv_train.npy");
        let error = Found::of(folder.path()).unwrap_err().to_string();
        assert!(error.contains("block1_conv_train.npy") && error.contains("block1/conv_train.npy"), "{error}");
    }
}
