//! Reading the three lists in CSV: a bank's bulk sheet, a wallet's list, a cash list by pay point.

use std::cell::Cell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::rc::Rc;

use super::{Instruction, Payout, Refusal, Stop, Totals};

impl Payout<'_> {
    /// Gives the rows of a sheet that ended in a line break. A row is given when the next one has
    /// begun, so that one that was cut is never taken for a whole one.
    fn rows(
        &mut self,
        input: impl Read,
        mut row: impl FnMut(&mut Self, &csv::StringRecord) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let last = Rc::new(Cell::new(0));
        let watched = Watched { input, last: last.clone() };
        let mut reader =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(watched);
        let (mut held, mut next) = (csv::StringRecord::new(), csv::StringRecord::new());
        let mut holds = false;
        loop {
            self.renew();
            let more = reader.read_record(&mut next).map_err(|error| match error.into_kind() {
                csv::ErrorKind::Io(error) => Stop::from(error),
                _ => Stop::Refused(Refusal::FileMustBeReadable),
            })?;
            if !more && last.get() != b'\n' {
                return Err(Refusal::FileMustBeWhole.into());
            }
            if holds {
                row(self, &held)?;
            }
            if !more {
                return Ok(());
            }
            std::mem::swap(&mut held, &mut next);
            holds = true;
        }
    }

    pub fn read_bank_sheet(&mut self, input: impl Read) -> Result<(), Stop> {
        self.head.currency = "VND".into();
        let mut columns = None;
        self.rows(input, |payout, row| {
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            let cell = |name| columns.cell(row, name);
            // Our reference is the word behind MA in the remark.
            let content = cell("Noi dung")?;
            let mut words = content.split(' ');
            let reference = match (words.next(), words.next()) {
                (Some("MA"), Some(reference)) => reference,
                _ => return Err(Refusal::FileMustBeReadable.into()),
            };
            let instruction = Instruction {
                end_to_end_id: reference.to_owned(),
                account: cell("So tai khoan")?.to_owned(),
                name: cell("Ten nguoi huong")?.to_owned(),
                ..Instruction::default()
            };
            payout.give(instruction, cell("So tien")?)
        })
    }

    pub fn read_wallet_list(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut columns = None;
        let mut ended = false;
        self.rows(input, |payout, row| {
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            if ended {
                return Err(Refusal::FileMustBeReadable.into());
            }
            if row.get(0) == Some("TOTAL") {
                ended = true;
                let cell = |at: usize| row.get(at).unwrap_or_default();
                payout.head.message_id = cell(6).to_owned();
                payout.found.must_be(cell(1), payout.amount(cell(4)))?;
                return Ok(());
            }
            let cell = |name| columns.cell(row, name);
            payout.currency_must_be(cell("currency")?)?;
            let instruction = Instruction {
                end_to_end_id: cell("partner_reference")?.to_owned(),
                account: cell("wallet_id")?.to_owned(),
                name: cell("wallet_name")?.to_owned(),
                ..Instruction::default()
            };
            payout.give(instruction, cell("amount")?)
        })?;
        if ended { Ok(()) } else { Err(Refusal::FileMustBeWhole.into()) }
    }

    pub fn read_pay_point_list(&mut self, input: impl Read) -> Result<(), Stop> {
        self.head.currency = "VND".into();
        let mut columns = None;
        let mut titled = false;
        let mut ended = false;
        let mut pay_point = Totals::default();
        self.rows(input, |payout, row| {
            if ended {
                return Err(Refusal::FileMustBeReadable.into());
            }
            if !titled {
                titled = true;
                if row.get(0) != Some("DANH SACH CHI TRA") {
                    return Err(Refusal::FileMustBeReadable.into());
                }
                payout.head.message_id = row.get(1).unwrap_or_default().to_owned();
                return Ok(());
            }
            let Some(columns) = &columns else {
                columns = Some(Columns::of(row));
                return Ok(());
            };
            let at = |at: usize| row.get(at).unwrap_or_default();
            match at(0) {
                "CONG" => {
                    std::mem::take(&mut pay_point).must_be(at(2), payout.amount(at(7)))?;
                    return Ok(());
                }
                "TONG CONG" => {
                    ended = true;
                    payout.found.must_be(at(2), payout.amount(at(7)))?;
                    return Ok(());
                }
                _ => {}
            }
            let cell = |name| columns.cell(row, name);
            let name = cell("Ho va ten")?;
            let account = match cell("So dinh danh")? {
                "" => format!("{}/{name}", cell("Diem chi tra")?),
                number => number.to_owned(),
            };
            let instruction = Instruction {
                end_to_end_id: cell("Ma tham chieu")?.to_owned(),
                account,
                name: name.to_owned(),
                ..Instruction::default()
            };
            let amount = cell("So tien")?;
            payout.give(instruction, amount)?;
            pay_point.add(payout.amount(amount).ok_or(Refusal::FileMustBeReadable)?)?;
            Ok(())
        })?;
        if ended { Ok(()) } else { Err(Refusal::FileMustBeWhole.into()) }
    }
}

/// The header row of a sheet.
struct Columns(HashMap<String, usize>);

impl Columns {
    fn of(header: &csv::StringRecord) -> Columns {
        Columns(header.iter().enumerate().map(|(at, name)| (name.to_owned(), at)).collect())
    }

    fn cell<'r>(&self, row: &'r csv::StringRecord, name: &str) -> Result<&'r str, Refusal> {
        let at = self.0.get(name).ok_or(Refusal::FileMustBeReadable)?;
        match row.len() == self.0.len() {
            true => row.get(*at).map(str::trim).ok_or(Refusal::FileMustBeReadable),
            false => Err(Refusal::FileMustBeReadable),
        }
    }
}

/// Remembers the last byte.
struct Watched<R> {
    input: R,
    last: Rc<Cell<u8>>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(buffer)?;
        if let Some(byte) = buffer[..read].last() {
            self.last.set(*byte);
        }
        Ok(read)
    }
}
