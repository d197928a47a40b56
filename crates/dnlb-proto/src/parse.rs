//! From what arrived to what it means.

use std::{collections::BTreeMap, net::IpAddr};

use ipnet::IpNet;

use crate::pb;

/// Why a message was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Neither 4 nor 16 bytes.
    #[error("{field}: an address of {length} bytes")]
    Address {
        /// The field.
        field: &'static str,
        /// How long it is.
        length: usize,
    },
    /// The same key twice.
    #[error("{field}: the same key twice")]
    Duplicate {
        /// The field.
        field: &'static str,
    },
    /// A required field is absent, or an enumeration has a value that this version does not know.
    #[error("{field} is missing or unknown")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A number outside its range.
    #[error("{field}: {value} is out of range")]
    Range {
        /// The field.
        field: &'static str,
        /// The number.
        value: u64,
    },
    /// A text that is too long, empty where it must not be, or with characters that it cannot have.
    #[error("{field}: not a usable text")]
    Text {
        /// The field.
        field: &'static str,
    },
    /// The other side speaks another version.
    #[error("protocol version {version} is not supported")]
    Version {
        /// Its version.
        version: u32,
    },
}

pub(crate) fn addr(field: &'static str, bytes: &[u8]) -> Result<IpAddr, ParseError> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(v4.into());
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(v6) => Ok(v6.into()),
        Err(_) => Err(ParseError::Address { field, length: bytes.len() }),
    }
}

pub(crate) fn addr_bytes(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

pub(crate) fn prefix(field: &'static str, prefix: Option<pb::Prefix>) -> Result<IpNet, ParseError> {
    let prefix = prefix.ok_or(ParseError::Missing { field })?;
    let addr = addr(field, &prefix.addr)?;
    let out_of_range = ParseError::Range { field, value: prefix.length.into() };
    let length = u8::try_from(prefix.length).map_err(|_| out_of_range.clone())?;
    IpNet::new(addr, length).map_err(|_| out_of_range)
}

pub(crate) fn prefix_message(prefix: IpNet) -> pb::Prefix {
    pb::Prefix { addr: addr_bytes(prefix.addr()), length: prefix.prefix_len().into() }
}

/// A number that fits 16 bits.
pub(crate) fn small(field: &'static str, value: u32) -> Result<u16, ParseError> {
    u16::try_from(value).map_err(|_| ParseError::Range { field, value: value.into() })
}

/// A number that fits 16 bits and is not 0, such as a port or a host's index.
pub(crate) fn small_nonzero(field: &'static str, value: u32) -> Result<u16, ParseError> {
    small(field, nonzero(field, value)?)
}

/// A number that is not 0: in the kernel's maps 0 means "never written".
pub(crate) fn nonzero(field: &'static str, value: u32) -> Result<u32, ParseError> {
    if value == 0 { Err(ParseError::Range { field, value: 0 }) } else { Ok(value) }
}

/// A VXLAN network identifier.
pub(crate) fn vni(field: &'static str, value: u32) -> Result<u32, ParseError> {
    if value == 0 || value >= 1 << 24 {
        Err(ParseError::Range { field, value: value.into() })
    } else {
        Ok(value)
    }
}

/// A name for people: printable, neither empty nor longer than `max` bytes.
pub(crate) fn name(field: &'static str, text: String, max: usize) -> Result<String, ParseError> {
    let usable = !text.is_empty() && text.len() <= max && !text.chars().any(char::is_control);
    if usable { Ok(text) } else { Err(ParseError::Text { field }) }
}

/// Cuts a text that is only to be shown to `max` bytes and drops its control characters.
pub(crate) fn shown(mut text: String, max: usize) -> String {
    text.retain(|character| !character.is_control());
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Collects keys and values, refusing a key that comes twice.
pub(crate) fn map<T, K: Ord, V>(
    field: &'static str,
    items: Vec<T>,
    parse: impl Fn(T) -> Result<(K, V), ParseError>,
) -> Result<BTreeMap<K, V>, ParseError> {
    let mut map = BTreeMap::new();
    for item in items {
        let (key, value) = parse(item)?;
        if map.insert(key, value).is_some() {
            return Err(ParseError::Duplicate { field });
        }
    }
    Ok(map)
}
