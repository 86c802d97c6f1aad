//! chitra pays social-security benefits: from a roster of beneficiaries to a closed, audited cycle.
//!
//! Modules are declared in reading order; what each may import is drawn in ARCHITECTURE.md and
//! held by `tests/it/tidy.rs`.

pub mod domain;
pub mod rules;
pub mod identity;
pub mod pipeline;
pub mod synth;
pub mod store;
pub mod disk;
pub mod channels;
pub mod audit;
pub mod report;
pub mod engine;
pub mod cli;
