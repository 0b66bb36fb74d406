use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Reads one of the core's choices by its name in the settings.
pub(crate) fn named_choice<T>(choices: &'static [(&'static str, T)]) -> impl TypedValueParser<Value = T>
where
    T: Copy + Send + Sync + 'static,
{
    PossibleValuesParser::new(choices.iter().map(|(name, _)| *name)).try_map(|wanted| {
        choices.iter().find(|(name, _)| *name == wanted).map(|(_, choice)| *choice).ok_or("not one of the names")
    })
}
