//! Tells the agent of packets and flows that somebody wants to hear of.
//!
//! While nobody does, all of it is two words read and compared for each packet. Telling is a program of its own, in which others
//! end by a tail call: so it has a stack of its own, and the verifier walks it once and not once for each way to each verdict.

use core::ffi::c_void;

use aya_ebpf::{
    helpers::generated::{bpf_ktime_get_ns, bpf_map_lookup_elem, bpf_ringbuf_output},
    macros::map,
    maps::{Array, PerCpuArray, ProgramArray, RingBuf},
    programs::{TcContext, XdpContext},
};
use dnlb_abi::{EVENTS_BYTES, FlowEvent, FlowKey, FlowRecord, Outcome, Role, StepEvent, TraceControl, lost};
use dnlb_datapath::{Frame, Tunnel, describe, flow_sampled, read_outer, traces_wanting};

use crate::{
    tables::{self, KernelTables},
    tc::{self, Note},
};

#[map]
static TRACES: Array<TraceControl> = Array::with_max_entries(1, 0);
#[map]
static EVENTS: RingBuf = RingBuf::with_byte_size(EVENTS_BYTES, 0);
#[map]
static EVENTS_LOST: PerCpuArray<u64> = PerCpuArray::with_max_entries(lost::COUNT, 0);

/// The program `tell`, put there by whoever loads the object.
#[map]
static TELLER: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// The programs `edge_traced` and `edge_tell`, likewise.
#[map]
static TRACED_EDGE: ProgramArray = ProgramArray::with_max_entries(2, 0);

/// Flows of one packet of which can be told: two records at most are replaced by it, and two established.
const FLOWS_MAX: usize = 4;

/// What is noted of a packet on its way.
#[repr(C)]
pub(crate) struct Telling {
    /// Which program it is.
    role: Role,
    /// VNI with which the packet came out of the tunnel, or 0.
    vni: u32,
    /// As [`StepEvent::also`].
    also: u32,
    /// How many of [`Desk::flows`] are to be told of.
    flows: u32,
    /// What the program returns.
    verdict: i32,
    reserved: u32,
}

impl Telling {
    /// A packet comes.
    #[inline(always)]
    pub(crate) fn begin(&mut self, role: Role, vni: u32) {
        (self.role, self.vni) = (role, vni);
        (self.also, self.flows) = (0, 0);
    }
}

/// Where events are put together: too large for the stack.
#[repr(C)]
struct Desk {
    step: StepEvent,
    flows: [FlowEvent; FLOWS_MAX],
}
#[map]
static DESK: PerCpuArray<Desk> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
fn control() -> Option<&'static TraceControl> {
    /// A key that is nowhere on a stack: there is no room left on some.
    #[unsafe(no_mangle)]
    static FIRST: u32 = 0;
    let (map, key) = ((&raw const TRACES).cast_mut().cast(), (&raw const FIRST).cast());
    // SAFETY: a map and a key of its size; what is found is a live map value, which the agent writes.
    unsafe { bpf_map_lookup_elem(map, key).cast::<TraceControl>().as_ref() }
}

#[inline(always)]
fn desk() -> Option<&'static mut Desk> {
    // SAFETY: a live per-CPU value; programs take it one after the other.
    DESK.get_ptr_mut(0).map(|desk| unsafe { &mut *desk })
}

/// Whether any trace is under way.
#[inline(always)]
pub(crate) fn active() -> bool {
    control().is_some_and(|control| control.active != 0)
}

/// Goes on in `edge_traced`; returns if it is not there.
#[inline(always)]
pub(crate) fn to_traced_edge(ctx: &XdpContext) {
    // SAFETY: nothing of this program is needed any more. An error means that there is no such program: whoever traces then sees
    // nothing, and no packet suffers.
    let _ = unsafe { TRACED_EDGE.tail_call(ctx, 0) };
}

/// Ends the program in `tell`, if there is something to tell of the packet.
#[inline(always)]
pub(crate) fn tell(ctx: &TcContext, verdict: i32) {
    let Some(telling) = tables::telling() else {
        return;
    };
    if telling.flows == 0 && !active() {
        return;
    }
    telling.verdict = verdict;
    // SAFETY: as in `to_traced_edge`.
    let _ = unsafe { TELLER.tail_call(ctx, 0) };
}

/// Ends `edge_traced` in `edge_tell`.
#[inline(always)]
pub(crate) fn tell_edge(ctx: &XdpContext, verdict: u32) {
    if let Some(telling) = tables::telling() {
        telling.verdict = verdict as i32;
        // SAFETY: as in `to_traced_edge`.
        let _ = unsafe { TRACED_EDGE.tail_call(ctx, 1) };
    }
}

/// Notes the outcome of an edge's packet.
#[inline(always)]
pub(crate) fn outcome(outcome: Outcome) {
    if let Some(note) = tables::note() {
        note.outcome = outcome;
    }
}

/// Notes where an edge has sent the packet, which is the frame by now.
#[inline(always)]
pub(crate) fn note_forwarded(frame: &impl Frame) {
    if let Some(note) = tables::note()
        && note.outcome == Outcome::Forwarded
        && !read_outer(frame, &mut note.tunnel)
    {
        note.tunnel = Tunnel::default();
    }
}

/// What the program returns that ended here.
#[inline(always)]
pub(crate) fn verdict() -> i32 {
    tables::telling().map_or(tc::SHOT, |telling| telling.verdict)
}

/// Notes an outcome that was counted on the way to the verdict. Not that it was balanced, which its service tells.
#[inline(always)]
pub(crate) fn also(outcome: Outcome) {
    if outcome as u32 != Outcome::Balanced as u32
        && let Some(telling) = tables::telling()
    {
        telling.also = outcome as u32 + 1;
    }
}

/// Notes that a flow is to be told of: `kind` as in [`FlowEvent`].
#[inline(always)]
pub(crate) fn flow(kind: u32, key: &FlowKey, record: &FlowRecord) {
    if control().is_none_or(|control| control.flows_one_in == 0) {
        return;
    }
    let (Some(telling), Some(desk)) = (tables::telling(), desk()) else {
        return;
    };
    // SAFETY: a live per-CPU value. Volatile, so that the verifier sees the comparison as it is.
    let at = unsafe { (&raw const telling.flows).read_volatile() } as usize;
    let Some(event) = desk.flows.get_mut(at) else {
        return;
    };
    telling.flows = at as u32 + 1;
    event.kind = kind;
    event.key = *key;
    event.record = *record;
}

/// Tells of the flows that were noted, if they are among those that are sampled.
#[inline(always)]
pub(crate) fn tell_flows() {
    let (Some(telling), Some(desk), Some(control)) = (tables::telling(), desk(), control()) else {
        return;
    };
    let mut at = 0;
    while at < FLOWS_MAX {
        let event = &mut desk.flows[at];
        if at >= telling.flows as usize {
            return;
        }
        if flow_sampled(&event.key, &event.record, control.flows_one_in) {
            event.time_ns = now();
            if !output(event) {
                lose(lost::FLOWS);
            }
        }
        at += 1;
    }
}

/// Tells of the packet whose verdict was noted, if some trace wants it. It came in on this interface.
#[inline(always)]
pub(crate) fn tell_packet(ifindex: u32) {
    let (Some(note), Some(telling)) = (tables::note(), tables::telling()) else {
        return;
    };
    let (Some(desk), Some(control)) = (desk(), control()) else {
        return;
    };
    if control.active == 0 {
        return;
    }
    let event = &mut desk.step;
    *event = StepEvent::default();
    event.kind = StepEvent::KIND;
    event.role = telling.role as u8;
    event.ifindex = ifindex;
    event.outcome = note.outcome as u32;
    event.also = telling.also;
    event.vni = telling.vni;
    note_way(note, event);
    let (edge, room) = (tables::edge_packet(), tables::room());
    let (Some(edge), Some(room)) = (edge, room) else {
        return;
    };
    if telling.role == Role::Edge {
        describe(&KernelTables, edge, None, event);
    } else {
        describe(&KernelTables, room.packet(), Some(room.rewrite()), event);
    }
    event.time_ns = now();
    event.traces = traces_wanting(control, event, event.time_ns);
    // SAFETY: as above. Volatile, so that the verifier forgets which filters on its way here wanted it.
    if unsafe { (&raw const event.traces).read_volatile() } != 0 && !output(event) {
        lose(lost::STEPS);
    }
}

/// Where it goes.
#[inline(always)]
fn note_way(note: &Note, event: &mut StepEvent) {
    match note.outcome {
        Outcome::Delivered => event.instance = note.instance,
        Outcome::Forwarded | Outcome::Tunnelled => {
            event.remote = note.tunnel.remote;
            event.vni = note.tunnel.vni;
            event.instance = note.tunnel.instance;
            event.hop = note.tunnel.hop;
        }
        _ => {}
    }
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: a helper without arguments.
    unsafe { bpf_ktime_get_ns() }
}

/// Copies an event into the ring buffer, if there is room.
#[inline(always)]
fn output<T>(event: &T) -> bool {
    let at = core::ptr::from_ref(event).cast_mut().cast::<c_void>();
    // SAFETY: the helper reads a live map value of that size; both of our types are without padding.
    unsafe { bpf_ringbuf_output((&raw const EVENTS).cast_mut().cast(), at, size_of::<T>() as u64, 0) == 0 }
}

#[inline(always)]
fn lose(which: u32) {
    if let Some(counter) = EVENTS_LOST.get_ptr_mut(which) {
        // SAFETY: as above.
        unsafe { *counter += 1 };
    }
}
