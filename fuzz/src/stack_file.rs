//! Any bytes as a stack file: never a panic; every mistake has its place inside the file; a stack that is valid is lowered
//! to the same twice, and its policy documents and its plan for an empty account can be made.
//!
//! Must not know what is right, only what must hold whatever is written.

#![no_main]

use libfuzzer_sys::fuzz_target;
use neap_core::config::{Diagnostic, Loaded, Options, Source, load};
use neap_core::live::{Environment, Live};
use neap_core::permissions::{Place, Purpose, permissions, split};
use neap_core::plan::{Mode, check, planner};

fuzz_target!(|bytes: &[u8]| {
    let source = Source { name: "stack.toml", bytes };
    match load(&source, &Options::default()) {
        Err(mistakes) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            mistakes.iter().for_each(|mistake| has_its_place(mistake, bytes));
        }
        Ok(loaded) => {
            loaded.warnings.iter().for_each(|warning| has_its_place(warning, bytes));
            let again = load(&source, &Options::default()).expect("valid before").desired;
            assert_eq!(again, loaded.desired);
            is_planned(&loaded);
        }
    }
});

fn has_its_place(diagnostic: &Diagnostic, bytes: &[u8]) {
    let Some(span) = &diagnostic.span else { return };
    assert!(span.start <= span.end && span.end <= bytes.len(), "{diagnostic:?} of {} bytes", bytes.len());
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!((1..=lines).contains(&diagnostic.line) && diagnostic.column >= 1, "{diagnostic:?}");
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(text.is_char_boundary(span.start) && text.is_char_boundary(span.end), "{diagnostic:?}");
    }
}

fn is_planned(loaded: &Loaded) {
    let environment = Environment {
        account: "123456789012".into(),
        region: "eu-west-1".into(),
        partition: "aws".into(),
        vpc: Some("vpc-1".into()),
        subnets: vec!["subnet-1".into(), "subnet-2".into()],
        subnets_private: false,
        cloudfront_origins: Some("pl-1".into()),
        zones: [("zone.example.com".to_owned(), "Z1".to_owned())].into(),
        certificates: [].into(),
        availability_zones: ["a", "b", "c"].map(|zone| format!("eu-west-1{zone}")).into(),
        taken_buckets: [].into(),
        private_zones: [].into(),
        images: ["x86_64", "arm64"].map(|processor| (processor.to_owned(), "ami-1".to_owned())).into(),
        named: [].into(),
        secrets: loaded.desired.secrets().into_iter().map(|name| (name, "arn:secret".to_owned())).collect(),
    };
    let place = Place { account: environment.account.clone(), region: environment.region.clone() };
    assert!(!split(&permissions(&loaded.desired, Purpose::All, &place)).is_empty());
    let live = Live::empty(environment);
    for mode in [Mode::Apply, Mode::Destroy] {
        if let Ok(plan) = planner::plan(&loaded.desired, &live, mode, &loaded.secrets) {
            assert_eq!(check::check(&plan), Vec::<String>::new());
            assert_eq!(plan.is_empty(), mode == Mode::Destroy || loaded.desired.resources.is_empty());
        }
    }
}
