//! The sink of the embedded store, which `demo` uses in place of InfluxDB.
//!
//! R1  One `write` is one transaction: all of its rows are there, or none.
//! R2  A row replaces the row with the same tags and time stamp, all of its fields at once.
//! R3  SQLite refuses no single row; when it cannot write at all, the write is tried again until the stop signal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Transaction, params_from_iter};
use tokio::sync::watch;

use crate::model::{FieldKind, Row, Rows, Schema, Value};
use crate::sink::backoff::Backoff;
use crate::sink::line_protocol::UNKNOWN;
use crate::sink::{Fault, Health, Refused, Sink, Stopped};
use crate::store::sqlite::{Store, TIMESTAMP, quoted, table_of};
use crate::telemetry;

/// The sink that writes to the embedded store.
#[derive(Debug)]
pub struct Sqlite {
    store: Store,
    health: Health,
    stop: watch::Receiver<bool>,
}

impl Sqlite {
    /// Writes to `store`. When `stop` becomes true, or its sender is dropped, a write that SQLite cannot take ends with [`Stopped`].
    pub fn new(store: &Store, stop: watch::Receiver<bool>) -> Self {
        Self { store: store.clone(), health: Health::new("SQLite"), stop }
    }

    /// One try, on a thread that may block.
    async fn try_write(&self, windows: &[Arc<dyn Rows>]) -> Result<rusqlite::Result<usize>, Stopped> {
        let store = self.store.clone();
        let windows = windows.to_vec();
        match tokio::task::spawn_blocking(move || write_all(&store, &windows)).await {
            Ok(written) => Ok(written),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down.
                Err(_) => Err(Stopped),
            },
        }
    }
}

impl Sink for Sqlite {
    async fn write(&self, windows: &[Arc<dyn Rows>]) -> Result<Vec<Refused>, Stopped> {
        let started = Instant::now();
        let mut stop = self.stop.clone();
        let mut watch = self.health.watch();
        let mut backoff = Backoff::new(Duration::from_millis(250), Duration::from_secs(30));
        loop {
            match self.try_write(windows).await? {
                Ok(rows) => {
                    watch.answered();
                    metrics::counter!(telemetry::SINK_ROWS.name).increment(rows as u64);
                    metrics::histogram!(telemetry::SINK_WRITE_DURATION.name).record(started.elapsed().as_secs_f64());
                    return Ok(Vec::new());
                }
                Err(error) => watch.failed(
                    Fault::Configuration,
                    "the embedded store cannot be written: is the disk full, the file held by another program, or from another version?",
                    &error.to_string(),
                ),
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.next_wait()) => {}
                _ = stop.wait_for(|stopped| *stopped) => return Err(Stopped),
            }
            metrics::counter!(telemetry::SINK_RETRIES.name).increment(1);
        }
    }

    fn health(&self) -> Health {
        self.health.clone()
    }
}

/// Writes every row in one transaction and returns how many there were.
fn write_all(store: &Store, windows: &[Arc<dyn Rows>]) -> rusqlite::Result<usize> {
    let mut connection = store.lock();
    let transaction = connection.transaction()?;
    let mut written = 0;
    for window in windows {
        write_window(&transaction, window.as_ref())?;
        written += window.len();
    }
    transaction.commit()?;
    Ok(written)
}

fn write_window(transaction: &Transaction<'_>, window: &dyn Rows) -> rusqlite::Result<()> {
    let mut current: Option<(&'static Schema, CachedStatement<'_>)> = None;
    let mut outcome = Ok(());
    window.visit(0..window.len(), &mut |row| {
        if outcome.is_ok() {
            outcome = write_row(transaction, &mut current, row);
        }
    });
    outcome
}

/// Writes a row by the `current` statement, or by that of its own type when it differs.
fn write_row<'t>(
    transaction: &'t Transaction<'_>,
    current: &mut Option<(&'static Schema, CachedStatement<'t>)>,
    row: &Row<'_>,
) -> rusqlite::Result<()> {
    let mut statement = match current.take() {
        Some((schema, statement)) if std::ptr::eq(schema, row.schema) => statement,
        _ => {
            transaction.execute(&create_table(row.schema), ())?;
            transaction.prepare_cached(&upsert(row.schema))?
        }
    };
    let tags = row.tags.iter().map(|tag| text(if tag.is_empty() { UNKNOWN } else { tag }));
    let fields = row.fields.iter().map(|field| match field {
        Value::Integer(number) => ToSqlOutput::Borrowed(ValueRef::Integer(*number)),
        Value::Text(value) => text(value),
    });
    let timestamp = std::iter::once(ToSqlOutput::Borrowed(ValueRef::Integer(row.timestamp_ns)));
    statement.execute(params_from_iter(timestamp.chain(tags).chain(fields)))?;
    *current = Some((row.schema, statement));
    Ok(())
}

fn text(value: &str) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes()))
}

/// The key starts with the time, because reads ask for a range of time.
fn create_table(schema: &Schema) -> String {
    let mut columns = vec![format!("{TIMESTAMP} INTEGER NOT NULL")];
    columns.extend(schema.tags.iter().map(|tag| format!("{} TEXT NOT NULL", quoted(tag.name))));
    columns.extend(schema.fields.iter().map(|field| {
        let kind = match field.kind {
            FieldKind::Integer => "INTEGER",
            FieldKind::Text => "TEXT",
        };
        format!("{} {kind} NOT NULL", quoted(field.name))
    }));
    let mut key = vec![TIMESTAMP.to_owned()];
    key.extend(schema.tags.iter().map(|tag| quoted(tag.name)));
    let (table, columns, key) =
        (quoted(&table_of(schema.measurement, schema.dialect)), columns.join(", "), key.join(", "));
    format!("CREATE TABLE IF NOT EXISTS {table} ({columns}, PRIMARY KEY ({key})) STRICT, WITHOUT ROWID")
}

fn upsert(schema: &Schema) -> String {
    let mut names = vec![TIMESTAMP.to_owned()];
    names.extend(schema.tags.iter().map(|tag| quoted(tag.name)));
    names.extend(schema.fields.iter().map(|field| quoted(field.name)));
    let places = vec!["?"; names.len()].join(", ");
    format!(
        "INSERT OR REPLACE INTO {} ({}) VALUES ({places})",
        quoted(&table_of(schema.measurement, schema.dialect)),
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
    use std::ops::Range;

    use super::*;
    use crate::model::{Field, Tag};
    use crate::sink::Status;

    static EDGE: Schema = Schema {
        measurement: "edge_window",
        dialect: "cmcd",
        help: "",
        tags: &[Tag { name: "edge", help: "" }],
        fields: &[
            Field { name: "bytes", kind: FieldKind::Integer, help: "" },
            Field { name: "sketch", kind: FieldKind::Text, help: "" },
        ],
    };

    /// Edge, bytes, sketch, time stamp.
    struct Edges(Vec<(&'static str, i64, &'static str, i64)>);

    impl Rows for Edges {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn visit(&self, range: Range<usize>, each: &mut dyn FnMut(&Row<'_>)) {
            for (edge, bytes, sketch, timestamp_ns) in &self.0[range] {
                let fields = [Value::Integer(*bytes), Value::Text(sketch)];
                each(&Row { schema: &EDGE, tags: &[edge], fields: &fields, timestamp_ns: *timestamp_ns });
            }
        }
    }

    fn window(rows: &[(&'static str, i64, &'static str, i64)]) -> Arc<dyn Rows> {
        Arc::new(Edges(rows.to_vec()))
    }

    fn read(store: &Store, from_ns: i64, to_ns: i64) -> Vec<(String, i64, String, i64)> {
        let rows = store.rows("edge_window", from_ns, to_ns).unwrap();
        let flat = rows.iter().map(|row| {
            let (edge, sketch) = (row.text("edge").unwrap(), row.text("sketch").unwrap());
            (edge.to_owned(), row.integer("bytes").unwrap(), sketch.to_owned(), row.timestamp_ns)
        });
        flat.collect()
    }

    #[tokio::test]
    async fn rows_come_back_in_order_and_a_rewrite_replaces_the_whole_row() {
        let store = Store::in_memory().unwrap();
        let (_owner, stop) = watch::channel(false);
        let sink = Sqlite::new(&store, stop);
        assert_eq!(read(&store, 0, i64::MAX), []);
        sink.write(&[window(&[("b", 1, "x", 10), ("a", 2, "\0\n", 10)]), window(&[("", 3, "", 20)])]).await.unwrap();
        sink.write(&[window(&[("b", 9, "new", 10)])]).await.unwrap();
        let all = [
            ("a".to_owned(), 2, "\0\n".to_owned(), 10),
            ("b".to_owned(), 9, "new".to_owned(), 10),
            ("unknown".to_owned(), 3, String::new(), 20),
        ];
        assert_eq!(read(&store, 10, 21), all);
        assert_eq!(read(&store, 10, 20), all[..2]);
        assert_eq!(read(&store, 11, 20), []);
    }

    #[tokio::test]
    async fn a_store_that_cannot_be_written_is_named_and_nothing_of_the_write_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.sqlite");
        let store = Store::open(&path).unwrap();
        let other = rusqlite::Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let (owner, stop) = watch::channel(false);
        let sink = Arc::new(Sqlite::new(&store, stop));
        store.lock().busy_timeout(Duration::ZERO).unwrap();
        let health = sink.health();
        let writer = tokio::spawn({
            let sink = Arc::clone(&sink);
            async move { sink.write(&[window(&[("a", 1, "", 1)])]).await }
        });
        while health.status() == Status::Ok {
            tokio::task::yield_now().await;
        }
        owner.send(true).unwrap();
        assert_eq!(writer.await.unwrap(), Err(Stopped));
        other.execute_batch("ROLLBACK").unwrap();
        assert_eq!(read(&store, 0, 9), []);
        // A stopped sink still takes what SQLite takes at once: there is nothing to wait for.
        sink.write(&[window(&[("a", 1, "", 1)])]).await.unwrap();
        assert_eq!(read(&store, 0, 9).len(), 1);
    }
}
