"""moto's server, with what it forgets of an ECS service put back, and log groups under the type that AWS gives them.

moto 5.2.5 keeps neither the deployment configuration, the capacity providers, the grace period nor the rebalancing of a
service that is created (it does when one is updated), so a second plan could never be empty; and after an update the
deployment still names the old revision. AWS answers with all of them. Its tagging API calls the type of a log group
`logs:loggroup`, where AWS takes the word of the ARN, `logs:log-group`. Everything else is moto as it is.
"""
import sys
from dataclasses import replace

from moto.ecs.responses import EC2ContainerServiceResponse
from moto.logs.models import LogsBackend
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


def create_and_remember(self):
    answer = create_service(self)
    for member, attribute in FORGOTTEN.items():
        value = self._get_param(member)
        if value is not None:
            setattr(answer.result["service"], attribute, value)
    return answer


def update_and_redeploy(self):
    answer = update_service(self)
    service = answer.result["service"]
    for deployment in service.deployments:
        deployment["taskDefinition"] = service.task_definition
    return answer


def log_groups_as_in_arns(self):
    return (replace(resource, resource_type="logs:log-group") for resource in iter_tagged_resources(self))


EC2ContainerServiceResponse.create_service = create_and_remember
EC2ContainerServiceResponse.update_service = update_and_redeploy
LogsBackend.iter_tagged_resources = log_groups_as_in_arns
sys.exit(main(sys.argv[1:]))
