//! Shaders against their declarations: what WGSL says and what the host says of it are the same,
//! every entry point has a kernel, a CPU twin and a parity test, and none asks for more than
//! WebGPU's default limits grant.

use layerlens::compute::{Kernel, Uniform};
use layerlens::parity::PARITY;
use naga::proc::Layouter;
use naga::valid::{Capabilities, FunctionInfo, ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, Module, TypeInner};
use std::fs;
use std::path::{Path, PathBuf};

/// WebGPU's default limits.
const STORAGE_BUFFERS: usize = 8;
const WORKGROUP_BYTES: u32 = 16_384;
const INVOCATIONS: u32 = 256;

/// One shader, and what stands beside it.
struct Shader<'a> {
    name: &'a str,
    /// The file itself.
    wgsl: &'a str,
    /// What is joined in front of it: the common part and what it imports.
    parts: &'a str,
    /// The Rust file of its base name.
    rust: &'a str,
}

/// What is wrong with a shader, its kernels and its parity entries, in words; nothing if all is
/// well.
fn violations(shader: &Shader<'_>, kernels: &[&Kernel], parity: &[(&str, &str)]) -> Vec<String> {
    let source = format!("{}{}", shader.parts, shader.wgsl);
    let module = match naga::front::wgsl::parse_str(&source) {
        Ok(module) => module,
        Err(error) => return vec![format!("{}: {}", shader.name, error.emit_to_string(&source))],
    };
    let info = match Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module)
    {
        Ok(info) => info,
        Err(error) => return vec![format!("{}: {}", shader.name, error.emit_to_string(&source))],
    };
    let mut found = Vec::new();
    for (index, entry) in module.entry_points.iter().enumerate() {
        let mut wrong =
            |what: String| found.push(format!("{}/{}: {what}", shader.name, entry.name));
        if !has_twin(shader.rust, &entry.name) {
            wrong("no function of that name in `mod cpu` of the Rust file".into());
        }
        if !parity.contains(&(shader.name, entry.name.as_str())) {
            wrong("not in PARITY".into());
        }
        match kernels
            .iter()
            .find(|kernel| kernel.shader == shader.name && kernel.entry_point == entry.name)
        {
            None => wrong("no Kernel declares it".into()),
            Some(kernel) => {
                if kernel.source != source {
                    wrong(
                        "the kernel's source is not the common part, the imports and the file"
                            .into(),
                    );
                }
                if entry.workgroup_size != [kernel.workgroup_size, 1, 1] {
                    wrong(format!(
                        "workgroup size {:?}, the kernel says {}",
                        entry.workgroup_size, kernel.workgroup_size
                    ));
                }
                wrong_uniform(&module, info.get_entry_point(index), &kernel.uniform)
                    .into_iter()
                    .for_each(&mut wrong);
            }
        }
        beyond_limits(&module, &info, index).into_iter().for_each(&mut wrong);
    }
    let entries = |name: &str| module.entry_points.iter().any(|entry| entry.name == name);
    let absent = kernels
        .iter()
        .filter(|kernel| kernel.shader == shader.name && !entries(kernel.entry_point));
    found.extend(
        absent.map(|kernel| format!("{}/{}: not in the WGSL", shader.name, kernel.entry_point)),
    );
    let absent = parity.iter().filter(|(name, entry)| *name == shader.name && !entries(entry));
    found.extend(absent.map(|(name, entry)| format!("{name}/{entry}: in PARITY, not in the WGSL")));
    found
}

fn has_twin(rust: &str, entry_point: &str) -> bool {
    rust.split_once("mod cpu {")
        .is_some_and(|(_, twins)| twins.contains(&format!("pub fn {entry_point}(")))
}

/// Compares the uniform at binding 0 that an entry point uses with the host's struct.
fn wrong_uniform(module: &Module, entry: &FunctionInfo, host: &Uniform) -> Vec<String> {
    let used = module.global_variables.iter().filter(|&(handle, variable)| {
        variable.space == AddressSpace::Uniform
            && !entry[handle].is_empty()
            && variable.binding.is_some_and(|at| at.group == 0 && at.binding == 0)
    });
    let used: Vec<_> = used.map(|(_, variable)| &module.types[variable.ty].inner).collect();
    let [TypeInner::Struct { members, span }] = used[..] else {
        return vec![format!("{} uniform structs at binding 0 instead of 1", used.len())];
    };
    let mut found = Vec::new();
    if *span as usize != host.size {
        found.push(format!("its uniform has {span} bytes, the host's {}", host.size));
    }
    let fields: Vec<_> = members
        .iter()
        .map(|member| (member.name.as_deref().unwrap_or(""), member.offset as usize))
        .collect();
    if fields != host.fields {
        found.push(format!("its uniform is {fields:?}, the host's {:?}", host.fields));
    }
    found
}

fn beyond_limits(module: &Module, info: &ModuleInfo, index: usize) -> Vec<String> {
    let entry = &module.entry_points[index];
    let used = info.get_entry_point(index);
    let mut layouter = Layouter::default();
    layouter.update(module.to_ctx()).expect("a valid module has a layout");
    let mut found = Vec::new();
    let (mut buffers, mut bytes) = (0, 0);
    for (_, variable) in
        module.global_variables.iter().filter(|&(handle, _)| !used[handle].is_empty())
    {
        match variable.space {
            AddressSpace::Storage { .. } => buffers += 1,
            AddressSpace::WorkGroup => bytes += layouter[variable.ty].size.next_multiple_of(16),
            _ => (),
        }
    }
    if buffers > STORAGE_BUFFERS {
        found.push(format!("{buffers} storage buffers, {STORAGE_BUFFERS} are granted"));
    }
    if bytes > WORKGROUP_BYTES {
        found.push(format!("{bytes} bytes of workgroup memory, {WORKGROUP_BYTES} are granted"));
    }
    let invocations: u32 = entry.workgroup_size.iter().product();
    if invocations > INVOCATIONS {
        found.push(format!("{invocations} invocations, {INVOCATIONS} are granted"));
    }
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `name.rs` or `name/mod.rs` anywhere below `folder`, but for the comparisons, which are called
/// after what they compare.
fn rust_file(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder)
        .expect("a readable folder")
        .map(|entry| entry.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    if let Some(file) = files
        .into_iter()
        .find(|path| path.file_name().is_some_and(|file| file == format!("{name}.rs").as_str()))
    {
        return Some(file);
    }
    folders.iter().filter(|inner| !inner.ends_with("parity")).find_map(|inner| {
        match inner.join("mod.rs") {
            module if inner.ends_with(name) && module.exists() => Some(module),
            _ => rust_file(inner, name),
        }
    })
}

#[test]
fn every_shader_is_as_its_kernels_twins_and_tests_say() {
    let kernels = layerlens::kernels();
    let parity: Vec<_> = PARITY.iter().map(|twins| (twins.shader, twins.entry_point)).collect();
    let common = fs::read_to_string(root().join("shaders/common.wgsl")).expect("the common part");
    let (mut names, mut imported) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(root().join("shaders")).expect("the shaders") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        if name == "common" || path.is_dir() {
            continue;
        }
        let wgsl = fs::read_to_string(&path).expect("a shader");
        let imports = wgsl.lines().filter_map(|line| line.strip_prefix("// #import "));
        let parts = imports.map(|part| {
            imported.push(part.to_owned());
            fs::read_to_string(root().join(format!("shaders/shared/{part}.wgsl")))
                .unwrap_or_else(|_| panic!("{name}.wgsl imports {part}"))
        });
        let parts: String = std::iter::once(common.clone()).chain(parts).collect();
        let file = rust_file(&root().join("src"), &name)
            .unwrap_or_else(|| panic!("no Rust file is named after {name}.wgsl"));
        let rust = fs::read_to_string(file).expect("a Rust file");
        let found = violations(
            &Shader { name: &name, wgsl: &wgsl, parts: &parts, rust: &rust },
            &kernels,
            &parity,
        );
        assert!(found.is_empty(), "{}", found.join("\n"));
        names.push(name);
    }
    for kernel in &kernels {
        assert!(
            names.iter().any(|name| name == kernel.shader),
            "{}.wgsl is missing",
            kernel.shader
        );
    }
    for part in fs::read_dir(root().join("shaders/shared")).expect("the shared parts") {
        let path = part.expect("a part").path();
        let part = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        assert!(imported.iter().any(|used| used == part), "no shader imports {part}");
    }
    assert_eq!(
        kernels.len(),
        parity.len(),
        "a kernel or a parity entry stands twice, or its shader is missing"
    );
}

const WGSL: &str = "struct Params { n: u32, scale: f32 }
    @group(0) @binding(0) var<uniform> params: Params;
    @group(0) @binding(1) var<storage, read_write> values: array<f32>;
    var<workgroup> partial: array<f32, 64>;
    @compute @workgroup_size(64)
    fn double(@builtin(local_invocation_index) thread: u32) {
        partial[thread] = params.scale * f32(params.n);
        workgroupBarrier();
        values[thread] = partial[thread ^ 1u];
    }";

const KERNEL: Kernel = Kernel {
    shader: "made_up",
    source: WGSL,
    entry_point: "double",
    workgroup_size: 64,
    uniform: Uniform { size: 8, fields: &[("n", 0), ("scale", 4)] },
};

/// What is found in a made-up shader, beside a kernel that fits [`WGSL`].
fn found_in(wgsl: &str, rust: &str, kernel: Kernel, parity: &[(&str, &str)]) -> String {
    violations(&Shader { name: "made_up", wgsl, parts: "", rust }, &[&kernel], parity).join("; ")
}

const TWIN: &str = "mod cpu {\n pub fn double(";
const PARITY_ENTRY: [(&str, &str); 1] = [("made_up", "double")];

#[test]
fn a_missing_twin_kernel_or_parity_test_is_noticed() {
    assert_eq!(found_in(WGSL, TWIN, KERNEL, &PARITY_ENTRY), "");
    let elsewhere = "pub fn double(); mod cpu { pub fn doubled(";
    assert!(found_in(WGSL, elsewhere, KERNEL, &PARITY_ENTRY).contains("no function of that name"));
    assert!(found_in(WGSL, TWIN, KERNEL, &[("other", "double")]).contains("not in PARITY"));
    let renamed = Kernel { entry_point: "triple", ..KERNEL };
    let found = found_in(WGSL, TWIN, renamed, &PARITY_ENTRY);
    assert!(
        found.contains("made_up/double: no Kernel declares it")
            && found.contains("made_up/triple: not in the WGSL")
    );
    let stale = [("made_up", "double"), ("made_up", "gone")];
    assert!(found_in(WGSL, TWIN, KERNEL, &stale).contains("made_up/gone: in PARITY"));
}

#[test]
fn a_declaration_that_does_not_fit_the_shader_is_noticed() {
    let found = |wgsl: &str| found_in(wgsl, TWIN, KERNEL, &PARITY_ENTRY);
    assert!(
        found(&WGSL.replace("size(64)", "size(32)"))
            .contains("workgroup size [32, 1, 1], the kernel says 64")
    );
    assert!(
        found(&WGSL.replace("n: u32, scale: f32", "scale: f32, n: u32")).contains("its uniform is")
    );
    assert!(
        found(&WGSL.replace("n: u32,", "n: u32, more: vec2<f32>,"))
            .contains("its uniform has 24 bytes, the host's 8")
    );
    assert!(
        found(&WGSL.replace("(0) var<uniform>", "(7) var<uniform>"))
            .contains("0 uniform structs at binding 0")
    );
    assert!(found(&format!("{WGSL} ")).contains("source is not"));
    assert!(found(&WGSL.replace("f32(params.n)", "params.n")).contains("made_up:"), "a type error");
    assert!(found("fn broken(").contains("made_up:"), "a syntax error");
}

#[test]
fn a_shader_beyond_the_default_limits_is_noticed() {
    let found = |wgsl: &str| found_in(wgsl, TWIN, KERNEL, &PARITY_ENTRY);
    assert!(
        found(&WGSL.replace("f32, 64>", "f32, 4097>"))
            .contains("16400 bytes of workgroup memory, 16384 are granted")
    );
    assert!(
        found(&WGSL.replace("size(64)", "size(64, 5)"))
            .contains("320 invocations, 256 are granted")
    );
    let more = |range: std::ops::Range<u32>| -> (String, String) {
        let variable =
            |at| format!("@group(0) @binding({at}) var<storage, read> extra{at}: array<f32>;");
        (
            range.clone().map(variable).collect(),
            range.map(|at| format!(" + extra{at}[0]")).collect(),
        )
    };
    for (buffers, noticed) in [(8, false), (9, true)] {
        let (variables, terms) = more(2..buffers + 1);
        let wgsl = WGSL.replace("var<workgroup>", &format!("{variables} var<workgroup>"));
        let wgsl = wgsl.replace("partial[thread ^ 1u]", &format!("partial[thread ^ 1u]{terms}"));
        assert_eq!(found(&wgsl).contains("9 storage buffers, 8 are granted"), noticed);
    }
}
