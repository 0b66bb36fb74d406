use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use bizkithub::job::{
    Columns, FileFormat, FileSource, Ledger, LedgerLocation, LedgerOwner, PlanBuilder, PlanOptions, StoreLedger,
};
use bizkithub::protocol::{Endpoint, KeyPlacement, Operation, Response};
use bizkithub::{ApiKey, BaseUrl, Client, CuRefNo, Email, Error, Group, Timestamp, is_slug, slug, without_keys};
use serde::Deserialize;
use tempfile::TempDir;

/// A parser, and what must hold for whatever it is given.
pub struct Target {
    /// Its name, which is also that of its folder of seeds.
    pub name: &'static str,
    /// Gives it bytes. Panics when something does not hold, as a fuzzer wants it.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: [Target; 11] = [
    Target { name: "response", run: response },
    Target { name: "quota_headers", run: quota_headers },
    Target { name: "redaction", run: redaction },
    Target { name: "slug", run: slugs },
    Target { name: "email", run: email },
    Target { name: "settings", run: settings },
    Target { name: "csv", run: csv },
    Target { name: "ndjson", run: ndjson },
    Target { name: "arrow", run: arrow },
    Target { name: "parquet", run: parquet },
    Target { name: "ledger", run: ledger },
];

const KEY: &str = "DEV_0123456789abcdefghijABCDEFGH";

#[expect(clippy::expect_used, reason = "without an endpoint nothing would be tried, and nobody would notice")]
static ENDPOINT: LazyLock<Endpoint> = LazyLock::new(|| {
    let (url, key) = (BaseUrl::parse(BaseUrl::DEFAULT).expect("an address"), ApiKey::parse(KEY).expect("a key"));
    Endpoint::new(url, key, KeyPlacement::Query)
});

/// Longer waits are taken for a mistake.
const LONGEST_WAIT: Duration = Duration::from_secs(7 * 86_400);

fn interpret(status: u16, headers: Vec<(String, String)>, body: &[u8]) {
    let response = Response { status, headers, body: body.to_vec() };
    for operation in [Operation::AddGroups, Operation::Ping] {
        let answer = ENDPOINT.interpret(operation, &response, Timestamp::UNIX_EPOCH);
        match answer.result {
            Ok(()) => assert!(is_yes(operation, status, body), "a yes with the status {status}"),
            Err(error) => assert_sound(&error),
        }
        assert!(answer.quota.retry_after.is_none_or(|wait| wait <= LONGEST_WAIT));
    }
}

/// What alone counts, read in another way than the client's.
fn is_yes(operation: Operation, status: u16, body: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Answer {
        success: bool,
    }
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let says_yes = || serde_json::from_slice(body).is_ok_and(|Answer { success }| success);
    (200..300).contains(&status) && (operation == Operation::Ping || says_yes())
}

/// An error that people see is one line, without the key.
fn assert_sound(error: &Error) {
    let (shown, debugged) = (error.to_string(), format!("{error:?}"));
    assert!(!shown.contains(KEY) && !debugged.contains(KEY), "an error tells the key: {shown}");
    assert!(!shown.contains(['\n', '\r', '\u{1b}']), "an error commands the terminal: {shown:?}");
    assert!(error.retry_after().is_none_or(|wait| wait <= LONGEST_WAIT));
}

/// A status in the first two bytes, then a body.
fn response(data: &[u8]) {
    let Some((status, body)) = data.split_first_chunk::<2>() else { return };
    interpret(100 + u16::from_be_bytes(*status) % 500, Vec::new(), body);
}

/// A line for each header.
fn quota_headers(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let headers = text.lines().filter_map(|line| line.split_once(':'));
    let headers: Vec<_> = headers.map(|(name, value)| (name.trim().to_lowercase(), value.trim().to_owned())).collect();
    for status in [200, 429, 503] {
        interpret(status, headers.clone(), br#"{"success":true}"#);
    }
}

fn redaction(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let middle = text.len() / 2;
    let (Some(start), Some(end)) = (text.get(..middle), text.get(middle..)) else { return };
    let told = format!("{start}{KEY}{end}");
    assert!(!without_keys(&told).contains(KEY), "{told:?}");
    let body = serde_json::json!({ "error": { "code": "NEW", "message": told } }).to_string();
    interpret(400, Vec::new(), body.as_bytes());
}

fn slugs(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let made = slug(text);
    assert_eq!(slug(&made), made, "the slug of a slug is another");
    match Group::parse(text) {
        Ok(group) => {
            assert!(is_slug(group.slug()), "{:?} of {text:?} is no slug", group.slug());
            let again = Group::parse(group.slug()).map(|group| group.slug().to_owned());
            assert_eq!(again.ok().as_deref(), Some(group.slug()));
        }
        Err(error) => assert_sound(&error),
    }
}

fn email(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Email::parse(text) {
        Ok(email) => {
            let again = Email::parse(email.as_str()).map(|email| email.as_str().to_owned());
            assert_eq!(again.ok().as_deref(), Some(email.as_str()), "{text:?} is not the same twice");
        }
        Err(error) => assert_sound(&error),
    }
}

fn settings(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let errors = [BaseUrl::parse(text).err(), CuRefNo::parse(text).err(), ApiKey::parse(text).err()];
    errors.iter().flatten().for_each(assert_sound);
}

fn csv(data: &[u8]) {
    file(data, FileFormat::Csv, "rows.csv");
}

fn ndjson(data: &[u8]) {
    file(data, FileFormat::Ndjson, "rows.ndjson");
}

fn parquet(data: &[u8]) {
    file(data, FileFormat::Parquet, "rows.parquet");
}

/// An IPC stream or file.
fn arrow(data: &[u8]) {
    rows(|builder| builder.push_ipc(data.to_vec(), &columns()));
}

fn columns() -> Columns {
    Columns { email: Some("email".into()), cu_ref_no: Some("cuRefNo".into()), groups: Some("groups".into()) }
}

fn file(data: &[u8], format: FileFormat, name: &str) {
    let folder = scratch();
    let path = file_in(&folder, name, data);
    rows(|builder| FileSource::new(path, columns()).in_format(format).read_into(builder));
}

/// Reads rows: what is told of them agrees.
fn rows(read: impl FnOnce(&mut PlanBuilder) -> Result<(), Error>) {
    let Ok(mut builder) = PlanBuilder::new(&PlanOptions::default()) else { return };
    if let Err(error) = read(&mut builder) {
        assert_sound(&error);
        return;
    }
    let plan = builder.finish();
    let refused = plan.refusals().inspect(assert_sound).count() as u64;
    let bill = plan.bill();
    assert_eq!(bill.rejected, refused);
    assert!(bill.rejected <= bill.rows && bill.requests <= bill.customers);
}

/// Opens bytes as a ledger and asks it for everything.
fn ledger(data: &[u8]) {
    let folder = scratch();
    let path = file_in(&folder, "groups.ledger", data);
    let asked = with_ledger(&path, async |ledger| {
        ledger.known_groups().await?;
        ledger.page(None, 100).await?;
        ledger.summary().await.map(drop)
    });
    if let Err(error) = asked {
        assert_sound(&error);
        assert!(error.code().is_some_and(|code| code.starts_with("ledger_")), "{error}");
    }
}

/// Opens a ledger and does something with it.
pub(crate) fn with_ledger(path: &Path, work: impl AsyncFnOnce(&StoreLedger) -> Result<(), Error>) -> Result<(), Error> {
    let client = Client::builder().api_key(KEY).base_url(BaseUrl::DEFAULT).build()?;
    let ledger = LedgerLocation::file(path).open(&LedgerOwner::of(&client))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.map_err(|error| Error::internal("no runtime").caused_by(error))?.block_on(work(&ledger))
}

/// A folder in memory, where there is such a place, that goes with what is in it.
#[expect(clippy::expect_used, reason = "without a folder nothing would be tried, and nobody would notice")]
pub(crate) fn scratch() -> TempDir {
    let memory = Path::new("/dev/shm");
    let parent = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("bizkithub-fuzz-").tempdir_in(parent).expect("a folder")
}

#[expect(clippy::expect_used, reason = "without a file nothing would be tried, and nobody would notice")]
fn file_in(folder: &TempDir, name: &str, data: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, data).expect("a file");
    path
}
