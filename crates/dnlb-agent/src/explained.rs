//! An explanation in words, with what only the host's configuration knows.

use dnlb_explain::{Explanation, Line, Names, Step, describe};
use dnlb_model::{HostConfig, MemberSet};
use serde_json::json;

/// The explanation in words, with what the configuration adds to it.
#[must_use]
pub fn explained(explanation: &Explanation, config: Option<&HostConfig>, names: &impl Names) -> Vec<Line> {
    let mut lines = describe(explanation, names);
    let generations = config.and_then(|config| generations(explanation, config, names));
    if let (Some(line), Some(at)) = (generations, lines.iter().position(|line| line.what == "row")) {
        lines.insert(at + 1, line);
    }
    lines
}

/// Whom each of the backend service's member sets gives the row: that is where its chain comes from.
fn generations(explanation: &Explanation, config: &HostConfig, names: &impl Names) -> Option<Line> {
    let backend = explanation.steps.iter().find_map(|step| match step {
        Step::Service { found, .. } => found.map(|found| found.backend),
        _ => None,
    })?;
    let (row, rows) = explanation.steps.iter().find_map(|step| match step {
        Step::Row { row, rows, .. } => Some((*row, *rows)),
        _ => None,
    })?;
    let sets = &config.backends.get(&backend)?.generations;
    let owners: Vec<_> = sets.iter().map(|set| owner(set, row, rows)).collect();
    let words = owners.iter().enumerate().map(|(age, owner)| {
        let owner = match owner {
            None => "nobody".to_owned(),
            Some(number) => names.instance(*number),
        };
        if age == 0 { format!("now {owner}") } else { format!("{age} before: {owner}") }
    });
    let text = format!("member sets give this row to: {}", words.collect::<Vec<_>>().join("; "));
    Some(Line { what: "generations", text, data: json!({"owners": owners}) })
}

/// The owner of a row in one member set; a smaller table's row stands for all that begin with its bits.
fn owner(set: &MemberSet, row: u32, rows: u32) -> Option<u32> {
    let table = dnlb_plan::maglev(set);
    let each = rows.checked_div(u32::try_from(table.len()).ok()?)?;
    table.get(row.checked_div(each)? as usize).copied().filter(|number| *number != 0)
}

#[cfg(test)]
mod tests {
    use dnlb_model::MemberConfig;

    use super::*;

    #[test]
    fn a_row_of_a_larger_table_has_the_owner_of_its_first_bits() {
        let members = (1..4).map(|number| (number, MemberConfig { host: 1, weight: 1 }));
        let set = MemberSet { members: members.collect(), rows: 1024 };
        let table = dnlb_plan::maglev(&set);
        for row in [0, 5, 4095] {
            assert_eq!(owner(&set, row, 1024 * 4), Some(table[row as usize / 4]));
        }
        assert_eq!(owner(&MemberSet::default(), 3, 1024), None);
    }
}
