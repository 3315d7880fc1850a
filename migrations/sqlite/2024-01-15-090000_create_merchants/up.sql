-- AUTOINCREMENT, so that the number of a deleted row is never given to another.
CREATE TABLE fee_groups (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    code TEXT NOT NULL CONSTRAINT fee_groups_code_key UNIQUE,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT fee_groups_currency_check CHECK (length(currency) = 3),
    CONSTRAINT fee_groups_active_check CHECK (active IN (FALSE, TRUE))
);

CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
    full_name TEXT NOT NULL,
    role TEXT NOT NULL,
    active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT users_role_check CHECK (role IN ('administrator', 'account_manager', 'support')),
    CONSTRAINT users_active_check CHECK (active IN (FALSE, TRUE))
);

-- A merchant without an account manager is waiting to be assigned one.
CREATE TABLE merchants (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    fee_group_id INTEGER NOT NULL
        CONSTRAINT merchants_fee_group_id_fkey REFERENCES fee_groups (id),
    account_manager_id BIGINT
        CONSTRAINT merchants_account_manager_id_fkey REFERENCES users (id),
    legal_name TEXT NOT NULL,
    contact_email TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'active',
    created_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    CONSTRAINT merchants_status_check CHECK (status IN ('active', 'suspended', 'closed'))
);
