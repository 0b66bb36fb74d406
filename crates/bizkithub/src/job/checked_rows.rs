use std::sync::{Arc, LazyLock};

use arrow_array::RecordBatch;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};

use super::customer_table::IdentityText;
use super::plan::Plan;
use super::row_table::PlannedRow;
use crate::types::{CuRefNo, Email, Group};

impl Plan {
    /// The columns of [`Plan::checked_rows`].
    #[must_use]
    pub fn checked_rows_schema() -> SchemaRef {
        static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
            let text = |name| Field::new(name, DataType::Utf8, true);
            let texts = |name| Field::new_list(name, Field::new_list_field(DataType::Utf8, true), true);
            let columns = [
                text("customer"),
                text("email"),
                text("cu_ref_no"),
                texts("groups"),
                texts("slugs"),
                text("code"),
                text("reason"),
            ];
            Arc::new(Schema::new(columns.to_vec()))
        });
        SCHEMA.clone()
    }

    /// Every row as the plan has understood it, as Arrow data in the order of the rows. For hosts that merge rows themselves,
    /// because they are more than fit one machine.
    ///
    /// An accepted row has a `customer`, which is the same text for all rows of one customer, the `email` and `cu_ref_no` to send, its
    /// `groups` and their predicted `slugs`. A refused row has a `code` and a `reason`. The rest is null.
    ///
    /// # Errors
    ///
    /// None that the caller could cause.
    pub fn checked_rows(&self) -> Result<RecordBatch, ArrowError> {
        let content = &*self.content;
        let [mut customers, mut emails, mut cu_ref_nos, mut codes, mut reasons] =
            [(); 5].map(|()| StringBuilder::new());
        let [mut texts, mut slugs] = [(); 2].map(|()| ListBuilder::new(StringBuilder::new()));
        for row in self.rows() {
            let accepted = match row {
                PlannedRow::Accepted(customer, list) => {
                    content.customers.get(customer).ok().map(|named| (customer, named, list))
                }
                PlannedRow::Refused(_) => None,
            };
            if let Some((customer, named, list)) = accepted {
                content.customers.with_identity(customer, |identity| match identity {
                    IdentityText::Email(text) | IdentityText::CuRefNo(text) => customers.append_value(text),
                });
                emails.append_option(named.email().map(Email::as_str));
                cu_ref_nos.append_option(named.cu_ref_no().map(CuRefNo::as_str));
                let groups = || content.lists.get(list).iter().filter_map(|group| content.table.get(*group));
                texts.append_value(groups().map(Group::text).map(Some));
                slugs.append_value(groups().map(Group::slug).map(Some));
                codes.append_null();
                reasons.append_null();
                continue;
            }
            let refusal = match row {
                PlannedRow::Refused(refusal) => content.refusals.get(refusal as usize),
                PlannedRow::Accepted(..) => None,
            };
            [&mut customers, &mut emails, &mut cu_ref_nos].into_iter().for_each(StringBuilder::append_null);
            [&mut texts, &mut slugs].into_iter().for_each(ListBuilder::append_null);
            codes.append_value(
                refusal.as_ref().map_or("internal", |error| error.code().unwrap_or(error.kind().as_str())),
            );
            reasons.append_value(refusal.as_ref().map_or("the row is lost", |error| error.message()));
        }
        RecordBatch::try_new(
            Self::checked_rows_schema(),
            vec![
                Arc::new(customers.finish()),
                Arc::new(emails.finish()),
                Arc::new(cu_ref_nos.finish()),
                Arc::new(texts.finish()),
                Arc::new(slugs.finish()),
                Arc::new(codes.finish()),
                Arc::new(reasons.finish()),
            ],
        )
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::{Array, ArrayRef};

    use super::*;
    use crate::job::{Columns, PlanBuilder, PlanOptions};

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
        let columns =
            Columns { email: Some("email".into()), cu_ref_no: Some("number".into()), groups: Some("groups".into()) };
        let mut plan = PlanBuilder::new(&PlanOptions::default()).expect("no options");
        plan.push_batch(&batch, &columns).expect("valid columns");
        let checked = plan.finish().checked_rows().expect("rows");
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
