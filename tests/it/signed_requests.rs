//! Requests and callbacks signed with HMAC and RSA: what we sign `openssl` holds for good, and what it signs we do, whatever
//! way the keys are written.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chitra::channels::http::{Secret, Signing, canonical_request, sign, sign_hmac, verify};

use crate::support::real_parts::{RealPart, real_part};

/// A folder in which `openssl` makes keys and signatures.
struct Openssl {
    program: String,
    folder: tempfile::TempDir,
}

impl Openssl {
    fn here() -> Option<Openssl> {
        let program = real_part(RealPart::Openssl)?;
        Some(Openssl { program, folder: tempfile::tempdir().unwrap() })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn agrees(&self, arguments: &str) -> bool {
        let mut command = Command::new(&self.program);
        let ran =
            command.args(arguments.split_whitespace()).current_dir(&self.folder).output().unwrap();
        ran.status.success()
    }

    fn run(&self, arguments: &str) {
        assert!(self.agrees(arguments), "{arguments}");
    }

    /// The forms in which one private key, and its public half, are written.
    fn keys(&self, bits: u32) {
        self.run(&format!(
            "genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out private.pem"
        ));
        self.run("pkcs8 -topk8 -nocrypt -in private.pem -outform DER -out private.der");
        self.run("rsa -in private.pem -traditional -out old.pem");
        self.run("rsa -in private.pem -traditional -outform DER -out old.der");
        self.run("rsa -in private.pem -pubout -out public.pem");
        self.run("rsa -in private.pem -pubout -outform DER -out public.der");
        self.run("rsa -in private.pem -RSAPublicKey_out -outform DER -out inner.der");
    }
}

fn rsa(key_file: PathBuf) -> Signing {
    Signing::Rsa { key_file, header: "X-Signature".to_owned() }
}

#[test]
fn openssl_and_we_hold_each_others_signatures() {
    let Some(openssl) = Openssl::here() else { return };
    let text = canonical_request("POST", "/pay", "2026-11-02T01:00:00Z", "AB01", b"{}");
    fs::write(openssl.path("text"), &text).unwrap();
    for bits in [2048, 3072] {
        openssl.keys(bits);
        for private in ["private.pem", "private.der", "old.pem", "old.der"] {
            let signature = sign(&rsa(openssl.path(private)), &text).unwrap();
            fs::write(openssl.path("ours"), STANDARD.decode(signature).unwrap()).unwrap();
            openssl.run("dgst -sha256 -verify public.pem -signature ours text");
        }
        openssl.run("dgst -sha256 -sign private.pem -out theirs text");
        let theirs = STANDARD.encode(fs::read(openssl.path("theirs")).unwrap());
        for public in ["public.pem", "public.der", "inner.der"] {
            let key = rsa(openssl.path(public));
            assert_eq!(verify(&key, &text, &theirs), Ok(true), "{public}");
            assert_eq!(verify(&key, &text, &format!("{theirs}\n")), Ok(true), "{public}");
            assert_eq!(verify(&key, &text.replace("AB01", "AB02"), &theirs), Ok(false), "{public}");
            assert_eq!(verify(&key, &text, "no base64"), Ok(false), "{public}");
        }
        openssl.run("dgst -sha1 -sign private.pem -out theirs text");
        let weak = STANDARD.encode(fs::read(openssl.path("theirs")).unwrap());
        assert_eq!(verify(&rsa(openssl.path("public.pem")), &text, &weak), Ok(false), "SHA-1");
    }
}

#[test]
fn openssl_makes_the_same_hmac() {
    let Some(openssl) = Openssl::here() else { return };
    let text = canonical_request(
        "POST",
        "/pay",
        "2026-11-02T01:00:00Z",
        "AB01",
        b"{\"amount\":\"540000\"}",
    );
    fs::write(openssl.path("text"), &text).unwrap();
    fs::write(openssl.path("secret"), "sesame").unwrap();
    openssl.run("dgst -sha256 -hmac sesame -binary -out theirs text");
    let theirs = STANDARD.encode(fs::read(openssl.path("theirs")).unwrap());
    assert_eq!(sign_hmac(&Secret::of_file(&openssl.path("secret")).unwrap(), &text), theirs);
}

#[test]
fn a_key_that_ends_in_a_line_end_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("private.der");
    // One key in 128 ends so. This one is a test's, made by openssl, and nobody's else.
    let key = include_bytes!("../golden/rsa_key_that_ends_in_a_line_end.der");
    assert_eq!(key.last(), Some(&b'\r'));
    fs::write(&path, key).unwrap();
    assert!(sign(&rsa(path), "text").is_ok());
}

#[test]
fn a_key_that_cannot_serve_is_told() {
    let Some(openssl) = Openssl::here() else { return };
    openssl.run("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out curve.pem");
    openssl.run("pkey -in curve.pem -pubout -out curve.pub");
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out private.pem");
    openssl.run("pkcs8 -topk8 -in private.pem -passout pass:secret -out locked.pem");
    openssl.run("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out short.pem");
    openssl.run("rsa -in private.pem -pubout -out public.pem");
    fs::write(openssl.path("empty"), "").unwrap();
    for (private, told) in [
        ("curve.pem", "signing_key_must_be_usable"),
        ("locked.pem", "signing_key_must_be_usable"),
        ("short.pem", "signing_key_must_be_usable"),
        ("public.pem", "signing_key_must_be_usable"),
        ("empty", "signing_key_must_be_usable"),
        ("nothing", "secret_must_be_readable"),
    ] {
        assert_eq!(sign(&rsa(openssl.path(private)), "text").unwrap_err().code, told, "{private}");
    }
    for public in ["curve.pub", "private.pem", "empty"] {
        let held = verify(&rsa(openssl.path(public)), "text", "c2lnbmF0dXJl");
        assert_ne!(held, Ok(true), "{public}");
    }
}
