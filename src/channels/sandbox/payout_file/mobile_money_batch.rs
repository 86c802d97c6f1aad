//! Reading a batch of the GSMA Mobile Money API 1.2, one transaction at a time.

use std::fmt;
use std::io::{self, BufReader, Read};

use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Instruction, Payout, Refusal, Stop, amount_minor, minor_digits};

impl Payout<'_> {
    pub fn read_mobile_money_batch(&mut self, input: impl Read) -> Result<(), Stop> {
        let mut stop = None;
        // The parser takes byte after byte.
        let mut json = serde_json::Deserializer::from_reader(BufReader::new(input));
        let read = BatchSeed { payout: self, stop: &mut stop }
            .deserialize(&mut json)
            .and_then(|()| json.end());
        match (stop, read) {
            (Some(stop), _) => Err(stop),
            (None, Ok(())) => Ok(()),
            (None, Err(error)) => Err(match error.classify() {
                serde_json::error::Category::Eof => Refusal::FileMustBeWhole.into(),
                serde_json::error::Category::Io => io::Error::from(error).into(),
                _ => Refusal::FileMustBeReadable.into(),
            }),
        }
    }

    fn transaction(&mut self, transaction: Transaction) -> Result<(), Stop> {
        if transaction.kind != "disbursement" {
            return Err(Refusal::FileMustBeReadable.into());
        }
        self.currency_must_be(&transaction.currency)?;
        if self.head.debtor_account.is_empty() {
            self.head.debtor_account = value_of(transaction.debit_party, "accountid");
        }
        let instruction = Instruction {
            end_to_end_id: transaction.reference,
            account: value_of(transaction.credit_party, "msisdn"),
            name: value_of(transaction.custom_data, "name"),
            ..Instruction::default()
        };
        self.give(instruction, &transaction.amount)
    }
}

/// One transaction, whose kind is in the path of its request.
pub fn of_request(body: &[u8]) -> Option<Instruction> {
    let request: Request = serde_json::from_slice(body).ok()?;
    Some(Instruction {
        amount_minor: amount_minor(&request.amount, minor_digits(&request.currency))?,
        end_to_end_id: request.reference,
        account: value_of(request.credit_party, "msisdn"),
        name: value_of(request.custom_data, "name"),
        ..Instruction::default()
    })
}

#[derive(Deserialize)]
struct Request {
    #[serde(rename = "requestingOrganisationTransactionReference")]
    reference: String,
    amount: String,
    currency: String,
    #[serde(rename = "creditParty")]
    credit_party: Vec<KeyValue>,
    #[serde(rename = "customData", default)]
    custom_data: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct Transaction {
    #[serde(rename = "requestingOrganisationTransactionReference")]
    reference: String,
    #[serde(rename = "type")]
    kind: String,
    amount: String,
    currency: String,
    #[serde(rename = "creditParty")]
    credit_party: Vec<KeyValue>,
    #[serde(rename = "debitParty")]
    debit_party: Vec<KeyValue>,
    #[serde(rename = "customData", default)]
    custom_data: Vec<KeyValue>,
}

#[derive(Deserialize)]
struct KeyValue {
    key: String,
    value: String,
}

fn value_of(list: Vec<KeyValue>, key: &str) -> String {
    list.into_iter().find(|pair| pair.key == key).map(|pair| pair.value).unwrap_or_default()
}

struct BatchSeed<'p, 't> {
    payout: &'p mut Payout<'t>,
    /// Why reading ended, in our own words: the parser has only its own.
    stop: &'p mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for BatchSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a batch of transactions")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let mut found = false;
        while let Some(name) = members.next_key::<String>()? {
            self.payout.renew();
            match name.as_str() {
                "transactions" if found => return Err(A::Error::custom("twice")),
                "transactions" => {
                    let seed = TransactionsSeed { payout: self.payout, stop: self.stop };
                    members.next_value_seed(seed)?;
                    found = true;
                }
                "batchTitle" => self.payout.head.message_id = members.next_value()?,
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        if !found {
            self.stop.replace(Refusal::FileMustHavePayments.into());
        }
        Ok(())
    }
}

struct TransactionsSeed<'p, 't> {
    payout: &'p mut Payout<'t>,
    stop: &'p mut Option<Stop>,
}

impl<'de> DeserializeSeed<'de> for TransactionsSeed<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TransactionsSeed<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of transactions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(transaction) = items.next_element::<Transaction>()? {
            if let Err(stop) = self.payout.transaction(transaction) {
                *self.stop = Some(stop);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
