//! Models described in TOML files. Whatever is wrong is named with its line.
//!
//! ```toml
//! name = "small"              # default: the file's name
//! input = [28, 28, 1]         # height, width, channels; default: whatever the data have
//!
//! [training]                  # all of it optional, and flags win
//! epochs = 5
//! batch_size = 32
//! learning_rate = 0.001
//! validation = 0.2
//! validation_split = "last"   # or "random"
//! patience = 3
//! keep_best = true
//! test_every_epoch = true
//!
//! [[layers]]
//! type = "conv"               # name and look may stand in every layer
//! name = "edges"
//! filters = 32
//! kernel = 3                  # or [3, 5]
//! stride = 1                  # or [2, 1]
//! padding = "same"            # or "valid", the default, or a number of zeros
//! bias = true
//! activation = "relu"         # or "sigmoid", "tanh", "linear", the default
//! look = "pooled"             # or "flattened", true, false
//!
//! [[layers]]
//! type = "max_pool"           # or "avg_pool"
//! size = 2
//!
//! [[layers]]
//! type = "batch_norm"         # momentum = 0.99, epsilon = 0.001
//!
//! [[layers]]
//! type = "activation"
//! activation = "tanh"
//!
//! [[layers]]
//! type = "layer_norm"         # epsilon = 0.001
//!
//! [[layers]]
//! type = "residual"           # layers whose output is added to their input
//! activation = "relu"         # the default here
//! [[layers.layers]]
//! type = "conv"
//! filters = 64
//! kernel = 3
//! stride = 2
//! padding = "same"
//! [[layers.shortcut]]         # default: nothing, or a convolution of 1 x 1 where shapes differ
//! type = "conv"
//! filters = 64
//! kernel = 1
//! stride = 2
//!
//! [[layers]]
//! type = "global_avg_pool"    # each channel's mean
//!
//! [[layers]]
//! type = "flatten"            # may be left out before a dense layer
//!
//! [[layers]]
//! type = "dropout"
//! rate = 0.5
//!
//! [[layers]]                  # the last layer: dense, softmax; its units default to the number of classes
//! type = "dense"
//! activation = "softmax"
//! ```

use super::blueprint::Blueprint;
use crate::error::{Error, Result};
use crate::model::layers::Dense;
use crate::model::{Activation, LayerKind, LayerSpec, Recording};
use crate::section::{Section, TomlFile};
use crate::training::{Training, ValidationSplit};
use std::path::Path;

/// Keys that every layer may have.
const COMMON: [&str; 3] = ["type", "name", "look"];

impl Blueprint {
    /// Reads a description; see the source of this module for an example with every key.
    ///
    /// # Errors
    /// [`Error::Input`] with the line: the file is missing or not TOML, a layer's type, a key or
    /// a value is unknown or of the wrong kind, a key is missing, or the last layer is not dense
    /// with a softmax. Whether the layers fit each other is seen in [`Blueprint::build`].
    pub fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).map_err(|error| Error::input(path, error.to_string()))?;
        TomlFile { path, text: &text }.read(|root| Self::from_section(path, root))
    }

    fn from_section(path: &Path, root: &Section) -> Result<Self> {
        root.only(&["name", "input", "training", "layers"])?;
        let stem = || path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let name = root.text("name")?.map_or_else(stem, str::to_owned);
        let input = root.wholes::<3>("input")?;
        let training = root
            .section("training")?
            .map_or(Ok(Training::default()), |section| read_training(&section))?;
        let sections = root.sections("layers")?;
        let mut layers = sections.iter().map(read_layer).collect::<Result<Vec<_>>>()?;
        let lines: Vec<usize> = sections.iter().map(Section::line).collect();
        let Some((output, section)) = layers.pop().zip(sections.last()) else {
            return Err(root.fault_at(
                "layers",
                "a model needs layers: at least a dense one with a softmax".into(),
            ));
        };
        let (LayerKind::Dense(Dense { units, activation: Activation::Softmax }), None) =
            (&output.kind, &output.name)
        else {
            let message = "the last layer must be the output: type = \"dense\" with activation = \"softmax\", and without a name";
            return Err(section.fault(message.into()));
        };
        let n_classes = section.has("units").then_some(*units);
        if n_classes == Some(0) {
            return Err(section.fault_at("units", "units = 0: at least 1".into()));
        }
        Ok(Self {
            name,
            input,
            hidden: layers,
            n_classes,
            training,
            source: Some((path.to_owned(), lines)),
        })
    }
}

fn read_training(section: &Section) -> Result<Training> {
    let keys = [
        "epochs",
        "batch_size",
        "learning_rate",
        "validation",
        "validation_split",
        "patience",
        "keep_best",
    ];
    section.only(&[keys.as_slice(), &["test_every_epoch"]].concat())?;
    let default = Training::default();
    let splits = [("random", ValidationSplit::Random), ("last", ValidationSplit::Last)];
    let training = Training {
        epochs: section.whole("epochs")?.unwrap_or(default.epochs),
        batch_size: section.whole("batch_size")?.unwrap_or(default.batch_size),
        learning_rate: section.number("learning_rate")?.unwrap_or(default.learning_rate),
        validation: section.number("validation")?.unwrap_or(default.validation),
        validation_split: section
            .choice("validation_split", &splits)?
            .unwrap_or(default.validation_split),
        patience: section.whole("patience")?,
        keep_best: section.flag("keep_best")?.unwrap_or(default.keep_best),
        test_every_epoch: section.flag("test_every_epoch")?.unwrap_or(default.test_every_epoch),
        random_state: default.random_state,
    };
    match training.validate() {
        Err(Error::Parameter { name, value, expected }) => {
            Err(section.fault_at(&name, format!("{name} = {value}: {expected}")))
        }
        checked => checked.map(|()| training),
    }
}

fn read_layer(section: &Section) -> Result<LayerSpec> {
    Ok(LayerSpec {
        kind: LayerKind::read(section, &COMMON)?,
        name: section.text("name")?.map(str::to_owned),
        record: read_recording(section)?,
    })
}

fn read_recording(section: &Section) -> Result<Recording> {
    if let Ok(Some(flag)) = section.flag("look") {
        return Ok(if flag { Recording::Yes } else { Recording::No });
    }
    let forms = [("flattened", Recording::Flattened), ("pooled", Recording::Pooled)];
    let recording = section.choice("look", &forms).map_err(|_| {
        let message = "look must be true, false, \"flattened\" (all values in a row) or \"pooled\" (each channel's mean)";
        section.fault_at("look", message.into())
    })?;
    Ok(recording.unwrap_or_default())
}
