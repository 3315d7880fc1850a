//! A small merchant-services application: fees, equipment, e-mail templates, transactions.
//!
//! It only reads its lookup tables (fees, equipment, templates, configuration): `cargo xtask sync`
//! fills them. Merchants, transactions and audit logs are its own.

pub mod address;
pub mod audit;
pub mod database;
pub mod document;
pub mod email;
pub mod error;
pub mod fees;
pub mod http;
pub mod merchant_email;
pub mod merchants;
pub mod models;
pub mod queries;
pub mod schema;
pub mod server;
pub mod snapshot;
pub mod text;
pub mod transactions;
