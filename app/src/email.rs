//! Fills e-mail templates: pure text, no database.

use std::collections::BTreeMap;

/// What may stand between `{{` and `}}`, and what replaces it.
pub type Values = BTreeMap<String, String>;

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RenderError {
    /// A name that stands for nothing.
    UnknownPlaceholder(String),
    /// A `{{` without `}}`, by its line, counted from one.
    UnclosedPlaceholder { line: usize },
}

impl std::fmt::Display for RenderError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::UnknownPlaceholder(name) => {
                write!(formatter, "unknown placeholder {{{{{name}}}}}")
            }
            Self::UnclosedPlaceholder { line } => {
                write!(formatter, "placeholder without }}}} on line {line}")
            }
        }
    }
}

impl std::error::Error for RenderError {}

/// Replaces every `{{name}}` of `template`; spaces around the name do not matter.
///
/// A value is inserted as it is: braces in it are not looked at, so a merchant's name cannot pull
/// other values into an e-mail.
///
/// # Errors
/// When a name is not among `values`, or a placeholder is not closed.
pub fn render(template: &str, values: &Values) -> Result<String, RenderError> {
    let mut rendered = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        rendered.push_str(before);
        let Some((name, following)) = after.split_once("}}") else {
            let read = &template[..template.len() - after.len()];
            let line = read.matches('\n').count() + 1;
            return Err(RenderError::UnclosedPlaceholder { line });
        };
        let name = name.trim();
        let value = values
            .get(name)
            .ok_or_else(|| RenderError::UnknownPlaceholder(name.to_owned()))?;
        rendered.push_str(value);
        rest = following;
    }
    rendered.push_str(rest);
    Ok(rendered)
}

#[cfg(test)]
mod tests {
    use super::{RenderError, Values, render};

    fn values() -> Values {
        [
            ("merchant.name", "Corner {{Shop}}"),
            ("company.name", "Northgate"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    #[test]
    fn placeholders_are_replaced_and_the_rest_is_kept() {
        let rendered = render(
            "Dear {{merchant.name}},\n\n{{ company.name }} }} {x}\n",
            &values(),
        );
        assert_eq!(
            rendered.as_deref(),
            Ok("Dear Corner {{Shop}},\n\nNorthgate }} {x}\n")
        );
    }

    #[test]
    fn an_unknown_placeholder_is_named() {
        let error = render("{{company.name}} {{merchant.nmae}}", &values());
        assert_eq!(
            error,
            Err(RenderError::UnknownPlaceholder("merchant.nmae".to_owned()))
        );
    }

    #[test]
    fn an_unclosed_placeholder_is_located() {
        let error = render("Dear\n{{merchant.name", &values());
        assert_eq!(error, Err(RenderError::UnclosedPlaceholder { line: 2 }));
    }

    #[test]
    fn errors_read_like_the_template() {
        let error = RenderError::UnknownPlaceholder("a.b".to_owned());
        assert_eq!(error.to_string(), "unknown placeholder {{a.b}}");
    }
}
