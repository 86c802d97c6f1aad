//! A partner that takes one payment a request, as `chitra.toml` names it.

/// Its table: `terms` stand beside its name, `more` under `[provider.http]`.
pub fn mobile_partner(name: &str, terms: &str, base_url: &str, more: &str) -> String {
    format!(
        r#"
[[provider]]
name = "{name}"
channel = "mobile_money"
format = "gsma-mobile-money-transaction"
answers = ["gsma-mobile-money-transaction-results"]
serves = ["*"]
count_max = 1000
total_max_minor = 900000000000
amount_max_minor = 400000000
answer_days = 12
{terms}
[provider.http]
kind = "payments"
base_url = "{base_url}"
send_path = "/transactions/type/disbursement"
{more}
"#
    )
}
