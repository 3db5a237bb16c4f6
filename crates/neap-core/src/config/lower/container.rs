//! Containers of a task, each by itself.
//!
//! Decides their defaults and where their output goes. Must not know the other containers.

use std::collections::{BTreeMap, BTreeSet};

use super::context::Lowering;
use super::place::{Place, quoted};
use super::{firelens, secret};
use crate::config::shape::{
    AppProtocol, ContainerHealthCheckTable, ContainerTable, DependencyCondition, LogDriver, Logs, Mount,
    OneOrMany, PortProtocol, Scalar, VolumeTable,
};
use crate::config::words;
use crate::kinds::{Container, ContainerHealthCheck, LogConfiguration, MountPoint, PortMapping, Ulimit};
use crate::reference::{self, Piece};

/// The log drivers that Fargate has.
const LOG_DRIVERS: [&str; 3] = ["awslogs", "splunk", firelens::DRIVER];

/// What a container takes from its task.
pub(super) struct Surroundings<'task> {
    /// The log group of the task, as a reference to its name; asked for only if a container writes there.
    pub(super) log_group: &'task str,
    /// The volumes of the task.
    pub(super) volumes: &'task indexmap::IndexMap<String, VolumeTable>,
}

/// Lowers the container `name`.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    name: &str,
    table: &ContainerTable,
    surroundings: &Surroundings<'_>,
) -> Container {
    let image = image(lowering, &place.at("image"), &table.image);
    check_memory(lowering, place, table);
    Container {
        image,
        essential: table.essential,
        cpu: table.cpu.unwrap_or(0),
        memory: table.memory,
        memory_reservation: table.memory_reservation,
        command: lowering.list(&place.at("command"), &table.command),
        entry_point: lowering.list(&place.at("entry_point"), &table.entry_point),
        ports: ports(table).map(|(_, port)| port).collect(),
        env: env(lowering, &place.at("env"), table),
        secrets: secrets(lowering, &place.at("secrets"), &table.secrets),
        depends_on: depends_on(table),
        health_check: table.health_check.as_ref().map(|check| health_check(lowering, place, check)),
        logs: logs(lowering, &place.at("logs"), name, table.logs.as_ref(), surroundings.log_group),
        firelens: table
            .firelens
            .as_ref()
            .map(|router| firelens::lower(lowering, &place.at("firelens"), router)),
        mounts: mounts(lowering, &place.at("mount"), table, surroundings.volumes),
        ulimits: ulimits(lowering, &place.at("ulimits"), table),
        user: match &table.user {
            Some(user) => Some(lowering.text(&place.at("user"), user)),
            None => table.firelens.as_ref().map(|_| firelens::ROOT.to_owned()),
        },
        working_directory: table
            .working_directory
            .as_ref()
            .map(|folder| lowering.text(&place.at("working_directory"), folder)),
        read_only_root: table.read_only_root,
        init_process: table.init_process,
        start_timeout_seconds: table.start_timeout,
        stop_timeout_seconds: table.stop_timeout,
        labels: lowering.texts(&place.at("labels"), &table.labels),
    }
}

/// The repository of an image whose name has capital letters, which no reference to an image can have; hosts of registries and tags can
/// ("Grammar" of the reference package of `distribution`). What a reference of the stack stands for is in lower case.
fn cased_repository(image: &str) -> Option<&str> {
    if image.contains("${") {
        return None;
    }
    let name = image.split_once('@').map_or(image, |(name, _)| name);
    // Only the first part can be a host: it has a dot or a port, or is `localhost`.
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let path = name.split_once('/').filter(|(host, _)| is_host(host)).map_or(name, |(_, path)| path);
    let repository = path.split_once(':').map_or(path, |(repository, _)| repository);
    repository.contains(|c: char| c.is_ascii_uppercase()).then_some(repository)
}

/// The ports that a container opens, each with the key under which it stands; on the instance the port that is asked for.
pub(super) fn ports(table: &ContainerTable) -> impl Iterator<Item = (String, PortMapping)> {
    let mapping = |port: u16| PortMapping {
        container_port: port,
        // What it is in the end hangs on the network mode of the task.
        host_port: 0,
        protocol: "tcp".to_owned(),
        name: None,
        app_protocol: None,
    };
    let one = table.port.map(|port| ("port".to_owned(), mapping(port)));
    let several = table.ports.iter().enumerate().map(move |(index, port)| {
        let spoken = port.app_protocol.map(|protocol| match protocol {
            AppProtocol::Http => "http",
            AppProtocol::Http2 => "http2",
            AppProtocol::Grpc => "grpc",
        });
        let transport = if port.protocol == PortProtocol::Udp { "udp" } else { "tcp" };
        let full = PortMapping {
            host_port: port.host_port.unwrap_or(0),
            protocol: transport.to_owned(),
            name: port.name.clone(),
            app_protocol: spoken.map(str::to_owned),
            ..mapping(port.port)
        };
        (format!("ports.{index}"), full)
    });
    one.into_iter().chain(several)
}

fn image(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    let before = lowering.mistakes();
    let image = lowering.text(place, text);
    // Where a sensitive variable stands last, nobody can tell.
    let is_cut = image.is_empty() || image.ends_with([':', '@']);
    let is_text = |piece: &Piece<'_>| matches!(piece, Piece::Literal(text) if text.contains("${"));
    let is_left = reference::pieces(&image).iter().any(is_text);
    if lowering.mistakes() == before && (is_cut || is_left || image.contains(char::is_whitespace)) {
        let report = lowering.report(place, format!("`{image}` is not the name of an image"));
        if is_left {
            report.help("a variable is written as `${var.NAME}`, and is declared by `[var.NAME]`");
        } else if is_cut && !image.is_empty() {
            report.help("a tag or a digest comes after the last character, or the name ends before it");
        }
    } else if let Some(repository) = cased_repository(&image) {
        lowering
            .report(place, format!("the repository `{repository}` has capital letters"))
            .help(format!("no registry has such: write `{}`; tags may have them", repository.to_lowercase()));
    }
    image
}

fn check_memory(lowering: &mut Lowering<'_>, place: &Place, table: &ContainerTable) {
    if let (Some(reserved), Some(limit)) = (table.memory_reservation, table.memory)
        && reserved > limit
    {
        lowering
            .report(&place.at("memory_reservation"), format!("{reserved} MiB are kept for the container"))
            .label(format!("it is killed at {limit} MiB"))
            .help("`memory_reservation` must not be above `memory`");
    }
}

fn env(lowering: &mut Lowering<'_>, place: &Place, table: &ContainerTable) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (key, value) in &table.env {
        let place = place.at(key);
        if table.secrets.contains_key(key) {
            lowering
                .report(&place, format!("`{key}` is in `env` and in `secrets`"))
                .on_key()
                .help("keep one of the two");
        }
        let value = match value {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::String(value) => lowering.text(&place, value),
        };
        env.insert(key.clone(), value);
    }
    env
}

fn secrets(
    lowering: &mut Lowering<'_>,
    place: &Place,
    secrets: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let arn = |(key, text): (&String, &String)| (key.clone(), secret::arn(lowering, &place.at(key), text));
    secrets.iter().map(arn).collect()
}

fn depends_on(table: &ContainerTable) -> BTreeMap<String, String> {
    let condition = |condition: &DependencyCondition| match condition {
        DependencyCondition::Start => "START",
        DependencyCondition::Complete => "COMPLETE",
        DependencyCondition::Success => "SUCCESS",
        DependencyCondition::Healthy => "HEALTHY",
    };
    table.depends_on.iter().map(|(name, when)| (name.clone(), condition(when).to_owned())).collect()
}

fn health_check(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ContainerHealthCheckTable,
) -> ContainerHealthCheck {
    let place = place.at("health_check").at("command");
    let command = match &table.command {
        OneOrMany::One(command) => vec!["CMD-SHELL".to_owned(), lowering.text(&place, command)],
        OneOrMany::Many(command) => lowering.list(&place, command),
    };
    let is_known = matches!(command.first().map(String::as_str), Some("CMD" | "CMD-SHELL"));
    if !is_known || command.len() < 2 {
        lowering
            .report(&place, "a list that is no command")
            .help("begin it with `CMD` or `CMD-SHELL`: `[\"CMD\", \"curl\", \"-f\", \"http://localhost\"]`")
            .help("or write one string for the container's shell");
    }
    ContainerHealthCheck {
        command,
        interval_seconds: table.interval,
        timeout_seconds: table.timeout,
        retries: table.retries,
        start_period_seconds: table.start_period,
    }
}

/// Whether a container's output goes to the log group of its task.
pub(super) fn uses_log_group(logs: Option<&Logs>) -> bool {
    match logs {
        None => true,
        Some(Logs::Switch(on)) => *on,
        Some(Logs::Driver(driver)) => {
            driver.driver == "awslogs" && !driver.options.contains_key("awslogs-group")
        }
    }
}

/// Where the output of the container goes, or of the proxy that is called so.
pub(super) fn logs(
    lowering: &mut Lowering<'_>,
    place: &Place,
    container: &str,
    logs: Option<&Logs>,
    log_group: &str,
) -> Option<LogConfiguration> {
    let awslogs =
        LogDriver { driver: "awslogs".to_owned(), options: BTreeMap::new(), secret_options: BTreeMap::new() };
    let driver = match logs {
        None | Some(Logs::Switch(true)) => &awslogs,
        Some(Logs::Switch(false)) => return None,
        Some(Logs::Driver(driver)) => driver,
    };
    let name = driver.driver.as_str();
    if !LOG_DRIVERS.contains(&name) {
        lowering
            .report(&place.at("driver"), format!("Fargate has no log driver `{name}`"))
            .nearest(name, LOG_DRIVERS)
            .help(format!("it has {}", quoted(LOG_DRIVERS)));
    }
    if name == firelens::DRIVER {
        firelens::check_driver(lowering, place, driver);
    }
    let mut options = lowering.texts(&place.at("options"), &driver.options);
    if name == "awslogs" {
        let defaults = [
            ("awslogs-group", log_group),
            ("awslogs-region", "${aws.region}"),
            ("awslogs-stream-prefix", container),
        ];
        for (key, value) in defaults {
            options.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
    }
    let secret_options = secrets(lowering, &place.at("secret_options"), &driver.secret_options);
    Some(LogConfiguration { driver: name.to_owned(), options, secret_options })
}

fn mounts(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &ContainerTable,
    volumes: &indexmap::IndexMap<String, VolumeTable>,
) -> BTreeSet<MountPoint> {
    let mut mounts = BTreeSet::new();
    for (path, mount) in &table.mount {
        let place = place.at(path);
        let (volume, read_only) = match mount {
            Mount::Volume(volume) => (volume, false),
            Mount::Full(full) => (&full.volume, full.read_only),
        };
        if !path.starts_with('/') {
            lowering
                .report(&place, format!("the path `{path}` does not begin with a slash"))
                .on_key()
                .help("mounts read `\"/path\" = \"volume\"`");
        }
        if !volumes.contains_key(volume) {
            let near = words::nearest(volume, volumes.keys().map(String::as_str));
            let help = near.map_or_else(
                || format!("add a table `[{}.volume.{volume}]`", place.path()[..2].join(".")),
                |near| format!("did you mean `{near}`?"),
            );
            lowering.report(&place, format!("the task has no volume `{volume}`")).help(help);
        }
        mounts.insert(MountPoint { volume: volume.clone(), path: path.clone(), read_only });
    }
    mounts
}

fn ulimits(lowering: &mut Lowering<'_>, place: &Place, table: &ContainerTable) -> BTreeMap<String, Ulimit> {
    let mut ulimits = BTreeMap::new();
    for (name, limit) in &table.ulimits {
        if name != "nofile" {
            lowering
                .report(&place.at(name), format!("Fargate does not let `{name}` be changed"))
                .on_key()
                .help("it takes `nofile` alone");
        } else if limit.soft > limit.hard && limit.hard >= 0 {
            lowering.report(&place.at(name).at("soft"), "the soft limit is above the hard one");
        }
        ulimits.insert(name.clone(), Ulimit { soft: limit.soft, hard: limit.hard });
    }
    ulimits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_are_in_lower_case_and_hosts_and_tags_may_not_be() {
        for (image, expected) in [
            ("nginx", None),
            ("nginx:V1", None),
            ("my/app:V1@sha256:AB", None),
            ("Registry.example.com/my/app:V1", None),
            ("Registry:5000/app", None),
            ("${ecr.Api}:v1", None),
            ("Nginx:v1", Some("Nginx")),
            ("MyRepo/App:v1", Some("MyRepo/App")),
            ("registry.example.com:5000/my/App@sha256:ab", Some("my/App")),
            ("localhost/App", Some("App")),
        ] {
            assert_eq!(cased_repository(image), expected, "{image}");
        }
    }
}
