use std::fs;

use crate::support::Stage;

#[test]
fn every_command_has_a_manual_page() {
    let stage = Stage::new();
    assert_eq!(stage.run(["manual", "man/man1"]).code, Some(0));
    let run = fs::read_to_string(stage.path("man/man1/bizkithub-run.1")).expect("a page");
    assert!(run.contains("\\-\\-longest\\-wait"), "{run}");
    let all = fs::read_to_string(stage.path("man/man1/bizkithub.1")).expect("a page");
    assert!(all.contains("Exit codes:") && all.contains("bizkithub\\-ledger(1)"), "{all}");
    stage.file("file", "");
    stage.run(["manual", "file"]).assert_error(2, "file_unwritable");
}

#[test]
fn every_shell_can_complete() {
    let stage = Stage::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stage.run(["completions", shell]);
        assert!(script.code == Some(0) && script.stdout.contains("longest-wait"), "{script:?}");
    }
    assert_eq!(stage.run(["completions", "csh"]).code, Some(2));
}
