//! Buckets: their names, what they keep, and who may read them.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::config::{Diagnostic, Options, Source, folders, load};
use crate::files::{FolderMistake, Local};
use crate::kinds::Resource;

const SITE: &str = "[stack]\nname = \"course\"\n[bucket.web]\n[[cloudfront.site.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n";

#[test]
fn a_buckets_name_ends_in_the_account() {
    let desired = lower_text(SITE).expect("no mistakes");
    assert_eq!(field(&desired, "bucket.web", "name"), "course-web-${aws.account}");
    let web = &desired.resources[&"bucket.web".parse().expect("an address")].resource;
    assert_eq!(desired.name_in(web, "123456789012"), "course-web-123456789012");
    let policy = &desired.resources[&"bucket_policy.web".parse().expect("an address")].resource;
    assert_eq!(desired.name_in(policy, "123456789012"), "course-web-123456789012");
}

#[test]
fn a_long_name_is_cut_so_that_the_account_still_fits() {
    let text = format!("[stack]\nname = \"a-stack-with-a-long-name\"\n[bucket.{}]\n", "b".repeat(40));
    let desired = lower_text(&text).expect("no mistakes");
    let (_, wanted) = desired.resources.iter().next().expect("a bucket");
    assert_eq!(desired.name_in(&wanted.resource, "123456789012").len(), 63);
}

#[test]
fn only_the_distributions_in_front_of_a_bucket_may_read_it() {
    let text =
        format!("{SITE}[bucket.other]\n[[cloudfront.two.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n");
    let desired = lower_text(&text).expect("no mistakes");
    let policy = field(&desired, "bucket_policy.web", "policy.Statement");
    let arns: Vec<&Value> = policy
        .as_array()
        .expect("statements")
        .iter()
        .map(|statement| &statement["Condition"]["StringEquals"]["AWS:SourceArn"])
        .collect();
    assert_eq!(arns, [&json!(["${cloudfront.site.arn}"]), &json!(["${cloudfront.two.arn}"])]);
    assert!(!desired.resources.contains_key(&"bucket_policy.other".parse().expect("an address")));
}

#[test]
fn a_bucket_that_cloudfront_reads_has_no_key_that_nobody_lets_it_use() {
    let with =
        |keys: &str| SITE.replace("[bucket.web]\n", &format!("[bucket.web]\nencryption = \"KMS\"\n{keys}"));
    check_mistakes(
        &with(""),
        &[
            "bucket.web.encryption: `cloudfront.site` could read nothing: AWS's own key for S3 lets no CloudFront use it",
        ],
    );
    lower_text(&with("kms_key = \"arn:aws:kms:eu-west-1:123456789012:key/0123\"\n")).expect("its own key");
    lower_text("[stack]\nname = \"course\"\n[bucket.web]\nencryption = \"KMS\"\n")
        .expect("nobody else reads it");
}

#[test]
fn a_bucket_that_answers_the_rest_has_an_index() {
    let desired = lower_text(SITE).expect("no mistakes");
    assert_eq!(field(&desired, "cloudfront.site", "default_root_object"), "index.html");
    let text = SITE.replace(
        "[[cloudfront.site.route]]",
        "[cloudfront.site]\ndefault_root_object = \"\"\n[[cloudfront.site.route]]",
    );
    let desired = lower_text(&text).expect("no mistakes");
    assert_eq!(field(&desired, "cloudfront.site", "default_root_object"), "");
}

#[test]
fn what_takes_no_tags_has_only_the_two_that_say_whose_it_is() {
    let text = SITE.replace("name = \"course\"", "name = \"course\"\ntags = { team = \"web\" }");
    let desired = lower_text(&text).expect("no mistakes");
    let tags = |at: &str| desired.resources[&at.parse().expect("an address")].tags.len();
    assert_eq!(
        (tags("bucket.web"), tags("bucket_policy.web"), tags("origin_access_control.site")),
        (3, 2, 2)
    );
}

/// [`SITE`] with files, in whose folder this stands; with every mistake there. The order of a table's keys counts, so
/// this goes the whole way from the text.
fn with_files(keys: &str, folder: Folder) -> Result<Desired, Vec<String>> {
    let text = SITE.replace("[bucket.web]\n", &format!("[bucket.web]\nfiles = \"web\"\n{keys}"));
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    assert_eq!(folders(&source, &Options::default()), BTreeSet::from(["web".to_owned()]));
    let options =
        Options { folders: Some(BTreeMap::from([("web".to_owned(), folder)])), ..Options::default() };
    let told = |mistakes: Vec<Diagnostic>| mistakes.into_iter().map(|mistake| mistake.message).collect();
    load(&source, &options).map(|loaded| loaded.desired).map_err(told)
}

fn folder(keys: &[&str]) -> Folder {
    let local = |key: &&str| ((*key).to_owned(), Local { size: 1, sha256: format!("hash of {key}") });
    Ok(keys.iter().map(local).collect())
}

#[test]
fn files_get_their_types_and_the_first_header_that_fits() {
    let headers = "cache_control = { \"assets/*\" = \"max-age=31536000\", \"*\" = \"no-cache\" }\ncontent_type = { \"LICENSE\" = \"text/plain\" }\n";
    let desired =
        with_files(headers, folder(&["index.html", "assets/app.js", "LICENSE"])).expect("no mistakes");
    let Resource::BucketFiles(files) =
        &desired.resources[&"bucket_files.web".parse().expect("an address")].resource
    else {
        panic!("files")
    };
    let shown = |key: &str| {
        let file = &files.files[key];
        (file.content_type.as_str(), file.cache_control.as_deref())
    };
    assert_eq!(shown("index.html"), ("text/html; charset=utf-8", Some("no-cache")));
    assert_eq!(shown("assets/app.js"), ("text/javascript; charset=utf-8", Some("max-age=31536000")));
    assert_eq!(shown("LICENSE"), ("text/plain", Some("no-cache")));
    assert_eq!(files.bucket, "${bucket.web.name}");
}

#[test]
fn the_distributions_in_front_of_a_bucket_know_its_files() {
    let desired = with_files("", folder(&["index.html"])).expect("no mistakes");
    let site = field(&desired, "bucket_files.web", "sites")["cloudfront.site"].clone();
    assert_eq!((&site["arn"], &site["root"]), (&json!("${cloudfront.site.arn}"), &json!("index.html")));
}

#[test]
fn a_bucket_with_files_says_so_and_ends_uploads_that_nobody_finishes() {
    let desired = with_files("", folder(&["index.html"])).expect("no mistakes");
    let bucket = &desired.resources[&"bucket.web".parse().expect("an address")];
    assert_eq!(bucket.tags[crate::desired::TAG_FILES], "true");
    assert_eq!(field(&desired, "bucket.web", "lifecycle")[0]["abort_uploads_days"], 1);
    let own = "[[bucket.web.lifecycle]]\nabort_uploads_days = 3\n";
    let desired = with_files(own, folder(&["index.html"])).expect("no mistakes");
    assert_eq!(field(&desired, "bucket.web", "lifecycle").as_array().map(Vec::len), Some(1));
}

#[test]
fn whoever_has_not_looked_into_a_folder_says_nothing_of_it() {
    let desired =
        lower_text(&SITE.replace("[bucket.web]\n", "[bucket.web]\nfiles = \"web\"\n")).expect("no mistakes");
    assert_eq!(field(&desired, "bucket_files.web", "files"), json!({}));
}

#[track_caller]
fn check_mistake(keys: &str, folder: Folder, expected: &str) {
    let mistakes = with_files(keys, folder).expect_err("a mistake");
    assert!(mistakes.iter().any(|mistake| mistake == expected), "{mistakes:?}");
}

#[test]
fn a_folder_that_cannot_be_uploaded_is_a_mistake_at_its_name() {
    check_mistake("", folder(&[]), "`web` holds no files");
    let message = "there is no folder `web`";
    let missing = FolderMistake { message: message.into(), help: "make it".into() };
    check_mistake("", Err(vec![missing.clone()]), message);
    check_mistake("", Err(vec![missing; 12]), "7 more names in `web` cannot be uploaded");
    let long = "a".repeat(1025);
    check_mistake("", folder(&[&long]), &format!("the path `{}…` in `web` has 1025 bytes", "a".repeat(60)));
    check_mistake("", folder(&["a\nb"]), "the name `a\\nb` in `web` holds the control character '\\n'");
}

#[test]
fn headers_must_be_such_and_have_files() {
    check_mistake("cache_control = { \"*\" = \"ä\" }\n", folder(&["a"]), "`ä` is no value of a header");
    check_mistake("cache_control = { \"/a\" = \"x\" }\n", folder(&["a"]), "the pattern `/a` fits no file");
    let text = SITE.replace("[bucket.web]\n", "[bucket.web]\ncontent_type = { \"*\" = \"a/b\" }\n");
    let mistakes = lower_text(&text).expect_err("a mistake");
    assert_eq!(mistakes[0].message, "`content_type` without `files`");
}

#[test]
fn an_origin_has_one_star_and_so_has_a_header() {
    let cors = "cors = [{ origins = [\"https://*.com\", \"https://*.*.com\"], methods = [\"GET\"], headers = [\"x-*-*\"] }]\n";
    check_mistakes(
        &SITE.replace("[bucket.web]\n", &format!("[bucket.web]\n{cors}")),
        &[
            "bucket.web.cors.0.origins.1: `https://*.*.com` has more than one `*`",
            "bucket.web.cors.0.headers.0: `x-*-*` has more than one `*`",
        ],
    );
}
