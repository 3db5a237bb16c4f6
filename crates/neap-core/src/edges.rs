//! What one kind means for another: what a create waits for, and what a delete waits for.
//!
//! Decides the need of each pair of kinds, as AWS enforces it and no stricter: every order that AWS does not ask
//! for would only make an apply longer. Must not know single resources, nor which steps a plan has.

use crate::address::Kind;
use crate::plan::Need;

/// What it means that a resource of one kind depends on a resource of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EdgeRule {
    /// What a create or update of the dependent needs of the dependency.
    pub create: Need,
    /// Whether the delete of the dependency waits until the dependent is gone.
    pub delete: bool,
    /// Whether AWS refuses to delete the dependency while the dependent refers to it. Then a dependency that must be
    /// deleted before its successor can be created takes its dependents with it.
    pub holds: bool,
}

impl EdgeRule {
    /// The call needs an id; deletes need no order.
    const ID: Self = Self { create: Need::Exists, delete: false, holds: false };
    /// The call fails, or does harm, before the dependency has settled; deletes need no order.
    const SETTLED: Self = Self { create: Need::Ready, ..Self::ID };
    /// The dependency goes last, although AWS would delete it earlier.
    const fn gone_before(self) -> Self {
        Self { delete: true, ..self }
    }
    /// AWS refuses to delete the dependency earlier.
    const fn held(self) -> Self {
        Self { delete: true, holds: true, ..self }
    }
}

/// What it means that a resource of the kind `dependent` depends on one of the kind `dependency`.
///
/// Pairs that AWS says nothing of, or that no field can join, answer with the least: the id must exist. So it is with all that a
/// task definition names (registering checks none of it, and what its tasks use is the service's to wait for), with what a
/// launch template names, and with the load balancer that a distribution asks: it deploys while that provisions, which goes
/// without asking who points at it. `after` can join any two.
pub const fn between(dependent: Kind, dependency: Kind) -> EdgeRule {
    match (dependent, dependency) {
        // CreateService fails with `ClusterNotFoundException` while the cluster is not ACTIVE, and a strategy names
        // providers that are associated only then. DeleteCluster fails with `ClusterContainsServicesException`.
        // It refuses to let go of a provider that a service's strategy names.
        (Kind::Service, Kind::Cluster | Kind::ClusterCapacity) => EdgeRule::SETTLED.held(),
        // ECS keeps a provider as long as a service's strategy names it.
        (Kind::Service, Kind::CapacityProvider) => EdgeRule::ID.held(),
        // Nobody checks a task's roles before its tasks start; a role made a moment ago cannot be assumed yet, and
        // such a stopped task counts for the circuit breaker. Tasks use their roles until they are gone.
        (Kind::Service, Kind::Role) => EdgeRule::SETTLED.gone_before(),
        // Interfaces of running tasks keep the group (`DependencyViolation`).
        (Kind::Service, Kind::SecurityGroup) => EdgeRule::ID.held(),
        // A deleted revision stays DELETE_IN_PROGRESS until no service uses it.
        (Kind::Service, Kind::Task) => EdgeRule::ID.gone_before(),
        // The log driver of a task that is still running may create its group again.
        (Kind::Service, Kind::LogGroup) => EdgeRule::ID.gone_before(),
        // The target group must be reachable from a load balancer (`does not have an associated load balancer`),
        // which may still be provisioning. Registered targets keep neither of them.
        (Kind::Service, Kind::TargetGroup | Kind::Alb | Kind::Nlb) => EdgeRule::ID,
        // A service names them only if ECS shifts their traffic, and it may do so until the service is gone.
        (Kind::Service, Kind::Listener | Kind::Rule) => EdgeRule::ID.gone_before(),

        // CreateService looks at the load balancer's listeners, and ECS takes the instances of a service that goes away from
        // it: nobody says what it does where there is none any more. What is made anew under the same name has none of the
        // instances, and ECS registers those of new tasks alone.
        (Kind::Service, Kind::Clb) => EdgeRule::ID.held(),

        // CreateService, of ECS and of Cloud Map, looks for the namespace, which is made asynchronously. DeleteNamespace fails with
        // `ResourceInUse` while a service is in it, those that ECS makes for Service Connect too.
        (Kind::DiscoveryService | Kind::Service, Kind::Namespace) => EdgeRule::SETTLED.held(),
        // DeleteService of Cloud Map fails with `ResourceInUse` while tasks are registered. What is made anew under the same
        // name has the same id, so that ECS would not register its tasks anew (hashicorp/terraform-provider-aws#46930).
        (Kind::Service, Kind::DiscoveryService) => EdgeRule::ID.held(),
        // CreatePrivateDnsNamespace looks at the VPC, and nobody says what becomes of the zone when that is gone.
        (Kind::Namespace, Kind::Vpc) => EdgeRule::SETTLED.gone_before(),

        // RegisterScalableTarget looks for the service (`ECS service doesn't exist`), which may still be deploying. Scaling goes
        // first, or it would go on moving the number of tasks that drain; and what outlives the service would scale its
        // successor of the same name.
        (Kind::ScalableTarget, Kind::Service) => EdgeRule::ID.held(),

        // DeleteTargetGroup fails with `ResourceInUse` while a listener or a rule forwards to it.
        (Kind::Listener | Kind::Rule, Kind::TargetGroup) => EdgeRule::ID.held(),
        // Listeners may be made on a load balancer that is still provisioning. Deleting it deletes its listeners and
        // their rules, so none of them has to go first.
        (Kind::Listener | Kind::Rule, Kind::Alb | Kind::Nlb | Kind::Listener) => EdgeRule::ID,

        // A VPC takes a moment to be available; a subnet, a gateway or a table in it keeps it (`DependencyViolation`), and
        // so does a group.
        (Kind::InternetGateway | Kind::RouteTable | Kind::Subnet, Kind::Vpc) => EdgeRule::SETTLED.held(),
        (Kind::SecurityGroup, Kind::Vpc) => EdgeRule::ID.held(),
        // Nobody says whether AWS minds a group of targets in a VPC that is gone.
        (Kind::TargetGroup, Kind::Vpc) => EdgeRule::ID.gone_before(),
        // CreateRoute looks whether the gateway is attached to the table's VPC; a route to none is a black hole.
        (Kind::RouteTable, Kind::InternetGateway) => EdgeRule::SETTLED.gone_before(),
        // Traffic follows the main table until the routes are there. DeleteRouteTable fails with `DependencyViolation` while a
        // subnet uses it.
        (Kind::Subnet, Kind::RouteTable) => EdgeRule::SETTLED.held(),
        // CreateNatGateway takes a subnet that is not public, and fails later (`Gateway.NotAttached`). Its interface keeps the
        // subnet, and its address cannot be given back before it is gone (`AuthFailure`).
        (Kind::NatGateway, Kind::Subnet | Kind::Vpc) => EdgeRule::SETTLED.held(),
        (Kind::NatGateway, Kind::ElasticIp) => EdgeRule::ID.held(),
        // A route to a gateway that is not available yet is a black hole. AWS deletes one with routes to it; whatever uses
        // those has gone before.
        (Kind::RouteTable, Kind::NatGateway) => EdgeRule::SETTLED,
        // An endpoint's interfaces keep their subnets and groups (`DependencyViolation`), and all of it the VPC. Its routes
        // go with it, and with a table that goes first an endpoint would change under the delete.
        (Kind::VpcEndpoint, Kind::Vpc | Kind::Subnet) => EdgeRule::SETTLED.held(),
        (Kind::VpcEndpoint, Kind::SecurityGroup) => EdgeRule::ID.held(),
        (Kind::VpcEndpoint, Kind::RouteTable) => EdgeRule::ID.gone_before(),
        // Tasks and instances pull images, send logs and reach ECS by these, to the last.
        (Kind::Service | Kind::AutoScalingGroup, Kind::NatGateway | Kind::VpcEndpoint) => {
            EdgeRule::SETTLED.gone_before()
        }
        // CreateLoadBalancer looks for a way to the internet, and tasks and instances find none without their table. Their
        // interfaces keep the subnet (`DependencyViolation`).
        (Kind::Alb | Kind::Nlb | Kind::Clb | Kind::Service | Kind::AutoScalingGroup, Kind::Subnet) => {
            EdgeRule::SETTLED.held()
        }

        // Interfaces of the load balancer, and rules of other groups that name this one as peer, keep a group
        // (`DependencyViolation`).
        (Kind::Alb | Kind::Nlb | Kind::Clb | Kind::SecurityGroup, Kind::SecurityGroup) => EdgeRule::ID.held(),

        // DeleteOriginAccessControl fails with `OriginAccessControlInUse` while any distribution names it, a disabled one
        // too.
        (Kind::Cloudfront, Kind::OriginAccessControl) => EdgeRule::ID.held(),
        // CreateListener and ModifyListener fail with `UnsupportedCertificate`, a classic load balancer's calls with
        // `CertificateNotFound`, and CloudFront with `InvalidViewerCertificate`, until it is issued. DeleteCertificate fails
        // with `ResourceInUseException` while one of them uses it.
        (Kind::Listener | Kind::Clb | Kind::Cloudfront, Kind::Certificate) => EdgeRule::SETTLED.held(),
        // A behaviour takes a function once it is published, which its create sees to. DeleteFunction fails with
        // `FunctionInUse` while any behaviour names it.
        (Kind::Cloudfront, Kind::Function) => EdgeRule::ID.held(),
        // Nobody enforces it, but CloudFront asks for as long as it is deployed, by a name that anybody may give a bucket of theirs
        // once it is free.
        (Kind::Cloudfront, Kind::Bucket | Kind::BucketPolicy | Kind::BucketFiles) => {
            EdgeRule::ID.gone_before()
        }
        // Nobody enforces it, but a name that leads to nothing can be taken over by whoever gets that host name next.
        (Kind::Domain, Kind::Cloudfront | Kind::Alb | Kind::Nlb | Kind::Clb) => EdgeRule::ID.gone_before(),
        // S3 refuses two changes of one bucket at a time (`OperationAborted`).
        (Kind::BucketPolicy, Kind::Bucket) => EdgeRule::ID.gone_before(),
        // DeleteBucket fails with `BucketNotEmpty`, and nothing can be put before the bucket answers.
        (Kind::BucketFiles, Kind::Bucket) => EdgeRule::SETTLED.gone_before(),

        // DeleteRole fails with `DeleteConflict` while a profile holds the role.
        (Kind::InstanceProfile, Kind::Role) => EdgeRule::ID.held(),
        // CreateAutoScalingGroup looks at the profile (`Invalid IAM Instance Profile name`), and instances without one
        // never join; a running one loses its credentials with it.
        (Kind::AutoScalingGroup, Kind::InstanceProfile) => EdgeRule::SETTLED.gone_before(),
        // Its role's policies are what the agent registers with.
        (Kind::AutoScalingGroup, Kind::Role) => EdgeRule::ID.gone_before(),
        // EC2 deletes a template in use, and the group could launch nothing any more.
        (Kind::AutoScalingGroup, Kind::LaunchTemplate) => EdgeRule::ID.gone_before(),
        // Interfaces of instances keep a group (`DependencyViolation`).
        (Kind::AutoScalingGroup, Kind::SecurityGroup) => EdgeRule::ID.held(),
        // Instances register with the cluster as soon as they run, and DeleteCluster fails with
        // `ClusterContainsContainerInstances` until they are gone.
        (Kind::AutoScalingGroup, Kind::Cluster) => EdgeRule::SETTLED.held(),
        // A group that is being deleted keeps its instances as long as ECS's protection holds.
        (Kind::CapacityProvider, Kind::AutoScalingGroup) => EdgeRule::ID.gone_before(),
        // PutClusterCapacityProviders is refused while the cluster or the provider is not ACTIVE, and
        // DeleteCapacityProvider while the provider is associated.
        (Kind::ClusterCapacity, Kind::CapacityProvider) => EdgeRule::SETTLED.held(),
        (Kind::ClusterCapacity, Kind::Cluster) => EdgeRule::SETTLED.gone_before(),
        _ => EdgeRule::ID,
    }
}

/// Whether the dependent only names the dependency and asks nothing of it: a bucket's policy and its files name the
/// distributions, which use them.
pub const fn only_names(dependent: Kind, dependency: Kind) -> bool {
    matches!((dependent, dependency), (Kind::BucketPolicy | Kind::BucketFiles, Kind::Cloudfront))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(dependent: Kind, dependency: Kind, create: Need, delete: bool) {
        let rule = between(dependent, dependency);
        assert_eq!((rule.create, rule.delete), (create, delete), "{dependent} on {dependency}");
    }

    #[test]
    fn a_service_waits_until_its_cluster_and_roles_have_settled() {
        check(Kind::Service, Kind::Cluster, Need::Ready, true);
        check(Kind::Service, Kind::Role, Need::Ready, true);
        check(Kind::Service, Kind::TargetGroup, Need::Exists, false);
    }

    #[test]
    fn what_leads_to_a_service_whose_traffic_is_shifted_goes_after_it() {
        check(Kind::Service, Kind::Rule, Need::Exists, true);
        check(Kind::Service, Kind::Listener, Need::Exists, true);
        assert!(!between(Kind::Service, Kind::Rule).holds);
    }

    #[test]
    fn scaling_goes_before_its_service() {
        check(Kind::ScalableTarget, Kind::Service, Need::Exists, true);
        assert!(between(Kind::ScalableTarget, Kind::Service).holds);
    }

    #[test]
    fn names_outlive_the_services_that_are_found_by_them_and_namespaces_the_names() {
        check(Kind::Service, Kind::DiscoveryService, Need::Exists, true);
        check(Kind::Service, Kind::Namespace, Need::Ready, true);
        check(Kind::DiscoveryService, Kind::Namespace, Need::Ready, true);
        check(Kind::Namespace, Kind::Vpc, Need::Ready, true);
    }

    #[test]
    fn what_only_needs_an_id_waits_for_nothing_else() {
        check(Kind::Listener, Kind::Alb, Need::Exists, false);
        check(Kind::Rule, Kind::Listener, Need::Exists, false);
        check(Kind::Listener, Kind::Nlb, Need::Exists, false);
        check(Kind::Cloudfront, Kind::Alb, Need::Exists, false);
        check(Kind::Task, Kind::Role, Need::Exists, false);
    }

    #[test]
    fn what_a_distribution_reads_by_goes_after_it_and_a_policy_before_its_bucket() {
        check(Kind::Cloudfront, Kind::OriginAccessControl, Need::Exists, true);
        check(Kind::BucketPolicy, Kind::Bucket, Need::Exists, true);
        check(Kind::BucketPolicy, Kind::Cloudfront, Need::Exists, false);
        for of_bucket in [Kind::Bucket, Kind::BucketPolicy, Kind::BucketFiles] {
            check(Kind::Cloudfront, of_bucket, Need::Exists, true);
        }
    }

    #[test]
    fn a_certificate_is_issued_before_it_is_used_and_goes_after_its_users() {
        check(Kind::Listener, Kind::Certificate, Need::Ready, true);
        check(Kind::Cloudfront, Kind::Certificate, Need::Ready, true);
    }

    #[test]
    fn a_classic_balancer_outlives_its_service_and_goes_before_its_groups() {
        check(Kind::Service, Kind::Clb, Need::Exists, true);
        assert!(between(Kind::Service, Kind::Clb).holds, "a new one of the same name has no instances");
        check(Kind::Clb, Kind::SecurityGroup, Need::Exists, true);
        check(Kind::Clb, Kind::Certificate, Need::Ready, true);
    }

    #[test]
    fn a_name_goes_before_what_it_leads_to() {
        check(Kind::Domain, Kind::Cloudfront, Need::Exists, true);
        check(Kind::Domain, Kind::Alb, Need::Exists, true);
    }

    #[test]
    fn security_groups_and_target_groups_go_after_what_uses_them() {
        check(Kind::Alb, Kind::SecurityGroup, Need::Exists, true);
        check(Kind::SecurityGroup, Kind::SecurityGroup, Need::Exists, true);
        check(Kind::Listener, Kind::TargetGroup, Need::Exists, true);
        check(Kind::Rule, Kind::TargetGroup, Need::Exists, true);
        check(Kind::Nlb, Kind::SecurityGroup, Need::Exists, true);
    }

    #[test]
    fn a_cluster_outlives_its_instances_and_a_provider_its_association() {
        check(Kind::ClusterCapacity, Kind::CapacityProvider, Need::Ready, true);
        check(Kind::CapacityProvider, Kind::AutoScalingGroup, Need::Exists, true);
        check(Kind::AutoScalingGroup, Kind::Cluster, Need::Ready, true);
        check(Kind::Service, Kind::ClusterCapacity, Need::Ready, true);
        check(Kind::LaunchTemplate, Kind::SecurityGroup, Need::Exists, false);
    }

    #[test]
    fn a_network_is_whole_before_anything_is_in_it_and_goes_from_the_inside_out() {
        check(Kind::Subnet, Kind::Vpc, Need::Ready, true);
        check(Kind::Subnet, Kind::RouteTable, Need::Ready, true);
        check(Kind::RouteTable, Kind::InternetGateway, Need::Ready, true);
        check(Kind::InternetGateway, Kind::Vpc, Need::Ready, true);
        check(Kind::Alb, Kind::Subnet, Need::Ready, true);
        check(Kind::Service, Kind::Subnet, Need::Ready, true);
        check(Kind::SecurityGroup, Kind::Vpc, Need::Exists, true);
    }

    #[test]
    fn a_way_out_is_there_before_what_needs_it_and_its_address_goes_last() {
        check(Kind::NatGateway, Kind::Subnet, Need::Ready, true);
        check(Kind::NatGateway, Kind::ElasticIp, Need::Exists, true);
        check(Kind::RouteTable, Kind::NatGateway, Need::Ready, false);
        check(Kind::Service, Kind::NatGateway, Need::Ready, true);
        check(Kind::Service, Kind::VpcEndpoint, Need::Ready, true);
        check(Kind::VpcEndpoint, Kind::SecurityGroup, Need::Exists, true);
        check(Kind::VpcEndpoint, Kind::RouteTable, Need::Exists, true);
    }

    #[test]
    fn whatever_holds_is_also_gone_before() {
        for dependent in Kind::ALL {
            for dependency in Kind::ALL {
                let rule = between(dependent, dependency);
                assert!(rule.delete || !rule.holds, "{dependent} on {dependency}");
            }
        }
    }
}
