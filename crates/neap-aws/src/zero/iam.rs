//! Roles and instance profiles: those under the stack's path, and those of the names that it declares wherever they are.

use aws_sdk_iam::types as sdk;
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::{CallError, ErrorKind};

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let mut roles = part.take(list(aws, &scope.path()).await);
    let listed = |name: &&str| !roles.iter().any(|role| role.role_name().eq_ignore_ascii_case(name));
    let elsewhere: Vec<&str> = scope.names_of(Thing::Role).filter(listed).collect();
    for answer in each(&elsewhere, async |name| get(aws, name).await).await {
        roles.extend(part.take(answer));
    }
    for (role, answer) in
        roles.iter().zip(each(&roles, async |role| tags_of(aws, role.role_name()).await).await)
    {
        let tags = part.take(answer);
        part.seen.push(Seen { tags, ..Seen::new(Thing::Role, role.arn(), role.role_name()) });
    }
    part.merge(profiles(aws, scope).await);
    part
}

async fn profiles(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let pages = aws.iam.list_instance_profiles().path_prefix(scope.path()).into_paginator().items().send();
    let listed: Result<Vec<sdk::InstanceProfile>, CallError> =
        pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListInstanceProfiles"));
    let mut profiles = part.take(listed);
    let listed =
        |name: &&str| !profiles.iter().any(|it| it.instance_profile_name().eq_ignore_ascii_case(name));
    let elsewhere: Vec<&str> = scope.names_of(Thing::InstanceProfile).filter(listed).collect();
    for answer in each(&elsewhere, async |name| profile(aws, name).await).await {
        profiles.extend(part.take(answer));
    }
    let answers = each(&profiles, async |it| profile_tags(aws, it.instance_profile_name()).await).await;
    for (profile, answer) in profiles.iter().zip(answers) {
        let tags = part.take(answer);
        let (arn, name) = (profile.arn(), profile.instance_profile_name());
        let uses = profile.roles().iter().map(|role| role.arn().to_owned()).collect();
        part.seen.push(Seen { tags, uses, ..Seen::new(Thing::InstanceProfile, arn, name) });
    }
    part
}

async fn profile(aws: &Aws, name: &str) -> Result<Option<sdk::InstanceProfile>, CallError> {
    let answer = aws.iam.get_instance_profile().instance_profile_name(name).send().await;
    match answer.map_err(failed("iam:GetInstanceProfile")) {
        Ok(answer) => Ok(answer.instance_profile),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn profile_tags(
    aws: &Aws,
    name: &str,
) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let pages =
        aws.iam.list_instance_profile_tags().instance_profile_name(name).into_paginator().items().send();
    let listed: Vec<sdk::Tag> =
        pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListInstanceProfileTags"))?;
    Ok(tags(listed.iter().map(|tag| (tag.key(), tag.value()))))
}

async fn list(aws: &Aws, path: &str) -> Result<Vec<sdk::Role>, CallError> {
    let pages = aws.iam.list_roles().path_prefix(path).into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListRoles"))
}

async fn get(aws: &Aws, name: &str) -> Result<Option<sdk::Role>, CallError> {
    match aws.iam.get_role().role_name(name).send().await.map_err(failed("iam:GetRole")) {
        Ok(answer) => Ok(answer.role),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn tags_of(aws: &Aws, name: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let pages = aws.iam.list_role_tags().role_name(name).into_paginator().items().send();
    let listed: Vec<sdk::Tag> = pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListRoleTags"))?;
    Ok(tags(listed.iter().map(|tag| (tag.key(), tag.value()))))
}
