//! The one integration-test binary; a table of contents.

mod support {
    pub mod real_parts;
}
mod external_validators;
mod tidy;
