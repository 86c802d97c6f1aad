//! Reads delimited files that strangers made: record by record, with places, in bounded memory.
//!
//! Reads: bytes. Gives: records, or the one error that makes the rest of the file untrustworthy.
//! The `csv` crate does the parsing; a guard in front of it refuses what that crate lets through:
//! quotes inside a bare field, text behind a closing quote, a quote that never closes, a record
//! without an end, bytes that are not UTF-8.

use std::collections::VecDeque;
use std::io::Read;

/// The longest record that is read, in bytes. A real row has a few hundred.
pub const RECORD_BYTES_MAX: usize = 64 * 1024;

/// Reads the records of one comma-separated file.
pub struct Records<R: Read> {
    csv: csv::Reader<Guard<R>>,
    record: csv::ByteRecord,
}

/// One record and the line on which it begins.
pub struct Record<'a> {
    pub line: u64,
    fields: &'a csv::ByteRecord,
}

impl<'a> Record<'a> {
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    pub fn field(&self, at: usize) -> Option<&'a str> {
        // The guard has checked that the whole file is UTF-8, and a comma cannot split a letter.
        self.fields.get(at).map(|bytes| std::str::from_utf8(bytes).unwrap_or(""))
    }

    pub fn fields(&self) -> impl Iterator<Item = &'a str> {
        self.fields.iter().map(|bytes| std::str::from_utf8(bytes).unwrap_or(""))
    }
}

impl<R: Read> Records<R> {
    pub fn new(bytes: R) -> Records<R> {
        let csv = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(1 << 16)
            .from_reader(Guard::new(bytes));
        Records { csv, record: csv::ByteRecord::new() }
    }

    /// The next record, or `None` at the end. A record of nothing but an empty line is skipped.
    pub fn next_record(&mut self) -> Result<Option<Record<'_>>, RecordError> {
        match self.csv.read_byte_record(&mut self.record) {
            Ok(true) => {
                // The reader's own count is that of the blank lines before a record, and is behind by one
                // where lines end in CR LF.
                let line = self.csv.get_mut().begun.pop_front().unwrap_or(0);
                Ok(Some(Record { line, fields: &self.record }))
            }
            Ok(false) => Ok(None),
            Err(error) => {
                let broken = self.csv.get_mut().broken.take();
                Err(broken.unwrap_or_else(|| RecordError::Unreadable(error.to_string())))
            }
        }
    }

    /// Gives back the source, to ask it what it hashed.
    pub fn into_source(self) -> R {
        self.csv.into_inner().source
    }
}

/// Where the guard stands in a record.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before a record, and in blank lines, which are none.
    RecordStart,
    FieldStart,
    Bare,
    Quoted,
    /// After a quote inside a quoted field: it closes the field or is the first of two.
    QuoteSeen,
}

struct Guard<R> {
    source: R,
    at: At,
    /// The line on which the next byte stands. It ends with LF, CR LF or CR, also inside quotes.
    line: u64,
    after_cr: bool,
    /// The line on which the record begins that is being read.
    record_line: u64,
    /// The line on which the quote stands that is open.
    quote_line: u64,
    record_bytes: usize,
    /// The lines on which those records begin that are checked and not given yet.
    begun: VecDeque<u64>,
    started: bool,
    ended: bool,
    /// The first bytes of a letter whose rest is in the next read.
    split_letter: Vec<u8>,
    broken: Option<RecordError>,
}

impl<R: Read> Guard<R> {
    fn new(source: R) -> Guard<R> {
        Guard {
            source,
            at: At::RecordStart,
            line: 1,
            after_cr: false,
            record_line: 1,
            quote_line: 1,
            record_bytes: 0,
            begun: VecDeque::new(),
            started: false,
            ended: false,
            split_letter: Vec::new(),
            broken: None,
        }
    }

    fn check(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        for &byte in bytes {
            let ends_line = matches!(byte, b'\r' | b'\n');
            if self.at == At::RecordStart && !ends_line {
                self.record_line = self.line;
                self.record_bytes = 0;
                self.begun.push_back(self.line);
                self.at = At::FieldStart;
            }
            self.record_bytes += 1;
            if self.record_bytes > RECORD_BYTES_MAX && self.at != At::RecordStart {
                return Err(match self.at {
                    // The rest of the file is not one field because somebody wrote a long one.
                    At::Quoted => RecordError::RecordMustEnd { line: self.quote_line },
                    _ => RecordError::RecordMustEnd { line: self.record_line },
                });
            }
            let quote_misplaced = RecordError::QuotesMustWrapTheField { line: self.line };
            self.at = match (self.at, byte) {
                (_, 0) => return Err(RecordError::TextMustHaveNoZeroBytes { line: self.line }),
                (At::FieldStart, b'"') => {
                    self.quote_line = self.line;
                    At::Quoted
                }
                (At::Bare, b'"') => return Err(quote_misplaced),
                (At::Quoted, b'"') => At::QuoteSeen,
                (At::Quoted, _) => At::Quoted,
                (At::QuoteSeen, b'"') => At::Quoted,
                (_, b',') => At::FieldStart,
                (_, b'\r' | b'\n') => At::RecordStart,
                (At::QuoteSeen, _) => return Err(quote_misplaced),
                (_, _) => At::Bare,
            };
            (self.line, self.after_cr) = after(self.line, self.after_cr, byte);
        }
        Ok(())
    }

    fn check_utf8(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        let joined;
        let mut rest = bytes;
        if !self.split_letter.is_empty() {
            joined = [self.split_letter.as_slice(), bytes].concat();
            rest = &joined;
        }
        match std::str::from_utf8(rest) {
            Ok(_) => self.split_letter.clear(),
            Err(error) if error.error_len().is_none() && !bytes.is_empty() => {
                self.split_letter = rest[error.valid_up_to()..].to_vec();
            }
            // A letter that was split between two reads has no end of a line in it.
            Err(error) => {
                let good = &rest[..error.valid_up_to()];
                let (line, _) = good
                    .iter()
                    .fold((self.line, self.after_cr), |(line, cr), byte| after(line, cr, *byte));
                return Err(RecordError::TextMustBeUtf8 { line });
            }
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), RecordError> {
        match self.at {
            At::Quoted => Err(RecordError::QuoteMustClose { line: self.quote_line }),
            _ => Ok(()),
        }
    }
}

/// The line after a byte, and whether it was a CR, whose LF ends no second one.
fn after(line: u64, after_cr: bool, byte: u8) -> (u64, bool) {
    match byte {
        b'\r' => (line + 1, true),
        b'\n' if after_cr => (line, false),
        b'\n' => (line + 1, false),
        _ => (line, false),
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        let mut count = self.source.read(buffer)?;
        if !self.started && count > 0 {
            self.started = true;
            // A byte-order mark is a habit of spreadsheets, not part of the first header.
            while count < 3 && buffer[..count] == [0xEF, 0xBB, 0xBF][..count] {
                match self.source.read(&mut buffer[count..])? {
                    0 => break,
                    more => count += more,
                }
            }
            if buffer[..count].starts_with(&[0xEF, 0xBB, 0xBF]) {
                buffer.copy_within(3..count, 0);
                count -= 3;
                if count == 0 {
                    return self.read(buffer);
                }
            }
        }
        self.ended = count == 0;
        // A letter error is reported before a quote error, because text in another encoding often
        // has both and the first is the cause.
        let checked = self
            .check_utf8(&buffer[..count])
            .and_then(|()| self.check(&buffer[..count]))
            .and_then(|()| if self.ended { self.check_end() } else { Ok(()) });
        if let Err(broken) = checked {
            self.ended = true;
            let error = std::io::Error::other(broken.to_string());
            self.broken = Some(broken);
            return Err(error);
        }
        Ok(count)
    }
}

/// Why a file cannot be read on from a line: what follows might be taken for something else.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RecordError {
    #[error("line {line}: a quote must wrap the whole field; write a quote inside a field twice")]
    QuotesMustWrapTheField { line: u64 },
    #[error("line {line}: a quote is opened and never closed; close it, or take it out")]
    QuoteMustClose { line: u64 },
    #[error(
        "line {line}: what begins here does not end within 64 KiB; is a quote left open, or is this no comma-separated file?"
    )]
    RecordMustEnd { line: u64 },
    #[error("line {line}: the text is not UTF-8; save the file as CSV UTF-8")]
    TextMustBeUtf8 { line: u64 },
    #[error(
        "line {line}: the text has a zero byte; is this a spreadsheet or UTF-16 file? Save it as CSV UTF-8"
    )]
    TextMustHaveNoZeroBytes { line: u64 },
    #[error("the file could not be read: {0}; look at its path, its rights and its disk")]
    Unreadable(String),
}

impl RecordError {
    pub fn code(&self) -> &'static str {
        match self {
            RecordError::QuotesMustWrapTheField { .. } => "I101",
            RecordError::QuoteMustClose { .. } => "I102",
            RecordError::RecordMustEnd { .. } => "I103",
            RecordError::TextMustBeUtf8 { .. } => "I104",
            RecordError::TextMustHaveNoZeroBytes { .. } => "I105",
            RecordError::Unreadable(_) => "I106",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<&[&[&str]], &str>) {
        let mut records = Records::new(bytes);
        let mut read = Vec::new();
        let end = loop {
            match records.next_record() {
                Ok(Some(record)) => {
                    read.push(record.fields().map(str::to_owned).collect::<Vec<_>>())
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error.code()),
            }
        };
        match (end, expected) {
            (Ok(()), Ok(expected)) => assert_eq!(read, expected),
            (end, expected) => assert_eq!(end.err(), expected.err()),
        }
    }

    #[test]
    fn records_are_read_strictly() {
        check(b"a,b\nc,d\n", Ok(&[&["a", "b"], &["c", "d"]]));
        check(b"\xEF\xBB\xBFa,b\r\nc,d", Ok(&[&["a", "b"], &["c", "d"]]));
        check(b"\"a,1\",\"b\"\"c\"\n", Ok(&[&["a,1", "b\"c"]]));
        check(b"\"two\nlines\",x\n", Ok(&[&["two\nlines", "x"]]));
        check("Nguyễn,Huỳnh\n".as_bytes(), Ok(&[&["Nguyễn", "Huỳnh"]]));
        check(b"", Ok(&[]));
        check(b"a\"b,c\n", Err("I101"));
        check(b"\"a\"b,c\n", Err("I101"));
        check(b"a,\"never closed\nb,c\n", Err("I102"));
        check(b"Nguy\xec n,x\n", Err("I104"));
        check(b"a,b\nNguy\xe1", Err("I104"));
        check(b"a\0b\n", Err("I105"));
    }

    /// What is told of a file: the lines on which its records begin, then the code and line of what is wrong.
    #[track_caller]
    fn lines(bytes: &[u8], expected: &str) {
        for chunk in [1, 3, 1 << 16] {
            let mut records = Records::new(Drip { bytes, chunk });
            let mut told: Vec<String> = Vec::new();
            loop {
                match records.next_record() {
                    Ok(Some(record)) => told.push(record.line.to_string()),
                    Ok(None) => break,
                    Err(error) => {
                        let sentence = error.to_string();
                        let place = sentence.split(':').next().unwrap_or_default();
                        // What is read before it depends on how much is read at once.
                        told = vec![format!("{} {place}", error.code())];
                        break;
                    }
                }
            }
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(told.join(" "), expected, "{shown:?} by {chunk}");
        }
    }

    /// Gives so many bytes at a time.
    struct Drip<'a> {
        bytes: &'a [u8],
        chunk: usize,
    }

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let count = self.chunk.min(buffer.len()).min(self.bytes.len());
            let (now, later) = self.bytes.split_at(count);
            buffer[..count].copy_from_slice(now);
            self.bytes = later;
            Ok(count)
        }
    }

    #[test]
    fn a_line_is_the_one_that_an_editor_shows() {
        lines(b"a,b\nc,d\ne,f", "1 2 3");
        lines(b"a,b\r\nc,d\r\ne,f\r\n", "1 2 3");
        lines(b"a,b\rc,d\re,f", "1 2 3");
        lines(b"\n\na,b\n\n\nc,d\n", "3 6");
        lines(b"\r\n\r\na,b\r\n\r\nc,d", "3 5");
        lines(b"a,\"two\nlines\"\nc,d\n", "1 3");
        lines(b"a,\"three\r\nlines\r\n\"\r\nc,d\r\n", "1 4");
        lines(b"\xEF\xBB\xBFa,b\r\nc,d", "1 2");
        lines(b"a,b\nc\"d,e\n", "I101 line 2");
        lines(b"a,\"x\ny\"\n\nc\"d,e\n", "I101 line 4");
        lines(b"a,\"x\r\ny\"\r\n\r\n\"c\"d,e\r\n", "I101 line 4");
        lines(b"a,b\nc,\"d\ne,f\ng,h\n", "I102 line 2");
        lines(b"a,b\r\n\r\nc,\"d\r\ne,f\r\n", "I102 line 3");
        lines(b"a,b\nc,Nguy\xec n\n", "I104 line 2");
        lines(b"a,\"x\ny\"\n\nc,Nguy\xec n\n", "I104 line 4");
        lines(b"a,b\r\n\r\nc,Nguy\xe1", "I104 line 3");
        lines(b"a,\"b\xe1\n\"\n", "I104 line 1");
        lines(b"a,b\r\nc,d\0\r\n", "I105 line 2");
        let long = [b"a,b\r\n\r\nc,d\r\n".as_slice(), &[b'x'; 70_000]].concat();
        lines(&long, "I103 line 4");
        let open = [b"a,b\nc,\"d\ne\n".as_slice(), &[b'\n'; 70_000]].concat();
        lines(&open, "I103 line 2");
        let far = ["a,b\r\n".repeat(40_000).as_bytes(), b"c,\xff\r\n"].concat();
        lines(&far, "I104 line 40001");
    }

    #[test]
    fn a_line_without_an_end_is_refused_after_64_kib() {
        let mut records = Records::new(std::io::repeat(b'x').take(200 << 20));
        assert_eq!(records.next_record().err().map(|error| error.code()), Some("I103"));
    }

    #[test]
    fn letters_split_between_reads_are_whole_again() {
        let bytes = "\u{feff}Nguyễn,Đặng\nx,y\n".as_bytes();
        let mut records = Records::new(Drip { bytes, chunk: 1 });
        let record = records.next_record().unwrap().unwrap();
        assert_eq!(record.fields().collect::<Vec<_>>(), ["Nguyễn", "Đặng"]);
        assert_eq!(records.next_record().unwrap().unwrap().line, 2);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
            let mut records = Records::new(bytes.as_slice());
            while let Ok(Some(record)) = records.next_record() {
                let _ = record.fields().count();
            }
        }

        /// What the guard takes for a record is what the reader takes for one.
        #[test]
        fn every_record_has_its_line(text in "[ab,\"\r\n]{0,40}") {
            let mut records = Records::new(text.as_bytes());
            let mut before = 0;
            let end = loop {
                match records.next_record() {
                    Ok(Some(record)) => {
                        proptest::prop_assert!(record.line > before, "{text:?}: {}", record.line);
                        before = record.line;
                    }
                    end => break end.map(|_| ()),
                }
            };
            if end.is_ok() {
                proptest::prop_assert!(records.csv.get_mut().begun.is_empty(), "{text:?}");
            }
        }
    }
}
