//! `layerlens run`, and `layerlens` alone: the whole study.

use super::methods::SharedMethodFlags;
use super::neighbors::SearchArgs;
use super::train::TrainArgs;
use super::{Global, method_title, print, say};
use anyhow::Result;
use clap::{Args, Parser};
use layerlens::report::{insights_table, quality_table, table};
use layerlens::run::{self, MethodChoice, Run};
use std::path::PathBuf;

/// What to look into, and how.
#[derive(Clone, Debug, Args)]
pub struct RunArgs {
    #[command(flatten)]
    train: TrainArgs,
    /// Weights to look into instead of training: a .safetensors file of an earlier run
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// Folder of any network's layers to look into instead of training: <layer>_train.npy, <layer>_test.npy, labels_train.npy,
    /// labels_test.npy; optional predictions_*.npy, class_names.txt, layers.txt, images_*.npy
    #[arg(long, value_name = "DIR", conflicts_with_all = ["TrainArgs", "model"])]
    from_activations: Option<PathBuf>,
    /// Methods to embed with
    #[arg(long, value_delimiter = ',', default_value = super::method_name_list())]
    methods: Vec<String>,
    #[command(flatten)]
    search: SearchArgs,
    #[command(flatten)]
    flags: SharedMethodFlags,
}

impl Default for RunArgs {
    fn default() -> Self {
        #[derive(Parser)]
        struct Alone {
            #[command(flatten)]
            args: RunArgs,
        }
        Alone::parse_from(["layerlens"]).args
    }
}

/// The method whose figure says most: t-SNE keeps most of the classes, else the last by habit.
fn first_look(methods: &[MethodChoice]) -> &str {
    let tsne = methods.iter().find(|method| method.name == "tsne");
    tsne.or(methods.last()).map_or("pca", |method| &method.name)
}

/// Does the study, prints the scores, and says where everything is.
pub fn run(global: &Global, args: &RunArgs) -> Result<()> {
    let job = Run {
        train: args.train.to_run(global)?,
        model: args.model.clone(),
        activations: args.from_activations.clone(),
        methods: args.flags.choose(&args.methods, global.seed)?,
        search: args.search.search(),
    };
    let (device, description) = global.open()?;
    let summary = run::run(&job, &device, &description, &global.terminal())?;
    let path = summary.path.display();
    let maps = summary.maps.iter().map(|map| {
        let title = method_title(&map.method);
        (format!("{title} of {}", map.space), map.results.as_slice())
    });
    let classifier = summary.test.map_or(String::new(), |test| {
        format!("classifier on the test images: accuracy {:.4}, loss {:.4}\n", test.accuracy, test.loss)
    });
    let insights = summary.insights.as_ref();
    let insights =
        insights.map_or(String::new(), |insights| insights_table::text(insights, &summary.class_names, &method_title) + "\n");
    for warning in &summary.warnings {
        say(&format!("warning: {warning}"));
    }
    print(&format!(
        "\n{}\n{}\n{}\n{}{}\nwritten to {path}:\n  figures/      maps of every layer, history, examples, scores (.png and .svg)\n  scores/       k-NN accuracies, per class too, quality of the maps (.csv)\n  embeddings/   places in every map (.npy)\n  maps/         the maps, for `layerlens transform` (.safetensors)\n  neighbors/    nearest neighbours in every space (.safetensors)\n  activations/  answers of every layer (.npy)\n  model/        weights (.safetensors)\n  manifest.json configuration, device, times, results\nlook at {path}/figures/{}_layers.png first\n",
        table::text(&summary.scores, &method_title),
        quality_table::text(&summary.quality, &method_title),
        table::results_text(maps),
        insights,
        classifier,
        first_look(&job.methods),
    ));
    Ok(())
}
