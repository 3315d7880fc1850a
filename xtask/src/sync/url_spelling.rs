//! How the URL of a PostgreSQL database is written, and where in it the passwords are.

use super::percent::percent_decoded;

/// Refuses what this program and libpq could read in two ways: a password that is cut at another
/// place by one of them would end up in a message or an argument.
pub(super) fn check_spelling(rest: &str) -> Result<(), &'static str> {
    if let Some((user_info, _)) = rest.rsplit_once('@')
        && user_info.contains(|letter: char| "/?#@".contains(letter) || letter.is_whitespace())
    {
        return Err(
            "write `/`, `?`, `#`, `@` and blanks in user and password as %2F, %3F, %23, %40 and %20",
        );
    }
    let query = rest.split_once('?').map_or("", |(_, query)| query);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let name = parameter.split('=').next().unwrap_or_default();
        if !name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        {
            return Err("the names of its parameters are plain words");
        }
        if name == "sslpassword" {
            return Err(
                "a key with a passphrase cannot be passed on to pg_dump unseen: use one without",
            );
        }
    }
    Ok(())
}

/// The passwords in what follows the scheme of a PostgreSQL URL, as written and as meant.
pub(super) fn secrets(rest: &str) -> Vec<String> {
    let before_query = rest.split('?').next().unwrap_or_default();
    let authority = before_query
        .rsplit_once('@')
        .map_or("", |(user_info, _)| user_info);
    let mut secrets: Vec<String> = authority
        .split_once(':')
        .map(|(_, secret)| secret.to_owned())
        .into_iter()
        .collect();
    for parameter in rest
        .split_once('?')
        .map_or("", |(_, query)| query)
        .split('&')
    {
        if let Some(("password" | "sslpassword", secret)) = parameter.split_once('=') {
            secrets.push(secret.to_owned());
        }
    }
    let decoded: Vec<String> = secrets
        .iter()
        .map(|secret| percent_decoded(secret))
        .collect();
    secrets.extend(decoded);
    secrets.retain(|secret| !secret.is_empty());
    // The longest first, so that one that contains another is replaced whole.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}
