//! Files so large that they are sent in parts, more of them than fit into memory at one time, over HTTP.
//!
//! Decides that all of them arrive whole. Must not know how many parts there are.

use std::fs;

use neap_http_tests::{Emulator, World};
use serde_json::json;

/// Just above what is sent in one request.
const BYTES: usize = 16 * 1024 * 1024 + 1;
/// As many as have room for a part each.
const FILES: u8 = 8;

const STACK: &str =
    "[stack]\nname = \"large\"\nregion = \"us-east-1\"\n\n[bucket.site]\nfiles = \"videos\"\n";

#[test]
fn more_large_files_than_memory_holds_arrive_on_moto() {
    let world = World::new(Emulator::Moto, "examples/course-fargate/stack.toml");
    let stack = world.stack_file();
    fs::write(&stack, STACK).expect("the stack file is written");
    let folder = stack.with_file_name("videos");
    fs::create_dir_all(&folder).expect("the folder is made");
    for number in 0..FILES {
        fs::write(folder.join(format!("{number}.mp4")), vec![number; BYTES]).expect("a file is written");
    }
    world.neap(&["apply", "--yes"]).expect(0);
    let buckets = world.call("s3", "list_buckets", &json!({}));
    let bucket = buckets["Buckets"][0]["Name"].as_str().expect("a bucket");
    let objects = world.call("s3", "list_objects_v2", &json!({ "Bucket": bucket }));
    let sizes = objects["Contents"].as_array().expect("objects").iter().map(|object| object["Size"].as_u64());
    assert_eq!(sizes.collect::<Vec<_>>(), vec![Some(BYTES as u64); usize::from(FILES)]);
    let uploads = world.call("s3", "list_multipart_uploads", &json!({ "Bucket": bucket }));
    assert_eq!(uploads["Uploads"].as_array().map_or(0, Vec::len), 0, "{uploads}");
    world.neap(&["plan", "--detailed-exitcode"]).expect(0);
    world.neap(&["destroy", "--yes"]).expect(0);
    world.neap(&["destroy", "--check"]).expect(0);
}
