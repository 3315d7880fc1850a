-- Merchants now exist before they may trade ('pending') and while risk is looked into.
-- SQLite cannot change a constraint, so the table is rebuilt. This needs foreign_keys=OFF (set
-- before the transaction): dropping the old table would else offend the rows that refer to it.
CREATE TABLE merchants_rebuilt (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    fee_group_id INTEGER NOT NULL
        CONSTRAINT merchants_fee_group_id_fkey REFERENCES fee_groups (id),
    account_manager_id BIGINT
        CONSTRAINT merchants_account_manager_id_fkey REFERENCES users (id),
    legal_name TEXT NOT NULL,
    contact_email TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    trading_name TEXT NOT NULL DEFAULT '',
    CONSTRAINT merchants_status_check
        CHECK (status IN ('pending', 'active', 'under_review', 'suspended', 'closed'))
);

INSERT INTO merchants_rebuilt (
    id, fee_group_id, account_manager_id, legal_name, contact_email, status, created_at,
    trading_name
)
SELECT
    id, fee_group_id, account_manager_id, legal_name, contact_email, status, created_at,
    trading_name
FROM merchants;

-- The counter may be ahead of the largest id: numbers already used must stay used.
DELETE FROM sqlite_sequence WHERE name = 'merchants_rebuilt';
INSERT INTO sqlite_sequence (name, seq)
SELECT 'merchants_rebuilt', seq FROM sqlite_sequence WHERE name = 'merchants';

DROP TABLE merchants;
ALTER TABLE merchants_rebuilt RENAME TO merchants;

-- The index and the trigger went with the old table.
CREATE INDEX merchants_fee_group_id_idx ON merchants (fee_group_id);

CREATE TRIGGER merchants_keep_closed
BEFORE UPDATE OF status ON merchants
FOR EACH ROW
WHEN OLD.status = 'closed' AND NEW.status <> 'closed'
BEGIN
    SELECT RAISE(ABORT, 'a closed merchant cannot be reopened');
END;
