//! A world in which every request is held against the document that `neap policy` makes for the stack as it is.
//!
//! Decides which IAM action permits which operation. Must not know what a stack needs: that is for the document to say.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{Disturbed, Run, World};

/// A world that a user with the stack's own policies works in.
#[derive(Debug)]
pub struct Permitted {
    disturbed: Disturbed,
    /// For each command, the actions that the documents so far allow.
    allowed: RefCell<BTreeMap<String, BTreeSet<String>>>,
    used: RefCell<BTreeSet<String>>,
}

impl Permitted {
    /// Watches over `world`.
    pub fn new(world: World) -> Self {
        Self { disturbed: Disturbed::new(world), allowed: RefCell::default(), used: RefCell::default() }
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.disturbed.world
    }

    /// Runs `neap plan`, `apply` or `destroy`. A document is made for the stack file as it is, and joins those made before: whoever takes
    /// the last resource of a kind out of the file keeps the document that was made with it.
    ///
    /// # Panics
    ///
    /// Panics if the run asks for what none of the documents for its command allows.
    pub fn neap(&self, arguments: &[&str]) -> Run {
        let &[command, ..] = arguments else { panic!("no command") };
        self.permit();
        let ended = self.disturbed.neap(arguments, Vec::new());
        let allowed = &self.allowed.borrow()[command];
        for seen in &ended.seen {
            let action = action(&seen.operation.to_string());
            assert!(
                allowed.contains(&action),
                "{command} asks for {action}, which `neap policy {command}` leaves out"
            );
            self.used.borrow_mut().insert(action);
        }
        ended.run
    }

    /// Whether a document allowed an action.
    pub fn allows(&self, action: &str) -> bool {
        self.allowed.borrow().values().any(|allowed| allowed.contains(action))
    }

    /// What a document allowed that changes something, and no run asked for.
    pub fn unused(&self) -> BTreeSet<String> {
        let (allowed, used) = (self.allowed.borrow(), self.used.borrow());
        let unused =
            allowed.values().flatten().filter(|action| !used.contains(*action) && is_mutating(action));
        unused.cloned().collect()
    }

    fn permit(&self) {
        for command in ["plan", "apply", "destroy"] {
            let document = self.world().neap(&["policy", command]).expect(0).stdout;
            let document: Value = serde_json::from_str(&document).expect("a document");
            let statements = document["Statement"].as_array().expect("statements").iter();
            let actions = statements.flat_map(|statement| statement["Action"].as_array().expect("actions"));
            let actions = actions.map(|action| action.as_str().expect("an action").to_owned());
            self.allowed.borrow_mut().entry(command.to_owned()).or_default().extend(actions);
        }
    }
}

fn is_mutating(action: &str) -> bool {
    let name = action.split(':').next_back().unwrap_or_default();
    !["Get", "List", "Describe"].iter().any(|reading| name.starts_with(reading))
}

/// The action that permits an operation, by the Service Authorization Reference: its own name, but for these. The operations of
/// S3 on a part of a bucket are named by that part.
fn action(operation: &str) -> String {
    match operation {
        "cloudfront:CreateDistributionWithTags" => "cloudfront:CreateDistribution".to_owned(),
        "s3:ListObjectsV2" | "s3:HeadBucket" => "s3:ListBucket".to_owned(),
        "s3:ListBuckets" => "s3:ListAllMyBuckets".to_owned(),
        "s3:GetBucketEncryption" => "s3:GetEncryptionConfiguration".to_owned(),
        "s3:PutBucketEncryption" => "s3:PutEncryptionConfiguration".to_owned(),
        "s3:GetBucketLifecycle" => "s3:GetLifecycleConfiguration".to_owned(),
        "s3:PutBucketLifecycle" | "s3:DeleteBucketLifecycle" => "s3:PutLifecycleConfiguration".to_owned(),
        "s3:GetBucketCors" => "s3:GetBucketCORS".to_owned(),
        "s3:PutBucketCors" | "s3:DeleteBucketCors" => "s3:PutBucketCORS".to_owned(),
        "s3:GetBucketVersions" => "s3:ListBucketVersions".to_owned(),
        "s3:PostBucketDelete" => "s3:DeleteObjectVersion".to_owned(),
        "s3:HeadObject" => "s3:GetObject".to_owned(),
        "s3:CreateMultipartUpload" | "s3:UploadPart" | "s3:CompleteMultipartUpload" => {
            "s3:PutObject".to_owned()
        }
        _ => {
            let (service, name) = operation.split_once(':').unwrap_or_default();
            // Two services' requests are signed for another name than their actions have.
            let service = match service {
                "tagging" => "tag",
                "monitoring" => "cloudwatch",
                other => other,
            };
            format!("{service}:{name}")
        }
    }
}
