//! Target labels: the grammar by which people name what to build, as in Bazel.

use std::fmt;

use wob_engine::did_you_mean;

use crate::Name;

/// A pattern of target labels, such as `//env:stage`, `//env/stage/large:all` or `//...`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pattern {
    /// `//...` or `//:all`: everything.
    Everything,
    /// Everything of one environment: `//env:stage`, `//env/stage`, `//env/stage/...`.
    Environment(String),
    /// Every assignment of one cluster type: `//env/stage/large:all`, `//env/stage/large/...`.
    ClusterType {
        /// The environment.
        environment: String,
        /// The cluster type.
        cluster_type: String,
    },
    /// One assignment: `//env/stage/large:app-test`.
    Assignment {
        /// The environment.
        environment: String,
        /// The cluster type.
        cluster_type: String,
        /// The target's full name.
        target: String,
    },
    /// One output file: `//env/stage/large:app-test/namespace.yaml`.
    OutputFile {
        /// The environment.
        environment: String,
        /// The cluster type.
        cluster_type: String,
        /// The target's full name.
        target: String,
        /// The file's name.
        file: String,
    },
    /// A source object: `//policy/stage:uat-test-policy`, `//workload:app`, `//template:argocd`.
    Object {
        /// The kind, as labels spell it.
        kind: ObjectKind,
        /// The environment, where the label names one.
        environment: Option<String>,
        /// The name; `None` for `:all`.
        name: Option<String>,
    },
    /// A source file: `//:templates/argocd.yaml`.
    SourceFile(String),
}

/// The kinds of source object that labels name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKind {
    /// `workload`.
    Workload,
    /// `cluster-type`.
    ClusterType,
    /// `policy`.
    Policy,
    /// `config`.
    Config,
    /// `template`.
    Template,
    /// `target`.
    Target,
    /// `schema`.
    Schema,
    /// `registration`.
    Registration,
    /// `base-repo`.
    BaseRepo,
    /// `gitops-repo`.
    GitOpsRepo,
}

impl ObjectKind {
    /// Every kind, in the order help texts list them.
    pub const ALL: [Self; 10] = [
        Self::Workload,
        Self::ClusterType,
        Self::Policy,
        Self::Config,
        Self::Template,
        Self::Target,
        Self::Schema,
        Self::Registration,
        Self::BaseRepo,
        Self::GitOpsRepo,
    ];

    /// Returns the word in labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::ClusterType => "cluster-type",
            Self::Policy => "policy",
            Self::Config => "config",
            Self::Template => "template",
            Self::Target => "target",
            Self::Schema => "schema",
            Self::Registration => "registration",
            Self::BaseRepo => "base-repo",
            Self::GitOpsRepo => "gitops-repo",
        }
    }
}

/// Why a text is not a [`Pattern`]: the reason, then the way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError {
    /// What is wrong.
    pub reason: String,
    /// What to write instead.
    pub help: String,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// If `text` is not in the grammar of design/product.md.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let body = text.strip_prefix("//").ok_or_else(|| no_slashes(text))?;
        if body.chars().any(char::is_control) || body.len() > 4096 {
            return Err(error(text, "holds control characters or is too long"));
        }
        if let Some(path) = body.strip_prefix(':') {
            return match path {
                "all" => Ok(Self::Everything),
                "" => Err(error(text, "names nothing after `:`")),
                path => Ok(Self::SourceFile(path.to_owned())),
            };
        }
        let (folder, name) = match body.split_once(':') {
            Some((folder, name)) => (folder, Some(name)),
            None => (body, None),
        };
        if name == Some("") {
            return Err(error(text, "names nothing after `:`"));
        }
        let parts: Vec<&str> = folder.split('/').collect();
        if name.is_none() && parts == ["..."] {
            return Ok(Self::Everything);
        }
        if parts[0] == "env" {
            environment(text, &parts[1..], name)
        } else {
            object(text, &parts, name)
        }
    }
}

fn environment(text: &str, parts: &[&str], name: Option<&str>) -> Result<Pattern, PatternError> {
    let checked = |it: &str| checked(text, it);
    match (parts, name) {
        ([] | ["..."], None) | ([], Some("all")) => Ok(Pattern::Everything),
        ([], Some(it)) => checked(it).map(Pattern::Environment),
        ([environment] | [environment, "..."], None) | ([environment], Some("all")) => {
            checked(environment).map(Pattern::Environment)
        }
        ([environment, cluster_type] | [environment, cluster_type, "..."], None)
        | ([environment, cluster_type], Some("all")) => Ok(Pattern::ClusterType {
            environment: checked(environment)?,
            cluster_type: checked(cluster_type)?,
        }),
        ([environment, cluster_type], Some(name)) => {
            let (environment, cluster_type) = (checked(environment)?, checked(cluster_type)?);
            Ok(match name.split_once('/') {
                None => Pattern::Assignment { environment, cluster_type, target: checked(name)? },
                Some((target, file)) => {
                    let (target, file) = (checked(target)?, checked(file)?);
                    Pattern::OutputFile { environment, cluster_type, target, file }
                }
            })
        }
        _ => Err(error(text, "has too many parts")),
    }
}

/// Returns a part of the label `text` that must be a name.
fn checked(text: &str, part: &str) -> Result<String, PatternError> {
    match Name::new(part) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(reason) => Err(error(text, &format!("has a name `{}` that {reason}", shown(part)))),
    }
}

fn object(text: &str, parts: &[&str], name: Option<&str>) -> Result<Pattern, PatternError> {
    let words = ObjectKind::ALL.map(ObjectKind::as_str);
    let Some(kind) = ObjectKind::ALL.into_iter().find(|it| it.as_str() == parts[0]) else {
        let guess = did_you_mean(parts[0], words.into_iter().chain(["env"]));
        let help = guess.map_or_else(
            || {
                format!(
                    "labels begin with `//env`, {} or `//:`",
                    words.map(|it| format!("`//{it}`")).join(", ")
                )
            },
            |it| format!("did you mean `//{it}`?"),
        );
        let reason =
            format!("label `{}` begins with an unknown word `{}`", shown(text), shown(parts[0]));
        return Err(PatternError { reason, help });
    };
    let environment = match &parts[1..] {
        [] | ["..."] => None,
        [environment] | [environment, "..."] => Some(checked(text, environment)?),
        _ => return Err(error(text, "has too many parts")),
    };
    let name = name.filter(|it| *it != "all").map(ToOwned::to_owned);
    Ok(Pattern::Object { kind, environment, name })
}

fn no_slashes(text: &str) -> PatternError {
    let reason = format!("label `{}` does not begin with `//`", shown(text));
    let help = if text.starts_with(':') || text.contains('/') {
        format!("write `//{}`", shown(text.trim_start_matches('/')))
    } else {
        format!("for an environment write `//env:{}`; for everything `//...`", shown(text))
    };
    PatternError { reason, help }
}

fn error(text: &str, reason: &str) -> PatternError {
    let help = "see the label table in `wob help build`: `//env:stage`, `//env/stage/large:app-test`, `//...`";
    PatternError { reason: format!("label `{}` {reason}", shown(text)), help: help.to_owned() }
}

fn shown(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("//..."),
            // `//env:all` are all of them.
            Self::Environment(it) if it == "all" => write!(f, "//env/{it}/..."),
            Self::Environment(it) => write!(f, "//env:{it}"),
            Self::ClusterType { environment, cluster_type } => {
                write!(f, "//env/{environment}/{cluster_type}:all")
            }
            Self::Assignment { environment, cluster_type, target } => {
                write!(f, "//env/{environment}/{cluster_type}:{target}")
            }
            Self::OutputFile { environment, cluster_type, target, file } => {
                write!(f, "//env/{environment}/{cluster_type}:{target}/{file}")
            }
            Self::Object { kind, environment, name } => {
                let name = name.as_deref().unwrap_or("all");
                match environment {
                    Some(environment) => write!(f, "//{}/{environment}:{name}", kind.as_str()),
                    None => write!(f, "//{}:{name}", kind.as_str()),
                }
            }
            Self::SourceFile(path) => write!(f, "//:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_of_the_contract_parses() {
        let same = [
            ("//env:stage", "//env:stage"),
            ("//env/stage", "//env:stage"),
            ("//env/stage/...", "//env:stage"),
            ("//env/stage/large:all", "//env/stage/large:all"),
            ("//env/stage/large:app-test", "//env/stage/large:app-test"),
            (
                "//env/stage/large:app-test/namespace.yaml",
                "//env/stage/large:app-test/namespace.yaml",
            ),
            ("//...", "//..."),
            ("//env/all", "//env/all/..."),
            ("//workload:hello", "//workload:hello"),
            ("//cluster-type/stage:large", "//cluster-type/stage:large"),
            ("//policy/stage:uat", "//policy/stage:uat"),
            ("//config/stage:west-us", "//config/stage:west-us"),
            ("//template:argocd", "//template:argocd"),
            ("//target/stage:app-test", "//target/stage:app-test"),
            ("//schema/stage:database", "//schema/stage:database"),
            ("//registration:app", "//registration:app"),
            ("//base-repo/stage:main", "//base-repo/stage:main"),
            ("//gitops-repo/stage:all", "//gitops-repo/stage:all"),
            ("//:templates/argocd.yaml", "//:templates/argocd.yaml"),
        ];
        for (text, printed) in same {
            assert_eq!(
                Pattern::parse(text).map(|it| it.to_string()).as_deref(),
                Ok(printed),
                "{text}"
            );
        }
    }

    #[test]
    fn wrong_labels_say_what_to_write() {
        for bad in [
            "stage",
            "",
            "//",
            "//env:",
            "//envs:x",
            "//env/../x",
            "//env/a/b/c/d",
            "//:",
            "//env:A b",
            "//env/.../...",
            "//template/.../...",
            "//template/:x",
            "//policy/..:x",
        ] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
        let long = format!("//env/a/b:{}", "x".repeat(4000));
        assert!(Pattern::parse(&long).unwrap_err().reason.len() < 400);
        assert_eq!(Pattern::parse("//enw:stage").unwrap_err().help, "did you mean `//env`?");
        assert!(Pattern::parse("stage").unwrap_err().help.contains("//env:stage"));
    }
}
