//! What runs inside instances: their keeper, their first process, and the web server of the web image.
//!
//! These are subcommands of the agent's own binary (`dnlb guest ...`), so that an instance needs nothing
//! installed. All of them must be called on the main thread and outside any async runtime: namespaces belong
//! to threads.

mod init;
mod spawn;
mod web;

use std::path::PathBuf;

use clap::Subcommand;

pub use self::{
    init::init,
    spawn::spawn,
    web::{datagrams, listen, web},
};

/// Images that the `netns` driver knows.
pub const IMAGES: [&str; 2] = [IMAGE_BLANK, IMAGE_WEB];
/// Runs its launch script and nothing else.
pub const IMAGE_BLANK: &str = "img-blank";
/// Runs its launch script and a web server that tells who it is and whom it serves.
pub const IMAGE_WEB: &str = "img-web";

/// The subcommands of `dnlb guest`.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Be the first process of an instance (called by `guest spawn`).
    #[command(hide = true)]
    Init {
        /// The instance's directory.
        dir: PathBuf,
    },
    /// Start an instance and stay beside it until it ends (called by the agent).
    #[command(hide = true)]
    Spawn {
        /// The instance's directory.
        dir: PathBuf,
    },
    /// Answer HTTP requests and datagrams with who answers and who asked.
    Web {
        /// TCP and UDP port to listen on.
        #[arg(long, env = "DNLB_WEB_PORT", default_value_t = 8080)]
        port: u16,
    },
}

/// Runs a subcommand of `dnlb guest`.
///
/// # Errors
/// What kept it from doing its task.
pub fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Init { dir } => init(&dir),
        Command::Spawn { dir } => spawn(&dir),
        Command::Web { port } => web(port),
    }
}
