//! What a partner's terms say about its fees.

use rust_decimal::Decimal;
use serde::Deserialize;

use crate::domain::money::{Rounding, RoundingMode, parse_decimal};
use crate::domain::short_name::ShortName;
use crate::domain::tariff::{SHARE_DIGITS_MAX, Tariff};

/// Nothing is owed where nothing is written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ChargingTerms {
    pub tariff: Option<Tariff>,
    /// The partner on whose statements its fees stand, where that is another.
    pub on_statements_of: Option<String>,
}

/// A `[provider.fees]`, or one of its `[[provider.terms]]`: a whole tariff, which takes the place of the one
/// before.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ChargingFile {
    #[serde(default)]
    per_payment_minor: i64,
    share: Option<String>,
    #[serde(default)]
    minimum_minor: i64,
    maximum_minor: Option<i64>,
    rounding: Option<String>,
    rounding_unit_minor: Option<i64>,
    vat: Option<String>,
    on_statements_of: Option<String>,
}

impl ChargingTerms {
    /// What holds when another agreement says this; the rule that is broken otherwise.
    pub(super) fn changed(&self, by: Option<&ChargingFile>) -> Result<ChargingTerms, String> {
        let Some(by) = by else { return Ok(self.clone()) };
        let bounded = by.maximum_minor.is_none_or(|most| most >= by.minimum_minor);
        if by.per_payment_minor < 0 || by.minimum_minor < 0 || !bounded {
            return Err(
                "fees: per_payment_minor and minimum_minor are not negative, and maximum_minor is no less than \
                 minimum_minor"
                    .to_owned(),
            );
        }
        let (of_amount, vat) = (share("share", &by.share)?, share("vat", &by.vat)?);
        let is_whole = of_amount.is_zero() && vat.is_zero();
        let mode = match &by.rounding {
            Some(word) => RoundingMode::ALL
                .into_iter()
                .find(|(name, _)| name == word)
                .map(|(_, mode)| mode)
                .filter(|mode| *mode != RoundingMode::Exact)
                .ok_or(format!("fees: rounding is half_up, half_even, down or up, not `{word}`"))?,
            None if is_whole => RoundingMode::HalfUp,
            None => {
                return Err(
                    "fees: a share, and tax, are rounded as was agreed: rounding = \"half_up\", or half_even, down, up"
                        .to_owned(),
                );
            }
        };
        let rounding = Rounding::new(mode, by.rounding_unit_minor.unwrap_or(1))
            .map_err(|error| format!("fees: {error}"))?;
        if let Some(name) = &by.on_statements_of {
            ShortName::parse(name).map_err(|error| format!("fees: on_statements_of: {error}"))?;
        }
        Ok(ChargingTerms {
            tariff: Some(Tariff {
                per_payment_minor: by.per_payment_minor,
                share: of_amount,
                minimum_minor: by.minimum_minor,
                maximum_minor: by.maximum_minor,
                rounding,
                vat,
            }),
            on_statements_of: by.on_statements_of.clone(),
        })
    }
}

fn share(what: &str, text: &Option<String>) -> Result<Decimal, String> {
    let Some(text) = text else { return Ok(Decimal::ZERO) };
    let read = parse_decimal(text).ok();
    read.filter(|one| *one < Decimal::ONE && one.scale() <= SHARE_DIGITS_MAX).ok_or(format!(
        "fees: {what} is a decimal from 0 to less than 1 with up to {SHARE_DIGITS_MAX} digits, such as \"0.0065\", not \
         `{text}`"
    ))
}
