//! Identifiers of resources: opaque strings with a prefix, as users and SDKs see them.

use serde::{Deserialize, Serialize};

/// Declares string identifiers.
macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $name:ident, $prefix:literal;)*) => {$(
        $(#[doc = $doc])+
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// What every such id begins with, before ten characters of `[a-z0-9]`.
            pub const PREFIX: &'static str = $prefix;

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }
    )*};
}

ids! {
    /// An access key.
    AccessKeyId, "AK";
    /// An account.
    AccountId, "account-";
    /// A network ACL.
    AclId, "acl-";
    /// An availability group.
    AgId, "ag-";
    /// A backend service.
    BackendId, "backend-";
    /// An elastic IP.
    EipId, "fip-";
    /// A host; named by the operator, so without a prefix.
    HostId, "";
    /// An instance.
    InstanceId, "i-";
    /// A listener.
    ListenerId, "listener-";
    /// A load balancer.
    LoadBalancerId, "dnlb-";
    /// A rule of a security group or network ACL.
    RuleId, "rule-";
    /// A security group.
    SecurityGroupId, "sg-";
    /// A session.
    SessionId, "";
    /// A subnet.
    SubnetId, "subnet-";
    /// A target group.
    TargetGroupId, "tg-";
    /// A target in a target group.
    TargetId, "target-";
    /// An instance template.
    TemplateId, "it-";
    /// A user.
    UserId, "user-";
    /// A VPC.
    VpcId, "vpc-";
}
