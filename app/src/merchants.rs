//! Merchants: finding one, and taking on a new one.

use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use serde::{Deserialize, Serialize};

use crate::database::{AnyConnection, MultiBackend};
use crate::error::AppError;
use crate::schema::{merchants, users};
use crate::text::Text;
use crate::{audit, queries};

/// A customer.
#[derive(Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = merchants, check_for_backend(MultiBackend))]
pub struct Merchant {
    pub id: i64,
    #[serde(skip)]
    pub fee_group_id: i32,
    pub legal_name: String,
    pub trading_name: String,
    pub contact_email: String,
    pub status: String,
}

/// The body of `POST /merchants`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMerchant {
    /// The code of an active fee group.
    pub fee_group: Text,
    /// A user's id; without one the merchant waits to be assigned.
    pub account_manager_id: Option<i64>,
    pub legal_name: Text,
    /// The legal name when missing.
    pub trading_name: Option<Text>,
    pub contact_email: Text,
}

/// The merchant with this number, if any.
///
/// # Errors
/// When the database fails.
pub fn find(connection: &mut AnyConnection, id: i64) -> QueryResult<Option<Merchant>> {
    merchants::table
        .find(id)
        .select(Merchant::as_select())
        .first(connection)
        .optional()
}

/// Stores a merchant, who may trade at once, and an audit log.
///
/// # Errors
/// When a name or address is unusable, the fee group or account manager does not exist, or another
/// merchant has this address.
pub fn create(connection: &mut AnyConnection, new: &NewMerchant) -> Result<Merchant, AppError> {
    let legal_name = new.legal_name.trim();
    let trading_name = new.trading_name.as_deref().map_or(legal_name, str::trim);
    let contact_email = new.contact_email.trim();
    for name in [legal_name, trading_name] {
        if name.is_empty() || name.contains(char::is_control) {
            return Err(AppError::unprocessable(
                "invalid_name",
                "a merchant's name must be one line of text",
            ));
        }
    }
    if !is_email_address(contact_email) {
        return Err(AppError::unprocessable(
            "invalid_email",
            format!("{contact_email:?} is not an e-mail address"),
        ));
    }
    let group = queries::fee_group(connection, &new.fee_group)?.ok_or_else(|| {
        AppError::unprocessable(
            "unknown_fee_group",
            format!("there is no active fee group {}", new.fee_group),
        )
    })?;
    if let Some(id) = new.account_manager_id {
        require_user(connection, id)?;
    }
    let id = diesel::insert_into(merchants::table)
        .values((
            merchants::fee_group_id.eq(group.id),
            merchants::account_manager_id.eq(new.account_manager_id),
            merchants::legal_name.eq(legal_name),
            merchants::trading_name.eq(trading_name),
            merchants::contact_email.eq(contact_email),
        ))
        .returning(merchants::id)
        .get_result::<i64>(connection)
        .map_err(|error| match error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
                AppError::conflict(
                    "email_taken",
                    format!("another merchant already has the address {contact_email}"),
                )
            }
            other => other.into(),
        })?;
    audit::record(
        connection,
        "create",
        "merchant",
        id,
        &format!("fee group {}", group.code),
    )?;
    find(connection, id)?
        .ok_or_else(|| AppError::internal("the merchant just stored cannot be read"))
}

/// Only mail itself proves an address; this catches slips, and line breaks that would add headers.
fn is_email_address(text: &str) -> bool {
    let unusable = |character: char| character.is_whitespace() || character.is_control();
    !text.contains(unusable)
        && text
            .split_once('@')
            .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
}

fn require_user(connection: &mut AnyConnection, id: i64) -> Result<(), AppError> {
    let known: i64 = users::table.find(id).count().get_result(connection)?;
    if known == 0 {
        return Err(AppError::unprocessable(
            "unknown_user",
            format!("there is no user {id} to manage the account"),
        ));
    }
    Ok(())
}
