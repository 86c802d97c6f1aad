//! How much of a payment may be kept back for what the person owes, and for which receivable.
//!
//! Reads: what is due, the office's policy, what is left of each receivable, the oldest first.
//! Gives: what is taken for each. Never more than the policy's share, and never so much that less than
//! the protected minimum is paid; what cannot be covered stays owed.

/// What an office may keep back of one payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryPolicy {
    /// The largest share of a payment, in millionths.
    pub share_max_millionths: u32,
    /// So much is paid whatever is owed, minor units.
    pub floor_minor: i64,
}

const WHOLE: u32 = 1_000_000;

impl RecoveryPolicy {
    /// Reads a share that is written as an exact decimal from 0 to less than 1: `0.20`.
    pub fn parse(share: &str, floor_minor: i64) -> Result<RecoveryPolicy, RecoveryPolicyError> {
        let wrong = || RecoveryPolicyError::ShareMustBeADecimal(share.chars().take(20).collect());
        let (whole, decimals) = share.split_once('.').unwrap_or((share, "0"));
        let digits =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if whole != "0" || !digits(decimals) || decimals.len() > 6 {
            return Err(wrong());
        }
        let share_max_millionths = format!("{decimals:0<6}").parse().map_err(|_| wrong())?;
        if floor_minor < 0 {
            return Err(RecoveryPolicyError::FloorMustNotBeNegative);
        }
        Ok(RecoveryPolicy { share_max_millionths, floor_minor })
    }

    /// The most that may be kept back of a payment; rounded down, in the person's favour.
    pub fn most(&self, due_minor: i64) -> i64 {
        let share =
            i128::from(due_minor) * i128::from(self.share_max_millionths) / i128::from(WHOLE);
        let above_floor = i128::from(due_minor) - i128::from(self.floor_minor);
        i64::try_from(share.min(above_floor)).unwrap_or(0).max(0)
    }
}

/// What is left of one receivable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Owing {
    pub receivable: i64,
    pub left_minor: i64,
}

/// Shares what a list lowered among the payables that it lowered, in their order: from each no more than it
/// comes to.
pub fn allotted<K: Copy>(left_minor: i64, payables: &[(K, i64)]) -> Vec<(K, i64)> {
    let mut left = left_minor;
    let mut shares = Vec::new();
    for (payable, amount_minor) in payables {
        let share = left.min(*amount_minor);
        if share > 0 {
            left -= share;
            shares.push((*payable, share));
        }
    }
    shares
}

/// Takes what may be taken of one payment, from the first receivable on, and lowers what is left of each.
/// What the list took off already for months that were overpaid is part of the share. Gives the receivables
/// with the amounts taken.
pub fn recover(
    policy: &RecoveryPolicy,
    due_minor: i64,
    already_minor: i64,
    owing: &mut [Owing],
) -> Vec<(i64, i64)> {
    let mut most = (policy.most(due_minor) - already_minor).max(0);
    let mut taken = Vec::new();
    for receivable in owing {
        let part = receivable.left_minor.min(most);
        if part > 0 {
            receivable.left_minor -= part;
            most -= part;
            taken.push((receivable.receivable, part));
        }
    }
    taken
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecoveryPolicyError {
    #[error(
        "recovery_share_max is a decimal from 0 to less than 1 with up to 6 digits, such as \"0.20\", not `{0}`"
    )]
    ShareMustBeADecimal(String),
    #[error("recovery_floor_minor is 0 or more")]
    FloorMustNotBeNegative,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(share: &str, floor: i64, due: i64, left: &[i64], taken: &[i64]) {
        let policy = RecoveryPolicy::parse(share, floor).unwrap();
        let mut owing: Vec<Owing> = left
            .iter()
            .zip(1..)
            .map(|(left, receivable)| Owing { receivable, left_minor: *left })
            .collect();
        let found = recover(&policy, due, 0, &mut owing);
        let amounts: Vec<i64> = found.iter().map(|(_, amount)| *amount).collect();
        assert_eq!(amounts, taken, "{share} of {due}, floor {floor}");
        let after: i64 = owing.iter().map(|one| one.left_minor).sum();
        assert_eq!(after + amounts.iter().sum::<i64>(), left.iter().sum::<i64>());
    }

    #[test]
    fn what_was_lowered_is_taken_off_each_up_to_what_it_comes_to() {
        for (left, payables, expected) in [
            (270, &[(1, 1_080)][..], &[(1, 270)][..]),
            (1_500, &[(1, 1_000), (2, 1_000)], &[(1, 1_000), (2, 500)]),
            (900, &[(1, 1_000), (2, 1_000)], &[(1, 900)]),
            (3_000, &[(1, 1_000)], &[(1, 1_000)]),
            (0, &[(1, 1_000)], &[]),
            (500, &[], &[]),
        ] {
            assert_eq!(allotted(left, payables), expected, "{left} of {payables:?}");
        }
    }

    #[test]
    fn a_share_is_kept_back_and_the_protected_minimum_is_paid() {
        check("0.20", 0, 500_000, &[300_000], &[100_000]);
        check("0.20", 0, 500_000, &[30_000], &[30_000]);
        check("0.20", 0, 500_000, &[30_000, 300_000], &[30_000, 70_000]);
        check("0.20", 450_000, 500_000, &[300_000], &[50_000]);
        check("0.20", 500_000, 500_000, &[300_000], &[]);
        check("0.20", 600_000, 500_000, &[300_000], &[]);
        check("0.333333", 0, 10, &[100], &[3]);
        check("0", 0, 500_000, &[300_000], &[]);
        check("0.20", 0, 500_000, &[], &[]);
    }

    #[test]
    fn a_share_that_is_no_share_is_refused() {
        for share in ["1", "1.0", "-0.2", "20%", "0.", ".2", "0.2000001", "0,2", "1e-1", ""] {
            let refused = RecoveryPolicy::parse(share, 0);
            let expected = RecoveryPolicyError::ShareMustBeADecimal(share.to_owned());
            assert_eq!(refused, Err(expected), "{share}");
        }
        let refused = RecoveryPolicy::parse("0.2", -1);
        assert_eq!(refused, Err(RecoveryPolicyError::FloorMustNotBeNegative));
    }

    proptest::proptest! {
        #[test]
        fn what_is_paid_stays_positive_and_nothing_is_taken_twice(
            due in 1_i64..10_000_000_000, share in 0_u32..1_000_000, floor in 0_i64..10_000_000,
            left in proptest::collection::vec(0_i64..10_000_000_000, 0..5), already in 0_i64..1_000,
        ) {
            let policy = RecoveryPolicy { share_max_millionths: share, floor_minor: floor };
            let mut owing: Vec<Owing> = left.iter().zip(1..)
                .map(|(left, receivable)| Owing { receivable, left_minor: *left }).collect();
            let taken: i64 =
                recover(&policy, due, already, &mut owing).iter().map(|(_, part)| part).sum();
            proptest::prop_assert!(taken == 0 || taken + already <= policy.most(due));
            proptest::prop_assert!(due - taken > 0 && (taken == 0 || due - taken >= floor));
            let after: i64 = owing.iter().map(|one| one.left_minor).sum();
            proptest::prop_assert_eq!(after + taken, left.iter().sum::<i64>());
        }
    }
}
