-- Statements list one merchant's transactions by date.
CREATE INDEX transactions_merchant_id_created_at_idx ON transactions (merchant_id, created_at);

-- Without these, deleting a fee group or fee item reads every merchant or transaction.
CREATE INDEX transactions_fee_item_id_idx ON transactions (fee_item_id);
CREATE INDEX merchants_fee_group_id_idx ON merchants (fee_group_id);
