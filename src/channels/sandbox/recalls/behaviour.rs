//! What the sandbox does when a payment is asked back: drawn from the account by the seed, so that an account
//! behaves the same however often it is asked for.
//!
//! Reads: the seed, shares of a thousand, the provider and the account.
//! Gives: what is said on which day, and when the money is given back.

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::ledger::Day;
use crate::domain::digest::Digest;

/// What becomes of a request to give a payment back that the payee still has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecallBehaviour {
    /// Agreed, and the money is given back on the same day; what is not booked yet is not booked.
    Agree,
    /// Agreed, and the money is given back some days later.
    AgreeLater,
    /// Agreed, which is said again the day after.
    AgreeTwice,
    /// Refused: the payee does not want it.
    Refuse,
    /// First not decided, then agreed.
    PendThenAgree,
    /// First not decided, then refused: the payee does not answer.
    PendThenRefuse,
    /// Nothing is ever said, and nothing given back.
    Ignore,
}

impl RecallBehaviour {
    pub const ALL: [RecallBehaviour; 7] = [
        RecallBehaviour::Agree,
        RecallBehaviour::AgreeLater,
        RecallBehaviour::AgreeTwice,
        RecallBehaviour::Refuse,
        RecallBehaviour::PendThenAgree,
        RecallBehaviour::PendThenRefuse,
        RecallBehaviour::Ignore,
    ];
}

/// How many accounts of a thousand do otherwise than agree when they are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecallMix {
    pub agree_later: u16,
    pub agree_twice: u16,
    pub refuse: u16,
    pub pend_then_agree: u16,
    pub pend_then_refuse: u16,
    pub ignore: u16,
}

impl RecallMix {
    /// Every account behaves in one way.
    pub fn only(behaviour: RecallBehaviour) -> RecallMix {
        let mut mix = RecallMix::default();
        match behaviour {
            RecallBehaviour::Agree => {}
            RecallBehaviour::AgreeLater => mix.agree_later = 1000,
            RecallBehaviour::AgreeTwice => mix.agree_twice = 1000,
            RecallBehaviour::Refuse => mix.refuse = 1000,
            RecallBehaviour::PendThenAgree => mix.pend_then_agree = 1000,
            RecallBehaviour::PendThenRefuse => mix.pend_then_refuse = 1000,
            RecallBehaviour::Ignore => mix.ignore = 1000,
        }
        mix
    }

    fn shares(&self) -> [(RecallBehaviour, u16); 6] {
        [
            (RecallBehaviour::AgreeLater, self.agree_later),
            (RecallBehaviour::AgreeTwice, self.agree_twice),
            (RecallBehaviour::Refuse, self.refuse),
            (RecallBehaviour::PendThenAgree, self.pend_then_agree),
            (RecallBehaviour::PendThenRefuse, self.pend_then_refuse),
            (RecallBehaviour::Ignore, self.ignore),
        ]
    }

    pub(in super::super) fn sum(&self) -> u32 {
        self.shares().iter().map(|(_, share)| u32::from(*share)).sum()
    }
}

/// A word about one case.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Word {
    pub on: Day,
    /// ISO 20022 cancellation status: `ACCR`, `RJCR`, `PDCR`.
    pub status: String,
    /// Why it is refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What is said and done about one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Course {
    pub words: Vec<Word>,
    /// The day on which the money is given back, or the payment taken off the books before it is booked.
    pub ends: Option<Date>,
}

/// What was drawn for one account of one provider.
pub(super) struct RecallDraw {
    pub behaviour: RecallBehaviour,
    dice: u64,
}

impl RecallDraw {
    pub fn of(seed: u64, mix: &RecallMix, provider: &str, account: &str) -> RecallDraw {
        let digest = Digest::of(format!("{seed}\nrecall\n{provider}\n{account}").as_bytes());
        let number = |at: usize| {
            let bytes = digest.as_bytes()[at..at + 8].try_into().expect("eight bytes of 32");
            u64::from_be_bytes(bytes)
        };
        let mut left = number(0) % 1000;
        let mut behaviour = RecallBehaviour::Agree;
        for (drawn, share) in mix.shares() {
            if left < u64::from(share) {
                behaviour = drawn;
                break;
            }
            left -= u64::from(share);
        }
        RecallDraw { behaviour, dice: number(8) }
    }

    /// What becomes of a request that came on a day. What is not booked yet can be stopped at once.
    pub fn course(&self, asked_on: Date, is_booked: bool) -> Course {
        use RecallBehaviour as B;
        let day = |days: i64| asked_on.saturating_add(Span::new().days(days));
        let word = |on: Date, status: &str, reason: &str| Word {
            on: Day(on),
            status: status.to_owned(),
            reason: reason.to_owned(),
        };
        let agreed = |on: Date| word(on, "ACCR", "");
        let later = day(1 + 2 + (self.dice % 4) as i64);
        let soon = if is_booked { day(1) } else { asked_on };
        let (words, ends) = match self.behaviour {
            B::Agree => (vec![agreed(soon)], Some(soon)),
            B::AgreeLater => (vec![agreed(day(1))], Some(later)),
            B::AgreeTwice => (vec![agreed(soon), agreed(day(2))], Some(soon)),
            B::Refuse => (vec![word(day(1), "RJCR", "CUST")], None),
            B::PendThenAgree => (vec![word(day(1), "PDCR", ""), agreed(later)], Some(later)),
            B::PendThenRefuse => {
                (vec![word(day(1), "PDCR", ""), word(later, "RJCR", "NOAS")], None)
            }
            B::Ignore => (vec![], None),
        };
        Course { words, ends }
    }
}

impl Course {
    /// Refused for what the books say.
    pub fn refused(asked_on: Date, reason: &str) -> Course {
        let on = Day(asked_on.saturating_add(Span::new().days(1)));
        let word = Word { on, status: "RJCR".to_owned(), reason: reason.to_owned() };
        Course { words: vec![word], ends: None }
    }

    /// Agreed to, and the money is on its way back already.
    pub fn on_its_way(asked_on: Date) -> Course {
        let on = Day(asked_on.saturating_add(Span::new().days(1)));
        Course {
            words: vec![Word { on, status: "ACCR".to_owned(), reason: String::new() }],
            ends: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_answered_for_the_same_again_and_the_shares_are_kept() {
        let mix = RecallMix { agree_later: 200, refuse: 300, ignore: 100, ..RecallMix::default() };
        let mut counts = std::collections::BTreeMap::new();
        for account in 0..20_000 {
            let account = account.to_string();
            let drawn = RecallDraw::of(7, &mix, "VCB", &account).behaviour;
            assert_eq!(drawn, RecallDraw::of(7, &mix, "VCB", &account).behaviour);
            *counts.entry(drawn).or_insert(0_i32) += 1;
        }
        for (behaviour, expected) in [
            (RecallBehaviour::AgreeLater, 4000),
            (RecallBehaviour::Refuse, 6000),
            (RecallBehaviour::Ignore, 2000),
            (RecallBehaviour::Agree, 8000),
        ] {
            assert!((counts[&behaviour] - expected).abs() < 400, "{counts:?}");
        }
    }

    #[test]
    fn one_behaviour_can_be_had_alone() {
        for behaviour in RecallBehaviour::ALL {
            let mix = RecallMix::only(behaviour);
            assert_eq!(RecallDraw::of(1, &mix, "VCB", "0711").behaviour, behaviour);
        }
    }
}
