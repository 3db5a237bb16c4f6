//! Roles: declared ones, and those that tasks imply.
//!
//! Decides who may assume them and what they are allowed. Must not know why a container needs something.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::context::{Common, Lowering};
use super::place::Place;
use super::references::table_of;
use super::{secret, volume};
use crate::address::{Address, Kind};
use crate::config::shape::{Effect, OneOrMany, OwnRole, RoleTable, Statement, TaskRole, TaskTable};
use crate::kinds::Role;
use crate::{naming, policy};

/// The service that runs tasks.
const TASKS: &str = "ecs-tasks.amazonaws.com";
/// Everything of ECS's in the stack's account and region: the tasks among it cannot be told apart further.
const EVERY_TASK: &str = "arn:${aws.partition}:ecs:${aws.region}:${aws.account}:*";
/// The managed policy that lets a task pull images and write logs.
const EXECUTION_POLICY: &str =
    "arn:${aws.partition}:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
/// The service that runs instances, and the managed policy that lets one join a cluster.
const INSTANCES: &str = "ec2.amazonaws.com";
const INSTANCES_POLICY: &str =
    "arn:${aws.partition}:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role";
/// ECS itself, and the managed policy that lets it shift traffic.
const ECS: &str = "ecs.amazonaws.com";
const TRAFFIC_POLICY: &str =
    "arn:${aws.partition}:iam::aws:policy/AmazonECSInfrastructureRolePolicyForLoadBalancers";
/// What a shell in a container needs ("ECS Exec" of the ECS guide).
const EXEC_ACTIONS: [&str; 4] = [
    "ssmmessages:CreateControlChannel",
    "ssmmessages:CreateDataChannel",
    "ssmmessages:OpenControlChannel",
    "ssmmessages:OpenDataChannel",
];
/// The most managed policies that a role takes, and the most characters of its inline policies.
const MOST_MANAGED: usize = 10;
const LONGEST_POLICY: usize = 10_240;

/// Who hands a role to ECS's tasks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Assumer {
    /// The containers of tasks: the role is assumed in the name of the task.
    Containers,
    /// What starts tasks: it pulls images, writes logs and reads secrets.
    Agent,
}

/// What a role must be allowed because of the tasks whose containers have it.
#[derive(Debug, Default)]
pub(super) struct Needs {
    /// That a shell can be opened in them.
    shell: bool,
    /// The statements that let them mount file systems.
    mounts: Vec<Value>,
}

impl Needs {
    /// What the task `name` needs.
    pub(super) fn of(lowering: &Lowering<'_>, name: &str, table: &TaskTable) -> Self {
        Self { shell: lowering.shells.contains(name), mounts: volume::statements(table) }
    }

    /// Whether there is anything.
    pub(super) const fn is_any(&self) -> bool {
        self.shell || !self.mounts.is_empty()
    }

    /// Adds what another task needs.
    fn and(&mut self, other: Self) {
        self.shell |= other.shell;
        let new = other.mounts.into_iter().filter(|statement| !self.mounts.contains(statement));
        let new: Vec<Value> = new.collect();
        self.mounts.extend(new);
    }

    fn add_to(&self, policies: &mut BTreeMap<String, Value>) {
        if self.shell {
            policies.insert("exec".to_owned(), exec_policy());
        }
        if !self.mounts.is_empty() {
            policies.insert("volumes".to_owned(), document(&self.mounts));
        }
    }
}

/// Lowers every declared role.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    let executing = file.task.values().filter_map(|task| task.execution_role.as_deref());
    let executing: BTreeSet<&str> = executing.filter_map(|role| table_of(Kind::Role, role)).collect();
    for (name, table) in &file.role {
        let assumer = if executing.contains(name.as_str()) { Assumer::Agent } else { Assumer::Containers };
        let needs = needs_of(lowering, name);
        declared(lowering, name, table, assumer, &needs);
    }
}

fn declared(lowering: &mut Lowering<'_>, name: &str, table: &RoleTable, assumer: Assumer, needs: &Needs) {
    let (place, address) = lowering.begin(Kind::Role, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    lowering.plain(&place.at("description"), &table.description);
    if let Some(service) = table.service.as_deref().filter(|service| !is_service(service)) {
        lowering
            .report(&place.at("service"), format!("`{service}` is not an AWS service"))
            .help(format!("services read like `{TASKS}` or `scheduler.amazonaws.com`"));
    }
    let mut inline = inline(lowering, &place, &table.statement);
    needs.add_to(&mut inline);
    let role = Role {
        name: lowering.plain_name(Kind::Role, &place, name, common.name),
        path: naming::role_path(lowering.stack),
        description: table.description.clone(),
        trust: trust(table.service.as_deref().unwrap_or(TASKS), assumer),
        managed_policies: managed(lowering, &place, &table.managed_policies),
        inline_policies: inline,
        max_session_seconds: table.max_session,
    };
    lowering.declare(address, &place, &common, role);
}

/// The role that a task names, by its table or by ARN.
pub(super) fn named_for_tasks(lowering: &mut Lowering<'_>, place: &Place, role: &str) -> String {
    let help = "leave `service` out of it, or name another role: one without `service` is for tasks";
    named(lowering, place, role, ("tasks", TASKS), help)
}

/// The role that ECS itself is told to assume, by its table or by ARN ("Amazon ECS infrastructure IAM role").
/// `instead` is what else helps where it cannot.
pub(super) fn named_for_ecs(lowering: &mut Lowering<'_>, place: &Place, role: &str, instead: &str) -> String {
    let help = format!("add `service = \"{ECS}\"` to it, or {instead}");
    named(lowering, place, role, ("ECS", ECS), &help)
}

/// A role that `service`, `who` in words, must be able to assume. Whom one by ARN trusts is not known here.
fn named(
    lowering: &mut Lowering<'_>,
    place: &Place,
    text: &str,
    (who, service): (&str, &str),
    help: &str,
) -> String {
    let table = table_of(Kind::Role, text).and_then(|name| lowering.file.role.get_key_value(name));
    if let Some((name, table)) = table {
        let trusted = table.service.as_deref().unwrap_or(TASKS);
        if trusted != service {
            lowering
                .report(place, format!("{who} cannot assume `role.{name}`, which is for `{trusted}`"))
                .help(help);
        }
    }
    if text.starts_with("arn:") || text.starts_with("${") {
        return lowering.text(place, text);
    }
    lowering.named(place, Kind::Role, text)
}

/// Whether `text` has the form of a service principal.
fn is_service(text: &str) -> bool {
    let name = text.strip_suffix(".cn").unwrap_or(text).strip_suffix(".amazonaws.com");
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    name.is_some_and(|name| !name.is_empty() && name.chars().all(fits))
}

/// What the tasks need whose containers have the declared role `name`.
fn needs_of(lowering: &Lowering<'_>, name: &str) -> Needs {
    let mut needs = Needs::default();
    for (task, table) in &lowering.file.task {
        if matches!(&table.role, Some(TaskRole::Named(role)) if table_of(Kind::Role, role) == Some(name)) {
            needs.and(Needs::of(lowering, task, table));
        }
    }
    needs
}

/// The role that pulls the images of `task`, writes its logs, reads `secrets`, by ARN, and gets what the statements
/// `of_router` allow for its log router.
pub(super) fn imply_execution(
    lowering: &mut Lowering<'_>,
    task: &Address,
    secrets: &BTreeSet<String>,
    of_router: &[Value],
) -> Address {
    let mut inline_policies = BTreeMap::new();
    let mut reason = "pulls the images and writes the logs".to_owned();
    if !secrets.is_empty() {
        inline_policies.insert("secrets".to_owned(), secrets_policy(secrets));
        reason = "pulls the images, writes the logs and reads the secrets".to_owned();
    }
    if !of_router.is_empty() {
        inline_policies.insert("log-router".to_owned(), document(of_router));
    }
    let managed_policies = [EXECUTION_POLICY.to_owned()].into();
    let description = format!("execution of {task}");
    let policies = (managed_policies, inline_policies);
    imply(lowering, task, "-execution", Assumer::Agent, reason, description, policies)
}

/// The role of the containers of `task`, with its own policies and what the task needs.
pub(super) fn imply_own(
    lowering: &mut Lowering<'_>,
    task: &Address,
    place: &Place,
    own: Option<&OwnRole>,
    needs: &Needs,
) -> Address {
    let mut managed_policies = BTreeSet::new();
    let mut inline_policies = BTreeMap::new();
    if let Some(own) = own {
        let place = place.at("role");
        managed_policies = managed(lowering, &place, &own.managed_policies);
        inline_policies = inline(lowering, &place, &own.statement);
    }
    needs.add_to(&mut inline_policies);
    let mut reasons = Vec::new();
    if own.is_some() {
        reasons.push("gives the containers their permissions".to_owned());
    }
    if needs.shell {
        let them = if own.is_some() { "them" } else { "the containers" };
        reasons.push(format!("lets a shell be opened in {them}"));
    }
    if !needs.mounts.is_empty() {
        reasons.push("mounts file systems".to_owned());
    }
    let reason = reasons.join(" and ");
    let description = format!("containers of {task}");
    let policies = (managed_policies, inline_policies);
    imply(lowering, task, "", Assumer::Containers, reason, description, policies)
}

/// The role of the instances of `cluster`: their agent registers them, pulls images and writes logs with it.
pub(super) fn imply_instances(lowering: &mut Lowering<'_>, cluster: &Address, name: &str) -> Address {
    let address = Address::new(Kind::Role, name);
    let role = Role {
        name: naming::plain(Kind::Role, lowering.stack, name),
        path: naming::role_path(lowering.stack),
        description: format!("instances of {cluster}"),
        trust: trust(INSTANCES, Assumer::Agent),
        managed_policies: [INSTANCES_POLICY.to_owned()].into(),
        inline_policies: BTreeMap::new(),
        max_session_seconds: 3600,
    };
    lowering.imply(address.clone(), cluster, "lets its instances join it", role);
    address
}

/// The role by which ECS shifts the traffic of `service` from one target group to the other.
pub(super) fn imply_traffic(lowering: &mut Lowering<'_>, service: &Address) -> Address {
    let reason = "lets ECS shift traffic to new tasks";
    imply_for_ecs(lowering, service, "traffic", reason, [TRAFFIC_POLICY.to_owned()].into(), BTreeMap::new())
}

/// The role by which ECS invokes `functions`, the hooks of `service`, by ARN.
pub(super) fn imply_hooks(
    lowering: &mut Lowering<'_>,
    service: &Address,
    functions: &BTreeSet<String>,
) -> Address {
    let statement = json!({ "Effect": "Allow", "Action": ["lambda:InvokeFunction"], "Resource": functions });
    let policies = [("hooks".to_owned(), document(&[statement]))].into();
    imply_for_ecs(lowering, service, "hooks", "lets ECS ask the hooks", BTreeSet::new(), policies)
}

/// A role of `service` that ECS itself assumes.
fn imply_for_ecs(
    lowering: &mut Lowering<'_>,
    service: &Address,
    suffix: &str,
    reason: &str,
    managed_policies: BTreeSet<String>,
    inline_policies: BTreeMap<String, Value>,
) -> Address {
    let name = format!("service-{}-{suffix}", service.name());
    let address = Address::new(Kind::Role, &name);
    let role = Role {
        name: naming::plain(Kind::Role, lowering.stack, &name),
        path: naming::role_path(lowering.stack),
        description: format!("{suffix} of {service}"),
        trust: trust(ECS, Assumer::Agent),
        managed_policies,
        inline_policies,
        max_session_seconds: 3600,
    };
    lowering.imply(address.clone(), service, reason, role);
    address
}

fn imply(
    lowering: &mut Lowering<'_>,
    task: &Address,
    suffix: &str,
    assumer: Assumer,
    reason: String,
    description: String,
    (managed_policies, inline_policies): (BTreeSet<String>, BTreeMap<String, Value>),
) -> Address {
    let name = format!("task-{}{suffix}", task.name());
    let address = Address::new(Kind::Role, &name);
    let role = Role {
        name: naming::plain(Kind::Role, lowering.stack, &name),
        path: naming::role_path(lowering.stack),
        description,
        trust: trust(TASKS, assumer),
        managed_policies,
        inline_policies,
        max_session_seconds: 3600,
    };
    lowering.imply(address.clone(), task, reason, role);
    address
}

/// The policy that lets `service` assume a role. Tasks of other accounts cannot ("confused deputy").
///
/// AWS's guide ("Task IAM role") has both conditions for the role of the containers: `aws:SourceArn` is then the task's,
/// in which neither cluster nor service can be asked for. What it is when a task is started, AWS does not say, and a
/// condition that does not hold would let no task start, so execution roles ask for the account alone. Which of the
/// keys other services fill in differs, so roles of theirs have what their users give them.
fn trust(service: &str, assumer: Assumer) -> Value {
    let mut statement = json!({
        "Effect": "Allow",
        "Principal": { "Service": [service] },
        "Action": ["sts:AssumeRole"],
    });
    if service == TASKS {
        statement["Condition"] = json!({ "StringEquals": { "aws:SourceAccount": ["${aws.account}"] } });
        if assumer == Assumer::Containers {
            statement["Condition"]["ArnLike"] = json!({ "aws:SourceArn": [EVERY_TASK] });
        }
    }
    document(&[statement])
}

fn secrets_policy(secrets: &BTreeSet<String>) -> Value {
    let mut resources = BTreeMap::<&str, BTreeSet<String>>::new();
    for arn in secrets {
        let (action, resource) = secret::permission(arn);
        resources.entry(action).or_default().insert(resource);
    }
    let statement = |(action, resources): (&str, BTreeSet<String>)| json!({ "Effect": "Allow", "Action": [action], "Resource": resources });
    document(&resources.into_iter().map(statement).collect::<Vec<_>>())
}

fn exec_policy() -> Value {
    document(&[json!({ "Effect": "Allow", "Action": EXEC_ACTIONS, "Resource": ["*"] })])
}

fn document(statements: &[Value]) -> Value {
    policy::normalise(&json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn managed(lowering: &mut Lowering<'_>, place: &Place, policies: &[String]) -> BTreeSet<String> {
    let place = place.at("managed_policies");
    if policies.len() > MOST_MANAGED {
        let message = format!("{} managed policies; AWS takes at most {MOST_MANAGED}", policies.len());
        lowering.report(&place, message);
    }
    let mut arns = BTreeSet::new();
    for (index, policy) in policies.iter().enumerate() {
        let place = place.item(index);
        let policy = lowering.text(&place, policy);
        let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-/".contains(c);
        if policy.starts_with("arn:") || policy.starts_with("${") {
            arns.insert(policy);
        } else if policy.is_empty() || !policy.chars().all(fits) {
            lowering
                .report(&place, format!("`{policy}` is not the name of a managed policy"))
                .help("write AWS's own by name (`AmazonS3ReadOnlyAccess`) and others by ARN");
        } else {
            arns.insert(format!("arn:${{aws.partition}}:iam::aws:policy/{policy}"));
        }
    }
    arns
}

/// The inline policies of these statements: one document, none without statements.
fn inline(lowering: &mut Lowering<'_>, place: &Place, statements: &[Statement]) -> BTreeMap<String, Value> {
    if statements.is_empty() {
        return BTreeMap::new();
    }
    let place = place.at("statement");
    let lowered = statements.iter().enumerate();
    let lowered =
        lowered.map(|(index, one)| statement(lowering, &place.item(index), one)).collect::<Vec<_>>();
    let document = document(&lowered);
    let length = document.to_string().chars().filter(|c| !c.is_whitespace()).count();
    if length > LONGEST_POLICY {
        let message = format!("the policy has {length} characters, and AWS takes at most {LONGEST_POLICY}");
        lowering.report(&place, message);
    }
    [("neap".to_owned(), document)].into()
}

fn statement(lowering: &mut Lowering<'_>, place: &Place, table: &Statement) -> Value {
    let effect = match table.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    let actions = place.at("actions");
    for (index, action) in table.actions.iter().enumerate() {
        if action != "*" && action.split_once(':').is_none_or(|(service, _)| service.is_empty()) {
            lowering
                .report(&actions.item(index), format!("`{action}` is not an action"))
                .help("actions read like `s3:GetObject` or `s3:Get*`");
        }
    }
    let resources = lowering.list(&place.at("resources"), &table.resources);
    for (index, resource) in resources.iter().enumerate() {
        if resource != "*" && !resource.starts_with("arn:") && !resource.starts_with("${") {
            lowering.report(&place.at("resources").item(index), format!("`{resource}` is not an ARN")).help(
                "write an ARN such as `arn:aws:s3:::bucket/*`, a reference such as `${ecr.api.arn}`, or `*`",
            );
        }
    }
    let mut lowered = json!({ "Effect": effect, "Action": table.actions, "Resource": resources });
    if !table.condition.is_empty() {
        let mut operators = BTreeMap::new();
        for (operator, keys) in &table.condition {
            let place = place.at("condition").at(operator);
            let values = |(key, values): (&String, &OneOrMany<String>)| {
                (key.clone(), lowering.list(&place.at(key), values.as_slice()))
            };
            operators.insert(operator, keys.iter().map(values).collect::<BTreeMap<_, _>>());
        }
        lowered["Condition"] = json!(operators);
    }
    lowered
}
