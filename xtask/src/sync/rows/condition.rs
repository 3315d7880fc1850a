//! What a condition in SQL is about.

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
