//! The stacks that are tested over HTTP, and what moto must be given before they can live on it.
//!
//! Decides what is worked around for which stack on moto. Must not know what a test does with them.

use serde_json::json;

use crate::World;

/// A stack of the repository that can live on moto.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stack {
    /// The one at the root.
    Root,
    /// `examples/course-fargate`.
    CourseFargate,
    /// `examples/two-services`.
    TwoServices,
    /// `examples/sidecar`.
    Sidecar,
}

impl Stack {
    /// The stack file, from the root of the repository.
    pub fn path(self) -> &'static str {
        match self {
            Self::Root => "stack.toml",
            Self::CourseFargate => "examples/course-fargate/stack.toml",
            Self::TwoServices => "examples/two-services/stack.toml",
            Self::Sidecar => "examples/sidecar/stack.toml",
        }
    }

    /// Changes the stack file in `world` to what moto can do.
    pub fn adapt(self, world: &World) {
        if self == Self::TwoServices {
            // moto runs the same number of tasks for every service, and the suite sets it to one.
            world.edit("count = 2", "count = 1");
        }
    }

    /// Makes in `world` what the stack names and no stack creates.
    pub fn provide(self, world: &World) {
        if self == Self::Sidecar {
            let parameter =
                json!({ "Name": "/notes/database-url", "Value": "postgres://", "Type": "SecureString" });
            world.call("ssm", "put_parameter", &parameter);
            let secret = json!({ "Name": "notes/smtp", "SecretString": "{\"password\":\"x\"}" });
            world.call("secretsmanager", "create_secret", &secret);
        }
    }
}
