//! The one list of kinds, and everything that is asked of a kind without knowing which it is.

/// Makes the closed enum of kinds and its dispatch. Adding a kind is one line here.
///
/// Each kind's future has a place of its own: a pass that held room for all of them would not fit on a thread's stack.
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

            /// The call that a write begins with, where the kind says so.
            pub(crate) fn operation_said(self, action: &Action) -> Option<&'static Operation> {
                match self { $(KindId::$kind => <$module::$kind as Kind>::operation(action),)+ }
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

            /// The JSON Schema of `spec`.
            pub fn schema(self) -> schemars::Schema {
                match self { $(KindId::$kind => schemars::schema_for!(<$module::$kind as Kind>::Spec),)+ }
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
            pub async fn list(self, aws: &Aws, scope: &str, interest: &Interest) -> Result<Vec<Object>, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::list(aws, scope, interest)).await,)+ }
            }

            /// Carries out one write.
            ///
            /// # Errors
            /// What AWS refused, or that no answer came.
            pub async fn execute(self, aws: &Aws, action: &Action) -> Result<Answer, CallError> {
                match (self, action) {
                    $(
                        (KindId::$kind, Action::Create(creation)) => Box::pin($module::$kind::create(aws, creation)).await,
                        (KindId::$kind, Action::Update(change)) => Box::pin($module::$kind::update(aws, change)).await,
                        (KindId::$kind, Action::Clear { target, operation, .. }) => Box::pin($module::$kind::clear(aws, target, operation)).await,
                        (KindId::$kind, Action::Tag { target, tags }) => Box::pin($module::$kind::tag(aws, target, tags)).await,
                        (KindId::$kind, Action::Delete(target)) => Box::pin($module::$kind::delete(aws, target)).await,
                        (KindId::$kind, Action::Evict { target, entry }) => Box::pin($module::$kind::evict(aws, target, entry)).await,
                        (KindId::$kind, Action::Refresh(target)) => Box::pin($module::$kind::refresh(aws, target)).await,
                    )+
                }
            }

            /// What AWS keeps in a resource, and would refuse its delete for.
            ///
            /// # Errors
            /// When it cannot be listed.
            pub async fn entries(self, aws: &Aws, target: &Target) -> Result<Vec<Entry>, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::entries(aws, target)).await,)+ }
            }

            /// Looks at an operation that a write began; `made`: what it makes, where it makes something.
            ///
            /// # Errors
            /// When AWS does not answer.
            pub async fn poll(self, aws: &Aws, operation: &str, made: Option<&Creation>) -> Result<Progress, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::poll(aws, operation, made)).await,)+ }
            }

            /// Who uses a resource, beyond what lists of our own kinds show.
            ///
            /// # Errors
            /// When that cannot be read.
            pub async fn users(self, aws: &Aws, target: &Target) -> Result<BTreeSet<String>, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::users(aws, target)).await,)+ }
            }

            /// What of a change AWS has tried already and given up.
            ///
            /// # Errors
            /// When that cannot be read.
            pub async fn given_up(self, aws: &Aws, change: &Change) -> Result<Option<GivenUp>, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::given_up(aws, change)).await,)+ }
            }

            /// Scopes and names that may hold resources of ours though no document names them.
            ///
            /// # Errors
            /// When a list cannot be read.
            pub async fn discover(self, aws: &Aws) -> Result<BTreeMap<String, BTreeSet<String>>, CallError> {
                match self { $(KindId::$kind => Box::pin($module::$kind::discover(aws)).await,)+ }
            }
        }
    };
}
pub(crate) use registry;
