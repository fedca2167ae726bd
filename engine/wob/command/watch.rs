//! `wob watch [PATTERN]`: keeps trees fresh while one types.
//!
//! **Invariant:** a hint that something moved starts a look, and only what was seen starts a build; so lost, doubled or
//! reordered events cost time, never correctness. After quiet, the trees are those of a fresh build.

mod look;

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use serde::Serialize;
use wob_engine::Tree;
use wob_host::{Hints, Interrupt, Lookout, Watcher};

use self::look::{Look, tidy_aside};
use crate::{
    args::{Common, Patterns},
    command::build::{
        Locks, Looking, Lying, Outcome, Output, Place, Read, Round, Scope, TreeEdit, Work,
    },
    exit::Exit,
    footprint::PlaceNotes,
    reads::PlacesNote,
    report::{JsonDiagnostic, count},
    session::{Left, Session},
    stream::{Results, Streams, json_diagnostics},
    timings::Timings,
    tree_diff::{FileChange, shown, tree_diff},
    workspace::{Foreseen, Loaded, Seen, Start},
};

/// Rebuild whenever a source changes
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Watch {
    /// What to build
    #[command(flatten)]
    patterns: Patterns,
    /// Where trees go
    #[command(flatten)]
    output: Output,
    /// Run COMMAND by the shell after each build that changed a tree
    ///
    /// `WOB_CHANGED` holds the labels of the environments that changed, separated by spaces.
    #[arg(long, value_name = "COMMAND")]
    exec: Option<String>,
    /// Look every MS milliseconds instead of waiting for events
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    poll: Option<u64>,
    /// Where the time goes
    #[command(flatten)]
    timings: Timings,
}

const LONG_ABOUT: &str = "\
Builds, and builds again whenever a source changes: files of the workspace, branches, and folders that inputs are \
overridden with. Only what a change affects is rendered again.

After each build it says in a few lines what changed. Problems are drawn as they come and go. With --output=json each \
build is one line of JSON. It ends with Ctrl-C.";

const EXAMPLES: &str = "\
Examples:
  wob watch
  wob watch //env:dev
  wob watch //env:dev --exec 'kubectl diff -R -f wob-out/dev'
  wob watch --output=json | jq -c .environments";

/// How often to look even if nothing was noticed: events get lost.
const LOOK_ANYWAY: Duration = Duration::from_secs(2);
/// How often to look if there are no events.
const POLL: Duration = Duration::from_millis(500);
/// How long nothing must happen before the output is looked at.
const CALM: Duration = Duration::from_secs(1);
/// How often to look whether the user has stopped it.
const STOP: Duration = Duration::from_millis(50);

/// One build, as programs read it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonRound<'r> {
    /// Counts from 1.
    build: u64,
    milliseconds: u64,
    environments: Vec<JsonChanged<'r>>,
    diagnostics: Vec<JsonDiagnostic<'r>>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonChanged<'r> {
    environment: &'r str,
    root: String,
    changes: &'r [FileChange],
}

/// What is known between two builds.
#[derive(Default)]
struct State {
    /// What the last build left that read everything.
    left: Option<Left>,
    /// What the last one left that read a part.
    part: Option<Loaded>,
    /// What the user has heard of what the last one read.
    told: Vec<String>,
    seen: Seen,
    /// The trees of the last build, by environment.
    trees: BTreeMap<String, Tree>,
    builds: u64,
    /// Where what is known of the trees is noted.
    places: Option<PlacesNote>,
    /// The outputs that were written to, and not looked at since.
    unseen: Vec<(PlaceNotes, Utf8PathBuf)>,
    /// When they are looked at by the next build.
    looking: Looking,
    /// What the sources looked like before the next build.
    foreseen: Foreseen,
}

/// Why a watch goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// Something that was seen has changed.
    Change,
    /// An output is not as it was left.
    Output,
    /// The user has stopped it.
    User,
}

impl Watch {
    /// Builds until the user stops it.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        if let Err(exit) = self.timings.start(streams) {
            return exit;
        }
        let interrupt = match Interrupt::on_ctrl_c() {
            Ok(interrupt) => interrupt,
            Err(error) => {
                streams.fail(&error.to_string());
                return Exit::Local;
            }
        };
        let mut state = State::default();
        let mut watcher = Watcher::new(vec![]);
        let mut told = false;
        loop {
            let exit = self.round(common, streams, &interrupt, &mut state);
            if interrupt.is_set() {
                return Exit::Interrupted;
            }
            // Without a first build there is nothing that one could wait for.
            if state.builds == 1 && matches!(exit, Exit::Usage | Exit::Nothing) {
                return exit;
            }
            watcher.watch(&state.seen.paths());
            if let Some(reason) = watcher.polling().filter(|_| !told && self.poll.is_none()) {
                streams
                    .say(&format!("note: looking every {} ms instead: {reason}", POLL.as_millis()));
                told = true;
            }
            state.looking = match self.wait(&watcher, &mut state, &interrupt) {
                Woken::Change => Looking::After,
                Woken::Output => Looking::Before,
                Woken::User => return Exit::Interrupted,
            };
        }
    }

    /// Builds once, and tells what became of it.
    fn round(
        &self,
        common: &Common,
        streams: &Streams,
        interrupt: &Interrupt,
        state: &mut State,
    ) -> Exit {
        let begin = Instant::now();
        state.builds += 1;
        if let Some(exit) = self.narrow_round(common, streams, interrupt, (state, begin)) {
            return exit;
        }
        let (before, stored) = state.left.take().map(|it| (it.loaded, it.stored)).unzip();
        let seen = before.as_ref().map(|it| it.seen.clone());
        let start = Start { before, told: state.told.clone(), ..Start::default() };
        let started =
            Session::start_from(common, &self.patterns, streams, start, interrupt.clone());
        let session = match started {
            // Most edits concern a part, which is read into a database of its own: this one remembers from the second build of
            // everything on.
            Ok(session) if state.builds == 1 => session.storing(stored).sparing(),
            Ok(session) => session.storing(stored),
            Err(exit) => {
                // What was looked at before is where the way out is.
                state.seen = seen.unwrap_or_else(|| state.seen.clone());
                return exit;
            }
        };
        // What changes later is compared with what was built first.
        let is_first = state.trees.is_empty();
        let scope = if is_first { Scope::Everything } else { Scope::Changes };
        let output = self.output.clone().within(scope).looking(state.looking);
        let exit = match build(&session, &output, common) {
            Ok((round, places)) => {
                state.places = Some(places);
                self.end(&round, state, begin, streams)
            }
            Err(exit) => exit,
        };
        state.told = session.remarks();
        let left = session.leave();
        left.stored.forget();
        state.seen = left.loaded.seen.clone();
        state.left = Some(left);
        exit
    }

    /// Builds what a few edits of values concern, by what only that needs; `None` if that is not all, and nothing was done.
    fn narrow_round(
        &self,
        common: &Common,
        streams: &Streams,
        interrupt: &Interrupt,
        (state, begin): (&mut State, Instant),
    ) -> Option<Exit> {
        let foreseen = std::mem::take(&mut state.foreseen);
        if state.looking == Looking::Before {
            return None;
        }
        let narrowed = state.places.as_ref()?.narrow(&foreseen.looks)?;
        let (before, told) = (state.part.take(), state.told.clone());
        let part = (narrowed, Start { before, told, foreseen, ..Start::default() });
        let start =
            Session::start_narrowed(common, &self.patterns, streams, part, interrupt).ok()?;
        let mut session = start?;
        if let Some(left) = &state.left {
            session.stored = left.stored.clone();
        }
        let output = self.output.clone().within(Scope::Changes).looking(state.looking);
        let places = output.places(common, &session).ok()?;
        let mut locks = Locks::default();
        if locks.take(&places, &session, &output).ok()? == Read::BeforeAnother {
            return None;
        }
        let round = output.amend(&session, &places, common).ok()??;
        session.say_remarks();
        state.told = session.remarks();
        let exit = self.end(&round, state, begin, streams);
        let Left { loaded, stored } = session.leave();
        stored.forget();
        state.seen = loaded.seen.clone();
        state.part = Some(loaded);
        Some(exit)
    }

    /// Ends a build: tells what became of it.
    fn end(&self, round: &Round, state: &mut State, begin: Instant, streams: &Streams) -> Exit {
        let changes = changes(round, &mut state.trees);
        tell(round, &changes, state.builds, begin, streams);
        self.run_command(&changes, streams);
        state.unseen.clear();
        if state.looking == Looking::After && !self.output.trusts() {
            state.unseen.extend(round.outcomes.iter().filter_map(Outcome::footing));
        }
        round.exit
    }

    /// Waits until something that was seen has changed, or an output is not as it was left.
    fn wait(&self, watcher: &Watcher, state: &mut State, interrupt: &Interrupt) -> Woken {
        let poll = self.poll.map(Duration::from_millis);
        let pause = match (poll, watcher.polling()) {
            (Some(pause), _) => pause,
            (None, Some(_)) => POLL,
            (None, None) => LOOK_ANYWAY,
        };
        let hints = if poll.is_none() { Hints::Heeded } else { Hints::Ignored };
        let woken = |by| if interrupt.is_set() { Woken::User } else { by };
        // What changed before the new watches were placed gave no hint.
        if let Some(now) = state.seen.look_again(interrupt) {
            state.foreseen = now;
            return woken(Woken::Change);
        }
        let begin = Instant::now();
        let mut lookout = Lookout::new(begin, pause, hints);
        let mut look: Option<Look> = None;
        let mut is_tidy = false;
        loop {
            if interrupt.is_set() {
                return Woken::User;
            }
            let now = Instant::now();
            if lookout.take(now) {
                if let Some(now) = state.seen.look_again(interrupt) {
                    state.foreseen = now;
                    return woken(Woken::Change);
                }
                lookout.looked(Instant::now());
            }
            if look.is_none() && !state.unseen.is_empty() && now > begin + CALM {
                look = Some(Look::begin(state.unseen.clone()));
            }
            if !is_tidy && now > begin + CALM {
                is_tidy = true;
                state.left.iter().for_each(|it| tidy_aside(it.stored.clone()));
            }
            if let Some(over) = look.take_if(|it| it.is_over()) {
                state.unseen.clear();
                if !over.holds() {
                    return woken(Woken::Output);
                }
            }
            let hint = watcher.wait(lookout.due().min(now + STOP));
            lookout.note(hint, Instant::now());
        }
    }

    fn run_command(&self, changes: &[Changed], streams: &Streams) {
        let Some(exec) = &self.exec else { return };
        let labels: Vec<String> = changes
            .iter()
            .filter(|it| !it.files.is_empty())
            .map(|it| format!("//env:{}", it.environment))
            .collect();
        if labels.is_empty() {
            return;
        }
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let ran =
            Command::new(shell).args([option, exec]).env("WOB_CHANGED", labels.join(" ")).status();
        match ran {
            Ok(status) if status.success() => {}
            Ok(status) => streams.say(&format!("note: `{exec}` failed: {status}")),
            Err(error) => streams.fail(&format!("could not run `{exec}`: {error}")),
        }
    }
}

/// What changes while another build is waited for is seen by the next look.
fn build(
    session: &Session<'_>,
    output: &Output,
    common: &Common,
) -> Result<(Round, PlacesNote), Exit> {
    let places = output.places(common, session)?;
    let mut locks = Locks::default();
    locks.take(&places, session, output)?;
    Ok((output.build(session, &places, common)?, Place::all_notes(&places)))
}

/// What changed in one environment.
struct Changed {
    environment: String,
    root: String,
    files: Vec<FileChange>,
}

impl Changed {
    fn to_json(&self) -> JsonChanged<'_> {
        let Self { environment, root, files } = self;
        JsonChanged { environment, root: root.clone(), changes: files }
    }
}

/// Compares with the trees of the build before, and remembers those of this one. Of the first build, nothing changed.
fn changes(round: &Round, trees: &mut BTreeMap<String, Tree>) -> Vec<Changed> {
    let mut all = vec![];
    // What could not be written has no outcome, or one that says so.
    for outcome in round.outcomes.iter().filter(|it| it.written) {
        let environment = outcome.tree.environment.clone();
        let files = match &outcome.lies {
            Lying::Edited(edit) => trees.get_mut(&environment).map_or(vec![], |it| amend(it, edit)),
            Lying::Whole(tree) => {
                let before = trees.insert(environment.clone(), tree.clone());
                before.map_or_else(Vec::new, |it| tree_diff(&it, tree))
            }
        };
        all.push(Changed { environment, root: outcome.tree.root.to_string(), files });
    }
    all
}

/// Edits a tree, and says how it differs.
fn amend(tree: &mut Tree, edit: &TreeEdit) -> Vec<FileChange> {
    let mut before = Tree::default();
    for path in &edit.gone {
        if let Some(old) = tree.remove(path) {
            before.insert(path, old);
        }
    }
    for (path, blob) in edit.files.files() {
        if let Some(old) = tree.insert(&path, blob.clone()) {
            before.insert(&path, old);
        }
    }
    tree_diff(&before, &edit.files)
}

fn tell(round: &Round, changes: &[Changed], build: u64, begin: Instant, streams: &Streams) {
    if streams.is_json() {
        return streams.json_line(&JsonRound {
            build,
            milliseconds: u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
            environments: changes.iter().map(Changed::to_json).collect(),
            diagnostics: json_diagnostics(&round.report),
            exit_code: round.exit.number(),
        });
    }
    streams.begin_screen();
    streams.report(&round.report, Results::Data, "");
    for it in changes {
        if !it.files.is_empty() {
            let files = count(it.files.len(), "file differs", "files differ");
            streams.result(&format!("//env:{}: {files}\n{}", it.environment, shown(&it.files)));
        }
    }
    streams.result(&format!("{}; watching\n", Work::of(&round.outcomes).to_text(begin)));
}
