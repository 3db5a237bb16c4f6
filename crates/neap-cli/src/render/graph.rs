//! The resources of a stack and what refers to what, in the languages of two drawing tools.
//!
//! An arrow goes from a resource to what it needs.

use std::collections::BTreeSet;
use std::fmt::Write;

use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::reference::Reference;

/// Every pair of a resource and another that it needs.
fn arrows(desired: &Desired) -> BTreeSet<(&Address, Address)> {
    let mut arrows = BTreeSet::new();
    for (address, resource) in &desired.resources {
        for (_, reference) in resource.references() {
            if let Reference::Output(needed, _) = reference {
                arrows.insert((address, needed));
            }
        }
        arrows.extend(resource.after.iter().map(|needed| (address, needed.clone())));
    }
    arrows.retain(|(address, needed)| *address != needed);
    arrows
}

/// A Graphviz graph. Implied resources are dashed.
pub(crate) fn dot(desired: &Desired) -> String {
    let mut text = format!("digraph {:?} {{\n  rankdir=LR;\n  node [shape=box];\n", desired.stack);
    for (address, resource) in &desired.resources {
        let style = if resource.implied.is_some() { " [style=dashed]" } else { "" };
        // Writing to a string cannot fail, here and below.
        let _always = writeln!(text, "  \"{address}\"{style};");
    }
    for (address, needed) in arrows(desired) {
        let _always = writeln!(text, "  \"{address}\" -> \"{needed}\";");
    }
    text + "}\n"
}

/// A Mermaid flowchart. Implied resources are dashed.
pub(crate) fn mermaid(desired: &Desired) -> String {
    let addresses: Vec<&Address> = desired.resources.keys().collect();
    // Addresses hold characters that Mermaid's names may not, so nodes are numbered.
    let node = |address: &Address| addresses.binary_search(&address).map(|index| format!("n{index}"));
    let mut text = "flowchart LR\n".to_owned();
    for (index, address) in addresses.iter().enumerate() {
        let _always = writeln!(text, "  n{index}[\"{address}\"]");
    }
    for (address, needed) in arrows(desired) {
        if let (Ok(from), Ok(to)) = (node(address), node(&needed)) {
            let _always = writeln!(text, "  {from} --> {to}");
        }
    }
    let implied = desired.resources.iter().filter(|(_, resource)| resource.implied.is_some());
    let implied: Vec<String> = implied.filter_map(|(address, _)| node(address).ok()).collect();
    if !implied.is_empty() {
        let _always =
            writeln!(text, "  classDef implied stroke-dasharray: 4\n  class {} implied", implied.join(","));
    }
    text
}
