//! Whether every value of one type of PostgreSQL is the same in another.
//! <https://www.postgresql.org/docs/current/datatype.html>

/// How much a type holds; nothing stands for no limit.
#[derive(Debug, PartialEq)]
enum Holds {
    /// How many digits its largest number has.
    Integer(u32),
    /// Digits before the point, and after it.
    Numeric(Option<(u32, u32)>),
    /// Bytes.
    Float(u32),
    /// Letters.
    Text(Option<u32>),
}

/// Whether a value of one type may be another one in the other; false where it is not known of one
/// of them.
pub fn narrows(from: &str, to: &str) -> bool {
    holds(from).is_some() && holds(to).is_some() && !widens(from, to)
}

pub(super) fn widens(from: &str, to: &str) -> bool {
    use Holds::{Float, Integer, Numeric, Text};
    match (holds(from), holds(to)) {
        (Some(Integer(from)), Some(Integer(to))) => from <= to,
        (Some(Integer(_) | Numeric(_)), Some(Numeric(None))) => true,
        (Some(Integer(from)), Some(Numeric(Some((to, _))))) => from <= to,
        (Some(Numeric(Some(from))), Some(Numeric(Some(to)))) => from.0 <= to.0 && from.1 <= to.1,
        (Some(Float(from)), Some(Float(to))) => from <= to,
        (Some(Text(_)), Some(Text(None))) => true,
        (Some(Text(Some(from))), Some(Text(Some(to)))) => from <= to,
        _ => false,
    }
}

/// Of a type as SQL or the catalog writes it; nothing for those that are not known here.
fn holds(written: &str) -> Option<Holds> {
    let written = written.to_lowercase();
    let (name, limits) = match written.split_once('(') {
        None => (written.as_str(), Vec::new()),
        Some((name, limits)) => {
            let limits = limits.strip_suffix(')')?.split(',');
            let limits: Result<Vec<u32>, _> = limits.map(|limit| limit.trim().parse()).collect();
            (name, limits.ok()?)
        }
    };
    let words: Vec<&str> = name.split_whitespace().collect();
    Some(match (words.join(" ").as_str(), limits.as_slice()) {
        ("smallint" | "int2", []) => Holds::Integer(5),
        ("integer" | "int" | "int4", []) => Holds::Integer(10),
        ("bigint" | "int8", []) => Holds::Integer(19),
        ("real" | "float4", []) => Holds::Float(4),
        ("double precision" | "float8" | "float", []) => Holds::Float(8),
        ("numeric" | "decimal" | "dec", []) => Holds::Numeric(None),
        ("numeric" | "decimal" | "dec", [digits]) => Holds::Numeric(Some((*digits, 0))),
        ("numeric" | "decimal" | "dec", [digits, scale]) => {
            Holds::Numeric(Some((digits.checked_sub(*scale)?, *scale)))
        }
        ("text" | "character varying" | "varchar", []) => Holds::Text(None),
        ("character varying" | "varchar", [letters]) => Holds::Text(Some(*letters)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_widens_where_it_holds_all_that_was_there() {
        for (from, to) in [
            ("smallint", "INT"),
            ("integer", "bigint"),
            ("integer", "numeric"),
            ("integer", "numeric(12, 2)"),
            ("numeric(12,2)", "DECIMAL( 14 , 2 )"),
            ("numeric(12,2)", "numeric(14,4)"),
            ("numeric", "decimal"),
            ("real", "double  precision"),
            ("character varying(20)", "varchar(60)"),
            ("character varying(20)", "text"),
            ("text", "character varying"),
        ] {
            assert!(widens(from, to), "{from} to {to}");
        }
        for (from, to) in [
            ("integer", "smallint"),
            ("bigint", "numeric(12,2)"),
            ("numeric", "numeric(30,10)"),
            ("numeric(12,2)", "numeric(12,4)"),
            ("numeric(12,2)", "numeric(14,1)"),
            ("double precision", "real"),
            ("character varying(20)", "varchar(19)"),
            ("text", "varchar(200)"),
            ("integer", "text"),
            ("integer[]", "bigint[]"),
            ("date", "date"),
            ("numeric(2,3)", "numeric(3,3)"),
            ("numeric(x)", "numeric"),
            ("", ""),
        ] {
            assert!(!widens(from, to), "{from} to {to}");
        }
    }
}
