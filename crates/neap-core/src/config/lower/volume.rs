//! Volumes of a task: storage of its own, folders of its instance, and file systems.
//!
//! Decides which volumes can be mounted where the task runs, and what its role must be allowed for them. Must not know what
//! the containers keep there.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::context::Lowering;
use super::ground::Grounds;
use super::place::Place;
use super::task::check_container_name;
use crate::config::shape::{EfsTable, Mount, TaskTable, VolumeTable};
use crate::kinds::Volume;

/// Lowers the volumes of the task at `place`.
pub(super) fn lower(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &TaskTable,
    grounds: &Grounds<'_>,
) -> BTreeMap<String, Volume> {
    let place = place.at("volume");
    let mut volumes = BTreeMap::new();
    for (name, table) in &table.volume {
        let place = place.at(name);
        check_container_name(lowering, &place, name);
        volumes.insert(name.clone(), volume(lowering, &place, table, grounds));
    }
    volumes
}

fn volume(lowering: &mut Lowering<'_>, place: &Place, table: &VolumeTable, grounds: &Grounds<'_>) -> Volume {
    if let Some(path) = &table.host {
        let place = place.at("host");
        if table.efs.is_some() {
            lowering
                .report(&place, "a volume is a folder of the instance or a file system, not both")
                .on_key()
                .help("leave `host` or `efs` out");
        }
        return folder(lowering, &place, path, grounds);
    }
    match &table.efs {
        Some(efs) => file_system(lowering, &place.at("efs"), efs),
        None => Volume::Ephemeral,
    }
}

fn folder(lowering: &mut Lowering<'_>, place: &Place, path: &str, grounds: &Grounds<'_>) -> Volume {
    let path = lowering.text(place, path);
    if !path.starts_with('/') {
        lowering
            .report(place, format!("`{path}` is not a path on the instance"))
            .help("paths begin with a slash, such as `/var/run`");
    }
    if grounds.fargate {
        lowering
            .report(place, "Fargate has no instances whose folders could be mounted")
            .help("leave `host` out for storage that lives as long as the task, or write `efs` for what outlives it")
            .help("or run the task on instances");
    }
    Volume::Host { path }
}

fn file_system(lowering: &mut Lowering<'_>, place: &Place, efs: &EfsTable) -> Volume {
    if efs.access_point.is_some() && efs.root != "/" {
        lowering
            .report(&place.at("root"), "a folder and an access point, which has its own")
            .help("leave one of the two out");
    }
    if !efs.transit_encryption && (efs.iam || efs.access_point.is_some()) {
        let why = if efs.iam { "`iam`" } else { "`access_point`" };
        lowering
            .report(&place.at("transit_encryption"), format!("{why} needs the encryption"))
            .help("leave `transit_encryption` out");
    }
    Volume::Efs {
        file_system: efs.file_system.clone(),
        root: lowering.text(&place.at("root"), &efs.root),
        transit_encryption: efs.transit_encryption,
        access_point: efs.access_point.clone(),
        iam: efs.iam,
    }
}

/// What the role of a task must be allowed for the file systems that it is used to mount ("Using IAM to control file system
/// data access" of the EFS guide). The root of a container stays nobody there without `elasticfilesystem:ClientRootAccess`,
/// which whoever needs it says.
pub(super) fn statements(table: &TaskTable) -> Vec<Value> {
    let by_role = table.volume.iter().filter_map(|(name, volume)| Some((name, volume.efs.as_ref()?)));
    by_role.filter(|(_, efs)| efs.iam).map(|(name, efs)| statement(efs, is_written(table, name))).collect()
}

fn statement(efs: &EfsTable, is_written: bool) -> Value {
    let arn = |what: &str, id: &str| {
        format!("arn:${{aws.partition}}:elasticfilesystem:${{aws.region}}:${{aws.account}}:{what}/{id}")
    };
    let mut actions = vec!["elasticfilesystem:ClientMount"];
    if is_written {
        actions.push("elasticfilesystem:ClientWrite");
    }
    let system = arn("file-system", &efs.file_system);
    let mut statement = json!({ "Effect": "Allow", "Action": actions, "Resource": [system] });
    if let Some(point) = &efs.access_point {
        let point = arn("access-point", point);
        statement["Condition"] = json!({ "StringEquals": { "elasticfilesystem:AccessPointArn": [point] } });
    }
    statement
}

/// Whether a container of the task may write to the volume.
fn is_written(table: &TaskTable, volume: &str) -> bool {
    let mut mounts = table.container.values().flat_map(|container| container.mount.values());
    mounts.any(|mount| match mount {
        Mount::Volume(name) => name == volume,
        Mount::Full(full) => full.volume == volume && !full.read_only,
    })
}
