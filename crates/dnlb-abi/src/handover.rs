//! What two versions of the programs say to each other while one takes over from the other.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{Addr, FlowKey, FlowRecord};

/// Key of `HANDOVER`: a [`FlowKey`] in a form of its own, so that `FlowKey` may change.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct HandoverKey {
    /// [`FlowKey::peer`].
    pub peer: Addr,
    /// [`FlowKey::instance`].
    pub instance: u32,
    /// [`FlowKey::ports`].
    pub ports: u32,
    /// [`FlowKey::protocol`].
    pub protocol: u32,
}

const _: () = assert!(size_of::<HandoverKey>() == 28);

impl HandoverKey {
    /// The key of a flow.
    #[inline(always)]
    #[must_use]
    pub const fn of(key: &FlowKey) -> Self {
        Self { peer: key.peer, instance: key.instance, ports: key.ports, protocol: key.protocol }
    }
}

/// Value of `HANDOVER`: what the other version's programs must know of a flow that was made while one version takes over
/// from another.
///
/// # Shape
/// 40 bytes. Never changes, unless versions before the change and after it may drop packets of new flows while one
/// takes over from the other: it holds what a reply cannot do without, and no more.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct HandoverRecord {
    /// [`FlowRecord::original_addr`].
    pub original_addr: Addr,
    /// When the flow was made, by the kernel's monotonic clock.
    pub made_ns: u64,
    /// [`FlowRecord::flags`] as they were then.
    pub flags: u32,
    /// [`FlowRecord::service`].
    pub service: u32,
    /// [`FlowRecord::rules`].
    pub rules: u32,
    /// [`FlowRecord::original_port`].
    pub original_port: u16,
    /// [`FlowRecord::via`].
    pub via: u16,
}

const _: () = assert!(size_of::<HandoverRecord>() == 40);

impl HandoverRecord {
    /// What is to be said of a record that has just been made.
    #[inline(always)]
    #[must_use]
    pub const fn of(record: &FlowRecord) -> Self {
        Self {
            original_addr: record.original_addr,
            made_ns: record.last_used_ns,
            flags: record.flags,
            service: record.service,
            rules: record.rules,
            original_port: record.original_port,
            via: record.via,
        }
    }

    /// Makes an empty record the one that was spoken of. Whatever else it holds stays: a program need not clear it each time.
    #[inline(always)]
    pub fn restore(&self, record: &mut FlowRecord) {
        record.original_addr = self.original_addr;
        record.last_used_ns = self.made_ns;
        record.flags = self.flags;
        record.service = self.service;
        record.rules = self.rules;
        record.original_port = self.original_port;
        record.via = self.via;
    }
}
