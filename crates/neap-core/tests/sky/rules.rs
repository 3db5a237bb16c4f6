//! What AWS refuses: a resource that names what is not there or has what another one has, and the delete of one that is in use.
//!
//! Decides by what is there now. Must not know plans.

use std::collections::BTreeSet;

use neap_core::address::{Address, Kind};
use neap_core::kinds::{BucketFiles, BucketPolicy, LaunchTemplate, Resource, ScalableTarget};
use neap_core::live::{LiveResource, Phase};
use neap_core::network;

use super::{Sky, place, strings};

/// The names of the alarms that set off what scales a service.
fn rings(target: &ScalableTarget) -> impl Iterator<Item = &String> {
    target.step_scaling.values().filter_map(|policy| policy.alarm.as_ref()).map(|alarm| &alarm.name)
}

impl Sky {
    /// Whether AWS would take `resource` now.
    pub(super) fn accepts(
        &self,
        address: &Address,
        resource: &Resource,
        old: Option<&str>,
    ) -> Result<(), String> {
        let others = || self.resources.iter().filter(|found| Some(found.id.as_str()) != old);
        let place = place(resource);
        if let Some(taken) = others().find(|found| place.is_some() && super::place(&found.resource) == place)
        {
            return Err(format!("{address}: {} has its name or place", taken.address));
        }
        let before = self.resources.iter().find(|found| Some(found.id.as_str()) == old);
        if let (Some(before), Kind::Alb | Kind::Clb) = (before, resource.kind())
            && self.vpcs(&before.resource) != self.vpcs(resource)
        {
            return Err(format!("{address}: InvalidSubnet"));
        }
        for arn in strings(&resource.fields()) {
            let ours = ["arn:made", "sg-", "id-"].iter().any(|made| arn.starts_with(made));
            if ours && !self.resources.iter().any(|found| found.outputs.values().any(|value| *value == arn)) {
                return Err(format!("{address}: {arn} does not exist"));
            }
        }
        match resource {
            Resource::Service(service) => self.accepts_service(address, service),
            Resource::Listener(_) | Resource::Rule(_) => {
                let alb = self.balancer(resource);
                for group in strings(&resource.fields()).filter(|arn| arn.contains("target_group")) {
                    let routes =
                        others().filter(|found| found.kind() == Kind::Listener || found.kind() == Kind::Rule);
                    let mut users =
                        routes.filter(|found| strings(&found.resource.fields()).any(|arn| arn == group));
                    if users.any(|found| self.balancer(&found.resource) != alb) {
                        return Err(format!("{address}: TargetGroupAssociationLimit {group}"));
                    }
                }
                Ok(())
            }
            Resource::ClusterCapacity(capacity) => self.has_ready(address, &capacity.cluster),
            Resource::DiscoveryService(service) => self.has_ready(address, &service.namespace),
            Resource::Clb(clb) => {
                let mut certificates = clb.listeners.values().filter_map(|it| it.certificate.as_ref());
                certificates.try_for_each(|arn| self.has_ready(address, arn))
            }
            Resource::NatGateway(gateway) => self.is_public(address, &gateway.subnet),
            Resource::ScalableTarget(target) => {
                let scales_another = others().find(|found| match &found.resource {
                    Resource::ScalableTarget(other) => {
                        rings(other).any(|alarm| rings(target).any(|it| it == alarm))
                    }
                    _ => false,
                });
                match scales_another {
                    Some(other) => Err(format!("{address}: an alarm scales {}", other.address)),
                    None => self.has_ready(address, &target.service),
                }
            }
            Resource::BucketPolicy(BucketPolicy { bucket, .. })
            | Resource::BucketFiles(BucketFiles { bucket, .. }) => self.has_ready(address, bucket),
            Resource::InstanceProfile(profile) => {
                profile.role.iter().try_for_each(|role| self.has_ready(address, role))
            }
            Resource::Cloudfront(site) => {
                let taken = others().find(|found| match &found.resource {
                    Resource::Cloudfront(other) => !other.aliases.is_disjoint(&site.aliases),
                    _ => false,
                });
                if let Some(taken) = taken {
                    return Err(format!("{address}: CNAMEAlreadyExists at {}", taken.address));
                }
                let certificate = site.certificate.iter().map(|certificate| &certificate.arn);
                let mut named = certificate.chain(site.default_behavior.functions.values());
                named.try_for_each(|arn| self.has_ready(address, arn))
            }
            Resource::AutoScalingGroup(group) => {
                let template = self.template(&group.launch_template).ok_or("no launch template")?;
                self.has_ready(address, &template.instance_profile)?;
                self.has_ready(address, &template.cluster)
            }
            _ => Ok(()),
        }
    }

    /// Whether what has this name is there, and more than on its way.
    fn has_ready(&self, address: &Address, name: &str) -> Result<(), String> {
        let named = |found: &LiveResource| found.outputs.values().any(|value| value == name);
        let leaving = |found: &LiveResource| matches!(found.phase, Phase::Deleting(_));
        let found = self.resources.iter().any(|found| named(found) && !leaving(found));
        if found { Ok(()) } else { Err(format!("{address}: {name} does not exist")) }
    }

    /// The networks of the stack that a resource's subnets are in.
    fn vpcs(&self, resource: &Resource) -> BTreeSet<&str> {
        let named: BTreeSet<String> = strings(&resource.fields()).collect();
        let within = self.resources.iter().filter(|found| named.contains(&found.id));
        let vpcs = within.filter_map(|found| match &found.resource {
            Resource::Subnet(subnet) => Some(subnet.vpc.as_str()),
            _ => None,
        });
        vpcs.collect()
    }

    /// Whether a subnet has a way to the internet (`Gateway.NotAttached`).
    fn is_public(&self, address: &Address, subnet: &str) -> Result<(), String> {
        let with_id = |id: &str| self.resources.iter().find(|found| found.id == id).map(|it| &it.resource);
        let table = match with_id(subnet) {
            Some(Resource::Subnet(subnet)) => subnet.route_table.as_deref().and_then(with_id),
            _ => None,
        };
        let attached =
            |id: &String| matches!(with_id(id), Some(Resource::InternetGateway(gateway)) if gateway.attached);
        match table {
            Some(Resource::RouteTable(table)) if table.routes.values().any(attached) => Ok(()),
            _ => Err(format!("{address}: Gateway.NotAttached")),
        }
    }

    fn template(&self, id: &str) -> Option<&LaunchTemplate> {
        self.resources.iter().find_map(|found| match &found.resource {
            Resource::LaunchTemplate(template) if found.outputs["id"] == id => Some(template),
            _ => None,
        })
    }

    /// Every text in a resource; in a group of instances, those in its template too.
    fn names_in(&self, found: &LiveResource) -> Vec<String> {
        let mut names: Vec<String> = strings(&found.resource.fields()).collect();
        if let Resource::AutoScalingGroup(group) = &found.resource
            && let Some(template) = self.template(&group.launch_template)
        {
            names.extend(strings(&Resource::from(template.clone()).fields()));
        }
        names
    }

    fn accepts_service(&self, address: &Address, service: &neap_core::kinds::Service) -> Result<(), String> {
        let cluster = self.resources.iter().find(|found| found.outputs.get("arn") == Some(&service.cluster));
        if cluster.is_none_or(|cluster| cluster.phase != Phase::Ready) {
            return Err(format!("{address}: ClusterNotFoundException"));
        }
        let named = service.classic.iter().map(|target| &target.load_balancer);
        let named = named.chain(service.connect.iter().map(|connect| &connect.namespace));
        let mut named = named.chain(service.registry.iter().map(|it| &it.registry));
        named.try_for_each(|name| self.has_ready(address, name))?;
        for target in &service.targets {
            let routes =
                self.resources.iter().filter(|found| matches!(found.kind(), Kind::Listener | Kind::Rule));
            let mut routes = routes.map(|found| found.resource.fields());
            if !routes.any(|fields| strings(&fields).any(|arn| arn == target.target_group)) {
                return Err(format!("{address}: the target group does not have an associated load balancer"));
            }
        }
        Ok(())
    }

    fn balancer(&self, resource: &Resource) -> Option<String> {
        match resource {
            Resource::Listener(listener) => Some(listener.load_balancer.clone()),
            Resource::Rule(rule) => {
                let of = |found: &&LiveResource| found.outputs.get("arn") == Some(&rule.listener);
                self.balancer(&self.resources.iter().find(of)?.resource)
            }
            _ => None,
        }
    }

    /// Deletes what has the id, if it is still there.
    pub(crate) fn delete(&mut self, id: &str) -> Result<(), String> {
        let Some(index) = self.resources.iter().position(|found| found.id == id) else { return Ok(()) };
        let names: Vec<String> = self.resources[index].outputs.values().cloned().collect();
        let (address, kind) = (self.resources[index].address.clone(), self.resources[index].kind());
        let used = |found: &&LiveResource| {
            let holds = match kind {
                Kind::SecurityGroup => matches!(
                    found.kind(),
                    Kind::Alb
                        | Kind::Nlb
                        | Kind::Clb
                        | Kind::Service
                        | Kind::SecurityGroup
                        | Kind::AutoScalingGroup
                        | Kind::VpcEndpoint
                ),
                Kind::TargetGroup => matches!(found.kind(), Kind::Listener | Kind::Rule),
                Kind::Cluster => matches!(found.kind(), Kind::Service | Kind::AutoScalingGroup),
                Kind::CapacityProvider => found.kind() == Kind::ClusterCapacity,
                Kind::Role => found.kind() == Kind::InstanceProfile,
                Kind::Bucket => found.kind() == Kind::BucketFiles,
                Kind::OriginAccessControl | Kind::Function => found.kind() == Kind::Cloudfront,
                Kind::Certificate => matches!(found.kind(), Kind::Cloudfront | Kind::Listener | Kind::Clb),
                // A classic load balancer AWS deletes, and nobody says what ECS does then.
                Kind::Clb | Kind::DiscoveryService => found.kind() == Kind::Service,
                Kind::Namespace => matches!(found.kind(), Kind::Service | Kind::DiscoveryService),
                Kind::Vpc => network::is_part(found.kind()) || found.kind() == Kind::SecurityGroup,
                Kind::RouteTable => found.kind() == Kind::Subnet,
                Kind::ElasticIp => found.kind() == Kind::NatGateway,
                Kind::Subnet => matches!(
                    found.kind(),
                    Kind::Alb
                        | Kind::Nlb
                        | Kind::Clb
                        | Kind::Service
                        | Kind::AutoScalingGroup
                        | Kind::NatGateway
                        | Kind::VpcEndpoint
                ),
                _ => false,
            };
            holds && found.id != id && self.names_in(found).iter().any(|text| names.contains(text))
        };
        if let Some(user) = self.resources.iter().find(used) {
            return Err(format!("{address}: ResourceInUse by {}", user.address));
        }
        let gone = self.resources.remove(index).outputs;
        self.resources.retain(|found| match &found.resource {
            Resource::Listener(listener) => gone.get("arn") != Some(&listener.load_balancer),
            Resource::ClusterCapacity(capacity) => gone.get("arn") != Some(&capacity.cluster),
            Resource::BucketPolicy(policy) => {
                kind != Kind::Bucket || gone.get("name") != Some(&policy.bucket)
            }
            _ => true,
        });
        let listeners: BTreeSet<String> =
            self.resources.iter().filter_map(|found| found.outputs.get("arn").cloned()).collect();
        self.resources.retain(|found| match &found.resource {
            Resource::Rule(rule) => listeners.contains(&rule.listener),
            _ => true,
        });
        Ok(())
    }
}
