//! How long a session that writes waits: for somebody else's lock, for one of its own statements,
//! and for a server that does not answer; and how long that waits for us.

use std::time::Duration;

use jiff::SignedDuration;

use crate::problem::{Code, Problem};

/// The limits of an environment. Sessions that look have those of [`Limits::default`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Never zero, which would wait for ever.
    pub lock_timeout: Duration,
    /// Longer than `lock_timeout`, so that a lock is not taken for a slow statement.
    pub statement_timeout: Option<Duration>,
    /// How long a network that carries nothing, or a server that does not answer, is waited for, at
    /// both ends of a connection.
    pub network_timeout: Duration,
    /// How long the server keeps a session, with its locks, that is in a transaction and does
    /// nothing: longer than the program ever pauses, unless somebody stopped it.
    pub idle_timeout: Option<Duration>,
}

/// How long the server waits for a program that was stopped, where nothing else is said.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The same as `sync.toml` has it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Written<'text> {
    pub lock_timeout: Option<&'text str>,
    pub statement_timeout: Option<&'text str>,
    pub network_timeout: Option<&'text str>,
    pub idle_timeout: Option<&'text str>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lock_timeout: Duration::from_secs(5),
            statement_timeout: None,
            network_timeout: Duration::from_secs(30),
            // Sessions that look stay open while others work, and lock nobody out.
            idle_timeout: None,
        }
    }
}

impl Limits {
    /// Reads the keys of the environment of that name, as far as it has them.
    ///
    /// # Errors
    /// `config_invalid`, naming the key.
    pub fn parse(environment: &str, written: Written<'_>) -> Result<Self, Problem> {
        let invalid = |message: String, hint: &str| {
            Problem::new(
                Code::ConfigInvalid,
                format!("environment `{environment}`: {message}"),
            )
            .hint(hint)
        };
        let read = |key: &str, text: &str| {
            duration(text).ok_or_else(|| {
                invalid(
                    format!("`{key}` is no length of time: \"{text}\""),
                    "write whole milliseconds or more with their unit, such as \"500ms\", \"5s\" or \"2min\"",
                )
            })
        };
        let read_limit = |key: &str, text: &str, what: &str| match read(key, text)? {
            Duration::ZERO => Err(invalid(
                format!("with `{key}` \"{text}\" a promotion would wait for ever"),
                what,
            )),
            limit => Ok(limit),
        };
        let mut limits = Limits {
            idle_timeout: Some(IDLE_TIMEOUT),
            ..Limits::default()
        };
        if let Some(text) = written.lock_timeout {
            let what = "say how long it may wait for somebody else's lock, such as \"5s\"";
            limits.lock_timeout = read_limit("lock_timeout", text, what)?;
        }
        if let Some(text) = written.network_timeout {
            let what = "say how long a server may be silent, such as \"30s\"";
            limits.network_timeout = read_limit("network_timeout", text, what)?;
        }
        if let Some(text) = written.statement_timeout {
            limits.statement_timeout =
                Some(read("statement_timeout", text)?).filter(|limit| !limit.is_zero());
        }
        if let Some(text) = written.idle_timeout {
            limits.idle_timeout =
                Some(read("idle_timeout", text)?).filter(|limit| !limit.is_zero());
        }
        match limits.statement_timeout {
            Some(limit) if limit <= limits.lock_timeout => Err(invalid(
                format!(
                    "`statement_timeout` ({limit:?}) is not longer than `lock_timeout` ({:?})",
                    limits.lock_timeout
                ),
                "a statement that waits for a lock would be taken for a slow one: shorten `lock_timeout`, or raise `statement_timeout`",
            )),
            _ => Ok(limits),
        }
    }
}

/// The parameters of a connection that end it when its network carries nothing for this long: after
/// half of it the other end is asked for a sign of life, three times. libpq and the server call them
/// alike, but for a prefix.
pub fn keepalives(limit: Duration) -> [(&'static str, u64); 4] {
    let milliseconds = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    let seconds = |share: u64| milliseconds.div_ceil(1000 * share).max(1);
    [
        ("keepalives_idle", seconds(2)),
        ("keepalives_interval", seconds(6)),
        ("keepalives_count", 3),
        ("tcp_user_timeout", milliseconds),
    ]
}

/// A length of time that both databases can count: whole milliseconds, up to 24 days.
fn duration(text: &str) -> Option<Duration> {
    if matches!(text, "0" | "off") {
        return Some(Duration::ZERO);
    }
    let duration = Duration::try_from(text.parse::<SignedDuration>().ok()?).ok()?;
    let counted = u64::try_from(i32::try_from(duration.as_millis()).ok()?).ok()?;
    (Duration::from_millis(counted) == duration).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, milliseconds) in [
            ("500ms", 500),
            ("5s", 5000),
            ("5 seconds", 5000),
            ("1.5s", 1500),
            ("2min", 120_000),
            ("1h 30m", 5_400_000),
            ("PT5S", 5000),
            ("0", 0),
            ("0s", 0),
            ("off", 0),
        ] {
            let expected = Some(Duration::from_millis(milliseconds));
            assert_eq!(duration(text), expected, "{text}");
        }
        for text in [
            "", "5", "s", "5 apples", "-5s", "100us", "1.5ms", "600h", "on", "1 day",
        ] {
            assert_eq!(duration(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_not_said_has_a_default() {
        let parse = |lock_timeout: Option<&str>, statement_timeout: Option<&str>| {
            let written = Written {
                lock_timeout,
                statement_timeout,
                ..Written::default()
            };
            let limits = Limits::parse("test", written).unwrap();
            (
                limits.lock_timeout.as_millis(),
                limits.statement_timeout.map(|limit| limit.as_millis()),
            )
        };
        assert_eq!(parse(None, None), (5000, None));
        assert_eq!(parse(Some("50ms"), None), (50, None));
        assert_eq!(parse(None, Some("1min")), (5000, Some(60_000)));
        assert_eq!(parse(None, Some("off")), (5000, None));
        assert_eq!(parse(None, Some("0")), (5000, None));
    }

    #[test]
    fn nobody_waits_for_a_silent_network_or_a_stopped_program_for_ever() {
        let parse = |network_timeout: Option<&str>, idle_timeout: Option<&str>| {
            let written = Written {
                network_timeout,
                idle_timeout,
                ..Written::default()
            };
            Limits::parse("test", written).map(|limits| {
                let idle = limits.idle_timeout.map(|limit| limit.as_secs());
                (limits.network_timeout.as_secs(), idle)
            })
        };
        assert_eq!(parse(None, None), Ok((30, Some(300))));
        assert_eq!(parse(Some("1min"), Some("10s")), Ok((60, Some(10))));
        assert_eq!(parse(None, Some("off")), Ok((30, None)));
        let problem = parse(Some("off"), None).unwrap_err();
        assert!(problem.message.contains("wait for ever"), "{problem}");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (lock, statement, message) in [
            (
                Some("0"),
                None,
                "`lock_timeout` \"0\" a promotion would wait for ever",
            ),
            (Some("off"), None, "would wait for ever"),
            (
                Some("5"),
                None,
                "`lock_timeout` is no length of time: \"5\"",
            ),
            (
                None,
                Some("soon"),
                "`statement_timeout` is no length of time: \"soon\"",
            ),
            (
                None,
                Some("5s"),
                "`statement_timeout` (5s) is not longer than `lock_timeout` (5s)",
            ),
        ] {
            let written = Written {
                lock_timeout: lock,
                statement_timeout: statement,
                ..Written::default()
            };
            let problem = Limits::parse("test", written).unwrap_err();
            assert_eq!(problem.code, Code::ConfigInvalid);
            assert!(problem.message.starts_with("environment `test`: "));
            assert!(problem.message.contains(message), "{problem}");
            assert!(problem.hint.is_some());
        }
    }
}
