//! The files of a bucket, from a first upload to the last: what is sent, what is left alone, and what caches are told. And what is asked
//! of buckets and repositories that would go.

use std::collections::BTreeMap;

use neap_core::config::{Options, Secrets, Source, load};
use neap_core::desired::Desired;
use neap_core::files::{Local, WHOLE, sha256};
use neap_core::plan::planner::plan;
use neap_core::plan::{Mode, Plan};
use neap_engine::apply::{ApplyOptions, Summary, apply};
use neap_engine::event::Event;
use neap_engine::read::read;
use neap_sim::{Fault, FaultKind, Sim};

const STACK: &str = "[stack]\nname = \"site\"\n[bucket.web]\nfiles = \"web\"\n[[cloudfront.www.route]]\npath = \"/*\"\norigin = \"bucket.web\"\n";
const BUCKET: &str = "site-web-123456789012";

fn parse(text: &str, files: &[(&str, &str, u64)]) -> Desired {
    let local = |(key, content, size): &(&str, &str, u64)| {
        ((*key).to_owned(), Local { size: *size, sha256: sha256(content.as_bytes()) })
    };
    let folder = files.iter().map(local).collect::<BTreeMap<_, _>>();
    let folders = Some(BTreeMap::from([("web".to_owned(), Ok(folder))]));
    let source = Source { name: "stack.toml", bytes: text.as_bytes() };
    load(&source, &Options { folders, ..Options::default() }).expect("no mistakes").desired
}

/// The stack with files of these names and contents.
fn site(files: &[(&str, &str)]) -> Desired {
    let sized: Vec<_> = files.iter().map(|(key, content)| (*key, *content, content.len() as u64)).collect();
    parse(STACK, &sized)
}

async fn planned(sim: &Sim, desired: &Desired, mode: Mode) -> Plan {
    let live = read(sim, desired).await.expect("a reading");
    plan(desired, &live, mode, &Secrets::default()).expect("a plan")
}

async fn run(sim: &Sim, desired: &Desired, mode: Mode) -> (Plan, Summary) {
    let plan = planned(sim, desired, mode).await;
    sim.forget_calls();
    let summary = apply(sim, &plan, &Secrets::default(), &ApplyOptions::default(), &mut |_| {}).await;
    (plan, summary)
}

#[track_caller]
fn done(summary: &Summary) {
    assert!(summary.is_success(), "{:?}", summary.steps);
}

/// How often each of these was called.
fn called(sim: &Sim, operations: &[&str]) -> Vec<usize> {
    let counts = sim.counts();
    operations.iter().map(|operation| counts.get(*operation).copied().unwrap_or_default()).collect()
}

const CALLS: [&str; 3] = ["s3:PutObject", "s3:DeleteObject", "cloudfront:CreateInvalidation"];

#[tokio::test(start_paused = true)]
async fn only_what_changed_is_sent_and_a_first_upload_invalidates_nothing() {
    let sim = Sim::in_memory();
    let first = site(&[("index.html", "one"), ("app.js", "one"), ("old.txt", "one")]);
    done(&run(&sim, &first, Mode::Apply).await.1);
    assert_eq!(called(&sim, &CALLS), [3, 0, 0]);
    assert!(planned(&sim, &first, Mode::Apply).await.is_empty());
    let second = site(&[("index.html", "two"), ("app.js", "one"), ("new.txt", "one")]);
    done(&run(&sim, &second, Mode::Apply).await.1);
    assert_eq!(called(&sim, &CALLS), [2, 1, 1]);
    assert!(planned(&sim, &second, Mode::Apply).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn going_back_and_forth_invalidates_each_time() {
    let sim = Sim::in_memory();
    let (one, two) = (site(&[("index.html", "one")]), site(&[("index.html", "two")]));
    done(&run(&sim, &one, Mode::Apply).await.1);
    let mut notes = Vec::new();
    for desired in [&two, &one, &two, &one] {
        done(&run(&sim, desired, Mode::Apply).await.1);
        assert_eq!(called(&sim, &CALLS), [1, 0, 1]);
        let resources = sim.resources();
        notes.push(resources.iter().find_map(|it| it.tags.get("neap:files/web")).cloned().expect("a note"));
    }
    notes.sort();
    notes.dedup();
    assert_eq!(notes.len(), 4, "each invalidation is another one: {notes:?}");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_before_the_caches_were_told_leaves_that_to_the_next_one() {
    for operation in ["cloudfront:CreateInvalidation", "cloudfront:TagResource"] {
        let sim = Sim::in_memory();
        let (one, two) = (site(&[("index.html", "one")]), site(&[("index.html", "two")]));
        done(&run(&sim, &one, Mode::Apply).await.1);
        sim.fault(Fault::always(operation, FaultKind::Deny));
        assert!(!run(&sim, &two, Mode::Apply).await.1.is_success(), "{operation}");
        sim.heal();
        let (again, summary) = run(&sim, &two, Mode::Apply).await;
        done(&summary);
        assert!(!again.is_empty(), "{operation}: nobody would tell the caches");
        assert_eq!(called(&sim, &CALLS), [0, 0, 1], "{operation}");
        assert!(planned(&sim, &two, Mode::Apply).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_makes_no_upload_or_invalidation_twice() {
    let sim = Sim::in_memory();
    done(&run(&sim, &site(&[("index.html", "one"), ("a.js", "one")]), Mode::Apply).await.1);
    sim.fault(Fault::once("cloudfront:CreateInvalidation", FaultKind::LostAnswer));
    done(&run(&sim, &site(&[("index.html", "two"), ("a.js", "two")]), Mode::Apply).await.1);
    assert_eq!(called(&sim, &CALLS), [2, 0, 2], "the second invalidation finds the first");
    let invalidations = sim.resources().into_iter().filter_map(|it| it.tags.get("neap:files/web").cloned());
    assert_eq!(invalidations.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_others_put_is_left_alone_unless_a_file_takes_its_place() {
    let sim = Sim::in_memory();
    done(&run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.1);
    let put = |key: &str| format!("[[object]]\nbucket = \"{BUCKET}\"\nkey = \"{key}\"\nbytes = 7\n");
    sim.seed(&format!("{}{}", put("theirs.txt"), put("robots.txt"))).expect("a script");
    assert!(planned(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.is_empty());
    let more = site(&[("index.html", "one"), ("robots.txt", "ours")]);
    done(&run(&sim, &more, Mode::Apply).await.1);
    assert_eq!(called(&sim, &CALLS), [1, 0, 1], "caches may know theirs");
    let without = parse(&STACK.replace("files = \"web\"\n", ""), &[]);
    let (plan, summary) = run(&sim, &without, Mode::Apply).await;
    done(&summary);
    assert_eq!(plan.counts().delete, 1);
    assert!(planned(&sim, &without, Mode::Apply).await.is_empty());
    sim.forget_calls();
    done(&run(&sim, &without, Mode::Destroy).await.1);
    assert_eq!(called(&sim, &["s3:DeleteObjectVersion"]), [1], "theirs.txt was still there");
}

#[tokio::test(start_paused = true)]
async fn the_mark_of_a_bucket_stays_until_its_files_are_gone() {
    let sim = Sim::in_memory();
    done(&run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.1);
    let without = parse(&STACK.replace("files = \"web\"\n", ""), &[]);
    let plan = planned(&sim, &without, Mode::Apply).await;
    sim.fault(Fault::always("s3:DeleteObject", FaultKind::Deny));
    let summary = apply(&sim, &plan, &Secrets::default(), &ApplyOptions::default(), &mut |_| {}).await;
    assert!(!summary.is_success());
    sim.heal();
    let (plan, summary) = run(&sim, &without, Mode::Apply).await;
    done(&summary);
    assert_eq!(plan.counts().delete, 1, "they are still found");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_kept_keeps_its_files() {
    let sim = Sim::in_memory();
    let kept = STACK.replace("files = \"web\"\n", "files = \"web\"\nkeep = true\n");
    let desired = parse(&kept, &[("index.html", "one", 3)]);
    done(&run(&sim, &desired, Mode::Apply).await.1);
    let (plan, summary) = run(&sim, &desired, Mode::Destroy).await;
    done(&summary);
    assert_eq!(called(&sim, &["s3:DeleteObject", "s3:DeleteBucket"]), [0, 0]);
    assert_eq!(plan.counts().no_op, 2);
}

#[tokio::test(start_paused = true)]
async fn a_large_file_goes_in_parts_and_what_has_arrived_is_told() {
    let sim = Sim::in_memory();
    let desired = parse(STACK, &[("film.mp4", "film", WHOLE + 1), ("index.html", "one", 3)]);
    let plan = planned(&sim, &desired, Mode::Apply).await;
    let mut told = Vec::new();
    let mut tell = |event| {
        if let Event::StepMoved { bytes, total, .. } = event {
            told.push((bytes, total));
        }
    };
    done(&apply(&sim, &plan, &Secrets::default(), &ApplyOptions::default(), &mut tell).await);
    // It begins, has three parts and ends; the page is one request.
    assert_eq!(called(&sim, &CALLS), [6, 0, 0]);
    assert!(told.is_sorted(), "{told:?}");
    assert!(told.iter().all(|(_, total)| *total == WHOLE + 4), "{told:?}");
    assert!(told.len() > 3, "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn pages_are_sent_once_all_that_they_name_is_there() {
    let sim = Sim::in_memory();
    let desired = site(&[("index.html", "one"), ("a.js", "one"), ("z.js", "one")]);
    sim.fault(Fault { nth: 3, ..Fault::once("s3:PutObject", FaultKind::Deny) });
    let (_, summary) = run(&sim, &desired, Mode::Apply).await;
    assert!(!summary.is_success());
    let puts = sim.calls().into_iter().filter(|call| call.operation == "s3:PutObject");
    let errors: Vec<bool> = puts.map(|call| call.error.is_some()).collect();
    assert_eq!(errors, [false, false, true], "the page is the last one");
}

#[tokio::test(start_paused = true)]
async fn a_bucket_of_another_name_gets_its_files_anew() {
    let sim = Sim::in_memory();
    done(&run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.1);
    let renamed = STACK.replace("[bucket.web]\n", "[bucket.web]\nname = \"another-name\"\n");
    let renamed = parse(&renamed, &[("index.html", "one", 3)]);
    done(&run(&sim, &renamed, Mode::Apply).await.1);
    assert!(planned(&sim, &renamed, Mode::Apply).await.is_empty());
    done(&run(&sim, &renamed, Mode::Destroy).await.1);
    assert!(sim.resources().is_empty(), "{:?}", sim.resources());
}

#[tokio::test(start_paused = true)]
async fn objects_that_were_looked_at_are_not_looked_at_again() {
    let base = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(base.path().join("web")).expect("made");
    let names: Vec<String> = (0..1500).map(|number| format!("{number}.txt")).collect();
    for name in &names {
        std::fs::write(base.path().join("web").join(name), name).expect("written");
    }
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    let (desired, sim) = (site(&files), Sim::in_memory().with_folders(base.path().to_owned()));
    let reads = ["s3:GetObject", "s3:PutObject"];
    done(&run(&sim, &desired, Mode::Apply).await.1);
    assert_eq!(called(&sim, &reads), [0, 1500]);
    sim.forget_calls();
    assert!(planned(&sim, &desired, Mode::Apply).await.is_empty());
    assert_eq!(called(&sim, &reads), [0, 0], "what was just put is known");
    std::fs::remove_dir_all(base.path().join(".neap")).expect("the notes");
    for looks in [1500, 0] {
        sim.forget_calls();
        assert!(planned(&sim, &desired, Mode::Apply).await.is_empty());
        assert_eq!(called(&sim, &reads), [looks, 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_while_neap_runs_is_not_sent() {
    let base = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(base.path().join("web")).expect("made");
    std::fs::write(base.path().join("web/index.html"), "two").expect("written");
    let sim = Sim::in_memory().with_folders(base.path().to_owned());
    let (_, summary) = run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await;
    assert!(!summary.is_success());
    assert_eq!(called(&sim, &CALLS), [0, 0, 0]);
}

/// The site with one bucket in front of which the distribution stands, and the same files in another.
fn moved(from: &str, to: &str) -> Desired {
    let text = STACK.replace("origin = \"bucket.web\"", &format!("origin = \"bucket.{to}\""));
    parse(
        &text.replace(&format!("[bucket.{from}]"), &format!("[bucket.{to}]")),
        &[("index.html", "other", 5)],
    )
}

fn notes(sim: &Sim) -> usize {
    sim.resources().iter().filter(|it| it.tags.contains_key("neap:forget")).count()
}

#[tokio::test(start_paused = true)]
async fn a_distribution_that_asks_another_bucket_forgets_everything_once_it_is_deployed() {
    let sim = Sim::in_memory();
    done(&run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.1);
    let other = moved("web", "other");
    let (plan, summary) = run(&sim, &other, Mode::Apply).await;
    done(&summary);
    assert!(plan.changes.iter().any(neap_core::plan::Change::forgets));
    let calls: Vec<String> = sim.calls().into_iter().map(|call| call.operation).collect();
    let last = |operation: &str| calls.iter().rposition(|call| call == operation).expect(operation);
    assert!(last("cloudfront:CreateInvalidation") > last("cloudfront:UpdateDistribution"));
    assert!(last("cloudfront:CreateInvalidation") > last("s3:PutObject"));
    assert_eq!((called(&sim, &["cloudfront:CreateInvalidation"]), notes(&sim)), (vec![1], 0));
    assert!(planned(&sim, &other, Mode::Apply).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_run_that_ends_before_a_moved_distribution_forgot_leaves_that_to_the_next_one() {
    for operation in
        ["cloudfront:CreateInvalidation", "cloudfront:UpdateDistribution", "cloudfront:UntagResource"]
    {
        let sim = Sim::in_memory();
        done(&run(&sim, &site(&[("index.html", "one")]), Mode::Apply).await.1);
        let other = moved("web", "other");
        sim.fault(Fault::always(operation, FaultKind::Deny));
        assert!(!run(&sim, &other, Mode::Apply).await.1.is_success(), "{operation}");
        assert_eq!(notes(&sim), 1, "{operation}");
        sim.heal();
        let (again, summary) = run(&sim, &other, Mode::Apply).await;
        done(&summary);
        assert!(!again.is_empty(), "{operation}: nobody would tell the caches");
        // One more where the bucket was made and nothing put into it: what it held before nobody knows.
        assert!((1..=2).contains(&called(&sim, &["cloudfront:CreateInvalidation"])[0]), "{operation}");
        assert_eq!(notes(&sim), 0, "{operation}");
        assert!(planned(&sim, &other, Mode::Apply).await.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_goes_is_asked_what_else_is_in_it_and_no_other_is() {
    const PAGE: &str = "s3:ListBucketVersions";
    let sim = Sim::in_memory();
    let both = "[stack]\nname = \"site\"\n[bucket.web]\nfiles = \"web\"\n[bucket.up]\n";
    let (both, none) = (parse(both, &[("a.html", "a", 1)]), parse("[stack]\nname = \"site\"\n", &[]));
    done(&run(&sim, &both, Mode::Apply).await.1);
    let holdings = async |desired: &Desired| {
        sim.forget_calls();
        let live = read(&sim, desired).await.expect("a reading");
        assert!(live.failures.is_empty(), "{:?}", live.failures);
        let held = live.holdings.iter().map(|(name, it)| (name.clone(), (it.items, it.more)));
        (called(&sim, &[PAGE]), held.collect::<Vec<_>>())
    };
    assert_eq!(holdings(&both).await, (vec![0], vec![]));
    assert_eq!(holdings(&none).await, (vec![2], vec![]), "its own files are no obstacle");
    sim.seed("[[stored]]\nname = \"site-up-123456789012\"\nitems = 1200\nbytes = 100").expect("a script");
    let up = ("site-up-123456789012".to_owned(), (1000, true));
    assert_eq!(holdings(&none).await, (vec![2], vec![up.clone()]));
    sim.seed(&format!("[[object]]\nbucket = \"{BUCKET}\"\nkey = \"b.txt\"\nbytes = 3")).expect("a script");
    assert_eq!(holdings(&none).await, (vec![2], vec![up, (BUCKET.to_owned(), (1, false))]));
    sim.fault(Fault::always(PAGE, FaultKind::Deny));
    let live = read(&sim, &none).await.expect("a reading");
    assert!(!live.failures.is_empty(), "{:?}", live.failures);
}

#[tokio::test(start_paused = true)]
async fn a_repository_that_goes_is_asked_for_its_images_and_no_other_is() {
    const PAGE: &str = "ecr:DescribeImages";
    let sim = Sim::in_memory();
    let stack = |table: &str| parse(&format!("[stack]\nname = \"course\"\n{table}"), &[]);
    let (here, other) = (stack("[ecr.api]\n"), stack("[ecr.apiz]\n"));
    let replaced = stack("[ecr.api]\nencryption = \"KMS\"\n");
    done(&run(&sim, &here, Mode::Apply).await.1);
    let images = async |desired: &Desired| {
        sim.forget_calls();
        let live = read(&sim, desired).await.expect("a reading");
        assert!(live.failures.is_empty(), "{:?}", live.failures);
        let refusals = plan(desired, &live, Mode::Apply, &Secrets::default()).err().map_or(0, |it| it.len());
        let held = live.images.values().map(|it| (it.items, it.more)).collect::<Vec<_>>();
        (called(&sim, &[PAGE])[0], held, refusals)
    };
    assert_eq!(images(&other).await, (1, vec![], 0), "an empty one goes");
    sim.seed("[[stored]]\nname = \"course-api\"\nitems = 3\nbytes = 100").expect("a script");
    assert_eq!(images(&here).await, (0, vec![], 0));
    for leaving in [&other, &replaced, &stack("")] {
        assert_eq!(images(leaving).await, (1, vec![(3, false)], 1));
    }
    assert_eq!(
        images(&stack("[ecr.apiz]\nname = \"course-api\"\n")).await,
        (0, vec![], 0),
        "it keeps its name"
    );
    sim.fault(Fault::always(PAGE, FaultKind::Deny));
    let live = read(&sim, &other).await.expect("a reading");
    assert!(!live.failures.is_empty(), "{:?}", live.failures);
    sim.heal();
    done(&run(&sim, &here, Mode::Destroy).await.1);
}
