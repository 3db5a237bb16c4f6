//! What references stand for while a plan is made.
//!
//! Knows facts of the account and the outputs that are certain already; everything else stays a reference. Must
//! not decide what happens to a resource.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::address::Address;
use crate::desired::DesiredResource;
use crate::kinds::Resource;
use crate::live::{Environment, Outputs};
use crate::reference::{self, Fact, Reference, Resolved};

/// The values that are known so far.
pub(super) struct Known<'a> {
    environment: &'a Environment,
    outputs: BTreeMap<Address, Outputs>,
}

impl<'a> Known<'a> {
    /// Facts alone.
    pub(super) const fn new(environment: &'a Environment) -> Self {
        Self { environment, outputs: BTreeMap::new() }
    }

    /// Takes the outputs of the resource at `address` for certain.
    pub(super) fn learn(&mut self, address: &Address, outputs: Outputs) {
        self.outputs.insert(address.clone(), outputs);
    }

    /// `wanted` with everything filled in that is known.
    pub(super) fn fill(&self, wanted: &DesiredResource) -> DesiredResource {
        let fields = self.fill_value(&wanted.resource.fields());
        let resource = Resource::from_fields(wanted.resource.kind(), fields);
        let tags = wanted.tags.iter().map(|(key, value)| (key.clone(), self.fill_text(value)));
        DesiredResource {
            resource: resource.expect("strings stay strings, and lists lists, when references are filled in"),
            tags: tags.collect(),
            implied: wanted.implied.clone(),
            protect: wanted.protect,
            delete_first: wanted.delete_first,
            owned_elsewhere: wanted.owned_elsewhere.clone(),
            after: wanted.after.clone(),
        }
    }

    /// `text` with everything filled in that is known.
    pub(super) fn fill_text(&self, text: &str) -> String {
        reference::substitute_text(&reference::escaped(text), &|reference| self.resolve(reference))
    }

    fn fill_value(&self, value: &Value) -> Value {
        reference::substitute(&reference::escaped_in(value), &|reference| self.resolve(reference))
    }

    /// What `reference` stands for.
    pub(super) fn resolve(&self, reference: &Reference) -> Resolved {
        let one = |value: Option<&String>| value.cloned().map_or(Resolved::Unknown, Resolved::One);
        match reference {
            Reference::Output(address, output) => {
                one(self.outputs.get(address).and_then(|outputs| outputs.get(output)))
            }
            Reference::Secret(name) => one(self.environment.secrets.get(name)),
            Reference::Zone(zone) => one(self.environment.zones.get(&zone.to_string())),
            Reference::Variable(_) => Resolved::Unknown,
            Reference::Fact(Fact::Account) => Resolved::One(self.environment.account.clone()),
            Reference::Fact(Fact::Region) => Resolved::One(self.environment.region.clone()),
            Reference::Fact(Fact::Partition) => Resolved::One(self.environment.partition.clone()),
            Reference::Fact(Fact::Vpc) => one(self.environment.vpc.as_ref()),
            Reference::Fact(Fact::Subnets) if self.environment.subnets.is_empty() => Resolved::Unknown,
            Reference::Fact(Fact::Subnets) => Resolved::Many(self.environment.subnets.clone()),
            Reference::Fact(Fact::Zone(number)) => one(self.environment.zone(*number)),
            Reference::Fact(Fact::CloudfrontOrigins) => one(self.environment.cloudfront_origins.as_ref()),
            Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => {
                one(self.environment.images.get(processor.as_str()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        Environment {
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            partition: "aws".into(),
            vpc: Some("vpc-1".into()),
            subnets: vec!["subnet-1".into(), "subnet-2".into()],
            subnets_private: false,
            secrets: [("db".to_owned(), "arn:db".to_owned())].into(),
            images: [("arm64".to_owned(), "ami-1".to_owned())].into(),
            named: [].into(),
            cloudfront_origins: Some("pl-1".into()),
            zones: [("zone.example.com".to_owned(), "Z1".to_owned())].into(),
            private_zones: [].into(),
            certificates: BTreeMap::new(),
            availability_zones: vec!["eu-west-1a".into()],
            taken_buckets: [].into(),
        }
    }

    fn check(text: &str, expected: &str) {
        let environment = environment();
        let mut known = Known::new(&environment);
        let address: Address = "security_group.web".parse().expect("an address");
        known.learn(&address, [("id".to_owned(), "sg-1".to_owned())].into());
        assert_eq!(known.fill_text(text), expected);
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_stays() {
        check("${aws.partition}:${aws.region}:${aws.account}", "aws:eu-west-1:123456789012");
        check("${network.vpc}", "vpc-1");
        check("${secret.db}${secret.none}", "arn:db${secret.none}");
        check("${security_group.web.id}", "sg-1");
        check("${security_group.web.arn} ${alb.public.arn}", "${security_group.web.arn} ${alb.public.arn}");
        check("${var.pass}", "${var.pass}");
        check("${zone.example.com}${zone_for.example.com}", "Z1${zone_for.example.com}");
        check("${aws.cloudfront_origins}", "pl-1");
        check("${network.zone.1} ${network.zone.2}", "eu-west-1a ${network.zone.2}");
        check("${aws.ecs_image.arm64} ${aws.ecs_image.x86_64}", "ami-1 ${aws.ecs_image.x86_64}");
    }

    #[test]
    fn escapes_last_until_the_plan_is_carried_out() {
        check("$${aws.region}", "$${aws.region}");
        check("a$${var.pass}${aws.region}", "a$${var.pass}eu-west-1");
        check("${aws:username}", "${aws:username}");
    }
}
