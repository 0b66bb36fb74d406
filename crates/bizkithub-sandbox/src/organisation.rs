use std::collections::{BTreeSet, HashMap};

use bizkithub::{CuRefNo, Customer, Error, Group};

use crate::customer::CustomerRecord;
use crate::group::{GroupRecord, GroupTable};
use crate::options::{CustomerPolicy, SandboxOptions};
use crate::refusal::Refusal;

/// The customers and groups of the one organisation that a sandbox has.
pub(crate) struct Organisation {
    policy: CustomerPolicy,
    missing_customer_status: u16,
    customers: Vec<Member>,
    by_email: HashMap<Box<str>, usize>,
    by_cu_ref_no: HashMap<CuRefNo, usize>,
    groups: GroupTable,
}

#[derive(Default)]
struct Member {
    email: Option<Box<str>>,
    cu_ref_no: Option<CuRefNo>,
    /// Numbers of the group table, ascending.
    groups: Vec<u32>,
}

impl Organisation {
    pub(crate) fn new(options: &SandboxOptions) -> Result<Self, Error> {
        let mut organisation = Self {
            policy: CustomerPolicy::AcceptEvery,
            missing_customer_status: options.missing_customer_status,
            customers: Vec::new(),
            by_email: HashMap::new(),
            by_cu_ref_no: HashMap::new(),
            groups: GroupTable::default(),
        };
        for seeded in &options.customers {
            let groups = seeded.groups.iter().map(|text| Group::parse_any(text)).collect::<Result<Vec<_>, _>>()?;
            let index = organisation.find_or_create(&seeded.parse()?);
            organisation.put(index, &groups);
        }
        organisation.policy = options.customer_policy;
        Ok(organisation)
    }

    /// Puts groups on a customer; groups that it already has are skipped.
    pub(crate) fn add_groups(&mut self, customer: &Customer, groups: &[Group]) -> Result<(), Refusal> {
        let index = match self.policy {
            CustomerPolicy::AcceptEvery => self.find_or_create(customer),
            CustomerPolicy::OnlySeeded => self.find(customer).ok_or_else(|| self.refuse_missing(customer))?,
        };
        self.put(index, groups);
        Ok(())
    }

    pub(crate) fn groups_of(&self, customer: &Customer) -> BTreeSet<String> {
        self.find(customer)
            .and_then(|index| self.customers.get(index))
            .map(|member| self.slugs(member))
            .unwrap_or_default()
    }

    /// What an operator does by hand in the admin panel. Tells whether the customer had the group.
    pub(crate) fn take_group(&mut self, customer: &Customer, slug: &str) -> bool {
        let taken = self.find(customer).zip(self.groups.number(slug)).and_then(|(index, number)| {
            let groups = &mut self.customers.get_mut(index)?.groups;
            groups.remove(groups.binary_search(&number).ok()?);
            Some(number)
        });
        taken.inspect(|&number| self.groups.lose_customer(number)).is_some()
    }

    /// Deletes a group from the organisation and from every customer. Tells whether it existed.
    pub(crate) fn delete_group(&mut self, slug: &str) -> bool {
        let Some(number) = self.groups.number(slug) else { return false };
        for member in &mut self.customers {
            if let Ok(position) = member.groups.binary_search(&number) {
                member.groups.remove(position);
                self.groups.lose_customer(number);
            }
        }
        self.groups.delete(number);
        true
    }

    pub(crate) fn customer_count(&self) -> usize {
        self.customers.len()
    }

    pub(crate) fn group_count(&self) -> usize {
        self.groups.len()
    }

    /// All customers, in the order in which they came to exist.
    pub(crate) fn customers(&self) -> Vec<CustomerRecord> {
        let record = |member: &Member| CustomerRecord {
            email: member.email.as_deref().map(str::to_owned),
            cu_ref_no: member.cu_ref_no.map(|cu_ref_no| cu_ref_no.to_string()),
            groups: self.slugs(member),
        };
        self.customers.iter().map(record).collect()
    }

    pub(crate) fn groups(&self) -> Vec<GroupRecord> {
        self.groups.records()
    }

    fn slugs(&self, member: &Member) -> BTreeSet<String> {
        member.groups.iter().filter_map(|&number| self.groups.slug(number)).map(str::to_owned).collect()
    }

    /// `cuRefNo` wins: where it is given, the e-mail does not help to find the customer.
    fn find(&self, customer: &Customer) -> Option<usize> {
        match (customer.cu_ref_no(), customer.email()) {
            (Some(cu_ref_no), _) => self.by_cu_ref_no.get(cu_ref_no).copied(),
            (None, Some(email)) => self.by_email.get(email.identity()).copied(),
            (None, None) => None,
        }
    }

    /// A customer that was first named by its e-mail takes the `cuRefNo` it is later named by, because an e-mail is unique
    /// in an organisation; one that already has another `cuRefNo` keeps both, and the new `cuRefNo` is a customer without e-mail.
    fn find_or_create(&mut self, customer: &Customer) -> usize {
        if let Some(index) = self.find(customer) {
            return index;
        }
        let email = customer.email().map(|email| Box::<str>::from(email.identity()));
        let cu_ref_no = customer.cu_ref_no().copied();
        let namesake = email.as_ref().and_then(|email| self.by_email.get(email).copied());
        let adopted =
            namesake.filter(|&index| self.customers.get(index).is_some_and(|member| member.cu_ref_no.is_none()));
        let index = adopted.unwrap_or(self.customers.len());
        if adopted.is_none() {
            self.customers.push(Member::default());
        }
        if let Some(member) = self.customers.get_mut(index) {
            member.cu_ref_no = cu_ref_no;
            if namesake.is_none() {
                member.email.clone_from(&email);
            }
        }
        if let Some(cu_ref_no) = cu_ref_no {
            self.by_cu_ref_no.insert(cu_ref_no, index);
        }
        if let Some(email) = email.filter(|_| namesake.is_none()) {
            self.by_email.insert(email, index);
        }
        index
    }

    fn put(&mut self, index: usize, groups: &[Group]) {
        let Some(member) = self.customers.get_mut(index) else { return };
        for group in groups {
            let Some(number) = self.groups.find_or_create(group) else { continue };
            if let Err(position) = member.groups.binary_search(&number) {
                member.groups.insert(position, number);
                self.groups.gain_customer(number);
            }
        }
    }

    fn refuse_missing(&self, customer: &Customer) -> Refusal {
        if customer.cu_ref_no().is_some() {
            return Refusal::documented("PUBLIC_CUSTOMER_DETAIL_NOT_PERMITTED");
        }
        Refusal::with_status("INTERNAL_RESOURCE_NOT_FOUND", self.missing_customer_status)
    }
}
