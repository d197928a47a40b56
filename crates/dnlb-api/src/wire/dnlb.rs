//! Service `dnlb`: our own additions, in the manner of the others.

use super::models;

models! {
    /// A host, as it is wanted and as it is.
    Host {
        host_id: String,
        index: i64,
        az: String,
        rack: String,
        underlay_address: String,
        edge: bool,
        compute: bool,
        state: String,
        instance_count: i64,
        created_time: String,
        wanted_revision: u64,
        ?
        applied_revision: u64,
        lag_seconds: u64,
        error: String,
    }

    /// A region at a glance.
    Status {
        region: String,
        revision: u64,
        azs: Vec<String>,
        converged: bool,
        hosts: Vec<Host>,
        load_balancers: Vec<LoadBalancerStatus>,
    }

    /// How far the hosts that have to do with a load balancer show the region as it is.
    Convergence {
        load_balancer_id: String,
        wanted_revision: u64,
        converged: bool,
        host_count: i64,
        applied_count: i64,
        errors: Vec<String>,
        ?
        hosts: Vec<Host>,
    }

    /// A load balancer at a glance.
    LoadBalancerStatus {
        load_balancer_id: String,
        load_balancer_name: String,
        vpc_id: String,
        vip: String,
        state: String,
        listeners: Vec<ListenerStatus>,
        ?
        elastic_ip_address: String,
    }

    /// A listener at a glance.
    ListenerStatus {
        listener_id: String,
        listener_name: String,
        protocol: String,
        port: i64,
        status: String,
        backend_id: String,
        backend_name: String,
        backend_port: i64,
        healthy_targets: i64,
        total_targets: i64,
        ?
        target_group_id: String,
        ag_id: String,
    }

    /// Packets that were followed over all hosts, and what became of them.
    Trace {
        trace_id: String,
        ended: bool,
        next: u64,
        lost_steps: u64,
        steps: Vec<serde_json::Value>,
        errors: Vec<TraceError>,
    }

    /// Why a trace does not run on a host.
    TraceError {
        host_id: String,
        reason: String,
    }
}
