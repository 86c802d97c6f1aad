//! Writes the files of a list, archives them, and seals the list: from here on what is approved are
//! these bytes.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use payment_formats::{Address, Bank, ControlTotals, Party, Payment};
use serde_json::{Value, json};

use crate::audit::leaf::{Leaf, canonical_json};
use crate::disk::archive::{ArchiveError, archived_path};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::{Cycle, CycleEvent};
use crate::domain::digest::{Digest, Hasher};
use crate::domain::ids::{EndToEndId, ListNo};
use crate::domain::list::{ListState, PaymentList};
use crate::domain::period::Period;
use crate::domain::roster::Channel;
use crate::engine::payout::PayeeDetail;
use crate::engine::{Engine, EngineError, aside};
use crate::pipeline::approve::sealed_approvals;
use crate::store::Changes;
use crate::store::registry::ChunkKind;

mod files;

/// ISO 20022 external purpose code: social security benefit.
const PURPOSE: &str = "SSBE";

/// What the payee reads beside the amount. Plain capitals and digits pass every rail.
pub fn remittance(period: Period) -> String {
    format!("TRO CAP T{:02}/{}", period.month(), period.year())
}

/// One payment as the formats see it.
pub fn payment<'a>(
    end_to_end: &'a EndToEndId,
    amount_minor: i64,
    detail: &'a PayeeDetail,
    remittance: &'a str,
) -> Payment<'a> {
    let is_cash = matches!(detail.channel, Channel::Cash | Channel::Unnamed);
    let (name, id) = match is_cash {
        true => detail.entitled(),
        false => (detail.name.as_str(), detail.national_id.as_str()),
    };
    Payment {
        end_to_end_id: end_to_end.as_str(),
        instruction_id: end_to_end.as_str(),
        amount_minor,
        // The bank compares the name with its own: the account's name where the roster has it.
        creditor_name: match detail.account_name.is_empty() {
            true => name,
            false => &detail.account_name,
        },
        creditor_id: (!id.is_empty()).then_some(id),
        address: match detail.channel {
            Channel::Bank => {
                Address::BankAccount { account: &detail.account, bank: bank(&detail.named) }
            }
            Channel::Wallet => Address::Wallet { id: &detail.account },
            Channel::MobileMoney => Address::MobileMoney { msisdn: &detail.account },
            Channel::Cash | Channel::Unnamed => Address::Cash {
                pay_point: &detail.pay_point,
                collector: &detail.collector,
                home_address: &detail.home_address,
            },
        },
        purpose: PURPOSE,
        remittance,
        recall: None,
    }
}

/// A bank as the roster names it: six digits are a NAPAS BIN, eight a CITAD code, the rest a BIC.
fn bank(named: &str) -> Bank<'_> {
    match (named.len(), named.bytes().all(|byte| byte.is_ascii_digit())) {
        (6, true) => Bank::Bin(named),
        (8, true) => Bank::Citad(named),
        _ => Bank::Bic(named),
    }
}

/// A batch that stands for all batches of a provider, to ask a format what it would refuse.
pub fn nominal_batch<'a>(engine: &'a Engine, cycle: &Cycle) -> payment_formats::Batch<'a> {
    let now = engine.clock.now();
    format_batch(engine, cycle.value_date, "NOMINAL", "NOMINAL", ControlTotals::default(), now)
}

pub(super) fn format_batch<'a>(
    engine: &'a Engine,
    execution_date: Date,
    message_id: &'a str,
    label: &'a str,
    totals: ControlTotals,
    created_at: DateTime,
) -> payment_formats::Batch<'a> {
    let config = &engine.config;
    let party = Party {
        name: &config.debtor.name,
        id: &config.debtor.id,
        account: &config.debtor.account,
        bank: (!config.debtor.bin.is_empty()).then_some(bank(&config.debtor.bin)),
    };
    payment_formats::Batch {
        message_id,
        batch_id: message_id,
        created_at,
        utc_offset: &config.utc_offset,
        execution_date,
        currency: payment_formats::Currency::parse(config.currency.code())
            .unwrap_or(payment_formats::Currency::VND),
        debtor: party,
        initiating_party: party,
        category_purpose: PURPOSE,
        label,
        totals,
        environment: config.environment,
        original: None,
    }
}

/// What a list says of its own sealing, which is all of it that is not read from rows.
#[derive(Clone, Copy)]
pub(super) struct Sealing<'a> {
    pub at: &'a str,
    /// How often it was sealed anew; its digest differs from the earlier ones by it.
    pub round: i64,
    /// How many approvers were asked for; nothing in lists of earlier programs.
    pub approvals: Option<usize>,
}

impl Sealing<'_> {
    pub(super) fn of(list: &PaymentList) -> Sealing<'_> {
        let body: Value = serde_json::from_str(&list.body).unwrap_or_default();
        let round = body.get("round").and_then(Value::as_i64).unwrap_or(0);
        Sealing { at: &list.sealed_at, round, approvals: sealed_approvals(&list.body) }
    }
}

impl Engine {
    /// Renders and seals list 0 of a computed cycle. Repeating it gives the same bytes and digest.
    pub async fn seal(&self, cycle: &Cycle) -> Result<Cycle, EngineError> {
        let next = cycle.state.apply(CycleEvent::Sealed)?;
        self.heirs_are_as_computed(cycle).await?;
        let (cycle, sealed_at) = self.sealing(cycle).await?;
        self.render(&cycle, ListNo(0)).await?;
        let manifest = cycle.manifest.clone().unwrap_or_default();
        let list = self.list(&cycle, ListNo(0), &manifest, self.sealed_first(&sealed_at)).await?;
        let figures = self.figures(&Cycle { state: next, ..cycle.clone() }).await?;
        let wrong: Vec<String> = figures
            .identities
            .iter()
            .filter(|identity| !identity.holds())
            .map(|identity| {
                format!("{}: {} is not {}", identity.name, identity.left, identity.right)
            })
            .collect();
        if !wrong.is_empty() {
            return Err(EngineError::refused(
                "C120",
                format!(
                    "cycle {label} does not balance and is not sealed: {}. Go no further with it, and look which rows are \
                     not what was written: chitra audit verify; all sums: chitra cycle status {label}",
                    wrong.join("; "),
                    label = cycle.label()
                ),
            ));
        }
        // Rendering took its time.
        self.heirs_are_as_computed(&cycle).await?;
        let mut changes = Changes::new();
        changes.list_sealed(&list);
        changes.cycle_moved(cycle.number, cycle.state, next);
        changes.event(self.sealed_leaf(&list)?);
        self.store.commit(changes).await?;
        Ok(Cycle { state: next, ..cycle })
    }

    /// Fixes the manifest of a cycle and the moment of its sealing, which its files carry, once.
    async fn sealing(&self, cycle: &Cycle) -> Result<(Cycle, String), EngineError> {
        if let (Some(_), Some(at)) = (&cycle.manifest, &cycle.sealed_at) {
            return Ok((cycle.clone(), at.clone()));
        }
        let at = self.stamp();
        let manifest = self.manifest(cycle, &at).await?;
        let mut changes = Changes::new();
        changes.cycle_sealed(cycle.number, &manifest, &at);
        for batch in self.store.batches(cycle.number).await? {
            changes.batch_dated(&batch, &at, batch.value_date);
        }
        self.store.commit(changes).await?;
        Ok((Cycle { manifest: Some(manifest), sealed_at: Some(at.clone()), ..cycle.clone() }, at))
    }

    /// Everything that the list depends on, as canonical JSON.
    async fn manifest(&self, cycle: &Cycle, sealed_at: &str) -> Result<String, EngineError> {
        let mut imports = Vec::new();
        for number in [cycle.roster, cycle.identity] {
            if let Some(import) = self.store.import(number).await? {
                imports.push(json!({ "kind": import.kind.to_string(), "sha256": import.sha256 }));
            }
        }
        let resolutions = self.store.resolutions(cycle.period).await?;
        let mut hasher = Hasher::new();
        for one in &resolutions {
            hasher.update(
                format!("{} {} {} {}\n", one.subject, one.code, one.decision, one.valid_to)
                    .as_bytes(),
            );
        }
        let mut orders = Hasher::new();
        let served = self.store.orders_served(cycle.number).await?;
        for number in &served {
            let record = Digest::of(&self.court_order(*number).await?.order.record);
            orders.update(format!("{number} {record}\n").as_bytes());
        }
        let mut formats: Vec<String> = self
            .formats
            .list()
            .iter()
            .map(|format| {
                let direction = if format.out { "out" } else { "in" };
                format!("{direction} {} {}", format.id, format.version)
            })
            .collect();
        formats.sort();
        let mut manifest = json!({
            "period": cycle.period.to_string(),
            "kind": cycle.kind.to_string(),
            "sequence": cycle.sequence,
            "authority": cycle.authority.0,
            "law_known_at": cycle.law_known_at.to_string(),
            "value_date": cycle.value_date.to_string(),
            "imports": imports,
            "pack": self.programmes.digest.to_string(),
            "formats": formats,
            "calendars": self.calendar_versions(),
            "configuration": Digest::of(self.config.text.as_bytes()).to_string(),
            "resolutions": hasher.finish().0.to_string(),
            "heirs": self.heirs_digest().await?.to_string(),
            "program": env!("CARGO_PKG_VERSION"),
            "sealed_at": sealed_at,
        });
        // Without them it is what it was before there were any.
        if !served.is_empty() {
            manifest["court_orders"] = orders.finish().0.to_string().into();
        }
        canonical(&manifest)
    }

    /// The list as it is approved: totals, every file, and the digests of manifest and evidence.
    pub(super) async fn list(
        &self,
        cycle: &Cycle,
        number: ListNo,
        manifest: &str,
        sealing: Sealing<'_>,
    ) -> Result<PaymentList, EngineError> {
        let Sealing { at: sealed_at, round, approvals } = sealing;
        let batches: Vec<Batch> = self
            .store
            .batches(cycle.number)
            .await?
            .into_iter()
            .filter(|batch| batch.list == number && batch.state != BatchState::Withdrawn)
            .collect();
        let mut hasher = Hasher::new();
        for kind in [ChunkKind::Evidence, ChunkKind::Payout] {
            for (shard, seq, items, digest) in
                self.store.chunk_digests(kind, cycle.number.0).await?
            {
                if kind == ChunkKind::Evidence || seq == number.0 {
                    hasher.update(
                        format!("{kind} {} {seq} {items} {digest}\n", shard.number()).as_bytes(),
                    );
                }
            }
        }
        let mut by_programme: BTreeMap<String, (i64, i128)> = BTreeMap::new();
        let mut by_province: BTreeMap<String, (i64, i128)> = BTreeMap::new();
        let mut by_channel: BTreeMap<String, (i64, i128)> = BTreeMap::new();
        if number.0 == 0 {
            for sum in self.store.payable_sums(cycle.number).await? {
                if sum.state == crate::domain::payable::PayableState::Held {
                    continue;
                }
                for (map, key) in [
                    (&mut by_programme, &sum.programme),
                    (&mut by_province, &sum.province),
                    (&mut by_channel, &sum.channel_named),
                ] {
                    let (count, minor) = map.entry(key.clone()).or_default();
                    *count += sum.count;
                    *minor += i128::from(sum.total_minor);
                }
            }
        }
        let table = |map: BTreeMap<String, (i64, i128)>| -> Value {
            map.into_iter()
                .map(|(key, (count, minor))| {
                    json!({ "key": key, "count": count, "minor": minor.to_string() })
                })
                .collect::<Vec<Value>>()
                .into()
        };
        let count: u64 = batches.iter().map(|batch| batch.count).sum();
        let total: i128 = batches.iter().map(|batch| i128::from(batch.total_minor)).sum();
        let files: Vec<Value> = batches
            .iter()
            .map(|batch| {
                let mut file = json!({
                    "name": batch.file_name,
                    "message_id": batch.message_id,
                    "provider": batch.provider,
                    "channel": batch.channel.to_string(),
                    "format": batch.format,
                    "count": batch.count as i64,
                    "total_minor": batch.total_minor.to_string(),
                    "sha256": batch.sha256.clone().unwrap_or_default(),
                });
                // Written where it differs, so that a list that was sealed before has the same digest.
                if batch.value_date != cycle.value_date {
                    file["value_date"] = json!(batch.value_date.to_string());
                }
                file
            })
            .collect();
        let mut body = json!({
            "office": self.config.prefix.as_str(),
            "cycle": cycle.number.0,
            "list": number.0,
            "round": round,
            "period": cycle.period.to_string(),
            "kind": cycle.kind.to_string(),
            "currency": self.config.currency.code(),
            "value_date": cycle.value_date.to_string(),
            "count": count as i64,
            "total_minor": total.to_string(),
            "by_programme": table(by_programme),
            "by_province": table(by_province),
            "by_channel": table(by_channel),
            "files": files,
            "evidence": hasher.finish().0.to_string(),
            "manifest": Digest::of(manifest.as_bytes()).to_string(),
            "sealed_at": sealed_at,
        });
        // Not in lists that an earlier program sealed, which keep their digest.
        if let Some(approvals) = approvals {
            body["approvals"] = json!(approvals as i64);
        }
        let body = canonical(&body)?;
        Ok(PaymentList {
            cycle: cycle.number,
            number,
            state: ListState::Sealed,
            digest: Digest::of(body.as_bytes()).to_string(),
            body,
            sealed_at: sealed_at.to_owned(),
        })
    }

    /// How a list is sealed for the first time: with the number of approvers that the office asks for.
    pub(super) fn sealed_first<'a>(&self, at: &'a str) -> Sealing<'a> {
        Sealing { at, round: 0, approvals: Some(self.config.approvals) }
    }

    pub(super) fn sealed_leaf(&self, list: &PaymentList) -> Result<Vec<u8>, EngineError> {
        let mut leaf = Leaf::of("list_sealed", &self.stamp())
            .number("cycle", list.cycle.0)
            .number("list", list.number.0)
            .digest("digest", &Digest::of(list.body.as_bytes()));
        if let Some(approvals) = sealed_approvals(&list.body) {
            leaf = leaf.number("approvals", approvals as i64);
        }
        Ok(leaf.build()?.as_bytes().to_vec())
    }

    /// Proves that every file of a list is still what was sealed: reads each to its end.
    pub(super) async fn files_hold(
        &self,
        cycle: &Cycle,
        list: &PaymentList,
    ) -> Result<(), EngineError> {
        let batches = self.store.batches(list.cycle).await?;
        for batch in batches
            .into_iter()
            .filter(|one| one.list == list.number && one.state != BatchState::Withdrawn)
        {
            self.file_holds(cycle, &batch).await?;
        }
        Ok(())
    }

    /// Reads an archived file to its end, and gives what is wrong with its copy: gone or damaged. That the
    /// archive cannot be read says nothing about the file.
    pub(super) async fn archived_damage(
        &self,
        digest: Digest,
    ) -> Result<Option<ArchiveError>, EngineError> {
        let archive = self.archive.clone();
        aside(move || match archive.get(&digest, &mut std::io::sink()) {
            Ok(_) => Ok(None),
            Err(
                error @ (ArchiveError::FileMustBeArchived(_)
                | ArchiveError::ArchivedFileMustBeWhole(_)),
            ) => Ok(Some(error)),
            Err(error) => Err(error.into()),
        })
        .await
    }

    /// Proves that the file of a batch is what was sealed. One whose archived copy is damaged or gone is
    /// rendered again from the sealed list, and kept only when it has the digest that was approved.
    pub(super) async fn file_holds(&self, cycle: &Cycle, batch: &Batch) -> Result<(), EngineError> {
        let digest = rendered_digest(batch)?;
        let broken = self.archived_damage(digest).await?;
        let Some(broken) = broken else { return Ok(()) };
        let sorted = batch.channel == Channel::Cash;
        let one = std::slice::from_ref(batch);
        if let Err(error) = self.render_pass(cycle, batch.list, one, sorted).await {
            return Err(EngineError::refused(
                "A115",
                format!(
                    "{} cannot be sent: {broken}; and rendered again from the sealed list it is not what was \
                     approved: {error}. Put archive/{} back from a backup, or chitra.toml and formats/ \
                     as they were when the list was sealed",
                    batch.file_name,
                    archived_path(&digest)
                ),
            ));
        }
        let mut changes = Changes::new();
        let (found, stays) = match &broken {
            ArchiveError::FileMustBeArchived(_) => ("the archived copy was gone", ""),
            _ => (
                "the archived copy was changed",
                "; the changed copy is kept beside it, as ….damaged-1 and on",
            ),
        };
        changes.file_restored(batch, found, &self.stamp());
        changes.event(
            Leaf::of("file_restored", &self.stamp())
                .number("cycle", batch.cycle.0)
                .number("batch", batch.number.0)
                .digest("sha256", &digest)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        let kept = archived_path(&digest);
        self.progress.notice(
            "A116",
            &format!(
                "{}: {found} (archive/{kept}). It was written again from the sealed list, to the byte, and these bytes \
                 leave{stays}. The report and the log say so: find out who can write there",
                batch.file_name
            ),
        );
        Ok(())
    }
}

/// The digest of a batch's file.
pub(super) fn rendered_digest(batch: &Batch) -> Result<Digest, EngineError> {
    let text = batch.sha256.as_deref().ok_or_else(|| {
        EngineError::Inconsistent(format!("{} was never rendered", batch.file_name))
    })?;
    Digest::parse(text).map_err(|error| EngineError::Inconsistent(error.to_string()))
}

/// Canonical JSON as text.
pub(super) fn canonical(value: &Value) -> Result<String, EngineError> {
    let bytes = canonical_json(value)?;
    String::from_utf8(bytes).map_err(|error| EngineError::Inconsistent(error.to_string()))
}
