//! The rule about which crate may depend on which.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::run::cargo;

/// What a crate may depend on, beside tests and build scripts.
struct Rule {
    /// The crate.
    name: &'static str,
    /// Crates of the workspace.
    ours: &'static [&'static str],
    /// Crates from outside; none: any.
    others: Option<&'static [&'static str]>,
}

/// The table of the workspace, from the purest down. Whoever is not in it may depend on nothing of ours.
const RULES: &[Rule] = &[
    Rule { name: "dnlb-wire", ours: &[], others: Some(&["zerocopy"]) },
    Rule { name: "dnlb-abi", ours: &[], others: Some(&["zerocopy"]) },
    Rule { name: "dnlb-datapath", ours: &["dnlb-abi", "dnlb-wire"], others: Some(&["zerocopy"]) },
    Rule {
        name: "dnlb-explain",
        ours: &["dnlb-abi", "dnlb-datapath", "dnlb-wire"],
        others: Some(&["serde_json", "thiserror"]),
    },
    Rule { name: "dnlb-model", ours: &[], others: Some(&["imbl", "ipnet", "serde", "thiserror"]) },
    Rule {
        name: "dnlb-plan",
        ours: &["dnlb-abi", "dnlb-model"],
        others: Some(&["ipnet", "serde", "thiserror", "zerocopy"]),
    },
    Rule { name: "dnlb-api", ours: &["dnlb-model"], others: None },
    Rule { name: "dnlb-proto", ours: &["dnlb-model"], others: None },
    Rule { name: "dnlb-store", ours: &["dnlb-model"], others: None },
    Rule { name: "dnlb-ebpf", ours: &["dnlb-abi", "dnlb-datapath", "dnlb-wire"], others: None },
    Rule { name: "dnlb-switch", ours: &["dnlb-abi", "dnlb-explain", "dnlb-plan"], others: None },
    Rule {
        name: "dnlb-agent",
        ours: &[
            "dnlb-abi",
            "dnlb-api",
            "dnlb-datapath",
            "dnlb-explain",
            "dnlb-model",
            "dnlb-plan",
            "dnlb-proto",
            "dnlb-store",
            "dnlb-switch",
            "dnlb-wire",
        ],
        others: None,
    },
    Rule {
        name: "dnlb-server",
        ours: &["dnlb-abi", "dnlb-api", "dnlb-model", "dnlb-plan", "dnlb-proto", "dnlb-store"],
        others: None,
    },
    Rule {
        name: "dnlb-lab",
        ours: &[
            "dnlb-abi",
            "dnlb-agent",
            "dnlb-api",
            "dnlb-model",
            "dnlb-plan",
            "dnlb-server",
            "dnlb-switch",
        ],
        others: None,
    },
    Rule {
        name: "dnlb-cli",
        ours: &[
            "dnlb-abi",
            "dnlb-agent",
            "dnlb-api",
            "dnlb-explain",
            "dnlb-lab",
            "dnlb-model",
            "dnlb-plan",
            "dnlb-proto",
            "dnlb-server",
            "dnlb-store",
            "dnlb-switch",
            "dnlb-wire",
        ],
        others: None,
    },
    Rule { name: "dnlb", ours: &["dnlb-cli", "dnlb-server"], others: Some(&[]) },
];

/// Development only: they may depend on anything, and nothing but tests on them.
const DEVELOPMENT: &[&str] = &["dnlb-bench", "dnlb-testkit", "xtask"];

/// Checks every crate of the workspace against the table.
pub(crate) fn check() -> Result<()> {
    println!("== dependency rule");
    let output = cargo(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("starting cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let packages = packages(&metadata);
    let breaches = breaches(&packages);
    ensure!(breaches.is_empty(), "dependency rule (xtask/src/deps.rs):\n  {}", breaches.join("\n  "));
    Ok(())
}

/// Crate -> its dependencies, tests' and build scripts' left out.
fn packages(metadata: &Value) -> BTreeMap<String, Vec<String>> {
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let name = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    let normal = |value: &Value| value["kind"].is_null();
    list(&metadata["packages"])
        .iter()
        .map(|package| {
            let dependencies = list(&package["dependencies"]);
            (name(package), dependencies.iter().filter(|d| normal(d)).map(name).collect())
        })
        .collect()
}

fn breaches(packages: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut breaches = Vec::new();
    for (package, dependencies) in packages {
        if DEVELOPMENT.contains(&package.as_str()) {
            continue;
        }
        let Some(rule) = RULES.iter().find(|rule| rule.name == package) else {
            breaches.push(format!("{package} has no line in the table"));
            continue;
        };
        for dependency in dependencies {
            let allowed = if packages.contains_key(dependency) {
                rule.ours.contains(&dependency.as_str())
            } else {
                rule.others.is_none_or(|others| others.contains(&dependency.as_str()))
            };
            if !allowed {
                breaches.push(format!("{package} may not depend on {dependency}"));
            }
        }
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace(packages: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
        packages
            .iter()
            .map(|(name, d)| ((*name).to_owned(), d.iter().map(|d| (*d).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn a_pure_crate_may_not_depend_on_a_shell_or_on_io() {
        let found = breaches(&workspace(&[
            ("dnlb-agent", &["tokio"]),
            ("dnlb-model", &[]),
            ("dnlb-plan", &["dnlb-agent", "dnlb-model", "tokio"]),
        ]));
        assert_eq!(found, ["dnlb-plan may not depend on dnlb-agent", "dnlb-plan may not depend on tokio"]);
    }

    #[test]
    fn a_crate_without_a_line_is_refused() {
        assert_eq!(breaches(&workspace(&[("dnlb-new", &[])])), ["dnlb-new has no line in the table"]);
    }

    #[test]
    fn a_build_or_test_dependency_is_not_looked_at() {
        let metadata = serde_json::json!({"packages": [{"name": "dnlb-wire", "dependencies": [
            {"name": "proptest", "kind": "dev"}, {"name": "cc", "kind": "build"}, {"name": "libc", "kind": null},
        ]}]});
        assert_eq!(packages(&metadata), workspace(&[("dnlb-wire", &["libc"])]));
    }
}
