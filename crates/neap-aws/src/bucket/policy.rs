//! Policies of buckets. They take no tags: a policy's `Id` says whose it is.

use neap_core::address::{Address, Kind};
use neap_core::desired::{TAG_ADDRESS, TAG_STACK};
use neap_core::kinds::BucketPolicy;
use neap_core::live::{LiveResource, Outputs, Phase};
use neap_core::{naming, policy};
use neap_engine::cloud::{CallError, ErrorKind, Progress};
use serde_json::Value;

use super::read::{Look, document, if_facet};
use crate::client::Aws;
use crate::error::{failed, if_made, refused};
use crate::found::{Found, if_gone, if_there};
use crate::remote::{Held, Remote, Wanted, outputs};
use crate::tags::Tags;

const READ: &str = "s3:GetBucketPolicy";

/// The policy of the bucket `name`, if it has one.
pub(super) async fn get(aws: &Aws, name: &str) -> Result<Option<Value>, CallError> {
    let answer = aws.s3.get_bucket_policy().bucket(name).send().await;
    let Some(answer) = if_facet(answer.map_err(failed(READ)))? else { return Ok(None) };
    answer.policy().map(|text| document(READ, text)).transpose()
}

/// Says whose the policy of a bucket is: of the desired `address` if that has its bucket, of one that is no longer declared,
/// or somebody else's.
pub(super) fn claim(found: &mut Found, look: &Look, address: Option<&Address>, stack: &str) {
    let outcome = match &look.policy {
        Ok(Some(document)) => Ok(live(&look.name, document, address, stack)),
        Ok(None) => Ok(None),
        Err(error) if error.code.as_deref() == Some("NoSuchBucket") => Ok(None),
        Err(error) => Err(error.clone()),
    };
    found.collect([(address.cloned(), outcome)]);
}

fn live(bucket: &str, document: &Value, address: Option<&Address>, stack: &str) -> Option<LiveResource> {
    let marked = document["Id"].as_str().and_then(|id| marked_address(id, stack));
    let at = marked.as_ref().or(address)?.clone();
    let tags = marked.map(|address| marks(stack, &address)).unwrap_or_default();
    let policy = policy::normalise(document);
    let fields = BucketPolicy { bucket: bucket.to_owned(), policy };
    let outputs = outputs([("bucket", bucket)]);
    let resource = fields.into();
    Some(LiveResource { address: at, id: bucket.to_owned(), resource, tags, outputs, phase: Phase::Ready })
}

/// The two tags that a policy would have if it took any.
fn marks(stack: &str, address: &Address) -> Tags {
    [(TAG_STACK, stack.to_owned()), (TAG_ADDRESS, address.to_string())]
        .map(|(key, value)| (key.to_owned(), value))
        .into()
}

/// The address that a policy's `Id` names, if it is one of the stack's.
fn marked_address(id: &str, stack: &str) -> Option<Address> {
    let address: Address = id.rsplit('/').next()?.parse().ok()?;
    (address.kind() == Kind::BucketPolicy && naming::policy_id(stack, &address) == id).then_some(address)
}

async fn put(aws: &Aws, wanted: &Wanted<'_, BucketPolicy>) -> Result<Outputs, CallError> {
    let bucket = wanted.fields.bucket.as_str();
    let account = aws.identity().await?.account.clone();
    let text = wanted.fields.policy.to_string();
    let call = aws.s3.put_bucket_policy().bucket(bucket).policy(text).expected_bucket_owner(account);
    // A bucket that was made a moment ago is not known everywhere.
    call.send().await.map_err(failed("s3:PutBucketPolicy")).map_err(if_made)?;
    Ok(outputs([("bucket", bucket)]))
}

impl Remote for BucketPolicy {
    async fn create(aws: &Aws, wanted: &Wanted<'_, Self>) -> Result<Outputs, CallError> {
        // S3 would put it over whatever is there.
        let present = get(aws, &wanted.fields.bucket).await.map_err(if_made)?;
        let is_own = |document: &Value| document["Id"] == wanted.fields.policy["Id"];
        if present.is_some_and(|document| !is_own(&document)) {
            let message =
                format!("the bucket `{}` has a policy that is not the stack's", wanted.fields.bucket);
            return Err(refused(ErrorKind::Conflict, READ, message));
        }
        put(aws, wanted).await
    }

    async fn update(
        aws: &Aws,
        held: &Held<'_, Self>,
        wanted: &Wanted<'_, Self>,
    ) -> Result<Outputs, CallError> {
        let same = policy::normalise(&wanted.fields.policy) == held.fields.policy;
        if same { Ok(held.live.outputs.clone()) } else { put(aws, wanted).await }
    }

    async fn delete(aws: &Aws, held: &Held<'_, Self>) -> Result<(), CallError> {
        let call = aws.s3.delete_bucket_policy().bucket(&held.fields.bucket);
        if_gone(call.send().await.map_err(failed("s3:DeleteBucketPolicy")))
    }

    async fn ready(aws: &Aws, wanted: &Wanted<'_, Self>, _: &Outputs) -> Result<Progress, CallError> {
        let found = if_there(get(aws, &wanted.fields.bucket).await)?.flatten();
        let same = found.is_some_and(|it| policy::normalise(&it) == policy::normalise(&wanted.fields.policy));
        Ok(if same { Progress::Done } else { Progress::Pending("not visible yet".to_owned()) })
    }

    async fn gone(aws: &Aws, held: &Held<'_, Self>) -> Result<Progress, CallError> {
        let found = match get(aws, &held.fields.bucket).await {
            Err(error) if error.kind == ErrorKind::NotFound => None,
            answer => answer?,
        };
        Ok(found.map_or(Progress::Done, |_| Progress::Pending("deleting".to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::KindOf;

    use super::*;

    #[test]
    fn a_policys_id_says_whose_it_is() {
        let web: Address = "bucket_policy.web".parse().expect("an address");
        let check = |id: &str, expected: Option<&Address>| {
            assert_eq!(marked_address(id, "course").as_ref(), expected, "{id}");
        };
        check("neap/course/bucket_policy.web", Some(&web));
        check("neap/other/bucket_policy.web", None);
        check("neap/course/bucket.web", None);
        check("PolicyForCloudFrontPrivateContent", None);
    }

    #[test]
    fn a_policy_without_the_id_is_somebody_elses() {
        let web: Address = "bucket_policy.web".parse().expect("an address");
        let mut document = BucketPolicy::example().policy;
        let own = live("b", &document, Some(&web), "course").expect("a policy");
        assert!(own.is_of("course"));
        document["Id"] = "theirs".into();
        let foreign = live("b", &document, Some(&web), "course").expect("a policy");
        assert!(!foreign.is_of("course"));
        assert!(live("b", &document, None, "course").is_none(), "it is nobody's business");
    }
}
