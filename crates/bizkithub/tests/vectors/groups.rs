use bizkithub::{Group, is_slug, parse_groups, slug};
use serde::Deserialize;

use crate::case::{Case, Shared, same};
use crate::expected_error::ExpectedError;
use crate::text::{Text, Texts};

/// A case of one group has an `input`, a case of a list has `inputs`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum GroupsCase {
    One(GroupCase),
    List(ListCase),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GroupCase {
    name: String,
    input: Text,
    slug: Text,
    text: Option<Text>,
    error: Option<ExpectedError>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListCase {
    name: String,
    inputs: Texts,
    texts: Option<Texts>,
    slugs: Option<Texts>,
    error: Option<ExpectedError>,
}

impl Case for GroupsCase {
    fn name(&self) -> &str {
        match self {
            Self::One(case) => &case.name,
            Self::List(case) => &case.name,
        }
    }

    fn check(&self, _: &Shared) -> Result<(), String> {
        match self {
            Self::One(case) => case.check(),
            Self::List(case) => case.check(),
        }
    }
}

impl GroupCase {
    fn check(&self) -> Result<(), String> {
        let (input, predicted) = (self.input.build(), self.slug.build());
        same("slug", &predicted, &slug(&input))?;
        same("the slug of the slug", &predicted, &slug(&predicted))?;
        same("is_slug of the slug", &!predicted.is_empty(), &is_slug(&predicted))?;
        match (Group::parse(&input), &self.text, &self.error) {
            (Ok(group), Some(text), None) => {
                same("text", &text.build().as_str(), &group.text())?;
                same("slug of the group", &predicted.as_str(), &group.slug())
            }
            (Err(error), None, Some(expected)) => expected.check(&error, ""),
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}

impl ListCase {
    fn check(&self) -> Result<(), String> {
        match (parse_groups(self.inputs.build()), &self.texts, &self.slugs, &self.error) {
            (Ok(groups), Some(texts), Some(slugs), None) => {
                same("texts", &texts.build(), &groups.iter().map(|group| group.text().to_owned()).collect())?;
                same("slugs", &slugs.build(), &groups.iter().map(|group| group.slug().to_owned()).collect())
            }
            (Err(error), None, None, Some(expected)) => expected.check(&error, ""),
            (result, ..) => Err(format!("found {result:?}")),
        }
    }
}
