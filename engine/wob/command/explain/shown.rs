//! An explained assignment as people and programs read it; docs/output.md documents the latter.

use std::fmt;

use serde::Serialize;
use wob_rules::{Clause, Doubt, Explanation, Fate, Fleet, PolicyView, Ranking, Side, Tolerance};

use super::assignment::Assignment;
use crate::report::{Places, Position, count};

/// How many policies that did not make the assignment people are shown.
const MISSES: usize = 5;

/// An explained assignment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "it is JSON, where these are what they say")]
pub(super) struct Shown<'x> {
    environment: &'x str,
    cluster_type: &'x str,
    target: &'x str,
    label: String,
    scheduler: &'static str,
    assigned: bool,
    /// Whether something could not be read or asked, so that this may change.
    unsure: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'x str>,
    policies: Vec<ShownPolicy<'x>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownPolicy<'x> {
    policy: &'x str,
    #[serde(flatten)]
    position: Position,
    assigns: bool,
    failing: usize,
    clauses: Vec<ShownClause<'x>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ranking: Option<ShownRanking>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownClause<'x> {
    of: &'static str,
    key: &'x str,
    wanted: &'x str,
    found: Option<&'x str>,
    holds: bool,
    #[serde(flatten)]
    position: Position,
    found_at: Position,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'x str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownRanking {
    rank: usize,
    of: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    number_of_cluster_types: Option<u32>,
    score: i64,
    preferences: Vec<ShownPreference>,
    taints: Vec<ShownTaint>,
    fate: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

#[derive(Debug, Serialize)]
struct ShownPreference {
    weight: i64,
    #[serde(flatten)]
    position: Position,
}

#[derive(Debug, Serialize)]
struct ShownTaint {
    taint: String,
    tolerated: bool,
    #[serde(flatten)]
    position: Position,
}

impl<'x> Shown<'x> {
    /// Finds the places of `explanation`, which answers what `asked` asks of `fleet`.
    pub(super) fn new(
        asked: &'x Assignment,
        fleet: Fleet<'_>,
        doubt: Doubt,
        explanation: &'x Explanation<'x>,
        places: &mut Places<'_>,
    ) -> Self {
        let [environment, cluster_type, target] = asked.names();
        let policies = explanation.policies.iter();
        Self {
            environment,
            cluster_type,
            target,
            label: asked.label(),
            scheduler: fleet.scheduling.scheduler().name(),
            assigned: explanation.assigned,
            unsure: doubt >= Doubt::Scheduling,
            reason: explanation.reason,
            policies: policies.map(|it| ShownPolicy::new(it, places)).collect(),
        }
    }
}

impl<'x> ShownPolicy<'x> {
    fn new(view: &'x PolicyView<'x>, places: &mut Places<'_>) -> Self {
        let meta = &view.policy.meta;
        Self {
            policy: meta.name.as_str(),
            position: places.find(&meta.place.key("metadata").key("name")),
            assigns: view.made_it,
            failing: view.failing(),
            clauses: view.clauses.iter().map(|it| ShownClause::new(it, places)).collect(),
            ranking: view.ranking.as_ref().map(|it| ShownRanking::new(it, places)),
        }
    }
}

impl<'x> ShownClause<'x> {
    fn new(clause: &'x Clause<'x>, places: &mut Places<'_>) -> Self {
        Self {
            of: match clause.side {
                Side::Target => "target",
                Side::ClusterType => "clusterType",
            },
            key: clause.key,
            wanted: &clause.wanted,
            found: clause.found,
            holds: clause.holds,
            position: places.find(&clause.place),
            found_at: places.find(&clause.found_at),
            text: clause.phrase(),
            help: (!clause.holds).then_some(&clause.way_out),
        }
    }
}

impl ShownRanking {
    fn new(ranking: &Ranking<'_>, places: &mut Places<'_>) -> Self {
        let preferences = ranking.preferences.iter();
        let taints = ranking.taints.iter();
        Self {
            rank: ranking.rank,
            of: ranking.of,
            number_of_cluster_types: ranking.number,
            score: ranking.candidate.score,
            fate: match ranking.candidate.fate {
                Fate::Chosen => "chosen",
                Fate::Tainted(_) => "tainted",
                Fate::Unlabelled(_) => "unlabelled",
                Fate::Skewed { .. } => "skewed",
                Fate::Outranked => "outranked",
                Fate::Unsure => "unsure",
            },
            text: ranking.phrase(),
            help: ranking.way_out(),
            preferences: preferences
                .map(|it| ShownPreference { weight: it.weight, position: places.find(&it.place) })
                .collect(),
            taints: taints
                .map(|(taint, tolerance)| ShownTaint {
                    taint: taint.to_string(),
                    tolerated: *tolerance == Tolerance::Tolerated,
                    position: places.find(&taint.place),
                })
                .collect(),
        }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let made = self.policies.iter().filter(|it| it.assigns).count();
        let all = count(self.policies.len(), "policy", "policies");
        let (label, scheduler) = (&self.label, self.scheduler);
        let verdict = match (self.assigned, made) {
            (true, 0) => "is assigned".to_owned(),
            (true, _) => format!("is assigned by {made} of {all}"),
            (false, _) => "is not assigned".to_owned(),
        };
        writeln!(f, "{label} {verdict} (scheduler `{scheduler}`)")?;
        if let Some(reason) = self.reason {
            writeln!(f, "reason: {reason}")?;
        }
        if self.unsure {
            writeln!(f, "this is not sure, because of what `wob check {}` reports", self.env())?;
        }
        for policy in self.policies.iter().take(made + MISSES) {
            write!(f, "\n{policy}")?;
        }
        match self.policies.len().saturating_sub(made + MISSES) {
            0 => Ok(()),
            more => writeln!(
                f,
                "\n{} missed it by more; `--output=json` shows them all",
                count(more, "policy", "policies")
            ),
        }
    }
}

impl Shown<'_> {
    fn env(&self) -> String {
        format!("//env:{}", self.environment)
    }
}

impl fmt::Display for ShownPolicy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (self.assigns, self.failing) {
            (true, _) => "assigns it".to_owned(),
            (false, 0) => "selects it, but does not assign it".to_owned(),
            (false, failing) => format!("misses it by {}", count(failing, "clause", "clauses")),
        };
        writeln!(f, "policy `{}` {verdict}  {}", self.policy, self.position)?;
        for clause in &self.clauses {
            let word = if clause.holds { "holds" } else { "fails" };
            writeln!(f, "  {word}: {}  {}", clause.text, clause.position)?;
            if let Some(help) = clause.help {
                writeln!(f, "    label: {}", clause.found_at)?;
                writeln!(f, "    help: {help}")?;
            }
        }
        if self.clauses.is_empty() {
            writeln!(f, "  it selects every target and every cluster type")?;
        }
        self.ranking.iter().try_for_each(|it| it.fmt(f))
    }
}

impl fmt::Display for ShownRanking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  placement: {}", self.text)?;
        if let Some(help) = &self.help {
            writeln!(f, "    help: {help}")?;
        }
        for taint in &self.taints {
            let word = if taint.tolerated { "tolerated" } else { "not tolerated" };
            writeln!(f, "    taint: `{}` is {word}  {}", taint.taint, taint.position)?;
        }
        if !self.preferences.is_empty() {
            writeln!(f, "    score: {}", self.score)?;
        }
        for it in &self.preferences {
            writeln!(f, "    {:+}: a preference matches  {}", it.weight, it.position)?;
        }
        Ok(())
    }
}
