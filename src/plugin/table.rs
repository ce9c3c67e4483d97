//! Text for people: columns, colours, and what a terminal or a pipe can bear. It knows no kind.

use std::fmt::Write;

/// How text may look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours may be used.
    pub colour: bool,
    /// Nothing but ASCII.
    pub ascii: bool,
}

/// What a cell says beside its text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Nothing.
    #[default]
    Plain,
    /// All is well.
    Good,
    /// Somebody should look.
    Bad,
}

/// A cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// With a tone.
    #[must_use]
    pub fn toned(text: impl Into<String>, tone: Tone) -> Self {
        Self { text: text.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

impl Style {
    /// For where the output goes, and what the environment says of colours: `NO_COLOR` with any text means none.
    #[must_use]
    pub fn new(terminal: bool, no_color: Option<&str>) -> Self {
        Self { colour: terminal && no_color.is_none_or(str::is_empty), ascii: !terminal }
    }

    /// A text as it may be shown. What others wrote must not move the cursor; where only ASCII may stand, other
    /// characters stand as their numbers.
    #[must_use]
    pub fn shown(self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for letter in text.chars() {
            if letter.is_control() || (self.ascii && !letter.is_ascii()) {
                shown.extend(letter.escape_default());
            } else {
                shown.push(letter);
            }
        }
        shown
    }

    fn toned(self, text: &str, tone: Tone) -> String {
        match tone {
            Tone::Good if self.colour => format!("\u{1b}[32m{text}\u{1b}[0m"),
            Tone::Bad if self.colour => format!("\u{1b}[31m{text}\u{1b}[0m"),
            Tone::Plain | Tone::Good | Tone::Bad => text.to_owned(),
        }
    }

    /// Columns as wide as they need, two blanks between them, each line indented so far.
    #[must_use]
    pub fn table(self, headers: &[&str], rows: &[Vec<Cell>], indent: usize) -> String {
        let shown: Vec<Vec<String>> =
            rows.iter().map(|row| row.iter().map(|cell| self.shown(&cell.text)).collect()).collect();
        let widest = |column: usize, header: &str| {
            let cells = shown.iter().filter_map(|row| row.get(column)).map(|text| text.chars().count());
            cells.chain([header.chars().count()]).max().unwrap_or_default()
        };
        let widths: Vec<usize> = headers.iter().enumerate().map(|(column, header)| widest(column, header)).collect();
        let mut text = String::new();
        let line = |cells: &mut dyn Iterator<Item = (String, Tone)>, text: &mut String| {
            let mut line = " ".repeat(indent);
            for ((cell, tone), width) in cells.zip(&widths) {
                let blanks = width.saturating_sub(cell.chars().count()) + 2;
                line.push_str(&self.toned(&cell, tone));
                line.push_str(&" ".repeat(blanks));
            }
            let _ = writeln!(text, "{}", line.trim_end());
        };
        line(&mut headers.iter().map(|header| ((*header).to_owned(), Tone::Plain)), &mut text);
        for (row, cells) in rows.iter().zip(shown) {
            line(&mut cells.into_iter().zip(row.iter().map(|cell| cell.tone)), &mut text);
        }
        text
    }

    /// One fact with its name.
    #[must_use]
    pub fn fact(self, name: &str, cell: &Cell) -> String {
        format!("{:<17} {}\n", format!("{name}:"), self.toned(&self.shown(&cell.text), cell.tone))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need() {
        let rows = [vec![Cell::from("a"), Cell::from("long text")], vec![Cell::from("longer"), Cell::from("")]];
        let table = Style::default().table(&["X", "SECOND"], &rows, 2);
        assert_eq!(table, "  X       SECOND\n  a       long text\n  longer\n");
    }

    #[test]
    fn a_pipe_gets_ascii_and_no_colours() {
        let rows = [vec![Cell::toned("müll\u{1b}[2J", Tone::Bad)]];
        let pipe = Style::new(false, None).table(&["X"], &rows, 0);
        assert!(pipe.is_ascii() && !pipe.contains('\u{1b}') && pipe.contains("m\\u{fc}ll"), "{pipe:?}");
        let terminal = Style::new(true, None).table(&["X"], &rows, 0);
        assert!(terminal.contains("\u{1b}[31mmüll\\u{1b}[2J\u{1b}[0m"), "only our own codes: {terminal:?}");
        for (no_color, colour) in [(Some("1"), false), (Some(""), true), (None, true)] {
            assert_eq!(Style::new(true, no_color).colour, colour, "{no_color:?}");
        }
    }
}
