//! What a build says, but for what it says of this very run.

use std::process::Output;

use serde_json::Value;

/// What builds of the same sources say alike.
pub(super) fn report(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let stdout = text(&output.stdout);
    let stdout = match serde_json::from_str::<Value>(&stdout) {
        Ok(document) => in_common(document),
        Err(_) => lines(&stdout),
    };
    format!("exit: {:?}\n{stdout}-----\n{}", output.status.code(), lines(&text(&output.stderr)))
}

/// Says whether nothing was read, because nothing had changed.
pub(super) fn is_at_once(output: &Output) -> bool {
    String::from_utf8_lossy(&output.stderr).contains("nothing has changed since the last run")
}

fn lines(text: &str) -> String {
    let mut kept = String::new();
    for line in text.lines() {
        let beginnings = [
            "  files: ",
            "  commit: ",
            "nothing has changed since the last run",
            "not read, as no edit concerns them: ",
            "waiting for ",
        ];
        let is_of_run = beginnings.iter().any(|it| line.starts_with(it)) || line.ends_with(" ms");
        // Where it was built into is another place.
        let line = line.split(" -> ").next().unwrap_or(line);
        if !is_of_run {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn in_common(mut document: Value) -> String {
    document.as_object_mut().map(|it| it.remove("work"));
    for environment in document["environments"].as_array_mut().into_iter().flatten() {
        for field in ["output", "files", "commit", "into", "work", "branch", "repository"] {
            environment.as_object_mut().map(|it| it.remove(field));
        }
    }
    format!("{document:#}\n")
}
