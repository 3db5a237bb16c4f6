//! The policy of a bucket: who besides its owner may do what in it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;
use crate::policy;

/// The policy of an S3 bucket, which has one at most. It takes no tags: its `Id` tells whose it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BucketPolicy {
    /// The bucket's name.
    pub bucket: String,
    /// The policy document.
    pub policy: Value,
}

impl BucketPolicy {
    /// The policy called `id` that lets these distributions alone read what is in the bucket of this ARN.
    pub fn readable_by(id: &str, bucket_arn: &str, distribution_arns: &[String]) -> Value {
        let statement = |(number, arn): (usize, &String)| {
            json!({
                "Sid": format!("Distribution{}", number + 1),
                "Effect": "Allow",
                "Principal": { "Service": "cloudfront.amazonaws.com" },
                "Action": "s3:GetObject",
                "Resource": format!("{bucket_arn}/*"),
                "Condition": { "StringEquals": { "AWS:SourceArn": arn } },
            })
        };
        let statements: Vec<Value> = distribution_arns.iter().enumerate().map(statement).collect();
        policy::normalise(&json!({ "Version": "2012-10-17", "Id": id, "Statement": statements }))
    }
}

impl KindOf for BucketPolicy {
    const KIND: Kind = Kind::BucketPolicy;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["bucket"],
        ignore_unset: &[],
        unordered: &[],
        documents: &["policy"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.bucket
    }

    fn example() -> Self {
        let distribution = "arn:aws:cloudfront::123456789012:distribution/E1".to_owned();
        let bucket = "arn:aws:s3:::course-web-123456789012";
        Self {
            bucket: "course-web-123456789012".into(),
            policy: Self::readable_by("neap/course/bucket_policy.web", bucket, &[distribution]),
        }
    }
}
