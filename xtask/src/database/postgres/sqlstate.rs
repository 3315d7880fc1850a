//! The SQLSTATE of an error, by which errors are told apart: the words are those of the server's
//! language. <https://www.postgresql.org/docs/current/errcodes-appendix.html>

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use diesel::result::{DatabaseErrorInformation, Error};

/// diesel keeps what the server answered with an error, but says of its SQLSTATE no more than a kind,
/// for a few.
pub(super) fn sqlstate(error: &Error) -> Option<&str> {
    let Error::DatabaseError(_, information) = error else {
        return None;
    };
    field(&**information, c_int::from(pq_sys::PG_DIAG_SQLSTATE))
}

#[expect(unsafe_code, reason = "diesel has no way to what libpq knows")]
fn field(information: &(dyn DatabaseErrorInformation + Send + Sync), field: c_int) -> Option<&str> {
    type Answer = NonNull<pq_sys::PGresult>;
    // What diesel makes up itself is a `String`, which has another size.
    let is_answer = size_of_val(information) == size_of::<Answer>()
        && align_of_val(information) == align_of::<Answer>();
    if !is_answer {
        return None;
    }
    // SAFETY: In the version of diesel that Cargo.toml asks for, and no other, there are two kinds of
    // `DatabaseErrorInformation` on a connection to PostgreSQL: `String`, and `PgErrorInformation`,
    // whose one field is the pointer to the result, never null, and freed with it. A field as large
    // as its struct is at its beginning. libpq keeps the text of the field as long as the result.
    let text = unsafe {
        let answer: Answer = ptr::from_ref(information).cast::<Answer>().read();
        let text = pq_sys::PQresultErrorField(answer.as_ptr(), field);
        if text.is_null() {
            return None;
        }
        CStr::from_ptr(text)
    };
    text.to_str().ok()
}

#[cfg(test)]
mod tests {
    use diesel::result::DatabaseErrorKind;

    use super::*;

    #[test]
    fn what_diesel_says_itself_has_none() {
        let words = Box::new("Received an empty query".to_owned());
        let error = Error::DatabaseError(DatabaseErrorKind::Unknown, words);
        assert_eq!(sqlstate(&error), None);
        assert_eq!(sqlstate(&Error::NotFound), None);
    }
}
