//! Submitting, approving and releasing a list, each by another person and under its digest.

use crate::audit::leaf::Leaf;
use crate::domain::batch::{Batch, BatchEvent, BatchState};
use crate::domain::cycle::{Cycle, CycleEvent};
use crate::domain::digest::Digest;
use crate::domain::ids::ListNo;
use crate::domain::list::{Act, ListEvent, ListState, PaymentList, Role, Signature};
use crate::domain::signature::OfficerKey;
use crate::domain::state::Named;
use crate::engine::acting::{Acting, Doing};
use crate::engine::render::Sealing;
use crate::engine::{Engine, EngineError};
use crate::pipeline::approve::{self, Approved, approve, purpose};
use crate::store::{Changes, StoreError, rule_told};

impl Engine {
    /// The maker presents a sealed list.
    pub async fn submit(
        &self,
        cycle: &Cycle,
        list: ListNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<PaymentList, EngineError> {
        self.sign(cycle, list, officer, key, Act::Submit).await
    }

    /// An approver agrees to exactly this list. The list is approved when enough have.
    pub async fn approve(
        &self,
        cycle: &Cycle,
        list: ListNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<PaymentList, EngineError> {
        self.sign(cycle, list, officer, key, Act::Approve).await
    }

    async fn sign(
        &self,
        cycle: &Cycle,
        number: ListNo,
        name: &str,
        key: &OfficerKey,
        act: Act,
    ) -> Result<PaymentList, EngineError> {
        let list = self.payment_list(cycle, number).await?;
        let officer = self.officer(name).await?;
        let wanted = match act {
            Act::Submit => Role::Officer,
            Act::Approve => Role::Approver,
        };
        if officer.role != wanted {
            return Err(EngineError::refused(
                "A103",
                format!(
                    "`{name}` is registered as {} and cannot {act} list {number} of cycle {label}; it takes a registered \
                     {wanted} (chitra officer list): chitra {act} {label} --list {number} --as OFFICER",
                    officer.role,
                    label = cycle.label()
                ),
            ));
        }
        // Whoever does not hold the key learns nothing of the list.
        if key.public().to_string() != officer.public_key {
            let wrong = approve::ApprovalError::SignatureMustVerify(name.to_owned());
            return Err(approval(cycle, number, wrong));
        }
        // What is given up or gone is no longer looked at: it is not what was sealed, and need not be.
        if matches!(list.state, ListState::Released | ListState::Cancelled) {
            return Err(not_in_state(cycle, &list));
        }
        self.list_must_be_of_this_environment(cycle, number).await?;
        let mut list = self.must_hold(cycle, list).await?;
        self.heirs_must_stand(cycle, number).await?;
        if act == Act::Submit && list.state == ListState::Sealed {
            list = self.sealed_anew(cycle, list).await?;
        }
        let signatures = self.valid_signatures(&list).await?;
        if act == Act::Approve
            && signatures.iter().any(|one| one.officer == name && one.act == Act::Submit)
        {
            let wrong = approve::ApprovalError::MakerMustNotApprove(name.to_owned());
            return Err(approval(cycle, number, wrong));
        }
        if signatures.iter().any(|one| one.officer == name) {
            return Err(EngineError::refused(
                "A108",
                format!(
                    "`{name}` has signed list {number} of cycle {} already; {}",
                    cycle.label(),
                    what_next(cycle, &list)
                ),
            ));
        }
        let need = self.approvals_needed(&list);
        let have = signatures.iter().filter(|one| one.act == Act::Approve).count();
        let may_sign = match act {
            Act::Submit => list.state == ListState::Sealed,
            // The office may ask for more approvers than the list had when it was approved.
            Act::Approve => {
                list.state == ListState::Submitted
                    || list.state == ListState::Approved && have < need
            }
        };
        if !may_sign {
            return Err(not_in_state(cycle, &list));
        }
        let digest = Digest::of(list.body.as_bytes());
        let signature = Signature {
            cycle: cycle.number,
            list: number,
            digest: list.digest.clone(),
            officer: name.to_owned(),
            act,
            signature: key.sign(purpose(act), &digest).to_string(),
            signed_at: self.stamp(),
            voided_at: None,
        };
        // A key that is not the registered one is found before anything is written.
        approve::verify(&officer, &signature, &digest)
            .map_err(|error| approval(cycle, number, error))?;
        let approvers = have + usize::from(act == Act::Approve);
        let event = match act {
            Act::Submit => Some((ListEvent::Submitted, CycleEvent::Submitted)),
            Act::Approve if list.state == ListState::Submitted && approvers >= need => {
                Some((ListEvent::Approved, CycleEvent::Approved))
            }
            Act::Approve => None,
        };
        let mut changes = Changes::new();
        changes.signed(&signature);
        let mut after = list.clone();
        if let Some((list_event, cycle_event)) = event {
            after.state = list.state.apply(list_event)?;
            changes.list_moved(&list, after.state);
            if number.0 == 0 {
                changes.cycle_moved(cycle.number, cycle.state, cycle.state.apply(cycle_event)?);
            }
        }
        changes.event(
            Leaf::of(
                if act == Act::Submit { "list_submitted" } else { "list_signed" },
                &signature.signed_at,
            )
            .number("cycle", cycle.number.0)
            .number("list", number.0)
            .digest("digest", &digest)
            .text("officer", name)
            .text("act", act.name())
            .digest("signature", &Digest::of(signature.signature.as_bytes()))
            .build()?
            .as_bytes()
            .to_vec(),
        );
        match self.store.commit(changes).await {
            Err(StoreError::Conflict { rule }) => Err(EngineError::refused(
                "A110",
                format!(
                    "the database refuses this signature ({}): the list changed since it was read. Look at it again, \
                     and sign then: chitra cycle status {}",
                    rule_told(&rule),
                    cycle.label()
                ),
            )),
            done => Ok(done.map(|()| after)?),
        }
    }

    /// Lets the files of an approved list go. Only `Approved<PaymentList>` can be released.
    pub async fn release(
        &self,
        cycle: &Cycle,
        number: ListNo,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<PaymentList, EngineError> {
        let by = self.acting(officer, key, Doing::Release).await?;
        let list = self.payment_list(cycle, number).await?;
        if list.state == ListState::Submitted {
            let signatures = self.valid_signatures(&list).await?;
            let have = signatures.iter().filter(|one| one.act == Act::Approve).count();
            let need = self.approvals_needed(&list);
            let missing = approve::ApprovalError::ApproversMustBeEnough { have, need };
            return Err(approval(cycle, number, missing));
        }
        if list.state != ListState::Approved {
            return Err(not_in_state(cycle, &list));
        }
        self.list_must_be_of_this_environment(cycle, number).await?;
        self.store.must_be_sound().await?;
        let list = self.must_hold(cycle, list).await?;
        self.must_not_pay_again(cycle, &list).await?;
        self.heirs_must_stand(cycle, number).await?;
        let signatures = self.store.signatures(cycle.number).await?;
        let of_list: Vec<Signature> =
            signatures.into_iter().filter(|one| one.list == number).collect();
        let officers = self.store.officers().await?;
        let approved = approve(list, &of_list, &officers, self.config.approvals)
            .map_err(|error| approval(cycle, number, error))?;
        self.release_approved(cycle, approved, &by).await
    }

    /// How many approvers a list asks for: what was sealed with it, or more when the office asks for more by now.
    pub fn approvals_needed(&self, list: &PaymentList) -> usize {
        approve::approvals_needed(list, self.config.approvals)
    }

    /// What an earlier order has paid while the list waited is looked at before the list goes.
    async fn must_not_pay_again(
        &self,
        cycle: &Cycle,
        list: &PaymentList,
    ) -> Result<(), EngineError> {
        let mut orders = self.paying_again(cycle.number).await?;
        orders.retain(|one| one.list == list.number);
        if orders.is_empty() {
            return Ok(());
        }
        let label = cycle.label();
        let give_up = match list.number.0 {
            0 => {
                format!("chitra cycle cancel {label} --reason TEXT --as OFFICER, and computed anew")
            }
            number => {
                format!("chitra list cancel {label} --list {number} --as OFFICER, and ordered anew")
            }
        };
        Err(EngineError::refused(
            "A117",
            format!(
                "list {} is not released: {}. Each is proposed to be stopped, then the list can be released and the stop \
                 confirmed: chitra stop propose {label} PERSON --reason TEXT --as OFFICER; or the list is given up: {give_up}",
                list.number,
                self.told_as_paid_again(&orders)
            ),
        ))
    }

    async fn release_approved(
        &self,
        cycle: &Cycle,
        approved: Approved<PaymentList>,
        by: &Acting<'_>,
    ) -> Result<PaymentList, EngineError> {
        let list = approved.value();
        let mut after = list.clone();
        after.state = list.state.apply(ListEvent::Released)?;
        let mut changes = Changes::new();
        changes.list_moved(list, after.state);
        let batches: Vec<Batch> = self
            .store
            .batches(cycle.number)
            .await?
            .into_iter()
            .filter(|batch| batch.list == list.number)
            .collect();
        if list.number.0 == 0 {
            let released = cycle.state.apply(CycleEvent::Released)?;
            changes.cycle_moved(cycle.number, cycle.state, released);
            // Nothing of an empty list will ever be sent: what is left is to settle and to close.
            if !batches.iter().any(|batch| batch.state == BatchState::Created) {
                let settling = released.apply(CycleEvent::Dispatched)?;
                changes.cycle_moved(cycle.number, released, settling);
            }
        }
        for batch in batches.iter().filter(|batch| batch.state == BatchState::Created) {
            changes.batch_moved(batch, batch.state.apply(BatchEvent::Released)?);
        }
        changes.event(
            by.leaf(
                Leaf::of("list_released", &self.stamp())
                    .number("cycle", cycle.number.0)
                    .number("list", list.number.0)
                    .digest("digest", &Digest::of(list.body.as_bytes())),
            )?,
        );
        self.store.commit(changes).await?;
        Ok(after)
    }

    /// One list of a cycle.
    pub async fn payment_list(
        &self,
        cycle: &Cycle,
        number: ListNo,
    ) -> Result<PaymentList, EngineError> {
        let lists = self.store.lists(cycle.number).await?;
        lists.into_iter().find(|list| list.number == number).ok_or_else(|| {
            let label = cycle.label();
            let way_out = match number.0 {
                0 => format!("it is computed and sealed with: chitra cycle run {label}"),
                _ => format!(
                    "those that it has are shown by: chitra cycle status {label}; what came back is ordered on a new one \
                     with: chitra reissue {label}"
                ),
            };
            EngineError::refused(
                "A112",
                format!("cycle {label} has no sealed list {number}; {way_out}"),
            )
        })
    }

    /// A list whose approvals became void, and which is again what was sealed, gets the next round: its
    /// digest is another, so that no signature from before fits it and everyone signs anew.
    async fn sealed_anew(
        &self,
        cycle: &Cycle,
        list: PaymentList,
    ) -> Result<PaymentList, EngineError> {
        let signatures = self.store.signatures(list.cycle).await?;
        let voided = signatures.iter().any(|one| {
            one.list == list.number && one.digest == list.digest && one.voided_at.is_some()
        });
        if !voided {
            return Ok(list);
        }
        let manifest = cycle.manifest.clone().unwrap_or_default();
        let before = Sealing::of(&list);
        let approvals = Some(self.approvals_needed(&list));
        let next = Sealing { round: before.round + 1, approvals, ..before };
        let again = self.list(cycle, list.number, &manifest, next).await?;
        let mut changes = Changes::new();
        changes.list_sealed_anew(&list, &again);
        changes.event(self.sealed_leaf(&again)?);
        self.store.commit(changes).await?;
        Ok(again)
    }

    async fn valid_signatures(&self, list: &PaymentList) -> Result<Vec<Signature>, EngineError> {
        let all = self.store.signatures(list.cycle).await?;
        Ok(all
            .into_iter()
            .filter(|one| {
                one.list == list.number && one.digest == list.digest && one.voided_at.is_none()
            })
            .collect())
    }

    /// Takes every signature off a list that is not released: it is sealed again, and signed anew.
    pub(super) fn void_signatures(
        &self,
        changes: &mut Changes,
        cycle: &Cycle,
        list: &PaymentList,
    ) -> Result<(), EngineError> {
        changes.list_moved(list, list.state.apply(ListEvent::Changed)?);
        if list.number.0 == 0 {
            let next = cycle.state.apply(CycleEvent::Changed)?;
            changes.cycle_moved(cycle.number, cycle.state, next);
        }
        changes.signatures_voided(cycle.number, list.number, &self.stamp());
        changes.event(
            Leaf::of("approval_voided", &self.stamp())
                .number("cycle", cycle.number.0)
                .number("list", list.number.0)
                .digest("digest", &Digest::of(list.body.as_bytes()))
                .build()?
                .as_bytes()
                .to_vec(),
        );
        Ok(())
    }

    /// Proves that list and files are what was sealed; a damaged file is made good from the sealed list
    /// when that gives the same bytes. When they are not, the signatures become void
    /// and the list must be sealed and approved anew.
    async fn must_hold(
        &self,
        cycle: &Cycle,
        list: PaymentList,
    ) -> Result<PaymentList, EngineError> {
        let manifest = cycle.manifest.clone().unwrap_or_default();
        let again = self.list(cycle, list.number, &manifest, Sealing::of(&list)).await?;
        let changed = match again.digest == list.digest {
            true => match self.files_hold(cycle, &list).await {
                Ok(()) => None,
                Err(EngineError::Refused { sentence, .. }) => Some(sentence),
                // A disk that cannot be read now says nothing about the list.
                Err(error) => return Err(error),
            },
            false => Some("what the list is made of differs from what was sealed".to_owned()),
        };
        let Some(what) = changed else { return Ok(list) };
        if matches!(list.state, ListState::Submitted | ListState::Approved) {
            let mut changes = Changes::new();
            self.void_signatures(&mut changes, cycle, &list)?;
            self.store.commit(changes).await?;
        }
        Err(EngineError::refused(
            "A113",
            format!(
                "list {} is not what was sealed ({what}); nothing is sent, and its approvals are void. \
                 When it is whole again it is signed anew: chitra submit {} --list {}{}",
                list.number,
                cycle.label(),
                list.number,
                if list.number.0 == 0 {
                    format!("; or it is given up: chitra cycle cancel {}", cycle.label())
                } else {
                    String::new()
                }
            ),
        ))
    }
}

fn not_in_state(cycle: &Cycle, list: &PaymentList) -> EngineError {
    let (number, label) = (list.number, cycle.label());
    EngineError::refused(
        "A109",
        format!("list {number} of cycle {label} is {}; {}", list.state, what_next(cycle, list)),
    )
}

/// What a list waits for, and the command for it.
fn what_next(cycle: &Cycle, list: &PaymentList) -> String {
    let (number, label) = (list.number, cycle.label());
    match list.state {
        ListState::Sealed => {
            format!("its maker submits it: chitra submit {label} --list {number} --as OFFICER")
        }
        ListState::Submitted => format!(
            "it waits for approvers who have not signed it: chitra approve {label} --list {number} --as OFFICER"
        ),
        ListState::Approved => format!(
            "it has its approvals and waits to be released: chitra release {label} --list {number} --as OFFICER"
        ),
        ListState::Released => {
            format!(
                "its files are let go: chitra dispatch {label}, and chitra cycle status {label}"
            )
        }
        ListState::Cancelled => {
            format!("it was given up; chitra cycle status {label} says which lists wait")
        }
    }
}

/// What is wrong with the signatures of a list, and who puts it right how.
fn approval(cycle: &Cycle, list: ListNo, error: approve::ApprovalError) -> EngineError {
    use approve::ApprovalError as E;
    let label = cycle.label();
    let way_out = match &error {
        E::DigestMustBeOfTheList | E::ListMustBeSubmitted => {
            format!("its maker submits it: chitra submit {label} --list {list} --as OFFICER")
        }
        E::OfficerMustBeKnown(_) => "who is registered: chitra officer list".to_owned(),
        E::SignatureMustVerify(_) => {
            "who signs names the file of the key that belongs to it: --key FILE".to_owned()
        }
        E::ApproverMustHaveTheRole(_)
        | E::MakerMustNotApprove(_)
        | E::ApproversMustBeEnough { .. } => format!(
            "another approver looks and signs: chitra approve {label} --list {list} --as OFFICER"
        ),
    };
    EngineError::refused(error.code(), format!("list {list} of cycle {label}: {error}; {way_out}"))
}
