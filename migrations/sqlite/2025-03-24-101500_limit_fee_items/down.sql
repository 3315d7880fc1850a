-- The table is rebuilt without the constraints; needs foreign_keys=OFF like up.sql.
CREATE TABLE fee_items_rebuilt (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    fee_group_id INTEGER NOT NULL
        CONSTRAINT fee_items_fee_group_id_fkey REFERENCES fee_groups (id),
    code TEXT NOT NULL,
    name TEXT NOT NULL,
    rate_basis_points INTEGER NOT NULL,
    fixed_minor_units BIGINT NOT NULL DEFAULT 0,
    minimum_minor_units BIGINT NOT NULL DEFAULT 0,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT fee_items_fee_group_id_code_key UNIQUE (fee_group_id, code),
    CONSTRAINT fee_items_active_check CHECK (active IN (FALSE, TRUE))
);

INSERT INTO fee_items_rebuilt (
    id, fee_group_id, code, name, rate_basis_points, fixed_minor_units, minimum_minor_units,
    active, updated_at
)
SELECT
    id, fee_group_id, code, name, rate_basis_points, fixed_minor_units, minimum_minor_units,
    active, updated_at
FROM fee_items;

-- The counter may be ahead of the largest id: numbers already used must stay used.
DELETE FROM sqlite_sequence WHERE name = 'fee_items_rebuilt';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'fee_items_rebuilt', seq FROM sqlite_sequence WHERE name = 'fee_items';

DROP TABLE fee_items;
ALTER TABLE fee_items_rebuilt RENAME TO fee_items;
