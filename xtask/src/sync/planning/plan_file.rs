//! A plan as a file that a reviewer approves, and back again.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::contract::Contract;
use super::plan::Plan;
use crate::files::{ordinary, private};
use crate::model::rows::row::hex;
use crate::problem::{Code, Problem};

/// The plan as it is printed and written.
#[derive(Debug, Serialize)]
pub struct Document<'plan> {
    #[serde(flatten)]
    plan: &'plan Plan,
    /// Of all the rest, so that a change by hand is noticed.
    digest: String,
}

impl Plan {
    pub fn document(&self) -> Document<'_> {
        // A document without a digest is refused when it is read.
        let digest = serde_json::to_value(self).map_or(String::new(), |plan| digest(&plan));
        Document { plan: self, digest }
    }

    /// Writes the plan to a file that a reviewer can approve.
    ///
    /// # Errors
    /// `usage` where something else than a file is there, or when the file cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        ordinary::check_place(path).map_err(|error| {
            let message = format!("the plan cannot be written to {}: {error}", path.display());
            Problem::new(Code::Usage, message).hint("name a file with --out, new or written before")
        })?;
        private::write_file(path, |file| {
            serde_json::to_writer_pretty(&mut *file, &self.document())?;
            Ok(())
        })
    }
}

/// What was approved with a plan file.
#[derive(Debug)]
pub struct Approved {
    pub id: String,
    pub contract: Contract,
    /// How many spoke against it when it was written.
    pub blockers: usize,
}

impl Approved {
    /// Reads a plan file.
    ///
    /// # Errors
    /// `usage`, when the file is no plan; `plan_stale`, when it was changed since it was written.
    pub fn read(path: &Path) -> Result<Approved, Problem> {
        let file = path.display();
        let nothing = |what: String| {
            Problem::new(Code::Usage, format!("{file} is no plan file: {what}"))
                .hint("`cargo xtask sync plan PROMOTION --out FILE` writes one")
        };
        let text = ordinary::read(path).map_err(|error| nothing(error.to_string()))?;
        let document: Value =
            serde_json::from_slice(&text).map_err(|error| nothing(error.to_string()))?;
        read(&document).map_err(|mistake| match mistake {
            Mistake::NoPlan(what) => nothing(what),
            Mistake::Changed => Problem::new(
                Code::PlanStale,
                format!("{file} was changed after it was written: it no longer fits its digest"),
            )
            .hint("write the plan anew with `cargo xtask sync plan PROMOTION --out FILE`, and have that approved"),
        })
    }
}

enum Mistake {
    NoPlan(String),
    Changed,
}

fn read(document: &Value) -> Result<Approved, Mistake> {
    #[derive(Deserialize)]
    struct Seal {
        version: u32,
        id: String,
        digest: String,
        #[serde(default)]
        blockers: Vec<Value>,
    }
    let no_plan = |error: serde_json::Error| Mistake::NoPlan(error.to_string());
    let seal = Seal::deserialize(document).map_err(no_plan)?;
    if seal.version != 1 {
        return Err(Mistake::NoPlan(format!(
            "its form is version {}, and this program knows version 1",
            seal.version
        )));
    }
    let contract = Contract::deserialize(document).map_err(no_plan)?;
    if seal.digest != digest(document) || seal.id != contract.id() {
        return Err(Mistake::Changed);
    }
    Ok(Approved {
        id: seal.id,
        contract,
        blockers: seal.blockers.len(),
    })
}

/// Of everything in a document but its digest. Blanks and the order of fields do not count, so
/// that a tool may put the file in another form.
fn digest(document: &Value) -> String {
    let mut hash = Sha256::new();
    match document {
        Value::Object(fields) => add_fields(
            &mut hash,
            fields.iter().filter(|(name, _)| *name != "digest"),
        ),
        other => add(&mut hash, other),
    }
    hex(&hash.finalize())
}

fn add(hash: &mut Sha256, value: &Value) {
    match value {
        Value::Object(fields) => add_fields(hash, fields.iter()),
        Value::Array(values) => {
            hash.update("[");
            for value in values {
                add(hash, value);
                hash.update(",");
            }
            hash.update("]");
        }
        // Texts in quotes, so that none can be taken for anything else.
        plain => hash.update(plain.to_string()),
    }
}

fn add_fields<'field>(
    hash: &mut Sha256,
    fields: impl Iterator<Item = (&'field String, &'field Value)>,
) {
    let mut fields: Vec<_> = fields.collect();
    fields.sort_by_key(|(name, _)| *name);
    hash.update("{");
    for (name, value) in fields {
        hash.update(format!("{name:?}:"));
        add(hash, value);
        hash.update(",");
    }
    hash.update("}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_blanks_do_not_count_and_everything_else_does() {
        let one: Value =
            serde_json::from_str(r#"{"a": [1, "2"], "b": {"x": null, "y": true}}"#).unwrap();
        let same: Value =
            serde_json::from_str(r#"{"digest":"d","b":{"y":true,"x":null},"a":[1,"2"]}"#).unwrap();
        assert_eq!(digest(&one), digest(&same));
        for other in [
            json!({"a": [1, 2], "b": {"x": null, "y": true}}),
            json!({"a": ["2", 1], "b": {"x": null, "y": true}}),
            json!({"a": [1, "2"], "b": {"x": null, "y": true, "digest": "d"}}),
            json!({"a": [1, "2"], "b": {"x": "null", "y": true}}),
            json!({"a": [[1, "2"]], "b": {"x": null, "y": true}}),
            json!([1]),
        ] {
            assert_ne!(digest(&one), digest(&other), "{other}");
        }
    }

    #[test]
    fn what_is_no_plan_is_told() {
        for (document, what) in [
            (json!([]), "invalid"),
            (json!({"version": 1}), "`id`"),
            (json!({"version": 2, "id": "", "digest": ""}), "version 2"),
            (
                json!({"version": 1, "id": "", "digest": ""}),
                "`program_version`",
            ),
        ] {
            match read(&document) {
                Err(Mistake::NoPlan(words)) => assert!(words.contains(what), "{words}"),
                _ => panic!("{document} is no plan"),
            }
        }
    }
}
