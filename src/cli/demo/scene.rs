//! What the demo shows: windows that close soon, an audience one of whose edges goes bad, calls one of whose regions does, and
//! viewers of another platform beside them.

use super::DemoArgs;
use crate::config;
use crate::simulate::{BadEdge, CallScenario, Carrier, Oddities, PlayerScenario, Scenario};
use crate::topology::{CatalogueSource, Clock, Topology};

/// The length of a window.
pub(super) const WINDOW_MS: i64 = 5_000;
/// The tag `window` of its edge rows.
pub(super) const WINDOW: &str = "5s";
/// How long after its end a window still takes records.
pub(super) const GRACE_MS: i64 = 2_000;
/// When the edge and the region go bad, after the start: viewers are still coming, and those who have little in their buffers starve first.
pub(super) const BAD_FROM_MS: i64 = 7_000;

/// When the first table shows, at the latest, after the start: window, grace, disorder bound, and the way through the stages.
pub(super) const FIRST_TABLE_MS: i64 = 10_000;

/// How long after it was told what is known of an entry counts.
const SETTLE_MS: i64 = WINDOW_MS;

/// The source of the delivery logs.
pub(super) const DELIVERY: &str = "cmcd-logs";
/// The source of what calls report.
pub(super) const CALLS: &str = "webrtc";
/// The source of Kaltura's beacons.
pub(super) const KALTURA: &str = "kaltura";

/// Regions of the calls, and SFUs in each.
pub(super) const REGIONS: u16 = 2;
pub(super) const SFUS: u16 = 2;
/// Between two reports of a peer connection. It is shorter than the grace and the disorder bound together, so that a window, when it closes,
/// has the report after its end, by which what grew over the boundary is split.
const REPORT_MS: u32 = 2_000;

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
        if let Some(CatalogueSource::Topic { settle_ms, .. }) = &mut source.catalogue {
            *settle_ms = SETTLE_MS;
        }
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

/// The calls: nothing happens to them but what the region does.
pub(super) fn call_scenario(args: &DemoArgs) -> CallScenario {
    let mut scenario = CallScenario::steady(args.participants, args.duration.saturating_add(ENCORE_MS));
    scenario.regions = REGIONS;
    scenario.edges = SFUS;
    scenario.ramp_ms = 4_000;
    scenario.interval_ms = REPORT_MS;
    scenario.bad_region = Some(BadEdge { from_ms: BAD_FROM_MS });
    scenario.oddities = Oddities::NONE;
    scenario
}

/// Viewers with Kaltura's player.
pub(super) fn player_scenario(args: &DemoArgs) -> PlayerScenario {
    let mut scenario = PlayerScenario::steady(args.players, args.duration.saturating_add(ENCORE_MS));
    scenario.ramp_ms = 4_000;
    scenario
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::num::NonZeroU32;
    use std::sync::Arc;

    use super::super::calls::CallTable;
    use super::super::table::Table;
    use super::*;
    use crate::cli::simulate::Log;
    use crate::model::{EventTime, Rows, Value};
    use crate::replay::Oracle;
    use crate::service::source_plans;
    use crate::simulate::{Calls, Fleet, Simulation};
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

    /// What a demo shows, and what of it goes bad.
    struct Shown {
        tables: Vec<(Table, CallTable)>,
        bad_edge: String,
        bad_region: &'static str,
    }

    /// The first 30 s of a demo that begins `after_ms` after a boundary.
    fn shown(seed: u64, after_ms: i64) -> Shown {
        let args = DemoArgs { viewers: 500, participants: 60, players: 1, edges: 4, seed, duration: 0 };
        let start_ms = BOUNDARY_MS + after_ms;
        let start = EventTime::from_millis(start_ms);
        let simulation = Simulation::new(scenario(&args), seed, start);
        let calls = Calls::new(call_scenario(&args), seed, start);
        let (bad_edge, bad_region) = (simulation.bad_edge().unwrap().to_owned(), calls.bad_region().unwrap());
        let mut log = Log::new(NonZeroU32::new(2).unwrap());
        let fleet = Fleet::new(Some(simulation), Some(calls), None);
        let soon = fleet.take_while(|record| record.append_ms < start_ms + 40_000);
        let records: Vec<_> = soon.map(|record| log.append(record)).collect();
        let mut rows = Vec::new();
        for plan in source_plans(&topology().unwrap()).unwrap() {
            let mut oracle = Oracle::new(plan.settings.clone(), plan.decoding.clone());
            for record in records.iter().filter(|record| record.topic == plan.topic) {
                oracle.push(record.partition, &record.as_record(), &mut |window| keep(window, &mut rows));
            }
            oracle.finish(2, &mut |window| keep(window, &mut rows));
        }
        let tables = |end_ms: i64| {
            let window = (end_ms - WINDOW_MS) * 1_000_000..end_ms * 1_000_000;
            let of = |measurement| -> Vec<StoredRow> {
                let found =
                    rows.iter().filter(|(name, row)| *name == measurement && window.contains(&row.timestamp_ns));
                found.map(|(_, row)| row.clone()).collect()
            };
            let edge_rows = of("edge_window");
            let table = Table::combine(end_ms, &edge_rows, &of("session_window"), DELIVERY).unwrap();
            (table, CallTable::combine(&edge_rows).unwrap())
        };
        let ends = (1..).map(|number| BOUNDARY_MS + number * WINDOW_MS);
        let soon = ends.take_while(|end_ms| end_ms + SHOWN_AFTER_MS < start_ms + 30_000);
        Shown { tables: soon.map(tables).collect(), bad_edge, bad_region }
    }

    #[test]
    fn the_bad_edge_and_region_and_no_others_stand_out_within_30_s() {
        for seed in 1..=2 {
            for after_ms in [0, 2_500, 4_990] {
                let Shown { tables, bad_edge, bad_region } = shown(seed, after_ms);
                let edges: Vec<&str> = tables.iter().filter_map(|(table, _)| table.worst()).collect();
                assert!(!edges.is_empty(), "seed {seed}, {after_ms} ms: no edge stands out");
                assert!(edges.iter().all(|edge| *edge == bad_edge), "seed {seed}, {after_ms} ms: {edges:?}");
                let regions: Vec<&str> = tables.iter().filter_map(|(_, calls)| Some(calls.worst()?.0)).collect();
                assert!(!regions.is_empty(), "seed {seed}, {after_ms} ms: no region stands out");
                assert!(regions.iter().all(|region| *region == bad_region), "seed {seed}, {after_ms} ms: {regions:?}");
            }
        }
    }
}
