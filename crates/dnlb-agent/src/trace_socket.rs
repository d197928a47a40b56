//! The socket at which the agent takes traces from this host's tools.
//!
//! A line of JSON in, a [`TraceQuery`]; lines of JSON out, until the trace is over or who asked has gone.

use std::{
    convert::Infallible, fs, io::ErrorKind, os::unix::fs::PermissionsExt, path::PathBuf, time::Duration,
};

use anyhow::Context;
use dnlb_model::TraceQuery;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::mpsc,
    time::timeout,
};

use crate::teller::{LINES_WAITING, LocalTrace};

/// How long who connects may take to ask.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest question.
const QUERY_BYTES_MAX: u64 = 4096;

/// Serves the socket at `path`; returns only when it cannot.
pub(crate) async fn serve(path: PathBuf, asking: mpsc::Sender<LocalTrace>) -> anyhow::Error {
    match accept(&path, asking).await {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

async fn accept(path: &PathBuf, asking: mpsc::Sender<LocalTrace>) -> anyhow::Result<Infallible> {
    // A former agent's; whoever holds the directory's lock is its only agent.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", path.display()));
        }
        _ => {}
    }
    let listener =
        UnixListener::bind(path).with_context(|| format!("cannot listen at {}", path.display()))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .with_context(|| format!("cannot protect {}", path.display()))?;
    loop {
        let (stream, _) = listener.accept().await.context("cannot take connections")?;
        let asking = asking.clone();
        tokio::spawn(async move {
            if let Err(error) = answer(stream, asking).await {
                tracing::debug!(error = format!("{error:#}"), "a tool that traced has gone");
            }
        });
    }
}

async fn answer(mut stream: UnixStream, asking: mpsc::Sender<LocalTrace>) -> anyhow::Result<()> {
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let mut question = String::new();
    timeout(PATIENCE, (&mut read).take(QUERY_BYTES_MAX).read_line(&mut question)).await??;
    let query: TraceQuery = match serde_json::from_str(&question) {
        Ok(query) => query,
        Err(error) => return say(&mut write, &json!({"error": error.to_string()})).await,
    };
    let (lines, mut said) = mpsc::channel(LINES_WAITING);
    asking.send(LocalTrace { query, lines }).await?;
    drop(asking);
    let mut more = [0];
    loop {
        tokio::select! {
            line = said.recv() => match line {
                Some(line) => say(&mut write, &line).await?,
                None => return Ok(()),
            },
            // It has nothing more to say: this is its end.
            _ = read.read(&mut more) => return Ok(()),
        }
    }
}

async fn say(write: &mut (impl AsyncWriteExt + Unpin), line: &Value) -> anyhow::Result<()> {
    write.write_all(format!("{line}\n").as_bytes()).await?;
    Ok(())
}
