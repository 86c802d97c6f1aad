//! Reading a pain.001.001.09 as a stream of elements.

use std::io::Read;

use super::super::elements::{Ended, walk};
use super::{Instruction, Payout, Stop, Totals};

const NAMESPACE: &str = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09";

impl Payout<'_> {
    pub fn read_pain001(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut transfer = Transfer::default();
        let is_wanted = |namespace: &str| namespace == NAMESPACE;
        walk(input, &is_wanted, &mut |ended| self.close(&mut transfer, ended))?;
        let sum_minor = self.declared(&transfer.declared_sum, self.found.sum_minor);
        self.found.must_be(&transfer.declared_count, sum_minor)?;
        Ok(())
    }

    /// The declared sum; what was found where none is declared.
    fn declared(&self, text: &str, found: i64) -> Option<i64> {
        if text.is_empty() { Some(found) } else { self.amount(text) }
    }

    fn close(&mut self, transfer: &mut Transfer, ended: Ended<'_>) -> Result<(), Stop> {
        let text = ended.text;
        match ended.path.strip_prefix("/Document/CstmrCdtTrfInitn/").unwrap_or_default() {
            "GrpHdr/MsgId" => self.head.message_id = text.to_owned(),
            "GrpHdr/NbOfTxs" => transfer.declared_count = text.to_owned(),
            "GrpHdr/CtrlSum" => transfer.declared_sum = text.to_owned(),
            "PmtInf/PmtInfId" => transfer.batch_id = text.to_owned(),
            "PmtInf/NbOfTxs" => transfer.batch_count = text.to_owned(),
            "PmtInf/CtrlSum" => transfer.batch_sum = text.to_owned(),
            "PmtInf/DbtrAcct/Id/IBAN" => {
                self.head.debtor_has_iban = true;
                self.head.debtor_account = text.to_owned();
            }
            "PmtInf/DbtrAcct/Id/Othr/Id" => {
                self.head.debtor_account = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/PmtId/EndToEndId" => {
                transfer.instruction.end_to_end_id = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/Amt/InstdAmt" => {
                transfer.amount = text.to_owned();
                transfer.currency = ended.currency.to_owned();
            }
            "PmtInf/CdtTrfTxInf/Cdtr/Nm" => {
                transfer.instruction.name = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf/CdtrAcct/Id/IBAN" | "PmtInf/CdtTrfTxInf/CdtrAcct/Id/Othr/Id" => {
                transfer.instruction.account = text.to_owned();
            }
            "PmtInf/CdtTrfTxInf" => {
                let mut instruction = std::mem::take(&mut transfer.instruction);
                instruction.batch_id = transfer.batch_id.clone();
                let amount = std::mem::take(&mut transfer.amount);
                self.currency_must_be(&std::mem::take(&mut transfer.currency))?;
                let before = self.found.sum_minor;
                self.give(instruction, &amount)?;
                transfer.batch.add(self.found.sum_minor - before)?;
            }
            "PmtInf" => {
                let batch = std::mem::take(&mut transfer.batch);
                let sum = std::mem::take(&mut transfer.batch_sum);
                let count = std::mem::take(&mut transfer.batch_count);
                let count = if count.is_empty() { batch.count.to_string() } else { count };
                batch.must_be(&count, self.declared(&sum, batch.sum_minor))?;
                transfer.batch_id.clear();
            }
            _ => {}
        }
        self.renew();
        Ok(())
    }
}

/// What of a pain.001 has been read and not given yet.
#[derive(Default)]
struct Transfer {
    declared_count: String,
    declared_sum: String,
    batch_id: String,
    batch_count: String,
    batch_sum: String,
    batch: Totals,
    instruction: Instruction,
    amount: String,
    currency: String,
}
