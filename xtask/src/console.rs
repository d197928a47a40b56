//! The console: built from its sources and from what the API says of itself, for the next build of the binary to take in.
//!
//! The API's documents come from the binary, and the console goes into it: so the binary is built first as it is, and once more when
//! the console is new, which costs a link. What is newer than all it is made of is not made again.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::SystemTime,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::run::{self, cargo, exists, step, with};

/// Where its sources are.
const FOLDER: &str = "console";
/// Types of the API's services, among them.
const TYPES: &str = "console/src/api/schema";
/// The API's documents, from which these are made.
const DOCUMENTS: &str = "target/console";
/// What the build leaves, and what says that it left all of it.
const BUILT: [&str; 2] = ["console/dist/index.html", "target/console/built"];
/// Its tests in a browser.
const BROWSER_TESTS: &str = "tests/console";
const BINARY: &str = "target/release/dnlb";
/// The lab of those that need hosts.
const LAB: &str = "browser";
/// A Python with the official SDK, as `scripts/setup.sh --clients` leaves it: the guide's program runs in it.
const PYTHON: &str = "target/clients/python-1.6.354/bin/python";

/// Builds the binary, with the console as its sources are now.
pub(crate) fn build() -> Result<()> {
    binary()?;
    ensure!(exists("npm") || run::own_node().exists(), "npm is missing: `make setup` installs it");
    install(Path::new(FOLDER))?;
    describe()?;
    if is_older(&BUILT.map(PathBuf::from), &sources()?)? {
        step("console", npm(FOLDER, ["run", "--silent", "build"]))?;
        fs::write(BUILT[1], "").with_context(|| format!("writing {}", BUILT[1]))?;
        binary()?;
    }
    Ok(())
}

/// Tests of its plain modules, then of all of it in a browser, before a server with a region of its own.
pub(crate) fn test() -> Result<()> {
    build()?;
    step("console's modules", npm(FOLDER, ["test", "--silent"]))?;
    step("console in a browser", in_browser("test")?)
}

/// Tests in a browser before a lab, with hosts and instances that serve.
pub(crate) fn lab() -> Result<()> {
    build()?;
    let mut tests = in_browser("test:lab")?;
    tests.env("DNLB_LAB", LAB).env("DNLB_PYTHON", std::path::absolute(PYTHON)?);
    let ended = step("console in a lab", tests);
    // Whatever became of the tests, also when they were killed.
    let removed = step("the lab is removed", with(run::root(BINARY), ["lab", "--name", LAB, "down"]));
    ended.and(removed)
}

/// One of the scripts of the tests in a browser, with all that it needs.
fn in_browser(script: &str) -> Result<Command> {
    step("browser", with(Command::new("scripts/setup.sh"), ["--browser"]))?;
    install(Path::new(BROWSER_TESTS))?;
    let mut tests = npm(BROWSER_TESTS, ["run", "--silent", script]);
    tests.env("DNLB_BIN", fs::canonicalize(BINARY)?);
    Ok(tests)
}

fn binary() -> Result<()> {
    step("release build", cargo(["build", "--quiet", "--release", "-p", "dnlb"]))
}

/// Makes the types of the API's services from what the binary says.
fn describe() -> Result<()> {
    for folder in [DOCUMENTS, TYPES] {
        fs::create_dir_all(folder).with_context(|| format!("making {folder}"))?;
    }
    for service in services()? {
        let document = Path::new(DOCUMENTS).join(format!("{service}.json"));
        let text = openapi(&["--service", &service])?;
        if fs::read(&document).ok().as_ref() != Some(&text) {
            fs::write(&document, text).with_context(|| format!("writing {}", document.display()))?;
        }
        let types = Path::new(TYPES).join(format!("{service}.d.ts"));
        let made_of = [document.clone(), Path::new(FOLDER).join("package-lock.json")];
        if is_older(std::slice::from_ref(&types), &made_of)? {
            let mut command = npm(FOLDER, ["exec", "--", "openapi-typescript"]);
            command.arg(fs::canonicalize(&document)?).arg("--output").arg(std::path::absolute(&types)?);
            command.stdout(Stdio::null());
            step(&format!("types of service {service}"), command)?;
        }
    }
    Ok(())
}

/// The services that the binary's document names.
fn services() -> Result<Vec<String>> {
    let document: Value = serde_json::from_slice(&openapi(&[])?).context("reading the API's document")?;
    let tags = document["tags"].as_array().context("the API's document has tags")?;
    Ok(tags.iter().filter_map(|tag| tag["name"].as_str().map(str::to_owned)).collect())
}

/// What the binary says of the API.
fn openapi(options: &[&str]) -> Result<Vec<u8>> {
    let command = with(Command::new(BINARY), ["server", "openapi"].iter().chain(options));
    let output = { command }.output().with_context(|| format!("starting {BINARY}"))?;
    ensure!(output.status.success(), "{BINARY} does not describe its API: {}", output.status);
    Ok(output.stdout)
}

/// A call of npm in a folder.
fn npm<const N: usize>(folder: &str, arguments: [&str; N]) -> Command {
    let mut command = Command::new("npm");
    command.args(arguments).current_dir(folder).env("PATH", run::path_with_node());
    command
}

/// Installs what a folder's lock file names, unless it is there.
fn install(folder: &Path) -> Result<()> {
    let (lock, installed) = (folder.join("package-lock.json"), folder.join("node_modules/installed.json"));
    let wanted = fs::read(&lock).with_context(|| format!("reading {}", lock.display()))?;
    if fs::read(&installed).ok().as_ref() == Some(&wanted) {
        return Ok(());
    }
    let name = folder.display().to_string();
    // Nothing of it needs a script to be run.
    let command = npm(&name, ["ci", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]);
    step(&format!("packages of {name}"), command)?;
    fs::write(&installed, wanted).with_context(|| format!("writing {}", installed.display()))
}

/// Everything that the console is built from. Folders, too: they are newer than what was removed from them.
fn sources() -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(FOLDER)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            if path.ends_with("node_modules") || path.ends_with("dist") {
                continue;
            }
            if path.is_dir() {
                folders.push(path.clone());
            }
            found.push(path);
        }
    }
    Ok(found)
}

/// Whether something that was made is missing, or older than something that it is made of.
fn is_older(made: &[PathBuf], of: &[PathBuf]) -> Result<bool> {
    let time = |path: &PathBuf| fs::metadata(path).and_then(|data| data.modified());
    let oldest = match made.iter().map(time).collect::<io::Result<Vec<SystemTime>>>() {
        Ok(times) => times.into_iter().min(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(|| format!("looking at {made:?}")),
    };
    let newest = of.iter().map(time).collect::<io::Result<Vec<_>>>().context("looking at sources")?;
    Ok(oldest.is_none() || newest.into_iter().max() > oldest)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_missing_or_older_than_its_sources_is_made_again() {
        let folder = std::env::temp_dir().join(format!("dnlb-xtask-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name: &str, seconds| {
            let path = folder.join(name);
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            fs::File::create(&path).unwrap().set_modified(time).unwrap();
            path
        };
        let times = [("old", 100), ("source", 200), ("new", 300)];
        let [old, source, new] = times.map(|(name, seconds)| file(name, seconds));
        let older = |made: &[&PathBuf], of: &[&PathBuf]| {
            let owned = |paths: &[&PathBuf]| paths.iter().map(|path| (*path).clone()).collect::<Vec<_>>();
            is_older(&owned(made), &owned(of))
        };
        let none = folder.join("none");
        assert!(!older(&[&new], &[&old, &source]).unwrap());
        assert!(!older(&[&source], &[&source]).unwrap());
        assert!(older(&[&old], &[&source]).unwrap());
        assert!(older(&[&new, &old], &[&source]).unwrap());
        assert!(older(&[&new, &none], &[&source]).unwrap());
        assert!(older(&[&new], &[&none]).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
