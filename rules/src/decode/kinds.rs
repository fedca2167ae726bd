//! One function per kind: which fields it has and what they must be.

use std::{collections::BTreeSet, sync::Arc};

use wob_engine::{
    Diagnostic, Place, Value, did_you_mean,
    yaml::{Node, NodeKind},
};

use super::{
    Damage,
    fields::{Fields, Problems, as_text, shown},
    placement, text_at,
};
use crate::{
    ConfigMap, ConfigSchema, InlineSchema, Name,
    name::{output_path_problem, reserved_name_problem},
    promotion::NEXT,
    resource::{
        ClusterType, DeploymentTarget, Environment, GitReference, Language, Manifest, Meta,
        Repository, Resource, SchedulingPolicy, TargetSpec, Template, Workload,
        WorkloadRegistration,
    },
    rule::{self, RULE_KIND},
    selector::{LabelSelector, Operator, Requirement},
};

/// Every kind of `scheduler.kalypso.io/v1alpha1`.
pub(super) const KINDS: [&str; 10] = [
    "Environment",
    "BaseRepo",
    "GitOpsRepo",
    "ClusterType",
    "SchedulingPolicy",
    "WorkloadRegistration",
    "Workload",
    "DeploymentTarget",
    "Template",
    "ConfigSchema",
];

/// The kinds whose own names become names of folders; those of targets are checked when they are whole.
const NAMES_A_FOLDER: [&str; 2] = ["Environment", "ClusterType"];

/// Decodes an object of a known kind.
///
/// `None` if a part is missing without which it means nothing. Errors in `problems.diagnostics` make it unusable, too.
pub(super) fn decode(
    kind: &str,
    root: &Node,
    place: &Place,
    problems: &mut Problems,
    damage: &mut Vec<Damage>,
) -> Option<Resource> {
    let owner: Arc<str> = match text_at(root, &["metadata", "name"]) {
        Some(name) => format!("{kind} `{}`", shown(&name)).into(),
        None => format!("a {kind}").into(),
    };
    let mut object = Fields::open(root, place.clone(), "", &owner, problems)?;
    let also: &[&str] = if kind == "ConfigMap" {
        &["apiVersion", "kind", "binaryData", "immutable"]
    } else {
        &["apiVersion", "kind", "status"]
    };
    let meta = meta(&mut object, place, problems);
    if let Some(meta) = &meta
        && NAMES_A_FOLDER.contains(&kind)
    {
        check_reserved(&meta.name, place.key("metadata").key("name"), &owner, problems);
    }
    let resource = if kind == "ConfigMap" {
        let data = object.texts("data", problems);
        meta.map(|meta| Resource::ConfigMap(config_map(meta, data)))
    } else {
        object.mapping("spec", problems).and_then(|mut spec| {
            let resource = decode_spec(kind, meta, &mut spec, problems, damage);
            spec.finish(&[], problems);
            resource.map(|it| with_annotations(it, root, place))
        })
    };
    object.finish(also, problems);
    if kind == RULE_KIND {
        rule::strict(problems);
    }
    resource
}

fn environment(
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Environment> {
    let control_plane =
        spec.mapping("controlPlane", problems).and_then(|it| git_reference(it, problems));
    Some(Environment { meta: meta?, control_plane: control_plane?, next: None })
}

/// Adds what the annotations of an object say to wob.
fn with_annotations(mut resource: Resource, root: &Node, place: &Place) -> Resource {
    if let Resource::Environment(environment) = &mut resource {
        let path = ["metadata", "annotations", NEXT];
        let place = path.iter().fold(place.clone(), |place, key| place.key(key));
        environment.next = text_at(root, &path).map(|it| (it, place));
    }
    resource
}

fn decode_spec(
    kind: &str,
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
    damage: &mut Vec<Damage>,
) -> Option<Resource> {
    Some(match kind {
        "Environment" => Resource::Environment(environment(meta, spec, problems)?),
        "BaseRepo" => {
            let commit = spec.optional_text("commit", problems);
            let reference = repository(spec, commit, problems);
            Resource::BaseRepo(Repository { meta: meta?, reference: reference?, auto_merge: None })
        }
        "GitOpsRepo" => {
            let reference = repository(spec, None, problems);
            if let Some(reference) = &reference {
                check_output_path(&reference.path, spec, problems);
            }
            let auto_merge = auto_merge(spec, problems);
            Resource::GitOpsRepo(Repository { meta: meta?, reference: reference?, auto_merge })
        }
        "ClusterType" => {
            let reconciler = spec.text("reconciler", problems);
            let or = |it: Option<Arc<str>>, default: &str| {
                it.map_or_else(|| default.to_owned(), |it| it.to_string())
            };
            // The tutorial's examples leave these two out.
            let namespace_service = or(spec.optional_text("namespaceService", problems), "default");
            let config_type = or(spec.optional_text("configType", problems), "configmap");
            let taints = placement::taints(spec, problems);
            let reconciler = reconciler?.to_string();
            Resource::ClusterType(ClusterType {
                meta: meta?,
                reconciler,
                namespace_service,
                config_type,
                taints,
            })
        }
        "SchedulingPolicy" => Resource::SchedulingPolicy(policy(meta, spec, problems)?),
        "WorkloadRegistration" => {
            let workload =
                spec.mapping("workload", problems).and_then(|it| git_reference(it, problems));
            let workspace = spec.text("workspace", problems);
            check_label(workspace.as_deref(), spec, "workspace", problems);
            let workspace = workspace?.to_string();
            Resource::WorkloadRegistration(WorkloadRegistration {
                meta: meta?,
                workload: workload?,
                workspace,
            })
        }
        "Workload" => Resource::Workload(workload(meta, spec, problems, damage)?),
        "DeploymentTarget" => {
            let target = target_fields(spec, meta.as_ref(), problems);
            Resource::DeploymentTarget(DeploymentTarget { meta: meta?, spec: target? })
        }
        "Template" => Resource::Template(template(meta, spec, problems)?),
        "ConfigSchema" => {
            let schema_place = spec.place.key("schema");
            let schema = spec.text("schema", problems);
            let meta = meta?;
            Resource::ConfigSchema(ConfigSchema {
                name: meta.name.to_string(),
                place: meta.place,
                labels: meta.labels,
                schema: schema?,
                schema_place,
            })
        }
        RULE_KIND => Resource::Rule(rule::decode(meta, spec, problems)?),
        _ => return None,
    })
}

fn meta(object: &mut Fields<'_>, place: &Place, problems: &mut Problems) -> Option<Meta> {
    let mut fields = object.mapping("metadata", problems)?;
    let name = fields.name("name", problems);
    let labels = fields.labels("labels", problems);
    let also = [
        "annotations",
        "namespace",
        "generateName",
        "finalizers",
        "ownerReferences",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "generation",
        "managedFields",
        "resourceVersion",
        "selfLink",
        "uid",
    ];
    fields.finish(&also, problems);
    Some(Meta { name: name?, labels, place: place.clone() })
}

fn check_reserved(name: &Name, place: Place, owner: &str, problems: &mut Problems) {
    if let Some(reason) = reserved_name_problem(name.as_str()) {
        let message = format!("the name of {owner} {reason}");
        problems.push(
            Diagnostic::error("bad-name", message)
                .at(place, "becomes a folder of the tree")
                .help("choose another name"),
        );
    }
}

fn check_output_path(path: &str, fields: &Fields<'_>, problems: &mut Problems) {
    if let Some(reason) = output_path_problem(path) {
        let message = format!("path `{}` {reason}", shown(path));
        problems.push(
            Diagnostic::error("bad-path", message)
                .at(fields.place.key("path"), "here the tree would begin")
                .help("write a path such as `clusters`, or `.` for the repository's root"),
        );
    }
}

fn config_map(meta: Meta, data: std::collections::BTreeMap<Arc<str>, Arc<str>>) -> ConfigMap {
    ConfigMap {
        name: meta.name.to_string(),
        place: meta.place,
        labels: meta.labels,
        data: data.into_iter().map(|(key, value)| (key.to_string(), value)).collect(),
    }
}

fn git_reference(mut fields: Fields<'_>, problems: &mut Problems) -> Option<GitReference> {
    let reference = repository(&mut fields, None, problems);
    fields.finish(&[], problems);
    reference
}

/// Reads a truth value; a quoted one is one too, as in other objects that kubectl wrote.
fn auto_merge(spec: &mut Fields<'_>, problems: &mut Problems) -> Option<bool> {
    match spec.node("autoMerge").map(|(node, _)| node.to_value()) {
        Some(Value::String(it)) if &*it == "true" => Some(true),
        Some(Value::String(it)) if &*it == "false" => Some(false),
        Some(_) => spec.optional_flag("autoMerge", problems),
        None => None,
    }
}

fn repository(
    fields: &mut Fields<'_>,
    commit: Option<Arc<str>>,
    problems: &mut Problems,
) -> Option<GitReference> {
    let repo = fields.text("repo", problems);
    let branch = if commit.is_some() {
        fields.optional_text("branch", problems)
    } else {
        fields.text("branch", problems)
    };
    let path_place = fields.place.key("path");
    let path = fields.optional_text("path", problems);
    let path = path.map(|it| normalized_path(&it).ok_or(it)).transpose().unwrap_or_else(|wrong| {
        let message = format!("path `{}` leads out of the repository", shown(&wrong));
        problems.push(
            Diagnostic::error("bad-path", message)
                .at(path_place, "here")
                .help("write a path below the repository's root, without `..`"),
        );
        None
    });
    if let Some(commit) = &commit {
        check_commit(commit, fields, problems);
    }
    Some(GitReference {
        repo: repo?.to_string(),
        branch: branch.map_or_else(String::new, |it| it.to_string()),
        path: path.unwrap_or_default(),
        commit: commit.map(|it| it.to_string()),
    })
}

fn check_commit(commit: &str, fields: &Fields<'_>, problems: &mut Problems) {
    let is_id = (7..=64).contains(&commit.len()) && commit.bytes().all(|it| it.is_ascii_hexdigit());
    if !is_id {
        problems.push(
            Diagnostic::error("bad-commit", format!("`{}` is not a commit id", shown(commit)))
                .at(fields.place.key("commit"), "not hexadecimal, or not 7 to 64 digits")
                .help("write the full id that `git rev-parse HEAD` prints on the base branch"),
        );
    }
}

/// Returns `path` without `.` parts and slashes at the ends; `None` if it has a `..` or a control character.
fn normalized_path(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').filter(|it| !matches!(*it, "" | ".")).collect();
    let wrong = |it: &&str| *it == ".." || it.contains(|it: char| it.is_control() || it == '\\');
    (!parts.iter().any(wrong)).then(|| parts.join("/"))
}

/// `workspace` becomes a label, so it must be fit for one.
fn check_label(text: Option<&str>, fields: &Fields<'_>, key: &str, problems: &mut Problems) {
    if let Some(reason) = text.and_then(crate::name::label_value_problem) {
        let message = format!("`{key}` is `{}`, which {reason}", shown(text.unwrap_or_default()));
        problems.push(
            Diagnostic::error("bad-label", message)
                .at(fields.place.key(key), "it becomes a label, so it must be fit for one")
                .help("write at most 63 letters, digits, `-`, `_` and `.`"),
        );
    }
}

fn policy(
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<SchedulingPolicy> {
    let mut workspace = None;
    let mut targets = LabelSelector::default();
    let mut cluster_types = LabelSelector::default();
    if let Some(mut fields) = spec.optional_mapping("deploymentTargetSelector", problems) {
        let text = fields.optional_text("workspace", problems);
        // An empty workspace matches every one (rule 2.2).
        workspace = text.filter(|it| !it.is_empty()).map(|it| it.to_string());
        targets = selector(&mut fields, Comparisons::Texts, problems);
        fields.finish(&[], problems);
    }
    if let Some(mut fields) = spec.optional_mapping("clusterTypeSelector", problems) {
        cluster_types = selector(&mut fields, Comparisons::Texts, problems);
        fields.finish(&[], problems);
    }
    let placement = placement::placement(spec, problems);
    Some(SchedulingPolicy { meta: meta?, workspace, targets, cluster_types, placement })
}

/// How the clauses of a selector may compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparisons {
    /// As `metav1.LabelSelector`.
    Texts,
    /// Also by `Gt` and `Lt`, as the node selectors of Kubernetes.
    Numbers,
}

/// Reads `labelSelector`; without one, everything is selected.
pub(super) fn selector(
    fields: &mut Fields<'_>,
    comparisons: Comparisons,
    problems: &mut Problems,
) -> LabelSelector {
    let mut requirements = vec![];
    if let Some(mut selector) = fields.optional_mapping("labelSelector", problems) {
        let place = selector.place.key("matchLabels");
        for (key, value) in selector.labels("matchLabels", problems) {
            let place = place.key(&key);
            requirements.push(Requirement {
                key,
                operator: Operator::In(BTreeSet::from([value])),
                place,
            });
        }
        for (node, place) in selector.list("matchExpressions", problems) {
            requirements.extend(expression(node, place, comparisons, problems));
        }
        selector.finish(&[], problems);
    }
    LabelSelector { requirements }
}

fn expression(
    node: &Node,
    place: Place,
    comparisons: Comparisons,
    problems: &mut Problems,
) -> Option<Requirement> {
    let owner: Arc<str> = "a match expression".into();
    let mut fields = Fields::open(node, place.clone(), "", &owner, problems)?;
    let key = fields.text("key", problems);
    let operator = fields.text("operator", problems);
    let items = fields.list("values", problems);
    let texts =
        items.into_iter().map(|(node, place)| as_text(node, place, "values", &owner, problems));
    let values: BTreeSet<String> =
        texts.collect::<Vec<_>>().into_iter().flatten().map(|it| it.to_string()).collect();
    fields.finish(&[], problems);
    let operator = operator_of(&operator?, values, comparisons).map_err(|wrong| {
        let diagnostic = Diagnostic::error("bad-selector", wrong.message);
        problems.push(diagnostic.at(place.key(wrong.field), "here").help(wrong.help));
    });
    let operator = operator.ok()?;
    Some(Requirement { key: key?.to_string(), operator, place })
}

/// What is wrong with a match expression.
struct WrongExpression {
    message: String,
    field: &'static str,
    help: String,
}

fn operator_of(
    word: &str,
    values: BTreeSet<String>,
    comparisons: Comparisons,
) -> Result<Operator, WrongExpression> {
    let numbers = comparisons == Comparisons::Numbers;
    let known = ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
    let known = if numbers { &known[..] } else { &known[..4] };
    let wrong = |message: String, field, help: &str| {
        Err(WrongExpression { message, field, help: help.to_owned() })
    };
    match (word, values.is_empty()) {
        ("In", false) => Ok(Operator::In(values)),
        ("NotIn", false) => Ok(Operator::NotIn(values)),
        ("Exists", true) => Ok(Operator::Exists),
        ("DoesNotExist", true) => Ok(Operator::DoesNotExist),
        ("In" | "NotIn", true) => {
            wrong(format!("operator `{word}` needs `values`"), "operator", "add `values: [...]`")
        }
        ("Exists" | "DoesNotExist", false) => wrong(
            format!("operator `{word}` takes no `values`"),
            "values",
            "remove `values`, or use `In`",
        ),
        ("Gt" | "Lt", _) if numbers => {
            let one = values.first().filter(|_| values.len() == 1);
            match one.and_then(|it| it.parse().ok()) {
                Some(bound) if word == "Gt" => Ok(Operator::Gt(bound)),
                Some(bound) => Ok(Operator::Lt(bound)),
                None => wrong(
                    format!("operator `{word}` needs one whole number"),
                    "values",
                    "write it as a text: `values: [\"8\"]`",
                ),
            }
        }
        ("Gt" | "Lt", _) => wrong(
            format!("operator `{word}` compares numbers, which selectors cannot"),
            "operator",
            "use `In`, or prefer larger numbers in `placement.preferences`",
        ),
        (other, _) => {
            let guess = did_you_mean(other, known.iter().copied());
            let help = guess.map_or_else(
                || format!("known operators: {}", known.join(", ")),
                |it| format!("did you mean `{it}`?"),
            );
            wrong(format!("unknown operator `{}`", shown(other)), "operator", &help)
        }
    }
}

fn workload(
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
    damage: &mut Vec<Damage>,
) -> Option<Workload> {
    let config_schemas = schemas(spec, problems);
    let owner: Arc<str> = match &meta {
        Some(meta) => format!("a deployment target of workload `{}`", meta.name).into(),
        None => "a deployment target".into(),
    };
    let mut targets = vec![];
    for (node, place) in spec.list("deploymentTargets", problems) {
        let mut own = Problems::default();
        let target = Fields::open(node, place, "", &owner, &mut own).and_then(|mut fields| {
            let target = target_fields(&mut fields, None, &mut own);
            fields.finish(&[], &mut own);
            target
        });
        if own.has_errors() {
            damage.push(Damage::Scheduling);
        } else {
            targets.extend(target);
        }
        problems.of_parts.extend(own.into_diagnostics());
    }
    Some(Workload { meta: meta?, targets, config_schemas })
}

fn target_fields(
    fields: &mut Fields<'_>,
    lone: Option<&Meta>,
    problems: &mut Problems,
) -> Option<TargetSpec> {
    let (name, place) = if let Some(meta) = lone {
        let _unused = fields.optional_text("name", problems);
        (Some(meta.name.clone()), meta.place.key("metadata").key("name"))
    } else {
        (fields.name("name", problems), fields.place.key("name"))
    };
    let labels = fields.labels("labels", problems);
    let environment = fields.text("environment", problems);
    let manifests_place = match fields.node("manifests") {
        Some((_, place)) => place,
        None => place.clone(),
    };
    let manifests = fields.texts("manifests", problems);
    let config_schemas = schemas(fields, problems);
    let tolerations = placement::tolerations(fields, problems);
    let environment = environment?.to_string();
    Some(TargetSpec {
        name: name?,
        place,
        labels,
        environment,
        manifests,
        manifests_place,
        config_schemas,
        tolerations,
    })
}

fn schemas(fields: &mut Fields<'_>, problems: &mut Problems) -> Vec<InlineSchema> {
    let items = fields.list("configSchemas", problems);
    let schema = |(node, place): (&Node, Place)| {
        let text = as_text(node, place.clone(), "configSchemas", "a config schema", problems)?;
        Some(InlineSchema { schema: text, place })
    };
    items.into_iter().filter_map(schema).collect()
}

fn template(
    meta: Option<Meta>,
    spec: &mut Fields<'_>,
    problems: &mut Problems,
) -> Option<Template> {
    let kind = spec.optional_text("type", problems);
    one_of(kind.as_deref(), &["reconciler", "namespace", "config"], "type", spec, problems);
    let content_type = spec.optional_text("contentType", problems).map(|it| it.to_string());
    let language_text = spec.optional_text("language", problems);
    one_of(language_text.as_deref(), &["go", "jinja"], "language", spec, problems);
    let language =
        if language_text.as_deref() == Some("jinja") { Language::Jinja } else { Language::Go };
    let raw = spec.flag("raw", problems);
    let mut manifests = vec![];
    for (node, place) in spec.list("manifests", problems) {
        match &node.kind {
            NodeKind::Mapping(_) => {
                manifests.push(Manifest::Object { value: node.to_value(), place });
            }
            NodeKind::Scalar(_) | NodeKind::List(_) => {
                let text = as_text(node, place.clone(), "spec.manifests", "a template", problems);
                manifests.extend(text.map(|text| Manifest::Text { text, place }));
            }
        }
    }
    if spec.list("manifests", &mut Problems::default()).is_empty() {
        problems.push(
            Diagnostic::warning("empty-template", format!("{} renders nothing", spec.owner()))
                .at(spec.place.key("manifests").on_key(), "no manifests")
                .help("add an item to `spec.manifests`, or remove the template"),
        );
    }
    Some(Template { meta: meta?, manifests, content_type, language, raw })
}

fn one_of(
    text: Option<&str>,
    known: &[&str],
    key: &str,
    fields: &Fields<'_>,
    problems: &mut Problems,
) {
    let Some(text) = text.filter(|it| !known.contains(it)) else { return };
    let list = known.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
    let help = match did_you_mean(text, known.iter().copied()) {
        Some(guess) => format!("did you mean `{guess}`? Known: {list}"),
        None => format!("write one of {list}"),
    };
    problems.push(
        Diagnostic::error("unknown-value", format!("`{key}` can't be `{}`", shown(text)))
            .at(fields.place.key(key), "unknown")
            .help(help),
    );
}
