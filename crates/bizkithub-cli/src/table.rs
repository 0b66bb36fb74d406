use bizkithub::{printable, without_keys};
use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

/// How the cells of a column stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Terminals without a window, as under `docker exec -t` or in some CI, claim to be 0 characters wide. What is narrower than this
/// many characters is not wrapped, because it would be a word a line.
const NARROWEST: u16 = 40;

/// A table for people: a header, a line, then the rows. In a terminal it wraps its cells to the width of the window.
pub(crate) struct TextTable(Table);

impl TextTable {
    /// An empty table with its columns.
    pub(crate) fn new<const COLUMNS: usize>(columns: [(&str, Align); COLUMNS]) -> Self {
        let mut table = Table::new();
        let is_readable = table.width().is_none_or(|width| width >= NARROWEST);
        let arrangement = if is_readable { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
        table
            .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')))
            .set_content_arrangement(arrangement)
            .set_header(columns.map(|(name, _)| printable(name).into_owned()));
        for (column, (_, align)) in table.column_iter_mut().zip(columns) {
            column.set_padding((1, 1)).set_cell_alignment(match align {
                Align::Left => CellAlignment::Left,
                Align::Right => CellAlignment::Right,
            });
        }
        Self(table)
    }

    /// Adds a row. Its cells may hold any text: what would command the terminal is escaped, and keys are replaced here already,
    /// because one that is wrapped over two lines would not be found later.
    pub(crate) fn row<const COLUMNS: usize>(&mut self, cells: [&str; COLUMNS]) {
        self.0.add_row(cells.map(|cell| without_keys(&printable(cell)).into_owned()));
    }

    /// The whole table, with a line break after each line.
    pub(crate) fn text(&self) -> String {
        self.0.lines().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_replaced_before_its_cell_is_wrapped() {
        let mut table = TextTable::new([("group", Align::Left)]);
        table.0.set_width(24);
        table.row(["DEV_0123456789abcdefghijABCDEFGH"]);
        assert_eq!(table.text(), " group\n───────────\n [API key]\n");
    }
}
