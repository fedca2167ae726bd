//! Go's own answers to several hundred templates, and ours.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]
#![expect(clippy::unwrap_used, reason = "functions of a test may be blunt, too")]

use std::{
    any::Any,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use wob_engine::LineIndex;
use wob_template::{
    ErrorKind, Functions, Object, Options, Template, TemplateError, Value, helm,
    kalypso::{self, ToYamlStyle},
};

#[test]
fn picked_templates_give_what_go_gives() {
    let Some(corpus) = corpus("go-templates.json") else { return };
    let data = plain(&corpus["data"], Numbers::Float);
    if let Value::Map(root) = &data {
        let mut root = root.entries.borrow_mut();
        root.insert("Capabilities".into(), Value::Object(Rc::new(Capabilities)));
        root.insert("Files".into(), Value::Object(Rc::new(Files)));
    }
    let functions = helm::functions();
    let mut score = Score::default();
    for case in corpus["cases"].as_array().unwrap() {
        score.add(&case["name"], case, &functions, &data);
    }
    score.report();
}

#[test]
fn generated_templates_give_what_go_gives() {
    let Some(corpus) = corpus("templates.json") else { return };
    let functions = kalypso::functions(ToYamlStyle::GoYamlV3);
    let mut score = Score::default();
    let cases = corpus.as_array().unwrap().iter();
    for case in cases.filter(|it| it["kind"] == "gotemplate") {
        score.add(&case["id"], case, &functions, &plain(&case["data"], Numbers::Int));
    }
    score.report();
}

#[derive(Default)]
struct Score {
    passed: usize,
    skipped: Vec<String>,
    failed: Vec<String>,
}

impl Score {
    fn add(
        &mut self,
        name: &serde_json::Value,
        case: &serde_json::Value,
        functions: &Functions,
        data: &Value,
    ) {
        let name = name.as_str().unwrap();
        let text = case["template"].as_str().unwrap();
        let ours = Template::compile("template", text, functions)
            .and_then(|it| it.render(data, &Options::default()));
        if let Some(version) = case["go_version"].as_str() {
            return self.skipped.push(format!("{name}: we follow the newer Go: {version}"));
        }
        let error = case["error"].as_str();
        let problem = match (&ours, error) {
            (Err(TemplateError { kind: ErrorKind::RefusedFunction, message, .. }), None) => {
                return self.skipped.push(format!("{name}: {message}"));
            }
            (Ok(rendered), None) => {
                let expected = case["expected"].as_str().unwrap();
                (rendered.text != expected)
                    .then(|| format!("gave {:?}, Go gives {expected:?}", rendered.text))
            }
            (Err(error), None) => Some(format!("failed: {error}")),
            (Ok(rendered), Some(error)) => {
                Some(format!("gave {:?}, Go fails: {error}", rendered.text))
            }
            (Err(ours), Some(error)) => misplaced(text, ours, error),
        };
        match problem {
            None => self.passed += 1,
            Some(problem) => self.failed.push(format!("{name}: {text:?} {problem}")),
        }
    }

    fn report(&self) {
        let Self { passed, skipped, failed } = self;
        let mut report = String::new();
        for (title, list) in [("skipped", skipped), ("failed", failed)] {
            for line in list {
                writeln!(report, "{title}: {line}").unwrap();
            }
        }
        println!("{report}{passed} passed, {} failed, {} skipped", failed.len(), skipped.len());
        assert!(failed.is_empty(), "{} cases differ from Go", failed.len());
    }
}

/// Says how our error stands on another line than Go's.
fn misplaced(text: &str, ours: &TemplateError, go: &str) -> Option<String> {
    let place = LineIndex::new(text).line_column(text, ours.span.start);
    let line: u32 = go.split(':').nth(2)?.trim().parse().ok()?;
    let here = ours.span.end as usize <= text.len();
    (line != place.line || !here)
        .then(|| format!("fails on line {}, in Go on line {line}: {ours} / {go}", place.line))
}

/// What Helm says about the cluster; it stands for its own parts, too.
#[derive(Debug)]
struct Capabilities;

impl Object for Capabilities {
    fn type_name(&self) -> &'static str {
        "*chartutil.Capabilities"
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "KubeVersion" | "APIVersions" => Some(Value::Object(Rc::new(Self))),
            "Version" => Some("v1.29.0".into()),
            _ => None,
        }
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        let known = ["v1", "apps/v1"];
        let has = |it: &Value| matches!(it, Value::String(it) if known.contains(&&**it));
        (method == "Has").then(|| Ok(Value::Bool(arguments.iter().any(has))))
    }

    fn display(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The files of a chart.
#[derive(Debug)]
struct Files;

impl Object for Files {
    fn type_name(&self) -> &'static str {
        "engine.files"
    }

    fn field(&self, _name: &str) -> Option<Value> {
        None
    }

    fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        match (method, arguments) {
            ("Get", [Value::String(name)]) if &**name == "a.txt" => Some(Ok("hello\nworld".into())),
            ("Get", [_]) => Some(Ok("".into())),
            ("AsConfig", []) => Some(Ok("a.txt: |-\n  hello\n  world\nb.txt: bee".into())),
            _ => None,
        }
    }

    fn display(&self) -> String {
        String::new()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// What a JSON number without a point is.
#[derive(Clone, Copy)]
enum Numbers {
    Int,
    Float,
}

fn plain(json: &serde_json::Value, numbers: Numbers) -> Value {
    let value = Value::from(&wob_engine::Value::from(json.clone()));
    match numbers {
        Numbers::Int => value,
        Numbers::Float => floats(&value),
    }
}

#[expect(clippy::cast_precision_loss, reason = "so does Go's decoder")]
fn floats(value: &Value) -> Value {
    match value {
        Value::Int(it) => Value::Float(*it as f64),
        Value::List(items) => items.iter().map(floats).collect(),
        Value::Map(map) => {
            map.entries.borrow().iter().map(|(key, it)| (key.clone(), floats(it))).collect()
        }
        Value::Nil
        | Value::Bool(_)
        | Value::Int64(_)
        | Value::Float(_)
        | Value::String(_)
        | Value::Object(_) => value.clone(),
    }
}

fn corpus(file: &str) -> Option<serde_json::Value> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let path = root.join("../shared/conformance").join(file);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
