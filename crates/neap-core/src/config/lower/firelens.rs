//! Log routers (FireLens): how one is configured, and what holds between it and the other containers of its task.
//!
//! Decides which tasks with a router AWS would refuse, or would run without their logs. Must not know the output plugins of
//! the routers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::context::Lowering;
use super::ground::Grounds;
use super::place::{Place, quoted};
use crate::config::shape::{
    ConfigFileType, ContainerTable, FirelensTable, LogDriver, Logs, Router, TaskTable,
};
use crate::kinds::{Container, Firelens};

/// The log driver that hands lines to the router of the task.
pub(super) const DRIVER: &str = "awsfirelens";
/// The user of a router. ECS fills it in, and refuses another: `If 'user' field is specified on firelens container, then
/// 'UID' has to be '0'.`
pub(super) const ROOT: &str = "0";

/// The option that says how many lines wait for the router, and the most that it takes ("LogConfiguration" of the ECS API).
const BUFFER_LIMIT: &str = "log-driver-buffer-limit";
const LARGEST_BUFFER: u32 = 536_870_912;

/// AWS's names of a router's options.
const METADATA: &str = "enable-ecs-log-metadata";
const FILE_TYPE: &str = "config-file-type";
const FILE_VALUE: &str = "config-file-value";

/// Where ECS writes the configuration that it makes, over whatever lies there.
const MADE_BY_ECS: [&str; 2] = ["/fluent-bit/etc/fluent-bit.conf", "/fluentd/etc/fluent.conf"];

/// Lowers what makes the container at `place` a log router.
pub(super) fn lower(lowering: &mut Lowering<'_>, place: &Place, table: &FirelensTable) -> Firelens {
    let place = place.at("options");
    let given = &table.options;
    let mut options = BTreeMap::new();
    if let Some(on) = given.enable_ecs_log_metadata {
        options.insert(METADATA.to_owned(), on.to_string());
    }
    if given.config_file_type.is_some() != given.config_file_value.is_some() {
        let there = if given.config_file_type.is_some() { FILE_TYPE } else { FILE_VALUE };
        let missing = if there == FILE_TYPE { FILE_VALUE } else { FILE_TYPE };
        lowering
            .report(&place.at(there), format!("`{there}` without `{missing}`"))
            .on_key()
            .help("the two belong together: where the file lies, and which it is");
    }
    if let Some(kind) = given.config_file_type {
        let name = if kind == ConfigFileType::S3 { "s3" } else { "file" };
        options.insert(FILE_TYPE.to_owned(), name.to_owned());
    }
    if let Some(value) = &given.config_file_value {
        let place = place.at(FILE_VALUE);
        let value = lowering.text(&place, value);
        check_file(lowering, &place, given.config_file_type, &value);
        options.insert(FILE_VALUE.to_owned(), value);
    }
    let router = match table.router {
        Router::Fluentbit => "fluentbit",
        Router::Fluentd => "fluentd",
    };
    Firelens::new(router, options)
}

fn check_file(lowering: &mut Lowering<'_>, place: &Place, kind: Option<ConfigFileType>, value: &str) {
    match kind {
        Some(ConfigFileType::File) if MADE_BY_ECS.contains(&value) => {
            lowering
                .report(place, format!("ECS writes its own configuration to `{value}`"))
                .help("put yours beside it; ECS's includes it");
        }
        Some(ConfigFileType::File) if !value.starts_with('/') => {
            lowering
                .report(place, format!("`{value}` is not a path in the image"))
                .help("paths begin with a slash, such as `/fluent-bit/etc/extra.conf`");
        }
        Some(ConfigFileType::S3) if object(value).is_none() => {
            lowering
                .report(place, format!("`{value}` is not the ARN of an object in S3"))
                .help("write `arn:aws:s3:::bucket/extra.conf`, or `${bucket.x.arn}/extra.conf`");
        }
        _ => {}
    }
}

/// The ARN of the bucket in that of an object; a reference may stand for it.
fn object(arn: &str) -> Option<&str> {
    let (bucket, key) = arn.split_once('/')?;
    let is_bucket = bucket.starts_with("${") || bucket.split(':').nth(2) == Some("s3");
    (is_bucket && !key.is_empty()).then_some(bucket)
}

/// What an execution role must be allowed so that ECS gets the configuration files of these routers from S3 ("FireLens
/// configuration" of the ECS guide).
pub(super) fn statements(containers: &BTreeMap<String, Container>) -> Vec<Value> {
    let options = containers.values().filter_map(|container| container.firelens.as_ref());
    let options = options.map(|firelens| &firelens.options);
    let files: BTreeSet<&str> = options
        .filter(|options| options.get(FILE_TYPE).is_some_and(|kind| kind == "s3"))
        .filter_map(|options| options.get(FILE_VALUE).map(String::as_str))
        .collect();
    let buckets: BTreeSet<&str> = files.iter().filter_map(|file| object(file)).collect();
    if buckets.is_empty() {
        return Vec::new();
    }
    let allow = |action: &str, resources: BTreeSet<&str>| json!({ "Effect": "Allow", "Action": [action], "Resource": resources });
    vec![allow("s3:GetObject", files), allow("s3:GetBucketLocation", buckets)]
}

/// Checks the options of the driver at `place` that hands lines to a router.
pub(super) fn check_driver(lowering: &mut Lowering<'_>, place: &Place, driver: &LogDriver) {
    let Some(limit) = driver.options.get(BUFFER_LIMIT) else { return };
    if limit.parse::<u32>().is_ok_and(|limit| limit <= LARGEST_BUFFER) {
        return;
    }
    lowering
        .report(&place.at("options").at(BUFFER_LIMIT), format!("`{limit}` is no number of lines"))
        .help(format!("it takes 0 to {LARGEST_BUFFER}"));
}

/// Checks what holds between the router of the task at `place` and its other containers.
pub(super) fn check(lowering: &mut Lowering<'_>, place: &Place, table: &TaskTable, grounds: &Grounds<'_>) {
    let place = place.at("container");
    let routers: Vec<(&String, &ContainerTable, &FirelensTable)> = table
        .container
        .iter()
        .filter_map(|(name, container)| Some((name, container, container.firelens.as_ref()?)))
        .collect();
    let senders: Vec<&String> =
        table.container.iter().filter(|(_, container)| sends(container)).map(|(name, _)| name).collect();
    if let [(first, ..), more @ ..] = routers.as_slice() {
        for (name, ..) in more {
            lowering
                .report(
                    &place.at(name).at("firelens"),
                    format!("`{first}` is already the log router of the task"),
                )
                .on_key()
                .help("a task has one; it can send to several places");
        }
    }
    if routers.is_empty() {
        for name in &senders {
            lowering
                .report(&place.at(name).at("logs").at("driver"), "the task has no log router")
                .help("give one of its containers `firelens = { type = \"fluentbit\" }`");
        }
    }
    for (name, container, firelens) in &routers {
        let place = place.at(name);
        check_router(lowering, &place, container);
        if firelens.options.config_file_type == Some(ConfigFileType::S3) && grounds.fargate {
            lowering
                .report(
                    &place.at("firelens").at("options").at(FILE_TYPE),
                    "on Fargate the file of a log router lies in its image",
                )
                .help("write `file`, and build an image that has it");
        }
        // AWS: `When a firelensConfiguration object is specified, at least one container has to be configured with the
        // awsfirelens log driver.`
        if senders.is_empty() {
            let others: Vec<&String> = table.container.keys().filter(|other| other != name).collect();
            let to =
                if others.is_empty() { "another container of the task".to_owned() } else { quoted(others) };
            lowering
                .report(&place.at("firelens"), "no container of the task sends its output to the log router")
                .on_key()
                .help(format!("give {to} `logs = {{ driver = \"{DRIVER}\", … }}`"));
        }
    }
}

fn check_router(lowering: &mut Lowering<'_>, place: &Place, container: &ContainerTable) {
    if sends(container) {
        lowering
            .report(&place.at("logs").at("driver"), "a log router cannot send its own output to itself")
            .help("leave `logs` out: it goes to the log group");
    }
    if !container.essential {
        lowering
            .report(&place.at("essential"), "the task would go on without its logs when the log router ends")
            .help("leave `essential` out");
    }
    if let Some(user) = container.user.as_deref().filter(|user| user.split(':').next() != Some(ROOT)) {
        lowering
            .report(&place.at("user"), format!("a log router runs as user 0, not as `{user}`"))
            .help("leave `user` out");
    }
}

/// Whether a container's output goes to the log router.
fn sends(container: &ContainerTable) -> bool {
    matches!(&container.logs, Some(Logs::Driver(driver)) if driver.driver == DRIVER)
}
