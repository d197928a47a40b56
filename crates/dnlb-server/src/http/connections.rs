//! Connections of the API: accepted up to a limit, and given up when their client keeps silent.
//!
//! Whoever can reach the port can open connections, long before any signature is looked at. Without a limit and
//! a patience, some thousand silent ones would use up the process's descriptors, agents' included.

use std::{convert::Infallible, io, net::IpAddr, pin::pin, sync::Arc, time::Duration};

use axum::{body::Body, extract::Request, response::Response};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::sleep,
};

/// What connections may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// How many there may be; further clients wait in the kernel's queue.
    pub connections: usize,
    /// How long a client may take to send the headers of its first or next request.
    pub header_patience: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        // Half of the 1,024 descriptors that a process commonly gets: the rest is for agents and the store.
        Self { connections: 512, header_patience: Duration::from_secs(15) }
    }
}

/// Serves until `shutdown` is ready and all replies under way are sent.
///
/// # Errors
/// When the socket fails.
pub(super) async fn serve<F>(
    listener: TcpListener,
    limits: Limits,
    answer: impl Fn(IpAddr, Request) -> F + Clone + Send + 'static,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    F: Future<Output = Response> + Send + 'static,
{
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_patience);
    let slots = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((slot, accept(&listener).await))
        };
        let (slot, (stream, from)) = tokio::select! {
            next = next => next?,
            () = &mut shutdown => break,
        };
        let answer = answer.clone();
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let reply = answer(from, request.map(Body::new));
            async move { Ok::<_, Infallible>(reply.await) }
        });
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
            }
            drop(slot);
        });
    }
    drop(listener);
    graceful.shutdown().await;
    Ok(())
}

/// The next connection and where it comes from. Nothing that goes wrong with one is a reason not to wait for the one after it.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => return (stream, from.ip()),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                // Out of descriptors, most likely: others must end before it can go on.
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the API cannot accept a connection"
                );
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        sync::oneshot,
        task::JoinHandle,
    };

    use super::*;

    async fn start(limits: Limits) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<io::Result<()>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let answer = |_: IpAddr, _: Request| async { Response::new(Body::from("fine")) };
        let served = tokio::spawn(serve(listener, limits, answer, async {
            let _ = stopped.await;
        }));
        (addr, stop, served)
    }

    fn limits(connections: usize, millis: u64) -> Limits {
        Limits { connections, header_patience: Duration::from_millis(millis) }
    }

    async fn ask(client: &mut TcpStream) -> String {
        client.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut reply = vec![0; 1000];
        let length = client.read(&mut reply).await.unwrap();
        String::from_utf8_lossy(&reply[..length]).into_owned()
    }

    #[tokio::test]
    async fn a_client_that_keeps_silent_is_given_up() {
        let (addr, _stop, _) = start(limits(10, 50)).await;
        let mut silent = TcpStream::connect(addr).await.unwrap();
        let mut halting = TcpStream::connect(addr).await.unwrap();
        halting.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.unwrap();
        let mut idle = TcpStream::connect(addr).await.unwrap();
        assert!(ask(&mut idle).await.ends_with("fine"));
        for client in [&mut silent, &mut halting, &mut idle] {
            let mut rest = Vec::new();
            // The end of the stream, not an error: whatever was said before it was said.
            client.read_to_end(&mut rest).await.unwrap();
        }
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_for_their_turn() {
        let (addr, _stop, _) = start(limits(2, 60_000)).await;
        let mut first = TcpStream::connect(addr).await.unwrap();
        let mut second = TcpStream::connect(addr).await.unwrap();
        assert!(ask(&mut first).await.ends_with("fine") && ask(&mut second).await.ends_with("fine"));
        let mut third = TcpStream::connect(addr).await.unwrap();
        let waits = tokio::time::timeout(Duration::from_millis(50), ask(&mut third)).await;
        assert!(waits.is_err());
        drop(first);
        let mut reply = vec![0; 1000];
        let length = third.read(&mut reply).await.unwrap();
        assert!(reply[..length].ends_with(b"fine"));
    }

    #[tokio::test]
    async fn the_end_does_not_wait_for_idle_clients() {
        let (addr, stop, served) = start(limits(10, 60_000)).await;
        let mut idle = TcpStream::connect(addr).await.unwrap();
        assert!(ask(&mut idle).await.ends_with("fine"));
        stop.send(()).unwrap();
        served.await.unwrap().unwrap();
        assert_eq!(idle.read(&mut [0; 10]).await.unwrap(), 0);
    }
}
