//! S6, and S4 of twins: nothing goes that somebody uses, by what the process that deletes it can know.

use std::time::Duration;

use serde_json::Value;

use super::{DEPLOYED, Made, SIGHT, Witness};
use crate::call::Call;
use crate::judge;
use crate::truth::{Thing, Things};

impl Witness {
    /// S1, S6: of a registry goes what ECS entered for tasks that are gone. What people entered stays.
    pub(crate) fn judge_eviction(&mut self, call: &Call, instance: &Value, things: &Things) {
        let (process, id) = (call.process, &instance["Id"]);
        let Some(service) = instance["Attributes"]["ECS_SERVICE_NAME"].as_str() else {
            self.violated(format!("S1: process {process} takes out {id}, which people registered"));
            return;
        };
        let service = format!("tasks:main/{service}");
        let lives = things.get(&service).is_some_and(|thing| !thing.is_leaving());
        if lives && !self.is_fresh(&service, call) {
            self.violated(format!("S6: process {process} takes out {id}, and {service} is there"));
        }
    }

    /// S6: nobody uses it.
    pub(super) fn judge_use(&mut self, call: &Call, before: &Things, id: &str, thing: &Thing) {
        // Another process may just have led it there.
        let is_news = |user: &String| {
            let changed = self.changed.get(user).filter(|(at, process)| {
                // Or that itself, when it had given this up.
                *process != Some(call.process) || *at > call.sent_at && self.given_up.contains(&call.number)
            });
            changed.is_some_and(|(at, _)| *at + SIGHT + self.lag >= call.sent_at)
        };
        let users = judge::users(before, thing).into_iter();
        // What it made itself is no news to a process.
        let is_own = |user: &String| {
            let is_told = |at: Duration| at <= call.sent_at || !self.given_up.contains(&call.number);
            let is_it = |made: &Made| {
                made.id == *user && made.process == call.process && made.known_at.is_some_and(is_told)
            };
            self.made.iter().any(is_it) && !self.was_touched_lately(user, call)
        };
        // AWS tells who is entered in a registry, and not which of other people's services would enter tasks.
        let is_told_by_aws = |user: &String| {
            thing.collection == "discovery"
                && before.get(user).is_some_and(|user| user.collection == "tasks" && !user.is_ours())
        };
        let may_be_unseen = |user: &String| {
            (self.is_fresh(user, call) && !is_own(user)) || is_news(user) || is_told_by_aws(user)
        };
        let users: Vec<String> = users.filter(|user| !may_be_unseen(user)).collect();
        if let Some(user) = users.first() {
            self.violated(format!("S6: process {} deletes {id}, which {user} uses", call.process));
        }
    }

    /// Who is asked for no API and may not list them leaves it to AWS, which refuses to delete a link that is used.
    pub(super) fn leaves_it_to_aws(&self, call: &Call, thing: &Thing) -> bool {
        let is_asked_for = self.present.iter().any(|document| document.starts_with("HttpApi/"));
        thing.collection == "vpcLinks" && !is_asked_for && self.may_not_list.get(&call.process) == Some(&true)
    }

    /// S6: what was replaced goes when what is deployed cannot lead to it either.
    pub(super) fn judge_haste(&mut self, call: &Call, before: &Things, id: &str, thing: &Thing) {
        let Some(left) = self.last_used.get(id).filter(|_| judge::is_superseded(before, thing)) else {
            return;
        };
        let since = call.sent_at.saturating_sub(*left);
        // Nobody used it when this was sent; it was taken up again while this was on its way.
        let is_news = *left > call.sent_at && !self.deletes_what_is_used.contains(&call.number);
        if since < DEPLOYED && !is_news && !self.has_two_leaders {
            let process = call.process;
            self.violated(format!(
                "S6: process {process} deletes {id}, which was in use {since:?} ago and may still be deployed"
            ));
        }
    }

    /// S4: of twins that nobody uses the oldest stays: every process chooses the same one.
    pub(super) fn judge_choice(&mut self, call: &Call, before: &Things, id: &str, thing: &Thing) {
        let born = |id: &String| self.born.get(id).copied().unwrap_or_default();
        let twins = judge::equal_twins(before, id, thing);
        let is_oldest = twins.iter().all(|other| born(&id.to_owned()) < born(other));
        let chosen = twins.into_iter().find(|other| is_oldest && !self.is_fresh(other, call));
        if let Some(other) = chosen.cloned() {
            let process = call.process;
            self.violated(format!("S4: process {process} deletes {id}, and {other} is younger and stays"));
        }
    }
}
