//! Loading, pinning and replacing.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::Instant,
};

use aya::{
    Ebpf, EbpfLoader,
    maps::{Map, MapData, PerCpuArray, ProgramArray},
    programs::{
        LinkOrder, Program, SchedClassifier, TcAttachType, Xdp, XdpMode,
        links::{FdLink, LinkError, PinnedLink},
        tc::{SchedClassifierLink, TcAttachOptions},
        xdp::XdpLink,
    },
};
use dnlb_abi::{Counter, FlowTotals, FlowTotalsKey, Outcome, ServiceOutcomeKey, capacity, maps};
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    OBJECT, Plain, SwitchError,
    apply::Index,
    error::raw_failed,
    groups::{Folders, Former, Group, MAPS},
    mapped::MappedArray,
    raw::{RawMap, invalid},
};

/// How many entries the maps have. Maps of other sizes are taken over as those of another version are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacities {
    /// Instances of this host.
    pub instances: u32,
    /// Addresses in all VPCs on this host.
    pub endpoints: u32,
    /// Hosts of the region: highest index and one.
    pub hosts: u32,
    /// Rows of all backend services; a multiple of 4. Ten bytes each.
    pub rows: u32,
    /// Members of all backend services.
    pub members: u32,
    /// Targets on this host.
    pub targets: u32,
    /// Rules of all instances of this host.
    pub rules: u32,
    /// Half-open flows; memory for all of them is taken at once, about 150 bytes each.
    pub flows_half_open: u32,
    /// Established flows; memory is taken as they come.
    pub flows: u32,
    /// Fragmented packets at a time; memory for all of them is taken at once, about 120 bytes each.
    pub fragments: u32,
    /// Services of the region: highest number and one.
    pub services: u32,
}

impl Default for Capacities {
    fn default() -> Self {
        Self {
            instances: 4096,
            endpoints: 65_536,
            hosts: 8192,
            rows: capacity::ROWS,
            members: capacity::MEMBERS,
            targets: 16_384,
            rules: capacity::RULES,
            flows_half_open: 65_536,
            flows: 1 << 20,
            fragments: 8192,
            services: 65_536,
        }
    }
}

/// Programs of the switch itself.
const CLASSIFIERS: [&str; 4] = ["from_instance", "from_overlay", "probe", "edge_tc"];

/// The same for test runs, which cannot give `from_overlay` a tunnel. The verifier's time for it is most of what loading takes.
pub(crate) const TEST_CLASSIFIERS: [&str; 4] = ["from_instance", "from_overlay_test", "probe", "edge_tc"];

/// Where an edge's program is attached to its uplink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgeForm {
    /// In the driver, before the kernel makes a socket buffer of a frame.
    Xdp,
    /// Where socket buffers come in.
    Tcx,
}

impl EdgeForm {
    /// Its word in tools.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Xdp => "xdp",
            Self::Tcx => "tcx",
        }
    }
}

/// How to open a switch.
#[derive(Clone, Debug)]
pub struct SwitchOptions {
    /// Directory in a mounted bpffs, one for each host.
    pub pin_dir: PathBuf,
    /// Sizes of the maps.
    pub capacities: Capacities,
}

/// A host's switch: loaded programs and open maps.
///
/// # Invariants
/// Dropping it detaches nothing: all links are pinned.
pub struct Switch {
    pub(crate) ebpf: Ebpf,
    links: PathBuf,
    /// Maps of other versions, whose programs may still be attached.
    pub(crate) former: Vec<Former>,
    pub(crate) displacements: MappedArray,
    pub(crate) services: MappedArray,
    pub(crate) rows_hot: MappedArray,
    pub(crate) rows_cold: MappedArray,
    pub(crate) members: MappedArray,
    pub(crate) rules: MappedArray,
    pub(crate) rule_index: MappedArray,
    /// When the copy of the services in force last changed.
    pub(crate) flipped: Option<Instant>,
    /// Where the other copy differs from it, at most.
    pub(crate) lagging: Index,
}

impl Switch {
    /// Loads the programs, with the maps that are pinned already or new ones.
    ///
    /// Maps of another version or of other sizes stay as they are, for the programs that use them:
    /// [`Switch::is_taking_over`] tells.
    ///
    /// # Errors
    /// [`SwitchError::Load`] with the verifier's last words; [`SwitchError::Drifted`] and [`SwitchError::Unreadable`] when
    /// something is pinned there that is not what it should be.
    pub fn open(options: SwitchOptions) -> Result<Self, SwitchError> {
        let links = options.pin_dir.join("links");
        fs::create_dir_all(&links)
            .map_err(|source| SwitchError::Io { what: format!("creating {}", links.display()), source })?;
        let (mut folders, former) = Folders::prepare(&options.pin_dir, &options.capacities)?;
        for flows in former.iter().filter(|former| former.group == Some(Group::Flows)) {
            // Better now than when half of it is done.
            flows.flows()?;
        }
        let ebpf = load(&options.capacities, Some(&folders), false)?;
        folders.finish()?;
        Ok(Self { former, ..Self::with_loaded(ebpf, links, &CLASSIFIERS)? })
    }

    /// Loads the programs of an object whose maps exist, and maps the memory of those that are written so.
    pub(crate) fn with_loaded(
        mut ebpf: Ebpf,
        links: PathBuf,
        classifiers: &[&'static str],
    ) -> Result<Self, SwitchError> {
        for &name in classifiers {
            load_classifier(&mut ebpf, name)?;
        }
        load_xdp(&mut ebpf, "edge")?;
        load_tellers(&mut ebpf)?;
        let mapped = |name| MappedArray::new(name, map_data(&ebpf, name)?);
        let (displacements, services) = (mapped(maps::DISPLACEMENTS)?, mapped(maps::SERVICES)?);
        let (rows_hot, rows_cold) = (mapped(maps::ROWS_HOT)?, mapped(maps::ROWS_COLD)?);
        let members = mapped(maps::MEMBERS)?;
        let (rules, rule_index) = (mapped(maps::RULES)?, mapped(maps::RULE_INDEX)?);
        Ok(Self {
            ebpf,
            links,
            former: Vec::new(),
            displacements,
            services,
            rows_hot,
            rows_cold,
            members,
            rules,
            rule_index,
            flipped: None,
            lagging: Index::WHOLE,
        })
    }

    /// Attaches `from_overlay` to the VXLAN device. Like all attaching: repeatable, replaces a former version
    /// atomically, and attaches anew when the interface was made anew.
    ///
    /// # Errors
    /// [`SwitchError::Attach`], [`SwitchError::Pin`].
    pub fn attach_overlay(&mut self, interface: &str) -> Result<(), SwitchError> {
        self.attach_classifier("from_overlay", interface, "overlay")
    }

    /// Attaches `probe` to the switch side of the probe link.
    ///
    /// # Errors
    /// As [`Self::attach_overlay`].
    pub fn attach_probe(&mut self, interface: &str) -> Result<(), SwitchError> {
        self.attach_classifier("probe", interface, "probe")
    }

    /// Attaches `from_instance` to the host side of an instance's link.
    ///
    /// # Errors
    /// As [`Self::attach_overlay`].
    pub fn attach_instance(&mut self, number: u32, interface: &str) -> Result<(), SwitchError> {
        self.attach_classifier("from_instance", interface, &format!("instance-{number}"))
    }

    /// Forgets the link of an instance whose interface is gone or going.
    ///
    /// # Errors
    /// [`SwitchError::Io`] when the pin cannot be removed; a missing one is fine.
    pub fn detach_instance(&mut self, number: u32) -> Result<(), SwitchError> {
        remove_pin(&self.links.join(format!("instance-{number}")))
    }

    /// Numbers of instances for which a link is pinned.
    ///
    /// # Errors
    /// [`SwitchError::Io`].
    pub fn attached_instances(&self) -> Result<Vec<u32>, SwitchError> {
        let entries = fs::read_dir(&self.links).map_err(|source| SwitchError::Io {
            what: format!("reading {}", self.links.display()),
            source,
        })?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| name.strip_prefix("instance-")?.parse().ok()).collect())
    }

    /// Attaches the edge's program to its uplink, in the form that is asked for; without one, in the driver (native XDP) where that
    /// can, else as TCX, which any interface can: a VLAN, a bond. Says which it was. The other form's program is detached afterwards.
    ///
    /// # Errors
    /// As [`Self::attach_overlay`].
    pub fn attach_edge(&mut self, interface: &str, form: Option<EdgeForm>) -> Result<EdgeForm, SwitchError> {
        const TCX_PIN: &str = "edge-tcx";
        let xdp = self.links.join("edge");
        if form != Some(EdgeForm::Tcx) {
            match attach_xdp(&mut self.ebpf, "edge", interface, &xdp) {
                Ok(()) => {
                    // The uplink may have had a driver that could not, or been another interface.
                    remove_pin(&self.links.join(TCX_PIN))?;
                    return Ok(EdgeForm::Xdp);
                }
                Err(refused @ SwitchError::Attach { .. }) if form.is_none() => {
                    tracing::debug!(interface, error = %shorten(&refused), "no native XDP, attaching the edge as TCX");
                }
                Err(other) => return Err(other),
            }
        }
        self.attach_classifier("edge_tc", interface, TCX_PIN)?;
        remove_pin(&xdp)?;
        Ok(EdgeForm::Tcx)
    }

    /// All outcome counters, summed over the CPUs.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn outcomes(&self) -> Result<Vec<(Outcome, Counter)>, SwitchError> {
        let counters = self.counters(maps::OUTCOMES)?;
        Outcome::ALL
            .iter()
            .map(|&outcome| Ok((outcome, sum(&counters, maps::OUTCOMES, outcome as u32)?)))
            .collect()
    }

    /// What programs know of the flows of each service and instance beside their records.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn flow_totals(&self) -> Result<BTreeMap<FlowTotalsKey, FlowTotals>, SwitchError> {
        let mut all = BTreeMap::new();
        self.for_each(maps::FLOW_TOTALS, |key: FlowTotalsKey, totals| {
            all.insert(key, FlowTotals::read_from_bytes(totals).map_err(|_| invalid())?);
            Ok(())
        })?;
        Ok(all)
    }

    /// What went wrong with packets of each service and instance: packets by number of the outcome, summed over the CPUs. Instance 0
    /// stands for none.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn service_outcomes(&self) -> Result<ServiceOutcomes, SwitchError> {
        let mut all = ServiceOutcomes::new();
        self.for_each(maps::SERVICE_OUTCOMES, |key: ServiceOutcomeKey, packets| {
            let of_cpus =
                packets.chunks_exact(8).filter_map(|word| Some(u64::from_ne_bytes(word.try_into().ok()?)));
            let whose = FlowTotalsKey { service: key.service, instance: key.instance };
            // Programs know no other.
            if let Ok(outcome) = u8::try_from(key.outcome) {
                all.entry(whose).or_default().insert(outcome, of_cpus.sum());
            }
            Ok(())
        })?;
        Ok(all)
    }

    /// Calls `each` with every key and value of a map, the value as bytes.
    fn for_each<K: FromBytes>(
        &self,
        map: &'static str,
        mut each: impl FnMut(K, &[u8]) -> io::Result<()>,
    ) -> Result<(), SwitchError> {
        let data = map_data(&self.ebpf, map)?;
        RawMap::new(data)
            .and_then(|raw| {
                raw.for_each(|key, value| each(K::read_from_bytes(key).map_err(|_| invalid())?, value))
            })
            .map_err(raw_failed(map, "read"))
    }

    /// Forgets all totals of a service and instance, with those of `outcomes`, by number; what comes is counted from 0.
    ///
    /// # Errors
    /// [`SwitchError::Map`]; that there are none is none.
    pub fn forget_totals(
        &self,
        of: &FlowTotalsKey,
        outcomes: impl IntoIterator<Item = u8>,
    ) -> Result<(), SwitchError> {
        self.remove(maps::FLOW_TOTALS, of.as_bytes())?;
        outcomes.into_iter().map(u32::from).try_for_each(|outcome| {
            let key = ServiceOutcomeKey { service: of.service, instance: of.instance, outcome };
            self.remove(maps::SERVICE_OUTCOMES, key.as_bytes())
        })
    }

    fn remove(&self, map: &'static str, key: &[u8]) -> Result<(), SwitchError> {
        let removed = RawMap::new(map_data(&self.ebpf, map)?).and_then(|data| data.delete(key));
        removed.map(drop).map_err(raw_failed(map, "pruned"))
    }

    /// Packets and bytes that each of `services` has seen on this host, summed over the CPUs.
    ///
    /// # Errors
    /// [`SwitchError::Map`], also for numbers beyond the map's end.
    pub fn service_counters(&self, services: &[u32]) -> Result<Vec<(u32, Counter)>, SwitchError> {
        let counters = self.counters(maps::SERVICE_COUNTERS)?;
        services.iter().map(|&number| Ok((number, sum(&counters, maps::SERVICE_COUNTERS, number)?))).collect()
    }

    fn counters(&self, name: &'static str) -> Result<PerCpuArray<&MapData, Plain<Counter>>, SwitchError> {
        let map = self.ebpf.map(name).ok_or(SwitchError::Missing { kind: "map", name })?;
        PerCpuArray::try_from(map).map_err(|source| SwitchError::Map { map: name, action: "opened", source })
    }

    fn attach_classifier(
        &mut self,
        program: &'static str,
        interface: &str,
        pin: &str,
    ) -> Result<(), SwitchError> {
        let path = self.links.join(pin);
        let classifier = classifier(&mut self.ebpf, program)?;
        let attach_error = |source| SwitchError::Attach { program, interface: interface.to_owned(), source };
        if let Some(link) = existing_link(&path) {
            match SchedClassifierLink::try_from(link) {
                Ok(link) => match classifier.attach_to_link(link) {
                    Ok(id) => {
                        // Keep no descriptor: the pin holds the link.
                        drop(classifier.take_link(id).map_err(attach_error)?);
                        return Ok(());
                    }
                    // The interface was made anew, so the link is dead.
                    Err(error) => {
                        tracing::debug!(interface, program, %error, "replacing a dead link");
                        remove_pin(&path)?;
                    }
                },
                Err(_) => remove_pin(&path)?,
            }
        }
        let id = classifier
            .attach_with_options(
                interface,
                TcAttachType::Ingress,
                TcAttachOptions::TcxOrder(LinkOrder::default()),
            )
            .map_err(attach_error)?;
        let link: FdLink = classifier
            .take_link(id)
            .map_err(attach_error)?
            .try_into()
            .map_err(|error: LinkError| link_error(interface, error))?;
        pin_link(link, interface, &path)
    }
}

/// A program as the verifier saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProgramFacts {
    /// Its name.
    pub name: &'static str,
    /// Instructions that the verifier walked; a million is the kernel's limit.
    pub verified_instructions: u32,
    /// Bytes of BPF code.
    pub bytes: u32,
    /// Bytes of machine code.
    pub jited_bytes: u32,
}

/// Loads all programs with fresh maps, attaches nothing, and tells what the verifier made of them.
///
/// # Errors
/// [`SwitchError::Load`].
pub fn program_facts() -> Result<Vec<ProgramFacts>, SwitchError> {
    let mut ebpf = load(&Capacities::default(), None, false)?;
    let mut facts = Vec::new();
    for name in CLASSIFIERS.into_iter().chain(["tell", "edge", "edge_traced", "edge_tell"]) {
        if name.starts_with("edge") && name != "edge_tc" {
            load_xdp(&mut ebpf, name)?;
        } else {
            load_classifier(&mut ebpf, name)?;
        }
        let program = ebpf.program(name).ok_or(SwitchError::Missing { kind: "program", name })?;
        let info = program.info().map_err(|error| SwitchError::Load(error.to_string()))?;
        facts.push(ProgramFacts {
            name,
            verified_instructions: info.verified_instruction_count().unwrap_or(0),
            bytes: info.size_translated().unwrap_or(0),
            jited_bytes: info.size_jitted(),
        });
    }
    Ok(facts)
}

/// Attaches a program that passes everything to `interface`, pinned at `pin`: a veth delivers what its peer sends by
/// `XDP_TX` only if it has a program itself.
///
/// # Errors
/// [`SwitchError::Attach`], [`SwitchError::Pin`].
pub fn attach_xdp_pass(interface: &str, pin: &Path) -> Result<(), SwitchError> {
    let capacities = Capacities {
        instances: 1,
        endpoints: 1,
        hosts: 1,
        rows: 4,
        members: 1,
        targets: 1,
        rules: 1,
        flows_half_open: 64,
        flows: 1,
        fragments: 64,
        services: 1,
    };
    let mut ebpf = load(&capacities, None, false)?;
    load_xdp(&mut ebpf, "xdp_pass")?;
    attach_xdp(&mut ebpf, "xdp_pass", interface, pin)
}

/// Creates or reuses the maps and prepares the programs. `trace` has programs leave their decisions.
pub(crate) fn load(
    capacities: &Capacities,
    pins: Option<&Folders>,
    trace: bool,
) -> Result<Ebpf, SwitchError> {
    let mut loader = EbpfLoader::new();
    for map in &MAPS {
        loader.map_max_entries(map.name, (map.entries)(capacities));
        if let Some(folders) = pins {
            loader.map_pin_path(map.name, folders.map(map.name));
        }
    }
    let flag = u8::from(trace);
    loader.override_global("TRACE", &flag, true);
    loader.load(OBJECT).map_err(|error| SwitchError::Load(shorten(&error)))
}

/// The error with its causes; the verifier's log is cut to its end, where the reason stands.
fn shorten(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    let lines: Vec<_> = text.lines().collect();
    if lines.len() > 30 {
        format!("{}\n[...]\n{}", lines[0], lines[lines.len() - 25..].join("\n"))
    } else {
        text
    }
}

/// What went wrong with packets of each service and instance: packets by number of the outcome.
pub type ServiceOutcomes = BTreeMap<FlowTotalsKey, BTreeMap<u8, u64>>;

/// The data of a map, whatever its kind.
pub(crate) fn map_data<'a>(ebpf: &'a Ebpf, name: &'static str) -> Result<&'a MapData, SwitchError> {
    match ebpf.map(name) {
        Some(
            Map::Array(data)
            | Map::HashMap(data)
            | Map::LruHashMap(data)
            | Map::PerCpuArray(data)
            | Map::PerCpuHashMap(data),
        ) => Ok(data),
        _ => Err(SwitchError::Missing { kind: "map", name }),
    }
}

fn sum(
    counters: &PerCpuArray<&MapData, Plain<Counter>>,
    map: &'static str,
    index: u32,
) -> Result<Counter, SwitchError> {
    let values =
        counters.get(&index, 0).map_err(|source| SwitchError::Map { map, action: "read", source })?;
    Ok(values.iter().fold(Counter::default(), |total, Plain(counter)| Counter {
        packets: total.packets + counter.packets,
        bytes: total.bytes + counter.bytes,
    }))
}

fn classifier<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut SchedClassifier, SwitchError> {
    match ebpf.program_mut(name) {
        Some(Program::SchedClassifier(program)) => Ok(program),
        _ => Err(SwitchError::Missing { kind: "program", name }),
    }
}

pub(crate) fn load_classifier(ebpf: &mut Ebpf, name: &'static str) -> Result<(), SwitchError> {
    classifier(ebpf, name)?.load().map_err(|error| SwitchError::Load(shorten(&error)))
}

fn xdp<'a>(ebpf: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Xdp, SwitchError> {
    match ebpf.program_mut(name) {
        Some(Program::Xdp(program)) => Ok(program),
        _ => Err(SwitchError::Missing { kind: "program", name }),
    }
}

pub(crate) fn load_xdp(ebpf: &mut Ebpf, name: &'static str) -> Result<(), SwitchError> {
    xdp(ebpf, name)?.load().map_err(|error| SwitchError::Load(shorten(&error)))
}

/// Loads the programs in which others go on while somebody traces, and puts them where they are found.
fn load_tellers(ebpf: &mut Ebpf) -> Result<(), SwitchError> {
    load_classifier(ebpf, "tell")?;
    load_xdp(ebpf, "edge_traced")?;
    load_xdp(ebpf, "edge_tell")?;
    let places = [
        ("tell", maps::TELLER, 0),
        ("edge_traced", maps::TRACED_EDGE, 0),
        ("edge_tell", maps::TRACED_EDGE, 1),
    ];
    for (name, map, at) in places {
        let fd = match ebpf.program(name) {
            Some(Program::SchedClassifier(program)) => program.fd(),
            Some(Program::Xdp(program)) => program.fd(),
            _ => return Err(SwitchError::Missing { kind: "program", name }),
        };
        let fd =
            fd.and_then(|fd| Ok(fd.try_clone()?)).map_err(|error| SwitchError::Load(error.to_string()))?;
        let failed = |action| move |source| SwitchError::Map { map, action, source };
        let found = ebpf.map_mut(map).ok_or(SwitchError::Missing { kind: "map", name: map })?;
        let mut programs = ProgramArray::try_from(found).map_err(failed("opened"))?;
        programs.set(at, &fd, 0).map_err(failed("written"))?;
    }
    Ok(())
}

fn attach_xdp(
    ebpf: &mut Ebpf,
    program: &'static str,
    interface: &str,
    path: &Path,
) -> Result<(), SwitchError> {
    let xdp = xdp(ebpf, program)?;
    let attach_error = |source| SwitchError::Attach { program, interface: interface.to_owned(), source };
    if let Some(link) = existing_link(path) {
        if let Ok(id) =
            XdpLink::try_from(link).map_err(drop).and_then(|link| xdp.attach_to_link(link).map_err(drop))
        {
            drop(xdp.take_link(id).map_err(attach_error)?);
            return Ok(());
        }
        remove_pin(path)?;
    }
    let id = xdp.attach(interface, XdpMode::Driver).map_err(attach_error)?;
    let link: FdLink = xdp
        .take_link(id)
        .map_err(attach_error)?
        .try_into()
        .map_err(|error: LinkError| link_error(interface, error))?;
    pin_link(link, interface, path)
}

fn existing_link(path: &Path) -> Option<FdLink> {
    path.exists().then(|| PinnedLink::from_pin(path).ok().map(FdLink::from)).flatten()
}

fn pin_link(link: FdLink, interface: &str, path: &Path) -> Result<(), SwitchError> {
    link.pin(path).map(drop).map_err(|source| SwitchError::Pin {
        interface: interface.to_owned(),
        path: path.to_owned(),
        source,
    })
}

fn remove_pin(path: &Path) -> Result<(), SwitchError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SwitchError::Io { what: format!("removing the pin {}", path.display()), source })
        }
        _ => Ok(()),
    }
}

fn link_error(interface: &str, error: LinkError) -> SwitchError {
    SwitchError::Io { what: format!("taking the link of {interface}"), source: io::Error::other(error) }
}
