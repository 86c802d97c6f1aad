//! How a state moves: one table of arrows per noun, and one way to follow them.
//!
//! Events are in the past tense, states in the present. An arrow that is not in the table is an
//! `IllegalTransition` and changes nothing.

use std::fmt::Debug;

/// A state or event that is stored and printed as one lower-case word.
pub trait Named: Copy + PartialEq + Debug + 'static {
    const ALL: &'static [(&'static str, Self)];

    fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == self)
            .map(|(name, _)| *name)
            .expect("every variant is listed, which the tests of `named!` check")
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// Declares an enum whose variants have a stored word each.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        pub enum $name { $($(#[$variant_doc])* $variant,)+ }

        impl $crate::domain::state::Named for $name {
            const ALL: &'static [(&'static str, Self)] = &[$(($word, $name::$variant),)+];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($crate::domain::state::Named::name(*self))
            }
        }
    };
}
pub(crate) use named;

/// An arrow of a state table.
pub type Arrow<S, E> = (S, E, S);

/// Follows one arrow of the table.
pub fn follow<S: Named, E: Named>(
    noun: &'static str,
    table: &[Arrow<S, E>],
    from: S,
    event: E,
) -> Result<S, IllegalTransition> {
    table
        .iter()
        .find(|(state, happened, _)| *state == from && *happened == event)
        .map(|(_, _, to)| *to)
        .ok_or_else(|| {
            let from_here = table.iter().filter(|(state, ..)| *state == from);
            let possible = from_here.map(|(_, event, _)| event.name()).collect();
            IllegalTransition { noun, from: from.name(), event: event.name(), possible }
        })
}

#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a {noun} that is {from} cannot be {event}; {}", self.way_out())]
pub struct IllegalTransition {
    pub noun: &'static str,
    pub from: &'static str,
    pub event: &'static str,
    /// What can happen in that state.
    pub possible: Vec<&'static str>,
}

impl IllegalTransition {
    fn way_out(&self) -> String {
        match self.possible.as_slice() {
            [] => "nothing more happens to it".to_owned(),
            possible => format!("next it can be: {}", possible.join(", ")),
        }
    }
}
