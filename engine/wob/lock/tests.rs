//! What is written is read back, and merges lose nothing.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wob_engine::{Digest, FileName};
use wob_host::GitId;

use super::{Lock, LockedInput, Pin, ReadLock, Settled, clamped, time_text};

fn pin() -> impl Strategy<Value = Pin> {
    // Few commits, so that sides agree now and then.
    (0_u8..4, prop_oneof![Just(0_i64), Just(1_767_225_600), any::<i64>()]).prop_map(
        |(seed, time)| {
            let id = |it: u8| GitId::parse(&format!("{it:02x}").repeat(20)).unwrap();
            Pin {
                commit: id(seed),
                tree: id(seed ^ 0xff),
                content: Digest::of(&[seed]),
                time_s: clamped(time),
            }
        },
    )
}

fn input() -> impl Strategy<Value = LockedInput> {
    let name = prop_oneof![Just("app".to_owned()), "[^\\p{C}]{1,12}"];
    let url = prop_oneof![
        Just("https://example.org/org/app".to_owned()),
        Just("git@example.org:org/app".to_owned()),
        Just("file:///srv/it's a \"folder\"".to_owned()),
        "/srv/[a-z]{1,3}",
    ];
    let reference = prop_oneof![Just("main".to_owned()), "[a-z]{1,3}(/[a-zäß]{1,3})?"];
    let path = prop_oneof![Just(String::new()), "[a-z'\" #=\\[\\]]{1,4}(/[a-z]{1,3})?"];
    (name, url, reference, path, pin()).prop_map(|(name, url, reference, path, pin)| LockedInput {
        name,
        url,
        reference,
        path,
        pin,
    })
}

fn lock() -> impl Strategy<Value = Lock> {
    prop::collection::vec(input(), 0..6).prop_map(|all| Lock {
        inputs: all.into_iter().map(|it| (it.key(), it)).collect::<BTreeMap<_, _>>(),
    })
}

fn read(text: &str) -> Lock {
    let read = ReadLock::of_text(&FileName::new("wob.lock"), text);
    assert_eq!(read.diagnostics, [], "{text}");
    read.file.unwrap().lock
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(lock in lock()) {
        let text = lock.to_text();
        let again = read(&text);
        prop_assert_eq!(&again, &lock);
        prop_assert_eq!(again.to_text(), text);
    }

    #[test]
    fn reading_anything_at_all_ends_with_a_place(text in "(\\PC|\n|\\[\\[input\\]\\]\n|version = 1\n|url = |\"|=)*") {
        let read = ReadLock::of_text(&FileName::new("wob.lock"), &text);
        prop_assert!(read.file.is_some() || read.diagnostics.iter().any(wob_engine::Diagnostic::is_error));
        prop_assert!(read.diagnostics.iter().all(|it| !it.labels.is_empty() && it.help.is_some()));
    }

    #[test]
    fn a_merge_takes_what_one_side_changed(base in lock(), side in lock()) {
        for (ours, theirs) in [(&side, &base), (&base, &side), (&side, &side)] {
            let (merged, settled) = Lock::merge(&base, ours, theirs);
            prop_assert_eq!(&merged, &side);
            prop_assert_eq!(settled, vec![]);
        }
    }

    #[test]
    fn it_does_not_matter_who_merges_whom(base in lock(), ours in lock(), theirs in lock()) {
        let (merged, settled) = Lock::merge(&base, &ours, &theirs);
        let (other_way, settled_other_way) = Lock::merge(&base, &theirs, &ours);
        prop_assert_eq!(&merged, &other_way);
        prop_assert_eq!(&settled, &settled_other_way);
        // Every block is one that somebody wrote, and what both sides have stays.
        for (key, input) in &merged.inputs {
            prop_assert!([&ours, &theirs].iter().any(|it| it.inputs.get(key) == Some(input)));
        }
        for key in ours.inputs.keys().filter(|it| theirs.inputs.contains_key(*it)) {
            prop_assert!(merged.inputs.contains_key(key));
        }
        // Of two that were moved, none that is later is dropped.
        for it in &settled {
            if let Settled::Later { kept, dropped } = it {
                prop_assert!(kept.pin.time_s >= dropped.pin.time_s);
            }
        }
    }

    #[test]
    fn every_time_can_be_written(time_s in any::<i64>()) {
        let text = format!("time = {}", time_text(time_s));
        prop_assert!(toml_edit::Document::parse(text.clone()).is_ok(), "{}", text);
    }
}
