//! Health checks: what a request says of them, and what is said of them in replies.

use std::str::FromStr;

use dnlb_api::{
    ApiError,
    shape::{CheckInterval, CheckThreshold, CheckTimeout, HttpVersion, PortOrZero},
    wire::lb,
};
use dnlb_model::{
    CheckProtocol, Health, HealthCheck, HttpCheck, HttpCheckError, HttpPath, Protocol, StatusCodes,
};

use super::check;

/// A health check as given; what is not given stays as it was.
pub(super) fn changed(
    old: &HealthCheck,
    spec: &lb::HealthCheckSpec,
    backend: Protocol,
) -> Result<HealthCheck, ApiError> {
    let protocol = protocol(old, spec)?;
    match (&protocol, backend) {
        (CheckProtocol::Http(_), Protocol::Udp) => {
            return Err(ApiError::invalid(
                "healthCheckSpec.protocol Http is for Tcp backends; a Udp backend has Icmp or Tcp",
            ));
        }
        (CheckProtocol::Icmp, Protocol::Tcp) => {
            return Err(ApiError::invalid(
                "healthCheckSpec.protocol Icmp is for Udp backends; a Tcp backend has Tcp or Http",
            ));
        }
        _ => {}
    }
    let icmp = protocol == CheckProtocol::Icmp;
    if icmp && spec.port.is_some_and(|port| port != 0) {
        return Err(ApiError::invalid(
            "healthCheckSpec.port is not for Icmp, which has no ports: leave it out",
        ));
    }
    let number = |field: &str, value: Option<i64>, old: u32, range| {
        check::number(&format!("healthCheckSpec.{field}"), value.unwrap_or(old.into()), range)
    };
    Ok(HealthCheck {
        protocol,
        healthy_threshold: number(
            "healthyThresholdCount",
            spec.healthy_threshold_count,
            old.healthy_threshold,
            CheckThreshold::RANGE,
        )?,
        unhealthy_threshold: number(
            "unhealthyThresholdCount",
            spec.unhealthy_threshold_count,
            old.unhealthy_threshold,
            CheckThreshold::RANGE,
        )?,
        timeout_seconds: number(
            "checkTimeoutSeconds",
            spec.check_timeout_seconds,
            old.timeout_seconds,
            CheckTimeout::RANGE,
        )?,
        interval_seconds: number(
            "intervalSeconds",
            spec.interval_seconds,
            old.interval_seconds,
            CheckInterval::RANGE,
        )?,
        port: if icmp {
            0
        } else {
            check::number("healthCheckSpec.port", spec.port.unwrap_or(old.port.into()), PortOrZero::RANGE)?
        },
    })
}

/// The protocol as given, with what it needs.
fn protocol(old: &HealthCheck, spec: &lb::HealthCheckSpec) -> Result<CheckProtocol, ApiError> {
    let protocol = match spec.protocol.as_deref() {
        None => old.protocol.clone(),
        Some(word) if word.eq_ignore_ascii_case("http") => match &old.protocol {
            CheckProtocol::Http(http) => CheckProtocol::Http(http.clone()),
            CheckProtocol::Icmp | CheckProtocol::Tcp => CheckProtocol::Http(HttpCheck::default()),
        },
        Some(word) if word.eq_ignore_ascii_case("icmp") => CheckProtocol::Icmp,
        Some(word) if word.eq_ignore_ascii_case("tcp") => CheckProtocol::Tcp,
        Some(word) => {
            return Err(ApiError::invalid(format!(
                "healthCheckSpec.protocol `{}` is not supported: Tcp, Http for Tcp backends, and Icmp for Udp backends",
                check::shown(word)
            )));
        }
    };
    match protocol {
        CheckProtocol::Http(http) => Ok(CheckProtocol::Http(changed_http(http, spec)?)),
        other => {
            // An empty field asks for nothing.
            let some = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
            let asked = [
                ("healthCheckSpec.httpCode", spec.http_code.as_ref().is_some_and(|codes| !codes.is_empty())),
                ("healthCheckSpec.httpDomain", some(&spec.http_domain)),
                ("healthCheckSpec.httpPath", some(&spec.http_path)),
                ("healthCheckSpec.httpVersion", spec.http_version.is_some()),
            ];
            check::refuse_all(&asked, "it is for protocol Http")?;
            Ok(other)
        }
    }
}

/// What is asked for by HTTP; what is empty goes back to its default.
fn changed_http(old: HttpCheck, spec: &lb::HealthCheckSpec) -> Result<HttpCheck, ApiError> {
    fn parsed<T: FromStr<Err = HttpCheckError>>(field: &str, text: &str) -> Result<T, ApiError> {
        text.parse().map_err(|error| ApiError::invalid(format!("healthCheckSpec.{field}: {error}")))
    }
    if let Some(other) = spec.http_version.as_deref().filter(|version| *version != HTTP_VERSION) {
        return Err(ApiError::invalid(format!(
            "healthCheckSpec.httpVersion `{}` is not supported: {HTTP_VERSION}",
            check::shown(other)
        )));
    }
    Ok(HttpCheck {
        domain: match spec.http_domain.as_deref() {
            None => old.domain,
            Some("") => None,
            Some(domain) => Some(parsed("httpDomain", domain)?),
        },
        path: match spec.http_path.as_deref() {
            None => old.path,
            Some("") => HttpPath::default(),
            Some(path) => parsed("httpPath", path)?,
        },
        codes: match spec.http_code.as_deref() {
            None => old.codes,
            Some([]) => StatusCodes::default(),
            // Each may be a list itself: the documentation has both.
            Some(codes) => parsed("httpCode", &codes.join(","))?,
        },
    })
}

/// As replies show it.
pub(super) fn view(check: &HealthCheck) -> lb::HealthCheck {
    let http = match &check.protocol {
        CheckProtocol::Http(http) => Some(http),
        CheckProtocol::Icmp | CheckProtocol::Tcp => None,
    };
    lb::HealthCheck {
        protocol: match check.protocol {
            CheckProtocol::Http(_) => "Http",
            CheckProtocol::Icmp => "Icmp",
            CheckProtocol::Tcp => "Tcp",
        }
        .to_owned(),
        healthy_threshold_count: check.healthy_threshold.into(),
        unhealthy_threshold_count: check.unhealthy_threshold.into(),
        check_timeout_seconds: check.timeout_seconds.into(),
        interval_seconds: check.interval_seconds.into(),
        port: check.port.into(),
        http_version: http.map(|_| HTTP_VERSION.to_owned()),
        http_domain: http.and_then(|http| http.domain.as_ref()).map(ToString::to_string),
        http_path: http.map(|http| http.path.to_string()),
        http_code: http.map(|http| http.codes.words().collect()),
    }
}

/// The documented word for a check that failed: what was done when it did, and how it ended.
pub(super) fn failure(protocol: &CheckProtocol, reason: &str) -> &'static str {
    let begins = |with: &str| reason.starts_with(with);
    let no_answer = begins(Health::NO_ANSWER);
    match protocol {
        CheckProtocol::Icmp if no_answer => "RECEIVE_RESPONSE_TIMEOUT",
        CheckProtocol::Icmp => "RECEIVE_RESPONSE_FAILED",
        CheckProtocol::Http(_) if begins(Health::STATUS) => "HTTP_CODE_MISMATCH",
        CheckProtocol::Http(_) if begins(Health::NO_HTTP) => "RESPONSE_FORMAT_ERROR",
        CheckProtocol::Http(_) if begins(Health::NO_REPLY) => "RECEIVE_RESPONSE_TIMEOUT",
        CheckProtocol::Http(_) if begins(Health::CLOSED) => "RECEIVE_RESPONSE_FAILED",
        CheckProtocol::Http(_) | CheckProtocol::Tcp if no_answer => "CONNECT_TIMEOUT",
        CheckProtocol::Http(_) | CheckProtocol::Tcp if reason == Health::RESET => "CONNECT_INTERRUPT",
        CheckProtocol::Http(_) | CheckProtocol::Tcp => "CONNECT_FAILED",
    }
}

/// The version that is spoken.
const HTTP_VERSION: &str = HttpVersion::WORDS[0];

#[cfg(test)]
mod tests {
    use dnlb_model::HttpDomain;

    use super::*;

    #[test]
    fn every_failure_has_its_documented_word() {
        let http = CheckProtocol::Http(HttpCheck::default());
        for (protocol, reason, word) in [
            (&CheckProtocol::Icmp, "no answer within 3 s", "RECEIVE_RESPONSE_TIMEOUT"),
            (&CheckProtocol::Icmp, "host unreachable", "RECEIVE_RESPONSE_FAILED"),
            (&CheckProtocol::Tcp, "no answer within 3 s", "CONNECT_TIMEOUT"),
            (&CheckProtocol::Tcp, "connection reset", "CONNECT_INTERRUPT"),
            (&CheckProtocol::Tcp, "connection refused", "CONNECT_FAILED"),
            (&http, "no answer within 3 s", "CONNECT_TIMEOUT"),
            (&http, "connection reset", "CONNECT_INTERRUPT"),
            (&http, "connection refused", "CONNECT_FAILED"),
            (&http, "no reply within 3 s", "RECEIVE_RESPONSE_TIMEOUT"),
            (&http, "closed before a reply", "RECEIVE_RESPONSE_FAILED"),
            (&http, "no HTTP: invalid HTTP version", "RESPONSE_FORMAT_ERROR"),
            (&http, "status 503", "HTTP_CODE_MISMATCH"),
        ] {
            assert_eq!(failure(protocol, reason), word, "{protocol:?}: {reason}");
        }
    }

    #[test]
    fn what_former_versions_stored_is_read_and_what_is_none_is_not() {
        let stored = |protocol: &str| {
            let text = format!(
                r#"{{"protocol": {protocol}, "healthy_threshold": 3, "unhealthy_threshold": 3, "timeout_seconds": 3,
                     "interval_seconds": 5, "port": 0}}"#
            );
            serde_json::from_str::<HealthCheck>(&text)
        };
        assert_eq!(stored(r#""Tcp""#).unwrap(), HealthCheck::DEFAULT);
        let http = CheckProtocol::Http(HttpCheck::default());
        assert_eq!(
            serde_json::to_string(&http).unwrap(),
            r#"{"Http":{"domain":null,"path":"/","codes":"2xx,3xx"}}"#
        );
        assert_eq!(stored(&serde_json::to_string(&http).unwrap()).unwrap().protocol, http);
        let error = stored(r#"{"Http":{"domain":null,"path":"x","codes":"2xx"}}"#).unwrap_err();
        assert!(error.to_string().contains("begins with `/`"), "{error}");
    }

    /// The document says by patterns what the checks say by characters.
    #[test]
    fn the_patterns_are_what_the_checks_are() {
        use dnlb_api::shape;
        use regex::Regex;

        let path = Regex::new(shape::HttpPath::PATTERN).unwrap();
        let domain = Regex::new(shape::HttpDomain::PATTERN).unwrap();
        for c in (0..=0x1_ffff).filter_map(char::from_u32) {
            let text = format!("/{c}");
            assert_eq!(text.parse::<HttpPath>().is_ok(), path.is_match(&text), "{c:?}");
            let text = format!("a{c}");
            // What is an address the pattern does not know.
            if c != ':' {
                assert_eq!(text.parse::<HttpDomain>().is_ok(), domain.is_match(&text), "{c:?}");
            }
        }
        for text in ["/%41", "/%", "/%4", "/%4g", "/a/%E5%81%A5?b", "a"] {
            assert_eq!(text.parse::<HttpPath>().is_ok(), path.is_match(text), "{text}");
        }
        let codes = Regex::new(shape::HttpCodes::PATTERN).unwrap();
        for text in ["200", "199", "499", "500", "2xx", "1xx", "200-300", "2xx-3xx", "200,3xx", "200,", "xx"]
        {
            assert_eq!(text.parse::<StatusCodes>().is_ok(), codes.is_match(text), "{text}");
        }
    }
}
