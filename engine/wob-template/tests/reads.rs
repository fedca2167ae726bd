//! Which keys of the data templates read: never fewer than they do.
#![expect(clippy::unwrap_used, reason = "functions of a test may be blunt, too")]

use wob_template::{
    Jinja, Limits, Template, TemplateReads,
    kalypso::{self, ToYamlStyle},
};

/// Prints the keys of `ConfigData` that `reads` has.
fn shown(reads: TemplateReads) -> String {
    match reads {
        TemplateReads::All => "all".to_owned(),
        TemplateReads::Keys(keys) => keys.into_iter().collect::<Vec<_>>().join(" "),
    }
}

fn go(text: &str) -> String {
    let functions = kalypso::functions(ToYamlStyle::Helm);
    shown(Template::compile("t", text, &functions).unwrap().reads("ConfigData"))
}

fn jinja(text: &str) -> String {
    let mut set = Jinja::new(&Limits::default());
    set.add("t", text).unwrap();
    shown(set.reads("t", "ConfigData"))
}

#[test]
fn go_templates() {
    for (text, keys) in [
        ("plain", ""),
        ("{{ .Namespace }}", ""),
        ("{{ .ConfigData.A }} {{ $.ConfigData.B.C }}", "A B"),
        ("{{ index .ConfigData \"a-b\" }}{{ get $.ConfigData \"C\" }}", "C a-b"),
        ("{{ if hasKey .ConfigData \"A\" }}{{ .ConfigData.B }}{{ end }}", "A B"),
        ("{{ index .ConfigData .Namespace }}", "all"),
        ("{{ .ConfigData | toYaml }}", "all"),
        ("{{ range $k, $v := .ConfigData }}{{ $k }}{{ end }}", "all"),
        ("{{ with .ConfigData }}{{ .A }}{{ end }}", "all"),
        ("{{ with .ConfigData.A }}{{ . }}{{ $.ConfigData.B }}{{ end }}", "A B"),
        ("{{ range .ConfigData.A }}{{ . }}{{ else }}{{ .ConfigData.B }}{{ end }}", "A B"),
        ("{{ range .ConfigData.A }}{{ $ }}{{ end }}", "all"),
        ("{{ . }}", "all"),
        ("{{ toYaml . }}", "all"),
        ("{{ $x := . }}{{ $x.ConfigData.A }}", "all"),
        ("{{ $x := .ConfigData.A }}{{ $x }}", "A"),
        ("{{ (.ConfigData).A }}", "all"),
        ("{{ (index .ConfigData \"A\").B }}", "A"),
        (
            "{{ define \"d\" }}{{ .ConfigData.A }}{{ . }}{{ $ }}{{ end }}{{ template \"d\" .Labels }}",
            "A",
        ),
        ("{{ define \"d\" }}{{ .A }}{{ end }}{{ template \"d\" . }}", "all"),
        ("{{ define \"d\" }}{{ .A }}{{ end }}{{ template \"d\" .ConfigData }}", "all"),
        ("{{ with . }}{{ .ConfigData.A }}{{ end }}", "all"),
        ("{{ block \"b\" .ConfigData.A }}{{ . }}{{ end }}", "A"),
        (
            "{{ if .ConfigData.A }}{{ else if .ConfigData.B }}{{ else }}{{ .ConfigData.C }}{{ end }}",
            "A B C",
        ),
        ("{{ printf \"%v\" (dict \"x\" $) }}", "all"),
    ] {
        assert_eq!(go(text), keys, "{text}");
    }
}

#[test]
fn jinja_templates() {
    for (text, keys) in [
        ("plain {{ Namespace }}", ""),
        (
            "{{ ConfigData.A }}{% if ConfigData.B.c %}{{ ConfigData.C | quote_yaml }}{% endif %}",
            "A B C",
        ),
        ("{{ ConfigData | toyaml }}", "all"),
        ("{{ ConfigData['A'] }}", "all"),
        ("{% for k in ConfigData %}{{ k }}{% endfor %}", "all"),
        ("{% for k, v in ConfigData|items %}{{ k }}{% endfor %}", "all"),
        ("{% set c = ConfigData %}{{ c.A }}", "all"),
        ("{% with ConfigData = Labels %}{{ ConfigData.A }}{% endwith %}", ""),
    ] {
        assert_eq!(jinja(text), keys, "{text}");
    }
}
