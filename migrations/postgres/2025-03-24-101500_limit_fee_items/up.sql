-- A rate over 100 % or a negative fee is a typing mistake.
ALTER TABLE fee_items
    ADD CONSTRAINT fee_items_rate_check CHECK (rate_basis_points BETWEEN 0 AND 10000),
    ADD CONSTRAINT fee_items_fixed_check CHECK (fixed_minor_units >= 0),
    ADD CONSTRAINT fee_items_minimum_check CHECK (minimum_minor_units >= 0);
