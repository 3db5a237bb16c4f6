//! Which operation of which service a request is for, in each of AWS's protocols.
//!
//! Decides by the request alone: `X-Amz-Target`, the form's `Action`, or method and path, and the service by the scope
//! of its signature. Must not know what the operation does, but for whether it changes anything.

use std::fmt;

use crate::wire::Request;

/// How a service spells requests, answers and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// JSON with the operation in `X-Amz-Target`: ECS, ECR, Logs, SSM and others.
    Json,
    /// A form with XML for an answer: IAM, STS, Elastic Load Balancing.
    Query,
    /// EC2's own kind of form, whose errors look different.
    Ec2,
    /// Methods and paths with XML: CloudFront.
    RestXml,
    /// The same, with errors of its own: S3.
    S3,
    /// Methods and paths with JSON.
    RestJson,
    /// CBOR with the operation at the end of the path: CloudWatch.
    Cbor,
}

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The service, as requests to it are signed: `ecs`, `elasticloadbalancing`, `?` where there is no signature.
    pub service: String,
    /// The operation: `CreateService`, or method and path where those are not known.
    pub name: String,
    /// Its protocol.
    pub protocol: Protocol,
}

/// What operations that change nothing begin with.
const READING: [&str; 10] =
    ["Get", "List", "Describe", "Head", "BatchGet", "BatchCheck", "Lookup", "Search", "Simulate", "HEAD "];

impl Operation {
    /// The operation of `request`.
    pub(crate) fn of(request: &Request) -> Self {
        let service = scope(request.header("authorization").unwrap_or_default()).unwrap_or("?").to_owned();
        let target = request.header("x-amz-target").and_then(|target| target.rsplit('.').next());
        let (protocol, name) = match (target, action(request)) {
            (Some(name), _) => (Protocol::Json, name.to_owned()),
            (None, Some(name)) if service == "ec2" => (Protocol::Ec2, name),
            (None, Some(name)) => (Protocol::Query, name),
            (None, None) => rest(&service, request),
        };
        Self { service, name, protocol }
    }

    /// Whether it may change something.
    pub fn is_mutating(&self) -> bool {
        let is_reading = READING.iter().any(|prefix| self.name.starts_with(prefix));
        !is_reading && !self.name.starts_with("GET ")
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.service, self.name)
    }
}

/// The service in `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    credential.split('/').nth(3)
}

/// The `Action` of a form, in the body or in the query of a GET.
fn action(request: &Request) -> Option<String> {
    let is_form = request
        .header("content-type")
        .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let body = if is_form { String::from_utf8_lossy(&request.body) } else { "".into() };
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    body.split('&').chain(query.split('&')).find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned)
}

fn rest(service: &str, request: &Request) -> (Protocol, String) {
    let method = request.method.as_str();
    let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match service {
        "cloudfront" => {
            let known = parts.get(1..).and_then(|parts| cloudfront(method, parts, query));
            (Protocol::RestXml, known.map_or_else(|| format!("{method} {path}"), str::to_owned))
        }
        "route53" => {
            let known = parts.get(1..).and_then(|parts| route53(method, parts));
            (Protocol::RestXml, known.map_or_else(|| format!("{method} {path}"), str::to_owned))
        }
        "s3" => (Protocol::S3, s3(method, &parts, query)),
        _ => match parts.as_slice() {
            ["service", _, "operation", name] => (Protocol::Cbor, (*name).to_owned()),
            _ => (Protocol::RestJson, format!("{method} {path}")),
        },
    }
}

/// CloudFront's operations on what neap makes; the path begins with the version of the interface.
fn cloudfront(method: &str, parts: &[&str], query: &str) -> Option<&'static str> {
    Some(match (method, parts) {
        ("GET", ["distribution"]) => "ListDistributions",
        ("POST", ["distribution"]) if query.contains("WithTags") => "CreateDistributionWithTags",
        ("POST", ["distribution"]) => "CreateDistribution",
        ("GET", ["distribution", _]) => "GetDistribution",
        ("GET", ["distribution", _, "config"]) => "GetDistributionConfig",
        ("PUT", ["distribution", _, "config"]) => "UpdateDistribution",
        ("DELETE", ["distribution", _]) => "DeleteDistribution",
        ("POST", ["distribution", _, "invalidation"]) => "CreateInvalidation",
        ("GET", ["function"]) => "ListFunctions",
        ("POST", ["function"]) => "CreateFunction",
        ("GET", ["function", _]) => "GetFunction",
        ("GET", ["function", _, "describe"]) => "DescribeFunction",
        ("PUT", ["function", _]) => "UpdateFunction",
        ("POST", ["function", _, "publish"]) => "PublishFunction",
        ("DELETE", ["function", _]) => "DeleteFunction",
        ("GET", ["origin-access-control"]) => "ListOriginAccessControls",
        ("POST", ["origin-access-control"]) => "CreateOriginAccessControl",
        ("GET", ["origin-access-control", _]) => "GetOriginAccessControl",
        ("PUT", ["origin-access-control", _, "config"]) => "UpdateOriginAccessControl",
        ("DELETE", ["origin-access-control", _]) => "DeleteOriginAccessControl",
        ("GET", ["tagging"]) => "ListTagsForResource",
        ("POST", ["tagging"]) if query.contains("Operation=Untag") => "UntagResource",
        ("POST", ["tagging"]) => "TagResource",
        _ => return None,
    })
}

/// Route 53's operations on what neap reads and makes; the path begins with the version of the interface.
fn route53(method: &str, parts: &[&str]) -> Option<&'static str> {
    Some(match (method, parts) {
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        _ => return None,
    })
}

/// What a listing of objects is told in the query, which names no part of the bucket.
const S3_LISTING: [&str; 7] =
    ["list-type", "prefix", "max-keys", "delimiter", "continuation-token", "start-after", "fetch-owner"];

/// S3's operations, with the bucket in the path. What is asked of a part of a bucket stands in the query.
fn s3(method: &str, parts: &[&str], query: &str) -> String {
    let verb = match method {
        "GET" => "Get",
        "HEAD" => "Head",
        "PUT" => "Put",
        "DELETE" => "Delete",
        _ => "Post",
    };
    let part = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    let part = part
        .filter(|name| !name.is_empty() && !name.starts_with("x-"))
        .find(|name| !S3_LISTING.contains(name));
    match (method, parts, part) {
        ("GET", [], _) => "ListBuckets".to_owned(),
        ("GET", [_], None) => "ListObjectsV2".to_owned(),
        ("PUT", [_], None) => "CreateBucket".to_owned(),
        (_, [_], Some(part)) => {
            format!("{verb}Bucket{}{}", part[..1].to_uppercase(), &part[1..])
        }
        (_, [_], _) => format!("{verb}Bucket"),
        ("POST", _, Some("uploads")) => "CreateMultipartUpload".to_owned(),
        ("POST", _, Some("uploadId")) => "CompleteMultipartUpload".to_owned(),
        ("PUT", _, Some("partNumber" | "uploadId")) => "UploadPart".to_owned(),
        ("DELETE", _, Some("uploadId")) => "AbortMultipartUpload".to_owned(),
        _ => format!("{verb}Object"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(service: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Request {
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let mut all = vec![("Authorization".to_owned(), signature)];
        all.extend(headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Request {
            method: method.into(),
            target: target.into(),
            is_last: false,
            headers: all,
            body: body.into(),
        }
    }

    fn check(request: &Request, protocol: Protocol, name: &str, is_mutating: bool) {
        let operation = Operation::of(request);
        assert_eq!((operation.protocol, operation.to_string().as_str()), (protocol, name));
        assert_eq!(operation.is_mutating(), is_mutating, "{name}");
    }

    #[test]
    fn a_target_names_the_operation_of_a_json_service() {
        let target = |name| [("X-Amz-Target", name)];
        let create = target("AmazonEC2ContainerServiceV20141113.CreateService");
        check(&request("ecs", "POST", "/", &create, "{}"), Protocol::Json, "ecs:CreateService", true);
        let get = target("AmazonSSM.GetParameters");
        check(&request("ssm", "POST", "/", &get, "{}"), Protocol::Json, "ssm:GetParameters", false);
    }

    #[test]
    fn an_action_names_the_operation_of_a_form() {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        let body = "Action=CreateSecurityGroup&Version=2016-11-15";
        check(&request("ec2", "POST", "/", &form, body), Protocol::Ec2, "ec2:CreateSecurityGroup", true);
        let body = "Version=2015-12-01&Action=DescribeRules";
        let describe = request("elasticloadbalancing", "POST", "/", &form, body);
        check(&describe, Protocol::Query, "elasticloadbalancing:DescribeRules", false);
    }

    #[test]
    fn methods_and_paths_name_the_operations_of_route_53() {
        let check = |method, path: &str, name, is_mutating| {
            let request = request("route53", method, &format!("/2013-04-01/{path}"), &[], "<X/>");
            check(&request, Protocol::RestXml, name, is_mutating);
        };
        check("GET", "hostedzone?maxitems=100", "route53:ListHostedZones", false);
        check("GET", "hostedzone/Z1", "route53:GetHostedZone", false);
        check("GET", "hostedzone/Z1/rrset?name=x", "route53:ListResourceRecordSets", false);
        check("POST", "hostedzone/Z1/rrset", "route53:ChangeResourceRecordSets", true);
        check("GET", "change/C1", "route53:GetChange", false);
    }

    #[test]
    fn methods_and_paths_name_the_operations_of_cloudfront() {
        let check = |method, path: &str, name, is_mutating| {
            let request = request("cloudfront", method, &format!("/2020-05-31/{path}"), &[], "<X/>");
            check(&request, Protocol::RestXml, name, is_mutating);
        };
        check("POST", "distribution?WithTags", "cloudfront:CreateDistributionWithTags", true);
        check("PUT", "distribution/E1/config", "cloudfront:UpdateDistribution", true);
        check("POST", "distribution/E1/invalidation", "cloudfront:CreateInvalidation", true);
        check("GET", "distribution/E1", "cloudfront:GetDistribution", false);
        check("DELETE", "distribution/E1", "cloudfront:DeleteDistribution", true);
        check("GET", "tagging?Resource=arn", "cloudfront:ListTagsForResource", false);
        check("POST", "tagging?Operation=Tag&Resource=arn", "cloudfront:TagResource", true);
        check("PUT", "unknown/E1", "cloudfront:PUT /2020-05-31/unknown/E1", true);
    }

    #[test]
    fn the_end_of_the_path_names_the_operation_of_a_service_that_speaks_cbor() {
        let path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
        let describe = request("monitoring", "POST", path, &[], "");
        check(&describe, Protocol::Cbor, "monitoring:DescribeAlarms", false);
    }

    #[test]
    fn methods_and_paths_name_the_operations_of_s3() {
        let check = |method, path, name, is_mutating| {
            check(&request("s3", method, path, &[], ""), Protocol::S3, name, is_mutating);
        };
        check("PUT", "/bucket/lock/main?x-id=PutObject", "s3:PutObject", true);
        check("GET", "/bucket/lock", "s3:GetObject", false);
        check("POST", "/bucket/film?uploads=", "s3:CreateMultipartUpload", true);
        check("PUT", "/bucket/film?x-id=UploadPart&partNumber=1&uploadId=a", "s3:UploadPart", true);
        check("POST", "/bucket/film?uploadId=a", "s3:CompleteMultipartUpload", true);
        check("DELETE", "/bucket/film?x-id=AbortMultipartUpload&uploadId=a", "s3:AbortMultipartUpload", true);
        check("HEAD", "/bucket", "s3:HeadBucket", false);
        check("PUT", "/bucket/", "s3:CreateBucket", true);
        check("PUT", "/bucket?tagging", "s3:PutBucketTagging", true);
        check("GET", "/bucket?list-type=2&prefix=a", "s3:ListObjectsV2", false);
        check("GET", "/bucket?list-type=2&max-keys=1&prefix=a", "s3:ListObjectsV2", false);
    }
}
