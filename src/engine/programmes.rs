//! The programme pack that an office applies, and what intake needs of it.

use crate::domain::digest::{Digest, Hasher};
use crate::engine::EngineError;
use crate::pipeline::intake::Vocabulary;
use crate::rules::{Pack, builtin_sources, compile};

/// The compiled pack of the office's country, with the digest of its sources.
pub struct Programmes {
    pub pack: Pack,
    pub digest: Digest,
}

impl Programmes {
    /// The pack that is part of the program: Vietnam's.
    pub fn builtin() -> Result<Programmes, EngineError> {
        let sources = builtin_sources("vn");
        let pack = compile(sources).map_err(|faults| {
            let first = faults.first().map(ToString::to_string).unwrap_or_default();
            EngineError::refused("P101", format!("the programme pack does not compile: {first}"))
        })?;
        let mut hasher = Hasher::new();
        for source in sources {
            // Lengths between the parts, so that text cannot move from one file to the next.
            hasher.update(&(source.path.len() as u64).to_be_bytes());
            hasher.update(source.path.as_bytes());
            hasher.update(&(source.text.len() as u64).to_be_bytes());
            hasher.update(source.text.as_bytes());
        }
        let (digest, _) = hasher.finish();
        Ok(Programmes { pack, digest })
    }

    /// What a roster must agree with.
    pub fn vocabulary(&self) -> OwnedVocabulary<'_> {
        let facts = self.pack.fact_columns().iter().map(|column| column.name.clone()).collect();
        OwnedVocabulary {
            facts,
            knows_benefit: Box::new(|programme, benefit| {
                self.pack.benefit(programme, benefit).is_some()
            }),
            check_fact: Box::new(|at, text| {
                self.pack.parse_fact(at, text).map(|_| ()).map_err(|error| error.to_string())
            }),
        }
    }

    pub fn fact_count(&self) -> usize {
        self.pack.fact_columns().len()
    }
}

type KnowsBenefit<'p> = Box<dyn Fn(&str, &str) -> bool + 'p>;
type CheckFact<'p> = Box<dyn Fn(usize, &str) -> Result<(), String> + 'p>;

/// A `Vocabulary` with its parts.
pub struct OwnedVocabulary<'p> {
    facts: Vec<String>,
    knows_benefit: KnowsBenefit<'p>,
    check_fact: CheckFact<'p>,
}

impl OwnedVocabulary<'_> {
    pub fn view(&self) -> Vocabulary<'_> {
        Vocabulary {
            facts: &self.facts,
            knows_benefit: self.knows_benefit.as_ref(),
            check_fact: self.check_fact.as_ref(),
        }
    }
}
