use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use bizkithub::job::{LazyLedger, LedgerLocation, LedgerOwner};
use bizkithub::protocol::KeyPlacement;
use bizkithub::{ClientBuilder, Error, Field, QuotaRate, Receipt, parse_groups};
use pyo3::prelude::*;

use crate::argument::{CustomerTexts, Text, choice, count, seconds, texts};
use crate::call_events::CallEvents;
use crate::completions::{Completions, Courier};
use crate::error::{call, refused};
use crate::per_process::PerProcess;
use crate::receipt::{ReceiptValues, values};
use crate::runtime::Task;
use crate::wait::{tidy_up, wait};

/// The settings of a client, and the core's client of this process: a forked child makes its own connections.
#[pyclass(frozen, module = "bizkithub._native")]
pub(crate) struct Client {
    settings: ClientBuilder,
    inner: PerProcess<bizkithub::Client>,
    base_url: String,
    ledger: Option<LedgerLocation>,
    accept_key: bool,
    opened: PerProcess<LazyLedger>,
    is_closed: AtomicBool,
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*, api_key, base_url, key_placement, connect_timeout, timeout, deadline, tries, quota, ledger, accept_key, proxy, ca_file, otlp_endpoint))]
    #[expect(clippy::too_many_arguments, reason = "each is a setting with a name")]
    fn new(
        py: Python<'_>,
        api_key: Option<Text>,
        base_url: Option<Text>,
        key_placement: &str,
        connect_timeout: f64,
        timeout: f64,
        deadline: Option<f64>,
        tries: i64,
        quota: Option<Text>,
        ledger: Option<PathBuf>,
        accept_key: bool,
        proxy: Option<Text>,
        ca_file: Option<PathBuf>,
        otlp_endpoint: Option<Text>,
    ) -> PyResult<Self> {
        let mut settings = bizkithub::Client::builder()
            .key_placement(choice(py, "key_placement", key_placement, &KeyPlacement::ALL)?)
            .connect_timeout(seconds(py, "connect_timeout", connect_timeout)?)
            .timeout(seconds(py, "timeout", timeout)?)
            .deadline(deadline.map(|deadline| seconds(py, "deadline", deadline)).transpose()?)
            .tries(u32::try_from(count(py, "tries", tries)?.get()).unwrap_or(u32::MAX));
        if let Some(Text(api_key)) = api_key {
            settings = settings.api_key(api_key);
        }
        if let Some(Text(base_url)) = base_url {
            settings = settings.base_url(base_url);
        }
        if let Some(Text(proxy)) = proxy {
            settings = settings.proxy(proxy);
        }
        if let Some(ca_file) = ca_file {
            settings = settings.ca_file(ca_file);
        }
        if let Some(Text(otlp_endpoint)) = otlp_endpoint {
            settings = settings.otlp_endpoint(otlp_endpoint);
        }
        if let Some(Text(quota)) = quota {
            settings = settings.quota(call(py, || quota.parse::<QuotaRate>())?);
        }
        let location = |path: PathBuf| match path.to_str() {
            Some(text) => LedgerLocation::parse(text),
            None => Ok(LedgerLocation::file(path)),
        };
        let ledger = ledger.map(|path| call(py, || location(path))).transpose()?;
        let settings = settings.with_environment();
        let mut client = Self {
            settings,
            inner: PerProcess::new(),
            base_url: String::new(),
            ledger,
            accept_key,
            opened: PerProcess::new(),
            is_closed: AtomicBool::new(false),
        };
        client.base_url = client.inner(py)?.base_url().to_string();
        Ok(client)
    }

    /// The address of the API.
    #[getter]
    fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Whether closing exports what is left to export, and may take some seconds.
    #[getter]
    fn is_exporting(&self, py: Python<'_>) -> bool {
        self.inner.with_known(py, bizkithub::Client::has_listeners).unwrap_or_default()
    }

    #[pyo3(signature = (email, cu_ref_no, groups, tell))]
    fn add_groups(
        &self,
        py: Python<'_>,
        email: Option<&Bound<'_, PyAny>>,
        cu_ref_no: Option<&Bound<'_, PyAny>>,
        groups: &Bound<'_, PyAny>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<ReceiptValues> {
        let (client, events) = CallEvents::listen(self.inner(py)?, tell);
        finish(py, wait(py, adding(py, client, email, cu_ref_no, groups)?), events)
    }

    #[expect(clippy::too_many_arguments, reason = "those of `add_groups`, and where the answer goes")]
    #[pyo3(signature = (completions, number, email, cu_ref_no, groups, tell))]
    fn start_add_groups(
        &self,
        py: Python<'_>,
        completions: &Completions,
        number: u64,
        email: Option<&Bound<'_, PyAny>>,
        cu_ref_no: Option<&Bound<'_, PyAny>>,
        groups: &Bound<'_, PyAny>,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (client, events) = CallEvents::listen(self.inner(py)?, tell);
        let work = adding(py, client, email, cu_ref_no, groups)?;
        Courier::new(completions, number).start_told(py, work, values, events)
    }

    #[pyo3(signature = (tell))]
    fn ping(&self, py: Python<'_>, tell: Option<Py<PyAny>>) -> PyResult<ReceiptValues> {
        let (client, events) = CallEvents::listen(self.inner(py)?, tell);
        finish(py, wait(py, async move { client.ping().await }), events)
    }

    #[pyo3(signature = (completions, number, tell))]
    fn start_ping(
        &self,
        py: Python<'_>,
        completions: &Completions,
        number: u64,
        tell: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (client, events) = CallEvents::listen(self.inner(py)?, tell);
        let work = async move { client.ping().await };
        Courier::new(completions, number).start_told(py, work, values, events)
    }

    /// Closes the connections that are not in use, and exports what is left to export. Calls in flight end as they would.
    #[pyo3(signature = (tell))]
    fn close(&self, py: Python<'_>, tell: Option<Py<PyAny>>) -> PyResult<()> {
        self.is_closed.store(true, Ordering::Relaxed);
        let (client, opened) = (self.inner.take(py), self.opened.take(py));
        let (client, events) = client.map_or((None, None), |client| {
            let (client, events) = CallEvents::listen(client, tell);
            (Some(client), events)
        });
        // Closing waits for what the ledger and a collector are given, and that needs no interpreter.
        py.detach(|| {
            if let Some(client) = client {
                client.flush();
            }
            drop(opened);
        });
        tidy_up(py);
        events.map_or(Ok(()), |events| events.tell(py))
    }
}

impl Client {
    /// The client's ledger in this process.
    pub(crate) fn ledger(&self, py: Python<'_>) -> PyResult<Option<LazyLedger>> {
        let Some(location) = self.ledger.clone() else { return Ok(None) };
        let owner = LedgerOwner::of(&self.inner(py)?).accepting_key(self.accept_key);
        self.opened.with(py, || Ok(LazyLedger::new(location, owner)), LazyLedger::clone).map(Some)
    }

    pub(crate) fn inner(&self, py: Python<'_>) -> PyResult<bizkithub::Client> {
        if self.is_closed.load(Ordering::Relaxed) {
            return Err(refused(py, "client_closed", "the client is closed".to_owned(), "make a new client"));
        }
        self.inner.with(py, || call(py, || self.settings.clone().build()), bizkithub::Client::clone)
    }
}

fn adding(
    py: Python<'_>,
    client: bizkithub::Client,
    email: Option<&Bound<'_, PyAny>>,
    cu_ref_no: Option<&Bound<'_, PyAny>>,
    groups: &Bound<'_, PyAny>,
) -> PyResult<impl Future<Output = Result<Receipt, Error>> + Send + use<>> {
    let customer = call(py, || CustomerTexts::extract(email, cu_ref_no)?.parse())?;
    let groups = texts(groups, Some(Field::Groups))?;
    let groups = call(py, || parse_groups(&groups))?;
    Ok(async move { client.add_groups(&customer, &groups).await })
}

/// Tells of a call that has ended, and hands over its result.
fn finish(py: Python<'_>, result: PyResult<Receipt>, events: Option<CallEvents>) -> PyResult<ReceiptValues> {
    let told = events.map_or(Ok(()), |events| events.tell(py));
    let receipt = result?;
    told.map(|()| values(receipt))
}
