//! Scaling: the target that a service implies, whose requests count, and where the number of tasks is at first.

use serde_json::json;

use super::*;
use crate::ownership::Owned;

/// [`STACK`] with what scales its service.
fn scaled(keys: &str) -> String {
    format!("{STACK}[service.api.scaling]\n{keys}\n")
}

#[test]
fn a_scaled_service_implies_its_target() {
    let text = scaled(
        "min = 2\nmax = 6\ncpu = 60\nmemory = { target = 70, scale_in_cooldown = 120, disable_scale_in = true }",
    );
    let desired = lower_text(&text).expect("no mistakes");
    let expect = |path: &str, expected: Value| {
        assert_eq!(field(&desired, "scalable_target.api", path), expected, "{path}");
    };
    expect("service", json!("${service.api.arn}"));
    expect("min", json!(2));
    expect("max", json!(6));
    expect("suspended", json!([]));
    expect(
        "target_tracking",
        json!({
            "cpu": {
                "metric": "ECSServiceAverageCPUUtilization", "resource_label": null, "target": 60,
                "scale_in_cooldown": 300, "scale_out_cooldown": 300, "disable_scale_in": false,
            },
            "memory": {
                "metric": "ECSServiceAverageMemoryUtilization", "resource_label": null, "target": 70,
                "scale_in_cooldown": 120, "scale_out_cooldown": 300, "disable_scale_in": true,
            },
        }),
    );
    let implied = resource(&desired, "scalable_target.api").implied.as_ref().expect("it is implied");
    assert_eq!((implied.by.to_string().as_str(), implied.reason.as_str()), ("service.api", "scales it"));
}

#[test]
fn a_scaled_services_count_is_only_the_first_one() {
    let at_first = |keys: &str, count: &str| {
        let text = scaled(keys).replace("[service.api]", &format!("[service.api]\n{count}"));
        let desired = lower_text(&text).expect("no mistakes");
        let service = resource(&desired, "service.api");
        assert!(service.owned_elsewhere.contains(&Owned::Count));
        (field(&desired, "service.api", "count"), service.spec())
    };
    let limits = "min = 2\nmax = 6\ncpu = 60";
    let (least, spec) = at_first(limits, "");
    assert_eq!(least, json!(2));
    assert_eq!(at_first(limits, "count = 4"), (json!(4), spec));
    assert_eq!(at_first("min = 0\nmax = 6\ncpu = 60", "").0, json!(1));
    assert_eq!(at_first("min = 0\nmax = 6\ncpu = 60", "count = 0").0, json!(0));
}

#[test]
fn requests_are_those_of_the_services_target_group() {
    let label = |text: &str| {
        let desired = lower_text(text).expect("no mistakes");
        field(&desired, "scalable_target.api", "target_tracking.requests_per_target.resource_label")
    };
    let only = json!("${alb.public.full_name}/${target_group.api.full_name}");
    assert_eq!(label(&scaled("min = 1\nmax = 2\nrequests_per_target = 1000")), only);
    let two = scaled("min = 1\nmax = 2\nrequests_per_target = { target = 1000, group = \"more\" }")
        .replace("target = { group = \"api\" }", "target = [{ group = \"api\" }, { group = \"more\" }]");
    let two = format!(
        "{two}[target_group.more]\nport = 3000\n[alb.public.listener.more]\nport = 81\ndefault = {{ forward = \"more\" }}\n"
    );
    assert_eq!(label(&two), json!("${alb.public.full_name}/${target_group.more.full_name}"));
    check_mistakes(
        &two.replace("{ target = 1000, group = \"more\" }", "1000"),
        &["service.api.scaling.requests_per_target: the service has several target groups"],
    );
    check_mistakes(
        &two.replace("group = \"more\" }\n", "group = \"mor\" }\n"),
        &["service.api.scaling.requests_per_target.group: `mor` is no target of the service"],
    );
}

#[test]
fn what_makes_no_sense_is_told() {
    for (keys, expected) in [
        ("min = 3\nmax = 2\ncpu = 60", "service.api.scaling.max: at most 2 tasks, and at least 3"),
        ("min = 1\nmax = 2", "service.api.scaling: nothing says when tasks come and go"),
        ("min = 1\nmax = 2\ncpu = 101", "service.api.scaling.cpu: 101 percent of the cpu"),
        (
            "min = 1\nmax = 2\nmemory = { target = 60, group = \"api\" }",
            "service.api.scaling.memory.group: `group` is for `requests_per_target` alone",
        ),
        (
            "min = 1\nmax = 2\ncpu = 60\nsuspend = [\"scale_in\", \"scale_in\"]",
            "service.api.scaling.suspend.1: it is in the list twice",
        ),
    ] {
        check_mistakes(&scaled(keys), &[expected]);
    }
    check_mistakes(
        &scaled("min = 1\nmax = 2\ncpu = 60").replace("[service.api]", "[service.api]\ncount = 3"),
        &["service.api.count: 3 tasks at first are outside of 1 to 2"],
    );
    check_mistakes(
        &scaled("min = 1\nmax = 2\nrequests_per_target = 5").replace("target = { group = \"api\" }", ""),
        &["service.api.scaling.requests_per_target: no load balancer sends the service requests"],
    );
}

#[test]
fn schedules_set_limits() {
    let night = "min = 1\nmax = 6\nschedule.night = { when = \"cron(0 22 * * ? *)\", max = 2 }";
    let desired = lower_text(&scaled(night)).expect("a schedule is enough");
    assert_eq!(
        field(&desired, "scalable_target.api", "scheduled_actions"),
        json!({ "night": {
            "schedule": "cron(0 22 * * ? *)", "timezone": "UTC", "start": null, "end": null, "min": null, "max": 2,
        } })
    );
    let place = "service.api.scaling.schedule.night";
    for (keys, expected) in [
        ("when = \"rate(1 day)\"", format!("{place}: the schedule changes nothing")),
        (
            "when = \"daily\", min = 1",
            format!("{place}.when: `daily` is no schedule: it is none of `cron(…)`, `rate(…)` and `at(…)`"),
        ),
        (
            "when = \"cron(99 6 * * ? *)\", min = 1",
            format!(
                "{place}.when: `cron(99 6 * * ? *)` is no schedule: `99` is no minute, which are 0 to 59"
            ),
        ),
        ("when = \"rate(1 day)\", min = 3, max = 2", format!("{place}.min: at least 3 tasks, and at most 2")),
        ("when = \"rate(1 day)\", min = 7", format!("{place}.min: at least 7 tasks, and at most 6")),
        (
            "when = \"rate(1 day)\", min = 1, timezone = \"Europe Dublin\"",
            format!("{place}.timezone: `Europe Dublin` is no time zone"),
        ),
        (
            "when = \"rate(1 day)\", min = 1, timezone = \"Europe/Nowhere\"",
            format!("{place}.timezone: `Europe/Nowhere` is no time zone"),
        ),
        (
            "when = \"rate(1 day)\", min = 1, start = \"2026-02-30T08:00:00Z\"",
            format!("{place}.start: there is no moment `2026-02-30T08:00:00Z`"),
        ),
        (
            "when = \"rate(1 day)\", min = 1, start = \"2026-12-01T08:00:00Z\", end = \"2026-12-01T08:00:00Z\"",
            format!("{place}.end: it ends before it starts"),
        ),
    ] {
        let keys = format!("min = 1\nmax = 6\ncpu = 60\nschedule.night = {{ {keys} }}");
        check_mistakes(&scaled(&keys), &[&expected]);
    }
    let wide = "min = 1\nmax = 6\nschedule.sale = { when = \"rate(1 day)\", min = 7 }\nschedule.wide = { when = \"rate(1 day)\", max = 9 }";
    lower_text(&scaled(wide)).expect("another schedule lets so many run");
}

#[test]
fn a_step_is_a_policy_and_the_alarm_that_sets_it_off() {
    let text = scaled("min = 1\nmax = 6\nstep.busy = { metric = \"cpu\", above = 80, by = 2 }");
    let desired = lower_text(&text).expect("a step is enough");
    assert_eq!(
        field(&desired, "scalable_target.api", "step_scaling"),
        json!({ "busy": {
            "adjustment_type": "ChangeInCapacity", "cooldown": 300, "aggregation": "Average", "min_adjustment": null,
            "steps": [{ "lower": 0, "upper": null, "adjustment": 2 }],
            "alarm": {
                "name": "course-api-busy", "namespace": "AWS/ECS", "metric": "CPUUtilization",
                "dimensions": { "ClusterName": "${cluster.main.name}", "ServiceName": "${service.api.name}" },
                "statistic": "Average", "period_seconds": 60, "evaluation_periods": 3, "datapoints_to_alarm": 3,
                "threshold": 80, "comparison": "GreaterThanOrEqualToThreshold", "missing_data": "missing",
                "enabled": true,
            },
        } })
    );
}

#[test]
fn steps_follow_each_other_away_from_the_value() {
    let steps = |keys: &str| {
        let text = scaled(&format!("min = 1\nmax = 6\nstep.x = {{ metric = \"cpu\", {keys} }}"));
        let desired = lower_text(&text).expect("no mistakes");
        field(&desired, "scalable_target.api", "step_scaling.x.steps")
    };
    assert_eq!(
        steps("above = 60, steps = [{ to = \"10.5\", by = 1 }, { to = 20, by = 2 }, { by = 4 }]"),
        json!([
            { "lower": 0, "upper": 10.5, "adjustment": 1 },
            { "lower": 10.5, "upper": 20, "adjustment": 2 },
            { "lower": 20, "upper": null, "adjustment": 4 },
        ])
    );
    assert_eq!(
        steps("below = 30, steps = [{ to = 10, by = -1 }, { by = -2 }]"),
        json!([
            { "lower": null, "upper": -10, "adjustment": -2 },
            { "lower": -10, "upper": 0, "adjustment": -1 },
        ])
    );
}

#[test]
fn steps_that_make_no_sense_are_told() {
    let place = "service.api.scaling.step.x";
    for (keys, expected) in [
        ("above = 1", format!("{place}: it changes nothing")),
        ("by = 1", format!("{place}: nothing says when it rings")),
        ("above = 1, below = 2, by = 1", format!("{place}.below: `above` and `below`")),
        ("above = \"much\", by = 1", format!("{place}.above: `much` is no number")),
        ("above = 1, by = 0", format!("{place}.by: it changes nothing")),
        ("above = 1, by = -1, adjustment = \"exact\"", format!("{place}.by: exactly -1 tasks")),
        ("above = 1, by = 1, steps = [{ by = 1 }]", format!("{place}.by: `by` and `steps`")),
        ("above = 1, by = 1, period = 45", format!("{place}.period: a period of 45 seconds")),
        (
            "above = 1, by = 1, period = 86400, evaluation_periods = 8",
            format!("{place}.evaluation_periods: 8 periods of 86400 seconds are more than seven days"),
        ),
        (
            "above = 1, by = 1, period = 300, evaluation_periods = 289",
            format!("{place}.evaluation_periods: 289 periods of 300 seconds are more than a day"),
        ),
        (
            "above = 1, by = 1, datapoints_to_alarm = 4",
            format!("{place}.datapoints_to_alarm: 4 of 3 periods"),
        ),
        (
            "above = 1, by = 1, min_adjustment = 2",
            format!("{place}.min_adjustment: `min_adjustment` without `adjustment = \"percent\"`"),
        ),
        (
            "above = 1, steps = [{ by = 1 }, { by = 2 }]",
            format!("{place}.steps.0: a step without `to` goes on for ever"),
        ),
        (
            "above = 1, steps = [{ to = 5, by = 1 }]",
            format!("{place}.steps.0.to: nothing is done further past the value"),
        ),
        (
            "above = 1, steps = [{ to = 5, by = 1 }, { to = 5, by = 2 }, { by = 3 }]",
            format!("{place}.steps.1.to: it ends before it begins"),
        ),
    ] {
        let keys = format!("min = 1\nmax = 6\nstep.x = {{ metric = \"memory\", {keys} }}");
        check_mistakes(&scaled(&keys), &[&expected]);
    }
    check_mistakes(
        &scaled("min = 1\nmax = 6\nstep.cpu = { metric = \"cpu\", above = 1, by = 1 }"),
        &["service.api.scaling.step.cpu: `cpu` is the name of a policy of target tracking"],
    );
}

#[test]
fn an_alarm_looks_back_for_a_day_or_for_seven_where_its_periods_are_long() {
    for window in
        ["period = 20", "period = 300, evaluation_periods = 288", "period = 3600, evaluation_periods = 168"]
    {
        let step = format!("step.x = {{ metric = \"cpu\", above = 80, by = 1, {window} }}");
        lower_text(&scaled(&format!("min = 1\nmax = 6\n{step}"))).expect("no mistakes");
    }
}

#[test]
fn two_alarms_of_one_name_are_told() {
    let step = |name: &str| format!("step.{name} = {{ metric = \"cpu\", above = 80, by = 1 }}\n");
    let text = scaled(&format!("min = 1\nmax = 6\n{}", step("c-d")));
    let other = format!(
        "[service.api-c]\ncluster = \"main\"\ntask = \"api\"\n[service.api-c.scaling]\nmin = 1\nmax = 2\n{}",
        step("d")
    );
    check_mistakes(
        &format!("{text}{other}"),
        &[
            "service.api-c.scaling.step.d: its alarm would be called `course-api-c-d`, as that of `service.api.scaling.step.c-d`",
        ],
    );
}

#[test]
fn a_daemon_is_not_scaled() {
    let text = on_instances("").replace(
        "target = { group = \"api\" }",
        "strategy = \"daemon\"\n[service.api.scaling]\nmin = 1\nmax = 2\ncpu = 60",
    );
    check_mistakes(&text, &["service.api.scaling: a daemon cannot be scaled"]);
}
