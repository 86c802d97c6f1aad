//! What the sandbox does with a payment: drawn from the account by a seed, so that the same account
//! behaves the same every month, in every test and on every machine.
//!
//! Reads: the seed, the mix, the provider and the account.
//! Gives: the behaviour, and from it the fate of one payment: when it is credited, when that is
//! said, when it comes back.

use jiff::Span;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::ProviderKind;
use crate::domain::digest::Digest;

/// What happens to the payments of one account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// Credited, and said so on time.
    Pay,
    /// Refused: the account is closed.
    RejectClosedAccount,
    /// Refused: the name is not that of the account's owner.
    RejectName,
    /// Credited, and some days later sent back: the account was closed.
    ReturnClosedAccount,
    /// Credited, and some days later sent back: the owner has died.
    ReturnDeceased,
    /// Credited on time, said some days later.
    Late,
    /// Credited, and never said, or only when the partner looks for what was lost.
    LoseAnswer,
    /// Credited, and said twice: the answer that holds it comes again under another name.
    AnswerTwice,
}

impl Behaviour {
    pub const ALL: [Behaviour; 8] = [
        Behaviour::Pay,
        Behaviour::RejectClosedAccount,
        Behaviour::RejectName,
        Behaviour::ReturnClosedAccount,
        Behaviour::ReturnDeceased,
        Behaviour::Late,
        Behaviour::LoseAnswer,
        Behaviour::AnswerTwice,
    ];
}

/// How many accounts of a thousand behave otherwise than by being paid; of a behaviour that is not named, none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BehaviourMix {
    #[serde(default)]
    pub reject_closed_account: u16,
    #[serde(default)]
    pub reject_name: u16,
    #[serde(default)]
    pub return_closed_account: u16,
    #[serde(default)]
    pub return_deceased: u16,
    #[serde(default)]
    pub late: u16,
    #[serde(default)]
    pub lose_answer: u16,
    #[serde(default)]
    pub answer_twice: u16,
    /// After how many days a lost answer is found and said. Never, where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_found_after_days: Option<u16>,
}

impl BehaviourMix {
    /// Everyone is paid, and said to be paid.
    pub const ALL_PAY: BehaviourMix = BehaviourMix {
        reject_closed_account: 0,
        reject_name: 0,
        return_closed_account: 0,
        return_deceased: 0,
        late: 0,
        lose_answer: 0,
        answer_twice: 0,
        lost_found_after_days: None,
    };

    /// Everyone behaves in one way.
    pub fn only(behaviour: Behaviour) -> BehaviourMix {
        let mut mix = BehaviourMix::ALL_PAY;
        match behaviour {
            Behaviour::Pay => {}
            Behaviour::RejectClosedAccount => mix.reject_closed_account = 1000,
            Behaviour::RejectName => mix.reject_name = 1000,
            Behaviour::ReturnClosedAccount => mix.return_closed_account = 1000,
            Behaviour::ReturnDeceased => mix.return_deceased = 1000,
            Behaviour::Late => mix.late = 1000,
            Behaviour::LoseAnswer => mix.lose_answer = 1000,
            Behaviour::AnswerTwice => mix.answer_twice = 1000,
        }
        mix
    }

    /// The behaviours with their shares; who is left over is paid.
    fn shares(&self) -> [(Behaviour, u16); 7] {
        [
            (Behaviour::RejectClosedAccount, self.reject_closed_account),
            (Behaviour::RejectName, self.reject_name),
            (Behaviour::ReturnClosedAccount, self.return_closed_account),
            (Behaviour::ReturnDeceased, self.return_deceased),
            (Behaviour::Late, self.late),
            (Behaviour::LoseAnswer, self.lose_answer),
            (Behaviour::AnswerTwice, self.answer_twice),
        ]
    }

    pub(super) fn sum(&self) -> u32 {
        self.shares().iter().map(|(_, share)| u32::from(*share)).sum()
    }
}

impl Default for BehaviourMix {
    /// About 96 of a hundred are paid, and the rest is spread as a bank would.
    fn default() -> BehaviourMix {
        BehaviourMix {
            reject_closed_account: 10,
            reject_name: 5,
            return_closed_account: 5,
            return_deceased: 5,
            late: 10,
            lose_answer: 5,
            answer_twice: 2,
            lost_found_after_days: None,
        }
    }
}

/// What was drawn for one account of one provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw {
    pub behaviour: Behaviour,
    lost_found_after_days: Option<u16>,
    /// Further dice of the same account.
    dice: u64,
}

impl Draw {
    pub fn of(seed: u64, mix: &BehaviourMix, provider: &str, account: &str) -> Draw {
        let digest = Digest::of(format!("{seed}\n{provider}\n{account}").as_bytes());
        let number = |at: usize| {
            let bytes = digest.as_bytes()[at..at + 8].try_into().expect("eight bytes of 32");
            u64::from_be_bytes(bytes)
        };
        let mut left = number(0) % 1000;
        let mut behaviour = Behaviour::Pay;
        for (drawn, share) in mix.shares() {
            if left < u64::from(share) {
                behaviour = drawn;
                break;
            }
            left -= u64::from(share);
        }
        let lost_found_after_days = mix.lost_found_after_days;
        Draw { behaviour, lost_found_after_days, dice: number(8) }
    }

    fn days(&self, least: i64, most: i64) -> i64 {
        least + (self.dice % (most - least + 1) as u64) as i64
    }

    /// What becomes of a payment that was received on a day.
    pub fn fate(&self, kind: ProviderKind, received_on: Date) -> Fate {
        let day = |days: i64| received_on.saturating_add(Span::new().days(days));
        let said = kind.answer_days();
        let rejected = Fate {
            credited_on: None,
            said_on: Some(day(kind.rejection_days())),
            returned_on: None,
        };
        let credited_on = Some(match kind {
            // People come when they come; the report is made afterwards.
            ProviderKind::PayPoint => day(self.days(1, said - 1)),
            _ => received_on,
        });
        let paid = Fate { credited_on, said_on: Some(day(said)), returned_on: None };
        match self.behaviour {
            Behaviour::Pay | Behaviour::AnswerTwice => paid,
            Behaviour::RejectClosedAccount | Behaviour::RejectName => rejected,
            // Lists of completions and rejections, and reports of signatures, have no word for
            // money that came back: there it is never given.
            Behaviour::ReturnClosedAccount | Behaviour::ReturnDeceased if !kind.returns() => {
                rejected
            }
            Behaviour::ReturnClosedAccount | Behaviour::ReturnDeceased => {
                Fate { returned_on: Some(day(said + self.days(2, 6))), ..paid }
            }
            Behaviour::Late => Fate { said_on: Some(day(said + self.days(2, 5))), ..paid },
            Behaviour::LoseAnswer => {
                let found_on = self.lost_found_after_days.map(|days| day(i64::from(days)));
                Fate { said_on: found_on, ..paid }
            }
        }
    }
}

/// The days of one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fate {
    /// None: it is refused.
    pub credited_on: Option<Date>,
    /// When the credit or the refusal is said; None: never.
    pub said_on: Option<Date>,
    pub returned_on: Option<Date>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_behaves_the_same_again_and_the_shares_are_kept() {
        let mix = BehaviourMix::default();
        let mut counts = std::collections::BTreeMap::new();
        for account in 0..100_000 {
            let account = account.to_string();
            let draw = Draw::of(7, &mix, "VCB", &account);
            assert_eq!(draw.behaviour, Draw::of(7, &mix, "VCB", &account).behaviour);
            *counts.entry(draw.behaviour).or_insert(0_u32) += 1;
        }
        for (behaviour, share) in mix.shares() {
            let expected = u32::from(share) * 100;
            let found = counts[&behaviour];
            assert!(found.abs_diff(expected) < expected / 4 + 50, "{behaviour:?}: {found}");
        }
        assert!((95_000..97_000).contains(&counts[&Behaviour::Pay]), "{counts:?}");
    }

    #[test]
    fn a_lost_answer_is_found_after_the_days_that_are_named_or_never() {
        let on = jiff::civil::date(2026, 11, 2);
        let lost = BehaviourMix::only(Behaviour::LoseAnswer);
        for (days, said_on) in [(None, None), (Some(30), Some(jiff::civil::date(2026, 12, 2)))] {
            let mix = BehaviourMix { lost_found_after_days: days, ..lost };
            let fate = Draw::of(1, &mix, "demobank", "0900000001").fate(ProviderKind::Bank, on);
            let expected = Fate { credited_on: Some(on), said_on, returned_on: None };
            assert_eq!(fate, expected, "found after {days:?} days");
        }
    }

    #[test]
    fn one_behaviour_can_be_had_alone() {
        for behaviour in Behaviour::ALL {
            let mix = BehaviourMix::only(behaviour);
            assert_eq!(Draw::of(1, &mix, "MOMO", "0900000001").behaviour, behaviour);
        }
    }
}
