//! Encodings and digests of texts: base 64, base 32, SHA and Adler-32.

use std::fmt::Write as _;

use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

use super::{
    arguments::{Answer, Arguments, failure, text},
    table::{Entry, pure},
};

pub(super) const FUNCTIONS: &[Entry] = &[
    ("adler32sum", pure(1, 1, |a| text(adler32(a.text(0)?.as_bytes()).to_string()))),
    ("b32dec", pure(1, 1, |a| BASE32.decoded(a.text(0)?))),
    ("b32enc", pure(1, 1, |a| text(BASE32.encode(a.text(0)?.as_bytes())))),
    ("b64dec", pure(1, 1, |a| BASE64.decoded(a.text(0)?))),
    ("b64enc", pure(1, 1, |a| text(BASE64.encode(a.text(0)?.as_bytes())))),
    ("sha1sum", pure(1, 1, |a| text(hex(&Sha1::digest(a.text(0)?))))),
    ("sha256sum", pure(1, 1, |a| text(hex(&Sha256::digest(a.text(0)?))))),
    ("sha512sum", pure(1, 1, |a| text(hex(&Sha512::digest(a.text(0)?))))),
];

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        write!(out, "{byte:02x}").expect("because a `String` takes everything");
        out
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    (high << 16) | low
}

/// A base whose digits carry a whole number of bits, padded to groups with `=`.
struct Base {
    name: &'static str,
    alphabet: &'static [u8],
    bits: usize,
    /// Digits of a full group.
    group: usize,
}

const BASE32: Base =
    Base { name: "base32", alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };

const BASE64: Base = Base {
    name: "base64",
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};

impl Base {
    fn encode(&self, bytes: &[u8]) -> String {
        let mut out = String::with_capacity(bytes.len() * 2);
        let (mut held, mut bits) = (0_usize, 0);
        for byte in bytes {
            held = (held << 8) | usize::from(*byte);
            bits += 8;
            while bits >= self.bits {
                bits -= self.bits;
                out.push(char::from(self.alphabet[held >> bits]));
                held &= (1 << bits) - 1;
            }
        }
        if bits > 0 {
            out.push(char::from(self.alphabet[held << (self.bits - bits)]));
        }
        while !out.len().is_multiple_of(self.group) {
            out.push('=');
        }
        out
    }

    /// Decodes; a wrong text is answered with a sentence, not with an error, as sprig does.
    fn decoded(&self, encoded: &str) -> Answer {
        match self.decode(encoded.as_bytes()) {
            Ok(bytes) => text(String::from_utf8(bytes).map_err(|_| {
                failure("decodes to bytes that are no UTF-8 text, which a template cannot hold")
            })?),
            Err(at) => text(format!("illegal {} data at input byte {at}", self.name)),
        }
    }

    /// Decodes; line breaks are skipped.
    ///
    /// # Errors
    /// The byte where Go stops reading.
    fn decode(&self, encoded: &[u8]) -> Result<Vec<u8>, usize> {
        let mut bytes = Vec::with_capacity(encoded.len());
        let (mut held, mut bits, mut digits) = (0_usize, 0, 0);
        let mut input = encoded.iter().enumerate().filter(|(_, b)| !matches!(b, b'\r' | b'\n'));
        while let Some((at, byte)) = input.next() {
            if *byte == b'=' {
                self.check_padding(digits, at, input.map(|(at, b)| (at, *b)))?;
                return Ok(bytes);
            }
            let Some(digit) = self.alphabet.iter().position(|it| it == byte) else {
                return Err(at);
            };
            held = (held << self.bits) | digit;
            bits += self.bits;
            digits = (digits + 1) % self.group;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from(held >> bits).map_err(|_| at)?);
                held &= (1 << bits) - 1;
            }
        }
        if digits == 0 { Ok(bytes) } else { Err(encoded.len() - digits) }
    }

    /// Checks what follows the first `=`, which stands after some digits of a group.
    fn check_padding(
        &self,
        digits: usize,
        at: usize,
        mut rest: impl Iterator<Item = (usize, u8)>,
    ) -> Result<(), usize> {
        let possible = if self.group == 8 { &[2, 4, 5, 7][..] } else { &[2, 3] };
        if !possible.contains(&digits) {
            return Err(at);
        }
        for i in digits + 1..self.group {
            match rest.next() {
                Some((_, b'=')) => {}
                Some((wrong, _)) => return Err(wrong),
                None => return Err(at + i - digits),
            }
        }
        rest.next().map_or(Ok(()), |(trailing, _)| Err(trailing))
    }
}
