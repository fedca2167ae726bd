//! URLs, taken apart and put together as Go's `net/url` does.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    arguments::{Arguments, failure, text},
    reflect::kind_of,
    table::{Entry, pure},
};
use crate::{FunctionError, Map, Value};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("urlJoin", pure(1, 1, |a| text(join(&*a.map(0)?)?))),
    ("urlParse", pure(1, 1, |a| Ok(parse(a.text(0)?)?.into_map()))),
];

/// The parts of a URL, decoded, except for the query.
#[derive(Debug, Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<User>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

#[derive(Debug)]
struct User {
    name: String,
    password: Option<String>,
}

/// The place in a URL, which decides what must be encoded there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Host,
    User,
    Fragment,
}

impl Place {
    /// Returns the punctuation that stands for itself here.
    fn safe(self) -> &'static str {
        match self {
            Self::Path => "-_.~$&+,/:;=@",
            Self::Host => "-_.~!$&'()*+,;=:[]<>\"",
            Self::User => "-_.~$&+,;=",
            Self::Fragment => "-_.~$&+,/:;=?@!()*",
        }
    }

    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_alphanumeric() || self.safe().as_bytes().contains(&byte)
    }
}

fn wrong(url: &str, what: &str) -> FunctionError {
    failure(format!("unable to parse url: parse {}: {what}", super::print::quote(url)))
}

fn parse(url: &str) -> Result<Url, FunctionError> {
    let (rest, fragment) = url.split_once('#').unwrap_or((url, ""));
    let mut parsed = Url { fragment: decode(url, fragment, Place::Fragment)?, ..Url::default() };
    if url.bytes().any(|b| b.is_ascii_control()) {
        return Err(wrong(url, "net/url: invalid control character in URL"));
    }
    let (scheme, rest) = split_scheme(url, rest)?;
    parsed.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    query.clone_into(&mut parsed.query);
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            rest.clone_into(&mut parsed.opaque);
            return Ok(parsed);
        }
        if rest.split('/').next().is_some_and(|it| it.contains(':')) {
            return Err(wrong(url, "first path segment in URL cannot contain colon"));
        }
    }
    let mut path = rest;
    if (!scheme.is_empty() || !rest.starts_with("///"))
        && let Some(after) = rest.strip_prefix("//")
    {
        let (authority, remaining) = after.split_at(after.find('/').unwrap_or(after.len()));
        (parsed.user, parsed.host) = split_authority(url, authority)?;
        path = remaining;
    }
    parsed.path = decode(url, path, Place::Path)?;
    Ok(parsed)
}

fn split_scheme<'a>(url: &str, rest: &'a str) -> Result<(&'a str, &'a str), FunctionError> {
    for (at, byte) in rest.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err(wrong(url, "missing protocol scheme")),
            b':' => return Ok((&rest[..at], &rest[at + 1..])),
            _ => break,
        }
    }
    Ok(("", rest))
}

fn split_authority(url: &str, authority: &str) -> Result<(Option<User>, String), FunctionError> {
    let Some((user, host)) = authority.rsplit_once('@') else {
        return Ok((None, check_host(url, authority)?));
    };
    let host = check_host(url, host)?;
    let is_valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !user.bytes().all(is_valid) {
        return Err(wrong(url, "net/url: invalid userinfo"));
    }
    let (name, password) = match user.split_once(':') {
        Some((name, password)) => (name, Some(decode(url, password, Place::User)?)),
        None => (user, None),
    };
    Ok((Some(User { name: decode(url, name, Place::User)?, password }), host))
}

fn check_host(url: &str, host: &str) -> Result<String, FunctionError> {
    let port = if host.starts_with('[') {
        let end = host.rfind(']').ok_or_else(|| wrong(url, "missing ']' in host"))?;
        &host[end + 1..]
    } else {
        host.rfind(':').map_or("", |at| &host[at..])
    };
    let digits = port.strip_prefix(':').unwrap_or(port);
    if !port.is_empty()
        && (digits.len() == port.len() || !digits.bytes().all(|b| b.is_ascii_digit()))
    {
        return Err(wrong(url, &format!("invalid port {} after host", super::print::quote(port))));
    }
    if let Some(bad) = host.bytes().find(|b| *b < 0x80 && *b != b'%' && !Place::Host.allows(*b)) {
        let bad = super::print::quote(&char::from(bad).to_string());
        return Err(wrong(url, &format!("invalid character {bad} in host name")));
    }
    decode(url, host, Place::Host)
}

fn decode(url: &str, encoded: &str, place: Place) -> Result<String, FunctionError> {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let digits = after.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        let byte = digits
            .filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))
            .and_then(|it| u8::from_str_radix(it, 16).ok());
        let Some(byte) = byte.filter(|it| place != Place::Host || *it >= 0x80 || *it == b'%')
        else {
            let shown = String::from_utf8_lossy(&rest[..rest.len().min(3)]);
            let shown = super::print::quote(&shown);
            return Err(wrong(url, &format!("invalid URL escape {shown}")));
        };
        bytes.push(byte);
        rest = &after[2..];
    }
    String::from_utf8(bytes).map_err(|_| wrong(url, "decodes to bytes that are no UTF-8 text"))
}

fn encode(decoded: &str, place: Place) -> String {
    let mut out = String::with_capacity(decoded.len());
    for byte in decoded.bytes() {
        if place.allows(byte) || (place == Place::Host && byte >= 0x80) {
            out.push(char::from(byte));
        } else {
            out.push_str(&percent(byte));
        }
    }
    out
}

fn percent(byte: u8) -> String {
    format!("%{byte:02X}")
}

impl User {
    fn encoded(&self) -> String {
        let name = encode(&self.name, Place::User);
        match &self.password {
            Some(password) => format!("{name}:{}", encode(password, Place::User)),
            None => name,
        }
    }
}

impl Url {
    fn into_map(self) -> Value {
        let hostname = self.hostname().to_owned();
        let user = self.user.map(|it| it.encoded()).unwrap_or_default();
        let entries = [
            ("fragment", self.fragment),
            ("host", self.host),
            ("hostname", hostname),
            ("opaque", self.opaque),
            ("path", self.path),
            ("query", self.query),
            ("scheme", self.scheme),
            ("userinfo", user),
        ];
        let entries: BTreeMap<Arc<str>, Value> =
            entries.into_iter().map(|(key, value)| (Arc::from(key), Value::from(value))).collect();
        entries.into_iter().collect()
    }

    /// Returns the host without port and brackets.
    fn hostname(&self) -> &str {
        let host = match self.host.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
            _ => &self.host,
        };
        host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host)
    }

    fn encoded(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out = format!("{}:", self.scheme);
        }
        if self.opaque.is_empty() {
            self.encode_place(&mut out);
        } else {
            out.push_str(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&encode(&self.fragment, Place::Fragment));
        }
        out
    }

    fn encode_place(&self, out: &mut String) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.push_str("//");
            if let Some(user) = &self.user {
                out.push_str(&user.encoded());
                out.push('@');
            }
            out.push_str(&encode_host(&self.host));
        }
        let path = if self.path == "*" { "*".into() } else { encode(&self.path, Place::Path) };
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            out.push('/');
        }
        if out.is_empty() && path.split('/').next().is_some_and(|it| it.contains(':')) {
            out.push_str("./");
        }
        out.push_str(&path);
    }
}

fn encode_host(host: &str) -> String {
    encode(host, Place::Host)
}

fn join(parts: &Map) -> Result<String, FunctionError> {
    let entries = parts.entries.borrow();
    let part = |name: &str| match entries.get(name) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(other) => Err(failure(format!(
            "unable to parse {name} key, must be of type string, but {} found",
            kind_of(other)
        ))),
    };
    let userinfo = part("userinfo")?;
    let user =
        if userinfo.is_empty() { None } else { parse(&format!("proto://{userinfo}@host"))?.user };
    let url = Url {
        scheme: part("scheme")?,
        opaque: part("opaque")?,
        user,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        fragment: part("fragment")?,
    };
    Ok(url.encoded())
}
