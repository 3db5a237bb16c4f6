//! What is known of the values that references stand for, while a plan is carried out.
//!
//! Decides which value a reference has at this moment. Must not know when steps start.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use neap_core::address::{Address, Kind};
use neap_core::config::Secrets;
use neap_core::desired::DesiredResource;
use neap_core::kinds::Resource;
use neap_core::live::{Environment, LiveResource, Outputs};
use neap_core::outputs::computed;
use neap_core::plan::{Action, Plan};
use neap_core::reference::{self, Fact, Reference, Resolved};
use serde_json::Value;

/// The values known so far.
pub(crate) struct Known<'a> {
    environment: &'a Environment,
    secrets: &'a Secrets,
    /// Outputs that follow from names; they may be referred to before the resource exists.
    computed: BTreeMap<Address, Outputs>,
    /// All outputs of what exists.
    existing: BTreeMap<Address, Outputs>,
    /// What exists and gets other outputs by its step, so that those it has are not to be used.
    changing: BTreeSet<Address>,
}

impl<'a> Known<'a> {
    /// What is known before anything is done.
    pub(crate) fn new(plan: &'a Plan, secrets: &'a Secrets) -> Self {
        let environment = &plan.environment;
        let mut known = Self {
            environment,
            secrets,
            computed: BTreeMap::new(),
            existing: BTreeMap::new(),
            changing: BTreeSet::new(),
        };
        for change in &plan.changes {
            let Some(desired) = &change.desired else { continue };
            let address = &change.address;
            known.computed.insert(address.clone(), computed(&desired.resource, environment));
            let Some(live) = &change.live else { continue };
            if matches!(change.action, Action::NoOp | Action::Update) {
                known.remember(address, &live.resource, &live.outputs);
            }
            // An update of a task definition registers another revision, which has another ARN.
            if change.action == Action::Update && address.kind() == Kind::Task {
                known.changing.insert(address.clone());
            }
        }
        known
    }

    /// `desired` with every reference replaced by its value.
    ///
    /// # Errors
    ///
    /// Fails when a value is not known, or when the result is no longer a resource of its kind. The message
    /// names references, never values.
    pub(crate) fn resolve(&self, desired: &DesiredResource) -> Result<DesiredResource, String> {
        let unknown = RefCell::new(BTreeSet::new());
        let resolve = |reference: &Reference| {
            let resolved = self.value(reference);
            if resolved == Resolved::Unknown {
                unknown.borrow_mut().insert(format!("`${{{reference}}}`"));
            }
            resolved
        };
        let resolved = reference::substitute_in(desired, &resolve);
        let unknown: Vec<String> = unknown.into_inner().into_iter().collect();
        if !unknown.is_empty() {
            return Err(format!("no value is known for {}", unknown.join(", ")));
        }
        // The cause may quote a value, and that may be a secret.
        resolved.map_err(|_cause| "the fields do not fit once their references have values".to_owned())
    }

    /// `live` with the values of sensitive variables where a plan holds their names: whoever compares it with what is to be would
    /// find a difference in each.
    pub(crate) fn unmasked<'l>(&self, live: &'l LiveResource) -> Cow<'l, LiveResource> {
        let mut fields = live.resource.fields();
        if !self.put_back(&mut fields) {
            return Cow::Borrowed(live);
        }
        match Resource::from_fields(live.kind(), fields) {
            Ok(resource) => Cow::Owned(LiveResource { resource, ..live.clone() }),
            Err(_) => Cow::Borrowed(live),
        }
    }

    /// Whether anything was put back into `value`.
    fn put_back(&self, value: &mut Value) -> bool {
        match value {
            // Such a text stands as the stack file has it; any other is AWS's own, whatever it looks like.
            Value::String(text) => {
                let mut found = reference::in_text(text).into_iter();
                let is_masked = found.any(|reference| matches!(reference, Reference::Variable(_)));
                if is_masked {
                    *text = reference::substitute_text(text, &|reference| self.value(reference));
                }
                is_masked
            }
            // All of them, not only the first.
            Value::Array(items) => items.iter_mut().fold(false, |any, item| self.put_back(item) | any),
            Value::Object(members) => {
                members.values_mut().fold(false, |any, member| self.put_back(member) | any)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }

    /// `text` without the values of sensitive variables: AWS quotes what it does not like.
    pub(crate) fn redact(&self, text: String) -> String {
        self.secrets.redact(text)
    }

    /// Notes that the resource at `address` exists with these `outputs`, and returns all that it has.
    pub(crate) fn exists(
        &mut self,
        address: &Address,
        desired: &DesiredResource,
        outputs: &Outputs,
    ) -> &Outputs {
        self.changing.remove(address);
        self.remember(address, &desired.resource, outputs)
    }

    /// All outputs of the resource at `address`, if it exists.
    pub(crate) fn outputs(&self, address: &Address) -> Option<&Outputs> {
        self.existing.get(address)
    }

    /// The stack's outputs with their values; those whose resources do not exist are left out. Sensitive
    /// variables stay references.
    pub(crate) fn stack_outputs(&self, outputs: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let resolve = |text: &String| {
            let mut complete = true;
            for reference in reference::in_text(text) {
                complete &= matches!(reference, Reference::Variable(_))
                    || self.existing_value(&reference) != Resolved::Unknown;
            }
            complete.then(|| reference::substitute_text(text, &|reference| self.existing_value(reference)))
        };
        outputs.iter().filter_map(|(name, text)| Some((name.clone(), resolve(text)?))).collect()
    }

    /// All outputs of everything that exists.
    pub(crate) fn into_existing(self) -> BTreeMap<Address, Outputs> {
        self.existing
    }

    fn remember(&mut self, address: &Address, resource: &Resource, outputs: &Outputs) -> &Outputs {
        let all = self.existing.entry(address.clone()).or_default();
        all.extend(computed(resource, self.environment));
        all.extend(outputs.iter().map(|(name, value)| (name.clone(), value.clone())));
        all
    }

    /// The value for a call.
    fn value(&self, reference: &Reference) -> Resolved {
        match reference {
            Reference::Variable(name) => one(self.secrets.get(name)),
            Reference::Output(address, name) => {
                let existing = self.existing.get(address).filter(|_| !self.changing.contains(address));
                let found = existing.and_then(|outputs| outputs.get(name));
                one(found.or_else(|| self.computed.get(address)?.get(name)))
            }
            Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => self.fact(reference),
        }
    }

    /// The value for showing: nothing secret, nothing that does not exist.
    fn existing_value(&self, reference: &Reference) -> Resolved {
        match reference {
            Reference::Variable(_) => Resolved::Unknown,
            Reference::Output(address, name) => {
                one(self.existing.get(address).and_then(|outputs| outputs.get(name)))
            }
            Reference::Fact(_) | Reference::Secret(_) | Reference::Zone(_) => self.fact(reference),
        }
    }

    fn fact(&self, reference: &Reference) -> Resolved {
        let environment = self.environment;
        match reference {
            Reference::Fact(Fact::Account) => one(Some(&environment.account)),
            Reference::Fact(Fact::Region) => one(Some(&environment.region)),
            Reference::Fact(Fact::Partition) => one(Some(&environment.partition)),
            Reference::Fact(Fact::Vpc) => one(environment.vpc.as_ref()),
            Reference::Fact(Fact::Subnets) if !environment.subnets.is_empty() => {
                Resolved::Many(environment.subnets.clone())
            }
            Reference::Fact(Fact::Zone(number)) => one(environment.zone(*number)),
            Reference::Fact(Fact::CloudfrontOrigins) => one(environment.cloudfront_origins.as_ref()),
            Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => {
                one(environment.images.get(processor.as_str()))
            }
            Reference::Secret(name) => one(environment.secrets.get(name)),
            Reference::Zone(zone) => one(environment.zones.get(&zone.to_string())),
            Reference::Fact(Fact::Subnets) | Reference::Output(..) | Reference::Variable(_) => {
                Resolved::Unknown
            }
        }
    }
}

fn one(value: Option<impl Into<String>>) -> Resolved {
    value.map_or(Resolved::Unknown, |value| Resolved::One(value.into()))
}
