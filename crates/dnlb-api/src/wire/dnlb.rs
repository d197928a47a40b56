//! Service `dnlb`: our own additions, in the manner of the others.

use super::models;
use crate::shape::*;

models! {
    /// A host, as it is wanted and as it is.
    Host {
        /// Its id.
        host_id: String,
        /// Its number in the region.
        index: i64,
        /// Its zone.
        az: String,
        /// Its rack, the fault domain inside its zone.
        rack: String,
        /// Its address in the underlay.
        underlay_address: String as "Address",
        /// Whether it takes packets from outside.
        edge: bool,
        /// Whether it carries instances.
        compute: bool,
        /// Whether it is heard of.
        state: String as "HostState",
        /// How many instances are placed there.
        instance_count: i64,
        /// When it joined first.
        created_time: String as "Time",
        /// The revision that it should show.
        wanted_revision: u64,
        ?
        /// The revision that its kernel shows, once it has said so.
        applied_revision: u64,
        /// Seconds since it was heard of.
        lag_seconds: u64,
        /// Why it does not show what it should.
        error: String,
    }

    /// A region at a glance.
    Status {
        /// Its name.
        region: String,
        /// Goes up with every change.
        revision: u64,
        /// Its zones.
        azs: Vec<String>,
        /// Whether every host that is up shows the latest revision.
        converged: bool,
        /// Its hosts.
        hosts: Vec<Host>,
        /// Its load balancers.
        load_balancers: Vec<LoadBalancerStatus>,
    }

    /// How far the hosts that have to do with a load balancer show the region as it is.
    Convergence {
        /// The load balancer.
        load_balancer_id: String,
        /// The region's revision.
        wanted_revision: u64,
        /// Whether all of these hosts that are up show it.
        converged: bool,
        /// How many hosts have to do with it: those that carry instances of its VPC, and edges if it has an elastic IP.
        host_count: i64,
        /// How many of them show the region's revision.
        applied_count: i64,
        /// What is wrong on others.
        errors: Vec<String>,
        ?
        /// The hosts: for those who operate the region.
        hosts: Vec<Host>,
    }

    /// A load balancer at a glance.
    LoadBalancerStatus {
        /// Its id.
        load_balancer_id: String,
        /// Its name.
        load_balancer_name: String as "Name",
        /// Its VPC.
        vpc_id: String,
        /// Its address inside the VPC.
        vip: String as "Address",
        /// Whether it serves.
        state: String as "BalancerState",
        /// Its listeners.
        listeners: Vec<ListenerStatus>,
        ?
        /// Its address outside, if it has one.
        elastic_ip_address: String as "Address",
    }

    /// A listener at a glance.
    ListenerStatus {
        /// Its id.
        listener_id: String,
        /// Its name.
        listener_name: String as "Name",
        /// Its protocol.
        protocol: String as "Protocol",
        /// Its port on the VIP.
        port: i64 as "Port",
        /// Whether it is switched on.
        status: String as "OnOff",
        /// Its backend service.
        backend_id: String,
        /// The backend service's name.
        backend_name: String as "Name",
        /// The backend service's port.
        backend_port: i64 as "Port",
        /// Targets that get new connections.
        healthy_targets: i64,
        /// All targets.
        total_targets: i64,
        ?
        /// The target group of the backend service, if it has one.
        target_group_id: String,
        /// The availability group of the backend service, if it has one.
        ag_id: String,
    }

    /// What went by something, and when.
    Metrics {
        /// What it is: `listener`, `loadBalancer`, `target` or `host`.
        resource_type: String as "MetricsOf",
        /// Its id; of a target that of its backend service.
        resource_id: String,
        /// When the first point begins.
        begin_time: String as "Time",
        /// When the last point ends, and nothing of it is missing yet.
        end_time: String as "Time",
        /// Seconds from a point's beginning to the next one's.
        step_seconds: i64 as "MetricsStep",
        /// The metrics.
        series: Vec<MetricSeries>,
        ?
        /// Of a target, its instance.
        instance_id: String,
    }

    /// One metric.
    MetricSeries {
        /// Its name: `connections`, `flows`, `packetsIn`, `packetsOut`, `bytes`, and the name of every outcome that packets have had: of hosts all of them, of others what went nowhere or had a second chance.
        name: String,
        /// `1/s` and `B/s`: the average of the step. `1`: the highest in the step.
        unit: String as "MetricUnit",
        /// A value a step, oldest first; null: nothing is known of that time.
        points: Vec<Option<f64>>,
    }

    /// Which packets to follow, and for how long. What is left out does not matter.
    CreateTrace {
        ?
        /// One end of the flow; packets both ways are meant.
        from: TraceEndpoint,
        /// The other end.
        to: TraceEndpoint,
        /// Number of an IP protocol: 6 TCP, 17 UDP, 1 ICMP, 58 ICMPv6.
        protocol: i64 as "u8",
        /// VNI of the VPC.
        vni: i64 as "u32",
        /// Only on this host.
        host: String,
        /// A listener: its name after that of its load balancer and a slash, `web/http`.
        listener: String,
        /// Name of an outcome, or `drop`: all of them that are drops.
        outcome: String,
        /// One of so many flows, the same ones on every host; 0 and 1: all. Default 0.
        one_in: i64 as "u32",
        /// The trace ends after so many packets. Default 1000.
        count: i64 as "TraceCount",
        /// The trace ends after so many seconds. Default 60.
        seconds: i64 as "TraceSeconds",
    }

    /// One end of a flow.
    TraceEndpoint {
        /// A block of addresses.
        block: String as "Block",
        ?
        /// The port; without it, any.
        port: i64 as "u16",
    }

    /// Packets that were followed over all hosts, and what became of them.
    Trace {
        /// Its id.
        trace_id: String,
        /// Whether it is over.
        ended: bool,
        /// What to give as `after` to see only what is new.
        next: u64,
        /// Steps for which there was no room.
        lost_steps: u64,
        /// What hosts did with packets, each as `dnlb trace` shows it.
        steps: Vec<serde_json::Value>,
        /// Hosts on which it does not run.
        errors: Vec<TraceError>,
    }

    /// Why a trace does not run on a host.
    TraceError {
        /// The host.
        host_id: String,
        /// Why.
        reason: String,
    }

    /// The first packet of a flow of which the way is to be explained.
    ExplainFlow {
        /// Who sends it.
        source_address: String as "Address",
        /// To whom; of a load balancer the VIP, or from outside its elastic IP.
        destination_address: String as "Address",
        /// The flow's protocol. Of `Icmp` a ping is meant.
        protocol: String as "FlowProtocol",
        ?
        /// The VPC of the instance that sends it. Without one, it comes from outside.
        vpc_id: String,
        /// The sender's port, which hashes may read; of a ping its identifier. Default 40000.
        source_port: i64 as "Port",
        /// The receiver's port; of a load balancer the listener's. Needed unless it is a ping.
        destination_port: i64 as "Port",
    }

    /// The way of a packet, host by host.
    FlowExplanation {
        /// What hosts would do with it at this moment, in order.
        hops: Vec<FlowHop>,
        ?
        /// The instance that gets it.
        instance_id: String,
        /// Why it is not known how it goes on after the last of these hops.
        unknown: String,
    }

    /// What one host would do with a packet.
    FlowHop {
        /// The host's zone.
        az: String,
        /// The program that decides: `edge`: from outside. `from_instance`: from an instance of this host. `from_overlay`: from another host.
        program: String,
        /// How it comes to its decision, in order.
        steps: Vec<FlowStep>,
        /// Name of what it decides.
        outcome: String,
        /// What kind of outcome that is.
        kind: String as "OutcomeKind",
        /// What the outcome means.
        meaning: String,
        /// What becomes of the packet: it is answered where it came from, delivered to an instance, ends here, leaves the region or is sent to the next host.
        fate: String as "FlowFate",
        ?
        /// The host: for those who operate the region.
        host_id: String,
        /// The instance that gets it here, or for which it is sent on.
        instance_id: String,
        /// Of what is refused or dropped, what to look at.
        advice: String,
    }

    /// A step of a decision.
    FlowStep {
        /// What it is about, for programs.
        code: String,
        /// A sentence for people.
        text: String,
    }
}
