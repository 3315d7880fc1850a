//! Fills an e-mail template with a merchant's data.

use diesel::prelude::*;
use serde::Serialize;

use crate::database::{AnyConnection, MultiBackend};
use crate::email::{self, Values};
use crate::error::AppError;
use crate::merchants::{self, Merchant};
use crate::schema::{email_templates, system_configuration};

/// The two parts of an e-mail, with placeholders.
#[derive(Debug, Queryable, Selectable)]
#[diesel(table_name = email_templates, check_for_backend(MultiBackend))]
pub struct EmailTemplate {
    pub subject: String,
    pub body: String,
}

/// An e-mail ready to be sent.
#[derive(Debug, Serialize)]
pub struct Email {
    pub to: String,
    pub subject: String,
    pub body: String,
}

/// The template filled with the merchant's data (`{{merchant.name}}`, `.legal_name`, `.email`,
/// `.status`, `.id`) and the system configuration (`{{configuration.KEY}}`).
///
/// # Errors
/// When there is no such merchant or active template, or the template cannot be filled.
pub fn compose(
    connection: &mut AnyConnection,
    merchant_id: i64,
    template_code: &str,
) -> Result<Email, AppError> {
    let merchant = merchants::find(connection, merchant_id)?.ok_or_else(|| {
        AppError::not_found(
            "unknown_merchant",
            format!("there is no merchant {merchant_id}"),
        )
    })?;
    let template = email_templates::table
        .filter(email_templates::code.eq(template_code))
        .filter(email_templates::active.eq(true))
        .select(EmailTemplate::as_select())
        .first(connection)
        .optional()?
        .ok_or_else(|| {
            AppError::not_found(
                "unknown_email_template",
                format!("there is no active e-mail template {template_code}"),
            )
        })?;
    let values = email_values(connection, &merchant)?;
    let fill = |text: &str| {
        email::render(text, &values).map_err(|error| {
            AppError::misconfigured(
                "email_template_invalid",
                format!("e-mail template {template_code}: {error}"),
            )
        })
    };
    Ok(Email {
        subject: fill(&template.subject)?,
        body: fill(&template.body)?,
        to: merchant.contact_email,
    })
}

fn email_values(connection: &mut AnyConnection, merchant: &Merchant) -> QueryResult<Values> {
    let configuration = system_configuration::table
        .select((system_configuration::key, system_configuration::value))
        .load::<(String, String)>(connection)?
        .into_iter()
        .map(|(key, value)| (format!("configuration.{key}"), value));
    let id = merchant.id.to_string();
    let of_merchant = [
        ("merchant.id", &id),
        ("merchant.name", &merchant.trading_name),
        ("merchant.legal_name", &merchant.legal_name),
        ("merchant.email", &merchant.contact_email),
        ("merchant.status", &merchant.status),
    ]
    .map(|(name, value)| (name.to_owned(), value.clone()));
    Ok(configuration.chain(of_merchant).collect())
}
