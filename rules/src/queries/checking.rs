//! What the schemas of an environment say about configs.

use std::sync::Arc;

use wob_engine::Diagnostic;

use super::{EnvironmentInput, LayerList, composition, environment_model, merged};
use crate::{
    InlineSchema, Schemas,
    compose::{self, ConfigValue, SchemaId},
};

/// A composition and the schemas that it must fulfil, as a key.
#[salsa::interned(debug, revisions = usize::MAX)]
pub(super) struct Check<'db> {
    #[returns(copy)]
    list: LayerList<'db>,
    #[returns(ref)]
    schemas: Vec<SchemaId>,
    #[returns(ref)]
    inline: Vec<InlineSchema>,
}

/// The values at which some schemas look, as a key: compositions differ most in others.
#[salsa::interned(debug, revisions = usize::MAX)]
struct View<'db> {
    #[returns(copy)]
    environment: EnvironmentInput,
    #[returns(ref)]
    schemas: Vec<SchemaId>,
    #[returns(ref)]
    inline: Vec<InlineSchema>,
    #[returns(ref)]
    values: Vec<Arc<ConfigValue>>,
}

#[salsa::tracked(returns(ref), no_eq)]
pub(super) fn schemas(
    db: &dyn salsa::Database,
    environment: EnvironmentInput,
) -> (Schemas, Vec<Diagnostic>) {
    let model = environment_model(db, environment);
    let inline: Vec<InlineSchema> =
        model.targets.values().flat_map(|it| &it.config_schemas).cloned().collect();
    Schemas::new(&model.config_schemas, &inline)
}

/// What the schemas that apply say about a composition; most assignments share it with others.
#[salsa::tracked(returns(ref))]
pub(super) fn checked<'db>(db: &'db dyn salsa::Database, check: Check<'db>) -> Vec<Diagnostic> {
    let (list, chosen, inline) = (check.list(db), check.schemas(db), check.inline(db));
    if chosen.is_empty() && inline.is_empty() {
        return vec![];
    }
    let environment = list.environment(db);
    let (schemas, _) = schemas(db, environment);
    let applicable = (schemas, &**chosen, &**inline);
    let values = merged(db, list).config.entries();
    if let Some(seen) = compose::looked_at(applicable, values)
        && passes(db, View::new(db, environment, chosen.clone(), inline.clone(), seen))
    {
        return vec![];
    }
    compose::validate_all(applicable, values, &|| composition(db, list))
}

/// Says whether the schemas find nothing wrong with what they look at.
#[salsa::tracked(returns(copy))]
fn passes<'db>(db: &'db dyn salsa::Database, view: View<'db>) -> bool {
    let (schemas, _) = schemas(db, view.environment(db));
    compose::passes((schemas, &**view.schemas(db), &**view.inline(db)), view.values(db))
}
