"""moto's server, with what it forgets of an ECS service put back, and log groups under the type that AWS gives them.

moto 5.2.5 keeps neither the deployment configuration, the capacity providers, the grace period nor the rebalancing of a
service that is created (it does when one is updated), so a second plan could never be empty; and after an update the
deployment still names the old revision. AWS answers with all of them. Its tagging API calls the type of a log group
`logs:loggroup`, where AWS takes the word of the ARN, `logs:log-group`.

In moto every service knows a role at once, where in AWS that takes some seconds, which neap waits for by the role's date. So roles
are dated a minute and a half back here, when they have long settled.

moto makes a second load balancer under a name that is taken. AWS answers with the first if it has the same settings, and refuses otherwise.
It also means to refuse a second listener on a port, and looks for the port among ARNs. Asked for capacity providers without naming any, it
fails, where AWS lists all.

It speaks CloudWatch's older protocol alone, forms with XML for an answer, where the SDK speaks CBOR. What is asked about alarms is answered in that
here.

It keeps every instance of an auto scaling group that is protected, even where the group goes by force; says that each started from the default
version of its launch template, whatever the group's is; cannot replace them; and cannot start any from a second version, whose user data it takes
for text. AWS terminates them, says the version that each started from, and replaces those of another one. The tags of a launch template stay for
ever those that it was made with.

It says of a scalable target that is gone that the request is wrong. It forgets the tags of one, and knows no call that asks for them. A target that is deregistered leaves its policies and their alarms, and a policy
that is put again is another one, whose predecessor leaves its alarms. AWS keeps the tags, takes policies away with their target, and keeps the
ARN of a policy.

The description of a rule of a security group is lost where its other side is a prefix list. AWS shows it.

The origin access control of an origin is lost, and with it the mark that the origin is a bucket. AWS shows both. It makes a second one under a
taken name, where AWS refuses.

Its CloudFront functions have one stage, cannot be changed or published, and go while a distribution names them; which functions a behaviour
names is lost. It keeps the tags of a deleted one for the next one of its name. AWS keeps what is being worked on and what runs apart, each with
its version, and deletes no function in use.

Its buckets are made without the tags of CreateBucket and without ownership controls. AWS puts the first, and enforces the owner in each bucket
since April 2023, as ministack does.

It issues a certificate a minute after the request, whether its records are in DNS or not. Here it is issued as soon as a hosted zone has them.

A listener whose default certificate changes loses all others, and one that ends TLS no more keeps its own; one that is added twice is there twice, and
what is removed may be the default one. AWS keeps the others, and takes all away with TLS.

A listener of a classic load balancer asks instances by its own protocol, whatever it was told, and of several that are deleted at once none or too many
go. AWS does as it is told.

It keeps nothing of Service Connect, and no registry of a service that is updated. AWS shows the one with the deployment that brought it. Its private
namespaces have a zone of another name that is for no VPC and outlives them, there is one for each VPC, and a change of their description or of
their zone loses that zone; it deletes namespaces with services in them, and lists the services of all where those of one are asked for. The operation
that changes a namespace of HTTP is told under another name than AWS's.

A subnet that is deleted goes on using its route table, which then can never be deleted. AWS ends that with the subnet.

Asked for endpoint services by their names, it looks for the names where another parser would put them, and fails.

A NAT gateway that is deleted leaves its network interface, and its address in use. AWS ends both with the gateway.

Some of its answers of S3 have a root element of another name than AWS's, which the Rust SDK refuses.

It builds all 1582 of AWS's managed policies anew after each reset, which takes longer than the life of a stack; only those of ECS are kept.
Everything else is moto as it is.
"""
import json
import re
import sys
from copy import copy
from dataclasses import replace
from datetime import timedelta
from inspect import signature
from uuid import uuid4

import cbor2
import xmltodict
from moto.applicationautoscaling.models import ApplicationAutoscalingBackend, FakeApplicationAutoscalingPolicy
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto import settings
from moto.acm.models import CertBundle
from moto.autoscaling.models import AutoScalingBackend, FakeAutoScalingGroup, InstanceState
from moto.autoscaling.responses import AutoScalingResponse
from moto.cloudwatch import urls as cloudwatch_urls
from moto.cloudwatch.models import cloudwatch_backends
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from moto.core.responses import ActionResult
from moto.cloudfront import urls as cloudfront_urls
from moto.cloudfront.exceptions import CloudFrontException, InvalidIfMatchVersion, NoSuchFunctionExists
from moto.cloudfront.models import CloudFrontBackend, DefaultCacheBehaviour, Origin
from moto.cloudfront.responses import CloudFrontResponse
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.models.nat_gateways import NatGatewayBackend
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend
from moto.ec2.utils import parse_user_data
from moto.ecs.models import EC2ContainerServiceBackend
from moto.ecs.responses import EC2ContainerServiceResponse
from moto.elb.models import ELBBackend, FakeListener
from moto.elbv2.exceptions import DuplicateListenerError, DuplicateLoadBalancerName
from moto.elbv2.models import ELBv2Backend
from moto.iam import models as iam
from moto.iam.models import InstanceProfile, Role
from moto.logs.models import LogsBackend
from moto.route53.models import route53_backends
from moto.servicediscovery.models import Namespace, ServiceDiscoveryBackend
from moto.servicediscovery.responses import ServiceDiscoveryResponse
from moto.s3.models import FakeBucket
from moto.s3.responses import S3Response
from moto.server import main

FORGOTTEN = {
    "capacityProviderStrategy": "capacity_provider_strategy",
    "deploymentConfiguration": "deployment_configuration",
    "healthCheckGracePeriodSeconds": "health_check_grace_period_seconds",
    "availabilityZoneRebalancing": "availability_zone_rebalancing",
    "enableExecuteCommand": "enable_execute_command",
}
create_service = EC2ContainerServiceResponse.create_service
update_service = EC2ContainerServiceResponse.update_service
iter_tagged_resources = LogsBackend.iter_tagged_resources
check_certificate = CertBundle.check
make_role = Role.__init__
make_bucket = FakeBucket.__init__
put_bucket = S3Response._bucket_response_put
make_profile = InstanceProfile.__init__
make_origin = Origin.__init__
make_behavior = DefaultCacheBehaviour.__init__
delete_function = CloudFrontBackend.delete_function
create_access_control = CloudFrontBackend.create_origin_access_control
make_rule = SecurityGroupRule.__init__
views_of_rules = SecurityGroup._flattened_rules
serialize_s3 = S3Response.serialized

S3_ROOTS = {
    "GetBucketVersioning": "VersioningConfiguration",
    "GetBucketTagging": "Tagging",
    "GetBucketLifecycleConfiguration": "LifecycleConfiguration",
    "GetBucketCors": "CORSConfiguration",
    "DeleteObjects": "DeleteResult",
}
create_load_balancer = ELBv2Backend.create_load_balancer
create_listener = ELBv2Backend.create_listener
create_classic = ELBBackend.create_load_balancer
create_classic_listeners = ELBBackend.create_load_balancer_listeners
modify_listener = ELBv2Backend.modify_listener
describe_capacity_providers = EC2ContainerServiceBackend.describe_capacity_providers
delete_group = AutoScalingBackend.delete_auto_scaling_group
start_instances = FakeAutoScalingGroup.replace_autoscaling_group_instances
template_of_instance = InstanceState.launch_template
create_version = LaunchTemplate.create_version
register_target = ApplicationAutoScalingResponse.register_scalable_target
deregister_target = ApplicationAutoscalingBackend.deregister_scalable_target
put_policy = ApplicationAutoscalingBackend.put_scaling_policy
delete_nat_gateway = NatGatewayBackend.delete_nat_gateway
delete_subnet = SubnetBackend.delete_subnet
create_http_namespace = ServiceDiscoveryBackend.create_http_namespace
delete_namespace = ServiceDiscoveryBackend.delete_namespace
update_http_namespace = ServiceDiscoveryResponse.update_http_namespace
delete_vpc_endpoints = VPCBackend.delete_vpc_endpoints
filter_endpoint_services = VPCBackend._filter_endpoint_services


def create_and_remember(self):
    answer = create_service(self)
    for member, attribute in FORGOTTEN.items():
        value = self._get_param(member)
        if value is not None:
            setattr(answer.result["service"], attribute, value)
    join(self, answer.result["service"])
    return answer


def update_and_redeploy(self):
    answer = update_service(self)
    service = answer.result["service"]
    for deployment in service.deployments:
        deployment["taskDefinition"] = service.task_definition
    if self._get_param("serviceRegistries") is not None:
        service.service_registries = self._get_param("serviceRegistries")
    join(self, service)
    return answer


def join(self, service):
    service.connect = self._get_param("serviceConnectConfiguration") or getattr(service, "connect", None)
    for deployment in service.deployments:
        if service.connect:
            deployment["serviceConnectConfiguration"] = service.connect


class NamespaceAlreadyExists(JsonRESTError):
    def __init__(self, name):
        super().__init__("NamespaceAlreadyExists", f"Namespace with name {name} already exists.")


class NamespaceInUse(JsonRESTError):
    def __init__(self):
        super().__init__("ResourceInUse", "Namespace has associated services; delete them first.")


def zones_of(backend):
    return route53_backends[backend.account_id]["aws"]


def create_namespace_with_its_zone(self, name, creator_request_id, description, vpc, tags, properties):
    if any(other.name == name and other.vpc == vpc for other in self.namespaces.values()):
        raise NamespaceAlreadyExists(name)
    zone = zones_of(self).create_hosted_zone(name, private_zone=True, vpcid=vpc, vpcregion=self.region_name)
    dns = {"SOA": {"TTL": 15}, **((properties or {}).get("DnsProperties") or {}), "HostedZoneId": zone.id}
    namespace = Namespace(self.account_id, self.region_name, name, "DNS_PRIVATE", creator_request_id, description, dns, {"HttpName": name}, vpc)
    self.namespaces[namespace.id] = namespace
    self.tagger.tag_resource(namespace.arn, tags or [])
    return self._create_operation("CREATE_NAMESPACE", targets={"NAMESPACE": namespace.id})


def create_http_namespace_once(self, name, creator_request_id, description, tags):
    if any(other.name == name and other.type == "HTTP" for other in self.namespaces.values()):
        raise NamespaceAlreadyExists(name)
    operation = create_http_namespace(self, name, creator_request_id, description, tags)
    self.namespaces[self.operations[operation].targets["NAMESPACE"]].dns_properties = None
    return operation


def update_namespace_with_its_zone(self, _id, description, properties):
    namespace = self.get_namespace(_id)
    namespace.description = namespace.description if description is None else description
    namespace.dns_properties = {**namespace.dns_properties, **(properties or {})}
    return self._create_operation("UPDATE_NAMESPACE", targets={"NAMESPACE": namespace.id})


def update_http_namespace_by_its_operation(self):
    return json.dumps({"OperationId": json.loads(update_http_namespace(self))["operationId"]})


def delete_empty_namespace(self, namespace_id):
    if any(service.namespace_id == namespace_id for service in self.services.values()):
        raise NamespaceInUse()
    zone = ((self.namespaces[namespace_id].dns_properties if namespace_id in self.namespaces else None) or {}).get("HostedZoneId")
    operation = delete_namespace(self, namespace_id)
    if zone:
        zones_of(self).delete_hosted_zone(zone)
    return operation


def list_services_of_a_namespace(self):
    wanted = [value for it in json.loads(self.body).get("Filters", []) if it["Name"] == "NAMESPACE_ID" for value in it["Values"]]
    services = self.servicediscovery_backend.list_services()
    return json.dumps({"Services": [it.to_json() for it in services if not wanted or it.namespace_id in wanted]})


def log_groups_as_in_arns(self):
    return (replace(resource, resource_type="logs:log-group") for resource in iter_tagged_resources(self))


def create_load_balancer_once(self, name, security_groups, subnet_ids, subnet_mappings=None, scheme="internet-facing", **named):
    first = next((balancer for balancer in self.load_balancers.values() if balancer.name == name), None)
    if first is None:
        return create_load_balancer(self, name, security_groups, subnet_ids, subnet_mappings=subnet_mappings, scheme=scheme, **named)
    wanted = {*subnet_ids, *(mapping["SubnetId"] for mapping in subnet_mappings or [])}
    subnets = {subnet.id for subnet in first.subnets}
    if (set(first.security_groups), subnets, first.scheme) != (set(security_groups), wanted, scheme):
        raise DuplicateLoadBalancerName()
    return first


def create_listener_once(self, load_balancer_arn, protocol, port, *arguments, **named):
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer and any(str(listener.port) == str(port) for listener in balancer.listeners.values()):
        raise DuplicateListenerError()
    return create_listener(self, load_balancer_arn, protocol, port, *arguments, **named)


def modify_listener_and_keep_certificates(self, arn, port=None, protocol=None, ssl_policy=None, certificates=None, actions=None):
    others = self.describe_listeners(None, [arn])[0].certificates[1:]
    listener = modify_listener(self, arn, port, protocol, ssl_policy, certificates, actions)
    if listener.protocol not in ("HTTPS", "TLS"):
        listener.certificate, listener.certificates = None, []
    elif certificates:
        listener.certificate = certificates[0]["CertificateArn"]
        listener.certificates = [listener.certificate, *others]
    return listener


def add_listener_certificates_once(self, arn, certificates):
    listener = self.describe_listeners(None, [arn])[0]
    listener.certificates += [it["CertificateArn"] for it in certificates if it["CertificateArn"] not in listener.certificates[1:]]
    return listener.certificates


def remove_other_listener_certificates(self, arn, certificates):
    listener = self.describe_listeners(None, [arn])[0]
    gone = [it["CertificateArn"] for it in certificates]
    listener.certificates[1:] = [it for it in listener.certificates[1:] if it not in gone]


def tell_instance_protocols(balancer, ports):
    told = {int(port["LoadBalancerPort"]): port.get("InstanceProtocol") for port in ports}
    for listener in balancer.listeners:
        listener.told = told.get(int(listener.load_balancer_port)) or getattr(listener, "told", None)
    return balancer


def create_classic_as_told(self, name, zones, ports, **named):
    return tell_instance_protocols(create_classic(self, name, zones, ports, **named), ports)


def create_classic_listeners_as_told(self, name, ports):
    return tell_instance_protocols(create_classic_listeners(self, name, ports), ports)


def delete_these_classic_listeners(self, name, ports):
    balancer = self.get_load_balancer(name)
    balancer.listeners = [it for it in balancer.listeners if int(it.load_balancer_port) not in {int(port) for port in ports}]
    return balancer


def issue_once_validated(self):
    records = {(record.name, record.type) for zones in route53_backends[DEFAULT_ACCOUNT_ID].values() for zone in zones.zones.values()
               for record in zone.rrsets}
    options = self.describe()["Certificate"].get("DomainValidationOptions", [])
    wanted = {(option["ResourceRecord"]["Name"], "CNAME") for option in options}
    if self.status != "PENDING_VALIDATION" or wanted <= records:
        check_certificate(self)


def make_settled_role(self, *arguments, **named):
    make_role(self, *arguments, **named)
    self.create_date -= timedelta(seconds=90)


def make_owned_bucket(self, *arguments, **named):
    make_bucket(self, *arguments, **named)
    self.ownership_rule = "BucketOwnerEnforced"


def put_tagged_bucket(self, request, bucket_name, querystring):
    answer = put_bucket(self, request, bucket_name, querystring)
    configuration = xmltodict.parse(self.body).get("CreateBucketConfiguration") if self.body and not querystring else None
    tags = ((configuration or {}).get("Tags") or {}).get("Tag", [])
    if tags:
        tags = tags if isinstance(tags, list) else [tags]
        self.backend.put_bucket_tagging(bucket_name, {tag["Key"]: tag["Value"] or "" for tag in tags})
    return answer


def make_settled_profile(self, *arguments, **named):
    make_profile(self, *arguments, **named)
    self.create_date -= timedelta(seconds=90)


def make_described_rule(self, *arguments, **named):
    make_rule(self, *arguments, **named)
    listed = signature(make_rule).bind(self, *arguments, **named).arguments.get("prefix_list_id")
    self.description_of_list = (listed or {}).get("Description")


def views_of_described_rules(self, rules):
    views = views_of_rules(self, rules)
    for view in views:
        side = (view.ip_protocol, view.from_port, view.to_port)
        for listed in view.prefix_list_ids:
            of = [it for it in rules if (it.ip_protocol, it.from_port, it.to_port, it.prefix_list_id) == (*side, listed["PrefixListId"])]
            if of and of[0].description_of_list:
                listed["Description"] = of[0].description_of_list
    return views


def make_origin_with_access_control(self, origin):
    make_origin(self, origin)
    self.origin_access_control_id = origin.get("OriginAccessControlId") or ""
    if "S3OriginConfig" in origin:
        self.s3_origin_config = {"OriginAccessIdentity": self.s3_access_identity}


class FunctionInUse(CloudFrontException):
    def __init__(self):
        super().__init__("FunctionInUse", "Cannot delete the function, it is in use by at least one distribution.")


def make_behavior_with_functions(self, config):
    make_behavior(self, config)
    named = (config.get("FunctionAssociations") or {}).get("Items") or []
    self.function_associations = {"Quantity": len(named), "Items": named} if named else {"Quantity": 0}


class OriginAccessControlAlreadyExists(CloudFrontException):
    code = 409

    def __init__(self):
        super().__init__("OriginAccessControlAlreadyExists", "An origin access control with this name already exists.")


def create_access_control_once(self, config_dict):
    if any(control.name == config_dict.get("Name") for control in self.origin_access_controls.values()):
        raise OriginAccessControlAlreadyExists
    return create_access_control(self, config_dict)


def stage_of_function(self):
    function = self.backend.describe_function(self._get_param("Name"))
    if self._get_param("Stage") != "LIVE":
        return function
    if not hasattr(function, "runs"):
        raise NoSuchFunctionExists(function.name)
    return function.runs


def describe_stage_of_function(self):
    function = stage_of_function(self)
    return ActionResult({"FunctionSummary": function.function_summary, "ETag": function.etag})


def get_stage_of_function(self):
    function = stage_of_function(self)
    return ActionResult({"FunctionCode": function.code, "ETag": function.etag, "ContentType": "application/octet-stream"})


def function_of_version(self):
    function = self.backend.describe_function(self._get_param("Name"))
    if self._get_param("IfMatch") != function.etag:
        raise InvalidIfMatchVersion
    return function


def update_function(self):
    function = function_of_version(self)
    function.config, function.code = self._get_param("FunctionConfig"), self._get_param("FunctionCode")
    function.etag, function.status = f"E{uuid4().hex[:13].upper()}", "UNPUBLISHED"
    return ActionResult({"FunctionSummary": function.function_summary, "ETag": function.etag})


def publish_function(self):
    function = function_of_version(self)
    function.status = "UNASSOCIATED"
    function.runs = copy(function)
    function.runs.stage, function.runs.etag = "LIVE", f"E{uuid4().hex[:13].upper()}"
    return ActionResult({"FunctionSummary": function.runs.function_summary})


def delete_unused_function(self, name, if_match):
    function = self.describe_function(name)
    if if_match and if_match != function.etag:
        raise InvalidIfMatchVersion
    for distribution in self.distributions.values():
        config = distribution.distribution_config
        for behavior in [config.DefaultCacheBehavior, *config.CacheBehaviors.get("Items", [])]:
            if any(named["FunctionARN"] == function.arn for named in behavior.function_associations.get("Items", [])):
                raise FunctionInUse
    delete_function(self, name, if_match)
    self.tagger.delete_all_tags_for_resource(function.arn)


def serialize_s3_with_its_root(self, result):
    status, headers, body = serialize_s3(self, result)
    root = S3_ROOTS.get(self._get_action())
    if root and isinstance(body, str):
        body = body.replace(f"{self._get_action()}Response", root)
    elif root:
        body = body.replace(f"{self._get_action()}Response".encode(), root.encode())
    return status, headers, body


def describe_every_capacity_provider(self, names):
    return describe_capacity_providers(self, list(self.capacity_providers) if names is None else names)


def delete_group_with_its_instances(self, group_name):
    for instance in self.autoscaling_groups[group_name].instance_states if group_name in self.autoscaling_groups else []:
        instance.protected_from_scale_in = False
    delete_group(self, group_name)


def start_instances_of_a_version(self, count_needed, propagated_tags):
    before = set(self.instance_states)
    start_instances(self, count_needed, propagated_tags)
    for instance in set(self.instance_states) - before:
        instance.started_from = self.launch_template_version


def template_that_it_started_from(self):
    template = template_of_instance.fget(self)
    return template and {**template, "Version": self.started_from}


def replace_instances_of_other_versions(self):
    group = self.autoscaling_backend.autoscaling_groups[self._get_param("AutoScalingGroupName")]
    leaving = [instance for instance in group.instance_states if instance.started_from != group.launch_template_version]
    if leaving:
        group.replace_autoscaling_group_instances(len(leaving), group.get_propagated_tags())
        self.autoscaling_backend.ec2_backend.terminate_instances([instance.instance.id for instance in leaving])
        group.instance_states = [instance for instance in group.instance_states if instance not in leaving]
    return ActionResult({"InstanceRefreshId": str(uuid4())})


def create_version_with_its_user_data(self, data, description):
    if isinstance(data.get("UserData"), str):
        data = {**data, "UserData": parse_user_data(data["UserData"])}
    return create_version(self, data, description)


def register_target_with_tags(self):
    answer = register_target(self)
    target = target_of_arn(self, json.loads(answer)["ScalableTargetARN"])
    target.tags = {**getattr(target, "tags", {}), **(self._get_param("Tags") or {})}
    return answer


def target_of_arn(self, arn):
    return next(target for target in self.applicationautoscaling_backend._flatten_scalable_targets("ecs") if target.arn == arn)


def tags_of_target(self):
    return json.dumps({"Tags": target_of_arn(self, self._get_param("ResourceARN")).tags})


def tag_target(self):
    target_of_arn(self, self._get_param("ResourceARN")).tags.update(self._get_param("Tags"))
    return "{}"


def untag_target(self):
    tags = target_of_arn(self, self._get_param("ResourceARN")).tags
    for key in self._get_param("TagKeys"):
        tags.pop(key, None)
    return "{}"


def deregister_target_with_its_policies(self, namespace, r_id, dimension):
    if not self._scalable_target_exists(r_id, dimension):
        raise JsonRESTError("ObjectNotFoundException", f"No scalable target found for {r_id}")
    deregister_target(self, namespace, r_id, dimension)
    for policy in [policy for policy in self.policies.values() if policy.resource_id == r_id]:
        self.delete_scaling_policy(policy.policy_name, namespace, r_id, dimension)
    self.scheduled_actions = [action for action in self.scheduled_actions if action.resource_id != r_id]


def put_policy_in_place(self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type):
    place = (service_namespace, resource_id, scalable_dimension, policy_name)
    before = self.policies.get(FakeApplicationAutoscalingPolicy.formulate_key(*place))
    policy = put_policy(self, policy_name, service_namespace, resource_id, scalable_dimension, policy_body, policy_type)
    if before is not None:
        before.delete_alarms(self.account_id, self.region_name)
        policy.policy_arn = before.policy_arn
    return policy


def delete_nat_gateway_with_its_interface(self, nat_gateway_id):
    gateway = delete_nat_gateway(self, nat_gateway_id)
    for address in [address for address in self.addresses if address.eni is gateway._eni]:
        self.disassociate_address(address=address.public_ip)
    self.enis.pop(gateway._eni.id, None)
    return gateway


def delete_endpoints_whatever_leads_there(self, vpce_ids=None):
    for endpoint in [self.vpc_end_points[id] for id in vpce_ids or [] if id in self.vpc_end_points]:
        routed = [id for id in endpoint.route_table_ids if id in self.route_tables and any(
            endpoint.destination_prefix_list_id and endpoint.destination_prefix_list_id in route.id for route in self.route_tables[id].routes)]
        endpoint.route_table_ids = routed
    return delete_vpc_endpoints(self, vpce_ids)


def filter_endpoint_services_by_their_values(names, filters, services):
    return filter_endpoint_services(names, [{"Value": it.get("Values", []), **it} for it in filters or []], services)


def delete_subnet_with_its_association(self, subnet_id):
    for table in self.route_tables.values():
        table._associations = {id: subnet for id, subnet in table._associations.items() if subnet != subnet_id}
    return delete_subnet(self, subnet_id)


ALARM = {
    "AlarmName": "name", "AlarmArn": "alarm_arn", "ActionsEnabled": "actions_enabled", "AlarmActions": "alarm_actions", "MetricName": "metric_name",
    "Namespace": "namespace", "Statistic": "statistic", "Period": "period", "EvaluationPeriods": "evaluation_periods",
    "DatapointsToAlarm": "datapoints_to_alarm", "Threshold": "threshold", "ComparisonOperator": "comparison_operator",
    "TreatMissingData": "treat_missing_data",
}


def describe_alarms(backend, asked):
    if "AlarmNames" in asked:
        alarms = backend.get_alarms_by_alarm_names(asked["AlarmNames"])
    else:
        alarms = backend.get_alarms_by_action_prefix(asked.get("ActionPrefix", ""))
    told = [{member: getattr(alarm, attribute) for member, attribute in ALARM.items()} for alarm in alarms]
    for one, alarm in zip(told, alarms):
        one["Dimensions"] = [{"Name": dimension.name, "Value": dimension.value} for dimension in alarm.dimensions]
    told = [{member: value for member, value in one.items() if value is not None} for one in told]
    return {"MetricAlarms": told, "CompositeAlarms": []}


def put_alarm(backend, asked):
    given = {attribute: asked[member] for member, attribute in ALARM.items() if member in asked}
    backend.put_metric_alarm(**given, dimensions=asked.get("Dimensions", []), description=None)
    return {}


def delete_alarms(backend, asked):
    backend.delete_alarms(asked["AlarmNames"])
    return {}


def in_cbor(answer):
    def answered(request, full_url, headers):
        region = re.search(r"/([^/]+)/monitoring/aws4_request", request.headers["Authorization"])[1]
        told = answer(cloudwatch_backends[DEFAULT_ACCOUNT_ID][region], cbor2.loads(request.get_data()))
        return 200, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}, cbor2.dumps(told)

    return answered


for operation, answer in {"DescribeAlarms": describe_alarms, "PutMetricAlarm": put_alarm, "DeleteAlarms": delete_alarms}.items():
    cloudwatch_urls.url_paths["{0}/service/GraniteServiceVersion20100801/operation/" + operation + "$"] = in_cbor(answer)
ApplicationAutoScalingResponse.register_scalable_target = register_target_with_tags
ApplicationAutoScalingResponse.list_tags_for_resource = tags_of_target
ApplicationAutoScalingResponse.tag_resource = tag_target
ApplicationAutoScalingResponse.untag_resource = untag_target
ApplicationAutoscalingBackend.deregister_scalable_target = deregister_target_with_its_policies
ApplicationAutoscalingBackend.put_scaling_policy = put_policy_in_place
cloudfront_urls.url_paths["{0}/2020-05-31/function/(?P<function_name>[^/]+)/publish$"] = CloudFrontResponse.dispatch
CloudFrontResponse.describe_function = describe_stage_of_function
CloudFrontResponse.get_function = get_stage_of_function
CloudFrontResponse.update_function = update_function
CloudFrontResponse.publish_function = publish_function
CloudFrontBackend.delete_function = delete_unused_function
CloudFrontBackend.create_origin_access_control = create_access_control_once
DefaultCacheBehaviour.__init__ = make_behavior_with_functions
EC2ContainerServiceResponse.create_service = create_and_remember
EC2ContainerServiceResponse.update_service = update_and_redeploy
LogsBackend.iter_tagged_resources = log_groups_as_in_arns
ELBv2Backend.create_load_balancer = create_load_balancer_once
ELBBackend.create_load_balancer = create_classic_as_told
ELBBackend.create_load_balancer_listeners = create_classic_listeners_as_told
ELBBackend.delete_load_balancer_listeners = delete_these_classic_listeners
FakeListener.instance_protocol = property(lambda self: getattr(self, "told", None) or self.protocol)
ELBv2Backend.modify_listener = modify_listener_and_keep_certificates
ELBv2Backend.add_listener_certificates = add_listener_certificates_once
ELBv2Backend.remove_listener_certificates = remove_other_listener_certificates
ELBv2Backend.create_listener = create_listener_once
EC2ContainerServiceBackend.describe_capacity_providers = describe_every_capacity_provider
AutoScalingBackend.delete_auto_scaling_group = delete_group_with_its_instances
AutoScalingResponse.start_instance_refresh = replace_instances_of_other_versions
FakeAutoScalingGroup.replace_autoscaling_group_instances = start_instances_of_a_version
InstanceState.launch_template = property(template_that_it_started_from)
LaunchTemplate.create_version = create_version_with_its_user_data
LaunchTemplate.tags = property(LaunchTemplate.get_tags, lambda self, tags: None)
CertBundle.check = issue_once_validated
settings.ACM_VALIDATION_WAIT = 0
NatGatewayBackend.delete_nat_gateway = delete_nat_gateway_with_its_interface
SubnetBackend.delete_subnet = delete_subnet_with_its_association
ServiceDiscoveryBackend.create_http_namespace = create_http_namespace_once
ServiceDiscoveryBackend.create_private_dns_namespace = create_namespace_with_its_zone
ServiceDiscoveryBackend.update_private_dns_namespace = update_namespace_with_its_zone
ServiceDiscoveryBackend.delete_namespace = delete_empty_namespace
ServiceDiscoveryResponse.list_services = list_services_of_a_namespace
ServiceDiscoveryResponse.update_http_namespace = update_http_namespace_by_its_operation
VPCBackend.delete_vpc_endpoints = delete_endpoints_whatever_leads_there
VPCBackend._filter_endpoint_services = staticmethod(filter_endpoint_services_by_their_values)
Role.__init__ = make_settled_role
S3Response._bucket_response_put = put_tagged_bucket
FakeBucket.__init__ = make_owned_bucket
InstanceProfile.__init__ = make_settled_profile
Origin.__init__ = make_origin_with_access_control
SecurityGroupRule.__init__ = make_described_rule
SecurityGroup._flattened_rules = views_of_described_rules
S3Response.serialized = serialize_s3_with_its_root
policies = json.loads(iam.aws_managed_policies_data)
iam.aws_managed_policies_data = json.dumps({name: policy for name, policy in policies.items() if name.startswith(("AmazonECS", "AmazonEC2ContainerService"))})
sys.exit(main(sys.argv[1:]))
