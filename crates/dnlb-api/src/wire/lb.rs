//! Service `lb`: load balancers and what they are made of.

use super::{Charge, Tag, models, vpc::ElasticIpSpec};
use crate::shape::*;

models! {
    /// A load balancer to make.
    CreateLoadBalancer {
        /// Its name.
        load_balancer_name: String as "Name",
        /// The subnet in which it takes its VIP; the VPC is the subnet's.
        subnet_id: String,
        ?
        /// Must be `dnlb`: without it `alb` is meant, which is refused.
        #[serde(rename = "type")]
        kind: String as "BalancerKind",
        /// Must be empty: it is always in all zones of its region.
        azs: Vec<String> as "NoItems",
        /// An elastic IP to make together with it.
        elastic_ip: ElasticIpSpec,
        /// The VIP that it is to have; without it, a free address of the subnet.
        private_ip_address: String as "AddressOrEmpty",
        /// Must be empty: its instances have security groups.
        security_group_ids: Vec<String> as "NoItems",
        /// A sentence for people.
        description: String as "Description",
        /// Whether deletion is refused. Default false.
        delete_protection: bool,
        /// Its tags.
        user_tags: Vec<Tag> as "Tags",
    }

    /// A change of a load balancer; what is left out stays.
    UpdateLoadBalancer {
        ?
        /// Its new name.
        load_balancer_name: String as "Name",
        /// Whether it is to serve.
        action: String as "BalancerAction",
        /// Its new description.
        description: String as "Description",
        /// Whether deletion is refused.
        delete_protection: bool,
        /// Its new VIP, a free address of the same subnet.
        private_ip_address: String as "AddressOrEmpty",
    }

    /// An elastic IP to bind or to release.
    ElasticIpId {
        /// Its id.
        elastic_ip_id: String,
    }

    /// A load balancer.
    LoadBalancer {
        /// Its id.
        load_balancer_id: String,
        /// Its name.
        load_balancer_name: String as "Name",
        /// The subnet of its VIP.
        subnet_id: String,
        /// Its VPC.
        vpc_id: String,
        /// Always `dnlb`.
        #[serde(rename = "type")]
        kind: String as "BalancerKind",
        /// Whether it serves.
        state: State,
        /// All zones of its region.
        azs: Vec<String>,
        /// Always empty.
        security_group_ids: Vec<String>,
        /// Its addresses.
        private_ip: PrivateIp,
        /// What it costs.
        charge: Charge,
        /// Its tags.
        tags: Vec<Tag>,
        /// A sentence for people.
        description: String as "Description",
        /// Whether deletion is refused.
        delete_protection: bool,
        /// When it was made.
        created_time: String as "Time",
        /// Always `standard`.
        az_type: String as "Standard",
    }

    /// A load balancer's state.
    #[schemars(rename = "LoadBalancerState")]
    State {
        /// `DOWN` after `Stop`.
        code: String as "BalancerState",
        /// Always empty.
        reason: String,
    }

    /// A load balancer's addresses.
    PrivateIp {
        /// The VIP.
        private_ip_address: String as "Address",
        ?
        /// Its elastic IP, if it has one.
        elastic_ip_id: String,
        /// The elastic IP's address.
        elastic_ip_address: String as "Address",
    }

    /// A listener to make.
    CreateListener {
        /// Its name.
        listener_name: String as "Name",
        /// Its protocol, for ever.
        protocol: String as "Protocol",
        /// Its port on the VIP, for ever; no other listener of that protocol may have it.
        port: i64 as "Port",
        /// The backend service, of the same load balancer and protocol.
        backend_id: String,
        /// Its load balancer.
        load_balancer_id: String,
        ?
        /// Not of layer 4.
        hsts_enable: bool as "NotOn",
        /// Not of layer 4.
        hsts_max_age: i64 as "Zero",
        /// Not of layer 4.
        url_map_id: String as "NoText",
        /// What it does.
        action: String as "ListenerAction",
        /// Not of layer 4.
        certificate_specs: Vec<super::Anything> as "NoItems",
        /// Seconds without a packet after which a connection is forgotten. Default 1800 for TCP, 300 for UDP.
        connection_idle_time_seconds: i64 as "IdleTime",
        /// A sentence for people.
        description: String as "Description",
    }

    /// A change of a listener; what is left out stays.
    UpdateListener {
        ?
        /// Its new name.
        listener_name: String as "Name",
        /// Whether it is to listen.
        status: String as "OnOff",
        /// Not of layer 4.
        hsts_enable: bool as "NotOn",
        /// Not of layer 4.
        hsts_max_age: i64 as "Zero",
        /// Not of layer 4.
        certificate_specs: Vec<super::Anything> as "NoItems",
        /// Seconds without a packet after which a connection is forgotten.
        connection_idle_time_seconds: i64 as "IdleTime",
        /// Another backend service, of the same load balancer and protocol.
        backend_id: String,
        /// Not of layer 4.
        url_map_id: String as "NoText",
        /// Its new description.
        description: String as "Description",
        /// Must be what it is: it cannot change.
        protocol: String as "Protocol",
        /// Must be what it is: it cannot change.
        port: i64 as "Port",
    }

    /// A listener: a protocol and a port of a load balancer's VIP, and where its connections go.
    Listener {
        /// Its id.
        listener_id: String,
        /// Its name.
        listener_name: String as "Name",
        /// Whether it is switched on.
        status: String as "OnOff",
        /// Its load balancer.
        load_balancer_id: String,
        /// Always `dnlb`.
        load_balancer_type: String as "BalancerKind",
        /// Its protocol.
        protocol: String as "Protocol",
        /// Its port on the VIP.
        port: i64 as "Port",
        /// Always `Forward`.
        action: String as "ListenerAction",
        /// Its backend service.
        backend_id: String,
        /// A sentence for people.
        description: String as "Description",
        /// When it was made.
        created_time: String as "Time",
        ?
        /// Seconds without a packet after which a connection is forgotten.
        connection_idle_time_seconds: i64 as "IdleTime",
    }

    /// A backend service to make.
    CreateBackend {
        /// Its name.
        backend_name: String as "Name",
        /// Its load balancer.
        load_balancer_id: String,
        /// Its protocol, for ever.
        protocol: String as "Protocol",
        /// The port of its targets, for ever; a target may have its own.
        port: i64 as "Port",
        /// How its targets are checked; `protocol` must be given.
        health_check_spec: HealthCheckSpec,
        ?
        /// By what a connection's target is chosen. Default `IpHash`.
        algorithm: String as "Algorithm",
        /// At most one target group; not together with an availability group.
        target_group_ids: Vec<String>,
        /// At most one availability group; not together with a target group.
        ag_ids: Vec<String>,
        /// As newer clients name the availability group; wins over `agIds`.
        ag_info_spec: AgInfoSpec,
        /// Not of layer 4.
        proxy_protocol: bool as "NotOn",
        /// A sentence for people.
        description: String as "Description",
        /// Needs no switch: hashing keeps connections together.
        session_stickiness: bool as "NotOn",
        /// Not of layer 4.
        session_sticky_timeout: i64 as "Zero",
        /// Seconds for which a target that left keeps its connections. Default 300.
        connection_draining_seconds: i64 as "Draining",
        /// Ours: what happens to new connections while no target is fit to take them. Default `Reset`.
        without_member: String as "WithoutMember",
        /// Not of layer 4.
        http_cookie_expire_seconds: i64 as "Zero",
        /// Not of layer 4.
        http_forwarded_protocol: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_port: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_host: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_vip: bool as "NotOn",
        /// Not needed: targets see the client's own address and port.
        http_forwarded_client_port: bool as "NotOn",
    }

    /// A change of a backend service; what is left out stays.
    UpdateBackend {
        ?
        /// Its new name.
        backend_name: String as "Name",
        /// How its targets are checked; what is left out stays.
        health_check_spec: HealthCheckSpec,
        /// By what a connection's target is chosen.
        algorithm: String as "Algorithm",
        /// Another server group: at most one target group. Empty: none.
        target_group_ids: Vec<String>,
        /// Another server group: at most one availability group. Empty: none.
        ag_ids: Vec<String>,
        /// As newer clients name the availability group; wins over `agIds`.
        ag_info_spec: AgInfoSpec,
        /// Not of layer 4.
        proxy_protocol: bool as "NotOn",
        /// Its new description.
        description: String as "Description",
        /// Needs no switch: hashing keeps connections together.
        session_stickiness: bool as "NotOn",
        /// Not of layer 4.
        session_sticky_timeout: i64 as "Zero",
        /// Seconds for which a target that left keeps its connections.
        connection_draining_seconds: i64 as "Draining",
        /// Ours: what happens to new connections while no target is fit to take them.
        without_member: String as "WithoutMember",
        /// Not of layer 4.
        http_cookie_expire_seconds: i64 as "Zero",
        /// Not of layer 4.
        http_forwarded_protocol: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_port: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_host: bool as "NotOn",
        /// Not of layer 4.
        http_forwarded_vip: bool as "NotOn",
        /// Not needed: targets see the client's own address and port.
        http_forwarded_client_port: bool as "NotOn",
        /// Whether to check no longer; targets that run then get traffic.
        close_health_check: bool,
        /// Must be what it is: it cannot change.
        protocol: String as "Protocol",
        /// Must be what it is: it cannot change.
        port: i64 as "Port",
        /// Must be what it is: it cannot change.
        load_balancer_id: String,
    }

    /// An availability group as newer clients name it; it wins over `agIds`.
    AgInfoSpec {
        /// Its id.
        ag_id: String,
        ?
        /// Weight of members that have none of their own. Default 10.
        default_weight: i64 as "Weight",
    }

    /// How to check targets.
    HealthCheckSpec {
        ?
        /// `Icmp` is for Udp backend services, `Http` for Tcp ones, `Tcp` for both.
        protocol: String as "CheckProtocol",
        /// Good checks in a row that make a target healthy. Default 3.
        healthy_threshold_count: i64 as "CheckThreshold",
        /// Bad checks in a row that make a target unhealthy. Default 3.
        unhealthy_threshold_count: i64 as "CheckThreshold",
        /// Seconds to wait for an answer. Default 3.
        check_timeout_seconds: i64 as "CheckTimeout",
        /// Seconds between two checks. Default 5.
        interval_seconds: i64 as "CheckInterval",
        /// The port; 0: the one that gets the traffic. Not for `Icmp`. Default 0.
        port: i64 as "PortOrZero",
        /// For `Http`: the version that is spoken, of which there is one.
        http_version: String as "HttpVersion",
        /// For `Http`: what the request names as `Host`, a domain or an address. Default: the target's address and port.
        http_domain: String as "HttpDomain",
        /// For `Http`: what is asked for by GET. Default `/`.
        http_path: String as "HttpPath",
        /// For `Http`: codes of good replies: one (`200`), a range (`201-205`), a class (`3xx`) or, with commas, several.
        /// Default `2xx` and `3xx`; there are 200 to 499.
        http_code: Vec<String> as "HttpCodes",
    }

    /// A backend service: how connections are spread over which targets, and how these are checked.
    Backend {
        /// Its id.
        backend_id: String,
        /// Its name.
        backend_name: String as "Name",
        /// Its load balancer.
        load_balancer_id: String,
        /// Always `dnlb`.
        load_balancer_type: String as "BalancerKind",
        /// Its protocol.
        protocol: String as "Protocol",
        /// The port of its targets; a target may have its own.
        port: i64 as "Port",
        /// By what a connection's target is chosen.
        algorithm: String as "Algorithm",
        /// Its target group, if it has one.
        target_group_ids: Vec<String>,
        /// Its availability group, if it has one.
        ag_ids: Vec<String>,
        /// Its availability group as newer clients know it, with the weight of members that have none of their own.
        ag_infos: Vec<AgInfo>,
        /// Always false.
        proxy_protocol: bool,
        /// A sentence for people.
        description: String as "Description",
        /// Always false.
        session_stickiness: bool,
        /// How its targets are checked.
        health_check: HealthCheck,
        /// Whether they are not.
        close_health_check: bool,
        /// When it was made.
        created_time: String as "Time",
        ?
        /// Seconds for which a target that left keeps its connections.
        connection_draining_seconds: i64 as "Draining",
        /// Ours: what happens to new connections while no target is fit to take them.
        without_member: String as "WithoutMember",
    }

    /// How targets are checked.
    HealthCheck {
        /// By a connection, by a ping, or by a request over HTTP.
        protocol: String as "CheckProtocol",
        /// Good checks in a row that make a target healthy.
        healthy_threshold_count: i64 as "CheckThreshold",
        /// Bad checks in a row that make a target unhealthy.
        unhealthy_threshold_count: i64 as "CheckThreshold",
        /// Seconds to wait for an answer.
        check_timeout_seconds: i64 as "CheckTimeout",
        /// Seconds between two checks.
        interval_seconds: i64 as "CheckInterval",
        /// The port; 0: the one that gets the traffic.
        port: i64 as "PortOrZero",
        ?
        /// Of `Http`: the version that is spoken.
        http_version: String as "HttpVersion",
        /// Of `Http`: what the request names as `Host`, if that is not the target's address.
        http_domain: String as "HttpDomain",
        /// Of `Http`: what is asked for.
        http_path: String as "HttpPath",
        /// Of `Http`: codes of good replies.
        http_code: Vec<String> as "HttpCodes",
    }

    /// A target group to make.
    CreateTargetGroup {
        /// Its name.
        target_group_name: String as "Name",
        /// Its load balancer.
        load_balancer_id: String,
        ?
        /// A sentence for people.
        description: String as "Description",
        /// What its targets are.
        #[serde(rename = "type")]
        kind: String as "GroupKind",
    }

    /// A change of a target group; what is left out stays.
    UpdateTargetGroup {
        ?
        /// Its new name.
        target_group_name: String as "Name",
        /// Its new description.
        description: String as "Description",
    }

    /// A target group ("virtual server group"): hand-picked instances with ports and weights of their own.
    TargetGroup {
        /// Its id.
        target_group_id: String,
        /// Its name.
        target_group_name: String as "Name",
        /// Its load balancer.
        load_balancer_id: String,
        /// Always `dnlb`.
        load_balancer_type: String as "BalancerKind",
        /// Its load balancer's name.
        load_balancer_name: String as "Name",
        /// A sentence for people.
        description: String as "Description",
        /// When it was made.
        created_time: String as "Time",
        /// Always `instance`.
        #[serde(rename = "type")]
        kind: String as "GroupKind",
    }

    /// Targets to add, all or none.
    RegisterTargets {
        /// At least one; an instance can be in a group only once.
        #[schemars(length(min = 1))]
        target_specs: Vec<TargetSpec>,
    }

    /// A target to register.
    TargetSpec {
        ?
        /// The instance, of the load balancer's VPC and address family. Must be given.
        instance_id: String,
        /// What it is. Says nothing new: the instance does.
        #[serde(rename = "type")]
        kind: String as "TargetKind",
        /// Its port; 0: the backend service's. Default 0.
        port: i64 as "PortOrZero",
        /// Its share of connections is its weight over the sum of all. Default 10.
        weight: i64 as "Weight",
        /// Targets are instances.
        ip_address: String as "Never",
    }

    /// Targets to remove, all or none.
    DeregisterTargets {
        /// Their ids.
        target_ids: Vec<String>,
    }

    /// Targets to change, all or none.
    UpdateTargets {
        /// The changes.
        target_update_specs: Vec<TargetUpdateSpec>,
    }

    /// A change of a target; what is left out stays.
    TargetUpdateSpec {
        /// Its id.
        target_id: String,
        ?
        /// Its port; 0: the backend service's.
        port: i64 as "PortOrZero",
        /// Its weight.
        weight: i64 as "Weight",
    }

    /// A target.
    Target {
        /// Its id.
        target_id: String,
        /// Its group.
        target_group_id: String,
        /// Always `vm`.
        #[serde(rename = "type")]
        kind: String as "TargetKind",
        /// The instance.
        instance_id: String,
        /// Its port; 0: the backend service's.
        port: i64 as "PortOrZero",
        /// Its weight.
        weight: i64 as "Weight",
        /// The instance's address.
        private_ip_address: String as "AddressOrEmpty",
    }

    /// The health of a target of a backend service.
    TargetHealth {
        /// The instance.
        instance_id: String,
        /// Always `vm`.
        #[serde(rename = "type")]
        kind: String as "TargetKind",
        /// The port that gets the traffic.
        port: i64 as "Port",
        /// Its weight.
        weight: i64 as "Weight",
        /// Whether it gets new connections; `N/A` while the backend service does not check.
        status: String as "crate::shape::TargetHealth",
        /// The instance's address.
        ip_address: String as "Address",
        ?
        /// The target group through which it is a target.
        target_group_id: String,
        /// The availability group through which it is a target.
        ag_id: String,
        /// Why it gets no new connections.
        unhealth_reason: UnhealthReason,
        /// Ours: since when its checks have said so. Missing while something else than a check says it: no check, its host, its state.
        since_time: String as "Time",
    }

    /// Ours: how the rows of a backend service are divided. A flow's hash chooses a row, and the row a target.
    RowDistribution {
        /// The backend service.
        backend_id: String,
        /// What is hashed.
        algorithm: String as "Algorithm",
        /// How many rows there are; 0 without targets.
        rows: i64,
        /// The targets, as they were made.
        targets: Vec<TargetRows>,
    }

    /// The rows of a target.
    TargetRows {
        /// The instance.
        instance_id: String,
        /// The instance's address.
        ip_address: String as "Address",
        /// The port that gets the traffic.
        port: i64 as "Port",
        /// Its weight.
        weight: i64 as "Weight",
        /// Whether it gets new connections; `N/A` while the backend service does not check.
        status: String as "crate::shape::TargetHealth",
        /// Rows that choose it.
        rows: i64,
        /// What its weight among those who get new connections makes of all rows; `rows` is that, rounded down or up.
        wanted_rows: f64,
    }

    /// Why a target gets no new flows.
    UnhealthReason {
        /// A word for programs.
        reason: String,
        /// A sentence for people.
        detail: String,
    }

    /// An availability group that serves a backend service.
    AgInfo {
        /// The group.
        ag_id: String,
        /// Weight of members that have none of their own.
        default_weight: i64 as "Weight",
    }

    /// A member of an availability group that serves a backend service.
    AgTarget {
        /// Its id as a target.
        target_id: String,
        /// The group.
        ag_id: String,
        /// What it is.
        #[serde(rename = "type")]
        kind: String as "TargetKind",
        /// The instance.
        instance_id: String,
        /// Where it takes traffic.
        port: i64 as "Port",
        /// Its weight.
        weight: i64 as "Weight",
        /// Its address.
        private_ip_address: String,
        /// Its address.
        ip_address: String,
    }

    /// Weights of members of an availability group, all or none.
    UpdateAgTargets {
        /// The members to change.
        target_update_specs: Vec<AgTargetUpdateSpec>,
    }

    /// A change of a member of an availability group.
    AgTargetUpdateSpec {
        /// Its id as a target.
        target_id: String,
        ?
        /// Its new weight.
        weight: i64 as "Weight",
        /// The backend service's port or 0: members have no other.
        port: i64 as "PortOrZero",
    }
}
