//! Schemas that differ though the same migrations ran: who is warned, who is stopped, and what
//! is meant to be.

use xtask::model::backend::Backend;
use xtask::problem::Code;
use xtask::settings::drift::DriftPolicy;
use xtask::sync::status::status;

use super::{Stage, TABLES, codes};

pub(super) fn drift_warns_once_and_blocks_twice(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.test.run("CREATE INDEX by_hand ON merchants (name)");
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    let plan = stage.plan();
    assert_eq!(codes(&plan.warnings), [Code::Drift]);
    assert_eq!(plan.blockers, []);
    let [drift] = plan.drift.as_slice() else {
        panic!("{:?}", plan.drift)
    };
    assert_eq!(drift.object.to_string(), "index merchants.by_hand");
    assert_eq!(drift.difference, "only Test has it");
    // Drift that was there before keeps nobody from promoting.
    stage.promote();

    stage
        .dev
        .run("UPDATE fee_groups SET label = 'changed again'");
    stage.make_strict();
    let plan = stage.plan();
    assert_eq!(codes(&plan.blockers), [Code::Drift]);
    assert!(plan.blockers[0].message.contains("by_hand"));
    let before = stage.everything();
    let (_, ended) = stage.carry_out(&plan);
    assert_eq!(ended.unwrap_err().code, Code::Drift);
    assert_eq!(stage.everything(), before);
}

pub(super) fn drift_does_what_the_environment_says(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.test.run("CREATE INDEX by_hand ON merchants (name)");
    stage.configure(&format!("{TABLES}[drift]\npolicy = \"refuse\"\n"));
    assert_eq!(stage.blocked().code, Code::Drift);
    // The environment's own word goes first.
    stage.config.pipeline[1].drift = Some(DriftPolicy::Warn);
    assert_eq!(codes(&stage.plan().warnings), [Code::Drift]);
    stage.make_strict();
    assert_eq!(codes(&stage.plan().warnings), [Code::Drift]);
    assert_eq!(stage.plan().blockers, []);
}

pub(super) fn ignored_differences_do_not_count(backend: Backend) {
    let mut stage = Stage::promoted(backend);
    stage.test.run("CREATE INDEX by_hand ON merchants (name)");
    stage.configure(&format!("{TABLES}[drift]\nignore = [\"index *.by_*\"]\n"));
    stage.make_strict();
    let plan = stage.plan();
    assert_eq!(
        (plan.blockers.as_slice(), plan.warnings.as_slice()),
        (&[][..], &[][..])
    );
    let [drift] = plan.drift.as_slice() else {
        panic!("{:?}", plan.drift)
    };
    assert!(drift.ignored && drift.source.is_none());
    assert!(drift.target.as_ref().unwrap().contains("by_hand"));
    assert!(status(&stage.config).unwrap().is_in_sync());

    // Neither does it stop a promotion at its end, with a migration or without.
    stage.dev.run("UPDATE fee_groups SET label = 'changed'");
    stage.promote();
    stage.migrations.write(
        "2024-02-01-000000_table",
        "CREATE TABLE later (id integer PRIMARY KEY);",
    );
    stage.migrate();
    stage.configure(&format!(
        "{}[drift]\nignore = [\"index *.by_*\"]\n",
        TABLES.replace("\"merchants\"", "\"merchants\", \"later\"")
    ));
    stage.make_strict();
    stage.promote();
    assert!(status(&stage.config).unwrap().is_in_sync());

    stage.test.run("CREATE INDEX another ON merchants (name)");
    let blocker = stage.plan().blockers.into_iter().next().unwrap();
    assert_eq!(blocker.code, Code::Drift);
    assert!(
        blocker.message.ends_with(": index merchants.another"),
        "{blocker}"
    );
}
