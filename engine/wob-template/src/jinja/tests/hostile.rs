//! No jinja template panics, overflows the stack of a thread, or takes memory or time without bound.

use std::thread;

use proptest::prelude::*;

use super::*;

/// Runs on a thread with the stack that the standard library gives, which pools of threads have too.
fn on_a_small_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let builder = thread::Builder::new().stack_size(2 << 20);
        builder.spawn_scoped(scope, work).unwrap().join().unwrap()
    })
}

#[track_caller]
fn fails(text: &str, kind: ErrorKind) {
    let error = on_a_small_stack(|| render(text)).expect_err(&text[..text.len().min(200)]);
    assert_eq!(error.kind, kind, "{error} in {}", &text[..text.len().min(200)]);
    assert!(text.get(error.span.start as usize..error.span.end as usize).is_some(), "{error:?}");
}

#[test]
fn names_do_not_double() {
    for step in ["x ~ x", "x + x", "[x, x]", "{'a': x, 'b': x}", "dict(a=x, b=x)", "(x, x)"] {
        fails(
            &format!("{{% set x = name %}}{}", format!("{{% set x = {step} %}}").repeat(40)),
            ErrorKind::Limit,
        );
        let with = format!("{{% with x = {step} %}}").repeat(20) + &"{% endwith %}".repeat(20);
        fails(&format!("{{% set x = name %}}{with}"), ErrorKind::Limit);
        let loops = format!("{{% for x in [{step}] %}}").repeat(20) + &"{% endfor %}".repeat(20);
        fails(&format!("{{% set x = name %}}{loops}"), ErrorKind::Limit);
    }
    let grown = "{% set x = x ~ x if name else x %}".repeat(40);
    fails(&format!("{{% set x = name %}}{grown}"), ErrorKind::Limit);
    fails(&"{% set x = ports ~ ports %}".repeat(200), ErrorKind::Limit);
}

#[test]
fn values_do_not_become_deep() {
    for step in ["[x]", "{'a': x}", "x[1:]", "x | reverse", "x | sort", "x | unique", "(x,)"] {
        let text =
            format!("{{% set x = ports %}}{}", format!("{{% set x = {step} %}}").repeat(5000));
        fails(&text, ErrorKind::Limit);
    }
}

#[test]
fn filters_do_not_multiply() {
    let replace =
        "{{ 'aaaaaaaaaa'".to_owned() + &" | replace('a', 'aaaaaaaaaa')".repeat(30) + " }}";
    fails(&replace, ErrorKind::Limit);
    fails("{{ 'a' | indent(4000000000, true) }}", ErrorKind::Limit);
    fails("{{ range(100000) | join('x' ~ name ~ 'xxxxxxxxxxxxx') }}", ErrorKind::Limit);
    fails(
        "{% set x = range(100000) | join %}{% for i in range(900) %}{{ x | tojson | length }}{% endfor %}",
        ErrorKind::Limit,
    );
    for filter in ["batch(900000000, 'x')", "slice(900000000)", "format", "sum", "pprint"] {
        fails(&format!("{{{{ ports | {filter} }}}}"), ErrorKind::UnknownFunction);
    }
    fails("{{ ports | map('default', name) }}", ErrorKind::Value);
    for product in ["'x' * 100000000", "ports * 100000000", "3 * name", "-name * name"] {
        fails(&format!("{{{{ {product} }}}}"), ErrorKind::Value);
    }
    check("{{ ports | length * 2 }} {{ ports[0] | int * 3 }}", "4 240");
}

#[test]
fn what_keeps_output_is_refused() {
    for text in [
        "{% set x %}y{% endset %}",
        "{% filter upper %}y{% endfilter %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% call f() %}{% endcall %}",
        "{% block a %}{% endblock %}",
        "{% include 'main.yaml' %}",
        "{% import 'main.yaml' as m %}",
        "{% from 'main.yaml' import m %}",
        "{% extends 'main.yaml' %}",
        "{% autoescape true %}{% endautoescape %}",
        "{% for a in ports recursive %}{{ loop([ports]) }}{% endfor %}",
        "{% do f() %}",
    ] {
        fails(text, ErrorKind::RefusedFunction);
    }
    fails("{% set x.y = 1 %}", ErrorKind::RefusedFunction);
}

#[test]
fn deep_templates_are_errors() {
    let nested = |open: &str, inside: &str, close: &str, depth: usize| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [33, 10_000] {
        fails(&format!("{{{{ {} }}}}", nested("(", "1", ")", depth)), ErrorKind::Limit);
        fails(&format!("{{{{ {} }}}}", nested("[", "1", "]", depth)), ErrorKind::Limit);
        fails(&nested("{% if 1 %}", "x", "{% endif %}", depth), ErrorKind::Limit);
        fails(&nested("{% for a in ports %}", "", "{% endfor %}", depth), ErrorKind::Limit);
        fails(&nested("{% with a = 1 %}", "", "{% endwith %}", depth), ErrorKind::Limit);
    }
    for link in ["1 ~ ", "not ", "-", "1 if 1 else ", "1 ** ", "1 < ", "1 or "] {
        fails(&format!("{{{{ {}1 }}}}", link.repeat(10_000)), ErrorKind::Limit);
    }
    for link in [".a", "[0]", " | upper", " is string", "()", "[1:]"] {
        fails(&format!("{{{{ name{} }}}}", link.repeat(10_000)), ErrorKind::Limit);
    }
    let chain = format!("{{% if 0 %}}{}{{% endif %}}", "{% elif 0 %}y".repeat(10_000));
    fails(&chain, ErrorKind::Limit);
}

/// What the limits let through must fit the stack, too.
#[test]
fn the_deepest_templates_fit_the_stack() {
    let (open, close) = ("{% if (((1))) %}{% with a = 1 %}", "{% endwith %}{% endif %}");
    let brackets = format!("{}1{}", "[(".repeat(14), ")]".repeat(14));
    let chains =
        ["not ".repeat(160), "1 ~ ".repeat(60), "1 if 0 else ".repeat(40), "1 or ".repeat(80)];
    let deepest = chains.map(|it| format!("{{{{ ({it}(({brackets}))) is string }}}}")).concat();
    let branches = "{% elif 0 %}".repeat(64);
    let text = format!(
        "{}{deepest}{{% if 0 %}}{branches}{{% endif %}}{}",
        open.repeat(15),
        close.repeat(15)
    );
    let result = on_a_small_stack(|| render(&text));
    assert_eq!(result.map_err(|it| it.to_string()), Ok("FalseTrueFalseFalse".to_owned()));
}

#[test]
fn deep_data_fits_the_stack() {
    let mut value = wob_engine::Value::Null;
    for _ in 0..128 {
        value = wob_engine::Value::List(vec![value]);
    }
    on_a_small_stack(|| {
        let data = JinjaData::from(&serde_json::json!({ "deep": wob_json(&value) }).into());
        let nested = format!("{}deep{}", "[".repeat(20), "]".repeat(20));
        for filter in ["", "| tojson", "| toyaml", "| string", "| unique", "| sort"] {
            let mut set = Jinja::new(&Limits::default());
            set.add("main", &format!("{{{{ {nested} {filter} }}}}")).unwrap();
            assert!(set.render("main", &data).is_ok(), "{filter}");
        }
    });
}

fn wob_json(value: &wob_engine::Value) -> serde_json::Value {
    value.into()
}

/// Expressions of all kinds, over the data and two names that templates set.
fn expressions() -> impl Strategy<Value = String> {
    let leaves = [
        "x",
        "y",
        "x",
        "y",
        "name",
        "ports",
        "labels",
        "labels.a",
        "none",
        "nope",
        "1",
        "-7",
        "2.5",
        "100000",
        "'é'",
        "'%s'",
        "''",
        "loop",
        "loop.index",
        "range(9)",
        "range(99999)",
        "dict()",
    ];
    let filters: Vec<&str> = filters::all().collect();
    let leaf = prop::sample::select(leaves.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(4, 16, 3, move |inner| {
        let operators = ["~", "+", "-", "*", "/", "//", "%", "**", "and", "or", "==", "<", "in"];
        prop_oneof![
            (inner.clone(), prop::sample::select(operators.to_vec()), inner.clone())
                .prop_map(|(a, operator, b)| format!("({a} {operator} {b})")),
            (inner.clone(), prop::sample::select(filters.clone()))
                .prop_map(|(a, filter)| format!("({a} | {filter})")),
            (inner.clone(), prop::sample::select(filters.clone()), inner.clone())
                .prop_map(|(a, filter, b)| format!("({a} | {filter}({b}))")),
            (inner.clone(), prop::sample::select(filters.clone()), inner.clone(), inner.clone())
                .prop_map(|(a, filter, b, c)| format!("({a} | {filter}({b}, {c}))")),
            inner.clone().prop_map(|a| format!("[{a}, {a}]")),
            inner.clone().prop_map(|a| format!("{{'a': {a}, 'b': {a}}}")),
            inner.clone().prop_map(|a| format!("({a} | map(attribute='a'))")),
            inner.clone().prop_map(|a| format!("{a}[1:]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("dict(a={a}, b={b})")),
        ]
    })
}

fn templates() -> impl Strategy<Value = String> {
    let set = expressions().prop_map(|it| format!("{{% set x = {it} %}}"));
    let other = expressions().prop_map(|it| format!("{{% set y = {it} %}}"));
    let emit = expressions().prop_map(|it| format!("{{{{ {it} }}}}"));
    let open = expressions().prop_map(|it| format!("{{% for x in {it} %}}{{% set y = [y, x] %}}"));
    let statement = prop_oneof![set, other, emit, open];
    (prop::collection::vec(statement, 1..12), 1..4_usize).prop_map(|(parts, times)| {
        let loops = parts.iter().filter(|it| it.starts_with("{% for")).count();
        let parts = parts.concat().repeat(times);
        format!(
            "{{% set x = name %}}{{% set y = ports %}}{parts}{}",
            "{% endfor %}".repeat(loops * times)
        )
    })
}

fn survives(text: &str) -> Result<(), TestCaseError> {
    let result = on_a_small_stack(|| {
        let mut set = Jinja::new(&Limits { steps: 2_000, output: 1 << 16, ..Limits::default() });
        set.add("main", text).and_then(|()| set.render("main", &data()))
    });
    match result {
        Ok(output) => prop_assert!(output.len() <= 1 << 16),
        Err(error) => {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            prop_assert!(text.get(start..end).is_some(), "{error:?} is not in {text:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn random_templates_end(text in templates()) {
        survives(&text)?;
    }

    #[test]
    fn random_pieces_end(
        pieces in prop::collection::vec(
            prop::sample::select(
                &["{{", "}}", "{%", "%}", "{#", "#}", "-", "if ", "for x in ports ", "set x", "=", "else", "elif ",
                  "endif", "endfor", "with ", "endwith", "raw", "endraw", "(", ")", "[", "]", "{", "}", "|", ",", ":",
                  ".", "name", " ", "'", "\"", "é", "\n", "1", "~", "not ", "is ", "include ", "macro f()"][..],
            ),
            0..40,
        )
    ) {
        survives(&pieces.concat())?;
    }
}
