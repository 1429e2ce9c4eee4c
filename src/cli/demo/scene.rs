//! What the demo shows: windows that close soon, and an audience one of whose edges goes bad.

use super::DemoArgs;
use crate::config;
use crate::simulate::{BadEdge, Carrier, Scenario};
use crate::topology::{Clock, Topology};

/// The length of a window.
pub(super) const WINDOW_MS: i64 = 5_000;
/// The tag `window` of its edge rows.
pub(super) const WINDOW: &str = "5s";
/// How long after its end a window still takes records.
pub(super) const GRACE_MS: i64 = 2_000;
/// When the edge goes bad, after the start: viewers are still coming, and those who have little in their buffers starve first.
pub(super) const BAD_FROM_MS: i64 = 7_000;

/// When the first table shows, at the latest, after the start: window, grace, disorder bound, and the way through the stages.
pub(super) const FIRST_TABLE_MS: i64 = 10_000;

/// The source of the delivery logs.
pub(super) const DELIVERY: &str = "cmcd-logs";

/// Viewers stay this much longer than the demo lasts, so that it never ends with an empty house.
const ENCORE_MS: i64 = 60_000;

/// The built-in topology with short windows, and no more partitions than one thread needs.
///
/// # Errors
/// When what is changed here contradicts the rest.
pub(super) fn topology() -> Result<Topology, config::Error> {
    let mut topology = Topology::load(None)?;
    topology.window_ms = WINDOW_MS;
    topology.disorder_bound_ms = 1_000;
    topology.idle_timeout_ms = 1_000;
    topology.topics.partials.partitions = 1;
    topology.topics.dead_letters.partitions = 1;
    topology.topics.late.partitions = 1;
    topology.topics.recommendations.partitions = 1;
    for source in &mut topology.sources {
        source.partitions = 2;
        source.grace_ms = GRACE_MS;
        // Silence tells nothing yet of requests whose log lines are still on their way.
        source.max_delay_ms = if source.clock == Clock::Log { 1_000 } else { 0 };
    }
    topology.check()?;
    Ok(topology)
}

/// The audience. Its log lines come within the grace, as from a shipper on the edge itself; only those of requests that took seconds come late.
pub(super) fn scenario(args: &DemoArgs) -> Scenario {
    let mut scenario = Scenario::steady(args.viewers, args.duration.saturating_add(ENCORE_MS));
    scenario.edges = args.edges;
    // Two CDNs with delivery logs, and players of the first whose reports a collector passes on.
    scenario.carriers =
        vec![(Carrier::CloudFrontRealTime, 45), (Carrier::Fastly, 35), (Carrier::Query, 10), (Carrier::Headers, 10)];
    scenario.bad_edge = Some(BadEdge { from_ms: BAD_FROM_MS });
    scenario.delays.log_least_ms = 50;
    scenario.delays.log_median_ms = 150;
    scenario
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::num::NonZeroU32;
    use std::sync::Arc;

    use super::super::table::Table;
    use super::*;
    use crate::cli::simulate::Log;
    use crate::model::{EventTime, Rows, Value};
    use crate::replay::Oracle;
    use crate::service::source_plans;
    use crate::simulate::Simulation;
    use crate::store::sqlite::{StoredRow, StoredValue};

    /// A boundary of windows.
    const BOUNDARY_MS: i64 = 1_767_600_000_000;
    /// From a window's end to its table: disorder bound and grace, plus the way through the stages.
    const SHOWN_AFTER_MS: i64 = 4_500;

    fn keep(rows: &dyn Rows, kept: &mut Vec<(&'static str, StoredRow)>) {
        rows.visit(0..rows.len(), &mut |row| {
            let tags = row.schema.tags.iter().zip(row.tags);
            let tags = tags.map(|(tag, text)| (Arc::from(tag.name), StoredValue::Text((*text).to_owned())));
            let fields = row.schema.fields.iter().zip(row.fields).map(|(field, value)| {
                let value = match value {
                    Value::Integer(number) => StoredValue::Integer(*number),
                    Value::Text(text) => StoredValue::Text((*text).to_owned()),
                };
                (Arc::from(field.name), value)
            });
            let values = tags.chain(fields).collect();
            kept.push((row.schema.measurement, StoredRow { timestamp_ns: row.timestamp_ns, values }));
        });
    }

    /// The tables of a demo that begins `after_ms` after a boundary, and the name of its bad edge.
    fn tables(seed: u64, after_ms: i64) -> (Vec<Table>, String) {
        let args = DemoArgs { viewers: 500, edges: 4, seed, duration: 0 };
        let start_ms = BOUNDARY_MS + after_ms;
        let simulation = Simulation::new(scenario(&args), seed, EventTime::from_millis(start_ms));
        let bad_edge = simulation.bad_edge().unwrap().to_owned();
        let mut log = Log::new(NonZeroU32::new(2).unwrap());
        let soon = simulation.take_while(|record| record.append_ms < start_ms + 40_000);
        let records: Vec<_> = soon.map(|record| log.append(record)).collect();
        let mut rows = Vec::new();
        for plan in source_plans(&topology().unwrap()).unwrap() {
            let mut oracle = Oracle::new(plan.settings.clone(), plan.decoding.clone());
            for record in records.iter().filter(|record| record.topic == plan.topic) {
                oracle.push(record.partition, &record.as_record(), &mut |window| keep(window, &mut rows));
            }
            oracle.finish(2, &mut |window| keep(window, &mut rows));
        }
        let table = |end_ms: i64| {
            let window = (end_ms - WINDOW_MS) * 1_000_000..end_ms * 1_000_000;
            let of = |measurement| -> Vec<StoredRow> {
                let found =
                    rows.iter().filter(|(name, row)| *name == measurement && window.contains(&row.timestamp_ns));
                found.map(|(_, row)| row.clone()).collect()
            };
            Table::combine(end_ms, &of("edge_window"), &of("session_window"), DELIVERY).unwrap()
        };
        let ends = (1..).map(|number| BOUNDARY_MS + number * WINDOW_MS);
        let shown = ends.take_while(|end_ms| end_ms + SHOWN_AFTER_MS < start_ms + 30_000);
        (shown.map(table).collect(), bad_edge)
    }

    #[test]
    fn the_bad_edge_and_no_other_stands_out_within_30_s() {
        for seed in 1..=2 {
            for after_ms in [0, 2_500, 4_990] {
                let (tables, bad_edge) = tables(seed, after_ms);
                let told: Vec<&str> = tables.iter().filter_map(Table::worst).collect();
                assert!(!told.is_empty(), "seed {seed}, {after_ms} ms: nothing stands out");
                assert!(told.iter().all(|edge| *edge == bad_edge), "seed {seed}, {after_ms} ms: {told:?}");
            }
        }
    }
}
