//! The application and its migrations on real databases. One binary, so that it is linked once.
//!
//! PostgreSQL comes from `XTASK_TEST_POSTGRES`, which `cargo xtask test` sets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

/// Makes each test twice, as `postgresql::name` and `sqlite::name`.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod postgresql {
            $(#[test] fn $name() { super::$name($crate::support::Backend::Postgresql); })+
        }
        mod sqlite {
            $(#[test] fn $name() { super::$name($crate::support::Backend::Sqlite); })+
        }
    };
}

mod catalog;
mod client;
mod connections;
mod migrations;
mod purchases;
mod rebuilds;
mod routes;
mod schema;
mod server;
mod support;
