//! Which modules may know which.

use crate::tidy::{assert_none, places, sources};

/// From the ground up: each knows only those before it. Who stands on the last is known by nobody.
const FLOORS: &[&str] = &[
    "problem",
    "files",
    "model",
    "settings",
    "database",
    "sync::event",
    "sync::history",
    "sync::rows",
    "sync::snapshot",
    "sync::ends",
    "sync::one_environment",
    "sync::constraints",
    "sync::migrations",
    "sync::exports",
    "sync::comparing",
    "sync::backups",
    "sync::planning",
    "sync::import",
    "sync::promoting",
    "sync",
    "cli",
    "terminal",
    "promotion",
    "command",
    "demo",
];

#[test]
fn no_floor_knows_one_above_it() {
    let mut found = Vec::new();
    for (at, floor) in FLOORS.iter().enumerate() {
        let path = floor.replace("::", "/");
        let (folder, file) = (format!("{path}/"), format!("{path}.rs"));
        let is_elsewhere = |name: &str| !name.starts_with(&folder) && name != file;
        // What is in `sync` and has no floor of its own stands on that of `sync`.
        let above = FLOORS[at + 1..].iter().filter(|other| **other != "sync");
        let mut above: Vec<String> = above.map(|other| format!("crate::{other}::")).collect();
        if floor.starts_with("sync::") {
            let commands = sources().into_iter().filter_map(|(name, _)| {
                let name = name.strip_prefix("sync/")?.strip_suffix(".rs")?.to_owned();
                let has_floor = FLOORS.contains(&&*format!("sync::{name}"));
                (!name.contains('/') && !has_floor).then(|| format!("crate::sync::{name}::"))
            });
            above.extend(commands);
        } else if !FLOORS[..at].contains(&"sync") && *floor != "sync" {
            above.push("crate::sync::".to_owned());
        }
        let above: Vec<&str> = above.iter().map(String::as_str).collect();
        found.extend(places(&above, is_elsewhere));
    }
    assert_none("a floor knows only those below it", &found);
}
