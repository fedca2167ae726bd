//! What Go answers, function by function.

use super::super::{functions, print::print};
use crate::{Function, Value};

/// Calls a function with literal arguments and prints what it answers.
macro_rules! check {
    ($($name:ident($($argument:expr),*) => $expected:expr;)*) => {
        $(assert_eq!(
            call(stringify!($name), &[$(Value::from($argument)),*]),
            $expected,
            "{}",
            concat!(stringify!($name), " ", stringify!($($argument),*))
        );)*
    };
}

fn call(name: &str, arguments: &[Value]) -> String {
    let Some(Function::Pure { body, .. }) = functions().remove(name) else {
        return format!("no function {name}");
    };
    match body(arguments).and_then(|value| print(&value)) {
        Ok(text) => text,
        Err(error) => format!("error: {error}"),
    }
}

fn l(items: &[&str]) -> Value {
    items.iter().map(|it| Value::from(*it)).collect()
}

#[test]
fn texts() {
    check! {
        trunc(3, "abcdef") => "abc";
        trunc(-2, "abcdef") => "ef";
        trunc(1, "é") => "error: cutting at [0:1] splits a character";
        substr(1, 3, "abcdef") => "bc";
        substr(-1, 3, "abcdef") => "abc";
        substr(2, -1, "abcdef") => "cdef";
        substr(4, 2, "abcdef") => "error: slice bounds out of range [4:2] with length 6";
        quote(3, "a\"b", "\u{1f680}\u{200b}\t") => "\"3\" \"a\\\"b\" \"\u{1f680}\\u200b\\t\"";
        squote("a", 1.5) => "'a' '1.5'";
        cat("a", 1, "b") => "a 1 b";
        indent(2, "a\nb") => "  a\n  b";
        nindent(2, "") => "\n  ";
        indent(-1, "a") => "error: strings: negative Repeat count";
        indent(i64::MAX, "a") => "error: makes a text of more than 16777216 bytes";
        splitn(",", 2, "a,b,c") => "map[_0:a _1:b,c]";
        splitList("", "aé") => "[a é]";
        replace("", "-", "ab") => "-a-b-";
        join("-", l(&["a", "b"])) => "a-b";
        join("-", 5) => "5";
        trimAll("$", "$a$") => "a";
        repeat(2, 5) => "error: wrong type for value; expected string; got int";
        plural("one", "many", 2) => "many";
    }
}

#[test]
fn words() {
    check! {
        title("hello wORLD foo-bar it's élan") => "Hello WORLD Foo-Bar It'S Élan";
        untitle("Hello World") => "hello world";
        upper("ßaé") => "ßAÉ";
        lower("İÉ") => "ié";
        swapcase("Hello World") => "hELLO wORLD";
        abbrev(5, "hello world") => "he...";
        abbrev(3, "hello") => "hello";
        abbrevboth(5, 10, "1234 5678 9123") => "...5678...";
        initials("Hello élan vital") => "HÃv";
        nospace("a b\tc") => "abc";
        wrap(5, "aaa bbb ccc") => "aaa\nbbb\nccc";
        wrap(3, "aaaaaa bb") => "aaaaaa\nbb";
        wrapWith(3, "|", "aaaaaa bb") => "aaa|aaa|bb";
    }
}

#[test]
fn naming_styles() {
    check! {
        camelcase("http_server") => "HttpServer";
        camelcase("no-dash here") => "NoDashHere";
        camelcase("_a_b") => "_AB";
        camelcase("_complex__case_") => "_Complex_Case_";
        snakecase("FirstName") => "first_name";
        snakecase("first-name HTTPServer") => "first_name_http_server";
        snakecase("HTTPServerID2") => "http_server_id2";
        snakecase("a.b c--d") => "a.b_c__d";
        snakecase("http2xx") => "http_2xx";
        snakecase("HTTP20xOK") => "http_20x_ok";
        snakecase("Duration2m3s") => "duration_2m3s";
        snakecase("Bld4Floor3rd") => "bld4_floor_3rd";
        kebabcase("HTTPServer") => "http-server";
        kebabcase("a_b c") => "a-b-c";
    }
}

#[test]
fn encodings() {
    check! {
        b64enc("hi") => "aGk=";
        b64dec("aGk=") => "hi";
        b64dec("aGk") => "illegal base64 data at input byte 0";
        b64dec("a*") => "illegal base64 data at input byte 1";
        b32enc("hi") => "NBUQ====";
        b32dec("NBUQ====") => "hi";
        b32dec("1") => "illegal base32 data at input byte 0";
        adler32sum("a") => "6422626";
        sha1sum("hi") => "c22b5f9178342609428d6f51b2c5af4c0bde6a42";
        sha256sum("hi") => "8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4";
    }
}

#[test]
fn paths() {
    check! {
        base("/a/b/") => "b";
        base("") => ".";
        dir("/a/b") => "/a";
        dir("a") => ".";
        clean("a//b/../c/.") => "a/c";
        clean("/../a") => "/a";
        clean("../../a") => "../../a";
        ext("a.b/x.y") => ".y";
        isAbs("/a") => "true";
    }
}

#[test]
fn integers() {
    check! {
        add(1, 2.9, "3") => "6";
        mul(i64::MAX, 2) => "-2";
        div(7, 2) => "3";
        div(7, 0) => "error: runtime error: integer divide by zero";
        mod(5.5, 2) => "1";
        int("0x10") => "16";
        int("010") => "8";
        int("08") => "0";
        int("1_000") => "1000";
        int("1e3") => "0";
        int64(-2.5) => "-2";
        int64(1e300) => "-9223372036854775808";
        int(true) => "1";
        atoi(" 4") => "0";
        toDecimal("0777") => "511";
        max(1, 5, 3) => "5";
        until(3) => "[0 1 2]";
        until(-2) => "[0 -1]";
        untilStep(0, 6, 4) => "[0 4]";
        untilStep(0, i64::MAX, 1) => "error: makes a list of more than 1048576 items";
        seq(3) => "1 2 3";
        seq(0) => "1 0";
        seq(2, 2, 6) => "2 4 6";
        seq(5, 1) => "5 4 3 2 1";
        seq(5, 1, 1) => "";
    }
}

#[test]
fn floats() {
    check! {
        addf(0.1, 0.2) => "0.3";
        add1f("1.5") => "2.5";
        subf(3, 0.1) => "2.9";
        mulf(0.1, 3) => "0.3";
        divf(10, 3) => "3.3333333333333335";
        divf(2, 3) => "0.6666666666666667";
        divf(1, 0) => "error: decimal division by 0";
        divf(-1e300, 1e299) => "-10";
        mulf(1e-200, 1e-200) => "0";
        ceil(1.2) => "2";
        floor("-1.2") => "-2";
        round(1.2345, 2) => "1.23";
        round(123.5, 0) => "124";
        round(1.5, 0, 0.6) => "1";
        float64("1_000.5") => "1000.5";
        float64("x") => "0";
        float64(1e6) => "1e+06";
        float64(123_456.5) => "123456.5";
        maxf(1, 2.5) => "2.5";
    }
}

#[test]
fn lists() {
    check! {
        append(l(&["a"]), "b") => "[a b]";
        append("x", 1) => "error: Cannot push on type string";
        prepend(l(&["a"]), "b") => "[b a]";
        first(l(&[])) => "<nil>";
        rest(l(&["a", "b"])) => "[b]";
        initial(l(&["a", "b"])) => "[a]";
        uniq(l(&["a", "b", "a"])) => "[a b]";
        without(l(&["a", "b"]), "a") => "[b]";
        has("a", l(&["a"])) => "true";
        slice(l(&["a", "b", "c"]), 1, 2) => "[b]";
        slice(l(&["a"]), 2) => "error: slice bounds out of range [2:1] with length 1";
        chunk(2, l(&["a", "b", "c"])) => "[[a b] [c]]";
        compact(l(&["", "a"])) => "[a]";
        sortAlpha(l(&["b", "a"])) => "[a b]";
        concat(l(&["a"]), l(&["b"])) => "[a b]";
        concat("a") => "error: Cannot concat type string as list";
    }
}

fn d(entries: &[(&str, Value)]) -> Value {
    entries.iter().map(|(key, value)| ((*key).into(), value.clone())).collect()
}

#[test]
fn maps() {
    let one = d(&[("a", Value::Int(1))]);
    check! {
        dict("a", 1, "b") => "map[a:1 b:]";
        dict(1, 2) => "map[1:2]";
        get(one.clone(), "b") => "";
        keys(one.clone(), one.clone()) => "[a a]";
        set(one.clone(), "b", 2) => "map[a:1 b:2]";
        unset(one.clone(), "b") => "map[a:1]";
        set(Value::Nil, "a", 1) => "error: assignment to entry in nil map";
        pick(one.clone(), "a", "z") => "map[a:1]";
        omit(one.clone(), "a") => "map[]";
        pluck("a", one.clone(), Value::Nil) => "[1]";
        dig("x", "y", "no", d(&[("x", one.clone())])) => "no";
        dig("a", "y", "no", one.clone()) =>
            "error: interface conversion: interface {} is int, not map[string]interface {}";
        hasKey("a", "b") =>
            "error: wrong type for value; expected map[string]interface {}; got string";
    }
}

#[test]
fn merges() {
    let map = |entries: &[(&str, Value)]| d(entries);
    let nested = |value: i64| map(&[("n", map(&[("x", Value::Int(value))]))]);
    check! {
        merge(map(&[("a", 1.into())]), map(&[("a", 2.into()), ("b", 3.into())])) => "map[a:1 b:3]";
        merge(map(&[("a", false.into())]), map(&[("a", true.into())])) => "map[a:true]";
        mergeOverwrite(map(&[("a", 1.into())]), map(&[("a", "".into())])) => "map[a:]";
        merge(nested(1), nested(2)) => "map[n:map[x:1]]";
        mergeOverwrite(nested(1), nested(2)) => "map[n:map[x:2]]";
        mergeOverwrite(map(&[("n", 1.into())]), nested(2)) => "map[n:1]";
        mergeOverwrite(nested(1), map(&[("n", 1.into())])) => "map[n:1]";
    }
    let same = nested(1);
    assert_eq!(call("merge", &[same.clone(), same]), "map[n:map[x:1]]");
}

#[test]
fn types() {
    check! {
        typeOf(l(&[])) => "[]interface {}";
        typeOf(1.5) => "float64";
        kindOf(l(&[])) => "slice";
        kindOf(Value::Nil) => "invalid";
        kindIs("map", d(&[])) => "true";
        deepEqual(1, Value::Int64(1)) => "false";
        deepEqual(l(&["a"]), l(&["a"])) => "true";
        typeOf(Value::from_iter([Value::Nil])) => "[]interface {}";
    }
}

#[test]
fn choices() {
    check! {
        default("d") => "d";
        default("d", "") => "d";
        default("d", 3) => "3";
        coalesce("", 0, "z") => "z";
        empty(" ") => "false";
        ternary("y", "n", true) => "y";
        ternary("y", "n", "x") => "error: wrong type for value; expected bool; got string";
        all() => "true";
        any(0, "") => "false";
        fail("no") => "error: no";
    }
}

#[test]
fn a_map_that_holds_itself_ends_in_an_error() {
    let map = d(&[]);
    drop(call("set", &[map.clone(), "self".into(), map.clone()]));
    for name in ["deepCopy", "toString", "cat"] {
        let answer = call(name, std::slice::from_ref(&map));
        assert!(answer.starts_with("error: the value is nested"), "{answer}");
    }
    drop(call("unset", &[map, "self".into()]));
}

#[test]
fn json() {
    let map = d(&[("a", "<&>\u{2028}\u{1}\n".into()), ("b", l(&[])), ("c", l(&["x"]))]);
    check! {
        toJson(map.clone()) =>
            "{\"a\":\"\\u003c\\u0026\\u003e\\u2028\\u0001\\n\",\"b\":[],\"c\":[\"x\"]}";
        toRawJson("<") => "\"<\"";
        toPrettyJson(map) =>
            "{\n  \"a\": \"\\u003c\\u0026\\u003e\\u2028\\u0001\\n\",\n  \"b\": [],\n  \"c\": [\n    \"x\"\n  ]\n}";
        toJson(1e20) => "100000000000000000000";
        toJson(1e21) => "1e+21";
        toJson(1e-7) => "1e-7";
        toJson(0.000_001) => "0.000001";
        toJson(-0.0) => "-0";
        fromJson("{\"a\": 12345678901234567890, \"b\": [1.0, 1e3, null, true]}") =>
            "map[a:1.2345678901234567e+19 b:[1 1000 <nil> true]]";
        fromJson("{bad") => "<nil>";
        mustFromJson("{bad") =>
            "error: invalid character 'b' looking for beginning of object key string";
        mustFromJson("[1,") => "error: unexpected end of JSON input";
        mustFromJson("1 2") => "error: invalid character '2' after top-level value";
        mustFromJson("01") => "error: invalid character '1' after top-level value";
        fromJson("\"\\ud83d\\ude80\\ud800\\n\"") => "\u{1f680}\u{fffd}\n";
    }
    let deep = "[".repeat(100_000);
    assert!(call("mustFromJson", &[deep.into()]).contains("nested deeper"));
}

#[test]
fn regular_expressions() {
    check! {
        regexMatch("^a.c$", "abc") => "true";
        regexMatch("(", "abc") => "false";
        mustRegexMatch("(", "a") =>
            "error: error parsing regexp: `(` is no regular expression that can be used";
        regexFind("[0-9]+", "ab12") => "12";
        regexFind("\\bfoo\\b", "a foo b") => "foo";
        regexFindAll("(a)(b)?", "abaab", -1) => "[ab a ab]";
        regexFindAll("a", "aaa", 2) => "[a a]";
        regexFindAll("a", "aaa", 0) => "[]";
        regexReplaceAll("a(x*)b", "-ab-axxb-", "${1}W") => "-W-xxW-";
        regexReplaceAll("a(x*)b", "-ab-axxb-", "$1W") => "---";
        regexReplaceAll("(?P<n>b)", "abc", "[$n$$${n}$]") => "a[b$b$]c";
        regexReplaceAll("x*", "axb", ".") => ".a.b.";
        regexReplaceAllLiteral("a(x*)b", "-ab-", "${1}") => "-${1}-";
        regexSplit(",", "a,b", -1) => "[a b]";
        regexSplit(",", "a,b,c", 2) => "[a b,c]";
        regexSplit("a*", "abaabaccadaaae", 5) => "[ b b c cadaaae]";
        regexQuoteMeta("a.b[") => "a\\.b\\[";
    }
}

#[test]
fn go_reads_expressions_in_its_own_way() {
    check! {
        regexFindAll("\\w+", "né a", -1) => "[n a]";
        regexFindAll("\\d", "1\u{663}", -1) => "[1]";
        regexFindAll("\\B.", "éab", -1) => "[é b]";
        regexFind("{{.*}}", "x {{ a }} y") => "{{ a }}";
        regexFind("a{,2}", "a{,2}") => "a{,2}";
        regexFind("[a&&b]+", "&a&b") => "&a&b";
        regexFind("[[a]+", "x[a") => "[a";
        regexFind("[]a]+", "x]a") => "]a";
        regexFind("[\\d\\-x]+", "a1-x") => "1-x";
        regexFind("[[:alpha:]]+", "12ab") => "ab";
        regexFind("\\Qa.b\\E+", "a.bb") => "a.bb";
        regexFind("\\pL+", "1é") => "é";
        regexFind("\\p{^L}+", "é12") => "12";
        regexFind("(?i)ABC", "xabc") => "abc";
        regexFind("\\x41\\101\\x{42}", "AAB") => "AAB";
        regexFind("\\<a\\>", "<a>") => "<a>";
        regexFind("a**", "a") => "error: error parsing regexp: invalid nested repetition operator: `*`";
        regexFind("a{1001}", "a") =>
            "error: error parsing regexp: invalid repeat count: `{1001}`";
        regexFind("(?x)a", "a") =>
            "error: error parsing regexp: invalid or unsupported Perl syntax: `?x)a`";
        regexFind("(a)\\1", "aa") => "error: error parsing regexp: invalid escape sequence: `\\1`";
        regexFind("[b-a]", "a") => "error: error parsing regexp: invalid character class range: `b-a]`";
    }
}

#[test]
fn versions() {
    check! {
        semver("v1.2") => "1.2.0";
        semver("1.2.3-rc.1+b5") => "1.2.3-rc.1+b5";
        semver("1.2.3-01") => "error: Version segment starts with 0";
        semver("x") => "error: Invalid Semantic Version";
        typeOf(Value::Nil) => "<nil>";
        semverCompare(">=1.2 <2.0", "1.5.0") => "true";
        semverCompare(">1.0, <2.0 || >3.0", "3.1.0") => "true";
        semverCompare("1.x", "1.9") => "true";
        semverCompare("*", "1.0.0") => "true";
        semverCompare("!=1.0", "1.0.1") => "false";
        semverCompare("1.2 - 1.4", "1.3.5") => "true";
        semverCompare("1.2 - 1.4.0", "1.4.1") => "false";
        semverCompare("^0.2.3", "0.2.9") => "true";
        semverCompare("^0.2.3", "0.3.0") => "false";
        semverCompare("^0.0.3", "0.0.4") => "false";
        semverCompare("^1.2", "1.9") => "true";
        semverCompare("~1.2.3", "1.2.9") => "true";
        semverCompare("~1", "1.9") => "true";
        semverCompare("~1.2", "1.3") => "false";
        semverCompare(">11", "11.1.0") => "false";
        semverCompare(">11.1", "11.2.0") => "true";
        semverCompare("<=11", "11.9.0") => "true";
        semverCompare(">=1.0", "1.2.0-beta") => "false";
        semverCompare(">=1.0-0", "1.2.0-beta") => "true";
        semverCompare(">1.0.0-alpha.9", "1.0.0-alpha.10") => "true";
        semverCompare(">=1.2.3", "1.2.4+meta") => "true";
        semverCompare("", "1.0.0") => "error: improper constraint: ";
        semverCompare("1.2.3 or so", "1.0.0") => "error: improper constraint: 1.2.3 or so";
    }
}

#[test]
fn urls() {
    let url = |entries: &[(&str, &str)]| {
        entries.iter().map(|(key, value)| ((*key).into(), Value::from(*value))).collect::<Value>()
    };
    check! {
        urlParse("http://u:p@h:80/p%20q?q=1#f") => "map[fragment:f host:h:80 hostname:h opaque: path:/p q query:q=1 scheme:http userinfo:u:p]";
        urlParse("mailto:a@b") => "map[fragment: host: hostname: opaque:a@b path: query: scheme:mailto userinfo:]";
        urlParse("//[::1]:80/x") => "map[fragment: host:[::1]:80 hostname:::1 opaque: path:/x query: scheme: userinfo:]";
        urlParse("a:b:c") => "map[fragment: host: hostname: opaque:b:c path: query: scheme:a userinfo:]";
        urlParse("http://a b/") => "error: unable to parse url: parse \"http://a b/\": invalid character \" \" in host name";
        urlParse("1:b") => "error: unable to parse url: parse \"1:b\": first path segment in URL cannot contain colon";
        urlParse("%zz") => "error: unable to parse url: parse \"%zz\": invalid URL escape \"%zz\"";
        urlJoin(url(&[("scheme", "https"), ("host", "h:1"), ("path", "/a b?"), ("query", "q=1"), ("fragment", "f g"), ("userinfo", "u:p")])) => "https://u:p@h:1/a%20b%3F?q=1#f%20g";
        urlJoin(url(&[("path", "a:b")])) => "./a:b";
        urlJoin(url(&[("host", "h"), ("path", "x")])) => "//h/x";
        urlJoin(d(&[("host", 1.into())])) => "error: unable to parse host key, must be of type string, but int found";
    }
}

fn time(layout: &str, text: &str) -> Value {
    let Some(Function::Pure { body, .. }) = functions().remove("mustToDate") else { panic!() };
    body(&[layout.into(), text.into()]).unwrap()
}

#[test]
fn dates() {
    let leap = time("2006-01-02 15:04:05.000 -0700", "2024-02-29 23:30:05.250 -0130");
    check! {
        date("2006-01-02", 0) => "1970-01-01";
        htmlDate(-86400) => "1969-12-31";
        date("Mon Jan _2 2006 at 3PM, 05.000 Z07:00 MST", leap.clone()) =>
            "Fri Mar  1 2024 at 1AM, 05.250 Z UTC";
        toString(leap.clone()) => "2024-02-29 23:30:05.25 -0130 -0130";
        toJson(leap.clone()) => "\"2024-02-29T23:30:05.25-01:30\"";
        unixEpoch(leap.clone()) => "1709254805";
        dateInZone("15:04 MST", leap.clone(), "Etc/GMT+2") => "23:00 -02";
        dateInZone("06-1-2 3:4:5 pm", 951_786_245, "UTC") => "00-2-29 1:4:5 am";
        dateInZone("002 2006", 951_786_245, "UTC") => "060 2000";
        dateInZone(".000000 Z07:00", 0, "UTC") => ".000000 Z";
        dateModify("-1.5h", leap.clone()) => "2024-02-29 22:00:05.25 -0130 -0130";
        dateModify("bad", leap.clone()) => "2024-02-29 23:30:05.25 -0130 -0130";
        mustDateModify("bad", leap) => "error: time: invalid duration \"bad\"";
        toDate("2006-01-02", "bad") => "0001-01-01 00:00:00 +0000 UTC";
        mustToDate("2006-01-02", "2023-02-29") =>
            "error: parsing time \"2023-02-29\" as \"2006-01-02\": day out of range";
        toDate("Monday, 02-Jan-06 15:04:05 MST", "sunday, 06-nov-94 08:49:37 GMT") =>
            "1994-11-06 08:49:37 +0000 GMT";
        toDate("2006-01-02T15:04:05Z07:00", "2020-05-06T07:08:09.5Z") =>
            "2020-05-06 07:08:09.5 +0000 UTC";
        toDate("2006 002", "2020 366") => "2020-12-31 00:00:00 +0000 UTC";
        toDate("3:04 PM", "12:30 AM") => "0000-01-01 00:30:00 +0000 UTC";
        unixEpoch(5) => "error: wrong type for value; expected time.Time; got int";
        date("2006", "x") => "error: a string is no date, and the date of today would be read from the clock";
        dateInZone("2006", 0, "Europe/Berlin") => "error: time zone `Europe/Berlin` needs a zone database, which differs between machines; use UTC or a fixed offset";
    }
}

#[test]
fn durations() {
    check! {
        duration("95") => "1m35s";
        duration(95) => "0s";
        duration(Value::Int64(3600)) => "1h0m0s";
        duration("x") => "0s";
        durationRound("2h10m5s") => "2h";
        durationRound("2400h10m5s") => "3mo";
        durationRound("-1.5s") => "1s";
        durationRound("1s") => "0s";
        durationRound(Value::Int64(90_000_000_000)) => "1m";
    }
}
