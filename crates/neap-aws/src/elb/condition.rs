//! Which requests a rule takes: between neap's words and the API's.
//!
//! Decides how conditions are written and what AWS's answers mean. Must not make calls.

use std::collections::BTreeSet;

use aws_sdk_elasticloadbalancingv2::types as sdk;
use neap_core::kinds::{Conditions, QueryMatch};

/// The conditions as the API takes them, each in its typed member.
pub(super) fn to_aws(conditions: &Conditions) -> Vec<sdk::RuleCondition> {
    let mut list = Vec::new();
    let condition = |field: &str| sdk::RuleCondition::builder().field(field);
    if let Some(values) = values(&conditions.path) {
        let config = sdk::PathPatternConditionConfig::builder().set_values(Some(values)).build();
        list.push(condition("path-pattern").path_pattern_config(config).build());
    }
    if let Some(values) = values(&conditions.host) {
        let config = sdk::HostHeaderConditionConfig::builder().set_values(Some(values)).build();
        list.push(condition("host-header").host_header_config(config).build());
    }
    for (name, header_values) in &conditions.headers {
        let values = values(header_values);
        let config = sdk::HttpHeaderConditionConfig::builder().http_header_name(name).set_values(values);
        list.push(condition("http-header").http_header_config(config.build()).build());
    }
    if let Some(values) = values(&conditions.methods) {
        let config = sdk::HttpRequestMethodConditionConfig::builder().set_values(Some(values)).build();
        list.push(condition("http-request-method").http_request_method_config(config).build());
    }
    if !conditions.query.is_empty() {
        let pairs = conditions.query.iter().map(query_to_aws).collect();
        let config = sdk::QueryStringConditionConfig::builder().set_values(Some(pairs)).build();
        list.push(condition("query-string").query_string_config(config).build());
    }
    if let Some(values) = values(&conditions.source_ips) {
        let config = sdk::SourceIpConditionConfig::builder().set_values(Some(values)).build();
        list.push(condition("source-ip").source_ip_config(config).build());
    }
    list
}

fn values(set: &BTreeSet<String>) -> Option<Vec<String>> {
    (!set.is_empty()).then(|| set.iter().cloned().collect())
}

fn query_to_aws(query: &QueryMatch) -> sdk::QueryStringKeyValuePair {
    let pair = sdk::QueryStringKeyValuePair::builder().set_key(query.key.clone());
    pair.value(&query.value).build()
}

/// What AWS's conditions mean, as far as a stack file can say them, and what it cannot say.
pub(super) fn from_aws(conditions: &[sdk::RuleCondition]) -> (Conditions, Vec<String>) {
    let mut known = Conditions::default();
    let mut others = Vec::new();
    for condition in conditions {
        if let Err(other) = add(&mut known, condition) {
            others.push(other);
        }
    }
    (known, others)
}

/// Adds one condition, or says why it cannot be told.
fn add(known: &mut Conditions, condition: &sdk::RuleCondition) -> Result<(), String> {
    let field = condition.field().unwrap_or_default();
    if has_expressions(condition) {
        return Err(format!("a regular expression on {field}"));
    }
    let legacy = condition.values();
    let typed =
        |values: Option<&[String]>| values.filter(|values| !values.is_empty()).unwrap_or(legacy).to_vec();
    let fresh = match field {
        "path-pattern" => fill(&mut known.path, typed(condition.path_pattern_config().map(|c| c.values()))),
        "host-header" => {
            let hosts = typed(condition.host_header_config().map(|config| config.values()));
            fill(&mut known.host, hosts.iter().map(|host| host.to_ascii_lowercase()))
        }
        "http-request-method" => {
            let methods = typed(condition.http_request_method_config().map(|config| config.values()));
            fill(&mut known.methods, methods)
        }
        "source-ip" => fill(&mut known.source_ips, typed(condition.source_ip_config().map(|c| c.values()))),
        "http-header" => {
            let config = condition.http_header_config();
            let name = config.and_then(|config| config.http_header_name()).unwrap_or_default();
            let set = known.headers.entry(name.to_owned()).or_default();
            fill(set, typed(config.map(|config| config.values())))
        }
        "query-string" => {
            let pairs = condition.query_string_config().map_or(&[][..], |config| config.values());
            fill(&mut known.query, pairs.iter().map(query_from_aws))
        }
        other => return Err(format!("a condition on {other}")),
    };
    // Two conditions of one kind must both hold, which one set of values cannot say.
    if fresh { Ok(()) } else { Err(format!("several conditions on {field}")) }
}

fn has_expressions(condition: &sdk::RuleCondition) -> bool {
    !condition.regex_values().is_empty()
        || condition.path_pattern_config().is_some_and(|config| !config.regex_values().is_empty())
        || condition.host_header_config().is_some_and(|config| !config.regex_values().is_empty())
        || condition.http_header_config().is_some_and(|config| !config.regex_values().is_empty())
}

/// Fills an empty set; says whether it was empty.
fn fill<T: Ord>(set: &mut BTreeSet<T>, values: impl IntoIterator<Item = T>) -> bool {
    let fresh = set.is_empty();
    set.extend(values);
    fresh
}

fn query_from_aws(pair: &sdk::QueryStringKeyValuePair) -> QueryMatch {
    let key = pair.key().filter(|key| !key.is_empty()).map(ToOwned::to_owned);
    QueryMatch { key, value: pair.value().unwrap_or_default().to_owned() }
}

#[cfg(test)]
mod tests {
    use neap_core::kinds::{KindOf, Rule};

    use super::*;

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    fn legacy(field: &str, values: &[&str]) -> sdk::RuleCondition {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        sdk::RuleCondition::builder().field(field).set_values(Some(values)).build()
    }

    fn check_other(conditions: &[sdk::RuleCondition], expected: &str) {
        assert_eq!(from_aws(conditions).1, [expected]);
    }

    #[test]
    fn conditions_read_back_as_they_were_sent() {
        let example = Rule::example().conditions;
        let sent = to_aws(&example);
        assert_eq!(sent.len(), 6);
        assert!(sent.iter().all(|condition| condition.values().is_empty()));
        assert_eq!(from_aws(&sent), (example, Vec::new()));
    }

    #[test]
    fn no_conditions_are_no_conditions() {
        assert!(to_aws(&Conditions::default()).is_empty());
        assert_eq!(from_aws(&[]), (Conditions::default(), Vec::new()));
    }

    #[test]
    fn the_old_way_of_telling_values_is_understood() {
        let (known, others) =
            from_aws(&[legacy("path-pattern", &["/b", "/a"]), legacy("host-header", &["A.example.com"])]);
        assert_eq!(known.path, set(&["/a", "/b"]));
        assert_eq!(known.host, set(&["a.example.com"]));
        assert_eq!(others, Vec::<String>::new());
    }

    #[test]
    fn values_told_twice_are_read_once() {
        let config = sdk::PathPatternConditionConfig::builder().values("/a").build();
        let condition =
            sdk::RuleCondition::builder().field("path-pattern").values("/a").path_pattern_config(config);
        assert_eq!(from_aws(&[condition.build()]).0.path, set(&["/a"]));
    }

    #[test]
    fn what_a_stack_file_cannot_say_is_named() {
        check_other(
            &[legacy("path-pattern", &["/a"]), legacy("path-pattern", &["/b"])],
            "several conditions on path-pattern",
        );
        check_other(&[legacy("weather", &["rain"])], "a condition on weather");
        let config = sdk::PathPatternConditionConfig::builder().regex_values("^/a").build();
        let condition = sdk::RuleCondition::builder().field("path-pattern").path_pattern_config(config);
        check_other(&[condition.build()], "a regular expression on path-pattern");
    }

    #[test]
    fn two_headers_are_two_conditions() {
        let headers = [("A".to_owned(), set(&["1"])), ("B".to_owned(), set(&["2", "3"]))].into();
        let conditions = Conditions { headers, ..Conditions::default() };
        assert_eq!(to_aws(&conditions).len(), 2);
        assert_eq!(from_aws(&to_aws(&conditions)), (conditions, Vec::new()));
    }
}
