//! The rows that the batch computation gives, and what of them is in the database.
//!
//! R1  Both directions: every row that is there must be expected with all its fields and no others, and every expected row must be there.
//! R2  Nothing here knows a measurement: tags and fields are those of the expected rows, and a measurement without expected rows must
//!     have none. Sources of several dialects share one, so that a column without a value belongs to the others.
//! R3  Only rows that were over by a given boundary count, on both sides: how far silence was closed beyond it depends on when the
//!     processes were stopped.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use streamgauge::bus::{Properties, borrow_record, read_topic};
use streamgauge::model::Rows;
use streamgauge::replay::{Oracle, Summary};
use streamgauge::service::tell_catalogue;
use streamgauge::stage::SourcePlan;

use crate::support::{Influx, Kafka, PlainRow, plain_row};

const MILLIS_NS: i64 = 1_000_000;
/// How much of a measurement is read at a time.
const STEP_NS: i64 = 10_000 * MILLIS_NS;

/// Rows by measurement, time stamp and tags; the fields as text.
#[derive(Default)]
pub struct Table {
    rows: HashMap<String, String>,
    measurements: BTreeMap<&'static str, Columns>,
}

/// Of all dialects, by name.
struct Columns {
    /// The first time stamp.
    from_ns: i64,
    tags: BTreeSet<&'static str>,
    fields: BTreeSet<&'static str>,
}

impl Table {
    /// Reads a source's topic whole and adds the rows that it gives. `before_ms`: R3.
    pub fn add_source(&mut self, kafka: &Kafka, plan: SourcePlan, partitions: i32, before_ms: i64) -> Summary {
        let mut oracle = Oracle::new(plan.settings, plan.decoding);
        read_topic(&Properties::for_brokers(&kafka.address), &plan.topic, &mut |message| {
            let partition = rdkafka::Message::partition(message);
            oracle.push(partition, &borrow_record(message), &mut |rows| self.add(rows, before_ms));
            Ok(())
        })
        .unwrap();
        oracle.finish(partitions, &mut |rows| self.add(rows, before_ms))
    }

    /// How many rows are expected.
    pub fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Takes out a row that the database refused for good; false when it was not expected.
    pub fn refused(&mut self, measurement: &str, timestamp_ns: i64, tags: &BTreeMap<String, String>) -> bool {
        let tags = tags.iter().map(|(tag, value)| (tag.as_str(), value.as_str()));
        self.rows.remove(&name(measurement, timestamp_ns, tags)).is_some()
    }

    fn add(&mut self, rows: &dyn Rows, before_ms: i64) {
        rows.visit(0..rows.len(), &mut |row| {
            let PlainRow { measurement, timestamp_ns, tags, fields } = plain_row(row);
            let columns = self.measurements.entry(measurement).or_insert_with(|| Columns {
                from_ns: timestamp_ns,
                tags: BTreeSet::new(),
                fields: BTreeSet::new(),
            });
            columns.from_ns = columns.from_ns.min(timestamp_ns);
            columns.tags.extend(tags.keys());
            columns.fields.extend(fields.keys());
            if !is_over(timestamp_ns, tags.get("window").map(String::as_str), before_ms) {
                return;
            }
            let name = name(measurement, timestamp_ns, tags.iter().map(|(tag, value)| (*tag, value.as_str())));
            let fields = joined(fields.iter().map(|(field, value)| (*field, value.as_str())));
            let before = self.rows.insert(name, fields);
            assert!(before.is_none(), "two rows with one identity");
        });
    }
}

/// Reads the topic of a source's catalogue whole, if it has one.
pub fn read_catalogue(kafka: &Kafka, plan: &SourcePlan, topic: &str) {
    let Some(catalogue) = plan.catalogue() else { return };
    let read = read_topic(&Properties::for_brokers(&kafka.address), topic, &mut |message| {
        tell_catalogue(catalogue, message);
        Ok(())
    });
    assert!(read.unwrap() > 0, "the catalogue tells of entries");
}

/// R3. A row without the tag `window` is stamped within the window or at the boundary that it belongs to.
fn is_over(timestamp_ns: i64, window: Option<&str>, before_ms: i64) -> bool {
    match window {
        None => timestamp_ns < before_ms * MILLIS_NS,
        Some(length) => timestamp_ns + length_ms(length) * MILLIS_NS <= before_ms * MILLIS_NS,
    }
}

/// `10s`, `1m`, `1h`.
fn length_ms(text: &str) -> i64 {
    let (number, unit) = text.split_at(text.len() - 1);
    let unit_ms = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => panic!("{text} is the length of no window"),
    };
    number.parse::<i64>().expect("a whole number") * unit_ms
}

fn name<'a>(measurement: &str, timestamp_ns: i64, tags: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    format!("{measurement} {timestamp_ns} {}", joined(tags))
}

/// What has a value.
fn joined<'a>(values: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut all = String::new();
    for (column, value) in values.filter(|(_, value)| !value.is_empty()) {
        write!(all, "{column}={value}\u{1f}").unwrap();
    }
    all
}

/// What a comparison found.
#[derive(Default)]
pub struct Compared {
    /// Rows that are there, by measurement.
    pub rows: BTreeMap<String, u64>,
    /// Rows that are missing, not expected, or other than expected.
    pub differing: u64,
    /// The first differences, in words.
    pub examples: String,
}

impl Compared {
    /// Rows of all measurements.
    pub fn row_count(&self) -> u64 {
        self.rows.values().sum()
    }

    fn differs(&mut self, what: &str) {
        self.differing += 1;
        if self.differing <= 10 {
            writeln!(self.examples, "{}", what.replace('\u{1f}', " ")).unwrap();
        }
    }
}

/// Compares what the database holds with what is expected (R1). `before_ms`: R3, the same as for the expected rows.
pub fn compare(influx: &Influx, mut expected: Table, before_ms: i64) -> Compared {
    let mut compared = Compared::default();
    let measurements = std::mem::take(&mut expected.measurements);
    for unknown in influx.measurements().iter().filter(|found| !measurements.contains_key(found.as_str())) {
        influx.scan(unknown, 0, before_ms * MILLIS_NS, &mut |_, _| {
            compared.differs(&format!("not expected: a row of {unknown}"));
        });
    }
    for (measurement, columns) in &measurements {
        let mut scan = |from_ns, to_ns| {
            influx.scan(measurement, from_ns, to_ns, &mut |names, values| {
                let row = Found { measurement, columns, names, values };
                row.compare(&mut expected.rows, before_ms, &mut compared);
            });
        };
        // What lies before has no business there, and is little if there is any.
        scan(0, columns.from_ns);
        for from_ns in (columns.from_ns..before_ms * MILLIS_NS).step_by(STEP_NS as usize) {
            scan(from_ns, from_ns + STEP_NS);
        }
    }
    for name in expected.rows.keys() {
        compared.differs(&format!("missing: {name}"));
    }
    compared
}

/// A row as the database gives it.
struct Found<'a> {
    measurement: &'a str,
    columns: &'a Columns,
    names: &'a csv::StringRecord,
    values: &'a csv::StringRecord,
}

impl Found<'_> {
    fn value(&self, column: &str) -> &str {
        let at = self.names.iter().position(|name| name == column);
        &self.values[at.unwrap_or_else(|| panic!("no column {column} in {}", self.measurement))]
    }

    fn compare(&self, expected: &mut HashMap<String, String>, before_ms: i64, compared: &mut Compared) {
        let Columns { tags, fields, .. } = self.columns;
        let timestamp_ns: i64 = self.value("time").parse().expect("a time stamp in ns");
        let window = tags.contains("window").then(|| self.value("window"));
        if !is_over(timestamp_ns, window, before_ms) {
            return;
        }
        *compared.rows.entry(self.measurement.to_owned()).or_default() += 1;
        // `name`, `tags` and `time` stand before tags and fields.
        assert_eq!(self.names.len(), 3 + tags.len() + fields.len(), "no column beside the declared ones");
        let name = name(self.measurement, timestamp_ns, tags.iter().map(|tag| (*tag, self.value(tag))));
        let found = joined(fields.iter().map(|field| (*field, self.value(field))));
        match expected.remove(&name) {
            None => compared.differs(&format!("not expected: {name}")),
            Some(row) if row == found => {}
            Some(row) => {
                let others = |of: &str, than: &str| {
                    let than: Vec<&str> = than.split('\u{1f}').collect();
                    let others: Vec<&str> = of.split('\u{1f}').filter(|one| !than.contains(one)).collect();
                    others.join(", ")
                };
                let (wanted, there) = (others(&row, &found), others(&found, &row));
                compared.differs(&format!("{name}: expected {wanted}; found {there}"));
            }
        }
    }
}
