//! Creating, changing and deleting security groups.
//!
//! Decides which calls a difference takes. Must not know what uses a group.

use aws_sdk_ec2::types as sdk;
use neap_core::kinds::{SecurityGroup, SecurityGroupRule};
use neap_core::live::{LiveResource, Outputs};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::join;

use super::read::{DESCRIBE, live};
use super::rules::{self, RuleChanges};
use crate::adopt::{adopt, not_visible_yet, wanted_address};
use crate::client::Aws;
use crate::error::{failed, incomplete, not_yet, refused};
use crate::found::{if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::{TagChanges, Tags, to_ec2};

const CREATE: &str = "ec2:CreateSecurityGroup";

/// Which way traffic goes.
#[derive(Debug, Clone, Copy)]
enum Direction {
    Ingress,
    Egress,
}

/// Adds rules, all in one call.
async fn authorize(
    aws: &Aws,
    id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
) -> Result<(), CallError> {
    let permissions = Some(rules::to_aws(rules, id));
    match direction {
        Direction::Ingress => {
            let call = aws.ec2.authorize_security_group_ingress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:AuthorizeSecurityGroupIngress"))
        }
        Direction::Egress => {
            let call = aws.ec2.authorize_security_group_egress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:AuthorizeSecurityGroupEgress"))
        }
    }
}

/// Changes the descriptions of rules, all in one call.
async fn describe(
    aws: &Aws,
    id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
) -> Result<(), CallError> {
    let permissions = Some(rules::to_aws(rules, id));
    match direction {
        Direction::Ingress => {
            let call = aws.ec2.update_security_group_rule_descriptions_ingress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:UpdateSecurityGroupRuleDescriptionsIngress"))
        }
        Direction::Egress => {
            let call = aws.ec2.update_security_group_rule_descriptions_egress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:UpdateSecurityGroupRuleDescriptionsEgress"))
        }
    }
}

/// Removes rules, all in one call.
async fn revoke(
    aws: &Aws,
    id: &str,
    direction: Direction,
    rules: &[SecurityGroupRule],
) -> Result<(), CallError> {
    let permissions = Some(rules::to_aws(rules, id));
    match direction {
        Direction::Ingress => {
            let call = aws.ec2.revoke_security_group_ingress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:RevokeSecurityGroupIngress"))
        }
        Direction::Egress => {
            let call = aws.ec2.revoke_security_group_egress().group_id(id);
            let answer = call.set_ip_permissions(permissions).send().await;
            answer.map(|_| ()).map_err(failed("ec2:RevokeSecurityGroupEgress"))
        }
    }
}

/// Adds before it removes, so that no traffic is cut off meanwhile.
async fn change(aws: &Aws, id: &str, direction: Direction, changes: &RuleChanges) -> Result<(), CallError> {
    if !changes.add.is_empty() {
        authorize(aws, id, direction, &changes.add).await?;
    }
    if !changes.describe.is_empty() {
        describe(aws, id, direction, &changes.describe).await?;
    }
    if !changes.remove.is_empty() {
        revoke(aws, id, direction, &changes.remove).await?;
    }
    Ok(())
}

async fn change_both(
    aws: &Aws,
    id: &str,
    live: &SecurityGroup,
    wanted: &SecurityGroup,
) -> Result<(), CallError> {
    let ingress = RuleChanges::between(&live.ingress, &wanted.ingress);
    let egress = RuleChanges::between(&live.egress, &wanted.egress);
    // Both to the end: a call that is dropped in flight may still be carried out.
    let (ingress, egress) =
        join!(change(aws, id, Direction::Ingress, &ingress), change(aws, id, Direction::Egress, &egress));
    ingress.and(egress)
}

/// Makes the rules as wanted. AWS refuses a whole call for one rule that is there already or is gone, so then it looks
/// once more and does what is left. That look may show what was there before, too: then the whole comes again later.
async fn set_rules(
    aws: &Aws,
    id: &str,
    live: &SecurityGroup,
    wanted: &SecurityGroup,
) -> Result<(), CallError> {
    let error = match change_both(aws, id, live, wanted).await {
        Err(error) if is_about_a_rule(&error) => error,
        outcome => return outcome.map_err(not_visible_yet),
    };
    let group = with_id(aws, id).await?.ok_or_else(|| seen_too_early(error))?;
    let now = super::read::from_aws(&group);
    change_both(aws, id, &now, wanted).await.map_err(seen_too_early)
}

/// The failure of a change that followed a fresh look at the rules: what is refused because of a rule was not as shown.
fn seen_too_early(error: CallError) -> CallError {
    if is_about_a_rule(&error) { not_yet(error) } else { not_visible_yet(error) }
}

fn is_about_a_rule(error: &CallError) -> bool {
    matches!(error.code.as_deref(), Some("InvalidPermission.Duplicate" | "InvalidPermission.NotFound"))
}

fn is_in_use(error: &CallError) -> bool {
    error.kind == ErrorKind::InUse || error.code.as_deref() == Some("InvalidGroup.InUse")
}

/// Takes away the rules that name other groups: two groups that let each other in could otherwise never be deleted.
async fn release_peers(aws: &Aws, id: &str, live: &SecurityGroup) -> Result<(), CallError> {
    let names_a_group = |rule: &&SecurityGroupRule| rule.peer.starts_with("sg-");
    for (direction, rules) in [(Direction::Ingress, &live.ingress), (Direction::Egress, &live.egress)] {
        let rules: Vec<SecurityGroupRule> = rules.iter().filter(names_a_group).cloned().collect();
        if rules.is_empty() {
            continue;
        }
        match revoke(aws, id, direction, &rules).await {
            // An earlier try has taken them away.
            Err(error) if is_about_a_rule(&error) => {}
            outcome => outcome?,
        }
    }
    Ok(())
}

async fn set_tags(aws: &Aws, id: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let call = aws.ec2.create_tags().resources(id).set_tags(Some(to_ec2(&changes.set)));
        call.send().await.map_err(failed("ec2:CreateTags"))?;
    }
    if !changes.remove.is_empty() {
        let keys = changes.remove.iter().map(|key| sdk::Tag::builder().key(key).build()).collect();
        let call = aws.ec2.delete_tags().resources(id).set_tags(Some(keys));
        call.send().await.map_err(failed("ec2:DeleteTags"))?;
    }
    Ok(())
}

async fn with_id(aws: &Aws, id: &str) -> Result<Option<sdk::SecurityGroup>, CallError> {
    let answer = aws.ec2.describe_security_groups().group_ids(id).send().await;
    let answer = if_there(answer.map_err(failed(DESCRIBE)))?;
    Ok(answer.and_then(|answer| answer.security_groups.unwrap_or_default().pop()))
}

/// Reads the group that has the wanted name in the wanted VPC.
async fn find(aws: &Aws, wanted: &Wanted<'_, SecurityGroup>) -> Result<Option<LiveResource>, CallError> {
    let filter = |name: &str, value: &str| sdk::Filter::builder().name(name).values(value).build();
    let call = aws
        .ec2
        .describe_security_groups()
        .filters(filter("group-name", &wanted.fields.name))
        .filters(filter("vpc-id", &wanted.fields.vpc));
    let answer = call.send().await.map_err(failed(DESCRIBE))?;
    let address = wanted_address(wanted)?;
    Ok(answer.security_groups().first().map(|group| live(&address, group)))
}

fn tag_specification(tags: &Tags) -> sdk::TagSpecification {
    let specification = sdk::TagSpecification::builder().resource_type(sdk::ResourceType::SecurityGroup);
    specification.set_tags(Some(to_ec2(tags))).build()
}

impl Remote for SecurityGroup {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let call = aws
            .ec2
            .create_security_group()
            .group_name(&wanted.fields.name)
            .description(&wanted.fields.description)
            .vpc_id(&wanted.fields.vpc)
            .tag_specifications(tag_specification(&wanted.all_tags()));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Ok(answer) => answer,
            Err(error) if error.kind == ErrorKind::Conflict => {
                return adopt(aws, wanted, find(aws, wanted).await?, error).await;
            }
            Err(error) => return Err(error),
        };
        let id = answer.group_id().ok_or_else(|| incomplete(CREATE, "GroupId"))?;
        // AWS gives a new group egress rules: one, or two where the VPC has IPv6.
        let group = with_id(aws, id).await?;
        let group = group
            .ok_or_else(|| refused(ErrorKind::NotYet, DESCRIBE, format!("`{id}` is not visible yet")))?;
        set_rules(aws, id, &super::read::from_aws(&group), wanted.fields).await?;
        Ok(outputs([("id", id)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let id = held.live.id.as_str();
        set_rules(aws, id, held.fields, wanted.fields).await?;
        set_tags(aws, id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let answer = aws.ec2.delete_security_group().group_id(&held.live.id).send().await;
        match if_gone(answer.map_err(failed("ec2:DeleteSecurityGroup"))) {
            Err(error) if is_in_use(&error) => {
                release_peers(aws, &held.live.id, held.fields).await?;
                Err(CallError { kind: ErrorKind::InUse, ..error })
            }
            outcome => outcome,
        }
    }

    async fn ready(
        _aws: &Aws,
        _wanted: &Wanted<'_, Self>,
        _outputs: &Outputs,
    ) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(_aws: &Aws, _held: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: ErrorKind, code: &str, expected: ErrorKind) {
        let error = CallError {
            code: Some(code.to_owned()),
            ..refused(kind, "ec2:AuthorizeSecurityGroupIngress", "no")
        };
        let judged = seen_too_early(error.clone());
        assert_eq!(judged, CallError { kind: expected, ..error }, "{code}");
    }

    #[test]
    fn rules_that_are_not_as_the_second_look_showed_them_are_tried_again() {
        check(ErrorKind::Conflict, "InvalidPermission.Duplicate", ErrorKind::NotYet);
        check(ErrorKind::NotFound, "InvalidPermission.NotFound", ErrorKind::NotYet);
        check(ErrorKind::NotFound, "InvalidGroup.NotFound", ErrorKind::NotYet);
    }

    #[test]
    fn what_no_later_look_can_help_stays_a_failure() {
        check(ErrorKind::Denied, "UnauthorizedOperation", ErrorKind::Denied);
        check(ErrorKind::Quota, "RulesPerSecurityGroupLimitExceeded", ErrorKind::Quota);
        check(ErrorKind::Invalid, "InvalidParameterValue", ErrorKind::Invalid);
    }
}
