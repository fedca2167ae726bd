//! Output profiles: the two sets of conventions, and the settings that a workspace may change one by one.

use std::fmt;

use crate::compose::Precedence;

/// A set of output conventions; design/kalypso-semantics.md, section 10.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What the tutorial's documents show: canonical YAML, strict templates.
    #[default]
    Standard,
    /// Drop-in for today's Kalypso scheduler: the template's text byte for byte.
    Kalypso,
}

impl Profile {
    /// Every profile, in the order help texts list them.
    pub const ALL: [Self; 2] = [Self::Standard, Self::Kalypso];

    /// Returns the name that `profile:` and `--profile` take.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Standard => "standard",
            Self::Kalypso => "kalypso",
        }
    }

    /// Returns the profile of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.as_str() == name)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What shapes the output of one environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The conventions.
    pub profile: Profile,
    /// How namespaces are named.
    pub namespace_pattern: NamespacePattern,
    /// The config file's name without its extension.
    pub config_file: String,
    /// Which of two layers wins.
    pub config_precedence: Precedence,
}

impl Settings {
    /// Returns the settings of a profile as it stands.
    pub fn of(profile: Profile) -> Self {
        let (pattern, config_file) = match profile {
            Profile::Standard => ("{environment}-{workspace}-{deploymentTarget}", "config"),
            Profile::Kalypso => {
                ("{environment}-{clusterType}-{deploymentTarget}", "platform-config")
            }
        };
        let namespace_pattern =
            NamespacePattern::parse(pattern).expect("because the patterns above are well-formed");
        let config_file = config_file.to_owned();
        Self { profile, namespace_pattern, config_file, config_precedence: Precedence::Name }
    }
}

/// A pattern such as `{environment}-{workspace}-{deploymentTarget}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespacePattern {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Environment,
    Workspace,
    Workload,
    ClusterType,
    DeploymentTarget,
}

/// What a [`NamespacePattern`] is filled with.
#[derive(Clone, Copy, Debug)]
pub struct NamespaceFields<'a> {
    /// The deployment target's environment.
    pub environment: &'a str,
    /// The workspace.
    pub workspace: &'a str,
    /// The workload.
    pub workload: &'a str,
    /// The cluster type.
    pub cluster_type: &'a str,
    /// The target's full name, `<workload>-<target>`.
    pub deployment_target: &'a str,
}

impl NamespacePattern {
    /// The fields that a pattern may name.
    pub const FIELDS: [&'static str; 5] =
        ["environment", "workspace", "workload", "clusterType", "deploymentTarget"];

    /// Reads a pattern.
    ///
    /// # Errors
    /// With what is wrong: an unknown field, or a brace without its partner.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = vec![];
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            pieces.push(Piece::Text(rest[..open].to_owned()));
            let after = rest[open..].strip_prefix('{').ok_or("has a `}` without `{`")?;
            let close = after.find('}').ok_or("has a `{` without `}`")?;
            pieces.push(Piece::Field(Field::parse(&after[..close])?));
            rest = &after[close + 1..];
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    /// Says whether each deployment target gets a namespace of its own.
    pub fn names_the_target(&self) -> bool {
        self.pieces.contains(&Piece::Field(Field::DeploymentTarget))
    }

    /// Returns the names of the fields, in the order of the pattern.
    pub(crate) fn fields(&self) -> Vec<&'static str> {
        let field = |it: &Piece| match it {
            Piece::Text(_) => None,
            Piece::Field(field) => Some(field.name()),
        };
        self.pieces.iter().filter_map(field).collect()
    }

    /// Returns the namespace's name, unchecked: it may be too long or hold characters that Kubernetes refuses.
    pub fn fill(&self, fields: &NamespaceFields<'_>) -> String {
        let piece = |it: &Piece| match it {
            Piece::Text(text) => text.clone(),
            Piece::Field(field) => field.of(fields).to_owned(),
        };
        self.pieces.iter().map(piece).collect()
    }
}

impl fmt::Display for NamespacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => f.write_str(text)?,
                Piece::Field(field) => write!(f, "{{{}}}", field.name())?,
            }
        }
        Ok(())
    }
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Workspace => "workspace",
            Self::Workload => "workload",
            Self::ClusterType => "clusterType",
            Self::DeploymentTarget => "deploymentTarget",
        }
    }

    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "environment" => Self::Environment,
            "workspace" => Self::Workspace,
            "workload" => Self::Workload,
            "clusterType" => Self::ClusterType,
            "deploymentTarget" => Self::DeploymentTarget,
            _ => return Err(format!("names an unknown field `{name}`")),
        })
    }

    fn of<'a>(self, fields: &NamespaceFields<'a>) -> &'a str {
        match self {
            Self::Environment => fields.environment,
            Self::Workspace => fields.workspace,
            Self::Workload => fields.workload,
            Self::ClusterType => fields.cluster_type,
            Self::DeploymentTarget => fields.deployment_target,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fill_and_refuse() {
        let fields = NamespaceFields {
            environment: "dev",
            workspace: "team",
            workload: "app",
            cluster_type: "drone",
            deployment_target: "app-test",
        };
        let fill = |text| NamespacePattern::parse(text).map(|it| it.fill(&fields));
        assert_eq!(fill("{environment}-{clusterType}-x").as_deref(), Ok("dev-drone-x"));
        assert_eq!(fill("plain").as_deref(), Ok("plain"));
        let pattern = "{environment}-{clusterType}-x";
        assert_eq!(NamespacePattern::parse(pattern).unwrap().to_string(), pattern);
        assert!(fill("{nope}").is_err() && fill("{environment").is_err() && fill("a}").is_err());
    }
}
