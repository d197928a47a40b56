//! All maps, in one table, and which of them belong together.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use aya::maps::{Array, MapData};
use dnlb_abi::{
    ABI_VERSION, Addr, Counter, EVENTS_BYTES, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FlowTotals,
    FlowTotalsKey, FragmentEntry, FragmentKey, HandoverKey, HandoverRecord, HostEntry, InstanceEntry, Layout,
    MemberEntry, RuleEntry, SERVICE_BUCKETS, SERVICE_SLOTS, ServiceEntry, ServiceOutcomeKey, Settings,
    TargetEntry, TargetKey, TraceControl, capacity, lost, maps,
};

use crate::{
    Capacities, SwitchError,
    layout::{Conversion, Description, MapDescription, Shape},
};

/// Maps that a version takes over only together, in a folder of their own.
///
/// Maps that look the same in two versions are the very same maps for both: nothing has to be carried over. If one map of a
/// group differs, the version makes the whole group anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// What the agent writes from its configuration. Entries refer to entries of other maps, so all of it is replaced
    /// at once: the new maps are filled before the first program that reads them is attached.
    Configuration,
    /// Flow records, of both kinds. Carried over record by record.
    Flows,
    /// Ports of fragmented packets. Not carried over: half a minute later nobody knows them any more.
    Fragments,
    /// What programs tell of packets and flows, and what they are asked to. Not carried over: whoever asked asks again.
    Events,
    /// What two versions say to each other meanwhile. The same for all versions.
    Handover,
    /// Counters by outcome. Numbers of outcomes never change, so this is the same for all versions.
    Outcomes,
    /// Counters by service.
    Services,
    /// What flow records cannot tell. Not carried over: agents count on from what they find.
    Totals,
    /// What went wrong with packets of services. The same for all versions, as far as they know it.
    ServiceOutcomes,
}

impl Group {
    /// All groups.
    pub(crate) const ALL: [Self; 9] = [
        Self::Configuration,
        Self::Flows,
        Self::Fragments,
        Self::Events,
        Self::Handover,
        Self::Outcomes,
        Self::Services,
        Self::Totals,
        Self::ServiceOutcomes,
    ];

    /// First part of its folder's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Flows => "flows",
            Self::Fragments => "fragments",
            Self::Events => "events",
            Self::Handover => "handover",
            Self::Outcomes => "outcomes",
            Self::Services => "services",
            Self::Totals => "totals",
            Self::ServiceOutcomes => "service-outcomes",
        }
    }

    /// What this version's maps look like with these sizes.
    pub(crate) fn description(self, capacities: &Capacities) -> Description {
        let describe = |map: &MapKind| MapDescription {
            name: map.name.to_owned(),
            entries: (map.entries)(capacities),
            key: (map.key)(),
            value: (map.value)(),
        };
        let maps = MAPS.iter().filter(|map| map.group == self).map(describe).collect();
        let version = if matches!(self, Self::Configuration | Self::Events) { ABI_VERSION } else { 0 };
        Description { version, maps }
    }

    /// The name of its folder.
    fn folder(self, capacities: &Capacities) -> String {
        format!("{}-{:016x}", self.name(), self.description(capacities).identity())
    }
}

/// A map of the object.
pub(crate) struct MapKind {
    pub(crate) name: &'static str,
    pub(crate) group: Group,
    key: fn() -> Shape,
    value: fn() -> Shape,
    pub(crate) entries: fn(&Capacities) -> u32,
}

/// All maps that outlive a program; the object has no others but the programs' own memory.
pub(crate) const MAPS: [MapKind; 26] = {
    use Group::{
        Configuration, Events, Flows, Fragments, Handover, Outcomes, ServiceOutcomes, Services, Totals,
    };
    [
        map(Configuration, maps::SETTINGS, whole::<u32>, whole::<Settings>, |_| 1),
        map(Configuration, maps::PORTS, whole::<u32>, whole::<u32>, |it| it.instances),
        map(Configuration, maps::INSTANCES, whole::<u32>, whole::<InstanceEntry>, |it| it.instances),
        map(Configuration, maps::ENDPOINTS, whole::<EndpointKey>, whole::<EndpointEntry>, |it| it.endpoints),
        map(Configuration, maps::HOSTS, whole::<u32>, whole::<HostEntry>, |it| it.hosts),
        map(Configuration, maps::DISPLACEMENTS, whole::<u32>, whole::<u64>, |_| SERVICE_BUCKETS / 4 * 2),
        map(Configuration, maps::SERVICES, whole::<u32>, whole::<ServiceEntry>, |_| SERVICE_SLOTS * 2),
        map(Configuration, maps::ROWS_HOT, whole::<u32>, whole::<u64>, |it| it.rows / 4),
        map(Configuration, maps::ROWS_COLD, whole::<u32>, whole::<u64>, |it| it.rows),
        map(Configuration, maps::MEMBERS, whole::<u32>, whole::<MemberEntry>, |it| it.members),
        map(Configuration, maps::PEERS, whole::<Addr>, whole::<u32>, |it| it.hosts),
        map(Configuration, maps::TARGETS, whole::<TargetKey>, whole::<TargetEntry>, |it| it.targets),
        map(Configuration, maps::RULES, whole::<u32>, whole::<RuleEntry>, |it| it.rules),
        map(Configuration, maps::RULE_INDEX, whole::<u32>, rule_index, |_| 1),
        map(Flows, maps::FLOWS_HALF_OPEN, of::<FlowKey>, of::<FlowRecord>, |it| it.flows_half_open),
        map(Flows, maps::FLOWS, of::<FlowKey>, of::<FlowRecord>, |it| it.flows),
        map(Fragments, maps::FRAGMENTS, whole::<FragmentKey>, whole::<FragmentEntry>, |it| it.fragments),
        map(Events, maps::TRACES, whole::<u32>, whole::<TraceControl>, |_| 1),
        // A ring buffer has neither keys nor values; its size is in bytes.
        map(Events, maps::EVENTS, whole::<()>, whole::<()>, |_| EVENTS_BYTES),
        map(Events, maps::EVENTS_LOST, whole::<u32>, whole::<u64>, |_| lost::COUNT),
        map(Handover, maps::HANDING_OVER, whole::<u32>, whole::<u32>, |_| 1),
        map(Handover, maps::HANDOVER, whole::<HandoverKey>, whole::<HandoverRecord>, |_| capacity::HANDOVER),
        map(Outcomes, maps::OUTCOMES, whole::<u32>, of::<Counter>, |_| capacity::OUTCOMES),
        map(Services, maps::SERVICE_COUNTERS, whole::<u32>, of::<Counter>, |it| it.services),
        map(Totals, maps::FLOW_TOTALS, whole::<FlowTotalsKey>, of::<FlowTotals>, |_| capacity::FLOW_TOTALS),
        map(ServiceOutcomes, maps::SERVICE_OUTCOMES, whole::<ServiceOutcomeKey>, whole::<u64>, |_| {
            capacity::SERVICE_OUTCOMES
        }),
    ]
};

const fn map(
    group: Group,
    name: &'static str,
    key: fn() -> Shape,
    value: fn() -> Shape,
    entries: fn(&Capacities) -> u32,
) -> MapKind {
    MapKind { name, group, key, value, entries }
}

fn whole<T>() -> Shape {
    Shape::whole(size_of::<T>())
}

/// One value for all words, so that programs need not ask for each.
fn rule_index() -> Shape {
    Shape::whole(capacity::RULE_INDEX as usize * size_of::<u64>())
}

fn of<T: Layout>() -> Shape {
    Shape::of(T::FIELDS)
}

/// The map of every group that says what the others look like.
const LAYOUT: &str = "LAYOUT";
/// Its only element: text, then zeros.
type LayoutText = [u8; 4096];
/// How the name of a folder begins until everything is in it, and again while it is removed.
const UNFINISHED: &str = "new-";

/// The folders of this version's maps.
pub(crate) struct Folders {
    root: PathBuf,
    /// By group: the folder's name, and whether it is still unfinished.
    own: Vec<(Group, String, bool)>,
}

/// Maps of another version, or of other sizes.
#[derive(Debug)]
pub(crate) struct Former {
    /// Nothing: a group that this version does not know.
    pub(crate) group: Option<Group>,
    pub(crate) folder: PathBuf,
    pub(crate) description: Description,
}

impl Folders {
    /// Where this version's maps are, with these sizes, whether or not they are there.
    pub(crate) fn locate(pin_dir: &Path, capacities: &Capacities) -> Self {
        let own = Group::ALL.map(|group| (group, group.folder(capacities), false));
        Self { root: pin_dir.join("maps"), own: own.into() }
    }

    /// Makes the folders that are missing, checks those that are there, and finds those of others.
    pub(crate) fn prepare(
        pin_dir: &Path,
        capacities: &Capacities,
    ) -> Result<(Self, Vec<Former>), SwitchError> {
        let mut folders = Self::locate(pin_dir, capacities);
        fs::create_dir_all(&folders.root).map_err(io_error("creating", &folders.root))?;
        let mut former = Vec::new();
        for entry in fs::read_dir(&folders.root).map_err(io_error("reading", &folders.root))? {
            let entry = entry.map_err(io_error("reading", &folders.root))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let folder = entry.path();
            if name.starts_with(UNFINISHED) {
                // Whoever made or removed it ended; no program depends on what is pinned there.
                fs::remove_dir_all(&folder).map_err(io_error("removing", &folder))?;
            } else if let Some((group, ..)) = folders.own.iter().find(|(_, own, _)| *own == name) {
                check(&folder, &group.description(capacities))?;
            } else {
                former.push(Former::read(folder, &name)?);
            }
        }
        for (group, name, unfinished) in &mut folders.own {
            if !folders.root.join(&*name).exists() {
                *unfinished = true;
                let folder = folders.root.join(format!("{UNFINISHED}{name}"));
                fs::create_dir(&folder).map_err(io_error("creating", &folder))?;
                write_layout(&folder, &group.description(capacities))?;
            }
        }
        Ok((folders, former))
    }

    /// Where a map is pinned.
    pub(crate) fn map(&self, name: &str) -> PathBuf {
        let group = MAPS.iter().find(|map| map.name == name).map(|map| map.group);
        let own = self.own.iter().find(|(own, ..)| Some(*own) == group);
        let folder =
            own.map_or(
                String::new(),
                |(_, name, unfinished)| {
                    if *unfinished { format!("{UNFINISHED}{name}") } else { name.clone() }
                },
            );
        self.root.join(folder).join(name)
    }

    /// Notes that all maps are pinned.
    pub(crate) fn finish(&mut self) -> Result<(), SwitchError> {
        for (_, name, unfinished) in &mut self.own {
            if *unfinished {
                let folder = self.root.join(&*name);
                fs::rename(self.root.join(format!("{UNFINISHED}{name}")), &folder)
                    .map_err(io_error("naming", &folder))?;
                *unfinished = false;
            }
        }
        Ok(())
    }
}

impl Former {
    /// Reads what another version says of its maps.
    fn read(folder: PathBuf, name: &str) -> Result<Self, SwitchError> {
        let unreadable = |reason: String| SwitchError::Unreadable { path: folder.clone(), reason };
        let text = read_layout(&folder).map_err(&unreadable)?;
        let description: Description =
            text.parse().map_err(|error: crate::layout::DescriptionError| unreadable(error.to_string()))?;
        let Some((group, identity)) = name.rsplit_once('-') else {
            return Err(unreadable("its name is none of ours".to_owned()));
        };
        if identity != format!("{:016x}", description.identity()) {
            return Err(unreadable("its name does not belong to its description".to_owned()));
        }
        let group = Group::ALL.into_iter().find(|own| own.name() == group);
        let former = Self { group, folder: folder.clone(), description };
        if group.is_some() {
            check(&former.folder, &former.description)?;
        }
        Ok(former)
    }

    /// One of its maps.
    pub(crate) fn open(&self, name: &'static str) -> Result<MapData, SwitchError> {
        MapData::from_pin(self.folder.join(name)).map_err(|source| SwitchError::Map {
            map: name,
            action: "opened",
            source,
        })
    }

    /// How keys and values of one of its maps become this version's.
    pub(crate) fn conversions(&self, name: &'static str) -> Result<(Conversion, Conversion), SwitchError> {
        let unreadable = |reason: String| SwitchError::Unreadable { path: self.folder.clone(), reason };
        let own = MAPS.iter().find(|map| map.name == name);
        let own = own.ok_or(SwitchError::Missing { kind: "map", name })?;
        let theirs = self.description.map(name).ok_or_else(|| unreadable(format!("it has no {name}")))?;
        let (key, value) = ((own.key)(), (own.value)());
        if let Some(field) = key.first_missing_in(&theirs.key) {
            return Err(unreadable(format!("the keys of its {name} lack `{field}`")));
        }
        Ok((Conversion::new(&theirs.key, &key), Conversion::new(&theirs.value, &value)))
    }

    /// Removes its pins; the maps themselves end with the last program that uses them.
    ///
    /// It gets another name first: what is half removed must not be taken for something that is there.
    pub(crate) fn remove(&self) -> Result<(), SwitchError> {
        let name = self.folder.file_name().unwrap_or_default().to_string_lossy();
        let doomed = self.folder.with_file_name(format!("{UNFINISHED}{name}"));
        fs::rename(&self.folder, &doomed).map_err(io_error("renaming", &self.folder))?;
        fs::remove_dir_all(&doomed).map_err(io_error("removing", &doomed))
    }
}

/// Whether the maps of a folder are what `wanted` says.
fn check(folder: &Path, wanted: &Description) -> Result<(), SwitchError> {
    let drifted = |problem: String| SwitchError::Drifted { path: folder.to_owned(), problem };
    match read_layout(folder) {
        Ok(text) if text == wanted.to_string() => {}
        Ok(_) => return Err(drifted(format!("{LAYOUT} describes other maps"))),
        Err(problem) => return Err(drifted(problem)),
    }
    for map in &wanted.maps {
        let info = MapData::from_pin(folder.join(&map.name))
            .and_then(|pinned| pinned.info())
            .map_err(|error| drifted(format!("{} cannot be opened: {error}", map.name)))?;
        let found = (info.key_size() as usize, info.value_size() as usize, info.max_entries());
        if found != (map.key.len, map.value.len, map.entries) {
            return Err(drifted(format!(
                "{} has keys of {} bytes, values of {} and {} entries, wanted {}, {} and {}",
                map.name, found.0, found.1, found.2, map.key.len, map.value.len, map.entries
            )));
        }
    }
    Ok(())
}

pub(crate) fn write_layout(folder: &Path, description: &Description) -> Result<(), SwitchError> {
    let failed = |source| SwitchError::Map { map: LAYOUT, action: "written", source };
    let text = description.to_string();
    let mut bytes: LayoutText = [0; size_of::<LayoutText>()];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    let mut array = Array::<MapData, LayoutText>::create(1, 0).map_err(failed)?;
    array.set(0, bytes, 0).map_err(failed)?;
    let path = folder.join(LAYOUT);
    array.pin(&path).map_err(|error| SwitchError::Io {
        what: format!("pinning {}", path.display()),
        source: io::Error::other(error),
    })
}

fn read_layout(folder: &Path) -> Result<String, String> {
    let bytes = MapData::from_pin(folder.join(LAYOUT))
        .and_then(aya::maps::Map::from_map_data)
        .and_then(Array::<MapData, LayoutText>::try_from)
        .and_then(|array| array.get(&0, 0))
        .map_err(|error| format!("its {LAYOUT} cannot be read: {error}"))?;
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).map_err(|_| format!("its {LAYOUT} is no text"))
}

fn io_error(action: &'static str, path: &Path) -> impl Fn(io::Error) -> SwitchError {
    let path = path.to_owned();
    move |source| SwitchError::Io { what: format!("{action} {}", path.display()), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_fits_and_is_read_back() {
        for group in Group::ALL {
            let description = group.description(&Capacities::default());
            let text = description.to_string();
            assert!(text.len() < size_of::<LayoutText>(), "{}: {} bytes", group.name(), text.len());
            assert_eq!(text.parse(), Ok(description));
        }
    }

    #[test]
    fn a_size_changes_only_the_groups_that_have_it() {
        let (usual, other) = (Capacities::default(), Capacities { flows: 1024, ..Capacities::default() });
        let differ = |group: &Group| group.folder(&usual) != group.folder(&other);
        assert_eq!(Group::ALL.into_iter().filter(differ).collect::<Vec<_>>(), [Group::Flows]);
    }
}
