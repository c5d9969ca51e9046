//! `layerlens bench`: how long each stage takes, CPU against GPU.

use super::methods::OnlyMethodFlags;
use super::output::Output;
use super::{Global, json, method_name_list, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::benchmark::{
    Agreement, Benchmark, Measured, Peaks, Ratio, StageProfile, Timing, exponent, ratios, tables,
    write_csv,
};
use layerlens::compute::{
    AdapterDescription, Chosen, Device, DeviceChoice, GpuOptions, adapters, choose,
};
use layerlens::embedding;
use layerlens::files::{create_folder, write_atomic};
use layerlens::parity::{self, Checked};
use layerlens::progress::{Observer, Reporter};
use layerlens::record::default_path;
use layerlens::report::figures::{Curve, Scaling, save};
use serde::Serialize;
use serde_json::json;
use std::fmt::Write;
use std::path::PathBuf;

/// Options of `bench`.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Numbers of points
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1000,3000,10000,30000,60000",
        value_name = "N"
    )]
    n: Vec<usize>,
    /// Numbers of features
    #[arg(long, value_delimiter = ',', default_value = "64,256,784", value_name = "D")]
    d: Vec<usize>,
    /// Methods
    #[arg(long, value_delimiter = ',', default_value = method_name_list())]
    methods: Vec<String>,
    /// Timed runs of each stage; fewer where one takes very long, which the table says
    #[arg(long, default_value_t = 3)]
    repeats: usize,
    /// Adapters to measure beside the CPU, each by a part of its name [default: the one that
    /// --device takes]
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    adapters: Vec<String>,
    /// 10,000 points of 784 features, each stage timed once after its first run
    #[arg(long, conflicts_with_all = ["n", "d", "repeats"])]
    quick: bool,
    /// On GPUs, time every kernel by the device's clock, and count what goes to and from it
    #[arg(long)]
    profile: bool,
    /// Measure nothing: compare every kernel of the GPUs with the CPU's, at sizes from 1 to 1,000;
    /// exit code 1 if one differs
    #[arg(long, conflicts_with_all = ["n", "d", "repeats", "quick", "profile", "methods"])]
    check: bool,
    #[command(flatten)]
    flags: OnlyMethodFlags,
    #[command(flatten)]
    output: Output,
}

/// Points and features of `--quick`.
const QUICK: (usize, usize) = (10_000, 784);

impl BenchArgs {
    fn benchmark(&self, seed: u64) -> Result<Benchmark> {
        let build = |choice: &layerlens::run::MethodChoice| {
            let method = embedding::method(&choice.name)?;
            Ok::<_, Error>((choice.name.clone(), (method.build)(&choice.parameters)?))
        };
        let methods =
            self.flags.choose(&self.methods, seed)?.iter().map(build).collect::<Result<_, _>>()?;
        let (sizes, features, repeats) = match self.quick {
            true => (vec![QUICK.0], vec![QUICK.1], 1),
            false => (self.n.clone(), self.d.clone(), self.repeats),
        };
        let benchmark =
            Benchmark { sizes, features, methods, repeats, profile: self.profile, seed };
        benchmark.validate()?;
        Ok(benchmark)
    }
}

/// The devices to compare with their names, the CPU first.
fn devices(global: &Global, wanted: &[String]) -> Result<Vec<(Device, String)>, Error> {
    let mut options: Vec<GpuOptions> = wanted
        .iter()
        .map(|name| GpuOptions { adapter: Some(name.clone()), ..GpuOptions::from_env() })
        .collect();
    if options.is_empty() {
        let all: Vec<AdapterDescription> = adapters();
        match choose(global.device, &global.gpu_options(), &all) {
            Chosen::Adapter { .. } => options.push(global.gpu_options()),
            Chosen::Cpu { reason } if global.device == DeviceChoice::Auto => {
                say(&format!("the CPU alone: {reason}"))
            }
            Chosen::Cpu { .. } => (),
            Chosen::None { reason } => return Err(Error::NoGpu(reason)),
        }
    }
    let gpus = options.iter().map(Device::gpu).collect::<Result<Vec<_>, _>>()?;
    let named = |device: Device| {
        let name = device.describe(String::new()).name;
        (device, name)
    };
    Ok(std::iter::once(Device::cpu()).chain(gpus).map(named).collect())
}

/// Passes on cancellation of the inner observer, but no progress: every stage counts from 0, and
/// the table itself is the progress.
struct Stoppable<'a>(&'a dyn Observer);

impl Observer for Stoppable<'_> {
    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// All that is written as JSON.
#[derive(Debug, Serialize)]
struct Results {
    layerlens_version: &'static str,
    os: &'static str,
    arch: &'static str,
    seed: u64,
    devices: Vec<DeviceResults>,
}

/// Results of one device.
#[derive(Debug, Serialize)]
struct DeviceResults {
    name: String,
    peaks: Option<Peaks>,
    agreement: Vec<Agreement>,
    #[serde(flatten)]
    measured: Measured,
    /// Beside the CPU.
    ratios: Vec<Ratio>,
}

/// Measures, prints the tables, and writes them with a figure; or checks the kernels.
pub fn bench(global: &Global, args: &BenchArgs) -> Result<()> {
    if args.check {
        return check(global, &args.adapters);
    }
    let benchmark = args.benchmark(global.seed)?;
    let out: PathBuf = args.output.out.clone().unwrap_or_else(|| default_path("bench"));
    if out.join("bench.csv").exists() && !args.output.force {
        return Err(Error::Exists(out.join("bench.csv")).into());
    }
    let terminal = global.terminal();
    let mut all: Vec<DeviceResults> = Vec::new();
    for (device, name) in devices(global, &args.adapters)? {
        let terminal = terminal.stage("bench");
        let of_device =
            measure(&benchmark, (&device, name), all.first(), &Stoppable(terminal.as_ref()))?;
        all.push(of_device);
    }
    let timings: Vec<Timing> =
        all.iter().flat_map(|of| of.measured.timings.iter().cloned()).collect();
    let curves = curves(&timings);
    create_folder(&out)?;
    // What an earlier benchmark wrote that this one may not replace.
    for name in ["bench.png", "bench.svg", "kernels.csv"] {
        let _ = std::fs::remove_file(out.join(name));
    }
    write_csv(&out.join("bench.csv"), &timings)?;
    let mut names = vec!["bench.csv", "bench.json"];
    if !curves.is_empty() {
        print(&format!("\ntime ~ n^p\n{}", exponents(&curves)));
        let title = format!(
            "Time against number of points, {} features where they matter",
            benchmark.features[0]
        );
        save(&Scaling { title, curves }, &out.join("bench"))?;
        names.extend(["bench.png", "bench.svg"]);
    }
    let kernels: Vec<_> = all
        .iter()
        .flat_map(|of| tables::kernel_lines(&of.measured.profiles, of.peaks.as_ref()))
        .collect();
    if args.profile {
        write_csv(&out.join("kernels.csv"), &kernels)?;
        names.push("kernels.csv");
    }
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let results = Results {
        layerlens_version: env!("CARGO_PKG_VERSION"),
        os,
        arch,
        seed: global.seed,
        devices: all,
    };
    json::keep(|| json!({ "path": json::path(&out), "results": json::written(&results) }));
    write_atomic(&out.join("bench.json"), |file| {
        serde_json::to_writer_pretty(file, &results).map_err(Into::into)
    })?;
    print(&format!("\nwritten to {}: {}\n", out.display(), names.join(", ")));
    Ok(())
}

/// Compares every kernel of the GPUs with its twin on the CPU.
fn check(global: &Global, adapters: &[String]) -> Result<()> {
    let gpus: Vec<_> = devices(global, adapters)?.into_iter().skip(1).collect();
    if gpus.is_empty() {
        return Err(Error::NoGpu("there is nothing to compare with the CPU".into()).into());
    }
    let (mut wrong, mut devices) = (Vec::new(), Vec::new());
    for (device, name) in gpus {
        print(&format!(
            "layerlens {}, {}, {}\n{name}\n",
            env!("CARGO_PKG_VERSION"),
            std::env::consts::OS,
            std::env::consts::ARCH
        ));
        let print_row = |checked: &Checked| {
            let outcome = checked.complaint.as_deref().unwrap_or("as on the CPU");
            print(&format!("{:<44} {outcome}\n", checked.kernel));
        };
        let mut checked = parity::check(&device, &parity::SIZES, &print_row);
        checked.extend(parity::check_together(&device, &print_row));
        devices.push(json!({ "name": name, "kernels": checked }));
        wrong.extend(
            checked
                .into_iter()
                .filter(|checked| checked.complaint.is_some())
                .map(|checked| checked.kernel),
        );
    }
    json::keep(|| json!({ "checked": devices }));
    if wrong.is_empty() {
        print("every kernel gives what the CPU gives\n");
        return Ok(());
    }
    Err(Error::Kernel {
        kernel: wrong.join(", "),
        message: "it does not give what the CPU gives; please report the table above".into(),
    }
    .into())
}

/// Everything of one device, printed as it comes.
fn measure(
    benchmark: &Benchmark,
    (device, name): (&Device, String),
    cpu: Option<&DeviceResults>,
    observer: &dyn Observer,
) -> Result<DeviceResults> {
    let peaks = match device {
        Device::Gpu(gpu) => Peaks::measure(device, gpu)?,
        Device::Cpu(_) => None,
    };
    print(&format!(
        "{name}\n{}{}",
        peaks.map_or_else(String::new, |peaks| tables::peaks(&peaks)),
        tables::HEAD
    ));
    let print_row = |timing: &Timing, profile: Option<&StageProfile>| {
        let profile =
            profile.map_or_else(String::new, |profile| tables::profile(profile, peaks.as_ref()));
        print(&format!("{}{profile}", tables::line(timing)));
    };
    let measured = benchmark.run(device, &name, observer, &print_row)?;
    let (Some(cpu), Device::Gpu(gpu)) = (cpu, device) else {
        return Ok(DeviceResults {
            name,
            peaks,
            agreement: Vec::new(),
            measured,
            ratios: Vec::new(),
        });
    };
    let agreement = benchmark.agreement(device, observer)?;
    let ratios = ratios(&cpu.measured.timings, &measured.timings, gpu);
    print(&format!("\n{}\n{}", tables::agreement(&agreement), tables::ratios(&ratios)));
    Ok(DeviceResults { name, peaks, agreement, measured, ratios })
}

/// One curve a stage and device, of the first number of features, where it was measured at two
/// sizes at least.
fn curves(timings: &[Timing]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    let (mut stages, mut devices, mut widths): (Vec<String>, Vec<String>, Vec<usize>) =
        Default::default();
    for timing in timings {
        let width = timing.d;
        if width > 0 && widths.is_empty() {
            widths.push(width);
        }
        if width > 0 && !widths.contains(&width) {
            continue;
        }
        let position = |known: &mut Vec<String>, name: &String| {
            known.iter().position(|other| other == name).unwrap_or_else(|| {
                known.push(name.clone());
                known.len() - 1
            })
        };
        let group = position(&mut stages, &timing.stage);
        let device = position(&mut devices, &timing.device);
        let kind = if device == 0 {
            "CPU".to_owned()
        } else {
            timing.device.split(" (").next().unwrap_or("GPU").to_owned()
        };
        let name = format!("{}, {kind}", timing.stage);
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push((timing.n, timing.seconds)),
            None => curves.push(Curve {
                name,
                points: vec![(timing.n, timing.seconds)],
                group,
                light: device > 0,
            }),
        }
    }
    curves.retain(|curve| curve.points.len() > 1);
    for curve in &mut curves {
        if let Some(p) = exponent(&curve.points) {
            write!(curve.name, ", p = {p:.2}").unwrap_or_default();
        }
    }
    curves
}

fn exponents(curves: &[Curve]) -> String {
    curves.iter().map(|curve| format!("  {}\n", curve.name)).collect()
}
