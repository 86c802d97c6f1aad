//! What a provider's reason means for us, as data: a code has a class, and the class decides who
//! acts. The tables are in `reasons/`, with their sources.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Who gave the codes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ReasonScheme {
    /// ISO 20022 external status, return and cancellation reasons.
    Iso20022,
    /// GSMA Mobile Money API error codes.
    GsmaMobileMoney,
}

impl ReasonScheme {
    pub(crate) fn parse(word: &str) -> Option<ReasonScheme> {
        match word {
            "iso20022" => Some(ReasonScheme::Iso20022),
            "gsma_mobile_money" => Some(ReasonScheme::GsmaMobileMoney),
            _ => None,
        }
    }
}

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ReasonClass {
    /// Ask for the status first, then present again: nothing is wrong with the payment.
    Retry,
    /// This rail cannot carry it (limits); another one may.
    OtherChannel,
    /// The payee's details are wrong: a new attempt needs new details.
    PayeeData,
    /// Death, fraud or law: pay nothing until somebody has decided.
    Stop,
    /// Our file, account or permission is at fault.
    Operator,
    /// A person must look.
    Review,
    /// The provider has seen it before: reconcile before anything else, it may have been paid.
    Duplicate,
    /// Says nothing about a credit transfer.
    NotApplicable,
}

impl ReasonClass {
    pub(crate) const WORDS: [(&'static str, ReasonClass); 8] = [
        ("retry", ReasonClass::Retry),
        ("other_channel", ReasonClass::OtherChannel),
        ("payee_data", ReasonClass::PayeeData),
        ("stop", ReasonClass::Stop),
        ("operator", ReasonClass::Operator),
        ("review", ReasonClass::Review),
        ("duplicate", ReasonClass::Duplicate),
        ("not_applicable", ReasonClass::NotApplicable),
    ];

    /// How much care it asks for before the same money is ordered again; of several reasons the highest decides.
    pub(crate) fn gravity(self) -> u8 {
        match self {
            ReasonClass::Stop => 7,
            ReasonClass::Duplicate => 6,
            ReasonClass::Review => 5,
            ReasonClass::Operator => 4,
            ReasonClass::PayeeData => 3,
            ReasonClass::OtherChannel => 2,
            ReasonClass::Retry => 1,
            ReasonClass::NotApplicable => 0,
        }
    }

    pub(crate) fn parse(word: &str) -> Option<ReasonClass> {
        ReasonClass::WORDS.iter().find(|(known, _)| *known == word).map(|(_, class)| *class)
    }
}

/// The class of a code. A code that no table has is for a person to look at.
pub fn reason_class(scheme: ReasonScheme, code: &str) -> ReasonClass {
    CLASSES.get(&(scheme, code)).copied().unwrap_or(ReasonClass::Review)
}

static CLASSES: LazyLock<BTreeMap<(ReasonScheme, &'static str), ReasonClass>> =
    LazyLock::new(|| {
        let tables = [
            (ReasonScheme::Iso20022, include_str!("../reasons/iso20022.tsv")),
            (ReasonScheme::GsmaMobileMoney, include_str!("../reasons/gsma-mobile-money.tsv")),
        ];
        tables
            .into_iter()
            .flat_map(|(scheme, table)| {
                rows(table).map(move |(code, class)| ((scheme, code), class))
            })
            .collect()
    });

fn rows(table: &'static str) -> impl Iterator<Item = (&'static str, ReasonClass)> {
    table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(code, class)| Some((code, ReasonClass::parse(class)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_every_table_is_a_code_and_a_class() {
        let tables = [
            include_str!("../reasons/iso20022.tsv"),
            include_str!("../reasons/gsma-mobile-money.tsv"),
        ];
        for table in tables {
            let lines = table.lines().filter(|line| !line.starts_with('#')).count();
            let mut codes: Vec<&str> = rows(table).map(|(code, _)| code).collect();
            assert_eq!(codes.len(), lines);
            codes.sort_unstable();
            codes.dedup();
            assert_eq!(codes.len(), lines, "a code stands twice");
        }
    }

    #[test]
    fn codes_have_the_class_that_a_benefit_office_needs() {
        use ReasonClass::*;
        for (code, class) in [
            ("AC04", PayeeData),
            ("AC01", PayeeData),
            ("AC06", Review),
            ("MD07", Stop),
            ("AM05", Duplicate),
            ("DUPL", Duplicate),
            ("AB12", Duplicate),
            ("AM02", OtherChannel),
            ("AM04", Retry),
            ("FF01", Operator),
            ("NARR", Review),
            ("ZZZZ", Review),
        ] {
            assert_eq!(reason_class(ReasonScheme::Iso20022, code), class, "{code}");
        }
        let gsma = |code| reason_class(ReasonScheme::GsmaMobileMoney, code);
        assert_eq!(gsma("identifierError"), PayeeData);
        assert_eq!(gsma("duplicateRequest"), Duplicate);
        assert_eq!(gsma("greaterThanTransactionMaxValue"), OtherChannel);
    }
}
