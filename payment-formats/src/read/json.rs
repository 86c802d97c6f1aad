//! Reading an answer in JSON: the items of one array, one at a time.
//!
//! An item is held while it is read, within a budget; the array never is. Members that stand twice
//! are refused, because readers disagree on which of them counts.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::budget::{Budget, Budgeted, io_rule};
use super::{FITS, ReadError, ReadRule};
use crate::answer::{AnswerField, Draft, Meaning};
use crate::definition::Diagnostic;
use crate::outcome::{FileFacts, Outcome, Place, Scope};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsonDefinition {
    /// The member whose array holds the items; empty when the answer is the array.
    #[serde(default)]
    pub items: String,
    /// Every line is an item: what came back for one request each.
    #[serde(default)]
    pub lines: bool,
    /// Members by which the answer is known.
    pub recognise: Vec<String>,
    /// Words in the names of its files: they tell which list an empty one is.
    #[serde(default)]
    pub named: Vec<String>,
    /// Paths in an item, the most trusted first: `creditParty/key=msisdn/value`.
    pub fields: BTreeMap<String, Vec<String>>,
}

pub(crate) struct JsonAnswer {
    items: String,
    lines: bool,
    recognise: Vec<String>,
    named: Vec<String>,
    fields: Vec<(AnswerField, Vec<String>)>,
}

impl JsonAnswer {
    pub fn compile(definition: &JsonDefinition, faults: &mut Vec<Diagnostic>) -> JsonAnswer {
        let mut fields = Vec::new();
        for (word, paths) in &definition.fields {
            match AnswerField::parse(word) {
                Some(field) => fields.push((field, paths.clone())),
                None => faults
                    .push(Diagnostic::error("json.fields", format!("`{word}` is not a field"))),
            }
        }
        JsonAnswer {
            items: definition.items.clone(),
            lines: definition.lines,
            recognise: definition.recognise.clone(),
            named: definition.named.iter().map(|word| word.to_lowercase()).collect(),
            fields,
        }
    }

    pub fn claims(&self, beginning: &str) -> bool {
        self.opens(beginning) && self.missing(beginning).is_none()
    }

    fn bracket(&self) -> char {
        if self.items.is_empty() && !self.lines { '[' } else { '{' }
    }

    /// Whether it begins as an answer of this kind does.
    pub fn opens(&self, beginning: &str) -> bool {
        without_mark(beginning).starts_with(self.bracket())
    }

    fn missing(&self, beginning: &str) -> Option<&String> {
        self.recognise.iter().find(|member| !beginning.contains(&format!("\"{member}\"")))
    }

    /// Whether it is a list with nothing in it, which no member tells from another list.
    pub fn is_empty_list(&self, beginning: &str) -> bool {
        let inside = without_mark(beginning).trim_end().strip_prefix('[');
        let inside = inside.and_then(|rest| rest.strip_suffix(']'));
        self.bracket() == '[' && inside.is_some_and(|inside| inside.trim().is_empty())
    }

    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// Why it does not claim an answer that begins so.
    pub fn why_not(&self, beginning: &str) -> String {
        match (self.opens(beginning), self.missing(beginning)) {
            (false, _) => format!("does not begin with `{}`", self.bracket()),
            (true, Some(member)) => format!("has no `{member}` near its beginning"),
            (true, None) => FITS.to_owned(),
        }
    }

    /// Reads an answer to its end. Without a `sink`, only whether its text is right is looked at, and not what
    /// stands in it.
    pub fn read<'s, R: BufRead>(
        &'s self,
        meaning: &'s Meaning,
        input: R,
        facts: FileFacts,
        sink: Option<&'s mut dyn FnMut(Outcome) -> ControlFlow<()>>,
    ) -> Result<FileFacts, ReadError> {
        let (mut input, budget) = Budgeted::new(input);
        skip_byte_order_mark(&mut input)?;
        let mut reading =
            Reading { answer: self, meaning, budget, sink, facts, record: 0, refused: None };
        if self.lines {
            return reading.lines(&mut input);
        }
        let mut json = serde_json::Deserializer::from_reader(input);
        let read = DeserializeSeed::deserialize(Top(&mut reading), &mut json)
            .and_then(|found| json.end().map(|()| found));
        match read {
            Ok(true) => Ok(reading.facts),
            Ok(false) => Err(reading.refuse(ReadRule::BodyMustBeThere(self.items.clone()))),
            Err(error) => {
                let refused = reading.refused.take();
                Err(refused.unwrap_or_else(|| reading.refuse(json_rule(error))))
            }
        }
    }
}

fn without_mark(beginning: &str) -> &str {
    beginning.trim_start_matches('\u{FEFF}').trim_start()
}

fn skip_byte_order_mark<R: BufRead>(input: &mut Budgeted<R>) -> Result<(), ReadError> {
    let refuse = |rule| ReadError { rule, place: Place::default() };
    let bytes = input.fill_buf().map_err(|error| refuse(io_rule(&error)))?;
    if bytes.starts_with("\u{FEFF}".as_bytes()) {
        input.consume(3);
    }
    Ok(())
}

fn json_rule(error: serde_json::Error) -> ReadRule {
    use serde_json::error::Category;
    match error.classify() {
        Category::Io => io_rule(&error.into()),
        Category::Eof => ReadRule::FileMustBeWhole,
        // The parser's own words may repeat what stands in the file.
        Category::Syntax if error.to_string().starts_with("recursion limit") => {
            ReadRule::DepthMustFit
        }
        Category::Syntax if error.to_string().starts_with("invalid unicode") => {
            ReadRule::TextMustBeUtf8
        }
        Category::Syntax => {
            ReadRule::JsonMustBeRight("a broken value or text after the end".into())
        }
        Category::Data if error.to_string().starts_with(TWICE) => ReadRule::MembersMustBeUnique,
        Category::Data => ReadRule::MemberMustBeText,
    }
}

const TWICE: &str = "member stands twice";

struct Reading<'r> {
    answer: &'r JsonAnswer,
    meaning: &'r Meaning,
    budget: Budget,
    sink: Option<&'r mut dyn FnMut(Outcome) -> ControlFlow<()>>,
    facts: FileFacts,
    record: u64,
    /// Why reading was ended from inside the parser.
    refused: Option<ReadError>,
}

impl Reading<'_> {
    fn refuse(&self, rule: ReadRule) -> ReadError {
        ReadError { rule, place: Place { line: self.line(), record: self.record, field: None } }
    }

    fn line(&self) -> u64 {
        // A line is read to its end before it is understood.
        if self.answer.lines { self.record } else { self.budget.line() }
    }

    /// Reads items that stand on a line each.
    fn lines(mut self, input: &mut impl BufRead) -> Result<FileFacts, ReadError> {
        let mut line = Vec::new();
        loop {
            self.budget.renew();
            line.clear();
            let read = input.read_until(b'\n', &mut line);
            if read.map_err(|error| self.refuse(io_rule(&error)))? == 0 {
                return Ok(self.facts);
            }
            self.record += 1;
            let mut json = serde_json::Deserializer::from_slice(&line);
            let item = NodeSeed.deserialize(&mut json).and_then(|item| json.end().map(|()| item));
            let item = item.map_err(|error| self.refuse(json_rule(error)))?;
            self.item(&item)?;
        }
    }

    fn item(&mut self, item: &Node) -> Result<(), ReadError> {
        if self.sink.is_none() {
            return Ok(());
        }
        let mut draft = Draft::default();
        for (field, paths) in &self.answer.fields {
            for path in paths {
                let mut found = Vec::new();
                item.find_all(path, &mut found);
                match found.first() {
                    None | Some(Node::Null) => continue,
                    Some(Node::Text(text)) => {
                        let is_another =
                            |node: &&Node| !matches!(node, Node::Text(one) if one == text);
                        if found.iter().any(is_another) {
                            draft.states_two(*field);
                        }
                        draft.set(*field, text.trim().to_owned());
                    }
                    Some(_) => {
                        let mut refused = self.refuse(ReadRule::MemberMustBeText);
                        refused.place.field = Some(field.word().to_owned());
                        return Err(refused);
                    }
                }
                break;
            }
        }
        let place = Place { line: self.line(), record: self.record, field: None };
        let outcome = self.meaning.outcome(draft, Scope::Payment, place)?;
        self.facts.outcomes += 1;
        let minor = outcome.amount.map_or(0, |(minor, _)| minor);
        self.facts.payments.add(minor).map_err(|_| self.refuse(ReadRule::TotalsMustFit))?;
        match self.sink.as_mut().map(|sink| sink(outcome)) {
            None | Some(ControlFlow::Continue(())) => Ok(()),
            Some(ControlFlow::Break(())) => Err(self.refuse(ReadRule::StoppedByCaller)),
        }
    }
}

/// The whole answer. True when the items were there.
struct Top<'r, 's>(&'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        match self.0.answer.items.is_empty() {
            true => json.deserialize_seq(self),
            false => json.deserialize_map(self),
        }
    }
}

impl<'de> Visitor<'de> for Top<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer with its items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<bool, A::Error> {
        Items(self.0).visit_seq(items).map(|()| true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut found = false;
        let mut names: Vec<String> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if names.contains(&name) {
                return Err(A::Error::custom(TWICE));
            }
            if name == self.0.answer.items {
                members.next_value_seed(Items(self.0))?;
                found = true;
            } else {
                members.next_value_seed(NodeSeed)?;
            }
            names.push(name);
        }
        Ok(found)
    }
}

struct Items<'r, 's>(&'r mut Reading<'s>);

impl<'de> DeserializeSeed<'de> for Items<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Items<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of items")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        loop {
            self.0.budget.renew();
            let Some(item) = items.next_element_seed(NodeSeed)? else { return Ok(()) };
            self.0.record += 1;
            if let Err(refused) = self.0.item(&item) {
                self.0.refused = Some(refused);
                return Err(A::Error::custom("refused"));
            }
        }
    }
}

/// A value of an item. Numbers with decimals are refused by the parser: money is a text here.
enum Node {
    Null,
    Text(String),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Every value at a path: of an array, several items may have the wanted key.
    fn find_all<'n>(&'n self, path: &str, found: &mut Vec<&'n Node>) {
        let path = path.trim_start_matches('/');
        let (step, rest) = path.split_once('/').unwrap_or((path, ""));
        match self {
            _ if step.is_empty() => found.push(self),
            Node::Object(members) => {
                if let Some((_, node)) = members.iter().find(|(name, _)| name == step) {
                    node.find_all(rest, found);
                }
            }
            Node::Array(items) => {
                let Some((key, wanted)) = step.split_once('=') else { return };
                let is_wanted = |item: &&Node| {
                    let Node::Object(members) = item else { return false };
                    members.iter().any(|(name, node)| {
                        name == key && matches!(node, Node::Text(text) if text == wanted)
                    })
                };
                items.iter().filter(is_wanted).for_each(|item| item.find_all(rest, found));
            }
            Node::Null | Node::Text(_) => {}
        }
    }
}

struct NodeSeed;

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Node, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, an array or an object")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Text(value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(NodeSeed)? {
            all.push(item);
        }
        Ok(Node::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
        let mut all: Vec<(String, Node)> = Vec::new();
        while let Some(name) = members.next_key::<String>()? {
            if all.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(TWICE));
            }
            all.push((name, members.next_value_seed(NodeSeed)?));
        }
        Ok(Node::Object(all))
    }
}
