//! EC2: launch templates (reference section 3.12). Each change is one more version; what they name is looked at only when
//! something starts from them.

use neap_core::instances;
use neap_core::kinds::{InstanceProfile, LaunchTemplate, SecurityGroup};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::{TagCalls, gone_is_done};
use crate::arn;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::World;

const INVALID: &str = "InvalidParameterValue";
const NOT_FOUND: &str = "InvalidLaunchTemplateId.NotFound";
const TAGS: TagCalls = TagCalls { add: "ec2:CreateTags", remove: "ec2:DeleteTags", invalid: INVALID };

pub(crate) async fn create(request: &Request<'_>, desired: &LaunchTemplate) -> Result<String, CallError> {
    let existing = |world: &World| find(world, &desired.name);
    let create = |world: &mut World| create_template(world, request, desired);
    let arn = request.create("ec2:CreateLaunchTemplate", create, existing).await?;
    update(request, &arn, desired).await?;
    Ok(arn)
}

pub(crate) async fn update(
    request: &Request<'_>,
    arn: &str,
    desired: &LaunchTemplate,
) -> Result<(), CallError> {
    if request.current::<LaunchTemplate>(arn)? != *desired {
        request.call("ec2:CreateLaunchTemplateVersion", |world| create_version(world, arn, desired)).await?;
    }
    request.retag(arn, &TAGS).await
}

/// Deletes the template with all its versions, whoever uses it.
pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing = || Rejection::not_found(NOT_FOUND, "The specified launch template does not exist.");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call("ec2:DeleteLaunchTemplate", delete).await)
}

fn find(world: &World, name: &str) -> Option<String> {
    let mut templates = world.all::<LaunchTemplate>();
    templates.find(|(_, template)| template.name == name).map(|(record, _)| record.arn.clone())
}

fn create_template(world: &mut World, request: &Request<'_>, desired: &LaunchTemplate) -> Answer<String> {
    rules::name(INVALID, &desired.name, 128, "().-/_")?;
    rules::require(desired.name.len() >= 3, INVALID, || "a name has at least three characters".to_owned())?;
    rules::tags(INVALID, &request.tags)?;
    contents(desired)?;
    if find(world, &desired.name).is_some() {
        let message = "Launch template name already in use.";
        return Err(Rejection::conflict("InvalidLaunchTemplateName.AlreadyExistsException", message));
    }
    let id = format!("lt-0{}", arn::hex(&world.seed(&desired.name), 16));
    let arn = world.place().arn("ec2", &format!("launch-template/{id}"));
    let outputs = [("id", id.as_str()), ("version", "1"), ("name", &desired.name)];
    let record = Record::new(arn.clone(), desired.clone(), &request.tags, &outputs).called(&id);
    let record = record.within(&world.place);
    world.insert(record);
    Ok(arn)
}

fn contents(desired: &LaunchTemplate) -> Answer<()> {
    rules::require(desired.image.starts_with("ami-"), "InvalidAMIID.Malformed", || {
        format!("Invalid id: \"{}\" (expecting \"ami-...\")", desired.image)
    })?;
    rules::one_of(INVALID, "HttpTokens", &desired.metadata_tokens, &["required", "optional"])?;
    rules::in_range(INVALID, "HttpPutResponseHopLimit", desired.metadata_hops, 1..=64)?;
    const MOST: usize = LaunchTemplate::MOST_SCRIPT;
    rules::require(desired.script().len() <= MOST, "InvalidUserData.Malformed", || {
        format!("User data is limited to {MOST} bytes")
    })
}

fn create_version(world: &mut World, arn: &str, desired: &LaunchTemplate) -> Answer<()> {
    contents(desired)?;
    // The same token for the same contents makes no second version.
    if *world.change::<LaunchTemplate>(arn, NOT_FOUND)? == *desired {
        return Ok(());
    }
    let missing = || Rejection::not_found(NOT_FOUND, "The specified launch template does not exist.");
    let record = world.record_mut(arn).ok_or_else(missing)?;
    record.resource = desired.clone().into();
    let version: u32 = record.outputs.get("version").and_then(|text| text.parse().ok()).unwrap_or(1);
    record.outputs.insert("version".to_owned(), (version + 1).to_string());
    Ok(())
}

/// The template with this id, in a version that exists, if instances can start from it.
pub(super) fn startable<'world>(
    world: &'world World,
    id: &str,
    version: &str,
) -> Answer<&'world LaunchTemplate> {
    let malformed = |why: String| {
        let message = format!("You must use a valid fully-formed launch template. {why}");
        Rejection::invalid("ValidationError", message)
    };
    let found = world.all::<LaunchTemplate>().find(|(record, _)| record.id == id);
    let (record, template) =
        found.ok_or_else(|| malformed("The specified launch template does not exist.".to_owned()))?;
    let latest: u32 = record.outputs.get("version").and_then(|text| text.parse().ok()).unwrap_or(1);
    let exists = version == "$Latest" || version.parse::<u32>().is_ok_and(|it| (1..=latest).contains(&it));
    if !exists {
        return Err(malformed(format!("Could not find the specified version {version}.")));
    }
    for group in &template.security_groups {
        let arn = world.place().arn("ec2", &format!("security-group/{group}"));
        if world.get::<SecurityGroup>(&arn).is_none() {
            return Err(malformed(format!("The security group '{group}' does not exist")));
        }
    }
    if world.missing_images.contains(&template.image) {
        return Err(malformed(format!("The image id '[{}]' does not exist", template.image)));
    }
    if let Some(name) = template.key_pair.as_ref().filter(|name| world.missing_key_pairs.contains(*name)) {
        return Err(malformed(format!("The key pair '{name}' does not exist")));
    }
    let image = world.images().into_iter().find(|(_, image)| *image == template.image);
    let processor = instances::processor(&template.instance_type);
    if let (Some((of_image, _)), Some(processor)) = (image, processor)
        && of_image != processor.as_str()
    {
        return Err(malformed(format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{of_image}' of \
             the specified AMI.",
            processor.as_str()
        )));
    }
    let profile = world.get::<InstanceProfile>(&template.instance_profile);
    match profile.map(|(record, _)| &record.state) {
        Some(State::Ready) if world.knows(&template.instance_profile) => Ok(template),
        Some(_) => Err(Rejection::not_yet(
            "ValidationError",
            "You must use a valid fully-formed launch template. Invalid IAM Instance Profile name",
        )),
        None => Err(malformed("Invalid IAM Instance Profile name".to_owned())),
    }
}
