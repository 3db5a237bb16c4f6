//! Task definitions.

use neap_core::kinds::Task;

use crate::remote::unwritten;

unwritten!(Task);
