//! What a condition in SQL is about.

use crate::model::rows::lookup::settings::LookupSettings;
use crate::model::schema::catalog::Catalog;

/// Whether a condition has that name in it, as far as words tell.
pub(crate) fn names(condition: &str, column: &str) -> bool {
    let (condition, column) = (condition.to_lowercase(), column.to_lowercase());
    let is_of_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    match column.chars().all(is_of_word) {
        true => condition
            .split(|letter| !is_of_word(letter))
            .any(|word| word == column),
        false => condition.contains(&column),
    }
}

/// Whether a lookup table can be asked for before the migrations ran: its condition may name a
/// column that they make, and after an error PostgreSQL answers nothing more.
pub(in crate::sync) fn can_ask(
    before: &Catalog,
    after: &Catalog,
    settings: &LookupSettings,
) -> bool {
    let (Some(condition), Some(before), Some(after)) = (
        &settings.filter,
        before.find(&settings.table),
        after.find(&settings.table),
    ) else {
        return true;
    };
    let is_new = |name: &str| !before.columns.iter().any(|column| column.name == name);
    !after
        .columns
        .iter()
        .any(|column| is_new(&column.name) && condition.contains(&column.name))
}
