//! Promise: what the bus client hands out a second time counts once, in session rows, partials and edge rows. librdkafka goes back by
//! what a read has returned when the group changes in the moment in which that read ends, also in partitions that stay with the member.

#![allow(clippy::unwrap_used)]

mod support;

use std::num::NonZeroU32;

use streamgauge::aggregate::rollup::RollupRecord;
use streamgauge::bus::{Outgoing, TopicPartition};
use streamgauge::fold::RollupSettings;
use streamgauge::model::{Headers, Record};
use streamgauge::service::source_plans;
use streamgauge::stage::{ReadBack, RollupStage, SessionStage, SideTopics, Stage, StartOffset, Work};
use streamgauge::topology::Topology;

use support::records::body;
use support::{Dice, PlainRow, plain_rows, seeds};

const RUNS: u64 = 200;
const BEGIN_MS: i64 = 1_767_600_000_000;

/// Key and value of a record; its number is its offset, and it is appended so many seconds after the first.
type Sent = (Option<Vec<u8>>, Vec<u8>);

/// Reports of three viewers, one that nobody can read, and one that lets all windows close.
fn reports(dice: &mut Dice) -> Vec<Sent> {
    let mut sent: Vec<Sent> = (0..60)
        .map(|second| {
            let (viewer, at) = (dice.below(3), BEGIN_MS + second * 1_000);
            let line =
                format!("e=t,sid=\"viewer-{viewer}\",sn={second},sta=p,mtp=({}),ts={at},v=2", 1_000 + second * 100);
            let value = if second == 30 { b"\xff".to_vec() } else { body(&[&line]).value };
            (Some(format!("viewer-{viewer}").into_bytes()), value)
        })
        .collect();
    let late = BEGIN_MS + 3_600_000;
    sent.push((Some(b"viewer-0".to_vec()), format!("e=t,sid=\"viewer-0\",sta=p,ts={late},v=2").into_bytes()));
    sent
}

/// Reads all of it, the last ones again where `again` says how many; what closes is acknowledged at once.
fn read<S: Stage>(
    stage: &S,
    topic: &str,
    sent: &[Sent],
    mut again: impl FnMut() -> usize,
) -> (Vec<PlainRow>, Vec<Sent>, Vec<Outgoing>) {
    let name = TopicPartition { topic: topic.to_owned(), partition: 0 };
    let start = StartOffset { offset: 0, committed: false };
    let mut work = stage.restore(&name, 1, ReadBack::nothing(stage.no_carries(topic)), start).unwrap();
    let mut rows = Vec::new();
    for read in 1..=sent.len() {
        for offset in (read - 1..read).chain(read.saturating_sub(again())..read) {
            let (key, value) = &sent[offset];
            let last = offset + 1 == sent.len();
            let append_ms = BEGIN_MS + if last { 3_600_000 } else { offset as i64 * 1_000 };
            let (key, headers) = (key.as_deref(), Headers { carrier: Some("cmcd-body"), ..Headers::default() });
            work.push(&Record { offset: offset as i64, append_ms, key, value, headers }).unwrap();
            while let Some(closed) = work.next_closed() {
                rows.extend(plain_rows(&*closed.rows));
                work.acknowledge(&closed.name, Vec::new());
            }
        }
    }
    let prepared = work.prepare().unwrap();
    let (partials, sides): (Vec<Outgoing>, Vec<Outgoing>) =
        work.outgoing(&prepared.point).cloned().partition(|one| one.topic == "partials");
    let mut sent: Vec<Sent> = partials.into_iter().map(|one| (one.key, one.value)).collect();
    let announcements: Vec<_> = prepared.announcement.into_iter().collect();
    sent.push((None, RollupRecord::encode_marker(stage.rules(), &announcements)));
    (rows, sent, sides)
}

#[test]
fn in_every_row_and_partial() {
    let topology = Topology::load(None).unwrap();
    let sides = SideTopics {
        partials: ("partials".to_owned(), NonZeroU32::MIN),
        dead_letters: "letters".to_owned(),
        late: "late".to_owned(),
        recommendations: "recommendations".to_owned(),
    };
    let rules = i64::from(topology.rules);
    let source = topology.source("cmcd").unwrap();
    let sessions = SessionStage::new(source_plans(&topology).unwrap(), sides, rules);
    let edges = RollupStage {
        partials: "partials".to_owned(),
        state_topic: "state".to_owned(),
        dead_letters: "letters".to_owned(),
        settings: RollupSettings { window_ms: topology.window_ms, max_skew_ms: 1_800_000, rules },
        compat: None,
    };
    seeds(RUNS).for_each(|seed| {
        let mut dice = Dice::new(seed);
        let sent = reports(&mut dice);
        let once = read(&sessions, &source.topic, &sent, || 0);
        assert!(
            once.0.len() > 10 && once.1.len() > 5 && once.2.len() == 1,
            "{} {} {}",
            once.0.len(),
            once.1.len(),
            once.2.len()
        );
        let mut again = || if dice.percent(10) { dice.below(9) } else { 0 };
        assert_eq!(read(&sessions, &source.topic, &sent, &mut again), once, "seed {seed}");
        let edge_rows = read(&edges, "partials", &once.1, || 0).0;
        assert!(edge_rows.len() > 5, "{}", edge_rows.len());
        assert_eq!(read(&edges, "partials", &once.1, &mut again).0, edge_rows, "seed {seed}");
    });
}
