//! Why there is no plan, and what to do about it.

use std::collections::BTreeSet;

use neap_core::address::{Address, Kind};
use neap_core::adopt::NoAdoption;
use neap_core::live::{Holding, LiveResource, ReadFailure};
use neap_core::named::Named;
use neap_core::plan::{Reason, Refusal};
use neap_core::reference::Zone;
use serde_json::Value;

use super::{adopt, plan, style, value};
use crate::error::CommandError;
use crate::exit::Exit;

/// All the refusals of a plan for `stack` as one error: one after the other, each with its details.
pub(crate) fn refused(stack: &str, refusals: &[Refusal]) -> CommandError {
    let mut errors = refusals.iter().map(|refusal| one(stack, refusal));
    let Some(first) = errors.next() else {
        return CommandError::failed("there is no plan, and no reason for it: this is a fault in neap");
    };
    let rest: Vec<CommandError> = errors.collect();
    if rest.is_empty() {
        return first;
    }
    let message = format!("there is no plan, for {} reasons", rest.len() + 1);
    let exit = if rest.iter().all(|error| error.exit == first.exit) { first.exit } else { Exit::Failed };
    let mut all = CommandError::new(exit, message);
    for error in std::iter::once(first).chain(rest) {
        // Beside its reason a hint is clear; below all of them it would not be.
        let hints = error.hints.iter().map(|hint| format!("  hint: {hint}"));
        all.details.push(error.message);
        all.details.extend(error.details.iter().map(|detail| format!("  {detail}")).chain(hints));
    }
    all
}

fn one(stack: &str, refusal: &Refusal) -> CommandError {
    match refusal {
        Refusal::WrongAccount { expected, actual } => {
            let message =
                format!("these credentials are for account {actual}, and the stack is for {expected}");
            CommandError::failed(message).hint("choose other credentials with `--profile`")
        }
        Refusal::OtherRegion { expected, actual } => {
            let message = format!("stack `{stack}` is in {expected}, and {actual} was looked at");
            CommandError::failed(message)
                .hint(format!("run this with `--region {expected}`, or set `region` of `[stack]` to it"))
                .hint(format!("for another one in {actual}, give it another `name`; to move it, destroy it in {expected} first"))
        }
        Refusal::NameTaken { address, live, fields, obstacle } => {
            let message = format!("`{address}` is taken by something that is not the stack's own");
            let mut error = CommandError::failed(message).detail(adopt::called(live));
            for field in fields {
                let side = |value: &Option<Value>| value.as_ref().map_or("(none)".to_owned(), value::inline);
                error = error.detail(format!(
                    "{}: {} there, {} here",
                    field.path,
                    side(&field.before),
                    side(&field.after)
                ));
            }
            taken(error, stack, address, live, obstacle.as_deref())
        }
        Refusal::Unreadable { address, failure } => {
            unreadable(address.as_ref().map(ToString::to_string), failure)
        }
        Refusal::Protected { address, declared, action, reason } => {
            let message = format!("`{address}` is protected, and the plan would {} it", action.word());
            let hint = match (reason, *declared) {
                (Reason::Destroyed, true) => "to let it go, remove `protect = true` from its table and destroy again",
                (Reason::Destroyed, false) => {
                    "to let it go, put its table back without `protect = true` and destroy again"
                }
                (_, true) => "take the change back, or remove `protect = true` to let it go",
                (_, false) => {
                    "put its table back; to let it go, apply once without `protect = true` before the table leaves the file"
                }
            };
            CommandError::failed(message).detail(format!("because: {}", plan::reason(reason))).hint(hint)
        }
        Refusal::DeletionProtected { address, action, reason } => {
            let message = format!("`{address}` has deletion protection, and the plan would {} it", action.word());
            CommandError::failed(message)
                .detail(format!("because: {}", plan::reason(reason)))
                .hint("take the change back, or first apply `deletion_protection = false` with the rest as it was")
        }
        Refusal::Holds { address, name, holding, action, reason } => {
            let Holding { items, more } = *holding;
            let (some, plural) = (if more { "at least " } else { "" }, if items == 1 { "" } else { "s" });
            let what = match address.kind() {
                Kind::Ecr => format!("image{plural}"),
                _ => format!("object{plural} that neap has not uploaded"),
            };
            let message = format!("`{address}` holds {some}{items} {what}, and the plan would {} it", action.word());
            let error = CommandError::failed(message)
                .detail(name.clone())
                .detail(format!("because: {}", plan::reason(reason)));
            if address.kind() == Kind::Ecr {
                return error
                    .hint(format!(
                        "take the change back; a table that is only called otherwise keeps the repository with `name = \"{name}\"`"
                    ))
                    .hint(format!(
                        "or push the images elsewhere, and when nothing runs on them here: `aws ecr delete-repository --repository-name \
                         {name} --force`; only `neap destroy` deletes a repository with its images"
                    ));
            }
            error
                .hint("take the change back, set `keep = true` on the bucket and apply: then the change leaves it where it is")
                .hint(format!(
                    "or empty it, old versions too (`aws s3 rm s3://{name} --recursive` deletes the newest); only `neap destroy` deletes what is in a bucket"
                ))
        }
        Refusal::NoNetwork { message } => CommandError::failed(message.clone())
            .hint("`[network] vpc = \"vpc-…\"` in the stack file names another VPC"),
        Refusal::NoImage { processor } => {
            let message = format!("AWS recommends no image of ECS for {processor} in this region");
            CommandError::failed(message).hint("name one with `image = \"ami-…\"` of the instances")
        }
        Refusal::FewZones { needed, found } => {
            let message = format!(
                "the network needs {needed} availability zones, and this account can use {} in the region",
                found.len()
            );
            CommandError::failed(message).hint("lower `zones` in `[network]`, or name fewer blocks there")
        }
        Refusal::NotThere { named, by } => not_there(named, by),
        Refusal::BucketTaken { address, name } => {
            let message = format!("`{address}` cannot have the name `{name}`");
            CommandError::failed(message)
                .detail(
                    "because: another account has a bucket of that name, or this one in another region; names are unique in all of S3",
                )
                .hint("give the bucket another `name` in the stack file")
                .hint("if nobody has it, allow `s3:ListBucket` for these credentials: without it S3 does not tell one from the other")
        }
        Refusal::OtherProcessor { address, image, built_for, instance_type } => {
            let message =
                format!("the image `{image}` is built for {built_for}, and `{instance_type}` has another processor");
            CommandError::failed(message)
                .detail(format!("named by {address}"))
                .hint("name another `image` or another `instance_type`, or leave `image` out for the one that AWS recommends")
        }
        Refusal::WrongZones { address, zones } => {
            let message = match address.kind() {
                Kind::Alb => "a load balancer needs subnets in two availability zones, one in each",
                _ => "a load balancer takes one subnet of an availability zone",
            };
            let error = CommandError::failed(format!("`{address}`: {message}"));
            let error = zones.iter().fold(error, |error, (id, zone)| error.detail(format!("{id} is in {zone}")));
            error.hint("name others in `subnets`: `aws ec2 describe-subnets` lists those that there are")
        }
        Refusal::NoCloudfrontOrigins => {
            CommandError::failed("this region has no prefix list of the addresses from which CloudFront asks origins")
                .hint("take `reachable_from` out, or name security groups of your own")
        }
        Refusal::NoZone { zone: Zone::For(domain) } => {
            CommandError::failed(format!("no public hosted zone of this account answers for `{domain}`"))
                .hint("create one in Route 53, or name one with `zone`; zones of other accounts cannot be used")
                .hint("if its DNS is elsewhere, say `validation = \"outside\"` on the certificate")
        }
        Refusal::NoZone { zone: Zone::Of(name) } => {
            CommandError::failed(format!("this account has no hosted zone `{name}`"))
                .hint("create it in Route 53, or correct its name or id; zones of other accounts cannot be used")
        }
        Refusal::PrivateZone { address, zone: Zone::Of(zone) | Zone::For(zone) } => CommandError::failed(format!(
            "`{address}` would wait for ever: its hosted zone `{zone}` is private, and ACM looks for its records in public DNS"
        ))
        .hint("name a public zone of its domain, or leave `zone` out so that one is looked for")
        .hint("if its public DNS is elsewhere, say `validation = \"outside\"` instead"),
        Refusal::BadCertificate { arn, state } if state == "missing" => {
            CommandError::failed(format!("there is no certificate `{arn}`"))
                .hint("correct the ARN, or let the stack request one with `[certificate.NAME]`")
        }
        Refusal::BadCertificate { arn, state } => {
            CommandError::failed(format!("the certificate `{arn}` cannot be used: it is {state}, not ISSUED"))
                .hint("validate it, or let the stack request one with `[certificate.NAME]`")
        }
        Refusal::NoSecret { name } => {
            CommandError::failed(format!("there is no secret `{name}` in Secrets Manager"))
                .hint("create it, or correct its name in the stack file")
        }
        Refusal::AnotherFamily { address, runs } => CommandError::failed(format!(
            "`{address}` leaves its image to others, and runs a task definition of another family than its task's"
        ))
        .detail(runs.clone())
        .hint("let the pipeline register revisions of the task's own family, or give the task that `name`")
        .hint("or take `image` out of `owned_elsewhere`: then the stack's image replaces what runs"),
        Refusal::TrafficElsewhere { address, group, wanted } => {
            let name = group.name();
            CommandError::failed(format!(
                "`{address}` would leave `{group}`, to which a blue/green deployment has moved its traffic"
            ))
            .detail(format!("users would be led to `{wanted}` minutes before anything runs there"))
            .hint(format!(
                "name that group in `target` and in what forwards to it, with `group = \"{name}\"` and `forward = \"{name}\"`: \
                 then tasks and users stay where they are"
            ))
            .hint("or deploy once more with `deployment` and `alternate` as they were, which moves the traffic back")
        }
        Refusal::FixedProtocol { address, port, before, after } => CommandError::failed(format!(
            "`{address}` serves the port `{port}` by Service Connect, and AWS does not change what is spoken there"
        ))
        .detail(format!("{before} there, {after} here"))
        .hint(format!("give the port another `name` than `{port}`, and serve that one"))
        .hint("or take the service's table out for one apply: it is deleted then, and made anew by the next"),
        Refusal::UsersElsewhere { address, service, group, empty } => CommandError::failed(format!(
            "`{address}` would lead users to `{empty}`, in which `{service}` runs no task"
        ))
        .detail(format!("a blue/green deployment has moved its tasks to `{group}`, and the service stays there"))
        .hint(format!("lead users there too, with `forward = \"{}\"`", group.name())),
        Refusal::Cycle { path } => {
            let exchange = path.iter().all(|address| address.kind() == Kind::Cloudfront);
            let path: Vec<String> = path.iter().map(ToString::to_string).collect();
            let error =
                CommandError::invalid(format!("resources wait for each other: {}", path.join(" → ")));
            if !exchange {
                return error;
            }
            error
                .detail("each takes a name of its own that the other has, and CloudFront gives it to one alone")
                .hint("take one of the `aliases` out and apply, then write it where it belongs and apply again")
        }
    }
}

/// Something that the stack names and that is not there.
fn not_there(named: &Named, by: &BTreeSet<Address>) -> CommandError {
    let name = named.name();
    let (message, hint) = match named {
        Named::InstanceType(_) => (
            format!("this region has no instances of the type `{name}`"),
            "choose another `instance_type`: `aws ec2 describe-instance-type-offerings` lists those that it has",
        ),
        Named::Image(_) => (
            format!("there is no image `{name}` in this region that this account can use"),
            "name one that is there in `image`, or leave it out for the one that AWS recommends",
        ),
        Named::KeyPair(_) => (
            format!("there is no key pair `{name}` in this region"),
            "create it (`aws ec2 create-key-pair`), or take `key_pair` out",
        ),
        Named::Subnet(_) => (
            format!("there is no subnet `{name}` in this region"),
            "correct `subnets`: `aws ec2 describe-subnets` lists those that there are",
        ),
        Named::AvailabilityZone(_) => (
            format!("this account cannot use an availability zone `{name}`"),
            "correct `zones` in `[network]`: `aws ec2 describe-availability-zones` lists them, and a number leaves the choice to neap",
        ),
        Named::EndpointService(_) => (
            format!("this region has no service `{name}` for endpoints"),
            "correct `endpoints` in `[network]`: `aws ec2 describe-vpc-endpoint-services` lists those that it has",
        ),
        Named::SecurityGroup(_) => (
            format!("there is no security group `{name}` in this region"),
            "correct `security_groups`, or the `peer` of the rule: `aws ec2 describe-security-groups` lists those that there are",
        ),
        Named::PrefixList(_) => (
            format!("there is no prefix list `{name}` in this region that this account can use"),
            "correct the `peer` of the rule: `aws ec2 describe-managed-prefix-lists` lists those that there are",
        ),
        Named::Address(_) => (
            format!("this account has no elastic IP address `{name}` in this region"),
            "correct `addresses`: `aws ec2 describe-addresses` lists those that it has",
        ),
    };
    let by: Vec<String> = by.iter().map(ToString::to_string).collect();
    CommandError::failed(message).detail(format!("named by {}", by.join(", "))).hint(hint)
}

/// What to do about a name that something else has: `neap adopt`, unless there is an obstacle to that.
fn taken(
    error: CommandError,
    stack: &str,
    address: &Address,
    live: &LiveResource,
    obstacle: Option<&NoAdoption>,
) -> CommandError {
    // A distribution is known by its id alone.
    let id = if address.kind() == Kind::Cloudfront { format!(" {}", live.id) } else { String::new() };
    match obstacle {
        None => error
            .hint(format!(
                "`neap adopt {address}{id}` makes it the stack's own after showing what would change"
            ))
            .hint("or delete it, or give the resource another `name` in the stack file"),
        Some(NoAdoption::OtherStack { stack: owner, .. }) => error
            .detail(format!("it is tagged as stack {owner}'s"))
            .hint("give the resource another `name` in the stack file"),
        Some(reason) => {
            let refused = adopt::refused(stack, address, None, reason);
            let details = std::iter::once(refused.message).chain(refused.details);
            let error = details.fold(error, CommandError::detail);
            refused.hints.into_iter().fold(error, CommandError::hint)
        }
    }
}

/// A read that failed, of the resource at `address` if it is about one.
pub(crate) fn unreadable(address: Option<String>, failure: &ReadFailure) -> CommandError {
    let ReadFailure { operation, code, message, denied } = failure;
    let what = address.map_or_else(String::new, |address| format!("`{address}` could not be read: "));
    let code = code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    let error = CommandError::failed(format!("{what}{operation}: {code}{message}"));
    if *denied {
        error.hint(format!("allow {} for these credentials", style::names(std::slice::from_ref(operation))))
    } else {
        error.hint("nothing was changed; run it again")
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::Resource;
    use neap_core::plan::Action;

    use super::*;
    use crate::fixture;

    #[test]
    fn what_is_destroyed_has_no_change_to_take_back() {
        let hint = |reason: Reason, declared: bool| {
            let address = Address::new(Kind::Ecr, "api");
            let refusal = Refusal::Protected { address, declared, action: Action::Delete, reason };
            refused("course", &[refusal]).hints
        };
        let own = "to let it go, remove `protect = true` from its table and destroy again";
        assert_eq!(hint(Reason::Destroyed, true), [own]);
        let gone = "to let it go, put its table back without `protect = true` and destroy again";
        assert_eq!(hint(Reason::Destroyed, false), [gone]);
        let changed = "put its table back; to let it go, apply once without `protect = true` before the table leaves the file";
        assert_eq!(hint(Reason::NotDeclared, false), [changed]);
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        let address = Address::new(Kind::Ecr, "api");
        let live = Box::new(fixture::live(&address, Resource::example(Kind::Ecr)));
        let failure = ReadFailure {
            operation: "ecs:DescribeClusters".into(),
            code: Some("AccessDeniedException".into()),
            message: "not authorized".into(),
            denied: true,
        };
        let fields = vec![fixture::field("scan_on_push", serde_json::json!(true), serde_json::json!(false))];
        let balancer = Address::new(Kind::Alb, "public");
        let refusals = [
            Refusal::WrongAccount { expected: "1".into(), actual: "2".into() },
            Refusal::OtherRegion { expected: "eu-west-1".into(), actual: "eu-west-2".into() },
            Refusal::NameTaken { address: address.clone(), live, fields, obstacle: None },
            Refusal::Unreadable { address: Some(address.clone()), failure },
            Refusal::Protected {
                address,
                declared: false,
                action: Action::Delete,
                reason: Reason::NotDeclared,
            },
            Refusal::DeletionProtected {
                address: balancer.clone(),
                action: Action::CreateThenDelete,
                reason: Reason::Immutable { fields: vec!["scheme".into()] },
            },
            Refusal::BucketTaken { address: Address::new(Kind::Bucket, "web"), name: "site".into() },
            Refusal::Holds {
                address: Address::new(Kind::Bucket, "uploads"),
                name: "course-uploads-123456789012".into(),
                holding: Holding { items: 1000, more: true },
                action: Action::Delete,
                reason: Reason::NotDeclared,
            },
            Refusal::Holds {
                address: Address::new(Kind::Ecr, "api"),
                name: "course-api".into(),
                holding: Holding { items: 3, more: false },
                action: Action::DeleteThenCreate,
                reason: Reason::Immutable { fields: vec!["encryption".into()] },
            },
            Refusal::NoNetwork { message: "there is no default VPC".into() },
            Refusal::FewZones { needed: 6, found: vec!["eu-west-1a".into(), "eu-west-1b".into()] },
            Refusal::NotThere { named: Named::Subnet("subnet-0aaa".into()), by: [balancer.clone()].into() },
            Refusal::NotThere {
                named: Named::EndpointService("foo".into()),
                by: [Address::new(Kind::Vpc, "main")].into(),
            },
            Refusal::NotThere { named: Named::SecurityGroup("sg-0a".into()), by: [balancer.clone()].into() },
            Refusal::NotThere {
                named: Named::PrefixList("pl-0a".into()),
                by: [Address::new(Kind::SecurityGroup, "db")].into(),
            },
            Refusal::NotThere {
                named: Named::Address("eipalloc-0a".into()),
                by: [Address::new(Kind::Nlb, "mqtt")].into(),
            },
            Refusal::OtherProcessor {
                address: Address::new(Kind::Cluster, "main"),
                image: "ami-1".into(),
                built_for: "arm64".into(),
                instance_type: "t3.micro".into(),
            },
            Refusal::WrongZones {
                address: balancer,
                zones: ["subnet-1", "subnet-2"].map(|id| (id.to_owned(), "eu-west-1a".to_owned())).into(),
            },
            Refusal::NoCloudfrontOrigins,
            Refusal::NoZone { zone: Zone::For("app.example.com".into()) },
            Refusal::NoZone { zone: Zone::Of("Z1".into()) },
            Refusal::BadCertificate { arn: "arn:certificate".into(), state: "missing".into() },
            Refusal::BadCertificate { arn: "arn:certificate".into(), state: "PENDING_VALIDATION".into() },
            Refusal::NoSecret { name: "db".into() },
            Refusal::AnotherFamily {
                address: Address::new(Kind::Service, "api"),
                runs: "arn:other:3".into(),
            },
            Refusal::TrafficElsewhere {
                address: Address::new(Kind::Service, "api"),
                group: Address::new(Kind::TargetGroup, "green"),
                wanted: Address::new(Kind::TargetGroup, "blue"),
            },
            Refusal::FixedProtocol {
                address: Address::new(Kind::Service, "api"),
                port: "web".into(),
                before: "http".into(),
                after: "grpc".into(),
            },
            Refusal::UsersElsewhere {
                address: "alb.public.listener.http".parse().expect("an address"),
                service: Address::new(Kind::Service, "api"),
                group: Address::new(Kind::TargetGroup, "green"),
                empty: Address::new(Kind::TargetGroup, "blue"),
            },
        ];
        let error = refused("course", &refusals);
        assert_eq!(error.exit, Exit::Failed);
        let text = anstream::adapter::strip_str(&style::error(&error)).to_string();
        insta::assert_snapshot!(text, @r#"
        error: there is no plan, for 28 reasons
          these credentials are for account 2, and the stack is for 1
            hint: choose other credentials with `--profile`
          stack `course` is in eu-west-1, and eu-west-2 was looked at
            hint: run this with `--region eu-west-1`, or set `region` of `[stack]` to it
            hint: for another one in eu-west-2, give it another `name`; to move it, destroy it in eu-west-1 first
          `ecr.api` is taken by something that is not the stack's own
            arn:aws:example:eu-west-1:123456789012:ecr.api called `course-api`
            scan_on_push: true there, false here
            hint: `neap adopt ecr.api` makes it the stack's own after showing what would change
            hint: or delete it, or give the resource another `name` in the stack file
          `ecr.api` could not be read: ecs:DescribeClusters: AccessDeniedException: not authorized
            hint: allow `ecs:DescribeClusters` for these credentials
          `ecr.api` is protected, and the plan would delete it
            because: no longer in the stack file
            hint: put its table back; to let it go, apply once without `protect = true` before the table leaves the file
          `alb.public` has deletion protection, and the plan would replace it
            because: AWS cannot change `scheme` in place
            hint: take the change back, or first apply `deletion_protection = false` with the rest as it was
          `bucket.web` cannot have the name `site`
            because: another account has a bucket of that name, or this one in another region; names are unique in all of S3
            hint: give the bucket another `name` in the stack file
            hint: if nobody has it, allow `s3:ListBucket` for these credentials: without it S3 does not tell one from the other
          `bucket.uploads` holds at least 1000 objects that neap has not uploaded, and the plan would delete it
            course-uploads-123456789012
            because: no longer in the stack file
            hint: take the change back, set `keep = true` on the bucket and apply: then the change leaves it where it is
            hint: or empty it, old versions too (`aws s3 rm s3://course-uploads-123456789012 --recursive` deletes the newest); only `neap destroy` deletes what is in a bucket
          `ecr.api` holds 3 images, and the plan would replace it
            course-api
            because: AWS cannot change `encryption` in place
            hint: take the change back; a table that is only called otherwise keeps the repository with `name = "course-api"`
            hint: or push the images elsewhere, and when nothing runs on them here: `aws ecr delete-repository --repository-name course-api --force`; only `neap destroy` deletes a repository with its images
          there is no default VPC
            hint: `[network] vpc = "vpc-…"` in the stack file names another VPC
          the network needs 6 availability zones, and this account can use 2 in the region
            hint: lower `zones` in `[network]`, or name fewer blocks there
          there is no subnet `subnet-0aaa` in this region
            named by alb.public
            hint: correct `subnets`: `aws ec2 describe-subnets` lists those that there are
          this region has no service `foo` for endpoints
            named by vpc.main
            hint: correct `endpoints` in `[network]`: `aws ec2 describe-vpc-endpoint-services` lists those that it has
          there is no security group `sg-0a` in this region
            named by alb.public
            hint: correct `security_groups`, or the `peer` of the rule: `aws ec2 describe-security-groups` lists those that there are
          there is no prefix list `pl-0a` in this region that this account can use
            named by security_group.db
            hint: correct the `peer` of the rule: `aws ec2 describe-managed-prefix-lists` lists those that there are
          this account has no elastic IP address `eipalloc-0a` in this region
            named by nlb.mqtt
            hint: correct `addresses`: `aws ec2 describe-addresses` lists those that it has
          the image `ami-1` is built for arm64, and `t3.micro` has another processor
            named by cluster.main
            hint: name another `image` or another `instance_type`, or leave `image` out for the one that AWS recommends
          `alb.public`: a load balancer needs subnets in two availability zones, one in each
            subnet-1 is in eu-west-1a
            subnet-2 is in eu-west-1a
            hint: name others in `subnets`: `aws ec2 describe-subnets` lists those that there are
          this region has no prefix list of the addresses from which CloudFront asks origins
            hint: take `reachable_from` out, or name security groups of your own
          no public hosted zone of this account answers for `app.example.com`
            hint: create one in Route 53, or name one with `zone`; zones of other accounts cannot be used
            hint: if its DNS is elsewhere, say `validation = "outside"` on the certificate
          this account has no hosted zone `Z1`
            hint: create it in Route 53, or correct its name or id; zones of other accounts cannot be used
          there is no certificate `arn:certificate`
            hint: correct the ARN, or let the stack request one with `[certificate.NAME]`
          the certificate `arn:certificate` cannot be used: it is PENDING_VALIDATION, not ISSUED
            hint: validate it, or let the stack request one with `[certificate.NAME]`
          there is no secret `db` in Secrets Manager
            hint: create it, or correct its name in the stack file
          `service.api` leaves its image to others, and runs a task definition of another family than its task's
            arn:other:3
            hint: let the pipeline register revisions of the task's own family, or give the task that `name`
            hint: or take `image` out of `owned_elsewhere`: then the stack's image replaces what runs
          `service.api` would leave `target_group.green`, to which a blue/green deployment has moved its traffic
            users would be led to `target_group.blue` minutes before anything runs there
            hint: name that group in `target` and in what forwards to it, with `group = "green"` and `forward = "green"`: then tasks and users stay where they are
            hint: or deploy once more with `deployment` and `alternate` as they were, which moves the traffic back
          `service.api` serves the port `web` by Service Connect, and AWS does not change what is spoken there
            http there, grpc here
            hint: give the port another `name` than `web`, and serve that one
            hint: or take the service's table out for one apply: it is deleted then, and made anew by the next
          `alb.public.listener.http` would lead users to `target_group.blue`, in which `service.api` runs no task
            a blue/green deployment has moved its tasks to `target_group.green`, and the service stays there
            hint: lead users there too, with `forward = "green"`
        "#);
    }

    #[test]
    fn a_cycle_is_a_mistake_of_the_stack_file() {
        let path = [Kind::Task, Kind::Service, Kind::Task].map(|kind| Address::new(kind, "a"));
        let error = refused("course", &[Refusal::Cycle { path: path.into() }]);
        assert_eq!(error.exit, Exit::Invalid);
        assert_eq!(error.message, "resources wait for each other: task.a → service.a → task.a");
        assert!(error.hints.is_empty());
        let path = ["a", "b", "a"].map(|name| Address::new(Kind::Cloudfront, name));
        let error = refused("course", &[Refusal::Cycle { path: path.into() }]);
        assert!(error.hints[0].contains("take one of the `aliases` out"), "{:?}", error.hints);
    }

    #[test]
    fn what_adopt_would_refuse_is_not_offered() {
        let address = Address::new(Kind::Role, "job");
        let live = Box::new(fixture::live(&address, Resource::example(Kind::Role)));
        let reason = NoAdoption::RoleOutside { path: "/".into(), wanted: "/neap/course/".into() };
        let obstacle = Some(Box::new(reason));
        let refusal = Refusal::NameTaken { address, live, fields: Vec::new(), obstacle };
        let error = refused("course", &[refusal]);
        assert!(error.hints.iter().all(|hint| !hint.contains("neap adopt")), "{:?}", error.hints);
        assert!(error.hints[0].contains("another `name`"), "{:?}", error.hints);
        assert!(error.details[1].contains("under the path `/`"), "{:?}", error.details);
    }
}
