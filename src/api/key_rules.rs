//! Rules of SSH public keys, in CEL. They stand on the list: the API server prints the value that breaks a rule of a
//! text, and what was pasted for a public key may be a private one. Comfort only; `crate::ssh` judges.

use schemars::Schema;
use serde_json::{Value, json};

/// A key that AWS Transfer may take. Byte-order marks do not count.
const GOOD: &str = r"k.publicKey.matches('^[\\x{FEFF}\\x09-\\x0D ]*(ssh-rsa|ssh-ed25519|ecdsa-sha2-nistp(256|384|521))[ \\t]+[A-Za-z0-9+/]+={0,3}([ \\t][^\\x0A-\\x0D]*)?[\\x09-\\x0D ]*$')";

/// What is told apart, each with what is said of it. No key is two of them.
const BAD: [(&str, &str); 5] = [
    (
        "k.publicKey.matches('PRIVATE KEY|PuTTY-User-Key-File')",
        "is a private key: replace it if others could read it, and give the public key, the one line of a .pub file",
    ),
    (
        r"k.publicKey.matches('^\\s*[a-z0-9-]+-cert-v01@openssh')",
        "is an ssh certificate, which AWS Transfer does not take: give the plain public key",
    ),
    (
        r"k.publicKey.matches('^\\s*sk-[a-z0-9-]+@openssh')",
        "is of a hardware security key (sk-...), which AWS Transfer does not take: use ssh-ed25519, ssh-rsa or \
         ecdsa-sha2-nistp256/384/521",
    ),
    (
        r"k.publicKey.matches('[^\\s]\\s+(ssh-|ecdsa-|sk-)[a-z0-9@.-]+\\s+AAAA') && !k.publicKey.matches('^\\W*(ssh-|ecdsa-|sk-)')",
        "has options before its type, such as from= or command=: AWS Transfer knows none, and without them the key may do \
         more; remove them if that is meant",
    ),
    (
        r"k.publicKey.matches('^\\W*(ssh-|ecdsa-)[a-z0-9-]+\\s+AAAA[\\s\\S]*(ssh-[a-z0-9]+|nistp[0-9]+|@openssh.com)\\s+AAAA')",
        "holds two keys, and the second would count as the comment of the first: give each an entry of its own",
    ),
];

/// Public keys in other forms than OpenSSH's, likewise. Each has a mark.
const FORMS: [(&str, &str); 5] = [
    (
        "k.publicKey.contains('---- BEGIN ') && !k.publicKey.contains('PRIVATE KEY')",
        "is in SSH2 form (RFC 4716): give the line that \"ssh-keygen -i -f <file>\" prints",
    ),
    (
        "k.publicKey.contains('-----BEGIN RSA PUBLIC KEY')",
        "is in PEM form: give the line that \"ssh-keygen -i -m PEM -f <file>\" prints",
    ),
    (
        r"k.publicKey.matches('-----BEGIN PUBLIC KEY-----\\s+MCowBQYDK2VwAyEA')",
        "is an Ed25519 key in PEM form, which ssh-keygen does not read: ask for the one line of the .pub file",
    ),
    (
        "k.publicKey.contains('-----BEGIN CERTIFICATE')",
        "is an X.509 certificate, no ssh public key: give the one line of a .pub file",
    ),
    (
        r"k.publicKey.contains('-----BEGIN ') && !k.publicKey.matches('PRIVATE KEY|BEGIN (RSA PUBLIC KEY|CERTIFICATE)|BEGIN PUBLIC KEY-----\\s+MCowBQYDK2VwAyEA')",
        "is in PEM form: give the line that \"ssh-keygen -i -m PKCS8 -f <file>\" prints",
    ),
];

/// Whether there is a mark of such a form: what a rule may cost has no room for all of them.
const MARKED: &str = "k.publicKey.contains('-----BEGIN ') || k.publicKey.contains('---- BEGIN ')";

/// What was copied from a text for reading looks right and is not.
const INVISIBLE: &str =
    r"k.publicKey.matches('[\\x{A0}\\x{AD}\\x{2000}-\\x{200F}\\x{2028}-\\x{202F}\\x{205F}-\\x{2064}\\x{3000}]')";

/// The list of a user's keys.
pub(super) fn public_keys(schema: &mut Schema) {
    let told: Vec<String> = BAD.iter().map(|(bad, _)| format!("({bad})")).collect();
    let unknown = format!("!{GOOD} && !({MARKED} || {})", told.join(" || "));
    let mut rules: Vec<Value> = BAD.iter().chain(&FORMS).map(|(bad, told)| rule(bad, told)).collect();
    rules.push(rule(
        &format!("{unknown} && {INVISIBLE}"),
        "holds a character that nobody sees, such as a no-break space (U+00A0): type a plain blank in its place, or nothing",
    ));
    rules.push(rule(
        &format!("{unknown} && !{INVISIBLE}"),
        "must be one line of OpenSSH form: ssh-rsa, ssh-ed25519 or ecdsa-sha2-nistp256/384/521, the key, a comment",
    ));
    rules.push(rule(
        &format!("size(k.publicKey) > 2048 && {GOOD}"),
        "is longer than AWS Transfer takes, 2048 characters: shorten the comment or use a smaller key",
    ));
    rules.push(unique());
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("x-kubernetes-validations".to_owned(), rules.into());
    }
}

/// No key is like this. Which one is, is not told: what finds its place costs more than the API server lets a rule.
fn rule(bad: &str, told: &str) -> Value {
    json!({ "rule": format!("!self.exists(k, {bad})"), "message": format!("sshPublicKeys: a publicKey {told}") })
}

/// AWS refuses a key that the user has already.
fn unique() -> Value {
    json!({
        "rule": "self.all(a, self.exists_one(b, a.publicKey == b.publicKey))",
        "message": "sshPublicKeys: the same key twice",
    })
}
