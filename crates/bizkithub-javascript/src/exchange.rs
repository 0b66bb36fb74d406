use bizkithub::protocol::{Request, Response};

/// A request as it crosses the border. **The URL, a header or the body contains the API key**, unless the host authenticates.
pub struct RequestParts {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// The whole address.
    pub url: String,
    /// Names and values, in turn.
    pub headers: Vec<String>,
    /// The JSON body; absent for a ping.
    pub body: Option<String>,
}

impl From<&Request> for RequestParts {
    fn from(request: &Request) -> Self {
        let body = str::from_utf8(request.body()).unwrap_or_default();
        Self {
            method: request.method().as_str(),
            url: request.url().to_owned(),
            headers: request.headers().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect(),
            body: (!body.is_empty()).then(|| body.to_owned()),
        }
    }
}

/// The answer to an exchange; headers are names and values, in turn.
#[must_use]
pub fn response(status: u16, headers: Vec<String>, body: Vec<u8>) -> Response {
    let mut texts = headers.into_iter();
    let pair = || Some((texts.next()?.to_ascii_lowercase(), texts.next()?));
    Response { status, headers: std::iter::from_fn(pair).collect(), body }
}
