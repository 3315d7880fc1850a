//! The tests of `effects`.

use super::*;

fn shown(up: &str) -> Vec<String> {
    let shown = |statement: Statement| {
        let line = statement.line;
        match statement.effect {
            Effect::Meets {
                kind,
                table,
                columns,
                others,
            } => format!(
                "{line} {kind:?} {table}{}{}",
                columns
                    .iter()
                    .map(|column| format!(".{column}"))
                    .collect::<String>(),
                if others { " and others" } else { "" }
            ),
            Effect::Adds { table, column } => format!("{line} adds {table}.{column}"),
            Effect::Makes(table) => format!("{line} makes {table}"),
            Effect::Renames { from, to } => format!("{line} renames {from} to {to}"),
            Effect::Retypes {
                table,
                column,
                type_name,
                computed,
            } => format!("{line} {table}.{column} {type_name} {computed}"),
            Effect::DropsSchema(schema) => format!("{line} schema {schema}"),
            Effect::Rebuilds { .. } => "rebuilds".to_owned(),
        }
    };
    let read = read(up);
    let opaque = read.opaque.iter().map(|(line, _)| format!("{line} opaque"));
    read.statements
        .into_iter()
        .map(shown)
        .chain(opaque)
        .collect()
}

#[test]
fn every_statement_that_meets_rows_is_found() {
    for (up, found) in [
        (
            "-- why\nDROP TABLE IF EXISTS \"Users\", app.logs CASCADE;",
            &["2 DropTable Users", "2 DropTable app.logs"][..],
        ),
        ("DROP SCHEMA app CASCADE", &["1 schema app"]),
        (
            "TRUNCATE users, ONLY public.logs",
            &["1 Truncate users", "1 Truncate logs"],
        ),
        (
            "TRUNCATE TABLE users RESTART IDENTITY CASCADE",
            &["1 Truncate users and others"],
        ),
        (
            "DELETE FROM ONLY Users u USING logs WHERE true",
            &["1 Delete users"],
        ),
        (
            "UPDATE users SET a = 1, \"B\" = 2 FROM logs",
            &["1 Update users.a.B"],
        ),
        ("UPDATE users SET (a, b) = (1, 2)", &["1 Update users"]),
        ("ALTER TABLE users ADD COLUMN a int", &["1 adds users.a"]),
        (
            "WITH gone AS (\n DELETE FROM users RETURNING *)\nINSERT INTO logs SELECT * FROM gone",
            &["2 Delete users"],
        ),
        (
            "INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 2",
            &["1 Update users"],
        ),
        (
            "MERGE INTO users u USING new n ON n.id = u.id WHEN MATCHED AND n.a THEN DELETE \
             WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)",
            &["1 Delete users", "1 Update users"],
        ),
        (
            "ALTER TABLE users DROP COLUMN a,\n DROP \"B\", ALTER c TYPE bigint USING c::bigint, ALTER d SET DATA TYPE Text",
            &[
                "1 DropColumn users.a",
                "1 DropColumn users.B",
                "1 users.c bigint true",
                "1 users.d text false",
            ],
        ),
        (
            "ALTER TABLE users RENAME TO people",
            &["1 renames users to people"],
        ),
        (
            "ALTER TABLE users SET SCHEMA app",
            &["1 renames users to app.users"],
        ),
        (
            "CREATE TABLE a (x int); CREATE TABLE b AS SELECT 1; SELECT 1 INTO c",
            &["1 makes a", "1 makes b", "1 makes c"],
        ),
        ("PREPARE p AS DELETE FROM users", &["1 Delete users"]),
    ] {
        assert_eq!(shown(up), found, "{up}");
    }
}

#[test]
fn a_do_is_looked_into() {
    let up = "-- why\nDO $$\nDECLARE n int;\nBEGIN\n  IF true THEN\n    DELETE FROM users;\n  END IF;\n\
              FOR r IN SELECT 1 LOOP\n    UPDATE logs SET a = 1;\n  END LOOP;\nEND $$;";
    assert_eq!(shown(up), ["6 Delete users", "9 Update logs.a"]);
}

#[test]
fn what_cannot_be_seen_into_is_told() {
    for (up, line) in [
        ("DO $$\nBEGIN\n  EXECUTE 'DROP TABLE users';\nEND $$;", 3),
        (
            "DO $$ BEGIN FOR r IN EXECUTE 'x' LOOP NULL; END LOOP; END $$;",
            1,
        ),
        ("SELECT 1;\nDO LANGUAGE plpython3u 'x';", 2),
        ("\nCALL tidy_up();", 2),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DELETE FROM users';\nSELECT public.F();",
            2,
        ),
        ("DROP TYPE mood CASCADE", 1),
        ("DROP OWNED BY somebody", 1),
        ("SELECT 1;\nSELEC 1;", 2),
    ] {
        assert_eq!(shown(up), [format!("{line} opaque")], "{up}");
    }
}

#[test]
fn what_only_adds_or_runs_later_is_none() {
    for up in [
        "INSERT INTO users VALUES ('DELETE FROM users') ON CONFLICT DO NOTHING",
        "ALTER TABLE users ALTER b SET DEFAULT 1, DROP CONSTRAINT c",
        "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM users; EXECUTE 'x'; END $$;",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM users RETURNING 1; END",
        "CREATE RULE r AS ON DELETE TO users DO INSTEAD UPDATE users SET a = 1",
        "CREATE FUNCTION f() RETURNS trigger AS '' LANGUAGE plpgsql; CREATE TRIGGER t AFTER INSERT ON users EXECUTE FUNCTION f();",
        "DROP SCHEMA app; DROP INDEX i; DROP VIEW v CASCADE; DROP TYPE t; SELECT setval('s', 1), now()",
        "-- DROP TABLE users",
        "",
    ] {
        assert_eq!(shown(up), Vec::<String>::new(), "{up}");
    }
}
