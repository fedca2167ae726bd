//! The forge that publishing is tried with: the server of wob-host's own laws, in front of real repositories.

use std::{
    io,
    sync::{Mutex, PoisonError},
};

#[path = "../engine/wob-host/tests/it/forge/github.rs"]
pub(crate) mod github;
#[path = "../engine/wob-host/tests/it/forge/server.rs"]
#[expect(dead_code, reason = "the laws of wob-host look at more of it")]
pub(crate) mod server;

/// When a connection dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Death {
    Before,
    After,
}

/// A server whose connection dies at one request.
#[derive(Debug, Default)]
pub(crate) struct Mortal {
    /// How often it was asked, and which of those times it dies.
    state: Mutex<(usize, Option<(usize, Death)>)>,
}

impl Mortal {
    /// Lets the request of this number, from 0 and from now, die.
    pub(crate) fn dies(&self, number: usize, death: Death) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.1 = Some((state.0 + number, death));
    }

    /// Lets none die.
    pub(crate) fn lives(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = None;
    }

    /// Returns how often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// Answers a request, unless it is the one that dies: before anything was done, or before anybody heard of it.
    pub(crate) fn answer<A>(&self, answer: impl FnOnce() -> io::Result<A>) -> io::Result<A> {
        let death = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let number = state.0;
            state.0 += 1;
            state.1.filter(|it| it.0 == number).map(|it| it.1)
        };
        let dead = || io::Error::other("the connection dies");
        if death == Some(Death::Before) {
            return Err(dead());
        }
        let answer = answer()?;
        if death == Some(Death::After) { Err(dead()) } else { Ok(answer) }
    }
}
