//! What holds for the whole table, and the one door through which the files' tests call functions.

use std::sync::Arc;

use super::functions;
use crate::{ErrorKind, Function, Limits, Options, Template, Value};

mod cases;

/// Every name of the text function map of sprig 3.2.3.
const NAMES: &str = "
    abbrev abbrevboth add add1 add1f addf adler32sum ago all any append atoi b32dec b32enc b64dec
    b64enc base bcrypt biggest buildCustomCert camelcase cat ceil chunk clean coalesce compact concat
    contains date dateInZone dateModify date_in_zone date_modify decryptAES deepCopy deepEqual default
    derivePassword dict dig dir div divf duration durationRound empty encryptAES env expandenv ext fail
    first float64 floor fromJson genCA genCAWithKey genPrivateKey genSelfSignedCert
    genSelfSignedCertWithKey genSignedCert genSignedCertWithKey get getHostByName has hasKey hasPrefix
    hasSuffix hello htmlDate htmlDateInZone htpasswd indent initial initials int int64 isAbs join
    kebabcase keys kindIs kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf
    mustAppend mustChunk mustCompact mustDateModify mustDeepCopy mustFirst mustFromJson mustHas
    mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind
    mustRegexFindAll mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit
    mustRest mustReverse mustSlice mustToDate mustToJson mustToPrettyJson mustToRawJson mustUniq
    mustWithout must_date_modify nindent nospace now omit osBase osClean osDir osExt osIsAbs pick pluck
    plural prepend push quote randAlpha randAlphaNum randAscii randBytes randInt randNumeric regexFind
    regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat
    replace rest reverse round semver semverCompare seq set sha1sum sha256sum shuffle slice snakecase
    sortAlpha split splitList splitn squote sub subf substr swapcase ternary title toDate toDecimal
    toJson toPrettyJson toRawJson toString toStrings trim trimAll trimPrefix trimSuffix trimall trunc
    tuple typeIs typeIsLike typeOf uniq unixEpoch unset until untilStep untitle upper urlJoin urlParse
    uuidv4 values without wrap wrapWith
";

#[test]
fn every_name_of_sprig_is_implemented_or_refused_with_a_reason() {
    let table = functions();
    let missing: Vec<&str> =
        NAMES.split_whitespace().filter(|name| !table.contains_key(name)).collect();
    assert!(missing.is_empty(), "{missing:?}");
    for (name, function) in &table {
        if let Function::Refused { reason, .. } = function {
            assert!(!reason.is_empty(), "{name}");
        }
    }
}

#[test]
fn nothing_else_is_in_the_table() {
    let known: Vec<&str> = NAMES.split_whitespace().collect();
    let others: Vec<&str> = functions().into_keys().filter(|name| !known.contains(name)).collect();
    // Of the next release of sprig; charts call it, and it is as pure as its sisters.
    assert_eq!(others, ["sha512sum"]);
}

#[test]
fn no_function_panics_whatever_it_is_given() {
    let samples = samples();
    for (name, function) in functions() {
        let Function::Pure { body, min, max } = function else { continue };
        for count in min..=max.min(min + 2).min(4) {
            let mut picks = vec![0; count];
            loop {
                let arguments: Vec<Value> = picks.iter().map(|at| samples[*at].clone()).collect();
                if let Err(error) = body(&arguments) {
                    assert!(!error.0.is_empty(), "{name}");
                }
                let Some(at) = picks.iter().position(|at| at + 1 < samples.len()) else { break };
                picks[at] += 1;
                picks[..at].fill(0);
            }
        }
    }
}

/// One value of each kind, and the edges of some.
fn samples() -> Vec<Value> {
    let map: Value = [(Arc::from("a"), Value::from("x"))].into_iter().collect();
    vec![
        Value::Nil,
        Value::Bool(true),
        Value::Int(-1),
        Value::Int(2),
        Value::Int(i64::MAX),
        Value::Int64(i64::MIN),
        Value::Float(f64::NAN),
        Value::from("é 1"),
        Value::from("a"),
        [Value::Int(1), map.clone()].into_iter().collect(),
        map,
    ]
}

#[test]
fn work_counts_even_if_its_answer_is_short() {
    let limits = Limits { steps: 1_000_000, ..Limits::default() };
    for call in [
        "sha256sum $text",
        "contains `b` $text",
        "regexMatch `b` $text",
        "deepEqual $list $other",
        "has `b` $list",
        "toDecimal $list",
        "fromJson $text",
        "deepCopy $list | len",
    ] {
        let text = format!(
            "{{{{ $text := repeat 100000 `a` }}}}{{{{ $list := until 10000 }}}}{{{{ $other := until 10000 }}}}\
             {{{{ range until 10000 }}}}{{{{ $x := {call} }}}}{{{{ end }}}}"
        );
        let template = Template::compile("t", &text, &functions()).unwrap();
        let error = template.render(&Value::Nil, &Options { limits, ..Options::default() });
        assert_eq!(error.unwrap_err().kind, ErrorKind::Limit, "{call}");
    }
}
