//! Composition against the answers of the original functions, where the corpus is at hand.
#![expect(clippy::print_stderr, reason = "a test says what it counted and skipped")]

use std::{collections::BTreeMap, path::Path};

use serde_json::Value as Json;
use wob_engine::{Diagnostic, FileName, Place, yaml};
use wob_rules::{
    Composition, ConfigMap, ConfigSchema, InlineSchema, Layers, Precedence, Reading, Schemas,
    SpecialLabels, Subject, config_value, label_match, labels_from_key, merge, select, validate,
};

/// What a case is, for us.
enum Verdict {
    /// Ours is the same.
    Same,
    /// It depends on this rule, which we replace; what we do instead was checked.
    Replaced(&'static str),
    /// Ours differs.
    Wrong(String),
}

/// Runs `check` on each case of a corpus file, and fails if any is wrong.
fn suite(file: &str, check: impl Fn(&Json, &Json) -> Verdict) {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance/unit").join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("{file}: skipped, the corpus is not here");
        return;
    };
    let corpus: Json = serde_json::from_str(&text).expect("because the corpus is JSON");
    let cases = corpus["cases"].as_array().expect("because a corpus file lists cases");
    let mut replaced: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = vec![];
    for case in cases {
        match check(case, &corpus) {
            Verdict::Same => {}
            Verdict::Replaced(rule) => *replaced.entry(rule).or_default() += 1,
            Verdict::Wrong(why) => wrong.push(format!("{case}\n  {why}")),
        }
    }
    let skipped: usize = replaced.values().sum();
    let same = cases.len() - wrong.len() - skipped;
    eprintln!("{file}: {same} same, {} wrong, replaced by rule: {replaced:?}", wrong.len());
    assert!(!cases.is_empty(), "{file} has no cases");
    assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
}

fn same(ours: &Json, theirs: &Json) -> Verdict {
    if ours == theirs { Verdict::Same } else { Verdict::Wrong(format!("ours: {ours}")) }
}

fn text(json: &Json) -> &str {
    json.as_str().expect("because the corpus has a text here")
}

fn texts(json: &Json) -> BTreeMap<String, String> {
    let pairs = json.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), text(value).to_owned())).collect()
}

fn config_map(name: &str, data: BTreeMap<String, String>) -> ConfigMap {
    ConfigMap {
        name: name.to_owned(),
        place: Place::document(&FileName::new(name), 0),
        labels: BTreeMap::from([("platform-config".to_owned(), "true".to_owned())]),
        data: data.into_iter().map(|(key, value)| (key, value.into())).collect(),
    }
}

/// Composes for a subject without labels.
fn composed(maps: &[ConfigMap], none: &BTreeMap<String, String>) -> Composition {
    let layers = Layers::new(maps, Reading::Kalypso);
    merge(&layers, &select(&layers, &nobody(none)), Precedence::Name)
}

fn nobody(none: &BTreeMap<String, String>) -> Subject<'_> {
    Subject {
        cluster_type: "large",
        cluster_labels: none,
        target: "app-test",
        target_labels: none,
        workload: "app",
    }
}

#[test]
fn values_are_read_as_the_scheduler_reads_them() {
    suite("config_value.json", |case, _| {
        let value = config_value(&text(&case["text"]).into(), Reading::Kalypso);
        same(&Json::from(&value), &case["expected"]["value"])
    });
}

#[test]
fn keys_carry_labels_as_the_scheduler_takes_them() {
    suite("labels_from_key.json", |case, _| {
        let (labels, key) = labels_from_key(text(&case["key"]));
        same(&serde_json::json!({"key": key, "labels": labels}), &case["expected"])
    });
}

#[test]
fn labels_match_as_the_scheduler_matches_them() {
    suite("label_match.json", |case, corpus| {
        let cluster_labels = texts(&corpus["clusterType"]["metadata"]["labels"]);
        let target_labels = texts(&corpus["deploymentTarget"]["metadata"]["labels"]);
        let subject = Subject {
            cluster_type: text(&corpus["clusterType"]["metadata"]["name"]),
            cluster_labels: &cluster_labels,
            target: text(&corpus["deploymentTarget"]["metadata"]["name"]),
            target_labels: &target_labels,
            workload: &target_labels["workload"],
        };
        let labels = texts(&case["labels"]);
        let ours = label_match(&labels, &subject, SpecialLabels::KALYPSO);
        if labels.values().any(String::is_empty) && !ours {
            return Verdict::Replaced("4.6");
        }
        same(&Json::from(ours), &case["expected"])
    });
}

#[test]
fn values_merge_as_the_scheduler_merges_them() {
    suite("merge_objects.json", |case, _| {
        let inputs = case["inputs"].as_array().into_iter().flatten().enumerate();
        let maps = inputs.map(|(index, value)| {
            let data = BTreeMap::from([("K".to_owned(), text(value).to_owned())]);
            config_map(&format!("map-{index}"), data)
        });
        let none = BTreeMap::new();
        let composition = composed(&maps.collect::<Vec<_>>(), &none);
        let ours = Json::from(&composition.values["K"].value);
        if text(&case["name"]).starts_with("maps without name") {
            let appended = serde_json::json!([{"v": 1}, {"w": 2}, {"z": 3}]);
            return match same(&ours, &appended) {
                Verdict::Same => Verdict::Replaced("4.13"),
                verdict @ (Verdict::Replaced(_) | Verdict::Wrong(_)) => verdict,
            };
        }
        same(&ours, &case["expected"])
    });
}

/// Cases that the original refuses only because it turns texts into numbers, or never into booleans.
const COERCED: [&str; 8] = [
    "upstream schema, numeric text in a string property fails",
    "int text as string",
    "booleans are not coerced",
    "NaN text breaks validation",
    "inf text breaks validation",
    "pattern on digits can never match",
    "enum of numeric text",
    "const numeric text",
];

#[test]
fn schemas_refuse_what_the_scheduler_refuses() {
    suite("config_validator.json", |case, _| {
        let found = validated(case);
        let messages: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
        if COERCED.contains(&text(&case["name"])) {
            return if messages.is_empty() {
                Verdict::Replaced("5.4")
            } else {
                Verdict::Wrong(format!("ours: {messages:?}"))
            };
        }
        let theirs: Vec<&str> =
            case["expected"]["errors"].as_array().into_iter().flatten().map(text).collect();
        let tells = |error: &&str| {
            let words = error.strip_prefix("- ").unwrap_or("").replace("(root): ", "");
            let words = words.replace("Additional property ", "");
            let field = words.split([' ', ':']).next().unwrap_or("");
            messages.iter().any(|message| message.contains(field))
        };
        if messages.len() == theirs.len() && theirs.iter().all(tells) {
            Verdict::Same
        } else {
            Verdict::Wrong(format!("ours: {messages:?}"))
        }
    });
}

fn validated(case: &Json) -> Vec<Diagnostic> {
    let values = case["values"].as_object().into_iter().flatten();
    let data = values.map(|(key, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (key.clone(), text)
    });
    let place = Place::document(&FileName::new("schema"), 0);
    let schema = ConfigSchema {
        name: "schema".to_owned(),
        labels: BTreeMap::new(),
        schema: text(&case["schema"]).into(),
        schema_place: place.key("spec").key("schema"),
        place,
    };
    let none = BTreeMap::new();
    let composition = composed(&[config_map("map", data.collect())], &none);
    let (schemas, _) = Schemas::new(&[schema], &[]);
    validate(&schemas, &[], &nobody(&none), &composition)
}

/// The objects of an environment that config depends on.
#[derive(Default)]
struct World {
    maps: Vec<ConfigMap>,
    schemas: Vec<ConfigSchema>,
    /// Labels by cluster type.
    clusters: BTreeMap<String, BTreeMap<String, String>>,
    /// By workload: its targets' schemas by short name, and its own under the empty name.
    inline: BTreeMap<String, BTreeMap<String, Vec<InlineSchema>>>,
}

impl World {
    fn of(case: &Json) -> Self {
        let mut world = Self::default();
        let inputs = &case["inputs"];
        let repositories = inputs["workloads"].as_object().into_iter().flatten().map(|it| it.1);
        let sources = [&inputs["control-plane-main"], &inputs["control-plane-env"]];
        for source in sources.into_iter().chain(repositories) {
            for (path, content) in source.as_object().into_iter().flatten() {
                let parsed = yaml::parse(text(content), &yaml::Limits::default());
                for (index, document) in (0..).zip(parsed.documents) {
                    let place = Place::document(&FileName::new(path), index);
                    world.add(&Json::from(&document.root.to_value()), &place);
                }
            }
        }
        world
    }

    fn add(&mut self, object: &Json, place: &Place) {
        let metadata = &object["metadata"];
        let name = metadata["name"].as_str().unwrap_or_default().to_owned();
        let labels = texts(&metadata["labels"]);
        let place = place.clone();
        match object["kind"].as_str() {
            Some("ConfigMap") => {
                let data = texts(&object["data"]).into_iter();
                let data = data.map(|(key, value)| (key, value.into())).collect();
                self.maps.push(ConfigMap { name, place, labels, data });
            }
            Some("ConfigSchema") => {
                let schema = text(&object["spec"]["schema"]).into();
                let schema_place = place.key("spec").key("schema");
                self.schemas.push(ConfigSchema { name, place, labels, schema, schema_place });
            }
            Some("ClusterType") => {
                self.clusters.insert(name, labels);
            }
            Some("Workload") => {
                let spec = &object["spec"];
                let schemas = self.inline.entry(name).or_default();
                schemas.insert(String::new(), inline(&spec["configSchemas"], &place));
                for target in spec["deploymentTargets"].as_array().into_iter().flatten() {
                    let own = inline(&target["configSchemas"], &place);
                    schemas.insert(text(&target["name"]).to_owned(), own);
                }
            }
            Some(_) | None => {}
        }
    }

    /// The schemas of a target and then of its workload.
    fn inline_of(&self, workload: &str, target: &str) -> Vec<InlineSchema> {
        let short = target.strip_prefix(workload).and_then(|it| it.strip_prefix('-'));
        let of = |name: &str| self.inline.get(workload).and_then(|it| it.get(name));
        let both = short.and_then(of).into_iter().chain(of(""));
        both.flatten().cloned().collect()
    }
}

fn inline(list: &Json, place: &Place) -> Vec<InlineSchema> {
    let texts = list.as_array().into_iter().flatten();
    texts.map(|it| InlineSchema { schema: text(it).into(), place: place.clone() }).collect()
}

/// Rules whose replacement changes a composed config.
const REPLACED_IN_WORLDS: [&str; 2] = ["4.6", "4.13"];

/// Compares the config of each assignment of a world, and whether schemas refuse it.
fn differences(case: &Json) -> (usize, Vec<String>) {
    let world = World::of(case);
    let layers = Layers::new(&world.maps, Reading::Kalypso);
    let all: Vec<InlineSchema> =
        world.inline.values().flat_map(BTreeMap::values).flatten().cloned().collect();
    let (schemas, _) = Schemas::new(&world.schemas, &all);
    let mut found = vec![];
    let assignments = case["assignments"].as_array().into_iter().flatten();
    let compared = assignments.filter(|it| it["config"].is_object()).map(|assignment| {
        let (cluster_type, target) =
            (text(&assignment["clusterType"]), text(&assignment["deploymentTarget"]));
        let target_labels = texts(&case["deployment_targets"][target]);
        let workload = target_labels.get("workload").map_or("", String::as_str);
        let cluster_labels = &world.clusters[cluster_type];
        let subject = Subject {
            cluster_type,
            cluster_labels,
            target,
            target_labels: &target_labels,
            workload,
        };
        let composition = merge(&layers, &select(&layers, &subject), Precedence::Name);
        let values = composition.values.iter();
        let ours: serde_json::Map<String, Json> =
            values.map(|(key, it)| (key.to_string(), Json::from(&it.value))).collect();
        if Json::from(ours.clone()) != assignment["config"] {
            found.push(format!("{target} on {cluster_type}: ours {}", Json::from(ours)));
        }
        let error = assignment["error"].as_str().unwrap_or_default();
        let theirs = error.starts_with("Config data validation failed");
        let inline = world.inline_of(workload, target);
        let refused = validate(&schemas, &inline, &subject, &composition);
        if theirs == refused.is_empty() && !is_coerced(case, error) {
            found.push(format!("{target} on {cluster_type}: theirs {error:?}, ours {refused:?}"));
        }
    });
    (compared.count(), found)
}

/// Says whether an error is one of those that coercion alone makes.
fn is_coerced(case: &Json, error: &str) -> bool {
    error.contains("Expected: string, given: ") || quirks(case).any(|rule| rule == "5.4")
}

fn quirks(case: &Json) -> impl Iterator<Item = &str> {
    case["quirk"].as_array().into_iter().flatten().filter_map(Json::as_str)
}

#[test]
fn worlds_compose_as_the_scheduler_composes_them() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/conformance");
    let (mut pairs, mut wrong) = (0, vec![]);
    let mut replaced: BTreeMap<&str, usize> = BTreeMap::new();
    for folder in ["unit/worlds", "worlds"] {
        let Ok(entries) = std::fs::read_dir(corpus.join(folder)) else {
            eprintln!("{folder}: skipped, the corpus is not here");
            continue;
        };
        for entry in entries {
            let path = entry.expect("because the folder can be read").path();
            let content = std::fs::read_to_string(&path).expect("because the file can be read");
            let case: Json = serde_json::from_str(&content).expect("because worlds are JSON");
            if let Some(rule) =
                REPLACED_IN_WORLDS.iter().find(|it| quirks(&case).any(|q| q == **it))
            {
                *replaced.entry(rule).or_default() += 1;
                continue;
            }
            let (compared, found) = differences(&case);
            pairs += compared;
            wrong.extend(found.into_iter().map(|it| format!("{}: {it}", path.display())));
        }
    }
    eprintln!(
        "worlds: {pairs} pairs compared, {} wrong, replaced by rule: {replaced:?}",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
