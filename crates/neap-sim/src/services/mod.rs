//! AWS's services: for each kind, the calls that create, change and delete it, and the rules that they enforce.

pub(crate) mod acm;
pub(crate) mod application_auto_scaling;
pub(crate) mod auto_scaling;
pub(crate) mod cloudfront;
pub(crate) mod domain;
pub(crate) mod ec2;
pub(crate) mod ecr;
pub(crate) mod ecs;
pub(crate) mod elb;
pub(crate) mod function;
pub(crate) mod iam;
pub(crate) mod instance_profile;
pub(crate) mod invalidation;
pub(crate) mod launch_template;
pub(crate) mod logs;
pub(crate) mod network;
pub(crate) mod objects;
pub(crate) mod origin_access_control;
mod request;
pub(crate) mod route53;
pub(crate) mod s3;
pub(crate) mod service_discovery;
pub(crate) mod vpc_endpoint;
pub(crate) mod way_out;

pub(crate) use request::Request;
