//! SSH keys: text that a person wrote, or that a Secret holds, becomes one comparable public key.
//! Does no I/O, and no text that leaves this module carries a byte of the key it is about.

mod forms;
pub(crate) mod known_hosts;
mod private;
mod public;
mod trusted;

pub use private::{HostKey, host_key, public_of_private};
pub use public::{KeyIdentity, PublicKey, authorized_keys};
pub use trusted::{TrustedKey, at as at_line, trusted_keys};

use crate::text::Invisible;

/// Why a key was refused, and what to do about it. Never echoes the input: what was meant as a public key may turn
/// out to be a private one. Each command in quotes is run by a test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant says what it means")]
pub enum KeyError {
    #[error("ssh public key is empty: give one line \"<type> <base64> [comment]\"")]
    Empty,
    #[error("ssh public key spans several lines: give each key its own entry, unbroken")]
    SeveralLines,
    #[error(
        "two keys stand in one line, and the second would count as the comment of the first: give each its own entry or \
         line"
    )]
    TwoKeys,
    #[error(
        "this is a private key, not a public one: replace it if others could read it, and give the public key that \
         belongs to it, as the one line of a .pub file"
    )]
    PrivateKey,
    #[error(
        "this is a private key, not a public one: replace it if others could read it, and give the line that \
         \"ssh-keygen -y -f <file>\" prints"
    )]
    ReadablePrivateKey,
    #[error(
        "this is a private key in PuTTY's form, not a public key: replace it if others could read it, and give the line \
         that \"puttygen -L <file>\" prints"
    )]
    PuttyPrivateKey,
    #[error("ssh public key is in PEM form: give the line that \"ssh-keygen -i -m {0} -f <file>\" prints")]
    PemPublicKey(&'static str),
    #[error(
        "ssh public key is an Ed25519 key in PEM form, which ssh-keygen does not read: ask for the line of the .pub file, \
         or write ssh-ed25519, a blank, and what \"{{ printf '\\0\\0\\0\\013ssh-ed25519\\0\\0\\0\\040'; openssl pkey -pubin \
         -in <file> -outform DER | tail -c 32; }} | openssl base64 -A\" prints"
    )]
    PemEd25519,
    #[error("ssh public key is in SSH2 form (RFC 4716): give the line that \"ssh-keygen -i -f <file>\" prints")]
    Ssh2PublicKey,
    #[error("this is an X.509 certificate, no ssh public key: give the one line of a .pub file")]
    X509,
    #[error(
        "ssh public key has options before its type: AWS Transfer knows none, and without them the key may do more; \
         remove them if that is meant"
    )]
    Options,
    #[error("this is an ssh certificate, which AWS Transfer does not take: give the plain public key")]
    Certificate,
    #[error(
        "this is a hardware security key (sk-...), which AWS Transfer does not take: use one of {}",
        public::ALGORITHMS.join(", ")
    )]
    SecurityKey,
    #[error("this is a DSA key, which AWS Transfer does not take: use one of {}", public::ALGORITHMS.join(", "))]
    Dsa,
    #[error("ssh public key does not begin with a key type: it must be one of {}", public::ALGORITHMS.join(", "))]
    UnknownType,
    #[error("ssh public key stops after its type {0}: copy the whole line")]
    NoBody(&'static str),
    #[error("ssh public key of type {0} is damaged or cut short: copy the whole line again")]
    Damaged(&'static str),
    #[error("ssh public key is not of the type it names, {0}: copy the whole line again")]
    OtherType(&'static str),
    #[error("comment of the ssh public key holds a control character: remove it")]
    ControlCharacter,
    #[error(
        "ssh public key is {0} characters long, AWS Transfer takes {max}: shorten the comment or use a smaller key",
        max = public::MAX_LINE
    )]
    TooLong(usize),
    #[error("the text of the key holds {0}, which nobody sees: type a plain blank in its place, or nothing")]
    Invisible(Invisible),
    #[error(
        "the line begins with @revoked or @cert-authority, of which AWS Transfer knows nothing: a key that is revoked must \
         not stand here, and of an authority the host keys themselves are needed"
    )]
    Marked,
    #[error(
        "of a partner AWS Transfer takes host keys of ssh-rsa and ecdsa-sha2-nistp256/384/521 alone, and this one is of {0}: \
         give a line that \"ssh-keyscan -t rsa,ecdsa <host>\" prints"
    )]
    NotOfPartners(&'static str),
    #[error("the name of the host is hashed: give the line that \"ssh-keyscan <host>\" prints")]
    HashedHost,
    #[error("line {line}: {source}")]
    Line { line: usize, source: Box<KeyError> },
    #[error(
        "host key is {0} characters long, AWS Transfer takes {max}: use ed25519, ecdsa, or RSA up to 4096 bits",
        max = private::MAX_PEM
    )]
    HostKeyTooLong(usize),
    #[error("host key is not a private key in PEM form: give the file that ssh-keygen writes, not the .pub file")]
    NotPem,
    #[error(
        "host key is in PuTTY's form: give the file that \"puttygen <file> -O private-openssh -o <new file>\" writes"
    )]
    PuttyHostKey,
    #[error("host key is a public key: give the private key")]
    PublicInsteadOfPrivate,
    #[error("host key text holds more than one PEM section, or text around it: leave one private key and nothing else")]
    NotOneSection,
    #[error("host key is protected by a passphrase: remove it with \"ssh-keygen -p -N '' -f <file>\"")]
    Encrypted,
    #[error(
        "host key is protected by a passphrase: give the file that \"openssl pkey -in <file> -out <new file>\" writes"
    )]
    EncryptedPkcs8,
    #[error(
        "host key is damaged, or of a kind that AWS Transfer does not take: use RSA (2048 to 4096 bits), ECDSA (P-256, P-384, \
         P-521) or ed25519"
    )]
    UnsupportedHostKey,
    #[error("host key is an RSA key below {} bits: generate a larger one", private::MIN_RSA_BITS)]
    RsaTooSmall,
    #[error("host key is damaged or cut short: copy the whole file again")]
    DamagedHostKey,
}

impl KeyError {
    /// Where the text cannot be read and holds what nobody sees, that is why.
    fn or_invisible(self, text: &str) -> Self {
        let unreadable = matches!(
            self,
            Self::UnknownType
                | Self::NoBody(_)
                | Self::Damaged(_)
                | Self::NotPem
                | Self::UnsupportedHostKey
                | Self::DamagedHostKey
        );
        match crate::text::invisible(text) {
            Some(found) if unreadable => Self::Invisible(found),
            _ => self,
        }
    }
}

/// Whether two fingerprints name the same key. AWS prints the base64 with `=`, ssh-keygen without.
#[must_use]
pub(crate) fn fingerprints_equal(a: &str, b: &str) -> bool {
    a.trim_end_matches('=') == b.trim_end_matches('=')
}

#[cfg(test)]
mod tests;
