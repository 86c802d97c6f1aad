//! The one integration-test binary; a table of contents.

mod support;

mod archive;
mod audit_log;
mod broken_import;
mod callbacks;
mod cash;
mod carried;
mod closing;
mod damaged_files;
mod directory_channel;
mod envelope;
mod external_validators;
mod importing;
mod large_files;

mod leases;
mod leaving;
mod listening;
mod mock_bank;
mod month;
mod officers;
mod one_by_one;
mod programmes;
mod publishing;
mod read_only;
mod receivables;
mod reconcile;
mod refusals;
mod sandbox;
mod schedule;
mod sftp_channel;
mod simulator;
mod store;
mod stories;
mod taking_back;
mod tidy;
mod transitions;
mod upgrade;
mod unknown;
