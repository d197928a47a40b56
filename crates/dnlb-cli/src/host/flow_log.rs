//! The agent's log of new and closed flows: what is in it, and what comes.

use std::{
    fs::File,
    io::{self, ErrorKind, Read},
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    thread::sleep,
    time::Duration,
};

use anyhow::{Context, Result};
use dnlb_explain::{Endpoint, FlowFilter, trace::flow_line};
use dnlb_switch::Traces;
use serde_json::Value;

use super::Place;
use crate::print::{self, Format};

/// Between two looks for what has come.
const LOOK: Duration = Duration::from_millis(200);

/// The log of a host's agent.
pub(super) struct FlowLog {
    path: PathBuf,
    filter: FlowFilter,
    /// How many lines more are shown; none: all.
    left: Option<u32>,
}

impl FlowLog {
    /// The log of the agent at `place`; says how much is in it.
    pub(super) fn new(place: &Place, filter: FlowFilter, limit: Option<u32>) -> Result<Self> {
        let one_in = place.open(Traces::open)?.asked()?.flows_one_in;
        match one_in {
            0 => eprintln!("nothing is logged at present: no agent runs, or with --flow-log-sample 0"),
            1 => {}
            _ => eprintln!("one of {one_in} flows is logged: --flow-log-sample of the agent"),
        }
        Ok(Self { path: place.run_dir().flow_log(), filter, left: limit })
    }

    /// Shows what was logged, what comes, or both.
    pub(super) fn show(mut self, past: bool, coming: bool, format: Format) -> Result<()> {
        let reading = || format!("reading {}", self.path.display());
        let mut former = self.path.clone().into_os_string();
        former.push(".1");
        let mut items = Vec::new();
        let mut tail = Tail::new(self.path.clone());
        if past {
            match std::fs::read_to_string(&former) {
                Ok(text) => items.extend(text.lines().filter_map(parse)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(reading),
            }
            tail.read().with_context(reading)?;
            items.extend(tail.lines());
        } else {
            tail.skip().with_context(reading)?;
        }
        let items = items.into_iter().filter(|item| self.wants(item)).collect::<Vec<_>>();
        if !coming {
            let most = self.left.map_or(items.len(), |left| items.len().min(left as usize));
            match format {
                Format::Json | Format::Yaml => {
                    print::data(format, &Value::Array(items.into_iter().take(most).collect()));
                }
                Format::Table if items.is_empty() => print::text("no flows were logged"),
                Format::Table => items.iter().take(most).for_each(|item| print::text(&flow_line(item))),
            }
            return Ok(());
        }
        let mut ended = items.iter().any(|item| !self.show_one(item, format));
        while !ended {
            sleep(LOOK);
            tail.read().with_context(|| format!("reading {}", self.path.display()))?;
            let fresh: Vec<_> = tail.lines().filter(|item| self.wants(item)).collect();
            ended = fresh.iter().any(|item| !self.show_one(item, format));
        }
        Ok(())
    }

    /// Shows a line; whether more are wanted.
    fn show_one(&mut self, item: &Value, format: Format) -> bool {
        match format {
            // One a line: they come one by one.
            Format::Json | Format::Yaml => print::item(format, item),
            Format::Table => print::text(&flow_line(item)),
        }
        match &mut self.left {
            None => true,
            Some(left) => {
                *left -= 1;
                *left > 0
            }
        }
    }

    /// Whether a line is one of those that are wanted.
    fn wants(&self, item: &Value) -> bool {
        let is = |wanted: Option<Endpoint>, name: &str| {
            let end = item[name].as_str().and_then(|text| text.parse::<SocketAddr>().ok());
            wanted.is_none_or(|wanted| {
                end.is_some_and(|end| {
                    end.ip() == wanted.addr && wanted.port.is_none_or(|port| port == end.port())
                })
            })
        };
        let number = item["instanceNumber"].as_u64().and_then(|number| u32::try_from(number).ok());
        let instance =
            |wanted: &std::collections::BTreeSet<u32>| number.is_some_and(|number| wanted.contains(&number));
        is(self.filter.peer, "peer")
            && is(self.filter.vip, "destination")
            && self.filter.instances.as_ref().is_none_or(instance)
    }
}

/// A line of the log; what is none (written by half when a machine went down) is left out.
fn parse(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok()
}

/// A file that grows, and is replaced by a new one now and then.
struct Tail {
    path: PathBuf,
    file: Option<File>,
    text: Vec<u8>,
}

impl Tail {
    fn new(path: PathBuf) -> Self {
        Self { path, file: None, text: Vec::new() }
    }

    /// Leaves out what is there already.
    fn skip(&mut self) -> io::Result<()> {
        self.read()?;
        self.text.clear();
        Ok(())
    }

    /// Reads what has come.
    fn read(&mut self) -> io::Result<()> {
        loop {
            if let Some(file) = &mut self.file {
                file.read_to_end(&mut self.text)?;
            }
            let next = match File::open(&self.path) {
                Ok(next) => next,
                // Not written yet, or just being replaced.
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            };
            if let Some(file) = &mut self.file {
                if file.metadata()?.ino() == next.metadata()?.ino() {
                    return Ok(());
                }
                // Written between the last look and the replacement.
                file.read_to_end(&mut self.text)?;
            }
            self.file = Some(next);
        }
    }

    /// Takes the whole lines of what was read.
    fn lines(&mut self) -> impl Iterator<Item = Value> + use<> {
        let end = self.text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.text.drain(..end).collect();
        let lines: Vec<_> = String::from_utf8_lossy(&whole).lines().filter_map(parse).collect();
        lines.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn a_file_is_followed_over_its_replacement_line_by_line() {
        let dir = std::env::temp_dir().join(format!("dnlb-tail-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join("flows.log");
        let mut tail = Tail::new(path.clone());
        let mut read = || {
            tail.read().unwrap();
            tail.lines().map(|item| item["n"].as_u64().unwrap()).collect::<Vec<_>>()
        };
        assert!(read().is_empty());
        let mut file = File::create(&path).unwrap();
        file.write_all(b"{\"n\": 1}\n{\"n\"").unwrap();
        assert_eq!(read(), [1]);
        file.write_all(b": 2}\n").unwrap();
        fs::rename(&path, dir.join("flows.log.1")).unwrap();
        assert_eq!(read(), [2]);
        file.write_all(b"{\"n\": 3}\nrubbish\n").unwrap();
        fs::write(&path, b"{\"n\": 4}\n").unwrap();
        assert_eq!(read(), [3, 4]);
        fs::remove_dir_all(dir).unwrap();
    }
}
