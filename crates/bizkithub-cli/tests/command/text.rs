use bizkithub_sandbox::{Fault, FaultEffect, Selector};

use crate::support::{Stage, with_columns};

const CUSTOMERS: &str = "email,groups\n\
    jan@barasek.com,Personal training\n\
    Jan@Barasek.com,personal-training; VIP\n\
    \"nobody\",VIP\n\
    \n\
    eva@example.com,Plavání|Yoga & Pilates\n\
    somebody,VIP\n\
    petr@example.com,💪\n";

#[test]
fn a_plan_reads_well() {
    let stage = Stage::new();
    stage.file("customers.csv", CUSTOMERS);
    let finished = stage.run(with_columns("plan", "customers.csv"));
    assert_eq!(finished.stderr, "");
    assert_eq!(
        finished.stdout,
        "\u{20}customers.csv
──────────────────────────
 rows                   6
 rejected rows          3
 customers              2
 requests to send       2
 time at 1000/min   0.1 s

 group               slug                customers
───────────────────────────────────────────────────
 Personal training   personal-training           1
 VIP                 vip                         1
 Plavání             plavani                     1
 Yoga & Pilates      yoga-and-pilates            1

 not applied                    rows   for example
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 rejected: email_invalid           2   rows 3, 5 (lines 4, 7): the e-mail address has no @
 rejected: group_without_slug      1   row 6 (line 8): the group \"💪\" has no letter or digit that a slug could keep

Nothing has been sent. Slugs are predictions: the server's own have the last word.
"
    );
}

#[test]
fn a_report_reads_well() {
    let stage = Stage::new();
    let failing = FaultEffect::Status { status: 503, code: None, retry_after_seconds: None };
    stage.sandbox.add_fault(Fault::new(failing).when(Selector::Email("eva@example.com".into()))).expect("a fault");
    stage.file("customers.csv", CUSTOMERS);
    let finished = stage.run([with_columns("run", "customers.csv"), vec!["--ledger", "groups.ledger"]].concat());
    assert_eq!((finished.code, finished.stderr.as_str()), (Some(5), ""));
    let (before, after) = finished.stdout.split_once("4 requests sent in ").expect("the requests");
    let (_, after) = after.split_once(" s, ").expect("the time");
    assert_eq!(
        before,
        "customers.csv: 6 rows, 2 requests to send, 3 rows rejected
ledger: groups.ledger

 outcome    rows
─────────────────
 applied       2
 skipped       0
 rejected      3
 pending       1
 unknown       0

 not applied                    rows   for example
────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 rejected: email_invalid           2   rows 3, 5 (lines 4, 7): the e-mail address has no @
 pending: server                   1   row 4: the server failed
 rejected: group_without_slug      1   row 6 (line 8): the group \"💪\" has no letter or digit that a slug could keep

"
    );
    assert_eq!(
        after,
        "2 of them again after a failure

1 row is not settled. To go on, run the same command again: the ledger knows what was acknowledged, and nothing of it \
         is sent again.
3 rejected rows with the reason are in rejects.csv
"
    );
}

#[test]
fn an_error_reads_well() {
    let stage = Stage::new();
    let unknown = FaultEffect::Status {
        status: 404,
        code: Some("INTERNAL_RESOURCE_NOT_FOUND".into()),
        retry_after_seconds: None,
    };
    stage.sandbox.add_fault(Fault::new(unknown)).expect("a fault");
    assert_eq!(
        stage.run(["add", "--email", "jan@barasek.com", "--group", "vip"]).stderr,
        "error: the customer is not in the organisation, was deleted, or may not be seen (INTERNAL_RESOURCE_NOT_FOUND, HTTP 404)
help:  check the e-mail or cuRefNo in BizKitHub
help:  see https://docs.bizkithub.com/errors/INTERNAL_RESOURCE_NOT_FOUND
"
    );
    assert_eq!(
        stage.run(["add", "--email", "jan.barasek.com", "--group", "vip"]).stderr,
        "error: the e-mail address has no @ (email_invalid)
help:  correct the address, or name the customer by cuRefNo
"
    );
}

#[test]
fn many_groups_are_cut_short() {
    let stage = Stage::new();
    let groups: Vec<String> = (0..1_060).map(|number| format!("group-{number}")).collect();
    stage.file("customers.csv", format!("email,groups\njan@barasek.com,{}\n", groups.join(";")));
    let finished = stage.run(with_columns("plan", "customers.csv"));
    assert!(finished.stdout.contains(" group-49 "), "{finished:?}");
    assert!(finished.stdout.contains("\n and 1,010 groups more; --json lists all\n"), "{finished:?}");
    assert!(!finished.stdout.contains(" group-50 "), "{finished:?}");
}
