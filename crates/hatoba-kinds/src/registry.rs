//! The one list of kinds, and everything that is asked of a kind without knowing which it is.

/// Makes the closed enum of kinds and its dispatch. Adding a kind is one line here.
///
/// Each kind's future has a place of its own: a pass that held room for all of them would not fit on a thread's stack.
/// It is a [`Work`](crate::Work), so that its code is made here, and not once more in every program.
macro_rules! registry {
    ($($module:ident :: $kind:ident),+ $(,)?) => {
        $(pub(crate) mod $module;)+

        /// A kind of document.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum KindId {
            $(
                #[doc = concat!("`", stringify!($kind), "`")]
                $kind,
            )+
        }

        impl KindId {
            /// Every kind, in the order in which an empty account would be filled.
            pub const ALL: &[KindId] = &[$(KindId::$kind),+];

            /// The kind of that name in documents.
            pub fn of(name: &str) -> Option<KindId> {
                $(if name == <$module::$kind as Kind>::TABLE.kind {
                    return Some(KindId::$kind);
                })+
                None
            }

            /// The kind as data.
            pub fn table(self) -> &'static KindTable {
                match self { $(KindId::$kind => <$module::$kind as Kind>::TABLE,)+ }
            }

            /// Whether a list depends on the names in its [`Interest`].
            pub fn lists_by_name(self) -> bool {
                match self { $(KindId::$kind => <$module::$kind as Kind>::LISTS_BY_NAME,)+ }
            }

            /// The deployments that the controller makes for it, if any.
            pub fn deployments(self) -> Option<&'static Deployments> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::DEPLOYMENTS,)+ }
            }

            /// The part of its resources in the chains that answer requests, if they have one.
            pub fn hop(self) -> Option<&'static Hop> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::HOP,)+ }
            }

            /// The call that a write begins with, where the kind says so.
            pub(crate) fn operation_said(self, action: &Action) -> Option<&'static Operation> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::operation(action),)+ }
            }

            /// What is worth saying of a resource beside its differences; `wanted`: what the document states.
            pub fn notes(self, wanted: &Members, have: &Members) -> Vec<Cause> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::notes(wanted, have),)+ }
            }

            /// A sample document.
            pub fn sample(self) -> &'static str {
                match self { $(KindId::$kind => <$module::$kind as Kind>::SAMPLE,)+ }
            }

            /// Every AWS operation that the kind's driver calls.
            pub fn operations(self) -> &'static [Operation] {
                match self { $(KindId::$kind => <$module::$kind as Kind>::OPERATIONS,)+ }
            }

            /// The service model and the requests whose members documents of the kind carry.
            pub fn requests(self) -> (&'static str, &'static [&'static str]) {
                match self { $(KindId::$kind => <$module::$kind as Kind>::REQUESTS,)+ }
            }

            /// Members of those requests that documents do not carry, those that are refused with a sentence among
            /// them, and why; `[]` for each item of a list.
            pub fn left_out(self) -> impl Iterator<Item = (&'static str, &'static str)> {
                let (left_out, refused) = match self {
                    $(KindId::$kind => (<$module::$kind as Kind>::LEFT_OUT, <$module::$kind as Kind>::REFUSED),)+
                };
                left_out.iter().chain(refused).copied()
            }

            /// How resources of the kind stand in a Terraform state.
            pub fn terraform(self) -> &'static Terraform {
                match self { $(KindId::$kind => &<$module::$kind as Kind>::TERRAFORM,)+ }
            }

            /// Members that AWS moves by itself where somebody told it to.
            pub(crate) fn moved(self) -> &'static [&'static str] {
                match self { $(KindId::$kind => <$module::$kind as Kind>::MOVED,)+ }
            }

            /// Takes out what AWS shows, and whoever makes a resource need not say.
            pub(crate) fn retell(self, members: &mut Members) {
                match self { $(KindId::$kind => <$module::$kind as Kind>::retell(members),)+ }
            }

            /// What people would call a resource that AWS gives no name.
            pub(crate) fn called(self, spec: &Members) -> Option<String> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::called(spec),)+ }
            }

            /// Whether AWS's name is the document's where the spec gives none.
            pub(crate) fn is_named_after_document(self) -> bool {
                match self { $(KindId::$kind => <$module::$kind as Kind>::NAMED_AFTER_DOCUMENT,)+ }
            }

            /// The JSON Schema of `spec`.
            pub fn schema(self) -> schemars::Schema {
                match self { $(KindId::$kind => schemars::schema_for!(<$module::$kind as Kind>::Spec),)+ }
            }

            /// The JSON Schema of `spec`, as a definition beside others.
            pub(crate) fn define(self, generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                match self { $(KindId::$kind => generator.subschema_for::<<$module::$kind as Kind>::Spec>(),)+ }
            }

            /// AWS's own limits of the members of `spec`.
            pub(crate) fn limits(self) -> Option<kind::Limits> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::LIMITS,)+ }
            }

            /// Reads a document of this kind.
            ///
            /// # Errors
            /// Everything that is wrong with it.
            pub fn compile(self, document: &Document) -> Result<Desired, Vec<Diagnostic>> {
                match self { $(KindId::$kind => compile::compile::<$module::$kind>(document),)+ }
            }

            /// Every resource of the kind in a scope.
            ///
            /// # Errors
            /// When any page cannot be read.
            pub fn list<'a>(self, aws: &'a Aws, scope: &'a str, interest: &'a Interest) -> Work<'a, Result<Vec<Object>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::list(aws, scope, interest)),)+ }
            }

            /// Carries out one write.
            ///
            /// # Errors
            /// What AWS refused, or that no answer came.
            pub fn execute<'a>(self, aws: &'a Aws, action: &'a Action) -> Work<'a, Result<Answer, CallError>> {
                crate::aws::as_one_action(match (self, action) {
                    $(
                        (KindId::$kind, Action::Create(creation)) => Box::pin($module::$kind::create(aws, creation)),
                        (KindId::$kind, Action::Update(change)) => Box::pin($module::$kind::update(aws, change)),
                        (KindId::$kind, Action::Clear { target, operation, .. }) => Box::pin($module::$kind::clear(aws, target, operation)),
                        (KindId::$kind, Action::Tag { target, tags }) => Box::pin($module::$kind::tag(aws, target, tags)),
                        (KindId::$kind, Action::Delete(target)) => Box::pin($module::$kind::delete(aws, target)),
                        (KindId::$kind, Action::Evict { target, entry }) => Box::pin($module::$kind::evict(aws, target, entry)),
                        (KindId::$kind, Action::Refresh(target)) => Box::pin($module::$kind::refresh(aws, target)),
                    )+
                })
            }

            /// What AWS keeps in a resource, and would refuse its delete for.
            ///
            /// # Errors
            /// When it cannot be listed.
            pub fn entries<'a>(self, aws: &'a Aws, target: &'a Target) -> Work<'a, Result<Vec<Entry>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::entries(aws, target)),)+ }
            }

            /// How the entries of a resource are that others enter themselves in.
            ///
            /// # Errors
            /// When AWS does not say.
            pub fn health<'a>(self, aws: &'a Aws, target: &'a Target) -> Work<'a, Result<Option<Health>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::health(aws, target)),)+ }
            }

            /// Looks at an operation that a write began; `made`: what it makes, where it makes something.
            ///
            /// # Errors
            /// When AWS does not answer.
            pub fn poll<'a>(self, aws: &'a Aws, operation: &'a str, made: Option<&'a Creation>) -> Work<'a, Result<Progress, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::poll(aws, operation, made)),)+ }
            }

            /// Who uses a resource, beyond what lists of our own kinds show.
            ///
            /// # Errors
            /// When that cannot be read.
            pub fn users<'a>(self, aws: &'a Aws, target: &'a Target) -> Work<'a, Result<BTreeSet<String>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::users(aws, target)),)+ }
            }

            /// What of a change AWS has tried already and given up.
            ///
            /// # Errors
            /// When that cannot be read.
            pub fn given_up<'a>(self, aws: &'a Aws, change: &'a Change) -> Work<'a, Result<Option<GivenUp>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::given_up(aws, change)),)+ }
            }

            /// Scopes and names that may hold resources of ours though no document names them.
            ///
            /// # Errors
            /// When a list cannot be read.
            pub fn discover<'a>(self, aws: &'a Aws) -> Work<'a, Result<BTreeMap<String, BTreeSet<String>>, CallError>> {
                match self { $(KindId::$kind => Box::pin($module::$kind::discover(aws)),)+ }
            }
        }
    };
}
pub(crate) use registry;
