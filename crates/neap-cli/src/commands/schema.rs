//! `neap schema`: JSON Schemas of what neap reads and of what it prints.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use crate::args::{SchemaArguments, SchemaOf};
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::json::{self, AdoptionView, CheckView, Line, PlanView, StatusView, UnlockView};
use crate::session::Session;

/// Prints the schema.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &SchemaArguments,
) -> Result<Exit, CommandError> {
    session.ui.out(&json::pretty(&schema(arguments.of)));
    Ok(Exit::Done)
}

/// The schema of what `of` names.
pub(crate) fn schema(of: SchemaOf) -> Value {
    match of {
        SchemaOf::Stack => neap_core::config::schema(),
        SchemaOf::Plan => of_output::<PlanView>(),
        SchemaOf::Events => of_output::<Line>(),
        SchemaOf::Status => of_output::<StatusView>(),
        SchemaOf::Adoption => of_output::<AdoptionView>(),
        SchemaOf::Unlock => of_output::<UnlockView>(),
        SchemaOf::Check => of_output::<CheckView>(),
    }
}

/// The schema of what `T` looks like once it is printed.
fn of_output<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}
