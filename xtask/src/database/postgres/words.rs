//! What the server says of a failure, without the values of rows: a message ends up in reports,
//! and in the summary of a job, where more people read it than may read the rows.

use diesel::result::{DatabaseErrorKind, Error};

/// What follows where values were left out.
const IN_THE_LOG: &str = "the server's log has the values";

/// The server's message with its detail, without values.
pub(super) fn words(error: &Error) -> String {
    let Error::DatabaseError(kind, information) = error else {
        return error.to_string();
    };
    let message = information.message();
    if let Some(said) = without_value(message) {
        return format!("{said} ({IN_THE_LOG})");
    }
    let is_about_rows = matches!(
        kind,
        DatabaseErrorKind::UniqueViolation
            | DatabaseErrorKind::ForeignKeyViolation
            | DatabaseErrorKind::NotNullViolation
            | DatabaseErrorKind::CheckViolation
            | DatabaseErrorKind::ExclusionViolation
            | DatabaseErrorKind::RestrictViolation
    );
    match information.details() {
        None => message.to_owned(),
        Some(detail) if is_about_rows => {
            let said = keys(detail).map_or(String::new(), |keys| format!("{keys}; "));
            format!("{message} ({said}{IN_THE_LOG})")
        }
        Some(detail) => format!("{message} ({detail})"),
    }
}

/// The same with every value; for what somebody brought and has to correct.
pub(super) fn whole_words(error: &Error) -> String {
    let Error::DatabaseError(_, information) = error else {
        return error.to_string();
    };
    let detail = information
        .details()
        .map_or(String::new(), |detail| format!(" ({detail})"));
    format!("{}{detail}", information.message())
}

/// A message about one value that cannot be read or held, up to the value.
fn without_value(message: &str) -> Option<String> {
    let starts = [
        "invalid input ",
        "date/time field value out of range",
        "value \"",
    ];
    starts.iter().find(|start| message.starts_with(**start))?;
    let (said, rest) = message.split_once('"')?;
    let said = said.trim_end_matches([':', ' ']);
    // `value "…" is out of range for type integer`
    let type_name = rest.rsplit_once("\" is out of range for type ");
    Some(match type_name {
        Some((_, type_name)) => format!("{said} is out of range for type {type_name}"),
        None => said.to_owned(),
    })
}

/// What a detail such as `Key (email)=(ann@example.org) already exists.` says without the values.
/// Only endings that are known are kept, because a value may hold any text.
fn keys(detail: &str) -> Option<String> {
    let (keys, rest) = detail.split_once("=(")?;
    let (_, ending) = rest.rsplit_once(") ")?;
    let is_known = [
        "already exists.",
        "is duplicated.",
        "is not present in table ",
        "is still referenced from table ",
    ]
    .iter()
    .any(|known| ending.starts_with(known));
    Some(match is_known {
        true => format!("{keys} {}", ending.trim_end_matches('.')),
        false => keys.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_without_their_values() {
        for (detail, said) in [
            (
                "Key (email)=(ann@example.org) already exists.",
                Some("Key (email) already exists"),
            ),
            (
                "Key (a, lower(b))=(1, x) secret (y) is duplicated.",
                Some("Key (a, lower(b)) is duplicated"),
            ),
            (
                "Key (id)=(7) is still referenced from table \"users\".",
                Some("Key (id) is still referenced from table \"users\""),
            ),
            (
                "Key (during)=([1,2)) conflicts with existing key (during)=([1,3)).",
                Some("Key (during)"),
            ),
            ("Key (a)=(b) secret).", Some("Key (a)")),
            ("Failing row contains (1, secret).", None),
            ("Partition key of the failing row contains (a) = (1).", None),
        ] {
            let keys = keys(detail);
            assert_eq!(keys.as_deref(), said);
            assert!(!keys.unwrap_or_default().contains("secret"));
        }
    }

    #[test]
    fn a_value_that_cannot_be_read_is_left_out() {
        for (message, said) in [
            (
                "invalid input syntax for type integer: \"secret\"",
                Some("invalid input syntax for type integer"),
            ),
            (
                "invalid input value for enum mood: \"secret\"",
                Some("invalid input value for enum mood"),
            ),
            (
                "value \"99999999999\" is out of range for type integer",
                Some("value is out of range for type integer"),
            ),
            ("relation \"users\" does not exist", None),
            ("value too long for type character varying(3)", None),
        ] {
            assert_eq!(without_value(message).as_deref(), said);
        }
    }
}
