//! Leases: one dispatcher a partner, and one that was stopped past its lease changes nothing. Each told
//! on both databases.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};

use chitra::channels::{
    Answers, Channel, CollectError, DeliveryOutcome, Fetched, Parcel, QueryOutcome,
};
use chitra::disk::file_name::FileName;
use chitra::domain::batch::BatchState;
use chitra::domain::cycle::CycleKind::Regular;
use chitra::domain::digest::Digest;
use chitra::engine::Engine;
use chitra::store::{Changes, StoreError};

use crate::support::office::{TestOffice, on_both_databases, refused, run};
use crate::support::real_parts::RealPart;

on_both_databases! { run, RealPart::Postgres;
    one_dispatcher_sends_to_a_partner
    who_was_stopped_past_the_lease_changes_nothing
    a_file_that_the_partner_has_taken_is_not_sent_by_a_late_dispatcher
    a_stale_epoch_touches_no_row
    a_dead_holder_in_the_same_folder_is_succeeded_at_once
    nobody_takes_a_lease_beside_who_has_its_lock
}

const AN: &str = "E1 | 001044000101 | Nguyễn Văn An | 1944-03-14 | male | social_pension/monthly | monthly_pension=0 | bank 970405 0711000001";

/// A way to a partner on which a delivery stops before its first byte until it is told to go on.
struct Stopping {
    inner: Arc<dyn Channel>,
    reached: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Channel for Stopping {
    fn deliver(&self, parcel: Parcel<'_>) -> DeliveryOutcome {
        self.reached.send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
        self.inner.deliver(parcel)
    }

    fn query(&self, name: &FileName, digest: &Digest) -> QueryOutcome {
        self.inner.query(name, digest)
    }

    fn answers(&self) -> Result<Answers, CollectError> {
        self.inner.answers()
    }

    fn fetch(
        &self,
        name: &FileName,
        into: &mut dyn std::io::Write,
    ) -> Result<Fetched, CollectError> {
        self.inner.fetch(name, into)
    }
}

/// The office's process as one that stops at a delivery, and another process on another host.
fn two_processes(office: &TestOffice) -> (Engine, Engine, Receiver<()>, Sender<()>) {
    let ((reached, is_reached), (go_on, may_go_on)) = (channel(), channel());
    let mut stopping = office.engine.clone();
    let inner = office.engine.channels["sheetbank"].clone();
    let way = Stopping { inner, reached, go_on: Mutex::new(may_go_on) };
    let mut channels = (*stopping.channels).clone();
    channels.insert("sheetbank".to_owned(), Arc::new(way));
    stopping.channels = Arc::new(channels);
    let mut other = office.engine.clone();
    other.holder = "elsewhere".to_owned();
    (stopping, other, is_reached, go_on)
}

async fn released(office: &TestOffice) -> chitra::domain::cycle::Cycle {
    office.month("2026-10", &[AN]).await;
    let cycle = office.sealed("2026-10", Regular).await;
    office.released(&cycle, 0).await;
    cycle
}

async fn state(office: &TestOffice, cycle: &chitra::domain::cycle::Cycle) -> BatchState {
    office.engine.store.batches(cycle.number).await.unwrap()[0].state
}

async fn one_dispatcher_sends_to_a_partner(office: TestOffice) {
    let cycle = released(&office).await;
    let (stopping, other, reached, go_on) = two_processes(&office);
    let first = tokio::spawn(async move { stopping.dispatch(None).await });
    tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();

    let told = other.dispatch(None).await.unwrap();
    assert!(told[0].detail.contains("another process"), "{told:?}");
    assert_eq!(told[0].state, BatchState::Sending);
    assert_eq!(state(&office, &cycle).await, BatchState::Sending, "nobody else decides");

    go_on.send(()).unwrap();
    let sent = first.await.unwrap().unwrap();
    assert_eq!(sent[0].state, BatchState::Delivered);
    assert_eq!(office.times_sent(&sent[0].file_name), 1);
    office.ends_whole().await;
}

async fn who_was_stopped_past_the_lease_changes_nothing(office: TestOffice) {
    let cycle = released(&office).await;
    let (stopping, other, reached, go_on) = two_processes(&office);
    let first = tokio::spawn(async move { stopping.dispatch(None).await });
    tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();

    office.on_day("2026-09-16");
    let sent = other.dispatch(None).await.unwrap();
    assert_eq!(sent[0].state, BatchState::Delivered, "{sent:?}");
    let before = office.snapshot().await;

    go_on.send(()).unwrap();
    let told = refused(first.await.unwrap(), "D150");
    assert!(told.contains("another has taken over"), "{told}");
    assert_eq!(office.snapshot().await, before, "what comes too late touches no row");
    assert_eq!(state(&office, &cycle).await, BatchState::Delivered);
    let inbox = std::fs::read_dir(office.dir.join("sheetbank/inbox")).unwrap();
    assert_eq!(inbox.count(), 1, "the late sending repeated the same name and bytes");
    office.ends_whole().await;
}

async fn a_file_that_the_partner_has_taken_is_not_sent_by_a_late_dispatcher(office: TestOffice) {
    released(&office).await;
    let (stopping, other, reached, go_on) = two_processes(&office);
    let first = tokio::spawn(async move { stopping.dispatch(None).await });
    tokio::task::spawn_blocking(move || reached.recv().unwrap()).await.unwrap();

    office.on_day("2026-09-16");
    let sent = other.dispatch(None).await.unwrap();
    let name = &sent[0].file_name;
    let bank = office.dir.join("sheetbank");
    std::fs::rename(bank.join("inbox").join(name), bank.join("taken").join(name)).unwrap();

    go_on.send(()).unwrap();
    refused(first.await.unwrap(), "D150");
    assert_eq!(std::fs::read_dir(bank.join("inbox")).unwrap().count(), 0, "it is not there again");
    office.ends_whole().await;
}

async fn a_stale_epoch_touches_no_row(office: TestOffice) {
    let cycle = released(&office).await;
    let store = &office.engine.store;
    let mut changes = Changes::new();
    changes.lease_begun("dispatch:sheetbank", "here", "2026-09-15T08:02:00+07:00");
    store.commit(changes).await.unwrap();
    let row = store.lease("dispatch:sheetbank").await.unwrap().unwrap();
    let mut changes = Changes::new();
    changes.lease_taken(&row, "there", "2026-09-15T09:02:00+07:00");
    store.commit(changes).await.unwrap();
    // Two that saw the same row cannot both take it.
    let mut changes = Changes::new();
    changes.lease_taken(&row, "here", "2026-09-15T09:02:00+07:00");
    assert!(matches!(store.commit(changes).await, Err(StoreError::Conflict { .. })));

    let batch = store.batches(cycle.number).await.unwrap().remove(0);
    let before = office.snapshot().await;
    let mut changes = Changes::new();
    changes.batch_moved(&batch, BatchState::Sending);
    changes.fence("dispatch:sheetbank", row.epoch);
    assert!(matches!(store.commit(changes).await, Err(StoreError::Conflict { .. })));
    assert_eq!(office.snapshot().await, before);

    let mut changes = Changes::new();
    changes.batch_moved(&batch, BatchState::Sending);
    changes.fence("dispatch:sheetbank", row.epoch + 1);
    store.commit(changes).await.unwrap();
    assert_eq!(state(&office, &cycle).await, BatchState::Sending);
}

async fn a_dead_holder_in_the_same_folder_is_succeeded_at_once(office: TestOffice) {
    let cycle = released(&office).await;
    let mut changes = Changes::new();
    let holder = office.engine.holder.clone();
    changes.lease_begun("dispatch:sheetbank", &holder, "2026-09-15T23:59:59+07:00");
    office.engine.store.commit(changes).await.unwrap();
    // Its lock went with it, so nobody needs to wait for the end of its lease.
    let sent = office.engine.dispatch(None).await.unwrap();
    assert_eq!(sent[0].state, BatchState::Delivered);
    assert_eq!(state(&office, &cycle).await, BatchState::Delivered);
    let lease = office.engine.store.lease("dispatch:sheetbank").await.unwrap().unwrap();
    assert_eq!((lease.epoch, lease.holder.as_str()), (2, ""), "and it is given back");
    office.ends_whole().await;
}

/// A process that is about to take the lease, or has just given it back, has the lock: taken beside it the lease
/// would be without one, and the next process would take its holder for dead.
async fn nobody_takes_a_lease_beside_who_has_its_lock(office: TestOffice) {
    office.on_day("2026-09-20");
    office.month("2026-10", &[AN]).await;
    let october = office.sealed("2026-10", Regular).await;
    office.released(&october, 0).await;
    let lock = office.dir.join("dispatch-sheetbank.lock");
    let locked = || {
        let file = std::fs::File::create(&lock).unwrap();
        file.lock().unwrap();
        file
    };
    let told = async || office.engine.dispatch(None).await.unwrap().remove(0);
    let beside = locked();
    for given_back in [false, true] {
        if given_back {
            office.tamper("update lease set holder = ''", Vec::new()).await;
        }
        let one = told().await;
        assert!(one.waits && one.detail.starts_with("another process on this machine"), "{one:?}");
        if !given_back {
            // Taken and given back by hand, at this moment.
            let mut changes = Changes::new();
            let now = office.engine.stamp();
            changes.lease_begun("dispatch:sheetbank", "here", &now);
            office.engine.store.commit(changes).await.unwrap();
        }
    }
    drop(beside);
    assert_eq!(told().await.detail, "delivered and read back");
    office.ends_whole().await;
}
