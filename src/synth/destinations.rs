//! Where money can be sent: real bank identification numbers, invented accounts.
//!
//! Bank numbers are those of NAPAS (first six digits of cards and of 24/7 transfers). Weights
//! follow where benefit accounts are held: mostly state-owned and post banks.

use crate::synth::random::Random;

/// How money travels.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum SynthChannel {
    Bank,
    EWallet,
    MobileMoney,
    Cash,
}

impl SynthChannel {
    /// The word in the roster's `channel` column.
    pub fn word(self) -> &'static str {
        match self {
            SynthChannel::Bank => "bank",
            SynthChannel::EWallet => "ewallet",
            SynthChannel::MobileMoney => "mobile_money",
            SynthChannel::Cash => "cash",
        }
    }
}

/// A destination as the roster writes it.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    pub channel: SynthChannel,
    pub provider: &'static str,
    pub account: String,
}

/// Draws a destination; `serial` makes the account nobody else's, and `commune` is the pay point of
/// cash.
pub fn draw(random: &mut Random, serial: u64, commune: u32, age: i64) -> Destination {
    // The old keep to cash longer; the shares over all ages come out at about 62, 8, 15 and 15.
    let shares = match age {
        ..=59 => [66, 12, 14, 8],
        60..=79 => [62, 6, 16, 16],
        _ => [58, 2, 15, 25],
    };
    let draw = random.below(100);
    if draw < shares[0] {
        let (provider, digits, _) = *random.pick_weighted(&BANKS, |(.., weight)| *weight);
        return Destination {
            channel: SynthChannel::Bank,
            provider,
            account: account(serial, digits),
        };
    }
    if draw < shares[0] + shares[1] {
        let provider = *random.pick_early(&WALLETS);
        return Destination { channel: SynthChannel::EWallet, provider, account: msisdn(serial) };
    }
    if draw < shares[0] + shares[1] + shares[2] {
        let provider = *random.pick_early(&OPERATORS);
        return Destination {
            channel: SynthChannel::MobileMoney,
            provider,
            account: msisdn(serial),
        };
    }
    let account = format!("{commune:05}");
    Destination { channel: SynthChannel::Cash, provider: "VNPOST", account }
}

/// Account digits that no two serials share within a bank: a scramble of the serial behind a
/// prefix.
fn account(serial: u64, digits: u32) -> String {
    let scrambled = scramble(serial, 10_u64.pow(9));
    let prefix_digits = digits.saturating_sub(9);
    let prefix = 10_u64.pow(prefix_digits.max(1) - 1) * (1 + serial % 9);
    format!("{prefix}{scrambled:09}")
}

/// A mobile number in the form `+84…` that no two serials share.
fn msisdn(serial: u64) -> String {
    const PREFIXES: [u32; 20] =
        [32, 33, 34, 35, 36, 37, 38, 39, 70, 76, 77, 81, 83, 85, 86, 90, 91, 93, 97, 98];
    let scrambled = scramble(serial, 20 * 10_u64.pow(7));
    let prefix = PREFIXES[(scrambled / 10_u64.pow(7)) as usize];
    format!("+84{prefix}{:07}", scrambled % 10_u64.pow(7))
}

/// A permutation of 0..size for every size that 2, 5 and their products divide: the multiplier
/// shares no factor with ten.
pub fn scramble(serial: u64, size: u64) -> u64 {
    (u128::from(serial) * 387_420_489_u128 % u128::from(size)) as u64
}

/// Bank number, digits of its accounts, weight.
const BANKS: [(&str, u32, u32); 17] = [
    ("970405", 13, 30),
    ("970415", 12, 13),
    ("970418", 10, 12),
    ("970436", 10, 11),
    ("970449", 12, 12),
    ("970422", 13, 7),
    ("970446", 12, 2),
    ("970403", 12, 3),
    ("970407", 14, 2),
    ("970432", 10, 2),
    ("970423", 11, 1),
    ("970443", 10, 1),
    ("970437", 12, 1),
    ("970416", 10, 1),
    ("970452", 10, 1),
    ("970448", 12, 1),
    ("970441", 10, 1),
];

const WALLETS: [&str; 3] = ["MOMO", "ZALOPAY", "VNPAY"];
const OPERATORS: [&str; 3] = ["VIETTELMONEY", "VNPTMONEY", "MOBIFONEMONEY"];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_people_share_an_account_by_chance() {
        let mut seen = HashSet::new();
        let mut random = Random::stream(3, 0);
        let mut channels = [0; 4];
        for serial in 0..50_000 {
            let destination = draw(&mut random, serial, 26_734, 30 + (serial % 60) as i64);
            channels[destination.channel as usize] += 1;
            if destination.channel != SynthChannel::Cash {
                assert!(seen.insert(destination.account.clone()), "{}", destination.account);
            }
            if destination.channel == SynthChannel::Bank {
                assert!((10..=14).contains(&destination.account.len()), "{}", destination.account);
            }
        }
        assert!((29_000..33_500).contains(&channels[0]), "{channels:?}");
        assert_eq!(msisdn(5).len(), 12);
    }
}
