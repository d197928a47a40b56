//! Which server the command line talks to, and as whom.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use dnlb_api::client::Client;
use dnlb_lab::{DEFAULT_NAME, Lab};

use crate::profiles::{self, Profile};

/// Options that say where the API is. They win over environment variables, those over the profile in use, and
/// without any of them the lab on this machine is meant. A profile that is named by `--profile` wins over the
/// environment as well: whoever names it means it.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Options {
    /// Profile to use instead of the one in use [env: DNLB_PROFILE]
    #[arg(long, global = true)]
    profile: Option<String>,
    /// Where the API is, host:port; by default that of the profile in use, or of the lab on this machine [env: DNLB_ENDPOINT]
    #[arg(long)]
    endpoint: Option<String>,
    /// Only plain HTTP at present [env: DNLB_SCHEME]
    #[arg(long)]
    scheme: Option<String>,
    /// Region [env: DNLB_REGION]
    #[arg(long)]
    region: Option<String>,
    /// Access key; its secret comes from a profile or the environment's DNLB_SECRET_KEY alone [env: DNLB_ACCESS_KEY]
    #[arg(long)]
    access_key: Option<String>,
}

/// A client, and where its settings are from.
pub(crate) struct Access {
    pub(crate) client: Client,
    /// For messages: endpoint and source.
    pub(crate) words: String,
}

/// What one source says of where the API is.
#[derive(Clone, Default, PartialEq, Eq)]
struct Layer {
    /// In messages.
    source: String,
    endpoint: Option<String>,
    scheme: Option<String>,
    region: Option<String>,
    access_key: Option<String>,
    secret_key: Option<String>,
    ca_file: Option<PathBuf>,
}

impl Options {
    /// The client that options, environment, profiles and lab describe.
    pub(crate) fn access(&self) -> Result<Access> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let environment = Layer {
            source: "environment".to_owned(),
            endpoint: variable("DNLB_ENDPOINT"),
            scheme: variable("DNLB_SCHEME"),
            region: variable("DNLB_REGION"),
            access_key: variable("DNLB_ACCESS_KEY"),
            secret_key: variable("DNLB_SECRET_KEY"),
            ca_file: variable("DNLB_CA_FILE").map(PathBuf::from),
        };
        let settings = profiles::Profiles::load()?;
        let named = self.profile.clone().or_else(|| variable("DNLB_PROFILE"));
        let profile = match named.as_deref().or(settings.current.as_deref()) {
            Some(name) => Some(Layer::of_profile(name, settings.find(name)?)),
            None => None,
        };
        let layers = in_order(self.layer(), environment, profile, self.profile.is_some());
        match client(merge(layers))? {
            Some(access) => Ok(access),
            None => lab_access(DEFAULT_NAME).context(
                "no region to talk to: make a profile (dnlb profile add), or eval \"$(dnlb lab env)\"",
            ),
        }
    }

    fn layer(&self) -> Layer {
        Layer {
            source: "options".to_owned(),
            endpoint: self.endpoint.clone(),
            scheme: self.scheme.clone(),
            region: self.region.clone(),
            access_key: self.access_key.clone(),
            secret_key: None,
            ca_file: None,
        }
    }
}

impl Layer {
    fn of_profile(name: &str, profile: &Profile) -> Self {
        Self {
            source: format!("profile `{name}`"),
            endpoint: Some(profile.endpoint.clone()),
            scheme: Some(profile.scheme.clone()),
            region: Some(profile.region.clone()),
            access_key: Some(profile.access_key.clone()),
            secret_key: Some(profile.secret_key.clone()),
            ca_file: profile.ca_file.clone(),
        }
    }
}

/// Sources, those that win first.
fn in_order(options: Layer, environment: Layer, profile: Option<Layer>, profile_named: bool) -> Vec<Layer> {
    let mut layers = vec![options, environment];
    if let Some(profile) = profile {
        layers.insert(if profile_named { 1 } else { 2 }, profile);
    }
    layers
}

/// Each setting from the first source that has it; the source is that of the endpoint.
fn merge(layers: Vec<Layer>) -> Layer {
    layers.into_iter().fold(Layer::default(), |above, below| Layer {
        source: if above.endpoint.is_some() { above.source } else { below.source },
        endpoint: above.endpoint.or(below.endpoint),
        scheme: above.scheme.or(below.scheme),
        region: above.region.or(below.region),
        access_key: above.access_key.or(below.access_key),
        secret_key: above.secret_key.or(below.secret_key),
        ca_file: above.ca_file.or(below.ca_file),
    })
}

/// The client that settings describe; none if they do not say where the API is.
fn client(settings: Layer) -> Result<Option<Access>> {
    let Some(endpoint) = settings.endpoint else { return Ok(None) };
    let scheme = settings.scheme.unwrap_or_else(|| "http".to_owned());
    ensure!(
        scheme == "http",
        "scheme `{scheme}`: this version speaks plain HTTP only, to a server on this machine"
    );
    let (Some(region), Some(access_key)) = (settings.region, settings.access_key) else {
        bail!("for {endpoint}, a region (DNLB_REGION) and an access key (DNLB_ACCESS_KEY) are needed, too");
    };
    let secret_key = settings.secret_key.context(
        "the access key's secret is missing: put it into a profile (dnlb profile add) or into DNLB_SECRET_KEY",
    )?;
    let words = format!("{endpoint}, from {}", settings.source);
    Ok(Some(Access { client: Client { endpoint, region, access_key, secret_key }, words }))
}

/// The client for a lab on this machine.
pub(crate) fn lab_access(name: &str) -> Result<Access> {
    let access = Lab::open(name)?.access()?;
    let words = format!("{}, lab `{name}` on this machine", access.endpoint);
    let client = Client {
        endpoint: access.endpoint,
        region: access.region,
        access_key: access.access_key,
        secret_key: access.secret_key,
    };
    Ok(Access { client, words })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(source: &str, endpoint: Option<&str>, region: Option<&str>) -> Layer {
        Layer {
            source: source.to_owned(),
            endpoint: endpoint.map(str::to_owned),
            region: region.map(str::to_owned),
            ..Layer::default()
        }
    }

    fn chosen(options: Layer, profile_named: bool) -> (String, Option<String>, Option<String>) {
        let environment = layer("environment", Some("env:1"), None);
        let profile = layer("profile", Some("profile:1"), Some("r-profile"));
        let merged = merge(in_order(options, environment, Some(profile), profile_named));
        (merged.source, merged.endpoint, merged.region)
    }

    #[test]
    fn options_win_over_the_environment_and_that_over_the_profile_in_use() {
        let (source, endpoint, region) = chosen(layer("options", Some("option:1"), None), false);
        assert_eq!((source.as_str(), endpoint.as_deref()), ("options", Some("option:1")));
        assert_eq!(region.as_deref(), Some("r-profile"));
        let (source, endpoint, _) = chosen(layer("options", None, None), false);
        assert_eq!((source.as_str(), endpoint.as_deref()), ("environment", Some("env:1")));
    }

    #[test]
    fn a_profile_that_is_named_wins_over_the_environment() {
        let (source, endpoint, _) = chosen(layer("options", None, None), true);
        assert_eq!((source.as_str(), endpoint.as_deref()), ("profile", Some("profile:1")));
    }

    #[test]
    fn nothing_at_all_means_the_lab_and_half_of_it_is_an_error() {
        assert!(client(Layer::default()).unwrap().is_none());
        let error = |layer| client(layer).err().unwrap().to_string();
        assert!(error(layer("options", Some("a:1"), None)).contains("DNLB_REGION"));
        let keyless = Layer { access_key: Some("AK".into()), ..layer("options", Some("a:1"), Some("r")) };
        assert!(error(keyless.clone()).contains("DNLB_SECRET_KEY"));
        let secret = Layer { secret_key: Some("SK".into()), ..keyless };
        assert_eq!(client(secret.clone()).unwrap().unwrap().words, "a:1, from options");
        assert!(error(Layer { scheme: Some("https".into()), ..secret }).contains("plain HTTP only"));
    }
}
