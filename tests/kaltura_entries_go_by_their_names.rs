//! Promise: entries go by the names, owners and durations that the operator's catalogue tells, from a file or a topic, and rows are those of
//! the batch computation over both logs. A catalogue that cannot be had is one clear message.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/proof/mod.rs"]
mod proof;
mod support;

use std::path::Path;

use proof::Trial;
use serde_json::Value;
use support::{Kafka, Streamgauge};

/// What a command with a topology prints: whether it succeeded, its output, and what it said.
fn run(arguments: &[&str], topology: &Path) -> (bool, String, String) {
    let topology = topology.display().to_string();
    let environment = [("STREAMGAUGE_TOPOLOGY", topology.as_str()), ("STREAMGAUGE_BUS__BROKERS", "127.0.0.1:1")];
    let output = Streamgauge::command(arguments, &environment).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

/// A topology with players only.
fn topology(folder: &Path, catalogue: &str) -> std::path::PathBuf {
    let file = folder.join("topology.toml");
    let source = "rules = 1\n[[source]]\nname = 'kaltura'\ntopic = 'qoe.kaltura'\ncarrier = 'kaltura'\n";
    std::fs::write(&file, format!("{source}{catalogue}\n")).unwrap();
    file
}

/// The rows `content_window` that a replay gives.
fn content_rows(arguments: &[&str], topology: &Path) -> Vec<Value> {
    let arguments = [&["replay"], arguments, &["--to-rows", "-", "--format", "json"]].concat();
    let (success, rows, said) = run(&arguments, topology);
    assert!(success, "{said}");
    let rows = rows.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.filter(|row| row["measurement"] == "content_window").collect()
}

#[test]
fn a_dump_holds_the_catalogue_and_a_file_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let dump = path("players.jsonl");
    let (success, _, said) = run(
        &["simulate", "--to-file", &dump, "--source", "kaltura", "--viewers", "60", "--duration", "3m"],
        &topology(folder.path(), ""),
    );
    assert!(success, "{said}");
    let told = topology(folder.path(), "catalogue = { topic = 'qoe.catalogue' }");
    let rows = content_rows(&[&dump], &told);
    assert!(rows.len() > 100, "{} rows", rows.len());
    for row in &rows {
        let fields = &row["fields"];
        assert!(!fields["entry_name"].as_str().unwrap().is_empty(), "{row}");
        assert!(!fields["entry_owner"].as_str().unwrap().is_empty(), "{row}");
    }
    let sources =
        |rows: &[Value], source: &str| rows.iter().filter(|row| row["fields"]["duration_source"] == source).count();
    assert!(sources(&rows, "catalogue") > rows.len() / 2, "films have a duration");
    // A version that was appended too late counts for later windows only: here for none before the last minute.
    let text = std::fs::read_to_string(&dump).unwrap();
    let (catalogue, beacons): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("qoe.catalogue"));
    let late = catalogue.iter().map(|line| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        record["append_ms"] = (1_767_600_000_000_i64 + 60_000).into();
        record.to_string()
    });
    let late: Vec<String> = late.chain(beacons.iter().map(|line| (*line).to_owned())).collect();
    std::fs::write(path("late.jsonl"), late.join("\n")).unwrap();
    for row in content_rows(&[&path("late.jsonl")], &told).iter().filter(|row| row["tags"]["window"] == "10s") {
        let is_known = row["timestamp_ns"].as_i64().unwrap() >= (1_767_600_000_000 + 120_000) * 1_000_000;
        assert_eq!(row["fields"]["entry_name"] != "", is_known, "{row}");
    }
    // The operator's file, instead.
    let entry = rows[0]["tags"]["entry"].as_str().unwrap();
    let partner = rows[0]["tags"]["tenant"].as_str().unwrap();
    std::fs::write(path("own.csv"), format!("partnerId,id,name,msDuration\n{partner},{entry},\"Own, name\",5000\n"))
        .unwrap();
    let own = content_rows(&[&dump, "--catalogue", &path("own.csv")], &told);
    assert_eq!(own.len(), rows.len());
    for row in own {
        let (tags, fields) = (&row["tags"], &row["fields"]);
        let is_it = tags["entry"] == entry && tags["tenant"] == partner;
        assert_eq!(fields["entry_name"], if is_it { "Own, name" } else { "" });
        assert_eq!(fields["duration_source"] == "catalogue", is_it && fields["records_count"] != 0);
    }
}

#[test]
fn a_catalogue_that_cannot_be_had_is_one_clear_message() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("headless.csv"), "1,2,3\n").unwrap();
    let both = "catalogue = { topic = 'qoe.catalogue', file = 'entries.csv' }";
    for (catalogue, part) in [
        ("catalogue = { file = 'missing.csv' }", "missing.csv cannot be read: No such file"),
        ("catalogue = { file = 'headless.csv' }", "its first line names no column `partnerId`"),
        (both, "a catalogue is a topic or a file, remove one"),
        ("catalogue = {}", "name the catalogue's topic, or its `file`"),
        ("catalogue = { topic = 'qoe.partials' }", "is \"qoe.partials\", which `topics.partials.name` uses too"),
        ("catalogue = { topic = 'c', settle_ms = 10 }", "settle_ms"),
    ] {
        let file = topology(folder.path(), catalogue);
        let (success, output, said) = run(&["run"], &file);
        let all = format!("{output}{said}");
        assert!(!success && all.contains(part), "{catalogue}: {all}");
        assert_eq!(all.matches(part).count(), 1, "{all}");
    }
}

/// Two processes follow the catalogue; one is killed after an entry's name and duration have changed, so that another one computes windows of
/// before and after the change again.
#[test]
fn names_and_durations_are_those_of_the_batch_computation() {
    let Some(mut trial) = Kafka::shared().and_then(|kafka| Trial::begin("catalogue", 0, kafka)) else { return };
    let declared = trial.topology_file();
    let text = std::fs::read_to_string(&declared).unwrap();
    let mistaken = declared.replace("topology.toml", "mistaken.toml");
    std::fs::write(&mistaken, text.replace(".catalogue\"", ".catalog\"")).unwrap();
    trial.set("TOPOLOGY", mistaken);
    let said = trial.refused(&["run"]);
    assert!(said.contains("the bus has no topic `catalogue-0.catalog`: create what is missing"), "{said}");
    trial.set("TOPOLOGY", declared);
    let mut fleet = trial.fleet(&["a", "b"]);
    let load = trial.load();
    load.await_percent(55);
    fleet.kill_nine("b");
    load.await_percent(70);
    fleet.start("b");
    trial.finish(fleet, load);
    let rows = trial.influx().rows("content_window");
    let count = |matches: &dyn Fn(&Value, &Value) -> bool| {
        let null = Value::Null;
        let column = |row: &support::Point, name: &str| row.columns.get(name).unwrap_or(&null).clone();
        rows.iter().filter(|row| matches(&column(row, "entry_name"), &column(row, "duration_source"))).count()
    };
    let is_second = |name: &Value| name.as_str().is_some_and(|name| name.ends_with(", second edition"));
    let told = "catalogue";
    assert!(count(&|name, source| name.is_string() && !is_second(name) && source == told) > 20);
    assert!(count(&|name, source| is_second(name) && source == told) > 20);
    let rejected = rows.iter().filter(|row| row.columns["positions_rejected_count"].as_i64() > Some(0)).count();
    assert!(rejected > 0, "viewers are beyond the end of the shorter edition");
}
