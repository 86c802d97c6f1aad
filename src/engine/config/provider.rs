//! A partner: what it is, how files reach it, and the terms that were agreed with it.
//!
//! Terms are dated. Those beside the partner's name hold from the beginning; each `[[provider.terms]]`
//! changes some of them from a day on, and a later day looks at the last one before it. So a limit that
//! the partner raises in January changes nothing in a month of December that is run again.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde::Deserialize;

use super::http::HttpFile;
use super::wrong;
use crate::channels::http::{HttpSettings, Quota};
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::domain::short_name::ShortName;
use crate::domain::state::Named;
use crate::engine::error::EngineError;

/// A partner that receives our files.
#[derive(Clone, Debug)]
pub struct Provider {
    pub name: String,
    pub channel: Channel,
    pub format: String,
    /// Formats in which it answers, tried in this order.
    pub answers: Vec<String>,
    /// Which values of the roster's `provider` column it serves; `*` is everything else.
    pub serves: Vec<String>,
    pub way: Way,
    first: Terms,
    /// Changes of the terms, by the day from which they hold, earliest first.
    later: Vec<(Date, Terms)>,
}

/// How files reach a partner and how its answers come back.
#[derive(Clone, Debug)]
pub enum Way {
    /// Folders, which may be mounts: where it reads, where it answers, where it puts what it has taken.
    Folders { inbox: PathBuf, outbox: PathBuf, taken: PathBuf },
    /// One payment a request.
    Http(Box<HttpSettings>),
}

/// What was agreed with a partner for the time being.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The most payments in one file.
    pub count_max: u64,
    /// The most money in one file, minor units.
    pub total_max_minor: i64,
    /// The most money in one payment, minor units.
    pub amount_max_minor: i64,
    /// Days after which a payment without an answer is unknown.
    pub answer_days: i64,
    /// How fast requests may leave; of partners that are spoken to by HTTP.
    pub quota: Quota,
}

impl Provider {
    /// The terms in force on a day.
    pub fn on(&self, day: Date) -> &Terms {
        let later = self.later.iter().rev().find(|(from, _)| *from <= day);
        later.map_or(&self.first, |(_, terms)| terms)
    }
}

impl Terms {
    fn checked(self, provider: &str) -> Result<Terms, EngineError> {
        if self.count_max == 0 || self.total_max_minor <= 0 || self.amount_max_minor <= 0 {
            return Err(wrong(format!("provider {provider}: limits are positive")));
        }
        let Quota { per_second, burst, concurrency } = self.quota;
        if per_second == 0 || burst == 0 || concurrency == 0 {
            return Err(wrong(format!(
                "provider {provider}: quota, burst and concurrency are positive"
            )));
        }
        Ok(self)
    }

    /// These terms with what another agreement changes.
    fn changed(&self, by: &TermsFile) -> Terms {
        Terms {
            count_max: by.count_max.unwrap_or(self.count_max),
            total_max_minor: by.total_max_minor.unwrap_or(self.total_max_minor),
            amount_max_minor: by.amount_max_minor.unwrap_or(self.amount_max_minor),
            answer_days: by.answer_days.unwrap_or(self.answer_days),
            quota: Quota {
                per_second: by.quota_per_second.unwrap_or(self.quota.per_second),
                burst: by.burst.or(by.quota_per_second).unwrap_or(self.quota.burst),
                concurrency: by.concurrency.unwrap_or(self.quota.concurrency),
            },
        }
    }
}

/// A `[[provider]]` as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderFile {
    pub(super) name: String,
    channel: String,
    format: String,
    answers: Vec<String>,
    serves: Vec<String>,
    count_max: u64,
    total_max_minor: i64,
    amount_max_minor: i64,
    #[serde(default = "answer_days")]
    answer_days: i64,
    inbox: Option<PathBuf>,
    outbox: Option<PathBuf>,
    taken: Option<PathBuf>,
    http: Option<HttpFile>,
    quota_per_second: Option<u32>,
    burst: Option<u32>,
    concurrency: Option<u32>,
    #[serde(default)]
    terms: Vec<TermsFile>,
}

/// A `[[provider.terms]]`: a day, and what is otherwise from then on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsFile {
    from: String,
    count_max: Option<u64>,
    total_max_minor: Option<i64>,
    amount_max_minor: Option<i64>,
    answer_days: Option<i64>,
    quota_per_second: Option<u32>,
    burst: Option<u32>,
    concurrency: Option<u32>,
}

/// What a partner takes that has agreed no quota.
const QUOTA_UNSAID: u32 = 5;

/// A month: no partner that was asked answers later than its statement.
fn answer_days() -> i64 {
    30
}

impl ProviderFile {
    /// Parses one partner; paths are relative to the office's folder.
    pub(super) fn parsed(self, office: &Path) -> Result<Provider, EngineError> {
        ShortName::parse(&self.name).map_err(|error| {
            EngineError::refused("G105", format!("chitra.toml: a [[provider]]: {error}"))
        })?;
        let name = self.name;
        let channel = Channel::from_name(&self.channel)
            .ok_or_else(|| wrong(format!("provider {name}: unknown channel `{}`", self.channel)))?;
        let way = match (self.inbox, self.outbox, self.taken, self.http) {
            (None, None, None, Some(http)) => Way::Http(Box::new(http.parsed(&name, office)?)),
            (Some(inbox), Some(outbox), Some(taken), None) => Way::Folders {
                inbox: office.join(inbox),
                outbox: office.join(outbox),
                taken: office.join(taken),
            },
            _ => {
                return Err(wrong(format!(
                    "provider {name}: inbox, outbox and taken say where its files go and come from; or [provider.http] \
                     how it is spoken to"
                )));
            }
        };
        let first = Terms {
            count_max: self.count_max,
            total_max_minor: self.total_max_minor,
            amount_max_minor: self.amount_max_minor,
            answer_days: self.answer_days,
            quota: Quota {
                per_second: self.quota_per_second.unwrap_or(QUOTA_UNSAID),
                burst: self.burst.or(self.quota_per_second).unwrap_or(QUOTA_UNSAID),
                concurrency: self.concurrency.unwrap_or(QUOTA_UNSAID),
            },
        }
        .checked(&name)?;
        let mut later: Vec<(Date, Terms)> = Vec::new();
        for change in &self.terms {
            let from = parse_date(&change.from)
                .map_err(|error| wrong(format!("provider {name}: terms from {error}")))?;
            if later.last().is_some_and(|(before, _)| from <= *before) {
                return Err(wrong(format!(
                    "provider {name}: the terms from {from} stand after later ones; write them in the order of \
                     their days"
                )));
            }
            let terms = later.last().map_or(&first, |(_, terms)| terms).changed(change);
            later.push((from, terms.checked(&name)?));
        }
        Ok(Provider {
            name,
            channel,
            format: self.format,
            answers: self.answers,
            serves: self.serves,
            way,
            first,
            later,
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn parse(more: &str) -> Result<Provider, EngineError> {
        let text = format!(
            r#"
name = "bank"
channel = "bank"
format = "f"
answers = []
serves = ["*"]
count_max = 100
total_max_minor = 1000
amount_max_minor = 10
inbox = "in"
outbox = "out"
taken = "taken"
{more}"#
        );
        toml::from_str::<ProviderFile>(&text)
            .map_err(|error| wrong(error.to_string()))?
            .parsed(Path::new("/office"))
    }

    #[test]
    fn terms_hold_from_their_day_on_and_keep_what_they_do_not_change() {
        let bank = parse(
            r#"
[[terms]]
from = "2026-12-01"
count_max = 200
[[terms]]
from = "2027-01-01"
answer_days = 5
"#,
        )
        .unwrap();
        let cases = [
            (date(2026, 11, 30), 100, 30),
            (date(2026, 12, 1), 200, 30),
            (date(2026, 12, 31), 200, 30),
            (date(2027, 1, 1), 200, 5),
            (date(2030, 1, 1), 200, 5),
        ];
        for (day, count_max, answer_days) in cases {
            let terms = bank.on(day);
            assert_eq!((terms.count_max, terms.answer_days), (count_max, answer_days), "{day}");
        }
    }

    #[test]
    fn terms_that_cannot_be_are_refused() {
        let cases = [
            ("[[terms]]\nfrom = \"2026-02-30\"", "2026-02-30"),
            ("[[terms]]\nfrom = \"2026-12-01\"\ncount_max = 0", "limits are positive"),
            (
                "[[terms]]\nfrom = \"2026-12-01\"\n[[terms]]\nfrom = \"2026-12-01\"",
                "after later ones",
            ),
            ("[[terms]]\nfrom = \"2026-12-01\"\ncount_maximum = 3", "count_maximum"),
        ];
        for (more, told) in cases {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.contains(told), "{more}: {error}");
        }
    }
}
