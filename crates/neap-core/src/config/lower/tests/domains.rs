//! Names in DNS, and the names and certificates of distributions.

use serde_json::json;

use super::*;

/// [`STACK`] with a distribution and a certificate for it; both with more keys.
fn site(keys: &str, certificate: &str) -> String {
    format!(
        "{STACK}\n[cloudfront.site]\n{keys}\n[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"alb.public\"\n\n\
         [certificate.site]\ndomain = \"example.com\"\n{certificate}\n"
    )
}

const OWN: &str = "aliases = [\"www.example.com\"]\ncertificate = \"site\"";
const WILD: &str = "alternative_names = [\"*.example.com\"]";

#[test]
fn a_distribution_answers_for_names_of_ones_own_with_a_certificate_where_cloudfront_takes_it() {
    let desired = lower_text(&site(OWN, WILD)).expect("no mistakes");
    assert_eq!(field(&desired, "cloudfront.site", "aliases"), json!(["www.example.com"]));
    let expected = json!({ "arn": "${certificate.site.arn}", "minimum_protocol": "TLSv1.2_2021", "support": "sni-only" });
    assert_eq!(field(&desired, "cloudfront.site", "certificate"), expected);
    assert_eq!(field(&desired, "certificate.site", "region"), "us-east-1");
    let newer = site(&format!("{OWN}\nminimum_protocol_version = \"TLSv1.3_2025\""), WILD);
    let newer = lower_text(&newer).expect("no mistakes");
    assert_eq!(field(&newer, "cloudfront.site", "certificate.minimum_protocol"), "TLSv1.3_2025");
}

#[test]
fn names_that_cloudfront_would_refuse_are_told() {
    let expect = |keys: &str, certificate: &str, expected: &str| {
        check_mistakes(&site(keys, certificate), &[&format!("cloudfront.site.{expected}")]);
    };
    expect("aliases = [\"www.example.com\"]", "", "aliases: aliases without a certificate");
    expect(OWN, "", "aliases: `certificate.site` is not for `www.example.com`");
    expect(
        "minimum_protocol_version = \"TLSv1.2_2021\"",
        "",
        "minimum_protocol_version: a protocol without a certificate",
    );
    expect(
        "certificate = \"arn:aws:acm:eu-west-1:123456789012:certificate/x\"",
        "",
        "certificate: the certificate is in eu-west-1, and CloudFront takes those of us-east-1",
    );
    expect(
        "certificate = \"arn:aws:iam::123456789012:server-certificate/x\"",
        "",
        "certificate: `arn:aws:iam::123456789012:server-certificate/x` is a certificate of IAM",
    );
    let second = "\n[cloudfront.two]\naliases = [\"www.example.com\"]\ncertificate = \"site\"\n[[cloudfront.two.route]]\npath = \"/*\"\norigin = \"alb.public\"";
    check_mistakes(
        &format!("{}{second}", site(OWN, WILD)),
        &["cloudfront.two.aliases.0: `cloudfront.site` answers for `www.example.com` already"],
    );
}

#[test]
fn a_listener_and_a_distribution_share_a_certificate_in_one_region_alone() {
    let both = |region: &str| {
        site(OWN, WILD)
            .replace("port = 80\n", "port = 443\ncertificate = \"site\"\n")
            .replace("name = \"course\"", &format!("name = \"course\"\nregion = \"{region}\""))
    };
    assert!(lower_text(&both("us-east-1")).is_ok());
    check_mistakes(
        &both("eu-west-1"),
        &["certificate.site: `cloudfront.site` and `alb.public.listener.http` cannot share a certificate"],
    );
    let curve = format!("{WILD}\nkey_algorithm = \"EC_secp384r1\"");
    check_mistakes(
        &site(OWN, &curve),
        &["certificate.site.key_algorithm: `cloudfront.site` cannot use a key on this curve"],
    );
}

#[test]
fn a_name_leads_to_a_distribution_or_a_load_balancer() {
    let text = format!(
        "{}\n[domain.www]\nname = \"www.example.com\"\ntarget = \"cloudfront.site\"\n\
         [domain.api]\nname = \"api.example.com\"\ntarget = \"alb.public\"\nzone = \"Z0123\"\n",
        site(OWN, WILD)
    );
    let desired = lower_text(&text).expect("no mistakes");
    let fields = |at: &str| resource(&desired, at).resource.fields();
    let expected = json!({
        "name": "www.example.com", "zone": "${zone_for.www.example.com}", "target": "${cloudfront.site.domain_name}",
        "target_zone": "Z2FDTNDATAQYW2", "ipv6": true,
    });
    assert_eq!(fields("domain.www"), expected);
    let expected = json!({
        "name": "api.example.com", "zone": "${zone.Z0123}", "target": "${alb.public.dns_name}",
        "target_zone": "${alb.public.zone_id}", "ipv6": false,
    });
    assert_eq!(fields("domain.api"), expected);
}

#[test]
fn a_name_that_would_lead_nowhere_is_told() {
    let expect = |target: &str, expected: &str| {
        let domain = format!("\n[domain.www]\nname = \"www.example.org\"\ntarget = \"{target}\"\n");
        check_mistakes(&format!("{}{domain}", site("", "")), &[&format!("domain.www.target: {expected}")]);
    };
    expect("cloudfront.site", "`cloudfront.site` does not answer for `www.example.org`");
    expect("cloudfront.sight", "there is no `cloudfront.sight` in this stack");
    expect("service.api", "`service.api` is a `service`, which no name can lead to");
    expect("public", "`public` is no target");
    check_more(
        "[domain.a]\nname = \"a.example.com\"\ntarget = \"alb.public\"\n\
         [domain.b]\nname = \"a.example.com.\"\ntarget = \"alb.public\"\n",
        "domain.a.name: `domain.a` and `domain.b` would both be called `a.example.com`",
    );
}
