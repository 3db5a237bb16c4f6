//! A rule of a listener: which requests it takes and what it does with them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Action, FieldPolicy, KindOf};
use crate::address::Kind;
use crate::diff::{NOT_SHOWN, SENSITIVE};

/// A query parameter that a request must have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct QueryMatch {
    /// The parameter's name; null matches the value of any.
    pub key: Option<String>,
    /// The value, with `*` and `?` as wildcards.
    pub value: String,
}

/// What a request must look like. All that are given must hold; within one, any value will do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// Paths, with `*` and `?` as wildcards.
    pub path: BTreeSet<String>,
    /// Host names, lower case, with wildcards.
    pub host: BTreeSet<String>,
    /// Values by header name.
    pub headers: BTreeMap<String, BTreeSet<String>>,
    /// Request methods.
    pub methods: BTreeSet<String>,
    /// Query parameters.
    pub query: BTreeSet<QueryMatch>,
    /// CIDRs of the client.
    pub source_ips: BTreeSet<String>,
}

impl Conditions {
    /// How many values a rule takes ("Condition values per rule" of ELB's quotas).
    const MOST: usize = 5;

    /// How many values they have together.
    fn count(&self) -> usize {
        let Self { path, host, headers, methods, query, source_ips } = self;
        let headers: usize = headers.values().map(BTreeSet::len).sum();
        path.len() + host.len() + headers + methods.len() + query.len() + source_ips.len()
    }

    /// They without their headers.
    fn but_headers(&self) -> Self {
        Self { headers: BTreeMap::new(), ..self.clone() }
    }

    /// What requests that both take look like, by their values as they are written: nothing where they share none. Values that are
    /// sensitive may be the same as any.
    fn shared(&self, other: &Self) -> Option<Self> {
        let mut headers = self.headers.clone();
        for (name, values) in &other.headers {
            let found = match headers.get(name) {
                Some(own) if is_hidden(own) || is_hidden(values) => own | values,
                Some(own) => both(own, values)?,
                None => values.clone(),
            };
            headers.insert(name.clone(), found);
        }
        Some(Self {
            path: both(&self.path, &other.path)?,
            host: both(&self.host, &other.host)?,
            headers,
            methods: both(&self.methods, &other.methods)?,
            query: both(&self.query, &other.query)?,
            source_ips: both(&self.source_ips, &other.source_ips)?,
        })
    }

    /// Whether they take all that `other` take.
    fn cover(&self, other: &Self) -> bool {
        let Self { path, host, headers, methods, query, source_ips } = self;
        let has = |(name, values): (&String, &BTreeSet<String>)| {
            let other = other.headers.get(name);
            other.is_some_and(|other| is_hidden(values) || is_hidden(other) || other.is_subset(values))
        };
        takes_all(path, &other.path)
            && takes_all(host, &other.host)
            && headers.iter().all(has)
            && takes_all(methods, &other.methods)
            && takes_all(query, &other.query)
            && takes_all(source_ips, &other.source_ips)
    }
}

/// The values that both conditions take, where none stands for any; nothing if they share none.
fn both<T: Ord + Clone>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> Option<BTreeSet<T>> {
    let found = if one.is_empty() || other.is_empty() { one | other } else { one & other };
    (!found.is_empty() || (one.is_empty() && other.is_empty())).then_some(found)
}

/// Whether a condition takes all values that `other` takes, where none stands for any.
fn takes_all<T: Ord>(values: &BTreeSet<T>, other: &BTreeSet<T>) -> bool {
    values.is_empty() || (!other.is_empty() && other.is_subset(values))
}

/// Whether some of the values are known by the name of a sensitive variable alone, or not at all, as what is live in a plan.
fn is_hidden(values: &BTreeSet<String>) -> bool {
    values.iter().any(|value| value.contains("${") || value == SENSITIVE || value == NOT_SHOWN)
}

/// A rule of a listener.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The listener's ARN.
    pub listener: String,
    /// The rule's place among the listener's rules, 1 to 50000: it is the rule's identity.
    pub priority: u32,
    /// Which requests the rule takes.
    pub conditions: Conditions,
    /// What it does with them.
    pub action: Action,
}

impl Rule {
    /// Whether requests that this, live, takes, and does not once it is `after`, or gone, are those of `heir` from then on, which takes
    /// them not yet as it is `before`, if it is there.
    pub(crate) fn hands_on(&self, after: Option<&Self>, before: Option<&Self>, heir: &Self) -> bool {
        let Some(shared) = self.conditions.shared(&heir.conditions) else { return false };
        ![after, before].into_iter().flatten().any(|rule| rule.conditions.cover(&shared))
    }

    /// Whether this, live, takes no header any less once it is `wanted`, or has a step between that does ([`KindOf::widened`]); none
    /// where that cannot be told. Where values are sensitive, their number tells.
    pub(crate) fn opens(&self, wanted: &Self) -> Option<bool> {
        if self.conditions_between(wanted).is_some() {
            return Some(true);
        }
        for (name, values) in &wanted.conditions.headers {
            let Some(before) = self.conditions.headers.get(name) else { return Some(false) };
            match values.len().cmp(&before.len()) {
                Ordering::Greater if is_hidden(values) => {}
                Ordering::Equal if is_hidden(values) => return None,
                _ if before.is_subset(values) => {}
                _ => return Some(false),
            }
        }
        Some(true)
    }

    /// What lies between the conditions of this, live, and of `wanted`: every value that either takes of a header, and no header
    /// that nobody sends yet; none where no value goes and no header comes, or there is no such step.
    fn conditions_between(&self, wanted: &Self) -> Option<Conditions> {
        let (live, conditions) = (&self.conditions, &wanted.conditions);
        if live.but_headers() != conditions.but_headers() {
            return None;
        }
        // All that are given must hold, so a header that nobody sends yet is left out.
        let both = |(name, values): (&String, &BTreeSet<String>)| {
            let before = live.headers.get(name)?;
            Some((name.clone(), before.union(values).cloned().collect()))
        };
        // A plan holds no sensitive value, so one that is live could not be put back.
        let comes = |name: &String| conditions.headers.get(name).is_some_and(is_hidden);
        if live.headers.iter().any(|(name, values)| is_hidden(values) || comes(name)) {
            return None;
        }
        let headers = conditions.headers.iter().filter_map(both).collect();
        let between = Conditions { headers, ..conditions.clone() };
        let fits = (1..=Conditions::MOST).contains(&between.count());
        (fits && between != *conditions).then_some(between)
    }
}

impl KindOf for Rule {
    const KIND: Kind = Kind::Rule;
    const POLICY: FieldPolicy = FieldPolicy {
        replace: &["listener", "priority"],
        ignore_unset: &[],
        unordered: &["action.target_groups", "conditions.query"],
        documents: &[],
        hidden: &[],
    };

    fn aws_name(&self) -> &str {
        ""
    }

    fn widened(&self, wanted: &Self) -> Option<Self> {
        if self.conditions.but_headers() != wanted.conditions.but_headers() {
            return None;
        }
        let conditions = self.conditions_between(wanted);
        let action = self.action.with_what_comes(&wanted.action);
        (conditions.is_some() || action.is_some()).then(|| Self {
            conditions: conditions.unwrap_or_else(|| wanted.conditions.clone()),
            action: action.unwrap_or_else(|| wanted.action.clone()),
            ..wanted.clone()
        })
    }

    fn example() -> Self {
        Self {
            listener: "arn:listener".into(),
            priority: 10,
            conditions: Conditions {
                path: ["/api/*".into()].into(),
                host: ["example.com".into()].into(),
                headers: [("X-Version".into(), ["2".into()].into())].into(),
                methods: ["GET".into()].into(),
                query: [QueryMatch { key: Some("v".into()), value: "2".into() }].into(),
                source_ips: ["10.0.0.0/8".into()].into(),
            },
            action: Action::Forward {
                target_groups: vec![super::WeightedGroup { target_group: "arn:tg".into(), weight: 1 }],
                stickiness_seconds: None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::WeightedGroup;
    use super::*;

    fn rule(headers: &[(&str, &[&str])]) -> Rule {
        let mut rule = Rule::example();
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
        rule.conditions = Conditions {
            path: ["/*".into()].into(),
            headers: headers.iter().map(|(name, of)| ((*name).to_owned(), values(of))).collect(),
            ..Conditions::default()
        };
        rule
    }

    #[test]
    fn between_two_values_of_a_header_both_are_taken_and_one_that_comes_is_not_asked_for_yet() {
        let (old, new) = (rule(&[("X-Key", &["old"])]), rule(&[("X-Key", &["new"])]));
        assert_eq!(old.widened(&new), Some(rule(&[("X-Key", &["new", "old"])])));
        assert_eq!(rule(&[]).widened(&new), Some(rule(&[])));
        let both = rule(&[("X-Key", &["new", "old"])]);
        assert_eq!(both.widened(&new), Some(both.clone()));
    }

    #[test]
    fn a_rule_that_asks_for_less_of_headers_cuts_nothing_off() {
        let (old, both) = (rule(&[("X-Key", &["old"])]), rule(&[("X-Key", &["new", "old"])]));
        assert_eq!(old.widened(&both), None);
        assert_eq!(old.widened(&rule(&[])), None);
    }

    #[test]
    fn where_a_value_is_sensitive_the_number_of_values_tells_and_no_step_lies_between() {
        let (old, new) = (rule(&[("X-Key", &["s1"])]), rule(&[("X-Key", &["${var.new}"])]));
        let both = rule(&[("X-Key", &["${var.new}", "${var.old}"])]);
        assert_eq!((old.widened(&new), old.opens(&new)), (None, None));
        assert_eq!((old.widened(&both), old.opens(&both)), (None, Some(true)));
        let live = rule(&[("X-Key", &["s1", "s2"])]);
        assert_eq!((live.widened(&new), live.opens(&new)), (None, Some(false)));
        assert_eq!(rule(&[]).widened(&new), Some(rule(&[])));
        assert_eq!(old.opens(&rule(&[])), Some(true));
        // A plan that is carried out has the new value, and of the old one no more than its name.
        for shown in ["${var.old}", SENSITIVE, NOT_SHOWN] {
            assert_eq!(rule(&[("X-Key", &[shown])]).widened(&rule(&[("X-Key", &["s2"])])), None, "{shown}");
        }
    }

    #[test]
    fn between_two_groups_users_are_led_to_the_one_that_goes_and_the_other_is_asked_for_its_health() {
        let to = |groups: &[(&str, u32)]| {
            let group = |(group, weight): &(&str, u32)| WeightedGroup {
                target_group: (*group).into(),
                weight: *weight,
            };
            let target_groups = groups.iter().map(group).collect();
            Rule { action: Action::Forward { target_groups, stickiness_seconds: None }, ..rule(&[]) }
        };
        let both = to(&[("old", 1), ("new", 0)]);
        assert_eq!(to(&[("old", 1)]).widened(&to(&[("new", 1)])), Some(both.clone()));
        assert_eq!(both.widened(&to(&[("new", 1)])), Some(both.clone()));
        assert_eq!(to(&[("old", 1)]).widened(&both), None);
        assert_eq!(to(&[("old", 0), ("new", 1)]).widened(&to(&[("new", 1)])), None);
        let many = to(&[("a", 1), ("b", 1), ("c", 1), ("d", 1), ("e", 1)]);
        assert_eq!(many.widened(&to(&[("new", 1)])), None);
        let mut elsewhere = to(&[("new", 1)]);
        elsewhere.conditions.path = ["/admin".into()].into();
        assert_eq!(to(&[("old", 1)]).widened(&elsewhere), None);
    }

    #[test]
    fn a_rule_hands_on_what_it_takes_no_longer_and_another_comes_to_take() {
        let of = |hosts: &[&str], headers: &[(&str, &[&str])]| {
            let mut rule = rule(headers);
            rule.conditions.host = hosts.iter().map(|host| (*host).to_owned()).collect();
            rule
        };
        let (one, two) = (of(&["one"], &[]), of(&["two"], &[]));
        let (both, any) = (of(&["one", "two"], &[]), of(&[], &[]));
        assert!(one.hands_on(None, None, &one));
        assert!(one.hands_on(Some(&two), Some(&two), &one));
        assert!(both.hands_on(Some(&one), None, &two), "one rule becomes two");
        assert!(one.hands_on(Some(&two), Some(&two), &any), "what takes all takes this");
        assert!(!one.hands_on(Some(&two), None, &two), "nobody's");
        assert!(!one.hands_on(Some(&both), None, &one), "its own as well");
        assert!(!one.hands_on(None, Some(&any), &one), "taken already");
        // A sensitive value may be any.
        let (live, hidden) =
            (of(&["one"], &[("X-Key", &["s1"])]), of(&["one"], &[("X-Key", &["${var.key}"])]));
        assert!(live.hands_on(None, None, &hidden));
        assert!(!live.hands_on(Some(&hidden), None, &hidden));
    }

    #[test]
    fn a_rule_takes_no_more_between_than_aws_lets_it_and_no_other_paths() {
        let (old, new) = (rule(&[("X-Key", &["a", "b", "c"])]), rule(&[("X-Key", &["d", "e"])]));
        assert_eq!(old.widened(&new), None);
        let mut elsewhere = rule(&[("X-Key", &["new"])]);
        elsewhere.conditions.path = ["/admin".into()].into();
        assert_eq!(rule(&[]).widened(&elsewhere), None);
    }
}
