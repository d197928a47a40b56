//! Service `ag`.

use dnlb_api::wire::{ag::*, vm::Quota};

use super::{Description, names, operation};
use crate::ops::{ag, quota};

pub(super) fn operations() -> Vec<Description> {
    vec![
        operation("DescribeAgs", "Lists availability groups")
            .details("Filter `agName` matches a part of the name, the others match wholly.")
            .filters(&names(ag::FILTERS))
            .gives_page::<AvailabilityGroup>("ags"),
        operation("CreateAg", "Makes an availability group")
            .details("It has no instances at first: CreateInstances with its id adds some.")
            .body::<CreateAg>()
            .gives::<String>("agId"),
        operation("DescribeAg", "Shows an availability group").gives::<AvailabilityGroup>("ag"),
        operation("UpdateAg", "Changes name or description of an availability group").body::<UpdateAg>(),
        operation("DeleteAg", "Deletes an availability group")
            .details("Refused while it has instances or a backend service uses it."),
        operation("AbandonInstances", "Lets instances of an availability group go")
            .details("They live on outside the group. All of them are let go, or none.")
            .body::<AbandonInstances>(),
        operation("SetInstanceTemplate", "Sets the template of an availability group's next instances")
            .body::<SetInstanceTemplate>(),
        operation("DescribeQuotas", "Shows the quotas of availability groups")
            .filters(&[quota::FILTER])
            .gives::<Vec<Quota>>("quotas"),
    ]
}
