//! Health checks: what a request says of them, and what is said of them in replies.

use dnlb_api::{
    ApiError,
    shape::{CheckInterval, CheckThreshold, CheckTimeout, PortOrZero},
    wire::lb,
};
use dnlb_model::{CheckProtocol, Health, HealthCheck, Protocol};

use super::check;

/// What a health check is while nobody says otherwise.
pub(super) const DEFAULT: HealthCheck = HealthCheck {
    protocol: CheckProtocol::Tcp,
    healthy_threshold: 3,
    unhealthy_threshold: 3,
    timeout_seconds: 3,
    interval_seconds: 5,
    port: 0,
};

/// A health check as given; what is not given stays as it was.
pub(super) fn changed(
    old: &HealthCheck,
    spec: &lb::HealthCheckSpec,
    backend: Protocol,
) -> Result<HealthCheck, ApiError> {
    let protocol = match spec.protocol.as_deref() {
        None => old.protocol,
        Some(word) if word.eq_ignore_ascii_case("tcp") => CheckProtocol::Tcp,
        Some(word) if word.eq_ignore_ascii_case("icmp") => CheckProtocol::Icmp,
        Some(word) => {
            return Err(ApiError::invalid(format!(
                "healthCheckSpec.protocol `{}` is not supported in this version: Tcp, and Icmp for Udp backends",
                check::shown(word)
            )));
        }
    };
    let icmp = protocol == CheckProtocol::Icmp;
    if icmp && backend != Protocol::Udp {
        return Err(ApiError::invalid(
            "healthCheckSpec.protocol Icmp is for Udp backends; a Tcp backend has Tcp",
        ));
    }
    if icmp && spec.port.is_some_and(|port| port != 0) {
        return Err(ApiError::invalid(
            "healthCheckSpec.port is not for Icmp, which has no ports: leave it out",
        ));
    }
    let http = [
        ("healthCheckSpec.httpDomain", spec.http_domain.as_ref().is_some_and(|text| !text.is_empty())),
        ("healthCheckSpec.httpPath", spec.http_path.as_ref().is_some_and(|text| !text.is_empty())),
        ("healthCheckSpec.httpCode", spec.http_code.as_ref().is_some_and(|codes| !codes.is_empty())),
    ];
    check::refuse_all(&http, "HTTP health checks are not in this version")?;
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

/// As replies show it.
pub(super) fn view(check: &HealthCheck) -> lb::HealthCheck {
    lb::HealthCheck {
        protocol: match check.protocol {
            CheckProtocol::Icmp => "Icmp",
            CheckProtocol::Tcp => "Tcp",
        }
        .to_owned(),
        healthy_threshold_count: check.healthy_threshold.into(),
        unhealthy_threshold_count: check.unhealthy_threshold.into(),
        check_timeout_seconds: check.timeout_seconds.into(),
        interval_seconds: check.interval_seconds.into(),
        port: check.port.into(),
    }
}

/// The documented word for a check that failed: what was done when it did, and how it ended.
pub(super) fn failure(protocol: CheckProtocol, reason: &str) -> &'static str {
    let no_answer = reason.starts_with(Health::NO_ANSWER);
    match protocol {
        CheckProtocol::Tcp if no_answer => "CONNECT_TIMEOUT",
        CheckProtocol::Tcp if reason == Health::RESET => "CONNECT_INTERRUPT",
        CheckProtocol::Tcp => "CONNECT_FAILED",
        CheckProtocol::Icmp if no_answer => "RECEIVE_RESPONSE_TIMEOUT",
        CheckProtocol::Icmp => "RECEIVE_RESPONSE_FAILED",
    }
}
