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

#[cfg(test)]
mod tests {
    use neap_core::address::Kind;
    use neap_core::desired::Implied;
    use neap_core::kinds::Resource;

    use super::*;
    use crate::fixture;

    fn stack() -> Desired {
        let (group, task) = (Address::new(Kind::LogGroup, "task-api"), Address::new(Kind::Task, "api"));
        let mut logs = fixture::desired(Resource::example(Kind::LogGroup));
        logs.implied = Some(Implied { by: task.clone(), reason: "keeps the output".into() });
        let Resource::Task(mut fields) = Resource::example(Kind::Task) else { panic!("a task is a task") };
        fields.execution_role = Some("${role.api.arn}".into());
        let mut definition = fixture::desired(fields);
        definition.after = [group.clone()].into();
        let role = (Address::new(Kind::Role, "api"), fixture::desired(Resource::example(Kind::Role)));
        Desired {
            stack: "course".into(),
            resources: [(group, logs), (task, definition), role].into(),
            ..Desired::default()
        }
    }

    #[test]
    fn a_dot_graph_has_an_arrow_for_each_need() {
        insta::assert_snapshot!(dot(&stack()), @r#"
        digraph "course" {
          rankdir=LR;
          node [shape=box];
          "log_group.task-api" [style=dashed];
          "role.api";
          "task.api";
          "task.api" -> "log_group.task-api";
          "task.api" -> "role.api";
        }
        "#);
    }

    #[test]
    fn a_mermaid_graph_has_an_arrow_for_each_need() {
        insta::assert_snapshot!(mermaid(&stack()), @r#"
        flowchart LR
          n0["log_group.task-api"]
          n1["role.api"]
          n2["task.api"]
          n2 --> n0
          n2 --> n1
          classDef implied stroke-dasharray: 4
          class n0 implied
        "#);
    }
}
