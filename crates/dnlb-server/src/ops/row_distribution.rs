//! How the rows of a backend service are divided among its targets: a row decides who gets the new flows that hash to it.

use std::collections::BTreeMap;

use dnlb_api::wire::lb::{RowDistribution, TargetRows};
use dnlb_model::Region;
use dnlb_plan::{fitness, maglev, members, servers};

use super::{Call, Outcome, backend, find, one, quota};

/// The rows that every host computes from the members at this moment.
pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let backend = find(&region.backends, backend::KIND, &call.id())?;
    let members = members(region, &backend.id);
    let mut owned: BTreeMap<u32, usize> = BTreeMap::new();
    for number in maglev(&members) {
        *owned.entry(number).or_default() += 1;
    }
    let all: u32 = members.members.values().map(|member| member.weight).sum();
    let mut servers = servers(region, backend);
    // As they were made: ids are random.
    servers.sort_by_key(|server| server.instance.number);
    let targets = servers.into_iter().map(|server| {
        let number = server.instance.number;
        let weight = members.members.get(&number).map_or(0, |member| member.weight);
        TargetRows {
            instance_id: server.instance.id.0.clone(),
            ip_address: server.instance.addr.to_string(),
            port: server.port.into(),
            weight: server.weight.into(),
            status: backend::status_word(fitness(region, backend, server.instance)).to_owned(),
            rows: quota::count(owned.get(&number).copied().unwrap_or(0)),
            wanted_rows: f64::from(members.rows) * f64::from(weight) / f64::from(all.max(1)),
        }
    });
    one(
        "rowDistribution",
        RowDistribution {
            backend_id: backend.id.0.clone(),
            algorithm: backend::algorithm_word(backend.algorithm).to_owned(),
            rows: members.rows.into(),
            targets: targets.collect(),
        },
    )
}
