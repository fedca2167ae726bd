//! The language, where the corpus of Go's answers is silent.

use std::rc::Rc;

use super::*;
use crate::{Limits, MissingKey, Object};

mod hostile;

/// Data that most tests share.
fn data() -> Value {
    let json = serde_json::json!({
        "name": "web", "n": 3, "f": 1.5, "t": true, "nul": null, "list": ["a", "b", "c"],
        "map": {"a": 1, "b": {"c": "deep"}}, "empty": {}, "holes": [null, {"x": 1}],
    });
    Value::from(&wob_engine::Value::from(json))
}

fn try_render(text: &str, options: &Options) -> Result<Rendered, TemplateError> {
    let mut functions = crate::sprig::functions();
    functions.extend(helm_functions());
    Template::compile("t.yaml", text, &functions)?.render(&data(), options)
}

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let rendered = try_render(text, &Options::default()).map(|it| it.text);
        assert_eq!(rendered.as_deref(), Ok(*expected), "{text}");
    }
}

/// Checks errors: the message, and what stands at its place.
fn check_errors(cases: &[(&str, &str, &str)]) {
    for (text, message, place) in cases {
        let error = try_render(text, &Options::default()).map(|it| it.text).unwrap_err();
        let here = &text[error.span.start as usize..error.span.end as usize];
        assert_eq!((&*error.message, here), (*message, *place), "{text}");
        assert_eq!(&*error.template, "t.yaml");
    }
}

#[test]
fn nil_from_a_map_has_no_fields_but_a_missing_key_has_none_to_miss() {
    check(&[
        ("{{ .missing.x.y }}", "<no value>"),
        ("{{ (.nul).x }}", "<no value>"),
        ("{{ $x := .nul }}{{ $x.y }}", "<no value>"),
        ("{{ index .map \"zz\" }}", "<no value>"),
        ("{{ with $x := .map }}{{ $x.a }}{{ .b.c }}{{ end }}", "1deep"),
        ("{{ template \"t\" .nul }}{{ define \"t\" }}{{ .x }}{{ end }}", "<no value>"),
    ]);
    check_errors(&[
        ("{{ .nul.x }}", "cannot read `x` of nil", ".x"),
        ("{{ range .holes }}{{ .x }}{{ end }}", "cannot read `x` of nil", ".x"),
        ("{{ .n.x }}", "cannot read `x` of an integer", ".x"),
        ("{{ .list.x.y }}", "cannot read `x` of a list", ".x"),
    ]);
}

#[test]
fn variables_live_until_the_end_of_their_block() {
    check(&[
        ("{{ $x := 1 }}{{ range .list }}{{ $x = add $x 1 }}{{ end }}{{ $x }}", "4"),
        ("{{ $x := 1 }}{{ with .map }}{{ $x := 2 }}{{ end }}{{ $x }}", "1"),
        ("{{ $x := 1 }}{{ $x := $x }}{{ $x }}", "1"),
        (
            "{{ range $i, $x := .list }}{{ else }}{{ end }}{{ range $x := .list }}{{ $x }}{{ end }}",
            "abc",
        ),
        ("{{ $i := 9 }}{{ $e := 9 }}{{ range $i, $e = .list }}{{ end }}{{ $i }}{{ $e }}", "2c"),
        ("{{ range $i := 3 }}{{ $i }}{{ end }}", "012"),
        ("{{ if false }}{{ $y = 1 }}{{ end }}ok", "ok"),
        ("{{ $.name }}{{ with 1 }}{{ $.name }}{{ end }}", "webweb"),
    ]);
    check_errors(&[
        ("{{ $x := 1 }}{{ $y }}", "undefined variable `$y`", "$y"),
        ("{{ if true }}{{ $x := 1 }}{{ end }}{{ $x }}", "undefined variable `$x`", "$x"),
        ("{{ $x = 1 }}", "undefined variable: declare it with `:=` first", "$x"),
        ("{{ range $a, $b, $c := .list }}{{ end }}", "too many variables in range", "$b"),
    ]);
}

#[test]
fn syntax_errors_point_at_what_is_wrong() {
    check_errors(&[
        ("a {{ if .t }}b", "`{{if}}` is never closed", "if"),
        ("a {{ .t", "`{{` is never closed", "{{"),
        ("a {{ end }}", "unexpected `{{end}}`: no block is open", "{{ end }}"),
        ("{{ else }}", "unexpected `{{else}}`: no block is open", "{{ else }}"),
        (
            "{{ if .t }}{{ else }}{{ else }}{{ end }}",
            "expected `{{end}}`, found a second `{{else}}`",
            "else",
        ),
        ("{{ .name | 1 }}", "a value cannot stand behind `|`: it takes no input", "1"),
        ("{{ 08 }}", "illegal number `08`", "08"),
        ("{{ .name ! }}", "unexpected `!` in an operand", "!"),
        ("{{ (.name }}", "unclosed left paren", "{{ (.name "),
        ("{{ .name) }}", "unexpected right paren", ")"),
        ("{{ \u{1} }}", "unrecognized character `\\u{1}` in action", "\u{1}"),
        ("{{ range .list }}{{ break 1 }}{{ end }}", "unexpected `1` in `break`", "1"),
        ("{{ template }}", "unexpected `}}` in `template`, which needs a name", "}}"),
        (
            "{{define \"a\"}}1{{end}}{{define \"a\"}}2{{end}}",
            "template `a` is defined twice",
            "\"a\"",
        ),
        ("{{ upperr .name }}", "function `upperr` is not defined", "upperr"),
        ("{{ if }}x{{ end }}", "missing value for if", ""),
    ]);
}

#[test]
fn errors_at_run_time_point_at_the_call_or_the_field() {
    check_errors(&[
        ("{{ upper 1 2 }}", "wrong number of arguments for `upper`: wants 1, got 2", "upper 1 2"),
        ("{{ .name 1 }}", "`name` is not a method: it takes no arguments", ".name"),
        ("{{ 1 2 }}", "this is not a function: it takes no arguments", "1"),
        ("{{ template \"no\" . }}", "template `no` is not defined", "\"no\""),
        ("{{ range .name }}{{ end }}", "cannot range over a text", ".name "),
        ("x {{ fail \"boom\" }}", "`fail`: boom", "fail \"boom\""),
        (
            "{{ .n | lt 1 \"a\" }}",
            "wrong number of arguments for `lt`: wants 2, got 3",
            "lt 1 \"a\"",
        ),
        ("{{ call .name }}", "`call`: a text is not a function", "call .name"),
        (
            "{{ 9223372036854775808 }}",
            "this number does not fit a signed 64-bit integer",
            "9223372036854775808",
        ),
    ]);
}

#[test]
fn errors_help() {
    for (text, help) in [
        ("{{ upperr .name }}", "did you mean `upper`?"),
        ("{{ $name := 1 }}{{ $nam }}", "did you mean `$name`?"),
        ("{{ template \"labls\" }}{{ define \"labels\" }}x{{ end }}", "did you mean `labels`?"),
        ("\n{{ if .t }}\n", "add `{{end}}` where it ends"),
        ("\n{{ .name \n", "add `}}` where it ends"),
    ] {
        let error = try_render(text, &Options::default()).unwrap_err();
        assert_eq!(error.help.as_deref(), Some(help), "{text}");
    }
}

#[test]
fn a_missing_key_is_nothing_a_warning_or_an_error() {
    let with = |missing_key| Options { missing_key, ..Options::default() };
    let text = "{{ .nam }} {{ .map.b.d | default \"x\" }} {{ if .x }}{{ end }}{{ .nul }}";
    let warned = try_render(text, &with(MissingKey::Warn)).unwrap();
    assert_eq!(warned.text, "<no value> x <no value>");
    let places: Vec<_> = warned.warnings.iter().map(|it| (&*it.key, it.span.start)).collect();
    let nul = u32::try_from(text.find(".nul").unwrap()).unwrap();
    assert_eq!(places, [("nam", 3), ("", nul)]);
    assert!(try_render(text, &Options::default()).unwrap().warnings.is_empty());

    let error = try_render(text, &with(MissingKey::Error)).unwrap_err();
    assert_eq!((error.kind, &*error.message), (ErrorKind::MissingKey, "missing key `nam`"));
    assert_eq!(error.help.as_deref(), Some("did you mean `name`?"));
}

#[test]
fn and_and_or_stop_early_and_give_the_value_that_decided() {
    check(&[
        (
            "{{ and .t .n }} {{ and .missing (fail \"no\") }} {{ or .n (fail \"no\") }}",
            "3 <no value> 3",
        ),
        ("{{ .n | and .t }} {{ 0 | or .empty }} {{ or 0 \"\" }}", "3 0 "),
    ]);
}

#[test]
fn trimming_and_comments() {
    check(&[
        ("a {{- /* x */ -}} b {{/* y */}} c", "ab  c"),
        ("{{ 3 -}} \n\t {{- 4 }}", "34"),
        ("{{- 3 }} {{ -3 }}{{\n.n\n}}", "3 -33"),
        ("{{ \"}}\" }}{{ `{{` }}", "}}{{"),
        ("{{ 1i }} {{ 1.5-2i }} {{ eq 1i 1i }}", "(0+1i) (1.5-2i) true"),
    ]);
}

#[test]
fn typed_lists_print_their_type() {
    check(&[
        (
            "{{ printf \"%#v %v\" (splitList \",\" \"a,b\") (until 2) }}",
            "[]string{\"a\", \"b\"} [0 1]",
        ),
        ("{{ printf \"%#v\" (until 2) }}", "[]int{0, 1}"),
    ]);
}

#[test]
fn files_share_their_definitions() {
    let mut set = TemplateSet::default();
    let functions = helm_functions();
    set.add("a", "{{ define \"x\" }}first{{ end }}{{ .missing.y }}", &functions).unwrap();
    set.add("b", "{{ define \"x\" }}[{{ . }}]{{ end }}{{ define \"y\" }}  {{ end }}", &functions)
        .unwrap();
    set.add("c", "{{ include \"x\" .name }}{{ tpl \"{{ template `x` .n }}\" . }}{{ define \"x\" }} {{ end }}", &functions).unwrap();
    let rendered = set.template("c").unwrap().render(&data(), &Options::default()).unwrap();
    assert_eq!(rendered.text, "[web][3]");
    assert!(set.template("d").is_none());
    assert!(set.add("d", "{{", &functions).is_err());
    assert!(set.template("d").is_none());
}

#[test]
fn errors_in_other_files_name_them() {
    let mut set = TemplateSet::default();
    let functions = helm_functions();
    set.add("lib", "\n{{ define \"x\" }}{{ .n.y }}{{ end }}", &functions).unwrap();
    set.add("main", "{{ include \"x\" . }}", &functions).unwrap();
    set.add("inner", "{{ tpl \"\\n{{ .n.y }}\" . }}", &functions).unwrap();
    let error =
        |name| set.template(name).unwrap().render(&data(), &Options::default()).unwrap_err();
    let of_main = error("main");
    assert_eq!((&*of_main.template, of_main.span.start), ("lib", 22));
    let of_inner = error("inner");
    assert_eq!((&*of_inner.template, of_inner.span.start), ("inner", 3));
    assert_eq!(of_inner.message, "cannot read `y` of an integer (line 2, column 6 of the text)");
}

#[test]
fn objects_have_fields_and_methods() {
    #[derive(Debug)]
    struct Root;
    impl Object for Root {
        fn type_name(&self) -> &'static str {
            "Root"
        }
        fn field(&self, name: &str) -> Option<Value> {
            (name == "Name").then(|| "n".into())
        }
        fn field_names(&self) -> &'static [&'static str] {
            &["Name"]
        }
        fn call(&self, method: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
            match (method, arguments) {
                ("Twice", [Value::String(it)]) => Some(Ok(format!("{it}{it}").into())),
                ("Fail", _) => Some(Err("no luck".into())),
                _ => None,
            }
        }
        fn display(&self) -> String {
            "{n}".into()
        }
        fn as_any(&self) -> &dyn std::any::Any {
            self
        }
    }
    let data = Value::Object(Rc::new(Root));
    let render = |text: &str| {
        let template = Template::compile("t", text, &Functions::new()).unwrap();
        template.render(&data, &Options::default()).map(|it| it.text)
    };
    assert_eq!(
        render("{{ .Name }}{{ .Twice \"a\" }}{{ \"b\" | .Twice }}{{ . }}").unwrap(),
        "naabb{n}"
    );
    let error = render("{{ .Nane }}").unwrap_err();
    assert_eq!(error.message, "a `Root` has no field `Nane`");
    assert_eq!(error.help.as_deref(), Some("did you mean `Name`?"));
    assert_eq!(render("{{ .Fail }}").unwrap_err().message, "`Fail`: no luck");
    assert_eq!(
        render("{{ .Name 1 }}").unwrap_err().message,
        "`Name` is a field: it takes no arguments"
    );
}

#[test]
fn refused_functions_say_why() {
    let mut functions = Functions::new();
    functions.insert(
        "now",
        crate::Function::Refused { reason: "reads the clock", instead: "set a value" },
    );
    let error = Template::compile("t", "{{ now }}", &functions).unwrap_err();
    assert_eq!(error.kind, ErrorKind::RefusedFunction);
    assert_eq!(error.message, "function `now` is refused: it reads the clock");
    assert_eq!(error.help.as_deref(), Some("set a value"));
}

#[test]
fn templates_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
    shared::<TemplateSet>();
}
