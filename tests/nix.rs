//! The flake, by a real Nix: every output evaluates, and a tree that Nix builds is the tree that wob builds.
//!
//! nixpkgs is stood in for by tests/nix/nixpkgs.nix, so that nothing is fetched; the package is the `wob` of these tests.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::support::{ROOT, contents, without_record, wob_in};

/// Runs Nix in `at`, with a store of its own below it; `None` if this machine has no Nix.
fn nix(at: &Path, args: &[&str]) -> Option<Output> {
    let mut command = Command::new("nix");
    command.args(["--extra-experimental-features", "nix-command flakes"]);
    // One user, no daemon, and a store that goes with the folder.
    for (name, folder) in [
        ("NIX_STORE_DIR", "store"),
        ("NIX_STATE_DIR", "state"),
        ("NIX_LOG_DIR", "log"),
        ("NIX_CONF_DIR", "conf"),
        ("NIX_LOCALSTATE_DIR", "state"),
        ("XDG_CACHE_HOME", "cache"),
        ("HOME", "home"),
    ] {
        fs::create_dir_all(at.join("nix").join(folder)).unwrap();
        command.env(name, at.join("nix").join(folder));
    }
    command
        .env("NIX_REMOTE", "")
        .env("NIX_CONFIG", "substitute = false\nsandbox = false\nbuild-users-group =");
    command.args(args).current_dir(at).output().ok()
}

fn succeeded(output: &Output, what: &str) -> String {
    assert!(output.status.success(), "{what}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn a_tree_that_nix_builds_is_the_tree_that_wob_builds() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    if nix(at, &["--version"]).is_none() {
        eprintln!(
            "skipped: there is no `nix` on this machine, so nothing is known about flake.nix"
        );
        return;
    }
    let system = succeeded(
        &nix(at, &["eval", "--impure", "--raw", "--expr", "builtins.currentSystem"]).unwrap(),
        "asking for the system",
    );
    let (flake, nixpkgs, user) = (at.join("flake"), at.join("nixpkgs"), at.join("user"));
    let fleet = Path::new(ROOT).join("examples/fleet");
    for file in ["flake.nix", "Cargo.toml", "Cargo.lock"] {
        copy(&Path::new(ROOT).join(file), &flake.join(file));
    }
    copy(&fleet, &flake.join("examples/fleet"));
    copy(&fleet, &user.join("fleet"));
    copy(&fleet.join("workloads/ticketing"), &user.join("ticketing"));
    copy(Path::new(env!("CARGO_BIN_EXE_wob")), &nixpkgs.join("wob"));
    let text = fs::read_to_string(Path::new(ROOT).join("tests/nix/nixpkgs.nix")).unwrap();
    fs::write(nixpkgs.join("flake.nix"), text.replace("SYSTEM", &system)).unwrap();
    let user_flake = USER.replace("AT", at.to_str().unwrap()).replace("SYSTEM", &system);
    fs::write(user.join("flake.nix"), user_flake).unwrap();

    // Every output of every system evaluates, and the command runs.
    let url = format!("path:{}", flake.display());
    let nixpkgs = format!("path:{}", nixpkgs.display());
    let with = ["--override-input", "nixpkgs", &nixpkgs, "--no-write-lock-file"];
    let checked = nix(at, &[&["flake", "check", "--no-build", &url], &with[..]].concat()).unwrap();
    succeeded(&checked, "nix flake check");
    let version = nix(at, &[&["run", &url], &with[..], &["--", "version"]].concat()).unwrap();
    assert!(succeeded(&version, "nix run").starts_with("wob "));

    // Somebody else's flake builds trees: one as it is, one with another repository in the place of an input.
    for (environment, overrides) in
        [("stage", None), ("prod", Some("https://github.com/example-org/ticketing=../ticketing"))]
    {
        let out = at.join(environment);
        let target = format!("path:{}#{environment}", user.display());
        let build = ["build", &target, "--no-write-lock-file", "-o", out.to_str().unwrap()];
        succeeded(&nix(at, &build).unwrap(), "nix build");
        let pattern = format!("//env:{environment}");
        let expected = at.join("expected").join(environment);
        let mut args = vec!["build", &pattern, "--strict", "-o", expected.to_str().unwrap()];
        args.extend(overrides.iter().flat_map(|it| ["--override-input", *it]));
        let seen = wob_in(&user.join("fleet"), &args);
        assert!(seen.starts_with("exit: 0"), "{seen}");
        assert_eq!(manifests(&out), manifests(&expected), "{environment}");
        assert!(manifests(&out).len() > 10, "{environment}");
    }
}

/// A flake that uses wob's.
const USER: &str = r#"{
  inputs.wob.url = "path:AT/flake";
  inputs.wob.inputs.nixpkgs.url = "path:AT/nixpkgs";
  outputs = { self, wob }: {
    packages.SYSTEM = {
      stage = wob.lib.renderEnv { src = ./fleet; env = "stage"; system = "SYSTEM"; };
      prod = wob.lib.renderEnv {
        src = ./fleet;
        env = "prod";
        system = "SYSTEM";
        inputs."https://github.com/example-org/ticketing" = ./ticketing;
      };
    };
  };
}
"#;

/// Returns every file of a tree but its record, which names the folder of an override.
fn manifests(tree: &Path) -> BTreeMap<String, Vec<u8>> {
    without_record(contents(tree))
}

/// Copies a file or a folder.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    if from.is_file() {
        fs::copy(from, to).unwrap();
    }
    for path in contents(from).keys().filter(|it| !it.starts_with("wob-out/")) {
        copy(&from.join(path), &to.join(path));
    }
}
