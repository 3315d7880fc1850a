-- The protected rows of Production: real customers, whom no promotion may touch.

INSERT INTO users (email, full_name, role, active, created_at) VALUES
    ('grace.okafor@northgate.example', 'Grace Okafor', 'administrator', TRUE, '2024-01-16 08:00:00'),
    ('henry.walsh@northgate.example', 'Henry Walsh', 'account_manager', TRUE, '2024-01-16 08:20:00'),
    ('ines.duarte@northgate.example', 'Inês Duarte', 'account_manager', TRUE, '2024-01-22 09:00:00'),
    ('jack.murray@northgate.example', 'Jack Murray', 'account_manager', FALSE, '2024-01-22 09:10:00'),
    ('kira.novak@northgate.example', 'Kira Novák', 'support', TRUE, '2024-04-02 13:30:00'),
    ('liam.byrne@northgate.example', 'Liam Byrne', 'support', TRUE, '2024-09-09 10:00:00');

INSERT INTO merchants
    (fee_group_id, account_manager_id, legal_name, trading_name, contact_email, status, created_at)
VALUES
    (1, 2, 'Harbour Bakery Ltd', 'Harbour Bakery', 'accounts@harbourbakery.example', 'active', '2024-02-19 10:00:00'),
    (2, 2, 'Willow & Pear Restaurants Ltd', 'Willow & Pear', 'office@willowpear.example', 'active', '2024-02-28 15:30:00'),
    (1, 3, 'Castle Street Books Ltd', 'Castle Street Books', 'hello@castlestreet.example', 'active', '2024-03-06 11:45:00'),
    (3, 3, 'Northside Food Bank', 'Northside Food Bank', 'treasurer@northside.example', 'active', '2024-03-18 09:15:00'),
    (1, 2, 'O''Leary & Sons Ltd', 'O''Leary Hardware', 'billing@oleary.example', 'active', '2024-05-02 16:00:00'),
    (2, 3, 'Café Åre Ltd', 'Café Åre', 'ekonomi@cafeare.example', 'active', '2024-06-24 12:10:00'),
    (1, NULL, 'Dockside Cycles Ltd', 'Dockside Cycles', 'ride@dockside.example', 'suspended', '2024-08-12 10:00:00'),
    (1, 2, 'Fenwick Antiques', 'Fenwick Antiques', 'fenwick@antiques.example', 'closed', '2024-09-30 09:40:00'),
    (2, 3, 'The Old Mill Inn Ltd', 'The Old Mill', 'stay@oldmill.example', 'active', '2024-11-11 17:25:00');

INSERT INTO transactions
    (merchant_id, fee_item_id, amount_minor_units, fee_minor_units, currency, created_at)
VALUES
    (1, 2, 8077, 198, 'GBP', '2025-06-02 09:49:00'),
    (2, 4, 36021, 540, 'GBP', '2025-06-02 23:19:00'),
    (3, 2, 2412, 73, 'GBP', '2025-06-03 07:05:00'),
    (4, 6, 1370, 13, 'GBP', '2025-06-03 17:26:00'),
    (5, 2, 12638, 298, 'GBP', '2025-06-03 23:59:00'),
    (6, 5, 149908, 3168, 'GBP', '2025-06-04 14:54:00'),
    (9, 4, 8060, 121, 'GBP', '2025-06-05 03:22:00'),
    (1, 3, 1306, 25, 'GBP', '2025-06-05 16:25:00'),
    (2, 5, 149936, 3169, 'GBP', '2025-06-06 05:13:00'),
    (3, 2, 12552, 296, 'GBP', '2025-06-06 13:40:00'),
    (4, 6, 2428, 23, 'GBP', '2025-06-06 16:14:00'),
    (5, 2, 477, 30, 'GBP', '2025-06-07 05:55:00'),
    (6, 5, 2381, 70, 'GBP', '2025-06-07 13:17:00'),
    (9, 5, 149910, 3168, 'GBP', '2025-06-07 16:42:00'),
    (1, 2, 36070, 814, 'GBP', '2025-06-07 22:01:00'),
    (2, 4, 36070, 541, 'GBP', '2025-06-08 03:21:00'),
    (3, 3, 36045, 180, 'GBP', '2025-06-08 15:35:00'),
    (4, 6, 5018, 48, 'GBP', '2025-06-08 17:34:00'),
    (5, 1, 2379, 42, 'GBP', '2025-06-09 05:23:00'),
    (6, 4, 512, 8, 'GBP', '2025-06-09 20:09:00'),
    (9, 4, 8036, 121, 'GBP', '2025-06-09 20:48:00'),
    (1, 1, 36068, 631, 'GBP', '2025-06-10 03:41:00'),
    (2, 5, 2438, 71, 'GBP', '2025-06-10 13:03:00'),
    (3, 3, 508, 25, 'GBP', '2025-06-11 02:56:00');

INSERT INTO audit_logs (user_id, action, entity, entity_id, detail, created_at) VALUES
    (2, 'create', 'merchant', 1, 'contract signed', '2024-02-19 10:00:00'),
    (3, 'create', 'merchant', 2, 'contract signed', '2024-02-28 15:30:00'),
    (2, 'create', 'merchant', 3, 'contract signed', '2024-03-06 11:45:00'),
    (3, 'create', 'merchant', 4, 'contract signed', '2024-03-18 09:15:00'),
    (2, 'create', 'merchant', 5, 'contract signed', '2024-05-02 16:00:00'),
    (3, 'create', 'merchant', 6, 'contract signed', '2024-06-24 12:10:00'),
    (2, 'create', 'merchant', 7, 'contract signed', '2024-08-12 10:00:00'),
    (2, 'change_status', 'merchant', 7, 'active to suspended', '2025-06-02 10:15:00'),
    (3, 'create', 'merchant', 8, 'contract signed', '2024-09-30 09:40:00'),
    (2, 'change_status', 'merchant', 8, 'active to closed', '2025-06-02 10:15:00'),
    (2, 'create', 'merchant', 9, 'contract signed', '2024-11-11 17:25:00');
