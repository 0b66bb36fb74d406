use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// What a scripted server does with a request.
pub(crate) enum Reply {
    /// Sends these bytes and goes on with the connection.
    Bytes(Vec<u8>),
    /// Sends the first, then the second over and over until the client has enough.
    Endless(Vec<u8>, Vec<u8>),
}

/// A server that answers with whatever bytes its script says: what no HTTP server would send.
pub(crate) struct ScriptedServer {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
}

impl ScriptedServer {
    /// Starts a server; its script is told the request's number, from 1 on.
    pub(crate) fn start(script: impl Fn(u64) -> Reply + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let server = Self { address: listener.local_addr()?, requests: Arc::default() };
        let (script, requests) = (Arc::new(script), Arc::clone(&server.requests));
        // It ends with the process: a trial's servers are few.
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                thread::spawn(move || {
                    // A client that has had enough goes away.
                    let _ = serve(&stream, &*script, &requests);
                });
            }
        });
        Ok(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Acquire)
    }
}

fn serve(mut stream: &TcpStream, script: &dyn Fn(u64) -> Reply, requests: &AtomicU64) -> std::io::Result<()> {
    while read_request(stream)? {
        match script(requests.fetch_add(1, Ordering::AcqRel) + 1) {
            Reply::Bytes(bytes) => stream.write_all(&bytes)?,
            Reply::Endless(first, more) => {
                stream.write_all(&first)?;
                loop {
                    stream.write_all(&more)?;
                }
            }
        }
    }
    Ok(())
}

/// Reads a request whose body is a JSON object. Tells whether there was one.
fn read_request(mut stream: &TcpStream) -> std::io::Result<bool> {
    let (mut request, mut buffer) = (Vec::new(), [0; 4096]);
    while !(request.ends_with(b"}") && request.windows(4).any(|window| window == b"\r\n\r\n")) {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(false);
        }
        request.extend_from_slice(buffer.get(..count).unwrap_or_default());
    }
    Ok(true)
}

/// A response with these header lines and this body.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The API's yes, with these header lines.
pub(crate) fn yes(headers: &str) -> Vec<u8> {
    response("200 OK", &format!("content-type: application/json\r\n{headers}"), r#"{"success":true}"#)
}
