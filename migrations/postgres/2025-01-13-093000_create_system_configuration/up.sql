CREATE TABLE system_configuration (
    key text CONSTRAINT system_configuration_pkey PRIMARY KEY,
    value text NOT NULL,
    description text,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The application refuses to work without these. The date is fixed so that every database
-- starts with the same rows.
INSERT INTO system_configuration (key, value, description, updated_at) VALUES
    ('company_name', 'Northgate Merchant Services', 'Shown in e-mails', '2025-01-13 09:30:00+00'),
    ('support_email', 'support@northgate.example', 'Where merchants ask for help', '2025-01-13 09:30:00+00'),
    ('maximum_transaction_minor_units', '5000000', 'Larger transactions are refused', '2025-01-13 09:30:00+00');
