//! What may know what, and how long things may get. A short cut through the layers fails here.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use imports::Imports;
use transfer_operator::api::ManagedKind;

#[path = "support/imports.rs"]
mod imports;

/// A file has one job; what no longer fits has two. Lines of code: a comment is no reason to take a file apart.
const FILE_LINES: usize = 400;
/// The name of a test, in characters.
const TEST_NAME: usize = 70;
/// A function fits on a screen.
const FUNCTION_LINES: usize = 60;

/// A source file without its tests.
struct Source {
    path: String,
    lines: Vec<String>,
}

impl Source {
    /// Lines that are code: number and text without comment.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| {
            let code = line.split("//").next().unwrap_or_default();
            (!code.trim().is_empty()).then_some((index + 1, code))
        })
    }

    fn within(&self, folder: &str) -> bool {
        self.path.starts_with(folder)
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let sources: Vec<Source> = paths.iter().filter(|path| !is_test(path)).map(|path| read(&root, path)).collect();
    assert!(sources.len() > 250, "only {} sources found", sources.len());
    // Not tests, whatever their names end in.
    for path in ["api/login_test.rs", "kinds/server/login_test.rs"] {
        assert!(sources.iter().any(|source| source.path == path), "{path} is not measured");
    }
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Files and folders that hold nothing but tests.
fn is_test(path: &Path) -> bool {
    let named = |text: &str| text == "tests" || text.ends_with("_tests");
    path.with_extension("").iter().any(|part| part.to_str().is_some_and(named))
}

/// Tests stand at the end of a file, or in a module of their own.
fn read(root: &Path, path: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let begins = |pair: &[String]| pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{');
    let end = lines.windows(2).position(begins).unwrap_or(lines.len());
    let path = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    Source { path, lines: lines[..end].to_vec() }
}

/// Where any of the words stands in the code of these files.
fn mentions(sources: &[Source], of: impl Fn(&Source) -> bool, words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| of(source)) {
        for (number, code) in source.code() {
            if words.iter().any(|word| code.contains(word)) {
                found.push(format!("src/{}:{number}: {}", source.path, code.trim()));
            }
        }
    }
    found
}

/// Who must not name what: files whose path begins so, modules, and the files to which it does not apply.
const RULES: &[(&str, &[&str], &[&str])] = &[
    // What a person writes rests on nothing of ours.
    (
        "api/",
        &[
            "aws",
            "cluster",
            "engine",
            "kinds",
            "leader_election",
            "metrics",
            "plugin",
            "policy",
            "sim",
            "ssh",
            "run",
            "admin",
            "cli",
            "watch",
            "text",
            "shard",
            "sync",
        ],
        &[],
    ),
    ("cluster/", &["aws", "engine", "kinds", "run", "watch", "metrics", "admin", "leader_election"], &[]),
    ("aws/", &["cluster", "engine", "kinds", "run", "watch", "metrics", "admin", "leader_election"], &[]),
    ("engine/", &["cluster::kube", "cluster::store", "kinds", "run", "watch", "metrics", "admin"], &[]),
    ("kinds/", &["run", "watch", "metrics", "admin", "leader_election"], &[]),
    ("sim/", &["api", "cluster", "engine", "kinds", "run", "watch", "metrics", "admin"], &[]),
    ("fakes/", &["aws", "engine", "kinds", "sim", "run", "watch", "metrics", "admin", "leader_election"], &[]),
    // The command line is a reader on top.
    ("plugin/", &["engine", "run", "admin", "cluster", "metrics", "watch", "leader_election"], &[]),
    ("", &["plugin"], &["plugin/", "bin/kubectl-transfer.rs"]),
    // What is delivered knows no simulated AWS.
    ("", &["sim"], &["sim/", "bin/transfer-sim.rs", "kinds/fakes/"]),
    ("", &["fakes"], &["fakes/", "kinds/fakes/"]),
];

fn imports(sources: &[Source]) -> Imports {
    let code = |source: &Source| source.code().map(|(_, code)| code.to_owned() + "\n").collect();
    Imports::read(sources.iter().map(|source| (source.path.as_str(), code(source))))
}

#[test]
fn each_layer_knows_only_what_is_below_it() {
    let imports = imports(&sources());
    let mut found = Vec::new();
    for (folder, modules, except) in RULES {
        let named = modules.iter().flat_map(|module| imports.naming(folder, module));
        found.extend(named.filter(|line| !except.iter().any(|except| line.starts_with(&format!("src/{except}")))));
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// A file that needs one that needs it cannot be read, nor changed, without that one.
#[test]
fn no_files_need_each_other_in_a_circle() {
    let circles = imports(&sources()).circles();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn the_engine_knows_no_kind_and_no_sdk() {
    let mut words = vec!["aws_sdk", "aws_smithy", "kinds", "AwsIdentity"];
    words.extend(ManagedKind::ALL.iter().map(|kind| kind.name()));
    let found = mentions(&sources(), |source| source.within("engine/"), &words);
    assert!(found.is_empty(), "{found:#?}");
}

/// Whoever sends a call by its name knows what it is about: that is the kind.
#[test]
fn the_engine_names_no_call_of_aws() {
    let words = ["aws::transfer", "describe_"];
    let mut found = mentions(&sources(), |source| source.within("engine/"), &words);
    let variant = |line: &String| {
        line.split("Mutation::").skip(1).any(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
    };
    found.extend(mentions(&sources(), |source| source.within("engine/"), &["Mutation::"]).into_iter().filter(variant));
    assert!(found.is_empty(), "{found:#?}");
}

/// A kind says in its `WORDS` how messages call it; another one would be told of as what it is not.
#[test]
fn the_engine_calls_nothing_by_the_name_of_a_kind() {
    let nouns = ManagedKind::ALL.iter().map(|kind| kind.noun()).chain(["login"]);
    let nouns: Vec<String> = nouns.flat_map(|noun| ["", "s", "es"].map(|end| format!("{noun}{end}"))).collect();
    let nouns: Vec<&str> = nouns.iter().map(String::as_str).collect();
    // Kubernetes' own server, and words of AWS by which an answer of it is known.
    let others = ["API server", "\"Cannot list users on server with IdP type\""];
    let mut found = mentions(&sources(), |source| source.within("engine/"), &nouns);
    found.retain(|line| {
        let code = line.split_once(": ").map_or("", |(_, code)| code);
        let code = others.iter().fold(code.to_owned(), |code, other| code.replace(other, ""));
        code.split(|letter: char| !letter.is_ascii_alphabetic()).any(|word| nouns.contains(&word))
    });
    assert!(found.is_empty(), "{found:#?}");
}

/// What is decided, compared and told is a function of what it is handed: no clock, no task, no door. So is whatever says
/// of itself that it is pure.
#[test]
fn decisions_wait_for_nothing_and_ask_no_clock() {
    let pure = ["decide/", "status.rs", "diff.rs", "backoff.rs", "queue.rs"];
    let sources = sources();
    let within =
        |source: &Source| pure.iter().any(|path| source.within(&format!("engine/{path}"))) || says_pure(source);
    let words = ["async ", "::now()", ".elapsed()", "Engine<", "KubeApi", "ReconcileContext", "Request<"];
    let found = mentions(&sources, within, &words);
    assert!(found.is_empty(), "{found:#?}");
    let say = sources.iter().filter(|source| says_pure(source)).count();
    assert!(say > 50, "only {say} files say that they are pure");
}

fn says_pure(source: &Source) -> bool {
    let head = source.lines.iter().map_while(|line| line.strip_prefix("//!"));
    head.flat_map(|line| line.split([' ', '.', ',', ':', ';'])).any(|word| word == "Pure")
}

/// What is decided is a row of a table and seen by the model; what acts has only the choices that it is handed.
#[test]
fn what_acts_chooses_nothing() {
    let choices = [
        "proves_nothing_made",
        "AwsErrorKind::Exists",
        "contradicts(",
        "of_one_call(",
        "in_use(",
        "holdable(",
        "UpdateFacts",
        ".progress(",
        ".observes()",
        ".protected",
        ".suspend()",
        "adopts(",
    ];
    let found = mentions(&sources(), |source| source.within("engine/act/"), &choices);
    assert!(found.is_empty(), "{found:#?}");
}

/// Methods that stand beside their type are found with it; a type that gets them everywhere is everybody's.
#[test]
fn methods_stand_in_the_file_of_their_type() {
    let mut found = Vec::new();
    for source in &sources() {
        let types: Vec<&str> = source.code().filter_map(|(_, code)| declared(code)).collect();
        for (number, code) in source.code() {
            if extended(code).is_some_and(|name| !types.contains(&name)) {
                found.push(format!("src/{}:{number}: {code}", source.path));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// The type that a line declares, in its own words or as the kind of a custom resource.
fn declared(code: &str) -> Option<&str> {
    let rest = code.trim_start();
    let rest = rest.strip_prefix("pub").map_or(rest, |rest| match rest.split_once(") ") {
        Some((within, rest)) if within.starts_with('(') => rest,
        _ => rest.trim_start(),
    });
    let words = ["struct ", "enum ", "trait ", "type "];
    let name = words.iter().find_map(|word| rest.strip_prefix(word));
    let name = name.or_else(|| code.split_once("kind = \"").map(|(_, rest)| rest))?;
    name.split(|letter: char| !letter.is_alphanumeric()).next()
}

/// The type to which an inherent `impl` that begins on this line adds methods.
fn extended(code: &str) -> Option<&str> {
    let rest = code.strip_prefix("impl").filter(|_| !code.contains(" for "))?;
    let mut depth = 0;
    let start = rest.find(|letter: char| {
        depth += i32::from(letter == '<') - i32::from(letter == '>');
        depth == 0 && letter == ' '
    })?;
    let path = rest[start..].trim_start().trim_start_matches("dyn ");
    let path = path.split(['<', ' ', '{']).next()?;
    path.rsplit("::").next()
}

#[test]
fn a_method_away_from_its_type_is_found() {
    let rows = [
        ("impl Deps {", Some("Deps")),
        ("impl<K: Kind> Engine<K> {", Some("Engine")),
        ("impl<O: Resource<DynamicType = ()> + 'static> Queue<O> {", Some("Queue")),
        ("impl From<Reason> for Unresolved {", None),
        ("    impl Inner {", None),
    ];
    for (code, expected) in rows {
        assert_eq!(extended(code), expected, "{code}");
    }
    assert_eq!(declared("    pub(in crate::engine) struct Known<K: Kind> {"), Some("Known"));
    assert_eq!(declared("pub struct Deps {"), Some("Deps"));
    assert_eq!(declared("    kind = \"TransferUser\","), Some("TransferUser"));
}

#[test]
fn only_the_door_to_aws_knows_the_sdk() {
    let door = [
        "aws/sdk",
        "aws/transfer",
        "aws/ec2/client.rs",
        "aws/account_clients.rs",
        "aws/sts.rs",
        "aws/http.rs",
        "aws/credentials.rs",
        "sim/",
    ];
    let outside = |source: &Source| !door.iter().any(|path| source.within(path));
    let found = mentions(&sources(), outside, &["aws_sdk", "aws_smithy", "aws_config", "aws_credential_types"]);
    assert!(found.is_empty(), "{found:#?}");
}

/// The command line takes of the kinds only the reading of a spec, and sends no mutation.
#[test]
fn the_command_line_only_reads() {
    let words = ["Mutation", ".mutate(", ".permit(", ".create(", ".patch(", ".replace_status(", ".delete("];
    let mut found = mentions(&sources(), |source| source.within("plugin/"), &words);
    let of_kinds = mentions(&sources(), |source| source.within("plugin/"), &["crate::kinds"]);
    let reading = ["use crate::kinds::home;", "use crate::kinds::preview;"];
    found.extend(of_kinds.into_iter().filter(|line| !reading.iter().any(|allowed| line.ends_with(allowed))));
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn kinds_reach_kubernetes_through_the_door_only() {
    let found = mentions(&sources(), |source| source.within("kinds/"), &["kube::Client", "kube::Api", "kube::runtime"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_one_place_knows_how_metrics_are_written() {
    let outside = |source: &Source| {
        !["metrics.rs", "admin.rs"].contains(&source.path.as_str()) && !source.path.starts_with("metrics/")
    };
    let found = mentions(&sources(), outside, &["prometheus_client"]);
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn no_file_has_two_jobs() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source, source.code().count()))
        .filter(|(_, lines)| *lines > FILE_LINES)
        .map(|(source, lines)| format!("src/{}: {lines} lines", source.path))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

/// What a new kind has to say fits on a screen too. Whoever needs more finds a second trait in it, as tags and parents
/// are.
#[test]
fn a_kind_is_asked_ten_things_at_most() {
    let sources = sources();
    let kind = sources.iter().find(|source| source.path == "engine/kind.rs").unwrap();
    let code: Vec<&str> = kind.code().map(|(_, code)| code).collect();
    // No other trait of ours stands behind it, with methods of its own.
    let start = code.iter().position(|code| *code == "pub trait Kind: Send + Sync + Sized + 'static {").unwrap();
    let asked = code[start..].iter().take_while(|code| **code != "}").filter(|code| is_function(code)).count();
    assert!((1..=10).contains(&asked), "{asked} methods");
}

/// What no module names is not compiled, and tests in it prove nothing.
#[test]
fn every_source_file_is_in_a_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let texts: Vec<(&PathBuf, String)> = paths.iter().map(|path| (path, fs::read_to_string(path).unwrap())).collect();
    for path in &paths {
        let module = if path.ends_with("mod.rs") { path.parent().unwrap() } else { path };
        let (folder, stem) = (module.parent().unwrap(), module.file_stem().unwrap().to_str().unwrap());
        let declares = [format!("mod {stem};"), format!("/{stem}.rs\"]"), format!("path = \"{stem}.rs\"]")];
        let named = texts.iter().any(|(other, text)| {
            let above = other.parent() == Some(folder) || other.with_extension("") == folder;
            above && declares.iter().any(|declares| text.contains(declares))
        });
        let begins = module == root || folder.ends_with("bin") || (folder == root && matches!(stem, "lib" | "main"));
        assert!(named || begins, "{} is in no module", path.display());
    }
}

/// A name that is longer says two things, or explains: then the test has a comment.
#[test]
fn the_name_of_a_test_fits_on_a_line() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src", "tests"] {
        collect(&root.join(folder), &mut paths);
    }
    let mut tests = 0;
    for path in &paths {
        let text = fs::read_to_string(path).unwrap();
        for name in test_names(&text) {
            let length = name.chars().count();
            assert!(length <= TEST_NAME, "{}: {name}: {length} characters", path.display());
            tests += 1;
        }
    }
    assert!(tests > 1300, "only {tests} tests found");
}

/// The names of the tests in a file: of functions, of `scenarios!`, and of the checks that no harness runs.
fn test_names(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let marked = |line: &str| line.starts_with("#[test]") || line.starts_with("#[tokio::test");
    let functions = lines.iter().enumerate().filter(|(_, line)| marked(line)).filter_map(|(start, _)| {
        let named = lines[start..].iter().find_map(|line| line.trim_start_matches("async ").strip_prefix("fn "));
        named?.split(['(', '<']).next()
    });
    let listed = |opens: fn(&str) -> bool, ends: &'static str| {
        let start = lines.iter().position(|line| opens(line)).map_or(lines.len(), |start| start + 1);
        lines[start..].iter().take_while(move |line| **line != ends)
    };
    let scenarios =
        listed(|line| line == "scenarios! {", "}").filter_map(|line| line.split_once(": ")).map(|(name, _)| name);
    let checks = listed(|line| line.trim_start_matches("pub ").starts_with("const CHECKS: [(&str, fn("), "];")
        .filter_map(|line| line.split('"').nth(1));
    functions.chain(scenarios).chain(checks).map(str::to_owned).collect()
}

#[test]
fn every_form_of_a_test_has_its_name_measured() {
    let text = [
        "#[test]",
        "#[ignore]",
        "fn one() {",
        "#[tokio::test]",
        "async fn two(",
        "scenarios! {",
        "    three: x => y;",
        "}",
        "const CHECKS: [(&str, fn()); 1] = [",
        "    (\"the fourth\", fourth),",
        "];",
    ];
    assert_eq!(test_names(&text.join("\n")), ["one", "two", "three", "the fourth"]);
}

#[test]
fn a_function_fits_on_a_screen() {
    let long: Vec<String> = sources().iter().flat_map(long_functions).collect();
    assert!(long.is_empty(), "{long:#?}");
}

fn long_functions(source: &Source) -> Vec<String> {
    let long = functions(source).into_iter().filter(|(_, length)| *length > FUNCTION_LINES);
    long.map(|(line, length)| format!("src/{}:{line}: {length} lines", source.path)).collect()
}

/// Where functions begin and how long they are. They end at the brace that stands as far left as they begin: the
/// formatter sees to that.
fn functions(source: &Source) -> Vec<(usize, usize)> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = source.lines.iter().enumerate().filter(|(_, line)| is_function(line));
    let measured = begins.map(|(start, line)| {
        let ends = |other: &&String| {
            indent(other) == indent(line) && matches!(other.trim_end().chars().last(), Some('}' | ';'))
        };
        (start + 1, source.lines[start..].iter().position(|other| ends(&other)).map_or(0, |last| last + 1))
    });
    measured.collect()
}

/// Lines that are code per folder, the type of the engine with most methods of its own, functions, and what stands in
/// for the doors to AWS and Kubernetes in tests: `cargo test --test layering -- --ignored --nocapture`.
#[test]
#[ignore = "prints how large the house is"]
fn how_large_it_is() {
    let sources = sources();
    let (mut folders, mut methods) = (BTreeMap::<&str, usize>::new(), BTreeMap::<String, usize>::new());
    for source in &sources {
        *folders.entry(source.path.split_once('/').map_or("(root)", |(folder, _)| folder)).or_default() +=
            source.code().count();
        let mut of = None;
        for (_, code) in source.code().filter(|_| source.within("engine/")) {
            match extended(code) {
                Some(name) => of = Some(name.to_owned()),
                None if code.starts_with(|first: char| !first.is_whitespace()) => of = None,
                None => {}
            }
            if let Some(name) = of.as_ref().filter(|_| is_function(code)) {
                *methods.entry(name.clone()).or_default() += 1;
            }
        }
    }
    println!("lines: {} of {folders:?}", folders.values().sum::<usize>());
    println!("the engine's largest type: {:?}", methods.iter().max_by_key(|(_, methods)| **methods));
    let mut lengths: Vec<usize> = sources.iter().flat_map(functions).map(|(_, length)| length).collect();
    lengths.sort_unstable();
    println!("functions: {}, median {}, largest {:?}", lengths.len(), lengths[lengths.len() / 2], lengths.last());
    println!("fakes: {:?}", fakes());
}

/// Who stands in for a door in tests; seeded defects and what only looks on are decorators, and none of these.
fn fakes() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in ["src/fakes", "src/kinds", "src/engine", "tests/convergence"] {
        collect(&root.join(folder), &mut paths);
    }
    paths.retain(|path| !path.iter().any(|part| part == "defects") && !path.ends_with("sdk.rs"));
    let mut found = Vec::new();
    for path in &paths {
        for line in fs::read_to_string(path).unwrap().lines().filter(|line| line.starts_with("impl")) {
            let door = [" KubeApi for ", " AwsApi for "].iter().find_map(|door| line.split_once(door));
            let name = door.and_then(|(_, name)| name.split([' ', '<']).next());
            found.extend(name.map(|name| format!("{name} in {}", path.strip_prefix(root).unwrap().display())));
        }
    }
    found
}

/// Each fake more is an API server or an AWS more that lies in its own way.
#[test]
fn beside_the_code_there_are_two_fakes() {
    let beside: BTreeSet<String> = fakes().into_iter().filter(|fake| fake.contains(" in src/")).collect();
    assert_eq!(Vec::from_iter(beside), ["Door in src/kinds/fakes/cloud.rs", "Objects in src/kinds/fakes/scripted.rs"]);
}

fn is_function(line: &str) -> bool {
    let mut rest = line.trim_start();
    rest = rest.strip_prefix("pub(in ").and_then(|rest| rest.split_once(") ")).map_or(rest, |(_, rest)| rest);
    for word in ["pub ", "pub(crate) ", "pub(super) ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    rest.starts_with("fn ")
}

#[test]
fn the_measure_finds_a_long_function() {
    let body = std::iter::repeat_n("    call();".to_owned(), FUNCTION_LINES);
    let lines: Vec<String> =
        ["pub async fn long() {".to_owned()].into_iter().chain(body).chain(["}".to_owned()]).collect();
    let source = Source { path: "x.rs".to_owned(), lines };
    assert_eq!(long_functions(&source), [format!("src/x.rs:1: {} lines", FUNCTION_LINES + 2)]);
}
