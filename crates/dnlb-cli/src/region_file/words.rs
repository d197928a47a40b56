//! Words of a region file that stand for a choice, with the API's words for the same.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Declares a choice: its name in the file and in the API.
macro_rules! choices {
    ($($(#[doc = $doc:literal])+ $name:ident { $($variant:ident $word:literal $wire:literal,)* })*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub(crate) enum $name {
            $(#[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// From the API's word.
            pub(crate) fn from_wire(word: &str) -> Option<Self> {
                match word {
                    $($wire => Some(Self::$variant),)*
                    _ => None,
                }
            }

            /// The API's word for a word of the file.
            pub(crate) fn wire_of(word: &str) -> Option<&'static str> {
                match word {
                    $($word => Some($wire),)*
                    _ => None,
                }
            }
        }
    )*};
}

choices! {
    /// What is balanced.
    Protocol { Tcp "tcp" "Tcp", Udp "udp" "Udp", }

    /// How a connection chooses its member.
    Algorithm { IpHash "ip-hash" "IpHash", QuintupleHash "quintuple-hash" "QuintupleHash", }

    /// What happens to new connections while no member is fit.
    WithoutMember { Drop "drop" "Drop", FailOpen "fail-open" "FailOpen", Reset "reset" "Reset", }

    /// How targets are checked.
    CheckProtocol { Http "http" "Http", Icmp "icmp" "Icmp", Tcp "tcp" "Tcp", }

    /// What a network ACL does with a packet.
    Action { Allow "allow" "allow", Deny "deny" "deny", }

    /// Seen from the instance or subnet; the wire's word is that of network ACLs.
    Direction { In "in" "ingress", Out "out" "egress", }

    /// What a rule looks at; the wire's word is that of network ACLs.
    RuleProtocol { All "all" "All", Icmp "icmp" "ICMP", Tcp "tcp" "TCP", Udp "udp" "UDP", }
}

impl RuleProtocol {
    /// Whether its packets have ports.
    pub(crate) fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp)
    }

    /// From the number that security groups have for it.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        match number {
            300 => Some(Self::All),
            1 => Some(Self::Icmp),
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            _ => None,
        }
    }
}

/// Ports of a rule: one, or a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ports {
    pub(crate) first: u16,
    pub(crate) last: u16,
}

impl Ports {
    /// Every port there is: the same as not naming any.
    pub(crate) const ALL: Self = Self { first: 1, last: 65_535 };

    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self { first: first.trim().parse().ok()?, last: last.trim().parse().ok()? };
        (0 < ports.first && ports.first <= ports.last).then_some(ports)
    }
}

impl Serialize for Ports {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.first == self.last {
            serializer.serialize_u16(self.first)
        } else {
            serializer.serialize_str(&format!("{}-{}", self.first, self.last))
        }
    }
}

impl<'de> Deserialize<'de> for Ports {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl de::Visitor<'_> for Visitor {
            type Value = Ports;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a port or a range of ports, such as 80 or 1024-65535")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Ports, E> {
                Ports::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Ports, E> {
                self.visit_str(&number.to_string())
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Ports, E> {
                self.visit_str(&number.to_string())
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn ports_are_one_or_a_range() {
        let read =
            |value: Value| serde_json::from_value::<Ports>(value).map(|ports| (ports.first, ports.last));
        assert_eq!(read(json!(80)).unwrap(), (80, 80));
        assert_eq!(read(json!("80")).unwrap(), (80, 80));
        assert_eq!(read(json!("1024-65535")).unwrap(), (1024, 65_535));
        for wrong in [json!(0), json!(65_536), json!(-1), json!("9-1"), json!("a"), json!("")] {
            assert!(read(wrong.clone()).is_err(), "{wrong}");
        }
        assert_eq!(serde_json::to_value(Ports { first: 80, last: 80 }).unwrap(), 80);
        assert_eq!(serde_json::to_value(Ports { first: 8, last: 80 }).unwrap(), "8-80");
    }

    #[test]
    fn words_have_their_counterparts() {
        assert_eq!(WithoutMember::from_wire("FailOpen"), Some(WithoutMember::FailOpen));
        assert_eq!(WithoutMember::wire_of("fail-open"), Some("FailOpen"));
        assert_eq!(serde_json::to_value(WithoutMember::FailOpen).unwrap(), "fail-open");
        assert_eq!(Direction::from_wire("ingress"), Some(Direction::In));
        assert_eq!(Direction::from_wire("in"), None);
        assert_eq!(RuleProtocol::from_number(17), Some(RuleProtocol::Udp));
    }
}
