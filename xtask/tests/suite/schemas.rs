//! What `--format json` prints is what `docs/schemas` says, and the schemas are no empty promise.

use std::path::Path;

use jsonschema::Validator;
use serde_json::{Value, json};
use xtask::problem::Code;

use crate::support::workspace::{TO_PRODUCTION, Workspace};

const NAMES: [&str; 11] = [
    "adopt",
    "backups",
    "error",
    "export",
    "history",
    "migrate",
    "plan",
    "promotion",
    "restore",
    "stamp",
    "status",
];

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs/schemas")
        .join(format!("{name}.schema.json"));
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap()
}

fn validator(name: &str) -> Validator {
    jsonschema::draft202012::new(&schema(name)).unwrap()
}

/// The document fits, and no longer fits without any one of its fields or with another version.
#[track_caller]
pub(crate) fn assert_fits(name: &str, document: &Value) {
    let validator = validator(name);
    let errors: Vec<String> = validator
        .iter_errors(document)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{document:#}");
    for field in schema(name)["required"].as_array().unwrap() {
        let field = field.as_str().unwrap();
        let mut broken = document.clone();
        broken.as_object_mut().unwrap().remove(field);
        assert!(!validator.is_valid(&broken), "{name} without {field}");
        broken[field] = json!({"wrong": []});
        assert!(!validator.is_valid(&broken), "{name} with a wrong {field}");
    }
    // Fields may be added.
    let mut more = document.clone();
    more["added_later"] = json!(1);
    assert!(validator.is_valid(&more));
}

#[track_caller]
fn run(workspace: &Workspace, name: &str, arguments: &[&str]) -> Value {
    let run = workspace.run(&[arguments, &["--format", "json"]].concat());
    let document = run.document();
    assert_fits(name, &document);
    document
}

#[test]
fn schemas_are_schemas_and_describe_every_field() {
    fn walk(schema: &Value, path: &str, undescribed: &mut Vec<String>) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                let here = format!("{path}.{name}");
                if property["description"].as_str().is_none_or(str::is_empty) {
                    undescribed.push(here.clone());
                }
                walk(property, &here, undescribed);
            }
        }
        if schema["items"].is_object() {
            walk(&schema["items"], &format!("{path}[]"), undescribed);
        }
        for (name, definition) in schema["$defs"].as_object().into_iter().flatten() {
            walk(definition, &format!("{path}/{name}"), undescribed);
        }
        assert_ne!(
            schema["additionalProperties"], false,
            "{path} allows no more fields"
        );
    }
    let mut undescribed = Vec::new();
    for name in NAMES {
        let schema = schema(name);
        assert!(jsonschema::meta::is_valid(&schema), "{name}");
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        walk(&schema, name, &mut undescribed);
    }
    assert_eq!(undescribed, Vec::<String>::new());
}

#[test]
fn the_schemas_know_every_code() {
    let codes: Vec<String> = Code::ALL.iter().map(|code| code.name()).collect();
    for name in NAMES {
        let schema = schema(name);
        let known = &schema["$defs"]["problem"]["properties"]["code"]["enum"];
        assert!(known.is_null() || *known == json!(codes), "{name}: {known}");
    }
}

/// Names of the contract, which scripts of others use.
#[test]
fn the_schemas_require_what_was_promised() {
    let promised = |name: &str, pointer: &str, fields: &str| {
        let schema = schema(name);
        let required = schema.pointer(&format!("{pointer}/required")).unwrap();
        for field in fields.split(' ') {
            let is_required = required.as_array().unwrap().contains(&json!(field));
            assert!(is_required, "{name}{pointer}: {field}");
        }
    };
    let environment = "/properties/environments/items";
    promised("status", "", "version environments promotions");
    promised(
        "status",
        environment,
        "name label state error backend server_version stamp migrations schema_fingerprint lookups last_run last_backup",
    );
    promised(
        "status",
        &format!("{environment}/properties/migrations"),
        "applied pending unknown",
    );
    promised(
        "status",
        &format!("{environment}/properties/migrations/properties/applied/items"),
        "version name run_on checksum",
    );
    promised(
        "status",
        &format!("{environment}/properties/lookups/items"),
        "table rows digest",
    );
    let promotion = "/properties/promotions/items";
    promised(
        "status",
        promotion,
        "name from to in_sync migrations lookups drift blockers warnings",
    );
    promised(
        "status",
        &format!("{promotion}/properties/lookups/items"),
        "table state insert update delete",
    );
    promised("status", "/$defs/drift", "object difference");
    promised(
        "plan",
        "",
        "version id promotion from to atomic empty migrations lookups drift blockers warnings",
    );
    promised(
        "plan",
        "/properties/migrations/items",
        "version name checksum transactional out_of_order hazards effects destructive_allowed",
    );
    promised(
        "plan",
        "/properties/lookups/items",
        "table insert update delete unchanged rows",
    );
    promised(
        "plan",
        "/properties/lookups/items/properties/rows/items",
        "change key before after",
    );
    promised(
        "promotion",
        "",
        "version run_id promotion outcome plan_id backup exports migrations lookups protected_rows_changed verified duration_ms error",
    );
    promised("promotion", "/$defs/backup_report", "path sha256 proved");
    promised(
        "promotion",
        "/$defs/migration_report",
        "version duration_ms",
    );
    promised("error", "/$defs/problem", "code message hint");
}

#[test]
fn a_first_promotion_prints_what_was_promised() {
    let workspace = Workspace::fresh();
    run(&workspace, "status", &["sync", "status"]);
    run(&workspace, "history", &["sync", "history"]);
    run(&workspace, "backups", &["sync", "backups"]);
    run(&workspace, "plan", &["sync", "plan", "dev-to-test"]);
    assert_eq!(
        run(&workspace, "migrate", &["migrate"])["migrations"]
            .as_array()
            .unwrap()
            .len(),
        12
    );
    run(&workspace, "migrate", &["migrate"]);
    run(&workspace, "plan", &["sync", "plan", "dev-to-test"]);
    let applied = run(&workspace, "promotion", &["sync", "dev-to-test", "--yes"]);
    assert_eq!(applied["outcome"], "applied");
    let nothing = run(&workspace, "promotion", &["sync", "dev-to-test", "--yes"]);
    assert_eq!(nothing["outcome"], "nothing_to_do");
}

#[test]
fn everyday_documents_are_what_was_promised() {
    let workspace = Workspace::promoted();
    let status = run(&workspace, "status", &["sync", "status"]);
    assert_eq!(status["promotions"][0]["lookups"][1]["insert"], 1);
    let plan = run(
        &workspace,
        "plan",
        &[
            "sync",
            "plan",
            "dev-to-test",
            "--rows",
            "--out",
            "plan.json",
        ],
    );
    let rows = plan["lookups"][1]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    let written: Value = serde_json::from_str(&workspace.read("plan.json")).unwrap();
    assert_eq!(written, plan);
    run(&workspace, "plan", &["sync", "dev-to-test", "--dry-run"]);
    let export = run(&workspace, "export", &["sync", "export", "--env", "test"]);
    let manifest: Value =
        serde_json::from_str(&workspace.read("data-sync/exports/test/manifest.json")).unwrap();
    assert_eq!(manifest, export);
    workspace.succeeds(&["sync", "dev-to-test", "--yes", "--quiet"]);
    assert_eq!(
        run(&workspace, "promotion", &TO_PRODUCTION)["outcome"],
        "applied"
    );
    run(&workspace, "history", &["sync", "history"]);
    let backups = run(&workspace, "backups", &["sync", "backups", "--env", "prod"]);
    let file = backups["backups"][0]["file"].as_str().unwrap();
    let restored = run(
        &workspace,
        "restore",
        &[
            "sync",
            "restore",
            "--env",
            "prod",
            file,
            "--yes",
            "--confirm",
            "SYNC TO PRODUCTION",
        ],
    );
    assert_eq!(restored["verified"], true);
    // A single backup is printed as in the list.
    let backup = workspace.document(&["sync", "backup", "--env", "dev"]);
    assert_fits("backups", &json!({"version": 1, "backups": [backup]}));
}

#[test]
fn imports_print_what_was_promised() {
    let workspace = Workspace::promoted();
    workspace.succeeds(&["sync", "export"]);
    let file = "data-sync/exports/dev/fee_groups.csv";
    let text = workspace.read(file);
    workspace.write(file, text.replace("Charities", "Charity"));
    let import = ["sync", "import", "--env", "dev"];
    run(
        &workspace,
        "plan",
        &[&import[..], &["--dry-run", "--rows"]].concat(),
    );
    let applied = run(&workspace, "promotion", &[&import[..], &["--yes"]].concat());
    assert_eq!(
        (&applied["promotion"], &applied["outcome"]),
        (&json!("import"), &json!("applied"))
    );
    let history = run(&workspace, "history", &["sync", "history", "--env", "dev"]);
    assert_eq!(history["environments"][0]["runs"][0]["kind"], "import");
    run(&workspace, "status", &["sync", "status"]);
    workspace.write(file, "id,code\n");
    let refused = run(&workspace, "error", &import);
    assert_eq!(
        refused["error"]["details"][0],
        format!("{file}: line 1: the column `name` is missing")
    );
}

#[test]
fn recorded_migrations_are_told_as_promised() {
    let workspace = Workspace::filled();
    workspace.migrate_by_hand("test", 3);
    let plan = run(&workspace, "plan", &["sync", "plan", "test-to-prod"]);
    assert_eq!(plan["blockers"][1]["code"], "unrecorded_migration");
    let record = ["migrate", "--record", "--env", "test", "--yes"];
    let recorded = run(&workspace, "migrate", &record);
    assert_eq!(recorded["recorded"].as_array().unwrap().len(), 3);
    let status = run(&workspace, "status", &["sync", "status"]);
    let applied = &status["environments"][1]["migrations"]["applied"];
    assert_eq!(applied[0]["checksum"], "same");
}

#[test]
fn stamps_are_told_as_promised() {
    let workspace = Workspace::promoted();
    let stamp = ["sync", "stamp", "--env", "test", "--confirm", "STAMP test"];
    let stamped = run(&workspace, "stamp", &stamp);
    assert_eq!(stamped["before"]["environment"], "test");
    assert_eq!(stamped["stamp"]["project"], "merchant-services");
    let history = run(&workspace, "history", &["sync", "history", "--env", "test"]);
    assert_eq!(history["environments"][0]["runs"][0]["kind"], "stamp");
    let status = run(&workspace, "status", &["sync", "status"]);
    assert_eq!(status["environments"][1]["stamp"], stamped["stamp"]);
    run(&workspace, "error", &stamp[..4]);
}

#[test]
fn edits_on_a_target_are_told_as_promised() {
    let workspace = Workspace::promoted();
    workspace.execute("test", "UPDATE fee_items SET name = 'Hot' WHERE id = 1");
    let plan = run(&workspace, "plan", &["sync", "plan", "dev-to-test"]);
    assert_eq!(plan["lookups"][1]["edited"][0]["key"]["id"], "1");
    let adopt = ["sync", "adopt", "--from", "test", "fee_items"];
    let adopted = run(&workspace, "adopt", &adopt);
    assert_eq!(
        adopted["tables"][0]["edited"][0]["cells"][0]["target"],
        "Hot"
    );
}

#[test]
fn what_goes_wrong_is_what_was_promised() {
    let mut workspace = Workspace::promoted();
    let refused = run(&workspace, "promotion", &["sync", "dev-to-test"]);
    assert_eq!(
        (&refused["outcome"], &refused["error"]["code"]),
        (&json!("refused"), &json!("not_interactive"))
    );
    workspace.succeeds(&["sync", "dev-to-test", "--yes"]);
    let cancelled = run(
        &workspace,
        "promotion",
        &["sync", "test-to-prod", "--yes", "--confirm", "no"],
    );
    assert_eq!(cancelled["outcome"], "cancelled");
    run(&workspace, "error", &["sync", "dev-to-prod"]);
    run(&workspace, "error", &["sync", "backup", "--env", "qa"]);
    run(&workspace, "error", &["sync", "statsu"]);

    workspace.execute("dev", "UPDATE fee_items SET name = 'Plain' WHERE id = 1");
    workspace.execute(
        "test",
        "CREATE TRIGGER fee_items_log AFTER UPDATE ON fee_items
         BEGIN INSERT INTO audit_logs (action, entity, entity_id) VALUES ('update', 'fee_item', NEW.id); END",
    );
    let status = run(&workspace, "status", &["sync", "status"]);
    assert_ne!(status["promotions"][0]["drift"], json!([]));
    assert_ne!(status["promotions"][0]["warnings"], json!([]));
    let failed = run(&workspace, "promotion", &["sync", "dev-to-test", "--yes"]);
    assert_eq!(
        (&failed["outcome"], &failed["protected_rows_changed"]),
        (&json!("failed"), &json!(1))
    );

    workspace.unset("DATABASE_URL");
    workspace.set("TEST_DATABASE_URL", "sqlite:missing.sqlite3");
    let status = run(&workspace, "status", &["sync", "status"]);
    assert_eq!(status["environments"][1]["state"], "unreachable");
    assert_eq!(status["environments"][2]["state"], "unset");
    run(&workspace, "error", &["sync", "dev-to-test", "--yes"]);
}
