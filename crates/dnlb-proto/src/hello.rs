//! Who an agent is.

use std::net::IpAddr;

use dnlb_model::HostId;

use crate::{PROTOCOL_VERSION, ParseError, parse, pb};

/// Longest name of a host, zone or rack: what a DNS label takes.
const NAME_BYTES_MAX: usize = 63;

/// What an agent says of its host when it connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The host's name: 1 to 63 of `[A-Za-z0-9._-]`.
    pub host: HostId,
    /// Its zone.
    pub az: String,
    /// Its rack (fault domain).
    pub rack: String,
    /// Its address in the underlay.
    pub underlay: IpAddr,
    /// Whether it is an edge.
    pub edge: bool,
    /// Whether it carries instances.
    pub compute: bool,
}

impl From<&Hello> for pb::Hello {
    fn from(hello: &Hello) -> Self {
        Self {
            protocol: PROTOCOL_VERSION,
            host_id: hello.host.0.clone(),
            az: hello.az.clone(),
            rack: hello.rack.clone(),
            underlay: parse::addr_bytes(hello.underlay),
            edge: hello.edge,
            compute: hello.compute,
            takes_changes: true,
            answers_questions: true,
        }
    }
}

impl TryFrom<pb::Hello> for Hello {
    type Error = ParseError;

    fn try_from(hello: pb::Hello) -> Result<Self, ParseError> {
        if hello.protocol != PROTOCOL_VERSION {
            return Err(ParseError::Version { version: hello.protocol });
        }
        let underlay = parse::addr("hello.underlay", &hello.underlay)?;
        if underlay.is_unspecified() || underlay.is_multicast() {
            return Err(ParseError::Missing { field: "hello.underlay" });
        }
        Ok(Self {
            host: HostId(label("hello.host_id", hello.host_id)?),
            az: label("hello.az", hello.az)?,
            rack: label("hello.rack", hello.rack)?,
            underlay,
            edge: hello.edge,
            compute: hello.compute,
        })
    }
}

fn label(field: &'static str, text: String) -> Result<String, ParseError> {
    let text = parse::name(field, text, NAME_BYTES_MAX)?;
    let usable = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if usable { Ok(text) } else { Err(ParseError::Text { field }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> Hello {
        Hello {
            host: "host-1".into(),
            az: "lab-1a".into(),
            rack: "r1".into(),
            underlay: [192, 0, 2, 1].into(),
            edge: false,
            compute: true,
        }
    }

    #[test]
    fn a_hello_arrives_as_it_was_sent() {
        assert_eq!(Hello::try_from(pb::Hello::from(&hello())), Ok(hello()));
    }

    #[test]
    fn a_hostile_hello_is_refused() {
        let good = || pb::Hello::from(&hello());
        let cases = [
            ("version", pb::Hello { protocol: 2, ..good() }),
            ("no host", pb::Hello { host_id: String::new(), ..good() }),
            ("a path as host", pb::Hello { host_id: "../etc".into(), ..good() }),
            ("long rack", pb::Hello { rack: "r".repeat(64), ..good() }),
            ("no address", pb::Hello { underlay: vec![], ..good() }),
            ("any address", pb::Hello { underlay: vec![0; 4], ..good() }),
        ];
        for (what, message) in cases {
            assert!(Hello::try_from(message).is_err(), "{what}");
        }
    }
}
