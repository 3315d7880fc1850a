//! Transactions: each is stored with the fee that applied at the time.

use diesel::prelude::*;
use serde::{Deserialize, Serialize};

use crate::database::AnyConnection;
use crate::error::AppError;
use crate::models::FeeItem;
use crate::schema::{fee_groups, fee_items, transactions};
use crate::text::Text;
use crate::{audit, merchants, queries};

/// The body of `POST /transactions`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTransaction {
    pub merchant_id: i64,
    /// The code of an active item of the merchant's fee group: the way of paying.
    pub fee_item: Text,
    pub amount_minor_units: i64,
}

/// A stored transaction.
#[derive(Debug, Serialize)]
pub struct Transaction {
    pub id: i64,
    pub merchant_id: i64,
    pub fee_item: String,
    pub currency: String,
    pub amount_minor_units: i64,
    pub fee_minor_units: i64,
    pub net_minor_units: i64,
}

/// Computes a transaction's fee, and stores the transaction and an audit log.
///
/// # Errors
/// When the merchant does not exist or may not trade, its fee group has no such active item, or the
/// amount is not positive or over the configured maximum.
pub fn record(
    connection: &mut AnyConnection,
    new: &NewTransaction,
) -> Result<Transaction, AppError> {
    let merchant = merchants::find(connection, new.merchant_id)?.ok_or_else(|| {
        AppError::unprocessable(
            "unknown_merchant",
            format!("there is no merchant {}", new.merchant_id),
        )
    })?;
    if merchant.status != "active" {
        return Err(AppError::conflict(
            "merchant_not_active",
            format!(
                "merchant {} is {} and may not trade",
                merchant.id, merchant.status
            ),
        ));
    }
    let (item, currency) = price_list_item(connection, merchant.fee_group_id, &new.fee_item)?;
    let amount = new.amount_minor_units;
    let fee = item.price().fee_minor_units(amount)?;
    let maximum = maximum_transaction(connection)?;
    if amount > maximum {
        return Err(AppError::unprocessable(
            "amount_over_maximum",
            format!("the amount {amount} is over the maximum of {maximum} minor units"),
        ));
    }
    let id = diesel::insert_into(transactions::table)
        .values((
            transactions::merchant_id.eq(merchant.id),
            transactions::fee_item_id.eq(item.id),
            transactions::amount_minor_units.eq(amount),
            transactions::fee_minor_units.eq(fee),
            transactions::currency.eq(&currency),
        ))
        .returning(transactions::id)
        .get_result::<i64>(connection)?;
    let detail = format!("{} of {amount} {currency} costs {fee}", item.code);
    audit::record(connection, "create", "transaction", id, &detail)?;
    Ok(Transaction {
        id,
        merchant_id: merchant.id,
        fee_item: item.code,
        currency,
        amount_minor_units: amount,
        fee_minor_units: fee,
        net_minor_units: amount - fee,
    })
}

/// A merchant keeps its fee group when that is no longer offered, so the group need not be active.
fn price_list_item(
    connection: &mut AnyConnection,
    fee_group_id: i32,
    code: &str,
) -> Result<(FeeItem, String), AppError> {
    fee_items::table
        .inner_join(fee_groups::table)
        .filter(fee_items::fee_group_id.eq(fee_group_id))
        .filter(fee_items::code.eq(code))
        .filter(fee_items::active.eq(true))
        .select((FeeItem::as_select(), fee_groups::currency))
        .first(connection)
        .optional()?
        .ok_or_else(|| {
            AppError::unprocessable(
                "unknown_fee_item",
                format!("the merchant's fee group has no active item {code}"),
            )
        })
}

fn maximum_transaction(connection: &mut AnyConnection) -> Result<i64, AppError> {
    const KEY: &str = "maximum_transaction_minor_units";
    let value = queries::configuration(connection, KEY)?;
    value.trim().parse().map_err(|_| {
        AppError::misconfigured(
            "configuration_invalid",
            format!("{KEY} in system_configuration is not a whole number"),
        )
    })
}
