//! An RSA key of a test, and its public half as a partner gives it: nobody else's.

use std::path::{Path, PathBuf};

use ring::signature::KeyPair as _;

/// Writes both into a folder: the private key, and the public one.
pub fn rsa_pair(folder: &Path) -> (PathBuf, PathBuf) {
    let bytes = include_bytes!("../../golden/rsa_key_that_ends_in_a_line_end.der");
    let pair = ring::rsa::KeyPair::from_pkcs8(bytes)
        .or_else(|_| ring::rsa::KeyPair::from_der(bytes))
        .expect("it is a key");
    let (private, public) = (folder.join("private.der"), folder.join("public.der"));
    std::fs::write(&private, bytes).unwrap();
    std::fs::write(&public, pair.public_key().as_ref()).unwrap();
    (private, public)
}
