//! Expressions after type checking: names resolved to indices, ready to evaluate.
//!
//! Reads: a tree and the names a pack declares. Gives: nodes in one arena, a type, what the
//! expression reads, and every place where the types do not fit.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::rules::diagnostic::Code;
use crate::rules::exact::Exact;
use crate::rules::syntax::{Expression, Fault, Kind, Operator};
use crate::rules::value::{Input, Type, Value};

/// The place of a node in its program.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct NodeId(pub(crate) u32);

/// The nodes of every expression of a pack.
#[derive(Clone, Debug, Default)]
pub struct Program {
    nodes: Vec<Node>,
    /// By node: its slot among the nodes that depend on the month alone.
    slots: Vec<u16>,
    folded: Vec<NodeId>,
}

const NO_SLOT: u16 = u16::MAX;
const FOLDED_MAX: usize = 4_096;

impl Program {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Finds what depends on the month alone, so that it is worked out once for a month and not for
    /// every person. `roots` are where evaluations begin.
    pub(crate) fn fold(&mut self, roots: impl Iterator<Item = NodeId>) {
        let mut closed: Vec<bool> = Vec::with_capacity(self.nodes.len());
        // Operands are always pushed before the node that uses them.
        for node in &self.nodes {
            closed.push(match node {
                Node::Input(input) => *input == Input::Period,
                node => node.operands().iter().all(|id| closed[id.0 as usize]),
            });
        }
        let plain = |node: &Node| matches!(node, Node::Constant(_) | Node::Text(_));
        let mut wanted: Vec<bool> = vec![false; self.nodes.len()];
        for root in roots {
            wanted[root.0 as usize] = true;
        }
        for (node, _) in self.nodes.iter().zip(&closed).filter(|(_, closed)| !**closed) {
            for operand in node.operands() {
                wanted[operand.0 as usize] = true;
            }
        }
        self.slots = vec![NO_SLOT; self.nodes.len()];
        for at in 0..self.nodes.len() {
            if wanted[at] && closed[at] && !plain(&self.nodes[at]) && self.folded.len() < FOLDED_MAX
            {
                self.slots[at] = self.folded.len() as u16;
                self.folded.push(NodeId(at as u32));
            }
        }
    }

    /// The nodes that depend on the month alone, by slot.
    pub(crate) fn folded(&self) -> &[NodeId] {
        &self.folded
    }

    /// The slot of a node among those that depend on the month alone.
    pub(crate) fn slot(&self, id: NodeId) -> Option<usize> {
        match self.slots.get(id.0 as usize) {
            Some(&slot) if slot != NO_SLOT => Some(usize::from(slot)),
            _ => None,
        }
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        NodeId(self.nodes.len() as u32 - 1)
    }
}

/// One step of an evaluation. Operands are nodes; the types were checked.
#[derive(Clone, PartialEq, Debug)]
pub enum Node {
    Constant(Value<'static>),
    Text(Box<str>),
    Input(Input),
    Rate(u16),
    /// A named expression of the pack; the node is its root.
    Definition(u16, NodeId),
    Not(NodeId),
    Negate(NodeId),
    /// An Int where a Decimal is needed.
    Widen(NodeId),
    And(NodeId, NodeId),
    Or(NodeId, NodeId),
    Compare(Operator, NodeId, NodeId),
    Arithmetic(Operator, NodeId, NodeId),
    Between(NodeId, NodeId, NodeId),
    In(NodeId, Box<[NodeId]>),
    If(NodeId, NodeId, NodeId),
    Least(Box<[NodeId]>),
    Greatest(Box<[NodeId]>),
    Known(NodeId),
    Age(NodeId, NodeId, DateRounding),
    AddYears(NodeId, NodeId, DateRounding),
    AddMonths(NodeId, NodeId, DateRounding),
    AddDays(NodeId, NodeId),
    MonthOf(NodeId),
    FirstDay(NodeId),
    LastDay(NodeId),
    MonthsBetween(NodeId, NodeId),
    Lookup(u16, Box<[NodeId]>),
}

impl Node {
    fn operands(&self) -> Vec<NodeId> {
        match self {
            Node::Constant(_) | Node::Text(_) | Node::Input(_) | Node::Rate(_) => Vec::new(),
            Node::Definition(_, one)
            | Node::Not(one)
            | Node::Negate(one)
            | Node::Widen(one)
            | Node::Known(one)
            | Node::MonthOf(one)
            | Node::FirstDay(one)
            | Node::LastDay(one) => vec![*one],
            Node::And(one, two)
            | Node::Or(one, two)
            | Node::Compare(_, one, two)
            | Node::Arithmetic(_, one, two)
            | Node::Age(one, two, _)
            | Node::AddYears(one, two, _)
            | Node::AddMonths(one, two, _)
            | Node::AddDays(one, two)
            | Node::MonthsBetween(one, two) => vec![*one, *two],
            Node::Between(one, two, three) | Node::If(one, two, three) => vec![*one, *two, *three],
            Node::In(value, choices) => std::iter::once(value).chain(choices).copied().collect(),
            Node::Least(all) | Node::Greatest(all) | Node::Lookup(_, all) => all.to_vec(),
        }
    }
}

/// Which day stands for one that does not exist, such as 29 February in a common year.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DateRounding {
    /// The last day of that month: 28 February.
    Back,
    /// The first day of the next month: 1 March.
    Forward,
}

/// An expression that was checked.
#[derive(Clone, PartialEq, Debug)]
pub struct Compiled {
    pub root: NodeId,
    pub kind: Type,
    pub reads: Reads,
    cost: u64,
    depth: usize,
}

/// What an expression may read, in whatever branch.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Reads {
    pub inputs: BTreeSet<Input>,
    pub rates: BTreeSet<u16>,
    pub tables: BTreeSet<u16>,
    pub definitions: BTreeSet<u16>,
}

impl Reads {
    fn add(&mut self, other: &Reads) {
        self.inputs.extend(&other.inputs);
        self.rates.extend(&other.rates);
        self.tables.extend(&other.tables);
        self.definitions.extend(&other.definitions);
    }
}

/// What a name in an expression stands for.
#[derive(Clone, PartialEq, Debug)]
pub enum Binding {
    Input(Input, Type),
    Rate(u16, Type),
    Definition(u16, Compiled),
    Table { index: u16, keys: Vec<Type>, gives: Type },
}

/// The names of a pack, and the values of its enumerations.
#[derive(Clone, Debug, Default)]
pub struct Names {
    pub bindings: std::collections::BTreeMap<String, Binding>,
    /// The values of each `Type::Enum`, by its number.
    pub enumerations: Vec<Vec<String>>,
}

/// Where an expression stands, and so what it may read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Decided for every month: everything is there.
    Month,
    /// Decided once for an enrolment: there is no month yet, and so no rate.
    Window,
}

/// No expression takes more steps than this, definitions included.
pub const COST_MAX: u64 = 20_000;
/// Definitions nest into each other at most this deep, all nodes counted.
pub const DEPTH_MAX: usize = 192;
/// A pack has at most this many nodes.
pub const NODES_MAX: usize = 100_000;

/// Checks a tree and adds its nodes to the program. Every fault found is pushed; `None` means that
/// there was at least one.
pub fn compile(
    program: &mut Program,
    names: &Names,
    place: Place,
    tree: &Expression,
    expected: Option<Type>,
    faults: &mut Vec<Fault>,
) -> Option<Compiled> {
    let before = faults.len();
    let mut checker = Checker { program, names, place, faults, reads: Reads::default() };
    let part = checker.part(tree, expected)?;
    let part = match (part.kind, expected) {
        (Type::Int, Some(Type::Decimal)) => checker.widened(part),
        _ => part,
    };
    if let Some(expected) = expected
        && part.kind != expected
    {
        let message = format!("{} is needed here, not {}", an(expected), an(part.kind));
        checker.note(Code::TypesMustAgree, &tree.range, message);
    }
    if part.cost > COST_MAX {
        let message = format!("this takes {} steps; at most {COST_MAX} are allowed", part.cost);
        checker.note(Code::ExpressionTooCostly, &tree.range, message);
    }
    if part.depth > DEPTH_MAX {
        let message = format!("with its definitions this is {} deep, over {DEPTH_MAX}", part.depth);
        checker.note(Code::ExpressionTooDeep, &tree.range, message);
    }
    let reads = checker.reads;
    if faults.len() > before {
        return None;
    }
    Some(Compiled { root: part.node, kind: part.kind, reads, cost: part.cost, depth: part.depth })
}

/// What `chitra programmes` lists as the functions of the language: name, arguments, meaning.
pub const FUNCTIONS: [(&str, &str, &str); 12] = [
    ("known", "x", "whether x is known; never unknown itself"),
    ("min", "a, b, …", "the least of numbers, amounts, days or months"),
    ("max", "a, b, …", "the greatest of numbers, amounts, days or months"),
    ("age", "born, day, back|forward", "full years on a day"),
    ("add_years", "day, n, back|forward", "the same day n years later"),
    ("add_months", "day, n, back|forward", "the same day n months later"),
    ("add_days", "day, n", "the day n days later"),
    ("month", "day", "the month in which a day lies"),
    ("first_day", "month", "the first day of a month"),
    ("last_day", "month", "the last day of a month"),
    ("months_between", "earlier, later", "how many months lie between two months"),
    ("lookup", "table, key, …", "the value of a table's row, as in force for the month"),
];

#[derive(Clone, Copy)]
struct Part {
    node: NodeId,
    kind: Type,
    cost: u64,
    depth: usize,
}

struct Checker<'a> {
    program: &'a mut Program,
    names: &'a Names,
    place: Place,
    faults: &'a mut Vec<Fault>,
    reads: Reads,
}

impl Checker<'_> {
    fn part(&mut self, tree: &Expression, expected: Option<Type>) -> Option<Part> {
        let range = &tree.range;
        match &tree.kind {
            Kind::Bool(b) => self.made(Node::Constant(Value::Bool(*b)), Type::Bool, &[]),
            Kind::Int(i) => self.made(Node::Constant(Value::Int(*i)), Type::Int, &[]),
            Kind::Decimal(d) => self.made(Node::Constant(Value::Decimal(*d)), Type::Decimal, &[]),
            Kind::Money(m) => self.made(Node::Constant(Value::Money(*m)), Type::Money, &[]),
            Kind::Date(d) => self.made(Node::Constant(Value::Date(*d)), Type::Date, &[]),
            Kind::Period(p) => self.made(Node::Constant(Value::Period(*p)), Type::Period, &[]),
            Kind::Text(text) => self.text(text, range, expected),
            Kind::Name(name) => self.name(name, range),
            Kind::Call { function, arguments } => self.call(function, arguments, range),
            Kind::Not(inner) => {
                let inner = self.of_type(inner, Type::Bool)?;
                self.made(Node::Not(inner.node), Type::Bool, &[inner])
            }
            Kind::Negate(inner) => {
                let part = self.part(inner, None)?;
                match part.kind {
                    Type::Int | Type::Decimal | Type::Money => {
                        self.made(Node::Negate(part.node), part.kind, &[part])
                    }
                    kind => {
                        let message = format!("{} has no negative", an(kind));
                        self.fault(Code::TypesMustAgree, range, message)
                    }
                }
            }
            Kind::Binary { operator: operator @ (Operator::And | Operator::Or), left, right } => {
                let (left, right) =
                    (self.of_type(left, Type::Bool), self.of_type(right, Type::Bool));
                let (left, right) = (left?, right?);
                let node = match operator {
                    Operator::And => Node::And(left.node, right.node),
                    _ => Node::Or(left.node, right.node),
                };
                self.made(node, Type::Bool, &[left, right])
            }
            Kind::Binary {
                operator: operator @ (Operator::Add | Operator::Subtract | Operator::Multiply),
                left,
                right,
            } => {
                let (left, right) = (self.part(left, None), self.part(right, None));
                self.arithmetic(*operator, left?, right?, range)
            }
            Kind::Binary { operator, left, right } => {
                let [left, right] = self.alike([&**left, &**right])?;
                let equality = matches!(operator, Operator::Equal | Operator::NotEqual);
                if !equality {
                    self.ordered(left.kind, range)?;
                }
                let node = Node::Compare(*operator, left.node, right.node);
                self.made(node, Type::Bool, &[left, right])
            }
            Kind::Between { value, low, high } => {
                let [value, low, high] = self.alike([&**value, &**low, &**high])?;
                self.ordered(value.kind, range)?;
                let node = Node::Between(value.node, low.node, high.node);
                self.made(node, Type::Bool, &[value, low, high])
            }
            Kind::In { value, choices } => {
                if choices.is_empty() {
                    let message = "`in ()` is never true; name at least one value";
                    return self.fault(Code::ArgumentsMustFit, range, message);
                }
                let all: Vec<&Expression> = std::iter::once(&**value).chain(choices).collect();
                let parts = self.alike_all(&all)?;
                let nodes = parts[1..].iter().map(|part| part.node).collect();
                self.made(Node::In(parts[0].node, nodes), Type::Bool, &parts)
            }
            Kind::If { condition, then, otherwise } => {
                let condition = self.of_type(condition, Type::Bool);
                let branches = self.alike_expecting(&[&**then, &**otherwise], expected);
                let (condition, branches) = (condition?, branches?);
                let (then, otherwise) = (branches[0], branches[1]);
                let node = Node::If(condition.node, then.node, otherwise.node);
                self.made(node, then.kind, &[condition, then, otherwise])
            }
        }
    }

    fn made(&mut self, node: Node, kind: Type, operands: &[Part]) -> Option<Part> {
        let cost = operands.iter().fold(1_u64, |sum, part| sum.saturating_add(part.cost));
        let depth = operands.iter().map(|part| part.depth).max().unwrap_or(0) + 1;
        if self.program.len() >= NODES_MAX {
            return self.fault(Code::LimitExceeded, &(0..0), "the pack has too many expressions");
        }
        Some(Part { node: self.program.push(node), kind, cost, depth })
    }

    fn widened(&mut self, part: Part) -> Part {
        // A literal is widened here and now; anything else when it is evaluated.
        let node = match self.program.node(part.node) {
            Node::Constant(Value::Int(int)) => {
                Node::Constant(Value::Decimal(Exact::from_int(*int)))
            }
            _ => Node::Widen(part.node),
        };
        Part {
            node: self.program.push(node),
            kind: Type::Decimal,
            cost: part.cost + 1,
            depth: part.depth + 1,
        }
    }

    fn text(&mut self, text: &str, range: &Range<usize>, expected: Option<Type>) -> Option<Part> {
        let Some(Type::Enum(which)) = expected else {
            return self.made(Node::Text(text.into()), Type::Text, &[]);
        };
        let values = &self.names.enumerations[usize::from(which)];
        match values.iter().position(|value| value == text) {
            Some(at) => self.made(Node::Constant(Value::Enum(at as u16)), Type::Enum(which), &[]),
            None => {
                let message = format!("`{text}` is none of {}", values.join(", "));
                self.fault(Code::EnumValueUnknown, range, message)
            }
        }
    }

    fn name(&mut self, name: &str, range: &Range<usize>) -> Option<Part> {
        match self.names.bindings.get(name) {
            Some(Binding::Input(input, kind)) => {
                self.allow(*input == Input::Period, name, range)?;
                self.reads.inputs.insert(*input);
                self.made(Node::Input(*input), *kind, &[])
            }
            Some(Binding::Rate(rate, kind)) => {
                self.allow(true, name, range)?;
                self.reads.rates.insert(*rate);
                self.made(Node::Rate(*rate), *kind, &[])
            }
            Some(Binding::Definition(index, compiled)) => {
                let monthly = compiled.reads.inputs.contains(&Input::Period)
                    || !compiled.reads.rates.is_empty()
                    || !compiled.reads.tables.is_empty();
                self.allow(monthly, name, range)?;
                self.reads.add(&compiled.reads);
                self.reads.definitions.insert(*index);
                let inner = Part {
                    node: compiled.root,
                    kind: compiled.kind,
                    cost: compiled.cost,
                    depth: compiled.depth,
                };
                self.made(Node::Definition(*index, compiled.root), compiled.kind, &[inner])
            }
            Some(Binding::Table { .. }) => {
                let message = format!("`{name}` is a table: write lookup({name}, …)");
                self.fault(Code::NameNotAllowedHere, range, message)
            }
            None => {
                let near = nearest(name, self.names.bindings.keys());
                let hint = near.map_or(String::new(), |near| format!("; is `{near}` meant?"));
                let message = format!("nothing is called `{name}`{hint}");
                self.fault(Code::NameUnknown, range, message)
            }
        }
    }

    /// Refuses what changes from month to month where there is no month.
    fn allow(&mut self, monthly: bool, name: &str, range: &Range<usize>) -> Option<()> {
        if monthly && self.place == Place::Window {
            let message =
                format!("`{name}` depends on the month, and a start or stop has none yet");
            return self.fault(Code::NameNotAllowedHere, range, message);
        }
        Some(())
    }

    fn call(
        &mut self,
        function: &str,
        arguments: &[Expression],
        range: &Range<usize>,
    ) -> Option<Part> {
        match function {
            "known" => {
                let [inner] = self.arguments(function, arguments, range)?;
                let inner = self.part(inner, None)?;
                self.made(Node::Known(inner.node), Type::Bool, &[inner])
            }
            "min" | "max" => {
                if arguments.len() < 2 {
                    let message = format!("{function} needs at least two values");
                    return self.fault(Code::ArgumentsMustFit, range, message);
                }
                let all: Vec<&Expression> = arguments.iter().collect();
                let parts = self.alike_all(&all)?;
                self.ordered(parts[0].kind, range)?;
                let nodes = parts.iter().map(|part| part.node).collect();
                let node =
                    if function == "min" { Node::Least(nodes) } else { Node::Greatest(nodes) };
                self.made(node, parts[0].kind, &parts)
            }
            "age" => {
                let rounding = self.date_rounding(function, arguments, range)?;
                let (born, day) = (
                    self.of_type(&arguments[0], Type::Date),
                    self.of_type(&arguments[1], Type::Date),
                );
                let (born, day) = (born?, day?);
                self.made(Node::Age(born.node, day.node, rounding), Type::Int, &[born, day])
            }
            "add_years" | "add_months" => {
                let rounding = self.date_rounding(function, arguments, range)?;
                let (day, count) = (
                    self.of_type(&arguments[0], Type::Date),
                    self.of_type(&arguments[1], Type::Int),
                );
                let (day, count) = (day?, count?);
                let node = match function {
                    "add_years" => Node::AddYears(day.node, count.node, rounding),
                    _ => Node::AddMonths(day.node, count.node, rounding),
                };
                self.made(node, Type::Date, &[day, count])
            }
            "add_days" => {
                let [day, count] = self.arguments(function, arguments, range)?;
                let (day, count) = (self.of_type(day, Type::Date), self.of_type(count, Type::Int));
                let (day, count) = (day?, count?);
                self.made(Node::AddDays(day.node, count.node), Type::Date, &[day, count])
            }
            "month" => {
                let [day] = self.arguments(function, arguments, range)?;
                let day = self.of_type(day, Type::Date)?;
                self.made(Node::MonthOf(day.node), Type::Period, &[day])
            }
            "first_day" | "last_day" => {
                let [month] = self.arguments(function, arguments, range)?;
                let month = self.of_type(month, Type::Period)?;
                let node = match function {
                    "first_day" => Node::FirstDay(month.node),
                    _ => Node::LastDay(month.node),
                };
                self.made(node, Type::Date, &[month])
            }
            "months_between" => {
                let [earlier, later] = self.arguments(function, arguments, range)?;
                let parts =
                    (self.of_type(earlier, Type::Period), self.of_type(later, Type::Period));
                let (earlier, later) = (parts.0?, parts.1?);
                let node = Node::MonthsBetween(earlier.node, later.node);
                self.made(node, Type::Int, &[earlier, later])
            }
            "lookup" => self.lookup(arguments, range),
            _ => {
                let near = nearest(function, FUNCTIONS.iter().map(|(name, _, _)| name));
                let hint = near.map_or(String::new(), |near| format!("; is `{near}` meant?"));
                let message = format!("there is no function `{function}`{hint}");
                self.fault(Code::FunctionUnknown, range, message)
            }
        }
    }

    fn lookup(&mut self, arguments: &[Expression], range: &Range<usize>) -> Option<Part> {
        let table = arguments.first().and_then(|first| match &first.kind {
            Kind::Name(name) => self.names.bindings.get(name),
            _ => None,
        });
        let Some(Binding::Table { index, keys, gives }) = table else {
            let message = "the first argument of lookup is the name of a table";
            return self.fault(Code::ArgumentsMustFit, range, message);
        };
        self.allow(true, "lookup", range)?;
        if arguments.len() - 1 != keys.len() {
            let message =
                format!("this table has {} keys, not {}", keys.len(), arguments.len() - 1);
            return self.fault(Code::ArgumentsMustFit, range, message);
        }
        let parts: Vec<Option<Part>> =
            arguments[1..].iter().zip(keys).map(|(tree, key)| self.of_type(tree, *key)).collect();
        let parts: Vec<Part> = parts.into_iter().collect::<Option<_>>()?;
        self.reads.tables.insert(*index);
        let nodes = parts.iter().map(|part| part.node).collect();
        self.made(Node::Lookup(*index, nodes), *gives, &parts)
    }

    fn arguments<'t, const N: usize>(
        &mut self,
        function: &str,
        arguments: &'t [Expression],
        range: &Range<usize>,
    ) -> Option<&'t [Expression; N]> {
        match arguments.try_into() {
            Ok(arguments) => Some(arguments),
            Err(_) => {
                let message = format!("{function} takes {N} values, not {}", arguments.len());
                self.fault(Code::ArgumentsMustFit, range, message)
            }
        }
    }

    /// The last word of a date function: `back` or `forward`.
    fn date_rounding(
        &mut self,
        function: &str,
        arguments: &[Expression],
        range: &Range<usize>,
    ) -> Option<DateRounding> {
        let word = match arguments {
            [_, _, Expression { kind: Kind::Name(word), .. }] => word.as_str(),
            _ => "",
        };
        match word {
            "back" => Some(DateRounding::Back),
            "forward" => Some(DateRounding::Forward),
            _ => {
                let message = format!(
                    "{function}(a, b, back) or {function}(a, b, forward): 29 February plus a year is 28 February or 1 March, and the law must say which"
                );
                self.fault(Code::DateRoundingMustBeNamed, range, message)
            }
        }
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: Part,
        right: Part,
        range: &Range<usize>,
    ) -> Option<Part> {
        use Type::{Date, Decimal, Int, Money, Period};
        let adding = operator != Operator::Multiply;
        let (left, right, kind) = match (left.kind, right.kind) {
            (Int, Int) => (left, right, Int),
            (Decimal, Decimal) => (left, right, Decimal),
            (Int, Decimal) => (self.widened(left), right, Decimal),
            (Decimal, Int) => (left, self.widened(right), Decimal),
            (Money, Money) if adding => (left, right, Money),
            (Money, Decimal) if !adding => (left, right, Money),
            (Decimal, Money) if !adding => (right, left, Money),
            (Money, Int) if !adding => (left, self.widened(right), Money),
            (Int, Money) if !adding => (right, self.widened(left), Money),
            (Period, Int) if adding => (left, right, Period),
            (Date, Int) | (Int, Date) | (Date, Date) => {
                let message = "days are not added by sign: name what is added, as in add_months(day, 1, back)";
                return self.fault(Code::DateRoundingMustBeNamed, range, message);
            }
            (left, right) => {
                let message = format!(
                    "`{}` has no meaning between {} and {}",
                    operator.symbol(),
                    an(left),
                    an(right)
                );
                return self.fault(Code::TypesMustAgree, range, message);
            }
        };
        self.made(Node::Arithmetic(operator, left.node, right.node), kind, &[left, right])
    }

    fn of_type(&mut self, tree: &Expression, wanted: Type) -> Option<Part> {
        let part = self.part(tree, Some(wanted))?;
        if part.kind == Type::Int && wanted == Type::Decimal {
            return Some(self.widened(part));
        }
        if part.kind != wanted {
            let message = format!("{} is needed here, not {}", an(wanted), an(part.kind));
            return self.fault(Code::TypesMustAgree, &tree.range, message);
        }
        Some(part)
    }

    fn alike<const N: usize>(&mut self, trees: [&Expression; N]) -> Option<[Part; N]> {
        self.alike_all(&trees)?.try_into().ok()
    }

    fn alike_all(&mut self, trees: &[&Expression]) -> Option<Vec<Part>> {
        self.alike_expecting(trees, None)
    }

    /// Parts of one type. A text literal takes the enumeration of its neighbours; an Int among
    /// Decimals becomes a Decimal.
    fn alike_expecting(
        &mut self,
        trees: &[&Expression],
        expected: Option<Type>,
    ) -> Option<Vec<Part>> {
        let literal = |tree: &Expression| matches!(tree.kind, Kind::Text(_));
        let mut parts: Vec<Option<Part>> = vec![None; trees.len()];
        let mut sound = true;
        let mut common = expected.filter(|kind| matches!(kind, Type::Enum(_)));
        for round in [false, true] {
            for (at, tree) in trees.iter().enumerate().filter(|(_, tree)| literal(tree) == round) {
                parts[at] = self.part(tree, common);
                sound &= parts[at].is_some();
                if let Some(Part { kind: kind @ Type::Enum(_), .. }) = parts[at] {
                    common = common.or(Some(kind));
                }
            }
        }
        if !sound {
            return None;
        }
        let mut parts: Vec<Part> = parts.into_iter().flatten().collect();
        if parts.iter().any(|part| part.kind == Type::Decimal) {
            for part in &mut parts {
                if part.kind == Type::Int {
                    *part = self.widened(*part);
                }
            }
        }
        let first = parts[0].kind;
        for (part, tree) in parts.iter().zip(trees).skip(1) {
            if part.kind != first {
                let hint = match (first, part.kind) {
                    (Type::Money, Type::Int) | (Type::Int, Type::Money) => {
                        "; an amount is written with its currency, as in 0 VND"
                    }
                    _ => "",
                };
                let message = format!("{} and {} are not alike{hint}", an(first), an(part.kind));
                return self.fault(Code::TypesMustAgree, &tree.range, message);
            }
        }
        Some(parts)
    }

    fn ordered(&mut self, kind: Type, range: &Range<usize>) -> Option<()> {
        match kind {
            Type::Int | Type::Decimal | Type::Money | Type::Date | Type::Period => Some(()),
            Type::Bool | Type::Enum(_) | Type::Text => {
                let message = format!("{} has no order: use = or in", an(kind));
                self.fault(Code::TypesMustAgree, range, message)
            }
        }
    }

    fn fault<T>(
        &mut self,
        code: Code,
        range: &Range<usize>,
        message: impl Into<String>,
    ) -> Option<T> {
        self.note(code, range, message);
        None
    }

    fn note(&mut self, code: Code, range: &Range<usize>, message: impl Into<String>) {
        self.faults.push(Fault { code, range: range.clone(), message: message.into() });
    }
}

fn an(kind: Type) -> String {
    let article = if matches!(kind, Type::Int | Type::Enum(_)) { "an" } else { "a" };
    format!("{article} {}", kind.name())
}

/// The known name that is nearest in spelling, when one is near enough to be meant.
fn nearest<'n, S: AsRef<str> + ?Sized + 'n>(
    name: &str,
    known: impl Iterator<Item = &'n S>,
) -> Option<&'n str> {
    let name: Vec<char> = name.chars().take(40).collect();
    known
        .map(AsRef::as_ref)
        .map(|known| (distance(&name, known), known))
        .filter(|(distance, _)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, known)| known)
}

/// How many letters have to be changed, added or left out.
fn distance(left: &[char], right: &str) -> usize {
    let right: Vec<char> = right.chars().take(40).collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (at, l) in left.iter().enumerate() {
        let mut corner = row[0];
        row[0] = at + 1;
        for (to, r) in right.iter().enumerate() {
            let change = corner + usize::from(l != r);
            corner = row[to + 1];
            row[to + 1] = change.min(row[to] + 1).min(corner + 1);
        }
    }
    row[right.len()]
}
