//! An EC2 launch template for instances that join a cluster (reference section 3.12).
//!
//! Decides the script with which an instance starts, and reads it back. AWS keeps a template as versions that never
//! change; a change is one more version.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{FieldPolicy, KindOf};
use crate::address::Kind;

/// Where ECS's agent reads its configuration ("Amazon ECS container agent configuration").
const AGENT: &str = "#!/bin/bash\ncat >> /etc/ecs/ecs.config <<'END'\n";
const CLUSTER: &str = "ECS_CLUSTER=";
/// The agent drains a Spot instance in the two minutes after its notice.
const SPOT: &str = "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\n";
const END: &str = "END\n";

/// A launch template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LaunchTemplate {
    /// The template's name, 3 to 128 characters, unique in account and region.
    pub name: String,
    /// The id of the image that instances start from.
    pub image: String,
    /// The type of the instances, such as `t3.micro`.
    pub instance_type: String,
    /// The ARN of the cluster that the instances join.
    pub cluster: String,
    /// The ARN of their instance profile.
    pub instance_profile: String,
    /// Ids of their security groups.
    pub security_groups: BTreeSet<String>,
    /// Whether they get a public address, which they need to reach ECS where there is no NAT.
    pub public_ip: bool,
    /// The name of the key pair that opens them to SSH.
    pub key_pair: Option<String>,
    /// The size of their disk in GiB; none for that of the image.
    pub disk_gib: Option<u32>,
    /// Whether they run on spare capacity.
    pub spot: bool,
    /// `required` where the metadata of an instance are only told to who asks by version 2 of their service.
    pub metadata_tokens: String,
    /// How many network hops an answer of the metadata service goes: containers in bridge mode are two away.
    pub metadata_hops: u32,
    /// What instances run at their first start, after they are told their cluster.
    pub user_data: String,
}

impl LaunchTemplate {
    /// The most bytes of the script, before they are encoded ("Run commands when you launch an EC2 instance with user data").
    pub const MOST_SCRIPT: usize = 16_384;

    /// The whole script with which an instance starts.
    pub fn script(&self) -> String {
        let (_, cluster) = self.cluster.rsplit_once('/').unwrap_or(("", &self.cluster));
        let spot = if self.spot { SPOT } else { "" };
        format!("{AGENT}{CLUSTER}{cluster}\n{spot}{END}{}", self.user_data)
    }

    /// What [`Self::script`] was made from: the name of the cluster and what follows. A script of another form has no
    /// cluster, and all of it follows.
    pub fn read_script(script: &str) -> (&str, &str) {
        let parts = || {
            let rest = script.strip_prefix(AGENT)?.strip_prefix(CLUSTER)?;
            let (cluster, rest) = rest.split_once('\n')?;
            let rest = rest.strip_prefix(SPOT).unwrap_or(rest);
            Some((cluster, rest.strip_prefix(END)?))
        };
        parts().unwrap_or(("", script))
    }
}

impl KindOf for LaunchTemplate {
    const KIND: Kind = Kind::LaunchTemplate;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["name"],
        ignore_unset: &[],
        unordered: &["security_groups"],
        documents: &["user_data"],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        &self.name
    }

    fn example() -> Self {
        Self {
            name: "course-cluster-main".into(),
            image: "ami-0123456789abcdef0".into(),
            instance_type: "t3.micro".into(),
            cluster: "arn:aws:ecs:eu-west-1:123456789012:cluster/course-main".into(),
            instance_profile: "arn:aws:iam::123456789012:instance-profile/neap/course/course-cluster-main"
                .into(),
            security_groups: ["sg-1".into()].into(),
            public_ip: true,
            key_pair: Some("laptop".into()),
            disk_gib: Some(40),
            spot: true,
            metadata_tokens: "required".into(),
            metadata_hops: 1,
            user_data: "echo ready\n".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_tells_the_agent_its_cluster_and_reads_back() {
        let example = LaunchTemplate::example();
        let script = example.script();
        assert_eq!(
            script,
            "#!/bin/bash\ncat >> /etc/ecs/ecs.config <<'END'\nECS_CLUSTER=course-main\n\
             ECS_ENABLE_SPOT_INSTANCE_DRAINING=true\nEND\necho ready\n"
        );
        assert_eq!(LaunchTemplate::read_script(&script), ("course-main", "echo ready\n"));
        let plain = LaunchTemplate { spot: false, user_data: String::new(), ..example };
        assert_eq!(LaunchTemplate::read_script(&plain.script()), ("course-main", ""));
    }

    #[test]
    fn a_script_of_another_form_names_no_cluster() {
        for script in ["", "#!/bin/bash\necho ECS_CLUSTER=x >> /etc/ecs/ecs.config\n", "#cloud-config\n"] {
            assert_eq!(LaunchTemplate::read_script(script), ("", script));
        }
    }
}
