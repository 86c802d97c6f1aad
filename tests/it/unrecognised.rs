//! Answers that are in no agreed format, have a name that is no text, or are larger than any that is right: each
//! is told with what is wrong and where, and the others are taken in. Each told on both databases.

use std::fs::File;
use std::time::{Duration, Instant};

use chitra::domain::cycle::CycleKind::Regular;
use chitra::engine::office::ANSWER_BYTES_MAX;

use crate::support::office::{MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;
use crate::unclear_answers::with_operator;

on_both_databases! { run, RealPart::Postgres;
    an_empty_list_says_by_its_name_of_what_it_is
    a_list_that_is_cut_or_broken_is_refused_with_its_place
    a_file_in_no_agreed_format_is_told_why_by_each
    a_file_larger_than_any_right_one_is_not_read
    a_name_that_is_no_text_is_told_and_the_others_are_taken_in
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const DAY: &str = "2026-09-20";

/// What one collection tells of each file: `N103`, `1 items`.
async fn collected(office: &TestOffice) -> Vec<String> {
    let of_file = office.engine.collect_all().await.unwrap();
    of_file
        .into_iter()
        .map(|taken| match taken {
            Ok(taken) => format!("{} items", taken.items),
            Err((_, error)) => error.code().to_owned(),
        })
        .collect()
}

async fn an_empty_list_says_by_its_name_of_what_it_is(mut office: TestOffice) {
    with_operator(&mut office).await;
    let told = refused(office.answered("mobile", "json", b"[]").await, "L146");
    assert!(told.contains("completion, rejection"), "{told}");
    let outbox = office.dir.join("mobile/outbox");
    for (name, text, format) in [
        ("b-1-Completions.json", "[]", "gsma-mobile-money-completions"),
        ("b-1-rejections.json", "\u{FEFF}[ \n ]\n", "gsma-mobile-money-rejections"),
    ] {
        let path = outbox.join(name);
        std::fs::write(&path, text).unwrap();
        let taken = office.engine.collect_file("mobile", &path).await.unwrap();
        assert_eq!((taken.items, taken.format.as_str()), (0, format), "{name}");
    }
    // The first has the bytes of one that was taken in since.
    assert!(collected(&office).await.is_empty());
    office.ends_whole().await;
}

async fn a_list_that_is_cut_or_broken_is_refused_with_its_place(mut office: TestOffice) {
    with_operator(&mut office).await;
    for (text, code, place) in [
        ("[{\"transactionReference\":\"T1".to_owned(), "M137", "line 1"),
        ("[\n{\"a\":\"b\"},\n{\"a\":".to_owned(), "M137", "line 3"),
        ("[".repeat(100_000), "M118", "line 1"),
        (format!("{}{}", "[".repeat(70_000), "]".repeat(70_000)), "M118", "line 1"),
        ("[\nNaN]".to_owned(), "M131", "line 2"),
    ] {
        let told = refused(office.answered("mobile", "json", text.as_bytes()).await, code);
        assert!(told.contains(place), "{told}");
    }
    assert_eq!(office.discrepancies().await, ["file_refused"; 5]);
    office.ends_whole().await;
}

async fn a_file_in_no_agreed_format_is_told_why_by_each(mut office: TestOffice) {
    with_operator(&mut office).await;
    let sheet = "partner_reference,wallet_id,amount,status\n";
    for (partner, text, why) in [
        ("mobile", sheet, "as gsma-mobile-money-completions it does not begin with `[`"),
        ("mobile", "[{\"completionDate\":\"x\"}]", "it has no `link` near its beginning; as"),
        ("wallet", sheet, "as ewallet-csv-results it has no column `"),
        ("wallet", "", "it ends before its header"),
        ("isobank", "<html>", "as iso20022-pain002 it names no `pain.002`"),
        (
            "sheetbank",
            "<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.002.001.10\">",
            "looks like iso20022-pain002, which is not agreed",
        ),
    ] {
        let told = refused(office.answered(partner, "txt", text.as_bytes()).await, "L101");
        assert!(told.contains(why), "{told}");
    }
    office.ends_whole().await;
}

async fn a_file_larger_than_any_right_one_is_not_read(office: TestOffice) {
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let path = office.dir.join("sheetbank/outbox/0-large.csv");
    // It has no blocks: only who reads it needs long.
    File::create(&path).unwrap().set_len(ANSWER_BYTES_MAX * 3).unwrap();
    let begun = Instant::now();
    for _ in 0..2 {
        assert_eq!(collected(&office).await, ["N103"]);
    }
    let told = refused(office.engine.collect_file("sheetbank", &path).await, "N103");
    assert!(told.contains("larger than 1024 MiB") && told.contains("several files"), "{told}");
    assert!(begun.elapsed() < Duration::from_secs(20), "it was read: {:?}", begun.elapsed());
    assert_eq!(office.discrepancies().await, ["file_refused"]);
    assert!(!office.dir.join("collecting/0-large.csv").exists());

    let (number, _) = office.engine.store.discrepancies().await.unwrap().remove(0);
    let engine = &office.engine;
    engine.discrepancy_resolve(number, "sent by mistake", MAKER, &key(MAKER)).await.unwrap();
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    assert_eq!(office.sheet(&[an]).await.unwrap().items, 1);
    assert!(collected(&office).await.is_empty(), "it was set aside");
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    office.ends_whole().await;
}

#[cfg(unix)]
async fn a_name_that_is_no_text_is_told_and_the_others_are_taken_in(office: TestOffice) {
    use std::os::unix::ffi::OsStrExt as _;
    office.on_day(DAY);
    office.month("2026-10", &[AN]).await;
    let october = office.paid_out("2026-10", Regular).await;
    let outbox = office.dir.join("sheetbank/outbox");
    let bad = outbox.join(std::ffi::OsStr::from_bytes(b"bad\xff.csv"));
    for name in [&b"bad\xff.csv"[..], b".hidden\xff", b"half\xff.csv.part"] {
        std::fs::write(outbox.join(std::ffi::OsStr::from_bytes(name)), "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc/passwd", outbox.join("link.csv")).unwrap();
    let an = office.said(&october, "E1", 1, "Thành công", "").await;
    assert_eq!(office.sheet(&[an]).await.unwrap().items, 1);
    for _ in 0..2 {
        let told = office.engine.collect_all().await.unwrap();
        let [Err((link, not_followed)), Err((name, error))] = &told[..] else { panic!("{told:?}") };
        assert_eq!((link.as_str(), not_followed.code()), ("link.csv", "L150"));
        assert_eq!((name.as_str(), error.code()), ("bad\\xff.csv", "L147"));
        let told = error.to_string();
        assert!(told.contains("not UTF-8") && told.contains("plain name"), "{told}");
    }
    office.check(&october, "entitled 1", "paid 1 = 500000").await;
    assert_eq!(office.discrepancies().await, ["file_refused"; 2]);
    std::fs::remove_file(outbox.join("link.csv")).unwrap();
    std::fs::rename(bad, outbox.join("good.csv")).unwrap();
    assert_eq!(collected(&office).await, ["L101"]);
    office.ends_whole().await;
}
