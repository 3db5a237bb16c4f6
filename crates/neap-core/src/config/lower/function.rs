//! CloudFront functions: declared ones, and the one that a single-page application implies.
//!
//! Decides what their code is and what a route's function may be. Must not know what the code does.

use std::collections::BTreeMap;

use super::context::{Common, Lowering};
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::{FunctionRuntime, FunctionTable, RouteFunctions};
use crate::kinds::{Behavior, Code, Function};
use crate::{naming, reference};

/// The most bytes of a function's code ("Quotas on CloudFront Functions").
const LARGEST_CODE: usize = 10_240;
/// The most characters of a comment.
const LONGEST_COMMENT: usize = 128;
/// The newer runtime, the only one with key value stores.
const NEWEST: &str = "cloudfront-js-2.0";
/// What answers the paths of a single-page application, and the root object in it.
const SINGLE_PAGE: &str = include_str!("../../../data/single-page.js");
const SINGLE_PAGE_ROOT: &str = "'/index.html'";

/// When a function runs, as CloudFront calls it.
pub(super) const VIEWER_REQUEST: &str = Behavior::VIEWER_REQUEST;
const VIEWER_RESPONSE: &str = "viewer-response";

/// Lowers every declared function.
pub(super) fn lower(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    for (name, table) in &file.function {
        declared(lowering, name, table);
    }
}

fn declared(lowering: &mut Lowering<'_>, name: &str, table: &FunctionTable) {
    let (place, address) = lowering.begin(Kind::Function, name);
    let common = Common { tags: &table.tags, protect: table.protect, name: table.name.as_deref() };
    let runtime = match table.runtime {
        FunctionRuntime::Js1 => "cloudfront-js-1.0",
        FunctionRuntime::Js2 => NEWEST,
    };
    lowering.plain(&place.at("comment"), &table.comment);
    let length = table.comment.chars().count();
    if length > LONGEST_COMMENT {
        let message = format!("the comment has {length} characters; CloudFront takes {LONGEST_COMMENT}");
        lowering.report(&place.at("comment"), message);
    }
    let code = code(lowering, &place.at("code"), &table.code);
    let function = Function {
        name: lowering.plain_name(Kind::Function, &place, name, common.name),
        comment: table.comment.clone(),
        runtime: runtime.to_owned(),
        key_value_store: key_value_store(lowering, &place, table),
        code_sha256: code.sha256(),
        code,
        published: true,
    };
    lowering.declare(address, &place, &common, function);
}

fn key_value_store(lowering: &mut Lowering<'_>, place: &Place, table: &FunctionTable) -> Option<String> {
    let place = place.at("key_value_store");
    let store = lowering.text(&place, table.key_value_store.as_ref()?);
    if !store.starts_with("arn:") || !store.contains(":key-value-store/") {
        lowering
            .report(&place, format!("`{store}` is not the ARN of a key value store"))
            .help("they read like `arn:aws:cloudfront::123456789012:key-value-store/…`");
    } else if table.runtime != FunctionRuntime::Js2 {
        lowering
            .report(&place, "only the newer runtime reads key value stores")
            .help(format!("write `runtime = \"{NEWEST}\"`, or leave `runtime` out"));
    }
    Some(store)
}

/// The code in the local file `path`.
fn code(lowering: &mut Lowering<'_>, place: &Place, path: &str) -> Code {
    if !lowering.plain(place, path) {
        return Code(Vec::new());
    }
    // Nobody has looked, and nothing is said of it.
    let Some(files) = lowering.files else { return Code(Vec::new()) };
    let bytes = match files.get(path) {
        Some(Ok(bytes)) => bytes.clone(),
        Some(Err(why)) => {
            let message = format!("`{path}` could not be read: {why}");
            lowering.report(place, message).help("the path starts at the folder of the stack file");
            return Code(Vec::new());
        }
        None => {
            lowering
                .report(place, format!("`{path}` was not read"))
                .help("only files beside a stack file are");
            return Code(Vec::new());
        }
    };
    if bytes.len() > LARGEST_CODE {
        lowering
            .report(place, format!("`{path}` has {} bytes; CloudFront takes {LARGEST_CODE}", bytes.len()))
            .help("comments and white space count; a bundler can leave them out");
    }
    if !String::from_utf8_lossy(&bytes).contains("handler") {
        lowering
            .report(place, format!("`{path}` defines no `handler`"))
            .help("CloudFront calls `function handler(event)`, which returns a request or an answer");
    }
    Code(bytes)
}

/// The functions that a route names at `place`, by when they run: `[function.x]` by name, others by ARN.
pub(super) fn of_route(
    lowering: &mut Lowering<'_>,
    place: &Place,
    table: &RouteFunctions,
) -> BTreeMap<String, String> {
    let mut functions = BTreeMap::new();
    for (key, event, name) in [
        ("viewer_request", VIEWER_REQUEST, &table.viewer_request),
        ("viewer_response", VIEWER_RESPONSE, &table.viewer_response),
    ] {
        let Some(name) = name else { continue };
        let place = place.at(key);
        let arn = if name.starts_with("arn:") || name.starts_with("${") {
            lowering.text(&place, name)
        } else {
            lowering.named(&place, Kind::Function, name)
        };
        functions.insert(event.to_owned(), arn);
    }
    functions
}

/// The ARN of the function that answers the paths of the single-page application on the distribution `site` with `root`.
pub(super) fn imply_single_page(lowering: &mut Lowering<'_>, site: &Address, root: &str) -> String {
    let name = format!("cloudfront-{}", site.name());
    let address = Address::new(Kind::Function, &name);
    if lowering.resources.contains_key(&address) {
        let place = Place::of(Kind::Function.as_str(), &name);
        lowering
            .report(&place, format!("`single_page` of `{site}` implies a function of this name"))
            .on_key()
            .help("give yours another one");
    }
    let root = serde_json::Value::from(format!("/{root}")).to_string();
    let code = Code(SINGLE_PAGE.replace(SINGLE_PAGE_ROOT, &root).into_bytes());
    let function = Function {
        name: naming::plain(Kind::Function, lowering.stack, &name),
        comment: format!("single-page application of {site}"),
        runtime: NEWEST.to_owned(),
        key_value_store: None,
        code_sha256: code.sha256(),
        code,
        published: true,
    };
    lowering.imply(address.clone(), site, "answers the paths of a single-page application", function);
    reference::output(&address, "arn")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_object_stands_once_in_the_single_page_code() {
        assert_eq!(SINGLE_PAGE.matches(SINGLE_PAGE_ROOT).count(), 1);
        assert!(SINGLE_PAGE.len() < LARGEST_CODE);
    }
}
