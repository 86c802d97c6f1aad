//! SHA-256 digests: what names a file, a list, a leaf and a sealed run.
//!
//! Reads: bytes, whole or as they stream by.
//! Gives: `Digest`, and readers and writers that hash what passes through them.

use std::fmt;
use std::io::{self, Read, Write};
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest([u8; 32]);

impl Digest {
    pub const fn from_bytes(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }

    /// The digest of bytes that are all here.
    pub fn of(bytes: &[u8]) -> Digest {
        Digest(Sha256::digest(bytes).into())
    }

    /// The digest and the length of all that a reader gives.
    pub fn of_reader(source: &mut dyn Read) -> io::Result<(Digest, u64)> {
        let mut hashing = HashingReader::new(source);
        io::copy(&mut hashing, &mut io::sink())?;
        Ok(hashing.finish())
    }

    /// Reads 64 hexadecimal digits. Upper case is refused, so that one digest has one spelling.
    pub fn parse(text: &str) -> Result<Digest, DigestError> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return Err(DigestError::DigestMustHave64Digits(text.len()));
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Digest(bytes))
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn nibble(digit: u8) -> Result<u8, DigestError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(DigestError::DigestMustBeLowerCaseHex),
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Digest, DigestError> {
        Digest::parse(text)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hashes bytes as they come, and counts them.
#[derive(Clone, Default)]
pub struct Hasher {
    state: Sha256,
    bytes: u64,
}

impl Hasher {
    pub fn new() -> Hasher {
        Hasher::default()
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The digest of everything so far, and how many bytes that was.
    pub fn finish(self) -> (Digest, u64) {
        (Digest(self.state.finalize().into()), self.bytes)
    }
}

/// A reader that hashes what is read through it.
pub struct HashingReader<R> {
    inner: R,
    hasher: Hasher,
}

impl<R: Read> HashingReader<R> {
    pub fn new(inner: R) -> HashingReader<R> {
        HashingReader { inner, hasher: Hasher::new() }
    }

    /// The digest and the number of bytes read so far.
    pub fn finish(self) -> (Digest, u64) {
        self.hasher.finish()
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

/// A writer that hashes what the inner writer took.
pub struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
}

impl<W: Write> HashingWriter<W> {
    pub fn new(inner: W) -> HashingWriter<W> {
        HashingWriter { inner, hasher: Hasher::new() }
    }

    /// The inner writer, the digest and the number of bytes written.
    pub fn finish(self) -> (W, Digest, u64) {
        let (digest, bytes) = self.hasher.finish();
        (self.inner, digest, bytes)
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(buffer)?;
        self.hasher.update(&buffer[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DigestError {
    #[error("a SHA-256 digest has 64 hexadecimal digits, not {0} bytes of text")]
    DigestMustHave64Digits(usize),
    #[error("a digest is written with the digits 0-9 and a-f, in lower case")]
    DigestMustBeLowerCaseHex,
}

impl DigestError {
    /// A stable name for scripts and catalogues.
    pub fn code(&self) -> &'static str {
        match self {
            DigestError::DigestMustHave64Digits(_) => "K301",
            DigestError::DigestMustBeLowerCaseHex => "K302",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn a_digest_has_one_spelling() {
        // FIPS 180-4 gives this digest of "abc".
        assert_eq!(Digest::of(b"abc").to_string(), ABC);
        for (text, expected) in [
            (ABC, Ok(Digest::of(b"abc"))),
            (&ABC.to_uppercase(), Err(DigestError::DigestMustBeLowerCaseHex)),
            (&ABC[1..], Err(DigestError::DigestMustHave64Digits(63))),
            ("", Err(DigestError::DigestMustHave64Digits(0))),
            (&ABC.replace('b', "g"), Err(DigestError::DigestMustBeLowerCaseHex)),
            // 32 characters of two bytes each: the length in bytes is right, the digits are not.
            (&"é".repeat(32), Err(DigestError::DigestMustBeLowerCaseHex)),
        ] {
            assert_eq!(Digest::parse(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn streaming_and_whole_digests_agree(bytes: Vec<u8>, cut in 1usize..64) {
            let mut hasher = Hasher::new();
            bytes.chunks(cut).for_each(|part| hasher.update(part));
            let whole = (Digest::of(&bytes), bytes.len() as u64);
            proptest::prop_assert_eq!(hasher.finish(), whole);
            proptest::prop_assert_eq!(Digest::of_reader(&mut bytes.as_slice()).unwrap(), whole);
            let mut writer = HashingWriter::new(Vec::new());
            writer.write_all(&bytes).unwrap();
            proptest::prop_assert_eq!(writer.finish(), (bytes, whole.0, whole.1));
        }

        #[test]
        fn no_text_makes_parsing_panic(text in "\\PC{0,70}") {
            if let Ok(digest) = Digest::parse(&text) {
                proptest::prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
