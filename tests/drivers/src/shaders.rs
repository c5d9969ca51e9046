//! A folder of WGSL as entry points: what the library's `kernel!` joins, parsed and validated by
//! naga.

use anyhow::{Context, Result, anyhow};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, ResourceBinding};
use std::fs;
use std::path::Path;

/// One shader file with the common part and what it imports in front.
pub struct Shader {
    /// Base name of the file.
    pub name: String,
    /// What naga reads in it.
    pub module: Module,
    /// What naga's validator finds out about it.
    pub info: ModuleInfo,
}

/// A buffer that an entry point uses.
#[derive(Clone, Debug)]
pub struct Binding {
    /// Its group and number.
    pub at: ResourceBinding,
    /// Whether it is a uniform buffer, not a storage buffer.
    pub uniform: bool,
    /// Whether shaders may write it.
    pub writable: bool,
}

impl Shader {
    /// Reads WGSL.
    ///
    /// # Errors
    /// What naga says against it.
    pub fn parse(name: &str, source: &str) -> Result<Self> {
        let module = naga::front::wgsl::parse_str(source)
            .map_err(|error| anyhow!("{name}: {}", error.emit_to_string(source)))?;
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .map_err(|error| anyhow!("{name}: {}", error.emit_to_string(source)))?;
        Ok(Self { name: name.to_owned(), module, info })
    }

    /// Names of the entry points.
    pub fn entry_points(&self) -> impl Iterator<Item = &str> {
        self.module.entry_points.iter().map(|entry| entry.name.as_str())
    }

    /// The buffers that `entry_point` uses, in the order of the file.
    ///
    /// # Errors
    /// If the shader has no such entry point.
    pub fn bindings(&self, entry_point: &str) -> Result<Vec<Binding>> {
        let index = self.entry_points().position(|name| name == entry_point);
        let index =
            index.with_context(|| format!("{}: no entry point `{entry_point}`", self.name))?;
        let used = self.info.get_entry_point(index);
        let variables =
            self.module.global_variables.iter().filter(|&(handle, _)| !used[handle].is_empty());
        let bound = variables.filter_map(|(_, variable)| {
            Some(Binding {
                at: variable.binding?,
                uniform: variable.space == AddressSpace::Uniform,
                writable: matches!(variable.space, AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE)),
            })
        });
        Ok(bound.collect())
    }
}

/// The shaders of a folder in the order of their names: every `.wgsl` with `common.wgsl`, where
/// there is one, in front, and the files of `shared` that it says it imports.
///
/// # Errors
/// A folder or file that cannot be read, or is no WGSL, or has no entry point.
pub fn read(folder: &Path) -> Result<Vec<Shader>> {
    let read = |path: &Path| fs::read_to_string(path).with_context(|| path.display().to_string());
    let common = folder.join("common.wgsl");
    let common = if common.exists() { read(&common)? } else { String::new() };
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut paths: Vec<_> =
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wgsl"));
    paths.sort();
    let mut shaders = Vec::new();
    for path in paths {
        let name =
            path.file_stem().and_then(|stem| stem.to_str()).context("a file name in UTF-8")?;
        if name == "common" {
            continue;
        }
        let wgsl = read(&path)?;
        let mut source = common.clone();
        for part in wgsl.lines().filter_map(|line| line.strip_prefix("// #import ")) {
            source += &read(&folder.join(format!("shared/{part}.wgsl")))?;
        }
        shaders.push(Shader::parse(name, &(source + &wgsl))?);
    }
    anyhow::ensure!(
        shaders.iter().any(|shader| shader.entry_points().next().is_some()),
        "{}: no entry point",
        folder.display()
    );
    Ok(shaders)
}
