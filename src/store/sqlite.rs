//! The embedded store: one SQLite database, in memory or in a file, that [`crate::sink::sqlite`] writes and this module reads.
//!
//! One table for each row type, named like the measurement and its dialect (`edge_window/cmcd`); columns named like its tags (text) and fields (integer or text), and `timestamp_ns`.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, params};

/// The column of the time stamp, in nanoseconds since the Unix epoch.
pub(crate) const TIMESTAMP: &str = "timestamp_ns";

/// Why the store could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be opened.
    #[error("the embedded store `{path}` cannot be opened: {source}; check that the folder exists and may be written")]
    Open {
        /// The file.
        path: String,
        /// In SQLite's words.
        source: rusqlite::Error,
    },
    /// A read failed.
    #[error("rows of `{measurement}` cannot be read from the embedded store: {source}")]
    Read {
        /// The table.
        measurement: String,
        /// In SQLite's words.
        source: rusqlite::Error,
    },
}

/// A value as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredValue {
    /// An integer field.
    Integer(i64),
    /// A text field or a tag.
    Text(String),
}

/// A row as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Nanoseconds since the Unix epoch.
    pub timestamp_ns: i64,
    /// Tags and fields by name.
    pub values: HashMap<Arc<str>, StoredValue>,
}

impl StoredRow {
    /// The integer field `name`; `None` when there is none.
    pub fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name)? {
            StoredValue::Integer(number) => Some(*number),
            StoredValue::Text(_) => None,
        }
    }

    /// The tag or text field `name`; `None` when there is none.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.values.get(name)? {
            StoredValue::Text(text) => Some(text),
            StoredValue::Integer(_) => None,
        }
    }
}

/// A handle on the database: cheap to clone, one user at a time.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// An empty store that lives as long as its handles.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn in_memory() -> Result<Self, Error> {
        Self::prepare(Connection::open_in_memory(), ":memory:")
    }

    /// The store in the file `path`, which is made if it is not there.
    ///
    /// # Errors
    /// [`Error::Open`].
    pub fn open(path: &Path) -> Result<Self, Error> {
        Self::prepare(Connection::open(path), &path.display().to_string())
    }

    fn prepare(opened: rusqlite::Result<Connection>, path: &str) -> Result<Self, Error> {
        let with_journal = opened.and_then(|connection| {
            // Readers of the same file do not hold up the writer.
            connection.pragma_update(None, "journal_mode", "WAL")?;
            Ok(connection)
        });
        let connection = with_journal.map_err(|source| Error::Open { path: path.to_owned(), source })?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// The connection, locked. It blocks: not for async tasks.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic of another user rolled its transaction back, so the connection is as good as before.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows of `measurement` with `from_ns <= timestamp < to_ns`, in order of time, then dialect, then tags; none when nothing was ever written there.
    /// Blocks while it reads.
    ///
    /// # Errors
    /// [`Error::Read`].
    pub fn rows(&self, measurement: &str, from_ns: i64, to_ns: i64) -> Result<Vec<StoredRow>, Error> {
        let connection = self.lock();
        read(&connection, measurement, from_ns, to_ns)
            .map_err(|source| Error::Read { measurement: measurement.to_owned(), source })
    }
}

/// The table of a row type.
pub(crate) fn table_of(measurement: &str, dialect: &str) -> String {
    format!("{measurement}/{dialect}")
}

/// A name as SQL wants it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn read(connection: &Connection, measurement: &str, from_ns: i64, to_ns: i64) -> rusqlite::Result<Vec<StoredRow>> {
    let mut tables = connection.prepare_cached("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")?;
    let names: Vec<String> = tables.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for name in names.iter().filter(|name| name.rsplit_once('/').is_some_and(|(of, _)| of == measurement)) {
        read_table(connection, name, from_ns, to_ns, &mut found)?;
    }
    // A stable sort: each table is kept in the order of its primary key.
    found.sort_by_key(|row| row.timestamp_ns);
    Ok(found)
}

fn read_table(
    connection: &Connection,
    table: &str,
    from_ns: i64,
    to_ns: i64,
    found: &mut Vec<StoredRow>,
) -> rusqlite::Result<()> {
    let table = quoted(table);
    let mut statement =
        connection.prepare_cached(&format!("SELECT * FROM {table} WHERE {TIMESTAMP} >= ?1 AND {TIMESTAMP} < ?2"))?;
    let names = column_names(&statement);
    let mut rows = statement.query(params![from_ns, to_ns])?;
    while let Some(row) = rows.next()? {
        let mut stored = StoredRow { timestamp_ns: row.get(TIMESTAMP)?, values: HashMap::with_capacity(names.len()) };
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index)? {
                ValueRef::Integer(number) => StoredValue::Integer(number),
                other => StoredValue::Text(other.as_str()?.to_owned()),
            };
            if name.as_ref() != TIMESTAMP {
                stored.values.insert(Arc::clone(name), value);
            }
        }
        found.push(stored);
    }
    Ok(())
}

fn column_names(statement: &Statement<'_>) -> Vec<Arc<str>> {
    statement.column_names().map(Arc::from).collect()
}
