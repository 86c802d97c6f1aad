//! Bundles of rows at rest: compressed, sealed, and hashed before both.

use crate::domain::digest::Digest;
use crate::domain::ids::Shard;
use crate::domain::sealed::SealingKey;
use crate::domain::state::Named;
use crate::engine::error::EngineError;
use crate::store::registry::{Chunk, ChunkKind};

/// Level 1: the rows are written once and read once, and higher levels cost more than they save.
const COMPRESSION_LEVEL: i32 = 1;
/// No chunk is larger than this when opened; a damaged length must not take all memory.
const CHUNK_BYTES_MAX: usize = 1 << 30;

/// Compresses and seals rows for one place.
pub fn seal(
    key: &SealingKey,
    shard: Shard,
    kind: ChunkKind,
    owner: i64,
    seq: i64,
    items: i64,
    plain: &[u8],
) -> Result<Chunk, EngineError> {
    let compressed = zstd::bulk::compress(plain, COMPRESSION_LEVEL)
        .map_err(|error| EngineError::io("compressing a chunk", error))?;
    Ok(Chunk {
        shard,
        kind,
        owner,
        seq,
        items,
        sha256: Digest::of(plain).to_string(),
        body: key.seal(&context(shard, kind, owner, seq), &compressed),
    })
}

/// Opens a chunk and proves that it is what was written.
pub fn open(key: &SealingKey, chunk: &Chunk) -> Result<Vec<u8>, EngineError> {
    let context = context(chunk.shard, chunk.kind, chunk.owner, chunk.seq);
    let compressed = key.open(&context, &chunk.body)?;
    let size = zstd::zstd_safe::get_frame_content_size(&compressed)
        .ok()
        .flatten()
        .and_then(|size| usize::try_from(size).ok())
        .filter(|size| *size <= CHUNK_BYTES_MAX)
        .ok_or_else(|| EngineError::Inconsistent("a chunk has no plausible size".to_owned()))?;
    let plain = zstd::bulk::decompress(&compressed, size)
        .map_err(|error| EngineError::io("decompressing a chunk", error))?;
    if Digest::of(&plain).to_string() != chunk.sha256 {
        return Err(EngineError::Inconsistent(format!(
            "the {} chunk {} of shard {} is not what was written",
            chunk.kind,
            chunk.seq,
            chunk.shard.number()
        )));
    }
    Ok(plain)
}

fn context(shard: Shard, kind: ChunkKind, owner: i64, seq: i64) -> Vec<u8> {
    format!("chunk {} {owner} {} {seq}", kind.name(), shard.number()).into_bytes()
}
