//! Where the fields of a type lie: what another version needs to know to read it.

use core::mem::offset_of;

use crate::{Counter, FlowKey, FlowRecord, FlowTotals};

/// A field of a type that versions hand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name. A name never changes its meaning: a field that means something else is called something else.
    pub name: &'static str,
    /// Bytes before it.
    pub offset: usize,
    /// Its length in bytes.
    pub len: usize,
}

/// A type whose values outlive a version: another one reads them field by field, by name.
pub trait Layout {
    /// Every field, in the order of their offsets. Together they fill the type.
    const FIELDS: &'static [Field];
}

/// Lists the fields of types; one that is forgotten does not compile.
macro_rules! layouts {
    ($($type:ident { $($(#[$attribute:meta])* $field:ident,)* })*) => {$(
        impl Layout for $type {
            const FIELDS: &'static [Field] = &[$(
                $(#[$attribute])*
                Field {
                    name: stringify!($field),
                    offset: offset_of!($type, $field),
                    len: len_of(|it: &$type| &it.$field),
                },
            )*];
        }

        const _: () = assert!(
            fills(<$type as Layout>::FIELDS, size_of::<$type>()),
            concat!("list every field of ", stringify!($type), " in its order")
        );
    )*};
}

layouts! {
    FlowKey { peer, instance, ports, protocol, }
    FlowRecord {
        #[cfg(feature = "layout-trial")] trial,
        original_addr, original_port, via, flags, service, rules, last_used_ns, packets_in, packets_out, bytes, end,
        peer_port,
    }
    FlowTotals { opened, replaced_packets_in, replaced_packets_out, replaced_bytes, }
    Counter { packets, bytes, }
}

const fn len_of<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Whether `fields` follow each other without a gap and end at `size`.
const fn fills(fields: &[Field], size: usize) -> bool {
    let (mut at, mut index) = (0, 0);
    while index < fields.len() {
        if fields[index].offset != at {
            return false;
        }
        at += fields[index].len;
        index += 1;
    }
    at == size
}
