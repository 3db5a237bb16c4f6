//! EC2 launch templates.
//!
//! Decides how a template is read, and when a change needs one more version. Must not know who starts from it.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use futures_util::future::join_all;
use neap_core::address::Address;
use neap_core::desired::{Desired, short_hash};
use neap_core::diff;
use neap_core::kinds::LaunchTemplate;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_engine::cloud::{CallError, ErrorKind, Progress};

use crate::adopt::{adopt, live_resource, wanted_address};
use crate::client::Aws;
use crate::ecs::{count, uncount};
use crate::error::{failed, incomplete};
use crate::found::{Found, Outcome, address_of, if_gone, if_there};
use crate::named;
use crate::remote::{Held, Remote, Wanted, declared, outputs};
use crate::tags::{TagChanges, from_ec2, to_ec2};

const LIST: &str = "ec2:DescribeLaunchTemplates";
const VERSIONS: &str = "ec2:DescribeLaunchTemplateVersions";
const CREATE: &str = "ec2:CreateLaunchTemplate";
const LATEST: &str = "$Latest";
/// The root disk of an image that does not say, as those of Amazon Linux call it.
const ROOT_DISK: &str = "/dev/xvda";

/// Reads the stack's launch templates.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Found {
    let mut found = Found::new(&desired.stack);
    let names: BTreeMap<&str, &Address> = declared::<LaunchTemplate>(desired)
        .map(|(address, template)| (template.name.as_str(), address))
        .collect();
    match list(aws).await {
        Err(error) => found.unlistable::<LaunchTemplate>(desired, &error),
        Ok(templates) => {
            let candidate = async |template: &sdk::LaunchTemplate| -> Option<Outcome> {
                let named = template.launch_template_name().and_then(|name| names.get(name).copied());
                let address = address_of(&from_ec2(template.tags()), named)?;
                let is_ours = named.is_some() || is_of(template, &desired.stack);
                if !is_ours {
                    return None;
                }
                Some((named.cloned(), whole(aws, template, &address).await.map(Some)))
            };
            found.collect(join_all(templates.iter().map(candidate)).await.into_iter().flatten());
            found.rest_absent::<LaunchTemplate>(desired);
        }
    }
    found
}

fn is_of(template: &sdk::LaunchTemplate, stack: &str) -> bool {
    let tags = from_ec2(template.tags());
    neap_core::live::is_marked(neap_core::address::Kind::LaunchTemplate, &tags, stack)
}

async fn list(aws: &Aws) -> Result<Vec<sdk::LaunchTemplate>, CallError> {
    let pages = aws.ec2.describe_launch_templates().into_paginator().page_size(200).items().send();
    pages.try_collect().await.map_err(failed(LIST))
}

/// A template with its latest version.
async fn whole(
    aws: &Aws,
    template: &sdk::LaunchTemplate,
    address: &Address,
) -> Result<LiveResource, CallError> {
    let id = template.launch_template_id().unwrap_or_default();
    let call = aws.ec2.describe_launch_template_versions().launch_template_id(id).versions(LATEST);
    let answer = call.send().await.map_err(failed(VERSIONS))?;
    let version = answer.launch_template_versions().first();
    let version = version.ok_or_else(|| incomplete(VERSIONS, "LaunchTemplateVersions"))?;
    let cluster = cluster_arn(aws).await?;
    let name = template.launch_template_name().unwrap_or_default();
    let data = version.launch_template_data().cloned();
    let data = data.unwrap_or_else(|| sdk::ResponseLaunchTemplateData::builder().build());
    let fields = from_aws(name, &data, &cluster);
    let outputs = template_outputs(id, version.version_number(), name);
    Ok(live_resource(address, id, fields, from_ec2(template.tags()), outputs, Phase::Ready))
}

fn template_outputs(id: &str, version: Option<i64>, name: &str) -> Outputs {
    let version = version.unwrap_or(1).to_string();
    outputs([("id", id), ("version", &version), ("name", name)])
}

/// What the ARN of a cluster begins with.
async fn cluster_arn(aws: &Aws) -> Result<String, CallError> {
    let identity = aws.identity().await?;
    Ok(format!("arn:{}:ecs:{}:{}:cluster/", identity.partition, aws.region, identity.account))
}

fn from_aws(name: &str, data: &sdk::ResponseLaunchTemplateData, clusters: &str) -> LaunchTemplate {
    let interface = data.network_interfaces().first();
    let groups = interface.map_or(data.security_group_ids(), |interface| interface.groups());
    // Whatever its name is: that is the image's.
    let disk = data.block_device_mappings().iter().find(|it| it.ebs().is_some());
    let metadata = data.metadata_options();
    let script = data.user_data().map(decoded).unwrap_or_default();
    let (cluster, user_data) = LaunchTemplate::read_script(&script);
    let market = data.instance_market_options().and_then(|options| options.market_type());
    LaunchTemplate {
        name: name.to_owned(),
        image: data.image_id().unwrap_or_default().to_owned(),
        instance_type: data.instance_type().map_or("", sdk::InstanceType::as_str).to_owned(),
        cluster: if cluster.is_empty() { String::new() } else { format!("{clusters}{cluster}") },
        instance_profile: data
            .iam_instance_profile()
            .and_then(|profile| profile.arn().or(profile.name()))
            .unwrap_or_default()
            .to_owned(),
        security_groups: groups.iter().cloned().collect(),
        public_ip: interface.and_then(|it| it.associate_public_ip_address()).unwrap_or(false),
        key_pair: data.key_name().map(ToOwned::to_owned),
        disk_gib: disk.and_then(|it| it.ebs()).and_then(|ebs| ebs.volume_size()).map(uncount),
        spot: market == Some(&sdk::MarketType::Spot),
        metadata_tokens: metadata
            .and_then(|it| it.http_tokens())
            .map_or("optional", sdk::LaunchTemplateHttpTokensState::as_str)
            .to_owned(),
        metadata_hops: metadata.and_then(|it| it.http_put_response_hop_limit()).map_or(1, uncount),
        user_data: user_data.to_owned(),
    }
}

/// User data, which EC2 takes and shows in base 64. What is no text was not written by neap.
fn decoded(data: &str) -> String {
    let bytes = aws_smithy_types::base64::decode(data).unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the image of `fields` calls its root disk. Under another name a size would make one more disk, and leave that one as it is
/// (terraform-aws-modules/terraform-aws-eks#281). Nobody is asked where the disk is the image's.
async fn root_disk(aws: &Aws, fields: &LaunchTemplate) -> Result<String, CallError> {
    if fields.disk_gib.is_none() {
        return Ok(ROOT_DISK.to_owned());
    }
    let found = named::found_images(aws, vec![fields.image.clone()]).await?;
    let name = found.into_iter().find_map(|image| image.root_device_name);
    Ok(name.unwrap_or_else(|| ROOT_DISK.to_owned()))
}

fn to_aws(fields: &LaunchTemplate, root_disk: &str) -> sdk::RequestLaunchTemplateData {
    let interface = sdk::LaunchTemplateInstanceNetworkInterfaceSpecificationRequest::builder()
        .device_index(0)
        .associate_public_ip_address(fields.public_ip)
        .delete_on_termination(true)
        .set_groups(Some(fields.security_groups.iter().cloned().collect()))
        .build();
    let profile = sdk::LaunchTemplateIamInstanceProfileSpecificationRequest::builder();
    let metadata = sdk::LaunchTemplateInstanceMetadataOptionsRequest::builder()
        .http_tokens(fields.metadata_tokens.as_str().into())
        .http_put_response_hop_limit(count(fields.metadata_hops))
        .build();
    let disk = fields.disk_gib.map(|size| {
        let ebs = sdk::LaunchTemplateEbsBlockDeviceRequest::builder().volume_size(count(size));
        let ebs = ebs.volume_type(sdk::VolumeType::Gp3).delete_on_termination(true).build();
        sdk::LaunchTemplateBlockDeviceMappingRequest::builder().device_name(root_disk).ebs(ebs).build()
    });
    let spot = fields.spot.then(|| {
        sdk::LaunchTemplateInstanceMarketOptionsRequest::builder().market_type(sdk::MarketType::Spot).build()
    });
    sdk::RequestLaunchTemplateData::builder()
        .image_id(&fields.image)
        .instance_type(fields.instance_type.as_str().into())
        .iam_instance_profile(profile.arn(&fields.instance_profile).build())
        .network_interfaces(interface)
        .metadata_options(metadata)
        .set_block_device_mappings(disk.map(|disk| vec![disk]))
        .set_instance_market_options(spot)
        .set_key_name(fields.key_pair.clone())
        .user_data(aws_smithy_types::base64::encode(fields.script()))
        .build()
}

/// A token that is the same for the same contents: a repeated call makes no second version.
fn token(what: &str, fields: &LaunchTemplate) -> String {
    let contents = serde_json::to_string(fields).unwrap_or_default();
    format!("neap-{}", short_hash(&format!("{what} {contents}")))
}

async fn find(aws: &Aws, wanted: &Wanted<'_, LaunchTemplate>) -> Result<Option<LiveResource>, CallError> {
    let call = aws.ec2.describe_launch_templates().launch_template_names(&wanted.fields.name);
    let answer = if_there(call.send().await.map_err(failed(LIST)))?;
    let template = answer.and_then(|answer| answer.launch_templates.unwrap_or_default().pop());
    let Some(template) = template else { return Ok(None) };
    whole(aws, &template, &wanted_address(wanted)?).await.map(Some)
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

impl Remote for LaunchTemplate {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        let tags = sdk::TagSpecification::builder().resource_type(sdk::ResourceType::LaunchTemplate);
        let root_disk = root_disk(aws, wanted.fields).await?;
        let call = aws
            .ec2
            .create_launch_template()
            .launch_template_name(&wanted.fields.name)
            .launch_template_data(to_aws(wanted.fields, &root_disk))
            .tag_specifications(tags.set_tags(Some(to_ec2(&wanted.all_tags()))).build());
        match call.send().await.map_err(failed(CREATE)) {
            Err(error) if error.kind == ErrorKind::Conflict => {
                adopt(aws, wanted, find(aws, wanted).await?, error).await
            }
            answer => {
                let answer = answer?;
                let template = answer.launch_template().and_then(|template| template.launch_template_id());
                let id = template.ok_or_else(|| incomplete(CREATE, "LaunchTemplateId"))?;
                Ok(template_outputs(id, Some(1), &wanted.fields.name))
            }
        }
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        const VERSION: &str = "ec2:CreateLaunchTemplateVersion";
        let id = held.live.id.as_str();
        let mut outputs = held.live.outputs.clone();
        // As a plan compares them, which has said whether there is another version.
        if !diff::are_alike(wanted.fields, held.fields) {
            let root_disk = root_disk(aws, wanted.fields).await?;
            let before = held.live.outputs.get("version").map_or("", String::as_str);
            let call = aws
                .ec2
                .create_launch_template_version()
                .launch_template_id(id)
                .client_token(token(&format!("{id} after {before}"), wanted.fields))
                .launch_template_data(to_aws(wanted.fields, &root_disk));
            let answer = call.send().await.map_err(failed(VERSION))?;
            let version = answer.launch_template_version().and_then(|version| version.version_number());
            let version = version.ok_or_else(|| incomplete(VERSION, "VersionNumber"))?;
            outputs.insert("version".to_owned(), version.to_string());
        }
        set_tags(aws, id, &wanted.tag_changes(&held.live.tags)).await?;
        Ok(outputs)
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let call = aws.ec2.delete_launch_template().launch_template_id(&held.live.id);
        if_gone(call.send().await.map_err(failed("ec2:DeleteLaunchTemplate")))
    }

    async fn ready(_: &Aws, _: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }

    async fn gone(_: &Aws, _: &Held<'_, Self>) -> Result<Progress, CallError> {
        Ok(Progress::Done)
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    /// What EC2 answers to a request: it echoes what it was sent.
    fn echoed(request: &sdk::RequestLaunchTemplateData) -> sdk::ResponseLaunchTemplateData {
        let interface = &request.network_interfaces()[0];
        let interface = sdk::LaunchTemplateInstanceNetworkInterfaceSpecification::builder()
            .set_associate_public_ip_address(interface.associate_public_ip_address())
            .set_groups(Some(interface.groups().to_vec()))
            .build();
        let profile = request.iam_instance_profile().and_then(|profile| profile.arn());
        let metadata = request.metadata_options().expect("metadata options");
        let metadata = sdk::LaunchTemplateInstanceMetadataOptions::builder()
            .set_http_tokens(metadata.http_tokens().cloned())
            .set_http_put_response_hop_limit(metadata.http_put_response_hop_limit())
            .build();
        let disks = request.block_device_mappings().iter().map(|disk| {
            let size = disk.ebs().and_then(|ebs| ebs.volume_size());
            let ebs = sdk::LaunchTemplateEbsBlockDevice::builder().set_volume_size(size).build();
            let mapping = sdk::LaunchTemplateBlockDeviceMapping::builder().ebs(ebs);
            mapping.set_device_name(disk.device_name().map(ToOwned::to_owned)).build()
        });
        let market = request.instance_market_options().map(|market| {
            let options = sdk::LaunchTemplateInstanceMarketOptions::builder();
            options.set_market_type(market.market_type().cloned()).build()
        });
        sdk::ResponseLaunchTemplateData::builder()
            .set_image_id(request.image_id().map(ToOwned::to_owned))
            .set_instance_type(request.instance_type().cloned())
            .iam_instance_profile(
                sdk::LaunchTemplateIamInstanceProfileSpecification::builder()
                    .set_arn(profile.map(ToOwned::to_owned))
                    .build(),
            )
            .network_interfaces(interface)
            .metadata_options(metadata)
            .set_block_device_mappings(Some(disks.collect()))
            .set_instance_market_options(market)
            .set_key_name(request.key_name().map(ToOwned::to_owned))
            .set_user_data(request.user_data().map(ToOwned::to_owned))
            .build()
    }

    const CLUSTERS: &str = "arn:aws:ecs:eu-west-1:123456789012:cluster/";

    #[track_caller]
    fn check(fields: &LaunchTemplate) {
        let read = from_aws(&fields.name, &echoed(&to_aws(fields, ROOT_DISK)), CLUSTERS);
        assert_eq!(read, *fields);
    }

    #[test]
    fn a_template_reads_back_as_it_was_sent() {
        let example = LaunchTemplate::example();
        check(&example);
        check(&LaunchTemplate { disk_gib: None, spot: false, key_pair: None, ..example.clone() });
        check(&LaunchTemplate { public_ip: false, user_data: String::new(), ..example });
    }

    #[test]
    fn a_size_is_that_of_the_images_own_root_disk() {
        let example = LaunchTemplate::example();
        for name in [ROOT_DISK, "/dev/sda1"] {
            let sent = to_aws(&example, name);
            assert_eq!(sent.block_device_mappings()[0].device_name(), Some(name));
            assert_eq!(
                from_aws(&example.name, &echoed(&sent), CLUSTERS).disk_gib,
                example.disk_gib,
                "{name}"
            );
        }
    }

    #[test]
    fn user_data_of_another_form_joins_no_cluster() {
        let data = sdk::ResponseLaunchTemplateData::builder()
            .user_data(aws_smithy_types::base64::encode("#cloud-config\n"))
            .build();
        let read = from_aws("a", &data, CLUSTERS);
        assert_eq!((read.cluster.as_str(), read.user_data.as_str()), ("", "#cloud-config\n"));
        assert_eq!(read.metadata_tokens, "optional");
    }

    #[test]
    fn the_same_contents_have_the_same_token() {
        let example = LaunchTemplate::example();
        assert_eq!(token("lt-1", &example), token("lt-1", &example));
        assert_ne!(token("lt-1", &example), token("lt-2", &example));
        let other = LaunchTemplate { spot: false, ..example.clone() };
        assert_ne!(token("lt-1", &example), token("lt-1", &other));
    }

    #[test]
    fn a_clusters_name_ends_its_arn() {
        assert_eq!(crate::ecs::name_in(&LaunchTemplate::example().cluster), "course-main");
    }
}
