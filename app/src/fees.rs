//! What a transaction costs: pure integer arithmetic on the fee schedule.

/// One basis point is a hundredth of a percent.
const BASIS_POINTS_IN_ONE: i128 = 10_000;

/// How one way of paying is priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// The part that grows with the amount, in basis points.
    pub rate_basis_points: i32,
    /// The part that does not, in minor units.
    pub fixed_minor_units: i64,
    /// The least that is charged, in minor units.
    pub minimum_minor_units: i64,
}

/// Why there is no fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeeError {
    /// The amount is zero or negative.
    AmountNotPositive,
    /// The fee does not fit in 64 bits.
    TooLarge,
}

impl std::fmt::Display for FeeError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::AmountNotPositive => "the amount must be a positive number of minor units",
            Self::TooLarge => "the fee for this amount is too large to be stored",
        })
    }
}

impl std::error::Error for FeeError {}

impl Price {
    /// The fee in minor units for `amount_minor_units`.
    ///
    /// The rate's share is rounded half up to a whole minor unit, then the fixed part is added, then
    /// the minimum applies. A fee may be larger than a small amount.
    ///
    /// # Errors
    /// When the amount is not positive or the fee does not fit in 64 bits.
    pub fn fee_minor_units(&self, amount_minor_units: i64) -> Result<i64, FeeError> {
        if amount_minor_units <= 0 {
            return Err(FeeError::AmountNotPositive);
        }
        // 128 bits hold every product of these factors, so nothing can overflow before the end.
        let scaled = i128::from(amount_minor_units) * i128::from(self.rate_basis_points);
        let share = (scaled + BASIS_POINTS_IN_ONE / 2).div_euclid(BASIS_POINTS_IN_ONE);
        let fee = share + i128::from(self.fixed_minor_units);
        i64::try_from(fee.max(i128::from(self.minimum_minor_units))).map_err(|_| FeeError::TooLarge)
    }
}

#[cfg(test)]
mod tests {
    use super::{FeeError, Price};

    const fn price(rate: i32, fixed: i64, minimum: i64) -> Price {
        Price {
            rate_basis_points: rate,
            fixed_minor_units: fixed,
            minimum_minor_units: minimum,
        }
    }

    #[test]
    fn rate_and_fixed_part_are_added() {
        assert_eq!(price(150, 20, 0).fee_minor_units(10_000), Ok(170));
    }

    #[test]
    fn the_share_is_rounded_half_up() {
        // 150 basis points of 33 are 0.495, of 100 are 1.5, of 99 are 1.485.
        assert_eq!(price(150, 0, 0).fee_minor_units(33), Ok(0));
        assert_eq!(price(150, 0, 0).fee_minor_units(100), Ok(2));
        assert_eq!(price(150, 0, 0).fee_minor_units(99), Ok(1));
    }

    #[test]
    fn the_minimum_applies_to_the_sum() {
        assert_eq!(price(150, 20, 50).fee_minor_units(100), Ok(50));
        assert_eq!(price(150, 20, 50).fee_minor_units(10_000), Ok(170));
    }

    #[test]
    fn a_free_item_costs_nothing() {
        assert_eq!(price(0, 0, 0).fee_minor_units(1), Ok(0));
    }

    #[test]
    fn an_amount_must_be_positive() {
        for amount in [0, -1, i64::MIN] {
            let fee = price(150, 20, 0).fee_minor_units(amount);
            assert_eq!(fee, Err(FeeError::AmountNotPositive));
        }
    }

    #[test]
    fn the_largest_amount_does_not_overflow() {
        assert_eq!(price(10_000, 0, 0).fee_minor_units(i64::MAX), Ok(i64::MAX));
        let fee = price(10_000, 1, 0).fee_minor_units(i64::MAX);
        assert_eq!(fee, Err(FeeError::TooLarge));
    }
}
