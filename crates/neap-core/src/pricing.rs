//! What AWS charges: a table of list prices that is part of the program, and what a use of something costs by it.
//!
//! Decides which price holds where, and says when it had to take another region's. Must not know what is live, nor how a
//! cost is shown. Estimates only: no discounts, no free tier, no tax.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// The hours of the month that prices are told by.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// One gigabyte as AWS bills storage: 2^30 bytes.
const GIGABYTE: f64 = 1_073_741_824.0;

/// The table.
static PRICES: LazyLock<Prices> = LazyLock::new(|| {
    Prices::parse(include_str!("../data/pricing.toml")).expect("the table in the program is read by a test")
});

/// Something that AWS charges for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Charge {
    /// An application load balancer, whatever goes through it.
    Alb,
    /// A network load balancer, whatever goes through it.
    Nlb,
    /// A classic load balancer, whatever goes through it.
    Clb,
    /// A public IPv4 address, in use or not.
    PublicIpv4,
    /// A NAT gateway, whatever goes through it.
    NatGateway,
    /// An interface endpoint in one availability zone, whatever goes through it.
    InterfaceEndpoint,
    /// A virtual processor on Fargate.
    FargateCpu,
    /// A gigabyte of memory on Fargate.
    FargateMemory,
    /// A virtual processor on Fargate, ARM64.
    FargateArmCpu,
    /// A gigabyte of memory on Fargate, ARM64.
    FargateArmMemory,
    /// An EC2 instance of this type, with Linux and on demand; its disk apart.
    Instance(String),
    /// A gigabyte of container images.
    Images,
    /// A gigabyte of logs that are kept.
    Logs,
    /// A CloudWatch alarm on one metric.
    Alarm,
    /// A gigabyte of objects in a bucket.
    Objects,
    /// A hosted zone of Route 53.
    HostedZone,
}

impl Charge {
    /// Where its price stands: the table within a region, and the name in that.
    fn place(&self) -> (&'static str, &str) {
        match self {
            Self::Alb => ("elb", "alb_hour"),
            Self::Nlb => ("elb", "nlb_hour"),
            Self::Clb => ("elb", "clb_hour"),
            Self::PublicIpv4 => ("network", "public_ipv4_in_use_hour"),
            Self::NatGateway => ("network", "nat_hour"),
            Self::InterfaceEndpoint => ("network", "interface_az_hour"),
            Self::FargateCpu => ("fargate", "vcpu_hour_x86"),
            Self::FargateMemory => ("fargate", "gb_hour_x86"),
            Self::FargateArmCpu => ("fargate", "vcpu_hour_arm"),
            Self::FargateArmMemory => ("fargate", "gb_hour_arm"),
            Self::Instance(name) => ("ec2", name),
            Self::Images => ("storage", "ecr_gb_month"),
            Self::Logs => ("cloudwatch", "logs_storage_gb_month"),
            Self::Alarm => ("cloudwatch", "alarm_metric_month"),
            Self::Objects => ("storage", "s3_standard_gb_month"),
            Self::HostedZone => ("dns", "hosted_zone_month"),
        }
    }
}

/// So much of something that AWS charges for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Usage {
    /// What.
    pub charge: Charge,
    /// How much: how many, or gigabytes.
    pub quantity: f64,
}

impl Usage {
    /// So many of something.
    pub const fn of(charge: Charge, quantity: f64) -> Self {
        Self { charge, quantity }
    }

    /// So many bytes that are stored.
    pub fn bytes(charge: Charge, bytes: u64) -> Self {
        // Sizes beyond 2^53 bytes lose digits that no price shows.
        #[expect(clippy::cast_precision_loss, reason = "no price shows the digits that are lost")]
        let bytes = bytes as f64;
        Self::of(charge, bytes / GIGABYTE)
    }

    /// A task on Fargate, in its units of CPU and its mebibytes.
    pub fn fargate(cpu: u32, memory: u32, arm: bool) -> [Self; 2] {
        let (for_cpu, for_memory) = if arm {
            (Charge::FargateArmCpu, Charge::FargateArmMemory)
        } else {
            (Charge::FargateCpu, Charge::FargateMemory)
        };
        let units = |number: u32| f64::from(number) / 1024.0;
        [Self::of(for_cpu, units(cpu)), Self::of(for_memory, units(memory))]
    }
}

/// What something costs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// Dollars in each hour that it is there; nothing where AWS bills by the month.
    pub per_hour: f64,
    /// Dollars in a month.
    pub per_month: f64,
    /// Whether a price is another region's, because this one's is not in the table.
    pub elsewhere: bool,
}

impl Cost {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            per_hour: self.per_hour + other.per_hour,
            per_month: self.per_month + other.per_month,
            elsewhere: self.elsewhere || other.elsewhere,
        }
    }
}

/// What all of `usage` costs in `region`. None if it costs nothing.
pub fn cost(usage: &[Usage], region: &str) -> Option<Cost> {
    let used = usage.iter().filter(|usage| usage.quantity > 0.0);
    used.filter_map(|usage| PRICES.cost(usage, region)).reduce(Cost::and)
}

/// The day on which the table was put together, as `2026-11-22`.
pub fn as_of() -> &'static str {
    &PRICES.meta.compiled_on
}

#[derive(Debug, Deserialize)]
struct Prices {
    meta: Meta,
    price: BTreeMap<String, toml::Table>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    /// The region whose prices hold where a region has none.
    fallback: String,
    compiled_on: String,
}

/// One price.
#[derive(Debug, Deserialize)]
struct Price {
    usd: f64,
    unit: String,
}

impl Prices {
    fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    fn price(&self, charge: &Charge, region: &str) -> Option<Price> {
        let (table, name) = charge.place();
        let price = self.price.get(region)?.get(table)?.get(name)?;
        price.clone().try_into().ok()
    }

    fn cost(&self, usage: &Usage, region: &str) -> Option<Cost> {
        let own = self.price(&usage.charge, region);
        let elsewhere = own.is_none();
        let price = own.or_else(|| self.price(&usage.charge, &self.meta.fallback))?;
        let dollars = price.usd * usage.quantity;
        let is_hourly = price.unit == "hour";
        Some(Cost {
            per_hour: if is_hourly { dollars } else { 0.0 },
            per_month: if is_hourly { dollars * HOURS_PER_MONTH } else { dollars },
            elsewhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Charge; 12] = [
        Charge::Alb,
        Charge::Nlb,
        Charge::Clb,
        Charge::PublicIpv4,
        Charge::NatGateway,
        Charge::InterfaceEndpoint,
        Charge::FargateCpu,
        Charge::FargateMemory,
        Charge::FargateArmCpu,
        Charge::FargateArmMemory,
        Charge::Images,
        Charge::Logs,
    ];

    #[test]
    fn every_charge_has_a_price_where_others_fall_back_to() {
        for charge in ALL {
            let price = PRICES.price(&charge, &PRICES.meta.fallback).unwrap_or_else(|| panic!("{charge:?}"));
            assert!(price.usd > 0.0, "{charge:?}");
            assert!(matches!(price.unit.as_str(), "hour" | "GB-month"), "{charge:?}: {}", price.unit);
        }
    }

    /// Every table with a member `usd`, with where it stands.
    fn prices(table: &toml::Table, path: &str, found: &mut Vec<(String, toml::Table)>) {
        for (name, value) in table {
            let Some(inner) = value.as_table() else { continue };
            let path = format!("{path}.{name}");
            if inner.contains_key("usd") {
                found.push((path, inner.clone()));
            } else {
                prices(inner, &path, found);
            }
        }
    }

    #[test]
    fn every_price_names_sources_that_are_listed_and_how_sure_it_is() {
        let text = include_str!("../data/pricing.toml");
        let table: toml::Table = toml::from_str(text).expect("the table");
        let sources = table["sources"].as_table().expect("sources");
        let mut found = Vec::new();
        prices(table["price"].as_table().expect("prices"), "price", &mut found);
        assert!(found.len() > 300, "{}", found.len());
        for (path, price) in found {
            let named = price["src"].as_array().unwrap_or_else(|| panic!("{path} has no source"));
            assert!(!named.is_empty(), "{path}");
            for source in named {
                assert!(sources.contains_key(source.as_str().expect("a name")), "{path}: {source}");
            }
            let confidence = price["conf"].as_str().expect("a word");
            assert!(["high", "medium", "derived"].contains(&confidence), "{path}: {confidence}");
        }
    }

    #[track_caller]
    fn check(usage: &[Usage], region: &str, per_hour: f64, per_month: f64, elsewhere: bool) {
        let cost = cost(usage, region).expect("it costs something");
        let near = |one: f64, other: f64| (one - other).abs() < 0.000_05;
        assert!(near(cost.per_hour, per_hour) && near(cost.per_month, per_month), "{cost:?}");
        assert_eq!(cost.elsewhere, elsewhere, "{usage:?} in {region}");
    }

    #[test]
    fn what_is_billed_by_the_hour_is_told_for_a_month_too() {
        check(&[Usage::of(Charge::Alb, 1.0)], "us-east-1", 0.0225, 16.425, false);
        check(&[Usage::of(Charge::PublicIpv4, 3.0)], "eu-west-1", 0.015, 10.95, false);
        check(&[Usage::of(Charge::Instance("t3.micro".into()), 2.0)], "us-east-1", 0.0208, 15.184, false);
        check(&Usage::fargate(256, 512, false), "us-east-1", 0.012_342_5, 9.010_025, false);
        check(&Usage::fargate(1024, 2048, true), "us-east-1", 0.0395, 28.835, false);
    }

    #[test]
    fn what_is_stored_is_billed_by_the_month() {
        check(&[Usage::bytes(Charge::Images, 3 * 1024 * 1024 * 1024)], "us-east-1", 0.0, 0.3, false);
        check(&[Usage::bytes(Charge::Logs, 1024 * 1024 * 1024)], "ap-northeast-1", 0.0, 0.033, false);
    }

    #[test]
    fn a_region_without_a_price_takes_anothers_and_says_so() {
        check(&[Usage::of(Charge::Alb, 1.0)], "af-south-1", 0.0225, 16.425, true);
        check(&[Usage::bytes(Charge::Logs, 1024 * 1024 * 1024)], "eu-west-1", 0.0, 0.03, true);
    }

    #[test]
    fn what_nothing_is_used_of_costs_nothing() {
        assert_eq!(cost(&[], "us-east-1"), None);
        assert_eq!(cost(&[Usage::bytes(Charge::Images, 0)], "us-east-1"), None);
    }
}
