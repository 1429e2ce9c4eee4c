//! What WebRTC windows yield depends on the set of their reports alone: taken in any order, they give the same rows, partials with the same
//! bytes, and the same carries, also where caps leave something out. And however time is cut into windows, their sums are the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/webrtc.rs"]
mod webrtc;

use proptest::prelude::*;
use streamgauge::aggregate::Caps;
use streamgauge::model::webrtc::Member::*;
use streamgauge::model::webrtc::ObjectType::*;
use streamgauge::model::webrtc::{Member, Object, Report, Text};
use webrtc::{CAPS, Run, START_MS, edge_bytes, object, pair, report, stats};

const TIGHT: Caps = Caps { sessions: 2, rollup_keys: 1, facts: 3 };

/// A report as the dice make it: few values of each, so that ties, copies, resets and gaps are frequent.
#[derive(Clone, Debug)]
struct Drawn {
    at_ms: i64,
    participant: usize,
    connection: usize,
    edge: usize,
    counter: i64,
    objects: u8,
    event: usize,
    is_clamped: bool,
}

fn drawn() -> impl Strategy<Value = Drawn> {
    let times =
        prop::sample::select(vec![0_i64, 900, 1_000, 2_500, 5_000, 9_999, 10_000, 10_001, 12_500, 19_000, 29_999]);
    (times, 0..4_usize, 0..2_usize, 0..3_usize, 0..6_i64, any::<u8>(), 0..12_usize, prop::bool::weighted(0.1)).prop_map(
        |(at_ms, participant, connection, edge, counter, objects, event, is_clamped)| Drawn {
            at_ms,
            participant,
            connection,
            edge,
            counter,
            objects,
            event,
            is_clamped,
        },
    )
}

impl Drawn {
    fn report(&self) -> Report<'static> {
        let content = match self.event {
            0 => webrtc::event("leave", ""),
            1 => webrtc::event("iceconnectionstatechange", "checking"),
            2 => webrtc::event("iceconnectionstatechange", "connected"),
            3 => webrtc::event("create", ""),
            4 => webrtc::event("signalingstatechange", "have-local-offer"),
            _ => stats(self.objects()),
        };
        let mut made = report(self.at_ms, content);
        made.participant = ["p", "q", "r", "s"][self.participant].into();
        made.connection = ["PC_0", "PC_1"][self.connection].into();
        made.edge = Some(["fra", "sin", "lhr"][self.edge].into());
        made
    }

    fn objects(&self) -> Vec<Object<'static>> {
        let (many, few) = (self.counter * 1_000 + self.at_ms / 10, self.counter);
        let mut far = object(
            RemoteInboundRtp,
            "R",
            "audio",
            &[(PacketsLost, few), (FractionLost, 7), (TotalRoundTripTime, many), (RoundTripTimeMeasurements, few)],
        );
        far.time_us = Some((START_MS + self.at_ms - 700 * few) * 1000);
        let mut path = pair("P", &[(TotalRoundTripTime, many), (ResponsesReceived, few), (CurrentRoundTripTime, 9)]);
        path.texts.push((Text::LocalCandidateId, "L".into()));
        let all = [
            object(InboundRtp, "A", "audio", &[(PacketsReceived, many), (PacketsLost, few), (BytesReceived, many)]),
            object(
                InboundRtp,
                "V",
                "video",
                &[
                    (FramesDecoded, many),
                    (FreezeCount, few),
                    (TotalFreezesDuration, few * 900_000),
                    (BytesReceived, many),
                ],
            ),
            object(
                OutboundRtp,
                "O",
                "video",
                &[(BytesSent, many), (FramesEncoded, few), (FrameHeight, 90), (FrameWidth, 160)],
            ),
            far,
            path,
            object(Transport, "T", "", &[(BytesReceived, many), (SelectedCandidatePairChanges, few)]),
        ];
        let kept = all.into_iter().enumerate().filter(|(place, _)| self.objects >> place & 1 == 1);
        kept.map(|(_, object)| object).collect()
    }
}

/// All that reports lead to.
fn outcome(reports: &[Drawn], caps: Caps) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut run = Run::with_caps(10_000, caps);
    for one in reports {
        run.push_at(&one.report(), START_MS + one.at_ms, one.is_clamped);
    }
    let (windows, carries) = run.closed();
    let windows: Vec<_> = windows
        .iter()
        .map(|(start, closed)| {
            let edges: Vec<_> = closed.edges.iter().map(|(key, totals)| (key.clone(), edge_bytes(totals))).collect();
            (*start, closed.rows.clone(), edges)
        })
        .collect();
    (windows, carries.clone())
}

proptest! {
    #[test]
    fn any_order_gives_the_same(
        (reports, shuffled) in prop::collection::vec(drawn(), 1..40)
            .prop_flat_map(|reports| (Just(reports.clone()), Just(reports).prop_shuffle())),
        is_tight in any::<bool>(),
    ) {
        let caps = if is_tight { TIGHT } else { CAPS };
        prop_assert_eq!(outcome(&reports, caps), outcome(&shuffled, caps));
    }

    /// Steady reports of growing counters, cut into windows of several lengths.
    #[test]
    fn the_sums_over_windows_are_those_of_the_whole(
        grown in prop::collection::vec((0..900_i64, 0..5_000_i64, 0..3_i64, 0..2_000_i64), 2..25),
        every_ms in 700..4_000_i64,
    ) {
        let names = [
            "video_in_bytes", "bytes", "video_in_frames_decoded_count", "video_in_packets_lost_count", "video_in_covered_us",
            "video_in_freezes_count", "video_in_freeze_us", "stall_ms", "stall_count", "video_in_inter_frame_us_sum", "records_count",
        ];
        let (mut frames, mut bytes, mut freezes, mut frozen_us) = (0, 0, 0, 0);
        let mut reports = Vec::new();
        for (number, (more_frames, more_bytes, more_freezes, more_frozen_ms)) in (0..).zip(&grown) {
            (frames, bytes) = (frames + more_frames, bytes + more_bytes);
            if *more_freezes > 0 {
                (freezes, frozen_us) = (freezes + more_freezes, frozen_us + more_frozen_ms * 1000);
            }
            let numbers = [
                (BytesReceived, bytes),
                (FramesDecoded, frames),
                (PacketsLost, frames / 7),
                (FreezeCount, freezes),
                (TotalFreezesDuration, frozen_us),
                (TotalInterFrameDelay, frames * 33),
            ];
            reports.push(report(number * every_ms, stats([object(InboundRtp, "V", "video", &numbers)])));
        }
        let (first, last) = (&grown[0], grown.len() as i64 - 1);
        let expected = [
            bytes - first.1, bytes - first.1, frames - first.0, frames / 7 - first.0 / 7, last * every_ms * 1000,
        ];
        let mut whole = None;
        for length_ms in [5_000, 10_000, 30_000, 600_000] {
            let mut run = Run::new(length_ms);
            reports.iter().for_each(|one| { run.push(one); });
            let starts: Vec<i64> = run.closed().0.keys().copied().collect();
            let sums = names.map(|name| starts.iter().map(|start| run.window(*start).get(name)).sum::<i64>());
            prop_assert_eq!(&sums[..5], &expected);
            prop_assert_eq!(sums, run.finish().all(names), "of the session");
            prop_assert_eq!(*whole.get_or_insert(sums), sums, "{} ms", length_ms);
        }
    }

    /// Numbers and times that make no sense cost only their own measurements.
    #[test]
    fn nothing_overflows(
        numbers in prop::collection::vec((prop::sample::select(Member::ALL), any::<i64>(), any::<i64>()), 1..60),
        times in prop::collection::vec((any::<i64>(), 0..30_000_i64, any::<bool>()), 1..6),
    ) {
        let mut run = Run::new(10_000);
        for (place, (time_us, at_ms, is_clamped)) in times.iter().enumerate() {
            let numbers = numbers.iter().map(|(member, first, second)| (*member, if place % 2 == 0 { *first } else { *second }));
            let mut numbers: Vec<_> = numbers.collect();
            numbers.sort();
            numbers.dedup_by_key(|(member, _)| *member);
            let types = [InboundRtp, OutboundRtp, RemoteInboundRtp, RemoteOutboundRtp, MediaSource, MediaPlayout, Transport, CandidatePair];
            let kinds = ["audio", "video"].into_iter().flat_map(|kind| types.map(|object_type| (object_type, kind)));
            let objects = kinds.map(|(object_type, kind)| {
                let mut one = object(object_type, &format!("{object_type:?}{kind}"), kind, &numbers);
                one.time_us = Some(*time_us);
                one
            });
            let mut made = report(*at_ms, stats(objects));
            made.interval_ms = Some(time_us.wrapping_mul(7));
            run.push_at(&made, START_MS + at_ms, *is_clamped);
        }
        run.finish();
    }
}
