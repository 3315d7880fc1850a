UPDATE fee_items SET fixed_minor_units = 5 WHERE code = 'wallet'
