//! Who may sign: officers are registered with their public key, and end.
//!
//! Reads: names, roles, keys. Gives: the officers by whom every act is checked.

use crate::audit::leaf::Leaf;
use crate::domain::cycle::CycleState;
use crate::domain::ids::ListNo;
use crate::domain::list::{ListState, Officer, Role};
use crate::domain::signature::OfficerKey;
use crate::engine::acting::Doing;
use crate::engine::office::officer_name;
use crate::engine::{Engine, EngineError};
use crate::store::Changes;

/// An officer whose right to sign has ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    pub role: Role,
    /// Lists under which their name stood, by the label of their cycle: they are sealed again.
    pub signed_anew: Vec<(String, ListNo)>,
}

impl Engine {
    /// Registers an officer's public key.
    pub async fn officer_enrol(
        &self,
        name: &str,
        role: Role,
        public_key: &str,
    ) -> Result<(), EngineError> {
        officer_name(name)?;
        if self.store.officers_ever().await?.iter().any(|officer| officer.name == name) {
            return Err(EngineError::refused(
                "G121",
                format!(
                    "the officer `{name}` is registered already; choose another name (chitra officer list)"
                ),
            ));
        }
        let same_key = |officer: &&Officer| officer.public_key == public_key;
        if let Some(other) = self.store.officers_ever().await?.iter().find(same_key) {
            return Err(EngineError::refused(
                "A118",
                format!(
                    "this public key is that of `{}`; each officer has a key of their own: chitra officer enrol {name} \
                     --role {role} --new-key",
                    other.name
                ),
            ));
        }
        let officer = Officer { name: name.to_owned(), role, public_key: public_key.to_owned() };
        let mut changes = Changes::new();
        changes.officer_enrolled(&officer, &self.stamp());
        changes.event(
            Leaf::of("officer_enrolled", &self.stamp())
                .text("officer", name)
                .text("role", &role.to_string())
                .text("public_key", public_key)
                .build()?
                .as_bytes()
                .to_vec(),
        );
        self.store.commit(changes).await?;
        Ok(())
    }

    /// An officer by name, who may sign today.
    pub async fn officer(&self, name: &str) -> Result<Officer, EngineError> {
        let officers = self.store.officers().await?;
        if let Some(found) = officers.into_iter().find(|officer| officer.name == name) {
            return Ok(found);
        }
        let has_ended = self.store.officers_ever().await?.iter().any(|one| one.name == name);
        Err(match has_ended {
            true => EngineError::refused(
                "A119",
                format!("`{name}` signs no more; another officer does it (chitra officer list)"),
            ),
            false => EngineError::refused(
                "A102",
                format!("no officer `{name}` is registered; see: chitra officer list"),
            ),
        })
    }

    /// Ends an officer's right to sign, by another officer or by themselves. What the officer has signed on lists that are not
    /// released counts no more, and these are signed anew; what was released stays as it is. The name and
    /// the key are never used again.
    ///
    /// # Errors
    /// A102 when nobody registered the officer, A119 when they have ended already.
    pub async fn officer_end(
        &self,
        name: &str,
        officer: &str,
        key: &OfficerKey,
    ) -> Result<Ended, EngineError> {
        let by = self.acting(officer, key, Doing::EndOfficer).await?;
        let ended = self.officer(name).await?;
        let mut changes = Changes::new();
        changes.officer_ended(name, &self.stamp());
        changes.event(by.leaf(Leaf::of("officer_ended", &self.stamp()).text("ended", name))?);
        let mut signed_anew = Vec::new();
        for cycle in self.store.cycles().await? {
            if matches!(cycle.state, CycleState::Closed | CycleState::Cancelled) {
                continue;
            }
            let signatures = self.store.signatures(cycle.number).await?;
            for list in self.store.lists(cycle.number).await? {
                let is_signed = signatures.iter().any(|one| {
                    one.list == list.number && one.officer == name && one.voided_at.is_none()
                });
                if is_signed && matches!(list.state, ListState::Submitted | ListState::Approved) {
                    self.void_signatures(&mut changes, &cycle, &list)?;
                    signed_anew.push((cycle.label(), list.number));
                }
            }
        }
        self.store.commit(changes).await?;
        Ok(Ended { role: ended.role, signed_anew })
    }
}
