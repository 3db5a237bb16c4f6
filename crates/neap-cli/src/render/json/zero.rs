//! What is in the way of a destroy and what is left after one, as JSON.

use neap_core::live::ReadFailure;
use neap_core::pricing::Cost;
use neap_core::zero::{Blocker, Finding, Found, Verdict, Way};
use schemars::JsonSchema;
use serde::Serialize;

use super::VERSION;

/// What `neap destroy --check --json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "neap destroy --check")]
pub(crate) struct CheckView {
    /// The version of this form.
    version: u32,
    /// The stack.
    stack: String,
    /// The account.
    account: String,
    /// The region.
    region: String,
    /// Whether it is proven that nothing is left: `left` and `unread` are empty.
    zero: bool,
    /// What is left.
    left: Vec<FindingView>,
    /// What AWS has taken on to delete and does not charge for. It does not count.
    vanishing: Vec<FindingView>,
    /// What the stack says is to stay. It does not count.
    kept: Vec<FindingView>,
    /// What has a name like the stack's but not its tag. It does not count.
    namesakes: Vec<FindingView>,
    /// ARNs that the index of tags names and that neap has no way to look at. They do not count.
    unknown: Vec<String>,
    /// Reads that failed, because of which there may be more.
    unread: Vec<UnreadView>,
    /// What all that is left costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostView>,
}

/// Something that is there.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct FindingView {
    /// The address that it was made for, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What it is: `repository`, `network interface`.
    kind: String,
    /// What AWS knows it by.
    id: String,
    /// What it is and what it is called.
    title: String,
    /// How it was found; absent from what only has a name like the stack's.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<FoundView>,
    /// What left it behind, if that is how it was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    left_behind_by: Option<String>,
    /// AWS's word for it while AWS is deleting it.
    #[serde(skip_serializing_if = "Option::is_none")]
    going: Option<String>,
    /// What keeps it from going.
    blocked_by: Vec<String>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<CostView>,
    /// The command that removes it, where `neap destroy` does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_hand: Option<String>,
}

/// How something was found.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FoundView {
    /// It is tagged as the stack's.
    Tag,
    /// It is in a place that only the stack puts things in.
    Place,
    /// It has exactly the name of something that the stack declares, and nobody's tags.
    Name,
    /// AWS made it for something of the stack's.
    LeftBehind,
}

/// What something costs, by list prices.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
struct CostView {
    /// Dollars in each hour that it is there; 0 where AWS bills by the month.
    usd_per_hour: f64,
    /// Dollars in a month of 730 hours.
    usd_per_month: f64,
    /// Whether a price is another region's, because this one's is not known.
    elsewhere: bool,
}

/// A read that failed.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct UnreadView {
    /// The API operation; it is also the permission's name.
    operation: String,
    /// Whether the permission is missing.
    denied: bool,
    /// AWS's words.
    message: String,
}

/// Something in the way of a destroy.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct BlockerView {
    /// The resource that cannot simply go.
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// What AWS knows it by.
    id: String,
    /// What is in its way.
    what: String,
    /// What is done about it.
    way: WayView,
    /// The same in words.
    plan: String,
}

/// What is done about something in the way.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum WayView {
    /// It is dealt with.
    Goes,
    /// It is waited for.
    Waits,
    /// Nothing is deleted.
    Refuses,
}

impl CheckView {
    /// The published form of what is left of a stack.
    pub(crate) fn of(stack: &str, verdict: &Verdict) -> Self {
        Self {
            version: VERSION,
            stack: stack.to_owned(),
            account: verdict.account.clone(),
            region: verdict.region.clone(),
            zero: verdict.is_zero(),
            left: findings(&verdict.left),
            vanishing: findings(&verdict.vanishing),
            kept: findings(&verdict.kept),
            namesakes: findings(&verdict.namesakes),
            unknown: verdict.unknown.clone(),
            unread: unread(&verdict.unread),
            cost: verdict.cost().map(CostView::of),
        }
    }
}

/// The published form of what was found.
pub(crate) fn findings(findings: &[Finding]) -> Vec<FindingView> {
    findings.iter().map(FindingView::of).collect()
}

/// The published form of reads that failed.
pub(crate) fn unread(failures: &[ReadFailure]) -> Vec<UnreadView> {
    let view = |failure: &ReadFailure| UnreadView {
        operation: failure.operation.clone(),
        denied: failure.denied,
        message: failure.message.clone(),
    };
    failures.iter().map(view).collect()
}

/// The published form of what is in the way.
pub(crate) fn blockers(blockers: &[Blocker]) -> Vec<BlockerView> {
    let view = |blocker: &Blocker| BlockerView {
        address: blocker.address.as_ref().map(ToString::to_string),
        id: blocker.id.clone(),
        what: blocker.what.clone(),
        way: match blocker.way {
            Way::Goes => WayView::Goes,
            Way::Waits => WayView::Waits,
            Way::Refuses => WayView::Refuses,
        },
        plan: blocker.plan.clone(),
    };
    blockers.iter().map(view).collect()
}

impl FindingView {
    fn of(finding: &Finding) -> Self {
        let (found, left_behind_by) = match &finding.found {
            Some(Found::Tag) => (Some(FoundView::Tag), None),
            Some(Found::Place) => (Some(FoundView::Place), None),
            Some(Found::Name { .. }) => (Some(FoundView::Name), None),
            Some(Found::LeftBehind { by }) => (Some(FoundView::LeftBehind), Some(by.clone())),
            None => (None, None),
        };
        Self {
            address: finding.address.as_ref().map(ToString::to_string),
            kind: finding.thing.to_string(),
            id: finding.id.clone(),
            title: finding.title.clone(),
            found,
            left_behind_by,
            going: finding.going.clone(),
            blocked_by: finding.blocked_by.clone(),
            cost: finding.cost.map(CostView::of),
            by_hand: finding.by_hand.clone(),
        }
    }
}

impl CostView {
    fn of(cost: Cost) -> Self {
        // Prices have at most six digits; what floating point adds beyond says nothing.
        let round = |dollars: f64| (dollars * 1e6).round() / 1e6;
        Self {
            usd_per_hour: round(cost.per_hour),
            usd_per_month: round(cost.per_month),
            elsewhere: cost.elsewhere,
        }
    }
}
