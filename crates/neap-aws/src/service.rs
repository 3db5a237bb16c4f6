//! Services.

use neap_core::kinds::Service;

use crate::remote::unwritten;

unwritten!(Service);
