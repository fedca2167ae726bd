//! The functions of sprig that are refused: same sources must give same bytes.

use super::table::{Entry, refused};
use crate::Function;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("ago", CLOCK),
    ("bcrypt", RANDOM_SALT),
    ("buildCustomCert", refused("needs X.509, which wob leaves out", SECRET)),
    ("decryptAES", refused("needs AES, which wob leaves out", SECRET)),
    ("derivePassword", refused("needs scrypt, which wob leaves out", SECRET)),
    ("encryptAES", RANDOM),
    ("env", ENVIRONMENT),
    ("expandenv", ENVIRONMENT),
    ("genCA", RANDOM_KEYS),
    ("genCAWithKey", RANDOM_KEYS),
    ("genPrivateKey", RANDOM_KEYS),
    ("genSelfSignedCert", RANDOM_KEYS),
    ("genSelfSignedCertWithKey", RANDOM_KEYS),
    ("genSignedCert", RANDOM_KEYS),
    ("genSignedCertWithKey", RANDOM_KEYS),
    ("getHostByName", refused("asks the network", "put the address into a config value")),
    ("htpasswd", RANDOM_SALT),
    ("now", CLOCK),
    ("randAlpha", RANDOM),
    ("randAlphaNum", RANDOM),
    ("randAscii", RANDOM),
    ("randBytes", RANDOM),
    ("randInt", RANDOM),
    ("randNumeric", RANDOM),
    ("shuffle", RANDOM),
    ("uuidv4", RANDOM),
];

const CLOCK: Function = refused(
    "reads the clock",
    "put the time into a config value, or let the promoted commit tell builds apart",
);
const ENVIRONMENT: Function = refused(
    "reads the environment of the machine",
    "put the value into a ConfigMap and read it from `.ConfigData`",
);
const RANDOM: Function = refused(
    "draws random numbers",
    "take a digest of what should be unique: `{{ .Namespace | sha256sum | trunc 8 }}`",
);
const RANDOM_KEYS: Function = refused("makes a random key or a date of today", SECRET);
const RANDOM_SALT: Function = refused("draws a random salt", SECRET);
const SECRET: &str = "let the cluster make the secret, or name one that is there already";
