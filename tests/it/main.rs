//! The one integration-test binary; a table of contents.

mod programmes;
