//! What the server says of a failure, without the values of rows: a message ends up in reports,
//! and in the summary of a job, where more people read it than may read the rows.

use diesel::result::Error;

use super::sqlstate::sqlstate;

/// What follows where values were left out.
const IN_THE_LOG: &str = "the server's log has the values";

/// The server's message with its detail, without values. Which of the two may hold some is told by
/// the SQLSTATE; what they say besides only where it is known to be the server's own English.
pub(super) fn words(error: &Error) -> String {
    let Error::DatabaseError(_, information) = error else {
        return error.to_string();
    };
    let message = information.message();
    let state = sqlstate(error).unwrap_or_default();
    match (state.get(..2), information.details()) {
        (Some("22"), _) => match without_value(message) {
            Some(said) => format!("{said} ({IN_THE_LOG})"),
            None if is_of_no_value(message) => message.to_owned(),
            None => format!("{} (SQLSTATE {state}; {IN_THE_LOG})", what_is_wrong(state)),
        },
        (Some("23"), Some(detail)) => {
            let said = keys(detail).map_or(String::new(), |keys| format!("{keys}; "));
            format!("{message} ({said}{IN_THE_LOG})")
        }
        (_, Some(detail)) => format!("{message} ({detail})"),
        (_, None) => message.to_owned(),
    }
}

/// A value that cannot be read, held or computed with, in words of our own.
fn what_is_wrong(state: &str) -> &'static str {
    match state {
        "22001" => "a value is too long for its column",
        "22003" => "a number is out of the range of its type",
        "22007" | "22008" | "22009" => "a date or time is none, or out of the range of its type",
        "22012" => "something is divided by zero",
        "22021" | "22P05" => "a text has bytes or characters that the database's encoding has not",
        "22P02" | "22P03" => "a value is none of its type",
        _ => "a value is not accepted",
    }
}

/// A message about a value that does not repeat it.
fn is_of_no_value(message: &str) -> bool {
    let too_long = message.strip_prefix("value too long for type character varying(");
    let length = too_long.or(message.strip_prefix("value too long for type character("));
    length.is_some_and(|rest| {
        let digits = rest.trim_end_matches(')');
        digits.chars().all(|digit| digit.is_ascii_digit())
    }) || [
        "division by zero",
        "smallint out of range",
        "integer out of range",
        "bigint out of range",
        "numeric field overflow",
        "date out of range",
        "timestamp out of range",
        "interval out of range",
    ]
    .contains(&message)
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
    if !keys.starts_with("Key (") {
        // In another language, or somebody else's words.
        return None;
    }
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
