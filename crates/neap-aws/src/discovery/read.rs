//! Reading namespaces and services, and telling whose each is.
//!
//! Decides which namespaces are looked into: those that are the stack's own, or have a name that it wants.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::{join_all, try_join_all};
use neap_core::address::{Address, Kind};
use neap_core::desired::Desired;
use neap_core::kinds::{DiscoveryService, Namespace};
use neap_core::live::{LiveResource, is_marked};
use neap_core::reference::{self, Reference};
use neap_engine::cloud::CallError;

use super::{namespace, service, services};
use crate::client::Aws;
use crate::found::{Found, address_of, if_there};
use crate::remote::declared;

/// A namespace with what is in it.
#[derive(Debug)]
struct Place {
    namespace: namespace::Seen,
    services: Vec<service::Seen>,
}

/// The namespaces that may concern the stack.
#[derive(Debug)]
pub(crate) struct Names(Result<Vec<Place>, CallError>);

/// Reads the namespaces of the account, and what is in those that may concern the stack.
pub(crate) async fn read(aws: &Aws, desired: &Desired) -> Names {
    let names: BTreeSet<&str> =
        declared::<Namespace>(desired).map(|(_, namespace)| namespace.name.as_str()).collect();
    let known: BTreeSet<&str> = desired.known_as.values().map(String::as_str).collect();
    let look = async |summary| {
        // Whatever another run deletes between the listing and a look is gone, and no mistake.
        let Some(seen) = if_there(namespace::seen(aws, summary).await)? else { return Ok(None) };
        let concerns = is_marked(Kind::Namespace, &seen.tags, &desired.stack)
            || names.contains(seen.summary.name().unwrap_or_default())
            || known.contains(seen.id());
        if !concerns {
            return Ok(None);
        }
        let inside = services(aws, seen.id()).await?.into_iter();
        let looks = inside.map(|summary| async { if_there(service::seen(aws, summary).await) });
        let services = try_join_all(looks).await?.into_iter().flatten().collect();
        Ok::<_, CallError>(Some(Place { namespace: seen, services }))
    };
    let places = async {
        let listed = super::namespaces(aws).await?;
        let places: Result<Vec<_>, CallError> =
            join_all(listed.into_iter().map(look)).await.into_iter().collect();
        Ok(places?.into_iter().flatten().collect())
    };
    Names(places.await)
}

/// Which of them stands at which address, in a stack that lives in the VPC `vpc`.
pub(crate) fn claim(names: &Names, desired: &Desired, vpc: Option<&str>) -> Found {
    let mut found = Found::new(&desired.stack);
    let places = match &names.0 {
        Ok(places) => places,
        Err(error) => {
            // Any of them may be the stack's.
            found.unlistable::<Namespace>(desired, error);
            found.unlistable::<DiscoveryService>(desired, error);
            return found;
        }
    };
    let mut taken: BTreeSet<&str> = BTreeSet::new();
    let mut ids: BTreeMap<&Address, &str> = BTreeMap::new();
    for (address, wanted) in declared::<Namespace>(desired) {
        let Some(place) = choose(places, desired, address, wanted, vpc) else { continue };
        ids.insert(address, place.namespace.id());
        taken.insert(place.namespace.id());
        found.claim(address, place.namespace.live(address, vpc));
    }
    for (address, wanted) in declared::<DiscoveryService>(desired) {
        let inside = in_namespace(&wanted.namespace, &ids);
        let place = places.iter().find(|place| Some(place.namespace.id()) == inside);
        let services = place.map_or(&[][..], |place| &place.services);
        let known = desired.known_as.get(address).map(String::as_str);
        let is_it = |seen: &&service::Seen| match known {
            Some(id) => seen.summary.id() == Some(id),
            None => seen.summary.name() == Some(&wanted.name),
        };
        if let Some((seen, namespace)) = services.iter().find(is_it).zip(inside) {
            taken.insert(seen.summary.id().unwrap_or_default());
            found.claim(address, seen.live(address, namespace));
        }
    }
    for place in places {
        let namespace = place.namespace.id();
        let own = address_of(&place.namespace.tags, None).filter(|_| !taken.contains(namespace));
        stray(&mut found, own.map(|address| place.namespace.live(&address, vpc)));
        for seen in &place.services {
            let is_taken = taken.contains(seen.summary.id().unwrap_or_default());
            let own = address_of(&seen.tags, None).filter(|_| !is_taken);
            stray(&mut found, own.map(|address| seen.live(&address, namespace)));
        }
    }
    found.rest_absent::<Namespace>(desired);
    found.rest_absent::<DiscoveryService>(desired);
    found
}

fn stray(found: &mut Found, live: Option<LiveResource>) {
    if let Some(live) = live {
        found.stray(live);
    }
}

/// The namespace that stands at `address`: that of the id by which it is looked for; of those with the name the stack's own; or
/// else one that is in the way, since it is for the same VPC, or for all where there is no DNS.
fn choose<'a>(
    places: &'a [Place],
    desired: &Desired,
    address: &Address,
    wanted: &Namespace,
    vpc: Option<&str>,
) -> Option<&'a Place> {
    if let Some(id) = desired.known_as.get(address) {
        return places.iter().find(|place| place.namespace.id() == id);
    }
    let alike = |place: &&Place| {
        let summary = &place.namespace.summary;
        summary.name() == Some(&wanted.name)
            && summary.r#type().is_some_and(|sort| sort.as_str() == wanted.sort)
    };
    let is_own = |place: &&Place| {
        let tags = &place.namespace.tags;
        is_marked(Kind::Namespace, tags, &desired.stack) && address_of(tags, None).as_ref() == Some(address)
    };
    let in_the_way = |place: &&Place| {
        !wanted.has_dns() || place.namespace.vpcs.iter().any(|known| vpc == Some(known.as_str()))
    };
    let alike: Vec<&Place> = places.iter().filter(alike).collect();
    alike.iter().find(|place| is_own(place)).or_else(|| alike.iter().find(|place| in_the_way(place))).copied()
}

/// The id of the namespace that a service names: by reference to one that was found, or as it is.
fn in_namespace<'a>(text: &'a str, ids: &BTreeMap<&Address, &'a str>) -> Option<&'a str> {
    let referred = reference::in_text(text).into_iter().find_map(|reference| match reference {
        Reference::Output(address, _) => Some(ids.get(&address).copied()),
        _ => None,
    });
    referred.unwrap_or(Some(text))
}

#[cfg(test)]
mod tests {
    use aws_sdk_servicediscovery::types as sdk;
    use neap_core::kinds::KindOf;

    use super::*;

    fn place(id: &str, sort: sdk::NamespaceType, vpc: &str, stack: Option<&str>) -> Place {
        let summary = sdk::NamespaceSummary::builder().id(id).name("shop.internal").r#type(sort).build();
        let pairs = stack.map(|stack| {
            [("neap:stack", stack), ("neap:address", "namespace.main")]
                .map(|(key, value)| (key.into(), value.into()))
        });
        let tags = pairs.map(BTreeMap::from).unwrap_or_default();
        let vpcs = if vpc.is_empty() { Vec::new() } else { vec![vpc.to_owned()] };
        Place { namespace: namespace::Seen { summary, tags, vpcs }, services: Vec::new() }
    }

    #[track_caller]
    fn check(places: &[Place], vpc: Option<&str>, expected: Option<&str>) {
        let desired = Desired { stack: "course".into(), ..Desired::default() };
        let address = "namespace.main".parse().expect("an address");
        let chosen = choose(places, &desired, &address, &Namespace::example(), vpc);
        assert_eq!(chosen.map(|place| place.namespace.id()), expected);
    }

    #[test]
    fn a_name_in_another_vpc_is_nobodys_business() {
        use sdk::NamespaceType::{DnsPrivate, Http};
        let all = || {
            vec![
                place("ns-1", DnsPrivate, "vpc-2", Some("other")),
                place("ns-2", Http, "", None),
                place("ns-3", DnsPrivate, "vpc-1", None),
            ]
        };
        check(&all(), Some("vpc-1"), Some("ns-3"));
        check(&all(), Some("vpc-9"), None);
        check(&all(), None, None);
        let mut own = all();
        own.push(place("ns-4", DnsPrivate, "vpc-9", Some("course")));
        check(&own, Some("vpc-1"), Some("ns-4"));
    }

    #[test]
    fn a_service_is_looked_for_where_its_namespace_was_found() {
        let address: Address = "namespace.main".parse().expect("an address");
        let ids = BTreeMap::from([(&address, "ns-1")]);
        assert_eq!(in_namespace("${namespace.main.id}", &ids), Some("ns-1"));
        assert_eq!(in_namespace("${namespace.other.id}", &ids), None);
        assert_eq!(in_namespace("ns-7", &ids), Some("ns-7"));
    }
}
