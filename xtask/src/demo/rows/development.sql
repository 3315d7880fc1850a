-- The protected rows of Development: made up by the developers, and staying there.

INSERT INTO users (email, full_name, role, active, created_at) VALUES
    ('ada@northgate.example', 'Ada Dev', 'administrator', TRUE, '2024-01-20 09:00:00'),
    ('bo@northgate.example', 'Bo Dev', 'account_manager', TRUE, '2024-01-20 09:05:00'),
    ('cy@northgate.example', 'Cy Dev', 'support', TRUE, '2024-02-01 08:30:00');

INSERT INTO merchants
    (fee_group_id, account_manager_id, legal_name, trading_name, contact_email, status, created_at)
VALUES
    (1, 2, 'Sample Bakery Ltd', 'Sample Bakery', 'bakery@sample.example', 'active', '2024-02-20 10:00:00'),
    (2, 2, 'Sample Bistro Ltd', 'Sample Bistro', 'bistro@sample.example', 'active', '2024-02-21 10:00:00'),
    (3, NULL, 'Sample Charity', 'Sample Charity', 'charity@sample.example', 'pending', '2025-06-20 10:00:00');

INSERT INTO transactions
    (merchant_id, fee_item_id, amount_minor_units, fee_minor_units, currency, created_at)
VALUES
    (1, 2, 2400, 73, 'GBP', '2025-08-01 20:41:00'),
    (2, 4, 1367, 21, 'GBP', '2025-08-01 22:52:00'),
    (1, 2, 514, 31, 'GBP', '2025-08-02 03:06:00'),
    (2, 4, 1354, 20, 'GBP', '2025-08-02 10:49:00'),
    (1, 1, 5010, 88, 'GBP', '2025-08-02 20:48:00');

INSERT INTO audit_logs (user_id, action, entity, entity_id, detail, created_at) VALUES
    (1, 'create', 'merchant', 1, 'made up', '2024-02-20 10:00:00'),
    (1, 'create', 'merchant', 2, 'made up', '2024-02-21 10:00:00'),
    (2, 'change_price', 'fee_item', 1, '175 to 165 basis points', '2025-08-04 09:00:00'),
    (NULL, 'create', 'transaction', 1, '', '2025-08-04 10:00:00');
