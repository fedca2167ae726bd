//! Huge input: what takes n steps for n things must not take n² for 2n.
//!
//! Processor time is measured, not the clock on the wall, so that a busy machine tells the same.
#![cfg(target_os = "linux")]

use std::fmt::Write as _;

use rayon::ThreadPoolBuilder;
use rustix::time::{ClockId, clock_gettime};

use crate::{
    engine::Workspace,
    fuzz::target,
    oracle::world::{Profile, World},
};

/// How many things each stage gets at first; then twice and four times as many.
const FIRST: usize = 1000;
/// Four times as many things may take this many times as long: four, and what cold caches and a logarithm add.
const MOST: u64 = 9;
/// What is over this soon, in microseconds, may grow as it likes: it has not begun to matter.
const SOON: u64 = 40_000;

/// How often what seems to take too long is measured: a neighbour of the machine can be in the way once, not always.
const TRIES: usize = 3;

/// Returns the processor time that this thread has used, in microseconds: the clock is exact, where `schedstat` tells what was so at
/// the last tick.
fn used() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec * 1_000_000 + now.tv_nsec / 1000).unwrap()
}

/// Does `work` with n, 2n and 4n things on one thread, and returns the least times.
fn measure(work: impl Fn(usize) + Send + Sync) -> [u64; 3] {
    let pool = ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let mut least = [u64::MAX; 3];
    for _ in 0..TRIES {
        for (least, times) in least.iter_mut().zip([1, 2, 4]) {
            let took = pool.install(|| {
                let start = used();
                work(FIRST * times);
                used() - start
            });
            *least = took.min(*least);
        }
        if !is_too_long(least) {
            break;
        }
    }
    least
}

fn is_too_long([first, _, last]: [u64; 3]) -> bool {
    last > SOON && last > MOST * first.max(1)
}

/// Makes an input of n things.
type Make = fn(usize) -> String;

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).map(line).collect()
}

const HEAD: &str = "apiVersion: scheduler.kalypso.io/v1alpha1\n";

/// Inputs of targets that the fuzzer knows too: what is done with one text.
const TEXTS: [(&str, &str, Make); 36] = [
    ("yaml", "keys", |n| lines(n, |i| format!("key{i}: {i}\n"))),
    ("yaml", "equal keys", |n| lines(n, |_| "key: 1\n".to_owned())),
    ("yaml", "items", |n| lines(n, |i| format!("- {i}\n"))),
    ("yaml", "items in one line", |n| format!("[{}]", lines(n, |i| format!("{i}, ")))),
    ("yaml", "documents", |n| lines(n, |i| format!("---\na: {i}\n"))),
    ("yaml", "quotes", |n| lines(n, |_| "- \"a\\\"b\"\n".to_owned())),
    ("yaml", "one long text", |n| format!("a: \"{}\"\n", "\\\"x".repeat(n * 8))),
    ("yaml", "one long block", |n| format!("a: |\n{}", lines(n, |i| format!("  line {i}\n")))),
    ("yaml", "comments", |n| lines(n, |i| format!("# {i}\n")) + "a: 1\n"),
    ("yaml", "anchors", |n| lines(n, |i| format!("- &a{i} [1]\n"))),
    ("yaml", "aliases", |n| format!("- &a [1]\n{}", lines(n, |_| "- *a\n".to_owned()))),
    ("yaml", "merges", |n| {
        format!("a: &a {{x: 1}}\n{}", lines(n, |i| format!("b{i}: {{<<: *a, y: 2}}\n")))
    }),
    ("yaml", "a wide merge", |n| {
        format!(
            "a: &a\n{}b:\n  <<: *a\n{}",
            lines(n, |i| format!("  x{i}: 1\n")),
            lines(n, |i| format!("  x{i}: 1\n"))
        )
    }),
    ("yaml", "lints", |n| lines(n, |_| "- yes\n".to_owned())),
    ("yaml", "tags", |n| lines(n, |_| "- !x y\n".to_owned())),
    ("yaml", "control characters", |n| lines(n, |_| "- a\u{7}b\n".to_owned())),
    ("yaml", "unclosed brackets", |n| lines(n, |_| "a: [\n".to_owned())),
    ("yaml", "an error at the end", |n| lines(n, |i| format!("k{i}: 1\n")) + "\t- x: ]"),
    ("decode", "objects without a name", |n| {
        lines(n, |_| format!("{HEAD}kind: ClusterType\nmetadata: {{}}\nspec: {{}}\n---\n"))
    }),
    ("decode", "unknown fields", |n| {
        format!(
            "{HEAD}kind: ClusterType\nmetadata: {{name: a}}\nspec:\n  reconciler: flux\n{}",
            lines(n, |i| format!("  field{i}: 1\n"))
        )
    }),
    ("decode", "labels that are none", |n| {
        format!(
            "{HEAD}kind: ClusterType\nmetadata:\n  name: a\n  labels:\n{}spec: {{reconciler: flux}}\n",
            lines(n, |i| format!("    '-{i}': ' '\n"))
        )
    }),
    ("decode", "values of a wrong type", |n| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{}",
            lines(n, |i| format!("  k{i}: {i}\n"))
        )
    }),
    ("decode", "targets that are wrong", |n| {
        format!(
            "{HEAD}kind: Workload\nmetadata: {{name: a}}\nspec:\n  deploymentTargets:\n{}",
            lines(n, |i| format!("  - {{name: A{i}, environment: 1}}\n"))
        )
    }),
    ("decode", "a list of objects", |n| {
        format!(
            "apiVersion: v1\nkind: List\nitems:\n{}",
            lines(n, |i| format!(
                "- {{apiVersion: v1, kind: ConfigMap, metadata: {{name: a{i}}}}}\n"
            ))
        )
    }),
    ("selector", "expressions", |n| {
        format!(
            "matchExpressions:\n{}",
            lines(n, |i| format!("- {{key: k{i}, operator: In, values: [a]}}\n"))
        )
    }),
    ("selector", "values", |n| {
        format!(
            "matchExpressions:\n- key: k\n  operator: In\n  values: [{}]",
            lines(n, |i| format!("v{i}, "))
        )
    }),
    ("settings", "environments", |n| {
        format!("environments:\n{}", lines(n, |i| format!("  e{i}: {{path: x, profil: y}}\n")))
    }),
    ("settings", "inputs", |n| {
        format!("inputs:\n{}", lines(n, |i| format!("- {{url: 'https://h/{i}', path: x}}\n")))
    }),
    ("config", "keys", |n| lines(n, |i| format!("K{i}=value {i}\n"))),
    ("config", "items of one list", |n| {
        let list = |from: usize| {
            format!("A=[{}]", lines(n, |i| format!("{{name: n{}, v: 1}}, ", i + from)))
        };
        format!("{}\n--\n{}", list(0), list(n / 2))
    }),
    ("config", "keys of one mapping", |n| {
        format!("A={{{0}}}\n--\nA={{{0}}}", lines(n, |i| format!("k{i}: 1, ")))
    }),
    ("go_template", "actions", |n| "{{ .Namespace }}".repeat(n)),
    ("go_template", "an error at the end", |n| "text {{/* c */}}\n".repeat(n) + "{{ .Nmespace }}"),
    ("jinja", "expressions", |n| "{{ name }}\n".repeat(n)),
    ("jinja", "an error at the end", |n| "text {# c #}\n".repeat(n) + "{{ nme }}"),
    ("schema", "properties", |n| {
        format!(
            "{{\"properties\": {{{}\"x\": {{}}}}}}\n--\nK1=12\n",
            lines(n, |i| format!("\"K{i}\": {{\"type\": \"integer\"}}, "))
        )
    }),
];

#[test]
fn no_text_takes_more_than_its_share() {
    let mut slow = vec![];
    for (name, what, make) in TEXTS {
        let call = target(name);
        let times = measure(|n| call(make(n).as_bytes()));
        judge(&format!("{name}: {what}"), times, &mut slow);
    }
    assert!(slow.is_empty(), "{slow:#?}");
}

#[expect(clippy::print_stdout, reason = "the table is worth a look")]
fn judge(what: &str, times: [u64; 3], slow: &mut Vec<String>) {
    let [first, second, last] = times;
    let line = format!("{what:44} {first:8} {second:8} {last:8} µs");
    println!("{line}");
    if is_too_long(times) {
        slow.push(line);
    }
}

fn object(kind: &str, name: &str, spec: &str) -> String {
    format!("{HEAD}kind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n")
}

/// Puts n things into an environment.
type Fill = fn(usize, &mut World);

/// What a whole environment may hold many of.
const WORLDS: [(&str, Fill); 11] = [
    ("cluster types", |n, world| {
        for i in 0..n {
            put(
                world,
                i,
                &object(
                    "ClusterType",
                    &format!("c{i}"),
                    "{reconciler: rec, namespaceService: rec, configType: rec}",
                ),
            );
        }
    }),
    ("targets", |n, world| {
        put(
            world,
            0,
            &object(
                "ClusterType",
                "c",
                "{reconciler: rec, namespaceService: rec, configType: rec}",
            ),
        );
        let target = |i| format!("{{name: t{i}, environment: dev, manifests: {{}}}}, ");
        workload(world, &format!("{{deploymentTargets: [{}]}}", lines(n, target)));
    }),
    ("cluster types of one name", |n, world| {
        for i in 0..n {
            put(world, i, &object("ClusterType", "c", "{reconciler: rec}"));
        }
    }),
    ("cluster types with unknown templates", |n, world| {
        for i in 0..n {
            put(
                world,
                i,
                &object("ClusterType", &format!("c{i}"), &format!("{{reconciler: unknown-{i}}}")),
            );
            world.base.entry("templates.yaml".to_owned()).or_default().push_str(&object(
                "Template",
                &format!("known-{i}"),
                "{manifests: [{a: 1}]}",
            ));
        }
    }),
    ("policies", |n, world| {
        for i in 0..n {
            put(world, i, &object("SchedulingPolicy", &format!("p{i}"), "{}"));
        }
    }),
    ("idle policies", |n, world| {
        for i in 0..n {
            let selector = format!(
                "{{deploymentTargetSelector: {{labelSelector: {{matchLabels: {{x: v{i}}}}}}}}}"
            );
            put(world, i, &object("SchedulingPolicy", &format!("p{i}"), &selector));
        }
    }),
    ("config layers", |n, world| {
        for i in 0..n {
            layer(world, i, "{platform-config: 'true'}", "{A: '1'}");
        }
    }),
    ("config layers with lists", |n, world| {
        for i in 0..n {
            layer(world, i, "{platform-config: 'true'}", &format!("{{A: '[{{name: n{i}}}]'}}"));
        }
    }),
    ("config layers of one name", |n, world| {
        for i in 0..n {
            layer(world, 0, "{platform-config: 'true'}", "{A: '1'}");
            let text = world.environment.remove("layer-0.yaml").unwrap();
            world.environment.insert(format!("same-{i}.yaml"), text);
        }
    }),
    ("broken layers", |n, world| {
        for i in 0..n {
            layer(
                world,
                i,
                &format!("{{platform-config: 'true', region: r{i}, bad: '-'}}"),
                "{A: '1'}",
            );
        }
    }),
    ("files that are no YAML", |n, world| {
        for i in 0..n {
            put(world, i, "a: [\n");
        }
    }),
];

fn put(world: &mut World, number: usize, text: &str) {
    world.environment.insert(format!("f{number}.yaml"), text.to_owned());
}

fn layer(world: &mut World, number: usize, labels: &str, data: &str) {
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: l{number}, labels: {labels}}}\ndata: {data}\n"
    );
    world.environment.insert(format!("layer-{number}.yaml"), text);
}

fn workload(world: &mut World, spec: &str) {
    let files = world.workloads.get_mut("app").unwrap();
    files.insert("workload.yaml".to_owned(), object("Workload", "app", spec));
}

fn small_world() -> World {
    let mut world = World::new("dev", Profile::Standard);
    let mut base = object("Template", "rec", "{manifests: ['kind: {{ .Namespace }}']}");
    base += &object(
        "WorkloadRegistration",
        "app",
        "{workspace: team, workload: {repo: app, branch: main, path: .}}",
    );
    base += &object("SchedulingPolicy", "all", "{}");
    write!(base, "{HEAD}kind: ClusterType\nmetadata: {{name: only}}\nspec: {{reconciler: rec, namespaceService: rec, configType: rec}}\n").unwrap();
    world.base.insert("base.yaml".to_owned(), base);
    world.workloads.insert("app".to_owned(), crate::oracle::world::Files::new());
    workload(&mut world, "{deploymentTargets: [{name: t, environment: dev, manifests: {}}]}");
    world
}

#[test]
fn no_environment_takes_more_than_its_share() {
    let mut slow = vec![];
    for (what, fill) in WORLDS {
        let times = measure(|n| {
            let mut world = small_world();
            fill(n / 2, &mut world);
            let built = Workspace::new(&world).build();
            assert!(!built.assignments.is_empty() || !built.diagnostics.is_empty(), "{what}");
        });
        judge(&format!("environment: {what}"), times, &mut slow);
    }
    assert!(slow.is_empty(), "{slow:#?}");
}
