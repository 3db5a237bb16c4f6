//! The sandbox as its users meet it: through the verbs of the cloud, on a clock that runs as fast as it is waited for.

mod adoption;
mod consistency;
mod examples;
mod faults;
mod files;
mod hostile;
mod large;
mod life;
mod once;
mod permissions;
mod persistence;
mod reading;
mod rules_certificates;
mod rules_clb;
mod rules_ecs;
mod rules_elb;
mod rules_instances;
mod rules_network;
mod rules_nlb;
mod rules_others;
mod rules_scaling;
mod rules_site;
mod rules_ways_out;
mod seeds;
mod stack;
mod timing;
