//! DSSE envelopes: a payload with signatures, in JSON. Version 1 of the protocol by the Secure Systems Lab.

use base64::{
    Engine as _,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Serialize};

use super::{SigningKey, VerifyingKey};

/// A payload with signatures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The bytes that are signed.
    pub payload: Vec<u8>,
    signatures: Vec<Signature>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    /// Which key made it, as it says itself: that proves nothing.
    key: Option<String>,
    bytes: Vec<u8>,
}

/// Why a text is no envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// It has not the shape of one.
    #[error("it is not a DSSE envelope in JSON")]
    Shape,
    /// A part of it is not base64.
    #[error("its payload, or a signature, is not base64")]
    Encoding,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Json {
    payload: String,
    payload_type: String,
    signatures: Vec<JsonSignature>,
}

#[derive(Serialize, Deserialize)]
struct JsonSignature {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keyid: Option<String>,
    sig: String,
}

impl Envelope {
    /// Signs `payload`.
    pub fn sign(payload_type: &str, payload: Vec<u8>, key: &SigningKey) -> Self {
        let bytes = key.sign(&encoding(payload_type, &payload));
        let signature = Signature { key: Some(key.verifying_key().id()), bytes };
        let payload_type = payload_type.to_owned();
        Self { payload_type, payload, signatures: vec![signature] }
    }

    /// Reads an envelope; base64 may be of either alphabet.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &[u8]) -> Result<Self, EnvelopeError> {
        let json: Json = serde_json::from_slice(text).map_err(|_| EnvelopeError::Shape)?;
        let signature =
            |it: JsonSignature| Ok(Signature { key: it.keyid, bytes: decode(&it.sig)? });
        Ok(Self {
            payload: decode(&json.payload)?,
            payload_type: json.payload_type,
            signatures: json.signatures.into_iter().map(signature).collect::<Result<_, _>>()?,
        })
    }

    /// Says whether one of the signatures is by `key`, whatever they say of themselves.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let signed = encoding(&self.payload_type, &self.payload);
        self.signatures.iter().any(|it| key.verifies(&signed, &it.bytes))
    }

    /// Lists the keys that are said to have signed.
    pub fn named_keys(&self) -> impl Iterator<Item = &str> {
        self.signatures.iter().filter_map(|it| it.key.as_deref())
    }

    /// Prints the envelope: JSON with a final newline.
    pub fn to_json(&self) -> String {
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let json = Json {
            payload: encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self
                .signatures
                .iter()
                .map(|it| JsonSignature { keyid: it.key.clone(), sig: encode(&it.bytes) })
                .collect(),
        };
        let text = serde_json::to_string_pretty(&json).expect("because it is plain data");
        text + "\n"
    }
}

/// Returns what is signed: the type and the payload, each with its length before it.
fn encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

fn decode(text: &str) -> Result<Vec<u8>, EnvelopeError> {
    let alphabet = if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let config = GeneralPurposeConfig::new();
    let config = config.with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(alphabet, config).decode(text).map_err(|_| EnvelopeError::Encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The public keys of tests 1 and 2 of RFC 8032, section 7.1.
    const A: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    const B: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    const STATEMENT: &str = "eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEifQ==";
    const BY_A: &str =
        "2WAfaHm5jluo0w+0rk8uVkluELJYWjSmU9x7EUzx+AyteDGJ4/nqyJXfmAUVFIAoQafWm7AxBZNw5M9ixNHiCA==";
    const BY_B: &str =
        "c1+67/aT0yqEpwx8PsVY3MLHsj9D0CZ014/Fv/QlG59P+9CobUZ7xECJ/V3USG0Ob9CiE5LjReEZUzNF2l7eBw==";
    const IN_TOTO: &str = "application/vnd.in-toto+json";

    fn key(hex: &str) -> VerifyingKey {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        VerifyingKey::of_bytes(std::array::from_fn(byte))
    }

    fn envelope(payload: &str, payload_type: &str, signatures: &[&str]) -> Envelope {
        let signatures: Vec<_> =
            signatures.iter().map(|it| serde_json::json!({ "sig": it })).collect();
        let json = serde_json::json!({
            "payload": payload, "payloadType": payload_type, "signatures": signatures,
        });
        Envelope::parse(json.to_string().as_bytes()).unwrap()
    }

    /// The example of the protocol, version 1.0.0.
    #[test]
    fn what_is_signed_is_encoded_as_the_protocol_shows() {
        assert_eq!(
            encoding("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
    }

    /// The vectors that the protocol's repository publishes for ed25519, those for one key.
    #[test]
    fn published_vectors_hold() {
        let other = "application/vnd.exämple+json";
        let by_a_over_other = "xmSk/ug66ysT7ayhkCIjhAq42zgZXSsEWuzUaNL7w2eGAdF/NU6/fRXPtmfN+5DNSAs5/i2lUnHjbbjPsu0tAw==";
        let over_nothing = "gSggCAaTLTYyRH6FIDBem6meyIynsYy8RTHVzwx9tnTb7Bg/1jMWnuVgI/gffqmbsC2VX5/jHfkkDqsj7CDbDg==";
        let url_safe = "P-_KHICeR7tI6S_YyejJTRtrXhcQyQ2LYPaL8h90KjC9qN8HU_svOQ6TuDOT1HIrsGW886DbWNWcCmX5twLrAw==";
        for (payload, payload_type, signatures, signer, expected) in [
            (STATEMENT, IN_TOTO, &[BY_A][..], A, true),
            ("-_-_Pj8=", IN_TOTO, &[url_safe], A, true),
            (STATEMENT, "application/vnd.example.other+json", &[BY_A], A, false),
            (STATEMENT, other, &[by_a_over_other], A, true),
            ("", IN_TOTO, &[over_nothing], A, true),
            (STATEMENT, IN_TOTO, &[BY_A, BY_B], B, true),
            (STATEMENT, IN_TOTO, &[BY_A], B, false),
            (STATEMENT, IN_TOTO, &[], A, false),
        ] {
            let envelope = envelope(payload, payload_type, signatures);
            assert_eq!(
                envelope.is_signed_by(&key(signer)),
                expected,
                "{payload_type} {signatures:?}"
            );
        }
    }

    #[test]
    fn an_envelope_reads_back_and_others_are_refused() {
        let envelope = envelope(STATEMENT, IN_TOTO, &[BY_A]);
        assert_eq!(Envelope::parse(envelope.to_json().as_bytes()), Ok(envelope));
        for (text, error) in [
            ("", EnvelopeError::Shape),
            ("{}", EnvelopeError::Shape),
            (r#"{"payload":"!","payloadType":"x","signatures":[]}"#, EnvelopeError::Encoding),
        ] {
            assert_eq!(Envelope::parse(text.as_bytes()), Err(error), "{text}");
        }
    }
}
