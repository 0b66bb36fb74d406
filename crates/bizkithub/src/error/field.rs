use serde::Serialize;

/// The input at fault, by its name on the wire or in the settings.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Field {
    /// The API key.
    ApiKey,
    /// The base URL.
    BaseUrl,
    /// The certificate authority file.
    CaFile,
    /// The name of the customer as a whole: e-mail and `cuRefNo` together.
    Customer,
    /// The `cuRefNo`.
    CuRefNo,
    /// The e-mail address.
    Email,
    /// The groups.
    Groups,
    /// The proxy address.
    Proxy,
}

impl Field {
    /// The name as on the wire: `apiKey`, `baseUrl`, `caFile`, `customer`, `cuRefNo`, `email`, `groups`, `proxy`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "apiKey",
            Self::BaseUrl => "baseUrl",
            Self::CaFile => "caFile",
            Self::Customer => "customer",
            Self::CuRefNo => "cuRefNo",
            Self::Email => "email",
            Self::Groups => "groups",
            Self::Proxy => "proxy",
        }
    }
}
