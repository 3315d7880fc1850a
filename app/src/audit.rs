//! The audit log, which is written in the transaction of what it tells about.

use diesel::prelude::*;

use crate::database::AnyConnection;
use crate::schema::audit_logs;

/// Notes that the application did `action` to the `entity` with this number.
///
/// Requests are not tied to a user, so the log names none.
///
/// # Errors
/// When the database fails.
pub fn record(
    connection: &mut AnyConnection,
    action: &str,
    entity: &str,
    entity_id: i64,
    detail: &str,
) -> QueryResult<()> {
    diesel::insert_into(audit_logs::table)
        .values((
            audit_logs::action.eq(action),
            audit_logs::entity.eq(entity),
            audit_logs::entity_id.eq(entity_id),
            audit_logs::detail.eq(detail),
        ))
        .execute(connection)
        .map(drop)
}
