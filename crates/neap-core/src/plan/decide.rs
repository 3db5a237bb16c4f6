//! What happens to each resource, and why.
//!
//! Goes through desired resources so that each comes after what it depends on: what a dependency becomes decides
//! which values are known, and so what differs. Must not know steps or their order.

use std::collections::{BTreeMap, BTreeSet};

use super::carried;
use super::gateways;
use super::reasons::{immutable, replaced, unknown_in};
use super::resolve::Known;
use super::wishes::Wishes;
use super::world::{Node, Standing, World};
use super::{Action, FieldChange, Mode, Reason};
use crate::address::{Address, Kind};
use crate::cidr;
use crate::config::Secrets;
use crate::desired::{Desired, DesiredResource, TAG_ADDRESS, is_kept};
use crate::diff;
use crate::edges;
use crate::files::TAG_FORGET;
use crate::kinds::Resource;
use crate::live::{Environment, LiveResource, Outputs, Phase};
use crate::network;
use crate::outputs;
use crate::ownership;
use crate::reference::Reference;

/// What happens to one resource.
pub(super) struct Decision<'a> {
    pub(super) address: Address,
    pub(super) action: Action,
    pub(super) reason: Reason,
    pub(super) fields: Vec<FieldChange>,
    /// What the stack asks for, as it is written.
    pub(super) wanted: Option<&'a DesiredResource>,
    /// The same with everything filled in that is known.
    pub(super) filled: Option<DesiredResource>,
    /// What is live and the stack's own.
    pub(super) node: Option<Node>,
    /// What is in the way and not the stack's own.
    pub(super) foreign: Option<&'a LiveResource>,
}

impl Decision<'_> {
    pub(super) const fn kind(&self) -> Kind {
        self.address.kind()
    }

    /// Whether the resource that is live now stays, changed or not.
    const fn keeps(&self) -> bool {
        matches!(self.action, Action::NoOp | Action::Update)
    }
}

/// All decisions, and what is known once they are taken.
pub(super) struct Decisions<'a> {
    pub(super) list: Vec<Decision<'a>>,
    pub(super) known: Known<'a>,
}

/// Decides what happens to everything that is desired or live.
pub(super) fn decide<'a>(
    desired: &'a Desired,
    world: &World<'a>,
    wishes: &Wishes<'a>,
    order: &[&'a Address],
    context: Context<'a>,
) -> Decisions<'a> {
    let (known, before) = (Known::new(context.environment), Known::new(context.environment));
    let mut judge =
        Judge { desired, world, wishes, context, known, before, list: Vec::new(), at: BTreeMap::new() };
    match context.mode {
        Mode::Apply => {
            order.iter().for_each(|address| judge.wanted(address));
            world.unwanted().into_iter().for_each(|node| judge.unwanted(node));
        }
        Mode::Destroy => (0..world.nodes.len()).for_each(|node| judge.delete(node, Reason::Destroyed)),
    }
    Decisions { list: judge.list, known: judge.known }
}

/// What a decision depends on besides the resources.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) environment: &'a Environment,
    pub(super) secrets: &'a Secrets,
    pub(super) mode: Mode,
    /// What must be deleted before its successor is created, because another order would be a cycle.
    pub(super) delete_first: &'a BTreeSet<Address>,
    /// What stands beside its predecessor because of something else that does, with what that is.
    pub(super) along: &'a BTreeMap<Address, Address>,
}

struct Judge<'a, 'b> {
    desired: &'a Desired,
    world: &'b World<'a>,
    wishes: &'b Wishes<'a>,
    context: Context<'a>,
    known: Known<'a>,
    /// The outputs of what is live, whatever becomes of it.
    before: Known<'a>,
    list: Vec<Decision<'a>>,
    /// Where the decision about each desired address stands in the list.
    at: BTreeMap<&'a Address, usize>,
}

impl<'a> Judge<'a, '_> {
    /// Decides about the desired resource at `address`, all of whose dependencies are decided.
    fn wanted(&mut self, address: &'a Address) {
        let wanted = &self.desired.resources[address];
        let mut filled = self.known.fill(wanted);
        if let Standing::Present(node) | Standing::Predecessor(node) = self.world.standing(address) {
            let live = self.world.nodes[node];
            self.carry(&mut filled, address, live);
            let mut outputs = live.outputs.clone();
            outputs.extend(outputs::computed(&live.resource, self.context.environment));
            self.before.learn(address, outputs);
        }
        let mut decision = Decision {
            address: address.clone(),
            action: Action::NoOp,
            reason: Reason::UpToDate,
            fields: Vec::new(),
            wanted: Some(wanted),
            filled: None,
            node: None,
            foreign: None,
        };
        match self.world.standing(address) {
            Standing::Absent => {
                decision.action = Action::Create;
                decision.reason = Reason::Missing;
                decision.fields = creation(&filled);
            }
            // Both refuse the plan; what differs is of interest all the same.
            Standing::Unknown => {}
            Standing::Foreign(live) => {
                decision.fields = self.fields(&filled, live);
                decision.foreign = Some(live);
            }
            Standing::Present(node) => self.present(&mut decision, &filled, node),
            Standing::Predecessor(node) => self.predecessor(&mut decision, &filled, node),
        }
        self.known.learn(address, self.outputs(&decision, &filled.resource));
        decision.filled = Some(filled);
        self.at.insert(address, self.list.len());
        self.list.push(decision);
    }

    /// Carries forward into `filled` what the live resource at `address` has and keeps.
    fn carry(&self, filled: &mut DesiredResource, address: &Address, live: &LiveResource) {
        let is_used = || self.desired.resources.keys().any(|user| self.wishes.depends(user, address));
        carried::carry(&mut filled.resource, &self.desired.resources[address], live);
        gateways::stay(&mut filled.resource, &live.resource, self.desired, |subnet| self.stays(subnet));
        if address.kind() == Kind::Certificate && !is_used() {
            carried::stay(&mut filled.resource, &live.resource);
        }
    }

    /// The id of the live subnet at `address`, if that is the one that the stack asks for there.
    fn stays(&self, address: &Address) -> Option<&'a str> {
        let Standing::Present(node) = self.world.standing(address) else { return None };
        let filled = self.known.fill(&self.desired.resources[address]);
        let fields = self.fields(&filled, self.world.nodes[node]);
        fields.iter().all(|field| !field.forces_replacement).then(|| self.world.nodes[node].id.as_str())
    }

    /// A resource that is live under the very identity that is desired.
    fn present(&self, decision: &mut Decision<'a>, filled: &DesiredResource, node: Node) {
        let live = self.world.nodes[node];
        decision.node = Some(node);
        decision.fields = self.fields(filled, live);
        decision.fields.extend(self.tags(filled, live));
        if self.leaves_its_vpc(&decision.address, node) {
            let subnets = decision.fields.iter_mut().filter(|field| field.path == "subnets");
            subnets.for_each(|field| field.forces_replacement = true);
        }
        let held = self.held_by(&decision.address, node);
        // The identity is taken, so nothing can stand beside what is live.
        let replace = Action::DeleteThenCreate;
        (decision.action, decision.reason) = match &live.phase {
            Phase::Deleting(_) => (replace, Reason::BeingDeleted),
            Phase::Failed(detail) if self.is_beyond_repair(node) => {
                (replace, Reason::Failed { detail: detail.clone() })
            }
            _ if !held.is_empty() => (replace, replaced(&held)),
            _ if self.context.delete_first.contains(&decision.address) => (replace, self.forced(decision)),
            _ if self.context.along.contains_key(&decision.address) => {
                let with = self.context.along[&decision.address].to_string();
                (Action::CreateThenDelete, replaced(&[with]))
            }
            _ if decision.fields.iter().any(|field| field.forces_replacement) => {
                (self.beside(decision, filled, live).unwrap_or(replace), immutable(&mut decision.fields))
            }
            _ if !decision.fields.is_empty() => (Action::Update, self.why_updated(decision, live)),
            Phase::Failed(detail) => (Action::Update, Reason::Failed { detail: detail.clone() }),
            // Its caches hold what other origins have answered.
            _ if live.tags.contains_key(TAG_FORGET) => (Action::Update, Reason::Unrecorded),
            // Left so, whatever changes outside of the stack would pass for a change of the stack.
            _ if !is_recorded(decision, live) => (Action::Update, Reason::Unrecorded),
            Phase::Settling(detail) => (Action::NoOp, Reason::Settling { detail: detail.clone() }),
            Phase::Ready => (Action::NoOp, Reason::UpToDate),
        };
    }

    /// Whether a failed resource can only be deleted. One that others use is changed until it works; so is a service
    /// or a distribution.
    fn is_beyond_repair(&self, node: Node) -> bool {
        match self.world.nodes[node].kind() {
            Kind::Alb | Kind::Nlb | Kind::NatGateway | Kind::VpcEndpoint => true,
            // It may also have failed to attach its capacity, with services running on it all the same.
            Kind::Cluster => (0..self.world.nodes.len()).all(|user| !self.world.links(user).contains(&node)),
            Kind::LogGroup
            | Kind::Role
            | Kind::InstanceProfile
            | Kind::Ecr
            | Kind::Vpc
            | Kind::InternetGateway
            | Kind::ElasticIp
            | Kind::RouteTable
            | Kind::Subnet
            | Kind::SecurityGroup
            | Kind::LaunchTemplate
            | Kind::AutoScalingGroup
            | Kind::CapacityProvider
            | Kind::ClusterCapacity
            | Kind::TargetGroup
            | Kind::Clb
            | Kind::Listener
            | Kind::Rule
            | Kind::Task
            | Kind::Service
            | Kind::ScalableTarget
            | Kind::Cloudfront
            | Kind::Bucket
            | Kind::BucketPolicy
            | Kind::BucketFiles
            | Kind::OriginAccessControl
            | Kind::Certificate
            | Kind::Function
            | Kind::Domain
            | Kind::Namespace
            | Kind::DiscoveryService => false,
        }
    }

    /// A listener or rule can stand beside its predecessor while their load balancers do. So can a VPC, which nothing but its
    /// tags tells, whatever has its place in a VPC if that is another one, a subnet that has other addresses, and a NAT gateway in
    /// another subnet, which then has another address.
    fn beside(
        &self,
        decision: &Decision<'a>,
        filled: &DesiredResource,
        live: &LiveResource,
    ) -> Option<Action> {
        let moves = || decision.fields.iter().any(|field| field.path == "vpc" && field.forces_replacement);
        let stands = match (decision.kind(), &filled.resource, &live.resource) {
            (Kind::Vpc, ..) => true,
            (Kind::NatGateway, ..) => decision.fields.iter().any(|field| field.path == "subnet"),
            (_, Resource::Subnet(wanted), Resource::Subnet(live)) => {
                moves() || !cidr::overlap(&wanted.cidr, &live.cidr)
            }
            (Kind::InternetGateway | Kind::RouteTable | Kind::VpcEndpoint | Kind::SecurityGroup, ..) => {
                moves()
            }
            _ => {
                let parent = self.list.get(*self.at.get(&decision.address.parent()?)?)?;
                parent.action == Action::CreateThenDelete
            }
        };
        stands.then_some(Action::CreateThenDelete)
    }

    /// Whether a load balancer would go to another VPC, or come from one, of the stack's own. It stays in the one that it was made in
    /// ("VpcId" of ELB's API references). A name that is made differs there, a chosen one does not.
    fn leaves_its_vpc(&self, address: &Address, node: Node) -> bool {
        fn vpc(resource: &Resource) -> Option<&str> {
            matches!(resource, Resource::Subnet(_)).then(|| network::placed(resource).0)
        }
        if !matches!(address.kind(), Kind::Alb | Kind::Nlb | Kind::Clb) {
            return false;
        }
        let live = self.world.links(node).iter().filter_map(|used| vpc(&self.world.nodes[*used].resource));
        let filled = self.wishes.of(address).filter_map(|used| {
            let decision = &self.list[*self.at.get(used)?];
            vpc(&decision.filled.as_ref()?.resource)
        });
        live.collect::<BTreeSet<_>>() != filled.collect()
    }

    /// Something was made for this address under another identity, such as a name with another hash.
    fn predecessor(&self, decision: &mut Decision<'a>, filled: &DesiredResource, node: Node) {
        let live = self.world.nodes[node];
        decision.node = Some(node);
        decision.fields = self.fields(filled, live);
        decision.fields.extend(self.tags(filled, live));
        let held = self.held_by(&decision.address, node);
        let forced = self.context.delete_first.contains(&decision.address);
        let name = filled.resource.aws_name();
        let same_name = filled.delete_first && !name.is_empty() && name == live.resource.aws_name();
        let excluded = live.resource.excludes(&filled.resource);
        decision.action = if held.is_empty() && !forced && !same_name && !excluded {
            Action::CreateThenDelete
        } else {
            Action::DeleteThenCreate
        };
        decision.reason = match &live.phase {
            _ if !held.is_empty() => replaced(&held),
            // Nothing can be done with it any more, and what takes its place has another identity.
            Phase::Failed(detail) => Reason::Failed { detail: detail.clone() },
            _ => immutable(&mut decision.fields),
        };
    }

    /// What `address` depends on that must be deleted before its successor is made, and that AWS does not delete
    /// while `node` refers to it.
    fn held_by(&self, address: &Address, node: Node) -> Vec<String> {
        let gone = |dependency: &&Address| {
            let Some(at) = self.at.get(dependency) else { return false };
            let decision = &self.list[*at];
            let linked = decision.node.is_some_and(|held| self.world.links(node).contains(&held));
            let holds = edges::between(address.kind(), dependency.kind()).holds;
            // A listener goes with its load balancer, and a rule with its listener.
            let inside = address.parent().as_ref() == Some(*dependency);
            decision.action == Action::DeleteThenCreate && linked && (holds || inside)
        };
        self.wishes.of(address).filter(gone).map(Address::to_string).collect()
    }

    /// Why a resource that could be changed is made anew: it moves to something that is made anew itself.
    fn forced(&self, decision: &mut Decision<'a>) -> Reason {
        if decision.fields.iter().any(|field| field.forces_replacement) {
            return immutable(&mut decision.fields);
        }
        let anew = |dependency: &&Address| {
            let other = self.at.get(dependency).map(|at| self.list[*at].action);
            other == Some(Action::DeleteThenCreate)
        };
        let anew = self.wishes.of(&decision.address).filter(anew);
        replaced(&anew.map(Address::to_string).collect::<Vec<_>>())
    }

    fn why_updated(&self, decision: &Decision<'a>, live: &LiveResource) -> Reason {
        let waits: BTreeMap<&str, BTreeSet<String>> = decision
            .fields
            .iter()
            .map(|field| (field.path.as_str(), unknown_in(field)))
            .filter(|(_, unknown)| !unknown.is_empty())
            .collect();
        // An item that leaves a list makes way for the one that is not known yet; objects tell nothing of an earlier stack.
        if matches!(decision.kind(), Kind::ClusterCapacity | Kind::BucketFiles) {
            Reason::Differs
        } else if !is_recorded(decision, live) {
            Reason::StackChanged
        } else if decision.fields.iter().all(|field| waits.contains_key(field.path.as_str())) {
            let dependencies: BTreeSet<String> = waits.into_values().flatten().collect();
            replaced(&dependencies.into_iter().collect::<Vec<_>>())
        } else if let Some(dependencies) = self.moved(decision, live) {
            replaced(&dependencies)
        } else if live.spec().is_none() || decision.fields.iter().all(diff::is_secret) {
            Reason::Differs
        } else {
            Reason::Drifted
        }
    }

    /// The dependencies whose outputs change, if all that differs follows from that: with the outputs of what is live now
    /// nothing would.
    fn moved(&self, decision: &Decision<'a>, live: &LiveResource) -> Option<Vec<String>> {
        let wanted = decision.wanted?;
        let mut filled = self.before.fill(wanted);
        self.carry(&mut filled, &decision.address, live);
        if !self.fields(&filled, live).is_empty() || !self.tags(&filled, live).is_empty() {
            return None;
        }
        let moves = |(_, reference): (String, Reference)| match &reference {
            Reference::Output(address, _) => (self.before.resolve(&reference)
                != self.known.resolve(&reference))
            .then(|| address.to_string()),
            Reference::Variable(_) | Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => None,
        };
        let moved: BTreeSet<String> = wanted.references().into_iter().filter_map(moves).collect();
        Some(moved.into_iter().collect())
    }

    fn fields(&self, filled: &DesiredResource, live: &LiveResource) -> Vec<FieldChange> {
        let policy = Resource::policy(filled.resource.kind());
        let mut fields =
            diff::diff(&filled.resource.fields(), &live.resource.fields(), policy, self.context.secrets);
        let stuck = live.resource.cannot_become(&filled.resource);
        for field in &mut fields {
            let rest = |name: &&str| field.path.strip_prefix(*name);
            let is_stuck =
                |name: &&str| rest(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            field.forces_replacement |= stuck.iter().any(is_stuck);
        }
        fields
    }

    fn tags(&self, filled: &DesiredResource, live: &LiveResource) -> Vec<FieldChange> {
        if ownership::is_of_others(filled, live) {
            return Vec::new();
        }
        diff::diff_tags(&filled.tags, &live.tags, self.context.secrets)
    }

    /// The outputs that are certain before anything is done.
    fn outputs(&self, decision: &Decision<'a>, filled: &Resource) -> Outputs {
        let live = decision.node.map(|node| self.world.nodes[node]).or(decision.foreign);
        let mut certain = match live {
            Some(live) if decision.keeps() => live.outputs.clone(),
            Some(_) | None => Outputs::new(),
        };
        // A change registers a new revision of a task, which its ARN names, and a new version of a template. Tags change in
        // place (TagResource), and so does what merely was not marked yet.
        if decision.fields.iter().any(|field| !field.path.starts_with("tags.")) {
            let anew = match decision.kind() {
                Kind::Task => "arn",
                Kind::LaunchTemplate => "version",
                _ => "",
            };
            certain.remove(anew);
        }
        certain.extend(outputs::computed(filled, self.context.environment));
        certain
    }

    fn unwanted(&mut self, node: Node) {
        let address = &self.world.nodes[node].address;
        // What came there from another address, as parts of a network do that are counted anew, took nobody's place.
        let came = |at: &usize| {
            self.list[*at].node.is_some_and(|there| !is_tagged_at(self.world.nodes[there], address))
        };
        let replaced = self.at.get(address).is_some_and(|at| !came(at));
        self.delete(node, if replaced { Reason::Superseded } else { Reason::NotDeclared });
    }

    /// Whether what is live stays when the stack goes: a bucket that says so, and the files in it. With `by_table`, what the stack
    /// file says of it counts too.
    fn is_kept(&self, node: Node, by_table: bool) -> bool {
        let is_bucket = |node: &Node| self.world.nodes[*node].kind() == Kind::Bucket;
        let bucket = match self.world.nodes[node].kind() {
            Kind::Bucket => Some(node),
            Kind::BucketFiles => self.world.links(node).iter().copied().find(is_bucket),
            _ => None,
        };
        bucket.is_some_and(|bucket| {
            let live = self.world.nodes[bucket];
            let wanted = self.desired.resources.get(&live.address).filter(|_| by_table);
            is_kept(&live.tags) || wanted.is_some_and(|wanted| is_kept(&wanted.tags))
        })
    }

    fn delete(&mut self, node: Node, reason: Reason) {
        let address = self.world.nodes[node].address.clone();
        let wanted = self.desired.resources.get(&address).filter(|_| reason == Reason::Destroyed);
        let kept = self.is_kept(node, reason == Reason::Destroyed);
        let (action, reason) = if kept { (Action::NoOp, Reason::Kept) } else { (Action::Delete, reason) };
        self.list.push(Decision {
            address,
            action,
            reason,
            fields: Vec::new(),
            wanted,
            filled: None,
            node: Some(node),
            foreign: None,
        });
    }
}

/// Whether `live` is marked as what the stack asks for now. What has no mark is taken for it.
fn is_recorded(decision: &Decision<'_>, live: &LiveResource) -> bool {
    let spec = decision.wanted.map(DesiredResource::spec);
    live.spec().is_none() || live.spec() == spec.as_deref()
}

fn is_tagged_at(live: &LiveResource, address: &Address) -> bool {
    live.tags.get(TAG_ADDRESS).is_none_or(|tag| *tag == address.to_string())
}

/// Every field of `filled`, and the tags that the user chose.
fn creation(filled: &DesiredResource) -> Vec<FieldChange> {
    let policy = Resource::policy(filled.resource.kind());
    let mut fields = diff::creation(&filled.resource.fields(), policy);
    let own = filled.tags.iter().filter(|(key, _)| !key.starts_with("neap:"));
    let own = own.map(|(key, value)| (key.clone(), value.clone())).collect();
    fields.extend(diff::diff_tags(&own, &BTreeMap::new(), &Secrets::default()));
    fields
}
