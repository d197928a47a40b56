//! Removing an element of a hash map and learning what it was, in one step.

use std::{
    io,
    os::fd::{AsFd, AsRawFd},
};

use aya::maps::MapData;
use zerocopy::{FromBytes, IntoBytes};

/// `BPF_MAP_LOOKUP_AND_DELETE_ELEM` of `enum bpf_cmd` (`linux/bpf.h`); for hash maps since Linux 5.14. aya offers it for
/// queues only.
const LOOKUP_AND_DELETE: libc::c_long = 21;

/// The members of `union bpf_attr` for commands on one element.
#[repr(C)]
struct Attributes {
    map_fd: u32,
    reserved: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// Removes the element of `key` and returns it; nothing when there is none.
///
/// `K` and `V` must be as large as the map's keys and values.
///
/// # Errors
/// Whatever the kernel says except that the key is not there; `InvalidInput` when the sizes differ.
pub(crate) fn take<K: IntoBytes + zerocopy::Immutable, V: FromBytes + IntoBytes>(
    map: &MapData,
    key: &K,
) -> io::Result<Option<V>> {
    let info = map.info().map_err(io::Error::other)?;
    if info.key_size() as usize != size_of::<K>() || info.value_size() as usize != size_of::<V>() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut value = V::new_zeroed();
    let attributes = Attributes {
        map_fd: map.fd().as_fd().as_raw_fd() as u32,
        reserved: 0,
        key: std::ptr::from_ref(key) as u64,
        value: (&raw mut value) as u64,
        flags: 0,
    };
    // SAFETY: the kernel reads a key and writes a value of the map's sizes, which are those of `K` and `V`, and both
    // outlive the call; every bit pattern is a `V`.
    let result = unsafe {
        libc::syscall(libc::SYS_bpf, LOOKUP_AND_DELETE, &raw const attributes, size_of::<Attributes>())
    };
    if result == 0 {
        return Ok(Some(value));
    }
    match io::Error::last_os_error() {
        error if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        error => Err(error),
    }
}
