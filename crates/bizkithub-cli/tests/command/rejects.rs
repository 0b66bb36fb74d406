use std::fs;

use bizkithub_sandbox::{Fault, FaultEffect, Selector};

use crate::support::{Stage, with_columns};

const HEADER: &str = "email,groups,note,row,kind,code,reason\n";

#[test]
fn they_have_the_input_and_the_reason_and_no_formulas() {
    let stage = Stage::new();
    let refused = FaultEffect::Status {
        status: 404,
        code: Some("INTERNAL_RESOURCE_NOT_FOUND".into()),
        retry_after_seconds: None,
    };
    stage.sandbox.add_fault(Fault::new(refused).when(Selector::Email("gone@example.com".into()))).expect("a fault");
    stage.file(
        "customers.csv",
        "email,groups,note\n\
         fine@example.com,vip,=1+1\n\
         =HYPERLINK(\"http://example.com\"),vip,+420\n\
         gone@example.com,vip,\"two\nlines, and a comma\"\n\
         -dash,@vip,\n",
    );
    let finished = stage.run(with_columns("run", "customers.csv"));
    assert_eq!(finished.code, Some(1));
    assert!(finished.stdout.ends_with("3 rejected rows with the reason are in rejects.csv\n"), "{finished:?}");
    assert_eq!(
        fs::read_to_string(stage.path("rejects.csv")).expect("rejects"),
        format!(
            "{HEADER}\
             \"'=HYPERLINK(\"\"http://example.com\"\")\",vip,'+420,2,invalid_input,email_invalid,the e-mail address has no @\n\
             gone@example.com,vip,\"two\nlines, and a comma\",3,rejected,INTERNAL_RESOURCE_NOT_FOUND,\
             \"the customer is not in the organisation, was deleted, or may not be seen\"\n\
             '-dash,'@vip,,4,invalid_input,email_invalid,the e-mail address has no @\n"
        )
    );
}

#[test]
fn corrected_rejects_are_an_input_like_any_other() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups,note\none.example.com,vip,first\ntwo.example.com,vip,second\n");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
    let rejects = fs::read_to_string(stage.path("rejects.csv")).expect("rejects");
    stage.file("corrected.csv", rejects.replace("one.example.com", "one@example.com"));
    assert_eq!(stage.run(with_columns("run", "corrected.csv")).code, Some(1));
    assert_eq!(
        fs::read_to_string(stage.path("rejects.csv")).expect("rejects"),
        format!("{HEADER}two.example.com,vip,second,2,invalid_input,email_invalid,the e-mail address has no @\n"),
        "the reasons of the first run are replaced, not repeated"
    );
    assert_eq!(stage.sandbox.customers().len(), 1);
}

#[test]
fn without_any_there_is_no_file() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\n");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(0));
    assert!(!stage.path("rejects.csv").exists());
}

#[test]
fn a_path_that_cannot_be_written_is_refused_before_anything_is_sent() {
    let stage = Stage::new();
    let content = "email,groups\na@example.com,vip\nnobody,vip\n";
    stage.file("customers.csv", content);
    fs::create_dir(stage.path("folder")).expect("a folder");
    for (path, error_code) in [
        ("customers.csv", "rejects_replace_input"),
        ("./folder/../customers.csv", "rejects_replace_input"),
        ("folder", "file_unwritable"),
        ("nowhere/rejects.csv", "file_unwritable"),
    ] {
        let mut arguments = with_columns("run", "customers.csv");
        arguments.extend(["--rejects", path]);
        stage.run(arguments).assert_error(2, error_code);
    }
    assert_eq!(stage.sandbox.request_count(), 0);
    assert_eq!(fs::read_to_string(stage.path("customers.csv")).expect("the input"), content);
}

#[cfg(unix)]
#[test]
fn an_input_that_cannot_be_read_twice_is_refused_by_run_but_not_by_plan() {
    use std::process::Stdio;

    use crate::support::Finished;

    let stage = Stage::new();
    let path = stage.file("customers.csv", "email,groups\na@example.com,vip\n");
    let piped = |command| {
        let mut cat = std::process::Command::new("cat").arg(&path).stdout(Stdio::piped()).spawn().expect("cat");
        let rows = cat.stdout.take().expect("a pipe");
        let finished = Finished::of(stage.command(with_columns(command, "/dev/stdin")).stdin(rows));
        cat.wait().expect("cat ends");
        finished
    };
    piped("run").assert_error(2, "input_not_rereadable");
    assert_eq!(stage.sandbox.request_count(), 0);
    assert_eq!(piped("plan").code, Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_the_report_is_printed_all_the_same() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\nnobody,vip\n");
    let mut arguments = with_columns("run", "customers.csv");
    arguments.extend(["--rejects", "/dev/full"]);
    let finished = stage.run(&arguments);
    finished.assert_error(2, "file_unwritable");
    assert_eq!((finished.rows("applied"), finished.rows("rejected")), (1, 1));
    arguments.push("--json");
    let result = stage.run(arguments).json();
    assert_eq!((&result["report"]["applied"], &result["exitCode"]), (&1.into(), &2.into()));
    assert_eq!(result["rejects"]["error"]["code"], "file_unwritable");
}
