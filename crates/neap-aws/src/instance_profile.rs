//! IAM instance profiles.
//!
//! Decides how a profile is read, created, linked to its role and deleted. Must not know what starts with it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use aws_sdk_iam::types::InstanceProfile as AwsProfile;
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::InstanceProfile;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use tokio::join;

use crate::adopt::adopt;
use crate::client::Aws;
use crate::error::{failed, if_made, incomplete};
use crate::found::{Found, Outcome, address_of, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::role::settled;
use crate::tags::{TagChanges, from_iam, to_iam};

const GET: &str = "iam:GetInstanceProfile";

/// Reads the stack's profiles: the desired ones by name and the others under the stack's path.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> = declared::<InstanceProfile>(desired)
        .map(|(address, profile)| (profile.name.as_str(), address))
        .collect();
    let wanted = join_all(names.iter().map(|(name, address)| candidate(aws, name, Some(address))));
    let strays = async {
        let listed = list(aws, &format!("/neap/{}/", desired.stack)).await?;
        let is_named = |name: &&String| names.keys().any(|wanted| wanted.eq_ignore_ascii_case(name));
        let strays = listed.iter().filter(|name| !is_named(name)).map(|name| candidate(aws, name, None));
        Ok(join_all(strays).await)
    };
    let (wanted, strays) = join!(wanted, strays);
    found.collect(wanted);
    match strays {
        Ok(strays) => found.collect(strays),
        Err(error) => found.failed(&error),
    }
    found
}

async fn list(aws: &Aws, path: &str) -> Result<Vec<String>, CallError> {
    let pages = aws.iam.list_instance_profiles().path_prefix(path).into_paginator().items().send();
    let profiles: Vec<AwsProfile> =
        pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListInstanceProfiles"))?;
    Ok(profiles.into_iter().map(|profile| profile.instance_profile_name).collect())
}

async fn candidate(aws: &Aws, name: &str, address: Option<&Address>) -> Outcome {
    let outcome = get(aws, name).await.map(|profile| profile.and_then(|profile| live(&profile, address)));
    (address.cloned(), outcome)
}

async fn get(aws: &Aws, name: &str) -> Result<Option<AwsProfile>, CallError> {
    let answer = aws.iam.get_instance_profile().instance_profile_name(name).send().await;
    Ok(if_there(answer.map_err(failed(GET)))?.and_then(|answer| answer.instance_profile))
}

fn live(profile: &AwsProfile, named: Option<&Address>) -> Option<LiveResource> {
    let tags = from_iam(profile.tags());
    let address = address_of(&tags, named)?;
    let fields = from_aws(profile);
    let outputs = outputs([("arn", profile.arn()), ("name", &fields.name)]);
    let id = fields.name.clone();
    Some(LiveResource { address, id, outputs, resource: fields.into(), tags, phase: Phase::Ready })
}

fn from_aws(profile: &AwsProfile) -> InstanceProfile {
    InstanceProfile {
        name: profile.instance_profile_name().to_owned(),
        path: profile.path().to_owned(),
        role: profile.roles().first().map(|role| role.arn().to_owned()),
    }
}

/// The name in a role's ARN.
fn role_name(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, name)| name)
}

async fn add_role(aws: &Aws, profile: &str, role: &str) -> Result<(), CallError> {
    let call =
        aws.iam.add_role_to_instance_profile().instance_profile_name(profile).role_name(role_name(role));
    // Profile and role may both have been made a moment ago.
    call.send().await.map(|_| ()).map_err(failed("iam:AddRoleToInstanceProfile")).map_err(if_made)
}

async fn remove_role(aws: &Aws, profile: &str, role: &str) -> Result<(), CallError> {
    let call = aws.iam.remove_role_from_instance_profile();
    let call = call.instance_profile_name(profile).role_name(role_name(role));
    if_gone(call.send().await.map_err(failed("iam:RemoveRoleFromInstanceProfile")))
}

async fn retag(aws: &Aws, name: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let call = aws.iam.tag_instance_profile().instance_profile_name(name);
        let call = call.set_tags(Some(to_iam(&changes.set)?));
        call.send().await.map_err(failed("iam:TagInstanceProfile"))?;
    }
    if !changes.remove.is_empty() {
        let call = aws.iam.untag_instance_profile().instance_profile_name(name);
        let call = call.set_tag_keys(Some(changes.remove.clone()));
        call.send().await.map_err(failed("iam:UntagInstanceProfile"))?;
    }
    Ok(())
}

impl Remote for InstanceProfile {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        const CREATE: &str = "iam:CreateInstanceProfile";
        let fields = wanted.fields;
        let call = aws
            .iam
            .create_instance_profile()
            .instance_profile_name(&fields.name)
            .path(&fields.path)
            .set_tags(Some(to_iam(&wanted.all_tags())?));
        let answer = match call.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let found = get(aws, &fields.name).await?.and_then(|profile| live(&profile, None));
                return adopt(aws, wanted, found, error).await;
            }
            answer => answer?,
        };
        if let Some(role) = &fields.role {
            add_role(aws, &fields.name, role).await?;
        }
        let profile = answer.instance_profile().ok_or_else(|| incomplete(CREATE, "InstanceProfile"))?;
        Ok(outputs([("arn", profile.arn()), ("name", &fields.name)]))
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let name = &wanted.fields.name;
        if held.fields.role != wanted.fields.role {
            // AWS takes one role for a profile.
            if let Some(role) = &held.fields.role {
                remove_role(aws, name, role).await?;
            }
            if let Some(role) = &wanted.fields.role {
                add_role(aws, name, role).await?;
            }
        }
        retag(aws, name, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let name = &held.fields.name;
        // Whatever role it holds blocks the deletion, so the live one counts.
        let Some(profile) = get(aws, name).await? else { return Ok(()) };
        for role in profile.roles() {
            remove_role(aws, name, role.arn()).await?;
        }
        let answer = aws.iam.delete_instance_profile().instance_profile_name(name).send().await;
        if_gone(answer.map_err(failed("iam:DeleteInstanceProfile")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Some(profile) = get(aws, &wanted.fields.name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        if wanted.fields.role.is_some() && profile.roles().is_empty() {
            return Ok(Progress::Pending("its role is not visible yet".to_owned()));
        }
        // EC2 learns of a new profile as late as other services do of a role (3.11).
        let created = profile.create_date().to_owned().try_into();
        let created = created.map_err(|_| incomplete(GET, "CreateDate"))?;
        Ok(settled(profile.arn(), created, None, SystemTime::now()))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let profile = get(aws, &held.fields.name).await?;
        Ok(profile.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::Role as AwsRole;
    use aws_smithy_types::DateTime;
    use neap_core::kinds::KindOf;

    use super::*;

    fn profile(fields: &InstanceProfile) -> AwsProfile {
        let role = fields.role.as_ref().map(|arn| {
            let role = AwsRole::builder().arn(arn).role_name(role_name(arn)).path("/neap/course/");
            role.role_id("AROA").create_date(DateTime::from_secs(0)).build().expect("a role")
        });
        AwsProfile::builder()
            .instance_profile_name(&fields.name)
            .path(&fields.path)
            .instance_profile_id("AIPA")
            .arn("arn:aws:iam::123456789012:instance-profile/neap/course/course-cluster-main")
            .create_date(DateTime::from_secs(0))
            .set_roles(Some(role.into_iter().collect()))
            .build()
            .expect("a profile")
    }

    #[test]
    fn a_profile_reads_back_as_it_was_created_with_its_role_or_without() {
        let example = InstanceProfile::example();
        assert_eq!(from_aws(&profile(&example)), example);
        let empty = InstanceProfile { role: None, ..example };
        assert_eq!(from_aws(&profile(&empty)), empty);
    }

    #[test]
    fn a_roles_name_is_the_end_of_its_arn() {
        assert_eq!(role_name("arn:aws:iam::1:role/neap/course/a"), "a");
        assert_eq!(role_name("a"), "a");
    }
}
