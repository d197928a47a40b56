//! The secret by which an agent joins.

use constant_time_eq::constant_time_eq;
use sha2::{Digest, Sha256};
use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

/// Where calls carry the token.
const HEADER: &str = "authorization";
/// What precedes the token in the header (RFC 6750, 2.1).
const SCHEME: &str = "Bearer ";
/// Shortest token that is not obviously a mistake.
const LENGTH_MIN: usize = 16;

/// Secret that server and agents share. Never printed, also not by `Debug`.
#[derive(Clone)]
pub struct JoinToken(MetadataValue<Ascii>);

/// Why a text is no join token. Says nothing of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It has characters that a header cannot carry.
    #[error("a join token consists of printable ASCII characters without spaces")]
    Characters,
    /// Too short to be a secret.
    #[error("a join token has at least {LENGTH_MIN} characters")]
    Short,
}

impl JoinToken {
    /// Reads a token, as a file holds it: white space around it does not count.
    ///
    /// # Errors
    /// When it is too short or cannot be a header's value.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let text = text.trim();
        if text.len() < LENGTH_MIN {
            return Err(TokenError::Short);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::Characters);
        }
        let mut value =
            MetadataValue::try_from(format!("{SCHEME}{text}")).map_err(|_| TokenError::Characters)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Puts the token into a call's metadata.
    pub fn attach(&self, metadata: &mut MetadataMap) {
        metadata.insert(HEADER, self.0.clone());
    }

    /// Whether a call's metadata carry this token.
    ///
    /// Digests are compared, in constant time: neither content nor length shows in the time that it takes.
    #[must_use]
    pub fn admits(&self, metadata: &MetadataMap) -> bool {
        let presented = metadata.get(HEADER).map_or(&[][..], |value| value.as_encoded_bytes());
        constant_time_eq(&Sha256::digest(presented), &Sha256::digest(self.0.as_encoded_bytes()))
    }
}

impl std::fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JoinToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> JoinToken {
        JoinToken::parse(text).unwrap()
    }

    #[test]
    fn only_the_same_token_is_admitted() {
        let ours = token("0123456789abcdef\n");
        let mut metadata = MetadataMap::new();
        assert!(!ours.admits(&metadata), "no token");
        token("0123456789abcdeg").attach(&mut metadata);
        assert!(!ours.admits(&metadata), "another token");
        token("  0123456789abcdef").attach(&mut metadata);
        assert!(ours.admits(&metadata));
    }

    #[test]
    fn short_and_unprintable_tokens_are_refused() {
        assert_eq!(JoinToken::parse(" short \n").unwrap_err(), TokenError::Short);
        assert_eq!(JoinToken::parse("0123456789 abcdef").unwrap_err(), TokenError::Characters);
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert_eq!(format!("{:?}", token("0123456789abcdef")), "JoinToken(..)");
    }
}
