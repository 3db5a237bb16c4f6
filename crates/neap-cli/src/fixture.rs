//! Hand-built plans for tests: one of a course's stack in which every action happens.

use std::collections::BTreeMap;
use std::time::Duration;

use neap_core::address::{Address, Kind};
use neap_core::desired::{DesiredResource, Implied};
use neap_core::kinds::{Ecr, LogGroup, Resource};
use neap_core::live::{Environment, LiveResource, Outputs, Phase};
use neap_core::plan::{
    Action, Change, Edge, FieldChange, Mode, Need, PLAN_VERSION, Plan, Reason, Step, Verb,
};
use neap_engine::apply::{StepResult, Summary};
use neap_engine::event::Outcome;
use serde_json::{Value, json};

/// The account and region of all fixtures.
pub(crate) fn environment() -> Environment {
    Environment {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        vpc: Some("vpc-1".into()),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        subnets_private: false,
        secrets: BTreeMap::new(),
        images: BTreeMap::new(),
        named: [].into(),
        cloudfront_origins: None,
        zones: BTreeMap::new(),
        private_zones: [].into(),
        certificates: BTreeMap::new(),
        availability_zones: Vec::new(),
        taken_buckets: [].into(),
    }
}

/// A resource that the stack `course` asks for.
pub(crate) fn desired(resource: impl Into<Resource>) -> DesiredResource {
    DesiredResource {
        resource: resource.into(),
        tags: BTreeMap::from([("neap:stack".into(), "course".into()), ("team".into(), "infra".into())]),
        implied: None,
        protect: false,
        delete_first: false,
        owned_elsewhere: [].into(),
        after: [].into(),
    }
}

/// A live resource of the stack `course`.
pub(crate) fn live(address: &Address, resource: impl Into<Resource>) -> LiveResource {
    let tags = [("neap:stack", "course"), ("neap:address", &address.to_string())];
    LiveResource {
        address: address.clone(),
        id: format!("arn:aws:example:eu-west-1:123456789012:{address}"),
        resource: resource.into(),
        tags: tags.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
        outputs: Outputs::new(),
        phase: Phase::Ready,
    }
}

/// What happens to one resource, without fields.
pub(crate) fn change(address: &Address, action: Action, reason: Reason) -> Change {
    let resource = || Resource::example(address.kind());
    Change {
        address: address.clone(),
        action,
        reason,
        fields: Vec::new(),
        implied: None,
        desired: (action != Action::Delete).then(|| desired(resource())),
        spec: None,
        live: (action != Action::Create).then(|| live(address, resource())),
    }
}

/// A change of one field.
pub(crate) fn field(path: &str, before: Value, after: Value) -> FieldChange {
    let side = |value: Value| (!value.is_null()).then_some(value);
    FieldChange {
        path: path.to_owned(),
        before: side(before),
        after: side(after),
        forces_replacement: false,
        document: false,
    }
}

/// A plan of the stack `course` with these changes and the steps that they need, one after the other.
pub(crate) fn plan(changes: Vec<Change>) -> Plan {
    let mut steps = Vec::new();
    for (change, Change { address, action, .. }) in changes.iter().enumerate() {
        let verbs: &[Verb] = match action {
            Action::NoOp => &[],
            Action::Create => &[Verb::Create],
            Action::Update => &[Verb::Update],
            Action::CreateThenDelete => &[Verb::Create, Verb::Delete],
            Action::DeleteThenCreate => &[Verb::Delete, Verb::Create],
            Action::Delete => &[Verb::Delete],
        };
        steps.extend(verbs.iter().map(|verb| Step { verb: *verb, address: address.clone(), change }));
    }
    let after = 1..steps.len();
    Plan {
        version: PLAN_VERSION,
        stack: "course".into(),
        mode: Mode::Apply,
        environment: environment(),
        edges: after.map(|after| Edge { before: after - 1, after, need: Need::Exists }).collect(),
        changes,
        steps,
        live_hash: "0123456789abcdef".into(),
        outputs: BTreeMap::from([("url".into(), "http://${alb.public.dns_name}".into())]),
        warnings: Vec::new(),
    }
}

/// A plan in which every action happens.
pub(crate) fn course() -> Plan {
    let address = Address::new;
    let task = address(Kind::Task, "api");
    let mut logs = change(&address(Kind::LogGroup, "task-api"), Action::Create, Reason::Missing);
    logs.implied = Some(Implied { by: task.clone(), reason: "keeps what the containers write".into() });
    logs.desired = Some(desired(LogGroup {
        name: "/neap/course/task-api".into(),
        retention_days: Some(14),
        class: "STANDARD".into(),
        kms_key: None,
    }));
    let cluster = change(&address(Kind::Cluster, "main"), Action::NoOp, Reason::UpToDate);
    let old = change(&address(Kind::Alb, "old"), Action::Delete, Reason::NotDeclared);
    plan(vec![repository(), cluster, group(), changed_task(&task), logs, service(), old])
}

fn repository() -> Change {
    let mut repository = change(&Address::new(Kind::Ecr, "api"), Action::Create, Reason::Missing);
    repository.desired = Some(desired(Ecr {
        name: "course-api".into(),
        tag_mutability: "MUTABLE".into(),
        scan_on_push: false,
        lifecycle_policy: Ecr::keep_images(5),
        encryption: "AES256".into(),
        kms_key: None,
    }));
    repository
}

fn group() -> Change {
    let fields = vec!["port".to_owned()];
    let address = Address::new(Kind::TargetGroup, "api");
    let mut group = change(&address, Action::CreateThenDelete, Reason::Immutable { fields });
    group.fields = vec![
        FieldChange { forces_replacement: true, ..field("port", json!(3000), json!(8080)) },
        field("health_check.path", json!("/"), json!("/api/health")),
    ];
    group
}

fn changed_task(address: &Address) -> Change {
    let mut task = change(address, Action::Update, Reason::StackChanged);
    let container = |image: &str, password: &str| {
        json!({ "app": {
            "image": image,
            "essential": true,
            "command": [],
            "ports": [{ "container_port": 3000, "protocol": "tcp" }],
            "env": { "MODE": "production", "PASSWORD": password },
        } })
    };
    let containers = field(
        "containers",
        container("course-api:v1", "(sensitive)"),
        container("course-api:v2", "${var.password}"),
    );
    task.fields = vec![
        FieldChange { document: true, ..containers },
        field("cpu", json!(256), json!(512)),
        field("tags.team", json!(null), json!("infra")),
    ];
    task
}

fn service() -> Change {
    let mut service = change(&Address::new(Kind::Service, "api"), Action::Update, Reason::Drifted);
    let roles = |name: &str| json!([format!("sg-{name}-0123456789abcdef0"), "sg-0a1b2c3d4e5f60718"]);
    service.fields = vec![
        field(
            "task",
            json!("arn:aws:ecs:eu-west-1:1:task-definition/course-api:1"),
            json!("${task.api.arn}"),
        ),
        field("count", json!(1), json!(3)),
        field("security_groups", roles("before"), roles("after-the-change")),
    ];
    service
}

/// How an apply ended whose steps ended so.
pub(crate) fn summary(outcomes: Vec<Outcome>) -> Summary {
    let elapsed = Duration::from_secs(31);
    Summary {
        steps: outcomes.into_iter().map(|outcome| StepResult { outcome, elapsed }).collect(),
        resources: BTreeMap::new(),
        outputs: BTreeMap::new(),
        elapsed,
    }
}

/// A text without its colours.
pub(crate) fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}
