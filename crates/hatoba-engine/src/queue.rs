//! The work queue, with client-go's semantics and no clock of its own.
//!
//! A key is queued once, however often it is added; a key that is being worked on and is added again is
//! queued when it is done; so one key is never worked on twice at once, and no trigger is lost.

use std::collections::{BTreeMap, BTreeSet};

use hatoba_core::Key;
use tokio::time::Instant;

/// What goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// A document changed, or something it waits for.
    Change,
    /// A difference is being put right, or looked at again.
    Repair,
    /// The periodic look at everything.
    Sweep,
}

#[derive(Debug, Default)]
pub(crate) struct Queue {
    ready: BTreeMap<(Priority, u64), Key>,
    queued: BTreeMap<Key, (Priority, u64, Instant)>,
    delayed: BTreeMap<(Instant, u64), Key>,
    delays: BTreeMap<Key, (Instant, u64)>,
    working: BTreeSet<Key>,
    again: BTreeMap<Key, Priority>,
    next: u64,
}

impl Queue {
    /// Queues a key, or raises its priority.
    pub(crate) fn add(&mut self, key: Key, priority: Priority, now: Instant) {
        if self.working.contains(&key) {
            let again = self.again.entry(key).or_insert(priority);
            *again = priority.min(*again);
            return;
        }
        let since = match self.queued.get(&key) {
            Some((queued, _, _)) if *queued <= priority => return,
            Some((queued, number, since)) => {
                let (place, since) = ((*queued, *number), *since);
                self.ready.remove(&place);
                since
            }
            None => now,
        };
        self.next += 1;
        self.ready.insert((priority, self.next), key.clone());
        self.queued.insert(key, (priority, self.next, since));
    }

    /// Queues a key at a later time; the earliest time counts.
    pub(crate) fn add_at(&mut self, key: Key, at: Instant) {
        match self.delays.get(&key) {
            Some((due, _)) if *due <= at => return,
            Some(place) => drop(self.delayed.remove(place)),
            None => {}
        }
        self.next += 1;
        self.delayed.insert((at, self.next), key.clone());
        self.delays.insert(key, (at, self.next));
    }

    /// The next key to work on.
    pub(crate) fn next(&mut self, now: Instant) -> Option<Key> {
        while let Some(((at, number), key)) =
            self.delayed.first_key_value().map(|(place, key)| (*place, key.clone()))
        {
            if at > now {
                break;
            }
            self.delayed.remove(&(at, number));
            self.delays.remove(&key);
            self.add(key, Priority::Repair, now);
        }
        let (_, key) = self.ready.pop_first()?;
        self.queued.remove(&key);
        self.working.insert(key.clone());
        Some(key)
    }

    /// Whether a key is due, worked on, or put off.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.queued.contains_key(key) || self.working.contains(key) || self.delays.contains_key(key)
    }

    /// A key's work is over.
    pub(crate) fn done(&mut self, key: &Key, now: Instant) {
        self.working.remove(key);
        if let Some(priority) = self.again.remove(key) {
            self.add(key.clone(), priority, now);
        }
    }

    /// When the next delayed key is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.delayed.first_key_value().map(|((at, _), _)| *at)
    }

    /// Whether nothing is due and nothing is being worked on.
    pub(crate) fn is_idle(&self) -> bool {
        self.ready.is_empty() && self.working.is_empty()
    }

    /// Keys that are due and not worked on, and for how long the oldest has been.
    pub(crate) fn depth(&self, now: Instant) -> (usize, f64) {
        let oldest = self.queued.values().map(|(_, _, since)| *since).min();
        let oldest = oldest.map_or(0.0, |since| now.saturating_duration_since(since).as_secs_f64());
        (self.ready.len(), oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn key(name: &str) -> Key {
        Key::new("Widget", name)
    }

    #[test]
    fn a_key_is_queued_once_and_the_more_urgent_goes_first() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(key("a"), Priority::Sweep, now);
        queue.add(key("b"), Priority::Sweep, now);
        queue.add(key("b"), Priority::Change, now);
        queue.add(key("b"), Priority::Sweep, now);
        assert_eq!(queue.depth(now).0, 2);
        assert_eq!(queue.next(now), Some(key("b")));
        assert_eq!(queue.next(now), Some(key("a")));
        assert_eq!(queue.next(now), None);
    }

    #[test]
    fn a_key_in_work_is_never_worked_on_twice_and_not_forgotten() {
        let now = Instant::now();
        let mut queue = Queue::default();
        queue.add(key("a"), Priority::Change, now);
        assert_eq!(queue.next(now), Some(key("a")));
        queue.add(key("a"), Priority::Change, now);
        assert_eq!(queue.next(now), None);
        assert!(!queue.is_idle());
        queue.done(&key("a"), now);
        assert_eq!(queue.next(now), Some(key("a")));
        queue.done(&key("a"), now);
        assert!(queue.is_idle());
    }

    #[test]
    fn the_earliest_delay_counts() {
        let now = Instant::now();
        let later = |seconds| now + Duration::from_secs(seconds);
        let mut queue = Queue::default();
        queue.add_at(key("a"), later(10));
        queue.add_at(key("a"), later(5));
        queue.add_at(key("a"), later(20));
        assert_eq!(queue.next_due(), Some(later(5)));
        assert_eq!(queue.next(later(4)), None);
        assert_eq!(queue.next(later(5)), Some(key("a")));
        assert_eq!(queue.next_due(), None);
    }
}
