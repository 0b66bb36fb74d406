//! Every code that any crate gives an error is explained, and nothing else is.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bizkithub::Explanation;

/// The sources of every language, without the explanations themselves.
fn sources(folder: &Path, into: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["node_modules", "dist", "tests", "test"].contains(&&*name) {
            sources(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "rs" || ending == "ts") && name != "explanation.rs" {
            let text = fs::read_to_string(&path).expect("a source");
            into.push(text.split("#[cfg(test)]").next().unwrap_or_default().to_owned());
        }
    }
}

fn is_code(literal: &str) -> bool {
    literal.contains('_') && literal.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

/// Texts in quotes that are the code of an error, by what stands around them.
fn codes(source: &str) -> impl Iterator<Item = &str> {
    let constructors = ["invalid_input(", "coded(", "refused(", "refuse(", "refused(py,", "invalidInput(", "code:"];
    let parts: Vec<&str> = source.split(['"', '\'']).collect();
    (1..parts.len().saturating_sub(1)).filter_map(move |place| {
        let (before, literal, after) = (parts[place - 1].trim_end(), parts[place], parts[place + 1].trim_start());
        let after = after.strip_prefix(',')?.trim_start();
        let is_told = constructors.iter().any(|constructor| before.ends_with(constructor))
            // A pair or more, of which the message is the next: `("connect_failed", "check …"`.
            || before.ends_with('(') && ["", "format!("].contains(&after);
        (is_told && is_code(literal)).then_some(literal)
    })
}

#[test]
fn every_code_is_explained_and_nothing_else_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut texts = Vec::new();
    for folder in ["crates/bizkithub/src", "crates/bizkithub-cli/src", "crates/bizkithub-sandbox/src"]
        .into_iter()
        .chain(["crates/bizkithub-javascript/src", "crates/bizkithub-node/src", "crates/bizkithub-python/src"])
        .chain(["crates/bizkithub-wasm/src", "node/bizkithub/src"])
    {
        sources(&root.join(folder), &mut texts);
    }
    let told: BTreeSet<&str> = texts.iter().flat_map(|text| codes(text)).collect();
    assert!(told.len() > 50, "{told:?}");
    let unexplained: Vec<_> = told.iter().filter(|code| Explanation::of(code).is_none()).collect();
    assert!(unexplained.is_empty(), "{unexplained:?} are given to errors and not explained");
    for Explanation { code, .. } in Explanation::all() {
        let is_given =
            texts.iter().any(|text| text.contains(&format!("\"{code}\"")) || text.contains(&format!("'{code}'")));
        let is_of_the_server = texts.iter().any(|text| text.contains(&format!("{code} [")));
        assert!(is_given || is_of_the_server, "{code} is explained and given to no error");
    }
}
