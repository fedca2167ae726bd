//! Who says what clusters run: one trait, one kind in a struct of its own, one arm in [`source`].

use std::{fs::File, io::Read as _, time::Duration};

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use wob_host::{
    Forge, ForgeError, GitId, Http, HttpError, Interrupt, Interrupted, Method, Patience, Program,
    ProgramError, ProgramLimits, Request, StatusOutcome, redact,
};
use wob_rules::{ProgramSetting, WaitSource};

use super::{Condition, Subscriber};

/// How many bytes an answer may have.
const ANSWER_BYTES: usize = 64 << 20;

/// Somebody who says what clusters run.
pub(crate) trait Source {
    /// Returns what every subscriber reports.
    ///
    /// # Errors
    /// If it cannot be asked, or its answer cannot be read.
    fn ask(&self, asked: &Asked<'_>, interrupt: &Interrupt)
    -> Result<Vec<Subscriber>, SourceError>;

    /// Returns what people call it.
    fn shown(&self) -> String;
}

/// What is asked; as JSON, what a program gets on its standard input.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked<'a> {
    /// The environment.
    pub(crate) environment: &'a str,
    /// The GitOps repository, without secrets.
    pub(crate) repository: &'a str,
    /// Its branch.
    pub(crate) branch: &'a str,
    /// The commit.
    #[serde(serialize_with = "as_text")]
    pub(crate) commit: GitId,
}

fn as_text<S: serde::Serializer>(id: &GitId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(id)
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The forge does not answer, or not so.
    #[error(transparent)]
    Forge(ForgeError),
    /// A host does not answer.
    #[error(transparent)]
    Http(HttpError),
    /// A host says that it has nothing.
    #[error("`{url}` answers with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The status.
        status: u16,
    },
    /// A file cannot be read.
    #[error("could not read `{path}`: {source}")]
    File {
        /// The file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A program gave no answer.
    #[error("the program `{path}`: {source}")]
    Program {
        /// Its file.
        path: String,
        /// Why.
        source: ProgramError,
    },
    /// The answer is not what it should be.
    #[error("what `{source_name}` says is not understood: {reason}")]
    Garbage {
        /// Who said it.
        source_name: String,
        /// What is wrong.
        reason: String,
    },
}

/// What sources are made of.
pub(crate) struct Surroundings<'s> {
    /// The workspace, which files and programs are relative to.
    pub(crate) root: &'s Utf8Path,
    /// The forge of the GitOps repository; none if it is not known.
    pub(crate) forge: Option<Box<dyn Forge>>,
    /// The names of the statuses that are subscribers.
    pub(crate) statuses: Vec<String>,
    /// Ends what takes long.
    pub(crate) interrupt: &'s Interrupt,
}

/// Returns the source that the settings name; `None` if it is the forge, and none is known.
pub(crate) fn source<'s>(
    setting: &WaitSource,
    surroundings: Surroundings<'s>,
) -> Option<Box<dyn Source + 's>> {
    let Surroundings { root, forge, statuses, interrupt } = surroundings;
    let is_address = |it: &str| it.starts_with("https://") || it.starts_with("http://");
    Some(match setting {
        WaitSource::Forge => Box::new(OfForge { forge: forge?, statuses }),
        WaitSource::Document(url) if is_address(url) => {
            // Who waits asks again anyway.
            let patience = Patience { attempts: 1, ..Patience::default() };
            Box::new(OfAddress { http: Http::new(patience, interrupt), url: url.clone() })
        }
        WaitSource::Document(path) => Box::new(OfFile { root, path: path.clone() }),
        WaitSource::Program(program) => Box::new(OfProgram { root, program: program.clone() }),
    })
}

/// The statuses and checks of the commit, which Flux and Argo CD write.
struct OfForge {
    forge: Box<dyn Forge>,
    statuses: Vec<String>,
}

impl Source for OfForge {
    fn ask(&self, asked: &Asked<'_>, _: &Interrupt) -> Result<Vec<Subscriber>, SourceError> {
        let all = self.forge.statuses(asked.commit)?;
        let is_wanted = |name: &str| {
            self.statuses.is_empty() || self.statuses.iter().any(|it| matches(it, name))
        };
        let own = crate::promotion::status_name(asked.environment);
        let wanted = all.into_iter().filter(|it| it.name != own && is_wanted(&it.name));
        let subscriber = |it: wob_host::CommitStatus| Subscriber {
            name: it.name,
            commit: Some(asked.commit.to_string()),
            state: match it.outcome {
                StatusOutcome::Pending => Condition::Pending,
                StatusOutcome::Success => Condition::Success,
                StatusOutcome::Failure => Condition::Failure,
            },
            message: it.description,
        };
        Ok(wanted.map(subscriber).collect())
    }

    fn shown(&self) -> String {
        "the statuses on the forge".to_owned()
    }
}

/// Says whether `name` is `pattern`, or begins with what is before a `*` at its end.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

/// A JSON document at an address.
struct OfAddress {
    http: Http,
    url: String,
}

impl Source for OfAddress {
    fn ask(&self, _: &Asked<'_>, _: &Interrupt) -> Result<Vec<Subscriber>, SourceError> {
        let answer = self.http.send(&Request::new(Method::Get, &self.url))?;
        if answer.status != 200 {
            return Err(SourceError::Status { url: self.shown(), status: answer.status });
        }
        read(&answer.body, &self.shown())
    }

    fn shown(&self) -> String {
        redact(&self.url)
    }
}

/// A JSON document in a file.
struct OfFile<'s> {
    root: &'s Utf8Path,
    path: String,
}

impl Source for OfFile<'_> {
    fn ask(&self, _: &Asked<'_>, _: &Interrupt) -> Result<Vec<Subscriber>, SourceError> {
        let mut bytes = vec![];
        let most = u64::try_from(ANSWER_BYTES).unwrap_or(u64::MAX);
        File::open(self.root.join(&self.path))
            .and_then(|it| it.take(most).read_to_end(&mut bytes))
            .map_err(|source| SourceError::File { path: self.path.clone(), source })?;
        read(&bytes, &self.path)
    }

    fn shown(&self) -> String {
        self.path.clone()
    }
}

/// A program that writes a JSON document.
struct OfProgram<'s> {
    root: &'s Utf8Path,
    program: ProgramSetting,
}

impl Source for OfProgram<'_> {
    fn ask(
        &self,
        asked: &Asked<'_>,
        interrupt: &Interrupt,
    ) -> Result<Vec<Subscriber>, SourceError> {
        let ProgramSetting { path, arguments, timeout_seconds, .. } = &self.program;
        let time = Duration::from_secs(u64::from(*timeout_seconds));
        let limits = ProgramLimits { time, output_bytes: ANSWER_BYTES };
        let surroundings = wob_host::Surroundings::All;
        let program = Program { root: self.root, path, arguments, limits, surroundings };
        let request = serde_json::to_vec(asked).expect("because it is plain data");
        match program.run(&request, interrupt) {
            Ok(ran) => read(&ran.output, path.as_str()),
            Err(ProgramError::Interrupted(stop)) => Err(stop.into()),
            Err(source) => Err(SourceError::Program { path: path.to_string(), source }),
        }
    }

    fn shown(&self) -> String {
        self.program.path.to_string()
    }
}

/// Reads `{"subscribers": [...]}`; other fields are for others.
fn read(bytes: &[u8], source_name: &str) -> Result<Vec<Subscriber>, SourceError> {
    #[derive(Deserialize)]
    struct Document {
        subscribers: Vec<Subscriber>,
    }
    let garbage = |reason: String| {
        let source_name = source_name.to_owned();
        SourceError::Garbage { source_name, reason }
    };
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| garbage(error.to_string()))?;
    let mut names: Vec<&str> = document.subscribers.iter().map(|it| it.name.as_str()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|it| it[0] == it[1]) {
        return Err(garbage(format!("it names `{}` twice", pair[0].escape_debug())));
    }
    Ok(document.subscribers)
}

impl From<ForgeError> for SourceError {
    fn from(error: ForgeError) -> Self {
        if let ForgeError::Interrupted(stop) = error { stop.into() } else { Self::Forge(error) }
    }
}

impl From<HttpError> for SourceError {
    fn from(error: HttpError) -> Self {
        if let HttpError::Interrupted(stop) = error { stop.into() } else { Self::Http(error) }
    }
}
