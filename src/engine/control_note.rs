//! Fills the note by which a partner is told of files by another way, from what was approved and released.
//!
//! Reads: the files of a cycle, their sealed copies, and the archive, which must hold the bytes whose digest is told.
//! Gives: what stands in the note, and why a file does not.

use std::collections::BTreeMap;

use crate::channels::http::Carries;
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::Cycle;
use crate::engine::config::Way;
use crate::engine::envelope::digest_of;
use crate::engine::{Engine, EngineError};
use crate::report::control_note::{ControlNote, HasLeft, LeftOut, NotedFile, PartnerFiles, Seal};
use crate::report::words::Words;

impl Engine {
    /// What is told of the files of a cycle that are to leave or have left: those of one partner, or of all.
    ///
    /// # Errors
    /// E112 when no file can be told; G118 when there is no such partner.
    pub async fn control_note(
        &self,
        cycle: &Cycle,
        provider: Option<&str>,
    ) -> Result<ControlNote, EngineError> {
        let mut batches = self.store.batches(cycle.number).await?;
        if let Some(name) = provider {
            batches.retain(|batch| batch.provider == name);
            if batches.is_empty() {
                self.provider(name)?;
            }
        }
        let mut partners: BTreeMap<String, Vec<NotedFile>> = BTreeMap::new();
        let mut left_out = Vec::new();
        for batch in batches {
            match self.noted(&batch).await? {
                Ok(file) => partners.entry(batch.provider).or_default().push(file),
                Err(why) => left_out.push(LeftOut {
                    provider: batch.provider,
                    file_name: batch.file_name,
                    why,
                }),
            }
        }
        if partners.is_empty() {
            let label = cycle.label();
            let why = match left_out.first() {
                None => "there is none".to_owned(),
                Some(one) => format!("{}: {}", one.file_name, one.why.en),
            };
            return Err(EngineError::refused(
                "E112",
                format!(
                    "no file of {label}{} is to leave or has left, so that there is nothing to tell: {why}; see: chitra \
                     cycle status {label}",
                    provider.map(|name| format!(" for {name}")).unwrap_or_default()
                ),
            ));
        }
        Ok(ControlNote {
            office: self.config.name.clone(),
            is_test: self.config.environment == payment_formats::Environment::Test,
            currency: self.config.currency,
            label: cycle.label(),
            made_on: self.clock.today(),
            partners: partners
                .into_iter()
                .map(|(provider, files)| PartnerFiles { provider, files })
                .collect(),
            left_out,
        })
    }

    /// What is told of a file; why it is not.
    async fn noted(&self, batch: &Batch) -> Result<Result<NotedFile, Words>, EngineError> {
        let has_left = match batch.state {
            BatchState::Created => {
                return Ok(Err(Words::fixed(
                    "danh sách của tệp chưa được cho đi, nội dung còn có thể thay đổi",
                    "its list is not released, and what it orders may change yet",
                )));
            }
            BatchState::Withdrawn => {
                return Ok(Err(Words::fixed(
                    "tệp đã được rút lại trước khi gửi",
                    "it was taken back before it left",
                )));
            }
            BatchState::Refused => {
                return Ok(Err(Words::fixed(
                    "cả tệp đã bị từ chối hoặc được quyết định là chưa chi",
                    "it was refused as a whole, or decided not to have been paid",
                )));
            }
            BatchState::Released => HasLeft::Not,
            BatchState::Sending | BatchState::Unknown => HasLeft::MayHave,
            BatchState::Delivered => HasLeft::Has,
        };
        let partner = self.config.provider(&batch.provider);
        let by_payments = partner.is_some_and(|partner| match &partner.way {
            Way::Http(settings) => matches!(settings.carries, Carries::Payments { .. }),
            Way::Folders { .. } | Way::Sftp(_) => false,
        });
        let left_so = self.store.batches_one_by_one(batch.cycle).await?.contains(&batch.number);
        if left_so || (by_payments && has_left == HasLeft::Not) {
            return Ok(Err(Words::fixed(
                "đi từng khoản chi một, không có tệp nào được gửi",
                "it leaves payment by payment, so that no file arrives",
            )));
        }
        let Some(sha256) = batch.sha256.clone() else {
            return Ok(Err(Words::fixed("tệp chưa được lập", "it is not written yet")));
        };
        // What is told is what the archive has, and not only what a row says of it.
        if let Some(broken) = self.archived_damage(digest_of(&sha256)?).await? {
            return Ok(Err(Words::new(
                format!("bản lưu trữ bị hỏng, lệnh dispatch sẽ lập lại: {broken}"),
                format!("its archived copy is damaged, and dispatch makes it good: {broken}"),
            )));
        }
        let seal = match self.store.sealed_copy(batch.cycle, batch.number).await? {
            Some(copy) => Seal::Copy { file_name: copy.file_name, sha256: copy.sha256 },
            None => {
                let is_sealed = partner
                    .and_then(|partner| partner.envelope.as_ref())
                    .is_some_and(|envelope| envelope.recipient_file.is_some());
                // How the first attempt left is how every later one leaves.
                let is_tried = self.delivery_no(batch).await? > 0;
                if is_sealed && !is_tried { Seal::Later } else { Seal::None }
            }
        };
        Ok(Ok(NotedFile {
            file_name: batch.file_name.clone(),
            message_id: batch.message_id.clone(),
            list: batch.list.0,
            value_date: batch.value_date,
            count: batch.count,
            total_minor: batch.total_minor,
            sha256,
            seal,
            has_left,
        }))
    }
}
