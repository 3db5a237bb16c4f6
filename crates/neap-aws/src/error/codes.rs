//! AWS's error codes and texts, by the kind of failure that each stands for.
//!
//! Decides nothing: it is what is known of AWS. Must not know which of two entries that fit comes first.

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

pub(super) const CREDENTIALS: &[&str] = &[
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

pub(super) const NOT_FOUND: &[&str] = &[
    "NoSuchEntity",
    "NoSuchDistribution",
    "NoSuchResource",
    "NoSuchOriginAccessControl",
    "NoSuchFunctionExists",
    "NoSuchBucket",
    "NoSuchBucketPolicy",
    "NoSuchTagSet",
    "NoSuchPublicAccessBlockConfiguration",
    "NoSuchLifecycleConfiguration",
    "NoSuchCORSConfiguration",
    "OwnershipControlsNotFoundError",
    "ServerSideEncryptionConfigurationNotFoundError",
    "ResourceNotFoundException",
    "RepositoryNotFoundException",
    "LifecyclePolicyNotFoundException",
    "RepositoryPolicyNotFoundException",
    "ClusterNotFoundException",
    "ServiceNotFoundException",
    "ServiceNotActiveException",
    "TargetNotFoundException",
    "ParameterNotFound",
    "Gateway.NotAttached",
];

pub(super) const CONFLICT: &[&str] = &[
    "EntityAlreadyExists",
    "RepositoryAlreadyExistsException",
    "ResourceAlreadyExistsException",
    "DistributionAlreadyExists",
    "FunctionAlreadyExists",
    "BucketAlreadyOwnedByYou",
    "InvalidSubnet.Conflict",
    "Resource.AlreadyAssociated",
    "PermanentRedirect",
    "CNAMEAlreadyExists",
    "PriorityInUse",
    "PreconditionFailed",
    "InvalidIfMatchVersion",
];

pub(super) const IN_USE: &[&str] = &[
    "DependencyViolation",
    "DeleteConflict",
    "ResourceInUse",
    "ResourceInUseException",
    "ResourceInUseFault",
    "DistributionNotDisabled",
    "OriginAccessControlInUse",
    "FunctionInUse",
    "BucketNotEmpty",
    "RepositoryNotEmptyException",
];

pub(super) const NOT_YET: &[&str] = &[
    "UpdateInProgressException",
    "OperationAbortedException",
    "OperationAborted",
    "ConcurrentModification",
    "ConcurrentUpdateException",
    "FailedResourceAccessException",
    // Those under way end within minutes (3.23).
    "TooManyInvalidationsInProgress",
    "EntityTemporarilyUnmodifiable",
    "UnmodifiableEntity",
    "IllegalUpdate",
];

pub(super) const QUOTA: &[&str] = &[
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

pub(super) const UNAVAILABLE: &[&str] = &[
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
/// is empty, and a part of the text (reference sections 1.6, 3.10, 3.14, 3.15, 3.17, 3.18).
pub(super) const NOT_YET_MESSAGES: &[(&str, &str)] = &[
    ("ecs", "unable to assume the service linked role"),
    ("ecs", "verify that the ecs service role being passed has the proper permissions"),
    ("ecs", "does not have an associated load balancer"),
    ("ecs", "still draining"),
    ("ecs", "cannot be stopped while deployments are active"),
    // Of a service it says that somebody deleted it.
    ("ecs", "cluster was not active"),
    ("ecs", "too many concurrent attempts"),
    // A name of Service Connect that ECS has not deleted yet with the service that had it.
    ("ecs", "sc service is already used"),
    ("", "unable to assume role"),
    // A policy that names a role made a moment ago.
    ("iam", "invalid principal in policy"),
    ("ecr", "invalid repository policy"),
    ("s3", "invalid principal in policy"),
    ("", "operation is in progress"),
    // A profile or role that was made a moment ago; a group of that name that is on its way out (3.12, 3.13).
    ("autoscaling", "invalid iam instance profile"),
    ("autoscaling", "pending delete"),
    ("autoscaling", "service-linked role"),
    // A service that was made a moment ago, and the service-linked role that the first target brings about (3.18).
    ("application-autoscaling", "ecs service doesn't exist"),
    ("application-autoscaling", "unable to assume iam role"),
];

/// Codes that mean something else in one service than their form says.
pub(super) const BY_SERVICE: &[(&str, &str, ErrorKind)] = &[
    // A function that was published a moment ago (3.21).
    ("cloudfront", "InvalidFunctionAssociation", ErrorKind::NotYet),
    // A certificate that was issued a moment ago (3.22).
    ("cloudfront", "InvalidViewerCertificate", ErrorKind::NotYet),
    ("route53", "NoSuchHostedZone", ErrorKind::NotFound),
    // A group that a network interface or another group still uses (3.3).
    ("ec2", "InvalidGroup.InUse", ErrorKind::InUse),
    ("autoscaling", "ScalingActivityInProgress", ErrorKind::InUse),
    // Another replacement of the instances has to end first: it is cancelled.
    ("autoscaling", "InstanceRefreshInProgress", ErrorKind::NotYet),
    // Deletion protection, or a default rule (3.4, 3.7): no repetition helps.
    ("elasticloadbalancing", "OperationNotPermitted", ErrorKind::Invalid),
];
