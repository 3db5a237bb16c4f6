//! Keys, types and values that do not fit.

use super::*;

#[test]
fn a_file_needs_its_stack() {
    assert_eq!(told("[ecr.api]", &Options::default()), ["the file has no `[stack]`"]);
    assert_eq!(told("[stack]", &Options::default()), ["1:1 `stack` needs `name`"]);
}

#[test]
fn an_unknown_key_is_told_with_the_nearest_one() {
    check("regin = 'x'", &["3:1 unknown key `regin` in `stack`"]);
    check("[servce.api]", &["3:2 unknown key `servce`"]);
    check_help(
        "[ecr.api]\nkeepImages = 5",
        "keepImages",
        "unknown key",
        &[
            "did you mean `keep_images`?",
            "known keys: `name`, `keep_images`, `tag_mutability`, `scan_on_push`, `encryption`, `kms_key`, `tags`, \
             `protect`",
        ],
    );
    check_help(
        "[cluster.a.capacity]\nspot = 1",
        "spot",
        "",
        &["it has `fargate`, `fargate_spot`; `[cluster.a.instances.spot]` would give it more"],
    );
}

#[test]
fn a_listener_at_the_root_is_sent_to_its_load_balancer() {
    let mistakes = load_with(&stack("[listener.http]"), &Options::default()).expect_err("a mistake");
    assert_eq!(mistakes[0].help[0], "a listener stands in its load balancer: `[alb.NAME.listener.NAME]`");
}

#[test]
fn a_wrong_type_is_told_with_the_way_out() {
    let service = |line: &str| format!("[cluster.c]\n[service.a]\ncluster = 'c'\n{line}");
    let wrong = |line: &str, mark: &str, label: &str, help: &[&str]| {
        let task = "[task.t.container.c]\nimage = 'x'\n";
        check_help(&format!("{task}{}\ntask = 't'", service(line)), mark, label, help);
    };
    wrong("count = '3'", "'3'", "expected a whole number", &["write it without quotes: `3`"]);
    wrong("count = 1.5", "1.5", "expected a whole number", &[]);
    wrong("exec = 'yes'", "'yes'", "expected a boolean", &["write `true` or `false`, without quotes"]);
    wrong("exec = 'true'", "'true'", "expected a boolean", &["write it without quotes: `true`"]);
    wrong("name = 3", "3", "expected a string", &["write it in quotes: `\"3\"`"]);
    wrong("name = 1979-05-27", "1979-05-27", "expected a string", &["write it in quotes"]);
    let groups = "security_groups = 'sg-1'";
    wrong(groups, "'sg-1'", "expected a list", &["write it in brackets, as a list"]);
    let subnets = ["allowed: `public`, `private`", "or a list"];
    wrong("subnets = 'subnet-1'", "'subnet-1'", "not allowed", &subnets);
    wrong("tags = ['a']", "['a']", "expected a table", &[]);
    wrong("target = 3", "3", "expected a table or a list", &["write it in brackets, as a list"]);
}

#[test]
fn a_table_where_a_list_of_tables_belongs_is_told_with_its_header() {
    check_help(
        "[cloudfront.site.route]\npath = '/*'",
        "[cloudfront.site.route]",
        "expected a list",
        &["each table of a list has a header in double brackets: `[[cloudfront.site.route]]`"],
    );
}

#[test]
fn a_kind_without_a_name_is_told_so() {
    check_help(
        "[ecr]\nkeep_images = 3",
        "3",
        "expected a table",
        &["a resource has a name, and its keys stand under it: `[ecr.NAME]`"],
    );
    check("[ecr]\n[log_group]", &[]);
}

#[test]
fn a_value_that_is_not_allowed_is_told_with_those_that_are() {
    check_help(
        "[ecr.api]\ntag_mutability = 'mutable'",
        "'mutable'",
        "not allowed",
        &["did you mean `MUTABLE`?", "allowed: `MUTABLE`, `IMMUTABLE`"],
    );
    check_help(
        "[cluster.a]\ncapacity = 'fargate-spt'",
        "'fargate-spt'",
        "",
        &[
            "did you mean `fargate_spot`?",
            "it has `fargate`, `fargate_spot`; `[cluster.a.instances.fargate-spt]` would give it more",
        ],
    );
    let task = "[cluster.c]\n[task.t.container.c]\nimage = 'x'\n[service.a]\ncluster = 'c'\ntask = 't'\n";
    check_help(
        &format!("{task}scaling = {{ min = 1, max = 2, step.b = {{ metric = 'cp', above = 1, by = 1 }} }}"),
        "'cp'",
        "not allowed",
        &[
            "did you mean `cpu`?",
            "allowed: `cpu`, `memory`",
            "or a table with `namespace`, `name`, `dimensions`",
        ],
    );
    check("[log_group.a]\nretention = 15", &["4:13 `log_group.a.retention`: `15` is not allowed"]);
    check(
        "[log_group.a]\nretention = 'forever'",
        &["4:13 `log_group.a.retention`: `forever` is not allowed"],
    );
    check("[log_group.a]\nretention = 'never-expire'\n[log_group.b]\nretention = 14", &[]);
}

#[test]
fn a_number_out_of_range_is_told_with_the_range() {
    check_help("[ecr.a]\nkeep_images = 0", "0", "must be between 1 and 1000", &[]);
    check("[ecr.a]\nkeep_images = -1", &["4:15 `ecr.a.keep_images`: -1 is out of range"]);
    check(
        "[ecr.a]\nkeep_images = 99999999999999999999",
        &["4:15 `99999999999999999999` is too large for a whole number"],
    );
    check("[ecr.a]\nkeep_images = 0x10\n[ecr.b]\nkeep_images = 1_0", &[]);
    check_help(
        "[task.t.container.c]\nimage = 'x'\nulimits = { nofile = { soft = 1, hard = 3_000_000_000 } }",
        "3_000_000_000",
        "must be between -2147483648 and 2147483647",
        &[],
    );
}

#[test]
fn a_missing_key_is_told_at_its_table() {
    check("[service.api]\ncluster = 'x'", &["3:1 `service.api` needs `task`"]);
    check_help(
        "[target_group.api]",
        "[target_group.api]",
        "`port` is missing",
        &[
            "`port`: The port of its targets. A service registers its tasks with their own port, and the group keeps the one that it \
             was made with.",
        ],
    );
    check(
        "[cluster.a]\ncapacity = { fargate = { base = 1 } }",
        &["4:24 `cluster.a.capacity.fargate` needs `weight`"],
    );
    check(
        "[[alb.a.listener.http.rule]]\npriority = 1\n[alb.a.listener.http]\nport = 80\ndefault = {}",
        &["3:1 `alb.a.listener.http.rule[0]` needs `when`"],
    );
}

#[test]
fn a_text_that_does_not_fit_is_told_in_words() {
    check_help("account = '12'", "'12'", "must be twelve digits", &[]);
    assert_eq!(
        told("[stack]\nname = 'My Stack'", &Options::default()),
        ["2:8 `stack.name`: `My Stack` does not fit"]
    );
    check(
        "[security_group.a]\ningress = [{ port = 'x', peer = 'self' }]",
        &["4:21 `security_group.a.ingress[0].port`: `x` does not fit"],
    );
}

#[test]
fn a_text_that_is_too_long_is_told_with_its_limit() {
    let text = format!(
        "[alb.a.listener.h]\nport = 80\ndefault = {{ fixed_response = {{ status = 200, body = '{}' }} }}",
        "é".repeat(1025)
    );
    check(&text, &["5:53 `alb.a.listener.h.default.fixed_response.body`: the text is too long"]);
    check(&text.replacen('é', "", 1), &[]);
}

#[test]
fn a_list_that_needs_a_value_is_told_when_it_is_empty() {
    check(
        "[[role.a.statement]]\nactions = []\nresources = ['*']",
        &["4:11 `role.a.statement[0].actions`: the list is empty"],
    );
}

#[test]
fn names_are_checked_where_they_become_names_in_aws() {
    check_help(
        "[ecr.API]",
        "API",
        "must be 1 to 40 lower-case letters, digits, `-` and `_`",
        &["did you mean `api`?"],
    );
    check("[ecr.\"\"]", &["3:6 `` cannot be a name"]);
    check("[task.t.container.\"a b\"]\nimage = 'x'", &["3:19 `a b` cannot be a name"]);
    check("[task.t.container.Web]\nimage = 'x'", &[]);
    check(
        "[alb.a.listener.\"ä\"]\nport = 80\ndefault = { fixed_response = { status = 404 } }",
        &["3:17 `ä` cannot be a name"],
    );
    check("[env.\"Prod!\".ecr.a]", &["3:6 `Prod!` cannot be a name"]);
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    check(
        "x = 1\n[service.b]\ncount = 'a'\n[ecr.a]\nkeep_images = 0\n[log_group.C]\n",
        &[
            "3:1 unknown key `x` in `stack`",
            "4:1 `service.b` needs `cluster`",
            "4:1 `service.b` needs `task`",
            "5:9 `service.b.count`: expected a whole number, found a string",
            "7:15 `ecr.a.keep_images`: 0 is out of range",
            "8:12 `C` cannot be a name",
        ],
    );
}
