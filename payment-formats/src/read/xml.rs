//! Reading an ISO 20022 message as a stream of elements.
//!
//! Elements are matched by local name inside the message's own namespace; what the definition does
//! not name is passed over. An element of the definition that gives outcomes is a *level*: it
//! collects fields while it is open, and takes what it lacks from the levels around it.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::ops::ControlFlow;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use serde::Deserialize;

use super::budget::{Budget, Budgeted, io_rule};
use super::{DEPTH_MAX, ReadError, ReadRule, VALUE_BYTES_MAX};
use crate::answer::{AnswerField, Draft, Meaning, parse_count};
use crate::definition::Diagnostic;
use crate::entry_bounds::Inside;
use crate::outcome::{Direction, FileFacts, Outcome, Place, Scope};
use crate::statement::{PartWord, StatementPart};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct XmlDefinition {
    /// `pain.002`
    pub message: String,
    /// The last part of the message's name: `03`.
    pub versions: Vec<String>,
    /// The element inside `Document`.
    pub body: String,
    pub level: Vec<LevelDefinition>,
    /// The same file read as an account statement: balances, entries and what makes them up.
    #[serde(default)]
    pub statement: Vec<LevelDefinition>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LevelDefinition {
    /// Path under the body; empty for the body itself.
    #[serde(default)]
    pub path: String,
    pub scope: Option<ScopeWord>,
    /// Of a statement, in place of a scope.
    pub part: Option<PartWord>,
    pub give: Give,
    /// Paths under the level, the most trusted first. `@Ccy` after a path is an attribute.
    #[serde(default)]
    pub fields: BTreeMap<String, Vec<String>>,
    /// Fields taken from the levels around when this one lacks them.
    #[serde(default)]
    pub inherit: Vec<String>,
    /// An only child that has no amount has its parent's.
    #[serde(default)]
    pub amount_when_alone: bool,
    /// A declared count may be larger than what is inside: banks that book a batch as one entry
    /// often send one detail for all of it.
    #[serde(default)]
    pub details_may_lack: bool,
    /// What the payments inside it come to is bounded by its own amount; the facts of the file tell where it is
    /// not.
    #[serde(default)]
    pub bounds_payments: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ScopeWord {
    File,
    Batch,
    Payment,
}

/// When a level gives an outcome.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Give {
    Never,
    Always,
    /// When it has a status of its own; before the outcomes of what is inside it.
    WithStatus,
    /// When nothing inside it gave one.
    Childless,
    /// The same, and when it has a status of its own; after the outcomes of what is inside it.
    Stated,
}

pub(crate) struct XmlAnswer {
    message: String,
    versions: Vec<String>,
    body: String,
    levels: Vec<Level>,
    /// A tree of element names; node 0 is the body.
    nodes: Vec<PathNode>,
}

struct Level {
    scope: Scope,
    part: Option<PartWord>,
    give: Give,
    inherit: Vec<AnswerField>,
    amount_when_alone: bool,
    details_may_lack: bool,
    bounds_payments: bool,
}

#[derive(Default)]
struct PathNode {
    name: String,
    children: Vec<usize>,
    level: Option<usize>,
    captures: Vec<Capture>,
}

/// What the text or an attribute of an element is to a level.
struct Capture {
    level: usize,
    field: AnswerField,
    /// 0 is the most trusted.
    rank: usize,
    attribute: Option<String>,
}

impl XmlAnswer {
    /// The levels that give outcomes.
    pub fn compile(definition: &XmlDefinition, faults: &mut Vec<Diagnostic>) -> XmlAnswer {
        XmlAnswer::of_levels(definition, &definition.level, false, faults)
    }

    /// The levels that give the parts of a statement, where the definition has them.
    pub fn compile_statement(
        definition: &XmlDefinition,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<XmlAnswer> {
        let levels = &definition.statement;
        (!levels.is_empty()).then(|| XmlAnswer::of_levels(definition, levels, true, faults))
    }

    fn of_levels(
        definition: &XmlDefinition,
        levels: &[LevelDefinition],
        of_statement: bool,
        faults: &mut Vec<Diagnostic>,
    ) -> XmlAnswer {
        let mut answer = XmlAnswer {
            message: definition.message.clone(),
            versions: definition.versions.clone(),
            body: definition.body.clone(),
            levels: Vec::new(),
            nodes: vec![PathNode { name: definition.body.clone(), ..PathNode::default() }],
        };
        for (at, level) in levels.iter().enumerate() {
            let place = match of_statement {
                true => format!("xml.statement[{at}]"),
                false => format!("xml.level[{at}]"),
            };
            let mut fault =
                |message: String| faults.push(Diagnostic::error(place.clone(), message));
            let mut inherit = Vec::new();
            for word in &level.inherit {
                match AnswerField::parse(word) {
                    Some(field) => inherit.push(field),
                    None => fault(format!("`{word}` is not a field")),
                }
            }
            for (word, paths) in &level.fields {
                let Some(field) = AnswerField::parse(word) else {
                    fault(format!("`{word}` is not a field"));
                    continue;
                };
                for (rank, path) in paths.iter().enumerate() {
                    let (path, attribute) = match path.split_once('@') {
                        Some((path, attribute)) => (path, Some(attribute.to_owned())),
                        None => (path.as_str(), None),
                    };
                    let joined = [level.path.as_str(), path].join("/");
                    let node = answer.node(&joined);
                    let capture = Capture { level: at, field, rank, attribute };
                    answer.nodes[node].captures.push(capture);
                }
            }
            let bounds = level.fields.contains_key("amount") && !of_statement;
            if level.bounds_payments && !bounds {
                fault("a level bounds payments by its amount, and gives outcomes".into());
            }
            let node = answer.node(&level.path);
            if answer.nodes[node].level.replace(at).is_some() {
                fault("two levels have the same path".into());
            }
            if of_statement {
                if level.scope.is_some() || (level.part.is_none() && level.give != Give::Never) {
                    fault("a level of a statement has a part, and no scope".into());
                }
            } else if level.part.is_some() || (level.scope.is_none() && level.give != Give::Never) {
                fault("a level that gives outcomes has a scope, and no part".into());
            }
            answer.levels.push(Level {
                scope: match level.scope {
                    Some(ScopeWord::File) => Scope::File,
                    Some(ScopeWord::Batch) | None => Scope::Batch,
                    Some(ScopeWord::Payment) => Scope::Payment,
                },
                part: level.part,
                give: level.give,
                inherit,
                amount_when_alone: level.amount_when_alone,
                details_may_lack: level.details_may_lack,
                bounds_payments: level.bounds_payments,
            });
        }
        answer
    }

    /// The node of a path under the body, made when it is new.
    fn node(&mut self, path: &str) -> usize {
        let mut at = 0;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            at = match self.child(at, name) {
                Some(child) => child,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(PathNode { name: name.to_owned(), ..PathNode::default() });
                    self.nodes[at].children.push(child);
                    child
                }
            };
        }
        at
    }

    fn child(&self, node: usize, name: &str) -> Option<usize> {
        self.nodes[node].children.iter().copied().find(|child| self.nodes[*child].name == name)
    }

    pub fn bounds_payments(&self) -> bool {
        self.levels.iter().any(|level| level.bounds_payments)
    }

    pub fn claims(&self, beginning: &str) -> bool {
        message_name(beginning, &self.message).is_some()
    }

    /// Why it does not claim an answer that begins so.
    pub fn why_not(&self, beginning: &str) -> String {
        match self.claims(beginning) {
            true => super::FITS.to_owned(),
            false => format!("names no `{}` near its beginning", self.message),
        }
    }

    pub fn read<R: BufRead>(
        &self,
        meaning: &Meaning,
        input: R,
        facts: FileFacts,
        sink: Sink<'_>,
    ) -> Result<FileFacts, ReadError> {
        let (input, budget) = Budgeted::new(input);
        let mut reader = NsReader::from_reader(input);
        reader.config_mut().check_comments = true;
        let mut reading = Reading {
            answer: self,
            meaning,
            budget,
            sink,
            facts,
            namespace: None,
            path: Vec::new(),
            open: Vec::new(),
            inside: None,
            value: Value::default(),
            record: 0,
            depth: 0,
            roots: 0,
            bodies: 0,
            document_depth: 0,
        };
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            reading.budget.renew();
            let (namespace, event) = match reader.read_resolved_event_into(&mut bytes) {
                Ok(resolved) => resolved,
                Err(error) => return Err(reading.refuse(xml_rule(&error))),
            };
            match event {
                Event::Start(element) => reading.start(&namespace, &element)?,
                Event::Empty(element) => {
                    reading.start(&namespace, &element)?;
                    reading.end()?;
                }
                Event::End(_) => reading.end()?,
                Event::Text(text) => reading.text(&text.xml10_content())?,
                Event::CData(text) => reading.text(&text.xml10_content())?,
                Event::GeneralRef(reference) => {
                    let character = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character),
                        Ok(None) => predefined(&reference),
                        Err(_) => None,
                    };
                    let Some(character) = character else {
                        return Err(reading.refuse(ReadRule::EntityMustBePredefined));
                    };
                    reading.text(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(reading.refuse(ReadRule::DoctypeMustBeAbsent)),
                Event::Comment(_) | Event::PI(_) => reading.value.interrupted = true,
                Event::Decl(_) => {}
                Event::Eof => break,
            }
        }
        reading.finish()
    }
}

/// Where what was read goes.
pub(crate) enum Sink<'s> {
    Outcomes(&'s mut dyn FnMut(Outcome) -> ControlFlow<()>),
    Parts(&'s mut dyn FnMut(StatementPart) -> ControlFlow<()>),
}

/// One pass over a file.
struct Reading<'r, 's> {
    answer: &'r XmlAnswer,
    meaning: &'r Meaning,
    budget: Budget,
    sink: Sink<'s>,
    facts: FileFacts,
    /// Of the message, once its document has begun.
    namespace: Option<String>,
    /// Nodes of the definition that are open; None for an element that is passed over.
    path: Vec<Option<usize>>,
    open: Vec<OpenLevel>,
    /// What the payments come to of the level that bounds them and is open.
    inside: Option<Inside>,
    value: Value,
    record: u64,
    depth: usize,
    roots: usize,
    bodies: usize,
    /// The depth of `Document`; 0 outside of it.
    document_depth: usize,
}

struct OpenLevel {
    level: usize,
    draft: Draft,
    /// The rank of each field that was found.
    ranks: [Option<usize>; AnswerField::ALL.len()],
    given: bool,
    /// A child without an amount waits here to learn whether it is alone.
    waiting: Option<(Draft, usize, Place)>,
    children: u64,
    child_sum: i128,
    child_amounts: u64,
    child_currency: Option<crate::Currency>,
    /// Outcomes that levels inside it gave.
    outcomes_inside: u64,
}

#[derive(Default)]
struct Value {
    text: String,
    interrupted: bool,
}

impl Reading<'_, '_> {
    fn start(
        &mut self,
        namespace: &ResolveResult<'_>,
        element: &BytesStart<'_>,
    ) -> Result<(), ReadError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.refuse(ReadRule::DepthMustFit));
        }
        if self.depth == 1 {
            self.roots += 1;
            if self.roots > 1 {
                return Err(self.refuse(ReadRule::OneRootOnly));
            }
        }
        self.value = Value::default();
        let name = element.local_name();
        let name = name.as_ref();
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => Some(namespace.0),
            ResolveResult::Unbound => None,
            ResolveResult::Unknown(_) => {
                let message = "a prefix that is not declared".to_owned();
                return Err(self.refuse(ReadRule::XmlMustBeWellFormed(message)));
            }
        };
        if self.document_depth == 0 {
            if name == "Document" {
                self.begin_document(namespace)?;
            }
            return Ok(());
        }
        let ours = namespace == self.namespace.as_deref();
        let node = if !ours {
            None
        } else if self.depth == self.document_depth + 1 {
            (name == self.answer.body).then_some(0)
        } else {
            self.path.last().copied().flatten().and_then(|parent| self.answer.child(parent, name))
        };
        if node == Some(0) {
            self.bodies += 1;
            if self.bodies > 1 {
                return Err(self.refuse(ReadRule::OneMessageOnly));
            }
        }
        self.path.push(node);
        if let Some(node) = node {
            if let Some(level) = self.answer.nodes[node].level {
                self.begin_level(level)?;
            }
            for capture in &self.answer.nodes[node].captures {
                if let Some(attribute) = &capture.attribute
                    && let Ok(Some(found)) = element.try_get_attribute(attribute)
                {
                    let text = found.value.trim().to_owned();
                    self.capture(capture, text)?;
                }
            }
        }
        Ok(())
    }

    fn begin_document(&mut self, namespace: Option<&str>) -> Result<(), ReadError> {
        if self.namespace.is_some() {
            return Err(self.refuse(ReadRule::OneMessageOnly));
        }
        let Some(namespace) = namespace else {
            return Err(self.refuse(ReadRule::NamespaceMustBeThere));
        };
        let name = message_name(namespace, &self.answer.message);
        let known = name.filter(|name| {
            self.answer.versions.iter().any(|version| name[name.len() - 2..] == **version)
        });
        let Some(known) = known else {
            let expected = self.answer.message.clone();
            let found = namespace.chars().take(80).collect();
            return Err(self.refuse(ReadRule::MessageMustBeExpected { expected, found }));
        };
        self.facts.message_name = known.to_owned();
        self.namespace = Some(namespace.to_owned());
        self.document_depth = self.depth;
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), ReadError> {
        if self.depth == 0 {
            // A byte order mark stands before everything.
            return match text.trim_start_matches('\u{FEFF}').trim().is_empty() {
                true => Ok(()),
                false => Err(self.refuse(ReadRule::OneRootOnly)),
            };
        }
        let wanted = self.path.last().copied().flatten().is_some_and(|node| {
            self.answer.nodes[node].captures.iter().any(|capture| capture.attribute.is_none())
        });
        if wanted {
            // Section 2.2 of XML has no other marks of control.
            let is_none = |one: char| matches!(one, '\u{0}'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}');
            if text.contains(is_none) {
                let message = "a character that XML does not have".to_owned();
                return Err(self.refuse(ReadRule::XmlMustBeWellFormed(message)));
            }
            self.value.text.push_str(text);
            if self.value.text.len() > VALUE_BYTES_MAX {
                return Err(self.refuse(ReadRule::ValueMustFit));
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), ReadError> {
        if self.document_depth > 0 && self.depth > self.document_depth {
            let node = self.path.pop().flatten();
            let value = std::mem::take(&mut self.value);
            if let Some(node) = node {
                let text = value.text.trim();
                if !text.is_empty() {
                    for capture in &self.answer.nodes[node].captures {
                        if capture.attribute.is_none() {
                            if value.interrupted {
                                let rule = ReadRule::ValueMustBeWhole;
                                return Err(self.refuse_field(capture.field, rule));
                            }
                            self.capture(capture, text.to_owned())?;
                        }
                    }
                }
                if self.answer.nodes[node].level.is_some() {
                    self.end_level()?;
                }
            }
        } else if self.depth == self.document_depth {
            self.document_depth = 0;
        }
        self.value = Value::default();
        self.depth -= 1;
        Ok(())
    }

    fn capture(&mut self, capture: &Capture, text: String) -> Result<(), ReadError> {
        let Some(open) = self.open.iter_mut().rev().find(|open| open.level == capture.level) else {
            return Ok(());
        };
        let at = capture.field as usize;
        match open.ranks[at] {
            // Each status reason information has one reason, as a code or in words.
            Some(rank) if capture.field == AnswerField::Reason => match rank <= capture.rank {
                true => {
                    open.draft.reason_besides(text);
                    return Ok(());
                }
                false => {
                    let words = open.draft.take(AnswerField::Reason);
                    words.into_iter().for_each(|words| open.draft.reason_besides(words));
                }
            },
            Some(rank) if rank < capture.rank => return Ok(()),
            Some(rank) if rank == capture.rank => match capture.field {
                // Several texts explain one reason; the first code leads.
                AnswerField::ReasonText => {
                    let mut all = open.draft.take(AnswerField::ReasonText).unwrap_or_default();
                    if all.len() + text.len() < VALUE_BYTES_MAX {
                        all.push_str("; ");
                        all.push_str(&text);
                    }
                    open.draft.set(AnswerField::ReasonText, all);
                    return Ok(());
                }
                AnswerField::EndToEndId
                | AnswerField::Amount
                | AnswerField::Status
                | AnswerField::Direction => {
                    return Err(self.refuse_field(capture.field, ReadRule::FieldMustBeUnique));
                }
                _ => return Ok(()),
            },
            _ => {}
        }
        open.ranks[at] = Some(capture.rank);
        open.draft.set(capture.field, text);
        Ok(())
    }

    fn begin_level(&mut self, level: usize) -> Result<(), ReadError> {
        let gives = self.answer.levels[level].give != Give::Never;
        if gives {
            // What stands around a payment is said before the payment.
            if let Some(parent) = self.open.len().checked_sub(1)
                && self.answer.levels[self.open[parent].level].give == Give::WithStatus
            {
                self.give(parent)?;
            }
        }
        if let Some(parent) = self.open.last_mut() {
            parent.children += 1;
        }
        if let Some(waiting) = self.open.last_mut().and_then(|parent| parent.waiting.take()) {
            self.deliver(waiting)?;
        }
        if gives {
            self.record += 1;
        }
        if self.answer.levels[level].bounds_payments {
            self.inside = Some(Inside::after(self.facts.outcomes));
        }
        self.open.push(OpenLevel {
            level,
            draft: Draft::default(),
            ranks: [None; AnswerField::ALL.len()],
            given: false,
            waiting: None,
            children: 0,
            child_sum: 0,
            child_amounts: 0,
            child_currency: None,
            outcomes_inside: 0,
        });
        Ok(())
    }

    fn end_level(&mut self) -> Result<(), ReadError> {
        let at = self.open.len() - 1;
        self.check_totals(at)?;
        let level = &self.answer.levels[self.open[at].level];
        if let Some(mut waiting) = self.open[at].waiting.take() {
            let draft = &self.open[at].draft;
            let amount = draft.get(AnswerField::Amount).map(str::to_owned);
            let currency = draft.get(AnswerField::Currency).map(str::to_owned);
            match (self.open[at].children == 1, amount) {
                (true, Some(amount)) => {
                    waiting.0.set(AnswerField::Amount, amount);
                    if let Some(currency) = currency {
                        waiting.0.set(AnswerField::Currency, currency);
                    }
                    self.deliver(waiting)?;
                }
                // The entry's amount may stand one level further out, if it is alone there too.
                (true, None) if at > 0 => self.open[at - 1].waiting = Some(waiting),
                _ => self.deliver(waiting)?,
            }
        }
        let give = match level.give {
            Give::Never => false,
            Give::Always => true,
            Give::WithStatus => !self.open[at].given,
            Give::Childless => self.open[at].outcomes_inside == 0,
            Give::Stated => {
                let open = &self.open[at];
                open.outcomes_inside == 0 || open.draft.get(AnswerField::Status).is_some()
            }
        };
        if give {
            self.give(at)?;
        }
        self.note_facts(at);
        if level.bounds_payments
            && let Some(inside) = self.inside.take()
        {
            let draft = &self.open[at].draft;
            let booked = self.meaning.amount_currency(draft).and_then(|currency| {
                let minor =
                    self.meaning.parse_amount(draft.get(AnswerField::Amount)?, currency).ok()?;
                Some((minor, currency))
            });
            let direction = draft.get(AnswerField::Direction).and_then(Direction::parse);
            inside.held_against(booked, direction, &mut self.facts);
        }
        let ended = self.open.pop().expect("a level that ends was open");
        if let Some(parent) = self.open.last_mut() {
            parent.outcomes_inside += ended.outcomes_inside + u64::from(give);
            if let (Some(amount), Some(currency)) =
                (ended.draft.get(AnswerField::Amount), self.meaning.amount_currency(&ended.draft))
                && let Ok(minor) = self.meaning.parse_amount(amount, currency)
            {
                parent.child_sum += i128::from(minor);
                parent.child_amounts += 1;
                parent.child_currency = Some(currency);
            }
        }
        Ok(())
    }

    /// A level's declared totals against the levels inside it.
    fn check_totals(&mut self, at: usize) -> Result<(), ReadError> {
        let open = &self.open[at];
        let count = open.draft.get(AnswerField::DeclaredCount).map(str::to_owned);
        let sum = open.draft.get(AnswerField::DeclaredSum).map(str::to_owned);
        let lacking = self.answer.levels[open.level].details_may_lack;
        if let Some(declared) = count {
            let agrees = parse_count(&declared).is_some_and(|declared| {
                declared == open.children || (lacking && open.children < declared)
            });
            if !agrees {
                let found = open.children.to_string();
                let rule = ReadRule::TotalsMustAgree { declared, found };
                return Err(self.refuse_field(AnswerField::DeclaredCount, rule));
            }
        }
        if let Some(declared) = sum
            && open.child_amounts == open.children
            && let Some(currency) = open.child_currency
        {
            let minor = self.meaning.parse_amount(&declared, currency).map_err(|rule| {
                self.refuse_field(AnswerField::DeclaredSum, ReadRule::Amount(rule))
            })?;
            if i128::from(minor) != open.child_sum {
                let found = format!("{} minor units", open.child_sum);
                let rule = ReadRule::TotalsMustAgree { declared, found };
                return Err(self.refuse_field(AnswerField::DeclaredSum, rule));
            }
        }
        Ok(())
    }

    /// Gives the outcome of an open level.
    fn give(&mut self, at: usize) -> Result<(), ReadError> {
        let level = &self.answer.levels[self.open[at].level];
        if level.give == Give::WithStatus {
            if self.open[at].given || self.open[at].draft.get(AnswerField::Status).is_none() {
                return Ok(());
            }
            self.open[at].given = true;
        }
        let mut draft = self.open[at].draft.clone();
        for field in &level.inherit {
            if draft.get(*field).is_none() {
                let around = self.open[..at].iter().rev();
                if let Some(around) =
                    around.map(|open| &open.draft).find(|one| one.get(*field).is_some())
                {
                    draft.inherit(*field, around);
                }
            }
        }
        let place = self.place(None);
        if level.amount_when_alone && draft.get(AnswerField::Amount).is_none() && at > 0 {
            self.open[at - 1].waiting = Some((draft, self.open[at].level, place));
            return Ok(());
        }
        self.deliver((draft, self.open[at].level, place))
    }

    fn deliver(&mut self, (draft, level, place): (Draft, usize, Place)) -> Result<(), ReadError> {
        let (scope, part) = (self.answer.levels[level].scope, self.answer.levels[level].part);
        if let (Sink::Parts(sink), Some(word)) = (&mut self.sink, part) {
            return match sink(self.meaning.part(word, draft, place)?) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(self.refuse(ReadRule::StoppedByCaller)),
            };
        }
        let Sink::Outcomes(sink) = &mut self.sink else { return Ok(()) };
        let outcome = self.meaning.outcome(draft, scope, place)?;
        self.facts.outcomes += 1;
        if scope == Scope::Payment {
            let minor = outcome.amount.map_or(0, |(minor, _)| minor);
            if self.facts.payments.add(minor).is_err() {
                return Err(self.refuse(ReadRule::TotalsMustFit));
            }
            if let Some(inside) = &mut self.inside {
                inside.add(outcome.amount, outcome.direction);
            }
        }
        match sink(outcome) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(self.refuse(ReadRule::StoppedByCaller)),
        }
    }

    /// Keeps what the file says about itself.
    fn note_facts(&mut self, at: usize) {
        let draft = &self.open[at].draft;
        let keep = |slot: &mut Option<String>, field: AnswerField| {
            if slot.is_none() {
                *slot = draft.get(field).map(str::to_owned);
            }
        };
        keep(&mut self.facts.message_id, AnswerField::MessageId);
        keep(&mut self.facts.statement_id, AnswerField::StatementId);
        // A set of payments inside the file has totals of its own.
        if at == 0 {
            keep(&mut self.facts.original_sum, AnswerField::OriginalSum);
            self.facts.original_count = draft.get(AnswerField::OriginalCount).and_then(parse_count);
        }
    }

    fn finish(self) -> Result<FileFacts, ReadError> {
        if self.depth > 0 || self.roots == 0 {
            return Err(self.refuse(ReadRule::FileMustBeWhole));
        }
        if self.namespace.is_none() {
            return Err(self.refuse(ReadRule::BodyMustBeThere("Document".into())));
        }
        if self.bodies == 0 {
            return Err(self.refuse(ReadRule::BodyMustBeThere(self.answer.body.clone())));
        }
        Ok(self.facts)
    }

    fn place(&self, field: Option<AnswerField>) -> Place {
        let field = field.map(|field| field.word().to_owned());
        Place { line: self.budget.line(), record: self.record, field }
    }

    fn refuse(&self, rule: ReadRule) -> ReadError {
        ReadError { rule, place: self.place(None) }
    }

    fn refuse_field(&self, field: AnswerField, rule: ReadRule) -> ReadError {
        ReadError { rule, place: self.place(Some(field)) }
    }
}

/// `pain.002.001.10` in a namespace, whatever stands around it.
fn message_name<'t>(text: &'t str, message: &str) -> Option<&'t str> {
    let start = text.find(message)?;
    let name = text.get(start..start + message.len() + 7)?;
    let tail = &name.as_bytes()[message.len()..];
    let shaped = tail[0] == b'.'
        && tail[4] == b'.'
        && tail.iter().enumerate().all(|(at, byte)| at == 0 || at == 4 || byte.is_ascii_digit());
    shaped.then_some(name)
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

fn xml_rule(error: &quick_xml::Error) -> ReadRule {
    match error {
        quick_xml::Error::Io(error) => io_rule(error),
        quick_xml::Error::Encoding(_) => ReadRule::TextMustBeUtf8,
        quick_xml::Error::IllFormed(quick_xml::errors::IllFormedError::MissingEndTag(_)) => {
            ReadRule::FileMustBeWhole
        }
        // The message must not repeat what stands in the file: it may be personal.
        quick_xml::Error::Syntax(_) => ReadRule::XmlMustBeWellFormed("a broken tag".into()),
        quick_xml::Error::IllFormed(_) => {
            ReadRule::XmlMustBeWellFormed("tags that do not match".into())
        }
        _ => ReadRule::XmlMustBeWellFormed("attributes or namespaces".into()),
    }
}
