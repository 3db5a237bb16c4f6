//! Changing tags in the load-balancing API, whose four kinds of resources share one way of tagging.
//!
//! Decides which calls a change of tags takes. Must not know which tags a stack wants.

use neap_engine::cloud::CallError;

use crate::client::Aws;
use crate::error::failed;
use crate::tags::{TagChanges, to_elb};

/// Carries out `changes` on the resource `arn`.
pub(super) async fn apply(aws: &Aws, arn: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let call = aws.elb.add_tags().resource_arns(arn).set_tags(Some(to_elb(&changes.set)));
        call.send().await.map_err(failed("elasticloadbalancing:AddTags"))?;
    }
    if !changes.remove.is_empty() {
        let call = aws.elb.remove_tags().resource_arns(arn).set_tag_keys(Some(changes.remove.clone()));
        call.send().await.map_err(failed("elasticloadbalancing:RemoveTags"))?;
    }
    Ok(())
}
