//! Reading: the calls that it takes, in waves, and what is made of their answers.
//!
//! Decides which record is meant by which address, and what a failed call leaves unknown. The calls are about those
//! that a real client makes; what they answer comes from the world.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use neap_core::address::{Address, Kind};
use neap_core::desired::{Desired, TAG_STACK};
use neap_core::kinds::{Clb, ClbListener, Listener};
use neap_core::live::{Live, LiveResource, ReadFailure, Reading};
use neap_core::network;
use neap_engine::cloud::{CallError, ErrorKind};

use crate::record::Record;
use crate::services::ecs::task;
use crate::services::elb;
use crate::sim::Sim;
use crate::world::{ACCOUNT, REGION, World};

mod facts;
mod hinted;
mod matching;
mod objects;
mod owned;

/// How often a call that is throttled is made, as the SDK would.
const ATTEMPTS: usize = 3;

/// A call of a reading, with the wave in which it is made, from 1.
enum ReadCall {
    /// One call that lists.
    List(usize, &'static str),
    /// One call for each resource.
    Each(usize, &'static str),
    /// One call for each of those that end TLS.
    EachTls(usize, &'static str),
    /// One call for each listener of TCP.
    EachTcp(usize, &'static str),
    /// One call for so many resources.
    Batch(usize, &'static str, usize),
}

impl ReadCall {
    const fn wave(&self) -> usize {
        match self {
            Self::List(wave, _)
            | Self::Each(wave, _)
            | Self::EachTls(wave, _)
            | Self::EachTcp(wave, _)
            | Self::Batch(wave, _, _) => *wave,
        }
    }
}

const ELB_TAGS: &str = "elasticloadbalancing:DescribeTags";
const WAVES: usize = 4;

/// The calls that it takes to read every resource of a kind (reference section 1.1).
const fn calls(kind: Kind) -> &'static [ReadCall] {
    use ReadCall::{Batch, Each, EachTcp, EachTls, List};
    match kind {
        Kind::LogGroup => &[List(1, "logs:DescribeLogGroups"), Each(2, "logs:ListTagsForResource")],
        Kind::Role => &[
            List(1, "iam:ListRoles"),
            Each(2, "iam:GetRole"),
            Each(2, "iam:ListAttachedRolePolicies"),
            Each(2, "iam:ListRolePolicies"),
            Each(3, "iam:GetRolePolicy"),
        ],
        Kind::Ecr => &[
            List(1, "ecr:DescribeRepositories"),
            Each(2, "ecr:ListTagsForResource"),
            Each(2, "ecr:GetLifecyclePolicy"),
        ],
        Kind::InstanceProfile => &[List(1, "iam:ListInstanceProfiles"), Each(2, "iam:GetInstanceProfile")],
        Kind::LaunchTemplate => {
            &[List(1, "ec2:DescribeLaunchTemplates"), Each(2, "ec2:DescribeLaunchTemplateVersions")]
        }
        Kind::AutoScalingGroup => {
            &[List(1, "autoscaling:DescribeAutoScalingGroups"), List(1, "autoscaling:DescribePolicies")]
        }
        Kind::CapacityProvider => &[List(1, "ecs:DescribeCapacityProviders")],
        // What describes the clusters shows it.
        Kind::ClusterCapacity => &[],
        Kind::Cluster => &[List(1, "ecs:ListClusters"), Batch(2, "ecs:DescribeClusters", 100)],
        // Each attribute is asked for by itself.
        Kind::Vpc => &[
            List(1, "ec2:DescribeVpcs"),
            Each(2, "ec2:DescribeVpcAttribute"),
            Each(2, "ec2:DescribeVpcAttribute"),
        ],
        Kind::InternetGateway => &[List(1, "ec2:DescribeInternetGateways")],
        Kind::ElasticIp => &[List(1, "ec2:DescribeAddresses")],
        Kind::NatGateway => &[List(1, "ec2:DescribeNatGateways")],
        Kind::VpcEndpoint => &[List(1, "ec2:DescribeVpcEndpoints")],
        Kind::RouteTable => &[List(1, "ec2:DescribeRouteTables")],
        Kind::Subnet => &[List(1, "ec2:DescribeSubnets")],
        Kind::SecurityGroup => &[List(1, "ec2:DescribeSecurityGroups")],
        Kind::TargetGroup => &[
            List(1, "elasticloadbalancing:DescribeTargetGroups"),
            Each(2, "elasticloadbalancing:DescribeTargetGroupAttributes"),
            Batch(2, ELB_TAGS, 20),
        ],
        // What lists those of applications shows them.
        Kind::Nlb => {
            &[Each(2, "elasticloadbalancing:DescribeLoadBalancerAttributes"), Batch(2, ELB_TAGS, 20)]
        }
        // All of them are looked at for their tags first, by the older API.
        Kind::Clb => &[
            List(1, "elasticloadbalancing:DescribeLoadBalancers"),
            Batch(2, ELB_TAGS, 20),
            Each(3, "elasticloadbalancing:DescribeLoadBalancerAttributes"),
            EachTls(3, "elasticloadbalancing:DescribeLoadBalancerPolicies"),
        ],
        Kind::Alb => &[
            List(1, "elasticloadbalancing:DescribeLoadBalancers"),
            Each(2, "elasticloadbalancing:DescribeLoadBalancerAttributes"),
            Batch(2, ELB_TAGS, 20),
        ],
        Kind::Listener => &[
            Each(2, "elasticloadbalancing:DescribeListeners"),
            EachTls(3, "elasticloadbalancing:DescribeListenerCertificates"),
            EachTcp(3, "elasticloadbalancing:DescribeListenerAttributes"),
            Batch(3, ELB_TAGS, 20),
        ],
        Kind::Rule => &[Each(3, "elasticloadbalancing:DescribeRules"), Batch(4, ELB_TAGS, 20)],
        Kind::Task => &[List(1, "ecs:ListTaskDefinitionFamilies"), Each(2, "ecs:DescribeTaskDefinition")],
        Kind::Service => &[List(2, "ecs:ListServices"), Batch(3, "ecs:DescribeServices", 10)],
        Kind::ScalableTarget => &[
            List(1, "application-autoscaling:DescribeScalableTargets"),
            Each(2, "application-autoscaling:DescribeScalingPolicies"),
            Each(2, "application-autoscaling:DescribeScheduledActions"),
            Each(2, "application-autoscaling:ListTagsForResource"),
        ],
        Kind::Cloudfront => &[
            List(1, "cloudfront:ListDistributions"),
            Each(2, "cloudfront:GetDistribution"),
            Each(2, "cloudfront:ListTagsForResource"),
        ],
        // The facets of a bucket are asked for all at once.
        Kind::Bucket => &[
            List(1, "s3:ListAllMyBuckets"),
            Each(2, "s3:GetBucketTagging"),
            Each(2, "s3:GetBucketPublicAccessBlock"),
            Each(2, "s3:GetBucketOwnershipControls"),
            Each(2, "s3:GetEncryptionConfiguration"),
            Each(2, "s3:GetBucketVersioning"),
            Each(2, "s3:GetLifecycleConfiguration"),
            Each(2, "s3:GetBucketCORS"),
        ],
        Kind::BucketPolicy => &[Each(2, "s3:GetBucketPolicy")],
        // In waves of their own, once it is known which buckets hold any.
        Kind::BucketFiles => &[],
        Kind::Function => &[
            List(1, "cloudfront:ListFunctions"),
            Each(2, "cloudfront:ListTagsForResource"),
            Each(3, "cloudfront:DescribeFunction"),
            Each(3, "cloudfront:GetFunction"),
        ],
        Kind::OriginAccessControl => &[List(1, "cloudfront:ListOriginAccessControls")],
        // The markers of each zone stand together.
        Kind::Domain => &[List(1, "route53:ListHostedZones"), Each(2, "route53:ListResourceRecordSets")],
        Kind::Namespace => {
            &[List(1, "servicediscovery:ListNamespaces"), Each(2, "servicediscovery:ListTagsForResource")]
        }
        Kind::DiscoveryService => {
            &[List(2, "servicediscovery:ListServices"), Each(3, "servicediscovery:ListTagsForResource")]
        }
        Kind::Certificate => &[
            List(1, "acm:ListCertificates"),
            Each(2, "acm:ListTagsForCertificate"),
            Each(3, "acm:DescribeCertificate"),
            Each(4, "route53:ListResourceRecordSets"),
        ],
    }
}

/// The call that shows how far a resource of a kind has come.
pub(crate) const fn describe(kind: Kind) -> &'static str {
    match kind {
        Kind::LogGroup => "logs:DescribeLogGroups",
        Kind::Role => "iam:GetRole",
        Kind::Ecr => "ecr:DescribeRepositories",
        Kind::InstanceProfile => "iam:GetInstanceProfile",
        Kind::LaunchTemplate => "ec2:DescribeLaunchTemplateVersions",
        Kind::AutoScalingGroup => "autoscaling:DescribeAutoScalingGroups",
        Kind::CapacityProvider => "ecs:DescribeCapacityProviders",
        Kind::Cluster | Kind::ClusterCapacity => "ecs:DescribeClusters",
        Kind::Vpc => "ec2:DescribeVpcs",
        Kind::InternetGateway => "ec2:DescribeInternetGateways",
        Kind::ElasticIp => "ec2:DescribeAddresses",
        Kind::NatGateway => "ec2:DescribeNatGateways",
        Kind::VpcEndpoint => "ec2:DescribeVpcEndpoints",
        Kind::RouteTable => "ec2:DescribeRouteTables",
        Kind::Subnet => "ec2:DescribeSubnets",
        Kind::SecurityGroup => "ec2:DescribeSecurityGroups",
        Kind::TargetGroup => "elasticloadbalancing:DescribeTargetGroups",
        Kind::Alb | Kind::Nlb | Kind::Clb => "elasticloadbalancing:DescribeLoadBalancers",
        Kind::Listener => "elasticloadbalancing:DescribeListeners",
        Kind::Rule => "elasticloadbalancing:DescribeRules",
        Kind::Task => "ecs:DescribeTaskDefinition",
        Kind::Service => "ecs:DescribeServices",
        Kind::ScalableTarget => "application-autoscaling:DescribeScalableTargets",
        Kind::Cloudfront => "cloudfront:GetDistribution",
        // What `HeadBucket` and `ListObjectsV2` ask for.
        Kind::Bucket | Kind::BucketFiles => "s3:ListBucket",
        Kind::BucketPolicy => "s3:GetBucketPolicy",
        Kind::OriginAccessControl => "cloudfront:GetOriginAccessControl",
        Kind::Certificate => "acm:DescribeCertificate",
        Kind::Function => "cloudfront:DescribeFunction",
        Kind::Domain => "route53:GetChange",
        Kind::Namespace => "servicediscovery:GetNamespace",
        Kind::DiscoveryService => "servicediscovery:GetService",
    }
}

/// What could not be read.
#[derive(Default)]
struct Failures {
    /// Every resource of these kinds.
    kinds: BTreeMap<Kind, ReadFailure>,
    /// Single resources, by ARN.
    records: BTreeMap<String, ReadFailure>,
    /// Facts about the account.
    facts: Vec<ReadFailure>,
    /// The index of tags, which is only a hint.
    index: Option<ReadFailure>,
}

impl Failures {
    /// Why a resource of this kind, or this very one, is unknown. What lives inside another is unknown with it.
    fn of(&self, kind: Kind, arn: Option<&str>) -> Option<&ReadFailure> {
        let parents: &[Kind] = match kind {
            // One listing shows load balancers of both kinds.
            Kind::Nlb => &[Kind::Alb],
            Kind::Listener => &[Kind::Alb, Kind::Nlb],
            Kind::Rule => &[Kind::Listener, Kind::Alb],
            Kind::BucketPolicy => &[Kind::Bucket],
            Kind::DiscoveryService => &[Kind::Namespace],
            Kind::ClusterCapacity => &[Kind::Cluster],
            _ => &[],
        };
        let by_kind = [kind].iter().chain(parents).find_map(|kind| self.kinds.get(kind));
        by_kind.or_else(|| self.records.get(arn?))
    }

    /// Notes what stays unknown because of `failure`. The first failure of a record or kind is the one that is told.
    fn note(&mut self, unknown: &Unknown<'_>, failure: &ReadFailure) {
        match unknown {
            Unknown::Fact => self.facts.push(failure.clone()),
            Unknown::Kind(kind) => {
                self.kinds.entry(*kind).or_insert_with(|| failure.clone());
            }
            Unknown::Records(records) => {
                for (arn, _) in *records {
                    self.records.entry((*arn).clone()).or_insert_with(|| failure.clone());
                }
            }
        }
    }
}

/// One call of a reading, and what stays unknown if it fails.
struct Request<'reading> {
    operation: &'static str,
    address: Option<&'reading Address>,
    unknown: Unknown<'reading>,
}

/// What stays unknown if a call fails.
enum Unknown<'reading> {
    Fact,
    Kind(Kind),
    Records(&'reading [(&'reading String, &'reading Address)]),
}

/// Reads everything that a plan for `desired` needs.
pub(crate) async fn read(sim: &Sim, desired: &Desired) -> Result<Live, CallError> {
    sim.enter(desired.region.as_deref().unwrap_or(REGION));
    let mut failures = Failures::default();
    for wave in 1..=WAVES {
        let before = sim.n_calls();
        if wave == 1 {
            // Whoever is not let in at all cannot read anything.
            attempt(sim, "sts:GetCallerIdentity", None).await?;
            failures.index = attempt(sim, hinted::OPERATION, None).await.err().map(failure);
        }
        let (subjects, speakers) =
            sim.look_as_shown(|world| (matching::subjects(world, desired), Speakers::of(world)));
        let by_kind: Vec<(Kind, Vec<(&String, &Address)>)> = Kind::ALL
            .into_iter()
            .map(|kind| (kind, subjects.iter().filter(|(_, address)| address.kind() == kind).collect()))
            .collect();
        let facts = facts::calls(desired, wave).into_iter().map(|operation| Request {
            operation,
            address: None,
            unknown: Unknown::Fact,
        });
        let networks = network_wave(desired, &subjects, wave);
        let asked = by_kind.iter().filter_map(|(kind, subjects)| {
            let wave = if network::is_part(*kind) { networks? } else { wave };
            Some(requests(wave, *kind, subjects, &speakers))
        });
        let requests: Vec<Request<'_>> = facts.chain(asked.flatten()).collect();
        let answers = requests.iter().map(|request| attempt(sim, request.operation, request.address));
        for (request, answer) in requests.iter().zip(join_all(answers).await) {
            if let Err(error) = answer {
                failures.note(&request.unknown, &failure(error));
            }
        }
        if sim.n_calls() > before {
            sim.wave().await;
        }
    }
    let mut live = sim.look_as_shown(|world| assemble(world, desired, failures));
    taken(sim, desired, &mut live).await;
    objects::read(sim, desired, &mut live).await;
    objects::holdings(sim, &mut live).await;
    objects::images(sim, desired, &mut live).await;
    Ok(live)
}

/// Asks whether somebody else has the names of buckets that are not there.
async fn taken(sim: &Sim, desired: &Desired, live: &mut Live) {
    let absent = |address: &Address| matches!(live.readings.get(address), Some(Reading::Absent));
    let buckets = desired.resources.iter().filter(|(address, _)| address.kind() == Kind::Bucket);
    let buckets: Vec<(&Address, String)> = buckets
        .filter(|(address, _)| absent(address))
        .map(|(address, wanted)| (address, desired.name_in(&wanted.resource, ACCOUNT)))
        .collect();
    let answers = buckets.iter().map(|(address, _)| attempt(sim, "s3:ListBucket", Some(*address)));
    for ((_, name), answer) in buckets.iter().zip(join_all(answers).await) {
        match answer {
            Ok(()) if sim.look_as_shown(|world| world.others_buckets.contains(name)) => {
                live.environment.taken_buckets.insert(name.clone());
            }
            Ok(()) => {}
            Err(error) => live.failures.push(failure(error)),
        }
    }
    if !buckets.is_empty() {
        sim.wave().await;
    }
}

/// Which wave this is for the parts of networks. A stack without one asks first whether anything is tagged as its own: only
/// then it looks.
fn network_wave(desired: &Desired, subjects: &BTreeMap<String, Address>, wave: usize) -> Option<usize> {
    if network::is_declared(desired) {
        return Some(wave);
    }
    let is_left = subjects.values().any(|address| network::is_part(address.kind()));
    (is_left && wave > 1).then(|| wave - 1)
}

/// The ARNs of listeners and classic load balancers that some calls are about.
struct Speakers {
    /// Those that end TLS.
    tls: BTreeSet<String>,
    /// Listeners of TCP.
    tcp: BTreeSet<String>,
}

impl Speakers {
    fn of(world: &World) -> Self {
        let listeners = |wanted: fn(&Listener) -> bool| {
            world.all::<Listener>().filter(move |(_, it)| wanted(it)).map(|(record, _)| record.arn.clone())
        };
        let ends_tls = |clb: &Clb| clb.listeners.values().any(ClbListener::ends_tls);
        let classic = world.all::<Clb>().filter(|(_, clb)| ends_tls(clb));
        Self {
            tls: listeners(Listener::ends_tls).chain(classic.map(|(record, _)| record.arn.clone())).collect(),
            tcp: listeners(|listener| listener.protocol == "TCP").collect(),
        }
    }
}

/// The calls of one wave for one kind.
fn requests<'reading>(
    wave: usize,
    kind: Kind,
    subjects: &'reading [(&'reading String, &'reading Address)],
    speakers: &Speakers,
) -> Vec<Request<'reading>> {
    let mut requests = Vec::new();
    for call in calls(kind).iter().filter(|call| call.wave() == wave) {
        match *call {
            ReadCall::List(_, operation) => {
                requests.push(Request { operation, address: None, unknown: Unknown::Kind(kind) });
            }
            ReadCall::Each(_, operation)
            | ReadCall::EachTls(_, operation)
            | ReadCall::EachTcp(_, operation) => {
                let among = match call {
                    ReadCall::EachTls(..) => Some(&speakers.tls),
                    ReadCall::EachTcp(..) => Some(&speakers.tcp),
                    _ => None,
                };
                let asked =
                    subjects.chunks(1).filter(|one| among.is_none_or(|among| among.contains(one[0].0)));
                requests.extend(asked.map(|one| Request {
                    operation,
                    address: Some(one[0].1),
                    unknown: Unknown::Records(one),
                }));
            }
            ReadCall::Batch(_, operation, size) => {
                requests.extend(subjects.chunks(size).map(|batch| Request {
                    operation,
                    address: None,
                    unknown: Unknown::Records(batch),
                }));
            }
        }
    }
    requests
}

/// Makes one call, again if it is throttled.
pub(crate) async fn attempt(sim: &Sim, operation: &str, address: Option<&Address>) -> Result<(), CallError> {
    let mut answer = sim.read_call(operation, address).await;
    for _ in 1..ATTEMPTS {
        if !matches!(&answer, Err(error) if error.kind == ErrorKind::Throttled) {
            break;
        }
        answer = sim.read_call(operation, address).await;
    }
    answer
}

fn failure(error: CallError) -> ReadFailure {
    ReadFailure {
        denied: error.kind == ErrorKind::Denied,
        operation: error.operation,
        code: error.code,
        message: error.message,
    }
}

fn assemble(world: &World, desired: &Desired, failures: Failures) -> Live {
    let found = matching::find(world, desired);
    let reading = |address: &Address| {
        let record = found.get(address).and_then(|arn| world.record(arn));
        if let Some(failure) = failures.of(address.kind(), record.map(|record| record.arn.as_str())) {
            return Reading::Unreadable(failure.clone());
        }
        let Some(record) = record else { return Reading::Absent };
        let live = Box::new(record.to_live(address, world.now));
        if record.is_of(&desired.stack) { Reading::Present(live) } else { Reading::Foreign(live) }
    };
    let taken: BTreeSet<&str> = found.values().map(String::as_str).collect();
    let mut live = Live::empty(facts::environment(world, desired));
    live.readings = desired.resources.keys().map(|address| (address.clone(), reading(address))).collect();
    owned::read(world, desired, &mut live.readings);
    default_rules(desired, &mut live.readings);
    facts::place(world, desired, &mut live);
    live.orphans = orphans(world, &desired.stack, &taken, &failures);
    live.warnings = facts::warnings(world, desired);
    live.warnings.extend(failures.index.as_ref().map(hinted::warning));
    // A listing that failed may hide orphans, and so may a resource of which nobody knows whose it is.
    let known = |arn: &str| taken.contains(arn);
    let single = failures.records.into_iter().filter(|(arn, _)| !known(arn)).map(|(_, failure)| failure);
    for failure in failures.facts.into_iter().chain(failures.kinds.into_values()).chain(single) {
        if !live.failures.contains(&failure) {
            live.failures.push(failure);
        }
    }
    live
}

/// The rules by which ECS knows what listeners do by default, where it shifts their traffic.
fn default_rules(desired: &Desired, readings: &mut BTreeMap<Address, Reading>) {
    for (address, _) in desired.resources.iter().filter(|(_, wanted)| elb::needs_default_rule(wanted)) {
        if let Some(Reading::Present(live)) = readings.get_mut(address) {
            let rule = elb::default_rule(&live.id);
            live.outputs.insert("default_rule".to_owned(), rule);
        }
    }
}

/// What is the stack's own and not meant by any address.
fn orphans(world: &World, stack: &str, taken: &BTreeSet<&str>, failures: &Failures) -> Vec<LiveResource> {
    let hints = if failures.index.is_none() { world.tagged(TAG_STACK, stack) } else { Vec::new() };
    let known = |record: &&Record| {
        hinted::is_found(record, stack, &hints)
            && !taken.contains(record.arn.as_str())
            && failures.of(record.kind(), Some(&record.arn)).is_none()
    };
    let halves = task::latest_of_inactive(world);
    let readable = matching::readable(world).chain(halves);
    let ours = readable.filter(|record| record.is_of(stack)).filter(known);
    let mut orphans: Vec<LiveResource> = ours
        .filter_map(|record| record.address().map(|address| record.to_live(&address, world.now)))
        .collect();
    orphans.sort_by(|one, other| (&one.address, &one.id).cmp(&(&other.address, &other.id)));
    orphans
}
