//! How a service's tasks are found by name, to and from the SDK's types: its registry, and Service Connect.
//!
//! Decides which members are sent and what absent ones mean. Must not make calls.

use aws_sdk_ecs::types as sdk;
use neap_core::kinds::{ConnectEndpoint, ConnectTls, ServiceConnect, ServiceRegistry};
use neap_engine::cloud::CallError;

use crate::ecs::{count, uncount};
use crate::error::incomplete;
use crate::task;

const CONNECT: &str = "ecs:serviceConnectConfiguration";

/// The registries of a service, of which AWS takes one.
pub(super) fn to_registries(registry: Option<&ServiceRegistry>) -> Vec<sdk::ServiceRegistry> {
    let one = |registry: &ServiceRegistry| {
        sdk::ServiceRegistry::builder()
            .registry_arn(&registry.registry)
            .set_container_name(registry.container.clone())
            .set_container_port(registry.port.map(i32::from))
            .build()
    };
    registry.into_iter().map(one).collect()
}

/// The registry of a service. A port may be registered without its container.
pub(super) fn from_registries(registries: &[sdk::ServiceRegistry]) -> Option<ServiceRegistry> {
    let first = registries.first()?;
    let port = first.container_port().or(first.port()).filter(|port| *port != 0);
    Some(ServiceRegistry {
        registry: first.registry_arn().unwrap_or_default().to_owned(),
        container: first.container_name().filter(|name| !name.is_empty()).map(str::to_owned),
        port: port.and_then(|port| u16::try_from(port).ok()),
    })
}

/// Service Connect as it is sent; switched off where there is none.
pub(super) fn to_connect(
    connect: Option<&ServiceConnect>,
) -> Result<sdk::ServiceConnectConfiguration, CallError> {
    let Some(connect) = connect else {
        return Ok(sdk::ServiceConnectConfiguration::builder().enabled(false).build());
    };
    let services = connect.serves.iter().map(to_endpoint).collect::<Result<Vec<_>, _>>()?;
    let logs = connect.logs.as_ref().map(task::to_logs).transpose();
    Ok(sdk::ServiceConnectConfiguration::builder()
        .enabled(true)
        .namespace(&connect.namespace)
        .set_services(Some(services).filter(|services| !services.is_empty()))
        .set_log_configuration(logs.map_err(|_| incomplete(CONNECT, "logDriver"))?)
        .build())
}

fn to_endpoint(
    (name, endpoint): (&String, &ConnectEndpoint),
) -> Result<sdk::ServiceConnectService, CallError> {
    let alias = sdk::ServiceConnectClientAlias::builder()
        .port(i32::from(endpoint.port))
        .dns_name(&endpoint.dns_name)
        .build()
        .map_err(|_| incomplete(CONNECT, "clientAliases"))?;
    let (idle, request) = (endpoint.idle_timeout_seconds, endpoint.request_timeout_seconds);
    let timeout = sdk::TimeoutConfiguration::builder()
        .set_idle_timeout_seconds(idle.map(count))
        .set_per_request_timeout_seconds(request.map(count))
        .build();
    sdk::ServiceConnectService::builder()
        .port_name(&endpoint.port_name)
        .discovery_name(name)
        .client_aliases(alias)
        .set_ingress_port_override(endpoint.ingress_port.map(i32::from))
        .set_timeout((idle.is_some() || request.is_some()).then_some(timeout))
        .set_tls(endpoint.tls.as_ref().map(to_tls))
        .build()
        .map_err(|_| incomplete(CONNECT, "portName"))
}

fn to_tls(tls: &ConnectTls) -> sdk::ServiceConnectTlsConfiguration {
    let authority =
        sdk::ServiceConnectTlsCertificateAuthority::builder().aws_pca_authority_arn(&tls.authority).build();
    sdk::ServiceConnectTlsConfiguration::builder()
        .issuer_certificate_authority(authority)
        .set_kms_key(tls.kms_key.clone())
        .set_role_arn(tls.role.clone())
        .build()
}

/// Service Connect as a service has it. AWS shows it with the deployment that brought it, and not with the service.
pub(super) fn from_deployments(deployments: &[sdk::Deployment]) -> Option<ServiceConnect> {
    let primary = deployments.iter().find(|deployment| deployment.status() == Some("PRIMARY"))?;
    let shown = primary.service_connect_configuration().filter(|shown| shown.enabled())?;
    Some(ServiceConnect {
        namespace: shown.namespace().unwrap_or_default().to_owned(),
        serves: shown.services().iter().map(from_endpoint).collect(),
        logs: shown.log_configuration().map(task::from_logs),
    })
}

/// An endpoint under its name in the namespace, which is that of its port where nobody chose one.
fn from_endpoint(service: &sdk::ServiceConnectService) -> (String, ConnectEndpoint) {
    let port = |number: i32| u16::try_from(number).ok();
    let name = service.discovery_name().unwrap_or(service.port_name()).to_owned();
    let alias = service.client_aliases().first();
    let endpoint = ConnectEndpoint {
        port_name: service.port_name().to_owned(),
        dns_name: alias.and_then(sdk::ServiceConnectClientAlias::dns_name).unwrap_or_default().to_owned(),
        port: alias.and_then(|alias| port(alias.port())).unwrap_or(0),
        ingress_port: service.ingress_port_override().and_then(port).filter(|port| *port != 0),
        idle_timeout_seconds: service.timeout().and_then(|it| it.idle_timeout_seconds()).map(uncount),
        request_timeout_seconds: service
            .timeout()
            .and_then(|it| it.per_request_timeout_seconds())
            .map(uncount),
        tls: service.tls().map(from_tls),
    };
    (name, endpoint)
}

fn from_tls(tls: &sdk::ServiceConnectTlsConfiguration) -> ConnectTls {
    let authority = tls.issuer_certificate_authority();
    ConnectTls {
        authority: authority.and_then(|it| it.aws_pca_authority_arn()).unwrap_or_default().to_owned(),
        kms_key: tls.kms_key().map(str::to_owned),
        role: tls.role_arn().map(str::to_owned),
    }
}

/// What AWS shows of a deployment of a service that is joined so, for tests.
#[cfg(test)]
pub(super) fn deployment(connect: Option<&ServiceConnect>) -> sdk::Deployment {
    let configuration = to_connect(connect).expect("a configuration");
    sdk::Deployment::builder().status("PRIMARY").service_connect_configuration(configuration).build()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use neap_core::kinds::{KindOf, Service};

    use super::*;

    #[test]
    fn what_is_joined_reads_back_as_it_was_sent() {
        let example = Service::example().connect;
        assert_eq!(from_deployments(&[deployment(example.as_ref())]), example);
        let client = example.map(|connect| ServiceConnect { serves: BTreeMap::new(), logs: None, ..connect });
        assert_eq!(from_deployments(&[deployment(client.as_ref())]), client);
    }

    #[test]
    fn a_service_that_was_switched_off_is_not_joined() {
        assert_eq!(from_deployments(&[deployment(None)]), None);
        assert_eq!(from_deployments(&[]), None);
    }

    #[test]
    fn a_registry_without_a_port_reads_back() {
        let plain = ServiceRegistry { registry: "arn:1".into(), container: None, port: None };
        assert_eq!(from_registries(&to_registries(Some(&plain))), Some(plain));
        assert_eq!(from_registries(&to_registries(None)), None);
    }
}
