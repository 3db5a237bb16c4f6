//! What AWS says at one moment: a reading for each address, what else is ours, and facts about the account.
//!
//! Decides the shape of the live side of a diff. Must not know how it was read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::address::{Address, Kind};
use crate::desired::{TAG_ADDRESS, TAG_SPEC, TAG_STACK};
use crate::kinds::Resource;

/// The account, and what the stack needs of it that it does not own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// The twelve digits of the account.
    pub account: String,
    /// The region.
    pub region: String,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub partition: String,
    /// The id of the VPC, where the stack needs one.
    pub vpc: Option<String>,
    /// Ids of the VPC's subnets, one for each availability zone that has a public one, in the order of zone ids.
    pub subnets: Vec<String>,
    /// Whether they are private ones, since the VPC has no others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub subnets_private: bool,
    /// ARNs of the Secrets Manager secrets that the stack names, by name; those that do not exist are missing.
    pub secrets: BTreeMap<String, String>,
    /// Ids of the images that AWS recommends for instances of ECS, by processor, where the stack needs them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, String>,
    /// What the stack names without owning it, as [`crate::named::Named`] writes it: nothing where it is not there, else its
    /// availability zone if it is a subnet, the processor if it is an image, and no text if there is no more to know.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub named: BTreeMap<String, Option<String>>,
    /// The id of the managed prefix list of the addresses from which CloudFront asks origins, where the stack needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cloudfront_origins: Option<String>,
    /// Ids of the hosted zones that the stack needs, by the reference to each: `zone.example.com`. Those that do not
    /// exist are missing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, String>,
    /// Those of them that only networks see that they are associated with.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub private_zones: BTreeSet<String>,
    /// What is wrong with the certificates that the stack names by ARN, by ARN: AWS's word for their state, or `missing`.
    /// Those that can be used are not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: BTreeMap<String, String>,
    /// The names of the availability zones of a network of the stack's own, in the order of its subnets, where the stack
    /// leaves the choice to neap.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub availability_zones: Vec<String>,
    /// The names of the stack's buckets that are not there and that somebody else has: another account, or this one elsewhere.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub taken_buckets: BTreeSet<String>,
}

impl Environment {
    /// The name of the availability zone of this number, from 1.
    pub fn zone(&self, number: u8) -> Option<&String> {
        self.availability_zones.get(usize::from(number).checked_sub(1)?)
    }
}

/// Values that AWS assigns: an ARN, a DNS name, an id. By output name.
pub type Outputs = BTreeMap<String, String>;

/// Everything that was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Live {
    /// The account and what the stack needs of it.
    pub environment: Environment,
    /// A reading for each desired address.
    pub readings: BTreeMap<Address, Reading>,
    /// Live, tagged as the stack's own, and not what any desired address now means: no longer declared, or the
    /// predecessor of a replacement that was not finished.
    pub orphans: Vec<LiveResource>,
    /// Listings that failed, because of which orphans may be missing.
    pub failures: Vec<ReadFailure>,
    /// Things worth a warning, such as a parameter that a secret names and that does not exist.
    pub warnings: Vec<String>,
    /// What is in the orphaned buckets that neap has not uploaded, by the bucket's name; those that hold no such thing are not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holdings: BTreeMap<String, Holding>,
    /// The images in the repositories that an apply would delete, by the repository's name; those that hold none are not here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub images: BTreeMap<String, Holding>,
}

/// What was found in a bucket or a repository, as far as it was looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// How many objects, those counted that have old versions alone, or how many images.
    pub items: u64,
    /// Whether there may be more of them.
    pub more: bool,
}

/// What was found where a desired resource should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "state", content = "live", rename_all = "snake_case")]
pub enum Reading {
    /// Nothing.
    Absent,
    /// The resource, and it is the stack's own.
    Present(Box<LiveResource>),
    /// Something of its name that is not the stack's own.
    Foreign(Box<LiveResource>),
    /// It could not be read, so nothing may be decided about it.
    Unreadable(ReadFailure),
}

/// A read that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFailure {
    /// The API operation, such as `ecs:DescribeClusters`; it is also the permission's name.
    pub operation: String,
    /// AWS's error code, if it gave one.
    pub code: Option<String>,
    /// AWS's message.
    pub message: String,
    /// Whether AWS denied the read: then the permission is missing.
    pub denied: bool,
}

/// How far a live resource has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", content = "detail", rename_all = "snake_case")]
pub enum Phase {
    /// It is as it will be.
    Ready,
    /// AWS still works on it; the detail is AWS's own word, such as `provisioning`.
    Settling(String),
    /// AWS is deleting it.
    Deleting(String),
    /// AWS gave up on it; the detail says why.
    Failed(String),
}

/// One live resource.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LiveResource {
    /// The address in its `neap:address` tag; that of the desired resource whose name it has, if it has no tag.
    pub address: Address,
    /// What AWS knows it by: an ARN, an id, or a name, as the kind's calls take it.
    pub id: String,
    /// Its fields.
    pub resource: Resource,
    /// Its tags, without those of AWS's own (`aws:…`, `ecs:…`).
    pub tags: BTreeMap<String, String>,
    /// The values that AWS assigned.
    pub outputs: Outputs,
    /// How far it has come.
    pub phase: Phase,
}

impl LiveResource {
    /// What kind of resource it is.
    pub const fn kind(&self) -> Kind {
        self.resource.kind()
    }

    /// Whether it is tagged as belonging to `stack`. Tags that name the address of another kind were not put there by
    /// neap, so they prove nothing.
    pub fn is_of(&self, stack: &str) -> bool {
        is_marked(self.kind(), &self.tags, stack)
    }

    /// The hash of the desired fields at the last apply, if it is known.
    pub fn spec(&self) -> Option<&str> {
        self.tags.get(TAG_SPEC).map(String::as_str)
    }
}

/// Whether `tags` say that something of `kind` belongs to `stack`.
pub fn is_marked(kind: Kind, tags: &BTreeMap<String, String>, stack: &str) -> bool {
    let address = tags.get(TAG_ADDRESS).and_then(|text| text.parse::<Address>().ok());
    tags.get(TAG_STACK).is_some_and(|owner| owner == stack)
        && address.is_some_and(|address| address.kind() == kind)
}

impl Live {
    /// A world in which nothing of the stack is live.
    pub fn empty(environment: Environment) -> Self {
        Self {
            environment,
            readings: BTreeMap::new(),
            orphans: Vec::new(),
            failures: Vec::new(),
            warnings: Vec::new(),
            holdings: BTreeMap::new(),
            images: BTreeMap::new(),
        }
    }

    /// The live resource of the stack's own at `address`.
    pub fn present(&self, address: &Address) -> Option<&LiveResource> {
        match self.readings.get(address)? {
            Reading::Present(live) => Some(live),
            Reading::Absent | Reading::Foreign(_) | Reading::Unreadable(_) => None,
        }
    }

    /// Every resource of the stack's own, declared or not.
    pub fn ours(&self) -> impl Iterator<Item = &LiveResource> {
        let present = |reading: &'_ Reading| matches!(reading, Reading::Present(_));
        let readings = self.readings.values().filter(move |reading| present(reading));
        let live = readings.filter_map(|reading| match reading {
            Reading::Present(live) => Some(live.as_ref()),
            Reading::Absent | Reading::Foreign(_) | Reading::Unreadable(_) => None,
        });
        live.chain(&self.orphans)
    }

    /// The kinds of which something of the stack's own is live.
    pub fn kinds(&self) -> BTreeSet<Kind> {
        self.ours().map(LiveResource::kind).collect()
    }
}
