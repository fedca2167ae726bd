//! The scheduler `exec`: what programs are asked, and what counts of their answers.

use serde_json::{Value, json};
use wob_engine::{Digest, FilePath, Origin};

use super::*;
use crate::{
    Doubt,
    schedule::{
        Answer, ProgramSetting, SCHEDULER_REQUEST_SCHEMA, SCHEDULER_RESPONSE_SCHEMA, scheduler_call,
    },
};

fn ship() -> Ship {
    let mut tainted = cluster_type("large", "region=north");
    tainted.taints = vec![taint("gpu=a:NoSchedule"), taint("old:PreferNoSchedule")];
    let mut tolerant = target("app", "kind=web");
    tolerant.tolerations = vec![toleration(""), toleration("gpu=a:NoSchedule"), toleration("old")];
    let mut wish = placement(Some(2));
    wish.preferences = vec![prefer(-5, "region=north")];
    wish.spread = vec![spread("region", 1, WhenUnsatisfiable::ScheduleAnyway)];
    wish.tolerations = vec![toleration("gpu")];
    let mut one = policy("one", "kind=web", "");
    one.placement = Some(wish);
    one.workspace = Some("team".to_owned());
    one.targets.requirements.extend(
        [
            Operator::Exists,
            Operator::DoesNotExist,
            Operator::NotIn(BTreeSet::from(["x".to_owned()])),
        ]
        .map(|operator| Requirement {
            key: "k".to_owned(),
            operator,
            place: place("selector"),
        }),
    );
    let mut ship = Ship::default()
        .with(vec![tainted, cluster_type("small", "")], vec![one, policy("two", "kind=web", "")])
        .aboard(vec![tolerant, target("bpp", "")]);
    let program = ProgramSetting {
        path: FilePath::new("scheduler.sh").unwrap(),
        arguments: vec![],
        timeout_seconds: 5,
        place: place("wob.yaml"),
    };
    ship.scheduling = scheduling("exec");
    ship.scheduling.setting.as_mut().unwrap().program = Some(program);
    ship
}

fn answered(output: &[u8]) -> Schedule {
    let mut ship = ship();
    ship.scheduling.answer = Some(Answer::Said {
        request: Digest::of(b""),
        program: Digest::of(b""),
        origin: Origin::default(),
        output: output.into(),
    });
    ship.schedule("exec")
}

fn is_valid(schema: &str, value: &Value) -> bool {
    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap().is_valid(value)
}

#[test]
fn the_request_fits_its_schema() {
    let ship = ship();
    let call = scheduler_call("dev", ship.fleet(), Doubt::Nothing).unwrap();
    assert!(call.request.ends_with("}\n") && call.timeout_seconds == 5);
    let mut request: Value = serde_json::from_str(&call.request).unwrap();
    let schema: Value = serde_json::from_str(SCHEDULER_REQUEST_SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    schema
        .validate(&request)
        .unwrap_or_else(|error| panic!("{error} at {}", error.instance_path()));
    assert_eq!(
        request["candidates"],
        json!([
            { "clusterType": "large", "target": "app", "policies": ["two"] },
            { "clusterType": "small", "target": "app", "policies": ["two"] },
        ])
    );
    assert_eq!(request["incomplete"], json!(false));
    request["clusterTypes"][0]["taints"][0]["effect"] = json!("NoExecute");
    assert!(!schema.is_valid(&request), "the schema must look at taints");
    let call = scheduler_call("dev", ship.fleet(), Doubt::Scheduling).unwrap();
    assert!(call.request.contains("\"incomplete\":true"));
}

#[test]
fn nobody_is_asked_who_would_not_know_all_cluster_types() {
    let mut ship = ship();
    ship.candidates = Candidates::Unsure;
    assert_eq!(scheduler_call("dev", ship.fleet(), Doubt::Scheduling), None);
    let schedule = ship.schedule("exec");
    assert_eq!((schedule.assignments.len(), schedule.doubt), (0, Doubt::Scheduling));
    ship.scheduling = scheduling("placement");
    ship.candidates = Candidates::Known;
    assert_eq!(scheduler_call("dev", ship.fleet(), Doubt::Nothing), None);
}

#[test]
fn a_sound_answer_counts() {
    let answer = json!({ "version": 1, "assignments": [
        { "clusterType": "small", "target": "bpp" },
        { "clusterType": "small", "target": "app", "policies": ["two", "one", "two"], "reason": "it\nis quiet" },
    ]});
    assert!(is_valid(SCHEDULER_RESPONSE_SCHEMA, &answer));
    let schedule = answered(answer.to_string().as_bytes());
    assert_eq!((schedule.doubt, schedule.diagnostics.len()), (Doubt::Nothing, 0));
    let pairs: Vec<String> = schedule
        .assignments
        .iter()
        .map(|it| format!("{}:{} {:?}", it.cluster_type, it.target, it.policies))
        .collect();
    assert_eq!(pairs, ["small:app [\"one\", \"two\"]", "small:bpp []"]);
    assert_eq!(schedule.reasons[&(name("small"), name("app"))], "it\\nis quiet");
}

#[test]
fn an_empty_answer_unschedules_all() {
    let schedule = answered(b"{\"version\": 1, \"assignments\": []}");
    assert_eq!(schedule, Schedule::default());
}

/// One wrong thing, and nothing counts.
#[test]
fn an_unsound_answer_counts_for_nothing() {
    let pair = |text: &str| format!("{{\"version\": 1, \"assignments\": [{text}]}}");
    let small = "{\"clusterType\": \"small\", \"target\": \"app\"}";
    let cases = [
        (String::new(), "answers nothing"),
        ("{".to_owned(), "EOF while parsing an object at line 1 column 1"),
        (
            "{\"version\": 1,\n\"assignments\": [,]}".to_owned(),
            "expected value at line 2 column 17",
        ),
        ("[]".to_owned(), "expected"),
        (format!("{} {{}}", pair("")), "trailing characters at line 1 column 35"),
        ("{\"version\": 1}".to_owned(), "missing field `assignments`"),
        ("{\"version\": 2, \"assignments\": []}".to_owned(), "answers in version 2"),
        (pair("{\"clusterType\": \"small\"}"), "missing field `target`"),
        (
            pair("{\"clusterType\": \"small\", \"target\": 1}"),
            "invalid type: integer `1`, expected a string",
        ),
        (pair("{\"clustertype\": \"small\", \"target\": \"app\"}"), "unknown field `clustertype`"),
        (
            pair(&format!("{small}, {{\"clusterType\": \"smal\", \"target\": \"app\"}}")),
            "`smal` in `assignments[1].clusterType`",
        ),
        (
            pair("{\"clusterType\": \"small\", \"target\": \"../app\"}"),
            "unknown deployment target `../app`",
        ),
        (
            pair("{\"clusterType\": \"small\", \"target\": \"app\", \"policies\": [\"ona\"]}"),
            "`ona` in `assignments[0].policies[0]`",
        ),
        (pair(&format!("{small}, {small}")), "assigns `app` to `small` twice"),
    ];
    for (answer, expected) in cases {
        let schedule = answered(answer.as_bytes());
        let said = &schedule.diagnostics;
        assert!(
            said.iter().all(|it| it.code == "scheduler-answer" && it.help.is_some()),
            "{answer}"
        );
        assert!(said[0].message.contains(expected), "{answer}: {}", said[0].message);
        assert_eq!(
            (schedule.assignments.len(), schedule.doubt),
            (0, Doubt::Scheduling),
            "{answer}"
        );
    }
    let schedule = answered(b"{\"version\": \xff}");
    assert!(schedule.diagnostics[0].message.contains("no UTF-8 text: byte 12 is wrong"));
}

#[test]
fn problems_are_counted_not_poured_out() {
    let wrong: Vec<Value> =
        (0..50).map(|it| json!({ "clusterType": format!("no-{it}"), "target": "app" })).collect();
    let answer = json!({ "version": 1, "assignments": wrong });
    let said = answered(answer.to_string().as_bytes()).diagnostics;
    assert_eq!(said.len(), 10);
    assert_eq!(said[9].notes, ["40 more assignments of the answer are wrong"]);
}
