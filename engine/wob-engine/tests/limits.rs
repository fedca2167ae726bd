//! YAML of unknown people: what the limits let through fits the stack of a thread, and no slip of a hand panics.
#![expect(clippy::print_stdout, reason = "a test says what it skips")]
#![expect(clippy::unwrap_used, reason = "functions of a test may be blunt, too")]

use std::{fs, path::Path, sync::Arc, thread};

use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, TestRunner},
};
use wob_engine::{
    At, Part, Span, Step, Value,
    yaml::{
        Limits, Node, NodeKind, Parsed, Problem, ProblemKind, Style, emit, parse, parse_value,
        resolve,
    },
};

const STYLES: [Style; 3] = [Style::Canonical, Style::GoYamlV3, Style::Helm];

#[test]
fn the_deepest_values_fit_the_stack() {
    let depth = Limits::DEEPEST;
    let limits = Limits { depth: usize::MAX, ..Limits::default() };
    let flow = format!("{}1{}", "[".repeat(depth - 8), "]".repeat(depth - 8));
    let block = format!("{}x", "- ".repeat(depth - 8));
    let mut mappings = String::new();
    for level in 0..depth - 8 {
        mappings.extend(["\n", &" ".repeat(level), "k:"]);
    }
    for text in [flow, block, mappings] {
        let work = move || {
            let parsed = parse(&text, &limits);
            assert!(!parsed.problems.iter().any(Problem::is_error), "{:?}", parsed.problems);
            let value = parsed.documents[0].root.to_value();
            assert_eq!(value.clone(), value);
            for style in STYLES {
                let written = emit(&value, style);
                assert_eq!(parse(&written, &limits).documents[0].root.to_value(), value);
            }
            let json = serde_json::Value::from(&value);
            assert_eq!(Value::from(json), value);
            let same = parsed.clone();
            drop(parsed);
            assert_eq!(same.documents.len(), 1);
        };
        thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
    }
}

#[test]
fn values_that_are_too_deep_are_limit_problems() {
    for depth in [65, 200, 255, 256, 257, 300, 20_000] {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
            let text = format!("{}x{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(parse_value(&text).unwrap_err().kind, ProblemKind::Depth, "{depth} {open}");
            let unclosed = open.repeat(depth);
            let problem = parse_value(&unclosed).unwrap_err();
            assert_eq!(problem.kind, ProblemKind::Depth, "{depth} {open} unclosed");
        }
    }
}

/// Asks for every node by its path, and for a part of every text.
fn walk(text: &str, parsed: &Parsed, document: u32, node: &Node, path: &mut Vec<Step>) {
    let steps: Arc<[Step]> = path.as_slice().into();
    let at = |part| At::Node { document, path: steps.clone(), part };
    let content = Span { start: 0, end: 2 };
    let inner = At::Text { document, path: steps.clone(), span: content };
    for at in [at(Part::Key), at(Part::Value), inner] {
        let span = resolve(parsed, text, &at);
        assert!(text.get(span.start as usize..span.end as usize).is_some(), "{at:?} in {text:?}");
    }
    match &node.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::List(items) => {
            for (i, item) in (0..).zip(items) {
                path.push(Step::Index(i));
                walk(text, parsed, document, item, path);
                path.pop();
            }
        }
        NodeKind::Mapping(entries) => {
            for entry in entries {
                path.push(Step::Key(entry.key.text.clone()));
                walk(text, parsed, document, &entry.value, path);
                path.pop();
            }
        }
    }
}

#[test]
fn mutated_yaml_is_read_or_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3).unwrap();
    let mut texts = vec![];
    gather(&root.join("shared/conformance"), &mut texts);
    if texts.is_empty() {
        println!("skipped: there is no shared/conformance");
        return;
    }
    let words = [
        "&a ", "*a", "<<: ", "!!int ", "- ", "? ", "[", "}", ": ", "\t", "|\n", "'", "\"", "#",
        "\u{e9}", "---\n",
    ];
    let slip =
        (any::<Index>(), any::<Index>(), any::<Index>(), prop::sample::select(words.to_vec()));
    let slips = (any::<Index>(), prop::collection::vec(slip, 1..5));
    let config = Config { failure_persistence: None, ..Config::with_cases(2000) };
    let outcome = TestRunner::new(config).run(&slips, |(pick, slips)| {
        let mut chars: Vec<char> = pick.get(&texts).chars().take(1500).collect();
        for (a, b, what, word) in slips {
            let at = a.index(chars.len() + 1);
            let end = (at + b.index(12)).min(chars.len());
            let part = match what.index(4) {
                0 => vec![],
                1 => [&chars[at..end], &chars[at..end]].concat(),
                2 => chars[at..end].iter().rev().copied().collect(),
                _ => word.chars().collect(),
            };
            chars.splice(at..end, part);
        }
        let text: String = chars.into_iter().collect();
        let parsed = parse(&text, &Limits::default());
        for problem in &parsed.problems {
            let span = problem.span.start as usize..problem.span.end as usize;
            prop_assert!(text.get(span).is_some(), "{problem:?} is not in {text:?}");
        }
        for (i, document) in (0..).zip(&parsed.documents) {
            walk(&text, &parsed, i, &document.root, &mut vec![]);
            let value = document.root.to_value();
            for style in STYLES {
                let written = emit(&value, style);
                let read = parse_value(&written);
                prop_assert!(read.is_ok(), "{read:?} from {written:?}");
                // A whole float is written as Go writes it, and so comes back as an integer, but no further away.
                if style == Style::Canonical {
                    prop_assert_eq!(emit(&read.unwrap_or_default(), style), written);
                }
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

/// Reads the YAML files below a folder.
fn gather(folder: &Path, texts: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut paths: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            gather(&path, texts);
        } else if path.extension().is_some_and(|it| it == "yaml") {
            texts.extend(fs::read_to_string(&path));
        }
    }
}
