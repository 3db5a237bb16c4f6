//! The commands that remove what `neap destroy` does not.
//!
//! Decides their words. What AWS removes by itself has none.

use super::scope::StackScope;
use super::seen::{Seen, Thing};

/// The command that removes something, where there is one; two, one after the other, where AWS wants something done first.
pub(super) fn command(scope: &StackScope, region: &str, seen: &Seen) -> Option<String> {
    let (id, name) = (quoted(&seen.id), quoted(&seen.name));
    let within = || quoted(seen.within.as_deref().unwrap_or_default());
    let mut first = None;
    let last = match seen.thing {
        Thing::LoadBalancer => format!("elbv2 delete-load-balancer --load-balancer-arn {id}"),
        Thing::ClassicLoadBalancer => format!("elb delete-load-balancer --load-balancer-name {name}"),
        Thing::Listener => format!("elbv2 delete-listener --listener-arn {id}"),
        Thing::ListenerRule => format!("elbv2 delete-rule --rule-arn {id}"),
        Thing::TargetGroup => format!("elbv2 delete-target-group --target-group-arn {id}"),
        Thing::Cluster => format!("ecs delete-cluster --cluster {id}"),
        Thing::Service => format!("ecs delete-service --force --cluster {} --service {id}", within()),
        Thing::ScalableTarget => format!(
            "application-autoscaling deregister-scalable-target --service-namespace ecs --scalable-dimension \
             ecs:service:DesiredCount --resource-id {name}"
        ),
        Thing::Task => format!("ecs stop-task --cluster {} --task {id}", within()),
        Thing::TaskDefinition => {
            // "You must deregister a task definition revision before you delete it" (DeleteTaskDefinitions).
            first = Some(format!("ecs deregister-task-definition --task-definition {id}"));
            format!("ecs delete-task-definitions --task-definitions {id}")
        }
        Thing::CapacityProvider => format!("ecs delete-capacity-provider --capacity-provider {id}"),
        Thing::Repository => format!("ecr delete-repository --force --repository-name {name}"),
        Thing::LogGroup => format!("logs delete-log-group --log-group-name {name}"),
        Thing::Alarm => format!("cloudwatch delete-alarms --alarm-names {name}"),
        Thing::InstanceProfile => {
            // It "must not have an associated role" (DeleteInstanceProfile), and has one at most.
            let role = seen.uses.iter().find_map(|arn| Some(quoted(arn.rsplit_once('/')?.1)));
            first = role.map(|role| {
                format!(
                    "iam remove-role-from-instance-profile --instance-profile-name {name} --role-name {role}"
                )
            });
            format!("iam delete-instance-profile --instance-profile-name {name}")
        }
        Thing::LaunchTemplate => format!("ec2 delete-launch-template --launch-template-id {id}"),
        Thing::AutoScalingGroup => {
            format!("autoscaling delete-auto-scaling-group --force-delete --auto-scaling-group-name {name}")
        }
        Thing::Certificate => format!("acm delete-certificate --certificate-arn {id}"),
        Thing::Instance => format!("ec2 terminate-instances --instance-ids {id}"),
        Thing::Vpc => format!("ec2 delete-vpc --vpc-id {id}"),
        Thing::InternetGateway => {
            // "You must detach the internet gateway from the VPC first" (DeleteInternetGateway).
            let attached = seen.within.is_some();
            first = attached.then(|| {
                format!("ec2 detach-internet-gateway --internet-gateway-id {id} --vpc-id {}", within())
            });
            format!("ec2 delete-internet-gateway --internet-gateway-id {id}")
        }
        Thing::ElasticIp => format!("ec2 release-address --allocation-id {id}"),
        Thing::NatGateway => format!("ec2 delete-nat-gateway --nat-gateway-id {id}"),
        Thing::VpcEndpoint => format!("ec2 delete-vpc-endpoints --vpc-endpoint-ids {id}"),
        Thing::RouteTable => format!("ec2 delete-route-table --route-table-id {id}"),
        Thing::Subnet => format!("ec2 delete-subnet --subnet-id {id}"),
        Thing::SecurityGroup => format!("ec2 delete-security-group --group-id {id}"),
        Thing::Namespace => format!("servicediscovery delete-namespace --id {id}"),
        Thing::DiscoveryService => format!("servicediscovery delete-service --id {id}"),
        Thing::Parameter | Thing::Object if scope.is_lock(seen) => {
            return Some("neap unlock".to_owned());
        }
        Thing::Object => format!("s3 rm {name}"),
        Thing::Parameter => format!("ssm delete-parameter --name {name}"),
        // An interface goes when what it is for is gone. The others need more than two commands: a role's policies must be taken
        // away one by one, and a bucket's old versions, which `s3 rb --force` leaves; a rule, a distribution and what it uses want their
        // version or their group.
        Thing::NetworkInterface
        | Thing::SecurityGroupRule
        | Thing::Role
        | Thing::Bucket
        | Thing::Distribution
        | Thing::OriginAccessControl
        | Thing::Function
        | Thing::Record => return None,
    };
    let place = match seen.thing {
        Thing::InstanceProfile => String::new(),
        // CloudFront's are in a region of their own.
        Thing::Certificate => {
            format!(" --region {}", seen.id.split(':').nth(3).filter(|it| !it.is_empty()).unwrap_or(region))
        }
        _ => format!(" --region {region}"),
    };
    let commands = first.into_iter().chain([last]).map(|command| format!("aws {command}{place}"));
    Some(commands.collect::<Vec<_>>().join("; "))
}

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
