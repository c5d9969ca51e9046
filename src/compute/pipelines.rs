//! Compute pipelines of kernels, each compiled once: on first use, or ahead of it by a separate
//! thread. If the backend supports it, a cache on disk saves the driver's compiler the work in
//! later processes.

use super::gpu::Gpu;
use super::{Kernel, faults};
use crate::error::Result;
use crate::files::write_atomic;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

type Slot = Arc<OnceLock<Option<wgpu::ComputePipeline>>>;

/// The pipelines of one device.
#[derive(Debug)]
pub(super) struct Pipelines {
    device: wgpu::Device,
    /// `true` if shaders check every index and bound every loop, and workgroup memory is zeroed.
    checks: bool,
    slots: Mutex<HashMap<(&'static str, &'static str), Slot>>,
    cache: Option<(wgpu::PipelineCache, PathBuf)>,
    /// `true` if something was compiled that is not in the cache on disk.
    is_new: AtomicBool,
    is_closing: AtomicBool,
}

/// A thread that compiles ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Option<JoinHandle<()>>>);

impl Pipelines {
    /// Pipelines of `device`; `cache` is the cache file, if one is requested and the device
    /// supports it.
    pub(super) fn new(device: &wgpu::Device, checks: bool, cache: Option<PathBuf>) -> Self {
        let cache = cache
            .filter(|_| device.features().contains(wgpu::Features::PIPELINE_CACHE))
            .map(|path| {
                let data = read_cache(&path);
                let descriptor = wgpu::PipelineCacheDescriptor {
                    label: Some("kernels"),
                    data: data.as_deref(),
                    fallback: true,
                };
                // SAFETY: the data are those that `keep` wrote, by their checksum, and wgpu and the
                // driver check their header, which names the adapter and the driver; data that do
                // not fit are ignored.
                (unsafe { device.create_pipeline_cache(&descriptor) }, path)
            });
        Self {
            device: device.clone(),
            checks,
            slots: Mutex::default(),
            cache,
            is_new: AtomicBool::new(false),
            is_closing: AtomicBool::new(false),
        }
    }

    fn slot(&self, kernel: &Kernel) -> Slot {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((kernel.shader, kernel.entry_point)).or_default())
    }

    fn compile(&self, kernel: &'static Kernel) -> wgpu::ComputePipeline {
        let descriptor = wgpu::ShaderModuleDescriptor {
            label: Some(kernel.shader),
            source: wgpu::ShaderSource::Wgsl(kernel.source.into()),
        };
        let module = if self.checks {
            self.device.create_shader_module(descriptor)
        } else {
            // SAFETY: these shaders are part of the program. Every loop of theirs ends, no divisor
            // is zero and every index is inside its buffer: the tests run all of them with the
            // checks, and without under Vulkan's validation on the GPU.
            unsafe {
                self.device.create_shader_module_trusted(
                    descriptor,
                    wgpu::ShaderRuntimeChecks::unchecked(),
                )
            }
        };
        self.is_new.store(true, Ordering::Relaxed);
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.entry_point),
            layout: None,
            module: &module,
            entry_point: Some(kernel.entry_point),
            compilation_options: wgpu::PipelineCompilationOptions {
                zero_initialize_workgroup_memory: self.checks,
                ..Default::default()
            },
            cache: self.cache.as_ref().map(|(cache, _)| cache),
        })
    }

    /// Writes the cache for later processes, if something was compiled. Failures are ignored.
    fn keep(&self) {
        let Some((cache, path)) =
            self.cache.as_ref().filter(|_| self.is_new.load(Ordering::Relaxed))
        else {
            return;
        };
        if let Ok(Some(data)) = faults::caught(|| cache.get_data())
            && read_cache(path).as_ref() != Some(&data)
        {
            let _ = write_cache(path, &data);
        }
    }
}

impl Gpu {
    /// The pipeline of `kernel`.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) if the shader is rejected.
    pub(super) fn pipeline(&self, kernel: &'static Kernel) -> Result<wgpu::ComputePipeline> {
        let slot = self.pipelines.slot(kernel);
        if let Some(Some(pipeline)) = slot.get() {
            return Ok(pipeline.clone());
        }
        let start = Instant::now();
        let mut refusal = Ok(());
        let made = slot.get_or_init(|| {
            match self.checked(kernel.entry_point, || self.pipelines.compile(kernel)) {
                Ok(pipeline) => Some(pipeline),
                Err(error) => {
                    refusal = Err(error);
                    None
                }
            }
        });
        self.counted(|counters| counters.compile_seconds += start.elapsed().as_secs_f64());
        refusal?;
        match made {
            Some(pipeline) => Ok(pipeline.clone()),
            // It was rejected before: report the error again.
            None => self.checked(kernel.entry_point, || self.pipelines.compile(kernel)),
        }
    }

    /// Compiles `kernels` one after the other in a separate thread; a caller that needs one sooner
    /// waits for it or compiles it itself. Errors are left for these callers to report.
    pub(crate) fn compile_ahead(&self, kernels: Vec<&'static Kernel>) {
        let pipelines = Arc::clone(&self.pipelines);
        let thread = std::thread::Builder::new().name("kernels".into()).spawn(move || {
            for kernel in kernels {
                if pipelines.is_closing.load(Ordering::Relaxed) {
                    return;
                }
                let slot = pipelines.slot(kernel);
                slot.get_or_init(|| {
                    let compiled = faults::caught(|| {
                        let scope =
                            pipelines.device.push_error_scope(wgpu::ErrorFilter::Validation);
                        let pipeline = pipelines.compile(kernel);
                        pollster::block_on(scope.pop()).map_or(Some(pipeline), |_| None)
                    });
                    compiled.ok().flatten()
                });
            }
        });
        *self.ahead.0.lock().unwrap_or_else(PoisonError::into_inner) = thread.ok();
    }

    /// Stops compiling ahead, since no thread may be inside a driver when the process ends, and
    /// keeps the compiled kernels.
    pub(super) fn close_pipelines(&self) {
        self.pipelines.is_closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.ahead.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // The thread catches its panics.
            let _ = thread.join();
        }
        self.pipelines.keep();
    }
}

/// First bytes of a cache file; the version changes with the layout of the file.
const MAGIC: &[u8; 8] = b"LLPIPE01";

/// Data of the cache file, if they are complete and written by this program.
fn read_cache(path: &Path) -> Option<Vec<u8>> {
    let file = std::fs::read(path).ok()?;
    let (magic, rest) = file.split_at_checked(MAGIC.len())?;
    let (digest, data) = rest.split_at_checked(32)?;
    (magic == MAGIC && digest == sha256(data)).then(|| data.to_vec())
}

fn write_cache(path: &Path, data: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        crate::files::create_folder(folder)?;
    }
    write_atomic(path, |out| {
        out.write_all(MAGIC)?;
        out.write_all(&sha256(data))?;
        out.write_all(data)
    })
}

fn sha256(data: &[u8]) -> [u8; 32] {
    use sha2::Digest;
    sha2::Sha256::digest(data).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_cache_is_left_aside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/cache");
        assert_eq!(read_cache(&path), None);
        write_cache(&path, &[1, 2, 3]).unwrap();
        assert_eq!(read_cache(&path), Some(vec![1, 2, 3]));
        let mut file = std::fs::read(&path).unwrap();
        *file.last_mut().unwrap() = 4;
        std::fs::write(&path, &file).unwrap();
        assert_eq!(read_cache(&path), None);
        std::fs::write(&path, &file[..20]).unwrap();
        assert_eq!(read_cache(&path), None);
    }
}
