//! Sessions: what every command that looks at targets does first and last.

mod attempts;
mod building;

use std::{sync::Arc, thread};

use serde::Serialize;
use wob_engine::{Diagnostic, FileName, Severity};
use wob_host::{EarlyFiles, Interrupt};
use wob_rules::{
    Built, EnvironmentInput, Memory, Model, Name, environment_model,
    lint::{self, Coverage},
    prepare, problems, scheduled, unknown_validations, unused_parameters,
};

pub(crate) use self::{attempts::Attempts, building::Ahead};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    progress::Progress,
    reads::Narrowed,
    report::{JsonDiagnostic, Report, Texts as _, count},
    selection::{Selected, Selection, SelectionError, lenient},
    stored::Stored,
    stream::{Drawn, Results, Streams},
    timings,
    workspace::{self, Loaded, Start, Workspace},
};

/// A workspace with its sources, and what is selected of it.
pub(crate) struct Session<'s> {
    /// The workspace.
    pub(crate) workspace: Workspace,
    /// Its sources.
    pub(crate) loaded: Loaded,
    /// What was rendered before.
    pub(crate) stored: Arc<Stored>,
    /// What is selected, by environment; sorted by name.
    pub(crate) targets: Vec<Target>,
    /// What the user wrote.
    pub(crate) selection: Selection,
    /// Ends work early.
    pub(crate) interrupt: Interrupt,
    /// Where to write.
    pub(crate) streams: &'s Streams,
    /// What was left out, if only a part was read.
    pub(crate) narrowed: Option<Narrowed>,
    /// Whether what is made of each assignment is kept.
    pub(crate) memory: Memory,
}

/// What one session leaves for the next one of the same process.
pub(crate) struct Left {
    /// What was read and made.
    pub(crate) loaded: Loaded,
    /// What was rendered.
    pub(crate) stored: Arc<Stored>,
}

/// An environment of which something is selected.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// Its name.
    pub(crate) name: Name,
    /// What it is built from; none if its control plane could not be read.
    pub(crate) input: Option<EnvironmentInput>,
    /// What is selected of it.
    pub(crate) selected: Selected,
}

/// An environment that was built.
#[derive(Clone, Debug)]
pub(crate) struct BuiltTarget {
    /// What it is built from.
    pub(crate) input: EnvironmentInput,
    /// What is selected of it.
    pub(crate) selected: Selected,
    /// The result, of all assignments.
    pub(crate) built: Built,
    /// What of it is compressed for the branch that it goes to, if that was wanted.
    pub(crate) early: Option<Arc<EarlyFiles>>,
}

impl BuiltTarget {
    /// Says whether nothing is left out, and nothing failed.
    pub(crate) fn is_whole(&self) -> bool {
        self.selected.is_whole() && self.built.failed() == 0 && !self.built.unsure
    }
}

/// Whether the user hears what was read, such as uncommitted edits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remarks {
    /// They are told.
    Told,
    /// They are of something that only others are compared with.
    Kept,
}

/// Reads a workspace and the sources of those environments that are `needed`; says why if that cannot be done.
pub(crate) fn read(
    common: &Common,
    needed: &dyn Fn(&Name) -> bool,
    streams: &Streams,
    start: Start,
    interrupt: &Interrupt,
) -> Result<(Workspace, Loaded), Exit> {
    let said = said(&start);
    let (workspace, loaded) = read_silently(common, needed, streams, start, interrupt)?;
    say_remarks(&loaded, &said, streams);
    Ok((workspace, loaded))
}

fn read_silently(
    common: &Common,
    needed: &dyn Fn(&Name) -> bool,
    streams: &Streams,
    start: Start,
    interrupt: &Interrupt,
) -> Result<(Workspace, Loaded), Exit> {
    start_threads(common);
    let progress = Progress::start(streams.wants_progress(), "reading sources");
    let span = timings::span("read");
    let opened = workspace::open(common, needed, start, interrupt);
    drop((progress, span));
    opened.map_err(|error| {
        streams.fail(&error.to_string());
        error.exit()
    })
}

/// Starts as many threads as the user wants to parse, hash and compress.
fn start_threads(common: &Common) {
    if let Some(jobs) = common.jobs {
        // It fails only if there are such threads already.
        rayon::ThreadPoolBuilder::new().num_threads(jobs).build_global().unwrap_or_default();
    }
}

/// Returns what this process said of what it read before.
fn said(start: &Start) -> Vec<String> {
    let before = start.before.iter().flat_map(|it| it.remarks.iter().chain(&it.notices));
    before.chain(&start.told).cloned().collect()
}

/// Says what is to be heard of what was read, but for what was `said`.
fn say_remarks(loaded: &Loaded, said: &[String], streams: &Streams) {
    let all = loaded.remarks.iter().chain(&loaded.notices);
    for remark in all.filter(|it| !said.contains(it)) {
        streams.say(&format!("note: {remark}"));
    }
}

/// Reports what is wrong with the settings, and with what else was read first.
pub(crate) fn report_settings(loaded: &Loaded, streams: &Streams) {
    let report = Report::new(loaded.diagnostics.clone(), &loaded.texts);
    streams.report(&report, Results::Talk, "");
}

impl<'s> Session<'s> {
    /// Reads the workspace and resolves `patterns`; says why if that cannot be done.
    pub(crate) fn start(
        common: &Common,
        patterns: &Patterns,
        streams: &'s Streams,
    ) -> Result<Self, Exit> {
        let interrupt = Self::interrupt(streams)?;
        Self::start_from(common, patterns, streams, Start::default(), interrupt)
    }

    /// Returns the flag that Ctrl-C sets; says why if it cannot be caught.
    pub(crate) fn interrupt(streams: &Streams) -> Result<Interrupt, Exit> {
        Interrupt::on_ctrl_c().map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })
    }

    /// Starts as [`Session::start`] does, with the workspace as `start` says.
    pub(crate) fn start_from(
        common: &Common,
        patterns: &Patterns,
        streams: &'s Streams,
        start: Start,
        interrupt: Interrupt,
    ) -> Result<Self, Exit> {
        let told = (streams, Remarks::Told);
        let (session, problem) = Self::open(common, patterns, told, start, interrupt)?;
        let Some(problem) = problem else { return Ok(session) };
        report_settings(&session.loaded, streams);
        streams.fail(&problem.to_string());
        Err(match problem {
            SelectionError::Unknown { .. } => Exit::Usage,
            SelectionError::Nothing => Exit::Nothing,
        })
    }

    /// Reads the workspace as `start` says and resolves `patterns`; says why if it cannot be read. If they select nothing, why is
    /// returned beside what those of them select that name anything here.
    pub(crate) fn open(
        common: &Common,
        patterns: &Patterns,
        (streams, remarks): (&'s Streams, Remarks),
        start: Start,
        interrupt: Interrupt,
    ) -> Result<(Self, Option<SelectionError>), Exit> {
        let selection = Selection::parse(patterns).map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Usage
        })?;
        let needed = |it: &Name| selection.needs(it);
        let said = said(&start);
        let (workspace, loaded) = read_silently(common, &needed, streams, start, &interrupt)?;
        if remarks == Remarks::Told {
            say_remarks(&loaded, &said, streams);
        }
        let stored = Arc::new(Stored::open());
        let (targets, problem) = match targets(&workspace, &loaded, &selection) {
            Ok(targets) => (targets, None),
            Err(problem) => {
                let selected = lenient(patterns, &loaded.db, &loaded.environments);
                (chosen(&loaded, selected), Some(problem))
            }
        };
        let session = Self {
            workspace,
            loaded,
            stored,
            targets,
            selection,
            interrupt,
            streams,
            narrowed: None,
            memory: Memory::Kept,
        };
        Ok((session, problem))
    }

    /// Starts as [`Session::start`] does, with the workspace as `start` says, without the files that are left out; `None` if anything
    /// speaks against it. Nothing is said then.
    pub(crate) fn start_narrowed(
        common: &Common,
        patterns: &Patterns,
        streams: &'s Streams,
        part: (Narrowed, Start),
        interrupt: &Interrupt,
    ) -> Result<Option<Self>, Exit> {
        let session = Self::narrowed(common, patterns, streams, part, interrupt.clone());
        if interrupt.is_set() {
            streams.fail("interrupted; nothing more was written");
            return Err(Exit::Interrupted);
        }
        Ok(session)
    }

    fn narrowed(
        common: &Common,
        patterns: &Patterns,
        streams: &'s Streams,
        (mut narrowed, start): (Narrowed, Start),
        interrupt: Interrupt,
    ) -> Option<Self> {
        start_threads(common);
        let selection = Selection::parse(patterns).ok()?;
        let needed = |it: &Name| selection.needs(it);
        let span = timings::span("read");
        narrowed.told = said(&start);
        let start = Start { unneeded: Some(narrowed.take_unneeded()), ..start };
        let opened = thread::scope(|scope| {
            scope.spawn(|| narrowed.read_ahead());
            workspace::open(common, &needed, start, &interrupt)
        });
        let (workspace, loaded) = opened.ok()?;
        drop(span);
        let targets = targets(&workspace, &loaded, &selection).ok()?;
        Some(Self {
            workspace,
            loaded,
            stored: Arc::new(Stored::open()),
            targets,
            selection,
            interrupt,
            streams,
            narrowed: Some(narrowed),
            memory: Memory::Kept,
        })
    }

    /// Says what was held back as long as it was not known whether reading a part would do.
    pub(crate) fn say_remarks(&self) {
        if let Some(narrowed) = &self.narrowed {
            say_remarks(&self.loaded, &narrowed.told, self.streams);
            let files = count(narrowed.left_out, "source file", "source files");
            self.streams.say_more(&format!("not read, as no edit concerns them: {files}"));
        }
    }

    /// Takes everything that was read of a workspace. What other builds have rendered is not used.
    pub(crate) fn of_all(
        workspace: Workspace,
        loaded: Loaded,
        interrupt: Interrupt,
        streams: &'s Streams,
    ) -> Self {
        let all = loaded.environments.iter().map(|it| Target {
            name: it.name.clone(),
            input: it.input,
            selected: Selected::Whole,
        });
        Self {
            workspace,
            targets: all.collect(),
            loaded,
            stored: Arc::default(),
            selection: Selection::parse(&Patterns::default())
                .expect("because no patterns at all select everything"),
            interrupt,
            streams,
            narrowed: None,
            memory: Memory::Kept,
        }
    }

    /// Returns a session that knows what another one of this process has rendered, if there was one.
    pub(crate) fn storing(self, stored: Option<Arc<Stored>>) -> Self {
        Self { stored: stored.unwrap_or(self.stored), ..self }
    }

    /// Returns what the user has heard of what was read.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.loaded.remarks.iter().chain(&self.loaded.notices).cloned().collect()
    }

    /// Returns a session in which everything is built once, and never again.
    pub(crate) fn sparing(self) -> Self {
        Self { memory: Memory::Spared, ..self }
    }

    /// Returns a session that renders everything itself, whatever other builds have kept.
    pub(crate) fn renewing(self) -> Self {
        Self { stored: Arc::default(), ..self }
    }

    /// Ends the session.
    pub(crate) fn leave(self) -> Left {
        Left { loaded: self.loaded, stored: self.stored }
    }

    /// Returns the text of the workspace's settings; empty if there are none.
    pub(crate) fn settings_text(&self) -> String {
        let text = self.loaded.texts.text(&FileName::new(workspace::FILE));
        text.map(|it| it.to_string()).unwrap_or_default()
    }

    /// Says that the user stopped it.
    pub(crate) fn interrupted(&self) -> Exit {
        self.streams.fail("interrupted; nothing more was written");
        Exit::Interrupted
    }

    /// Returns what is wrong with the workspace and with `built`.
    pub(crate) fn diagnose(&self, built: &[BuiltTarget]) -> Report {
        self.report(problems_of(built), self.unused_settings())
    }

    /// Returns the same, and what is legal but surely wrong.
    pub(crate) fn diagnose_closely(&self, built: &[BuiltTarget]) -> Report {
        let inputs: Vec<EnvironmentInput> = built.iter().map(|it| it.input).collect();
        self.report(problems_of(built), self.lint(&inputs))
    }

    /// Returns what is legal but surely wrong with some environments, and with what wob.yaml sets for them.
    pub(crate) fn lint(&self, inputs: &[EnvironmentInput]) -> Vec<Diagnostic> {
        let _span = timings::span("lint");
        let is_all = inputs.len() == self.loaded.environments.len();
        let coverage = if is_all { Coverage::All } else { Coverage::Some };
        let mut all = self.unused_settings();
        all.extend(lint::warnings(&self.loaded.db, inputs, coverage));
        all.retain(|it| !self.workspace.settings.silenced.contains(it.code));
        all
    }

    /// Reports what is wrong with the workspace, the `problems` of what was built of it, and what was found by [`Session::lint`].
    pub(crate) fn report(&self, problems: Vec<Diagnostic>, lints: Vec<Diagnostic>) -> Report {
        let _span = timings::span("report");
        let mut all = self.loaded.diagnostics.clone();
        all.extend(problems);
        all.extend(lints);
        let silenced = &self.workspace.settings.silenced;
        all.retain(|it| it.is_error() || !silenced.contains(it.code));
        Report::new(all, &self.loaded.texts)
    }

    /// Returns what is wrong with the workspace, and with what is scheduled; nothing need be built for it.
    pub(crate) fn diagnose_schedule(&self) -> Report {
        let mut all = self.loaded.diagnostics.clone();
        for input in self.targets.iter().filter_map(|it| it.input) {
            all.extend(scheduled(&self.loaded.db, input).diagnostics.iter().cloned());
        }
        all.retain(Diagnostic::is_error);
        Report::new(all, &self.loaded.texts)
    }

    /// Returns what wob.yaml sets for rules and cluster types that are not there; what an environment sets, only if it is
    /// selected.
    fn unused_settings(&self) -> Vec<Diagnostic> {
        let db = &self.loaded.db;
        let settings = &self.workspace.settings;
        let own = self.targets.iter().filter_map(|it| {
            let entry = settings.environments.get(&it.name)?;
            Some(unknown_validations(&entry.validate, &[environment_model(db, it.input?)]))
        });
        let mut unused: Vec<Diagnostic> = own.flatten().collect();
        let models =
            self.loaded.environments.iter().map(|it| Some(environment_model(db, it.input?)));
        // What was not read may have what the whole workspace sets.
        if let Some(models) = models.collect::<Option<Vec<&Model>>>() {
            unused.extend(unused_parameters(&settings.parameters_of(""), &models));
            unused.extend(unknown_validations(&settings.validate, &models));
        }
        unused
    }

    /// Reports what is wrong, and returns how to end.
    pub(crate) fn finish(&self, report: &Report, common: &Common, results: Results) -> Exit {
        self.streams.tell(&self.drawn(report, results));
        self.verdict(report, common)
    }

    /// Returns what is written of what is wrong.
    pub(crate) fn drawn(&self, report: &Report, results: Results) -> Drawn {
        self.streams.drawn(report, results, &self.annotation_prefix())
    }

    /// Returns how to end after `report`.
    pub(crate) fn verdict(&self, report: &Report, common: &Common) -> Exit {
        let errors = report.items.iter().filter(|it| it.diagnostic.severity == Severity::Error);
        let mut others = errors.clone().filter(|it| it.diagnostic.code != "input-unavailable");
        if errors.count() == 0 {
            Exit::Ok
        } else if self.loaded.outside_failed && others.next().is_none() {
            Exit::Outside
        } else if common.keep_going {
            Exit::Partial
        } else {
            Exit::Sources
        }
    }

    /// Returns the way from the checkout's root to the workspace, for annotations.
    fn annotation_prefix(&self) -> String {
        let checkout = std::env::var("GITHUB_WORKSPACE").unwrap_or_default();
        let below = self.workspace.root.strip_prefix(checkout).ok();
        below.filter(|it| !it.as_str().is_empty()).map_or(String::new(), |it| format!("{it}/"))
    }
}

/// Returns what is wrong with what was built.
pub(crate) fn problems_of(built: &[BuiltTarget]) -> Vec<Diagnostic> {
    let _span = timings::span("report");
    problems(built.iter().map(|it| &it.built))
}

/// Finds out what there is to build, and what of it is selected.
fn targets(
    workspace: &Workspace,
    loaded: &Loaded,
    selection: &Selection,
) -> Result<Vec<Target>, SelectionError> {
    let span = timings::span("prepare");
    for input in loaded.environments.iter().filter_map(|it| it.input) {
        prepare(&loaded.db, input);
    }
    drop(span);
    let environments = &loaded.environments;
    let selected = match selection.resolve(&loaded.db, environments) {
        // With settings that are wrong, it is not known what there is; the report says why.
        Err(_) if workspace.is_misread() => vec![None; environments.len()],
        resolved => resolved?,
    };
    Ok(chosen(loaded, selected))
}

/// Returns the environments of which something is selected.
fn chosen(loaded: &Loaded, selected: Vec<Option<Selected>>) -> Vec<Target> {
    let targets = loaded.environments.iter().zip(selected).filter_map(|(it, selected)| {
        Some(Target { name: it.name.clone(), input: it.input, selected: selected? })
    });
    targets.collect()
}

/// The parts of a JSON result that all commands have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct JsonResult<'r, R> {
    /// The command's own results.
    #[serde(flatten)]
    pub(crate) result: R,
    /// What is wrong, in the shape that docs/output.md documents.
    pub(crate) diagnostics: Vec<JsonDiagnostic<'r>>,
    /// What wob ends with.
    pub(crate) exit_code: u8,
}
