//! Questions about lookup data. Each expects to run inside [`crate::snapshot::transaction`], so that
//! all its rows are from the same moment.

use diesel::prelude::*;

use crate::database::AnyConnection;
use crate::error::AppError;
use crate::models::{Equipment, FeeGroup, FeeItem, FeeSchedule, Quote, QuotedItem};
use crate::schema::{equipment_catalogue, fee_groups, fee_items, system_configuration};

/// Reads a real table, because SQLite answers `SELECT 1` without opening its file.
///
/// # Errors
/// When the database does not answer, or was never migrated.
pub fn check_health(connection: &mut AnyConnection) -> QueryResult<()> {
    system_configuration::table
        .count()
        .get_result::<i64>(connection)
        .map(drop)
}

/// Every active fee group with its active items, ordered by code.
///
/// # Errors
/// When the database fails.
pub fn fee_schedules(connection: &mut AnyConnection) -> QueryResult<Vec<FeeSchedule>> {
    let groups = fee_groups::table
        .filter(fee_groups::active.eq(true))
        .order(fee_groups::code)
        .select(FeeGroup::as_select())
        .load(connection)?;
    groups
        .into_iter()
        .map(|group| {
            let items = active_items(connection, group.id)?;
            Ok(FeeSchedule { group, items })
        })
        .collect()
}

fn active_items(connection: &mut AnyConnection, fee_group_id: i32) -> QueryResult<Vec<FeeItem>> {
    fee_items::table
        .filter(fee_items::fee_group_id.eq(fee_group_id))
        .filter(fee_items::active.eq(true))
        .order(fee_items::code)
        .select(FeeItem::as_select())
        .load(connection)
}

/// The active fee group with this code, if any.
///
/// # Errors
/// When the database fails.
pub fn fee_group(connection: &mut AnyConnection, code: &str) -> QueryResult<Option<FeeGroup>> {
    fee_groups::table
        .filter(fee_groups::code.eq(code))
        .filter(fee_groups::active.eq(true))
        .select(FeeGroup::as_select())
        .first(connection)
        .optional()
}

/// What `amount_minor_units` would cost by each item of the group.
///
/// # Errors
/// When there is no such active group, or the amount has no fee.
pub fn quote(
    connection: &mut AnyConnection,
    group_code: &str,
    amount_minor_units: i64,
) -> Result<Quote, AppError> {
    let group = fee_group(connection, group_code)?.ok_or_else(|| {
        AppError::not_found(
            "unknown_fee_group",
            format!("there is no active fee group {group_code}"),
        )
    })?;
    let items = active_items(connection, group.id)?
        .into_iter()
        .map(|item| {
            let fee_minor_units = item.price().fee_minor_units(amount_minor_units)?;
            Ok(QuotedItem {
                code: item.code,
                name: item.name,
                fee_minor_units,
                net_minor_units: amount_minor_units - fee_minor_units,
            })
        })
        .collect::<Result<_, AppError>>()?;
    Ok(Quote {
        group: group.code,
        currency: group.currency,
        amount_minor_units,
        items,
    })
}

/// Every active device, ordered by code.
///
/// # Errors
/// When the database fails.
pub fn equipment(connection: &mut AnyConnection) -> QueryResult<Vec<Equipment>> {
    equipment_catalogue::table
        .filter(equipment_catalogue::active.eq(true))
        .order(equipment_catalogue::code)
        .select(Equipment::as_select())
        .load(connection)
}

/// One value of the system configuration.
///
/// # Errors
/// When it is missing: the application cannot guess it.
pub fn configuration(connection: &mut AnyConnection, key: &str) -> Result<String, AppError> {
    system_configuration::table
        .find(key)
        .select(system_configuration::value)
        .first(connection)
        .optional()?
        .ok_or_else(|| {
            AppError::misconfigured(
                "configuration_missing",
                format!("system_configuration has no {key}"),
            )
        })
}
