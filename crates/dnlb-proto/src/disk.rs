//! The agent's copy of its last configuration, so that it comes up without a server.
//!
//! # Shape
//! Eight bytes that name the format, SHA-256 of the rest, and the rest: a [`pb::HostConfig`]. A torn or
//! damaged file does not match its digest and is refused as a whole.

use dnlb_model::HostConfig;
use prost::Message;
use sha2::{Digest, Sha256};

use crate::{ParseError, pb};

/// Names the format and its version.
const MAGIC: &[u8; 8] = b"dnlbcfg\x01";
/// Length of the digest.
const DIGEST_BYTES: usize = 32;

/// Why bytes are no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// The digest does not match: torn or damaged.
    #[error("the saved configuration is damaged")]
    Damaged,
    /// Not a saved configuration, or one of another version.
    #[error("not a saved configuration of this version")]
    Format,
    /// Whole, but not a configuration that we accept.
    #[error("the saved configuration is refused")]
    Parse(#[from] ParseError),
}

/// The bytes to be saved.
#[must_use]
pub fn encode_config(config: &HostConfig) -> Vec<u8> {
    let message = pb::HostConfig::from(config).encode_to_vec();
    let mut bytes = Vec::with_capacity(MAGIC.len() + DIGEST_BYTES + message.len());
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&Sha256::digest(&message));
    bytes.extend_from_slice(&message);
    bytes
}

/// Reads what [`encode_config`] made.
///
/// # Errors
/// When the bytes are something else, torn, damaged or refused.
pub fn decode_config(bytes: &[u8]) -> Result<HostConfig, DiskError> {
    let rest = bytes.strip_prefix(MAGIC).ok_or(DiskError::Format)?;
    let (digest, message) = rest.split_at_checked(DIGEST_BYTES).ok_or(DiskError::Damaged)?;
    if Sha256::digest(message).as_slice() != digest {
        return Err(DiskError::Damaged);
    }
    let message = pb::HostConfig::decode(message).map_err(|_| DiskError::Damaged)?;
    Ok(HostConfig::try_from(message)?)
}
