//! The file of a recall: made from what is recorded, sealed and sent like every other file, once.
//!
//! Reads: a confirmed recall, the file in which its payment left, the terms with the partner.
//! Gives: an archived file; and under the dispatcher's lease one delivery of it, whose intent is under a signed
//! checkpoint before a byte leaves. What is unknown is asked; the same bytes go again only when it is proved
//! that they have not left.

use std::io::Cursor;

use jiff::civil::DateTime;
use payment_formats::{Address, ControlTotals, OriginalFile, OutFormat, Payment};

use super::no_file;
use crate::audit::leaf::Leaf;
use crate::channels::{Channel, QueryOutcome};
use crate::disk::archive::archived_path;
use crate::disk::file_name::FileName;
use crate::domain::batch::{Batch, BatchState, DeliveryOutcome as Recorded};
use crate::domain::cycle::Cycle;
use crate::domain::digest::Digest;
use crate::domain::ids::{BatchNo, CycleNo};
use crate::domain::recall::{
    Recall, RecallEvent, RecallFile, RecallFileEvent, RecallFileState, RecallState,
};
use crate::domain::state::Named;
use crate::engine::absence::Tried;
use crate::engine::assemble::undefined_format;
use crate::engine::dispatch::{Dispatched, Left, OutgoingFile};
use crate::engine::envelope::digest_of;
use crate::engine::lease::Lease;
use crate::engine::render::format_batch;
use crate::engine::{Engine, EngineError, aside};
use crate::store::Changes;

impl Engine {
    /// The format in which a partner is asked back today.
    pub(super) fn recall_format(&self, provider: &str) -> Result<&OutFormat, EngineError> {
        let terms = &self.provider(provider)?.on(self.clock.today()).recalling;
        let Some(format) = &terms.format else {
            return Err(EngineError::refused(
                "D175",
                format!(
                    "the terms with {provider} name no format for recalls ([provider.recalls]); ask by letter, and record \
                     it: --by-letter"
                ),
            ));
        };
        self.format_of_recalls(format)
    }

    fn format_of_recalls(&self, id: &str) -> Result<&OutFormat, EngineError> {
        let format = self.formats.out(id).filter(|format| format.recalls());
        format.ok_or_else(|| undefined_format(id))
    }

    /// Makes and archives the file of one request. Made again from the same record it has the same bytes.
    pub(super) async fn recall_file(
        &self,
        cycle: &Cycle,
        request: &[Recall],
        at: &str,
    ) -> Result<RecallFile, EngineError> {
        let recall = first_of(request)?;
        let format = self.recall_format(&recall.provider)?;
        let environment = self.environment_mark();
        let (prefix, number) = (self.config.prefix.as_str(), recall.request());
        let mut file = RecallFile {
            recall: number,
            provider: recall.provider.clone(),
            format: format.id().to_owned(),
            file_name: format!(
                "{environment}-{prefix}-{}-RECALL{number:06}.{}",
                cycle.period.as_number(),
                format.extension()
            ),
            message_id: format!("{prefix}{}RECALL{number:06}", cycle.period.as_number()),
            created_at: at.to_owned(),
            sha256: String::new(),
            bytes: 0,
            state: RecallFileState::Released,
            sealed: None,
        };
        let bytes = self.recall_bytes(request, &file).await?;
        file.bytes = bytes.len() as u64;
        let archive = self.archive.clone();
        let digest = aside(move || Ok(archive.put(&mut Cursor::new(bytes))?)).await?;
        file.sha256 = digest.to_string();
        Ok(file)
    }

    async fn recall_bytes(
        &self,
        request: &[Recall],
        file: &RecallFile,
    ) -> Result<Vec<u8>, EngineError> {
        let recall = first_of(request)?;
        let batch = self.batch_of(recall.cycle, recall.batch).await?;
        let original = self.formats.out(&batch.format);
        let created_at: DateTime =
            file.created_at.get(..19).and_then(|at| at.parse().ok()).ok_or_else(|| {
                EngineError::Inconsistent(format!("{} has no moment of creation", file.file_name))
            })?;
        let sum_minor = request.iter().map(|one| i128::from(one.amount_minor)).sum();
        let totals = ControlTotals { count: request.len() as u64, sum_minor };
        let about = payment_formats::Batch {
            original: Some(OriginalFile {
                message_id: &batch.message_id,
                batch_id: &batch.message_id,
                message_name: original.map_or(batch.format.as_str(), OutFormat::message_name),
            }),
            ..format_batch(self, batch.value_date, &file.message_id, "", totals, created_at)
        };
        let mut bytes = Vec::new();
        let refused = |error: payment_formats::WriteError| {
            EngineError::refused(error.code(), error.to_string())
        };
        let format = self.format_of_recalls(&file.format)?;
        let mut writer = format.start(&about, &mut bytes).map_err(refused)?;
        for recall in request {
            let reference = self.recalled(recall);
            let case_id = recall.case_id(&reference);
            // Nothing of the payee: the partner finds the payment by our references.
            let payment = Payment {
                end_to_end_id: reference.as_str(),
                instruction_id: reference.as_str(),
                amount_minor: recall.amount_minor,
                creditor_name: "",
                creditor_id: None,
                address: Address::Cash { pay_point: "", collector: "", home_address: "" },
                purpose: "",
                remittance: "",
                recall: Some(payment_formats::Recall {
                    case_id: &case_id,
                    reason_code: &recall.reason_code,
                }),
            };
            writer.payment(&payment).map_err(refused)?;
        }
        writer.finish().map_err(refused)?;
        Ok(bytes)
    }

    pub(super) async fn batch_of(
        &self,
        cycle: CycleNo,
        number: BatchNo,
    ) -> Result<Batch, EngineError> {
        let batches = self.store.batches(cycle).await?;
        batches.into_iter().find(|one| one.number == number).ok_or_else(|| no_file(number))
    }

    /// Files of confirmed recalls that are to leave or to be asked about.
    pub(in crate::engine) async fn recall_files_waiting(
        &self,
        cycle: Option<CycleNo>,
    ) -> Result<Vec<RecallFile>, EngineError> {
        let mut waiting = Vec::new();
        for file in self.store.recall_files_to_send().await? {
            let recall = self.store.recall(file.recall).await?;
            if cycle.is_none_or(|cycle| recall.is_some_and(|recall| recall.cycle == cycle)) {
                waiting.push(file);
            }
        }
        Ok(waiting)
    }

    /// Sends what asks one partner. What waits is read again under the lease: whoever held it before may have
    /// sent some of it.
    pub(in crate::engine) async fn dispatch_recalls(
        &self,
        lease: &Lease,
        provider: &str,
        cycle: Option<CycleNo>,
        done: &mut Vec<Dispatched>,
    ) -> Result<(), EngineError> {
        for file in self.recall_files_waiting(cycle).await? {
            if file.provider == provider {
                done.push(self.dispatch_recall(lease, file).await?);
            }
        }
        Ok(())
    }

    /// Sends the file of a confirmed recall, or asks what became of it.
    async fn dispatch_recall(
        &self,
        lease: &Lease,
        file: RecallFile,
    ) -> Result<Dispatched, EngineError> {
        let mut request = self.store.recalls_of_request(file.recall).await?;
        request.retain(Recall::is_in_request);
        let recall = first_of(&request)?.clone();
        let scopes = [
            "all".to_owned(),
            format!("provider:{}", file.provider),
            format!("cycle:{}", recall.cycle),
        ];
        // What evidence halted is the sending of payments; what is asked back goes all the same.
        let halts = self.store.halts().await?;
        let by_hand = halts
            .into_iter()
            .find(|halt| halt.put_by != "evidence" && scopes.contains(&halt.scope));
        if let Some(halt) = by_hand {
            return Ok(told(&file, file.state, halt.told()));
        }
        let channel = self
            .channels
            .get(&file.provider)
            .cloned()
            .ok_or_else(|| self.config.unknown_provider(&file.provider))?;
        let cycle = self.store.cycle(recall.cycle).await?;
        let label = cycle.map_or_else(|| recall.cycle.to_string(), |cycle| cycle.label());
        let way_out = format!(
            "It is given up and proposed anew: chitra recall give-up {label} {} --reason TEXT --as OFFICER",
            match recall.asked_with {
                None => self.recalled(&recall).to_string(),
                Some(_) => {
                    format!("--file {}", self.batch_of(recall.cycle, recall.batch).await?.file_name)
                }
            }
        );
        // One that is `sending` here was left by a process that died: only the partner can tell.
        let file = match file.state {
            RecallFileState::Sending | RecallFileState::Unknown => {
                let channel = channel.clone();
                match self.recall_asked_about(lease, &request, file, channel, &way_out).await? {
                    Ok(released) => released,
                    Err(done) => return Ok(done),
                }
            }
            _ => file,
        };
        if let Err(error) = self.must_be_of_this_environment(&file.file_name, &way_out) {
            return Ok(told(&file, file.state, format!("{}: {error}", error.code())));
        }
        let file = match self.recall_sealed(&request, file).await {
            Ok(file) => file,
            Err((file, error)) => match error {
                EngineError::Refused { code, sentence } => {
                    return Ok(told(&file, file.state, format!("{code}: {sentence}")));
                }
                error => return Err(error),
            },
        };
        let (name, digest) = leaves_as(&file)?;
        let delivery_no = self.store.recall_delivery_last(file.recall).await? + 1;
        match self.sign_for_partner(&file.provider, digest, delivery_no - 1).await {
            Err(EngineError::Refused { code, sentence }) => {
                return Ok(told(&file, file.state, format!("{code}: {sentence}")));
            }
            signed => signed?,
        }
        let sending = file.state.apply(RecallFileEvent::AttemptRecorded)?;
        let mut changes = Changes::new();
        changes.recall_must_still_leave(file.recall, &scopes);
        changes.recall_delivery_started(file.recall, delivery_no, &self.stamp());
        changes.recall_file_moved(file.recall, file.state, sending);
        changes.event(
            Leaf::of("recall_delivery_started", &self.stamp())
                .number("recall", file.recall)
                .number("delivery", delivery_no)
                .digest("sha256", &digest)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.commit_under(lease, changes).await?;
        // No byte leaves before its intent is under a signed checkpoint.
        self.sequence().await?;
        let file = RecallFile { state: sending, ..file };
        let leaving = OutgoingFile {
            provider: &file.provider,
            name: &name,
            digest,
            count: request.len() as u64,
            total_minor: request.iter().map(|one| one.amount_minor).sum(),
        };
        let Left { outcome, detail, halted } = self.bytes_leave(lease, channel, leaving).await?;
        let event = match outcome {
            Recorded::Delivered => RecallFileEvent::ProvedDelivered,
            Recorded::NotSent => RecallFileEvent::ProvedNotSent,
            Recorded::Started | Recorded::Unknown => RecallFileEvent::OutcomeLost,
        };
        let state = self.recall_recorded(lease, &request, &file, event, outcome, &detail).await?;
        Ok(told(&file, state, halted.unwrap_or(detail)))
    }

    /// Asks the partner whether it has a file of unknown fate. The file, when it is proved not to have left; what
    /// is told otherwise.
    async fn recall_asked_about(
        &self,
        lease: &Lease,
        request: &[Recall],
        file: RecallFile,
        channel: std::sync::Arc<dyn Channel>,
        way_out: &str,
    ) -> Result<Result<RecallFile, Dispatched>, EngineError> {
        let (name, digest) = leaves_as(&file)?;
        let name =
            FileName::parse(&name).map_err(|error| EngineError::Inconsistent(error.to_string()))?;
        let asking = channel.clone();
        let asked = aside(move || Ok(asking.query(&name, &digest))).await?;
        let began = self.store.recall_delivery_began(file.recall).await?;
        let tried = Tried {
            provider: &file.provider,
            file_name: &file.file_name,
            started_at: began.as_deref().unwrap_or_default(),
            is_proved_not_sent: began.is_none(),
        };
        let (event, outcome, detail) = match self.absence(asked, channel, &tried, way_out).await? {
            QueryOutcome::Held { .. } => (
                RecallFileEvent::ProvedDelivered,
                Recorded::Delivered,
                "found at the provider".to_owned(),
            ),
            QueryOutcome::NotThere => (
                RecallFileEvent::ProvedNotSent,
                Recorded::NotSent,
                "not at the provider".to_owned(),
            ),
            QueryOutcome::DifferentBytes { found } => {
                let cause =
                    format!("{} lies at the provider with other bytes ({found})", file.file_name);
                let halted = self.halt_provider(&file.provider, &cause).await?;
                return Ok(Err(told(&file, file.state, halted)));
            }
            QueryOutcome::Unavailable(reason) if file.state == RecallFileState::Sending => {
                (RecallFileEvent::OutcomeLost, Recorded::Unknown, reason.sentence)
            }
            QueryOutcome::Unavailable(reason) => {
                return Ok(Err(told(&file, file.state, reason.sentence)));
            }
        };
        let state = self.recall_recorded(lease, request, &file, event, outcome, &detail).await?;
        let after = RecallFile { state, ..file };
        Ok(match state {
            RecallFileState::Released => Ok(after),
            _ => Err(told(&after, state, detail)),
        })
    }

    /// Records how the last delivery of a recall's file ended; when it is proved to be there, the partner is
    /// asked.
    async fn recall_recorded(
        &self,
        lease: &Lease,
        request: &[Recall],
        file: &RecallFile,
        event: RecallFileEvent,
        outcome: Recorded,
        detail: &str,
    ) -> Result<RecallFileState, EngineError> {
        let to = file.state.apply(event)?;
        let at = self.stamp();
        let delivery_no = self.store.recall_delivery_last(file.recall).await?;
        let mut changes = Changes::new();
        changes.recall_delivery_ended(file.recall, delivery_no, outcome, detail, &at);
        changes.recall_file_moved(file.recall, file.state, to);
        if to == RecallFileState::Delivered {
            // Of some the money may be back by now.
            for recall in request.iter().filter(|one| one.state == RecallState::Confirmed) {
                changes.recall_asked(recall.number, recall.state.apply(RecallEvent::Asked)?, &at);
            }
        }
        changes.event(
            Leaf::of("recall_delivery_ended", &at)
                .number("recall", file.recall)
                .number("delivery", delivery_no)
                .text("outcome", outcome.name())
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.commit_under(lease, changes).await?;
        Ok(to)
    }

    /// The file as it can leave: its archived bytes are whole, and it is sealed where the partner reads sealed
    /// files. A damaged copy is made again from the record, and kept only when it has the confirmed digest.
    async fn recall_sealed(
        &self,
        request: &[Recall],
        file: RecallFile,
    ) -> Result<RecallFile, (RecallFile, EngineError)> {
        match self.recall_ready(request, &file).await {
            Ok(sealed) => Ok(RecallFile { sealed, ..file }),
            Err(error) => Err((file, error)),
        }
    }

    async fn recall_ready(
        &self,
        request: &[Recall],
        file: &RecallFile,
    ) -> Result<Option<crate::domain::batch::SealedCopy>, EngineError> {
        if let Some(copy) = &file.sealed {
            self.sealed_copy_holds(copy).await?;
            return Ok(Some(copy.clone()));
        }
        let plain = digest_of(&file.sha256)?;
        let broken = self.archived_damage(plain).await?;
        if let Some(broken) = broken {
            let bytes = self.recall_bytes(request, file).await?;
            if Digest::of(&bytes) != plain {
                return Err(EngineError::refused(
                    "A115",
                    format!(
                        "{} cannot be sent: {broken}; and made again it is not what was confirmed. Put archive/{} back from \
                         a backup, or chitra.toml and formats/ as they were",
                        file.file_name,
                        archived_path(&plain)
                    ),
                ));
            }
            let archive = self.archive.clone();
            aside(move || Ok(archive.restore(&plain, &mut Cursor::new(bytes))?)).await?;
        }
        // How the first attempt left is how every later one leaves.
        if self.store.recall_delivery_last(file.recall).await? > 0 {
            return Ok(None);
        }
        let Some(recipient) = self.seals_with(&file.provider)? else { return Ok(None) };
        let copy = self.sealed_for(recipient, plain, &file.file_name).await?;
        let mut changes = Changes::new();
        changes.recall_file_sealed(file.recall, &copy);
        changes.event(
            Leaf::of("recall_file_sealed", &self.stamp())
                .number("recall", file.recall)
                .digest("sha256", &plain)
                .digest("sealed_sha256", &digest_of(&copy.sha256)?)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(Some(copy))
    }
}

/// A request asks for something.
fn first_of(request: &[Recall]) -> Result<&Recall, EngineError> {
    request
        .first()
        .ok_or_else(|| EngineError::Inconsistent("a request to give back asks nothing".to_owned()))
}

/// Under which name and digest a recall's file leaves: the plain file, or its sealed copy.
fn leaves_as(file: &RecallFile) -> Result<(String, Digest), EngineError> {
    match &file.sealed {
        Some(copy) => Ok((copy.file_name.clone(), digest_of(&copy.sha256)?)),
        None => Ok((file.file_name.clone(), digest_of(&file.sha256)?)),
    }
}

/// Its states are some of those of payment files.
fn told(file: &RecallFile, state: RecallFileState, detail: String) -> Dispatched {
    let state = match state {
        RecallFileState::Released => BatchState::Released,
        RecallFileState::Sending => BatchState::Sending,
        RecallFileState::Delivered => BatchState::Delivered,
        RecallFileState::Unknown => BatchState::Unknown,
        RecallFileState::Withdrawn => BatchState::Withdrawn,
    };
    Dispatched { file_name: file.file_name.clone(), state, detail, waits: false }
}
