use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;

/// A secret in every form in which it could get into something that is kept or shown.
pub(crate) struct Canary {
    forms: Vec<(&'static str, Vec<u8>)>,
}

impl Canary {
    pub(crate) fn new(secret: &str) -> Self {
        let bytes = secret.as_bytes();
        let hex = |prefix: &str| bytes.iter().map(|byte| format!("{prefix}{byte:02x}")).collect::<String>();
        let mut forms = vec![
            ("as it is", bytes.to_vec()),
            ("percent-encoded", hex("%").into_bytes()),
            ("percent-encoded", hex("%").to_uppercase().into_bytes()),
            ("in hexadecimal digits", hex("").into_bytes()),
            ("in hexadecimal digits", hex("").to_uppercase().into_bytes()),
        ];
        // Seven characters in a row cannot be there by chance, and thirteen hold seven of these.
        forms.extend(bytes.get(4..).unwrap_or_default().chunks_exact(7).map(|part| ("in part", part.to_vec())));
        // What precedes a secret shifts its digits: whole groups of three bytes show in each of the three positions.
        forms.extend((0..3).map(|shift| {
            let whole = bytes.get(shift..).unwrap_or_default();
            ("in base64", STANDARD_NO_PAD.encode(whole.get(..whole.len() / 3 * 3).unwrap_or_default()).into_bytes())
        }));
        Self { forms }
    }

    /// Fails when a text shows the secret.
    pub(crate) fn look_into(&self, what: &str, content: &[u8]) -> Result<()> {
        for (form, secret) in &self.forms {
            if content.windows(secret.len()).any(|window| window == secret) {
                bail!("{what} shows the key {form}");
            }
        }
        Ok(())
    }

    /// Fails when a file below a folder shows the secret.
    pub(crate) fn look_through(&self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                self.look_through(&path)?;
            } else if path.is_file() {
                self.look_into(&path.display().to_string(), &fs::read(&path)?)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "DEV_0123456789abcdefghijABCDEFGH";

    #[test]
    fn a_key_is_found_in_every_form() {
        let canary = Canary::new(KEY);
        for text in [
            format!("apiKey={KEY}"),
            format!("…{}…", &KEY[4..11]),
            format!("…{}…", &KEY[6..19]),
            format!("…{}…", &KEY[19..32]),
            "%44%45%56%5F%30%31%32%33%34%35%36%37%38%39%61%62%63%64%65%66%67%68%69%6A%41%42%43%44%45%46%47%48"
                .to_owned(),
            "4445565f303132333435363738396162636465666768696a4142434445464748".to_owned(),
            // By `printf x"$KEY"y | base64`, and with two and with no letters before it.
            "eERFVl8wMTIzNDU2Nzg5YWJjZGVmZ2hpakFCQ0RFRkdIeQ==".to_owned(),
            "eHhERVZfMDEyMzQ1Njc4OWFiY2RlZmdoaWpBQkNERUZHSHk=".to_owned(),
            "REVWXzAxMjM0NTY3ODlhYmNkZWZnaGlqQUJDREVGR0h5".to_owned(),
        ] {
            assert!(canary.look_into("a text", text.as_bytes()).is_err(), "{text}");
        }
        canary.look_into("a text", b"DEV_, a prefix, and 0123, some digits").unwrap();
    }
}
