//! Templates that were right before someone deleted, doubled or swapped parts of them: no mistake panics, overflows
//! the stack or runs away.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]
#![expect(clippy::unwrap_used, reason = "functions of a test may be blunt, too")]

use std::{fs, path::Path};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestCaseError, TestRunner},
};
use wob_template::{
    Functions, Jinja, JinjaData, Limits, Options, Template, TemplateError, Traced, Value, helm,
    kalypso::{self, ToYamlStyle},
};

const LIMITS: Limits = Limits { output: 1 << 16, steps: 20_000, depth: 20 };

/// What a careless hand does to a text.
#[derive(Clone, Debug)]
enum Slip {
    Delete(Index, Index),
    Double(Index, Index),
    Swap(Index, Index),
    Put(Index, &'static str),
}

fn slips() -> impl Strategy<Value = Vec<Slip>> {
    let at = any::<Index>;
    let words =
        ["{{", "}}", "(", ")", "\"", "`", "|", "{{ end }}", "%", ".", "\u{e9}", "$x", "{%", "-"];
    let slip = prop_oneof![
        (at(), at()).prop_map(|(a, b)| Slip::Delete(a, b)),
        (at(), at()).prop_map(|(a, b)| Slip::Double(a, b)),
        (at(), at()).prop_map(|(a, b)| Slip::Swap(a, b)),
        (at(), prop::sample::select(words.to_vec())).prop_map(|(a, word)| Slip::Put(a, word)),
    ];
    prop::collection::vec(slip, 1..5)
}

fn apply(text: &str, slips: &[Slip]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for slip in slips {
        if chars.is_empty() {
            break;
        }
        let range = |a: &Index, b: &Index| {
            let start = a.index(chars.len());
            start..(start + 1 + b.index(12)).min(chars.len())
        };
        match slip {
            Slip::Delete(a, b) => drop(chars.drain(range(a, b))),
            Slip::Double(a, b) => {
                let range = range(a, b);
                chars.splice(range.start..range.start, chars[range].to_vec());
            }
            Slip::Swap(a, b) => {
                let (a, b) = (a.index(chars.len()), b.index(chars.len()));
                chars.swap(a, b);
            }
            Slip::Put(a, word) => {
                let at = a.index(chars.len());
                chars.splice(at..at, word.chars());
            }
        }
    }
    chars.into_iter().collect()
}

/// Checks that an error points into its text.
fn inside(text: &str, result: Result<usize, TemplateError>) -> Result<(), TestCaseError> {
    match result {
        Ok(length) => prop_assert!(length <= LIMITS.output),
        Err(error) => {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            prop_assert!(text.get(start..end).is_some(), "{error:?} is not in {text:?}");
        }
    }
    Ok(())
}

fn go(text: &str, functions: &Functions, data: &Value) -> Result<(), TestCaseError> {
    let options = Options { limits: LIMITS, ..Options::default() };
    let Ok(template) = Template::compile("t", text, functions) else {
        return inside(text, Template::compile("t", text, functions).map(|_| 0));
    };
    let result = template.render(data, &options);
    same(template.trace(data, &options), result.clone().map(|it| it.text))?;
    inside(text, result.map(|it| it.text.len()))
}

/// Checks that a traced render is the plain one, made of pieces without gaps.
fn same(
    traced: Result<Traced, TemplateError>,
    plain: Result<String, TemplateError>,
) -> Result<(), TestCaseError> {
    if let Ok(traced) = &traced {
        let mut end = 0;
        for piece in &traced.pieces {
            prop_assert_eq!(piece.output.start, end);
            end = piece.output.end;
        }
        prop_assert_eq!(end as usize, traced.text.len());
    }
    prop_assert_eq!(traced.map(|it| it.text), plain);
    Ok(())
}

fn mutate(
    cases: &[(String, wob_engine::Value)],
    count: u32,
    check: impl Fn(&str, &wob_engine::Value) -> Result<(), TestCaseError>,
) {
    let mut runner =
        TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(count) });
    let outcome = runner.run(&(any::<Index>(), slips()), |(pick, slips)| {
        let (text, data) = pick.get(cases);
        check(&apply(text, &slips), data)
    });
    outcome.unwrap();
}

#[test]
fn mutated_go_templates_end() {
    let mut cases = vec![];
    if let Some(corpus) = corpus("go-templates.json") {
        let data = wob_engine::Value::from(corpus["data"].clone());
        let texts = corpus["cases"].as_array().unwrap().iter();
        cases.extend(texts.map(|it| (it["template"].as_str().unwrap().to_owned(), data.clone())));
    }
    if let Some(corpus) = corpus("templates.json") {
        let texts = corpus.as_array().unwrap().iter().filter(|it| it["template"].is_string());
        cases
            .extend(texts.map(|it| {
                (it["template"].as_str().unwrap().to_owned(), it["data"].clone().into())
            }));
    }
    if cases.is_empty() {
        return;
    }
    let (kalypso, helm) = (kalypso::functions(ToYamlStyle::GoYamlV3), helm::functions());
    mutate(&cases, 3000, |text, data| {
        let data = Value::from(data);
        go(text, &kalypso, &data)?;
        go(text, &helm, &data)
    });
}

#[test]
fn mutated_jinja_templates_end() {
    let data = serde_json::json!({
        "name": "on", "labels": {"b": "1", "a": "x"}, "ports": [80, 443], "params": {"path": "a/b"},
    });
    let texts = [
        "name: {{ name | tojson }}\n{%- if params.path %}\npath: {{ params.path | quote_yaml }}\n{%- endif %}\n",
        "{% for port in ports if port > 80 %}- {{ loop.index }}: {{ port * 2 }}\n{% else %}none{% endfor %}",
        "{% set all = labels | items | list %}{{ all | join(', ') }}{{ (all ~ name) | indent(2) | upper }}",
        "{% with x = ports[0], y = {'a': [1, 2]} %}{{ x + y.a[1] }}{{ y | toyaml }}{% endwith %}",
        "{% raw %}{{ x }}{% endraw %}{# no #}{{ labels.nope | default('d') }}{{ 'a' if name is string else 'b' }}",
        "{{ range(3) | map(attribute='x') | list }}{{ name[1:] ~ 'é' | replace('é', 'e') }}{{ 1 in ports }}",
    ];
    let data = wob_engine::Value::from(data);
    let cases: Vec<_> = texts.map(|it| (it.to_owned(), data.clone())).into();
    mutate(&cases, 2000, |text, data| {
        let mut jinja = Jinja::new(&LIMITS);
        if let Err(error) = jinja.add("t", text) {
            return inside(text, Err(error));
        }
        let result = jinja.render("t", &JinjaData::from(data));
        same(jinja.trace("t", data), result.clone())?;
        inside(text, result.map(|it| it.len()))
    });
}

fn corpus(name: &str) -> Option<serde_json::Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
    let path = root.join("shared/conformance").join(name);
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}
