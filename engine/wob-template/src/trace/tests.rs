//! What traces of both languages tell.

use std::fmt::Write as _;

use wob_engine::Value as Plain;

use super::*;
use crate::{Jinja, Limits, Options, Template, Value, helm};

fn data() -> Plain {
    Plain::from(serde_json::json!({
        "env": "dev", "name": "web", "no": "", "n": 3, "on": true,
        "list": ["a", "b"], "ports": [80, 443],
        "map": {"x": "1", "y": {"z": "deep"}},
        "items": [{"name": "i", "v": 1}, {"name": "j", "v": 2}],
    }))
}

fn go(template: &str) -> Traced {
    let compiled = Template::compile("t", template, &helm::functions()).unwrap();
    let (data, options) = (Value::from(&data()), Options::default());
    let traced = compiled.trace(&data, &options).unwrap();
    assert_eq!(traced.text, compiled.render(&data, &options).unwrap().text);
    traced
}

fn jinja(template: &str) -> Traced {
    let mut set = Jinja::new(&Limits::default());
    set.add("t", template).unwrap();
    let traced = set.trace("t", &data()).unwrap();
    assert_eq!(traced.text, set.render("t", &crate::JinjaData::from(&data())).unwrap());
    traced
}

fn paths(reads: &Reads) -> String {
    let path = |it: &DataPath| {
        let step = |it: &Step| match it {
            Step::Key(key) => key.to_string(),
            Step::Index(index) => index.to_string(),
        };
        format!(".{}", it.iter().map(step).collect::<Vec<_>>().join("."))
    };
    reads.iter().map(path).collect::<Vec<_>>().join(" ")
}

/// Writes each piece as `output <- template: reads; if condition: reads`; literals without their template.
fn shown(template: &str, traced: &Traced) -> String {
    let mut out = String::new();
    let of = |text: &str, span: Span| text[span.start as usize..span.end as usize].to_owned();
    let mut end = 0;
    for piece in &traced.pieces {
        assert_eq!(piece.output.start, end, "a gap before {piece:?}");
        end = piece.output.end;
        write!(out, "{:?}", of(&traced.text, piece.output)).unwrap();
        if piece.kind == PieceKind::Text {
            let copied = of(template, piece.template);
            let output = of(&traced.text, piece.output);
            assert!(copied == output || piece.template.is_empty(), "{copied:?} {output:?}");
        } else {
            write!(out, " <- {}", of(template, piece.template).trim()).unwrap();
        }
        if !piece.reads.is_empty() {
            write!(out, ": {}", paths(&piece.reads)).unwrap();
        }
        for it in &piece.conditions {
            let span = of(template, it.template);
            write!(out, "; if {}: {}", span.trim(), paths(&it.reads)).unwrap();
            out.truncate(out.trim_end().len());
        }
        out.push('\n');
    }
    assert_eq!(end as usize, traced.text.len());
    out
}

#[track_caller]
fn check(template: &str, traced: &Traced, expected: &str) {
    let expected: String = expected.trim().lines().map(|it| it.trim().to_owned() + "\n").collect();
    pretty(&shown(template, traced), &expected);
}

#[track_caller]
fn pretty(found: &str, expected: &str) {
    assert!(found == expected, "found\n{found}\nexpected\n{expected}");
}

#[track_caller]
fn check_go(template: &str, expected: &str) {
    check(template, &go(template), expected);
}

#[track_caller]
fn check_jinja(template: &str, expected: &str) {
    check(template, &jinja(template), expected);
}

#[test]
fn go_values_are_known_wherever_they_go() {
    check_go(
        "a: {{ .map.x }}",
        r#""a: "
        "1" <- .map.x: .map.x"#,
    );
    check_go(
        "{{ $m := .map }}{{ with $m.y }}{{ .z | upper }}{{ end }}",
        r#"
        "DEEP" <- .z | upper: .map.y.z; if $m.y: .map.y"#,
    );
    check_go(
        "{{ $x := upper .name }}{{ $x }}{{ .n }}",
        r#"
        "WEB" <- $x: .name
        "3" <- .n: .n"#,
    );
    check_go(
        "{{ index .list 1 }}{{ get .map \"x\" }}{{ toYaml .map.y }}",
        r#"
        "b" <- index .list 1: .list.1
        "1" <- get .map "x": .map.x
        "z: deep" <- toYaml .map.y: .map.y"#,
    );
    check_go(
        "{{ define \"d\" }}{{ .r.name }}{{ .x }}{{ end }}{{ include \"d\" (dict \"r\" . \"x\" .n) | quote }}",
        r#"
        "\"web3\"" <- include "d" (dict "r" . "x" .n) | quote: .n .name"#,
    );
    check_go(
        "{{ tpl \"{{ .name }}\" . }}{{ .missing }}",
        r#"
        "web" <- tpl "{{ .name }}" .: .name
        "<no value>" <- .missing: .missing"#,
    );
    check_go(
        "{{ $_ := set .map \"x\" (upper .env) }}{{ .map.x }}",
        r#"
        "DEV" <- .map.x: .env .map.x"#,
    );
}

#[test]
fn go_decisions_are_conditions() {
    check_go(
        "{{ if eq .env \"dev\" }}a{{ else }}b{{ end }}",
        r#"
        "a" <- x"#
            .replace(" <- x", "; if eq .env \"dev\": .env")
            .as_str(),
    );
    check_go(
        "a{{ if .no }}x{{ end }}b{{ if .no }}\nx{{ end }}",
        r#"
        "a"
        "" <- .no; if .no: .no
        "b""#,
    );
    check_go(
        "{{ range $k, $v := .map }}{{ if eq $k \"x\" }}{{ $v }}{{ end }}{{ end }}{{ range .ports }}{{ . }},{{ end }}",
        r#"
        "1" <- $v: .map.x; if $k, $v := .map: .map.x; if eq $k "x":
        "" <- eq $k "x"; if $k, $v := .map: .map.y; if eq $k "x":
        "80" <- .; if .ports: .ports.0
        ","; if .ports: .ports.0
        "443" <- .; if .ports: .ports.1
        ","; if .ports: .ports.1"#,
    );
}

#[test]
fn go_variables_know_what_decided_about_them() {
    check_go(
        "{{ $x := \"a\" }}{{ if .no }}{{ $x = \"b\" }}{{ end }}{{ $x }}",
        r#"
        "" <- .no; if .no: .no
        "a" <- $x: .no"#,
    );
    check_go(
        "{{ $x := 0 }}{{ range .items }}{{ $x = add $x .v }}{{ end }}{{ $x }}",
        r#"
        "" <- .items; if .items: .items
        "3" <- $x: .items .items.0.v .items.1.v"#,
    );
    check_go(
        "{{ range .items }}{{ if eq .name \"j\" }}{{ break }}{{ end }}{{ .v }}{{ end }}",
        r#"
        "" <- eq .name "j"; if .items: .items.0; if eq .name "j": .items.0.name
        "1" <- .v: .items.0.v; if .items: .items.0; if eq .name "j": .items.0.name
        "" <- eq .name "j"; if eq .name "j": .items.0.name; if .items: .items.1; if eq .name "j": .items.1.name"#,
    );
}

#[test]
fn jinja_values_are_known_wherever_they_go() {
    check_jinja(
        "a: {{ map.x }}\nb: {{- name | upper -}}\n c",
        r#"
        "a: "
        "1" <- map.x: .map.x
        "\n"
        "b:"
        "WEB" <- name | upper: .name
        "c""#,
    );
    check_jinja(
        "{% for k, v in map | items %}{{ k }}={{ v }}\n{% endfor %}",
        r#"
        "x" <- k: .map.x; if map | items: .map.x
        "="; if map | items: .map.x
        "1" <- v: .map.x; if map | items: .map.x
        "\n"; if map | items: .map.x
        "y" <- k: .map.y; if map | items: .map.y
        "="; if map | items: .map.y
        "{'z': 'deep'}" <- v: .map.y; if map | items: .map.y
        "\n"; if map | items: .map.y"#,
    );
    check_jinja(
        "{% for item in items %}{{ item.v }}{% endfor %}",
        r#"
        "1" <- item.v: .items.0.v; if items: .items.0
        "2" <- item.v: .items.1.v; if items: .items.1"#,
    );
    check_jinja(
        "{% set x = name ~ n %}{% if on %}{% set x = env %}{% endif %}{{ x }}{{ nope | default(map['x']) }}",
        r#"
        "dev" <- x: .env .n .name .on; if on: .on
        "1" <- nope | default(map['x']): .map.x .nope"#,
    );
}

#[test]
fn jinja_decisions_are_conditions() {
    check_jinja(
        "{% if on %}\na: {{ name }}\n{% else %}\nb\n{% endif %}\nc\n",
        r#"
        "a: "; if on: .on
        "web" <- name: .name; if on: .on
        "\n"; if on: .on
        "c\n""#,
    );
    check_jinja(
        "a{% if no %}x{% endif %}b\nc{% if no %}\n\nx{% endif %}\n",
        r#"
        "a"; if no: .no
        "b\n"; if no: .no
        "c""#,
    );
    check_jinja(
        "{% for x in ports if x > 80 %}{% for y in list %}{{ x }}{{ y }}{% endfor %}{% endfor %}",
        r#"
        "443" <- x: .ports; if ports: .ports; if list: .list.0
        "a" <- y: .list.0; if ports: .ports; if list: .list.0
        "443" <- x: .ports; if ports: .ports; if list: .list.1
        "b" <- y: .list.1; if ports: .ports; if list: .list.1"#,
    );
}

#[test]
fn a_raw_block_of_jinja_is_one_piece() {
    let template = "{% raw %}{{ x }}{% endraw %}{{ name }}";
    let traced = jinja(template);
    assert_eq!(traced.pieces.len(), 1);
    assert_eq!(traced.pieces[0].reads, Reads::from([vec![]]));
}

#[test]
fn a_second_round_is_traced_to_the_first_template() {
    let first =
        "a: {{ .name }}-{{ print \"{{ .env }}\" }}{{ \"{{ if .on }}\" }}x{{ \"{{ end }}\" }}";
    let before = go(first);
    let traced = go(&before.text).after(&before);
    check(
        first,
        &traced,
        r#"
        "a: "
        "web" <- .name: .name
        "-"
        "dev" <- print "{{ .env }}": .env
        "x"; if "{{ if .on }}": .on"#,
    );
}

/// A hostile template ends in a trace that says little, not in one that takes all memory.
#[test]
fn a_trace_is_bounded() {
    let many = "{{ range 500 }}{{ range 500 }}{{ if $.on }}{{ if $.env }}x{{ end }}{{ end }}{{ end }}{{ end }}";
    let breaks =
        "{{ range $i := until 1600 }}{{ if gt $i 5000 }}{{ break }}{{ end }}{{ $.n }}{{ end }}";
    let sums = "{{ $x := 0 }}{{ range 1600 }}{{ $x = add $x $.n }}{{ end }}{{ $x }}";
    for template in [many, breaks, sums] {
        let traced = go(template);
        let conditions: usize = traced.pieces.iter().map(|it| it.conditions.len()).sum();
        assert!(traced.pieces.len() + conditions <= 1_000_000, "{template}");
        let last = traced.pieces.last().unwrap();
        assert_eq!(last.output.end as usize, traced.text.len(), "{template}");
    }
}
