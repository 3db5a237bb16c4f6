//! The capacity providers of the stack's own in a cluster: what AWS keeps as one association for each cluster.
//!
//! Fargate's providers are the cluster's own business. These are apart, since AWS asks for a cluster before there are
//! instances, for instances before there is a provider, and for the provider before it is associated; and on the way
//! back for the association to go first and for the cluster to go last.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf, StrategyItem};
use crate::address::Kind;

/// The providers of the stack's own in one cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClusterCapacity {
    /// The cluster's ARN.
    pub cluster: String,
    /// The names of the providers, those of Fargate left out.
    pub capacity_providers: BTreeSet<String>,
    /// The strategy of services that name none, by capacity provider.
    pub default_strategy: BTreeMap<String, StrategyItem>,
}

impl KindOf for ClusterCapacity {
    const KIND: Kind = Kind::ClusterCapacity;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["cluster"],
        ignore_unset: &[],
        unordered: &["capacity_providers"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn example() -> Self {
        Self {
            cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/course-main".into(),
            capacity_providers: ["neap-course-cluster-main".into()].into(),
            default_strategy: [("neap-course-cluster-main".into(), StrategyItem { weight: 1, base: 0 })]
                .into(),
        }
    }
}
