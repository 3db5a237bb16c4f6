//! A listener of a load balancer, and the actions that listeners and rules share.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// A target group and its share of the traffic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeightedGroup {
    /// The target group's ARN.
    pub target_group: String,
    /// Its share among the groups, 0 to 999.
    pub weight: u32,
}

/// What a listener or a rule does with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Action {
    /// Hands the request to a target of one of the groups.
    Forward {
        /// The groups. One alone has weight 1.
        target_groups: Vec<WeightedGroup>,
        /// Seconds for which a client stays with its group; null for not at all.
        stickiness_seconds: Option<u32>,
    },
    /// Answers with another place; `#{host}` and its like keep the request's own part.
    Redirect {
        /// `HTTP`, `HTTPS` or `#{protocol}`.
        protocol: String,
        /// The host.
        host: String,
        /// The port.
        port: String,
        /// The path, with a leading slash.
        path: String,
        /// The query without the question mark.
        query: String,
        /// 301 or 302.
        status: u16,
    },
    /// Answers by itself.
    FixedResponse {
        /// The status code, 2xx, 4xx or 5xx.
        status: u16,
        /// The content type.
        content_type: String,
        /// The body, at most 1024 characters.
        body: String,
    },
    /// Something that a stack file cannot ask for, so that only live resources have it: an action of another type,
    /// several actions, or an action under conditions or transforms of another type.
    Other {
        /// What it is, for people.
        description: String,
    },
}

impl Action {
    /// How many groups one action takes ("Target groups per action per Application Load Balancer" of ELB's quotas).
    const MOST: usize = 5;

    /// What lies between this, live, and `wanted` where groups make way for others: the live groups and their shares, and those that
    /// come with none. Their targets are asked for their health, and ECS takes them for its tasks, before users are led there.
    pub(super) fn with_what_comes(&self, wanted: &Self) -> Option<Self> {
        let (
            Self::Forward { target_groups: live, stickiness_seconds },
            Self::Forward { target_groups: wanted, .. },
        ) = (self, wanted)
        else {
            return None;
        };
        let is_in = |groups: &[WeightedGroup], of: &WeightedGroup| {
            groups.iter().any(|group| group.target_group == of.target_group)
        };
        if live.iter().all(|group| group.weight == 0 || is_in(wanted, group)) {
            return None;
        }
        let comes = wanted.iter().filter(|group| !is_in(live, group));
        let comes = comes.map(|group| WeightedGroup { weight: 0, ..group.clone() });
        let target_groups: Vec<WeightedGroup> = live.iter().cloned().chain(comes).collect();
        let fits = target_groups.len() <= Self::MOST;
        fits.then_some(Self::Forward { target_groups, stickiness_seconds: *stickiness_seconds })
    }
}

/// A listener of a load balancer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Listener {
    /// The load balancer's ARN.
    pub load_balancer: String,
    /// The port, unique on its load balancer.
    pub port: u16,
    /// `HTTP` or `HTTPS`, on an application load balancer; `TCP`, `TLS`, `UDP` or `TCP_UDP`, on a network load balancer.
    pub protocol: String,
    /// The certificate's ARN, with `HTTPS` or `TLS`.
    pub certificate: Option<String>,
    /// The ARNs of other certificates, of which it shows the one for the name that a client asks for. Never holds
    /// `certificate`, which AWS shows whoever asks for none of their names.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub extra_certificates: BTreeSet<String>,
    /// The security policy, with `HTTPS` or `TLS`; unset leaves AWS's choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssl_policy: Option<String>,
    /// Which protocols it offers inside `TLS`, such as `HTTP2Preferred`; null for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpn_policy: Option<String>,
    /// Seconds without traffic after which it forgets a connection, 60 to 6000, with `TCP`; null for others, of which nobody chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout_seconds: Option<u32>,
    /// What happens to requests that no rule takes. A network load balancer has no rules, and only forwards.
    pub default_action: Action,
}

impl Listener {
    /// What AWS gives a listener of TCP ("Update the TCP idle timeout for your Network Load Balancer listener").
    pub const IDLE_TIMEOUT: u32 = 350;

    /// Whether the load balancer ends TLS for it, and so shows certificates.
    pub fn ends_tls(&self) -> bool {
        matches!(self.protocol.as_str(), "HTTPS" | "TLS")
    }
}

impl KindOf for Listener {
    const KIND: Kind = Kind::Listener;
    const POLICY: FieldPolicy = FieldPolicy {
        // AWS changes the port in place, and so shuts the door on whoever still comes by it.
        replace: &["load_balancer", "port"],
        ignore_unset: &["ssl_policy"],
        unordered: &["default_action.target_groups", "extra_certificates"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn widened(&self, wanted: &Self) -> Option<Self> {
        // A network load balancer hands a connection to one group.
        let is_of_requests = matches!(self.protocol.as_str(), "HTTP" | "HTTPS");
        let default_action = self.default_action.with_what_comes(&wanted.default_action);
        is_of_requests.then_some(Self { default_action: default_action?, ..wanted.clone() })
    }

    fn example() -> Self {
        Self {
            load_balancer: "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/course-public-0123abcd/1".into(),
            port: 443,
            protocol: "HTTPS".into(),
            certificate: Some("arn:aws:acm:eu-west-1:123456789012:certificate/1".into()),
            extra_certificates: ["arn:aws:acm:eu-west-1:123456789012:certificate/2".into()].into(),
            ssl_policy: Some("ELBSecurityPolicy-TLS13-1-2-2021-06".into()),
            alpn_policy: None,
            idle_timeout_seconds: None,
            default_action: Action::Forward {
                target_groups: vec![WeightedGroup { target_group: "arn:tg".into(), weight: 1 }],
                stickiness_seconds: Some(60),
            },
        }
    }
}
