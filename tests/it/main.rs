//! The one integration-test binary; a table of contents.

/// Identity decisions against the truth of synthetic people.
mod reconcile;
