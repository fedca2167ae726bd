//! The commands: one file each, one variant each.

mod attest;
mod audit;
mod build;
mod cache;
mod check;
mod completion;
mod explain;
mod help;
mod init;
mod list;
mod lock;
mod query;
mod render;
mod rules;
mod schema;
mod update;
mod version;
mod watch;
mod why;

use clap::ValueEnum as _;

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
    Audit(audit::Audit),
    Attest(attest::Attest),
    Explain(explain::Explain),
    Rules(rules::Rules),
    Query(query::Query),
    Lock(lock::Lock),
    Update(update::Update),
    Init(init::Init),
    Cache(cache::Cache),
    Schema(schema::Schema),
    Completion(completion::Completion),
    Help(help::Help),
    Version(version::Version),
}

/// Runs the command of `args`.
pub(crate) fn run(args: &Args, streams: &Streams) -> Exit {
    let output = args.common.output;
    if !output.is_common() && !matches!(args.command, Command::Query(_)) {
        let name = output.to_possible_value().map(|it| it.get_name().to_owned());
        streams.fail(&format!(
            "`--output={}` is for `wob query` only\n  help: write `--output=text` or `--output=json`",
            name.unwrap_or_default()
        ));
        return Exit::Usage;
    }
    match &args.command {
        Command::Build(command) => command.run(&args.common, streams),
        Command::Watch(command) => command.run(&args.common, streams),
        Command::Check(command) => command.run(&args.common, streams),
        Command::Render(command) => command.run(&args.common, streams),
        Command::List(command) => command.run(&args.common, streams),
        Command::Why(command) => command.run(&args.common, streams),
        Command::Audit(command) => command.run(&args.common, streams),
        Command::Attest(command) => command.run(&args.common, streams),
        Command::Explain(command) => command.run(&args.common, streams),
        Command::Rules(command) => command.run(&args.common, streams),
        Command::Query(command) => command.run(&args.common, streams),
        Command::Lock(command) => command.run(&args.common, streams),
        Command::Update(command) => command.run(&args.common, streams),
        Command::Init(command) => command.run(&args.common, streams),
        Command::Cache(command) => command.run(&args.common, streams),
        Command::Schema(command) => command.run(streams),
        Command::Completion(command) => command.run(streams),
        Command::Help(command) => command.run(streams),
        Command::Version(command) => command.run(streams),
    }
}
