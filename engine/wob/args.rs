//! The command line: the options that every command understands; each command brings its own.

use std::{ffi::OsStr, time::Duration};

use camino::Utf8PathBuf;
use clap::{
    Parser, ValueEnum,
    builder::{NonEmptyStringValueParser, PossibleValue, PossibleValuesParser, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};
use wob_rules::Profile;

use crate::{command::Command, input_override::InputOverride};

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "wob",
    version,
    about = "Builds GitOps control planes into the manifest trees that clusters pull",
    long_about = LONG_ABOUT,
    after_help = "Run `wob help COMMAND` for a command, `wob help CODE` for the code of a diagnostic.",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100
)]
pub(crate) struct Args {
    /// What every command understands.
    #[command(flatten)]
    pub(crate) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

const LONG_ABOUT: &str = "\
Builds GitOps control planes into the manifest trees that clusters pull.

A workspace says where things may run (environments, cluster types, scheduling policies, config, \
templates), workloads in other repositories say what runs. wob works out which deployment target \
runs on which cluster types, composes the config of each, renders them, and writes one \
reproducible tree of manifests per environment.";

const GLOBAL: &str = "Global options";

/// The options that every command understands.
#[derive(Clone, Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(crate) struct Common {
    /// Work as if started in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = GLOBAL)]
    pub(crate) directory: Option<Utf8PathBuf>,
    /// How results are written to standard output
    #[arg(long, value_parser = OutputParser, default_value = "text", value_name = "FORMAT", global = true, help_heading = GLOBAL)]
    pub(crate) output: Output,
    /// When to use colour; `auto` looks at the terminal and at `NO_COLOR`
    #[arg(long, value_enum, default_value_t, value_name = "WHEN", global = true, help_heading = GLOBAL)]
    pub(crate) color: Color,
    /// Read environments with this profile, whatever wob.yaml says
    #[arg(long, value_name = "PROFILE", global = true, value_parser = profile_parser(), help_heading = GLOBAL)]
    pub(crate) profile: Option<Profile>,
    /// Read the repository URL from a folder, or from another address and revision; repeatable
    ///
    /// The result is marked dirty: it may be looked at, not published.
    #[arg(long, value_name = "URL=PATH|URL=URL@REV", global = true, help_heading = GLOBAL)]
    pub(crate) override_input: Vec<InputOverride>,
    /// Never touch the network; what is not here already is an error
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) offline: bool,
    /// Read no branch of another repository that wob.lock does not pin
    ///
    /// Where there is a wob.lock, this is the default in continuous integration, that is if `CI=true` is set.
    #[arg(long, global = true, conflicts_with = "no_locked", help_heading = GLOBAL)]
    pub(crate) locked: bool,
    /// Read what wob.lock does not pin as its branch is now, even in continuous integration
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) no_locked: bool,
    /// Whether programs of any commit may run; some commands have a flag for it.
    #[arg(skip)]
    pub(crate) run_programs: bool,
    /// Write nothing of an environment in which anything is wrong
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub(crate) strict: bool,
    /// Build what can be built and exit with 3 instead of 1 if something could not
    #[arg(long, global = true, conflicts_with = "strict", help_heading = GLOBAL)]
    pub(crate) keep_going: bool,
    /// Use N threads; the result does not depend on it
    #[arg(long, value_name = "N", global = true, value_parser = parse_jobs, help_heading = GLOBAL)]
    pub(crate) jobs: Option<usize>,
    /// Say nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub(crate) quiet: bool,
    /// Say more about what is done
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = GLOBAL)]
    pub(crate) verbose: u8,
}

/// For commands that read a workspace as commits have it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Programs {
    /// Run the programs that commits name, whoever made the commits
    ///
    /// Otherwise a commit runs its own only if it is checked out, or is the default branch, or was one of these before. For any other
    /// one, the same program is asked as one of these has it, or none.
    #[arg(long)]
    pub(crate) run_programs: bool,
}

impl Programs {
    /// Returns the options with what the user says of programs.
    pub(crate) fn with(self, common: &Common) -> Common {
        Common { run_programs: self.run_programs, ..common.clone() }
    }
}

/// How results are written to standard output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people
    #[default]
    Text,
    /// For programs: one document of a documented, stable shape
    Json,
    /// Labels, one a line
    Label,
    /// Kinds and labels
    LabelKind,
    /// Places, kinds and labels
    Location,
    /// A graph for Graphviz
    Graph,
    /// A graph for Mermaid
    Mermaid,
    /// For a comment on a pull request
    Markdown,
    /// A page of its own
    Html,
    /// Lines, as `diff -u` writes them
    Unified,
    /// For the matrix of a GitHub Actions job
    Matrix,
}

impl Output {
    /// Returns the commands that can write so; none if every command can.
    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Text | Self::Json => &[],
            Self::Label => &["query", "affected"],
            Self::LabelKind | Self::Location | Self::Graph | Self::Mermaid => &["query"],
            Self::Markdown | Self::Html | Self::Unified => &["diff", "plan"],
            Self::Matrix => &["affected"],
        }
    }

    /// Says whether every command can write so.
    pub(crate) fn is_common(self) -> bool {
        self.commands().is_empty()
    }

    /// Checks that `command` can write so.
    ///
    /// # Errors
    /// What to tell the user.
    pub(crate) fn check(self, command: &str) -> Result<(), String> {
        let commands = self.commands();
        if commands.is_empty() || commands.contains(&command) {
            return Ok(());
        }
        let name = self.to_possible_value().map(|it| it.get_name().to_owned()).unwrap_or_default();
        let commands: Vec<String> = commands.iter().map(|it| format!("`wob {it}`")).collect();
        let commands = commands.join(" and ");
        Err(format!(
            "`--output={name}` is for {commands} only\n  help: write `--output=text` or `--output=json`"
        ))
    }
}

/// Reads `--output`; what only some commands can write is offered there only.
#[derive(Clone, Debug)]
struct OutputParser;

impl TypedValueParser for OutputParser {
    type Value = Output;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Output, clap::Error> {
        let text = value.to_string_lossy();
        Output::from_str(&text, false).map_err(|_| {
            let name = command.get_name();
            let offered = Output::value_variants().iter().filter(|it| it.check(name).is_ok());
            let names = offered.filter_map(Output::to_possible_value);
            let names = names.map(|it| it.get_name().to_owned()).collect();
            let argument = argument.map_or_else(String::new, ToString::to_string);
            let mut error = clap::Error::new(ErrorKind::InvalidValue).with_cmd(command);
            error.insert(ContextKind::InvalidArg, ContextValue::String(argument));
            error.insert(ContextKind::InvalidValue, ContextValue::String(text.into_owned()));
            error.insert(ContextKind::ValidValue, ContextValue::Strings(names));
            error
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let common = Output::value_variants().iter().filter(|it| it.is_common());
        Some(Box::new(common.filter_map(Output::to_possible_value)))
    }
}

/// When to use colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Even into a file or a pipe
    Always,
    /// Not at all
    Never,
}

/// Patterns of targets, and those to leave out again.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Patterns {
    /// Targets, such as //env:stage, //env/stage/large:all or //...
    #[arg(value_name = "PATTERN", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) wanted: Vec<String>,
    /// After `--`: targets with a `-` in front are left out, such as -//env/prod/...
    #[arg(last = true, allow_hyphen_values = true, value_name = "-EXCLUDED")]
    pub(crate) trailing: Vec<String>,
}

fn profile_parser() -> impl TypedValueParser<Value = Profile> {
    let names = Profile::ALL.map(|it| {
        PossibleValue::new(it.as_str()).help(match it {
            Profile::Standard => "Manifests parsed and emitted canonically",
            Profile::Kalypso => "Byte for byte what the Kalypso scheduler writes",
        })
    });
    PossibleValuesParser::new(names).map(|name| {
        Profile::parse(&name).expect("because clap lets through the names of profiles only")
    })
}

fn parse_jobs(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(jobs @ 1..=1024) => Ok(jobs),
        _ => Err("expected a number from 1 to 1024".to_owned()),
    }
}

/// Reads the name of an environment, or its label: `stage`, `//env:stage` or `//env/stage`.
pub(crate) fn parse_environment(text: &str) -> Result<String, String> {
    let name = ["//env:", "//env/"].iter().find_map(|it| text.strip_prefix(it)).unwrap_or(text);
    if name.is_empty() {
        return Err("expected the name of an environment, such as `stage`".to_owned());
    }
    Ok(name.to_owned())
}

/// Reads a time such as `90s`, `2m`, `1h30m` or `500ms`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a time such as `90s`, `2m` or `1h30m`".to_owned();
    let mut rest = text;
    let mut time = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|it: char| it.is_ascii_digit()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let milliseconds = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "" if text == "0" => 1,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let part = number.checked_mul(milliseconds).ok_or_else(wrong)?;
        time = time.checked_add(Duration::from_millis(part)).ok_or_else(wrong)?;
        rest = behind;
    }
    if text.is_empty() { Err(wrong()) } else { Ok(time) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Args::command().debug_assert();
    }

    #[test]
    fn times_are_read() {
        for (text, milliseconds) in
            [("0", 0), ("0s", 0), ("500ms", 500), ("90s", 90_000), ("1h30m", 5_400_000)]
        {
            assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "5", "s", "1d", "-1s", "1.5s", "2 m", "99999999999999999h", "1m0"] {
            parse_duration(text).unwrap_err();
        }
    }

    #[test]
    fn every_command_shows_two_to_four_examples() {
        for command in Args::command().get_subcommands() {
            let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            let examples = help.lines().filter(|line| line.starts_with("  wob ")).count();
            assert!((2..=4).contains(&examples), "{}: {examples} examples", command.get_name());
        }
    }
}
