//! What can happen in a sequence, and how it is written in a script: one line for each act.
//!
//! Must not know how acts are carried out.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use proptest::prelude::*;

use crate::example;
use crate::stack::KNOBS;

/// Which of the two stacks: `course`, or `course-prod`, whose name begins with the other's.
pub(crate) type Prod = bool;

/// What goes wrong with the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Too many requests, for a burst of calls.
    Throttle,
    /// It is carried out, and nobody hears of it.
    Lost,
    /// The service fails.
    Broken,
    /// The permission is missing, for every call of the operation.
    Deny,
    /// The process ends right before a change is sent.
    KillBefore,
    /// The process ends right after a change was carried out.
    KillAfter,
}

/// How news travel in the next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slowness {
    /// What is new is seen late.
    Late,
    /// What has changed or is gone is seen as it was.
    Stale,
    /// Both, and every other look shows the truth.
    Flicker,
}

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// The stack file is edited: one knob is turned.
    Edit(usize, u8),
    /// The stack file becomes an example's, after one of its edits or as it is where that is 0; or what the knobs say, again.
    Example(Option<(usize, u8)>),
    /// `neap apply`, as the stack file says.
    Apply(Prod),
    /// `neap destroy`.
    Destroy(Prod),
    /// So much time passes, in seconds.
    Wait(u8),
    /// The next run meets this, from the nth matching call on. The operation is a number into [`OPERATIONS`].
    Trouble(Trouble, usize, u8),
    /// The next run meets slow news.
    Slow(Slowness, u8),
    /// Somebody changes a field of a live resource. The number picks which.
    Drift(u8),
    /// Somebody changes a tag.
    Tag(u8),
    /// Somebody deletes a live resource.
    Remove(u8),
    /// Somebody makes something that looks like ours. The numbers pick what it looks like, and how.
    LookAlike(u8, u8),
}

/// The operations that trouble is for: everything, the calls of one service, and changes of one sort.
pub(crate) const OPERATIONS: [&str; 58] = [
    "*",
    "ecs:*",
    "elasticloadbalancing:*",
    "ec2:*",
    "iam:*",
    "logs:*",
    "ecr:*",
    "cloudfront:*",
    "s3:*",
    "autoscaling:*",
    "route53:*",
    "acm:*",
    "application-autoscaling:*",
    "servicediscovery:*",
    "ecs:Create*",
    "ecs:Update*",
    "ecs:Delete*",
    "ecs:RegisterTaskDefinition",
    "ecs:DeregisterTaskDefinition",
    "ecs:TagResource",
    "elasticloadbalancing:Create*",
    "elasticloadbalancing:Modify*",
    "elasticloadbalancing:Delete*",
    "elasticloadbalancing:AddTags",
    "elasticloadbalancing:ConfigureHealthCheck",
    "ec2:CreateSecurityGroup",
    "ec2:Authorize*",
    "ec2:Revoke*",
    "ec2:DeleteSecurityGroup",
    "iam:CreateRole",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:De*",
    "logs:CreateLogGroup",
    "logs:PutRetentionPolicy",
    "logs:DeleteLogGroup",
    "ecr:Create*",
    "ecr:Put*",
    "ecr:Delete*",
    "cloudfront:UpdateDistribution",
    "cloudfront:PublishFunction",
    "s3:CreateBucket",
    "s3:Put*",
    "s3:DeleteBucket",
    "autoscaling:Create*",
    "autoscaling:DeleteAutoScalingGroup",
    "ec2:CreateVpc",
    "ec2:AttachInternetGateway",
    "ec2:CreateSubnet",
    "ec2:Delete*",
    "route53:ChangeResourceRecordSets",
    "acm:RequestCertificate",
    "application-autoscaling:Put*",
    "servicediscovery:Create*",
    "servicediscovery:Delete*",
    "servicediscovery:Update*",
    "ec2:AllocateAddress",
    "ec2:CreateNatGateway",
];

/// The first operations of the list are made often, by reads too; the others a few times in a run.
const BROAD: usize = 14;

const TROUBLES: [(&str, Trouble); 6] = [
    ("throttle", Trouble::Throttle),
    ("lost", Trouble::Lost),
    ("broken", Trouble::Broken),
    ("deny", Trouble::Deny),
    ("kill-before", Trouble::KillBefore),
    ("kill-after", Trouble::KillAfter),
];

const SLOWNESSES: [(&str, Slowness); 3] =
    [("late", Slowness::Late), ("stale", Slowness::Stale), ("flicker", Slowness::Flicker)];

fn word<T: PartialEq>(table: &[(&'static str, T)], wanted: &T) -> &'static str {
    table.iter().find(|(_, value)| value == wanted).map_or("?", |(word, _)| word)
}

impl fmt::Display for Act {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prod = |prod: &bool| if *prod { " prod" } else { "" };
        match self {
            Self::Edit(knob, position) => write!(formatter, "edit {} {position}", KNOBS[*knob].0),
            Self::Example(None) => formatter.write_str("example none"),
            Self::Example(Some((which, edit))) => {
                write!(formatter, "example {} {edit}", example::ALL[*which].name)
            }
            Self::Apply(which) => write!(formatter, "apply{}", prod(which)),
            Self::Destroy(which) => write!(formatter, "destroy{}", prod(which)),
            Self::Wait(seconds) => write!(formatter, "wait {seconds}"),
            Self::Trouble(trouble, operation, nth) => {
                write!(formatter, "{} {} {nth}", word(&TROUBLES, trouble), OPERATIONS[*operation])
            }
            Self::Slow(slowness, seed) => write!(formatter, "{} {seed}", word(&SLOWNESSES, slowness)),
            Self::Drift(which) => write!(formatter, "drift {which}"),
            Self::Tag(which) => write!(formatter, "tag {which}"),
            Self::Remove(which) => write!(formatter, "remove {which}"),
            Self::LookAlike(which, how) => write!(formatter, "look-alike {which} {how}"),
        }
    }
}

impl FromStr for Act {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let wrong = || format!("`{line}` is no act");
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u8>().ok()).ok_or_else(wrong);
        let position = |names: Vec<&str>| {
            let wanted = words.get(1).ok_or_else(wrong)?;
            names.iter().position(|name| name == wanted).ok_or_else(wrong)
        };
        let first = *words.first().ok_or_else(wrong)?;
        let trouble = TROUBLES.iter().find(|(word, _)| *word == first);
        let slowness = SLOWNESSES.iter().find(|(word, _)| *word == first);
        let prod = words.get(1) == Some(&"prod");
        Ok(match (first, trouble, slowness) {
            (_, Some((_, trouble)), _) => Self::Trouble(*trouble, position(OPERATIONS.to_vec())?, number(2)?),
            (_, _, Some((_, slowness))) => Self::Slow(*slowness, number(1)?),
            ("edit", ..) => Self::Edit(position(KNOBS.iter().map(|(name, _)| *name).collect())?, number(2)?),
            ("example", ..) if words.get(1) == Some(&"none") => Self::Example(None),
            ("example", ..) => {
                let which = position(example::ALL.iter().map(|it| it.name.as_str()).collect())?;
                let edit = Some(number(2)?).filter(|edit| *edit <= example::ALL[which].edits());
                Self::Example(Some((which, edit.ok_or_else(wrong)?)))
            }
            ("apply", ..) => Self::Apply(prod),
            ("destroy", ..) => Self::Destroy(prod),
            ("wait", ..) => Self::Wait(number(1)?),
            ("drift", ..) => Self::Drift(number(1)?),
            ("tag", ..) => Self::Tag(number(1)?),
            ("remove", ..) => Self::Remove(number(1)?),
            ("look-alike", ..) => Self::LookAlike(number(1)?, number(2)?),
            _ => return Err(wrong()),
        })
    }
}

/// The acts of a script: one for each line; comments begin with `#`.
pub(crate) fn script(text: &str) -> Result<Vec<Act>, String> {
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).map(str::parse).collect()
}

/// The acts as a script.
pub(crate) fn written(acts: &[Act]) -> String {
    acts.iter().map(|act| format!("{act}\n")).collect()
}

/// A random knob, turned. Shrinks to the plainest position of the first one.
fn turn() -> impl Strategy<Value = Act> + Clone {
    let knobs: Vec<(usize, u8)> = KNOBS.iter().map(|(_, positions)| *positions).enumerate().collect();
    prop::sample::select(knobs)
        .prop_flat_map(|(knob, positions)| (0..positions).prop_map(move |position| Act::Edit(knob, position)))
}

/// A random example, or one of them, after one of its edits. Shrinks to the first one as it is.
fn example(examples: Range<usize>) -> impl Strategy<Value = Act> + Clone {
    let edited = |which: usize| (0..=example::ALL[which].edits()).prop_map(move |edit| (which, edit));
    examples.prop_flat_map(edited).prop_map(|shown| Act::Example(Some(shown)))
}

fn trouble() -> impl Strategy<Value = Act> {
    let broad = (0..BROAD, 1_u8..60);
    let narrow = (BROAD..OPERATIONS.len(), 1_u8..4);
    let kinds: Vec<Trouble> = TROUBLES.iter().map(|(_, trouble)| *trouble).collect();
    (prop::sample::select(kinds), prop_oneof![2 => broad, 3 => narrow])
        .prop_map(|(trouble, (operation, nth))| Act::Trouble(trouble, operation, nth))
}

fn slow() -> impl Strategy<Value = Act> {
    let kinds: Vec<Slowness> = SLOWNESSES.iter().map(|(_, slowness)| *slowness).collect();
    (prop::sample::select(kinds), 0_u8..32).prop_map(|(slowness, seed)| Act::Slow(slowness, seed))
}

fn act(edit: impl Strategy<Value = Act> + 'static) -> impl Strategy<Value = Vec<Act>> {
    let run = || prop_oneof![6 => Just(Act::Apply(false)), 1 => Just(Act::Destroy(false)), 1 => any::<bool>().prop_map(|destroy| if destroy { Act::Destroy(true) } else { Act::Apply(true) })];
    let edits = prop::collection::vec(edit, 1..5);
    prop_oneof![
        4 => (edits, run()).prop_map(|(mut acts, run)| { acts.push(run); acts }),
        4 => (trouble(), run()).prop_map(|(trouble, run)| vec![trouble, run]),
        3 => (slow(), run()).prop_map(|(slow, run)| vec![slow, run]),
        2 => (slow(), trouble(), run()).prop_map(|(slow, trouble, run)| vec![slow, trouble, run]),
        1 => run().prop_map(|run| vec![run]),
        1 => any::<u8>().prop_map(|which| vec![Act::Drift(which)]),
        1 => any::<u8>().prop_map(|which| vec![Act::Tag(which)]),
        2 => any::<u8>().prop_map(|which| vec![Act::Remove(which)]),
        1 => any::<(u8, u8)>().prop_map(|(which, how)| vec![Act::LookAlike(which, how)]),
        1 => (1_u8..60).prop_map(|seconds| vec![Act::Wait(seconds)]),
    ]
}

/// A random sequence: a stack, then what happens to it. Most stacks are made of knobs, and may become an example later; the others are
/// examples, most of whose edits are their own.
pub(crate) fn sequences() -> impl Strategy<Value = Vec<Act>> {
    let any = 0..example::ALL.len();
    let edit = prop_oneof![20 => turn(), 1 => example(any.clone())];
    let turned = (prop::collection::vec(turn(), 0..16), prop::collection::vec(act(edit), 0..6));
    let shown = any.clone().prop_flat_map(move |which| {
        let others = prop_oneof![Just(Act::Example(None)), example(any.clone())];
        let edit = prop_oneof![4 => example(which..which + 1), 1 => others];
        let begin = Just(vec![Act::Example(Some((which, 0)))]);
        (begin, prop::collection::vec(act(edit), 1..6))
    });
    prop_oneof![5 => turned, 1 => shown].prop_map(|(mut stack, acts)| {
        stack.extend(acts.into_iter().flatten());
        stack
    })
}
