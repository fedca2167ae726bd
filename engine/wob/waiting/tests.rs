//! Courses of events, played on a clock that only moves when somebody sleeps.

use std::{cell::Cell, time::Duration};

use wob_host::{GitId, Interrupt, Interrupted};

use super::{Aim, Clock, Condition, Rhythm, SourceError, Subscriber, Verdict, wait};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// A clock that moves when somebody sleeps.
#[derive(Default)]
struct Played(Cell<Duration>);

impl Clock for Played {
    fn now(&self) -> Duration {
        self.0.get()
    }

    fn sleep(&self, time: Duration, interrupt: &Interrupt) -> Result<(), Interrupted> {
        interrupt.check()?;
        self.0.set(self.0.get() + time);
        Ok(())
    }
}

fn subscriber(name: &str, code: char) -> Subscriber {
    let (commit, state) = match code {
        '+' => (COMMIT, Condition::Success),
        '.' => (COMMIT, Condition::Pending),
        '!' => (COMMIT, Condition::Failure),
        'o' => ("dev@sha1:ffff", Condition::Success),
        'x' => ("dev@sha1:ffff", Condition::Failure),
        other => panic!("{other}"),
    };
    let commit = if code == '+' { format!("dev@sha1:{commit}") } else { commit.to_owned() };
    Subscriber { name: name.to_owned(), commit: Some(commit), state, message: String::new() }
}

/// Plays a course: one word for each second, one letter for each subscriber; `?` is no answer, `-` nobody. The last word
/// stays. Returns the verdict and when it came.
fn play(course: &str, subscribers: usize, tolerate_s: u64, timeout_s: u64) -> String {
    let words: Vec<&str> = course.split(' ').collect();
    let clock = Played::default();
    let commit = GitId::parse(COMMIT).unwrap();
    let (tolerate, timeout) = (Duration::from_secs(tolerate_s), Duration::from_secs(timeout_s));
    let aim = Aim { commit, subscribers, tolerate, timeout };
    let mut looks = 0_usize;
    let mut ask = || {
        let word = words[looks.min(words.len() - 1)];
        looks += 1;
        let source_name = "a test".to_owned();
        match word {
            "?" => Err(SourceError::Garbage { source_name, reason: "none".to_owned() }),
            "-" => Ok(vec![]),
            word => {
                let all = word.chars().zip('a'..);
                Ok(all.map(|(code, name)| subscriber(&name.to_string(), code)).collect())
            }
        }
    };
    let mut told = 0;
    let interval = Duration::from_secs(1);
    let interrupt = Interrupt::default();
    let rhythm = Rhythm { interval, clock: &clock, interrupt: &interrupt };
    let verdict = wait(aim, rhythm, &mut ask, &mut |_, _| told += 1).unwrap();
    assert_eq!(told, looks);
    let verdict = match verdict {
        Verdict::Waiting => unreachable!("because it has ended"),
        Verdict::Success => "success".to_owned(),
        Verdict::Failure(failed) => {
            let names: Vec<&str> = failed.iter().map(|it| it.name.as_str()).collect();
            format!("failure of {}", names.join(","))
        }
        Verdict::TimedOut => "timeout".to_owned(),
        Verdict::Silent(_) => "silence".to_owned(),
    };
    format!("{verdict} at {}", clock.now().as_secs())
}

#[test]
fn every_subscriber_must_have_the_commit() {
    assert_eq!(play("++", 2, 0, 9), "success at 0");
    assert_eq!(play(".. +. ++", 2, 0, 9), "success at 2");
    assert_eq!(play("oo +o ++", 2, 0, 9), "success at 2");
    // More than expected is fine, once all of them are.
    assert_eq!(play("+++. ++++", 2, 0, 9), "success at 1");
    assert_eq!(play("++.", 2, 0, 9), "timeout at 9");
}

#[test]
fn fewer_than_expected_is_no_success() {
    assert_eq!(play("-", 1, 0, 9), "timeout at 9");
    assert_eq!(play("+", 2, 0, 9), "timeout at 9");
    assert_eq!(play("+ ++", 2, 0, 9), "success at 1");
    // Nobody is enough only if nobody is expected.
    assert_eq!(play("-", 0, 0, 9), "success at 0");
    assert_eq!(play(". +", 0, 0, 9), "success at 1");
}

#[test]
fn a_failure_counts_once_it_lasts() {
    assert_eq!(play("+!", 2, 0, 9), "failure of b at 0");
    assert_eq!(play("+. +! +! +! ++", 2, 3, 9), "success at 4");
    assert_eq!(play("+! +! +! +! ++", 2, 3, 9), "failure of b at 3");
    // Each break begins the count anew, for each subscriber alone.
    assert_eq!(play("+! +! +. +! +! ++", 2, 3, 9), "success at 5");
    assert_eq!(play("+! +! !. !. !. ++", 2, 3, 9), "success at 5");
    // What failed before this commit is not held against it.
    assert_eq!(play("x. x+ ++", 2, 0, 9), "success at 2");
    assert_eq!(play("x", 1, 0, 9), "timeout at 9");
    // Nor is there a success behind the end.
    assert_eq!(play("+!", 2, 99, 9), "failure of b at 9");
}

#[test]
fn silence_counts_once_it_lasts() {
    assert_eq!(play("?", 1, 0, 9), "silence at 0");
    assert_eq!(play("? ? +", 1, 3, 9), "success at 2");
    assert_eq!(play("? ? ? ? +", 1, 3, 9), "silence at 3");
    assert_eq!(play("? ? . ? ? +", 1, 3, 9), "success at 5");
    assert_eq!(play("?", 1, 99, 9), "silence at 9");
    // A failure goes on while nobody answers.
    assert_eq!(play("! ? ? !", 1, 3, 9), "failure of a at 3");
}

#[test]
fn an_interruption_ends_it() {
    let interrupt = Interrupt::default();
    interrupt.set();
    let commit = GitId::parse(COMMIT).unwrap();
    let (tolerate, timeout) = (Duration::ZERO, Duration::from_secs(9));
    let aim = Aim { commit, subscribers: 1, tolerate, timeout };
    let clock = Played::default();
    let interval = Duration::from_secs(1);
    let rhythm = Rhythm { interval, clock: &clock, interrupt: &interrupt };
    let ended = wait(aim, rhythm, &mut || Ok(vec![]), &mut |_, _| {});
    assert_eq!(ended, Err(Interrupted));
}
