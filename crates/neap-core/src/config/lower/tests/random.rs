//! What holds for every stack, whatever it is called and whatever its strings say.

use proptest::prelude::*;

use super::*;
use crate::address::Kind;
use crate::naming;
use crate::reference::Reference;

/// The stack of the other tests with other names, all of which users may choose.
fn renamed(stack: &str, name: &str, other: &str) -> String {
    STACK
        .replace("\"course\"", &format!("\"{stack}\""))
        .replace("alb.public", &format!("alb.{other}"))
        .replace("cluster.main", &format!("cluster.{other}"))
        .replace("cluster = \"main\"", &format!("cluster = \"{other}\""))
        .replace("ecr.api", &format!("ecr.{name}"))
        .replace("target_group.api", &format!("target_group.{name}"))
        .replace("service.api", &format!("service.{name}"))
        .replace("task.api", &format!("task.{name}"))
        .replace("\"api\"", &format!("\"{name}\""))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn names_fit_whatever_the_user_calls_things(
        stack in "[a-z][a-z0-9-]{0,22}[a-z0-9]",
        name in "[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?",
        other in "[a-z0-9_-]{1,40}",
    ) {
        prop_assume!(!matches!(stack.as_str(), "internal" | "sg") && !stack.starts_with("sg-"));
        prop_assume!(!stack.starts_with("internal-"));
        let desired = lower_text(&renamed(&stack, &name, &other)).expect("no mistakes");
        for (address, resource) in &desired.resources {
            let made = resource.resource.aws_name();
            prop_assert_eq!(naming::refusal(address.kind(), made).filter(|_| !made.is_empty()), None);
        }
    }

    #[test]
    fn every_reference_leads_to_a_resource_and_one_of_its_outputs(
        stack in "[a-z]{2,9}",
        name in "[a-z]{1,9}",
        other in "[a-z]{1,9}",
    ) {
        let desired = lower_text(&renamed(&stack, &name, &other)).expect("no mistakes");
        for resource in desired.resources.values() {
            for (path, reference) in resource.references() {
                if let Reference::Output(address, output) = reference {
                    prop_assert!(desired.resources.contains_key(&address), "{}: {}", path, address);
                    prop_assert!(crate::outputs::names(address.kind()).contains(&output.as_str()));
                }
            }
        }
    }

    #[test]
    fn writing_references_in_full_twice_changes_nothing(text in r"([a-z.$ ]|\$\{|\}|\$\{ecr\.api\}|\$\{var\.x\}|\$\$\{){0,12}") {
        let file: StackFile = toml::from_str("[stack]\nname = \"course\"\n[var.x]\n[ecr.api]\n").expect("a stack");
        let mut lowering = Lowering::new(&file, "course", None, None, None);
        let place = place::Place::of("output", "x");
        let once = lowering.text(&place, &text);
        prop_assert_eq!(lowering.text(&place, &once), once);
    }

    #[test]
    fn no_text_makes_lowering_panic(text in "\\PC{0,40}") {
        // A function of that name stands there already.
        prop_assume!(text != "x");
        let text = Value::from(text).to_string();
        for (from, to) in [
            ("\"${ecr.api}:v1\"", text.clone()),
            ("name = \"course\"", format!("name = \"course\"\nregion = {text}\ntags = {{ {text} = {text} }}")),
            ("cluster = \"main\"", format!("cluster = {text}")),
            ("[ecr.api]", format!("[ecr.{text}]\n[ecr.api]\nname = {text}")),
            ("[cluster.main]", format!("[cluster.main]\n[security_group.x]\ningress = [{{ peer = {text}, description = {text} }}]")),
            ("[cluster.main]", format!("[cluster.main]\n[role.x]\nservice = {text}\nstatement = [{{ actions = [{text}], resources = [{text}] }}]")),
            ("[cluster.main]", format!("[cluster.main]\n[[cloudfront.x.route]]\npath = {text}\norigin = {text}\ncache = {text}\nfunction = {{ viewer_request = {text} }}\n[function.{text}]\ncode = {text}\n[function.x]\nname = {text}\ncode = \"edge.js\"\ncomment = {text}\nkey_value_store = {text}")),
            ("[service.api]", format!("[service.api]\nscaling = {{ min = 1, max = 2, requests_per_target = {{ target = 5, group = {text} }} }}")),
            ("[cluster.main]", format!("[cluster.main]\n[bucket.{text}]\n[bucket.x]\nname = {text}\nfiles = {text}\ncache_control = {{ {text} = {text} }}\nlifecycle = [{{ prefix = {text}, expire_days = 1 }}]\ncors = [{{ origins = [{text}] }}]")),
            ("[cluster.main]", format!("[cluster.main]\n[certificate.x]\ndomain = {text}\nalternative_names = [{text}]\nzone = {text}")),
            ("[cluster.main]", format!("[network]\ncidr = {text}\nzones = [{text}]\npublic = [{text}, {text}]\nprivate = [{text}]\nendpoints = [{text}]\n[cluster.main]")),
            ("[cluster.main]", format!("[cluster.main]\n[domain.x]\nname = {text}\ntarget = {text}\nzone = {text}\n[cloudfront.x]\naliases = [{text}]\ncertificate = {text}")),
            ("[cluster.main]", format!("[cluster.main]\n[namespace.x]\ntype = \"private_dns\"\nname = {text}\ndescription = {text}\n[service.x]\ncluster = {text}\ntask = \"api\"\ndiscovery = {{ namespace = {text}, name = {text}, container = {text} }}\nconnect = {{ namespace = {text}, serve = {{ port = {text}, as = {text}, discovery_name = {text}, tls = {{ authority = {text}, role = {text} }} }} }}\nreaches = [{text}, \"api\"]")),
            ("port = 3000\n\n[alb", format!("port = 3000\nhealth_check = {{ path = {text}, matcher = {text} }}\n[alb")),
        ] {
            let _ = lower_text(&edited(from, &to));
        }
    }
}

#[test]
fn every_kind_is_lowered_from_something() {
    let text = format!(
        "{STACK}discovery = {{}}\nscaling = {{ min = 1, max = 2, cpu = 60 }}\n[[alb.public.listener.http.rule]]\npriority = 1\nwhen = {{ path = [\"/\"] }}\nforward = \"api\"\n[[cloudfront.x.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n[bucket.web]\nfiles = \"web\"\n[nlb.x]\n[clb.x.listener.y]\nport = 80\ninstance_port = 80\n[certificate.site]\ndomain = \"example.com\"\n[domain.api]\nname = \"api.example.com\"\ntarget = \"alb.public\"\n[function.edge]\ncode = \"edge.js\"\n[namespace.main]\ntype = \"private_dns\"\nname = \"shop.internal\"\n"
    );
    let text = format!(
        "{text}[network]\ncidr = \"10.0.0.0/16\"\nprivate = true\nnat = \"one\"\nendpoints = [\"s3\"]\n"
    );
    let desired = lower_text(&text).expect("no mistakes");
    let on_instances = lower_text(&on_instances("")).expect("no mistakes");
    let resources = desired.resources.keys().chain(on_instances.resources.keys());
    let kinds: std::collections::BTreeSet<Kind> = resources.map(Address::kind).collect();
    assert_eq!(kinds, Kind::ALL.into());
}
