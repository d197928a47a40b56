//! Service `vm`.

use dnlb_api::{shape::ConsoleBytes, wire::vm::*};

use super::{Description, names, operation};
use crate::ops::{catalogue, instance, quota, template};

pub(super) fn operations() -> Vec<Description> {
    let mut all = catalogue();
    all.extend(templates());
    all.extend(instances());
    all
}

fn catalogue() -> Vec<Description> {
    vec![
        operation("DescribeImages", "Lists images")
            .details("`imageSource` or `ids` must be given.")
            .parameter::<String>("imageSource", "`public`; of the others there are none.")
            .array("ids", "Id of an image.")
            .parameter::<String>("imageName", "Name of an image.")
            .parameter::<bool>("offline", "Whether to list images out of use, of which there are none.")
            .parameter::<String>("platform", "`Linux`")
            .parameter::<String>("architecture", "Machine architecture.")
            .parameter::<String>("rootDeviceType", "`localDisk`")
            .parameter::<String>("status", "`ready`")
            .gives_page::<Image>("images"),
        operation("DescribeImage", "Shows an image").gives::<Image>("image"),
        operation("DescribeInstanceTypes", "Lists sizes of instances")
            .filters(catalogue::TYPE_FILTERS)
            .gives_all::<InstanceType>("instanceTypes"),
        operation("DescribeQuotas", "Shows the quotas of instances and templates")
            .filters(&[quota::FILTER])
            .gives::<Vec<Quota>>("quotas"),
    ]
}

fn templates() -> Vec<Description> {
    vec![
        operation("DescribeInstanceTemplates", "Lists instance templates")
            .details("Filter `name` matches a part of the name.")
            .filters(&names(template::FILTERS))
            .gives_page::<InstanceTemplate>("instanceTemplates"),
        operation("CreateInstanceTemplate", "Makes an instance template")
            .body::<CreateInstanceTemplate>()
            .gives::<String>("instanceTemplateId"),
        operation("DescribeInstanceTemplate", "Shows an instance template")
            .gives::<InstanceTemplate>("instanceTemplate"),
        operation("UpdateInstanceTemplate", "Changes an instance template")
            .details("For instances to come. While an availability group uses it, VPC and address family must stay.")
            .body::<UpdateInstanceTemplate>(),
        operation("DeleteInstanceTemplate", "Deletes an instance template")
            .details("Refused while an availability group uses it. Instances that it made live on."),
        operation("VerifyInstanceTemplate", "Checks that everything that an instance template names exists"),
    ]
}

fn instances() -> Vec<Description> {
    vec![
        operation("DescribeInstances", "Lists instances")
            .details("Filters `name` and `privateIpAddress` match parts, the others match wholly.")
            .filters(&names(instance::FILTERS))
            .tags()
            .gives_page::<Instance>("instances"),
        operation("DescribeInstanceStatus", "Lists the status of instances")
            .filters(&names(instance::FILTERS))
            .tags()
            .gives_page::<InstanceStatus>("instanceStatuses"),
        operation("CreateInstances", "Makes instances")
            .details(
                "By `agId`: everything comes from the group's template, the group chooses the places. By \
                 `instanceTemplateId` and `az`: what else is given wins. Or in full. All or none; they start by \
                 themselves.",
            )
            .body::<CreateInstances>()
            .gives::<Vec<String>>("instanceIds"),
        operation("DescribeInstance", "Shows an instance").gives::<Instance>("instance"),
        operation("DescribeConsoleLog", "Shows what an instance has written last")
            .details("Asked of the instance's host: 400 while that does not answer.")
            .parameter::<ConsoleBytes>("maxBytes", "Bytes of the reply at most. Default 65536.")
            .gives::<ConsoleLog>("consoleLog"),
        operation("DeleteInstance", "Deletes an instance")
            .details("At once: its connections break. It leaves all target groups."),
        operation("ModifyInstanceAttribute", "Changes an instance").body::<ModifyInstanceAttribute>(),
        operation("RebootInstance", "Restarts an instance").details("Refused unless it is `running`."),
        operation("StartInstance", "Starts an instance").details("Refused unless it is `stopped`."),
        operation("StopInstance", "Stops an instance").details("Refused unless it is `running`."),
    ]
}
