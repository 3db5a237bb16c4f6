//! What a stack asks for, fully lowered: every resource with every field, defaults and implied ones included.
//!
//! Decides the shape of the desired side of a diff. Must not know how it was written in a file, nor what
//! is live.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::address::Address;
use crate::kinds::{BucketFiles, Certificate, Resource};
use crate::ownership::{self, Owned};
use crate::reference::{self, Fact, Reference, Resolved, Zone};

/// The tag that names the stack a resource belongs to.
pub const TAG_STACK: &str = "neap:stack";
/// The tag that holds a resource's address.
pub const TAG_ADDRESS: &str = "neap:address";
/// The tag that holds the hash of the desired fields at the last apply.
pub const TAG_SPEC: &str = "neap:spec";
/// The tag of what stays when a stack goes, with the value `true`.
pub const TAG_KEEP: &str = "neap:keep";

/// The tag of a bucket in which neap keeps files, with the value `true`: others need not be looked through.
pub const TAG_FILES: &str = "neap:files";

/// The tag of an ECS service whose tasks know others by Service Connect: the names that they were deployed with.
pub const TAG_REACHES: &str = "neap:reaches";

/// The tag of what scales a service: the limits that the stack asked for at the last apply. Schedules set others.
pub const TAG_LIMITS: &str = "neap:limits";

/// The tag of what has no region of its own, with the region that its stack is in: from any other it would be taken for a stack's there.
pub const TAG_REGION: &str = "neap:region";

/// The tag of what no plan may delete, with the value `true`: whoever takes its table out of the stack file takes the word out with it.
pub const TAG_PROTECT: &str = "neap:protect";

/// Whether the tags of a bucket say that it stays. On anything but a bucket that tag means nothing: it would hide what bills.
pub fn is_kept(tags: &BTreeMap<String, String>) -> bool {
    tags.get(TAG_KEEP).is_some_and(|kept| kept == "true")
}

/// Which VPC a stack lives in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// The account's default VPC.
    #[default]
    Default,
    /// The VPC with this id.
    Id(String),
    /// The one VPC with this Name tag.
    Name(String),
    /// A VPC of the stack's own, with this block of addresses.
    Own(String),
}

/// Where the lock lies that lets one process at a time change a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockPlace {
    /// An SSM parameter in the stack's region.
    #[default]
    Ssm,
    /// An object in an S3 bucket.
    S3 {
        /// The bucket's name.
        bucket: String,
        /// What the object's key begins with; it ends with a slash unless it is empty.
        prefix: String,
    },
    /// Nowhere: whoever runs neap sees to it that nobody else does.
    None,
}

/// Everything that a stack asks for.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Desired {
    /// The stack's name, with the environment: `course` or `course-prod`.
    pub stack: String,
    /// The region that the stack file or the command line names.
    pub region: Option<String>,
    /// The only account that the stack may be applied to.
    pub account: Option<String>,
    /// Where its lock lies.
    #[serde(default)]
    pub lock: LockPlace,
    /// The VPC that the stack lives in.
    pub network: Network,
    /// The resources by address.
    pub resources: BTreeMap<Address, DesiredResource>,
    /// Values that `neap output NAME` prints; they may hold references.
    pub outputs: BTreeMap<String, String>,
    /// What AWS calls the security group or distribution to look for at an address, where no name tells: only what
    /// is about to be adopted is looked for this way.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub known_as: BTreeMap<Address, String>,
}

/// One resource that a stack asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DesiredResource {
    /// Its fields. Strings may hold references.
    pub resource: Resource,
    /// Its tags, those that mark it as the stack's own included, `neap:spec` excepted.
    pub tags: BTreeMap<String, String>,
    /// Why it is there, if the user did not declare it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub implied: Option<Implied>,
    /// Whether plans that delete or replace it are refused.
    #[serde(default)]
    pub protect: bool,
    /// Whether a replacement must delete first, because the user chose a name that only one can have.
    #[serde(default)]
    pub delete_first: bool,
    /// What others change of it: the stack gives a first value, and then the live one holds.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owned_elsewhere: BTreeSet<Owned>,
    /// Resources that must come first although no field refers to them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub after: BTreeSet<Address>,
}

/// Why a resource that nobody declared is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implied {
    /// The declared resource that cannot live without it.
    pub by: Address,
    /// Why, as a fragment: `lets the load balancer reach port 3000`.
    pub reason: String,
}

impl DesiredResource {
    /// The hash of the fields and tags as the stack writes them, references unresolved: it changes when the stack
    /// does, not when AWS assigns something. What is owned elsewhere is left out. Eight bytes in hex.
    pub fn spec(&self) -> String {
        let resource = ownership::without(&self.resource, &self.owned_elsewhere);
        let content = serde_json::json!([resource.fields(), self.tags]);
        short_hash(&content.to_string())
    }

    /// Every reference in the fields, with its path.
    pub fn references(&self) -> Vec<(String, Reference)> {
        match &self.resource {
            // Names and hashes of files are what they are, and there may be ten thousand.
            Resource::BucketFiles(files) => {
                let named = BucketFiles { files: BTreeMap::new(), ..files.clone() };
                reference::in_value(&Resource::from(named).fields())
            }
            resource => reference::in_value(&resource.fields()),
        }
    }
}

#[cfg(test)]
impl DesiredResource {
    /// What asks for `resource` and for nothing else, for tests.
    pub(crate) fn plain(resource: impl Into<Resource>) -> Self {
        Self {
            resource: resource.into(),
            tags: BTreeMap::new(),
            implied: None,
            protect: false,
            delete_first: false,
            owned_elsewhere: BTreeSet::new(),
            after: BTreeSet::new(),
        }
    }
}

impl Desired {
    /// The name that AWS knows `resource` by in `account`: buckets have the account in theirs, and a bucket's policy has its
    /// bucket's.
    pub fn name_in(&self, resource: &Resource, account: &str) -> String {
        let resolve = |reference: &Reference| match reference {
            Reference::Fact(Fact::Account) => Resolved::One(account.to_owned()),
            Reference::Output(address, output) if output == "name" => {
                let named = self.resources.get(address).map(|wanted| self.name_in(&wanted.resource, account));
                named.map_or(Resolved::Unknown, Resolved::One)
            }
            Reference::Output(..)
            | Reference::Fact(_)
            | Reference::Variable(_)
            | Reference::Secret(_)
            | Reference::Zone(_) => Resolved::Unknown,
        };
        reference::substitute_text(resource.aws_name(), &resolve)
    }

    /// Whether any field refers to what is at `address`.
    pub fn is_used(&self, address: &Address) -> bool {
        let mut references = self.resources.values().flat_map(DesiredResource::references);
        references.any(|(_, reference)| matches!(&reference, Reference::Output(used, _) if used == address))
    }

    /// The certificate that is looked for at `address` from a stack in `region`. One that nobody uses is as good in the region
    /// where it is as in any other, so its own stays open.
    pub fn sought(&self, address: &Address, wanted: &Certificate, region: &str) -> Certificate {
        let open = wanted.region.contains("${") && self.is_used(address);
        let region = if open { region } else { &wanted.region };
        Certificate { region: region.to_owned(), ..wanted.clone() }
    }

    /// Whether any field refers to this fact.
    pub fn refers_to(&self, fact: Fact) -> bool {
        let mut references = self.resources.values().flat_map(DesiredResource::references);
        references.any(|(_, reference)| reference == Reference::Fact(fact))
    }

    /// The names of Secrets Manager secrets and the ARNs' worth of facts that the fields refer to.
    pub fn secrets(&self) -> BTreeSet<String> {
        let secret = |(_, reference)| match reference {
            Reference::Secret(name) => Some(name),
            Reference::Output(..) | Reference::Variable(_) | Reference::Fact(_) | Reference::Zone(_) => None,
        };
        self.resources.values().flat_map(DesiredResource::references).filter_map(secret).collect()
    }

    /// The hosted zones that the fields refer to.
    pub fn zones(&self) -> BTreeSet<Zone> {
        let zone = |(_, reference)| match reference {
            Reference::Zone(zone) => Some(zone),
            Reference::Output(..) | Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) => {
                None
            }
        };
        self.resources.values().flat_map(DesiredResource::references).filter_map(zone).collect()
    }

    /// The ARNs of ACM's certificates that load balancers and distributions name and the stack does not own.
    pub fn named_certificates(&self) -> BTreeSet<String> {
        let named = |wanted: &DesiredResource| match &wanted.resource {
            Resource::Listener(listener) => {
                listener.certificate.iter().chain(&listener.extra_certificates).cloned().collect()
            }
            Resource::Clb(clb) => clb.listeners.values().filter_map(|it| it.certificate.clone()).collect(),
            Resource::Cloudfront(site) => site.certificate.iter().map(|it| it.arn.clone()).collect(),
            _ => Vec::new(),
        };
        let is_of_acm =
            |arn: &String| arn.starts_with("arn:") && arn.contains(":acm:") && !arn.contains("${");
        self.resources.values().flat_map(named).filter(is_of_acm).collect()
    }
}

/// The first eight bytes of the SHA-256 of `text`, in hex.
pub fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
