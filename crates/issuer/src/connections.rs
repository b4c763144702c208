//! How many connections there are at once, and how long one may say nothing. Every file that the
//! service needs would otherwise compete with whoever opens the most.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum_server::accept::Accept;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;

/// How many connections there are at most.
const MOST: usize = 4096;
/// How many files the service keeps for itself: store, log, what is being written.
const OWN_FILES: u64 = 512;
/// How long a client may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);

/// Takes connections as long as there is room, and drops those beyond it.
#[derive(Clone)]
pub(crate) struct Bounded(Arc<Semaphore>);

impl Bounded {
    /// With as many places as this process may have files open, less its own.
    pub(crate) fn new() -> Self {
        let wanted = MOST as u64 + OWN_FILES;
        let allowed = rlimit::increase_nofile_limit(wanted).unwrap_or(1024);
        let places = usize::try_from(allowed.saturating_sub(OWN_FILES)).unwrap_or(MOST);
        Self(Arc::new(Semaphore::new(places.clamp(64, MOST))))
    }
}

impl<S> Accept<TcpStream, S> for Bounded {
    type Stream = Connection;
    type Service = S;
    type Future = std::future::Ready<io::Result<(Connection, S)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let connection = Arc::clone(&self.0)
            .try_acquire_owned()
            .map_err(|_| io::Error::other("too many connections"))
            .and_then(|place| {
                stream.set_nodelay(true)?;
                let began = Some(Box::pin(tokio::time::sleep(BEGINS_WITHIN)));
                Ok(Connection { stream, began, _place: place })
            });
        std::future::ready(connection.map(|connection| (connection, service)))
    }
}

/// A connection with its place among the others.
pub(crate) struct Connection {
    stream: TcpStream,
    /// Until when the first byte has to come; none once it has.
    began: Option<Pin<Box<Sleep>>>,
    _place: OwnedSemaphorePermit,
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.began = None;
        } else if let Some(began) = &mut self.began
            && began.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
