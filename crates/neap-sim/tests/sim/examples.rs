//! The stacks that the repository shows: AWS's rules accept every resource as it is lowered, without a planner's help.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use neap_core::address::{Address, Kind};
use neap_core::config::{Options, Source, load, local_files};
use neap_core::desired::{Desired, DesiredResource};
use neap_core::kinds::{Resource, SecurityGroup};
use neap_core::live::{Environment, Live, Outputs, Phase, Reading};
use neap_core::ownership::Owned;
use neap_core::reference::{Fact, Reference, Resolved, substitute_in};
use neap_engine::cloud::Cloud;
use neap_sim::Sim;
use serde_json::Value;

use crate::stack::{must_create, resource, until_gone, until_ready};

/// The stack files of the root and of every example.
fn stacks() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let examples = fs::read_dir(root.join("examples")).expect("examples");
    let mut folders: Vec<PathBuf> = examples.map(|entry| entry.expect("a folder").path()).collect();
    folders.push(root);
    folders.into_iter().map(|folder| folder.join("stack.toml")).filter(|file| file.exists()).collect()
}

fn lowered(file: &Path) -> Desired {
    let bytes = fs::read(file).expect("a stack file");
    let source = Source { name: "stack.toml", bytes: &bytes };
    let secret = [("password".to_owned(), "hunter2".to_owned())].into();
    let read = |path: String| {
        let bytes = fs::read(file.with_file_name(&path)).map_err(|error| error.to_string());
        (path, bytes)
    };
    let mut options = Options { environment_variables: secret, ..Options::default() };
    options.files = Some(local_files(&source, &options).into_iter().map(read).collect());
    load(&source, &options).unwrap_or_else(|mistakes| panic!("{}: {mistakes:?}", file.display())).desired
}

/// The resource with every reference that has a value replaced by it.
fn resolved(
    desired: &DesiredResource,
    environment: &Environment,
    known: &BTreeMap<Address, Outputs>,
) -> DesiredResource {
    let one = |value: Option<&String>| value.map_or(Resolved::Unknown, |value| Resolved::One(value.clone()));
    let resolve = |reference: &Reference| match reference {
        Reference::Output(address, output) => one(known.get(address).and_then(|outputs| outputs.get(output))),
        Reference::Secret(name) => one(environment.secrets.get(name)),
        Reference::Zone(zone) => one(environment.zones.get(&zone.to_string())),
        Reference::Variable(_) => Resolved::One("sensitive".to_owned()),
        Reference::Fact(Fact::Account) => one(Some(&environment.account)),
        Reference::Fact(Fact::Region) => one(Some(&environment.region)),
        Reference::Fact(Fact::Partition) => one(Some(&environment.partition)),
        Reference::Fact(Fact::Vpc) => one(environment.vpc.as_ref()),
        Reference::Fact(Fact::Subnets) => Resolved::Many(environment.subnets.clone()),
        Reference::Fact(Fact::Zone(number)) => one(environment.zone(*number)),
        Reference::Fact(Fact::CloudfrontOrigins) => one(environment.cloudfront_origins.as_ref()),
        Reference::Fact(Fact::EcsImage(processor) | Fact::NewestEcsImage(processor)) => {
            one(environment.images.get(processor.as_str()))
        }
    };
    DesiredResource {
        resource: substitute_in(&desired.resource, &resolve).expect("fields"),
        tags: substitute_in(&desired.tags, &resolve).expect("tags"),
        ..desired.clone()
    }
}

/// Creates a stack, kind by kind as far as references let it, and answers with the resources as they were sent, in that order.
async fn create(sim: &Sim, desired: &Desired) -> Vec<(Address, DesiredResource)> {
    let environment = sim.read(desired).await.expect("a reading").environment;
    let mut known: BTreeMap<Address, Outputs> = BTreeMap::new();
    let mut sent = Vec::new();
    let mut waiting: Vec<&Address> = desired.resources.keys().collect();
    while !waiting.is_empty() {
        let before = waiting.len();
        let mut later = Vec::new();
        for address in waiting {
            let resource = resolved(&desired.resources[address], &environment, &known);
            if resource.references().is_empty() {
                let outputs = must_create(sim, &resource).await;
                until_ready(sim, &resource, &outputs).await.unwrap_or_else(|why| panic!("{address}: {why}"));
                known.insert(address.clone(), outputs);
                sent.push((address.clone(), resource));
            } else {
                later.push(address);
            }
        }
        assert!(later.len() < before, "{later:?} refer to what never comes");
        waiting = later;
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn every_example_is_accepted_read_back_and_deleted() {
    assert!(stacks().len() >= 4, "{:?}", stacks());
    for file in stacks() {
        let desired = lowered(&file);
        let sim = Sim::in_memory();
        let sent = create(&sim, &desired).await;
        let live = sim.read(&desired).await.expect("a reading");
        assert_eq!((live.orphans.as_slice(), live.failures.as_slice()), ([].as_slice(), [].as_slice()));
        for (address, resource) in &sent {
            let Reading::Present(found) = &live.readings[address] else {
                panic!("{address}: {:?}", live.readings[address]);
            };
            assert_eq!(found.phase, Phase::Ready, "{address}");
            let (mut found, wanted) = (found.resource.fields(), resource.resource.fields());
            if let (None, Some(fields)) = (wanted.get("container_insights"), found.as_object_mut()) {
                fields.shift_remove("container_insights");
            }
            let mut wanted = objects_tell(&mut found, wanted);
            if resource.owned_elsewhere.contains(&Owned::Weights) && address.kind() != Kind::Service {
                // ECS has shifted its traffic.
                for fields in [&mut found, &mut wanted] {
                    let action = fields.get_mut(if address.kind() == Kind::Rule {
                        "action"
                    } else {
                        "default_action"
                    });
                    action.and_then(Value::as_object_mut).expect("an action").shift_remove("target_groups");
                }
            }
            assert_eq!(found, wanted, "{}: {address}", file.display());
        }
        delete(&sim, &live, &sent).await;
        assert_eq!(sim.resources(), []);
    }
}

/// Neither objects nor distributions tell from which folder they came, and a desired note is not known before it is taken.
fn objects_tell(found: &mut Value, mut wanted: Value) -> Value {
    for fields in [found, &mut wanted] {
        let Some(members) = fields.as_object_mut() else { continue };
        members.shift_remove("folder");
        let sites = members.get_mut("sites").and_then(Value::as_object_mut).into_iter();
        for site in sites.flat_map(|sites| sites.values_mut()).filter_map(Value::as_object_mut) {
            site.shift_remove("note");
        }
    }
    wanted
}

/// Deletes everything in the reverse order of its creation. Security groups name each other, so they lose their rules first.
async fn delete(sim: &Sim, live: &Live, sent: &[(Address, DesiredResource)]) {
    for found in live.ours() {
        let Resource::SecurityGroup(fields) = &found.resource else { continue };
        let bare = SecurityGroup { ingress: [].into(), egress: [].into(), ..fields.clone() };
        let bare = resource(&found.address.to_string(), bare);
        sim.update(found, &bare, "").await.expect("no rules");
    }
    for (address, _) in sent.iter().rev() {
        for found in live.ours().filter(|found| found.address == *address) {
            until_gone(sim, found).await;
        }
    }
}
