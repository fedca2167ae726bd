//! What is read quickly is read as the parser reads it; and what templates give is read quickly.

use proptest::prelude::*;

use super::*;
use crate::{
    Value,
    yaml::{Limits, emit, parse},
};

/// Returns what the parser reads: the documents that are not null, canonically; or none if there is an error.
fn slowly(text: &str) -> Option<Vec<String>> {
    let parsed = parse(text, &Limits::default());
    let values = parsed.documents.iter().map(|it| it.root.to_value());
    let texts = values.filter(|it| *it != Value::Null).map(|it| emit(&it, Style::Canonical));
    let texts = texts.collect();
    (!parsed.problems.iter().any(crate::yaml::Problem::is_error)).then_some(texts)
}

/// Says whether `text` was read quickly, and then as the parser does.
fn check(text: &str) -> bool {
    let quick = canonical(text);
    if quick.is_some() {
        assert_eq!(quick, slowly(text), "{text}");
    }
    quick.is_some()
}

#[test]
fn manifests_are_read_quickly() {
    for text in [
        "a: 1\n",
        "---\na: b\n---\nc: d\n",
        "# why\na: b\n\n  # more\nc:\n  d: e\n",
        "a:\n- b\n- c: d\n  e: f\n- \"x\"\ng: []\n",
        "a:\n  - b\n  -   c: d\n      e: f\n  - |\n    x\n\n    y\n",
        "a: {\"b\": [1, true, null, \"x\"], \"c\":{}}\nd: [1,2]\n",
        "a: |\n  x\n    y\n\n  z\n\nb: |-\n  # no comment\nc: d\n",
        "- a\n- \"b\"\n- b: c\n",
        "a:\nb: ~\nc: ''\nd: 'it''s'\ne: \"\\u003ca\\nb\\\\\"\n",
        "url: http://x:80/#y\nnumber: 1e3\ntime: 12:30\nm: 0x10\non.x: on\nd: 2020-01-01\nv: 1.10\n",
        "pod-security.kubernetes.io/enforce: baseline\n\"quoted key\": -1\n",
    ] {
        assert!(check(text), "left to the parser: {text}");
    }
}

#[test]
fn what_is_rare_or_wrong_is_left_to_the_parser() {
    for text in [
        "a: b",
        "a: b\n c\n",
        "a: b\n  c: d\n",
        "a: b: c\n",
        "a: b #c\n",
        "a: &x b\n",
        "a: !!str b\n",
        "a: >\n  b\n",
        "a: |+\n  b\n",
        "a: |\n\n  b\n",
        "a: |\n    b\n  c\n",
        "a: 1\na: 2\n",
        "on: x\n",
        "1: x\n",
        "<<: x\n",
        "a: ü\n",
        "a:\tb\n",
        "%YAML 1.2\n---\na: b\n",
        "a: b\n...\n",
        "--- a\n",
        "a:\n    b: c\n  d: e\n",
        "a: [b\n",
        "a: {b: c}\n",
        "a: {\"b\": 1} x\n",
        "a: \"b\" c\n",
        "- a\nb: c\n",
        "a: b\n- c\n",
        "a: - b\n",
        "a: @b\n",
        "plain\n",
        "- a\n-\n- b: c\n",
        "- - a\n",
        " a: b\n",
        "a: \"\\x41\"\n",
        "a: # b\n",
    ] {
        assert!(!check(text), "read quickly: {text}");
    }
}

/// Lines that look like YAML, so that many of them together are.
fn line() -> impl Strategy<Value = String> {
    let indent =
        prop::sample::select(vec!["", "", "  ", "  ", "    ", " ", "   ", "- ", "  - ", "-   "]);
    let written = prop_oneof![
        8 => "[ab]{1,2}: ?[a-c1]{0,2}",
        4 => "[abc]:",
        2 => "- [a-c:]{1,3}",
        2 => "[a-z0-9.:#\"'{}\\[\\],|>&*!%@~=<?-]{1,4}: [ a-z0-9.:#\"'{}\\[\\],|>&*!%@~=<?\\\\-]{0,8}",
        2 => "[abc]: (\\||\\|-|>|\\{\\}|\\[\\]|\\[a, b\\]|\\{\"a\": 1, \"b\":[-1, x]\\}|\"[a\\\\n\"']{0,3}\"|'[a']{0,3}')",
        1 => prop::sample::select(vec!["---", "...", "# x", "", "-", "a", "[a]", "\"a\": b", "'a': b", "on: y", "1: 2"])
            .prop_map(str::to_owned),
    ];
    (indent, written).prop_map(|(indent, written)| format!("{indent}{written}\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_as_the_parser_does(lines in prop::collection::vec(line(), 1..7)) {
        check(&lines.concat());
    }

    #[test]
    fn any_characters_are_read_as_the_parser_does(text in "[a-c01:\\-\\[\\]{}\"'|>#&*!%@,.?~=<\\\\ \\n]{0,24}\\n") {
        check(&text);
    }
}
