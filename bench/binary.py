"""What is in the binary: `python3 -m bench.binary` links it once more with its symbols and adds up their sizes by
crate, beside the sections, which have all that no symbol names.
"""

import collections
import re
import tempfile

from .contender import target
from .process import run

#: Where the path of a demangled symbol begins: behind `<`, `&`, `dyn` and the like.
CRATE = re.compile(
    r"^(?:<|&|\*|\(|\[|mut |const |dyn |impl |for<[^>]*> )*([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::", re.IGNORECASE
)
#: Code and data that the program brings along, and what is only for the loader or the unwinder.
FAMILIES = (
    ("AWS SDK (aws_*)", re.compile(r"^aws_(?!lc)")),
    ("TLS and cryptography", re.compile(r"^(aws_lc|rustls|webpki|ring|ssh_key|sha2|hmac|p256|ecdsa)")),
    ("Kubernetes (kube, k8s_openapi, schemars, cel)", re.compile(r"^(kube|k8s_openapi|schemars|cel)")),
    ("HTTP (hyper, h2, axum, tower, http)", re.compile(r"^(hyper|h2|axum|tower|http)")),
    ("serde, JSON and YAML", re.compile(r"^(serde|saphyr)")),
    ("this operator", re.compile(r"^transfer_operator")),
    ("Rust's own library", re.compile(r"^(core|alloc|std|hashbrown|gimli|addr2line|miniz|rustc_demangle)$")),
    ("tokio, futures, tracing", re.compile(r"^(tokio|futures|tracing|mio)")),
    ("times and zones (jiff)", re.compile(r"^jiff")),
    ("command line (clap)", re.compile(r"^clap")),
    ("regular expressions", re.compile(r"^(regex|aho)")),
)
C_CODE = "C and assembly (aws-lc, libc's start)"


def crate_of(symbol):
    """The crate to which a demangled symbol belongs; None of C."""
    found = CRATE.match(symbol)
    return found[1] if found else None


def family_of(crate):
    if crate is None:
        return C_CODE
    return next((name for name, pattern in FAMILIES if pattern.match(crate)), "other crates")


def by_family(symbols):
    """Bytes by family of (size, demangled name), the largest first."""
    sums = collections.Counter()
    for size, name in symbols:
        sums[family_of(crate_of(name))] += size
    return sums.most_common()


def symbols(nm):
    """(size, name) of the lines of `nm --print-size --demangle`."""
    rows = [line.split(" ", 3) for line in nm.splitlines()]
    return [
        (int(row[1], 16), row[3]) for row in rows if len(row) == 4 and row[2] in "tTrRdDbBwWvV" and row[2] not in "bB"
    ]


def main():
    """Links to a file of its own, so that the delivered binary stays what it is."""
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/unstripped"
        flags = ["--locked", "--release", "--bin", "transfer-operator", "--", "-C", "strip=none", f"--emit=link={file}"]
        run("cargo", "rustc", *flags, env={"CARGO_TARGET_DIR": str(target())})
        rows = {
            "Section": sections(run("size", "-A", file)),
            "Code and data of": by_family(symbols(run("nm", "-SC", file))),
        }
    for head, lines in rows.items():
        print(f"| {head} | bytes |\n|---|---|")
        print("".join(f"| {name} | {size:,} |\n" for name, size in lines))


def sections(size):
    """(name, bytes) of the lines of `size -A`, what is loaded only."""
    rows = [line.split() for line in size.splitlines()]
    return [
        (row[0], int(row[1]))
        for row in rows
        if len(row) == 3 and row[2].isdigit() and int(row[2]) and int(row[1]) > 10_000
    ]


if __name__ == "__main__":
    main()
