use serde::{Serialize, Serializer};

use super::{Error, ErrorKind, Field};

/// The shape that every face shows: `kind`, `message` and those of `code`, `status`, `requestId`, `field`, `row`, `line`, `advice`,
/// `docUrl`, `retryAfter` (seconds) and `retryAt` (RFC 3339) that are known, then `isRetryable` and `attempts`.
impl Serialize for Error {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape<'a> {
            kind: ErrorKind,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            code: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            status: Option<u16>,
            #[serde(skip_serializing_if = "Option::is_none")]
            request_id: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            field: Option<Field>,
            #[serde(skip_serializing_if = "Option::is_none")]
            row: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            line: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            advice: Option<&'a str>,
            #[serde(skip_serializing_if = "Option::is_none")]
            doc_url: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_after: Option<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            retry_at: Option<String>,
            is_retryable: bool,
            attempts: u32,
        }
        Shape {
            kind: self.kind(),
            message: self.message(),
            code: self.code(),
            status: self.status(),
            request_id: self.request_id(),
            field: self.field(),
            row: self.row(),
            line: self.line(),
            advice: self.advice(),
            doc_url: self.doc_url(),
            retry_after: self.retry_after().map(|wait| wait.as_secs_f64()),
            retry_at: self.retry_at().map(|moment| moment.to_string()),
            is_retryable: self.is_retryable(),
            attempts: self.attempts(),
        }
        .serialize(serializer)
    }
}
