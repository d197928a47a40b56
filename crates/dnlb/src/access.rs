//! Which server the command line talks to, and as whom.

use anyhow::{Context, Result, bail, ensure};
use dnlb_api::client::Client;
use dnlb_lab::{DEFAULT_NAME, Lab};

/// Options and environment variables that say where the API is.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Access")]
pub(crate) struct Options {
    /// Where the API is, host:port; without it, that of the lab on this machine
    #[arg(long, env = "DNLB_ENDPOINT")]
    endpoint: Option<String>,
    /// Only plain HTTP at present
    #[arg(long, env = "DNLB_SCHEME", default_value = "http")]
    scheme: String,
    /// Region
    #[arg(long, env = "DNLB_REGION")]
    region: Option<String>,
    /// Access key; its secret comes from the environment's DNLB_SECRET_KEY alone
    #[arg(long, env = "DNLB_ACCESS_KEY")]
    access_key: Option<String>,
}

impl Options {
    /// The client that these options describe.
    pub(crate) fn client(&self) -> Result<Client> {
        ensure!(
            self.scheme == "http",
            "scheme `{}`: this version speaks plain HTTP only, to a server on this machine",
            self.scheme
        );
        let Some(endpoint) = &self.endpoint else {
            return lab_client(DEFAULT_NAME).context(
                "no region to talk to: set DNLB_ENDPOINT and the other variables, or eval \"$(dnlb lab env)\"",
            );
        };
        let (Some(region), Some(access_key)) = (&self.region, &self.access_key) else {
            bail!("with DNLB_ENDPOINT, DNLB_REGION and DNLB_ACCESS_KEY are needed, too");
        };
        let secret_key = std::env::var("DNLB_SECRET_KEY").context("reading DNLB_SECRET_KEY")?;
        Ok(Client {
            endpoint: endpoint.clone(),
            region: region.clone(),
            access_key: access_key.clone(),
            secret_key,
        })
    }
}

/// The client for a lab on this machine.
pub(crate) fn lab_client(name: &str) -> Result<Client> {
    let access = Lab::open(name)?.access()?;
    Ok(Client {
        endpoint: access.endpoint,
        region: access.region,
        access_key: access.access_key,
        secret_key: access.secret_key,
    })
}
