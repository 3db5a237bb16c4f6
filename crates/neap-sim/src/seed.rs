//! Scripts of what is live before a stack is applied, or changed behind its back.
//!
//! Decides the script's shape. Must not know AWS's rules: what a script puts into the world is there, whatever AWS
//! would have said.
//!
//! ```toml
//! region = "eu-west-1"          # where; us-east-1 unless said otherwise
//!
//! [[foreign]]                   # something that is not the stack's own
//! kind = "ecr"
//! name = "course-api"
//! fields = { scan_on_push = false }   # the other fields are those of the kind's example
//! tags = { owner = "somebody" }
//!
//! [[set]]                       # a change of a live field
//! address = "service.api"
//! path = "count"
//! value = 3
//!
//! [[tag]]                       # a change of a tag; without a value it is removed
//! address = "service.api"
//! key = "team"
//! value = "web"
//!
//! [[untag]]                     # takes all tags away
//! address = "ecr.api"
//!
//! [[remove]]                    # deletes it, whatever uses it
//! address = "target_group.api"
//!
//! [[stored]]                    # what a live repository, log group or bucket holds
//! name = "course-api"
//! items = 3
//! bytes = 1200000000
//!
//! [[stale]]                     # a task that stays registered although its service is gone
//! address = "discovery_service.api"
//! seconds = 600                 # gone after that; never, if it is not said
//!
//! [[interface]]                 # a network interface in a group, which somebody else made
//! description = "RDSNetworkInterface"
//! address = "security_group.service-api"
//! seconds = 600                 # gone after that; never, if it is not said
//!
//! [[alarm]]                     # an alarm that scaling made for a service or a group of instances, and left
//! name = "TargetTracking-service/course-main/course-api-AlarmHigh-1"
//! service = "course-main/course-api"    # or: group = "course-cluster-main"
//!
//! [[pipeline]]                  # registers a revision of what a service runs with another image, and deploys it
//! service = "service.api"
//! container = "app"
//! image = "nginx:2"
//! copies_tags = true            # the revision has no tags unless it is said
//! fails = true                  # the deployment is rolled back; the revision stays
//!
//! [[image]]                     # the image that AWS recommends for instances of ECS from now on; none without an id
//! processor = "x86_64"
//! id = "ami-0123456789abcdef0"
//!
//! [[launch]]                    # why AWS cannot launch instances of a type from now on; without a reason it can again
//! instance_type = "t3.micro"
//! fails = "You have requested more vCPU capacity than your current vCPU limit of 0 allows. Launching EC2 instance failed."
//!
//! [[vpc]]                       # a VPC that nobody here made, with subnets in these zones
//! name = "office"
//! public = ["a", "b"]
//! private = ["a", "b", "c"]
//!
//! [[prefix_list]]               # one that somebody made; besides there are AWS's own alone
//! id = "pl-0123456789abcdef0"
//!
//! [[missing]]                   # what does not exist; every other secret and parameter does
//! secret = "db"                 # or: parameter = "/course/db-url", or: vpc = "default", or: zone = "example.com",
//!                               # or: instance_type = "t3.micro", or: address = "eipalloc-0123456789abcdef0"
//!
//! [[zone]]                      # a hosted zone of a subdomain; every other domain has one for itself
//! name = "dev.example.com"
//! private = true                # of networks alone, found by its id
//!
//! [[certificate]]               # one of somebody else's that cannot be used; every other can
//! arn = "arn:aws:acm:eu-west-1:123456789012:certificate/0123"
//! state = "PENDING_VALIDATION"  # or: missing
//!
//! [[caa]]                       # a domain that lets AWS issue no certificates
//! name = "example.org"
//!
//! [[unvalidated]]               # a name whose record for certificates is gone from its zone
//! name = "example.com"
//!
//! [[object]]                    # an object that somebody else puts into a live bucket
//! bucket = "course-web-123456789012"
//! key = "robots.txt"
//! bytes = 12                    # without them it is taken away
//!
//! [[taken]]                     # what another account has
//! bucket = "course-web"         # or: alias = "app.example.com"
//! ```

mod pipeline;

use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::kinds::{Resource, ScalableTarget};
use neap_core::live::{Environment, Outputs};
use neap_core::outputs;
use neap_core::zero::Stored;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::arn;
use crate::clock::Millis;
use crate::error::SimError;
use crate::record::{Alarm, Record};
use crate::services::domain;
use crate::services::ecs::cluster_capacity;
use crate::services::{auto_scaling, objects, route53, s3, service_discovery};
use crate::world::{self, Vpc, World};

/// A script of live resources.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    region: Option<String>,
    #[serde(default)]
    foreign: Vec<Foreign>,
    #[serde(default)]
    set: Vec<Set>,
    #[serde(default)]
    tag: Vec<Tag>,
    #[serde(default)]
    untag: Vec<Which>,
    #[serde(default)]
    remove: Vec<Which>,
    #[serde(default)]
    stored: Vec<Holds>,
    #[serde(default)]
    stale: Vec<Stale>,
    #[serde(default)]
    interface: Vec<Attached>,
    #[serde(default)]
    alarm: Vec<Alarm>,
    #[serde(default)]
    pipeline: Vec<Deploys>,
    #[serde(default)]
    image: Vec<Image>,
    #[serde(default)]
    launch: Vec<Launch>,
    #[serde(default)]
    vpc: Vec<OfOthers>,
    #[serde(default)]
    prefix_list: Vec<Identified>,
    #[serde(default)]
    missing: Vec<Missing>,
    #[serde(default)]
    object: Vec<Put>,
    #[serde(default)]
    taken: Vec<Taken>,
    #[serde(default)]
    zone: Vec<MoreZone>,
    #[serde(default)]
    certificate: Vec<Unusable>,
    #[serde(default)]
    caa: Vec<Named>,
    #[serde(default)]
    unvalidated: Vec<Named>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct MoreZone {
    name: String,
    #[serde(default)]
    private: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Identified {
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OfOthers {
    name: String,
    #[serde(default)]
    public: Vec<String>,
    #[serde(default)]
    private: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Unusable {
    arn: String,
    state: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    bucket: String,
    key: String,
    bytes: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Taken {
    bucket: Option<String>,
    alias: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Holds {
    name: String,
    #[serde(default)]
    items: u64,
    #[serde(default)]
    bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stale {
    address: Address,
    seconds: Option<Millis>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attached {
    description: String,
    address: Address,
    seconds: Option<Millis>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Deploys {
    pub(crate) service: Address,
    pub(crate) container: String,
    pub(crate) image: String,
    /// The family of the revision, if it is another one.
    pub(crate) family: Option<String>,
    #[serde(default)]
    pub(crate) copies_tags: bool,
    #[serde(default)]
    pub(crate) fails: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Image {
    processor: String,
    #[serde(default)]
    id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Launch {
    instance_type: String,
    fails: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Foreign {
    kind: Kind,
    name: Option<String>,
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    address: Address,
    path: String,
    value: Value,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    address: Address,
    key: String,
    value: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    address: Address,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Missing {
    Secret(String),
    Parameter(String),
    Vpc(String),
    Zone(String),
    InstanceType(String),
    Address(String),
    Image(String),
    KeyPair(String),
}

/// The script in a text: TOML, or JSON of the same shape.
pub(crate) fn parse(text: &str) -> Result<Script, SimError> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|error| SimError::Script(error.to_string()));
    }
    toml::from_str(text).map_err(|error| SimError::Script(error.to_string()))
}

/// Makes the world as the script says.
pub(crate) fn apply(world: &mut World, script: Script) -> Result<(), SimError> {
    if let Some(region) = &script.region {
        world.enter(region);
    }
    for foreign in script.foreign {
        put(world, foreign)?;
    }
    for set in script.set {
        for record in tagged(world, &set.address)? {
            let mut fields = record.resource.fields();
            *at(&mut fields, &set.path)? = set.value.clone();
            record.resource = rebuilt(record.kind(), fields)?;
        }
    }
    for tag in script.tag {
        for record in tagged(world, &tag.address)? {
            match &tag.value {
                Some(value) => record.tags.insert(tag.key.clone(), value.clone()),
                None => record.tags.remove(&tag.key),
            };
        }
    }
    for which in script.untag {
        tagged(world, &which.address)?.into_iter().for_each(|record| record.tags.clear());
    }
    for which in script.remove {
        let arns: Vec<String> =
            tagged(world, &which.address)?.into_iter().map(|record| record.arn.clone()).collect();
        for arn in arns {
            world.remove(&arn);
        }
    }
    for holds in script.stored {
        store(world, &holds)?;
    }
    for object in script.object {
        objects::put_by_others(world, &object.bucket, &object.key, object.bytes);
    }
    for stale in script.stale {
        let arns: Vec<String> =
            tagged(world, &stale.address)?.into_iter().map(|record| record.arn.clone()).collect();
        let until = stale.seconds.map_or(Millis::MAX, |seconds| world.now + seconds * 1000);
        world.registered.extend(arns.into_iter().map(|arn| (arn, until)));
    }
    for attached in script.interface {
        let groups = tagged(world, &attached.address)?.into_iter().map(|record| record.id.clone()).collect();
        let until = attached.seconds.map_or(Millis::MAX, |seconds| world.now + seconds * 1000);
        world.leave_interface(attached.description, groups, BTreeSet::new(), until);
    }
    world.alarms.extend(script.alarm);
    script.pipeline.iter().try_for_each(|deploys| pipeline::deploy(world, deploys))?;
    world.newer_images.extend(script.image.into_iter().map(|image| (image.processor, image.id)));
    for launch in script.launch {
        match launch.fails {
            Some(reason) => drop(world.launch_failures.insert(launch.instance_type, reason)),
            None => {
                world.launch_failures.remove(&launch.instance_type);
                auto_scaling::try_again(world);
            }
        }
    }
    let made = script.vpc.iter().map(|it| world::vpc(&world.place, &it.name, &it.public, &it.private));
    let made: Vec<Vpc> = made.collect();
    world.vpcs.extend(made);
    world.prefix_lists.extend(script.prefix_list.into_iter().map(|list| list.id));
    for missing in script.missing {
        match missing {
            Missing::Secret(name) => drop(world.missing_secrets.insert(name)),
            Missing::Parameter(name) => drop(world.missing_parameters.insert(name)),
            Missing::Zone(name) => drop(world.missing_zones.insert(name)),
            Missing::InstanceType(name) => drop(world.missing_instance_types.insert(name)),
            Missing::Address(id) => drop(world.missing_addresses.insert(id)),
            Missing::Image(id) => drop(world.missing_images.insert(id)),
            Missing::KeyPair(name) => drop(world.missing_key_pairs.insert(name)),
            Missing::Vpc(name) => world.vpcs.retain(|vpc| vpc.name != name),
        }
    }
    for zone in script.zone {
        let zones = if zone.private { &mut world.private_zones } else { &mut world.more_zones };
        zones.insert(zone.name);
    }
    let unusable = script.certificate.into_iter().map(|it| (it.arn, it.state));
    world.bad_certificates.extend(unusable);
    world.refused_domains.extend(script.caa.into_iter().map(|domain| domain.name));
    script.unvalidated.iter().try_for_each(|it| route53::invalidate(world, &it.name))?;
    for taken in script.taken {
        world.others_buckets.extend(taken.bucket);
        world.others_aliases.extend(taken.alias);
    }
    Ok(())
}

/// Puts images or log events into what has a name.
fn store(world: &mut World, holds: &Holds) -> Result<(), SimError> {
    let can_hold = |record: &&Record| matches!(record.kind(), Kind::Ecr | Kind::LogGroup | Kind::Bucket);
    let named = world.everything().filter(can_hold).find(|record| record.resource.aws_name() == holds.name);
    let missing =
        || SimError::Script(format!("no repository, log group or bucket is called `{}`", holds.name));
    let arn = named.ok_or_else(missing)?.arn.clone();
    world.stored.insert(arn, Stored { items: holds.items, bytes: holds.bytes });
    Ok(())
}

/// The records whose tag names this address.
fn tagged<'world>(world: &'world mut World, address: &Address) -> Result<Vec<&'world mut Record>, SimError> {
    let wanted = address.to_string();
    let found: Vec<&mut Record> = world
        .everything_mut()
        .filter(|record| record.tags.get(neap_core::desired::TAG_ADDRESS) == Some(&wanted))
        .collect();
    if found.is_empty() {
        return Err(SimError::Script(format!("nothing live is tagged as `{address}`")));
    }
    Ok(found)
}

/// The member at a path such as `health_check.path` or `containers.app.image`.
fn at<'value>(fields: &'value mut Value, path: &str) -> Result<&'value mut Value, SimError> {
    path.split('.').try_fold(fields, |value, member| {
        let missing = || SimError::Script(format!("there is no field `{path}`"));
        match value {
            Value::Object(members) => Ok(members.entry(member).or_insert(Value::Null)),
            Value::Array(items) => {
                member.parse::<usize>().ok().and_then(|index| items.get_mut(index)).ok_or_else(missing)
            }
            _ => Err(missing()),
        }
    })
}

fn rebuilt(kind: Kind, fields: Value) -> Result<Resource, SimError> {
    Resource::from_fields(kind, fields)
        .map_err(|error| SimError::Script(format!("these are no fields of a {kind}: {error}")))
}

/// Puts something into the world that nobody has asked AWS for.
fn put(world: &mut World, foreign: Foreign) -> Result<(), SimError> {
    let kind = foreign.kind;
    let mut fields = Resource::example(kind).fields();
    let Value::Object(members) = &mut fields else {
        return Err(SimError::Script(format!("{kind} has no fields")));
    };
    let default_vpc = world.vpcs.iter().find(|vpc| vpc.region == world.place && vpc.default);
    if let (Some(vpc), Some(member)) = (default_vpc, members.get_mut("vpc")) {
        *member = Value::String(vpc.id.clone());
    }
    if let Some(name) = foreign.name {
        members.insert(neap_core::adopt::name_field(kind).to_owned(), Value::String(name));
    }
    members.extend(foreign.fields);
    let resource = rebuilt(kind, fields)?;
    let record = place(world, resource, &foreign.tags);
    world.insert(record);
    Ok(())
}

/// The record of a resource that is there without a call, with an ARN like those that AWS gives.
fn place(world: &mut World, resource: Resource, tags: &BTreeMap<String, String>) -> Record {
    let seed = world.seed(resource.aws_name());
    let place = world.place();
    let id = arn::hex(&seed, 16);
    let name = resource.aws_name().to_owned();
    let elb = |path: String| place.arn("elasticloadbalancing", &path);
    let (arn, called) = match &resource {
        Resource::LogGroup(_) => (place.arn("logs", &format!("log-group:{name}")), name),
        Resource::Role(role) => (place.global_arn("iam", &format!("role{}{name}", role.path)), name),
        Resource::InstanceProfile(profile) => {
            (place.global_arn("iam", &format!("instance-profile{}{name}", profile.path)), name)
        }
        Resource::LaunchTemplate(_) => {
            let id = format!("lt-0{id}");
            (place.arn("ec2", &format!("launch-template/{id}")), id)
        }
        Resource::AutoScalingGroup(_) => {
            (place.arn("autoscaling", &format!("autoScalingGroup:{id}:autoScalingGroupName/{name}")), name)
        }
        Resource::CapacityProvider(_) => {
            (place.arn("ecs", &format!("capacity-provider/{name}")), String::new())
        }
        Resource::ClusterCapacity(capacity) => (cluster_capacity::arn(&capacity.cluster), String::new()),
        Resource::Ecr(_) => (place.arn("ecr", &format!("repository/{name}")), name),
        Resource::SecurityGroup(_) => {
            let id = format!("sg-0{id}");
            (place.arn("ec2", &format!("security-group/{id}")), id)
        }
        Resource::Vpc(_) => (place.arn("ec2", &format!("vpc/vpc-0{id}")), format!("vpc-0{id}")),
        Resource::InternetGateway(_) => {
            (place.arn("ec2", &format!("internet-gateway/igw-0{id}")), format!("igw-0{id}"))
        }
        Resource::ElasticIp(_) => {
            (place.arn("ec2", &format!("elastic-ip/eipalloc-0{id}")), format!("eipalloc-0{id}"))
        }
        Resource::NatGateway(_) => (place.arn("ec2", &format!("natgateway/nat-0{id}")), format!("nat-0{id}")),
        Resource::VpcEndpoint(_) => {
            (place.arn("ec2", &format!("vpc-endpoint/vpce-0{id}")), format!("vpce-0{id}"))
        }
        Resource::RouteTable(_) => {
            (place.arn("ec2", &format!("route-table/rtb-0{id}")), format!("rtb-0{id}"))
        }
        Resource::Subnet(_) => (place.arn("ec2", &format!("subnet/subnet-0{id}")), format!("subnet-0{id}")),
        Resource::Cloudfront(_) => {
            let id = format!("E{}", arn::letters(&seed, 13, arn::CAPITALS));
            (place.global_arn("cloudfront", &format!("distribution/{id}")), id)
        }
        Resource::OriginAccessControl(_) => {
            let id = format!("E{}", arn::letters(&seed, 13, arn::CAPITALS));
            (place.global_arn("cloudfront", &format!("origin-access-control/{id}")), id)
        }
        Resource::Domain(domain) => {
            (domain::arn(&domain.zone, &domain.name), format!("{}/{}", domain.zone, domain.name))
        }
        Resource::Namespace(_) => {
            (place.arn("servicediscovery", &format!("namespace/ns-{id}")), format!("ns-{id}"))
        }
        Resource::DiscoveryService(service) => {
            let arn = service_discovery::service_arn(world, &service.namespace, &service.name);
            let id = arn.rsplit('/').next().unwrap_or_default().to_owned();
            (arn, id)
        }
        Resource::Certificate(certificate) => {
            let place = arn::Place { region: certificate.region.clone(), ..place.clone() };
            (place.arn("acm", &format!("certificate/{id}")), String::new())
        }
        Resource::Function(_) => (place.global_arn("cloudfront", &format!("function/{name}")), name),
        Resource::Bucket(_) => (s3::arn(world, &name), name),
        Resource::BucketPolicy(_) => (s3::policy_arn(&s3::arn(world, &name)), name),
        Resource::Cluster(_) => (place.arn("ecs", &format!("cluster/{name}")), String::new()),
        Resource::Task(_) => {
            let last = world.revisions.entry(format!("{}/{name}", place.region)).or_default();
            *last += 1;
            (place.arn("ecs", &format!("task-definition/{name}:{last}")), String::new())
        }
        Resource::Service(service) => {
            let (_, cluster) = service.cluster.rsplit_once('/').unwrap_or(("", &service.cluster));
            (place.arn("ecs", &format!("service/{cluster}/{name}")), String::new())
        }
        Resource::ScalableTarget(target) => (
            place.arn("application-autoscaling", &format!("scalable-target/{id}")),
            ScalableTarget::resource_id(&target.service),
        ),
        Resource::TargetGroup(_) => (elb(format!("targetgroup/{name}/{id}")), String::new()),
        Resource::Listener(listener) => (
            format!("{}/{id}", listener.load_balancer.replacen(":loadbalancer/", ":listener/", 1)),
            String::new(),
        ),
        Resource::Rule(rule) => {
            (format!("{}/{id}", rule.listener.replacen(":listener/", ":listener-rule/", 1)), String::new())
        }
        Resource::Nlb(_) => (elb(format!("loadbalancer/net/{name}/{id}")), String::new()),
        Resource::Clb(_) => (elb(format!("loadbalancer/{name}")), name),
        _ => (elb(format!("loadbalancer/app/{name}/{id}")), String::new()),
    };
    let is_global = matches!(
        resource.kind(),
        Kind::Role
            | Kind::InstanceProfile
            | Kind::Cloudfront
            | Kind::OriginAccessControl
            | Kind::Function
            | Kind::Domain
    );
    let region = match &resource {
        Resource::Certificate(certificate) => certificate.region.clone(),
        _ => place.region.clone(),
    };
    let called = if called.is_empty() { arn.clone() } else { called };
    let outputs = outputs(world, &resource, &arn, &called);
    let mut record = Record::new(arn, resource, tags, &[]).called(called);
    record.outputs = outputs;
    if is_global { record } else { record.within(&region) }
}

/// The outputs that a resource of this kind has.
fn outputs(world: &World, resource: &Resource, arn: &str, id: &str) -> Outputs {
    let place = world.place();
    let environment = Environment {
        account: place.account.clone(),
        region: place.region.clone(),
        partition: place.partition().to_owned(),
        vpc: None,
        subnets: Vec::new(),
        subnets_private: false,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        named: [].into(),
        cloudfront_origins: None,
        zones: BTreeMap::new(),
        private_zones: BTreeSet::new(),
        certificates: BTreeMap::new(),
        availability_zones: Vec::new(),
        taken_buckets: [].into(),
    };
    let mut outputs = outputs::computed(resource, &environment);
    for name in outputs::names(resource.kind()) {
        let value = match *name {
            "arn" => arn.to_owned(),
            "version" => "1".to_owned(),
            // The end of the ARN, without the word for a load balancer.
            "full_name" => {
                let (_, end) = arn.rsplit_once(':').unwrap_or_default();
                end.trim_start_matches("loadbalancer/").to_owned()
            }
            "dns_name" => format!("{}-1.{}.elb.{}", resource.aws_name(), place.region, place.domain()),
            "domain_name" => format!("{}.cloudfront.net", id.to_ascii_lowercase()),
            _ => id.to_owned(),
        };
        outputs.entry((*name).to_owned()).or_insert(value);
    }
    outputs
}
