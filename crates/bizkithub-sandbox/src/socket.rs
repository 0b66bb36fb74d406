use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;

/// What is known about one connection while it lasts.
pub(crate) struct Connection {
    /// Its number, from 1 on.
    pub(crate) number: u64,
    is_reset: AtomicBool,
    reset: Notify,
}

impl Connection {
    pub(crate) fn new(number: u64) -> Self {
        Self { number, is_reset: AtomicBool::new(false), reset: Notify::new() }
    }

    /// Makes the server drop the connection with a TCP reset as soon as the caller waits.
    pub(crate) fn reset(&self) {
        self.is_reset.store(true, Ordering::Release);
        self.reset.notify_one();
    }

    /// Waits until somebody asks for a reset.
    pub(crate) async fn until_reset(&self) {
        self.reset.notified().await;
    }
}

/// A socket that closes with a TCP reset when its connection asks for one.
pub(crate) struct Socket {
    stream: TcpStream,
    connection: std::sync::Arc<Connection>,
}

impl Socket {
    pub(crate) fn new(stream: TcpStream, connection: std::sync::Arc<Connection>) -> Self {
        Self { stream, connection }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.connection.is_reset.load(Ordering::Acquire) {
            // A lingering time of zero turns the coming close into a reset. Without it the close is an ordinary one, which
            // a client without an answer takes just as badly.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
