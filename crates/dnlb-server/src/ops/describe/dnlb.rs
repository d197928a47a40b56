//! Service `dnlb`.

use dnlb_api::wire::dnlb::*;

use super::{Description, operation};

pub(super) fn operations() -> Vec<Description> {
    vec![
        operation("DescribeHosts", "Lists the region's hosts").gives_all::<Host>("hosts"),
        operation("DescribeStatus", "Shows the region at a glance")
            .details("Hosts, load balancers with the health of their targets, and whether every host has caught up.")
            .gives::<Status>("status"),
        operation("CreateTrace", "Begins to follow packets over all hosts")
            .details("It ends by itself. 429 while too many traces run.")
            .body::<CreateTrace>()
            .gives::<String>("traceId"),
        operation("DescribeTrace", "Shows what became of packets that are followed")
            .parameter::<i64>("after", "Only what is newer: `next` of the former reply, 0 and up. Default 0.")
            .gives::<Trace>("trace"),
        operation("DeleteTrace", "Ends a trace before its time"),
    ]
}
