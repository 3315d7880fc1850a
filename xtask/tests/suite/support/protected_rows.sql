INSERT INTO users (id, email, full_name, role) VALUES (1, 'ann@shop.example', 'Ann', 'support');
INSERT INTO merchants (id, fee_group_id, legal_name, trading_name, contact_email) VALUES
    (1, 1, 'Baker Ltd', 'Baker', 'baker@shop.example');
INSERT INTO transactions (id, merchant_id, fee_item_id, amount_minor_units, fee_minor_units, currency)
    VALUES (1, 1, 1, 1000, 12, 'EUR');
INSERT INTO audit_logs (id, user_id, action, entity, entity_id) VALUES (1, 1, 'open', 'merchant', 1);
