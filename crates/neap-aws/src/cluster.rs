//! Clusters.

use neap_core::kinds::Cluster;

use crate::remote::unwritten;

unwritten!(Cluster);
