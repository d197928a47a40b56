//! `dnlb export`, `diff` and `apply`: a region as a file.

use std::{
    fs,
    io::{Read as _, stdin},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use serde_json::Value;

use crate::{
    api::Api,
    failure::Told,
    print::{self, Format},
    region_file::{
        RegionFile,
        carry_out::Hands,
        parse,
        plan::{Problem, Step, plan},
        read::{Read, read},
        resource::{Resources, resources},
    },
    wait::Waiting,
};

/// What stands at the top of an exported file.
const HEADER: &str = "# A region as a file: docs/region-file.md says what may stand here.\n";

#[derive(Args)]
pub(crate) struct Export {
    /// File to write; the standard output without it
    #[arg(short, long)]
    file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct Diff {
    /// File to compare with; - is the standard input
    #[arg(short, long)]
    file: PathBuf,
    /// Also show what the file does not name, as to be deleted
    #[arg(long)]
    prune: bool,
}

#[derive(Args)]
pub(crate) struct Apply {
    /// File to apply; - is the standard input
    #[arg(short, long)]
    file: PathBuf,
    /// Delete what the file does not name
    #[arg(long)]
    prune: bool,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) waiting: Waiting,
}

pub(crate) fn export(api: &Api, options: &Export, format: Format) -> Result<()> {
    let file = read(api)?.file;
    let text = match format {
        Format::Json => format!("{:#}\n", serde_json::to_value(&file)?),
        Format::Table | Format::Yaml => format!("{HEADER}{}", parse::write(&file)),
    };
    match &options.file {
        Some(path) => fs::write(path, text).with_context(|| format!("writing {}", path.display())),
        None => {
            print::text(text.strip_suffix('\n').unwrap_or(&text));
            Ok(())
        }
    }
}

/// The exit code is 0 if nothing would change, 1 if something would, 2 if that is not known.
pub(crate) fn diff(api: &Api, options: &Diff, format: Format) -> u8 {
    let steps = file(&options.file).and_then(|file| {
        let region = read(api)?;
        steps(&resources(&file), &file, &region, options.prune)
    });
    match steps {
        Ok(steps) => {
            show(&steps, format);
            u8::from(!steps.is_empty())
        }
        Err(error) => {
            eprintln!("{}", Told(&error));
            2
        }
    }
}

pub(crate) fn apply(api: &Api, options: &Apply, format: Format) -> Result<()> {
    let file = file(&options.file)?;
    let region = read(api)?;
    let wanted = resources(&file);
    let steps = steps(&wanted, &file, &region, options.prune)?;
    if options.dry_run {
        show(&steps, format);
        return Ok(());
    }
    if steps.is_empty() {
        show(&steps, format);
        return api.settle();
    }
    let mut hands = Hands { api, ids: region.ids, wanted: &wanted };
    for (number, step) in (1..).zip(&steps) {
        hands.carry_out(step).with_context(|| {
            format!(
                "step {number} of {}, {}: what was done before stays done, and applying again goes on from there",
                steps.len(),
                heading(step)
            )
        })?;
        match format {
            Format::Table => print::text(&step.to_string()),
            Format::Json | Format::Yaml => print::item(format, &step.to_json()),
        }
    }
    if format == Format::Table {
        print::text(&format!("{} done", counted(steps.len())));
    }
    api.settle()
}

/// Reads and checks a file.
fn file(path: &Path) -> Result<RegionFile> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        stdin().read_to_string(&mut text).map(|_| text).context("reading the standard input")?
    } else {
        fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?
    };
    parse::parse(&text).with_context(|| path.display().to_string())
}

/// The way from the region to the file.
fn steps(wanted: &Resources, file: &RegionFile, region: &Read, prune: bool) -> Result<Vec<Step>> {
    let here = region.file.region.as_deref().unwrap_or_default();
    if let Some(meant) = &file.region {
        ensure!(meant == here, "the file is for region {meant}, and this is {here}");
    }
    plan(wanted, &region.present, prune).map_err(|problems| match problems.as_slice() {
        [one] => anyhow::anyhow!("{one}"),
        several => {
            let lines: Vec<_> = several.iter().map(Problem::to_string).collect();
            anyhow::anyhow!("{} things stand in the way:\n  {}", several.len(), lines.join("\n  "))
        }
    })
}

fn show(steps: &[Step], format: Format) {
    match format {
        Format::Table if steps.is_empty() => print::text("nothing would change"),
        Format::Table => {
            steps.iter().for_each(|step| print::text(&step.to_string()));
            print::text(&format!("{} to do", counted(steps.len())));
        }
        Format::Json | Format::Yaml => {
            print::data(format, &steps.iter().map(Step::to_json).collect::<Value>());
        }
    }
}

fn heading(step: &Step) -> String {
    step.to_string().lines().next().unwrap_or_default().to_owned()
}

fn counted(count: usize) -> String {
    if count == 1 { "1 step".to_owned() } else { format!("{count} steps") }
}
