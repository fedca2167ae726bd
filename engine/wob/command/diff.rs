//! `wob diff [A] [B] [PATTERN…]`: what differs between two states of the workspace, two environments, or what was published
//! and a fresh render.

mod against;

use wob_host::Interrupt;
use wob_rules::Name;

use self::against::Against;
use crate::{
    args::{Common, Output, Patterns, Programs},
    comparison::{self, Compared, Context},
    exit::Exit,
    stream::{Results, Streams},
    workspace::{RevisionError, State, Workspace},
};

/// Show what a change does to the manifests
#[derive(Debug, clap::Args)]
#[command(
    long_about = LONG_ABOUT,
    after_long_help = EXAMPLES
)]
pub(crate) struct Diff {
    /// What to compare, then targets such as //env:stage
    #[arg(value_name = "A|B|PATTERN")]
    words: Vec<String>,
    /// After `--`: targets with a `-` in front are left out, such as -//env/prod/...
    #[arg(last = true, allow_hyphen_values = true, value_name = "-EXCLUDED")]
    trailing: Vec<String>,
    /// Compare what lies there with a fresh render; may hold {environment}
    #[arg(long, value_name = "FOLDER|REPO#REV")]
    against: Option<Against>,
    /// What may run
    #[command(flatten)]
    programs: Programs,
    /// How to end
    #[command(flatten)]
    ending: Ending,
}

/// How wob ends if something differs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Ending {
    /// Exit with 5 if anything differs, and not with 0 if something could not be compared
    #[arg(long)]
    exit_code: bool,
}

impl Ending {
    fn of(self, compared: &Compared) -> Exit {
        if self.exit_code { compared.exit_of_check() } else { compared.exit }
    }
}

const LONG_ABOUT: &str = "\
Shows what a change does to the manifests: by object and field, the same change on many cluster types once, the most \
important first, and each with the lines of the sources that made it.

Without A and B, the edits that are not committed yet. With A, what differs between that revision and the files as they \
lie here; with A and B, between two revisions. In a workspace whose environments are branches, a revision stands for the \
branch whose history holds it, and the other branches stay as they are; BRANCH@REVISION says which, and several of those may \
be joined by commas. `env:dev env:stage` are two environments. REPO#REV, a branch or commit of a repository that wob wrote \
trees to, be it a path or an address, or --against with a folder, is compared with a fresh render.

What cannot be built on one of the sides is not compared; it is named, and the exit code is 1 if it is the new side. With \
--exit-code it is 5 if anything differs; if nothing does, but something was not compared, it is that of the side that cannot \
be built: 1 if its sources are wrong, 32 if they cannot be had. So 0 is said only of what was looked at.

--output is one of text (the default), json, markdown (for a comment on a pull request, at most 60,000 characters), html and \
unified. Secrets are masked. docs/guides/diff.md explains all of it.";

const EXAMPLES: &str = "\
Examples:
  wob diff
  wob diff origin/main --output=markdown //env:prod
  wob diff dev@HEAD~1 dev@HEAD --exit-code
  wob diff --against '../gitops.git#{environment}'";

/// What is compared.
enum Sides<'w> {
    States(Vec<&'w str>),
    Environments(Name, Name),
    /// What was published, with the workspace at a revision or as it is.
    Published(Against, Option<&'w str>),
}

impl Diff {
    /// Compares, and shows what differs.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        self.compare(&self.programs.with(common), streams).unwrap_or_else(|exit| exit)
    }

    fn compare(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let usage = |reason: String| {
            streams.fail(&reason);
            Exit::Usage
        };
        let (sides, patterns) = self.sides().map_err(usage)?;
        let interrupt = interrupt(streams)?;
        let revisions = Revisions::open(common, streams, &interrupt)?;
        let mut context = Context { common, patterns: &patterns, streams, interrupt: &interrupt };
        let here = || "the files here".to_owned();
        let compared = match &sides {
            Sides::States(revisions_of) => {
                let (names, states) = match revisions_of.as_slice() {
                    [] => (
                        ["the last commit".to_owned(), here()],
                        [revisions.last()?, State::default()],
                    ),
                    [a] => ([(*a).to_owned(), here()], [revisions.at(a)?, State::default()]),
                    [a, b, ..] => {
                        let names = [(*a).to_owned(), (*b).to_owned()];
                        (names, [revisions.at(a)?, revisions.at(b)?])
                    }
                };
                Compared::states(&context, names, states)?
            }
            Sides::Environments(a, b) => {
                let wanted = [a, b].map(|it| format!("//env:{it}")).to_vec();
                let both = Patterns { wanted, trailing: self.trailing.clone() };
                context.patterns = &both;
                Compared::environments(&context, [a, b], State::default())?
            }
            Sides::Published(against, revision) => {
                let state = revision.map_or(Ok(State::default()), |it| revisions.at(it))?;
                let open = |name: &str| against.open(name, common, &interrupt, streams);
                Compared::published(&context, against.to_string(), state, &open, &against::fail)?
            }
        };
        Ok(show(&compared, self.ending, streams))
    }

    /// Tells sides from patterns.
    fn sides(&self) -> Result<(Sides<'_>, Patterns), String> {
        let (wanted, sides): (Vec<&String>, Vec<&String>) =
            self.words.iter().partition(|it| it.starts_with("//"));
        let wanted: Vec<String> = wanted.into_iter().cloned().collect();
        let patterns = Patterns { wanted, trailing: self.trailing.clone() };
        let sides: Vec<&str> = sides.into_iter().map(String::as_str).collect();
        if let Some(third) = sides.get(2) {
            return Err(format!(
                "`{}` would be a third thing to compare\n  help: patterns begin with `//`, such as `//env:stage`",
                third.escape_debug()
            ));
        }
        if sides.contains(&"") {
            return Err(
                "a revision must not be empty\n  help: name one, such as `HEAD~1`".to_owned()
            );
        }
        if let Some(sides) = environments(&sides, &patterns)? {
            return Ok((sides, patterns));
        }
        let published: Option<Against> = sides.iter().find_map(|it| Against::of_repository(it));
        let sides = match (&self.against, published, sides.as_slice()) {
            (None, None, _) => Sides::States(sides),
            (Some(against), None, []) => Sides::Published(against.clone(), None),
            (Some(against), None, [revision]) => Sides::Published(against.clone(), Some(revision)),
            (None, Some(published), [first]) if first.contains('#') => {
                Sides::Published(published, None)
            }
            (None, Some(published), [first, second])
                if first.contains('#') && !second.contains('#') =>
            {
                Sides::Published(published, Some(second))
            }
            (_, _, _) => {
                return Err("what was published is compared with one revision at most\n  \
                            help: write `wob diff REPO#REV`, or `wob diff REPO#REV REVISION`"
                    .to_owned());
            }
        };
        Ok((sides, patterns))
    }
}

/// Reads `env:a env:b`; `None` if no environment is named.
fn environments<'w>(sides: &[&str], patterns: &Patterns) -> Result<Option<Sides<'w>>, String> {
    let names: Vec<&str> = sides.iter().filter_map(|it| it.strip_prefix("env:")).collect();
    match (names.as_slice(), sides.len()) {
        ([], _) => Ok(None),
        ([_, _], 2) if !patterns.wanted.is_empty() => {
            Err("two environments are compared as a whole\n  help: leave out the patterns"
                .to_owned())
        }
        ([a, b], 2) => {
            let name = |text: &str| {
                Name::new(text).map_err(|reason| {
                    format!(
                        "`env:{}` names no environment: the name {reason}\n  help: `wob list` shows them",
                        text.escape_debug()
                    )
                })
            };
            Ok(Some(Sides::Environments(name(a)?, name(b)?)))
        }
        ([name, ..], _) => Err(format!(
            "`env:{name}` is compared with another environment only\n  \
             help: write `wob diff env:{name} env:OTHER`, or `//env:{name}` for what differs in it",
            name = name.escape_debug()
        )),
    }
}

/// Finds the states that revisions name.
pub(super) struct Revisions<'r> {
    workspace: Workspace,
    streams: &'r Streams,
    interrupt: &'r Interrupt,
}

impl<'r> Revisions<'r> {
    /// Finds the workspace; says why if there is none.
    pub(super) fn open(
        common: &Common,
        streams: &'r Streams,
        interrupt: &'r Interrupt,
    ) -> Result<Self, Exit> {
        let found = Workspace::find(common, State::default(), interrupt);
        let workspace = found.map_err(|error| {
            streams.fail(&error.to_string());
            error.exit()
        })?;
        Ok(Self { workspace, streams, interrupt })
    }

    /// Returns the state at a revision.
    pub(super) fn at(&self, text: &str) -> Result<State, Exit> {
        self.told(self.workspace.state_at(text, self.interrupt))
    }

    /// Returns the state of the last commit.
    fn last(&self) -> Result<State, Exit> {
        self.told(self.workspace.last_commit(self.interrupt))
    }

    /// Returns the workspace.
    pub(super) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// Says why if something cannot be had.
    pub(super) fn told<T>(&self, result: Result<T, RevisionError>) -> Result<T, Exit> {
        result.map_err(|error| {
            self.streams.fail(&error.to_string());
            error.exit()
        })
    }
}

/// Lets Ctrl-C end the work.
pub(super) fn interrupt(streams: &Streams) -> Result<Interrupt, Exit> {
    Interrupt::on_ctrl_c().map_err(|error| {
        streams.fail(&error.to_string());
        Exit::Local
    })
}

/// Writes what differs as the user wants it, and says what is wrong; returns how to end.
pub(super) fn show(compared: &Compared, ending: Ending, streams: &Streams) -> Exit {
    let exit = ending.of(compared);
    match streams.output() {
        Output::Json => streams.json(&compared.to_json(exit)),
        Output::Markdown => streams.result(&compared.to_markdown(comparison::COMMENT)),
        Output::Html => streams.result(&compared.to_html()),
        Output::Unified => streams.result(&compared.to_unified()),
        Output::Text
        | Output::Label
        | Output::LabelKind
        | Output::Location
        | Output::Graph
        | Output::Mermaid
        | Output::Matrix => streams.result(&compared.to_text()),
    }
    streams.report(&compared.report, Results::Data, "");
    tell_uncompared(&compared.uncompared, &compared.doubts, streams);
    exit
}

/// Says what could not be compared, and what is not known of the old side.
pub(super) fn tell_uncompared(uncompared: &[String], doubts: &[String], streams: &Streams) {
    if !uncompared.is_empty() {
        streams.say(&format!(
            "note: one of the sides cannot be built, so this is not compared: {}",
            comparison::first_of(uncompared, ToOwned::to_owned)
        ));
    }
    for it in doubts {
        streams.say(&format!("note: {it}"));
    }
}
