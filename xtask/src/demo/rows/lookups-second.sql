-- What the promotion before this one brought from Development to Test, where it was tested.

INSERT INTO fee_groups (code, name, currency, updated_at) VALUES
    ('online', 'Online only', 'GBP', '2025-01-20 10:00:00');

INSERT INTO fee_items
    (fee_group_id, code, name, rate_basis_points, fixed_minor_units, minimum_minor_units, updated_at)
VALUES
    (4, 'card_online', 'Card online', 190, 20, 0, '2025-01-20 10:00:00'),
    (4, 'bank_transfer', 'Bank transfer', 40, 0, 20, '2025-01-20 10:00:00');

UPDATE fee_items SET rate_basis_points = 145, updated_at = '2025-01-20 10:00:00' WHERE id = 4;

INSERT INTO equipment_catalogue
    (code, name, category, currency, price_minor_units, monthly_rental_minor_units, specification, updated_at)
VALUES
    ('T50', 'Pocket reader', 'terminal', 'GBP', 2900, NULL, '{"connection": ["bluetooth"]}', '2025-01-20 10:00:00');
