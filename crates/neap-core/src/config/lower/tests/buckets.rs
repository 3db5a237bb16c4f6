//! Buckets: their names, what they keep, and who may read them.

use serde_json::json;

use super::*;

const SITE: &str = "[stack]\nname = \"course\"\n[bucket.web]\n[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n";

#[test]
fn a_buckets_name_ends_in_the_account() {
    let desired = lower_text(SITE).expect("no mistakes");
    assert_eq!(field(&desired, "bucket.web", "name"), "course-web-${aws.account}");
    let web = &desired.resources[&"bucket.web".parse().expect("an address")].resource;
    assert_eq!(desired.name_in(web, "123456789012"), "course-web-123456789012");
    let policy = &desired.resources[&"bucket_policy.web".parse().expect("an address")].resource;
    assert_eq!(desired.name_in(policy, "123456789012"), "course-web-123456789012");
}

#[test]
fn a_long_name_is_cut_so_that_the_account_still_fits() {
    let text = format!("[stack]\nname = \"a-stack-with-a-long-name\"\n[bucket.{}]\n", "b".repeat(40));
    let desired = lower_text(&text).expect("no mistakes");
    let (_, wanted) = desired.resources.iter().next().expect("a bucket");
    assert_eq!(desired.name_in(&wanted.resource, "123456789012").len(), 63);
}

#[test]
fn only_the_distributions_in_front_of_a_bucket_may_read_it() {
    let text =
        format!("{SITE}[bucket.other]\n[[cloudfront.two.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n");
    let desired = lower_text(&text).expect("no mistakes");
    let policy = field(&desired, "bucket_policy.web", "policy.Statement");
    let arns: Vec<&Value> = policy
        .as_array()
        .expect("statements")
        .iter()
        .map(|statement| &statement["Condition"]["StringEquals"]["AWS:SourceArn"])
        .collect();
    assert_eq!(arns, [&json!(["${cloudfront.site.arn}"]), &json!(["${cloudfront.two.arn}"])]);
    assert!(!desired.resources.contains_key(&"bucket_policy.other".parse().expect("an address")));
}

#[test]
fn a_bucket_that_answers_the_rest_has_an_index() {
    let desired = lower_text(SITE).expect("no mistakes");
    assert_eq!(field(&desired, "cloudfront.site", "default_root_object"), "index.html");
    let text = SITE.replace(
        "[[cloudfront.site.route]]",
        "[cloudfront.site]\ndefault_root_object = \"\"\n[[cloudfront.site.route]]",
    );
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "cloudfront.site", "default_root_object"), "");
}

#[test]
fn what_takes_no_tags_has_only_the_two_that_say_whose_it_is() {
    let text = SITE.replace("name = \"course\"", "name = \"course\"\ntags = { team = \"web\" }");
    let desired = lower_text(&text).expect("no mistakes");
    let tags = |at: &str| desired.resources[&at.parse().expect("an address")].tags.len();
    assert_eq!(
        (tags("bucket.web"), tags("bucket_policy.web"), tags("origin_access_control.site")),
        (3, 2, 2)
    );
}
