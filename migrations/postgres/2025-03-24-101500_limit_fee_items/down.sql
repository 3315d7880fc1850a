ALTER TABLE fee_items
    DROP CONSTRAINT fee_items_minimum_check,
    DROP CONSTRAINT fee_items_fixed_check,
    DROP CONSTRAINT fee_items_rate_check;
