use crate::support::Stage;

#[test]
fn a_code_is_explained_in_text_and_in_json() {
    let stage = Stage::new();
    let explained = stage.run(["explain", "csv_nul"]);
    assert_eq!(
        explained.stdout,
        "csv_nul (invalid_input)

what: a line of a CSV file contains a NUL character
why:  Files in UTF-16, and files that are no text, contain such characters.
help: save the file as UTF-8 text
"
    );
    let explained = stage.run(["explain", "--json", "csv_nul"]).json();
    assert_eq!((explained["explanations"][0]["kind"].as_str()), Some("invalid_input"));
    let of_the_server = stage.run(["explain", "RATE_LIMIT_EXCEEDED"]);
    assert!(
        of_the_server.stdout.contains("see:  https://docs.bizkithub.com/errors/RATE_LIMIT_EXCEEDED\n"),
        "{of_the_server:?}"
    );
}

#[test]
fn without_a_code_all_are_listed() {
    let stage = Stage::new();
    let list = stage.run(["explain"]);
    assert_eq!(list.code, Some(0));
    for code in ["addon_missing", "value_not_text", "INTERNAL_VALIDATION_FAILED"] {
        assert!(list.stdout.contains(&format!(" {code} ")), "{list:?}");
    }
}

#[test]
fn an_unknown_code_is_told_and_where_to_look() {
    let stage = Stage::new();
    stage.run(["explain", "no_such_code"]).assert_error(2, "code_unknown");
    let unknown = stage.run(["explain", "BRAND_NEW_CODE"]);
    assert!(unknown.stderr.contains("see https://docs.bizkithub.com/errors/BRAND_NEW_CODE"), "{unknown:?}");
}
