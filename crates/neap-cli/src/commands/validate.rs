//! `neap validate`: the stack file alone, without any cloud.

use serde_json::json;

use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::{json, style};
use crate::session::Session;

/// Says whether the stack file is valid.
pub(crate) fn run<C: Connect>(session: &mut Session<C>) -> Result<Exit, CommandError> {
    let loaded = session.load()?;
    let resources = &loaded.desired.resources;
    let implied = resources.values().filter(|resource| resource.implied.is_some()).count();
    let declared = resources.len() - implied;
    if session.global.json {
        let stack = &loaded.desired.stack;
        let view = json!({ "version": json::VERSION, "valid": true, "stack": stack, "declared": declared, "implied": implied });
        session.ui.out(&json::pretty(&view));
        return Ok(Exit::Done);
    }
    let count = style::count(resources.len(), "resource");
    let file = session.file().display().to_string();
    session.ui.out(&format!("{file} is valid: {count} ({declared} declared, {implied} implied)\n"));
    Ok(Exit::Done)
}
