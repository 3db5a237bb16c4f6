//! The ARNs of what a call is about.
//!
//! Decides by which patterns a stack's resources are named before they exist: their own names, and what its default names
//! begin with, which also covers predecessors of a replacement and what is no longer declared. The forms are those of the
//! Service Authorization Reference.

use std::collections::BTreeSet;

use super::Place;
use super::table::On;
use crate::address::{Address, Kind};
use crate::desired::{Desired, DesiredResource, LockPlace, Network};
use crate::kinds::Resource;
use crate::named::{Named, named};
use crate::naming;
use crate::reference::{self, Fact, Piece, Reference};

/// The ARNs of what a call for `kind` is about; none where there is nothing of the sort.
pub(super) fn resources(desired: &Desired, place: &Place, kind: Option<Kind>, on: On) -> BTreeSet<String> {
    let own =
        |kind: Kind| names(desired, place, kind).iter().flat_map(|name| arns(place, kind, name)).collect();
    match (on, kind) {
        (On::Any, _) => any(),
        (On::Every, Some(kind)) => arns(place, kind, "*").into_iter().collect(),
        (On::Own, Some(Kind::Role)) => [roles(desired, place)].into(),
        (On::Own, Some(Kind::InstanceProfile)) => {
            [place.global("iam", &format!("instance-profile{}*", naming::role_path(&desired.stack)))].into()
        }
        (On::Own, Some(Kind::Listener)) => of_balancers(desired, place, "listener", &BALANCERS),
        (On::NetworkListeners, _) => of_balancers(desired, place, "listener", &BALANCERS[1..]),
        (On::Balancers, _) => of_balancers(desired, place, "loadbalancer", &BALANCERS),
        (On::Own, Some(kind)) | (On::Of(kind), _) => own(kind),
        (On::Named, _) => {
            let plain = |name: &String| place.global("iam", &format!("role/{name}"));
            let named = names(desired, place, Kind::Role);
            named.iter().map(plain).chain([roles(desired, place)]).collect()
        }
        (On::Passed, _) => passed(desired, place),
        (On::PassedToInstances, _) => [roles(desired, place)].into(),
        (On::PassedToEcs, _) if shifts(desired) => [roles(desired, place)].into(),
        (On::Shifted, _) if shifts(desired) => own(Kind::Service),
        (On::Rollouts, _) if shifts(desired) => {
            let of = |name: &String| place.arn("ecs", &format!("service-deployment/*/{name}/*"));
            names(desired, place, Kind::Service).iter().map(of).collect()
        }
        // Images are AWS's own; all else that an instance is made of is the account's.
        (On::Launched, _) => {
            let image = format!("arn:{}:ec2:{}::image/*", place.partition(), place.region);
            [image, place.arn("ec2", "*")].into()
        }
        (On::Images, _) if names_images(desired) => {
            let path = "parameter/aws/service/ecs/optimized-ami/*";
            [format!("arn:{}:ssm:{}::{path}", place.partition(), place.region)].into()
        }
        (On::RecordChanges, _) => [format!("arn:{}:route53:::change/*", place.partition())].into(),
        (On::PrivateZones | On::NewZones, _) if !has_private_zones(desired) => BTreeSet::new(),
        (On::NewZones, _) => any(),
        (On::Zones | On::PrivateZones, _) => {
            [format!("arn:{}:route53:::hostedzone/*", place.partition())].into()
        }
        (On::Vpc, _) => {
            let id = match &desired.network {
                Network::Id(id) => id,
                Network::Default | Network::Name(_) | Network::Own(_) => "*",
            };
            [place.arn("ec2", &format!("vpc/{id}"))].into()
        }
        (On::ServiceLinked, _) => [place.global("iam", "role/aws-service-role/*")].into(),
        (On::Lock, _) if desired.lock == LockPlace::Ssm => {
            [place.arn("ssm", &format!("parameter/neap/{}/lock", desired.stack))].into()
        }
        (On::LockObject | On::LockBucket, _) => lock_in_bucket(on, desired, place),
        (On::Objects, _) => {
            let buckets: BTreeSet<String> = own(Kind::Bucket);
            buckets.into_iter().map(|bucket| format!("{bucket}/*")).collect()
        }
        (On::Keys, Some(kind)) => keys(desired, place, kind),
        (On::Alarms, _) => {
            let own = format!("alarm:{}-*", desired.stack);
            [own.as_str(), "alarm:TargetTracking-service/*"]
                .map(|alarm| place.arn("cloudwatch", alarm))
                .into()
        }
        (On::Sites, _) if has_sites(desired) => own(Kind::Cloudfront),
        (On::Secrets, _) => secrets(desired, place),
        (On::Parameters, _) if names_parameters(desired) => any(),
        (On::OthersGroups, _) if names_others(desired, |it| matches!(it, Named::SecurityGroup(_))) => any(),
        (On::OthersAddresses, _) if names_others(desired, |it| matches!(it, Named::Address(_))) => any(),
        // A right that is about a kind always comes with one.
        (
            On::Parameters
            | On::OthersGroups
            | On::OthersAddresses
            | On::Lock
            | On::Images
            | On::Sites
            | On::PassedToEcs
            | On::Shifted
            | On::Rollouts,
            _,
        )
        | (On::Every | On::Own | On::Keys, None) => BTreeSet::new(),
    }
}

/// Whether the stack names something without owning it.
fn names_others(desired: &Desired, is_meant: fn(&Named) -> bool) -> bool {
    named(desired).keys().any(is_meant)
}

/// Load balancers that have listeners of their own, and the words for them in ARNs.
const BALANCERS: [(Kind, &str); 2] = [(Kind::Alb, "app"), (Kind::Nlb, "net")];

/// The load balancers of the stack, or what has their names, of those of `kinds` that it has.
fn of_balancers(desired: &Desired, place: &Place, what: &str, kinds: &[(Kind, &str)]) -> BTreeSet<String> {
    let mut arns = BTreeSet::new();
    for (kind, word) in kinds.iter().copied() {
        if desired.resources.keys().any(|address| address.kind() == kind) {
            let names = names(desired, place, kind);
            arns.extend(names.iter().map(|name| balancing(place, &format!("{what}/{word}"), name)));
        }
    }
    arns
}

/// The object of the lock or its bucket, if that is where the stack keeps it. ARNs of S3 name neither region nor account.
fn lock_in_bucket(on: On, desired: &Desired, place: &Place) -> BTreeSet<String> {
    let LockPlace::S3 { bucket, prefix } = &desired.lock else { return BTreeSet::new() };
    let bucket = format!("arn:{}:s3:::{bucket}", place.partition());
    match on {
        On::LockBucket => [bucket].into(),
        _ => [format!("{bucket}/{prefix}{}.lock", desired.stack)].into(),
    }
}

fn any() -> BTreeSet<String> {
    ["*".to_owned()].into()
}

/// The roles of a stack have a path of their own.
fn roles(desired: &Desired, place: &Place) -> String {
    place.global("iam", &format!("role{}*", naming::role_path(&desired.stack)))
}

/// The names of the stack's resources of `kind`: one pattern for all default names, and those that the user chose.
fn names(desired: &Desired, place: &Place, kind: Kind) -> BTreeSet<String> {
    let of = match kind {
        // They have their load balancer's name; only that of an application load balancer has rules.
        Kind::Listener | Kind::Rule => Kind::Alb,
        kind => kind,
    };
    if matches!(of, Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles) {
        // Nothing but the name tells whose a bucket is: no pattern may cover another stack's.
        let of_kind = desired.resources.values().filter(|wanted| wanted.resource.kind() == of);
        return of_kind.map(|wanted| desired.name_in(&wanted.resource, &place.account)).collect();
    }
    let prefix = naming::prefix(of, &desired.stack);
    let resources = desired.resources.values().map(|wanted| &wanted.resource);
    let named = resources.filter(|resource| resource.kind() == of).map(Resource::aws_name);
    let chosen = named.filter(|name| !name.is_empty() && !name.starts_with(&prefix));
    chosen.map(str::to_owned).chain([format!("{prefix}*")]).collect()
}

/// The ARNs that AWS may look for when a resource of `kind` has the name `name`. Ids that it gives are not known.
fn arns(place: &Place, kind: Kind, name: &str) -> Vec<String> {
    match kind {
        // Some calls are judged by the group's ARN, and some by that of its streams.
        Kind::LogGroup if !name.ends_with('*') => {
            let group = place.arn("logs", &format!("log-group:{name}"));
            vec![format!("{group}:*"), group]
        }
        Kind::LogGroup => vec![place.arn("logs", &format!("log-group:{name}"))],
        Kind::Role => vec![place.global("iam", &format!("role/{name}"))],
        Kind::Ecr => vec![place.arn("ecr", &format!("repository/{name}"))],
        Kind::Cluster => vec![place.arn("ecs", &format!("cluster/{name}"))],
        Kind::InstanceProfile => vec![place.global("iam", &format!("instance-profile/{name}"))],
        Kind::AutoScalingGroup => {
            vec![place.arn("autoscaling", &format!("autoScalingGroup:*:autoScalingGroupName/{name}"))]
        }
        Kind::CapacityProvider => vec![place.arn("ecs", &format!("capacity-provider/{name}"))],
        Kind::ClusterCapacity => vec![place.arn("ecs", &format!("cluster/{name}"))],
        // By id, so that the tag alone tells whose it is.
        Kind::LaunchTemplate => vec![place.arn("ec2", "launch-template/*")],
        Kind::Vpc => vec![place.arn("ec2", "vpc/*")],
        Kind::InternetGateway => vec![place.arn("ec2", "internet-gateway/*")],
        Kind::ElasticIp => vec![place.arn("ec2", "elastic-ip/*")],
        Kind::NatGateway => vec![place.arn("ec2", "natgateway/*")],
        Kind::VpcEndpoint => vec![place.arn("ec2", "vpc-endpoint/*")],
        Kind::RouteTable => vec![place.arn("ec2", "route-table/*")],
        Kind::Subnet => vec![place.arn("ec2", "subnet/*")],
        Kind::SecurityGroup => vec![place.arn("ec2", "security-group/*")],
        Kind::TargetGroup => vec![balancing(place, "targetgroup", name)],
        Kind::Alb => vec![balancing(place, "loadbalancer/app", name)],
        Kind::Nlb => vec![balancing(place, "loadbalancer/net", name)],
        // Their ARNs hold neither type nor id.
        Kind::Clb => vec![place.arn("elasticloadbalancing", &format!("loadbalancer/{name}"))],
        Kind::Listener => vec![balancing(place, "listener/*", name)],
        Kind::Rule => vec![balancing(place, "listener-rule/app", name)],
        Kind::Task => vec![place.arn("ecs", &format!("task-definition/{name}:*"))],
        // Its cluster may be another stack's.
        Kind::Service => vec![place.arn("ecs", &format!("service/*/{name}"))],
        // By id, so that the tag alone tells whose it is.
        Kind::ScalableTarget => vec![place.arn("application-autoscaling", "scalable-target/*")],
        Kind::Cloudfront => vec![place.global("cloudfront", "distribution/*")],
        // ARNs of S3 name neither region nor account.
        Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles => {
            vec![format!("arn:{}:s3:::{name}", place.partition())]
        }
        // By id, so that the tag alone tells whose it is; those of CloudFront are in one region.
        Kind::Certificate => {
            let of = |region: &str| {
                format!("arn:{}:acm:{region}:{}:certificate/*", place.partition(), place.account)
            };
            if place.partition() == "aws" && place.region != naming::CLOUDFRONT_REGION {
                vec![of(&place.region), of(naming::CLOUDFRONT_REGION)]
            } else {
                vec![of(&place.region)]
            }
        }
        Kind::Function => vec![place.global("cloudfront", &format!("function/{name}"))],
        // A record has no ARN but its zone's.
        Kind::Domain => vec![format!("arn:{}:route53:::hostedzone/*", place.partition())],
        // By id, so that the tag alone tells whose it is.
        Kind::Namespace => vec![place.arn("servicediscovery", "namespace/*")],
        Kind::DiscoveryService => vec![place.arn("servicediscovery", "service/*")],
        // By id, which nobody knows before.
        Kind::OriginAccessControl => vec![place.global("cloudfront", "origin-access-control/*")],
    }
}

/// Whether ECS shifts traffic for services of the stack.
fn shifts(desired: &Desired) -> bool {
    let shifts = |wanted: &DesiredResource| matches!(&wanted.resource, Resource::Service(it) if it.deployment.is_some());
    desired.resources.values().any(shifts)
}

/// Whether distributions of the stack answer with files that it keeps.
fn has_sites(desired: &Desired) -> bool {
    let has = |wanted: &DesiredResource| matches!(&wanted.resource, Resource::BucketFiles(files) if !files.sites.is_empty());
    desired.resources.values().any(has)
}

/// Whether a namespace of the stack has a hosted zone, which Cloud Map makes with the rights of whoever asks it to.
fn has_private_zones(desired: &Desired) -> bool {
    let has = |wanted: &DesiredResource| matches!(&wanted.resource, Resource::Namespace(it) if it.has_dns());
    desired.resources.values().any(has)
}

fn balancing(place: &Place, kind: &str, name: &str) -> String {
    place.arn("elasticloadbalancing", &format!("{kind}/{name}/*"))
}

/// Whether instances of the stack start from an image that AWS recommends.
fn names_images(desired: &Desired) -> bool {
    let mut references = desired.resources.values().flat_map(DesiredResource::references);
    references.any(|(_, it)| matches!(it, Reference::Fact(Fact::EcsImage(_) | Fact::NewestEcsImage(_))))
}

/// The stack's own roles, and those that a task names by ARN.
fn passed(desired: &Desired, place: &Place) -> BTreeSet<String> {
    let mut arns = BTreeSet::from([roles(desired, place)]);
    for wanted in desired.resources.values() {
        if wanted.resource.kind() == Kind::Task {
            let fields = wanted.resource.fields();
            let given = ["execution_role", "task_role"].into_iter().filter_map(|key| fields[key].as_str());
            arns.extend(given.filter_map(|arn| filled(arn, place)));
        }
    }
    arns
}

/// The managed policies of the stack's roles, if all of them are known.
pub(super) fn managed_policies(desired: &Desired, place: &Place) -> Option<BTreeSet<String>> {
    let roles = desired.resources.values().filter_map(|wanted| match &wanted.resource {
        Resource::Role(role) => Some(role),
        _ => None,
    });
    let arns = roles.flat_map(|role| &role.managed_policies).map(|arn| filled(arn, place));
    let arns: BTreeSet<String> = arns.collect::<Option<_>>()?;
    (!arns.is_empty()).then_some(arns)
}

/// The keys by which resources of `kind` are encrypted. Files are by their bucket's.
fn keys(desired: &Desired, place: &Place, kind: Kind) -> BTreeSet<String> {
    let has_files = |address: &Address| {
        let files = Address::new(Kind::BucketFiles, address.name());
        desired.resources.contains_key(&files)
    };
    let key = |(address, wanted): (&Address, &DesiredResource)| match &wanted.resource {
        Resource::Ecr(repository) if kind == Kind::Ecr => repository.kms_key.clone(),
        Resource::Bucket(bucket) if kind == Kind::BucketFiles && has_files(address) => bucket.kms_key.clone(),
        _ => None,
    };
    desired.resources.iter().filter_map(key).filter_map(|key| filled(&key, place)).collect()
}

fn secrets(desired: &Desired, place: &Place) -> BTreeSet<String> {
    // AWS appends six characters to a secret's name.
    let named = |name: String| place.arn("secretsmanager", &format!("secret:{name}-??????"));
    desired.secrets().into_iter().map(named).collect()
}

fn names_parameters(desired: &Desired) -> bool {
    desired.resources.values().any(|wanted| {
        let Resource::Task(task) = &wanted.resource else { return false };
        let of_logs = |container: &crate::kinds::Container| {
            container.logs.as_ref().map(|logs| logs.secret_options.clone()).unwrap_or_default()
        };
        let texts = |container: &crate::kinds::Container| {
            container.secrets.clone().into_values().chain(of_logs(container).into_values())
        };
        task.containers.values().flat_map(texts).any(|text| text.contains(":parameter/"))
    })
}

/// `text` with what is known of the place filled in, if nothing else is in it to be known.
fn filled(text: &str, place: &Place) -> Option<String> {
    let piece = |piece: Piece<'_>| match piece {
        Piece::Literal(text) => Some(text.to_owned()),
        Piece::Reference(Reference::Fact(Fact::Account)) => Some(place.account.clone()),
        Piece::Reference(Reference::Fact(Fact::Region)) => Some(place.region.clone()),
        Piece::Reference(Reference::Fact(Fact::Partition)) => Some(place.partition().to_owned()),
        Piece::Reference(_) => None,
    };
    reference::pieces(text).into_iter().map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{Bucket, BucketFiles, Ecr, KindOf};

    #[test]
    fn keys_are_those_that_the_stack_names_and_a_bucket_needs_its_own_only_for_files() {
        let place = Place { account: "123456789012".into(), region: "eu-west-1".into() };
        let key = |id: &str| format!("arn:aws:kms:eu-west-1:${{aws.account}}:key/{id}");
        let mut desired = Desired::default();
        let mut add = |address: &str, resource: Resource| {
            desired.resources.insert(address.parse().expect("an address"), DesiredResource::plain(resource))
        };
        add("ecr.api", Ecr { kms_key: Some(key("images")), ..Ecr::example() }.into());
        add("ecr.plain", Ecr { kms_key: None, ..Ecr::example() }.into());
        add("bucket.web", Bucket { kms_key: Some(key("files")), ..Bucket::example() }.into());
        add("bucket_files.web", BucketFiles::example().into());
        add("bucket.data", Bucket { kms_key: Some(key("data")), ..Bucket::example() }.into());
        let keys = |kind: Kind| resources(&desired, &place, Some(kind), On::Keys);
        let arn = |id: &str| BTreeSet::from([format!("arn:aws:kms:eu-west-1:123456789012:key/{id}")]);
        assert_eq!(keys(Kind::Ecr), arn("images"));
        assert_eq!(keys(Kind::BucketFiles), arn("files"));
        assert_eq!(keys(Kind::LogGroup), BTreeSet::new());
    }
}
