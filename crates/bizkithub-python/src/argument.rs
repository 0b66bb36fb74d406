//! Python arguments as the core takes them. What does not fit is refused with a clear error, before anything is sent.

use std::num::NonZeroUsize;
use std::time::{Duration, SystemTime};

use bizkithub::{Customer, Error, Field, Timestamp};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyInt, PyString};

use crate::error::{exception, refused};

/// A text argument.
pub(crate) struct Text(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for Text {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        text(&object, None).map(Self).map_err(|error| exception(object.py(), &error))
    }
}

/// The name of a column, or its position among the values of a tuple.
pub(crate) struct ColumnName(pub(crate) String);

impl<'py> FromPyObject<'_, 'py> for ColumnName {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if object.is_instance_of::<PyInt>() && !object.is_instance_of::<PyBool>() {
            return Ok(Self(object.str()?.to_string_lossy().into_owned()));
        }
        Text::extract(object).map(|Text(name)| Self(name))
    }
}

/// An argument of several texts, from any iterable.
pub(crate) struct Texts(pub(crate) Vec<String>);

impl<'py> FromPyObject<'_, 'py> for Texts {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        texts(&object, None).map(Self)
    }
}

/// Takes a text. Python's may hold halves of characters, which no encoding can carry.
pub(crate) fn text(object: &Bound<'_, PyAny>, field: Option<Field>) -> Result<String, Error> {
    let refuse = |code, message: String, advice| at(field, Error::invalid_input(code, message, advice));
    let Ok(text) = object.cast::<PyString>() else {
        let message = format!("expected a text, got {}", type_name(object));
        return Err(refuse("text_expected", message, "pass a str; convert a column of a data frame to text first"));
    };
    text.to_str().map(str::to_owned).map_err(|_| {
        let message = "the text contains half of a character (a lone surrogate)".to_owned();
        refuse("text_broken", message, "decode the bytes that it came from with their real encoding")
    })
}

/// Takes several texts from any iterable, but not from one text, which would fall apart into letters.
pub(crate) fn texts(object: &Bound<'_, PyAny>, field: Option<Field>) -> PyResult<Vec<String>> {
    let py = object.py();
    let Some(parts) = parts(object)? else {
        let message = format!("expected a list of texts, got {}", type_name(object));
        let error = Error::invalid_input("text_list_expected", message, "pass a list, such as [\"vip\"]");
        return Err(exception(py, &at(field, error)));
    };
    let texts: Result<Vec<_>, _> = parts.iter().map(|part| text(part, field)).collect();
    texts.map_err(|error| exception(py, &error))
}

/// The items of an iterable; nothing for one text and for what is no iterable.
pub(crate) fn parts<'py>(object: &Bound<'py, PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
    let is_single = object.is_instance_of::<PyString>() || object.is_instance_of::<PyBytes>();
    match object.try_iter() {
        Ok(parts) if !is_single => parts.collect::<PyResult<_>>().map(Some),
        _ => Ok(None),
    }
}

fn at(field: Option<Field>, error: Error) -> Error {
    field.into_iter().fold(error, Error::at_field)
}

/// The name of an object's type: never its value, which may be a secret.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "an object".to_owned(), |name| name.to_string())
}

/// The name of one customer as arguments have it, unparsed.
pub(crate) struct CustomerTexts {
    email: Option<String>,
    cu_ref_no: Option<String>,
}

impl CustomerTexts {
    pub(crate) fn extract(
        email: Option<&Bound<'_, PyAny>>,
        cu_ref_no: Option<&Bound<'_, PyAny>>,
    ) -> Result<Self, Error> {
        Ok(Self {
            email: email.map(|email| text(email, Some(Field::Email))).transpose()?,
            cu_ref_no: cu_ref_no.map(|cu_ref_no| text(cu_ref_no, Some(Field::CuRefNo))).transpose()?,
        })
    }

    pub(crate) fn parse(&self) -> Result<Customer, Error> {
        Customer::parse(self.email.as_deref(), self.cu_ref_no.as_deref())
    }
}

/// A setting that is one of a few names.
pub(crate) fn choice<T: Copy>(py: Python<'_>, setting: &str, name: &str, choices: &[(&str, T)]) -> PyResult<T> {
    let found = choices.iter().find(|(known, _)| *known == name);
    found.map(|(_, choice)| *choice).ok_or_else(|| {
        let names: Vec<_> = choices.iter().map(|(known, _)| format!("{known:?}")).collect();
        let message = format!("{setting} cannot be {name:?}; it is one of {}", names.join(", "));
        refused(py, "setting_invalid", message, "choose one of them")
    })
}

/// A setting in seconds.
pub(crate) fn seconds(py: Python<'_>, setting: &str, seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        let message = format!("{setting} is {seconds}, which is not a number of seconds");
        refused(py, "setting_invalid", message, "give a number of seconds, zero or more")
    })
}

/// A setting that counts from 1 on.
pub(crate) fn count(py: Python<'_>, setting: &str, count: i64) -> PyResult<NonZeroUsize> {
    usize::try_from(count).ok().and_then(NonZeroUsize::new).ok_or_else(|| {
        let message = format!("{setting} is {count}, which is no number from 1 on");
        refused(py, "setting_invalid", message, "give a number from 1 on")
    })
}

/// A moment that a caller gives as a `datetime` with its time zone.
pub(crate) fn moment_of(name: &str, value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let has_zone = value.getattr_opt("tzinfo")?.is_some_and(|zone| !zone.is_none());
    let moment = has_zone.then(|| value.extract::<SystemTime>().ok()).flatten();
    moment.and_then(|moment| Timestamp::try_from(moment).ok()).ok_or_else(|| {
        let message = format!("{name} is no moment with a time zone: {}", type_name(value));
        refused(value.py(), "setting_invalid", message, "give a datetime such as datetime.now(timezone.utc)")
    })
}
