use proptest::prelude::*;

use super::*;

fn backend(rows: u32, members: impl IntoIterator<Item = u32>) -> BackendDemand {
    BackendDemand { rows, members: members.into_iter().map(|number| (number, 1)).collect() }
}

fn rule(port: u32) -> RuleEntry {
    RuleEntry { ports: port << 16 | port, protocol: 6, action: RuleEntry::ALLOW, ..Default::default() }
}

/// Applies what was updated last, and updates again.
fn next(alloc: &mut Allocation, gone: &[u32], backends: impl IntoIterator<Item = (u32, BackendDemand)>) {
    alloc.release();
    let mut demand = demand(backends);
    demand.backends.extend(gone.iter().map(|number| (*number, None)));
    alloc.update(&demand).unwrap();
}

fn demand(backends: impl IntoIterator<Item = (u32, BackendDemand)>) -> Demand {
    Demand {
        backends: backends.into_iter().map(|(number, wanted)| (number, Some(wanted))).collect(),
        rules: None,
    }
}

#[test]
fn what_stays_wanted_stays_where_it_is() {
    let mut alloc = Allocation::default();
    alloc.update(&demand([(1, backend(1_021, [7, 8])), (2, backend(2_039, [8, 9]))])).unwrap();
    let before = alloc.backend(2).cloned().unwrap();
    next(&mut alloc, &[1], [(2, backend(2_039, [9, 10])), (3, backend(1_021, [1]))]);
    let after = alloc.backend(2).unwrap();
    assert_eq!((after.rows, after.members), (before.rows, before.members));
    assert_eq!(after.slot(9), before.slot(9));
    // Instance 8 keeps its slot until this has been applied.
    assert_eq!(after.slot(8), None);
    assert_ne!(after.slot(10), before.slot(8));
    assert!(after.members().any(|(_, entry)| entry.instance == 8));
    next(&mut alloc, &[3], [(2, backend(2_039, [9, 10, 11]))]);
    assert_eq!(alloc.backend(2).unwrap().slot(11), before.slot(8));
}

#[test]
fn a_resized_table_gets_another_range_and_the_old_one_rests_for_an_update() {
    let mut alloc = Allocation::default();
    alloc.update(&demand([(1, backend(1_021, [7]))])).unwrap();
    let old = alloc.backend(1).unwrap().rows;
    assert_eq!(old, Range { base: 0, len: 1_021 });
    alloc.update(&demand([(1, backend(2_039, [7]))])).unwrap();
    assert_eq!(alloc.backend(1).unwrap().rows, Range { base: 1_024, len: 2_039 });
    next(&mut alloc, &[], [(2, backend(1_021, [7]))]);
    assert_eq!(alloc.backend(2).unwrap().rows, old);
}

#[test]
fn a_group_that_outgrows_its_member_range_gets_new_rows_too() {
    let mut alloc = Allocation::default();
    alloc.update(&demand([(1, backend(1_021, 1..=7)), (2, backend(1_021, [8]))])).unwrap();
    let old = alloc.backend(1).unwrap().clone();
    alloc.update(&demand([(1, backend(1_021, 1..=8)), (2, backend(1_021, [8]))])).unwrap();
    let new = alloc.backend(1).unwrap();
    assert_ne!(new.members.base, old.members.base);
    // Services name the old ranges until the flip: slot 8 in the old rows would be somebody else's member.
    assert_eq!(new.rows, Range { base: 2_048, len: 1_021 });
}

#[test]
fn equal_rule_lists_share_a_range_and_a_changed_one_gets_a_new_range() {
    let (old, new) = (vec![rule(80)], vec![rule(81)]);
    let with = |rules: &[&Vec<RuleEntry>]| Demand {
        rules: Some(rules.iter().map(|rules| (*rules).clone()).collect()),
        ..Default::default()
    };
    let mut alloc = Allocation::default();
    alloc.update(&with(&[&old, &old, &vec![]])).unwrap();
    assert_eq!(alloc.rule_range(&old).map(|range| range.base), Some(0));
    assert_eq!(alloc.rules().len(), 1);
    alloc.release();
    assert!(alloc.update(&with(&[&new])).unwrap().rules);
    assert_eq!(alloc.rule_range(&new).map(|range| range.base), Some(1));
    assert_eq!(held(&alloc), [(0, rule(80)), (1, rule(81))].into());
    // Programs may read the old list until the new one has been applied.
    assert_eq!(alloc.update(&with(&[&new])).unwrap(), Moved::default());
    assert_eq!(held(&alloc), [(0, rule(80)), (1, rule(81))].into());
    assert!(alloc.release().rules);
    assert_eq!(held(&alloc), [(1, rule(81))].into());
    assert_eq!(alloc.rule_range(&[]), Some(RuleRange::default()));
}

#[test]
fn a_full_map_is_named_and_nothing_changes() {
    let mut alloc = Allocation::new(Capacity { rows: 1_024, members: 64, rules: 1, ..Capacity::default() });
    alloc.update(&demand([(1, backend(1_021, [7]))])).unwrap();
    let before = alloc.clone();
    let error = alloc.update(&demand([(1, backend(1_021, [7])), (2, backend(251, [7]))])).unwrap_err();
    assert_eq!(error, AllocError::Full { map: "ROWS_HOT", wanted: 251, used: 1_024, capacity: 1_024 });
    assert_eq!(alloc, before);
}

#[test]
fn a_stored_allocation_reads_back_equal() {
    let mut alloc = Allocation::default();
    let rules = Some(vec![vec![rule(80), rule(443)]]);
    alloc.update(&Demand { rules, ..demand([(1, backend(1_021, [7, 8]))]) }).unwrap();
    let text = serde_json::to_string(&alloc).unwrap();
    assert_eq!(serde_json::from_str::<Allocation>(&text).unwrap(), alloc);
}

fn held(alloc: &Allocation) -> BTreeMap<u32, RuleEntry> {
    alloc.rules().iter().flat_map(RulePlace::entries).collect()
}

/// Everything that programs may read after an update: ranges of rows, of members and of rules.
fn ranges(alloc: &Allocation) -> [Vec<Range>; 3] {
    [
        alloc.backends.values().map(|place| place.rows).chain(alloc.retired_rows.iter().copied()).collect(),
        alloc
            .backends
            .values()
            .map(|place| place.members)
            .chain(alloc.retired_members.iter().copied())
            .collect(),
        alloc.rules.iter().map(RulePlace::range).collect(),
    ]
}

/// Whether whatever `former` names still means the same in `now`: programs may read either.
fn keeps_what_is_read(former: &Allocation, now: &Allocation) -> Result<(), TestCaseError> {
    let [rows, members, _] = ranges(now);
    let held = held(now);
    for (number, place) in &former.backends {
        let after = now.backend(*number);
        for (range, own, all) in [
            (place.rows, after.map(|it| it.rows), &rows),
            (place.members, after.map(|it| it.members), &members),
        ] {
            // Its own, or nobody's that is not retired.
            let others = all.iter().filter(|other| other.base < range.end() && range.base < other.end());
            prop_assert!(
                range.len == 0 || own == Some(range) || others.eq([&range]),
                "{range:?} of {number} was given away"
            );
        }
        let Some(after) = after.filter(|after| after.members == place.members) else { continue };
        // Slots still mean the same instance.
        let entries: BTreeMap<u32, MemberEntry> = after.members().collect();
        for (&instance, slot) in &place.slots {
            let at = place.members.base + u32::from(slot.slot);
            prop_assert_eq!(entries.get(&at).map(|entry| entry.instance), Some(instance));
        }
    }
    for (at, rule) in former.rules.iter().filter(|place| !place.retired).flat_map(RulePlace::entries) {
        prop_assert_eq!(held.get(&at), Some(&rule));
    }
    Ok(())
}

proptest! {
    #[test]
    fn nothing_overlaps_and_what_was_read_a_moment_ago_is_not_overwritten(
        updates in prop::collection::vec(
            (
                prop::collection::btree_map(
                    1_u32..6,
                    (prop::sample::select(vec![0_u32, 5, 7, 11]), prop::collection::btree_set(1_u32..30, 0..20)),
                    0..5,
                ),
                prop::collection::vec(prop::collection::vec(1_u32..4, 0..4), 0..4),
                any::<bool>(),
            ),
            1..8,
        ),
    ) {
        let mut alloc = Allocation::new(Capacity { rows: 512, members: 2_048, rules: 64, ..Capacity::default() });
        // What programs read: the last one that was applied.
        let mut in_force = alloc.clone();
        for (backends, rules, applied) in updates {
            let before = alloc.clone();
            let mut demand = Demand {
                backends: backends.into_iter().map(|(number, (rows, members))| (number, Some(backend(rows, members)))).collect(),
                rules: Some(rules.into_iter().map(|ports| ports.into_iter().map(rule).collect()).collect()),
            };
            for number in alloc.backends() {
                demand.backends.entry(number).or_insert(None);
            }
            alloc.update(&demand).unwrap();
            keeps_what_is_read(&in_force, &alloc)?;
            for mut ranges in ranges(&alloc) {
                ranges.retain(|range| range.len > 0);
                ranges.sort_unstable();
                prop_assert!(ranges.windows(2).all(|pair| pair[0].end() <= pair[1].base), "{ranges:?}");
            }
            for (number, wanted) in &demand.backends {
                let (Some(wanted), place) = (wanted, alloc.backend(*number)) else {
                    prop_assert_eq!(alloc.backend(*number), None);
                    continue;
                };
                let place = place.unwrap();
                prop_assert_eq!(place.rows.len, wanted.rows);
                prop_assert_eq!(place.rows.base % 4, 0);
                let entries: BTreeMap<u32, MemberEntry> = place.members().collect();
                let taken = entries.values().filter(|entry| entry.instance != 0).count();
                prop_assert_eq!(taken, place.slots.len() + place.retired.len());
                prop_assert!(entries.keys().copied().eq((place.members.base..place.members.end()).skip(1)));
                prop_assert!(wanted.members.keys().all(|&instance| place.slot(instance).is_some()));
                // Rows that are written in place are read with the former member range until the services change.
                if let Some(former) = before.backend(*number)
                    && former.rows == place.rows
                    && place.rows.len > 0
                    && place.members.len > 0
                {
                    prop_assert_eq!(former.members, place.members);
                }
            }
            for rules in demand.rules.iter().flatten() {
                let (base, held) = (alloc.rule_range(rules).unwrap().base, held(&alloc));
                for (at, rule) in (base..).zip(rules) {
                    prop_assert_eq!(held.get(&at), Some(rule));
                }
            }
            // Asking for the same again, or for nothing else, moves nothing.
            for demand in [&demand, &Demand::default()] {
                let mut again = alloc.clone();
                prop_assert_eq!(again.update(demand).unwrap(), Moved::default());
                prop_assert_eq!(&again, &alloc);
            }
            if applied {
                in_force = alloc.clone();
                alloc.release();
                keeps_what_is_read(&in_force, &alloc)?;
            }
        }
    }
}
