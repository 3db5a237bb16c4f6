//! Route 53: records that lead to distributions and load balancers, each with the marker that says whose it is
//! (reference section 3.25).

use neap_core::kinds::{Alb, CLOUDFRONT_ZONE, Clb, Cloudfront, Domain, Nlb};
use neap_engine::cloud::CallError;

use super::Request;
use super::request::gone_is_done;
use crate::clock::RECORDS_SPREAD;
use crate::error::{Answer, Rejection};
use crate::record::{Record, State};
use crate::rules;
use crate::world::World;

const CHANGE: &str = "route53:ChangeResourceRecordSets";
const INVALID: &str = "InvalidChangeBatch";
/// Route 53's word for a change that not all of its servers know.
const PENDING: &str = "PENDING";

/// The ARN under which the world keeps a name. Route 53 has none for records.
pub(crate) fn arn(zone: &str, name: &str) -> String {
    format!("arn:aws:route53:::hostedzone/{zone}/{name}")
}

pub(crate) async fn create(request: &Request<'_>, desired: &Domain) -> Result<String, CallError> {
    let key = arn(&desired.zone, &desired.name);
    let existing = |world: &World| world.record(&key).map(|record| record.arn.clone());
    let create = |world: &mut World| create_record(world, request, desired);
    let made = request.create(CHANGE, create, existing).await?;
    update(request, &made, desired).await?;
    Ok(made)
}

pub(crate) async fn update(request: &Request<'_>, arn: &str, desired: &Domain) -> Result<(), CallError> {
    let current = request.current::<Domain>(arn)?;
    let is_marked =
        request.sim.look(|world| world.record(arn).is_some_and(|record| request.is_about(record)));
    if current == *desired && is_marked {
        return Ok(());
    }
    let tags = request.tags.clone();
    let update = |world: &mut World| {
        check(world, desired)?;
        world.change::<Domain>(arn, "NoSuchHostedZone")?.clone_from(desired);
        let until = world.now + RECORDS_SPREAD;
        if let Some(record) = world.record_mut(arn) {
            record.tags = tags;
            *record = record.clone().without_spec();
            record.state = State::Settling { word: PENDING.to_owned(), until };
        }
        Ok(())
    };
    request.call(CHANGE, update).await
}

pub(crate) async fn delete(request: &Request<'_>, arn: &str) -> Result<(), CallError> {
    let delete = |world: &mut World| {
        let missing =
            || Rejection::not_found(INVALID, "Tried to delete resource record set but it was not found");
        world.remove(arn).map(drop).ok_or_else(missing)
    };
    gone_is_done(request.call(CHANGE, delete).await)
}

/// Refuses an alias to something that is not there, or in another zone than its own.
fn check(world: &World, desired: &Domain) -> Answer<()> {
    rules::require(desired.zone.starts_with('Z'), "NoSuchHostedZone", || {
        format!("No hosted zone found with ID: {}", desired.zone)
    })?;
    let lead = |record: &Record, output: &str| {
        record.outputs.get(output).is_some_and(|host| host.eq_ignore_ascii_case(&desired.target))
    };
    let site = world.all::<Cloudfront>().find(|(record, _)| lead(record, "domain_name"));
    let albs = world.all::<Alb>().map(|(record, _)| record);
    let nlbs = world.all::<Nlb>().map(|(record, _)| record);
    let clbs = world.all::<Clb>().map(|(record, _)| record);
    let balancer = albs.chain(nlbs).chain(clbs).find(|record| lead(record, "dns_name"));
    let zone = match (site, balancer) {
        (Some(_), _) => Some(CLOUDFRONT_ZONE.to_owned()),
        (None, Some(record)) => record.outputs.get("zone_id").cloned(),
        (None, None) => None,
    };
    rules::require(zone.as_ref() == Some(&desired.target_zone), INVALID, || {
        format!(
            "Tried to create an alias that targets {}., type A in zone {}, but that target was not found",
            desired.target, desired.target_zone
        )
    })
}

fn create_record(world: &mut World, request: &Request<'_>, desired: &Domain) -> Answer<String> {
    check(world, desired)?;
    let key = arn(&desired.zone, &desired.name);
    if world.record(&key).is_some() {
        let name = &desired.name;
        let message =
            format!("Tried to create resource record set [name='{name}.', type='A'] but it already exists");
        return Err(Rejection::conflict(INVALID, message));
    }
    let outputs = [("name", desired.name.as_str()), ("zone_id", &desired.zone)];
    let record = Record::new(key.clone(), desired.clone(), &request.tags, &outputs)
        .called(format!("{}/{}", desired.zone, desired.name))
        .settling(PENDING, world.now + RECORDS_SPREAD);
    world.insert(record.without_spec());
    Ok(key)
}
