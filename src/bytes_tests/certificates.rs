//! Certificates and private keys in PEM, which are whatever a ConfigMap or a Secret holds.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::{cases, corpus, inputs, texts};
use crate::x509::{self, Facts};

const OWN: &str = include_str!("../../tests/fixtures/certificates/own.pem");
const OWN_KEY: &str = include_str!("../../tests/fixtures/certificates/own.key");
/// Certificates whose keys were thrown away.
const KEYLESS: [&str; 2] = [
    include_str!("../../tests/fixtures/certificates/partner.pem"),
    include_str!("../../tests/fixtures/certificates/long.pem"),
];

const FOLDERS: [&str; 2] = ["certificates", "certificates/first"];

/// Files of a certificate or of a key, and what people put into one: more certificates, and the key along with them.
fn pems() -> Vec<Vec<u8>> {
    let [partner, other] = KEYLESS;
    let joined = [[OWN, partner], [OWN, OWN_KEY], [OWN_KEY, OWN], [partner, OWN_KEY], [other, partner]];
    corpus(&FOLDERS).into_iter().chain(joined.map(|parts| parts.concat().into_bytes())).collect()
}

/// The certificates of the corpus as they are inside of PEM, where a damaged byte is one of DER and not of base64.
fn ders() -> Vec<Vec<u8>> {
    let of = |file: &Vec<u8>| CertificateDer::pem_slice_iter(file).map(|der| der.unwrap().to_vec()).collect::<Vec<_>>();
    let found: Vec<Vec<u8>> = corpus(&FOLDERS).iter().flat_map(of).collect();
    assert!(found.len() > 5, "{} certificates", found.len());
    found
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn what_is_read_as_certificates_is_read_again_as_the_same(text in texts(pems())) {
        let (found, facts, print) = (x509::certificates(&text), x509::read(&text), x509::fingerprint(&text));
        prop_assert_eq!(found.is_some(), print.is_some());
        let Some(found) = found else {
            prop_assert!(facts.is_none() && !x509::is_key_of(OWN_KEY, &text), "{:?}", facts);
            return Ok(());
        };
        let whole = found.concat();
        prop_assert!(!found.is_empty() && whole.len() <= 2 * text.len(), "{} of {}", whole.len(), text.len());
        // It is kept where everybody may read it.
        prop_assert!(!text.contains("-----BEGIN PRIVATE KEY") && !whole.contains("PRIVATE KEY"));
        prop_assert_eq!(x509::fingerprint(&whole), print);
        prop_assert_eq!(x509::read(&whole), facts.clone());
        prop_assert!(facts.is_none_or(|facts| facts.count == found.len()));
        for one in &found {
            prop_assert_eq!(x509::certificates(one), Some(vec![one.clone()]));
        }
        prop_assert_eq!(x509::certificates(&whole), Some(found));
    }

    #[test]
    fn what_a_damaged_certificate_says_of_itself_is_in_its_bytes(der in inputs(ders())) {
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64.encode(&der));
        let _ = x509::is_key_of(OWN_KEY, &pem);
        if let Some(Facts { count, serial, not_before, not_after }) = x509::read(&pem) {
            prop_assert_eq!(count, 1);
            prop_assert!(hexadecimal(&der).contains(&serial), "{}", serial);
            let year = |at: jiff::Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).year().to_string();
            for at in [year(not_before), year(not_after)] {
                let digits = at.get(at.len().saturating_sub(2)..).unwrap();
                prop_assert!(String::from_utf8_lossy(&der).contains(digits), "{}", at);
            }
        }
    }

    #[test]
    fn no_damaged_key_is_that_of_a_certificate_whose_key_is_gone(text in texts(corpus(&["certificates"]))) {
        for pem in KEYLESS {
            prop_assert!(!x509::is_key_of(&text, pem));
        }
        prop_assert!(!x509::is_key_of(&text, &text), "it is both a key and certificates alone");
        prop_assert!(!x509::is_key_of(&text, OWN) || text.contains("PRIVATE KEY-----"));
    }
}
