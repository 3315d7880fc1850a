-- SQLite lets NULL into a primary key that is not an integer, hence NOT NULL.
CREATE TABLE system_configuration (
    key TEXT NOT NULL CONSTRAINT system_configuration_pkey PRIMARY KEY,
    value TEXT NOT NULL,
    description TEXT,
    updated_at TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- The application refuses to work without these. The date is fixed so that every database
-- starts with the same rows.
INSERT INTO system_configuration (key, value, description, updated_at) VALUES
    ('company_name', 'Northgate Merchant Services', 'Shown in e-mails', '2025-01-13 09:30:00'),
    ('support_email', 'support@northgate.example', 'Where merchants ask for help', '2025-01-13 09:30:00'),
    ('maximum_transaction_minor_units', '5000000', 'Larger transactions are refused', '2025-01-13 09:30:00');
