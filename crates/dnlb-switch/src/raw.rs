//! Commands on maps whose keys and values have lengths that are known only when the program runs.
//!
//! Source: `union bpf_attr` and `enum bpf_cmd` of `linux/bpf.h`. aya's maps have keys and values of one type each, and
//! no batches.

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

use aya::{
    maps::{MapData, MapType},
    util::nr_cpus,
};

/// `BPF_MAP_LOOKUP_ELEM`.
const LOOKUP: libc::c_long = 1;
/// `BPF_MAP_UPDATE_ELEM`.
const UPDATE: libc::c_long = 2;
/// `BPF_MAP_DELETE_ELEM`.
const DELETE: libc::c_long = 3;
/// `BPF_MAP_LOOKUP_BATCH`; for hash maps since Linux 5.6.
const LOOKUP_BATCH: libc::c_long = 24;
/// `BPF_NOEXIST`: only what is not there yet.
pub(crate) const NOEXIST: u64 = 1;
/// `BPF_EXIST`: only what is there already.
pub(crate) const EXIST: u64 = 2;
/// Elements of a batch at first; more when a bucket of the kernel's table holds more.
const BATCH: usize = 4096;

/// For commands on one element.
#[repr(C)]
struct ElementAttributes {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// For commands on many elements.
#[repr(C)]
struct BatchAttributes {
    in_batch: u64,
    out_batch: u64,
    keys: u64,
    values: u64,
    count: u32,
    map_fd: u32,
    element_flags: u64,
    flags: u64,
}

/// A key or value is not what this version's have to be.
pub(crate) fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// A map as bytes.
pub(crate) struct RawMap<'m> {
    fd: BorrowedFd<'m>,
    key_len: usize,
    value_len: usize,
}

impl<'m> RawMap<'m> {
    /// Looks at a map's lengths.
    pub(crate) fn new(map: &'m MapData) -> io::Result<Self> {
        let info = map.info().map_err(io::Error::other)?;
        let value_len = info.value_size() as usize;
        let value_len = match info.map_type().map_err(io::Error::other)? {
            // One for each possible CPU, rounded up to 8 bytes.
            MapType::PerCpuArray | MapType::PerCpuHash => {
                value_len.next_multiple_of(8) * nr_cpus().map_err(|(_, source)| source)?
            }
            _ => value_len,
        };
        Ok(Self { fd: map.fd().as_fd(), key_len: info.key_size() as usize, value_len })
    }

    /// Bytes of a value, of all CPUs together if it has one for each.
    pub(crate) fn value_len(&self) -> usize {
        self.value_len
    }

    /// Reads an element; false: it is not there. Does not count as use where the kernel remembers that.
    pub(crate) fn lookup(&self, key: &[u8], value: &mut [u8]) -> io::Result<bool> {
        self.check(key.len(), value.len())?;
        self.element(LOOKUP, key.as_ptr() as u64, value.as_mut_ptr() as u64, 0)
    }

    /// Writes an element; false: with [`NOEXIST`], it was there, with [`EXIST`] it was not.
    pub(crate) fn update(&self, key: &[u8], value: &[u8], flags: u64) -> io::Result<bool> {
        self.check(key.len(), value.len())?;
        match self.element(UPDATE, key.as_ptr() as u64, value.as_ptr() as u64, flags) {
            Err(error) if error.raw_os_error() == Some(libc::EEXIST) => Ok(false),
            other => other,
        }
    }

    /// Removes an element; false: it was not there.
    pub(crate) fn delete(&self, key: &[u8]) -> io::Result<bool> {
        self.check(key.len(), self.value_len)?;
        self.element(DELETE, key.as_ptr() as u64, 0, 0)
    }

    /// Calls `each` with every element of a hash map. Bucket by bucket: what is there from the beginning to the end comes at
    /// least once, whatever comes and goes meanwhile.
    pub(crate) fn for_each(&self, mut each: impl FnMut(&[u8], &[u8]) -> io::Result<()>) -> io::Result<()> {
        let (key_len, value_len) = (self.key_len, self.value_len);
        let mut room = BATCH;
        let (mut keys, mut values) = (vec![0; room * key_len], vec![0; room * value_len]);
        // Where the kernel goes on: for hash maps the number of a bucket.
        let (mut position, mut next) = (None::<u64>, 0_u64);
        loop {
            let mut attributes = BatchAttributes {
                in_batch: position.as_ref().map_or(0, |position| std::ptr::from_ref(position) as u64),
                out_batch: (&raw mut next) as u64,
                keys: keys.as_mut_ptr() as u64,
                values: values.as_mut_ptr() as u64,
                count: room as u32,
                map_fd: self.fd.as_raw_fd() as u32,
                element_flags: 0,
                flags: 0,
            };
            // SAFETY: the kernel writes at most `count` keys and values of the map's lengths, for which there is room, and
            // four bytes of `next`; everything outlives the call.
            let result = unsafe {
                libc::syscall(libc::SYS_bpf, LOOKUP_BATCH, &raw mut attributes, size_of::<BatchAttributes>())
            };
            let error = (result != 0).then(io::Error::last_os_error);
            let last = match error {
                None => false,
                Some(error) => match error.raw_os_error() {
                    Some(libc::ENOENT) => true,
                    Some(libc::ENOSPC) => {
                        room *= 2;
                        keys.resize(room * key_len, 0);
                        values.resize(room * value_len, 0);
                        continue;
                    }
                    _ => return Err(error),
                },
            };
            let count = attributes.count as usize;
            for (key, value) in keys.chunks_exact(key_len).zip(values.chunks_exact(value_len)).take(count) {
                each(key, value)?;
            }
            if last {
                return Ok(());
            }
            position = Some(next);
        }
    }

    /// Whether buffers are as long as the map's keys and values.
    fn check(&self, key: usize, value: usize) -> io::Result<()> {
        if (self.key_len, self.value_len) == (key, value) {
            Ok(())
        } else {
            Err(io::ErrorKind::InvalidInput.into())
        }
    }

    fn element(&self, command: libc::c_long, key: u64, value: u64, flags: u64) -> io::Result<bool> {
        let attributes =
            ElementAttributes { map_fd: self.fd.as_raw_fd() as u32, reserved: 0, key, value, flags };
        // SAFETY: the callers' buffers outlive the call and are as long as the map's keys and values: `check`.
        let result = unsafe {
            libc::syscall(libc::SYS_bpf, command, &raw const attributes, size_of::<ElementAttributes>())
        };
        if result == 0 {
            return Ok(true);
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOENT) => Ok(false),
            error => Err(error),
        }
    }
}
