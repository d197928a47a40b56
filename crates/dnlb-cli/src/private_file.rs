//! Files of settings that hold secrets: for their owner alone, and written whole or not at all.

use std::{
    fs::{self, DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use serde::{Serialize, de::DeserializeOwned};

/// What a file says; nothing if there is no file.
///
/// # Errors
/// Also when others may read it. No error quotes the file.
pub(crate) fn load<T: Default + DeserializeOwned>(path: &Path) -> Result<T> {
    let text = match fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(T::default()),
        text => text.with_context(|| format!("reading {}", path.display()))?,
    };
    let mode = fs::metadata(path).with_context(|| format!("looking at {}", path.display()))?.mode();
    ensure!(mode & 0o077 == 0, "{} holds secrets and others may read it: chmod 600 {0}", path.display());
    // The error would quote lines of the file, and with them secrets: only where it is may be told.
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| 1 + text[..span.start].matches('\n').count());
        anyhow::anyhow!("{}, line {line}: {}", path.display(), error.message())
    })
}

/// Writes a file, and the folder if it is not there.
pub(crate) fn save(path: &Path, content: &impl Serialize) -> Result<()> {
    let text = toml::to_string(content).context("writing settings as TOML")?;
    let folder = path.parent().context("a path without a folder")?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("creating {}", folder.display()))?;
    let new = path.with_extension("new");
    // One that was left behind may have another mode.
    let _ = fs::remove_file(&new);
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Where a file of that name is.
pub(crate) fn path(name: &str) -> Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    let config = config.context("neither XDG_CONFIG_HOME nor HOME says where settings are")?;
    Ok(config.join("dnlb").join(name))
}
