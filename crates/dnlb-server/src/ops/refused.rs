//! Operations that only other types of load balancers have.
//!
//! The official clients know them, so a caller may well try: each is told why there is no such thing here, and not that
//! there is no such path.

use dnlb_api::ApiError;
use dnlb_model::Region;

use super::{
    Call, Outcome,
    table::{Operation::Read, Route, rows},
};

/// These operations.
#[rustfmt::skip]
pub(super) const REFUSED: &[Route] = rows! {
    "lb" GET "customizedConfigurations" DescribeCustomizedConfigurations Read layer_7;
    "lb" POST "customizedConfigurations" CreateCustomizedConfiguration Read layer_7;
    "lb" GET "customizedConfigurations/{customizedConfigurationId}" DescribeCustomizedConfiguration Read layer_7;
    "lb" PATCH "customizedConfigurations/{customizedConfigurationId}" UpdateCustomizedConfiguration Read layer_7;
    "lb" DELETE "customizedConfigurations/{customizedConfigurationId}" DeleteCustomizedConfiguration Read layer_7;
    "lb" POST "customizedConfigurations/{customizedConfigurationId}:associateCustomizedConfiguration" AssociateCustomizedConfiguration Read layer_7;
    "lb" POST "customizedConfigurations/{customizedConfigurationId}:disassociateCustomizedConfiguration" DisassociateCustomizedConfiguration Read layer_7;
    "lb" POST "listeners/{listenerId}:addListenerCertificates" AddListenerCertificates Read layer_7;
    "lb" POST "listeners/{listenerId}:deleteListenerCertificates" DeleteListenerCertificates Read layer_7;
    "lb" POST "listeners/{listenerId}:updateListenerCertificates" UpdateListenerCertificates Read layer_7;
    "lb" POST "loadBalancers/{loadBalancerId}:associateSecurityGroup" AssociateSecurityGroup Read security_groups;
    "lb" POST "loadBalancers/{loadBalancerId}:disassociateSecurityGroup" DisassociateSecurityGroup Read security_groups;
    "lb" POST "loadBalancers/{securityGroupId}:describeLoadBalancersBySecurityGroup" DescribeLoadBalancersBySecurityGroup Read security_groups;
    "lb" GET "securityPolicies" DescribeSecurityPolicies Read layer_7;
    "lb" POST "securityPolicies" CreateSecurityPolicy Read layer_7;
    "lb" GET "securityPolicies/{securityPolicyId}" DescribeSecurityPolicy Read layer_7;
    "lb" PATCH "securityPolicies/{securityPolicyId}" UpdateSecurityPolicy Read layer_7;
    "lb" DELETE "securityPolicies/{securityPolicyId}" DeleteSecurityPolicy Read layer_7;
    "lb" GET "supportedCiphers" DescribeSupportedCiphers Read layer_7;
    "lb" GET "urlMaps" DescribeUrlMaps Read layer_7;
    "lb" POST "urlMaps" CreateUrlMap Read layer_7;
    "lb" GET "urlMaps/{urlMapId}" DescribeUrlMap Read layer_7;
    "lb" PATCH "urlMaps/{urlMapId}" UpdateUrlMap Read layer_7;
    "lb" DELETE "urlMaps/{urlMapId}" DeleteUrlMap Read layer_7;
    "lb" POST "urlMaps/{urlMapId}:addRules" AddRules Read layer_7;
    "lb" POST "urlMaps/{urlMapId}:deleteRules" DeleteRules Read layer_7;
    "lb" PATCH "urlMaps/{urlMapId}:updateRules" UpdateRules Read layer_7;
};

fn layer_7(_: &Region, _: &Call<'_>) -> Outcome {
    Err(ApiError::invalid(
        "a dnlb balances at layer 4: certificates, URL maps and their rules, and settings of TLS and HTTP belong to \
         application load balancers (alb), which this region has none of",
    ))
}

fn security_groups(_: &Region, _: &Call<'_>) -> Outcome {
    Err(ApiError::invalid(
        "a dnlb has no security groups: its instances have, and see the clients' own addresses",
    ))
}
