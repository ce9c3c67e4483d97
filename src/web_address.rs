//! Addresses of web pages, compared by what they mean: AWS does not say whether it shows the scheme of an address, and a
//! slash at its end. Pure.

/// The scheme of what AWS makes, and of an address without one.
pub const HTTPS: &str = "https";

/// The schemes that there are, each with its port.
pub const SCHEMES: [(&str, &str); 2] = [(HTTPS, ":443"), ("http", ":80")];

/// An address as browsers know it: with a scheme (`unsaid` where it has none), in small letters but for the path, and without
/// the port of the scheme and a slash at the end.
#[must_use]
pub fn spelt(address: &str, unsaid: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or((unsaid, address));
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (scheme, host) = (scheme.to_ascii_lowercase(), host.to_ascii_lowercase());
    let port = SCHEMES.iter().find(|(known, _)| *known == scheme).and_then(|(_, port)| host.strip_suffix(port));
    let host = port.unwrap_or(&host);
    format!("{scheme}://{host}{path}").trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_address_are_one_and_of_two_are_two() {
        let same = [
            ("https://files.example.com", "files.example.com"),
            ("https://files.example.com", "HTTPS://Files.Example.com:443/"),
            ("http://files.example.com", "http://files.example.com:80/"),
            ("https://files.example.com:8443/A", "files.example.com:8443/A/"),
        ];
        for (one, two) in same {
            assert_eq!(spelt(one, HTTPS), spelt(two, HTTPS), "{one}, {two}");
        }
        let different = [
            ("https://files.example.com", "http://files.example.com"),
            ("https://files.example.com", "https://files.example.com:80"),
            ("https://files.example.com/a", "https://files.example.com/A"),
        ];
        for (one, two) in different {
            assert_ne!(spelt(one, HTTPS), spelt(two, HTTPS), "{one}, {two}");
        }
    }
}
