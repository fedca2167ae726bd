//! Fetching into the cache.

use std::{fs, net::TcpListener, thread};

use camino::{Utf8Path, Utf8PathBuf};
use wob_host::{Cache, FetchError, Fetched, GitId, Interrupt, Policy, Reference};

use crate::{
    http::{Access, Server},
    support::{Sandbox, commit, git, listing, options, repository},
};

fn cache(folder: &Utf8Path) -> Cache {
    // Whatever this machine's git is told to do; and nobody is there to be asked.
    ["credential.helper=", "gitoxide.credentials.terminalPrompt=false"]
        .iter()
        .fold(Cache::new(folder), |cache, setting| cache.with_git_config(setting))
}

fn fetch(cache: &Cache, url: &str, reference: &Reference) -> Result<Fetched, FetchError> {
    cache.fetch(url, reference, Policy::Online, &Interrupt::default())
}

fn offline(cache: &Cache, url: &str, reference: &Reference) -> Result<Fetched, FetchError> {
    cache.fetch(url, reference, Policy::Offline, &Interrupt::default())
}

fn files(fetched: &Fetched) -> Vec<String> {
    let interrupt = Interrupt::default();
    listing(&fetched.repository.read(&fetched.commit, None, &options(&interrupt)).unwrap())
}

fn branch(name: &str) -> Reference {
    Reference::Branch(name.to_owned())
}

fn tag(name: &str) -> Reference {
    Reference::Tag(name.to_owned())
}

fn commit_of(id: &str) -> Reference {
    Reference::Commit(GitId::parse(id).unwrap())
}

/// A repository with two commits on `main`, the first one tagged twice, and a branch `team/x`.
struct Upstream {
    sandbox: Sandbox,
    first: String,
    second: String,
}

impl Upstream {
    fn new() -> Self {
        let sandbox = Sandbox::new();
        let folder = sandbox.join("served/app");
        repository(&folder, &[("a.yaml", "1")]);
        let first = git(&folder, &["rev-parse", "HEAD"]);
        git(&folder, &["tag", "light"]);
        git(&folder, &["tag", "-m", "a tag", "v1.0"]);
        let second = commit(&folder, &[("a.yaml", "2"), ("b/c.yaml", "2")]);
        git(&folder, &["branch", "team/x"]);
        Self { sandbox, first, second }
    }

    fn folder(&self) -> Utf8PathBuf {
        self.sandbox.join("served/app")
    }

    fn cache(&self) -> Cache {
        cache(&self.sandbox.join("cache"))
    }

    fn serve(&self, access: Access) -> Option<Server> {
        Server::start(&self.sandbox.join("served"), access)
    }
}

/// Fetches every kind of reference from `url`.
fn check_references(upstream: &Upstream, cache: &Cache, url: &str) {
    for (reference, id) in [
        (branch("main"), &upstream.second),
        (branch("team/x"), &upstream.second),
        (tag("light"), &upstream.first),
        (tag("v1.0"), &upstream.first),
        (commit_of(&upstream.first), &upstream.first),
        (commit_of(&upstream.second), &upstream.second),
    ] {
        let fetched = fetch(cache, url, &reference).unwrap();
        assert_eq!(fetched.commit.id.to_string(), *id, "{reference}");
        assert_eq!(fetched.commit.revision, reference.revision());
        let expected =
            if *id == upstream.first { &["a.yaml: 1"][..] } else { &["a.yaml: 2", "b/c.yaml: 2"] };
        assert_eq!(files(&fetched), expected, "{reference}");
    }
    let nowhere = "0123456789012345678901234567890123456789";
    for missing in [
        branch("prod"),
        branch("light"),
        branch(""),
        branch("*"),
        branch("a b"),
        branch("-x"),
        tag("main"),
        tag("v*"),
        commit_of(nowhere),
    ] {
        let error = fetch(cache, url, &missing).unwrap_err();
        assert!(matches!(error, FetchError::NoSuchReference { .. }), "{missing}: {error}");
    }
}

#[test]
fn repositories_on_this_machine_are_read_where_they_are() {
    let upstream = Upstream::new();
    let cache = upstream.cache();
    let file = format!("file://{}", upstream.folder());
    check_references(&upstream, &cache, &file);
    check_references(&upstream, &cache, upstream.folder().as_str());
    assert!(offline(&cache, &file, &branch("main")).is_ok(), "that is no network");
    assert!(!cache.folder().exists());
    let fetched = fetch(&cache, &file, &branch("main")).unwrap();
    assert_eq!(fetched.repository.address(), file);
    let nothing = upstream.sandbox.join("served");
    let error = fetch(&cache, nothing.as_str(), &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::NotFound { .. }), "{error}");
}

#[test]
fn every_kind_of_reference_comes_over_http() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    check_references(&upstream, &upstream.cache(), &server.url("app"));
    // Each alone, so that none finds what another one fetched.
    for (number, reference) in
        [tag("v1.0"), commit_of(&upstream.first), branch("main")].iter().enumerate()
    {
        let cache = cache(&upstream.sandbox.join(&format!("cache-{number}")));
        let fetched = fetch(&cache, &server.url("app"), reference).unwrap();
        assert!(!files(&fetched).is_empty());
        assert!(fetched.repository.is_shallow() || *reference != branch("main"));
    }
}

#[test]
fn a_host_that_gives_no_single_commits_gives_its_branches() {
    let upstream = Upstream::new();
    git(&upstream.folder(), &["config", "uploadpack.allowAnySHA1InWant", "false"]);
    git(&upstream.folder(), &["config", "protocol.version", "0"]);
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let cache = upstream.cache().with_git_config("protocol.version=0");
    fetch(&cache, &server.url("app"), &branch("main")).unwrap();
    let fetched = fetch(&cache, &server.url("app"), &commit_of(&upstream.first)).unwrap();
    assert_eq!(files(&fetched), ["a.yaml: 1"]);
}

#[test]
fn a_revision_is_a_commit_a_branch_or_a_tag() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let interrupt = Interrupt::default();
    let cache = upstream.cache();
    let find = |url: &str, revision: &str, policy| {
        cache.fetch_revision(url, revision, policy, &interrupt).map(|it| it.commit.id.to_string())
    };
    for (revision, id) in
        [("main", &upstream.second), ("v1.0", &upstream.first), (&upstream.first, &upstream.first)]
    {
        assert_eq!(find(&server.url("app"), revision, Policy::Online).unwrap(), *id);
        assert_eq!(find(&server.url("app"), revision, Policy::Offline).unwrap(), *id);
        assert_eq!(find(upstream.folder().as_str(), revision, Policy::Offline).unwrap(), *id);
    }
    let short = &upstream.first[..8];
    assert_eq!(find(upstream.folder().as_str(), short, Policy::Online).unwrap(), upstream.first);
    let error = find(&server.url("app"), short, Policy::Online).unwrap_err();
    assert!(matches!(error, FetchError::NoSuchReference { .. }), "{error}");
    let error = find(&server.url("app"), "team/x", Policy::Offline).unwrap_err();
    assert!(error.to_string().starts_with("would fetch branch `team/x`"), "{error}");
}

#[test]
fn branches_move_and_commits_stay() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let (cache, url) = (upstream.cache(), server.url("app"));
    let first = commit_of(&upstream.first);
    fetch(&cache, &url, &branch("main")).unwrap();
    fetch(&cache, &url, &first).unwrap();
    let third = commit(&upstream.folder(), &[("a.yaml", "3")]);

    let before = server.requests();
    assert_eq!(files(&fetch(&cache, &url, &first).unwrap()), ["a.yaml: 1"]);
    assert_eq!(files(&offline(&cache, &url, &first).unwrap()), ["a.yaml: 1"]);
    let stale = offline(&cache, &url, &branch("main")).unwrap();
    assert_eq!(stale.commit.id.to_string(), upstream.second);
    assert_eq!(server.requests(), before, "the cache had all of it");

    let moved = fetch(&cache, &url, &branch("main")).unwrap();
    assert_eq!(moved.commit.id.to_string(), third);
    assert_eq!(files(&moved)[0], "a.yaml: 3");

    // A branch may be rewritten, and a name may become a folder of names.
    git(&upstream.folder(), &["reset", "-q", "--hard", &upstream.first]);
    git(&upstream.folder(), &["branch", "-D", "team/x"]);
    git(&upstream.folder(), &["branch", "team"]);
    assert_eq!(files(&fetch(&cache, &url, &branch("main")).unwrap()), ["a.yaml: 1"]);
    assert_eq!(files(&fetch(&cache, &url, &branch("team")).unwrap()), ["a.yaml: 1"]);
    let gone = fetch(&cache, &url, &branch("team/x")).unwrap_err();
    assert!(matches!(gone, FetchError::NoSuchReference { .. }), "{gone}");
}

/// Who locked a commit that somebody rewrote away has it as long as the cache has it, whatever else is asked for.
#[test]
fn a_commit_that_is_gone_upstream_stays_in_the_cache() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let (cache, url) = (upstream.cache(), server.url("app"));
    let third = commit(&upstream.folder(), &[("a.yaml", "3")]);
    fetch(&cache, &url, &commit_of(&third)).unwrap();
    let fourth = commit(&upstream.folder(), &[("a.yaml", "4")]);
    git(&upstream.folder(), &["reset", "-q", "--hard", &upstream.second]);
    git(&upstream.folder(), &["reflog", "expire", "--expire=now", "--all"]);
    git(&upstream.folder(), &["gc", "-q", "--prune=now"]);
    let gone = fetch(&cache, &url, &commit_of(&fourth)).unwrap_err();
    assert!(matches!(gone, FetchError::NoSuchReference { .. }), "{gone}");
    for fetch in [fetch, offline] {
        assert_eq!(files(&fetch(&cache, &url, &commit_of(&third)).unwrap())[0], "a.yaml: 3");
    }
}

#[test]
fn offline_says_what_would_be_fetched() {
    let sandbox = Sandbox::new();
    let cache = cache(&sandbox.join("cache"));
    let url = "https://u:secret@example.invalid/org/app";
    let error = offline(&cache, url, &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::Offline { .. }), "{error}");
    let expected = "would fetch branch `main` of `https://example.invalid/org/app`, which is not in the cache, \
                    but the network may not be used";
    assert_eq!(error.to_string(), expected);
    assert!(!cache.folder().exists());
}

#[test]
fn credentials_come_from_the_helper_and_are_not_told() {
    let upstream = Upstream::new();
    let folder = upstream.sandbox.join("served");
    let Some(server) = Server::start_tls(&folder, Access::Ada) else { return };
    let trusting = || {
        let certificate = folder.join("tls.pem");
        upstream.cache().with_git_config(&format!("http.sslCAInfo={certificate}"))
    };
    let helper = |password| {
        format!("credential.helper=!f() {{ echo username=ada; echo password={password}; }}; f")
    };
    let url = server.url("app");
    let fetched = fetch(&trusting().with_git_config(&helper("secret")), &url, &branch("main"));
    assert_eq!(files(&fetched.unwrap())[0], "a.yaml: 2");

    let error = fetch(&trusting(), &url, &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::Unauthorized { .. }), "{error}");
    let error = fetch(&upstream.cache(), &url, &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "not trusted: {error}");
    let wrong = trusting().with_git_config(&helper("hunter2"));
    let with_user = url.replace("https://", "https://ada:hunter2@");
    for (cache, url) in [(&wrong, &url), (&trusting(), &with_user)] {
        let error = fetch(cache, url, &branch("main")).unwrap_err();
        assert!(matches!(error, FetchError::Unauthorized { .. }), "{error}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("hunter2"), "{told}");
    }
    let with_user = url.replace("https://", "https://ada:secret@");
    let fetched = fetch(&trusting(), &with_user, &branch("main")).unwrap();
    let interrupt = Interrupt::default();
    let read = fetched.repository.read(&fetched.commit, None, &options(&interrupt)).unwrap();
    assert_eq!(read.origin.url, url, "no secret in an origin");
    for entry in fs::read_dir(upstream.sandbox.join("cache/git")).unwrap() {
        let config = entry.unwrap().path().join("config");
        assert!(!fs::read_to_string(config).unwrap_or_default().contains("secret"));
    }
}

#[test]
fn failures_are_told_apart() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let cache = upstream.cache();
    let error = fetch(&cache, &server.url("nothing"), &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::NotFound { .. }), "{error}");
    let closed = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let error = fetch(&cache, &format!("http://{closed}/x"), &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    let error = fetch(&cache, "http://name.invalid/x", &branch("main")).unwrap_err();
    assert!(matches!(error, FetchError::Unreachable { .. }), "{error}");
    for wrong in
        ["https://", "https:///x", "ftp://host/x", "ext::sh -c x", "ssh://-oProxyCommand=x/y"]
    {
        let error = fetch(&cache, wrong, &branch("main")).unwrap_err();
        let told = error.to_string();
        assert!(
            matches!(
                error,
                FetchError::Address { .. }
                    | FetchError::Failed { .. }
                    | FetchError::NotFound { .. }
            ),
            "{wrong}: {told}"
        );
    }
    let interrupt = Interrupt::default();
    interrupt.set();
    let error = cache.fetch(&server.url("app"), &branch("main"), Policy::Online, &interrupt);
    assert!(matches!(error, Err(FetchError::Interrupted(_))));
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let (cache, url) = (upstream.cache(), server.url("app"));
    for damage in ["nothing", "no HEAD", "stale locks", "cut packs", "no objects"] {
        fetch(&cache, &url, &branch("main")).unwrap();
        let git_folder = upstream.sandbox.join("cache/git");
        let kept = git_folder.read_dir_utf8().unwrap().map(|it| it.unwrap().path().to_owned());
        let kept = kept.into_iter().find(|it| it.is_dir()).unwrap();
        let packs = || kept.join("objects/pack").read_dir_utf8().unwrap().map(|it| it.unwrap());
        match damage {
            "no HEAD" => fs::remove_file(kept.join("HEAD")).unwrap(),
            "stale locks" => {
                for name in ["shallow.lock", "packed-refs.lock", "refs/wob/x.lock"] {
                    fs::write(kept.join(name), "").unwrap();
                }
            }
            "cut packs" => {
                for pack in packs().filter(|it| it.path().extension() == Some("pack")) {
                    let path = pack.path().to_owned();
                    fs::remove_file(&path).unwrap();
                    fs::write(&path, "PACK").unwrap();
                }
            }
            "no objects" => packs().for_each(|it| fs::remove_file(it.path()).unwrap()),
            _ => {}
        }
        let fetched = fetch(&cache, &url, &branch("main")).unwrap();
        assert_eq!(files(&fetched)[0], "a.yaml: 2", "{damage}");
        let again = fetch(&cache, &url, &commit_of(&upstream.first)).unwrap();
        assert_eq!(files(&again), ["a.yaml: 1"], "{damage}");
    }
}

#[test]
fn many_at_once_share_the_cache() {
    let upstream = Upstream::new();
    let Some(server) = upstream.serve(Access::Anyone) else { return };
    let (cache, url) = (upstream.cache(), server.url("app"));
    let references = [branch("main"), tag("v1.0"), commit_of(&upstream.first), branch("team/x")];
    thread::scope(|scope| {
        for reference in references.iter().cycle().take(12) {
            scope.spawn(|| {
                let fetched = fetch(&cache, &url, reference).unwrap();
                assert!(files(&fetched)[0].starts_with("a.yaml: "));
            });
        }
    });
    let kept = upstream.sandbox.join("cache/git");
    let repository = kept.read_dir_utf8().unwrap().map(|it| it.unwrap().path().to_owned());
    let repository = repository.into_iter().find(|it| it.is_dir()).unwrap();
    git(&repository, &["fsck", "--strict"]);
}

#[cfg(unix)]
#[test]
fn ssh_runs_the_configured_command() {
    use std::os::unix::fs::PermissionsExt as _;
    let upstream = Upstream::new();
    let script = upstream.sandbox.join("ssh");
    fs::write(&script, "#!/bin/sh\nshift\nexec sh -c \"$*\"\n").unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    let cache = upstream
        .cache()
        .with_git_config(&format!("core.sshCommand={script}"))
        .with_git_config("ssh.variant=simple");
    let url = format!("ssh://git@example.invalid{}", upstream.folder());
    check_references(&upstream, &cache, &url);
    let short = format!("git@example.invalid:{}", upstream.folder());
    assert!(offline(&cache, &short, &branch("main")).is_ok(), "the same repository");
}
