-- One item prices one way of paying; money is in minor units, rates in basis points.
CREATE TABLE fee_items (
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

-- SQLite stores any type in any column: typeof() keeps fractions and text out of money.
CREATE TABLE transactions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    merchant_id BIGINT NOT NULL
        CONSTRAINT transactions_merchant_id_fkey REFERENCES merchants (id),
    fee_item_id INTEGER NOT NULL
        CONSTRAINT transactions_fee_item_id_fkey REFERENCES fee_items (id),
    amount_minor_units BIGINT NOT NULL,
    fee_minor_units BIGINT NOT NULL,
    currency TEXT NOT NULL,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT transactions_amount_check
        CHECK (typeof(amount_minor_units) = 'integer' AND amount_minor_units > 0),
    CONSTRAINT transactions_fee_check
        CHECK (typeof(fee_minor_units) = 'integer' AND fee_minor_units >= 0)
);
