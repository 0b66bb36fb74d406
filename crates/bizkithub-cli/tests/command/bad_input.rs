use std::fs;
use std::process::Command;

use crate::support::{Finished, Stage, with_columns};

/// Runs a command that must refuse its input: the error has the code, and nothing reaches the server.
#[track_caller]
fn refuse(stage: &Stage, command: &mut Command, exit_code: i32, error_code: &str) -> Finished {
    let finished = Finished::of(command);
    finished.assert_error(exit_code, &format!("({error_code})"));
    assert_eq!(finished.stdout, "");
    assert!(finished.stderr.contains("\nhelp:  "), "no advice: {finished:?}");
    assert_eq!(stage.sandbox.request_count(), 0);
    finished
}

#[track_caller]
fn refuse_add(arguments: &[&str], error_code: &str) {
    let stage = Stage::new();
    refuse(&stage, &mut stage.command(["add"].iter().chain(arguments)), 2, error_code);
}

/// A file that is broken as a whole is refused by `plan` and by `run` alike.
#[track_caller]
fn refuse_file(content: impl AsRef<[u8]>, error_code: &str) -> Finished {
    let stage = Stage::new();
    stage.file("customers.csv", content);
    let planned = refuse(&stage, &mut stage.command(with_columns("plan", "customers.csv")), 2, error_code);
    let run = refuse(&stage, &mut stage.command(with_columns("run", "customers.csv")), 2, error_code);
    assert_eq!(planned.stderr, run.stderr);
    assert!(!stage.path("rejects.csv").exists());
    run
}

#[test]
fn keys() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\njan@barasek.com,vip\n");
    for (key, error_code) in [
        ("", "api_key_missing"),
        ("DEV_00000000000000 0000000000000", "api_key_invalid"),
        ("DEV_000000000000000000000000000", "api_key_invalid"),
        ("TEST0000000000000000000000000000", "api_key_invalid"),
        ("PRODPGrFxpGEtrOZfuWhnoJohUYBXuOE", "api_key_sample"),
    ] {
        for arguments in [
            vec!["ping"],
            vec!["add", "--email", "jan@barasek.com", "--group", "vip"],
            with_columns("run", "customers.csv"),
        ] {
            let finished = refuse(&stage, stage.command(arguments).env("BIZKITHUB_API_KEY", key), 3, error_code);
            assert!(key.is_empty() || !finished.stderr.contains(key), "{finished:?}");
        }
    }
    refuse(&stage, stage.command(["ping"]).env_remove("BIZKITHUB_API_KEY"), 3, "api_key_missing");
}

#[test]
fn key_files() {
    let stage = Stage::new();
    stage.file("empty", "");
    stage.file("binary", b"\xff\xfeD\0E\0V\0_\0");
    for (path, error_code) in [
        ("empty", "api_key_missing"),
        ("binary", "api_key_file_unreadable"),
        ("none", "api_key_file_unreadable"),
        (".", "api_key_file_unreadable"),
    ] {
        refuse(&stage, &mut stage.command(["ping", "--api-key-file", path]), 3, error_code);
    }
}

#[test]
fn a_key_among_the_arguments() {
    let stage = Stage::new();
    let key = stage.sandbox.api_key();
    for arguments in [
        vec!["ping", "--api-key", key],
        vec!["--api-key", key, "ping"],
        vec!["ping", &format!("--api-key={key}")],
        vec!["ping", "--api-key-file", key],
    ] {
        let finished = refuse(&stage, &mut stage.command(arguments), 3, "api_key_on_command_line");
        assert!(!finished.stderr.contains(key), "{finished:?}");
    }
}

#[test]
fn customers() {
    let group = ["--group", "vip"];
    let long = format!("{}@example.com", "a".repeat(388));
    for (email, error_code) in [
        ("jan.barasek.com", "email_invalid"),
        ("jan@barasek.com\n", ""),
        ("jan@bara\nsek.com", "email_invalid"),
        (long.as_str(), "email_too_long"),
        ("", "customer_missing"),
        ("  ", "customer_missing"),
    ] {
        if !error_code.is_empty() {
            refuse_add(&[&["--email", email][..], &group].concat(), error_code);
        }
    }
    refuse_add(&group, "customer_missing");
    for cu_ref_no in ["1cGIHvFoQDGLAbc", "1cGIHvFo-DGLAbcA"] {
        refuse_add(&[&["--cu-ref-no", cu_ref_no][..], &group].concat(), "cu_ref_no_invalid");
    }
}

#[test]
fn groups() {
    let customer = ["--email", "jan@barasek.com"];
    refuse_add(&customer, "groups_missing");
    refuse_add(&[&customer[..], &["--group", ""]].concat(), "group_empty");
    refuse_add(&[&customer[..], &["--group", "🏋️"]].concat(), "group_without_slug");
}

#[test]
fn ten_thousand_groups_on_one_customer_are_accepted() {
    let stage = Stage::new();
    let groups: Vec<String> = (0..10_000).map(|number| format!("group-{number}")).collect();
    stage.file("customers.csv", format!("email,groups\njan@barasek.com,{}\n", groups.join(";")));
    let finished = stage.run(with_columns("run", "customers.csv"));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    assert_eq!(stage.sandbox.groups().len(), 10_000);
    assert_eq!(stage.sandbox.request_count(), 1);
}

#[test]
fn base_urls() {
    let stage = Stage::new();
    for (url, error_code) in [
        ("http://api.bizkithub.com", "base_url_insecure"),
        ("api.bizkithub.com", "base_url_invalid"),
        ("https://a b", "base_url_invalid"),
    ] {
        refuse(&stage, &mut stage.command(["ping", "--base-url", url]), 2, error_code);
    }
    let url = stage.sandbox.url();
    refuse(
        &stage,
        &mut stage.command(["ping", "--base-url", &url, "--proxy", "http://127.0.0.1:1"]),
        2,
        "proxy_insecure",
    );
}

#[test]
fn a_missing_column_lists_those_that_exist() {
    let finished = refuse_file("mail,segment\njan@barasek.com,vip\n", "column_missing");
    assert!(
        finished.stderr.contains("there is no column \"email\" in customers.csv (column_missing)\n"),
        "{finished:?}"
    );
    assert!(finished.stderr.contains("the columns are: mail, segment"), "{finished:?}");
    assert!(finished.stderr.contains("--email, --cu-ref-no and --groups name the columns"), "{finished:?}");
}

#[test]
fn another_delimiter_is_recognised_and_may_be_told() {
    let content = "email;groups\njan@barasek.com;vip\n";
    let finished = refuse_file(content, "column_missing");
    assert!(finished.stderr.contains("the cells seem to be separated by ;"), "{finished:?}");

    let stage = Stage::new();
    stage.file("customers.csv", content.replace(';', "\t"));
    for delimiter in ["tab", "\\t", "\t"] {
        let mut arguments = with_columns("plan", "customers.csv");
        arguments.extend(["--delimiter", delimiter]);
        assert_eq!(stage.run(arguments).code, Some(0), "{delimiter:?}");
    }
    let mut arguments = with_columns("plan", "customers.csv");
    arguments.extend(["--delimiter", "\""]);
    refuse(&stage, &mut stage.command(arguments), 2, "delimiter_invalid");
}

#[test]
fn columns_and_groups_must_be_named() {
    let stage = Stage::new();
    stage.file("customers.csv", "mail,segment\njan@barasek.com,vip\n");
    let finished = refuse(&stage, &mut stage.command(["plan", "customers.csv"]), 2, "column_missing");
    assert!(finished.stderr.contains("the columns are: mail, segment"), "{finished:?}");
    let finished =
        refuse(&stage, &mut stage.command(["plan", "customers.csv", "--email", "mail"]), 2, "groups_missing");
    assert!(finished.stderr.contains("--group gives a group to all rows"), "{finished:?}");
}

#[test]
fn broken_files_are_refused_with_their_line() {
    let rows = "email,groups\na@example.com,vip\n";
    for (content, line, error_code) in [
        (format!("{rows}b@example.com,vip,more\n").into_bytes(), 3, "csv_ragged"),
        (
            format!("{rows}\"b@example.com\",\"vip\nc@example.com,vip\nd@example.com,vip\n").into_bytes(),
            3,
            "csv_quote_open",
        ),
        ([rows.as_bytes(), b"b@example.com,v\0ip\n"].concat(), 3, "csv_nul"),
        ([rows.as_bytes(), b"b@example.com,Pra\xbean\xe9\n"].concat(), 3, "csv_not_utf8"),
        (rows.encode_utf16().flat_map(u16::to_le_bytes).collect(), 1, "csv_nul"),
    ] {
        let finished = refuse_file(content, error_code);
        assert!(finished.stderr.starts_with(&format!("error: line {line}: ")), "{finished:?}");
    }
}

#[test]
fn files_that_are_none() {
    refuse_file("", "csv_empty");
    let stage = Stage::new();
    let finished = refuse(&stage, &mut stage.command(with_columns("run", "none.csv")), 2, "file_unreadable");
    assert!(finished.stderr.contains("the file none.csv cannot be read: "), "{finished:?}");
    fs::create_dir(stage.path("folder")).expect("a folder");
    let finished = refuse(&stage, &mut stage.command(with_columns("run", "folder")), 2, "file_unreadable");
    assert!(finished.stderr.contains("it is a folder without Parquet files"), "{finished:?}");
}

#[test]
fn groups_for_all_rows_must_be_allowed() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\njan@barasek.com,vip\n");
    let mut arguments = with_columns("run", "customers.csv");
    arguments.extend(["--group", "VPI", "--allow-group", "vip"]);
    refuse(&stage, &mut stage.command(arguments), 2, "group_not_allowed");
}

#[test]
fn numbers_and_times_are_checked_by_their_options() {
    let stage = Stage::new();
    for arguments in [
        ["run", "customers.csv", "--concurrency", "0"],
        ["run", "customers.csv", "--on-quota", "never"],
        ["ping", "--timeout", "soon", "--json"],
        ["plan", "customers.csv", "--delimiter", ";;"],
    ] {
        assert_eq!(stage.run(arguments).code, Some(2), "{arguments:?}");
    }
    stage.file("customers.csv", "email,groups\na@example.com,vip\n");
    stage
        .run([with_columns("run", "customers.csv"), vec!["--reserve", "1"]].concat())
        .assert_error(2, "reserve_invalid");
    assert_eq!(stage.sandbox.request_count(), 0);
}
