//! What counts as a change, and what does not.

use std::fmt::Write as _;

use proptest::prelude::*;
use wob_engine::{Blob, FilePath, Tree};

use super::{Change, Pairing, Side, What, changes, collapse, differing};

fn tree<T: AsRef<str>>(files: &[(T, T)]) -> Tree {
    let blob = |text: &T| Blob::new(text.as_ref().as_bytes());
    files.iter().map(|(path, text)| (FilePath::new(path.as_ref()).unwrap(), blob(text))).collect()
}

fn found<T: AsRef<str>>(old: &[(T, T)], new: &[(T, T)]) -> Vec<Change> {
    let (old, new) = (tree(old), tree(new));
    let side = |tree| Side { tree, prefix: "" };
    changes("dev", side(&old), side(&new), Pairing::Identity)
}

/// Lists the groups: class, what, and the labels of the places.
fn shown<T: AsRef<str>>(old: &[(T, T)], new: &[(T, T)]) -> String {
    let mut text = String::new();
    for group in collapse(found(old, new)) {
        let what = match &group.what {
            What::Field { path, before, after } => {
                let value = |it: &Option<wob_engine::Value>| {
                    it.as_ref().map_or("-".to_owned(), |it| serde_json::Value::from(it).to_string())
                };
                format!("{path}: {} → {}", value(before), value(after))
            }
            what @ (What::ClusterType(_)
            | What::Assignment(_)
            | What::Object(_)
            | What::Text { .. }
            | What::Bytes(_)
            | What::Noise(_)) => format!("{what:?}"),
        };
        let object = group.sites[0].object.as_ref().map_or("", |it| &it.kind);
        let places: Vec<String> = group.sites.iter().map(super::Site::label).collect();
        writeln!(text, "{:?} | {object} {what} | {}", group.class, places.join(" ")).unwrap();
    }
    text
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: ns, labels: {a: '1'}}
spec:
  replicas: 1
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: app
        image: app:1
        args: [a, b]
        env: [{name: A, value: '1'}, {name: B, value: '2'}]
        ports: [{containerPort: 80}, {containerPort: 80, protocol: UDP}]
        volumeMounts: [{name: data, mountPath: /a}, {name: data, mountPath: /b}]
      - {name: proxy, image: proxy:1}
      volumes: [{name: data, emptyDir: {}}]
";

fn one(old: &str, new: &str) -> String {
    shown(&[("c/t/r.yaml", old)], &[("c/t/r.yaml", new)])
}

#[test]
fn order_counts_only_where_it_does_in_kubernetes() {
    let new = DEPLOYMENT
        .replace(
            "{name: A, value: '1'}, {name: B, value: '2'}",
            "{name: B, value: '2'}, {name: A, value: '1'}",
        )
        .replace(
            "{containerPort: 80}, {containerPort: 80, protocol: UDP}",
            "{containerPort: 80, protocol: UDP}, {containerPort: 80, protocol: TCP}",
        )
        .replace("      - {name: proxy, image: proxy:1}\n", "")
        .replace(
            "      containers:\n",
            "      containers:\n      - {name: proxy, image: proxy:1}\n",
        );
    insta::assert_snapshot!(one(DEPLOYMENT, &new), @r#"Other | Deployment /spec/template/spec/containers/[name=app]/ports/[containerPort=80]/protocol: - → "TCP" | //env/dev/c:t"#);
    let new = DEPLOYMENT
        .replace("args: [a, b]", "args: [b, a]")
        .replace("app:1", "app:2")
        .replace("{name: B", "{name: C");
    insta::assert_snapshot!(one(DEPLOYMENT, &new), @r#"
    Other | Deployment /spec/template/spec/containers/[name=app]/args/0: "a" → "b" | //env/dev/c:t
    Other | Deployment /spec/template/spec/containers/[name=app]/args/1: "b" → "a" | //env/dev/c:t
    Other | Deployment /spec/template/spec/containers/[name=app]/env/[name=B]: {"name":"B","value":"2"} → - | //env/dev/c:t
    Other | Deployment /spec/template/spec/containers/[name=app]/env/[name=C]: - → {"name":"C","value":"2"} | //env/dev/c:t
    Other | Deployment /spec/template/spec/containers/[name=app]/image: "app:1" → "app:2" | //env/dev/c:t
    "#);
}

#[test]
fn custom_objects_keep_their_order() {
    let old = "apiVersion: example.org/v1\nkind: Deployment\nmetadata: {name: x}\nenv: [{name: A}, {name: B}]\nx: null\n";
    let new = "apiVersion: example.org/v1\nkind: Deployment\nmetadata: {name: x}\nenv: [{name: B}, {name: A}]\n";
    insta::assert_snapshot!(one(old, new), @r#"
    Other | Deployment /env/0/name: "A" → "B" | //env/dev/c:t
    Other | Deployment /env/1/name: "B" → "A" | //env/dev/c:t
    Other | Deployment /x: null → - | //env/dev/c:t
    "#);
}

#[test]
fn an_item_in_the_middle_of_a_list_is_one_change() {
    let object = |items: &str| {
        format!("apiVersion: example.org/v1\nkind: X\nmetadata: {{name: x}}\nitems: [{items}]\n")
    };
    insta::assert_snapshot!(one(&object("1, 2, 3, 4"), &object("1, 2, 9, 3, 4")), @"Other | X /items/2: - → 9 | //env/dev/c:t");
    insta::assert_snapshot!(one(&object("1, 2, 2, 3"), &object("1, 3")), @"
    Other | X /items/1: 2 → - | //env/dev/c:t
    Other | X /items/2: 2 → - | //env/dev/c:t
    ");
}

#[test]
fn classes_come_in_the_order_of_how_much_they_matter() {
    let flux = |url: &str| {
        format!(
            "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {{name: s}}\nspec: {{url: '{url}'}}\n"
        )
    };
    let config = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{K: '{value}'}}\n")
    };
    let namespace = |name: &str, label: &str| {
        format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{l: '{label}'}}}}\n"
        )
    };
    let all = |target: &str, value: &str, url: &str| {
        vec![
            (format!("c/{target}/reconciler.yaml"), flux(url)),
            (format!("c/{target}/config.yaml"), config(value)),
            (format!("c/{target}/namespace.yaml"), namespace(target, value)),
        ]
    };
    let mut old = all("stays", "1", "a");
    old.extend(all("gone", "1", "a"));
    old.push((".github/tracking/Promoted_Commit_Id".into(), "1".into()));
    old.push(("c/stays/config.sh".into(), "# 1\nexport K='1'\nL=2\n".into()));
    old.push(("c/README.md".into(), "x".into()));
    let mut new = all("stays", "2", "b");
    new.extend(all("new", "1", "a"));
    new.push((".github/tracking/Promoted_Commit_Id".into(), "2".into()));
    new.push(("c/stays/config.sh".into(), "L=2\nexport K='2'\n".into()));
    new.push(("c/README.md".into(), "x".into()));
    new.push(("d/README.md".into(), "x".into()));
    insta::assert_snapshot!(shown(&old, &new), @r#"
    NamespaceDeleted | Namespace Object(Deleted) | //env/dev/c:gone
    WorkloadMoved |  ClusterType(Added) | //env/dev/d:all
    WorkloadMoved |  Assignment(Deleted) | //env/dev/c:gone
    WorkloadMoved |  Assignment(Added) | //env/dev/c:new
    ReconcilerSource |  Text { before: Some("1"), after: Some("2") } | //env:dev
    ReconcilerSource | GitRepository /spec/url: "a" → "b" | //env/dev/c:stays
    ConfigValue |  /K: "1" → "2" | //env/dev/c:stays
    ConfigValue | ConfigMap /data/K: "1" → "2" | //env/dev/c:stays
    Labels | Namespace /metadata/labels/l: "1" → "2" | //env/dev/c:stays
    "#);
}

#[test]
fn a_namespace_that_another_file_of_the_cluster_type_has_is_not_deleted() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shared}\n";
    let old = [("c/a/n.yaml", namespace), ("c/b/n.yaml", namespace), ("d/a/n.yaml", namespace)];
    insta::assert_snapshot!(shown(&old, &[("c/b/n.yaml", namespace)]), @"
    NamespaceDeleted | Namespace Object(Deleted) | //env/dev/d:a
    WorkloadMoved |  Assignment(Deleted) | //env/dev/c:a //env/dev/d:a
    Other | Namespace Object(Deleted) | //env/dev/c:a
    ");
}

#[test]
fn an_object_may_move_between_the_files_of_an_assignment() {
    let object =
        |name: &str| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n");
    let (a, b) = (object("a"), object("b"));
    let both = format!("{a}---\n{b}");
    insta::assert_snapshot!(shown(&[("c/t/x.yaml", &both)], &[("c/t/x.yaml", &a), ("c/t/y.yaml", &b)]), @"
    Noise |  Noise(Changed) | //env/dev/c:t
    Noise |  Noise(Added) | //env/dev/c:t
    ");
}

#[test]
fn the_same_change_is_told_once() {
    let config = |value: &str| {
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata: {{K: '{value}'}}\n")
    };
    let (one, two, three) = (config("1"), config("2"), config("3"));
    let old = [("a/t/c.yaml", &*one), ("b/t/c.yaml", &*one), ("c/t/c.yaml", &*one)];
    let new = [("a/t/c.yaml", &*two), ("b/t/c.yaml", &*two), ("c/t/c.yaml", &*three)];
    insta::assert_snapshot!(shown(&old, &new), @r#"
    ConfigValue | ConfigMap /data/K: "1" → "2" | //env/dev/a:t //env/dev/b:t
    ConfigValue | ConfigMap /data/K: "1" → "3" | //env/dev/c:t
    "#);
}

#[test]
fn what_cannot_be_read_is_text() {
    insta::assert_snapshot!(one("a: 1\n", "a: [\n"), @r#"
    Other |  Object(Deleted) | //env/dev/c:t
    Other |  Text { before: None, after: Some("a: [\n") } | //env/dev/c:t
    "#);
    insta::assert_snapshot!(shown(&[("c/t/x.sh", "a=$(b)\n")], &[("c/t/x.sh", "a=$(c)\n")]), @r#"ConfigValue |  Text { before: Some("a=$(b)\n"), after: Some("a=$(c)\n") } | //env/dev/c:t"#);
}

/// Texts of files: objects that differ in one thing each, the same object twice, and what is no object.
const TEXTS: [&str; 12] = [
    "",
    "a: 1\n",
    "# why\na: 1\n",
    "a: [\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {K: '1', L: '2'}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {L: '2', K: '1'}\n",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {L: '2'}\n---\na: 1\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {a: b}}\n",
    "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n, labels: {a: b}}\n",
    "export A='1'\n",
    "A=1\n# B\n",
];

const PATHS: [&str; 8] = [
    "c/t/a.yaml",
    "c/t/b.yaml",
    "c/t/c.sh",
    "c/u/a.yaml",
    "d/t/a.yaml",
    "c/README.md",
    ".github/tracking/Promoted_Commit_Id",
    "c/t/in/a.yaml",
];

fn any_tree() -> impl Strategy<Value = Vec<(String, String)>> {
    let file = (prop::sample::select(&PATHS[..]), prop::sample::select(&TEXTS[..]));
    let file = file.prop_map(|(path, text)| (path.to_owned(), text.to_owned()));
    prop::collection::vec(file, 0..8)
}

proptest! {
    #[test]
    fn nothing_differs_if_and_only_if_bytes_are_equal(old in any_tree(), new in any_tree()) {
        let found = found(&old, &new);
        let (old, new) = (tree(&old), tree(&new));
        prop_assert_eq!(found.is_empty(), old.root() == new.root());
        // Every file that differs is in a change: itself, or the folder of an assignment that comes or goes.
        for file in differing(&old, &new) {
            let is_told = |it: &Change| {
                let positions = [&it.site.before, &it.site.after];
                let of_positions = positions.into_iter().flatten().map(|it| &it.path);
                of_positions.chain([&it.site.path]).any(|it| {
                    file.path.as_str() == it || file.path.as_str().starts_with(&format!("{it}/"))
                })
            };
            prop_assert!(found.iter().any(is_told), "{:?} in {:?}", file, found);
        }
    }

    #[test]
    fn collapsing_loses_nothing(old in any_tree(), new in any_tree()) {
        let found = found(&old, &new);
        let groups = collapse(found.iter().cloned());
        let mut told: Vec<Change> = vec![];
        for group in groups {
            prop_assert!(!group.sites.is_empty());
            let change = |site| Change { class: group.class, what: group.what.clone(), site };
            told.extend(group.sites.into_iter().map(change));
        }
        prop_assert_eq!(told.len(), found.len());
        prop_assert!(found.iter().all(|it| told.contains(it)));
    }

    #[test]
    fn the_way_back_is_the_same_way(old in any_tree(), new in any_tree()) {
        let fields = |changes: Vec<Change>| {
            let field = |it: Change| {
                let What::Field { path, before, after } = it.what else { return None };
                Some((format!("{path}"), before, after, it.site.before, it.site.after))
            };
            changes.into_iter().filter_map(field).collect::<Vec<_>>()
        };
        let there = fields(found(&old, &new));
        let back = fields(found(&new, &old));
        prop_assert_eq!(there.len(), back.len());
        for (path, before, after, at_before, at_after) in there {
            prop_assert!(back.contains(&(path, after, before, at_after, at_before)));
        }
    }
}
