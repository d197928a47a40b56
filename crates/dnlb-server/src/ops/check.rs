//! Checks of single values. Every message says what was given and what would be right.

use std::{
    net::{IpAddr, Ipv6Addr},
    ops::RangeInclusive,
};

use dnlb_api::{
    ApiError,
    shape::{Description, InstanceName, Name, TagKey, TagValue, Tags},
    wire,
};
use dnlb_model::{Family, Protocol, Tag};
use ipnet::{IpNet, Ipv6Net};

/// 1 to 32 Chinese characters, digits, letters, `_`, `-`.
pub(super) fn name(field: &str, text: String) -> Result<String, ApiError> {
    let fine = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '-') || ('\u{4e00}'..='\u{9fa5}').contains(&c)
    };
    if Name::LENGTH.contains(&text.chars().count()) && text.chars().all(fine) {
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
    if InstanceName::LENGTH.contains(&length)
        && text.chars().all(fine)
        && !text.starts_with('.')
        && !text.ends_with('.')
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
    if length > Description::LENGTH_MAX {
        return Err(ApiError::invalid(format!(
            "description has {length} characters; at most {} are allowed",
            Description::LENGTH_MAX
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

/// A block of either family whose host bits are zero.
pub(super) fn prefix(field: &str, text: &str) -> Result<IpNet, ApiError> {
    let net: IpNet = text.parse().map_err(|_| {
        ApiError::invalid(format!(
            "{field} `{}` is not an address block such as 10.0.1.0/24 or fd00:0:0:1::/64",
            shown(text)
        ))
    })?;
    if net.trunc() != net {
        return Err(ApiError::invalid(format!(
            "{field} {text} has host bits set; did you mean {}?",
            net.trunc()
        )));
    }
    Ok(net)
}

/// What a private block is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockOf {
    Subnet,
    Vpc,
}

/// The address of health checks with its prefix (RFC 4193), where no instance can be.
const PROBES: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::from_octets(dnlb_abi::PROBE_SOURCE_V6), 40);

/// A block of the private ranges with a mask that its use allows.
pub(super) fn private_prefix(field: &str, text: &str, of: BlockOf) -> Result<IpNet, ApiError> {
    let net = prefix(field, text)?;
    let (masks, ranges) = match (Family::from(net), of) {
        (Family::V4, _) => (16..=28, ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].as_slice()),
        (Family::V6, BlockOf::Subnet) => (64..=112, ["fc00::/7"].as_slice()),
        (Family::V6, BlockOf::Vpc) => (48..=112, ["fc00::/7"].as_slice()),
    };
    if !masks.contains(&net.prefix_len()) {
        let (first, last) = (masks.start(), masks.end());
        return Err(ApiError::invalid(format!("{field} {text}: the mask must be {first} to {last}")));
    }
    let inside = |range: &&str| range.parse::<IpNet>().is_ok_and(|range| range.contains(&net));
    if !ranges.iter().any(inside) {
        return Err(ApiError::invalid(format!("{field} {text} is in none of {}", ranges.join(", "))));
    }
    let probes = IpNet::V6(PROBES.trunc());
    if probes.contains(&net) {
        return Err(ApiError::invalid(format!("{field} {text} is in {probes}, which health checks use")));
    }
    Ok(net)
}

/// Tags of a new resource.
pub(super) fn tags(tags: Option<Vec<wire::Tag>>) -> Result<Vec<Tag>, ApiError> {
    let tags = tags.unwrap_or_default();
    if tags.len() > Tags::COUNT_MAX {
        return Err(ApiError::invalid(format!(
            "{} tags are given; at most {} are allowed",
            tags.len(),
            Tags::COUNT_MAX
        )));
    }
    let mut checked: Vec<Tag> = Vec::new();
    for wire::Tag { key, value } in tags {
        let reserved = TagKey::RESERVED.iter().any(|word| key.starts_with(word));
        let lengths = (key.chars().count(), value.chars().count());
        if !TagKey::LENGTH.contains(&lengths.0) || lengths.1 > TagValue::LENGTH_MAX || reserved {
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

/// Refuses two things of different families that packets would have to cross between.
pub(super) fn same_family(
    one: &dyn std::fmt::Display,
    addr: IpAddr,
    other: &dyn std::fmt::Display,
    other_addr: IpAddr,
) -> Result<(), ApiError> {
    let (family, other_family) = (Family::from(addr), Family::from(other_addr));
    if family == other_family {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "{one} ({addr}) is {family}, {other} ({other_addr}) is {other_family}: both must be of one family"
    )))
}

/// The protocol of a listener or backend service.
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
    use regex::Regex;

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

    /// The document says by a pattern what the check says by characters.
    #[test]
    fn the_patterns_of_names_are_what_the_checks_are() {
        let plain = Regex::new(Name::PATTERN).unwrap();
        let instances = Regex::new(InstanceName::PATTERN).unwrap();
        for c in (0..=0x1_ffff).filter_map(char::from_u32) {
            let text = format!("a{c}");
            assert_eq!(name("n", text.clone()).is_ok(), plain.is_match(&text), "{c:?}");
            // A dot may not be last, and brackets number a batch: of those the pattern knows no more than that.
            if !matches!(c, '.' | '[' | ']') {
                assert_eq!(instance_name(&text).is_ok(), instances.is_match(&text), "{c:?}");
            }
        }
        for length in 0..40 {
            let text = "x".repeat(length);
            assert_eq!(name("n", text.clone()).is_ok(), plain.is_match(&text), "{length}");
        }
    }

    #[test]
    fn blocks() {
        let subnet = |text| private_prefix("p", text, BlockOf::Subnet);
        assert_eq!(subnet("10.1.0.0/16").unwrap().to_string(), "10.1.0.0/16");
        let message = |text| subnet(text).unwrap_err().message;
        assert!(message("10.1.2.3/16").contains("did you mean 10.1.0.0/16"));
        assert!(message("10.0.0.0/15").contains("16 to 28"));
        assert!(message("10.0.0.0/29").contains("16 to 28"));
        assert!(message("8.8.0.0/16").contains("none of"));
        assert!(message("172.32.0.0/16").contains("none of"));
        assert!(message("fd00::/63").contains("64 to 112"));
        assert!(message("fd00::/113").contains("64 to 112"));
        assert!(message("fd00::1/64").contains("did you mean fd00::/64"));
        assert!(message("2001:db8::/64").contains("none of fc00::/7"));
        assert!(message("::ffff:0:0/96").contains("none of fc00::/7"));
        assert!(message("fd64:6e6c:6201::/64").contains("fd64:6e6c:6200::/40, which health checks use"));
        subnet("fd64:6e6c:6301::/64").unwrap();
        subnet("fd00:0:0:1::/64").unwrap();
        subnet("fd00::1:0/112").unwrap();
        private_prefix("p", "fd00::/48", BlockOf::Vpc).unwrap();
        assert!(private_prefix("p", "fd00::/47", BlockOf::Vpc).unwrap_err().message.contains("48 to 112"));
        assert!(message("10.0.0.0").contains("not an address block"));
        prefix("p", "0.0.0.0/0").unwrap();
        prefix("p", "::/0").unwrap();
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
