//! Which operation a request means: its service, method and path, as one table.

use dnlb_model::{Region, Role};

use super::{
    Call, Outcome, access_key, account, acl, ag, ag_target,
    ask::Inquiry,
    backend, catalogue, console_log, dnlb, eip, flow, instance, listener, load_balancer, metrics, quota,
    records::{self, Records},
    refused::REFUSED,
    row_distribution, security_group, session, subnet, target_group, template, trace, user, vpc,
};

/// What an operation does with the region.
#[derive(Clone, Copy)]
pub enum Operation {
    /// Looks at what the caller's account has.
    Read(fn(&Region, &Call<'_>) -> Outcome),
    /// Changes it, in one transaction.
    Write(fn(&mut Region, &Call<'_>) -> Outcome),
    /// Changes who may do what in it, in one transaction.
    Manage(fn(&mut Region, &Call<'_>) -> Outcome),
    /// Changes what is the caller's own, or somebody else's for an administrator, in one transaction: it checks that itself.
    Own(fn(&mut Region, &Call<'_>) -> Outcome),
    /// Begins a session: nobody is known yet who calls.
    Login(()),
    /// Looks at what is remembered of changes in the caller's account.
    Records(Records),
    /// Asks hosts about what the caller's account has.
    Ask(Inquiry),
    /// Looks at the whole region.
    RegionRead(fn(&Region, &Call<'_>) -> Outcome),
    /// Looks at the whole region and has an effect that is not a change of it.
    RegionAct(fn(&Region, &Call<'_>) -> Outcome),
    /// Changes who may do what in the whole region, in one transaction.
    RegionManage(fn(&mut Region, &Call<'_>) -> Outcome),
}

use Operation::{
    Ask, Login, Manage, Own, Read, Records as Remembered, RegionAct, RegionManage, RegionRead, Write,
};

impl Operation {
    /// The least role that it takes.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Ask(inquiry) => inquiry.role(),
            Login(()) | Read(_) | Remembered(_) | Own(_) | RegionRead(_) => Role::Viewer,
            Write(_) | RegionAct(_) => Role::Operator,
            Manage(_) | RegionManage(_) => Role::Admin,
        }
    }

    /// Whether it is for the account of those who operate the region alone.
    #[must_use]
    pub const fn is_for_operating(self) -> bool {
        matches!(self, RegionRead(_) | RegionAct(_) | RegionManage(_))
    }
}

/// An operation and how it is called.
pub struct Route {
    /// Service.
    pub service: &'static str,
    /// Method.
    pub method: &'static str,
    /// Path below the region; `{vpcId}` and the like stand for identifiers.
    pub path: &'static str,
    /// Name.
    pub name: &'static str,
    /// What it does.
    pub operation: Operation,
}

/// Finds the operation of a decoded path below the region, and the identifiers in it. A slash at the end
/// makes no difference: the official clients do not agree about it.
#[must_use]
pub fn route(service: &str, method: &str, path: &str) -> Option<(&'static Route, Vec<String>)> {
    let path = path.trim_end_matches('/');
    ROUTES
        .iter()
        .chain(REFUSED)
        .filter(|route| route.service == service && route.method == method)
        .find_map(|route| Some((route, matches(route.path, path)?)))
}

/// All operations, ordered by service and path.
#[must_use]
pub fn routes() -> &'static [Route] {
    ROUTES
}

/// The identifiers of a path that fits a pattern.
fn matches(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (pattern, action) = split_action(pattern);
    let (path, asked) = split_action(path);
    if action != asked {
        return None;
    }
    let mut ids = Vec::new();
    let (mut wanted, mut given) = (pattern.split('/'), path.split('/'));
    loop {
        match (wanted.next(), given.next()) {
            (None, None) => return Some(ids),
            (Some(wanted), Some(id)) if wanted.starts_with('{') && !id.is_empty() => ids.push(id.to_owned()),
            (Some(wanted), Some(given)) if wanted == given => {}
            _ => return None,
        }
    }
}

/// `a/b:c` as `a/b` and `c`.
fn split_action(path: &str) -> (&str, Option<&str>) {
    match path.rsplit_once(':') {
        Some((path, action)) => (path, Some(action)),
        None => (path, None),
    }
}

/// One line an operation.
macro_rules! rows {
    ($($service:literal $method:ident $path:literal $name:ident $kind:ident $function:path;)*) => {
        &[$(Route {
            service: $service,
            method: stringify!($method),
            path: $path,
            name: stringify!($name),
            operation: $kind($function),
        }),*]
    };
}
pub(super) use rows;

#[rustfmt::skip]
const ROUTES: &[Route] = rows! {
    "ag" GET "availabilityGroups" DescribeAgs Read ag::list;
    "ag" POST "availabilityGroups" CreateAg Write ag::create;
    "ag" GET "availabilityGroups/{agId}" DescribeAg Read ag::describe;
    "ag" PATCH "availabilityGroups/{agId}" UpdateAg Write ag::update;
    "ag" DELETE "availabilityGroups/{agId}" DeleteAg Write ag::delete;
    "ag" POST "availabilityGroups/{agId}:abandonInstances" AbandonInstances Write ag::abandon;
    "ag" POST "availabilityGroups/{agId}:setInstanceTemplate" SetInstanceTemplate Write ag::set_template;
    "ag" GET "quotas" DescribeQuotas Read quota::describe_ag;

    "dnlb" GET "accessKeys" DescribeAccessKeys Read access_key::list;
    "dnlb" POST "accessKeys" CreateAccessKey Own access_key::create;
    "dnlb" PATCH "accessKeys/{accessKeyId}" UpdateAccessKey Own access_key::update;
    "dnlb" DELETE "accessKeys/{accessKeyId}" DeleteAccessKey Own access_key::delete;
    "dnlb" POST "accessKeys/{accessKeyId}:rotate" RotateAccessKey Own access_key::rotate;
    "dnlb" GET "accounts" DescribeAccounts RegionRead account::list;
    "dnlb" POST "accounts" CreateAccount RegionManage account::create;
    "dnlb" GET "accounts/{accountId}" DescribeAccount RegionRead account::describe;
    "dnlb" PATCH "accounts/{accountId}" UpdateAccount RegionManage account::update;
    "dnlb" DELETE "accounts/{accountId}" DeleteAccount RegionManage account::delete;
    "dnlb" GET "auditRecords" DescribeAuditRecords Remembered records::AUDIT_RECORDS;
    "dnlb" GET "events" DescribeEvents Remembered records::EVENTS;
    "dnlb" POST "flows:explain" ExplainFlow Ask flow::EXPLAIN;
    "dnlb" GET "hosts" DescribeHosts RegionRead dnlb::hosts;
    "dnlb" GET "loadBalancers/{loadBalancerId}/convergence" DescribeConvergence Read dnlb::convergence;
    "dnlb" GET "metrics" DescribeMetrics Read metrics::describe;
    "dnlb" POST "sessions" CreateSession Login session::BY_PASSWORD;
    "dnlb" GET "sessions/current" DescribeCaller Read session::describe;
    "dnlb" DELETE "sessions/current" DeleteSession Own session::delete;
    "dnlb" GET "status" DescribeStatus Read dnlb::status;
    "dnlb" POST "traces" CreateTrace RegionAct trace::create;
    "dnlb" GET "traces/{traceId}" DescribeTrace RegionRead trace::describe;
    "dnlb" DELETE "traces/{traceId}" DeleteTrace RegionAct trace::delete;
    "dnlb" GET "users" DescribeUsers Read user::list;
    "dnlb" POST "users" CreateUser Manage user::create;
    "dnlb" GET "users/{userId}" DescribeUser Read user::describe;
    "dnlb" PATCH "users/{userId}" UpdateUser Manage user::update;
    "dnlb" DELETE "users/{userId}" DeleteUser Manage user::delete;
    "dnlb" POST "users/{userId}:changePassword" ChangePassword Own user::change_password;

    "lb" GET "backends" DescribeBackends Read backend::list;
    "lb" POST "backends" CreateBackend Write backend::create;
    "lb" GET "backends/{backendId}" DescribeBackend Read backend::describe;
    "lb" PATCH "backends/{backendId}" UpdateBackend Write backend::update;
    "lb" DELETE "backends/{backendId}" DeleteBackend Write backend::delete;
    "lb" GET "backends/{backendId}/agTargets" DescribeAgTargets Read ag_target::describe;
    "lb" GET "backends/{backendId}/health" DescribeTargetHealth Read backend::health;
    "lb" GET "backends/{backendId}/rowDistribution" DescribeRowDistribution Read row_distribution::describe;
    "lb" PATCH "backends/{backendId}:updateAgTargets" UpdateAgTargets Write ag_target::update;
    "lb" GET "listeners" DescribeListeners Read listener::list;
    "lb" POST "listeners" CreateListener Write listener::create;
    "lb" GET "listeners/{listenerId}" DescribeListener Read listener::describe;
    "lb" PATCH "listeners/{listenerId}" UpdateListener Write listener::update;
    "lb" DELETE "listeners/{listenerId}" DeleteListener Write listener::delete;
    "lb" GET "loadBalancers" DescribeLoadBalancers Read load_balancer::list;
    "lb" POST "loadBalancers" CreateLoadBalancer Write load_balancer::create;
    "lb" GET "loadBalancers/{loadBalancerId}" DescribeLoadBalancer Read load_balancer::describe;
    "lb" PATCH "loadBalancers/{loadBalancerId}" UpdateLoadBalancer Write load_balancer::update;
    "lb" DELETE "loadBalancers/{loadBalancerId}" DeleteLoadBalancer Write load_balancer::delete;
    "lb" POST "loadBalancers/{loadBalancerId}:associateElasticIp" AssociateElasticIp Write load_balancer::associate;
    "lb" POST "loadBalancers/{loadBalancerId}:disassociateElasticIp" DisassociateElasticIp Write load_balancer::disassociate;
    "lb" GET "targetGroups" DescribeTargetGroups Read target_group::list;
    "lb" POST "targetGroups" CreateTargetGroup Write target_group::create;
    "lb" GET "targetGroups/{targetGroupId}" DescribeTargetGroup Read target_group::describe;
    "lb" PATCH "targetGroups/{targetGroupId}" UpdateTargetGroup Write target_group::update;
    "lb" DELETE "targetGroups/{targetGroupId}" DeleteTargetGroup Write target_group::delete;
    "lb" GET "targetGroups/{targetGroupId}:describeTargets" DescribeTargets Read target_group::describe_targets;
    "lb" POST "targetGroups/{targetGroupId}:registerTargets" RegisterTargets Write target_group::register;
    "lb" POST "targetGroups/{targetGroupId}:deregisterTargets" DeRegisterTargets Write target_group::deregister;
    "lb" POST "targetGroups/{targetGroupId}:updateTargets" UpdateTargets Write target_group::update_targets;

    "vm" GET "images" DescribeImages Read catalogue::images;
    "vm" GET "images/{imageId}" DescribeImage Read catalogue::describe_image;
    "vm" GET "instanceStatus" DescribeInstanceStatus Read instance::statuses;
    "vm" GET "instanceTemplates" DescribeInstanceTemplates Read template::list;
    "vm" POST "instanceTemplates" CreateInstanceTemplate Write template::create;
    "vm" GET "instanceTemplates/{instanceTemplateId}" DescribeInstanceTemplate Read template::describe;
    "vm" PATCH "instanceTemplates/{instanceTemplateId}" UpdateInstanceTemplate Write template::update;
    "vm" DELETE "instanceTemplates/{instanceTemplateId}" DeleteInstanceTemplate Write template::delete;
    "vm" GET "instanceTemplates/{instanceTemplateId}:verify" VerifyInstanceTemplate Read template::verify;
    "vm" GET "instanceTypes" DescribeInstanceTypes Read catalogue::types;
    "vm" GET "instances" DescribeInstances Read instance::list;
    "vm" POST "instances" CreateInstances Write instance::create;
    "vm" GET "instances/{instanceId}" DescribeInstance Read instance::describe;
    "vm" DELETE "instances/{instanceId}" DeleteInstance Write instance::delete;
    "vm" GET "instances/{instanceId}:describeConsoleLog" DescribeConsoleLog Ask console_log::DESCRIBE;
    "vm" POST "instances/{instanceId}:modifyInstanceAttribute" ModifyInstanceAttribute Write instance::modify;
    "vm" POST "instances/{instanceId}:rebootInstance" RebootInstance Write instance::reboot;
    "vm" POST "instances/{instanceId}:startInstance" StartInstance Write instance::start;
    "vm" POST "instances/{instanceId}:stopInstance" StopInstance Write instance::stop;
    "vm" GET "quotas" DescribeQuotas Read quota::describe_vm;

    "vpc" GET "elasticIps" DescribeElasticIps Read eip::list;
    "vpc" POST "elasticIps" CreateElasticIps Write eip::create;
    "vpc" GET "elasticIps/{elasticIpId}" DescribeElasticIp Read eip::describe;
    "vpc" PATCH "elasticIps/{elasticIpId}" ModifyElasticIp Write eip::modify;
    "vpc" DELETE "elasticIps/{elasticIpId}" DeleteElasticIp Write eip::delete;
    "vpc" GET "networkAcls" DescribeNetworkAcls Read acl::list;
    "vpc" POST "networkAcls" CreateNetworkAcl Write acl::create;
    "vpc" GET "networkAcls/{networkAclId}" DescribeNetworkAcl Read acl::describe;
    "vpc" PATCH "networkAcls/{networkAclId}" ModifyNetworkAcl Write acl::modify;
    "vpc" DELETE "networkAcls/{networkAclId}" DeleteNetworkAcl Write acl::delete;
    "vpc" POST "networkAcls/{networkAclId}:addNetworkAclRules" AddNetworkAclRules Write acl::add_rules;
    "vpc" POST "networkAcls/{networkAclId}:modifyNetworkAclRules" ModifyNetworkAclRules Write acl::modify_rules;
    "vpc" POST "networkAcls/{networkAclId}:removeNetworkAclRules" RemoveNetworkAclRules Write acl::remove_rules;
    "vpc" POST "networkAcls/{networkAclId}:associateNetworkAcl" AssociateNetworkAcl Write acl::associate;
    "vpc" POST "networkAcls/{networkAclId}:disassociateNetworkAcl" DisassociateNetworkAcl Write acl::disassociate;
    "vpc" GET "networkSecurityGroups" DescribeNetworkSecurityGroups Read security_group::list;
    "vpc" POST "networkSecurityGroups" CreateNetworkSecurityGroup Write security_group::create;
    "vpc" GET "networkSecurityGroups/{networkSecurityGroupId}" DescribeNetworkSecurityGroup Read security_group::describe;
    "vpc" PATCH "networkSecurityGroups/{networkSecurityGroupId}" ModifyNetworkSecurityGroup Write security_group::modify;
    "vpc" DELETE "networkSecurityGroups/{networkSecurityGroupId}" DeleteNetworkSecurityGroup Write security_group::delete;
    "vpc" POST "networkSecurityGroups/{networkSecurityGroupId}:addNetworkSecurityGroupRules" AddNetworkSecurityGroupRules Write security_group::add_rules;
    "vpc" POST "networkSecurityGroups/{networkSecurityGroupId}:modifyNetworkSecurityGroupRules" ModifyNetworkSecurityGroupRules Write security_group::modify_rules;
    "vpc" POST "networkSecurityGroups/{networkSecurityGroupId}:removeNetworkSecurityGroupRules" RemoveNetworkSecurityGroupRules Write security_group::remove_rules;
    "vpc" GET "quotas" DescribeQuota Read quota::describe_vpc;
    "vpc" GET "subnets" DescribeSubnets Read subnet::list;
    "vpc" POST "subnets" CreateSubnet Write subnet::create;
    "vpc" GET "subnets/{subnetId}" DescribeSubnet Read subnet::describe;
    "vpc" PATCH "subnets/{subnetId}" ModifySubnet Write subnet::modify;
    "vpc" DELETE "subnets/{subnetId}" DeleteSubnet Write subnet::delete;
    "vpc" GET "vpcs" DescribeVpcs Read vpc::list;
    "vpc" POST "vpcs" CreateVpc Write vpc::create;
    "vpc" GET "vpcs/{vpcId}" DescribeVpc Read vpc::describe;
    "vpc" PATCH "vpcs/{vpcId}" ModifyVpc Write vpc::modify;
    "vpc" DELETE "vpcs/{vpcId}" DeleteVpc Write vpc::delete;
};

#[cfg(test)]
mod tests {
    use super::*;

    fn name(service: &str, method: &str, path: &str) -> Option<(&'static str, Vec<String>)> {
        route(service, method, path).map(|(route, ids)| (route.name, ids))
    }

    #[test]
    fn paths_lead_to_operations() {
        let id = |id: &str| vec![id.to_owned()];
        assert_eq!(name("lb", "GET", "loadBalancers/"), Some(("DescribeLoadBalancers", vec![])));
        assert_eq!(name("lb", "GET", "loadBalancers/x"), Some(("DescribeLoadBalancer", id("x"))));
        assert_eq!(
            name("lb", "POST", "loadBalancers/x:associateElasticIp"),
            Some(("AssociateElasticIp", id("x")))
        );
        assert_eq!(name("lb", "GET", "backends/b/health"), Some(("DescribeTargetHealth", id("b"))));
        assert_eq!(name("lb", "POST", "loadBalancers/:associateElasticIp"), None);
        assert_eq!(name("lb", "GET", "loadBalancers/x/y"), None);
        assert_eq!(name("lb", "PUT", "loadBalancers/x"), None);
        assert_eq!(name("lb", "GET", ""), None);
    }

    #[test]
    fn what_only_other_balancers_do_is_found_to_be_refused() {
        let rules = name("lb", "PATCH", "urlMaps/m:updateRules");
        assert_eq!(rules, Some(("UpdateRules", vec!["m".to_owned()])));
        assert_eq!(name("vm", "GET", "urlMaps"), None);
    }

    #[test]
    fn the_service_tells_equal_paths_apart() {
        let quotas = |service| name(service, "GET", "quotas").map(|(name, _)| name);
        assert_eq!(quotas("ag"), Some("DescribeQuotas"));
        assert_eq!(quotas("vpc"), Some("DescribeQuota"));
        assert_eq!(quotas("lb"), None);
    }

    #[test]
    fn no_two_operations_are_called_alike() {
        let mut seen = std::collections::BTreeSet::new();
        for route in ROUTES.iter().chain(REFUSED) {
            assert!(seen.insert((route.service, route.method, route.path)), "{}", route.name);
        }
    }
}
