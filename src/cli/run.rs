//! `layerlens run`, and `layerlens` alone: the whole study.

use super::cluster_flags::{ClusterFlags, cluster_names};
use super::data_args::strangers_help;
use super::methods::SharedMethodFlags;
use super::naming::value;
use super::neighbors::SearchArgs;
use super::network_flags::{HEADING, NetworkFlags};
use super::output::RunOutput;
use super::train::TrainArgs;
use super::{Global, json, print, say};
use anyhow::Result;
use clap::{Args, Parser};
use layerlens::Error;
use layerlens::embedding;
use layerlens::onnx::is_onnx;
use layerlens::record::{N_COMPONENTS, ReportPoints};
use layerlens::report::{cluster_table, insights_table, profile_table, quality_table, table};
use layerlens::run::{self, GivenNetwork, MethodChoice, Run, Summary};
use std::path::{Path, PathBuf};

/// Flags of the training: the groups of flags, and the flags of structs that hold such groups,
/// whose own groups are empty.
const TRAINING: [&str; 10] = [
    "ReadingArgs",
    "TrainingArgs",
    "dataset",
    "architecture",
    "hidden",
    "dropout",
    "checkpoint_every",
    "pretrained",
    "resume_from",
    "model",
];

/// Flags that have no effect on weights that are trained already; their rows are still split by the
/// flags of validation.
const MODEL: [&str; 12] = [
    "architecture",
    "hidden",
    "dropout",
    "epochs",
    "batch_size",
    "learning_rate",
    "patience",
    "keep_best",
    "test_every_epoch",
    "checkpoint_every",
    "pretrained",
    "resume_from",
];

/// Options of a run.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    train: TrainArgs,
    /// Network to look into instead of training: the .safetensors file of an earlier run, a .keras
    /// file of Keras 3, or an .onnx file of any program
    #[arg(long, value_name = "FILE", conflicts_with_all = MODEL)]
    model: Option<PathBuf>,
    /// Folder of the layers of any network to embed instead of training: <layer>_train.npy,
    /// <layer>_test.npy, in subfolders too, labels_train.npy, labels_test.npy; optional
    /// softmax_*.npy or logits_*.npy, predictions_*.npy, output_weights.npy, class_names.txt,
    /// layers.txt, images_*.npy, and all of a part but the labels for strangers:
    /// <layer>_strangers.npy
    #[arg(long, value_name = "DIR", conflicts_with_all = TRAINING)]
    from_activations: Option<PathBuf>,
    #[arg(long, value_name = "DIR|FILE|NAME", conflicts_with = "from_activations", help = strangers_help(), help_heading = "Layer profile")]
    strangers: Option<String>,
    #[command(flatten)]
    network: NetworkFlags,
    /// Images of each part that are taken, at most, drawn by the seed [default: all]
    #[arg(long, value_name = "N", allow_negative_numbers = true, help_heading = HEADING)]
    sample: Option<usize>,
    /// Methods to embed with
    #[arg(long, value_delimiter = ',', default_value = super::method_name_list())]
    methods: Vec<String>,
    #[command(flatten)]
    search: SearchArgs,
    /// Fit a linear probe to shuffled labels of each layer too: what it learns of them, the layer
    /// did not tell
    #[arg(long, help_heading = "Layer profile")]
    probe_control: bool,
    /// Points that the report shows: test, train, all, or so many of all, drawn by the seed; test
    /// stands for train where there are no test points
    #[arg(long, value_name = "test|train|all|N", value_parser = value::<ReportPoints>, default_value_t, allow_negative_numbers = true, help_heading = "Report")]
    report_points: ReportPoints,
    /// Epochs of the training to embed too, of the points of the report: all, every N, or a list
    /// such as 0,1,2,5,20; 0 is the untrained network [default: none]
    #[arg(
        long,
        value_name = "all|every N|LIST",
        num_args = 1..=2,
        allow_negative_numbers = true,
        conflicts_with_all = ["model", "from_activations", "resume_from"],
        help_heading = "Report"
    )]
    epochs_to_embed: Option<Vec<String>>,
    /// Methods to cluster every space with: its test points, or its training points if there are no
    /// others
    #[arg(
        long,
        value_parser = cluster_names(),
        value_delimiter = ',',
        default_value = "k-means",
        help_heading = "Clusters"
    )]
    clusters: Vec<String>,
    #[command(flatten)]
    cluster_flags: ClusterFlags,
    #[command(flatten)]
    flags: SharedMethodFlags,
}

impl RunArgs {
    /// The defaults, with results that go there.
    pub fn to(output: RunOutput) -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: RunArgs,
        }
        let mut args = Alone::parse_from(["layerlens"]).args;
        args.train.output = output;
        args
    }
}

impl RunArgs {
    /// The network of another program, if the model is one.
    ///
    /// # Errors
    /// [`Error::Parameter`] for flags that say nothing of the model.
    fn given_network(&self) -> Result<Option<GivenNetwork>, Error> {
        let Some(file) = self.model.as_ref().filter(|file| is_onnx(file)) else {
            if self.network == NetworkFlags::default() && self.sample.is_none() {
                return Ok(None);
            }
            let model = self.model.as_ref().map_or("none".into(), |it| it.display().to_string());
            let expected = "an .onnx file: layers are chosen and images prepared for these alone";
            return Err(Error::parameter("model", model, expected));
        };
        let training = &self.train.training;
        let split = training.validation_split.is_some();
        if training.validation.is_some() || split {
            let name = if split { "validation_split" } else { "validation" };
            return Err(Error::parameter(
                name,
                training.validation.map_or("given".into(), |share| share.to_string()),
                "not of a network of an ONNX file, which all images are shown",
            ));
        }
        Ok(Some(self.network.network(file.clone(), self.sample)))
    }
}

/// The figure that says most: of the method that is shown first, all layers or else the input; of
/// those that are there, since given layers may be the input alone, and a method may not fit them.
fn first_look(folder: &Path, methods: &[MethodChoice]) -> String {
    let mut names: Vec<&str> = methods.iter().map(|method| method.name.as_str()).collect();
    names.sort_by_key(|name| embedding::display_rank(name));
    let figures: Vec<String> = names
        .iter()
        .flat_map(|name| ["layers", "raw"].map(|of| format!("{name}_{of}.png")))
        .collect();
    let there = |name: &&String| folder.join("figures").join(name).exists();
    figures.iter().find(there).or(figures.first()).cloned().unwrap_or_default()
}

/// Does the study, prints the scores, and says where everything is.
pub fn run(global: &Global, args: &RunArgs) -> Result<()> {
    let network = args.given_network()?;
    let job = Run {
        train: args.train.to_run(global)?,
        model: args.model.clone().filter(|_| network.is_none()),
        network,
        activations: args.from_activations.clone(),
        strangers: args.strangers.clone(),
        methods: args.flags.choose(&args.methods, global.seed)?,
        search: args.search.search(),
        clusters: args.cluster_flags.methods(&args.clusters, global.seed)?,
        probe_control: args.probe_control,
        report_points: args.report_points,
        epochs_to_embed: args
            .epochs_to_embed
            .as_ref()
            .map(|words| words.join(" ").parse())
            .transpose()?,
    };
    let (device, description) = global.open()?;
    let summary = run::run(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    let results = &summary.results;
    let maps = results
        .maps
        .iter()
        .map(|map| (format!("{} of {}", map.id().title(), map.space), map.results.as_slice()));
    let insights = results.insights.as_ref();
    let insights = insights.map_or(String::new(), |insights| {
        insights_table::text(insights, &summary.class_names, N_COMPONENTS) + "\n"
    });
    let profile = profile_table::text(results);
    json::keep(|| json::of_run(&summary));
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    print(&format!(
        "\n{}\n{}\n{}\n{}\n{profile}\n{insights}{}\nwritten to {path}:\n{}open {path}/report.html\nlook at \
         {path}/figures/{} first\n",
        table::text(&results.knn),
        quality_table::text(&results.quality),
        table::results_text(maps),
        cluster_table::summary_text(&results.clusters),
        classifier(&summary),
        super::written(&summary.path),
        first_look(&summary.path, &job.methods),
    ));
    Ok(())
}

/// Accuracy of the network itself, if it is known.
fn classifier(summary: &Summary) -> String {
    if let Some(test) = summary.results.test {
        return format!(
            "classifier on the test images: accuracy {:.4}, loss {:.4}\n{}",
            test.accuracy,
            test.loss,
            super::times(summary)
        );
    }
    let given =
        summary.results.insights.as_ref().and_then(|insights| {
            insights.confused_pairs.iter().find(|pairs| pairs.space.is_none())
        });
    given.map_or(String::new(), |given| {
        format!("the given predictions: accuracy {:.4}\n", given.accuracy)
    })
}
