//! Lives: lists of steps as data, so that of a failing list the shortest one can be found that still fails.

use std::{cell::RefCell, collections::BTreeMap, fmt};

use proptest::{
    collection::vec,
    prelude::{Just, Strategy as _, any},
    strategy::Union,
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

use super::{Random, for_each_seed};

/// How long at most a shorter list is looked for, in milliseconds.
const PATIENCE: u32 = 120_000;

/// What is done in a step, and what its dice show: those of the other steps do not count.
pub(crate) type Step<K> = (K, u64);

/// How often each kind of step did something.
#[derive(Debug)]
pub(crate) struct Counts<K>(RefCell<BTreeMap<K, usize>>);

impl<K: Copy + Ord + fmt::Debug> Counts<K> {
    pub(crate) fn new() -> Self {
        Self(RefCell::default())
    }

    pub(crate) fn add(&self, kind: K, number: usize) {
        *self.0.borrow_mut().entry(kind).or_default() += number;
    }

    /// Fails if one of `kinds` happened less than `least` times; one seed alone need not see everything.
    pub(crate) fn assert_each(&self, kinds: impl IntoIterator<Item = K>, least: usize) {
        if std::env::var_os("WOB_PROPERTY_SEED").is_some() {
            return;
        }
        let counts = self.0.borrow();
        for kind in kinds {
            let count = counts.get(&kind).copied().unwrap_or_default();
            assert!(count >= least, "{kind:?} happened {count} times: {counts:?}");
        }
    }

    pub(crate) fn sum(&self) -> usize {
        self.0.borrow().values().sum()
    }
}

/// Lives that are drawn, and how many steps they have at most.
#[derive(Clone, Copy)]
pub(crate) struct Lives {
    pub(crate) cases: u64,
    pub(crate) steps: usize,
}

/// Calls `law` with the seed of a workspace, and steps of `kinds`, each as often as its weight says.
///
/// The printed seed brings a failure back, and the message of a failure ends with the shortest list that was found.
pub(crate) fn for_each_life<K: Copy + fmt::Debug>(
    Lives { cases, steps }: Lives,
    kinds: &[(u32, K)],
    law: impl Fn(u64, &[Step<K>]),
) {
    for_each_seed(cases, |random| {
        let scene = random.number();
        let kinds = kinds.iter().map(|&(weight, kind)| (weight, Just(kind).no_shrink()));
        let step = (Union::new_weighted(kinds.collect()), any::<u64>().no_shrink());
        let lives = vec(step, 1..=steps);
        let config = Config {
            cases: 1,
            failure_persistence: None,
            max_shrink_time: PATIENCE,
            ..Config::default()
        };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed_of(random));
        let outcome = TestRunner::new_with_rng(config, rng).run(&lives, |steps| {
            law(scene, &steps);
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(why, steps)) => panic!("{why}\nafter {steps:#?}"),
            Err(TestError::Abort(why)) => panic!("{why}"),
        }
    });
}

fn seed_of(random: &mut Random) -> [u8; 32] {
    let mut seed = [0; 32];
    for bytes in seed.chunks_exact_mut(8) {
        bytes.copy_from_slice(&random.number().to_le_bytes());
    }
    seed
}
