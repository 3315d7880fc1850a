//! What a request is answered when it fails: `{"code","message"}` with a fitting status.

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::fees::FeeError;

/// A failed request.
#[derive(Debug)]
pub struct AppError {
    /// The HTTP status.
    pub status: StatusCode,
    /// What a program can act on; it never changes.
    pub code: &'static str,
    /// What a person reads.
    pub message: String,
    /// What went wrong inside; for the log, never for the client.
    cause: Option<String>,
}

impl AppError {
    /// An error the client may know everything about.
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            cause: None,
        }
    }

    /// The resource in the request's address does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// The request is well-formed, but says something that cannot be.
    pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message)
    }

    /// The request does not fit what is stored.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// The lookup data is wrong: nothing the client can change.
    pub fn misconfigured(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, message)
    }

    /// The database cannot be asked now; the same request may work later.
    pub fn unavailable(cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "database_unavailable",
                "the database cannot be used at the moment: try again",
            )
        }
    }

    /// Anything unforeseen.
    pub fn internal(cause: impl ToString) -> Self {
        Self {
            cause: Some(cause.to_string()),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal_error",
                "the server failed to answer: its log says why",
            )
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        if let Some(cause) = &self.cause {
            log(self.code, cause);
        }
        let body = serde_json::json!({ "code": self.code, "message": self.message });
        (self.status, Json(body)).into_response()
    }
}

#[expect(
    clippy::print_stderr,
    reason = "standard error is this small server's log"
)]
fn log(code: &str, cause: &str) {
    eprintln!("{code}: {cause}");
}

impl From<DieselError> for AppError {
    fn from(error: DieselError) -> Self {
        let passing = match &error {
            DieselError::DatabaseError(
                DatabaseErrorKind::SerializationFailure | DatabaseErrorKind::ClosedConnection,
                _,
            ) => true,
            // SQLite has no kind of error for a lock that outlasted `busy_timeout`.
            DieselError::DatabaseError(_, information) => {
                information.message() == "database is locked"
            }
            _ => false,
        };
        if passing {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<FeeError> for AppError {
    fn from(error: FeeError) -> Self {
        Self::unprocessable("invalid_amount", error.to_string())
    }
}

impl From<JsonRejection> for AppError {
    fn from(rejection: JsonRejection) -> Self {
        Self::new(rejection.status(), "invalid_body", rejection.body_text())
    }
}

impl From<QueryRejection> for AppError {
    fn from(rejection: QueryRejection) -> Self {
        Self::new(rejection.status(), "invalid_query", rejection.body_text())
    }
}

impl From<PathRejection> for AppError {
    fn from(rejection: PathRejection) -> Self {
        Self::new(rejection.status(), "invalid_path", rejection.body_text())
    }
}
