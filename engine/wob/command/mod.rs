//! The commands: one file each, one variant each.

mod affected;
mod attest;
mod audit;
pub(crate) mod build;
mod cache;
mod check;
mod completion;
mod diff;
mod explain;
mod help;
mod init;
mod list;
mod lock;
mod plan;
mod promote;
mod publish;
mod query;
mod render;
mod rollback;
mod rules;
mod schema;
mod status;
mod update;
mod version;
mod wait;
mod watch;
mod why;

use crate::{args::Args, exit::Exit, stream::Streams};

/// What wob can be told to do, in the order of its help.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Build(build::Build),
    Watch(watch::Watch),
    Check(check::Check),
    Render(render::Render),
    List(list::List),
    Why(why::Why),
    Explain(explain::Explain),
    Query(query::Query),
    Diff(diff::Diff),
    Affected(affected::Affected),
    Plan(plan::Plan),
    Publish(publish::Publish),
    Promote(promote::Promote),
    Rollback(rollback::Rollback),
    Status(status::Status),
    Wait(wait::Wait),
    Lock(lock::Lock),
    Update(update::Update),
    Audit(audit::Audit),
    Attest(attest::Attest),
    Rules(rules::Rules),
    Init(init::Init),
    Cache(cache::Cache),
    Schema(schema::Schema),
    Completion(completion::Completion),
    Help(help::Help),
    Version(version::Version),
}

impl Command {
    /// Returns the name of a command that has outputs of its own; of the others, nothing.
    fn name(&self) -> &'static str {
        match self {
            Self::Query(_) => "query",
            Self::Diff(_) => "diff",
            Self::Affected(_) => "affected",
            Self::Plan(_) => "plan",
            Self::Build(_)
            | Self::Watch(_)
            | Self::Check(_)
            | Self::Render(_)
            | Self::List(_)
            | Self::Why(_)
            | Self::Status(_)
            | Self::Promote(_)
            | Self::Rollback(_)
            | Self::Wait(_)
            | Self::Audit(_)
            | Self::Attest(_)
            | Self::Explain(_)
            | Self::Rules(_)
            | Self::Publish(_)
            | Self::Lock(_)
            | Self::Update(_)
            | Self::Init(_)
            | Self::Cache(_)
            | Self::Schema(_)
            | Self::Completion(_)
            | Self::Help(_)
            | Self::Version(_) => "",
        }
    }
}

/// Runs the command of `args`.
pub(crate) fn run(args: &Args, streams: &Streams) -> Exit {
    if let Err(reason) = args.common.output.check(args.command.name()) {
        streams.fail(&reason);
        return Exit::Usage;
    }
    match &args.command {
        Command::Build(command) => command.run(&args.common, streams),
        Command::Watch(command) => command.run(&args.common, streams),
        Command::Check(command) => command.run(&args.common, streams),
        Command::Render(command) => command.run(&args.common, streams),
        Command::List(command) => command.run(&args.common, streams),
        Command::Why(command) => command.run(&args.common, streams),
        Command::Explain(command) => command.run(&args.common, streams),
        Command::Query(command) => command.run(&args.common, streams),
        Command::Diff(command) => command.run(&args.common, streams),
        Command::Affected(command) => command.run(&args.common, streams),
        Command::Plan(command) => command.run(&args.common, streams),
        Command::Publish(command) => command.run(&args.common, streams),
        Command::Promote(command) => command.run(&args.common, streams),
        Command::Rollback(command) => command.run(&args.common, streams),
        Command::Status(command) => command.run(&args.common, streams),
        Command::Wait(command) => command.run(&args.common, streams),
        Command::Lock(command) => command.run(&args.common, streams),
        Command::Update(command) => command.run(&args.common, streams),
        Command::Audit(command) => command.run(&args.common, streams),
        Command::Attest(command) => command.run(&args.common, streams),
        Command::Rules(command) => command.run(&args.common, streams),
        Command::Init(command) => command.run(&args.common, streams),
        Command::Cache(command) => command.run(&args.common, streams),
        Command::Schema(command) => command.run(streams),
        Command::Completion(command) => command.run(streams),
        Command::Help(command) => command.run(streams),
        Command::Version(command) => command.run(streams),
    }
}
