//! A release list has a day of its own: its files say when they were made and ask for a value date that
//! is still to come, both fixed when it is sealed, approved with it, and the same on every rendering.

use chitra::domain::batch::Batch;
use chitra::domain::cycle::Cycle;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::ids::ListNo;

use crate::support::office::{
    APPROVERS, MAKER, TestOffice, archived_file, key, on_both_databases, refused, run,
};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    a_release_list_is_dated_when_it_is_sealed
    a_list_that_a_dead_process_began_keeps_the_day_it_was_given
    a_list_that_was_given_no_day_gets_the_one_on_which_it_is_finished
    the_value_date_of_a_file_is_approved_with_it
    what_is_given_up_or_gone_is_told_as_that
    a_rendering_that_is_cut_short_keeps_the_files_that_are_whole
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";

/// A month sealed and sent on 20 September for 3 October, with four who share an account held back; on
/// 13 October they are ordered on list 1.
async fn ordered_late(office: &TestOffice) -> Cycle {
    office.on_day("2026-09-20");
    let shared: Vec<String> = (1..=4)
        .map(|at| {
            let one = BINH.replace("E2", &format!("S{at}"));
            one.replace("001145000102", &format!("00114500020{at}"))
        })
        .collect();
    let people: Vec<&str> = [AN].into_iter().chain(shared.iter().map(String::as_str)).collect();
    office.month("2026-10", &people).await;
    let october = office.paid_out("2026-10", Regular).await;
    office.on_day("2026-10-13");
    office.release_holds(&october, "H121").await;
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    assert_eq!((again.list.unwrap().number, again.ordered), (ListNo(1), 4));
    october
}

async fn file_of(office: &TestOffice, cycle: &Cycle, list: i64) -> Batch {
    let batches = office.engine.store.batches(cycle.number).await.unwrap();
    batches.into_iter().find(|batch| batch.list == ListNo(list)).unwrap()
}

/// What the file of list 1 says at the partner, when it has left.
async fn says(office: &TestOffice, cycle: &Cycle, created: &str, value_date: &str) {
    office.sent(cycle, 1).await;
    let file = file_of(office, cycle, 1).await;
    let text = std::fs::read_to_string(office.dir.join("isobank/inbox").join(&file.file_name));
    let text = text.unwrap();
    for told in [
        format!("<CreDtTm>{created}T09:00:00+07:00</CreDtTm>"),
        format!("<ReqdExctnDt><Dt>{value_date}</Dt></ReqdExctnDt>"),
    ] {
        assert!(text.replace(['\n', ' '], "").contains(&told), "{told} is not in {text}");
    }
}

/// As if the process had died after the orders of list 1 were written, and before it was sealed.
async fn as_if_never_sealed(office: &TestOffice) {
    office.tamper("delete from payment_list where list_no = 1", vec![]).await;
    let unrendered = "update batch set sha256 = null, file_bytes = null where list_no = 1";
    assert_eq!(office.tamper(unrendered, vec![]).await, 1);
}

async fn a_release_list_is_dated_when_it_is_sealed(office: TestOffice) {
    let october = ordered_late(&office).await;
    let now = office.now(&october).await;
    let month = office.engine.payment_list(&now, ListNo(0)).await.unwrap();
    let list = office.engine.payment_list(&now, ListNo(1)).await.unwrap();
    assert_eq!(month.sealed_at, "2026-09-20T09:00:00+07:00");
    assert_eq!(list.sealed_at, "2026-10-13T09:00:00+07:00");
    let told = r#""value_date":"2026-10-14""#;
    assert!(list.body.contains(told) && !month.body.contains(told), "{}", list.body);

    // The next day the archived copy is gone: it is rendered again, to the byte.
    office.on_day("2026-10-14");
    let file = file_of(&office, &october, 1).await;
    let archived = archived_file(&office.dir.join("archive"), file.sha256.as_ref().unwrap());
    let bytes = std::fs::read(&archived).unwrap();
    std::fs::remove_file(&archived).unwrap();
    says(&office, &october, "2026-10-13", "2026-10-14").await;
    assert_eq!(std::fs::read(&archived).unwrap().len(), bytes.len());
    assert_eq!(file_of(&office, &october, 1).await.sha256, file.sha256);
    office.ends_whole().await;
}

async fn a_list_that_a_dead_process_began_keeps_the_day_it_was_given(office: TestOffice) {
    let october = ordered_late(&office).await;
    let before = file_of(&office, &october, 1).await;
    as_if_never_sealed(&office).await;
    office.on_day("2026-10-14");
    let again = office.engine.reissue(&office.now(&october).await).await.unwrap();
    let list = again.list.expect("what was begun is finished");
    assert_eq!(list.sealed_at, "2026-10-13T09:00:00+07:00");
    assert_eq!(file_of(&office, &october, 1).await, before, "the same bytes, by their digest");
    says(&office, &october, "2026-10-13", "2026-10-14").await;
    office.ends_whole().await;
}

async fn a_list_that_was_given_no_day_gets_the_one_on_which_it_is_finished(office: TestOffice) {
    let october = ordered_late(&office).await;
    as_if_never_sealed(&office).await;
    let undated = "update batch set created_at = null where list_no = 1";
    assert_eq!(office.tamper(undated, vec![]).await, 1);
    office.on_day("2026-10-20");
    office.engine.reissue(&office.now(&october).await).await.unwrap();
    says(&office, &october, "2026-10-20", "2026-10-21").await;
    office.ends_whole().await;
}

async fn the_value_date_of_a_file_is_approved_with_it(office: TestOffice) {
    let october = ordered_late(&office).await;
    office.approved(&october, 1).await;
    let earlier = "update batch set value_date = '2026-10-03' where list_no = 1";
    assert_eq!(office.tamper(earlier, vec![]).await, 1);
    let now = office.now(&october).await;
    refused(office.engine.release(&now, ListNo(1), APPROVERS[0], &key(APPROVERS[0])).await, "A113");
    let later = "update batch set value_date = '2026-10-14' where list_no = 1";
    assert_eq!(office.tamper(later, vec![]).await, 1);
    says(&office, &october, "2026-10-13", "2026-10-14").await;
    office.ends_whole().await;
}

/// A list that was cancelled, or whose files were taken back, is not what was sealed: nobody tampered with it.
async fn what_is_given_up_or_gone_is_told_as_that(office: TestOffice) {
    let october = ordered_late(&office).await;
    let now = office.now(&october).await;
    office.engine.list_cancel(&now, ListNo(1), MAKER, &key(MAKER)).await.unwrap();
    let month = file_of(&office, &october, 0).await.file_name;
    let told = |sentence: String, words: &str| assert!(sentence.contains(words), "{sentence}");
    let first = APPROVERS[0];
    for number in [ListNo(0), ListNo(1)] {
        let words = if number.0 == 0 { "let go" } else { "given up" };
        let engine = &office.engine;
        let done = engine.submit(&now, number, MAKER, &key(MAKER)).await;
        told(refused(done, "A109"), words);
        told(refused(engine.approve(&now, number, first, &key(first)).await, "A109"), words);
        told(refused(engine.release(&now, number, first, &key(first)).await, "A109"), words);
    }
    assert!(!month.is_empty());
    office.ends_whole().await;
}

/// What goes wrong in the last shard leaves the files that were whole before it; the next rendering writes the rest.
async fn a_rendering_that_is_cut_short_keeps_the_files_that_are_whole(mut office: TestOffice) {
    let path = office.dir.join("chitra.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("count_max = 1000", "count_max = 2")).unwrap();
    office.reopen().await;
    office.on_day("2026-09-20");
    let people: Vec<String> = (0..8)
        .map(|at| {
            format!(
                "E{at} | 00104400010{at} | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | \
                 monthly_pension=0 | bank 970436 071100000{at}"
            )
        })
        .collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    office.month("2026-10", &people).await;
    let cycle = office.opened("2026-10", Regular).await;
    let cycle = office.computed(&cycle).await;
    let last = "kind = 'payout' and shard = (select max(shard) from chunk where kind = 'payout')";
    let moved = |to: &str| format!("update chunk set kind = '{to}' where {last}").leak();
    assert_eq!(office.tamper(moved("away"), vec![]).await, 1);
    refused(office.engine.seal(&cycle).await, "C192");
    let whole = |batches: &[Batch]| -> Vec<bool> {
        batches.iter().map(|batch| batch.sha256.is_some()).collect()
    };
    let before = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(whole(&before), [true, true, true, false], "{before:?}");
    let undo = "update chunk set kind = 'payout' where kind = 'away'";
    assert_eq!(office.tamper(undo, vec![]).await, 1);
    // A file that is whole is not written again: its archived copy would come back.
    let first = archived_file(&office.dir.join("archive"), before[0].sha256.as_ref().unwrap());
    let kept = first.with_extension("kept");
    std::fs::rename(&first, &kept).unwrap();
    office.engine.seal(&office.now(&cycle).await).await.unwrap();
    let after = office.engine.store.batches(cycle.number).await.unwrap();
    assert_eq!(whole(&after), [true; 4]);
    assert!(!first.exists(), "it was written again");
    std::fs::rename(&kept, &first).unwrap();
    assert_eq!(
        after[..3].iter().map(|one| &one.sha256).collect::<Vec<_>>(),
        before[..3].iter().map(|one| &one.sha256).collect::<Vec<_>>()
    );
    office.released(&cycle, 0).await;
    office.ends_whole().await;
}
