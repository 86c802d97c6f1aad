//! Rows on their way to the store: sealed in bundles by shard, and what was refused beside them.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::reading::Reading;
use crate::domain::ids::{SHARDS, Shard};
use crate::domain::roster::RefusedRow;
use crate::domain::state::Named;
use crate::engine::chunks;
use crate::engine::error::EngineError;
use crate::store::registry::{Chunk, ChunkKind};

/// Rows of one shard are sealed when they reach this size.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks of one commit.
const CHUNKS_A_COMMIT: usize = 64;

/// Takes sealed bundles to the one who commits them.
pub type Send<'a> = &'a tokio::sync::mpsc::Sender<Vec<Chunk>>;

/// Rows of every shard, sealed when there are enough of them.
pub struct Bundles<'a> {
    pub reading: &'a Reading,
    pub kind: ChunkKind,
    pub shards: Vec<(Vec<u8>, i64, i64)>,
    pub sealed: Vec<Chunk>,
}

impl<'a> Bundles<'a> {
    pub fn new(reading: &'a Reading, kind: ChunkKind) -> Bundles<'a> {
        let shards = (0..SHARDS).map(|_| (Vec::new(), 0, 0)).collect();
        Bundles { reading, kind, shards, sealed: Vec::new() }
    }

    pub fn row<const N: usize>(
        &mut self,
        shard: Shard,
        leading: [&str; N],
        rest: &csv::ByteRecord,
        send: Send<'_>,
    ) -> Result<(), EngineError> {
        let (bytes, items, _) = &mut self.shards[usize::from(shard.number())];
        let fields = leading.iter().map(|text| text.as_bytes()).chain(rest.iter());
        write_csv(bytes, fields);
        *items += 1;
        if bytes.len() >= CHUNK_BYTES {
            self.seal(shard)?;
            if self.sealed.len() >= CHUNKS_A_COMMIT {
                hand_over(send, std::mem::take(&mut self.sealed))?;
            }
        }
        Ok(())
    }

    pub fn seal(&mut self, shard: Shard) -> Result<(), EngineError> {
        let (bytes, items, seq) = &mut self.shards[usize::from(shard.number())];
        if *items == 0 {
            return Ok(());
        }
        let key = &self.reading.keys.chunks;
        let owner = self.reading.import.0;
        self.sealed.push(chunks::seal(key, shard, self.kind, owner, *seq, *items, bytes)?);
        bytes.clear();
        *items = 0;
        *seq += 1;
        Ok(())
    }

    pub fn finish(mut self, send: Send<'_>) -> Result<(), EngineError> {
        for shard in Shard::all() {
            self.seal(shard)?;
            if self.sealed.len() >= CHUNKS_A_COMMIT {
                hand_over(send, std::mem::take(&mut self.sealed))?;
            }
        }
        hand_over(send, self.sealed)
    }
}

/// Writes one CSV record; fields with a comma, quote or line end are quoted.
pub fn write_csv<'f>(out: &mut Vec<u8>, fields: impl Iterator<Item = &'f [u8]>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        if field.iter().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
            out.push(b'"');
            for byte in field {
                if *byte == b'"' {
                    out.push(b'"');
                }
                out.push(*byte);
            }
            out.push(b'"');
        } else {
            out.extend_from_slice(field);
        }
    }
    out.push(b'\n');
}

pub fn hand_over(send: Send<'_>, sealed: Vec<Chunk>) -> Result<(), EngineError> {
    if sealed.is_empty() {
        return Ok(());
    }
    send.blocking_send(sealed)
        .map_err(|_| EngineError::Inconsistent("the import was given up".to_owned()))
}

/// The refused rows as they stood, with why, so that the officer can mend them and send them again.
/// It is made when the first row is refused.
pub struct RefusedFile {
    pub path: PathBuf,
    pub header: Vec<u8>,
    pub file: Option<std::io::BufWriter<File>>,
}

impl RefusedFile {
    pub fn new(path: &Path, header: Vec<u8>) -> RefusedFile {
        RefusedFile { path: path.to_path_buf(), header, file: None }
    }

    pub fn add(
        &mut self,
        record: &crate::pipeline::records::Record<'_>,
        bad: &RefusedRow,
    ) -> Result<(), EngineError> {
        let failed = |error| EngineError::io("writing the file of refused rows", error);
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                if let Some(folder) = self.path.parent() {
                    std::fs::create_dir_all(folder).map_err(failed)?;
                }
                let mut file = private_file(&self.path).map_err(failed)?;
                let header = String::from_utf8_lossy(&self.header);
                let head =
                    format!("{},refused_line,refused_code,refused_reason\n", header.trim_end());
                file.write_all(head.as_bytes()).map_err(failed)?;
                self.file.insert(std::io::BufWriter::new(file))
            }
        };
        let line = bad.line.to_string();
        let mut bytes = Vec::new();
        let why = [line.as_bytes(), bad.code.name().as_bytes(), bad.sentence.as_bytes()];
        write_csv(&mut bytes, record.fields().map(str::as_bytes).chain(why));
        file.write_all(&bytes).map_err(failed)
    }

    pub fn finish(self) -> Result<(), EngineError> {
        let Some(file) = self.file else { return Ok(()) };
        let failed = |error| EngineError::io("writing the file of refused rows", error);
        let mut file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.sync_all().map_err(failed)
    }
}

/// A new file that only its owner may read; an older one of the name is replaced.
pub fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)
}
