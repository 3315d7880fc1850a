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
            Effect::Joins { parent, child } => format!("{line} {child} joins {parent}"),
            Effect::Makes(table) => format!("{line} makes {table}"),
            Effect::Renames { from, to } => format!("{line} renames {from} to {to}"),
            Effect::Retypes {
                table,
                column,
                type_name,
                computed,
            } => format!("{line} {table}.{column} {type_name} {computed}"),
            Effect::DropsSchema(schema) => format!("{line} schema {schema}"),
            Effect::DropsType(name) => format!("{line} type {name}"),
            Effect::MakesView { view, query } => format!("{line} view {view} as {query}"),
            Effect::RenamesSchema { from, to } => format!("{line} schema {from} to {to}"),
            Effect::RenamesColumn { table, from, to } => format!("{line} {table}.{from} to {to}"),
            Effect::Refers { table, key } => format!(
                "{line} {table}.{} to {} {:?} {:?}",
                key.columns.join("+"),
                key.parent,
                key.on_delete,
                key.on_update
            ),
            Effect::MovesPath => format!("{line} moves the path"),
            Effect::Inserts(_) | Effect::Rebuilds { .. } => "none of PostgreSQL".to_owned(),
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
            &[
                "2 DropTable Users",
                "2 type Users",
                "2 DropTable app.logs",
                "2 type app.logs",
            ][..],
        ),
        ("DROP SCHEMA app CASCADE", &["1 schema app", "1 opaque"]),
        (
            "DROP TYPE IF EXISTS app.mood, \"State\" CASCADE",
            &["1 type app.mood", "1 type State", "1 opaque"],
        ),
        ("DROP VIEW v CASCADE", &["1 type v"]),
        (
            "CREATE OR REPLACE VIEW app.v AS SELECT * FROM users",
            &["1 view app.v as CREATE OR REPLACE VIEW app.v AS SELECT * FROM users"],
        ),
        ("ALTER VIEW v RENAME TO w", &["1 renames v to w"]),
        ("ALTER SCHEMA app RENAME TO b", &["1 schema app to b"]),
        ("ALTER TABLE users RENAME a TO b", &["1 users.a to b"]),
        (
            "CREATE TABLE a (b int REFERENCES c (d) ON UPDATE SET NULL, e int, FOREIGN KEY (b, e) REFERENCES app.f (g, h) ON DELETE CASCADE)",
            &[
                "1 makes a",
                "1 a.b to c NoAction SetNull",
                "1 a.b+e to app.f Cascade NoAction",
            ],
        ),
        (
            "ALTER TABLE a ADD b int REFERENCES c ON DELETE SET DEFAULT",
            &["1 adds a.b", "1 a.b to c SetDefault NoAction"],
        ),
        ("\nSET ROLE somebody", &["2 moves the path"]),
        (
            "\nSET search_path = aux",
            &["1 moves the path", "2 moves the path"],
        ),
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
        (
            "UPDATE users SET (a, \"B\") = (1, 2), c = 3",
            &["1 Update users.a.B.c"],
        ),
        ("ALTER TABLE users ADD COLUMN a int", &["1 adds users.a"]),
        (
            "WITH gone AS (\n DELETE FROM users RETURNING *)\nINSERT INTO logs SELECT * FROM gone",
            &["2 Delete users"],
        ),
        (
            "INSERT INTO users VALUES (1) ON CONFLICT (id) DO UPDATE SET a = 2",
            &["1 Update users.a"],
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
        (
            "DO $$\nBEGIN\n  EXECUTE format('DROP TABLE users');\nEND $$;",
            3,
        ),
        (
            "DO $$ BEGIN FOR r IN EXECUTE 'x' LOOP NULL; END LOOP; END $$;",
            1,
        ),
        ("SELECT 1;\nDO LANGUAGE plpython3u 'x';", 2),
        ("\nCALL tidy_up();", 2),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'SELECT 1';\nSELECT public.F();",
            2,
        ),
        ("DROP COLLATION c CASCADE", 1),
        ("DROP FUNCTION f() CASCADE", 1),
        ("DROP SEQUENCE s CASCADE", 1),
        ("DROP OPERATOR + (int, int) CASCADE", 1),
        ("ALTER TYPE t DROP ATTRIBUTE a", 1),
        ("DELETE FROM pg_catalog.pg_attribute", 1),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'users'; END $$", 1),
        ("DO $$ BEGIN EXECUTE 'DROP TABL users'; END $$", 1),
        ("DO $$ BEGIN EXECUTE format('DROP TABLE %I', a); END $$", 1),
        ("DO $$ BEGIN EXECUTE format('%s', a); END $$", 1),
        ("DO $$ BEGIN EXECUTE format('SELECT %s', a); END $$", 1),
        (
            "DO $$ BEGIN EXECUTE format('SELECT * FROM %s', 'wipe()'); END $$",
            1,
        ),
        (
            "DO $$ BEGIN EXECUTE format('SELECT FROM a JOIN b ON %s', 'wipe()'); END $$",
            1,
        ),
        (
            "DO $$ BEGIN EXECUTE format('CREATE TABLE c AS SELECT FROM a JOIN b ON %s', 'wipe()'); END $$",
            1,
        ),
        ("DO $$ BEGIN EXECUTE format('SELECT %I()', a); END $$", 1),
        ("DROP EXTENSION hstore", 1),
        ("DO $$ BEGIN EXECUTE format(a, 'SELECT 1'); END $$", 1),
        ("DO $$ BEGIN EXECUTE upper('SELECT 1'); END $$", 1),
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
        "CREATE FUNCTION f() RETURNS trigger AS 'BEGIN RETURN NEW; END' LANGUAGE plpgsql; CREATE TRIGGER t AFTER INSERT ON users EXECUTE FUNCTION f();",
        "DROP SCHEMA app; DROP INDEX i; DROP VIEW v; DROP TYPE t; SELECT setval('s', 1), now()",
        "CREATE FUNCTION f(_tbl regclass) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE format('CREATE TRIGGER t BEFORE UPDATE ON %s FOR EACH ROW EXECUTE PROCEDURE g()', _tbl); END $$",
        "DO $$ BEGIN EXECUTE format('ALTER TABLE %s ENABLE TRIGGER t', a); EXECUTE format('CREATE INDEX %I ON %I (x)', a, b); EXECUTE format('SELECT * FROM %I', a); END $$",
        "DO $$ DECLARE v int; w text; BEGIN SELECT 1 INTO v; SELECT a, b INTO STRICT v, w FROM users; END $$",
        "-- DROP TABLE users",
        "",
    ] {
        assert_eq!(shown(up), Vec::<String>::new(), "{up}");
    }
}

#[test]
fn what_is_kept_to_be_run_later_is_told_where_it_is_made() {
    let cannot = "`f` may do anything: the statement that EXECUTE runs is only known when it runs";
    for (up, reason) in [
        (
            "CREATE FUNCTION app.wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM users'",
            "`app.wipe` deletes from `users` when it is called",
        ),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN TRUNCATE users; RETURN NULL; END $$",
            "`f` empties `users` when it is called",
        ),
        (
            "CREATE PROCEDURE f() LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'UPDATE users SET a = 1'; END $$",
            "`f` updates `users` when it is called",
        ),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE a; END $$",
            cannot,
        ),
        (
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC DELETE FROM users RETURNING 1; END",
            "`f` deletes from `users` when it is called",
        ),
        (
            "CREATE FUNCTION f() RETURNS void LANGUAGE c AS 'a', 'b'",
            "`f` may do anything: its language is not read",
        ),
        (
            "CREATE RULE r AS ON INSERT TO v DO INSTEAD UPDATE users SET a = 1",
            "`r` updates `users` when it is called",
        ),
    ] {
        let read = read(up);
        assert_eq!(read.opaque, [(1, reason.to_owned())], "{up}");
        assert_eq!(read.statements, [], "{up}");
    }
}

#[test]
fn a_text_that_is_written_out_is_read() {
    let up = "DO $$\nBEGIN\n  EXECUTE 'DROP TABLE users';\nEND $$;";
    assert_eq!(shown(up), ["3 DropTable users"]);
}

#[test]
fn names_end_where_the_server_cuts_them() {
    let name = "a".repeat(63);
    assert_eq!(
        shown(&format!("UPDATE {name}bc SET {name}d = 1")),
        [format!("1 Update {name}.{name}")]
    );
    let name = "a".repeat(62);
    let up = format!("DROP TABLE \"{name}é\"");
    assert_eq!(shown(&up), [format!("1 DropTable {name}")]);
}
