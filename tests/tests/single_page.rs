//! The code that answers the paths of a single-page application does what it says: it is run by Node, where that is at hand.
//!
//! Must not know how the code comes to CloudFront.

use std::io::{ErrorKind, Write as _};
use std::process::{Command, Stdio};

/// The code as it is implied, but for the name of the root object.
const CODE: &str = include_str!("../../crates/neap-core/data/single-page.js");

/// What each path is asked of the bucket as.
const PATHS: [(&str, &str); 12] = [
    ("/", "/index.html"),
    ("/notes", "/index.html"),
    ("/notes/", "/index.html"),
    ("/notes/17/edit", "/index.html"),
    ("/v1.2/notes", "/index.html"),
    ("/notes/a%20b", "/index.html"),
    ("/index.html", "/index.html"),
    ("/favicon.ico", "/favicon.ico"),
    ("/assets/app.3f2a.js", "/assets/app.3f2a.js"),
    ("/assets/app.js.map", "/assets/app.js.map"),
    ("/.well-known/apple-app-site-association", "/.well-known/apple-app-site-association"),
    ("/well-known/me", "/index.html"),
];

#[test]
fn paths_without_an_extension_are_answered_with_the_root_object() {
    let asked: Vec<&str> = PATHS.iter().map(|(path, _)| *path).collect();
    let script = format!(
        "{CODE}\nconst uri = (uri) => handler({{ request: {{ uri, method: 'GET' }} }}).uri;\n\
         console.log(JSON.stringify({}.map(uri)));\n",
        serde_json::to_string(&asked).expect("strings")
    );
    let node = Command::new("node").arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut node = match node {
        Ok(node) => node,
        // Node is no part of what this repository needs: only where it is at hand does the code run.
        Err(error) if error.kind() == ErrorKind::NotFound => return,
        Err(error) => panic!("node: {error}"),
    };
    node.stdin.take().expect("it is piped").write_all(script.as_bytes()).expect("node reads");
    let output = node.wait_with_output().expect("node ends");
    assert!(output.status.success(), "node: {}", output.status);
    let answered: Vec<String> = serde_json::from_slice(&output.stdout).expect("a list of paths");
    let expected: Vec<&str> = PATHS.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(answered, expected);
}
