//! The instances of a cluster: everything that one table of them implies.
//!
//! Decides their image, their role, who reaches them, and how ECS scales them. Must not know which tasks fit on them.

use std::collections::BTreeSet;

use super::context::Lowering;
use super::ground::{self, Block};
use super::place::Place;
use super::stack::is_id;
use super::{capacity, groups, instance_scaling, role, subnets};
use crate::address::{Address, Kind};
use crate::config::shape::{Architecture, ClusterTable, InstancesTable};
use crate::instances;
use crate::kinds::{AutoScalingGroup, CapacityProvider, ClusterCapacity, InstanceProfile, LaunchTemplate};
use crate::naming;
use crate::ownership::Owned;
use crate::reference::{self, Processor, Reference};

/// The most groups of a network interface.
const MOST_GROUPS: usize = 5;
/// The longest name of a cluster.
const LONGEST_CLUSTER: usize = 255;
/// The word for the image that AWS recommends now.
const NEWEST: &str = "newest";

/// The name of all that a block of instances of the cluster `name` implies.
pub(super) fn implied_name(name: &str, block: Option<&str>) -> String {
    match block {
        None => format!("cluster-{name}"),
        Some(block) => format!("cluster-{name}-{block}"),
    }
}

/// The capacity provider of a block of instances of the cluster `name`.
pub(super) fn provider(stack: &str, name: &str, block: Option<&str>) -> String {
    naming::plain(Kind::CapacityProvider, stack, &implied_name(name, block))
}

/// The address of what associates the instances of the cluster `name` with it.
pub(super) fn capacity_address(name: &str) -> Address {
    Address::new(Kind::ClusterCapacity, name)
}

/// The processor of the instances; nothing if neither the type nor the table tells it.
pub(super) fn processor(table: &InstancesTable) -> Option<Processor> {
    instances::processor(&table.instance_type).or(table.architecture.map(Architecture::processor))
}

/// Lowers the instances of every cluster that has some.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, cluster) in &file.cluster {
        let blocks = ground::blocks(cluster);
        let providers: Vec<Address> = blocks.iter().map(|block| lower_one(lowering, name, *block)).collect();
        if !providers.is_empty() {
            associate(lowering, name, cluster, &providers);
        }
    }
}

/// Lowers one block, and tells its capacity provider.
fn lower_one(lowering: &mut Lowering<'_>, name: &str, block: Block<'_>) -> Address {
    let (table, place) = (block.table, block.place(name));
    let cluster = Address::new(Kind::Cluster, name);
    let implied = implied_name(name, block.name);
    check(lowering, &place, table);
    let template = template(lowering, &place, &cluster, &implied, block);
    let mut after = depends(&template);
    after.extend(subnets::ways_out(lowering, &table.subnets));
    let address = |kind: Kind| Address::new(kind, &implied);
    let template_address = address(Kind::LaunchTemplate);
    lowering.imply(template_address.clone(), &cluster, "says how its instances start", template);
    let group = AutoScalingGroup {
        name: naming::plain(Kind::AutoScalingGroup, lowering.stack, &implied),
        launch_template: reference::output(&template_address, "id"),
        launch_template_version: reference::output(&template_address, "version"),
        min: table.min,
        max: block.most(),
        desired: table.desired.unwrap_or(table.min),
        subnets: subnets::of_tasks(lowering, &place.at("subnets"), &table.subnets),
        scale_in_protection: is_protected(table),
        target_tracking: instance_scaling::lower(lowering, &place, table),
    };
    let group_address = address(Kind::AutoScalingGroup);
    lowering.imply(group_address.clone(), &cluster, "keeps as many instances as its tasks need", group);
    if let Some(group) = lowering.resources.get_mut(&group_address) {
        group.after = after;
        // A number that is said holds where nothing moves it.
        if table.managed_scaling || table.scaling.is_some() || table.desired.is_none() {
            group.owned_elsewhere.insert(Owned::Count);
        }
    }
    let provider = CapacityProvider {
        name: naming::plain(Kind::CapacityProvider, lowering.stack, &implied),
        auto_scaling_group: reference::output(&group_address, "arn"),
        managed_scaling: table.managed_scaling,
        target_capacity: table.target_capacity,
        managed_termination_protection: is_protected(table),
        managed_draining: table.draining,
    };
    let provider_address = address(Kind::CapacityProvider);
    lowering.imply(provider_address.clone(), &cluster, "lets ECS place tasks on its instances", provider);
    provider_address
}

fn is_protected(table: &InstancesTable) -> bool {
    table.managed_scaling && table.termination_protection.unwrap_or(true)
}

/// What a group of instances comes after: all that its launch template names.
fn depends(template: &LaunchTemplate) -> BTreeSet<Address> {
    let texts = template.security_groups.iter().chain([&template.cluster, &template.instance_profile]);
    let references = texts.flat_map(|text| reference::in_text(text));
    let address = |reference| match reference {
        Reference::Output(address, _) => Some(address),
        Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
    };
    references.filter_map(address).collect()
}

fn associate(lowering: &mut Lowering<'_>, name: &str, table: &ClusterTable, providers: &[Address]) {
    let cluster = Address::new(Kind::Cluster, name);
    let mut default_strategy = capacity::default(lowering.stack, name, table);
    default_strategy.retain(|provider, _| !capacity::is_fargates(provider));
    let capacity = ClusterCapacity {
        cluster: reference::output(&cluster, "arn"),
        capacity_providers: providers.iter().map(|provider| reference::output(provider, "name")).collect(),
        default_strategy,
    };
    lowering.imply(capacity_address(name), &cluster, "makes its instances its capacity", capacity);
}

fn template(
    lowering: &mut Lowering<'_>,
    place: &Place,
    cluster: &Address,
    implied: &str,
    block: Block<'_>,
) -> LaunchTemplate {
    let table = block.table;
    let mut security_groups = groups::of_instances(lowering, cluster, implied, block);
    security_groups.extend(groups::chosen(lowering, &place.at("security_groups"), &table.security_groups));
    if security_groups.len() > MOST_GROUPS {
        let message =
            format!("with the implied one {} groups; AWS takes at most {MOST_GROUPS}", security_groups.len());
        lowering.report(&place.at("security_groups"), message);
    }
    let template = LaunchTemplate {
        name: naming::plain(Kind::LaunchTemplate, lowering.stack, implied),
        image: image(lowering, &place.at("image"), table),
        instance_type: table.instance_type.clone(),
        cluster: reference::output(cluster, "arn"),
        instance_profile: reference::output(&imply_profile(lowering, cluster), "arn"),
        security_groups,
        public_ip: subnets::public_ip(lowering, &place.at("public_ip"), &table.subnets, table.public_ip),
        key_pair: table.key_pair.as_ref().map(|name| lowering.text(&place.at("key_pair"), name)),
        disk_gib: table.disk,
        spot: table.spot,
        metadata_tokens: "required".to_owned(),
        metadata_hops: 1,
        user_data: lowering.text(&place.at("user_data"), &table.user_data),
    };
    // The cluster's name, which neap's own lines tell, has a place in them however long it is.
    let own = LaunchTemplate { cluster: String::new(), user_data: String::new(), ..template.clone() };
    let most = LaunchTemplate::MOST_SCRIPT - own.script().len() - LONGEST_CLUSTER;
    if template.user_data.len() > most {
        let message = format!("{} bytes; AWS takes {most} beside neap's own lines", template.user_data.len());
        lowering
            .report(&place.at("user_data"), message)
            .help("let the script fetch the rest, as from a bucket");
    }
    template
}

fn image(lowering: &mut Lowering<'_>, place: &Place, table: &InstancesTable) -> String {
    let processor = processor(table).unwrap_or(Processor::X86).as_str();
    match table.image.as_deref() {
        None => format!("${{aws.ecs_image.{processor}}}"),
        Some(NEWEST) => format!("${{aws.newest_ecs_image.{processor}}}"),
        Some(id) => {
            if !is_id(id, "ami-") {
                lowering.report(place, format!("`{id}` is not the id of an image")).help(format!(
                    "ids read like `ami-0abc123`; `{NEWEST}` follows what AWS recommends for ECS"
                ));
            }
            id.to_owned()
        }
    }
}

/// All instances of a cluster have one role: their agent does the same on each.
fn imply_profile(lowering: &mut Lowering<'_>, cluster: &Address) -> Address {
    let implied = implied_name(cluster.name(), None);
    let role = role::imply_instances(lowering, cluster, &implied);
    let address = Address::new(Kind::InstanceProfile, &implied);
    let profile = InstanceProfile {
        name: naming::plain(Kind::InstanceProfile, lowering.stack, &implied),
        path: naming::role_path(lowering.stack),
        role: Some(reference::output(&role, "arn")),
    };
    lowering.imply(address.clone(), cluster, "hands the role to its instances", profile);
    address
}

fn check(lowering: &mut Lowering<'_>, place: &Place, table: &InstancesTable) {
    let name = &table.instance_type;
    match (instances::processor(name), table.architecture) {
        (None, None) => {
            lowering
                .report(&place.at("instance_type"), format!("neap does not know the instance type `{name}`"))
                .nearest(name, instances::names())
                .help("if AWS has it, say which processor: `architecture = \"x86_64\"` or `\"arm64\"`");
        }
        (Some(known), Some(said)) if said.processor() != known => {
            let message = format!("`{name}` has the processor {}", known.as_str());
            lowering.report(&place.at("architecture"), message).help("leave `architecture` out");
        }
        _ => {}
    }
    let max = table.max.unwrap_or_else(|| table.min.max(1));
    if max < table.min {
        let message = format!("at most {max} instances, and at least {}", table.min);
        lowering.report(&place.at("max"), message).help("`max` must not be below `min`");
    } else if let Some(desired) = table.desired.filter(|desired| !(table.min..=max).contains(desired)) {
        let message = format!("{desired} instances at first are outside of {} to {max}", table.min);
        lowering.report(&place.at("desired"), message);
    }
    if !table.managed_scaling && table.target_capacity != 100 {
        lowering
            .report(&place.at("target_capacity"), "a target capacity without managed scaling")
            .help("leave one of the two out");
    }
    if !table.managed_scaling && table.termination_protection == Some(true) {
        lowering
            .report(&place.at("termination_protection"), "termination protection without managed scaling")
            .help("only ECS's own scaling knows which instances run tasks: leave one of the two out");
    }
    if table.key_pair.as_deref() == Some("") {
        lowering
            .report(&place.at("key_pair"), "the name of the key pair is empty")
            .help("leave `key_pair` out for instances without one");
    }
    if table.user_data.starts_with("#!") {
        lowering
            .report(&place.at("user_data"), "the script has a first line of its own")
            .help("leave it out: the lines follow neap's own, and bash runs both");
    }
}
