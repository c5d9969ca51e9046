//! `layerlens model`: the layers and parameters of a network, before any training.

use super::network_flags::NetworkFlags;
use super::{json, print, say};
use anyhow::Result;
use clap::{Args, Subcommand};
use layerlens::files::create_folder;
use layerlens::model::{Architecture, is_model_file, read_model};
use layerlens::onnx::{ImageSize, Network, is_onnx};
use layerlens::recipe::{Blueprint, PRESET_INPUT, PRESETS};
use layerlens::report::drawing::drawing;
use layerlens::report::figures::{Saved, save};
use layerlens::training::{Training, ValidationSplit};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Options of `model`.
#[derive(Clone, Debug, Args)]
pub struct ModelArgs {
    #[command(subcommand)]
    command: ModelCommand,
}

#[derive(Clone, Debug, Subcommand)]
enum ModelCommand {
    /// Print the table of layers, the number of parameters, and how the model is trained by default
    Show(ShowArgs),
}

/// Options of `model show`.
#[derive(Clone, Debug, Args)]
pub struct ShowArgs {
    /// A model by name, a .toml file that describes one, a .safetensors or .keras file of weights, or
    /// an .onnx file of any program
    #[arg(value_name = "NAME|FILE")]
    model: String,
    #[command(flatten)]
    network: NetworkFlags,
    /// Height, width and channels of an image, for a model that takes any [default: 28,28,1]
    #[arg(long, value_name = "H,W,C", value_delimiter = ',', num_args = 1)]
    input: Option<Vec<usize>>,
    /// Write the drawing of the model into this folder too, as architecture.png and .svg
    #[arg(long, value_name = "DIR")]
    drawing: Option<PathBuf>,
    /// Classes, for a model that takes any [default: those of the study it is from, 10 of a
    /// described one]
    #[arg(long, value_name = "N")]
    classes: Option<usize>,
}

/// Runs the command.
pub fn model(args: &ModelArgs) -> Result<()> {
    match &args.command {
        ModelCommand::Show(args) => show(args),
    }
}

fn show(args: &ShowArgs) -> Result<()> {
    if is_onnx(Path::new(&args.model)) {
        return show_network(args);
    }
    if args.network != NetworkFlags::default() {
        let expected = "an .onnx file: layers are chosen and images prepared for these alone";
        return Err(layerlens::Error::parameter("model", &args.model, expected).into());
    }
    let (name, architecture, training) = args.resolve()?;
    let [height, width, channels] = architecture.input;
    let n_classes = architecture.n_classes;
    let mut text =
        format!("{name}: images of {height} x {width} x {channels}, {n_classes} classes\n\n");
    text += &architecture.summary_text();
    text += "\nrecorded layers: ";
    let form = |pooled: bool, width: usize| match pooled {
        true => format!("mean of each of {width} channels"),
        false => format!("{width} values"),
    };
    let recorded_layers = architecture.recorded_layers();
    let recorded = recorded_layers
        .iter()
        .map(|layer| format!("{} ({})", layer.name, form(layer.pooled, layer.width)));
    text += &recorded
        .chain([format!("softmax ({})", form(false, n_classes))])
        .collect::<Vec<_>>()
        .join(", ");
    text += "\n";
    if let Some(training) = &training {
        text += &format!("trained by default: {}\n", plan(training));
    }
    if let Some(folder) = &args.drawing {
        create_folder(folder)?;
        let figure = drawing(&name, &architecture);
        let saved = save(&figure, &folder.join("architecture"))?;
        if let Some(warning) = saved.warning() {
            say(&format!("warning: {warning}"));
        }
        let Saved { png, svg, .. } = saved;
        text += &format!("drawn in {} and {}\n", png.display(), svg.display());
    }
    json::keep(|| {
        json!({
            "name": name,
            "architecture": json::written(&architecture),
            "layer_names": architecture.layer_names(),
            "n_parameters": architecture.n_parameters(),
            "recorded": recorded_layers,
            "training": json::written(&training),
        })
    });
    print(&text);
    Ok(())
}

/// The layers of a network of another program.
fn show_network(args: &ShowArgs) -> Result<()> {
    let unfit = |name: &str, value: String| {
        layerlens::Error::parameter(name, value, "not of a network of an ONNX file")
    };
    if let Some(folder) = &args.drawing {
        return Err(unfit("drawing", folder.display().to_string()).into());
    }
    if let Some(classes) = args.classes {
        return Err(unfit("classes", classes.to_string()).into());
    }
    let image =
        args.input()?.map(|[height, width, channels]| ImageSize { height, width, channels });
    let network = Network::open(Path::new(&args.model), &args.network.options(image))?;
    for warning in network.warnings() {
        say(&format!("warning: {warning}"));
    }
    json::keep(|| {
        json!({
            "name": args.model,
            "layers": network.layers(),
            "n_parameters": network.n_parameters(),
            "macs": network.macs(),
            "warnings": network.warnings(),
        })
    });
    print(&network.summary_text());
    Ok(())
}

/// Training parameters of a model, in a line.
fn plan(training: &Training) -> String {
    let Training { epochs, batch_size, learning_rate, validation, .. } = training;
    let split = match training.validation_split {
        ValidationSplit::Random => "drawn at random",
        ValidationSplit::Last => "the last ones",
    };
    format!(
        "{epochs} epochs, batches of {batch_size}, Adam at {learning_rate}, {validation:.4} of the \
         images for validation ({split})"
    )
}

impl ShowArgs {
    /// Height, width and channels, if they are given.
    fn input(&self) -> Result<Option<[usize; 3]>, layerlens::Error> {
        let Some(sizes) = &self.input else { return Ok(None) };
        sizes.as_slice().try_into().map(Some).map_err(|_| {
            let words = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
            layerlens::Error::parameter("input", words, "height, width and channels, as in 28,28,1")
        })
    }

    /// Name, architecture, and how it is trained by default.
    fn resolve(&self) -> Result<(String, Architecture, Option<Training>), layerlens::Error> {
        let path = Path::new(&self.model);
        if is_model_file(path) {
            return read_model(path)
                .map(|(architecture, _)| (self.model.clone(), architecture, None));
        }
        let blueprint = Blueprint::open(&self.model)?;
        let input = self.input()?.or(blueprint.input).unwrap_or(PRESET_INPUT);
        let preset =
            PRESETS.iter().find(|preset| preset.name == blueprint.name && !blueprint.is_of_file());
        let of_study = preset.map(|preset| preset.n_classes).or(blueprint.n_classes).unwrap_or(10);
        let architecture = blueprint.build(input, self.classes.unwrap_or(of_study))?;
        Ok((blueprint.name, architecture, Some(blueprint.training)))
    }
}
