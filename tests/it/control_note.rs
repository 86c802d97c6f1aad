//! What a partner is told of each file by another way is what arrives: name, count, total and digest. Told on both
//! databases.

use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::engine::office;
use chitra::report::control_note::{HasLeft, Seal, text};

use crate::support::office::{Fault, MAKER, TestOffice, key, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    what_is_told_of_files_is_what_arrives
    a_file_that_leaves_sealed_is_told_with_its_sealed_copy
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";
const BINH: &str = "E2 | 001145000102 | Trần Thị Bình | 1945-07-02 | female | social_pension/monthly | monthly_pension=0 | bank 970436 0711000002";
const CU: &str = "E3 | 001046000103 | Lê Văn Cư | 1946-05-20 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000003";

async fn what_is_told_of_files_is_what_arrives(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN, BINH, CU]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    let engine = &office.engine;
    let told = refused(engine.control_note(&cycle, None).await, "E112");
    assert!(told.contains("its list is not released"), "{told}");
    refused(engine.control_note(&cycle, Some("nobody")).await, "G118");
    refused(engine.control_note(&cycle, Some("wallet")).await, "E112");

    office.released(&cycle, 0).await;
    let note = engine.control_note(&cycle, None).await.unwrap();
    let partners: Vec<&str> = note.partners.iter().map(|one| one.provider.as_str()).collect();
    assert_eq!((partners, note.left_out.len()), (vec!["isobank", "sheetbank"], 0));
    assert!(note.partners.iter().all(|one| one.files[0].has_left == HasLeft::Not));

    engine.dispatch(None).await.unwrap();
    let note = engine.control_note(&cycle, Some("sheetbank")).await.unwrap();
    let [of_bank] = note.partners.as_slice() else { panic!("{note:?}") };
    let [file] = of_bank.files.as_slice() else { panic!("{note:?}") };
    let arrived = std::fs::read(office.dir.join("sheetbank/inbox").join(&file.file_name)).unwrap();
    assert_eq!(file.leaves_sha256(), Some(Digest::of(&arrived).to_string().as_str()));
    assert_eq!((file.count, file.total_minor, file.has_left), (2, 1_000_000, HasLeft::Has));
    let batch = engine.store.batches(cycle.number).await.unwrap();
    let batch = batch.iter().find(|batch| batch.provider == "sheetbank").unwrap();
    assert_eq!((&file.message_id, file.value_date), (&batch.message_id, batch.value_date));
    // It is for a letter: nobody stands in it.
    let told = text(&note);
    for person in ["Nguyễn", "001044000101", "0711000001"] {
        assert!(!told.contains(person), "{told}");
    }
    for part in [&file.file_name, &file.sha256, "1.000.000", "03/10/2026", "đã gửi / has left"]
    {
        assert!(told.contains(part), "{part}: {told}");
    }

    // What was taken back, and what is damaged, is not told.
    office.month("2026-11", &[AN, BINH]).await;
    let next = office.sealed("2026-11", Regular).await;
    office.released(&next, 0).await;
    let files = engine.store.batches(next.number).await.unwrap();
    let (first, second) = (&files[0], &files[1]);
    engine.withdraw(&office.now(&next).await, &first.file_name, MAKER, &key(MAKER)).await.unwrap();
    let note = engine.control_note(&next, None).await.unwrap();
    assert_eq!(note.left_out[0].file_name, first.file_name);
    assert_eq!(note.left_out[0].why.en, "it was taken back before it left");
    let digest = Digest::parse(second.sha256.as_ref().unwrap()).unwrap();
    let archived = office.dir.join("archive").join(chitra::disk::archive::archived_path(&digest));
    std::fs::remove_file(archived).unwrap();
    refused(engine.control_note(&next, None).await, "E112");
    // Dispatch makes it good, and it is told again.
    office.next_fault(Some(Fault::LosesTheOutcome));
    engine.dispatch(None).await.unwrap();
    let note = engine.control_note(&next, None).await.unwrap();
    assert_eq!(note.partners[0].files[0].has_left, HasLeft::MayHave);
    office.next_fault(None);
    engine.dispatch(None).await.unwrap();
    office.ends_whole().await;
}

async fn a_file_that_leaves_sealed_is_told_with_its_sealed_copy(mut office: TestOffice) {
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    std::fs::write(office.dir.join("keys/bank.age"), recipient).unwrap();
    let path = office.dir.join(office::CONFIG);
    let config = std::fs::read_to_string(&path).unwrap();
    let taken = "taken = \"sheetbank/taken\"\n";
    let envelope = "[provider.envelope]\nencrypt = \"age\"\nrecipient_file = \"keys/bank.age\"\n";
    assert!(config.contains(taken));
    std::fs::write(&path, config.replacen(taken, &format!("{taken}{envelope}"), 1)).unwrap();
    office.reopen().await;
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    let note = office.engine.control_note(&cycle, None).await.unwrap();
    let file = &note.partners[0].files[0];
    assert_eq!((&file.seal, file.leaves_as(), file.leaves_sha256()), (&Seal::Later, None, None));

    office.engine.dispatch(None).await.unwrap();
    let note = office.engine.control_note(&cycle, None).await.unwrap();
    let file = &note.partners[0].files[0];
    let name = file.leaves_as().unwrap();
    assert_eq!(name, format!("{}.age", file.file_name));
    let arrived = std::fs::read(office.dir.join("sheetbank/inbox").join(name)).unwrap();
    let arrived = Digest::of(&arrived).to_string();
    assert_eq!(file.leaves_sha256(), Some(arrived.as_str()));
    let told = text(&note);
    assert!(told.contains(&arrived) && told.contains(&file.sha256), "{told}");
    office.ends_whole().await;
}
