//! A layout compiled from a definition: the values in writing order, and the tree or row they fill.
//!
//! Everything that can be known before the first payment is done here: paths are resolved to
//! nodes, opening and closing text is prepared, and nothing is left to look up while writing.

use std::collections::{BTreeMap, BTreeSet};

use crate::definition::{
    DelimitedDefinition, Diagnostic, OutKind, TreeDefinition, ValueDefinition,
};
use crate::expression::{Expression, Library, truncate_characters};
use crate::field::{FieldLevel, Scene};
use crate::out_format::{FieldRefused, FieldRule};

pub(crate) enum Layout {
    Tree(Tree),
    Delimited(Delimited),
}

/// A value with the rules that it must meet.
pub(crate) struct Value {
    pub place: String,
    expression: Expression,
    when: Option<Expression>,
    required: bool,
    min: usize,
    max: usize,
    truncate: bool,
    pub number: bool,
}

impl Value {
    /// Evaluates into `text`, which is cleared first. False when there is nothing to write.
    pub fn evaluate(
        &self,
        scene: &Scene<'_>,
        library: &Library,
        text: &mut String,
    ) -> Result<bool, FieldRefused> {
        self.evaluate_by_rule(scene, library, text)
            .map_err(|rule| FieldRefused { place: self.place.clone(), rule })
    }

    fn evaluate_by_rule(
        &self,
        scene: &Scene<'_>,
        library: &Library,
        text: &mut String,
    ) -> Result<bool, FieldRule> {
        text.clear();
        if let Some(when) = &self.when {
            when.append(scene, library, text)?;
            if text.is_empty() {
                return Ok(false);
            }
            text.clear();
        }
        self.expression.append(scene, library, text)?;
        if text.is_empty() {
            return match self.required {
                true => Err(FieldRule::MustNotBeEmpty),
                false => Ok(false),
            };
        }
        if has_control(text) {
            return Err(FieldRule::ControlCharacter);
        }
        // Byte length is at least the character count, so most values are measured by it alone.
        if text.len() > self.max && text.chars().count() > self.max {
            if !self.truncate {
                return Err(FieldRule::TooLong { max: self.max });
            }
            truncate_characters(text, 0, self.max);
        }
        if self.min > 0 && text.chars().count() < self.min {
            return Err(FieldRule::TooShort { min: self.min });
        }
        Ok(true)
    }
}

/// Control characters and the code points that XML has no way to write.
fn has_control(text: &str) -> bool {
    // Folded without a branch, so that the compiler looks at many bytes at once.
    let plain = text.bytes().fold(true, |plain, byte| plain & (0x20..0x7F).contains(&byte));
    !plain
        && text
            .chars()
            .any(|letter| letter.is_control() || matches!(letter, '\u{FFFE}' | '\u{FFFF}'))
}

/// An XML or JSON document.
pub(crate) struct Tree {
    pub json: bool,
    pub nodes: Vec<Node>,
    pub head: Vec<Leaf>,
    pub payment: Vec<Leaf>,
    pub tail: Vec<Leaf>,
    /// The node that is opened once for each payment; none when every payment is a document of its
    /// own, on a line.
    pub repeat: Option<usize>,
}

/// An element, or a JSON member or item.
pub(crate) struct Node {
    /// From the top to this node, itself included.
    pub chain: Vec<usize>,
    /// `<Amt`, or `"amount":`; attributes and the bracket of a container follow.
    pub open: String,
    /// `>` for an element, `{` or `[` for a JSON container, nothing for a JSON value.
    pub bracket: &'static str,
    pub close: String,
    pub attributes: Vec<(String, Value)>,
}

pub(crate) struct Leaf {
    pub node: usize,
    pub value: Value,
}

pub(crate) struct Delimited {
    pub separator: char,
    pub head: Vec<Vec<Value>>,
    pub header: Option<Vec<String>>,
    pub columns: Vec<Value>,
    pub subtotal: Option<Vec<Value>>,
    pub tail: Vec<Vec<Value>>,
}

/// Compiles values and collects every fault rather than the first.
pub(crate) struct Compiler<'d> {
    pub library: &'d Library,
    pub faults: &'d mut Vec<Diagnostic>,
}

impl Compiler<'_> {
    pub fn delimited(&mut self, definition: &DelimitedDefinition) -> Delimited {
        let mut rows = |name: &str, rows: &[Vec<ValueDefinition>]| -> Vec<Vec<Value>> {
            rows.iter().map(|row| self.values(name, row, FieldLevel::Batch)).collect()
        };
        let head = rows("delimited.head", &definition.head);
        let tail = rows("delimited.tail", &definition.tail);
        let names = definition.column.iter().map(|column| column.at.clone());
        if definition.column.is_empty() {
            self.fault("delimited.column", "a sheet has at least one column");
        }
        if !definition.separator.is_ascii() || matches!(definition.separator, '"' | '\r' | '\n') {
            self.fault("delimited.separator", "a separator is one ASCII character, not a quote");
        }
        Delimited {
            separator: definition.separator,
            head,
            header: definition.header.then(|| names.collect()),
            columns: self.values("delimited.column", &definition.column, FieldLevel::Payment),
            subtotal: definition
                .subtotal
                .as_ref()
                .map(|row| self.values("delimited.subtotal", row, FieldLevel::Group)),
            tail,
        }
    }

    fn values(&mut self, name: &str, row: &[ValueDefinition], level: FieldLevel) -> Vec<Value> {
        row.iter()
            .enumerate()
            .filter_map(|(at, value)| self.value(&format!("{name}[{at}]"), value, level))
            .collect()
    }

    fn value(
        &mut self,
        place: &str,
        definition: &ValueDefinition,
        level: FieldLevel,
    ) -> Option<Value> {
        let place = match definition.at.as_str() {
            "" => place.to_owned(),
            at => format!("{place} {at}"),
        };
        let mut parse = |text: &str| match Expression::parse(text, level, self.library) {
            Ok(expression) => Some(expression),
            Err(message) => {
                self.faults.push(Diagnostic::error(place.clone(), message));
                None
            }
        };
        let when = definition.when.as_deref().map(&mut parse);
        let expression = match (&definition.value, &definition.text) {
            (Some(value), None) => parse(value),
            (None, Some(text)) => Some(Expression::Text(text.clone())),
            _ => {
                self.fault(&place, "give either `value`, an expression, or `text`, a constant");
                None
            }
        };
        if definition.truncate && definition.max.is_none() {
            self.fault(&place, "`truncate` needs a `max`");
        }
        Some(Value {
            place: match definition.at.as_str() {
                "" => place,
                at => at.to_owned(),
            },
            expression: expression?,
            when: match when {
                Some(None) => return None,
                Some(Some(when)) => Some(when),
                None => None,
            },
            required: definition.required,
            min: definition.min.unwrap_or(0),
            max: definition.max.unwrap_or(usize::MAX),
            truncate: definition.truncate,
            number: definition.number,
        })
    }

    pub fn tree(&mut self, kind: OutKind, definition: &TreeDefinition) -> Tree {
        let json = kind == OutKind::Json;
        let mut growth = Growth { json, nodes: Vec::new(), found: BTreeMap::new() };
        let repeat_path = definition.repeat.trim_matches('/').to_owned();
        let repeat = (!definition.lines).then(|| growth.container(&repeat_path));
        if definition.lines {
            let has_more = !definition.head.is_empty() || !definition.tail.is_empty();
            if !json || has_more || !repeat_path.is_empty() {
                let message = "lines are JSON documents: without head, tail and repeat";
                self.fault("tree.lines", message);
            }
        }
        let head = self.leaves(&mut growth, "tree.head", "", &definition.head, FieldLevel::Batch);
        let payment = self.leaves(
            &mut growth,
            "tree.payment",
            &repeat_path,
            &definition.payment,
            FieldLevel::Payment,
        );
        let tail = self.leaves(&mut growth, "tree.tail", "", &definition.tail, FieldLevel::Batch);
        growth.bracket_containers();
        let tops = growth.nodes.iter().filter(|node| node.chain.len() == 1).count();
        if !json && tops != 1 {
            self.fault("tree", "an XML document has one root element");
        }
        Tree { json, nodes: growth.nodes, head, payment, tail, repeat }
    }

    fn leaves(
        &mut self,
        growth: &mut Growth,
        name: &str,
        base: &str,
        values: &[ValueDefinition],
        level: FieldLevel,
    ) -> Vec<Leaf> {
        let mut leaves = Vec::new();
        let mut open: Vec<usize> = Vec::new();
        let mut closed: BTreeSet<usize> = BTreeSet::new();
        for (at, definition) in values.iter().enumerate() {
            let place = format!("{name}[{at}]");
            let Some(value) = self.value(&place, definition, level) else { continue };
            let path = match base {
                "" => definition.at.clone(),
                base => format!("{base}/{}", definition.at),
            };
            if definition.at.is_empty() || path.split('/').any(str::is_empty) {
                self.fault(&place, "a path has names between its slashes");
                continue;
            }
            if let Some((element, attribute)) = path.split_once('@') {
                // An attribute belongs to the element of the same path that follows.
                let element = growth.pending_attribute(element);
                growth.nodes[element].attributes.push((attribute.to_owned(), value));
                continue;
            }
            let node = growth.leaf(&path);
            let chain = &growth.nodes[node].chain;
            let shared = chain.iter().zip(&open).take_while(|(left, right)| left == right).count();
            if chain[shared..].iter().any(|opened| closed.contains(opened)) {
                self.fault(&place, "what belongs to one element must stand together");
            }
            closed.extend(open[shared..].iter().copied());
            open = chain.clone();
            leaves.push(Leaf { node, value });
        }
        leaves
    }

    fn fault(&mut self, place: &str, message: &str) {
        self.faults.push(Diagnostic::error(place, message));
    }
}

/// The nodes of a tree while its paths are read.
struct Growth {
    json: bool,
    nodes: Vec<Node>,
    /// Containers, and elements that have attributes and wait for their text.
    found: BTreeMap<String, usize>,
}

impl Growth {
    /// The node of a path, made with its ancestors when it is new.
    fn container(&mut self, path: &str) -> usize {
        if let Some(node) = self.found.get(path) {
            return *node;
        }
        let node = self.grow(path);
        self.found.insert(path.to_owned(), node);
        node
    }

    fn pending_attribute(&mut self, path: &str) -> usize {
        self.container(path)
    }

    /// A leaf is always new, so that an element may be repeated, unless attributes wait for it.
    fn leaf(&mut self, path: &str) -> usize {
        match self.found.get(path) {
            Some(node) if !self.nodes[*node].attributes.is_empty() => *node,
            _ => self.grow(path),
        }
    }

    fn grow(&mut self, path: &str) -> usize {
        let (parent, name) = match path.rsplit_once('/') {
            Some((parent, name)) => (Some(self.container(parent)), name),
            None => (None, path),
        };
        let mut chain = parent.map_or_else(Vec::new, |parent| self.nodes[parent].chain.clone());
        chain.push(self.nodes.len());
        let item = name.starts_with('[');
        let (open, bracket, close) = match (self.json, item) {
            (false, _) => (format!("<{name}"), ">", format!("</{name}>")),
            (true, true) => (String::new(), "", String::new()),
            (true, false) => (format!("\"{name}\":"), "", String::new()),
        };
        self.nodes.push(Node { chain, open, bracket, close, attributes: Vec::new() });
        self.nodes.len() - 1
    }

    /// A JSON node with children is an array when they are items, and an object otherwise.
    fn bracket_containers(&mut self) {
        if !self.json {
            return;
        }
        let parents: Vec<(usize, bool)> = self
            .nodes
            .iter()
            .filter(|node| node.chain.len() > 1)
            .map(|node| (node.chain[node.chain.len() - 2], node.open.is_empty()))
            .collect();
        for (parent, item) in parents {
            let (bracket, close) = if item { ("[", "]") } else { ("{", "}") };
            self.nodes[parent].bracket = bracket;
            self.nodes[parent].close = close.to_owned();
        }
    }
}
