//! Mistakes of meaning at their places, beside mistakes of shape.

use super::*;

const SERVICE: &str =
    "[cluster.main]\n[service.web]\ncluster = 'mian'\ntask = 'web'\n[task.web.container.a]\nimage = 'x'\n";

#[test]
fn a_mistake_of_meaning_is_marked_at_its_value() {
    check_help(SERVICE, "'mian'", "", &["did you mean `main`?"]);
}

#[test]
fn shape_and_meaning_are_told_together_where_they_do_not_meet() {
    let mistakes = told(&stack(&format!("{SERVICE}[ecr.other]\nkeep_images = 0\n")), &Options::default());
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes[0].starts_with("5:11 "), "{mistakes:?}");
    assert_eq!(mistakes[1], "10:15 `ecr.other.keep_images`: 0 is out of range");
}

#[test]
fn a_wrong_table_is_not_told_as_missing_where_it_is_used() {
    check(
        "[cluster.main]\nx = 1\n[service.web]\ncluster = 'main'\ntask = 'web'\n[task.web.container.a]\nimage = 'x'",
        &["4:1 unknown key `x` in `cluster.main`"],
    );
    check("[ecr.api]\nx = 1\n[output]\nuri = '${ecr.api}'", &["4:1 unknown key `x` in `ecr.api`"]);
    check(
        "[alb.public.listener.http]\nport = 80\nx = 1\ndefault = { forward = 'api' }\n[target_group.api]\nport = 80\n\
         [cluster.main]\n[task.web.container.a]\nimage = 'x'\nport = 80\n\
         [service.web]\ncluster = 'main'\ntask = 'web'\ntarget = { group = 'api' }",
        &["5:1 unknown key `x` in `alb.public.listener.http`"],
    );
    check(
        "[var.a]\ndefault = 'web'\nx = 1\n[ecr.api]\nname = '${var.a}'",
        &["5:1 unknown key `x` in `var.a`"],
    );
}

#[test]
fn a_mistake_in_a_list_is_marked_at_its_item() {
    let text = "\
[alb.public.listener.http]
port = 80
default = { fixed_response = { status = 404 } }
[[alb.public.listener.http.rule]]
priority = 1
when = { path = ['/a'] }
fixed_response = { status = 200 }
[[alb.public.listener.http.rule]]
priority = 2
when = { path = ['/b'] }
forward = 'nothing'
";
    let mistakes = told(&stack(text), &Options::default());
    assert!(matches!(mistakes.as_slice(), [only] if only.starts_with("13:11 ")), "{mistakes:?}");
}

#[test]
fn a_mistake_about_a_whole_table_is_marked_at_its_name() {
    check_help(
        "[cluster.main]\n[task.web]\n[service.api]\ncluster = 'main'\ntask = 'web'\n",
        "web",
        "",
        &["add a table `[task.web.container.app]` with an `image`"],
    );
}

#[test]
fn a_misspelt_region_is_told_and_a_new_one_is_warned_of() {
    let load = |region: &str, option: Option<&str>| {
        let options = Options { region: option.map(str::to_owned), ..Options::default() };
        load_with(&stack(&format!("region = \"{region}\"\n")), &options)
    };
    let told = |region: &str, option: Option<&str>| {
        let mistakes = load(region, option).expect_err("a mistake");
        let [mistake] = mistakes.as_slice() else { panic!("{mistakes:#?}") };
        (mistake.message.clone(), mistake.line, mistake.help.clone())
    };
    let meant = vec!["did you mean `eu-west-1`?".to_owned()];
    assert_eq!(told("eu-wst-1", None), ("`eu-wst-1` is not a region".to_owned(), 3, meant.clone()));
    let option = ("`--region eu-wst-1` is not a region".to_owned(), 0, meant);
    assert_eq!(told("eu-west-1", Some("eu-wst-1")), option);
    let warned = |region: &str, option: Option<&str>| {
        let warnings = load(region, option).expect("a stack").warnings;
        warnings.into_iter().map(|warning| (warning.message, warning.line)).collect::<Vec<_>>()
    };
    assert_eq!(warned("eu-west-1", None), []);
    let message = "neap does not know the region `eu-west-9`".to_owned();
    assert_eq!(warned("eu-west-9", None), [(message.clone(), 3)]);
    assert_eq!(warned("eu-west-1", Some("eu-west-9")), [(message, 0)]);
}
