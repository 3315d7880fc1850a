//! The rights that the reference lists are enough.

use xtask::sync::settings::environment::Backend;

use super::configuring::configuration;
use super::{Stage, TABLES};
use crate::support::role::Role;

pub(super) fn the_rights_of_the_reference_are_enough() {
    let (reader, loader) = (Role::create(""), Role::create(""));
    let mut stage = Stage::promoted(Backend::Postgres);
    stage.dev.run(&format!(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {reader}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}",
        reader = reader.name
    ));
    stage.test.run(&format!(
        "REVOKE ALL ON SCHEMA public FROM PUBLIC; GRANT USAGE ON SCHEMA public TO {loader}; \
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {loader}; GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {loader}; \
         GRANT INSERT, UPDATE, DELETE ON fee_groups, fee_items, __sync_runs, __sync_migrations, __sync_lookups, __sync_stamp TO {loader}",
        loader = loader.name
    ));
    stage.config = configuration(
        &stage.root,
        &stage.migrations,
        &reader.url(&stage.dev),
        &loader.url(&stage.test),
        TABLES,
    );
    // What others own cannot be restored by this role.
    stage.config.backup.verify = xtask::sync::settings::config::Verify::Archive;
    stage.dev.run(
        "UPDATE fee_groups SET label = 'changed'; DELETE FROM fee_items WHERE id = 11; INSERT INTO fee_items VALUES (12, 1, 'new', 7)",
    );
    stage.promote();
    stage.assert_in_sync();
}
