//! The examples, and how each is changed in the course of its life.

use neap_http_tests::Stack;
use serde_json::json;

use crate::life::Life;

/// What documents allow to change and some lives have no use for, and why.
pub(crate) type Unused = &'static [(&'static str, &'static [&'static str])];

/// What a bucket keeps that is made as S3 makes it, and changes in whether it keeps versions.
const NO_FACETS: (&str, &[&str]) = (
    "the bucket is as S3 makes it but for its versions and what ends unfinished uploads, no file is large, and its access control stays",
    &[
        "cloudfront:UpdateOriginAccessControl",
        "s3:AbortMultipartUpload",
        "s3:PutBucketCORS",
        "s3:PutBucketOwnershipControls",
        "s3:PutEncryptionConfiguration",
        "s3:TagResource",
    ],
);

/// What no life has a use for.
pub(crate) const NEVER_USED: Unused = &[
    (
        "AWS asks for it with another call",
        &["iam:CreateServiceLinkedRole", "iam:PassRole", "ssm:AddTagsToResource"],
    ),
    (
        "the rules of security groups stay",
        &[
            "ec2:AuthorizeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupEgress",
            "ec2:RevokeSecurityGroupIngress",
            "ec2:UpdateSecurityGroupRuleDescriptionsEgress",
            "ec2:UpdateSecurityGroupRuleDescriptionsIngress",
        ],
    ),
    (
        "load balancers stay where they are",
        &[
            "elasticloadbalancing:SetIpAddressType",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ],
    ),
    (
        "no listener has certificates for several names",
        &["elasticloadbalancing:AddListenerCertificates", "elasticloadbalancing:RemoveListenerCertificates"],
    ),
    ("roles change in what they may do", &["iam:UpdateAssumeRolePolicy", "iam:UpdateRole"]),
    (
        "log groups change in how long they keep, and have no key",
        &["logs:AssociateKmsKey", "logs:DeleteRetentionPolicy", "logs:DisassociateKmsKey"],
    ),
];

const NO_TAG_TAKEN: (&str, &[&str]) = (
    "no tag is taken away",
    &[
        "ec2:DeleteTags",
        "ecr:UntagResource",
        "ecs:UntagResource",
        "elasticloadbalancing:RemoveTags",
        "iam:UntagRole",
        "logs:UntagResource",
    ],
);

const REPOSITORY_STAYS: (&str, &[&str]) = (
    "repositories change in how many images they keep",
    &["ecr:DeleteLifecyclePolicy", "ecr:PutImageScanningConfiguration", "ecr:PutImageTagMutability"],
);

const NO_ATTRIBUTES: (&str, &[&str]) =
    ("load balancers keep their attributes", &["elasticloadbalancing:ModifyLoadBalancerAttributes"]);

const FARGATE_STAYS: (&str, &[&str]) =
    ("the cluster keeps its capacity", &["ecs:PutClusterCapacityProviders"]);

const NO_STATEMENTS: (&str, &[&str]) =
    ("the roles have managed policies alone", &["iam:DeleteRolePolicy", "iam:PutRolePolicy"]);

pub(crate) fn root() -> Life {
    Life {
        stack: Stack::Root,
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1, "roles": 1,
            "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("default = \"1.27\"", "default = \"1.28\""),
            ("path = \"/\"", "path = \"/health\""),
            ("[stack]\n", "[stack]\ntags = { team = \"web\" }\n"),
        ],
        replacement: (
            "[target_group.web]              # who answers, and how the load balancer tells that they are well\nport = 80",
            "[target_group.web]\nport = 80\nprotocol = \"HTTPS\"",
        ),
        replaced: "target groups",
        orphan: &[
            ("tags = { team = \"web\" }\n", ""),
            ("[ecr.web]                       # where your own image will live\nkeep_images = 5\n", ""),
        ],
        orphaned: "repositories",
        unused: &[
            REPOSITORY_STAYS,
            NO_ATTRIBUTES,
            FARGATE_STAYS,
            NO_STATEMENTS,
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            ("the repository goes with its tags", &["ecr:UntagResource"]),
        ],
        foreign: ("ecs", "create_cluster", json!({ "clusterName": "course-main" }), "course-main"),
    }
}

pub(crate) fn course_fargate() -> Life {
    Life {
        stack: Stack::CourseFargate,
        counts: json!({
            "buckets": 1, "clusters": 1, "distributions": 1, "functions": 1, "listeners": 1, "load balancers": 1, "log groups": 1,
            "origin access controls": 1, "repositories": 1, "roles": 1, "rules": 1, "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("path = \"/api/health\"", "path = \"/api/ready\""),
            ("NODE_ENV = \"production\"", "NODE_ENV = \"staging\""),
            ("keep_images = 5", "keep_images = 7"),
            ("body = \"not found\"", "body = \"nothing here\""),
            ("comment = \"the course's site\"", "comment = \"our site\""),
            ("[bucket.web]\n", "[bucket.web]\nversioning = true\n"),
            ("\"*.html\" = \"no-cache\"", "\"*.html\" = \"no-store\""),
        ],
        replacement: (
            "[target_group.api]\nport = 3000",
            "[target_group.api]\nport = 3000\nprotocol = \"HTTPS\"",
        ),
        replaced: "target groups",
        orphan: &[
            ("[cloudfront.site]\ncomment = \"our site\"\n", ""),
            (
                "single_page = true              # the application's own paths are answered with index.html, the API's as it answers them\n",
                "",
            ),
            ("[[cloudfront.site.route]]\npath = \"/api/*\"\norigin = \"alb.public\"\n", ""),
            (
                "[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"bucket.web\"\nresponse_headers = \"SecurityHeadersPolicy\"\n",
                "",
            ),
            ("url = \"https://${cloudfront.site}\"\n", ""),
        ],
        orphaned: "distributions",
        unused: &[
            REPOSITORY_STAYS,
            NO_ATTRIBUTES,
            FARGATE_STAYS,
            NO_TAG_TAKEN,
            NO_STATEMENTS,
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            NO_FACETS,
            ("its request looks like that for versions", &["s3:DeleteObject"]),
            ("the code of the function is neap's", &["cloudfront:UpdateFunction"]),
            (
                "no tag changes",
                &[
                    "cloudfront:UntagResource",
                    "ec2:CreateTags",
                    "ecs:TagResource",
                    "iam:TagRole",
                    "logs:TagResource",
                ],
            ),
        ],
        foreign: (
            "ec2",
            "create_security_group",
            json!({ "GroupName": "course-alb-public", "Description": "somebody else's" }),
            "course-alb-public",
        ),
    }
}

pub(crate) fn course_ec2() -> Life {
    Life {
        stack: Stack::CourseEc2,
        counts: json!({
            "auto scaling groups": 1, "buckets": 1, "capacity providers": 1, "clusters": 1, "distributions": 1, "instance profiles": 1,
            "instances": 1, "origin access controls": 1,
            "launch templates": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1, "roles": 2,
            "rules": 1, "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            (
                "instance_type = \"t3.micro\", min = 1, max = 2",
                "instance_type = \"t3.small\", min = 1, max = 3, managed_scaling = false, \
                 scaling = { cpu = 60, network_in = 100_000_000 }",
            ),
            ("path = \"/api/health\"", "path = \"/api/ready\""),
            ("keep_images = 5", "keep_images = 7"),
            ("\"*.html\" = \"no-cache\"", "\"*.html\" = \"no-store\""),
        ],
        replacement: (
            "[target_group.api]\nport = 3000",
            "[target_group.api]\nport = 3000\nprotocol = \"HTTPS\"",
        ),
        replaced: "target groups",
        orphan: &[
            // A policy changes, and one goes.
            (
                "scaling = { cpu = 60, network_in = 100_000_000 }",
                "scaling = { cpu = { target = 50, warmup = 60 } }",
            ),
            (
                "default = { fixed_response = { status = 404, body = \"not found\" } }",
                "default = { forward = \"api\" }",
            ),
            (
                "[[alb.public.listener.http.rule]]\npriority = 10\nwhen = { path = [\"/api/*\"] }\nforward = \"api\"\n",
                "",
            ),
        ],
        orphaned: "rules",
        unused: &[
            REPOSITORY_STAYS,
            NO_ATTRIBUTES,
            NO_TAG_TAKEN,
            NO_STATEMENTS,
            NO_FACETS,
            ("its request looks like that for versions", &["s3:DeleteObject"]),
            (
                "the bucket and the distribution stay as they are",
                &["s3:PutBucketVersioning", "s3:PutBucketTagging", "cloudfront:UntagResource"],
            ),
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            ("AWS asks for it with the group", &["ec2:RunInstances"]),
            ("no replacement of instances meets another", &["autoscaling:CancelInstanceRefresh"]),
            (
                "no tag changes",
                &[
                    "autoscaling:DeleteTags",
                    "iam:TagInstanceProfile",
                    "iam:TagRole",
                    "iam:UntagInstanceProfile",
                    "logs:TagResource",
                ],
            ),
        ],
        foreign: (
            "ec2",
            "create_security_group",
            json!({ "GroupName": "course-alb-public", "Description": "somebody else's" }),
            "course-alb-public",
        ),
    }
}

pub(crate) fn two_services() -> Life {
    let trust = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "Service": "ecs-tasks.amazonaws.com" },
    }] });
    let role =
        json!({ "RoleName": "shop-task-next-execution", "AssumeRolePolicyDocument": trust.to_string() });
    Life {
        stack: Stack::TwoServices,
        counts: json!({
            "clusters": 1, "elastic ips": 1, "internet gateways": 1, "listeners": 2, "load balancers": 2, "log groups": 4, "nat gateways": 1,
            "repositories": 2, "roles": 5, "route tables": 2, "rules": 4, "scalable targets": 1, "security groups": 5, "services": 3,
            "subnets": 4, "target groups": 3, "task definitions": 3, "vpc endpoints": 1, "vpcs": 1,
        }),
        in_place: &[
            ("stickiness = { duration = 3600 }", "stickiness = { duration = 600 }"),
            ("team = \"shop\"", "team = \"web\""),
            ("path = [\"/beta/*\"]", "path = [\"/beta/*\", \"/next/*\"]"),
            ("max = 6", "max = 8"),
            ("cpu = 60", "memory = 70"),
            ("night   =", "evening ="),
        ],
        replacement: ("[target_group.next]\n", "[target_group.next]\nprotocol = \"HTTPS\"\n"),
        replaced: "target groups",
        orphan: &[(
            "[[alb.public.listener.http.rule]]\npriority = 30\nwhen = { host = [\"www.${var.domain}\"] }\n\
             redirect = { host = \"${var.domain}\", status = 301 }\n",
            "",
        )],
        orphaned: "rules",
        unused: &[
            REPOSITORY_STAYS,
            NO_ATTRIBUTES,
            FARGATE_STAYS,
            NO_TAG_TAKEN,
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            (
                "nobody else touches the network",
                &[
                    "ec2:DeleteRoute",
                    "ec2:ModifyVpcEndpoint",
                    "ec2:ReplaceRoute",
                    "ec2:ReplaceRouteTableAssociation",
                    "route53:AssociateVPCWithHostedZone",
                ],
            ),
            (
                "listeners and groups stay as they are",
                &["elasticloadbalancing:ModifyListener", "elasticloadbalancing:ModifyTargetGroup"],
            ),
            (
                "AWS asks for it with a policy of scaling, and no tag is taken away",
                &[
                    "application-autoscaling:UntagResource",
                    "cloudwatch:DeleteAlarms",
                    "cloudwatch:PutMetricAlarm",
                ],
            ),
        ],
        foreign: ("iam", "create_role", role, "shop-task-next-execution"),
    }
}

/// The same without what scales.
pub(crate) fn two_unscaled_services() -> Life {
    let life = two_services();
    let mut counts = life.counts;
    for kind in ["scalable targets", "elastic ips", "nat gateways"] {
        counts[kind].take();
    }
    let counts = counts.as_object().into_iter().flatten().filter(|(_, count)| !count.is_null());
    let counts = counts.map(|(kind, count)| (kind.clone(), count.clone())).collect();
    let in_place = &life.in_place[..life.in_place.len() - 3];
    let unused = &life.unused[..life.unused.len() - 1];
    Life { counts, in_place, unused, ..two_services() }
}

pub(crate) fn sidecar() -> Life {
    Life {
        stack: Stack::Sidecar,
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "repositories": 1, "roles": 2,
            "security groups": 2, "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("retention = 30", "retention = 60"),
            ("\"s3:GetObject\", \"s3:ListBucket\"", "\"s3:GetObject\""),
            ("stop_timeout = 60", "stop_timeout = 90"),
            ("container_insights = \"enabled\"", "container_insights = \"disabled\""),
        ],
        replacement: ("[target_group.notes]\n", "[target_group.notes]\nprotocol = \"HTTPS\"\n"),
        replaced: "target groups",
        orphan: &[
            ("[[task.notes.role.statement]]\nactions = [\"s3:GetObject\"]\n", ""),
            ("resources = [\"arn:aws:s3:::notes-attachments\", \"arn:aws:s3:::notes-attachments/*\"]\n", ""),
            ("exec = true                     # `aws ecs execute-command` opens a shell\n", ""),
        ],
        orphaned: "roles",
        unused: &[
            REPOSITORY_STAYS,
            NO_ATTRIBUTES,
            FARGATE_STAYS,
            NO_TAG_TAKEN,
            ("no tag changes", &["ec2:CreateTags", "ecr:TagResource", "elasticloadbalancing:AddTags"]),
            ("the target group is replaced", &["elasticloadbalancing:ModifyTargetGroup"]),
        ],
        foreign: ("ecr", "create_repository", json!({ "repositoryName": "notes-app" }), "notes-app"),
    }
}

pub(crate) fn internal_nlb() -> Life {
    Life {
        stack: Stack::InternalNlb,
        counts: json!({
            "clusters": 1, "listeners": 1, "load balancers": 1, "log groups": 1, "roles": 1, "security groups": 2,
            "services": 1, "target groups": 1, "task definitions": 1,
        }),
        in_place: &[
            ("cross_zone = true ", "cross_zone = false"),
            ("interval = 10", "interval = 20"),
            ("idle_timeout = 3600 ", "idle_timeout = 600 "),
            ("stickiness = \"source_ip\"\n", ""),
        ],
        replacement: (
            "[target_group.redis]\nport = 6379\nprotocol = \"TCP\"",
            "[target_group.redis]\nname = \"another\"\nport = 6379\nprotocol = \"TCP\"",
        ),
        replaced: "target groups",
        orphan: &[(
            "[service.redis]\ncluster = \"main\"\ntask = \"redis\"\ntarget = { group = \"redis\" }\n",
            "",
        )],
        orphaned: "services",
        unused: &[
            FARGATE_STAYS,
            NO_STATEMENTS,
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            (
                "no tag changes",
                &[
                    "ec2:CreateTags",
                    "ec2:DeleteTags",
                    "ecs:TagResource",
                    "ecs:UntagResource",
                    "elasticloadbalancing:RemoveTags",
                    "iam:TagRole",
                    "iam:UntagRole",
                    "logs:TagResource",
                    "logs:UntagResource",
                ],
            ),
        ],
        foreign: ("ecs", "create_cluster", json!({ "clusterName": "cache-main" }), "cache-main"),
    }
}

pub(crate) fn spa_domain() -> Life {
    let function = json!({
        "Name": "spa-cloudfront-site", "FunctionConfig": { "Comment": "somebody else's", "Runtime": "cloudfront-js-2.0" },
        "FunctionCode": "function handler(event) { return event.response; }",
    });
    Life {
        stack: Stack::SpaDomain,
        counts: json!({
            "buckets": 1, "certificates": 1, "distributions": 1, "functions": 2, "origin access controls": 1, "records": 3,
        }),
        in_place: &[
            ("comment = \"the app\"", "comment = \"our app\"\nminimum_protocol_version = \"TLSv1.2_2025\""),
            ("[stack]\n", "[stack]\ntags = { team = \"web\" }\n"),
            ("[bucket.web]\n", "[bucket.web]\nversioning = true\n"),
            ("comment = \"the app loads nothing from elsewhere\"", "comment = \"what pages may load\""),
            ("\"*.html\" = \"no-cache\"", "\"*.html\" = \"no-store\""),
        ],
        replacement: ("app.${var.domain}", "www.${var.domain}"),
        replaced: "certificates",
        orphan: &[
            ("tags = { team = \"web\" }\n", ""),
            (
                "[function.policy]               # what pages may load, which no managed policy can know\n\
                 code = \"functions/policy.js\"\ncomment = \"what pages may load\"\n",
                "",
            ),
            ("function = { viewer_response = \"policy\" }\n", ""),
            ("[domain.app]\nname = \"www.${var.domain}\"\ntarget = \"cloudfront.site\"\n", ""),
            ("https://${domain.app}", "https://${cloudfront.site}"),
        ],
        orphaned: "functions",
        unused: &[NO_FACETS, ("its request looks like that for versions", &["s3:DeleteObject"])],
        foreign: ("cloudfront", "create_function", function, "spa-cloudfront-site"),
    }
}

pub(crate) fn blue_green() -> Life {
    Life {
        stack: Stack::BlueGreen,
        counts: json!({
            "clusters": 1, "listeners": 2, "load balancers": 1, "log groups": 1, "roles": 2, "security groups": 2,
            "services": 1, "target groups": 2, "task definitions": 1,
        }),
        in_place: &[
            ("default = \"1.27\"", "default = \"1.28\""),
            ("bake_minutes = 10", "bake_minutes = 1"),
            ("[stack]\n", "[stack]\ntags = { team = \"web\" }\n"),
        ],
        // The two groups change together, or they would be no pair.
        replacement: (
            "and so on\nport = 80\nhealth_check = { path = \"/\", interval = 10, healthy_threshold = 2 }\n\
             deregistration_delay = 30\n\n[target_group.green]\nport = 80",
            "and so on\nport = 80\nprotocol = \"HTTPS\"\nhealth_check = { path = \"/\", interval = 10, healthy_threshold = 2 }\n\
             deregistration_delay = 30\n\n[target_group.green]\nport = 80\nprotocol = \"HTTPS\"",
        ),
        replaced: "target groups",
        orphan: &[
            ("tags = { team = \"web\" }\n", ""),
            ("target = { group = \"blue\", alternate = \"green\" }", "target = { group = \"blue\" }"),
            ("deployment = { strategy = \"blue_green\", bake_minutes = 1 }\n", ""),
        ],
        orphaned: "roles",
        unused: &[
            NO_ATTRIBUTES,
            FARGATE_STAYS,
            NO_STATEMENTS,
            ("the cluster stays as it is", &["ecs:UpdateCluster"]),
            ("the target groups are replaced", &["elasticloadbalancing:ModifyTargetGroup"]),
        ],
        foreign: ("ecs", "create_cluster", json!({ "clusterName": "shop-main" }), "shop-main"),
    }
}
