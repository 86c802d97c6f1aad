//! What makes a list fit to be released: the maker's and enough approvers' signatures, all under the
//! digest of exactly this list.
//!
//! `Approved<PaymentList>` can be made only here, and only it can be released.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::digest::Digest;
use crate::domain::list::{Act, Officer, PaymentList, Role, Signature};
use crate::domain::signature::{OfficerPublicKey, OfficerSignature, Purpose};

/// Proof that a value was approved. Its field is private: there is no other way to make one.
#[derive(Debug)]
pub struct Approved<T> {
    value: T,
}

impl<T> Approved<T> {
    pub fn value(&self) -> &T {
        &self.value
    }
}

/// How many approvers a list asks for: what was sealed with it, which everybody signs, and more when the
/// office asks for more by now. Lists that an earlier program sealed say nothing, and ask for what the office does.
pub fn approvals_needed(list: &PaymentList, asked_now: usize) -> usize {
    sealed_approvals(&list.body).unwrap_or(0).max(asked_now)
}

/// The number of approvers that stands in a sealed list.
pub fn sealed_approvals(body: &str) -> Option<usize> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    usize::try_from(body.get("approvals")?.as_u64()?).ok()
}

/// Checks every signature anew, from the officers' registered keys. `approvals` is what the office asks for
/// by now.
pub fn approve(
    list: PaymentList,
    signatures: &[Signature],
    officers: &[Officer],
    approvals: usize,
) -> Result<Approved<PaymentList>, ApprovalError> {
    let digest = Digest::of(list.body.as_bytes());
    if digest.to_string() != list.digest {
        return Err(ApprovalError::DigestMustBeOfTheList);
    }
    let known: BTreeMap<&str, &Officer> =
        officers.iter().map(|officer| (officer.name.as_str(), officer)).collect();
    let mut makers = BTreeSet::new();
    let mut approvers = BTreeSet::new();
    for signature in signatures {
        if signature.digest != list.digest || signature.voided_at.is_some() {
            continue;
        }
        let officer = known
            .get(signature.officer.as_str())
            .ok_or_else(|| ApprovalError::OfficerMustBeKnown(signature.officer.clone()))?;
        verify(officer, signature, &digest)?;
        match signature.act {
            Act::Submit => makers.insert(officer.name.as_str()),
            Act::Approve if officer.role == Role::Approver => {
                approvers.insert(officer.name.as_str())
            }
            Act::Approve => {
                return Err(ApprovalError::ApproverMustHaveTheRole(officer.name.clone()));
            }
        };
    }
    if makers.is_empty() {
        return Err(ApprovalError::ListMustBeSubmitted);
    }
    if let Some(both) = approvers.intersection(&makers).next() {
        return Err(ApprovalError::MakerMustNotApprove((*both).to_owned()));
    }
    let need = approvals_needed(&list, approvals);
    if approvers.len() < need {
        return Err(ApprovalError::ApproversMustBeEnough { have: approvers.len(), need });
    }
    Ok(Approved { value: list })
}

/// Verifies one signature with the officer's registered key.
pub fn verify(
    officer: &Officer,
    signature: &Signature,
    digest: &Digest,
) -> Result<(), ApprovalError> {
    let wrong = || ApprovalError::SignatureMustVerify(officer.name.clone());
    let key = OfficerPublicKey::parse(&officer.public_key).map_err(|_| wrong())?;
    let signed = OfficerSignature::parse(&signature.signature).map_err(|_| wrong())?;
    key.verify(purpose(signature.act), digest, &signed).map_err(|_| wrong())
}

/// The words under which an act is signed.
pub fn purpose(act: Act) -> Purpose {
    match act {
        Act::Submit => Purpose::ListSubmission,
        Act::Approve => Purpose::ListApproval,
    }
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ApprovalError {
    #[error("the digest is not that of the list: the list was changed after it was sealed")]
    DigestMustBeOfTheList,
    #[error("no officer `{0}` is registered")]
    OfficerMustBeKnown(String),
    #[error("`{0}` has not the role of an approver")]
    ApproverMustHaveTheRole(String),
    #[error("the signature of `{0}` does not verify with the registered key")]
    SignatureMustVerify(String),
    #[error("the list was not submitted by its maker")]
    ListMustBeSubmitted,
    #[error("`{0}` made the list and cannot approve it")]
    MakerMustNotApprove(String),
    #[error("the list has {have} of {need} approvals")]
    ApproversMustBeEnough { have: usize, need: usize },
}

impl ApprovalError {
    pub fn code(&self) -> &'static str {
        match self {
            ApprovalError::DigestMustBeOfTheList => "A101",
            ApprovalError::OfficerMustBeKnown(_) => "A102",
            ApprovalError::ApproverMustHaveTheRole(_) => "A103",
            ApprovalError::SignatureMustVerify(_) => "A104",
            ApprovalError::ListMustBeSubmitted => "A105",
            ApprovalError::MakerMustNotApprove(_) => "A106",
            ApprovalError::ApproversMustBeEnough { .. } => "A107",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{CycleNo, ListNo};
    use crate::domain::list::ListState;
    use crate::domain::signature::OfficerKey;

    fn key(name: &str) -> OfficerKey {
        OfficerKey::from_seed(Digest::of(name.as_bytes()).as_bytes())
    }

    fn officer(name: &str, role: Role) -> Officer {
        Officer { name: name.to_owned(), role, public_key: key(name).public().to_string() }
    }

    /// Each signature is `name act`, with `!` before it when it is made with another's key.
    #[track_caller]
    fn check(signed: &[&str], expected: Result<(), &str>) {
        let body = r#"{"total":"810000"}"#.to_owned();
        let digest = Digest::of(body.as_bytes());
        let list = PaymentList {
            cycle: CycleNo(1),
            number: ListNo(0),
            state: ListState::Submitted,
            digest: digest.to_string(),
            body,
            sealed_at: String::new(),
        };
        let officers = [
            officer("lan", Role::Officer),
            officer("minh", Role::Approver),
            officer("hoa", Role::Approver),
            officer("tu", Role::Viewer),
        ];
        let signatures: Vec<Signature> = signed
            .iter()
            .map(|text| {
                let (name, act) = text.trim_start_matches('!').split_once(' ').unwrap();
                let act = if act == "submits" { Act::Submit } else { Act::Approve };
                let by = if text.starts_with('!') { key("stranger") } else { key(name) };
                Signature {
                    cycle: CycleNo(1),
                    list: ListNo(0),
                    digest: digest.to_string(),
                    officer: name.to_owned(),
                    act,
                    signature: by.sign(purpose(act), &digest).to_string(),
                    signed_at: String::new(),
                    voided_at: None,
                }
            })
            .collect();
        let actual = approve(list, &signatures, &officers, 2);
        assert_eq!(actual.map(|_| ()).map_err(|error| error.code()), expected, "{signed:?}");
    }

    #[test]
    fn a_list_is_approved_by_enough_people_who_did_not_make_it() {
        check(&["lan submits", "minh approves", "hoa approves"], Ok(()));
        check(&["minh approves", "hoa approves"], Err("A105"));
        check(&["lan submits", "minh approves"], Err("A107"));
        check(&["lan submits", "minh approves", "minh approves"], Err("A107"));
        check(&["minh submits", "minh approves", "hoa approves"], Err("A106"));
        check(&["lan submits", "minh approves", "tu approves"], Err("A103"));
        check(&["lan submits", "!minh approves", "hoa approves"], Err("A104"));
        check(&["lan submits", "eve approves", "hoa approves"], Err("A102"));
    }

    #[test]
    fn a_list_that_was_changed_after_sealing_is_not_approved() {
        let list = PaymentList {
            cycle: CycleNo(1),
            number: ListNo(0),
            state: ListState::Submitted,
            digest: Digest::of(b"{}").to_string(),
            body: r#"{"total":"9"}"#.to_owned(),
            sealed_at: String::new(),
        };
        let error = approve(list, &[], &[], 1).unwrap_err();
        assert_eq!(error, ApprovalError::DigestMustBeOfTheList);
    }

    #[test]
    fn the_number_of_approvers_is_what_was_sealed_or_more() {
        for (body, asked_now, expected) in [
            (r#"{"approvals":2}"#, 1, 2),
            (r#"{"approvals":2}"#, 3, 3),
            (r#"{"total":"9"}"#, 2, 2),
            (r#"{"approvals":-1}"#, 2, 2),
            ("", 1, 1),
        ] {
            let list = PaymentList {
                cycle: CycleNo(1),
                number: ListNo(0),
                state: ListState::Submitted,
                digest: String::new(),
                body: body.to_owned(),
                sealed_at: String::new(),
            };
            assert_eq!(approvals_needed(&list, asked_now), expected, "{body} {asked_now}");
        }
    }
}
