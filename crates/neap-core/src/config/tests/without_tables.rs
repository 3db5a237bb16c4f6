//! What a destroy still knows of a file with mistakes.

use super::stack;
use crate::config::{Loaded, Options, Source, load_without_tables};

fn without_tables(text: &str, options: &Options) -> Option<Loaded> {
    let text = stack(text);
    load_without_tables(&Source { name: "stack.toml", bytes: text.as_bytes() }, options)
}

/// The addresses that are left of a file.
fn left(text: &str) -> Option<Vec<String>> {
    let loaded = without_tables(text, &Options::default())?;
    Some(loaded.desired.resources.keys().map(ToString::to_string).collect())
}

#[test]
fn mistakes_in_tables_leave_the_stack_alone() {
    for text in [
        "[bucket.x]\nencryption = \"KSM\"",
        "[ecr.api]\nname = \"${var.missing}\"",
        "[var.password]\n[service.api]\ncluster = \"nowhere\"",
        "[buckte.x]\nfoo = 1",
        "[network]\nvpc = \"vpc\"\n[output]\nurl = \"${alb.x.dns_name}\"",
        "[bucket.x]\nkeep = false\nprotect = false\nversioning = \"yes\"",
        "[task.api.container.app.environment]\nprotect = \"x\"\n[ecr.api.tags]\nproject = \"x\"",
    ] {
        assert_eq!(left(text), Some(Vec::new()), "{text}");
    }
}

#[test]
fn what_the_stack_says_of_itself_is_still_true() {
    let text = "account = \"123456789012\"\nregion = \"${var.region}\"\nlock = \"s3://locks/a\"\n[var.region]\ndefault = \
                \"eu-west-1\"\n[var.password]\nsensitive = true\n[ecr.api]\nkeep_images = true\n[env.prod.ecr.b]\nx = 1\n[env.dev]";
    let options = Options {
        environment: Some("prod".into()),
        variables: [("password".to_owned(), "hunter2".to_owned())].into(),
        ..Options::default()
    };
    let loaded = without_tables(text, &options).expect("only tables are wrong");
    let desired = &loaded.desired;
    assert_eq!((desired.stack.as_str(), desired.region.as_deref()), ("course-prod", Some("eu-west-1")));
    assert_eq!(desired.account.as_deref(), Some("123456789012"));
    assert!(format!("{:?}", desired.lock).contains("locks"), "{:?}", desired.lock);
    assert_eq!(loaded.secrets.get("password"), Some("hunter2"));
}

#[test]
fn a_bucket_that_the_file_keeps_stays_although_no_tag_says_so_yet() {
    for text in [
        "[bucket.up]\nkeep = true\nencryption = \"KSM\"",
        "[bucket.up]\nkeep = \"${var.missing}\"",
        "[bucket.up]\nkeeep = true",
        "[buckets.up]\nkeep = true\n[bucket.x]\nfoo = 1",
        "[bucket.up]\nkeep = true\n[ecr.api]\nfoo = 1",
    ] {
        assert_eq!(left(text), Some(vec!["bucket.up".to_owned()]), "{text}");
    }
    let loaded = without_tables("[bucket.up]\nname = \"mine\"\nkeep = true\nfoo = 1", &Options::default());
    let kept = loaded.expect("only tables are wrong").desired.resources.pop_first().expect("a bucket").1;
    assert!(crate::desired::is_kept(&kept.tags));
    assert_eq!(kept.resource.aws_name(), "mine");
}

#[test]
fn what_may_be_protected_or_is_not_known_leaves_nothing_to_go_by() {
    for text in [
        "[ecr.api]\nprotect = true\nfoo = 1",
        "[ecr.api]\nprotected = true",
        "[ecr.api]\nprotect = \"${var.missing}\"",
        "[ecrs.api]\nProtect = 1",
        "[network]\ncidr = \"10.0.0.0/16\"\nprotect = true\nfoo = 1",
        "[bucket]\nkeep = true",
        "acount = \"123456789012\"",
        "region = \"${var.missing}\"",
        "lock = \"s3:/locks\"",
        "[ecr.api",
        "[bucket.up]\nkeep = true\nname = \"No\"",
    ] {
        assert_eq!(left(text), None, "{text}");
    }
    let options = Options { environment: Some("prod".into()), ..Options::default() };
    assert!(without_tables("[env.dev]", &options).is_none(), "another environment would be another stack");
}
