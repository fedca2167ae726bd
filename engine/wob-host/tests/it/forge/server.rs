//! A forge on this machine: what it keeps, how it fails, and one way of speaking for each kind.
//!
//! It keeps pull requests as forges do. What it says in which words is up to a [`Dialect`].

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write as _,
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use serde_json::{Value, json};

use crate::wire::{self, Asked};

/// The secret that every request must carry.
pub(crate) const TOKEN: &str = "t0p-s3cret-t0ken";

/// How a kind of forge speaks.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    /// The `Authorization` that it wants.
    pub(crate) authorization: fn() -> String,
    /// What its REST addresses begin with; others are not for the forge.
    pub(crate) prefix: &'static str,
    pub(crate) answer: fn(&mut Model, &Call) -> Answer,
    /// What it says of an error.
    pub(crate) error: fn(&str) -> Value,
}

/// A request to the REST interface.
pub(crate) struct Call {
    pub(crate) method: String,
    /// The parts of the path behind the repository's own address.
    pub(crate) path: Vec<String>,
    pub(crate) query: BTreeMap<String, String>,
    pub(crate) body: Value,
    /// The address without the query, as the client wrote it.
    pub(crate) address: String,
}

/// What the forge answers.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

/// How a request goes wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    /// Nothing is done, and this is said.
    Says(Answer),
    /// The connection ends before the request is looked at.
    DiesBefore,
    /// The request is done, and the connection ends.
    DiesAfter,
    /// The request is done, and half of the answer arrives.
    DiesWithin,
    /// The request is done, and something else is said.
    Garbles,
}

/// Merges in a real repository.
pub(crate) type OnMerge = Box<dyn FnMut(&Pull) + Send>;

/// Looks what has become of the branches of a real repository.
pub(crate) type Before = Box<dyn FnMut(&mut Model) + Send>;

/// What a forge keeps.
#[derive(Default)]
pub(crate) struct Model {
    /// The last commits of the branches, by name.
    pub(crate) branches: BTreeMap<String, String>,
    pub(crate) pulls: Vec<Pull>,
    pub(crate) issues: Vec<Issue>,
    pub(crate) labels: Vec<String>,
    /// Comments: of which pull request, what.
    pub(crate) comments: Vec<(u64, String)>,
    /// What is said of commits, oldest first: commit, name, state, description, address.
    pub(crate) statuses: Vec<[String; 5]>,
    /// Names of checks that must be good before anything is merged.
    pub(crate) required: BTreeSet<String>,
    /// Whether it merges by itself.
    pub(crate) auto_merge: bool,
    /// Merges in the real repository, where there is one.
    pub(crate) on_merge: Option<OnMerge>,
    /// Looks what has become of the branches, before each request.
    pub(crate) before: Option<Before>,
    /// Pull requests that it has not looked at yet.
    pub(crate) unseen: BTreeSet<u64>,
    /// How many items a page has at most.
    pub(crate) page: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "two things that have nothing to do with each other"
)]
pub(crate) struct Pull {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) head: String,
    pub(crate) base: String,
    /// `open`, `merged` or `closed`.
    pub(crate) state: &'static str,
    pub(crate) labels: BTreeSet<String>,
    pub(crate) is_fork: bool,
    pub(crate) will_merge: bool,
    pub(crate) commit: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Issue {
    pub(crate) number: u64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) label: String,
    pub(crate) is_open: bool,
}

impl Answer {
    pub(crate) fn new(status: u16, body: &Value) -> Self {
        Self { status, headers: vec![], body: body.to_string().into_bytes() }
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Call {
    /// Returns a text of the body.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.body[key].as_str().map(str::to_owned)
    }

    /// Returns the parts of the path, to match on.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }

    pub(crate) fn number(&self, name: &str) -> Option<usize> {
        self.query.get(name)?.parse().ok()
    }
}

impl Model {
    /// Opens a pull request; none if there is one from and to the same branches, or no such branch.
    pub(crate) fn open(&mut self, call: [Option<String>; 4]) -> Result<u64, u16> {
        let [Some(title), Some(body), Some(head), Some(base)] = call else { return Err(422) };
        let Some(commit) = self.branches.get(&head).cloned() else { return Err(404) };
        let is_same = |it: &Pull| it.state == "open" && it.head == head && it.base == base;
        if self.pulls.iter().any(is_same) {
            return Err(409);
        }
        let number = self.next();
        self.unseen.insert(number);
        self.pulls.push(Pull {
            number,
            title,
            body,
            head,
            base,
            state: "open",
            commit,
            ..Pull::default()
        });
        Ok(number)
    }

    /// Lists the open issues with a label.
    pub(crate) fn open_issues(&self, call: &Call) -> Vec<&Issue> {
        let label = call.query.get("labels").map(String::as_str).unwrap_or_default();
        self.issues.iter().filter(|it| it.is_open && it.label == label).collect()
    }

    /// Opens an issue.
    pub(crate) fn open_issue(&mut self, title: String, body: String, label: String) -> &Issue {
        let number = self.next();
        self.issues.push(Issue { number, title, body, label, is_open: true });
        &self.issues[self.issues.len() - 1]
    }

    pub(crate) fn issue(&mut self, number: &str) -> Option<&mut Issue> {
        self.issues.iter_mut().find(|it| it.number.to_string() == number)
    }

    /// Lists the comments on a pull request: what the forge calls each, and what it says.
    pub(crate) fn comments_on(&self, number: &str) -> Vec<(usize, &str)> {
        let all = self.comments.iter().enumerate();
        let own = all.filter(|(_, it)| it.0.to_string() == number);
        own.map(|(id, it)| (id, it.1.as_str())).collect()
    }

    /// Gives a comment another text.
    pub(crate) fn edit_comment(&mut self, id: &str, text: Option<String>) {
        self.comments[id.parse::<usize>().unwrap()].1 = text.unwrap();
    }

    /// Pull requests and issues are counted together.
    pub(crate) fn next(&self) -> u64 {
        let last =
            self.pulls.iter().map(|it| it.number).chain(self.issues.iter().map(|it| it.number));
        last.max().unwrap_or(0) + 1
    }

    pub(crate) fn pull(&mut self, number: &str) -> Option<&mut Pull> {
        let number: u64 = number.parse().ok()?;
        self.pulls.iter_mut().find(|it| it.number == number)
    }

    /// Lists the latest of what is said about a commit under each name.
    pub(crate) fn latest(&self, commit: &str) -> Vec<[String; 5]> {
        let of = self.statuses.iter().filter(|it| it[0] == commit);
        let latest: BTreeMap<&str, &[String; 5]> = of.map(|it| (it[1].as_str(), it)).collect();
        latest.into_values().cloned().collect()
    }

    /// Says whether nothing stands in the way of merging.
    pub(crate) fn is_ready(&self, pull: &Pull, good: &str) -> bool {
        let said = self.latest(&pull.commit);
        let is_good = |name: &String| said.iter().any(|it| it[1] == *name && it[2] == good);
        self.required.iter().all(is_good)
    }

    pub(crate) fn merge(&mut self, number: u64) {
        let pull = self.pulls.iter_mut().find(|it| it.number == number).unwrap();
        pull.state = "merged";
        if let Some(on_merge) = &mut self.on_merge {
            on_merge(pull);
        }
    }

    /// Merges what waited for checks that are good now.
    fn settle(&mut self, good: &str) {
        let ready: Vec<u64> = self
            .pulls
            .iter()
            .filter(|it| it.will_merge && it.state == "open" && self.is_ready(it, good))
            .map(|it| it.number)
            .collect();
        for number in ready {
            self.merge(number);
        }
    }

    /// Says something about a commit.
    pub(crate) fn say(&mut self, said: [Option<String>; 5], good: &str) {
        self.statuses.push(said.map(Option::unwrap_or_default));
        self.settle(good);
    }

    /// Returns one page of a list by numbered pages, with the links to others.
    pub(crate) fn page(&self, call: &Call, size: &str, items: &[Value]) -> Answer {
        let size = call.number(size).unwrap_or(20).clamp(1, self.page);
        let page = call.number("page").unwrap_or(1).max(1);
        let shown: Vec<&Value> = items.iter().skip((page - 1) * size).take(size).collect();
        let answer = Answer::new(200, &json!(shown));
        let link = |page: usize, rel: &str| {
            let query: Vec<String> = call
                .query
                .iter()
                .filter(|(name, _)| *name != "page")
                .map(|(name, value)| format!("{name}={}", value.replace(' ', "%20")))
                .chain([format!("page={page}")])
                .collect();
            // Behind a proxy it knows itself by another name.
            format!("<http://inside.example{}?{}>; rel=\"{rel}\"", call.address, query.join("&"))
        };
        let last = items.len().div_ceil(size).max(1);
        let mut links = vec![link(1, "first"), link(last, "last")];
        if page < last {
            links.insert(0, link(page + 1, "next"));
        }
        answer.with("Link", &links.join(", "))
    }
}

/// A forge that runs until the tests end.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) port: u16,
    shared: Arc<Mutex<Shared>>,
}

/// Answers what is not for the forge, such as git.
pub(crate) type Beside =
    Arc<dyn Fn(&Asked) -> std::io::Result<(String, String, Vec<u8>)> + Send + Sync>;

struct Shared {
    model: Model,
    dialect: Dialect,
    beside: Option<Beside>,
    /// What goes wrong, by the number of the request.
    faults: BTreeMap<usize, Fault>,
    /// What goes wrong with every request.
    always: Option<Fault>,
    /// What was asked.
    log: Vec<String>,
}

impl Server {
    pub(crate) fn start(dialect: Dialect, beside: Option<Beside>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let model = Model { page: 100, auto_merge: true, ..Model::default() };
        let shared =
            Shared { model, dialect, beside, faults: BTreeMap::new(), always: None, log: vec![] };
        let server = Self { port, shared: Arc::new(Mutex::new(shared)) };
        let running = server.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let server = running.clone();
                // A client that hangs up is no failure of the test.
                thread::spawn(move || server.serve(&mut stream?));
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        // A test that failed while it held the lock has said so.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what the forge keeps, or changes it.
    pub(crate) fn model<R>(&self, look: impl FnOnce(&mut Model) -> R) -> R {
        look(&mut self.shared().model)
    }

    /// Lets the request of this number, from 0 and from now, go wrong.
    pub(crate) fn fail(&self, number: usize, fault: Fault) {
        let mut shared = self.shared();
        shared.log.clear();
        shared.faults = BTreeMap::from([(number, fault)]);
        shared.always = None;
    }

    /// Lets every request go wrong.
    pub(crate) fn fail_always(&self, fault: Option<Fault>) {
        let mut shared = self.shared();
        shared.log.clear();
        shared.faults.clear();
        shared.always = fault;
    }

    /// Returns what was asked since the last fault was set.
    pub(crate) fn log(&self) -> Vec<String> {
        self.shared().log.clone()
    }

    fn serve(&self, stream: &mut TcpStream) -> std::io::Result<()> {
        let Some(asked) = Asked::read(stream)? else { return Ok(()) };
        let mut shared = self.shared();
        if !asked.path.starts_with(shared.dialect.prefix) {
            let beside = shared.beside.clone();
            drop(shared);
            let Some(beside) = beside else {
                return wire::write(stream, "404 Not Found", "", b"");
            };
            let (status, head, body) = beside(&asked)?;
            return wire::write(stream, &status, &head, &body);
        }
        let number = shared.log.len();
        let query =
            if asked.query.is_empty() { String::new() } else { format!("?{}", asked.query) };
        shared.log.push(format!("{} {}{query}", asked.method, asked.path));
        let fault = shared.faults.remove(&number).or_else(|| shared.always.clone());
        let Shared { model, dialect, .. } = &mut *shared;
        let mut answer = match &fault {
            Some(Fault::DiesBefore) => return Ok(()),
            Some(Fault::Says(answer)) => answer.clone(),
            Some(Fault::DiesAfter | Fault::DiesWithin | Fault::Garbles) | None => {
                let wanted = (dialect.authorization)();
                if asked.header("authorization") == wanted {
                    let error = dialect.error;
                    if let Some(mut before) = model.before.take() {
                        before(model);
                        model.before = Some(before);
                    }
                    let unknown = |_| Answer::new(415, &error("the body is no JSON"));
                    let call = Call::read(&asked, dialect.prefix);
                    call.map_or_else(unknown, |it| (dialect.answer)(model, &it))
                } else {
                    // Servers have been seen to repeat what they were sent.
                    let words = format!("Bad credentials: {}", asked.header("authorization"));
                    Answer::new(401, &(dialect.error)(&words))
                }
            }
        };
        drop(shared);
        if matches!(fault, Some(Fault::DiesAfter)) {
            return Ok(());
        }
        if matches!(fault, Some(Fault::Garbles)) {
            answer.body = b"<html><body>It works!</body></html>".to_vec();
        }
        let lines = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = lines.collect::<Vec<_>>().concat();
        if matches!(fault, Some(Fault::DiesWithin)) {
            let half = &answer.body[..answer.body.len() / 2];
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", answer.body.len() + 1)?;
            stream.write_all(half)?;
            return stream.flush();
        }
        wire::write(stream, &format!("{} Said", answer.status), &head, &answer.body)
    }
}

impl Call {
    fn read(asked: &Asked, prefix: &str) -> Result<Self, serde_json::Error> {
        let body = match asked.body.as_slice() {
            [] => Value::Null,
            bytes => serde_json::from_slice(bytes)?,
        };
        let path = asked.path[prefix.len()..].split('/').filter(|it| !it.is_empty());
        let pairs = asked.query.split('&').filter_map(|it| it.split_once('='));
        Ok(Self {
            method: asked.method.clone(),
            path: path.map(decoded).collect(),
            query: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect(),
            body,
            address: asked.path.clone(),
        })
    }
}

fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = vec![];
    let mut at = 0;
    while at < bytes.len() {
        let hex = text.get(at + 1..at + 3).filter(|_| bytes[at] == b'%');
        if let Some(byte) = hex.and_then(|it| u8::from_str_radix(it, 16).ok()) {
            plain.push(byte);
            at += 3;
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    String::from_utf8(plain).unwrap()
}
