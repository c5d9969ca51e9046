//! Models to compare, described in a TOML file. A list of values stands for each of them, several
//! lists for all combinations; `hidden` alone is one list of widths.
//!
//! ```toml
//! [[model]]
//! architecture = ["cnn-a", "cnn-b"]   # presets or .toml files, those found from where the program runs
//! batch_size = [16, 32]
//! epochs = 5
//!
//! [[model]]
//! architecture = "mlp"
//! name = "wide"                       # default: the architecture's, with what varies
//! hidden = [512, 128]
//! learning_rate = 0.001
//! ```

use super::blueprint::Blueprint;
use crate::error::{Error, Result};
use crate::model::MAX_UNITS;
use crate::section::{Section, TomlFile};
use crate::training::Training;
use std::path::Path;

const KEYS: [&str; 6] = ["architecture", "name", "hidden", "epochs", "batch_size", "learning_rate"];

/// A model of a comparison, and how it is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// As in tables and file names.
    pub name: String,
    /// The model.
    pub blueprint: Blueprint,
    /// Its training; the seed is that of the comparison.
    pub training: Training,
    /// The parts of it that a file sets, by their names in the file.
    pub fixed: Vec<&'static str>,
}

impl Candidate {
    /// A model trained as it is by default.
    pub fn new(blueprint: Blueprint) -> Self {
        Self {
            name: blueprint.name.clone(),
            training: blueprint.training.clone(),
            blueprint,
            fixed: Vec::new(),
        }
    }
}

/// `true` if a file describes a comparison and not one model.
///
/// # Errors
/// [`Error::Input`] if it cannot be read or is not TOML.
pub fn is_sweep(path: &Path) -> Result<bool> {
    let text = read(path)?;
    TomlFile { path, text: &text }.read(|root| Ok(root.has("model")))
}

/// Reads the models of a comparison.
///
/// # Errors
/// [`Error::Input`] naming the line of an unknown key, a value of another type or out of range, a
/// model that does not exist, or a name given twice.
pub fn read_sweep(path: &Path) -> Result<Vec<Candidate>> {
    let text = read(path)?;
    TomlFile { path, text: &text }.read(|root| {
        root.only(&["model"])?;
        let mut candidates: Vec<Candidate> = Vec::new();
        for section in root.sections("model")? {
            for candidate in read_models(&section)? {
                if candidates.iter().any(|earlier| earlier.name == candidate.name) {
                    return Err(section.fault_at(
                        "name",
                        format!("another model is called `{}` too", candidate.name),
                    ));
                }
                candidates.push(candidate);
            }
        }
        Ok(candidates)
    })
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path)
        .map_err(|error| Error::input(path, format!("cannot be read: {error}")))
}

/// All combinations of one table.
fn read_models(section: &Section) -> Result<Vec<Candidate>> {
    section.only(&KEYS)?;
    let architectures = section.required("architecture", section.texts("architecture")?)?;
    let name = section.text("name")?;
    let mut models = Vec::new();
    for architecture in &architectures {
        let mut candidate = Candidate::new(read_blueprint(section, architecture)?);
        if let Some(name) = name {
            let which = if architectures.len() > 1 {
                format!("-{}", candidate.name)
            } else {
                String::new()
            };
            candidate.name = format!("{name}{which}");
        }
        models.push(candidate);
    }
    let counts = |key| {
        Ok::<_, Error>(
            section
                .each_whole(key)?
                .map(|values| values.into_iter().map(|value| value as f64).collect()),
        )
    };
    vary(section, &mut models, "epochs", counts("epochs")?, |training, value| {
        training.epochs = value as usize
    })?;
    vary(section, &mut models, "batch_size", counts("batch_size")?, |training, value| {
        training.batch_size = value as usize
    })?;
    let rates = section.each_number("learning_rate")?;
    vary(section, &mut models, "learning_rate", rates, |training, value| {
        training.learning_rate = value
    })?;
    Ok(models)
}

fn read_blueprint(section: &Section, architecture: &str) -> Result<Blueprint> {
    let named = |error: Error| match error {
        Error::Parameter { value, expected, .. } => {
            section.fault_at("architecture", format!("`{value}`: {expected}"))
        }
        other => other,
    };
    let blueprint = Blueprint::open(architecture).map_err(named)?;
    match section.each_whole("hidden")? {
        None => Ok(blueprint),
        Some(_) if blueprint.name != "mlp" || blueprint.is_of_file() => {
            Err(section.fault_at("hidden", format!("only of the mlp, not of {architecture}")))
        }
        Some(widths) => match widths.iter().find(|width| !(1..=MAX_UNITS).contains(*width)) {
            Some(width) => Err(section
                .fault_at("hidden", format!("{width} units: at least 1, and at most {MAX_UNITS}"))),
            None => Ok(Blueprint::mlp(&widths)),
        },
    }
}

/// Sets a value of the training, or makes a model of each of several values, named after it.
fn vary(
    section: &Section,
    models: &mut Vec<Candidate>,
    key: &'static str,
    values: Option<Vec<f64>>,
    set: impl Fn(&mut Training, f64),
) -> Result<()> {
    let Some(values) = values else { return Ok(()) };
    let mut varied = Vec::with_capacity(models.len() * values.len());
    for model in models.iter() {
        for &value in &values {
            let mut candidate = model.clone();
            set(&mut candidate.training, value);
            candidate.fixed.push(key);
            if let Err(Error::Parameter { expected, .. }) = candidate.training.validate() {
                return Err(section.fault_at(key, format!("{key} = {value}: {expected}")));
            }
            if values.len() > 1 {
                candidate.name += &format!("-{key}-{value}");
            }
            varied.push(candidate);
        }
    }
    *models = varied;
    Ok(())
}
