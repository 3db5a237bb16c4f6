//! What ACM and Route 53 do and refuse: certificates wait for their records, and are deleted by nobody who still needs them.

use std::collections::BTreeMap;
use std::time::Duration;

use neap_core::kinds::{Certificate, Cloudfront, Domain, KindOf, Listener, ViewerCertificate};
use neap_core::live::Outputs;
use neap_engine::cloud::{Cloud, ErrorKind, Progress};
use neap_sim::Sim;

use crate::stack::{
    alb, create, distribution, facts, listener, live, must_create, not_found, refused, resource,
    security_group,
};

const AT: &str = "certificate.site";

fn certificate(domain: &str, zone: Option<&str>) -> Certificate {
    let validated_in = zone.map(|zone| (domain.to_owned(), zone.to_owned()));
    Certificate {
        region: "us-east-1".into(),
        domain: domain.into(),
        alternative_names: [].into(),
        key_algorithm: "RSA_2048".into(),
        validated_in: validated_in.into_iter().collect(),
    }
}

/// Looks until it is ready or failed, or for so long.
async fn settle(sim: &Sim, fields: &Certificate, outputs: &Outputs, most: u64) -> Progress {
    let desired = resource(AT, fields.clone());
    let mut last = Progress::Pending(String::new());
    for _ in 0..most / 10 {
        last = sim.ready(&desired, outputs).await.expect("a look");
        if !matches!(last, Progress::Pending(_)) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    last
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_issued_once_its_record_is_in_its_zone() {
    let sim = Sim::in_memory();
    let wanted = certificate("example.com", Some("Z1"));
    let outputs = must_create(&sim, &resource(AT, wanted.clone())).await;
    let first = sim.ready(&resource(AT, wanted.clone()), &outputs).await.expect("a look");
    assert!(matches!(&first, Progress::Pending(detail) if detail.contains("CNAME")), "{first:?}");
    assert_eq!(sim.counts().get("route53:ChangeResourceRecordSets"), None, "the record is not known yet");
    assert_eq!(settle(&sim, &wanted, &outputs, 600).await, Progress::Done);
    assert_eq!(sim.counts()["route53:ChangeResourceRecordSets"], 1);
}

#[tokio::test(start_paused = true)]
async fn two_certificates_for_one_domain_share_a_record() {
    let sim = Sim::in_memory();
    let both = Certificate {
        alternative_names: ["*.example.com".to_owned()].into(),
        validated_in: ["example.com", "*.example.com"].map(|name| (name.to_owned(), "Z1".to_owned())).into(),
        ..certificate("example.com", None)
    };
    let outputs = must_create(&sim, &resource(AT, both.clone())).await;
    assert_eq!(settle(&sim, &both, &outputs, 600).await, Progress::Done);
    assert_eq!(sim.counts()["route53:ChangeResourceRecordSets"], 1);
    let second = certificate("example.com", Some("Z1"));
    let outputs = must_create(&sim, &resource("certificate.other", second.clone())).await;
    assert_eq!(settle(&sim, &second, &outputs, 600).await, Progress::Done);
    assert_eq!(sim.counts()["route53:ChangeResourceRecordSets"], 1, "it is there already");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_without_its_record_waits_for_three_days_and_is_given_up() {
    let sim = Sim::in_memory();
    let wanted = certificate("example.com", None);
    let outputs = must_create(&sim, &resource(AT, wanted.clone())).await;
    assert!(matches!(settle(&sim, &wanted, &outputs, 7200).await, Progress::Pending(_)));
    tokio::time::sleep(Duration::from_hours(72)).await;
    assert_eq!(settle(&sim, &wanted, &outputs, 10).await, Progress::Failed("VALIDATION_TIMED_OUT".into()));
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_lets_amazon_issue_nothing_gets_no_certificate() {
    let sim = Sim::in_memory();
    sim.seed("[[caa]]\nname = \"example.com\"").expect("a script");
    let wanted = certificate("example.com", Some("Z1"));
    let outputs = must_create(&sim, &resource(AT, wanted.clone())).await;
    let expected = Progress::Failed(Certificate::failure("FAILED: CAA_ERROR"));
    assert_eq!(settle(&sim, &wanted, &outputs, 600).await, expected);
}

#[tokio::test(start_paused = true)]
async fn nothing_tells_a_request_from_its_repetition() {
    let sim = Sim::in_memory();
    let wanted = resource(AT, certificate("example.com", Some("Z1")));
    let (first, second) = (must_create(&sim, &wanted).await, must_create(&sim, &wanted).await);
    assert_ne!(first["arn"], second["arn"]);
    let found = sim.created(&wanted, &wanted.spec()).await.expect("a look").expect("one of them");
    assert!(found == first || found == second);
    assert_eq!(sim.created(&wanted, "another").await.expect("a look"), None);
}

#[tokio::test(start_paused = true)]
async fn a_listener_takes_an_issued_certificate_and_keeps_it() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = must_create(&sim, &resource("security_group.a", security_group("a", &facts.vpc))).await;
    let balancer = resource("alb.public", alb("public", &facts, &group["id"]));
    let balancer = must_create(&sim, &balancer).await;
    let wanted = certificate("example.com", Some("Z1"));
    let desired = resource(AT, wanted.clone());
    let outputs = must_create(&sim, &desired).await;
    let mut listener = listener(&balancer["arn"], 443, not_found());
    listener.protocol = "HTTPS".into();
    listener.certificate = Some(outputs["arn"].clone());
    let at = "alb.public.listener.https";
    refused(
        create(&sim, &resource(at, listener.clone())).await,
        ErrorKind::Invalid,
        "UnsupportedCertificate",
    );
    assert_eq!(settle(&sim, &wanted, &outputs, 600).await, Progress::Done);
    let made = must_create(&sim, &resource(at, listener.clone())).await;
    let live_certificate = live(&desired, &outputs);
    refused(sim.delete(&live_certificate).await, ErrorKind::InUse, "ResourceInUseException");
    sim.delete(&live(&resource(at, listener.clone()), &made)).await.expect("a listener goes");
    sim.delete(&live_certificate).await.expect("nobody uses it any more");
    sim.delete(&live_certificate).await.expect("gone is gone");
    refused(create(&sim, &resource(at, listener)).await, ErrorKind::NotFound, "CertificateNotFound");
}

/// A certificate that this account did not ask for here.
fn theirs(number: usize) -> String {
    format!("arn:aws:acm:us-east-1:123456789012:certificate/{number}")
}

/// A listener of HTTPS with the first of [`theirs`] and these others.
fn https(balancer: &str, others: impl IntoIterator<Item = usize>) -> Listener {
    Listener {
        protocol: "HTTPS".into(),
        certificate: Some(theirs(0)),
        ssl_policy: Some("ELBSecurityPolicy-2016-08".into()),
        extra_certificates: others.into_iter().map(theirs).collect(),
        ..listener(balancer, 443, not_found())
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_serves_each_name_while_its_certificates_change() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = must_create(&sim, &resource("security_group.a", security_group("a", &facts.vpc))).await;
    let balancer = must_create(&sim, &resource("alb.public", alb("public", &facts, &group["id"]))).await;
    let at = "alb.public.listener.https";
    let wanted = resource(at, https(&balancer["arn"], [1, 2]));
    let outputs = must_create(&sim, &wanted).await;
    sim.forget_calls();
    // The default one becomes one of the others, and one of those the default.
    let swapped = Listener { certificate: Some(theirs(1)), ..https(&balancer["arn"], [0, 3]) };
    let swapped = resource(at, swapped);
    sim.update(&live(&wanted, &outputs), &swapped, &swapped.spec()).await.expect("a change");
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    let of_elb = |call: &str| format!("elasticloadbalancing:{call}");
    let expected = [
        "AddListenerCertificates",
        "AddListenerCertificates",
        "ModifyListener",
        "RemoveListenerCertificates",
    ];
    assert_eq!(calls[..4], expected.map(of_elb));
    let shown = sim.resources().into_iter().find(|live| live.address.to_string() == at).expect(at);
    assert_eq!(shown.resource, swapped.resource);
    // Without TLS it has none, and what it has goes first.
    let plain = resource(at, listener(&balancer["arn"], 443, not_found()));
    sim.update(&live(&swapped, &outputs), &plain, &plain.spec()).await.expect("a change");
    let shown = sim.resources().into_iter().find(|live| live.address.to_string() == at).expect(at);
    assert_eq!(shown.resource, plain.resource);
}

#[tokio::test(start_paused = true)]
async fn a_certificate_that_a_listener_has_beside_its_default_one_stays() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = must_create(&sim, &resource("security_group.a", security_group("a", &facts.vpc))).await;
    let balancer = must_create(&sim, &resource("alb.public", alb("public", &facts, &group["id"]))).await;
    let wanted = certificate("example.com", Some("Z1"));
    let desired = resource(AT, wanted.clone());
    let outputs = must_create(&sim, &desired).await;
    let extra =
        Listener { extra_certificates: [outputs["arn"].clone()].into(), ..https(&balancer["arn"], []) };
    let at = "alb.public.listener.https";
    let early = create(&sim, &resource(at, extra.clone())).await;
    refused(early, ErrorKind::Invalid, "UnsupportedCertificate");
    assert_eq!(settle(&sim, &wanted, &outputs, 600).await, Progress::Done);
    must_create(&sim, &resource(at, extra)).await;
    refused(sim.delete(&live(&desired, &outputs)).await, ErrorKind::InUse, "ResourceInUseException");
}

#[tokio::test(start_paused = true)]
async fn the_listeners_of_a_load_balancer_have_25_certificates_beside_their_default_ones() {
    let sim = Sim::in_memory();
    let facts = facts(&sim).await;
    let group = must_create(&sim, &resource("security_group.a", security_group("a", &facts.vpc))).await;
    let balancer = must_create(&sim, &resource("alb.public", alb("public", &facts, &group["id"]))).await;
    must_create(&sim, &resource("alb.public.listener.https", https(&balancer["arn"], 1..=20))).await;
    let second = Listener { port: 8443, ..https(&balancer["arn"], 1..=6) };
    let refusal = create(&sim, &resource("alb.public.listener.two", second)).await;
    refused(refusal, ErrorKind::Quota, "TooManyCertificates");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_has_ten_names_and_a_first_one_of_64_characters() {
    let sim = Sim::in_memory();
    let names = (0..10).map(|number| format!("{number}.example.com")).collect();
    let many = Certificate { alternative_names: names, ..certificate("example.com", None) };
    refused(create(&sim, &resource(AT, many)).await, ErrorKind::Quota, "LimitExceededException");
    let long = certificate(&format!("{}.example.com", "a".repeat(60)), None);
    refused(create(&sim, &resource(AT, long)).await, ErrorKind::Invalid, "InvalidParameterException");
    let none = Certificate { validated_in: BTreeMap::new(), ..certificate("example", None) };
    refused(create(&sim, &resource(AT, none)).await, ErrorKind::Invalid, "InvalidParameterException");
}

/// A distribution that answers for `app.example.com` with this certificate.
fn site(certificate: &str) -> Cloudfront {
    Cloudfront {
        aliases: ["app.example.com".to_owned()].into(),
        certificate: Some(ViewerCertificate {
            arn: certificate.into(),
            minimum_protocol: "TLSv1.2_2021".into(),
            support: "sni-only".into(),
        }),
        ..distribution("www.example.com")
    }
}

const THEIRS: &str = "arn:aws:acm:us-east-1:123456789012:certificate/theirs";

#[tokio::test(start_paused = true)]
async fn a_distribution_answers_for_names_that_its_certificate_is_for() {
    let sim = Sim::in_memory();
    let at = "cloudfront.site";
    let code = "InvalidViewerCertificate";
    let bare = Cloudfront { certificate: None, ..site(THEIRS) };
    refused(create(&sim, &resource(at, bare)).await, ErrorKind::Invalid, code);
    let elsewhere = site(&THEIRS.replace("us-east-1", "eu-west-1"));
    refused(create(&sim, &resource(at, elsewhere)).await, ErrorKind::Invalid, code);
    let other = certificate("example.com", Some("Z1"));
    let outputs = must_create(&sim, &resource(AT, other.clone())).await;
    refused(create(&sim, &resource(at, site(&outputs["arn"]))).await, ErrorKind::NotYet, code);
    assert_eq!(settle(&sim, &other, &outputs, 600).await, Progress::Done);
    refused(create(&sim, &resource(at, site(&outputs["arn"]))).await, ErrorKind::Invalid, code);
    must_create(&sim, &resource(at, site(THEIRS))).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_leads_to_one_distribution_of_all_accounts() {
    let sim = Sim::in_memory();
    let second = Cloudfront { caller_reference: "second".into(), ..site(THEIRS) };
    must_create(&sim, &resource("cloudfront.site", site(THEIRS))).await;
    refused(
        create(&sim, &resource("cloudfront.two", second)).await,
        ErrorKind::Conflict,
        "CNAMEAlreadyExists",
    );
    let sim = Sim::in_memory();
    sim.seed("[[taken]]\nalias = \"app.example.com\"").expect("a script");
    let answer = create(&sim, &resource("cloudfront.site", site(THEIRS))).await;
    refused(answer, ErrorKind::Conflict, "CNAMEAlreadyExists");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_somebody_has_is_not_taken_over_and_leads_only_to_what_is_there() {
    let sim = Sim::in_memory();
    let made = must_create(&sim, &resource("cloudfront.site", site(THEIRS))).await;
    let domain = Domain { name: "app.example.com".into(), zone: "Z1".into(), ..Domain::example() };
    let domain = Domain { target: made["domain_name"].clone(), ..domain };
    let nowhere = Domain { target: "nothing.cloudfront.net".into(), ..domain.clone() };
    refused(create(&sim, &resource("domain.app", nowhere)).await, ErrorKind::Invalid, "InvalidChangeBatch");
    let first = must_create(&sim, &resource("domain.app", domain.clone())).await;
    assert_eq!(must_create(&sim, &resource("domain.app", domain.clone())).await, first);
    refused(create(&sim, &resource("domain.two", domain)).await, ErrorKind::Conflict, "InvalidChangeBatch");
}
