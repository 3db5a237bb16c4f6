//! A classic load balancer with its listeners, its health check and its attributes: one thing for AWS, which changes in
//! parts.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf, Stickiness};
use crate::address::Kind;

/// A listener of a classic load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClbListener {
    /// `HTTP`, `HTTPS`, `TCP` or `SSL`.
    pub protocol: String,
    /// The port on the instances.
    pub instance_port: u16,
    /// How the instances are asked: `HTTP` or `HTTPS` behind those two, `TCP` or `SSL` behind the others.
    pub instance_protocol: String,
    /// The certificate's ARN, with `HTTPS` or `SSL`.
    pub certificate: Option<String>,
    /// The predefined security policy, with `HTTPS` or `SSL`; unset leaves AWS's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// By what a client keeps its instance, with `HTTP` or `HTTPS`; null for not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stickiness: Option<Stickiness>,
}

impl ClbListener {
    /// Whether the load balancer ends TLS, and so shows a certificate.
    pub fn ends_tls(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTPS" | "SSL")
    }

    /// Whether instances are asked by TLS.
    pub fn asks_by_tls(&self) -> bool {
        matches!(self.instance_protocol.as_str(), "HTTPS" | "SSL")
    }

    /// Whether the two cannot be there at once: one port of instances speaks TLS for all listeners or for none
    /// (`InstanceProtocol` of the API reference).
    pub fn clashes_with(&self, other: &Self) -> bool {
        self.instance_port == other.instance_port && self.asks_by_tls() != other.asks_by_tls()
    }
}

/// How a classic load balancer tells whether an instance is well.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClbHealthCheck {
    /// What is asked: `HTTP:8080/health`, `HTTPS:8443/`, `TCP:8080` or `SSL:8443`.
    pub target: String,
    /// Seconds from one check to the next, 5 to 300.
    pub interval_seconds: u32,
    /// Seconds after which an answer counts as none, 2 to 60 and less than the interval.
    pub timeout_seconds: u32,
    /// How many checks in a row make an instance healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// How many make it unhealthy, 2 to 10.
    pub unhealthy_threshold: u32,
}

impl ClbHealthCheck {
    /// The port in its target; none if that is no target.
    pub fn port(&self) -> Option<u16> {
        let (_, rest) = self.target.split_once(':')?;
        rest.split('/').next()?.parse().ok()
    }
}

/// A classic load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clb {
    /// The load balancer's name, at most 32 characters; ends in a hash of the fields that cannot change in place.
    pub name: String,
    /// `internet-facing` or `internal`.
    pub scheme: String,
    /// Ids of the subnets, one for each availability zone.
    pub subnets: BTreeSet<String>,
    /// Ids of the security groups.
    pub security_groups: BTreeSet<String>,
    /// The listeners by their port.
    pub listeners: BTreeMap<String, ClbListener>,
    /// How it tells whether an instance is well.
    pub health_check: ClbHealthCheck,
    /// Whether each of its addresses reaches instances in all zones.
    pub cross_zone: bool,
    /// Seconds after which an idle connection is closed, 1 to 4000.
    pub idle_timeout_seconds: u32,
    /// Seconds for which requests go on to an instance that leaves, 1 to 3600; null for none.
    pub connection_draining_seconds: Option<u32>,
}

impl Clb {
    /// The ports on which it asks instances, for traffic or for their health.
    pub fn instance_ports(&self) -> BTreeSet<u16> {
        let ports = self.listeners.values().map(|listener| listener.instance_port);
        ports.chain(self.health_check.port()).collect()
    }
}

impl KindOf for Clb {
    const KIND: Kind = Kind::Clb;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "scheme"],
        ignore_unset: &["listeners.ssl_policy"],
        unordered: &["subnets", "security_groups"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    /// AWS takes no second subnet of a zone, and does not let the last one go (ansible/ansible#8312). Of one new subnet nobody
    /// knows whether the last one to go is in its zone.
    fn cannot_become(&self, wanted: &Self) -> Vec<&'static str> {
        let alone = wanted.subnets.len() == 1 && self.subnets.is_disjoint(&wanted.subnets);
        if alone { vec!["subnets"] } else { Vec::new() }
    }

    fn example() -> Self {
        Self {
            name: "course-old-0123abcd".into(),
            scheme: "internet-facing".into(),
            subnets: ["subnet-1", "subnet-2"].map(String::from).into(),
            security_groups: ["sg-1".into()].into(),
            listeners: [(
                "443".into(),
                ClbListener {
                    protocol: "HTTPS".into(),
                    instance_port: 8080,
                    instance_protocol: "HTTP".into(),
                    certificate: Some("arn:aws:acm:eu-west-1:123456789012:certificate/1".into()),
                    ssl_policy: Some("ELBSecurityPolicy-TLS-1-2-2017-01".into()),
                    stickiness: Some(Stickiness::by_cookie(Some(3600), None)),
                },
            )]
            .into(),
            health_check: ClbHealthCheck {
                target: "HTTP:8080/health".into(),
                interval_seconds: 30,
                timeout_seconds: 5,
                healthy_threshold: 10,
                unhealthy_threshold: 2,
            },
            cross_zone: true,
            idle_timeout_seconds: 60,
            connection_draining_seconds: Some(300),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets_change_in_place_unless_one_stands_for_another() {
        let two = Clb::example();
        let with = |subnets: &[&str]| Clb {
            subnets: subnets.iter().map(|id| (*id).to_owned()).collect(),
            ..two.clone()
        };
        assert_eq!(two.cannot_become(&with(&["subnet-3", "subnet-4"])), [""; 0]);
        assert_eq!(with(&["subnet-1"]).cannot_become(&two), [""; 0]);
        assert_eq!(two.cannot_become(&with(&["subnet-1"])), [""; 0]);
        assert_eq!(with(&["subnet-1"]).cannot_become(&with(&["subnet-2"])), ["subnets"]);
        assert_eq!(two.cannot_become(&with(&["subnet-3"])), ["subnets"]);
    }

    #[test]
    fn it_asks_instances_on_the_ports_of_listeners_and_of_the_check() {
        let mut clb = Clb::example();
        assert_eq!(clb.instance_ports(), [8080].into());
        clb.health_check.target = "TCP:9000".into();
        assert_eq!(clb.instance_ports(), [8080, 9000].into());
    }
}
