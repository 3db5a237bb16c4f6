//! What a create makes when it is repeated: nothing new, or another one.
//!
//! Decides, for each kind, how AWS tells a repeated create from a new one (reference sections 4.1 and 4.2). An answer can be
//! lost, so whoever creates must know whether asking again is safe. Must not know how a call is made.

use crate::address::Kind;

/// By what AWS tells a repeated create from a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Repeat {
    /// By the name, which is unique in its scope: the second create fails, or returns the first one's resource.
    Name,
    /// By the place inside its parent, such as a port or a priority.
    Position,
    /// By a token or reference that the caller chooses.
    Token,
    /// By nothing, but each is one more version of the same thing, and a copy too many does no harm.
    Append,
    /// By nothing: a second one would be made, and be one too many.
    Nothing,
}

impl Repeat {
    /// How AWS tells a repeated create of this kind.
    pub const fn of(kind: Kind) -> Self {
        match kind {
            // RequestCertificate has a token that holds for an hour, and for a certificate that is gone by then, too.
            Kind::Certificate => Self::Nothing,
            // The first three know no token, and nobody says how long EC2 knows those of the others.
            Kind::Vpc
            | Kind::InternetGateway
            | Kind::ElasticIp
            | Kind::NatGateway
            | Kind::RouteTable
            | Kind::VpcEndpoint => Self::Nothing,
            // RegisterTaskDefinition knows no token; each call makes a revision.
            Kind::Task => Self::Append,
            // The port of its load balancer; the priority in its listener; a cluster has one association, a bucket one policy, and
            // a service one target, put as a whole; so is an object under its key.
            // Blocks of a VPC's subnets do not overlap.
            Kind::Listener
            | Kind::Rule
            | Kind::ClusterCapacity
            | Kind::BucketPolicy
            | Kind::BucketFiles
            | Kind::Subnet
            | Kind::ScalableTarget => Self::Position,
            // The caller reference, for ever.
            Kind::Cloudfront => Self::Token,
            Kind::LogGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::Ecr
            | Kind::Cluster
            | Kind::SecurityGroup
            | Kind::LaunchTemplate
            | Kind::AutoScalingGroup
            | Kind::CapacityProvider
            | Kind::TargetGroup
            | Kind::Alb
            | Kind::Nlb
            | Kind::Clb
            | Kind::Service
            | Kind::Bucket
            | Kind::OriginAccessControl
            | Kind::Function
            | Kind::Domain
            // The name in its namespace, and for a namespace in its VPC or region.
            | Kind::Namespace
            | Kind::DiscoveryService => Self::Name,
        }
    }

    /// Whether a repeated create makes another one, so that it must be known first whether the earlier one did.
    pub const fn makes_another(self) -> bool {
        match self {
            Self::Append | Self::Nothing => true,
            Self::Name | Self::Position | Self::Token => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn networks_certificates_and_task_definitions_are_made_twice_by_asking_twice() {
        let twice: Vec<Kind> =
            Kind::ALL.into_iter().filter(|kind| Repeat::of(*kind).makes_another()).collect();
        let expected = [
            Kind::Vpc,
            Kind::InternetGateway,
            Kind::ElasticIp,
            Kind::NatGateway,
            Kind::RouteTable,
            Kind::VpcEndpoint,
            Kind::Certificate,
            Kind::Task,
        ];
        assert_eq!(twice.iter().collect::<BTreeSet<_>>(), expected.iter().collect());
    }

    #[test]
    fn what_nothing_tells_apart_is_made_again() {
        for (repeat, expected) in [
            (Repeat::Name, false),
            (Repeat::Position, false),
            (Repeat::Token, false),
            (Repeat::Append, true),
            (Repeat::Nothing, true),
        ] {
            assert_eq!(repeat.makes_another(), expected, "{repeat:?}");
        }
    }
}
