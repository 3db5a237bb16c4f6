//! A service's fields to and from the SDK's types.
//!
//! Decides which members a service sends and what absent ones mean. Must not make calls.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::{
    AdvancedConfiguration, AssignPublicIp, AvailabilityZoneRebalancing, AwsVpcConfiguration,
    DeploymentCircuitBreaker, DeploymentConfiguration, DeploymentLifecycleHook,
    DeploymentLifecycleHookAction, DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType,
    DeploymentLifecycleHookTimeoutConfiguration, DeploymentStrategy, LaunchType, LoadBalancer,
    NetworkConfiguration, PropagateTags, SchedulingStrategy, Service as AwsService,
};
use neap_core::kinds::{Alternate, ClassicTarget, Deployment, Hook, Service, ServiceTarget, StrategyItem};
use neap_core::live::Outputs;
use neap_engine::cloud::CallError;

use super::connect;
use crate::cluster::from_strategy;
use crate::ecs::{count, uncount};
use crate::error::incomplete;
use crate::remote::outputs;

/// The load balancing of a service.
pub(super) fn to_balancers(service: &Service) -> Vec<LoadBalancer> {
    let classic = service.classic.iter().map(|target| {
        LoadBalancer::builder()
            .load_balancer_name(&target.load_balancer)
            .container_name(&target.container)
            .container_port(i32::from(target.port))
            .build()
    });
    let target = |target: &ServiceTarget| {
        LoadBalancer::builder()
            .target_group_arn(&target.target_group)
            .container_name(&target.container)
            .container_port(i32::from(target.port))
            .set_advanced_configuration(target.alternate.as_ref().map(to_advanced))
            .build()
    };
    service.targets.iter().map(target).chain(classic).collect()
}

/// The container that answers, and its port.
fn endpoint(balancer: &LoadBalancer) -> (String, u16) {
    let port = balancer.container_port().and_then(|port| u16::try_from(port).ok());
    (balancer.container_name().unwrap_or_default().to_owned(), port.unwrap_or(0))
}

fn to_advanced(alternate: &Alternate) -> AdvancedConfiguration {
    AdvancedConfiguration::builder()
        .alternate_target_group_arn(&alternate.target_group)
        .production_listener_rule(&alternate.production)
        .set_test_listener_rule(alternate.test.clone())
        .role_arn(&alternate.role)
        .build()
}

fn from_advanced(advanced: &AdvancedConfiguration) -> Alternate {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    Alternate {
        target_group: text(advanced.alternate_target_group_arn()),
        production: text(advanced.production_listener_rule()),
        test: advanced.test_listener_rule().map(ToOwned::to_owned),
        role: text(advanced.role_arn()),
    }
}

fn from_targets(balancers: &[LoadBalancer]) -> Vec<ServiceTarget> {
    let target = |balancer: &LoadBalancer| {
        let (container, port) = endpoint(balancer);
        ServiceTarget {
            target_group: balancer.target_group_arn().unwrap_or_default().to_owned(),
            container,
            port,
            alternate: balancer.advanced_configuration().map(from_advanced),
        }
    };
    balancers.iter().filter(|balancer| classic_name(balancer).is_none()).map(target).collect()
}

/// The name of a classic load balancer; the others are known by their target groups.
fn classic_name(balancer: &LoadBalancer) -> Option<&str> {
    balancer.load_balancer_name().filter(|name| !name.is_empty() && balancer.target_group_arn().is_none())
}

fn from_classic(balancers: &[LoadBalancer]) -> Option<ClassicTarget> {
    balancers.iter().find_map(|balancer| {
        let load_balancer = classic_name(balancer)?.to_owned();
        let (container, port) = endpoint(balancer);
        Some(ClassicTarget { load_balancer, container, port })
    })
}

/// Whether two services differ in where their tasks are attached.
pub(super) fn network_differs(before: &Service, after: &Service) -> bool {
    before.subnets != after.subnets
        || before.security_groups != after.security_groups
        || before.public_ip != after.public_ip
}

/// Where tasks are attached; none for network modes without interfaces of their own.
pub(super) fn to_network(service: &Service) -> Result<Option<NetworkConfiguration>, CallError> {
    if service.subnets.is_empty() {
        return Ok(None);
    }
    let public_ip = if service.public_ip { AssignPublicIp::Enabled } else { AssignPublicIp::Disabled };
    let configuration = AwsVpcConfiguration::builder()
        .set_subnets(Some(service.subnets.iter().cloned().collect()))
        .set_security_groups(Some(service.security_groups.iter().cloned().collect()))
        .assign_public_ip(public_ip)
        .build()
        .map_err(|_| incomplete("ecs:networkConfiguration", "subnets"))?;
    Ok(Some(NetworkConfiguration::builder().awsvpc_configuration(configuration).build()))
}

/// How a service is rolled out. What `before` has and it has no more is taken back by name.
pub(super) fn to_deployment(service: &Service, before: Option<&Service>) -> DeploymentConfiguration {
    let breaker = DeploymentCircuitBreaker::builder()
        .enable(service.circuit_breaker)
        .rollback(service.rollback)
        .build();
    let configuration = DeploymentConfiguration::builder()
        .minimum_healthy_percent(count(service.minimum_healthy_percent))
        .maximum_percent(count(service.maximum_percent))
        .deployment_circuit_breaker(breaker);
    let before = before.and_then(|before| before.deployment.as_ref());
    let had_hooks = before.is_some_and(|before| !before.hooks.is_empty());
    match &service.deployment {
        Some(deployment) => configuration
            .strategy(DeploymentStrategy::from(deployment.strategy.as_str()))
            .bake_time_in_minutes(count(deployment.bake_minutes))
            .set_lifecycle_hooks(
                Some(deployment.hooks.iter().map(to_hook).collect())
                    .filter(|hooks: &Vec<_>| had_hooks || !hooks.is_empty()),
            )
            .build(),
        None if before.is_some() => configuration
            .strategy(DeploymentStrategy::Rolling)
            .set_lifecycle_hooks(had_hooks.then(Vec::new))
            .build(),
        None => configuration.build(),
    }
}

fn to_hook(hook: &Hook) -> DeploymentLifecycleHook {
    let stages = hook.stages.iter().map(|stage| DeploymentLifecycleHookStage::from(stage.as_str()));
    DeploymentLifecycleHook::builder()
        .hook_target_arn(&hook.function)
        .role_arn(&hook.role)
        .set_lifecycle_stages(Some(stages.collect()))
        .build()
}

/// How new tasks take over; nothing where they do so one by one.
fn from_deployment(configuration: &DeploymentConfiguration) -> Option<Deployment> {
    let strategy = configuration.strategy().filter(|strategy| **strategy != DeploymentStrategy::Rolling)?;
    Some(Deployment {
        strategy: strategy.as_str().to_owned(),
        bake_minutes: configuration.bake_time_in_minutes().map_or(0, uncount),
        hooks: configuration.lifecycle_hooks().iter().map(from_hook).collect(),
    })
}

fn from_hook(hook: &DeploymentLifecycleHook) -> Hook {
    let pauses = hook.target_type() == Some(&DeploymentLifecycleHookTargetType::Pause);
    let others = [
        (pauses, "a pause"),
        (hook.hook_details().is_some(), "parameters"),
        (hook.timeout_configuration().is_some_and(is_limited), "a time limit"),
    ];
    let others: Vec<&str> = others.into_iter().filter_map(|(is, word)| is.then_some(word)).collect();
    Hook {
        function: hook.hook_target_arn().unwrap_or_default().to_owned(),
        role: hook.role_arn().unwrap_or_default().to_owned(),
        stages: hook.lifecycle_stages().iter().map(|stage| stage.as_str().to_owned()).collect(),
        other: (!others.is_empty()).then(|| others.join(" and ")),
    }
}

/// Whether it is another limit than ECS's own, a day and then back ("Lifecycle hooks for Amazon ECS service deployments").
fn is_limited(limit: &DeploymentLifecycleHookTimeoutConfiguration) -> bool {
    let usual = DeploymentLifecycleHookAction::Rollback;
    limit.timeout_in_minutes().is_some_and(|minutes| minutes != 1440)
        || limit.action().is_some_and(|action| *action != usual)
}

/// A daemon is refused with a capacity provider strategy, and without a launch type it would get its cluster's
/// (aws/containers-roadmap#692).
pub(super) fn launch_type(service: &Service) -> Option<LaunchType> {
    service.is_daemon().then_some(LaunchType::Ec2)
}

/// Whether tasks move to level zones. Daemons, one on each instance, have nothing to level and are created without a word
/// about it.
pub(super) fn zone_rebalancing(service: &Service) -> Option<AvailabilityZoneRebalancing> {
    (!service.is_daemon()).then(|| AvailabilityZoneRebalancing::from(service.zone_rebalancing.as_str()))
}

/// Only Fargate has platform versions.
pub(super) fn platform_version(service: &Service) -> Option<String> {
    let is_fargate =
        !service.is_daemon() && service.capacity.keys().all(|provider| provider.starts_with("FARGATE"));
    is_fargate.then(|| service.platform_version.clone())
}

/// A grace period is refused where no load balancer checks health.
pub(super) fn grace(service: &Service) -> Option<i32> {
    service.is_balanced().then(|| count(service.health_check_grace_seconds))
}

/// The grace period that a change names. One that was left over is in what is live without being shown.
pub(super) fn new_grace(before: &Service, after: &Service) -> Option<i32> {
    let differs = before.health_check_grace_seconds != after.health_check_grace_seconds;
    grace(after).filter(|_| differs || !before.is_balanced())
}

/// A service's outputs.
pub(super) fn service_outputs(service: &AwsService) -> Outputs {
    let name = service.service_name().unwrap_or_default();
    outputs([("name", name), ("arn", service.service_arn().unwrap_or_default())])
}

/// Where a service runs. One for which nothing is wanted follows its cluster, whatever that says; one with a launch
/// type instead of a strategy runs wholly on what is called like it.
fn capacity(service: &AwsService, wanted: Option<&Service>) -> BTreeMap<String, StrategyItem> {
    if wanted.is_some_and(|wanted| wanted.capacity.is_empty()) {
        return BTreeMap::new();
    }
    match service.launch_type() {
        Some(LaunchType::Fargate) if service.capacity_provider_strategy().is_empty() => {
            BTreeMap::from([("FARGATE".to_owned(), StrategyItem { weight: 1, base: 0 })])
        }
        _ => from_strategy(service.capacity_provider_strategy()),
    }
}

/// A live service's fields. Members that older answers leave out count as what is `wanted`: nothing speaks against it.
pub(super) fn from_aws(service: &AwsService, wanted: Option<&Service>) -> Service {
    let deployment = service.deployment_configuration();
    let breaker = deployment.and_then(|deployment| deployment.deployment_circuit_breaker());
    let network = service.network_configuration().and_then(|network| network.awsvpc_configuration());
    let unreported = |value: fn(&Service) -> &String, default: &str| {
        wanted.map_or(default, |wanted| value(wanted)).to_owned()
    };
    let is_daemon = service.scheduling_strategy() == Some(&SchedulingStrategy::Daemon);
    let (minimum, maximum) = if is_daemon { (0, 100) } else { (100, 200) };
    let percent = |value: Option<i32>, default: u32| value.map_or(default, uncount);
    Service {
        name: service.service_name().unwrap_or_default().to_owned(),
        cluster: service.cluster_arn().unwrap_or_default().to_owned(),
        task: service.task_definition().unwrap_or_default().to_owned(),
        scheduling_strategy: service
            .scheduling_strategy()
            .map_or("REPLICA", SchedulingStrategy::as_str)
            .to_owned(),
        count: (!is_daemon).then(|| uncount(service.desired_count())),
        capacity: capacity(service, wanted),
        own_interfaces: network.is_some(),
        targets: from_targets(service.load_balancers()),
        classic: from_classic(service.load_balancers()),
        registry: connect::from_registries(service.service_registries()),
        connect: connect::from_deployments(service.deployments()),
        subnets: network.map(|network| network.subnets().iter().cloned().collect()).unwrap_or_default(),
        security_groups: network
            .map(|network| network.security_groups().iter().cloned().collect())
            .unwrap_or_default(),
        public_ip: network.and_then(|network| network.assign_public_ip()) == Some(&AssignPublicIp::Enabled),
        platform_version: service
            .platform_version()
            .map_or_else(|| unreported(|service| &service.platform_version, "LATEST"), ToOwned::to_owned),
        minimum_healthy_percent: percent(
            deployment.and_then(|deployment| deployment.minimum_healthy_percent()),
            minimum,
        ),
        maximum_percent: percent(deployment.and_then(|deployment| deployment.maximum_percent()), maximum),
        deployment: deployment.and_then(from_deployment),
        circuit_breaker: breaker.is_some_and(|breaker| breaker.enable()),
        rollback: breaker.is_some_and(|breaker| breaker.rollback()),
        health_check_grace_seconds: service.health_check_grace_period_seconds().map_or(0, uncount),
        exec: service.enable_execute_command(),
        propagate_tags: service.propagate_tags().map_or("NONE", PropagateTags::as_str).to_owned(),
        zone_rebalancing: service.availability_zone_rebalancing().map_or_else(
            || unreported(|service| &service.zone_rebalancing, "DISABLED"),
            |rebalancing: &AvailabilityZoneRebalancing| rebalancing.as_str().to_owned(),
        ),
    }
    .without_idle_grace()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::to_strategy;
    use aws_sdk_ecs::types::builders::ServiceBuilder;
    use neap_core::kinds::KindOf;

    fn to_service(fields: &Service) -> ServiceBuilder {
        AwsService::builder()
            .service_name(&fields.name)
            .cluster_arn(&fields.cluster)
            .task_definition(&fields.task)
            .scheduling_strategy(SchedulingStrategy::from(fields.scheduling_strategy.as_str()))
            .desired_count(fields.count.map_or(3, count))
            .set_launch_type(launch_type(fields))
            .set_capacity_provider_strategy(to_strategy(&fields.capacity).ok())
            .set_load_balancers(Some(to_balancers(fields)))
            .set_service_registries(Some(connect::to_registries(fields.registry.as_ref())))
            .deployments(connect::deployment(fields.connect.as_ref()))
            .set_network_configuration(to_network(fields).expect("a network"))
            .set_platform_version(platform_version(fields))
            .deployment_configuration(to_deployment(fields, None))
            .set_health_check_grace_period_seconds(grace(fields))
            .enable_execute_command(fields.exec)
            .propagate_tags(PropagateTags::from(fields.propagate_tags.as_str()))
            .set_availability_zone_rebalancing(zone_rebalancing(fields))
    }

    #[test]
    fn a_service_reads_back_as_it_was_created() {
        let example = Service::example();
        assert_eq!(from_aws(&to_service(&example).build(), None), example);
        let plain = Service {
            own_interfaces: false,
            targets: Vec::new(),
            classic: None,
            subnets: [].into(),
            security_groups: [].into(),
            public_ip: false,
            health_check_grace_seconds: 0,
            exec: true,
            circuit_breaker: false,
            rollback: false,
            deployment: None,
            ..example
        };
        assert_eq!(from_aws(&to_service(&plain).build(), None), plain);
    }

    #[test]
    fn a_service_that_lost_its_target_has_no_grace_period_left() {
        let before = Service { classic: None, ..Service::example() };
        let after = Service { targets: Vec::new(), health_check_grace_seconds: 0, ..before.clone() };
        let live = to_service(&after).health_check_grace_period_seconds(60).build();
        assert_eq!(from_aws(&live, Some(&after)), after);
        assert_eq!((new_grace(&before, &after), new_grace(&after, &before)), (None, Some(60)));
        let at_once = Service { health_check_grace_seconds: 0, ..before };
        assert_eq!(new_grace(&after, &at_once), Some(0), "ECS still has that of before");
    }

    #[test]
    fn the_number_of_a_daemons_tasks_is_no_field_of_it() {
        let daemon = Service {
            scheduling_strategy: Service::DAEMON.into(),
            count: None,
            capacity: BTreeMap::new(),
            public_ip: false,
            platform_version: String::new(),
            minimum_healthy_percent: 0,
            maximum_percent: 100,
            zone_rebalancing: "DISABLED".into(),
            ..Service::example()
        };
        let live = to_service(&daemon).build();
        assert_eq!(live.launch_type(), Some(&LaunchType::Ec2));
        assert_eq!((live.desired_count(), live.platform_version()), (3, None));
        assert_eq!(from_aws(&live, Some(&daemon)), daemon);
        let bare = AwsService::builder().scheduling_strategy(SchedulingStrategy::Daemon).build();
        let fields = from_aws(&bare, None);
        assert_eq!((fields.minimum_healthy_percent, fields.maximum_percent), (0, 100));
    }

    #[test]
    fn what_is_taken_back_of_a_deployment_is_named() {
        let before = Service::example();
        let plain = Service { deployment: None, ..before.clone() };
        assert_eq!(to_deployment(&plain, None).strategy(), None);
        let back = to_deployment(&plain, Some(&before));
        assert_eq!(back.strategy(), Some(&DeploymentStrategy::Rolling));
        assert_eq!(back.lifecycle_hooks, Some(Vec::new()));
        let mut unasked = before.clone();
        unasked.deployment.as_mut().expect("blue/green").hooks.clear();
        assert_eq!(to_deployment(&unasked, None).lifecycle_hooks, None);
        assert_eq!(to_deployment(&unasked, Some(&before)).lifecycle_hooks, Some(Vec::new()));
    }

    #[test]
    fn a_hook_that_a_stack_file_cannot_ask_for_says_so() {
        let stage = DeploymentLifecycleHookStage::PostScaleUp;
        let plain = DeploymentLifecycleHook::builder().hook_target_arn("arn:f").lifecycle_stages(stage);
        assert_eq!(from_hook(&plain.clone().build()).other, None);
        let pause = plain.target_type(DeploymentLifecycleHookTargetType::Pause).build();
        assert_eq!(from_hook(&pause).other.as_deref(), Some("a pause"));
    }

    #[test]
    fn what_a_service_leaves_out_is_awss_default() {
        let fields = from_aws(&AwsService::builder().service_name("api").build(), None);
        assert_eq!((fields.minimum_healthy_percent, fields.maximum_percent), (100, 200));
        assert_eq!((fields.propagate_tags.as_str(), fields.platform_version.as_str()), ("NONE", "LATEST"));
        assert_eq!((fields.health_check_grace_seconds, fields.zone_rebalancing.as_str()), (0, "DISABLED"));
    }

    #[test]
    fn what_an_answer_does_not_report_is_no_difference() {
        let wanted = Service { platform_version: "1.4.0".into(), ..Service::example() };
        let fields = from_aws(&AwsService::builder().service_name("api").build(), Some(&wanted));
        assert_eq!((fields.zone_rebalancing, fields.platform_version), ("ENABLED".into(), "1.4.0".into()));
    }

    #[test]
    fn a_launch_type_is_a_strategy_of_one() {
        let service = AwsService::builder().launch_type(LaunchType::Fargate).build();
        assert_eq!(from_aws(&service, None).capacity, Service::example().capacity);
    }

    #[test]
    fn a_service_that_follows_its_cluster_has_no_capacity_of_its_own() {
        let wanted = Service { capacity: BTreeMap::new(), ..Service::example() };
        let live = to_service(&Service::example()).build();
        assert_eq!(from_aws(&live, Some(&wanted)), wanted);
    }

    #[test]
    fn a_grace_period_needs_a_target_and_a_platform_version_fargate() {
        let lonely = Service { targets: Vec::new(), classic: None, ..Service::example() };
        assert_eq!((grace(&lonely), grace(&Service::example())), (None, Some(60)));
        let item = StrategyItem { weight: 1, base: 0 };
        let on_instances = Service { capacity: [("course-main".into(), item)].into(), ..Service::example() };
        assert_eq!(platform_version(&on_instances), None);
    }
}
