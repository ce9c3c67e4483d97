//! Which source file names something of which other one, read from its paths: `use` trees, and paths in code. It knows
//! no compiler: what is imported under another name, or comes out of a macro, is not seen a second time.

use std::collections::{BTreeMap, BTreeSet};

/// Files by their path below `src`, with their code.
pub struct Imports {
    modules: BTreeMap<Vec<String>, String>,
    edges: BTreeSet<(Vec<String>, Vec<String>)>,
}

impl Imports {
    pub fn read<'a>(files: impl Iterator<Item = (&'a str, String)>) -> Self {
        let files: Vec<(Vec<String>, &str, String)> = files.map(|(path, code)| (module(path), path, code)).collect();
        let modules: BTreeMap<Vec<String>, String> =
            files.iter().map(|(module, path, _)| (module.clone(), (*path).to_owned())).collect();
        let mut edges = BTreeSet::new();
        for (from, _, code) in &files {
            for path in paths(code) {
                let named = resolved(from, &path);
                let to = (1..=named.len()).rev().find_map(|length| modules.get_key_value(&named[..length]));
                edges.extend(to.map(|(to, _)| (from.clone(), to.clone())).filter(|(from, to)| from != to));
            }
        }
        Self { modules, edges }
    }

    /// What files whose path begins so name in this module.
    pub fn naming(&self, folder: &str, of: &str) -> Vec<String> {
        let of: Vec<String> = of.split("::").map(str::to_owned).collect();
        let found = self.edges.iter().filter(|(from, to)| to.starts_with(&of) && self.file(from).starts_with(folder));
        found.map(|(from, to)| format!("src/{} names {}", self.file(from), to.join("::"))).collect()
    }

    /// What names each other in a circle, or lies between two. A folder and what is in it are one thing.
    pub fn circles(&self) -> Vec<String> {
        let related = |(one, other): &&(Vec<String>, Vec<String>)| one.starts_with(other) || other.starts_with(one);
        let mut left: BTreeSet<_> = self.edges.iter().filter(|edge| !related(edge)).collect();
        loop {
            let starts: BTreeSet<_> = left.iter().map(|(from, _)| from).collect();
            let ends: BTreeSet<_> = left.iter().map(|(_, to)| to).collect();
            let kept: BTreeSet<_> =
                left.iter().filter(|(from, to)| starts.contains(to) && ends.contains(from)).copied().collect();
            if kept.len() == left.len() {
                return left.iter().map(|(from, to)| format!("{} -> {}", self.file(from), self.file(to))).collect();
            }
            left = kept;
        }
    }

    fn file(&self, module: &[String]) -> &str {
        &self.modules[module]
    }
}

fn module(path: &str) -> Vec<String> {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').map(str::to_owned).collect()
}

/// Every path of ours in the code, with what stands in braces taken apart.
fn paths(code: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for start in ["crate::", "super::", "self::", "transfer_operator::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|before| before.is_alphanumeric() || "_:$".contains(before)) {
                tree(&code[at..], &[], &mut found);
            }
        }
    }
    found
}

/// Reads one path from where it begins; answers what stands behind it.
fn tree<'a>(code: &'a str, before: &[String], found: &mut Vec<Vec<String>>) -> &'a str {
    let mut path = before.to_vec();
    let mut rest = code.trim_start();
    loop {
        if let Some(inner) = rest.strip_prefix('{') {
            rest = inner.trim_start();
            while !rest.is_empty() && !rest.starts_with('}') {
                rest = tree(rest, &path, found).trim_start();
                let end = rest.find([',', '}']).unwrap_or(rest.len());
                rest = rest[end..].trim_start_matches(',').trim_start();
            }
            return rest.strip_prefix('}').unwrap_or(rest);
        }
        let end = rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        path.push(rest[..end].to_owned());
        rest = &rest[end..];
        match rest.strip_prefix("::") {
            Some(behind) => rest = behind.trim_start(),
            None => break,
        }
    }
    found.push(path);
    rest
}

/// The same path from the root.
fn resolved(from: &[String], path: &[String]) -> Vec<String> {
    let mut named: Vec<String> = match path[0].as_str() {
        "crate" | "transfer_operator" => Vec::new(),
        _ => from.to_vec(),
    };
    for step in path {
        match step.as_str() {
            "super" => _ = named.pop(),
            "self" | "crate" | "transfer_operator" | "" => {}
            other => named.push(other.to_owned()),
        }
    }
    named
}

#[test]
fn a_circle_of_files_is_found() {
    let circle = [
        ("a/mod.rs", "use crate::b::{self, c::X};"),
        ("a/d.rs", "use super::Y;\nuse crate::\n    e::{f::G, h};"),
        ("b/mod.rs", "pub(super) fn x() {}"),
        ("b/c.rs", "fn x() { super::super::e::z(1) }"),
        ("e.rs", "use crate::a::d;"),
    ];
    let imports = Imports::read(circle.iter().map(|(path, code)| (*path, (*code).to_owned())));
    assert_eq!(imports.circles(), ["a/d.rs -> e.rs", "e.rs -> a/d.rs"]);
    assert_eq!(imports.naming("b/", "e"), ["src/b/c.rs names e"]);
    assert_eq!(imports.naming("a/", "b::c"), ["src/a/mod.rs names b::c"]);
}
