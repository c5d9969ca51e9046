//! Compiles every entry point of a folder of WGSL for AMD cards, without a card, and prints what
//! each costs there.

use anyhow::{Context, Result, bail};
use clap::Parser;
use layerlens_drivers::radv::Compiler;
use layerlens_drivers::shaders;
use layerlens_drivers::translate::{CHECKS, Checks, spirv};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// Names the family to Mesa's driver, which reads it when it is loaded.
const FAMILY: &str = "RADV_FORCE_FAMILY";

/// Debian's description of that driver.
const DRIVER: &str = "/usr/share/vulkan/icd.d/radeon_icd.x86_64.json";

#[derive(Parser)]
struct Arguments {
    /// Folder of WGSL
    #[arg(default_value = "shaders", env = "LAYERLENS_SHADERS")]
    shaders: PathBuf,
    /// Families of AMD cards, as RADV_FORCE_FAMILY takes them
    #[arg(long, value_delimiter = ',', default_value = "navi21,gfx1100")]
    family: Vec<String>,
    /// Only entry points whose name (shader/entry_point) contains this
    #[arg(long, default_value = "")]
    only: String,
    /// Print the instructions too
    #[arg(long)]
    isa: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    if std::env::var_os(FAMILY).is_some() {
        return compile_all(&arguments);
    }
    let mut code = ExitCode::SUCCESS;
    // One process for each family: the driver asks for it once.
    for family in &arguments.family {
        let mut child = Command::new(std::env::current_exe()?);
        child
            .args(std::env::args_os().skip(1))
            .env(FAMILY, family)
            .env("MESA_SHADER_CACHE_DISABLE", "1");
        if std::env::var_os("VK_DRIVER_FILES").is_none() {
            child.env("VK_DRIVER_FILES", DRIVER);
        }
        if !child.status()?.success() {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

/// Prints a table of the entry points, and fails if one does not compile or needs memory for what
/// registers should hold.
fn compile_all(arguments: &Arguments) -> Result<ExitCode> {
    let compiler =
        Compiler::open().context("RADV needs Debian's mesa-vulkan-drivers and libvulkan1")?;
    println!("{}", compiler.name);
    println!(
        "{:<36} {:<8} {:>5} {:>5} {:>6} {:>6} {:>6} {:>7} {:>5} {:>5} {:>6} {:>7}",
        "kernel",
        "checks",
        "VGPRs",
        "SGPRs",
        "LDS",
        "instr.",
        "branch",
        "latency",
        "VMEM",
        "waves",
        "spills",
        "scratch"
    );
    let mut wanting = Vec::new();
    let mut compiled = 0;
    for shader in shaders::read(&arguments.shaders)? {
        for entry_point in shader.entry_points() {
            let name = format!("{}/{entry_point}", shader.name);
            for checks in CHECKS.into_iter().filter(|_| name.contains(&arguments.only)) {
                match row(&compiler, &shader, entry_point, checks, arguments.isa) {
                    Ok((line, 0)) => println!("{name:<36} {line}"),
                    Ok((line, _)) => {
                        println!("{name:<36} {line}");
                        wanting.push(format!("{name}, {checks:?}: registers lie in memory"));
                    }
                    Err(error) => wanting.push(format!("{name}, {checks:?}: {error:#}")),
                }
                compiled += 1;
            }
        }
    }
    if compiled == 0 {
        bail!("no entry point contains `{}`", arguments.only);
    }
    for what in &wanting {
        eprintln!("{what}");
    }
    Ok(if wanting.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line of the table, and the registers and bytes that had to go to memory.
fn row(
    compiler: &Compiler,
    shader: &shaders::Shader,
    entry_point: &str,
    checks: Checks,
    isa: bool,
) -> Result<(String, u64)> {
    let spirv = spirv(shader, entry_point, (1, 6), checks, true)?;
    let compiled = compiler.compile(&spirv, entry_point, &shader.bindings(entry_point)?)?;
    if isa {
        println!("{}", compiled.assembly);
    }
    let spills = compiled.get("Spilled VGPRs")? + compiled.get("Spilled SGPRs")?;
    let scratch = compiled.get("Scratch size")?;
    let line = format!(
        "{:<8} {:>5} {:>5} {:>6} {:>6} {:>6} {:>7} {:>5} {:>5} {spills:>6} {scratch:>7}",
        format!("{checks:?}").to_lowercase(),
        compiled.get("VGPRs")?,
        compiled.get("SGPRs")?,
        compiled.get("LDS size")?,
        compiled.get("Instructions")?,
        compiled.get("Branches")?,
        compiled.get("Latency")?,
        compiled.get("VMEM Clause")?,
        compiled.get("Subgroups per SIMD")?,
    );
    Ok((line, spills + scratch))
}
