use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};

use bizkithub_sandbox::{Sandbox, SandboxOptions};
use serde_json::json;

use crate::support::{PATIENCE, add, ask_for_vip, connect, http2, jan, read_to_end, sandbox, try_add, vip};

/// Where a test frees a port and looks at it again, no other test may be given it meanwhile: where the whole of 127.0.0.0/8
/// is loopback, such a test has an address of its own.
fn address_for(number: u8) -> String {
    format!("127.0.0.{}", if cfg!(target_os = "linux") { number } else { 1 })
}

fn assert_refused(sandbox: &Sandbox) {
    let refused = TcpStream::connect(sandbox.address()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
}

/// If `stop` waited for any of these connections, the test would hang: none of them ever ends by itself.
#[test]
fn stopping_closes_whatever_is_open_and_waits_for_nobody() {
    let sandbox = sandbox(json!({
        "host": address_for(2),
        "frozenAt": "2026-11-23T12:00:00Z",
        "faults": [
            {"atMost": 1, "effect": "neverAnswer"},
            {"atMost": 1, "effect": {"latencySeconds": 3600}},
        ],
    }));
    let never_answered = ask_for_vip(&sandbox);
    sandbox.wait_for_request(PATIENCE, |request| request.sequence == 1).unwrap();
    let held_back = ask_for_vip(&sandbox);
    sandbox.wait_for_request(PATIENCE, |request| request.sequence == 2).unwrap();
    let mut half_sent = connect(&sandbox);
    half_sent
        .write_all(b"POST /api/v1/customer/add-groups HTTP/1.1\r\nhost: sandbox\r\ncontent-length: 99\r\n\r\n{")
        .unwrap();
    let silent = connect(&sandbox);

    sandbox.stop();
    for mut stream in [never_answered, held_back, half_sent, silent] {
        let (bytes, error) = read_to_end(&mut stream);
        assert!(bytes.is_empty());
        assert!(matches!(error, None | Some(ErrorKind::ConnectionReset)), "{error:?}");
    }
    assert_refused(&sandbox);
    assert!(sandbox.requests().iter().all(|request| request.status.is_none() && !request.closed_by_client));
}

#[tokio::test]
async fn what_a_stopped_sandbox_remembers_can_still_be_asked_for() {
    let sandbox = sandbox(json!({}));
    add(&sandbox, &vip()).await;
    assert!(sandbox.is_running());
    sandbox.stop();
    sandbox.stop();
    assert!(!sandbox.is_running());
    assert!(sandbox.groups_of(&jan()).contains("vip"));
    assert_eq!(sandbox.request_count(), 1);
}

#[test]
fn dropping_stops_and_frees_the_port() {
    let first = sandbox(json!({"host": address_for(3)}));
    let address = first.address();
    let mut idle = connect(&first);
    drop(first);
    assert!(read_to_end(&mut idle).0.is_empty());
    let second = sandbox(json!({"host": address_for(3), "port": address.port()}));
    assert_eq!(second.address(), address);
}

#[test]
fn a_port_in_use_is_a_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let options = SandboxOptions { port: taken.local_addr().unwrap().port(), ..SandboxOptions::default() };
    let refused = Sandbox::start(options).unwrap_err();
    assert_eq!(refused.code(), Some("sandbox_address_unavailable"));
    assert!(refused.message().contains(&taken.local_addr().unwrap().to_string()));
}

#[tokio::test]
async fn it_starts_and_stops_inside_of_an_asynchronous_host() {
    let sandbox = tokio::spawn(async { sandbox(json!({})) }).await.unwrap();
    assert_eq!(add(&sandbox, &vip()).await.status, 200);
    drop(sandbox);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sandboxes_are_apart_and_answer_many_at_once() {
    let sandboxes = [sandbox(json!({"seed": 1})), sandbox(json!({"seed": 2}))];
    let client = http2();
    for sandbox in &sandboxes {
        let requests = (0..200).map(|number| {
            let body = json!({"email": format!("{number}@example.com"), "groups": ["vip", format!("g{}", number % 7)]});
            let client = client.clone();
            async move { try_add(&client, sandbox, &body).await.unwrap().status }
        });
        let statuses = futures_util::future::join_all(requests).await;
        assert!(statuses.iter().all(|&status| status == 200));
    }
    for sandbox in &sandboxes {
        assert_eq!((sandbox.customers().len(), sandbox.groups().len(), sandbox.request_count()), (200, 8, 200));
        assert!(sandbox.groups().iter().all(|group| group.times_created == 1));
    }
    assert_ne!(sandboxes[0].api_key(), sandboxes[1].api_key());
}
