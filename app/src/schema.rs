//! The tables as `migrations/postgres` and `migrations/sqlite` leave them.
//!
//! Written by hand because one declaration serves both databases; `tests/suite/schema.rs` compares
//! it with freshly migrated ones.

/// SQL types that the two databases store differently.
pub mod types {
    use diesel::query_builder::QueryId;
    use diesel::sql_types::SqlType;

    /// A moment: `timestamptz` on PostgreSQL, UTC text `YYYY-MM-DD HH:MM:SS` on SQLite.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 1184, array_oid = 1185))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct Moment;

    /// A JSON document: `jsonb` on PostgreSQL, JSON text on SQLite.
    #[derive(Debug, Clone, Copy, QueryId, SqlType)]
    #[diesel(postgres_type(oid = 3802, array_oid = 3807))]
    #[diesel(sqlite_type(name = "Text"))]
    pub struct Document;
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    fee_groups (id) {
        id -> Integer,
        code -> Text,
        name -> Text,
        currency -> Text,
        active -> Bool,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    fee_items (id) {
        id -> Integer,
        fee_group_id -> Integer,
        code -> Text,
        name -> Text,
        rate_basis_points -> Integer,
        fixed_minor_units -> BigInt,
        minimum_minor_units -> BigInt,
        active -> Bool,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    email_templates (id) {
        id -> Integer,
        code -> Text,
        subject -> Text,
        body -> Text,
        active -> Bool,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::{Document, Moment};

    equipment_catalogue (id) {
        id -> Integer,
        code -> Text,
        name -> Text,
        category -> Text,
        currency -> Text,
        price_minor_units -> BigInt,
        monthly_rental_minor_units -> Nullable<BigInt>,
        specification -> Document,
        active -> Bool,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    system_configuration (key) {
        key -> Text,
        value -> Text,
        description -> Nullable<Text>,
        updated_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    users (id) {
        id -> BigInt,
        email -> Text,
        full_name -> Text,
        role -> Text,
        active -> Bool,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    merchants (id) {
        id -> BigInt,
        fee_group_id -> Integer,
        account_manager_id -> Nullable<BigInt>,
        legal_name -> Text,
        contact_email -> Text,
        status -> Text,
        created_at -> Moment,
        trading_name -> Text,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    transactions (id) {
        id -> BigInt,
        merchant_id -> BigInt,
        fee_item_id -> Integer,
        amount_minor_units -> BigInt,
        fee_minor_units -> BigInt,
        currency -> Text,
        created_at -> Moment,
    }
}

diesel::table! {
    use diesel::sql_types::*;
    use super::types::Moment;

    audit_logs (id) {
        id -> BigInt,
        user_id -> Nullable<BigInt>,
        action -> Text,
        entity -> Text,
        entity_id -> BigInt,
        detail -> Text,
        created_at -> Moment,
    }
}

diesel::joinable!(fee_items -> fee_groups (fee_group_id));
diesel::joinable!(merchants -> fee_groups (fee_group_id));
diesel::allow_tables_to_appear_in_same_query!(fee_groups, fee_items, merchants);
