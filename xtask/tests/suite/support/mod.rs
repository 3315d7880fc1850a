//! What the tests have in common.

pub(crate) mod database;
pub(crate) mod migrations;
pub(crate) mod proxy;
#[cfg(unix)]
pub(crate) mod pty;
pub(crate) mod role;
pub(crate) mod started;
pub(crate) mod workspace;

/// Makes one test for each function and backend. A function in `both` takes the backend; the
/// others know theirs.
macro_rules! suite {
    (
        both { $($module:ident: $($test:ident)+;)* }
        postgres { $($postgres_module:ident: $($postgres_test:ident)+;)* }
        sqlite { $($sqlite_module:ident: $($sqlite_test:ident)+;)* }
    ) => {
        mod postgres {
            $($(#[test] fn $test() {
                super::$module::$test(xtask::model::backend::Backend::Postgres);
            })+)*
            $($(#[test] fn $postgres_test() {
                super::$postgres_module::$postgres_test();
            })+)*
        }
        mod sqlite {
            $($(#[test] fn $test() {
                super::$module::$test(xtask::model::backend::Backend::Sqlite);
            })+)*
            $($(#[test] fn $sqlite_test() {
                super::$sqlite_module::$sqlite_test();
            })+)*
        }
    };
}

pub(crate) use suite;

/// Makes a folder as the program makes its own.
pub(crate) fn create_private(folder: &std::path::Path) {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(folder).unwrap();
}
