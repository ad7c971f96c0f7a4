//! A registry by its entries: whether any of them can be sent a request.

use super::{Health, Truth};
use crate::Cause;

/// How many there are of something: `tasks`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) count: u64,
    pub(super) noun: &'static str,
}

impl Counted {
    /// `no task runs`, `1 task runs`, `2 tasks run`.
    fn told(self, one: &str, many: &str) -> String {
        let Counted { count, noun } = self;
        let single = noun.strip_suffix('s').unwrap_or(noun);
        match count {
            0 => format!("no {single} {one}"),
            1 => format!("1 {single} {one}"),
            count => format!("{count} {noun} {many}"),
        }
    }
}

/// How the entries of a registry are, and whether it is to be asked: its own count first, and the health of each entry
/// only where that and what runs behind it disagree. One reason for all that leaves nobody to send a request to.
pub(super) fn judge(
    noun: &'static str,
    own: Option<u64>,
    running: Option<Counted>,
    health: Option<Result<Health, Cause>>,
) -> ((Truth, Cause), bool) {
    let none = |message: String| Cause::new("NoHealthyInstance", message);
    let well = || (Truth::True, Cause::new("Serving", "it works"));
    // The cause is behind it, and speaks there.
    let empty = || (Truth::Unknown, none(format!("no {noun}, for nothing behind it runs")));
    match (own, running.map(|running| running.count)) {
        (Some(own), Some(running)) if own == running && own > 0 => return (well(), false),
        (Some(0), Some(0)) => return (empty(), false),
        (Some(own), None) if own > 0 => return (well(), false),
        _ => {}
    }
    let registered = |count| Counted { count, noun }.told("is registered", "are registered");
    let and_runs =
        running.map(|running| format!(", and {}", running.told("runs", "run"))).unwrap_or_default();
    let verdict = match health {
        None => {
            let told = match own {
                Some(own) => format!("{}{and_runs}", registered(own)),
                None => format!("how many {noun} are registered is not told"),
            };
            (Truth::Unknown, Cause::new("HealthUnknown", format!("{told}; their health is asked for")))
        }
        Some(Err(cause)) => (Truth::Unknown, cause),
        Some(Ok(health)) if health.healthy + health.unknown > 0 => well(),
        Some(Ok(Health { unhealthy: 0, .. })) if running.is_some_and(|running| running.count == 0) => empty(),
        Some(Ok(Health { unhealthy: 0, .. })) => (Truth::False, none(format!("{}{and_runs}", registered(0)))),
        Some(Ok(Health { unhealthy, .. })) => {
            let told = Counted { count: u64::try_from(unhealthy).unwrap_or(u64::MAX), noun }
                .told("is registered, and it is", "are registered, and all are");
            (Truth::False, none(format!("{told} unhealthy")))
        }
    };
    (verdict, true)
}
