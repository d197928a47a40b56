//! By which names clients may call the server.

use std::net::{IpAddr, Ipv6Addr};

use nix::{ifaddrs::getifaddrs, unistd::gethostname};

/// What a machine is called.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    pub name: Option<String>,
    pub addrs: Vec<IpAddr>,
}

impl Machine {
    /// This one, as it is now. What it does not tell is left out.
    pub(super) fn look() -> Self {
        let name = gethostname().ok().and_then(|name| name.into_string().ok());
        let addrs = getifaddrs().into_iter().flatten().filter_map(|interface| {
            let addr = interface.address?;
            let v4 = addr.as_sockaddr_in().map(|addr| IpAddr::from(addr.ip()));
            v4.or_else(|| addr.as_sockaddr_in6().map(|addr| IpAddr::from(addr.ip())))
        });
        Self { name, addrs: addrs.collect() }
    }
}

/// The names for the certificate of a server that listens on an address: those that are asked for, and the address; if it is none in
/// particular, those of the machine.
pub(super) fn of_server(listen: IpAddr, asked: &[String], machine: impl FnOnce() -> Machine) -> Vec<String> {
    let listen = listen.to_canonical();
    let mut names = asked.to_vec();
    if listen.is_unspecified() {
        let machine = machine();
        names.extend(machine.name);
        names.extend(machine.addrs.into_iter().filter(is_called).map(|addr| addr.to_string()));
    } else {
        names.push(listen.to_string());
    }
    if listen.is_unspecified() || listen.is_loopback() {
        names.push("localhost".to_owned());
    }
    let mut seen = std::collections::HashSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// How the server is called in a URL: by the first of those names.
pub(crate) fn in_url(listen: IpAddr, asked: &[String]) -> String {
    let name = of_server(listen, asked, Machine::look).into_iter().next();
    let name = name.unwrap_or_else(|| listen.to_string());
    if name.parse::<Ipv6Addr>().is_ok() { format!("[{name}]") } else { name }
}

/// An address that means the same to everybody who can reach it.
fn is_called(addr: &IpAddr) -> bool {
    match addr {
        IpAddr::V4(addr) => !addr.is_link_local(),
        IpAddr::V6(addr) => !addr.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(listen: &str, asked: &[&str]) -> Vec<String> {
        let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
        let addrs = ["127.0.0.1", "192.0.2.1", "169.254.1.1", "fe80::1", "2001:db8::1"];
        let machine =
            Machine { name: Some("host1".into()), addrs: addrs.map(|addr| addr.parse().unwrap()).into() };
        of_server(listen.parse().unwrap(), &asked, || machine)
    }

    #[test]
    fn a_server_is_called_by_what_it_listens_on_and_as_was_asked_for() {
        assert_eq!(named("192.0.2.7", &["lb.example", "192.0.2.7"]), ["lb.example", "192.0.2.7"]);
        assert_eq!(named("127.0.0.1", &[]), ["127.0.0.1", "localhost"]);
        assert_eq!(named("::ffff:192.0.2.7", &[]), ["192.0.2.7"]);
        let all = ["a", "host1", "127.0.0.1", "192.0.2.1", "2001:db8::1", "localhost"];
        assert_eq!(named("0.0.0.0", &["a"]), all);
        assert_eq!(named("::", &["a"]), all);
    }

    #[test]
    fn a_url_has_the_name_that_was_asked_for_or_the_address() {
        let url = |listen: &str, asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|name| (*name).to_owned()).collect();
            in_url(listen.parse().unwrap(), &asked)
        };
        assert_eq!(url("192.0.2.7", &["lb.example"]), "lb.example");
        assert_eq!(url("192.0.2.7", &[]), "192.0.2.7");
        assert_eq!(url("2001:db8::7", &[]), "[2001:db8::7]");
        assert_ne!(url("0.0.0.0", &[]), "0.0.0.0");
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        assert!(Machine::look().addrs.iter().any(IpAddr::is_loopback));
    }
}
