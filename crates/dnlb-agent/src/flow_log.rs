//! The log of flows: lines of JSON in a file that is followed, and replaced before it grows too large.

use std::{
    collections::HashMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use dnlb_abi::{FlowEvent, FlowKey, FlowRecord};
use dnlb_datapath::flow_sampled;
use dnlb_explain::trace::{FlowEnd, TraceNames, flow_item};
use serde_json::Value;

use crate::clock::Clock;

/// A file of this size makes room for the next; one of them is kept.
const BYTES_MAX: u64 = 16 << 20;
/// Flows of which is remembered when they were established.
const REMEMBERED_MAX: usize = 65_536;

/// Writes the log of flows.
#[derive(Debug)]
pub(crate) struct FlowLog {
    path: PathBuf,
    bytes_max: u64,
    file: Option<(File, u64)>,
    /// One of so many flows; 0: none.
    one_in: u32,
    /// When flows were established, by the kernel's monotonic clock.
    established: HashMap<FlowKey, u64>,
}

impl FlowLog {
    /// Goes on with the log at `path`.
    pub(crate) fn new(path: PathBuf, one_in: u32) -> Self {
        Self { path, bytes_max: BYTES_MAX, file: None, one_in, established: HashMap::new() }
    }

    /// A program has told of a flow.
    pub(crate) fn on_event(&mut self, names: &impl TraceNames, clock: &Clock, event: &FlowEvent) {
        if event.kind == FlowEvent::REPLACED {
            return self.on_closed(names, clock, &event.key, &event.record);
        }
        if self.established.len() < REMEMBERED_MAX {
            self.established.insert(event.key, event.time_ns);
        }
        let mut item = flow_item(names, &event.key, &event.record);
        item["event"] = "new".into();
        item["time"] = clock.wall(event.time_ns).into();
        self.write(&item);
    }

    /// A record was removed.
    pub(crate) fn on_closed(
        &mut self,
        names: &impl TraceNames,
        clock: &Clock,
        key: &FlowKey,
        record: &FlowRecord,
    ) {
        let began = self.established.remove(key);
        if !flow_sampled(key, record, self.one_in) {
            return;
        }
        let mut item = flow_item(names, key, record);
        item["event"] = "closed".into();
        // Records know the coarse clock alone, which is some milliseconds behind: no flow ends before it begins.
        let ended = record.last_used_ns.max(began.unwrap_or(0));
        item["time"] = clock.wall(ended).into();
        item["reason"] = FlowEnd::of(record).word().into();
        item["packetsIn"] = record.packets_in.into();
        item["packetsOut"] = record.packets_out.into();
        item["bytes"] = record.bytes.into();
        if let Some(began) = began {
            item["durationMs"] = ((ended - began) / 1_000_000).into();
        }
        self.write(&item);
    }

    /// Programs had no room for so many flows more.
    pub(crate) fn on_lost(&mut self, clock: &Clock, flows: u64) {
        let item = serde_json::json!({"event": "lost", "time": clock.wall_now(), "flows": flows});
        self.write(&item);
    }

    fn write(&mut self, item: &Value) {
        if let Err(error) = self.try_write(&format!("{item}\n")) {
            // Opened anew for the next line.
            self.file = None;
            tracing::warn!(path = %self.path.display(), %error, "cannot write the log of flows");
        }
    }

    fn try_write(&mut self, line: &str) -> io::Result<()> {
        if self.file.as_ref().is_some_and(|(_, bytes)| bytes + line.len() as u64 > self.bytes_max) {
            self.file = None;
            let mut former = self.path.clone().into_os_string();
            former.push(".1");
            fs::rename(&self.path, former)?;
        }
        let (file, bytes) = match &mut self.file {
            Some(open) => open,
            None => {
                let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
                let bytes = file.metadata()?.len();
                self.file.insert((file, bytes))
            }
        };
        // One write a line: whoever follows never sees half of one.
        file.write_all(line.as_bytes())?;
        *bytes += line.len() as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    struct Nameless;

    impl TraceNames for Nameless {
        fn instance_id(&self, _: u32) -> Option<String> {
            None
        }
        fn listener(&self, _: u32) -> Option<String> {
            None
        }
        fn host_at(&self, _: IpAddr) -> Option<String> {
            None
        }
    }

    fn lines(log: &FlowLog) -> Vec<Value> {
        let text = fs::read_to_string(&log.path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_flow_has_a_line_when_it_begins_and_one_when_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = FlowLog::new(dir.path().join("flows.log"), 1);
        let clock = Clock::now();
        let key = FlowKey { instance: 4, ports: 40_000 | 8080 << 16, protocol: 6, ..FlowKey::default() };
        let record = FlowRecord { original_port: 80, packets_in: 2, ..FlowRecord::default() };
        let event = FlowEvent {
            kind: FlowEvent::ESTABLISHED,
            time_ns: 5_000_000,
            key,
            record,
            ..FlowEvent::default()
        };
        log.on_event(&Nameless, &clock, &event);
        let fins = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;
        let over =
            FlowRecord { flags: fins, packets_in: 6, packets_out: 5, last_used_ns: 9_000_000, ..record };
        log.on_closed(&Nameless, &clock, &key, &over);
        // Over at once, by a clock that is behind.
        log.on_event(&Nameless, &clock, &event);
        log.on_closed(&Nameless, &clock, &key, &FlowRecord { last_used_ns: 1_000_000, ..over });
        // Nobody saw this one begin.
        log.on_closed(&Nameless, &clock, &FlowKey { instance: 5, ..key }, &record);
        let lines = lines(&log);
        assert_eq!((&lines[0]["event"], &lines[0]["destination"]), (&"new".into(), &"[::]:80".into()));
        assert_eq!((&lines[1]["event"], &lines[1]["reason"]), (&"closed".into(), &"fin".into()));
        assert_eq!((&lines[1]["packetsIn"], &lines[1]["packetsOut"]), (&6.into(), &5.into()));
        assert_eq!(lines[1]["durationMs"], 4);
        assert_eq!((&lines[3]["time"], &lines[3]["durationMs"]), (&lines[2]["time"], &0.into()));
        assert_eq!((&lines[4]["reason"], lines[4].get("durationMs")), (&"idle".into(), None));
        assert_eq!(lines.len(), 5);
    }

    #[test]
    fn flows_that_are_not_sampled_have_no_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = FlowLog::new(dir.path().join("flows.log"), 0);
        log.on_closed(&Nameless, &Clock::now(), &FlowKey::default(), &FlowRecord::default());
        assert!(!log.path.exists());
    }

    #[test]
    fn a_full_file_makes_room_and_one_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let mut log = FlowLog::new(dir.path().join("flows.log"), 1);
        log.bytes_max = 200;
        for flows in 0..20 {
            log.on_lost(&Clock::now(), flows);
        }
        assert_eq!(lines(&log).last().unwrap()["flows"], 19);
        let names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
        for name in names {
            assert!(fs::metadata(dir.path().join(name)).unwrap().len() <= 200);
        }
        // An agent that starts again goes on in the same file.
        let mut next = FlowLog::new(log.path.clone(), 1);
        let before = lines(&next).len();
        next.on_lost(&Clock::now(), 99);
        assert_eq!(lines(&next).len(), before + 1);
    }
}
