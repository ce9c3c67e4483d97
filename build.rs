//! How the operator is linked; nothing is generated here.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let of_target = |what: &str| env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    // Which addresses the loader has to put right is listed packed: a twentieth of the file, and of what it keeps of it in
    // memory. The loader has to know of it: glibc 2.36 does, which is that of Debian 12.
    if of_target("OS") == "linux" && of_target("ENV") == "gnu" {
        println!("cargo::rustc-link-arg-bin=transfer-operator=-Wl,-z,pack-relative-relocs");
    }
}
