//! Models as the config.toml of a run keeps them: all layers, with everything filled in.

use layerlens::Error;
use layerlens::model::Architecture;
use layerlens::recipe::{Blueprint, Candidate};
use layerlens::training::Training;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::path::Path;

/// What of the file says how the network of a run is built.
#[derive(Deserialize)]
struct OneModel {
    model: Architecture,
}

/// The same of a comparison of models.
#[derive(Deserialize)]
struct Models {
    models: Vec<NamedModel>,
}

#[derive(Deserialize)]
struct NamedModel {
    name: String,
    model: Architecture,
    training: Training,
}

/// The model of a run's config.toml; none if `name` is no such file.
///
/// # Errors
/// [`Error::Input`] if the model is damaged.
pub fn model(name: &str) -> Result<Option<Blueprint>, Error> {
    let of_run = read::<OneModel>(name, "model", toml::Value::is_table)?;
    Ok(of_run.map(|of_run| blueprint(name.to_owned(), of_run.model)))
}

/// The models of the config.toml of a comparison; none if `name` is no such file.
///
/// # Errors
/// [`Error::Input`] if one is damaged.
pub fn candidates(name: &str) -> Result<Option<Vec<Candidate>>, Error> {
    let of_run = read::<Models>(name, "models", toml::Value::is_array)?;
    let candidate = |NamedModel { name, model, training }| Candidate {
        training,
        ..Candidate::new(blueprint(name, model))
    };
    Ok(of_run.map(|of_run| of_run.models.into_iter().map(candidate).collect()))
}

fn blueprint(
    name: String,
    Architecture { input, mut layers, n_classes }: Architecture,
) -> Blueprint {
    // A blueprint's output layer goes without saying.
    layers.pop();
    let mut blueprint = Blueprint::new(name, layers, Training::default());
    (blueprint.input, blueprint.n_classes) = (Some(input), Some(n_classes));
    blueprint
}

/// A file with such a key; what else is wrong with it is said where it is read as another one.
fn read<T: DeserializeOwned>(
    name: &str,
    key: &str,
    is_such: impl Fn(&toml::Value) -> bool,
) -> Result<Option<T>, Error> {
    let path = Path::new(name);
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml")) {
        return Ok(None);
    }
    let table =
        std::fs::read_to_string(path).ok().and_then(|text| text.parse::<toml::Table>().ok());
    let Some(table) = table.filter(|table| table.get(key).is_some_and(is_such)) else {
        return Ok(None);
    };
    table
        .try_into()
        .map(Some)
        .map_err(|error| Error::input(path, format!("its {key} is damaged: {}", error.message())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use layerlens::recipe::PRESETS;

    /// As a run writes it and reads it again, every model is the same.
    #[test]
    fn a_model_comes_back_from_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        for preset in PRESETS {
            let architecture =
                Blueprint::open(preset.name).unwrap().build([28, 28, 1], 10).unwrap();
            let path = folder.path().join("config.toml");
            let config = serde_json::json!({ "dataset": "digits", "model": architecture });
            std::fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
            let model = model(path.to_str().unwrap()).unwrap().unwrap();
            assert_eq!(model.build([28, 28, 1], 10).unwrap(), architecture, "{}", preset.name);
        }
        std::fs::write(folder.path().join("d.toml"), "[[layers]]\ntype = \"dense\"\n").unwrap();
        assert!(model(folder.path().join("d.toml").to_str().unwrap()).unwrap().is_none());
        assert!(model("mlp").unwrap().is_none());
    }
}
