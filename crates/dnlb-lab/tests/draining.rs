//! Who leaves keeps its connections for a while, and ends them then; who only goes behind another listener keeps them, too.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    io::{BufRead, BufReader, ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use common::{Region, text};

/// Where the servers listen.
const PORT: u16 = 7;
/// Seconds for which who leaves keeps its connections.
const DRAINING: u64 = 5;

#[test]
#[ignore = "needs root and a release build"]
fn connections_outlive_the_leaving_of_their_instance_for_as_long_as_it_drains() {
    let region = Region::up("draining");
    let instances = region.echo_servers(3, PORT);
    let (leaving, staying) = (&instances[0], &instances[1]);
    let eip = balancer(&region, &instances[..2], &instances[2]);
    let mut held = Held::new(&region, &eip, 16);
    assert!(held.at(leaving).count() > 0 && held.at(staying).count() > 0, "both serve");

    // Whoever comes back in time loses nothing.
    region.dnlb(&format!("target-group deregister t --instance {leaving}"));
    thread::sleep(Duration::from_secs(1));
    region.dnlb(&format!("target-group register t --instance {leaving}"));
    thread::sleep(Duration::from_secs(DRAINING + 2));
    held.answer(|_| true);

    region.dnlb(&format!("target-group deregister t --instance {leaving}"));
    let left = Instant::now();
    region.dnlb("status --wait");
    let mut new = Held::new(&region, &eip, 16);
    assert_eq!(new.at(leaving).count(), 0, "new connections go to who stays");
    held.answer(|_| true);
    assert!(left.elapsed() < Duration::from_secs(DRAINING), "the machine is too slow for this test");

    // One whose client waits for an answer that comes too late, all others without a word.
    region.exec(leaving, "pkill -STOP -f guest");
    let mut waiting = held.0.swap_remove(held.0.iter().position(|one| one.server == *leaving).unwrap());
    waiting.stream.write_all(b"x").unwrap();
    thread::sleep(Duration::from_secs(DRAINING + 2).saturating_sub(left.elapsed()));
    region.exec(leaving, "pkill -CONT -f guest");
    let told = waiting.stream.read(&mut [0]).unwrap_err();
    assert_eq!(told.kind(), ErrorKind::ConnectionReset, "{told}");
    for one in held.0.iter_mut().filter(|one| one.server == *leaving) {
        let told = one.echo().unwrap_err();
        assert!(matches!(told.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{told}");
    }
    held.answer(|server| server == staying);
    new.answer(|_| true);
    // The server repeats what was not acknowledged, and is told then.
    thread::sleep(Duration::from_secs(3));
    for outcome in ["drained", "reset_drained"] {
        assert!(region.counted(outcome) > 0, "{outcome}");
    }
    let left = region.exec(leaving, "ss -Htn state established sport = :7");
    assert_eq!(
        left.lines().count(),
        held.at(leaving).count(),
        "servers that have nothing to say are not told"
    );

    // A listener that switches keeps its connections, and makes new ones elsewhere.
    region.dnlb("listener update l --backend other");
    region.dnlb("status --wait");
    new.answer(|_| true);
    let switched = Held::new(&region, &eip, 8);
    assert_eq!(switched.at(&instances[2]).count(), 8);
    new.answer(|_| true);
}

/// A listener for some instances, and a backend service for another one; returns the elastic IP.
fn balancer(region: &Region, instances: &[String], other: &str) -> String {
    region.dnlb("lb create l --subnet s");
    region.dnlb("target-group create t --lb l");
    region.dnlb("target-group create o --lb l");
    for id in instances {
        region.dnlb(&format!("target-group register t --instance {id}"));
    }
    region.dnlb(&format!("target-group register o --instance {other}"));
    for (backend, group) in [("b", "t"), ("other", "o")] {
        region.dnlb(&format!(
            "backend create {backend} --lb l --port {PORT} --target-group {group} --draining {DRAINING} --algorithm quintuple-hash --healthy-after 1 --check-timeout 2"
        ));
    }
    region.dnlb("listener create l --lb l --port 80 --backend b");
    let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip l {eip}"));
    region.dnlb(&format!("health b --wait {}", instances.len()));
    region.dnlb("health other --wait 1");
    region.dnlb("status --wait");
    eip
}

/// A connection of the client outside.
struct Connection {
    server: String,
    stream: TcpStream,
}

impl Connection {
    fn echo(&mut self) -> std::io::Result<()> {
        self.stream.write_all(b"hello")?;
        let mut answer = [0; 5];
        self.stream.read_exact(&mut answer)?;
        assert_eq!(&answer, b"hello");
        Ok(())
    }
}

/// Connections that are held.
struct Held(Vec<Connection>);

impl Held {
    fn new(region: &Region, eip: &str, count: usize) -> Self {
        let open = || {
            let stream = TcpStream::connect((eip, 80))?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            let mut server = String::new();
            // One line and no more: what is read too much would be lost with the reader.
            BufReader::with_capacity(1, stream.try_clone()?).read_line(&mut server)?;
            Ok(Connection { server: server.trim().to_owned(), stream })
        };
        Self(region.lab().inside("client", || (0..count).map(|_| open()).collect()).unwrap())
    }

    fn at<'h>(&'h self, server: &'h str) -> impl Iterator<Item = &'h Connection> {
        self.0.iter().filter(move |one| one.server == server)
    }

    /// Those to servers of a kind work.
    fn answer(&mut self, is: impl Fn(&str) -> bool) {
        for one in self.0.iter_mut().filter(|one| is(&one.server)) {
            one.echo().unwrap_or_else(|error| panic!("{}: {error}", one.server));
        }
    }
}
