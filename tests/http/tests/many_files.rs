//! More files than one page of a listing shows, over HTTP.
//!
//! Decides that each is listed once, also where some came or went since the pages were last seen. Must not know how they are parted.

use std::collections::BTreeSet;
use std::fs;

use neap_http_tests::{Emulator, World};
use serde_json::json;

/// A little over two pages.
const FILES: u32 = 2_010;

const STACK: &str = "[stack]\nname = \"many\"\nregion = \"us-east-1\"\n\n[bucket.site]\nfiles = \"pages\"\n";

#[test]
fn files_of_several_pages_are_each_listed_once_though_some_come_and_go_on_moto() {
    let world = World::new(Emulator::Moto, "examples/course-fargate/stack.toml");
    let stack = world.stack_file();
    fs::write(&stack, STACK).expect("the stack file is written");
    let folder = stack.with_file_name("pages");
    fs::create_dir_all(&folder).expect("the folder is made");
    let path = |number: u32| folder.join(format!("{number:05}.txt"));
    let write = |number: u32| fs::write(path(number), number.to_string()).expect("a file is written");
    // Room for others between any two.
    (0..FILES).for_each(|number| write(10 * number));
    world.neap(&["apply", "--yes"]).expect(0);
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    // In each page, and the one at which a page ended goes.
    for number in [0, 999, 1_000, 1_999, 2_009] {
        fs::remove_file(path(10 * number)).expect("a file is removed");
    }
    [5, 9_985, 9_995, 10_005, 20_095].into_iter().for_each(write);
    world.neap(&["apply", "--yes"]).expect(0);
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    let wanted = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("a file").file_name());
    let wanted: BTreeSet<String> = wanted.map(|name| name.into_string().expect("a name")).collect();
    let buckets = world.call("s3", "list_buckets", &json!({}));
    let bucket = buckets["Buckets"][0]["Name"].as_str().expect("a bucket");
    let mut there = BTreeSet::new();
    loop {
        let after = there.last().cloned().unwrap_or_default();
        let page = world.call("s3", "list_objects_v2", &json!({ "Bucket": bucket, "StartAfter": after }));
        let keys = page["Contents"].as_array().into_iter().flatten();
        there.extend(keys.filter_map(|object| object["Key"].as_str().map(str::to_owned)));
        if page["IsTruncated"] != json!(true) {
            break;
        }
    }
    assert_eq!(there, wanted);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}
