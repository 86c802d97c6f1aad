//! A partner: what it is, how files reach it, and the terms that were agreed with it.
//!
//! Terms are dated. Those beside the partner's name hold from the beginning; each `[[provider.terms]]`
//! changes some of them from a day on, and a later day looks at the last one before it. So a limit that
//! the partner raises in January changes nothing in a month of December that is run again.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::civil::Date;
use serde::Deserialize;

use super::acknowledging::{AcknowledgingFile, AcknowledgingTerms};
use super::charging::{ChargingFile, ChargingTerms};
use super::debit::Debit;
use super::http::{HttpFile, SigningFile};
use super::leaving::{LeavingFile, LeavingTerms, RetryFile};
use super::recalling::{RecallingFile, RecallingTerms};
use super::wrong;
use crate::channels::envelope;
use crate::channels::http::{Carries, HttpSettings, Quota, Signing};
use crate::channels::sftp::{HostKey, Site, Times};
use crate::domain::period::parse_date;
use crate::domain::roster::Channel;
use crate::domain::short_name::ShortName;
use crate::domain::state::Named;
use crate::domain::statement::DebitBooking;
use crate::engine::error::EngineError;

/// The terms about leaving, which stand beside a partner's name and in each later agreement alike. Serde
/// refuses unknown keys only where a table is not flattened, so both spell them.
macro_rules! leaving_of {
    ($written:expr) => {
        LeavingFile {
            day_max_minor: $written.day_max_minor,
            calendar: $written.calendar.clone(),
            cut_off: $written.cut_off.clone(),
            windows: $written.windows.clone(),
            late_days: $written.late_days,
            value_date_rule: $written.value_date_rule.clone(),
            prefunded: $written.prefunded,
            expected_rate: $written.expected_rate.clone(),
            breaker_count_min: $written.breaker_count_min,
            retry: $written.retry.clone(),
        }
    };
}

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
    /// Whether its files are sealed, and for which keys.
    pub envelope: Option<Envelope>,
    /// Whether its files are signed, and with which keys.
    pub signature: Option<Signature>,
    /// How it signs what it sends by itself, if it does.
    pub callbacks: Option<Signing>,
    /// Accounts of ours of which it tells, as it writes them, besides the one that pays.
    pub our_accounts: Vec<String>,
    first: Terms,
    /// Changes of the terms, by the day from which they hold, earliest first.
    later: Vec<(Date, Terms)>,
}

/// How files reach a partner and how its answers come back.
#[derive(Clone, Debug)]
pub enum Way {
    /// Folders, which may be mounts: where it reads, where it answers, where it puts what it has taken.
    Folders { inbox: PathBuf, outbox: PathBuf, taken: PathBuf },
    /// A server of the partner with the same three folders.
    Sftp(Site),
    /// One payment a request.
    Http(Box<HttpSettings>),
}

/// The seal on the files of a partner.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub format: envelope::Format,
    /// The partner's key, for which our files are sealed.
    pub recipient_file: Option<PathBuf>,
    /// Our key, for which its answers are sealed.
    pub identity_file: Option<PathBuf>,
}

/// The signatures beside the files of a partner, of OpenPGP.
#[derive(Clone, Debug)]
pub struct Signature {
    /// Our key, by which what we send is signed.
    pub ours_file: Option<PathBuf>,
    /// The partner's key, by which its answers are signed.
    pub theirs_file: Option<PathBuf>,
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
    /// For how many days after an attempt it keeps in `taken` what it took; nothing where that was not agreed.
    pub taken_kept_days: Option<i64>,
    /// What it proves that our account was debited for a payment.
    pub debit: Debit,
    /// When and how much may leave, and what is tried again.
    pub leaving: LeavingTerms,
    /// How it debits our account for a file.
    pub debit_booking: Option<DebitBooking>,
    /// Within which time files are acknowledged.
    pub acknowledging: AcknowledgingTerms,
    /// How payments are asked back.
    pub recalling: RecallingTerms,
    /// What it takes for its payments.
    pub charging: ChargingTerms,
    /// How fast requests may leave; of partners that are spoken to by HTTP.
    pub quota: Quota,
}

impl Provider {
    /// The terms in force on a day.
    pub fn on(&self, day: Date) -> &Terms {
        let later = self.later.iter().rev().find(|(from, _)| *from <= day);
        later.map_or(&self.first, |(_, terms)| terms)
    }

    /// The calendars that its terms name, on whatever day.
    pub fn calendars(&self) -> impl Iterator<Item = &str> {
        self.whenever().filter_map(|terms| terms.leaving.calendar.as_deref())
    }

    /// Whether it takes something for its payments, on whatever day.
    pub fn charges(&self) -> bool {
        self.whenever().any(|terms| terms.charging.tariff.is_some())
    }

    /// The other partners on whose statements its fees stand, on whatever day.
    pub(super) fn fees_stand_with(&self) -> impl Iterator<Item = &String> {
        self.whenever().filter_map(|terms| terms.charging.on_statements_of.as_ref())
    }

    /// For how many days it keeps in `taken` what it took, by every agreement that held from one day to another: the
    /// fewest, and none where one of them says none.
    pub fn taken_kept_days(&self, from: Date, to: Date) -> Option<i64> {
        let since = self.later.iter().filter(|(day, _)| *day > from && *day <= to);
        let all = std::iter::once(self.on(from)).chain(since.map(|(_, terms)| terms));
        all.map(|terms| terms.taken_kept_days).min().flatten()
    }

    fn whenever(&self) -> impl Iterator<Item = &Terms> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, terms)| terms))
    }
}

impl Terms {
    fn checked(self, provider: &str) -> Result<Terms, EngineError> {
        if self.count_max == 0 || self.total_max_minor <= 0 || self.amount_max_minor <= 0 {
            return Err(wrong(format!("provider {provider}: limits are positive")));
        }
        if self.taken_kept_days.is_some_and(|days| days < 1) {
            return Err(wrong(format!("provider {provider}: taken_kept_days is at least 1")));
        }
        if !(0..=ANSWER_DAYS_MAX).contains(&self.answer_days) {
            return Err(wrong(format!(
                "provider {provider}: answer_days are from 0 to {ANSWER_DAYS_MAX}"
            )));
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
    fn changed(&self, by: &TermsFile) -> Result<Terms, String> {
        Ok(Terms {
            count_max: by.count_max.unwrap_or(self.count_max),
            total_max_minor: by.total_max_minor.unwrap_or(self.total_max_minor),
            amount_max_minor: by.amount_max_minor.unwrap_or(self.amount_max_minor),
            answer_days: by.answer_days.unwrap_or(self.answer_days),
            taken_kept_days: by.taken_kept_days.or(self.taken_kept_days),
            debit: self.debit.changed(by.debit_is_proof, by.paid_after_days)?,
            leaving: self.leaving.changed(&leaving_of!(by))?,
            debit_booking: debit_booking(by.debit_booking.as_deref())?.or(self.debit_booking),
            acknowledging: self.acknowledging.changed(by.acknowledgements.as_ref())?,
            recalling: self.recalling.changed(by.recalls.as_ref())?,
            charging: self.charging.changed(by.fees.as_ref())?,
            quota: Quota {
                per_second: by.quota_per_second.unwrap_or(self.quota.per_second),
                burst: by.burst.unwrap_or(self.quota.burst),
                concurrency: by.concurrency.unwrap_or(self.quota.concurrency),
            },
        })
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
    taken_kept_days: Option<i64>,
    debit_is_proof: Option<bool>,
    paid_after_days: Option<i64>,
    inbox: Option<PathBuf>,
    outbox: Option<PathBuf>,
    taken: Option<PathBuf>,
    sftp: Option<SftpFile>,
    envelope: Option<EnvelopeFile>,
    signature: Option<SignatureFile>,
    callbacks: Option<SigningFile>,
    #[serde(default)]
    our_accounts: Vec<String>,
    day_max_minor: Option<i64>,
    calendar: Option<String>,
    cut_off: Option<String>,
    windows: Option<Vec<String>>,
    late_days: Option<i64>,
    value_date_rule: Option<String>,
    prefunded: Option<bool>,
    expected_rate: Option<String>,
    breaker_count_min: Option<i64>,
    retry: Option<Vec<RetryFile>>,
    debit_booking: Option<String>,
    acknowledgements: Option<AcknowledgingFile>,
    recalls: Option<RecallingFile>,
    fees: Option<ChargingFile>,
    http: Option<HttpFile>,
    quota_per_second: Option<u32>,
    burst: Option<u32>,
    concurrency: Option<u32>,
    #[serde(default)]
    terms: Vec<TermsFile>,
}

/// A `[provider.envelope]`: how files are sealed, and the keys for one direction or both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvelopeFile {
    encrypt: String,
    recipient_file: Option<PathBuf>,
    identity_file: Option<PathBuf>,
}

impl EnvelopeFile {
    fn parsed(self, provider: &str, office: &Path) -> Result<Envelope, EngineError> {
        let broken = |rule: &str| wrong(format!("provider {provider}: envelope: {rule}"));
        let known = envelope::Format::ALL.iter().find(|(word, _)| *word == self.encrypt);
        let Some((_, format)) = known else {
            return Err(broken("encrypt is \"age\" or \"openpgp\""));
        };
        if self.recipient_file.is_none() && self.identity_file.is_none() {
            return Err(broken(
                "recipient_file seals what we send, identity_file opens what we get: one of them or both",
            ));
        }
        Ok(Envelope {
            format: *format,
            recipient_file: self.recipient_file.map(|file| office.join(file)),
            identity_file: self.identity_file.map(|file| office.join(file)),
        })
    }
}

/// A `[provider.signature]`: the keys for one direction or both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureFile {
    ours_file: Option<PathBuf>,
    theirs_file: Option<PathBuf>,
}

impl SignatureFile {
    fn parsed(self, provider: &str, office: &Path) -> Result<Signature, EngineError> {
        if self.ours_file.is_none() && self.theirs_file.is_none() {
            return Err(wrong(format!(
                "provider {provider}: signature: ours_file signs what we send, theirs_file proves what we get: one \
                 of them or both"
            )));
        }
        Ok(Signature {
            ours_file: self.ours_file.map(|file| office.join(file)),
            theirs_file: self.theirs_file.map(|file| office.join(file)),
        })
    }
}

/// A `[provider.sftp]`: a server, who we are there, and its folders.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SftpFile {
    host: String,
    #[serde(default = "ssh_port")]
    port: u16,
    user: String,
    key_file: PathBuf,
    host_key: String,
    inbox: String,
    outbox: String,
    taken: String,
    #[serde(default = "connect_seconds")]
    connect_seconds: u64,
    #[serde(default = "answer_seconds")]
    answer_seconds: u64,
    #[serde(default = "whole_seconds")]
    whole_seconds: u64,
    /// Whom to call when the server is not to be reached, for people.
    #[serde(default)]
    contact: String,
}

fn ssh_port() -> u16 {
    22
}

fn connect_seconds() -> u64 {
    30
}

fn answer_seconds() -> u64 {
    60
}

/// An hour: the largest files over the slowest line that partners were seen to have.
fn whole_seconds() -> u64 {
    3600
}

impl SftpFile {
    fn parsed(self, provider: &str, office: &Path) -> Result<Site, EngineError> {
        let broken = |rule: &str| wrong(format!("provider {provider}: sftp: {rule}"));
        let one_word =
            |text: &str| !text.is_empty() && !text.contains([' ', '\t', '\n', '\r', '\0']);
        if ![&self.host, &self.user].into_iter().all(|text| one_word(text)) || self.port == 0 {
            return Err(broken("host, port and user say where it is and who we are there"));
        }
        if self.contact.chars().any(char::is_control) {
            return Err(broken("contact is one line"));
        }
        let mut folders = Vec::new();
        for folder in [&self.inbox, &self.outbox, &self.taken] {
            let folder = folder.trim_end_matches('/');
            let inside = |part: &str| part == ".." || part.chars().any(char::is_control);
            if folder.is_empty() || folder.split('/').any(inside) || folders.contains(&folder) {
                return Err(broken("inbox, outbox and taken are three folders of the server"));
            }
            folders.push(folder);
        }
        let folder = |at: usize| folders.get(at).copied().unwrap_or_default().to_owned();
        let seconds = [self.connect_seconds, self.answer_seconds, self.whole_seconds];
        if seconds.contains(&0) || seconds[..2].iter().any(|one| *one > self.whole_seconds) {
            return Err(broken(
                "connect_seconds and answer_seconds are at least 1, and whole_seconds is not less than either",
            ));
        }
        let [connect, answer, whole] = seconds.map(Duration::from_secs);
        Ok(Site {
            host_key: HostKey::parse(&self.host_key).map_err(|error| broken(&error.to_string()))?,
            inbox: folder(0),
            outbox: folder(1),
            taken: folder(2),
            host: self.host,
            port: self.port,
            user: self.user,
            key_file: office.join(self.key_file),
            times: Times { connect, answer, whole },
        })
    }
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
    taken_kept_days: Option<i64>,
    debit_is_proof: Option<bool>,
    paid_after_days: Option<i64>,
    day_max_minor: Option<i64>,
    calendar: Option<String>,
    cut_off: Option<String>,
    windows: Option<Vec<String>>,
    late_days: Option<i64>,
    value_date_rule: Option<String>,
    prefunded: Option<bool>,
    expected_rate: Option<String>,
    breaker_count_min: Option<i64>,
    retry: Option<Vec<RetryFile>>,
    quota_per_second: Option<u32>,
    burst: Option<u32>,
    concurrency: Option<u32>,
    debit_booking: Option<String>,
    acknowledgements: Option<AcknowledgingFile>,
    recalls: Option<RecallingFile>,
    fees: Option<ChargingFile>,
}

fn debit_booking(text: Option<&str>) -> Result<Option<DebitBooking>, String> {
    let Some(text) = text else { return Ok(None) };
    let booking = DebitBooking::from_name(text);
    booking.map(Some).ok_or(format!("debit_booking is bulk or single, not `{text}`"))
}

/// What a partner takes that has agreed no quota.
const QUOTA_UNSAID: u32 = 5;

/// A year. Whoever answers later is asked by people.
const ANSWER_DAYS_MAX: i64 = 366;

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
        let leaving = leaving_of!(self);
        let name = self.name;
        let channel = Channel::from_name(&self.channel)
            .ok_or_else(|| wrong(format!("provider {name}: unknown channel `{}`", self.channel)))?;
        let way = match (self.inbox, self.outbox, self.taken, self.sftp, self.http) {
            (None, None, None, Some(sftp), None) => Way::Sftp(sftp.parsed(&name, office)?),
            (None, None, None, None, Some(http)) => {
                Way::Http(Box::new(http.parsed(&name, office)?))
            }
            (Some(inbox), Some(outbox), Some(taken), None, None) => Way::Folders {
                inbox: office.join(inbox),
                outbox: office.join(outbox),
                taken: office.join(taken),
            },
            _ => {
                return Err(wrong(format!(
                    "provider {name}: inbox, outbox and taken, or [provider.sftp], or [provider.http], say where \
                     its files go and come from: exactly one way"
                )));
            }
        };
        let envelope = self.envelope.map(|envelope| envelope.parsed(&name, office)).transpose()?;
        if let (Way::Http(settings), Some(_)) = (&way, &envelope)
            && matches!(settings.carries, Carries::Payments { .. })
        {
            return Err(wrong(format!(
                "provider {name}: an envelope seals files, and this partner takes one payment a request"
            )));
        }
        let signature = self.signature.map(|one| one.parsed(&name, office)).transpose()?;
        if let (Way::Http(_), Some(_)) = (&way, &signature) {
            return Err(wrong(format!(
                "provider {name}: a signature lies beside a file, in a folder or by SFTP; requests are signed by \
                 [provider.http.signing]"
            )));
        }
        let callbacks = self.callbacks.map(|signing| signing.parsed(&name, office)).transpose()?;
        let broken = |rule: String| wrong(format!("provider {name}: {rule}"));
        let first = Terms {
            count_max: self.count_max,
            total_max_minor: self.total_max_minor,
            amount_max_minor: self.amount_max_minor,
            answer_days: self.answer_days,
            taken_kept_days: self.taken_kept_days,
            debit: Debit::Evidence
                .changed(self.debit_is_proof, self.paid_after_days)
                .map_err(broken)?,
            leaving: LeavingTerms::NONE.changed(&leaving).map_err(broken)?,
            debit_booking: debit_booking(self.debit_booking.as_deref()).map_err(broken)?,
            acknowledging: AcknowledgingTerms::default()
                .changed(self.acknowledgements.as_ref())
                .map_err(broken)?,
            recalling: RecallingTerms::default().changed(self.recalls.as_ref()).map_err(broken)?,
            charging: ChargingTerms::default().changed(self.fees.as_ref()).map_err(broken)?,
            quota: Quota {
                per_second: self.quota_per_second.unwrap_or(QUOTA_UNSAID),
                burst: self.burst.unwrap_or(1),
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
            let terms = terms.map_err(broken)?;
            later.push((from, terms.checked(&name)?));
        }
        let all = || std::iter::once(&first).chain(later.iter().map(|(_, terms)| terms));
        if matches!(way, Way::Http(_)) && all().any(|terms| terms.taken_kept_days.is_some()) {
            return Err(broken(
                "taken_kept_days is about the folder `taken`, which a partner that is spoken to by HTTP does not have; \
                 what is agreed with it is not_found_is_proof of [provider.http]"
                    .to_owned(),
            ));
        }
        if let Way::Http(settings) = &way
            && matches!(settings.carries, Carries::Payments { .. })
            && all().any(|terms| terms.recalling.format.is_some())
        {
            return Err(wrong(format!(
                "provider {name}: recalls: a recall is a file, and this partner takes one payment a request"
            )));
        }
        if self.our_accounts.iter().any(|account| !account.contains(char::is_alphanumeric)) {
            return Err(broken("our_accounts are accounts of the office".to_owned()));
        }
        Ok(Provider {
            name,
            channel,
            format: self.format,
            answers: self.answers,
            serves: self.serves,
            way,
            envelope,
            signature,
            callbacks,
            our_accounts: self.our_accounts,
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
    fn what_is_kept_counts_by_the_fewest_days_that_were_agreed_meanwhile() {
        let terms = "[[terms]]\nfrom = \"2026-12-01\"\ntaken_kept_days = 20\n\
             [[terms]]\nfrom = \"2027-01-01\"\ntaken_kept_days = 5\n\
             [[terms]]\nfrom = \"2027-02-01\"\nanswer_days = 5\n";
        let cases = [
            (date(2026, 11, 30), date(2026, 12, 1), None),
            (date(2026, 12, 1), date(2026, 12, 31), Some(20)),
            (date(2026, 12, 1), date(2027, 1, 1), Some(5)),
            (date(2027, 3, 1), date(2027, 3, 2), Some(5)),
            (date(2027, 1, 1), date(2026, 12, 1), Some(5)),
        ];
        for (from, to, days) in cases {
            assert_eq!(parse(terms).unwrap().taken_kept_days(from, to), days, "{from} {to}");
        }
        assert_eq!(parse("").unwrap().taken_kept_days(cases[0].0, cases[0].1), None);
        let http = "taken_kept_days = 3\n[http]\nkind = \"payments\"\nbase_url = \"http://127.0.0.1:1\"\n\
             send_path = \"/pay\"\n";
        let told = by_sftp(http).unwrap_err().to_string();
        assert!(told.contains("not_found_is_proof"), "{told}");
        assert!(by_sftp(&http.replace("taken_kept_days = 3", "")).is_ok());
    }

    #[test]
    fn a_tariff_holds_from_its_day_and_takes_the_place_of_the_one_before() {
        let bank = parse(
            r#"
[fees]
per_payment_minor = 5500
[[terms]]
from = "2026-12-01"
count_max = 200
[[terms]]
from = "2026-12-16"
[terms.fees]
share = "0.0065"
rounding = "half_up"
"#,
        )
        .unwrap();
        for (day, fixed, fee) in [
            (date(2026, 11, 30), 5_500, 5_500),
            (date(2026, 12, 15), 5_500, 5_500),
            (date(2026, 12, 16), 0, 3_250),
        ] {
            let tariff = bank.on(day).charging.tariff.unwrap();
            let found = tariff.fee(500_000, crate::domain::money::Currency::VND).unwrap();
            assert_eq!((tariff.per_payment_minor, found), (fixed, fee), "{day}");
        }
        assert!(bank.charges() && !parse("").unwrap().charges());
    }

    fn by_sftp(more: &str) -> Result<Provider, EngineError> {
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
{more}"#
        );
        toml::from_str::<ProviderFile>(&text)
            .map_err(|error| wrong(error.to_string()))?
            .parsed(Path::new("/office"))
    }

    #[test]
    fn a_partner_has_exactly_one_way() {
        let pin = format!("SHA256:{}", "A".repeat(43));
        let table = |change: (&str, &str)| {
            format!(
                "[sftp]\nhost = \"sftp.bank\"\nuser = \"ab01\"\nkey_file = \"keys/bank\"\nhost_key = \"{pin}\"\n\
                 inbox = \"/in/\"\noutbox = \"/out\"\ntaken = \"/taken\"\n"
            )
            .replace(change.0, change.1)
        };
        let Way::Sftp(site) = by_sftp(&table(("", ""))).unwrap().way else {
            panic!("the table says SFTP")
        };
        assert_eq!((site.port, site.inbox.as_str()), (22, "/in"));
        assert_eq!(site.key_file, Path::new("/office/keys/bank"));
        let cases = [
            (table(("[sftp]", "inbox = \"in\"\n[sftp]")), "exactly one way"),
            (String::new(), "exactly one way"),
            (table((&pin, "SHA256:no")), "host_key is a line"),
            (table(("sftp.bank", "")), "host, port and user"),
            (table(("/taken", "/in")), "three folders"),
            (table(("/taken", "/in/../etc")), "three folders"),
            (table(("user", "answer_seconds = 0\nuser")), "at least 1"),
            (table(("user", "whole_seconds = 10\nuser")), "not less than either"),
            (table(("taken", "taken")) + "[envelope]\nencrypt = \"rot13\"", "encrypt is"),
            (table(("taken", "taken")) + "[envelope]\nencrypt = \"age\"", "one of them or both"),
            (table(("user", "password = \"secret\"\nuser")), "password"),
        ];
        for (more, told) in cases {
            let error = by_sftp(&more).unwrap_err().to_string();
            assert!(error.contains(told), "{more}: {error}");
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
            ("taken_kept_days = 0", "at least 1"),
            ("answer_days = -1", "from 0 to 366"),
            (
                "[[terms]]\nfrom = \"2026-12-01\"\nanswer_days = 367",
                "answer_days are from 0 to 366",
            ),
            ("[[terms]]\nfrom = \"2026-12-01\"\ntaken_kept_days = -1", "at least 1"),
            ("debit_booking = \"daily\"", "bulk or single"),
            ("our_accounts = [\" - \"]", "accounts of the office"),
            ("[acknowledgements]\nreceived = \"soon\"", "2 hours"),
            ("[acknowledgements]\nescalation_contact = \"\"", "one line"),
            ("[acknowledgements]\nread = \"2 hours\"", "read"),
            ("[recalls]\nreasons = [\"WHY\"]", "reasons are some of AC03"),
            ("[recalls]\nanswer_days = -1", "not negative"),
            ("[fees]\nper_payment_minor = -1", "not negative"),
            ("[fees]\nminimum_minor = 5\nmaximum_minor = 4", "no less than"),
            ("[fees]\nshare = \"1\"\nrounding = \"half_up\"", "less than 1"),
            ("[fees]\nshare = \"0.123456789\"\nrounding = \"half_up\"", "up to 8 digits"),
            ("[fees]\nshare = \"0,5\"\nrounding = \"half_up\"", "share is a decimal"),
            ("[fees]\nvat = \"10%\"\nrounding = \"half_up\"", "vat is a decimal"),
            ("[fees]\nshare = \"0.01\"", "rounded as was agreed"),
            ("[fees]\nvat = \"0.10\"", "rounded as was agreed"),
            ("[fees]\nshare = \"0.01\"\nrounding = \"exact\"", "rounding is half_up"),
            ("[fees]\nrounding_unit_minor = 0", "positive number"),
            ("[fees]\ntax = \"0.1\"", "tax"),
        ];
        for (more, told) in cases {
            let error = parse(more).unwrap_err().to_string();
            assert!(error.contains(told), "{more}: {error}");
        }
    }
}
