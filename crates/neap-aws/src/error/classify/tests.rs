//! Codes as they are on the wire, and what each is taken for.

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
        ("3.10", "iam:CreateRole", "MalformedPolicyDocument", "Invalid principal in policy: \"AWS\"", NotYet),
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
        ("3.13", "autoscaling:CreateAutoScalingGroup", "AlreadyExists", "by this name", Conflict),
        ("3.13", "autoscaling:CreateAutoScalingGroup", "AlreadyExists", "pending delete", NotYet),
        (
            "3.12",
            "autoscaling:CreateAutoScalingGroup",
            "ValidationError",
            "Invalid IAM Instance Profile name",
            NotYet,
        ),
        ("3.13", "autoscaling:DeleteAutoScalingGroup", "ResourceInUse", "", InUse),
        ("3.13", "autoscaling:DeleteAutoScalingGroup", "ScalingActivityInProgress", "", InUse),
        (
            "3.13",
            "autoscaling:DeleteAutoScalingGroup",
            "ValidationError",
            "AutoScalingGroup name not found - null",
            NotFound,
        ),
        (
            "3.12",
            "ec2:CreateLaunchTemplate",
            "InvalidLaunchTemplateName.AlreadyExistsException",
            "",
            Conflict,
        ),
        ("3.12", "ec2:DeleteLaunchTemplate", "InvalidLaunchTemplateId.NotFound", "", NotFound),
        (
            "3.16",
            "ecs:DeleteCapacityProvider",
            "ClientException",
            "The specified capacity provider does not exist.",
            NotFound,
        ),
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
        ("3.17", "ecs:UpdateService", "ServiceNotActiveException", "Service was not ACTIVE.", NotFound),
        ("3.17", "ecs:DeleteService", "DependencyViolation", "sg-1 has a dependent object", InUse),
        ("3.22", "cloudfront:CreateDistributionWithTags", "DistributionAlreadyExists", "", Conflict),
        ("3.22", "cloudfront:CreateDistributionWithTags", "CNAMEAlreadyExists", "", Conflict),
        ("3.22", "cloudfront:CreateDistributionWithTags", "InvalidViewerCertificate", "", NotYet),
        (
            "3.22",
            "cloudfront:CreateDistributionWithTags",
            "AccessDenied",
            "Your account must be verified before you can add new CloudFront resources. To verify your account, please \
             contact AWS Support (https://console.aws.amazon.com/support/home#/) and include this error message.",
            Invalid,
        ),
        ("3.22", "cloudfront:DeleteDistribution", "DistributionNotDisabled", "", InUse),
        ("3.22", "cloudfront:DeleteDistribution", "PreconditionFailed", "", Conflict),
        ("3.22", "cloudfront:DeleteDistribution", "NoSuchDistribution", "", NotFound),
    ] {
        assert_eq!(classify(operation, code, message), expected, "{section} {operation}: {code}: {message}");
    }
}

#[test]
fn a_text_of_one_service_means_nothing_in_another() {
    let text = "the cluster was not active";
    check_of("ecs:UpdateCluster", "ClientException", text, ErrorKind::NotYet);
    check_of("logs:CreateLogGroup", "InvalidParameterException", text, ErrorKind::Invalid);
}
