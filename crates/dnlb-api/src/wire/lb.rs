//! Service `lb`: load balancers and what they are made of.

use super::{Anything, Charge, Tag, models, vpc::ElasticIpSpec};

models! {
    /// CreateLoadBalancer.
    CreateLoadBalancer {
        load_balancer_name: String,
        subnet_id: String,
        ?
        #[serde(rename = "type")]
        kind: String,
        azs: Vec<String>,
        elastic_ip: ElasticIpSpec,
        private_ip_address: String,
        security_group_ids: Vec<String>,
        description: String,
        delete_protection: bool,
        user_tags: Vec<Tag>,
    }

    /// UpdateLoadBalancer.
    UpdateLoadBalancer {
        ?
        load_balancer_name: String,
        action: String,
        description: String,
        delete_protection: bool,
        private_ip_address: String,
    }

    /// AssociateElasticIp, DisassociateElasticIp.
    ElasticIpId { elastic_ip_id: String, }

    /// A load balancer.
    LoadBalancer {
        load_balancer_id: String,
        load_balancer_name: String,
        subnet_id: String,
        vpc_id: String,
        #[serde(rename = "type")]
        kind: String,
        state: State,
        azs: Vec<String>,
        security_group_ids: Vec<String>,
        private_ip: PrivateIp,
        charge: Charge,
        tags: Vec<Tag>,
        description: String,
        delete_protection: bool,
        created_time: String,
        az_type: String,
    }

    /// A load balancer's state.
    State { code: String, reason: String, }

    /// A load balancer's addresses.
    PrivateIp {
        private_ip_address: String,
        ?
        elastic_ip_id: String,
        elastic_ip_address: String,
    }

    /// CreateListener.
    CreateListener {
        listener_name: String,
        protocol: String,
        port: i64,
        backend_id: String,
        load_balancer_id: String,
        ?
        hsts_enable: bool,
        hsts_max_age: i64,
        url_map_id: String,
        action: String,
        certificate_specs: Vec<Anything>,
        connection_idle_time_seconds: i64,
        description: String,
    }

    /// UpdateListener.
    UpdateListener {
        ?
        listener_name: String,
        status: String,
        hsts_enable: bool,
        hsts_max_age: i64,
        certificate_specs: Vec<Anything>,
        connection_idle_time_seconds: i64,
        backend_id: String,
        url_map_id: String,
        description: String,
        protocol: String,
        port: i64,
    }

    /// A listener.
    Listener {
        listener_id: String,
        listener_name: String,
        status: String,
        load_balancer_id: String,
        load_balancer_type: String,
        protocol: String,
        port: i64,
        action: String,
        backend_id: String,
        description: String,
        created_time: String,
        ?
        connection_idle_time_seconds: i64,
    }

    /// CreateBackend.
    CreateBackend {
        backend_name: String,
        load_balancer_id: String,
        protocol: String,
        port: i64,
        health_check_spec: HealthCheckSpec,
        ?
        algorithm: String,
        target_group_ids: Vec<String>,
        ag_ids: Vec<String>,
        ag_info_spec: AgInfoSpec,
        proxy_protocol: bool,
        description: String,
        session_stickiness: bool,
        session_sticky_timeout: i64,
        connection_draining_seconds: i64,
        without_member: String,
        http_cookie_expire_seconds: i64,
        http_forwarded_protocol: bool,
        http_forwarded_port: bool,
        http_forwarded_host: bool,
        http_forwarded_vip: bool,
        http_forwarded_client_port: bool,
    }

    /// UpdateBackend.
    UpdateBackend {
        ?
        backend_name: String,
        health_check_spec: HealthCheckSpec,
        algorithm: String,
        target_group_ids: Vec<String>,
        ag_ids: Vec<String>,
        ag_info_spec: AgInfoSpec,
        proxy_protocol: bool,
        description: String,
        session_stickiness: bool,
        session_sticky_timeout: i64,
        connection_draining_seconds: i64,
        without_member: String,
        http_cookie_expire_seconds: i64,
        http_forwarded_protocol: bool,
        http_forwarded_port: bool,
        http_forwarded_host: bool,
        http_forwarded_vip: bool,
        http_forwarded_client_port: bool,
        close_health_check: bool,
        protocol: String,
        port: i64,
        load_balancer_id: String,
    }

    /// An availability group as newer clients name it; it wins over `agIds`.
    AgInfoSpec { ag_id: String, ? default_weight: i64, }

    /// How to check targets.
    HealthCheckSpec {
        ?
        protocol: String,
        healthy_threshold_count: i64,
        unhealthy_threshold_count: i64,
        check_timeout_seconds: i64,
        interval_seconds: i64,
        port: i64,
        http_domain: String,
        http_path: String,
        http_code: Vec<String>,
    }

    /// A backend service.
    Backend {
        backend_id: String,
        backend_name: String,
        load_balancer_id: String,
        load_balancer_type: String,
        protocol: String,
        port: i64,
        algorithm: String,
        target_group_ids: Vec<String>,
        ag_ids: Vec<String>,
        proxy_protocol: bool,
        description: String,
        session_stickiness: bool,
        health_check: HealthCheckSpec,
        close_health_check: bool,
        created_time: String,
        ?
        connection_draining_seconds: i64,
        without_member: String,
    }

    /// CreateTargetGroup.
    CreateTargetGroup {
        target_group_name: String,
        load_balancer_id: String,
        ?
        description: String,
        #[serde(rename = "type")]
        kind: String,
    }

    /// UpdateTargetGroup.
    UpdateTargetGroup { ? target_group_name: String, description: String, }

    /// A target group.
    TargetGroup {
        target_group_id: String,
        target_group_name: String,
        load_balancer_id: String,
        load_balancer_type: String,
        load_balancer_name: String,
        description: String,
        created_time: String,
        #[serde(rename = "type")]
        kind: String,
    }

    /// RegisterTargets.
    RegisterTargets { target_specs: Vec<TargetSpec>, }

    /// A target to register.
    TargetSpec {
        ?
        instance_id: String,
        #[serde(rename = "type")]
        kind: String,
        port: i64,
        weight: i64,
        ip_address: String,
    }

    /// DeRegisterTargets.
    DeregisterTargets { target_ids: Vec<String>, }

    /// UpdateTargets.
    UpdateTargets { target_update_specs: Vec<TargetUpdateSpec>, }

    /// A change of a target.
    TargetUpdateSpec { target_id: String, ? port: i64, weight: i64, }

    /// A target.
    Target {
        target_id: String,
        target_group_id: String,
        #[serde(rename = "type")]
        kind: String,
        instance_id: String,
        port: i64,
        weight: i64,
        private_ip_address: String,
    }

    /// The health of a target of a backend service.
    TargetHealth {
        instance_id: String,
        #[serde(rename = "type")]
        kind: String,
        port: i64,
        weight: i64,
        status: String,
        ip_address: String,
        ?
        target_group_id: String,
        ag_id: String,
        unhealth_reason: UnhealthReason,
    }

    /// Why a target gets no new flows.
    UnhealthReason { reason: String, detail: String, }
}
