use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use bizkithub_sandbox::{Fault, FaultEffect, KeyState};

use crate::support::{Finished, Stage, customers, with_columns};

#[track_caller]
fn assert_silent(finished: &Finished, stage: &Stage, what: &str) {
    let rejects = fs::read_to_string(stage.path("rejects.csv")).unwrap_or_default();
    let said = [finished.stdout.as_str(), &finished.stderr, &rejects].concat();
    assert!(!said.contains(stage.sandbox.api_key()), "{what} tells the key: {said}");
    // Seven characters in a row cannot be there by chance.
    let (_, random) = stage.sandbox.api_key().split_at(4);
    assert!(!said.contains(&random[..7]), "{what} tells a part of the key: {said}");
}

#[test]
fn no_failure_tells_the_key() {
    let status = |status, code: Option<&str>| FaultEffect::Status {
        status,
        code: code.map(str::to_owned),
        retry_after_seconds: None,
    };
    let effects = [
        status(400, Some("INTERNAL_VALIDATION_FAILED")),
        status(404, Some("PUBLIC_API_KEY_DOES_NOT_EXIST")),
        status(418, Some("SOMETHING_NEW")),
        status(500, None),
        status(503, None),
        FaultEffect::ResetBeforeApplying,
        FaultEffect::ResetAfterApplying,
        FaultEffect::TruncatedBody,
        FaultEffect::HtmlBody,
        FaultEffect::EmptyBody,
        FaultEffect::SuccessFalse,
        FaultEffect::OversizedBody,
        FaultEffect::RedirectTo("http://127.0.0.1:1/elsewhere".to_owned()),
        FaultEffect::NeverAnswer,
    ];
    thread::scope(|scope| {
        for effect in effects {
            scope.spawn(move || {
                let stage = Stage::new();
                stage.file("customers.csv", customers(2) + "no address,vip\n");
                let name = effect.name();
                stage.sandbox.add_fault(Fault::new(effect)).expect("a fault");
                for place in ["query", "body", "bearer"] {
                    let mut arguments = with_columns("run", "customers.csv");
                    arguments.extend(["--timeout", "500ms", "--key-placement", place]);
                    let finished = stage.run(&arguments);
                    assert!(!matches!(finished.code, Some(0 | 2)), "{name} is a failure: {finished:?}");
                    assert_silent(&finished, &stage, name);
                    arguments.push("--json");
                    assert_silent(&stage.run(&arguments), &stage, name);
                }
                assert_silent(
                    &stage.run(["add", "--email", "a@example.com", "--group", "vip", "--timeout", "500ms"]),
                    &stage,
                    name,
                );
            });
        }
    });
}

#[test]
fn no_state_of_the_key_tells_it() {
    let stage = Stage::new();
    for state in [KeyState::Deleted, KeyState::Inactive, KeyState::Expired, KeyState::NotPermitted] {
        stage.sandbox.set_key_state(stage.sandbox.api_key(), state).expect("a key");
        for arguments in [["ping", "--json"], ["ping", "--key-placement=bearer"]] {
            assert_silent(&stage.run(arguments), &stage, "a ping");
        }
    }
    stage.sandbox.stop();
    assert_silent(&stage.run(["ping"]), &stage, "a refused connection");
    assert_silent(&stage.run(["--help"]), &stage, "the help");
    assert_silent(&stage.run(["ping", "--nonsense"]), &stage, "a usage error");
    assert_silent(&stage.run(["ping", "--base-url", "http://example.com"]), &stage, "an insecure address");
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(1));
    let key = stage.sandbox.api_key();
    let in_url = format!("https://example.com/?apiKey={key}");
    let (option, folder) = (format!("--{key}"), format!("{key}/rejects.csv"));
    let told = "[API key]";
    for (arguments, message) in [
        (vec!["ping", "--api-key-file", key], "api_key_on_command_line"),
        (vec!["ping", "--api-key-file", &key[..31]], "api_key_file_unreadable"),
        (vec!["ping", "--base-url", &in_url], "base_url_invalid"),
        (vec!["ping", "--proxy", key], "proxy_"),
        (vec!["ping", "--otlp-endpoint", key], "otlp_endpoint_invalid"),
        (vec!["ping", "--ca-file", key, "--base-url", "https://127.0.0.1:1"], told),
        (vec!["ping", "--key-placement", key], told),
        (vec!["ping", "--timeout", key], told),
        (vec!["ping", key], told),
        (vec!["ping", &option], told),
        (vec![key], told),
        (vec!["plan", key, "--email", "email", "--groups", "groups"], told),
        (vec!["plan", "customers.csv", "--email", key], told),
        (vec!["run", "customers.csv", "--email", "email", "--group", "vip", "--rejects", &folder], told),
        (vec!["sandbox", "--options-file", key], told),
        (vec!["sandbox", "--quota", key], told),
        (vec!["sandbox", "show", &in_url], told),
    ] {
        for json in [&[][..], &["--json"]] {
            let finished = stage.run([&arguments, json].concat());
            assert!(matches!(finished.code, Some(2 | 3)), "{finished:?}");
            assert!([finished.stdout.as_str(), &finished.stderr].concat().contains(message), "{message}: {finished:?}");
            assert_silent(&finished, &stage, "a mistake");
        }
    }
    assert_eq!(stage.sandbox.request_count(), 0);
}

#[test]
fn a_key_that_a_file_holds_is_not_repeated() {
    let stage = Stage::new();
    let key = stage.sandbox.api_key();
    stage.file("customers.csv", format!("email,groups,{key}\n{key},vip,\n"));
    for arguments in [with_columns("plan", "customers.csv"), vec!["plan", "customers.csv", "--email", "mail"]] {
        for json in [&[][..], &["--json"]] {
            assert_silent(&stage.run([&arguments, json].concat()), &stage, "a plan");
        }
    }
}

/// A server that answers every request with a refusal whose message quotes the request, as some gateways do, and tries to
/// command the terminal.
fn echoing_server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = vec![0; 64 << 10];
            let length = stream.read(&mut request).unwrap_or_default();
            let head = String::from_utf8_lossy(&request[..length]).into_owned();
            let message = format!("\u{1b}[2J\u{9b}31m\u{202e}\r\n{head}");
            let body = serde_json::json!({ "error": { "code": "SOMETHING_NEW", "message": message } }).to_string();
            let head = format!("HTTP/1.1 422 No\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            // A client that has gone away has seen enough.
            let _ = stream.write_all([head, body].concat().as_bytes());
        }
    });
    format!("http://{address}")
}

#[test]
fn a_server_that_quotes_the_key_and_commands_the_terminal_is_not_repeated() {
    let stage = Stage::new();
    let url = echoing_server();
    stage.file("customers.csv", customers(1));
    for place in ["query", "body", "bearer"] {
        let mut run = with_columns("run", "customers.csv");
        run.extend(["--base-url", &url, "--key-placement", place]);
        let add =
            vec!["add", "--email", "a@example.com", "--group", "vip", "--base-url", &url, "--key-placement", place];
        for arguments in [run, add] {
            let finished = stage.run(&arguments);
            assert_eq!(finished.code, Some(1), "{finished:?}");
            assert!([finished.stdout.as_str(), &finished.stderr].concat().contains("SOMETHING_NEW"), "{finished:?}");
            assert_silent(&finished, &stage, place);
            crate::terminal::assert_harmless(&finished);
        }
    }
}
