//! IAM roles with their policies.
//!
//! Decides how a role is read, created, changed and deleted, and when services may be expected to know it. Must
//! not know who assumes it.

mod policies;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use aws_sdk_iam::types::Role as AwsRole;
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::Role;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use serde_json::Value;
use tokio::{join, try_join};

use crate::client::Aws;
use crate::error::{failed, if_made, incomplete, not_yet};
use crate::found::{Found, Outcome, address_of, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{TagChanges, Tags, from_iam, to_iam};

const GET: &str = "iam:GetRole";

/// Reads the stack's roles: the desired ones by name and the others under the stack's path.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> =
        declared::<Role>(desired).map(|(address, role)| (role.name.as_str(), address)).collect();
    let wanted = join_all(names.iter().map(|(name, address)| candidate(aws, name, Some(address))));
    let strays = async {
        let listed = list(aws, &format!("/neap/{}/", desired.stack)).await?;
        // Names are unique whatever their case.
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
    let pages = aws.iam.list_roles().path_prefix(path).into_paginator().items().send();
    let roles: Vec<AwsRole> = pages.collect::<Result<_, _>>().await.map_err(failed("iam:ListRoles"))?;
    Ok(roles.into_iter().map(|role| role.role_name).collect())
}

async fn candidate(aws: &Aws, name: &str, address: Option<&Address>) -> Outcome {
    let outcome = async {
        let Some(whole) = whole(aws, name).await? else { return Ok(None) };
        let tags = from_iam(whole.role.tags());
        let Some(address) = address_of(&tags, address) else { return Ok(None) };
        Ok(Some(live(address, &whole, tags)?))
    };
    (address.cloned(), outcome.await)
}

/// A role with everything that AWS keeps beside it.
struct Whole {
    role: AwsRole,
    managed: BTreeSet<String>,
    inline: BTreeMap<String, Value>,
}

async fn whole(aws: &Aws, name: &str) -> Result<Option<Whole>, CallError> {
    let parts = try_join!(get(aws, name), policies::attached(aws, name), policies::inline(aws, name));
    let Some((Some(role), managed, inline)) = if_there(parts)? else { return Ok(None) };
    Ok(Some(Whole { role, managed, inline }))
}

async fn get(aws: &Aws, name: &str) -> Result<Option<AwsRole>, CallError> {
    let answer = aws.iam.get_role().role_name(name).send().await;
    Ok(if_there(answer.map_err(failed(GET)))?.and_then(|answer| answer.role))
}

fn live(address: Address, whole: &Whole, tags: Tags) -> Result<LiveResource, CallError> {
    let fields = from_aws(whole)?;
    // Just after its creation a role's ARN may be its unique id.
    let is_arn = whole.role.arn().starts_with("arn:");
    let phase = if is_arn { Phase::Ready } else { Phase::Settling("being created".to_owned()) };
    let mut outputs = outputs([("name", &fields.name)]);
    if is_arn {
        outputs.insert("arn".to_owned(), whole.role.arn().to_owned());
    }
    Ok(LiveResource { address, id: fields.name.clone(), outputs, resource: fields.into(), tags, phase })
}

fn from_aws(whole: &Whole) -> Result<Role, CallError> {
    let role = &whole.role;
    let trust = role.assume_role_policy_document().unwrap_or("null");
    Ok(Role {
        name: role.role_name().to_owned(),
        path: role.path().to_owned(),
        description: role.description().unwrap_or_default().to_owned(),
        trust: policies::document(GET, trust)?,
        managed_policies: whole.managed.clone(),
        inline_policies: whole.inline.clone(),
        max_session_seconds: role
            .max_session_duration()
            .and_then(|value| value.try_into().ok())
            .unwrap_or(3600),
    })
}

fn seconds(role: &Role) -> i32 {
    i32::try_from(role.max_session_seconds).unwrap_or(i32::MAX)
}

async fn retag(aws: &Aws, name: &str, changes: &TagChanges) -> Result<(), CallError> {
    if !changes.set.is_empty() {
        let request = aws.iam.tag_role().role_name(name).set_tags(Some(to_iam(&changes.set)?));
        request.send().await.map_err(failed("iam:TagRole"))?;
    }
    if !changes.remove.is_empty() {
        let request = aws.iam.untag_role().role_name(name).set_tag_keys(Some(changes.remove.clone()));
        request.send().await.map_err(failed("iam:UntagRole"))?;
    }
    Ok(())
}

/// A create met something of its name: its own earlier creation is brought into shape, anything else is a conflict.
async fn resume(aws: &Aws, wanted: &Wanted<'_, Role>, conflict: CallError) -> Result<Outputs, CallError> {
    let Some(whole) = whole(aws, &wanted.fields.name).await? else { return Err(not_yet(conflict)) };
    let tags = from_iam(whole.role.tags());
    let Some(address) = address_of(&tags, None).filter(|_| wanted.is_marked(&tags)) else {
        return Err(conflict);
    };
    Role::update(aws, &Held::of(&live(address, &whole, tags)?)?, wanted).await
}

/// The outputs of a role, whose ARN is a function of account, path and name.
async fn computed(aws: &Aws, role: &Role) -> Result<Outputs, CallError> {
    let identity = aws.identity().await?;
    let (partition, account) = (&identity.partition, &identity.account);
    let arn = format!("arn:{partition}:iam::{account}:role{}{}", role.path, role.name);
    Ok(outputs([("arn", &arn), ("name", &role.name)]))
}

impl Remote for Role {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let description = Some(fields.description.clone()).filter(|description| !description.is_empty());
        let request = aws
            .iam
            .create_role()
            .role_name(&fields.name)
            .path(&fields.path)
            .set_description(description)
            .assume_role_policy_document(fields.trust.to_string())
            .max_session_duration(seconds(fields))
            .set_tags(Some(to_iam(&wanted.all_tags())?));
        match request.send().await.map_err(failed("iam:CreateRole")) {
            Err(error) if error.kind == ErrorKind::Conflict => return resume(aws, wanted, error).await,
            other => other?,
        };
        policies::attach(aws, &fields.name, &fields.managed_policies).await.map_err(if_made)?;
        policies::put(aws, &fields.name, fields.inline_policies.iter()).await.map_err(if_made)?;
        computed(aws, fields).await
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let (before, after) = (held.fields, wanted.fields);
        let name = &after.name;
        if before.trust != after.trust {
            let request = aws.iam.update_assume_role_policy().role_name(name);
            let answer = request.policy_document(after.trust.to_string()).send().await;
            answer.map_err(failed("iam:UpdateAssumeRolePolicy"))?;
            aws.recent.trust_changed(name);
        }
        if before.description != after.description || before.max_session_seconds != after.max_session_seconds
        {
            let request = aws.iam.update_role().role_name(name).description(&after.description);
            let answer = request.max_session_duration(seconds(after)).send().await;
            answer.map_err(failed("iam:UpdateRole"))?;
        }
        // What is granted comes first, so that nothing is refused in between.
        policies::attach(aws, name, after.managed_policies.difference(&before.managed_policies)).await?;
        let changed =
            |(key, document): &(&String, &Value)| before.inline_policies.get(*key) != Some(*document);
        policies::put(aws, name, after.inline_policies.iter().filter(changed)).await?;
        policies::detach(aws, name, before.managed_policies.difference(&after.managed_policies)).await?;
        let gone = before.inline_policies.keys().filter(|key| !after.inline_policies.contains_key(*key));
        policies::delete(aws, name, gone).await?;
        retag(aws, name, &wanted.tag_changes(&held.live.tags)).await?;
        computed(aws, after).await
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        // Whatever is attached blocks the deletion, whoever attached it, so the live lists count.
        let name = &held.fields.name;
        let lists = try_join!(policies::attached(aws, name), policies::inline_names(aws, name));
        let Some((attached, inline)) = if_there(lists)? else { return Ok(()) };
        policies::detach(aws, name, &attached).await?;
        policies::delete(aws, name, &inline).await?;
        if_gone(aws.iam.delete_role().role_name(name).send().await.map_err(failed("iam:DeleteRole")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Some(role) = get(aws, &wanted.fields.name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        let created = role.create_date().to_owned().try_into().map_err(|_| incomplete(GET, "CreateDate"))?;
        let repaired = aws.recent.since_trust_changed(&wanted.fields.name);
        Ok(settled(role.arn(), created, repaired, SystemTime::now()))
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let role = get(aws, &held.fields.name).await?;
        Ok(role.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

/// How long other services take to learn of a new role or trust policy, at the most (reference section 3.10).
const ROLE_SETTLING: Duration = Duration::from_secs(12);

/// Other services learn of a role, and of who may assume it, some seconds after IAM does, and a task that comes too early
/// counts as failed (reference 3.10). A clock that runs up to a minute behind AWS's only waits longer. IAM does not tell
/// when a trust policy was changed, so `repaired`, how long ago that was, is known only of this process's own changes.
pub(crate) fn settled(
    arn: &str,
    created: SystemTime,
    repaired: Option<Duration>,
    now: SystemTime,
) -> Progress {
    const SLOWEST_CLOCK: Duration = Duration::from_secs(60);
    let is_fresh = now < created + ROLE_SETTLING && now + SLOWEST_CLOCK >= created;
    let is_repaired = repaired.is_some_and(|ago| ago < ROLE_SETTLING);
    if !arn.starts_with("arn:") || is_fresh || is_repaired {
        return Progress::Pending("becoming known to other services".to_owned());
    }
    Progress::Done
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_smithy_types::DateTime;
    use neap_core::kinds::KindOf;
    use neap_core::policy;

    fn encoded(document: &Value) -> String {
        document.to_string().replace('%', "%25").replace('{', "%7B").replace('"', "%22").replace(' ', "%20")
    }

    fn whole(fields: &Role) -> Whole {
        let role = AwsRole::builder()
            .role_name(&fields.name)
            .path(&fields.path)
            .role_id("AROAEXAMPLE")
            .arn(format!("arn:aws:iam::123456789012:role{}{}", fields.path, fields.name))
            .create_date(DateTime::from_secs(0))
            .assume_role_policy_document(encoded(&fields.trust))
            .description(&fields.description)
            .max_session_duration(seconds(fields))
            .build()
            .expect("every member that a role needs");
        Whole { role, managed: fields.managed_policies.clone(), inline: fields.inline_policies.clone() }
    }

    fn example() -> Role {
        let example = Role::example();
        let normal = |(name, document): (&String, &Value)| (name.clone(), policy::normalise(document));
        Role {
            trust: policy::normalise(&example.trust),
            inline_policies: example.inline_policies.iter().map(normal).collect(),
            ..example
        }
    }

    #[test]
    fn a_role_reads_back_as_it_was_created() {
        assert_eq!(from_aws(&whole(&example())), Ok(example()));
    }

    #[test]
    fn a_role_without_an_arn_is_still_being_created() {
        let mut whole = whole(&example());
        whole.role.arn = "AROAEXAMPLE".to_owned();
        let address = Address::new(neap_core::address::Kind::Role, "api");
        let live = live(address, &whole, Tags::new()).expect("documents that read");
        assert_eq!(live.phase, Phase::Settling("being created".to_owned()));
        assert_eq!(live.outputs.get("arn"), None);
    }

    #[test]
    fn a_role_is_ready_some_seconds_after_its_creation() {
        let check = |arn: &str, age: i64, expected: bool| {
            let created = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
            let shift = Duration::from_secs(age.unsigned_abs());
            let now = if age < 0 { created - shift } else { created + shift };
            let progress = settled(arn, created, None, now);
            assert_eq!(progress == Progress::Done, expected, "{arn} {age}");
        };
        check("arn:aws:iam::1:role/a", 0, false);
        check("arn:aws:iam::1:role/a", 11, false);
        check("arn:aws:iam::1:role/a", 12, true);
        check("AROAEXAMPLE", 3600, false);
        check("arn:aws:iam::1:role/a", -30, false);
        check("arn:aws:iam::1:role/a", -3600, true);
    }

    #[test]
    fn a_role_is_ready_some_seconds_after_its_trust_policy_was_changed() {
        let check = |ago: Option<u64>, expected: bool| {
            let created = SystemTime::UNIX_EPOCH + Duration::from_secs(10_000);
            let (now, ago) = (created + Duration::from_secs(3600), ago.map(Duration::from_secs));
            let progress = settled("arn:aws:iam::1:role/a", created, ago, now);
            assert_eq!(progress == Progress::Done, expected, "{ago:?}");
        };
        check(None, true);
        check(Some(0), false);
        check(Some(11), false);
        check(Some(12), true);
    }
}
