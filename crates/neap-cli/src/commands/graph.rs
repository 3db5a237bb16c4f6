//! `neap graph`: the resources and what refers to what, without any cloud.

use crate::args::{GraphArguments, GraphFormat};
use crate::connect::Connect;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::render::graph;
use crate::session::Session;

/// Prints the graph.
pub(crate) fn run<C: Connect>(
    session: &mut Session<C>,
    arguments: &GraphArguments,
) -> Result<Exit, CommandError> {
    let desired = session.load_without_files()?.desired;
    let text = match arguments.format {
        GraphFormat::Dot => graph::dot(&desired),
        GraphFormat::Mermaid => graph::mermaid(&desired),
    };
    session.ui.out(&text);
    Ok(Exit::Done)
}
