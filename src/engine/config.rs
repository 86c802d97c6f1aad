//! An office's configuration: `chitra.toml`, parsed once into values that cannot be wrong.
//!
//! It holds no secrets; keys live in files of their own.

mod acknowledging;
mod attaching;
mod charging;
mod debit;
mod leaving;
mod recalling;
mod http;
mod provider;
mod schedule;

use std::path::Path;

use serde::Deserialize;

pub use self::acknowledging::AcknowledgingTerms;
use self::attaching::CourtOrdersFile;
pub use self::charging::ChargingTerms;
pub use self::debit::Debit;
pub use self::leaving::{Breaker, LeavingTerms};
use self::provider::ProviderFile;
pub use self::provider::{Envelope, Provider, Terms, Way};
pub use self::recalling::RecallingTerms;
use self::schedule::RuleFile;

use crate::domain::ids::{AuthorityNo, OfficePrefix};
use crate::domain::money::Currency;
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::domain::schedule::Rule;
use crate::engine::error::EngineError;
use crate::pipeline::court_orders::Attachable;
use crate::pipeline::intake::Aliases;
use crate::pipeline::recover::RecoveryPolicy;
use crate::pipeline::retry::Policy;
use crate::store::DatabaseUrl;

/// ISO 20022 has room for so much of a name.
const NAME_LENGTH_MAX: usize = 140;

/// A year: what no statement has shown by then is no money of ours.
const RECEIPT_DAYS_MAX: i64 = 366;

/// The refusal of a configuration, with the rule that it breaks.
fn wrong(sentence: String) -> EngineError {
    EngineError::refused("G101", format!("chitra.toml: {sentence}"))
}

/// What `chitra.toml` says.
#[derive(Clone, Debug)]
pub struct Config {
    pub name: String,
    pub prefix: OfficePrefix,
    pub authority: AuthorityNo,
    pub currency: Currency,
    /// Minutes east of UTC.
    pub offset_minutes: i64,
    /// The same as it is written: `+07:00`.
    pub utc_offset: String,
    pub environment: payment_formats::Environment,
    pub database: String,
    /// How many approvers, besides the maker, a list needs.
    pub approvals: usize,
    /// Months before this one count as paid by whoever paid before.
    pub history_from: Period,
    pub debtor: Debtor,
    /// Months for which a changed destination must wait to be confirmed.
    pub cooling_off_months: i32,
    /// How many beneficiaries may share an account without an authorisation.
    pub account_beneficiaries_max: u32,
    pub retry: Policy,
    pub ceilings: Ceilings,
    /// What may be kept back of a payment for what the person owes.
    pub recovery: RecoveryPolicy,
    /// Days after which money that was paid back, as officers recorded it, must stand on a statement. Nothing was
    /// agreed where nothing is written.
    pub receipt_seen_days: Option<i64>,
    /// The benefits of which orders of courts may keep back.
    pub attachable: Attachable,
    pub aliases: Aliases,
    pub providers: Vec<Provider>,
    /// What happens by itself, or is reminded of, and when.
    pub schedule: Vec<Rule>,
    /// The text itself, for the manifest.
    pub text: String,
}

/// Whose account pays.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Debtor {
    pub name: String,
    pub id: String,
    pub account: String,
    pub bin: String,
}

/// The office's own ceilings, whatever its partners allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ceilings {
    /// The most money in files that leave on one day, minor units.
    pub day_max_minor: Option<i64>,
    /// The most payments that one reissue orders.
    pub reissue_count_max: Option<i64>,
    /// The most money that one reissue orders, minor units.
    pub reissue_total_max_minor: Option<i64>,
}

impl Ceilings {
    fn checked(self) -> Result<Ceilings, EngineError> {
        let all = [self.day_max_minor, self.reissue_count_max, self.reissue_total_max_minor];
        match all.into_iter().flatten().all(|most| most > 0) {
            true => Ok(self),
            false => Err(wrong("ceilings of the policy are positive".to_owned())),
        }
    }
}

impl Config {
    /// Reads `chitra.toml` of an office's folder; paths in it are relative to that folder.
    pub fn parse(text: &str, office: &Path) -> Result<Config, EngineError> {
        let file: File = toml::from_str(text).map_err(|error| wrong(error.to_string()))?;
        let office_ = file.office;
        let (sign, rest) = office_.utc_offset.split_at_checked(1).unwrap_or(("", ""));
        let offset = rest.split_once(':').and_then(|(hours, minutes)| {
            let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
            match sign {
                "+" => Some(minutes),
                "-" => Some(-minutes),
                _ => None,
            }
        });
        let offset_minutes =
            offset.filter(|minutes| minutes.abs() <= 14 * 60).ok_or_else(|| {
                wrong(format!("utc_offset is written like +07:00, not `{}`", office_.utc_offset))
            })?;
        if office_.approvals == 0 {
            return Err(wrong(
                "approvals is at least 1: nobody approves what they made".to_owned(),
            ));
        }
        let providers = file
            .provider
            .into_iter()
            .map(|provider| provider.parsed(office))
            .collect::<Result<Vec<Provider>, EngineError>>()?;
        for (at, provider) in providers.iter().enumerate() {
            if providers[..at].iter().any(|other| other.name == provider.name) {
                return Err(wrong(format!("provider {} stands twice", provider.name)));
            }
        }
        for provider in &providers {
            if let Some(name) = provider
                .fees_stand_with()
                .find(|name| !providers.iter().any(|other| other.name == **name))
            {
                return Err(wrong(format!(
                    "provider {}: fees: on_statements_of names {name}, and there is no such provider",
                    provider.name
                )));
            }
        }
        let schedule =
            file.schedule.into_iter().map(RuleFile::parsed).collect::<Result<Vec<Rule>, _>>()?;
        for (at, rule) in schedule.iter().enumerate() {
            if schedule[..at].iter().any(|other| other.name == rule.name) {
                return Err(wrong(format!("schedule {} stands twice", rule.name)));
            }
        }
        let database = DatabaseUrl::parse(&office_.database)
            .map_err(|error| EngineError::refused("G104", format!("chitra.toml: {error}")))?;
        let database = database.beside(office).to_string();
        for (what, name) in [("office", &office_.name), ("debtor", &file.debtor.name)] {
            if name.trim().is_empty()
                || name.chars().count() > NAME_LENGTH_MAX
                || name.chars().any(char::is_control)
            {
                return Err(wrong(format!(
                    "the name of the {what} has 1 to {NAME_LENGTH_MAX} characters on one line"
                )));
            }
        }
        Ok(Config {
            name: office_.name,
            prefix: OfficePrefix::parse(&office_.prefix)
                .map_err(|error| wrong(error.to_string()))?,
            authority: AuthorityNo(office_.authority),
            currency: Currency::parse(&office_.currency)
                .map_err(|error| wrong(error.to_string()))?,
            offset_minutes,
            utc_offset: office_.utc_offset,
            environment: match office_.environment.as_str() {
                "production" => payment_formats::Environment::Production,
                "test" => payment_formats::Environment::Test,
                other => {
                    return Err(wrong(format!("environment is production or test, not `{other}`")));
                }
            },
            database,
            approvals: office_.approvals,
            history_from: office_
                .history_from
                .parse()
                .map_err(|error| wrong(format!("{error}")))?,
            debtor: file.debtor,
            cooling_off_months: file.policy.cooling_off_months,
            account_beneficiaries_max: file.policy.account_beneficiaries_max,
            retry: Policy {
                attempts_max: file.policy.attempts_max,
                cash_fallback: file.policy.cash_fallback,
            },
            ceilings: Ceilings {
                day_max_minor: file.policy.day_max_minor,
                reissue_count_max: file.policy.reissue_count_max,
                reissue_total_max_minor: file.policy.reissue_total_max_minor,
            }
            .checked()?,
            recovery: RecoveryPolicy::parse(
                &file.policy.recovery_share_max,
                file.policy.recovery_floor_minor,
            )
            .map_err(|error| wrong(error.to_string()))?,
            receipt_seen_days: match file.policy.receipt_seen_days {
                Some(days) if !(0..=RECEIPT_DAYS_MAX).contains(&days) => {
                    return Err(wrong(format!(
                        "receipt_seen_days of the policy is from 0 to {RECEIPT_DAYS_MAX}"
                    )));
                }
                days => days,
            },
            attachable: file.court_orders.parsed()?,
            aliases: file.aliases.into_iter().map(|(from, to)| (from.to_lowercase(), to)).collect(),
            providers,
            schedule,
            text: text.to_owned(),
        })
    }

    /// The partner that carries money of this channel to this bank, wallet, operator or organisation.
    pub fn route(&self, channel: Channel, named: &str) -> Option<&Provider> {
        let of_channel = || self.providers.iter().filter(move |one| one.channel == channel);
        of_channel()
            .find(|one| one.serves.iter().any(|serves| serves == named))
            .or_else(|| of_channel().find(|one| one.serves.iter().any(|serves| serves == "*")))
    }

    pub fn provider(&self, name: &str) -> Option<&Provider> {
        self.providers.iter().find(|one| one.name == name)
    }

    /// The refusal of a partner that the configuration does not have, or no longer has.
    pub fn unknown_provider(&self, name: &str) -> EngineError {
        let known: Vec<&str> = self.providers.iter().map(|one| one.name.as_str()).collect();
        EngineError::refused(
            "G118",
            format!(
                "chitra.toml has no [[provider]] with the name `{name}`; it has: {}. A partner that has files of ours \
                 must stay there until they are answered",
                known.join(", ")
            ),
        )
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    office: Office,
    debtor: Debtor,
    #[serde(default)]
    policy: PolicyFile,
    #[serde(default)]
    court_orders: CourtOrdersFile,
    #[serde(default)]
    aliases: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    provider: Vec<ProviderFile>,
    #[serde(default)]
    schedule: Vec<RuleFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Office {
    name: String,
    prefix: String,
    authority: i64,
    currency: String,
    utc_offset: String,
    environment: String,
    database: String,
    approvals: usize,
    history_from: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PolicyFile {
    cooling_off_months: i32,
    account_beneficiaries_max: u32,
    attempts_max: u8,
    cash_fallback: bool,
    recovery_share_max: String,
    recovery_floor_minor: i64,
    receipt_seen_days: Option<i64>,
    day_max_minor: Option<i64>,
    reissue_count_max: Option<i64>,
    reissue_total_max_minor: Option<i64>,
}

impl Default for PolicyFile {
    fn default() -> PolicyFile {
        PolicyFile {
            cooling_off_months: 1,
            account_beneficiaries_max: 3,
            attempts_max: 3,
            cash_fallback: true,
            recovery_share_max: "0.20".to_owned(),
            recovery_floor_minor: 0,
            receipt_seen_days: None,
            day_max_minor: None,
            reissue_count_max: None,
            reissue_total_max_minor: None,
        }
    }
}
