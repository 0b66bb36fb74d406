use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Finished, Stage};

/// The blocks of a page in the language of the shell.
fn blocks(page: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(page).expect("a page");
    let blocks = text.split("\n```sh\n").skip(1).filter_map(|rest| rest.split_once("\n```"));
    blocks.map(|(block, _)| block.to_owned()).collect()
}

#[test]
fn what_the_documentation_shows_of_the_shell_runs() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let pages = ["start/shell.md", "how-to/resume.md", "how-to/share-a-quota.md", "how-to/erase-a-person.md"];
    let command = PathBuf::from(env!("CARGO_BIN_EXE_bizkithub"));
    let path = std::env::var("PATH").expect("a path");
    for page in pages {
        let blocks = blocks(&docs.join(page));
        assert!(!blocks.is_empty(), "{page} shows nothing");
        for block in blocks {
            let stage = Stage::new();
            stage.file("customers.csv", "email,segment\njan@barasek.com,VIP;news\nnobody,VIP\n");
            let mut shell = Command::new("sh");
            shell
                .args(["-eu", "-c", &block])
                .current_dir(stage.path(""))
                .env("PATH", format!("{}:{path}", command.parent().expect("a folder").display()))
                .env("XDG_STATE_HOME", stage.path("state"))
                .env("BIZKITHUB_BASE_URL", stage.sandbox.url())
                .env("BIZKITHUB_API_KEY", stage.sandbox.api_key());
            let finished = Finished::of(&mut shell);
            assert_eq!((finished.code, finished.stderr.as_str()), (Some(0), ""), "{page}:\n{block}\n{finished:?}");
        }
    }
}
