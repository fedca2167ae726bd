//! `wob promote --history`: what was promoted to an environment, as the history of its branch has it.

use serde::Serialize;
use wob_host::{Interrupt, Next};

use crate::{
    exit::Exit,
    promotion::{Lane, Promotion, PromotionError, short},
    report::printable,
    stream::Streams,
};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonHistory<'h> {
    environment: &'h str,
    branch: &'h str,
    promotions: Vec<JsonPromotion>,
    exit_code: u8,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPromotion {
    commit: String,
    /// What the commit of the base is called; absent if it is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    branch_commit: String,
    time: String,
    author: String,
    message: String,
}

/// Lists the promotions of an environment, the last one first.
pub(super) fn show(
    lane: &Lane<'_>,
    streams: &Streams,
    interrupt: &Interrupt,
) -> Result<Exit, PromotionError> {
    let mut promotions = vec![];
    lane.promotions(interrupt, &mut |it| {
        promotions.push(it);
        Next::Before
    })?;
    let subjects: Vec<Option<String>> =
        promotions.iter().map(|it| lane.subject_of(&it.commit)).collect();
    if streams.is_json() {
        let json = |(it, subject): (&Promotion, Option<String>)| JsonPromotion {
            commit: it.commit.clone(),
            subject,
            branch_commit: it.branch_commit.to_string(),
            time: it.details.time(),
            author: it.details.author.clone(),
            message: it.details.subject.clone(),
        };
        streams.json(&JsonHistory {
            environment: lane.name().as_str(),
            branch: lane.branch(),
            promotions: promotions.iter().zip(subjects).map(json).collect(),
            exit_code: Exit::Ok.number(),
        });
        return Ok(Exit::Ok);
    }
    for (it, subject) in promotions.iter().zip(subjects) {
        let (time, author) = (it.details.time(), &it.details.author);
        let subject = subject.unwrap_or_else(|| "(not in this clone)".to_owned());
        let text = format!("{}  {time}  {author}  {subject}\n", short(&it.commit));
        streams.result(&printable(&text));
    }
    if promotions.is_empty() {
        streams.say(&format!("nothing was promoted to `{}` yet", lane.name()));
    }
    if lane.is_cut_off() {
        streams.say("note: this clone is shallow; `git fetch --unshallow` shows what was before");
    }
    Ok(Exit::Ok)
}
