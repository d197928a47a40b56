use std::{ffi::CString, fs, path::Path};

use aya::maps::MapData;
use dnlb_abi::Layout;
use dnlb_plan::SwitchState;
use tempfile::TempDir;

use super::*;
use crate::{
    Capacities, SwitchOptions,
    groups::write_layout,
    layout::{Description, MapDescription, Shape},
};

/// A BPF file system of its own.
struct Pins(TempDir);

impl Pins {
    fn mount() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = CString::new(dir.path().to_str().unwrap()).unwrap();
        // SAFETY: all strings end with a zero and outlive the call.
        let result = unsafe {
            libc::mount(c"bpf".as_ptr(), path.as_ptr(), c"bpf".as_ptr(), 0, c"mode=0700".as_ptr().cast())
        };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        Self(dir)
    }

    /// A version that has room for so many flows: another room is another version.
    fn open(&self, flows: u32) -> Result<Switch, SwitchError> {
        let capacities = Capacities { flows, flows_half_open: 1024, ..Capacities::default() };
        let switch = Switch::open(SwitchOptions { pin_dir: self.0.path().to_owned(), capacities });
        switch.and_then(|mut switch| switch.apply(&SwitchState::default()).map(|_| switch))
    }

    fn maps(&self) -> std::path::PathBuf {
        self.0.path().join("maps")
    }

    /// Names of the folders with maps.
    fn folders(&self) -> Vec<String> {
        let entries = fs::read_dir(self.maps()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let path = CString::new(self.0.path().to_str().unwrap()).unwrap();
        // SAFETY: the string ends with a zero and outlives the call.
        unsafe { libc::umount2(path.as_ptr(), libc::MNT_DETACH) };
    }
}

fn key(ports: u32) -> FlowKey {
    FlowKey { peer: dnlb_abi::v4_mapped([192, 0, 2, 1]), instance: 7, ports, protocol: 6 }
}

fn record(last_used_ns: u64, flags: u32) -> FlowRecord {
    FlowRecord {
        original_addr: dnlb_abi::v4_mapped([10, 0, 0, 100]),
        original_port: 80,
        service: 3,
        last_used_ns,
        flags,
        bytes: 1500,
        ..FlowRecord::default()
    }
}

fn put(switch: &Switch, name: &'static str, ports: u32, record: &FlowRecord) {
    let map = raw(map_data(&switch.ebpf, name).unwrap(), name).unwrap();
    assert!(map.update(key(ports).as_bytes(), record.as_bytes(), 0).unwrap());
}

/// Ports, time and whether established, of all records.
fn flows(switch: &Switch) -> Vec<(u32, u64, bool)> {
    let flows = switch.flows().unwrap();
    let mut flows: Vec<_> = flows.iter().map(|it| (it.0.ports, it.1.last_used_ns, it.2)).collect();
    flows.sort_unstable();
    flows
}

fn handing_over(switch: &Switch) -> u32 {
    let array = Array::<_, u32>::try_from(switch.ebpf.map(maps::HANDING_OVER).unwrap()).unwrap();
    array.get(&0, 0).unwrap()
}

#[test]
#[ignore = "needs root"]
fn records_go_to_another_version_and_back() {
    let pins = Pins::mount();
    let first = pins.open(1024).unwrap();
    assert!(!first.is_taking_over());
    put(&first, maps::FLOWS, 1, &record(100, FlowRecord::FLAG_ANSWERED));
    put(&first, maps::FLOWS, 2, &record(100, FlowRecord::FLAG_ANSWERED));
    put(&first, maps::FLOWS_HALF_OPEN, 3, &record(100, 0));

    let mut second = pins.open(2048).unwrap();
    assert!(second.is_taking_over());
    assert_eq!(second.take_over().unwrap(), TakenOver { flows: 3, left: 0 });
    assert_eq!(flows(&second), [(1, 100, true), (2, 100, true), (3, 100, false)]);
    assert_eq!(handing_over(&first), 1, "both versions use this map");

    // Both are at work: one flow goes on here, one there, one is promoted there, one is made there.
    put(&first, maps::FLOWS, 1, &record(300, FlowRecord::FLAG_ANSWERED));
    put(&second, maps::FLOWS, 2, &record(200, FlowRecord::FLAG_ANSWERED));
    put(&first, maps::FLOWS, 3, &record(150, FlowRecord::FLAG_ANSWERED));
    put(&first, maps::FLOWS, 4, &record(160, FlowRecord::FLAG_ANSWERED));
    assert_eq!(second.finish_taking_over().unwrap(), TakenOver { flows: 3, left: 0 });
    let all = [(1, 300, true), (2, 200, true), (3, 150, true), (4, 160, true)];
    assert_eq!((flows(&second), handing_over(&second)), (all.to_vec(), 0));
    assert!(!second.is_taking_over() && !pins.open(2048).unwrap().is_taking_over());

    // The way back.
    drop(first);
    let mut first = pins.open(1024).unwrap();
    assert_eq!(first.take_over().unwrap(), TakenOver { flows: 4, left: 0 });
    assert_eq!(first.finish_taking_over().unwrap(), TakenOver::default());
    assert_eq!(flows(&first), all);
    assert_eq!(pins.folders().len(), Group::ALL.len());
}

#[test]
#[ignore = "needs root"]
fn who_was_killed_on_the_way_goes_on_or_back() {
    let pins = Pins::mount();
    let first = pins.open(1024).unwrap();
    put(&first, maps::FLOWS, 1, &record(100, FlowRecord::FLAG_ANSWERED));
    let mut second = pins.open(2048).unwrap();
    second.take_over().unwrap();
    drop(second);

    // Killed when it had taken over, and when it was making and removing folders.
    let left = pins.maps().join("new-flows-0123456789abcdef");
    fs::create_dir(&left).unwrap();
    let mut second = pins.open(2048).unwrap();
    assert!(second.is_taking_over() && !left.exists());
    put(&second, maps::FLOWS, 2, &record(200, FlowRecord::FLAG_ANSWERED));
    assert_eq!(second.take_over().unwrap(), TakenOver::default());
    drop(second);

    // The first one comes back and finds what the second one did.
    drop(first);
    let mut first = pins.open(1024).unwrap();
    assert!(first.is_taking_over());
    assert_eq!(first.take_over().unwrap(), TakenOver { flows: 1, left: 0 });
    assert_eq!(first.finish_taking_over().unwrap(), TakenOver::default());
    assert_eq!(flows(&first), [(1, 100, true), (2, 200, true)]);
    assert_eq!((handing_over(&first), pins.folders().len()), (0, Group::ALL.len()));
}

/// Pins flow maps of a version that never was, with what records look like there.
fn pin_former_flows(pins: &Path, key: Shape, value: Shape) -> std::path::PathBuf {
    let map = |name: &str| MapDescription {
        name: name.to_owned(),
        entries: 16,
        key: key.clone(),
        value: value.clone(),
    };
    let description = Description { version: 0, maps: vec![map(maps::FLOWS_HALF_OPEN), map(maps::FLOWS)] };
    let folder = pins.join(format!("flows-{:016x}", description.identity()));
    fs::create_dir(&folder).unwrap();
    write_layout(&folder, &description).unwrap();
    let mut record = [0_u8; 48];
    record[8..24].copy_from_slice(&dnlb_abi::v4_mapped([10, 0, 0, 100]));
    record[24..28].copy_from_slice(&80_u32.to_le_bytes());
    record[28..32].copy_from_slice(&FlowRecord::FLAG_ANSWERED.to_le_bytes());
    record[32..36].copy_from_slice(&500_u32.to_le_bytes());
    record[40..48].copy_from_slice(&[0xff; 8]);
    for (at, name) in [maps::FLOWS_HALF_OPEN, maps::FLOWS].into_iter().enumerate() {
        let mut map = HashMap::<MapData, [u8; 28], [u8; 48]>::create(16, 0).unwrap();
        let mut key = [0; 28];
        key.copy_from_slice(self::key(at as u32).as_bytes());
        map.insert(key, record, 0).unwrap();
        map.pin(folder.join(name)).unwrap();
    }
    folder
}

fn shape(text: &str) -> Shape {
    let text = format!("dnlb-maps 1\nversion 0\nmap M 1\nkey 0\nvalue {text}\n");
    text.parse::<Description>().unwrap().maps.remove(0).value
}

#[test]
#[ignore = "needs root"]
fn another_layout_is_read_by_its_names() {
    let pins = Pins::mount();
    drop(pins.open(1024).unwrap());
    let value = shape(
        "48\nunknown 0 8\noriginal_addr 8 16\noriginal_port 24 4\nflags 28 4\nlast_used_ns 32 8\nother 40 8",
    );
    let folder = pin_former_flows(&pins.maps(), Shape::of(FlowKey::FIELDS), value);
    let mut switch = pins.open(1024).unwrap();
    assert_eq!(switch.take_over().unwrap(), TakenOver { flows: 2, left: 0 });
    switch.finish_taking_over().unwrap();
    assert!(!folder.exists());
    let expected = FlowRecord {
        original_addr: dnlb_abi::v4_mapped([10, 0, 0, 100]),
        original_port: 80,
        flags: FlowRecord::FLAG_ANSWERED,
        last_used_ns: 500,
        ..FlowRecord::default()
    };
    assert_eq!(switch.flows().unwrap(), [(key(1), expected, true), (key(0), expected, false)]);
}

#[test]
#[ignore = "needs root"]
fn what_cannot_be_understood_is_refused_and_stays() {
    let pins = Pins::mount();
    let switch = pins.open(1024).unwrap();
    put(&switch, maps::FLOWS, 1, &record(100, 0));
    drop(switch);
    let before = pins.folders();
    let refused = |expected: &str| {
        let error = pins.open(2048).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains(expected), "`{error}` does not say `{expected}`");
        assert!(error.contains("packets go on"), "{error}");
    };

    let strange = pins.maps().join("strange");
    fs::create_dir(&strange).unwrap();
    refused("LAYOUT cannot be read");
    fs::remove_dir(strange).unwrap();

    // A key that lacks what tells two flows apart.
    let value = shape("48\noriginal_addr 8 16");
    let key = shape("28\npeer 0 16\ninstance 16 4\nprotocol 20 4\nother 24 4");
    let folder = pin_former_flows(&pins.maps(), key, value.clone());
    refused("lack `ports`");
    fs::remove_dir_all(folder).unwrap();

    // Maps that are not as long as they say.
    let folder = pin_former_flows(&pins.maps(), Shape::of(FlowKey::FIELDS), shape("56\nflags 0 4"));
    refused("values of 48");
    fs::remove_dir_all(folder).unwrap();

    // The right text under the wrong name.
    let folder = pin_former_flows(&pins.maps(), Shape::of(FlowKey::FIELDS), value);
    let renamed = pins.maps().join("flows-0123456789abcdef");
    fs::rename(folder, &renamed).unwrap();
    refused("does not belong");
    fs::remove_dir_all(renamed).unwrap();

    // One of its own maps is gone.
    let own = pins.maps().join(before.iter().find(|name| name.starts_with("handover-")).unwrap());
    fs::remove_file(own.join(maps::HANDOVER)).unwrap();
    refused("HANDOVER cannot be opened");
    assert_eq!(pins.folders(), before, "nothing was made and nothing was removed");
}

#[test]
#[ignore = "needs root"]
fn counters_do_not_go_back() {
    let pins = Pins::mount();
    let open = |services| {
        let capacities = Capacities { services, ..Capacities::default() };
        Switch::open(SwitchOptions { pin_dir: pins.0.path().to_owned(), capacities }).unwrap()
    };
    let first = open(16);
    let map = raw(map_data(&first.ebpf, maps::SERVICE_COUNTERS).unwrap(), maps::SERVICE_COUNTERS).unwrap();
    let one = Counter { packets: 5, bytes: 500 };
    let values: Vec<u8> =
        (0..map.value_len() / size_of::<Counter>()).flat_map(|_| one.as_bytes().to_vec()).collect();
    map.update(&3_u32.to_ne_bytes(), &values, 0).unwrap();
    let sum = first.service_counters(&[3]).unwrap();
    assert!(sum[0].1.packets >= 5);
    let mut second = open(32);
    second.take_over().unwrap();
    second.finish_taking_over().unwrap();
    assert_eq!(second.service_counters(&[3]).unwrap(), sum);
    // Records of flows are in maps of the same size, so the same maps.
    assert_eq!(pins.folders().len(), Group::ALL.len());
}

#[test]
fn the_newer_record_is_right() {
    const FINS: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;
    let (old, new) = (record(100, 0), record(200, 0));
    let other = FlowRecord { original_port: 443, ..old };
    // Former, whether established; own, whether established; what becomes of it.
    let cases = [
        ((&old, false), None, Some(false)),
        ((&old, true), None, Some(true)),
        ((&old, true), Some((&new, false)), None),
        ((&new, false), Some((&old, false)), Some(false)),
        // Promoted there.
        ((&old, true), Some((&old, false)), Some(true)),
        // Promoted here; a packet came there.
        ((&new, false), Some((&old, true)), Some(true)),
        ((&old, false), Some((&old, true)), None),
        // The client uses its port again, for another service or after the end.
        ((&new, false), Some((&other, true)), Some(false)),
        ((&new, false), Some((&record(100, FINS), true)), Some(false)),
        // Ends are noted without a time.
        ((&record(100, FINS), true), Some((&old, true)), Some(true)),
        ((&old, true), Some((&record(100, FINS), true)), None),
    ];
    for (at, (former, own, expected)) in cases.into_iter().enumerate() {
        assert_eq!(place(former, own), expected, "case {at}");
    }
}
