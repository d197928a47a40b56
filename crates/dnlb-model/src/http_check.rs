//! What a health check by HTTP asks for and what it takes for a good answer: values that are right once they are parsed.
//!
//! The rules are those of the wire format's `HealthCheckSpec`, whoever brings the text: the API, a region file, an
//! agent's configuration. None of these values can carry a line break into a request.

use std::{fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Serialize};

/// A health check by HTTP: `GET` of a path, and which codes are good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct HttpCheck {
    /// Who is asked for; none: the target's address.
    pub domain: Option<HttpDomain>,
    /// What is asked for.
    pub path: HttpPath,
    /// Codes that make a check good.
    pub codes: StatusCodes,
}

/// Why a text is no part of a health check by HTTP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpCheckError {
    /// Neither a code nor a range nor a class.
    #[error(
        "`{word}` is no code from 200 to 499, no range of them such as 201-205, and none of 2xx, 3xx and 4xx"
    )]
    Code {
        /// The beginning of what stands there.
        word: String,
    },
    /// More codes than anybody needs.
    #[error("{count} codes and ranges; at most {} are allowed", StatusCodes::COUNT_MAX)]
    Codes {
        /// How many there are.
        count: usize,
    },
    /// Neither a name nor an address.
    #[error("a domain has letters, digits, `-` and `.`, or it is an address")]
    Domain,
    /// Too long.
    #[error("{length} characters; at most {most} are allowed")]
    Length {
        /// How many characters there are.
        length: usize,
        /// How many may be there.
        most: usize,
    },
    /// A character that has no place in a path.
    #[error("a path does not have {character:?}")]
    PathCharacter {
        /// The character.
        character: char,
    },
    /// A percent sign that escapes nothing.
    #[error("`%` stands before two hexadecimal digits")]
    PathEscape,
    /// It begins with something else.
    #[error("a path begins with `/`")]
    PathStart,
}

/// A domain or an address, as `Host` of a request names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpDomain(String);

impl HttpDomain {
    /// Characters that it has at most.
    pub const LENGTH_MAX: usize = 255;

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in the header `Host`: addresses of IPv6 in brackets.
    #[must_use]
    pub fn host(&self) -> String {
        if self.0.contains(':') { format!("[{}]", self.0) } else { self.0.clone() }
    }
}

impl FromStr for HttpDomain {
    type Err = HttpCheckError;

    fn from_str(text: &str) -> Result<Self, HttpCheckError> {
        let length = text.chars().count();
        if length > Self::LENGTH_MAX {
            return Err(HttpCheckError::Length { length, most: Self::LENGTH_MAX });
        }
        let named = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if named || text.parse::<Ipv6Addr>().is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(HttpCheckError::Domain)
        }
    }
}

/// A path with its query, as users write it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HttpPath(String);

impl HttpPath {
    /// Characters that it has at most.
    pub const LENGTH_MAX: usize = 1000;

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// As it stands in a request.
    ///
    /// Users may write characters that URLs have no place for, such as Chinese ones; these are sent as their bytes in
    /// UTF-8, escaped. So is `#`: a path is all that there is, and what follows is not for a browser.
    #[must_use]
    pub fn encoded(&self) -> String {
        let mut encoded = String::with_capacity(self.0.len());
        for character in self.0.chars() {
            if character.is_ascii() && !"#<>[]^{}".contains(character) {
                encoded.push(character);
            } else {
                let mut bytes = [0; 4];
                let escaped = character.encode_utf8(&mut bytes).bytes().map(|byte| format!("%{byte:02X}"));
                encoded.extend(escaped);
            }
        }
        encoded
    }
}

impl Default for HttpPath {
    fn default() -> Self {
        Self("/".to_owned())
    }
}

impl FromStr for HttpPath {
    type Err = HttpCheckError;

    fn from_str(text: &str) -> Result<Self, HttpCheckError> {
        let length = text.chars().count();
        if length > Self::LENGTH_MAX {
            return Err(HttpCheckError::Length { length, most: Self::LENGTH_MAX });
        }
        if !text.starts_with('/') {
            return Err(HttpCheckError::PathStart);
        }
        let fine = |c: &char| {
            c.is_ascii_alphanumeric()
                || "-/.%?#&_;~!()*[]@^:',+=<>{}".contains(*c)
                || ('\u{4e00}'..='\u{9fa5}').contains(c)
        };
        if let Some(character) = text.chars().find(|c| !fine(c)) {
            return Err(HttpCheckError::PathCharacter { character });
        }
        let escapes = |rest: &str| {
            let digits = rest.as_bytes().first_chunk::<2>();
            digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        };
        if text.split('%').skip(1).all(escapes) {
            Ok(Self(text.to_owned()))
        } else {
            Err(HttpCheckError::PathEscape)
        }
    }
}

/// Codes of replies: single ones and ranges, in the order in which they were written.
///
/// # Invariants
/// At least one range, none twice; each within 200 to 499.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StatusCodes(Vec<(u16, u16)>);

impl StatusCodes {
    /// Codes and ranges that there are at most.
    pub const COUNT_MAX: usize = 32;

    /// Whether a code is among them.
    #[must_use]
    pub fn contains(&self, code: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&code))
    }

    /// The same in words, each in the shortest one: `200`, `201-205`, `3xx`.
    pub fn words(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|&(first, last)| match (first, last) {
            (first, last) if first == last => first.to_string(),
            (first, last) if first % 100 == 0 && last == first + 99 => format!("{}xx", first / 100),
            (first, last) => format!("{first}-{last}"),
        })
    }
}

impl Default for StatusCodes {
    fn default() -> Self {
        Self(vec![(200, 299), (300, 399)])
    }
}

impl fmt::Display for StatusCodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words().collect::<Vec<_>>().join(","))
    }
}

impl FromStr for StatusCodes {
    type Err = HttpCheckError;

    fn from_str(text: &str) -> Result<Self, HttpCheckError> {
        let count = text.split(',').count();
        if count > Self::COUNT_MAX {
            return Err(HttpCheckError::Codes { count });
        }
        let mut ranges = Vec::new();
        for word in text.split(',') {
            let wrong = || HttpCheckError::Code { word: word.chars().take(16).collect() };
            let range = range(word).ok_or_else(wrong)?;
            if !ranges.contains(&range) {
                ranges.push(range);
            }
        }
        Ok(Self(ranges))
    }
}

/// The first and the last code that a word means.
fn range(word: &str) -> Option<(u16, u16)> {
    if let Some(class) = word.strip_suffix("xx") {
        let first = match class {
            "2" => 200,
            "3" => 300,
            "4" => 400,
            _ => return None,
        };
        return Some((first, first + 99));
    }
    match word.split_once('-') {
        None => code(word).map(|code| (code, code)),
        Some((first, last)) => code(first).zip(code(last)).filter(|(first, last)| first < last),
    }
}

fn code(word: &str) -> Option<u16> {
    // Three digits and nothing else: numbers of another length are out of range, signs are no digits.
    let digits = word.len() == 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    word.parse().ok().filter(|code| digits && (200..=499).contains(code))
}

/// Texts that are kept and sent are what was parsed.
macro_rules! texts {
    ($($name:ident)*) => {$(
        impl TryFrom<String> for $name {
            type Error = HttpCheckError;

            fn try_from(text: String) -> Result<Self, HttpCheckError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )*};
}

texts! { HttpDomain HttpPath StatusCodes }

impl fmt::Display for HttpDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HttpPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(text: &str) -> Result<StatusCodes, HttpCheckError> {
        text.parse()
    }

    #[test]
    fn codes_are_single_ones_ranges_and_classes() {
        let some = codes("200,202-207,302,4xx").unwrap();
        for code in [200, 202, 207, 302, 400, 499] {
            assert!(some.contains(code), "{code}");
        }
        for code in [199, 201, 208, 301, 303, 500] {
            assert!(!some.contains(code), "{code}");
        }
        assert_eq!(some.to_string(), "200,202-207,302,4xx");
        assert_eq!(
            codes("200-299,3xx,2xx,200-200").unwrap_err(),
            HttpCheckError::Code { word: "200-200".into() }
        );
        assert_eq!(codes("200-299,3xx,2xx").unwrap(), StatusCodes::default(), "said twice, kept once");
        assert_eq!(StatusCodes::default().to_string(), "2xx,3xx");
        assert_eq!(codes("200-499").unwrap().to_string(), "200-499");
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for wrong in [
            "", "199", "500", "1xx", "5xx", "xx", "2XX", "2xxx", "200-", "-200", "299-200", "200-500", "+20",
            "0200", "200,", ",200", "200 ", "200;201", "http_2xx",
        ] {
            assert!(matches!(codes(wrong), Err(HttpCheckError::Code { .. })), "{wrong:?}");
        }
        let many = |count: u16| (200..200 + count).map(|code| code.to_string()).collect::<Vec<_>>().join(",");
        assert!(codes(&many(32)).is_ok());
        assert_eq!(codes(&many(33)), Err(HttpCheckError::Codes { count: 33 }));
    }

    #[test]
    fn a_path_is_kept_as_written_and_sent_as_urls_are() {
        let path = |text: &str| text.parse::<HttpPath>();
        for (written, sent) in [
            ("/", "/"),
            ("/health?deep=1&a=%2F;b~!()*@:',+_-.", "/health?deep=1&a=%2F;b~!()*@:',+_-."),
            ("/健", "/%E5%81%A5"),
            ("/#[]^<>{}", "/%23%5B%5D%5E%3C%3E%7B%7D"),
        ] {
            let path = path(written).unwrap();
            assert_eq!((path.as_str(), path.encoded().as_str()), (written, sent));
        }
        assert_eq!(path(""), Err(HttpCheckError::PathStart));
        assert_eq!(path("health"), Err(HttpCheckError::PathStart));
        for character in [' ', '\r', '\n', '"', '\\', '|', '$', '`', 'é', '\u{9fa6}', '\0'] {
            assert_eq!(path(&format!("/{character}")), Err(HttpCheckError::PathCharacter { character }));
        }
        for wrong in ["/%", "/%2", "/%g0", "/%2%20", "/%健"] {
            assert_eq!(path(wrong), Err(HttpCheckError::PathEscape), "{wrong}");
        }
        assert!(path(&format!("/{}", "健".repeat(999))).is_ok());
        assert_eq!(path(&"/".repeat(1001)), Err(HttpCheckError::Length { length: 1001, most: 1000 }));
    }

    #[test]
    fn a_domain_is_a_name_or_an_address() {
        let domain = |text: &str| text.parse::<HttpDomain>();
        for (written, host) in [
            ("Shop-1.example.com", "Shop-1.example.com"),
            ("10.0.0.5", "10.0.0.5"),
            ("fd00::1", "[fd00::1]"),
            ("::ffff:10.0.0.5", "[::ffff:10.0.0.5]"),
        ] {
            assert_eq!(domain(written).unwrap().host(), host);
        }
        for wrong in ["", "a b", "a_b", "a:80", "a/b", "a\r\nb", "[::1]", "店.example", "fd00::g"] {
            assert_eq!(domain(wrong), Err(HttpCheckError::Domain), "{wrong:?}");
        }
        assert!(domain(&"x".repeat(255)).is_ok());
        assert_eq!(domain(&"x".repeat(256)), Err(HttpCheckError::Length { length: 256, most: 255 }));
    }
}
