//! What it takes to be a kind: a table, a spec, and a driver.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use hatoba_core::{
    Action, Cause, Change, Creation, Deployments, Health, Hop, KindTable, Mark, Members, Object, Reference,
    Seen, TagChange, Target,
};
use hatoba_shapes::Limit;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::aws::Aws;
use crate::error::{CallError, Disposition};
use crate::quota::Operation;
use crate::terraform::Terraform;

/// One kind of AWS resource. The folder of a kind holds its spec, its table and its driver.
pub(crate) trait Kind {
    /// What operators write under `spec`, and AWS's members of the same names.
    type Spec: DeserializeOwned + JsonSchema;

    /// The kind as data.
    const TABLE: &'static KindTable;

    /// A sample document, shown by the reference and checked by a test.
    const SAMPLE: &'static str;

    /// Every operation that the driver calls.
    const OPERATIONS: &'static [Operation];

    /// Whether a list depends on the names that matter: tags are read one by one, or services are asked for by name.
    const LISTS_BY_NAME: bool = false;

    /// AWS's own limits of the members, from the service model.
    const LIMITS: Option<Limits> = None;

    /// AWS's requests whose members documents of this kind carry: the service model's folder, the requests.
    const REQUESTS: Requests;

    /// How its resources stand in a Terraform state.
    const TERRAFORM: Terraform;

    /// Members that AWS moves by itself where somebody told it to: `import` has them written at creation only.
    const MOVED: &'static [&'static str] = &[];

    /// Whether the member that is AWS's name may be left out, for `metadata.name` is one.
    const NAMED_AFTER_DOCUMENT: bool = true;

    /// Members of those requests that documents do not carry, and why.
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[];

    /// The deployments that the controller makes for it, where it serves a copy of its siblings.
    const DEPLOYMENTS: Option<&'static Deployments> = None;

    /// Its part in the chains that answer requests.
    const HOP: Option<&'static Hop> = None;

    /// Worth saying of a resource that is as its document says: what others did to it that keeps it from its work.
    fn notes(_wanted: &Members, _have: &Members) -> Vec<Cause> {
        Vec::new()
    }

    /// The call that a write begins with, where its name does not tell.
    fn operation(_action: &Action) -> Option<&'static Operation> {
        None
    }

    /// Members of AWS's, or computed ones, that documents may not state: the path, and a sentence why. `[]` stands for
    /// each item of a list, `{}` for each entry of a map.
    const REFUSED: &'static [(&'static str, &'static str)] = &[];

    /// Rules across members as they were written, references and selectors among them.
    fn check_written(_spec: &Members) -> Vec<Problem> {
        Vec::new()
    }

    /// Rules across members, on the members as stated.
    fn check(_members: &Members) -> Vec<Problem> {
        Vec::new()
    }

    /// Rules that depend on which documents are named.
    fn check_references(_members: &Members, _references: &[Reference]) -> Vec<Problem> {
        Vec::new()
    }

    /// The output of a named document that fills a member, where the table's would do only for some of them: what is not
    /// what the other members need is waited for.
    fn output_for(_members: &Members, _reference: &Reference) -> Option<&'static str> {
        None
    }

    /// Brings what operators may write into the members that AWS takes.
    fn adapt(_members: &mut Members) {}

    /// Takes out what AWS shows of a resource, and whoever makes one need not say.
    fn retell(_members: &mut Members) {}

    /// What people would call a resource that AWS gives no name, by what its document says.
    fn called(_spec: &Members) -> Option<String> {
        None
    }

    /// Every resource of the kind in a scope, from complete lists.
    fn list(
        aws: &Aws,
        scope: &str,
        interest: &Interest,
    ) -> impl Future<Output = Result<Vec<Object>, CallError>> + Send;

    /// Makes a resource.
    fn create(aws: &Aws, creation: &Creation) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// Puts the differing members right in one call.
    fn update(aws: &Aws, change: &Change) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// Removes a member by a call of its own, where the table says `ClearedBy`.
    fn clear(
        _aws: &Aws,
        _target: &Target,
        operation: &str,
    ) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let error = CallError::unbuildable(
            &Self::OPERATIONS[0],
            format!("{} has no call {operation}", Self::TABLE.kind),
        );
        async move { Err(error) }
    }

    /// Puts tags right.
    fn tag(
        _aws: &Aws,
        _target: &Target,
        _tags: &TagChange,
    ) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let error =
            CallError::unbuildable(&Self::OPERATIONS[0], format!("{} takes no tags", Self::TABLE.kind));
        async move { Err(error) }
    }

    /// Removes a resource; gone already is done.
    fn delete(aws: &Aws, target: &Target) -> impl Future<Output = Result<Answer, CallError>> + Send;

    /// What AWS keeps in a resource, and would refuse its delete for.
    fn entries(_aws: &Aws, _target: &Target) -> impl Future<Output = Result<Vec<Entry>, CallError>> + Send {
        async { Ok(Vec::new()) }
    }

    /// How the entries of a resource are that others enter themselves in; `None`: it is no such resource.
    fn health(
        _aws: &Aws,
        _target: &Target,
    ) -> impl Future<Output = Result<Option<Health>, CallError>> + Send {
        async { Ok(None) }
    }

    /// Takes one entry out of a resource.
    fn evict(
        _aws: &Aws,
        _target: &Target,
        entry: &str,
    ) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let error = CallError::unbuildable(
            &Self::OPERATIONS[0],
            format!("{} has no entry {entry}", Self::TABLE.kind),
        );
        async move { Err(error) }
    }

    /// Rolls a resource out anew as it is.
    fn refresh(_aws: &Aws, _target: &Target) -> impl Future<Output = Result<Answer, CallError>> + Send {
        let error =
            CallError::unbuildable(&Self::OPERATIONS[0], format!("{} rolls nothing out", Self::TABLE.kind));
        async move { Err(error) }
    }

    /// Looks at an operation that a write began; `made`: what it makes, where it makes something.
    fn poll(
        _aws: &Aws,
        operation: &str,
        _made: Option<&Creation>,
    ) -> impl Future<Output = Result<Progress, CallError>> + Send {
        let error = CallError::unbuildable(
            &Self::OPERATIONS[0],
            format!("{} has no operation {operation}", Self::TABLE.kind),
        );
        async move { Err(error) }
    }

    /// Who uses a resource, beyond what lists of our own kinds show; read just before it is removed.
    fn users(
        _aws: &Aws,
        _target: &Target,
    ) -> impl Future<Output = Result<BTreeSet<String>, CallError>> + Send {
        async { Ok(BTreeSet::new()) }
    }

    /// What of a change AWS has tried already and given up; read just before the change is sent.
    fn given_up(
        _aws: &Aws,
        _change: &Change,
    ) -> impl Future<Output = Result<Option<GivenUp>, CallError>> + Send {
        async { Ok(None) }
    }

    /// Scopes and names that may hold resources of ours though no document of ours names them.
    fn discover(
        _aws: &Aws,
    ) -> impl Future<Output = Result<BTreeMap<String, BTreeSet<String>>, CallError>> + Send {
        async { Ok(BTreeMap::new()) }
    }
}

/// Why `null` is refused for some members.
pub(crate) const NOT_CLEARABLE: &str =
    "AWS cannot take it away once it is set: state another value, or leave it out, which leaves it as it is";

/// Why a member that only WebSocket APIs have is refused.
pub(crate) const WEBSOCKET_ONLY: &str = "it is for WebSocket APIs, and this is for HTTP APIs";

/// A generated table of limits, and the structure in it that `spec` is.
pub(crate) type Limits = (&'static [Limit], &'static str);

/// A service model (`apigatewayv2/2018-11-29`), and requests in it.
pub(crate) type Requests = (&'static str, &'static [&'static str]);

/// Something wrong across members: path within `spec`, sentence, hint, and the rule of [`crate::RULES`] that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    pub(crate) rule: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(path: impl Into<String>, message: impl Into<String>, hint: &str) -> Self {
        Problem {
            path: path.into(),
            message: message.into(),
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            rule: None,
        }
    }

    /// The same as said by a rule of the table: where one document shows it, its kind's own check says it.
    #[must_use]
    pub(crate) fn rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }
}

/// Work that waits for AWS. What is behind it is compiled in this crate: a bare future's code is made anew by every
/// program that waits for it, which takes most of the time of a build.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a list is wanted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Natural keys of the scope's documents and of resources known to be ours.
    pub names: BTreeSet<String>,
    /// Whether resources of ours that no document names are looked for too.
    pub everything: bool,
    /// Natural keys of documents that state what lists do not show.
    pub details: BTreeSet<String>,
}

impl Interest {
    /// Whether the tags of a resource of that name matter.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.everything || self.names.contains(name)
    }
}

/// Something that AWS keeps in a resource, and would refuse its delete for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its id in the resource.
    pub id: String,
    /// The resource that AWS entered it for; `None`: somebody entered it by hand.
    pub registrar: Option<Registrar>,
}

/// A resource for which AWS makes entries in another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Registrar {
    /// The kind of its document.
    pub kind: &'static str,
    /// Where it stands.
    pub scope: String,
    /// Its id there.
    pub id: String,
}

impl std::fmt::Display for Registrar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} in {}", self.kind, self.id, self.scope)
    }
}

/// What AWS answered to a write.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The resource as it is now.
    Object(Box<Object>),
    /// An operation that is to be polled.
    Operation(String),
    /// The same, begun by an earlier request, which may have asked for something else.
    Earlier(String),
    /// Done, and what was asked for is there now.
    Done,
    /// Done; only the next list says what is there now.
    Listed,
    /// The resource is gone.
    Gone,
}

impl Answer {
    pub(crate) fn object(object: Object) -> Self {
        Answer::Object(Box::new(object))
    }
}

/// Fields that AWS has tried to change as asked, and has changed back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// Their paths.
    pub fields: BTreeSet<String>,
    /// Why AWS gave up.
    pub cause: Cause,
}

/// How an operation stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// Not finished.
    Running,
    /// Finished well; what it made.
    Done(Option<Box<Object>>),
    /// Finished badly.
    Failed(Cause),
    /// AWS does not know it (any more).
    Forgotten,
}

/// The mark and the tags that a list showed.
pub(crate) fn marked(
    tags: Option<BTreeMap<String, String>>,
) -> (Seen<Mark>, Option<BTreeMap<String, String>>) {
    let mark = match &tags {
        Some(tags) => Mark::from_tags(tags).map_or(Seen::Absent, Seen::Present),
        None => Seen::Unknown(Cause::new("TagsUnread", "the tags have not been read")),
    };
    (mark, tags)
}

/// Everything that a list call's pages hold; half a listing is an error.
pub(crate) async fn pages<T, F, Next>(operation: &Operation, mut page: F) -> Result<Vec<T>, CallError>
where
    F: FnMut(Option<String>) -> Next,
    Next: Future<Output = Result<(Vec<T>, Option<String>), CallError>>,
{
    let mut all = Vec::new();
    let mut token: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let (items, next) = page(token.clone()).await?;
        all.extend(items);
        match next.filter(|next| !next.is_empty()) {
            None => return Ok(all),
            next if next == token => return Err(CallError::nonsense(operation, "the same page token twice")),
            next => token = next,
        }
    }
    Err(CallError::nonsense(operation, "the pages do not end"))
}

/// A page of what stands in a parent; a parent that is gone holds nothing.
///
/// # Errors
/// Anything but that.
pub(crate) fn none_if_gone<T>(page: Result<Page<T>, CallError>) -> Result<Page<T>, CallError> {
    match page {
        Err(error) if error.disposition == Disposition::Gone => Ok((Vec::new(), None)),
        page => page,
    }
}

/// What became of a delete, which AWS answered so; gone already is done.
///
/// # Errors
/// Anything but that.
pub(crate) fn deleted<T>(result: Result<T, CallError>, answered: Answer) -> Result<Answer, CallError> {
    match result {
        Ok(_) => Ok(answered),
        Err(error) if error.disposition == Disposition::Gone => Ok(Answer::Gone),
        Err(error) => Err(error),
    }
}

/// The items of a page, and the token of the next one.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// More pages than this is no answer: no quota of ours allows 1,000 pages of 25.
const PAGES_MAX: usize = 1_000;

/// Reads AWS members into a kind's spec, which has the same names.
///
/// # Errors
/// When a member has another type than AWS takes; validation lets none through.
pub(crate) fn spec<S: DeserializeOwned>(operation: &Operation, members: &Members) -> Result<S, CallError> {
    serde_json::from_value(serde_json::Value::Object(members.clone()))
        .map_err(|error| CallError::unbuildable(operation, error.to_string()))
}

/// AWS members as JSON, from a kind's spec.
pub(crate) fn members<S: serde::Serialize>(spec: &S) -> Members {
    match serde_json::to_value(spec) {
        Ok(serde_json::Value::Object(members)) => members,
        // A spec is a struct of plain data: it always serialises to an object.
        _ => Members::new(),
    }
}
