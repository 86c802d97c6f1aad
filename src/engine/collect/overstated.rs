//! Entries of our account whose payments come to more than they book: nothing of them is taken at its word.
//!
//! Reads: an archived answer, before anything of it is applied.
//! Gives: the items that are in doubt, and why.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::ops::ControlFlow;

use payment_formats::{InFormat, OverstatedEntry};

use crate::domain::digest::Digest;
use crate::domain::ids::{AttemptNo, PayableNo};
use crate::engine::{Engine, EngineError, aside};

/// Said of each payment of such an entry.
const MORE_THAN_BOOKED: &str = "the payments of its entry come to more than the entry books, so that it is not known which of them were";

/// How many orders are looked up in one question.
const ORDERS_AT_ONCE: usize = 2_000;

/// The items that are in doubt.
#[derive(Default)]
pub(super) struct Overstated(Vec<OverstatedEntry>);

impl Overstated {
    /// Why an item of the answer, which counts from one, cannot be taken at its word.
    pub fn doubt_of(&self, item: i64) -> Option<String> {
        let item = u64::try_from(item).ok()?;
        let at = self.0.partition_point(|entry| entry.last < item);
        let entry = self.0.get(at).filter(|entry| entry.first <= item);
        entry.map(|_| MORE_THAN_BOOKED.to_owned())
    }
}

/// An item that does not say its amount, and the entry of it that leaves so much.
type Untold = (usize, (PayableNo, AttemptNo));

impl Engine {
    /// The items of an archived answer that come to more than their entries book. What an item does not say is held
    /// to be what was ordered.
    pub(super) async fn overstated(
        &self,
        format: Option<&InFormat>,
        digest: &Digest,
    ) -> Result<Overstated, EngineError> {
        let Some(format) = format.filter(|format| format.bounds_payments()) else {
            return Ok(Overstated::default());
        };
        let (engine, format_id, digest) = (self.clone(), format.id().to_owned(), *digest);
        let (mut entries, untold) = aside(move || {
            let Some(format) = engine.formats.read(&format_id) else { return Ok((vec![], vec![])) };
            let open = || {
                Ok::<_, EngineError>(BufReader::with_capacity(
                    1 << 17,
                    engine.archive.open(&digest)?,
                ))
            };
            let refused = |error: payment_formats::ReadError| {
                EngineError::refused(error.code(), error.to_string())
            };
            let facts =
                format.read(open()?, &mut |_| ControlFlow::Continue(())).map_err(refused)?;
            // What is ordered cannot be held against an entry in another currency.
            let ours = engine.config.currency.code();
            let mut entries = facts.overstated;
            entries.retain(|entry| entry.left.is_none_or(|(_, of)| of.code() == ours));
            let mut untold: Vec<Untold> = Vec::new();
            if entries.iter().all(|entry| entry.left.is_none()) {
                return Ok((entries, untold));
            }
            let (mut item, mut at) = (0_u64, 0_usize);
            format
                .read(open()?, &mut |one| {
                    item += 1;
                    while entries.get(at).is_some_and(|entry| entry.last < item) {
                        at += 1;
                    }
                    let within = entries
                        .get(at)
                        .is_some_and(|entry| entry.first <= item && entry.left.is_some());
                    if within && one.amount.is_none() {
                        untold.extend(engine.our_reference(&one).map(|order| (at, order)));
                    }
                    ControlFlow::Continue(())
                })
                .map_err(refused)?;
            Ok((entries, untold))
        })
        .await?;
        for some in untold.chunks(ORDERS_AT_ONCE) {
            let payables: Vec<PayableNo> = some.iter().map(|(_, (payable, _))| *payable).collect();
            let ordered: BTreeMap<_, _> = self
                .store
                .instructions_of(&payables)
                .await?
                .into_iter()
                .map(|one| ((one.payable, one.attempt), one.amount_minor))
                .collect();
            for (at, order) in some {
                let (Some((left, _)), Some(minor)) = (&mut entries[*at].left, ordered.get(order))
                else {
                    continue;
                };
                *left = left.saturating_sub(*minor);
            }
        }
        entries.retain(|entry| entry.left.is_none_or(|(left, _)| left < 0));
        Ok(Overstated(entries))
    }
}
