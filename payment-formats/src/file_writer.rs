//! Writing one payout file as a stream: bytes are appended to one buffer that is passed on when it
//! is full, so a file of ten million payments takes the memory of one payment.

use std::io::{self, Write};

use crate::definition::Newline;
use crate::field::{Scene, pay_point};
use crate::layout::{Delimited, Layout, Leaf, Tree, Value};
use crate::out_format::{FieldRefused, OutFormat};
use crate::payment::{Batch, ControlTotals, Payment};

/// A file that is being written.
pub struct FileWriter<'f, W: Write> {
    format: &'f OutFormat,
    batch: &'f Batch<'f>,
    out: W,
    buffer: String,
    /// The value that is being evaluated.
    text: String,
    written: ControlTotals,
    bytes: u64,
    open: OpenNodes,
    group: Option<(String, ControlTotals)>,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rendered {
    pub totals: ControlTotals,
    pub bytes: u64,
}

const BUFFER_BYTES: usize = 64 * 1024;

impl<'f, W: Write> FileWriter<'f, W> {
    pub(crate) fn start(
        format: &'f OutFormat,
        batch: &'f Batch<'f>,
        out: W,
    ) -> Result<FileWriter<'f, W>, WriteError> {
        let mut writer = FileWriter {
            format,
            batch,
            out,
            buffer: String::with_capacity(BUFFER_BYTES + 8 * 1024),
            text: String::new(),
            written: ControlTotals::default(),
            bytes: 0,
            open: OpenNodes::default(),
            group: None,
        };
        if format.file.bom {
            writer.buffer.push('\u{FEFF}');
        }
        match &format.layout {
            Layout::Tree(tree) => {
                let Some(repeat) = tree.repeat else { return Ok(writer) };
                writer.buffer.push_str(match tree.json {
                    true => "{",
                    false => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
                });
                writer.leaves(tree, &tree.head, None)?;
                let parents = tree.nodes[repeat].chain.len() - 1;
                let chain = &tree.nodes[repeat].chain[..parents];
                writer.bring_open(tree, chain, None)?;
            }
            Layout::Delimited(sheet) => {
                for row in &sheet.head {
                    writer.row(sheet, row, None, None)?;
                }
                if let Some(names) = &sheet.header {
                    for (at, name) in names.iter().enumerate() {
                        if at > 0 {
                            writer.buffer.push(sheet.separator);
                        }
                        append_cell(&mut writer.buffer, name, sheet.separator);
                    }
                    writer.end_line();
                }
            }
        }
        Ok(writer)
    }

    /// Writes one payment. A refused payment leaves no trace in the file.
    pub fn payment(&mut self, payment: &Payment<'_>) -> Result<(), WriteError> {
        self.format.check_terms(payment)?;
        let before = self.written;
        if before.count == self.batch.totals.count {
            return Err(WriteError::TotalsMustAgree {
                declared: self.batch.totals,
                written: before,
            });
        }
        self.written.add(payment.amount_minor).map_err(|_| WriteError::TotalsMustFit)?;
        let mark = self.buffer.len();
        let open = self.open.clone_state();
        let outcome = match &self.format.layout {
            Layout::Tree(tree) => self.tree_payment(tree, payment),
            Layout::Delimited(sheet) => self.sheet_payment(sheet, payment),
        };
        if let Err(error) = outcome {
            self.buffer.truncate(mark);
            self.open.restore(open);
            self.written = before;
            return Err(error);
        }
        if self.buffer.len() >= BUFFER_BYTES {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Ends the file, and refuses when what was written is not what was declared: the header
    /// already says the declared totals.
    pub fn finish(mut self) -> Result<Rendered, WriteError> {
        if self.written != self.batch.totals {
            return Err(WriteError::TotalsMustAgree {
                declared: self.batch.totals,
                written: self.written,
            });
        }
        match &self.format.layout {
            Layout::Tree(tree) if tree.repeat.is_none() => {}
            Layout::Tree(tree) => {
                self.leaves(tree, &tree.tail, None)?;
                self.bring_open(tree, &[], None)?;
                self.buffer.push_str(if tree.json { "}\n" } else { "\n" });
            }
            Layout::Delimited(sheet) => {
                self.end_group(sheet)?;
                for row in &sheet.tail {
                    self.row(sheet, row, None, None)?;
                }
            }
        }
        self.pass_on()?;
        self.out.flush()?;
        Ok(Rendered { totals: self.written, bytes: self.bytes })
    }

    fn pass_on(&mut self) -> Result<(), WriteError> {
        self.out.write_all(self.buffer.as_bytes())?;
        self.bytes += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    fn tree_payment(&mut self, tree: &Tree, payment: &Payment<'_>) -> Result<(), WriteError> {
        let Some(repeat) = tree.repeat else {
            self.buffer.push('{');
            self.open = OpenNodes::default();
            self.leaves(tree, &tree.payment, Some(payment))?;
            self.bring_open(tree, &[], Some(payment))?;
            self.buffer.push_str("}\n");
            return Ok(());
        };
        let chain = &tree.nodes[repeat].chain;
        self.bring_open(tree, chain, Some(payment))?;
        self.leaves(tree, &tree.payment, Some(payment))?;
        self.bring_open(tree, &chain[..chain.len() - 1], Some(payment))
    }

    fn leaves(
        &mut self,
        tree: &Tree,
        leaves: &[Leaf],
        payment: Option<&Payment<'_>>,
    ) -> Result<(), WriteError> {
        for leaf in leaves {
            let scene = Scene { batch: self.batch, written: self.written, payment, group: None };
            if !leaf.value.evaluate(&scene, &self.format.library, &mut self.text)? {
                continue;
            }
            let text = std::mem::take(&mut self.text);
            let chain = &tree.nodes[leaf.node].chain;
            self.bring_open(tree, &chain[..chain.len() - 1], payment)?;
            self.open_node(tree, leaf.node, payment)?;
            match (tree.json, leaf.value.number) {
                (false, _) => append_xml(&mut self.buffer, &text),
                (true, true) => self.buffer.push_str(&text),
                (true, false) => append_json(&mut self.buffer, &text),
            }
            self.buffer.push_str(&tree.nodes[leaf.node].close);
            self.text = text;
        }
        Ok(())
    }

    /// Closes and opens containers until exactly `chain` is open.
    fn bring_open(
        &mut self,
        tree: &Tree,
        chain: &[usize],
        payment: Option<&Payment<'_>>,
    ) -> Result<(), WriteError> {
        let shared =
            chain.iter().zip(&self.open.nodes).take_while(|(left, right)| left == right).count();
        while self.open.nodes.len() > shared {
            let node = self.open.nodes.pop().expect("the loop runs while a node is open");
            self.open.filled.truncate(self.open.nodes.len() + 1);
            self.buffer.push_str(&tree.nodes[node].close);
        }
        for node in &chain[shared..] {
            self.open_node(tree, *node, payment)?;
            self.open.nodes.push(*node);
            self.open.filled.push(false);
        }
        Ok(())
    }

    fn open_node(
        &mut self,
        tree: &Tree,
        node: usize,
        payment: Option<&Payment<'_>>,
    ) -> Result<(), WriteError> {
        let node = &tree.nodes[node];
        if tree.json {
            let level = self.open.nodes.len();
            if self.open.filled[level] {
                self.buffer.push(',');
            }
            self.open.filled[level] = true;
        }
        self.buffer.push_str(&node.open);
        for (name, value) in &node.attributes {
            let scene = Scene { batch: self.batch, written: self.written, payment, group: None };
            if value.evaluate(&scene, &self.format.library, &mut self.text)? {
                self.buffer.push(' ');
                self.buffer.push_str(name);
                self.buffer.push_str("=\"");
                append_xml(&mut self.buffer, &self.text);
                self.buffer.push('"');
            }
        }
        self.buffer.push_str(node.bracket);
        Ok(())
    }

    fn sheet_payment(
        &mut self,
        sheet: &Delimited,
        payment: &Payment<'_>,
    ) -> Result<(), WriteError> {
        if sheet.subtotal.is_none() {
            return self.row(sheet, &sheet.columns, Some(payment), None);
        }
        let key = pay_point(payment);
        let continues = match &self.group {
            Some((open, _)) if open.as_str() == key => true,
            // A pay point that comes back would have two subtotals, each of them wrong.
            Some((open, _)) if key < open.as_str() => return Err(WriteError::GroupsMustBeInOrder),
            _ => false,
        };
        // A subtotal that was written before a refused row is true, so the group may stay closed;
        // but the row must not begin a group that it is not in. Hence the row is tried first.
        let scene =
            Scene { batch: self.batch, written: self.written, payment: Some(payment), group: None };
        for value in &sheet.columns {
            value.evaluate(&scene, &self.format.library, &mut self.text)?;
        }
        if !continues {
            self.end_group(sheet)?;
            self.group = Some((key.to_owned(), ControlTotals::default()));
        }
        if let Some((_, totals)) = &mut self.group {
            totals.add(payment.amount_minor).map_err(|_| WriteError::TotalsMustFit)?;
        }
        self.row(sheet, &sheet.columns, Some(payment), None)
    }

    fn end_group(&mut self, sheet: &Delimited) -> Result<(), WriteError> {
        if let (Some(row), Some((key, totals))) = (&sheet.subtotal, self.group.take()) {
            self.row(sheet, row, None, Some((&key, totals)))?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        sheet: &Delimited,
        values: &[Value],
        payment: Option<&Payment<'_>>,
        group: Option<(&str, ControlTotals)>,
    ) -> Result<(), WriteError> {
        let scene = Scene { batch: self.batch, written: self.written, payment, group };
        for (at, value) in values.iter().enumerate() {
            if at > 0 {
                self.buffer.push(sheet.separator);
            }
            if value.evaluate(&scene, &self.format.library, &mut self.text)? {
                append_cell(&mut self.buffer, &self.text, sheet.separator);
            }
        }
        self.end_line();
        Ok(())
    }

    fn end_line(&mut self) {
        self.buffer.push_str(match self.format.file.newline {
            Newline::Lf => "\n",
            Newline::Crlf => "\r\n",
        });
    }
}

/// Which containers are open, and which of them already hold something (JSON needs a comma then).
struct OpenNodes {
    nodes: Vec<usize>,
    /// One longer than `nodes`: the document itself comes first.
    filled: Vec<bool>,
}

impl Default for OpenNodes {
    fn default() -> OpenNodes {
        OpenNodes { nodes: Vec::new(), filled: vec![false] }
    }
}

impl OpenNodes {
    /// Between payments only the parents of the repeated node are open, and of these only the
    /// innermost can change.
    fn clone_state(&self) -> (usize, bool) {
        (self.nodes.len(), self.filled[self.nodes.len()])
    }

    fn restore(&mut self, (depth, filled): (usize, bool)) {
        self.nodes.truncate(depth);
        self.filled.truncate(depth + 1);
        self.filled[depth] = filled;
    }
}

fn append_xml(out: &mut String, text: &str) {
    append_escaped(out, text, |byte| match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'"' => Some("&quot;"),
        b'\'' => Some("&apos;"),
        _ => None,
    });
}

fn append_json(out: &mut String, text: &str) {
    out.push('"');
    // Control characters never come here: every value is checked for them.
    append_escaped(out, text, |byte| match byte {
        b'"' => Some("\\\""),
        b'\\' => Some("\\\\"),
        _ => None,
    });
    out.push('"');
}

fn append_escaped(out: &mut String, text: &str, escape: impl Fn(u8) -> Option<&'static str>) {
    let plain = text.bytes().fold(true, |plain, byte| plain & escape(byte).is_none());
    if plain {
        out.push_str(text);
        return;
    }
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(escaped) = escape(byte) {
            out.push_str(&text[written..at]);
            out.push_str(escaped);
            written = at + 1;
        }
    }
    out.push_str(&text[written..]);
}

fn append_cell(out: &mut String, text: &str, separator: char) {
    let quoted = text.contains([separator, '"']) || text.starts_with(' ') || text.ends_with(' ');
    if !quoted {
        out.push_str(text);
        return;
    }
    out.push('"');
    append_escaped(out, text, |byte| (byte == b'"').then_some("\"\""));
    out.push('"');
}

/// Why a file could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    #[error(transparent)]
    Refused(#[from] FieldRefused),
    #[error("a file has at least one payment")]
    BatchMustNotBeEmpty,
    #[error("a file of this format has at most {max} payments: split the batch")]
    TooManyPayments { max: u64 },
    #[error("this format does not carry the batch's currency")]
    CurrencyNotCarried,
    #[error("payments must come sorted by pay point")]
    GroupsMustBeInOrder,
    #[error(
        "the file declares {} payments and {}, but {} and {} were written (minor units)",
        declared.count, declared.sum_minor, written.count, written.sum_minor
    )]
    TotalsMustAgree { declared: ControlTotals, written: ControlTotals },
    #[error("the control totals are too large to be held")]
    TotalsMustFit,
    #[error("the file could not be written: {0}")]
    Io(#[from] io::Error),
}

impl WriteError {
    /// Stable, for logs and reports.
    pub fn code(&self) -> &'static str {
        match self {
            WriteError::Refused(refused) => refused.code(),
            WriteError::BatchMustNotBeEmpty => "M108",
            WriteError::TooManyPayments { .. } => "M109",
            WriteError::CurrencyNotCarried => "M107",
            WriteError::GroupsMustBeInOrder => "M128",
            WriteError::TotalsMustAgree { .. } => "M135",
            WriteError::TotalsMustFit => "M136",
            WriteError::Io(_) => "M129",
        }
    }
}
