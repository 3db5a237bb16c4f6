//! References by name and in strings.

use super::*;

#[test]
fn references_are_written_in_full() {
    let desired = with(
        "[output]\na = \"${ecr.api}\"\nb = \"x${alb.public.arn}y${service.api}\"\nc = \"${alb.public.listener.http}\"\n",
    );
    assert_eq!(desired.outputs["a"], "${ecr.api.uri}");
    assert_eq!(desired.outputs["b"], "x${alb.public.arn}y${service.api.name}");
    assert_eq!(desired.outputs["c"], "${alb.public.listener.http.arn}");
}

#[test]
fn what_is_no_reference_stays_as_it_is() {
    let desired = with(
        "[output]\na = \"${HOME} ${aws:username} $${ecr.api} ${ $\"\nb = \"${aws.region}${network.vpc}\"\n",
    );
    assert_eq!(desired.outputs["a"], "${HOME} ${aws:username} $${ecr.api} ${ $");
    assert_eq!(desired.outputs["b"], "${aws.region}${network.vpc}");
}

#[test]
fn implied_resources_can_be_referred_to() {
    let desired = with("[output]\na = \"${role.task-api-execution}\"\n");
    assert_eq!(desired.outputs["a"], "${role.task-api-execution.arn}");
}

#[test]
fn a_reference_to_nothing_is_told_with_the_nearest_name() {
    check_edited(
        "${ecr.api}",
        "${ecr.apii}",
        "task.api.container.app.image: there is no `ecr.apii` in this stack",
    );
    assert_eq!(help(&edited("${ecr.api}", "${ecr.apii}")), ["did you mean `ecr.api`?"]);
    check_edited("${ecr.api}", "${erc.api}", "task.api.container.app.image: `${erc.api}` refers to nothing");
    assert_eq!(
        help(&edited("${ecr.api}", "${erc.api}")),
        ["did you mean `ecr`?", "for the text itself write `$${erc.api}`"]
    );
    check_edited(
        "${ecr.api}",
        "${aws.regoin}",
        "task.api.container.app.image: `${aws.regoin}` refers to nothing",
    );
    check_edited("${ecr.api}", "${ecr.API}", "task.api.container.app.image: `${ecr.API}` refers to nothing");
}

#[test]
fn an_output_that_a_kind_does_not_have_is_told() {
    check_edited(
        "${ecr.api}",
        "${ecr.api.url}",
        "task.api.container.app.image: `ecr.api` has no output `url`",
    );
    assert_eq!(
        help(&edited("${ecr.api}", "${ecr.api.url}")),
        ["did you mean `uri`?", "`ecr` has `uri`, `arn`, `name`"]
    );
}

#[test]
fn a_variable_that_is_not_declared_is_told() {
    check_edited("${ecr.api}", "${var.image}", "task.api.container.app.image: there is no variable `image`");
}

#[test]
fn a_name_of_nothing_is_told_with_what_there_is() {
    check_edited(
        "cluster = \"main\"",
        "cluster = \"mian\"",
        "service.api.cluster: no `cluster` is called `mian`",
    );
    assert_eq!(help(&edited("cluster = \"main\"", "cluster = \"mian\"")), ["did you mean `main`?"]);
    assert_eq!(help(&edited("cluster = \"main\"", "cluster = \"zebra\"")), ["this stack has `main`"]);
    for long in ["cluster.main", "${cluster.main}", "${cluster.main.arn}"] {
        let text = edited("cluster = \"main\"", &format!("cluster = \"{long}\""));
        assert_eq!(help(&text), ["write the name alone: `main`"]);
    }
}

#[test]
fn a_name_of_the_wrong_kind_says_so() {
    let text = edited("cluster = \"main\"", "cluster = \"api\"");
    check_mistakes(&text, &["service.api.cluster: no `cluster` is called `api`"]);
    let mistakes = lower_text(&text).expect_err("a mistake");
    assert_eq!(
        mistakes[0].label.as_deref(),
        Some("the stack has `ecr.api`, `target_group.api`, `task.api`, `service.api`, of another kind")
    );
}

#[test]
fn circles_are_told_with_the_whole_way() {
    check_edited(
        "port = 3000\n\n[target_group",
        "port = 3000\nenv = { ME = \"${service.api}\" }\n\n[target_group",
        "task.api.container.app.env.ME: these refer to each other in a circle: `task.api` → `service.api` → `task.api`",
    );
    check_more(
        "[security_group.a]\ningress = [{ port = 1, peer = \"b\" }]\n[security_group.b]\ningress = [{ port = 1, peer = \"a\" }]\n",
        "security_group.a.ingress.0.peer: these refer to each other in a circle: \
         `security_group.a` → `security_group.b` → `security_group.a`",
    );
    check_mistakes(
        &edited(
            "[task.api.container.app]",
            "[[task.api.role.statement]]\nactions = [\"ecs:UpdateService\"]\nresources = [\"${service.api.arn}\"]\n[task.api.container.app]",
        ),
        &["task.api.role.statement.0.resources.0: these refer to each other in a circle: \
           `role.task-api` → `service.api` → `role.task-api`"],
    );
}

#[test]
fn thousands_of_mistakes_take_no_time() {
    let service = |index| format!("[service.s{index}]\ncluster = \"c{index}\"\ntask = \"t{index}\"\n");
    let text: String = std::iter::once(STACK.to_owned()).chain((0..3000).map(service)).collect();
    let mistakes = lower_text(&text).expect_err("mistakes");
    assert!(mistakes.len() < 1000, "{}", mistakes.len());
}
