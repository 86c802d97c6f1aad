//! The Merkle tree of RFC 6962 and RFC 9162: hashes, roots, inclusion and consistency proofs.
//!
//! Reads: leaf bytes, or the hashes of perfect subtrees wherever they are kept.
//! Gives: roots and proofs, and checks of proofs that come from elsewhere. Pure.

use std::convert::Infallible;

use sha2::{Digest as _, Sha256};

use crate::domain::digest::Digest;

/// The hash of an entry (RFC 9162 §2.1.1). The first byte keeps entries and inner nodes apart.
pub fn leaf_hash(entry: &[u8]) -> Digest {
    let hash = Sha256::new().chain_update([0]).chain_update(entry).finalize();
    Digest::from_bytes(hash.into())
}

/// The hash of an inner node (RFC 9162 §2.1.1).
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let hash = Sha256::new()
        .chain_update([1])
        .chain_update(left.as_bytes())
        .chain_update(right.as_bytes())
        .finalize();
    Digest::from_bytes(hash.into())
}

/// The root of a tree without entries.
pub fn empty_root() -> Digest {
    Digest::of(b"")
}

/// The root over nodes of one height, of which the last may stand for an incomplete subtree.
/// The empty slice has no root.
pub fn root_of_nodes(nodes: &[Digest]) -> Option<Digest> {
    match nodes {
        [] => None,
        [node] => Some(*node),
        _ => {
            let (left, right) = nodes.split_at(split(nodes.len() as u64) as usize);
            Some(node_hash(&root_of_nodes(left)?, &root_of_nodes(right)?))
        }
    }
}

/// The largest power of two below `size`, which must be at least two: where a tree divides.
fn split(size: u64) -> u64 {
    1 << (u64::BITS - 1 - (size - 1).leading_zeros())
}

/// Where the hashes of perfect subtrees come from.
pub trait Nodes {
    type Error;

    /// The hash of the subtree over the entries `index << level .. (index + 1) << level`.
    fn node(&mut self, level: u32, index: u64) -> Result<Digest, Self::Error>;
}

/// The root of the first `size` entries.
pub fn root_at<N: Nodes>(nodes: &mut N, size: u64) -> Result<Digest, N::Error> {
    match size {
        0 => Ok(empty_root()),
        _ => range_hash(nodes, 0, size),
    }
}

/// The hash over `start..end`, a subtree of the tree: `start` is a multiple of its rounded size.
fn range_hash<N: Nodes>(nodes: &mut N, start: u64, end: u64) -> Result<Digest, N::Error> {
    let size = end - start;
    if size.is_power_of_two() {
        let level = size.trailing_zeros();
        return nodes.node(level, start >> level);
    }
    let middle = start + split(size);
    let left = range_hash(nodes, start, middle)?;
    let right = range_hash(nodes, middle, end)?;
    Ok(node_hash(&left, &right))
}

/// The proof that entry `index` is in the tree of `size` entries (RFC 9162 §2.1.3.1), from the
/// entry upwards. `index` must be below `size`.
pub fn inclusion_proof<N: Nodes>(
    nodes: &mut N,
    index: u64,
    size: u64,
) -> Result<Vec<Digest>, N::Error> {
    let (mut start, mut end) = (0, size);
    let mut siblings = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((start, middle));
            start = middle;
        }
    }
    siblings.into_iter().rev().map(|(start, end)| range_hash(nodes, start, end)).collect()
}

/// The proof that the tree of `new` entries extends the tree of `old` entries (RFC 9162
/// §2.1.4.1). Empty when `old` is 0 or equals `new`; `old` must not exceed `new`.
pub fn consistency_proof<N: Nodes>(
    nodes: &mut N,
    old: u64,
    new: u64,
) -> Result<Vec<Digest>, N::Error> {
    if old == 0 || old == new {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, new);
    let mut ranges = Vec::new();
    // The old root itself is left out as long as the walk has only gone left: the verifier has it.
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            ranges.push((middle, end));
            end = middle;
        } else {
            ranges.push((start, middle));
            start = middle;
        }
    }
    if start > 0 {
        ranges.push((start, end));
    }
    ranges.into_iter().rev().map(|(start, end)| range_hash(nodes, start, end)).collect()
}

/// Checks an inclusion proof (RFC 9162 §2.1.3.2).
pub fn inclusion_holds(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Checks a consistency proof (RFC 9162 §2.1.4.2). The empty tree is a prefix of every tree.
pub fn consistency_holds(
    (old, old_root): (u64, &Digest),
    (new, new_root): (u64, &Digest),
    proof: &[Digest],
) -> bool {
    if old > new {
        return false;
    }
    if old == 0 {
        return proof.is_empty() && *old_root == empty_root();
    }
    if old == new {
        return proof.is_empty() && old_root == new_root;
    }
    let mut rest = proof.iter();
    let first = match old.is_power_of_two() {
        true => *old_root,
        false => match rest.next() {
            Some(first) => *first,
            None => return false,
        },
    };
    let (mut node, mut last) = (old - 1, new - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut to_old, mut to_new) = (first, first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            to_old = node_hash(sibling, &to_old);
            to_new = node_hash(sibling, &to_new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            to_new = node_hash(&to_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && to_old == *old_root && to_new == *new_root
}

/// A tree that only remembers its right edge: enough for the root, in a few hundred bytes.
#[derive(Clone, Default)]
pub struct Frontier {
    size: u64,
    /// Roots of perfect subtrees, the largest first: one for every one in the binary of `size`.
    subtrees: Vec<Digest>,
}

impl Frontier {
    pub fn new() -> Frontier {
        Frontier::default()
    }

    pub fn push(&mut self, leaf: Digest) {
        let mut node = leaf;
        for _ in 0..self.size.trailing_ones() {
            let left = self.subtrees.pop().expect("there is a subtree for every one in the size");
            node = node_hash(&left, &node);
        }
        self.subtrees.push(node);
        self.size += 1;
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn root(&self) -> Digest {
        let mut subtrees = self.subtrees.iter().rev().copied();
        match subtrees.next() {
            None => empty_root(),
            Some(last) => subtrees.fold(last, |right, left| node_hash(&left, &right)),
        }
    }
}

/// A whole tree in memory, 64 bytes for an entry: for proofs over a batch.
#[derive(Clone, Default)]
pub struct MemoryTree {
    /// `levels[k][i]` is the hash of the perfect subtree `i` of height `k`.
    levels: Vec<Vec<Digest>>,
}

impl MemoryTree {
    pub fn new(leaves: Vec<Digest>) -> MemoryTree {
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|level| level.len() > 1) {
            let pairs = below.chunks_exact(2).map(|pair| node_hash(&pair[0], &pair[1])).collect();
            levels.push(pairs);
        }
        MemoryTree { levels }
    }

    pub fn size(&self) -> u64 {
        self.levels.first().map_or(0, |leaves| leaves.len() as u64)
    }

    pub fn root(&mut self) -> Digest {
        let size = self.size();
        let Ok(root) = root_at(self, size);
        root
    }
}

impl Nodes for MemoryTree {
    type Error = Infallible;

    fn node(&mut self, level: u32, index: u64) -> Result<Digest, Infallible> {
        Ok(self.levels[level as usize][index as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u64) -> Vec<Digest> {
        (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
    }

    /// The definition in RFC 9162 §2.1.1, word for word, to compare with.
    fn defined_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => empty_root(),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&defined_root(&leaves[..k]), &defined_root(&leaves[k..]))
            }
        }
    }

    #[test]
    fn known_roots() {
        // The eight test entries of the certificate-transparency reference code.
        let entries: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let mut frontier = Frontier::new();
        let mut roots = vec![frontier.root().to_string()];
        for entry in entries {
            frontier.push(leaf_hash(entry));
            roots.push(frontier.root().to_string());
        }
        assert_eq!(roots[0], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(roots[1], "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        assert_eq!(roots[8], "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
    }

    #[test]
    fn every_proof_of_every_small_tree_holds_and_no_changed_one_does() {
        let all = leaves(33);
        let mut tree = MemoryTree::new(all.clone());
        for size in 0..=33_u64 {
            let root = root_at(&mut tree, size).unwrap();
            assert_eq!(root, defined_root(&all[..size as usize]));
            for index in 0..size {
                let proof = inclusion_proof(&mut tree, index, size).unwrap();
                let leaf = &all[index as usize];
                assert!(inclusion_holds(leaf, index, size, &proof, &root), "{index} in {size}");
                let another = leaf_hash(b"another");
                assert!(!inclusion_holds(&another, index, size, &proof, &root));
                assert!(!inclusion_holds(leaf, size, size, &proof, &root));
                let longer = [proof.as_slice(), &[root]].concat();
                assert!(!inclusion_holds(leaf, index, size, &longer, &root));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!inclusion_holds(leaf, index, size, shorter, &root));
                }
            }
            for old in 0..=size {
                let old_root = root_at(&mut tree, old).unwrap();
                let proof = consistency_proof(&mut tree, old, size).unwrap();
                assert!(consistency_holds((old, &old_root), (size, &root), &proof), "{old} {size}");
                let forked = leaf_hash(b"forked");
                assert!(!consistency_holds((old, &forked), (size, &root), &proof));
                if old != 0 {
                    assert!(!consistency_holds((old, &old_root), (size, &forked), &proof));
                }
                if old < size {
                    assert!(!consistency_holds((size, &root), (old, &old_root), &proof));
                }
                let longer = [proof.as_slice(), &[root]].concat();
                assert!(!consistency_holds((old, &old_root), (size, &root), &longer));
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn no_proof_makes_checking_panic(
            index: u64, size: u64, old: u64, hashes in proptest::collection::vec(0u8..4, 0..70),
        ) {
            let proof: Vec<Digest> = hashes.iter().map(|byte| leaf_hash(&[*byte])).collect();
            let root = empty_root();
            proptest::prop_assert!(!inclusion_holds(&root, index, size, &proof, &root) || size == 1);
            let _ = consistency_holds((old, &root), (size, &root), &proof);
        }

        #[test]
        fn frontier_and_tree_agree(count in 0u64..150) {
            let leaves = leaves(count);
            let mut frontier = Frontier::new();
            leaves.iter().for_each(|leaf| frontier.push(*leaf));
            proptest::prop_assert_eq!(frontier.root(), defined_root(&leaves));
            proptest::prop_assert_eq!(root_of_nodes(&leaves).unwrap_or(empty_root()), frontier.root());
            proptest::prop_assert_eq!(MemoryTree::new(leaves).root(), frontier.root());
        }
    }
}
