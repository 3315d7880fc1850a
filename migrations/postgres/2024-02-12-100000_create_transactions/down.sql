DROP TABLE transactions;
DROP TABLE fee_items;
