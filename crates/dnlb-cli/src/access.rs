//! Which server the command line talks to, and as whom.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use dnlb_api::client::{Client, Trust};
use dnlb_lab::{DEFAULT_NAME, Lab};

use crate::{
    profiles::{self, Profile},
    sessions::{Session, Sessions},
};

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
    /// http or https; by default https if there is a CA file, else http [env: DNLB_SCHEME]
    #[arg(long)]
    scheme: Option<String>,
    /// File with the authorities to trust, in PEM, for https; by default those of this machine [env: DNLB_CA_FILE]
    #[arg(long)]
    ca_file: Option<PathBuf>,
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

/// A region of a server, and how to get there.
pub(crate) struct Place {
    pub(crate) endpoint: String,
    /// For https.
    pub(crate) trust: Option<Trust>,
    pub(crate) region: String,
    /// Whether an access key was named for this command alone.
    pub(crate) key_named: bool,
}

impl Place {
    /// Names it.
    pub(crate) fn name(&self) -> String {
        Sessions::place(self.trust.is_some(), &self.endpoint, &self.region)
    }

    /// A client in a session there.
    pub(crate) fn in_session(&self, session: &Session) -> Client {
        Client {
            endpoint: self.endpoint.clone(),
            trust: self.trust.clone(),
            region: self.region.clone(),
            access_key: String::new(),
            secret_key: String::new(),
            token: Some(session.token.clone()),
        }
    }
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
    /// The client that options, environment, profiles, sessions and lab describe. An access key of the options or the environment
    /// wins over a session, and that over the key of a profile or the lab.
    pub(crate) fn access(&self) -> Result<Access> {
        let (settings, key_named) = self.settings()?;
        let sessions = Sessions::load()?;
        let none = Sessions::default();
        let sessions = if key_named { &none } else { &sessions };
        match client(settings, sessions)? {
            Some(access) => Ok(access),
            None => Ok(in_session_or_else(lab()?, sessions)),
        }
    }

    /// Where that is, whoever calls.
    pub(crate) fn place(&self) -> Result<Place> {
        let (settings, key_named) = self.settings()?;
        let place = match place(&settings)? {
            Some(place) => place,
            None => place_of(&lab()?.client),
        };
        Ok(Place { key_named, ..place })
    }

    /// What all sources but the lab say together, and whether options or environment name an access key.
    fn settings(&self) -> Result<(Layer, bool)> {
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
        let key_named = self.access_key.is_some() || environment.access_key.is_some();
        let layers = in_order(self.layer(), environment, profile, self.profile.is_some());
        Ok((merge(layers), key_named))
    }

    fn layer(&self) -> Layer {
        Layer {
            source: "options".to_owned(),
            endpoint: self.endpoint.clone(),
            scheme: self.scheme.clone(),
            region: self.region.clone(),
            access_key: self.access_key.clone(),
            secret_key: None,
            ca_file: self.ca_file.clone(),
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
            access_key: profile.access_key.clone(),
            secret_key: profile.secret_key.clone(),
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

/// Each setting from the first source that has it; the source is that of the endpoint. Who names authorities and no
/// scheme means https, whatever others say.
fn merge(layers: Vec<Layer>) -> Layer {
    let meant = |layer: Layer| {
        let https = layer.ca_file.as_ref().map(|_| "https".to_owned());
        Layer { scheme: layer.scheme.or(https), ..layer }
    };
    layers.into_iter().map(meant).fold(Layer::default(), |above, below| Layer {
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
fn client(settings: Layer, sessions: &Sessions) -> Result<Option<Access>> {
    let Some(place) = place(&settings)? else { return Ok(None) };
    let words = format!("{}, from {}", place.endpoint, settings.source);
    if let Some(session) = sessions.find(&place.name()) {
        return Ok(Some(Access { client: place.in_session(session), words: in_words(&words, session) }));
    }
    let Some(access_key) = settings.access_key else {
        bail!(
            "for {}, an access key (DNLB_ACCESS_KEY) or a session (dnlb login) is needed, too",
            place.endpoint
        );
    };
    let secret_key = settings.secret_key.context(
        "the access key's secret is missing: put it into a profile (dnlb profile add) or into DNLB_SECRET_KEY",
    )?;
    let Place { endpoint, trust, region, .. } = place;
    Ok(Some(Access {
        client: Client { endpoint, trust, region, access_key, secret_key, token: None },
        words,
    }))
}

/// Where settings say that the API is, if they do.
fn place(settings: &Layer) -> Result<Option<Place>> {
    let Some(endpoint) = settings.endpoint.clone() else { return Ok(None) };
    let trust = trust(settings.scheme.as_deref(), settings.ca_file.as_deref())?;
    let Some(region) = settings.region.clone() else {
        bail!("for {endpoint}, a region (DNLB_REGION) is needed, too");
    };
    Ok(Some(Place { endpoint, trust, region, key_named: false }))
}

fn place_of(client: &Client) -> Place {
    Place {
        endpoint: client.endpoint.clone(),
        trust: client.trust.clone(),
        region: client.region.clone(),
        key_named: false,
    }
}

/// The same, or in the session that there is.
fn in_session_or_else(access: Access, sessions: &Sessions) -> Access {
    let place = place_of(&access.client);
    match sessions.find(&place.name()) {
        Some(session) => {
            Access { client: place.in_session(session), words: in_words(&access.words, session) }
        }
        None => access,
    }
}

fn in_words(words: &str, session: &Session) -> String {
    format!("{words}, logged in as {}", session.user)
}

/// The lab on this machine, for who says nothing else.
fn lab() -> Result<Access> {
    lab_access(DEFAULT_NAME)
        .context("no region to talk to: make a profile (dnlb profile add), or eval \"$(dnlb lab env)\"")
}

/// Whom to trust, if https is to be spoken.
fn trust(scheme: Option<&str>, ca_file: Option<&Path>) -> Result<Option<Trust>> {
    match (scheme, ca_file) {
        (Some("https"), Some(file)) => Ok(Some(Trust::in_file(file)?)),
        (Some("https"), None) => Ok(Some(Trust::in_system()?)),
        // A file from a source that comes after that of the scheme is not wanted.
        (Some("http") | None, _) => Ok(None),
        (Some(scheme), _) => bail!("scheme `{scheme}`: it is http or https"),
    }
}

/// The client for a lab on this machine.
pub(crate) fn lab_access(name: &str) -> Result<Access> {
    let access = Lab::open(name)?.access()?;
    let words = format!("{}, lab `{name}` on this machine", access.endpoint);
    let client = Client {
        endpoint: access.endpoint,
        // On loopback: it never leaves this machine.
        trust: None,
        region: access.region,
        access_key: access.access_key,
        secret_key: access.secret_key,
        token: None,
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
        assert!(client(Layer::default(), &Sessions::default()).unwrap().is_none());
        let error = |layer| client(layer, &Sessions::default()).err().unwrap().to_string();
        assert!(error(layer("options", Some("a:1"), None)).contains("DNLB_REGION"));
        let keyless = Layer { access_key: Some("AK".into()), ..layer("options", Some("a:1"), Some("r")) };
        assert!(error(keyless.clone()).contains("DNLB_SECRET_KEY"));
        let secret = Layer { secret_key: Some("SK".into()), ..keyless };
        assert_eq!(client(secret.clone(), &Sessions::default()).unwrap().unwrap().words, "a:1, from options");
        assert!(error(Layer { scheme: Some("ftp".into()), ..secret }).contains("http or https"));
    }

    #[test]
    fn a_ca_file_means_https_unless_http_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, "no certificate").unwrap();
        let settings = |scheme: Option<&str>| Layer {
            scheme: scheme.map(str::to_owned),
            ca_file: Some(file.clone()),
            ..Layer::default()
        };
        let http = || Layer { scheme: Some("http".to_owned()), ..Layer::default() };
        let trusted = |layers| {
            let merged = merge(layers);
            trust(merged.scheme.as_deref(), merged.ca_file.as_deref()).map(|trust| trust.is_some())
        };
        // What is looked at cannot be trusted here: that shows that it was looked at.
        for layers in [vec![settings(None)], vec![settings(Some("https"))], vec![settings(None), http()]] {
            let error = trusted(layers).unwrap_err().to_string();
            assert!(error.contains("ca.pem holds no certificates"), "{error}");
        }
        assert!(!trusted(vec![http(), settings(None)]).unwrap());
        assert!(!trusted(vec![Layer::default()]).unwrap());
    }
}
