use super::customer_table::CustomerId;
use super::group_lists::ListId;

/// What became of every row when it was planned: eight bytes each, whatever was in it.
#[derive(Debug, Default)]
pub(super) struct RowTable {
    /// The customer, or [`REFUSED`].
    customers: Vec<CustomerId>,
    /// The list of groups, or the place of the refusal.
    lists: Vec<u32>,
}

const REFUSED: CustomerId = CustomerId::MAX;

/// A row of a plan.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PlannedRow {
    /// It is a part of its customer's request.
    Accepted(CustomerId, ListId),
    /// It was refused; the number is the place of the refusal.
    Refused(u32),
}

impl RowTable {
    pub(super) fn len(&self) -> usize {
        self.customers.len()
    }

    pub(super) fn accept(&mut self, customer: CustomerId, list: ListId) {
        self.customers.push(customer);
        self.lists.push(list);
    }

    pub(super) fn refuse(&mut self, refusal: u32) {
        self.customers.push(REFUSED);
        self.lists.push(refusal);
    }

    pub(super) fn get(&self, index: usize) -> Option<PlannedRow> {
        let (customer, list) = (*self.customers.get(index)?, *self.lists.get(index)?);
        Some(planned(customer, list))
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = PlannedRow> + '_ {
        self.customers.iter().zip(&self.lists).map(|(customer, list)| planned(*customer, *list))
    }

    /// The lists of all accepted rows, customer by customer and in the order of the rows; those of a customer begin and end where
    /// the first vector tells.
    pub(super) fn lists_by_customer(&self, customers: usize) -> (Vec<u32>, Vec<ListId>) {
        let mut starts = vec![0; customers + 1];
        for customer in self.customers.iter().filter(|customer| **customer != REFUSED) {
            starts[*customer as usize + 1] += 1;
        }
        for customer in 0..customers {
            starts[customer + 1] += starts[customer];
        }
        let mut sorted = vec![0; starts[customers] as usize];
        for (customer, list) in self.customers.iter().zip(&self.lists) {
            if *customer != REFUSED {
                // Each start walks to the end of its customer, which is the start of the next one.
                let start = &mut starts[*customer as usize];
                sorted[*start as usize] = *list;
                *start += 1;
            }
        }
        starts.rotate_right(1);
        starts[0] = 0;
        (starts, sorted)
    }

    pub(super) fn shrink(&mut self) {
        self.customers.shrink_to_fit();
        self.lists.shrink_to_fit();
    }
}

fn planned(customer: CustomerId, list: u32) -> PlannedRow {
    if customer == REFUSED { PlannedRow::Refused(list) } else { PlannedRow::Accepted(customer, list) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_by_customer_in_the_order_of_the_rows() {
        let mut rows = RowTable::default();
        for (customer, list) in [(2, 7), (0, 1), (2, 5), (1, 9), (2, 7)] {
            rows.accept(customer, list);
        }
        rows.refuse(3);
        assert_eq!(rows.lists_by_customer(4), (vec![0, 1, 2, 5, 5], vec![1, 9, 7, 5, 7]));
        assert_eq!(rows.get(5), Some(PlannedRow::Refused(3)));
        assert_eq!(RowTable::default().lists_by_customer(0), (vec![0], vec![]));
    }
}
