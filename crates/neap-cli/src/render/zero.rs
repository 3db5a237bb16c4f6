//! What stands in the way of a destroy, and what is left after one, in the words of the command line.

use std::fmt::Write as _;

use neap_core::address::Address;
use neap_core::live::ReadFailure;
use neap_core::pricing::Cost;
use neap_core::zero::{Blocker, Finding, Found, Verdict, Way};

use super::style::{self, paint};
use crate::error::CommandError;
use crate::exit::Exit;

/// What is in the way and what is done about each, one per line. Nothing where nothing is.
pub(crate) fn blockers(blockers: &[Blocker]) -> String {
    let mut text = String::new();
    for blocker in blockers.iter().filter(|blocker| blocker.way != Way::Refuses) {
        if text.is_empty() {
            text.push_str("\nIn the way:\n");
        }
        let _ = writeln!(text, "- {}", blocker_line(blocker));
    }
    text
}

fn blocker_line(blocker: &Blocker) -> String {
    let Blocker { address, id, what, plan, .. } = blocker;
    let name = address.as_ref().map_or_else(|| id.clone(), ToString::to_string);
    format!("{} {what}: {plan}", paint(style::NAME, &name))
}

/// Why nothing is deleted, if something in the way is a reason for that.
pub(crate) fn refusal(stack: &str, blockers: &[Blocker]) -> Option<CommandError> {
    let refusing: Vec<&Blocker> = blockers.iter().filter(|blocker| blocker.way == Way::Refuses).collect();
    if refusing.is_empty() {
        return None;
    }
    let mut error =
        CommandError::failed(format!("stack {stack} cannot be destroyed without what others use"));
    error.details.extend(refusing.iter().map(|blocker| blocker_line(blocker)));
    Some(error.hint("nothing was changed; move or remove what is named there, then run `neap destroy` again"))
}

/// That what may be in the way could not be seen, for each read that failed.
pub(crate) fn unseen(unread: &[ReadFailure]) -> Vec<String> {
    let told = |failure: &ReadFailure| {
        format!("what stands in the way may be missed: {} failed: {}", failure.operation, reason(failure))
    };
    unread.iter().map(told).collect()
}

/// What is being waited for at the end, in one line.
pub(crate) fn waiting(verdict: &Verdict) -> String {
    let first = verdict.left.first().map(going).unwrap_or_default();
    let more = verdict.left.len().saturating_sub(1);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("waiting for AWS to finish deleting: {first}{more}\n")
}

fn going(finding: &Finding) -> String {
    let word = finding.going.as_deref().map(|word| format!(", {word}")).unwrap_or_default();
    format!("{}{word}", finding.title)
}

/// What does not count but is worth knowing.
pub(crate) fn notes(verdict: &Verdict, verbose: bool) -> String {
    let mut text = String::new();
    for finding in &verdict.vanishing {
        let _ = writeln!(text, "not counted: AWS still keeps {}, and charges nothing for it", going(finding));
    }
    for finding in &verdict.kept {
        let cost = finding.cost.map(|cost| format!(" and costs {}", dollars(cost))).unwrap_or_default();
        let _ = writeln!(text, "kept: {} stays, as the stack says{cost}", finding.title);
    }
    for arn in &verdict.unknown {
        let _ =
            writeln!(text, "not counted: the index of tags names {arn}, which neap has no way to look at");
    }
    if verbose {
        for finding in &verdict.namesakes {
            let _ =
                writeln!(text, "not counted: {} has a name like the stack's, but not its tag", finding.title);
        }
    } else if !verdict.namesakes.is_empty() {
        let count = style::count(verdict.namesakes.len(), "resource");
        let _ = writeln!(
            text,
            "not counted: {count} with names like the stack's, but not its tag; `-v` lists them"
        );
    }
    text
}

/// What to do about what is left after a destroy.
pub(crate) const AGAIN: &str = "run `neap destroy` again: it goes on from what is left";
/// What to do about it where none was asked for.
pub(crate) const FIRST: &str = "run `neap destroy`: it deletes what is the stack's";

/// What a look at everything found: a line that says that nothing is left, or else an error, with what is `next` where a destroy helps.
pub(crate) fn verdict(stack: &str, verdict: &Verdict, next: &str) -> Result<String, CommandError> {
    if verdict.is_zero() {
        return Ok(format!("{}\n", paint(style::GOOD, &format!("Nothing of stack {stack} is left"))));
    }
    let left = style::count(verdict.left.len(), "resource");
    let are = if verdict.left.len() == 1 { "is" } else { "are" };
    let cost = verdict.cost().map(|cost| format!(", for {}", dollars(cost))).unwrap_or_default();
    let message = if verdict.left.is_empty() {
        format!("it is not proven that nothing of stack {stack} is left")
    } else {
        format!("{left} of stack {stack} {are} left{cost}")
    };
    let mut error = CommandError::new(Exit::Residue, message);
    error.details.extend(verdict.left.iter().map(detail));
    for failure in &verdict.unread {
        error.details.push(format!("{} failed: {}", failure.operation, reason(failure)));
    }
    let denied = verdict.unread.iter().filter(|failure| failure.denied);
    let denied: Vec<String> = denied.map(|failure| failure.operation.clone()).collect();
    if !denied.is_empty() {
        let hint =
            format!("allow {} for these credentials, to see whether there is more", style::names(&denied));
        error.hints.push(hint);
    }
    if verdict.left.iter().any(is_destroyed) {
        error.hints.push(next.to_owned());
    } else if verdict.left.iter().any(|finding| finding.going.is_some()) {
        error.hints.push("AWS is deleting; `neap destroy --check` looks again".to_owned());
    }
    Err(error)
}

/// Whether another destroy removes it: what has the name alone is not the stack's to delete.
fn is_destroyed(finding: &Finding) -> bool {
    let is_theirs = matches!(finding.found, Some(Found::Name { .. }));
    finding.goes && finding.going.is_none() && !is_theirs
}

fn reason(failure: &ReadFailure) -> String {
    let code = failure.code.as_deref().map(|code| format!("{code}: ")).unwrap_or_default();
    format!("{code}{}", failure.message)
}

/// One thing that is left: what it is, how that is known, what blocks it, what it costs, what removes it.
fn detail(finding: &Finding) -> String {
    let address = finding.address.as_ref().map(ToString::to_string);
    let name = address.map_or_else(String::new, |address| format!("{}: ", paint(style::NAME, &address)));
    let mut text = format!("{name}{}, {}", finding.title, found(finding.found.as_ref()));
    let mut line = |detail: String| {
        let _ = write!(text, "\n  {detail}");
    };
    if let Some(going) = &finding.going {
        line(format!("AWS is deleting it: {going}"));
    }
    for blocker in &finding.blocked_by {
        line(format!("held: {blocker}"));
    }
    if let Some(cost) = finding.cost {
        line(format!("costs {}", dollars(cost)));
    }
    match (&finding.by_hand, &finding.found) {
        (command, Some(Found::Name { of })) => line(left_alone(of, command.as_deref())),
        (Some(command), _) => line(format!("not deleted by neap; `{command}` removes it")),
        (None, _) if finding.goes || finding.going.is_some() => {}
        (None, _) => line("not deleted by neap".to_owned()),
    }
    text
}

/// What can be done about something that has the name of `of`, and nothing that says whose it is.
fn left_alone(of: &Address, command: Option<&str>) -> String {
    let adopt = of.kind().takes_tags().then(|| format!("`neap adopt {of}` makes it the stack's"));
    let remove = command.map(|command| format!("`{command}` removes it"));
    let ways: Vec<String> = adopt.into_iter().chain(remove).collect();
    let ways = if ways.is_empty() { String::new() } else { format!("; {}", ways.join(", ")) };
    format!("left alone, since nothing says whose it is{ways}")
}

fn found(found: Option<&Found>) -> String {
    match found {
        Some(Found::Tag) => "tagged as the stack's".to_owned(),
        Some(Found::Place) => "in a place that only this stack uses".to_owned(),
        Some(Found::Name { of }) => format!("with the name of {of} and nobody's tags"),
        Some(Found::LeftBehind { by }) => format!("left behind by {by}"),
        None => "with a name like the stack's".to_owned(),
    }
}

/// A cost as people say it.
pub(crate) fn dollars(cost: Cost) -> String {
    let Cost { per_hour, per_month, elsewhere } = cost;
    let month = if per_month < 0.01 {
        "less than a cent a month".to_owned()
    } else {
        format!("about ${per_month:.2} a month")
    };
    let hour = if per_hour > 0.0 { format!(" (${per_hour:.4} an hour)") } else { String::new() };
    let region = if elsewhere { ", at another region's prices" } else { "" };
    format!("{month}{hour}{region}")
}

#[cfg(test)]
mod tests {
    use neap_core::address::Kind;
    use neap_core::zero::Thing;

    use super::*;
    use crate::fixture::plain;

    fn finding(thing: Thing, title: &str, found: Option<Found>) -> Finding {
        let is_tagged = found == Some(Found::Tag);
        Finding {
            thing,
            id: "id".into(),
            title: title.into(),
            address: None,
            found,
            going: None,
            blocked_by: Vec::new(),
            cost: None,
            goes: is_tagged,
            by_hand: None,
        }
    }

    fn left() -> Verdict {
        let api = || Address::new(Kind::Ecr, "api");
        let repository = Finding {
            address: Some(api()),
            cost: Some(Cost { per_hour: 0.0, per_month: 0.004, elsewhere: false }),
            ..finding(Thing::Repository, "repository course-api", Some(Found::Tag))
        };
        let balancer = Finding {
            cost: Some(Cost { per_hour: 0.0225, per_month: 16.425, elsewhere: true }),
            blocked_by: vec!["deletion protection is on".into()],
            by_hand: Some("aws elbv2 delete-load-balancer".into()),
            ..finding(Thing::LoadBalancer, "load balancer course-x", Some(Found::Name { of: api() }))
        };
        let by = "load balancer course-x".to_owned();
        let interface = Finding {
            going: Some("not released yet".into()),
            ..finding(Thing::NetworkInterface, "network interface eni-1", Some(Found::LeftBehind { by }))
        };
        let group = finding(Thing::LogGroup, "log group /neap/course/x", Some(Found::Place));
        Verdict { left: vec![repository, balancer, interface, group], ..Verdict::default() }
    }

    fn failure() -> ReadFailure {
        ReadFailure {
            operation: "ecr:DescribeRepositories".into(),
            code: Some("AccessDeniedException".into()),
            message: "no".into(),
            denied: true,
        }
    }

    #[test]
    fn nothing_left_is_one_line() {
        let nothing = verdict("course", &Verdict::default(), AGAIN).expect("nothing");
        assert_eq!(plain(&nothing), "Nothing of stack course is left\n");
    }

    #[test]
    fn what_is_left_is_told_with_its_cost_what_holds_it_and_what_removes_it() {
        let error = verdict("course", &left(), AGAIN).expect_err("something");
        assert_eq!(error.exit, Exit::Residue);
        insta::assert_snapshot!(plain(&style::error(&error)), @r"
        error: 4 resources of stack course are left, for about $16.43 a month ($0.0225 an hour), at another region's prices
          ecr.api: repository course-api, tagged as the stack's
            costs less than a cent a month
          load balancer course-x, with the name of ecr.api and nobody's tags
            held: deletion protection is on
            costs about $16.43 a month ($0.0225 an hour), at another region's prices
            left alone, since nothing says whose it is; `neap adopt ecr.api` makes it the stack's, `aws elbv2 delete-load-balancer` removes it
          network interface eni-1, left behind by load balancer course-x
            AWS is deleting it: not released yet
          log group /neap/course/x, in a place that only this stack uses
            not deleted by neap

        hint: run `neap destroy` again: it goes on from what is left
        ");
    }

    #[test]
    fn what_has_the_name_alone_is_nothing_that_another_destroy_removes() {
        let of = || Address::new(Kind::Function, "policy");
        let function = finding(Thing::Function, "function course-policy", Some(Found::Name { of: of() }));
        let error = verdict("course", &Verdict { left: vec![function], ..Verdict::default() }, AGAIN);
        insta::assert_snapshot!(plain(&style::error(&error.expect_err("something"))), @r"
        error: 1 resource of stack course is left
          function course-policy, with the name of function.policy and nobody's tags
            left alone, since nothing says whose it is; `neap adopt function.policy` makes it the stack's
        ");
        let control = Address::new(Kind::OriginAccessControl, "site");
        assert_eq!(left_alone(&control, None), "left alone, since nothing says whose it is");
    }

    #[test]
    fn what_only_needs_time_is_looked_at_again() {
        let mut only = left();
        only.left.drain(..2);
        only.left.truncate(1);
        let error = verdict("course", &only, AGAIN).expect_err("something");
        assert_eq!(error.hints, ["AWS is deleting; `neap destroy --check` looks again"]);
        assert_eq!(
            waiting(&only),
            "waiting for AWS to finish deleting: network interface eni-1, not released yet\n"
        );
        assert!(waiting(&left()).ends_with(" and 3 more\n"));
    }

    #[test]
    fn a_look_that_follows_no_destroy_does_not_say_again() {
        let hints = |next| verdict("course", &left(), next).expect_err("something").hints;
        assert_eq!(hints(FIRST), ["run `neap destroy`: it deletes what is the stack's"]);
        assert_eq!(hints(AGAIN), ["run `neap destroy` again: it goes on from what is left"]);
    }

    #[test]
    fn what_could_not_be_read_is_no_proof_and_names_the_permission() {
        let unread = Verdict { unread: vec![failure()], ..Verdict::default() };
        let error = verdict("course", &unread, AGAIN).expect_err("no proof");
        assert_eq!(error.exit, Exit::Residue);
        insta::assert_snapshot!(plain(&style::error(&error)), @r"
        error: it is not proven that nothing of stack course is left
          ecr:DescribeRepositories failed: AccessDeniedException: no

        hint: allow `ecr:DescribeRepositories` for these credentials, to see whether there is more
        ");
        let warning = unseen(&[failure()]);
        assert_eq!(
            warning,
            [
                "what stands in the way may be missed: ecr:DescribeRepositories failed: AccessDeniedException: no"
            ]
        );
    }

    #[test]
    fn what_does_not_count_is_told_beside() {
        let vanishing = Finding {
            going: Some("delete in progress".into()),
            ..finding(Thing::TaskDefinition, "task definition course-api:1", Some(Found::Tag))
        };
        let verdict = Verdict {
            vanishing: vec![vanishing],
            kept: vec![finding(Thing::Bucket, "bucket course-web", Some(Found::Tag))],
            namesakes: vec![finding(Thing::Cluster, "cluster course-two", None)],
            unknown: vec!["arn:aws:s3:::bucket".into()],
            ..Verdict::default()
        };
        insta::assert_snapshot!(notes(&verdict, false), @r"
        not counted: AWS still keeps task definition course-api:1, delete in progress, and charges nothing for it
        kept: bucket course-web stays, as the stack says
        not counted: the index of tags names arn:aws:s3:::bucket, which neap has no way to look at
        not counted: 1 resource with names like the stack's, but not its tag; `-v` lists them
        ");
        assert!(
            notes(&verdict, true).contains("not counted: cluster course-two has a name like the stack's")
        );
        assert_eq!(notes(&Verdict::default(), true), "");
    }

    #[test]
    fn what_is_in_the_way_is_told_or_refuses() {
        let blocker = |way, what: &str| Blocker {
            address: Some(Address::new(Kind::Ecr, "api")),
            id: "course-api".into(),
            what: what.into(),
            way,
            plan: "it goes".into(),
        };
        let mild =
            [blocker(Way::Goes, "holds 1 image"), Blocker { address: None, ..blocker(Way::Waits, "waits") }];
        assert_eq!(
            plain(&blockers(&mild)),
            "\nIn the way:\n- ecr.api holds 1 image: it goes\n- course-api waits: it goes\n"
        );
        assert_eq!(refusal("course", &mild), None);
        let hard = [blocker(Way::Refuses, "is used by others")];
        assert_eq!(blockers(&hard), "");
        let error = refusal("course", &hard).expect("a refusal");
        assert_eq!(error.exit, Exit::Failed);
        assert_eq!(
            error.details.iter().map(|it| plain(it)).collect::<Vec<_>>(),
            ["ecr.api is used by others: it goes"]
        );
    }
}
