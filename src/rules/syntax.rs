//! The expression language as text: tokens, the tree they make, and where each part stands.
//!
//! Reads: one expression. Gives: a tree, or every place where the text does not read. The depth and
//! the length are bounded, so that a hostile pack cannot exhaust the stack.
//!
//! ```text
//! if a then b else c          or   and   not
//! =  !=  <  <=  >  >=         x between a and b         x in ('p', 'q')
//! +  -  *                     min(a, b)  max(a, b)  age(born, day, back)  …
//! 16   1.5   540000 VND   2025-07-01   2025-07   'severe'   true   false
//! ```

use std::ops::Range;

use jiff::civil::Date;

use crate::domain::period::{Period, parse_date};
use crate::rules::diagnostic::Code;
use crate::rules::exact::Exact;

/// A node of the tree and the bytes it stands for.
#[derive(Clone, PartialEq, Debug)]
pub struct Expression {
    pub kind: Kind,
    pub range: Range<usize>,
    /// How many nodes lie on the longest way down; what walks the tree may recurse this deep.
    depth: usize,
}

impl Expression {
    fn new(kind: Kind, range: Range<usize>) -> Expression {
        let below = match &kind {
            Kind::Call { arguments, .. } => arguments.iter().map(|e| e.depth).max().unwrap_or(0),
            Kind::Not(inner) | Kind::Negate(inner) => inner.depth,
            Kind::Binary { left, right, .. } => left.depth.max(right.depth),
            Kind::Between { value, low, high } => value.depth.max(low.depth).max(high.depth),
            Kind::In { value, choices } => {
                choices.iter().map(|e| e.depth).fold(value.depth, usize::max)
            }
            Kind::If { condition, then, otherwise } => {
                condition.depth.max(then.depth).max(otherwise.depth)
            }
            _ => 0,
        };
        Expression { kind, range, depth: below + 1 }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub enum Kind {
    Bool(bool),
    Int(i64),
    Decimal(Exact),
    Money(Exact),
    Date(Date),
    Period(Period),
    Text(String),
    Name(String),
    Call { function: String, arguments: Vec<Expression> },
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Binary { operator: Operator, left: Box<Expression>, right: Box<Expression> },
    Between { value: Box<Expression>, low: Box<Expression>, high: Box<Expression> },
    In { value: Box<Expression>, choices: Vec<Expression> },
    If { condition: Box<Expression>, then: Box<Expression>, otherwise: Box<Expression> },
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Operator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
}

impl Operator {
    pub fn symbol(self) -> &'static str {
        match self {
            Operator::Or => "or",
            Operator::And => "and",
            Operator::Equal => "=",
            Operator::NotEqual => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Add => "+",
            Operator::Subtract => "-",
            Operator::Multiply => "*",
        }
    }
}

/// A place inside one expression where it breaks a rule.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub code: Code,
    pub range: Range<usize>,
    pub message: String,
}

/// Reads one expression. `currency` is the code that may follow an amount.
pub fn parse(text: &str, currency: &str) -> Result<Expression, Fault> {
    if text.len() > LENGTH_MAX {
        return Err(Fault {
            code: Code::ExpressionTooLong,
            range: 0..text.len(),
            message: format!("an expression has at most {LENGTH_MAX} bytes"),
        });
    }
    let tokens = tokens(text, currency)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, end: text.len() };
    let expression = parser.expression()?;
    match parser.tokens.get(parser.at) {
        None => Ok(expression),
        Some(extra) => Err(fault(
            Code::TokenUnexpected,
            extra.range.clone(),
            "the expression should have ended before this",
        )),
    }
}

pub const LENGTH_MAX: usize = 8_192;
pub const DEPTH_MAX: usize = 48;

#[derive(Clone, PartialEq, Debug)]
enum Token {
    Int(i64),
    Decimal(Exact),
    Money(Exact),
    Date(Date),
    Period(Period),
    Text(String),
    /// A keyword or a name; keywords are told apart by their spelling.
    Word(String),
    Symbol(&'static str),
}

struct Placed {
    token: Token,
    range: Range<usize>,
}

const SYMBOLS: [&str; 13] = ["<=", ">=", "!=", "<", ">", "=", "+", "-", "*", "(", ")", ",", "×"];

const KEYWORDS: [&str; 10] =
    ["if", "then", "else", "or", "and", "not", "between", "in", "true", "false"];

fn tokens(text: &str, currency: &str) -> Result<Vec<Placed>, Fault> {
    let mut found: Vec<Placed> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next.is_whitespace() {
            at += next.len_utf8();
        } else if next.is_ascii_digit() {
            let (token, length) = number(rest).map_err(|(length, message)| {
                fault(Code::LiteralMustRead, at..at + length, message)
            })?;
            found.push(Placed { token, range: at..at + length });
            at += length;
        } else if next == '\'' {
            let Some(length) = rest[1..].find('\'') else {
                return Err(fault(Code::TokenUnexpected, at..text.len(), "the text is not closed"));
            };
            let token = Token::Text(rest[1..1 + length].to_owned());
            found.push(Placed { token, range: at..at + length + 2 });
            at += length + 2;
        } else if next.is_ascii_alphabetic() || next == '_' {
            let length = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
                .unwrap_or(rest.len());
            let word = &rest[..length];
            let range = at..at + length;
            at += length;
            // An amount is a number and the currency: the two become one token.
            if word == currency
                && let Some(Placed { token, range: before }) = found.last_mut()
                && let Token::Int(_) | Token::Decimal(_) = token
            {
                *token = match *token {
                    Token::Int(whole) => Token::Money(Exact::from_int(whole)),
                    Token::Decimal(exact) => Token::Money(exact),
                    _ => unreachable!("the pattern above allows numbers only"),
                };
                before.end = range.end;
                continue;
            }
            found.push(Placed { token: Token::Word(word.to_owned()), range });
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            let shown = if *symbol == "×" { "*" } else { symbol };
            found.push(Placed { token: Token::Symbol(shown), range: at..at + symbol.len() });
            at += symbol.len();
        } else {
            return Err(fault(
                Code::CharacterUnexpected,
                at..at + next.len_utf8(),
                format!("`{next}` has no meaning in an expression"),
            ));
        }
    }
    Ok(found)
}

/// A number, date or month at the start of `rest`, and its length. `2025-07` is a month; a
/// subtraction of such numbers is written with spaces.
fn number(rest: &str) -> Result<(Token, usize), (usize, String)> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(rest);
    let after = &rest[whole..];
    if whole == 4 && after.starts_with('-') && digits(&after[1..]) == 2 {
        let tail = &after[3..];
        if tail.starts_with('-') && digits(&tail[1..]) > 0 {
            let length = 8 + digits(&tail[1..]);
            return match parse_date(&rest[..length]) {
                Ok(date) => Ok((Token::Date(date), length)),
                Err(error) => Err((length, error.to_string())),
            };
        }
        return match rest[..7].parse() {
            Ok(period) => Ok((Token::Period(period), 7)),
            Err(error) => Err((7, format!("{error}"))),
        };
    }
    if after.starts_with('.') && digits(&after[1..]) > 0 {
        let length = whole + 1 + digits(&after[1..]);
        return match Exact::parse(&rest[..length]) {
            Ok(exact) => Ok((Token::Decimal(exact), length)),
            Err(error) => Err((length, error.to_string())),
        };
    }
    match rest[..whole].parse() {
        Ok(int) => Ok((Token::Int(int), whole)),
        Err(_) => Err((whole, "the number has too many digits".to_owned())),
    }
}

struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
    end: usize,
}

impl Parser {
    fn expression(&mut self) -> Result<Expression, Fault> {
        self.deeper(|parser| {
            if !parser.word("if") {
                return parser.either();
            }
            let start = parser.tokens[parser.at - 1].range.start;
            let condition = Box::new(parser.expression()?);
            parser.expect_word("then")?;
            let then = Box::new(parser.expression()?);
            parser.expect_word("else")?;
            let otherwise = Box::new(parser.expression()?);
            let range = start..otherwise.range.end;
            Ok(Expression::new(Kind::If { condition, then, otherwise }, range))
        })
    }

    fn either(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("or", Operator::Or)], Parser::both)
    }

    fn both(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("and", Operator::And)], Parser::negation)
    }

    fn negation(&mut self) -> Result<Expression, Fault> {
        if !self.word("not") {
            return self.comparison();
        }
        let start = self.tokens[self.at - 1].range.start;
        self.deeper(|parser| {
            let inner = Box::new(parser.negation()?);
            let range = start..inner.range.end;
            Ok(Expression::new(Kind::Not(inner), range))
        })
    }

    fn comparison(&mut self) -> Result<Expression, Fault> {
        let value = self.sum()?;
        if self.word("between") {
            let low = Box::new(self.sum()?);
            self.expect_word("and")?;
            let high = Box::new(self.sum()?);
            let range = value.range.start..high.range.end;
            let kind = Kind::Between { value: Box::new(value), low, high };
            return Ok(Expression::new(kind, range));
        }
        if self.word("in") {
            self.expect_symbol("(")?;
            let choices = self.arguments()?;
            let range = value.range.start..self.tokens[self.at - 1].range.end;
            return Ok(Expression::new(Kind::In { value: Box::new(value), choices }, range));
        }
        const COMPARISONS: [(&str, Operator); 6] = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            ("<=", Operator::LessOrEqual),
            (">", Operator::Greater),
            (">=", Operator::GreaterOrEqual),
        ];
        // One comparison only: `a < b < c` is a mistake in most heads, so it does not read.
        match COMPARISONS.iter().find(|(symbol, _)| self.symbol(symbol)) {
            None => Ok(value),
            Some((_, operator)) => {
                let right = self.sum()?;
                Ok(binary(*operator, value, right))
            }
        }
    }

    fn sum(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("+", Operator::Add), ("-", Operator::Subtract)], Parser::product)
    }

    fn product(&mut self) -> Result<Expression, Fault> {
        self.chain(&[("*", Operator::Multiply)], Parser::sign)
    }

    fn sign(&mut self) -> Result<Expression, Fault> {
        if !self.symbol("-") {
            return self.primary();
        }
        let start = self.tokens[self.at - 1].range.start;
        self.deeper(|parser| {
            let inner = Box::new(parser.sign()?);
            let range = start..inner.range.end;
            Ok(Expression::new(Kind::Negate(inner), range))
        })
    }

    fn primary(&mut self) -> Result<Expression, Fault> {
        let Some(placed) = self.tokens.get(self.at) else {
            return Err(fault(
                Code::TokenUnexpected,
                self.end..self.end,
                "the expression ends where a value is expected",
            ));
        };
        let range = placed.range.clone();
        let kind = match placed.token.clone() {
            Token::Int(int) => Kind::Int(int),
            Token::Decimal(exact) => Kind::Decimal(exact),
            Token::Money(exact) => Kind::Money(exact),
            Token::Date(date) => Kind::Date(date),
            Token::Period(period) => Kind::Period(period),
            Token::Text(text) => Kind::Text(text),
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect_symbol(")")?;
                let range = range.start..self.tokens[self.at - 1].range.end;
                return Ok(Expression::new(inner.kind, range));
            }
            Token::Word(word) if word == "true" => Kind::Bool(true),
            Token::Word(word) if word == "false" => Kind::Bool(false),
            // A nested `if` needs no parentheses after an operator to be clear about its end, but
            // it is refused there: a reader would not know what belongs to its `else`.
            Token::Word(word) if !KEYWORDS.contains(&word.as_str()) => {
                self.at += 1;
                if !self.symbol("(") {
                    return Ok(Expression::new(Kind::Name(word), range));
                }
                let arguments = self.arguments()?;
                let range = range.start..self.tokens[self.at - 1].range.end;
                return Ok(Expression::new(Kind::Call { function: word, arguments }, range));
            }
            Token::Word(word) => {
                let message = format!("a value is expected here, not `{word}`");
                return Err(fault(Code::TokenUnexpected, range, message));
            }
            Token::Symbol(symbol) => {
                let message = format!("a value is expected here, not `{symbol}`");
                return Err(fault(Code::TokenUnexpected, range, message));
            }
        };
        self.at += 1;
        Ok(Expression::new(kind, range))
    }

    /// The rest of a list whose `(` has been read, up to and with its `)`.
    fn arguments(&mut self) -> Result<Vec<Expression>, Fault> {
        let mut found = Vec::new();
        if self.symbol(")") {
            return Ok(found);
        }
        loop {
            found.push(self.expression()?);
            if !self.symbol(",") {
                self.expect_symbol(")")?;
                return Ok(found);
            }
        }
    }

    /// Operands joined by operators of one strength, read from the left.
    fn chain(
        &mut self,
        operators: &[(&str, Operator)],
        operand: fn(&mut Parser) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        let mut left = operand(self)?;
        while let Some((_, operator)) =
            operators.iter().find(|(text, _)| self.word(text) || self.symbol(text))
        {
            let right = operand(self)?;
            left = shallow(binary(*operator, left, right))?;
        }
        Ok(left)
    }

    fn deeper(
        &mut self,
        read: impl FnOnce(&mut Parser) -> Result<Expression, Fault>,
    ) -> Result<Expression, Fault> {
        if self.depth == DEPTH_MAX {
            let range = self.tokens.get(self.at).map_or(self.end..self.end, |t| t.range.clone());
            return Err(too_deep(range));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        shallow(read?)
    }

    fn word(&mut self, word: &str) -> bool {
        self.take(|token| matches!(token, Token::Word(found) if found == word))
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        self.take(|token| matches!(token, Token::Symbol(found) if *found == symbol))
    }

    fn take(&mut self, wanted: impl Fn(&Token) -> bool) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|placed| wanted(&placed.token));
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<(), Fault> {
        if self.word(word) { Ok(()) } else { Err(self.expected(word)) }
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), Fault> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.expected(symbol)) }
    }

    fn expected(&self, text: &str) -> Fault {
        let range = self.tokens.get(self.at).map_or(self.end..self.end, |t| t.range.clone());
        fault(Code::TokenUnexpected, range, format!("`{text}` is expected here"))
    }
}

fn binary(operator: Operator, left: Expression, right: Expression) -> Expression {
    let range = left.range.start..right.range.end;
    let (left, right) = (Box::new(left), Box::new(right));
    Expression::new(Kind::Binary { operator, left, right }, range)
}

/// A row of operands deepens the tree without nesting the text, so the tree is measured too.
fn shallow(expression: Expression) -> Result<Expression, Fault> {
    if expression.depth > DEPTH_MAX { Err(too_deep(expression.range)) } else { Ok(expression) }
}

fn too_deep(range: Range<usize>) -> Fault {
    fault(Code::ExpressionTooDeep, range, format!("an expression is at most {DEPTH_MAX} deep"))
}

fn fault(code: Code, range: Range<usize>, message: impl Into<String>) -> Fault {
    Fault { code, range, message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree with all its parentheses.
    fn shape(e: &Expression) -> String {
        match &e.kind {
            Kind::Bool(b) => b.to_string(),
            Kind::Int(i) => i.to_string(),
            Kind::Decimal(d) => d.to_string(),
            Kind::Money(m) => format!("{m}đ"),
            Kind::Date(d) => d.to_string(),
            Kind::Period(p) => p.to_string(),
            Kind::Text(t) => format!("'{t}'"),
            Kind::Name(n) => n.clone(),
            Kind::Call { function, arguments } => {
                let parts: Vec<String> = arguments.iter().map(shape).collect();
                format!("{function}({})", parts.join(" "))
            }
            Kind::Not(inner) => format!("(not {})", shape(inner)),
            Kind::Negate(inner) => format!("(- {})", shape(inner)),
            Kind::Binary { operator, left, right } => {
                format!("({} {} {})", shape(left), operator.symbol(), shape(right))
            }
            Kind::Between { value, low, high } => {
                format!("({} between {} {})", shape(value), shape(low), shape(high))
            }
            Kind::In { value, choices } => {
                let parts: Vec<String> = choices.iter().map(shape).collect();
                format!("({} in {})", shape(value), parts.join(" "))
            }
            Kind::If { condition, then, otherwise } => {
                format!("(if {} {} {})", shape(condition), shape(then), shape(otherwise))
            }
        }
    }

    #[track_caller]
    fn check(table: &[(&str, &str)]) {
        for (text, expected) in table {
            let actual = match parse(text, "VND") {
                Ok(expression) => shape(&expression),
                Err(Fault { code, range, .. }) => {
                    format!("{code} at {}..{}", range.start, range.end)
                }
            };
            assert_eq!(&actual, expected, "{text}");
        }
    }

    #[test]
    fn operators_bind_as_readers_expect() {
        check(&[
            ("a or b and not c", "(a or (b and (not c)))"),
            ("1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"),
            ("(1 + 2) × 3", "((1 + 2) * 3)"),
            ("-a * b", "((- a) * b)"),
            ("a + 1 >= b and c", "(((a + 1) >= b) and c)"),
            ("x between 1 and 2 and y", "((x between 1 2) and y)"),
            ("level in ('a', 'b')", "(level in 'a' 'b')"),
            ("if a then b else if c then d else e", "(if a b (if c d e))"),
            ("min(a, b + 1)", "min(a (b + 1))"),
            ("f()", "f()"),
        ]);
    }

    #[test]
    fn literals_are_told_apart_by_their_shape() {
        check(&[
            ("540000 VND", "540000đ"),
            ("12.50 VND", "12.5đ"),
            ("540000", "540000"),
            ("1.5", "1.5"),
            ("2025-07-01", "2025-07-01"),
            ("2025-07", "2025-07"),
            ("2025 - 07", "(2025 - 7)"),
            ("coef.k6.severe", "coef.k6.severe"),
            ("true", "true"),
        ]);
    }

    #[test]
    fn what_does_not_read_has_a_place() {
        check(&[
            ("", "R202 at 0..0"),
            ("1 +", "R202 at 3..3"),
            ("a < b < c", "R202 at 6..7"),
            ("a ; b", "R201 at 2..3"),
            ("tuổi", "R201 at 2..5"),
            ("'open", "R202 at 0..5"),
            ("2026-02-30", "R106 at 0..10"),
            ("2026-13", "R106 at 0..7"),
            ("99999999999999999999", "R106 at 0..20"),
            ("if a then b", "R202 at 11..11"),
            ("f(a", "R202 at 3..3"),
            ("a in b", "R202 at 5..6"),
            ("then", "R202 at 0..4"),
            ("1e3", "R202 at 1..3"),
            ("a b", "R202 at 2..3"),
        ]);
    }

    #[test]
    fn depth_and_length_are_bounded() {
        for text in [
            "(".repeat(4_000),
            "-".repeat(4_000),
            "not ".repeat(2_000),
            "if ".repeat(2_000),
            "f(".repeat(4_000),
            "1+".repeat(4_000),
            "a".repeat(LENGTH_MAX + 1),
        ] {
            assert!(parse(&text, "VND").is_err());
        }
        let fits = format!("{}1{}", "(".repeat(DEPTH_MAX - 1), ")".repeat(DEPTH_MAX - 1));
        assert!(parse(&fits, "VND").is_ok());
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            let _ = parse(&text, "VND");
        }

        #[test]
        fn no_row_of_tokens_makes_the_parser_panic(
            words in proptest::collection::vec(
                proptest::sample::select(vec![
                    "if", "then", "else", "and", "or", "not", "between", "in", "(", ")", ",", "+",
                    "-", "*", "<", "=", "1", "1.5", "a", "min", "'x'", "2025-07", "VND",
                ]),
                0..60,
            )
        ) {
            let _ = parse(&words.join(" "), "VND");
        }
    }
}
