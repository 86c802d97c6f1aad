//! The files of a list: written in one pass over the shards, each archived and recorded as soon as its last order is
//! in it, so that a rendering that was cut short goes on with the files that are left.
//!
//! Reads: the orders of a list, shard by shard, and the details of who is paid. Gives: archived files with their
//! digests.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom};
use std::path::PathBuf;

use jiff::civil::DateTime;
use payment_formats::{ControlTotals, FileWriter};

use super::{format_batch, payment, rendered_digest};
use crate::domain::batch::{Batch, BatchState};
use crate::domain::cycle::Cycle;
use crate::domain::digest::Digest;
use crate::domain::ids::{AttemptNo, BatchNo, EndToEndId, ListNo, PayableNo, Shard};
use crate::domain::instruction::Instruction;
use crate::domain::roster::Channel;
use crate::engine::chunks;
use crate::engine::import::private_file;
use crate::engine::payout::{PayeeDetail, Payout, read_payouts};
use crate::engine::{Engine, EngineError};
use crate::store::Changes;
use crate::store::registry::ChunkKind;

impl Engine {
    /// Renders every batch of a list that has no file yet.
    pub(in crate::engine) async fn render(
        &self,
        cycle: &Cycle,
        list: ListNo,
    ) -> Result<(), EngineError> {
        let batches: Vec<Batch> = self
            .store
            .batches(cycle.number)
            .await?
            .into_iter()
            .filter(|batch| batch.list == list && batch.state == BatchState::Created)
            .collect();
        for batch in &batches {
            self.may_be_written(cycle, batch)?;
        }
        let batches: Vec<Batch> =
            batches.into_iter().filter(|batch| batch.sha256.is_none()).collect();
        // Rails that pay in the order of the payables are written in one pass over the shards; cash
        // lists are sorted by pay point first, which their limit of lines keeps small.
        let (sorted, streamed): (Vec<Batch>, Vec<Batch>) =
            batches.into_iter().partition(|batch| batch.channel == Channel::Cash);
        self.render_pass(cycle, list, &streamed, false).await?;
        for batch in sorted {
            self.render_pass(cycle, list, std::slice::from_ref(&batch), true).await?;
        }
        Ok(())
    }

    pub(super) async fn render_pass(
        &self,
        cycle: &Cycle,
        list: ListNo,
        batches: &[Batch],
        by_pay_point: bool,
    ) -> Result<(), EngineError> {
        if batches.is_empty() {
            return Ok(());
        }
        let wanted: HashSet<BatchNo> = batches.iter().map(|batch| batch.number).collect();
        let mut spans = self.store.batch_shards(cycle.number, list).await?;
        spans.retain(|batch, _| wanted.contains(batch));
        let first = spans.values().map(|(first, _)| *first).min();
        let last = spans.values().map(|(_, last)| *last).max();
        let ends: HashMap<BatchNo, Shard> =
            spans.into_iter().map(|(batch, (_, last))| (batch, last)).collect();
        let (send, mut receive) = tokio::sync::mpsc::channel::<Page>(8);
        let (tell, mut told) = tokio::sync::mpsc::unbounded_channel::<Written>();
        let engine = self.clone();
        let (cycle_copy, batches_copy) = (cycle.clone(), batches.to_vec());
        let writer = tokio::task::spawn_blocking(move || {
            let mut pages = std::iter::from_fn(move || receive.blocking_recv());
            // Nobody listens any more only when rendering has ended with another error.
            let mut tell = |written| _ = tell.send(written);
            match by_pay_point {
                true => engine.write_sorted(&cycle_copy, &batches_copy, &mut pages, &mut tell),
                false => {
                    engine.write_streamed(&cycle_copy, &batches_copy, &ends, &mut pages, &mut tell)
                }
            }
        });
        let within = |shard: &Shard| Some(*shard) >= first && Some(*shard) <= last;
        'writing: for shards in Shard::groups().filter(|shards| shards.iter().any(within)) {
            let mut ordered = self.store.instructions_of_list(cycle.number, list, &shards).await?;
            ordered.retain(|one| wanted.contains(&one.batch));
            for shard in shards.into_iter().filter(within) {
                self.progress.at("render", u64::from(shard.number()), 256);
                let of_shard = shard.taken_from(&mut ordered, |one| one.payable.shard());
                let orders = self.orders(cycle, list, shard, of_shard).await?;
                if send.send(Page { shard, orders }).await.is_err() {
                    break 'writing;
                }
                while let Ok(written) = told.try_recv() {
                    self.rendered(written).await?;
                }
            }
        }
        drop(send);
        writer.await.map_err(|error| {
            EngineError::Inconsistent(format!("rendering ended early: {error}"))
        })??;
        while let Some(written) = told.recv().await {
            self.rendered(written).await?;
        }
        Ok(())
    }

    /// Records a file that is whole in the archive, so that a rendering that is cut short does not write it again.
    async fn rendered(&self, written: Written) -> Result<(), EngineError> {
        let Written { batch, digest, bytes } = written;
        if batch.sha256.is_some() {
            return Ok(());
        }
        let mut changes = Changes::new();
        changes.batch_rendered(&batch, &digest.to_string(), bytes);
        Ok(self.store.commit(changes).await?)
    }

    /// The instructions of one shard with their details, in order.
    async fn orders(
        &self,
        cycle: &Cycle,
        list: ListNo,
        shard: Shard,
        instructions: Vec<Instruction>,
    ) -> Result<Vec<Order>, EngineError> {
        if instructions.is_empty() {
            return Ok(vec![]);
        }
        let mut payouts = self.payouts_of_list(cycle, list, shard).await?;
        instructions
            .into_iter()
            .map(|instruction| {
                let payout = payouts.remove(&instruction.payable).ok_or_else(|| {
                    EngineError::Inconsistent(format!(
                        "the details of payable {} are missing",
                        instruction.payable
                    ))
                })?;
                if payout.destination != instruction.destination {
                    return Err(EngineError::Inconsistent(format!(
                        "payable {} is ordered to another destination than its details name",
                        instruction.payable
                    )));
                }
                Ok(Order {
                    batch: instruction.batch,
                    payable: instruction.payable,
                    attempt: instruction.attempt,
                    amount_minor: instruction.amount_minor,
                    detail: payout.detail,
                    remittance: payout.remittance,
                })
            })
            .collect()
    }

    /// Where each payable of a list and shard is paid.
    pub(in crate::engine) async fn payouts_of_list(
        &self,
        cycle: &Cycle,
        list: ListNo,
        shard: Shard,
    ) -> Result<HashMap<PayableNo, Payout>, EngineError> {
        let chunk = self.store.chunk(shard, ChunkKind::Payout, cycle.number.0, list.0).await?;
        let Some(chunk) = chunk else { return Ok(HashMap::new()) };
        let payouts = read_payouts(&chunks::open(&self.keys.chunks, &chunk)?)?;
        Ok(payouts.into_iter().map(|payout| (payout.payable, payout)).collect())
    }

    /// Writes files in the order of the payables, and archives each as soon as its last shard has been written.
    fn write_streamed(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
        ends: &HashMap<BatchNo, Shard>,
        pages: &mut dyn Iterator<Item = Page>,
        tell: &mut dyn FnMut(Written),
    ) -> Result<(), EngineError> {
        let label = self.file_label(cycle);
        let described = self.described(batches, &label)?;
        let mut open = self.open_files(batches, &described)?;
        for page in pages {
            for order in &page.orders {
                self.write(&mut open, order)?;
            }
            let over =
                open.keys().filter(|batch| ends.get(batch).is_none_or(|end| *end <= page.shard));
            for batch in over.copied().collect::<Vec<BatchNo>>() {
                if let Some(rendering) = open.remove(&batch) {
                    tell(self.archived(rendering)?);
                }
            }
        }
        for rendering in open.into_values() {
            tell(self.archived(rendering)?);
        }
        Ok(())
    }

    /// Writes files in the order of their pay points, when all orders were read.
    fn write_sorted(
        &self,
        cycle: &Cycle,
        batches: &[Batch],
        pages: &mut dyn Iterator<Item = Page>,
        tell: &mut dyn FnMut(Written),
    ) -> Result<(), EngineError> {
        let label = self.file_label(cycle);
        let described = self.described(batches, &label)?;
        let mut open = self.open_files(batches, &described)?;
        let mut all: Vec<Order> = pages.flat_map(|page| page.orders).collect();
        all.sort_by(|a, b| (&a.detail.pay_point, a.payable).cmp(&(&b.detail.pay_point, b.payable)));
        all.iter().try_for_each(|order| self.write(&mut open, order))?;
        for rendering in open.into_values() {
            tell(self.archived(rendering)?);
        }
        Ok(())
    }

    fn file_label(&self, cycle: &Cycle) -> String {
        format!("{} {}", self.config.prefix.as_str(), cycle.label())
    }

    /// The batches as the formats see them, in the same order.
    fn described<'a>(
        &'a self,
        batches: &'a [Batch],
        label: &'a str,
    ) -> Result<Vec<payment_formats::Batch<'a>>, EngineError> {
        let describe = |batch: &'a Batch| {
            let totals =
                ControlTotals { count: batch.count, sum_minor: i128::from(batch.total_minor) };
            let created_at = created_at(batch)?;
            Ok(format_batch(self, batch.value_date, &batch.message_id, label, totals, created_at))
        };
        batches.iter().map(describe).collect()
    }

    fn open_files<'a>(
        &'a self,
        batches: &'a [Batch],
        described: &'a [payment_formats::Batch<'a>],
    ) -> Result<BTreeMap<BatchNo, Rendering<'a>>, EngineError> {
        let folder = self.dir.join("rendering");
        std::fs::create_dir_all(&folder)
            .map_err(|error| EngineError::io("creating the folder for rendering", error))?;
        let mut open = BTreeMap::new();
        for (batch, described) in batches.iter().zip(described) {
            let profile = self.provider(&batch.provider)?;
            let file = PlainFile::at(folder.join(&batch.file_name))?;
            let written_to =
                file.file.try_clone().map_err(|error| EngineError::io("opening a file", error))?;
            let writer = self
                .out_format(profile)?
                .start(described, BufWriter::with_capacity(1 << 18, written_to))
                .map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
            open.insert(batch.number, Rendering { file, writer, batch });
        }
        Ok(open)
    }

    fn write(
        &self,
        open: &mut BTreeMap<BatchNo, Rendering<'_>>,
        order: &Order,
    ) -> Result<(), EngineError> {
        let rendering = open.get_mut(&order.batch).ok_or_else(|| {
            EngineError::Inconsistent("an instruction names a batch of another list".to_owned())
        })?;
        let end_to_end = EndToEndId::derive(&self.config.prefix, order.payable, order.attempt);
        let payment = payment(&end_to_end, order.amount_minor, &order.detail, &order.remittance);
        rendering
            .writer
            .payment(&payment)
            .map_err(|error| EngineError::refused(error.code(), error.to_string()))
    }

    /// Ends a file and archives it.
    fn archived(&self, rendering: Rendering<'_>) -> Result<Written, EngineError> {
        let Rendering { mut file, writer, batch } = rendering;
        writer.finish().map_err(|error| EngineError::refused(error.code(), error.to_string()))?;
        let failed = |error| EngineError::io("reading back a rendered file", error);
        file.file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let digest = match &batch.sha256 {
            None => self.archive.put(&mut file.file)?,
            // Rendered again, because the archived copy was damaged or lost.
            Some(_) => {
                let approved = rendered_digest(batch)?;
                self.archive.restore(&approved, &mut file.file)?;
                approved
            }
        };
        let bytes = file.file.metadata().map_err(failed)?.len();
        Ok(Written { batch: batch.clone(), digest, bytes })
    }
}

/// The moment at which the file of a batch says it was created, on the office's clock.
fn created_at(batch: &Batch) -> Result<DateTime, EngineError> {
    let stored = batch.created_at.as_deref().and_then(|at| at.get(..19));
    stored.and_then(|at| at.parse().ok()).ok_or_else(|| {
        EngineError::Inconsistent(format!(
            "{} is to be rendered, and has no moment of creation",
            batch.file_name
        ))
    })
}

/// The orders of one shard.
struct Page {
    shard: Shard,
    orders: Vec<Order>,
}

/// A file that is whole in the archive.
struct Written {
    batch: Batch,
    digest: Digest,
    bytes: u64,
}

/// A file that orders are being written to.
struct Rendering<'a> {
    file: PlainFile,
    writer: FileWriter<'a, BufWriter<File>>,
    batch: &'a Batch,
}

/// One payment on its way into a file.
struct Order {
    batch: BatchNo,
    payable: PayableNo,
    attempt: AttemptNo,
    amount_minor: i64,
    detail: PayeeDetail,
    remittance: String,
}

/// A file being rendered, in plain, readable by its owner only; it goes when it is archived, and a
/// killed process leaves it for the next rendering to overwrite.
struct PlainFile {
    path: PathBuf,
    file: File,
}

impl PlainFile {
    fn at(path: PathBuf) -> Result<PlainFile, EngineError> {
        private_file(&path)
            .map_err(|error| EngineError::io(format!("creating {}", path.display()), error))?;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| EngineError::io(format!("opening {}", path.display()), error))?;
        Ok(PlainFile { path, file })
    }
}

impl Drop for PlainFile {
    fn drop(&mut self) {
        // A leftover is overwritten by the next rendering of the same file.
        let _ = std::fs::remove_file(&self.path);
    }
}
