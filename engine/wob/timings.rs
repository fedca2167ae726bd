//! `--timings=FILE`: where the time of a run went, as a trace of events that Chrome and Perfetto show.
//!
//! **Invariant:** after each event the file is whole JSON, so that a run which is stopped leaves its timings, too.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Seek as _, SeekFrom, Write as _},
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use serde::Serialize;
use wob_engine::Digest;
use wob_rules::{Assignment, Before, Inputs, Known, KnownFiles, Rendered, Subtree};

use crate::{exit::Exit, stream::Streams};

/// Short renders are told together until they took so long.
const SLICE: Duration = Duration::from_millis(2);
/// How every trace ends.
const END: &str = "\n]\n";

/// The trace of this process, if one is written.
static TRACE: OnceLock<Trace> = OnceLock::new();

/// A trace that is being written.
#[derive(Debug)]
struct Trace {
    begin: Instant,
    /// None after it could not be written.
    file: Mutex<Option<File>>,
}

/// A complete event of the trace event format.
#[derive(Debug, Serialize)]
struct Event<'e> {
    name: &'e str,
    ph: &'static str,
    /// Microseconds.
    ts: u64,
    dur: u64,
    pid: u32,
    tid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Args<'e>>,
}

#[derive(Debug, Serialize)]
struct Args<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assignments: Option<u64>,
}

impl<'e> Args<'e> {
    fn of(environment: &'e str) -> Self {
        Self { environment: Some(environment), assignments: None }
    }
}

/// Whether timings are written.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Timings {
    /// Write to FILE where the time goes: a trace that Chrome (at `chrome://tracing`) and Perfetto show
    #[arg(long, value_name = "FILE")]
    timings: Option<Utf8PathBuf>,
}

impl Timings {
    /// Begins to write it; says why if that cannot be done.
    pub(crate) fn start(&self, streams: &Streams) -> Result<(), Exit> {
        let Some(path) = &self.timings else { return Ok(()) };
        let file = File::create(path).and_then(|mut it| write!(it, "[{END}").map(|()| it));
        let file = file.map_err(|error| {
            streams.fail(&format!("could not write `{path}`: {error}"));
            Exit::Local
        })?;
        TRACE.get_or_init(|| Trace { begin: Instant::now(), file: Mutex::new(Some(file)) });
        Ok(())
    }
}

/// A part of the work; it ends when it is dropped.
#[derive(Debug)]
#[must_use = "it lasts as long as it is held"]
pub(crate) struct Span<'e> {
    name: &'static str,
    environment: Option<&'e str>,
    begin: Instant,
}

/// Begins a part of the work.
pub(crate) fn span(name: &'static str) -> Span<'static> {
    Span { name, environment: None, begin: Instant::now() }
}

/// Begins a part of the work on one environment.
pub(crate) fn span_of<'e>(name: &'static str, environment: &'e str) -> Span<'e> {
    Span { name, environment: Some(environment), begin: Instant::now() }
}

impl Drop for Span<'_> {
    fn drop(&mut self) {
        if let Some(trace) = TRACE.get() {
            let args = self.environment.map(Args::of);
            trace.add(self.name, thread(), (self.begin, Instant::now()), args);
        }
    }
}

impl Trace {
    fn add(&self, name: &str, tid: u64, (begin, end): (Instant, Instant), args: Option<Args<'_>>) {
        let micros = |it: Duration| u64::try_from(it.as_micros()).unwrap_or(u64::MAX);
        let event = Event {
            name,
            ph: "X",
            ts: micros(begin.duration_since(self.begin)),
            dur: micros(end.duration_since(begin)),
            pid: std::process::id(),
            tid,
            args,
        };
        let event = serde_json::to_string(&event).expect("because it is plain data");
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        // A trace that cannot be written any more is no reason to fail a build.
        if file.as_mut().is_some_and(|it| append(it, &event).is_err()) {
            *file = None;
        }
    }
}

/// Writes over the end, in one call.
fn append(file: &mut File, event: &str) -> io::Result<()> {
    let end = file.seek(SeekFrom::End(-i64::try_from(END.len()).expect("because it is short")))?;
    let comma = if end > 1 { "," } else { "" };
    file.write_all(format!("{comma}\n{event}{END}").as_bytes())
}

/// Returns the number of this thread, by the order in which threads first told something.
fn thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static THIS: u64 = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    THIS.with(|it| *it)
}

/// Measures what happens between the questions of a build: which thread renders when.
pub(crate) struct Measured<'k> {
    known: &'k dyn Known,
    environment: &'k str,
    begin: Instant,
    /// By thread.
    slices: Mutex<BTreeMap<u64, Slice>>,
}

/// What a thread has rendered, but not told yet.
struct Slice {
    begin: Instant,
    end: Instant,
    assignments: u64,
}

impl<'k> Measured<'k> {
    /// Measures a build that begins now.
    pub(crate) fn new(known: &'k dyn Known, environment: &'k str) -> Self {
        Self { known, environment, begin: Instant::now(), slices: Mutex::default() }
    }

    /// Adds to what this thread has rendered; tells of it when it has become much.
    fn note(&self, assignments: u64) {
        if TRACE.get().is_none() {
            return;
        }
        let now = Instant::now();
        let mut slices = self.slices.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Slice { begin: now, end: now, assignments: 0 };
        let slice = slices.entry(thread()).or_insert_with(new);
        slice.end = now;
        slice.assignments += assignments;
        if now.duration_since(slice.begin) >= SLICE {
            let slice = slices.remove(&thread());
            drop(slices);
            if let Some(slice) = slice {
                self.tell(thread(), &slice);
            }
        }
    }

    fn tell(&self, thread: u64, slice: &Slice) {
        let args = Args { assignments: Some(slice.assignments), ..Args::of(self.environment) };
        if let Some(trace) = TRACE.get() {
            trace.add("render", thread, (slice.begin, slice.end), Some(args));
        }
    }
}

impl Drop for Measured<'_> {
    fn drop(&mut self) {
        let slices = self.slices.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (thread, slice) in std::mem::take(slices) {
            self.tell(thread, &slice);
        }
    }
}

impl Known for Measured<'_> {
    fn expect(&self, subtrees: &[Subtree]) {
        let environment = Some(self.environment);
        drop(Span { name: "compose", environment, begin: self.begin });
        let span = span_of("look up", self.environment);
        self.known.expect(subtrees);
        drop(span);
    }

    fn files(&self, inputs: Digest) -> Option<KnownFiles> {
        let known = self.known.files(inputs);
        if known.is_none() {
            // From now on it is rendered.
            self.note(0);
        }
        known
    }

    fn before(&self, assignment: &Assignment, inputs: &Inputs) -> Option<Before> {
        self.known.before(assignment, inputs)
    }

    fn keep(&self, inputs: Digest, rendered: &Rendered) {
        self.note(1);
        self.known.keep(inputs, rendered);
    }
}
