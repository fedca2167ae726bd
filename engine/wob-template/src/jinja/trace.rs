//! Traces of jinja renders: a marked copy of the template is rendered, and the marks tell which place wrote what.
//!
//! Marks are put right before the first character of a text that is no white space, and inside `{{ … }}`: neither changes
//! what whitespace control strips. **Invariant:** if the marked text without its marks is not the plain text, then the
//! trace is one piece that depends on everything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use minijinja::{
    State, Value as JinjaValue,
    machinery::{Token, parse, tokenize},
};
use wob_engine::{Span, Step, Value};

use super::{
    Jinja, JinjaData, Output, STEPS, filters,
    plan::{Open, OpenPath, OpenReads, Plan, Site, SiteKind, plan},
    within,
};
use crate::{Condition, DataPath, Limits, Piece, PieceKind, Reads, TemplateError, Traced};

/// The functions that write marks.
const BEGIN: &str = "__wob_begin";
const END: &str = "__wob_end";

/// What is asked of a running template at each mark.
#[derive(Debug, Default)]
struct Event {
    site: usize,
    /// The index of the innermost loop.
    index: Option<u32>,
    /// The texts that the variables of loops hold.
    names: BTreeMap<String, String>,
}

impl Jinja {
    /// Renders the template called `name` as [`Jinja::render`] does, and tells what made each part of the text.
    ///
    /// # Errors
    /// As [`Jinja::render`].
    pub fn trace(&self, name: &str, data: &Value) -> Result<Traced, TemplateError> {
        let given = JinjaData::from(data);
        let text = self.render(name, &given)?;
        let template =
            self.environment.get_template(name).map_err(|error| self.explain(name, "", &error))?;
        let source = template.source();
        let tracer = Tracer { file: Arc::from(name), source, data, text: &text };
        let pieces = tracer.pieces(self, &given).unwrap_or_else(|| tracer.one_piece());
        Ok(Traced { text, pieces })
    }
}

/// A template and what it gave.
struct Tracer<'t> {
    file: Arc<str>,
    source: &'t str,
    data: &'t Value,
    text: &'t str,
}

impl Tracer<'_> {
    fn one_piece(&self) -> Vec<Piece> {
        vec![Piece {
            output: Span::new(0, self.text.len()),
            file: Arc::clone(&self.file),
            template: Span::new(0, self.source.len()),
            kind: PieceKind::Value,
            reads: [vec![]].into(),
            conditions: vec![],
        }]
    }

    /// Returns the pieces; `None` if marks can't tell.
    fn pieces(&self, jinja: &Jinja, data: &JinjaData) -> Option<Vec<Piece>> {
        let syntax = jinja.environment.syntax();
        let plan = plan(&parse(self.source, "", syntax.clone()).ok()?);
        let sites = self.places(jinja)?;
        if sites.len() != plan.sites.len()
            || sites.iter().zip(&plan.sites).any(|(place, site)| place.kind != site.kind)
        {
            return None;
        }
        let marks = self.free_characters()?;
        let plan = Arc::new(plan);
        let (marked, events) = render(&self.marked(&sites), data, &plan, marks, jinja.output)?;
        if marked.replace(marks, "") != *self.text {
            return None;
        }
        Some(Decoder { tracer: self, plan: &plan, places: &sites, marks }.decode(&marked, &events))
    }

    /// Finds every text and expression, in the order of the template.
    #[expect(clippy::wildcard_enum_match_arm, reason = "the inside of tags does not matter here")]
    fn places(&self, jinja: &Jinja) -> Option<Vec<PlaceOf>> {
        let mut places: Vec<PlaceOf> = vec![];
        for token in tokenize(self.source, false, jinja.environment.syntax().clone()) {
            let (token, span) = token.ok()?;
            let at = span.start_offset as usize;
            match token {
                Token::TemplateData(data) => {
                    let start = data.as_ptr().addr().checked_sub(self.source.as_ptr().addr())?;
                    let blank = data.len() - data.trim_start().len();
                    let kind = SiteKind::Text;
                    places.push(PlaceOf { kind, start: start + blank, end: start + data.len() });
                }
                Token::VariableStart => {
                    let rest = self.source.get(at..)?.strip_prefix("{{")?;
                    let start = at + 2 + usize::from(rest.starts_with(['-', '+']));
                    places.push(PlaceOf { kind: SiteKind::Value, start, end: start });
                }
                Token::VariableEnd => {
                    let rest = self.source.get(at..)?;
                    let closes = rest.trim_start_matches(['-', '+']).starts_with("}}");
                    places.last_mut().filter(|_| closes)?.end = at;
                }
                _ => {}
            }
        }
        Some(places)
    }

    /// Returns the template with a mark at each place.
    fn marked(&self, places: &[PlaceOf]) -> String {
        let mut marked = String::new();
        let mut done = 0;
        for (index, place) in places.iter().enumerate() {
            let (before, inside) =
                (&self.source[done..place.start], &self.source[place.start..place.end]);
            marked.push_str(before);
            match place.kind {
                SiteKind::Text if inside.is_empty() => {}
                SiteKind::Text => {
                    marked.extend(["{{ ", BEGIN, "(", &index.to_string(), ") }}", inside]);
                }
                SiteKind::Value => {
                    marked.extend([" ", BEGIN, "(", &index.to_string(), ") }}{{ ", inside]);
                    marked.extend([" }}{{ ", END, "() "]);
                }
            }
            done = place.end;
        }
        marked.push_str(&self.source[done..]);
        marked
    }

    /// Returns two characters that occur nowhere.
    fn free_characters(&self) -> Option<[char; 2]> {
        let is_free = |it: &char| !self.text.contains(*it) && !self.source.contains(*it);
        let mut free = ('\u{f0000}'..='\u{f00ff}').filter(is_free);
        Some([free.next()?, free.next()?])
    }
}

/// Where a site stands: a text from its first character that is no white space, an expression without its braces.
#[derive(Clone, Copy, Debug)]
struct PlaceOf {
    kind: SiteKind,
    start: usize,
    end: usize,
}

/// Renders a marked template; returns its text and what happened at each first mark.
fn render(
    template: &str,
    data: &JinjaData,
    plan: &Arc<Plan>,
    [begin, end]: [char; 2],
    limit: usize,
) -> Option<(String, Vec<Event>)> {
    let limits = Limits { steps: STEPS * 4, output: limit * 2, ..Limits::default() };
    let mut jinja = Jinja::new(&limits);
    jinja.environment.set_fuel(Some(STEPS * 4));
    let events = Arc::new(Mutex::new(vec![]));
    let (seen, plan) = (Arc::clone(&events), Arc::clone(plan));
    jinja.environment.add_function(BEGIN, move |state: &State<'_, '_>, site: usize| {
        let event = look(state, site, &plan);
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        begin.to_string()
    });
    jinja.environment.add_function(END, move || end.to_string());
    jinja.environment.add_template_owned("marked", template.to_owned()).ok()?;
    filters::reset();
    let mut output = Output { bytes: vec![], limit: limits.output };
    let template = jinja.environment.get_template("marked").ok()?;
    template.render_captured_to(data.0.clone(), &mut output).ok()?;
    let text = String::from_utf8(output.bytes).ok()?;
    let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
    Some((text, std::mem::take(&mut *events)))
}

/// Asks a running template what the open steps of a site lead to.
fn look(state: &State<'_, '_>, site: usize, plan: &Plan) -> Event {
    let mut event = Event { site, ..Event::default() };
    let Some(site) = plan.sites.get(site) else { return event };
    let decisions = site.decisions.iter().chain(&site.before).chain(&site.after);
    let reads = decisions.flat_map(|it| &plan.decisions[*it].reads).chain(&site.reads);
    for step in reads.flatten() {
        let (Open::Named(name) | Open::Turn(_, name)) = step else { continue };
        let value = state.lookup(name);
        if let Some(text) = value.as_ref().and_then(JinjaValue::as_str) {
            event.names.insert(name.clone(), text.to_owned());
        }
    }
    let index = state.lookup("loop").and_then(|it| it.get_attr("index0").ok());
    event.index = index.and_then(|it| u32::try_from(it).ok());
    event
}

/// Turns a marked text into pieces.
struct Decoder<'d> {
    tracer: &'d Tracer<'d>,
    plan: &'d Plan,
    places: &'d [PlaceOf],
    marks: [char; 2],
}

impl Decoder<'_> {
    fn decode(&self, marked: &str, events: &[Event]) -> Vec<Piece> {
        let mut pieces = vec![];
        let mut events = events.iter();
        let mut current: Option<&Event> = None;
        let mut at = 0;
        let mut rest = marked;
        while !rest.is_empty() || current.is_some() {
            let next = rest.find(self.marks).unwrap_or(rest.len());
            let text = &rest[..next];
            match current {
                Some(event) => self.push(&mut pieces, event, text, at),
                // Only white space has no mark; it belongs to what stands before it.
                None if !text.is_empty() => self.push_blank(&mut pieces, text, at),
                None => {}
            }
            at += text.len();
            let Some(mark) = rest[next..].chars().next() else { break };
            current = if mark == self.marks[0] { events.next() } else { None };
            rest = &rest[next + mark.len_utf8()..];
        }
        pieces
    }

    fn push(&self, pieces: &mut Vec<Piece>, event: &Event, text: &str, at: usize) {
        let (site, place) = (&self.plan.sites[event.site], self.places[event.site]);
        let source = self.tracer.source;
        if site.kind == SiteKind::Value {
            let near = site.before.iter().chain(&site.after);
            let inside = &source[place.start..place.end];
            let start = place.start + inside.len() - inside.trim_start().len();
            pieces.push(Piece {
                output: Span::new(at, at + text.len()),
                file: Arc::clone(&self.tracer.file),
                template: Span::new(start, start + inside.trim().len()),
                kind: PieceKind::Value,
                reads: self.close(site, event, &site.reads),
                conditions: self.conditions(site, event, near),
            });
            return;
        }
        let mut offset = 0;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for (index, line) in lines.iter().enumerate() {
            let before = site.before.iter().filter(|_| index == 0);
            let after = site.after.iter().filter(|_| index + 1 == lines.len());
            pieces.push(Piece {
                output: Span::new(at + offset, at + offset + line.len()),
                file: Arc::clone(&self.tracer.file),
                template: Span::new(place.start + offset, place.start + offset + line.len()),
                kind: PieceKind::Text,
                reads: Reads::new(),
                conditions: self.conditions(site, event, before.chain(after)),
            });
            offset += line.len();
        }
    }

    fn push_blank(&self, pieces: &mut Vec<Piece>, text: &str, at: usize) {
        let template = pieces.last().map_or(0, |it: &Piece| it.template.end as usize);
        pieces.push(Piece {
            output: Span::new(at, at + text.len()),
            file: Arc::clone(&self.tracer.file),
            template: Span::new(template, template),
            kind: PieceKind::Text,
            reads: Reads::new(),
            conditions: pieces.last().map_or(vec![], |it| it.conditions.clone()),
        });
    }

    fn conditions<'s>(
        &self,
        site: &'s Site,
        event: &Event,
        near: impl Iterator<Item = &'s usize>,
    ) -> Vec<Arc<Condition>> {
        let decisions = site.decisions.iter().chain(near);
        let condition = |index: &usize| {
            let decision = &self.plan.decisions[*index];
            let span = decision.span;
            let range = span.start_offset as usize..span.end_offset as usize;
            Arc::new(Condition {
                file: Arc::clone(&self.tracer.file),
                template: within(self.tracer.source, range),
                reads: self.close(site, event, &decision.reads),
            })
        };
        decisions.map(condition).collect()
    }

    fn close(&self, site: &Site, event: &Event, reads: &OpenReads) -> Reads {
        reads.iter().map(|it| self.closed(site, event, it)).collect()
    }

    /// Follows a path in the data; a step that can't be known ends it.
    fn closed(&self, site: &Site, event: &Event, path: &OpenPath) -> DataPath {
        let mut value = Some(self.tracer.data);
        let mut closed = vec![];
        for step in path {
            let items = value.and_then(Value::as_list);
            let step = match step {
                Open::Key(key) if items.is_some() => key.parse().ok().map(Step::Index),
                Open::Key(key) => Some(Step::Key(key.as_str().into())),
                Open::Turn(turn, _) if items.is_some() => {
                    event.index.filter(|_| site.turn == Some(*turn)).map(Step::Index)
                }
                Open::Named(name) | Open::Turn(_, name) => {
                    event.names.get(name).map(|it| Step::Key(it.as_str().into()))
                }
            };
            let Some(step) = step else { break };
            value = value.and_then(|it| match &step {
                Step::Key(key) => it.as_map()?.get(key),
                Step::Index(index) => it.as_list()?.get(*index as usize),
            });
            closed.push(step);
        }
        closed
    }
}
