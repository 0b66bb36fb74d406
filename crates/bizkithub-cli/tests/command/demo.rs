use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::Finished;

fn demo(temporary: &TempDir) -> Command {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/demo.sh");
    let mut command = Command::new("sh");
    command.arg(script).env("TMPDIR", temporary.path()).env("BIZKITHUB_API_KEY", "").env("BIZKITHUB_BASE_URL", "");
    command
}

#[track_caller]
fn assert_cleaned_up(temporary: &TempDir) {
    assert_eq!(std::fs::read_dir(temporary.path()).expect("the folder").count(), 0, "files are left behind");
}

#[test]
fn it_tells_the_whole_story_and_cleans_up() {
    let temporary = TempDir::new().expect("a folder");
    let finished = Finished::of(demo(&temporary).arg(env!("CARGO_BIN_EXE_bizkithub")));
    assert_eq!(finished.code, Some(0), "{finished:?}");
    let mut rest = finished.stdout.as_str();
    for part in [
        "$ bizkithub sandbox",
        "$ bizkithub plan customers.csv",
        " requests to send      262\n",
        "$ bizkithub run customers.csv",
        " applied     392\n",
        " rejected     10\n",
        "$ cat rejects.csv",
        "'=HYPERLINK",
        "0 requests to send, 10 rows rejected, 392 rows known to the ledger",
        " skipped     392\n",
        "$ bizkithub ledger show",
        "$ bizkithub sandbox show",
        "The sandbox holds 262 customers and 12 groups\n",
    ] {
        rest = rest.split_once(part).unwrap_or_else(|| panic!("{part:?} is missing, or too early: {finished:?}")).1;
    }
    let url = finished
        .stdout
        .split_once("BIZKITHUB_BASE_URL=http://")
        .and_then(|(_, rest)| rest.split_once(' '))
        .expect("a URL")
        .0;
    std::net::TcpStream::connect(url).expect_err("the sandbox has stopped");
    assert_cleaned_up(&temporary);
}

#[test]
fn without_a_command_that_works_it_fails_and_cleans_up() {
    let temporary = TempDir::new().expect("a folder");
    assert_eq!(Finished::of(&mut demo(&temporary)).code, Some(2));
    let finished = Finished::of(demo(&temporary).arg("/nowhere/bizkithub"));
    assert_eq!(finished.code, Some(1), "{finished:?}");
    assert!(finished.stderr.contains("the sandbox did not start"), "{finished:?}");
    assert_cleaned_up(&temporary);
}
