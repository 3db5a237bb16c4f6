//! The clouds that this program was built with, behind one type.

use neap_cli::{Connect, Target};
use neap_core::desired::{Desired, DesiredResource, LockPlace};
use neap_core::live::{Live, LiveResource, Outputs};
use neap_core::zero::{Remains, StackScope};
use neap_engine::cloud::{CallError, Cloud, Progress};
use neap_engine::lock::{Store, Stored, Version, WriteError};
use neap_engine::transfers::Transfers;
use neap_sim::{FolderStore, Sim};

/// Makes the clouds that this program was built with.
pub(crate) struct Clouds;

/// Where one of them keeps a stack's lock.
pub(crate) enum AnyStore {
    Sandbox(FolderStore),
    #[cfg(feature = "aws")]
    Aws(Box<neap_aws::LockStore>),
}

/// One of them.
pub(crate) enum AnyCloud {
    Sandbox(Box<Sim>),
    #[cfg(feature = "aws")]
    Aws(Box<neap_aws::Aws>),
}

impl Connect for Clouds {
    type Cloud = AnyCloud;
    type Store = AnyStore;

    fn reaches_aws(&self) -> bool {
        cfg!(feature = "aws")
    }

    async fn connect(&self, target: &Target) -> Result<AnyCloud, CallError> {
        match target {
            Target::Sandbox { folder } => {
                let sim = Sim::of_command(folder, std::env::var_os)?;
                Ok(AnyCloud::Sandbox(Box::new(sim)))
            }
            #[cfg(feature = "aws")]
            Target::Aws { region, profile, endpoint_url, folder } => {
                let mut options = options(region.as_ref(), profile.as_ref(), endpoint_url.as_ref());
                options.folder = Some(folder.clone());
                Ok(AnyCloud::Aws(Box::new(neap_aws::Aws::connect(&options).await?)))
            }
            #[cfg(not(feature = "aws"))]
            Target::Aws { .. } => Err(no_aws()),
        }
    }

    #[cfg_attr(not(feature = "aws"), expect(unused_variables, reason = "the sandbox has one lock only"))]
    async fn store(&self, target: &Target, place: &LockPlace, stack: &str) -> Result<AnyStore, CallError> {
        match target {
            Target::Sandbox { folder } => Ok(AnyStore::Sandbox(FolderStore::new(folder))),
            #[cfg(feature = "aws")]
            Target::Aws { region, profile, endpoint_url, folder: _ } => {
                let options = options(region.as_ref(), profile.as_ref(), endpoint_url.as_ref());
                let store = neap_aws::LockStore::connect(&options, place, stack).await?;
                Ok(AnyStore::Aws(Box::new(store)))
            }
            #[cfg(not(feature = "aws"))]
            Target::Aws { .. } => Err(no_aws()),
        }
    }
}

#[cfg(feature = "aws")]
fn options(
    region: Option<&String>,
    profile: Option<&String>,
    endpoint_url: Option<&String>,
) -> neap_aws::ConnectOptions {
    neap_aws::ConnectOptions {
        region: region.cloned(),
        profile: profile.cloned(),
        endpoint_url: endpoint_url.cloned(),
        folder: None,
    }
}

#[cfg(not(feature = "aws"))]
fn no_aws() -> CallError {
    failure("this neap was built without AWS".to_owned())
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

/// The same request wherever the lock lies.
macro_rules! at {
    ($any:expr, $store:ident => $request:expr) => {
        match $any {
            AnyStore::Sandbox($store) => $request.await,
            #[cfg(feature = "aws")]
            AnyStore::Aws($store) => $request.await,
        }
    };
}

impl Store for AnyStore {
    async fn read(&self) -> Result<Option<Stored>, CallError> {
        at!(self, store => store.read())
    }

    async fn history(&self) -> Result<Vec<Stored>, CallError> {
        at!(self, store => store.history())
    }

    async fn create(&self, text: &str) -> Result<Version, WriteError> {
        at!(self, store => store.create(text))
    }

    async fn replace(&self, text: &str, over: &Version) -> Result<Version, WriteError> {
        at!(self, store => store.replace(text, over))
    }

    async fn delete(&self, over: &Version) -> Result<(), WriteError> {
        at!(self, store => store.delete(over))
    }

    async fn account(&self) -> Result<Option<String>, CallError> {
        at!(self, store => store.account())
    }

    fn place(&self) -> String {
        match self {
            Self::Sandbox(store) => store.place(),
            #[cfg(feature = "aws")]
            Self::Aws(store) => store.place(),
        }
    }
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

    fn transfers(&self) -> Option<&Transfers> {
        match self {
            Self::Sandbox(cloud) => cloud.transfers(),
            #[cfg(feature = "aws")]
            Self::Aws(cloud) => cloud.transfers(),
        }
    }

    async fn remains(&self, scope: &StackScope) -> Result<Remains, CallError> {
        on!(self, cloud => cloud.remains(scope))
    }
}
