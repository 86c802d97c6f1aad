//! What a cycle report says, as values: who was listed, what was determined, ordered, sent and
//! answered, what is proved, and whether it adds up.
//!
//! The engine fills it; `cycle_html` and `cycle_csv` show it. It holds no personal data: counts,
//! money, codes, digests, and the sign-in names of the officers who signed.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::domain::answer::DiscrepancyKind;
use crate::domain::batch::{BatchState, DeliveryOutcome};
use crate::domain::cycle::{CycleKind, CycleState};
use crate::domain::exception::RowOutcome;
use crate::domain::instruction::{EvidenceGrade, InstructionState};
use crate::domain::list::{Act, ListState};
use crate::domain::money::Currency;
use crate::domain::payable::PayableState;
use crate::domain::period::Period;
use crate::domain::receivable::{ReceivableCause, ReceivableState};
use crate::domain::state::Named;
use crate::pipeline::account::{Identity, Part};
use crate::report::words::Words;

/// Everything that the report of one cycle says.
#[derive(Clone, Debug)]
pub struct CycleReport {
    pub office: Office,
    pub currency: Currency,
    /// `2026-11`, or `2026-11-supplementary-1`.
    pub label: String,
    pub number: i64,
    pub period: Period,
    pub kind: CycleKind,
    pub state: CycleState,
    /// The law was applied as it was known on this day.
    pub law_known_at: Date,
    pub value_date: Date,
    pub opened_at: String,
    pub opened_by: String,
    pub sealed_at: Option<String>,
    pub closed_at: Option<String>,
    /// SHA-256 of the run manifest, in hexadecimal.
    pub manifest_sha256: Option<String>,
    pub imports: Vec<ImportRead>,
    pub rows_listed: i64,
    /// Rows of the roster that are refused, by line.
    pub refused: Vec<RowRefused>,
    pub rows: Vec<RowTally>,
    pub payables: Vec<PayableTally>,
    /// The claims that stand behind the payables, summed by themselves: those that the payables own,
    /// and those that went with carried payables to a later list.
    pub claims_minor: i128,
    /// What was kept back of payments for receivables; negative.
    pub recoveries: Part,
    /// What was kept back of payments for orders of courts; negative.
    pub court_orders: Part,
    /// Of the payables those that go to heirs of who has died.
    pub to_heirs: Part,
    /// Those who stand on the roster, as they were counted when their rows were.
    pub people_listed: i64,
    /// Those whom the roster does not have, and to whom money of earlier lists was carried.
    pub people_carried: i64,
    /// Everyone once, by their worst outcome; the words of `pipeline::account::PERSON_OUTCOMES`.
    pub people: BTreeMap<&'static str, i64>,
    pub lists: Vec<ListSigned>,
    pub files: Vec<FileSent>,
    pub answers: Vec<AnswerTaken>,
    /// The files as statements of our accounts have them; empty when none speaks of the cycle.
    pub reconciled: Vec<FileReconciled>,
    pub statements: Vec<StatementTold>,
    pub instructions: Vec<InstructionTally>,
    pub failures: Vec<FailureTally>,
    /// Orders after the first attempt.
    pub reissued: Part,
    pub discrepancies: Vec<DiscrepancyTally>,
    pub receivables: Vec<ReceivableTally>,
    pub suspense: Part,
    pub identities: Vec<Identity>,
    /// Why the cycle cannot be closed yet, in sentences.
    pub hindrances: Vec<String>,
    pub checkpoint: LogCheckpoint,
    pub names: Names,
}

#[derive(Clone, Debug)]
pub struct Office {
    pub name: String,
    /// What its file names and end-to-end ids begin with.
    pub prefix: String,
    /// A trial office: no money moves, and the document says so on every page.
    pub is_test: bool,
}

/// What people call the things that are stored by their codes. A code without a name is shown.
#[derive(Clone, Default, Debug)]
pub struct Names {
    pub programmes: BTreeMap<String, Words>,
    pub provinces: BTreeMap<String, Words>,
    /// The sentences of the clauses by which rows are nil.
    pub clauses: BTreeMap<String, Words>,
}

/// A source file, as it was taken in.
#[derive(Clone, Debug)]
pub struct ImportRead {
    pub kind: Words,
    pub file_name: String,
    pub sha256: String,
    pub rows: i64,
    pub refused: i64,
    pub imported_at: String,
    pub imported_by: String,
}

/// A row of the roster that somebody has to mend.
#[derive(Clone, Debug)]
pub struct RowRefused {
    pub line: u64,
    pub code: String,
    /// The sender's id; empty where the row could not be read.
    pub enrolment_id: String,
}

/// Roster rows that ended in one way.
#[derive(Clone, Debug)]
pub struct RowTally {
    pub outcome: RowOutcome,
    /// A hold, a refusal, a status or a clause; empty for entitled rows.
    pub code: String,
    pub programme: String,
    pub province: String,
    pub rows: i64,
}

/// Payables that are alike in all of this.
#[derive(Clone, Debug)]
pub struct PayableTally {
    /// As people see it: one in a file of unknown fate is unknown.
    pub state: PayableState,
    pub channel: String,
    pub provider: String,
    pub programme: String,
    pub province: String,
    pub fund: String,
    pub code: String,
    /// Taken over by a later list.
    pub is_carried: bool,
    pub part: Part,
}

/// A sealed list, and who put their name under its digest.
#[derive(Clone, Debug)]
pub struct ListSigned {
    pub number: i64,
    pub state: ListState,
    pub digest: String,
    pub sealed_at: String,
    pub signatures: Vec<SignedBy>,
}

#[derive(Clone, Debug)]
pub struct SignedBy {
    pub officer: String,
    pub act: Act,
    /// The digest that was signed: of the list as it then was.
    pub digest: String,
    pub signed_at: String,
    /// Whether it was verified just now, with the key that the officer registered.
    pub is_verified: bool,
    /// Set when the list was found changed: the signature no longer counts.
    pub voided_at: Option<String>,
}

/// One file for one provider.
#[derive(Clone, Debug)]
pub struct FileSent {
    pub name: String,
    pub format: String,
    pub channel: String,
    pub provider: String,
    pub list: i64,
    pub count: i64,
    pub total_minor: i64,
    /// Of the plain file that the provider reads.
    pub sha256: Option<String>,
    pub state: BatchState,
    pub deliveries: Vec<DeliveryMade>,
    /// When the archived copy was found changed or lost, and written again with the same bytes.
    pub restored_at: Vec<String>,
}

/// One sending of a file.
#[derive(Clone, Debug)]
pub struct DeliveryMade {
    pub number: i64,
    pub started_at: String,
    pub outcome: DeliveryOutcome,
}

/// An answer of a provider that decided at least one instruction of the cycle.
#[derive(Clone, Debug)]
pub struct AnswerTaken {
    pub file_name: String,
    pub provider: String,
    pub format: String,
    pub sha256: String,
    pub items: i64,
    pub received_at: String,
}

/// What the statements of our accounts say of a file, beside our books.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileReconciled {
    pub name: String,
    pub provider: String,
    pub ordered_minor: i64,
    /// What was taken from our account.
    pub debited_minor: i64,
    /// What came back to it: returned or undone.
    pub back_minor: i64,
    /// By our books: paid, or not decided yet.
    pub books_minor: i64,
}

impl FileReconciled {
    pub fn net_minor(&self) -> i64 {
        self.debited_minor - self.back_minor
    }

    /// What the bank still has and our books do not account for; negative when it is the reverse.
    pub fn difference_minor(&self) -> i64 {
        self.net_minor() - self.books_minor
    }
}

/// A statement with an entry for a file of the cycle. What it says adds up to what lies between its
/// balances, whatever cycle it is of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StatementTold {
    pub provider: String,
    pub id: String,
    pub closed_on: Date,
    pub opening_minor: i64,
    pub closing_minor: i64,
    /// Taken for files, less what came back; negative.
    pub files_minor: i64,
    /// Money that was made available to the provider.
    pub funds_minor: i64,
    /// Money that was paid back, under vouchers that officers had recorded.
    pub receipts_minor: i64,
    /// Money that went to the creditors of court orders, under vouchers that officers had recorded; negative.
    pub transfers_minor: i64,
    /// Fees and the tax on them; negative.
    pub fees_minor: i64,
    pub unexplained_minor: i64,
    /// Unexplained entries for which nobody has found a reason yet.
    pub open: i64,
    /// By how much its opening balance differs from the closing one of the statement before it.
    pub gap_minor: Option<i64>,
}

/// Instructions in one state, by how well it is proved.
#[derive(Clone, Debug)]
pub struct InstructionTally {
    pub provider: String,
    pub state: InstructionState,
    pub grade: Option<EvidenceGrade>,
    pub part: Part,
}

/// What was done after an order failed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Aftermath {
    /// A later attempt, or late proof of an earlier one, paid it.
    PaidOtherwise,
    /// A later attempt is on its way.
    Reissued,
    /// A later attempt failed as well; that one is counted in its own row.
    FailedAgain,
    /// Taken over by a later list.
    Carried,
    /// Proved paid after all, when a later list had taken it over.
    ProvedPaid,
    /// Held: taken off a sealed list, or as it was before a list that was given up.
    Held,
    /// Nothing yet.
    Waiting,
}

impl Aftermath {
    pub const ALL: [Aftermath; 7] = [
        Aftermath::PaidOtherwise,
        Aftermath::Reissued,
        Aftermath::FailedAgain,
        Aftermath::Carried,
        Aftermath::ProvedPaid,
        Aftermath::Held,
        Aftermath::Waiting,
    ];

    /// Whether its payable is counted as rejected or returned because of this order.
    pub const fn leaves_it_failed(self) -> bool {
        match self {
            Aftermath::Carried | Aftermath::ProvedPaid | Aftermath::Waiting => true,
            Aftermath::PaidOtherwise
            | Aftermath::Reissued
            | Aftermath::FailedAgain
            | Aftermath::Held => false,
        }
    }

    /// As the CSV writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Aftermath::PaidOtherwise => "paid_otherwise",
            Aftermath::Reissued => "reissued",
            Aftermath::FailedAgain => "failed_again",
            Aftermath::Carried => "carried",
            Aftermath::ProvedPaid => "proved_paid",
            Aftermath::Held => "held",
            Aftermath::Waiting => "waiting",
        }
    }

    pub const fn words(self) -> Words {
        match self {
            Aftermath::PaidOtherwise => Words::fixed("Đã chi lại xong", "Paid after all"),
            Aftermath::Reissued => Words::fixed("Đã ra lệnh lại", "Reissued, in flight"),
            Aftermath::FailedAgain => Words::fixed("Chi lại vẫn hỏng", "Reissued, failed again"),
            Aftermath::Carried => Words::fixed("Chuyển kỳ sau", "Carried over"),
            Aftermath::ProvedPaid => {
                Words::fixed("Chuyển kỳ sau, rồi rõ là đã chi", "Carried, then proved paid")
            }
            Aftermath::Held => Words::fixed("Tạm giữ", "Held"),
            Aftermath::Waiting => Words::fixed("Chờ xử lý", "Waiting"),
        }
    }
}

/// Orders that failed for one reason.
#[derive(Clone, Debug)]
pub struct FailureTally {
    /// Rejected, returned or cancelled; or failed, and proved paid when it had been carried over.
    pub state: InstructionState,
    /// A provider's code; none where there was none or where it was a sentence (`shown_reason`).
    pub reason: Option<String>,
    pub class: Option<String>,
    pub aftermath: Aftermath,
    pub part: Part,
}

/// Items of answers that need a person.
#[derive(Clone, Debug)]
pub struct DiscrepancyTally {
    pub kind: DiscrepancyKind,
    pub provider: String,
    pub is_open: bool,
    /// False for those that fit no payable of any cycle.
    pub is_of_cycle: bool,
    pub count: i64,
    /// What we ordered, where that is known.
    pub expected_minor: i128,
    /// What was reported.
    pub reported_minor: i128,
}

/// Money to be got back.
#[derive(Clone, Debug)]
pub struct ReceivableTally {
    pub cause: ReceivableCause,
    pub state: ReceivableState,
    /// False for those that come from no payable: they are the office's, of every cycle.
    pub is_of_cycle: bool,
    pub part: Part,
}

/// The signed head of the audit log that covers what is told here.
#[derive(Clone, Debug)]
pub struct LogCheckpoint {
    pub origin: String,
    pub size: u64,
    /// In hexadecimal.
    pub root: String,
}

/// Two figures that must be the same.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Check {
    pub name: Words,
    pub left: String,
    pub right: String,
    /// How many files it was made for; 1 for what is compared once.
    pub times: usize,
}

impl Check {
    pub fn holds(&self) -> bool {
        self.left == self.right
    }
}

/// Count and money of payables by their state.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ByState {
    parts: [Part; PayableState::ALL.len()],
}

impl ByState {
    pub fn of(&self, state: PayableState) -> Part {
        self.parts[state as usize]
    }

    pub fn total(&self) -> Part {
        self.parts.iter().fold(Part::default(), |sum, part| plus(sum, *part))
    }

    fn add(&mut self, state: PayableState, part: Part) {
        let held = &mut self.parts[state as usize];
        *held = plus(*held, part);
    }
}

impl CycleReport {
    /// Whether every identity holds. None before anything is computed.
    pub fn is_balanced(&self) -> Option<bool> {
        self.state.is_computed().then(|| self.identities.iter().all(Identity::holds))
    }

    /// The identities, which are those by which a cycle is closed. Those that are made once a file are one
    /// line when they hold for all; each one that fails is a line of its own.
    pub fn checks(&self) -> Vec<Check> {
        let mut found: Vec<Check> = Vec::new();
        for identity in &self.identities {
            let name = crate::report::wording::identity(identity.name);
            let per_file =
                self.identities.iter().filter(|one| one.name == identity.name).count() > 1;
            let held = found.iter_mut().find(|one| one.name == name && one.holds());
            match (per_file && identity.holds(), held) {
                (true, Some(known)) => {
                    known.times += 1;
                    known.left = known.times.to_string();
                    known.right.clone_from(&known.left);
                }
                (true, None) => found.push(Check {
                    name,
                    left: "1".to_owned(),
                    right: "1".to_owned(),
                    times: 1,
                }),
                (false, _) => found.push(Check {
                    name,
                    left: identity.left.clone(),
                    right: identity.right.clone(),
                    times: 1,
                }),
            }
        }
        found
    }

    pub fn rows_by_outcome(&self) -> Vec<(RowOutcome, i64)> {
        RowOutcome::ALL
            .iter()
            .map(|(_, outcome)| {
                let of = self.rows.iter().filter(|one| one.outcome == *outcome);
                (*outcome, of.map(|one| one.rows).sum())
            })
            .collect()
    }

    pub fn payables_by_state(&self) -> ByState {
        let mut all = ByState::default();
        for one in &self.payables {
            all.add(one.state, one.part);
        }
        all
    }

    /// Payables by some key of theirs, and by state.
    pub fn payables_by(&self, key: impl Fn(&PayableTally) -> &str) -> BTreeMap<String, ByState> {
        let mut found: BTreeMap<String, ByState> = BTreeMap::new();
        for one in &self.payables {
            found.entry(key(one).to_owned()).or_default().add(one.state, one.part);
        }
        found
    }

    /// What is to leave the account: everything determined that is not held.
    pub fn to_pay(&self) -> Part {
        let all = self.payables_by_state();
        minus(all.total(), all.of(PayableState::Held))
    }

    /// What of it has not been paid.
    pub fn left_over(&self) -> Part {
        minus(self.to_pay(), self.payables_by_state().of(PayableState::Paid))
    }

    pub fn carried(&self) -> Part {
        sum(self.payables.iter().filter(|one| one.is_carried).map(|one| one.part))
    }

    /// What providers have received, reissues included.
    pub fn sent(&self) -> Part {
        let had = [BatchState::Delivered, BatchState::Refused];
        sum(self.files.iter().filter(|file| had.contains(&file.state)).map(FileSent::part))
    }

    /// Orders by partner, state and grade of evidence.
    pub fn orders(&self) -> BTreeMap<(&str, InstructionState, Option<EvidenceGrade>), Part> {
        let mut found = BTreeMap::new();
        for one in &self.instructions {
            let part: &mut Part =
                found.entry((one.provider.as_str(), one.state, one.grade)).or_default();
            *part = plus(*part, one.part);
        }
        found
    }

    /// Paid instructions by the grade of their evidence, best first; those without one last.
    pub fn evidence(&self) -> Vec<(Option<EvidenceGrade>, Part)> {
        let settled = |grade: Option<EvidenceGrade>| {
            let of = self.instructions.iter();
            sum(of
                .filter(|one| one.state == InstructionState::Settled && one.grade == grade)
                .map(|one| one.part))
        };
        let graded = EvidenceGrade::ALL.iter().map(|(_, grade)| Some(*grade));
        // Ordinary months have no payment whose fate officers had to decide.
        let mut found: Vec<_> = graded
            .map(|grade| (grade, settled(grade)))
            .filter(|(grade, part)| {
                let is_rare =
                    matches!(grade, Some(EvidenceGrade::Unreturned | EvidenceGrade::Decision));
                !is_rare || part.count > 0
            })
            .collect();
        let ungraded = settled(None);
        if ungraded.count > 0 {
            found.push((None, ungraded));
        }
        found
    }

    /// Rows and payables that are held, by code: rows, payables and their money.
    pub fn holds(&self) -> BTreeMap<String, (i64, Part)> {
        let mut found: BTreeMap<String, (i64, Part)> = BTreeMap::new();
        for one in self.rows.iter().filter(|one| one.outcome == RowOutcome::Held) {
            found.entry(one.code.clone()).or_default().0 += one.rows;
        }
        for one in self.payables.iter().filter(|one| one.state == PayableState::Held) {
            let held = &mut found.entry(one.code.clone()).or_default().1;
            *held = plus(*held, one.part);
        }
        found
    }

    /// Failed orders by state, reason and class: what became of each, in the order of
    /// `Aftermath::ALL`, and all of them.
    pub fn failures_by_reason(&self) -> BTreeMap<FailureKey, ([Part; Aftermath::ALL.len()], Part)> {
        let mut found: BTreeMap<FailureKey, ([Part; Aftermath::ALL.len()], Part)> = BTreeMap::new();
        for one in &self.failures {
            let key = FailureKey {
                state: one.state,
                reason: one.reason.clone(),
                class: one.class.clone(),
            };
            let (parts, all) = found.entry(key).or_default();
            let part = &mut parts[one.aftermath as usize];
            *part = plus(*part, one.part);
            *all = plus(*all, one.part);
        }
        found
    }

    /// Everyone of whom the report tells.
    pub fn people_counted(&self) -> i64 {
        self.people_listed + self.people_carried
    }
}

/// What failed orders are counted by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct FailureKey {
    pub state: InstructionState,
    pub reason: Option<String>,
    pub class: Option<String>,
}

impl ListSigned {
    /// The signatures that count.
    pub fn counting(&self) -> impl Iterator<Item = &SignedBy> {
        self.signatures.iter().filter(|one| self.counts(one))
    }

    /// Whether a signature is under the list as it is now, and was not voided.
    pub fn counts(&self, signature: &SignedBy) -> bool {
        signature.voided_at.is_none() && signature.digest == self.digest
    }
}

impl FileSent {
    pub fn part(&self) -> Part {
        Part { count: self.count, minor: i128::from(self.total_minor) }
    }

    /// Whether it was taken back before it left: its orders are cancelled, or stand in another file.
    pub fn is_withdrawn(&self) -> bool {
        self.state == BatchState::Withdrawn
    }
}

/// A provider's reason when it has the form of a code. Sentences are left out, because a provider
/// may write a person's name or account into one; a long run of digits is an account or a phone.
pub fn shown_reason(reason: &str) -> Option<&str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let digits = reason.bytes().filter(u8::is_ascii_digit).count();
    let is_code = (1..=40).contains(&reason.len()) && reason.bytes().all(plain) && digits < 7;
    is_code.then_some(reason)
}

pub(super) fn plus(one: Part, other: Part) -> Part {
    Part { count: one.count + other.count, minor: one.minor + other.minor }
}

pub(super) fn minus(one: Part, other: Part) -> Part {
    Part { count: one.count - other.count, minor: one.minor - other.minor }
}

pub(super) fn sum(parts: impl IntoIterator<Item = Part>) -> Part {
    parts.into_iter().fold(Part::default(), plus)
}
