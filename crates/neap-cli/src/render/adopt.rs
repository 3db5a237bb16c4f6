//! An adoption for people: what is taken over, what the next apply does to it, and why it is refused.
//!
//! Must not know how an adoption is judged.

use neap_core::address::{Address, Kind};
use neap_core::adopt::{Adoption, NoAdoption};
use neap_core::live::{Environment, LiveResource};
use neap_core::plan::{Action, Change};

use super::style::{self, paint};
use super::{plan, refusal};
use crate::error::CommandError;

/// What is adopted, and what the next apply does to it.
pub(crate) fn adoption(stack: &str, environment: &Environment, adoption: &Adoption) -> String {
    let Environment { account, region, .. } = environment;
    let address = paint(style::NAME, &adoption.address.to_string());
    let stack = paint(style::STRONG, stack);
    let mark = |(key, value): (&String, &String)| {
        format!("    {}\n", paint(style::GOOD, &format!("+ {key} = {value}")))
    };
    let marks: String = adoption.marks().iter().map(mark).collect();
    format!(
        "Adopt {address} into stack {stack} in account {account}, region {region}\n\n  {}\n{marks}\n\
         Only these tags are set now.\n\n{}",
        called(&adoption.live),
        consequences(adoption)
    )
}

/// What the next apply does, as the stack file is and as it should be.
fn consequences(adoption: &Adoption) -> String {
    let Adoption { address, live, next, renamed, .. } = adoption;
    let named = renamed.as_ref().map(|renamed| {
        let wish = format!("`name = \"{}\"` under `[{address}]`", renamed.name);
        format!("With {wish} in the stack file, the next apply {}", change(&renamed.next))
    });
    let as_it_is = match (next, renamed) {
        (Some(next), None) => format!("The next apply {}", change(next)),
        (Some(next), Some(_)) => format!("As the stack file is now, without that name, it {}", change(next)),
        (None, _) => format!(
            "Without that name there is no plan: something else has the stack's own name for {address}\n"
        ),
    };
    let warning = adoption.is_replaced().then(|| {
        let message =
            format!("as the stack file is now, the next apply deletes {} and makes it anew", live.id);
        style::warning(&message)
    });
    [named, Some(as_it_is), warning].into_iter().flatten().collect()
}

/// What happens to it, after `the next apply`.
fn change(change: &Change) -> String {
    if change.action == Action::NoOp {
        return "changes nothing: it is as the stack says\n".to_owned();
    }
    format!("does this:\n\n{}\n", plan::one(change))
}

/// What is asked before the tags are set.
pub(crate) fn question(stack: &str, adoption: &Adoption) -> String {
    let fate =
        if adoption.is_replaced() { "the next apply replaces it" } else { "it changes with the stack file" };
    format!("Adopt it? It is then stack {stack}'s own: {fate}, and `neap destroy` deletes it")
}

/// That it is done, and what to do next.
pub(crate) fn done(adoption: &Adoption) -> String {
    let Adoption { address, renamed, .. } = adoption;
    let adopted = paint(style::GOOD, "Adopted");
    let plan = paint(style::NAME, "neap plan");
    let first = renamed
        .as_ref()
        .map(|renamed| format!("put `name = \"{}\"` under `[{address}]`, then ", renamed.name));
    let first = first.unwrap_or_default();
    format!("\n{adopted} {address}; {first}`{plan}` shows what the next apply does\n")
}

/// That there is nothing to do.
pub(crate) fn already(stack: &str, live: &LiveResource) -> String {
    format!(
        "{} is stack {stack}'s own already: {}\n",
        paint(style::NAME, &live.address.to_string()),
        called(live)
    )
}

/// The id of something live, and its name where the id does not hold it.
pub(crate) fn called(live: &LiveResource) -> String {
    let name = live.resource.aws_name();
    if live.id.contains(name) { live.id.clone() } else { format!("{} called `{name}`", live.id) }
}

/// What people may call a resource of `kind`.
pub(crate) const fn known_by(kind: Kind) -> &'static str {
    match kind {
        Kind::Cloudfront => "its id, such as `E2QWRUHAPOMQZL`, or its ARN",
        Kind::SecurityGroup => "its name, its id, such as `sg-0123456789abcdef0`, or its ARN",
        Kind::Listener | Kind::Rule => "its ARN, or by its place alone",
        _ => "its name or its ARN",
    }
}

/// Why something is not adopted, and what to do about it. `id` is what it was called.
pub(crate) fn refused(stack: &str, address: &Address, id: Option<&str>, reason: &NoAdoption) -> CommandError {
    match reason {
        NoAdoption::Nothing => nothing(address, id),
        NoAdoption::Unreadable(failure) => refusal::unreadable(Some(address.to_string()), failure),
        NoAdoption::NoPlan(refusals) => refusal::refused(stack, refusals)
            .hint("nothing was adopted, since nobody could tell what the next apply does"),
        NoAdoption::Another(live) => another(address, live),
        NoAdoption::Occupied(live) => {
            CommandError::failed(format!("`{address}` is live already, and it can only be one thing"))
                .detail(called(live))
                .hint("give what is to be adopted a resource of its own in the stack file")
        }
        NoAdoption::OwnElsewhere(live) => {
            let other = &live.address;
            CommandError::failed(format!("it is stack {stack}'s own already, as `{other}`"))
                .detail(called(live))
                .hint(format!("while `{other}` is no longer declared, `neap apply` takes it for `{address}`"))
        }
        NoAdoption::OtherStack { stack: owner, live } => other_stack(owner, live),
        NoAdoption::ParentFirst(parent) => CommandError::failed(format!(
            "`{address}` lives inside `{parent}`, which is not the stack's own yet"
        ))
        .hint(format!("`neap adopt {parent}` comes first, if it is there")),
        NoAdoption::Leaving(live) => CommandError::failed(format!("AWS is deleting {}", called(live)))
            .hint("wait until it is gone; `neap apply` then makes a new one"),
        NoAdoption::RoleOutside { path, wanted } => {
            let message =
                format!("the role is under the path `{path}`, and the stack's roles are under `{wanted}`");
            CommandError::failed(message)
                .detail("AWS cannot move a role, and outside of that path no look would find it again")
                .hint("let neap make a role of its own: give it another `name`, or delete this one")
        }
        NoAdoption::Untaggable(live) => {
            let message = format!("AWS cannot tag {}, so nothing could say whose it is", called(live));
            if live.kind().takes_tags() {
                CommandError::failed(message)
                    .detail("its ARN has the old form, without the cluster")
                    .hint("recreate it, which gives it the new form")
            } else {
                CommandError::failed(message).hint("delete it, and the stack makes its own")
            }
        }
        NoAdoption::Permanent(live) => CommandError::failed(format!(
            "AWS lets nobody delete {}, so no stack could end with it",
            called(live)
        ))
        .hint("name it where it is used, by its id, and leave it undeclared"),
    }
}

fn nothing(address: &Address, id: Option<&str>) -> CommandError {
    let kind = address.kind();
    let what = id.map_or_else(String::new, |id| format!(" called `{id}`"));
    let error = CommandError::failed(format!("nothing live{what} could become `{address}`"));
    match (id, kind) {
        (Some(_), _) => error.hint("check the name, and the account and region of these credentials"),
        (None, Kind::Listener) => error.hint("its load balancer has no listener on that port"),
        (None, Kind::Rule) => error.hint("its listener has no rule of that priority"),
        (None, Kind::Cloudfront) => error.hint(format!(
            "distributions have no names: `neap adopt {address} ID` with the id of the one that is meant"
        )),
        (None, _) => error.hint(format!(
            "`neap adopt {address} ID` takes something with another name; it is known by {}",
            known_by(kind)
        )),
    }
}

fn another(address: &Address, live: &LiveResource) -> CommandError {
    let error = CommandError::failed(format!("what could become `{address}` is another"));
    let error = error.detail(called(live));
    let revision = "of a task definition only the newest revision can be adopted: leave the number out";
    let place = "a listener's port and a rule's priority in the stack file say which one is meant";
    match address.kind() {
        Kind::Task => error.hint(revision),
        Kind::Listener | Kind::Rule => error.hint(place),
        _ => error.hint("check the ARN: the name in it is the same, and the rest is not"),
    }
}

fn other_stack(owner: &str, live: &LiveResource) -> CommandError {
    let tagged = live.tags.get(neap_core::desired::TAG_ADDRESS).map_or("something", String::as_str);
    CommandError::failed(format!("it belongs to stack {owner}, as `{tagged}`"))
        .detail(called(live))
        .hint(format!("take `{tagged}` out of the stack file of {owner}, but do not apply that"))
        .hint("remove the tags `neap:stack`, `neap:address` and `neap:spec` from it by hand, then run this again")
}
