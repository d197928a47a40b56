//! Memory-mapped array maps: written by plain stores, without system calls.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
    ptr::NonNull,
    sync::atomic::{AtomicU16, AtomicU64, Ordering},
};

use aya::maps::MapData;

use crate::SwitchError;

/// The memory of an array map with `BPF_F_MMAPABLE`.
///
/// # Shape
/// `len` bytes, a multiple of 8; the kernel rounds values up to 8 bytes, and all of ours are multiples of it.
pub(crate) struct MappedArray {
    name: &'static str,
    memory: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory belongs to the map and is only accessed through atomics.
unsafe impl Send for MappedArray {}

impl MappedArray {
    /// Maps the memory of `map`.
    pub(crate) fn new(name: &'static str, map: &MapData) -> Result<Self, SwitchError> {
        let info =
            map.info().map_err(|source| SwitchError::Map { map: name, action: "inspected", source })?;
        let len = info.value_size() as usize * info.max_entries() as usize;
        // SAFETY: a fresh shared mapping of a map's descriptor; the kernel checks the length.
        let memory = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                len,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                map.fd().as_fd().as_raw_fd(),
                0,
            )
        };
        if memory == libc::MAP_FAILED {
            let source = io::Error::last_os_error();
            return Err(SwitchError::Io { what: format!("mapping the memory of map {name}"), source });
        }
        // The kernel never maps at 0 unless asked to.
        let memory = NonNull::new(memory.cast()).ok_or_else(|| SwitchError::Io {
            what: format!("mapping the memory of map {name}"),
            source: io::Error::from(io::ErrorKind::InvalidData),
        })?;
        Ok(Self { name, memory, len })
    }

    /// The map's name.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Number of 64-bit words.
    pub(crate) fn words(&self) -> usize {
        self.len / 8
    }

    /// The word at `index`.
    pub(crate) fn word(&self, index: usize) -> Result<&AtomicU64, SwitchError> {
        if index >= self.words() {
            return Err(self.out_of_range(index, self.words()));
        }
        // SAFETY: inside the mapping and aligned, as the mapping begins at a page; the lifetime is the mapping's.
        Ok(unsafe { &*self.memory.as_ptr().cast::<AtomicU64>().add(index) })
    }

    /// The 16-bit half word at `index`.
    pub(crate) fn half(&self, index: usize) -> Result<&AtomicU16, SwitchError> {
        if index >= self.len / 2 {
            return Err(self.out_of_range(index, self.len / 2));
        }
        // SAFETY: as for `word`.
        Ok(unsafe { &*self.memory.as_ptr().cast::<AtomicU16>().add(index) })
    }

    /// Stores `value` unless it is there; says whether it wrote.
    pub(crate) fn put(&self, index: usize, value: u64) -> Result<u64, SwitchError> {
        let word = self.word(index)?;
        if word.load(Ordering::Relaxed) == value {
            return Ok(0);
        }
        word.store(value, Ordering::Release);
        Ok(1)
    }

    /// The same for a half word.
    pub(crate) fn put_half(&self, index: usize, value: u16) -> Result<u64, SwitchError> {
        let half = self.half(index)?;
        if half.load(Ordering::Relaxed) == value {
            return Ok(0);
        }
        half.store(value, Ordering::Release);
        Ok(1)
    }

    fn out_of_range(&self, index: usize, capacity: usize) -> SwitchError {
        SwitchError::OutOfRange { map: self.name, index: index as u64, capacity: capacity as u64 }
    }
}

impl Drop for MappedArray {
    fn drop(&mut self) {
        // SAFETY: exactly what `new` mapped; no reference outlives `self`.
        unsafe { libc::munmap(self.memory.as_ptr().cast(), self.len) };
    }
}
