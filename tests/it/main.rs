//! The one integration-test binary; a table of contents.

mod support;

mod archive;
mod audit_log;
mod broken_import;
mod closing;
mod damaged_files;
mod directory_channel;
mod external_validators;
mod importing;
mod large_files;
mod mock_bank;
mod month;
mod officers;
mod one_by_one;
mod programmes;
mod publishing;
mod read_only;
mod reconcile;
mod refusals;
mod sandbox;
mod simulator;
mod store;
mod stories;
mod tidy;
mod transitions;
