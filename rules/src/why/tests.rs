//! How addresses are read, and what pointers lead to; explanations are tested on whole workspaces.

use wob_engine::{Step, Value};

use super::{Address, Part, Which, address::steps, pointer};

#[test]
fn addresses_name_files_lines_and_nodes() {
    let node = |document, pointer: &str| Part::Node { document, pointer: pointer.to_owned() };
    for (text, file, part) in [
        ("a.yaml", "a.yaml", Part::Whole),
        ("a.yaml:12", "a.yaml", Part::Line(12)),
        ("a.yaml:x", "a.yaml:x", Part::Whole),
        ("a.yaml#/spec/url", "a.yaml", node(Which::Any, "/spec/url")),
        ("a.yaml#", "a.yaml", node(Which::Any, "")),
        ("a.yaml#1/a:2", "a.yaml", node(Which::Index(1), "/a:2")),
        ("a.yaml#Secret/data", "a.yaml", node(Which::Object("Secret".to_owned(), None), "/data")),
        (
            "a.yaml#Secret.my.app/data",
            "a.yaml",
            node(Which::Object("Secret".to_owned(), Some("my.app".to_owned())), "/data"),
        ),
    ] {
        assert_eq!(Address::parse(text), Address { file: file.to_owned(), part }, "{text}");
    }
}

#[test]
fn pointers_lead_to_what_is_there_or_say_what_is() {
    let value = Value::from(serde_json::json!({"a/b": [{"c~d": 1}], "e": "f"}));
    let path = vec![Step::Key("a/b".into()), Step::Index(0), Step::Key("c~d".into())];
    assert_eq!(pointer(&path), "/a~1b/0/c~0d");
    assert_eq!(steps(&value, "/a~1b/0/c~0d"), Ok(path));
    assert_eq!(steps(&value, ""), Ok(vec![]));
    for (asked, reason, help) in [
        ("x", "`x` is no JSON pointer", "a pointer begins with `/`"),
        ("/ee", "there is no `ee` in the root", "did you mean `e`?"),
        ("/a~1b/1", "there is no item `1` in `/a~1b`", "it is a list of 1"),
        ("/a~1b/x", "there is no item `x` in `/a~1b`", "it is a list of 1"),
        ("/e/f", "there is no `f` in `/e`: it is a text", "leave out `/f`"),
    ] {
        let unknown = steps(&value, asked).unwrap_err();
        assert_eq!(unknown.reason, reason);
        assert!(unknown.help.starts_with(help), "{}", unknown.help);
    }
}
