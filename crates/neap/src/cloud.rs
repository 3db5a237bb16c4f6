//! The clouds that this program was built with, behind one type.

use neap_cli::{Connect, Target};
use neap_core::desired::{Desired, DesiredResource};
use neap_core::live::{Live, LiveResource, Outputs};
use neap_engine::cloud::{CallError, Cloud, Progress};
use neap_sim::Sim;

/// Makes the clouds that this program was built with.
pub(crate) struct Clouds;

/// One of them.
pub(crate) enum AnyCloud {
    Sandbox(Box<Sim>),
    #[cfg(feature = "aws")]
    Aws(Box<neap_aws::Aws>),
}

impl Connect for Clouds {
    type Cloud = AnyCloud;

    fn reaches_aws(&self) -> bool {
        cfg!(feature = "aws")
    }

    async fn connect(&self, target: &Target) -> Result<AnyCloud, CallError> {
        match target {
            Target::Sandbox { folder } => {
                let sim = Sim::of_command(folder, |name| std::env::var_os(name))?;
                Ok(AnyCloud::Sandbox(Box::new(sim)))
            }
            #[cfg(feature = "aws")]
            Target::Aws { region, profile, endpoint_url } => {
                let options = neap_aws::ConnectOptions {
                    region: region.clone(),
                    profile: profile.clone(),
                    endpoint_url: endpoint_url.clone(),
                };
                Ok(AnyCloud::Aws(Box::new(neap_aws::Aws::connect(&options).await?)))
            }
            #[cfg(not(feature = "aws"))]
            Target::Aws { .. } => Err(failure("this neap was built without AWS".to_owned())),
        }
    }
}

#[cfg(not(feature = "aws"))]
fn failure(message: String) -> CallError {
    CallError {
        kind: neap_engine::cloud::ErrorKind::Invalid,
        operation: "connect".to_owned(),
        code: None,
        message,
        request_id: None,
    }
}

/// The same call on whichever cloud it is. Boxed, since the futures of SDK calls are large.
macro_rules! on {
    ($any:expr, $cloud:ident => $call:expr) => {
        match $any {
            AnyCloud::Sandbox($cloud) => $call.await,
            #[cfg(feature = "aws")]
            AnyCloud::Aws($cloud) => Box::pin($call).await,
        }
    };
}

impl Cloud for AnyCloud {
    async fn read(&self, desired: &Desired) -> Result<Live, CallError> {
        on!(self, cloud => cloud.read(desired))
    }

    async fn create(&self, desired: &DesiredResource, spec: &str) -> Result<Outputs, CallError> {
        on!(self, cloud => cloud.create(desired, spec))
    }

    async fn update(
        &self,
        live: &LiveResource,
        desired: &DesiredResource,
        spec: &str,
    ) -> Result<Outputs, CallError> {
        on!(self, cloud => cloud.update(live, desired, spec))
    }

    async fn delete(&self, live: &LiveResource) -> Result<(), CallError> {
        on!(self, cloud => cloud.delete(live))
    }

    async fn ready(&self, desired: &DesiredResource, outputs: &Outputs) -> Result<Progress, CallError> {
        on!(self, cloud => cloud.ready(desired, outputs))
    }

    async fn gone(&self, live: &LiveResource) -> Result<Progress, CallError> {
        on!(self, cloud => cloud.gone(live))
    }

    async fn created(&self, desired: &DesiredResource, spec: &str) -> Result<Option<Outputs>, CallError> {
        on!(self, cloud => cloud.created(desired, spec))
    }
}
