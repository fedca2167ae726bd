//! What reports look like to people, programs and GitHub.

use wob_engine::{Diagnostic, FileName, Place, Span};

use super::*;

fn texts(files: &[(&str, &str)]) -> FileTexts {
    let mut texts = FileTexts::default();
    for (name, text) in files {
        texts.insert(FileName::new(name), (*text).into());
    }
    texts
}

/// Returns the place of the first `word` in the `text` of `file`.
fn at(file: &str, text: &str, word: &str) -> Place {
    let start = text.find(word).unwrap();
    let at = At::Bytes(Span::new(start, start + word.len()));
    Place { file: FileName::new(file), at }
}

fn drawn(diagnostics: &[Diagnostic], files: &[(&str, &str)]) -> String {
    let report = Report::new(diagnostics.to_vec(), &texts(files));
    let look = Look { width: 60, colour: false };
    let items: Vec<String> = report.items.iter().map(|item| draw(item, look)).collect();
    format!("{}{}", items.join("\n"), report.summary().unwrap_or_default())
}

const DRONE: &str = "kind: ClusterType\nmetadata:\n  name: drone\nspec:\n  reconciler: fluxx\n";

fn unknown_reconciler() -> Diagnostic {
    Diagnostic::error(
        "unknown-reconciler",
        "cluster type `drone` names an unknown reconciler `fluxx`",
    )
    .at(at("clusters/drone.yaml", DRONE, "fluxx"), "not a reconciler")
    .help("did you mean `flux`? Known reconcilers: `argocd`, `flux`")
}

#[test]
fn an_error_points_at_its_line() {
    insta::assert_snapshot!(drawn(&[unknown_reconciler()], &[("clusters/drone.yaml", DRONE)]), @"
    unknown-reconciler
      × cluster type `drone` names an unknown reconciler
      │ `fluxx`
       ╭─[clusters/drone.yaml:5:15]
     5 │   reconciler: fluxx
       ·               ──┬──
       ·                 ╰── not a reconciler
       ╰────
      help: did you mean `flux`? Known reconcilers: `argocd`,
            `flux`
    1 error in 1 file
    ");
}

#[test]
fn marks_share_an_excerpt_if_they_are_near_and_the_main_one_is_first() {
    let other = "a: 1\nname: drone\n";
    let diagnostic = Diagnostic::warning("duplicate-name", "two cluster types are named `drone`")
        .at(at("z.yaml", DRONE, "drone"), "this one is not used")
        .at(at("a.yaml", other, "drone"), "this one is used")
        .at(at("z.yaml", DRONE, "ClusterType"), "")
        .note("in environment `dev`, whose folder is environments/dev, and in every other one");
    insta::assert_snapshot!(drawn(&[diagnostic], &[("z.yaml", DRONE), ("a.yaml", other)]), @"
    duplicate-name (warning)
      ⚠ two cluster types are named `drone`
       ╭─[z.yaml:3:9]
     1 │ kind: ClusterType
       ·       ───────────
     2 │ metadata:
     3 │   name: drone
       ·         ──┬──
       ·           ╰── this one is not used
       ╰────
       ╭─[a.yaml:2:7]
     2 │ name: drone
       ·       ──┬──
       ·         ╰── this one is used
       ╰────
      note: in environment `dev`, whose folder is
            environments/dev, and in every other one
    1 warning in 1 file
    ");
}

#[test]
fn a_file_as_a_whole_is_named() {
    let whole = Diagnostic::error("not-utf8", "the file is not text")
        .at(Place::file(&FileName::new("a.yaml")), "byte 17 is not UTF-8");
    let nowhere = Diagnostic::advice("no-place", "nobody is to blame");
    insta::assert_snapshot!(drawn(&[whole, nowhere], &[]), @"
    no-place (advice)
      ☞ nobody is to blame

    not-utf8
      × the file is not text
      ╰─▶ in a.yaml: byte 17 is not UTF-8
    1 error, 1 advice in 1 file
    ");
}

#[test]
fn places_in_documents_are_found_by_key_and_in_templates() {
    let text = "a: 1\n---\nspec:\n  manifests:\n    - |\n      one: 1\n      two: {{ .Nope }}\n";
    let root = Place::document(&FileName::new("f"), 1);
    let template = root.key("spec").key("manifests").index(0);
    let all = [
        Diagnostic::error("text", "no such field").at(template.text(Span::new(12, 23)), "here"),
        Diagnostic::error("key", "odd key").at(root.key("spec").on_key(), ""),
        Diagnostic::error("gone", "missing").at(root.key("spec").key("kind"), "here"),
    ];
    insta::assert_snapshot!(drawn(&all, &[("f", text)]), @"
    key
      × odd key
       ╭─[f:3:1]
     3 │ spec:
       · ────
       ╰────

    gone
      × missing
       ╭─[f:3:1]
     3 │ spec:
       · ──┬─
       ·   ╰── here
       ╰────

    text
      × no such field
       ╭─[f:7:12]
     7 │       two: {{ .Nope }}
       ·            ─────┬─────
       ·                 ╰── here
       ╰────
    3 errors in 1 file
    ");
}

#[test]
fn equal_diagnostics_are_reported_once_in_the_order_of_files() {
    let (a, b) = ("x: 1\ny: 2\n", "z: 3\n");
    let say = |file, text, word| Diagnostic::error("code", word).at(at(file, text, word), "");
    let all = [say("b", b, "z"), say("a", a, "y"), say("a", a, "x"), say("a", a, "y")];
    let report = Report::new(all.to_vec(), &texts(&[("a", a), ("b", b)]));
    let order: Vec<&str> = report.items.iter().map(|it| &*it.diagnostic.message).collect();
    assert_eq!(order, ["x", "y", "z"]);
    assert_eq!(report.summary().unwrap(), "3 errors in 2 files");
}

#[test]
fn hostile_text_cannot_command_the_terminal() {
    let text = "name: \u{1b}[2Jevil\u{202e}\n";
    let diagnostic = Diagnostic::error("code", "bad name `\u{1b}[2J`")
        .at(at("\u{1b}.yaml", text, "evil"), "\u{7}here")
        .help("\u{9b}31m");
    let drawn = drawn(&[diagnostic], &[("\u{1b}.yaml", text)]);
    assert!(!drawn.contains(|it: char| it.is_control() && it != '\n'), "{drawn:?}");
    assert!(!drawn.contains('\u{202e}'), "{drawn:?}");
}

#[test]
fn long_lines_and_many_lines_are_shown_in_part() {
    let long = format!("{}needle{}", "é ".repeat(100_000), "hay ".repeat(100_000));
    let many = "first\nsecond\nthird\n";
    let all = [
        Diagnostic::error("long", "long").at(at("long", &long, "needle"), "here"),
        Diagnostic::error("many", "many").at(at("many", many, "first\nsecond\nthi"), "all of it"),
    ];
    let drawn = drawn(&all, &[("long", &long), ("many", many)]);
    assert!(drawn.len() < 2000, "{} bytes", drawn.len());
    assert!(drawn.contains("[long:1:200001]") && drawn.contains("needle"), "{drawn}");
    assert!(drawn.contains("1 │ first") && !drawn.contains("second"), "{drawn}");
}

#[test]
fn places_at_the_very_end_and_outside_are_survived() {
    for (text, start, end) in [("", 0, 0), ("a\n", 2, 2), ("a", 1, 1), ("é", 1, 1), ("a", 7, 9)] {
        let at = At::Bytes(Span::new(start, end));
        let place = Place { file: FileName::new("f"), at };
        let drawn =
            drawn(&[Diagnostic::error("code", "message").at(place, "here")], &[("f", text)]);
        assert!(drawn.contains("message") && drawn.contains("f:"), "{text:?} {drawn}");
    }
}

#[test]
fn programs_read_every_place() {
    let whole = Diagnostic::warning("not-utf8", "the file is not text")
        .at(Place::file(&FileName::new("a.yaml")), "")
        .note("a note");
    let all =
        vec![unknown_reconciler(), whole, Diagnostic::advice("no-place", "nobody is to blame")];
    let report = Report::new(all, &texts(&[("clusters/drone.yaml", DRONE)]));
    let json: Vec<JsonDiagnostic<'_>> = report.items.iter().map(JsonDiagnostic::new).collect();
    insta::assert_snapshot!(serde_json::to_string_pretty(&json).unwrap(), @r#"
    [
      {
        "severity": "advice",
        "code": "no-place",
        "message": "nobody is to blame",
        "labels": [],
        "help": null,
        "notes": []
      },
      {
        "severity": "warning",
        "code": "not-utf8",
        "message": "the file is not text",
        "file": "a.yaml",
        "labels": [
          {
            "file": "a.yaml",
            "text": ""
          }
        ],
        "help": null,
        "notes": [
          "a note"
        ]
      },
      {
        "severity": "error",
        "code": "unknown-reconciler",
        "message": "cluster type `drone` names an unknown reconciler `fluxx`",
        "file": "clusters/drone.yaml",
        "line": 5,
        "column": 15,
        "endLine": 5,
        "endColumn": 20,
        "labels": [
          {
            "file": "clusters/drone.yaml",
            "line": 5,
            "column": 15,
            "endLine": 5,
            "endColumn": 20,
            "text": "not a reconciler"
          }
        ],
        "help": "did you mean `flux`? Known reconcilers: `argocd`, `flux`",
        "notes": []
      }
    ]
    "#);
}

#[test]
fn github_reads_annotations_and_no_text_breaks_out_of_them() {
    let evil = Diagnostic::warning("code", "50% of\r\n::error::fake")
        .at(Place::file(&FileName::new("a,b%.yaml")), "")
        .note("note");
    let foreign = Diagnostic::advice("code", "elsewhere")
        .at(at("dev:clusters/drone.yaml", DRONE, "drone"), "");
    let all = vec![unknown_reconciler(), evil, foreign];
    let files = [("clusters/drone.yaml", DRONE), ("dev:clusters/drone.yaml", DRONE)];
    let report = Report::new(all, &texts(&files));
    insta::assert_snapshot!(annotations(&report, "fleet/"), @"
    ::warning file=fleet/a%2Cb%25.yaml,title=code::50%25 of%0D%0A::error::fake%0Anote: note
    ::error file=fleet/clusters/drone.yaml,line=5,col=15,endLine=5,endColumn=20,title=unknown-reconciler::cluster type `drone` names an unknown reconciler `fluxx`%0Ahelp: did you mean `flux`? Known reconcilers: `argocd`, `flux`
    ::notice title=code::dev:clusters/drone.yaml:3:9: elsewhere
    ");
}

#[test]
fn what_lies_between_marks_is_no_secret() {
    let text = "data:\n  first: 1\n  TOKEN: |\n    hunter2\n  PASSWORD: hunter2\n  last: 2\n";
    let diagnostic = Diagnostic::error("code", "these two disagree")
        .at(at("f", text, "first"), "one")
        .at(at("f", text, "last"), "other");
    let drawn = drawn(&[diagnostic], &[("f", text)]);
    assert!(drawn.contains("3 │   TOKEN: |") && drawn.contains("6 │   last: 2"), "{drawn}");
    assert!(!drawn.contains("hunter2"), "{drawn}");
}

#[test]
fn distant_marks_have_an_excerpt_each() {
    let text = "a: 1\n#\n#\n#\n#\nb: 2\n#\n#\n#\n#\n#\nc: 3\n";
    let diagnostic = Diagnostic::error("code", "message")
        .at(at("f", text, "c"), "")
        .at(at("f", text, "b"), "")
        .at(at("f", text, "a"), "");
    let drawn = drawn(&[diagnostic], &[("f", text)]);
    let boxes: Vec<&str> = drawn.lines().filter(|it| it.contains("╭─")).map(str::trim).collect();
    assert_eq!(boxes, ["╭─[f:12:1]", "╭─[f:1:1]"], "{drawn}");
}
