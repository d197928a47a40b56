//! Percent-encoding as the clients do it.

use std::fmt::Write as _;

/// Decodes `%XX`; what is no valid escape stays as it is. Bytes that are no UTF-8 become U+FFFD.
#[must_use]
pub fn unquote(text: &str) -> String {
    decode(text, false)
}

/// As [`unquote`], and `+` is a blank.
#[must_use]
pub fn unquote_plus(text: &str) -> String {
    decode(text, true)
}

/// Encodes everything but letters, digits, `-._~` and the characters of `safe`.
#[must_use]
pub fn quote(text: &str, safe: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for &byte in text.as_bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || safe.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
    }
    encoded
}

fn decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%').then(|| bytes.get(at + 1..at + 3)).flatten().and_then(|two| {
            let high = char::from(two[0]).to_digit(16)?;
            let low = char::from(two[1]).to_digit(16)?;
            u8::try_from(high * 16 + low).ok()
        });
        match escape {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(if plus && bytes[at] == b'+' { b' ' } else { bytes[at] });
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes() {
        assert_eq!(unquote_plus("a%2Bb+c%3a%"), "a+b c:%");
        assert_eq!(unquote("a+b%4"), "a+b%4");
        assert_eq!(unquote("%FF"), "\u{fffd}");
        assert_eq!(quote("a b/c:~é", b"/"), "a%20b/c%3A~%C3%A9");
    }

    proptest! {
        #[test]
        fn decoding_undoes_encoding_and_nothing_panics(text: String) {
            prop_assert_eq!(unquote(&quote(&text, b"")), text.clone());
            let _ = unquote_plus(&text);
        }
    }
}
