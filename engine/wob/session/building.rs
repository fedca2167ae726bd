//! The build of what a session selects: on threads of its own, so that the user can stop it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    time::Duration,
};

use wob_engine::{Database, Digest};
use wob_host::{EarlyFiles, StoreError};
use wob_rules::{
    Assignment, Before, Built, BuiltAssignment, EnvironmentInput, Inputs, Known, KnownFiles,
    Memory, Rendered, Subtree, build_with, decode_all, environment_model, scheduled,
};

use super::{BuiltTarget, Session};
use crate::{
    args::Common,
    exit::Exit,
    progress::Progress,
    stored::Stored,
    timings::{self, Measured},
};

/// How often to look whether the user stopped the work.
const LOOK: Duration = Duration::from_millis(20);

/// What is known of the place of an environment before anything is built for it.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    /// Where what is rendered shall be compressed at once.
    pub(crate) early: Option<Arc<EarlyFiles>>,
    /// The subtrees that the last build had: cluster type and digest.
    pub(crate) before: Vec<(String, Digest)>,
}

/// What was built is on its way to the store.
pub(crate) struct Saving<'b> {
    stored: Arc<Stored>,
    made: Vec<&'b [BuiltAssignment]>,
}

impl Saving<'_> {
    /// Keeps what was rendered, with the threads of `pool`.
    pub(crate) fn run(self, pool: &rayon::ThreadPool) -> Result<(), StoreError> {
        let _span = timings::span("store");
        let Self { stored, made } = self;
        pool.install(move || stored.save(&made).and_then(|()| stored.tidy()))
    }
}

impl Session<'_> {
    /// Builds the selected environments with as many threads as the user wants; renders only what no build before has, and keeps
    /// the rest for the next one.
    pub(crate) fn build(&self, common: &Common) -> Result<Vec<BuiltTarget>, Exit> {
        self.build_ahead(common, &|_| Ahead::default())
    }

    /// Does the same; `ahead` says, by an environment's name, what is known of its place.
    pub(crate) fn build_ahead(
        &self,
        common: &Common,
        ahead: &dyn Fn(&str) -> Ahead,
    ) -> Result<Vec<BuiltTarget>, Exit> {
        let pool = self.pool(common)?;
        let built = self.build_on(&pool, ahead)?;
        self.tell_saved(self.saving(&built).run(&pool));
        Ok(built)
    }

    /// Builds the selected environments on the threads of `pool`. `ahead` says, by an environment's name, what is known of its
    /// place. Nothing is kept yet.
    pub(crate) fn build_on(
        &self,
        pool: &rayon::ThreadPool,
        ahead: &dyn Fn(&str) -> Ahead,
    ) -> Result<Vec<BuiltTarget>, Exit> {
        let progress = Progress::start(self.streams.wants_progress(), "building");
        let mut all = vec![];
        // While it is held, nothing is tidied up.
        let _lease = self.stored.lease();
        for target in &self.targets {
            let Some(input) = target.input else { continue };
            progress.now(&format!("building {}", target.name));
            if self.interrupt.is_set() {
                return Err(self.interrupted());
            }
            let Ahead { early, before } = ahead(target.name.as_str());
            self.stored.recall(before);
            let built = self.build_one(pool, input, early.clone());
            if let (Err(_), Some(early)) = (&built, &early) {
                // The threads that are left to themselves hold it, and end with the process.
                early.abandon();
            }
            self.stored.recall(vec![]);
            let built = built?;
            all.push(BuiltTarget { input, selected: target.selected.clone(), built, early });
        }
        Ok(all)
    }

    /// Returns what keeps `built` for other builds.
    pub(crate) fn saving<'b>(&self, built: &'b [BuiltTarget]) -> Saving<'b> {
        let made = built.iter().map(|it| &*it.built.assignments).collect();
        Saving { stored: self.stored.clone(), made }
    }

    /// Says if nothing could be kept.
    pub(crate) fn tell_saved(&self, saved: Result<(), StoreError>) {
        if let Err(error) = saved {
            self.streams.say_more(&format!("note: {error}; that costs the next build time"));
        }
    }

    /// Starts as many threads as the user wants.
    pub(crate) fn pool(&self, common: &Common) -> Result<rayon::ThreadPool, Exit> {
        let threads = common.jobs.unwrap_or(0);
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| {
            self.streams.fail(&format!("could not start threads: {error}"));
            Exit::Local
        })
    }

    /// Builds on the threads of `pool`. If the user stops it, they are left to themselves: they write nothing.
    fn build_one(
        &self,
        pool: &rayon::ThreadPool,
        input: EnvironmentInput,
        early: Option<Arc<EarlyFiles>>,
    ) -> Result<Built, Exit> {
        let (stored, memory) = (self.stored.clone(), self.memory);
        let built = self.run_on(pool, move |db| {
            let known = Compressing { known: &*stored, early: early.as_deref() };
            measured(db, input, &known, memory)
        });
        built.ok_or_else(|| self.interrupted())
    }

    /// Does some work on the threads of `pool`; `None` if the user stops it: then it is left to itself.
    pub(crate) fn run_on<T: Send + 'static>(
        &self,
        pool: &rayon::ThreadPool,
        work: impl FnOnce(&Database) -> T + Send + 'static,
    ) -> Option<T> {
        let (send, receive) = mpsc::channel();
        let db = self.loaded.db.clone();
        pool.spawn(move || {
            // On a thread of the pool a panic would end the process.
            let done = catch_unwind(AssertUnwindSafe(|| work(&db)));
            // A clone that outlives the work would block whoever changes an input.
            drop(db);
            // Nobody listens once the user stopped it.
            send.send(done).unwrap_or_default();
        });
        loop {
            match receive.recv_timeout(LOOK) {
                Ok(Ok(done)) => return Some(done),
                Ok(Err(bug)) => resume_unwind(bug),
                Err(_) if self.interrupt.is_set() => return None,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    unreachable!("because the work ends by sending its result")
                }
            }
        }
    }
}

/// Builds, and tells the time of each step: what one asks for first is made first.
fn measured(db: &Database, input: EnvironmentInput, known: &dyn Known, memory: Memory) -> Built {
    let environment = input.name(db);
    let span = timings::span_of("parse and decode", environment);
    decode_all(db, input);
    drop(span);
    let span = timings::span_of("model", environment);
    environment_model(db, input);
    drop(span);
    let span = timings::span_of("schedule", environment);
    scheduled(db, input);
    drop(span);
    let _span = timings::span_of("build", environment);
    build_with(db, input, &Measured::new(known, environment), memory)
}

/// Compresses what is rendered, if that is wanted, and tells what else wants to know of it.
struct Compressing<'k> {
    known: &'k dyn Known,
    early: Option<&'k EarlyFiles>,
}

impl Known for Compressing<'_> {
    fn expect(&self, subtrees: &[Subtree]) {
        self.known.expect(subtrees);
    }

    fn files(&self, inputs: Digest) -> Option<KnownFiles> {
        self.known.files(inputs)
    }

    fn before(&self, assignment: &Assignment, inputs: &Inputs) -> Option<Before> {
        self.known.before(assignment, inputs)
    }

    fn keep(&self, inputs: Digest, rendered: &Rendered) {
        if let Some(early) = self.early {
            early.take_folder(rendered.files.folder());
        }
        self.known.keep(inputs, rendered);
    }
}
