use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What a file says for all its cases.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File<C> {
    #[serde(rename = "$schema")]
    _schema: String,
    #[serde(rename = "about")]
    _about: String,
    #[serde(default)]
    api_key: String,
    #[serde(default)]
    base_url: String,
    #[serde(default)]
    now: String,
    cases: Vec<C>,
}

/// The values that the cases of a file share; empty where a file has none.
pub(crate) struct Shared {
    pub(crate) api_key: String,
    pub(crate) base_url: String,
    pub(crate) now: String,
}

pub(crate) trait Case: DeserializeOwned {
    fn name(&self) -> &str;
    /// Says what is wrong, if anything is.
    fn check(&self, shared: &Shared) -> Result<(), String>;
}

pub(crate) struct Outcome {
    pub(crate) name: String,
    pub(crate) failure: Option<String>,
}

pub(crate) fn run<C: Case>(content: &str) -> Result<Vec<Outcome>, String> {
    let file: File<C> = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let shared = Shared { api_key: file.api_key, base_url: file.base_url, now: file.now };
    let outcome = |case: &C| Outcome { name: case.name().to_owned(), failure: case.check(&shared).err() };
    Ok(file.cases.iter().map(outcome).collect())
}

/// Compares two values, and shows both when they differ.
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    let shown = |value: &T| {
        let text = format!("{value:?}");
        if text.chars().count() > 500 { format!("{}…", text.chars().take(500).collect::<String>()) } else { text }
    };
    Err(format!("{what}: expected {}, found {}", shown(expected), shown(found)))
}
