//! Runs every case of `tests/vectors`, the contract between the languages.

mod api_keys;
mod base_urls;
mod case;
mod cells;
mod cu_ref_nos;
mod emails;
mod expected_error;
mod expected_quota;
mod groups;
mod plans;
mod requests;
mod responses;
mod results;
mod text;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use case::{Outcome, run};

/// Files that hold no cases.
const NOT_CASES: [&str; 2] = ["manifest.json", "schema.json"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    #[serde(rename = "$schema")]
    _schema: String,
    #[serde(rename = "about")]
    _about: String,
    files: BTreeMap<String, usize>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn outcomes(file: &str, content: &str) -> Vec<Outcome> {
    match file {
        "api-keys.json" => run::<api_keys::ApiKeyCase>(content),
        "base-urls.json" => run::<base_urls::BaseUrlCase>(content),
        "cells.json" => run::<cells::CellCase>(content),
        "cu-ref-nos.json" => run::<cu_ref_nos::CuRefNoCase>(content),
        "emails.json" => run::<emails::EmailCase>(content),
        "groups.json" => run::<groups::GroupsCase>(content),
        "plans.json" => run::<plans::PlanCase>(content),
        "requests.json" => run::<requests::RequestCase>(content),
        "responses.json" => run::<responses::ResponseCase>(content),
        "results.json" => run::<results::ResultCase>(content),
        unknown => Err(format!("no runner reads {unknown}")),
    }
    .unwrap_or_else(|reason| vec![Outcome { name: "the file as a whole".to_owned(), failure: Some(reason) }])
}

#[test]
fn every_case_of_every_file_holds() {
    let manifest = std::fs::read_to_string(directory().join("manifest.json")).expect("the manifest can be read");
    let manifest: Manifest = serde_json::from_str(&manifest).expect("the manifest has its form");
    let mut counts = BTreeMap::new();
    let mut failures = Vec::new();
    for entry in std::fs::read_dir(directory()).expect("the vectors are there") {
        let path = entry.expect("the folder can be listed").path();
        let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_none_or(|extension| extension != "json") || NOT_CASES.contains(&file.as_str()) {
            continue;
        }
        let outcomes = outcomes(&file, &std::fs::read_to_string(&path).expect("a file of cases can be read"));
        let mut names = HashSet::new();
        for outcome in &outcomes {
            if !names.insert(&outcome.name) {
                failures.push(format!("{file}: two cases are named {:?}", outcome.name));
            }
            if let Some(failure) = &outcome.failure {
                failures.push(format!("{file}: {}: {failure}", outcome.name));
            }
        }
        counts.insert(file, outcomes.len());
    }
    assert!(
        failures.is_empty(),
        "{} of {} cases fail:\n{}",
        failures.len(),
        counts.values().sum::<usize>(),
        failures.join("\n")
    );
    assert_eq!(counts, manifest.files, "the manifest has to list every file with its number of cases");
    assert!(
        counts.len() == 10 && counts.values().all(|count| *count > 0),
        "no file may be missing or empty: {counts:?}"
    );
}
