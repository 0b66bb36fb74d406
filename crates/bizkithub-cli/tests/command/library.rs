use std::ffi::OsString;

use bizkithub_cli::main_with;

fn arguments(texts: &[&str]) -> Vec<OsString> {
    texts.iter().map(OsString::from).collect()
}

#[test]
fn it_works_inside_another_runtime_and_more_than_once() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        for _ in 0..2 {
            let unreachable = ["python -m bizkithub", "sandbox", "show", "http://127.0.0.1:1", "--json"];
            assert_eq!(main_with(arguments(&unreachable)), 5);
        }
    });
}

#[test]
fn the_programs_name_does_not_matter() {
    assert_eq!(main_with(arguments(&["node", "slug", "VIP", "--json"])), 0);
    assert_eq!(main_with(arguments(&["node", "slug", "", "--json"])), 2);
}
