use crate::error::{Error, Field};

/// Which columns of the input name the customer and its groups. Names of a table are compared without the white space around them;
/// case matters.
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
    /// Where the columns for e-mails, `cuRefNo`s and groups stand among those that there are.
    ///
    /// # Errors
    ///
    /// `column_missing`, which lists those that there are, and `column_ambiguous`.
    pub fn places<N: AsRef<str>>(&self, names: &[N]) -> Result<[Option<usize>; 3], Error> {
        let place = |wanted: &Option<String>| wanted.as_deref().map(|wanted| place_of(names, wanted)).transpose();
        Ok([place(&self.email)?, place(&self.cu_ref_no)?, place(&self.groups)?])
    }

    /// Checks that rows which name their values themselves had every column in one of them: a name that no row has is a misspelt one, and
    /// would otherwise drop a column without a word.
    ///
    /// `seen` are the columns that any row had, `first_row` the names in the first row.
    ///
    /// # Errors
    ///
    /// `column_missing`, which lists the names in the first row.
    pub fn check_seen(&self, seen: &[impl AsRef<str>], first_row: &[impl AsRef<str>]) -> Result<(), Error> {
        let mut named = [&self.email, &self.cu_ref_no, &self.groups].into_iter().flatten();
        match named.find(|name| seen.iter().all(|seen| seen.as_ref() != *name)) {
            Some(name) => {
                let names: Vec<&str> = first_row.iter().map(AsRef::as_ref).collect();
                let advice = format!("the columns of the first row are: {}", names.join(", "));
                Err(Error::invalid_input("column_missing", format!("no row has the column {name:?}"), advice))
            }
            None => Ok(()),
        }
    }

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

fn place_of<N: AsRef<str>>(names: &[N], wanted: &str) -> Result<usize, Error> {
    let names = || names.iter().map(|name| name.as_ref().trim());
    let mut places = names().enumerate().filter(|(_, name)| *name == wanted.trim()).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (Some(place), None) => Ok(place),
        (Some(_), Some(_)) => {
            let message = format!("the column {wanted:?} appears more than once");
            Err(Error::invalid_input("column_ambiguous", message, "rename all but one of them"))
        }
        (None, _) => {
            let advice = format!("the columns are: {}", names().collect::<Vec<_>>().join(", "));
            Err(Error::invalid_input("column_missing", format!("there is no column {wanted:?}"), advice))
        }
    }
}
