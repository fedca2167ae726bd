//! `wob attest`: builds a tree, or proves one that is there, and says what it was made from.

use camino::Utf8PathBuf;
use wob_host::{Envelope, Exposed, Interrupt, SigningKey};
use wob_rules::Pattern;

use crate::{
    args::{Common, Patterns},
    exit::Exit,
    proof::{Against, BUILDER, PAYLOAD_TYPE, Prover, Statement, Verdict, check_sources},
    recorded::Recording,
    session::Session,
    stream::{Results, Streams},
};

#[derive(Debug, clap::Args)]
pub(super) struct Make {
    /// The environment, such as //env:stage; with --against or -o, the record of the tree names it
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// Attest the tree that lies in REPO at COMMIT, a branch, a tag or an id, or in a folder, if it is proven
    #[arg(long, value_name = "REPO#COMMIT|DIR")]
    against: Option<Against>,
    /// Attest the tree that lies in DIR, where `wob build -o` wrote it, if it is proven
    #[arg(short = 'o', long = "out", value_name = "DIR", conflicts_with = "against")]
    out: Option<Utf8PathBuf>,
    /// Sign with the private ed25519 key in FILE: PKCS #8, PEM
    #[arg(long, value_name = "FILE")]
    key: Option<Utf8PathBuf>,
    /// Who builds: a URI that those who verify know
    #[arg(long, value_name = "URI", default_value = BUILDER, value_parser = parse_uri)]
    builder: String,
}

impl Make {
    pub(super) fn run(&self, common: &Common, streams: &Streams) -> Result<Exit, Exit> {
        let environment = self.environment(streams)?;
        // A key that cannot be used is told before anything is built.
        let key = self.key(common, streams)?;
        let place = match (&self.against, &self.out) {
            (Some(against), _) => Some(against.clone()),
            (None, Some(folder)) => Some(Against::folder(folder)),
            (None, None) => None,
        };
        let builder = &self.builder;
        let statement = match (place, &self.target) {
            (Some(place), _) => proven((&place, environment.as_deref()), builder, common, streams)?,
            (None, Some(target)) => built(target, builder, common, streams)?,
            (None, None) => {
                streams.fail(
                    "nothing to attest\n  help: name an environment, such as //env:stage, or a tree by --against or -o",
                );
                return Err(Exit::Usage);
            }
        };
        let statement = statement.to_json();
        streams.result(&match &key {
            Some(key) => Envelope::sign(PAYLOAD_TYPE, statement.into_bytes(), key).to_json(),
            None => statement,
        });
        Ok(Exit::Ok)
    }

    /// Returns the environment that the user named.
    fn environment(&self, streams: &Streams) -> Result<Option<String>, Exit> {
        let Some(target) = &self.target else { return Ok(None) };
        let message = match Pattern::parse(target) {
            Ok(Pattern::Environment(name)) => return Ok(Some(name)),
            Ok(_) => format!(
                "`{target}` is no environment, and an attestation is about all of one\n  help: write //env:NAME"
            ),
            Err(error) => format!("{}\n  help: {}", error.reason, error.help),
        };
        streams.fail(&message);
        Err(Exit::Usage)
    }

    fn key(&self, common: &Common, streams: &Streams) -> Result<Option<SigningKey>, Exit> {
        let Some(path) = &self.key else { return Ok(None) };
        let path = common.directory.clone().unwrap_or_default().join(path);
        let key = SigningKey::read(&path).map_err(|error| {
            streams.fail(&error.to_string());
            Exit::Local
        })?;
        if key.exposed() == Exposed::ToAll {
            streams.say(&format!(
                "warning: everybody on this machine may read the key `{path}`\n  help: `chmod 600 {path}`"
            ));
        }
        Ok(Some(key))
    }
}

/// Proves the tree that lies at `place`, which must be of `environment`, and says that `builder` built it.
fn proven(
    (place, environment): (&Against, Option<&str>),
    builder: &str,
    common: &Common,
    streams: &Streams,
) -> Result<Statement, Exit> {
    let fail = |message: &str, exit| {
        streams.fail(message);
        exit
    };
    let interrupt = Interrupt::on_ctrl_c().map_err(|it| fail(&it.to_string(), Exit::Local))?;
    let subject = place.open_one(common, &interrupt).map_err(|it| fail(&it.message, it.exit))?;
    let patterns = Patterns::default();
    let mut prover = Prover::new(common, &patterns, streams, &interrupt);
    let proof = prover.prove(&subject)?;
    let shown = place.shown();
    if let (Some(wanted), Some(record)) = (environment, &proof.record)
        && record.environment != wanted
    {
        let found = &record.environment;
        let message = format!("`{shown}` is a tree of `{found}`, not of `{wanted}`");
        return Err(fail(&message, Exit::Usage));
    }
    if proof.verdict != Verdict::Proven {
        let reasons: Vec<String> = proof.reasons.iter().map(|it| format!("\n  {it}")).collect();
        let message = format!(
            "nothing is attested, for `{shown}` is {}{}\n  help: `wob audit --against={shown}` says more",
            proof.verdict.name(),
            reasons.concat()
        );
        return Err(fail(&message, proof.exit()));
    }
    if proof.kept > 0 {
        let message = format!(
            "nothing is attested: {} files of `{shown}` are those of an earlier build\n  \
             help: build all of it, without errors",
            proof.kept
        );
        return Err(fail(&message, Exit::Local));
    }
    let (tree, texts) = prover.into_given().expect("because a tree that is proven was built");
    let record = proof.record.expect("because a tree that is proven has a record");
    Ok(Statement::new(&tree, &record, &texts, builder))
}

/// Builds the environment that `target` names, in memory, and says that `builder` did.
fn built(
    target: &str,
    builder: &str,
    common: &Common,
    streams: &Streams,
) -> Result<Statement, Exit> {
    let patterns = Patterns { wanted: vec![target.to_owned()], trailing: vec![] };
    let session = Session::start(common, &patterns, streams)?.renewing();
    let built = session.build(common)?;
    let report = session.diagnose(&built);
    let exit = session.finish(&report, common, Results::Data);
    let Some(target) = built.first().filter(|_| exit == Exit::Ok) else {
        streams.fail("nothing is attested, for not everything could be built");
        return Err(exit);
    };
    let tree = &target.built.tree;
    let record = Recording::of(&session, target).record(tree);
    check_sources(&record.sources).map_err(|reason| {
        streams.fail(&format!("nothing is attested: {reason}\n  help: commit it first"));
        Exit::Local
    })?;
    Ok(Statement::new(tree, &record, &record.texts(), builder))
}

fn parse_uri(text: &str) -> Result<String, String> {
    let is_scheme = |it: &str| {
        it.starts_with(|it: char| it.is_ascii_alphabetic())
            && it.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it))
    };
    match text.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) && !rest.is_empty() => Ok(text.to_owned()),
        Some(_) | None => Err("expected a URI, such as https://ci.example.org/deploy".to_owned()),
    }
}
