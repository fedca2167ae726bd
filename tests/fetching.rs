//! Inputs from other repositories, through the command: reached, not reached, and offline.

use std::{fs, net::TcpListener, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::{copy_example, edit},
    git_server::GitServer,
    support::{ROOT, commit, contents, git, without_record, wob_in},
};

/// Returns a workspace whose only workload is registered at `url`.
fn workspace(url: &str) -> TempDir {
    let temp = TempDir::new().unwrap();
    copy_example("minimal", temp.path());
    fs::remove_dir_all(temp.path().join("app")).unwrap();
    let settings = fs::read_to_string(temp.path().join("wob.yaml")).unwrap();
    fs::write(temp.path().join("wob.yaml"), settings.split("\ninputs:").next().unwrap()).unwrap();
    let registration = temp.path().join("base/workloads/hello.yaml");
    edit(&registration, "https://github.com/example-org/hello", url);
    temp
}

/// Returns the address of a server that is not there.
fn closed() -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    format!("http://{}/hello", listener.local_addr().unwrap())
}

/// Returns where `url` stands in the registration, as diagnostics print it.
fn place(at: &Path, url: &str) -> String {
    let text = fs::read_to_string(at.join("base/workloads/hello.yaml")).unwrap();
    let (line, found) = text.lines().enumerate().find(|it| it.1.contains(url)).unwrap();
    format!("base/workloads/hello.yaml:{}:{}", line + 1, found.find(url).unwrap() + 1)
}

/// Undoes the line breaks within messages.
fn unwrapped(seen: &str) -> String {
    seen.replace("\n  │ ", " ")
}

#[test]
fn a_host_that_does_not_answer_is_an_outside_failure() {
    let url = closed();
    let workspace = workspace(&url);
    let place = place(workspace.path(), &url);
    for command in ["build", "check"] {
        let seen = unwrapped(&wob_in(workspace.path(), &[command]));
        assert!(seen.starts_with("exit: 32\n"), "{seen}");
        for part in [&place, &format!("could not reach `{url}`"), "--override-input"] {
            assert!(seen.contains(part), "{part}: {seen}");
        }
        let seen = unwrapped(&wob_in(workspace.path(), &[command, "--offline"]));
        assert!(seen.starts_with("exit: 1\n"), "{seen}");
        for part in [&place, "the network may not be used", "--override-input"] {
            assert!(seen.contains(part), "{part}: {seen}");
        }
    }
    let seen = wob_in(workspace.path(), &["build", "--output=json"]);
    let json = seen.split("----- stdout -----\n").nth(1).unwrap();
    let json = json.split("----- stderr -----\n").next().unwrap();
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["exitCode"], 32);
    // What is wrong with the sources is said first: mending the network would not help.
    edit(
        &workspace.path().join("environments/dev/cluster-types/small.yaml"),
        "reconciler: ",
        "reconciler: x",
    );
    let seen = wob_in(workspace.path(), &["check"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains(&place), "{seen}");
}

#[test]
fn a_workload_is_fetched_over_http_and_kept_for_later() {
    let repositories = TempDir::new().unwrap();
    let Some(server) = GitServer::start(repositories.path()) else { return };
    let app = repositories.path().join("hello");
    fs::create_dir(&app).unwrap();
    git(&app, &["init", "-q"]);
    let example = Path::new(ROOT).join("examples/minimal/app/workload.yaml");
    let workload = fs::read_to_string(example).unwrap();
    let first = commit(&app, &[("workload.yaml", &workload)]);
    let workspace = workspace(&server.url("hello"));
    let at = workspace.path();

    let build = |args: &[&str]| {
        let seen = wob_in(at, &[&["build", "//env:dev"], args].concat());
        assert!(seen.starts_with("exit: 0\n"), "{seen}");
        contents(&at.join("wob-out/dev"))
    };
    let fetched = |commit: &str| {
        let text = fs::read_to_string(at.join("wob-out/dev/.wob/tree.json")).unwrap();
        let record: Value = serde_json::from_str(&text).unwrap();
        let sources = record["sources"].as_array().unwrap();
        let source = sources.iter().find(|it| it["role"] == "workload").unwrap();
        assert_eq!(source["url"], server.url("hello"));
        assert_eq!(source["commit"], commit);
        assert_eq!(source["tree"], git(&app, &["rev-parse", &format!("{commit}^{{tree}}")]));
        assert_eq!((&source["dirty"], &record["dirty"]), (&false.into(), &false.into()));
    };
    let online = build(&[]);
    fetched(&first);
    assert!(online.keys().any(|it| it.ends_with("namespace.yaml")), "{:?}", online.keys());

    // Offline, nobody is asked, and the branch is as it was fetched last.
    let second = commit(&app, &[("another.yaml", "a: 1\n")]);
    let requests = server.requests();
    assert!(requests > 0);
    assert_eq!(build(&["--offline"]), online);
    fs::remove_dir_all(at.join("wob-out")).unwrap();
    assert_eq!(build(&["--offline"]), online);
    assert_eq!(server.requests(), requests);
    build(&[]);
    fetched(&second);

    // Without the cache there is nothing to take it from.
    fs::remove_dir_all(at.join("home")).unwrap();
    let before = contents(&at.join("wob-out/dev"));
    let seen = wob_in(at, &["build", "--offline"]);
    assert!(seen.starts_with("exit: 1\n"), "{seen}");
    let after = contents(&at.join("wob-out/dev"));
    assert_eq!(without_record(after), without_record(before), "the last good output stays");
    // A host that answers, but has no such repository, is a mistake of the sources.
    edit(&at.join("base/workloads/hello.yaml"), &server.url("hello"), &server.url("hullo"));
    let seen = wob_in(at, &["check"]);
    assert!(seen.starts_with("exit: 1\n") && seen.contains("no git repository"), "{seen}");
}
