//! Types of EC2 instances: a table that is part of the program.
//!
//! Decides what is known of a type before an instance of it is made. Must not know which types a region has.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::reference::Processor;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    toml::from_str(include_str!("../data/instances.toml"))
        .expect("the table in the program is read by a test")
});

/// The largest share of its memory that an instance was seen to register with ECS, in thousandths: by size in MiB.
const REGISTERED: [(u32, u32); 3] = [(2048, 935), (4096, 940), (u32::MAX, 976)];

#[derive(Debug, Deserialize)]
struct Table {
    instance: BTreeMap<String, Instance>,
    registered_mib: BTreeMap<String, u32>,
}

/// A type of instance.
#[derive(Debug, Clone, Deserialize)]
pub struct Instance {
    /// Virtual processors; 1024 CPU units each.
    pub vcpu: u32,
    /// Memory in MiB, as AWS advertises it.
    pub memory_mib: u32,
    arch: String,
    /// How many network interfaces it takes, its own among them.
    pub max_enis: u32,
}

impl Instance {
    /// Its processor.
    pub fn processor(&self) -> Processor {
        if self.arch == "arm64" { Processor::Arm } else { Processor::X86 }
    }
}

/// What is known of the type `name`.
pub fn find(name: &str) -> Option<&'static Instance> {
    TABLE.instance.get(name)
}

/// The processor of the type `name`, if the type is known.
pub fn processor(name: &str) -> Option<Processor> {
    find(name).map(Instance::processor)
}

/// The names of all types in the table.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.instance.keys().map(String::as_str)
}

/// The most memory in MiB that an instance of the type `name` has for tasks; what exceeds it never fits.
pub fn task_memory_mib(name: &str) -> Option<u32> {
    if let Some(seen) = TABLE.registered_mib.get(name) {
        return Some(*seen);
    }
    let memory = find(name)?.memory_mib;
    let (_, share) = REGISTERED.into_iter().find(|(most, _)| memory <= *most)?;
    u32::try_from(u64::from(memory) * u64::from(share) / 1000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_has_a_processor_and_less_memory_for_tasks_than_it_has() {
        assert!(names().count() > 30);
        for name in names() {
            let instance = find(name).expect("a type");
            assert!(matches!(instance.arch.as_str(), "x86_64" | "arm64"), "{name}");
            assert!(instance.vcpu > 0 && instance.max_enis > 1, "{name}");
            let memory = task_memory_mib(name).expect("a size");
            assert!(memory < instance.memory_mib && memory > instance.memory_mib * 3 / 4, "{name}: {memory}");
        }
    }

    #[test]
    fn whatever_was_seen_goes_before_what_is_reckoned() {
        assert_eq!(task_memory_mib("t3.micro"), Some(940));
        assert_eq!(task_memory_mib("t4g.micro"), Some(957));
        assert_eq!(task_memory_mib("x9.huge"), None);
        assert_eq!(processor("t4g.micro"), Some(Processor::Arm));
    }
}
