//! What `neap policy` allows, held against the calls that are made: in the lives of every example and scenario each call
//! is allowed on the resource that AWS judges it by, and nothing is allowed that no life needs.
//!
//! By which resource AWS judges a call is written down here once more, from the Service Authorization Reference, and not
//! taken from the table that is tested.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use neap_core::address::{Address, Kind};
use neap_core::config::{Loaded, Options, Secrets, Source, folders, load};
use neap_core::desired::{Desired, TAG_ADDRESS};
use neap_core::files::{Local, WHOLE, sha256};
use neap_core::kinds::Resource;
use neap_core::permissions::{self, LONGEST, Place, Purpose, document, length, permissions, split};
use neap_core::plan::{Mode, Refusal, planner};
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::cloud::Cloud;
use neap_engine::event::{Failure, Outcome};
use neap_sim::{Fault, FaultKind, Sim};
use serde_json::Value;

const ACCOUNT: &str = "123456789012";

/// Actions of the table that no life on the sandbox calls, and why they are there.
const UNCALLED: [(&str, &str); 26] = [
    ("ec2:ReplaceRoute", DRIFT),
    ("ec2:DeleteRoute", DRIFT),
    ("s3:PutBucketPublicAccessBlock", DRIFT),
    ("s3:PutBucketOwnershipControls", DRIFT),
    ("cloudfront:UpdateOriginAccessControl", DRIFT),
    ("s3:AbortMultipartUpload", "no upload of these lives fails"),
    ("s3:GetObjectVersion", "the sandbox keeps no old versions of objects"),
    ("ec2:DescribeNetworkInterfaces", PROOF),
    ("ec2:DescribeSecurityGroupRules", PROOF),
    ("ecr:DescribeImages", PROOF),
    ("ec2:DescribeInstances", "the sandbox knows where its instances are"),
    ("iam:ListInstanceProfileTags", PROOF),
    (
        "autoscaling:DescribeInstanceRefreshes",
        "asked only about instances that start otherwise than new ones",
    ),
    ("autoscaling:CancelInstanceRefresh", "no replacement of instances of these lives is stuck"),
    ("autoscaling:DescribeScalingActivities", "asked only about groups that lack instances"),
    ("ecs:DescribeTasks", PROOF),
    ("ecs:ListTasks", PROOF),
    ("ecs:ListServiceDeployments", "no deployment of these lives is rolled back"),
    ("iam:ListRoleTags", PROOF),
    ("ecs:ListTaskDefinitions", "the sandbox deletes the revisions that it knows"),
    ("ssm:AddTagsToResource", LOCK),
    ("ssm:DeleteParameter", LOCK),
    ("ssm:GetParameter", LOCK),
    ("ssm:GetParameterHistory", LOCK),
    ("ssm:PutParameter", LOCK),
    ("iam:CreateServiceLinkedRole", "part of the account's first cluster and load balancer"),
];

/// Actions whose resource types are not what neap asks about: a cluster's tasks are listed by no container instance, and
/// tasks and capacity providers are looked at under names that are not the stack's.
const NOT_BY_RESOURCE: [&str; 10] = [
    "acm:RequestCertificate",
    "ecs:DeregisterTaskDefinition",
    "cloudfront:CreateDistribution",
    "cloudfront:CreateOriginAccessControl",
    "cloudfront:CreateFunction",
    "servicediscovery:CreateHttpNamespace",
    "servicediscovery:CreatePrivateDnsNamespace",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:DescribeCapacityProviders",
];

const PROOF: &str = "called by the proof that nothing is left, which is no part of these lives";
const DRIFT: &str = "only what others changed is put back";
const LOCK: &str = "the sandbox keeps its lock in a file";

/// A stack and what becomes of it: every change in place that the scenarios do not make.
const BEFORE: &str = r#"
[stack]
name = "whole"
region = "eu-west-1"
tags = { team = "web" }

[certificate.site]
domain = "example.com"

[domain.api]
name = "api.example.com"
target = "alb.public"

[namespace.plain]
description = "before"
tags = { of = "names" }

[namespace.main]
type = "private_dns"
name = "shop.internal"
description = "before"

[ecr.api]
keep_images = 5
encryption = "KMS"
kms_key = "arn:aws:kms:eu-west-1:123456789012:key/0123"

[cluster.main]

[cluster.own]
capacity = { instance_type = "t3.micro", max = 2 }

[role.own]
description = "before"
managed_policies = ["AmazonS3ReadOnlyAccess"]

[log_group.kept]
retention = 7
kms_key = "arn:aws:kms:eu-west-1:123456789012:key/0123"

[security_group.edge]
ingress = [{ port = 80, peer = "10.0.0.0/8", description = "before" }]
egress = [{ port = 443, peer = "10.0.0.0/8", description = "before" }]

[target_group.api]
port = 3000

[alb.public.listener.http]
port = 80
default = { forward = "api" }

[[alb.public.listener.http.rule]]
priority = 1
when = { path = ["/x"] }
forward = "api"

[task.api]
role = "own"
[task.api.container.app]
image = "${ecr.api}:v1"
port = 3000

[service.api]
cluster = "main"
task = "api"
target = { group = "api" }
discovery = { ttl = 15 }

[service.api.scaling]
min = 1
max = 4
memory = 70
requests_per_target = 500
schedule = { night = { when = "cron(0 22 * * ? *)", max = 1 } }
step = { busy = { metric = "cpu", above = 80, by = 1 } }

[bucket.web]
files = "web"
versioning = true
encryption = "KMS"
kms_key = "arn:aws:kms:eu-west-1:123456789012:key/0123"
lifecycle = [{ expire_days = 30 }]
cors = [{ origins = ["https://example.com"] }]

[cloudfront.site]
single_page = true
default_root_object = "app.html"

[[cloudfront.site.route]]
path = "/api/*"
origin = "alb.public"

[[cloudfront.site.route]]
path = "/*"
origin = "bucket.web"
"#;

const EDITS: [(&str, &str); 17] = [
    ("description = \"before\"\ntags = { of = \"names\" }\n", "description = \"after\"\n"),
    ("description = \"before\"\n\n[ecr.api]", "description = \"after\"\n\n[ecr.api]"),
    ("discovery = { ttl = 15 }", "discovery = { ttl = 60 }"),
    ("max = 4\nmemory = 70\n", "max = 5\n"),
    ("default_root_object = \"app.html\"\n", ""),
    ("schedule = { night =", "schedule = { evening ="),
    ("step = { busy = {", "step = { busier = {"),
    (
        "versioning = true\nencryption = \"KMS\"\nkms_key = \"arn:aws:kms:eu-west-1:123456789012:key/0123\"\nlifecycle = [{ expire_days = 30 }]\ncors = [{ origins = [\"https://example.com\"] }]\n",
        "",
    ),
    ("instance_type = \"t3.micro\", max = 2", "instance_type = \"t3.small\", max = 2, target_capacity = 80"),
    ("tags = { team = \"web\" }\n", ""),
    ("keep_images = 5\n", ""),
    (
        "description = \"before\"\nmanaged_policies = [\"AmazonS3ReadOnlyAccess\"]",
        "service = \"scheduler.amazonaws.com\"",
    ),
    ("role = \"own\"\n", ""),
    (
        "retention = 7\nkms_key = \"arn:aws:kms:eu-west-1:123456789012:key/0123\"",
        "retention = \"never-expire\"",
    ),
    ("description = \"before\" }]\negress", "description = \"after\" }]\negress"),
    (
        "peer = \"10.0.0.0/8\", description = \"before\" }]\n\n[target",
        "peer = \"10.0.0.0/8\", description = \"after\" }]\n\n[target",
    ),
    (
        "[alb.public.listener.http]\nport",
        "[alb.public]\nip_address_type = \"dualstack\"\nsecurity_groups = [\"edge\"]\nsubnets = [SUBNETS]\n[alb.public.listener.http]\nport",
    ),
];

/// What becomes of [`BEFORE`]. A load balancer stays in two of the subnets that it had.
fn after(subnets: &[String]) -> String {
    let text = EDITS.iter().fold(BEFORE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    text.replace("SUBNETS", &format!("\"{}\"", subnets[..2].join("\", \"")))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn loaded(text: &str) -> Option<Loaded> {
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    let secret = [("password".to_owned(), "hunter2".to_owned())].into();
    let mut options = Options { environment_variables: secret, ..Options::default() };
    let folders = folders(&source, &options).into_iter();
    options.folders = Some(folders.map(|name| (name, Ok(site(text)))).collect());
    load(&source, &options).ok()
}

/// A folder in which one file is large, and one is another with another stack.
fn site(text: &str) -> BTreeMap<String, Local> {
    let page = Local { size: text.len() as u64, sha256: sha256(text.as_bytes()) };
    let film = Local { size: WHOLE + 1, sha256: sha256(b"film") };
    [("index.html".to_owned(), page), ("film.mp4".to_owned(), film)].into()
}

/// Stack files that follow each other in one folder, for every example and scenario.
fn lives() -> Vec<(String, Vec<Loaded>)> {
    let mut folders = vec![root()];
    for parent in ["examples", "tests/cases"] {
        let entries = fs::read_dir(root().join(parent)).expect("a folder");
        folders.extend(entries.map(|entry| entry.expect("an entry").path()));
    }
    folders.sort();
    let mut lives = Vec::new();
    for folder in folders {
        let texts =
            ["stack.toml", "after.toml", "less.toml"].map(|name| fs::read_to_string(folder.join(name)));
        let stacks: Vec<Loaded> = texts.iter().flatten().filter_map(|text| loaded(text)).collect();
        // The sandbox has another account than the one that this scenario asks for.
        if !stacks.is_empty()
            && stacks.iter().all(|loaded| loaded.desired.account.as_deref().is_none_or(|it| it == ACCOUNT))
        {
            lives.push((folder.display().to_string(), stacks));
        }
    }
    lives
}

async fn run(sim: &Sim, desired: &Desired, secrets: &Secrets, mode: Mode) -> Result<Summary, Vec<Refusal>> {
    let live = sim.read(desired).await.expect("a reading");
    let plan = planner::plan(desired, &live, mode, secrets)?;
    Ok(apply(sim, &plan, secrets, &ApplyOptions::default(), &mut |_| {}).await)
}

fn place(desired: &Desired) -> Place {
    let region = desired.region.clone().unwrap_or_else(|| "us-east-1".to_owned());
    Place { account: ACCOUNT.to_owned(), region }
}

/// The statements of the document for `purpose`.
fn statements(desired: &Desired, purpose: Purpose) -> Vec<Value> {
    let document = document(&permissions(desired, purpose, &place(desired)));
    document["Statement"].as_array().expect("statements").clone()
}

/// The ARNs that the stack's resources have had, by address.
#[derive(Default)]
struct Seen(BTreeMap<Address, BTreeSet<String>>);

impl Seen {
    fn note(&mut self, sim: &Sim, place: &Place) {
        for found in sim.resources() {
            let Some(address) = found.tags.get(TAG_ADDRESS).and_then(|text| text.parse().ok()) else {
                continue;
            };
            let arn = match found.kind() {
                Kind::SecurityGroup
                | Kind::Vpc
                | Kind::InternetGateway
                | Kind::ElasticIp
                | Kind::NatGateway
                | Kind::RouteTable
                | Kind::Subnet
                | Kind::VpcEndpoint
                | Kind::LaunchTemplate => {
                    // The only one without a hyphen.
                    let kind = found.kind().as_str().replace("nat_gateway", "natgateway").replace('_', "-");
                    format!("arn:aws:ec2:{}:{ACCOUNT}:{kind}/{}", place.region, found.outputs["id"])
                }
                Kind::OriginAccessControl => {
                    format!("arn:aws:cloudfront::{ACCOUNT}:origin-access-control/{}", found.id)
                }
                Kind::BucketPolicy => format!("arn:aws:s3:::{}", found.id),
                Kind::Domain => format!("arn:aws:route53:::hostedzone/{}", found.outputs["zone_id"]),

                Kind::ClusterCapacity => found.outputs["cluster"].clone(),
                _ => found.outputs["arn"].clone(),
            };
            self.0.entry(address).or_default().insert(arn);
        }
    }

    fn of(&self, address: &Address) -> Vec<String> {
        self.0.get(address).into_iter().flatten().cloned().collect()
    }

    fn of_kind(&self, kind: Kind) -> Vec<String> {
        self.0
            .iter()
            .filter(|(address, _)| address.kind() == kind)
            .flat_map(|(_, arns)| arns)
            .cloned()
            .collect()
    }

    /// The ARNs of the load balancer or listener that `address` is part of.
    fn parents(&self, address: &Address, kind: Kind) -> Vec<String> {
        let text = address.to_string();
        let within = |parent: &&Address| parent.kind() == kind && text.starts_with(&format!("{parent}."));
        self.0.keys().filter(within).flat_map(|parent| self.of(parent)).collect()
    }
}

/// One thing that AWS asks a policy about.
struct Question {
    action: String,
    resource: String,
    context: BTreeMap<&'static str, String>,
}

/// What AWS asks when `operation` is called for the resource at `address`.
fn questions(operation: &str, address: Option<&Address>, desired: &Desired, seen: &Seen) -> Vec<Question> {
    let place = place(desired);
    let stack = desired.stack.clone();
    let requested = ("aws:RequestTag/neap:stack", stack.clone());
    let tagged = ("aws:ResourceTag/neap:stack", stack);
    let handed = ("iam:PassedToService", "ecs.amazonaws.com".to_owned());
    let ask = |action: &str, resources: Vec<String>, context: &[(&'static str, String)]| {
        let question = |resource: String| Question {
            action: action.to_owned(),
            resource,
            context: context.iter().cloned().collect(),
        };
        resources.into_iter().map(question).collect::<Vec<_>>()
    };
    let own = || address.map(|address| seen.of(address)).unwrap_or_default();
    let regional = |service: &str, resource: &str| {
        vec![format!("arn:aws:{service}:{}:{ACCOUNT}:{resource}", place.region)]
    };
    let on_all = |action: &str| ask(action, vec!["*".to_owned()], &[]);
    let zone = || vec!["arn:aws:route53:::hostedzone/Z0123".to_owned()];
    if let Some(address) = address.filter(|address| address.kind() == Kind::BucketFiles) {
        let buckets = seen.of(&Address::new(Kind::Bucket, address.name()));
        return match operation {
            "s3:ListBucket" => ask(operation, buckets, &[]),
            "s3:PutObject" => {
                let mut all = ask(
                    operation,
                    buckets.iter().map(|bucket| format!("{bucket}/index.html")).collect(),
                    &[],
                );
                let key = |action: &str| {
                    ask(action, key_of(&Address::new(Kind::Bucket, address.name()), desired), &[])
                };
                all.extend(["kms:GenerateDataKey", "kms:Decrypt"].into_iter().flat_map(key));
                all
            }
            "s3:GetObject" | "s3:DeleteObject" => {
                ask(operation, buckets.iter().map(|bucket| format!("{bucket}/index.html")).collect(), &[])
            }
            _ => ask(operation, seen.of_kind(Kind::Cloudfront), &[tagged]),
        };
    }
    match operation {
        "s3:DeleteObjectVersion" => {
            ask(operation, own().iter().map(|bucket| format!("{bucket}/index.html")).collect(), &[])
        }
        "ecr:DescribeRepositories" => ask(operation, regional("ecr", "repository/*"), &[]),
        "ecs:DescribeClusters" => ask(operation, regional("ecs", "cluster/any"), &[]),
        "ecs:DescribeServices" => ask(operation, regional("ecs", "service/any/any"), &[]),
        "secretsmanager:DescribeSecret" => {
            let arn = |name: String| regional("secretsmanager", &format!("secret:{name}-a1B2c3")).remove(0);
            ask(operation, desired.secrets().into_iter().map(arn).collect(), &[])
        }
        "iam:GetRole" | "iam:ListAttachedRolePolicies" | "iam:ListRolePolicies" | "iam:GetRolePolicy" => {
            let mut roles = own();
            // A role that is not there is asked for by its name alone.
            if let Some(Resource::Role(role)) =
                address.and_then(|address| desired.resources.get(address)).map(|wanted| &wanted.resource)
            {
                roles.push(format!("arn:aws:iam::{ACCOUNT}:role/{}", role.name));
            }
            ask(operation, roles, &[])
        }
        "ecr:ListTagsForResource"
        | "ecr:GetLifecyclePolicy"
        | "logs:ListTagsForResource"
        | "cloudfront:GetDistribution"
        | "cloudfront:ListTagsForResource"
        | "acm:ListTagsForCertificate" => ask(operation, own(), &[]),
        "acm:DescribeCertificate" => ask(operation, own(), &[]),
        "ecs:DeregisterTaskDefinition" | "ecs:DescribeCapacityProviders" => on_all(operation),
        "ssm:GetParameters" => {
            let name = "parameter/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id";
            ask(operation, vec![format!("arn:aws:ssm:{}::{name}", place.region)], &[])
        }
        "iam:GetInstanceProfile" => ask(operation, own(), &[]),
        "iam:CreateInstanceProfile" => {
            let mut all = ask(operation, own(), &[]);
            all.extend(ask("iam:TagInstanceProfile", own(), &[]));
            all
        }
        "iam:AddRoleToInstanceProfile" => {
            let mut all = ask(operation, own(), &[]);
            let role = vec![format!("arn:aws:iam::{ACCOUNT}:role/neap/{}/any", desired.stack)];
            all.extend(ask("iam:PassRole", role, &[("iam:PassedToService", "ec2.amazonaws.com".to_owned())]));
            all
        }
        "ec2:CreateLaunchTemplate" => {
            let mut all = ask(operation, own(), std::slice::from_ref(&requested));
            let create = ("ec2:CreateAction", "CreateLaunchTemplate".to_owned());
            all.extend(ask("ec2:CreateTags", own(), &[requested, create]));
            all
        }
        "autoscaling:CreateAutoScalingGroup" => {
            let mut all = ask(operation, own(), &[requested]);
            all.extend(ask("autoscaling:CreateOrUpdateTags", own(), &[]));
            all.extend(ask("ec2:RunInstances", regional("ec2", "instance/*"), &[]));
            let launch = ("ec2:CreateAction", "RunInstances".to_owned());
            all.extend(ask("ec2:CreateTags", regional("ec2", "instance/*"), &[launch]));
            all
        }
        "ec2:CreateVpc"
        | "ec2:CreateInternetGateway"
        | "ec2:AllocateAddress"
        | "ec2:CreateNatGateway"
        | "ec2:CreateRouteTable"
        | "ec2:CreateSubnet"
        | "ec2:CreateVpcEndpoint" => {
            let mut all = ask(operation, own(), std::slice::from_ref(&requested));
            let create = ("ec2:CreateAction", operation.trim_start_matches("ec2:").to_owned());
            all.extend(ask("ec2:CreateTags", own(), &[requested, create]));
            // What it names is asked for as well.
            let named: &[Kind] = match operation {
                "ec2:CreateRouteTable" | "ec2:CreateSubnet" => &[Kind::Vpc],
                "ec2:CreateNatGateway" => &[Kind::ElasticIp, Kind::Subnet],
                "ec2:CreateVpcEndpoint" => &[Kind::Vpc, Kind::RouteTable, Kind::Subnet, Kind::SecurityGroup],
                _ => &[],
            };
            for kind in named {
                all.extend(ask(operation, seen.of_kind(*kind), std::slice::from_ref(&tagged)));
            }
            if operation == "ec2:CreateVpcEndpoint" {
                all.extend(ask("route53:AssociateVPCWithHostedZone", zone(), &[]));
            }
            all
        }
        // Of what is attached and associated AWS asks for both sides.
        "ec2:AttachInternetGateway" | "ec2:DetachInternetGateway" => {
            let both = own().into_iter().chain(seen.of_kind(Kind::Vpc)).collect();
            ask(operation, both, &[tagged])
        }
        "ec2:ModifyVpcEndpoint" => {
            let kinds = [Kind::RouteTable, Kind::Subnet, Kind::SecurityGroup];
            let named = kinds.into_iter().flat_map(|kind| seen.of_kind(kind));
            ask(operation, own().into_iter().chain(named).collect(), &[tagged])
        }
        "ec2:AssociateRouteTable" | "ec2:ReplaceRouteTableAssociation" => {
            let both = own().into_iter().chain(seen.of_kind(Kind::RouteTable)).collect();
            ask(operation, both, &[tagged])
        }
        "cloudfront:CreateOriginAccessControl" => on_all(operation),
        "acm:RequestCertificate" => {
            let mut all = ask(operation, vec!["*".to_owned()], std::slice::from_ref(&requested));
            all.extend(ask("acm:AddTagsToCertificate", own(), &[]));
            all
        }
        "servicediscovery:CreateHttpNamespace" | "servicediscovery:CreatePrivateDnsNamespace" => {
            let mut all = ask(operation, vec!["*".to_owned()], std::slice::from_ref(&requested));
            all.extend(on_all("servicediscovery:TagResource"));
            if operation.ends_with("PrivateDnsNamespace") {
                all.extend(on_all("route53:CreateHostedZone"));
                all.extend(ask("route53:GetHostedZone", zone(), &[]));
                all.extend(on_all("route53:ListHostedZonesByName"));
                all.extend(on_all("ec2:DescribeVpcs"));
                all.extend(on_all("ec2:DescribeRegions"));
            }
            all
        }
        "servicediscovery:UpdatePrivateDnsNamespace"
        | "servicediscovery:UpdateService"
        | "servicediscovery:DeregisterInstance" => {
            let mut all = ask(operation, own(), &[tagged]);
            all.extend(ask("route53:ChangeResourceRecordSets", zone(), &[]));
            all
        }
        "servicediscovery:DeleteNamespace" => {
            let mut all = ask(operation, own(), &[tagged]);
            let wanted = address.and_then(|address| desired.resources.get(address));
            if wanted.is_some_and(|it| matches!(&it.resource, Resource::Namespace(it) if it.has_dns())) {
                all.extend(ask("route53:DeleteHostedZone", zone(), &[]));
            }
            all
        }
        "servicediscovery:CreateService" => {
            let mut all = ask(operation, seen.of_kind(Kind::Namespace), std::slice::from_ref(&requested));
            let made = regional("servicediscovery", "service/srv-0123");
            all.extend(ask(operation, made, std::slice::from_ref(&requested)));
            all.extend(ask("servicediscovery:TagResource", vec!["*".to_owned()], &[]));
            all
        }
        // What ECS made in a namespace is nobody's.
        "servicediscovery:DeleteService" if address.is_some_and(|it| it.kind() == Kind::Namespace) => {
            ask(operation, regional("servicediscovery", "service/srv-0123"), &[])
        }
        "route53:GetChange" => ask(operation, vec!["arn:aws:route53:::change/C0123".to_owned()], &[]),
        "route53:ListResourceRecordSets" | "route53:ChangeResourceRecordSets" => ask(operation, zone(), &[]),
        "cloudfront:CreateFunction" => {
            let mut all = on_all(operation);
            all.extend(ask("cloudfront:TagResource", own(), &[]));
            all
        }
        "s3:CreateBucket" => {
            let mut all = ask(operation, own(), &[]);
            all.extend(ask("s3:TagResource", own(), &[]));
            all
        }
        "cloudfront:CreateDistributionWithTags" => {
            let mut all = on_all("cloudfront:CreateDistribution");
            all.extend(ask("cloudfront:TagResource", own(), &[]));
            all
        }
        "elasticloadbalancing:CreateListener" | "elasticloadbalancing:CreateRule" => {
            let parent = if operation.ends_with("Rule") { Kind::Listener } else { Kind::Alb };
            let parents = address.map(|address| seen.parents(address, parent)).unwrap_or_default();
            let mut all = ask(operation, parents, &[requested, tagged]);
            all.extend(ask("elasticloadbalancing:AddTags", own(), &[]));
            all
        }
        "elasticloadbalancing:CreateLoadBalancer" | "elasticloadbalancing:CreateTargetGroup" => {
            let mut all = ask(operation, own(), &[requested]);
            all.extend(ask("elasticloadbalancing:AddTags", own(), &[]));
            all.extend(["ec2:DescribeInternetGateways", "ec2:DescribeVpcs"].into_iter().flat_map(on_all));
            if operation.ends_with("LoadBalancer") {
                let looks = ["AccountAttributes", "Addresses", "SecurityGroups", "Subnets"];
                all.extend(looks.into_iter().flat_map(|what| on_all(&format!("ec2:Describe{what}"))));
            }
            all
        }
        "ec2:CreateSecurityGroup" => {
            let mut all = ask(operation, own(), std::slice::from_ref(&requested));
            all.extend(ask(operation, regional("ec2", "vpc/vpc-0123456789abcdef0"), &[]));
            let create = ("ec2:CreateAction", "CreateSecurityGroup".to_owned());
            all.extend(ask("ec2:CreateTags", own(), &[requested, create]));
            all
        }
        "application-autoscaling:RegisterScalableTarget" => {
            let mut all = ask(operation, own(), &[requested, tagged]);
            all.extend(ask("application-autoscaling:TagResource", own(), &[]));
            all
        }
        "application-autoscaling:ListTagsForResource" => ask(operation, own(), &[]),
        "cloudwatch:PutMetricAlarm" | "cloudwatch:DeleteAlarms" => {
            let alarm = format!("alarm:{}-any", desired.stack);
            ask(operation, regional("cloudwatch", &alarm), &[])
        }
        "application-autoscaling:PutScalingPolicy" => {
            let mut all = ask(operation, own(), &[tagged]);
            let alarm = "alarm:TargetTracking-service/any/any-AlarmHigh-0123";
            all.extend(ask("cloudwatch:PutMetricAlarm", regional("cloudwatch", alarm), &[]));
            all.extend(ask("cloudwatch:DeleteAlarms", regional("cloudwatch", alarm), &[]));
            all.extend(on_all("cloudwatch:DescribeAlarms"));
            all
        }
        "ecs:CreateCluster" | "ecs:CreateService" | "ecs:CreateCapacityProvider" => {
            let mut all = ask(operation, own(), &[requested]);
            all.extend(ask("ecs:TagResource", own(), &[]));
            all.extend(ask("iam:PassRole", to_ecs(address, desired, seen), std::slice::from_ref(&handed)));
            all
        }
        "ecs:UpdateService" => {
            let mut all = ask(operation, own(), &[tagged]);
            all.extend(ask("iam:PassRole", to_ecs(address, desired, seen), std::slice::from_ref(&handed)));
            all
        }
        "ecs:DescribeServiceDeployments" => {
            let deployment = |arn: &String| arn.replace(":service/", ":service-deployment/") + "/any";
            ask(operation, own().iter().map(deployment).chain(own()).collect(), &[])
        }
        "ecs:RegisterTaskDefinition" => {
            let mut all = ask(operation, own(), &[requested]);
            all.extend(ask("ecs:TagResource", own(), &[]));
            let roles = address.and_then(|address| desired.resources.get(address));
            let roles = roles.map(|wanted| passed(&wanted.resource, seen)).unwrap_or_default();
            all.extend(ask(
                "iam:PassRole",
                roles,
                &[("iam:PassedToService", "ecs-tasks.amazonaws.com".to_owned())],
            ));
            all
        }
        "ecr:CreateRepository" => {
            let mut all = ask(operation, own(), &[requested]);
            all.extend(ask("ecr:TagResource", own(), &[]));
            let key =
                |action: &str| ask(action, address.map(|it| key_of(it, desired)).unwrap_or_default(), &[]);
            all.extend(["kms:DescribeKey", "kms:CreateGrant"].into_iter().flat_map(key));
            all
        }
        "ecr:DeleteRepository" => {
            let mut all = ask(operation, own(), &[tagged]);
            let key = address.map(|address| key_of(address, desired)).unwrap_or_default();
            all.extend(ask("kms:RetireGrant", key, &[]));
            all
        }
        "logs:CreateLogGroup" => {
            let mut all = ask(operation, own(), &[]);
            all.extend(ask(
                operation,
                own().iter().map(|arn| format!("{}:log-stream:", arn.trim_end_matches(":*"))).collect(),
                &[],
            ));
            all.extend(ask("logs:TagResource", own(), &[]));
            all
        }
        "iam:CreateRole" => {
            let mut all = ask(operation, own(), &[]);
            all.extend(ask("iam:TagRole", own(), &[]));
            all
        }
        "iam:AttachRolePolicy" => {
            let role =
                address.and_then(|address| desired.resources.get(address)).map(|wanted| &wanted.resource);
            let Some(Resource::Role(role)) = role else { panic!("{address:?} is no role") };
            let policies = role.managed_policies.iter().map(|arn| arn.replace("${aws.partition}", "aws"));
            policies.flat_map(|policy| ask(operation, own(), &[("iam:PolicyARN", policy)])).collect()
        }
        _ if is_unlimited(operation) => on_all(operation),
        // Tags are changed by what a resource has; everything else is done to what is tagged.
        _ => ask(operation, own(), &[tagged]),
    }
}

/// Whether AWS lists no resource type for the action.
fn is_unlimited(operation: &str) -> bool {
    let (service, name) = operation.split_once(':').expect("an operation");
    match service {
        "sts" | "tag" => true,
        "application-autoscaling" | "autoscaling" | "ec2" | "elasticloadbalancing" => {
            name.starts_with("Describe")
        }
        "ecs" => {
            name == "DescribeTaskDefinition" || (name.starts_with("List") && name != "ListServiceDeployments")
        }
        "cloudwatch" | "logs" | "ssm" => name.starts_with("Describe"),
        "iam" | "cloudfront" => {
            matches!(
                name,
                "ListRoles"
                    | "ListInstanceProfiles"
                    | "ListDistributions"
                    | "ListOriginAccessControls"
                    | "ListFunctions"
            )
        }
        "s3" => name == "ListAllMyBuckets",
        "acm" => name == "ListCertificates",
        "route53" => matches!(name, "ListHostedZones" | "ListHostedZonesByName" | "CreateHostedZone"),
        "servicediscovery" => {
            let listed = name.starts_with("List") && name != "ListInstances";
            listed || matches!(name, "GetOperation" | "TagResource" | "UntagResource")
        }
        _ => false,
    }
}

/// The roles by which ECS shifts the traffic of a service and asks its hooks.
fn to_ecs(address: Option<&Address>, desired: &Desired, seen: &Seen) -> Vec<String> {
    let wanted = address.and_then(|address| desired.resources.get(address)).map(|wanted| &wanted.resource);
    let Some(Resource::Service(service)) = wanted else { return Vec::new() };
    let shifting = service.targets.iter().filter_map(|target| target.alternate.as_ref());
    let asked = service.deployment.iter().flat_map(|deployment| &deployment.hooks);
    let roles = shifting.map(|alternate| &alternate.role).chain(asked.map(|hook| &hook.role));
    roles.flat_map(|role| named(role, seen)).collect()
}

/// The key that what `address` stands for is encrypted by, if the stack names one.
fn key_of(address: &Address, desired: &Desired) -> Vec<String> {
    let fields = desired.resources.get(address).map(|wanted| wanted.resource.fields());
    fields.and_then(|fields| fields["kms_key"].as_str().map(str::to_owned)).into_iter().collect()
}

/// The roles that a task definition hands over.
fn passed(task: &Resource, seen: &Seen) -> Vec<String> {
    let fields = task.fields();
    let given = ["execution_role", "task_role"].into_iter().filter_map(|key| fields[key].as_str());
    given.flat_map(|text| named(text, seen)).collect()
}

/// The ARNs that a field names.
fn named(text: &str, seen: &Seen) -> Vec<String> {
    match text.strip_prefix("${").and_then(|text| text.strip_suffix(".arn}")) {
        Some(address) => seen.of(&address.parse().expect("a role's address")),
        None => vec![text.to_owned()],
    }
}

/// Whether the statement of a document allows what is asked, as IAM evaluates the operators that are used.
fn allows(statement: &Value, question: &Question) -> bool {
    let list = |key: &str| statement[key].as_array().expect("a list").iter().filter_map(Value::as_str);
    let acts = list("Action").any(|action| action == question.action);
    let covers = list("Resource").any(|pattern| matches(pattern, &question.resource));
    let Some(operators) = statement.get("Condition") else { return acts && covers };
    let holds = |keys: &Value| {
        keys.as_object().expect("keys").iter().all(|(key, values)| {
            let values: Vec<&str> = match values {
                Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
                one => one.as_str().into_iter().collect(),
            };
            question.context.get(key.as_str()).is_some_and(|value| values.contains(&value.as_str()))
        })
    };
    let known = ["StringEquals", "ArnEquals"];
    let operators = operators.as_object().expect("operators");
    assert!(operators.keys().all(|operator| known.contains(&operator.as_str())), "{statement}");
    acts && covers && operators.values().all(holds)
}

/// Whether a pattern of IAM's covers `text`. Only the star alone covers an action that has no resources.
fn matches(pattern: &str, text: &str) -> bool {
    if text == "*" || pattern == "*" {
        return pattern == text || pattern == "*";
    }
    let Some((head, tail)) = pattern.split_once('*') else {
        let fits = |(one, other): (u8, u8)| one == b'?' || one == other;
        return pattern.len() == text.len() && pattern.bytes().zip(text.bytes()).all(fits);
    };
    text.strip_prefix(head).is_some_and(|rest| {
        (0..=rest.len()).any(|at| rest.is_char_boundary(at) && matches(tail, &rest[at..]))
    })
}

/// Every call that `sim` has seen since they were forgotten is allowed by `policy`. The actions are noted.
#[track_caller]
fn check_calls(
    sim: &Sim,
    statements: &[Value],
    desired: &Desired,
    seen: &Seen,
    called: &mut BTreeSet<String>,
    what: &str,
) {
    for call in sim.calls() {
        for question in questions(&call.operation, call.address.as_ref(), desired, seen) {
            called.insert(question.action.clone());
            assert!(
                statements.iter().any(|statement| allows(statement, &question)),
                "{what}: {} on {} with {:?} is not allowed by\n{:#}",
                question.action,
                question.resource,
                question.context,
                Value::from(statements.to_vec())
            );
        }
    }
    sim.forget_calls();
}

#[tokio::test(start_paused = true)]
async fn every_call_of_every_life_is_allowed_and_nothing_else_is() {
    let mut called = BTreeSet::new();
    let mut allowed = BTreeSet::new();
    let mut lives = lives();
    let stack = |text: &str| loaded(text).unwrap_or_else(|| panic!("a mistake in {text}"));
    let subnets = Sim::in_memory().read(&stack(BEFORE).desired).await.expect("a reading").environment.subnets;
    lives.push(("every change".to_owned(), vec![stack(BEFORE), stack(&after(&subnets)), stack(BEFORE)]));
    assert!(lives.len() > 20, "{}", lives.len());
    for (what, stacks) in lives {
        let sim = Sim::in_memory();
        let mut seen = Seen::default();
        // What deletes a kind that is no longer declared is in the document of the file that declared it.
        let mut granted: Vec<Value> = Vec::new();
        for Loaded { desired, secrets, .. } in &stacks {
            let place = place(desired);
            sim.read(desired).await.expect("a reading");
            let plan = statements(desired, Purpose::Plan);
            check_calls(&sim, &plan, desired, &seen, &mut called, &what);
            if run(&sim, desired, secrets, Mode::Apply).await.is_err() {
                // A scenario of a plan that is refused.
                sim.forget_calls();
                continue;
            }
            seen.note(&sim, &place);
            granted.extend(statements(desired, Purpose::Apply));
            check_calls(&sim, &granted, desired, &seen, &mut called, &what);
            let all = permissions(desired, Purpose::All, &place);
            allowed.extend(all.into_iter().flat_map(|one| one.actions));
        }
        let Loaded { desired, secrets, .. } = &stacks[stacks.len() - 1];
        if run(&sim, desired, secrets, Mode::Destroy).await.is_ok() {
            let destroy = statements(desired, Purpose::Destroy);
            check_calls(&sim, &destroy, desired, &seen, &mut called, &what);
        }
    }
    let uncalled: BTreeSet<String> = UNCALLED.iter().map(|(action, _)| (*action).to_owned()).collect();
    let needless: Vec<&String> =
        allowed.difference(&called).filter(|action| !uncalled.contains(*action)).collect();
    assert!(needless.is_empty(), "allowed, and called in no life: {needless:?}");
    let never: Vec<&String> =
        called.intersection(&uncalled).filter(|action| !action.starts_with("iam:Pass")).collect();
    assert!(never.is_empty(), "called after all: {never:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_denied_is_named() {
    let text = fs::read_to_string(root().join("stack.toml")).expect("a stack file");
    let Loaded { desired, secrets, .. } = loaded(&text).expect("no mistakes");
    let sim = Sim::in_memory();
    run(&sim, &desired, &secrets, Mode::Apply).await.expect("a plan");
    run(&sim, &desired, &secrets, Mode::Destroy).await.expect("a plan");
    let operations: BTreeSet<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    assert!(operations.len() > 40, "{operations:?}");
    for operation in operations {
        let sim = Sim::in_memory();
        sim.fault(Fault::always(&operation, FaultKind::Deny));
        assert!(names(&sim, &desired, &secrets, &operation).await, "{operation}");
    }
}

/// Whether a life ends with the denied operation's name in what went wrong.
async fn names(sim: &Sim, desired: &Desired, secrets: &Secrets, operation: &str) -> bool {
    match sim.read(desired).await {
        Err(error) if error.operation == operation => return true,
        // A plan does without the index of tags, and says so.
        Ok(live) if live.warnings.iter().any(|warning| warning.contains(operation)) => return true,
        Ok(_) | Err(_) => {}
    }
    for mode in [Mode::Apply, Mode::Destroy] {
        let failed = match run(sim, desired, secrets, mode).await {
            Ok(summary) => format!(
                "{:?}",
                summary
                    .steps
                    .iter()
                    .map(|step| match &step.outcome {
                        Outcome::Failed(Failure::Call(error)) => error.operation.clone(),
                        _ => String::new(),
                    })
                    .collect::<Vec<_>>()
            ),
            Err(refusals) => format!("{refusals:?}"),
        };
        if failed.contains(operation) {
            return true;
        }
    }
    false
}

#[test]
fn a_stack_needs_nothing_for_kinds_that_it_has_not() {
    let Loaded { desired, .. } =
        loaded("[stack]\nname = \"course\"\nlock = \"none\"\n[ecr.api]\n").expect("no mistakes");
    let place = place(&desired);
    let statements = permissions(&desired, Purpose::All, &place);
    let reads = |sid: &str| sid.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("Read");
    let changes = statements.iter().filter(|one| !reads(&one.sid));
    let services: BTreeSet<&str> = changes
        .flat_map(|one| &one.actions)
        .map(|action| action.split(':').next().expect("a service"))
        .collect();
    assert_eq!(services, ["ecr"].into());
    let whole = document(&statements);
    assert!(length(&whole) <= LONGEST);
    let plan = permissions(&desired, Purpose::Plan, &place);
    let reads = |action: &String| {
        let name = action.split(':').nth(1).expect("an action");
        ["Describe", "List", "Get"].iter().any(|verb| name.starts_with(verb))
    };
    assert!(plan.iter().flat_map(|one| &one.actions).all(reads));
}

#[test]
fn documents_are_short_enough_and_lose_nothing() {
    for (what, stacks) in lives() {
        for Loaded { desired, .. } in stacks {
            let statements = permissions(&desired, Purpose::All, &place(&desired));
            let documents = split(&statements);
            let parts: Vec<Value> = documents
                .iter()
                .flat_map(|document| document["Statement"].as_array().expect("statements").clone())
                .collect();
            assert_eq!(Value::from(parts), document(&statements)["Statement"], "{what}");
            assert!(documents.iter().all(|document| length(document) <= LONGEST), "{what}");
            let sids: BTreeSet<&str> = statements.iter().map(|one| one.sid.as_str()).collect();
            assert_eq!(sids.len(), statements.len(), "{what}: a name is there twice");
            assert!(sids.iter().all(|sid| sid.chars().all(|c| c.is_ascii_alphanumeric())), "{sids:?}");
        }
    }
}

#[test]
fn every_statement_is_limited_where_aws_can_limit_it() {
    for (what, stacks) in lives() {
        for Loaded { desired, .. } in stacks {
            for statement in permissions(&desired, Purpose::All, &place(&desired)) {
                let is_everything = statement.resources.contains("*");
                for action in &statement.actions {
                    let unlimited = is_unlimited(action) || NOT_BY_RESOURCE.contains(&action.as_str());
                    assert_eq!(is_everything, unlimited, "{what}: {action} on {:?}", statement.resources);
                }
            }
        }
    }
}

#[test]
fn a_stack_of_a_similar_name_is_out_of_reach() {
    let ours =
        loaded("[stack]\nname = \"course\"\n[ecr.api]\n[cluster.main]\n").expect("no mistakes").desired;
    let policy = document(&permissions(&ours, Purpose::All, &place(&ours)));
    let theirs = |action: &str, resource: &str| Question {
        action: action.to_owned(),
        resource: format!("arn:aws:{resource}"),
        context: [("aws:ResourceTag/neap:stack", "course-prod".to_owned())].into(),
    };
    let statements = policy["Statement"].as_array().expect("statements");
    for (action, resource) in [
        ("ecr:DeleteRepository", "ecr:us-east-1:123456789012:repository/course-prod-api"),
        ("ecs:DeleteCluster", "ecs:us-east-1:123456789012:cluster/course-prod-main"),
        ("ecr:DeleteRepository", "ecr:us-east-1:123456789012:repository/other"),
    ] {
        let question = theirs(action, resource);
        assert!(!statements.iter().any(|statement| allows(statement, &question)), "{action} {resource}");
    }
    assert!(permissions::actions().any(|action| action == "ecr:DeleteRepository"));
}
