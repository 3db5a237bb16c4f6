//! The files that a stack keeps in its buckets.
//!
//! Decides under which keys and with which headers the files of a folder are kept, and which folders are mistakes. Must not read
//! them: what stands in a folder is handed in.

use std::collections::BTreeMap;

use indexmap::IndexMap;

use super::bucket::readers;
use super::context::Lowering;
use super::place::Place;
use crate::address::{Address, Kind};
use crate::config::shape::BucketTable;
use crate::config::words;
use crate::files::{self, File, Files, Local};
use crate::kinds::{BucketFiles, Resource, Site};
use crate::reference;

/// So many mistakes of one folder are told; the rest are counted.
const TOLD: usize = 5;

/// Implies the files of every bucket that has a folder for them.
pub(super) fn imply(lowering: &mut Lowering<'_>) {
    let file = lowering.file;
    let readers = readers(lowering);
    for (name, table) in &file.bucket {
        let bucket = Address::new(Kind::Bucket, name);
        let place = Place::of(Kind::Bucket.as_str(), name);
        check_headers(lowering, &place, table);
        let Some(folder) = &table.files else { continue };
        let wanted = folder_of(lowering, &place.at("files"), folder, table);
        let known = files::hash(&wanted);
        let sites = readers.get(&bucket).into_iter().flatten();
        let sites =
            sites.map(|site| (site.to_string(), self::site(lowering, site, &bucket, &known))).collect();
        let resource = BucketFiles {
            bucket: reference::output(&bucket, "name"),
            folder: folder.clone(),
            files: wanted,
            sites,
        };
        let address = Address::new(Kind::BucketFiles, name);
        lowering.imply(address, &bucket, format!("the files of `{folder}`"), resource);
    }
}

fn site(lowering: &Lowering<'_>, site: &Address, bucket: &Address, known: &str) -> Site {
    let (root, rewritten) = match lowering.resources.get(site).map(|desired| &desired.resource) {
        Some(Resource::Cloudfront(distribution)) => {
            (distribution.default_root_object.clone(), distribution.rewrites(&bucket.to_string()))
        }
        _ => (String::new(), false),
    };
    let arn = reference::output(site, "arn");
    Site { arn, known: known.to_owned(), root, rewritten, note: String::new() }
}

/// Patterns and headers are no use without files, and S3 takes headers of visible ASCII only.
fn check_headers(lowering: &mut Lowering<'_>, place: &Place, table: &BucketTable) {
    for (key, headers) in [("cache_control", &table.cache_control), ("content_type", &table.content_type)] {
        let place = place.at(key);
        if table.files.is_none() && !headers.is_empty() {
            lowering
                .report(&place, format!("`{key}` without `files`"))
                .on_key()
                .help("name the folder whose files it is for, such as `files = \"web\"`");
        }
        for (glob, value) in headers {
            let place = place.at(glob);
            let is_visible = value.chars().all(|c| c.is_ascii_graphic() || c == ' ');
            if lowering.plain(&place, value) && (value.trim().is_empty() || !is_visible) {
                lowering.report(&place, format!("`{}` is no value of a header", words::excerpt(value)));
            }
            if glob.is_empty() || glob.starts_with('/') {
                lowering
                    .report(&place, format!("the pattern `{glob}` fits no file"))
                    .on_key()
                    .help("patterns are of paths inside the folder, such as `assets/*` or `*.html`");
            }
        }
    }
}

/// What the bucket shall hold of a folder; nothing where nobody has looked into it.
fn folder_of(lowering: &mut Lowering<'_>, place: &Place, folder: &str, table: &BucketTable) -> Files {
    lowering.plain(place, folder);
    let mistakes = match lowering.folders.and_then(|folders| folders.get(folder)) {
        None => return Files::new(),
        Some(Err(mistakes)) => mistakes.iter().map(|it| (it.message.clone(), it.help.clone())).collect(),
        Some(Ok(found)) => {
            let mistakes = wrong_keys(folder, found);
            if mistakes.is_empty() {
                return found.iter().map(|(key, local)| (key.clone(), file(key, local, table))).collect();
            }
            mistakes
        }
    };
    tell(lowering, place, folder, &mistakes);
    Files::new()
}

fn tell(lowering: &mut Lowering<'_>, place: &Place, folder: &str, mistakes: &[(String, String)]) {
    for (message, help) in mistakes.iter().take(TOLD) {
        lowering.report(place, message.as_str()).help(help.as_str());
    }
    if let Some(more) = mistakes.len().checked_sub(TOLD).filter(|more| *more > 0) {
        lowering.report(place, format!("{more} more names in `{folder}` cannot be uploaded"));
    }
}

/// What S3 would refuse or browsers could not ask for.
fn wrong_keys(folder: &str, found: &BTreeMap<String, Local>) -> Vec<(String, String)> {
    if found.is_empty() {
        let help = "build the site first; to remove the files, leave `files` out";
        return vec![(format!("`{folder}` holds no files"), help.to_owned())];
    }
    let mistake = |key: &String| {
        if key.len() > files::LONGEST_KEY {
            let told = words::excerpt(key);
            let message = format!("the path `{told}` in `{folder}` has {} bytes", key.len());
            return Some((message, format!("S3 takes at most {}", files::LONGEST_KEY)));
        }
        let is_control = |c: &char| c.is_control();
        key.chars().find(is_control).map(|c| {
            let message = format!(
                "the name `{}` in `{folder}` holds the control character {:?}",
                key.escape_debug(),
                c
            );
            (message, "rename the file".to_owned())
        })
    };
    found.keys().filter_map(mistake).collect()
}

fn file(key: &str, local: &Local, table: &BucketTable) -> File {
    let first = |headers: &IndexMap<String, String>| {
        headers.iter().find(|(glob, _)| files::matches(glob, key)).map(|(_, value)| value.clone())
    };
    File {
        size: local.size,
        sha256: local.sha256.clone(),
        content_type: first(&table.content_type).unwrap_or_else(|| files::content_type(key).to_owned()),
        cache_control: first(&table.cache_control),
    }
}
