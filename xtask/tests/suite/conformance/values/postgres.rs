//! Types of PostgreSQL, and those of the extensions that come with it.

use proptest::prelude::*;
use xtask::model::backend::Backend;

use super::{Cell, check, columns, quoted, text};
use crate::support::database::Database;

const TYPES: &str = "CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; \
     CREATE TYPE mood AS ENUM ('a', 'A b', '''', '\"', 'é', '\\', ',', '\\N', 'a\nb'); \
     CREATE TYPE pair AS (number numeric, \"odd \"\" name\" text, many integer[]); \
     CREATE DOMAIN sku AS text CHECK (value <> 'x'); \
     CREATE DOMAIN amounts AS numeric[]";

/// A value given as text, cast to its type.
fn cast(type_name: &'static str, text: impl Strategy<Value = String> + 'static) -> Cell {
    text.prop_map(move |text| format!("{}::{type_name}", quoted(&text)))
        .boxed()
}

fn shown<T: std::fmt::Debug>(values: impl Strategy<Value = T> + 'static) -> BoxedStrategy<String> {
    values.prop_map(|value| format!("{value:?}")).boxed()
}

fn or(cell: Cell, others: &'static [&'static str]) -> Cell {
    let others = prop::sample::select(others.to_vec()).prop_map(str::to_owned);
    prop_oneof![4 => cell, 1 => others].boxed()
}

fn numeric() -> BoxedStrategy<String> {
    prop_oneof![
        "-?[0-9]{1,30}(\\.[0-9]{1,20})?",
        "-?0\\.0{0,5}",
        "[1-9]e-?[0-9]{1,2}"
    ]
    .prop_map(|digits| {
        if digits.is_empty() {
            "0".to_owned()
        } else {
            digits
        }
    })
    .boxed()
}

/// Microseconds, six thousand years to either side.
fn microseconds() -> BoxedStrategy<i64> {
    prop_oneof![
        -190_000_000_000_000_000..190_000_000_000_000_000i64,
        Just(0),
        Just(-1),
    ]
    .boxed()
}

/// `start` and some microseconds.
fn moment(start: &'static str) -> Cell {
    microseconds()
        .prop_map(move |at| format!("({start} + interval '1 microsecond' * {at})"))
        .boxed()
}

fn hex_bytes() -> BoxedStrategy<String> {
    prop::collection::vec(any::<u8>(), 0..9)
        .prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        .boxed()
}

/// Text that may stand in XML.
fn xml_text() -> BoxedStrategy<String> {
    let is_allowed = |c: &char| match *c {
        '\t' | '\n' => true,
        c => c >= ' ' && !('\u{7f}'..='\u{9f}').contains(&c) && c != '\u{fffe}' && c != '\u{ffff}',
    };
    text()
        .prop_map(move |text| text.chars().filter(is_allowed).collect())
        .boxed()
}

fn json() -> BoxedStrategy<serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        (-1e15..1e15f64).prop_map(serde_json::Value::from),
        text().prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::vec((text(), inner), 0..3)
                .prop_map(|pairs| serde_json::Value::Object(pairs.into_iter().collect())),
        ]
    })
    .boxed()
}

/// An array of these, with NULLs, of one dimension or two, from whatever bound on.
fn array(type_name: &'static str, cell: Cell) -> Cell {
    let cell = prop_oneof![1 => Just("NULL".to_owned()), 4 => cell];
    let list = |cells: &[String]| format!("ARRAY[{}]", cells.join(", "));
    prop_oneof![
        3 => prop::collection::vec(cell.clone(), 0..4)
            .prop_map(move |cells| format!("{}::{type_name}[]", list(&cells))),
        1 => (1..3usize, 1..3usize).prop_flat_map(move |(rows, width)| {
            let row = prop::collection::vec(cell.clone(), width);
            prop::collection::vec(row, rows).prop_map(move |rows| {
                let rows: Vec<String> = rows.iter().map(|row| list(row)).collect();
                format!("ARRAY[{}]::{type_name}[]", rows.join(", "))
            })
        }),
    ]
    .boxed()
}

fn range(constructor: &'static str, low: Cell, high: Cell) -> Cell {
    let bounds = prop::sample::select(vec!["[]", "[)", "(]", "()"]);
    (low, high, bounds, any::<bool>(), any::<bool>())
        .prop_map(move |(low, high, bounds, no_low, no_high)| {
            let end = |absent: bool, end: String| if absent { "NULL".to_owned() } else { end };
            format!(
                "{constructor}({}, {}, '{bounds}')",
                end(no_low, low),
                end(no_high, high)
            )
        })
        .boxed()
}

fn numbers() -> Vec<(&'static str, Cell)> {
    let whole = |low: i32, high: i32| (low..high).prop_map(|number| number.to_string()).boxed();
    let range_of_numbers = || range("int4range", whole(-99, 0), whole(0, 99));
    vec![
        ("smallint", cast("smallint", shown(any::<i16>()))),
        ("integer", cast("integer", shown(any::<i32>()))),
        ("bigint", cast("bigint", shown(any::<i64>()))),
        (
            "numeric",
            or(
                cast("numeric", numeric()),
                &["'NaN'::numeric", "'-Infinity'::numeric", "1.0", "1.00"],
            ),
        ),
        ("numeric(12,4)", cast("numeric(12,4)", shown(-9e7..9e7f64))),
        (
            "real",
            cast(
                "real",
                any::<u32>().prop_map(|bits| format!("{:?}", f32::from_bits(bits))),
            ),
        ),
        (
            "double precision",
            cast(
                "double precision",
                any::<u64>().prop_map(|bits| format!("{:?}", f64::from_bits(bits))),
            ),
        ),
        (
            "money",
            any::<i64>()
                .prop_map(|cents| format!("({cents}::numeric / 100)::money"))
                .boxed(),
        ),
        ("boolean", cast("boolean", shown(any::<bool>()))),
        ("oid", cast("oid", shown(any::<u32>()))),
        ("bit(7)", cast("bit(7)", "[01]{7}")),
        ("bit varying", cast("bit varying", "[01]{0,9}")),
        ("int4range", range_of_numbers()),
        (
            "int4multirange",
            prop::collection::vec(range_of_numbers(), 0..3)
                .prop_map(|ranges| format!("int4multirange({})", ranges.join(", ")))
                .boxed(),
        ),
        (
            "numrange",
            range(
                "numrange",
                cast("numeric", "-[0-9]\\.[0-9]{1,3}"),
                cast("numeric", "[0-9]\\.[0-9]{1,3}"),
            ),
        ),
        (
            "point",
            (any::<f64>(), any::<f64>())
                .prop_map(|(x, y)| format!("point('({x:?},{y:?})')"))
                .boxed(),
        ),
        (
            "polygon",
            (any::<f32>(), any::<f32>())
                .prop_map(|(x, y)| format!("'(({x:?},{y:?}),(0,0))'::polygon"))
                .boxed(),
        ),
    ]
}

fn times() -> Vec<(&'static str, Cell)> {
    let timestamp = || moment("timestamp '2000-01-01'");
    vec![
        (
            "date",
            or(
                (-2_400_000..2_000_000)
                    .prop_map(|day| format!("(date '2000-01-01' + ({day}))"))
                    .boxed(),
                &[
                    "'infinity'::date",
                    "'-infinity'::date",
                    "'0044-03-15 BC'::date",
                ],
            ),
        ),
        ("time", moment("time '00:00'")),
        (
            "time with time zone",
            cast(
                "timetz",
                "(0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\\.[0-9]{1,6}[+-](0[0-9]|1[0-5]):[0-5][0-9]",
            ),
        ),
        (
            "timestamp",
            or(
                timestamp(),
                &["'infinity'::timestamp", "'-infinity'::timestamp"],
            ),
        ),
        (
            "timestamptz",
            or(
                moment("timestamptz '2000-01-01'"),
                &[
                    "'infinity'::timestamptz",
                    "'1890-01-01 00:00:00 Europe/Amsterdam'::timestamptz",
                ],
            ),
        ),
        (
            "interval",
            (-9999..9999i32, -9999..9999i32, microseconds())
                .prop_map(|(months, days, at)| {
                    format!(
                        "('{months} mon {days} days'::interval + interval '1 microsecond' * {at})"
                    )
                })
                .boxed(),
        ),
        (
            "tstzrange",
            range(
                "tstzrange",
                (0..1_000_000_000u32)
                    .prop_map(|second| format!("to_timestamp(-{second})"))
                    .boxed(),
                (0..1_000_000_000u32)
                    .prop_map(|second| format!("to_timestamp({second}.25)"))
                    .boxed(),
            ),
        ),
        ("timestamp[]", array("timestamp", timestamp())),
    ]
}

fn texts() -> Vec<(&'static str, Cell)> {
    let words = || cast("text", text());
    let bytes = || {
        hex_bytes()
            .prop_map(|hex| format!("'\\x{hex}'::bytea"))
            .boxed()
    };
    let pair = || {
        (
            cast("numeric", numeric()),
            words(),
            array("integer", shown(any::<i32>())),
        )
            .prop_map(|(number, text, many)| format!("ROW({number}, {text}, {many})::pair"))
            .boxed()
    };
    vec![
        ("text", words()),
        ("varchar(9)", cast("varchar(9)", text())),
        ("char(5)", cast("char(5)", text())),
        ("name", cast("name", text())),
        ("citext", cast("citext", text())),
        (
            "sku",
            words().prop_filter("x", |text| text != "'x'::text").boxed(),
        ),
        ("amounts", array("numeric", cast("numeric", numeric()))),
        ("bytea", bytes()),
        ("bytea[]", array("bytea", bytes())),
        ("text[]", array("text", words())),
        (
            "text[]",
            Just("'[-1:1]={a,NULL,\"\"}'::text[]".to_owned()).boxed(),
        ),
        ("citext[]", array("citext", words())),
        (
            "json",
            cast("json", json().prop_map(|value| format!(" {value:#} "))),
        ),
        (
            "jsonb",
            cast("jsonb", json().prop_map(|value| value.to_string())),
        ),
        (
            "xml",
            xml_text()
                .prop_map(|text| {
                    format!(
                        "xmlelement(name \"a b\", xmlattributes('é' AS c), {})",
                        quoted(&text)
                    )
                })
                .boxed(),
        ),
        ("uuid", cast("uuid", "[0-9a-f]{32}")),
        (
            "inet",
            cast(
                "inet",
                any::<[u8; 4]>().prop_map(|[a, b, c, d]| format!("{a}.{b}.{c}.{d}/{}", a % 33)),
            ),
        ),
        (
            "inet",
            cast(
                "inet",
                any::<std::net::Ipv6Addr>().prop_map(|address| address.to_string()),
            ),
        ),
        (
            "cidr",
            cast(
                "cidr",
                any::<u8>().prop_map(|byte| format!("{byte}.0.0.0/8")),
            ),
        ),
        ("macaddr", cast("macaddr", "[0-9a-f]{12}")),
        (
            "tsvector",
            words()
                .prop_map(|text| format!("to_tsvector('simple', {text})"))
                .boxed(),
        ),
        (
            "tsquery",
            words()
                .prop_map(|text| format!("plainto_tsquery('simple', {text})"))
                .boxed(),
        ),
        (
            "hstore",
            (words(), words())
                .prop_map(|(key, value)| format!("hstore({key}, NULLIF({value}, ''))"))
                .boxed(),
        ),
        (
            "ltree",
            cast("ltree", "[A-Za-z0-9_]{1,4}(\\.[A-Za-z0-9_]{1,4}){0,2}"),
        ),
        (
            "mood",
            prop::sample::select(vec!["a", "A b", "'", "\"", "é", "\\", ",", "\\N", "a\nb"])
                .prop_map(|mood| format!("{}::mood", quoted(mood)))
                .boxed(),
        ),
        (
            "mood[]",
            array(
                "mood",
                prop::sample::select(vec!["a", "A b", "'", "\"", "\\N"])
                    .prop_map(|mood| format!("{}::mood", quoted(mood)))
                    .boxed(),
            ),
        ),
        ("pair", pair()),
        ("pair[]", array("pair", pair())),
    ]
}

pub(super) fn every_value() {
    let source = Database::with(Backend::Postgres, TYPES);
    // A copy has the same numbers for its types, so that binary values can be compared.
    let target = source.copy_on_server();
    let types = [numbers(), times(), texts()].concat();
    check(
        &source,
        &target,
        columns(types, "").boxed(),
        1000,
        |column| format!("encode(record_send(ROW({column})), 'hex')"),
    );
}
