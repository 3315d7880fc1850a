INSERT INTO fee_groups (id, code, name, currency, updated_at) VALUES
    (1, 'STANDARD', 'Standard', 'EUR', '2024-05-01 08:00:00'),
    (2, 'CHARITY', 'Charities', 'EUR', '2024-05-01 08:00:00');
INSERT INTO fee_items (id, fee_group_id, code, name, rate_basis_points, updated_at) VALUES
    (1, 1, 'CARD', 'Card', 120, '2024-05-01 08:00:00'),
    (2, 1, 'DEBIT', 'Debit card', 40, '2024-05-01 08:00:00'),
    (3, 2, 'CARD', 'Card', 20, '2024-05-01 08:00:00');
INSERT INTO email_templates (id, code, subject, body, updated_at) VALUES
    (1, 'welcome', 'Welcome, {name}', 'Dear {name},
your account is open.', '2024-05-01 08:00:00');
INSERT INTO equipment_catalogue (id, code, name, category, currency, price_minor_units, updated_at) VALUES
    (1, 'T-100', 'Terminal "Zoë"', 'terminal', 'EUR', 19900, '2024-05-01 08:00:00');
