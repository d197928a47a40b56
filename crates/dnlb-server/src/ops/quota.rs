//! How much of everything there may be.

use std::str::FromStr;

use dnlb_api::{ApiError, shape::QuotaKind, wire};
use dnlb_model::{AclId, Region, SecurityGroupId, VpcId};
use serde_json::Value;

use super::{Call, Outcome, find, list, one};

/// Declares the quotas.
macro_rules! quotas {
    ($($(#[doc = $doc:literal])+ $name:ident = $default:literal,)*) => {
        /// How much of everything there may be.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Quotas {
            $($(#[doc = $doc])+ pub $name: usize,)*
        }

        impl Default for Quotas {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Quotas {
            /// Sets one by a setting.
            pub fn set(&mut self, setting: &QuotaSetting) {
                match setting.name {
                    $(stringify!($name) => self.$name = setting.limit,)*
                    _ => {}
                }
            }
        }

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

quotas! {
    /// Access keys of a user that count.
    access_keys = 10,
    /// Accounts of the region.
    accounts = 1000,
    /// ACLs of a VPC.
    acls = 20,
    /// Rules of an ACL.
    acl_rules = 100,
    /// Availability groups of an account.
    ags = 20,
    /// Backend services of a load balancer.
    backends = 50,
    /// Elastic IPs of an account.
    elastic_ips = 10,
    /// Instances of an account.
    instances = 1000,
    /// Listeners of a load balancer.
    listeners = 50,
    /// Load balancers of an account.
    load_balancers = 100,
    /// Security groups of a VPC.
    security_groups = 50,
    /// Rules of a security group.
    security_group_rules = 100,
    /// Subnets of a VPC.
    subnets = 10,
    /// Target groups of a load balancer.
    target_groups = 50,
    /// Targets of a target group.
    targets = 1000,
    /// Instance templates of an account.
    templates = 20,
    /// Users of an account.
    users = 100,
    /// VPCs of an account.
    vpcs = 10,
}

/// One quota as an operator sets it: `instances=200`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaSetting {
    name: &'static str,
    limit: usize,
}

impl FromStr for QuotaSetting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, limit) = text.split_once('=').ok_or("give NAME=NUMBER")?;
        let name = NAMES.iter().find(|known| **known == name);
        let name = name.ok_or_else(|| format!("a quota is one of {}", NAMES.join(", ")))?;
        Ok(Self { name, limit: limit.parse().map_err(|_| format!("`{limit}` is not a whole number"))? })
    }
}

/// By what the quotas of `ag` and `vm` may be filtered.
pub(super) const FILTER: &str = "resourceTypes";

/// Refuses what would go beyond a limit.
pub(super) fn within(have: usize, more: usize, limit: usize, what: &str) -> Result<(), ApiError> {
    if have + more > limit {
        return Err(ApiError::quota(format!(
            "{have} of {limit} {what} are in use, {more} more would be needed"
        )));
    }
    Ok(())
}

/// vpc.DescribeQuota.
pub(super) fn describe_vpc(region: &Region, call: &Call<'_>) -> Outcome {
    let kind = call.query.text("type").ok_or_else(|| ApiError::invalid("type is missing"))?;
    let parent = call.query.text("parentResourceId");
    let q = call.quotas;
    let vpc = || -> Result<VpcId, ApiError> {
        let id = VpcId::from(parent.ok_or_else(|| ApiError::invalid("parentResourceId is missing"))?);
        find(&region.vpcs, "VPC", &id)?;
        Ok(id)
    };
    let (limit, used) = match kind {
        "vpc" => (q.vpcs, region.vpcs.len()),
        "elastic_ip" => (q.elastic_ips, region.eips.len()),
        "subnet" => {
            let vpc = vpc()?;
            (q.subnets, region.subnets.values().filter(|one| one.vpc == vpc).count())
        }
        "security_group" => {
            let vpc = vpc()?;
            (q.security_groups, region.security_groups.values().filter(|one| one.vpc == vpc).count())
        }
        "acl" => {
            let vpc = vpc()?;
            (q.acls, region.acls.values().filter(|one| one.vpc == vpc).count())
        }
        "aclRule" => {
            let id = AclId::from(parent.unwrap_or_default());
            (q.acl_rules, find(&region.acls, "network ACL", &id)?.rules.len())
        }
        "securityGroupRule" => {
            let id = SecurityGroupId::from(parent.unwrap_or_default());
            (q.security_group_rules, find(&region.security_groups, "security group", &id)?.rules.len())
        }
        other => {
            return Err(ApiError::invalid(format!(
                "type `{}` has no quota here: {}",
                super::check::shown(other),
                QuotaKind::WORDS.join(", ")
            )));
        }
    };
    let quota = wire::vpc::Quota {
        kind: kind.to_owned(),
        max_limit: count(limit),
        count: count(used),
        parent_resource_id: parent.map(str::to_owned),
    };
    one("quota", quota)
}

/// ag.DescribeQuotas.
pub(super) fn describe_ag(region: &Region, call: &Call<'_>) -> Outcome {
    quotas(call, &[("ag", call.quotas.ags, region.ags.len())])
}

/// vm.DescribeQuotas.
pub(super) fn describe_vm(region: &Region, call: &Call<'_>) -> Outcome {
    quotas(
        call,
        &[
            ("instance", call.quotas.instances, region.instances.len()),
            ("instanceTemplate", call.quotas.templates, region.templates.len()),
        ],
    )
}

fn quotas(call: &Call<'_>, known: &[(&str, usize, usize)]) -> Outcome {
    let mut wanted: Option<Vec<String>> = None;
    for filter in call.query.filters()? {
        if filter.name != FILTER {
            return Err(ApiError::invalid(format!("the only filter is {FILTER}")));
        }
        wanted = Some(filter.values);
    }
    let quotas: Vec<_> = known
        .iter()
        .filter(|(kind, ..)| wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|one| one == kind)))
        .map(|(kind, limit, used)| wire::vm::Quota {
            resource_type: (*kind).to_owned(),
            limit: count(*limit),
            used: count(*used),
        })
        .collect();
    list::reply("quotas", &quotas, quotas.len()).map(|mut reply| {
        if let Value::Object(reply) = &mut reply {
            reply.remove("totalCount");
        }
        reply
    })
}

/// A count on the wire.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
