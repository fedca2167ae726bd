//! An issue for each assignment that fails: opened once, closed when it is mended.

use wob_host::{Forge, ForgeError, Mark};

use super::body::{Content, plain};
use crate::session::Session;

/// The label of such issues.
const LABEL: &str = "wob";

/// Opens and closes issues, so that there is one for each assignment of `content` that fails.
pub(super) fn update(
    forge: &dyn Forge,
    content: &Content<'_>,
    session: &Session<'_>,
) -> Result<(), ForgeError> {
    let environment = content.environment();
    let all = Mark::new("failing in", environment);
    let open = match forge.open_issues(LABEL) {
        Err(error @ ForgeError::Unsupported { .. }) => {
            session.streams.say(&format!("note: {error}"));
            return Ok(());
        }
        open => open?,
    };
    let open: Vec<_> = open.into_iter().filter(|it| all.is_in(&it.body)).collect();
    let mut wanted = vec![];
    for it in content.failing() {
        let label = format!("{}:{}", it.assignment.cluster_type, it.assignment.target);
        let mark = Mark::new("failing", &format!("{environment}/{label}"));
        if !open.iter().any(|it| mark.is_in(&it.body)) {
            let title = format!("`//env/{environment}/{label}` cannot be built");
            let reasons = it.diagnostics.iter().filter(|it| it.is_error());
            let reasons: Vec<String> = reasons
                .map(|it| {
                    format!(
                        "* {}
",
                        plain(&it.message)
                    )
                })
                .collect();
            let reasons = reasons.concat();
            let text = format!("What was published of it before stays.\n\n{reasons}");
            let body = all.on(&mark.on(&text, forge.longest_body()), forge.longest_body());
            forge.open_issue(&title, &body, LABEL)?;
        }
        wanted.push(mark);
    }
    for issue in open.iter().filter(|it| !wanted.iter().any(|mark| mark.is_in(&it.body))) {
        forge.close_issue(issue.number)?;
    }
    Ok(())
}
