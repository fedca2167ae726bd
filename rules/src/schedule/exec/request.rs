//! What a program is asked: the fleet as JSON, in the shape of `wob schema scheduler-request`.
//!
//! **Invariant:** names, labels and policies only. Config values, templates and manifests stay here: they may hold
//! secrets, and decide nothing about where a target runs. Equal fleets give equal bytes.

use serde::Serialize;

use super::ProgramCall;
use crate::{
    Name,
    model::{Doubt, Target},
    resource::{ClusterType, Labels, SchedulingPolicy},
    schedule::{
        Assignment, Candidates, Effect, Fleet, LabelScheduler, Placement, Scheduler, Tolerated,
        Toleration,
    },
    selector::{LabelSelector, Operator, Requirement},
};

/// Returns what is to be run for `fleet`; `None` if its scheduler needs no program, or may not be asked now.
pub(crate) fn scheduler_call(
    environment: &str,
    fleet: Fleet<'_>,
    doubt: Doubt,
) -> Option<ProgramCall> {
    let program = fleet.scheduling.setting.as_ref()?.program.as_ref()?;
    // A program that does not know all cluster types would move everything to those that are left.
    if fleet.candidates == Candidates::Unsure {
        return None;
    }
    let request = Request::new(environment, fleet, doubt);
    let mut request = serde_json::to_string(&request)
        .expect("because requests are structs with text keys, which JSON can always hold");
    request.push('\n');
    Some(ProgramCall {
        path: program.path.clone(),
        arguments: program.arguments.clone(),
        timeout_seconds: program.timeout_seconds,
        request: request.into(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'m> {
    version: u32,
    environment: &'m str,
    incomplete: bool,
    cluster_types: Vec<AskedClusterType<'m>>,
    targets: Vec<AskedTarget<'m>>,
    policies: Vec<AskedPolicy<'m>>,
    candidates: Vec<Assignment>,
}

#[derive(Serialize)]
struct AskedClusterType<'m> {
    name: &'m Name,
    labels: &'m Labels,
    taints: Vec<AskedTaint<'m>>,
}

#[derive(Serialize)]
struct AskedTaint<'m> {
    key: &'m str,
    value: &'m str,
    effect: &'static str,
}

#[derive(Serialize)]
struct AskedTarget<'m> {
    name: &'m Name,
    workload: &'m str,
    workspace: &'m str,
    labels: &'m Labels,
    tolerations: Vec<AskedToleration<'m>>,
}

#[derive(Serialize)]
struct AskedToleration<'m> {
    operator: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'m str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedPolicy<'m> {
    name: &'m Name,
    labels: &'m Labels,
    deployment_target_selector: Selected<'m>,
    cluster_type_selector: Selected<'m>,
    #[serde(skip_serializing_if = "Option::is_none")]
    placement: Option<AskedPlacement<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selected<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    workspace: Option<&'m str>,
    label_selector: AskedSelector<'m>,
}

/// Every clause becomes a match expression: one shape to read, whatever was written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedSelector<'m> {
    match_expressions: Vec<Expression<'m>>,
}

#[derive(Serialize)]
struct Expression<'m> {
    key: &'m str,
    operator: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    values: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedPlacement<'m> {
    #[serde(skip_serializing_if = "Option::is_none")]
    number_of_cluster_types: Option<u32>,
    preferences: Vec<AskedPreference<'m>>,
    topology_spread_constraints: Vec<AskedSpread<'m>>,
    tolerations: Vec<AskedToleration<'m>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedPreference<'m> {
    weight: i64,
    label_selector: AskedSelector<'m>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedSpread<'m> {
    topology_key: &'m str,
    max_skew: u32,
    when_unsatisfiable: &'static str,
}

impl<'m> Request<'m> {
    fn new(environment: &'m str, fleet: Fleet<'m>, doubt: Doubt) -> Self {
        Self {
            version: 1,
            environment,
            incomplete: doubt >= Doubt::Scheduling,
            cluster_types: fleet.cluster_types.values().map(AskedClusterType::new).collect(),
            targets: fleet.targets.values().map(AskedTarget::new).collect(),
            policies: fleet.policies.values().map(AskedPolicy::new).collect(),
            candidates: LabelScheduler.schedule(fleet).assignments,
        }
    }
}

impl<'m> AskedClusterType<'m> {
    fn new(it: &'m ClusterType) -> Self {
        let taints = it.taints.iter().map(|it| AskedTaint {
            key: &it.key,
            value: &it.value,
            effect: it.effect.as_str(),
        });
        Self { name: &it.meta.name, labels: &it.meta.labels, taints: taints.collect() }
    }
}

impl<'m> AskedTarget<'m> {
    fn new(it: &'m Target) -> Self {
        Self {
            name: &it.name,
            workload: &it.workload,
            workspace: &it.workspace,
            labels: &it.labels,
            tolerations: it.tolerations.iter().map(AskedToleration::new).collect(),
        }
    }
}

impl<'m> AskedToleration<'m> {
    fn new(it: &'m Toleration) -> Self {
        let (operator, key, value) = match &it.matches {
            Tolerated::Everything => ("Exists", None, None),
            Tolerated::Key(key) => ("Exists", Some(&**key), None),
            Tolerated::Equal { key, value } => ("Equal", Some(&**key), Some(&**value)),
        };
        Self { operator, key, value, effect: it.effect.map(Effect::as_str) }
    }
}

impl<'m> AskedPolicy<'m> {
    fn new(it: &'m SchedulingPolicy) -> Self {
        let selected = |workspace, selector| Selected {
            workspace,
            label_selector: AskedSelector::new(selector),
        };
        Self {
            name: &it.meta.name,
            labels: &it.meta.labels,
            deployment_target_selector: selected(it.workspace.as_deref(), &it.targets),
            cluster_type_selector: selected(None, &it.cluster_types),
            placement: it.placement.as_ref().map(AskedPlacement::new),
        }
    }
}

impl<'m> AskedPlacement<'m> {
    fn new(it: &'m Placement) -> Self {
        let preferences = it.preferences.iter().map(|it| AskedPreference {
            weight: it.weight,
            label_selector: AskedSelector::new(&it.selector),
        });
        let spread = it.spread.iter().map(|it| AskedSpread {
            topology_key: &it.key,
            max_skew: it.max_skew,
            when_unsatisfiable: it.when_unsatisfiable.as_str(),
        });
        Self {
            number_of_cluster_types: it.number,
            preferences: preferences.collect(),
            topology_spread_constraints: spread.collect(),
            tolerations: it.tolerations.iter().map(AskedToleration::new).collect(),
        }
    }
}

impl<'m> AskedSelector<'m> {
    fn new(it: &'m LabelSelector) -> Self {
        Self { match_expressions: it.requirements.iter().map(Expression::new).collect() }
    }
}

impl<'m> Expression<'m> {
    fn new(it: &'m Requirement) -> Self {
        let (operator, values) = match &it.operator {
            Operator::In(values) => ("In", values.iter().cloned().collect()),
            Operator::NotIn(values) => ("NotIn", values.iter().cloned().collect()),
            Operator::Exists => ("Exists", vec![]),
            Operator::DoesNotExist => ("DoesNotExist", vec![]),
            Operator::Gt(bound) => ("Gt", vec![bound.to_string()]),
            Operator::Lt(bound) => ("Lt", vec![bound.to_string()]),
        };
        Self { key: &it.key, operator, values }
    }
}
