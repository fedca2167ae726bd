//! The grammar, the functions on a small workspace, and the laws of sets and paths on random graphs.

use proptest::prelude::*;

use super::{
    Answer, Argument, Expression, ExpressionKind, FUNCTIONS, Function, Needs, Operator, Parameter,
    Word, evaluate, parse,
};
use crate::graph::{
    Graph, OutputFiles,
    fixture::{Fixture, random_graph},
};

/// Reads `text` and prints what was read, or what is wrong below the text.
fn read(text: &str) -> String {
    match parse(text) {
        Ok(expression) => expression.to_string(),
        Err(error) => {
            let (start, end) = (error.span.start as usize, error.span.end as usize);
            let mark = format!("{}{}", " ".repeat(start), "^".repeat((end - start).max(1)));
            let help = error.help.unwrap_or_default();
            format!("{text}\n{mark} {}; {help}", error.message)
        }
    }
}

/// Asks the small workspace, and prints the labels or what is wrong.
fn ask(text: &str) -> String {
    let fixture = Fixture::new();
    let expression = parse(text).expect("because these expressions are well-formed");
    let graph = fixture.graph(Needs::of(&expression).output_files);
    match evaluate(&graph, &expression) {
        Ok(Answer { path: Some(path), .. }) => {
            path.into_iter().map(|it| &*graph.node(it).label).collect::<Vec<_>>().join("\n")
        }
        Ok(answer) => {
            answer.nodes.iter().map(|it| &*graph.node(it).label).collect::<Vec<_>>().join("\n")
        }
        Err(error) => format!("{error:?}"),
    }
}

#[test]
fn expressions_read_as_bazel_reads_them() {
    for (text, printed) in [
        ("//a:b", "//a:b"),
        ("'//a:b'", "//a:b"),
        ("\"//a:b+c\"", "'//a:b+c'"),
        ("'union'", "'union'"),
        ("\"it's\"", "\"it's\""),
        ("a union b except c intersect d", "a + b - c ^ d"),
        ("a+b-c", "a + b-c"),
        ("a + (b - c)", "a + (b - c)"),
        ("(a + b) - c", "(a + b) - c"),
        ("((a))", "a"),
        ("let v = a + b in $v - c", "let v = a + b in $v - c"),
        ("(let v = a in $v) - c", "(let v = a in $v) - c"),
        ("set( a\n'b c' )", "set(a 'b c')"),
        ("deps(a,2)", "deps(a, 2)"),
        ("rdeps(//..., //:x.yaml)", "rdeps(//..., //:x.yaml)"),
        ("kind('^config$', a)", "kind('^config$', a)"),
        ("attr(label.region, '', a)", "attr(label.region, '', a)"),
        ("deps", "deps"),
    ] {
        assert_eq!(read(text), printed, "{text}");
    }
}

#[test]
fn what_is_no_expression_is_marked() {
    let wrong = [
        "",
        "deps(a",
        "deps(a b)",
        "deps(a, b)",
        "deps(a, 1, 2)",
        "dep(a)",
        "a b",
        "a +",
        "a)",
        "set(a + b)",
        "let v a in b",
        "let 1 = a in b",
        "$a-b",
        "$é",
        "'abc",
        "kind(config)",
        "some(a, 99999999999)",
        "a & b",
    ];
    assert_shown(&wrong.map(read).join("\n"), include_str!("tests/wrong.txt"));
}

/// Compares with a file, so that what people see can be read as they see it.
fn assert_shown(found: &str, expected: &str) {
    assert_eq!(found.trim_end(), expected.trim_end(), "\n{found}");
}

#[test]
fn depth_and_size_have_bounds() {
    let nested = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(60)).is_ok());
    assert!(parse(&nested(100_000)).unwrap_err().message.contains("nested deeper"));
    let lets = "let a = b in ".repeat(100_000);
    assert!(parse(&lets).is_err());
    // What is printed is nested no deeper than what was read.
    let open_lets = format!("{}c", "a + let x = b in ".repeat(60));
    assert!(parse(&open_lets).is_ok_and(|it| parse(&it.to_string()) == Ok(it)));
    let chain = format!("a{}", " + a".repeat(200_000));
    assert!(parse(&chain).is_ok_and(|it| parse(&it.to_string()).is_ok()));
    assert!(parse(&"a ".repeat(1 << 20)).unwrap_err().message.contains("bytes"));
    let calls = format!("a{}", " + deps(a)".repeat(20_000));
    assert!(parse(&calls).unwrap_err().message.contains("functions"));
}

#[test]
fn every_function_has_one_signature() {
    for signature in FUNCTIONS {
        assert_eq!(Function::find(signature.name), Some(signature.function));
        assert_eq!(signature.function.signature().name, signature.name);
        assert!(signature.usage.starts_with(&format!("{}(", signature.name)));
    }
}

#[test]
fn bazels_functions() {
    for (text, expected) in [
        (
            "deps(//policy/dev:all)",
            "//:dev:policies.yaml\n//policy/dev:everywhere\n//policy/dev:idle",
        ),
        ("deps(//env/dev/large:app-test, 0)", "//env/dev/large:app-test"),
        (
            "rdeps(//env/dev/..., //config/dev:west, 1)",
            "//config/dev:west\n//env/dev/large:app-test",
        ),
        ("rdeps(//policy/dev:all, //config/dev:west)", ""),
        (
            "allrdeps(//template:rec) ^ //cluster-type:all",
            "//cluster-type/dev:large\n//cluster-type/dev:small",
        ),
        (
            "somepath(//env/dev/large:app-test, //:base:app.yaml)",
            "//env/dev/large:app-test\n//target/dev:app-test\n//registration:app\n//:base:app.yaml",
        ),
        ("somepath(//policy/dev:all, //template:rec)", ""),
        (
            "allpaths(//target/dev:app-test, //:base:app.yaml)",
            "//:base:app.yaml\n//registration:app\n//target/dev:app-test\n//workload:app",
        ),
        (
            "kind('type|policy', //...)",
            "//cluster-type/dev:large\n//cluster-type/dev:small\n//cluster-type/dev:spare\n//policy/dev:everywhere\n//policy/dev:idle",
        ),
        ("kind('^template$', //template:all)", "//template:cfg\n//template:rec"),
        (
            "kind('source file', //:*)",
            "//:app:workload.yaml\n//:base:app.yaml\n//:base:templates.yaml\n//:dev:clusters.yaml\n//:dev:config.yaml\n//:dev:policies.yaml\n//:wob.yaml",
        ),
        (
            "kind('output file', //env/dev/small:*)",
            "//env/dev/small:app-test/config.yaml\n//env/dev/small:app-test/namespace.yaml\n//env/dev/small:app-test/reconciler.yaml",
        ),
        (
            "deps(//env/dev/small:app-test/config.yaml, 1)",
            "//env/dev/small:app-test\n//env/dev/small:app-test/config.yaml",
        ),
        ("attr(label.size, '^l', //...)", "//cluster-type/dev:large\n//config/dev:west"),
        (
            "attr(workload, app, //env/dev/...)",
            "//env/dev/large:app-test\n//env/dev/small:app-test",
        ),
        ("attr(policies, everywhere, //env/dev/large:all)", "//env/dev/large:app-test"),
        ("attr(data.REGION, west, //config:all)", "//config/dev:west"),
        ("attr(contentType, '.', //template:all)", ""),
        ("filter('//.*/dev:s', //...)", "//cluster-type/dev:small\n//cluster-type/dev:spare"),
        ("labels(reconciler, //env/dev/large:app-test)", "//template:rec"),
        ("labels(registration, //target/dev:all)", "//registration:app"),
        ("labels(clusterType, //env:dev + //env/dev/large:app-test)", "//cluster-type/dev:large"),
        ("some(//cluster-type:all)", "//cluster-type/dev:large"),
        ("some(//cluster-type:all, 2)", "//cluster-type/dev:large\n//cluster-type/dev:small"),
        (
            "set(//policy/dev:idle //target/dev:app-test)",
            "//policy/dev:idle\n//target/dev:app-test",
        ),
        (
            "let v = //policy/dev:all in $v - (let v = //policy/dev:idle in $v)",
            "//policy/dev:everywhere",
        ),
        (
            "//policy/dev:all - //policy/dev:idle + //policy/dev:idle",
            "//policy/dev:everywhere\n//policy/dev:idle",
        ),
    ] {
        assert_eq!(ask(text), expected, "{text}");
    }
}

#[test]
fn functions_of_fleets() {
    for (text, expected) in [
        (
            "owner(clusters.yaml)",
            "//cluster-type/dev:large\n//cluster-type/dev:small\n//cluster-type/dev:spare",
        ),
        ("owner('dev:policies.yaml')", "//policy/dev:everywhere\n//policy/dev:idle"),
        ("owner(wob.yaml)", ""),
        ("assignments(//config/dev:west)", "//env/dev/large:app-test"),
        ("assignments(//env:dev)", "//env/dev/large:app-test\n//env/dev/small:app-test"),
        ("assignments(//env/dev/small:app-test/config.yaml)", "//env/dev/small:app-test"),
        ("assignments(//:wob.yaml)", "//env/dev/large:app-test\n//env/dev/small:app-test"),
        ("assignments(//policy/dev:idle)", ""),
        ("selected_by(//policy/dev:idle)", "//target/dev:app-test"),
        ("selects(//cluster-type/dev:large)", "//policy/dev:everywhere"),
        ("unassigned(//...)", "//cluster-type/dev:spare"),
        (
            "env(dev) ^ (//env:dev + //env/dev/...)",
            "//env/dev/large:app-test\n//env/dev/small:app-test\n//env:dev",
        ),
    ] {
        assert_eq!(ask(text), expected, "{text}");
    }
}

#[test]
fn words_that_name_nothing_say_what_there_is() {
    for (text, message, help) in [
        ("//env:dve", "there is no environment `dve`", "did you mean `dev`?"),
        ("//env/dev/larg:all", "there is no cluster type `larg`", "did you mean `large`?"),
        ("//env/dev/large:ap-test", "there is no assignment `ap-test`", "did you mean `app-test`?"),
        ("//workload:ap", "there is no workload `ap`", "did you mean `app`?"),
        (
            "owner(cluster.yaml)",
            "there is no source file `cluster.yaml`",
            "did you mean `clusters.yaml`?",
        ),
        ("env(dve)", "there is no environment `dve`", "did you mean `dev`?"),
        ("attr(lable, x, //...)", "there is no attribute `lable`", "did you mean `label.`?"),
        ("labels(polices, //...)", "there is no attribute `polices`", "did you mean `policies`?"),
        ("let aa = //... in $ab", "no variable `$ab` is bound here", "did you mean `$aa`?"),
        (
            "kind('(', //...)",
            "`(` is not a regular expression: unclosed group",
            "write `\\` before a sign that stands for itself",
        ),
        (
            "stage",
            "label `stage` does not begin with `//`",
            "for an environment write `//env:stage`; for everything `//...`",
        ),
    ] {
        let fixture = Fixture::new();
        let graph = fixture.graph(OutputFiles::LeftOut);
        let error = evaluate(&graph, &parse(text).unwrap()).unwrap_err();
        assert_eq!(
            (error.message.as_str(), error.help.as_deref()),
            (message, Some(help)),
            "{text}"
        );
    }
}

#[test]
fn only_what_is_asked_for_is_read() {
    let needs = |text| Needs::of(&parse(text).unwrap());
    let named = needs("deps(//env/dev/...) + set(//policy/stage:x)").environments.unwrap();
    assert_eq!(named.into_iter().collect::<Vec<_>>(), ["dev", "stage"]);
    for all in ["//...", "allrdeps(//env:dev)", "//workload:app", "//:a.yaml", "owner(a.yaml)"] {
        assert_eq!(needs(all).environments, None, "{all}");
    }
    for files in ["//...:*", "//env/dev/large:app/x.yaml", "set(//env/dev/large:*)"] {
        assert_eq!(needs(files).output_files, OutputFiles::Added, "{files}");
    }
}

fn arbitrary_word() -> impl Strategy<Value = String> {
    prop_oneof!["//[a-z/]{0,6}:[a-z.]{1,5}", "[a-z ^()+'-]{0,8}", Just("in".to_owned())]
        .prop_filter("a word that begins with `$` is a variable", |it| !it.starts_with('$'))
}

fn arbitrary_call(set: BoxedStrategy<Expression>) -> impl Strategy<Value = Expression> {
    let at = |text: String| Word { text, span: wob_engine::Span::default() };
    let some = (0..FUNCTIONS.len(), proptest::collection::vec(set, 3));
    (some, arbitrary_word(), proptest::option::of(0..9_u32)).prop_map(
        move |((index, mut sets), word, number)| {
            let signature = &FUNCTIONS[index];
            let argument = |parameter: &Parameter| match parameter {
                Parameter::Set => sets.pop().map(Argument::Set),
                Parameter::Word => Some(Argument::Word(at(word.clone()))),
                Parameter::OptionalNumber => number.map(Argument::Number),
            };
            let arguments = signature.parameters.iter().filter_map(argument).collect();
            expression(ExpressionKind::Call(signature.function, arguments))
        },
    )
}

fn expression(kind: ExpressionKind) -> Expression {
    Expression { kind, span: wob_engine::Span::default() }
}

fn arbitrary_expression() -> impl Strategy<Value = Expression> {
    let at = |text: String| Word { text, span: wob_engine::Span::default() };
    let name = "[a-z_][a-z0-9_]{0,3}";
    let leaf = prop_oneof![
        arbitrary_word().prop_map(|it| expression(ExpressionKind::Word(it))),
        name.prop_map(|it| expression(ExpressionKind::Variable(it))),
        proptest::collection::vec(arbitrary_word().prop_map(at), 0..3)
            .prop_map(|it| expression(ExpressionKind::Set(it))),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let operator =
            prop_oneof![Just(Operator::Union), Just(Operator::Except), Just(Operator::Intersect)];
        let rest = proptest::collection::vec((operator, inner.clone()), 1..3);
        prop_oneof![
            (inner.clone(), rest).prop_map(|(first, rest)| {
                expression(ExpressionKind::Chain { first: Box::new(first), rest })
            }),
            (name, inner.clone(), inner.clone()).prop_map(|(name, value, body)| {
                let (value, body) = (Box::new(value), Box::new(body));
                expression(ExpressionKind::Let { name, value, body })
            }),
            arbitrary_call(inner.boxed()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_is_printed_reads_as_it_was(it in arbitrary_expression()) {
        prop_assert_eq!(parse(&it.to_string()), Ok(it.clone()), "{}", it);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[a-z$'\"()+^=, -]{0,60}") {
        if let Ok(it) = parse(&text) {
            prop_assert_eq!(parse(&it.to_string()), Ok(it));
        }
    }

    #[test]
    fn sets_obey_their_algebra(graph in random_graph(), picks in any::<[u64; 3]>()) {
        let [x, y, z] = picks.map(|it| Picked(&graph).of(it));
        let set = |text: &str| {
            let text = text.replace('x', "$x").replace('y', "$y").replace('z', "$z");
            let text = format!("let x = {x} in let y = {y} in let z = {z} in {text}");
            evaluate(&graph, &parse(&text).unwrap()).unwrap().nodes
        };
        for (left, right) in [
            ("x + y", "y + x"), ("x ^ y", "y ^ x"),
            ("(x + y) + z", "x + (y + z)"), ("(x ^ y) ^ z", "x ^ (y ^ z)"),
            ("x ^ (y + z)", "(x ^ y) + (x ^ z)"), ("x + (y ^ z)", "(x + y) ^ (x + z)"),
            ("x + x", "x"), ("x ^ x", "x"), ("x - x", "x - x - y"), ("x + (x ^ y)", "x"),
            ("x - y", "x - (x ^ y)"), ("x - (y + z)", "x - y - z"), ("(x - y) + (x ^ y)", "x"),
            ("let v = x in $v + y", "x + y"),
        ] {
            prop_assert_eq!(set(left), set(right), "{} = {}", left, right);
        }
    }

    #[test]
    fn paths_follow_edges(graph in random_graph(), picks in any::<[u64; 2]>()) {
        let [x, y] = picks.map(|it| Picked(&graph).of(it));
        let answer = |text: &str| {
            let text = format!("let x = {x} in let y = {y} in {text}");
            evaluate(&graph, &parse(&text).unwrap()).unwrap()
        };
        let set = |text: &str| answer(text).nodes;
        prop_assert_eq!(set("deps(deps($x))"), set("deps($x)"));
        prop_assert_eq!(set("allrdeps(allrdeps($x))"), set("allrdeps($x)"));
        prop_assert_eq!(set("deps($x, 2)"), set("deps(deps($x, 1), 1)"));
        prop_assert_eq!(set("rdeps($x, $y)"), set("deps($x) ^ allrdeps($y ^ deps($x))"));
        prop_assert_eq!(set("allpaths($x, $y)"), set("deps($x) ^ allrdeps($y)"));
        let path = answer("somepath($x, $y)").path.unwrap();
        prop_assert_eq!(path.is_empty(), set("allpaths($x, $y)").is_empty());
        prop_assert!(path.iter().all(|it| set("allpaths($x, $y)").contains(*it)));
        let down = crate::graph::Direction::Dependencies;
        prop_assert!(path.windows(2).all(|it| graph.neighbours(it[0], down).contains(&it[1])));
        if let (Some(first), Some(last)) = (path.first(), path.last()) {
            prop_assert!(set("$x").contains(*first) && set("$y").contains(*last));
        }
        for node in set("$x").iter().take(4) {
            for other in set("$y").iter().take(4) {
                let label = |it| graph.node(it).label.to_string();
                let below = format!("deps({}) ^ {}", label(node), label(other));
                let above = format!("allrdeps({}) ^ {}", label(other), label(node));
                prop_assert_eq!(set(&below).is_empty(), set(&above).is_empty());
            }
        }
    }

    #[test]
    fn nothing_unassigned_has_an_assignment(graph in random_graph(), pick in any::<u64>()) {
        let x = Picked(&graph).of(pick);
        let empty = format!("unassigned({x}) ^ deps(assignments(//...))");
        prop_assert!(evaluate(&graph, &parse(&empty).unwrap()).unwrap().nodes.is_empty());
        let empty = format!("assignments(unassigned({x}))");
        prop_assert!(evaluate(&graph, &parse(&empty).unwrap()).unwrap().nodes.is_empty());
    }
}

/// Picks nodes of a graph by the bits of a number.
struct Picked<'g, 'd>(&'g Graph<'d>);

impl Picked<'_, '_> {
    fn of(&self, bits: u64) -> String {
        let all = self.0.filter(|_| true);
        let picked = all.iter().filter(|it| bits >> (it.index() % 64) & 1 == 1);
        let labels: Vec<&str> = picked.map(|it| &*self.0.node(it).label).collect();
        format!("set({})", labels.join(" "))
    }
}
