//! What `git push --porcelain` tells, and what it means.
//!
//! Source: the section OUTPUT of git-push(1), and `transport.c` of git for the words of refusals.

use super::program::Ran;

/// How many lines of what a host says are kept.
const LINES: usize = 6;

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Done,
    /// A reference is not what it should be.
    Raced(String),
    /// The host does not take it.
    Refused(String),
    /// It did not come so far.
    Failed(String),
}

impl Told {
    pub(super) fn read(ran: &Ran) -> Self {
        let Ran { is_ok, output, errors } = ran;
        let refused = output.lines().filter_map(|it| it.strip_prefix("!\t")?.rsplit('\t').next());
        let refused: Vec<&str> = refused.collect();
        if refused.is_empty() {
            return if *is_ok { Self::Done } else { Self::Failed(errors.clone()) };
        }
        // The one that failed first makes the others fail, where all are to change together.
        let cause = refused.iter().find(|it| !it.contains("atomic")).unwrap_or(&refused[0]);
        let moved = [
            "stale info",
            "fetch first",
            "non-fast-forward",
            "already exists",
            "cannot lock ref",
            "failed to update ref",
            "incorrect old value",
            "remote ref does not exist",
        ];
        let said = said(errors);
        // A transaction says only beside it which reference was in the way.
        let is_lock = said.starts_with("error: cannot lock ref");
        if is_lock || moved.iter().any(|it| refused.iter().any(|line| line.contains(it))) {
            return Self::Raced((*cause).to_owned());
        }
        Self::Refused(if said.is_empty() {
            (*cause).to_owned()
        } else {
            format!("{cause}: {said}")
        })
    }

    /// Says whether the host cannot change several references together.
    pub(super) fn lacks_atomic(&self) -> bool {
        matches!(self, Self::Failed(errors) if errors.contains("does not support --atomic"))
    }
}

/// Returns what the host said, on one line.
fn said(errors: &str) -> String {
    let lines = errors.lines().filter_map(|it| it.strip_prefix("remote:"));
    let lines: Vec<&str> = lines.map(str::trim).filter(|it| !it.is_empty()).take(LINES).collect();
    plain(&lines.join(" "))
}

/// Returns why git failed, on one line.
pub(super) fn reason(errors: &str) -> String {
    let all: Vec<&str> = errors.lines().map(str::trim).filter(|it| !it.is_empty()).collect();
    let causes = all.iter().filter(|it| it.starts_with("fatal:") || it.starts_with("error:"));
    let causes: Vec<&str> =
        causes.map(|it| it[it.find(':').map_or(0, |at| at + 1)..].trim()).collect();
    let lines = if causes.is_empty() { all } else { causes };
    let lines = lines.into_iter().take(LINES).collect::<Vec<_>>().join("; ");
    let said = said(errors);
    let text = if said.is_empty() { lines } else { format!("{lines}: {said}") };
    if text.is_empty() { "git gave no reason".to_owned() } else { plain(&text) }
}

/// Says whether a failure is about who asks.
pub(super) fn is_about_access(reason: &str) -> bool {
    let words = [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "terminal prompts disabled",
        "Permission denied",
        "Permission to",
        "error: 401",
        "error: 403",
        "Host key verification failed",
    ];
    words.iter().any(|it| reason.contains(it))
}

fn plain(text: &str) -> String {
    text.chars().map(|it| if it.is_control() { ' ' } else { it }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(output: &str, errors: &str) -> Told {
        let (output, errors) = (output.to_owned(), errors.to_owned());
        Told::read(&Ran { is_ok: false, output, errors })
    }

    #[test]
    fn refusals_are_told_apart() {
        let head = "To ../x.git\n";
        for (line, raced) in [
            ("!\tabc:refs/heads/a\t[rejected] (stale info)", true),
            (
                "!\tabc:refs/heads/a\t[remote rejected] (cannot lock ref 'refs/heads/a': is at 1 but expected 2)",
                true,
            ),
            ("!\tabc:refs/heads/a\t[remote rejected] (pre-receive hook declined)", false),
            ("!\tabc:refs/heads/a\t[remote rejected] (protected branch hook declined)", false),
        ] {
            let found = told(&format!("{head}{line}\nDone\n"), "");
            assert_eq!(matches!(found, Told::Raced(_)), raced, "{line}: {found:?}");
            assert!(raced || matches!(found, Told::Refused(_)), "{line}: {found:?}");
        }
        let both =
            "!\ta:refs/a\t[rejected] (atomic push failed)\n!\tb:refs/b\t[rejected] (stale info)\n";
        assert_eq!(told(both, ""), Told::Raced("[rejected] (stale info)".to_owned()));
        let output = "To x\n*\ta:refs/a\t[new reference]\nDone\n".to_owned();
        let ran = Ran { is_ok: true, output, errors: String::new() };
        assert_eq!(Told::read(&ran), Told::Done);
        let lock = "remote: error: cannot lock ref 'refs/wob/x': reference already exists\n";
        let found = told("!\ta:refs/wob/x\t[remote rejected] (atomic transaction failed)\n", lock);
        assert!(matches!(found, Told::Raced(_)), "{found:?}");
        let atomic = told("", "fatal: the receiving end does not support --atomic push\n");
        assert!(atomic.lacks_atomic());
    }

    #[test]
    fn reasons_are_one_line() {
        let hook = "remote: \x1b[1mno deployments on Friday\nremote: \nTo x\nerror: failed to push some refs\n";
        let Told::Refused(reason) =
            told("!\ta:refs/a\t[remote rejected] (pre-receive hook declined)\n", hook)
        else {
            panic!("it is refused");
        };
        assert_eq!(
            reason,
            "[remote rejected] (pre-receive hook declined):  [1mno deployments on Friday"
        );
        assert_eq!(
            super::reason(
                "warning: x\nfatal: could not read Username for 'https://h': terminal prompts disabled\n"
            ),
            "could not read Username for 'https://h': terminal prompts disabled"
        );
        assert_eq!(super::reason(""), "git gave no reason");
        assert!(is_about_access("Authentication failed for 'https://h/'"));
    }
}
