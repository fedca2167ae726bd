//! What a store promises: what it was given or nothing, whatever the disk does.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use camino::{Utf8Path, Utf8PathBuf};
use wob_engine::Digest;
use wob_host::{GcLimits, Store, StoreError};

use crate::simulated::{Loss, SimulatedDisk};

const FOLDER: &str = "/cache/store";

fn open(disk: &SimulatedDisk) -> Store {
    Store::on(Arc::new(disk.clone()), Utf8Path::new(FOLDER))
}

fn key(index: usize) -> Digest {
    Digest::of(format!("key {index}").as_bytes())
}

/// Adds `count` results from `first` on, each of which names a blob.
fn add(store: &Store, first: usize, count: usize) -> Result<(), StoreError> {
    let mut batch = store.batch();
    for index in first..first + count {
        let blob = batch.put_blob(format!("contents {index}").as_bytes())?;
        batch.put_result(&key(index), blob.as_bytes())?;
    }
    batch.commit()
}

/// Checks that every answer for `0..count` is right or missing, and that whatever is named is there; counts the right ones.
fn check(store: &Store, count: usize) -> usize {
    let mut right = 0;
    for index in 0..count {
        let Some(named) = store.result(&key(index)) else { continue };
        let digest = Digest::from_bytes(named.try_into().unwrap());
        let blob = store.blob(&digest).expect("what a result names is durable before it");
        assert_eq!(blob, format!("contents {index}").as_bytes());
        right += 1;
    }
    right
}

/// What a store says of each key when it is asked for that alone.
fn alone(store: &Store, keys: &[Digest]) -> Vec<Option<Vec<u8>>> {
    keys.iter().map(|it| store.result(it)).collect()
}

/// Limits by size alone.
fn limits(most_bytes: u64, most_joined: u64) -> GcLimits {
    GcLimits { most_bytes, longest_unused: Duration::MAX, least_bytes: 0, most_joined }
}

fn packs(disk: &SimulatedDisk) -> Vec<Utf8PathBuf> {
    let is_pack = |it: &Utf8PathBuf| it.as_str().contains("/packs/");
    disk.files().into_iter().filter(is_pack).collect()
}

/// Returns the first pack of a kind.
fn pack_of(disk: &SimulatedDisk, kind: &str) -> Utf8PathBuf {
    let is_of_kind = |it: &Utf8PathBuf| it.extension().is_some_and(|it| it.starts_with(kind));
    packs(disk).into_iter().find(is_of_kind).unwrap()
}

#[test]
fn a_store_returns_what_it_was_given() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    assert_eq!(store.result(&key(0)), None);
    add(&store, 0, 100).unwrap();
    assert_eq!(check(&store, 100), 100, "in the process that wrote it");
    assert_eq!(check(&open(&disk), 100), 100, "in another process");
    assert_eq!(store.result(&key(100)), None);
    add(&store, 200, 100).unwrap();
    let keys: Vec<Digest> = (0..300).rev().map(key).collect();
    let results = open(&disk).results(&keys, Some);
    assert_eq!(results.iter().flatten().count(), 200, "many at a time, from several packs");
    assert_eq!(results, alone(&store, &keys));
    assert_eq!(store.blob(&key(0)), None, "a key of a result is no key of contents");
}

#[test]
fn a_batch_that_is_dropped_adds_nothing() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let mut batch = store.batch();
    batch.put_blob(b"x").unwrap();
    batch.put_result(&key(0), b"y").unwrap();
    drop(batch);
    assert_eq!(packs(&disk), Vec::<Utf8PathBuf>::new());
    assert_eq!(store.result(&key(0)), None);
}

#[test]
fn contents_are_stored_once() {
    let disk = SimulatedDisk::default();
    add(&open(&disk), 0, 50).unwrap();
    let again = open(&disk);
    let mut batch = again.batch();
    for index in 0..50 {
        batch.put_blob(format!("contents {index}").as_bytes()).unwrap();
    }
    batch.commit().unwrap();
    assert_eq!(packs(&disk).len(), 2, "one of contents, one of results");
}

/// After a power failure at any moment everything that is found is right, and what was committed before is found.
#[test]
fn a_crash_at_any_call_loses_at_most_what_was_being_added() {
    let whole = SimulatedDisk::default();
    add(&open(&whole), 0, 10).unwrap();
    let calls = {
        let disk = whole.crash(Loss::All);
        disk.fail_from(usize::MAX, ErrorKind::Other);
        add(&open(&disk), 10, 10).unwrap();
        disk.heal()
    };
    assert!(calls > 5, "{calls}");
    let mut whole_after = 0;
    for call in 0..=calls {
        for loss in [Loss::All, Loss::Half, Loss::Zeroes] {
            let disk = whole.crash(Loss::All);
            disk.fail_from(call, ErrorKind::Other);
            let added = add(&open(&disk), 10, 10).is_ok();
            disk.heal();
            let after = disk.crash(loss);
            let found = check(&open(&after), 20);
            assert!(found >= if added { 20 } else { 10 }, "call {call}, {loss:?}: {found}");
            whole_after += usize::from(found == 20);
            // And the store can be used on.
            add(&open(&after), 10, 10).unwrap();
            assert_eq!(check(&open(&after), 20), 20, "call {call}, {loss:?}");
        }
    }
    assert!(whole_after >= 3, "the last call was allowed to succeed");
}

/// A disk that fails from any call on, reads included, gives errors and misses, never a wrong answer.
#[test]
fn a_failing_disk_gives_no_wrong_answer() {
    let whole = SimulatedDisk::default();
    add(&open(&whole), 0, 10).unwrap();
    for kind in [
        ErrorKind::StorageFull,
        ErrorKind::PermissionDenied,
        ErrorKind::Interrupted,
        ErrorKind::Other,
    ] {
        for call in 0..60 {
            let disk = whole.crash(Loss::Half);
            disk.fail_from(call, kind);
            let store = open(&disk);
            let mut found = 0;
            for index in 0..10 {
                if let Some(named) = store.result(&key(index)) {
                    assert_eq!(
                        named,
                        Digest::of(format!("contents {index}").as_bytes()).as_bytes()
                    );
                    found += 1;
                }
            }
            let added = add(&store, 10, 10);
            disk.heal();
            let least = if added.is_ok() { 20 } else { 10 };
            assert!(check(&open(&disk), 20) >= least, "call {call}: {found} before");
            assert_eq!(store.quarantined(), [], "a disk that refuses has damaged nothing");
        }
    }
}

/// Every byte of every pack is flipped once: what is found stays right, what is damaged is set aside and can be added again.
#[test]
fn a_flipped_bit_is_a_miss() {
    let whole = SimulatedDisk::default();
    add(&open(&whole), 0, 3).unwrap();
    let mut missed = 0;
    for pack in packs(&whole) {
        let mut size = 0;
        whole.tamper(&pack, |bytes| size = bytes.len());
        for at in 0..size {
            let disk = whole.crash(Loss::Half);
            disk.tamper(&pack, |bytes| bytes[at] ^= 0x10);
            let store = open(&disk);
            for index in 0..3 {
                let Some(named) = store.result(&key(index)) else { continue };
                let digest = Digest::from_bytes(named.try_into().unwrap());
                if let Some(blob) = store.blob(&digest) {
                    assert_eq!(blob, format!("contents {index}").as_bytes());
                }
            }
            let together = open(&disk).results(&[key(0), key(1), key(2)], Some);
            for (index, named) in together.iter().enumerate() {
                let blob = Digest::of(format!("contents {index}").as_bytes());
                assert!(named.as_ref().is_none_or(|it| it == blob.as_bytes()), "{pack}: byte {at}");
            }
            // Nobody asks for many contents at once.
            store.verify();
            missed += usize::from(!store.quarantined().is_empty());
            // The first bytes of a pack are a mark for people; nothing is read by them.
            assert!(at < 8 || !store.quarantined().is_empty(), "{pack}: byte {at}");
            add(&store, 0, 3).unwrap();
            assert_eq!(check(&open(&disk), 3), 3, "{pack}: byte {at}");
        }
        for left in [0, 1, size / 2, size - 1] {
            let disk = whole.crash(Loss::Half);
            disk.tamper(&pack, |bytes| bytes.truncate(left));
            let store = open(&disk);
            assert_eq!(store.result(&key(0)).and(store.blob(&Digest::of(b"contents 0"))), None);
            add(&store, 0, 3).unwrap();
            assert_eq!(check(&open(&disk), 3), 3, "{pack}: {left} bytes");
            assert_eq!(store.quarantined().len(), 1);
        }
    }
    assert!(missed > 100, "{missed}");
}

/// An index of several pages: all is found, nothing else is, and damage of one page is no wrong answer on another.
#[test]
fn a_large_index_is_read_page_by_page() {
    const COUNT: usize = 2_000;
    let whole = SimulatedDisk::default();
    add(&open(&whole), 0, COUNT).unwrap();
    let store = open(&whole);
    assert_eq!(check(&store, COUNT), COUNT);
    for index in COUNT..2 * COUNT {
        assert_eq!(store.result(&key(index)), None);
    }
    let results = pack_of(&whole, "results");
    let mut size = 0;
    whole.tamper(&results, |bytes| size = bytes.len());
    // Behind the entries of 44 bytes stand their heads of 4, eight pages of 96, and a footer of 56.
    let list = size - 56 - 8 * 96;
    let heads = list - 4 * COUNT;
    let entries = [heads - 1, heads - 44 * COUNT / 2, heads - 44 * COUNT];
    for at in entries.into_iter().chain([heads, list - 1, list + 7, list + 96 * 7 + 40]) {
        let disk = whole.crash(Loss::Half);
        disk.tamper(&results, |bytes| bytes[at] ^= 0x10);
        let store = open(&disk);
        assert!(check(&store, COUNT) < COUNT, "byte {at}");
        assert_eq!(store.quarantined().len(), 1, "byte {at}");
        add(&store, 0, COUNT).unwrap();
        assert_eq!(check(&open(&disk), COUNT), COUNT, "byte {at}");
    }
}

/// Many are asked for together, of packs of which most have none of them: what is found is what each alone is, and damage is a miss.
#[test]
fn many_are_asked_for_at_once() {
    const COUNT: usize = 3_000;
    let whole = SimulatedDisk::default();
    for first in [0, COUNT, 2 * COUNT] {
        add(&open(&whole), first, COUNT).unwrap();
    }
    for step in [1, 7, 1_500] {
        let keys: Vec<Digest> = (COUNT / 2..6 * COUNT).step_by(step).map(key).collect();
        assert_eq!(open(&whole).results(&keys, Some), alone(&open(&whole), &keys), "each {step}th");
    }
    let results = pack_of(&whole, "results");
    let mut size = 0;
    whole.tamper(&results, |bytes| size = bytes.len());
    // Before the footer of 56 bytes stand the pages, 96 bytes for each 256 entries, and before these the heads and the entries.
    let heads = size - 56 - 12 * 96 - 4 * COUNT;
    let keys: Vec<Digest> = (0..3 * COUNT).map(key).collect();
    for at in [heads + 4 * COUNT - 1, heads - 1] {
        let disk = whole.crash(Loss::Half);
        disk.tamper(&results, |bytes| bytes[at] ^= 1);
        let store = open(&disk);
        assert_eq!(store.results(&keys, Some).iter().flatten().count(), 2 * COUNT, "byte {at}");
        assert_eq!(store.quarantined().len(), 1, "byte {at}");
    }
}

#[test]
fn a_misfiled_or_foreign_pack_is_set_aside() {
    let disk = SimulatedDisk::default();
    add(&open(&disk), 0, 3).unwrap();
    let (results, blobs) = (pack_of(&disk, "results"), pack_of(&disk, "blobs"));
    for pack in packs(&disk) {
        let other =
            pack.with_file_name(format!("{}.{}", "0".repeat(40), pack.extension().unwrap()));
        disk.copy(&pack, &other);
    }
    // Results under the name of contents: the index is bound to its kind.
    disk.copy(&results, &results.with_extension(blobs.extension().unwrap()));
    disk.copy(&blobs, &blobs.with_file_name("note.txt"));
    let store = open(&disk);
    assert_eq!(check(&store, 3), 3);
    assert_eq!(store.quarantined().len(), 3, "{:?}", store.quarantined());
    assert_eq!(check(&open(&disk), 3), 3);
    assert_eq!(open(&disk).quarantined(), [], "what is set aside is not looked at again");
}

/// Another wob, which shares the store, may know packs of another shape: they are its own, until nobody has used them for long.
#[test]
fn packs_of_another_shape_are_left_alone() {
    for name in ["0123.results", "0123.results3", "0123.blobs5"] {
        let disk = SimulatedDisk::default();
        let other = Utf8Path::new(FOLDER).join("packs").join(name);
        add(&open(&disk), 0, 3).unwrap();
        disk.put(&other, b"what nobody here can read");
        let store = open(&disk);
        assert_eq!(check(&store, 3), 3);
        assert_eq!(store.verify().quarantined, []);
        store.gc(&GcLimits::default()).unwrap();
        assert!(disk.files().contains(&other), "{name}");
        let nothing = limits(0, u64::MAX);
        assert_eq!(store.gc(&nothing).unwrap().packs, 3, "{name}");
        assert_eq!(packs(&disk), Vec::<Utf8PathBuf>::new());
        disk.put(&other, b"what nobody here can read");
        assert_eq!(store.clear().unwrap().packs, 1, "{name}");
    }
}

#[test]
fn gc_keeps_what_running_builds_use_and_joins_small_packs() {
    let disk = SimulatedDisk::default();
    for index in 0..40 {
        add(&open(&disk), index, 1).unwrap();
    }
    assert_eq!(packs(&disk).len(), 80);
    let nothing = limits(0, u64::MAX);
    let everything = limits(u64::MAX, u64::MAX);

    let build = open(&disk);
    let lease = build.lease().unwrap();
    assert!(build.result(&key(7)).is_some());
    let removed = open(&disk).gc(&nothing).unwrap();
    assert_eq!((removed.packs, removed.busy), (79, false), "the one that is in use stays");
    assert!(open(&disk).result(&key(7)).is_some());
    drop(lease);
    assert_eq!(open(&disk).gc(&nothing).unwrap().packs, 1);
    assert_eq!(packs(&disk), Vec::<Utf8PathBuf>::new());

    for index in 0..40 {
        add(&open(&disk), index, 1).unwrap();
    }
    let store = open(&disk);
    let removed = store.gc(&everything).unwrap();
    assert_eq!((removed.packs, removed.joined), (0, 80));
    assert_eq!(packs(&disk).len(), 2);
    assert_eq!(check(&store, 40), 40);
    assert_eq!(check(&open(&disk), 40), 40);
    assert_eq!(store.info().results, 40);
    assert_eq!(store.verify().records, 80);

    let held =
        wob_host::FileSystem::try_lock(&disk, &Utf8Path::new(FOLDER).join("gc.lock")).unwrap();
    assert!(store.gc(&everything).unwrap().busy);
    drop(held);
    assert_eq!(store.clear().unwrap().packs, 2);
    assert_eq!(check(&store, 40), 0);
}

/// A build that tidies up must not make its user wait for as long as the store is large.
#[test]
fn small_packs_are_joined_a_few_at_a_time() {
    let disk = SimulatedDisk::default();
    for index in 0..40 {
        add(&open(&disk), index, 1).unwrap();
    }
    let all = disk.contents(&Utf8Path::new(FOLDER).join("packs"));
    let largest = all.values().map(|it| it.len() as u64).max().unwrap();
    let four = limits(u64::MAX, 4 * largest);
    assert!(open(&disk).is_untidy(&four, 39));
    assert!(!open(&disk).is_untidy(&four, 40));
    assert!(open(&disk).is_untidy(&limits(1, 0), 40), "it is larger than it may be");

    let removed = open(&disk).gc(&four).unwrap();
    assert_eq!(removed.joined, 8, "four of each kind");
    assert_eq!(packs(&disk).len(), 74);
    let rounds = (0..40).take_while(|_| open(&disk).gc(&four).unwrap().joined > 0).count();
    assert!((4..9).contains(&rounds), "{rounds}");
    assert!(packs(&disk).len() <= 32);
    assert_eq!(check(&open(&disk), 40), 40);
    assert_eq!(open(&disk).gc(&limits(u64::MAX, 0)).unwrap().joined, 0);
}

#[test]
fn verify_finds_damage_that_nobody_asked_for() {
    let disk = SimulatedDisk::default();
    add(&open(&disk), 0, 3).unwrap();
    disk.tamper(&packs(&disk)[0], |bytes| bytes[50] ^= 1);
    let verified = open(&disk).verify();
    assert_eq!(verified.quarantined.len(), 1, "{verified:?}");
    assert_eq!(open(&disk).info().quarantined, 1);
}
