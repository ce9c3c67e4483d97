//! Host private keys: which public key belongs to them. The private half is parsed, never kept, logged or returned.

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use secrecy::zeroize::Zeroizing;
use ssh_key::Mpint;
use ssh_key::public::{EcdsaPublicKey, Ed25519PublicKey, KeyData, RsaPublicKey};

use super::{KeyError, PublicKey, forms};
use crate::text;

/// AWS's limit for `HostKeyBody`, in characters.
pub(super) const MAX_PEM: usize = 4096;

/// The smallest RSA host key that AWS Transfer takes.
pub(super) const MIN_RSA_BITS: usize = 2048;

/// The smallest first: a SEC1 key may leave out its curve, and then only its own one is sure to refuse others.
static CURVES: [&EcdsaSigningAlgorithm; 3] =
    [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING];

/// How OpenSSH's own format begins.
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// What OpenSSH pads a key to that has no passphrase, in bytes.
const OPENSSH_BLOCK: u8 = 8;

/// Characters in a line of PEM, as ssh-keygen writes it.
const PEM_WIDTH: usize = 70;

/// A host key that AWS Transfer can take.
#[derive(Debug)]
pub struct HostKey {
    /// Its public half, without comment.
    pub public: PublicKey,
    /// The private key as it is sent to AWS.
    pub pem: SecretString,
}

/// Reads a host private key as people and their tools leave it: byte-order marks do not count, and what PuTTYgen and
/// dropbearconvert pad further than OpenSSH's form asks for is written anew.
///
/// # Errors
/// As [`public_of_private`].
pub fn host_key(given: &str) -> Result<HostKey, KeyError> {
    let given = Zeroizing::new(text::without_marks(given).into_owned());
    let pem = unpadded(&given).unwrap_or(given);
    let public = public_of_private(&pem).map_err(|error| error.or_invisible(&pem))?;
    Ok(HostKey { public, pem: SecretString::from(pem.as_str()) })
}

/// The public key, without comment, of a host private key: OpenSSH's own format, PKCS#1, SEC1 or PKCS#8.
///
/// # Errors
/// Everything that AWS Transfer would turn away: a passphrase, RSA below 2048 bits, more than 4096 characters, other
/// kinds of keys, a public key, anything but one PEM section.
pub fn public_of_private(pem: &str) -> Result<PublicKey, KeyError> {
    let length = pem.chars().count();
    if length > MAX_PEM {
        return Err(KeyError::HostKeyTooLong(length));
    }
    let (label, body) = only_section(pem)?;
    let data = match label {
        "OPENSSH PRIVATE KEY" => openssh(&decode(body)?)?,
        "RSA PRIVATE KEY" => pkcs1(&decode(body)?)?,
        "EC PRIVATE KEY" => sec1(&decode(body)?)?,
        "PRIVATE KEY" => pkcs8(&decode(body)?)?,
        "ENCRYPTED PRIVATE KEY" => return Err(KeyError::EncryptedPkcs8),
        "PUBLIC KEY" | "RSA PUBLIC KEY" => return Err(KeyError::PublicInsteadOfPrivate),
        _ => return Err(KeyError::UnsupportedHostKey),
    };
    PublicKey::from_key_data(data).ok_or(KeyError::UnsupportedHostKey)
}

/// Label and body of the one PEM section that the text consists of.
fn only_section(pem: &str) -> Result<(&str, &str), KeyError> {
    let text = pem.trim();
    if !text.starts_with("-----BEGIN ") {
        return Err(not_pem(text));
    }
    let (label, rest) =
        text.strip_prefix("-----BEGIN ").and_then(|rest| rest.split_once("-----")).ok_or(KeyError::DamagedHostKey)?;
    if rest.contains("-----BEGIN ") {
        return Err(KeyError::NotOneSection);
    }
    let (body, after) = rest.split_once(&format!("-----END {label}-----")).ok_or(KeyError::DamagedHostKey)?;
    if after.is_empty() { Ok((label, body)) } else { Err(KeyError::NotOneSection) }
}

/// Why a text that does not begin as PEM does was given as a host key.
fn not_pem(text: &str) -> KeyError {
    if text.contains("-----BEGIN ") {
        KeyError::NotOneSection
    } else if forms::is_putty(text) {
        KeyError::PuttyHostKey
    } else if forms::is_public(text) || PublicKey::parse(text).is_ok() {
        KeyError::PublicInsteadOfPrivate
    } else {
        KeyError::NotPem
    }
}

/// The bytes of a PEM body; one decoder for all formats, because the libraries' own ones differ in what line widths
/// they take.
fn decode(body: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    // RFC 1421 headers; OpenSSL's old way to say that the key is encrypted.
    if body.contains("Proc-Type:") && body.contains("ENCRYPTED") {
        return Err(KeyError::Encrypted);
    }
    // Room for all of it from the start: what grows leaves its former places behind, and those nobody wipes.
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    base64.extend(body.split_ascii_whitespace());
    let mut bytes = Zeroizing::new(Vec::with_capacity(base64.len()));
    STANDARD.decode_vec(base64.as_bytes(), &mut bytes).map_err(|_| KeyError::DamagedHostKey)?;
    Ok(bytes)
}

/// The same key of OpenSSH's own format with no more padding than it needs; `None` where it has none to spare. OpenSSH
/// reads the bytes 1, 2, 3 and so on to any length, ssh-key 0.6.7 no more than seven; of AWS nothing is known.
fn unpadded(pem: &str) -> Option<Zeroizing<String>> {
    let ("OPENSSH PRIVATE KEY", body) = only_section(pem).ok()? else { return None };
    let bytes = decode(body).ok()?;
    let (cipher, private) = sections(&bytes)?;
    let padding = *private.last()?;
    let (key, pad) = private.split_at_checked(private.len().checked_sub(padding.into())?)?;
    if cipher != b"none" || padding < OPENSSH_BLOCK || !pad.iter().copied().eq(1..=padding) {
        return None;
    }
    let needed = pad.get(..usize::from(padding % OPENSSH_BLOCK))?;
    let head = bytes.len().checked_sub(4 + private.len())?;
    let length = u32::try_from(key.len() + needed.len()).ok()?;
    let written = Zeroizing::new([bytes.get(..head)?, &length.to_be_bytes(), key, needed].concat());
    Some(to_pem("OPENSSH PRIVATE KEY", &written))
}

/// The same key of OpenSSH's own format for ssh-key 0.6.7 to read: it takes the secret number of an ECDSA key in the width
/// of its curve only, while OpenSSH leaves out zeros in front, as in every fourth P-521 key of its own. Only parsed, never
/// sent. `None` where nothing is missing.
fn widened(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (_cipher, private) = sections(bytes)?;
    let (_checks, rest) = private.split_at_checked(8)?;
    let (kind, rest) = string(rest)?;
    let (_curve, rest) = string(rest)?;
    let (_point, rest) = string(rest)?;
    let (scalar, after) = string(rest)?;
    let (comment, _padding) = string(after)?;
    let width: usize = match kind {
        b"ecdsa-sha2-nistp256" => 32,
        b"ecdsa-sha2-nistp384" => 48,
        b"ecdsa-sha2-nistp521" => 66,
        _ => return None,
    };
    let zeros = width.checked_sub(scalar.len()).filter(|zeros| *zeros > 0)?;
    let before = private.get(..private.len() - rest.len())?;
    let length = |part: &[u8]| u32::try_from(part.len()).map(u32::to_be_bytes);
    let number = Zeroizing::new([&vec![0; zeros], scalar].concat());
    let bare = before.len() + 4 + number.len() + 4 + comment.len();
    let pad: Vec<u8> = (1..OPENSSH_BLOCK).take(bare.next_multiple_of(OPENSSH_BLOCK.into()) - bare).collect();
    let parts = [before, &length(&number).ok()?, &number, &length(comment).ok()?, comment, &pad];
    let key = Zeroizing::new(parts.concat());
    let head = bytes.get(..bytes.len() - 4 - private.len())?;
    Some(Zeroizing::new([head, &length(&key).ok()?, &key].concat()))
}

/// Cipher and private section of a key of OpenSSH's own format.
fn sections(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (cipher, rest) = string(bytes.strip_prefix(OPENSSH_MAGIC)?)?;
    let (_kdf, rest) = string(rest)?;
    let (_options, rest) = string(rest)?;
    let (_count, rest) = rest.split_at_checked(4)?;
    let (_public, rest) = string(rest)?;
    let (private, []) = string(rest)? else { return None };
    Some((cipher, private))
}

/// Splits one string of SSH's wire form off the front.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)
}

fn to_pem(label: &str, bytes: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(bytes));
    let marks = 2 * (label.len() + "-----BEGIN -----\n".len());
    let mut pem = Zeroizing::new(String::with_capacity(body.len() + body.len() / PEM_WIDTH + marks));
    for part in ["-----BEGIN ", label, "-----\n"] {
        pem.push_str(part);
    }
    for (index, c) in body.chars().enumerate() {
        if index > 0 && index % PEM_WIDTH == 0 {
            pem.push('\n');
        }
        pem.push(c);
    }
    for part in ["\n-----END ", label, "-----\n"] {
        pem.push_str(part);
    }
    pem
}

fn openssh(der: &[u8]) -> Result<KeyData, KeyError> {
    let wide = widened(der);
    let der = wide.as_ref().map_or(der, |wide| wide.as_slice());
    let key = ssh_key::PrivateKey::from_bytes(der).map_err(|_| KeyError::DamagedHostKey)?;
    if key.is_encrypted() {
        return Err(KeyError::Encrypted);
    }
    let data = key.public_key().key_data().clone();
    match data.rsa() {
        Some(rsa) if bits(&rsa.n) < MIN_RSA_BITS => Err(KeyError::RsaTooSmall),
        _ => Ok(data),
    }
}

fn pkcs1(der: &[u8]) -> Result<KeyData, KeyError> {
    rsa_data(rsa::KeyPair::from_der(der))
}

fn sec1(der: &[u8]) -> Result<KeyData, KeyError> {
    CURVES
        .iter()
        .find_map(|curve| EcdsaKeyPair::from_private_key_der(curve, der).ok())
        .ok_or(KeyError::UnsupportedHostKey)
        .and_then(|pair| ec_data(&pair))
}

fn pkcs8(der: &[u8]) -> Result<KeyData, KeyError> {
    if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
        return ed25519_data(&pair);
    }
    if let Some(pair) = CURVES.iter().find_map(|curve| EcdsaKeyPair::from_pkcs8(curve, der).ok()) {
        return ec_data(&pair);
    }
    match rsa_data(rsa::KeyPair::from_pkcs8(der)) {
        Err(KeyError::DamagedHostKey) => Err(KeyError::UnsupportedHostKey),
        other => other,
    }
}

fn rsa_data(pair: Result<rsa::KeyPair, KeyRejected>) -> Result<KeyData, KeyError> {
    let pair = pair.map_err(|rejected| match rejected.description_() {
        "TooSmall" => KeyError::RsaTooSmall,
        _ => KeyError::DamagedHostKey,
    })?;
    rsa_public(pair.public_key().as_ref()).ok_or(KeyError::DamagedHostKey)
}

/// Reads `RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER }`. A reader of our own because the
/// accessors of aws-lc-rs come with a feature that nothing else here needs.
fn rsa_public(der: &[u8]) -> Option<KeyData> {
    let (sequence, _) = der_value(0x30, der)?;
    let (modulus, rest) = der_value(0x02, sequence)?;
    let (exponent, _) = der_value(0x02, rest)?;
    let n = Mpint::from_positive_bytes(modulus).ok()?;
    let e = Mpint::from_positive_bytes(exponent).ok()?;
    Some(KeyData::Rsa(RsaPublicKey { e, n }))
}

/// Splits one DER value with this tag off the front.
fn der_value(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = der.split_at_checked(2)?;
    if head.first() != Some(&tag) {
        return None;
    }
    let short = usize::from(*head.get(1)?);
    if short < 0x80 {
        return rest.split_at_checked(short);
    }
    let (length, rest) = rest.split_at_checked(short - 0x80)?;
    let length = length.iter().try_fold(0usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))?;
    rest.split_at_checked(length)
}

fn ec_data(pair: &EcdsaKeyPair) -> Result<KeyData, KeyError> {
    EcdsaPublicKey::from_sec1_bytes(pair.public_key().as_ref())
        .map(KeyData::Ecdsa)
        .map_err(|_| KeyError::DamagedHostKey)
}

fn ed25519_data(pair: &Ed25519KeyPair) -> Result<KeyData, KeyError> {
    Ed25519PublicKey::try_from(pair.public_key().as_ref()).map(KeyData::Ed25519).map_err(|_| KeyError::DamagedHostKey)
}

fn bits(modulus: &Mpint) -> usize {
    let bytes = modulus.as_positive_bytes().unwrap_or_default();
    let unused = bytes.first().map_or(0, |first| first.leading_zeros() as usize);
    bytes.len() * 8 - unused
}
