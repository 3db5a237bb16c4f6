//! Names and distributions: they turn to something else when that can answer, and what they turn away from goes after.

mod sky;

use neap_core::desired::Desired;
use neap_core::kinds::{
    Bucket, BucketFiles, BucketPolicy, Certificate, Cloudfront, Domain, KindOf as _, Origin,
    OriginAccessControl, Resource, Site, StrategyItem, ViewerCertificate,
};
use neap_core::plan::planner::plan;
use neap_core::plan::{Mode, Need, Refusal, Verb};
use neap_core::reference;
use sky::planned::{applied, finish, need, planned};
use sky::stacks::{
    add, address, alb, cloudfront, course, fixed, forward, listener, rule, service, target_group,
};
use sky::{Sky, secrets};

use Verb::{Create, Delete, Update};

fn of(text: &str, output: &str) -> String {
    reference::output(&address(text), output)
}

/// A bucket called `name` whose policy lets these distributions read it, with files.
fn bucket(stack: &mut Desired, text: &str, name: &str, sites: &[&str]) {
    let (at, bucket) = (|kind: &str| format!("{kind}.{text}"), of(&format!("bucket.{text}"), "name"));
    add(stack, &at("bucket"), Bucket { name: name.into(), ..Bucket::example() });
    let arns: Vec<String> = sites.iter().map(|site| of(site, "arn")).collect();
    let policy = BucketPolicy::readable_by("neap/course/policy", &of(&at("bucket"), "arn"), &arns);
    add(stack, &at("bucket_policy"), BucketPolicy { bucket: bucket.clone(), policy });
    let example = BucketFiles::example();
    let site = |site: &&str| {
        let known = Site { arn: of(site, "arn"), ..example.sites["cloudfront.site"].clone() };
        ((*site).to_owned(), known)
    };
    let sites = sites.iter().map(site).collect();
    add(stack, &at("bucket_files"), BucketFiles { bucket, sites, ..example.clone() });
}

/// A distribution in front of that bucket.
fn site(stack: &mut Desired, text: &str, bucket: &str) {
    let origin = Origin::bucket(of(bucket, "domain_name"), of("origin_access_control.site", "id"));
    let origins = [("bucket".to_owned(), origin)].into();
    add(
        stack,
        text,
        Cloudfront { origins, behaviors: Vec::new(), caller_reference: text.into(), ..cloudfront("") },
    );
}

fn empty() -> Desired {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    add(&mut stack, "origin_access_control.site", OriginAccessControl::example());
    stack
}

/// A distribution in front of the bucket at `bucket.{text}`.
fn one_site(text: &str, name: &str) -> Desired {
    let mut stack = empty();
    bucket(&mut stack, text, name, &["cloudfront.site"]);
    site(&mut stack, "cloudfront.site", &format!("bucket.{text}"));
    stack
}

/// The course with a name that leads to `target`.
fn named(target: &str) -> Desired {
    let mut stack = course();
    name(&mut stack, target);
    stack
}

fn name(stack: &mut Desired, target: &str) {
    let output = if target.starts_with("alb") { "dns_name" } else { "domain_name" };
    add(stack, "domain.www", Domain { target: of(target, output), ..Domain::example() });
}

/// A second load balancer, and a service of its own behind it.
fn second(stack: &mut Desired) {
    add(stack, "target_group.two", target_group("two", 4000, "/"));
    add(stack, "alb.two", alb("two", "internet-facing", "security_group.alb-public"));
    add(stack, "alb.two.listener.http", listener("alb.two", 80, forward("target_group.two")));
    let two =
        service("two", "cluster.main", "task.api", "security_group.service-api", Some("target_group.two"));
    add(stack, "service.two", two);
}

#[test]
fn a_distribution_turns_to_a_bucket_that_lets_it_read_what_is_there_and_the_old_one_goes_after() {
    // Another table, and another name of the same.
    for text in ["two", "one"] {
        let (sky, stack) = (applied(&one_site("one", "first")), one_site(text, "second"));
        let plan = planned(&stack, &sky, Mode::Apply);
        let turns = (Update, "cloudfront.site");
        for kind in ["bucket", "bucket_policy", "bucket_files"] {
            let (new, old) = (format!("{kind}.{text}"), format!("{kind}.one"));
            assert_eq!(need(&plan, turns, (Create, &new)), Some(Need::Ready), "{new}");
            assert_eq!(need(&plan, (Delete, &old), turns), Some(Need::Ready), "{old}");
        }
        finish(sky, &plan, &stack);
    }
}

#[test]
fn a_bucket_goes_after_the_distribution_that_asks_it() {
    let stack = one_site("one", "first");
    let mut sky = applied(&stack);
    let plan = planned(&stack, &sky, Mode::Destroy);
    let gone = (Delete, "cloudfront.site");
    for kind in ["bucket", "bucket_policy", "bucket_files"] {
        assert_eq!(need(&plan, (Delete, &format!("{kind}.one")), gone), Some(Need::Gone), "{kind}");
    }
    sky.apply(&plan, &[], &[]).expect("the steps are in order");
    assert!(sky.resources.is_empty());
}

#[test]
fn a_policy_lets_a_distribution_in_before_it_comes_and_shuts_it_out_after_it_has_left() {
    let both = |first: &[&str], second: &[&str]| {
        let mut stack = empty();
        bucket(&mut stack, "one", "first", first);
        bucket(&mut stack, "two", "second", second);
        for text in ["cloudfront.a", "cloudfront.b"] {
            site(&mut stack, text, if first.contains(&text) { "bucket.one" } else { "bucket.two" });
        }
        stack
    };
    let (a, b) = ("cloudfront.a", "cloudfront.b");
    let sky = applied(&both(&[a, b], &[]));
    let stack = both(&[b], &[a]);
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Update, a), (Update, "bucket_policy.two")), Some(Need::Ready));
    assert_eq!(need(&plan, (Update, "bucket_policy.one"), (Update, a)), Some(Need::Ready));
    finish(sky, &plan, &stack);
    // Where they change places one of them has to go first.
    let (sky, stack) = (applied(&both(&[a], &[b])), both(&[b], &[a]));
    let plan = planned(&stack, &sky, Mode::Apply);
    finish(sky, &plan, &stack);
}

#[test]
fn a_distribution_that_is_new_or_stays_where_it_is_goes_before_what_names_it() {
    let plan = planned(&one_site("one", "first"), &Sky::new(), Mode::Apply);
    let site = (Create, "cloudfront.site");
    assert_eq!(need(&plan, (Create, "bucket_policy.one"), site), Some(Need::Exists));
    assert_eq!(need(&plan, (Create, "bucket_files.one"), site), Some(Need::Exists));
    let (sky, mut stack) = (applied(&one_site("one", "first")), one_site("one", "first"));
    let Resource::Cloudfront(wanted) =
        &mut stack.resources.get_mut(&address("cloudfront.site")).expect("a site").resource
    else {
        panic!("a distribution")
    };
    wanted.price_class = "PriceClass_All".into();
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(plan.counts().update, 1);
    finish(sky, &plan, &stack);
}

#[test]
fn a_name_turns_to_a_new_distribution_when_that_is_deployed() {
    let (sky, mut stack) = (applied(&named("alb.public")), named("cloudfront.new"));
    add(
        &mut stack,
        "cloudfront.new",
        Cloudfront { caller_reference: "new".into(), ..cloudfront(&of("alb.public", "dns_name")) },
    );
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Update, "domain.www"), (Create, "cloudfront.new")), Some(Need::Ready));
    finish(sky, &plan, &stack);
}

#[test]
fn a_name_turns_to_a_new_distribution_when_the_files_behind_it_are_there() {
    let (sky, mut stack) = (applied(&named("alb.public")), named("cloudfront.new"));
    add(&mut stack, "origin_access_control.site", OriginAccessControl::example());
    bucket(&mut stack, "web", "first", &["cloudfront.new"]);
    site(&mut stack, "cloudfront.new", "bucket.web");
    let plan = planned(&stack, &sky, Mode::Apply);
    for text in ["cloudfront.new", "bucket_policy.web", "bucket_files.web"] {
        assert_eq!(need(&plan, (Update, "domain.www"), (Create, text)), Some(Need::Ready), "{text}");
    }
    finish(sky, &plan, &stack);
}

#[test]
fn names_and_distributions_turn_to_a_new_load_balancer_when_tasks_answer_behind_it() {
    let (sky, mut stack) = (applied(&named("alb.public")), named("alb.two"));
    second(&mut stack);
    add(&mut stack, "cloudfront.site", cloudfront(&of("alb.two", "dns_name")));
    let plan = planned(&stack, &sky, Mode::Apply);
    for front in ["domain.www", "cloudfront.site"] {
        for text in ["alb.two", "alb.two.listener.http", "service.two"] {
            assert_eq!(need(&plan, (Update, front), (Create, text)), Some(Need::Ready), "{front} {text}");
        }
    }
    finish(sky, &plan, &stack);
}

#[test]
fn what_is_new_is_made_at_once_and_a_run_that_broke_off_is_waited_for() {
    let plan = planned(&named("cloudfront.site"), &Sky::new(), Mode::Apply);
    assert_eq!(need(&plan, (Create, "domain.www"), (Create, "cloudfront.site")), Some(Need::Exists));
    let mut stack = named("alb.public");
    second(&mut stack);
    let mut sky = applied(&stack);
    for live in sky.resources.iter_mut().filter(|live| live.address == address("alb.two")) {
        live.phase = neap_core::live::Phase::Settling("provisioning".into());
    }
    name(&mut stack, "alb.two");
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Update, "domain.www"), (Verb::Wait, "alb.two")), Some(Need::Ready));
}

/// Distributions with these names of their own, of one certificate.
fn aliased(sites: &[(&str, &[&str])]) -> Desired {
    let mut stack = Desired { stack: "course".into(), ..Desired::default() };
    let domain = "example.com".to_owned();
    let certificate = Certificate { region: "us-east-1".into(), domain, ..Certificate::example() };
    add(&mut stack, "certificate.site", certificate);
    for (text, aliases) in sites {
        let mut site = Cloudfront { caller_reference: (*text).into(), ..cloudfront("elsewhere.example.com") };
        site.aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        let shown = Cloudfront::example().certificate.expect("a certificate");
        site.certificate = Some(ViewerCertificate { arn: of("certificate.site", "arn"), ..shown });
        add(&mut stack, text, site);
    }
    stack
}

#[test]
fn a_distribution_takes_a_name_after_another_has_let_go_of_it_and_the_plan_warns() {
    for (one, other) in [("cloudfront.a", "cloudfront.b"), ("cloudfront.b", "cloudfront.a")] {
        let sky = applied(&aliased(&[(one, &["www.example.com", "example.com"]), (other, &[])]));
        let stack = aliased(&[(one, &["example.com"]), (other, &["www.example.com"])]);
        let plan = planned(&stack, &sky, Mode::Apply);
        assert_eq!(need(&plan, (Update, other), (Update, one)), Some(Need::Ready));
        let expected = format!(
            "`www.example.com` moves from {one} to {other}, which CloudFront takes only after {one} has let go of it: for \
             some ten minutes nobody answers for it"
        );
        assert_eq!(plan.warnings, [expected]);
        finish(sky, &plan, &stack);
    }
}

#[test]
fn a_distribution_whose_name_another_one_takes_over_goes_first_although_users_are_led_to_it() {
    let with_name = |text: &str| {
        let mut stack = aliased(&[(text, &["www.example.com"])]);
        name(&mut stack, text);
        stack
    };
    let (sky, stack) = (applied(&with_name("cloudfront.site")), with_name("cloudfront.other"));
    let plan = planned(&stack, &sky, Mode::Apply);
    let made = (Create, "cloudfront.other");
    assert_eq!(need(&plan, made, (Delete, "cloudfront.site")), Some(Need::Gone));
    assert_eq!(need(&plan, (Update, "domain.www"), made), Some(Need::Ready));
    assert!(plan.warnings[0].contains("after cloudfront.site is deleted"), "{:?}", plan.warnings);
    finish(sky, &plan, &stack);
}

#[test]
fn names_that_two_distributions_exchange_are_refused() {
    let (a, b) = ("cloudfront.a", "cloudfront.b");
    let sky = applied(&aliased(&[(a, &["www.example.com"]), (b, &["example.com"])]));
    let stack = aliased(&[(a, &["example.com"]), (b, &["www.example.com"])]);
    let refused = plan(&stack, &sky.read(&stack), Mode::Apply, &secrets());
    let path = [a, b, a].map(address).to_vec();
    assert_eq!(refused, Err(vec![Refusal::Cycle { path }]));
    // Without one of them there is room.
    let between = aliased(&[(a, &[]), (b, &["www.example.com"])]);
    let plan = planned(&between, &sky, Mode::Apply);
    finish(sky, &plan, &between);
}

#[test]
fn a_listener_stays_open_until_what_leads_to_its_load_balancer_has_turned() {
    let mut before = named("alb.public");
    add(&mut before, "cloudfront.site", cloudfront(&of("alb.public", "dns_name")));
    add(&mut before, "alb.public.listener.old", listener("alb.public", 8080, fixed(404)));
    let mut stack = named("cloudfront.site");
    let mut site = cloudfront(&of("alb.public", "dns_name"));
    site.origins.values_mut().for_each(|origin| origin.http_port = 81);
    add(&mut stack, "cloudfront.site", site);
    let sky = applied(&before);
    let plan = planned(&stack, &sky, Mode::Apply);
    let closes = (Delete, "alb.public.listener.old");
    for front in ["domain.www", "cloudfront.site"] {
        assert_eq!(need(&plan, closes, (Update, front)), Some(Need::Ready), "{front}");
    }
    finish(sky, &plan, &stack);
}

#[test]
fn a_listener_on_another_port_is_there_before_distributions_ask_it_and_the_old_one_goes_after() {
    let on = |port: u16| {
        let mut stack = course();
        let mut site = cloudfront(&of("alb.public", "dns_name"));
        site.origins.values_mut().for_each(|origin| origin.http_port = port);
        add(&mut stack, "cloudfront.site", site);
        add(&mut stack, "alb.public.listener.http", listener("alb.public", port, fixed(404)));
        stack
    };
    let (sky, stack) = (applied(&on(80)), on(8080));
    let plan = planned(&stack, &sky, Mode::Apply);
    let turned = (Update, "cloudfront.site");
    for part in ["alb.public.listener.http", "alb.public.listener.http.rule.10"] {
        assert_eq!(need(&plan, turned, (Create, part)), Some(Need::Ready), "{part}");
        assert_eq!(need(&plan, (Delete, part), turned), Some(Need::Ready), "{part}");
    }
    finish(sky, &plan, &stack);
}

#[test]
fn listeners_that_pass_on_a_port_give_it_up_before_and_two_that_exchange_theirs_go_first() {
    let on = |first: u16, second: u16| {
        let mut stack = course();
        add(&mut stack, "alb.public.listener.http", listener("alb.public", first, fixed(404)));
        add(&mut stack, "alb.public.listener.other", listener("alb.public", second, fixed(404)));
        stack
    };
    let (http, other) = ("alb.public.listener.http", "alb.public.listener.other");
    let (sky, stack) = (applied(&on(80, 8080)), on(8080, 9090));
    let plan = planned(&stack, &sky, Mode::Apply);
    assert_eq!(need(&plan, (Create, http), (Delete, other)), Some(Need::Gone));
    assert_eq!(need(&plan, (Delete, other), (Create, other)), Some(Need::Ready));
    finish(sky, &plan, &stack);
    let (sky, stack) = (applied(&on(80, 8080)), on(8080, 80));
    let plan = planned(&stack, &sky, Mode::Apply);
    // One of them goes first, and leaves its port to the other.
    assert_eq!(need(&plan, (Create, http), (Delete, other)), Some(Need::Gone));
    assert_eq!(need(&plan, (Create, other), (Delete, http)), Some(Need::Gone));
    finish(sky, &plan, &stack);
}

#[test]
fn rules_stay_until_what_leads_to_their_load_balancer_has_turned_unless_their_target_group_goes_elsewhere() {
    let (http, two) = ("alb.public.listener.http", "alb.two.listener.http");
    let stack = |on_two: bool, group: &str| {
        let mut stack = course();
        second(&mut stack);
        name(&mut stack, if on_two { "alb.two" } else { "alb.public" });
        let (on, group) = if on_two { (two, group) } else { (http, "target_group.www") };
        add(&mut stack, "target_group.www", target_group("www", 5000, "/"));
        add(&mut stack, &format!("{on}.rule.20"), rule(on, 20, forward(group)));
        stack
    };
    let goes = format!("{http}.rule.20");
    let turned = (Update, "domain.www");
    for (group, expected) in [("target_group.two", Some(Need::Ready)), ("target_group.www", None)] {
        let (sky, stack) = (applied(&stack(false, group)), stack(true, group));
        let plan = planned(&stack, &sky, Mode::Apply);
        assert_eq!(need(&plan, (Delete, &goes), turned), expected, "{group}");
        assert_eq!(need(&plan, turned, (Create, &format!("{two}.rule.20"))), Some(Need::Ready), "{group}");
        finish(sky, &plan, &stack);
    }
}

#[test]
fn the_rules_of_a_listener_that_goes_stay_with_it_until_distributions_ask_another_port() {
    let old = "alb.public.listener.old";
    let stack = |port: u16| {
        let mut stack = course();
        let mut site = cloudfront(&of("alb.public", "dns_name"));
        site.origins.values_mut().for_each(|origin| origin.http_port = port);
        add(&mut stack, "cloudfront.site", site);
        if port != 80 {
            add(&mut stack, old, listener("alb.public", port, fixed(403)));
            add(&mut stack, &format!("{old}.rule.10"), rule(old, 10, forward("target_group.api")));
        }
        stack
    };
    let (sky, stack) = (applied(&stack(8080)), stack(80));
    let plan = planned(&stack, &sky, Mode::Apply);
    for goes in [old, "alb.public.listener.old.rule.10"] {
        assert_eq!(need(&plan, (Delete, goes), (Update, "cloudfront.site")), Some(Need::Ready), "{goes}");
    }
    finish(sky, &plan, &stack);
}

#[test]
fn a_distribution_asks_another_port_of_its_load_balancer_when_it_is_let_in_and_answered_there() {
    let new = "alb.public.listener.new";
    let (before, mut stack) = (course(), course());
    let mut site = cloudfront(&of("alb.public", "dns_name"));
    site.origins.values_mut().for_each(|origin| origin.http_port = 8080);
    add(&mut stack, "cloudfront.site", site);
    add(&mut stack, "alb.public.listener.http", listener("alb.public", 80, fixed(403)));
    add(&mut stack, new, listener("alb.public", 8080, fixed(404)));
    add(&mut stack, &format!("{new}.rule.10"), rule(new, 10, forward("target_group.api")));
    add(&mut stack, "security_group.alb-public", sky::stacks::security_group("alb-public", "10.0.0.0/8"));
    let sky = applied(&before);
    let plan = planned(&stack, &sky, Mode::Apply);
    let asks = (Update, "cloudfront.site");
    for text in [new, "alb.public.listener.new.rule.10"] {
        assert_eq!(need(&plan, asks, (Create, text)), Some(Need::Ready), "{text}");
    }
    assert_eq!(need(&plan, asks, (Verb::Widen, "security_group.alb-public")), Some(Need::Ready));
    assert_eq!(need(&plan, asks, (Update, "alb.public.listener.http")), None);
    finish(sky, &plan, &stack);
}

#[test]
fn a_service_stays_with_the_rule_that_leads_to_it_until_users_are_led_elsewhere_unless_another_needs_its_room()
 {
    let on_instances = |stack: &mut Desired, text: &str| {
        let address = address(text);
        let Resource::Service(mut service) = stack.resources[&address].resource.clone() else {
            panic!("a service")
        };
        service.capacity = [("neap-course-main".to_owned(), StrategyItem { weight: 1, base: 0 })].into();
        add(stack, text, service);
    };
    for (crowded, expected) in [(false, Some(Need::Ready)), (true, None)] {
        let (mut before, mut stack) = (named("alb.public"), named("alb.two"));
        second(&mut stack);
        if crowded {
            on_instances(&mut before, "service.api");
            on_instances(&mut stack, "service.two");
        }
        for gone in ["service.api", "target_group.api", "alb.public.listener.http.rule.10"] {
            stack.resources.remove(&address(gone));
        }
        let sky = applied(&before);
        let plan = planned(&stack, &sky, Mode::Apply);
        assert_eq!(need(&plan, (Delete, "service.api"), (Update, "domain.www")), expected);
        finish(sky, &plan, &stack);
    }
}
