//! GitHub as others understood it: the npm package `emulate`, where it is installed. It has no commit statuses and no GraphQL.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use wob_host::{
    ForgeKind, Interrupt, Mark, OwnPullRequests, Patience, Project, PullRequestState, TokenSources,
    Wanted,
};

use super::server::TOKEN;
use crate::{
    support::{Sandbox, skipped},
    wire::Asked,
};

/// How long it may take to start.
const START: Duration = Duration::from_secs(30);

/// A running emulator; dropping it ends it.
struct Emulator {
    child: Child,
    port: u16,
}

impl Emulator {
    /// Starts it; `None` if it is not installed.
    fn start(sandbox: &Sandbox) -> Option<Self> {
        let seed = json!({
            "tokens": { TOKEN: { "login": "octocat", "scopes": ["repo"] } },
            "github": {
                "users": [{ "login": "octocat", "name": "Octocat", "email": "o@example.com" }],
                "repos": [{ "owner": "octocat", "name": "gitops", "auto_init": true }],
            },
        });
        let file = sandbox.join("seed.json");
        fs::write(&file, seed.to_string()).unwrap();
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let mut command = Command::new("emulate");
        command.args(["start", "--service", "github", "--port", &port.to_string()]);
        command.args(["--seed", file.as_str()]).stdin(Stdio::null());
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()?;
        let emulator = Self { child, port };
        let begin = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begin.elapsed() < START, "`emulate` does not start");
            thread::yield_now();
        }
        Some(emulator)
    }

    /// Asks it directly; returns the answer, head and all.
    fn ask(&self, asked: &Asked) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        let Asked { method, path, query, body, .. } = asked;
        let path = path.strip_prefix("/api/v3").unwrap_or(path);
        write!(
            stream,
            "{method} {path}?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
             Authorization: Bearer {TOKEN}\r\nAccept: application/vnd.github+json\r\n\
             User-Agent: wob\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )?;
        stream.write_all(body)?;
        let mut answer = vec![];
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    fn tell(&self, method: &str, path: &str, body: &serde_json::Value) -> String {
        let (method, path, query) = (method.to_owned(), path.to_owned(), String::new());
        let body = body.to_string().into_bytes();
        let asked = Asked { method, path, query, headers: vec![], body };
        String::from_utf8_lossy(&self.ask(&asked).unwrap()).into_owned()
    }

    /// Makes a branch with a commit of its own.
    fn branch(&self, name: &str) {
        let main = self.tell("GET", "/repos/octocat/gitops/git/ref/heads/main", &json!(null));
        let sha = main.split("\"sha\":\"").nth(1).unwrap().split('"').next().unwrap();
        let made = json!({ "ref": format!("refs/heads/{name}"), "sha": sha });
        let made = self.tell("POST", "/repos/octocat/gitops/git/refs", &made);
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        let file = json!({ "message": "a file", "content": "eA==", "branch": name });
        let path = format!("/repos/octocat/gitops/contents/{}", name.replace('/', "-"));
        let made = self.tell("PUT", &path, &file);
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.child.kill().and_then(|()| self.child.wait()).map(drop).unwrap_or_default();
    }
}

#[test]
fn github_is_understood_as_others_understand_it() {
    let sandbox = Sandbox::new();
    let Some(emulator) = Emulator::start(&sandbox) else {
        return skipped("`emulate` of npm is not installed");
    };
    for name in ["deployment/stage/a", "deployment/stage/b", "feature"] {
        emulator.branch(name);
    }
    let mine = json!({ "title": "mine", "head": "feature", "base": "main", "body": "" });
    emulator.tell("POST", "/repos/octocat/gitops/pulls", &mine);
    // An enterprise's own GitHub has its interface below another path.
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            if let Ok(Some(asked)) = Asked::read(&mut stream) {
                let answer = emulator.ask(&asked).unwrap_or_default();
                // A client that hangs up is no failure of the test.
                stream.write_all(&answer).unwrap_or_default();
            }
        }
    });
    let variable = |name: &str| match name {
        "WOB_FORGE_URL" => Some(address.clone()),
        "WOB_FORGE_TOKEN" => Some(TOKEN.to_owned()),
        _ => None,
    };
    let sources = TokenSources { variable: &variable, git: None };
    let project = Project::of(&format!("{address}/octocat/gitops.git")).unwrap();
    let kind = ForgeKind::named("github").unwrap();
    let forge = kind.connect(&project, &sources, Patience::default(), &Interrupt::default());
    let forge = forge.unwrap();
    let mark = Mark::new("publish", "stage");
    let own = OwnPullRequests {
        forge: forge.as_ref(),
        mark: &mark,
        heads: "deployment/stage/",
        base: "main",
    };
    let labels = &[("promoted", true)];
    let a = Wanted { head: "deployment/stage/a", title: "Deploy", body: "text\n", labels };
    let (first, is_new) = own.open_or_update(&a).unwrap();
    assert!(is_new && first.labels == ["promoted"], "{first:?}");
    assert_eq!(own.open_or_update(&a).unwrap(), (first.clone(), false));
    let other = Wanted { title: "Deploy again", labels: &[("promoted", false)], ..a };
    let (edited, _) = own.open_or_update(&other).unwrap();
    let read = forge.pull_request(first.number).unwrap();
    assert_eq!((&read.title, read.labels.len(), read.number), (&edited.title, 0, first.number));
    own.comment(first.number, "one").unwrap();
    own.comment(first.number, "two").unwrap();
    assert_eq!(forge.comments(first.number).unwrap().len(), 1);
    let b = Wanted { head: "deployment/stage/b", ..a };
    let (second, _) = own.open_or_update(&b).unwrap();
    let closed = own.close_others(Some(b.head), "superseded").unwrap();
    assert_eq!(closed.iter().map(|it| it.number).collect::<Vec<_>>(), [first.number]);
    assert_eq!(own.open().unwrap().len(), 1);
    assert_eq!(forge.pull_request(first.number).unwrap().state, PullRequestState::Closed);
    assert_eq!(forge.pull_request(second.number).unwrap().state, PullRequestState::Open);
    let issue = forge.open_issue("it fails", "why", "wob").unwrap();
    assert_eq!(forge.open_issues("wob").unwrap(), std::slice::from_ref(&issue));
    forge.close_issue(issue.number).unwrap();
    assert_eq!(forge.open_issues("wob").unwrap(), vec![]);
}
