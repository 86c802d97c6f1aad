//! Who a row of the roster is about: persons and enrolments that are known, and the ids that a
//! register says to be the same person.

use std::collections::{HashMap, HashSet};

use crate::domain::ids::{EnrolmentNo, ImportNo, PersonNo};
use crate::domain::roster::RosterRow;
use crate::engine::names::Keys;

/// Who is known already.
pub struct People {
    /// Sorted: 16 bytes for every enrolment that was ever taken in.
    pub known: Vec<(EnrolmentNo, PersonNo)>,
    /// Sorted: those of them that no cycle has counted, so that nothing hangs on their person yet.
    pub free: Vec<EnrolmentNo>,
    /// The newest roster that a cycle stands on.
    pub counted: ImportNo,
    /// From an old id to the new one, as the register says.
    pub previous_ids: HashMap<PersonNo, PersonNo>,
    /// From a new id back to the old one, under which the person has enrolments that were counted.
    pub former: HashMap<PersonNo, PersonNo>,
    /// Numbers of either end that have such enrolments.
    pub in_use: HashSet<PersonNo>,
    pub aliases: HashMap<PersonNo, PersonNo>,
}

/// Who a row is about.
pub struct Found {
    pub person: PersonNo,
    /// Of what the number was made from, when it was made from the row itself; else 0.
    pub check: i64,
    pub binding: Binding,
}

/// What an import does to the enrolment of a row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binding {
    Kept,
    /// It was free, and is another's by the register of now.
    Changed,
    New,
}

impl People {
    pub fn find(&self, keys: &Keys, row: &RosterRow, enrolment: EnrolmentNo) -> Found {
        let known = self
            .known
            .binary_search_by_key(&enrolment, |(known, _)| *known)
            .ok()
            .map(|at| self.known[at].1);
        if let Some(person) = known
            && self.free.binary_search(&enrolment).is_err()
        {
            return Found { person: self.canonical(person), check: 0, binding: Binding::Kept };
        }
        let (person, check) = match row.national_id.is_empty() {
            true => (
                keys.person_of_enrolment(&row.enrolment_id),
                keys.check_hash("", &row.enrolment_id),
            ),
            false => {
                let named = keys.person_of_id(&row.national_id);
                let person = self.same_person(named);
                let own = keys.check_hash(&row.national_id, &row.enrolment_id);
                (person, if person == named { own } else { 0 })
            }
        };
        let person = self.canonical(person);
        let binding = match known {
            None => Binding::New,
            Some(before) if before == person => Binding::Kept,
            Some(_) => Binding::Changed,
        };
        Found { person, check, binding }
    }

    /// Whether no cycle has counted an enrolment.
    pub fn is_new(&self, enrolment: EnrolmentNo) -> bool {
        let is_known = self.known.binary_search_by_key(&enrolment, |(known, _)| *known).is_ok();
        !is_known || self.free.binary_search(&enrolment).is_ok()
    }

    /// The one number of a person with an old and a new id: that under which something was counted,
    /// else that of the new id.
    pub fn same_person(&self, named: PersonNo) -> PersonNo {
        match self.in_use.contains(&named) {
            true => named,
            false => {
                let other = self.previous_ids.get(&named).or_else(|| self.former.get(&named));
                other.copied().unwrap_or(named)
            }
        }
    }

    /// The other number of the same person, by the register, when both have enrolments that were
    /// counted: then they stay two.
    pub fn other_number(&self, person: PersonNo) -> Option<PersonNo> {
        let other = self.previous_ids.get(&person).or_else(|| self.former.get(&person)).copied()?;
        (other != person && self.in_use.contains(&person) && self.in_use.contains(&other))
            .then_some(other)
    }

    pub fn canonical(&self, person: PersonNo) -> PersonNo {
        self.aliases.get(&person).copied().unwrap_or(person)
    }
}
