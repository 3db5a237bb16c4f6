//! Names, tags, regions and what a stack says about itself.

use super::*;
use crate::desired::Network;

#[test]
fn tags_are_the_stacks_and_the_resources_over_them() {
    let text =
        STACK.replace("name = \"course\"", "name = \"course\"\ntags = { team = \"infra\", tier = \"x\" }");
    let desired =
        lower_text(&text.replace("[ecr.api]", "[ecr.api]\ntags = { tier = \"y\" }")).expect("no mistakes");
    let tags = |address: &str| {
        let tags = &resource(&desired, address).tags;
        tags.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(tags("ecr.api"), "neap:address=ecr.api neap:stack=course team=infra tier=y");
    assert_eq!(
        tags("alb.public.listener.http"),
        "neap:address=alb.public.listener.http neap:stack=course team=infra tier=x"
    );
    assert_eq!(
        tags("log_group.task-api"),
        "neap:address=log_group.task-api neap:stack=course team=infra tier=x",
        "implied resources have the stack's"
    );
    assert_eq!(
        tags("role.task-api-execution"),
        "neap:address=role.task-api-execution neap:region=${aws.region} neap:stack=course team=infra tier=x",
        "what is global says where its stack is"
    );
}

#[test]
fn tags_that_aws_or_neap_keep_are_refused() {
    let tags = |tags: &str| edited("[ecr.api]", &format!("[ecr.api]\ntags = {{ {tags} }}"));
    check_mistakes(
        &tags("\"aws:x\" = \"1\", \"neap:y\" = \"1\""),
        &[
            "ecr.api.tags.aws:x: tag keys that begin with `aws:` belong to AWS",
            "ecr.api.tags.neap:y: tag keys that begin with `neap:` belong to neap",
        ],
    );
    check_mistakes(
        &tags("a = \"b<c\""),
        &[
            "ecr.api.tags.a: the value of the tag `a` holds `<`; tags take letters, digits, spaces and `+ - = . _ : / @`",
        ],
    );
    check_mistakes(
        &tags("a = \"${cluster.main.arn}\""),
        &["ecr.api.tags.a: `${cluster.main.arn}` cannot stand here"],
    );
    let many: Vec<String> = (0..48).map(|index| format!("t{index} = \"\"")).collect();
    check_mistakes(
        &tags(&many.join(", ")),
        &["ecr.api.tags: 48 tags are too many: AWS takes 50, three of which are neap's"],
    );
    let text = STACK.replace("name = \"course\"", "name = \"course\"\ntags = { Team = \"a\", team = \"b\" }");
    check_mistakes(&text, &["stack.tags.team: the tag `team` is there twice, in another case"]);
}

#[test]
fn names_are_made_of_stack_and_name() {
    let desired = with("");
    let name = |address: &str| resource(&desired, address).resource.aws_name().to_owned();
    assert_eq!(name("ecr.api"), "course-api");
    assert_eq!(name("cluster.main"), "course-main");
    assert_eq!(name("log_group.task-api"), "/neap/course/task-api");
    assert_eq!(name("role.task-api-execution"), "course-task-api-execution");
    assert_eq!(name("security_group.service-api"), "course-service-api");
    assert!(name("alb.public").starts_with("course-public-"), "{}", name("alb.public"));
    assert!(name("target_group.api").len() <= 32);
    assert!(desired.resources.values().all(|resource| !resource.delete_first));
}

#[test]
fn a_stack_is_not_called_what_aws_keeps_for_ids_of_groups() {
    let text = STACK.replace("\"course\"", "\"sg\"");
    let implied = "stack.name: `security_group.alb-public` would be called `sg-alb-public`, which begins with `sg-`, which AWS keeps for itself";
    check_mistakes(&text, &[implied]);
    let own = "[stack]\nname = \"sg\"\n[security_group.x]\n";
    let declared =
        "security_group.x: its name would be `sg-x`, which begins with `sg-`, which AWS keeps for itself";
    check_mistakes(own, &[declared]);
    lower_text(&own.replace("[security_group.x]", "[ecr.x]")).expect("no group, no mistake");
}

#[test]
fn a_chosen_name_is_taken_and_deletes_first() {
    let desired = lower_text(&edited("[ecr.api]", "[ecr.api]\nname = \"shared/api\"")).expect("no mistakes");
    assert_eq!(resource(&desired, "ecr.api").resource.aws_name(), "shared/api");
    assert!(resource(&desired, "ecr.api").delete_first);
}

#[test]
fn a_group_that_cannot_change_in_place_gets_another_name() {
    let name = |text: &str| {
        let desired = lower_text(text).expect("no mistakes");
        resource(&desired, "target_group.api").resource.aws_name().to_owned()
    };
    let before = name(STACK);
    assert_eq!(before, name(&edited("port = 3000\n\n[alb", "port = 3000\nslow_start = 30\n\n[alb")));
    assert_eq!(before, name(&edited("port = 3000\n\n[alb", "port = 3001\n\n[alb")));
    assert_ne!(before, name(&edited("port = 3000\n\n[alb", "port = 3000\nprotocol = \"HTTPS\"\n\n[alb")));
    assert_ne!(before, name(&format!("{STACK}\n[network]\nvpc = \"vpc-1\"\n")));
}

#[test]
fn names_that_aws_refuses_are_told() {
    let long = "x".repeat(33);
    check_edited(
        "[target_group.api]",
        &format!("[target_group.api]\nname = \"{long}\""),
        &format!("target_group.api.name: `{long}` has 33 characters, and AWS takes at most 32"),
    );
    check_edited(
        "[cluster.main]",
        "[cluster.main]\nname = \"a${ecr.api.name}\"",
        "cluster.main.name: `${ecr.api.name}` cannot stand here",
    );
    let mistakes = lower_text(&STACK.replace("\"course\"", "\"internal\"")).expect_err("a mistake");
    assert_eq!(mistakes.len(), 1);
    assert!(
        mistakes[0].message.ends_with("begins with `internal-`, which AWS keeps for itself"),
        "{mistakes:?}"
    );
}

#[test]
fn two_resources_cannot_have_one_name() {
    check_more(
        "[ecr.other]\nname = \"course-api\"\n",
        "ecr.other.name: `ecr.other` and `ecr.api` would both be called `course-api`",
    );
    check_more(
        "[role.x]\nname = \"Course-Task-Api-Execution\"\n",
        "role.x.name: `role.x` and `role.task-api-execution` would both be called `Course-Task-Api-Execution`",
    );
}

#[test]
fn keys_that_are_no_names_are_told() {
    check_mistakes(
        "[stack]\nname = \"course\"\n[ecr.Api]\n",
        &[
            "ecr.Api: `Api` cannot be a name",
            "ecr.Api: its name would be `course-Api`, which holds `A`; repositories take lower-case letters, digits and `. _ - /`",
        ],
    );
}

#[test]
fn regions_and_networks_are_checked() {
    let network = |vpc: &str| format!("{STACK}[network]\nvpc = {vpc}\n");
    assert_eq!(with("").network, Network::Default);
    assert_eq!(
        lower_text(&network("\"vpc-0ab\"")).expect("no mistakes").network,
        Network::Id("vpc-0ab".into())
    );
    assert_eq!(
        lower_text(&network("{ name = \"main\" }")).expect("no mistakes").network,
        Network::Name("main".into())
    );
    check_mistakes(&network("\"main\""), &["network.vpc: `main` is not the id of a VPC"]);
    for (region, is_region) in [
        ("eu-west-1", true),
        ("us-gov-east-1", true),
        ("europe", false),
        ("eu-west", false),
        ("EU-west-1", false),
    ] {
        let text = STACK.replace("name = \"course\"", &format!("name = \"course\"\nregion = \"{region}\""));
        assert_eq!(lower_text(&text).is_ok(), is_region, "{region}");
    }
}

#[test]
fn the_command_lines_region_goes_first() {
    let file: StackFile =
        toml::from_str("[stack]\nname = \"course\"\nregion = \"eu-west-1\"").expect("no mistakes");
    assert_eq!(
        lower(&file, "course-prod", None, None, None).expect("no mistakes").region.as_deref(),
        Some("eu-west-1")
    );
    let desired = lower(&file, "course-prod", Some("eu-west-2"), None, None).expect("no mistakes");
    assert_eq!(desired.region.as_deref(), Some("eu-west-2"));
    assert_eq!(desired.stack, "course-prod");
}

#[test]
fn log_groups_and_repositories_are_checked() {
    let desired =
        with("[log_group.a]\nretention = \"never-expire\"\n[log_group.b]\nclass = \"INFREQUENT_ACCESS\"\n");
    assert_eq!(field(&desired, "log_group.a", "retention_days"), Value::Null);
    assert_eq!(field(&desired, "log_group.b", "retention_days"), 14);
    check_more(
        "[log_group.a]\nretention = 10\n",
        "log_group.a.retention: CloudWatch Logs cannot keep events for 10 days",
    );
    check_edited(
        "[ecr.api]",
        "[ecr.api]\nkms_key = \"arn:aws:kms:r:1:key/1\"",
        "ecr.api.kms_key: a key without `encryption = \"KMS\"`",
    );
    check_edited(
        "[ecr.api]",
        "[ecr.api]\nencryption = \"KMS\"\nkms_key = \"mine\"",
        "ecr.api.kms_key: `mine` is not the ARN of a key",
    );
}
