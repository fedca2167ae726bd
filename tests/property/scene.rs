//! Scenes: random workspaces as sets of objects, which can be laid out in files in many ways.

use serde_json::{Value, json};

use super::{random::Random, words};
use crate::oracle::{
    documents, value_of,
    world::{Precedence, Profile, World},
};
use wob_engine::Diagnostic;

/// Which source an object belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Base,
    Environment,
    /// The repository of this address.
    Repository(String),
}

/// A workspace as objects.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) profile: Profile,
    pub(crate) precedence: Precedence,
    pub(crate) objects: Vec<(Root, Value)>,
}

pub(super) const OURS: &str = "scheduler.kalypso.io/v1alpha1";

impl Scene {
    /// Draws a workspace.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let profile = *random.pick(&[&Profile::Standard, &Profile::Kalypso]);
        let precedence = if random.chance(15) { Precedence::Specificity } else { Precedence::Name };
        let mut scene = Self { profile, precedence, objects: vec![] };
        for name in ["rec-a", "rec-b", "ns", "cfg", "env-file"] {
            if !random.chance(2) {
                scene.objects.push((Root::Base, template(random, name)));
            }
        }
        for index in 0..random.between(2, 5) {
            scene.objects.push((Root::Environment, cluster_type(random, index)));
        }
        for index in 0..random.between(1, 4) {
            scene.add_workload(random, index);
        }
        for index in 0..random.between(1, 5) {
            scene.objects.push((Root::Environment, policy(random, index)));
        }
        for index in 0..random.between(0, 6) {
            let root = if random.chance(30) { Root::Base } else { Root::Environment };
            scene.objects.push((root, config_map(random, index)));
        }
        if random.chance(30) {
            scene.objects.push((Root::Environment, azure_config_map(random)));
        }
        for index in 0..random.below(5) / 3 {
            scene.objects.push((Root::Environment, config_schema(random, index)));
        }
        scene
    }

    /// Adds a registration and its workload.
    pub(super) fn add_workload(&mut self, random: &mut Random, index: usize) {
        let address = format!("https://git.example/w{index}");
        let workspace = random.pick(words::WORKSPACES);
        let path = random.pick(&[".", "./", "workloads", "./workloads/"]);
        let registration = json!({
            "apiVersion": OURS, "kind": "WorkloadRegistration", "metadata": {"name": format!("w{index}")},
            "spec": {"workload": {"repo": address, "branch": "main", "path": path}, "workspace": workspace},
        });
        self.objects.push((Root::Base, registration));
        self.objects.push((Root::Repository(address), workload(random, index)));
    }

    /// Removes what `warning` says is not used; says whether it is of a kind that can be removed.
    pub(crate) fn remove_unused(&mut self, warning: &Diagnostic) -> bool {
        let name = warning.message.split('`').nth(1).unwrap_or_default();
        let is_one = |object: &Value, kind: &str| {
            object["kind"] == kind && object["metadata"]["name"] == name
        };
        let before = self.objects.len();
        match warning.code {
            "config-applies-nowhere" => self.objects.retain(|(_, it)| !is_one(it, "ConfigMap")),
            "schema-applies-nowhere" => self.objects.retain(|(_, it)| !is_one(it, "ConfigSchema")),
            "unused-config-key" => {
                let key = warning.message.split('`').nth(3).unwrap_or_default();
                let maps = self.objects.iter_mut().filter(|(_, it)| is_one(it, "ConfigMap"));
                for (_, map) in maps {
                    map["data"].as_object_mut().map(|it| it.remove(key));
                }
                return !name.starts_with("azure");
            }
            "unused-label" => {
                for (_, object) in &mut self.objects {
                    let of_cluster_types = warning.message.contains("cluster type");
                    if of_cluster_types && object["kind"] == "ClusterType" {
                        object["metadata"]["labels"].as_object_mut().map(|it| it.remove(name));
                    }
                    let targets = object["spec"]["deploymentTargets"].as_array_mut();
                    for target in targets.into_iter().flatten().filter(|_| !of_cluster_types) {
                        target["labels"].as_object_mut().map(|it| it.remove(name));
                    }
                }
                return true;
            }
            _ => return false,
        }
        self.objects.len() < before
    }

    /// Changes, adds or removes one object.
    pub(crate) fn edit(&mut self, random: &mut Random) {
        let index = random.below(self.objects.len());
        if random.chance(15) {
            self.objects.remove(index);
            return;
        }
        if random.chance(15) {
            let number = random.between(10, 12);
            self.objects.retain(|(_, it)| it["metadata"]["name"] != format!("c{number}"));
            self.objects.push((Root::Environment, config_map(random, number)));
            return;
        }
        let body = &self.objects[index].1;
        let name = body["metadata"]["name"].as_str().unwrap_or("").to_owned();
        let number = name.trim_start_matches(|it: char| !it.is_ascii_digit()).parse().unwrap_or(0);
        let edited = match body["kind"].as_str().unwrap_or("") {
            "Template" => template(random, &name),
            "ClusterType" => cluster_type(random, number),
            "Workload" => workload(random, number),
            "SchedulingPolicy" => policy(random, number),
            "ConfigMap" if name.starts_with("azure") => azure_config_map(random),
            "ConfigMap" => config_map(random, number),
            "ConfigSchema" => config_schema(random, number),
            _ => return,
        };
        self.objects[index].1 = edited;
    }

    /// The oracle knows ties of texts only.
    fn without_structures(&self, mut body: Value) -> Value {
        if self.precedence == Precedence::Specificity {
            let data = body.get_mut("data").and_then(Value::as_object_mut);
            for value in data.into_iter().flat_map(|it| it.values_mut()) {
                let text = value.as_str().unwrap_or("");
                if !value_of(text, self.profile).is_string() {
                    *value = json!("plain");
                }
            }
        }
        body
    }

    /// Lays the objects out in files. Which one lies where depends on its name and on `seed` alone, so that an edit
    /// of one object changes one file.
    pub(crate) fn lay_out(&self, seed: u64) -> World {
        self.lay_out_in(seed, 0)
    }

    /// Does so in a style of writing of its own: quotes, brackets, comments.
    pub(crate) fn lay_out_in(&self, seed: u64, style: u64) -> World {
        let mut placed: Vec<_> = self
            .objects
            .iter()
            .map(|(root, body)| {
                let body = self.without_structures(body.clone());
                (place(root, &body, seed, style), root)
            })
            .collect();
        placed.sort_by_key(|(it, _)| it.rank);
        let mut world = World::new("dev", self.profile);
        world.precedence = self.precedence;
        for (object, root) in placed {
            let files = match root {
                Root::Base => &mut world.base,
                Root::Environment => &mut world.environment,
                Root::Repository(address) => world.workloads.entry(address.clone()).or_default(),
            };
            let text = files.entry(object.path).or_default();
            if !text.is_empty() {
                text.push_str("---\n");
            }
            text.push_str(&object.text);
        }
        world
    }
}

/// An object as a document in a file.
struct Placed {
    rank: usize,
    path: String,
    text: String,
}

/// The layout with one file for all objects of a source.
pub(crate) const TOGETHER: u64 = 0;

fn place(root: &Root, body: &Value, seed: u64, style: u64) -> Placed {
    let identity = format!("{} {}", body["kind"], body["metadata"]["name"]);
    let is_together = seed == TOGETHER;
    let seed = identity
        .bytes()
        .fold(seed, |hash, byte| hash.rotate_left(5) ^ u64::from(byte).wrapping_mul(0x100_0193));
    let mut random = Random::new(seed);
    let folder = match root {
        Root::Base => random.pick(&["", "a/", "a/b/"]),
        Root::Environment => random.pick(&["", "c/", "c/d/"]),
        Root::Repository(_) => "workloads/",
    };
    let file = random.pick(&["x.yaml", "y.yml", "z.yaml"]);
    let path = match root {
        Root::Base | Root::Environment if is_together => "all.yaml".to_owned(),
        Root::Base | Root::Environment | Root::Repository(_) => format!("{folder}{file}"),
    };
    let rank = random.below(1000);
    let mut random = Random::new(random.number() ^ style);
    Placed { rank, path, text: write(&mut random, body) }
}

/// Writes an object as block or flow YAML, perhaps with a comment.
fn write(random: &mut Random, body: &Value) -> String {
    let comment = random.pick(&["", "# a comment\n"]);
    let block = serde_yaml::to_string(body).expect("because JSON is YAML");
    // serde_yaml leaves `on` and `yes` without quotes, which Kubernetes then takes for booleans.
    let is_safe = documents(&block).is_ok_and(|it| it == [body.clone()]);
    let text = if is_safe && random.chance(70) {
        block
    } else {
        serde_json::to_string_pretty(body).expect("because JSON is JSON") + "\n"
    };
    format!("{comment}{text}")
}

pub(super) fn labels(random: &mut Random) -> Value {
    let mut labels = serde_json::Map::new();
    for (key, values) in words::LABELS {
        if random.chance(45) {
            labels.insert((*key).to_owned(), json!(random.pick(values)));
        }
    }
    Value::Object(labels)
}

pub(super) fn cluster_type(random: &mut Random, index: usize) -> Value {
    let mut spec = json!({
        "reconciler": random.pick(&["rec-a", "rec-b"]),
        "namespaceService": "ns",
        "configType": random.pick(&["cfg", "cfg", "cfg", "env-file", "configmap", ""]),
    });
    if random.chance(2) {
        spec["reconciler"] = json!("missing");
    }
    if spec["configType"] == "" {
        spec["configType"].take();
    }
    let mut labels = labels(random);
    if random.chance(3) {
        // Kubernetes refuses the object: a label is a text.
        labels["edge"] = json!(true);
    }
    if random.chance(2) {
        labels["region"] = json!("not a label value");
    }
    json!({
        "apiVersion": OURS, "kind": "ClusterType",
        "metadata": {"name": format!("ct{index}"), "labels": labels}, "spec": spec,
    })
}

pub(super) fn template(random: &mut Random, name: &str) -> Value {
    let mut spec = json!({"type": "reconciler"});
    let count = random.between(1, 3);
    spec["manifests"] = match name {
        "env-file" => {
            spec["contentType"] = json!("sh");
            json!([words::ENV_FILE])
        }
        "cfg" => json!([random.pick(words::CONFIG_TEMPLATES)]),
        _ if random.chance(15) => json!([words::object_template()]),
        _ if random.chance(10) => {
            spec["raw"] = json!(true);
            json!(["kind: Raw\nchart: {{ \"{{ .Values.x }}\" | quote }}\n"])
        }
        _ => (0..count).map(|_| json!(text_template(random))).collect(),
    };
    json!({"apiVersion": OURS, "kind": "Template", "metadata": {"name": name}, "spec": spec})
}

fn text_template(random: &mut Random) -> &'static str {
    if random.chance(3) { random.pick(words::BAD_TEMPLATES) } else { random.pick(words::TEMPLATES) }
}

pub(super) fn workload(random: &mut Random, index: usize) -> Value {
    let mut targets = vec![];
    for number in 0..random.between(1, 3) {
        let mut target = json!({
            "name": format!("t{number}"),
            "labels": labels(random),
            "environment": random.pick(&["dev", "dev", "dev", "stage"]),
            "manifests": {
                "repo": format!("https://git.example/w{index}-gitops"),
                "branch": random.pick(&["dev", "1.20"]),
                "path": format!("./t{number}"),
            },
        });
        if random.chance(30) {
            target["manifests"]["type"] = json!("kustomize");
        }
        if random.chance(10) {
            target["configSchemas"] = json!([random.pick(words::SCHEMAS)]);
        }
        if random.chance(2) {
            target["name"] =
                json!("t-with-a-name-that-makes-every-namespace-longer-than-it-may-be");
        }
        targets.push(target);
    }
    let mut spec = json!({"deploymentTargets": targets});
    if random.chance(10) {
        spec["configSchemas"] = json!([random.pick(words::SCHEMAS)]);
    }
    json!({
        "apiVersion": OURS, "kind": "Workload",
        "metadata": {"name": format!("w{index}"), "labels": labels(random)}, "spec": spec,
    })
}

pub(super) fn policy(random: &mut Random, index: usize) -> Value {
    let mut targets = json!({"labelSelector": selector(random)});
    if random.chance(40) {
        targets["workspace"] = json!(random.pick(words::WORKSPACES));
    }
    json!({
        "apiVersion": OURS, "kind": "SchedulingPolicy", "metadata": {"name": format!("p{index}")},
        "spec": {
            "deploymentTargetSelector": targets,
            "clusterTypeSelector": {"labelSelector": selector(random)},
        },
    })
}

pub(super) fn selector(random: &mut Random) -> Value {
    let mut selector = json!({});
    if random.chance(40) {
        let (key, values) = words::LABELS[random.below(words::LABELS.len())];
        selector["matchLabels"] = json!({key: random.pick(values)});
    }
    if random.chance(40) {
        let (key, values) = words::LABELS[random.below(words::LABELS.len())];
        let operator = random.pick(&["In", "NotIn", "Exists", "DoesNotExist"]);
        let mut expression = json!({"key": key, "operator": operator});
        if operator.ends_with("In") {
            expression["values"] = json!([random.pick(values)]);
        }
        if random.chance(3) {
            expression["operator"] = json!("Near");
        }
        selector["matchExpressions"] = json!([expression]);
    }
    selector
}

pub(super) fn config_map(random: &mut Random, index: usize) -> Value {
    let mut labels = json!({"platform-config": "true"});
    if random.chance(8) {
        labels["platform-config"] = json!("false");
    }
    for _ in 0..random.below(3) {
        let (key, value) = layer_label(random);
        labels[key] = json!(value);
    }
    let mut data = json!({});
    for _ in 0..random.between(0, 4) {
        data[random.pick(words::KEYS)] = json!(random.pick(words::VALUES));
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": format!("c{index}"), "labels": labels}, "data": data,
    })
}

/// A label that selects by name or by a label of the cluster type or the target.
pub(super) fn layer_label(random: &mut Random) -> (&'static str, String) {
    match random.below(6) {
        0 => ("cluster-type", format!("ct{}", random.below(3))),
        1 => ("workload", format!("w{}", random.below(2))),
        2 => ("deployment-target", format!("w{}-t{}", random.below(2), random.below(2))),
        3 => ("workspace", random.pick(words::WORKSPACES).to_owned()),
        _ => {
            let (key, values) = words::LABELS[random.below(words::LABELS.len())];
            (key, random.pick(values).to_owned())
        }
    }
}

pub(super) fn azure_config_map(random: &mut Random) -> Value {
    let mut data = json!({});
    for _ in 0..random.between(1, 5) {
        let mut name = String::new();
        for _ in 0..random.below(3) {
            let (key, value) = layer_label(random);
            name = format!("{name}{key}.{value}.");
        }
        let stray = random.pick(&["", "", "", "stray."]);
        name = format!("{name}{stray}{}", random.pick(words::KEYS));
        data[name] = json!(random.pick(words::VALUES));
    }
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "azure-app-config"}, "data": data})
}

pub(super) fn config_schema(random: &mut Random, index: usize) -> Value {
    let mut labels = json!({});
    for _ in 0..random.between(1, 2) {
        let (key, value) = layer_label(random);
        labels[key] = json!(value);
    }
    json!({
        "apiVersion": OURS, "kind": "ConfigSchema",
        "metadata": {"name": format!("s{index}"), "labels": labels},
        "spec": {"schema": random.pick(words::SCHEMAS)},
    })
}
