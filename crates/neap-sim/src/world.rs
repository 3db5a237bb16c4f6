//! The world: an account, its network, and every resource in it.
//!
//! Decides how resources are kept, found and saved, and what time does to them. Must not know the rules by which calls
//! change them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use neap_core::address::Kind;
use neap_core::kinds::{
    self, Alb, AutoScalingGroup, Clb, LaunchTemplate, Nlb, Resource, Service, Subnet, VpcEndpoint,
};
use neap_core::zero::Stored;
use serde::{Deserialize, Serialize};

use crate::arn::{self, Place};
use crate::clock::{ALB_INTERFACES_LINGER, Millis, NAMES_LINGER, TASK_INTERFACES_LINGER, TOMBSTONES_STAY};
use crate::error::{Answer, Rejection, SimError};
use crate::limits::Buckets;
use crate::record::{Advance, Alarm, Fields, Interface, Record, Refresh, State};
use crate::services::invalidation::Invalidation;
use crate::services::objects::Objects;
use crate::services::service_discovery;
use crate::shift::Move;

mod index;
mod shown;

use index::Index;
pub use shown::Consistency;
use shown::Shades;
pub(crate) use shown::{Delay, Memory};

/// The account that the sandbox pretends to be.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region, unless the stack or the command line names one.
pub(crate) const REGION: &str = "us-east-1";
/// The version of the file's form.
const VERSION: u32 = 1;

/// A virtual network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) id: String,
    pub(crate) region: String,
    /// Its Name tag.
    pub(crate) name: String,
    pub(crate) default: bool,
    /// Ids of its subnets, each with its availability zone.
    pub(crate) subnets: Vec<(String, String)>,
    /// Those of them that the internet does not reach.
    #[serde(default)]
    pub(crate) private: BTreeSet<String>,
}

/// Instances of a group in subnets that the group has left. AWS moves none by itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Astray {
    pub(crate) subnets: BTreeSet<String>,
    /// Whether they are being replaced.
    pub(crate) is_leaving: bool,
}

/// What AWS goes on showing of something that is gone.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Tombstone {
    record: Record,
    until: Millis,
}

/// An account and everything in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct World {
    version: u32,
    /// Where calls are made: the region of the last read.
    pub(crate) place: String,
    /// What the clock showed at the last save.
    pub(crate) now: Millis,
    /// How many ids were given.
    ids: u64,
    /// The last revision of each task-definition family, by region and family: none is ever used again.
    pub(crate) revisions: BTreeMap<String, u32>,
    pub(crate) vpcs: Vec<Vpc>,
    /// Names of Secrets Manager secrets that do not exist; all others do.
    pub(crate) missing_secrets: BTreeSet<String>,
    /// Names of SSM parameters that do not exist; all others do.
    pub(crate) missing_parameters: BTreeSet<String>,
    /// Names of buckets that other accounts have.
    #[serde(default)]
    pub(crate) others_buckets: BTreeSet<String>,
    /// The ARNs of the CloudFront functions that were published at some time.
    #[serde(default)]
    pub(crate) runs: BTreeSet<String>,
    /// Names that lead to other accounts' distributions.
    #[serde(default)]
    pub(crate) others_aliases: BTreeSet<String>,
    /// Ids of the images that AWS recommends instead of the first ones, by processor; an empty one for none.
    #[serde(default)]
    pub(crate) newer_images: BTreeMap<String, String>,
    /// Why AWS cannot launch instances of a type, by type; all others it can.
    #[serde(default)]
    pub(crate) launch_failures: BTreeMap<String, String>,
    /// Types of instances that the region does not have; it has all others.
    #[serde(default)]
    pub(crate) missing_instance_types: BTreeSet<String>,
    /// Allocation ids of elastic IP addresses that do not exist; all others do.
    #[serde(default)]
    pub(crate) missing_addresses: BTreeSet<String>,
    /// Ids of prefix lists that somebody made or shares, beside AWS's own.
    #[serde(default)]
    pub(crate) prefix_lists: BTreeSet<String>,
    /// Ids of images that are not there; all others are.
    #[serde(default)]
    pub(crate) missing_images: BTreeSet<String>,
    /// Names of key pairs that are not there; all others are.
    #[serde(default)]
    pub(crate) missing_key_pairs: BTreeSet<String>,
    /// Names of hosted zones that do not exist; any other domain has one.
    #[serde(default)]
    pub(crate) missing_zones: BTreeSet<String>,
    /// Names of hosted zones of subdomains, which exist beside those of their domains.
    #[serde(default)]
    pub(crate) more_zones: BTreeSet<String>,
    /// Names of private hosted zones, which stand beside public ones of the same names.
    #[serde(default)]
    pub(crate) private_zones: BTreeSet<String>,
    /// Names of records, with their types, by the id of their zone.
    #[serde(default)]
    pub(crate) dns: BTreeMap<String, BTreeMap<String, String>>,
    /// What is wrong with certificates that are nobody's here, by ARN; all others can be used.
    #[serde(default)]
    pub(crate) bad_certificates: BTreeMap<String, String>,
    /// Domains whose CAA records forbid AWS to issue certificates.
    #[serde(default)]
    pub(crate) refused_domains: BTreeSet<String>,
    /// When each certificate was requested, by ARN.
    #[serde(default)]
    pub(crate) requested: BTreeMap<String, Millis>,
    /// The ARNs of certificates that are gone.
    #[serde(default)]
    pub(crate) gone_certificates: BTreeSet<String>,
    /// Until when tasks of services that are gone stay registered, by the ARN of the service of Cloud Map.
    #[serde(default)]
    pub(crate) registered: BTreeMap<String, Millis>,
    /// Network interfaces of what is gone.
    pub(crate) interfaces: Vec<Interface>,
    /// The last replacement of the instances of each group, by ARN.
    #[serde(default)]
    pub(crate) refreshes: BTreeMap<String, Refresh>,
    /// Instances that are not where their groups are, by the ARN of the group.
    #[serde(default)]
    pub(crate) astray: BTreeMap<String, Astray>,
    /// Alarms of scaling, which nothing here rings.
    #[serde(default)]
    pub(crate) alarms: Vec<Alarm>,
    /// How full the buckets are in which calls are counted.
    #[serde(default)]
    pub(crate) buckets: Buckets,
    /// What resources hold, by ARN: images, log events.
    #[serde(default)]
    pub(crate) stored: BTreeMap<String, Stored>,
    /// The objects in buckets, by the bucket's ARN.
    #[serde(default)]
    pub(crate) objects: BTreeMap<String, Objects>,
    /// The paths of every invalidation that there ever was, with its id, by distribution and caller reference.
    #[serde(default)]
    pub(crate) invalidations: BTreeMap<String, Invalidation>,
    /// The resources by ARN.
    records: BTreeMap<String, Record>,
    /// What readers do not know yet.
    #[serde(default)]
    pub(crate) shades: Shades,
    /// What the index of tags lists wrongly.
    #[serde(default)]
    index: Index,
    /// Clusters and services that are gone and still shown, as inactive, by ARN.
    #[serde(default)]
    tombstones: BTreeMap<String, Tombstone>,
    /// How many things time has brought about while this process watched.
    #[serde(skip)]
    pub(crate) matured: u64,
    /// Whether the current call put an object, and nothing else.
    #[serde(skip)]
    pub(crate) was_upload: bool,
    /// Why the deployment that the current call starts will fail, if the fault script says so.
    #[serde(skip)]
    pub(crate) deployment_fails: Option<String>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            version: VERSION,
            place: REGION.to_owned(),
            now: 0,
            ids: 0,
            revisions: BTreeMap::new(),
            vpcs: Vec::new(),
            missing_secrets: BTreeSet::new(),
            missing_parameters: BTreeSet::new(),
            others_buckets: BTreeSet::new(),
            runs: BTreeSet::new(),
            others_aliases: BTreeSet::new(),
            newer_images: BTreeMap::new(),
            launch_failures: BTreeMap::new(),
            missing_instance_types: BTreeSet::new(),
            missing_addresses: BTreeSet::new(),
            prefix_lists: BTreeSet::new(),
            missing_images: BTreeSet::new(),
            missing_key_pairs: BTreeSet::new(),
            missing_zones: BTreeSet::new(),
            more_zones: BTreeSet::new(),
            private_zones: BTreeSet::new(),
            dns: BTreeMap::new(),
            bad_certificates: BTreeMap::new(),
            refused_domains: BTreeSet::new(),
            requested: BTreeMap::new(),
            gone_certificates: BTreeSet::new(),
            registered: BTreeMap::new(),
            interfaces: Vec::new(),
            refreshes: BTreeMap::new(),
            astray: BTreeMap::new(),
            alarms: Vec::new(),
            buckets: Buckets::default(),
            stored: BTreeMap::new(),
            objects: BTreeMap::new(),
            invalidations: BTreeMap::new(),
            records: BTreeMap::new(),
            shades: Shades::default(),
            index: Index::default(),
            tombstones: BTreeMap::new(),
            matured: 0,
            was_upload: false,
            deployment_fails: None,
        }
        .with_default_vpc()
    }
}

impl World {
    /// The world in `file`; a new one where there is none.
    pub(crate) fn load(file: &Path) -> Result<Self, SimError> {
        let damaged = |reason: String| SimError::Damaged { file: file.to_owned(), reason };
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(SimError::File { file: file.to_owned(), source }),
        };
        let world: Self = serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        if world.version != VERSION {
            return Err(damaged(format!("it has version {}, not {VERSION}", world.version)));
        }
        Ok(world)
    }

    /// Writes the world to `file`, which is never half-written: it is replaced in one go.
    pub(crate) fn save(&self, file: &Path) -> Result<(), SimError> {
        let failed = |source: io::Error| SimError::File { file: file.to_owned(), source };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let fresh = file.with_extension("json.new");
        write_privately(&fresh, &text).map_err(failed)?;
        fs::rename(&fresh, file).map_err(failed)
    }

    /// Where calls are made.
    pub(crate) fn place(&self) -> Place {
        Place { account: ACCOUNT.to_owned(), region: self.place.clone() }
    }

    /// Makes calls in `region` from now on. Each region has a default VPC of its own.
    pub(crate) fn enter(&mut self, region: &str) {
        if self.place != region {
            region.clone_into(&mut self.place);
            if !self.vpcs.iter().any(|vpc| vpc.region == region) {
                self.vpcs.push(default_vpc(region));
            }
        }
    }

    fn with_default_vpc(mut self) -> Self {
        self.vpcs.push(default_vpc(&self.place));
        self
    }

    /// Lets the time until `now` pass.
    pub(crate) fn advance(&mut self, now: Millis) {
        self.now = self.now.max(now);
        self.shift_traffic(now);
        let services = self.records.values().filter_map(|record| Service::of(&record.resource));
        let used: BTreeSet<String> = services.map(|service| service.task.clone()).collect();
        let mut gone = Vec::new();
        for (arn, record) in &mut self.records {
            // A task definition that is being deleted stays as long as a service uses it.
            let kept = record.kind() == Kind::Task && used.contains(arn);
            match record.advance(now) {
                Advance::Unchanged => {}
                Advance::Changed => self.matured += 1,
                Advance::Gone if kept => {}
                Advance::Gone => gone.push(arn.clone()),
            }
        }
        self.matured += gone.len() as u64;
        for arn in gone {
            self.remove(&arn);
        }
        let passing = |world: &Self| {
            world.interfaces.len() + world.registered.len() + world.tombstones.len() + world.shades.len()
        };
        let before = passing(self);
        self.interfaces.retain(|interface| interface.until > now);
        self.registered.retain(|_, until| *until > now);
        self.tombstones.retain(|_, tombstone| tombstone.until > now);
        self.index.refresh(now);
        self.refresh();
        self.matured += (before - passing(self)) as u64;
    }

    /// Moves the traffic of deployments whose time has come.
    fn shift_traffic(&mut self, now: Millis) {
        let there = self.records.values_mut().filter(|record| !record.is_deleting());
        let shifts = there.filter_map(|record| record.deployment.as_mut()?.shift.as_mut());
        let moves: Vec<Move> = shifts.flat_map(|shift| shift.due(now)).collect();
        self.matured += moves.len() as u64;
        for one in moves {
            crate::services::elb::turn(self, &one);
        }
    }

    /// Removes a record at once. Network interfaces of what ran in security groups stay for a while.
    pub(crate) fn remove(&mut self, arn: &str) -> Option<Record> {
        let record = self.records.remove(arn)?;
        self.stored.remove(arn);
        self.objects.remove(arn);
        let since = match record.state {
            State::Deleting { until, .. } => until,
            State::Ready | State::Settling { .. } | State::Inactive | State::Failed { .. } => self.now,
        };
        match &record.resource {
            Resource::Alb(alb) => self.leave_interface(
                format!("ELB app/{}", alb.name),
                alb.security_groups.clone(),
                alb.subnets.clone(),
                since + ALB_INTERFACES_LINGER,
            ),
            Resource::Nlb(nlb) => {
                self.leave_balancer(nlb, nlb.subnets.clone(), since + ALB_INTERFACES_LINGER);
            }
            Resource::Clb(clb) => self.leave_interface(
                format!("ELB {}", clb.name),
                clb.security_groups.clone(),
                clb.subnets.clone(),
                since + ALB_INTERFACES_LINGER,
            ),
            Resource::Service(service) => {
                self.leave_interface(
                    format!("tasks of {}", service.name),
                    service.security_groups.clone(),
                    service.subnets.clone(),
                    since + TASK_INTERFACES_LINGER,
                );
                self.leave_names(service, since + NAMES_LINGER);
            }
            _ => {}
        }
        if let Resource::Cluster(_) = &record.resource {
            self.records.remove(&crate::services::ecs::cluster_capacity::arn(arn));
        }
        self.index.keep(&record, since);
        if matches!(record.kind(), Kind::Cluster | Kind::Service) {
            let tombstone = Record { state: State::Inactive, ..record.clone() };
            let until = since + TOMBSTONES_STAY;
            self.tombstones.insert(arn.to_owned(), Tombstone { record: tombstone, until });
        }
        Some(record)
    }

    /// Leaves a network interface behind in security groups and subnets.
    pub(crate) fn leave_interface(
        &mut self,
        description: String,
        security_groups: BTreeSet<String>,
        subnets: BTreeSet<String>,
        until: Millis,
    ) {
        if !security_groups.is_empty() {
            let addresses = BTreeSet::new();
            self.interfaces.push(Interface { description, security_groups, subnets, addresses, until });
        }
    }

    /// Leaves the network interfaces of a network load balancer behind that are in these subnets, with its addresses there.
    pub(crate) fn leave_balancer(&mut self, nlb: &Nlb, subnets: BTreeSet<String>, until: Millis) {
        self.interfaces.push(Interface {
            description: format!("ELB net/{}", nlb.name),
            security_groups: nlb.security_groups.clone(),
            addresses: subnets
                .iter()
                .filter_map(|subnet| nlb.address_in(subnet))
                .map(str::to_owned)
                .collect(),
            subnets,
            until,
        });
    }

    /// Leaves the names behind under which the tasks of a service were found.
    pub(crate) fn leave_names(&mut self, service: &Service, until: Millis) {
        if let Some(registry) = &service.registry {
            self.registered.insert(registry.registry.clone(), until);
        }
        if let Some(connect) = &service.connect {
            let names: Vec<String> = connect.serves.keys().cloned().collect();
            service_discovery::leave_names(self, &connect.namespace, &names, until);
        }
    }

    /// How many objects there are.
    pub(crate) fn n_objects(&self) -> usize {
        self.objects.values().map(BTreeMap::len).sum()
    }

    /// What a resource holds: images, log events, objects.
    pub(crate) fn held(&self, arn: &str) -> Stored {
        let stored = self.stored.get(arn).copied().unwrap_or_default();
        let objects = self.objects.get(arn).into_iter().flat_map(BTreeMap::values);
        objects.fold(stored, |held, object| Stored {
            items: held.items + 1,
            bytes: held.bytes + object.file.size,
        })
    }

    /// A seed that no id was made from yet.
    pub(crate) fn seed(&mut self, what: &str) -> String {
        self.ids += 1;
        format!("{ACCOUNT}/{}/{what}/{}", self.place, self.ids)
    }

    /// Puts a record in its place.
    pub(crate) fn insert(&mut self, record: Record) {
        self.tombstones.remove(&record.arn);
        self.records.insert(record.arn.clone(), record);
    }

    /// The records that calls in this region see, whether visible yet or not.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.records
            .values()
            .filter(|record| record.region.as_ref().is_none_or(|region| *region == self.place))
    }

    /// The records of every region.
    pub(crate) fn everything(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    /// The ARNs of what is gone and still shown.
    pub(crate) fn tombstones(&self) -> impl Iterator<Item = &str> {
        self.tombstones.keys().map(String::as_str)
    }

    /// The records of every region, to be changed.
    pub(crate) fn everything_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.records.values_mut()
    }

    /// The record with this ARN.
    pub(crate) fn record(&self, arn: &str) -> Option<&Record> {
        self.records.get(arn)
    }

    /// The record with this ARN, to be changed.
    pub(crate) fn record_mut(&mut self, arn: &str) -> Option<&mut Record> {
        self.records.get_mut(arn)
    }

    /// Every record of a kind in this region, with its fields.
    pub(crate) fn all<T: Fields + 'static>(&self) -> impl Iterator<Item = (&Record, &T)> {
        self.records().filter_map(|record| T::of(&record.resource).map(|fields| (record, fields)))
    }

    /// The record of a kind with this ARN, with its fields.
    pub(crate) fn get<T: Fields>(&self, arn: &str) -> Option<(&Record, &T)> {
        let record = self.records.get(arn)?;
        T::of(&record.resource).map(|fields| (record, fields))
    }

    /// The record of `kind` that calls know by `id`.
    pub(crate) fn by_id(&self, kind: Kind, id: &str) -> Option<&Record> {
        let direct = self.records.get(id).filter(|record| record.kind() == kind);
        direct.or_else(|| self.records().find(|record| record.kind() == kind && record.id == id))
    }

    /// What a call refers to by ARN. Not found if it is not there; not yet if it is not visible.
    pub(crate) fn referred<T: Fields>(&self, arn: &str, code: &str, message: &str) -> Answer<(&Record, &T)> {
        let Some((record, fields)) = self.get::<T>(arn) else {
            return Err(Rejection::not_found(code, message));
        };
        if !self.knows(arn) {
            return Err(Rejection::not_yet(code, message));
        }
        Ok((record, fields))
    }

    /// The record with this ARN and its fields, for a change.
    pub(crate) fn change<T: Fields>(&mut self, arn: &str, code: &str) -> Answer<&mut T> {
        if !self.knows(arn) {
            return Err(Rejection::not_yet(code, format!("`{arn}` does not exist")));
        }
        let record = self.records.get_mut(arn);
        let fields = record.and_then(|record| T::of_mut(&mut record.resource));
        fields.ok_or_else(|| Rejection::not_found(code, format!("`{arn}` does not exist")))
    }

    /// The id of the VPC that has this subnet, and the subnet's availability zone. A subnet that somebody made a moment ago
    /// may not be visible yet.
    pub(crate) fn subnet(&self, id: &str) -> Option<(&str, &str)> {
        let found = self.vpcs.iter().filter(|vpc| vpc.region == self.place).find_map(|vpc| {
            let (_, zone) = vpc.subnets.iter().find(|(subnet, _)| subnet == id)?;
            Some((vpc.id.as_str(), zone.as_str()))
        });
        found.or_else(|| {
            let mut made = self.all::<Subnet>();
            let (_, subnet) = made.find(|(record, _)| record.id == id && self.knows(&record.arn))?;
            Some((subnet.vpc.as_str(), subnet.zone.as_str()))
        })
    }

    /// Whether somebody made this subnet, whether it is visible yet or not.
    pub(crate) fn made_subnet(&self, id: &str) -> bool {
        self.all::<Subnet>().any(|(record, _)| record.id == id)
    }

    /// The images that AWS recommends for instances of ECS, by processor.
    pub(crate) fn images(&self) -> BTreeMap<String, String> {
        let first = |processor: &str| {
            let seed = format!("{}/ecs-image/{processor}", self.place);
            (processor.to_owned(), format!("ami-0{}", arn::hex(&seed, 16)))
        };
        let mut images: BTreeMap<String, String> = ["x86_64", "arm64"].map(first).into();
        images.extend(self.newer_images.clone());
        images.retain(|_, image| !image.is_empty());
        images
    }

    /// The prefix list of the addresses from which CloudFront asks origins; AWS has none in China.
    pub(crate) fn cloudfront_origins(&self) -> Option<String> {
        let seed = format!("{}/cloudfront-origins", self.place);
        (self.place().partition() == "aws").then(|| format!("pl-{}", arn::hex(&seed, 8)))
    }

    /// Whether there is a prefix list with this id.
    pub(crate) fn has_prefix_list(&self, id: &str) -> bool {
        self.prefix_lists.contains(id) || self.cloudfront_origins().as_deref() == Some(id)
    }

    /// Whether a security group with this id is there, and visible already.
    pub(crate) fn shows_security_group(&self, id: &str) -> bool {
        self.all::<kinds::SecurityGroup>().any(|(record, _)| record.id == id && self.knows(&record.arn))
    }

    /// Looks whether there is a VPC with this id.
    pub(crate) fn refer_vpc(&self, id: &str) -> Answer<()> {
        const CODE: &str = "InvalidVpcID.NotFound";
        if self.vpcs.iter().any(|vpc| vpc.id == id && vpc.region == self.place) {
            return Ok(());
        }
        let arn = self.place().arn("ec2", &format!("vpc/{id}"));
        let message = format!("The vpc ID '{id}' does not exist");
        self.referred::<kinds::Vpc>(&arn, CODE, &message).map(drop)
    }

    /// What keeps the security group `id` from being deleted, apart from other groups' rules.
    pub(crate) fn user_of_security_group(&self, id: &str) -> Option<String> {
        let alb = self.all::<Alb>().find(|(_, alb)| alb.security_groups.contains(id));
        let nlb = self.all::<Nlb>().find(|(_, nlb)| nlb.security_groups.contains(id));
        let clb = self.all::<Clb>().find(|(_, clb)| clb.security_groups.contains(id));
        let service = self.all::<Service>().find(|(_, service)| service.security_groups.contains(id));
        let starts = |template: &LaunchTemplate| template.security_groups.contains(id);
        let templates = self.all::<LaunchTemplate>().filter(|(_, template)| starts(template));
        let templates: BTreeSet<&str> = templates.map(|(record, _)| record.id.as_str()).collect();
        let group = self
            .all::<AutoScalingGroup>()
            .find(|(_, group)| group.desired > 0 && templates.contains(group.launch_template.as_str()));
        let interface = self.interfaces.iter().find(|interface| interface.security_groups.contains(id));
        let mut endpoints = self.all::<VpcEndpoint>();
        let endpoint = endpoints.find(|(_, endpoint)| endpoint.security_groups.contains(id));
        alb.map(|(_, alb)| format!("ELB app/{}", alb.name))
            .or_else(|| nlb.map(|(_, nlb)| format!("ELB net/{}", nlb.name)))
            .or_else(|| clb.map(|(_, clb)| format!("ELB {}", clb.name)))
            .or_else(|| service.map(|(_, service)| format!("tasks of {}", service.name)))
            .or_else(|| group.map(|(_, group)| format!("instances of {}", group.name)))
            .or_else(|| interface.map(|interface| interface.description.clone()))
            .or_else(|| endpoint.map(|(record, _)| record.id.clone()))
    }
}

/// Writes a file that only its owner can read: what AWS is told may hold values of sensitive variables.
fn write_privately(file: &Path, text: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file)?.write_all(text)
}

/// The default VPC of a region: three subnets in three availability zones.
fn default_vpc(region: &str) -> Vpc {
    let zones = ["a", "b", "c"].map(String::from);
    Vpc { default: true, ..vpc(region, "default", &zones, &[]) }
}

/// A VPC that nobody here made, with public and private subnets in zones named by their letters.
pub(crate) fn vpc(region: &str, name: &str, public: &[String], private: &[String]) -> Vpc {
    let seed = format!("{ACCOUNT}/{region}/{name}-vpc");
    let subnet = |sort: &str, zone: &String| {
        let id = format!("subnet-0{}", arn::hex(&format!("{seed}/{sort}{zone}"), 16));
        (id, format!("{region}{zone}"))
    };
    let private: Vec<_> = private.iter().map(|zone| subnet("private-", zone)).collect();
    Vpc {
        id: format!("vpc-0{}", arn::hex(&seed, 16)),
        region: region.to_owned(),
        name: name.to_owned(),
        default: false,
        subnets: public.iter().map(|zone| subnet("", zone)).chain(private.iter().cloned()).collect(),
        private: private.into_iter().map(|(id, _)| id).collect(),
    }
}
