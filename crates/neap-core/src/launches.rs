//! What AWS says of instances that it could not launch.
//!
//! Decides whether waiting can help. AWS itself tries again for hours, whatever the reason. Must not know who waits.
//!
//! The sentences are those of "Troubleshoot issues in Amazon EC2 Auto Scaling: EC2 instance launch failures" and of the error codes of
//! EC2's API reference, as the status messages of scaling activities show them.

/// Words of the sentences that no repeat changes, in lower case: all of one line must be there.
const HOPELESS: [&[&str]; 14] = [
    // A quota must be raised, or something else be stopped.
    &["requested more vcpu capacity"],
    &["requested more instances", "limit"],
    &["max spot instance count exceeded"],
    // The account.
    &["account", "blocked"],
    &["account", "being verified"],
    &["not eligible for free tier"],
    &["not authorized"],
    // What the launch template names.
    &["image id", "does not exist"],
    &["invalid ami"],
    // Activities say so too (hashicorp/terraform-provider-aws#27456).
    &["does not match the architecture"],
    &["key pair", "does not exist"],
    &["security group", "does not exist"],
    &["accept terms"],
    &["configuration is currently not supported"],
];

/// Whether `message`, AWS's reason for not having launched an instance, is one that no repeat changes. A lack of capacity may
/// end at any time, a zone that lacks a type leaves the others, and an instance profile that was made a moment ago is known
/// everywhere a minute later (hashicorp/terraform-provider-aws#31282).
pub fn is_hopeless(message: &str) -> bool {
    let lower = message.to_lowercase();
    HOPELESS.iter().any(|words| words.iter().all(|words| lower.contains(words)))
}

/// How far a group of instances has come.
pub fn in_service(running: usize, wanted: u32) -> String {
    format!("{running} of {wanted} instances in service")
}

/// How far it has come, with AWS's reason where its last attempt to launch an instance failed.
pub fn with_failure(so_far: &str, reason: &str) -> String {
    format!("{so_far}; last attempt: {reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_or_a_wrong_name_does_not_go_away() {
        for message in [
            "You have requested more vCPU capacity than your current vCPU limit of 0 allows for the instance bucket that \
             the specified instance type belongs to. Launching EC2 instance failed.",
            "Max spot instance count exceeded. Launching EC2 instance failed.",
            "The image id '[ami-0bad]' does not exist. Launching EC2 instance failed.",
            "The key pair 'laptop' does not exist. Launching EC2 instance failed.",
            "The specified instance type is not eligible for Free Tier. Launching EC2 instance failed.",
            "The architecture 'arm64' of the specified instance type does not match the architecture 'x86_64' of the \
             specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
        ] {
            assert!(is_hopeless(message), "{message}");
        }
    }

    #[test]
    fn capacity_may_come_back_and_a_new_profile_becomes_known() {
        for message in [
            "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (eu-west-1a). Our \
             system will be working on provisioning additional capacity. Launching EC2 instance failed.",
            "Could not launch Spot Instances. UnfulfillableCapacity - Unable to fulfill capacity due to your request \
             configuration. Launching EC2 instance failed.",
            "Value (arn:aws:iam::1:instance-profile/a) for parameter iamInstanceProfile.arn is invalid. Invalid IAM Instance \
             Profile ARN. Launching EC2 instance failed.",
            "There is no Spot capacity available that matches your request. Launching EC2 instance failed.",
            "Your requested instance type (t3.micro) is not supported in your requested Availability Zone (us-east-1e).",
        ] {
            assert!(!is_hopeless(message), "{message}");
        }
    }

    #[test]
    fn the_reason_follows_how_far_it_is() {
        let told = with_failure(&in_service(1, 2), "no room");
        assert_eq!(told, "1 of 2 instances in service; last attempt: no room");
    }
}
