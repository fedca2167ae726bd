//! A git server on this machine: git's own CGI program behind a few lines of HTTP.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use crate::{
    cgi,
    wire::{self, Asked},
};

/// A server that runs until the tests end.
pub(crate) struct GitServer {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl GitServer {
    /// Serves the repositories below `folder`; `None` if this git has no server program.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let program = cgi::program()?;
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

/// Answers one request, and closes the connection.
fn answer(mut stream: TcpStream, folder: &Path, program: &Path) -> std::io::Result<()> {
    let Some(asked) = Asked::read(&mut stream)? else { return Ok(()) };
    let (status, head, body) = cgi::answer(&asked, folder, program)?;
    wire::write(&mut stream, &status, &head, &body)
}
