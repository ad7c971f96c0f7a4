use hatoba_core::{Field, KindTable, Literal, MarkStyle, ReplaceStyle, Revisions};

use super::content::normal;

/// So many revisions of ours stay: what people roll back to.
pub(super) const KEPT: usize = 10;

/// Nothing of a revision changes in place. Defaults are the normal form's matter: it drops them.
pub(super) static TABLE: KindTable = KindTable {
    kind: "EcsTaskDefinition",
    fields: &[
        Field::new("family").immutable(),
        Field::new("containerDefinitions").immutable(),
        Field::new("cpu").immutable(),
        Field::new("memory").immutable(),
        Field::new("networkMode").default(Literal::Str("bridge")).immutable(),
        Field::new("requiresCompatibilities").immutable(),
        Field::new("taskRoleArn").immutable(),
        Field::new("executionRoleArn").immutable(),
        Field::new("volumes").immutable(),
        Field::new("placementConstraints").immutable(),
        Field::new("pidMode").immutable(),
        Field::new("ipcMode").immutable(),
        Field::new("proxyConfiguration").immutable(),
        Field::new("ephemeralStorage").immutable(),
        Field::new("runtimePlatform").immutable(),
        Field::new("enableFaultInjection").default(Literal::Bool(false)).immutable(),
    ],
    references: &[],
    selectors: &[],
    scope_member: None,
    parent: None,
    name_member: Some("family"),
    marks: MarkStyle::Tags,
    unique: false,
    replace: ReplaceStyle::Revisions(Revisions { kept: KEPT, normal }),
    follows: &[],
    drain: None,
};
