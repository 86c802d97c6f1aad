//! Each rule of `tidy` on a small bad sample: what it must find, and what it must let pass.

use super::*;

fn sample(path: &str, text: &str) -> Source {
    Source { path: path.to_string(), text: text.to_string() }
}

/// The findings are exactly these, each recognised by a part of its text.
#[track_caller]
fn check(findings: Vec<String>, expected: &[&str]) {
    let all_there = findings.len() == expected.len()
        && findings.iter().zip(expected).all(|(finding, part)| finding.contains(part));
    assert!(all_there, "found {findings:#?}, not {expected:#?}");
}

#[test]
fn arrows() {
    check(
        broken_arrows(&[
            sample("src/domain/money.rs", "use crate::domain::period;\nuse crate::rules::Rate;"),
            sample("src/rules/mod.rs", "use crate::{domain::Money, store::{Store, Row}};"),
            sample("src/pipeline/entitle.rs", "use payment_formats::Formats;"),
            sample("src/store/sqlite/mod.rs", "use super::super::engine::Cycle;\nuse super::x;"),
            sample("src/report/page.rs", "fn f(l: &crate::pipeline::List) {} // crate::store::x"),
            sample("src/cli/run.rs", "use crate::console::x;\nuse crate::main::y;"),
            sample("src/main.rs", "fn main() { chitra::cli::run(); chitra::store::open(); }"),
            sample("src/odds/ends.rs", ""),
            sample("src/audit/tile.rs", "#[cfg(test)] mod tests { use crate::engine::x; }"),
            sample("payment-formats/src/xml.rs", "use chitra::domain::Money;\nuse crate::rules;"),
        ]),
        &[
            "src/domain/money.rs:2: domain → rules",
            "src/rules/mod.rs:1: rules → store",
            "pipeline → payment_formats",
            "src/store/sqlite/mod.rs:1: store → engine",
            "cli → main",
            "main → store",
            "`odds` is not a layer",
            "payment_formats → domain",
        ],
    );
}

#[test]
fn purity() {
    check(
        impurities(&[
            sample("src/domain/a.rs", "use std::{fs, fmt};\nlet x = env!(\"X\");"),
            sample("src/rules/a.rs", "let now = std::time::SystemTime::now();"),
            sample("src/pipeline/a.rs", "use std::time::Instant;\nInstant::now();"),
            sample("src/synth/a.rs", "let mut dice = rand::rng();\n// tokio::spawn"),
            sample("src/identity/a.rs", "let today = jiff::Zoned::now();"),
            sample("payment-formats/src/a.rs", "async fn f() { tokio::spawn(x); sqlx::query(y) }"),
            sample("src/engine/a.rs", "use std::fs;"),
            sample("src/domain/b.rs", "#[cfg(test)]\nmod tests { use std::fs; }"),
        ]),
        &[
            "src/domain/a.rs:1: `std::fs`",
            "`std::time::SystemTime`",
            "`SystemTime::now`",
            "src/pipeline/a.rs:1: `std::time::Instant`",
            "src/pipeline/a.rs:2: `Instant::now`",
            "`rand::rng`",
            "`Zoned::now`",
            "`tokio`",
            "`sqlx`",
        ],
    );
}

#[test]
fn floats_near_money() {
    let files = [
        sample("src/domain/a.rs", "let rate: f64 = rate;\nlet x = 1..2; let y = t.0.1;"),
        sample("src/rules/a.rs", "let half = 0.5;"),
        sample("payment-formats/src/a.rs", "let x = 2f32; // f64\nlet hex = 0xAf32;"),
        sample("payment-formats/src/xlsx.rs", "let cell = 1.0;"),
        sample("src/identity/a.rs", "let score = 0.93;"),
    ];
    check(
        floats(&files, &["payment-formats/src/xlsx.rs"]),
        &["src/domain/a.rs:1: `f64`", "`0.5`", "`2f32`"],
    );
}

#[test]
fn unfinished_work() {
    let note = concat!("// FIX", "ME later");
    check(
        leftovers(&[
            sample("src/a.rs", "fn f() { todo!() }\nfn g() { x.unwrap() }"),
            sample("src/b.rs", "#[cfg(test)] mod tests { fn f() { x.unwrap() } }"),
            sample("src/c.rs", note),
            sample("src/d.rs", "dbg!(x);\nunimplemented!();\n// todo!"),
            sample("src/money/tests.rs", "x.unwrap();"),
            sample("tests/it/e.rs", "#[ignore = \"slow\"]\nfn f() { x.unwrap(); }"),
        ]),
        &[
            "src/a.rs:1: `todo!`",
            "src/a.rs:2: `.unwrap()`",
            "src/c.rs:1: a note",
            "src/d.rs:2: `unimplemented!`",
            "src/d.rs:1: `dbg!`",
            "tests/it/e.rs:1: `#[ignore`",
        ],
    );
}

#[test]
fn forgotten_files() {
    check(
        forgotten_test_files(&[
            sample("tests/it/main.rs", "mod support { pub mod kit; }\nmod store;\nmod flat;"),
            sample("tests/it/support/kit.rs", ""),
            sample("tests/it/store/mod.rs", "mod story;"),
            sample("tests/it/store/story.rs", ""),
            sample("tests/it/flat.rs", "mod below;\n// mod lost;"),
            sample("tests/it/flat/below.rs", ""),
            sample("tests/it/lost.rs", ""),
            sample("tests/it/kit.rs", ""),
        ]),
        &["tests/it/lost.rs", "tests/it/kit.rs"],
    );
}

#[test]
fn glossary_names() {
    let code = [sample("src/domain/a.rs", "pub struct Money; enum Line { Arrears } // Payee")];
    let glossary = "| term | code name |\n|---|---|\n| money | `Money` |\n| arrears | \
                    `Line::Arrears`, `Money<T>` |\n| payee | `Payee` |\n| hold | |\n";
    check(
        unknown_glossary_names(glossary, &code),
        &["GLOSSARY.md:5: `Payee`", "GLOSSARY.md:6: a term without a code name"],
    );
    check(unknown_glossary_names("no table", &code), &["no code names"]);
    check(unknown_glossary_names("| term |\n", &code), &["without a column", "no code names"]);
}

#[test]
fn migrations() {
    let names = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    check(
        uneven_migrations(&names(&["0001.sql", "0002.sql"]), &names(&["0001.sql", "0003.sql"])),
        &["migrations/postgres/0002.sql: missing", "migrations/sqlite/0003.sql: missing"],
    );
}

#[test]
fn headers_and_names() {
    check(
        headless(&[sample("src/a.rs", "//! Says it.\n"), sample("src/b.rs", "use std::fmt;\n")]),
        &["src/b.rs:1"],
    );
    check(
        nameless(&[
            sample("src/domain/utils.rs", ""),
            sample("src/helpers/money.rs", ""),
            sample("src/domain/fee_types.rs", ""),
        ]),
        &["`utils` says nothing", "`helpers` says nothing"],
    );
}

#[test]
fn codes() {
    let said = "a(\"A101\");\nrefused(\"A-2\", x);\nb(\"B101\");\nif c == \"A101\" {}\n";
    let again = "c(\"B101\");\nd(\"E201\");\nE::KeyMustFit(_) => \"F101\",\n";
    let page = "| A101 | one |\n| A101 | two |\n| B101 | three |\n| D101 | four |\n| F101 | Key must fit (so) |\n";
    check(
        codes_at_odds(page, &[sample("src/a.rs", said), sample("src/b.rs", again)]),
        &[
            "src/a.rs:2: `A-2` is no code",
            "docs/errors.md only names F101",
            "docs/errors.md explains A101 2 times",
            "src/a.rs:3, src/b.rs:1: B101 is said at several places",
            "src/b.rs:2: E201 is not in docs/errors.md",
            "docs/errors.md explains D101, which nothing says",
        ],
    );
}

#[test]
fn foreign() {
    let path = concat!("see \"/wo", "rk/a.md\"");
    check(
        foreign_words(&[
            sample("docs/a.md", path),
            sample("docs/b.md", concat!("the network/ and ../work/, a Sub", "Agent")),
            sample("docs/c.md", concat!("ask a Helper", " agent\n\nor a Sub", "agent")),
        ]),
        &["docs/a.md:1", "docs/b.md:1", "docs/c.md:1", "docs/c.md:3"],
    );
}

#[test]
fn the_tree_is_really_read() {
    let files = sources(&["src"]);
    assert!(files.iter().any(|file| file.path == "src/lib.rs" && !file.text.is_empty()));
    assert!(texts().iter().any(|file| file.path == "Cargo.toml"));
}
