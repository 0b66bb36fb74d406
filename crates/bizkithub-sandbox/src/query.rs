use std::borrow::Cow;

use hyper::Uri;
use url::form_urlencoded;

/// The first value of a name in a query, percent-decoded.
pub(crate) fn value<'a>(uri: &'a Uri, name: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(uri.query()?.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value)
}
