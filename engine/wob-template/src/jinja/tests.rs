//! What jinja templates give, and how they fail.

use serde_json::json;

use super::*;

fn data() -> JinjaData {
    JinjaData::from(&wob_engine::Value::from(json!({
        "name": "on",
        "html": "<&>",
        "labels": {"b": "1", "a": "x"},
        "ports": [80, 443],
        "none": null,
    })))
}

fn render(text: &str) -> Result<String, TemplateError> {
    let mut set = Jinja::new(&Limits::default());
    set.add("main.yaml", text)?;
    set.render("main.yaml", &data())
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(render(text).unwrap(), expected);
}

#[track_caller]
fn check_error(text: &str, kind: ErrorKind, at: &str) {
    let error = render(text).unwrap_err();
    let shown = &text[error.span.start as usize..error.span.end as usize];
    assert_eq!((error.kind, shown), (kind, at), "{error}");
    assert!(!error.message.is_empty());
}

#[test]
fn texts_come_out_as_they_are() {
    check("a: {{ html }}\n", "a: <&>\n");
    check("{{ name }}", "on");
    check("x\n\n", "x\n\n");
}

#[test]
fn a_tag_alone_on_its_line_leaves_no_trace() {
    check(
        "ports:\n  {% for port in ports %}\n  - {{ port }}\n  {% endfor %}\nend\n",
        "ports:\n  - 80\n  - 443\nend\n",
    );
    check(
        "{% for p in ports %}{% if loop.first %}{% continue %}{% endif %}{{ p }}{% endfor %}",
        "443",
    );
}

#[test]
fn filters_write_manifests() {
    check("{{ labels | toyaml }}|", "a: x\nb: \"1\"|");
    check("{{ name | toyaml }}", "\"on\"");
    check("l:\n  {{ labels | toyaml | indent(2) }}\n", "l:\n  a: x\n  b: \"1\"\n");
    check("{{ labels | tojson }} {{ html | tojson }}", r#"{"a":"x","b":"1"} "<&>""#);
    check("{{ name | quote_yaml }} {{ 5 | quote_yaml }}", r#""on" "5""#);
    check("{{ 'a\"\\\\\\n\u{85}' | quote_yaml }}", r#""a\"\\\n\u0085""#);
    check("{{ 'a\nb\n\nc\n' | indent }}", "a\n    b\n\n    c");
    check(
        "{{ 'a\nb' | indent(2, true) }} {{ 'a\n\nb' | indent(1, blank=true) }}",
        "  a\n  b a\n \n b",
    );
    check(
        "{{ ports | join(', ') }} {{ 'abc' | join('-') }} {{ 808 | replace(8, 1) }}",
        "80, 443 a-b-c 101",
    );
    check("{{ [labels, labels] | map(attribute='a') | join(d='/') }}", "x/x");
    check("{{ [{'m': labels}] | join(attribute='m.b') }} {{ 5 | string ~ 1 }}", "1 51");
    check("{{ none | quote_yaml }}", r#""""#);
}

#[test]
fn mistakes_are_found_where_they_are() {
    check_error("a\n{{ nope }}", ErrorKind::MissingKey, "nope");
    check_error("{{ labels.nope }}", ErrorKind::MissingKey, "labels.nope");
    check_error("{% if nope %}{% endif %}", ErrorKind::MissingKey, "nope");
    check_error("{{ nope | toyaml }}", ErrorKind::MissingKey, "toyaml");
    check_error("{{ nope | replace('a', 'b') }}", ErrorKind::MissingKey, "replace('a', 'b')");
    check_error("{{ nope | indent }}", ErrorKind::MissingKey, "indent");
    check_error(
        "{{ [labels] | map(attribute='nope') }}",
        ErrorKind::MissingKey,
        "map(attribute='nope')",
    );
    check_error("a\n{% if %}", ErrorKind::Syntax, "%}");
    check_error("{{ name | nope }}", ErrorKind::UnknownFunction, "nope");
    check_error("{{ nope() }}", ErrorKind::UnknownFunction, "nope()");
    check_error("{{ labels | quote_yaml }}", ErrorKind::Value, "quote_yaml");
}

#[test]
fn hostile_templates_end_in_errors() {
    let limits = Limits { steps: 10_000, output: 1000, ..Limits::default() };
    let error = |text: &str| {
        let mut set = Jinja::new(&limits);
        set.add("main", text).unwrap();
        set.render("main", &data()).unwrap_err()
    };
    assert_eq!(
        error("{% for a in range(1000) %}{% for b in range(1000) %}{% endfor %}{% endfor %}").kind,
        ErrorKind::Limit
    );
    assert_eq!(error("{{ name }}{{ labels }}".repeat(100).as_str()).kind, ErrorKind::Limit);
    let long = "x".repeat(LONGEST + 1);
    assert_eq!(Jinja::new(&limits).add("long", &long).unwrap_err().kind, ErrorKind::Limit);
}

mod hostile;

#[test]
fn a_set_serves_many_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Jinja>();
    shared::<JinjaData>();
}

#[test]
fn shell_words_expand_nothing() {
    check("{{ \"it's $HOME `id` \\\"x\\\"\" | quote_shell }}", r#"'it'\''s $HOME `id` "x"'"#);
    check("{{ '' | quote_shell }} {{ ports | quote_shell }}", "'' '[80, 443]'");
    check("{{ 'A_1' is shell_name }} {{ '1A' is shell_name }}", "True False");
    check("{{ 'X=1;rm' is shell_name }} {{ '' is shell_name }}", "False False");
}

#[test]
fn a_template_can_refuse() {
    let error = render("a: {{ fail('no ' ~ name ~ ' here') }}").unwrap_err();
    assert_eq!((error.kind, &*error.message), (ErrorKind::Value, "no on here"));
}
