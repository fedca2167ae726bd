//! The laws themselves.

use serde_json::json;
use wob_host::{
    CommitStatus, FORGES, ForgeError, GitId, HttpError, Merging, PullRequest, PullRequestState,
    StatusOutcome, Wanted,
};

use super::{
    BASE, CASES, World, each,
    server::{Answer, Fault, Pull, TOKEN},
};

const WANTED: Wanted<'_> = Wanted {
    head: "deployment/stage/a",
    title: "Deploy stage",
    body: "What changes\n",
    labels: &[("promoted", true), ("failing", false)],
};

fn commit(digit: char) -> GitId {
    GitId::parse(&digit.to_string().repeat(40)).unwrap()
}

fn status(name: &str, outcome: StatusOutcome) -> CommitStatus {
    let (description, url) = ("all of it".to_owned(), "https://ci.example/1".to_owned());
    CommitStatus { name: name.to_owned(), outcome, description, url }
}

/// Puts a pull request into the model that the client did not make.
fn foreign(world: &World, pull: Pull) {
    world.server.model(|it| {
        let number = it.next();
        let base = BASE.to_owned();
        it.pulls.push(Pull { number, base, state: "open", commit: "a".repeat(40), ..pull });
    });
}

#[test]
fn every_forge_is_tried() {
    let tried = CASES.map(|it| it.kind);
    assert_eq!(FORGES.iter().map(|it| it.name).collect::<Vec<_>>(), tried);
}

#[test]
fn a_pull_request_is_opened_updated_in_place_and_closed() {
    each(|world| {
        let own = world.own();
        let (opened, is_new) = own.open_or_update(&WANTED).unwrap();
        assert!(is_new && world.mark.is_in(&opened.body));
        assert_eq!(opened.labels, ["promoted"]);
        assert_eq!((opened.head.as_str(), opened.base.as_str()), (WANTED.head, BASE));
        assert_eq!(opened.head_commit, "a".repeat(40));
        assert!(opened.url.ends_with('1'), "{}", opened.url);
        assert_eq!(own.open_or_update(&WANTED).unwrap(), (opened.clone(), false));
        let labels = &[("promoted", false), ("failing", true)];
        let other = Wanted { title: "Deploy stage again", body: "More\n", labels, ..WANTED };
        let (updated, is_new) = own.open_or_update(&other).unwrap();
        assert_eq!((updated.number, is_new), (opened.number, false));
        assert_eq!(updated.labels, ["failing"]);
        let read = world.forge.pull_request(opened.number).unwrap();
        assert_eq!(read, updated, "{}", world.case.kind);
        own.comment(read.number, "one").unwrap();
        own.comment(read.number, "two").unwrap();
        own.comment(read.number, "two").unwrap();
        let comments = world.forge.comments(read.number).unwrap();
        assert_eq!(comments.len(), 1);
        assert!(comments[0].body.ends_with("two"), "{}", comments[0].body);
        assert_eq!(own.close_others(Some(WANTED.head), "superseded").unwrap(), vec![]);
        assert_eq!(own.close_others(None, "superseded").unwrap(), std::slice::from_ref(&read));
        assert_eq!(own.open().unwrap(), vec![]);
        world.forge.close(read.number).unwrap();
        world.forge.remove_label(read.number, "unknown").unwrap();
        let closed = world.forge.pull_request(read.number).unwrap();
        assert_eq!(closed, PullRequest { state: PullRequestState::Closed, ..read });
    });
}

#[test]
fn pull_requests_of_others_are_not_touched() {
    each(|world| {
        let body = world.mark.on("", 100);
        let head = WANTED.head.to_owned();
        let pull = Pull { title: "mine".to_owned(), body, head, ..Pull::default() };
        foreign(world, Pull { is_fork: true, ..pull.clone() });
        foreign(world, Pull { head: "feature".to_owned(), ..pull.clone() });
        foreign(world, Pull { head: "deployment/stage2/a".to_owned(), ..pull.clone() });
        foreign(
            world,
            Pull { body: "no mark".to_owned(), head: "deployment/stage/c".to_owned(), ..pull },
        );
        let before = world.server.model(|it| it.pulls.clone());
        world.own().open_or_update(&Wanted { head: "deployment/stage/b", ..WANTED }).unwrap();
        world.own().close_others(None, "superseded").unwrap();
        let after = world.server.model(|it| it.pulls.clone());
        assert_eq!(after[..before.len()], before, "{}", world.case.kind);
        assert_eq!(after[before.len()..].iter().map(|it| it.state).collect::<Vec<_>>(), ["closed"]);
        // One is open already from the same branch, but wob did not make it.
        foreign(world, Pull { head: "deployment/stage/b".to_owned(), ..Pull::default() });
        let wanted = Wanted { head: "deployment/stage/b", ..WANTED };
        let error = world.own().open_or_update(&wanted).unwrap_err();
        assert!(matches!(error, ForgeError::Exists { .. }), "{error}");
    });
}

#[test]
fn all_pages_are_read() {
    each(|world| {
        for number in 0..230 {
            let head = format!("deployment/stage/{number}");
            let body = world.mark.on("", 100);
            foreign(world, Pull { head, body, title: "x".to_owned(), ..Pull::default() });
        }
        world.server.fail_always(None);
        let own = world.own().open().unwrap();
        assert_eq!(own.len(), 230, "{}", world.case.kind);
        assert!(own.is_sorted_by_key(|it| it.number));
        let lists = world.server.log().iter().filter(|it| it.contains('?')).count();
        assert!(lists >= 3, "{:?}", world.server.log());
        let all: Vec<_> =
            (0..130).map(|it| status(&format!("check {it:03}"), StatusOutcome::Success)).collect();
        for it in &all {
            world.forge.set_status(commit('a'), it).unwrap();
        }
        assert_eq!(world.forge.statuses(commit('a')).unwrap(), all, "{}", world.case.kind);
    });
}

#[test]
fn statuses_are_set_and_read() {
    each(|world| {
        assert_eq!(world.forge.statuses(commit('a')).unwrap(), vec![]);
        for outcome in [
            StatusOutcome::Pending,
            StatusOutcome::Pending,
            StatusOutcome::Failure,
            StatusOutcome::Success,
        ] {
            world.forge.set_status(commit('a'), &status("stage environment", outcome)).unwrap();
            let read = world.forge.statuses(commit('a')).unwrap();
            assert_eq!(read, [status("stage environment", outcome)], "{}", world.case.kind);
        }
        assert_eq!(world.forge.statuses(commit('b')).unwrap(), vec![]);
    });
}

#[test]
fn issues_are_opened_and_closed() {
    each(|world| {
        if world.case.kind == "azure-devops" {
            let error = world.forge.open_issues("wob").unwrap_err();
            assert_eq!(error.to_string(), "Azure DevOps has no issues that wob could use");
            return;
        }
        assert_eq!(world.forge.open_issues("wob stage").unwrap(), vec![]);
        let opened = world.forge.open_issue("it fails", "why", "wob stage").unwrap();
        world.forge.open_issue("another", "why", "other").unwrap();
        assert_eq!(world.forge.open_issues("wob stage").unwrap(), std::slice::from_ref(&opened));
        world.forge.close_issue(opened.number).unwrap();
        world.forge.close_issue(opened.number).unwrap();
        assert_eq!(world.forge.open_issues("wob stage").unwrap(), vec![], "{}", world.case.kind);
    });
}

#[test]
fn merging_waits_for_checks() {
    each(|world| {
        world.server.model(|it| it.required.insert("ci".to_owned()));
        let (opened, _) = world.own().open_or_update(&WANTED).unwrap();
        for _ in 0..2 {
            let merging = world.forge.merge_when_ready(&opened).unwrap();
            assert_eq!(merging, Merging::WhenReady, "{}", world.case.kind);
        }
        world.forge.set_status(commit('a'), &status("ci", StatusOutcome::Failure)).unwrap();
        let state = |number| world.forge.pull_request(number).unwrap().state;
        assert_eq!(state(opened.number), PullRequestState::Open);
        world.forge.set_status(commit('a'), &status("ci", StatusOutcome::Success)).unwrap();
        assert_eq!(state(opened.number), PullRequestState::Merged);
        assert_eq!(world.forge.merge_when_ready(&opened).unwrap(), Merging::Merged);
        world.forge.close(opened.number).unwrap();
        assert_eq!(state(opened.number), PullRequestState::Merged);
    });
}

#[test]
fn what_is_ready_is_merged_at_once() {
    each(|world| {
        let (opened, _) = world.own().open_or_update(&WANTED).unwrap();
        assert_eq!(
            world.forge.merge_when_ready(&opened).unwrap(),
            Merging::Merged,
            "{}",
            world.case.kind
        );
    });
}

#[test]
fn nothing_is_merged_that_may_not_be() {
    each(|world| {
        let kind = world.case.kind;
        let (opened, _) = world.own().open_or_update(&WANTED).unwrap();
        let moved = PullRequest { head_commit: "b".repeat(40), ..opened.clone() };
        let merging = world.forge.merge_when_ready(&moved).unwrap();
        assert_eq!(merging, Merging::NotAllowed("its branch has moved".to_owned()), "{kind}");
        world.server.model(|it| {
            it.required.insert("ci".to_owned());
            it.auto_merge = false;
        });
        match world.forge.merge_when_ready(&opened) {
            Ok(Merging::NotAllowed(reason)) => assert!(!reason.is_empty()),
            // Azure DevOps says so in the way it says of everything that somebody may not do.
            Err(ForgeError::Unauthorized { .. }) if kind == "azure-devops" => {}
            other => panic!("{kind}: {other:?}"),
        }
        world.forge.close(opened.number).unwrap();
        let merging = world.forge.merge_when_ready(&opened).unwrap();
        assert_eq!(merging, Merging::NotAllowed("it is closed".to_owned()), "{kind}");
        assert_eq!(world.server.model(|it| it.pulls[0].state), "closed");
    });
}

#[test]
fn long_bodies_are_cut_to_what_the_forge_takes() {
    each(|world| {
        let body = "a line of it\n".repeat(500_000);
        let (opened, _) = world.own().open_or_update(&Wanted { body: &body, ..WANTED }).unwrap();
        assert!(opened.body.chars().count() <= world.forge.longest_body());
        assert!(world.mark.is_in(&opened.body));
    });
}

#[test]
fn errors_say_what_the_forge_says() {
    each(|world| {
        let error = world.case.dialect.error;
        for (status, expected) in [
            (401, "words of it"),
            (403, "words of it"),
            (404, "not found (words of it)"),
            (409, "one already"),
            (422, "words of it"),
            (500, "status 500"),
        ] {
            world.server.fail_always(Some(Fault::Says(Answer::new(status, &error("words of it")))));
            let error = world.forge.pull_request(1).unwrap_err();
            assert!(error.to_string().contains(expected), "{}: {error}", world.case.kind);
            assert!(!world.server.log().is_empty());
        }
        let body = b"<!doctype html>\x1b[31m".to_vec();
        for status in [200, 201, 404, 422, 502] {
            let answer = Answer { status, headers: vec![], body: body.clone() };
            world.server.fail_always(Some(Fault::Says(answer)));
            let error = world.forge.pull_request(1).unwrap_err().to_string();
            assert!(!error.contains('\x1b'), "{error:?}");
        }
        for garbage in ["", "{", "[]", "{}", "null", "{\"number\":\"x\"}", "\"x\""] {
            let answer = Answer { status: 200, headers: vec![], body: garbage.into() };
            world.server.fail_always(Some(Fault::Says(answer)));
            let error = world.forge.open_pull_requests("").err();
            assert!(
                garbage == "[]" || matches!(error, Some(ForgeError::Garbage { .. })),
                "{garbage}: {error:?}"
            );
            assert!(
                matches!(world.forge.pull_request(1), Err(ForgeError::Garbage { .. })),
                "{garbage}"
            );
        }
    });
}

#[test]
fn tokens_are_never_shown() {
    for case in CASES {
        // A server that repeats what it was sent, wrongly signed and rightly.
        let world = World::with_token(case, "another-s3cret");
        let error = world.forge.pull_request(1).unwrap_err();
        let text = format!("{error} {error:?} {:?} {}", world.forge, error.help());
        assert!(matches!(error, ForgeError::Unauthorized { with_token: true, .. }), "{text}");
        assert!(text.contains("***") && !text.contains("another-s3cret"), "{text}");
        let encoded = (case.dialect.authorization)();
        let secret = encoded.split(' ').next_back().unwrap().to_owned();
        let world = World::new(case);
        let echo = (case.dialect.error)(&format!("you sent {TOKEN} as {secret}"));
        for status in [400, 403, 404, 409, 500] {
            world.server.fail_always(Some(Fault::Says(Answer::new(status, &echo))));
            let error = world.forge.pull_request(1).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(!text.contains(TOKEN) && !text.contains(&secret), "{text}");
        }
        let world = World::with_token(case, "");
        let error = world.forge.pull_request(1).unwrap_err();
        assert!(matches!(error, ForgeError::Unauthorized { with_token: false, .. }), "{error}");
    }
}

#[test]
fn a_busy_forge_is_asked_again_when_it_says() {
    each(|world| {
        let busy = |status: u16| Answer::new(status, &json!({ "message": "slow down" }));
        let limited = busy(403).with("X-RateLimit-Remaining", "0").with("X-RateLimit-Reset", "1");
        for answer in [
            busy(429).with("Retry-After", "0"),
            busy(429),
            busy(503).with("Retry-After", "0"),
            limited,
        ] {
            // Also what is not done twice: it was not done once.
            world.server.fail(1, Fault::Says(answer));
            let (opened, _) = world.own().open_or_update(&WANTED).unwrap();
            let posts = world
                .server
                .log()
                .iter()
                .filter(|it| it.starts_with("POST") && !it.contains("label"))
                .count();
            assert_eq!(posts, 2, "{:?}", world.server.log());
            world.forge.close(opened.number).unwrap();
        }
        world.server.fail_always(Some(Fault::Says(busy(429).with("Retry-After", "3600"))));
        let error = world.forge.pull_request(1).unwrap_err();
        assert!(matches!(error, ForgeError::Http(HttpError::Busy { .. })), "{error}");
        assert_eq!(world.server.log().len(), 1);
        world.server.fail_always(Some(Fault::Says(busy(429))));
        assert!(matches!(
            world.forge.pull_request(1),
            Err(ForgeError::Refused { status: 429, .. })
        ));
        assert_eq!(world.server.log().len(), 4);
    });
}

#[test]
fn opening_survives_a_lost_answer() {
    let answer = Answer::new(502, &json!({ "message": "out of order" }));
    for fault in [
        Fault::DiesBefore,
        Fault::DiesAfter,
        Fault::DiesWithin,
        Fault::Garbles,
        Fault::Says(answer),
    ] {
        for case in CASES {
            let world = World::new(case);
            world.server.fail(1, fault.clone());
            let (opened, is_new) = world.own().open_or_update(&WANTED).unwrap();
            assert!(is_new && world.server.log()[1].starts_with("POST"));
            assert_eq!(world.server.model(|it| it.pulls.len()), 1, "{}", case.kind);
            world.server.fail(1, fault.clone());
            world.own().comment(opened.number, "once").unwrap();
            assert_eq!(world.server.model(|it| it.comments.len()), 1, "{}", case.kind);
        }
    }
}

/// All that publishing does with a forge.
fn publish(world: &World, head: &str) -> Result<Merging, ForgeError> {
    let own = world.own();
    let (opened, _) = own.open_or_update(&Wanted { head, ..WANTED })?;
    own.close_others(Some(head), "superseded")?;
    world.forge.set_status(commit('0'), &status("stage environment", StatusOutcome::Pending))?;
    world.forge.merge_when_ready(&opened)
}

/// What is left of it, whatever happened on the way.
fn left(world: &World) -> Vec<(String, &'static str, Vec<String>, bool)> {
    let pulls = world.server.model(|it| it.pulls.clone());
    let mut left: Vec<_> = pulls
        .into_iter()
        .map(|it| (it.head, it.state, it.labels.into_iter().collect(), it.will_merge))
        .collect();
    left.sort();
    let comments = world.server.model(|it| it.comments.clone());
    assert!(comments.len() <= 1, "{comments:?}");
    left
}

#[test]
fn a_network_that_dies_at_each_request_costs_time_only() {
    let fresh = |case| {
        let world = World::new(case);
        world.server.model(|it| it.required.insert("ci".to_owned()));
        publish(&world, "deployment/stage/b").unwrap();
        world
    };
    for case in CASES {
        let world = fresh(case);
        world.server.fail_always(None);
        assert_eq!(publish(&world, WANTED.head).unwrap(), Merging::WhenReady);
        let (expected, requests) = (left(&world), world.server.log().len());
        assert!(requests >= 8, "{:?}", world.server.log());
        let answer = Answer::new(500, &json!({ "message": "out of order" }));
        for number in 0..requests {
            for fault in [
                Fault::DiesBefore,
                Fault::DiesAfter,
                Fault::DiesWithin,
                Fault::Garbles,
                Fault::Says(answer.clone()),
            ] {
                let world = fresh(case);
                world.server.fail(number, fault);
                let first = publish(&world, WANTED.head);
                world.server.fail_always(None);
                let text = format!("{} request {number}: {first:?}", case.kind);
                // Whether or not the first time went through, the second changes nothing more than it.
                assert_eq!(publish(&world, WANTED.head).unwrap(), Merging::WhenReady, "{text}");
                assert_eq!(left(&world), expected, "{text}");
            }
        }
    }
}

#[test]
fn a_forge_that_is_not_there_is_named() {
    each(|world| {
        world.server.fail_always(Some(Fault::DiesBefore));
        let error = world.forge.pull_request(1).unwrap_err();
        assert!(matches!(error, ForgeError::Http(HttpError::Lost { .. })), "{error}");
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        assert_eq!(world.server.log().len(), 4);
    });
}
