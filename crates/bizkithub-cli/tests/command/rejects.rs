use std::collections::BTreeSet;
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
fn corrected_customers_have_no_apostrophe_that_was_not_theirs() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups,note\n+jan.example.com,vip,\n'+eva.example.com,@vip,\n");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
    let rejects = fs::read_to_string(stage.path("rejects.csv")).expect("rejects");
    assert!(rejects.contains("\n'+jan.example.com,") && rejects.contains("\n''+eva.example.com,'@vip,"), "{rejects}");
    stage.file("corrected.csv", rejects.replace(".example.com", "@example.com"));
    assert_eq!(stage.run(with_columns("run", "corrected.csv")).code, Some(0));
    let customers = stage.sandbox.customers();
    let emails: BTreeSet<_> = customers.iter().filter_map(|customer| customer.email.as_deref()).collect();
    assert_eq!(emails, BTreeSet::from(["+jan@example.com", "'+eva@example.com"]));
    let groups = stage.sandbox.groups();
    let names: BTreeSet<_> = groups.iter().map(|group| group.name.as_str()).collect();
    assert!(names.iter().all(|name| !name.contains('\'')), "{names:?}");
}

#[test]
fn those_of_an_earlier_run_make_way() {
    for json in [&[][..], &["--json"]] {
        let stage = Stage::new();
        let run = [&with_columns("run", "customers.csv"), json].concat();
        stage.file("customers.csv", "email,groups\nnobody,vip\n");
        assert_eq!(stage.run(&run).code, Some(1));
        assert!(stage.path("rejects.csv").exists());
        stage.file("customers.csv", "email,groups\nnobody@example.com,vip\n");
        let finished = stage.run(&run);
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!stage.path("rejects.csv").exists());
        if json.is_empty() {
            let told = "\nrejects.csv is removed: it held the rejects of an earlier run, and this one has none\n";
            assert!(finished.stdout.ends_with(told), "{finished:?}");
        } else {
            let rejects = &finished.json()["rejects"];
            assert_eq!(*rejects, serde_json::json!({ "file": "rejects.csv", "rows": 0, "earlier": "removed" }));
        }
    }
}

#[test]
fn those_of_an_earlier_run_stay_while_rows_are_not_settled() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\nnobody,vip\n");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
    let rejects = fs::read(stage.path("rejects.csv")).expect("rejects");
    stage.file("customers.csv", "email,groups\nnobody@example.com,vip\n");
    stage.sandbox.stop();
    let finished = stage.run(with_columns("run", "customers.csv"));
    assert_eq!(finished.code, Some(5), "{finished:?}");
    let told = "\nrejects.csv holds the rejects of an earlier run; this one has none so far\n";
    assert!(finished.stdout.ends_with(told), "{finished:?}");
    assert_eq!(fs::read(stage.path("rejects.csv")).expect("the rejects stay"), rejects);
}

#[test]
fn they_are_run_again_without_being_replaced() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\nnobody,vip\nb,vip\n");
    assert_eq!(stage.run(with_columns("run", "customers.csv")).code, Some(1));
    let rejects = fs::read_to_string(stage.path("rejects.csv")).expect("rejects");
    let corrected = rejects.replace("nobody,", "nobody@example.com,");
    stage.file("rejects.csv", &corrected);
    let finished = stage.run(with_columns("run", "rejects.csv"));
    assert_eq!((finished.code, finished.rows("applied")), (Some(1), 1), "{finished:?}");
    assert!(finished.stdout.ends_with("1 rejected row with the reason is in rejects-again.csv\n"), "{finished:?}");
    assert_eq!(fs::read_to_string(stage.path("rejects.csv")).expect("the input"), corrected);
    assert_eq!(stage.run(with_columns("run", "rejects-again.csv")).code, Some(1));
    assert!(fs::read_to_string(stage.path("rejects.csv")).expect("rejects").contains("\nb,vip,1,"));
}

#[test]
fn a_file_that_holds_no_rejects_is_left_alone() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\n");
    for content in ["", "row,kind,code\n1,2,3\n", "row,kind,code,reason,mine\n", "a note to myself\n"] {
        stage.file("rejects.csv", content);
        let finished = stage.run(with_columns("run", "customers.csv"));
        assert_eq!(finished.code, Some(0), "{finished:?}");
        assert!(!finished.stdout.contains("rejects.csv"), "{finished:?}");
        assert_eq!(fs::read_to_string(stage.path("rejects.csv")).expect("the file stays"), content);
    }
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

#[test]
fn every_outcome_can_be_written_in_two_formats() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\nnobody,vip\n");
    let run = |file: &str| {
        let finished = stage.run([with_columns("run", "customers.csv"), vec!["--outcomes", file]].concat());
        (finished.code, fs::read_to_string(stage.path(file)).unwrap_or_default())
    };
    let csv = "row,outcome,kind,code,reason\n1,applied,,,\n2,rejected,invalid_input,email_invalid,the e-mail address has no @\n";
    assert_eq!(run("outcomes.csv"), (Some(1), csv.to_owned()));
    let (code, lines) = run("outcomes.ndjson");
    let rows: Vec<serde_json::Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((code, &rows[0]), (Some(1), &serde_json::json!({"row": 1, "outcome": "skipped"})));
    assert_eq!((&rows[1]["outcome"], &rows[1]["error"]["code"]), (&"rejected".into(), &"email_invalid".into()));
    let refused = stage.run([with_columns("run", "customers.csv"), vec!["--outcomes", "outcomes.xlsx"]].concat());
    refused.assert_error(2, "outcomes_format_unknown");
    assert_eq!(stage.sandbox.request_count(), 1);
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
    assert_eq!((&result["report"]["skipped"], &result["exitCode"]), (&1.into(), &2.into()));
    assert_eq!(result["rejects"]["error"]["code"], "file_unwritable");
    assert_eq!(result["outcomes"], serde_json::Value::Null);
}

#[cfg(target_os = "linux")]
#[test]
fn outcomes_that_cannot_be_written_leave_the_rejects_alone() {
    let stage = Stage::new();
    stage.file("customers.csv", "email,groups\na@example.com,vip\nnobody,vip\n");
    std::os::unix::fs::symlink("/dev/full", stage.path("outcomes.csv")).expect("a link");
    let finished =
        stage.run([with_columns("run", "customers.csv"), vec!["--outcomes", "outcomes.csv", "--json"]].concat());
    let result = finished.json();
    assert_eq!((finished.code, &result["exitCode"]), (Some(2), &2.into()));
    assert_eq!(result["rejects"], serde_json::json!({ "file": "rejects.csv", "rows": 1 }));
    assert_eq!(result["outcomes"]["error"]["code"], "file_unwritable");
    assert!(fs::read_to_string(stage.path("rejects.csv")).expect("rejects").contains("nobody"));
}
