//! The stacks that users are shown, and what an emulator must be given before each can live on it.
//!
//! Decides what is worked around for which stack on which emulator. Must not know what a test does with them.

use serde_json::json;

use crate::{Emulator, World};

/// A stack of the repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stack {
    /// The one at the root.
    Root,
    /// `examples/blue-green`.
    BlueGreen,
    /// `examples/course-ec2`.
    CourseEc2,
    /// `examples/course-fargate`.
    CourseFargate,
    /// `examples/internal-nlb`.
    InternalNlb,
    /// `examples/sidecar`.
    Sidecar,
    /// `examples/spa-domain`.
    SpaDomain,
    /// `examples/two-services`.
    TwoServices,
}

impl Stack {
    /// Every one. A test compares them with the folder of examples.
    pub const ALL: [Self; 8] = [
        Self::Root,
        Self::BlueGreen,
        Self::CourseEc2,
        Self::CourseFargate,
        Self::InternalNlb,
        Self::Sidecar,
        Self::SpaDomain,
        Self::TwoServices,
    ];

    /// The stack file, from the root of the repository.
    pub fn path(self) -> &'static str {
        match self {
            Self::Root => "stack.toml",
            Self::BlueGreen => "examples/blue-green/stack.toml",
            Self::CourseEc2 => "examples/course-ec2/stack.toml",
            Self::CourseFargate => "examples/course-fargate/stack.toml",
            Self::InternalNlb => "examples/internal-nlb/stack.toml",
            Self::Sidecar => "examples/sidecar/stack.toml",
            Self::SpaDomain => "examples/spa-domain/stack.toml",
            Self::TwoServices => "examples/two-services/stack.toml",
        }
    }

    /// Changes the stack file in `world` to what its emulator can do.
    pub fn adapt(self, world: &World) {
        match (self, world.emulator()) {
            // moto runs the same number of tasks for every service, and the suite sets it to one.
            (Self::BlueGreen | Self::TwoServices, Emulator::Moto) => world.edit("count = 2", "count = 1"),
            (Self::TwoServices, Emulator::Ministack) => {
                // ministack has no Application Auto Scaling.
                world.edit(SCALING, "");
                // ministack does not escape what it answers in XML.
                world.edit("<h1>Not here</h1>", "Not here");
                // ministack drops the weights of a forward, so a second plan could never be empty.
                world.edit(
                    "forward = { weights = { stable = 9, next = 1 }, stickiness = 600 }",
                    "forward = \"stable\"",
                );
                // ministack shows no address of a NAT gateway, so a second plan could never be empty.
                world.edit("nat = \"one\" ", "# no gateway ");
                world.edit("asks_from = \"${elastic_ip.nat-1.public_ip}\"", "asks_from = \"anywhere\"");
            }
            _ => {}
        }
    }

    /// Makes in `world` what the stack names and no stack creates.
    pub fn provide(self, world: &World) {
        match self {
            Self::Sidecar => {
                let parameter =
                    json!({ "Name": "/notes/database-url", "Value": "postgres://", "Type": "SecureString" });
                world.call("ssm", "put_parameter", &parameter);
                let secret = json!({ "Name": "notes/smtp", "SecretString": "{\"password\":\"x\"}" });
                world.call("secretsmanager", "create_secret", &secret);
            }
            Self::SpaDomain => {
                let zone = json!({ "Name": "example.com", "CallerReference": "the suite" });
                world.call("route53", "create_hosted_zone", &zone);
            }
            _ => {}
        }
    }
}

/// What scales one of the services of `examples/two-services`.
const SCALING: &str = "
[service.stable.scaling]
min = 1
max = 6
cpu = 60
requests_per_target = { target = 1000, scale_out_cooldown = 60 }

[service.stable.scaling.schedule]
night   = { when = \"cron(0 22 * * ? *)\", timezone = \"Europe/Dublin\", max = 2 }
morning = { when = \"cron(0 6 * * ? *)\", timezone = \"Europe/Dublin\", max = 6 }
";
