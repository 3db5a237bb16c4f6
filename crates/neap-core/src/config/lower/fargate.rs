//! The sizes of Fargate tasks.
//!
//! Decides which pairs of CPU and memory exist, and what stands in for one that is not given. The table is that of
//! "Troubleshoot Amazon ECS task definition invalid CPU or memory errors" in the ECS guide.

use std::ops::RangeInclusive;

/// CPU units, and the memory in MiB that goes with them: from, to and by which steps.
const SIZES: [(u32, RangeInclusive<u32>, u32); 7] = [
    (256, 512..=2048, 512),
    (512, 1024..=4096, 1024),
    (1024, 2048..=8192, 1024),
    (2048, 4096..=16_384, 1024),
    (4096, 8192..=30_720, 1024),
    (8192, 16_384..=61_440, 4096),
    (16_384, 32_768..=122_880, 8192),
];
/// The one step that is missing from the smallest size.
const NO_SIZE: (u32, u32) = (256, 1536);

/// The memory that goes with `cpu`, in MiB; nothing if there is no such size.
pub(super) fn memories(cpu: u32) -> Vec<u32> {
    let size = SIZES.iter().find(|(known, ..)| *known == cpu);
    let Some((_, range, step)) = size else { return Vec::new() };
    let steps = range.clone().step_by(*step as usize);
    steps.filter(|memory| (cpu, *memory) != NO_SIZE).collect()
}

/// The CPU units that exist.
pub(super) fn cpus() -> impl Iterator<Item = u32> {
    SIZES.iter().map(|(cpu, ..)| *cpu)
}

/// CPU units and memory, the one that is not given being the smallest that goes with the other.
pub(super) fn size(cpu: Option<u32>, memory: Option<u32>) -> (u32, u32) {
    match (cpu, memory) {
        (Some(cpu), Some(memory)) => (cpu, memory),
        (Some(cpu), None) => (cpu, memories(cpu).first().copied().unwrap_or(512)),
        (None, Some(memory)) => {
            let fits = |cpu: &u32| memories(*cpu).contains(&memory);
            (cpus().find(fits).unwrap_or(256), memory)
        }
        (None, None) => (256, 512),
    }
}

/// The memories that go with `cpu`, for people: one by one where they are few.
pub(super) fn memories_in_words(cpu: u32) -> String {
    let memories = memories(cpu);
    if let [first, second, .., last] = memories.as_slice()
        && memories.len() > 8
    {
        return format!("{first} to {last} MiB in steps of {}", second - first);
    }
    let list: Vec<String> = memories.iter().map(ToString::to_string).collect();
    format!("{} MiB", list.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_guide() {
        assert_eq!(memories(256), [512, 1024, 2048]);
        assert_eq!(memories(512), [1024, 2048, 3072, 4096]);
        assert_eq!(memories(1024).len(), 7);
        assert_eq!(memories(16_384).last(), Some(&122_880));
        assert!(memories(300).is_empty());
        assert_eq!(memories_in_words(256), "512, 1024, 2048 MiB");
        assert_eq!(memories_in_words(4096), "8192 to 30720 MiB in steps of 1024");
    }

    #[test]
    fn what_is_not_given_is_the_smallest_that_fits() {
        assert_eq!(size(None, None), (256, 512));
        assert_eq!(size(Some(1024), None), (1024, 2048));
        assert_eq!(size(None, Some(4096)), (512, 4096));
        assert_eq!(size(None, Some(1)), (256, 1));
    }

    #[test]
    fn every_size_can_be_left_to_its_cpu() {
        for cpu in cpus() {
            let (_, memory) = size(Some(cpu), None);
            assert!(memories(cpu).contains(&memory), "{cpu}");
        }
    }
}
