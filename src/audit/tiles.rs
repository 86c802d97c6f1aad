//! Tiles and entry bundles: where the hashes and the entries of the log lie on disk.
//!
//! Reads: a log folder in the layout of c2sp.org/tlog-tiles, through the disk seam.
//! Gives: paths, the bytes of tiles and bundles, single nodes and entries, and the right edge from
//! which the next tiles are written.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::tree::{Nodes, empty_root, leaf_hash, root_of_nodes};
use crate::disk::Disk;
use crate::domain::digest::Digest;

/// How many hashes a full tile has, and how many entries a full bundle.
pub const TILE_WIDTH: usize = 256;
/// A tile stands for eight levels of the tree.
const TILE_HEIGHT: u32 = 8;
/// The length of an entry is written in two bytes.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;
const BUNDLE_BYTES_MAX: u64 = (TILE_WIDTH * (2 + ENTRY_BYTES_MAX)) as u64;

/// The path of a tile of hashes, below the log's folder. `width` is 1 to 256.
pub fn tile_path(level: u32, index: u64, width: usize) -> PathBuf {
    path(&level.to_string(), index, width)
}

/// The path of a bundle of entries, below the log's folder. `width` is 1 to 256.
pub fn bundle_path(index: u64, width: usize) -> PathBuf {
    path("entries", index, width)
}

/// Indexes are written in groups of three digits, all but the last marked with an x, so that no
/// folder has more than a thousand names: 1234067 is `x001/x234/067`.
fn path(kind: &str, index: u64, width: usize) -> PathBuf {
    let mut groups = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        groups.push(format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    let mut path: PathBuf = ["tile", kind].iter().collect();
    path.extend(groups.iter().rev());
    if width < TILE_WIDTH {
        path.as_mut_os_string().push(".p");
        path.push(width.to_string());
    }
    path
}

/// The bytes of a bundle: each entry after its length.
pub fn encode_bundle<T: AsRef<[u8]>>(entries: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).expect("the log refuses longer entries");
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    bytes
}

/// Reads a bundle of exactly `width` entries.
pub fn parse_bundle(mut bytes: &[u8], width: usize) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::with_capacity(width);
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry.to_vec());
        bytes = rest;
    }
    (bytes.is_empty() && entries.len() == width).then_some(entries)
}

/// The bytes of a tile.
pub fn encode_tile(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.as_bytes()).copied().collect()
}

/// Reads a tile of exactly `width` hashes.
fn parse_tile(bytes: &[u8], width: usize) -> Option<Vec<Digest>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    (rest.is_empty() && hashes.len() == width)
        .then(|| hashes.iter().map(|hash| Digest::from_bytes(*hash)).collect())
}

/// How many hashes the tiles of a level have together, in a log of `size` entries.
fn hashes_at(level: u32, size: u64) -> u64 {
    size.checked_shr(TILE_HEIGHT * level).unwrap_or(0)
}

/// How many hashes tile `index` of a level has, in a log of `size` entries: 0 to 256.
fn width_of(level: u32, index: u64, size: u64) -> usize {
    let before = index.saturating_mul(TILE_WIDTH as u64);
    hashes_at(level, size).saturating_sub(before).min(TILE_WIDTH as u64) as usize
}

/// The right edge of the log: the hashes of the last, incomplete tile of every level.
#[derive(Clone, Default)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Digest>>,
}

/// One tile with its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tile {
    pub level: u32,
    pub index: u64,
    pub hashes: Vec<Digest>,
}

impl Tile {
    pub fn path(&self) -> PathBuf {
        tile_path(self.level, self.index, self.hashes.len())
    }

    /// The number of entries up to the end of the tile.
    pub fn entries_end(&self) -> u64 {
        (self.index * TILE_WIDTH as u64 + self.hashes.len() as u64) << (TILE_HEIGHT * self.level)
    }
}

impl Edge {
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many entries the last, incomplete bundle has: 0 to 255.
    pub fn bundle_width(&self) -> usize {
        (self.size % TILE_WIDTH as u64) as usize
    }

    /// Adds an entry's hash. Gives the tiles that became full by it, the lowest level first.
    pub fn push(&mut self, leaf: Digest) -> Vec<Tile> {
        self.size += 1;
        let mut full = Vec::new();
        let mut hash = leaf;
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if hashes.len() < TILE_WIDTH {
                break;
            }
            let hashes = std::mem::take(hashes);
            hash = root_of_nodes(&hashes).expect("a full tile has hashes");
            let level = level as u32;
            let index = hashes_at(level, self.size) / TILE_WIDTH as u64 - 1;
            full.push(Tile { level, index, hashes });
        }
        full
    }

    /// The incomplete tiles, the lowest level first.
    pub fn partial_tiles(&self) -> impl Iterator<Item = Tile> + '_ {
        let of_level = |(level, hashes): (usize, &Vec<Digest>)| {
            let level = level as u32;
            let index = hashes_at(level, self.size) / TILE_WIDTH as u64;
            Tile { level, index, hashes: hashes.clone() }
        };
        self.levels.iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()).map(of_level)
    }

    /// The root of the whole log. What is incomplete below counts as the last node of the level
    /// above, which is where the tree of RFC 9162 has it.
    pub fn root(&self) -> Digest {
        let mut below: Option<Digest> = None;
        for hashes in &self.levels {
            let nodes: Vec<Digest> = hashes.iter().copied().chain(below).collect();
            below = root_of_nodes(&nodes);
        }
        below.unwrap_or_else(empty_root)
    }
}

/// Reads the tiles and bundles of a log that has `size` entries.
pub struct TileReader<'d> {
    disk: &'d dyn Disk,
    dir: &'d Path,
    size: u64,
    /// The last tile that was read: a proof asks for neighbours.
    last: Option<Tile>,
}

impl<'d> TileReader<'d> {
    pub fn new(disk: &'d dyn Disk, dir: &'d Path, size: u64) -> TileReader<'d> {
        TileReader { disk, dir, size, last: None }
    }

    /// The bundles of the log, as (index, width).
    pub fn bundles(&self) -> impl Iterator<Item = (u64, usize)> + use<> {
        let size = self.size;
        (0..size.div_ceil(TILE_WIDTH as u64)).map(move |index| (index, width_of(0, index, size)))
    }

    pub fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, TileError> {
        let width = width_of(0, index, self.size);
        let bytes = self.read(bundle_path(index, width), bundle_path(index, TILE_WIDTH))?;
        // A bundle that has become full since stands for its partial forms too.
        parse_bundle(&bytes, width)
            .or_else(|| {
                let mut full = parse_bundle(&bytes, TILE_WIDTH)?;
                full.truncate(width);
                Some(full)
            })
            .ok_or_else(|| TileError::BundleMustBeWellFormed {
                path: bundle_path(index, width),
                first_index: index * TILE_WIDTH as u64,
            })
    }

    /// One entry. `index` must be below the size.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, TileError> {
        let mut bundle = self.bundle(index / TILE_WIDTH as u64)?;
        Ok(bundle.swap_remove((index % TILE_WIDTH as u64) as usize))
    }

    pub fn tile(&self, level: u32, index: u64) -> Result<Tile, TileError> {
        let width = width_of(level, index, self.size);
        let bytes =
            self.read(tile_path(level, index, width), tile_path(level, index, TILE_WIDTH))?;
        let hashes = parse_tile(&bytes, width).or_else(|| {
            let mut full = parse_tile(&bytes, TILE_WIDTH)?;
            full.truncate(width);
            Some(full)
        });
        match hashes {
            Some(hashes) => Ok(Tile { level, index, hashes }),
            None => Err(TileError::TileMustBeWellFormed { path: tile_path(level, index, width) }),
        }
    }

    /// The right edge, from the incomplete tiles.
    pub fn edge(&self) -> Result<Edge, TileError> {
        let mut edge = Edge { size: self.size, levels: Vec::new() };
        for level in 0.. {
            let count = hashes_at(level, self.size);
            if count == 0 {
                break;
            }
            let hashes = match count % TILE_WIDTH as u64 {
                0 => Vec::new(),
                _ => self.tile(level, count / TILE_WIDTH as u64)?.hashes,
            };
            edge.levels.push(hashes);
        }
        Ok(edge)
    }

    fn read(&self, path: PathBuf, full: PathBuf) -> Result<Vec<u8>, TileError> {
        let read = |path: &Path| {
            let mut bytes = Vec::new();
            let file = self.disk.open(&self.dir.join(path))?;
            file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut bytes).map(|_| bytes)
        };
        match read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && full != path => read(&full),
            bytes => bytes,
        }
        .map_err(|source| TileError::TileMustBeReadable { path, source })
    }
}

impl Nodes for TileReader<'_> {
    type Error = TileError;

    fn node(&mut self, level: u32, index: u64) -> Result<Digest, TileError> {
        // A node inside a tile is the root over the tile's hashes below it.
        let (tile_level, inside) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let first = index << inside;
        let tile_index = first / TILE_WIDTH as u64;
        let known = |tile: &Tile| tile.level == tile_level && tile.index == tile_index;
        if !self.last.as_ref().is_some_and(known) {
            self.last = Some(self.tile(tile_level, tile_index)?);
        }
        let from = (first % TILE_WIDTH as u64) as usize;
        self.last
            .as_ref()
            .and_then(|tile| tile.hashes.get(from..from + (1 << inside)))
            .and_then(root_of_nodes)
            .ok_or_else(|| TileError::TileMustBeWellFormed {
                path: tile_path(
                    tile_level,
                    tile_index,
                    width_of(tile_level, tile_index, self.size),
                ),
            })
    }
}

/// The hashes of a bundle's entries.
pub fn hash_entries<T: AsRef<[u8]>>(entries: &[T]) -> Vec<Digest> {
    entries.iter().map(|entry| leaf_hash(entry.as_ref())).collect()
}

#[derive(Debug, thiserror::Error)]
pub enum TileError {
    #[error("{} cannot be read: {source}; restore it from a copy of the log", .path.display())]
    TileMustBeReadable { path: PathBuf, source: io::Error },
    #[error("{} is not a tile of the length it must have; restore it from a copy of the log", .path.display())]
    TileMustBeWellFormed { path: PathBuf },
    #[error("{} is not a bundle of the entries from {first_index} on; restore it from a copy of the log", .path.display())]
    BundleMustBeWellFormed { path: PathBuf, first_index: u64 },
}

impl TileError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            TileError::TileMustBeReadable { .. } => "T301",
            TileError::TileMustBeWellFormed { .. } => "T302",
            TileError::BundleMustBeWellFormed { .. } => "T303",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::tree::Frontier;

    #[test]
    fn paths_are_those_of_the_specification() {
        for (level, index, width, expected) in [
            (0, 0, 256, "tile/0/000"),
            (1, 67, 256, "tile/1/067"),
            (3, 1_234_067, 256, "tile/3/x001/x234/067"),
            (0, 1000, 5, "tile/0/x001/000.p/5"),
            (0, 0, 255, "tile/0/000.p/255"),
        ] {
            assert_eq!(tile_path(level, index, width), Path::new(expected));
        }
        assert_eq!(bundle_path(1, 256), Path::new("tile/entries/001"));
        assert_eq!(bundle_path(1, 1), Path::new("tile/entries/001.p/1"));
    }

    #[test]
    fn bundles_have_all_their_entries_and_nothing_else() {
        let entries = [b"".to_vec(), b"a".to_vec(), vec![b'x'; ENTRY_BYTES_MAX]];
        let bytes = encode_bundle(&entries);
        assert_eq!(parse_bundle(&bytes, 3).unwrap(), entries);
        assert_eq!(parse_bundle(&bytes, 2), None);
        assert_eq!(parse_bundle(&bytes[..bytes.len() - 1], 3), None);
        assert_eq!(parse_bundle(&[&bytes[..], &[0]].concat(), 3), None);
    }

    #[test]
    fn the_edge_has_the_root_at_every_size() {
        let (mut edge, mut frontier) = (Edge::default(), Frontier::new());
        assert_eq!(edge.root(), frontier.root());
        let mut full = Vec::new();
        for index in 0..70_000_u32 {
            let leaf = leaf_hash(&index.to_be_bytes());
            full.extend(edge.push(leaf).into_iter().map(|tile| (tile.level, tile.index)));
            frontier.push(leaf);
            if index < 300 || index % 9973 == 0 || index.abs_diff(65_536) < 3 {
                assert_eq!(edge.root(), frontier.root(), "{index}");
            }
        }
        assert_eq!(full.len(), 70_000 / 256 + 1);
        assert_eq!(full[256], (1, 0));
        let partial: Vec<_> =
            edge.partial_tiles().map(|t| (t.level, t.index, t.hashes.len())).collect();
        assert_eq!(partial, [(0, 273, 112), (1, 1, 17), (2, 0, 1)]);
        assert_eq!(edge.partial_tiles().last().unwrap().entries_end(), 65_536);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_parsing_panic(bytes: Vec<u8>, width in 0usize..=256) {
            let _ = parse_bundle(&bytes, width);
            let _ = parse_tile(&bytes, width);
        }
    }
}
