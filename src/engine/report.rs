//! Gathers the values of a cycle's report from the store, and puts the report into the office's
//! `reports` folder.

use std::path::{Path, PathBuf};

use crate::disk::Disk;
use crate::domain::batch::Batch;
use crate::domain::cycle::Cycle;
use crate::domain::digest::Digest;
use crate::domain::ids::ImportNo;
use crate::domain::instruction::InstructionState;
use crate::domain::list::{PaymentList, Signature};
use crate::domain::payable::PayableState;
use crate::domain::province::PROVINCES;
use crate::domain::state::Named;
use crate::engine::figures::as_seen;
use crate::engine::{Engine, EngineError, aside};
use crate::pipeline::account::Part;
use crate::pipeline::approve::verify;
use crate::report::cycle::{
    Aftermath, AnswerTaken, CycleReport, DeliveryMade, DiscrepancyTally, FailureTally, FileSent,
    ImportRead, InstructionTally, ListSigned, LogCheckpoint, Names, Office, PayableTally,
    ReceivableTally, RowRefused, RowTally, SignedBy, shown_reason,
};
use crate::report::cycle_csv::csv;
use crate::report::cycle_html::html;
use crate::report::words::{Language, Words};
use crate::rules::rate::Bilingual;
use crate::store::registry::ImportKind;
use crate::store::sums::FailureSum;

/// Where a written report lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReportFiles {
    pub html: PathBuf,
    pub csv: PathBuf,
}

impl Engine {
    /// Everything that the report of a cycle says, in any state of the cycle. Brings the log up to
    /// date first, so that what is told lies under the checkpoint that the report names.
    pub async fn cycle_report(&self, cycle: &Cycle) -> Result<CycleReport, EngineError> {
        self.sequence().await?;
        let figures = self.figures(cycle).await?;
        let mut imports = Vec::new();
        for number in [cycle.roster, cycle.identity] {
            imports.extend(self.import_read(number).await?);
        }
        let (reissued_count, reissued_minor) = self.store.reissue_sum(cycle.number).await?;
        let checkpoint = self.report_checkpoint()?;
        let (to_heirs_count, to_heirs_minor) = self.store.payables_to_heirs(cycle.number).await?;
        let (reconciled, statements) = self.bank_reconciliation(cycle).await?;
        Ok(CycleReport {
            office: Office {
                name: self.config.name.clone(),
                prefix: self.config.prefix.as_str().to_owned(),
                is_test: self.config.environment == payment_formats::Environment::Test,
            },
            currency: self.config.currency,
            label: cycle.label(),
            number: cycle.number.0,
            period: cycle.period,
            kind: cycle.kind,
            state: cycle.state,
            law_known_at: cycle.law_known_at,
            value_date: cycle.value_date,
            opened_at: cycle.opened_at.clone(),
            opened_by: cycle.opened_by.clone(),
            sealed_at: cycle.sealed_at.clone(),
            closed_at: cycle.closed_at.clone(),
            manifest_sha256: cycle
                .manifest
                .as_ref()
                .map(|manifest| Digest::of(manifest.as_bytes()).to_string()),
            imports,
            rows_listed: figures.rows_listed,
            refused: self
                .refusals(cycle)
                .await?
                .into_iter()
                .map(|one| RowRefused {
                    line: one.line,
                    code: one.code,
                    enrolment_id: one.enrolment_id.unwrap_or_default(),
                })
                .collect(),
            rows: figures
                .tallies
                .iter()
                .map(|tally| RowTally {
                    outcome: tally.outcome,
                    code: tally.code.clone(),
                    programme: tally.programme.clone(),
                    province: tally.province.clone(),
                    rows: tally.rows,
                })
                .collect(),
            payables: figures
                .sums
                .iter()
                .map(|sum| PayableTally {
                    state: as_seen(sum.state, sum.batch),
                    channel: sum.channel.clone(),
                    provider: sum.provider.clone(),
                    programme: sum.programme.clone(),
                    province: sum.province.clone(),
                    fund: sum.fund.clone(),
                    code: sum.code.clone(),
                    is_carried: sum.carried,
                    part: part(sum.count, sum.total_minor),
                })
                .collect(),
            claims_minor: figures.claims_minor,
            recoveries: figures.recoveries,
            court_orders: figures.court_orders,
            to_heirs: part(to_heirs_count, to_heirs_minor),
            people_listed: figures.people_listed,
            people_carried: figures.people_carried,
            people: figures.people.clone(),
            lists: figures.signed,
            files: self.files_sent(cycle, &figures.batches).await?,
            answers: self.answers_taken(cycle).await?,
            reconciled,
            statements,
            instructions: figures
                .instruction_sums
                .iter()
                .map(|sum| InstructionTally {
                    provider: figures
                        .batches
                        .iter()
                        .find(|batch| batch.number == sum.batch)
                        .map(|batch| batch.provider.clone())
                        .unwrap_or_default(),
                    state: sum.state,
                    grade: sum.grade,
                    part: part(sum.count, sum.total_minor),
                })
                .collect(),
            failures: figures.failures,
            reissued: part(reissued_count, reissued_minor),
            discrepancies: self
                .store
                .discrepancy_sums(cycle.number)
                .await?
                .into_iter()
                .map(|sum| DiscrepancyTally {
                    kind: sum.kind,
                    provider: sum.provider,
                    is_open: sum.is_open,
                    is_of_cycle: sum.is_of_cycle,
                    count: sum.count,
                    expected_minor: sum.expected_minor,
                    reported_minor: sum.reported_minor,
                })
                .collect(),
            receivables: self
                .store
                .receivable_sums(cycle.number)
                .await?
                .into_iter()
                .map(|sum| ReceivableTally {
                    cause: sum.cause,
                    state: sum.state,
                    is_of_cycle: sum.is_of_cycle,
                    part: part(sum.count, sum.total_minor),
                })
                .collect(),
            suspense: figures.suspense,
            identities: figures.identities,
            hindrances: figures.hindrances,
            checkpoint,
            names: self.names(),
        })
    }

    /// Writes the report of a cycle, in both languages, over an earlier one of the same cycle.
    pub async fn cycle_report_write(&self, cycle: &Cycle) -> Result<ReportFiles, EngineError> {
        let report = self.cycle_report(cycle).await?;
        let (disk, folder) = (self.disk.clone(), self.dir.join("reports"));
        aside(move || {
            let files = ReportFiles {
                html: folder.join(format!("{}.html", report.label)),
                csv: folder.join(format!("{}.csv", report.label)),
            };
            let documents =
                [(&files.html, html(&report, Language::Both)), (&files.csv, csv(&report))];
            for (path, document) in documents {
                write_whole(disk.as_ref(), &folder, path, document.as_bytes()).map_err(
                    |error| EngineError::io(format!("writing {}", path.display()), error),
                )?;
            }
            Ok(files)
        })
        .await
    }

    async fn import_read(&self, number: ImportNo) -> Result<Option<ImportRead>, EngineError> {
        let import = self.store.import(number).await?;
        Ok(import.map(|import| ImportRead {
            kind: match import.kind {
                ImportKind::Roster => Words::fixed("Danh sách hưởng", "Roster"),
                ImportKind::Identity => Words::fixed("Dữ liệu dân cư", "Identity register"),
            },
            file_name: import.file_name,
            sha256: import.sha256,
            rows: import.rows,
            refused: import.refused,
            imported_at: import.imported_at,
            imported_by: import.imported_by,
        }))
    }

    pub(super) async fn lists_signed(
        &self,
        cycle: &Cycle,
        lists: &[PaymentList],
    ) -> Result<Vec<ListSigned>, EngineError> {
        let signatures = self.store.signatures(cycle.number).await?;
        let officers = self.store.officers_ever().await?;
        let is_verified = |one: &Signature| {
            let officer = officers.iter().find(|officer| officer.name == one.officer);
            Digest::parse(&one.digest).is_ok_and(|digest| {
                officer.is_some_and(|officer| verify(officer, one, &digest).is_ok())
            })
        };
        let is_verified = &is_verified;
        let signed_under = |list| {
            let of_list = signatures.iter().filter(move |one| one.list == list);
            of_list.map(|one| SignedBy {
                officer: one.officer.clone(),
                act: one.act,
                digest: one.digest.clone(),
                signed_at: one.signed_at.clone(),
                is_verified: is_verified(one),
                voided_at: one.voided_at.clone(),
            })
        };
        Ok(lists
            .iter()
            .map(|list| ListSigned {
                number: list.number.0,
                state: list.state,
                digest: list.digest.clone(),
                sealed_at: list.sealed_at.clone(),
                signatures: signed_under(list.number).collect(),
            })
            .collect())
    }

    async fn files_sent(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
    ) -> Result<Vec<FileSent>, EngineError> {
        let deliveries = self.store.deliveries(cycle.number).await?;
        let restorations = self.store.restorations(cycle.number).await?;
        batches
            .iter()
            .map(|batch| {
                let of_batch = deliveries.iter().filter(|one| one.batch == batch.number);
                Ok(FileSent {
                    name: batch.file_name.clone(),
                    format: batch.format.clone(),
                    channel: batch.channel.name().to_owned(),
                    provider: batch.provider.clone(),
                    list: batch.list.0,
                    count: i64::try_from(batch.count).map_err(|_| {
                        EngineError::Inconsistent(format!("{}: its count", batch.file_name))
                    })?,
                    total_minor: batch.total_minor,
                    sha256: batch.sha256.clone(),
                    state: batch.state,
                    deliveries: of_batch
                        .map(|one| DeliveryMade {
                            number: one.number,
                            started_at: one.started_at.clone(),
                            outcome: one.outcome,
                        })
                        .collect(),
                    restored_at: restorations
                        .iter()
                        .filter(|one| one.batch == batch.number)
                        .map(|one| one.at.clone())
                        .collect(),
                })
            })
            .collect()
    }

    async fn answers_taken(&self, cycle: &Cycle) -> Result<Vec<AnswerTaken>, EngineError> {
        let answers = self.store.answers_of(cycle.number).await?;
        let taken = answers.into_iter().map(|answer| AnswerTaken {
            file_name: answer.file_name,
            provider: answer.provider,
            format: answer.format,
            sha256: answer.sha256,
            items: answer.items,
            received_at: answer.received_at,
        });
        Ok(taken.collect())
    }

    fn report_checkpoint(&self) -> Result<LogCheckpoint, EngineError> {
        let log = self.log.lock().map_err(|_| {
            EngineError::Inconsistent(
                "an earlier step failed inside the log; open the office again".to_owned(),
            )
        })?;
        let signed = log.last_checkpoint();
        Ok(LogCheckpoint {
            origin: self.log_verifier.origin().as_str().to_owned(),
            size: signed.size(),
            root: signed.root().to_string(),
        })
    }

    /// What the pack calls its programmes and says by its clauses.
    fn names(&self) -> Names {
        let pack = &self.programmes.pack;
        let words = |title: &Bilingual| Words::new(title.vi.as_str(), title.en.as_str());
        Names {
            programmes: pack
                .programmes()
                .iter()
                .map(|one| (one.id.clone(), words(&one.title)))
                .collect(),
            provinces: PROVINCES
                .iter()
                .map(|province| (province.code.to_owned(), Words::name(province.name)))
                .collect(),
            clauses: pack
                .clauses()
                .iter()
                .map(|clause| (clause.id.clone(), words(&clause.reason)))
                .collect(),
        }
    }
}

/// What became of an order that failed.
pub(super) fn failure(sum: &FailureSum) -> FailureTally {
    let is_proved =
        matches!(sum.state, InstructionState::SettledExcess | InstructionState::ExcessReturned);
    let aftermath = match (as_seen(sum.payable, sum.batch), sum.is_superseded) {
        (PayableState::Paid, _) => Aftermath::PaidOtherwise,
        (PayableState::Pending | PayableState::Unknown, _) => Aftermath::Reissued,
        (_, true) => Aftermath::FailedAgain,
        (PayableState::Held, false) => Aftermath::Held,
        (_, false) if is_proved => Aftermath::ProvedPaid,
        (_, false) if sum.is_carried => Aftermath::Carried,
        (_, false) => Aftermath::Waiting,
    };
    FailureTally {
        state: sum.state,
        reason: sum.reason.as_deref().and_then(shown_reason).map(str::to_owned),
        class: sum.reason_class.clone(),
        aftermath,
        part: part(sum.count, sum.total_minor),
    }
}

fn part(count: i64, minor: i64) -> Part {
    Part { count, minor: minor.into() }
}

/// Puts a document under its name, whole or not at all, also after a power cut.
pub(super) fn write_whole(
    disk: &dyn Disk,
    folder: &Path,
    path: &Path,
    bytes: &[u8],
) -> std::io::Result<()> {
    use std::io::Write as _;
    disk.create_dir(folder)?;
    let part = path.with_extension(format!("{}.part", disk.part_token()));
    let written = disk.create_new(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync()
    });
    if let Err(error) = written.and_then(|()| disk.rename_replacing(&part, path)) {
        // The half-written file is of no use to anyone; that it stays is no further harm.
        let _ = disk.remove(&part);
        return Err(error);
    }
    disk.sync_dir(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use crate::domain::answer::{Discrepancy, DiscrepancyKind};
    use crate::domain::ids::{
        AnswerNo, AttemptNo, BatchNo, CycleNo, DestinationNo, ListNo, PayableNo, PersonNo, Shard,
    };
    use crate::domain::instruction::{Evidence, Instruction};
    use crate::domain::payable::Payable;
    use crate::domain::receivable::{Receivable, ReceivableCause};
    use crate::domain::roster::Channel;
    use crate::store::instructions::InstructionMove;
    use crate::store::{Changes, Store};

    const CYCLE: CycleNo = CycleNo(7);

    fn number(ordinal: u32) -> PayableNo {
        PayableNo::pack(CYCLE, Shard::new(3), ordinal).expect("a small ordinal fits")
    }

    fn payable(ordinal: u32, state: PayableState) -> Payable {
        let person = PersonNo::from_number(5).expect("a positive number");
        Payable {
            number: number(ordinal),
            payee: person,
            beneficiary: person,
            heir: None,
            destination: None,
            channel: Channel::Bank,
            provider: "vcb".to_owned(),
            fund: "f".to_owned(),
            programme: "p".to_owned(),
            province: "01".to_owned(),
            amount_minor: 100,
            lines: 1,
            state,
            code: String::new(),
            batch: None,
            carried_to: None,
        }
    }

    fn order(ordinal: u32, attempt: i64, state: InstructionState, reason: &str) -> Instruction {
        Instruction {
            payable: number(ordinal),
            attempt: AttemptNo::new(attempt).expect("a small attempt"),
            list: ListNo(0),
            batch: BatchNo(1),
            destination: DestinationNo::from_number(9).expect("a positive number"),
            amount_minor: 100,
            state,
            evidence: Evidence { reason: Some(reason.to_owned()), ..Evidence::default() },
        }
    }

    /// What the store counts of failed orders, discrepancies and receivables, on a real database.
    async fn check_counts(url: &str) {
        let store = Store::open(url).await.expect("a new database opens");
        let later = PayableNo::pack(CycleNo(8), Shard::new(3), 1).expect("it fits");
        let mut changes = Changes::new();
        changes.payables([
            payable(1, PayableState::Paid),
            payable(2, PayableState::Pending),
            payable(3, PayableState::Rejected),
            payable(4, PayableState::Returned),
            payable(5, PayableState::Returned),
        ]);
        use InstructionState as I;
        let orders = [
            order(1, 1, I::Rejected, "AM04"),
            order(1, 2, I::Settled, ""),
            order(2, 1, I::Rejected, "AM04"),
            order(2, 2, I::InBatch, ""),
            order(3, 1, I::Rejected, "AC04"),
            order(3, 2, I::Rejected, "AC04"),
            order(4, 1, I::Returned, "AC06"),
            order(5, 1, I::Returned, "Người nhận Nguyễn Thị A đã mất"),
        ];
        changes.instructions(orders.clone());
        let first = AttemptNo::FIRST;
        let item = |item, instruction| Discrepancy {
            kind: DiscrepancyKind::AmountDiffers,
            provider: "vcb".to_owned(),
            answer: AnswerNo(1),
            item,
            instruction,
            file: None,
            expected_minor: Some(100),
            reported_minor: Some(90),
            detail: String::new(),
            opened_at: "2026-11-03T08:00:00+07:00".to_owned(),
        };
        let other = PayableNo::pack(CycleNo(6), Shard::new(3), 1).expect("it fits");
        changes.discrepancies(
            1,
            &[
                item(1, Some((number(1), first))),
                item(2, Some((number(2), first))),
                item(3, None),
                item(4, Some((other, first))),
                Discrepancy { file: Some((CYCLE, BatchNo(1))), ..item(5, None) },
                Discrepancy { file: Some((CycleNo(6), BatchNo(1))), ..item(6, None) },
            ],
        );
        let owed = |cause, instruction| Receivable {
            cause,
            person: PersonNo::from_number(5).expect("a positive number"),
            instruction,
            amount_minor: 70,
            opened_at: "2026-11-03T08:00:00+07:00".to_owned(),
        };
        changes.receivables(
            1,
            &[
                owed(ReceivableCause::SettledExcess, Some((number(1), first))),
                owed(ReceivableCause::SettledExcess, Some((other, first))),
                owed(ReceivableCause::Overpayment, None),
            ],
        );
        store.commit(changes).await.expect("the rows are whole");
        let mut changes = Changes::new();
        changes.payable_carried(number(4), later);
        // Nothing is known of an order when it is made.
        let told = orders.iter().map(|order| InstructionMove {
            was: Evidence::default(),
            ..InstructionMove::of(order, order.state)
        });
        changes.instructions_moved(&told.collect::<Vec<_>>());
        store.commit(changes).await.expect("the rows are as they were read");

        let sums = store.failure_sums(CYCLE).await.expect("it reads");
        let mut found: Vec<(Option<String>, Aftermath, i64)> = sums
            .iter()
            .map(failure)
            .map(|one| (one.reason, one.aftermath, one.part.count))
            .collect();
        found.sort();
        let some = |code: &str| Some(code.to_owned());
        assert_eq!(
            found,
            [
                (None, Aftermath::Waiting, 1),
                (some("AC04"), Aftermath::FailedAgain, 1),
                (some("AC04"), Aftermath::Waiting, 1),
                (some("AC06"), Aftermath::Carried, 1),
                (some("AM04"), Aftermath::PaidOtherwise, 1),
                (some("AM04"), Aftermath::Reissued, 1),
            ]
        );
        assert_eq!(store.reissue_sum(CYCLE).await.expect("it reads"), (3, 300));
        let discrepancies = store.discrepancy_sums(CYCLE).await.expect("it reads");
        let told: Vec<_> = discrepancies
            .iter()
            .map(|one| (one.is_of_cycle, one.is_open, one.count, one.reported_minor))
            .collect();
        assert_eq!(told, [(false, true, 1, 90), (true, true, 3, 270)]);
        let receivables = store.receivable_sums(CYCLE).await.expect("it reads");
        let told: Vec<_> =
            receivables.iter().map(|one| (one.cause, one.is_of_cycle, one.total_minor)).collect();
        assert_eq!(
            told,
            [(ReceivableCause::Overpayment, false, 70), (ReceivableCause::SettledExcess, true, 70),]
        );
        assert!(store.answers_of(CYCLE).await.expect("it reads").is_empty());
        assert!(store.officers_ever().await.expect("it reads").is_empty());
        store.close().await;
    }

    #[tokio::test]
    async fn failed_orders_are_counted_by_what_became_of_them() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        check_counts(&format!("sqlite:{}", folder.path().join("office.db").display())).await;
    }

    #[test]
    fn a_report_takes_the_place_of_the_earlier_one_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("reports/2026-11.html");
        for text in ["first, and longer", "second"] {
            write_whole(&RealDisk, &folder.path().join("reports"), &path, text.as_bytes())
                .expect("the folder can be written");
            assert_eq!(std::fs::read_to_string(&path).expect("it is there"), text);
        }
        let names = std::fs::read_dir(folder.path().join("reports")).expect("it is there").count();
        assert_eq!(names, 1, "nothing half-written is left");
    }
}
