//! What is read quickly is read as the parser reads it; and what templates give is read quickly.

use proptest::prelude::*;

use super::*;
use crate::{
    Value,
    yaml::{Limits, Style, emit, parse},
};

/// Returns what the parser reads: the documents that are not null, canonically; or none if there is an error.
fn slowly(text: &str) -> Option<String> {
    let parsed = parse(text, &Limits::default());
    let values = parsed.documents.iter().map(|it| it.root.to_value());
    let texts = values.filter(|it| *it != Value::Null).map(|it| emit(&it, Style::Canonical));
    let texts: Vec<String> = texts.collect();
    (!parsed.problems.iter().any(crate::yaml::Problem::is_error)).then(|| texts.join("---\n"))
}

/// Says whether `text` was read quickly, and then as the parser does.
fn check(text: &str) -> bool {
    let mut quick = String::new();
    let is_read = canonical(text, &mut quick);
    if is_read {
        assert_eq!(Some(&quick), slowly(text).as_ref(), "{text}");
    } else {
        assert_eq!(quick, "", "{text}");
    }
    is_read
}

#[test]
fn documents_are_joined() {
    let mut documents = "a: 1".to_owned();
    assert!(canonical("---\nc: 1\nb: 2\n---\n- d\n", &mut documents));
    assert!(!canonical("e: &f 1\n", &mut documents));
    assert_eq!(documents, "a: 1\n---\nb: 2\nc: 1\n---\n- d\n");
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
        "a: b #c\nd: 1   # e: f\ng: 'h' # '\ni: \"j\"  #\nk: l#m\n",
        "a: # b\n  c: d # e\nf: # g\nh: # i\n- j # k\n",
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
        "a: b #c\n  d\n",
        "a: \"b\"#c\n",
        "- # a\n",
    ] {
        assert!(!check(text), "read quickly: {text}");
    }
}

/// Lines that look like YAML, so that many of them together are.
fn line() -> impl Strategy<Value = String> {
    let indent =
        prop::sample::select(vec!["", "", "  ", "  ", "    ", " ", "   ", "- ", "  - ", "-   "]);
    let written = prop_oneof![
        8 => "[ab]{1,2}: ?[a-c1]{0,2}( {0,2}#[ab: #]{0,3})?",
        4 => "[abc]:",
        2 => "- [a-c:]{1,3}",
        2 => "[a-z0-9.:#\"'{}\\[\\],|>&*!%@~=<?-]{1,4}: [ a-z0-9.:#\"'{}\\[\\],|>&*!%@~=<?\\\\-]{0,8}",
        2 => "[abc]: (\\||\\|-|>|\\{\\}|\\[\\]|\\[a, b\\]|\\{\"a\": 1, \"b\":[-1, x]\\}|\"[a\\\\n\"']{0,3}\"|'[a']{0,3}')( {0,2}#[a'\"]{0,2})?",
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

/// Data in written order, as templates give it: keys come in any order, some twice.
#[derive(Clone, Debug)]
enum Written {
    Scalar(String),
    Flow(Value),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Written {
    /// Writes blocks; a list's items are `step` deeper than its key.
    fn write(&self, indent: usize, step: usize) -> String {
        let pad = " ".repeat(indent);
        match self {
            Self::Scalar(it) => format!(" {it}\n"),
            Self::Flow(it) => format!(" {}\n", serde_json::Value::from(it)),
            Self::List(items) => {
                // A mapping begins beside the dash, as far from it as a space.
                let item = |it: &Self| it.write(indent + 2, step);
                let items = items.iter().map(item);
                let items =
                    items.map(|it| format!("{pad}- {}", it.trim_start_matches(['\n', ' '])));
                "\n".to_owned() + &items.collect::<String>()
            }
            Self::Map(entries) => {
                let entry = |(key, it): &(String, Self)| {
                    let deeper = if matches!(it, Self::List(_)) { step } else { 2 };
                    format!("{pad}{key}:{}", it.write(indent + deeper, step))
                };
                "\n".to_owned() + &entries.iter().map(entry).collect::<String>()
            }
        }
    }
}

fn written() -> impl Strategy<Value = Written> {
    let key = "[a-cA-C]{1,2}[0-9]{0,2}|\"[a-c .:/]{1,3}\"";
    let json = prop_oneof![
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-1e9..1e9).prop_map(Value::Float),
        "[ -~\n]{0,12}|[a-z0-9.:-]{0,8}".prop_map(Value::from),
    ];
    let json = json.prop_recursive(3, 12, 4, |inner| {
        let entry = ("[a-cA-C0-9 \n]{1,3}".prop_map(Into::into), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::List),
            prop::collection::vec(entry, 0..4).prop_map(|it| Value::Map(it.into_iter().collect())),
        ]
    });
    let leaf = prop_oneof![
        "[a-z0-9][a-z0-9.:/ -]{0,8}|'[ -&(-~]{0,6}'".prop_map(Written::Scalar),
        json.prop_map(Written::Flow),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let entry = (key, inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 1..4).prop_map(Written::List),
            prop::collection::vec(entry, 1..6).prop_map(Written::Map),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn entries_in_any_order_become_what_the_parser_makes_of_them(
        entries in prop::collection::vec(("[a-d]{1,2}", written()), 1..5),
        step in prop::sample::select(vec![0, 2]),
    ) {
        let text = Written::Map(entries).write(0, step);
        check(text.trim_start_matches('\n'));
    }
}

#[test]
fn most_of_what_templates_give_is_read() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let mut read = 0;
    for _ in 0..256 {
        let tree = written().new_tree(&mut runner).expect("because nothing is filtered");
        let text = Written::Map(vec![("a".to_owned(), tree.current())]).write(0, 2);
        read += u32::from(check(text.trim_start_matches('\n')));
    }
    assert!(read > 100, "{read} of 256");
}
