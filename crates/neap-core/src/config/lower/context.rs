//! What lowering carries along: the file, what has been lowered of it, and the mistakes so far.
//!
//! Decides how a resource gets its name, tags and reason. Must not know any kind's own fields.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::place::{Place, Report};
use super::references::Use;
use super::routes::{self, Routes};
use super::tags;
use crate::address::{Address, Kind, is_name};
use crate::config::shape::{StackFile, VpcSelector};
use crate::config::{LocalFiles, Mistake};
use crate::desired::{DesiredResource, Implied, Network, TAG_PROTECT};
use crate::files::Folder;
use crate::kinds::Resource;
use crate::naming;

/// How many mistakes are enough.
const HOPELESS: usize = 200;

/// Everything that lowering carries along.
pub(super) struct Lowering<'file> {
    /// The stack file.
    pub(super) file: &'file StackFile,
    /// The stack's name, with the environment.
    pub(super) stack: &'file str,
    /// The stack's region, where the file or the command line names one.
    pub(super) region: Option<&'file str>,
    /// What stands in the folders that the file names, if anybody has looked.
    pub(super) folders: Option<&'file BTreeMap<String, Folder>>,
    /// The files that the file names, if anybody has looked.
    pub(super) files: Option<&'file LocalFiles>,
    /// Which listeners and rules forward to which target group.
    pub(super) routes: Routes<'file>,
    /// The tasks that a service with `exec` runs.
    pub(super) shells: BTreeSet<&'file str>,
    /// What has been lowered.
    pub(super) resources: BTreeMap<Address, DesiredResource>,
    /// Every reference that the user wrote.
    pub(super) uses: Vec<Use>,
    mistakes: Vec<Mistake>,
}

/// What the tables of all kinds have in common.
pub(super) struct Common<'file> {
    /// The user's tags.
    pub(super) tags: &'file BTreeMap<String, String>,
    /// Whether plans that delete it are refused.
    pub(super) protect: bool,
    /// The name that the user chose.
    pub(super) name: Option<&'file str>,
}

impl<'file> Lowering<'file> {
    pub(super) fn new(
        file: &'file StackFile,
        stack: &'file str,
        region: Option<&'file str>,
        folders: Option<&'file BTreeMap<String, Folder>>,
        files: Option<&'file LocalFiles>,
    ) -> Self {
        let shells =
            file.service.values().filter(|service| service.exec).map(|service| service.task.as_str());
        Self {
            file,
            stack,
            region,
            folders,
            files,
            routes: routes::of(file),
            shells: shells.collect(),
            resources: BTreeMap::new(),
            uses: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    /// Reports a mistake at `place`.
    pub(super) fn report(&mut self, place: &Place, message: impl Into<String>) -> Report<'_> {
        self.mistakes.push(Mistake {
            path: place.path().to_vec(),
            message: message.into(),
            label: None,
            help: Vec::new(),
            on_key: false,
        });
        Report(self.mistakes.last_mut().expect("one was just pushed"))
    }

    /// How many mistakes there are so far.
    pub(super) const fn mistakes(&self) -> usize {
        self.mistakes.len()
    }

    /// Whether there are more mistakes than anyone is told, so that looking for the nearest name of each one that
    /// is left would only take time.
    pub(super) const fn is_hopeless(&self) -> bool {
        self.mistakes.len() > HOPELESS
    }

    /// The resources, if there was no mistake.
    pub(super) fn finish(self) -> Result<BTreeMap<Address, DesiredResource>, Vec<Mistake>> {
        if self.mistakes.is_empty() { Ok(self.resources) } else { Err(self.mistakes) }
    }

    /// The VPC that the stack lives in.
    pub(super) fn network(&self) -> Network {
        if let Some(cidr) = &self.file.network.cidr {
            return Network::Own(cidr.clone());
        }
        match &self.file.network.vpc {
            None => Network::Default,
            Some(VpcSelector::Id(id)) => Network::Id(id.clone()),
            Some(VpcSelector::Named(name)) => Network::Name(name.name.clone()),
        }
    }

    /// The place and address of the resource `name` of `kind`, whose own name is checked.
    pub(super) fn begin(&mut self, kind: Kind, name: &str) -> (Place, Address) {
        let place = Place::of(kind.as_str(), name);
        self.check_key(&place, name);
        (place, Address::new(kind, name))
    }

    /// Checks a name that stands as a key.
    pub(super) fn check_key(&mut self, place: &Place, name: &str) {
        if !is_name(name) {
            self.report(place, format!("`{name}` cannot be a name"))
                .on_key()
                .help("names have lower-case letters, digits, `-` and `_`, at most 40 of them");
        }
    }

    /// The name that AWS gets for a resource that may be replaced under the same name.
    pub(super) fn plain_name(
        &mut self,
        kind: Kind,
        place: &Place,
        name: &str,
        chosen: Option<&str>,
    ) -> String {
        let made = naming::plain(kind, self.stack, name);
        self.chosen_or_made(kind, place, chosen, made)
    }

    /// The name that AWS gets for a resource whose replacement stands beside it; `immutable` are the fields that
    /// make it another one.
    pub(super) fn replaceable_name(
        &mut self,
        kind: Kind,
        place: &Place,
        common: &Common<'_>,
        immutable: &Value,
    ) -> String {
        let name = place.path().last().map_or("", String::as_str);
        let made = naming::replaceable(kind, self.stack, name, immutable);
        self.chosen_or_made(kind, place, common.name, made)
    }

    fn chosen_or_made(&mut self, kind: Kind, place: &Place, chosen: Option<&str>, made: String) -> String {
        let Some(chosen) = chosen else {
            if let Some(refusal) = naming::refusal(kind, &made) {
                self.report(place, format!("its name would be `{made}`, which {refusal}"))
                    .on_key()
                    .help("rename it, or give it a `name` of its own");
            }
            return made;
        };
        let place = place.at("name");
        if self.plain(&place, chosen)
            && let Some(refusal) = naming::refusal(kind, chosen)
        {
            self.report(&place, format!("`{chosen}` {refusal}"));
        }
        chosen.to_owned()
    }

    /// The KMS key that a table names.
    pub(super) fn kms_key(&mut self, place: &Place, key: Option<&str>) -> Option<String> {
        let place = place.at("kms_key");
        let key = self.text(&place, key?);
        if !key.starts_with("arn:") && !key.starts_with("${") {
            self.report(&place, format!("`{key}` is not the ARN of a key"))
                .help("ARNs of keys read like `arn:aws:kms:eu-west-1:123456789012:key/…`");
        }
        Some(key)
    }

    /// Adds a resource that the user declared.
    pub(super) fn declare(
        &mut self,
        address: Address,
        place: &Place,
        common: &Common<'_>,
        resource: impl Into<Resource>,
    ) {
        let mut tags = tags::of(self, &address, Some((place, common.tags)));
        let delete_first = common.name.is_some();
        let protect = common.protect;
        if protect && address.kind().takes_tags() {
            tags.insert(TAG_PROTECT.to_owned(), "true".to_owned());
        }
        let (after, owned_elsewhere) = (BTreeSet::new(), BTreeSet::new());
        let resource = resource.into();
        let desired =
            DesiredResource { resource, tags, implied: None, protect, delete_first, owned_elsewhere, after };
        self.resources.insert(address, desired);
    }

    /// Adds a resource that `by` cannot live without, unless the user declared one in its place.
    pub(super) fn imply(
        &mut self,
        address: Address,
        by: &Address,
        reason: impl Into<String>,
        resource: impl Into<Resource>,
    ) {
        if let Some(present) = self.resources.get(&address) {
            if let Some(other) = present.implied.as_ref().filter(|implied| implied.by != *by) {
                let message = format!("`{by}` and `{}` both imply `{address}`", other.by);
                let place = Place::of(by.kind().as_str(), by.name());
                self.report(&place, message).on_key().help("rename one of the two");
            }
            return;
        }
        let implied = Some(Implied { by: by.clone(), reason: reason.into() });
        let tags = tags::of(self, &address, None);
        let desired = DesiredResource {
            resource: resource.into(),
            tags,
            implied,
            protect: false,
            delete_first: false,
            owned_elsewhere: BTreeSet::new(),
            after: BTreeSet::new(),
        };
        self.resources.insert(address, desired);
    }
}
