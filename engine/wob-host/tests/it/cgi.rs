//! Git's own server program, which answers what a server of a test was asked.

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use crate::wire::Asked;

/// Finds the program; `None` if this git has none.
pub(crate) fn program() -> Option<PathBuf> {
    let output = Command::new("git").arg("--exec-path").output().unwrap();
    let programs = PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
    Some(programs.join("git-http-backend")).filter(|it| it.exists())
}

/// Lets it answer about the repositories below `folder`; returns the status, the header lines and the body.
pub(crate) fn answer(
    asked: &Asked,
    folder: &Path,
    program: &Path,
) -> io::Result<(String, String, Vec<u8>)> {
    let mut child = Command::new(program)
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("REQUEST_METHOD", &asked.method)
        .env("PATH_INFO", &asked.path)
        .env("QUERY_STRING", &asked.query)
        .env("CONTENT_TYPE", asked.header("content-type"))
        .env("HTTP_CONTENT_ENCODING", asked.header("content-encoding"))
        .env("GIT_PROTOCOL", asked.header("git-protocol"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    // In a thread of its own, for the program may answer before it has read everything.
    let (mut stdin, body) = (child.stdin.take().unwrap(), asked.body.clone());
    let writer = thread::spawn(move || stdin.write_all(&body));
    let output = child.wait_with_output()?.stdout;
    writer.join().unwrap().unwrap_or_default();
    let end = output.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|it| it.strip_prefix("Status: ")).unwrap_or("200 OK");
    let lines = head.lines().map(|it| format!("{it}\r\n")).collect::<Vec<_>>().concat();
    Ok((status.to_owned(), lines, output.get(end + 4..).unwrap_or_default().to_vec()))
}
