//! The state tables of docs/model.md §3 are those of `src/domain`: every arrow of the page is one of
//! the program, and the reverse.

use std::collections::BTreeSet;
use std::fs;

use chitra::domain::batch::BatchState;
use chitra::domain::court_order::CourtOrderState;
use chitra::domain::cycle::CycleState;
use chitra::domain::fate::FateState;
use chitra::domain::heir::HeirState;
use chitra::domain::instruction::InstructionState;
use chitra::domain::list::ListState;
use chitra::domain::payable::PayableState;
use chitra::domain::recall::{RecallFileState, RecallState};
use chitra::domain::receivable::ReceivableState;
use chitra::domain::state::{Arrow, Named};
use chitra::domain::stop::StopState;

use crate::support::real_parts::repository;

/// From, event, to.
type Told = BTreeSet<(String, String, String)>;

#[test]
fn the_page_has_the_arrows_of_the_program() {
    let page = fs::read_to_string(repository().join("docs/model.md")).unwrap();
    check(&page, "**Cycle**", CycleState::TABLE);
    check(&page, "**Payment list**", ListState::TABLE);
    check(&page, "**Batch**", BatchState::TABLE);
    check(&page, "**Instruction**", InstructionState::TABLE);
    check(&page, "**Payable**", PayableState::TABLE);
    check(&page, "**Receivable**", ReceivableState::TABLE);
    check(&page, "**Court order**", CourtOrderState::TABLE);
    check(&page, "**Stop of a payment**", StopState::TABLE);
    check(&page, "**Naming of an heir**", HeirState::TABLE);
    check(&page, "**Recall of a payment**", RecallState::TABLE);
    check(&page, "**File of a recall**", RecallFileState::TABLE);
    check(&page, "**Decision on an unknown payment**", FateState::TABLE);
}

#[test]
fn a_table_of_the_page_is_read_arrow_by_arrow() {
    let page = "**Door**\n\n| from | event | to |\n|---|---|---|\n\
                | open, ajar | shut (by anyone, or the wind) | closed |\n\
                | closed | opened, blown | open (a little) |\n\ntext\n\n| other | table | here |\n";
    let told =
        |from: &str, event: &str, to: &str| (from.to_owned(), event.to_owned(), to.to_owned());
    assert_eq!(
        arrows_of(page, "**Door**"),
        BTreeSet::from([
            told("open", "shut", "closed"),
            told("ajar", "shut", "closed"),
            told("closed", "opened", "open"),
            told("closed", "blown", "open"),
        ])
    );
}

#[track_caller]
fn check<S: Named, E: Named>(page: &str, heading: &str, table: &[Arrow<S, E>]) {
    let told = arrows_of(page, heading);
    let coded: Told = table
        .iter()
        .map(|(from, event, to)| {
            (from.name().to_owned(), event.name().to_owned(), to.name().to_owned())
        })
        .collect();
    assert_eq!(coded.len(), table.len(), "{heading}: the program has an arrow twice");
    let only_told: Vec<_> = told.difference(&coded).collect();
    let only_coded: Vec<_> = coded.difference(&told).collect();
    assert!(
        only_told.is_empty() && only_coded.is_empty(),
        "{heading}: only on the page: {only_told:?}; only in the program: {only_coded:?}"
    );
}

/// The arrows of the first table after a heading.
fn arrows_of(page: &str, heading: &str) -> Told {
    let (_, after) = page
        .split_once(&format!("\n{heading}"))
        .or_else(|| page.split_once(heading))
        .unwrap_or_else(|| panic!("the page has no {heading}"));
    let mut told = Told::new();
    let rows = after.lines().skip_while(|line| !line.starts_with('|'));
    // The head and the rule under it are no arrows.
    for row in rows.take_while(|line| line.starts_with('|')).skip(2) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [from, event, to] = cells.as_slice() else { panic!("three cells: {row}") };
        for from in words(from) {
            for event in words(event) {
                for to in words(to) {
                    told.insert((from.clone(), event.clone(), to));
                }
            }
        }
    }
    assert!(!told.is_empty(), "no table follows {heading}");
    told
}

/// The words of a cell, without what stands in parentheses.
fn words(cell: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut depth = 0;
    for letter in cell.chars() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain.split(',').map(|word| word.trim().to_owned()).collect()
}
