use serde::Serialize;

/// How much an event matters.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum EventLevel {
    /// What helps to find a cause, such as each request.
    Debug,
    /// The course of a run: its begin, its waits, its end.
    #[default]
    Info,
    /// What somebody should look at, such as rows that are not settled.
    Warning,
    /// Why a run stopped before its end.
    Error,
}

impl EventLevel {
    /// Every level with its name in the settings.
    pub const ALL: [(&'static str, Self); 4] =
        [("debug", Self::Debug), ("info", Self::Info), ("warning", Self::Warning), ("error", Self::Error)];
}
