//! AMD's compiler without an AMD card: Mesa's RADV opens a device that only compiles when
//! RADV_FORCE_FAMILY names a family.

use crate::shaders::Binding;
use anyhow::{Context, Result, bail, ensure};
use ash::vk;
use std::ffi::{CStr, CString};

/// Vulkan opened on such a device; ends with the process.
pub struct Compiler {
    // Keeps the loader in memory.
    _entry: ash::Entry,
    device: ash::Device,
    executables: ash::khr::pipeline_executable_properties::Device,
    /// The device's name.
    pub name: String,
}

/// What the compiler says of one pipeline.
#[derive(Debug)]
pub struct Compiled {
    statistics: Vec<(String, u64)>,
    /// Instructions as text.
    pub assembly: String,
}

impl Compiled {
    /// The figure of that name.
    ///
    /// # Errors
    /// If the driver gives none: an absent figure must not pass for 0.
    pub fn get(&self, name: &str) -> Result<u64> {
        let found = self.statistics.iter().find(|(given, _)| given == name);
        found.map(|&(_, value)| value).with_context(|| {
            let names: Vec<_> = self.statistics.iter().map(|(name, _)| name.as_str()).collect();
            format!("the driver gives no `{name}`, only {}", names.join(", "))
        })
    }
}

impl Compiler {
    /// Opens the first device that the environment grants.
    ///
    /// # Errors
    /// No loader, no device, or one without statistics.
    pub fn open() -> Result<Self> {
        // SAFETY: the loader of this machine is the Vulkan loader.
        let entry =
            unsafe { ash::Entry::load() }.context("no libvulkan.so.1 (Debian: libvulkan1)")?;
        let application = vk::ApplicationInfo::default().api_version(vk::API_VERSION_1_3);
        // SAFETY: what is created here lives as long as the process.
        unsafe {
            let instance = entry.create_instance(
                &vk::InstanceCreateInfo::default().application_info(&application),
                None,
            )?;
            let physical = *instance.enumerate_physical_devices()?.first().context("no device")?;
            let name = instance.get_physical_device_properties(physical);
            let name = name.device_name_as_c_str()?.to_string_lossy().into_owned();
            let device = create_device(&instance, physical).with_context(|| name.clone())?;
            let executables =
                ash::khr::pipeline_executable_properties::Device::new(&instance, &device);
            Ok(Self { _entry: entry, device, executables, name })
        }
    }

    /// Makes a compute pipeline as wgpu does, and asks what became of it.
    ///
    /// # Errors
    /// What the driver refuses.
    pub fn compile(
        &self,
        spirv: &[u32],
        entry_point: &str,
        bindings: &[Binding],
    ) -> Result<Compiled> {
        let bindings: Vec<_> = bindings
            .iter()
            .map(|binding| {
                let kind = if binding.uniform {
                    vk::DescriptorType::UNIFORM_BUFFER
                } else {
                    vk::DescriptorType::STORAGE_BUFFER
                };
                vk::DescriptorSetLayoutBinding::default()
                    .binding(binding.at.binding)
                    .descriptor_type(kind)
                    .descriptor_count(1)
                    .stage_flags(vk::ShaderStageFlags::COMPUTE)
            })
            .collect();
        let name = CString::new(entry_point)?;
        // SAFETY: all handles are of this device, and none is used after it was destroyed.
        unsafe {
            let set = vk::DescriptorSetLayoutCreateInfo::default().bindings(&bindings);
            let set = self.device.create_descriptor_set_layout(&set, None)?;
            let layout =
                vk::PipelineLayoutCreateInfo::default().set_layouts(std::slice::from_ref(&set));
            let layout = self.device.create_pipeline_layout(&layout, None)?;
            let module = self
                .device
                .create_shader_module(&vk::ShaderModuleCreateInfo::default().code(spirv), None)?;
            let stage = vk::PipelineShaderStageCreateInfo::default()
                .flags(vk::PipelineShaderStageCreateFlags::ALLOW_VARYING_SUBGROUP_SIZE)
                .stage(vk::ShaderStageFlags::COMPUTE)
                .module(module)
                .name(&name);
            let flags = vk::PipelineCreateFlags::CAPTURE_STATISTICS_KHR
                | vk::PipelineCreateFlags::CAPTURE_INTERNAL_REPRESENTATIONS_KHR;
            let pipeline =
                vk::ComputePipelineCreateInfo::default().flags(flags).stage(stage).layout(layout);
            let made =
                self.device.create_compute_pipelines(vk::PipelineCache::null(), &[pipeline], None);
            let pipeline = made.map_err(|(_, error)| error)?[0];
            let compiled = self.inspect(pipeline);
            self.device.destroy_pipeline(pipeline, None);
            self.device.destroy_shader_module(module, None);
            self.device.destroy_pipeline_layout(layout, None);
            self.device.destroy_descriptor_set_layout(set, None);
            compiled
        }
    }

    /// # Safety
    /// `pipeline` is of this device and captured both kinds of information.
    unsafe fn inspect(&self, pipeline: vk::Pipeline) -> Result<Compiled> {
        // SAFETY: the caller's promise; the texts' memory outlives the call that fills it.
        unsafe {
            let info = vk::PipelineInfoKHR::default().pipeline(pipeline);
            let stages = self.executables.get_pipeline_executable_properties(&info)?;
            ensure!(stages.len() == 1, "{} executables in a compute pipeline", stages.len());
            let info = vk::PipelineExecutableInfoKHR::default().pipeline(pipeline);
            let statistics = self.executables.get_pipeline_executable_statistics(&info)?;
            let number = |statistic: &vk::PipelineExecutableStatisticKHR<'_>| match statistic.format
            {
                vk::PipelineExecutableStatisticFormatKHR::UINT64 => statistic.value.u64,
                vk::PipelineExecutableStatisticFormatKHR::INT64 => statistic.value.i64 as u64,
                vk::PipelineExecutableStatisticFormatKHR::FLOAT64 => statistic.value.f64 as u64,
                _ => u64::from(statistic.value.b32),
            };
            let statistics = statistics
                .iter()
                .map(|statistic| (text(&statistic.name), number(statistic)))
                .collect();
            Ok(Compiled { statistics, assembly: self.assembly(&info)? })
        }
    }

    /// # Safety
    /// As for `inspect`.
    unsafe fn assembly(&self, info: &vk::PipelineExecutableInfoKHR<'_>) -> Result<String> {
        let function = self.executables.fp().get_pipeline_executable_internal_representations_khr;
        let device = self.device.handle();
        let mut count = 0;
        // SAFETY: asked three times as the specification says: how many there are, how long each
        // is, and what they are.
        unsafe {
            function(device, info, &mut count, std::ptr::null_mut()).result()?;
            let mut found =
                vec![vk::PipelineExecutableInternalRepresentationKHR::default(); count as usize];
            function(device, info, &mut count, found.as_mut_ptr()).result()?;
            let mut texts: Vec<Vec<u8>> = found.iter().map(|one| vec![0; one.data_size]).collect();
            for (one, text) in found.iter_mut().zip(&mut texts) {
                one.p_data = text.as_mut_ptr().cast();
            }
            function(device, info, &mut count, found.as_mut_ptr()).result()?;
            let wanted = found.iter().zip(&texts).find(|(one, _)| text(&one.name) == "Assembly");
            let Some((_, text)) = wanted else {
                bail!(
                    "the driver gives {:?}, no `Assembly`",
                    found.iter().map(|one| text(&one.name)).collect::<Vec<_>>()
                )
            };
            Ok(String::from_utf8_lossy(text).trim_end_matches('\0').to_owned())
        }
    }
}

/// # Safety
/// `physical` is a device of `instance`.
unsafe fn create_device(
    instance: &ash::Instance,
    physical: vk::PhysicalDevice,
) -> Result<ash::Device> {
    let wanted = [ash::khr::pipeline_executable_properties::NAME, ash::ext::robustness2::NAME];
    // SAFETY: the caller's promise.
    unsafe {
        let known = instance.enumerate_device_extension_properties(physical)?;
        for name in wanted {
            ensure!(
                known.iter().any(|one| one.extension_name_as_c_str() == Ok(name)),
                "no {}",
                name.to_string_lossy()
            );
        }
        // As wgpu opens it: the driver keeps to the bounds of buffers, trusted shaders or not, and
        // may choose the subgroup's size.
        let mut executables = vk::PhysicalDevicePipelineExecutablePropertiesFeaturesKHR::default()
            .pipeline_executable_info(true);
        let mut robustness =
            vk::PhysicalDeviceRobustness2FeaturesEXT::default().robust_buffer_access2(true);
        let mut vulkan_1_3 = vk::PhysicalDeviceVulkan13Features::default()
            .subgroup_size_control(true)
            .shader_zero_initialize_workgroup_memory(true)
            .maintenance4(true);
        let mut vulkan_1_2 = vk::PhysicalDeviceVulkan12Features::default()
            .vulkan_memory_model(true)
            .vulkan_memory_model_device_scope(true);
        let features = vk::PhysicalDeviceFeatures::default().robust_buffer_access(true);
        let priorities = [1.0];
        let queue = vk::DeviceQueueCreateInfo::default().queue_priorities(&priorities);
        let extensions = wanted.map(CStr::as_ptr);
        let create = vk::DeviceCreateInfo::default()
            .queue_create_infos(std::slice::from_ref(&queue))
            .enabled_extension_names(&extensions)
            .enabled_features(&features)
            .push_next(&mut executables)
            .push_next(&mut robustness)
            .push_next(&mut vulkan_1_3)
            .push_next(&mut vulkan_1_2);
        Ok(instance.create_device(physical, &create, None)?)
    }
}

fn text(name: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> =
        name.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
