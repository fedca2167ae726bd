//! One transfer with curl, which has git's own settings for proxies and certificates.

use std::{sync::OnceLock, time::Duration};

use curl::easy::{Easy, List};

use super::{Credential, MOST_BYTES, Request, Response};
use crate::Interrupt;

/// How long to wait for a connection.
const CONNECT: Duration = Duration::from_secs(30);
/// How long a transfer may stand still.
const STILL: Duration = Duration::from_mins(1);

/// Connections that are kept.
pub(super) struct Transfer(Easy);

/// Why there is no answer.
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) reason: String,
}

/// How far it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing was asked.
    NotConnected,
    /// Something may have been asked.
    Lost,
    /// The answer is too long.
    TooLong,
    /// It could not even begin.
    Other,
}

/// What git's configuration says about reaching hosts.
#[derive(Default)]
struct Settings {
    certificates: Option<String>,
    proxy: Option<String>,
}

impl Transfer {
    pub(super) fn new() -> Self {
        Self(Easy::new())
    }

    /// Sends a request, and gives whatever the host answers.
    pub(super) fn send(
        &mut self,
        request: &Request,
        credential: Option<&Credential>,
        interrupt: &Interrupt,
    ) -> Result<Response, Failure> {
        self.prepare(request, credential).map_err(|error| Failure::of(&error))?;
        let mut answer = Answer::default();
        let mut is_too_long = false;
        let performed = {
            let mut transfer = self.0.transfer();
            let Answer { head, body } = &mut answer;
            let too_long = &mut is_too_long;
            let set = transfer
                .header_function(move |line| {
                    head.extend_from_slice(line);
                    head.len() <= MOST_BYTES
                })
                .and_then(|()| {
                    transfer.write_function(move |bytes| {
                        *too_long = body.len() + bytes.len() > MOST_BYTES;
                        body.extend_from_slice(bytes);
                        // A count that is too small ends the transfer.
                        Ok(bytes.len() * usize::from(!*too_long))
                    })
                })
                .and_then(|()| transfer.progress_function(|_, _, _, _| !interrupt.is_set()));
            set.and_then(|()| transfer.perform())
        };
        match performed {
            Ok(()) => answer.read(),
            Err(_) if is_too_long => Err(Failure { kind: Kind::TooLong, reason: String::new() }),
            Err(error) => Err(Failure::of(&error)),
        }
    }

    fn prepare(
        &mut self,
        request: &Request,
        credential: Option<&Credential>,
    ) -> Result<(), curl::Error> {
        let easy = &mut self.0;
        // Connections stay, settings go.
        easy.reset();
        easy.url(&request.url)?;
        easy.useragent(concat!("wob/", env!("CARGO_PKG_VERSION")))?;
        easy.connect_timeout(CONNECT)?;
        easy.low_speed_limit(1)?;
        easy.low_speed_time(STILL)?;
        easy.progress(true)?;
        easy.signal(false)?;
        let settings = settings();
        if let Some(file) = &settings.certificates {
            easy.cainfo(file)?;
        }
        if let Some(proxy) = &settings.proxy {
            easy.proxy(proxy)?;
        }
        let body = request.body.as_deref();
        if body.is_some() {
            easy.post(true)?;
            easy.post_fields_copy(body.unwrap_or_default())?;
        }
        easy.custom_request(request.method.as_str())?;
        let mut headers = List::new();
        // An answer to a body is not worth a second round trip.
        headers.append("Expect:")?;
        if body.is_some() {
            headers.append("Content-Type: application/json")?;
        } else if request.method != super::Method::Get {
            headers.append("Content-Length: 0")?;
        }
        let own = credential.map(|it| (it.header.as_str(), it.value.as_str()));
        let others = request.headers.iter().map(|(name, value)| (*name, value.as_str()));
        for (name, value) in others.chain(own) {
            // A line break would make a second header of it.
            let value: String = value.chars().filter(|it| !it.is_control()).collect();
            headers.append(&format!("{name}: {value}"))?;
        }
        easy.http_headers(headers)
    }
}

/// What a host sent.
#[derive(Default)]
struct Answer {
    head: Vec<u8>,
    body: Vec<u8>,
}

impl Answer {
    fn read(self) -> Result<Response, Failure> {
        let mut status = 0;
        let mut headers = std::collections::BTreeMap::new();
        for line in String::from_utf8_lossy(&self.head).lines() {
            // Interim answers, and those of a proxy, come first.
            if line.starts_with("HTTP/") {
                status = line.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or(0);
                headers.clear();
            } else if let Some((name, value)) = line.split_once(':') {
                headers.insert(name.trim().to_lowercase(), value.trim().to_owned());
            }
        }
        if status == 0 {
            let reason = "the answer is no HTTP".to_owned();
            return Err(Failure { kind: Kind::Lost, reason });
        }
        Ok(Response { status, headers, body: self.body })
    }
}

impl Failure {
    fn of(error: &curl::Error) -> Self {
        let kind = if error.is_couldnt_resolve_host()
            || error.is_couldnt_resolve_proxy()
            || error.is_couldnt_connect()
            || error.is_ssl_connect_error()
            || error.is_peer_failed_verification()
            || error.is_ssl_cacert_badfile()
        {
            Kind::NotConnected
        } else if error.is_url_malformed() || error.is_unsupported_protocol() {
            Kind::Other
        } else {
            Kind::Lost
        };
        let extra = error.extra_description().unwrap_or(error.description());
        Self { kind, reason: extra.trim().to_owned() }
    }
}

/// Returns what git's configuration and the environment say, read once.
fn settings() -> &'static Settings {
    static SETTINGS: OnceLock<Settings> = OnceLock::new();
    SETTINGS.get_or_init(|| {
        let text = |name| std::env::var(name).ok().filter(|it| !it.is_empty());
        let config = gix::config::File::from_globals().ok();
        let config = |key: &str| Some(config.as_ref()?.string(key)?.to_string());
        let found = || Some(openssl_probe::probe().cert_file?.to_string_lossy().into_owned());
        // Windows has its own store of certificates, which curl knows.
        let found = || if cfg!(windows) { None } else { found() };
        Settings {
            certificates: text("GIT_SSL_CAINFO")
                .or_else(|| config("http.sslCAInfo"))
                .or_else(found),
            proxy: config("http.proxy"),
        }
    })
}
