use std::io::Write;
use std::process::Stdio;

use crate::support::{Finished, Stage, customers, with_columns};

/// Nothing but line breaks may command a terminal.
#[track_caller]
pub(crate) fn assert_harmless(finished: &Finished) {
    for text in [&finished.stdout, &finished.stderr] {
        let treacherous = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!text.contains(treacherous), "{finished:?}");
    }
}

#[test]
fn what_files_say_cannot_command_the_terminal() {
    let stage = Stage::new();
    stage.file(
        "custo\u{1b}[2Jmers.csv",
        "email,groups,\u{1b}[31mred\n\
         a@example.com,\u{1b}]0;title\u{7}vip,\n\
         b\u{9b}31m.example.com,vip,\n\
         c@example.com,\u{202e}piv,\n\
         d@example.com,\u{1b}[5m,\n",
    );
    for command in ["plan", "run"] {
        for json in [&[][..], &["--json"]] {
            let arguments = [with_columns(command, "custo\u{1b}[2Jmers.csv"), json.to_vec()].concat();
            let finished = stage.run(arguments);
            assert_harmless(&finished);
            assert!(finished.stdout.contains("[2Jmers.csv"), "{finished:?}");
        }
    }
    let finished = stage.run(["plan", "custo\u{1b}[2Jmers.csv", "--email", "e\u{1b}[mail"]);
    finished.assert_error(2, "column_missing");
    assert_harmless(&finished);
}

#[test]
fn colours_come_only_where_they_are_wanted() {
    let stage = Stage::new();
    let stderr =
        |variables: &[(&str, &str)]| Finished::of(stage.command(["slug", ""]).envs(variables.iter().copied())).stderr;
    assert!(!stderr(&[]).contains('\u{1b}'), "a pipe gets no colours");
    assert!(stderr(&[("CLICOLOR_FORCE", "1")]).contains('\u{1b}'), "unless it asks for them");
    assert!(!stderr(&[("CLICOLOR_FORCE", "0"), ("NO_COLOR", "1")]).contains('\u{1b}'));
}

#[cfg(unix)]
#[test]
fn a_reader_that_stops_reading_ends_nothing() {
    let stage = Stage::new();
    let mut command = stage.command(with_columns("plan", "/dev/stdin"));
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    // Closed before the plan has anything to say, because it still waits for its rows.
    drop(child.stdout.take());
    child.stdin.take().expect("a pipe").write_all(customers(1_000).as_bytes()).expect("the rows are taken");
    let finished = Finished::from(child.wait_with_output().expect("ends"));
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let stage = Stage::new();
    stage.file("customers.csv", customers(1));
    stage.run([with_columns("run", "customers.csv"), vec!["--ledger", "groups.ledger"]].concat());
    let export = vec!["ledger", "export", "--ledger", "groups.ledger"];
    for arguments in [with_columns("plan", "customers.csv"), vec!["slug", "VIP"], export] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full");
        let finished = Finished::of(stage.command(arguments).stdout(full));
        finished.assert_error(2, "output_unwritable");
    }
}
