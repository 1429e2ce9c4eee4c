//! What a window yields depends on the set of its records alone: read in any order, they give the same rows, tags and time stamps, and
//! partials with the same bytes. Also where the caps leave something out, and also for the merge of partials.
//!
//! `STREAMGAUGE_TEST_CASES` says how many random windows there are; a failure names its seed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;

use streamgauge::aggregate::Caps;
use streamgauge::aggregate::rollup::{EdgeKey, EdgeWindow, Partial};
use streamgauge::decode::cmcd::{Carriers, ColumnPlan};
use streamgauge::engine::Rules;
use streamgauge::fold::{Clock, ClosedSource, Decoding, SourceFold, SourceSettings};
use streamgauge::model::Boundary;
use streamgauge::model::bytes::Writer;
use streamgauge::model::record::header;
use streamgauge::replay::dump::DumpRecord;
use streamgauge::simulate::CLOUDFRONT_FIELDS;

use support::records::{Build, LogLine, body, query, tick};
use support::{Dice, PlainRow, plain_rows, seeds};

const WINDOWS: u64 = 500;
/// Orders tried for each window.
const ORDERS: usize = 4;
const START_MS: i64 = 1_767_600_000_000;
const WINDOW_MS: i64 = 10_000;
/// Everything is appended at once, some time after the window's end.
const APPEND_MS: i64 = START_MS + 14_000;

const ROOMY: Caps = Caps { sessions: 1_000, rollup_keys: 1_000, facts: 64 };
const TIGHT: Caps = Caps { sessions: 5, rollup_keys: 3, facts: 2 };

/// A payload that is as likely to hold a key as not; few values of each, so that ties are frequent.
fn payload(dice: &mut Dice, session: &str) -> String {
    let mut members = Vec::new();
    let mut maybe = |dice: &mut Dice, choices: &[&str]| {
        if dice.percent(60) {
            members.push(dice.pick(choices).to_owned());
        }
    };
    maybe(dice, &["ot=v", "ot=a", "ot=av", "ot=m", "ot=i"]);
    maybe(dice, &["br=3000", "br=800", "br=(3000;v 128;a),v=2", "br=0"]);
    maybe(dice, &["tb=3000", "tb=3001", "tb=6000"]);
    maybe(dice, &["d=2000", "d=4000", "d=4004", "d=-1"]);
    maybe(dice, &["bl=0", "bl=700", "bl=12000", "bl=3993.83"]);
    maybe(dice, &["mtp=0", "mtp=2500", "mtp=98700", "mtp=99999999999"]);
    maybe(dice, &["dl=50", "dl=9000"]);
    maybe(dice, &["su", "su=?0"]);
    maybe(dice, &["bs", "bs", "bs=?0"]);
    maybe(dice, &["cid=\"a\"", "cid=\"b\"", "cid=\"c\""]);
    maybe(dice, &["sf=d", "sf=h", "sf=nonsense"]);
    maybe(dice, &["st=v", "st=l"]);
    maybe(dice, &["sta=s", "sta=p", "sta=r", "sta=q"]);
    maybe(dice, &["bsa=(1;v 2;a)", "bsda=300", "bsd=(20)", "dfa=7", "dfa=9"]);
    maybe(dice, &["ec=(\"a\" \"b\")", "msd=700", "msd=900", "bg", "nr"]);
    members.push(format!("sid=\"{session}\""));
    dice.shuffle(&mut members);
    members.join(",")
}

fn random_record(dice: &mut Dice, number: usize) -> DumpRecord {
    const TIMES: [i64; 4] = [0, 500, 2_501, 9_999];
    let session = dice.pick(&["s-1", "s-2", "s-3", "s-4", "s-5", "s-6", "s-7", "s-8", "s-9"]);
    let edge = dice.pick(&["FRA", "LHR", "SIN", "other", "unknown"]);
    let time_ms = START_MS + dice.pick(&TIMES);
    let payload = payload(dice, session);
    let request_id = format!("request-{number}");
    let record = match dice.below(4) {
        0 => query(&payload).with(header::RECEIVED_MS, &time_ms.to_string()).with(header::EDGE, edge),
        1 => {
            let first = format!("{payload},e=rr,rc={},sn={number},ts={time_ms},v=2", dice.pick(&[0, 200, 404, 500]));
            let second = format!("{payload},e=ps,sta=p,ts={time_ms},v=2");
            body(&[&first, &second]).with(header::EDGE, edge)
        }
        _ => {
            let line = LogLine {
                start_ms: time_ms,
                taken_ms: dice.pick(&[0, 12, 80, 4_100]),
                ttfb_ms: dice.pick(&[0, 3, 60, 70_000]),
                status: dice.pick(&["200", "206", "404", "503", "000"]),
                bytes: dice.pick(&[0, 1_000, 5_000_000_000]),
                edge,
                request_id: dice.pick(&["-", "-", &request_id]),
                result: dice.pick(&["Hit", "Miss", "-", "OriginShieldHit"]),
                payload: dice.pick(&[&payload, &payload, &payload, ""]),
            };
            line.record()
        }
    };
    let record = if dice.percent(90) { record.keyed(session) } else { record };
    let tenant = dice.pick(&["", "red", "blue"]);
    let record = if tenant.is_empty() { record } else { record.with(header::TENANT, tenant) };
    record.appended(APPEND_MS)
}

/// The records of one window; some of them twice.
fn random_window(dice: &mut Dice) -> Vec<DumpRecord> {
    let mut records: Vec<DumpRecord> = (0..1 + dice.below(60)).map(|number| random_record(dice, number)).collect();
    let again: Vec<DumpRecord> = records.iter().filter(|_| dice.percent(10)).cloned().collect();
    records.extend(again);
    records
}

fn settings(caps: Caps) -> SourceSettings {
    SourceSettings {
        source: "test".to_owned(),
        cdn: "cdn".to_owned(),
        clock: Clock::Player,
        // Long enough that no own time is out of bounds.
        rules: Rules { window_ms: WINDOW_MS, grace_ms: 30_000, disorder_bound_ms: 0 },
        max_delay_ms: 0,
        deduplicate: true,
        caps,
    }
}

/// All that the records of one window lead to.
struct Closed {
    window: ClosedSource,
    /// The last rows of its sessions, and their part of edge rows.
    later: Vec<ClosedSource>,
    /// Keys and values of what is saved of its sessions.
    carries: Vec<(Vec<u8>, Option<Vec<u8>>)>,
}

fn closed(records: &[DumpRecord], caps: Caps) -> Closed {
    let columns = ColumnPlan::new(&CLOUDFRONT_FIELDS).unwrap();
    let decoding = Decoding::Cmcd(Arc::new(Carriers::mixed(Some(columns), [])));
    let mut fold = decoding.afresh(settings(caps), 3, 0);
    let ticks = [tick().appended(APPEND_MS + 30_000), tick().appended(APPEND_MS + 10_000_000)];
    let mut offsets = 0..;
    let mut push = |fold: &mut dyn SourceFold, record: &DumpRecord| {
        let record = DumpRecord { offset: offsets.next().unwrap(), ..record.clone() };
        assert_eq!(fold.push(&record.as_record()), None, "{record:?}");
    };
    records.iter().for_each(|record| push(&mut *fold, record));
    push(&mut *fold, &ticks[0]);
    let window = fold.close_next().expect("the window is final");
    assert_eq!(window.end, Boundary::from_millis(START_MS + WINDOW_MS));
    assert!(fold.close_next().is_none(), "all records lie in one window");
    fold.acknowledge(window.end);
    let point = fold.commit_point();
    let saved = fold.carries().changes(point.frontier).map(|one| (one.key().to_vec(), one.value().map(<[u8]>::to_vec)));
    let carries = saved.collect();
    push(&mut *fold, &ticks[1]);
    let later = std::iter::from_fn(|| fold.close_next()).collect();
    Closed { window, later, carries }
}

fn partial_bytes(window: &ClosedSource) -> Vec<(EdgeKey, Vec<u8>)> {
    let encoded = window.edges.iter().map(|(key, totals)| {
        let mut out = Writer::default();
        totals.encode(&mut out);
        (key.clone(), out.into_bytes())
    });
    encoded.collect()
}

fn any_order_gives_the_same(caps: Caps) {
    for seed in seeds(WINDOWS) {
        let mut dice = Dice::new(seed);
        let mut records = random_window(&mut dice);
        let expected = closed(&records, caps);
        for _ in 0..ORDERS {
            dice.shuffle(&mut records);
            let other = closed(&records, caps);
            assert_same(&other.window, &expected.window, || format!("seed {seed}, {caps:?}"));
            assert_eq!(other.carries, expected.carries, "seed {seed}, {caps:?}: carries");
            assert_eq!(other.later.len(), expected.later.len());
            for (other, expected) in other.later.iter().zip(&expected.later) {
                assert_same(other, expected, || format!("seed {seed}, {caps:?}, later"));
            }
        }
    }
}

fn assert_same(found: &ClosedSource, expected: &ClosedSource, story: impl Fn() -> String) {
    assert_eq!(found.end, expected.end, "{}", story());
    assert_eq!(plain_rows(&found.rows), plain_rows(&expected.rows), "{}: session rows", story());
    assert_eq!(partial_bytes(found), partial_bytes(expected), "{}: partials", story());
}

#[test]
fn any_order_gives_the_same_rows_and_partials() {
    any_order_gives_the_same(ROOMY);
}

#[test]
fn what_the_caps_leave_out_does_not_depend_on_order() {
    any_order_gives_the_same(TIGHT);
}

#[test]
fn partials_merge_alike_in_any_order() {
    for seed in seeds(WINDOWS) {
        let mut dice = Dice::new(seed);
        let parts: Vec<ClosedSource> = (0..4).map(|_| closed(&random_window(&mut dice), ROOMY).window).collect();
        let mut partials: Vec<Partial> = parts.iter().flat_map(as_partials).collect();
        let expected = merged(&partials);
        for _ in 0..ORDERS {
            dice.shuffle(&mut partials);
            assert_eq!(merged(&partials), expected, "seed {seed}");
        }
    }
}

fn as_partials(window: &ClosedSource) -> Vec<Partial> {
    let end = Boundary::from_millis(START_MS + WINDOW_MS);
    let partials =
        window.edges.iter().map(|(key, totals)| Partial { key: key.clone(), end, epoch: 0, totals: totals.clone() });
    partials.collect()
}

fn merged(partials: &[Partial]) -> Vec<PlainRow> {
    let mut window = EdgeWindow::default();
    for partial in partials {
        window.absorb(partial.clone());
    }
    plain_rows(&window.close(Boundary::from_millis(START_MS), WINDOW_MS))
}
