//! The values of a definition: a small closed list of functions over the payment model.
//!
//! `upper(clean('name', payment.creditor_name))` is parsed once, when the definition is loaded,
//! and evaluated by appending to a text that the caller reuses. There are no loops and no escapes
//! to code; a bank that needs another function gets it here, where everyone can use it.

use std::collections::BTreeMap;

use crate::amount::{MoneyStyle, append_money};
use crate::charset::{Charset, append_stripped};
use crate::field::{FieldInfo, FieldKind, FieldLevel, FieldValue, Scene, fields};
use crate::out_format::FieldRule;

/// A parsed value.
pub(crate) enum Expression {
    Text(String),
    Field(&'static FieldInfo),
    Money(MoneyStyle, &'static FieldInfo),
    Concat(Vec<Expression>),
    Coalesce(Vec<Expression>),
    If(Box<[Expression; 3]>),
    Upper(Box<Expression>),
    StripAccents(Box<Expression>),
    Clean(usize, Box<Expression>),
    Exact(usize, Box<Expression>),
    Left(usize, Box<Expression>),
    Within(usize, Box<Expression>),
    Given(Box<Expression>),
    PadLeft { width: usize, fill: char, of: Box<Expression> },
    ReplacePrefix { prefix: String, by: String, of: Box<Expression> },
    Lookup { table: usize, otherwise: Option<String>, of: Box<Expression> },
    Date(DateShape, Box<Expression>),
    Iban(Box<Expression>),
}

/// What a definition's functions refer to by name: found at loading, held by index.
#[derive(Default)]
pub(crate) struct Library {
    pub charsets: Vec<(String, Charset)>,
    pub tables: Vec<(String, BTreeMap<String, String>)>,
}

/// The closed list of functions: how each is written, and what it gives.
pub fn functions() -> &'static [(&'static str, &'static str)] {
    FUNCTIONS
}

const FUNCTIONS: &[(&str, &str)] = &[
    ("money(amount)", "major units with exactly the currency's digits"),
    ("money_trimmed(amount)", "major units without trailing zeros"),
    ("money_minor(amount)", "minor units"),
    ("concat(a, b, …)", "one after the other"),
    ("coalesce(a, b, …)", "the first that is not empty"),
    ("if(test, then, else)", "then when test is not empty"),
    ("upper(a)", "upper case"),
    ("strip_accents(a)", "letters without their marks, Đ as D"),
    ("clean('set', a)", "made to fit a character set"),
    ("exact('set', a)", "refused unless it fits a character set as it is"),
    ("left(n, a)", "the first n characters"),
    ("given(a)", "refused when it is empty"),
    ("within(n, a)", "refused when it has more than n characters"),
    ("pad_left(n, 'c', a)", "filled on the left to n characters"),
    ("replace_prefix('+84', '0', a)", "another beginning, when it begins so"),
    ("lookup('table', a)", "translated by a table; a third argument stands for what is not in it"),
    ("date('dd/mm/yyyy', a)", "a date in another order"),
    ("iban(a)", "the account when it is an IBAN by its check digits, else empty"),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum DateShape {
    YearMonthDay,
    DayMonthYearSlash,
    DayMonthYearHyphen,
    Digits,
}

impl DateShape {
    pub const ALL: [(&'static str, DateShape); 4] = [
        ("yyyy-mm-dd", DateShape::YearMonthDay),
        ("dd/mm/yyyy", DateShape::DayMonthYearSlash),
        ("dd-mm-yyyy", DateShape::DayMonthYearHyphen),
        ("yyyymmdd", DateShape::Digits),
    ];

    pub fn parse(text: &str) -> Option<DateShape> {
        DateShape::ALL.iter().find(|(name, _)| *name == text).map(|(_, shape)| *shape)
    }
}

impl Expression {
    /// Parses a value that is used at a level: a batch's header cannot name a payment.
    pub fn parse(text: &str, level: FieldLevel, library: &Library) -> Result<Expression, String> {
        let mut parser = Parser { rest: text, level, library, depth: 0 };
        let expression = parser.expression()?;
        match parser.token() {
            "" => Ok(expression),
            stray => Err(format!("`{stray}` after the end of the value")),
        }
    }

    /// Appends the value to `tail`; on an error `tail` is left with a part of it.
    pub fn append(
        &self,
        scene: &Scene<'_>,
        library: &Library,
        tail: &mut String,
    ) -> Result<(), FieldRule> {
        let start = tail.len();
        match self {
            Expression::Text(text) => tail.push_str(text),
            Expression::Field(field) => (field.read)(scene).append(tail),
            Expression::Money(style, field) => {
                if let FieldValue::Amount(minor) = (field.read)(scene) {
                    append_money(tail, minor, scene.batch.currency, *style);
                }
            }
            Expression::Concat(parts) => {
                for part in parts {
                    part.append(scene, library, tail)?;
                }
            }
            Expression::Coalesce(parts) => {
                for part in parts {
                    part.append(scene, library, tail)?;
                    if tail.len() > start {
                        break;
                    }
                }
            }
            Expression::If(parts) => {
                let [test, then, otherwise] = &**parts;
                test.append(scene, library, tail)?;
                let holds = tail.len() > start;
                tail.truncate(start);
                if holds { then } else { otherwise }.append(scene, library, tail)?;
            }
            Expression::Upper(of) => {
                of.append(scene, library, tail)?;
                if tail[start..].is_ascii() {
                    tail[start..].make_ascii_uppercase();
                } else {
                    let upper = tail[start..].to_uppercase();
                    tail.truncate(start);
                    tail.push_str(&upper);
                }
            }
            Expression::StripAccents(of) => {
                of.append(scene, library, tail)?;
                if !tail[start..].is_ascii() {
                    let marked = tail.split_off(start);
                    append_stripped(tail, &marked);
                }
            }
            Expression::Clean(charset, of) => {
                of.append(scene, library, tail)?;
                library.charsets[*charset].1.clean(tail, start)?;
            }
            Expression::Exact(charset, of) => {
                of.append(scene, library, tail)?;
                library.charsets[*charset].1.exact(&tail[start..])?;
            }
            Expression::Left(width, of) => {
                of.append(scene, library, tail)?;
                truncate_characters(tail, start, *width);
            }
            Expression::Given(of) => {
                of.append(scene, library, tail)?;
                if tail.len() == start {
                    return Err(FieldRule::MustNotBeEmpty);
                }
            }
            Expression::Within(max, of) => {
                of.append(scene, library, tail)?;
                if tail[start..].chars().count() > *max {
                    return Err(FieldRule::TooLong { max: *max });
                }
            }
            Expression::PadLeft { width, fill, of } => {
                of.append(scene, library, tail)?;
                let length = tail[start..].chars().count();
                for _ in length..*width {
                    tail.insert(start, *fill);
                }
            }
            Expression::ReplacePrefix { prefix, by, of } => {
                of.append(scene, library, tail)?;
                if tail[start..].starts_with(prefix.as_str()) {
                    tail.replace_range(start..start + prefix.len(), by);
                }
            }
            Expression::Lookup { table, otherwise, of } => {
                of.append(scene, library, tail)?;
                if tail.len() > start {
                    let found = library.tables[*table].1.get(&tail[start..]);
                    let found = found.or(otherwise.as_ref()).ok_or(FieldRule::NotInTable)?;
                    tail.truncate(start);
                    tail.push_str(found);
                }
            }
            Expression::Date(shape, of) => {
                of.append(scene, library, tail)?;
                reshape_date(*shape, tail, start);
            }
            Expression::Iban(of) => {
                of.append(scene, library, tail)?;
                if !is_iban(&tail[start..]) {
                    tail.truncate(start);
                }
            }
        }
        Ok(())
    }
}

/// Keeps the first `width` characters of `tail[start..]`, and no space at the cut.
pub(crate) fn truncate_characters(tail: &mut String, start: usize, width: usize) {
    if let Some((cut, _)) = tail[start..].char_indices().nth(width) {
        let kept = tail[start..start + cut].trim_end().len();
        tail.truncate(start + kept);
    }
}

/// `tail[start..]` is an ISO date, perhaps with a time; only the date is kept.
fn reshape_date(shape: DateShape, tail: &mut String, start: usize) {
    let Some(day) = tail.get(start..start + 10).map(str::to_owned) else { return };
    let (year, month, day) = (&day[0..4], &day[5..7], &day[8..10]);
    let shaped = match shape {
        DateShape::YearMonthDay => format!("{year}-{month}-{day}"),
        DateShape::DayMonthYearSlash => format!("{day}/{month}/{year}"),
        DateShape::DayMonthYearHyphen => format!("{day}-{month}-{year}"),
        DateShape::Digits => format!("{year}{month}{day}"),
    };
    tail.truncate(start);
    tail.push_str(&shaped);
}

/// ISO 13616: country, two check digits, and the remainder by 97.
fn is_iban(account: &str) -> bool {
    let bytes = account.as_bytes();
    let shaped = (15..=34).contains(&bytes.len())
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2..4].iter().all(u8::is_ascii_digit)
        && bytes.iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
    let remainder = |rest: u32, byte: &u8| match byte {
        b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
        letter => (rest * 100 + u32::from(letter - b'A') + 10) % 97,
    };
    shaped && bytes[4..].iter().chain(&bytes[..4]).fold(0, remainder) == 1
}

struct Parser<'t> {
    rest: &'t str,
    level: FieldLevel,
    library: &'t Library,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn token(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = match self.rest.chars().next() {
            None => 0,
            Some('\'') => self.rest[1..].find('\'').map_or(self.rest.len(), |at| at + 2),
            Some(first) if wordlike(first) => {
                self.rest.find(|letter| !wordlike(letter)).unwrap_or(self.rest.len())
            }
            Some(first) => first.len_utf8(),
        };
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        token
    }

    fn peek(&self) -> Option<char> {
        self.rest.trim_start().chars().next()
    }

    fn expect(&mut self, expected: &str) -> Result<(), String> {
        match self.token() {
            token if token == expected => Ok(()),
            token => Err(format!("`{expected}` was expected, not `{token}`")),
        }
    }

    fn expression(&mut self) -> Result<Expression, String> {
        self.depth += 1;
        if self.depth > 16 {
            return Err("the value is nested too deeply".into());
        }
        let token = self.token();
        let expression = match token {
            "" => return Err("a value was expected".into()),
            _ if token.starts_with('\'') => Expression::Text(quoted(token)?.to_owned()),
            _ if self.peek() == Some('(') => self.call(token)?,
            _ => {
                let field = self.field(token)?;
                if field.kind == FieldKind::Amount {
                    return Err(format!("{token} is an amount: write money({token})"));
                }
                Expression::Field(field)
            }
        };
        self.depth -= 1;
        Ok(expression)
    }

    fn field(&self, name: &str) -> Result<&'static FieldInfo, String> {
        let field = fields()
            .iter()
            .find(|field| field.name == name)
            .ok_or_else(|| format!("`{name}` is not a field of the payment model"))?;
        match field.level == FieldLevel::Batch || field.level == self.level {
            true => Ok(field),
            false => Err(format!("`{name}` has no value here")),
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        self.expect("(")?;
        let expression = match name {
            "money" => self.money(MoneyStyle::Major)?,
            "money_trimmed" => self.money(MoneyStyle::Trimmed)?,
            "money_minor" => self.money(MoneyStyle::Minor)?,
            "concat" => Expression::Concat(self.expressions()?),
            "coalesce" => Expression::Coalesce(self.expressions()?),
            "if" => {
                let parts: [Expression; 3] = self
                    .expressions()?
                    .try_into()
                    .map_err(|_| "if takes a test, then and else".to_owned())?;
                Expression::If(Box::new(parts))
            }
            "upper" => Expression::Upper(self.last()?),
            "strip_accents" => Expression::StripAccents(self.last()?),
            "clean" => {
                let charset = self.charset()?;
                Expression::Clean(charset, self.last()?)
            }
            "exact" => {
                let charset = self.charset()?;
                Expression::Exact(charset, self.last()?)
            }
            "left" => {
                let width = self.number()?;
                Expression::Left(width, self.last()?)
            }
            "given" => Expression::Given(self.last()?),
            "within" => {
                let max = self.number()?;
                Expression::Within(max, self.last()?)
            }
            "pad_left" => {
                let width = self.number()?;
                let fill = self.text()?;
                let mut letters = fill.chars();
                let (Some(fill), None) = (letters.next(), letters.next()) else {
                    return Err("pad_left fills with one character".into());
                };
                Expression::PadLeft { width, fill, of: self.last()? }
            }
            "replace_prefix" => {
                let prefix = self.text()?;
                let by = self.text()?;
                Expression::ReplacePrefix { prefix, by, of: self.last()? }
            }
            "lookup" => {
                let name = self.text()?;
                let table = self.library.tables.iter().position(|(table, _)| *table == name);
                let table = table.ok_or_else(|| format!("there is no table `{name}`"))?;
                let of = self.last()?;
                let otherwise = match self.peek() {
                    Some(',') => {
                        self.expect(",")?;
                        Some(quoted(self.token())?.to_owned())
                    }
                    _ => None,
                };
                Expression::Lookup { table, otherwise, of }
            }
            "date" => {
                let shape = self.text()?;
                let shape = DateShape::parse(&shape)
                    .ok_or_else(|| format!("`{shape}` is not a known order of a date"))?;
                Expression::Date(shape, self.last()?)
            }
            "iban" => Expression::Iban(self.last()?),
            unknown => return Err(format!("there is no function `{unknown}`")),
        };
        self.expect(")")?;
        Ok(expression)
    }

    fn money(&mut self, style: MoneyStyle) -> Result<Expression, String> {
        let name = self.token();
        let field = self.field(name)?;
        match field.kind {
            FieldKind::Amount => Ok(Expression::Money(style, field)),
            _ => Err(format!("`{name}` is not an amount")),
        }
    }

    fn expressions(&mut self) -> Result<Vec<Expression>, String> {
        let mut all = vec![self.expression()?];
        while self.peek() == Some(',') {
            self.expect(",")?;
            all.push(self.expression()?);
        }
        Ok(all)
    }

    fn last(&mut self) -> Result<Box<Expression>, String> {
        Ok(Box::new(self.expression()?))
    }

    fn text(&mut self) -> Result<String, String> {
        let text = quoted(self.token())?.to_owned();
        self.expect(",")?;
        Ok(text)
    }

    fn number(&mut self) -> Result<usize, String> {
        let token = self.token();
        let number = token.parse().map_err(|_| format!("`{token}` is not a number"))?;
        if number > 10_000 {
            return Err(format!("{number} characters are too many"));
        }
        self.expect(",")?;
        Ok(number)
    }

    fn charset(&mut self) -> Result<usize, String> {
        let name = self.text()?;
        let found = self.library.charsets.iter().position(|(charset, _)| *charset == name);
        found.ok_or_else(|| format!("there is no charset `{name}`"))
    }
}

fn wordlike(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.')
}

fn quoted(token: &str) -> Result<&str, String> {
    token
        .strip_prefix('\'')
        .and_then(|text| text.strip_suffix('\''))
        .ok_or_else(|| format!("a text in single quotes was expected, not `{token}`"))
}
