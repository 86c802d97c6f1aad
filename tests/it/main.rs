//! The one integration-test binary; a table of contents.

mod support;

mod answer_files;
mod archive;
mod audit_log;
mod broken_import;
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
mod mock_bank;
mod month;
mod officers;
mod programmes;
mod publishing;
mod read_only;
mod receivables;
mod reconcile;
mod refusals;
<<<<<<< HEAD
mod release_lists;
=======
mod reporting;
>>>>>>> wb
mod sandbox;
mod schedule;
mod sftp_channel;
mod simulator;
mod store;
mod stopping;
mod stories;
mod taking_back;
mod tidy;
mod transitions;
mod upgrade;
mod unknown;
