//! Keys: read from what openssl writes, held against the vectors of RFC 8032 and against openssl itself.

use std::{fs, process::Command};

use camino::Utf8PathBuf;
use wob_host::{Exposed, KeyError, SigningKey, VerifyingKey, sha256};

use crate::support::skipped;

/// Section 7.1: secret key, public key, message, signature.
const VECTORS: [(&str, &str, &str, &str); 3] = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
];

fn hex(text: &str) -> Vec<u8> {
    let digits = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digits).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |it: &[u8]| {
        let all =
            it.iter().chain(&[0, 0]).take(3).fold(0, |all, byte| all << 8 | usize::from(*byte));
        let digit = |at: usize| char::from(DIGITS[all >> (18 - 6 * at) & 63]);
        (0..4).map(|at| if at <= it.len() { digit(at) } else { '=' }).collect::<String>()
    };
    bytes.chunks(3).map(group).collect()
}

/// Writes a key as PKCS #8 (RFC 8410, section 7) in PEM.
fn pem(seed: &str) -> String {
    let der = [hex("302e020100300506032b657004220420"), hex(seed)].concat();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(&der))
}

fn folder() -> (tempfile::TempDir, Utf8PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = Utf8PathBuf::from_path_buf(folder.path().to_owned()).unwrap();
    (folder, path)
}

#[test]
fn the_vectors_of_the_standard_hold() {
    let (_folder, path) = folder();
    for (seed, public, message, signature) in VECTORS {
        fs::write(path.join("key"), pem(seed)).unwrap();
        let key = SigningKey::read(&path.join("key")).unwrap();
        let public = VerifyingKey::of_bytes(hex(public).try_into().unwrap());
        assert_eq!(key.verifying_key(), public);
        assert_eq!(key.sign(&hex(message)), hex(signature));
        assert!(public.verifies(&hex(message), &hex(signature)));
        assert!(!public.verifies(b"another message", &hex(signature)));
        assert!(!public.verifies(&hex(message), &hex(signature)[1..]));
        assert!(!format!("{key:?}").contains(&seed[..8]), "a key is not printed");
    }
}

#[test]
fn what_is_no_key_is_refused_and_not_quoted() {
    let (_folder, path) = folder();
    let secret = pem(VECTORS[0].0).replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
    for text in ["", "hunter2", &pem("00"), &secret, "-----BEGIN PRIVATE KEY-----\nhunter2"] {
        fs::write(path.join("key"), text).unwrap();
        for error in [
            SigningKey::read(&path.join("key")).unwrap_err(),
            VerifyingKey::read(&path.join("key")).unwrap_err(),
        ] {
            let shown = format!("{error} {error:?}");
            assert!(shown.contains("openssl") || shown.contains("NoKey"), "{shown}");
            assert!(!shown.contains("hunter2") && !shown.contains("MC4C"), "{shown}");
        }
    }
    let missing = SigningKey::read(&path.join("missing")).unwrap_err();
    assert!(matches!(missing, KeyError::Unreadable { .. }));
}

#[cfg(unix)]
#[test]
fn who_may_read_a_key_is_noticed() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, path) = folder();
    let key = path.join("key");
    fs::write(&key, pem(VECTORS[0].0)).unwrap();
    for (mode, exposed) in [(0o600, Exposed::No), (0o640, Exposed::No), (0o644, Exposed::ToAll)] {
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(SigningKey::read(&key).unwrap().exposed(), exposed, "{mode:o}");
    }
}

/// Keys that openssl makes are read, and openssl finds our signatures good.
#[test]
fn openssl_agrees() {
    let (_folder, path) = folder();
    let openssl = |args: &[&str]| Command::new("openssl").args(args).current_dir(&path).output();
    let made = openssl(&["genpkey", "-algorithm", "ed25519", "-out", "key"]);
    if !made.is_ok_and(|it| it.status.success()) {
        skipped("there is no openssl that knows ed25519");
        return;
    }
    let ran = |args: &[&str]| {
        let output = openssl(args).unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
        output.stdout
    };
    ran(&["pkey", "-in", "key", "-pubout", "-out", "public"]);
    let key = SigningKey::read(&path.join("key")).unwrap();
    let public = VerifyingKey::read(&path.join("public")).unwrap();
    assert_eq!(key.verifying_key(), public);
    let der = ran(&["pkey", "-in", "key", "-pubout", "-outform", "DER"]);
    assert_eq!(public.id(), sha256(&der));
    fs::write(path.join("message"), "what is signed\n").unwrap();
    fs::write(path.join("signature"), key.sign(b"what is signed\n")).unwrap();
    let verify = ["pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", "public"];
    let verify = [&verify[..], &["-in", "message", "-sigfile", "signature"]].concat();
    ran(&verify);
    ran(&["pkeyutl", "-sign", "-rawin", "-inkey", "key", "-in", "message", "-out", "theirs"]);
    assert!(public.verifies(b"what is signed\n", &fs::read(path.join("theirs")).unwrap()));
    fs::write(path.join("message"), "something else\n").unwrap();
    assert!(!openssl(&verify).unwrap().status.success());
}
