use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use bizkithub::{Customer, Error, KeyKind};
use tokio::sync::oneshot;

use crate::clock::SandboxClock;
use crate::customer::CustomerRecord;
use crate::fault::Fault;
use crate::group::GroupRecord;
use crate::key::{KeyState, RegisteredKey};
use crate::options::SandboxOptions;
use crate::request_log::RequestRecord;
use crate::server;
use crate::shared::Shared;

/// A running sandbox: a real HTTP/1.1 and HTTP/2 server (without TLS) on a thread of its own. Dropping it stops it.
///
/// Every method takes `&self` and may be called from any thread, also after the sandbox has stopped.
pub struct Sandbox {
    shared: Arc<Shared>,
    address: SocketAddr,
    api_key: String,
    server: Mutex<Option<Server>>,
}

struct Server {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    process: u32,
}

impl Sandbox {
    /// Starts a sandbox. When this returns, the sandbox accepts connections.
    ///
    /// # Errors
    ///
    /// `sandbox_address_unavailable` when it cannot listen on the address, and the error of whatever option is not valid: a
    /// customer, a group, a key, a fault, the quota (`quota_window_empty`) or a status (`sandbox_option_invalid`).
    pub fn start(options: SandboxOptions) -> Result<Self, Error> {
        let wanted = SocketAddr::new(options.host, options.port);
        let shared = Arc::new(Shared::new(options)?);
        let api_key = shared.read(|state| state.api_key().to_owned());
        let (listener, address) = listen(wanted)?;
        let failed = |error| Error::internal("the sandbox cannot start its thread").caused_by(error);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let serving = Arc::clone(&shared);
        let serve = move || {
            runtime.block_on(async move {
                // A listener that was just bound registers with a runtime that was just built, or nothing works at all.
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    server::serve(listener, serving, stopped).await;
                }
            });
        };
        let thread = Builder::new().name("bizkithub-sandbox".to_owned()).spawn(serve).map_err(failed)?;
        let server = Server { stop, thread, process: std::process::id() };
        Ok(Self { shared, address, api_key, server: Mutex::new(Some(server)) })
    }

    /// The base URL to give to a client on this machine, such as `http://127.0.0.1:40123`. Of a sandbox that listens on every
    /// address of the machine (`0.0.0.0` or `::`) it names the loopback one, because nobody can connect to "every".
    #[must_use]
    pub fn url(&self) -> String {
        url_of(self.address)
    }

    /// The address and port it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A registered `DEV_` key, made from the seed: the same seed gives the same key.
    #[must_use]
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Makes another registered key of a kind from the seed.
    #[must_use]
    pub fn generate_key(&self, kind: KeyKind) -> String {
        self.shared.change(|state| state.keys.generate(kind))
    }

    /// Registers a key, or gives a registered one another state and expiry, from the next request on.
    ///
    /// # Errors
    ///
    /// The error of [`ApiKey::parse`](bizkithub::ApiKey::parse).
    pub fn register_key(&self, key: &RegisteredKey) -> Result<(), Error> {
        let now = self.shared.clock.since_epoch();
        self.shared.change(|state| state.keys.register(key, now))
    }

    /// Gives a key another state, from the next request on; one that was not registered becomes so.
    ///
    /// # Errors
    ///
    /// The error of [`ApiKey::parse`](bizkithub::ApiKey::parse).
    pub fn set_key_state(&self, key: &str, state: KeyState) -> Result<(), Error> {
        self.register_key(&RegisteredKey::new(key).in_state(state))
    }

    /// The sandbox's clock, to freeze and to advance.
    #[must_use]
    pub fn clock(&self) -> &SandboxClock {
        &self.shared.clock
    }

    /// Lets time pass on the sandbox's clock at once: quotas come back, keys expire, latencies end.
    pub fn advance(&self, duration: Duration) {
        self.shared.clock.advance(duration);
    }

    /// Puts a fault in force from the next request on, after those that are in force already.
    ///
    /// # Errors
    ///
    /// `fault_invalid`, or the error of the e-mail or `cuRefNo` that the fault selects.
    pub fn add_fault(&self, fault: Fault) -> Result<(), Error> {
        self.shared.change(|state| state.faults.add(fault))
    }

    /// Ends all faults. Requests that one holds back already stay held back.
    pub fn clear_faults(&self) {
        self.shared.change(|state| state.faults.clear());
    }

    /// The faults in force.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        self.shared.read(|state| state.faults.faults())
    }

    /// The slugs of a customer's groups; none for a customer that does not exist.
    #[must_use]
    pub fn groups_of(&self, customer: &Customer) -> BTreeSet<String> {
        self.shared.read(|state| state.organisation.groups_of(customer))
    }

    /// Takes a group from a customer, as an operator does in the admin panel. Tells whether the customer had it.
    pub fn take_group(&self, customer: &Customer, slug: &str) -> bool {
        self.shared.change(|state| state.organisation.take_group(customer, slug))
    }

    /// Deletes a group from the organisation and all its customers. Tells whether it existed.
    pub fn delete_group(&self, slug: &str) -> bool {
        self.shared.change(|state| state.organisation.delete_group(slug))
    }

    /// Every customer, in the order in which they came to exist.
    #[must_use]
    pub fn customers(&self) -> Vec<CustomerRecord> {
        self.shared.read(|state| state.organisation.customers())
    }

    /// Every group, in the order of its first creation.
    #[must_use]
    pub fn groups(&self) -> Vec<GroupRecord> {
        self.shared.read(|state| state.organisation.groups())
    }

    /// The logged requests of the API, oldest first; those of the inspection are not logged.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.shared.read(|state| state.log.records().cloned().collect())
    }

    /// How many requests of the API arrived, logged or not.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.shared.read(|state| state.log.count())
    }

    /// Waits until the log holds a request that is wanted, and returns it; `None` when the time is up first.
    ///
    /// This is how a test knows, without a guess, that its request is in the sandbox's hands or that its client closed it.
    /// The time is real, not the sandbox's.
    #[must_use]
    pub fn wait_for_request(
        &self,
        timeout: Duration,
        is_wanted: impl Fn(&RequestRecord) -> bool,
    ) -> Option<RequestRecord> {
        self.shared.wait_for_request(timeout, is_wanted)
    }

    /// Puts everything back as it was at the start: customers, groups, keys, quota, faults, log and clock. Generated keys are
    /// forgotten, except for [`api_key`](Self::api_key). Requests that a fault holds back change nothing any more.
    ///
    /// # Errors
    ///
    /// None in practice: the options were valid at the start.
    pub fn reset(&self) -> Result<(), Error> {
        self.shared.reset()
    }

    /// Stops the server: closes its port and every connection, in the middle of a request too, and waits for its thread.
    ///
    /// What the sandbox remembers can still be asked for. Stopping twice does nothing. In a forked child, which has no such thread,
    /// it does nothing either.
    pub fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(server) = server.filter(|server| server.process == std::process::id()) else { return };
        self.shared.is_stopping.store(true, Ordering::Release);
        // Either the thread still waits for the signal, or it has ended already.
        let _ = server.stop.send(());
        let _ = server.thread.join();
    }

    /// Whether [`stop`](Self::stop) has not been called yet.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.server.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }
}

fn url_of(address: SocketAddr) -> String {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    format!("http://{}", SocketAddr::new(ip, address.port()))
}

fn listen(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    let bind = || {
        let listener = TcpListener::bind(wanted)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    };
    bind().map_err(|error: std::io::Error| {
        Error::invalid_input(
            "sandbox_address_unavailable",
            format!("the sandbox cannot listen on {wanted}: {error}"),
            "choose another port, or 0 for any free one",
        )
        .caused_by(error)
    })
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.is_running() { "running" } else { "stopped" };
        write!(formatter, "Sandbox({}, {state}, {} requests)", self.url(), self.request_count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_an_address_that_can_be_connected_to() {
        for (address, url) in [
            ("127.0.0.1:4000", "http://127.0.0.1:4000"),
            ("0.0.0.0:4000", "http://127.0.0.1:4000"),
            ("[::1]:4000", "http://[::1]:4000"),
            ("[::]:4000", "http://[::1]:4000"),
            ("192.0.2.1:4000", "http://192.0.2.1:4000"),
        ] {
            assert_eq!(url_of(address.parse().unwrap()), url);
        }
    }
}
