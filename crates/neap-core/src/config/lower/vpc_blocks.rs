//! The blocks of addresses of a VPC of the stack's own and of its subnets.
//!
//! Decides which blocks subnets get, and which that are named AWS would refuse. Must not know what is in them.

use super::context::Lowering;
use super::place::{Place, quoted};
use super::subnets;
use super::vpc::at;
use crate::cidr::{Block, NoBlock};
use crate::config::shape::SubnetGroup;

/// What a block of a VPC or of a subnet may be long ("VPC CIDR blocks" of the VPC guide).
const LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;
/// The smallest subnet in which AWS puts a load balancer ("Subnets for your load balancer").
const BALANCED: u8 = 27;

/// The blocks of the subnets of a VPC, one for each zone.
pub(super) struct Blocks {
    pub(super) public: Vec<Block>,
    /// None where there are no private subnets.
    pub(super) private: Vec<Block>,
}

/// A load balancer is in two zones at least.
pub(super) fn check_balancers(lowering: &mut Lowering<'_>, zones: usize) {
    let file = lowering.file;
    let named = |group: Option<SubnetGroup>| {
        let inside = file.alb.iter().filter(|(_, table)| table.subnets.ids().is_empty());
        let inside = inside.filter(|(_, table)| {
            group.is_none_or(|group| subnets::group_of_balancer(file, &table.subnets, table.scheme) == group)
        });
        inside.map(|(name, _)| format!("alb.{name}")).collect::<Vec<String>>()
    };
    let all = named(None);
    if zones == 1 && !all.is_empty() {
        let place = if file.network.zones.is_some() {
            at("zones")
        } else {
            at(if file.network.public.is_empty() { "private" } else { "public" })
        };
        lowering
            .report(&place, format!("one availability zone, and {} needs two at least", quoted(&all)))
            .help("AWS puts a load balancer into two zones or more");
    }
    for (group, texts) in [
        (SubnetGroup::Public, file.network.public.as_slice()),
        (SubnetGroup::Private, file.network.private.blocks()),
    ] {
        let names = named(Some(group));
        for (index, text) in texts.iter().enumerate().filter(|_| !names.is_empty()) {
            if text.parse::<Block>().is_ok_and(|block| block.length() > BALANCED) {
                let message = format!("too small for {}: AWS wants a `/{BALANCED}` at least", quoted(&names));
                lowering.report(&at(group.as_str()).item(index), message);
            }
        }
    }
}

/// The block of a VPC that a text means.
pub(super) fn whole(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> Option<Block> {
    let block = block(lowering, place, text)?;
    if block.is_reserved() {
        lowering
            .report(place, format!("no host can have the addresses of `{text}`"))
            .help("private ones are in `10.0.0.0/8`, `172.16.0.0/12` and `192.168.0.0/16`");
        return None;
    }
    Some(block)
}

/// The block that a text means.
fn block(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> Option<Block> {
    match text.parse::<Block>() {
        Ok(block) if LENGTHS.contains(&block.length()) => Some(block),
        Ok(_) => {
            lowering
                .report(place, format!("`{text}` is too large or too small"))
                .help("AWS takes blocks of `/16` to `/28`");
            None
        }
        Err(NoBlock::Unmasked(block)) => {
            lowering
                .report(place, format!("`{text}` has bits outside its mask"))
                .help(format!("the block that holds it is `{block}`"));
            None
        }
        Err(NoBlock::Malformed) => {
            lowering
                .report(place, format!("`{text}` is not a block of IPv4 addresses"))
                .help("blocks read like `10.0.0.0/16`");
            None
        }
    }
}

/// The blocks of the subnets in so many zones, as they are named or as parts of the VPC's.
pub(super) fn of_subnets(lowering: &mut Lowering<'_>, whole: Block, zones: usize) -> Option<Blocks> {
    let table = &lowering.file.network;
    let has_private = table.private.is_wanted();
    let public = named(lowering, SubnetGroup::Public, &table.public, whole, zones, &[]);
    let public = match public {
        Named::Blocks(blocks) => Some(blocks),
        Named::None => computed(lowering, whole, zones, Half::first(has_private)),
        Named::Wrong => None,
    }?;
    if !has_private {
        return Some(Blocks { public, private: Vec::new() });
    }
    let private = match named(lowering, SubnetGroup::Private, table.private.blocks(), whole, zones, &public) {
        Named::Blocks(blocks) => Some(blocks),
        Named::None => {
            let blocks = computed(lowering, whole, zones, Half::Second)?;
            check_apart(lowering, &public, &blocks);
            Some(blocks)
        }
        Named::Wrong => None,
    }?;
    Some(Blocks { public, private })
}

/// What somebody named.
enum Named {
    None,
    Blocks(Vec<Block>),
    Wrong,
}

/// The blocks that are named for a sort of subnets, apart from each other and from the `public` ones.
fn named(
    lowering: &mut Lowering<'_>,
    group: SubnetGroup,
    texts: &[String],
    whole: Block,
    zones: usize,
    public: &[Block],
) -> Named {
    if texts.is_empty() {
        return Named::None;
    }
    let key = at(group.as_str());
    if texts.len() != zones {
        lowering.report(
            &key,
            format!(
                "{} in {}; there is one in each",
                count(texts.len(), "subnet"),
                count(zones, "availability zone")
            ),
        );
    }
    let mut blocks: Vec<Block> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let place = key.item(index);
        let Some(block) = block(lowering, &place, text) else { return Named::Wrong };
        if !whole.contains(block) {
            lowering.report(&place, format!("`{text}` is outside of the VPC, `{whole}`"));
        } else if let Some(other) = blocks.iter().find(|other| other.overlaps(block)) {
            lowering.report(&place, format!("`{text}` overlaps with `{other}`"));
        } else if let Some(other) = public.iter().find(|other| other.overlaps(block)) {
            lowering.report(&place, format!("`{text}` overlaps with the public subnet `{other}`"));
        }
        blocks.push(block);
    }
    Named::Blocks(blocks)
}

/// Private subnets that nobody named have blocks of their own, whatever the public ones have.
fn check_apart(lowering: &mut Lowering<'_>, public: &[Block], private: &[Block]) {
    let pairs = public.iter().flat_map(|one| private.iter().map(move |other| (one, other)));
    let Some((one, other)) = pairs.into_iter().find(|(one, other)| one.overlaps(**other)) else { return };
    lowering
        .report(&at("private"), format!("a private subnet would have `{other}`, which overlaps with `{one}`"))
        .help("name their blocks, one for each zone: `private = [\"…\"]`");
}

/// Which part of a VPC blocks are taken from. More zones never move the blocks of those that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    Whole,
    First,
    Second,
}

impl Half {
    const fn first(has_private: bool) -> Self {
        if has_private { Self::First } else { Self::Whole }
    }
}

/// A sixteenth of the VPC for each, as long as that is enough for a load balancer.
fn computed(lowering: &mut Lowering<'_>, whole: Block, zones: usize, half: Half) -> Option<Vec<Block>> {
    let length = (whole.length() + 4).min(BALANCED).max(whole.length());
    let parts = 1_u32 << (length - whole.length());
    let (start, end) = match half {
        Half::Whole => (0, parts),
        Half::First => (0, parts / 2),
        Half::Second => (parts / 2, parts),
    };
    let fits = u32::try_from(zones).is_ok_and(|zones| zones <= end - start);
    if !fits {
        let both = if half == Half::Whole { "" } else { " of each sort" };
        lowering
            .report(&at("cidr"), format!("`{whole}` has no room for {zones} subnets{both} of `/{length}`"))
            .help("take a larger block, or name those of the subnets: `public = […]`");
        return None;
    }
    (start..end).take(zones).map(|index| whole.part(length, index)).collect()
}

/// `1 subnet`, `2 subnets`.
fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
