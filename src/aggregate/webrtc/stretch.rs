//! What grew between two samples of a series, and what was seen at each.

use super::found::Codec;
use super::layout::{Class, Extra, Layout};
use super::measure::Measure;
use super::sample::Sample;
use super::totals::Totals;
use crate::model::webrtc::Member;

/// The measurements that a series adds to.
pub(super) struct Stretch<'t> {
    pub(super) class: Class,
    pub(super) totals: &'t mut Totals,
}

/// Two samples of an epoch.
#[derive(Clone, Copy)]
struct Pair<'s> {
    from: &'s Sample,
    to: &'s Sample,
    /// Whether the earlier one was computed: then what grew can be a little below 0, and the sum is right.
    is_virtual: bool,
}

impl Pair<'_> {
    /// How much a value grew. What falls without being a reset (packets lost that came after all) grew by nothing.
    fn grown(&self, place: usize) -> Option<i64> {
        let grown = self.to.get(place)?.saturating_sub(self.from.get(place)?);
        Some(if self.is_virtual { grown } else { grown.max(0) })
    }
}

impl Stretch<'_> {
    /// Adds what grew. `is_virtual`: the earlier sample was computed at a boundary.
    pub(super) fn grow(&mut self, from: &Sample, to: &Sample, is_virtual: bool) {
        let layout = self.class.layout();
        let pair = Pair { from, to, is_virtual };
        for (place, sum) in &layout.deltas {
            if let Some(grown) = pair.grown(*place) {
                self.totals.add(*sum, grown);
            }
        }
        for (place, over, sum, count) in &layout.ratios {
            if let (Some(grown), Some(over)) = (pair.grown(*place), pair.grown(*over)) {
                self.totals.add(*sum, grown);
                self.totals.add(*count, over);
            }
        }
        let covered_us = to.device_us.saturating_sub(from.device_us);
        match self.class {
            Class::AudioIn => self.grow_audio_in(layout, pair, covered_us),
            Class::VideoIn => self.grow_video_in(layout, pair, covered_us),
            Class::AudioOut => self.totals.add(Measure::AudioOutCoveredUs, covered_us),
            Class::VideoOut => self.grow_video_out(layout, pair, covered_us),
            Class::VideoSource => self.totals.add(Measure::VideoSourceCoveredUs, covered_us),
            Class::AudioOutRemote | Class::VideoOutRemote => self.grow_remote(layout, pair),
            Class::InRemote => self.grow_rtt(layout, pair),
            Class::Pair => self.grow_ice(layout, pair),
            _ => {}
        }
    }

    /// Notes what is seen at a sample that was not seen before; `from` is the one before it, in the same epoch.
    pub(super) fn observe(&mut self, from: Option<&Sample>, sample: &Sample) {
        let layout = self.class.layout();
        for (place, [sum, count, max]) in &layout.gauges {
            if let Some(value) = sample.get(*place) {
                self.totals.extreme(*max, value);
                self.totals.add(*sum, value);
                self.totals.add(*count, 1);
            }
        }
        let member = |member| sample.get(layout.member(member));
        match self.class {
            Class::AudioOutRemote | Class::VideoOutRemote => self.observe_remote(layout, from, sample),
            Class::InRemote => self.observe_rtt(layout, from, sample),
            Class::Pair if sample.get(layout.extra(Extra::Path)).is_some() => {
                for (value, min, sum, count) in [
                    (
                        member(Member::AvailableOutgoingBitrate),
                        Measure::AvailableOutMin,
                        Measure::AvailableOut,
                        Measure::AvailableOutCount,
                    ),
                    (
                        member(Member::AvailableIncomingBitrate),
                        Measure::AvailableInMin,
                        Measure::AvailableIn,
                        Measure::AvailableInCount,
                    ),
                ] {
                    if let Some(value) = value {
                        self.totals.extreme(min, value);
                        self.add(&[(sum, value), (count, 1)]);
                    }
                }
                if let Some(rtt_us) = seen_rtt(layout, from, sample) {
                    self.add_ice_rtt(rtt_us, 1);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, amounts: &[(Measure, i64)]) {
        amounts.iter().for_each(|(measure, amount)| self.totals.add(*measure, *amount));
    }

    fn grow_audio_in(&mut self, layout: &Layout, pair: Pair<'_>, covered_us: i64) {
        self.totals.add(Measure::AudioInCoveredUs, covered_us);
        if pair.grown(layout.member(Member::BytesReceived)) == Some(0) {
            self.totals.add(Measure::AudioInDryUs, covered_us);
        }
    }

    fn grow_video_in(&mut self, layout: &Layout, pair: Pair<'_>, covered_us: i64) {
        self.totals.add(Measure::VideoInCoveredUs, covered_us);
        let bytes = pair.grown(layout.member(Member::BytesReceived));
        let frames = pair.grown(layout.member(Member::FramesDecoded));
        match (bytes, frames) {
            (Some(0), _) => self.totals.add(Measure::VideoInDryUs, covered_us),
            (Some(_), Some(0)) => self.totals.add(Measure::VideoInStuckUs, covered_us),
            _ => {}
        }
        self.grow_size(layout, pair, bytes, frames, [Measure::VideoInSizedBytes, Measure::VideoInPixels]);
        self.grow_quantiser(layout, pair, frames, |codec| match codec {
            Codec::Vp8 => Some([Measure::VideoInQpVp8, Measure::VideoInQpVp8Count]),
            Codec::Vp9 => Some([Measure::VideoInQpVp9, Measure::VideoInQpVp9Count]),
            Codec::H264 => Some([Measure::VideoInQpH264, Measure::VideoInQpH264Count]),
            Codec::Av1 => Some([Measure::VideoInQpAv1, Measure::VideoInQpAv1Count]),
            _ => None,
        });
    }

    fn grow_video_out(&mut self, layout: &Layout, pair: Pair<'_>, covered_us: i64) {
        let bytes = pair.grown(layout.member(Member::BytesSent));
        let frames = pair.grown(layout.member(Member::FramesEncoded));
        if bytes != Some(0) {
            self.totals.add(Measure::VideoOutCoveredUs, covered_us);
        }
        self.grow_size(layout, pair, bytes, frames, [Measure::VideoOutSizedBytes, Measure::VideoOutPixels]);
        self.grow_quantiser(layout, pair, frames, |codec| match codec {
            Codec::Vp8 => Some([Measure::VideoOutQpVp8, Measure::VideoOutQpVp8Count]),
            Codec::Vp9 => Some([Measure::VideoOutQpVp9, Measure::VideoOutQpVp9Count]),
            Codec::H264 => Some([Measure::VideoOutQpH264, Measure::VideoOutQpH264Count]),
            Codec::Av1 => Some([Measure::VideoOutQpAv1, Measure::VideoOutQpAv1Count]),
            _ => None,
        });
    }

    /// The size of the later sample stands for all frames since the earlier one.
    fn grow_size(
        &mut self,
        layout: &Layout,
        pair: Pair<'_>,
        bytes: Option<i64>,
        frames: Option<i64>,
        [sized, pixels]: [Measure; 2],
    ) {
        let size = |member| pair.to.get(layout.member(member)).filter(|size| *size > 0);
        let (Some(width), Some(height)) = (size(Member::FrameWidth), size(Member::FrameHeight)) else { return };
        let (Some(bytes), Some(frames)) = (bytes, frames) else { return };
        self.add(&[(sized, bytes), (pixels, width.saturating_mul(height).saturating_mul(frames))]);
    }

    /// Only between samples of the same codec: their quantisers have different scales.
    fn grow_quantiser(
        &mut self,
        layout: &Layout,
        pair: Pair<'_>,
        frames: Option<i64>,
        measures: impl Fn(Codec) -> Option<[Measure; 2]>,
    ) {
        let codec = |sample: &Sample| sample.get(layout.extra(Extra::Codec)).and_then(Codec::numbered);
        let (from, to) = (codec(pair.from), codec(pair.to));
        let Some([sum, count]) = to.filter(|_| from == to).and_then(measures) else { return };
        if let (Some(quantiser), Some(frames)) = (pair.grown(layout.member(Member::QpSum)), frames) {
            self.add(&[(sum, quantiser), (count, frames)]);
        }
    }

    fn grow_remote(&mut self, layout: &Layout, pair: Pair<'_>) {
        self.grow_rtt(layout, pair);
        let Some(lost) = pair.grown(layout.member(Member::PacketsLost)) else { return };
        let received = pair.grown(layout.member(Member::PacketsReceived));
        let all = received.map(|received| received.saturating_add(lost));
        let Some(all) = all.or_else(|| pair.grown(layout.extra(Extra::PacketsSent))) else { return };
        let [lost_sum, all_sum] = match self.class {
            Class::AudioOutRemote => [Measure::AudioOutRemoteLost, Measure::AudioOutRemotePackets],
            _ => [Measure::VideoOutRemoteLost, Measure::VideoOutRemotePackets],
        };
        self.add(&[(lost_sum, lost), (all_sum, all)]);
    }

    fn observe_remote(&mut self, layout: &Layout, from: Option<&Sample>, sample: &Sample) {
        self.observe_rtt(layout, from, sample);
        let [jitter, jitter_count, fraction, fraction_count] = match self.class {
            Class::AudioOutRemote => [
                Measure::AudioOutRemoteJitter,
                Measure::AudioOutRemoteJitterCount,
                Measure::AudioOutFractionLost,
                Measure::AudioOutFractionLostCount,
            ],
            _ => [
                Measure::VideoOutRemoteJitter,
                Measure::VideoOutRemoteJitterCount,
                Measure::VideoOutFractionLost,
                Measure::VideoOutFractionLostCount,
            ],
        };
        if let Some(value) = sample.get(layout.member(Member::Jitter)) {
            self.add(&[(jitter, value), (jitter_count, 1)]);
        }
        let counts = [layout.member(Member::PacketsReceived), layout.extra(Extra::PacketsSent)];
        let is_counted = sample.get(layout.member(Member::PacketsLost)).is_some()
            && counts.iter().any(|place| sample.get(*place).is_some());
        if let Some(value) = sample.get(layout.member(Member::FractionLost)).filter(|_| !is_counted) {
            self.add(&[(fraction, value), (fraction_count, 1)]);
        }
    }

    fn grow_rtt(&mut self, layout: &Layout, pair: Pair<'_>) {
        if let Some((sum_us, count)) = grown_rtt(layout, pair) {
            self.add_rtt(sum_us, count);
        }
    }

    fn observe_rtt(&mut self, layout: &Layout, from: Option<&Sample>, sample: &Sample) {
        if let Some(rtt_us) = seen_rtt(layout, from, sample) {
            self.add_rtt(rtt_us, 1);
        }
    }

    fn add_rtt(&mut self, sum_us: i64, count: i64) {
        self.totals.extreme(Measure::RttMax, sum_us / count.max(1));
        self.add(&[(Measure::Rtt, sum_us), (Measure::RttCount, count)]);
    }

    fn grow_ice(&mut self, layout: &Layout, pair: Pair<'_>) {
        if pair.to.get(layout.extra(Extra::Path)).is_none() {
            return;
        }
        if let Some((sum_us, count)) = grown_rtt(layout, pair) {
            self.add_ice_rtt(sum_us, count);
        }
    }

    pub(super) fn add_ice_rtt(&mut self, sum_us: i64, count: i64) {
        self.totals.extreme(Measure::IceRttMax, sum_us / count.max(1));
        self.add(&[(Measure::IceRtt, sum_us), (Measure::IceRttCount, count)]);
    }
}

/// Where round trips are counted, and where the last of them is.
fn rtt_places(layout: &Layout) -> [usize; 3] {
    let counts = [Member::RoundTripTimeMeasurements, Member::ResponsesReceived].map(|member| layout.member(member));
    let values = [Member::RoundTripTime, Member::CurrentRoundTripTime].map(|member| layout.member(member));
    [layout.member(Member::TotalRoundTripTime), counts[0].min(counts[1]), values[0].min(values[1])]
}

/// The sum and number of the round trips that came.
fn grown_rtt(layout: &Layout, pair: Pair<'_>) -> Option<(i64, i64)> {
    let [total, count, _] = rtt_places(layout);
    let (total, count) = (pair.grown(total)?, pair.grown(count)?);
    (count > 0).then_some((total, count))
}

/// The last round trip, where none are counted: at the first sample, or always.
fn seen_rtt(layout: &Layout, from: Option<&Sample>, sample: &Sample) -> Option<i64> {
    let [total, count, value] = rtt_places(layout);
    let is_counted = |one: &Sample| one.get(total).is_some() && one.get(count).is_some();
    if is_counted(sample) && from.is_some_and(is_counted) {
        return None;
    }
    sample.get(value)
}

/// The latest round trip of a sample of the path in use, microseconds.
pub(super) fn latest_ice_rtt(sample: &Sample) -> Option<i64> {
    let layout = Class::Pair.layout();
    sample.get(layout.extra(Extra::Path))?;
    sample.get(layout.member(Member::CurrentRoundTripTime))
}
