//! Load balancers in shapes that no example has, over HTTP: listeners with certificates for several names.
//!
//! On moto alone: ministack has no certificates beside the default one of a listener.

use std::collections::BTreeSet;

use neap_http_tests::{Emulator, World};
use serde_json::{Value, json};

/// The first names of the certificates of the only listener, the default one first.
fn shown(world: &World) -> Vec<String> {
    let balancers = world.call("elbv2", "describe_load_balancers", &json!({}));
    let arn = &balancers["LoadBalancers"][0]["LoadBalancerArn"];
    let listeners = world.call("elbv2", "describe_listeners", &json!({ "LoadBalancerArn": arn }));
    let arn = &listeners["Listeners"][0]["ListenerArn"];
    let certificates = world.call("elbv2", "describe_listener_certificates", &json!({ "ListenerArn": arn }));
    let name = |certificate: &Value| {
        let asked = json!({ "CertificateArn": certificate["CertificateArn"] });
        let answer = world.call("acm", "describe_certificate", &asked);
        answer["Certificate"]["DomainName"].as_str().unwrap_or_default().to_owned()
    };
    let certificates = certificates["Certificates"].as_array().cloned().unwrap_or_default();
    let (default, others): (Vec<Value>, Vec<Value>) =
        certificates.into_iter().partition(|certificate| certificate["IsDefault"] == true);
    let others: BTreeSet<String> = others.iter().map(name).collect();
    default.iter().map(name).chain(others).collect()
}

fn no_change(world: &World) {
    let plan = world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    assert!(plan.stdout.contains("No changes"), "{}", plan.stdout);
}

#[test]
fn a_listener_has_certificates_for_several_names_on_moto() {
    let world = World::new(Emulator::Moto, "tests/cases/sni/stack.toml");
    for zone in ["example.com", "example.org"] {
        world.call("route53", "create_hosted_zone", &json!({ "Name": zone, "CallerReference": zone }));
    }
    world.edit("region = \"eu-west-1\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), ["example.com", "example.org", "shop.example.com"]);
    no_change(&world);
    // Another default certificate, one replaced, and one that nobody uses any more.
    world.edit(
        "certificate = \"site\"\nextra_certificates = [\"shop\", \"blog\"]",
        "certificate = \"shop\"\nextra_certificates = [\"site\"]",
    );
    world.edit(
        "domain = \"shop.example.com\"\n",
        "domain = \"shop.example.com\"\nalternative_names = [\"www.shop.example.com\"]\n",
    );
    world.edit("[certificate.blog]\ndomain = \"example.org\"\n", "");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), ["shop.example.com", "example.com"]);
    no_change(&world);
    // And without TLS.
    world.edit("port = 443\ncertificate = \"shop\"\nextra_certificates = [\"site\"]\n", "port = 80\n");
    world.neap(&["apply", "--yes"]).expect(0);
    assert_eq!(shown(&world), [""; 0]);
    no_change(&world);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}
