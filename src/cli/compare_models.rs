//! `layerlens compare-models`: the second study.

use super::cluster_flags::{ClusterFlags, cluster_names};
use super::data_args::DataArgs;
use super::methods::SharedMethodFlags;
use super::neighbors::SearchArgs;
use super::output::RunOutput;
use super::training_args::TrainingArgs;
use super::{Global, config, json, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::recipe::{Blueprint, Candidate, PRESETS, is_sweep, read_sweep};
use layerlens::report::{cluster_table, model_table, profile_table, quality_table, table};
use layerlens::run::{self, CompareModels, Encoded};
use serde_json::json;
use std::path::Path;

/// Models to compare, and the layer to embed.
#[derive(Clone, Debug, Args)]
pub struct CompareModelsArgs {
    #[arg(value_name = "MODEL", default_values = ["cnn-default", "cnn-a", "cnn-b"], help = models_help())]
    models: Vec<String>,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    training: TrainingArgs,
    /// Layer to embed on the test images, none, or auto: the last hidden dense layer of cnn-a,
    /// else of the first model that has one
    #[arg(long, value_name = "MODEL/LAYER", default_value = "auto")]
    encode: String,
    /// Methods to embed that layer with
    #[arg(long, value_delimiter = ',', default_value = super::method_name_pair())]
    methods: Vec<String>,
    #[command(flatten)]
    search: SearchArgs,
    /// Methods to cluster that layer with
    #[arg(
        long,
        value_parser = cluster_names(),
        value_delimiter = ',',
        default_value = "k-means,dbscan",
        help_heading = "Clusters"
    )]
    clusters: Vec<String>,
    #[command(flatten)]
    cluster_flags: ClusterFlags,
    #[command(flatten)]
    flags: SharedMethodFlags,
    #[command(flatten)]
    output: RunOutput,
}

fn models_help() -> String {
    let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
    format!(
        "Models: {}, a .toml file that describes one, or a .toml file of several ([[model]] tables \
         with architecture, name, hidden, epochs, batch_size, learning_rate; lists are combined)",
        names.join(", ")
    )
}

impl CompareModelsArgs {
    /// The models, trained as the flags say, or else as they are by default.
    fn candidates(&self, seed: u64) -> Result<Vec<Candidate>, Error> {
        let mut candidates = Vec::new();
        for name in &self.models {
            let path = Path::new(name);
            let is_file =
                path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("toml"));
            if let Some(of_run) = config::candidates(name)? {
                candidates.extend(of_run);
            } else if is_file && is_sweep(path)? {
                candidates.extend(read_sweep(path)?);
            } else {
                candidates.push(Candidate::new(Blueprint::open(name)?));
            }
        }
        let given = [
            ("epochs", self.training.epochs.is_some()),
            ("batch_size", self.training.batch_size.is_some()),
            ("learning_rate", self.training.learning_rate.is_some()),
        ];
        for candidate in &mut candidates {
            if let Some((key, _)) =
                given.iter().find(|(key, given)| *given && candidate.fixed.contains(key))
            {
                return Err(Error::parameter(
                    key,
                    "given",
                    format!("not for {}, whose file sets {key}", candidate.name),
                ));
            }
            candidate.training = self.training.training(&candidate.training, seed);
        }
        Ok(candidates)
    }

    fn encoded(&self) -> Result<Encoded, Error> {
        match self.encode.as_str() {
            "auto" => Ok(Encoded::Auto),
            "none" => Ok(Encoded::None),
            words => match words.rsplit_once('/') {
                Some((model, layer)) => Ok(Encoded::Layer(model.into(), layer.into())),
                None => Err(Error::parameter(
                    "encode",
                    words,
                    "MODEL/LAYER as in cnn-a/dense_2, auto, or none",
                )),
            },
        }
    }
}

/// Trains, compares, embeds the layer, and prints where everything is.
pub fn compare_models(global: &Global, args: &CompareModelsArgs) -> Result<()> {
    let job = CompareModels {
        data: args.data.request(),
        models: args.candidates(global.seed)?,
        encoded: args.encoded()?,
        methods: args.flags.choose(&args.methods, global.seed)?,
        search: args.search.search(),
        clusters: args.cluster_flags.methods(&args.clusters, global.seed)?,
        seed: global.seed,
        to: args.output.destination(),
    };
    let (device, description) = global.open()?;
    let summary = run::compare_models(&job, &device, &description, &global.terminal())?;
    json::keep(|| {
        json!({
            "path": json::path(&summary.path),
            "encoded": summary.encoded.as_ref().map(|(model, layer)| format!("{model}/{layer}")),
            "results": json::written(&summary.results),
            "warnings": summary.warnings,
        })
    });
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    let path = summary.path.display();
    let encoded = summary.encoded.map_or(String::new(), |(model, layer)| {
        let clusters: Vec<String> =
            summary.results.clusters.iter().map(cluster_table::text).collect();
        format!(
            "\n{layer} of {model} on the test images\n\n{}\n{}\n{}",
            table::text(&summary.results.knn),
            quality_table::text(&summary.results.quality),
            clusters.join("\n")
        )
    });
    let profile = profile_table::text(&summary.results);
    print(&format!(
        "\n{}{encoded}\n{profile}\nwritten to {path}:\n{}look at {path}/figures/models.png first\n",
        model_table::text(&summary.results.models),
        super::written(&summary.path),
    ));
    Ok(())
}
