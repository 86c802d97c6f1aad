//! A line to a provider's folders, which loses what it is told to send where the plan says.

use std::io::Write;
use std::path::PathBuf;

use chitra::channels::directory::DirectoryChannel;
use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome, Reason,
};
use chitra::disk::file_name::FileName;
use chitra::domain::digest::Digest;

use super::machine::{Machine, SendFault, Sent};

/// How a line treats a sending whose outcome it does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnTimeOut {
    /// As the engine was built for: unknown is told as unknown.
    Tell,
    /// The careless system: a time-out is taken for a refusal, told so, and the engine sends again
    /// under the same name.
    SayNotDelivered,
    /// The more careless one: it sends at once again, under a new name.
    SendUnderANewName,
}

/// How a line treats requests to give payments back, and the answers to them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OnRecalls {
    AsBuilt,
    /// The careless system: after a crash or a time-out it does not ask whether a request is there, and sends it
    /// once more under another name.
    SendAgainUnderANewName,
    /// Another: it takes the word that the money will be given back for the money.
    TakeTheWordForTheMoney,
}

/// A line to a provider's folders.
pub struct MachineChannel {
    pub machine: Machine,
    pub inner: DirectoryChannel,
    /// The signed checkpoint of the office's log.
    pub checkpoint: PathBuf,
    pub on_time_out: OnTimeOut,
    pub on_recalls: OnRecalls,
}

/// What stands in the name of every request to give a payment back.
const OF_A_RECALL: &str = "-RECALL";

impl MachineChannel {
    fn forgets(&self, name: &FileName) -> bool {
        self.on_recalls == OnRecalls::SendAgainUnderANewName && name.as_str().contains(OF_A_RECALL)
    }

    fn lost(&self) -> DeliveryOutcome {
        DeliveryOutcome::Unknown(Reason::new("time_out", "the line was cut"))
    }
}

impl Channel for MachineChannel {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        let Parcel { name, source, digest, count, total } = parcel;
        let mut bytes = Vec::new();
        if let Err(error) = source.read_to_end(&mut bytes) {
            return DeliveryOutcome::NotDelivered(Reason::new("V101", error));
        }
        let signed_leaves = self.machine.signed_leaves(&self.checkpoint);
        let mut name = name;
        let fault = {
            let mut state = self.machine.state();
            let times = state.sent.iter().filter(|one| one.digest == digest).count();
            if self.forgets(&name) && times > 0 {
                let again = format!("AGAIN{times}-{}", name.as_str());
                name = FileName::parse(&again).expect("a plain name after a plain word");
            }
            let sending = state.counts.sendings;
            state.counts.sendings += 1;
            state.sent.push(Sent { name: name.as_str().to_owned(), digest, signed_leaves });
            let fault = state.plan.sendings.get(&sending).copied();
            if let Some(fault) = fault {
                state.inject(match fault {
                    SendFault::DeliveredThenDies(_) => "sending: delivered, then died",
                    SendFault::UnknownThoughDelivered => "sending: time-out, delivered",
                    SendFault::UnknownAndNotDelivered => "sending: time-out, not delivered",
                    SendFault::NotDelivered => "sending: refused",
                });
            }
            fault
        };
        let send = |name: FileName| {
            let source = &mut bytes.as_slice();
            self.inner.deliver(Parcel { name, source, digest, count, total })
        };
        let outcome = match fault {
            Some(SendFault::NotDelivered) => {
                return DeliveryOutcome::NotDelivered(Reason::new("refused", "no connection"));
            }
            Some(SendFault::UnknownAndNotDelivered) => self.lost(),
            Some(SendFault::UnknownThoughDelivered) => match send(name.clone()) {
                DeliveryOutcome::Delivered(_) => self.lost(),
                other => other,
            },
            Some(SendFault::DeliveredThenDies(death)) => {
                let outcome = send(name.clone());
                self.machine.die(death);
                return outcome;
            }
            None => send(name.clone()),
        };
        match (outcome, self.on_time_out) {
            (DeliveryOutcome::Unknown(reason), OnTimeOut::SayNotDelivered) => {
                DeliveryOutcome::NotDelivered(reason)
            }
            (DeliveryOutcome::Unknown(_), OnTimeOut::SendUnderANewName) => {
                let again = FileName::parse(&format!("R-{}", name.as_str()));
                send(again.expect("a plain name with two plain letters before it"))
            }
            (outcome, _) => outcome,
        }
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        if self.forgets(name) {
            return QueryOutcome::NotThere;
        }
        match self.machine.is_silent() {
            true => QueryOutcome::Unavailable(Reason::new("time_out", "the line was cut")),
            false => self.inner.query(name, digest),
        }
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        self.inner.answers()
    }

    fn fetch(&self, name: &FileName, into: &mut dyn Write) -> Result<Fetched, CollectError> {
        if self.on_recalls != OnRecalls::TakeTheWordForTheMoney {
            return self.inner.fetch(name, into);
        }
        let mut bytes = Vec::new();
        self.inner.fetch(name, &mut bytes)?;
        let text = String::from_utf8(bytes).expect("answers are text");
        let bytes = returned_instead(&text).unwrap_or(text).into_bytes();
        into.write_all(&bytes).expect("the office can take an answer in");
        Ok(Fetched { digest: Digest::of(&bytes), bytes: bytes.len() as u64 })
    }
}

/// A word of agreement, told as if it were a notification of what came back: every payment in it that is agreed
/// to. None: it is no such word.
fn returned_instead(resolution: &str) -> Option<String> {
    let between = |text: &str, from: &str, to: &str| -> Option<String> {
        let (_, after) = text.split_once(from)?;
        Some(after.split_once(to)?.0.to_owned())
    };
    if !resolution.contains("camt.029") {
        return None;
    }
    let day = between(resolution, "<CreDtTm>", "T")?;
    let entries: String = resolution
        .split("<TxInfAndSts>")
        .filter(|case| case.contains("<TxCxlSts>ACCR<"))
        .filter_map(|case| {
            let reference = between(case, "<OrgnlEndToEndId>", "<")?;
            let amount = between(case, "Ccy=\"VND\">", "<")?;
            Some(format!(
                "<Ntry><Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>\
                 <BookgDt><Dt>{day}</Dt></BookgDt><NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs>\
                 <Amt Ccy=\"VND\">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>\
                 <RtrInf><Rsn><Cd>FOCR</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>"
            ))
        })
        .collect();
    let id = Digest::of(resolution.as_bytes()).to_string();
    (!entries.is_empty()).then(|| {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08\"><BkToCstmrDbtCdtNtfctn>\
             <GrpHdr><MsgId>{id}</MsgId><CreDtTm>{day}T08:00:00Z</CreDtTm></GrpHdr><Ntfctn><Id>{id}</Id>\
             <Acct><Id><IBAN>VN67BHXH0000000011004000001</IBAN></Id></Acct>{entries}\
             </Ntfctn></BkToCstmrDbtCdtNtfctn></Document>\n",
            id = &id[..20],
        )
    })
}
