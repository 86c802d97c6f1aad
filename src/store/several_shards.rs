//! Questions about several shards at once: few enough that little is held or sorted at a time, and enough that a
//! database far away is not asked 256 times.

use crate::domain::ids::{CycleNo, SHARDS_IN_GROUP, Shard};

use super::payables::numbers_of;
use super::{StoreError, Value};

/// The shards of one group, each with the first and last payable of a cycle in it; `within_shards` gives the
/// arguments. SQLite goes through the tables of a `cross join` in the order in which they are written.
macro_rules! within {
    () => {
        "with part(shard, first_no, last_no) as (values
           (cast($1 as bigint), cast($2 as bigint), cast($3 as bigint)),
           ($4, $5, $6), ($7, $8, $9), ($10, $11, $12), ($13, $14, $15), ($16, $17, $18),
           ($19, $20, $21), ($22, $23, $24), ($25, $26, $27), ($28, $29, $30), ($31, $32, $33),
           ($34, $35, $36), ($37, $38, $39), ($40, $41, $42), ($43, $44, $45), ($46, $47, $48)) "
    };
}
pub(super) use within;

pub(super) fn within_shards(
    cycle: CycleNo,
    shards: &[Shard; SHARDS_IN_GROUP],
) -> Result<Vec<Value>, StoreError> {
    let mut args = Vec::with_capacity(3 * SHARDS_IN_GROUP);
    for shard in shards {
        let (first, last) = numbers_of(cycle, *shard)?;
        args.extend([i64::from(shard.number()).into(), first.into(), last.into()]);
    }
    Ok(args)
}

/// The first and the last shard of a group, which has all between them.
pub(super) fn ends_of(shards: &[Shard; SHARDS_IN_GROUP]) -> [Value; 2] {
    let [first, .., last] = shards.map(|shard| i64::from(shard.number()));
    [first.into(), last.into()]
}
