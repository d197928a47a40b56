//! Text to region file and back. Strict: what is not known is refused, with its line.

use std::fmt;

use super::{
    RegionFile,
    words::{CheckProtocol, Ports, RuleProtocol},
};
use crate::suggest::did_you_mean;

/// What is wrong with a file, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}{message}")]
pub(crate) struct ParseError {
    place: Place,
    message: String,
}

/// Where in the file, if that is known.
#[derive(Debug, PartialEq, Eq)]
struct Place(Option<(u64, u64)>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, "line {line}, column {column}: "),
            None => Ok(()),
        }
    }
}

/// Reads a file.
pub(crate) fn parse(text: &str) -> Result<RegionFile, ParseError> {
    // Of nothing at all there is nothing to say either.
    let nothing = text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
    let file: RegionFile = if nothing {
        RegionFile::default()
    } else {
        serde_saphyr::from_str(text).map_err(|error| explain(&error))?
    };
    check_ports(&file)?;
    check_backends(&file)?;
    Ok(file.canonical())
}

/// Writes a file, in canonical form.
pub(crate) fn write(file: &RegionFile) -> String {
    let mut text = crate::print::yaml(file);
    text.push('\n');
    text
}

fn explain(error: &serde_saphyr::Error) -> ParseError {
    use serde_saphyr::Error::{SerdeUnknownField, SerdeUnknownVariant};
    let error = error.without_snippet();
    let place = error.location().map(|location| (location.line(), location.column()));
    let message = match error {
        SerdeUnknownField { field, expected, .. } => {
            format!("there is no `{field}` here{}", hint(field, expected))
        }
        SerdeUnknownVariant { variant, expected, .. } => {
            format!("`{variant}` is not known here{}", hint(variant, expected))
        }
        other => plainly(&first_line(&other.to_string())),
    };
    ParseError { place: Place(place), message }
}

/// What was meant, or else all that there is.
fn hint(written: &str, known: &[&'static str]) -> String {
    let meant = did_you_mean(written, known.iter().copied());
    if meant.is_empty() { format!(": known are {}", known.join(", ")) } else { meant }
}

/// A message without the place, which is said before it.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.strip_prefix("error: ").unwrap_or(line);
    let end = line.rfind(" at line ").or_else(|| line.rfind(" (line "));
    end.map_or(line, |end| &line[..end]).to_owned()
}

/// The parser's words for whoever writes files; what has none here is said as it is.
fn plainly(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        return format!("`{}` stands here twice", rest.split(", set ").next().unwrap_or(rest));
    }
    if let Some(field) = message.strip_prefix("missing field ") {
        return format!("{field} is missing here");
    }
    match message {
        "expected mapping start" => "names with values are expected here, {} if there are none",
        "expected sequence start" => "a list is expected here, [] if it is empty",
        "expected string scalar" => "a text is expected here",
        "invalid IP address syntax" => "an address or a block of addresses is expected here",
        "invalid boolean" => "true or false is expected here",
        "invalid u16" => "a whole number is expected here, 0 to 65535",
        "invalid u32" | "invalid usize" => "a whole number is expected here, from 0",
        other => other,
    }
    .to_owned()
}

/// Ports are for protocols that have them: elsewhere nobody would know what was meant.
fn check_ports(file: &RegionFile) -> Result<(), ParseError> {
    let wrong = |protocol: RuleProtocol, ports: Option<Ports>| ports.is_some() && !protocol.has_ports();
    for (vpc, content) in &file.vpcs {
        let groups = content.security_groups.iter();
        let in_groups = groups
            .filter(|(_, group)| group.rules.iter().any(|rule| wrong(rule.protocol, rule.ports)))
            .map(|(name, _)| format!("security group {vpc}/{name}"));
        let acls = content.acls.iter();
        let in_acls = acls
            .filter(|(_, acl)| acl.rules.iter().any(|rule| wrong(rule.protocol, rule.ports)))
            .map(|(name, _)| format!("network ACL {vpc}/{name}"));
        if let Some(whose) = in_groups.chain(in_acls).next() {
            let message = format!("{whose}: only rules for tcp and udp have ports");
            return Err(ParseError { place: Place(None), message });
        }
    }
    Ok(())
}

/// A path, a domain and codes are for checks by HTTP, weights for availability groups: elsewhere nobody would look at them.
fn check_backends(file: &RegionFile) -> Result<(), ParseError> {
    for (lb, content) in &file.load_balancers {
        for (name, backend) in &content.backends {
            let check = &backend.health_check;
            let asks = check.path.is_some() || check.domain.is_some() || check.codes.is_some();
            if asks && check.protocol != Some(CheckProtocol::Http) {
                let message = format!(
                    "backend service {lb}/{name}: only health checks by http have path, domain and codes"
                );
                return Err(ParseError { place: Place(None), message });
            }
            if backend.weights.is_some() && backend.availability_group.is_none() {
                let message = format!(
                    "backend service {lb}/{name}: weights are for members of an availability group; a target group's stand there"
                );
                return Err(ParseError { place: Place(None), message });
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::region_file::file::Template;

    proptest! {
        #[test]
        fn any_name_and_any_text_are_read_as_they_were(
            name in "[-A-Za-z0-9_\u{4e00}-\u{9fa5}]{1,8}|null|true|no|0x1f|1e3|[0-9]{1,4}:[0-9]{1,2}|-|---",
            description in "(?s).{0,40}",
            script in "#!/bin/sh\n([ \ta-z#:'\"|>-]{0,9}\n{0,2}){0,5}",
        ) {
            let mut template: Template = serde_saphyr::from_str("{vpc: v, subnet: s}").unwrap();
            template.metadata.insert(name.clone(), description.clone());
            (template.description, template.script) = (description, script);
            let mut file = RegionFile::default();
            file.templates.insert(name, template);
            prop_assert_eq!(parse(&write(&file)).unwrap(), file);
        }
    }

    fn error(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let file = parse(
            "load_balancers:\n  shop:\n    vpc: v\n    subnet: a\n    backends:\n      web: {protocol: udp, port: 53}\n    listeners:\n      dns: {protocol: udp, port: 53, backend: web}\n",
        )
        .unwrap();
        let shop = &file.load_balancers["shop"];
        assert!(shop.enabled && !shop.delete_protection && shop.vip.is_none());
        let web = &shop.backends["web"];
        assert_eq!((web.draining_seconds, web.health_check.interval_seconds), (300, 5));
        assert_eq!(web.health_check.protocol, Some(CheckProtocol::Icmp));
        assert_eq!(shop.listeners["dns"].idle_seconds, Some(300));
        for nothing in ["", "# nothing\n\n", "{}\n"] {
            assert_eq!(parse(nothing).unwrap(), RegionFile::default(), "{nothing:?}");
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_its_line_and_what_was_meant() {
        assert_eq!(
            error("vpcs:\n  web:\n    prefx: 10.0.0.0/16\n"),
            "line 3, column 5: there is no `prefx` here, did you mean `prefix`?"
        );
        assert_eq!(
            error("region: r\nvpc: {}\n"),
            "line 2, column 1: there is no `vpc` here, did you mean `vpcs`?"
        );
        let error = error(
            "load_balancers:\n  l:\n    vpc: v\n    subnet: s\n    backends:\n      b:\n        protocol: sctp\n        port: 1\n",
        );
        assert!(error.starts_with("line 7, column 19: `sctp` is not known here"), "{error}");
        assert!(error.contains("tcp, udp"), "{error}");
    }

    #[test]
    fn a_value_of_another_type_is_refused_with_its_line() {
        let lb = |field: &str| format!("load_balancers: {{l: {{vpc: v, subnet: s, {field}}}}}\n");
        for (text, said) in [
            ("vpcs:\n  web:\n    prefix: 10.0.0.0/33\n", "line 3, column 13: an address or a block"),
            ("vpcs:\n  web: {}\n  web: {}\n", "line 3, column 3: `web` stands here twice"),
            ("availability_groups:\n  g: {azs: [a]}\n", "line 2, column 7: `template` is missing here"),
            ("elastic_ips:\n  203.0.113.1: {mbps: many}\n", "line 2, column 23: a whole number is expected"),
            ("vpcs:\n  web:\n", "line 2, column 6: names with values are expected here, {}"),
            ("vpcs: {web: {description: [a]}}", "line 1, column 27: a text is expected here"),
            (&lb("enabled: perhaps"), "line 1, column 50: true or false is expected here"),
            (&lb("backends: {b: {protocol: tcp, port: 65536}}"), "line 1, column 77: a whole number"),
            ("vpcs: [\n", "line "),
        ] {
            let error = error(text);
            assert!(error.starts_with(said), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
        let rules = "vpcs: {v: {acls: {a: {rules: {}}}}}";
        assert!(error(rules).contains("a list is expected here, [] if it is empty"), "{}", error(rules));
    }

    #[test]
    fn ports_are_for_protocols_that_have_them() {
        let rule = |rule: &str| {
            format!("vpcs:\n  v:\n    security_groups:\n      g:\n        rules:\n          - {rule}\n")
        };
        let icmp = rule("{direction: in, protocol: icmp, ports: 8, prefix: 0.0.0.0/0}");
        assert_eq!(error(&icmp), "security group v/g: only rules for tcp and udp have ports");
        let all = |ports: &str| {
            let text = rule(&format!("{{direction: in, protocol: tcp{ports}, prefix: 0.0.0.0/0}}"));
            parse(&text).unwrap()
        };
        assert_eq!(all(", ports: 1-65535"), all(""));
        assert_ne!(all(", ports: 80"), all(""));
    }

    #[test]
    fn a_check_by_http_says_what_it_asks_for() {
        let file = |check: &str| {
            format!(
                "load_balancers: {{l: {{vpc: v, subnet: s, backends: {{b: {{protocol: tcp, port: 1, health_check: {check}}}}}}}}}"
            )
        };
        let check = |text: &str| {
            let file = parse(&file(text)).unwrap();
            file.load_balancers["l"].backends["b"].health_check.clone()
        };
        let usual = check("{protocol: http}");
        assert_eq!(usual, check("{protocol: http, path: /, codes: '200-299,3xx'}"));
        assert_ne!(usual, check("{protocol: http, domain: shop.example}"));
        assert_eq!(check("{protocol: http, codes: 204}").codes, Some("204".parse().unwrap()));
        for (wrong, said) in [
            ("{path: /}", "backend service l/b: only health checks by http have path, domain and codes"),
            ("{protocol: tcp, codes: 200}", "backend service l/b: only health checks by http"),
            ("{protocol: http, path: health}", "line 1, column "),
            ("{protocol: http, codes: 5xx}", "line 1, column "),
        ] {
            let error = error(&file(wrong));
            assert!(error.starts_with(said), "{wrong}: {error}");
        }
        let error = error(&file("{protocol: http, path: health}"));
        assert!(error.ends_with("a path begins with `/`"), "{error}");
    }

    #[test]
    fn weights_are_said_in_one_way() {
        let file = |weights: &str| {
            format!(
                "load_balancers: {{l: {{vpc: v, subnet: s, backends: {{b: {{protocol: tcp, port: 1, {weights}}}}}}}}}"
            )
        };
        let all = |text: &str| parse(&file(&format!("availability_group: g, {text}"))).unwrap();
        assert_eq!(all(""), all("weights: {default: 10, members: {g-1: 10}}"));
        assert_ne!(all(""), all("weights: {default: 11}"));
        assert_ne!(all(""), all("weights: {members: {g-1: 11}}"));
        let said = error(&file("target_group: t, weights: {default: 11}"));
        assert!(
            said.starts_with("backend service l/b: weights are for members of an availability group"),
            "{said}"
        );
    }

    /// All names in a tree of maps and lists.
    fn names(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
        if let Some(object) = value.as_object() {
            for (name, inner) in object {
                found.insert(name.clone());
                names(inner, found);
            }
        }
        value.as_array().into_iter().flatten().for_each(|inner| names(inner, found));
    }

    #[test]
    fn the_documented_file_is_one_and_says_everything() {
        let page = include_str!("../../../../docs/region-file.md");
        let block = page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
        let file = parse(block).unwrap();
        // What is empty on the page is not written, so the page itself is asked for names.
        let raw: serde_json::Value = serde_saphyr::from_str(block).unwrap();
        let (mut written, mut documented) = Default::default();
        names(&serde_json::to_value(&file).unwrap(), &mut written);
        names(&raw, &mut documented);
        assert!(written.is_subset(&documented), "{:?}", written.difference(&documented));
        for optional in [
            "description",
            "tags",
            "prefix_v6",
            "target_group",
            "acl",
            "elastic_ip",
            "size",
            "vip",
            "address",
            "weights",
            "members",
            "path",
            "domain",
            "codes",
        ] {
            assert!(page.contains(&format!("{optional}: ")), "{optional} is not documented");
        }
        let defaults = parse(
            "load_balancers: {shop: {vpc: v, subnet: s, backends: {api: {protocol: tcp, port: 8080}}, listeners: {http: {protocol: tcp, port: 80, backend: api}}}}",
        )
        .unwrap();
        let (page, usual) = (&file.load_balancers["shop"], &defaults.load_balancers["shop"]);
        assert_eq!(page.listeners["http"], usual.listeners["http"], "the page shows defaults");
        assert_eq!(page.backends["api"].health_check, usual.backends["api"].health_check);
    }

    #[test]
    fn a_written_file_is_read_as_what_it_was() {
        let text = "\
region: lab-1
vpcs:
  web:
    prefix: 10.0.0.0/16
    description: 'yes'
    security_groups:
      web:
        rules:
        - {direction: in, protocol: tcp, ports: 8000-8080, prefix: 0.0.0.0/0}
        - {direction: in, protocol: tcp, ports: 80, prefix: 0.0.0.0/0, description: \"a: b # c\"}
    subnets:
      a: {prefix: 10.0.1.0/24}
elastic_ips:
  203.0.113.1: {mbps: 20, tags: {'1': 'true'}}
templates:
  web:
    vpc: web
    subnet: a
    script: |
      #!/bin/sh

      echo 'hello' # world
        indented
";
        let file = parse(text).unwrap();
        assert_eq!(parse(&write(&file)).unwrap(), file);
        assert!(file.templates["web"].script.ends_with("  indented\n"));
    }
}
