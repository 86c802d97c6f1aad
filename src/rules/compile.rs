//! Builds a pack from its files, or says everything that is wrong with them.
//!
//! Reads: paths and texts. Gives: a `Pack`, or diagnostics with file, line, column and caret.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use serde::de::DeserializeOwned;

use crate::domain::money::{Currency, Rounding, RoundingMode};
use crate::domain::period::{Period, parse_date};
use crate::rules::diagnostic::{Code, Diagnostic, Source};
use crate::rules::expression::{self, Binding, Compiled, Names, Place, Program};
use crate::rules::pack::{
    Benefit, BenefitId, BenefitKind, Clause, ClauseId, ClauseKind, ClauseRole, Combination,
    CombinationKind, ComponentId, DecisionNumber, Definition, FactChoice, FactColumn, FundId,
    Interval, Named, Pack, Programme,
};
use crate::rules::rate::Bilingual;
use crate::rules::syntax;
use crate::rules::value::{Input, Type};
use crate::rules::written::{
    BilingualFile, ClauseFile, ClausesFile, CombinationFile, NamedFile, PackFile, ProgrammeFile,
    RatesFile, RoundingFile, Text,
};

/// Builds the pack that these files make. Warnings do not stop it; `check` shows them.
pub fn compile(sources: &[Source<'_>]) -> Result<Pack, Vec<Diagnostic>> {
    let (pack, found) = build(sources);
    match pack {
        Some(pack) if !found.iter().any(Diagnostic::is_error) => Ok(pack),
        _ => Err(found),
    }
}

/// Everything that can be said about these files, errors and warnings, in the order of the files.
pub fn check(sources: &[Source<'_>]) -> Vec<Diagnostic> {
    build(sources).1
}

/// All files of a pack together.
pub const BYTES_MAX: usize = 16 << 20;
const ITEMS_MAX: usize = 2_048;

fn build(sources: &[Source<'_>]) -> (Option<Pack>, Vec<Diagnostic>) {
    let mut found = Vec::new();
    if sources.iter().map(|source| source.text.len()).sum::<usize>() > BYTES_MAX {
        let message = format!("the files of a pack have at most {BYTES_MAX} bytes together");
        return (None, vec![Diagnostic::file(Code::LimitExceeded, "pack.toml", message)]);
    }
    let Some(root) = sources.iter().find(|source| file_name(source.path) == "pack.toml") else {
        let message = "there is no pack.toml";
        return (None, vec![Diagnostic::file(Code::FileMustExist, "pack.toml", message)]);
    };
    let Some(file) = read::<PackFile>(*root, &mut found) else {
        return (None, found);
    };
    let currency = match Currency::parse(file.currency.get_ref()) {
        Ok(currency) => currency,
        Err(error) => {
            found.push(at(*root, &file.currency, Code::LiteralMustRead, error.to_string()));
            return (None, found);
        }
    };
    let covers_from = match file.covers_from.get_ref().parse() {
        Ok(period) => period,
        Err(error) => {
            found.push(at(*root, &file.covers_from, Code::LiteralMustRead, format!("{error}")));
            return (None, found);
        }
    };
    let pack = Pack {
        id: file.id.clone(),
        version: file.version.clone(),
        jurisdiction: file.jurisdiction.clone(),
        currency,
        title: bilingual(&file.title),
        covers_from,
        incomplete_birth: file.incomplete_birth.reading,
        incomplete_birth_citation: file.incomplete_birth.citation.clone(),
        programmes: Vec::new(),
        facts: Vec::new(),
        fact_by_name: HashMap::new(),
        funds: Vec::new(),
        components: Vec::new(),
        benefits: Vec::new(),
        rates: Vec::new(),
        tables: Vec::new(),
        definitions: Vec::new(),
        clauses: vec![nothing_applies()],
        combinations: Vec::new(),
        program: Program::default(),
        enumerations: vec![vec!["female".to_owned(), "male".to_owned()]],
    };
    let mut builder = Builder { pack, found, names: Names::default(), clause_ids: HashSet::new() };
    builder.everything(*root, &file, sources);
    let order: HashMap<&str, usize> =
        sources.iter().enumerate().map(|(at, source)| (source.path, at)).collect();
    let clauses = &builder.pack.clauses;
    let roots = clauses.iter().flat_map(|clause| [&clause.when, &clause.then]).flatten();
    builder.pack.program.fold(roots.map(|compiled| compiled.root));
    let mut found = builder.found;
    // Cases name what the pack declares; with a broken pack they would only repeat its faults.
    if !found.iter().any(Diagnostic::is_error) {
        found.extend(crate::rules::cases::read_cases(&builder.pack, sources).1);
    }
    found.sort_by_key(|d| {
        (order.get(d.file.as_str()).copied().unwrap_or(usize::MAX), d.line, d.column)
    });
    (Some(builder.pack), found)
}

mod dated_values;

struct Builder {
    pack: Pack,
    found: Vec<Diagnostic>,
    names: Names,
    clause_ids: HashSet<String>,
}

impl Builder {
    fn everything(&mut self, root: Source<'_>, file: &PackFile, sources: &[Source<'_>]) {
        let counts = [
            file.fact.len(),
            file.benefit.len(),
            file.definition.len(),
            file.fund.len(),
            file.component.len(),
            file.combination.len(),
            file.programme.len(),
        ];
        if counts.into_iter().any(|count| count > ITEMS_MAX) {
            let message = format!("a pack has at most {ITEMS_MAX} of each kind");
            self.found.push(Diagnostic::file(Code::LimitExceeded, root.path, message));
            return;
        }
        for (name, input) in Input::BUILT_IN {
            let kind = match input {
                Input::Sex => Type::Enum(0),
                Input::Period => Type::Period,
                _ => Type::Date,
            };
            self.names.bindings.insert(name.to_owned(), Binding::Input(input, kind));
        }
        self.facts(root, file);
        self.names.enumerations.clone_from(&self.pack.enumerations);
        for written in &file.programme {
            let decision = &written.decision;
            let without = decision.number == DecisionNumber::NotNeeded;
            if without && decision.citation.trim().is_empty() {
                let message = "a programme that pays without a decision cites the law that says so";
                self.fault(root, &written.id, Code::FieldMissing, message);
            }
        }
        self.pack.programmes = file.programme.iter().map(programme).collect();
        self.pack.funds = self.named(root, &file.fund);
        self.pack.components = self.named(root, &file.component);
        self.benefits(root, file);

        let folder = root.path.strip_suffix("pack.toml").unwrap_or("");
        let mut clauses: Vec<(Source<'_>, String, ClausesFile)> = Vec::new();
        for source in sources {
            let Some(rest) = source.path.strip_prefix(folder) else { continue };
            let mut parts = rest.splitn(2, '/');
            let (programme, name) = (parts.next().unwrap_or(""), parts.next().unwrap_or(""));
            match name {
                "rates.toml" => {
                    if let Some(file) = read::<RatesFile>(*source, &mut self.found) {
                        self.rates(*source, &file, sources);
                    }
                }
                "clauses.toml" => {
                    if let Some(file) = read::<ClausesFile>(*source, &mut self.found) {
                        clauses.push((*source, programme.to_owned(), file));
                    }
                }
                "cases.toml" => {}
                _ if rest == "pack.toml" || name.starts_with("tables/") => {}
                _ => self.found.push(Diagnostic::file(
                    Code::FileMustBeExpected,
                    source.path,
                    "a pack has pack.toml and, per programme, rates.toml, clauses.toml, cases.toml and tables/",
                )),
            }
        }
        for definition in &file.definition {
            self.definition(root, definition);
        }
        for (source, programme, file) in &clauses {
            for clause in &file.clause {
                self.clause(*source, programme, clause);
            }
        }
        for combination in &file.combination {
            self.combination(root, combination);
        }
        self.completeness(root, file);
    }

    fn facts(&mut self, root: Source<'_>, file: &PackFile) {
        for fact in &file.fact {
            let index = self.pack.facts.len();
            let kind = match fact.kind.get_ref().as_str() {
                "enum" => {
                    let values: Vec<String> =
                        fact.values.iter().map(|value| value.id.get_ref().clone()).collect();
                    if values.is_empty() || values.len() > 1_000 {
                        let message = "an enum fact lists between 1 and 1,000 values";
                        self.fault(root, &fact.kind, Code::FieldMissing, message);
                    }
                    let mut seen = HashSet::new();
                    for value in &fact.values {
                        if !seen.insert(value.id.get_ref()) {
                            let message = format!("`{}` stands twice", value.id.get_ref());
                            self.fault(root, &value.id, Code::IdMustBeUnique, message);
                        }
                    }
                    self.pack.enumerations.push(values);
                    Type::Enum(self.pack.enumerations.len() as u16 - 1)
                }
                name => match type_named(name) {
                    Some(kind) => kind,
                    None => {
                        let message = format!(
                            "`{name}` is no type: bool, int, decimal, money, date, period, enum or text"
                        );
                        self.fault(root, &fact.kind, Code::ReferenceMustExist, message);
                        continue;
                    }
                },
            };
            if !matches!(kind, Type::Enum(_)) && !fact.values.is_empty() {
                let message = "only an enum fact has values";
                self.fault(root, &fact.kind, Code::FieldNotAllowed, message);
            }
            let input = Input::Fact(index as u16);
            if !self.bind(root, &fact.name, Binding::Input(input, kind)) {
                continue;
            }
            self.pack.fact_by_name.insert(fact.name.get_ref().clone(), index);
            self.pack.facts.push(FactColumn {
                name: fact.name.get_ref().clone(),
                kind,
                title: bilingual(&fact.title),
                values: fact
                    .values
                    .iter()
                    .map(|value| FactChoice {
                        id: value.id.get_ref().clone(),
                        title: bilingual(&value.title),
                        also: value.also.clone(),
                    })
                    .collect(),
                sensitive: fact.sensitive,
            });
        }
    }

    fn named(&mut self, root: Source<'_>, files: &[NamedFile]) -> Vec<Named> {
        let mut seen = HashSet::new();
        for file in files {
            if !seen.insert(file.id.get_ref()) {
                let message = format!("`{}` stands twice", file.id.get_ref());
                self.found.push(at(root, &file.id, Code::IdMustBeUnique, message));
            }
        }
        files.iter().map(|file| named(&file.id, &file.title)).collect()
    }

    fn benefits(&mut self, root: Source<'_>, file: &PackFile) {
        for benefit in &file.benefit {
            let (programme, code) = (benefit.programme.get_ref(), benefit.code.get_ref());
            if !self.pack.programmes.iter().any(|known| known.id == *programme) {
                let message = format!("the pack declares no programme `{programme}`");
                self.fault(root, &benefit.programme, Code::ReferenceMustExist, message);
            }
            if self.pack.benefit(programme, code).is_some() {
                let message = format!("`{programme}/{code}` stands twice");
                self.fault(root, &benefit.code, Code::IdMustBeUnique, message);
                continue;
            }
            let fund = self.fund(root, &benefit.fund).unwrap_or(FundId(0));
            self.pack.benefits.push(Benefit {
                programme: programme.clone(),
                code: code.clone(),
                kind: benefit.kind,
                fund,
                tags: benefit.tags.clone(),
                title: bilingual(&benefit.title),
                starts: Vec::new(),
                stops: Vec::new(),
                bars: Vec::new(),
                amounts: Vec::new(),
            });
        }
    }

    fn definition(&mut self, root: Source<'_>, file: &crate::rules::written::DefinitionFile) {
        let Some(value) = self.expression(root, &file.value, Place::Month, None) else { return };
        let index = self.pack.definitions.len() as u16;
        // A definition sees those above it only, so that none can be circular.
        if self.bind(root, &file.name, Binding::Definition(index, value.clone())) {
            self.pack.definitions.push(Definition {
                name: file.name.get_ref().clone(),
                title: bilingual(&file.title),
                citation: file.citation.clone(),
                certainty: file.certainty.clone(),
                value,
            });
        }
    }

    fn clause(&mut self, source: Source<'_>, programme: &str, file: &ClauseFile) {
        let kind = file.kind;
        let Some(id) = self.clause_id(source, &file.id) else { return };
        let interval =
            self.interval(source, [&file.from, &file.to, &file.known_from, &file.to_known_from]);
        let place = match kind {
            ClauseKind::Start | ClauseKind::Stop => Place::Window,
            ClauseKind::Bar | ClauseKind::Amount => Place::Month,
        };
        let result = match kind {
            ClauseKind::Start | ClauseKind::Stop => Some(Type::Period),
            ClauseKind::Amount => Some(Type::Money),
            ClauseKind::Bar => None,
        };
        let when = file.when.as_ref().map(|t| self.expression(source, t, place, Some(Type::Bool)));
        let then = file.then.as_ref().map(|t| self.expression(source, t, place, result));
        self.wanted(source, file, "then", result.is_some(), file.then.as_ref().map(Text::span));
        let amount = kind == ClauseKind::Amount;
        self.wanted(source, file, "component", amount, file.component.as_ref().map(Text::span));
        if amount && file.rounding.is_none() {
            let message = "a rule that makes money names its rounding: rounding = \"exact\" or { mode, unit }";
            self.fault(source, &file.id, Code::RoundingMustBeNamed, message);
        }
        if kind == ClauseKind::Bar && file.when.is_none() {
            let message = "a bar says when";
            self.fault(source, &file.id, Code::FieldMissing, message);
        }
        for (name, field) in [
            ("fund", file.fund.as_ref().map(Text::span)),
            ("rounding", file.rounding.as_ref().map(toml::Spanned::span)),
        ] {
            if let (false, Some(span)) = (amount, field) {
                let message = format!("only an amount has a {name}");
                self.found.push(Diagnostic::at(Code::FieldNotAllowed, source, span, message));
            }
        }
        let component = match &file.component {
            Some(text) => match self.pack.component(text.get_ref()) {
                Some(component) => component,
                None => {
                    let message = format!("the pack declares no component `{}`", text.get_ref());
                    self.fault(source, text, Code::ReferenceMustExist, message);
                    ComponentId(0)
                }
            },
            None => ComponentId(0),
        };
        let fund = file.fund.as_ref().and_then(|text| self.fund(source, text));
        let rounding = match &file.rounding {
            Some(written) => self.rounding(source, written),
            None => Rounding::EXACT,
        };
        let benefits = self.benefit_set(source, programme, &file.benefits);
        for (benefit, listed) in self.pack.benefits.iter_mut().zip(&benefits) {
            if *listed {
                match kind {
                    ClauseKind::Start => benefit.starts.push(id),
                    ClauseKind::Stop => benefit.stops.push(id),
                    ClauseKind::Bar => benefit.bars.push(id),
                    ClauseKind::Amount => benefit.amounts.push(id),
                }
            }
        }
        self.reason(source, &file.id, &file.reason, &file.citation);
        self.pack.clauses.push(Clause {
            id: file.id.get_ref().clone(),
            role: ClauseRole::Decides(kind),
            interval,
            citation: file.citation.clone(),
            certainty: file.certainty.clone(),
            reason: bilingual(&file.reason),
            note: file.note.clone(),
            when: when.flatten(),
            then: then.flatten(),
            component,
            fund,
            rounding,
        });
    }

    fn combination(&mut self, root: Source<'_>, file: &CombinationFile) {
        let Some(id) = self.clause_id(root, &file.id) else { return };
        let interval = self.interval(root, [&file.from, &file.to, &file.known_from, &None]);
        let listed = |texts: &[Text], builder: &mut Builder| builder.benefit_set(root, "", texts);
        let sides = match file.kind {
            CombinationKind::HighestOnly | CombinationKind::OnceEach => {
                if file.among.is_empty() || !file.sides.is_empty() {
                    let message = "this kind has `among` and no `sides`";
                    self.fault(root, &file.id, Code::FieldMissing, message);
                }
                vec![listed(&file.among, self)]
            }
            CombinationKind::HigherSide | CombinationKind::Excludes => {
                if file.sides.len() != 2 || !file.among.is_empty() {
                    let message = "this kind has two `sides` and no `among`";
                    self.fault(root, &file.id, Code::FieldMissing, message);
                    return;
                }
                vec![listed(&file.sides[0], self), listed(&file.sides[1], self)]
            }
        };
        let may_add = file
            .may_add
            .iter()
            .map(|file| (listed(&file.one_of, self), listed(&file.with_one_of, self)))
            .collect();
        self.reason(root, &file.id, &file.reason, &file.citation);
        self.pack.combinations.push(Combination { clause: id, kind: file.kind, sides, may_add });
        self.pack.clauses.push(Clause {
            id: file.id.get_ref().clone(),
            role: ClauseRole::Combines(file.kind),
            interval,
            citation: file.citation.clone(),
            certainty: file.certainty.clone(),
            reason: bilingual(&file.reason),
            note: file.note.clone(),
            ..nothing_applies()
        });
    }

    /// The id of the clause that is about to be pushed.
    fn clause_id(&mut self, source: Source<'_>, id: &Text) -> Option<ClauseId> {
        if self.pack.clauses.len() >= ITEMS_MAX {
            let message = format!("a pack has at most {ITEMS_MAX} clauses");
            self.fault(source, id, Code::LimitExceeded, message);
            return None;
        }
        if !self.clause_ids.insert(id.get_ref().clone()) {
            let message = format!("`{}` stands twice", id.get_ref());
            self.fault(source, id, Code::IdMustBeUnique, message);
        }
        Some(ClauseId(self.pack.clauses.len() as u16))
    }

    fn interval(&mut self, source: Source<'_>, texts: [&Option<Text>; 4]) -> Interval {
        let [from, to, known_from, to_known_from] = texts;
        let period = |text: &Option<Text>, builder: &mut Builder| {
            text.as_ref().and_then(|text| builder.period(source, text))
        };
        let date = |text: &Option<Text>, builder: &mut Builder| {
            text.as_ref().and_then(|text| builder.date(source, text))
        };
        let interval = Interval {
            from: period(from, self),
            to: period(to, self),
            known_from: date(known_from, self),
            to_known_from: date(to_known_from, self),
        };
        if let (Some(first), Some(last), Some(text)) = (interval.from, interval.to, to)
            && last < first
        {
            let message = format!("it ends in {last}, before it begins in {first}");
            self.fault(source, text, Code::IntervalMustRunForward, message);
        }
        interval
    }

    fn rounding(&mut self, source: Source<'_>, written: &toml::Spanned<RoundingFile>) -> Rounding {
        let (mode, unit) = match written.get_ref() {
            RoundingFile::Named(mode) => (mode, 1),
            RoundingFile::Unit { mode, unit } => (mode, *unit),
        };
        let known = RoundingMode::ALL.iter().find(|(name, _)| name == mode);
        let rounding = known.and_then(|(_, mode)| Rounding::new(*mode, unit).ok());
        rounding.unwrap_or_else(|| {
            let modes: Vec<&str> = RoundingMode::ALL.iter().map(|(name, _)| *name).collect();
            let message = format!("a rounding is {}, with a unit of 1 or more", modes.join(", "));
            let place = written.span();
            self.found.push(Diagnostic::at(Code::RoundingMustBeNamed, source, place, message));
            Rounding::EXACT
        })
    }

    /// Which benefits a list names: `k6` of this programme, `social_pension/monthly`, `@tag`.
    fn benefit_set(&mut self, source: Source<'_>, programme: &str, texts: &[Text]) -> Vec<bool> {
        let mut listed = vec![false; self.pack.benefits.len()];
        for text in texts {
            let name = text.get_ref();
            let wanted = |benefit: &Benefit| match (name.strip_prefix('@'), name.split_once('/')) {
                (Some(tag), _) => benefit.tags.iter().any(|known| known == tag),
                (None, Some((programme, code))) => {
                    benefit.programme == programme && benefit.code == code
                }
                (None, None) => benefit.programme == programme && benefit.code == *name,
            };
            let mut any = false;
            for (at, benefit) in self.pack.benefits.iter().enumerate() {
                if wanted(benefit) {
                    listed[at] = true;
                    any = true;
                }
            }
            if !any {
                let message = format!("`{name}` names no benefit of the pack");
                self.fault(source, text, Code::ReferenceMustExist, message);
            }
        }
        listed
    }

    fn fund(&mut self, source: Source<'_>, text: &Text) -> Option<FundId> {
        let found = self.pack.funds.iter().position(|fund| fund.id == *text.get_ref());
        if found.is_none() {
            let message = format!("the pack declares no fund `{}`", text.get_ref());
            self.fault(source, text, Code::ReferenceMustExist, message);
        }
        found.map(|at| FundId(at as u16))
    }

    fn expression(
        &mut self,
        source: Source<'_>,
        text: &Text,
        place: Place,
        expected: Option<Type>,
    ) -> Option<Compiled> {
        let mut faults = Vec::new();
        let compiled = match syntax::parse(text.get_ref(), self.pack.currency.code()) {
            Ok(tree) => expression::compile(
                &mut self.pack.program,
                &self.names,
                place,
                &tree,
                expected,
                &mut faults,
            ),
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        // The value begins after its quotes; where escapes shifted it, the whole value is shown.
        let span = text.span();
        let inside =
            source.text.get(span.clone()).and_then(|raw| raw.find(text.get_ref().as_str()));
        for fault in faults {
            let place = match inside {
                Some(offset) => {
                    let start = span.start + offset;
                    start + fault.range.start..start + fault.range.end
                }
                None => span.clone(),
            };
            self.found.push(Diagnostic::at(fault.code, source, place, fault.message));
        }
        compiled
    }

    fn period(&mut self, source: Source<'_>, text: &Text) -> Option<Period> {
        let read = text.get_ref().parse::<Period>();
        read.map_err(|error| self.fault(source, text, Code::LiteralMustRead, error.to_string()))
            .ok()
    }

    fn date(&mut self, source: Source<'_>, text: &Text) -> Option<jiff::civil::Date> {
        let read = parse_date(text.get_ref());
        read.map_err(|error| self.fault(source, text, Code::LiteralMustRead, error.to_string()))
            .ok()
    }

    /// Gives a name its meaning, once.
    fn bind(&mut self, source: Source<'_>, name: &Text, binding: Binding) -> bool {
        let text = name.get_ref();
        let shaped = text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.');
        if !shaped {
            let message = "a name is letters, digits, _ and ., and begins with a letter";
            self.fault(source, name, Code::LiteralMustRead, message);
            return false;
        }
        if self.names.bindings.contains_key(text) {
            let message = format!("`{text}` already means something in this pack");
            self.fault(source, name, Code::IdMustBeUnique, message);
            return false;
        }
        self.names.bindings.insert(text.clone(), binding);
        true
    }

    fn wanted(
        &mut self,
        source: Source<'_>,
        file: &ClauseFile,
        field: &str,
        wanted: bool,
        span: Option<Range<usize>>,
    ) {
        match (wanted, span) {
            (true, None) => {
                let message = format!("this kind of clause needs `{field}`");
                self.fault(source, &file.id, Code::FieldMissing, message);
            }
            (false, Some(span)) => {
                let message = format!("this kind of clause has no `{field}`");
                self.found.push(Diagnostic::at(Code::FieldNotAllowed, source, span, message));
            }
            _ => {}
        }
    }

    fn reason(&mut self, source: Source<'_>, id: &Text, reason: &BilingualFile, citation: &str) {
        if reason.vi.trim().is_empty() || reason.en.trim().is_empty() || citation.trim().is_empty()
        {
            let message = "a clause has a citation and a reason in Vietnamese and in English";
            self.fault(source, id, Code::FieldMissing, message);
        }
    }

    /// What no single entry shows: benefits that can never be decided, names nothing reads.
    fn completeness(&mut self, root: Source<'_>, file: &PackFile) {
        let mut components: Vec<(BenefitId, usize)> = Vec::new();
        for (index, benefit) in self.pack.benefits.iter().enumerate() {
            let Some(written) = file.benefit.iter().find(|written| {
                *written.code.get_ref() == benefit.code
                    && *written.programme.get_ref() == benefit.programme
            }) else {
                continue;
            };
            if benefit.starts.is_empty() || benefit.amounts.is_empty() {
                let message = "a benefit needs a start clause and an amount clause";
                self.found.push(at(root, &written.code, Code::BenefitNeedsClauses, message));
            }
            let distinct: HashSet<ComponentId> =
                benefit.amounts.iter().map(|id| self.pack.clauses[id.index()].component).collect();
            components.push((BenefitId(index as u16), distinct.len()));
            if distinct.len() > crate::rules::evaluate::COMPONENTS_MAX {
                let message = format!(
                    "a benefit has at most {} components",
                    crate::rules::evaluate::COMPONENTS_MAX
                );
                self.found.push(at(root, &written.code, Code::LimitExceeded, message));
            }
            if benefit.kind == BenefitKind::OneOff && !benefit.stops.is_empty() {
                let message = "a benefit that is owed once has no stop clause";
                self.found.push(at(root, &written.code, Code::FieldNotAllowed, message));
            }
        }
        let mut inputs = HashSet::new();
        for compiled in self
            .pack
            .clauses
            .iter()
            .flat_map(|clause| [&clause.when, &clause.then])
            .flatten()
            .chain(self.pack.definitions.iter().map(|definition| &definition.value))
        {
            inputs.extend(compiled.reads.inputs.iter().copied());
        }
        for fact in &file.fact {
            if let Some(index) = self.pack.fact_index(fact.name.get_ref())
                && !inputs.contains(&Input::Fact(index as u16))
            {
                let message = format!("no clause reads the fact `{}`", fact.name.get_ref());
                self.found.push(at(root, &fact.name, Code::Unused, message));
            }
        }
    }

    fn fault(&mut self, source: Source<'_>, text: &Text, code: Code, message: impl Into<String>) {
        self.found.push(at(source, text, code, message));
    }
}

fn read<T: DeserializeOwned>(source: Source<'_>, found: &mut Vec<Diagnostic>) -> Option<T> {
    match toml::from_str(source.text) {
        Ok(file) => Some(file),
        Err(error) => {
            let place = error.span().unwrap_or(0..0);
            let message = shortened(error.message());
            found.push(Diagnostic::at(Code::FileMustBeToml, source, place, message));
            None
        }
    }
}

fn at(source: Source<'_>, text: &Text, code: Code, message: impl Into<String>) -> Diagnostic {
    Diagnostic::at(code, source, text.span(), message)
}

fn nothing_applies() -> Clause {
    Clause {
        id: "nothing_applies".to_owned(),
        role: ClauseRole::NothingApplies,
        interval: Interval::default(),
        citation: String::new(),
        certainty: String::new(),
        reason: Bilingual {
            vi: "Không có quy định nào cho hưởng chế độ này trong tháng này.".to_owned(),
            en: "No clause gives this benefit for this month.".to_owned(),
        },
        note: String::new(),
        when: None,
        then: None,
        component: ComponentId(0),
        fund: None,
        rounding: Rounding::EXACT,
    }
}

fn programme(written: &ProgrammeFile) -> Programme {
    Programme {
        id: written.id.get_ref().clone(),
        title: bilingual(&written.title),
        decision_number: written.decision.number,
        decision_citation: written.decision.citation.clone(),
        decision_certainty: written.decision.certainty.clone(),
    }
}

fn named(id: &Text, title: &BilingualFile) -> Named {
    Named { id: id.get_ref().clone(), title: bilingual(title) }
}

fn bilingual(file: &BilingualFile) -> Bilingual {
    Bilingual { vi: file.vi.clone(), en: file.en.clone() }
}

fn type_named(name: &str) -> Option<Type> {
    match name {
        "bool" => Some(Type::Bool),
        "int" => Some(Type::Int),
        "decimal" => Some(Type::Decimal),
        "money" => Some(Type::Money),
        "date" => Some(Type::Date),
        "period" => Some(Type::Period),
        "text" => Some(Type::Text),
        _ => None,
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn shortened(text: &str) -> String {
    text.chars().take(300).collect()
}

#[cfg(test)]
mod tests;
