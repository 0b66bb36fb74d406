use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use crate::types::{ApiKey, BaseUrl, CuRefNo, Customer, Email, Group};

/// Where a request carries the API key.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum KeyPlacement {
    /// `?apiKey=…`, the only place that is documented as required for this endpoint.
    #[default]
    Query,
    /// `"apiKey"` in the JSON body, as the general articles allow. A ping has no body and keeps the key in the query.
    Body,
    /// `Authorization: Bearer …`, as the documented example also sends.
    Bearer,
    /// Nowhere: a transport of the host's authenticates the requests by itself, and never sees the key here.
    Host,
}

impl KeyPlacement {
    /// Every placement on the wire with its name in the settings.
    pub const ALL: [(&'static str, Self); 3] = [("query", Self::Query), ("body", Self::Body), ("bearer", Self::Bearer)];
}

/// The operations of the API that this client speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// `POST /api/v1/customer/add-groups`: puts groups on one customer. Idempotent.
    AddGroups,
    /// `GET /ping/v1`: resolves the key and changes nothing.
    Ping,
}

impl Operation {
    /// The path below the base URL, the same for every customer.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AddGroups => "/api/v1/customer/add-groups",
            Self::Ping => "/ping/v1",
        }
    }

    /// The method.
    #[must_use]
    pub fn method(self) -> Method {
        match self {
            Self::AddGroups => Method::Post,
            Self::Ping => Method::Get,
        }
    }
}

/// The methods in use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Method {
    /// Reads.
    Get,
    /// Writes.
    Post,
}

impl Method {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// One HTTP request, ready for a [`Transport`](crate::Transport). `Debug` hides the key, the query and the body.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: Zeroizing<String>,
    headers: Vec<(&'static str, Zeroizing<String>)>,
    body: Zeroizing<Vec<u8>>,
}

impl Request {
    /// The method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.method
    }

    /// The whole address. **It contains the API key** when the key travels in the query: give it to HTTP, never to a log.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The headers, names in lower case. One of them contains the API key when the key travels as a bearer.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.headers.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The JSON body; empty for a ping. It contains the API key when the key travels in the body.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.url.split('?').next().unwrap_or_default();
        write!(formatter, "Request({} {address}, {} bytes)", self.method.as_str(), self.body.len())
    }
}

/// What all requests of a client share: the address, the key and where the key goes.
#[derive(Clone, Debug)]
pub struct Endpoint {
    base_url: BaseUrl,
    key: ApiKey,
    placement: KeyPlacement,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AddGroupsBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    api_key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cu_ref_no: Option<&'a str>,
    groups: Vec<&'a str>,
}

impl Endpoint {
    /// Joins an address, a key and the place where the key goes.
    #[must_use]
    pub fn new(base_url: BaseUrl, key: ApiKey, placement: KeyPlacement) -> Self {
        Self { base_url, key, placement }
    }

    /// The address without the key.
    #[must_use]
    pub fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &ApiKey {
        &self.key
    }

    /// Builds the request that puts groups on a customer.
    ///
    /// A text that already is a slug goes as it is, and so does any other: the server's `toSlug` has the last word.
    #[must_use]
    pub fn add_groups(&self, customer: &Customer, groups: &[Group]) -> Request {
        let body = AddGroupsBody {
            api_key: (self.placement == KeyPlacement::Body).then(|| self.key.expose()),
            email: customer.email().map(Email::as_str),
            cu_ref_no: customer.cu_ref_no().map(CuRefNo::as_str),
            groups: groups.iter().map(Group::text).collect(),
        };
        // A struct of texts always serialises; the fallback only spares callers an error that cannot happen.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        self.request(Operation::AddGroups, self.placement, body)
    }

    /// Builds the documented health check, which resolves the key and changes nothing.
    #[must_use]
    pub fn ping(&self) -> Request {
        let placement = if self.placement == KeyPlacement::Body { KeyPlacement::Query } else { self.placement };
        self.request(Operation::Ping, placement, Vec::new())
    }

    fn request(&self, operation: Operation, placement: KeyPlacement, body: Vec<u8>) -> Request {
        let mut url = Zeroizing::new(self.base_url.join(operation.path()));
        if placement == KeyPlacement::Query {
            // A key is letters, digits and an underscore: nothing in it needs percent-encoding.
            url.push_str("?apiKey=");
            url.push_str(self.key.expose());
        }
        let mut headers = vec![("accept", Zeroizing::new("application/json".to_owned()))];
        if !body.is_empty() {
            headers.push(("content-type", Zeroizing::new("application/json".to_owned())));
        }
        if placement == KeyPlacement::Bearer {
            headers.push(("authorization", Zeroizing::new(format!("Bearer {}", self.key.expose()))));
        }
        Request { method: operation.method(), url, headers, body: Zeroizing::new(body) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::parse_groups;

    const KEY: &str = "DEV_RequestKey000000000000000001";

    #[test]
    fn debug_shows_where_a_request_goes_and_neither_key_nor_customer() {
        for (name, placement) in KeyPlacement::ALL {
            let (url, key) = (BaseUrl::parse(BaseUrl::DEFAULT).unwrap(), ApiKey::parse(KEY).unwrap());
            let endpoint = Endpoint::new(url, key, placement);
            let customer = Customer::parse(Some("jan@barasek.com"), None).unwrap();
            let request = endpoint.add_groups(&customer, &parse_groups(["vip"]).unwrap());
            let sent = format!("{} {:?} {:?}", request.url(), request.headers().collect::<Vec<_>>(), request.body());
            assert!(
                sent.contains(KEY) || request.body().windows(KEY.len()).any(|part| part == KEY.as_bytes()),
                "{name}"
            );
            let length = request.body().len();
            assert_eq!(
                format!("{request:?}"),
                format!("Request(POST https://api.bizkithub.com/api/v1/customer/add-groups, {length} bytes)")
            );
            assert_eq!(format!("{:?}", endpoint.ping()), "Request(GET https://api.bizkithub.com/ping/v1, 0 bytes)");
            let shown = format!("{endpoint:?} {endpoint:#?}");
            assert!(shown.contains("https://api.bizkithub.com") && !shown.contains("RequestKey"), "{shown}");
        }
    }

    #[test]
    fn a_host_that_authenticates_by_itself_gets_no_key() {
        let (url, key) = (BaseUrl::parse(BaseUrl::DEFAULT).unwrap(), ApiKey::parse(KEY).unwrap());
        let endpoint = Endpoint::new(url, key, KeyPlacement::Host);
        let customer = Customer::parse(Some("jan@barasek.com"), None).unwrap();
        let request = endpoint.add_groups(&customer, &parse_groups(["vip"]).unwrap());
        assert_eq!(request.url(), "https://api.bizkithub.com/api/v1/customer/add-groups");
        assert_eq!(request.body(), br#"{"email":"jan@barasek.com","groups":["vip"]}"#);
        assert_eq!(endpoint.ping().url(), "https://api.bizkithub.com/ping/v1");
        let names: Vec<_> = request.headers().map(|(name, _)| name).collect();
        assert_eq!(names, ["accept", "content-type"]);
    }
}
