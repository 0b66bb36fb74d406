use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

/// What happens to the bytes of one direction of a connection, in toxiproxy's words.
/// <https://github.com/Shopify/toxiproxy#toxics>
#[derive(Clone, Copy, Debug)]
pub(crate) enum Toxic {
    /// Each piece of data arrives so much later.
    Latency(Duration),
    /// So many bytes a second pass.
    Bandwidth(u64),
    /// The end of the data is told so much later.
    SlowClose(Duration),
    /// Nothing passes; after this time the connection is closed.
    Timeout(Duration),
    /// The connection is reset (TCP RST) in both directions once so many bytes have passed.
    ResetAfter(u64),
    /// Data pass in pieces of so many bytes, each so much later than the one before.
    Slicer(usize, Duration),
    /// The connection is closed in good order once so many bytes have passed.
    Limit(u64),
}

/// The direction that toxics work on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Direction {
    /// From the client to the server.
    Upstream,
    /// From the server to the client.
    Downstream,
}

#[derive(Clone, Debug, Default)]
struct Toxics {
    upstream: Vec<Toxic>,
    downstream: Vec<Toxic>,
    /// How many connections they still strike.
    strikes: u64,
}

/// A TCP proxy on loopback that does to each new connection what its toxics say.
pub(crate) struct FaultProxy {
    address: SocketAddr,
    toxics: Arc<Mutex<Toxics>>,
    connections: Arc<AtomicU64>,
    seen: Seen,
    is_stopped: Arc<AtomicBool>,
}

/// What clients have sent, as whoever sits on the line sees it.
type Seen = Arc<Mutex<Vec<u8>>>;

impl FaultProxy {
    /// Starts a proxy before a server.
    pub(crate) fn start(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let proxy = Self {
            address: listener.local_addr()?,
            toxics: Arc::default(),
            connections: Arc::default(),
            seen: Arc::default(),
            is_stopped: Arc::default(),
        };
        let (toxics, connections) = (Arc::clone(&proxy.toxics), Arc::clone(&proxy.connections));
        let (seen, is_stopped) = (Arc::clone(&proxy.seen), Arc::clone(&proxy.is_stopped));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if is_stopped.load(Ordering::Acquire) {
                    return;
                }
                connections.fetch_add(1, Ordering::AcqRel);
                let toxics = take(&mut toxics.lock().unwrap_or_else(PoisonError::into_inner));
                // A server that is gone closes the client's connection, as it would without a proxy.
                let _ = TcpStream::connect(server).and_then(|server| connect(&client, &server, &toxics, &seen));
            }
        });
        Ok(proxy)
    }

    /// The base URL of the server as seen through the proxy.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Poisons the next so many connections in one direction.
    pub(crate) fn poison(&self, direction: Direction, toxics: &[Toxic], connections: u64) {
        let mut known = self.toxics.lock().unwrap_or_else(PoisonError::into_inner);
        match direction {
            Direction::Upstream => known.upstream = toxics.to_vec(),
            Direction::Downstream => known.downstream = toxics.to_vec(),
        }
        known.strikes = connections;
    }

    /// Lets every later connection pass as it is.
    pub(crate) fn heal(&self) {
        *self.toxics.lock().unwrap_or_else(PoisonError::into_inner) = Toxics::default();
    }

    /// What clients have sent.
    pub(crate) fn seen(&self) -> Vec<u8> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Release);
        // Wakes the thread that accepts; one that has ended already needs no waking.
        let _ = TcpStream::connect(self.address);
    }
}

fn take(toxics: &mut Toxics) -> Toxics {
    if toxics.strikes == 0 {
        return Toxics::default();
    }
    toxics.strikes -= 1;
    toxics.clone()
}

fn connect(client: &TcpStream, server: &TcpStream, toxics: &Toxics, seen: &Seen) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    for (from, to, toxics, seen) in
        [(client, server, &toxics.upstream, Some(seen)), (server, client, &toxics.downstream, None)]
    {
        let (from, to, toxics, seen) = (from.try_clone()?, to.try_clone()?, toxics.clone(), seen.cloned());
        thread::spawn(move || {
            // Whatever ends one direction is seen by both ends of it.
            let _ = pump(&from, &to, &toxics, seen.as_ref());
        });
    }
    Ok(())
}

/// What may pass before a connection ends, and how it ends.
struct Allowance {
    bytes: u64,
    is_reset: bool,
}

fn pump(mut from: &TcpStream, to: &TcpStream, toxics: &[Toxic], seen: Option<&Seen>) -> std::io::Result<()> {
    let mut allowance = toxics.iter().find_map(|toxic| match *toxic {
        Toxic::ResetAfter(bytes) => Some(Allowance { bytes, is_reset: true }),
        Toxic::Limit(bytes) => Some(Allowance { bytes, is_reset: false }),
        _ => None,
    });
    if let Some(Allowance { bytes: 0, is_reset }) = allowance {
        // Not before there is something that is kept back.
        from.peek(&mut [0])?;
        return end(from, to, is_reset);
    }
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = from.read(&mut buffer).unwrap_or_default();
        if count == 0 {
            break;
        }
        let passing = allowance.as_ref().map_or(count, |left| count.min(usize::try_from(left.bytes).unwrap_or(count)));
        let data = buffer.get(..passing).unwrap_or_default();
        if let Some(seen) = seen {
            seen.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
        }
        write(to, data, toxics)?;
        if let Some(left) = &mut allowance {
            left.bytes -= passing as u64;
            if left.bytes == 0 {
                return end(from, to, left.is_reset);
            }
        }
    }
    for toxic in toxics {
        if let Toxic::SlowClose(delay) = toxic {
            thread::sleep(*delay);
        }
    }
    to.shutdown(Shutdown::Write)
}

fn write(mut to: &TcpStream, data: &[u8], toxics: &[Toxic]) -> std::io::Result<()> {
    let (mut size, mut pause) = (data.len().max(1), Duration::ZERO);
    for toxic in toxics {
        match *toxic {
            Toxic::Latency(delay) => thread::sleep(delay),
            Toxic::Timeout(delay) => {
                thread::sleep(delay);
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            Toxic::Slicer(bytes, delay) => (size, pause) = (bytes.max(1), delay),
            Toxic::Bandwidth(rate) => {
                (size, pause) = (usize::try_from(rate / 20).unwrap_or(usize::MAX).max(1), Duration::from_millis(50));
            }
            Toxic::SlowClose(_) | Toxic::ResetAfter(_) | Toxic::Limit(_) => {}
        }
    }
    for piece in data.chunks(size) {
        to.write_all(piece)?;
        thread::sleep(pause);
    }
    Ok(())
}

fn end(from: &TcpStream, to: &TcpStream, is_reset: bool) -> std::io::Result<()> {
    if is_reset {
        // What was written must arrive before the reset, which throws away what the receiver has not read.
        thread::sleep(Duration::from_millis(3));
        for stream in [from, to] {
            set_socket_linger(stream, Some(Duration::ZERO))?;
        }
        // The other direction's clones keep the sockets open; a shutdown ends its reading, and the last close resets.
        from.shutdown(Shutdown::Both)?;
        return to.shutdown(Shutdown::Read);
    }
    to.shutdown(Shutdown::Both)?;
    from.shutdown(Shutdown::Both)
}
