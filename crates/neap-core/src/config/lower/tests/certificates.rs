//! Certificates: names, regions and the zones that validate them.

use serde_json::json;

use super::*;

/// [`STACK`] with a certificate, whose table has these keys, that its listener uses.
fn used(keys: &str) -> String {
    let listener = edited("port = 80\n", "port = 443\ncertificate = \"site\"\n");
    format!("{listener}\n[certificate.site]\n{keys}\n")
}

#[track_caller]
fn check_certificate(keys: &str, expected: &str) {
    check_mistakes(&used(keys), &[&format!("certificate.site.{expected}")]);
}

#[test]
fn a_listener_names_a_certificate_of_the_stack() {
    let desired = lower_text(&used("domain = \"example.com\"")).expect("no mistakes");
    let at = "alb.public.listener.http";
    assert_eq!(field(&desired, at, "certificate"), "${certificate.site.arn}");
    assert_eq!(field(&desired, at, "protocol"), "HTTPS");
    assert_eq!(field(&desired, "certificate.site", "region"), "${aws.region}");
    assert_eq!(field(&desired, "certificate.site", "key_algorithm"), "RSA_2048");
    let by_reference = used("domain = \"example.com\"").replace("= \"site\"", "= \"${certificate.site}\"");
    let by_reference = lower_text(&by_reference).expect("no mistakes");
    assert_eq!(field(&by_reference, at, "certificate"), "${certificate.site.arn}");
}

#[test]
fn each_name_is_validated_in_its_own_zone_unless_one_is_named() {
    let keys = "domain = \"example.com\"\nalternative_names = [\"*.example.com\", \"example.org\"]\n";
    let zones = |keys: &str| {
        let desired = lower_text(&used(keys)).expect("no mistakes");
        field(&desired, "certificate.site", "validated_in")
    };
    let expected = json!({
        "example.com": "${zone_for.example.com}",
        "*.example.com": "${zone_for.example.com}",
        "example.org": "${zone_for.example.org}",
    });
    assert_eq!(zones(keys), expected);
    assert_eq!(
        zones("domain = \"app.example.com\"\nzone = \"example.com.\""),
        json!({ "app.example.com": "${zone.example.com}" })
    );
    assert_eq!(
        zones("domain = \"app.example.com\"\nzone = \"Z0123\""),
        json!({ "app.example.com": "${zone.Z0123}" })
    );
    check_certificate(
        "domain = \"example.org\"\nzone = \"example.com\"",
        "zone: `example.org` is not in the zone `example.com`",
    );
}

#[test]
fn records_outside_of_the_account_are_left_to_others() {
    let desired =
        lower_text(&used("domain = \"example.com\"\nvalidation = \"outside\"")).expect("no mistakes");
    assert!(resource(&desired, "certificate.site").resource.fields().get("validated_in").is_none());
    assert!(desired.zones().is_empty());
    check_certificate(
        "domain = \"example.com\"\nvalidation = \"outside\"\nzone = \"example.com\"",
        "zone: a hosted zone, and `validation = \"outside\"`",
    );
}

#[test]
fn a_name_that_acm_does_not_take_is_told() {
    check_certificate("domain = \"example\"", "domain: `example` is not a domain name: it has no dot");
    check_certificate("domain = \"Example.com\"", "domain: `Example.com` has capital letters");
    check_certificate(
        "domain = \"example.com\"\nalternative_names = [\"a.*.com\"]",
        "alternative_names.0: `a.*.com` is not a domain name: it has a `*` that is not the whole first label",
    );
    let long = format!("{}.example.com", "a".repeat(60));
    check_certificate(&format!("domain = \"{long}\""), &format!("domain: `{long}` has 72 characters"));
    let reference = "domain: `${alb.public.dns_name}` cannot stand here";
    check_certificate("domain = \"${alb.public.dns_name}\"", reference);
}

#[test]
fn a_certificate_that_nobody_uses_is_in_the_stacks_region() {
    let desired = with("[certificate.site]\ndomain = \"example.com\"\n");
    assert_eq!(field(&desired, "certificate.site", "region"), "${aws.region}");
}

const OUTSIDE: &str = "arn:aws:acm:us-east-1:123456789012:certificate/0123";

/// [`STACK`] with two certificates, whose listener on port 443 has these keys.
fn with_two(keys: &str) -> String {
    let listener = edited("port = 80\n", &format!("port = 443\n{keys}\n"));
    format!(
        "{listener}\n[certificate.site]\ndomain = \"example.com\"\n\n[certificate.shop]\ndomain = \"example.org\"\n"
    )
}

#[test]
fn a_listener_has_certificates_for_other_names_beside_its_own() {
    let keys = format!("certificate = \"site\"\nextra_certificates = [\"shop\", \"{OUTSIDE}\"]");
    let desired = lower_text(&with_two(&keys)).expect("no mistakes");
    let expected = json!(["${certificate.shop.arn}", OUTSIDE]);
    assert_eq!(field(&desired, "alb.public.listener.http", "extra_certificates"), expected);
    assert_eq!(desired.named_certificates(), [OUTSIDE.to_owned()].into());
}

#[test]
fn a_certificate_beside_the_default_one_is_another_and_for_tls() {
    let at = "alb.public.listener.http.extra_certificates";
    check_mistakes(
        &with_two(
            "certificate = \"site\"\nextra_certificates = [\"${certificate.site}\", \"shop\", \"shop\"]",
        ),
        &[
            &format!("{at}.0: `${{certificate.site}}` is the listener's `certificate` already"),
            &format!("{at}.2: `shop` is named twice"),
        ],
    );
    check_mistakes(&with_two("extra_certificates = [\"shop\"]"), &[&format!("{at}: certificates with HTTP")]);
}

#[test]
fn a_certificate_of_a_listener_is_none_of_a_distribution_elsewhere() {
    let keys = "certificate = \"site\"\nextra_certificates = [\"shop\"]";
    let site = "[cloudfront.site]\naliases = [\"example.org\"]\ncertificate = \"shop\"\n\n[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"alb.public\"\n";
    let mistake =
        "certificate.shop: `cloudfront.site` and `alb.public.listener.http` cannot share a certificate";
    check_mistakes(&format!("{}\n{site}", with_two(keys)), &[mistake]);
}
