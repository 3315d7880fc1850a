-- The lookup rows that every environment has: Production has not been given more since.
-- Numbers are left to the database, which counts from one on both backends, and times are
-- fixed, so that the three environments begin with equal rows.

INSERT INTO fee_groups (code, name, currency, updated_at) VALUES
    ('standard', 'Standard', 'GBP', '2024-01-16 10:00:00'),
    ('hospitality', 'Hospitality', 'GBP', '2024-01-16 10:00:00'),
    ('charity', 'Charity', 'GBP', '2024-01-16 10:00:00');

INSERT INTO fee_items
    (fee_group_id, code, name, rate_basis_points, fixed_minor_units, minimum_minor_units, updated_at)
VALUES
    (1, 'card_present', 'Card in the shop', 175, 0, 10, '2024-02-13 10:00:00'),
    (1, 'card_online', 'Card online', 220, 20, 0, '2024-02-13 10:00:00'),
    (1, 'bank_transfer', 'Bank transfer', 50, 0, 25, '2024-02-13 10:00:00'),
    (2, 'card_present', 'Card in the restaurant', 150, 0, 0, '2024-02-13 10:00:00'),
    (2, 'card_online', 'Card online', 210, 20, 0, '2024-02-13 10:00:00'),
    (3, 'card_present', 'Card at the door', 95, 0, 0, '2024-02-13 10:00:00'),
    (1, 'cheque', 'Cheque', 0, 95, 0, '2024-02-13 10:00:00');

INSERT INTO email_templates (code, subject, body, updated_at) VALUES
    ('welcome', 'Welcome, {{merchant.name}}', 'Dear {{merchant.name}},

welcome! Your terminal is on its way.

Kind regards
{{configuration.company_name}}
', '2024-04-23 10:00:00'),
    ('statement_ready', 'Your statement is ready', 'Dear {{merchant.name}},

your monthly statement is ready.
Questions? Write to {{configuration.support_email}}.

{{configuration.company_name}}
', '2024-04-23 10:00:00');

INSERT INTO equipment_catalogue
    (code, name, category, currency, price_minor_units, monthly_rental_minor_units, specification, updated_at)
VALUES
    ('T100', 'Counter terminal', 'terminal', 'GBP', 18900, 1200, '{"connection": ["ethernet"], "colour": "grey"}', '2024-10-08 09:00:00'),
    ('T200', 'Portable terminal', 'terminal', 'GBP', 24900, 1600, '{"connection": ["wifi", "4g"], "battery_hours": 9}', '2024-10-08 09:00:00'),
    ('P10', 'Receipt printer', 'printer', 'GBP', 9900, 600, '{"paper_mm": 80}', '2024-10-08 09:00:00'),
    ('C1', 'Charging cradle', 'accessory', 'GBP', 3900, NULL, '{}', '2024-10-08 09:00:00');
