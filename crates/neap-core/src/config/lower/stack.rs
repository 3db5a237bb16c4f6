//! What a stack says about itself: region, network, tags and outputs.
//!
//! Decides which of it is well formed. Must not know any kind.

use std::collections::BTreeMap;

use super::context::Lowering;
use super::place::Place;
use super::tags;
use crate::config::regions;
use crate::config::shape::VpcSelector;

/// Checks `[stack]` and `[network]`.
pub(super) fn check(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    if let Some(region) = &file.stack.region
        && let Some(help) = regions::help(region)
    {
        lowering.report(&Place::of("stack", "region"), format!("`{region}` is not a region")).help(help);
    }
    match &file.network.vpc {
        Some(VpcSelector::Id(id)) if !is_id(id, "vpc-") => {
            lowering
                .report(&Place::of("network", "vpc"), format!("`{id}` is not the id of a VPC"))
                .help("ids read like `vpc-0abc123`; for a Name tag write `vpc = { name = \"…\" }`");
        }
        Some(VpcSelector::Named(named)) => {
            lowering.plain(&Place::of("network", "vpc").at("name"), &named.name);
        }
        Some(VpcSelector::Id(_)) | None => {}
    }
    tags::check_stack(lowering);
}

/// The values of `[output]`.
pub(super) fn outputs(lowering: &mut Lowering<'_>) -> BTreeMap<String, String> {
    let file = lowering.file;
    let output =
        |(name, text): (&String, &String)| (name.clone(), lowering.text(&Place::of("output", name), text));
    file.output.iter().map(output).collect()
}

/// Whether `text` is an id that AWS made: a prefix and hexadecimal digits.
pub(super) fn is_id(text: &str, prefix: &str) -> bool {
    let digits = text.strip_prefix(prefix);
    digits.is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit()))
}
