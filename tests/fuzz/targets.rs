//! What is done with hostile bytes, and what must hold of it whatever they are.
//!
//! The fuzzer and the tests call the same functions. A target is a function and a line in [`TARGETS`], and for the fuzzer
//! a file in `bins/` with two lines in `Cargo.toml`.

use std::{collections::BTreeMap, sync::Arc};

use wob_engine::{
    At, Content, Database, Diagnostic, Digest, FileName, FilePath, Part, Place, SourceFile, Span,
    Step, Tree, Value,
    yaml::{self, Limits as YamlLimits, Node, NodeKind, Parsed, Style},
};
use wob_rules::{
    ConfigMap, ConfigSchema, Head, InlineSchema, Layers, Operator, Pattern, Precedence, Reading,
    Record, RecordError, Requirement, Schemas, Subject, WorkspaceFile, config_value, decode_file,
    merge, resource::Resource, select, validate,
};
use wob_template::{
    Functions, Jinja, JinjaData, Limits, Options, Template, TemplateError, helm,
    kalypso::{self, ToYamlStyle},
};

/// A function that takes any bytes and panics if something does not hold.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 11] = [
    ("yaml", yaml),
    ("decode", decode),
    ("go_template", go_template),
    ("jinja", jinja),
    ("selector", selector),
    ("label", label),
    ("query", query),
    ("config", config),
    ("schema", schema),
    ("settings", settings),
    ("record", record),
];

/// Small, so that what runs away is noticed soon.
const LIMITS: Limits = Limits { output: 1 << 16, steps: 20_000, depth: 20 };

/// The most of an input that is looked at: what takes longer than linear time shows long before.
const LONGEST: usize = 1 << 20;

fn text(data: &[u8]) -> Option<&str> {
    str::from_utf8(data.get(..LONGEST.min(data.len()))?).ok()
}

/// YAML is read or refused at places in the text, and what is written of it reads back.
pub fn yaml(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let parsed = yaml::parse(text, &YamlLimits::default());
    for problem in &parsed.problems {
        let span = problem.span.start as usize..problem.span.end as usize;
        assert!(text.get(span).is_some(), "{problem:?} is not in the text");
        assert!(problem.help.is_some(), "{problem:?} has no way out");
        assert!(problem.message.len() < 4000, "{} bytes", problem.message.len());
    }
    for (number, document) in (0..).zip(&parsed.documents) {
        let mut finder = Finder { text, parsed: &parsed, document: number, left: 1000 };
        finder.walk(&document.root, &mut vec![]);
        let value = document.root.to_value();
        for style in [Style::Canonical, Style::GoYamlV3, Style::Helm] {
            let written = yaml::emit(&value, style);
            let read = yaml::parse_value(&written);
            assert!(read.is_ok(), "{read:?} of {written:?}");
            // A whole float is written as Go does, and comes back as an integer, but goes no further.
            if style == Style::Canonical {
                assert_eq!(yaml::emit(&read.unwrap_or_default(), style), written);
            }
        }
    }
}

/// Asks where nodes stand.
struct Finder<'t> {
    text: &'t str,
    parsed: &'t Parsed,
    document: u32,
    left: usize,
}

impl Finder<'_> {
    fn walk(&mut self, node: &Node, path: &mut Vec<Step>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        let (document, steps) = (self.document, Arc::<[Step]>::from(path.as_slice()));
        let span = Span { start: 0, end: 2 };
        for at in [
            At::Node { document, path: steps.clone(), part: Part::Key },
            At::Node { document, path: steps.clone(), part: Part::Value },
            At::Text { document, path: steps, span },
        ] {
            let span = yaml::resolve(self.parsed, self.text, &at);
            let span = span.start as usize..span.end as usize;
            assert!(self.text.get(span).is_some(), "{at:?} is not in the text");
        }
        match &node.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::List(items) => {
                for (index, item) in (0..).zip(items) {
                    path.push(Step::Index(index));
                    self.walk(item, path);
                    path.pop();
                }
            }
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    path.push(Step::Key(entry.key.text.clone()));
                    self.walk(&entry.value, path);
                    path.pop();
                }
            }
        }
    }
}

/// A file of sources is decoded, and what is wrong with it is wrong at a place.
pub fn decode(data: &[u8]) {
    let Some(text) = text(data) else { return };
    with_file(text, |db, file| {
        let decoded = decode_file(db, file);
        check(&decoded.diagnostics, text, &yaml::parse(text, &YamlLimits::default()));
    });
}

fn with_file(text: &str, look: impl FnOnce(&Database, SourceFile)) {
    let db = Database::default();
    let content = Content::Text { text: text.into(), digest: Digest::of(text.as_bytes()) };
    let path = FilePath::new("file.yaml").expect("because it is a path");
    let file = SourceFile::new(&db, FileName::new("file.yaml"), path, content);
    look(&db, file);
}

fn check(diagnostics: &[Diagnostic], text: &str, parsed: &Parsed) {
    for it in diagnostics {
        assert!(!it.labels.is_empty() && it.help.is_some(), "{it:?}");
        assert!(it.message.len() < 5000, "{} bytes", it.message.len());
        for label in &it.labels {
            let span = yaml::resolve(parsed, text, &label.place.at);
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{it:?}");
        }
    }
}

/// A Go template is rendered within its limits, or fails at a place.
pub fn go_template(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let value = wob_template::Value::from(&template_data());
    for functions in [kalypso::functions(ToYamlStyle::GoYamlV3), helm::functions()] {
        go(text, &functions, &value);
    }
}

fn go(text: &str, functions: &Functions, data: &wob_template::Value) {
    let options = Options { limits: LIMITS, ..Options::default() };
    let compiled = Template::compile("t", text, functions);
    inside(text, compiled.and_then(|it| it.render(data, &options)).map(|it| it.text.len()));
}

/// A jinja template is rendered within its limits, or fails at a place.
pub fn jinja(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let mut jinja = Jinja::new(&LIMITS);
    let data = JinjaData::from(&template_data());
    let rendered = jinja.add("t", text).and_then(|()| jinja.render("t", &data));
    inside(text, rendered.map(|it| it.len()));
}

fn inside(text: &str, result: Result<usize, TemplateError>) {
    match result {
        Ok(length) => assert!(length <= LIMITS.output, "{length} bytes of output"),
        Err(error) => {
            let span = error.span.start as usize..error.span.end as usize;
            assert!(text.get(span).is_some(), "{error:?} is not in the text");
            assert!(error.message.len() < 100_000, "{} bytes", error.message.len());
        }
    }
}

fn template_data() -> Value {
    let text = r#"{
        "DeploymentTargetName": "app-test", "Namespace": "dev-team-app-test", "Environment": "dev",
        "Labels": {"purpose": "test", "a": "x"}, "Manifests": {"repo": "https://h/r", "path": "./p"},
        "ConfigData": {"PORT": 8080, "ON": true, "LIST": [1, "two", null], "MAP": {"b": {"c": 1.5}}},
        "name": "on", "labels": {"b": "1"}, "ports": [80, 443], "params": {"path": "a/b"}
    }"#;
    yaml::parse_value(text).expect("because it is JSON")
}

/// A selector is read, and a clause and its opposite never agree.
pub fn selector(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let indented = text.replace('\n', "\n      ");
    let text = format!(
        "apiVersion: {}\nkind: SchedulingPolicy\nmetadata: {{name: p}}\nspec:\n  clusterTypeSelector:\n    labelSelector:\n      {indented}\n",
        wob_rules::API_VERSION
    );
    let labels: BTreeMap<String, String> = [("region", "west"), ("size", ""), ("a.b/c", "d")]
        .map(|(a, b)| (a.into(), b.into()))
        .into();
    with_file(&text, |db, file| {
        let decoded = decode_file(db, file);
        check(&decoded.diagnostics, &text, &yaml::parse(&text, &YamlLimits::default()));
        for resource in &decoded.resources {
            let Resource::SchedulingPolicy(policy) = resource else { continue };
            let requirements = &policy.cluster_types.requirements;
            let all = requirements.iter().all(|it| it.matches(&labels));
            assert_eq!(policy.cluster_types.matches(&labels), all);
            for it in requirements {
                let opposite = Requirement { operator: opposite(&it.operator), ..it.clone() };
                assert_ne!(it.matches(&labels), opposite.matches(&labels), "{it:?}");
            }
        }
    });
}

fn opposite(operator: &Operator) -> Operator {
    match operator.clone() {
        Operator::In(values) => Operator::NotIn(values),
        Operator::NotIn(values) => Operator::In(values),
        Operator::Exists => Operator::DoesNotExist,
        Operator::DoesNotExist => Operator::Exists,
        Operator::Gt(_) | Operator::Lt(_) => unreachable!("only preferences have it"),
    }
}

/// A label that is read is printed as one that reads the same; any other has a reason and a way out.
pub fn label(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match Pattern::parse(text) {
        Ok(pattern) => assert_eq!(Pattern::parse(&pattern.to_string()).as_ref(), Ok(&pattern)),
        Err(error) => {
            let both = format!("{} {}", error.reason, error.help);
            assert!(both.len() < 4000 && !both.contains(char::is_control), "{both:?}");
            assert!(!error.reason.is_empty() && !error.help.is_empty());
        }
    }
}

/// A head and a part that are read are printed as ones that read the same; a record that is none has a reason that quotes nothing of it.
pub fn record(data: &[u8]) {
    let Some(text) = text(data) else { return };
    // Whatever parts there are, what lies there is the same text.
    if let Err(RecordError::Damaged { reason }) =
        Record::read(text, &mut |_| Some(data.to_vec())).map(drop)
    {
        assert!(!reason.is_empty() && reason.len() < 200, "{reason}");
    }
    if let Some(head) = Head::parse(text) {
        let printed = head.to_json();
        assert_eq!(Head::parse(&printed).map(|it| it.to_json()), Some(printed));
    }
    if let Ok(part) = wob_rules::Part::parse(data) {
        let ids = Tree::default().folder("");
        let (printed, _) =
            wob_rules::Part::write(&part.cluster_type, &part.files, &part.assignments, ids);
        let again = wob_rules::Part::parse(printed.as_bytes()).expect("what is printed is read");
        assert_eq!(again.cluster_type, part.cluster_type);
        assert_eq!((&again.files, &again.assignments), (&part.files, &part.assignments));
    }
}

/// A query that is read is printed as one that reads the same; any other has a place and a reason.
pub fn query(data: &[u8]) {
    let Some(text) = text(data) else { return };
    match wob_rules::query::parse(text) {
        Ok(it) => assert_eq!(wob_rules::query::parse(&it.to_string()).as_ref(), Ok(&it)),
        Err(error) => {
            let span = error.span.start as usize..error.span.end as usize;
            assert!(text.get(span).is_some(), "{error:?} is not in the text");
            assert!(!error.message.is_empty(), "{error:?}");
            assert!(error.message.len() < 8000, "{} bytes", error.message.len());
        }
    }
}

/// Config values are read and merged: every key has a value, and the order of reading does not matter.
///
/// Layers are separated by a line `--`; a layer has one key a line, `KEY=value`, in which `\n` is a line break.
pub fn config(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let map = |(number, layer): (usize, &str)| {
        let entry = |line: &str| {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            (key.to_owned(), value.replace("\\n", "\n").into())
        };
        let name = format!("layer-{number}");
        ConfigMap {
            place: Place::document(&FileName::new(&name), 0),
            name,
            labels: [("platform-config".to_owned(), "true".to_owned())].into(),
            data: layer.lines().map(entry).collect(),
        }
    };
    let maps: Vec<ConfigMap> = text.split("\n--\n").take(50).enumerate().map(map).collect();
    for reading in [Reading::Standard, Reading::Kalypso] {
        for value in maps.iter().flat_map(|it| it.data.values()) {
            // What is no structure stays as it is, but for quotes.
            if let Value::String(read) = config_value(value, reading) {
                let bare = value.trim().trim_matches('\'');
                assert!(read == *value || *read == *bare, "{value:?} became {read:?}");
            }
        }
        for precedence in [Precedence::Name, Precedence::Specificity] {
            let composition = composed(&maps, reading, precedence);
            let keys: std::collections::BTreeSet<&str> =
                maps.iter().flat_map(|it| it.data.keys()).map(String::as_str).collect();
            assert_eq!(composition.values.len(), keys.len());
            for (key, it) in &composition.values {
                assert!(keys.contains(&**key) && !it.contributors.is_empty(), "{key}: {it:?}");
            }
        }
    }
}

fn composed(
    maps: &[ConfigMap],
    reading: Reading,
    precedence: Precedence,
) -> wob_rules::Composition {
    let none = BTreeMap::new();
    let layers = Layers::new(maps, reading);
    let ids = select(&layers, &subject(&none));
    merge(&layers, &ids, precedence)
}

fn subject(labels: &BTreeMap<String, String>) -> Subject<'_> {
    Subject {
        cluster_type: "large",
        cluster_labels: labels,
        target: "app-test",
        target_labels: labels,
        workload: "app",
    }
}

/// A schema is compiled or refused, and what it says of a config is bounded, in length and time.
///
/// The schema ends at a line `--`; behind it come layers as for [`config`].
pub fn schema(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (schema, values) = text.split_once("\n--\n").unwrap_or((text, "PORT=12\nLIST=[1, a]"));
    let data = values.lines().take(100).filter_map(|it| it.split_once('='));
    let place = Place::document(&FileName::new("config.yaml"), 0);
    let map = ConfigMap {
        name: "config".to_owned(),
        place: place.clone(),
        labels: [("platform-config".to_owned(), "true".to_owned())].into(),
        data: data.map(|(key, value)| (key.to_owned(), value.into())).collect(),
    };
    let composition = composed(&[map], Reading::Standard, Precedence::Name);
    let inline = [InlineSchema { schema: schema.into(), place }];
    let none = BTreeMap::new();
    let (schemas, problems) = Schemas::new(&[] as &[ConfigSchema], &inline);
    for it in problems.iter().chain(&validate(&schemas, &inline, &subject(&none), &composition)) {
        assert!(!it.labels.is_empty() && it.help.is_some(), "{it:?}");
        assert!(it.message.len() < 5000, "{} bytes", it.message.len());
    }
}

/// Settings are read, and what is wrong with them is wrong at a place.
pub fn settings(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let (settings, diagnostics) = WorkspaceFile::read(&FileName::new("wob.yaml"), text);
    check(&diagnostics, text, &yaml::parse(text, &YamlLimits::default()));
    let folders = settings.environments.values().filter_map(|it| it.path.as_ref());
    for folder in folders.chain(&settings.base) {
        assert!(!folder.starts_with('/') && !folder.split('/').any(|it| it == ".."), "{folder}");
    }
}
