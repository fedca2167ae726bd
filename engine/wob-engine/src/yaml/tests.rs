//! What the parser promises.

use std::fmt::Write as _;

use super::*;
use crate::{At, Part, Severity, Span, Step, Value};

fn parsed(text: &str) -> Parsed {
    parse(text, &Limits::default())
}

fn json(text: &str) -> String {
    serde_json::Value::from(&parse_value(text).unwrap()).to_string()
}

fn slice(text: &str, span: Span) -> &str {
    &text[span.start as usize..span.end as usize]
}

/// Draws problems as `message | bytes | help`, one a line.
fn problems(text: &str) -> String {
    parsed(text).problems.iter().fold(String::new(), |mut all, it| {
        let _ = write!(all, "{} | {}", it.message, slice(text, it.span));
        if let Some(help) = &it.help {
            let _ = write!(all, " | {help}");
        }
        if let Some((span, remark)) = &it.related {
            let _ = write!(all, " | {remark}: {}", span.start);
        }
        all + "\n"
    })
}

fn repeated(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect::<Vec<_>>().concat()
}

fn path(path: &str) -> Vec<Step> {
    let step = |it: &str| it.parse().map_or_else(|_| Step::Key(it.into()), Step::Index);
    path.split('/').filter(|it| !it.is_empty()).map(step).collect()
}

fn located<'t>(text: &'t str, steps: &str, part: Part) -> &'t str {
    let at = At::Node { document: 0, path: path(steps).into(), part };
    slice(text, resolve(&parsed(text), text, &at))
}

#[test]
fn scalars_read_as_kubernetes_reads_them() {
    let same = [
        ("yes", "true"),
        ("On", "true"),
        ("y", "true"),
        ("N", "false"),
        ("off", "false"),
        ("yEs", "\"yEs\""),
        ("~", "null"),
        ("", "null"),
        ("Null", "null"),
        ("nULL", "\"nULL\""),
        ("0777", "511"),
        ("0o7", "7"),
        ("08", "8.0"),
        ("0x1F", "31"),
        ("-0x1f", "-31"),
        ("0b11", "3"),
        ("-0b11", "-3"),
        ("1_000", "1000"),
        ("+5", "5"),
        ("--5", "\"--5\""),
        ("0x", "\"0x\""),
        ("0x-5", "\"0x-5\""),
        ("12e03", "12000.0"),
        ("1e3", "1000.0"),
        ("1.", "1.0"),
        (".5", "0.5"),
        (".", "\".\""),
        ("1e400", "\"1e400\""),
        ("1.2.3", "\"1.2.3\""),
        ("12:30", "\"12:30\""),
        ("2001-12-14", "\"2001-12-14\""),
        ("12345678901234567890123", "1.2345678901234568e22"),
        ("18446744073709551615", "1.8446744073709552e19"),
        ("9223372036854775807", "9223372036854775807"),
        ("-9223372036854775808", "-9223372036854775808"),
        ("'1'", "\"1\""),
        ("\"on\"", "\"on\""),
        ("!!str 1", "\"1\""),
        ("!!int \"3\"", "3"),
        ("!!float 3", "3.0"),
        ("!!binary aGk=", "\"hi\""),
        ("! 12", "\"12\""),
    ];
    for (text, expected) in same {
        let json = json(text);
        let number = |it: &str| it.parse::<f64>().ok();
        assert!(
            json == expected || number(&json).is_some() && number(&json) == number(expected),
            "{text}: {json}, not {expected}"
        );
    }
    assert_eq!(parse_value(".inf"), Ok(Value::Float(f64::INFINITY)));
}

#[test]
fn keys_become_texts() {
    assert_eq!(
        json("{on: 1, 0x10: 2, 1.5: 3, 0.1: 4, a: 5, 'y': 6, 1e9: 7}"),
        r#"{"0.1":4,"1.5":3,"16":2,"1e+09":7,"a":5,"true":1,"y":6}"#
    );
}

#[test]
fn anchors_aliases_and_merge_keys_resolve() {
    assert_eq!(json("a: &x {k: [1]}\nb: *x\n"), r#"{"a":{"k":[1]},"b":{"k":[1]}}"#);
    let merged = "base: &b {i: 1, j: 2}\nmore: &m {j: 3, k: 4}\nc:\n  i: 9\n  <<: [*b, *m]\n";
    assert_eq!(
        json(merged),
        r#"{"base":{"i":1,"j":2},"c":{"i":9,"j":2,"k":4},"more":{"j":3,"k":4}}"#
    );
    assert_eq!(json("\"<<\": 1\n"), r#"{"<<":1}"#);
}

#[test]
fn documents_before_an_error_stay() {
    let text = "a: 1\n---\n---\nb: [\n";
    let parsed = parsed(text);
    assert_eq!(parsed.documents.len(), 2);
    assert!(parsed.documents[1].root.is_null());
    assert_eq!(parsed.problems.len(), 1);
    assert!(parse("", &Limits::default()).documents.is_empty());
    assert_eq!(parse_value("# only a comment\n"), Ok(Value::Null));
}

#[test]
fn a_block_has_a_line_break_at_its_end_only_if_the_text_has() {
    assert_eq!(json("a: |\n  x\n"), r#"{"a":"x\n"}"#);
    assert_eq!(json("a: |\n  x"), r#"{"a":"x"}"#);
    assert_eq!(json("a: |-\n  x\n"), r#"{"a":"x"}"#);
    assert_eq!(json("a: |+\n  x\n\n"), r#"{"a":"x\n\n"}"#);
    assert_eq!(json("a: >\n  x\n  y\n"), r#"{"a":"x y\n"}"#);
    assert_eq!(json("a: |\n  !x\n"), r#"{"a":"!x\n"}"#);
    assert_eq!(json("a: >\n  &x y\n  z\n"), r#"{"a":"&x y z\n"}"#);
    assert_eq!(json("a: !!str &b |\n  !x\n"), r#"{"a":"!x\n"}"#);
    assert_eq!(json("a: &b |\n  !x"), r#"{"a":"!x"}"#);
}

#[test]
fn a_byte_order_mark_and_crlf_are_no_content() {
    assert_eq!(json("\u{feff}a: 1\r\nb: |\r\n  x\r\n  y\r\n"), r#"{"a":1,"b":"x\ny\n"}"#);
    assert_eq!(located("\u{feff}ü: é\r\n", "ü", Part::Value), "é");
    assert_eq!(located("\u{feff}ü: é\r\n", "ü", Part::Key), "ü");
}

#[test]
fn spans_are_bytes_of_the_node_alone() {
    let text = "ä: 'é' # it's\nb: &k !!str \"x\"  # c\nc:\n  d: [1, {e: ü}] # z\n  f: |\n    x\n\n# end\ng:\n- h\n-\n";
    for (steps, expected) in [
        ("ä", "'é'"),
        ("b", "\"x\""),
        ("c/d", "[1, {e: ü}]"),
        ("c/d/1", "{e: ü}"),
        ("c/d/1/e", "ü"),
        ("c/f", "x"),
        ("c", "c"),
        ("g", "g"),
        ("g/0", "h"),
        ("g/1", ""),
        ("g/1/gone/2", ""),
        ("c/gone", "c"),
        ("c/d/0/gone", "1"),
        ("gone", "ä: 'é' # it's"),
        ("", "ä: 'é' # it's"),
    ] {
        assert_eq!(located(text, steps, Part::Value), expected, "{steps}");
    }
    let root = &parsed(text).documents[0].root;
    assert_eq!(slice(text, root.get("c").unwrap().span), "d: [1, {e: ü}] # z\n  f: |\n    x");
    assert_eq!(located("a:\nb: 1\n", "a", Part::Value), "a");
    assert_eq!(located("a: |\n  !x y\nb: 1\n", "a", Part::Value), "!x y");
    assert_eq!(located("a: &b |\n  !x y\nb: 1\n", "a", Part::Value), "|\n  !x y");
}

#[test]
fn a_range_of_content_maps_to_the_bytes_that_wrote_it() {
    // The word `WORD` of the content must be found again in the text.
    for text in [
        "a: ü WORD ü\n",
        "a: 'ü it''s a WORD'\n",
        "a: \"\\u00fc \\\"\\n\\x41 WORD\"\n",
        "a: |\n  ü\n  x WORD\n",
        "a: |-\n\n\n    ü\n\n  WORD\n".replace("  WORD", "    WORD").leak(),
        "a: |2\n     x\n  y WORD\n",
        "a: &k |\n  x\n  y WORD\n",
        "a: |\r\n  ü\r\n\r\n  WORD\r\n",
        "- - a: |+\n      WORD\n\n",
    ] {
        let parsed = parsed(text);
        let mut node = &parsed.documents[0].root;
        while let Some(item) = node.items().first() {
            node = item;
        }
        let node = node.get("a").unwrap();
        let at = node.scalar().unwrap().text.find("WORD").unwrap();
        let span = node.content_span(text, Span::new(at, at + 4));
        assert_eq!(slice(text, span), "WORD", "{text:?} {:?}", parsed.problems);
    }
    let folded = "a: >\n  x\n  y WORD\n";
    let root = &parsed(folded).documents[0].root;
    assert_eq!(
        slice(folded, root.get("a").unwrap().content_span(folded, Span::new(2, 3))),
        "x\n  y WORD"
    );
}

#[test]
fn duplicate_keys_are_refused_and_the_first_stays() {
    let text = "a: 1\nb: 2\na: 3\n";
    assert_eq!(
        problems(text),
        "the key `a` stands twice in one mapping | a | keep one of them | first here: 0\n"
    );
    assert_eq!(parsed(text).documents[0].root.get("a").unwrap().to_value(), Value::Int(1));
    let many = repeated(100, |it| format!("k{}: 1\n", it % 50));
    let parsed = parsed(&many);
    assert_eq!(parsed.documents[0].root.entries().len(), 50);
    assert_eq!(parsed.problems.len(), 50);
}

#[test]
fn lints_tell_where_readers_differ() {
    let text = "on: yes\nport: 0777\nn: 1_000\nx: .inf\nid: 12345678901234567890\nok: [true, 1, 1e3, -5, 12:30, 0, no-one, '0777']\n";
    let parsed = parsed(text);
    let found: Vec<&str> = parsed.problems.iter().map(|it| slice(text, it.span)).collect();
    assert_eq!(found, ["on", "yes", "0777", "n", "1_000", ".inf", "12345678901234567890"]);
    assert!(parsed.problems.iter().all(|it| it.severity == Severity::Warning && it.kind.is_lint()));
}

#[test]
fn limits_end_reading() {
    let kinds = |text: &str| -> Vec<ProblemKind> {
        parsed(text).problems.iter().map(|it| it.kind).collect()
    };
    assert_eq!(kinds(&"[".repeat(20_000)), [ProblemKind::Depth]);
    assert_eq!(kinds(&"{a: ".repeat(20_000)), [ProblemKind::Depth]);
    assert_eq!(kinds(&"- ".repeat(20_000)), [ProblemKind::Depth]);
    assert_eq!(kinds(&"? ".repeat(20_000)), [ProblemKind::Depth]);
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut chain = "a0: &a0 [x]\n".to_owned();
    for it in 1..100 {
        let alias = format!("*a{}", it - 1);
        let _ = writeln!(laughs, "a{it}: &a{it} [{}]", [&*alias; 10].join(", "));
        let _ = writeln!(chain, "a{it}: &a{it} [{alias}]");
    }
    assert_eq!(kinds(&laughs), [ProblemKind::AliasExpansion]);
    assert_eq!(kinds(&chain), [ProblemKind::Depth]);
    let few = Limits { nodes: 5, ..Limits::default() };
    assert_eq!(parse("[1, 2, 3, 4, 5]", &few).problems[0].kind, ProblemKind::Nodes);
    let flat = repeated(200_000, |it| format!("key{it}: yes\n"));
    let parsed = parsed(&flat);
    assert_eq!(parsed.documents[0].root.entries().len(), 200_000);
    assert_eq!(parsed.problems.len(), 100);
}

#[test]
fn the_usual_slips_are_explained() {
    for (text, expected) in [
        ("a:\n\tb: 1\n", "a tab cannot indent YAML | \t | indent with spaces"),
        ("a: 1\n\tb: 2\n", "a tab cannot indent YAML | \t | indent with spaces"),
        (
            "name: {{ .x }}\n",
            "a value that begins with `{{` must be quoted | {{ .x }} | write `\"{{ .x }}\"`",
        ),
        (
            "name: {{ .x }}-é\n",
            "a value that begins with `{{` must be quoted | {{ .x }}-é | write `\"{{ .x }}-é\"`",
        ),
        (
            "{{- if .x }}\na: 1\n{{- end }}\n",
            "`{{- if .x }}` is template code, not YAML | {{- if .x }} | put it into a text: a block after `key: |`, or quotes",
        ),
        ("a: 1\nb:2\nc: 3\n", "no space after `b:` | b:2 | write `b: 2`"),
        ("a:1\nb: 2\n", "no space after `a:` | a:1 | write `a: 1`"),
        (
            "é: b: c\n",
            "a plain value cannot hold another `: ` | b: c | quote the value: `\"b: c\"`",
        ),
        ("a: \"é\nb: 1\n", "the quote `\"` is never closed | \"é | add a `\"` at its end"),
        ("a: 'x\n", "the quote `'` is never closed | 'x | add a `'` at its end"),
        (
            "a: 'it's'\n",
            "there is more after the closing `'` | 'it's' | quote the value as a whole",
        ),
        (
            "a: \"\\d\"\n",
            "`\\d` is no escape in double quotes | \\d | use single quotes, or double the backslash",
        ),
        ("a: [1, 2\nb: 1\n", "the bracket `[` is never closed | [ | add a `]` after its last item"),
        ("a: {\n", "the bracket `{` is never closed | { | add a `}` after its last item"),
        (
            "a: ]\n",
            "`]` closes nothing | ] | remove it, or quote the text that it belongs to: `\"]\"`",
        ),
        ("a: @x\n", "a plain value cannot begin with '@' | @x | quote it: `'@x'`"),
        (
            "a: *.yaml\n",
            "the alias `*.yaml` names no anchor before it | *.yaml | quote it if it is a text: `\"*.yaml\"`",
        ),
        (
            "a: 1\nfoo\nb: 2\n",
            "`foo` is neither a key nor a list item | foo | add a colon and a value, or remove the line",
        ),
        (
            "a: - b\n",
            "a list cannot begin on the line of its key `a` | - b | put `- b` on a line of its own",
        ),
        (
            "a:\n    b: 1\n  c: 2\n",
            "this line is indented like nothing above it | c: 2 | align it with the keys or items it belongs to; \
             a key that has a value cannot have more below it",
        ),
        (
            "? [a]\n: b\n",
            "a list or mapping cannot be a key | [a] | write a text before the colon; quote a text that holds brackets",
        ),
        ("~: 1\n", "a key cannot be null | ~ | quote it: `\"~\"`"),
        ("!!int x\n", "`x` is not what its tag says | x | remove the tag, or mend the value"),
        ("a: &k !foo b\n", "the tag `!foo` means nothing to Kubernetes | !foo | remove the tag"),
        ("a: !!set {é}\n", "the tag `!!set` means nothing to Kubernetes | !!set | remove the tag"),
        (
            "a: &k [*k]\n",
            "no finished node of this document has this anchor | *k | name an anchor that stands before the alias, in the same document",
        ),
    ] {
        assert_eq!(problems(text).trim_end(), expected, "{text:?}");
    }
}

fn walk(text: &str, node: &Node, inside: &impl Fn(Span)) {
    inside(node.span);
    if let Some(scalar) = node.scalar() {
        for at in 0..=scalar.text.len() {
            inside(node.content_span(text, Span::new(at, at + 1)));
        }
    }
    for entry in node.entries() {
        inside(entry.key.span);
        walk(text, &entry.value, inside);
    }
    node.items().iter().for_each(|it| walk(text, it, inside));
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(text in "[-a-c0 \n\t\r:{}\\[\\]&*!|>'\"%@#?,<~.é\u{feff}\\\\]{0,60}") {
        let parsed = parsed(&text);
        let inside = |span: Span| {
            assert!(text.get(span.start as usize..span.end as usize).is_some(), "{span:?}");
        };
        for document in &parsed.documents {
            inside(document.span);
            walk(&text, &document.root, &inside);
        }
        parsed.problems.iter().for_each(|it| inside(it.span));
    }
}

#[test]
fn a_nul_is_named_and_hides_nothing() {
    let expected =
        "a NUL cannot stand in YAML | \0 | remove it, or write `\\x00` within double quotes";
    for text in ["a: \"x\0y\"\n", "a: x\n\0b: y\n"] {
        assert_eq!(problems(text).trim_end(), expected, "{text:?}");
    }
}
