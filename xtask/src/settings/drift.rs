//! Which differences of two schemas count.

use std::borrow::Cow;

use serde::Deserialize;

use crate::model::schema::catalog::{Catalog, Drift};
use crate::problem::{Code, Problem};
use crate::settings::environment::Environment;

/// What a promotion does where the schemas differ and no migration explains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DriftPolicy {
    /// Says so.
    Warn,
    /// Does not start.
    Refuse,
}

impl Environment {
    /// Whether drift keeps a promotion to it from starting; where nothing is said of that, it does
    /// where more than one confirmation is asked for.
    pub fn refuses_drift(&self) -> bool {
        self.drift
            .map_or(self.is_strict(), |policy| policy == DriftPolicy::Refuse)
    }
}

/// What the configuration says of differences between schemas.
#[derive(Debug, Clone, Default)]
pub struct DriftSettings {
    /// Objects that are meant to differ.
    pub ignore: Vec<Pattern>,
    pub comments: bool,
    pub grants: bool,
    /// How rows are kept: fill factors, compression, statistics targets.
    pub storage: bool,
}

impl DriftSettings {
    /// Every difference, object by object, with those marked that are meant to be; `here` and
    /// `there` name the two sides.
    pub fn differences(
        &self,
        here_catalog: &Catalog,
        there_catalog: &Catalog,
        here: &str,
        there: &str,
    ) -> Vec<Drift> {
        let one = self.with_optional(here_catalog);
        let other = self.with_optional(there_catalog);
        let mut found = one.differences(&other, here, there);
        for drift in &mut found {
            let object = drift.object.to_string();
            drift.ignored = self.ignore.iter().any(|pattern| pattern.matches(&object));
        }
        found
    }

    /// The catalog with what the configuration asks for beyond the schema itself.
    fn with_optional<'catalog>(&self, catalog: &'catalog Catalog) -> Cow<'catalog, Catalog> {
        let wanted = [
            ("comment", self.comments),
            ("grant", self.grants),
            ("storage", self.storage),
        ];
        let mut widened = Cow::Borrowed(catalog);
        for (object, definition) in &catalog.optional {
            if wanted.contains(&(object.kind.as_str(), true)) {
                let objects = &mut widened.to_mut().objects;
                objects.insert(object.clone(), definition.clone());
            }
        }
        widened
    }
}

/// The name of an object as it is printed, in which `*` stands for any letters or none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// What stands between the asterisks.
    parts: Vec<String>,
}

impl Pattern {
    /// # Errors
    /// `config_invalid`, when it cannot be the name of an object.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let Some((kind, name)) = text.trim().rsplit_once(' ') else {
            return Err(Problem::new(
                Code::ConfigInvalid,
                format!("`{text}` in `ignore` of [drift] names no object"),
            )
            .hint(
                "write the kind and the name as `cargo xtask sync status` prints them, \
                 for example \"index merchants.by_hand\" or \"column *.legacy_*\"",
            ));
        };
        // The schema `public` is left out wherever a name is printed.
        let name = name.strip_prefix("public.").unwrap_or(name);
        Ok(Pattern {
            parts: format!("{kind} {name}")
                .split('*')
                .map(str::to_owned)
                .collect(),
        })
    }

    fn matches(&self, object: &str) -> bool {
        let [first, middle @ .., last] = self.parts.as_slice() else {
            return self.parts.iter().any(|whole| whole == object);
        };
        let Some(mut rest) = object.strip_prefix(first.as_str()) else {
            return false;
        };
        for part in middle {
            let Some(at) = rest.find(part.as_str()) else {
                return false;
            };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_as_they_are_printed() {
        for (pattern, object, matches) in [
            ("index merchants.by_hand", "index merchants.by_hand", true),
            (
                "index public.merchants.by_hand",
                "index merchants.by_hand",
                true,
            ),
            (
                "index merchants.by_hand",
                "index merchants.by_hand_2",
                false,
            ),
            ("index merchants.*", "index merchants.by_hand", true),
            ("column *.legacy_*", "column fees.legacy_code", true),
            ("column *.legacy_*", "column fees.code", false),
            ("column *.legacy_*", "index fees.legacy_code", false),
            ("* scratch*", "table scratch_1", true),
            ("index a*a", "index a", false),
            ("index *_a*_b", "index x_a_c_b", true),
        ] {
            let parsed = Pattern::parse(pattern).unwrap();
            assert_eq!(parsed.matches(object), matches, "{pattern}: {object}");
        }
        let problem = Pattern::parse("by_hand").unwrap_err();
        assert_eq!(problem.code, Code::ConfigInvalid);
        assert!(problem.hint.unwrap().contains("kind"));
    }
}
