//! The one integration-test binary; a table of contents.

mod support;

mod archive;
mod audit_log;
mod directory_channel;
mod external_validators;
mod programmes;
mod publishing;
mod reconcile;
mod sandbox;
mod refusals;
mod store;
mod stories;
mod simulator;
mod tidy;
mod transitions;
