//! ECS: what its three kinds share when they are read and tagged.
//!
//! Decides which ECS readings wait for which. Must not know what a cluster, service or task contains.

use neap_core::desired::Desired;
use tokio::join;

use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::error::failed;
use crate::found::Found;
use crate::tags::{TagChanges, to_ecs};
use crate::{cluster, service, task};

/// Reads the stack's clusters, services and task definitions.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let clusters = async {
        let mut clusters = cluster::read(aws, desired).await;
        // A cluster that the stack no longer declares still has its services.
        let orphaned: Vec<String> =
            clusters.orphans.iter().map(|live| live.resource.aws_name().to_owned()).collect();
        clusters.merge(service::read_orphaned(aws, desired, &orphaned).await);
        clusters
    };
    let (mut found, services, tasks) = join!(clusters, service::read(aws, desired), task::read(aws, desired));
    found.merge(services);
    found.merge(tasks);
    let running = task::read_running(aws, desired, &found.readings).await;
    found.collect(running);
    found
}

/// Changes the tags of anything in ECS.
pub(crate) async fn retag(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let request = aws.ecs.tag_resource().resource_arn(arn).set_tags(Some(to_ecs(&changes.set)));
        request.send().await.map_err(failed("ecs:TagResource"))?;
    }
    if !changes.remove.is_empty() {
        let request = aws.ecs.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove.clone()));
        request.send().await.map_err(failed("ecs:UntagResource"))?;
    }
    Ok(())
}

/// The last part of an ARN, which in ECS is the name.
pub(crate) fn name_in(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

/// A count as the SDK takes it.
pub(crate) fn count(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A count as the SDK shows it.
pub(crate) fn uncount(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}
