//! One buffer of 64 words and a kernel that adds 1 to each, with a fault or none, as the argument
//! says: what a validation layer must report or be silent about.

use anyhow::{Context, Result};
use ash::vk;
use layerlens_drivers::shaders::Shader;
use layerlens_drivers::translate::{Checks, spirv};

/// Each word goes through memory of the workgroup and a neighbour's hands.
const WGSL: &str = "@group(0) @binding(0) var<storage, read_write> values: array<u32>;
    var<workgroup> shared_values: array<u32, 64>;
    @compute @workgroup_size(64)
    fn add(@builtin(global_invocation_id) id: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
        shared_values[thread] = values[id.x];
        workgroupBarrier();
        values[id.x] = shared_values[thread ^ 1u] + 1u;
    }";

unsafe extern "C" {
    /// Ends the process at once.
    safe fn _exit(code: i32) -> !;
}

fn main() -> Result<()> {
    let fault = std::env::args().nth(1).unwrap_or_default();
    let (dispatches, workgroups) = match fault.as_str() {
        "none" | "no-workgroup-barrier" => (1, 1),
        "out-of-bounds" => (1, 2),
        "no-barrier" => (2, 1),
        _ => anyhow::bail!("usage: planted none|out-of-bounds|no-barrier|no-workgroup-barrier"),
    };
    let wgsl = if fault == "no-workgroup-barrier" {
        WGSL.replace("workgroupBarrier();", "")
    } else {
        WGSL.to_owned()
    };
    let code = spirv(&Shader::parse("planted", &wgsl)?, "add", (1, 3), Checks::Trusted, false)?;
    // SAFETY: the loader is Vulkan's; handles live until the end of the process, and the device is
    // idle then. That the kernel may leave the range of its binding is the point: the buffer goes
    // on behind it.
    unsafe { run(&code, dispatches, workgroups) }
}

/// # Safety
/// `code` is a module of one storage buffer and the entry point `add`.
unsafe fn run(code: &[u32], dispatches: u32, workgroups: u32) -> Result<()> {
    // SAFETY: the caller's promise.
    unsafe {
        let entry = ash::Entry::load()?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        let instance = entry.create_instance(
            &vk::InstanceCreateInfo::default().application_info(&application),
            None,
        )?;
        let physical = *instance.enumerate_physical_devices()?.first().context("no device")?;
        let priorities = [1.0];
        let queue = vk::DeviceQueueCreateInfo::default().queue_priorities(&priorities);
        // As wgpu opens devices; what leaves a buffer is harmless then, and must be reported
        // nevertheless.
        let mut robustness =
            vk::PhysicalDeviceRobustness2FeaturesEXT::default().robust_buffer_access2(true);
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true);
        let extensions = [ash::ext::robustness2::NAME.as_ptr()];
        let create = vk::DeviceCreateInfo::default()
            .queue_create_infos(std::slice::from_ref(&queue))
            .enabled_features(&features)
            .enabled_extension_names(&extensions)
            .push_next(&mut robustness);
        let device = instance.create_device(physical, &create, None)?;
        let (set, layout) = bound_buffer(&instance, physical, &device)?;
        let module =
            device.create_shader_module(&vk::ShaderModuleCreateInfo::default().code(code), None)?;
        let stage = vk::PipelineShaderStageCreateInfo::default()
            .stage(vk::ShaderStageFlags::COMPUTE)
            .module(module)
            .name(c"add");
        let pipeline = vk::ComputePipelineCreateInfo::default().stage(stage).layout(layout);
        let made = device.create_compute_pipelines(vk::PipelineCache::null(), &[pipeline], None);
        let pipeline = made.map_err(|(_, error)| error)?[0];

        let pool = device.create_command_pool(&vk::CommandPoolCreateInfo::default(), None)?;
        let commands =
            vk::CommandBufferAllocateInfo::default().command_pool(pool).command_buffer_count(1);
        let commands = device.allocate_command_buffers(&commands)?;
        device.begin_command_buffer(commands[0], &vk::CommandBufferBeginInfo::default())?;
        device.cmd_bind_pipeline(commands[0], vk::PipelineBindPoint::COMPUTE, pipeline);
        device.cmd_bind_descriptor_sets(
            commands[0],
            vk::PipelineBindPoint::COMPUTE,
            layout,
            0,
            &[set],
            &[],
        );
        for _ in 0..dispatches {
            device.cmd_dispatch(commands[0], workgroups, 1, 1);
        }
        device.end_command_buffer(commands[0])?;
        let queue = device.get_device_queue(0, 0);
        device.queue_submit(
            queue,
            &[vk::SubmitInfo::default().command_buffers(&commands)],
            vk::Fence::null(),
        )?;
        device.device_wait_idle()?;
        // Nothing is destroyed, and the layer would abort on its way out for that.
        _exit(0)
    }
}

/// A buffer of 256 words of which a set binds 64, and the layout of pipelines that use it.
///
/// # Safety
/// `device` was made from `physical`, and that is one of `instance`.
unsafe fn bound_buffer(
    instance: &ash::Instance,
    physical: vk::PhysicalDevice,
    device: &ash::Device,
) -> Result<(vk::DescriptorSet, vk::PipelineLayout)> {
    // SAFETY: the caller's promise.
    unsafe {
        let info =
            vk::BufferCreateInfo::default().size(1024).usage(vk::BufferUsageFlags::STORAGE_BUFFER);
        let buffer = device.create_buffer(&info, None)?;
        let needed = device.get_buffer_memory_requirements(buffer);
        let kinds = instance.get_physical_device_memory_properties(physical);
        let kind = (0..kinds.memory_type_count)
            .find(|kind| needed.memory_type_bits >> kind & 1 == 1)
            .context("no memory")?;
        let memory =
            vk::MemoryAllocateInfo::default().allocation_size(needed.size).memory_type_index(kind);
        device.bind_buffer_memory(buffer, device.allocate_memory(&memory, None)?, 0)?;

        let binding = vk::DescriptorSetLayoutBinding::default()
            .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
            .descriptor_count(1)
            .stage_flags(vk::ShaderStageFlags::COMPUTE);
        let info =
            vk::DescriptorSetLayoutCreateInfo::default().bindings(std::slice::from_ref(&binding));
        let set_layouts = [device.create_descriptor_set_layout(&info, None)?];
        let layout = vk::PipelineLayoutCreateInfo::default().set_layouts(&set_layouts);
        let layout = device.create_pipeline_layout(&layout, None)?;
        let sizes = [vk::DescriptorPoolSize::default()
            .ty(vk::DescriptorType::STORAGE_BUFFER)
            .descriptor_count(1)];
        let pool = device.create_descriptor_pool(
            &vk::DescriptorPoolCreateInfo::default().max_sets(1).pool_sizes(&sizes),
            None,
        )?;
        let info = vk::DescriptorSetAllocateInfo::default()
            .descriptor_pool(pool)
            .set_layouts(&set_layouts);
        let set = device.allocate_descriptor_sets(&info)?[0];
        let range = [vk::DescriptorBufferInfo::default().buffer(buffer).range(256)];
        let write = vk::WriteDescriptorSet::default()
            .dst_set(set)
            .descriptor_type(vk::DescriptorType::STORAGE_BUFFER)
            .buffer_info(&range);
        device.update_descriptor_sets(&[write], &[]);
        Ok((set, layout))
    }
}
