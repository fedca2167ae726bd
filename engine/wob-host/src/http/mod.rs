//! A small HTTP client for the services beside git: one request, its answer, and patience with those that are busy.
//!
//! **Invariant:** no credential is sent over plain `http` to another machine, follows a redirect to another host, or
//! appears in an error.

mod curl;
mod wait;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use crate::{Interrupt, Interrupted, address::redact};

pub use wait::Patience;

use self::curl::Transfer;

/// How many bytes an answer may have.
const MOST_BYTES: usize = 64 << 20;
/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// A client: it keeps connections, asks again where that may help, and stops when it is interrupted.
pub struct Http {
    patience: Patience,
    interrupt: Interrupt,
    credential: Option<Credential>,
    connections: Mutex<Transfer>,
}

/// What proves to a host who asks.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// The header that carries it.
    header: String,
    /// The value of the header.
    value: String,
    /// What must never be shown.
    secrets: Vec<String>,
}

/// What is done with a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// It is read.
    Get,
    /// Something new is made below it: twice is not the same as once.
    Post,
    /// It is set.
    Put,
    /// Parts of it are set.
    Patch,
    /// It is removed.
    Delete,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to do.
    pub method: Method,
    /// The address of the resource.
    pub url: String,
    /// Headers beside those that every request has.
    pub headers: Vec<(&'static str, String)>,
    /// The body, as JSON; none for an empty one.
    pub body: Option<Vec<u8>>,
}

/// An answer, whatever it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The headers by their names in lower case; of several with one name, the last.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Ctrl-C.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// No connection could be made, so nothing was asked.
    #[error("could not reach `{url}`: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The connection ended before the answer did: what was asked for may have been done.
    #[error("`{url}` gave no answer: {reason}")]
    Lost {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
    /// The host asks to wait for longer than anybody would.
    #[error("`{url}` allows no more requests for {} s", wait.as_secs())]
    Busy {
        /// The address.
        url: String,
        /// How long it asks to wait.
        wait: Duration,
    },
    /// The host sends the client elsewhere, where it does not go.
    #[error("`{url}` has moved to `{to}`")]
    Moved {
        /// The address.
        url: String,
        /// The new one.
        to: String,
    },
    /// The answer is too long.
    #[error("the answer of `{url}` is longer than {MOST_BYTES} bytes")]
    TooLong {
        /// The address.
        url: String,
    },
    /// The address is none, or the client cannot be set up.
    #[error("could not ask `{url}`: {reason}")]
    Failed {
        /// The address.
        url: String,
        /// Why.
        reason: String,
    },
}

impl Http {
    /// Makes a client that knows nobody's credentials.
    pub fn new(patience: Patience, interrupt: &Interrupt) -> Self {
        Self {
            patience,
            interrupt: interrupt.clone(),
            credential: None,
            connections: Mutex::new(Transfer::new()),
        }
    }

    /// Sends `credential` with every request.
    #[must_use]
    pub fn with_credential(mut self, credential: Option<Credential>) -> Self {
        self.credential = credential;
        self
    }

    /// Says whether it has a credential.
    pub fn has_credential(&self) -> bool {
        self.credential.is_some()
    }

    /// Sends a request and returns the answer, be it good or bad.
    ///
    /// A host that is busy or broken is asked again after a while, as it wishes: whatever the request if it says that it
    /// did nothing, and else only what may be done twice.
    ///
    /// # Errors
    /// See [`HttpError`]. No message holds the credential.
    pub fn send(&self, request: &Request) -> Result<Response, HttpError> {
        let mut waits = self.patience.begin();
        loop {
            let result = self.follow(request);
            let asks = match &result {
                Ok(response) => wait::asked(request.method, response),
                Err(HttpError::Unreachable { .. }) => Some(wait::Asked::Anytime),
                Err(HttpError::Lost { .. }) if request.method.may_be_repeated() => {
                    Some(wait::Asked::Anytime)
                }
                Err(_) => None,
            };
            let Some(asks) = asks else { return result };
            match waits.next(asks) {
                wait::Next::After(time) => wait::sleep(time, &self.interrupt)?,
                wait::Next::Never => return result,
                wait::Next::TooLong(wait) => {
                    return Err(HttpError::Busy { url: redact(&request.url), wait });
                }
            }
        }
    }

    /// Sends a request, and again to where the host sends it, as long as that is the same host.
    fn follow(&self, request: &Request) -> Result<Response, HttpError> {
        let mut request = request.clone();
        for _ in 0..REDIRECTS {
            let response = self.once(&request)?;
            let moved = match response.status {
                301 | 302 => request.method == Method::Get,
                307 | 308 => true,
                _ => return Ok(response),
            };
            let Some(to) = response.headers.get("location") else { return Ok(response) };
            let from = origin(&request.url);
            let to = if to.starts_with('/') { format!("{from}{to}") } else { to.clone() };
            if !moved || !origin(&to).eq_ignore_ascii_case(from) {
                return Err(HttpError::Moved { url: redact(&request.url), to: redact(&to) });
            }
            request.url = to;
        }
        let url = redact(&request.url);
        Err(HttpError::Failed { url, reason: "it redirects without end".to_owned() })
    }

    fn once(&self, request: &Request) -> Result<Response, HttpError> {
        self.interrupt.check()?;
        let credential = self.credential.as_ref().filter(|_| is_safe(&request.url));
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let result = connections.send(request, credential, &self.interrupt);
        self.interrupt.check()?;
        result.map_err(|failure| {
            let url = self.scrub(&redact(&request.url));
            let reason = self.scrub(&redact(&failure.reason));
            match failure.kind {
                curl::Kind::NotConnected => HttpError::Unreachable { url, reason },
                curl::Kind::Lost => HttpError::Lost { url, reason },
                curl::Kind::TooLong => HttpError::TooLong { url },
                curl::Kind::Other => HttpError::Failed { url, reason },
            }
        })
    }

    /// Returns `text` without the credential.
    pub fn scrub(&self, text: &str) -> String {
        let secrets = self.credential.iter().flat_map(|it| &it.secrets);
        let secrets = secrets.filter(|it| !it.is_empty());
        secrets.fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }

    /// Waits before the same thing is asked again, a little longer each time; `time` counts from 0.
    ///
    /// # Errors
    /// If the user stops it.
    pub fn pause(&self, time: u32) -> Result<(), Interrupted> {
        let Patience { first_wait, longest_wait, .. } = self.patience;
        wait::sleep(first_wait.saturating_mul(1 << time.min(16)).min(longest_wait), &self.interrupt)
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl Credential {
    /// A token that goes into `header` behind `prefix`.
    pub fn new(header: &str, prefix: &str, token: &str) -> Self {
        Self {
            header: header.to_owned(),
            value: format!("{prefix}{token}"),
            secrets: vec![token.to_owned()],
        }
    }
}

impl Credential {
    /// Keeps another form of the token from being shown.
    #[must_use]
    pub fn hiding(mut self, secret: &str) -> Self {
        self.secrets.push(secret.to_owned());
        self
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({}: ***)", self.header)
    }
}

impl Method {
    /// Returns the name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Says whether doing it twice is the same as once.
    fn may_be_repeated(self) -> bool {
        match self {
            Self::Get | Self::Put | Self::Patch | Self::Delete => true,
            Self::Post => false,
        }
    }
}

impl Request {
    /// Makes a request without a body.
    pub fn new(method: Method, url: &str) -> Self {
        Self { method, url: url.to_owned(), headers: vec![], body: None }
    }
}

/// Returns the scheme, host and port of an address.
pub(crate) fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |it| it + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |it| start + it);
    &url[..end]
}

/// Says whether a credential may go to an address: encrypted, or to this machine.
fn is_safe(url: &str) -> bool {
    let origin = origin(url);
    let Some((scheme, host)) = origin.split_once("://") else { return false };
    if scheme.eq_ignore_ascii_case("https") {
        return true;
    }
    if !scheme.eq_ignore_ascii_case("http") {
        return false;
    }
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = if host.starts_with('[') {
        host.split(']').next().unwrap_or(host).trim_start_matches('[')
    } else {
        host.split(':').next().unwrap_or(host)
    };
    matches!(host, "localhost" | "127.0.0.1" | "::1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_go_where_nobody_listens() {
        for url in
            ["https://github.com/x", "http://127.0.0.1:1/x", "http://localhost", "http://[::1]:8/"]
        {
            assert!(is_safe(url), "{url}");
        }
        for url in ["http://github.com/x", "http://127.0.0.1.evil.example/", "ftp://localhost", "x"]
        {
            assert!(!is_safe(url), "{url}");
        }
    }

    #[test]
    fn a_credential_is_not_shown() {
        let credential = Credential::new("Authorization", "Bearer ", "s3cret");
        let http = Http::new(Patience::default(), &Interrupt::default());
        let http = http.with_credential(Some(credential.clone()));
        assert!(!format!("{credential:?} {http:?}").contains("s3cret"));
        assert_eq!(http.scrub("said `s3cret` twice: s3cret"), "said `***` twice: ***");
    }
}
