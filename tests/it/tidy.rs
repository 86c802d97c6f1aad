//! Style as a test: what a reviewer would otherwise have to say twice.
//!
//! Reads: every file of the repository. Gives: a failure that names the place, the rule and the
//! way out. Each rule is a function from files to findings, so that it is also run on a small bad
//! sample below: a check that cannot fail checks nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use chitra::domain::roster::{Column, REGISTER_COLUMNS, ROSTER_COLUMNS};

use crate::support::real_parts::repository;

mod every_check_can_fail;
mod fault_table;
mod rust_source;

use rust_source::{Code, is_word};

/// The layers of src/ and what each may import (ARCHITECTURE.md draws them). `payment_formats` is
/// the library beside it.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("rules", &["domain"]),
    ("identity", &["domain"]),
    ("synth", &["identity", "domain"]),
    ("pipeline", &["rules", "identity", "domain"]),
    ("store", &["domain"]),
    ("disk", &["domain"]),
    ("channels", &["disk", "domain"]),
    ("audit", &["disk", "domain"]),
    ("report", &["domain", "pipeline"]),
    (
        "engine",
        &[
            "pipeline",
            "rules",
            "identity",
            "store",
            "disk",
            "channels",
            "audit",
            "report",
            "domain",
            "payment_formats",
        ],
    ),
    ("console", &["engine", "domain"]),
    (
        "cli",
        &[
            "domain",
            "rules",
            "identity",
            "synth",
            "pipeline",
            "store",
            "disk",
            "channels",
            "audit",
            "report",
            "engine",
            "console",
            "payment_formats",
        ],
    ),
    ("main", &["cli"]),
];

/// Code that gets everything by arguments and gives everything back as values.
const PURE: &[&str] = &[
    "src/domain/",
    "src/rules/",
    "src/identity/",
    "src/synth/",
    "src/pipeline/",
    "payment-formats/src/",
];

/// Paths that pure code may not name, and what it takes instead.
const IMPURE: &[(&str, &str)] = &[
    ("tokio", "be an ordinary function; the engine awaits"),
    ("sqlx", "take and return values; the store writes"),
    ("std::fs", "take the bytes or a reader; the engine opens files"),
    ("std::env", "take the setting as an argument; the cli reads the environment"),
    ("std::net", "take and return values; channels talk"),
    ("std::process", "return an error; only main ends the process"),
    ("std::time::SystemTime", "take the time as an argument"),
    ("SystemTime::now", "take the time as an argument"),
    ("std::time::Instant", "take the time as an argument"),
    ("Instant::now", "take the time as an argument"),
    ("Timestamp::now", "take the time as an argument"),
    ("Zoned::now", "take the time as an argument"),
    ("rand::rng", "take a seed as an argument"),
    ("rand::thread_rng", "take a seed as an argument"),
    ("rand::random", "take a seed as an argument"),
];

/// Code in which money or a rate may pass.
const EXACT: &[&str] = &["src/domain/", "src/rules/", "src/pipeline/", "payment-formats/src/"];

/// The one exact conversion of an amount to a spreadsheet's number. At most one file.
const FLOATS_ALLOWED: &[&str] = &[];

/// Names that say nothing about what is inside.
const NAMELESS: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "manager", "misc", "types", "logic", "shared",
];

/// Folders that are not ours to check.
const SKIPPED: &[&str] = &["target", ".git", ".venv", "chitra-demo", "__pycache__", "node_modules"];

#[test]
fn layers_import_only_along_the_arrows() {
    none_of(broken_arrows(&sources(&["src", "payment-formats/src"])));
}

#[test]
fn pure_code_has_no_clock_disk_network_or_dice() {
    none_of(impurities(&sources(&["src", "payment-formats/src"])));
}

#[test]
fn no_float_comes_near_money() {
    none_of(floats(&sources(&["src", "payment-formats/src"]), FLOATS_ALLOWED));
    assert!(FLOATS_ALLOWED.len() <= 1, "one conversion is allowed, not {}", FLOATS_ALLOWED.len());
}

#[test]
fn nothing_is_left_unfinished() {
    none_of(leftovers(&sources(&["src", "payment-formats", "tests", "benches"])));
}

#[test]
fn every_test_file_is_declared() {
    none_of(forgotten_test_files(&sources(&["tests/it"])));
}

#[test]
fn the_glossary_names_what_exists() {
    let glossary = read(Path::new("GLOSSARY.md"));
    none_of(unknown_glossary_names(&glossary, &sources(&["src", "payment-formats/src"])));
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |folder: &str| -> BTreeSet<String> {
        files_under(&repository().join("migrations").join(folder))
            .iter()
            .filter_map(|file| file.file_name().map(|name| name.to_string_lossy().into_owned()))
            .collect()
    };
    none_of(uneven_migrations(&names("sqlite"), &names("postgres")));
}

#[test]
fn every_code_is_one_and_is_explained() {
    let page = read(Path::new("docs/errors.md"));
    none_of(codes_at_odds(&page, &sources(&["src", "payment-formats/src"])));
}

#[test]
fn every_column_that_is_read_is_described() {
    let page = read(Path::new("docs/inputs.md"));
    let described = |heading: &str| -> Vec<(String, bool)> {
        let part = page.split("\n## ").find(|part| part.starts_with(heading)).unwrap_or_default();
        let rows = part.lines().filter_map(|line| line.strip_prefix("| `"));
        rows.filter_map(|row| {
            let (name, rest) = row.split_once("` | ")?;
            Some((name.to_owned(), rest.starts_with("yes")))
        })
        .filter(|(name, _)| name != "fact.NAME")
        .collect()
    };
    let read = |columns: &[Column]| -> Vec<(String, bool)> {
        columns.iter().map(|column| (column.name.to_owned(), column.required)).collect()
    };
    assert_eq!(described("Roster"), read(ROSTER_COLUMNS));
    assert_eq!(described("Identity register"), read(REGISTER_COLUMNS));
}

#[test]
fn every_module_says_what_it_does() {
    none_of(headless(&sources(&["src", "payment-formats/src"])));
}

#[test]
fn files_are_named_for_what_is_inside() {
    none_of(nameless(&sources(&["src", "payment-formats", "tests", "benches"])));
}

#[test]
fn the_repository_speaks_of_the_project_alone() {
    none_of(foreign_words(&texts()));
}

/// Where codes of holds, of rules of the ladder and of faults in a pack are explained: beside them.
const CODES_ELSEWHERE: &[&str] = &["src/domain/hold.rs", "src/rules/"];

/// Codes that are said at more than one place because the same rule is broken there.
const CODES_SHARED: &[&str] = &[
    "A102", "A103", "A109", "A115", "C100", "C102", "C103", "E101", "G102", "G114", "G115", "G121",
    "G123", "I120", "I123", "I209", "I210", "I213", "M129", "M135", "M136", "N132", "N133", "N134",
    "N174", "P101",
];

/// Codes of errors that are not a letter and three digits, that two rules have, that docs/errors.md does
/// not explain exactly once, those that it explains although nothing says them, and those of which it only
/// says the name once more.
fn codes_at_odds(page: &str, files: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    let plain = |code: &str| {
        code.len() == 4
            && code.starts_with(|c: char| c.is_ascii_uppercase())
            && code[1..].bytes().all(|byte| byte.is_ascii_digit())
    };
    // Without what a writer may change: blanks, capitals, and what stands in parentheses.
    let bare = |text: &str| -> String {
        let text = text.split('(').next().unwrap_or("");
        text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
    };
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut elsewhere = BTreeSet::new();
    for file in files.iter().filter(|file| !file.path.contains("tests")) {
        let aside = file.is_in(CODES_ELSEWHERE);
        let shipped = file.text.split("#[cfg(test)]").next().unwrap_or("");
        for (at, line) in shipped.lines().enumerate() {
            let place = format!("{}:{}", file.path, at + 1);
            let mut parts = line.split('"');
            let mut before = parts.next().unwrap_or("");
            if before.trim_start().starts_with("//") {
                continue;
            }
            while let (Some(word), Some(after)) = (parts.next(), parts.next()) {
                if plain(word) && aside {
                    elsewhere.insert(word.to_owned());
                } else if plain(word) && !before.trim_end().ends_with("==") {
                    // What a code is compared with is no place where it is said.
                    places.entry(word.to_owned()).or_default().push(place.clone());
                    // `Error::KeyMustFit(_) =>` and `KeyMustFit =` give the code a name.
                    let name = before.trim_end_matches([' ', '=', '>']);
                    let name = name.split([' ', '(', '{']).find(|word| !word.is_empty());
                    let name = name.and_then(|path| path.rsplit("::").next()).unwrap_or("");
                    names.entry(word.to_owned()).or_default().insert(bare(name));
                } else if before.ends_with("refused(") && !plain(word) {
                    findings.push(format!(
                        "{place}: `{word}` is no code: write a letter and three digits"
                    ));
                }
                before = after;
            }
        }
    }
    let mut explained: BTreeMap<&str, usize> = BTreeMap::new();
    for line in page.lines() {
        let code = line.strip_prefix("| ").and_then(|rest| rest.split(' ').next());
        if let Some(code) = code.filter(|code| plain(code)) {
            *explained.entry(code).or_default() += 1;
            let told = bare(line.splitn(3, '|').nth(2).unwrap_or(""));
            if names.get(code).is_some_and(|names| names.contains(&told)) {
                findings.push(format!(
                    "docs/errors.md only names {code}: say what rule is broken, and the way out"
                ));
            }
        }
    }
    for (code, said) in &places {
        match explained.get(code.as_str()) {
            Some(1) => {}
            None if elsewhere.contains(code) => {}
            None => findings.push(format!("{}: {code} is not in docs/errors.md", said.join(", "))),
            Some(times) => findings.push(format!("docs/errors.md explains {code} {times} times")),
        }
        if said.len() > 1 && !CODES_SHARED.contains(&code.as_str()) {
            findings.push(format!(
                "{}: {code} is said at several places; give each rule its own code, or list it as shared",
                said.join(", ")
            ));
        }
        if elsewhere.contains(code) {
            findings.push(format!("{}: {code} has another meaning already", said.join(", ")));
        }
    }
    for code in explained.keys().filter(|code| !places.contains_key(**code)) {
        findings.push(format!("docs/errors.md explains {code}, which nothing says"));
    }
    findings
}

/// `use`, `crate::…`, `chitra::…` and `super::super::…` that lead against an arrow. Unit tests may
/// look further than the code they test.
fn broken_arrows(files: &[Source]) -> Vec<String> {
    let layers: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let mut findings = Vec::new();
    for file in files {
        let (here, allowed, module): (&str, &[&str], Vec<&str>) = match file
            .path
            .strip_prefix("src/")
        {
            Some("lib.rs") => continue,
            Some(inside) => {
                let module: Vec<&str> =
                    inside.trim_end_matches(".rs").trim_end_matches("/mod").split('/').collect();
                match layers.get_key_value(module[0]) {
                    Some((layer, allowed)) => (*layer, *allowed, module),
                    None => {
                        findings.push(format!(
                            "{}: `{}` is not a layer: move the file into one, or draw the new layer \
                             in ARCHITECTURE.md and in tests/it/tidy.rs",
                            file.path, module[0]
                        ));
                        continue;
                    }
                }
            }
            None => ("payment_formats", &[], Vec::new()),
        };
        for path in file.shipped().paths() {
            let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
            let target = match segments.as_slice() {
                ["chitra", layer, ..] => *layer,
                ["crate", layer, ..] if here != "payment_formats" => *layer,
                ["payment_formats", ..] => "payment_formats",
                ["super", ..] => {
                    let up = segments.iter().take_while(|segment| **segment == "super").count();
                    match (up == module.len(), segments.get(up)) {
                        (true, Some(layer)) => *layer,
                        _ => continue,
                    }
                }
                _ => continue,
            };
            let is_layer = layers.contains_key(target) || target == "payment_formats";
            let ours = here == "payment_formats" && segments[0] == "chitra";
            if ours || (is_layer && target != here && !allowed.contains(&target)) {
                let may = match allowed {
                    [] => "nothing else of chitra".to_string(),
                    layers => layers.join(", "),
                };
                findings.push(format!(
                    "{}:{}: {here} → {target} is not an arrow: {here} may import {may}. Take the \
                     value as an argument, or move the code to the layer that knows both",
                    file.path, path.line
                ));
            }
        }
    }
    // A `use` tree with several leaves is one thing to put right.
    findings.dedup();
    findings
}

fn impurities(files: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_in(PURE)) {
        for path in file.shipped().paths() {
            let named = format!("::{}::", path.segments.join("::"));
            for (banned, instead) in IMPURE {
                // A crate or `std::…` is banned from its root; a call such as `Instant::now`
                // wherever it stands.
                let from_root = named.starts_with(&format!("::{banned}::"));
                let as_call = banned.ends_with("::now") && named.contains(&format!("::{banned}::"));
                if from_root || as_call {
                    findings.push(format!(
                        "{}:{}: `{banned}` in pure code: {instead}",
                        file.path, path.line
                    ));
                }
            }
        }
    }
    findings
}

/// `f32`, `f64` and literals with a decimal point, in tests too: an expectation in floats is not
/// an exact expectation.
fn floats(files: &[Source], allowed: &[&str]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files.iter().filter(|file| file.is_in(EXACT)) {
        if allowed.contains(&file.path.as_str()) {
            continue;
        }
        for token in Code::read(&file.text).tokens {
            let number = token.text.starts_with(|first: char| first.is_ascii_digit());
            let float = ["f32", "f64"].iter().any(|name| match number {
                true => token.text.ends_with(name) && !token.text.starts_with("0x"),
                false => token.text == *name,
            });
            if float || (number && token.text.contains('.')) {
                findings.push(format!(
                    "{}:{}: `{}` is a float: use Money for amounts and Decimal for rates",
                    file.path, token.line, token.text
                ));
            }
        }
    }
    findings
}

fn leftovers(files: &[Source]) -> Vec<String> {
    const CODE: &[(&[&str], &str)] = &[
        (&["todo", "!"], "finish it"),
        (&["unimplemented", "!"], "finish it"),
        (&["dbg", "!"], "take it out"),
        (&["#", "[", "ignore"], "make the test pass, or assert today's behaviour and say so"),
    ];
    let mut findings = Vec::new();
    for file in files {
        let code = Code::read(&file.text);
        for (sequence, instead) in CODE {
            for line in code.lines_with(sequence) {
                findings.push(format!("{}:{line}: `{}`: {instead}", file.path, sequence.concat()));
            }
        }
        for line in file.shipped().lines_with(&[".", "unwrap", "(", ")"]) {
            findings.push(format!(
                "{}:{line}: `.unwrap()`: return the error, or `expect` with the reason why it \
                 cannot fail",
                file.path
            ));
        }
        for (number, line) in file.lines() {
            if line.contains(concat!("FIX", "ME")) {
                findings.push(format!("{}:{number}: a note to fix something: fix it", file.path));
            }
        }
    }
    findings
}

/// Files under tests/it that no `mod` leads to: they would never be compiled, let alone run.
fn forgotten_test_files(files: &[Source]) -> Vec<String> {
    let by_path: BTreeMap<&str, &Source> =
        files.iter().map(|file| (file.path.as_str(), file)).collect();
    let mut reached = BTreeSet::new();
    let mut waiting = vec![("tests/it/main.rs".to_string(), "tests/it".to_string())];
    while let Some((path, folder)) = waiting.pop() {
        let Some(file) = by_path.get(path.as_str()) else { continue };
        reached.insert(path);
        let mut nested: Vec<(String, usize)> = Vec::new();
        let mut depth = 0;
        let tokens = Code::read(&file.text).tokens;
        for (at, token) in tokens.iter().enumerate() {
            match token.text.as_str() {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    nested.retain(|(_, opened)| *opened <= depth);
                }
                "mod" => {
                    let (Some(name), Some(after)) = (tokens.get(at + 1), tokens.get(at + 2)) else {
                        continue;
                    };
                    let inside: String =
                        nested.iter().map(|(module, _)| format!("{module}/")).collect();
                    let stem = format!("{folder}/{inside}{}", name.text);
                    match after.text.as_str() {
                        ";" => {
                            waiting.push((format!("{stem}.rs"), stem.clone()));
                            waiting.push((format!("{stem}/mod.rs"), stem));
                        }
                        _ => nested.push((name.text.clone(), depth + 1)),
                    }
                }
                _ => {}
            }
        }
    }
    files
        .iter()
        .filter(|file| !reached.contains(&file.path))
        .map(|file| {
            format!(
                "{}: no `mod` leads here, so it never runs: declare it, or delete it",
                file.path
            )
        })
        .collect()
}

/// Back-ticked names in the column `code name` of GLOSSARY.md that stand nowhere in the code.
fn unknown_glossary_names(glossary: &str, files: &[Source]) -> Vec<String> {
    let words: BTreeSet<String> = files
        .iter()
        .flat_map(|file| file.shipped().tokens)
        .map(|token| token.text)
        .filter(|text| is_word(text))
        .collect();
    let mut findings = Vec::new();
    let mut column = None;
    let mut names_seen = 0;
    for (number, line) in glossary.lines().enumerate().map(|(at, line)| (at + 1, line)) {
        if !line.starts_with('|') {
            column = None;
            continue;
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(column) = column else {
            column = cells.iter().position(|cell| *cell == "code name");
            if column.is_none() {
                findings
                    .push(format!("GLOSSARY.md:{number}: a table without a column `code name`"));
            }
            continue;
        };
        let cell = cells.get(column).copied().unwrap_or_default();
        let names: Vec<&str> = cell.split('`').skip(1).step_by(2).collect();
        if names.is_empty() && !cell.starts_with("---") {
            findings.push(format!(
                "GLOSSARY.md:{number}: a term without a code name: add the row when the code is there"
            ));
        }
        names_seen += names.len();
        for name in names {
            let segments = name.split("::").map(|part| part.split('<').next().unwrap_or(part));
            for segment in segments.filter(|segment| !words.contains(*segment)) {
                findings.push(format!(
                    "GLOSSARY.md:{number}: `{segment}` is nowhere in the code: correct the name, or \
                     take the row out until it exists"
                ));
            }
        }
    }
    if names_seen == 0 {
        findings.push("GLOSSARY.md: it has no code names".to_string());
    }
    findings
}

fn uneven_migrations(sqlite: &BTreeSet<String>, postgres: &BTreeSet<String>) -> Vec<String> {
    let missing = |from: &BTreeSet<String>, to: &BTreeSet<String>, folder: &str| {
        from.difference(to)
            .map(|name| {
                format!("migrations/{folder}/{name}: missing: both databases take the same steps")
            })
            .collect::<Vec<String>>()
    };
    [missing(sqlite, postgres, "postgres"), missing(postgres, sqlite, "sqlite")].concat()
}

fn headless(files: &[Source]) -> Vec<String> {
    files
        .iter()
        .filter(|file| !file.text.starts_with("//!"))
        .map(|file| {
            format!(
                "{}:1: open the file with `//!`: what it does, what it reads, what it gives",
                file.path
            )
        })
        .collect()
}

fn nameless(files: &[Source]) -> Vec<String> {
    let mut findings = Vec::new();
    for file in files {
        for part in file.path.trim_end_matches(".rs").split('/') {
            if NAMELESS.contains(&part) {
                findings.push(format!(
                    "{}: `{part}` says nothing: name it for what is inside; if it resists a name, it \
                     is two files",
                    file.path
                ));
            }
        }
    }
    findings
}

/// Words of a place or a way of working that is not the project's.
fn foreign_words(files: &[Source]) -> Vec<String> {
    // Put together here so that this file does not contain them.
    let words = [concat!("/wo", "rk/"), concat!("sub", "agent"), concat!("helper ", "agent")]
        .map(String::from);
    let mut findings = Vec::new();
    for file in files {
        for (number, line) in file.lines() {
            let lower = line.to_lowercase();
            for word in &words {
                let stands = lower.match_indices(word.as_str()).any(|(at, _)| {
                    // An absolute path begins after a blank or a quote; `network/` is a word.
                    !lower[..at].ends_with(|before: char| before.is_alphanumeric() || before == '.')
                });
                if stands {
                    findings.push(format!(
                        "{}:{number}: `{word}`: the repository speaks of the project alone",
                        file.path
                    ));
                }
            }
        }
    }
    findings
}

/// A file's path from the root of the repository, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }

    /// The code that is compiled into what people run: nothing of a file that is all tests, and
    /// of another what is not marked for tests.
    fn shipped(&self) -> Code {
        let mut parts = self.path.trim_end_matches(".rs").split('/');
        match parts.any(|part| matches!(part, "tests" | "benches")) {
            true => Code { tokens: Vec::new() },
            false => Code::read(&self.text).without_tests(),
        }
    }

    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(at, line)| (at + 1, line))
    }
}

#[track_caller]
fn none_of(findings: Vec<String>) {
    assert!(findings.is_empty(), "{} to put right:\n{}\n", findings.len(), findings.join("\n"));
}

fn sources(folders: &[&str]) -> Vec<Source> {
    folders.iter().flat_map(|folder| rust_files(&repository().join(folder))).map(source).collect()
}

/// Every text file of the repository.
fn texts() -> Vec<Source> {
    files_under(repository())
        .into_iter()
        .filter(|file| fs::read(file).is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok()))
        .map(source)
        .collect()
}

fn source(file: PathBuf) -> Source {
    let path = file.strip_prefix(repository()).expect("files are found under the repository");
    let path = path.to_string_lossy().replace('\\', "/");
    Source { text: read(Path::new(&path)), path }
}

#[track_caller]
fn read(path: &Path) -> String {
    let path = repository().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The `.rs` files of a folder, in order; none when there is no such folder.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = files_under(folder);
    files.retain(|file| file.extension().is_some_and(|extension| extension == "rs"));
    files
}

/// Every file of a folder and its folders, in order; none when there is no such folder.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let name = entry.file_name();
            if SKIPPED.iter().any(|skipped| name == *skipped) {
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => files.push(entry.path()),
                _ => {}
            }
        }
    }
    files.sort();
    files
}
