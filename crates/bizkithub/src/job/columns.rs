use crate::error::{Error, Field};

/// Which columns of the input name the customer and its groups. Names are compared without the white space around them; case
/// matters.
#[derive(Clone, Debug, Default)]
pub struct Columns {
    /// The column of e-mail addresses.
    pub email: Option<String>,
    /// The column of `cuRefNo`s.
    pub cu_ref_no: Option<String>,
    /// The column of groups: a text separated by `;` or `|`, or a list.
    pub groups: Option<String>,
}

impl Columns {
    /// Checks that a plan can be made from these columns: one of them names the customers, and unless there are groups for all
    /// rows, one names the groups.
    ///
    /// # Errors
    ///
    /// `column_missing` and `groups_missing`.
    pub fn check(&self, has_groups_for_all_rows: bool) -> Result<(), Error> {
        if self.email.is_none() && self.cu_ref_no.is_none() {
            return Err(Error::invalid_input(
                "column_missing",
                "no column is named that could tell the customers",
                "name the column of e-mails or of cuRefNos",
            ));
        }
        if self.groups.is_none() && !has_groups_for_all_rows {
            return Err(Error::invalid_input(
                "groups_missing",
                "no groups are given",
                "name the column of groups, or give groups for all rows",
            )
            .at_field(Field::Groups));
        }
        Ok(())
    }
}
