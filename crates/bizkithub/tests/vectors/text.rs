use serde::Deserialize;

/// A text, written out or generated, so that a text of a megabyte takes a line.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Repeat(Repeat),
    Each(Each),
    Joined(Vec<Text>),
}

/// A list of texts, written out or generated.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Texts {
    List(Vec<Text>),
    Each(Each),
}

/// One text several times.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    repeat: String,
    times: usize,
}

/// One text several times, with `{index}` in it counted up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Each {
    each: String,
    #[serde(default = "one")]
    from: usize,
    times: usize,
}

fn one() -> usize {
    1
}

impl Each {
    fn build(&self) -> impl Iterator<Item = String> {
        (self.from..self.from + self.times).map(|index| self.each.replace("{index}", &index.to_string()))
    }
}

impl Text {
    pub(crate) fn build(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Repeat(Repeat { repeat, times }) => repeat.repeat(*times),
            Self::Each(each) => each.build().collect(),
            Self::Joined(parts) => parts.iter().map(Self::build).collect(),
        }
    }
}

impl Texts {
    pub(crate) fn build(&self) -> Vec<String> {
        match self {
            Self::List(texts) => texts.iter().map(Text::build).collect(),
            Self::Each(each) => each.build().collect(),
        }
    }
}
