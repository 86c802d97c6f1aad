//! Writing HTML: one escape for every text, headings and tables in two languages.
//!
//! Everything that comes from outside goes through `escaped`; nothing else writes text.

use std::fmt::Write as _;

use crate::report::words::{Language, Words};

/// A document that is being written.
pub struct Page {
    out: String,
    language: Language,
}

/// How a column is set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    Text,
    /// To the right, digits under digits.
    Number,
}

/// One cell of a table.
#[derive(Clone, Debug)]
pub enum Cell {
    Words(Words),
    /// A text that is the same in both languages.
    Text(String),
    /// A number that is formatted already.
    Number(String),
    /// A code, with what it means.
    Coded(String, Words),
    /// Something to compare letter by letter: a digest, a command.
    Exact(String),
    /// A name over the digest of what it names.
    Named {
        name: String,
        about: String,
        digest: String,
    },
    Lines(Vec<String>),
    /// True: both sides agree.
    Agrees(bool),
    /// A small bar of so many thousandths, beside a number that is formatted already.
    Bar(i128, String),
    Empty,
}

/// A table with a caption; the first cell of each row is its head.
pub struct Table {
    pub caption: Words,
    pub columns: Vec<(Words, Align)>,
    pub rows: Vec<Row>,
    /// May be cut between two printed pages; the others are kept whole where a page can hold them.
    pub is_long: bool,
}

pub struct Row {
    pub cells: Vec<Cell>,
    /// Set off as a sum of what stands above.
    pub is_sum: bool,
}

impl Table {
    pub fn new(caption: Words, columns: Vec<(Words, Align)>) -> Table {
        Table { caption, columns, rows: Vec::new(), is_long: false }
    }

    pub fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, is_sum: false });
    }

    pub fn sum(&mut self, cells: Vec<Cell>) {
        self.rows.push(Row { cells, is_sum: true });
    }
}

impl Page {
    pub fn new(language: Language) -> Page {
        Page { out: String::with_capacity(64 * 1024), language }
    }

    pub fn finish(self) -> String {
        self.out
    }

    /// Writes markup that this program made; never a text from outside.
    pub fn markup(&mut self, markup: &str) {
        self.out.push_str(markup);
    }

    pub fn text(&mut self, text: &str) {
        self.out.push_str(&escaped(text));
    }

    /// Writes both languages, the second one smaller; or the one that is asked for.
    pub fn say(&mut self, words: &Words) {
        match self.language {
            Language::Vietnamese => self.text(&words.vi),
            Language::English => self.text(&words.en),
            Language::Both if words.vi == words.en => self.text(&words.vi),
            Language::Both => {
                let (vi, en) = (escaped(&words.vi), escaped(&words.en));
                let _ = write!(self.out, "{vi} <small lang=\"en\">{en}</small>");
            }
        }
    }

    /// Both languages as plain text, for titles and attributes; escaped.
    pub fn plain(&self, words: &Words) -> String {
        match self.language {
            Language::Vietnamese => escaped(&words.vi),
            Language::English => escaped(&words.en),
            Language::Both if words.vi == words.en => escaped(&words.vi),
            Language::Both => escaped(&format!("{} – {}", words.vi, words.en)),
        }
    }

    pub fn section(&mut self, id: &'static str, title: &Words) {
        let _ = write!(
            self.out,
            "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\">"
        );
        self.say(title);
        self.markup("</h2>\n");
    }

    pub fn section_end(&mut self) {
        self.markup("</section>\n\n");
    }

    pub fn paragraph(&mut self, class: &'static str, words: &Words) {
        let _ = write!(self.out, "<p class=\"{class}\">");
        self.say(words);
        self.markup("</p>\n");
    }

    /// A mark with its word, so that it is not told by colour alone.
    pub fn agrees(&mut self, agrees: bool) {
        match agrees {
            true => {
                self.markup("<span class=\"ok\">✓ ");
                self.say(&Words::fixed("khớp", "agrees"));
            }
            false => {
                self.markup("<span class=\"bad\">✗ ");
                self.say(&Words::fixed("LỆCH", "DIFFERS"));
            }
        }
        self.markup("</span>");
    }

    pub fn table(&mut self, table: &Table) {
        self.markup(if table.is_long { "<table class=\"long\">\n" } else { "<table>\n" });
        self.markup("<caption>");
        self.say(&table.caption);
        self.markup("</caption>\n<thead><tr>");
        for (heading, align) in &table.columns {
            let _ = write!(self.out, "<th scope=\"col\"{}>", class(*align));
            self.say(heading);
            self.markup("</th>");
        }
        self.markup("</tr></thead>\n<tbody>\n");
        if table.rows.is_empty() {
            let _ = write!(self.out, "<tr><td colspan=\"{}\" class=\"none\">", table.columns.len());
            self.say(&Words::fixed("Không có.", "None."));
            self.markup("</td></tr>\n");
        }
        for row in &table.rows {
            self.markup(if row.is_sum { "<tr class=\"sum\">" } else { "<tr>" });
            for (at, (cell, (_, align))) in row.cells.iter().zip(&table.columns).enumerate() {
                match at {
                    0 => {
                        let _ = write!(self.out, "<th scope=\"row\"{}>", class(*align));
                        self.cell(cell);
                        self.markup("</th>");
                    }
                    _ => {
                        let _ = write!(self.out, "<td{}>", class(*align));
                        self.cell(cell);
                        self.markup("</td>");
                    }
                }
            }
            self.markup("</tr>\n");
        }
        self.markup("</tbody>\n</table>\n");
    }

    fn cell(&mut self, cell: &Cell) {
        match cell {
            Cell::Words(words) => self.say(words),
            Cell::Text(text) | Cell::Number(text) => self.text(text),
            Cell::Coded(code, words) => {
                self.markup("<code>");
                self.text(code);
                self.markup("</code> ");
                self.say(words);
            }
            Cell::Exact(text) => self.exact(text),
            Cell::Named { name, about, digest } => {
                self.markup("<span class=\"name\">");
                self.text(name);
                self.markup("</span>");
                if !about.is_empty() {
                    self.markup("<span class=\"about\">");
                    self.text(about);
                    self.markup("</span>");
                }
                self.exact(digest);
            }
            Cell::Lines(lines) => {
                for (at, line) in lines.iter().enumerate() {
                    if at > 0 {
                        self.markup("<br>");
                    }
                    self.text(line);
                }
            }
            Cell::Agrees(agrees) => self.agrees(*agrees),
            Cell::Bar(mille, number) => {
                let wide = mille.clamp(&0, &1000);
                let _ = write!(
                    self.out,
                    "<svg class=\"cellbar\" viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"ground\" width=\"1000\" height=\"60\"/><rect class=\"paid\" width=\"{wide}\" height=\"60\"/></svg> "
                );
                self.text(number);
            }
            Cell::Empty => {}
        }
    }

    /// A digest or name that is compared letter by letter; it may break after every 16 letters.
    pub fn exact(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.markup("<code class=\"exact\">");
        let letters: Vec<char> = text.chars().collect();
        for (at, part) in letters.chunks(16).enumerate() {
            if at > 0 {
                self.markup("<wbr>");
            }
            self.text(&part.iter().collect::<String>());
        }
        self.markup("</code>");
    }
}

fn class(align: Align) -> &'static str {
    match align {
        Align::Text => "",
        Align::Number => " class=\"n\"",
    }
}

/// Makes a text safe in content and in quoted attributes. Control characters, and the marks that
/// turn the direction of writing, become visible: a name cannot dress up as another.
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => {
                out.push('\u{fffd}');
            }
            control if control.is_control() => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, wanted: &str) {
        assert_eq!(escaped(text), wanted);
    }

    #[test]
    fn what_could_be_markup_is_text() {
        check("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;");
        check("\" onload='x'", "&quot; onload=&#39;x&#39;");
        check("a&amp;b", "a&amp;amp;b");
        check("Nguyễn Thị Ánh", "Nguyễn Thị Ánh");
    }

    #[test]
    fn what_hides_or_turns_around_is_seen() {
        check("a\u{202e}vsc.exe", "a\u{fffd}vsc.exe");
        check("a\0b\u{1b}[2J", "a\u{fffd}b\u{fffd}[2J");
        check("a\nb", "a\u{fffd}b");
    }

    #[test]
    fn one_language_leaves_the_other_out() {
        let words = Words::fixed("Đã chi", "Paid");
        for (language, wanted) in [
            (Language::Vietnamese, "Đã chi"),
            (Language::English, "Paid"),
            (Language::Both, "Đã chi <small lang=\"en\">Paid</small>"),
        ] {
            let mut page = Page::new(language);
            page.say(&words);
            assert_eq!(page.finish(), wanted);
        }
    }
}
