//! `layerlens bench`: how long each stage takes, CPU against GPU.

use super::methods::OnlyMethodFlags;
use super::{Global, method_name_list, print, say};
use anyhow::Result;
use clap::Args;
use layerlens::Error;
use layerlens::benchmark::{Benchmark, Timing, exponent, write_csv};
use layerlens::compute::{AdapterDescription, Chosen, Device, DeviceChoice, GpuOptions, adapters, choose};
use layerlens::embedding;
use layerlens::files::create_folder;
use layerlens::progress::Reporter;
use layerlens::report::figures::{Curve, Scaling, save};
use layerlens::run::default_path;
use std::fmt::Write;
use std::path::PathBuf;

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Numbers of points
    #[arg(long, value_delimiter = ',', default_value = "1000,3000,10000,30000,60000", value_name = "N")]
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
    /// Adapters to measure beside the CPU, each by a part of its name [default: the one that --device takes]
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    adapters: Vec<String>,
    #[command(flatten)]
    flags: OnlyMethodFlags,
}

/// The devices to compare with their names, the CPU first.
fn devices(global: &Global, wanted: &[String]) -> Result<Vec<(Device, String)>, Error> {
    let mut options: Vec<GpuOptions> =
        wanted.iter().map(|name| GpuOptions { adapter: Some(name.clone()), ..GpuOptions::from_env() }).collect();
    if options.is_empty() {
        let all: Vec<AdapterDescription> = adapters();
        match choose(global.device, &global.gpu_options(), &all) {
            Chosen::Adapter { .. } => options.push(global.gpu_options()),
            Chosen::Cpu { reason } if global.device == DeviceChoice::Auto => say(&format!("the CPU alone: {reason}")),
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

/// Measures, prints the table, and writes table and figure.
pub fn bench(global: &Global, args: &BenchArgs) -> Result<()> {
    let choices = args.flags.choose(&args.methods, global.seed)?;
    let build = |choice: &layerlens::run::MethodChoice| {
        let method = embedding::method(&choice.name)?;
        Ok::<_, Error>((choice.name.clone(), (method.build)(&choice.parameters)?))
    };
    let benchmark = Benchmark {
        sizes: args.n.clone(),
        features: args.d.clone(),
        methods: choices.iter().map(build).collect::<Result<_, _>>()?,
        repeats: args.repeats,
        seed: global.seed,
    };
    benchmark.validate()?;
    let out: PathBuf = global.out.clone().unwrap_or_else(|| default_path("bench"));
    if out.join("bench.csv").exists() && !global.force {
        return Err(Error::Exists(out.join("bench.csv")).into());
    }
    let terminal = global.terminal();
    let mut timings = Vec::new();
    for (device, name) in devices(global, &args.adapters)? {
        print(&format!(
            "{name}\n{:<28} {:>8} {:>5} {:>11} {:>11} {:>11}  runs\n",
            "stage", "n", "d", "median s", "least", "most"
        ));
        let observer = terminal.stage("bench");
        timings.extend(benchmark.run(&device, &name, observer.as_ref(), &|timing| print(&line(timing)))?);
    }
    let curves = curves(&timings);
    print(&format!("\ntime ~ n^p\n{}", exponents(&curves)));
    create_folder(&out)?;
    write_csv(&out.join("bench.csv"), &timings)?;
    let title = format!("Time against number of points, {} features where they matter", args.d[0]);
    save(&Scaling { title, curves }, &out.join("bench"))?;
    print(&format!("\nwritten to {}: bench.csv, bench.png, bench.svg\n", out.display()));
    Ok(())
}

fn line(timing: &Timing) -> String {
    let Timing { stage, n, d, seconds, least, most, repeats, .. } = timing;
    let d = if *d == 0 { "-".to_owned() } else { d.to_string() };
    format!("{stage:<28} {n:>8} {d:>5} {seconds:>11.4} {least:>11.4} {most:>11.4}  {repeats}\n")
}

/// One curve a stage and device, of the first number of features.
fn curves(timings: &[Timing]) -> Vec<Curve> {
    let mut curves: Vec<Curve> = Vec::new();
    let (mut stages, mut devices, mut widths): (Vec<String>, Vec<String>, Vec<usize>) = Default::default();
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
        let (group, device) = (position(&mut stages, &timing.stage), position(&mut devices, &timing.device));
        let kind = if device == 0 { "CPU".to_owned() } else { timing.device.split(" (").next().unwrap_or("GPU").to_owned() };
        let name = format!("{}, {kind}", timing.stage);
        match curves.iter_mut().find(|curve| curve.name == name) {
            Some(curve) => curve.points.push((timing.n, timing.seconds)),
            None => curves.push(Curve { name, points: vec![(timing.n, timing.seconds)], group, light: device > 0 }),
        }
    }
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
