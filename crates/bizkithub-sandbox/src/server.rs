use std::sync::Arc;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::service;
use crate::shared::Shared;
use crate::socket::{Connection, Socket};

/// After a failed accept (out of file descriptors, mostly) only time helps.
const PAUSE_AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(20);

/// Serves connections until it is told to stop. Whoever drops the runtime afterwards closes them all.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stop: oneshot::Receiver<()>) {
    let mut number = 0;
    loop {
        tokio::select! {
            // A dropped sender means the same as a sent one.
            _ = &mut stop => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    tokio::spawn(serve_connection(stream, number, Arc::clone(&shared)));
                }
                Err(_) => tokio::time::sleep(PAUSE_AFTER_FAILED_ACCEPT).await,
            }
        }
    }
}

async fn serve_connection(stream: TcpStream, number: u64, shared: Arc<Shared>) {
    // Only speed depends on it.
    let _ = stream.set_nodelay(true);
    let connection = Arc::new(Connection::new(number));
    let socket = TokioIo::new(Socket::new(stream, Arc::clone(&connection)));
    let service = {
        let connection = Arc::clone(&connection);
        service_fn(move |request| service::answer(Arc::clone(&shared), Arc::clone(&connection), request))
    };
    let builder = auto::Builder::new(TokioExecutor::new());
    tokio::select! {
        biased;
        () = connection.until_reset() => {}
        // A broken connection is the client's affair; what it had asked for is in the request log.
        _ = builder.serve_connection(socket, service) => {}
    }
}
