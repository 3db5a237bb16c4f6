//! The stack's lock over HTTP, as an SSM parameter and as an object in a bucket.

use neap_http_tests::{Emulator, Permitted, World};
use serde_json::{Value, json};

const STACK: &str = "stack.toml";
const BUCKET: &str = "locks-of-the-team";

/// Where a stack keeps its lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Parameter,
    Object,
}

impl Place {
    /// An empty world whose stack has an image repository, a log group and its lock here.
    fn world(self) -> World {
        let world = World::new(Emulator::Moto, STACK);
        let lock = match self {
            Self::Parameter => "ssm".to_owned(),
            Self::Object => {
                world.call("s3", "create_bucket", &json!({ "Bucket": BUCKET }));
                format!("s3://{BUCKET}/neap")
            }
        };
        let stack = format!("[stack]\nname = \"course\"\nlock = \"{lock}\"\n[ecr.api]\n[log_group.api]\n");
        std::fs::write(world.stack_file(), stack).expect("the stack file");
        world
    }

    /// Puts a record there that expires in the year `year`.
    fn put(self, world: &World, year: u16) {
        let record = json!({
            "format": 1, "stack": "course", "owner": "5f0c6a3f9be94d0e8a4f2f5d3f6f7a10", "who": "ada@build-7",
            "process": 4711, "command": "neap apply",
            "since": format!("{year}-01-01T12:00:00Z"), "expires": format!("{year}-01-01T12:01:30Z"),
        });
        let text = record.to_string();
        match self {
            Self::Parameter => world.call(
                "ssm",
                "put_parameter",
                &json!({ "Name": "/neap/course/lock", "Value": text, "Type": "String" }),
            ),
            Self::Object => world.call(
                "s3",
                "put_object",
                &json!({ "Bucket": BUCKET, "Key": "neap/course.lock", "Body": text }),
            ),
        };
    }

    /// Whether a record is there.
    fn is_taken(self, world: &World) -> bool {
        let (answer, member) = match self {
            Self::Parameter => (world.call("ssm", "describe_parameters", &json!({})), "Parameters"),
            Self::Object => (world.call("s3", "list_objects_v2", &json!({ "Bucket": BUCKET })), "Contents"),
        };
        answer[member].as_array().is_some_and(|found| !found.is_empty())
    }

    fn refuses_whoever_comes_second(self) {
        let permitted = Permitted::new(self.world());
        let world = permitted.world();
        self.put(world, 2126);
        for arguments in [["apply", "--yes"], ["destroy", "--yes"]] {
            let refused = permitted.neap(&arguments).expect(5);
            assert!(refused.stderr.contains("ada@build-7 holds the lock"), "{}", refused.stderr);
        }
        assert_eq!(world.listing()["repositories"], Value::Null, "nothing was made");
        world.neap(&["unlock", "--yes"]).expect(0);
        assert!(!self.is_taken(world));
        permitted.neap(&["apply", "--yes"]).expect(0);
        assert!(!self.is_taken(world), "released");
        permitted.neap(&["destroy", "--yes"]).expect(0);
        assert!(!self.is_taken(world), "nothing of the lock outlives the stack");
        let mut unused = permitted.unused();
        unused.retain(|action| action.starts_with("ssm:") || action.starts_with("s3:"));
        // AWS asks for that one with the create.
        assert!(unused.iter().all(|action| action == "ssm:AddTagsToResource"), "{unused:?}");
    }

    fn lets_one_of_eight_work_at_a_time(self) {
        let world = self.world();
        let before = world.listing();
        for race in 0..3 {
            if race > 0 {
                self.put(&world, 2026 - race);
            }
            let runs = world.neaps(8, &["apply", "--yes", "--lock-timeout", "5m"]);
            let made = runs.into_iter().map(|run| run.expect(0)).filter(|run| run.stdout.contains("created"));
            // Two that worked at once would both have found nothing, and both have made everything.
            assert_eq!(made.count(), 1, "race {race}");
            assert!(!self.is_taken(&world), "race {race}");
            let listing = world.listing();
            assert_eq!(listing["repositories"], json!(["course-api"]), "race {race}: {listing}");
            world.neap(&["destroy", "--yes"]).expect(0);
            assert_eq!(world.listing(), before, "race {race}");
        }
    }
}

#[test]
fn a_parameter_refuses_whoever_comes_second_on_moto() {
    Place::Parameter.refuses_whoever_comes_second();
}

#[test]
fn an_object_refuses_whoever_comes_second_on_moto() {
    Place::Object.refuses_whoever_comes_second();
}

#[test]
fn a_parameter_lets_one_of_eight_work_at_a_time_on_moto() {
    Place::Parameter.lets_one_of_eight_work_at_a_time();
}

#[test]
fn an_object_lets_one_of_eight_work_at_a_time_on_moto() {
    Place::Object.lets_one_of_eight_work_at_a_time();
}
