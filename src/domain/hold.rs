//! Why a payment is held: the catalogue of codes, what each holds back, and who may release it.
//!
//! A hold is our decision about someone who may well be owed the money. It is not a refusal (a row
//! that could not be read) and not a cessation (an enrolment that a decision has ended).
//! Gives: `HoldCode`, stable for ever; a code is never given a second meaning.

use std::fmt;
use std::str::FromStr;

/// What is kept back.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HoldScope {
    /// The roster row: nothing is worked out for it until it is released.
    Row,
    /// The payable: what is owed is worked out and shown, and no money moves.
    Payable,
}

/// Who may release a hold, always with a reason that is logged.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum HoldRelease {
    /// An officer, after looking at the evidence.
    Officer,
    /// An officer, confirmed by a second person.
    TwoPersons,
    /// Nobody by hand: it goes when the missing thing is there.
    WhenMended,
}

/// One line of the catalogue.
pub struct HoldEntry {
    pub code: HoldCode,
    /// Printed on lists and stored: `H101`.
    pub text: &'static str,
    pub scope: HoldScope,
    pub release: HoldRelease,
    pub vi: &'static str,
    pub en: &'static str,
}

/// Writes the enum and its catalogue from one list, so that neither can lack what the other has.
macro_rules! holds {
    ($($name:ident $text:literal $scope:ident $release:ident $vi:literal $en:literal)*) => {
        /// Why a row or a payable is held.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum HoldCode {
            $(#[doc = $en] $name,)*
        }

        /// Every code, in the order of the enum.
        pub const HOLDS: &[HoldEntry] = &[
            $(HoldEntry {
                code: HoldCode::$name,
                text: $text,
                scope: HoldScope::$scope,
                release: HoldRelease::$release,
                vi: $vi,
                en: $en,
            },)*
        ];
    };
}

holds! {
    IdentityNotFound "H101" Row Officer
        "Không tìm thấy số định danh trong cơ sở dữ liệu dân cư."
        "The id is not in the identity register."
    NameDiffers "H102" Row Officer
        "Họ tên khác với họ tên của số định danh này trong cơ sở dữ liệu dân cư."
        "The name differs from the name that the register has for this id."
    BirthDiffers "H103" Row Officer
        "Ngày sinh khác với ngày sinh trong cơ sở dữ liệu dân cư."
        "The date of birth differs from the register's."
    IdContradictsPerson "H104" Row Officer
        "Các chữ số của số định danh trái với năm sinh hoặc giới tính, và số này không có trong cơ sở dữ liệu dân cư."
        "The digits of the id contradict the year of birth or the sex, and the id is not in the register."
    IdFormInvalid "H105" Row Officer
        "Số định danh sai dạng: phải có 12 chữ số, hoặc 9 chữ số nếu là chứng minh nhân dân cũ."
        "The id has the wrong form: it has 12 digits, or 9 on an old card."
    IdMissing "H106" Row Officer
        "Thiếu số định danh."
        "The id is missing."
    NameEncodingDamaged "H107" Row Officer
        "Họ tên ở bảng mã cũ (TCVN3, VNI hoặc tương tự); cần xác nhận bản chuyển mã."
        "The name is in a legacy encoding (TCVN3, VNI or alike); the repair offered must be confirmed."
    IdentityAmbiguous "H108" Row Officer
        "Có nhiều người trong cơ sở dữ liệu dân cư cùng khớp với dòng này."
        "More than one person in the register fits this row."
    Deceased "H110" Row TwoPersons
        "Cơ sở dữ liệu dân cư ghi người này đã chết trước kỳ chi trả."
        "The register says this person died before the period."
    DiedInPeriod "H111" Payable Officer
        "Người này chết trong hoặc sau kỳ chi trả: tiền của tháng chết vẫn phải trả cho thân nhân."
        "This person died in or after the period: the month of death is still due, to the heirs."
    ExpectedDeathNotRegistered "H112" Row Officer
        "Khoản chi do có người chết, nhưng cơ sở dữ liệu dân cư chưa ghi người này đã chết."
        "The benefit is paid on a death that the register does not have."
    DeclaredMissing "H113" Row TwoPersons
        "Cơ sở dữ liệu dân cư ghi người này bị tuyên bố mất tích."
        "The register says this person was declared missing."
    EnrolledTwice "H120" Row TwoPersons
        "Cùng một người đã có hồ sơ hưởng khác cho cùng chế độ này, hoặc dưới số khác cho chế độ không được hưởng cùng."
        "The same person is already enrolled in the same benefit, or under another number in one that excludes it."
    AccountShared "H121" Payable Officer
        "Một tài khoản nhận tiền cho nhiều người mà không có ủy quyền."
        "One account receives for several people without an authorisation."
    PerhapsKnown "H122" Row TwoPersons
        "Người mới có cùng họ tên, ngày sinh và chế độ với một người vừa ra khỏi danh sách mang số khác: có thể là một người, các tháng đã chi có thể bị chi lần nữa."
        "A new person has the name, birth and benefit of one who has just left the roster under another number: they may be one, and months that were paid may be paid again."
    AnotherWasPaid "H123" Row WhenMended
        "Có tháng đã chi một chế độ khác không được hưởng cùng chế độ này, theo một dòng không còn hoặc đang tạm giữ trong danh sách, hoặc do nơi khác chi: cần gửi cả hai dòng, dòng cũ ghi ngày thôi hưởng."
        "For a month another benefit was paid that is not due beside this one, under a row that is gone or held, or by somebody else: both rows have to be sent, the old one with its last day."
    BackAfterAbsence "H124" Row Officer
        "Dòng này trở lại sau những tháng không có trong danh sách: nếu các tháng đó được hưởng thì cán bộ gỡ tạm giữ; nếu không thì gửi lại dòng với `entitled_from` là tháng trở lại."
        "The row is back after months in which it was not listed: when these are owed an officer releases it; when not, the row is sent again with the month of its return as `entitled_from`."
    FactMissing "H130" Row WhenMended
        "Thiếu thông tin cần để xét mức hưởng."
        "A fact that the rules need is missing."
    RulesConflict "H131" Row WhenMended
        "Quy tắc của chế độ không xác định được một mức hưởng duy nhất."
        "The rules of the programme do not give one answer."
    DestinationMissing "H140" Payable WhenMended
        "Chưa có nơi nhận tiền."
        "There is no destination to pay to."
    DestinationChanged "H141" Payable Officer
        "Nơi nhận tiền mới thay đổi, đang trong thời gian chờ xác nhận."
        "The destination changed recently and waits for confirmation."
    AmountOverLimit "H142" Payable WhenMended
        "Số tiền vượt hạn mức của kênh chi trả."
        "The amount is over the channel's limit."
    FormatRefuses "H143" Payable WhenMended
        "Dữ liệu không ghi được vào tệp của đơn vị chi trả."
        "The provider's file format refuses the data."
    AccountNameDiffers "H144" Payable Officer
        "Tên chủ tài khoản không khớp với người nhận."
        "The name on the account is not the payee's."
    DestinationUnusable "H145" Payable Officer
        "Tài khoản nhận được tiền nhưng người hưởng không sử dụng được."
        "The account can be credited but its owner cannot use it."
    DecisionNotInForce "H150" Row WhenMended
        "Thiếu quyết định, hoặc quyết định chưa có hay đã hết hiệu lực."
        "The decision is missing or not in force."
    AuthorisationNotInForce "H151" Payable WhenMended
        "Ủy quyền của người nhận thay bị thiếu hoặc đã hết hạn."
        "The payee's authorisation is missing or has expired."
    Uncollected "H152" Payable Officer
        "Ba tháng liền không nhận tiền: đề nghị xem xét tạm dừng."
        "Not collected for three months running: a suspension is proposed."
    DuplicateReported "H153" Payable TwoPersons
        "Đơn vị chi trả báo đã nhận khoản này trước đó, hoặc báo thêm giao dịch thứ hai: phải đối chiếu sổ sách xong mới chi lại."
        "The provider says that it saw this payment before, or told a second transaction for it: the books must agree first."
    ReasonNeedsAPerson "H154" Payable Officer
        "Khoản của kỳ trước bị từ chối hoặc trả về vì lý do cần có người xem xét."
        "Money of an earlier month came back for a reason at which a person must look."
    NotEntitledNow "H155" Payable Officer
        "Khoản của kỳ trước chưa chi được, nhưng kỳ này người hưởng không có dòng được chi trong danh sách."
        "Money of an earlier month is unpaid, and this month no row entitles the person."
    UnpaidBeforeDeath "H156" Payable TwoPersons
        "Khoản chưa chi được của người đã chết: chỉ chi cho thân nhân sau khi hai người xác nhận."
        "Unpaid money of a person who has died: it goes to the heirs, when two persons have confirmed it."
    DecisionNumberMissing "H157" Row Officer
        "Dòng này không ghi số quyết định: phải thấy quyết định trước khi chi."
        "The row names no decision: the decision must be seen before it is paid."
    ReportedByPartner "H158" Payable TwoPersons
        "Kỳ trước đơn vị chi trả báo người nhận đã chết hoặc khoản chi bị ngăn chặn: phải xác minh trước khi chi tiếp."
        "A partner has reported the payee's death, fraud or a court order: it must be looked into before more is paid."
    ReportedByOfficer "H160" Payable TwoPersons
        "Cán bộ báo tạm giữ khoản chi này."
        "An officer has reported a reason to hold this payment."
    PayeeDeceased "H161" Payable TwoPersons
        "Cơ sở dữ liệu dân cư ghi người nhận thay đã chết: phải có người nhận khác, hoặc xác minh trước khi chi."
        "The register says that the payee, who receives for another, has died: it takes another payee, or a look into it."
    PayeeMissing "H162" Payable TwoPersons
        "Cơ sở dữ liệu dân cư ghi người nhận thay bị tuyên bố mất tích: phải có người nhận khác, hoặc xác minh trước khi chi."
        "The register says that the payee, who receives for another, was declared missing: it takes another payee, or a look into it."
    NotTheHeirs "H164" Payable WhenMended
        "Khoản của người đã chết không thuộc phần của thân nhân: của tháng sau tháng chết theo giấy tờ, hoặc nằm chung với tháng đó, hoặc đã chi thừa."
        "Money of someone who has died that is not the heir's: of a month after the death by the paper, in one sum with such a month, or of a month that was paid too much."
}

impl HoldCode {
    pub fn entry(&self) -> &'static HoldEntry {
        &HOLDS[*self as usize]
    }

    /// The stable text: `H101`.
    pub fn text(&self) -> &'static str {
        self.entry().text
    }

    pub fn scope(&self) -> HoldScope {
        self.entry().scope
    }

    pub fn release(&self) -> HoldRelease {
        self.entry().release
    }
}

impl fmt::Display for HoldCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl FromStr for HoldCode {
    type Err = HoldCodeError;

    fn from_str(text: &str) -> Result<HoldCode, HoldCodeError> {
        let entry = HOLDS.iter().find(|entry| entry.text == text);
        entry.map(|entry| entry.code).ok_or_else(|| HoldCodeError(text.chars().take(8).collect()))
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a hold code")]
pub struct HoldCodeError(String);

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_code_is_its_own_and_has_its_sentences() {
        let mut seen = HashSet::new();
        for (at, entry) in HOLDS.iter().enumerate() {
            assert_eq!(entry.code as usize, at, "{}", entry.text);
            for text in [entry.text, entry.vi, entry.en] {
                assert!(seen.insert(text), "{text} stands twice");
            }
            let digits = entry.text.strip_prefix('H').unwrap_or("");
            assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()));
            assert!(entry.vi.ends_with('.') && entry.en.ends_with('.'), "{}", entry.text);
            assert_eq!(entry.text.parse(), Ok(entry.code));
        }
        assert!(HOLDS.windows(2).all(|pair| pair[0].text < pair[1].text));
        assert!("H999".parse::<HoldCode>().is_err());
    }

    #[test]
    fn codes_that_lists_and_letters_already_carry_keep_their_meaning() {
        for (code, text) in [
            (HoldCode::IdentityNotFound, "H101"),
            (HoldCode::NameDiffers, "H102"),
            (HoldCode::BirthDiffers, "H103"),
            (HoldCode::IdContradictsPerson, "H104"),
            (HoldCode::IdFormInvalid, "H105"),
            (HoldCode::Deceased, "H110"),
            (HoldCode::EnrolledTwice, "H120"),
            (HoldCode::AccountShared, "H121"),
            (HoldCode::FactMissing, "H130"),
            (HoldCode::DestinationMissing, "H140"),
            (HoldCode::DestinationChanged, "H141"),
            (HoldCode::AmountOverLimit, "H142"),
            (HoldCode::FormatRefuses, "H143"),
            (HoldCode::DecisionNotInForce, "H150"),
            (HoldCode::AuthorisationNotInForce, "H151"),
        ] {
            assert_eq!(code.text(), text);
        }
    }
}
