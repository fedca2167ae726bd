//! What differs, as one page of HTML that needs nothing else. Names and values are not trusted: all are escaped.

use wob_rules::changes::Class;

use super::{Change, Compared, lines::Lines};
use crate::report::printable;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\
code,pre{font:13px/1.4 ui-monospace,monospace}pre{background:#8881;padding:.5em;overflow:auto}\
li{margin:.6em 0}.where,.why{color:#777}.a{color:#187a33}.d{color:#b3261e}.c{color:#8a5a00}\
@media(prefers-color-scheme:dark){body{background:#111;color:#ddd}}";

impl Compared {
    /// Returns a whole page.
    pub(crate) fn to_html(&self) -> String {
        let title = escaped(&self.names.join(" → "));
        let words =
            if self.differs() { self.in_words() } else { self.nothing_in_words().to_owned() };
        let mut text = Lines(format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{words}</p>\n"
        ));
        if let Some(it) = self.uncompared_in_words(|it| format!("<code>{}</code>", escaped(it))) {
            text.add(format_args!(
                "<p><strong>Not compared</strong>, because one of the sides cannot be built: {it}</p>\n"
            ));
        }
        for class in Class::ALL {
            let of_class: Vec<&Change> =
                self.changes.iter().filter(|it| it.class == class).collect();
            if of_class.is_empty() {
                continue;
            }
            text.add(format_args!("<h2>{}</h2>\n<ul>\n", class.title()));
            for change in of_class {
                text.push_str(&self.html_item(change));
            }
            text.push_str("</ul>\n");
        }
        text.push_str("</body>\n</html>\n");
        text.0
    }

    fn html_item(&self, change: &Change) -> String {
        let kind = match change.sign() {
            '+' => 'a',
            '-' => 'd',
            _ => 'c',
        };
        let mut text = Lines(format!(
            "<li><code class=\"{kind}\">{}</code> <code>{}{}</code>\n",
            change.sign(),
            escaped(&change.title()),
            escaped(&change.values())
        ));
        if !change.lines.is_empty() {
            text.add(format_args!("<pre>{}</pre>\n", escaped(&change.lines.join("\n"))));
        }
        let labels = change.labels();
        let code = |it: &&str| format!("<code>{}</code>", escaped(it));
        let all = labels.iter().map(code).collect::<Vec<_>>().join(", ");
        match labels.len() {
            0..=3 => text.add(format_args!("<div class=\"where\">on {all}</div>\n")),
            many => text.add(format_args!(
                "<details class=\"where\"><summary>on {many} places</summary>{all}</details>\n"
            )),
        }
        for cause in &change.causes {
            let cause = escaped(&self.cause(cause));
            text.add(format_args!("<div class=\"why\">by <code>{cause}</code></div>\n"));
        }
        text.push_str("</li>\n");
        text.0
    }
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for it in printable(text).chars() {
        match it {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}
