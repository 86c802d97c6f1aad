//! Synthetic people of Vietnam.
