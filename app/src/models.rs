//! Lookup rows as queries load them and HTTP answers carry them.
//!
//! Money is in minor units (pence, cents), rates are in basis points.

use diesel::prelude::{Queryable, Selectable};
use serde::Serialize;

use crate::database::MultiBackend;
use crate::document::Specification;
use crate::fees::Price;
use crate::schema::{equipment_catalogue, fee_groups, fee_items};

/// A price list.
#[derive(Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = fee_groups, check_for_backend(MultiBackend))]
pub struct FeeGroup {
    #[serde(skip)]
    pub id: i32,
    pub code: String,
    pub name: String,
    pub currency: String,
}

/// The price of one way of paying.
#[derive(Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = fee_items, check_for_backend(MultiBackend))]
pub struct FeeItem {
    #[serde(skip)]
    pub id: i32,
    #[serde(skip)]
    pub fee_group_id: i32,
    pub code: String,
    pub name: String,
    pub rate_basis_points: i32,
    pub fixed_minor_units: i64,
    pub minimum_minor_units: i64,
}

impl FeeItem {
    /// How this item is priced.
    pub const fn price(&self) -> Price {
        Price {
            rate_basis_points: self.rate_basis_points,
            fixed_minor_units: self.fixed_minor_units,
            minimum_minor_units: self.minimum_minor_units,
        }
    }
}

/// A price list with its prices.
#[derive(Debug, Serialize)]
pub struct FeeSchedule {
    #[serde(flatten)]
    pub group: FeeGroup,
    pub items: Vec<FeeItem>,
}

/// What an amount would cost by each way of paying.
#[derive(Debug, Serialize)]
pub struct Quote {
    pub group: String,
    pub currency: String,
    pub amount_minor_units: i64,
    pub items: Vec<QuotedItem>,
}

/// What an amount would cost by one way of paying, and what would be left of it.
#[derive(Debug, Serialize)]
pub struct QuotedItem {
    pub code: String,
    pub name: String,
    pub fee_minor_units: i64,
    pub net_minor_units: i64,
}

/// A device that merchants buy or, where there is a monthly rental, rent.
#[derive(Debug, Queryable, Selectable, Serialize)]
#[diesel(table_name = equipment_catalogue, check_for_backend(MultiBackend))]
pub struct Equipment {
    pub code: String,
    pub name: String,
    pub category: String,
    pub currency: String,
    pub price_minor_units: i64,
    pub monthly_rental_minor_units: Option<i64>,
    pub specification: Specification,
}
