//! What holds for ledgers in PostgreSQL. Failures are raised by triggers: with the codes of a real server, which rolls back.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use bizkithub::ErrorKind;
use bizkithub::job::{CustomerKey, Forget, Ledger};
use tempfile::TempDir;

use crate::postgres_server::Server;
use crate::{acknowledged, batch, block_on, code, keeps_its_promises, look_up, open, wait};

fn connect(server: &Server) -> postgres::Client {
    postgres::Client::connect(&server.url(), postgres::NoTls).expect("a connection")
}

/// Lets a server take up TLS. Returns the file of the authority by which its certificate can be verified.
fn speak_tls(server: &Server, folder: &Path) -> PathBuf {
    let certified = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    fs::write(&key, certified.signing_key.serialize_pem()).expect("a file");
    fs::write(&certificate, certified.cert.pem()).expect("a file");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("permissions");
    if rustix::process::getuid().is_root() {
        let given = Command::new("chown").args(["--recursive", "postgres"]).arg(folder).status();
        assert!(given.expect("chown").success());
    }
    let mut settings = connect(server);
    for (name, value) in
        [("ssl_key_file", &*key.to_string_lossy()), ("ssl_cert_file", &*certificate.to_string_lossy()), ("ssl", "on")]
    {
        settings.execute(&format!("ALTER SYSTEM SET {name} = '{value}'"), &[]).expect("a setting");
    }
    settings.execute("SELECT pg_reload_conf()", &[]).expect("a reload");
    let begin = Instant::now();
    while connect(server).query_one("SHOW ssl", &[]).expect("a row").get::<_, &str>(0) != "on" {
        assert!(begin.elapsed() < Duration::from_secs(60), "the server does not take up TLS");
        sleep(Duration::from_millis(20));
    }
    certificate
}

#[test]
fn postgres_keeps_its_promises() {
    let server = Server::start();
    keeps_its_promises(&server.ledger("bizkithub"));
    // Another schema is another ledger.
    keeps_its_promises(&server.ledger("another_one"));
}

#[test]
fn only_a_ledger_of_this_version_is_opened() {
    let server = Server::start();
    let location = server.ledger("bizkithub");
    drop(open(&location).expect("a new ledger"));
    let mut client = connect(&server);
    let mut after = |change: &str| {
        client.batch_execute(change).expect("a change");
        code(open(&location))
    };
    assert_eq!(after("UPDATE bizkithub.ledger SET secret = '\\x00'").as_deref(), Some("ledger_corrupt"));
    assert_eq!(after("UPDATE bizkithub.version SET steps = 99").as_deref(), Some("ledger_newer"));
    assert_eq!(after("DROP TABLE bizkithub.version").as_deref(), Some("ledger_failed"));
}

#[test]
fn each_failure_of_the_server_has_its_code() {
    let server = Server::start();
    let mut client = connect(&server);
    let ledger = open(&server.ledger("bizkithub")).expect("a new ledger");
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10)])));
    let codes = [
        ("disk_full", "ledger_full"),
        ("read_only_sql_transaction", "ledger_read_only"),
        ("insufficient_privilege", "ledger_read_only"),
        ("lock_not_available", "ledger_locked"),
        ("query_canceled", "ledger_locked"),
        ("io_error", "ledger_failed"),
    ];
    for (state, expected) in codes {
        client
            .batch_execute(&format!(
                "CREATE SEQUENCE IF NOT EXISTS failures;
                 CREATE OR REPLACE FUNCTION fail() RETURNS trigger AS $$ BEGIN
                     PERFORM nextval('public.failures');
                     RAISE EXCEPTION 'it fails' USING ERRCODE = '{state}';
                 END $$ LANGUAGE plpgsql;
                 CREATE OR REPLACE TRIGGER fails BEFORE INSERT OR DELETE ON bizkithub.assignments
                     FOR EACH STATEMENT EXECUTE FUNCTION fail();
                 CREATE OR REPLACE TRIGGER fails BEFORE UPDATE ON bizkithub.ledger
                     FOR EACH STATEMENT EXECUTE FUNCTION fail();"
            ))
            .expect("triggers");
        let failures = [
            block_on(ledger.record(batch(vec![acknowledged(2, 7, 10)]))),
            block_on(ledger.forget(Forget::Everything)).map(drop),
            block_on(ledger.change_quota(Box::new(|_| "{}".to_owned()))),
        ];
        for failure in failures {
            let error = failure.expect_err("the trigger fails");
            assert_eq!(error.code(), Some(expected), "{state}: {error}");
            assert!(error.message().contains("postgresql://postgres@127.0.0.1"), "{error}");
        }
    }
    // Sequences count what is rolled back too: nothing was tried twice.
    let failures: i64 = connect(&server).query_one("SELECT last_value FROM failures", &[]).expect("a row").get(0);
    assert_eq!(failures, 3 * 6);
    // Nothing of it was kept, and the connection is as good as before.
    let drops = "DROP TRIGGER fails ON bizkithub.assignments; DROP TRIGGER fails ON bizkithub.ledger";
    client.batch_execute(drops).expect("no triggers");
    wait(ledger.record(batch(vec![acknowledged(3, 7, 20)])));
    assert_eq!(look_up(&ledger, 0..10), crate::sorted(vec![acknowledged(1, 7, 10), acknowledged(3, 7, 20)]));
}

#[test]
fn a_lost_connection_is_made_anew() {
    let server = Server::start();
    let mut client = connect(&server);
    let ledger = open(&server.ledger("bizkithub")).expect("a new ledger");
    let mut end_connections = || {
        let all = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'bizkithub'";
        client.batch_execute(all).expect("it ends");
    };
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10)])));
    end_connections();
    wait(ledger.record(batch(vec![acknowledged(2, 7, 10)])));
    end_connections();
    wait(ledger.change_quota(Box::new(|_| "kept".to_owned())));

    // Also in the midst of a transaction; a sequence counts what is rolled back too.
    let trigger = "CREATE SEQUENCE strikes;
        CREATE FUNCTION strike() RETURNS trigger AS $$ BEGIN
            IF nextval('public.strikes') IN (1, 3) THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF;
            RETURN NULL;
        END $$ LANGUAGE plpgsql;
        CREATE TRIGGER strikes AFTER INSERT ON bizkithub.assignments FOR EACH STATEMENT EXECUTE FUNCTION strike();
        CREATE TRIGGER strikes AFTER UPDATE ON bizkithub.ledger FOR EACH STATEMENT EXECUTE FUNCTION strike();";
    connect(&server).batch_execute(trigger).expect("triggers");
    wait(ledger.record(batch(vec![acknowledged(3, 7, 10)])));
    assert_eq!(look_up(&ledger, 0..10).len(), 3);

    // A change of the quota is made once, or it is told that it was not.
    let changed = block_on(ledger.change_quota(Box::new(|_| "lost".to_owned())));
    assert_eq!(code(changed).as_deref(), Some("ledger_failed"));
    wait(ledger.change_quota(Box::new(|kept| kept.unwrap_or_default() + ", and kept again")));
    let kept: String = connect(&server).query_one("SELECT quota FROM bizkithub.ledger", &[]).expect("a row").get(0);
    assert_eq!(kept, "kept, and kept again");

    drop(server);
    let gone = block_on(ledger.record(batch(vec![acknowledged(4, 7, 10)]))).expect_err("no server");
    assert_eq!((gone.code(), gone.is_retryable()), (Some("ledger_unusable"), true), "{gone}");
}

#[test]
fn a_user_who_may_only_read_is_told_so() {
    let server = Server::start();
    drop(open(&server.ledger("bizkithub")).expect("a new ledger"));
    let role = "CREATE ROLE reader LOGIN PASSWORD 'hunter2';
        GRANT USAGE ON SCHEMA bizkithub TO reader; GRANT SELECT ON ALL TABLES IN SCHEMA bizkithub TO reader;";
    connect(&server).batch_execute(role).expect("a role");
    let error = open(&server.ledger("bizkithub").replace("postgres@", "reader:hunter2@")).expect_err("no right");
    assert_eq!(error.code(), Some("ledger_read_only"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[test]
fn a_key_that_is_none_is_nobodys() {
    let server = Server::start();
    let ledger = open(&server.ledger("bizkithub")).expect("a new ledger");
    connect(&server).execute("INSERT INTO bizkithub.assignments VALUES ('\\x01', 7, 10)", &[]).expect("a row");
    assert_eq!(look_up(&ledger, 0..10), []);
    assert_eq!(wait(ledger.page(None, 10))[0].customer, CustomerKey([0; 16]));
}

#[test]
fn the_servers_certificate_is_verified() {
    let server = Server::start();
    // It speaks no TLS yet.
    let with = |settings: &str| server.ledger("bizkithub").replace("sslmode=disable", settings);
    assert_eq!(code(open(&with("sslmode=prefer"))), None);
    assert_eq!(code(open(&with("sslmode=allow"))), None);
    // It is on this machine, whatever that is called.
    assert_eq!(code(open(&with(""))), None);
    assert_eq!(code(open(&with("").replace("127.0.0.1", "localhost"))), None);
    // Whoever names an authority is not talked out of TLS.
    for settings in [
        "sslmode=require",
        "sslmode=verify-ca",
        "sslmode=verify-full",
        "sslrootcert=system",
        "sslmode=prefer&sslrootcert=system",
    ] {
        let error = open(&with(settings)).expect_err("no TLS");
        assert_eq!(error.code(), Some("ledger_unusable"), "{settings}");
        assert!(error.message().contains("does not support TLS"), "{error}");
    }
    assert_eq!(code(open(&with("sslmode=disable&sslrootcert=system"))), None);

    let folder = TempDir::new().expect("a folder");
    let authority = speak_tls(&server, folder.path());
    for mode in ["prefer", "verify-full", "verify-full&sslrootcert=system"] {
        let error = open(&with(&format!("sslmode={mode}"))).expect_err("an unknown authority");
        assert_eq!(error.code(), Some("ledger_unusable"), "{error}");
        assert!(error.message().contains("certificate"), "{error}");
    }
    let trusting = format!("sslmode=verify-full&sslrootcert={}", authority.display());
    let ledger = open(&with(&trusting)).expect("a known authority");
    wait(ledger.record(batch(vec![acknowledged(1, 7, 10)])));
    let encrypted =
        "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'bizkithub'";
    assert!(connect(&server).query_one(encrypted, &[]).expect("a row").get::<_, bool>(0));
    let missing = open(&with("sslrootcert=missing.pem")).expect_err("no such file");
    assert_eq!((missing.kind(), missing.code()), (ErrorKind::Ledger, Some("ledger_unusable")), "{missing}");
    assert!(missing.message().contains("missing.pem"), "{missing}");
}

/// What such a server was sent before it closed the connection.
fn sent_to_a_server_without_tls(host: &str, settings: &str) -> Vec<u8> {
    let listener = TcpListener::bind((host, 0)).expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut sent = vec![0; 8];
        stream.read_exact(&mut sent).expect("a request for TLS");
        stream.write_all(b"N").expect("a refusal");
        stream.read_to_end(&mut sent).expect("the rest");
        sent
    });
    let refused = open(&format!("postgresql://me:hunter2@{host}:{port}/db{settings}"));
    assert_eq!(code(refused).as_deref(), Some("ledger_unusable"));
    server.join().expect("no panic")
}

#[test]
fn nothing_is_told_to_a_server_elsewhere_that_speaks_no_tls() {
    let ours = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9").map(|()| socket));
    // Without a network there is no address but this machine's own.
    if let Ok(elsewhere) = ours.and_then(|socket| socket.local_addr()) {
        assert_eq!(sent_to_a_server_without_tls(&elsewhere.ip().to_string(), "").len(), 8);
    }
    assert_eq!(sent_to_a_server_without_tls("127.0.0.1", "?sslmode=require").len(), 8);
    assert_eq!(sent_to_a_server_without_tls("127.0.0.1", "?sslrootcert=system").len(), 8);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let nobody = open("postgresql://me@127.0.0.1:1/db").expect_err("nobody listens");
    assert_eq!(nobody.message().matches("refused").count(), 1, "{nobody}");
    for mode in ["disable", "require"] {
        let silent = format!("postgresql://me@127.0.0.1:{port}/db?sslmode={mode}&connect_timeout=1");
        let error = open(&silent).expect_err("nobody answers");
        assert_eq!(error.code(), Some("ledger_unusable"), "{error}");
        assert!(error.message().contains("has not answered for 1 s"), "{error}");
    }
}

#[test]
fn only_plain_names_of_schemas_and_valid_urls_are_taken() {
    // A name that is taken gets as far as the server, which is not there.
    let with = |schema: &str| code(open(&format!("postgresql://me@127.0.0.1:1/db?schema={schema}")));
    for good in ["bizkithub", "_", "a1", &"a".repeat(63)] {
        assert_eq!(with(good).as_deref(), Some("ledger_unusable"), "{good}");
    }
    for bad in ["", "1a", "No", "a-b", "a;b", "é", &"a".repeat(64)] {
        assert_eq!(with(bad).as_deref(), Some("ledger_location_invalid"), "{bad}");
    }
    for bad in ["postgresql://me:secret@[::1/db", "postgresql://me:secret@localhost/db?sslmode=sometimes"] {
        let error = open(bad).expect_err("invalid");
        assert_eq!(error.code(), Some("ledger_location_invalid"), "{bad}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
