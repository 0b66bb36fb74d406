//! Spans and metrics for a collector of OpenTelemetry.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use crate::support::Stage;

/// A collector that takes everything: its address, and what it was sent.
fn collector() -> (String, Arc<Mutex<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let arrived: Arc<Mutex<String>> = Arc::default();
    let keep = Arc::clone(&arrived);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.expect("a connection"));
            let (mut head, mut length) = (String::new(), 0);
            while stream.read_line(&mut head).expect("a line") > 2 {
                let line = head.lines().last().unwrap_or_default().to_ascii_lowercase();
                length = line.strip_prefix("content-length: ").and_then(|value| value.parse().ok()).unwrap_or(length);
            }
            let mut body = vec![0; length];
            stream.read_exact(&mut body).expect("a body");
            keep.lock().expect("no panic").push_str(&(head + &String::from_utf8_lossy(&body)));
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.get_mut().write_all(answer).expect("somebody listens");
        }
    });
    (endpoint, arrived)
}

#[test]
fn a_run_exports_spans_and_metrics() {
    let stage = Stage::new();
    stage.file("customers.csv", "email\njan@barasek.com\nnobody\n");
    let (endpoint, arrived) = collector();
    let finished =
        stage.run(["run", "customers.csv", "--email", "email", "--group", "vip", "--otlp-endpoint", &endpoint]);
    assert_eq!((finished.code, &*finished.stderr), (Some(1), ""));
    let arrived = arrived.lock().expect("no panic");
    for name in
        ["POST /v1/traces", "POST /v1/metrics", "bizkithub run", "bizkithub.rows", "/api/v1/customer/add-groups"]
    {
        assert!(arrived.contains(name), "{name}");
    }
    for secret in [stage.sandbox.api_key(), "apiKey", "barasek"] {
        assert!(!arrived.contains(secret), "{secret}");
    }
}

#[test]
fn a_collector_that_is_not_there_is_a_warning() {
    let stage = Stage::new();
    let finished = stage.run(["ping", "--otlp-endpoint", "http://127.0.0.1:1"]);
    assert_eq!(finished.code, Some(0));
    assert!(finished.stderr.starts_with("warning: the OpenTelemetry collector did not take"), "{}", finished.stderr);
    let finished = stage.run(["ping", "--json", "--otlp-endpoint", "http://127.0.0.1:1"]);
    assert_eq!((finished.code, &*finished.stderr), (Some(0), ""));
}
