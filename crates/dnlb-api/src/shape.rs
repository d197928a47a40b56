//! Shapes of single values: which numbers, words and texts a field takes.
//!
//! The server's checks and the document that describes the API (`/openapi.json`) take them from here, so they cannot
//! tell different stories. A model names the shape of a field with `as`: `port: i64 as "Port"`.

use std::{borrow::Cow, ops::RangeInclusive};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Declares whole numbers in a range.
macro_rules! numbers {
    ($($(#[doc = $doc:literal])+ $name:ident $range:expr;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $name {
            /// What is allowed.
            pub const RANGE: RangeInclusive<i64> = $range;
        }

        inline!($name, json_schema!({
            "type": "integer",
            "minimum": Self::RANGE.start(),
            "maximum": Self::RANGE.end(),
        }));
    )*};
}

/// Declares sets of words, or of numbers that stand for words.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty, $kind:literal, [$($word:literal),+];)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $name {
            /// What is allowed.
            pub const WORDS: &[$type] = &[$($word),+];
        }

        inline!($name, json_schema!({ "type": $kind, "enum": Self::WORDS }));
    )*};
}

/// Declares shapes by their schemas.
macro_rules! schemas {
    ($($(#[doc = $doc:literal])+ $name:ident $schema:tt;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        inline!($name, json_schema!($schema));
    )*};
}

/// Shapes stand where they are used: a name of their own would only send the reader elsewhere.
macro_rules! inline {
    ($name:ident, $schema:expr) => {
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

numbers! {
    /// How many things one request makes.
    Batch 1..=100;

    /// Bandwidth of an elastic IP, in Mbit/s.
    Bandwidth 1..=200;

    /// Seconds between two health checks.
    CheckInterval 5..=300;

    /// Seconds that a health check waits for its answer.
    CheckTimeout 2..=60;

    /// Results in a row that change what is thought of a target.
    CheckThreshold 1..=5;

    /// Bytes of an instance's console that one reply shows.
    ConsoleBytes 1..=65_536;

    /// Seconds for which a target that left keeps its connections.
    Draining 0..=3600;

    /// Seconds for which a rotated access key counts beside its successor.
    Grace 0..=2_592_000;

    /// Seconds without a packet after which a connection is forgotten.
    IdleTime 10..=86_400;

    /// A page, from 1. Past the end, the last one is meant.
    PageNumber 1..=i64::MAX;

    /// Most records of a reply.
    Results 1..=1000;

    /// Items of a page.
    PageSize 10..=100;

    /// A port.
    Port 1..=65_535;

    /// A port, or 0: the one that gets the traffic.
    PortOrZero 0..=65_535;

    /// Order of a network ACL's rules: the smallest is asked first.
    Priority 1..=32_768;

    /// The packets that a trace may tell of.
    TraceCount 1..=dnlb_model::TraceQuery::COUNT_MAX as i64;

    /// The seconds that a trace may take.
    TraceSeconds 1..=dnlb_model::TraceQuery::SECONDS_MAX as i64;

    /// Weight of a target.
    Weight 1..=100;
}

words! {
    /// Kinds of an availability group's instances.
    AgKind: &str, "string", ["vm", "kvm", "container"];

    /// Scheduling algorithms: by source address, or by the five-tuple.
    Algorithm: &str, "string", ["IpHash", "QuintupleHash"];

    /// What a load balancer may be told.
    BalancerAction: &str, "string", ["Start", "Stop"];

    /// What a load balancer is.
    BalancerKind: &str, "string", ["dnlb"];

    /// States of a load balancer.
    BalancerState: &str, "string", ["ACTIVE", "DOWN"];

    /// Protocols of health checks.
    CheckProtocol: &str, "string", ["Tcp", "Icmp", "Http"];

    /// How an availability group is bound to its template.
    ConfigurationKind: &str, "string", ["strict"];

    /// Directions of a security group's rules: 0 in, 1 out.
    DirectionNumber: i64, "integer", [0, 1];

    /// Directions of a network ACL's rules.
    DirectionWord: &str, "string", ["ingress", "egress"];

    /// Whether an elastic IP is bound.
    EipStatus: &str, "string", ["ASSOCIATED", "NOT_ASSOCIATED"];

    /// Versions of the Internet protocol.
    Family: i64, "integer", [4, 6];

    /// What becomes of a packet on a host.
    FlowFate: &str, "string", ["Answered", "Delivered", "Ended", "Left", "Sent"];

    /// Protocols of flows that are explained.
    FlowProtocol: &str, "string", ["Tcp", "Udp", "Icmp"];

    /// What a listener does.
    ListenerAction: &str, "string", ["Forward"];

    /// States of a host.
    HostState: &str, "string", ["Down", "Up"];

    /// Versions of HTTP that health checks speak.
    HttpVersion: &str, "string", ["HTTP1.1"];

    /// What a member of a target group is.
    GroupKind: &str, "string", ["instance"];

    /// States of an instance.
    InstanceStatus: &str, "string", ["pending", "starting", "running", "stopping", "stopped", "error"];

    /// Units of metrics: so many a second, bytes a second, so many.
    MetricUnit: &str, "string", ["1/s", "B/s", "1"];

    /// What has metrics.
    MetricsOf: &str, "string", ["listener", "loadBalancer", "target", "host"];

    /// Seconds of a point of a metric.
    MetricsStep: i64, "integer", [1, 5, 10, 30, 60, 300, 900, 3600, 21600, 86400];

    /// Off and on.
    OnOff: &str, "string", ["On", "Off"];

    /// Protocols of listeners and backend services.
    Protocol: &str, "string", ["Tcp", "Udp"];

    /// What kind of outcome a packet has had: it went where it should, was refused with an answer, or was dropped.
    OutcomeKind: &str, "string", ["Done", "Refused", "Dropped"];

    /// Providers of elastic IPs; they make no difference here.
    Provider: &str, "string", ["bgp", "no_bgp"];

    /// Quotas of service `vpc`.
    QuotaKind: &str, "string", ["vpc", "elastic_ip", "subnet", "security_group", "acl", "aclRule", "securityGroupRule"];

    /// What a rule of a network ACL does.
    RuleAction: &str, "string", ["allow", "deny"];

    /// Roles of users.
    RoleWord: &str, "string", ["Viewer", "Operator", "Admin"];

    /// Who made a rule.
    RuleKind: &str, "string", ["custom"];

    /// Protocols of a security group's rules: 300 all, 6 TCP, 17 UDP, 1 ICMP.
    RuleProtocolNumber: i64, "integer", [300, 6, 17, 1];

    /// Protocols of a network ACL's rules.
    RuleProtocolWord: &str, "string", ["All", "TCP", "UDP", "ICMP"];

    /// Orders of a list: oldest first, newest first, by name, by name from the end.
    SortWord: &str, "string", ["createdTime", "-createdTime", "name", "-name"];

    /// The one kind of zones, networks and addresses that there is.
    Standard: &str, "string", ["standard"];

    /// Health of a target; `N/A` while its backend service does not check.
    TargetHealth: &str, "string", ["healthy", "unhealthy", "N/A"];

    /// What a target is.
    TargetKind: &str, "string", ["vm", "container"];

    /// What happens to new connections while no member is fit to take them.
    WithoutMember: &str, "string", ["Reset", "Drop", "FailOpen"];
}

/// A password.
#[derive(Clone, Copy, Debug)]
pub struct Password;

impl Password {
    /// Characters that it has.
    pub const LENGTH: RangeInclusive<usize> = 10..=128;
}

inline!(
    Password,
    json_schema!({ "type": "string", "minLength": Password::LENGTH.start(), "maxLength": Password::LENGTH.end() })
);

/// A name: letters, digits, `_`, `-` and Chinese characters.
#[derive(Clone, Copy, Debug)]
pub struct Name;

impl Name {
    /// How many characters.
    pub const LENGTH: RangeInclusive<usize> = 1..=32;
    /// Which; what the check in the server is, in other words.
    pub const PATTERN: &str = "^[A-Za-z0-9_\u{4e00}-\u{9fa5}-]{1,32}$";
}

inline!(Name, json_schema!({ "type": "string", "pattern": Self::PATTERN }));

/// The name of an instance. With `[001]` in it, the names of a batch are numbered from there.
#[derive(Clone, Copy, Debug)]
pub struct InstanceName;

impl InstanceName {
    /// How many characters.
    pub const LENGTH: RangeInclusive<usize> = 2..=128;
    /// Which.
    pub const PATTERN: &str = r"^[A-Za-z0-9_\[\]一-龥-][A-Za-z0-9_.\[\]一-龥-]*$";
}

inline!(
    InstanceName,
    json_schema!({
        "type": "string",
        "minLength": Self::LENGTH.start(),
        // And two brackets.
        "maxLength": Self::LENGTH.end() + 2,
        "pattern": Self::PATTERN,
    })
);

/// A sentence for people.
#[derive(Clone, Copy, Debug)]
pub struct Description;

impl Description {
    /// How many characters, at most.
    pub const LENGTH_MAX: usize = 256;
}

inline!(Description, json_schema!({ "type": "string", "maxLength": Self::LENGTH_MAX }));

/// Codes of replies by HTTP: single ones, ranges and classes, or lists of them.
#[derive(Clone, Copy, Debug)]
pub struct HttpCodes;

impl HttpCodes {
    /// A text of the list.
    pub const PATTERN: &str =
        "^([234]xx|[234][0-9]{2}(-[234][0-9]{2})?)(,([234]xx|[234][0-9]{2}(-[234][0-9]{2})?))*$";
}

inline!(
    HttpCodes,
    json_schema!({
        "type": "array",
        "maxItems": dnlb_model::StatusCodes::COUNT_MAX,
        "items": { "type": "string", "pattern": Self::PATTERN },
    })
);

/// Whom a health check by HTTP asks for: a domain or an address, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct HttpDomain;

impl HttpDomain {
    /// Which characters; an address of IPv6 has others.
    pub const PATTERN: &str = "^([A-Za-z0-9.-]*|[0-9A-Fa-f.]*:[0-9A-Fa-f.:]*)$";
}

inline!(
    HttpDomain,
    json_schema!({
        "type": "string",
        "maxLength": dnlb_model::HttpDomain::LENGTH_MAX,
        "pattern": Self::PATTERN,
    })
);

/// What a health check by HTTP asks for, or nothing.
#[derive(Clone, Copy, Debug)]
pub struct HttpPath;

impl HttpPath {
    /// Which characters; the check in the model says the same in other words.
    pub const PATTERN: &str = r"^(/([A-Za-z0-9一-龥/.?#&_;~!()*\[\]@^:',+=<>{}-]|%[0-9A-Fa-f]{2})*)?$";
}

inline!(
    HttpPath,
    json_schema!({
        "type": "string",
        "maxLength": dnlb_model::HttpPath::LENGTH_MAX,
        "pattern": Self::PATTERN,
    })
);

/// What a client calls a request, so that the server knows it again.
#[derive(Clone, Copy, Debug)]
pub struct ClientToken;

impl ClientToken {
    /// How many characters, at most.
    pub const LENGTH_MAX: usize = 64;
}

inline!(ClientToken, json_schema!({ "type": "string", "maxLength": Self::LENGTH_MAX }));

/// The key of a tag.
#[derive(Clone, Copy, Debug)]
pub struct TagKey;

impl TagKey {
    /// How many characters.
    pub const LENGTH: RangeInclusive<usize> = 1..=127;
    /// With what it must not begin.
    pub const RESERVED: [&str; 2] = ["jrn:", "jdc-"];
}

inline!(
    TagKey,
    json_schema!({
        "type": "string",
        "minLength": Self::LENGTH.start(),
        "maxLength": Self::LENGTH.end(),
        "pattern": "^(?!jrn:|jdc-)",
    })
);

/// The value of a tag.
#[derive(Clone, Copy, Debug)]
pub struct TagValue;

impl TagValue {
    /// How many characters, at most.
    pub const LENGTH_MAX: usize = 255;
}

inline!(TagValue, json_schema!({ "type": "string", "maxLength": Self::LENGTH_MAX }));

/// Tags of a new resource.
#[derive(Clone, Copy, Debug)]
pub struct Tags;

impl Tags {
    /// How many, at most.
    pub const COUNT_MAX: usize = 10;
}

impl JsonSchema for Tags {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Tags".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let tag = generator.subschema_for::<crate::wire::Tag>();
        json_schema!({ "type": "array", "maxItems": Self::COUNT_MAX, "items": tag })
    }
}

schemas! {
    /// An address of either family.
    Address { "type": "string", "pattern": "^[0-9A-Fa-f.:]+$" };

    /// An address of either family, or nothing.
    AddressOrEmpty { "type": "string", "pattern": "^[0-9A-Fa-f.:]*$" };

    /// A block of addresses, host bits zero: `10.0.1.0/24`, `fd00:0:0:1::/64`.
    Block { "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$" };

    /// A block of addresses, or nothing.
    BlockOrEmpty { "type": "string", "pattern": "^([0-9A-Fa-f.:]+/[0-9]{1,3})?$" };

    /// A field that every value is refused in.
    Never { "type": "null" };

    /// A list that must be empty.
    NoItems { "type": "array", "maxItems": 0 };

    /// A text that must be empty.
    NoText { "type": "string", "maxLength": 0 };

    /// A list of at least one text.
    SomeTexts { "type": "array", "minItems": 1, "items": { "type": "string" } };

    /// A switch that must be off.
    NotOn { "type": "boolean", "enum": [false] };

    /// A number that must be 0.
    Zero { "type": "integer", "enum": [0] };

    /// A second in UTC.
    Time { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$" };
}
