//! ECS capacity providers on auto scaling groups.
//!
//! Decides how a provider is read, created, changed and deleted. Must not know how a group is made.

use std::collections::BTreeMap;

use aws_sdk_ecs::types as sdk;
use neap_core::address::Address;
use neap_core::desired::Desired;
use neap_core::kinds::CapacityProvider;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::adopt::adopt;
use crate::client::Aws;
use crate::cluster_capacity;
use crate::ecs::{count, retag, uncount};
use crate::error::{failed, incomplete};
use crate::found::{Found, address_of, if_gone};
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{from_ecs, to_ecs};

const DESCRIBE: &str = "ecs:DescribeCapacityProviders";
const CREATE: &str = "ecs:CreateCapacityProvider";

/// Reads the stack's providers.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> = declared::<CapacityProvider>(desired)
        .map(|(address, provider)| (provider.name.as_str(), address))
        .collect();
    match describe(aws, &[]).await {
        Err(error) => found.unlistable::<CapacityProvider>(desired, &error),
        Ok(providers) => {
            for provider in &providers {
                let named = provider.name().and_then(|name| names.get(name).copied());
                match (named, live(provider, named)) {
                    (Some(address), Some(live)) => found.claim(address, live),
                    (None, Some(live)) => found.stray(live),
                    (_, None) => {}
                }
            }
            found.rest_absent::<CapacityProvider>(desired);
        }
    }
    found
}

/// The providers of these names, or all that somebody made; those that are gone stay visible as inactive for a while. The
/// SDK has no pages for them.
async fn describe(aws: &Aws, names: &[String]) -> Result<Vec<sdk::CapacityProvider>, CallError> {
    let mut all = Vec::new();
    let mut next = None;
    loop {
        let call = aws.ecs.describe_capacity_providers().include(sdk::CapacityProviderField::Tags);
        let named = (!names.is_empty()).then(|| names.to_vec());
        let answer = call.set_capacity_providers(named).set_next_token(next).send().await;
        let answer = answer.map_err(failed(DESCRIBE))?;
        next = answer.next_token().map(str::to_owned);
        all.extend(answer.capacity_providers.unwrap_or_default().into_iter().filter(is_somebodys));
        if next.is_none() {
            return Ok(all);
        }
    }
}

fn is_somebodys(provider: &sdk::CapacityProvider) -> bool {
    provider.status() != Some(&sdk::CapacityProviderStatus::Inactive)
        && provider.auto_scaling_group_provider().is_some()
}

async fn find(aws: &Aws, name: &str) -> Result<Option<sdk::CapacityProvider>, CallError> {
    Ok(describe(aws, &[name.to_owned()]).await?.into_iter().find(|found| found.name() == Some(name)))
}

fn live(provider: &sdk::CapacityProvider, named: Option<&Address>) -> Option<LiveResource> {
    let tags = from_ecs(provider.tags());
    let address = address_of(&tags, named)?;
    Some(LiveResource {
        address,
        id: provider.capacity_provider_arn().unwrap_or_default().to_owned(),
        outputs: provider_outputs(provider),
        resource: from_aws(provider).into(),
        tags,
        phase: phase(provider),
    })
}

fn provider_outputs(provider: &sdk::CapacityProvider) -> Outputs {
    let arn = provider.capacity_provider_arn().unwrap_or_default();
    outputs([("arn", arn), ("name", provider.name().unwrap_or_default())])
}

fn phase(provider: &sdk::CapacityProvider) -> Phase {
    use sdk::CapacityProviderUpdateStatus as Update;
    let reason = || provider.update_status_reason().unwrap_or("AWS gives no reason").to_owned();
    match provider.update_status() {
        Some(Update::DeleteInProgress) => Phase::Deleting("delete in progress".to_owned()),
        Some(Update::UpdateInProgress | Update::CreateInProgress) => {
            Phase::Settling("being changed".to_owned())
        }
        Some(Update::DeleteFailed | Update::UpdateFailed | Update::CreateFailed) => Phase::Failed(reason()),
        _ => Phase::Ready,
    }
}

fn from_aws(provider: &sdk::CapacityProvider) -> CapacityProvider {
    let group = provider.auto_scaling_group_provider();
    let scaling = group.and_then(|group| group.managed_scaling());
    let protection = group.and_then(|group| group.managed_termination_protection());
    // AWS drains unless it is told not to.
    let draining = group.and_then(|group| group.managed_draining());
    CapacityProvider {
        name: provider.name().unwrap_or_default().to_owned(),
        auto_scaling_group: group.map_or("", |group| group.auto_scaling_group_arn()).to_owned(),
        managed_scaling: scaling.and_then(|it| it.status()) == Some(&sdk::ManagedScalingStatus::Enabled),
        target_capacity: scaling.and_then(|it| it.target_capacity()).map_or(100, uncount),
        managed_termination_protection: protection == Some(&sdk::ManagedTerminationProtection::Enabled),
        managed_draining: draining != Some(&sdk::ManagedDraining::Disabled),
    }
}

fn scaling(fields: &CapacityProvider) -> sdk::ManagedScaling {
    use sdk::ManagedScalingStatus::{Disabled, Enabled};
    let status = if fields.managed_scaling { Enabled } else { Disabled };
    sdk::ManagedScaling::builder().status(status).target_capacity(count(fields.target_capacity)).build()
}

const fn protection(fields: &CapacityProvider) -> sdk::ManagedTerminationProtection {
    use sdk::ManagedTerminationProtection::{Disabled, Enabled};
    if fields.managed_termination_protection { Enabled } else { Disabled }
}

const fn draining(fields: &CapacityProvider) -> sdk::ManagedDraining {
    if fields.managed_draining { sdk::ManagedDraining::Enabled } else { sdk::ManagedDraining::Disabled }
}

fn to_aws(fields: &CapacityProvider) -> Result<sdk::AutoScalingGroupProvider, CallError> {
    sdk::AutoScalingGroupProvider::builder()
        .auto_scaling_group_arn(&fields.auto_scaling_group)
        .managed_scaling(scaling(fields))
        .managed_termination_protection(protection(fields))
        .managed_draining(draining(fields))
        .build()
        .map_err(|_| incomplete(CREATE, "autoScalingGroupArn"))
}

impl Remote for CapacityProvider {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let fields = wanted.fields;
        let call = aws
            .ecs
            .create_capacity_provider()
            .name(&fields.name)
            .auto_scaling_group_provider(to_aws(fields)?)
            .set_tags(Some(to_ecs(&wanted.all_tags())));
        match call.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => {
                let found = find(aws, &fields.name).await?.and_then(|provider| live(&provider, None));
                adopt(aws, wanted, found, error).await
            }
            answer => {
                let answer = answer?;
                let provider = answer.capacity_provider();
                Ok(provider_outputs(provider.ok_or_else(|| incomplete(CREATE, "capacityProvider"))?))
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let after = wanted.fields;
        // One that AWS could not change has what was asked for and still does not work.
        if held.fields != after || matches!(held.live.phase, Phase::Failed(_)) {
            let group = sdk::AutoScalingGroupProviderUpdate::builder()
                .managed_scaling(scaling(after))
                .managed_termination_protection(protection(after))
                .managed_draining(draining(after))
                .build();
            let call =
                aws.ecs.update_capacity_provider().name(&after.name).auto_scaling_group_provider(group);
            call.send().await.map_err(failed("ecs:UpdateCapacityProvider"))?;
        }
        retag(aws, &held.live.id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(held.live.outputs.clone())
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let call = aws.ecs.delete_capacity_provider().capacity_provider(&held.fields.name);
        match if_gone(call.send().await.map_err(failed("ecs:DeleteCapacityProvider"))) {
            Err(error) if error.kind == ErrorKind::InUse => {
                // An association could not let go of it as long as a service used it.
                cluster_capacity::take_out(aws, held).await?;
                Err(error)
            }
            outcome => outcome,
        }
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let Some(provider) = find(aws, &wanted.fields.name).await? else {
            return Ok(Progress::Pending("not visible yet".to_owned()));
        };
        Ok(match phase(&provider) {
            Phase::Ready => Progress::Done,
            Phase::Settling(detail) => Progress::Pending(detail),
            Phase::Deleting(detail) | Phase::Failed(detail) => Progress::Failed(detail),
        })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let Some(provider) = find(aws, &held.fields.name).await? else { return Ok(Progress::Done) };
        Ok(match phase(&provider) {
            Phase::Failed(reason) => Progress::Failed(reason),
            Phase::Deleting(_) => Progress::Pending("delete in progress".to_owned()),
            Phase::Ready | Phase::Settling(_) => Progress::Pending("deleting".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    fn provider(fields: &CapacityProvider) -> sdk::CapacityProvider {
        let group = to_aws(fields).expect("a group");
        sdk::CapacityProvider::builder().name(&fields.name).auto_scaling_group_provider(group).build()
    }

    #[test]
    fn a_provider_reads_back_as_it_was_created() {
        let example = CapacityProvider::example();
        assert_eq!(from_aws(&provider(&example)), example);
        let plain = CapacityProvider {
            managed_scaling: false,
            managed_termination_protection: false,
            managed_draining: false,
            target_capacity: 80,
            ..example
        };
        assert_eq!(from_aws(&provider(&plain)), plain);
    }

    #[test]
    fn fargates_and_those_that_are_gone_are_nobodys() {
        let own = provider(&CapacityProvider::example());
        assert!(is_somebodys(&own));
        assert!(!is_somebodys(&sdk::CapacityProvider::builder().name("FARGATE").build()));
        let gone = sdk::CapacityProvider::builder().status(sdk::CapacityProviderStatus::Inactive);
        assert!(!is_somebodys(
            &gone.set_auto_scaling_group_provider(own.auto_scaling_group_provider).build()
        ));
    }

    #[test]
    fn a_providers_status_tells_how_far_it_is() {
        use sdk::CapacityProviderUpdateStatus as Update;
        let check = |status: Option<Update>, expected: Phase| {
            let provider = sdk::CapacityProvider::builder().set_update_status(status.clone());
            assert_eq!(phase(&provider.update_status_reason("no").build()), expected, "{status:?}");
        };
        check(None, Phase::Ready);
        check(Some(Update::UpdateComplete), Phase::Ready);
        check(Some(Update::UpdateInProgress), Phase::Settling("being changed".into()));
        check(Some(Update::DeleteInProgress), Phase::Deleting("delete in progress".into()));
        check(Some(Update::DeleteFailed), Phase::Failed("no".into()));
    }
}
