//! `wob list --unassigned`: what nothing selects, and how near it came.

use std::fmt;

use serde::Serialize;
use wob_rules::{Side, fleet, scheduled, unassigned};

use crate::{
    report::{Places, Position, count},
    session::Session,
};

/// A target or a cluster type without an assignment, as programs read it.
#[derive(Debug, Serialize)]
pub(super) struct JsonUnassigned<'m> {
    environment: &'m str,
    kind: &'static str,
    name: &'m str,
    /// The policy that came nearest; absent if there is no pair that one could select.
    #[serde(skip_serializing_if = "Option::is_none")]
    nearest: Option<JsonNearest<'m>>,
    /// What is missing if nothing came near.
    #[serde(skip)]
    missing: &'static str,
}

#[derive(Debug, Serialize)]
struct JsonNearest<'m> {
    policy: &'m str,
    with: &'m str,
    reason: String,
    failing: usize,
    #[serde(flatten)]
    position: Position,
}

#[derive(Debug, Serialize)]
pub(super) struct JsonUnassignedList<'m> {
    pub(super) unassigned: Vec<JsonUnassigned<'m>>,
}

/// Returns what has no assignment in the selected environments.
pub(super) fn all<'s>(session: &'s Session<'_>) -> Vec<JsonUnassigned<'s>> {
    let db = &session.loaded.db;
    let mut places = Places::new(&session.loaded.texts);
    let mut all = vec![];
    for target in &session.targets {
        let Some(input) = target.input else { continue };
        let fleet = fleet(db, input);
        for it in unassigned(fleet, scheduled(db, input)) {
            all.push(JsonUnassigned {
                environment: target.name.as_str(),
                kind: match it.side {
                    Side::Target => "target",
                    Side::ClusterType => "clusterType",
                },
                name: it.name.as_str(),
                missing: match it.side {
                    _ if fleet.policies.is_empty() => "policy",
                    Side::Target => "cluster type",
                    Side::ClusterType => "target",
                },
                nearest: it.nearest.map(|it| JsonNearest {
                    policy: it.policy.as_str(),
                    with: it.with.as_str(),
                    reason: it.reason,
                    failing: it.failing,
                    position: places.find(&it.place),
                }),
            });
        }
    }
    all
}

impl fmt::Display for JsonUnassigned<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (environment, name) = (self.environment, self.name);
        let (what, other) = match self.kind {
            "target" => ("target", "on"),
            _ => ("cluster type", "with"),
        };
        write!(f, "//env:{environment} {what} `{name}`: ")?;
        let Some(JsonNearest { policy, with, reason, failing, position }) = &self.nearest else {
            return write!(f, "the environment has no {}", self.missing);
        };
        match failing {
            0 => write!(f, "policy `{policy}` selects it {other} `{with}`, but {reason}")?,
            _ => write!(f, "policy `{policy}` misses it {other} `{with}`: {reason}")?,
        }
        if *failing > 1 {
            let others = count(failing - 1, "more clause fails", "more clauses fail");
            write!(f, ", and {others}")?;
        }
        write!(f, "  {position}")
    }
}
