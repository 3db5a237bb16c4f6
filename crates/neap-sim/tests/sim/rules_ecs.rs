//! ECS's rules, one by one.

use neap_core::desired::DesiredResource;
use neap_core::kinds::{
    ClassicTarget, Cluster, Container, Firelens, LogConfiguration, MountPoint, PortMapping, Service,
    StrategyItem, TargetGroup, Task, Volume,
};
use neap_core::live::Phase;
use neap_engine::cloud::{Cloud, ErrorKind};
use neap_sim::{Fault, FaultKind, Sim};

use crate::stack::{
    System, cluster, create, live, must_create, present, refused, resource, role, target, target_group, task,
    until_gone, until_ready, update,
};

/// The system's service with one change.
fn service(system: &System, change: impl FnOnce(&mut Service)) -> DesiredResource {
    let (mut desired, _) = system.part("service.api");
    let neap_core::kinds::Resource::Service(fields) = &mut desired.resource else { unreachable!() };
    change(fields);
    desired
}

#[tokio::test(start_paused = true)]
async fn a_cluster_with_services_cannot_be_deleted() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, cluster) = system.part("cluster.main");
    refused(sim.delete(&cluster).await, ErrorKind::InUse, "ClusterContainsServicesException");
    let (_, service) = system.part("service.api");
    sim.delete(&service).await.expect("draining");
    refused(sim.delete(&cluster).await, ErrorKind::InUse, "ClusterContainsServicesException");
    until_gone(&sim, &service).await;
    until_gone(&sim, &cluster).await;
}

#[tokio::test(start_paused = true)]
async fn the_cluster_of_somebody_else_is_returned_and_told_apart() {
    let sim = Sim::in_memory();
    sim.seed("[[foreign]]\nkind = \"cluster\"\nname = \"course-main\"").expect("a foreign cluster");
    let before = sim.resources();
    let error = create(&sim, &resource("cluster.main", cluster("course-main"))).await.expect_err("not ours");
    assert_eq!(error.kind, ErrorKind::Conflict);
    assert_eq!(sim.resources(), before);
}

#[tokio::test(start_paused = true)]
async fn a_capacity_strategy_names_associated_providers_with_a_weight_and_one_base() {
    let sim = Sim::in_memory();
    let with = |strategy: &[(&str, u32, u32)]| {
        let item = |(name, weight, base): &(&str, u32, u32)| {
            ((*name).to_owned(), StrategyItem { weight: *weight, base: *base })
        };
        let default_strategy = strategy.iter().map(item).collect();
        resource("cluster.main", Cluster { default_strategy, ..cluster("main") })
    };
    for wrong in [
        with(&[("OTHER", 1, 0)]),
        with(&[("FARGATE", 0, 0)]),
        with(&[("FARGATE", 1001, 0)]),
        with(&[("FARGATE", 1, 1), ("FARGATE_SPOT", 1, 1)]),
    ] {
        refused(create(&sim, &wrong).await, ErrorKind::Invalid, "InvalidParameterException");
    }
    let names: Vec<String> = (0..21).map(|number| format!("provider-{number}")).collect();
    let many: Vec<(&str, u32, u32)> = names.iter().map(|name| (name.as_str(), 1, 0)).collect();
    let error = create(&sim, &with(&many)).await.expect_err("21 providers");
    assert!(error.message.contains("a maximum of 20 capacity providers"), "{}", error.message);
    let unknown = Cluster { capacity_providers: ["OTHER".into()].into(), ..cluster("main") };
    let answer = create(&sim, &resource("cluster.main", unknown)).await;
    refused(answer, ErrorKind::Invalid, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_capacity_provider_in_use_cannot_be_taken_from_its_cluster() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, found) = system.part("cluster.main");
    let without = Cluster {
        capacity_providers: ["FARGATE_SPOT".into()].into(),
        default_strategy: [("FARGATE_SPOT".into(), StrategyItem { weight: 1, base: 0 })].into(),
        ..cluster("course-main")
    };
    let answer = update(&sim, &found, &resource("cluster.main", without)).await;
    refused(answer, ErrorKind::InUse, "ResourceInUseException");
}

#[tokio::test(start_paused = true)]
async fn a_service_needs_a_cluster_that_is_active() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let other = resource("cluster.other", cluster("other"));
    let arn = "arn:aws:ecs:us-east-1:123456789012:cluster/other";
    let fields = |service: &mut Service| {
        service.cluster = arn.into();
        service.targets.clear();
    };
    let desired = service(&system, fields);
    refused(create(&sim, &desired).await, ErrorKind::NotFound, "ClusterNotFoundException");
    let outputs = must_create(&sim, &other).await;
    refused(create(&sim, &desired).await, ErrorKind::NotYet, "ClusterNotFoundException");
    until_ready(&sim, &other, &outputs).await.expect("active");
    must_create(&sim, &desired).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_needs_a_target_group_behind_a_load_balancer() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let alone = resource("target_group.alone", target_group("alone", &system.facts.vpc));
    let arn = must_create(&sim, &alone).await["arn"].clone();
    let desired = service(&system, |service| {
        service.name = "second".into();
        service.targets = vec![target(&arn)];
    });
    let message = refused(create(&sim, &desired).await, ErrorKind::NotYet, "InvalidParameterException");
    assert!(message.ends_with("does not have an associated load balancer."), "{message}");
}

#[tokio::test(start_paused = true)]
async fn parameters_that_do_not_fit_the_task_or_the_world_are_refused() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let check = async |expected: &str, change: &dyn Fn(&mut Service)| {
        let desired = service(&system, |service| {
            service.name = "second".into();
            change(service);
        });
        let message = refused(create(&sim, &desired).await, ErrorKind::Invalid, "InvalidParameterException");
        assert!(message.contains(expected), "{message}");
    };
    check("does not exist in the task definition", &|it| it.targets[0].container = "web".into()).await;
    check("did not have a container port 80 defined", &|it| it.targets[0].port = 80).await;
    check("not associated with the cluster", &|it| {
        it.capacity = [("OTHER".into(), StrategyItem { weight: 1, base: 0 })].into();
    })
    .await;
    check("Network Configuration must be provided", &|it| it.subnets.clear()).await;
    check("The subnet ID 'subnet-none' does not exist", &|it| it.subnets = ["subnet-none".into()].into())
        .await;
    check("must be less than maximumPercent", &|it| it.maximum_percent = 100).await;
    check("only valid for services configured to use load balancers", &|it| {
        it.targets.clear();
        it.health_check_grace_seconds = 10;
    })
    .await;
    let unknown = service(&system, |it| {
        it.name = "second".into();
        it.security_groups = ["sg-none".into()].into();
    });
    refused(create(&sim, &unknown).await, ErrorKind::NotFound, "InvalidParameterException");
}

#[tokio::test(start_paused = true)]
async fn a_grace_period_is_not_seen_once_nothing_checks_it_and_is_taken_back_with_a_target() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let seen = async |desired: &DesiredResource| {
        let (before, _) = system.part("service.api");
        let live = present(&sim, "service.api", &before).await;
        update(&sim, &live, desired).await.expect("it is changed");
        present(&sim, "service.api", desired).await.resource
    };
    let balanced = service(&system, |service| service.health_check_grace_seconds = 60);
    assert_eq!(seen(&balanced).await, balanced.resource);
    let alone = service(&system, |service| service.targets.clear());
    assert_eq!(seen(&alone).await, alone.resource);
    assert_eq!(seen(&balanced).await, balanced.resource);
}

#[tokio::test(start_paused = true)]
async fn tasks_with_addresses_of_their_own_need_targets_by_address() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let by_instance =
        TargetGroup { target_type: "instance".into(), ..target_group("by-instance", &system.facts.vpc) };
    let arn = must_create(&sim, &resource("target_group.x", by_instance)).await["arn"].clone();
    let desired = service(&system, |service| {
        service.name = "second".into();
        service.targets = vec![target(&arn)];
    });
    let message = refused(create(&sim, &desired).await, ErrorKind::Invalid, "InvalidParameterException");
    assert!(message.contains("incompatible with the awsvpc network mode"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn the_name_of_a_draining_service_cannot_be_used_yet() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (desired, found) = system.part("service.api");
    sim.delete(&found).await.expect("draining");
    let message = refused(create(&sim, &desired).await, ErrorKind::NotYet, "InvalidParameterException");
    assert_eq!(message, "Unable to Start a service that is still Draining.");
    until_gone(&sim, &found).await;
    must_create(&sim, &desired).await;
}

#[tokio::test(start_paused = true)]
async fn a_service_of_somebody_else_is_a_conflict() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    sim.seed("[[untag]]\naddress = \"service.api\"").expect("untagged");
    let different = service(&system, |service| service.count = Some(2));
    let message = refused(create(&sim, &different).await, ErrorKind::Conflict, "InvalidParameterException");
    assert_eq!(message, "Creation of service was not idempotent.");
}

#[tokio::test(start_paused = true)]
async fn a_registration_is_a_revision_that_is_never_used_again() {
    let sim = Sim::in_memory();
    let arn = |revision: u32| format!("arn:aws:ecs:us-east-1:123456789012:task-definition/api:{revision}");
    let fields = || task("api", "arn:aws:iam::123456789012:role/x", "/x");
    let first = resource("task.api", fields());
    assert_eq!(must_create(&sim, &first).await["arn"], arn(1));
    let changed = resource("task.api", Task { memory: Some(1024), ..fields() });
    let found = present(&sim, "task.api", &first).await;
    assert_eq!(update(&sim, &found, &changed).await.expect("a revision")["arn"], arn(2));
    // A repeated call finds the revision that the first one has made.
    assert_eq!(update(&sim, &found, &changed).await.expect("the same revision")["arn"], arn(2));
    assert_eq!(present(&sim, "task.api", &changed).await.id, arn(2));
    until_gone(&sim, &found).await;
    assert_eq!(sim.resources(), []);
    assert_eq!(must_create(&sim, &first).await["arn"], arn(3));
}

#[tokio::test(start_paused = true)]
async fn deleting_a_family_takes_ten_revisions_per_call() {
    let sim = Sim::in_memory();
    let fields = |memory| Task { memory: Some(memory), cpu: Some(1024), ..task("api", "arn:x", "/x") };
    let mut last = None;
    for memory in [2048, 3072, 4096, 5120, 6144, 7168, 8192, 2048, 3072, 4096, 5120] {
        let desired = resource("task.api", fields(memory));
        last = Some(live(&desired, &must_create(&sim, &desired).await));
    }
    sim.forget_calls();
    sim.delete(&last.expect("a revision")).await.expect("deleted");
    let counts = sim.counts();
    assert_eq!((counts["ecs:DeregisterTaskDefinition"], counts["ecs:DeleteTaskDefinitions"]), (11, 2));
    assert_eq!(sim.resources(), []);
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_that_makes_no_sense_is_refused() {
    let sim = Sim::in_memory();
    let check = async |expected: &str, change: &dyn Fn(&mut Task)| {
        let mut fields = task("api", "arn:x", "/x");
        change(&mut fields);
        let answer = create(&sim, &resource("task.api", fields)).await;
        let message = refused(answer, ErrorKind::Invalid, "ClientException");
        assert!(message.contains(expected), "{message}");
    };
    fn app(task: &mut Task) -> &mut Container {
        task.containers.get_mut("app").expect("a container")
    }
    check("No Fargate configuration exists", &|task| task.memory = Some(4096)).await;
    check("No Fargate configuration exists", &|task| task.cpu = None).await;
    check("execution role", &|task| task.execution_role = None).await;
    check("only supports network mode 'awsvpc'", &|task| task.network_mode = "bridge".into()).await;
    check("at least one essential container", &|task| app(task).essential = false).await;
    check("total memory", &|task| app(task).memory = Some(1024)).await;
    check("Unknown volume 'data'", &|task| {
        let mount = MountPoint { volume: "data".into(), path: "/data".into(), read_only: false };
        app(task).mounts = [mount].into();
    })
    .await;
    check("host source path", &|task| {
        task.volumes = [("data".into(), Volume::Host { path: "/".into() })].into();
    })
    .await;
    let efs = |root: &str, transit_encryption: bool, access_point: Option<&str>, iam: bool| Volume::Efs {
        file_system: "fs-1".into(),
        root: root.into(),
        transit_encryption,
        access_point: access_point.map(str::to_owned),
        iam,
    };
    for (expected, volume) in [
        ("root directory", efs("/a", true, Some("fsap-1"), false)),
        ("Transit encryption", efs("/", false, Some("fsap-1"), false)),
        ("Transit encryption", efs("/", false, None, true)),
        ("task role", efs("/", true, None, true)),
    ] {
        check(expected, &|task| task.volumes = [("data".into(), volume.clone())].into()).await;
    }
    check("host ports and container ports must match", &|task| {
        let port = PortMapping {
            container_port: 80,
            host_port: 81,
            protocol: "tcp".into(),
            name: None,
            app_protocol: None,
        };
        app(task).ports = [port].into();
    })
    .await;
    check("no other container of the task", &|task| {
        app(task).depends_on = [("web".into(), "START".into())].into();
    })
    .await;
    check("has no health check", &|task| {
        task.containers.insert("web".into(), Container::of_image("web"));
        app(task).depends_on = [("web".into(), "HEALTHY".into())].into();
    })
    .await;
    check("circular", &|task| {
        let web =
            Container { depends_on: [("app".into(), "START".into())].into(), ..Container::of_image("web") };
        task.containers.insert("web".into(), web);
        app(task).depends_on = [("web".into(), "START".into())].into();
    })
    .await;
    let sends = || {
        Some(LogConfiguration { driver: "awsfirelens".into(), options: [].into(), secret_options: [].into() })
    };
    let router = |file: &str| Container {
        firelens: Some(Firelens::new("fluentbit", [("config-file-type".into(), file.into())].into())),
        ..Container::of_image("router")
    };
    check("a container with a firelensConfiguration object is required", &|task| app(task).logs = sends())
        .await;
    check("at least one container has to be configured with the awsfirelens log driver", &|task| {
        task.containers.insert("router".into(), router("file"));
    })
    .await;
    check("Only one container", &|task| {
        app(task).logs = sends();
        task.containers.insert("router".into(), router("file"));
        task.containers.insert("second".into(), router("file"));
    })
    .await;
    check("cannot be used on a firelens container", &|task| {
        task.containers.insert("router".into(), Container { logs: sends(), ..router("file") });
    })
    .await;
    check("'UID' has to be '0'", &|task| {
        app(task).logs = sends();
        task.containers.insert("router".into(), Container { user: Some("fluent".into()), ..router("file") });
    })
    .await;
    check("config-file-type", &|task| {
        app(task).logs = sends();
        task.containers.insert("router".into(), router("s3"));
    })
    .await;
    check("ephemeral storage", &|task| task.ephemeral_storage_gib = Some(201)).await;
}

#[tokio::test(start_paused = true)]
async fn a_task_definition_is_echoed_as_aws_writes_it() {
    let sim = Sim::in_memory();
    let mut fields = task("api", "arn:x", "/x");
    let app = fields.containers.get_mut("app").expect("a container");
    app.ports = [PortMapping {
        container_port: 80,
        host_port: 0,
        protocol: "tcp".into(),
        name: None,
        app_protocol: None,
    }]
    .into();
    fields.ephemeral_storage_gib = Some(20);
    let logs =
        LogConfiguration { driver: "awsfirelens".into(), options: [].into(), secret_options: [].into() };
    app.logs = Some(logs);
    let router = Firelens::new("fluentbit", [].into());
    let router = Container { firelens: Some(router), ..Container::of_image("router") };
    fields.containers.insert("router".into(), router);
    must_create(&sim, &resource("task.api", fields)).await;
    let echoed = sim.resources()[0].resource.fields();
    assert_eq!(echoed["containers"]["app"]["ports"][0]["host_port"], 80);
    assert_eq!(echoed["ephemeral_storage_gib"], serde_json::Value::Null);
    assert_eq!(echoed["containers"]["router"]["user"], "0");
}

#[tokio::test(start_paused = true)]
async fn tasks_fail_where_ecs_cannot_assume_the_role_yet() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let fresh = must_create(&sim, &resource("role.fresh", role("fresh"))).await["arn"].clone();
    let revision = resource("task.second", task("second", &fresh, "/neap/course/api"));
    let revision = must_create(&sim, &revision).await["arn"].clone();
    let second = service(&system, |service| {
        service.name = "second".into();
        service.task = revision;
    });
    let outputs = must_create(&sim, &second).await;
    let reason = until_ready(&sim, &second, &outputs).await.expect_err("too early");
    assert!(reason.starts_with("ECS was unable to assume the role"), "{reason}");
    assert_eq!(present(&sim, "service.api", &second).await.phase, Phase::Failed(reason));
}

#[tokio::test(start_paused = true)]
async fn tasks_fail_without_their_log_group_or_repository() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, role) = system.part("role.task-api-execution");
    let role = &role.outputs["arn"];
    let check = async |name: &str, fields: Task, expected: &str| {
        let revision = resource(&format!("task.{name}"), fields);
        let revision = must_create(&sim, &revision).await["arn"].clone();
        let desired = service(&system, |service| {
            service.name = name.to_owned();
            service.task = revision;
        });
        let outputs = must_create(&sim, &desired).await;
        let answer = until_ready(&sim, &desired, &outputs).await;
        match expected {
            "" => drop(answer.expect("steady")),
            expected => {
                let reason = answer.expect_err(expected);
                assert!(reason.contains(expected), "{reason}");
            }
        }
    };
    check("logless", task("logless", role, "/none"), "The specified log group does not exist: /none").await;
    let image = |repository: &str| {
        let mut fields = task("imageless", role, "/neap/course/api");
        let app = fields.containers.get_mut("app").expect("a container");
        app.image = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}:v1");
        fields
    };
    check("imageless", image("none"), "the repository with name 'none' does not exist").await;
    check("fine", image("course-api"), "").await;
}

#[tokio::test(start_paused = true)]
async fn a_failed_deployment_goes_back_to_the_task_definition_before() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let (_, found) = system.part("service.api");
    let (_, role) = system.part("role.task-api-execution");
    let fields = Task { memory: Some(1024), ..task("course-api", &role.outputs["arn"], "/neap/course/api") };
    let second = must_create(&sim, &resource("task.api", fields)).await["arn"].clone();
    let desired = service(&system, |service| service.task = second.clone());
    let reason = "CannotPullContainerError: no such image".to_owned();
    sim.fault(Fault::once("ecs:UpdateService", FaultKind::DeploymentFails { reason }));
    let outputs = update(&sim, &found, &desired).await.expect("accepted");
    let reason = until_ready(&sim, &desired, &outputs).await.expect_err("rolled back");
    assert_eq!(reason, "CannotPullContainerError: no such image; rolled back to course-api:1");
    let back = present(&sim, "service.api", &desired).await;
    assert_eq!(back.phase, Phase::Ready);
    assert!(back.resource.fields()["task"].as_str().expect("a task").ends_with("course-api:1"));
    // The next attempt has no fault any more.
    update(&sim, &back, &desired).await.expect("accepted");
    until_ready(&sim, &desired, &outputs).await.expect("steady");
}

#[tokio::test(start_paused = true)]
async fn a_failed_first_deployment_is_tried_again_by_an_update() {
    let sim = Sim::in_memory();
    let reason = "out of capacity".to_owned();
    sim.fault(Fault::once("ecs:CreateService", FaultKind::DeploymentFails { reason }));
    let system = System::create_unsettled(&sim).await;
    let (desired, found) = system.part("service.api");
    let failure = until_ready(&sim, &desired, &found.outputs).await;
    assert_eq!(failure, Err("out of capacity".to_owned()));
    update(&sim, &found, &desired).await.expect("accepted");
    until_ready(&sim, &desired, &found.outputs).await.expect("steady");
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_a_classic_load_balancer_cannot_level_its_zones() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let refusal = async |rebalancing: &str| {
        let desired = service(&system, |service| {
            let (load_balancer, container) = ("old".to_owned(), "app".to_owned());
            service.name = "old".into();
            service.classic = Some(ClassicTarget { load_balancer, container, port: 3000 });
            service.zone_rebalancing = rebalancing.to_owned();
        });
        refused(create(&sim, &desired).await, ErrorKind::Invalid, "InvalidParameterException")
    };
    let message = refusal("ENABLED").await;
    assert!(message.contains("not supported with a Classic Load Balancer"), "{message}");
    let message = refusal("DISABLED").await;
    assert!(message.contains("target groups"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_has_neither_a_count_nor_a_strategy_nor_more_tasks_than_instances() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let daemon = |service: &mut Service| {
        service.name = "daemon".into();
        service.scheduling_strategy = Service::DAEMON.into();
        service.count = None;
        service.capacity = [].into();
        service.minimum_healthy_percent = 0;
        service.maximum_percent = 100;
        service.zone_rebalancing = "DISABLED".into();
    };
    let refusal = async |edit: fn(&mut Service)| {
        let desired = self::service(&system, |service| {
            daemon(service);
            edit(service);
        });
        refused(create(&sim, &desired).await, ErrorKind::Invalid, "InvalidParameterException")
    };
    let message = refusal(|service| service.count = Some(1)).await;
    assert!(message.contains("does not support a desired count"), "{message}");
    let message = refusal(|service| {
        service.capacity = [("FARGATE".into(), StrategyItem { weight: 1, base: 0 })].into();
    });
    let message = message.await;
    assert!(message.contains("capacity provider strategy is not supported"), "{message}");
    let message = refusal(|service| service.maximum_percent = 200).await;
    assert!(message.contains("values above 100 for maximumPercent"), "{message}");
    let message = refusal(|_| ()).await;
    assert_eq!(message, "Task definition does not support launch_type EC2.");
}
