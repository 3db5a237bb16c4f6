//! Adoption of every kind: what it changes, how things are found, and what the next plan says.

use neap_core::adopt::{ADOPTED, Adoption, Identity, NoAdoption, Verdict, Wish, sought};
use neap_core::config::Secrets;
use neap_core::desired::{Desired, TAG_SPEC};
use neap_core::kinds::SecurityGroup;
use neap_core::plan::{Action, Mode, Plan, Reason, planner};
use neap_engine::adopt::adopt;
use neap_engine::cloud::Cloud;
use neap_sim::Sim;

use crate::stack::{System, address, repository, resource, role, security_group};

async fn judge(sim: &Sim, desired: &Desired, at: &str, id: Option<&str>) -> Result<Verdict, NoAdoption> {
    let (at, secrets) = (address(at), Secrets::default());
    let live = sim.read(desired).await.expect("a reading");
    let wish = Wish { desired, live: &live, address: &at, secrets: &secrets };
    let Some(id) = id else { return wish.judge() };
    let identity = Identity::parse(at.kind(), id).expect("an identity");
    let elsewhere = sim.read(&sought(desired, &at, &identity)).await.expect("a reading");
    wish.judge_identified(&identity, &elsewhere)
}

async fn adoption(sim: &Sim, desired: &Desired, at: &str, id: Option<&str>) -> Adoption {
    match judge(sim, desired, at, id).await {
        Ok(Verdict::Adopt(adoption)) => *adoption,
        other => panic!("{at}: {other:?}"),
    }
}

async fn planned(sim: &Sim, desired: &Desired) -> Plan {
    let live = sim.read(desired).await.expect("a reading");
    planner::plan(desired, &live, Mode::Apply, &Secrets::default()).expect("a plan")
}

/// Takes the tags of everything away.
fn untag_all(sim: &Sim, system: &System) {
    for at in system.desired().resources.keys() {
        sim.seed(&format!("[[untag]]\naddress = \"{at}\"")).expect("a script");
    }
}

#[tokio::test(start_paused = true)]
async fn adopting_each_kind_changes_its_tags_and_nothing_else() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let desired = system.desired();
    let before = sim.resources();
    untag_all(&sim, &system);
    sim.forget_calls();
    let tags = ["TagResource", "AddTags", "CreateTags", "TagRole"];
    for (wanted, _) in &system.parts {
        let at = &wanted.tags["neap:address"];
        let adoption = adoption(&sim, &desired, at, None).await;
        assert_eq!(adoption.next.as_ref().map(|next| next.action), Some(Action::NoOp), "{at}");
        adopt(&sim, &adoption).await.expect(at);
        let changes: Vec<String> =
            sim.calls().into_iter().filter(|call| call.mutating).map(|call| call.operation).collect();
        let only = changes.first().and_then(|only| only.split_once(':')).expect("a call");
        assert!(changes.len() == 1 && tags.contains(&only.1), "{at}: {changes:?}");
        // An answer may be lost, and the call made again.
        adopt(&sim, &adoption).await.expect(at);
        sim.forget_calls();
    }
    assert_eq!(sim.resources(), before, "what is as the stack says gets back the tags that an apply gave it");
    assert!(planned(&sim, &desired).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_differs_is_the_next_applys_business_and_no_drift() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let mut desired = system.desired();
    let fields = neap_core::kinds::Ecr { scan_on_push: false, ..repository("course-api") };
    desired.resources.insert(address("ecr.api"), resource("ecr.api", fields));
    sim.seed("[[untag]]\naddress = \"ecr.api\"").expect("a script");
    let adoption = adoption(&sim, &desired, "ecr.api", None).await;
    assert_eq!(adoption.spec, ADOPTED);
    adopt(&sim, &adoption).await.expect("tags");
    let plan = planned(&sim, &desired).await;
    let change = plan.changes.iter().find(|change| change.action != Action::NoOp).expect("a change");
    assert_eq!((change.action, &change.reason), (Action::Update, &Reason::StackChanged));
    assert_eq!(Some(&change.fields), adoption.next.as_ref().map(|next| &next.fields));
}

#[tokio::test(start_paused = true)]
async fn a_security_group_and_a_distribution_are_found_by_their_id_whatever_their_name() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let desired = system.desired();
    let id = |at: &str| system.part(at).1.id;
    for (at, path, value) in
        [("security_group.all", "name", "legacy"), ("cloudfront.site", "comment", "an old site")]
    {
        sim.seed(&format!("[[set]]\naddress = \"{at}\"\npath = \"{path}\"\nvalue = \"{value}\""))
            .expect("a script");
        sim.seed(&format!("[[untag]]\naddress = \"{at}\"")).expect("a script");
        assert_eq!(judge(&sim, &desired, at, None).await, Err(NoAdoption::Nothing), "{at}");
    }
    let group = adoption(&sim, &desired, "security_group.all", Some(&id("security_group.all"))).await;
    assert!(group.is_replaced(), "a group cannot be renamed");
    let renamed = group.renamed.as_ref().expect("another name");
    assert_eq!((renamed.name.as_str(), renamed.next.action), ("legacy", Action::NoOp));
    let site = adoption(&sim, &desired, "cloudfront.site", Some(&id("cloudfront.site"))).await;
    assert_eq!(site.next.as_ref().map(|next| next.action), Some(Action::Update), "its comment is mended");
    for adoption in [&group, &site] {
        adopt(&sim, adoption).await.expect("tags");
    }
    let plan = planned(&sim, &desired).await;
    let actions: Vec<(String, Action)> = plan
        .changes
        .iter()
        .filter(|change| {
            ["security_group.all", "cloudfront.site"].contains(&change.address.to_string().as_str())
        })
        .map(|change| (change.address.to_string(), change.action))
        .collect();
    assert_eq!(
        actions,
        [
            ("security_group.all".to_owned(), group.next.as_ref().expect("a plan").action),
            ("cloudfront.site".to_owned(), Action::Update)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_has_another_name_is_adopted_for_the_name_that_the_stack_file_should_have() {
    let sim = Sim::in_memory();
    sim.seed("[[foreign]]\nkind = \"ecr\"\nname = \"legacy\"\nfields = { encryption = \"AES256\" }")
        .expect("a script");
    let mut desired = Desired { stack: "course".into(), ..Desired::default() };
    desired.resources.insert(address("ecr.api"), resource("ecr.api", repository("course-api")));
    let legacy = adoption(&sim, &desired, "ecr.api", Some("legacy")).await;
    assert_eq!(legacy.next.as_ref().map(|next| next.action), Some(Action::CreateThenDelete));
    assert_eq!(legacy.renamed.as_ref().map(|renamed| renamed.next.action), Some(Action::NoOp));
    // The stack's own name is taken as well: as the stack file is, there is no plan.
    sim.seed("[[foreign]]\nkind = \"ecr\"\nname = \"course-api\"").expect("a script");
    let both = adoption(&sim, &desired, "ecr.api", Some("legacy")).await;
    assert_eq!((both.next.as_ref(), both.renamed), (None, legacy.renamed.clone()));
    adopt(&sim, &legacy).await.expect("tags");
    // With the name in the stack file nothing is left to do.
    let named = sought(
        &desired,
        &address("ecr.api"),
        &Identity::parse(neap_core::address::Kind::Ecr, "legacy").expect("a name"),
    );
    let plan = planned(&sim, &named).await;
    assert!(plan.is_empty(), "{:?}", plan.changes);
    let live =
        sim.resources().into_iter().find(|found| found.resource.aws_name() == "legacy").expect("it is there");
    assert_eq!(live.tags[TAG_SPEC], named.resources[&address("ecr.api")].spec());
}

#[tokio::test(start_paused = true)]
async fn what_should_not_be_adopted_is_refused() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    let desired = system.desired();
    let refused =
        async |at: &str, id: Option<&str>| judge(&sim, &desired, at, id).await.expect_err("it is refused");
    let verdict = judge(&sim, &desired, "ecr.api", None).await.expect("it is ours");
    assert!(matches!(verdict, Verdict::Already(live) if live.id == "course-api"));
    sim.seed("[[foreign]]\nkind = \"ecr\"\nname = \"legacy\"").expect("a script");
    assert!(
        matches!(refused("ecr.api", Some("legacy")).await, NoAdoption::Occupied(live) if live.id == "course-api")
    );
    let (mut twice, old) = (desired.clone(), desired.resources[&address("ecr.api")].clone());
    twice.resources.remove(&address("ecr.api"));
    twice.resources.insert(address("ecr.web"), old);
    let moved = judge(&sim, &twice, "ecr.web", None).await;
    assert!(
        matches!(&moved, Err(NoAdoption::OwnElsewhere(live)) if live.address == address("ecr.api")),
        "{moved:?}"
    );
}

/// A stack that asks for one repository, and nothing else.
fn one(at: &str, fields: impl Into<neap_core::kinds::Resource>) -> Desired {
    let resources = [(address(at), resource(at, fields))].into();
    Desired { stack: "course".into(), resources, ..Desired::default() }
}

/// Why what a script puts there is not adopted as `at`.
async fn refusal(script: &str, desired: &Desired, at: &str, id: Option<&str>) -> NoAdoption {
    let sim = Sim::in_memory();
    sim.seed(script).expect("a script");
    let before = sim.resources();
    let refusal = judge(&sim, desired, at, id).await.expect_err("it is refused");
    assert_eq!(sim.resources(), before);
    refusal
}

#[tokio::test(start_paused = true)]
async fn another_stacks_is_never_adopted_in_whatever_case_its_tag_is() {
    let desired = one("ecr.api", repository("course-api"));
    for key in ["neap:stack", "Neap:Stack", "NEAP:STACK"] {
        let script = format!(
            "[[foreign]]\nkind = \"ecr\"\nname = \"course-api\"\ntags = {{ \"{key}\" = \"course-two\", \"neap:address\" = \"ecr.api\" }}"
        );
        let refusal = refusal(&script, &desired, "ecr.api", None).await;
        assert!(
            matches!(&refusal, NoAdoption::OtherStack { stack, .. } if stack == "course-two"),
            "{refusal:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_role_outside_of_the_stacks_path_is_not_adopted() {
    let desired = one("role.api", role("course-api"));
    let script = "[[foreign]]\nkind = \"role\"\nname = \"COURSE-api\"\nfields = { path = \"/\" }";
    let expected = NoAdoption::RoleOutside { path: "/".into(), wanted: "/neap/course/".into() };
    assert_eq!(refusal(script, &desired, "role.api", None).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_vpcs_default_group_is_not_adopted() {
    let group = SecurityGroup { vpc: "${network.vpc}".into(), ..security_group("course-all", "") };
    let script = "[[foreign]]\nkind = \"security_group\"\nname = \"default\"";
    let refusal =
        refusal(script, &one("security_group.all", group), "security_group.all", Some("default")).await;
    assert!(matches!(refusal, NoAdoption::Permanent(_)), "{refusal:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_inside_a_foreign_load_balancer_waits_for_it() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    untag_all(&sim, &system);
    let desired = system.desired();
    let parent = |at: &str| NoAdoption::ParentFirst(address(at));
    let listener = "alb.public.listener.http";
    assert_eq!(judge(&sim, &desired, listener, None).await, Err(parent("alb.public")));
    let rule = format!("{listener}.rule.10");
    assert_eq!(judge(&sim, &desired, &rule, None).await, Err(parent(listener)));
}

#[tokio::test(start_paused = true)]
async fn an_arn_means_the_very_one_and_not_its_name() {
    let sim = Sim::in_memory();
    let system = System::create(&sim).await;
    untag_all(&sim, &system);
    let desired = system.desired();
    for at in ["target_group.api", "alb.public", "task.api", "service.api", "cluster.main"] {
        let arn = system.part(at).1.outputs["arn"].clone();
        assert!(judge(&sim, &desired, at, Some(&arn)).await.is_ok(), "{at}");
        let (start, last) = arn.split_at(arn.len() - 1);
        let other = format!("{start}{}", if last == "1" { "2" } else { "1" });
        let judged = judge(&sim, &desired, at, Some(&other)).await;
        assert!(matches!(judged, Err(NoAdoption::Another(_) | NoAdoption::Nothing)), "{other}: {judged:?}");
    }
}
