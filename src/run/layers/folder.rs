//! The files in a folder of layers and in its subfolders.

use crate::error::{Error, Result};
use crate::format::listed;
use crate::record::Artifact;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Prefixes of file names that are not layers.
pub(super) const OTHERS: [&str; 7] =
    ["labels", "predictions", "images", "rows", "softmax", "logits", "confidence"];
/// File of the weights of the output layer.
pub(super) const OUTPUT_WEIGHTS: &str = "output_weights.npy";
/// File extensions of labels; the first that exists is read.
const LABEL_ENDINGS: [&str; 4] = ["npy", "csv", "tsv", "txt"];
/// File extensions of pictures, documents and programs, which are never data.
const NO_DATA: [&str; 11] =
    ["png", "jpg", "jpeg", "gif", "svg", "pdf", "html", "md", "py", "ipynb", "log"];
/// Maximum depth of subfolders that are searched.
const DEEPEST: usize = 8;

/// The files of a folder of layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct LayerFolder {
    /// Names of the files in the folder itself.
    pub(super) files: BTreeSet<String>,
    /// For each part the layers, each with its file below the folder.
    layers: [BTreeMap<String, PathBuf>; 3],
    /// Files and folders that look like layers and are not read.
    left_out: Vec<String>,
}

/// The parts that have labels.
const LABELLED: [&str; 2] = ["train", "test"];
/// The part that has none.
pub(in crate::run) const STRANGERS: &str = "strangers";
/// The parts that are read.
const PARTS: [&str; 3] = [LABELLED[0], LABELLED[1], STRANGERS];
/// The image files of the strangers.
pub(super) const STRANGER_FILES: &str = "files_strangers.txt";

/// Index of a part.
fn at(part: &str) -> usize {
    PARTS.iter().position(|known| *known == part).unwrap_or(0)
}

/// `true` if a part has no use for a file that is no layer: nobody knows the classes of strangers.
fn is_of_no_use(part: usize, stem: &str) -> bool {
    PARTS[part] == STRANGERS && stem == "labels"
}

impl LayerFolder {
    /// Searches the folder.
    ///
    /// # Errors
    /// [`Error::Input`] if it cannot be read, or two files would be the same layer.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let mut found = Self::default();
        found.search(folder, Path::new(""), 0)?;
        if Artifact::Manifest.of(folder).is_file() && Artifact::Activations.of(folder).is_dir() {
            let layers = Artifact::Activations.of(folder);
            let message =
                format!("is the folder of a run, whose layers are in {}", layers.display());
            return Err(Error::input(folder, message));
        }
        for part in LABELLED {
            let read = found.labels_file(part);
            let others = LABEL_ENDINGS.iter().map(|ending| format!("labels_{part}.{ending}"));
            found
                .left_out
                .extend(others.filter(|name| *name != read && found.files.contains(name)));
        }
        found.left_out.sort();
        Ok(found)
    }

    fn search(&mut self, folder: &Path, below: &Path, depth: usize) -> Result<()> {
        let path = folder.join(below);
        let unread = |error: std::io::Error| {
            let message = match error.kind() {
                ErrorKind::NotFound => "no such folder".to_owned(),
                ErrorKind::NotADirectory => "is a file, expected a folder of layers".to_owned(),
                _ => format!("cannot be read: {error}"),
            };
            Error::input(if depth > 0 { path.as_path() } else { folder }, message)
        };
        let entries = std::fs::read_dir(&path).map_err(unread)?;
        let mut names: Vec<String> = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        if depth > 0 && names.iter().any(|name| name.starts_with("labels_train.")) {
            self.left_out.push(format!("{}/ (layers of its own, with labels)", below.display()));
            return Ok(());
        }
        for name in names {
            let file = below.join(&name);
            // What systems and editors leave behind.
            if name.starts_with('.') || name == "__MACOSX" {
                continue;
            }
            if folder.join(&file).is_dir() {
                if depth < DEEPEST {
                    self.search(folder, &file, depth + 1)?;
                } else {
                    self.left_out.push(format!("{}/ (too deep)", file.display()));
                }
                continue;
            }
            if depth == 0 {
                self.files.insert(name.clone());
            }
            self.add(folder, &file, &name, depth)?;
        }
        Ok(())
    }

    fn add(&mut self, folder: &Path, file: &Path, name: &str, depth: usize) -> Result<()> {
        let part = PARTS.into_iter().find_map(|part| {
            name.strip_suffix(&format!("_{part}.npy"))
                .filter(|stem| !stem.is_empty())
                .map(|stem| (at(part), stem))
        });
        match part {
            Some((part, stem))
                if OTHERS.contains(&stem) && depth == 0 && !is_of_no_use(part, stem) => {}
            Some((part, stem)) if !OTHERS.contains(&stem) => {
                let folders = file.parent().unwrap_or(Path::new("")).components();
                let folders =
                    folders.map(|folder| folder.as_os_str().to_string_lossy().into_owned() + "_");
                let layer = folders.collect::<String>() + stem;
                if let Some(other) = self.layers[part].insert(layer.clone(), file.into()) {
                    let message = format!(
                        "would be the layer `{layer}`, as {} is: rename one of them",
                        folder.join(other).display()
                    );
                    return Err(Error::input(folder.join(file), message));
                }
            }
            _ if (is_labels(name) || [OUTPUT_WEIGHTS, STRANGER_FILES].contains(&name))
                && depth == 0 => {}
            _ if looks_like_data(name) => self.left_out.push(file.display().to_string()),
            _ => {}
        }
        Ok(())
    }

    /// Name of the label file of a part, or the name that it should have.
    pub(super) fn labels_file(&self, part: &str) -> String {
        let names = LABEL_ENDINGS.map(|ending| format!("labels_{part}.{ending}"));
        let there = names.iter().find(|name| self.files.contains(*name));
        there.unwrap_or(&names[0]).clone()
    }

    /// The file of a layer below the folder.
    pub(super) fn file(&self, layer: &str, part: &str) -> Option<&Path> {
        self.layers[at(part)].get(layer).map(PathBuf::as_path)
    }

    /// The layers of a part, by name.
    pub(super) fn layers(&self, part: &str) -> impl Iterator<Item = &String> {
        self.layers[at(part)].keys()
    }

    /// `true` if the folder holds any file of the test part.
    pub(super) fn has_test(&self) -> bool {
        let others = || OTHERS.iter().any(|name| self.files.contains(&format!("{name}_test.npy")));
        !self.layers[1].is_empty() || others() || self.files.contains(&self.labels_file("test"))
    }

    /// `true` if the folder holds any file of the strangers.
    pub(super) fn has_strangers(&self) -> bool {
        let mut others = OTHERS.iter().filter(|name| **name != "labels");
        !self.layers[at(STRANGERS)].is_empty()
            || others.any(|name| self.files.contains(&format!("{name}_{STRANGERS}.npy")))
    }

    /// Warning about files that are not read.
    pub(super) fn left_out(&self) -> Option<String> {
        let read = "a run reads <layer>_train.npy, <layer>_test.npy and <layer>_strangers.npy; labels alone may be text, in one file for each part but the strangers, who have none";
        (!self.left_out.is_empty()).then(|| format!("left out: {}; {read}", listed(&self.left_out)))
    }
}

/// `true` if a file has a name of readable labels.
fn is_labels(name: &str) -> bool {
    LABELLED
        .iter()
        .any(|part| LABEL_ENDINGS.iter().any(|ending| name == format!("labels_{part}.{ending}")))
}

/// `true` if a warning names a file that is not read: an array of any name, or data of some format
/// that are called after a part.
fn looks_like_data(name: &str) -> bool {
    let lower = name.to_lowercase();
    let Some((_, ending)) = lower.rsplit_once('.') else { return false };
    let of_part = ["_train.", "_test.", "_strangers.", "_val.", "_valid.", "_validation."]
        .iter()
        .any(|part| lower.contains(part));
    ["npy", "npz"].contains(&ending) || (of_part && !NO_DATA.contains(&ending))
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
        let names = [
            "raw_train.npy raw_val.npy softmax_train.npy block1/conv_train.npy block1/a/b_test.npy",
            "predictions_test.csv conv_Train.csv.gz conv_val.pt labels_train.npy labels_train.csv",
            "labels_test.txt loss_train.png readme_test.md class_names.txt block1/labels_test.csv",
            "block1/images_train.npy other/labels_train.npy other/x_train.npy .git/x_train.npy",
            "raw_strangers.npy files_strangers.txt labels_strangers.npy softmax_strangers.npy",
            "notes.txt",
        ];
        names.iter().flat_map(|line| line.split(' ')).for_each(put);
        let found = LayerFolder::of(folder.path()).unwrap();
        assert_eq!(found.layers("train").collect::<Vec<_>>(), ["block1_conv", "raw"]);
        assert_eq!(found.layers("test").collect::<Vec<_>>(), ["block1_a_b"]);
        assert_eq!(found.layers("strangers").collect::<Vec<_>>(), ["raw"]);
        assert!(found.has_strangers());
        assert_eq!(found.file("block1_conv", "train"), Some(Path::new("block1/conv_train.npy")));
        let left_out = found.left_out().unwrap();
        let listed = left_out.strip_prefix("left out: ").unwrap().split(';').next().unwrap();
        let expected = [
            "block1/images_train.npy",
            "block1/labels_test.csv",
            "conv_Train.csv.gz",
            "conv_val.pt",
            "labels_strangers.npy",
            "labels_train.csv",
            "other/ (layers of its own, with labels)",
            "predictions_test.csv",
            "raw_val.npy",
        ];
        assert_eq!(listed, expected.join(", "));
        assert_eq!(
            [found.labels_file("train"), found.labels_file("test")],
            ["labels_train.npy", "labels_test.txt"]
        );
        put("block1_conv_train.npy");
        let error = LayerFolder::of(folder.path()).unwrap_err().to_string();
        assert!(
            error.contains("block1_conv_train.npy") && error.contains("block1/conv_train.npy"),
            "{error}"
        );
    }
}
