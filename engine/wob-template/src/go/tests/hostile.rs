//! No template panics, overflows the stack, or runs without end.

use proptest::prelude::*;

use super::*;

fn fails_at_a_limit(text: &str) {
    let limits = Limits { output: 1 << 20, steps: 1_000_000, ..Limits::default() };
    let error = try_render(text, &Options { limits, ..Options::default() })
        .map(|it| it.text.len())
        .expect_err(&text[..text.len().min(200)]);
    assert_eq!(error.kind, ErrorKind::Limit, "{error} in {}", &text[..text.len().min(200)]);
}

#[test]
fn deep_nesting_is_an_error() {
    let nested = |open: &str, inside: &str, close: &str, depth: usize| {
        format!("{}{inside}{}", open.repeat(depth), close.repeat(depth))
    };
    for depth in [101, 100_000] {
        fails_at_a_limit(&format!("{{{{ {} }}}}", nested("(", "1", ")", depth)));
        fails_at_a_limit(&format!("{{{{ {} }}}}", nested("(not ", "1", ")", depth)));
        for block in ["if 1", "with 1", "range tuple 1"] {
            let open = format!("{{{{ {block} }}}}");
            fails_at_a_limit(&nested(&open, "x", "{{ end }}", depth));
            fails_at_a_limit(&open.repeat(depth));
        }
        fails_at_a_limit(&nested("{{ block `a` . }}", "", "{{ end }}", depth));
    }
    let chain = format!("{{{{ if 0 }}}}{}z{{{{ end }}}}", "{{ else if 0 }}y".repeat(50_000));
    assert_eq!(try_render(&chain, &Options::default()).unwrap().text, "");
}

#[test]
fn endless_recursion_is_an_error() {
    fails_at_a_limit("{{ define `a` }}{{ template `a` . }}{{ end }}{{ template `a` . }}");
    fails_at_a_limit("{{ define `a` }}{{ include `a` . }}{{ end }}{{ include `a` . }}");
    fails_at_a_limit("{{ template `t.yaml` . }}");
    fails_at_a_limit("{{ $x := `{{ tpl .x . }}` }}{{ tpl $x (dict `x` $x) }}");
    let open = "{{ if 1 }}{{ with $ }}".repeat(49);
    let close = "{{ end }}{{ end }}".repeat(49);
    for call in [
        "template `a` .",
        "print (include `a` . | upper)",
        "print ((((tpl `{{ include \"a\" . }}` $))))",
    ] {
        let body = format!("{open}{{{{ {call} }}}}{close}");
        fails_at_a_limit(&format!(
            "{{{{ define `a` }}}}{body}{{{{ end }}}}{{{{ include `a` . }}}}"
        ));
    }
}

#[test]
fn long_work_is_an_error() {
    fails_at_a_limit(
        "{{ range until 1000 }}{{ range until 1000 }}{{ range until 1000 }}{{ end }}{{ end }}{{ end }}",
    );
    fails_at_a_limit("{{ range 9000000000000000000 }}{{ end }}");
    fails_at_a_limit("{{ range 9000000000000000000 }}aaaaaaaaaaaaaaaaaaaaaaaaaaa{{ end }}");
    fails_at_a_limit("{{ $s := `xx` }}{{ range 64 }}{{ $s = cat $s $s }}{{ end }}");
    fails_at_a_limit(
        "{{ $d := dict }}{{ range 1000 }}{{ $_ := set $d (print .) . }}{{ end }}{{ $l := list }}{{ range 9999 }}{{ $l = append $l (deepCopy $d) }}{{ end }}",
    );
    fails_at_a_limit(&"{{ $x := 1 }}".repeat(1001));
    fails_at_a_limit("{{ $l := list 1 }}{{ range 64 }}{{ $l = list $l $l }}{{ end }}");
    fails_at_a_limit("{{ $l := list 1 }}{{ range 10000 }}{{ $l = list $l }}{{ end }}");
    let format = format!("{{{{ printf `{}`{} }}}}", "%999999d".repeat(20), " 1".repeat(20));
    for text in [&*format, "{{ $s := `xx` }}{{ range 64 }}{{ $s = print $s $s }}{{ end }}"] {
        assert!(try_render(text, &Options::default()).is_err(), "{text}");
    }
}

#[test]
fn a_deep_or_cyclic_map_is_no_danger() {
    let deep = "{{ $cur := dict }}{{ $head := $cur }}{{ range 50000 }}{{ $n := dict }}{{ $_ := set $cur `x` $n }}{{ $cur = $n }}{{ end }}ok";
    assert_eq!(try_render(deep, &Options::default()).unwrap().text, "ok");
    for print in ["{{ $d }}", "{{ print $d }}", "{{ printf `%s` $d }}", "{{ html $d }}"] {
        let cyclic = format!("{{{{ $d := dict }}}}{{{{ $_ := set $d `x` $d }}}}{print}");
        assert!(try_render(&cyclic, &Options::default()).is_err(), "{cyclic}");
    }
}

/// Pieces that make templates likely.
fn pieces() -> impl Strategy<Value = String> {
    let words = [
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        " ",
        "if ",
        "else ",
        "else if ",
        "end",
        "range ",
        "with ",
        "define ",
        "template ",
        "block ",
        "break",
        "continue",
        "nil",
        "true",
        ".",
        ".name",
        ".map.b.c",
        ".list",
        "$",
        "$x",
        "$y",
        ":=",
        "=",
        ",",
        "|",
        "(",
        ")",
        "\"a\"",
        "`b`",
        "'c'",
        "0x1F",
        "-1",
        "1.5e3",
        "2i",
        "print ",
        "printf \"%d%*s%[2]v\" ",
        "index ",
        "slice ",
        "eq ",
        "and ",
        "or ",
        "not ",
        "len ",
        "html ",
        "js ",
        "tpl ",
        "include ",
        "dict ",
        "set ",
        "list ",
        "/*",
        "*/",
        "\n",
        "é",
        "\u{0}",
        "\"",
        "`",
        "'",
        "\\",
        "text",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|it| it.concat())
}

/// Actions that mostly parse, so that the evaluator sees something, too.
fn actions() -> impl Strategy<Value = String> {
    let operands = [
        ".",
        ".name",
        ".n",
        ".nul",
        ".list",
        ".map",
        ".map.b",
        "$",
        "$x",
        "1",
        "-7",
        "2.5",
        "\"%v %d\"",
        "nil",
        "(list 1 2)",
        "(dict \"a\" 1)",
        "(index .list 1)",
    ];
    // Every function that there is: those of sprig must not panic, either.
    let all = crate::sprig::functions();
    let pure = all.iter().filter(|it| matches!(it.1, crate::Function::Pure { .. }));
    let functions: Vec<&str> =
        pure.map(|it| *it.0).chain(builtin::Builtin::names()).chain(["tpl"]).collect();
    let operand = prop::sample::select(operands.to_vec());
    let call = (prop::sample::select(functions), prop::collection::vec(operand, 0..4))
        .prop_map(|(function, operands)| format!("{function} {}", operands.join(" ")));
    let action = prop::collection::vec(call, 1..3).prop_map(|calls| calls.join(" | "));
    let block = (
        prop::sample::select(&["", "if ", "with ", "range ", "range $i, $x := ", "$x = "][..]),
        action,
    );
    prop::collection::vec(block, 1..4).prop_map(|blocks| {
        let mut text = "{{ $x := 1 }}".to_owned();
        let mut open = 0;
        for (block, action) in blocks {
            text.extend(["{{ ", block, &action, " }}"]);
            open += usize::from(block.starts_with(['i', 'w', 'r']));
        }
        text + &"{{ else }}e{{ end }}".repeat(open)
    })
}

fn survives(text: &str) -> Result<(), TestCaseError> {
    let limits = Limits { output: 1 << 16, steps: 20_000, depth: 20 };
    for missing_key in [MissingKey::NoValue, MissingKey::Warn, MissingKey::Error] {
        if let Err(error) = try_render(text, &Options { missing_key, limits }) {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            prop_assert!(text.get(start..end).is_some(), "{error:?} is not in {text:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_text_never_panics(text in ".*") {
        survives(&text)?;
        survives(&format!("{{{{{text}}}}}"))?;
    }

    #[test]
    fn random_pieces_never_panic(text in pieces()) {
        survives(&text)?;
    }

    #[test]
    fn random_actions_never_panic(text in actions()) {
        survives(&text)?;
    }

    #[test]
    fn random_formats_never_panic(format in "(%?[-+# 0]{0,2}(\\[?[0-9*]{0,3}\\]?)?(\\.[0-9*]{0,2})?[a-zA-Z%]?){0,4}") {
        let arguments = [Value::Int(-7), Value::from("é\"x"), Value::Float(-2.5e-7), Value::Nil, data()];
        drop(crate::gofmt::sprintf(&format, &arguments, 1 << 16));
    }
}
