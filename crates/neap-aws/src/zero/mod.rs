//! What is left of a stack, looked up in every service that a stack touches, by tag and by name.
//!
//! Decides which listings show that. Makes its own calls and reads its own answers: nothing here is used by the reader that
//! plans are made from, nor the other way round. Must not know what counts as left; neap-core judges that.

mod alarms;
mod buckets;
mod certificates;
mod clb;
mod cloudfront;
mod ec2;
mod ecr;
mod ecs;
mod elb;
mod iam;
mod index;
mod instances;
mod logs;
mod names;
mod network;
mod records;
mod s3;
mod scaling;
mod ssm;
mod task_definitions;

use std::collections::BTreeMap;

use futures_util::future::join_all;
use neap_core::desired::TAG_STACK;
use neap_core::live::ReadFailure;
use neap_core::zero::{Depth, Remains, Seen, StackScope, Thing};
use neap_engine::cloud::{CallError, ErrorKind};
use tokio::join;

use crate::client::Aws;

/// How many calls that differ only in what they ask for are made at once.
const AT_ONCE: usize = 8;

/// What some listings show, and which of them failed.
#[derive(Debug, Default)]
struct Part {
    seen: Vec<Seen>,
    unread: Vec<ReadFailure>,
}

impl Part {
    /// What a listing answered. One that failed is noted; what is not there any more is nothing.
    fn take<T: Default>(&mut self, answer: Result<T, CallError>) -> T {
        answer.unwrap_or_else(|error| {
            if error.kind != ErrorKind::NotFound {
                self.fail(error);
            }
            T::default()
        })
    }

    fn fail(&mut self, error: CallError) {
        let denied = error.kind == ErrorKind::Denied;
        let failure =
            ReadFailure { operation: error.operation, code: error.code, message: error.message, denied };
        if !self.unread.iter().any(|known| known.operation == failure.operation) {
            self.unread.push(failure);
        }
    }

    fn merge(&mut self, other: Self) {
        self.seen.extend(other.seen);
        let known = |failure: &ReadFailure| self.unread.iter().any(|it| it.operation == failure.operation);
        let news: Vec<ReadFailure> = other.unread.into_iter().filter(|failure| !known(failure)).collect();
        self.unread.extend(news);
    }

    /// The ids of things like that which are tagged as the stack's, or have a name that it gives.
    fn candidates(&self, scope: &StackScope, thing: Thing) -> Vec<String> {
        let of_thing = self.seen.iter().filter(|seen| seen.thing == thing);
        let wanted =
            of_thing.filter(|seen| is_tagged(scope, &seen.tags) || scope.has_name(thing, &seen.name));
        wanted.map(|seen| seen.id.clone()).collect()
    }

    /// What was seen under this id.
    fn find(&mut self, id: &str) -> Option<&mut Seen> {
        self.seen.iter_mut().find(|seen| seen.id == id)
    }
}

/// Lists what may be left of the stack of `scope`.
pub(crate) async fn remains(aws: &Aws, scope: &StackScope) -> Result<Remains, CallError> {
    // Without an account there is no answer at all.
    let account = aws.identity().await?.account.clone();
    let scope = &scope.in_account(&account);
    let everything = scope.depth == Depth::Everything;
    let near = async {
        let (mut balancing, classic, containers, images, (groups, instances), networks) = join!(
            Box::pin(elb::look(aws, scope)),
            Box::pin(clb::look(aws)),
            Box::pin(ecs::look(aws, scope)),
            Box::pin(ecr::look(aws, scope)),
            Box::pin(instances::groups(aws, scope)),
            Box::pin(network::look(aws)),
        );
        balancing.merge(classic);
        // The interfaces of load balancers are found by the names of those.
        let own = balancing.seen.iter().filter(|seen| is_tagged(scope, &seen.tags));
        let balancers: Vec<String> = own.flat_map(|seen| ec2::described(seen.thing, &seen.name)).collect();
        balancing.merge(containers);
        balancing.merge(images);
        balancing.merge(groups);
        let subnets = networks.candidates(scope, Thing::Subnet);
        balancing.merge(networks);
        let around = ec2::Around { balancers, subnets, instances };
        balancing.merge(Box::pin(ec2::look(aws, scope, &around)).await);
        balancing
    };
    let far =
        async { if everything { Box::pin(far(aws, scope)).await } else { (Part::default(), Vec::new()) } };
    let (mut all, (rest, arns)) = join!(near, far);
    all.merge(rest);
    let hints = Box::pin(index::confirm(aws, scope, &arns, &mut all)).await;
    Ok(Remains { account, region: aws.region.clone(), seen: all.seen, hints, unread: all.unread })
}

/// The services that nothing of a stack waits for, and the ARNs that the index of tags names.
async fn far(aws: &Aws, scope: &StackScope) -> (Part, Vec<String>) {
    let (
        mut part,
        alarms,
        scaling,
        roles,
        distributions,
        buckets,
        parameters,
        objects,
        definitions,
        instances,
        certificates,
        records,
        names,
        arns,
    ) = join!(
        Box::pin(logs::look(aws, scope)),
        Box::pin(alarms::look(aws)),
        Box::pin(scaling::look(aws, scope)),
        Box::pin(iam::look(aws, scope)),
        Box::pin(cloudfront::look(aws)),
        Box::pin(buckets::look(aws, scope)),
        Box::pin(ssm::look(aws, scope)),
        Box::pin(s3::look(aws, scope)),
        Box::pin(task_definitions::look(aws, scope)),
        Box::pin(instances::look(aws, scope)),
        Box::pin(certificates::look(aws)),
        Box::pin(records::look(aws, scope)),
        Box::pin(names::look(aws, scope)),
        Box::pin(index::arns(aws, scope)),
    );
    let others = [
        alarms,
        scaling,
        roles,
        distributions,
        buckets,
        parameters,
        objects,
        definitions,
        instances,
        certificates,
        records,
        names,
    ];
    for other in others {
        part.merge(other);
    }
    let arns = part.take(arns);
    (part, arns)
}

fn is_tagged(scope: &StackScope, tags: &BTreeMap<String, String>) -> bool {
    tags.get(TAG_STACK).is_some_and(|owner| *owner == scope.stack)
}

/// Tags as a map, without those that AWS puts there itself: they say nothing about whose something is.
fn tags<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    let own = |key: &str| {
        let key = key.to_ascii_lowercase();
        key.starts_with("aws:") || key.starts_with("ecs:") || key.starts_with("amazonecsmanaged")
    };
    let pairs = pairs.into_iter().filter(|(key, _)| !own(key));
    pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Asks the same of each item, a few at once.
async fn each<T, R>(items: &[T], ask: impl AsyncFn(&T) -> R) -> Vec<R> {
    let mut answers = Vec::with_capacity(items.len());
    for batch in items.chunks(AT_ONCE) {
        answers.extend(join_all(batch.iter().map(|item| ask(item))).await);
    }
    answers
}

/// A number of bytes as the SDK shows it.
fn bytes(number: Option<i64>) -> u64 {
    number.and_then(|number| u64::try_from(number).ok()).unwrap_or_default()
}
