//! Rows as facts: how each kind of row that the log speaks of is read, to be held against the log.
//!
//! Reads: pages of rows in the order of their keys. Gives: `Fact`s, in texts; free text and what was sealed
//! as digests, which is how the log has them.

use crate::domain::digest::Digest;
use crate::domain::fact::{Fact, FactKind};
use crate::domain::ids::CycleNo;
use crate::domain::receivable::Receivable;

use super::answers::instruction_key;
use super::books::owed_line;
use super::registry::person_no;
use super::{Store, StoreError, Value};

/// How the rows of one kind are read.
struct Reading {
    kind: FactKind,
    /// Its last two arguments are the size of a page and how many rows come before it.
    sql: &'static str,
    /// So many columns are the key.
    key: usize,
    /// The columns; a name with `#` before it is one whose digest is compared.
    columns: &'static [&'static str],
}

/// The table of all kinds, in the order in which differences are told.
const READINGS: &[Reading] = &[
    Reading {
        kind: FactKind::Officer,
        sql: "select name, role, public_key, case when ended_at is null then 'registered' else 'ended' end
              from officer order by name limit $1 offset $2",
        key: 1,
        columns: &["name", "role", "public_key", "standing"],
    },
    Reading {
        kind: FactKind::Import,
        sql: "select import_no, kind, period, sha256, rows_read, rows_refused, imported_by
              from import where state = 'complete' order by import_no limit $1 offset $2",
        key: 1,
        columns: &["import", "kind", "period", "sha256", "rows", "refused", "by"],
    },
    Reading {
        kind: FactKind::Cycle,
        sql: "select cycle_no, state, period, kind, roster_import, identity_import, law_known_at, opened_by,
                cancelled_for, value_date, currency, history_from
              from cycle order by cycle_no limit $1 offset $2",
        key: 1,
        columns: &[
            "cycle",
            "state",
            "period",
            "kind",
            "roster_import",
            "identity_import",
            "law_known_at",
            "opened_by",
            "#cancelled_for",
            "value_date",
            "currency",
            "history_from",
        ],
    },
    Reading {
        kind: FactKind::List,
        sql: "select cycle_no, list_no, state, digest, body from payment_list
              order by cycle_no, list_no limit $1 offset $2",
        key: 2,
        columns: &["cycle", "list", "state", "digest", "#body"],
    },
    Reading {
        kind: FactKind::Signature,
        sql: "select cycle_no, list_no, digest, officer, act, signature, signed_at,
                case when voided_at is null then 'valid' else 'void' end
              from signature order by cycle_no, list_no, digest, officer limit $1 offset $2",
        key: 4,
        columns: &[
            "cycle",
            "list",
            "digest",
            "officer",
            "act",
            "#signature",
            "signed_at",
            "standing",
        ],
    },
    Reading {
        kind: FactKind::File,
        sql: "select cycle_no, batch_no, state from batch order by cycle_no, batch_no limit $1 offset $2",
        key: 2,
        columns: &["cycle", "batch", "state"],
    },
    Reading {
        kind: FactKind::SealedCopy,
        sql: "select cycle_no, batch_no, sha256 from sealed_copy order by cycle_no, batch_no limit $1 offset $2",
        key: 2,
        columns: &["cycle", "batch", "sha256"],
    },
    Reading {
        kind: FactKind::FileSignature,
        sql: "select sha256, signature_sha256 from file_signature order by sha256 limit $1 offset $2",
        key: 1,
        columns: &["sha256", "signature_sha256"],
    },
    Reading {
        kind: FactKind::Delivery,
        sql: "select cycle_no, batch_no, delivery_no, outcome from delivery
              order by cycle_no, batch_no, delivery_no limit $1 offset $2",
        key: 3,
        columns: &["cycle", "batch", "delivery", "outcome"],
    },
    Reading {
        kind: FactKind::Window,
        sql: "select cycle_no, batch_no, window_no, outcome, unsent from send_window
              order by cycle_no, batch_no, window_no limit $1 offset $2",
        key: 3,
        columns: &["cycle", "batch", "window", "outcome", "#unsent"],
    },
    Reading {
        kind: FactKind::Acknowledgement,
        sql: "select cycle_no, batch_no, kind, answer_no from acknowledgement
              order by cycle_no, batch_no, kind limit $1 offset $2",
        key: 3,
        columns: &["cycle", "batch", "kind", "answer"],
    },
    Reading {
        kind: FactKind::Answer,
        sql: "select answer_no, provider, sha256, item_count, applied_count from answer
              order by answer_no limit $1 offset $2",
        key: 1,
        columns: &["answer", "provider", "sha256", "items", "applied"],
    },
    Reading {
        kind: FactKind::RefusedAnswer,
        sql: "select answer_no, provider, sha256, code from refused_answer
              order by answer_no limit $1 offset $2",
        key: 1,
        columns: &["answer", "provider", "sha256", "code"],
    },
    Reading {
        kind: FactKind::SealedAnswer,
        sql: "select arrived_sha256, sha256, provider from sealed_answer
              order by arrived_sha256 limit $1 offset $2",
        key: 1,
        columns: &["sealed_sha256", "sha256", "provider"],
    },
    Reading {
        kind: FactKind::Queued,
        sql: "select answer_no, cast(count(*) as bigint) from discrepancy
              group by answer_no order by answer_no limit $1 offset $2",
        key: 1,
        columns: &["answer", "items"],
    },
    Reading {
        kind: FactKind::ResolvedDiscrepancy,
        // A file that was refused and is an answer now is resolved by that.
        sql: "select d.discrepancy_no, d.resolved_by, d.reason from discrepancy d where d.state = 'resolved'
                and not (d.kind = 'file_refused' and d.resolved_by = 'evidence' and exists
                  (select 1 from refused_answer r join answer a on a.sha256 = r.sha256 where r.answer_no = d.answer_no))
              order by d.discrepancy_no limit $1 offset $2",
        key: 1,
        columns: &["discrepancy", "officer", "#reason"],
    },
    Reading {
        kind: FactKind::Hold,
        sql: "select resolution_no, subject_no, code, decision, valid_to, reason, decided_by, persons, confirmed_by, seen
              from resolution order by resolution_no limit $1 offset $2",
        key: 1,
        columns: &[
            "resolution",
            "subject",
            "code",
            "decision",
            "valid_to",
            "#reason",
            "officer",
            "persons",
            "confirmed_by",
            "seen",
        ],
    },
    Reading {
        kind: FactKind::Fate,
        sql: "select f.decision_no, cast(count(*) as bigint),
                case when min(f.verdict) = max(f.verdict) then min(f.verdict) else 'several' end,
                case when min(f.proposed_by) = max(f.proposed_by) then min(f.proposed_by) else 'several' end
              from fate f group by f.decision_no order by f.decision_no limit $1 offset $2",
        key: 1,
        columns: &["decision", "count", "verdict", "officer"],
    },
    Reading {
        kind: FactKind::ConfirmedFates,
        sql: "select cycle_no, confirmed_by, confirmed_at,
                cast(sum(case when verdict = 'paid' then 1 else 0 end) as bigint),
                cast(sum(case when verdict = 'paid' then 0 else 1 end) as bigint)
              from fate where state = 'confirmed' group by cycle_no, confirmed_by, confirmed_at
              order by cycle_no, confirmed_by, confirmed_at limit $1 offset $2",
        key: 3,
        columns: &["cycle", "officer", "at", "paid", "not_paid"],
    },
    Reading {
        kind: FactKind::Stop,
        // Two proposals of one order may have been made in the same second.
        sql: "select payable_no, attempt,
                cast(row_number() over (partition by payable_no, attempt order by stop_no) as bigint) as nth,
                proposed_at, state, proposed_by, ended_by, reason from stop
              order by payable_no, attempt, nth limit $1 offset $2",
        key: 3,
        columns: &["payable", "attempt", "nth", "at", "state", "officer", "ended_by", "#reason"],
    },
    Reading {
        kind: FactKind::Heir,
        sql: "select heir_no, record, state, proposed_by, confirmed_by, withdrawn_by, withdrawn_reason from heir
              order by heir_no limit $1 offset $2",
        key: 1,
        columns: &[
            "heir",
            "#record",
            "state",
            "officer",
            "confirmed_by",
            "withdrawn_by",
            "#reason",
        ],
    },
    Reading {
        kind: FactKind::HaltByHand,
        sql: "select halt_no, scope, cause, put_by from halt where put_by <> 'evidence'
              order by halt_no limit $1 offset $2",
        key: 1,
        columns: &["halt", "scope", "#cause", "officer"],
    },
    Reading {
        kind: FactKind::HaltByEvidence,
        sql: "select distinct scope from halt order by scope limit $1 offset $2",
        key: 1,
        columns: &["scope"],
    },
    Reading {
        kind: FactKind::LiftedHalt,
        sql: "select halt_no, first_lift_by, second_lift_by, case when lifted_at is null then 'in force' else 'lifted' end
              from halt where first_lift_by is not null or second_lift_by is not null or lifted_at is not null
              order by halt_no limit $1 offset $2",
        key: 1,
        columns: &["halt", "first_lift_by", "second_lift_by", "standing"],
    },
    Reading {
        kind: FactKind::Funds,
        sql: "select funds_no, provider, amount_minor, cleared_on, reference, recorded_by, given_back from funds
              order by funds_no limit $1 offset $2",
        key: 1,
        columns: &[
            "funds",
            "provider",
            "amount_minor",
            "cleared_on",
            "#reference",
            "officer",
            "given_back",
        ],
    },
    Reading {
        kind: FactKind::WrittenOff,
        sql: "select receivable_no, state from receivable where state <> 'open'
              order by receivable_no limit $1 offset $2",
        key: 1,
        columns: &["receivable", "state"],
    },
    Reading {
        kind: FactKind::Receipt,
        sql: "select receivable_no, reference,
                case when taken_back_at is null then 'counts' else 'taken back ' || cast(receipt_no as text) end,
                amount_minor, source, recorded_by, take_back_reason, take_back_proposed_by, taken_back_by from receipt
              order by receivable_no, reference, receipt_no limit $1 offset $2",
        key: 3,
        columns: &[
            "receivable",
            "#reference",
            "standing",
            "amount_minor",
            "source",
            "officer",
            "#take_back_reason",
            "take_back_proposed_by",
            "taken_back_by",
        ],
    },
    Reading {
        kind: FactKind::WriteOff,
        sql: "select case when part = 1 then cast(receivable_no as text)
                else cast(receivable_no as text) || '/' || cast(part as text) end,
                amount_minor, reason, proposed_by, confirmed_by from write_off
              order by receivable_no, part limit $1 offset $2",
        key: 1,
        columns: &["receivable", "amount_minor", "#reason", "officer", "confirmed_by"],
    },
    Reading {
        kind: FactKind::CourtOrder,
        sql: "select order_no, person_no, record, paper, state, proposed_by, confirmed_by, end_reason, end_proposed_by,
                ended_by
              from court_order order by order_no limit $1 offset $2",
        key: 1,
        columns: &[
            "order",
            "person",
            "#record",
            "paper",
            "state",
            "officer",
            "confirmed_by",
            "#end_reason",
            "end_proposed_by",
            "ended_by",
        ],
    },
    Reading {
        kind: FactKind::CourtTransfer,
        sql: "select order_no, voucher,
                case when taken_back_at is null then 'counts' else 'taken back ' || cast(transfer_no as text) end,
                amount_minor, transferred_on, recorded_by, take_back_reason, take_back_proposed_by, taken_back_by
              from court_transfer order by order_no, voucher, transfer_no limit $1 offset $2",
        key: 3,
        columns: &[
            "order",
            "#voucher",
            "standing",
            "amount_minor",
            "transferred_on",
            "officer",
            "#take_back_reason",
            "take_back_proposed_by",
            "taken_back_by",
        ],
    },
    Reading {
        kind: FactKind::Statement,
        sql: "select statement_no, answer_no, opening_minor, closing_minor, entry_count from statement
              order by statement_no limit $1 offset $2",
        key: 1,
        columns: &["statement", "answer", "opening_minor", "closing_minor", "entries"],
    },
    Reading {
        kind: FactKind::Fire,
        sql: "select rule, due_on, what, state from fire order by rule, due_on limit $1 offset $2",
        key: 2,
        columns: &["rule", "due_on", "what", "state"],
    },
];

/// Tables whose rows are found by columns that their number says as well: a row whose columns say something
/// else is not found where it belongs.
const NUMBERED: &[(&str, &str)] = &[
    (
        "payable",
        "select cast(count(*) as bigint), min(payable_no) from payable
         where shard <> ((payable_no >> 30) & 255) or cycle_no <> (payable_no >> 38)",
    ),
    (
        "instruction",
        "select cast(count(*) as bigint), min(payable_no) from instruction
         where shard <> ((payable_no >> 30) & 255) or cycle_no <> (payable_no >> 38)",
    ),
    (
        "court_deduction",
        "select cast(count(*) as bigint), min(payable_no) from court_deduction
         where shard <> ((payable_no >> 30) & 255) or cycle_no <> (payable_no >> 38)",
    ),
    (
        "transaction_told",
        "select cast(count(*) as bigint), min(payable_no) from transaction_told
         where shard <> ((payable_no >> 30) & 255)",
    ),
];

impl Store {
    /// Tables with rows that do not stand where their payable's number says: how many, and the first payable.
    pub async fn misplaced(&self) -> Result<Vec<(&'static str, i64, i64)>, StoreError> {
        let mut found = Vec::new();
        for (table, sql) in NUMBERED {
            for row in self.query(sql, &[]).await? {
                if let Some(first) = row.maybe_int(1)? {
                    found.push((*table, row.int(0)?, first));
                }
            }
        }
        Ok(found)
    }

    /// Rows of one kind, in the order of their keys: at most `limit`, after so many.
    pub async fn facts(
        &self,
        kind: FactKind,
        limit: i64,
        after: i64,
    ) -> Result<Vec<Fact>, StoreError> {
        let Some(reading) = READINGS.iter().find(|reading| reading.kind == kind) else {
            return Ok(Vec::new());
        };
        let rows = self.query(reading.sql, &[limit.into(), after.into()]).await?;
        let fact = |row: &super::Row| {
            let mut told = reading.columns.iter().zip(&row.0).map(|(name, value)| {
                match name.strip_prefix('#') {
                    Some(name) => (name, digested(value)),
                    None => (*name, text(value)),
                }
            });
            let key: Vec<String> = told.by_ref().take(reading.key).map(|(_, told)| told).collect();
            Fact { kind, key: key.join("/"), fields: told.collect() }
        };
        Ok(rows.iter().map(fact).collect())
    }

    /// Money to be got back, as the log has it: number, line, and whether it was set aside.
    pub async fn owed(&self) -> Result<Vec<(i64, String, bool)>, StoreError> {
        let rows = self
            .query(
                "select receivable_no, cause, person_no, payable_no, attempt, amount_minor, cycle_no, opened_at, set_aside_at
                 from receivable order by receivable_no",
                &[],
            )
            .await?;
        rows.iter()
            .map(|row| {
                let (number, cycle) = (row.int(0)?, row.maybe_int(6)?.map(CycleNo));
                let one = Receivable {
                    cause: row.named(1)?,
                    person: person_no(row, 2)?,
                    instruction: instruction_key(row, 3)?,
                    amount_minor: row.int(5)?,
                    opened_at: row.text(7)?.to_owned(),
                };
                Ok((number, owed_line(number, &one, cycle), row.maybe_text(8)?.is_some()))
            })
            .collect()
    }

    /// How many events were ever written; the same number twice says that nothing happened between.
    pub async fn events_written(&self) -> Result<i64, StoreError> {
        let rows = self.query("select next from counter where name = 'outbox'", &[]).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
        Value::Blob(bytes) => Digest::of(bytes).to_string(),
    }
}

fn digested(value: &Value) -> String {
    match value {
        Value::Text(text) => Digest::of(text.as_bytes()).to_string(),
        other => text(other),
    }
}
