//! What a sandbox wallet, operator, pay-point organisation and sheet bank say: result files in
//! their own words.
//!
//! Reads: a ledger file's head and the entries that a day's answer is about.
//! Gives: CSV sheets with a closing total, and the JSON lists of completions and rejections.

use std::io::{self, Write};

use jiff::civil::Date;
use serde_json::json;

use super::ProviderKind;
use super::behaviour::Behaviour;
use super::ledger::{LedgerEntry, LedgerHead, Said};

/// An entry and what is said about it.
pub(super) type SaidEntry = io::Result<(LedgerEntry, Said)>;

/// Writes the sheet of a wallet, a sheet bank or a pay-point organisation.
pub(super) fn write_sheet(
    out: &mut dyn Write,
    head: &LedgerHead,
    day: Date,
    off_minor: i128,
    entries: &mut dyn Iterator<Item = SaidEntry>,
) -> io::Result<()> {
    let mut sheet = csv::WriterBuilder::new().flexible(true).from_writer(out);
    let header: &[&str] = match head.kind {
        ProviderKind::Wallet => &[
            "partner_reference",
            "wallet_id",
            "amount",
            "currency",
            "status",
            "reason_code",
            "message",
            "transaction_id",
            "completed_at",
        ],
        ProviderKind::PayPoint => &[
            "STT",
            "Mã tham chiếu",
            "Họ và tên",
            "Số định danh",
            "Số tiền",
            "Trạng thái",
            "Ngày ký nhận",
            "Lý do",
        ],
        ProviderKind::BankSheet | ProviderKind::Bank | ProviderKind::MobileMoney => &[
            "STT",
            "Số tài khoản",
            "Tên người hưởng",
            "Số tiền",
            "Nội dung",
            "Trạng thái",
            "Ghi chú",
            "Số tham chiếu",
            "Ngày giao dịch",
        ],
    };
    sheet.write_record(header)?;
    let (mut count, mut sum) = (0_u64, 0_i128);
    for said in entries {
        let (entry, said) = said?;
        count += 1;
        sum += i128::from(entry.amount_minor);
        let (status, reason) = words(head, &entry, said);
        let amount = entry.amount_minor.to_string();
        let number = count.to_string();
        let reference = head.provider_reference(&entry);
        let credited = match (said, entry.credited) {
            (Said::Credited, Some(credited)) => Some(credited.0),
            _ => None,
        };
        let vietnamese = |date: Date| date.strftime("%d/%m/%Y").to_string();
        match head.kind {
            ProviderKind::Wallet => {
                let message = if head.is_refused() { head.refusal.as_str() } else { "" };
                let date = credited.unwrap_or(day).to_string();
                let row = [
                    &entry.e2e,
                    &entry.account,
                    &amount,
                    &head.currency,
                    status,
                    reason,
                    message,
                    &reference,
                    &date,
                ];
                sheet.write_record(row)?;
            }
            ProviderKind::PayPoint => {
                // Who has no number is known by pay point and name, which is no number to print.
                let is_number = entry.account.bytes().all(|byte| byte.is_ascii_digit());
                let personal = if is_number { entry.account.as_str() } else { "" };
                let signed = credited.map(vietnamese).unwrap_or_default();
                let row =
                    [&number, &entry.e2e, &entry.name, personal, &amount, status, &signed, reason];
                sheet.write_record(row)?;
            }
            ProviderKind::BankSheet | ProviderKind::Bank | ProviderKind::MobileMoney => {
                let content = format!("MA {}", entry.e2e);
                let date = vietnamese(credited.unwrap_or(day));
                let row = [
                    &number,
                    &entry.account,
                    &entry.name,
                    &amount,
                    &content,
                    status,
                    reason,
                    &reference,
                    &date,
                ];
                sheet.write_record(row)?;
            }
        }
    }
    let (count, sum) = (count.to_string(), (sum + off_minor).to_string());
    match head.kind {
        ProviderKind::Wallet => {
            sheet.write_record(["TOTAL", &count, &sum, "VND", "", "", "", "", ""])?;
        }
        ProviderKind::PayPoint => {
            sheet.write_record(["Tổng cộng", "", &count, "", &sum, "", "", ""])?;
        }
        ProviderKind::BankSheet | ProviderKind::Bank | ProviderKind::MobileMoney => {
            sheet.write_record(["Tổng cộng", &count, "", &sum, "", "", "", "", ""])?;
        }
    }
    sheet.flush()
}

/// The provider's words for a status and its reason.
fn words(head: &LedgerHead, entry: &LedgerEntry, said: Said) -> (&'static str, &'static str) {
    use Behaviour::*;
    let refused = head.is_refused();
    match head.kind {
        ProviderKind::Wallet => match said {
            Said::Processing => ("PROCESSING", ""),
            Said::Credited => ("SUCCESS", ""),
            Said::Rejected if refused => ("FAILED", "FILE_REFUSED"),
            Said::Rejected if entry.behaviour == RejectName => ("FAILED", "NAME_MISMATCH"),
            Said::Rejected => ("FAILED", "WALLET_NOT_FOUND"),
            // A wallet learns of a death as one that is locked.
            Said::Returned if entry.behaviour == ReturnDeceased => ("REFUNDED", "WALLET_LOCKED"),
            Said::TakenBack => ("REFUNDED", "RECALLED"),
            Said::Cancelled => ("FAILED", "RECALLED"),
            Said::Returned => ("REFUNDED", "WALLET_NOT_LINKED"),
        },
        ProviderKind::PayPoint => match said {
            Said::Credited => ("Đã chi", ""),
            Said::Returned | Said::TakenBack => ("Trả lại", ""),
            Said::Processing | Said::Rejected | Said::Cancelled => {
                let reason = match entry.behaviour {
                    _ if refused => "Danh sách không hợp lệ",
                    RejectName => "Sai thông tin",
                    RejectClosedAccount => "Chuyển đi",
                    ReturnDeceased => "Đã chết",
                    _ => "Không đến nhận",
                };
                ("Chưa chi", reason)
            }
        },
        ProviderKind::BankSheet | ProviderKind::Bank | ProviderKind::MobileMoney => match said {
            Said::Processing => ("Đang xử lý", ""),
            Said::Credited => ("Thành công", ""),
            Said::Rejected if refused => ("Từ chối", "Tệp không hợp lệ"),
            Said::Rejected if entry.behaviour == RejectName => ("Không thành công", "Sai tên"),
            Said::Rejected => ("Không thành công", "Tài khoản đã đóng"),
            Said::Returned if entry.behaviour == ReturnDeceased => {
                ("Hoàn trả", "Chủ tài khoản đã chết")
            }
            Said::TakenBack => ("Hoàn trả", "Theo yêu cầu hoàn trả"),
            Said::Cancelled => ("Đã hủy", "Theo yêu cầu hủy"),
            Said::Returned => ("Hoàn trả", "Tài khoản đã đóng"),
        },
    }
}

/// Writes one of the two lists of a mobile-money operator: that of the completions or that of the
/// rejections.
pub(super) fn write_transactions(
    out: &mut dyn Write,
    head: &LedgerHead,
    day: Date,
    entries: &mut dyn Iterator<Item = SaidEntry>,
) -> io::Result<()> {
    out.write_all(b"[")?;
    for (at, said) in entries.enumerate() {
        let (entry, said) = said?;
        out.write_all(if at == 0 { b"\n" } else { b",\n" })?;
        let reference = head.provider_reference(&entry);
        let mut item = json!({
            "requestingOrganisationTransactionReference": entry.e2e,
            "transactionReference": reference,
            "creditParty": [{ "key": "msisdn", "value": entry.account }],
            "debitParty": [{ "key": "accountid", "value": head.debtor_account }],
        });
        if said == Said::Credited {
            let on = entry.credited.map_or(day, |credited| credited.0);
            item["completionDate"] = json!(format!("{on}T08:00:00Z"));
            item["link"] = json!(format!("/transactions/{reference}"));
        } else {
            let reason = match entry.behaviour {
                _ if head.is_refused() => "formatError",
                Behaviour::RejectName | Behaviour::ReturnDeceased => "requestDeclined",
                _ => "identifierError",
            };
            item["rejectionDate"] = json!(format!("{day}T08:00:00Z"));
            item["rejectionReason"] = json!(reason);
        }
        serde_json::to_writer(&mut *out, &item)?;
    }
    out.write_all(b"\n]\n")
}
