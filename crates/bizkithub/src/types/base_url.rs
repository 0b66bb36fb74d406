use std::fmt;

use url::{Host, ParseError, Url};

use crate::error::{Error, Field};

/// Where the API lives: scheme, host, port and an optional path before `/api/v1/…`.
///
/// Plain `http://` is accepted for loopback hosts only, because the key travels in every request.
#[derive(Clone, Eq, PartialEq)]
pub struct BaseUrl(Url);

impl BaseUrl {
    /// The vendor's production address.
    pub const DEFAULT: &'static str = "https://api.bizkithub.com";

    /// Parses a base URL.
    ///
    /// # Errors
    ///
    /// `base_url_invalid` (not an absolute http or https URL, or one with a user, a query or a fragment) and
    /// `base_url_insecure` (plain `http://` to another machine).
    pub fn parse(text: &str) -> Result<Self, Error> {
        let refused = |code: &'static str, reason: String, advice: &'static str| {
            Error::invalid_input(code, reason, advice).at_field(Field::BaseUrl)
        };
        let invalid =
            |reason: String| refused("base_url_invalid", reason, "give an address such as https://api.bizkithub.com");
        let text = text.trim();
        // The parser would drop a line break in silence and percent-encode a space.
        if text.contains(|character: char| character.is_whitespace() || character.is_control()) {
            return Err(invalid("the base URL contains white space".to_owned()));
        }
        let no_scheme = || invalid("the base URL does not begin with https://".to_owned());
        let mut url = Url::parse(text).map_err(|error| match error {
            ParseError::RelativeUrlWithoutBase => no_scheme(),
            error => invalid(format!("the base URL cannot be read: {error}")),
        })?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(no_scheme());
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("the base URL carries a user, a query or a fragment".to_owned()));
        }
        let is_loopback = match url.host() {
            Some(Host::Domain(domain)) => domain == "localhost",
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => return Err(invalid("the base URL has no host".to_owned())),
        };
        if url.scheme() == "http" && !is_loopback {
            return Err(refused(
                "base_url_insecure",
                "plain http:// would send the API key over the network unencrypted".to_owned(),
                "use https://; http:// is accepted for this machine only (localhost, 127.0.0.1, [::1])",
            ));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// Whether connections are encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    pub(crate) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }

    pub(crate) fn port(&self) -> Option<u16> {
        self.0.port_or_known_default()
    }

    /// The address of a path of the API, such as `/api/v1/customer/add-groups`.
    pub(crate) fn join(&self, path: &str) -> String {
        format!("{}{path}", self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BaseUrl({self})")
    }
}
