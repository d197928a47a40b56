//! Service `ag`: availability groups.

use super::{Anything, models};

models! {
    /// CreateAg.
    CreateAg {
        azs: Vec<String>,
        ag_name: String,
        ?
        ag_type: String,
        instance_template_id: String,
        description: String,
        configuration_type: String,
        autoscaling_spec: Anything,
    }

    /// UpdateAg.
    UpdateAg { ? name: String, description: String, }

    /// SetInstanceTemplate.
    SetInstanceTemplate { instance_template_id: String, }

    /// AbandonInstances.
    AbandonInstances { instance_ids: Vec<String>, }

    /// An availability group.
    AvailabilityGroup {
        id: String,
        name: String,
        description: String,
        instance_template_id: String,
        azs: Vec<String>,
        ag_type: String,
        create_time: String,
        count: i64,
        auto_scaling: bool,
        configuration_type: String,
        vpc_id: String,
    }
}
