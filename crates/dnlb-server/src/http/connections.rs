//! Connections of the API: accepted while there is room, and given up when their client keeps silent.
//!
//! Whoever can reach the port can open connections, long before any signature is looked at. Without limits and
//! patience, some thousand silent ones would use up the process's descriptors, agents' included.

use std::{
    convert::Infallible,
    io,
    net::IpAddr,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{body::Body, extract::Request, response::Response};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Notify, oneshot, watch},
    time::{sleep, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    limits::Limits,
    places::{Arrival, Places, SeatId},
};

/// Where the API is served, and what clients may take there.
pub struct Door {
    /// A listening socket.
    pub listener: TcpListener,
    /// What makes connections secret; none: they are plain HTTP.
    pub tls: Option<TlsAcceptor>,
    /// What connections may take.
    pub limits: Limits,
}

impl From<TcpListener> for Door {
    /// Plain HTTP, within the usual limits.
    fn from(listener: TcpListener) -> Self {
        Self { listener, tls: None, limits: Limits::default() }
    }
}

/// Serves until `shutdown` is ready and all replies under way are sent, or until the farewell has taken too long.
///
/// `misled` answers who speaks plain HTTP where TLS is spoken.
///
/// # Errors
/// When the socket fails.
pub(super) async fn serve<F>(
    door: Door,
    answer: impl Fn(IpAddr, Request) -> F + Clone + Send + Sync + 'static,
    misled: fn() -> Response,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()>
where
    F: Future<Output = Response> + Send + 'static,
{
    let Door { listener, tls, limits } = door;
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header_patience);
    let (close, closing) = watch::channel(false);
    let hall = Arc::new(Hall { places: Mutex::new(Places::new(limits.room())), changed: Notify::new() });
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, from) = tokio::select! {
            next = accept(&listener) => next,
            () = &mut shutdown => break,
        };
        let seated = tokio::select! {
            seated = hall.seat(from) => seated,
            () = &mut shutdown => break,
        };
        let Some((seat, leave)) = seated else {
            tracing::debug!(%from, "a connection is refused: its address has its share");
            continue;
        };
        let visit = Visit { seat, http: http.clone(), closing: closing.clone() };
        let (tls, answer) = (tls.clone(), answer.clone());
        tokio::spawn(async move {
            let attended = async {
                let Some(io) = visit.greet(stream, tls, limits).await else { return };
                match io {
                    Greeted::Misled(io) => visit.converse(io, |_| async { misled() }).await,
                    Greeted::Plain(io) => visit.converse(io, |request| answer(from, request)).await,
                    Greeted::Tls(io) => visit.converse(io, |request| answer(from, request)).await,
                }
            };
            tokio::select! {
                // First: whatever is ready to be sent is sent before anybody has to go.
                biased;
                () = attended => {}
                _ = leave => tracing::debug!(%from, "an idle connection makes room"),
            }
        });
    }
    drop(listener);
    close.send_replace(true);
    if timeout(limits.farewell, hall.emptied()).await.is_err() {
        tracing::warn!("some clients did not take their replies in time");
        // Who has lost the handle goes.
        drop(hall.places().clear());
    }
    Ok(())
}

/// Those who are connected.
struct Hall {
    places: Mutex<Places<oneshot::Sender<Infallible>>>,
    /// Somebody has gone, or is idle now.
    changed: Notify,
}

impl Hall {
    /// A seat, as soon as there is one, and what ends when it must be left; none for an origin that has enough.
    async fn seat(self: &Arc<Self>, from: IpAddr) -> Option<(Seat, oneshot::Receiver<Infallible>)> {
        loop {
            let (handle, leave) = oneshot::channel();
            match self.places().handle_arrival(from, || handle) {
                // The handle of who leaves is dropped here, which tells it.
                Arrival::Seated { seat, leaves: _ } => {
                    return Some((Seat { id: seat, hall: Arc::clone(self) }, leave));
                }
                Arrival::OriginFull => return None,
                Arrival::Full => {}
            }
            self.changed.notified().await;
        }
    }

    /// Ready when nobody is left.
    async fn emptied(&self) {
        while !self.places().is_empty() {
            self.changed.notified().await;
        }
    }

    /// A panic elsewhere leaves places whole.
    fn places(&self) -> MutexGuard<'_, Places<oneshot::Sender<Infallible>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is free again when this is dropped.
struct Seat {
    id: SeatId,
    hall: Arc<Hall>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hall.places().on_gone(self.id);
        self.hall.changed.notify_one();
    }
}

/// One connection, from its beginning to its end.
struct Visit {
    seat: Seat,
    http: http1::Builder,
    /// Becomes true when the server ends.
    closing: watch::Receiver<bool>,
}

/// A connection on which requests can be read.
enum Greeted {
    /// Plain, where it should not be.
    Misled(TcpStream),
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Visit {
    /// Makes the connection what it has to be; none if that fails, or takes too long.
    async fn greet(&self, stream: TcpStream, tls: Option<TlsAcceptor>, limits: Limits) -> Option<Greeted> {
        // Who does not take what it asked for, or is gone without a word, is given up by the kernel. It keeps on trying where
        // this fails.
        let patience = SockRef::from(&stream).set_tcp_user_timeout(Some(limits.taking_patience));
        let delay = stream.set_nodelay(true);
        if let Err(error) = patience.and(delay) {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection cannot be set up");
        }
        let Some(tls) = tls else { return Some(Greeted::Plain(stream)) };
        let greeting = async {
            let mut first = [0];
            stream.peek(&mut first).await?;
            // The first byte of TLS is 22; that of a method is a letter.
            if first[0].is_ascii_alphabetic() {
                return Ok(Greeted::Misled(stream));
            }
            Ok::<_, io::Error>(Greeted::Tls(Box::new(tls.accept(stream).await?)))
        };
        let greeted = tokio::select! {
            greeted = timeout(limits.handshake_patience, greeting) => greeted.map_err(io::Error::from),
            () = self.closed() => return None,
        };
        match greeted.flatten() {
            Ok(greeted) => Some(greeted),
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a handshake failed");
                None
            }
        }
    }

    /// Answers requests until one side ends it. A reply is whole when it is given to the connection, which sends it at
    /// once: from then on the client is idle.
    async fn converse<I, F>(&self, io: I, answer: impl Fn(Request) -> F)
    where
        I: AsyncRead + AsyncWrite + Unpin,
        F: Future<Output = Response>,
    {
        let Seat { id, hall } = &self.seat;
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            hall.places().on_asked(*id);
            let reply = answer(request.map(Body::new));
            async move {
                let reply = reply.await;
                hall.places().on_answered(*id);
                hall.changed.notify_one();
                Ok::<_, Infallible>(reply)
            }
        });
        let mut connection = pin!(self.http.serve_connection(TokioIo::new(io), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.closed() => {
                // The reply under way says that it is the last one.
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = &error as &dyn std::error::Error, "a connection ended early");
        }
    }

    /// Ready when the server ends.
    async fn closed(&self) {
        // An error means that the sender is gone: that, too, is an end.
        let _ = self.closing.clone().wait_for(|closing| *closing).await;
    }
}

/// The next connection and where it comes from. Nothing that goes wrong with one is a reason not to wait for the one after it.
async fn accept(listener: &TcpListener) -> (TcpStream, IpAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => return (stream, from.ip().to_canonical()),
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
mod tests;
