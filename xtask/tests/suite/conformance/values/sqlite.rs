//! Storage classes of SQLite in columns of every kind.

use proptest::prelude::*;
use xtask::model::backend::Backend;

use super::{Cell, Table, check, columns, quoted, text};
use crate::support::database::Database;

fn integer() -> Cell {
    // The smallest number has no literal.
    prop_oneof![any::<i64>(), -3..3i64]
        .prop_map(|number| format!("CAST('{number}' AS INTEGER)"))
        .boxed()
}

fn real() -> Cell {
    let any = any::<f64>().prop_map(|number| match number {
        number if number.is_nan() => "NULL".to_owned(),
        number if number.is_infinite() && number > 0.0 => "9e999".to_owned(),
        number if number.is_infinite() => "-9e999".to_owned(),
        number => format!("{number:?}"),
    });
    prop_oneof![
        any,
        prop::sample::select(vec![
            "0.0",
            "-0.0",
            "1.0",
            "9007199254740993.0",
            "1e300",
            "5e-324"
        ])
        .prop_map(str::to_owned)
    ]
    .boxed()
}

/// Text, that which ends in the middle for a program in C among it.
fn words() -> Cell {
    prop_oneof![
        9 => text().prop_map(|text| quoted(&text)),
        1 => text().prop_map(|text| format!("({} || char(0) || 'b')", quoted(&text))),
    ]
    .boxed()
}

fn blob() -> Cell {
    prop::collection::vec(any::<u8>(), 0..9)
        .prop_map(|bytes| {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("x'{digits}'")
        })
        .boxed()
}

fn anything() -> Cell {
    prop_oneof![integer(), real(), words(), blob()].boxed()
}

fn tables() -> BoxedStrategy<Table> {
    let loose: Vec<(&'static str, Cell)> = [
        "INTEGER",
        "BIGINT",
        "REAL",
        "DOUBLE PRECISION",
        "TEXT",
        "VARCHAR(3)",
        "BLOB",
        "NUMERIC",
        "DECIMAL(10, 2)",
        "BOOLEAN",
        "DATE",
        "TIMESTAMP",
        "ANY",
        "",
    ]
    .into_iter()
    .map(|declared| (declared, anything()))
    .collect();
    let strict = vec![
        ("INT", integer()),
        ("INTEGER", integer()),
        ("REAL", real()),
        ("TEXT", words()),
        ("BLOB", blob()),
        ("ANY", anything()),
    ];
    prop_oneof![
        columns(loose.clone(), ""),
        columns(loose, "WITHOUT ROWID"),
        columns(strict.clone(), "STRICT"),
        columns(strict, "STRICT, WITHOUT ROWID"),
    ]
    .boxed()
}

pub(super) fn every_value() {
    let (source, target) = (
        Database::create(Backend::Sqlite),
        Database::create(Backend::Sqlite),
    );
    check(&source, &target, tables(), 2000, |column| {
        format!("typeof({column}) || hex({column}) || quote({column})")
    });
}
