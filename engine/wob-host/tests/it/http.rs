//! A git server on this machine: git's own CGI program behind a small HTTP server.

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use camino::Utf8Path;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};

use crate::{
    cgi,
    support::skipped,
    wire::{self, Asked},
};

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
        let Some(program) = cgi::program() else {
            skipped("this git has no http-backend");
            return None;
        };
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
    program: &Path,
    access: Access,
) -> std::io::Result<()> {
    let Some(asked) = Asked::read(stream)? else { return Ok(()) };
    if access == Access::Ada && asked.header("authorization").to_lowercase() != ADA {
        let head = "WWW-Authenticate: Basic realm=\"test\"\r\n";
        return wire::write(stream, "401 Unauthorized", head, b"");
    }
    let (status, head, body) = cgi::answer(&asked, folder.as_std_path(), program)?;
    wire::write(stream, &status, &head, &body)
}
