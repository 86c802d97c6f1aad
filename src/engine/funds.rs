//! Money that is made available to a partner before it pays, and what is left of it.
//!
//! Reads: what officers recorded, what left in files, and what did not arrive or came back.
//! Gives: the cleared funds of a partner. Its first record is the balance from which is counted: what
//! left before that day is in it.

use jiff::civil::Date;

use crate::audit::leaf::Leaf;
use crate::domain::digest::Digest;
use crate::domain::funds::Funds;
use crate::domain::money::told;
use crate::domain::receivable::Receipt;
use crate::domain::roster::Channel;
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::config::Provider;
use crate::engine::{Engine, EngineError};
use crate::store::registry::Counted;
use crate::store::{Changes, StoreError};

/// How long a reference may be: what stands on a statement.
const REFERENCE_LENGTH_MAX: usize = 60;

/// Money that an officer says was made available.
#[derive(Clone, Debug)]
pub struct Funding {
    pub provider: String,
    pub amount_minor: i64,
    /// The day from which the partner may pay with it.
    pub cleared_on: Date,
    /// What it is called on the statement; of one partner each is recorded once.
    pub reference: String,
    /// It came back from an organisation that pays cash.
    pub is_given_back: bool,
}

impl Engine {
    /// Records money that was made available to a partner, or that an organisation which pays cash gave back.
    ///
    /// # Errors
    /// D143 when the amount is not positive or the reference no line, D144 when it is recorded already, D146 when
    /// the partner gives nothing back so, D147 when it has less by our books, D151 when it cannot have come back
    /// on that day.
    pub async fn funds_record(
        &self,
        funding: Funding,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Funds, EngineError> {
        let by = self.acting(officer, key, Doing::RecordFunds).await?;
        let partner = self.provider(&funding.provider)?.clone();
        let provider = partner.name.clone();
        let reference = funding.reference.trim();
        if funding.amount_minor <= 0
            || reference.is_empty()
            || reference.chars().count() > REFERENCE_LENGTH_MAX
            || reference.chars().any(char::is_control)
        {
            return Err(EngineError::refused(
                "D143",
                format!(
                    "money that is available is more than nothing, and has a reference of 1 to \
                     {REFERENCE_LENGTH_MAX} characters"
                ),
            ));
        }
        // The number first: of two officers who read the same balance, the second finds the number taken.
        let number = self.store.next_number(Counted::Funds).await?;
        // A reference that differs in capitals or spaces alone is the same one, typed again.
        let of = provider.clone();
        let again = || {
            EngineError::refused(
                "D144",
                format!(
                    "`{reference}` is recorded for {of} already, or another record was made just now; see: \
                     chitra funds list"
                ),
            )
        };
        if funding.is_given_back {
            self.could_give_back(&partner, funding.amount_minor, funding.cleared_on).await?;
        }
        let compared = Receipt::compared(reference);
        let known = self.store.funds(Some(&provider)).await?;
        if known.iter().any(|one| Receipt::compared(&one.reference) == compared) {
            return Err(again());
        }
        let funds = Funds {
            number,
            provider,
            amount_minor: funding.amount_minor,
            cleared_on: funding.cleared_on.to_string(),
            reference: reference.to_owned(),
            recorded_by: by.officer.name.clone(),
            recorded_at: self.stamp(),
            is_given_back: funding.is_given_back,
        };
        let event = if funds.is_given_back { "funds_given_back" } else { "funds_recorded" };
        let mut changes = Changes::new();
        changes.funds_recorded(&funds);
        changes.event(
            by.leaf(
                Leaf::of(event, &funds.recorded_at)
                    .number("funds", funds.number)
                    .text("provider", &funds.provider)
                    .number("amount_minor", funds.amount_minor)
                    .text("cleared_on", &funds.cleared_on)
                    .digest("reference", &Digest::of(funds.reference.as_bytes())),
            )?,
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { .. }) => Err(again()),
            done => Ok(done.map(|()| funds)?),
        }
    }

    /// Only an organisation that pays cash sends money back beside its answers: no more than it has, not
    /// tomorrow, and not before it had any.
    async fn could_give_back(
        &self,
        partner: &Provider,
        amount_minor: i64,
        on: Date,
    ) -> Result<(), EngineError> {
        if partner.channel != Channel::Cash {
            return Err(EngineError::refused(
                "D146",
                format!(
                    "{} pays no cash: what comes back of its payments is told by its answers and statements",
                    partner.name
                ),
            ));
        }
        let refused = |why: String| {
            let way_out = "say the day on which it came back: --on DAY";
            Err(EngineError::refused("D151", format!("{on} is {why}; {way_out}")))
        };
        let today = self.clock.today();
        if on > today {
            return refused(format!("after today, {today}"));
        }
        // Without a draw it has nothing, which the balance says.
        let records = self.store.funds(Some(&partner.name)).await?;
        if let Some(first) = first_draw(&records).filter(|first| on.to_string().as_str() < *first) {
            return refused(format!("before the first draw for {}, on {first}", partner.name));
        }
        let balance = self.cash_books(partner).await?.balance();
        if i128::from(amount_minor) > balance {
            let currency = self.config.currency;
            return Err(EngineError::refused(
                "D147",
                format!(
                    "{} has {} of ours by our books, and cannot give {} back; record what was drawn for it first: \
                     chitra funds record; see: chitra funds cash",
                    partner.name,
                    told(balance, currency),
                    told(i128::from(amount_minor), currency)
                ),
            ));
        }
        Ok(())
    }

    /// What a partner may still pay with today: what was made available, less what left, and again what
    /// did not arrive or came back; of an organisation that pays cash, less what statements show as given back.
    pub async fn cleared_funds(&self, provider: &str) -> Result<i128, EngineError> {
        let records = self.store.funds(Some(provider)).await?;
        let today = self.clock.today().to_string();
        let Some(first) = first_draw(&records) else { return Ok(0) };
        let cleared: i128 = records
            .iter()
            .filter(|one| one.cleared_on <= today)
            .map(|one| i128::from(one.added_minor()))
            .sum();
        let (sent, back) = self.store.spent_since(provider, first).await?;
        // What did not arrive lies at an organisation that pays cash, until a statement shows that it came back.
        let carrier = self.config.provider(provider);
        let pays_cash = carrier.is_some_and(|one| one.channel == Channel::Cash);
        let returned = match pays_cash {
            true => self.store.given_back_of_files(provider, first).await?,
            false => 0,
        };
        Ok(cleared - i128::from(sent) + i128::from(back) - i128::from(returned))
    }
}

/// The day of the first money that was made available: from it is counted. What was given back moves it
/// nowhere, because files that left before the first draw were paid with what is in it.
pub(super) fn first_draw(records: &[Funds]) -> Option<&str> {
    let draws = records.iter().filter(|one| !one.is_given_back);
    draws.map(|one| one.cleared_on.as_str()).min()
}
