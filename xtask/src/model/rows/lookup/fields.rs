//! Which fields the rows of a table travel as: columns, and the keys of what they refer to.

use crate::model::rows::key_order::Reading;
use crate::model::rows::lookup::local::Local;
use crate::model::rows::lookup::resolve::key_columns;
use crate::model::rows::lookup::settings::{ExtraRows, LookupSettings};
use crate::model::rows::lookup::{Link, Lookup, OwnColumn, Source};
use crate::model::schema::catalog::{Catalog, Column, ForeignKey, Table};
use crate::model::schema::table::TableName;
use crate::problem::{Code, Problem};

/// What every table of one database is resolved with.
pub(crate) struct Resolving<'given> {
    pub(crate) all: &'given [LookupSettings],
    pub(crate) catalog: &'given Catalog,
    pub(crate) label: &'given str,
    pub(crate) local: Local,
}

/// A field that a lookup table is being given.
pub(crate) struct Field {
    pub(crate) name: String,
    /// The column that it comes from, for what the configuration says of columns.
    pub(crate) column: String,
    source: Source,
    reading: Reading,
}

impl Resolving<'_> {
    /// A parent as links see it: all of its rows, with nothing but the fields of its key.
    ///
    /// # Errors
    /// `no_key`, where its key leads back to a table on `way`.
    fn parent(&self, table: &Table, way: &mut Vec<TableName>) -> Result<Lookup, Problem> {
        let settings = self.settings_of(table).ok_or_else(|| {
            Problem::new(Code::Failed, format!("`{}` is no lookup table", table.name))
        })?;
        if way.contains(&table.name) {
            return Err(Problem::new(
                Code::NoKey,
                format!(
                    "the key of `{}` in {} leads back to itself through foreign keys, so it does not say which row is meant",
                    table.name, self.label
                ),
            )
            .hint("choose a key = […] in data-sync/sync.toml of columns that mean something by themselves"));
        }
        let key = key_columns(settings, table, self.label)?;
        way.push(table.name.clone());
        let links = self.links(table, |column| key.iter().any(|key| key == column), way)?;
        way.pop();
        let fields = self.fields(settings, table, &links, |column| {
            key.iter().any(|key| key == column)
        });
        Ok(keyed(table, &key, fields, links))
    }

    fn settings_of(&self, table: &Table) -> Option<&LookupSettings> {
        self.all.iter().find(|settings| {
            self.catalog
                .find(&settings.table)
                .is_some_and(|found| found.name == table.name)
        })
    }

    /// The foreign keys of the columns that are `wanted` and whose values do not travel.
    pub(crate) fn links(
        &self,
        table: &Table,
        wanted: impl Fn(&str) -> bool,
        way: &mut Vec<TableName>,
    ) -> Result<Vec<Link>, Problem> {
        let mut links: Vec<Link> = Vec::new();
        // Of foreign keys that share a column, the one that needs least carries it.
        let mut foreign_keys: Vec<&ForeignKey> = table.foreign_keys.iter().collect();
        foreign_keys.sort_by_key(|foreign_key| foreign_key.columns.len());
        for foreign_key in foreign_keys {
            let pairs: Vec<(String, String)> = foreign_key
                .columns
                .iter()
                .cloned()
                .zip(foreign_key.parent_columns.iter().cloned())
                .collect();
            let local: Vec<(String, String)> = pairs
                .iter()
                .filter(|(column, parent)| {
                    self.local.has(&foreign_key.parent, parent)
                        && self.local.has(&table.name, column)
                        && wanted(column)
                })
                .cloned()
                .collect();
            let is_new = |column: &String| {
                !links
                    .iter()
                    .flat_map(|link| &link.local)
                    .any(|(known, _)| known == column)
            };
            if local.iter().any(|(column, _)| is_new(column))
                && let Some(parent) = self.catalog.tables.get(&foreign_key.parent)
            {
                links.push(Link {
                    pairs,
                    comparisons: foreign_key.comparisons.clone(),
                    local,
                    parent: Box::new(self.parent(parent, way)?),
                });
            }
        }
        Ok(links)
    }

    /// The fields of the columns that are `wanted`, in table order.
    pub(crate) fn fields(
        &self,
        settings: &LookupSettings,
        table: &Table,
        links: &[Link],
        wanted: impl Fn(&str) -> bool,
    ) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for column in &table.columns {
            if column.generated || !wanted(&column.name) || settings.ignore.contains(&column.name) {
                continue;
            }
            if !self.local.has(&table.name, &column.name) {
                fields.push(Field {
                    name: column.name.clone(),
                    column: column.name.clone(),
                    source: Source::Column,
                    reading: column.reading,
                });
                continue;
            }
            for (at, link) in links.iter().enumerate() {
                // Once for a foreign key, whichever of its columns comes first.
                let is_known = fields
                    .iter()
                    .any(|field| matches!(field.source, Source::Link { link, .. } if link == at));
                if is_known || !carries(links, at, &column.name) {
                    continue;
                }
                for (field, name) in link.parent.columns.iter().enumerate() {
                    fields.push(Field {
                        name: format!("{}.{name}", column.name),
                        column: column.name.clone(),
                        source: Source::Link { link: at, field },
                        reading: link.parent.reading_of(field),
                    });
                }
            }
        }
        fields
    }

    /// The columns that stay behind and are no foreign key.
    pub(crate) fn own_columns(&self, table: &Table, links: &[Link]) -> Vec<OwnColumn> {
        let is_own = |column: &&Column| {
            self.local.has(&table.name, &column.name)
                && !links
                    .iter()
                    .flat_map(|link| &link.local)
                    .any(|(linked, _)| *linked == column.name)
        };
        table
            .columns
            .iter()
            .filter(is_own)
            .filter_map(|column| {
                Some(OwnColumn {
                    name: column.name.clone(),
                    default: column.default.clone()?,
                })
            })
            .collect()
    }
}

/// Whether a column is one of a link's, and of none before it.
fn carries(links: &[Link], at: usize, column: &str) -> bool {
    let is_local = |link: &Link| link.local.iter().any(|(local, _)| local == column);
    is_local(&links[at]) && !links[..at].iter().any(is_local)
}

/// A table with nothing but its fields, and which of them are the key.
pub(crate) fn keyed(table: &Table, key: &[String], fields: Vec<Field>, links: Vec<Link>) -> Lookup {
    // A key column that is a foreign key may be several fields.
    let keeps = |field: &Field, column: &String| match field.source {
        Source::Column => field.column == *column,
        Source::Link { link, .. } => carries(&links, link, column),
    };
    let mut key_fields = Vec::new();
    for column in key {
        for (at, field) in fields.iter().enumerate() {
            if keeps(field, column) && !key_fields.contains(&at) {
                key_fields.push(at);
            }
        }
    }
    Lookup {
        table: table.name.clone(),
        key_readings: key_fields.iter().map(|at| fields[*at].reading).collect(),
        key: key_fields,
        compared: (0..fields.len()).collect(),
        columns: fields.iter().map(|field| field.name.clone()).collect(),
        sources: fields.into_iter().map(|field| field.source).collect(),
        filter: None,
        extra_rows: ExtraRows::default(),
        retire: None,
        own: Vec::new(),
        links,
        ignored: Vec::new(),
    }
}
