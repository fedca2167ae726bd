//! `wob why LABEL [WHAT]`: why a config value or a rendered scalar is as it is, and what depends on a line.

mod text;
mod used;
mod view;

use wob_rules::{
    Assignment, EnvironmentInput, Pattern, assignments,
    why::{self, Address, Part, Unknown},
};

use self::view::{Viewer, WhyView};
use crate::{
    args::{Common, Patterns},
    exit::Exit,
    session::{JsonResult, Session},
    stream::{Results, Streams},
};

/// Tell why a value is as it is, and what depends on a line
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Tells why a config value or a rendered value is as it is: every place that had a say, back to file and \
                  line.\n\n\
                  KEY is a config value, KEY/a/0 a part of one. FILE#/json/pointer is a scalar of a rendered file; where \
                  several documents of the file have it, FILE#1/… or FILE#KIND.NAME/… says which. FILE:LINE is the value \
                  on a line as `wob render` prints it. Without any of these, the assignment as a whole is told; with a \
                  FILE, all of its values.\n\n\
                  Values of keys that look like secrets are masked.",
    after_long_help = EXAMPLES
)]
pub(crate) struct Why {
    /// An assignment, such as //env/stage/large:app-test; with --where-used, where to look
    #[arg(value_name = "LABEL", required_unless_present = "where_used")]
    label: Option<String>,
    /// A config value, or a part of a rendered file
    #[arg(value_name = "KEY|FILE#/POINTER|FILE:LINE", conflicts_with = "where_used")]
    what: Option<String>,
    /// List what depends on a line of a source, a key of a ConfigMap, a ConfigMap, ConfigSchema or Template
    #[arg(long, value_name = "FILE:LINE|CONFIGMAP/KEY|NAME")]
    where_used: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  wob why //env/stage/large:app-test DATABASE_URL
  wob why //env/stage/large:app-test 'reconciler.yaml#/spec/url'
  wob why //env/stage/large:app-test namespace.yaml:4 --output=json
  wob why --where-used environments/stage/config/large.yaml:9";

/// What is asked of an assignment.
enum Question {
    Overview,
    Config { key: String, pointer: String },
    File(String),
    Scalar(Address),
}

/// One assignment of a session.
struct Subject<'s> {
    label: String,
    input: EnvironmentInput,
    assignment: &'s Assignment,
}

impl Why {
    /// Tells what was asked.
    pub(crate) fn run(&self, common: &Common, streams: &Streams) -> Exit {
        let told = match &self.where_used {
            Some(thing) => used::where_used(self.label.as_deref(), thing, common, streams),
            None => self.tell(common, streams),
        };
        told.unwrap_or_else(|exit| exit)
    }

    fn tell(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let label = self.label.clone().unwrap_or_default();
        let patterns = Patterns { wanted: vec![label.clone()], trailing: vec![] };
        let session = Session::start(common, &patterns, streams)?;
        let subject = subject(&session, &label, common)?;
        let db = &session.loaded.db;
        let known = why::file_names(db, subject.input, subject.assignment);
        let question = question(session.selection.wanted(), self.what.as_deref(), known.as_deref());
        let mut viewer = Viewer::new(&session.loaded.texts);
        let answer = match &question {
            Question::Overview => why::overview(db, subject.input, subject.assignment)
                .map(|it| Ok(WhyView::Assignment(viewer.overview(&it)))),
            Question::Config { key, pointer } => {
                let found = why::config(db, subject.input, subject.assignment, key, pointer);
                Some(found.map(|it| WhyView::Config(viewer.config(&it))))
            }
            Question::File(file) => file_values(&session, &subject, file, &mut viewer),
            Question::Scalar(address) => {
                why::scalar(db, subject.input, subject.assignment, address)
                    .map(|it| it.map(|it| WhyView::Value(viewer.scalar(&it))))
            }
        };
        let Some(answer) = answer else { return failed(&session, common) };
        let view = answer.map_err(|it| unknown(streams, &it))?;
        if streams.is_json() {
            streams.json(&JsonResult {
                result: view::JsonWhy { label: &subject.label, why: &view },
                diagnostics: vec![],
                exit_code: Exit::Ok.number(),
            });
        } else {
            streams.result(&text::told(&subject.label, &view));
        }
        Ok(Exit::Ok)
    }
}

/// Says what was asked for and is not there.
fn unknown(streams: &Streams, unknown: &Unknown) -> Exit {
    streams.fail(&format!("{}\n  help: {}", unknown.reason, unknown.help));
    Exit::Usage
}

/// Returns the one assignment that a label names.
fn subject<'s>(
    session: &'s Session<'_>,
    label: &str,
    common: &Common,
) -> Result<Subject<'s>, Exit> {
    let mut found = vec![];
    for target in &session.targets {
        let Some(input) = target.input else { continue };
        for (index, assignment) in assignments(&session.loaded.db, input).iter().enumerate() {
            if target.selected.has(index) {
                let Assignment { cluster_type, target: name, .. } = assignment;
                let label = format!("//env/{}/{cluster_type}:{name}", target.name);
                found.push(Subject { label, input, assignment });
            }
        }
    }
    match (found.len(), found.pop()) {
        (1, Some(subject)) => Ok(subject),
        (0, _) | (_, None) => Err(session.finish(&session.diagnose(&[]), common, Results::Data)),
        (many, Some(last)) => {
            let reason = format!("`{}` is {many} assignments", label.escape_debug());
            let help = format!("name one of them, such as `{}`; `wob list` shows them", last.label);
            Err(unknown(session.streams, &Unknown { reason, help }))
        }
    }
}

/// Reads what is asked, of files of these names; they are not known if the assignment has none.
fn question(wanted: &[Pattern], what: Option<&str>, known: Option<&[String]>) -> Question {
    let labelled = wanted.iter().find_map(|it| match it {
        Pattern::OutputFile { file, .. } => Some(file.clone()),
        Pattern::Everything
        | Pattern::Environment(_)
        | Pattern::ClusterType { .. }
        | Pattern::Assignment { .. }
        | Pattern::Object { .. }
        | Pattern::SourceFile(_) => None,
    });
    let text = match (labelled, what) {
        (None, None) => return Question::Overview,
        (Some(file), None) => file,
        (Some(file), Some(part)) if part.starts_with(['#', ':']) => format!("{file}{part}"),
        (_, Some(what)) => what.to_owned(),
    };
    let address = Address::parse(&text);
    let is_file = known.unwrap_or_default().contains(&address.file)
        || address.part != Part::Whole && address.file.contains('.')
        || [".yaml", ".sh"].iter().any(|it| address.file.ends_with(it));
    match (is_file, address.part) {
        (true, Part::Whole) => Question::File(address.file),
        (true, part) => Question::Scalar(Address { file: address.file, part }),
        (false, Part::Node { pointer, .. }) => Question::Config { key: address.file, pointer },
        (false, Part::Whole | Part::Line(_)) => {
            let at = text.find('/').unwrap_or(text.len());
            Question::Config { key: text[..at].to_owned(), pointer: text[at..].to_owned() }
        }
    }
}

/// Explains every value of a file.
fn file_values(
    session: &Session<'_>,
    subject: &Subject<'_>,
    file: &str,
    viewer: &mut Viewer<'_>,
) -> Option<Result<WhyView, Unknown>> {
    let db = &session.loaded.db;
    let addresses = why::addresses(db, subject.input, subject.assignment, file)?;
    if addresses.is_empty() {
        // It is not there, or is no YAML: the explanation of all of it says so.
        let all = Address { file: file.to_owned(), part: Part::Whole };
        let explained = why::scalar(db, subject.input, subject.assignment, &all)?;
        return Some(explained.map(|it| WhyView::Value(viewer.scalar(&it))));
    }
    let explain = |it: &Address| why::scalar(db, subject.input, subject.assignment, it);
    let values: Option<Result<Vec<_>, Unknown>> = addresses
        .iter()
        .map(explain)
        .collect::<Option<Vec<_>>>()
        .map(|it| it.into_iter().collect());
    Some(values?.map(|it| WhyView::File(it.iter().map(|it| viewer.scalar(it)).collect())))
}

/// Reports why the assignment has no files.
fn failed(session: &Session<'_>, common: &Common) -> Result<Exit, Exit> {
    let built = session.build(common)?;
    let report = session.diagnose(&built);
    session.streams.report(&report, Results::Data, "");
    Ok(session.verdict(&report, common))
}
