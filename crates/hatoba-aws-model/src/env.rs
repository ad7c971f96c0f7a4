//! What every operation may use besides its own service's state.

use crate::config::Config;
use crate::faults::Faults;
use crate::ids::Minter;
use crate::{apigateway, cloud_map, ecs, s3};
use std::collections::BTreeMap;
use std::time::Duration;

/// Clock reading, ids, agenda and faults for one operation or one event.
pub(crate) struct Env<'a> {
    pub(crate) config: &'a Config,
    pub(crate) now: Duration,
    pub(crate) ids: &'a mut Minter,
    pub(crate) agenda: &'a mut Agenda,
    pub(crate) faults: &'a mut Faults,
}

impl Env<'_> {
    /// Has `event` happen `delay` from now.
    pub(crate) fn after(&mut self, delay: Duration, event: impl Into<Event>) {
        self.agenda.add(self.now + delay, event.into());
    }
}

/// Something AWS does later by itself.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Gateway(apigateway::Event),
    CloudMap(cloud_map::Event),
    Ecs(ecs::Event),
    S3(s3::Event),
}

impl From<apigateway::Event> for Event {
    fn from(event: apigateway::Event) -> Self {
        Self::Gateway(event)
    }
}

impl From<cloud_map::Event> for Event {
    fn from(event: cloud_map::Event) -> Self {
        Self::CloudMap(event)
    }
}

impl From<ecs::Event> for Event {
    fn from(event: ecs::Event) -> Self {
        Self::Ecs(event)
    }
}

impl From<s3::Event> for Event {
    fn from(event: s3::Event) -> Self {
        Self::S3(event)
    }
}

/// Events by due time; those of one instant keep the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    added: u64,
    events: BTreeMap<(Duration, u64), Event>,
}

impl Agenda {
    fn add(&mut self, at: Duration, event: Event) {
        self.added += 1;
        self.events.insert((at, self.added), event);
    }

    /// When the earliest event is due.
    pub(crate) fn next(&self) -> Option<Duration> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// The earliest event due at or before `now`, with its time.
    pub(crate) fn pop_due(&mut self, now: Duration) -> Option<(Duration, Event)> {
        let first = self.events.first_entry()?;
        if first.key().0 > now {
            return None;
        }
        let ((at, _), event) = first.remove_entry();
        Some((at, event))
    }
}
