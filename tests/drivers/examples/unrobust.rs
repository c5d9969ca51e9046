//! A loader of Vulkan in front of the real one, as `libvulkan.so.1`: devices open without robust
//! buffer access, whatever the program asks for. wgpu asks for it wherever it is, and the
//! validation layer is silent about indices out of bounds where it is on.

use ash::vk;
use std::ffi::{CStr, c_char};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Debian's loader; LAYERLENS_LIBVULKAN names another.
const LOADER: &str = "/usr/lib/x86_64-linux-gnu/libvulkan.so.1";

static INSTANCE: AtomicU64 = AtomicU64::new(0);

fn real() -> &'static ash::Entry {
    static REAL: OnceLock<ash::Entry> = OnceLock::new();
    REAL.get_or_init(|| {
        let path = std::env::var_os("LAYERLENS_LIBVULKAN").unwrap_or_else(|| LOADER.into());
        // SAFETY: it is the Vulkan loader.
        unsafe { ash::Entry::load_from(path) }.expect("the real libvulkan.so.1")
    })
}

/// The one function that programs look up by name in the library.
///
/// # Safety
/// As Vulkan's.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn vkGetInstanceProcAddr(
    instance: vk::Instance,
    name: *const c_char,
) -> vk::PFN_vkVoidFunction {
    use vk::Handle;
    // SAFETY: the caller's promise; a pointer to a function is given as one without its type, as
    // Vulkan does.
    unsafe {
        match CStr::from_ptr(name).to_bytes() {
            b"vkGetInstanceProcAddr" => Some(std::mem::transmute::<
                vk::PFN_vkGetInstanceProcAddr,
                unsafe extern "system" fn(),
            >(vkGetInstanceProcAddr)),
            b"vkCreateDevice" if instance != vk::Instance::null() => {
                INSTANCE.store(instance.as_raw(), Ordering::Relaxed);
                Some(std::mem::transmute::<vk::PFN_vkCreateDevice, unsafe extern "system" fn()>(
                    create_device,
                ))
            }
            _ => real().get_instance_proc_addr(instance, name),
        }
    }
}

unsafe extern "system" fn create_device(
    physical: vk::PhysicalDevice,
    info: *const vk::DeviceCreateInfo<'_>,
    allocator: *const vk::AllocationCallbacks<'_>,
    device: *mut vk::Device,
) -> vk::Result {
    use vk::Handle;
    // SAFETY: all of it is the caller's for the length of the call. The chain is written to, which
    // its owners, wgpu and `planted`, allow: they build it for this call alone.
    unsafe {
        let create = real().get_instance_proc_addr(
            vk::Instance::from_raw(INSTANCE.load(Ordering::Relaxed)),
            c"vkCreateDevice".as_ptr(),
        );
        let create: vk::PFN_vkCreateDevice = std::mem::transmute(create.expect("vkCreateDevice"));
        if let Some(features) = (*info).p_enabled_features.cast_mut().as_mut() {
            features.robust_buffer_access = vk::FALSE;
        }
        let mut next = (*info).p_next.cast::<vk::BaseOutStructure<'_>>().cast_mut();
        while let Some(structure) = next.as_mut() {
            match structure.s_type {
                vk::StructureType::PHYSICAL_DEVICE_FEATURES_2 => {
                    (*next.cast::<vk::PhysicalDeviceFeatures2<'_>>())
                        .features
                        .robust_buffer_access = vk::FALSE;
                }
                vk::StructureType::PHYSICAL_DEVICE_ROBUSTNESS_2_FEATURES_EXT => {
                    (*next.cast::<vk::PhysicalDeviceRobustness2FeaturesEXT<'_>>())
                        .robust_buffer_access2 = vk::FALSE;
                }
                _ => (),
            }
            next = structure.p_next.cast();
        }
        create(physical, info, allocator, device)
    }
}
