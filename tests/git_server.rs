//! A git server on this machine: git's own CGI program behind a few lines of HTTP.

use std::{
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
};

use crate::{
    cgi,
    forge::Mortal,
    wire::{self, Asked},
};

/// A server that runs until the tests end.
pub(crate) struct GitServer {
    port: u16,
    /// The connections, one for each request.
    pub(crate) connections: Arc<Mortal>,
}

impl GitServer {
    /// Serves the repositories below `folder`; `None` if this git has no server program.
    pub(crate) fn start(folder: &Path) -> Option<Self> {
        let program = cgi::program()?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections: Arc<Mortal> = Arc::default();
        let (folder, mortal) = (folder.to_owned(), Arc::clone(&connections));
        thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that hangs up is no failure of the test.
                stream.and_then(|it| answer(it, &folder, &program, &mortal)).unwrap_or_default();
            }
        });
        Some(Self { port, connections })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    /// Returns how many connections were made so far.
    pub(crate) fn requests(&self) -> usize {
        self.connections.asked()
    }
}

/// Answers one request, and closes the connection.
fn answer(
    mut stream: TcpStream,
    folder: &Path,
    program: &Path,
    mortal: &Mortal,
) -> std::io::Result<()> {
    let (status, head, body) = {
        let asked = Asked::read(&mut stream)?;
        let answer =
            mortal.answer(|| asked.map(|it| cgi::answer(&it, folder, program)).transpose())?;
        let Some(answer) = answer else { return Ok(()) };
        answer
    };
    wire::write(&mut stream, &status, &head, &body)
}
