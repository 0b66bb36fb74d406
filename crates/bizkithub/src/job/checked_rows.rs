use std::sync::{Arc, LazyLock};

use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::customer_table::{CustomerId, IdentityText};
use super::group_lists::ListId;
use super::plan::{Content, Plan};
use super::row_table::PlannedRow;
use crate::error::Error;
use crate::types::{CuRefNo, Email, Group};

/// How many rows a batch has at most: its texts must not outgrow the 32 bits of their offsets.
const ROWS: usize = 1 << 16;

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let texts = |name| Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true);
    let names = [text("customer"), text("email"), text("cu_ref_no"), texts("groups"), texts("slugs")];
    Arc::new(Schema::new([&names[..], &[text("code"), text("reason")]].concat()))
});

/// Every row as a plan has understood it, as Arrow record batches of at most 65,536 rows in the order of the rows. For hosts that merge
/// rows themselves, because they are more than fit one machine.
///
/// An accepted row has a `customer`, which is the same text for all rows of one customer, the `email` and `cu_ref_no` to send, its
/// `groups` and their predicted `slugs`. A refused row has a `code` and a `reason`. The rest is null.
#[derive(Clone, Debug)]
pub struct CheckedRows {
    plan: Plan,
    next: usize,
}

impl CheckedRows {
    /// The rows of a plan.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self { plan, next: 0 }
    }
}

impl Iterator for CheckedRows {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut columns = Columns::default();
        let mut rows = 0;
        for row in (self.next..).take(ROWS).map_while(|index| self.plan.row(index)) {
            columns.push(&self.plan.content, row);
            rows += 1;
        }
        self.next += rows;
        (rows > 0).then(|| columns.finish())
    }
}

impl RecordBatchReader for CheckedRows {
    fn schema(&self) -> SchemaRef {
        SCHEMA.clone()
    }
}

#[derive(Default)]
struct Columns {
    customers: StringBuilder,
    emails: StringBuilder,
    cu_ref_nos: StringBuilder,
    groups: ListBuilder<StringBuilder>,
    slugs: ListBuilder<StringBuilder>,
    codes: StringBuilder,
    reasons: StringBuilder,
}

impl Columns {
    fn push(&mut self, content: &Content, row: PlannedRow) {
        match row {
            PlannedRow::Accepted(customer, list) => self.accept(content, customer, list),
            PlannedRow::Refused(refusal) => self.refuse(content.refusals.get(refusal as usize).as_ref()),
        }
    }

    fn accept(&mut self, content: &Content, customer: CustomerId, list: ListId) {
        let Ok(named) = content.customers.get(customer) else { return self.refuse(None) };
        content.customers.with_identity(customer, |identity| match identity {
            IdentityText::Email(text) | IdentityText::CuRefNo(text) => self.customers.append_value(text),
        });
        self.emails.append_option(named.email().map(Email::as_str));
        self.cu_ref_nos.append_option(named.cu_ref_no().map(CuRefNo::as_str));
        let groups = || content.lists.get(list).iter().filter_map(|group| content.table.get(*group));
        self.groups.append_value(groups().map(Group::text).map(Some));
        self.slugs.append_value(groups().map(Group::slug).map(Some));
        self.codes.append_null();
        self.reasons.append_null();
    }

    fn refuse(&mut self, refusal: Option<&Error>) {
        [&mut self.customers, &mut self.emails, &mut self.cu_ref_nos].into_iter().for_each(StringBuilder::append_null);
        [&mut self.groups, &mut self.slugs].into_iter().for_each(ListBuilder::append_null);
        self.codes.append_value(refusal.map_or("internal", |error| error.code().unwrap_or(error.kind().as_str())));
        self.reasons.append_value(refusal.map_or("the row is lost", Error::message));
    }

    fn finish(mut self) -> Result<RecordBatch, ArrowError> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.customers.finish()),
            Arc::new(self.emails.finish()),
            Arc::new(self.cu_ref_nos.finish()),
            Arc::new(self.groups.finish()),
            Arc::new(self.slugs.finish()),
            Arc::new(self.codes.finish()),
            Arc::new(self.reasons.finish()),
        ];
        RecordBatch::try_new(SCHEMA.clone(), columns)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;

    use super::*;
    use crate::job::{self, PlanBuilder, PlanOptions};

    #[test]
    fn rows_of_one_customer_have_one_text_and_refused_ones_a_reason() {
        let emails: ArrayRef = Arc::new(arrow_array::StringArray::from(vec![
            Some("Jan@Barasek.com"),
            Some(" jan@barasek.COM"),
            Some("nobody"),
            None,
        ]));
        let groups: ArrayRef =
            Arc::new(arrow_array::StringArray::from(vec!["VIP;Žlutý kůň;vip", "news", "vip", "vip"]));
        let cu_ref_nos: ArrayRef =
            Arc::new(arrow_array::StringArray::from(vec![None, None, None, Some("1cGIHvFoQDGLAbcA")]));
        let batch = RecordBatch::try_from_iter_with_nullable([
            ("email", emails, true),
            ("groups", groups, true),
            ("number", cu_ref_nos, true),
        ])
        .expect("a batch");
        let columns = job::Columns {
            email: Some("email".into()),
            cu_ref_no: Some("number".into()),
            groups: Some("groups".into()),
        };
        let mut plan = PlanBuilder::new(&PlanOptions::default()).expect("no options");
        plan.push_batch(&batch, &columns).expect("valid columns");
        let mut batches = CheckedRows::new(plan.finish());
        let checked = batches.next().expect("a batch").expect("rows");
        assert!(batches.next().is_none());
        let texts = |name: &str| {
            let column = checked.column_by_name(name).expect("a column").as_string::<i32>();
            (0..4).map(|row| column.is_valid(row).then(|| column.value(row).to_owned())).collect::<Vec<_>>()
        };
        let some = |text: &str| Some(text.to_owned());
        let jan = some("jan@barasek.com");
        assert_eq!(texts("customer"), [jan.clone(), jan, None, some("1cGIHvFoQDGLAbcA")]);
        assert_eq!(texts("email"), [some("Jan@Barasek.com"), some("Jan@Barasek.com"), None, None]);
        assert_eq!(texts("code"), [None, None, some("email_invalid"), None]);
        assert_eq!(texts("reason")[2], some("the e-mail address has no @"));
        let lists = |name: &str| {
            let list = checked.column_by_name(name).expect("a column").as_list::<i32>().value(0);
            list.as_string::<i32>().iter().map(|text| text.unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(lists("groups"), ["VIP", "Žlutý kůň"]);
        assert_eq!(lists("slugs"), ["vip", "zluty-kun"]);
    }
}
