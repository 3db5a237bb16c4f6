//! Namespaces of Cloud Map, and the services in those that are tagged as the stack's.

use aws_sdk_servicediscovery::types as sdk;
use neap_core::pricing::{Charge, Usage};
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, is_tagged, tags};
use crate::client::Aws;
use crate::error::{failed, incomplete};

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    let listed = part.take(list(aws).await);
    let answers = each(&listed, async |it| tags_of(aws, it.arn().unwrap_or_default()).await).await;
    for (namespace, answer) in listed.iter().zip(answers) {
        let id = namespace.id().unwrap_or_default();
        let mut seen = Seen::new(Thing::Namespace, id, namespace.name().unwrap_or_default());
        seen.tags = part.take(answer);
        let properties = namespace.properties().and_then(sdk::NamespaceProperties::dns_properties);
        if properties.is_some_and(|dns| dns.hosted_zone_id().is_some()) {
            seen.usage = vec![Usage::of(Charge::HostedZone, 1.0)];
        }
        part.seen.push(seen);
    }
    let own: Vec<String> =
        part.seen.iter().filter(|seen| is_tagged(scope, &seen.tags)).map(|seen| seen.id.clone()).collect();
    let inside = each(&own, async |namespace| services(aws, namespace).await).await;
    for (namespace, answer) in own.iter().zip(inside) {
        let services = part.take(answer);
        let answers = each(&services, async |it| tags_of(aws, it.arn().unwrap_or_default()).await).await;
        for (service, answer) in services.iter().zip(answers) {
            let id = service.id().unwrap_or_default();
            let mut seen = Seen::new(Thing::DiscoveryService, id, service.name().unwrap_or_default());
            seen.tags = part.take(answer);
            seen.within = Some(namespace.clone());
            part.seen.push(seen);
        }
    }
    part
}

async fn list(aws: &Aws) -> Result<Vec<sdk::NamespaceSummary>, CallError> {
    const OPERATION: &str = "servicediscovery:ListNamespaces";
    let mut listed = Vec::new();
    let mut next = None;
    loop {
        // What other accounts share is nobody's here.
        let own =
            sdk::NamespaceFilter::builder().name(sdk::NamespaceFilterName::ResourceOwner).values("SELF");
        let own = own.build().map_err(|_| incomplete(OPERATION, "Filters"))?;
        let answer = aws.names.list_namespaces().filters(own).set_next_token(next).send().await;
        let answer = answer.map_err(failed(OPERATION))?;
        listed.extend(answer.namespaces.unwrap_or_default());
        next = answer.next_token;
        if next.is_none() {
            return Ok(listed);
        }
    }
}

async fn services(aws: &Aws, namespace: &str) -> Result<Vec<sdk::ServiceSummary>, CallError> {
    const OPERATION: &str = "servicediscovery:ListServices";
    let mut listed = Vec::new();
    let mut next = None;
    loop {
        let filter =
            sdk::ServiceFilter::builder().name(sdk::ServiceFilterName::NamespaceId).values(namespace);
        let filter = filter.build().map_err(|_| incomplete(OPERATION, "Filters"))?;
        let answer = aws.names.list_services().filters(filter).set_next_token(next).send().await;
        let answer = answer.map_err(failed(OPERATION))?;
        listed.extend(answer.services.unwrap_or_default());
        next = answer.next_token;
        if next.is_none() {
            return Ok(listed);
        }
    }
}

async fn tags_of(aws: &Aws, arn: &str) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = aws.names.list_tags_for_resource().resource_arn(arn).send().await;
    let answer = answer.map_err(failed("servicediscovery:ListTagsForResource"))?;
    Ok(tags(answer.tags().iter().map(|tag| (tag.key(), tag.value()))))
}
