//! `chitra init DIR`: a new office.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::cli::Voice;
use crate::engine::{EngineError, office};

#[derive(Args)]
pub struct Init {
    /// The folder of the new office
    dir: PathBuf,
    /// What the office is called
    #[arg(long, default_value = "My office")]
    name: String,
    /// 2 to 6 capitals or digits with which every payment reference begins
    #[arg(long, default_value = "CT01")]
    prefix: String,
    /// `sqlite:office.db`, or a PostgreSQL URL
    #[arg(long, default_value = "sqlite:office.db")]
    database: String,
    /// The first month this office pays; earlier ones count as paid
    #[arg(long)]
    history_from: String,
}

impl Init {
    pub fn run(self, voice: &Voice) -> Result<(), EngineError> {
        // Written as TOML would: no text of an argument becomes a line of the file.
        let quoted = |text: &str| toml::Value::from(text).to_string();
        let config = CONFIG
            .replace("{name}", &quoted(&self.name))
            .replace("{prefix}", &quoted(&self.prefix))
            .replace("{database}", &quoted(&self.database))
            .replace("{history_from}", &quoted(&self.history_from));
        office::create(&self.dir, &config, secret()?)?;
        let dir = self.dir.display();
        voice.say(&json!({ "office": dir.to_string() }), || {
            format!(
                "An office stands in {dir}. Next:\n  \
                 edit {dir}/chitra.toml (the account that pays, the partners)\n  \
                 chitra --office {dir} officer enrol NAME --role officer --new-key\n  \
                 chitra --office {dir} identity import FILE --period YYYY-MM --as NAME"
            )
        });
        Ok(())
    }
}

/// 32 random bytes from the operating system.
pub fn secret() -> Result<[u8; 32], EngineError> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret)
        .map_err(|error| EngineError::refused("G119", format!("the operating system gives no randomness ({error}), and no key is made without; mend the machine")))?;
    Ok(secret)
}

const CONFIG: &str = r#"# An office of chitra. Paths are relative to this folder. No secrets belong here.

[office]
name = {name}
prefix = {prefix}            # begins every payment reference
authority = 1
currency = "VND"
utc_offset = "+07:00"
environment = "test"          # test or production: files of one never leave in the other
database = {database}
approvals = 2                 # approvers besides the maker
history_from = {history_from}  # months before this one count as paid by whoever paid before

[debtor]                      # whose account pays
name = {name}
id = "0000000"
account = "VN67BHXH0000000011004000001"
bin = "970436"

[policy]
cooling_off_months = 1        # a changed account waits so long to be confirmed
account_beneficiaries_max = 3 # more people than this on one account need an authorisation
attempts_max = 3
cash_fallback = true          # money that no account takes goes to the pay point
recovery_share_max = "0.20"   # at most this share of a payment is kept back for what the person owes, and taken off for months overpaid
recovery_floor_minor = 0      # so much is paid whatever is owed
# receipt_seen_days = 5       # so long after it came, money that was paid back stands on a statement

# Orders of courts keep back of these benefits alone, as PROGRAMME/BENEFIT; of none when nothing stands here.
# [court_orders]
# attachable = []

# Other names of columns, so that existing exports load unedited:
# [aliases]
# "so dinh danh" = "national_id"

# What happens by itself when a timer calls `chitra schedule run`; dispatch, collect and report are done, and of
# open, submit, approve, reissue and close an officer is reminded.
# [[schedule]]
# name = "answers"
# what = "collect"
# when = "daily"                        # daily, every monday, day 5 (of the month), before 25
# from = "2026-11-01"                   # the first day on which it holds
# catch_up_days = 7                     # so late it still fires

# Partners. One block each; folders are made by you or are mounts.
# [[provider]]
# name = "mybank"
# channel = "bank"                      # bank, ewallet, mobile_money or cash
# format = "iso20022-pain001-09"        # see: chitra formats list
# answers = ["iso20022-pain002", "iso20022-camt054"]
# serves = ["*"]                        # values of the roster's provider column
# count_max = 100000
# total_max_minor = 900000000000000
# amount_max_minor = 499999999
# paid_after_days = 5                   # debited, and so many days nothing came back: paid; or debit_is_proof = true
# inbox = "partners/mybank/inbox"       # where the partner reads
# outbox = "partners/mybank/outbox"     # where it answers
# taken = "partners/mybank/taken"       # where it keeps what it took
# taken_kept_days = 30                  # for so many days; without it nothing proves that a file of unknown fate has not left
"#;
