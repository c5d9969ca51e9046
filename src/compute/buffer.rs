//! Memory of a device: a vector on the host or a storage buffer on the GPU.

use super::Device;
use super::transfer::Download;
use crate::error::Result;
use bytemuck::Pod;
use std::marker::PhantomData;

/// Content of fresh buffers under test: NaN as `f32`, far out of range as an index.
pub(super) const POISON: u32 = 0xffc0_beef;

/// `len` elements of `T` (four bytes each) in the memory of the device that made it.
///
/// Only the kernel functions, which match on the device, access the content. Passing a buffer to
/// another device is a programming error and panics.
#[derive(Debug)]
pub struct Buffer<T> {
    storage: Storage<T>,
    len: usize,
}

#[derive(Debug)]
enum Storage<T> {
    Host(Vec<T>),
    Gpu(wgpu::Buffer, PhantomData<T>),
}

/// Elements on their way to the host.
#[derive(Debug)]
pub enum ReadBack<T> {
    /// Copied already.
    Host(Vec<T>),
    /// Being copied.
    Gpu(Download, PhantomData<T>),
}

impl<T: Pod> ReadBack<T> {
    /// Waits until the elements have arrived; work that was dispatched later continues.
    ///
    /// # Errors
    /// Those of [`Buffer::read`].
    pub fn wait(self, device: &Device) -> Result<Vec<T>> {
        match (self, device) {
            (Self::Host(data), _) => Ok(data),
            (Self::Gpu(download, _), Device::Gpu(gpu)) => {
                let mut values = Vec::new();
                gpu.finish_download(download, &mut values)?;
                Ok(values)
            }
            (Self::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }
}

impl<T: Pod> Buffer<T> {
    /// A buffer to be written later. It contains zeros, or poison if the device was opened for
    /// tests.
    ///
    /// # Errors
    /// [`Error::GpuMemory`](crate::Error::GpuMemory), naming `label`, if the device cannot hold it.
    pub fn new(device: &Device, label: &str, len: usize) -> Result<Self> {
        let poison = [POISON];
        match device {
            Device::Cpu(cpu) => {
                let fill = if cpu.poison { bytemuck::cast_slice(&poison)[0] } else { T::zeroed() };
                Ok(Self { storage: Storage::Host(vec![fill; len]), len })
            }
            Device::Gpu(gpu) if gpu.options().poison => {
                Self::from_slice(device, label, &vec![bytemuck::cast_slice(&poison)[0]; len])
            }
            Device::Gpu(gpu) => Ok(Self::on_gpu(gpu.create_buffer(label, bytes::<T>(len))?, len)),
        }
    }

    /// A buffer of zeros.
    ///
    /// # Errors
    /// Those of [`Buffer::new`].
    pub fn zeros(device: &Device, label: &str, len: usize) -> Result<Self> {
        match device {
            Device::Cpu(_) => Ok(Self { storage: Storage::Host(vec![T::zeroed(); len]), len }),
            // New WebGPU buffers contain zeros.
            Device::Gpu(gpu) => Ok(Self::on_gpu(gpu.create_buffer(label, bytes::<T>(len))?, len)),
        }
    }

    /// A copy of `data`.
    ///
    /// # Errors
    /// Those of [`Buffer::new`].
    pub fn from_slice(device: &Device, label: &str, data: &[T]) -> Result<Self> {
        match device {
            Device::Cpu(_) => Ok(Self { storage: Storage::Host(data.to_vec()), len: data.len() }),
            Device::Gpu(gpu) => {
                let buffer = gpu.create_buffer(label, bytes::<T>(data.len()))?;
                gpu.upload(label, &buffer, bytemuck::cast_slice(data))?;
                Ok(Self::on_gpu(buffer, data.len()))
            }
        }
    }

    /// Waits for the work dispatched so far and copies the elements to the host.
    ///
    /// # Errors
    /// [`Error::Kernel`](crate::Error::Kernel) or [`Error::DeviceLost`](crate::Error::DeviceLost)
    /// if that work failed.
    pub fn read(&self, device: &Device) -> Result<Vec<T>> {
        match (&self.storage, device) {
            (Storage::Host(data), _) => Ok(data.clone()),
            (Storage::Gpu(buffer, _), Device::Gpu(gpu)) => gpu.download(buffer, self.len),
            (Storage::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }

    /// Starts to copy the elements to the host, with the content after the work dispatched so far.
    ///
    /// # Errors
    /// Those of [`Buffer::read`].
    pub fn read_later(&self, device: &Device) -> Result<ReadBack<T>> {
        match (&self.storage, device) {
            (Storage::Host(data), _) => Ok(ReadBack::Host(data.clone())),
            (Storage::Gpu(buffer, _), Device::Gpu(gpu)) => {
                let bytes = (self.len * size_of::<T>()) as u64;
                Ok(ReadBack::Gpu(gpu.start_download(buffer, 0, bytes)?, PhantomData))
            }
            (Storage::Gpu(..), Device::Cpu(_)) => panic!("a GPU buffer was given to the CPU"),
        }
    }

    /// Number of elements.
    pub fn len(&self) -> usize {
        self.len
    }

    /// `true` if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The elements of a host buffer.
    pub(crate) fn host(&self) -> &[T] {
        match &self.storage {
            Storage::Host(data) => data,
            Storage::Gpu(..) => panic!("a GPU buffer was given to a CPU kernel"),
        }
    }

    /// The elements of a host buffer, for writing.
    pub(crate) fn host_mut(&mut self) -> &mut [T] {
        match &mut self.storage {
            Storage::Host(data) => data,
            Storage::Gpu(..) => panic!("a GPU buffer was given to a CPU kernel"),
        }
    }

    /// The storage buffer of a GPU buffer.
    pub(crate) fn gpu(&self) -> &wgpu::Buffer {
        match &self.storage {
            Storage::Gpu(buffer, _) => buffer,
            Storage::Host(_) => panic!("a host buffer was given to a GPU kernel"),
        }
    }

    fn on_gpu(buffer: wgpu::Buffer, len: usize) -> Self {
        Self { storage: Storage::Gpu(buffer, PhantomData), len }
    }
}

/// Size of a storage buffer in bytes; at least one element, because WebGPU does not bind empty
/// buffers.
fn bytes<T>(len: usize) -> u64 {
    (len * size_of::<T>()).max(4) as u64
}
