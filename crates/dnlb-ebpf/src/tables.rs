//! The maps, and how they answer the decision's questions.

use core::{arch::asm, ffi::c_void, mem::offset_of};

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    helpers::generated::{bpf_ktime_get_coarse_ns, bpf_loop},
    macros::map,
    maps::{Array, HashMap, LruHashMap, PerCpuArray, PerCpuHashMap},
};
use dnlb_abi::{
    Addr, Counter, EndpointEntry, EndpointKey, FlowEvent, FlowKey, FlowRecord, FlowTotals, FlowTotalsKey,
    FragmentEntry, FragmentKey, HandoverKey, HandoverRecord, HostEntry, InstanceEntry, MMAPABLE, MemberEntry,
    NO_PREALLOC, Outcome, Role, RuleEntry, RuleRange, SERVICE_BUCKETS, SERVICE_SLOTS, ServiceEntry,
    ServiceKey, ServiceOutcomeKey, Settings, TargetEntry, TargetKey, capacity,
};
use dnlb_datapath::{Flow, MemberSearch, Packet, Room, RuleQuery, RuleSearch, Rules, Tables, rule_matches};
use dnlb_wire::ANSWER_MAX;

use crate::{
    events::{self, Telling},
    tc::Note,
};

// Capacities marked "agent" are set when the agent loads the object; 1 keeps a forgotten one visible.
#[map]
static SETTINGS: Array<Settings> = Array::with_max_entries(1, 0);
#[map]
static PORTS: HashMap<u32, u32> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static INSTANCES: HashMap<u32, InstanceEntry> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static ENDPOINTS: HashMap<EndpointKey, EndpointEntry> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static HOSTS: Array<HostEntry> = Array::with_max_entries(1, 0); // agent
#[map]
static DISPLACEMENTS: Array<u64> = Array::with_max_entries(SERVICE_BUCKETS / 4 * 2, MMAPABLE);
#[map]
static SERVICES: Array<ServiceEntry> = Array::with_max_entries(SERVICE_SLOTS * 2, MMAPABLE);
#[map]
static ROWS_HOT: Array<u64> = Array::with_max_entries(1, MMAPABLE); // agent
#[map]
static ROWS_COLD: Array<u64> = Array::with_max_entries(1, MMAPABLE); // agent
#[map]
static MEMBERS: Array<MemberEntry> = Array::with_max_entries(1, MMAPABLE); // agent
#[map]
static PEERS: HashMap<Addr, u32> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static TARGETS: HashMap<TargetKey, TargetEntry> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static RULES: Array<RuleEntry> = Array::with_max_entries(1, MMAPABLE); // agent
#[map]
static RULE_INDEX: Array<[u64; capacity::RULE_INDEX as usize]> = Array::with_max_entries(1, MMAPABLE);
#[map]
static FLOWS_HALF_OPEN: LruHashMap<FlowKey, FlowRecord> = LruHashMap::with_max_entries(1, 0); // agent
#[map]
static FLOWS: HashMap<FlowKey, FlowRecord> = HashMap::with_max_entries(1, NO_PREALLOC); // agent
#[map]
static FRAGMENTS: LruHashMap<FragmentKey, FragmentEntry> = LruHashMap::with_max_entries(1, 0); // agent
#[map]
static OUTCOMES: PerCpuArray<Counter> = PerCpuArray::with_max_entries(capacity::OUTCOMES, 0);
#[map]
static SERVICE_COUNTERS: PerCpuArray<Counter> = PerCpuArray::with_max_entries(1, 0); // agent
#[map]
static FLOW_TOTALS: HashMap<FlowTotalsKey, FlowTotals> =
    HashMap::with_max_entries(capacity::FLOW_TOTALS, NO_PREALLOC);
#[map]
static SERVICE_OUTCOMES: PerCpuHashMap<ServiceOutcomeKey, u64> =
    PerCpuHashMap::with_max_entries(capacity::SERVICE_OUTCOMES, NO_PREALLOC);
#[map]
static HANDING_OVER: Array<u32> = Array::with_max_entries(1, 0);
#[map]
static HANDOVER: HashMap<HandoverKey, HandoverRecord> =
    HashMap::with_max_entries(capacity::HANDOVER, NO_PREALLOC);

/// Room for what helpers want by pointer and the stack of 512 bytes has no place for. One for each CPU: programs do
/// not interrupt each other on one CPU here.
#[repr(C)]
struct Scratch {
    /// Zero but for what [`HandoverRecord::restore`] sets.
    told: FlowRecord,
    handover: HandoverRecord,
    handover_key: HandoverKey,
    reserved: u32,
    totals_key: FlowTotalsKey,
    totals: FlowTotals,
    one: u64,
    outcome_key: ServiceOutcomeKey,
    reserved_too: u32,
    telling: Telling,
    room: Room,
    note: Note,
    members: MemberSearch,
    rules: RuleSearch,
    edge: Packet,
    answer: [u8; ANSWER_MAX],
}
#[map]
static SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

/// [`room`] for a new packet.
#[inline(always)]
pub(crate) fn new_room() -> Option<&'static mut Room> {
    let room = room()?;
    room.begin();
    Some(room)
}

/// [`edge_packet`] for a new packet.
#[inline(always)]
pub(crate) fn new_edge_packet() -> Option<&'static mut Packet> {
    let packet = edge_packet()?;
    packet.ip_len = 0;
    Some(packet)
}

/// [`note`] for a new packet, which came out of a tunnel with this VNI, or 0.
#[inline(always)]
pub(crate) fn new_note(role: Role, vni: u32) -> Option<&'static mut Note> {
    let (note, telling) = (note()?, telling()?);
    telling.begin(role, vni);
    note.service = 0;
    Some(note)
}

/// What is known beside the note, for whoever tells of the packet.
#[inline(always)]
pub(crate) fn telling() -> Option<&'static mut Telling> {
    // SAFETY: as for `room`; whoever takes it gives it back at once.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut (*scratch).telling })
}

/// The decision's own room.
#[inline(always)]
pub(crate) fn room() -> Option<&'static mut Room> {
    // SAFETY: a live per-CPU value; each program takes it once, and only one runs on a CPU.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut (*scratch).room })
}

/// Room for the packet of an edge whose stack is not its own.
#[inline(always)]
pub(crate) fn edge_packet() -> Option<&'static mut Packet> {
    // SAFETY: as for `room`, of which it is no part.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut (*scratch).edge })
}

/// Room for the verdict.
#[inline(always)]
pub(crate) fn note() -> Option<&'static mut Note> {
    // SAFETY: as for `room`: written by the decision, read when it is carried out.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut (*scratch).note })
}

/// Room for a frame that answers another, `N` bytes long.
#[inline(always)]
pub(crate) fn answer<const N: usize>() -> Option<&'static mut [u8; N]> {
    const { assert!(N <= ANSWER_MAX) };
    // SAFETY: as for `room`; the longest answer fits.
    SCRATCH.get_ptr_mut(0).map(|scratch| unsafe { &mut *(&raw mut (*scratch).answer).cast::<[u8; N]>() })
}

/// Whether programs of another version with other flow maps are at work at the same time.
#[inline(always)]
fn handing_over() -> bool {
    HANDING_OVER.get(0).copied().unwrap_or(0) != 0
}

/// Tells the other version's programs of a record that has been made here.
#[inline(always)]
fn hand_over(key: &FlowKey, record: &FlowRecord) {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: a live per-CPU value; these parts of it are used here and in `take_over` alone.
    let (told_key, told) = unsafe { (&mut (*scratch).handover_key, &mut (*scratch).handover) };
    *told_key = HandoverKey::of(key);
    *told = HandoverRecord::of(record);
    let _ = HANDOVER.insert(&*told_key, &*told, 0);
}

/// Makes a record of a flow as the other version's programs have told, unless the one here is as new. Returns nothing, so
/// that the verifier need not walk what follows once more.
#[inline(always)]
fn take_over(key: &FlowKey) {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: as in `hand_over`.
    let (told_key, record) = unsafe { (&mut (*scratch).handover_key, &mut (*scratch).told) };
    *told_key = HandoverKey::of(key);
    // SAFETY: programs replace values whole, and former ones stay readable until the program ends (RCU).
    let Some(told) = (unsafe { HANDOVER.get(&*told_key) }) else {
        return;
    };
    let own = FLOWS.get_ptr_mut(key).or_else(|| FLOWS_HALF_OPEN.get_ptr_mut(key));
    // SAFETY: a live map value.
    if own.is_some_and(|own| unsafe { (*own).last_used_ns } >= told.made_ns) {
        return;
    }
    told.restore(record);
    let _ = FLOWS.remove(key);
    let _ = FLOWS_HALF_OPEN.insert(key, &*record, 0);
}

/// Adds to a counter of this CPU.
#[inline(always)]
fn add(counter: Option<*mut Counter>, bytes: u32) {
    if let Some(counter) = counter {
        // SAFETY: the pointer is a live per-CPU value, and programs do not interrupt each other on one CPU here.
        unsafe {
            (*counter).packets += 1;
            (*counter).bytes += bytes as u64;
        }
    }
}

/// Adds to the totals of a record's service and instance. Once a flow and not once a packet, so every CPU may have the same totals.
#[inline(always)]
fn add_to_totals(key: &FlowKey, record: *const FlowRecord, more: FlowTotals) {
    // SAFETY: the caller's: a live map value.
    let service = unsafe { (*record).service };
    let Some(scratch) = SCRATCH.get_ptr_mut(0).filter(|_| service != 0) else {
        return;
    };
    // SAFETY: a live per-CPU value; these parts of it are used here alone.
    let (totals_key, added) = unsafe { (&mut (*scratch).totals_key, &mut (*scratch).totals) };
    *totals_key = FlowTotalsKey { service, instance: key.instance };
    *added = more;
    // The first flow makes them, and on one CPU of those on which it does at the same time. When the map is full, a statistic is lost.
    if FLOW_TOTALS.get_ptr_mut(&*totals_key).is_none()
        && FLOW_TOTALS.insert(&*totals_key, &*added, u64::from(BPF_NOEXIST)).is_ok()
    {
        return;
    }
    if let Some(totals) = FLOW_TOTALS.get_ptr_mut(&*totals_key) {
        // SAFETY: a live map value, of whole words.
        unsafe {
            add_word(&raw mut (*totals).opened, added.opened);
            add_word(&raw mut (*totals).replaced_packets_in, added.replaced_packets_in);
            add_word(&raw mut (*totals).replaced_packets_out, added.replaced_packets_out);
            add_word(&raw mut (*totals).replaced_bytes, added.replaced_bytes);
        }
    }
}

/// Adds to a word while other CPUs may.
///
/// # Safety
/// `word` lies in a live map value.
#[inline(always)]
unsafe fn add_word(word: *mut u64, more: u64) {
    // SAFETY: the caller's.
    unsafe {
        if more != 0 {
            asm!(
                "lock *(u64 *)({word} + 0) += {more}",
                word = in(reg) word,
                more = in(reg) more,
                options(nostack),
            );
        }
    }
}

/// Counts an outcome.
#[inline(always)]
pub(crate) fn count(outcome: Outcome, bytes: u32) {
    add(OUTCOMES.get_ptr_mut(outcome as u32), bytes);
}

/// Counts an outcome for the service and instance that the packet concerned, if they are to know of it.
#[inline(always)]
pub(crate) fn count_for_service(service: u32, instance: u32, outcome: Outcome) {
    if service == 0 || !outcome.concerns_service() {
        return;
    }
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
        return;
    };
    // SAFETY: a live per-CPU value; these parts of it are used here alone.
    let (key, one) = unsafe { (&mut (*scratch).outcome_key, &mut (*scratch).one) };
    *key = ServiceOutcomeKey { service, instance, outcome: outcome as u32 };
    *one = 1;
    // As for `add_to_totals`: the first packet makes the counter, and when the map is full a statistic is lost.
    if SERVICE_OUTCOMES.get_ptr_mut(&*key).is_none()
        && SERVICE_OUTCOMES.insert(&*key, &*one, u64::from(BPF_NOEXIST)).is_ok()
    {
        return;
    }
    if let Some(packets) = SERVICE_OUTCOMES.get_ptr_mut(&*key) {
        // SAFETY: a live value of this CPU.
        unsafe { *packets += 1 };
    }
}

/// Where the word begins in which a record's flags are the upper half: without `alu32` there are atomic operations on whole words only.
const FLAGS_WORD: usize = offset_of!(FlowRecord, flags) - 4;
const _: () = assert!(FLAGS_WORD.is_multiple_of(8) && cfg!(target_endian = "little"));

/// Adds flags to a record, while another CPU may add others: a FIN that is lost would leave a closed connection open.
///
/// # Safety
/// `record` is a live map value.
#[inline(always)]
unsafe fn add_flags(record: *mut FlowRecord, flags: u32) {
    // SAFETY: the caller's. Written only when something is new: a locked instruction costs more than all the rest.
    unsafe {
        if (*record).flags & flags != flags {
            asm!(
                "lock *(u64 *)({word} + 0) |= {flags}",
                word = in(reg) record.byte_add(FLAGS_WORD),
                flags = in(reg) u64::from(flags) << 32,
                options(nostack),
            );
        }
    }
}

/// The maps of rules, with the index at hand: asking the map for each word would cost calls, and stack for their keys.
struct KernelRules {
    words: &'static [u64; capacity::RULE_INDEX as usize],
}

impl Rules for KernelRules {
    #[inline(always)]
    fn matches(&self, index: u32, query: &RuleQuery) -> bool {
        RULES.get(index).is_some_and(|rule| rule_matches(rule, query))
    }

    #[inline(always)]
    fn word(&self, index: u32) -> u64 {
        self.words.get(index as usize).copied().unwrap_or(0)
    }
}

/// One step of `bpf_loop`: 1 ends the loop. The search lies in [`Scratch`]: the stack has no room for it.
#[inline(never)]
extern "C" fn search_step(_: u32, _: *mut c_void) -> u64 {
    let (Some(scratch), Some(words)) = (SCRATCH.get_ptr_mut(0), RULE_INDEX.get(0)) else {
        return 1;
    };
    // SAFETY: a live per-CPU value; whoever began the loop waits for its end.
    let search = unsafe { &mut (*scratch).rules };
    u64::from(!search.step(&KernelRules { words }))
}

/// One step of `bpf_loop` for [`KernelTables::search_members`].
#[inline(never)]
extern "C" fn look_at_member(index: u32, _context: *mut c_void) -> u64 {
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
        return 1;
    };
    // SAFETY: a live per-CPU value; these parts of it are the running search's.
    let (search, room) = unsafe { (&mut (*scratch).members, &mut (*scratch).room) };
    let (packet, other) = room.search_parts();
    search.look_at(&KernelTables, index, packet, other);
    0
}

/// The kernel's maps.
pub(crate) struct KernelTables;

/// A record in one of the two flow maps.
#[derive(Clone, Copy)]
pub(crate) struct KernelFlow {
    record: *mut FlowRecord,
    established: bool,
}

impl KernelTables {
    /// [`Tables::settings`], for as long as the program runs.
    #[inline(always)]
    pub(crate) fn settings_static() -> Option<&'static Settings> {
        SETTINGS.get(0)
    }
}

impl Tables for KernelTables {
    type Flow = KernelFlow;

    #[inline(always)]
    fn settings(&self) -> Option<&Settings> {
        SETTINGS.get(0)
    }

    #[inline(always)]
    fn port(&self, ifindex: u32) -> Option<u32> {
        // SAFETY: the value is read at once; the agent replaces it whole.
        unsafe { PORTS.get(&ifindex) }.copied()
    }

    #[inline(always)]
    fn instance(&self, number: u32) -> Option<&InstanceEntry> {
        // SAFETY: values of deleted keys stay readable until the program ends (RCU).
        unsafe { INSTANCES.get(&number) }
    }

    #[inline(always)]
    fn endpoint(&self, key: &EndpointKey) -> Option<EndpointEntry> {
        // SAFETY: as for `port`.
        unsafe { ENDPOINTS.get(key) }.copied()
    }

    #[inline(always)]
    fn host(&self, index: u32) -> Option<&HostEntry> {
        HOSTS.get(index)
    }

    #[inline(always)]
    fn peer(&self, addr: &Addr) -> bool {
        PEERS.get_ptr(addr).is_some()
    }

    #[inline(always)]
    fn displacement(&self, copy: u32, bucket: u32) -> u16 {
        let word = DISPLACEMENTS.get(copy * (SERVICE_BUCKETS / 4) + bucket / 4);
        (word.copied().unwrap_or(0) >> (bucket % 4 * 16)) as u16
    }

    #[inline(always)]
    fn service(&self, copy: u32, slot: u32, _sought: &ServiceKey) -> Option<&ServiceEntry> {
        SERVICES.get(copy * SERVICE_SLOTS + slot)
    }

    #[inline(always)]
    fn row(&self, row: u32) -> u16 {
        (ROWS_HOT.get(row / 4).copied().unwrap_or(0) >> (row % 4 * 16)) as u16
    }

    #[inline(always)]
    fn chain(&self, row: u32) -> u64 {
        ROWS_COLD.get(row).copied().unwrap_or(0)
    }

    #[inline(always)]
    fn member(&self, index: u32) -> MemberEntry {
        MEMBERS.get(index).copied().unwrap_or_default()
    }

    #[inline(always)]
    fn target(&self, key: &TargetKey) -> Option<u32> {
        // SAFETY: as for `port`.
        unsafe { TARGETS.get(key) }.map(|target| target.port)
    }

    #[inline(always)]
    fn rules_allow(&self, range: RuleRange, peer: &Addr, service: u32) -> bool {
        let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
            return false;
        };
        // SAFETY: as for `room`; the callback has the type that the helper wants.
        unsafe {
            (*scratch).rules.begin(range, peer, service);
            bpf_loop(RuleSearch::STEPS_MAX, search_step as *mut c_void, core::ptr::null_mut(), 0);
            (*scratch).rules.found().and_then(|at| RULES.get(range.base.wrapping_add(at)))
        }
        .is_some_and(|rule| rule.action == RuleEntry::ALLOW)
    }

    #[inline(always)]
    fn search_members(&self, search: &mut MemberSearch, places: u32, _packet: &Packet, _other: &mut FlowKey) {
        let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
            return;
        };
        // SAFETY: the callback has the type that the helper wants, and finds the search where it lies in between: the stack has
        // no place left for it.
        unsafe {
            (*scratch).members = *search;
            bpf_loop(MemberSearch::steps(places), look_at_member as *mut c_void, core::ptr::null_mut(), 0);
            *search = (*scratch).members;
        }
    }

    #[inline(always)]
    fn flow(&self, key: &FlowKey) -> Option<KernelFlow> {
        if handing_over() {
            take_over(key);
        }
        if let Some(record) = FLOWS.get_ptr_mut(key) {
            return Some(KernelFlow { record, established: true });
        }
        if let Some(record) = FLOWS_HALF_OPEN.get_ptr_mut(key) {
            return Some(KernelFlow { record, established: false });
        }
        // Another CPU may have promoted it between the two.
        let record = FLOWS.get_ptr_mut(key)?;
        Some(KernelFlow { record, established: true })
    }

    #[inline(always)]
    fn create_flow(&self, key: &FlowKey, record: &FlowRecord) -> bool {
        // A flow that is over may still lie among the established ones under this key.
        if let Some(former) = FLOWS.get_ptr(key) {
            // SAFETY: a live map value.
            events::flow(FlowEvent::REPLACED, key, unsafe { &*former });
            // SAFETY: as above.
            add_to_totals(key, former, FlowTotals::of_replaced(unsafe { &*former }));
            let _ = FLOWS.remove(key);
        }
        let made = FLOWS_HALF_OPEN.insert(key, record, 0).is_ok();
        if made && handing_over() {
            hand_over(key, record);
        }
        made
    }

    #[inline(always)]
    fn promote_flow(&self, key: &FlowKey) {
        if let Some(record) = FLOWS_HALF_OPEN.get_ptr(key) {
            // SAFETY: a live map value, copied by the kernel during this call.
            if FLOWS.insert(key, unsafe { &*record }, u64::from(BPF_NOEXIST)).is_ok() {
                // SAFETY: as above.
                events::flow(FlowEvent::ESTABLISHED, key, unsafe { &*record });
                add_to_totals(key, record, FlowTotals::ONE_OPENED);
                // Another CPU may have noted the flow's end in the old record while it was copied.
                if let Some(copy) = FLOWS.get_ptr_mut(key) {
                    // SAFETY: live map values.
                    unsafe {
                        if (*record).flags & FlowRecord::FLAG_END != 0 {
                            (*copy).end = (*record).end;
                        }
                        add_flags(copy, (*record).flags);
                    }
                }
                let _ = FLOWS_HALF_OPEN.remove(key);
            }
        }
    }

    #[inline(always)]
    fn fragment(&self, key: &FragmentKey) -> Option<FragmentEntry> {
        // SAFETY: as for `port`; eight bytes that are written once.
        unsafe { FRAGMENTS.get(key) }.copied()
    }

    #[inline(always)]
    fn note_fragment(&self, key: &FragmentKey, first: &FragmentEntry) {
        // Without it the later fragments are dropped, and counted.
        let _ = FRAGMENTS.insert(key, first, 0);
    }

    #[inline(always)]
    fn now_ns(&self) -> u64 {
        // SAFETY: a helper without arguments. Coarse, because the exact clock costs 39 ns and ages are seconds.
        unsafe { bpf_ktime_get_coarse_ns() }
    }

    #[inline(always)]
    fn count(&self, outcome: Outcome) {
        count(outcome, 0);
        events::also(outcome);
    }

    #[inline(always)]
    fn count_for(&self, service: u32, instance: u32, outcome: Outcome) {
        self.count(outcome);
        count_for_service(service, instance, outcome);
    }

    #[inline(always)]
    fn count_service(&self, number: u32, bytes: u32) {
        add(SERVICE_COUNTERS.get_ptr_mut(number), bytes);
    }
}

impl Flow for KernelFlow {
    #[inline(always)]
    fn original_addr(&self) -> Addr {
        // SAFETY: a live map value; so in every method below.
        unsafe { (*self.record).original_addr }
    }

    #[inline(always)]
    fn original_port(&self) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.record).original_port }
    }

    #[inline(always)]
    fn service(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.record).service }
    }

    #[inline(always)]
    fn flags(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.record).flags }
    }

    #[inline(always)]
    fn via(&self) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.record).via }
    }

    #[inline(always)]
    fn rules(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.record).rules }
    }

    #[inline(always)]
    fn allow(&self, rules: u32) {
        // SAFETY: as above: one aligned word.
        unsafe { (*self.record).rules = rules }
    }

    #[inline(always)]
    fn established(&self) -> bool {
        self.established
    }

    #[inline(always)]
    fn end(&self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.record).end }
    }

    #[inline(always)]
    fn peer_port(&self) -> u16 {
        // SAFETY: as above.
        unsafe { (*self.record).peer_port as u16 }
    }

    #[inline(always)]
    fn set_end(&self, end: u32) {
        // SAFETY: as above: one aligned word.
        unsafe { (*self.record).end = end }
    }

    #[inline(always)]
    fn note(&self, set_flags: u32, outbound: bool, bytes: u32, now_ns: u64) {
        // SAFETY: as above. Two CPUs may count at the same time and lose one packet of a statistic, but no flag.
        unsafe {
            add_flags(self.record, set_flags);
            let record = &mut *self.record;
            if now_ns != 0 {
                record.last_used_ns = now_ns;
            }
            if outbound {
                record.packets_out += 1;
            } else {
                record.packets_in += 1;
            }
            record.bytes += bytes as u64;
        }
    }
}
