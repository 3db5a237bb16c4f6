"""Looks into an emulator with boto3, which shares no code with neap.

  reader.py ENDPOINT REGION call SERVICE OPERATION [JSON]   one call; prints its answer
  reader.py ENDPOINT REGION reset moto|ministack            forgets everything, sets what the suite needs
  reader.py ENDPOINT REGION list                            everything that a stack can leave behind, by kind

`list` leaves out what is there in an account that nobody uses: the default VPC's security group.
"""
import json
import sys
import urllib.request

import boto3
from botocore.config import Config

endpoint, region, command, *rest = sys.argv[1:]


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name=region, aws_access_key_id="test", aws_secret_access_key="test",
                        config=Config(retries={"max_attempts": 0}))


def post(path, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(endpoint + path, method="POST", data=data or b"", headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def reset(kind):
    if kind == "moto":
        post("/moto-api/reset")
        # Otherwise a distribution is being deployed until somebody has looked at it.
        post("/moto-api/state-manager/set-transition", {"model_name": "cloudfront::distribution", "transition": {"progression": "immediate"}})
    else:
        post("/_ministack/reset")


def every(service, operation, key, **arguments):
    pages = client(service).get_paginator(operation).paginate(**arguments)
    return [item for page in pages for item in page.get(key) or []]


def listing():
    ecs, elb = client("ecs"), client("elbv2")
    found = {
        "security groups": [g["GroupName"] for g in every("ec2", "describe_security_groups", "SecurityGroups") if g["GroupName"] != "default"],
        "load balancers": [], "listeners": [], "rules": [],
        "target groups": [g["TargetGroupName"] for g in every("elbv2", "describe_target_groups", "TargetGroups")],
        "repositories": [r["repositoryName"] for r in every("ecr", "describe_repositories", "repositories")],
        "log groups": [g["logGroupName"] for g in every("logs", "describe_log_groups", "logGroups")],
        "roles": [r["RoleName"] for r in every("iam", "list_roles", "Roles") if not r["Path"].startswith("/aws-service-role/")],
        "clusters": [], "services": [],
        "task definitions": [a.split("/")[-1] for a in every("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE")],
        "inactive task definitions": [a.split("/")[-1] for a in every("ecs", "list_task_definitions", "taskDefinitionArns", status="INACTIVE")],
    }
    for balancer in elb.describe_load_balancers()["LoadBalancers"]:
        found["load balancers"].append(balancer["LoadBalancerName"])
        for listener in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]:
            found["listeners"].append(f"{balancer['LoadBalancerName']}:{listener['Port']}")
            for rule in elb.describe_rules(ListenerArn=listener["ListenerArn"])["Rules"]:
                if rule["Priority"] != "default":
                    found["rules"].append(f"{balancer['LoadBalancerName']}:{listener['Port']}:{rule['Priority']}")
    arns = every("ecs", "list_clusters", "clusterArns")
    for cluster in ecs.describe_clusters(clusters=arns)["clusters"] if arns else []:
        if cluster["status"] == "INACTIVE":
            continue
        found["clusters"].append(cluster["clusterName"])
        services = every("ecs", "list_services", "serviceArns", cluster=cluster["clusterArn"])
        for service in ecs.describe_services(cluster=cluster["clusterArn"], services=services)["services"] if services else []:
            if service["status"] != "INACTIVE":
                found["services"].append(f"{cluster['clusterName']}/{service['serviceName']}")
    items = client("cloudfront").list_distributions()["DistributionList"].get("Items") or []
    found["distributions"] = [d["Comment"] for d in items]
    return {kind: sorted(names) for kind, names in found.items() if names}


if command == "reset":
    reset(rest[0])
elif command == "list":
    print(json.dumps(listing()))
elif command == "call":
    arguments = json.loads(rest[2]) if len(rest) > 2 else {}
    answer = getattr(client(rest[0]), rest[1])(**arguments)
    answer.pop("ResponseMetadata", None)
    print(json.dumps(answer, default=str))
else:
    sys.exit(__doc__)
