//! The numbers that name things. They are derived or packed, never drawn from a sequence, so that
//! a step repeated after a crash, or on another host, gives the same numbers.
//!
//! Source of the key design: docs/model.md §1.

use std::fmt;

/// How many hash shards there are. Fixed for ever: it is part of every key.
pub const SHARDS: u16 = 256;

/// So many shards are asked about at once.
pub const SHARDS_IN_GROUP: usize = 16;

/// One of the 256 hash shards; the top eight bits of a 63-bit number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Shard(u8);

impl Shard {
    pub fn new(number: u8) -> Shard {
        Shard(number)
    }

    /// The shard of a 63-bit keyed hash.
    fn of(hash: i64) -> Shard {
        Shard((hash >> 55) as u8)
    }

    pub fn number(self) -> u8 {
        self.0
    }

    pub fn all() -> impl Iterator<Item = Shard> {
        (0..=u8::MAX).map(Shard)
    }

    /// Takes those of this shard, and of earlier ones, from rows that stand in the order of their shards.
    pub fn taken_from<T>(self, rows: &mut Vec<T>, shard_of: impl Fn(&T) -> Shard) -> Vec<T> {
        let later = rows.split_off(rows.partition_point(|one| shard_of(one) <= self));
        std::mem::replace(rows, later)
    }

    /// All of them, so many at a time as are asked about at once.
    pub fn groups() -> impl Iterator<Item = [Shard; SHARDS_IN_GROUP]> {
        (0..=u8::MAX)
            .step_by(SHARDS_IN_GROUP)
            .map(|first| std::array::from_fn(|at| Shard(first + at as u8)))
    }
}

/// Declares a number that names one kind of thing, so that passing a batch where a cycle is
/// wanted does not compile.
macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

/// Declares a number that is a keyed hash: its shard is in it, and people see it in base 32.
macro_rules! hashed_number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(i64);

        impl $name {
            /// Takes the first 63 bits of a keyed hash.
            pub fn from_hash(hash: [u8; 16]) -> $name {
                let first: [u8; 8] = hash[..8].try_into().expect("eight of sixteen bytes");
                $name((u64::from_be_bytes(first) >> 1) as i64)
            }

            /// Reads back a stored number; a negative one was never written by us.
            pub fn from_number(number: i64) -> Option<$name> {
                (number >= 0).then_some($name(number))
            }

            pub fn number(self) -> i64 {
                self.0
            }

            pub fn shard(self) -> Shard {
                Shard::of(self.0)
            }

            /// Reads what `Display` wrote.
            pub fn parse(text: &str) -> Option<$name> {
                base32::read(text).filter(|_| text.len() == 13).and_then(|n| {
                    i64::try_from(n).ok().map($name)
                })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&base32::write(self.0 as u64, 13))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

number!(
    /// An office in the tree of commune, province and ministry.
    AuthorityNo
);
number!(
    /// One list of one authority for one period. At most 20 bits: it is part of a payable's number.
    CycleNo
);
number!(
    /// One source file that was taken in.
    ImportNo
);
number!(
    /// A payment list of a cycle: 0 is the month, 1… are release lists.
    ListNo
);
number!(
    /// A batch of a cycle: one file.
    BatchNo
);
number!(
    /// A file that a provider sent back.
    AnswerNo
);
hashed_number!(
    /// A person, for ever. The keyed hash of the first national id seen.
    PersonNo
);
hashed_number!(
    /// The decision that admits a person to a benefit: the keyed hash of the sender's enrolment id.
    EnrolmentNo
);
hashed_number!(
    /// Where money can go: the keyed hash of channel, provider and account.
    DestinationNo
);

/// What one payee is to receive for one beneficiary from one fund in one cycle.
///
/// Packed: cycle in 20 bits, shard in 8, ordinal in 30. Its text is 12 base-32 characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PayableNo(i64);

impl PayableNo {
    pub fn pack(cycle: CycleNo, shard: Shard, ordinal: u32) -> Result<PayableNo, IdError> {
        if !(1..1 << 20).contains(&cycle.0) {
            return Err(IdError::CycleMustFitTwentyBits(cycle.0));
        }
        if ordinal >= 1 << 30 {
            return Err(IdError::OrdinalMustFitThirtyBits(ordinal));
        }
        Ok(PayableNo(cycle.0 << 38 | i64::from(shard.0) << 30 | i64::from(ordinal)))
    }

    pub fn from_number(number: i64) -> Result<PayableNo, IdError> {
        let payable = PayableNo(number);
        if !(0..1 << 58).contains(&number) || payable.cycle().0 == 0 {
            return Err(IdError::PayableMustBePacked(number));
        }
        Ok(payable)
    }

    pub fn number(self) -> i64 {
        self.0
    }

    pub fn cycle(self) -> CycleNo {
        CycleNo(self.0 >> 38)
    }

    pub fn shard(self) -> Shard {
        Shard((self.0 >> 30) as u8)
    }

    pub fn ordinal(self) -> u32 {
        (self.0 & ((1 << 30) - 1)) as u32
    }
}

impl fmt::Display for PayableNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base32::write(self.0 as u64, 12))
    }
}

impl fmt::Debug for PayableNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayableNo({}/{}/{})", self.cycle(), self.shard().0, self.ordinal())
    }
}

/// Which try of a payable this is: 1 to 31.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct AttemptNo(u8);

impl AttemptNo {
    pub const FIRST: AttemptNo = AttemptNo(1);
    pub const MAX: u8 = 31;

    pub fn new(number: i64) -> Result<AttemptNo, IdError> {
        match u8::try_from(number) {
            Ok(n @ 1..=AttemptNo::MAX) => Ok(AttemptNo(n)),
            _ => Err(IdError::AttemptsMustStayBelowThirtyTwo(number)),
        }
    }

    pub fn next(self) -> Result<AttemptNo, IdError> {
        AttemptNo::new(i64::from(self.0) + 1)
    }

    pub fn number(self) -> u8 {
        self.0
    }
}

/// The letters and digits with which every end-to-end id of an office begins: 2 to 6 characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfficePrefix(String);

impl OfficePrefix {
    pub fn parse(text: &str) -> Result<OfficePrefix, IdError> {
        let allowed = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if !(2..=6).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(IdError::PrefixMustBeTwoToSixCapitalsOrDigits(
                text.chars().take(12).collect(),
            ));
        }
        Ok(OfficePrefix(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The reference that travels unchanged to the creditor and comes back in every answer
/// (ISO 20022 `EndToEndId`, at most 35 characters; ours has at most 20, capitals and digits only,
/// so that it survives bank sheets and remittance texts).
///
/// Names one attempt of one payable for ever, and is read back without a look-up.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct EndToEndId(String);

impl EndToEndId {
    pub fn derive(prefix: &OfficePrefix, payable: PayableNo, attempt: AttemptNo) -> EndToEndId {
        let mut text = String::with_capacity(prefix.0.len() + 14);
        text.push_str(&prefix.0);
        text.push_str(&base32::write(payable.0 as u64, 12));
        text.push_str(&base32::write(u64::from(attempt.0), 1));
        text.push(base32::check(&text));
        EndToEndId(text)
    }

    /// Reads a reference that came back. `None` when it is not one of this office's: another
    /// prefix, a wrong check character, a number that was never packed.
    pub fn read(prefix: &OfficePrefix, text: &str) -> Option<(PayableNo, AttemptNo)> {
        let rest = text.strip_prefix(&prefix.0)?;
        if rest.len() != 14 || !rest.is_ascii() {
            return None;
        }
        let (body, check) = text.split_at(text.len() - 1);
        if !check.starts_with(base32::check(body)) {
            return None;
        }
        let payable = i64::try_from(base32::read(&rest[..12])?).ok()?;
        let attempt = base32::read(&rest[12..13])?;
        Some((PayableNo::from_number(payable).ok()?, AttemptNo::new(attempt as i64).ok()?))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for EndToEndId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdError {
    #[error("a cycle number is between 1 and 1,048,575, not {0}")]
    CycleMustFitTwentyBits(i64),
    #[error("a shard holds fewer than 2^30 payables of one cycle, not {0}")]
    OrdinalMustFitThirtyBits(u32),
    #[error("{0} is not a packed payable number")]
    PayableMustBePacked(i64),
    #[error("a payable has attempts 1 to 31, not {0}: stop and settle it by hand")]
    AttemptsMustStayBelowThirtyTwo(i64),
    #[error("an office prefix is 2 to 6 capital letters or digits, not `{0}`")]
    PrefixMustBeTwoToSixCapitalsOrDigits(String),
}

/// Base 32 with the alphabet that leaves out I, L, O and U, which people misread.
mod base32 {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    pub fn write(mut number: u64, width: usize) -> String {
        let mut text = vec![b'0'; width];
        for place in text.iter_mut().rev() {
            *place = ALPHABET[(number & 31) as usize];
            number >>= 5;
        }
        debug_assert_eq!(number, 0, "the number fits its width");
        String::from_utf8(text).expect("the alphabet is ASCII")
    }

    pub fn read(text: &str) -> Option<u64> {
        if text.is_empty() || text.len() > 13 {
            return None;
        }
        text.bytes().try_fold(0_u64, |number, byte| {
            let digit = ALPHABET.iter().position(|known| *known == byte)? as u64;
            number.checked_mul(32)?.checked_add(digit)
        })
    }

    /// One character over the rest: a sum in the field of 32 elements in which every place has
    /// another weight, so that any one wrong character and any two swapped ones are found.
    pub fn check(text: &str) -> char {
        let mut weight = 1;
        let sum = text.bytes().fold(0, |sum, byte| {
            weight = double(weight);
            let value = ALPHABET.iter().position(|known| *known == byte);
            sum ^ times(value.unwrap_or(usize::from(byte & 31)) as u8, weight)
        });
        ALPHABET[usize::from(sum)] as char
    }

    /// Multiplies by the generator of the field (x⁵ + x² + 1).
    fn double(value: u8) -> u8 {
        let doubled = value << 1;
        if doubled & 32 == 0 { doubled } else { doubled ^ 0b10_0101 }
    }

    fn times(value: u8, weight: u8) -> u8 {
        let mut shifted = weight;
        let mut product = 0;
        for bit in 0..5 {
            if value >> bit & 1 == 1 {
                product ^= shifted;
            }
            shifted = double(shifted);
        }
        product
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payable_number_unpacks_to_what_was_packed() {
        for (cycle, shard, ordinal) in
            [(1, 0, 0), (7, 255, 12), ((1 << 20) - 1, 128, (1 << 30) - 1)]
        {
            let payable = PayableNo::pack(CycleNo(cycle), Shard::new(shard), ordinal).unwrap();
            assert_eq!(payable.cycle(), CycleNo(cycle));
            assert_eq!(payable.shard(), Shard::new(shard));
            assert_eq!(payable.ordinal(), ordinal);
            assert_eq!(PayableNo::from_number(payable.number()), Ok(payable));
        }
        assert!(PayableNo::pack(CycleNo(0), Shard::new(0), 0).is_err());
        assert!(PayableNo::pack(CycleNo(1 << 20), Shard::new(0), 0).is_err());
        assert!(PayableNo::pack(CycleNo(1), Shard::new(0), 1 << 30).is_err());
        assert!(PayableNo::from_number(-1).is_err());
    }

    #[test]
    fn a_reference_is_read_back_only_when_every_character_is_right() {
        let prefix = OfficePrefix::parse("HN01").unwrap();
        let payable = PayableNo::pack(CycleNo(3), Shard::new(200), 41).unwrap();
        let attempt = AttemptNo::new(2).unwrap();
        let id = EndToEndId::derive(&prefix, payable, attempt);
        assert!(id.as_str().len() <= 20);
        assert_eq!(EndToEndId::read(&prefix, id.as_str()), Some((payable, attempt)));
        for at in 0..id.as_str().len() {
            for other in ['0', '7', 'A', 'Z', '-', 'é'] {
                let mut letters: Vec<char> = id.as_str().chars().collect();
                if letters[at] == other {
                    continue;
                }
                letters[at] = other;
                let changed: String = letters.into_iter().collect();
                assert_eq!(EndToEndId::read(&prefix, &changed), None, "{changed}");
            }
        }
        assert_eq!(EndToEndId::read(&prefix, ""), None);
        assert_eq!(EndToEndId::read(&OfficePrefix::parse("HN02").unwrap(), id.as_str()), None);
    }

    proptest::proptest! {
        #[test]
        fn every_reference_reads_back(cycle in 1_i64..1 << 20, shard: u8, ordinal in 0_u32..1 << 30, attempt in 1_i64..=31) {
            let prefix = OfficePrefix::parse("B2").unwrap();
            let payable = PayableNo::pack(CycleNo(cycle), Shard::new(shard), ordinal).unwrap();
            let attempt = AttemptNo::new(attempt).unwrap();
            let id = EndToEndId::derive(&prefix, payable, attempt);
            proptest::prop_assert_eq!(EndToEndId::read(&prefix, id.as_str()), Some((payable, attempt)));
        }

        #[test]
        fn hashed_numbers_write_and_read_back(hash: [u8; 16]) {
            let person = PersonNo::from_hash(hash);
            proptest::prop_assert_eq!(PersonNo::parse(&person.to_string()), Some(person));
            proptest::prop_assert_eq!(person.shard().number(), hash[0]);
        }

        #[test]
        fn no_reference_makes_reading_panic(text in ".{0,40}") {
            let _ = EndToEndId::read(&OfficePrefix::parse("HN01").unwrap(), &text);
            let _ = PersonNo::parse(&text);
        }
    }
}
