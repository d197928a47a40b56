//! Service `ag`: availability groups.

use super::{Anything, models};
use crate::shape::*;

models! {
    /// An availability group to make. It has no instances at first.
    CreateAg {
        /// Zones over which its instances are spread; fixed for ever.
        azs: Vec<String> as "SomeTexts",
        /// Its name.
        ag_name: String as "Name",
        ?
        /// What its instances are. Says nothing new: the image does.
        ag_type: String as "AgKind",
        /// The template from which its instances are made. Must be given.
        instance_template_id: String,
        /// A sentence for people.
        description: String as "Description",
        /// Members are always made from the template alone.
        configuration_type: String as "ConfigurationKind",
        /// Not looked at: groups do not scale by themselves in this version.
        autoscaling_spec: Anything,
    }

    /// A change of an availability group; what is left out stays.
    UpdateAg {
        ?
        /// Its new name.
        name: String as "Name",
        /// Its new description.
        description: String as "Description",
    }

    /// Another template for instances to come.
    SetInstanceTemplate {
        /// The template, in the same VPC and of the same address family as the one before.
        instance_template_id: String,
    }

    /// Instances to let go; they live on outside the group.
    AbandonInstances {
        /// Their ids.
        instance_ids: Vec<String>,
    }

    /// An availability group: instances made from one template, spread over zones, racks and hosts.
    AvailabilityGroup {
        /// Its id.
        id: String,
        /// Its name.
        name: String as "Name",
        /// A sentence for people.
        description: String as "Description",
        /// The template of its next instances.
        instance_template_id: String,
        /// Its zones.
        azs: Vec<String>,
        /// Always `vm`.
        ag_type: String as "AgKind",
        /// When it was made.
        create_time: String as "Time",
        /// How many instances it has.
        count: i64,
        /// Whether it scales by itself.
        auto_scaling: bool,
        /// Always `strict`.
        configuration_type: String as "ConfigurationKind",
        /// Ours: the VPC of its instances.
        vpc_id: String,
        ?
        /// Ours: the address family of its instances. Load balancers whose VIP is of the other one cannot have it.
        ip_version: i64 as "Family",
    }
}
