//! The tables of the VPC and of security groups.
//!
//! Decides their keys, types, ranges and allowed values. Must not know defaults that depend on other tables (see `lower`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::OneOrMany;

/// The VPC that everything lives in.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkTable {
    /// The VPC: its id (`vpc-0abc…`), or `{ name = "…" }` for its Name tag. Of its subnets the public ones are used, one in each
    /// availability zone, where none are named.
    pub vpc: Option<VpcSelector>,
    /// The block of IPv4 addresses (`10.0.0.0/16`, up to `/28`) of a VPC of the stack's own, which it gets with public subnets and
    /// a way to the internet: nothing that costs, unless `nat` or `endpoints` ask for it.
    pub cidr: Option<String>,
    /// In how many availability zones the VPC has subnets, or their names; two, unless `public` says otherwise.
    pub zones: Option<Zones>,
    /// The blocks of the public subnets, one for each zone; parts of `cidr` unless said otherwise.
    #[serde(default)]
    pub public: Vec<String>,
    /// Whether there are private subnets beside the public ones, which the internet does not reach; or their blocks, one for each
    /// zone.
    #[serde(default)]
    pub private: Private,
    /// What lets private subnets reach the internet: one NAT gateway, or one in each zone. Each bills by the hour and by what
    /// goes through it. Then services and instances live in the private subnets, unless they say otherwise.
    pub nat: Option<Nat>,
    /// Services of AWS that the VPC reaches without the internet, by their short names: `s3` and `dynamodb` by routes, which
    /// are free, and others, such as `ecr.api`, by addresses in each zone, which bill by the hour.
    #[serde(default)]
    pub endpoints: Vec<String>,
    /// Tags of the VPC, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace the VPC.
    #[serde(default)]
    pub protect: bool,
}

/// The availability zones of a VPC.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Zones {
    /// So many: the first that the account can use, and from then on the same.
    Count(#[schemars(range(min = 1, max = 6))] u32),
    /// These.
    Names(Vec<String>),
}

/// The private subnets of a VPC.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Private {
    /// Whether there are some, with parts of the VPC's block.
    Switch(bool),
    /// With these blocks.
    Blocks(Vec<String>),
}

impl Default for Private {
    fn default() -> Self {
        Self::Switch(false)
    }
}

impl Private {
    /// Whether there are some.
    pub(crate) fn is_wanted(&self) -> bool {
        match self {
            Self::Switch(wanted) => *wanted,
            Self::Blocks(blocks) => !blocks.is_empty(),
        }
    }

    /// The blocks that they shall have, where they are named.
    pub(crate) fn blocks(&self) -> &[String] {
        match self {
            Self::Switch(_) => &[],
            Self::Blocks(blocks) => blocks,
        }
    }
}

/// How many NAT gateways a VPC has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Nat {
    /// One, in the first zone: when that fails, nothing in the others reaches the internet either.
    One,
    /// One in each zone.
    PerZone,
}

/// The subnets that something lives in.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Subnets {
    /// Those of one sort of the stack's own VPC.
    Group(SubnetGroup),
    /// Those with these ids.
    Ids(Vec<String>),
}

impl Default for Subnets {
    fn default() -> Self {
        Self::Ids(Vec::new())
    }
}

impl Subnets {
    /// The ids, where they are named.
    pub(crate) fn ids(&self) -> &[String] {
        match self {
            Self::Group(_) => &[],
            Self::Ids(ids) => ids,
        }
    }

    /// The sort, where that is said.
    pub(crate) const fn group(&self) -> Option<SubnetGroup> {
        match self {
            Self::Group(group) => Some(*group),
            Self::Ids(_) => None,
        }
    }

    /// Whether nothing is said.
    pub(crate) fn is_open(&self) -> bool {
        self.group().is_none() && self.ids().is_empty()
    }
}

/// A sort of subnets of the stack's own VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubnetGroup {
    /// Those that the internet reaches.
    Public,
    /// Those that it does not.
    Private,
}

impl SubnetGroup {
    /// What such subnets are called.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Public => crate::network::PUBLIC,
            Self::Private => crate::network::PRIVATE,
        }
    }
}

/// How an existing VPC is named.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum VpcSelector {
    /// By its id.
    Id(String),
    /// By its Name tag.
    Named(VpcName),
}

/// A VPC by its Name tag.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VpcName {
    /// The value of the Name tag.
    pub name: String,
}

/// A security group with rules of the user's own.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupTable {
    /// The group's name instead of `<stack>-<name>`.
    pub name: Option<String>,
    /// What may come in.
    #[serde(default)]
    pub ingress: Vec<SecurityGroupRuleTable>,
    /// What may go out; everything by default, nothing with `[]`.
    pub egress: Option<Vec<SecurityGroupRuleTable>>,
    /// Tags of this resource, over those of the stack.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Refuse every plan that would delete or replace this resource.
    #[serde(default)]
    pub protect: bool,
}

/// A rule of a security group.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroupRuleTable {
    /// The protocol.
    #[serde(default)]
    pub protocol: SecurityGroupProtocol,
    /// One port, or a range such as `8000-8080`; without it all ports.
    pub port: Option<PortRange>,
    /// The other side: CIDRs, names of `[security_group.x]`, ids of groups or prefix lists, `self`, or the address of
    /// a load balancer or service whose implied group is meant; for tasks that share the network of their instances that is
    /// the group of those.
    pub peer: OneOrMany<String>,
    /// What the rule is for.
    #[serde(default)]
    pub description: String,
}

/// The protocol of a security group's rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecurityGroupProtocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
    /// ICMP, of every type.
    Icmp,
    /// Every protocol and port.
    All,
}

/// One port or a range.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PortRange {
    /// One port.
    One(#[schemars(range(min = 0, max = 65535))] u16),
    /// `first-last`.
    Range(#[schemars(regex(pattern = r"^[0-9]{1,5}-[0-9]{1,5}$"))] String),
}
