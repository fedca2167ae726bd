//! The few lines of HTTP that servers of tests need: one request, one answer, and the connection ends.

use std::io::{self, BufRead as _, BufReader, Read, Write};

/// A request.
pub(crate) struct Asked {
    pub(crate) method: String,
    /// The address, without the query.
    pub(crate) path: String,
    pub(crate) query: String,
    /// Headers with their names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// Reads a request; `None` if the client hung up first.
    pub(crate) fn read(stream: &mut impl Read) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(None) };
        let mut headers: Vec<(String, String)> = vec![];
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let (path, query) = (path.to_owned(), query.to_owned());
        let mut asked = Self { method, path, query, headers, body: vec![] };
        asked.body = asked.read_body(&mut reader)?;
        Ok(Some(asked))
    }

    /// Returns a header; empty if there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value.as_str())
    }

    fn read_body(&self, reader: &mut BufReader<impl Read>) -> io::Result<Vec<u8>> {
        let mut body = vec![];
        if self.header("transfer-encoding") != "chunked" {
            let length = self.header("content-length").parse().unwrap_or(0);
            reader.take(length).read_to_end(&mut body)?;
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
}

/// Writes an answer whose `head` holds whole header lines.
pub(crate) fn write(
    stream: &mut impl Write,
    status: &str,
    head: &str,
    body: &[u8],
) -> io::Result<()> {
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{head}\r\n"
    )?;
    stream.write_all(body)?;
    stream.flush()
}
