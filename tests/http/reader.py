"""Looks into an emulator with boto3, which shares no code with neap.

  reader.py ENDPOINT REGION   reads commands, one JSON list a line, and answers each with a line of JSON

  ["call", SERVICE, OPERATION, {…}]   one call; its answer
  ["reset", "moto"|"ministack"]       forgets everything, sets what the suite needs; null
  ["list"]                            everything that a stack can leave behind, by kind
  ["snapshot"]                        the same with every field and tag, by ARN or id
  ["untag"]                           takes the tags from everything that say whose it is; null

A command that fails is answered with {"failed": WHY}. One process serves a whole test, since loading boto3 takes longer than most
commands. `list` leaves out what is there in an account that nobody uses: the default VPC's security group.
"""
import functools
import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, region = sys.argv[1:]


@functools.cache
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


def scalable_targets():
    return every("application-autoscaling", "describe_scalable_targets", "ScalableTargets", ServiceNamespace="ecs")


def networks():
    """VPCs that somebody made, and the parts of networks that are in none of the account's own."""
    ec2 = client("ec2")
    default = {v["VpcId"] for v in ec2.describe_vpcs()["Vpcs"] if v["IsDefault"]}
    found = {"vpcs": [(v["VpcId"], v) for v in ec2.describe_vpcs()["Vpcs"] if v["VpcId"] not in default]}
    found["internet gateways"] = [(g["InternetGatewayId"], g) for g in ec2.describe_internet_gateways()["InternetGateways"]
                                  if not any(a["VpcId"] in default for a in g["Attachments"])]
    found["route tables"] = [(t["RouteTableId"], t) for t in ec2.describe_route_tables()["RouteTables"]
                             if t["VpcId"] not in default and not any(a.get("Main") for a in t["Associations"])]
    found["elastic ips"] = [(a["AllocationId"], a) for a in ec2.describe_addresses()["Addresses"]]
    found["nat gateways"] = [(g["NatGatewayId"], g) for g in every("ec2", "describe_nat_gateways", "NatGateways") if g["State"] != "deleted"]
    found["vpc endpoints"] = [(e["VpcEndpointId"], e) for e in every("ec2", "describe_vpc_endpoints", "VpcEndpoints") if e["State"].lower() != "deleted"]
    found["subnets"] = [(s["SubnetId"], s) for s in ec2.describe_subnets()["Subnets"] if s["VpcId"] not in default]
    return found


def certificates():
    """What ACM says of each certificate. Without the sorts of keys it lists those with RSA keys of 2048 bits alone."""
    kinds = {"keyTypes": ["RSA_2048", "EC_prime256v1", "EC_secp384r1"]}
    arns = [c["CertificateArn"] for c in every("acm", "list_certificates", "CertificateSummaryList", Includes=kinds)]
    return [describe("acm", "describe_certificate", CertificateArn=arn)["Certificate"] for arn in arns]


def records():
    """Every record that somebody put into a hosted zone; the zone itself, its name servers and its SOA are nobody's."""
    zones = every("route53", "list_hosted_zones", "HostedZones")
    found = [record for zone in zones for record in every("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone["Id"])]
    return [record for record in found if record["Type"] not in ("NS", "SOA")]


def listing():
    ecs, elb = client("ecs"), client("elbv2")
    found = {
        "security groups": [g["GroupName"] for g in every("ec2", "describe_security_groups", "SecurityGroups") if g["GroupName"] != "default"],
        "load balancers": [], "listeners": [], "rules": [],
        "target groups": [g["TargetGroupName"] for g in every("elbv2", "describe_target_groups", "TargetGroups")],
        "repositories": [r["repositoryName"] for r in every("ecr", "describe_repositories", "repositories")],
        "log groups": [g["logGroupName"] for g in every("logs", "describe_log_groups", "logGroups")],
        "roles": [r["RoleName"] for r in every("iam", "list_roles", "Roles") if not r["Path"].startswith("/aws-service-role/")],
        "instance profiles": [p["InstanceProfileName"] for p in every("iam", "list_instance_profiles", "InstanceProfiles")],
        "launch templates": [t["LaunchTemplateName"] for t in every("ec2", "describe_launch_templates", "LaunchTemplates")],
        "auto scaling groups": [g["AutoScalingGroupName"] for g in every("autoscaling", "describe_auto_scaling_groups", "AutoScalingGroups")],
        "instances": [pairs(i.get("Tags", [])).get("aws:autoscaling:groupName", i["InstanceId"]) for r in every("ec2", "describe_instances", "Reservations") for i in r["Instances"]
                      if i["State"]["Name"] != "terminated"],
        "capacity providers": [p["name"] for p in ecs.describe_capacity_providers()["capacityProviders"] if not p["name"].startswith("FARGATE")],
        "clusters": [], "services": [],
        "task definitions": [a.split("/")[-1] for a in every("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE")],
        "inactive task definitions": [a.split("/")[-1] for a in every("ecs", "list_task_definitions", "taskDefinitionArns", status="INACTIVE")],
    }
    for kind, parts in networks().items():
        found[kind] = [next((tag["Value"] for tag in part.get("Tags", []) if tag["Key"] == "Name"), id) for id, part in parts]
    found["classic load balancers"] = [b["LoadBalancerName"] for b in every("elb", "describe_load_balancers", "LoadBalancerDescriptions")]
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
    found["scalable targets"] = [t["ResourceId"] for t in scalable_targets()]
    # What a stack names, and nobody's stack creates, is elsewhere. Unfiltered, moto shows all of AWS's own too, page by page.
    neap = [{"Key": "Name", "Option": "BeginsWith", "Values": ["/neap/"]}]
    found["parameters"] = [p["Name"] for p in every("ssm", "describe_parameters", "Parameters", ParameterFilters=neap) if p["Name"].startswith("/neap/")]
    found["buckets"] = [b["Name"] for b in client("s3").list_buckets()["Buckets"]]
    controls = client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items") or []
    found["origin access controls"] = [c["Name"] for c in controls]
    functions = client("cloudfront").list_functions(Stage="DEVELOPMENT")["FunctionList"].get("Items") or []
    found["functions"] = [f["Name"] for f in functions]
    items = client("cloudfront").list_distributions()["DistributionList"].get("Items") or []
    found["distributions"] = [d["Comment"] for d in items]
    found["certificates"] = [c["DomainName"] for c in certificates()]
    found["records"], found["validation records"] = [], []
    for record in records():
        found["validation records" if record["Type"] == "CNAME" else "records"].append(f"{record['Name']} {record['Type']}")
    names = client("servicediscovery")
    found["namespaces"] = [n["Name"] for n in names.list_namespaces()["Namespaces"]]
    found["discovery services"] = [s["Name"] for s in names.list_services()["Services"]]
    found["private zones"] = [z["Name"] for z in client("route53").list_hosted_zones()["HostedZones"] if z["Config"]["PrivateZone"]]
    return {kind: sorted(names) for kind, names in found.items() if names}


def pairs(tags):
    return {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value")) for tag in tags}


def call(service, operation, arguments):
    answer = getattr(client(service), operation)(**arguments)
    answer.pop("ResponseMetadata", None)
    return answer


def describe(service, operation, **arguments):
    return call(service, operation, arguments)


def balancing():
    """Load balancers, target groups, listeners and rules by ARN."""
    found = {g["TargetGroupArn"]: [g, describe("elbv2", "describe_target_group_attributes", TargetGroupArn=g["TargetGroupArn"])]
             for g in every("elbv2", "describe_target_groups", "TargetGroups")}
    for balancer in every("elbv2", "describe_load_balancers", "LoadBalancers"):
        arn = balancer["LoadBalancerArn"]
        found[arn] = [balancer, describe("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn)]
        for listener in every("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
            found[listener["ListenerArn"]] = [listener]
            rules = describe("elbv2", "describe_rules", ListenerArn=listener["ListenerArn"])["Rules"]
            found.update({rule["RuleArn"]: [rule] for rule in rules if rule["Priority"] != "default"})
    return found


def running():
    """Clusters, services and active task definitions by ARN, without those that are only remembered."""
    found = {}
    for arn in every("ecs", "list_task_definitions", "taskDefinitionArns", status="ACTIVE"):
        found[arn] = describe("ecs", "describe_task_definition", taskDefinition=arn, include=["TAGS"])
    for arn in every("ecs", "list_clusters", "clusterArns"):
        found[arn] = describe("ecs", "describe_clusters", clusters=[arn], include=["TAGS", "SETTINGS"])["clusters"][0]
        for service in every("ecs", "list_services", "serviceArns", cluster=arn):
            found[service] = describe("ecs", "describe_services", cluster=arn, services=[service], include=["TAGS"])["services"][0]
    return {arn: fields for arn, fields in found.items() if fields.get("status") != "INACTIVE"}


def role(name):
    policies = describe("iam", "list_role_policies", RoleName=name)["PolicyNames"]
    return [describe("iam", "get_role", RoleName=name)["Role"], describe("iam", "list_attached_role_policies", RoleName=name),
            [describe("iam", "get_role_policy", RoleName=name, PolicyName=policy) for policy in policies]]


def facet(operation, bucket):
    """What S3 says of one part of a bucket, or the code under which it says that there is none."""
    try:
        return describe("s3", operation, Bucket=bucket)
    except ClientError as error:
        return error.response["Error"]["Code"]


def stage_of_function(name, stage):
    """What one stage of a function is and does, without the times and versions that differ from life to life."""
    summary = describe("cloudfront", "describe_function", Name=name, Stage=stage)["FunctionSummary"]
    code = client("cloudfront").get_function(Name=name, Stage=stage)["FunctionCode"].read().decode()
    return [summary["FunctionConfig"], code]


FACETS = ["get_public_access_block", "get_bucket_ownership_controls", "get_bucket_encryption", "get_bucket_versioning",
          "get_bucket_lifecycle_configuration", "get_bucket_cors", "get_bucket_policy"]


def without_names(policy):
    """A policy without the names that AWS makes up for its alarms."""
    return {key: value for key, value in policy.items() if key != "Alarms"}


def snapshot():
    """Every field of everything and its tags, by ARN or id: `{id: [fields, tags]}`."""
    found = {}
    for group in every("ec2", "describe_security_groups", "SecurityGroups"):
        found[group["GroupId"]] = [group, pairs(group.pop("Tags", []))]
    for id, part in [part for parts in networks().values() for part in parts]:
        found[id] = [part, pairs(part.pop("Tags", []))]
        if id.startswith("vpc-"):
            found[id][0] = [part, [describe("ec2", "describe_vpc_attribute", VpcId=id, Attribute=name) for name in ["enableDnsSupport", "enableDnsHostnames"]]]
    for arn, fields in balancing().items():
        found[arn] = [fields, pairs(describe("elbv2", "describe_tags", ResourceArns=[arn])["TagDescriptions"][0]["Tags"])]
    for arn, fields in running().items():
        found[arn] = [fields, pairs(fields.pop("tags", []))]
    for target in scalable_targets():
        arn, id = target["ScalableTargetARN"], target["ResourceId"]
        policies = every("application-autoscaling", "describe_scaling_policies", "ScalingPolicies", ServiceNamespace="ecs", ResourceId=id)
        # moto has no pages of these.
        actions = describe("application-autoscaling", "describe_scheduled_actions", ServiceNamespace="ecs", ResourceId=id)["ScheduledActions"]
        tags = describe("application-autoscaling", "list_tags_for_resource", ResourceARN=arn)["Tags"]
        found[arn] = [[target, [without_names(policy) for policy in policies], actions], tags]
    for repository in every("ecr", "describe_repositories", "repositories"):
        arn = repository["repositoryArn"]
        found[arn] = [repository, pairs(describe("ecr", "list_tags_for_resource", resourceArn=arn)["tags"])]
    for group in every("logs", "describe_log_groups", "logGroups"):
        arn = group["arn"].removesuffix(":*")
        found[arn] = [group, describe("logs", "list_tags_for_resource", resourceArn=arn)["tags"]]
    for name in [r["RoleName"] for r in every("iam", "list_roles", "Roles") if not r["Path"].startswith("/aws-service-role/")]:
        fields = role(name)
        fields[0].pop("RoleLastUsed", None)
        found[fields[0]["Arn"]] = [fields, pairs(fields[0].pop("Tags", []))]
    for summary in client("cloudfront").list_distributions()["DistributionList"].get("Items") or []:
        tags = describe("cloudfront", "list_tags_for_resource", Resource=summary["ARN"])["Tags"]["Items"]
        tags = pairs(tags)
        # Which files it knows, without the id of the invalidation that saw to it: a run that was killed may have begun one more.
        tags.update({key: value.split("/")[0] for key, value in tags.items() if key.startswith("neap:files/")})
        found[summary["ARN"]] = [describe("cloudfront", "get_distribution_config", Id=summary["Id"])["DistributionConfig"], tags]
    for name in [bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]]:
        tags = facet("get_bucket_tagging", name)
        found[f"arn:aws:s3:::{name}"] = [[facet(one, name) for one in FACETS], {} if isinstance(tags, str) else pairs(tags["TagSet"])]
        for object in every("s3", "list_objects_v2", "Contents", Bucket=name):
            head = describe("s3", "head_object", Bucket=name, Key=object["Key"])
            shown = {key: head.get(key) for key in ("ContentLength", "ContentType", "CacheControl", "Metadata")}
            found[f"arn:aws:s3:::{name}/{object['Key']}"] = [shown, {}]
    for control in client("cloudfront").list_origin_access_controls()["OriginAccessControlList"].get("Items") or []:
        found[control["Id"]] = [control, {}]
    for summary in client("cloudfront").list_functions(Stage="DEVELOPMENT")["FunctionList"].get("Items") or []:
        arn = summary["FunctionMetadata"]["FunctionARN"]
        found[arn] = [[stage_of_function(summary["Name"], one) for one in ("DEVELOPMENT", "LIVE")],
                      pairs(describe("cloudfront", "list_tags_for_resource", Resource=arn)["Tags"]["Items"])]
    for certificate in certificates():
        arn = certificate["CertificateArn"]
        found[arn] = [certificate, pairs(describe("acm", "list_tags_for_certificate", CertificateArn=arn)["Tags"])]
    found.update({f"{record['Name']} {record['Type']}": [record, {}] for record in records()})
    return found


def untag():
    for id, (_, tags) in snapshot().items():
        keys = [key for key in tags if key in ("neap:stack", "neap:address", "neap:spec")]
        if not keys:
            continue
        if id.startswith(("sg-", "vpc-", "igw-", "eipalloc-", "nat-", "rtb-", "subnet-", "vpce-")):
            client("ec2").delete_tags(Resources=[id], Tags=[{"Key": key} for key in keys])
            continue
        match id.split(":")[2]:
            case "elasticloadbalancing":
                client("elbv2").remove_tags(ResourceArns=[id], TagKeys=keys)
            case "iam":
                client("iam").untag_role(RoleName=id.split("/")[-1], TagKeys=keys)
            case "cloudfront":
                client("cloudfront").untag_resource(Resource=id, TagKeys={"Items": keys})
            case "s3":
                rest = [{"Key": key, "Value": value} for key, value in tags.items() if key not in keys]
                client("s3").put_bucket_tagging(Bucket=id.split(":")[-1], Tagging={"TagSet": rest})
            case "acm":
                client("acm").remove_tags_from_certificate(CertificateArn=id, Tags=[{"Key": key} for key in keys])
            case "application-autoscaling":
                client("application-autoscaling").untag_resource(ResourceARN=id, TagKeys=keys)
            case service:
                client(service).untag_resource(resourceArn=id, tagKeys=keys)


COMMANDS = {"call": call, "reset": reset, "list": listing, "snapshot": snapshot, "untag": untag}
for line in sys.stdin:
    command, *arguments = json.loads(line)
    try:
        answer = COMMANDS[command](*arguments)
    except Exception as error:  # Whatever it is, the test must hear of it.
        answer = {"failed": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer, default=str), flush=True)
