-- The protected rows of Test: made by the testers, and not to be lost to a promotion.

INSERT INTO users (email, full_name, role, active, created_at) VALUES
    ('quinn@northgate.example', 'Quinn Tester', 'administrator', TRUE, '2024-02-05 09:00:00'),
    ('rita@northgate.example', 'Rita Tester', 'account_manager', TRUE, '2024-02-05 09:10:00'),
    ('sam@northgate.example', 'Sam Tester', 'account_manager', TRUE, '2024-02-06 11:00:00'),
    ('tess@northgate.example', 'Tess Tester', 'support', TRUE, '2024-03-11 08:45:00'),
    ('uma@northgate.example', 'Uma Left', 'support', FALSE, '2024-03-11 08:50:00');

INSERT INTO merchants
    (fee_group_id, account_manager_id, legal_name, trading_name, contact_email, status, created_at)
VALUES
    (1, 2, 'Test Bakery Ltd', 'Test Bakery', 'bakery@test.example', 'active', '2024-02-26 10:00:00'),
    (2, 2, 'Test Bistro Ltd', 'Test Bistro', 'bistro@test.example', 'active', '2024-02-26 10:05:00'),
    (1, 3, 'Test Books Ltd', 'Test Books', 'books@test.example', 'suspended', '2024-03-04 10:00:00'),
    (3, 3, 'Test Relief Fund', 'Test Relief', 'relief@test.example', 'active', '2024-03-04 10:05:00'),
    (4, 2, 'Test Webshop Ltd', 'Test Webshop', 'webshop@test.example', 'active', '2025-02-17 14:00:00'),
    (1, NULL, 'O''Test & Daughters Ltd', 'O''Test', 'otest@test.example', 'closed', '2024-05-13 09:20:00');

INSERT INTO transactions
    (merchant_id, fee_item_id, amount_minor_units, fee_minor_units, currency, created_at)
VALUES
    (1, 2, 522, 31, 'GBP', '2025-05-05 10:41:00'),
    (2, 4, 523, 8, 'GBP', '2025-05-05 21:15:00'),
    (4, 6, 478, 5, 'GBP', '2025-05-05 22:37:00'),
    (5, 8, 8053, 173, 'GBP', '2025-05-06 01:39:00'),
    (1, 3, 1372, 25, 'GBP', '2025-05-06 07:29:00'),
    (2, 4, 1373, 20, 'GBP', '2025-05-06 17:48:00'),
    (4, 6, 12562, 119, 'GBP', '2025-05-07 03:43:00'),
    (5, 8, 529, 30, 'GBP', '2025-05-07 07:48:00'),
    (1, 2, 36040, 813, 'GBP', '2025-05-07 16:19:00'),
    (2, 5, 12588, 284, 'GBP', '2025-05-07 21:08:00'),
    (4, 6, 5009, 48, 'GBP', '2025-05-08 07:31:00'),
    (5, 9, 149943, 600, 'GBP', '2025-05-08 20:32:00');

INSERT INTO audit_logs (user_id, action, entity, entity_id, detail, created_at) VALUES
    (2, 'create', 'merchant', 1, 'contract signed', '2024-02-26 10:00:00'),
    (3, 'create', 'merchant', 2, 'contract signed', '2024-02-26 10:05:00'),
    (2, 'create', 'merchant', 3, 'contract signed', '2024-03-04 10:00:00'),
    (2, 'change_status', 'merchant', 3, 'active to suspended', '2025-06-02 10:15:00'),
    (3, 'create', 'merchant', 4, 'contract signed', '2024-03-04 10:05:00'),
    (2, 'create', 'merchant', 5, 'contract signed', '2025-02-17 14:00:00'),
    (3, 'create', 'merchant', 6, 'contract signed', '2024-05-13 09:20:00'),
    (2, 'change_status', 'merchant', 6, 'active to closed', '2025-06-02 10:15:00');
