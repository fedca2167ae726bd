//! The functions of sprig that are refused: same sources must give same bytes.

use super::table::{Entry, refused};
use crate::Function;

pub(super) const FUNCTIONS: &[Entry] = &[
    ("ago", CLOCK),
    ("bcrypt", RANDOM_SALT),
    ("buildCustomCert", refused("needs X.509, which wob leaves out")),
    ("decryptAES", refused("needs AES, which wob leaves out")),
    ("derivePassword", refused("needs scrypt, which wob leaves out")),
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
    ("getHostByName", refused("asks the network")),
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

const CLOCK: Function = refused("reads the clock");
const ENVIRONMENT: Function = refused("reads the environment of the machine");
const RANDOM: Function = refused("draws random numbers");
const RANDOM_KEYS: Function = refused("makes a random key or a date of today");
const RANDOM_SALT: Function = refused("draws a random salt");
