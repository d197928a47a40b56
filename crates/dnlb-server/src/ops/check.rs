//! Checks of single values. Every message says what was given and what would be right.

use std::ops::RangeInclusive;

use dnlb_api::{ApiError, wire};
use dnlb_model::{Protocol, Tag};
use ipnet::{IpNet, Ipv4Net};

/// 1 to 32 Chinese characters, digits, letters, `_`, `-`.
pub(super) fn name(field: &str, text: String) -> Result<String, ApiError> {
    let fine = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || ('\u{4e00}'..='\u{9fa5}').contains(&c)
    };
    if (1..=32).contains(&text.chars().count()) && text.chars().all(fine) {
        return Ok(text);
    }
    Err(ApiError::invalid(format!(
        "{field} `{}` is not valid: 1 to 32 characters out of letters, digits, `_`, `-` and Chinese characters",
        shown(&text)
    )))
}

/// 2 to 128 characters as in other names, and `.` inside.
pub(super) fn instance_name(text: &str) -> Result<(), ApiError> {
    let fine = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || ('\u{4e00}'..='\u{9fa5}').contains(&c)
    };
    let length = text.chars().count();
    if (2..=128).contains(&length) && text.chars().all(fine) && !text.starts_with('.') && !text.ends_with('.')
    {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "name `{}` is not valid: 2 to 128 characters out of letters, digits, `_`, `-`, `.` (not first or last) and \
         Chinese characters",
        shown(text)
    )))
}

/// At most 256 characters.
pub(super) fn description(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    let length = text.chars().count();
    if length > 256 {
        return Err(ApiError::invalid(format!(
            "description has {length} characters; at most 256 are allowed"
        )));
    }
    Ok(text)
}

/// A number in a range.
pub(super) fn number<T: TryFrom<i64>>(
    field: &str,
    value: i64,
    range: RangeInclusive<i64>,
) -> Result<T, ApiError> {
    let wrong = || {
        ApiError::invalid(format!("{field} {value} is out of range: {} to {}", range.start(), range.end()))
    };
    if !range.contains(&value) {
        return Err(wrong());
    }
    T::try_from(value).map_err(|_| wrong())
}

/// An IPv4 block whose host bits are zero.
pub(super) fn prefix(field: &str, text: &str) -> Result<Ipv4Net, ApiError> {
    let net = match text.parse() {
        Ok(IpNet::V4(net)) => net,
        Ok(IpNet::V6(_)) => {
            return Err(ApiError::invalid(format!(
                "{field} `{text}`: IPv6 is not supported yet, give an IPv4 block"
            )));
        }
        Err(_) => {
            return Err(ApiError::invalid(format!(
                "{field} `{}` is not an address block such as 10.0.1.0/24",
                shown(text)
            )));
        }
    };
    if net.trunc() != net {
        return Err(ApiError::invalid(format!(
            "{field} {text} has host bits set; did you mean {}?",
            net.trunc()
        )));
    }
    Ok(net)
}

/// An IPv4 block of the private ranges with a mask of 16 to 28.
pub(super) fn private_prefix(field: &str, text: &str) -> Result<Ipv4Net, ApiError> {
    let net = prefix(field, text)?;
    if !(16..=28).contains(&net.prefix_len()) {
        return Err(ApiError::invalid(format!("{field} {text}: the mask must be 16 to 28")));
    }
    let ranges = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let inside = |range: &&str| range.parse::<Ipv4Net>().is_ok_and(|range| range.contains(&net));
    if !ranges.iter().any(inside) {
        return Err(ApiError::invalid(format!("{field} {text} is in none of {}", ranges.join(", "))));
    }
    Ok(net)
}

/// Tags of a new resource.
pub(super) fn tags(tags: Option<Vec<wire::Tag>>) -> Result<Vec<Tag>, ApiError> {
    let tags = tags.unwrap_or_default();
    if tags.len() > 10 {
        return Err(ApiError::invalid(format!("{} tags are given; at most 10 are allowed", tags.len())));
    }
    let mut checked: Vec<Tag> = Vec::new();
    for wire::Tag { key, value } in tags {
        let reserved = key.starts_with("jrn:") || key.starts_with("jdc-");
        if key.is_empty() || key.chars().count() > 127 || value.chars().count() > 255 || reserved {
            return Err(ApiError::invalid(format!(
                "tag `{}`: a key has 1 to 127 characters and does not start with jrn: or jdc-, a value at most 255",
                shown(&key)
            )));
        }
        if checked.iter().any(|tag| tag.key == key) {
            return Err(ApiError::invalid(format!("tag `{key}` is given twice")));
        }
        checked.push(Tag { key, value });
    }
    Ok(checked)
}

/// The protocol of a listener or backend service. The data path of this version carries TCP over IPv4 only.
pub(super) fn protocol(text: &str) -> Result<Protocol, ApiError> {
    if text.eq_ignore_ascii_case("tcp") {
        return Ok(Protocol::Tcp);
    }
    if text.eq_ignore_ascii_case("udp") {
        return Ok(Protocol::Udp);
    }
    Err(ApiError::invalid(format!(
        "protocol `{}` is not supported: a dnlb balances Tcp and Udp",
        shown(text)
    )))
}

/// Refuses what was asked for and cannot be honoured.
pub(super) fn refuse(asked: bool, field: &str, why: &str) -> Result<(), ApiError> {
    if asked { Err(ApiError::invalid(format!("{field} is not supported: {why}"))) } else { Ok(()) }
}

/// Refuses the fields that are asked for, with one reason for all of them.
pub(super) fn refuse_all(fields: &[(&str, bool)], why: &str) -> Result<(), ApiError> {
    fields.iter().try_for_each(|(field, asked)| refuse(*asked, field, why))
}

/// The beginning of a text: messages do not grow with what somebody sends.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "web-1_X", "名称", &"x".repeat(32)] {
            name("n", good.to_owned()).unwrap();
        }
        for bad in ["", "a b", "a.b", "é", &"x".repeat(33)] {
            assert_eq!(name("n", bad.to_owned()).unwrap_err().code, 400, "{bad}");
        }
        for good in ["ab", "a.b", &"x".repeat(128)] {
            instance_name(good).unwrap();
        }
        for bad in ["a", ".ab", "ab.", "a b", &"x".repeat(129)] {
            assert_eq!(instance_name(bad).unwrap_err().code, 400, "{bad}");
        }
    }

    #[test]
    fn blocks() {
        assert_eq!(private_prefix("p", "10.1.0.0/16").unwrap().to_string(), "10.1.0.0/16");
        let message = |text| private_prefix("p", text).unwrap_err().message;
        assert!(message("10.1.2.3/16").contains("did you mean 10.1.0.0/16"));
        assert!(message("10.0.0.0/15").contains("16 to 28"));
        assert!(message("10.0.0.0/29").contains("16 to 28"));
        assert!(message("8.8.0.0/16").contains("none of"));
        assert!(message("172.32.0.0/16").contains("none of"));
        assert!(message("fd00::/64").contains("IPv6"));
        assert!(message("10.0.0.0").contains("not an address block"));
        prefix("p", "0.0.0.0/0").unwrap();
    }

    #[test]
    fn numbers_say_their_range() {
        assert_eq!(number::<u16>("port", 65_535, 1..=65_535).unwrap(), 65_535);
        assert_eq!(
            number::<u16>("port", 65_536, 1..=65_535).unwrap_err().message,
            "port 65536 is out of range: 1 to 65535"
        );
    }
}
