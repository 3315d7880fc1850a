-- What is new in Development, and what this demo promotes.

UPDATE fee_groups SET name = 'Charity and public sector', updated_at = '2025-08-04 09:00:00'
WHERE code = 'charity';

UPDATE fee_items SET rate_basis_points = 165, updated_at = '2025-08-04 09:00:00' WHERE id = 1;
UPDATE fee_items SET minimum_minor_units = 20, updated_at = '2025-08-04 09:00:00' WHERE id = 3;

-- Nobody pays by cheque any more, and no transaction refers to it.
DELETE FROM fee_items WHERE code = 'cheque';

INSERT INTO fee_items
    (fee_group_id, code, name, rate_basis_points, fixed_minor_units, minimum_minor_units, updated_at)
VALUES
    (1, 'wallet', 'Phone or watch', 180, 10, 0, '2025-08-04 09:00:00'),
    (2, 'wallet', 'Phone or watch', 155, 10, 0, '2025-08-04 09:00:00'),
    (3, 'wallet', 'Phone or watch', 100, 0, 0, '2025-08-04 09:00:00'),
    (4, 'wallet', 'Phone or watch', 185, 15, 0, '2025-08-04 09:00:00');

INSERT INTO email_templates (code, subject, body, updated_at) VALUES
    ('under_review', 'We are looking into your account', 'Dear {{merchant.name}},

your account is being reviewed. Until we are done:

  * payments go on as before,
  * payouts wait.

We will write again within two working days.
{{configuration.support_email}}
', '2025-08-04 09:00:00');

UPDATE email_templates SET body = 'Dear {{merchant.name}},

welcome! Your terminal is on its way; the guide in the box shows how to set it up.
Should anything be missing, write to {{configuration.support_email}}.

Kind regards
{{configuration.company_name}}
', updated_at = '2025-08-04 09:00:00'
WHERE code = 'welcome';

UPDATE equipment_catalogue SET price_minor_units = 8900, updated_at = '2025-08-04 09:00:00'
WHERE code = 'P10';

INSERT INTO equipment_catalogue
    (code, name, category, currency, price_minor_units, monthly_rental_minor_units, specification, updated_at)
VALUES
    ('T300', 'Touch terminal', 'terminal', 'GBP', 32900, 2100, '{"connection": ["wifi", "4g"], "screen_inches": 5.5}', '2025-08-04 09:00:00');

UPDATE system_configuration SET value = '7500000', updated_at = '2025-08-04 09:00:00'
WHERE key = 'maximum_transaction_minor_units';

INSERT INTO system_configuration (key, value, description, updated_at) VALUES
    ('payout_delay_days', '2', 'How long a payout waits', '2025-08-04 09:00:00');
