//! A git server on this machine: git's own CGI program behind a few lines of HTTP.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A server that runs until the tests end.
pub(crate) struct GitServer {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl GitServer {
    /// Serves the repositories below `folder`; `None` if this git has no server program.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let output = Command::new("git").arg("--exec-path").output().unwrap();
        let programs = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let program = programs.join("git-http-backend");
        if !program.exists() {
            return None;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (folder, count) = (folder.to_owned(), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up is no failure of the test.
                stream.and_then(|it| answer(it, &folder, &program)).unwrap_or_default();
            }
        });
        Some(Self { port, requests })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Returns how many connections were made so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Answers one request, of which the length is known, and closes the connection.
fn answer(stream: TcpStream, folder: &Path, program: &Path) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    let mut lines = head.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let header = |name: &str| {
        let of = |line: &str| {
            line.split_once(": ")
                .filter(|it| it.0.eq_ignore_ascii_case(name))
                .map(|it| it.1.to_owned())
        };
        head.lines().find_map(of).unwrap_or_default()
    };
    let mut body = vec![];
    (&mut reader).take(header("content-length").parse().unwrap_or(0)).read_to_end(&mut body)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new(program)
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type"))
        .env("HTTP_CONTENT_ENCODING", header("content-encoding"))
        .env("GIT_PROTOCOL", header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    child.stdin.take().unwrap().write_all(&body)?;
    let output = child.wait_with_output()?.stdout;
    let printed = String::from_utf8_lossy(&output);
    let status = printed.lines().find_map(|it| it.strip_prefix("Status: ")).unwrap_or("200 OK");
    let stream = reader.get_mut();
    // The end of the connection is the end of the body.
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\n")?;
    stream.write_all(&output)
}
