//! Pages of a listing, and the opaque tokens between them.
//! A token names the last entry of its page, so that entries may come and go between two pages.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::error::{Answer, ApiError};
use super::state::Context;

/// What every listing can be asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct PageInput {
    /// Entries of a page at most.
    pub max_results: Option<usize>,
    /// Where the page before ended.
    pub next_token: Option<String>,
}

/// One page: its entries, and the token of the next if there is one.
#[derive(Debug)]
pub struct Page<T> {
    /// Entries in order.
    pub items: Vec<T>,
    /// None on the last page.
    pub next_token: Option<String>,
}

/// The first bytes of the check sum suffice to tell our own tokens from anything else.
const CHECK: usize = 8;

/// Cuts the page that was asked for out of `all`, which is sorted by `key`.
///
/// # Errors
/// `InvalidNextTokenException` for a token that was not given out for this listing.
pub fn cut<T>(
    listing: &str,
    input: &PageInput,
    context: &Context<'_>,
    all: impl Iterator<Item = T>,
    key: impl Fn(&T) -> &str,
) -> Answer<Page<T>> {
    let scope = format!("{}/{}/{listing}", context.account, context.region);
    let start = match &input.next_token {
        None if context.config.empty_first_page => {
            return Ok(Page { items: Vec::new(), next_token: Some(token(&scope, "")) });
        }
        None => String::new(),
        Some(given) => position(&scope, given)?,
    };
    let size = input.max_results.unwrap_or(context.config.page_size).max(1);
    let mut rest = all.skip_while(|item| !start.is_empty() && key(item) <= start.as_str());
    let items: Vec<T> = rest.by_ref().take(size).collect();
    let next_token = match (rest.next(), items.last()) {
        (Some(_), Some(last)) => Some(token(&scope, key(last))),
        _ => None,
    };
    Ok(Page { items, next_token })
}

fn token(scope: &str, last: &str) -> String {
    let mut bytes = check_sum(scope, last.as_bytes());
    bytes.extend_from_slice(last.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

fn position(scope: &str, token: &str) -> Answer<String> {
    let opened = URL_SAFE_NO_PAD.decode(token).ok().and_then(|bytes| {
        let (sum, last) = bytes.split_at_checked(CHECK)?;
        (sum == check_sum(scope, last)).then(|| String::from_utf8(last.to_vec()).ok())?
    });
    opened
        .ok_or_else(|| ApiError::new("InvalidNextTokenException", "The NextToken parameter that was passed is invalid"))
}

fn check_sum(scope: &str, last: &[u8]) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(scope.as_bytes());
    hash.update([0]);
    hash.update(last);
    hash.finalize().iter().copied().take(CHECK).collect()
}
