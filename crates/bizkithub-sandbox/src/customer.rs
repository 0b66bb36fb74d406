use std::collections::BTreeSet;

use bizkithub::{Customer, Error};
use serde::{Deserialize, Serialize};

/// A customer that exists from the start.
///
/// JSON: `{"email": "jan@barasek.com", "cuRefNo": "1cGIHvFoQDGLAbcA", "groups": ["VIP"]}`; one of `email` and `cuRefNo` is required.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SeededCustomer {
    /// The e-mail address, unique in the organisation.
    pub email: Option<String>,
    /// The customer reference number, unique in the organisation.
    pub cu_ref_no: Option<String>,
    /// Groups that the customer has from the start; texts go through `toSlug` like those of a request.
    pub groups: Vec<String>,
}

impl SeededCustomer {
    pub(crate) fn parse(&self) -> Result<Customer, Error> {
        Customer::parse(self.email.as_deref(), self.cu_ref_no.as_deref())
    }
}

/// A customer as the sandbox holds it.
///
/// JSON: `{"email": "jan@barasek.com", "cuRefNo": null, "groups": ["vip"]}`.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomerRecord {
    /// The canonical e-mail address: lower case, domain in ASCII.
    pub email: Option<String>,
    /// The customer reference number.
    pub cu_ref_no: Option<String>,
    /// The slugs of its groups.
    pub groups: BTreeSet<String>,
}
