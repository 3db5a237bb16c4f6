//! Repositories, clusters and log groups: kinds that refer to nothing.
//!
//! Decides their defaults. Must not know who uses them.

use serde_json::Value;

use super::capacity;
use super::context::{Common, Lowering};
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{
    ClusterTable, ContainerInsights, EcrEncryption, EcrTable, LogClass, LogGroupTable, Retention,
    TagMutability,
};
use crate::kinds::{Cluster, Ecr, LogGroup, RETENTION_DAYS};
use crate::naming;

/// The capacity providers of each cluster: both cost nothing until a service uses them.
const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// Lowers every repository, cluster and log group.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.ecr {
        repository(lowering, name, table);
    }
    for (name, table) in &file.cluster {
        cluster(lowering, name, table);
    }
    for (name, table) in &file.log_group {
        log_group(lowering, name, table);
    }
}

/// The log group of the containers of a task, unless it has one of its own choice.
pub(super) fn imply_log_group(lowering: &mut Lowering<'_>, task: &Address) -> Address {
    let name = format!("task-{}", task.name());
    let address = Address::new(Kind::LogGroup, &name);
    let group = LogGroup {
        name: naming::plain(Kind::LogGroup, lowering.stack, &name),
        retention_days: days(&Retention::default()),
        class: class(LogClass::default()).to_owned(),
        kms_key: None,
    };
    lowering.imply(address.clone(), task, "keeps the output of the containers", group);
    address
}

fn repository(lowering: &mut Lowering<'_>, name: &str, table: &EcrTable) {
    let (place, address) = lowering.begin(Kind::Ecr, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    if table.kms_key.is_some() && table.encryption != EcrEncryption::Kms {
        lowering
            .report(&place.at("kms_key"), "a key without `encryption = \"KMS\"`")
            .help("set `encryption = \"KMS\"`, or leave the key out");
    }
    let repository = Ecr {
        name: lowering.plain_name(Kind::Ecr, &place, name, common.name),
        tag_mutability: match table.tag_mutability {
            TagMutability::Mutable => "MUTABLE",
            TagMutability::Immutable => "IMMUTABLE",
        }
        .to_owned(),
        scan_on_push: table.scan_on_push,
        lifecycle_policy: table.keep_images.map_or(Value::Null, Ecr::keep_images),
        encryption: match table.encryption {
            EcrEncryption::Aes256 => "AES256",
            EcrEncryption::Kms => "KMS",
        }
        .to_owned(),
        kms_key: lowering.kms_key(&place, table.kms_key.as_deref()),
    };
    lowering.declare(address, &place, &common, repository);
}

fn cluster(lowering: &mut Lowering<'_>, name: &str, table: &ClusterTable) {
    let (place, address) = lowering.begin(Kind::Cluster, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let insights = |insights| match insights {
        ContainerInsights::Disabled => "disabled".to_owned(),
        ContainerInsights::Enabled => "enabled".to_owned(),
        ContainerInsights::Enhanced => "enhanced".to_owned(),
    };
    check_capacity(lowering, &place, name, table);
    let mut default_strategy = capacity::default(lowering.stack, name, table);
    // That of instances stands with what associates them.
    default_strategy.retain(|provider, _| capacity::is_fargates(provider));
    let cluster = Cluster {
        name: lowering.plain_name(Kind::Cluster, &place, name, common.name),
        container_insights: table.container_insights.map(insights),
        capacity_providers: PROVIDERS.map(str::to_owned).into(),
        default_strategy,
    };
    lowering.declare(address, &place, &common, cluster);
}

/// Checks where the services of a cluster run.
fn check_capacity(lowering: &mut Lowering<'_>, place: &Place, name: &str, table: &ClusterTable) {
    if let Some(capacity) = capacity::shares(table) {
        capacity::check(lowering, &place.at("capacity"), name, &capacity);
    }
    let place = place.at("instances");
    for (word, _) in capacity::FARGATE {
        if table.instances.contains_key(word) {
            lowering
                .report(&place.at(word), format!("`{word}` is what AWS's own capacity is called"))
                .on_key()
                .help("give these instances another name");
        }
    }
    if table.capacity.is_none() && table.instances.len() > 1 {
        let names: Vec<&str> = table.instances.keys().map(String::as_str).collect();
        lowering
            .report(&place, "several blocks of instances, and no `capacity` says which of them services get")
            .help(format!(
                "set `capacity`, such as `capacity = \"{}\"`, or by weight `{{ {} = {{ base = 1, weight = 1 }}, {} = 3 }}`",
                names[0], names[0], names[1]
            ));
    }
}

fn log_group(lowering: &mut Lowering<'_>, name: &str, table: &LogGroupTable) {
    let (place, address) = lowering.begin(Kind::LogGroup, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    if let Retention::Days(days) = table.retention
        && !RETENTION_DAYS.contains(&days)
    {
        let nearest = RETENTION_DAYS.into_iter().find(|known| *known > days).unwrap_or(RETENTION_DAYS[21]);
        let known: Vec<String> = RETENTION_DAYS.iter().map(ToString::to_string).collect();
        lowering
            .report(&place.at("retention"), format!("CloudWatch Logs cannot keep events for {days} days"))
            .label(format!("the next that it offers is {nearest}"))
            .help(format!("it offers {}, and `never-expire`", known.join(", ")));
    }
    let group = LogGroup {
        name: lowering.plain_name(Kind::LogGroup, &place, name, common.name),
        retention_days: days(&table.retention),
        class: class(table.class).to_owned(),
        kms_key: lowering.kms_key(&place, table.kms_key.as_deref()),
    };
    lowering.declare(address, &place, &common, group);
}

const fn days(retention: &Retention) -> Option<u32> {
    match retention {
        Retention::Days(days) => Some(*days),
        Retention::Forever(_) => None,
    }
}

const fn class(class: LogClass) -> &'static str {
    match class {
        LogClass::Standard => "STANDARD",
        LogClass::InfrequentAccess => "INFREQUENT_ACCESS",
    }
}
