//! `wob attest verify`: checks who signed an attestation, and whether it is about a tree.

use std::{
    fs,
    io::{self, Read as _},
};

use camino::Utf8PathBuf;
use serde::Serialize;
use wob_host::{Envelope, EnvelopeError, Interrupt, VerifyingKey};

use crate::{
    args::Common,
    exit::Exit,
    proof::{Against, PAYLOAD_TYPE, Statement, contradictions},
    report::printable,
    stream::Streams,
};

/// No attestation is larger.
const FILE_BYTES: u64 = 64 << 20;

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    /// The attestation; `-` reads standard input
    #[arg(value_name = "FILE")]
    file: Utf8PathBuf,
    /// Check that it is signed by this public ed25519 key: PEM
    #[arg(long, value_name = "PUB", required_unless_present = "against")]
    key: Option<Utf8PathBuf>,
    /// Check that it is about the tree that lies in REPO at COMMIT, a branch, a tag or an id, or in a folder
    #[arg(long, value_name = "REPO#COMMIT|DIR")]
    against: Option<Against>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonVerified<'v> {
    environment: &'v str,
    builder: &'v str,
    signature: Signed,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<String>,
    problems: &'v [String],
    exit_code: u8,
}

/// What is known of the signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Signed {
    /// It is by the key that was asked for.
    Good,
    /// It is not by that key, or there is none.
    Bad,
    /// Nobody asked.
    NotChecked,
}

impl Verify {
    pub(super) fn run(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let fail = |message: &str, exit| {
            streams.fail(message);
            exit
        };
        let start = common.directory.clone().unwrap_or_default();
        let key = self.key.as_ref().map(|it| VerifyingKey::read(&start.join(it))).transpose();
        let key = key.map_err(|it| fail(&it.to_string(), Exit::Local))?;
        let text = self.read(common).map_err(|error| {
            fail(&format!("could not read `{}`: {error}", self.file), Exit::Local)
        })?;
        let damaged = |reason: &str| {
            fail(&format!("`{}` is no attestation: {reason}", self.file), Exit::Integrity)
        };
        let envelope = match Envelope::parse(&text) {
            Ok(envelope) => Some(envelope),
            Err(EnvelopeError::Shape) => None,
            Err(error @ EnvelopeError::Encoding) => return Err(damaged(&error.to_string())),
        };
        let (signed, mut problems) = signature(envelope.as_ref(), key.as_ref());
        let statement = match &envelope {
            Some(it) if it.payload_type != PAYLOAD_TYPE => {
                return Err(damaged("what is in its envelope is of another type"));
            }
            Some(it) => Statement::parse(&it.payload),
            None => Statement::parse(&text),
        };
        let Some(statement) = statement else {
            return Err(damaged("it holds no in-toto statement about a tree that wob built"));
        };
        if let Some(against) = &self.against {
            let interrupt =
                Interrupt::on_ctrl_c().map_err(|it| fail(&it.to_string(), Exit::Local))?;
            let subject =
                against.open_one(common, &interrupt).map_err(|it| fail(&it.message, it.exit))?;
            let found = contradictions(&statement, &subject, &interrupt);
            problems.extend(found.map_err(|it| fail(&it.to_string(), Exit::Local))?);
        }
        let exit = if problems.is_empty() { Exit::Ok } else { Exit::Integrity };
        let against = self.against.as_ref().map(Against::shown);
        let key = key.filter(|_| signed == Signed::Good).map(|it| it.id());
        if streams.is_json() {
            streams.json(&JsonVerified {
                environment: statement.environment(),
                builder: statement.builder(),
                signature: signed,
                key,
                against,
                problems: &problems,
                exit_code: exit.number(),
            });
            return Ok(exit);
        }
        let place = against.filter(|_| problems.is_empty());
        streams.result(&printable(&self.to_text(&statement, key, place)));
        if !problems.is_empty() {
            return Err(fail(
                &format!("the attestation does not hold:\n  {}", problems.join("\n  ")),
                exit,
            ));
        }
        Ok(exit)
    }

    fn read(&self, common: &Common) -> io::Result<Vec<u8>> {
        let mut text = vec![];
        if self.file == "-" {
            io::stdin().lock().take(FILE_BYTES).read_to_end(&mut text)?;
        } else {
            let start = common.directory.clone().unwrap_or_default();
            fs::File::open(start.join(&self.file))?.take(FILE_BYTES).read_to_end(&mut text)?;
        }
        Ok(text)
    }

    /// Returns what people read: the `key` that signed, and the `place` that holds the tree.
    fn to_text(&self, statement: &Statement, key: Option<String>, place: Option<String>) -> String {
        let (environment, builder) = (statement.environment(), statement.builder());
        let mut lines = vec![format!("//env:{environment}, built by {builder}")];
        if let Some(key) = key {
            lines.push(format!("  signed by key {key}"));
        } else if self.key.is_none() {
            lines.push("  signature not checked: name a key by --key".to_owned());
        }
        if let Some(place) = place {
            lines.push(format!("  `{place}` is the tree that is attested"));
        } else if self.against.is_none() {
            lines.push("  compared with no tree: name one by --against".to_owned());
        }
        lines.join("\n") + "\n"
    }
}

/// Says whether the key signed, and what is wrong if it did not.
fn signature(envelope: Option<&Envelope>, key: Option<&VerifyingKey>) -> (Signed, Vec<String>) {
    match (envelope, key) {
        (_, None) => (Signed::NotChecked, vec![]),
        (None, Some(_)) => (Signed::Bad, vec!["it is not signed".to_owned()]),
        (Some(envelope), Some(key)) if envelope.is_signed_by(key) => (Signed::Good, vec![]),
        (Some(envelope), Some(key)) => {
            let named: Vec<String> = envelope.named_keys().map(|it| format!("`{it}`")).collect();
            let by = if named.is_empty() {
                "it does not say by which".to_owned()
            } else {
                format!("it says {}", named.join(", "))
            };
            (Signed::Bad, vec![format!("it is not signed by key {}; {by}", key.id())])
        }
    }
}
