//! Numbers that nobody can guess and nobody else draws.

use crate::model::rows::row::hex;

/// Random hexadecimal digits, two for each byte.
///
/// # Errors
/// When the system has no random numbers.
pub fn random_id(bytes: usize) -> anyhow::Result<String> {
    let mut id = vec![0; bytes];
    getrandom::fill(&mut id)
        .map_err(|error| anyhow::anyhow!("failed to get random numbers: {error}"))?;
    Ok(hex(&id))
}
