//! What was agreed with a partner about an entry that debits our account for a payment.

/// What a booked debit proves. The bank took the money from us; whether the payee has it is another
/// question, and only an agreement answers it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Debit {
    /// Nothing by itself: the payment waits for what proves it on the payee's side.
    Evidence,
    /// After so many days without a return the payment counts as paid: business days where the partner
    /// has a calendar.
    PaidAfter(i64),
    /// The payee is credited in the same booking.
    Proof,
}

impl Debit {
    /// What holds when another agreement says this; the rule that is broken otherwise.
    pub(super) fn changed(
        self,
        is_proof: Option<bool>,
        paid_after_days: Option<i64>,
    ) -> Result<Debit, String> {
        match (is_proof, paid_after_days) {
            (None, None) => Ok(self),
            (Some(true), None) => Ok(Debit::Proof),
            (Some(false), None) => Ok(Debit::Evidence),
            (_, Some(days)) if days < 1 => Err("paid_after_days is at least 1".to_owned()),
            (None, Some(_)) if self == Debit::Proof => Err(
                "a debit that is proof waits for no days: paid_after_days stands beside debit_is_proof = false"
                    .to_owned(),
            ),
            (Some(true), Some(_)) => {
                Err("a debit is proof, or a payment is paid after days: not both".to_owned())
            }
            (_, Some(days)) => Ok(Debit::PaidAfter(days)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debit_proves_what_the_last_agreement_says() {
        for (before, is_proof, days, after) in [
            (Debit::Evidence, None, None, Ok(Debit::Evidence)),
            (Debit::Evidence, Some(true), None, Ok(Debit::Proof)),
            (Debit::Evidence, None, Some(5), Ok(Debit::PaidAfter(5))),
            (Debit::PaidAfter(5), None, None, Ok(Debit::PaidAfter(5))),
            (Debit::PaidAfter(5), Some(false), None, Ok(Debit::Evidence)),
            (Debit::PaidAfter(5), Some(true), None, Ok(Debit::Proof)),
            (Debit::Proof, None, None, Ok(Debit::Proof)),
            (Debit::Proof, Some(false), Some(2), Ok(Debit::PaidAfter(2))),
            (Debit::Proof, None, Some(2), Err("waits for no days")),
            (Debit::Evidence, Some(true), Some(2), Err("not both")),
            (Debit::Evidence, None, Some(0), Err("at least 1")),
        ] {
            let found = before.changed(is_proof, days);
            match (&found, after) {
                (Err(told), Err(rule)) => assert!(told.contains(rule), "{told}"),
                _ => assert_eq!(
                    found,
                    after.map_err(str::to_owned),
                    "{before:?} {is_proof:?} {days:?}"
                ),
            }
        }
    }
}
