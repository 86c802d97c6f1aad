//! Acts of officers other than signing a list: who may do what, and the signature that the log keeps.
//!
//! Reads: a name, a private key and what is to be done.
//! Gives: `Acting`, the proof that the officer is registered, has a role that allows it and holds the
//! registered key; and leaves that carry the officer's signature over all their other fields, so that
//! an auditor proves from the log alone who did it.

use crate::audit::acts::SIGNED_EVENTS;
use crate::audit::leaf::LeafBuilder;
use crate::domain::digest::Digest;
use crate::domain::list::{Officer, Role};
use crate::domain::signature::{OfficerKey, Purpose};
use crate::domain::state::named;
use crate::engine::{Engine, EngineError};
use crate::pipeline::approve::ApprovalError;
use crate::store::Changes;

named!(
    /// What an officer does, as the refusal says it: `X cannot open a cycle`.
    Doing {
        Import = "take in a roster or register",
        OpenCycle = "open a cycle",
        CloseCycle = "close a cycle",
        CancelCycle = "cancel a cycle",
        Release = "release",
        DecideHold = "decide a hold",
        ConfirmHold = "confirm the release of a hold",
        ResolveDiscrepancy = "resolve a discrepancy",
        PutHalt = "put a halt",
        LiftHalt = "lift a halt",
        TakeBack = "take back what was not sent",
        ProposeStop = "propose to stop a payment",
        DecideStop = "decide on a proposed stop",
        ProposeHeir = "name an heir",
        ConfirmHeir = "confirm an heir",
        WithdrawHeir = "withdraw an heir",
        ProposeRecall = "propose to ask a payment back",
        DecideRecall = "decide on a proposed recall",
        GiveUpRecall = "give a recall up",
        Redate = "give a file another value date",
        RecordFunds = "record money that is available",
        RecordReceipt = "record money that came back",
        ProposeTakeBackReceipt = "propose to take a receipt back",
        ConfirmTakeBackReceipt = "confirm that a receipt is taken back",
        ProposeWriteOff = "propose to write a receivable off",
        ConfirmWriteOff = "confirm that a receivable is written off",
        ProposeCourtOrder = "enter a court order",
        ConfirmCourtOrder = "confirm a court order",
        WithdrawCourtOrder = "withdraw a court order that nobody has confirmed",
        ProposeCourtOrderEnd = "propose to end a court order",
        ConfirmCourtOrderEnd = "confirm that a court order has ended",
        RecordCourtTransfer = "record what was transferred for a court order",
        ProposeTakeBackTransfer = "propose to take a transfer back",
        ConfirmTakeBackTransfer = "confirm that a transfer is taken back",
        DecideFate = "decide on an unknown payment",
        ConfirmFate = "confirm a decision on an unknown payment",
        EndOfficer = "end an officer's right to sign",
    }
);

impl Doing {
    /// Whose work it is. Who makes a list does not let it go, and who only looks changes nothing.
    pub fn roles(self) -> &'static [Role] {
        match self {
            Doing::Import | Doing::OpenCycle | Doing::Redate | Doing::RecordFunds => {
                &[Role::Officer, Role::Operator]
            }
            Doing::CloseCycle
            | Doing::CancelCycle
            | Doing::PutHalt
            | Doing::TakeBack
            | Doing::ProposeStop
            | Doing::ProposeRecall
            | Doing::EndOfficer => &[Role::Officer, Role::Approver, Role::Operator],
            Doing::Release | Doing::LiftHalt => &[Role::Approver, Role::Operator],
            Doing::RecordReceipt
            | Doing::ProposeHeir
            | Doing::WithdrawHeir
            | Doing::ProposeTakeBackReceipt
            | Doing::ProposeWriteOff
            | Doing::ProposeCourtOrder
            | Doing::WithdrawCourtOrder
            | Doing::ProposeCourtOrderEnd
            | Doing::RecordCourtTransfer
            | Doing::ProposeTakeBackTransfer
            | Doing::GiveUpRecall => &[Role::Officer, Role::Approver],
            Doing::DecideHold | Doing::ResolveDiscrepancy | Doing::DecideFate => {
                &[Role::Officer, Role::Approver]
            }
            Doing::ConfirmHold
            | Doing::ConfirmHeir
            | Doing::ConfirmWriteOff
            | Doing::ConfirmTakeBackReceipt
            | Doing::ConfirmCourtOrder
            | Doing::ConfirmCourtOrderEnd
            | Doing::ConfirmTakeBackTransfer
            | Doing::ConfirmFate
            | Doing::DecideRecall
            | Doing::DecideStop => &[Role::Approver],
        }
    }
}

/// An officer who has proved who they are and may do what they are about to do.
#[derive(Debug)]
pub struct Acting<'a> {
    pub officer: Officer,
    key: &'a OfficerKey,
}

impl Engine {
    /// Checks name, role and key, in this order.
    ///
    /// # Errors
    /// A102 when nobody registered the officer, A111 when the role does not allow it, A104 when the
    /// key is another's.
    pub async fn acting<'a>(
        &self,
        name: &str,
        key: &'a OfficerKey,
        doing: Doing,
    ) -> Result<Acting<'a>, EngineError> {
        let officer = self.officer(name).await?;
        if !doing.roles().contains(&officer.role) {
            let roles: Vec<String> = doing.roles().iter().map(Role::to_string).collect();
            return Err(EngineError::refused(
                "A111",
                format!(
                    "`{name}` is registered as {} and cannot {doing}; it takes: {} (chitra officer list)",
                    officer.role,
                    roles.join(", ")
                ),
            ));
        }
        if key.public().to_string() != officer.public_key {
            let error = ApprovalError::SignatureMustVerify(officer.name);
            return Err(EngineError::refused(
                error.code(),
                format!(
                    "{error}; who signs names the file of the key that belongs to it: --key FILE"
                ),
            ));
        }
        Ok(Acting { officer, key })
    }
}

impl Engine {
    /// Every second of two officers passes here: what was proposed by somebody who signs no more is void, also
    /// when they end in the same moment. `anew` is how it is proposed by another.
    ///
    /// # Errors
    /// A120 when who proposed it signs no more.
    pub(super) async fn second_of_two(
        &self,
        proposed_by: &str,
        anew: &str,
        changes: &mut Changes,
    ) -> Result<(), EngineError> {
        if !self.signs_still(proposed_by).await? {
            return Err(EngineError::refused(
                "A120",
                format!(
                    "`{proposed_by}`, who proposed it, signs no more, and what they proposed alone counts for nothing; propose \
                     it anew: {anew}"
                ),
            ));
        }
        changes.must_sign_still(proposed_by);
        Ok(())
    }

    /// What waits for a second officer: nothing where who proposed it signs no more, which makes it void. `by` is
    /// who proposed it.
    pub(super) async fn still_waiting<T>(
        &self,
        proposed: Option<T>,
        by: impl Fn(&T) -> &str,
    ) -> Result<Option<T>, EngineError> {
        match proposed {
            Some(one) if self.signs_still(by(&one)).await? => Ok(Some(one)),
            _ => Ok(None),
        }
    }

    /// Whether an officer may sign today.
    pub async fn signs_still(&self, name: &str) -> Result<bool, EngineError> {
        Ok(self.store.officers().await?.iter().any(|officer| officer.name == name))
    }
}

impl Acting<'_> {
    /// Finishes a leaf: adds the officer, and their signature over the canonical bytes of the leaf as
    /// it is without the field `signature`.
    pub fn leaf(&self, leaf: LeafBuilder) -> Result<Vec<u8>, EngineError> {
        if !SIGNED_EVENTS.contains(&leaf.event()) {
            return Err(EngineError::Inconsistent(format!(
                "`{}` is signed, and not among the acts of which a log asks it",
                leaf.event()
            )));
        }
        let leaf = leaf.text("officer", &self.officer.name);
        let unsigned = leaf.clone().build()?;
        let signature = self.key.sign(Purpose::OfficerAct, &Digest::of(unsigned.as_bytes()));
        let digits: String =
            signature.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(leaf.text("signature", &digits).build()?.as_bytes().to_vec())
    }
}
