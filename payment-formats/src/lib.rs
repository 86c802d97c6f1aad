//! What banks, wallets and operators read and write, as data.
