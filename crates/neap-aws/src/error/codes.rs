//! Which kind of failure each of AWS's error codes stands for.
//!
//! Decides by the operation's service, the code and, where that says nothing, the message. Must not know the SDK's types.

use neap_engine::cloud::ErrorKind;

/// Codes that mean too many requests, in every protocol.
pub(crate) const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
    "SlowDown",
    "EC2ThrottledException",
    "TransactionInProgressException",
];

const CREDENTIALS: &[&str] = &[
    "ExpiredToken",
    "ExpiredTokenException",
    "RequestExpired",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "IncompleteSignature",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "InvalidAccessKeyId",
];

const NOT_FOUND: &[&str] = &[
    "NoSuchEntity",
    "NoSuchDistribution",
    "NoSuchResource",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "LifecyclePolicyNotFoundException",
    "RepositoryPolicyNotFoundException",
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "TargetNotFoundException",
    "ParameterNotFound",
];

const CONFLICT: &[&str] = &[
    "EntityAlreadyExists",
    "RepositoryAlreadyExistsException",
    "ResourceAlreadyExistsException",
    "DistributionAlreadyExists",
    "CNAMEAlreadyExists",
    "PriorityInUse",
    "PreconditionFailed",
    "InvalidIfMatchVersion",
];

const IN_USE: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUse",
    "ResourceInUseException",
    "ResourceInUseFault",
    "DistributionNotDisabled",
    "RepositoryNotEmptyException",
];

const NOT_YET: &[&str] = &[
    "UpdateInProgressException",
    "OperationAbortedException",
    "ConcurrentModification",
    "EntityTemporarilyUnmodifiable",
    "UnmodifiableEntity",
    "IllegalUpdate",
];

const QUOTA: &[&str] = &[
    "ServiceQuotaExceededException",
    "ServiceQuotaExceeded",
    "LimitExceeded",
    "LimitExceededException",
    "QuotaExceeded",
    "TargetGroupAssociationLimit",
    "RulesPerSecurityGroupLimitExceeded",
    "SecurityGroupLimitExceeded",
    "SecurityGroupsPerInterfaceLimitExceeded",
];

const UNAVAILABLE: &[&str] = &[
    "ServiceUnavailable",
    "ServiceUnavailableException",
    "Unavailable",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "InternalServerException",
    "ServerException",
    "ServiceFailure",
    "ServiceFailureException",
];

/// Messages of errors whose code says nothing, and that go away by themselves: the service that gives them, any where it
/// is empty, and a part of the text (reference sections 1.6, 3.10, 3.14, 3.15, 3.17).
const NOT_YET_MESSAGES: &[(&str, &str)] = &[
    ("ecs", "unable to assume the service linked role"),
    ("ecs", "verify that the ecs service role being passed has the proper permissions"),
    ("ecs", "does not have an associated load balancer"),
    ("ecs", "still draining"),
    ("ecs", "cannot be stopped while deployments are active"),
    ("ecs", "was not active"),
    ("ecs", "too many concurrent attempts"),
    ("", "unable to assume role"),
    // A policy that names a role made a moment ago.
    ("iam", "invalid principal in policy"),
    ("ecr", "invalid repository policy"),
    ("", "operation is in progress"),
];

/// Codes that mean something else in one service than their form says.
const BY_SERVICE: &[(&str, &str, ErrorKind)] = &[
    // A certificate that was issued a moment ago (3.22).
    ("cloudfront", "InvalidViewerCertificate", ErrorKind::NotYet),
    // A group that a network interface or another group still uses (3.3).
    ("ec2", "InvalidGroup.InUse", ErrorKind::InUse),
    // Deletion protection, or a default rule (3.4, 3.7): no repetition helps.
    ("elasticloadbalancing", "OperationNotPermitted", ErrorKind::Invalid),
];

/// What kind of failure an error code of `operation`, with its message, stands for.
pub(crate) fn classify(operation: &str, code: &str, message: &str) -> ErrorKind {
    // Query-protocol services name their faults without the suffix, JSON services sometimes with a namespace.
    let code = code.rsplit_once('#').map_or(code, |(_, code)| code);
    let service = operation.split_once(':').map_or("", |(service, _)| service);
    let lower = message.to_ascii_lowercase();
    let tables = [
        (THROTTLED, ErrorKind::Throttled),
        (CREDENTIALS, ErrorKind::Credentials),
        (NOT_FOUND, ErrorKind::NotFound),
        (CONFLICT, ErrorKind::Conflict),
        (IN_USE, ErrorKind::InUse),
        (NOT_YET, ErrorKind::NotYet),
        (QUOTA, ErrorKind::Quota),
        (UNAVAILABLE, ErrorKind::Unavailable),
    ];
    let is_of = |of: &str| of.is_empty() || of == service;
    if NOT_YET_MESSAGES.iter().any(|(of, text)| is_of(of) && lower.contains(text)) {
        return ErrorKind::NotYet;
    }
    if let Some((_, _, kind)) = BY_SERVICE.iter().find(|(of, known, _)| is_of(of) && *known == code) {
        return *kind;
    }
    if let Some((_, kind)) = tables.iter().find(|(codes, _)| codes.contains(&code)) {
        return *kind;
    }
    by_shape(code, &lower)
}

/// Codes that come in families.
fn by_shape(code: &str, message: &str) -> ErrorKind {
    let bare = code.trim_end_matches("Exception").trim_end_matches("Fault");
    if code.starts_with("AccessDenied") || matches!(code, "UnauthorizedOperation" | "NotAuthorized") {
        ErrorKind::Denied
    } else if message.starts_with("rate exceeded") {
        ErrorKind::Throttled
    } else if code == "ClientException" && is_missing_task_definition(message) {
        ErrorKind::NotFound
    } else if message.contains("was not idempotent") {
        ErrorKind::Conflict
    } else if bare.ends_with("NotFound") {
        ErrorKind::NotFound
    } else if bare.ends_with(".Duplicate") || bare.starts_with("Duplicate") || bare.ends_with("AlreadyExists")
    {
        ErrorKind::Conflict
    } else if bare.starts_with("ClusterContains") {
        ErrorKind::InUse
    } else if bare.starts_with("TooMany") || bare.ends_with("LimitExceeded") {
        ErrorKind::Quota
    } else if matches!(bare, "RequestTimeout" | "RequestTimedOut") {
        ErrorKind::Timeout
    } else if is_invalid(bare) {
        ErrorKind::Invalid
    } else {
        ErrorKind::Unknown
    }
}

fn is_missing_task_definition(message: &str) -> bool {
    ["unable to describe task definition", "task definition does not exist", "taskdefinition not found"]
        .iter()
        .any(|text| message.contains(text))
}

fn is_invalid(bare: &str) -> bool {
    ["Invalid", "Malformed", "Missing", "Unsupported", "Inconsistent", "NoSuch"]
        .iter()
        .any(|prefix| bare.starts_with(prefix))
        || ["Validation", "ValidationError", "Client", "ParameterError", "IncompatibleProtocols"]
            .contains(&bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, message: &str, expected: ErrorKind) {
        check_of("ecs:CreateService", code, message, expected);
    }

    fn check_of(operation: &str, code: &str, message: &str, expected: ErrorKind) {
        assert_eq!(classify(operation, code, message), expected, "{operation}: {code}: {message}");
    }

    #[test]
    fn codes_of_one_kind_are_told_from_others() {
        use ErrorKind::{
            Conflict, Credentials, Denied, InUse, Invalid, NotFound, NotYet, Quota, Throttled, Timeout,
            Unavailable, Unknown,
        };
        for (code, expected) in [
            ("ThrottlingException", Throttled),
            ("RequestLimitExceeded", Throttled),
            ("TooManyRequestsException", Throttled),
            ("AccessDenied", Denied),
            ("AccessDeniedException", Denied),
            ("UnauthorizedOperation", Denied),
            ("NoSuchEntity", NotFound),
            ("LoadBalancerNotFound", NotFound),
            ("RepositoryNotFoundException", NotFound),
            ("InvalidGroup.NotFound", NotFound),
            ("com.amazonaws.ecs#ClusterNotFoundException", NotFound),
            ("EntityAlreadyExists", Conflict),
            ("DuplicateTargetGroupName", Conflict),
            ("InvalidGroup.Duplicate", Conflict),
            ("InvalidPermission.Duplicate", Conflict),
            ("RepositoryAlreadyExistsException", Conflict),
            ("DependencyViolation", InUse),
            ("DeleteConflict", InUse),
            ("ResourceInUse", InUse),
            ("ClusterContainsServicesException", InUse),
            ("UpdateInProgressException", NotYet),
            ("OperationAbortedException", NotYet),
            ("ConcurrentModification", NotYet),
            ("LimitExceededException", Quota),
            ("TooManyTargetGroups", Quota),
            ("TooManyDistributions", Quota),
            ("ServiceQuotaExceededException", Quota),
            ("VpcLimitExceeded", Quota),
            ("ExpiredToken", Credentials),
            ("InvalidClientTokenId", Credentials),
            ("UnrecognizedClientException", Credentials),
            ("ServiceUnavailable", Unavailable),
            ("ServerException", Unavailable),
            ("RequestTimeout", Timeout),
            ("InvalidParameterException", Invalid),
            ("ValidationError", Invalid),
            ("MalformedPolicyDocument", Invalid),
            ("ClientException", Invalid),
            ("SomethingNew", Unknown),
        ] {
            check(code, "", expected);
        }
    }

    #[test]
    fn messages_decide_where_the_code_says_nothing() {
        check(
            "InvalidParameterException",
            "Unable to assume the service linked role. Please verify that the ECS service linked role exists.",
            ErrorKind::NotYet,
        );
        check(
            "InvalidParameterException",
            "The target group with targetGroupArn arn:tg does not have an associated load balancer.",
            ErrorKind::NotYet,
        );
        check("InvalidParameterException", "Creation of service was not idempotent.", ErrorKind::Conflict);
        check(
            "InvalidParameterException",
            "Unable to Start a service that is still Draining.",
            ErrorKind::NotYet,
        );
        check("ClientException", "Unable to describe task definition.", ErrorKind::NotFound);
        check("ClientException", "Too many concurrent attempts to create a new revision.", ErrorKind::NotYet);
        check("SomethingNew", "Rate exceeded", ErrorKind::Throttled);
    }

    /// The retry and done codes of the reference, kind by kind, as they are on the wire.
    #[test]
    fn each_kind_has_the_codes_of_the_reference() {
        use ErrorKind::{Conflict, InUse, Invalid, NotFound, NotYet};
        for (section, operation, code, message, expected) in [
            ("3.3", "ec2:CreateSecurityGroup", "InvalidGroup.Duplicate", "", Conflict),
            ("3.3", "ec2:CreateSecurityGroup", "InvalidVpcID.NotFound", "", NotFound),
            ("3.3", "ec2:AuthorizeSecurityGroupIngress", "InvalidGroup.NotFound", "", NotFound),
            ("3.3", "ec2:AuthorizeSecurityGroupIngress", "InvalidPermission.Duplicate", "", Conflict),
            ("3.3", "ec2:RevokeSecurityGroupEgress", "InvalidPermission.NotFound", "", NotFound),
            ("3.3", "ec2:DeleteSecurityGroup", "DependencyViolation", "", InUse),
            ("3.3", "ec2:DeleteSecurityGroup", "InvalidGroup.InUse", "", InUse),
            ("3.4", "elasticloadbalancing:CreateLoadBalancer", "DuplicateLoadBalancerName", "", Conflict),
            ("3.4", "elasticloadbalancing:CreateLoadBalancer", "InvalidSubnet", "", Invalid),
            ("3.4", "elasticloadbalancing:DeleteLoadBalancer", "ResourceInUse", "", InUse),
            ("3.4", "elasticloadbalancing:DeleteLoadBalancer", "OperationNotPermitted", "", Invalid),
            ("3.5", "elasticloadbalancing:CreateTargetGroup", "DuplicateTargetGroupName", "", Conflict),
            ("3.5", "elasticloadbalancing:ModifyTargetGroupAttributes", "TargetGroupNotFound", "", NotFound),
            ("3.5", "elasticloadbalancing:DeleteTargetGroup", "ResourceInUse", "", InUse),
            ("3.6", "elasticloadbalancing:CreateListener", "DuplicateListener", "", Conflict),
            ("3.6", "elasticloadbalancing:CreateListener", "CertificateNotFound", "", NotFound),
            ("3.6", "elasticloadbalancing:CreateListener", "UnsupportedCertificate", "", Invalid),
            ("3.6", "elasticloadbalancing:DeleteListener", "ListenerNotFound", "", NotFound),
            ("3.7", "elasticloadbalancing:CreateRule", "PriorityInUse", "", Conflict),
            ("3.7", "elasticloadbalancing:ModifyRule", "RuleNotFound", "", NotFound),
            ("3.8", "ecr:CreateRepository", "RepositoryAlreadyExistsException", "", Conflict),
            ("3.8", "ecr:GetLifecyclePolicy", "LifecyclePolicyNotFoundException", "", NotFound),
            ("3.8", "ecr:DeleteRepository", "RepositoryNotEmptyException", "", InUse),
            ("3.8", "ecr:DeleteRepository", "RepositoryNotFoundException", "", NotFound),
            ("3.9", "logs:CreateLogGroup", "ResourceAlreadyExistsException", "", Conflict),
            ("3.9", "logs:CreateLogGroup", "OperationAbortedException", "try again", NotYet),
            ("3.9", "logs:DeleteLogGroup", "ResourceNotFoundException", "", NotFound),
            ("3.9", "logs:DeleteLogGroup", "ValidationException", "", Invalid),
            ("3.10", "iam:CreateRole", "EntityAlreadyExists", "", Conflict),
            (
                "3.10",
                "iam:CreateRole",
                "MalformedPolicyDocument",
                "Invalid principal in policy: \"AWS\"",
                NotYet,
            ),
            ("3.10", "iam:CreateRole", "MalformedPolicyDocument", "Syntax errors in policy.", Invalid),
            ("3.10", "iam:PutRolePolicy", "ConcurrentModification", "", NotYet),
            ("3.10", "iam:DeleteRole", "DeleteConflict", "", InUse),
            ("3.10", "iam:GetRole", "NoSuchEntity", "", NotFound),
            ("3.14", "ecs:RegisterTaskDefinition", "ClientException", "Too many concurrent attempts", NotYet),
            ("3.14", "ecs:RegisterTaskDefinition", "ClientException", "Invalid 'cpu' setting", Invalid),
            (
                "3.14",
                "ecs:DescribeTaskDefinition",
                "ClientException",
                "Unable to describe task definition.",
                NotFound,
            ),
            (
                "3.15",
                "ecs:CreateCluster",
                "InvalidParameterException",
                "Unable to assume the service linked role.",
                NotYet,
            ),
            ("3.15", "ecs:PutClusterCapacityProviders", "ClientException", "Cluster was not ACTIVE", NotYet),
            ("3.15", "ecs:PutClusterCapacityProviders", "ResourceInUseException", "", InUse),
            ("3.15", "ecs:PutClusterCapacityProviders", "UpdateInProgressException", "", NotYet),
            ("3.15", "ecs:DeleteCluster", "ClusterContainsServicesException", "", InUse),
            ("3.15", "ecs:DeleteCluster", "ClusterContainsTasksException", "", InUse),
            ("3.15", "ecs:DeleteCluster", "ClusterContainsContainerInstancesException", "", InUse),
            ("3.15", "ecs:DeleteCluster", "ClusterContainsCapacityProviderException", "", InUse),
            ("3.15", "ecs:DeleteCluster", "ClusterNotFoundException", "", NotFound),
            (
                "3.17",
                "ecs:CreateService",
                "InvalidParameterException",
                "Creation of service was not idempotent.",
                Conflict,
            ),
            (
                "3.17",
                "ecs:CreateService",
                "InvalidParameterException",
                "Unable to Start a service that is still Draining.",
                NotYet,
            ),
            (
                "3.17",
                "ecs:CreateService",
                "InvalidParameterException",
                "Please verify that the ECS service role being passed has the proper permissions.",
                NotYet,
            ),
            (
                "3.17",
                "ecs:CreateService",
                "InvalidParameterException",
                "The target group arn:tg does not have an associated load balancer.",
                NotYet,
            ),
            (
                "3.17",
                "ecs:CreateService",
                "InvalidParameterException",
                "The subnet ID 'subnet-1' does not exist",
                Invalid,
            ),
            (
                "3.17",
                "ecs:DeleteService",
                "InvalidParameterException",
                "The service cannot be stopped while deployments are active.",
                NotYet,
            ),
            ("3.17", "ecs:DeleteService", "DependencyViolation", "sg-1 has a dependent object", InUse),
            ("3.22", "cloudfront:CreateDistributionWithTags", "DistributionAlreadyExists", "", Conflict),
            ("3.22", "cloudfront:CreateDistributionWithTags", "CNAMEAlreadyExists", "", Conflict),
            ("3.22", "cloudfront:CreateDistributionWithTags", "InvalidViewerCertificate", "", NotYet),
            ("3.22", "cloudfront:DeleteDistribution", "DistributionNotDisabled", "", InUse),
            ("3.22", "cloudfront:DeleteDistribution", "PreconditionFailed", "", Conflict),
            ("3.22", "cloudfront:DeleteDistribution", "NoSuchDistribution", "", NotFound),
        ] {
            assert_eq!(
                classify(operation, code, message),
                expected,
                "{section} {operation}: {code}: {message}"
            );
        }
    }

    #[test]
    fn a_text_of_one_service_means_nothing_in_another() {
        let text = "the host was not active";
        check_of("ecs:UpdateCluster", "ClientException", text, ErrorKind::NotYet);
        check_of("logs:CreateLogGroup", "InvalidParameterException", text, ErrorKind::Invalid);
    }
}
