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
        float64(1e21) => "1e+21";
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
        assert!(
            call(name, std::slice::from_ref(&map)).starts_with("error: the value is nested deeper")
        );
    }
    drop(call("unset", &[map, "self".into()]));
}

#[test]
fn lists_in_lists_end_in_an_error() {
    let mut value = l(&[]);
    let Some(Function::Pure { body, .. }) = functions().remove("list") else { panic!() };
    let error = loop {
        match body(&[value.clone(), value]) {
            Ok(next) => value = next,
            Err(error) => break error,
        }
    };
    assert!(error.0.starts_with("the value has more than"), "{error}");
}
