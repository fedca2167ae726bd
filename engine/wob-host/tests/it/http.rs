//! A git server on this machine: git's own CGI program behind a small HTTP server.

use std::{
    io::{BufRead as _, BufReader, Read, Write},
    net::TcpListener,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use camino::{Utf8Path, Utf8PathBuf};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::support::skipped;

/// What the header of a user `ada` with the password `secret` says.
const ADA: &str = "basic ywrhonnly3jlda==";

/// A server that runs until the tests end.
pub(crate) struct Server {
    scheme: &'static str,
    port: u16,
    requests: Arc<AtomicUsize>,
}

/// Who may read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Anyone,
    Ada,
}

impl Server {
    /// Serves the repositories below `folder`; `None` if this git has no server program.
    pub(crate) fn start(folder: &Utf8Path, access: Access) -> Option<Self> {
        Self::start_with(folder, access, None)
    }

    /// The same with TLS; a client must trust the certificate in `folder/tls.pem`.
    pub(crate) fn start_tls(folder: &Utf8Path, access: Access) -> Option<Self> {
        let config = tls(folder)?;
        Self::start_with(folder, access, Some(config))
    }

    fn start_with(
        folder: &Utf8Path,
        access: Access,
        tls: Option<Arc<ServerConfig>>,
    ) -> Option<Self> {
        let output = Command::new("git").arg("--exec-path").output().unwrap();
        let programs = Utf8PathBuf::from(String::from_utf8(output.stdout).unwrap().trim());
        let program = programs.join("git-http-backend");
        if !program.exists() {
            skipped("this git has no http-backend");
            return None;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Arc::new(AtomicUsize::new(0));
        let (folder, count) = (folder.to_owned(), Arc::clone(&requests));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (folder, program, tls) = (folder.clone(), program.clone(), tls.clone());
                count.fetch_add(1, Ordering::SeqCst);
                // A client that hangs up is no failure of the test.
                thread::spawn(move || match tls {
                    None => answer(&mut stream?, &folder, &program, access),
                    Some(config) => {
                        let connection = ServerConnection::new(config).unwrap();
                        let mut stream = StreamOwned::new(connection, stream?);
                        answer(&mut stream, &folder, &program, access)?;
                        stream.conn.send_close_notify();
                        stream.flush()
                    }
                });
            }
        });
        Some(Self { scheme, port, requests })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/{path}", self.scheme, self.port)
    }

    /// Returns how many connections were made so far.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Makes a certificate; `None` if there is no `openssl`.
fn tls(folder: &Utf8Path) -> Option<Arc<ServerConfig>> {
    let path = |name: &str| folder.join(name).to_string();
    let (root, root_key) = (path("tls.pem"), path("root-key.pem"));
    let (certificate, key) = (path("server.pem"), path("server-key.pem"));
    let made = |subject: &str, out: &str, key: &str, more: &[&str]| {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:P-256"]);
        openssl.args(["-subj", subject, "-out", out, "-keyout", key]).args(more);
        openssl.output().is_ok_and(|it| it.status.success())
    };
    let issued = ["-CA", &root, "-CAkey", &root_key, "-addext", "subjectAltName=IP:127.0.0.1"];
    let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
    if !made("/CN=root", &root, &root_key, &[])
        || !made("/CN=server", &certificate, &key, &[&issued[..], &leaf[..]].concat())
    {
        skipped("there is no openssl that can make certificates");
        return None;
    }
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key);
    Some(Arc::new(config.unwrap()))
}

fn answer(
    stream: &mut (impl Read + Write),
    folder: &Utf8Path,
    program: &Utf8Path,
    access: Access,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let mut headers: Vec<(String, String)> = vec![];
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let header = |name: &str| {
        headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.as_str())
    };
    let body = body(&mut reader, header("transfer-encoding"), header("content-length"))?;
    let stream = reader.get_mut();
    if access == Access::Ada && header("authorization").to_lowercase() != ADA {
        write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"test\"\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        )?;
        return stream.flush();
    }
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
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
    let mut output = vec![];
    child.stdout.take().unwrap().read_to_end(&mut output)?;
    child.wait()?;
    let end = output.windows(4).position(|it| it == b"\r\n\r\n").unwrap_or(output.len());
    let head = String::from_utf8_lossy(&output[..end]).into_owned();
    let status = head.lines().find_map(|it| it.strip_prefix("Status: ")).unwrap_or("200 OK");
    let length = output.len().saturating_sub(end + 4);
    write!(stream, "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{head}")?;
    stream.write_all(&output[end..])?;
    stream.flush()
}

fn body(
    reader: &mut BufReader<impl Read>,
    encoding: &str,
    length: &str,
) -> std::io::Result<Vec<u8>> {
    let mut body = vec![];
    if encoding != "chunked" {
        reader.take(length.parse().unwrap_or(0)).read_to_end(&mut body)?;
        return Ok(body);
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let size = u64::from_str_radix(line.trim(), 16).unwrap();
        reader.take(size).read_to_end(&mut body)?;
        reader.read_line(&mut line)?;
        if size == 0 {
            return Ok(body);
        }
    }
}
