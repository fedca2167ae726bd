//! What Go prints, by hand.

use super::*;

fn check(template: &str, arguments: &[Value], expected: &str) {
    assert_eq!(sprintf(template, arguments, 1000), Ok(expected.to_owned()), "{template}");
}

#[test]
fn integers() {
    check("%5d|%-5d|%05d|%+d|% d", &[7, 7, 7, 7, 7].map(Value::Int), "    7|7    |00007|+7| 7");
    check(
        "%x|%X|%o|%O|%b|%#x|%#o",
        &[255, 255, 8, 8, 5, 255, 8].map(Value::Int),
        "ff|FF|10|0o10|101|0xff|010",
    );
    check("%c|%q|%U|%#U", &[97, 97, 97, 97].map(Value::Int), "a|'a'|U+0061|U+0061 'a'");
    check("%.3d|%+.3d|%.0d|", &[7, 7, 0].map(Value::Int), "007|+007||");
    check("%03c|%*d|%-*d|", &[65, 5, 3, 4, 3].map(Value::Int), "00A|    3|3   |");
}

#[test]
fn floats() {
    check(
        "%v %v %v %v",
        &[1e21, 1e6, 123_456_789.0, 1e-7].map(Value::Float),
        "1e+21 1e+06 1.23456789e+08 1e-07",
    );
    check("%v %v %v %v", &[0.0, 100_000.0, 0.0001, -1.5].map(Value::Float), "0 100000 0.0001 -1.5");
    check(
        "%f|%.2f|%e|%g",
        &[1.5, 1.555, 12345.678, 1e21].map(Value::Float),
        "1.500000|1.55|1.234568e+04|1e+21",
    );
    check(
        "%6.2f|%08.3f|%+.1f|%-8.1f|",
        &[3.24159, -3.24159, 2.0, 2.0].map(Value::Float),
        "  3.24|-003.242|+2.0|2.0     |",
    );
    check(
        "%.3g|%.10g|%#g|%#.3g|%G",
        &[1234.5, 1234.5, 1.0, 1.0, 1e-10].map(Value::Float),
        "1.23e+03|1234.5|1.00000|1.00|1E-10",
    );
    check(
        "%x|%X|%.1x|%b",
        &[1.5, -0.1, 1.96875, 1.0].map(Value::Float),
        "0x1.8p+00|-0X1.999999999999AP-04|0x1.0p+01|4503599627370496p-52",
    );
    check(
        "%v %5v %v",
        &[f64::INFINITY, f64::NAN, f64::NEG_INFINITY].map(Value::Float),
        "+Inf   NaN -Inf",
    );
}

#[test]
fn texts() {
    check(
        "%10s|%-10s|%.2s|%q|%x|% X|%#q",
        &["a", "b", "größe", "a\"b", "hi", "hi", "hi"].map(Value::from),
        "         a|b         |gr|\"a\\\"b\"|6869|68 69|`hi`",
    );
    check(
        "%+q|%q|%5t|%05s",
        &[Value::from("é\u{1}"), Value::from("é\u{a0}"), Value::Bool(true), Value::from("a")],
        "\"\\u00e9\\x01\"|\"é\\u00a0\"| true|0000a",
    );
}

#[test]
fn mistakes_show_in_the_text() {
    check("%d", &["x".into()], "%!d(string=x)");
    check("%s %s", &["a".into()], "a %!s(MISSING)");
    check("%s", &["a".into(), "b".into(), Value::Nil], "a%!(EXTRA string=b, <nil>)");
    check("%z %!", &[Value::Int(1)], "%!z(int=1) %!!(MISSING)");
    check("%", &[], "%!(NOVERB)");
    check("%s|%v|%T", &[Value::Nil, Value::Nil, Value::Nil], "%!s(<nil>)|<nil>|<nil>");
    check("%[2]s %[1]s %[5]s %[x]d", &["a".into(), "b".into()], "b a %!s(BADINDEX) %!d(BADINDEX)");
    check("%*d", &["a".into(), Value::Int(1)], "%!(BADWIDTH)1");
    check("%.*d", &["a".into(), Value::Int(1)], "%!(BADPREC)1");
    assert!(sprintf("%p", &[Value::Nil], 10).is_err());
    assert!(sprintf("%900000d", &[Value::Int(1)], 1000).is_err());
}

#[test]
fn lists_and_maps() {
    let list: Value = [Value::Int(1), Value::from("a"), Value::Nil].into_iter().collect();
    let map: Value =
        [("k".into(), Value::Int(1)), ("a".into(), list.clone())].into_iter().collect();
    check(
        "%v|%d|%q",
        &[list.clone(), list.clone(), list],
        "[1 a <nil>]|[1 %!d(string=a) <nil>]|['\\x01' \"a\" <nil>]",
    );
    check(
        "%v|%s",
        &[map.clone(), map.clone()],
        "map[a:[1 a <nil>] k:1]|map[a:[%!s(int=1) a <nil>] k:%!s(int=1)]",
    );
    check(
        "%#v",
        &[map],
        "map[string]interface {}{\"a\":[]interface {}{1, \"a\", interface {}(nil)}, \"k\":1}",
    );
}

#[test]
fn print_puts_spaces_between_what_is_not_text() {
    let arguments =
        [Value::Int(1), Value::Int(2), "a".into(), "b".into(), Value::Int(3), Value::Nil];
    assert_eq!(sprint(&arguments, 100), Ok("1 2a b3 <nil>".replace("a b", "ab")));
    assert_eq!(sprintln(&arguments, 100), Ok("1 2 a b 3 <nil>\n".to_owned()));
}

#[test]
fn a_map_inside_itself_is_refused() {
    let map = std::rc::Rc::new(crate::Map::default());
    map.entries.borrow_mut().insert("self".into(), Value::Map(std::rc::Rc::clone(&map)));
    let value = Value::Map(map);
    assert!(sprint(std::slice::from_ref(&value), 1 << 20).is_err());
    assert!(sprintf("%d", std::slice::from_ref(&value), 1 << 20).is_err());
    if let Value::Map(map) = &value {
        map.entries.borrow_mut().clear();
    }
}
