use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Finished, Stage, plain_command};

/// `bizkithub sandbox` in a process of its own, ended when dropped.
struct Running {
    child: Child,
    first_line: String,
    folder: TempDir,
}

impl Running {
    fn start(arguments: &[&str], prepare: impl FnOnce(&TempDir)) -> Self {
        let folder = TempDir::new().expect("a folder");
        prepare(&folder);
        let mut command = plain_command(["sandbox"].iter().chain(arguments), folder.path());
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the sandbox starts");
        let mut first_line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut first_line).expect("a first line");
        Self { child, first_line, folder }
    }

    fn started(&self) -> (String, String) {
        let started: Value = serde_json::from_str(&self.first_line).expect("JSON on the first line");
        let text = |name: &str| started[name].as_str().expect("a text").to_owned();
        (text("url"), text("apiKey"))
    }

    fn run(&self, arguments: &[&str]) -> Finished {
        let (url, key) = self.started();
        let mut command = plain_command(arguments, self.folder.path());
        Finished::of(command.env("BIZKITHUB_BASE_URL", url).env("BIZKITHUB_API_KEY", key))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_serves_until_it_is_interrupted() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut running = Running::start(&["--json", "--seed", "7"], |_| {});
        let (url, key) = running.started();
        assert!(key.starts_with("DEV_"), "{key}");
        assert_eq!(running.run(&["add", "--email", "jan@barasek.com", "--group", "VIP"]).code, Some(0));
        kill_process(Pid::from_child(&running.child), signal).expect("it runs");
        assert_eq!(running.child.wait().expect("it ends").code(), Some(0));
        TcpStream::connect(url.trim_start_matches("http://")).expect_err("its port is closed");
    }
}

#[test]
fn its_first_words_tell_people_what_to_do() {
    let running = Running::start(&[], |_| {});
    assert!(running.first_line.starts_with("The sandbox listens on http://127.0.0.1:"), "{}", running.first_line);
    assert!(running.first_line.contains(" and accepts the key DEV_"), "{}", running.first_line);
}

#[test]
fn on_every_address_it_gives_the_one_that_clients_here_can_use() {
    let everywhere = ["--host", "0.0.0.0", "--allow-remote"];
    let running = Running::start(&[&everywhere[..], &["--json"]].concat(), |_| {});
    let started: Value = serde_json::from_str(&running.first_line).expect("JSON");
    let port = started["address"].as_str().and_then(|address| address.strip_prefix("0.0.0.0:")).expect("an address");
    assert_eq!(started["url"], format!("http://127.0.0.1:{port}"));
    assert_eq!(running.run(&["ping"]).code, Some(0));

    let running = Running::start(&everywhere, |_| {});
    let (listens, url) = running.first_line.split_once(", here on http://127.0.0.1:").expect("both addresses");
    assert!(listens.starts_with("The sandbox listens on 0.0.0.0:"), "{}", running.first_line);
    assert!(url.contains(" and accepts the key DEV_"), "{}", running.first_line);
}

#[test]
fn it_shows_what_it_holds() {
    let running = Running::start(&["--json"], |_| {});
    let (url, _) = running.started();
    assert_eq!(running.run(&["sandbox", "show"]).stdout, "The sandbox holds 0 customers and 0 groups\n");
    for email in ["a@example.com", "b@example.com"] {
        assert_eq!(running.run(&["add", "--email", email, "--group", "Personal training"]).code, Some(0));
    }
    assert_eq!(
        running.run(&["sandbox", "show", &url]).stdout,
        "The sandbox holds 2 customers and 1 group

 group               slug                customers
───────────────────────────────────────────────────
 Personal training   personal-training           2

 answer   requests
───────────────────
 200             2
"
    );
    assert_eq!(
        running.run(&["sandbox", "show", "--json"]).json(),
        json!({
            "url": url,
            "customers": 2,
            "groups": [{ "slug": "personal-training", "name": "Personal training", "customers": 2, "timesCreated": 1 }],
            "requests": 2,
            "answers": [{ "status": 200, "code": null, "requests": 2 }],
        })
    );
}

#[test]
fn its_options_arrive() {
    let prepare = |folder: &TempDir| {
        let customers = r#"[{"email": "jan@barasek.com", "groups": ["VIP"]}]"#;
        std::fs::write(folder.path().join("customers.json"), customers).expect("a file");
        let options = r#"{"missingCustomerStatus": 500, "faults": [{"when": {"email": "jan@barasek.com"}, "atMost": 1, "effect": "htmlBody"}]}"#;
        std::fs::write(folder.path().join("options.json"), options).expect("a file");
    };
    let arguments = [
        "--json",
        "--latency",
        "1ms",
        "--quota",
        "sliding:3/1h",
        "--known-customers-only",
        "--customers-file",
        "customers.json",
        "--options-file",
        "options.json",
    ];
    let running = Running::start(&arguments, prepare);
    let add = |email| running.run(&["add", "--email", email, "--group", "vip"]);
    add("jan@barasek.com").assert_error(5, "response_not_json");
    assert_eq!(add("jan@barasek.com").code, Some(0));
    add("eva@example.com").assert_error(1, "INTERNAL_RESOURCE_NOT_FOUND, HTTP 500");
    add("jan@barasek.com").assert_error(4, "RATE_LIMIT_EXCEEDED");
    let finished = running.run(&["sandbox", "show"]);
    assert!(finished.stdout.contains("\n VIP     vip            1\n"), "{finished:?}");
    assert!(finished.stdout.contains(" 500 INTERNAL_RESOURCE_NOT_FOUND          1\n"), "{finished:?}");
}

#[test]
fn what_it_cannot_start_with_is_refused() {
    let stage = Stage::new();
    stage.file("broken.json", "{\"quota\": }");
    stage.file("unknown.json", "{\"colour\": \"red\"}");
    let port = stage.sandbox.address().port().to_string();
    for (arguments, error_code) in [
        (["--host", "0.0.0.0"], "sandbox_remote"),
        (["--port", port.as_str()], "sandbox_address_unavailable"),
        (["--options-file", "none.json"], "sandbox_file_unreadable"),
        (["--options-file", "broken.json"], "sandbox_file_unreadable"),
        (["--options-file", "unknown.json"], "sandbox_file_unreadable"),
        (["--quota", "plenty"], "give sliding:1000/1h:burst=50"),
    ] {
        stage.run(["sandbox"].iter().chain(&arguments)).assert_error(2, error_code);
    }
}

#[test]
fn showing_needs_a_sandbox() {
    let stage = Stage::new();
    let url = stage.sandbox.url();
    stage.run(["sandbox", "show", "ftp://example.com"]).assert_error(2, "sandbox_url_invalid");
    stage.sandbox.stop();
    stage.run(["sandbox", "show", &url]).assert_error(5, "connect_failed");
    let mut command = stage.command(["sandbox", "show"]);
    Finished::of(command.env_remove("BIZKITHUB_BASE_URL")).assert_error(2, "sandbox_url_missing");
}
