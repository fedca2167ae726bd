//! The fuzzer's targets, called a bounded number of times with seeds that a hand damaged.
//!
//! `WOB_FUZZ_SECONDS` says how long each target is tried instead; `WOB_FUZZ_CORPUS` names a folder where the seeds are
//! written for the fuzzer.

#[expect(unreachable_pub, reason = "for the fuzzer, this module is a crate")]
mod targets;

use std::{
    env,
    fmt::Write as _,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use camino::Utf8Path;
use wob_engine::Digest;

use self::targets::TARGETS;
pub(crate) use self::targets::Target;
use crate::{oracle::world::read_files, property::Random, support::ROOT};

/// Returns a target by its name.
pub(crate) fn target(name: &str) -> Target {
    TARGETS.into_iter().find(|it| it.0 == name).expect("because the name is one of them").1
}

/// How often each target is called without another wish.
const CALLS: u64 = 400;
/// The longest that one call may take: far more than it does, even where everything is slow.
const LONGEST: Duration = Duration::from_secs(20);

/// Words that mean something somewhere.
const WORDS: [&str; 60] = [
    "{{",
    "}}",
    "{%",
    "%}",
    "{{-",
    "-}}",
    "{{ end }}",
    "{% endfor %}",
    ".",
    "|",
    "(",
    ")",
    "\"",
    "'",
    "`",
    "$x",
    ":=",
    "range",
    "if",
    "else",
    "define \"a\"",
    "template \"a\" .",
    "include \"a\" .",
    "tpl",
    "printf \"%v\"",
    "repeat 1000000",
    "indent 1000000",
    "until 1000000",
    "range(1000000)",
    "* 1000000000",
    "loop.index",
    "&a ",
    "*a",
    "<<: ",
    "!!int ",
    "!!binary ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ": ",
    "\t",
    "|\n",
    ">-\n",
    "#",
    "---\n",
    "\u{e9}",
    "\u{feff}",
    "\u{2028}",
    "\0",
    "0x1p-1074",
    "1e309",
    "-9223372036854775808",
    "~",
    "//env/dev:all",
    "/...",
    "\"pattern\": \"(a+)+$\"",
    "\"$ref\": \"#\"",
];

/// Returns good inputs of a target.
fn seeds(target: &str) -> Vec<Vec<u8>> {
    let texts: Vec<String> = match target {
        "query" => [
            "//env:prod",
            "deps(//env/dev:*, 2) ^ kind(template, //...)",
            "let x = //env/... in somepath($x, set(//:a.yaml //template:t)) - attr(labels, 'a.*', $x)",
            "assignments(owner(base/t.yaml)) + allrdeps(//config/dev:c) intersect unassigned(//...)",
        ]
        .map(Into::into)
        .into(),
        "label" => [
            "//env:stage", "//env/stage/large:app-test/namespace.yaml", "//...", "//policy/stage:uat-test-policy",
            "//:templates/argocd.yaml", "//env/stage/...", "//template:all",
        ]
        .map(str::to_owned)
        .into(),
        "selector" => [
            "matchLabels: {region: west, size: ''}",
            "matchLabels:\n  a.b/c: d\nmatchExpressions:\n- {key: region, operator: In, values: [west, east]}\n- {key: x, operator: DoesNotExist}",
            "matchExpressions:\n- {key: region, operator: NotIn, values: [west]}\n- {key: size, operator: Exists}",
        ]
        .map(str::to_owned)
        .into(),
        "config" => [
            "A=1\nB={x: 1}\n--\nB={y: 2}\nC='12'",
            "A=- a\\n- b\\n\nB=x: 1\\ny: [2]\\n\n--\nA=- {name: n, v: 1}\nB=text\n--\nB={x: {y: {z: 1}}}",
            "region.west.A=1\nsize.l.region.west.A=2\n--\nA=&a [1, *a]",
        ]
        .map(str::to_owned)
        .into(),
        "schema" => [
            r#"{"type": "object", "required": ["PORT"], "properties": {"PORT": {"type": "integer", "minimum": 1}}}"#,
            r##"{"$defs": {"a": {"anyOf": [{"type": "string", "pattern": "^(a|b)*$"}, {"$ref": "#/$defs/a"}]}}, "additionalProperties": {"$ref": "#/$defs/a"}}"##,
            "{\"patternProperties\": {\"^[A-Z_]+$\": {\"enum\": [1, \"x\"]}}}\n--\nPORT=1\nLIST=[1, {a: b}]",
        ]
        .map(str::to_owned)
        .into(),
        "record" => [
            r#"{"version": 1, "wob": "0.1.0", "environment": "dev", "profile": "standard", "root": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "gitTree": "", "dirty": false, "files": {}, "assignments": [], "sources": []}"#,
            r#"{"version": 1, "wob": "0.1.0", "environment": "dev", "profile": "kalypso", "root": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "gitTree": "", "dirty": true, "scheduler": {"name": "exec"}, "files": {"a/b": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"}, "assignments": [{"clusterType": "large", "target": "app-x", "policies": ["p"], "failed": true}], "sources": [{"role": "settings", "name": "wob.yaml", "url": "x", "digest": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "dirty": true}]}"#,
            r#"{"version": 2, "wob": "9.0.0", "other": []}"#,
            r#"{"version": 2, "wob": "0.1.0", "environment": "dev", "profile": "standard", "root": "DIGEST", "gitTree": "", "dirty": false, "files": {"x": "DIGEST"}, "parts": {"large": {"root": "DIGEST", "gitTree": "4b825dc642cb6eb9a060e54bf8d69288fbee4904", "record": "DIGEST", "assignments": 1, "files": 1}}, "sources": []}"#,
            r#"{"version": 2, "clusterType": "large", "files": {"app-x/a": "DIGEST", "\"": "DIGEST"}, "assignments": [{"target": "app-x", "policies": ["p"], "inputs": "DIGEST"}, {"target": "b", "policies": [], "failed": true}]}"#,
        ]
        .map(|it| it.replace("DIGEST", &Digest::of(b"").to_string()))
        .into(),
        "jinja" => jinja_seeds(),
        "settings" => texts_below("examples", |path| path.file_name() == Some("wob.yaml")),
        _ => texts_below("examples", |path| path.extension() == Some("yaml")),
    };
    let mut seeds: Vec<Vec<u8>> = texts.iter().map(|it| it.clone().into_bytes()).collect();
    if target == "go_template" {
        // The templates alone, too: a block whose first line is indented by six.
        let blocks = texts.iter().flat_map(|it| it.split("    - |\n").skip(1));
        seeds.extend(blocks.map(|it| it.replace("\n      ", "\n").into_bytes()));
    }
    seeds
}

fn texts_below(folder: &str, wanted: impl Fn(&Utf8Path) -> bool) -> Vec<String> {
    let files = read_files(&Path::new(ROOT).join(folder));
    files.into_iter().filter(|it| wanted(Utf8Path::new(&it.0))).map(|it| it.1).collect()
}

/// The built-in rules, and what they leave out of the language.
fn jinja_seeds() -> Vec<String> {
    let rules = texts_below("rules/reconcilers", |path| path.extension() == Some("j2"));
    let more = [
        "{% for port in ports if port > 80 %}- {{ loop.index }}: {{ port * 2 }}\n{% else %}none{% endfor %}",
        "{% set all = labels | items | list %}{{ all | join(', ') }}{{ (name ~ name) | indent(2) | upper }}",
        "{% with x = ports[0], y = {'a': [1, 2]} %}{{ x + y.a[1] }}{{ y | toyaml }}{% endwith %}{{ name[1:] }}",
    ];
    rules.into_iter().chain(more.map(str::to_owned)).collect()
}

/// Damages a seed: parts of it go, double, change, or are those of another one.
fn damaged(seeds: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = seeds[random.below(seeds.len())].clone();
    for _ in 0..random.between(0, 8) {
        let at = random.below(data.len() + 1);
        let end = (at + random.below(24)).min(data.len());
        let part = match random.below(6) {
            0 => vec![],
            1 => [&data[at..end], &data[at..end]].concat(),
            2 => random.pick(&WORDS).as_bytes().to_vec(),
            3 => vec![u8::try_from(random.below(256)).unwrap()],
            4 => data[at..end].repeat(random.between(2, 200)),
            _ => {
                let other = &seeds[random.below(seeds.len())];
                let from = random.below(other.len() + 1);
                other[from..(from + random.below(64)).min(other.len())].to_vec()
            }
        };
        data.splice(at..end, part);
    }
    data
}

/// Calls a target until it was enough, and says how often that was.
fn try_hard(name: &str, target: Target) -> u64 {
    let seconds = env::var("WOB_FUZZ_SECONDS").ok().and_then(|it| it.parse::<u64>().ok());
    let start = Instant::now();
    let seeds = seeds(name);
    assert!(seeds.len() >= 2, "{name} has {} seeds", seeds.len());
    for seed in &seeds {
        target(seed);
    }
    let mut calls = 0;
    while seconds.map_or(calls < CALLS, |it| start.elapsed().as_secs() < it) {
        let data = damaged(&seeds, &mut Random::new(calls));
        let call = Instant::now();
        // What fails is shown, lest the seed be all that is known of it.
        let result = std::panic::catch_unwind(|| target(&data));
        assert!(result.is_ok(), "{name} fails on {:?}", String::from_utf8_lossy(&data));
        let took = call.elapsed();
        assert!(took < LONGEST, "{name} took {took:?}: {:?}", String::from_utf8_lossy(&data));
        calls += 1;
    }
    calls
}

#[test]
#[expect(clippy::print_stdout, reason = "who asked for seconds wants to know what came of them")]
fn every_target_stands_what_a_hand_damages() {
    // As much stack as a worker of rayon has.
    let work = |(name, target): (&'static str, Target)| {
        let thread = thread::Builder::new().stack_size(2 << 20);
        (name, thread.spawn(move || try_hard(name, target)).unwrap())
    };
    for (name, thread) in TARGETS.map(work) {
        let calls = thread.join().unwrap_or_else(|_| panic!("{name} failed"));
        println!("{name}: {calls} calls");
        assert!(calls > 50, "{name}: {calls} calls");
    }
}

/// The fuzzer begins where the tests do.
#[test]
fn seeds_are_written_for_the_fuzzer() {
    let temp = tempfile::tempdir().unwrap();
    let folder = env::var("WOB_FUZZ_CORPUS").map_or_else(|_| temp.path().to_owned(), Into::into);
    for (name, _) in TARGETS {
        let folder = folder.join(name);
        fs::create_dir_all(&folder).unwrap();
        for (number, seed) in seeds(name).iter().enumerate() {
            fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
        }
    }
    let mut words = String::new();
    for word in WORDS {
        words.push('"');
        for byte in word.bytes() {
            write!(words, "\\x{byte:02x}").unwrap();
        }
        words.push_str("\"\n");
    }
    fs::write(folder.join("words.dict"), words).unwrap();
}

/// Every target has a program for the fuzzer.
#[test]
fn every_target_can_be_fuzzed() {
    let manifest = fs::read_to_string(Path::new(ROOT).join("tests/fuzz/Cargo.toml")).unwrap();
    for (name, _) in TARGETS {
        let program =
            fs::read_to_string(Path::new(ROOT).join(format!("tests/fuzz/bins/{name}.rs")));
        assert!(program.unwrap().contains(&format!("targets::{name}(data)")), "{name}");
        assert!(manifest.contains(&format!("path = \"bins/{name}.rs\"")), "{name}");
    }
}
