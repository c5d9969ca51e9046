//! Adapters of this machine, and the choice among them.

use super::{DeviceChoice, GpuOptions};
use serde::Serialize;

/// Backends whose compute shaders the kernels can use. OpenGL is left out because its limits are
/// below what the kernels need.
const BACKENDS: wgpu::Backends =
    wgpu::Backends::VULKAN.union(wgpu::Backends::METAL).union(wgpu::Backends::DX12);

/// Description of one adapter, as listed by `layerlens devices`.
#[derive(Clone, Debug, Serialize)]
pub struct AdapterDescription {
    /// Name given by the driver.
    pub name: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu` (software) or `Other`.
    pub device_type: String,
    /// Vulkan, Metal or DX12.
    pub backend: String,
    /// Name and version of the driver.
    pub driver: String,
    /// `true` if the adapter runs on the CPU.
    pub software: bool,
    /// Largest storage binding in bytes.
    pub max_storage_buffer_binding_size: u64,
    /// Largest buffer in bytes.
    pub max_buffer_size: u64,
    /// Workgroup memory in bytes.
    pub max_compute_workgroup_storage_size: u32,
    /// Invocations per workgroup.
    pub max_compute_invocations_per_workgroup: u32,
    /// Workgroups per dimension of a dispatch.
    pub max_compute_workgroups_per_dimension: u32,
    /// Storage buffers per shader stage.
    pub max_storage_buffers_per_shader_stage: u32,
    rank: u32,
}

/// Result of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The adapter at `index` of the list.
    Adapter {
        /// Index in the list.
        index: usize,
        /// Reason of the choice.
        reason: String,
    },
    /// The CPU.
    Cpu {
        /// Reason of the choice.
        reason: String,
    },
    /// No usable device.
    None {
        /// Reason.
        reason: String,
    },
}

/// The adapters of this machine and the instance that found them. Loading the drivers takes 0.1 to
/// 0.3 s, so this is done once.
#[derive(Debug)]
pub(super) struct Machine {
    instance: wgpu::Instance,
    adapters: Vec<wgpu::Adapter>,
}

impl Machine {
    pub(super) fn look() -> Self {
        let descriptor = wgpu::InstanceDescriptor {
            backends: BACKENDS,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        };
        let instance = wgpu::Instance::new(descriptor);
        let adapters = pollster::block_on(instance.enumerate_adapters(BACKENDS));
        Self { instance, adapters }
    }

    pub(super) fn descriptions(&self) -> Vec<AdapterDescription> {
        self.adapters.iter().map(describe).collect()
    }

    pub(super) fn take(mut self, index: usize) -> (wgpu::Instance, wgpu::Adapter) {
        (self.instance, self.adapters.swap_remove(index))
    }
}

/// Every Vulkan, Metal and DX12 adapter of this machine.
pub fn adapters() -> Vec<AdapterDescription> {
    Machine::look().descriptions()
}

fn describe(adapter: &wgpu::Adapter) -> AdapterDescription {
    let (info, limits) = (adapter.get_info(), adapter.limits());
    AdapterDescription {
        rank: match info.device_type {
            wgpu::DeviceType::DiscreteGpu => 0,
            wgpu::DeviceType::IntegratedGpu => 1,
            wgpu::DeviceType::VirtualGpu => 2,
            wgpu::DeviceType::Other => 3,
            wgpu::DeviceType::Cpu => 4,
        },
        name: info.name,
        device_type: format!("{:?}", info.device_type),
        backend: format!("{:?}", info.backend),
        driver: [info.driver, info.driver_info].join(" ").trim().to_owned(),
        software: info.device_type == wgpu::DeviceType::Cpu,
        max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
        max_buffer_size: limits.max_buffer_size,
        max_compute_workgroup_storage_size: limits.max_compute_workgroup_storage_size,
        max_compute_invocations_per_workgroup: limits.max_compute_invocations_per_workgroup,
        max_compute_workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
        max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage,
    }
}

/// Adapter or CPU that a choice selects from `adapters`, and the reason: discrete before integrated
/// before virtual before software, the first one if several are equal; [`GpuOptions::adapter`]
/// keeps those whose name contains it, ignoring case. `auto` skips software adapters.
pub fn choose(
    choice: DeviceChoice,
    options: &GpuOptions,
    adapters: &[AdapterDescription],
) -> Chosen {
    if choice == DeviceChoice::Cpu {
        return Chosen::Cpu { reason: "asked for".into() };
    }
    let named = |adapter: &AdapterDescription| {
        options
            .adapter
            .as_ref()
            .is_none_or(|part| adapter.name.to_lowercase().contains(&part.to_lowercase()))
    };
    let usable = |adapter: &AdapterDescription| {
        choice == DeviceChoice::Gpu || !adapter.software || options.auto_takes_software
    };
    let best = adapters
        .iter()
        .enumerate()
        .filter(|(_, adapter)| named(adapter) && usable(adapter))
        .min_by_key(|(i, a)| (a.rank, *i));
    if let Some((index, adapter)) = best {
        let reason = format!(
            "{} adapter{}",
            adapter.device_type,
            if adapter.software { ", software" } else { "" }
        );
        return Chosen::Adapter { index, reason };
    }
    let known: Vec<&str> = adapters.iter().map(|adapter| adapter.name.as_str()).collect();
    let reason = match (&options.adapter, known.is_empty()) {
        (_, true) => {
            "no Vulkan, Metal or DX12 adapter was found; is a graphics driver installed?".to_owned()
        }
        (Some(part), false) if !adapters.iter().any(named) => {
            format!("no adapter has `{part}` in its name; there are: {}", known.join(", "))
        }
        (Some(part), false) => {
            format!(
                "`{part}` is a software adapter, which auto never takes; ask for it with \
                 `DeviceChoice::Gpu`"
            )
        }
        (None, false) => format!(
            "only software adapters were found ({}), which auto never takes",
            known.join(", ")
        ),
    };
    match (choice, &options.adapter) {
        (DeviceChoice::Auto, None) => Chosen::Cpu { reason },
        _ => Chosen::None { reason },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, rank: u32) -> AdapterDescription {
        AdapterDescription {
            name: name.into(),
            device_type: ["DiscreteGpu", "IntegratedGpu", "VirtualGpu", "Other", "Cpu"]
                [rank as usize]
                .into(),
            backend: "Vulkan".into(),
            driver: String::new(),
            software: rank == 4,
            max_storage_buffer_binding_size: 0,
            max_buffer_size: 0,
            max_compute_workgroup_storage_size: 0,
            max_compute_invocations_per_workgroup: 0,
            max_compute_workgroups_per_dimension: 0,
            max_storage_buffers_per_shader_stage: 0,
            rank,
        }
    }

    fn index(chosen: Chosen) -> Option<usize> {
        match chosen {
            Chosen::Adapter { index, .. } => Some(index),
            _ => None,
        }
    }

    #[test]
    fn the_fastest_kind_is_taken_and_software_only_on_demand() {
        let all = [
            adapter("llvmpipe", 4),
            adapter("Intel Iris", 1),
            adapter("Radeon", 0),
            adapter("Radeon", 0),
        ];
        let any = GpuOptions::default();
        assert_eq!(index(choose(DeviceChoice::Auto, &any, &all)), Some(2));
        assert_eq!(index(choose(DeviceChoice::Gpu, &any, &all)), Some(2));
        let software = &all[..1];
        assert!(matches!(choose(DeviceChoice::Auto, &any, software), Chosen::Cpu { .. }));
        assert_eq!(index(choose(DeviceChoice::Gpu, &any, software)), Some(0));
        assert!(matches!(choose(DeviceChoice::Gpu, &any, &[]), Chosen::None { .. }));
        assert!(matches!(choose(DeviceChoice::Auto, &any, &[]), Chosen::Cpu { .. }));
    }

    #[test]
    fn a_named_adapter_is_taken_or_refused_but_never_replaced() {
        let all = [adapter("llvmpipe (LLVM 15)", 4), adapter("Intel Iris", 1)];
        let named = |part: &str| GpuOptions { adapter: Some(part.into()), ..GpuOptions::default() };
        assert_eq!(index(choose(DeviceChoice::Auto, &named("IRIS"), &all)), Some(1));
        assert_eq!(index(choose(DeviceChoice::Gpu, &named("llvm"), &all)), Some(0));
        for (choice, part) in [
            (DeviceChoice::Auto, "llvm"),
            (DeviceChoice::Auto, "nvidia"),
            (DeviceChoice::Gpu, "nvidia"),
        ] {
            let Chosen::None { reason } = choose(choice, &named(part), &all) else {
                panic!("{choice:?} {part}")
            };
            assert!(reason.contains(part), "{reason}");
        }
    }
}
