//! The command line: flags, their meaning, and the last lines, which list the files that were
//! written.

mod activations;
mod bench;
mod cluster;
mod cluster_flags;
mod compare;
mod compare_models;
mod completions;
mod config;
mod console;
mod data;
mod data_args;
mod devices;
mod embed;
pub mod ending;
mod evaluate;
mod export;
mod interrupt;
mod json;
mod labels;
mod methods;
mod model;
mod naming;
mod neighbors;
mod network_flags;
mod output;
mod parameter_flags;
mod profile;
mod progress;
mod reference;
mod report;
mod run;
mod shown_args;
mod train;
mod training_args;
mod transform;

use anyhow::{Context, Result};
use clap::error::ErrorKind;
use clap::{Args, ColorChoice, CommandFactory, FromArgMatches, Parser, Subcommand};
use console::{Console, console, settle};
use layerlens::compute::{Description, Device, DeviceChoice, GpuOptions, adapters};
use layerlens::embedding::{METHODS, Method, first_shown};
use layerlens::run::Summary;
use output::RunOutput;
use progress::{ProgressMode, Terminal};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Shows what each hidden layer of a neural network has learned.
///
/// Without a command: `run` on the embedded sample of Fashion-MNIST.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 120)]
struct Cli {
    #[command(flatten)]
    global: Global,
    /// Of the run without a command.
    #[command(flatten)]
    run: RunOutput,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Flags of every command.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// Device that computes; auto takes a real GPU if there is one, never a software adapter, else
    /// the CPU
    #[arg(
        long,
        global = true,
        value_enum,
        default_value = "auto",
        env = "LAYERLENS_DEVICE",
        help_heading = "Global"
    )]
    device: DeviceChoice,
    /// Part of the name of the GPU to take (see `layerlens devices`)
    #[arg(
        long,
        global = true,
        value_name = "NAME",
        env = "LAYERLENS_ADAPTER",
        help_heading = "Global"
    )]
    adapter: Option<String>,
    /// Seed of everything that is random
    #[arg(long, global = true, alias = "random-state", default_value_t = 42, env = "LAYERLENS_SEED", help_heading = "Global", value_parser = seeds(), allow_negative_numbers = true)]
    seed: u64,
    /// Threads of the CPU [default: all cores]
    #[arg(long, global = true, value_parser = clap::value_parser!(u16).range(1..=1024), allow_negative_numbers = true, env = "LAYERLENS_THREADS", help_heading = "Global")]
    threads: Option<u16>,
    /// Form of the progress display on stderr
    #[arg(long, global = true, value_enum, default_value = "auto", help_heading = "Global")]
    progress: ProgressMode,
    /// Colours on stderr and in the help; auto: on a terminal, unless NO_COLOR is set or CI is true
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "WHEN",
        default_value = "auto",
        help_heading = "Global"
    )]
    color: ColorChoice,
    /// Say nothing on stderr but warnings and errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global")]
    quiet: bool,
    /// Say on stderr too what computes, and which settings come from the environment or a
    /// file
    #[arg(short, long, global = true, help_heading = "Global")]
    verbose: bool,
    /// File of settings: flags of the command by their names, or the config.toml of a run. A flag
    /// that is typed or has its environment variable set goes before it
    #[arg(long, global = true, value_name = "FILE.toml", help_heading = "Global")]
    config: Option<PathBuf>,
    /// Print the result as one JSON document on stdout, a failure too, and all else on stderr
    #[arg(long, global = true, help_heading = "Global")]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Train a classifier, embed its layers, score and draw them
    #[command(visible_alias = "study")]
    Run(Box<run::RunArgs>),
    /// Train a classifier and keep its weights
    Train(train::TrainArgs),
    /// Write the activations of the layers of a network in an ONNX file
    Activations(activations::ActivationsArgs),
    /// Measure the layers in a folder: probes, similarity, dimensions, separation, points to look at
    Profile(profile::ProfileArgs),
    /// Embed any .npy matrix, place new points, score and draw the map
    Embed(embed::EmbedArgs),
    /// Place new points in a map that was fitted before
    Transform(transform::TransformArgs),
    /// Score a space or a map by k-NN classification
    Evaluate(evaluate::EvaluateArgs),
    /// Put two finished runs side by side, with the intervals of their differences
    Compare(compare::CompareArgs),
    /// Write a finished run for TensorBoard's projector, or as a Parquet table
    Export(export::ExportArgs),
    /// Make the explorable page of a finished run, or of any embedding
    Report(report::ReportArgs),
    /// Look at data, convert them, fetch them
    #[command(subcommand)]
    Data(data::DataCommand),
    /// Train several models on the same data, compare them, and embed one layer of one of them
    CompareModels(compare_models::CompareModelsArgs),
    /// Find clusters in any .npy matrix, compare them with classes, and draw them
    Cluster(cluster::ClusterArgs),
    /// Measure every stage, CPU against GPU, over numbers of points and features
    Bench(bench::BenchArgs),
    /// Show a model's layers: shapes, parameters, and which layers are recorded
    Model(model::ModelArgs),
    /// List the GPUs, and which one each --device takes
    Devices,
    /// Print the script by which a shell completes commands and flags
    Completions(completions::CompletionsArgs),
    /// Print the man page, write those of every command, or print them all as Markdown
    Man(completions::ManArgs),
}

/// Does what the command line asks for.
///
/// # Errors
/// Whatever ends the work, and in the end that stdout could not be written: what was found is in
/// its files by then.
pub fn run() -> Result<()> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let merged = config::merge(&words);
    // Of what is typed alone if the file of settings cannot be read.
    let console = Console::of(merged.as_deref().unwrap_or(&words));
    settle(console);
    match parse(&merged?, console) {
        Ok(cli) => cli.run()?,
        // The help and the version are what was asked for, and go to stdout.
        Err(words) if !words.use_stderr() => {
            note_stdout(words.print().and_then(|()| std::io::stdout().flush()))
        }
        Err(wrong) => match config::blame(&wrong) {
            Some(of_file) => return Err(of_file.into()),
            None => refuse(&wrong),
        },
    }
    json::document().iter().for_each(|document| print_result(document));
    let failure = STDOUT.lock().unwrap_or_else(PoisonError::into_inner).take();
    failure.map_or(Ok(()), |error| Err(layerlens::Error::write("stdout", error).into()))
}

/// Ends the program with the words of the parser.
fn refuse(wrong: &clap::Error) -> ! {
    let _ = wrong.print();
    config::named_in(wrong).iter().for_each(|line| say(line));
    let code = wrong.exit_code();
    if console().json {
        let message = wrong.render().to_string();
        let message = message.split("\n\n").next().unwrap_or_default();
        let code = u8::try_from(code).unwrap_or(2);
        print_result(&json::failure("usage", code, message.trim_start_matches("error: ")));
    }
    std::process::exit(code);
}

fn parse(words: &[OsString], console: Console) -> Result<Cli, clap::Error> {
    let cli = Cli::command().color(console.parser);
    Cli::from_arg_matches(&cli.try_get_matches_from(words)?)
}

impl Cli {
    fn run(self) -> Result<()> {
        interrupt::watch()?;
        let threads =
            rayon::ThreadPoolBuilder::new().num_threads(self.global.threads.map_or(0, usize::from));
        threads
            .build_global()
            .context("cannot start the threads of the CPU; fewer --threads may do")?;
        if self.command.is_some() && self.run != RunOutput::default() {
            let message = "--out, --force and --resume stand behind the command";
            refuse(&Cli::command().error(ErrorKind::ArgumentConflict, message));
        }
        if self.global.verbose {
            self.global.say_more();
        }
        if let (true, Some(Command::Completions(_) | Command::Man(_))) =
            (self.global.json, &self.command)
        {
            let message = "--json: what this command prints is its result";
            refuse(&Cli::command().error(ErrorKind::ArgumentConflict, message));
        }
        match self.command {
            None => run::run(&self.global, &run::RunArgs::to(self.run)),
            Some(Command::Run(args)) => run::run(&self.global, &args),
            Some(Command::Train(args)) => train::train(&self.global, &args),
            Some(Command::Activations(args)) => activations::activations(&self.global, &args),
            Some(Command::Profile(args)) => profile::profile(&self.global, &args),
            Some(Command::Embed(args)) => embed::embed(&self.global, &args),
            Some(Command::Transform(args)) => transform::transform(&self.global, &args),
            Some(Command::Evaluate(args)) => evaluate::evaluate(&self.global, &args),
            Some(Command::Compare(args)) => compare::compare(&self.global, &args),
            Some(Command::Export(args)) => export::export(&self.global, &args),
            Some(Command::Report(args)) => report::report(&self.global, &args),
            Some(Command::Data(command)) => data::data(&self.global, &command),
            Some(Command::CompareModels(args)) => {
                compare_models::compare_models(&self.global, &args)
            }
            Some(Command::Cluster(args)) => cluster::cluster(&self.global, &args),
            Some(Command::Bench(args)) => bench::bench(&self.global, &args),
            Some(Command::Model(args)) => model::model(&args),
            Some(Command::Devices) => devices::devices(&self.global),
            Some(Command::Completions(args)) => {
                completions::completions(&args);
                Ok(())
            }
            Some(Command::Man(args)) => completions::man(&args),
        }
    }
}

impl Global {
    /// Opens the device and says on stderr which one it is, and why.
    fn open(&self) -> Result<(Device, Description)> {
        let (device, description) = Device::open(self.device, &self.gpu_options())?;
        if self.progress() != ProgressMode::None || description.fallback {
            say(&format!("device: {} ({})", description.name, description.reason));
        }
        Ok((device, description))
    }

    /// Does `work` on the device; what a GPU that `auto` chose fails at is done again on the CPU,
    /// and that is said.
    fn compute<T>(&self, work: impl Fn(&Device) -> Result<T, layerlens::Error>) -> Result<T> {
        let (device, description) = self.open()?;
        let outcome = work(&device);
        let instead =
            outcome.as_ref().err().and_then(|error| Device::instead_of(&description, error));
        let Some((cpu, description)) = instead else { return Ok(outcome?) };
        say(&format!("{}; computed again on the CPU", description.reason));
        Ok(work(&cpu)?)
    }

    fn gpu_options(&self) -> GpuOptions {
        GpuOptions { adapter: self.adapter.clone(), ..GpuOptions::from_env() }
    }

    fn terminal(&self) -> Terminal {
        Terminal::new(self.progress())
    }

    fn progress(&self) -> ProgressMode {
        if self.quiet { ProgressMode::None } else { self.progress }
    }

    /// What is said of the surroundings if more is asked for.
    fn say_more(&self) {
        say(&format!(
            "layerlens {}, {} {}, {} threads",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH,
            rayon::current_num_threads()
        ));
        if let Some(path) = &self.config {
            say(&format!("config: {}", path.display()));
        }
        naming::settings().for_each(|setting| say(&format!("setting: {setting}")));
        let gpus = adapters();
        gpus.iter()
            .for_each(|gpu| say(&format!("gpu: {}, {}, {}", gpu.name, gpu.backend, gpu.driver)));
        if gpus.is_empty() {
            say("gpu: no Vulkan, Metal or DX12 adapter");
        }
    }
}

/// Seeds from 0 to 2^63 - 1: TOML, the language of config.toml, has no larger whole numbers.
fn seeds() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(..=i64::MAX as u64)
}

/// Name of a file or a folder without its ending.
fn stem(path: &std::path::Path) -> String {
    path.file_stem().map_or_else(|| "input".into(), |stem| stem.to_string_lossy().into_owned())
}

/// The command line as it was typed.
fn argv() -> Vec<String> {
    std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// The names of all methods, with commas between.
fn method_name_list() -> &'static str {
    static LIST: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    LIST.get_or_init(|| METHODS.iter().map(|method| method.name).collect::<Vec<_>>().join(","))
}

/// The names of the two methods that say most side by side: the principal components, and that
/// whose maps are shown first.
fn method_name_pair() -> &'static str {
    static PAIR: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let is_chosen =
        |method: &&&Method| method.gives_components || method.name == first_shown().name;
    PAIR.get_or_init(|| {
        METHODS.iter().filter(is_chosen).map(|method| method.name).collect::<Vec<_>>().join(",")
    })
}

/// Contents of the folder of a run, a line each.
fn written(folder: &std::path::Path) -> String {
    const PARTS: [(&str, &str); 11] = [
        ("report.html", "everything to explore in a browser, in one file"),
        ("figures", "maps, accuracies, what the layers did, and others (.png and .svg)"),
        (
            "scores",
            "k-NN accuracies, quality of the maps, layer profile, points to look at, what the \
             layers did (.csv)",
        ),
        ("embeddings", "coordinates in every map (.npy)"),
        ("maps", "the maps, for `layerlens transform` (.safetensors)"),
        (
            "epochs",
            "maps of the training's epochs (.npy) and the weights then; as animations in figures \
             (.gif)",
        ),
        ("clusters", "the cluster of every point, agreement with the classes (.npy, .csv)"),
        ("neighbors", "nearest neighbours in every space (.safetensors)"),
        ("activations", "activations of every layer (.npy), as --from-activations takes them"),
        ("model", "weights (.safetensors)"),
        ("manifest.json", "configuration, device, times, results"),
    ];
    let there = PARTS.iter().filter(|(name, _)| folder.join(name).exists());
    there
        .map(|(name, what)| {
            format!(
                "  {:<13} {what}\n",
                if name.contains('.') { (*name).to_owned() } else { format!("{name}/") }
            )
        })
        .collect()
}

/// Times of the training and the test, and the epoch that is kept, a line each.
fn times(summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(training) = &summary.results.training {
        let early = if training.stopped_early { ", ended early" } else { "" };
        text += &format!(
            "trained for {} epochs in {:.1} s{early}; the weights are those of epoch {}",
            training.epochs, training.seconds, training.kept
        );
        text += &training.best.map_or_else(
            || "\n".into(),
            |best| format!(", the least validation loss that of epoch {best}\n"),
        );
    }
    if let Some(inference) = summary.results.inference {
        text += &format!("{} test images classified in {:.2} s\n", inference.n, inference.seconds);
    }
    text
}

/// Writes a line to stderr, with flags where the library names fields; a reader that has gone away
/// is no reason to end the work.
fn say(line: &str) {
    let console = console();
    if !(console.quiet && line.starts_with("note:")) {
        let _ = writeln!(std::io::stderr().lock(), "{}", console.styled(&naming::spoken(line)));
    }
}

/// Why stdout could not be written, if it could not.
static STDOUT: Mutex<Option<std::io::Error>> = Mutex::new(None);

/// Prints what was found in the words for people: to stdout, or beside a document for programs to
/// stderr.
fn print(text: &str) {
    match console() {
        Console { json: false, .. } => print_result(text),
        Console { quiet: true, .. } => (),
        _ => drop(std::io::stderr().lock().write_all(text.as_bytes())),
    }
}

/// Prints to stdout. What goes wrong is the program's last word: the work goes on, and its files
/// are written.
fn print_result(text: &str) {
    let mut stdout = std::io::stdout().lock();
    note_stdout(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// A reader that has gone away, as `head` does, is no failure.
fn note_stdout(written: std::io::Result<()>) {
    if let Err(error) = written
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        STDOUT.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

#[cfg(test)]
mod tests {
    use super::Cli;
    use clap::CommandFactory;
    use std::collections::HashSet;

    /// clap checks this itself, but not in release builds.
    #[test]
    fn no_command_has_a_flag_twice() {
        let mut cli = Cli::command();
        cli.build();
        for command in cli.get_subcommands() {
            let (mut ids, mut names) = (HashSet::new(), HashSet::new());
            for flag in command.get_arguments() {
                assert!(ids.insert(flag.get_id()), "{} {}", command.get_name(), flag.get_id());
                let aliases = flag.get_all_aliases().unwrap_or_default();
                for name in flag.get_long().into_iter().chain(aliases) {
                    assert!(names.insert(name.to_owned()), "{} --{name}", command.get_name());
                }
            }
        }
    }
}
