//! What a certificate in PEM form says of itself, as far as AWS shows it: its number and its dates; which certificates a
//! text holds, and whether a private key is that of the first. Checks no signature and no chain, and of a key nothing
//! leaves this module.

use std::fmt::Write;
use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use rustls::Error;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

/// As long are the lines of text in a PEM file.
const LINE: usize = 64;

/// The certificates of a text, each in the form that it has in a file of its own; none as of [`read`].
#[must_use]
pub fn certificates(pem: &str) -> Option<Vec<String>> {
    Some(sections(pem)?.iter().map(|der| written(der)).collect())
}

/// SHA-256 of the first certificate of a text, in hexadecimal digits; none as of [`read`].
#[must_use]
pub fn fingerprint(pem: &str) -> Option<String> {
    let found = sections(pem)?;
    digits(Sha256::digest(found.first()?).as_slice())
}

fn written(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let mut lines: Vec<&str> = vec!["-----BEGIN CERTIFICATE-----"];
    let mut rest = text.as_str();
    while let Some((line, more)) = rest.split_at_checked(LINE) {
        lines.push(line);
        rest = more;
    }
    lines.extend(Some(rest).filter(|rest| !rest.is_empty()));
    lines.extend(["-----END CERTIFICATE-----", ""]);
    lines.join("\n")
}

/// What the first certificate of a text says, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Certificates in the text.
    pub count: usize,
    /// In hexadecimal digits: with colons a long one would not fit into what the model allows.
    pub serial: String,
    /// Not valid before.
    pub not_before: Timestamp,
    /// Not valid after.
    pub not_after: Timestamp,
}

// Tags of DER.
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Reads the certificates of a text; none where there is no certificate, one that cannot be read, or anything else.
#[must_use]
pub fn read(pem: &str) -> Option<Facts> {
    let certificates = sections(pem)?;
    let mut outer = Der(certificates.first()?);
    let mut certificate = Der(outer.of(SEQUENCE)?);
    let mut body = Der(certificate.of(SEQUENCE)?);
    if body.0.first() == Some(&VERSION) {
        body.of(VERSION)?;
    }
    let serial = body.of(INTEGER)?;
    let (_signature, _issuer) = (body.of(SEQUENCE)?, body.of(SEQUENCE)?);
    let mut validity = Der(body.of(SEQUENCE)?);
    let (not_before, not_after) = (time(validity.value()?)?, time(validity.value()?)?);
    Some(Facts { count: certificates.len(), serial: hex(serial)?, not_before, not_after })
}

/// Whether a private key in PEM form, without passphrase, is that of the first certificate, as far as that can be told: of
/// one of an old version the public key is not read.
#[must_use]
pub fn is_key_of(key: &str, pem: &str) -> bool {
    let (Some(certificates), Ok(key)) = (sections(pem), PrivateKeyDer::from_pem_slice(key.as_bytes())) else {
        return false;
    };
    match CertifiedKey::from_der(certificates, key, &default_provider()) {
        Ok(_) | Err(Error::InvalidCertificate(_)) => true,
        Err(_) => false,
    }
}

fn sections(pem: &str) -> Option<Vec<CertificateDer<'static>>> {
    if !only_certificates(pem) {
        return None;
    }
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|certificates| !certificates.is_empty())
}

/// Whatever stands between certificates, such as a key, would be kept and shown with them. Found by its marks, since
/// the reader passes over sections that it has no name for, an encrypted key among them.
fn only_certificates(pem: &str) -> bool {
    let all = |mark: &str| pem.split(mark).skip(1).all(|rest| rest.starts_with(" CERTIFICATE-----"));
    all("-----BEGIN") && all("-----END")
}

/// A positive number begins with a zero where its first bit would make it a negative one.
fn hex(serial: &[u8]) -> Option<String> {
    digits(serial.strip_prefix(&[0]).filter(|rest| !rest.is_empty()).unwrap_or(serial))
}

fn digits(bytes: &[u8]) -> Option<String> {
    let mut text = String::new();
    for byte in bytes {
        write!(text, "{byte:02x}").ok()?;
    }
    Some(text)
}

fn time((tag, bytes): (u8, &[u8])) -> Option<Timestamp> {
    let digits = std::str::from_utf8(bytes).ok()?.strip_suffix('Z')?;
    let whole = match tag {
        // RFC 5280 4.1.2.5.1: two digits mean a year from 1950 to 2049.
        UTC_TIME if digits.get(..2)? < "50" => format!("20{digits}"),
        UTC_TIME => format!("19{digits}"),
        GENERALIZED_TIME => digits.to_owned(),
        _ => return None,
    };
    let part = |range: Range<usize>| whole.get(range);
    let (year, month, day) = (part(0..4)?, part(4..6)?, part(6..8)?);
    let (hour, minute, second) = (part(8..10)?, part(10..12)?, part(12..14)?);
    let at: DateTime = format!("{year}-{month}-{day}T{hour}:{minute}:{second}").parse().ok()?;
    // A timestamp has no room for the last day that four digits can write, the end of certificates that have none.
    Some(Offset::UTC.to_timestamp(at).unwrap_or(Timestamp::MAX))
}

/// What is still to be read of a run of values.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next value: its tag and its contents.
    fn value(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, contents))
    }

    /// The contents of the next value, which has to have this tag.
    fn of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.value().filter(|(found, _)| *found == tag).map(|(_, contents)| contents)
    }
}

/// A length and what follows it: one byte, or as many as its first byte says.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, rest) = bytes.split_first()?;
    if first & 0x80 == 0 {
        return Some((usize::from(*first), rest));
    }
    let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
    // Longer ones are of no certificate that AWS takes, and would not fit.
    let length = (digits.len() <= 4).then(|| digits.iter().fold(0, |sum, digit| (sum << 8) | usize::from(*digit)))?;
    Some((length, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const OWN: &str = include_str!("../tests/fixtures/certificates/own.pem");
    const OWN_KEY: &str = include_str!("../tests/fixtures/certificates/own.key");
    const PARTNER: &str = include_str!("../tests/fixtures/certificates/partner.pem");
    const SOON: &str = include_str!("../tests/fixtures/certificates/soon.pem");
    const SOON_KEY: &str = include_str!("../tests/fixtures/certificates/soon.key");
    const LONG: &str = include_str!("../tests/fixtures/certificates/long.pem");

    /// As `openssl x509 -noout -serial -dates` prints them.
    #[test]
    fn number_and_dates_are_those_that_openssl_prints() {
        for (pem, serial, end) in [
            (OWN, "1001", "2049-12-31T23:59:59Z"),
            (PARTNER, "1002", "2049-12-31T23:59:59Z"),
            (LONG, "1003", "2099-12-31T23:59:59Z"),
        ] {
            let facts = read(pem).unwrap();
            assert_eq!((facts.count, facts.serial.as_str()), (1, serial));
            assert_eq!(facts.not_before, "2020-01-01T00:00:00Z".parse().unwrap(), "{serial}");
            assert_eq!(facts.not_after, end.parse().unwrap(), "{serial}");
        }
        assert_eq!(read(&format!("{OWN}{PARTNER}")).unwrap().count, 2);
    }

    #[test]
    fn what_is_no_certificate_is_none() {
        let cut = PARTNER.lines().take(3).chain(["-----END CERTIFICATE-----"]).collect::<Vec<_>>().join("\n");
        for text in ["", "hello", OWN_KEY, &cut] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn certificates_with_anything_else_among_them_are_none() {
        let encrypted = OWN_KEY.replace(" PRIVATE", " ENCRYPTED PRIVATE");
        let (_, beheaded) = OWN_KEY.split_once('\n').unwrap();
        for other in [OWN_KEY, &encrypted, beheaded] {
            assert_eq!(read(&format!("{OWN}{other}")), None);
            assert_eq!(read(&format!("{other}{OWN}")), None);
            assert_eq!(read(&format!("{OWN}{other}{PARTNER}")), None);
        }
        assert!(read(&format!("own:\n{OWN}partner:\n{PARTNER}")).is_some(), "words between them are harmless");
    }

    #[test]
    fn a_key_belongs_to_its_own_certificate_only() {
        assert!(is_key_of(OWN_KEY, OWN) && is_key_of(SOON_KEY, SOON));
        for (key, pem) in [(OWN_KEY, PARTNER), (OWN_KEY, LONG), ("hello", OWN), (OWN_KEY, "hello")] {
            assert!(!is_key_of(key, pem));
        }
    }

    #[test]
    fn lengths_and_numbers_are_read_as_der_writes_them() {
        assert_eq!(length(&[5, 1]), Some((5, [1].as_slice())));
        assert_eq!(length(&[0x82, 1, 2, 9]), Some((258, [9].as_slice())));
        assert_eq!((length(&[0x85, 0, 0, 0, 0, 1]), length(&[])), (None, None));
        assert_eq!(hex(&[0, 0xff]).as_deref(), Some("ff"));
        assert_eq!(hex(&[0]).as_deref(), Some("00"));
        assert_eq!(time((GENERALIZED_TIME, b"99991231235959Z")), Some(Timestamp::MAX));
        assert_eq!(time((GENERALIZED_TIME, b"99991231000000Z")), Some(Timestamp::MAX));
        assert_eq!(time((GENERALIZED_TIME, b"99991232000000Z")), None);
        assert_eq!(time((UTC_TIME, b"500101000000Z")), Some("1950-01-01T00:00:00Z".parse().unwrap()));
        assert_eq!(time((UTC_TIME, b"2001")), None);
    }
}
