//! Service `lb`.

use dnlb_api::wire::lb::*;

use super::{Description, names, operation};
use crate::ops::{ag_target, backend, listener, load_balancer, target_group};

pub(super) fn operations() -> Vec<Description> {
    let mut all = backends();
    all.extend(listeners());
    all.extend(load_balancers());
    all.extend(target_groups());
    all
}

fn backends() -> Vec<Description> {
    vec![
        operation("DescribeBackends", "Lists backend services")
            .details(ONLY_ALB)
            .filters(&names(backend::FILTERS))
            .gives_page::<Backend>("backends"),
        operation("CreateBackend", "Makes a backend service")
            .details("It has a target group, an availability group of the load balancer's VPC, or none yet.")
            .body::<CreateBackend>()
            .gives::<String>("backendId"),
        operation("DescribeBackend", "Shows a backend service").gives::<Backend>("backend"),
        operation("UpdateBackend", "Changes a backend service")
            .details("Protocol, port and load balancer cannot change. Who leaves its server group drains.")
            .body::<UpdateBackend>(),
        operation("DeleteBackend", "Deletes a backend service")
            .details("Refused while a listener uses it. Its server group is only let go."),
        operation(
            "DescribeAgTargets",
            "Lists the members of the availability group that serves a backend service",
        )
        .filters(&[ag_target::FILTER])
        .gives_page::<AgTarget>("agTargets"),
        operation("UpdateAgTargets", "Changes weights of members of an availability group, all or none")
            .details("They hold for this backend service alone.")
            .body::<UpdateAgTargets>(),
        operation("DescribeRowDistribution", "Shows how the rows of a backend service are divided among its targets")
            .details("A flow's hash chooses a row, and the row a target. This is what every host computes for new connections.")
            .gives::<RowDistribution>("rowDistribution"),
        operation("DescribeTargetHealth", "Shows the health of a backend service's targets")
            .gives::<Vec<TargetHealth>>("targetHealths"),
    ]
}

fn listeners() -> Vec<Description> {
    vec![
        operation("DescribeListeners", "Lists listeners")
            .details(ONLY_ALB)
            .filters(&names(listener::FILTERS))
            .gives_page::<Listener>("listeners"),
        operation("CreateListener", "Makes a listener")
            .details("409 if another listener of the load balancer has its protocol and port.")
            .body::<CreateListener>()
            .gives::<String>("listenerId"),
        operation("DescribeListener", "Shows a listener").gives::<Listener>("listener"),
        operation("UpdateListener", "Changes a listener, or switches it on or off")
            .details("Protocol and port cannot change.")
            .body::<UpdateListener>(),
        operation("DeleteListener", "Deletes a listener"),
    ]
}

fn load_balancers() -> Vec<Description> {
    vec![
        operation("DescribeLoadBalancers", "Lists load balancers")
            .details(ONLY_ALB)
            .filters(&names(load_balancer::FILTERS))
            .tags()
            .gives_page::<LoadBalancer>("loadBalancers"),
        operation("CreateLoadBalancer", "Makes a load balancer")
            .details("It takes one address of its subnet: its VIP. It is in all zones of the region.")
            .body::<CreateLoadBalancer>()
            .gives::<String>("loadBalancerId"),
        operation("DescribeLoadBalancer", "Shows a load balancer").gives::<LoadBalancer>("loadBalancer"),
        operation("UpdateLoadBalancer", "Changes a load balancer, moves its VIP, starts or stops it")
            .body::<UpdateLoadBalancer>(),
        operation("DeleteLoadBalancer", "Deletes a load balancer")
            .details(
                "Refused while it is protected, or has listeners, backend services or target groups. Its elastic IP \
                 is only released.",
            ),
        operation("AssociateElasticIp", "Binds an elastic IP to a load balancer")
            .details("Each has at most one of the other, of the same address family.")
            .body::<ElasticIpId>(),
        operation("DisassociateElasticIp", "Releases a load balancer's elastic IP")
            .details("The elastic IP remains.")
            .body::<ElasticIpId>(),
    ]
}

fn target_groups() -> Vec<Description> {
    vec![
        operation("DescribeTargetGroups", "Lists target groups")
            .details(ONLY_ALB)
            .filters(&names(target_group::FILTERS))
            .gives_page::<TargetGroup>("targetGroups"),
        operation("CreateTargetGroup", "Makes a target group")
            .body::<CreateTargetGroup>()
            .gives::<String>("targetGroupId"),
        operation("DescribeTargetGroup", "Shows a target group").gives::<TargetGroup>("targetGroup"),
        operation("UpdateTargetGroup", "Changes name or description of a target group")
            .body::<UpdateTargetGroup>(),
        operation("DeleteTargetGroup", "Deletes a target group")
            .details("Refused while a backend service uses it."),
        operation("DescribeTargets", "Lists the targets of a target group")
            .filters(target_group::TARGET_FILTERS)
            .gives_page::<Target>("targets"),
        operation("RegisterTargets", "Adds targets to a target group")
            .details(
                "Instances of the load balancer's VPC and address family, each once in a group. All or none.",
            )
            .body::<RegisterTargets>(),
        operation("DeRegisterTargets", "Removes targets from a target group")
            .details("All or none. They drain.")
            .body::<DeregisterTargets>(),
        operation("UpdateTargets", "Changes port or weight of targets")
            .details("All or none.")
            .body::<UpdateTargets>(),
    ]
}

/// The lists of this service say nothing of a dnlb unless asked.
const ONLY_ALB: &str = "Give the filter `loadBalancerType` = `dnlb`: without it only resources of the type `alb` are meant, of which there are none.";
