//! How the URL of a PostgreSQL database is written, and where in it the passwords are.

use crate::model::percent::percent_decoded;

/// Refuses what this program and libpq could read in two ways: a password that is cut at another
/// place by one of them would end up in a message or an argument.
pub(crate) fn check_spelling(rest: &str) -> Result<(), &'static str> {
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

/// The parameters whose values are no secret. Any other may be a password under a name that was
/// misspelt.
const HARMLESS: [&str; 42] = [
    "application_name",
    "channel_binding",
    "client_encoding",
    "connect_timeout",
    "dbname",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "krbsrvname",
    "load_balance_hosts",
    "max_protocol_version",
    "min_protocol_version",
    "options",
    "passfile",
    "port",
    "replication",
    "require_auth",
    "requirepeer",
    "requiressl",
    "service",
    "ssl_max_protocol_version",
    "ssl_min_protocol_version",
    "sslcert",
    "sslcertmode",
    "sslcompression",
    "sslcrl",
    "sslcrldir",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "sslsni",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// A password of fewer characters is part of many words, which would give it away.
const SHORT: usize = 4;

/// The secrets in what follows the scheme of a PostgreSQL URL, as written and as meant.
pub(crate) fn secrets(rest: &str) -> Vec<String> {
    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let user_info = before_query.rsplit_once('@').map_or("", |(user, _)| user);
    let password = user_info.split_once(':').map(|(_, secret)| secret);
    let parameters = query.split('&').filter_map(secret_of);
    let written: Vec<&str> = password.into_iter().chain(parameters).collect();
    let meant: Vec<String> = written
        .iter()
        .map(|secret| percent_decoded(secret))
        .collect();
    let mut secrets: Vec<String> = written.into_iter().map(str::to_owned).collect();
    secrets.extend(meant);
    secrets.retain(|secret| !secret.is_empty());
    // The longest first, so that one that contains another is replaced whole.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    secrets.dedup();
    secrets
}

/// The value of a parameter that may be one.
fn secret_of(parameter: &str) -> Option<&str> {
    let (name, value) = parameter.split_once('=')?;
    (!HARMLESS.contains(&name) && !value.is_empty()).then_some(value)
}

/// A PostgreSQL URL without its secrets.
pub(crate) fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (before_query, query) = match rest.split_once('?') {
        Some((before, query)) => (before, Some(query)),
        None => (rest, None),
    };
    let named = before_query.rsplit_once('@').and_then(|(user_info, at)| {
        let (user, secret) = user_info.split_once(':')?;
        (!secret.is_empty()).then(|| format!("{user}:***@{at}"))
    });
    let mut text = format!(
        "{scheme}://{}",
        named.unwrap_or_else(|| before_query.to_owned())
    );
    if let Some(query) = query {
        let parameters: Vec<String> = query
            .split('&')
            .map(|parameter| match secret_of(parameter) {
                Some(secret) => format!("{}***", &parameter[..parameter.len() - secret.len()]),
                None => parameter.to_owned(),
            })
            .collect();
        text.push('?');
        text.push_str(&parameters.join("&"));
    }
    text
}

/// A text of others without these secrets.
pub(crate) fn scrubbed(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| {
        match secret.chars().count() < SHORT {
            true => text
                .replace(&format!(":{secret}@"), ":***@")
                .replace(&format!("password={secret}"), "password=***"),
            false => text.replace(secret.as_str(), "***"),
        }
    })
}

/// A PostgreSQL URL with these parameters, but for those that it has itself.
pub(crate) fn with_defaults(url: &str, parameters: &[(&str, u64)]) -> String {
    let mut url = url.to_owned();
    for (name, value) in parameters {
        let has_it = ["?", "&"]
            .iter()
            .any(|before| url.contains(&format!("{before}{name}=")));
        if !has_it {
            let separator = if url.contains('?') { '&' } else { '?' };
            url.push_str(&format!("{separator}{name}={value}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_added_once() {
        let with_timeout = |url: &str| with_defaults(url, &[("connect_timeout", 10)]);
        assert_eq!(
            with_timeout("postgres://h/d"),
            "postgres://h/d?connect_timeout=10"
        );
        assert_eq!(
            with_timeout("postgres://h/d?sslmode=require"),
            "postgres://h/d?sslmode=require&connect_timeout=10"
        );
        let own = "postgres://h/d?connect_timeout=3";
        assert_eq!(with_timeout(own), own);
    }

    #[test]
    fn what_the_url_says_goes_before_our_limits() {
        let limits = super::super::limits::keepalives(std::time::Duration::from_secs(30));
        assert_eq!(
            with_defaults(
                "postgres://h/d?tcp_user_timeout=5&keepalives_idle=7",
                &limits
            ),
            "postgres://h/d?tcp_user_timeout=5&keepalives_idle=7&keepalives_interval=5&keepalives_count=3"
        );
        assert_eq!(
            with_defaults("postgres://h/d", &limits),
            "postgres://h/d?keepalives_idle=15&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=30000"
        );
    }

    #[test]
    fn a_parameter_that_is_not_known_may_be_a_password() {
        for (url, shown) in [
            (
                "postgres://ann@h/d?passwordd=secret&sslmode=require",
                "postgres://ann@h/d?passwordd=***&sslmode=require",
            ),
            (
                "postgres://h/d?connect_timeout=3&passwor=secret=x",
                "postgres://h/d?connect_timeout=3&passwor=***",
            ),
            (
                "postgres://a:a@a/a?application_name=a&user=a",
                "postgres://a:***@a/a?application_name=a&user=a",
            ),
            (
                "postgres://ann:@h/d?password=",
                "postgres://ann:@h/d?password=",
            ),
        ] {
            assert_eq!(redacted(url), shown);
        }
        let rest = "ann@h/d?passwordd=wrong%20Secret&options=-c%20x";
        assert_eq!(secrets(rest), ["wrong%20Secret", "wrong Secret"]);
    }

    #[test]
    fn a_short_password_does_not_show_through() {
        let scrub = |secret: &str, text: &str| scrubbed(text, &[secret.to_owned()]);
        let words = "connection to server at 127.0.0.1 failed";
        assert_eq!(scrub("a", words), words);
        assert_eq!(
            scrub("a", "bad uri ann:a@h?password=a"),
            "bad uri ann:***@h?password=***"
        );
        assert_eq!(scrub("secret", "no secret here"), "no *** here");
    }
}
