//! What all forges' REST interfaces have in common: JSON both ways, errors by status, pages by links.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Serialize, de::DeserializeOwned};

use super::{ForgeError, Project};
use crate::{Http, Method, Request, Response, http::origin};

/// How many pages of one list are read at most.
const MOST_PAGES: usize = 1000;
/// How much of what a forge says about an error is shown.
const SHOWN_CHARACTERS: usize = 300;

/// The REST interface of a forge.
#[derive(Debug)]
pub(super) struct Api {
    http: Http,
    host: String,
    headers: Vec<(&'static str, String)>,
}

/// Something to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask<'a> {
    /// What it is, in words that follow `could not`.
    pub(super) attempt: &'a str,
    pub(super) method: Method,
    pub(super) url: &'a str,
}

impl Api {
    pub(super) fn new(http: Http, title: &str, project: &Project) -> Self {
        Self { http, host: format!("{title} at `{}`", project.web), headers: vec![] }
    }

    /// Sends this header with every request.
    pub(super) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Reads one thing.
    pub(super) fn get<T: DeserializeOwned>(
        &self,
        attempt: &str,
        url: &str,
    ) -> Result<T, ForgeError> {
        self.read(attempt, &self.call(&Ask { attempt, method: Method::Get, url }, None::<&()>)?)
    }

    /// Sends something, and reads what becomes of it.
    pub(super) fn send<T: DeserializeOwned>(
        &self,
        ask: &Ask<'_>,
        body: &impl Serialize,
    ) -> Result<T, ForgeError> {
        self.read(ask.attempt, &self.call(ask, Some(body))?)
    }

    /// Sends something, and does not look at what the forge tells of it.
    pub(super) fn tell(&self, ask: &Ask<'_>, body: &impl Serialize) -> Result<(), ForgeError> {
        self.call(ask, Some(body)).map(drop)
    }

    /// Removes something; what is not there is gone already.
    pub(super) fn delete(&self, attempt: &str, url: &str) -> Result<(), ForgeError> {
        match self.call(&Ask { attempt, method: Method::Delete, url }, None::<&()>) {
            Ok(_) | Err(ForgeError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads all pages of a list; `items` takes the items out of a page.
    pub(super) fn list<P: DeserializeOwned, T>(
        &self,
        attempt: &str,
        url: &str,
        items: fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, ForgeError> {
        let mut all = vec![];
        let mut url = url.to_owned();
        for _ in 0..MOST_PAGES {
            let ask = Ask { attempt, method: Method::Get, url: &url };
            let response = self.call(&ask, None::<&()>)?;
            all.extend(items(self.read(attempt, &response)?));
            let next = response.headers.get("link").and_then(|it| next_page(it));
            match next {
                // A forge behind a proxy may not know the address that it is reached by.
                Some(next) => url = format!("{}{}", origin(&url), &next[origin(next).len()..]),
                None => return Ok(all),
            }
        }
        Err(self.garbage(attempt, "the list has no end"))
    }

    /// Sends a request; an answer that is not a good one is an error.
    fn call(&self, ask: &Ask<'_>, body: Option<&impl Serialize>) -> Result<Response, ForgeError> {
        let mut request = Request::new(ask.method, ask.url);
        request.headers.clone_from(&self.headers);
        request.body = body.map(|it| serde_json::to_vec(it).expect("because keys are texts"));
        let response = self.http.send(&request)?;
        match response.status {
            // Azure DevOps shows a page to sign in on.
            203 => Err(self.refusal(ask.attempt, 401, &response.body)),
            200..=299 => Ok(response),
            status => Err(self.refusal(ask.attempt, status, &response.body)),
        }
    }

    fn read<T: DeserializeOwned>(
        &self,
        attempt: &str,
        response: &Response,
    ) -> Result<T, ForgeError> {
        serde_json::from_slice(&response.body).map_err(|error| {
            // Some of its messages quote the input.
            self.garbage(attempt, &self.http.scrub(&error.to_string()))
        })
    }

    /// Waits, a little longer each time, for what a forge does after it has answered.
    pub(super) fn pause(&self, time: u32) -> Result<(), ForgeError> {
        Ok(self.http.pause(time)?)
    }

    pub(super) fn garbage(&self, attempt: &str, reason: &str) -> ForgeError {
        let (host, attempt) = (self.host.clone(), attempt.to_owned());
        ForgeError::Garbage { host, attempt, reason: shown(reason) }
    }

    pub(super) fn refusal(&self, attempt: &str, status: u16, body: &[u8]) -> ForgeError {
        let (host, attempt) = (self.host.clone(), attempt.to_owned());
        let reason = self.http.scrub(&shown(&said(body)));
        match status {
            401 | 403 => {
                let with_token = self.http.has_credential();
                ForgeError::Unauthorized { host, attempt, reason, with_token }
            }
            404 | 410 => ForgeError::NotFound { host, attempt, reason },
            409 => ForgeError::Exists { host, attempt, reason },
            500.. => ForgeError::Broken { host, attempt, status },
            _ => ForgeError::Refused { host, attempt, status, reason },
        }
    }
}

/// Finds the address of the next page in a `Link` header.
fn next_page(header: &str) -> Option<&str> {
    let is_next = |parameters: &str| {
        parameters.split(';').any(|it| matches!(it.trim(), "rel=\"next\"" | "rel=next"))
    };
    // Addresses may hold commas, but not `>`.
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (url, after) = after.split_once('>')?;
        let parameters = after.split('<').next().unwrap_or(after);
        if is_next(parameters.trim_end().trim_end_matches(',')) {
            return Some(url);
        }
        rest = after;
    }
    None
}

/// Finds the words in what a forge says about an error.
fn said(body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return "no reason given".to_owned();
    };
    let mut words = vec![];
    for key in ["message", "error", "error_description", "errors"] {
        collect(&value[key], &mut words);
    }
    if words.is_empty() { "no reason given".to_owned() } else { words.join("; ") }
}

fn collect(value: &serde_json::Value, words: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) if !words.contains(text) => words.push(text.clone()),
        serde_json::Value::Array(all) => all.iter().for_each(|it| collect(it, words)),
        serde_json::Value::Object(all) => match all.get("message") {
            Some(message) => collect(message, words),
            None => all.values().for_each(|it| collect(it, words)),
        },
        serde_json::Value::String(_)
        | serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_) => {}
    }
}

/// Makes one short line of what a forge says.
fn shown(text: &str) -> String {
    let plain: String = text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect();
    let line = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_CHARACTERS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Writes a text so that it can be one part of a path or a value of a query.
pub(super) fn encoded(text: &str) -> String {
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_found() {
        for (header, next) in [
            (
                "<https://h/x?page=2>; rel=\"next\", <https://h/x?page=9>; rel=\"last\"",
                Some("https://h/x?page=2"),
            ),
            (
                "<https://h/x?page=1>; rel=\"prev\", <https://h/x?a=1,2&page=3>; rel=\"next\"",
                Some("https://h/x?a=1,2&page=3"),
            ),
            ("<https://h/x?page=9>; rel=\"last\"", None),
            ("<https://h/x", None),
            ("", None),
        ] {
            assert_eq!(next_page(header), next, "{header}");
        }
    }

    #[test]
    fn the_words_of_an_error_are_found() {
        for (body, words) in [
            (
                r#"{"message":"Validation Failed","errors":[{"message":"A pull request already exists"}]}"#,
                "Validation Failed; A pull request already exists",
            ),
            (r#"{"message":{"base":["is wrong"]}}"#, "is wrong"),
            (
                r#"{"error":"invalid_token","error_description":"Token was revoked."}"#,
                "invalid_token; Token was revoked.",
            ),
            ("<html>", "no reason given"),
            ("[1]", "no reason given"),
        ] {
            assert_eq!(said(body.as_bytes()), words);
        }
        assert_eq!(shown("a\n\u{1b}[31m  b"), "a [31m b");
        assert_eq!(shown(&"ä".repeat(400)).chars().count(), SHOWN_CHARACTERS + 1);
    }

    #[test]
    fn what_goes_into_an_address_is_encoded() {
        assert_eq!(encoded("team/git ops~ä"), "team%2Fgit%20ops~%C3%A4");
    }
}
