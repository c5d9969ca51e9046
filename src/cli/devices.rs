//! `layerlens devices`: what could compute here.

use super::{Global, json, print};
use anyhow::Result;
use layerlens::compute::{AdapterDescription, Chosen, DeviceChoice, adapters, choose};
use serde_json::json;
use std::fmt::Write;

/// Lists every adapter with the limits that matter, and what each `--device` takes.
pub fn devices(global: &Global) -> Result<()> {
    let all = adapters();
    let mut text = String::new();
    if all.is_empty() {
        text.push_str("no Vulkan, Metal or DX12 adapter\n");
    }
    for adapter in &all {
        write!(text, "{}", describe(adapter))?;
    }
    text.push('\n');
    let mut choices = serde_json::Map::new();
    for choice in [DeviceChoice::Auto, DeviceChoice::Gpu, DeviceChoice::Cpu] {
        let name = format!("{choice:?}").to_lowercase();
        let chosen = choose(choice, &global.gpu_options(), &all);
        let (takes, why) = match &chosen {
            Chosen::Adapter { index, reason } => (Some(all[*index].name.as_str()), reason),
            Chosen::Cpu { reason } => (Some("CPU"), reason),
            Chosen::None { reason } => (None, reason),
        };
        choices.insert(name.clone(), json!({ "takes": takes, "reason": why }));
        let taken = match chosen {
            Chosen::Adapter { index, reason } => format!("{} ({reason})", all[index].name),
            Chosen::Cpu { reason } => format!("the CPU ({reason})"),
            Chosen::None { reason } => format!("an error, exit code 4 ({reason})"),
        };
        writeln!(text, "--device {name:<5} takes {taken}")?;
    }
    json::keep(|| json!({ "adapters": all, "choices": choices }));
    print(&text);
    Ok(())
}

fn describe(adapter: &AdapterDescription) -> String {
    let mib = |bytes: u64| bytes >> 20;
    format!(
        "{}\n  {}{}, {}, driver {}\n  binding {} MiB, buffer {} MiB, workgroup memory {} KiB, {} \
         invocations, {} workgroups a dimension, {} storage buffers\n",
        adapter.name,
        adapter.device_type,
        if adapter.software { " (software)" } else { "" },
        adapter.backend,
        adapter.driver,
        mib(adapter.max_storage_buffer_binding_size),
        mib(adapter.max_buffer_size),
        adapter.max_compute_workgroup_storage_size >> 10,
        adapter.max_compute_invocations_per_workgroup,
        adapter.max_compute_workgroups_per_dimension,
        adapter.max_storage_buffers_per_shader_stage,
    )
}
