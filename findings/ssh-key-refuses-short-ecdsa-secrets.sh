#!/usr/bin/env bash
# ssh-key 0.6.7: whether it reads the P-521 private keys that ssh-keygen writes.
#
# OpenSSH's private key format holds the secret number of an ECDSA key as an mpint: zeros in front are left out, and one
# stands there again where the first bit is set. A P-521 secret has 521 bits, so it is one byte shorter than its curve
# about once in four. ssh-key reads it in the full width of the curve only: every fourth new key of ssh-keygen is an
# error, while ssh-keygen itself reads them all. P-256 and P-384 are hit about once in 512.
#
#   seen 2026-11-28, ssh-key 0.6.7, OpenSSH 9.2: of 60 new keys those whose secret has 66 bytes are read, and those of 65
#   bytes are refused; ssh-keygen reads all 60.
#
# Without the product: a program of a few lines in a temporary folder. Needs cargo, ssh-keygen and python3.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat >Cargo.toml <<'TOML'
[package]
name = "reads"
version = "0.0.0"
edition = "2021"
[dependencies]
ssh-key = { version = "=0.6.7", default-features = false, features = ["alloc", "ecdsa", "std"] }
TOML
cat >src/main.rs <<'RUST'
fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        match ssh_key::PrivateKey::from_openssh(&text) {
            Ok(_) => println!("{path} read"),
            Err(error) => println!("{path} refused: {error}"),
        }
    }
}
RUST
cargo build --quiet
for index in $(seq 60); do
  ssh-keygen -q -t ecdsa -b 521 -N '' -C '' -f "key-$index"
  ssh-keygen -y -f "key-$index" >/dev/null
done
./target/debug/reads $(ls | grep -x "key-[0-9]*") >told
python3 - told <<'PY'
import base64, collections, struct, sys

def secret_bytes(path):
    """How long the secret number of an unencrypted OpenSSH key is, in bytes."""
    data = base64.b64decode("".join(open(path).read().split("\n")[1:-2]))
    def string(data, at):
        (length,) = struct.unpack(">I", data[at:at + 4])
        return data[at + 4:at + 4 + length], at + 4 + length
    at = len(b"openssh-key-v1\0")
    for _ in range(3):
        _, at = string(data, at)
    _, at = string(data, at + 4)
    private, _ = string(data, at)
    at = 8
    for _ in range(3):
        _, at = string(private, at)
    return len(string(private, at)[0])

told = collections.Counter()
for line in open(sys.argv[1]):
    path, outcome = line.split(maxsplit=1)
    told[secret_bytes(path), outcome.split(":")[0].strip()] += 1
for (size, outcome), count in sorted(told.items()):
    print(f"secret of {size} bytes: {outcome}, {count} keys")
short = {outcome for (size, outcome) in told if size < 66}
full = {outcome for (size, outcome) in told if size >= 66}
if short == {"refused"} and full == {"read"}:
    print("as seen on 2026-11-28")
else:
    sys.exit("behaviour has changed (or, once in 30 million runs, no key of 60 was short)")
PY
