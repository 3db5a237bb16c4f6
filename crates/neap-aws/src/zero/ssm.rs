//! Parameters under the stack's path: its lock.

use aws_sdk_ssm::types::{ParameterMetadata, ParameterStringFilter};
use neap_core::zero::{Seen, StackScope, Thing};
use neap_engine::cloud::CallError;

use super::Part;
use crate::client::Aws;
use crate::error::{failed, incomplete};

pub(super) async fn look(aws: &Aws, scope: &StackScope) -> Part {
    let mut part = Part::default();
    for parameter in part.take(list(aws, scope.path().trim_end_matches('/')).await) {
        let name = parameter.name().unwrap_or_default();
        part.seen.push(Seen::new(Thing::Parameter, name, name));
    }
    part
}

async fn list(aws: &Aws, path: &str) -> Result<Vec<ParameterMetadata>, CallError> {
    const OPERATION: &str = "ssm:DescribeParameters";
    let filter = ParameterStringFilter::builder().key("Path").option("Recursive").values(path).build();
    let filter = filter.map_err(|_| incomplete(OPERATION, "ParameterFilters"))?;
    let pages = aws.ssm.describe_parameters().parameter_filters(filter).into_paginator().send();
    let pages: Vec<_> = pages.collect::<Result<_, _>>().await.map_err(failed(OPERATION))?;
    Ok(pages.into_iter().flat_map(|page| page.parameters.unwrap_or_default()).collect())
}
