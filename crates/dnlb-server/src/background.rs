//! Work that takes processors for a while: it is done beside what clients wait for, and after it.

use std::{
    any::Any,
    future::Future,
    io,
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    thread::available_parallelism,
};

use rayon::{ThreadPool, ThreadPoolBuilder};
use tokio::sync::oneshot;

/// How much less the kernel's scheduler favours these threads than those that answer clients (`nice(2)`): about a tenth of a processor that
/// all want remains for them, so that they are late and do not starve.
const NICENESS: i32 = 10;

/// Threads of a lower priority. There is one processor more than threads, if there is more than one: who wakes up to answer a client finds it free, and
/// need not wait until the scheduler takes another one from a thread of these.
#[derive(Clone, Debug)]
pub(crate) struct Background(Arc<ThreadPool>);

impl Background {
    /// # Errors
    /// When no threads can be started.
    pub(crate) fn new() -> io::Result<Self> {
        let lower = |_| {
            if let Err(error) = rustix::process::nice(NICENESS) {
                tracing::warn!(%error, "planning cannot be given a lower priority than answers to clients");
            }
        };
        let processors = available_parallelism().map_or(1, NonZero::get);
        let pool = ThreadPoolBuilder::new().num_threads((processors - 1).max(1));
        let pool = pool.thread_name(|number| format!("background-{number}"));
        Ok(Self(Arc::new(pool.start_handler(lower).build().map_err(io::Error::other)?)))
    }

    /// Begins some work. It goes on when nobody waits for it any more.
    pub(crate) fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Job<T> {
        let (done, job) = oneshot::channel();
        // Whoever does not wait any more does not miss it.
        self.0.spawn(move || drop(done.send(catch_unwind(AssertUnwindSafe(work)))));
        Job(job)
    }
}

/// Work that was begun: ready with its result when it is done. A panic goes on where it is waited for.
pub(crate) struct Job<T>(oneshot::Receiver<Result<T, Box<dyn Any + Send>>>);

/// The threads have ended before the work was done.
#[derive(Debug, thiserror::Error)]
#[error("the server ends")]
pub(crate) struct Ended;

impl<T> Future for Job<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let done = ready!(Pin::new(&mut self.0).poll(context)).map_err(|_| Ended)?;
        Poll::Ready(Ok(done.unwrap_or_else(|panic| resume_unwind(panic))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_has_a_lower_priority_than_who_waits_for_it() {
        let background = Background::new().unwrap();
        let own = rustix::process::getpriority_process(None).unwrap();
        let its = background.run(|| rustix::process::getpriority_process(None).unwrap()).await.unwrap();
        assert_eq!(its, (own + NICENESS).min(19));
        assert_eq!(rustix::process::getpriority_process(None).unwrap(), own);
    }

    #[tokio::test]
    async fn a_panic_reaches_who_waits() {
        let background = Background::new().unwrap();
        let job = background.run(|| panic!("as expected"));
        let waiting = tokio::spawn(job).await.unwrap_err();
        assert!(waiting.is_panic());
        assert_eq!(background.run(|| 7).await.unwrap(), 7, "the threads live on");
    }
}
