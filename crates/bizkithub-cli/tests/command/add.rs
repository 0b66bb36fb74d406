use std::io::Write;
use std::process::Stdio;

use bizkithub::Customer;

use crate::support::{Finished, Stage};

#[test]
fn one_customer_gets_its_groups() {
    let stage = Stage::new();
    let finished =
        stage.run(["add", "--email", " Jan@Barasek.com ", "--group", "VIP", "--group", "Joolz Aer+", "--group", "vip"]);
    assert_eq!((finished.code, finished.stdout.as_str()), (Some(0), "Jan@Barasek.com has: VIP, Joolz Aer+\n"));
    let customer = Customer::parse(Some("jan@barasek.com"), None).expect("a customer");
    assert_eq!(stage.sandbox.groups_of(&customer).into_iter().collect::<Vec<_>>(), ["joolz-aer-plus", "vip"]);
    assert_eq!(stage.sandbox.request_count(), 1);
}

#[test]
fn the_reference_number_counts_when_both_are_given() {
    let stage = Stage::new();
    let arguments = ["add", "--email", "jan@barasek.com", "--cu-ref-no", "1cGIHvFoQDGLAbcA", "--group", "vip"];
    assert_eq!(stage.run(arguments).stdout, "1cGIHvFoQDGLAbcA has: vip\n");
    let customer = Customer::parse(None, Some("1cGIHvFoQDGLAbcA")).expect("a customer");
    assert!(stage.sandbox.groups_of(&customer).contains("vip"));
}

#[test]
fn the_key_comes_from_a_file_or_from_standard_input() {
    let stage = Stage::new();
    let key = stage.sandbox.api_key();
    stage.file("key.txt", format!("\u{feff}{key}\r\n"));
    let finished = Finished::of(stage.command(["ping", "--api-key-file", "key.txt"]).env_remove("BIZKITHUB_API_KEY"));
    assert_eq!(finished.code, Some(0), "{finished:?}");

    let mut command = stage.command(["ping", "--api-key-file", "-"]);
    command.env("BIZKITHUB_API_KEY", "DEV_0000000000000000000000000000");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    child.stdin.take().expect("a pipe").write_all(key.as_bytes()).expect("the key is taken");
    let finished = Finished::from(child.wait_with_output().expect("ends"));
    assert_eq!(finished.code, Some(0), "the file wins over the variable: {finished:?}");
}

#[test]
fn the_key_travels_where_it_is_told_to() {
    let stage = Stage::new();
    for place in ["query", "body", "bearer"] {
        let arguments = ["add", "--email", "jan@barasek.com", "--group", "vip", "--key-placement", place];
        assert_eq!(stage.run(arguments).code, Some(0), "{place}");
        assert_eq!(stage.sandbox.requests().last().and_then(|request| request.key_placement), Some(place));
    }
}

#[test]
fn a_proxy_of_the_machine_is_not_asked_for_a_plain_http_address() {
    let stage = Stage::new();
    let mut command = stage.command(["ping"]);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        // Nobody listens on port 1.
        command.env(name, "http://127.0.0.1:1").env(name.to_lowercase(), "http://127.0.0.1:1");
    }
    let finished = Finished::of(&mut command);
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(stage.sandbox.request_count(), 1);
}

#[test]
fn a_ping_shows_the_keys_fingerprint() {
    let stage = Stage::new();
    let key = bizkithub::ApiKey::parse(stage.sandbox.api_key()).expect("a key");
    let finished = stage.run(["ping"]);
    assert_eq!(finished.stdout, format!("{} accepts the key {key}\n", stage.sandbox.url()));
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}

#[test]
fn slugs_are_printed_one_a_line_without_a_key() {
    let stage = Stage::new();
    let mut command = stage.command(["slug", "Joolz Aer+", "Project Review: Q1 & Q2", "Привет, мир!"]);
    let finished = Finished::of(command.env_remove("BIZKITHUB_API_KEY"));
    assert_eq!(finished.stdout, "joolz-aer-plus\nproject-review-q1-and-q2\npriviet-mir\n");
    assert_eq!(finished.code, Some(0));
}
