//! An ELBv2 target group with its health check and attributes.

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// How a load balancer tells healthy targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `HTTP`, `HTTPS` or `TCP`.
    pub protocol: String,
    /// A port, or `traffic-port`.
    pub port: String,
    /// The path that is asked for; null with TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The status codes of a healthy answer, such as `200-399`; null with TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matcher: Option<String>,
    /// Seconds between two checks, 5 to 300.
    pub interval_seconds: u32,
    /// Seconds that a target has to answer, 2 to 120, less than the interval.
    pub timeout_seconds: u32,
    /// Good checks in a row that make a target healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// Bad checks in a row that make a target unhealthy, 2 to 10.
    pub unhealthy_threshold: u32,
}

/// By what a client keeps its target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stickiness {
    /// `lb_cookie`, `app_cookie` or `source_ip`.
    pub cookie: String,
    /// Seconds for which a client keeps its target, 1 to 604800; null with `source_ip`. Of a classic load balancer, null is for as long
    /// as the browser, or the application's cookie, lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// The application's cookie, with `app_cookie`.
    pub cookie_name: Option<String>,
}

impl Stickiness {
    /// By a cookie of the application, or one of the load balancer's own.
    pub fn by_cookie(duration_seconds: Option<u32>, cookie_name: Option<String>) -> Self {
        let cookie = if cookie_name.is_some() { "app_cookie" } else { "lb_cookie" }.to_owned();
        Self { cookie, duration_seconds, cookie_name }
    }
}

/// An ELBv2 target group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetGroup {
    /// The group's name, at most 32 characters; ends in a hash of the fields that cannot change in place.
    pub name: String,
    /// `HTTP` or `HTTPS` behind an application load balancer; `TCP`, `TLS`, `UDP` or `TCP_UDP` behind a network load balancer.
    pub protocol: String,
    /// `HTTP1`, `HTTP2` or `GRPC`; null below HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<String>,
    /// The port that targets get traffic on, unless they register with their own.
    pub port: u16,
    /// The VPC's id.
    pub vpc: String,
    /// `ip` for tasks with network mode awsvpc, `instance` for others.
    pub target_type: String,
    /// How healthy targets are told.
    pub health_check: HealthCheck,
    /// Seconds that a leaving target has to finish, 0 to 3600.
    pub deregistration_delay_seconds: u32,
    /// Seconds in which a new target's share grows to the full one; 0 for at once, null below HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_start_seconds: Option<u32>,
    /// `round_robin`, `least_outstanding_requests` or `weighted_random`; null below HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// Null where clients do not keep their target.
    pub stickiness: Option<Stickiness>,
    /// Whether targets see the client's address; null with HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preserve_client_ip: Option<bool>,
    /// Whether connections begin with a header of proxy protocol version 2; null with HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_protocol: Option<bool>,
    /// Whether open connections end when a leaving target's time is over; null with HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection_termination: Option<bool>,
}

impl TargetGroup {
    /// Whether it stands behind a network load balancer.
    pub fn is_below_http(&self) -> bool {
        !matches!(self.protocol.as_str(), "HTTP" | "HTTPS")
    }

    /// A group behind a network load balancer, for tests: what [`KindOf::example`] cannot show at once.
    pub fn example_of_tcp() -> Self {
        let health_check = HealthCheck {
            protocol: "TCP".into(),
            path: None,
            matcher: None,
            timeout_seconds: 10,
            ..Self::example().health_check
        };
        Self {
            protocol: "TCP".into(),
            protocol_version: None,
            health_check,
            slow_start_seconds: None,
            algorithm: None,
            stickiness: Some(Stickiness {
                cookie: "source_ip".into(),
                duration_seconds: None,
                cookie_name: None,
            }),
            preserve_client_ip: Some(false),
            proxy_protocol: Some(false),
            connection_termination: Some(false),
            ..Self::example()
        }
    }
}

impl KindOf for TargetGroup {
    const KIND: Kind = Kind::TargetGroup;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name", "protocol", "protocol_version", "port", "vpc", "target_type"],
        ignore_unset: &[],
        unordered: &[],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-api-0123abcd".into(),
            protocol: "HTTP".into(),
            protocol_version: Some("HTTP1".into()),
            port: 3000,
            vpc: "vpc-1".into(),
            target_type: "ip".into(),
            health_check: HealthCheck {
                protocol: "HTTP".into(),
                port: "traffic-port".into(),
                path: Some("/".into()),
                matcher: Some("200".into()),
                interval_seconds: 30,
                timeout_seconds: 6,
                healthy_threshold: 5,
                unhealthy_threshold: 2,
            },
            deregistration_delay_seconds: 30,
            slow_start_seconds: Some(0),
            algorithm: Some("round_robin".into()),
            stickiness: Some(Stickiness {
                cookie: "lb_cookie".into(),
                duration_seconds: Some(3600),
                cookie_name: None,
            }),
            preserve_client_ip: None,
            proxy_protocol: None,
            connection_termination: None,
        }
    }
}
