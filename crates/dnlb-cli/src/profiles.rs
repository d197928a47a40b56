//! Profiles: regions and access keys that the command line remembers, in a file of their owner alone.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::{private_file, suggest::did_you_mean};

/// All profiles, as the file has them.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profiles {
    /// The one in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) current: Option<String>,
    /// By name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// A region, and an access key unless one logs in there. Has no `Debug`: the secret is in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    /// `host:port`.
    pub(crate) endpoint: String,
    /// `http` or `https`.
    #[serde(default = "http")]
    pub(crate) scheme: String,
    pub(crate) region: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) access_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret_key: Option<String>,
    /// Certificates that are trusted, for `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ca_file: Option<PathBuf>,
}

fn http() -> String {
    "http".to_owned()
}

impl Profiles {
    /// What the file says; nothing if there is no file.
    pub(crate) fn load() -> Result<Self> {
        // Without a home there are no profiles, and nothing that would need one.
        path().map_or_else(|_| Ok(Self::default()), |path| Self::load_from(&path))
    }

    fn load_from(path: &Path) -> Result<Self> {
        private_file::load(path)
    }

    /// Writes the file, whole or not at all.
    pub(crate) fn save(&self) -> Result<()> {
        self.save_to(&path()?)
    }

    fn save_to(&self, path: &Path) -> Result<()> {
        private_file::save(path, self)
    }

    /// The profile of that name.
    pub(crate) fn find(&self, name: &str) -> Result<&Profile> {
        let Some(profile) = self.profiles.get(name) else {
            bail!(
                "there is no profile `{name}`{}",
                did_you_mean(name, self.profiles.keys().map(String::as_str))
            );
        };
        Ok(profile)
    }

    /// Takes a profile in; the first one is used at once.
    pub(crate) fn add(&mut self, name: &str, profile: Profile, replace: bool) -> Result<()> {
        let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
        ensure!(plain, "a profile's name has letters and no blanks");
        ensure!(
            replace || !self.profiles.contains_key(name),
            "there is a profile `{name}` already: --replace overwrites it"
        );
        ensure!(["http", "https"].contains(&profile.scheme.as_str()), "the scheme is http or https");
        ensure!(profile.ca_file.is_none() || profile.scheme == "https", "a CA file is for https");
        ensure!(profile.secret_key.as_deref() != Some(""), "the secret is empty");
        self.profiles.insert(name.to_owned(), profile);
        if self.current.is_none() {
            self.current = Some(name.to_owned());
        }
        Ok(())
    }

    /// Uses a profile from now on.
    pub(crate) fn use_one(&mut self, name: &str) -> Result<()> {
        self.find(name)?;
        self.current = Some(name.to_owned());
        Ok(())
    }

    /// Forgets a profile; if it was in use, none is.
    pub(crate) fn remove(&mut self, name: &str) -> Result<()> {
        self.find(name)?;
        self.profiles.remove(name);
        self.current.take_if(|current| current == name);
        Ok(())
    }
}

/// Where the file is.
pub(crate) fn path() -> Result<PathBuf> {
    private_file::path("profiles.toml")
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::unix::fs::{MetadataExt, PermissionsExt},
    };

    use super::*;

    fn profile(endpoint: &str) -> Profile {
        Profile {
            endpoint: endpoint.to_owned(),
            scheme: http(),
            region: "r1".to_owned(),
            access_key: Some("AK".to_owned()),
            secret_key: Some("SECRET".to_owned()),
            ca_file: None,
        }
    }

    #[test]
    fn what_is_saved_is_read_again_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("dnlb/profiles.toml");
        let mut profiles = Profiles::load_from(&path).unwrap();
        assert!(profiles == Profiles::default());
        profiles.add("a", profile("10.0.0.1:1"), false).unwrap();
        profiles.add("b", profile("10.0.0.2:1"), false).unwrap();
        profiles.save_to(&path).unwrap();
        profiles.save_to(&path).unwrap();
        assert!(Profiles::load_from(&path).unwrap() == profiles);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Profiles::load_from(&path).err().unwrap().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_broken_file_is_refused_without_quoting_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("profiles.toml");
        for text in [
            "[profiles.a]\nsecret_key = \"SECRET\n",
            "[profiles.a]\nendpoint = \"e\"\nregion = \"r\"\naccess_key = \"a\"\nsecret_key = \"SECRET\"\nx = 1\n",
        ] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            let error = format!("{:#}", Profiles::load_from(&path).err().unwrap());
            assert!(error.contains("profiles.toml, line "), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
    }

    #[test]
    fn the_first_profile_is_used_until_another_one_is() {
        let mut profiles = Profiles::default();
        profiles.add("prod", profile("10.0.0.1:1"), false).unwrap();
        profiles.add("test", profile("10.0.0.2:1"), false).unwrap();
        assert_eq!(profiles.current.as_deref(), Some("prod"));
        profiles.use_one("test").unwrap();
        assert_eq!(profiles.current.as_deref(), Some("test"));
        let error = profiles.use_one("prdo").unwrap_err().to_string();
        assert_eq!(error, "there is no profile `prdo`, did you mean `prod`?");
        profiles.remove("test").unwrap();
        assert_eq!(profiles.current, None);
        assert!(profiles.remove("test").is_err());
    }

    #[test]
    fn what_makes_no_sense_is_not_taken_in() {
        let mut profiles = Profiles::default();
        profiles.add("a", profile("e:1"), false).unwrap();
        let mut error = |name: &str, profile| profiles.add(name, profile, false).unwrap_err().to_string();
        assert!(error("a", profile("e:2")).contains("--replace"));
        assert!(error("b c", profile("e:2")).contains("no blanks"));
        assert!(error("b", Profile { scheme: "ftp".into(), ..profile("e:2") }).contains("http or https"));
        assert!(error("b", Profile { ca_file: Some("ca".into()), ..profile("e:2") }).contains("for https"));
        assert!(error("b", Profile { secret_key: Some(String::new()), ..profile("e:2") }).contains("empty"));
        profiles.add("a", profile("e:2"), true).unwrap();
        assert_eq!(profiles.find("a").unwrap().endpoint, "e:2");
    }
}
